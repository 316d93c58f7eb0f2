//! Who reaches a resource, what an account reaches, and by which paths.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sightline_core::{AccountStatus, Observed, ResourceStatus, Time};

use crate::graph::{AssignmentKind, GroupAssignment, Member, Origin};
use crate::{AccountIx, Graph, GroupIx, ResourceIx};

/// An account has at least one path to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who.
    pub account: AccountIx,
    /// What.
    pub resource: ResourceIx,
    /// Every known path: direct first, then groups by priority; never empty. Accounts with the same ones share them.
    pub paths: Arc<[Path]>,
    /// Why none of the paths works today; none when the account can reach the resource.
    pub blocked: Option<Block>,
    /// Since when the provider has the account on the resource, where it says so.
    pub since: Option<Time>,
}

impl Access {
    /// Whether the account can reach the resource today.
    pub const fn can_reach(&self) -> bool {
        self.blocked.is_none()
    }

    /// Whether every path rests on facts that could not be read again.
    pub fn is_stale(&self) -> bool {
        self.paths.iter().all(|path| path.stale)
    }
}

/// One way from an account to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// How it goes.
    pub kind: PathKind,
    /// Whether its assignment counts: the provider does not call it deprovisioned or inactive.
    pub in_force: bool,
    /// Whether a fact it rests on could not be read again since it was last seen.
    pub stale: bool,
    /// Status of its assignment in the provider's word, where it has one.
    pub assignment_status: Option<Arc<str>>,
}

/// How a path goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathKind {
    /// Assigned to the account itself.
    Direct,
    /// The account is in a group that the resource is assigned to.
    ThroughGroup {
        /// Which group.
        group: GroupIx,
    },
    /// Everyone may use the resource without an assignment.
    Implicit,
    /// The provider says that it comes through a group, but no membership and group assignment that were read explain it.
    ThroughUnseenGroup {
        /// Id of the group, where the provider names it.
        group: Option<Arc<str>>,
    },
    /// Assigned in a way that this version does not know, in the provider's word.
    UnknownOrigin {
        /// The word.
        word: Arc<str>,
    },
}

/// Why an account cannot use the paths that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Block {
    /// The account cannot sign in.
    Account(AccountStatus),
    /// The resource is switched off.
    ResourceInactive,
    /// No assignment of any path counts any more.
    AssignmentNotInForce,
}

impl Graph {
    /// Everyone who has a path to the resource, by login; those who cannot use theirs are marked.
    pub fn who(&self, resource: ResourceIx) -> Vec<Access> {
        let assigned = self.ranked(resource);
        let implicit = self.is_implicit(resource);
        // A sorted run for each group.
        let members = assigned.iter().map(|edge| self.memberships.of_group(GroupIx(edge.group)).len());
        let mut hits: Vec<u64> = Vec::with_capacity(members.sum());
        let mut for_all: Vec<u32> = Vec::new();
        for (rank, edge) in assigned.iter().enumerate() {
            let rank = rank as u32;
            let group = GroupIx(edge.group);
            if self.group(group).everyone {
                for_all.push(Through { rank, stale: false }.number());
            }
            let members = self.memberships.of_group(group).iter();
            if self.stale_groups.contains(edge.group) {
                hits.extend(members.map(|&account| {
                    let stale = self.is_stale_member(AccountIx(account), group);
                    u64::from(account) << 32 | u64::from(Through { rank, stale }.number())
                }));
            } else {
                let through = u64::from(Through { rank, stale: false }.number());
                hits.extend(members.map(|&account| u64::from(account) << 32 | through));
            }
        }
        sort_by_account(&mut hits, self.accounts.len());

        let assignments = self.assignments.by_resource.range(resource.0);
        let mut reached = Reached::new(self, resource, &assigned);
        reached.found.reserve(hits.len().max(assignments.len()));
        let mut present = (implicit || !for_all.is_empty()).then(|| self.present.iter().peekable());
        let (mut hit, mut row) = (0, assignments.start);
        let mut groups: Vec<u32> = Vec::new();
        loop {
            let next_row = if row < assignments.end { self.assignments.accounts[row] } else { u32::MAX };
            let next_hit = hits.get(hit).map_or(u32::MAX, |hit| (hit >> 32) as u32);
            let next_present =
                present.as_mut().and_then(|present| present.peek().copied()).unwrap_or(u32::MAX);
            let account = next_row.min(next_hit).min(next_present);
            if account == u32::MAX {
                break;
            }
            let first = row;
            while row < assignments.end && self.assignments.accounts[row] == account {
                row += 1;
            }
            groups.clear();
            while let Some(found) = hits.get(hit).filter(|hit| (*hit >> 32) as u32 == account) {
                groups.push((found & u64::from(u32::MAX)) as u32);
                hit += 1;
            }
            let is_present = next_present == account;
            if is_present {
                present.as_mut().and_then(Iterator::next);
                if !for_all.is_empty() {
                    groups.extend(&for_all);
                    groups.sort_unstable();
                }
            }
            reached.push(AccountIx(account), first..row, &groups, implicit && is_present);
        }
        reached.found
    }

