//! Why an account reaches a resource, or why not.

use std::sync::Arc;

use sightline_core::{Gap, Rule, Time};

use crate::graph::{GroupAssignment, Member, Origin};
use crate::{Access, AccountIx, Block, Graph, GroupIx, Path, PathKind, Provenance, Removal, ResourceIx};

/// Why an account reaches a resource, or why not.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Who.
    pub account: AccountIx,
    /// What.
    pub resource: ResourceIx,
    /// The access; none when no path is known.
    pub access: Option<Access>,
    /// Its paths, hop by hop, in the same order; empty when there is none.
    pub paths: Vec<ExplainedPath>,
    /// Everything that stands in the way of using the paths, or would stand in the way of new ones.
    pub blocks: Vec<Block>,
    /// What would end the access; none when no path is known.
    pub removal: Option<Removal>,
    /// Groups that would give it, the smallest first, at most five; the other way is a direct assignment.
    ///
    /// Empty when a path is in force.
    pub groups_that_would_give_it: Vec<NeededGroup>,
    /// What could not be read and might hide further paths.
    pub gaps: Vec<Gap>,
}

impl Explanation {
    /// Whether the account can reach the resource today.
    pub fn can_reach(&self) -> bool {
        self.access.as_ref().is_some_and(Access::can_reach)
    }
}

/// A path with the facts that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedPath {
    /// The path.
    pub path: Path,
    /// Its hops, from the account to the resource.
    pub hops: Vec<Hop>,
}

/// One fact of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Hop {
    /// What it says.
    pub kind: HopKind,
    /// Since when, where the provider says so.
    pub since: Option<Time>,
    /// Which syncs saw it.
    pub provenance: Provenance,
}

/// What a hop says.
#[derive(Debug, Clone, PartialEq)]
pub enum HopKind {
    /// The account is in the group.
    Membership {
        /// Which group.
        group: GroupIx,
        /// Active rules that may have put it there.
        rules: Vec<Rule>,
        /// Whether it cannot be taken out: everyone is in it, or the provider keeps it.
        cannot_leave: bool,
    },
    /// The resource is assigned to the group.
    GroupAssignment {
        /// Which group.
        group: GroupIx,
        /// Rank among several groups: the lowest decides.
        priority: Option<i64>,
        /// Status in the provider's word.
        status: Option<Arc<str>>,
    },
    /// The provider lists the account on the resource.
    Assignment {
        /// Status in the provider's word.
        status: Option<Arc<str>>,
    },
    /// Everyone may use the resource without an assignment.
    ImplicitSetting,
}

/// A group that would give the access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeededGroup {
    /// Which group.
    pub group: GroupIx,
    /// Its members.
    pub members: u64,
}

impl Graph {
    /// Why the account reaches the resource, or why not, and what would change it.
    pub fn why(&self, account: AccountIx, resource: ResourceIx) -> Explanation {
        let access = self.access(account, resource);
        let paths = access.as_ref().map_or(&[][..], |access| &access.paths[..]);
        let in_force = paths.iter().any(|path| path.in_force);
        Explanation {
            account,
            resource,
            paths: paths.iter().map(|path| self.explain(account, resource, path)).collect(),
            blocks: self.blocks(account, resource, paths),
            removal: (!paths.is_empty()).then(|| self.removal(account, resource, paths)),
            groups_that_would_give_it: if in_force {
                Vec::new()
            } else {
                self.groups_to_join(account, resource)
            },
            gaps: self.gaps_concerning(account, resource).into_iter().cloned().collect(),
            access,
        }
    }

    fn explain(&self, account: AccountIx, resource: ResourceIx, path: &Path) -> ExplainedPath {
        let hops = match &path.kind {
            PathKind::ThroughGroup { group } => {
                let assignment = self.group_assignments.find(resource, *group);
                let assignment = assignment.map(|edge| self.group_assignment_hop(edge));
                self.membership_hop(account, *group).into_iter().chain(assignment).collect()
            }
            PathKind::Implicit => vec![Hop {
                kind: HopKind::ImplicitSetting,
                since: None,
                provenance: self.resource_provenance(resource),
            }],
            PathKind::Direct => self.row_hops(account, resource, |origin| *origin == Origin::Direct),
            PathKind::ThroughUnseenGroup { group } => {
                self.row_hops(account, resource, |origin| *origin == Origin::Group(group.clone()))
            }
            PathKind::UnknownOrigin { word } => {
                self.row_hops(account, resource, |origin| *origin == Origin::Unknown(word.clone()))
            }
        };
        ExplainedPath { path: path.clone(), hops }
    }

    fn membership_hop(&self, account: AccountIx, group: GroupIx) -> Option<Hop> {
        let provenance = match self.membership(account, group)? {
            Member::Listed { seen } => self.provenance(seen),
            // No edge says it: the flag on the group does.
            Member::Everyone => self.group_provenance(group),
        };
        Some(Hop {
            kind: HopKind::Membership {
                group,
                rules: self.rules_for(account, group).cloned().collect(),
                cannot_leave: self.cannot_be_left(group),
            },
            since: None,
            provenance,
        })
    }

    fn group_assignment_hop(&self, edge: &GroupAssignment) -> Hop {
        Hop {
            kind: HopKind::GroupAssignment {
                group: GroupIx(edge.group),
                priority: edge.priority,
                status: edge.status.clone(),
            },
            since: edge.since,
            provenance: self.provenance(edge.seen),
        }
    }

    /// The account's own assignments of this origin: one.
    fn row_hops(
        &self,
        account: AccountIx,
        resource: ResourceIx,
        of_origin: impl Fn(&Origin) -> bool,
    ) -> Vec<Hop> {
        self.rows(account, resource)
            .filter(|&at| of_origin(&self.assignments.kind(at).origin))
            .map(|at| {
                let kind = self.assignments.kind(at);
                Hop {
                    kind: HopKind::Assignment { status: kind.status.clone() },
                    since: self.assignments.since(at),
                    provenance: self.provenance(kind.seen),
                }
            })
            .collect()
    }

    fn groups_to_join(&self, account: AccountIx, resource: ResourceIx) -> Vec<NeededGroup> {
        let mut groups: Vec<NeededGroup> = self
            .group_assignments
            .of_resource(resource)
            .iter()
            .filter(|edge| edge.in_force)
            .map(|edge| GroupIx(edge.group))
            .filter(|&group| !self.group(group).everyone && !self.is_member(account, group))
            .map(|group| NeededGroup { group, members: self.member_count(group) })
            .collect();
        groups.sort_by_key(|needed| (needed.members, needed.group));
        groups.truncate(5);
        groups
    }
}
