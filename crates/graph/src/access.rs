//! Who reaches a resource, what an account reaches, and by which paths.

use std::ops::Range;
use std::sync::Arc;

use sightline_core::{AccountStatus, LastUse, Observed, ResourceStatus, Time};

use crate::adjacency::Bits;
use crate::graph::{GroupAssignment, Member, Origin};
use crate::{AccountIx, Graph, GroupIx, ResourceIx};

/// An account has at least one path to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who.
    pub account: AccountIx,
    /// What.
    pub resource: ResourceIx,
    /// Every known path: direct first, then groups by priority; never empty.
    pub paths: Vec<Path>,
    /// Why none of the paths works today; none when the account can reach the resource.
    pub blocked: Option<Block>,
    /// Since when the provider has the account on the resource, where it says so.
    pub since: Option<Time>,
    /// When it was last used.
    pub last_use: LastUse,
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
        let mut found = Vec::new();
        self.each_account(resource, |account, rows, paths| {
            found.push(self.access_by(account, resource, rows, paths));
        });
        found
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
        let rows = self.rows(account, resource);
        let groups: Vec<&GroupAssignment> = self
            .group_assignments
            .of_resource(resource)
            .iter()
            .filter(|edge| self.is_member(account, GroupIx(edge.group)))
            .collect();
        let paths = self.paths(account, resource, rows.clone(), groups);
        (!paths.is_empty()).then(|| self.access_by(account, resource, rows, paths))
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

    /// Calls back for every account that has a path to the resource, in order, with its own assignments and its paths.
    pub(crate) fn each_account(
        &self,
        resource: ResourceIx,
        mut each: impl FnMut(AccountIx, Range<usize>, Vec<Path>),
    ) {
        let mut touched = Bits::new(self.accounts.rows.len());
        if self.implicit.contains(&resource) {
            touched.union_with(&self.present);
        }
        let mut hits: Vec<(u32, u32)> = Vec::new();
        let mut for_all: Vec<&GroupAssignment> = Vec::new();
        let assigned = self.group_assignments.of_resource(resource);
        for (at, edge) in assigned.iter().enumerate() {
            if self.group(GroupIx(edge.group)).everyone {
                for_all.push(edge);
                touched.union_with(&self.present);
            }
            for &account in self.memberships.by_group.sources(edge.group) {
                hits.push((account, at as u32));
                touched.insert(account);
            }
        }
        hits.sort_unstable();
        let range = self.assignments.by_resource.range(resource.0);
        let mut row = range.start;
        for &account in &self.assignments.accounts[range.clone()] {
            touched.insert(account);
        }

        let mut hit = 0;
        for account in touched.iter() {
            let first = row;
            while row < range.end && self.assignments.accounts[row] == account {
                row += 1;
            }
            let mut groups: Vec<&GroupAssignment> = Vec::new();
            while hits.get(hit).is_some_and(|&(other, _)| other == account) {
                groups.push(&assigned[hits[hit].1 as usize]);
                hit += 1;
            }
            if self.present.contains(account) {
                groups.extend(&for_all);
            }
            let account = AccountIx(account);
            let paths = self.paths(account, resource, first..row, groups);
            if !paths.is_empty() {
                each(account, first..row, paths);
            }
        }
    }

    /// All paths, from the account's own assignments and those of its groups.
    fn paths(
        &self,
        account: AccountIx,
        resource: ResourceIx,
        rows: Range<usize>,
        mut groups: Vec<&GroupAssignment>,
    ) -> Vec<Path> {
        let mut paths = Vec::with_capacity(rows.len() + groups.len());
        for at in rows.clone() {
            if self.assignments.kind(at).origin == Origin::Direct {
                paths.push(self.path_of_row(at, PathKind::Direct));
            }
        }
        groups.sort_unstable_by_key(|edge| (edge.priority.unwrap_or(i64::MAX), edge.group));
        for edge in &groups {
            let group = GroupIx(edge.group);
            let member_stale = match self.membership(account, group) {
                Some(Member::Listed { seen }) => self.is_stale(seen),
                _ => false,
            };
            paths.push(Path {
                kind: PathKind::ThroughGroup { group },
                in_force: edge.in_force,
                stale: member_stale || self.is_stale(edge.seen),
                assignment_status: edge.status.clone(),
            });
        }
        if self.present.contains(account.0) && self.implicit.binary_search(&resource).is_ok() {
            let stale = self.is_stale(self.resources.rows[resource.index()].seen);
            paths.push(Path { kind: PathKind::Implicit, in_force: true, stale, assignment_status: None });
        }
        for at in rows {
            let kind = self.assignments.kind(at);
            match &kind.origin {
                Origin::Direct => {}
                Origin::Group(named) => {
                    // An assignment that counts is not explained by a group assignment that does not.
                    // Nor is one that the provider attributes to a group that was not seen explained by another group.
                    let is_named = |edge: &GroupAssignment| match named {
                        Some(id) => self.group(GroupIx(edge.group)).id == **id,
                        None => true,
                    };
                    let explained =
                        groups.iter().any(|edge| is_named(edge) && (edge.in_force || !kind.in_force));
                    if !explained {
                        let unseen = PathKind::ThroughUnseenGroup { group: named.clone() };
                        paths.push(self.path_of_row(at, unseen));
                    }
                }
                Origin::Unknown(word) => {
                    paths.push(self.path_of_row(at, PathKind::UnknownOrigin { word: word.clone() }));
                }
            }
        }
        paths
    }

    fn path_of_row(&self, at: usize, path: PathKind) -> Path {
        let kind = self.assignments.kind(at);
        Path {
            kind: path,
            in_force: kind.in_force,
            stale: self.is_stale(kind.seen),
            assignment_status: kind.status.clone(),
        }
    }

    fn access_by(
        &self,
        account: AccountIx,
        resource: ResourceIx,
        mut rows: Range<usize>,
        paths: Vec<Path>,
    ) -> Access {
        let status = self.status(account);
        let blocked = if !status.can_sign_in() {
            Some(Block::Account(status))
        } else if self.resource(resource).status == ResourceStatus::Inactive {
            Some(Block::ResourceInactive)
        } else if !paths.iter().any(|path| path.in_force) {
            Some(Block::AssignmentNotInForce)
        } else {
            None
        };
        Access {
            account,
            resource,
            paths,
            blocked,
            since: rows.find_map(|at| self.assignments.since(at)),
            last_use: self.last_use(account, resource),
        }
    }
}