    /// Why it is not known whether everyone may use the resource without an assignment; none where it is known.
    ///
    /// Then more accounts may reach it than [`Graph::who`] finds.
    pub fn may_be_for_everyone(&self, resource: ResourceIx) -> Option<&str> {
        match &self.resource(resource).implicit_assignment {
            Observed::Known(_) => None,
            Observed::Unknown(why) => Some(why),
        }
    }

    /// Every resource that the account has a path to, by label.
    pub fn what(&self, account: AccountIx) -> Vec<Access> {
        let mut resources: Vec<ResourceIx> =
            self.assignments.by_account.sources(account.0).iter().copied().map(ResourceIx).collect();
        for group in self.groups_of(account) {
            resources.extend(self.group_assignments.of_group(group).map(|edge| ResourceIx(edge.resource)));
        }
        if self.present.contains(account.0) {
            resources.extend(&self.implicit);
        }
        resources.sort_unstable();
        resources.dedup();
        resources.into_iter().filter_map(|resource| self.access(account, resource)).collect()
    }

    /// Whether and how the account reaches the resource; none when no path is known.
    pub fn access(&self, account: AccountIx, resource: ResourceIx) -> Option<Access> {
        let assigned = self.ranked(resource);
        let groups: Vec<u32> = assigned
            .iter()
            .enumerate()
            .filter_map(|(rank, edge)| {
                let stale = match self.membership(account, GroupIx(edge.group))? {
                    Member::Listed { seen } => self.is_stale(seen),
                    Member::Everyone => false,
                };
                Some(Through { rank: rank as u32, stale }.number())
            })
            .collect();
        let implicit = self.is_implicit(resource) && self.present.contains(account.0);
        let mut reached = Reached::new(self, resource, &assigned);
        reached.push(account, self.rows(account, resource), &groups, implicit);
        reached.found.pop()
    }

    /// Every reason why the account could not use its paths.
    pub(crate) fn blocks(&self, account: AccountIx, resource: ResourceIx, paths: &[Path]) -> Vec<Block> {
        let status = self.status(account);
        let mut blocks = Vec::new();
        if !status.can_sign_in() {
            blocks.push(Block::Account(status));
        }
        if self.resource(resource).status == ResourceStatus::Inactive {
            blocks.push(Block::ResourceInactive);
        }
        if !paths.is_empty() && !paths.iter().any(|path| path.in_force) {
            blocks.push(Block::AssignmentNotInForce);
        }
        blocks
    }

    /// The account's own assignments to the resource, as positions in the columns.
    pub(crate) fn rows(&self, account: AccountIx, resource: ResourceIx) -> Range<usize> {
        let range = self.assignments.by_resource.range(resource.0);
        let accounts = &self.assignments.accounts[range.clone()];
        let start = range.start + accounts.partition_point(|&other| other < account.0);
        let end = range.start + accounts.partition_point(|&other| other <= account.0);
        start..end
    }

    /// Whether every present account reaches the resource without an assignment.
    pub(crate) fn is_implicit(&self, resource: ResourceIx) -> bool {
        self.implicit.binary_search(&resource).is_ok()
    }

    /// The groups that the resource is assigned to, in the order that paths are told in.
    fn ranked(&self, resource: ResourceIx) -> Vec<&GroupAssignment> {
        let mut assigned: Vec<_> = self.group_assignments.of_resource(resource).iter().collect();
        assigned.sort_unstable_by_key(|edge| (edge.priority.unwrap_or(i64::MAX), edge.group));
        assigned
    }

    fn is_stale_member(&self, account: AccountIx, group: GroupIx) -> bool {
        matches!(self.membership(account, group), Some(Member::Listed { seen }) if self.is_stale(seen))
    }

