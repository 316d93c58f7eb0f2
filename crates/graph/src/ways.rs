//! How many ways in force lead accounts to one resource, as sets.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::adjacency::Bits;
use crate::graph::Origin;
use crate::{AccountIx, Graph, GroupIx, PathKind, ResourceIx};

/// Accounts by their paths in force to one resource.
pub(crate) struct Ways<'g> {
    graph: &'g Graph,
    implicit: bool,
    /// Groups whose assignment is in force.
    groups: Vec<GroupIx>,
    /// Those with a path that is their own and no group's.
    own: Bits,
    /// Those with one path at least, and those with two.
    once: Bits,
    twice: Bits,
}

/// What an assignment that is in force says about a path.
#[derive(Clone, Copy)]
enum Says {
    /// It is a path.
    Path,
    /// It is one for those who are in no group.
    ThroughAny,
    /// It is one for those who are not in the group at this place.
    Through(usize),
    Nothing,
}

impl<'g> Ways<'g> {
    pub(crate) fn to(graph: &'g Graph, resource: ResourceIx) -> Self {
        let empty = || Bits::new(graph.accounts.len());
        let assigned = graph.group_assignments.of_resource(resource).iter();
        let groups = assigned.filter(|edge| edge.in_force).map(|edge| GroupIx(edge.group)).collect();
        let mut ways = Self {
            graph,
            implicit: graph.is_implicit(resource),
            groups,
            own: empty(),
            once: empty(),
            twice: empty(),
        };
        for at in 0..ways.groups.len() {
            let group = ways.groups[at];
            for &account in graph.memberships.of_group(group) {
                ways.add(account);
            }
            if graph.group(group).everyone {
                ways.add_present();
            }
        }
        ways.add_own(resource);
        if ways.implicit {
            ways.add_present();
        }
        ways
    }

    /// How many accounts that can sign in have a path of this kind and no other, this account left aside.
    pub(crate) fn only_by(&self, kind: &PathKind, except: AccountIx) -> u64 {
        let is_sole = |account: u32| {
            account != except.0
                && self.once.contains(account)
                && !self.twice.contains(account)
                && self.graph.able.contains(account)
        };
        let present = || self.graph.present.iter().filter(|&account| is_sole(account)).count() as u64;
        match kind {
            PathKind::ThroughGroup { group } if self.groups.contains(group) => {
                let members = self.graph.memberships.of_group(*group).iter();
                let everyone = if self.graph.group(*group).everyone { present() } else { 0 };
                members.filter(|account| is_sole(**account)).count() as u64 + everyone
            }
            PathKind::Implicit if self.implicit => present(),
            _ => 0,
        }
    }

    /// How many accounts that can sign in have paths, all of which are through these groups or, if that is asked,
    /// implicit; this account left aside.
    pub(crate) fn all_by(&self, through: &FxHashSet<GroupIx>, implicit: bool, except: AccountIx) -> u64 {
        let mut others = self.own.clone();
        for group in self.groups.iter().filter(|group| !through.contains(group)) {
            self.collect(*group, &mut others);
        }
        if self.implicit && !implicit {
            others.union_with(&self.graph.present);
        }
        let mut found = self.once.clone();
        found.subtract(&others);
        found.intersect_with(&self.graph.able);
        found.count() - u64::from(found.contains(except.0))
    }

    fn collect(&self, group: GroupIx, into: &mut Bits) {
        if self.graph.group(group).everyone {
            into.union_with(&self.graph.present);
        }
        for &account in self.graph.memberships.of_group(group) {
            into.insert(account);
        }
    }

    fn add(&mut self, account: u32) {
        if self.once.contains(account) {
            self.twice.insert(account);
        } else {
            self.once.insert(account);
        }
    }

    fn add_present(&mut self) {
        let mut again = self.once.clone();
        again.intersect_with(&self.graph.present);
        self.twice.union_with(&again);
        self.once.union_with(&self.graph.present);
    }

    /// Adds the accounts' own assignments; those that a group explains are no further path.
    fn add_own(&mut self, resource: ResourceIx) {
        let graph = self.graph;
        let in_a_group = self.once.clone();
        let mut said: FxHashMap<u32, Says> = FxHashMap::default();
        // Both are in the order of the accounts: how far each group's members were passed.
        let mut passed = vec![0_usize; self.groups.len()];
        for at in graph.assignments.by_resource.range(resource.0) {
            let account = graph.assignments.accounts[at];
            let kind = graph.assignments.kinds[at];
            let says = *said.entry(kind).or_insert_with(|| self.says(kind));
            let explained = match says {
                Says::Nothing => true,
                Says::Path => false,
                Says::ThroughAny => in_a_group.contains(account),
                Says::Through(place) => {
                    let group = self.groups[place];
                    let members = graph.memberships.of_group(group);
                    while members.get(passed[place]).is_some_and(|&member| member < account) {
                        passed[place] += 1;
                    }
                    members.get(passed[place]) == Some(&account)
                        || graph.group(group).everyone && graph.present.contains(account)
                }
            };
            if !explained {
                self.own.insert(account);
                self.add(account);
            }
        }
    }

    fn says(&self, kind: u32) -> Says {
        let kind = &self.graph.assignments.kind_table[kind as usize];
        match &kind.origin {
            _ if !kind.in_force => Says::Nothing,
            Origin::Direct | Origin::Unknown(_) => Says::Path,
            Origin::Group(None) => Says::ThroughAny,
            Origin::Group(Some(id)) => {
                let place = self.groups.iter().position(|group| self.graph.group(*group).id == **id);
                place.map_or(Says::Path, Says::Through)
            }
        }
    }
}