    fn path_of_kind(&self, kind: &AssignmentKind, path: PathKind) -> Path {
        Path {
            kind: path,
            in_force: kind.in_force,
            stale: self.is_stale(kind.seen),
            assignment_status: kind.status.clone(),
        }
    }
}

/// A membership in a group that the resource is assigned to.
#[derive(Clone, Copy)]
struct Through {
    /// Place of the group among the others.
    rank: u32,
    /// Whether the membership could not be read again.
    stale: bool,
}

impl Through {
    /// As a number; in the order of the ranks.
    fn number(self) -> u32 {
        self.rank << 1 | u32::from(self.stale)
    }

    fn of(number: u32) -> Self {
        Self { rank: number >> 1, stale: number & 1 == 1 }
    }
}

/// Sorts by account what has the account in its upper half, and leaves the rest in its order: by counting, as a group may
/// have a hundred thousand members.
fn sort_by_account(hits: &mut Vec<u64>, accounts: usize) {
    /// Bits of the number that are looked at in one turn.
    const BITS: u32 = 11;
    if hits.is_sorted() {
        return;
    }
    let mut sorted = vec![0; hits.len()];
    let mut shift = 0;
    while accounts >> shift > 0 {
        let digit = |hit: u64| (hit >> 32 >> shift) as usize & ((1 << BITS) - 1);
        let mut places = vec![0_usize; (1 << BITS) + 1];
        for &hit in hits.iter() {
            places[digit(hit) + 1] += 1;
        }
        for at in 1..places.len() {
            places[at] += places[at - 1];
        }
        for &hit in hits.iter() {
            let place = &mut places[digit(hit)];
            sorted[*place] = hit;
            *place += 1;
        }
        std::mem::swap(hits, &mut sorted);
        shift += BITS;
    }
}

/// A list of paths, and whether one of them is in force.
struct Paths {
    paths: Arc<[Path]>,
    in_force: bool,
}

/// How many numbers make a short key, in which ones stand for those that are not there.
const FEW: usize = 4;
/// Short keys that are remembered beside the table of all.
const RECENT: usize = 64;
/// No short key: there are never so many rows.
const NO_KEY: u128 = u128::MAX;

/// Accesses to one resource while they are found.
///
/// Paths depend on the groups and on what the own assignments have in common with others, so that few lists of paths serve
/// a hundred thousand accounts.
struct Reached<'a> {
    graph: &'a Graph,
    resource: ResourceIx,
    assigned: &'a [&'a GroupAssignment],
    is_off: bool,
    found: Vec<Access>,
    /// Every list of paths that was needed, and where it is by what it is made from: nearly always few numbers.
    lists: Vec<Paths>,
    by_few: FxHashMap<u128, usize>,
    /// Short keys that were looked up last: nearly all are among them.
    recent: [(u128, usize); RECENT],
    by_many: FxHashMap<Box<[u32]>, usize>,
    key: Vec<u32>,
}

impl<'a> Reached<'a> {
    fn new(graph: &'a Graph, resource: ResourceIx, assigned: &'a [&'a GroupAssignment]) -> Self {
        Self {
            graph,
            resource,
            assigned,
            is_off: graph.resource(resource).status == ResourceStatus::Inactive,
            found: Vec::new(),
            lists: Vec::new(),
            by_few: FxHashMap::default(),
            recent: [(NO_KEY, 0); RECENT],
            by_many: FxHashMap::default(),
            key: Vec::new(),
        }
    }

    /// Adds an account with its own assignments, and the groups that it comes through, in their order.
    fn push(&mut self, account: AccountIx, rows: Range<usize>, groups: &[u32], implicit: bool) {
        let graph = self.graph;
        let kinds = &graph.assignments.kinds[rows.clone()];
        let manner = (rows.len() as u32) << 1 | u32::from(implicit);
        let numbers = std::iter::once(&manner).chain(kinds).chain(groups);
        let at = if 1 + kinds.len() + groups.len() <= FEW {
            let few = numbers.fold(u128::MAX, |few, &number| few << 32 | u128::from(number));
            let place = (few ^ few >> 29 ^ few >> 59) as usize % RECENT;
            let (key, at) = self.recent[place];
            if key == few {
                at
            } else {
                let at = self.by_few.get(&few).copied().unwrap_or_else(|| {
                    let at = self.list(kinds, groups, implicit);
                    self.by_few.insert(few, at);
                    at
                });
                self.recent[place] = (few, at);
                at
            }
        } else {
            self.key.clear();
            self.key.extend(numbers);
            self.by_many.get(self.key.as_slice()).copied().unwrap_or_else(|| {
                let at = self.list(kinds, groups, implicit);
                self.by_many.insert(self.key.as_slice().into(), at);
                at
            })
        };
        let Paths { paths, in_force } = &self.lists[at];
        if paths.is_empty() {
            return;
        }
        let blocked = if !graph.able.contains(account.0) {
            Some(Block::Account(graph.status(account)))
        } else if self.is_off {
            Some(Block::ResourceInactive)
        } else if !in_force {
            Some(Block::AssignmentNotInForce)
        } else {
            None
        };
        self.found.push(Access {
            account,
            resource: self.resource,
            paths: paths.clone(),
            blocked,
            since: rows.into_iter().find_map(|at| graph.assignments.since(at)),
        });
    }

    /// Adds a list of paths; gives its place.
    fn list(&mut self, kinds: &[u32], groups: &[u32], implicit: bool) -> usize {
        let paths: Arc<[Path]> = self.paths(kinds, groups, implicit).into();
        self.lists.push(Paths { in_force: paths.iter().any(|path| path.in_force), paths });
        self.lists.len() - 1
    }

    /// All paths, from the account's own assignments and those of its groups.
    fn paths(&self, kinds: &[u32], groups: &[u32], implicit: bool) -> Vec<Path> {
        let graph = self.graph;
        let own = || kinds.iter().map(|&kind| &graph.assignments.kind_table[kind as usize]);
        let groups = || {
            groups.iter().map(|&number| {
                let Through { rank, stale } = Through::of(number);
                (self.assigned[rank as usize], stale)
            })
        };
        let mut paths = Vec::with_capacity(kinds.len() + groups().len());
        for kind in own().filter(|kind| kind.origin == Origin::Direct) {
            paths.push(graph.path_of_kind(kind, PathKind::Direct));
        }
        for (edge, stale) in groups() {
            paths.push(Path {
                kind: PathKind::ThroughGroup { group: GroupIx(edge.group) },
                in_force: edge.in_force,
                stale: stale || graph.is_stale(edge.seen),
                assignment_status: edge.status.clone(),
            });
        }
        if implicit {
            let stale = graph.is_stale(graph.resources.rows[self.resource.index()].seen);
            paths.push(Path { kind: PathKind::Implicit, in_force: true, stale, assignment_status: None });
        }
        for kind in own() {
            match &kind.origin {
                Origin::Direct => {}
                Origin::Group(named) => {
                    let explains =
                        |edge: &GroupAssignment| graph.explains(edge, named.as_deref(), kind.in_force);
                    if !groups().any(|(edge, _)| explains(edge)) {
                        let unseen = PathKind::ThroughUnseenGroup { group: named.clone() };
                        paths.push(graph.path_of_kind(kind, unseen));
                    }
                }
                Origin::Unknown(word) => {
                    paths.push(graph.path_of_kind(kind, PathKind::UnknownOrigin { word: word.clone() }));
                }
            }
        }
        paths
    }
}

impl Graph {
    /// Whether the assignment of a group explains that a member of it is assigned through a group.
    ///
    /// An assignment that counts is not explained by a group assignment that does not, nor is one that the provider
    /// attributes to a group that was not seen explained by another group.
    pub(crate) fn explains(&self, edge: &GroupAssignment, named: Option<&str>, in_force: bool) -> bool {
        (edge.in_force || !in_force) && named.is_none_or(|id| self.group(GroupIx(edge.group)).id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_sorted_by_account_and_keep_their_order_within_one() {
        for accounts in [1_u64, 2, 2047, 2048, 2049, 5_000_000] {
            // Numbers of which many are the same, and the highest one.
            let account = |n: u64| if n.is_multiple_of(7) { accounts - 1 } else { n * n * 7919 % accounts };
            let mut hits: Vec<u64> = (0..3000).map(|n| account(n) << 32 | (n / 100)).collect();
            let mut expected = hits.clone();
            expected.sort_by_key(|hit| hit >> 32);
            sort_by_account(&mut hits, accounts as usize);
            assert_eq!(hits, expected, "{accounts} accounts");
        }
    }
}
