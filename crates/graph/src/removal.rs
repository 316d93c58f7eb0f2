//! What would end an access: the fewest acts, and what else they would take away.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use sightline_core::{AccountStatus, GroupOrigin, ResourceStatus, Rule};

use crate::ways::Ways;
use crate::{AccountIx, Graph, GroupIx, Path, PathKind, ResourceIx};

/// What would end an access.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// The fewest acts that together end every path in force, those with the least collateral among equally few.
    ///
    /// Where no path is in force they clear away the paths that are left.
    pub steps: Vec<RemovalStep>,
    /// What else all steps together take away; more than the sum where two steps hit the same thing.
    pub collateral: Collateral,
    /// For each path that must end, in their order, every single act that ends it.
    pub choices: Vec<Vec<RemovalStep>>,
    /// Single acts of a wider reach.
    pub alternatives: Alternatives,
}

/// One act, and what speaks against it.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovalStep {
    /// What to do.
    pub act: Act,
    /// What else it takes away.
    pub collateral: Collateral,
    /// What would stop it or undo it.
    pub hindrances: Vec<Hindrance>,
}

/// Something that ends at least one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// End the account's own assignment to the resource.
    UnassignAccount,
    /// Take the account out of the group.
    LeaveGroup {
        /// Which group.
        group: GroupIx,
    },
    /// End the assignment of the resource to the group.
    UnassignGroup {
        /// Which group.
        group: GroupIx,
    },
    /// Find the group that gives it, which could not be read, and take the account out.
    LeaveUnseenGroup {
        /// Its id, where the provider names it.
        group: Option<Arc<str>>,
    },
    /// Switch off that everyone may use the resource without an assignment.
    EndImplicit,
}

/// What an act takes away besides the access in question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collateral {
    /// Other resources that the account would no longer have a path in force to, by label.
    pub resources: Vec<ResourceIx>,
    /// Names of roles that the account would lose.
    pub roles: Vec<String>,
    /// Other accounts that can sign in and would no longer have a path in force to the resource.
    pub accounts: u64,
    /// Whether there may be more that cannot be known.
    pub unknown: bool,
}

impl Collateral {
    /// How much it is, to compare acts.
    pub fn weight(&self) -> u64 {
        self.resources.len() as u64 + self.roles.len() as u64 + self.accounts
    }
}

/// What would stop an act or undo it.
#[derive(Debug, Clone, PartialEq)]
pub enum Hindrance {
    /// This active rule would put the account back: change it or exclude the account from it.
    Rule(Box<Rule>),
    /// The group is kept elsewhere and must be changed there.
    Imported {
        /// The resource that it comes from, where it is known.
        source: Option<ResourceIx>,
    },
    /// The origin of the group or of the assignment is not known, so the act may not be possible here.
    UnknownOrigin,
}

/// Single acts that end the access and more; none where it is so already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternatives {
    /// Deactivating the account ends this many accesses in all, this one included.
    pub deactivate_account: Option<u64>,
    /// Deactivating the resource ends the access of this many accounts in all, this one included.
    pub deactivate_resource: Option<u64>,
}

impl Graph {
    /// What would end the account's access by these paths.
    pub(crate) fn removal(&self, account: AccountIx, resource: ResourceIx, paths: &[Path]) -> Removal {
        let counted = paths.iter().any(|path| path.in_force);
        let ending: Vec<&Path> = paths.iter().filter(|path| path.in_force || !counted).collect();
        let ways = Ways::to(self, resource);

        let mut steps: Vec<RemovalStep> = Vec::new();
        let mut places: FxHashMap<Act, usize> = FxHashMap::default();
        let mut cuts: Vec<Vec<usize>> = Vec::new();
        for path in ending {
            let cut = self.acts_against(&path.kind).into_iter().map(|act| {
                *places.entry(act.clone()).or_insert_with(|| {
                    steps.push(self.step(act, account, resource, &ways));
                    steps.len() - 1
                })
            });
            cuts.push(cut.collect());
        }
        let costs: Vec<_> =
            steps.iter().map(|step| (step.collateral.weight(), step.hindrances.len() as u64)).collect();
        let chosen: Vec<RemovalStep> =
            smallest_hitting_set(&cuts, &costs).into_iter().map(|at| steps[at].clone()).collect();
        Removal {
            collateral: self.joint_collateral(account, resource, &chosen, &ways),
            steps: chosen,
            choices: cuts.iter().map(|cut| cut.iter().map(|&at| steps[at].clone()).collect()).collect(),
            alternatives: self.alternatives(account, resource),
        }
    }

    /// Every act that ends a path of this kind.
    fn acts_against(&self, path: &PathKind) -> Vec<Act> {
        match path {
            PathKind::Direct | PathKind::UnknownOrigin { .. } => vec![Act::UnassignAccount],
            PathKind::ThroughGroup { group } if self.cannot_be_left(*group) => {
                vec![Act::UnassignGroup { group: *group }]
            }
            PathKind::ThroughGroup { group } => {
                vec![Act::LeaveGroup { group: *group }, Act::UnassignGroup { group: *group }]
            }
            PathKind::Implicit => vec![Act::EndImplicit],
            PathKind::ThroughUnseenGroup { group } => vec![Act::LeaveUnseenGroup { group: group.clone() }],
        }
    }

    fn step(&self, act: Act, account: AccountIx, resource: ResourceIx, ways: &Ways<'_>) -> RemovalStep {
        let mut collateral = Collateral::default();
        let mut hindrances = Vec::new();
        match &act {
            Act::UnassignAccount => {
                let mut rows = self.rows(account, resource);
                if rows.any(|at| matches!(self.assignments.kind(at).origin, crate::graph::Origin::Unknown(_)))
                {
                    hindrances.push(Hindrance::UnknownOrigin);
                }
            }
            Act::LeaveGroup { group } => {
                collateral.resources = self.resources_only_through(account, resource, &[*group]);
                collateral.roles = self.roles_only_through(account, &[*group]);
                hindrances = self.membership_hindrances(account, *group);
            }
            Act::UnassignGroup { group } => {
                collateral.accounts = ways.only_by(&PathKind::ThroughGroup { group: *group }, account);
            }
            Act::EndImplicit => collateral.accounts = ways.only_by(&PathKind::Implicit, account),
            Act::LeaveUnseenGroup { .. } => collateral.unknown = true,
        }
        RemovalStep { act, collateral, hindrances }
    }

    /// What keeps the account in the group, or would put it back.
    pub(crate) fn membership_hindrances(&self, account: AccountIx, group: GroupIx) -> Vec<Hindrance> {
        let mut hindrances: Vec<_> =
            self.rules_for(account, group).map(|rule| Hindrance::Rule(Box::new(rule.clone()))).collect();
        let entity = self.group(group);
        match &entity.origin {
            GroupOrigin::Imported => hindrances.push(Hindrance::Imported {
                source: entity.source_resource.as_deref().and_then(|id| self.resource_with_id(id)),
            }),
            GroupOrigin::Unknown(_) => hindrances.push(Hindrance::UnknownOrigin),
            GroupOrigin::Native | GroupOrigin::BuiltIn => {}
        }
        hindrances
    }

    /// Active rules that may have put the account into the group: they do not exclude it.
    pub(crate) fn rules_for(&self, account: AccountIx, group: GroupIx) -> impl Iterator<Item = &Rule> {
        self.rules_into(group).filter(move |rule| {
            let excluded = rule.excluded_groups.iter().filter_map(|id| self.group_with_id(id));
            !rule.excluded_accounts.iter().any(|id| id == self.account(account).id)
                && !excluded.into_iter().any(|excluded| self.is_member(account, excluded))
        })
    }

    /// Other resources to which every path in force goes through one of these groups.
    fn resources_only_through(
        &self,
        account: AccountIx,
        except: ResourceIx,
        groups: &[GroupIx],
    ) -> Vec<ResourceIx> {
        let mut resources: Vec<ResourceIx> = groups
            .iter()
            .flat_map(|&group| self.group_assignments.of_group(group))
            .filter(|edge| edge.in_force && edge.resource != except.0)
            .map(|edge| ResourceIx(edge.resource))
            .collect();
        resources.sort_unstable();
        resources.dedup();
        resources.retain(|&resource| {
            self.access(account, resource).is_some_and(|access| {
                access.paths.iter().filter(|path| path.in_force).all(
                    |path| matches!(path.kind, PathKind::ThroughGroup { group } if groups.contains(&group)),
                )
            })
        });
        resources
    }

    fn joint_collateral(
        &self,
        account: AccountIx,
        resource: ResourceIx,
        steps: &[RemovalStep],
        ways: &Ways<'_>,
    ) -> Collateral {
        if let [only] = steps {
            return only.collateral.clone();
        }
        let left: Vec<GroupIx> = steps
            .iter()
            .filter_map(|step| match step.act {
                Act::LeaveGroup { group } => Some(group),
                _ => None,
            })
            .collect();
        let unassigned: FxHashSet<GroupIx> = steps
            .iter()
            .filter_map(|step| match step.act {
                Act::UnassignGroup { group } => Some(group),
                _ => None,
            })
            .collect();
        let implicit = steps.iter().any(|step| step.act == Act::EndImplicit);
        let accounts =
            if unassigned.is_empty() && !implicit { 0 } else { ways.all_by(&unassigned, implicit, account) };
        Collateral {
            resources: self.resources_only_through(account, resource, &left),
            roles: self.roles_only_through(account, &left),
            accounts,
            unknown: steps.iter().any(|step| step.collateral.unknown),
        }
    }

    fn alternatives(&self, account: AccountIx, resource: ResourceIx) -> Alternatives {
        let deactivated = self.status(account) == AccountStatus::Deactivated;
        let inactive = self.resource(resource).status == ResourceStatus::Inactive;
        Alternatives {
            deactivate_account: (!deactivated)
                .then(|| self.what(account).iter().filter(|access| access.can_reach()).count() as u64),
            deactivate_resource: (!inactive).then(|| self.reach_count(resource)),
        }
    }
}

/// The fewest items that hit every set, the cheapest among equally few; every set must have an item.
///
/// Sets that share no item are independent of each other, so each cluster is searched on its own: paths rarely share
/// a step, and clusters have one or two sets.
fn smallest_hitting_set(sets: &[Vec<usize>], costs: &[(u64, u64)]) -> Vec<usize> {
    let mut chosen = Vec::new();
    let mut left: Vec<&Vec<usize>> = sets.iter().filter(|set| !set.is_empty()).collect();
    while let Some(first) = left.pop() {
        let mut cluster = vec![first];
        let mut items: FxHashSet<usize> = first.iter().copied().collect();
        while let Some(at) = left.iter().position(|set| set.iter().any(|item| items.contains(item))) {
            let set = left.swap_remove(at);
            items.extend(set);
            cluster.push(set);
        }
        let mut best: Option<Choice> = None;
        search(&cluster, costs, &mut Vec::new(), &mut best);
        chosen.extend(best.into_iter().flat_map(|choice| choice.items));
    }
    chosen.sort_unstable();
    chosen
}

/// A hitting set, and how it compares: size, then collateral, then hindrances.
struct Choice {
    rank: (usize, u64, u64),
    items: Vec<usize>,
}

fn search(cluster: &[&Vec<usize>], costs: &[(u64, u64)], taken: &mut Vec<usize>, best: &mut Option<Choice>) {
    let rank = taken.iter().fold((taken.len(), 0_u64, 0_u64), |(size, weight, hindrances), &item| {
        (size, weight.saturating_add(costs[item].0), hindrances + costs[item].1)
    });
    if best.as_ref().is_some_and(|best| best.rank <= rank) {
        return;
    }
    match cluster.iter().find(|set| !set.iter().any(|item| taken.contains(item))) {
        None => *best = Some(Choice { rank, items: taken.clone() }),
        Some(set) => {
            for &item in *set {
                taken.push(item);
                search(cluster, costs, taken, best);
                taken.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::smallest_hitting_set;

    proptest! {
        #[test]
        fn no_other_hitting_set_is_better(
            sets in prop::collection::vec(prop::collection::vec(0_usize..8, 1..4), 0..6),
            costs in prop::collection::vec((0_u64..4, 0_u64..2), 8),
        ) {
            let rank = |items: &[usize]| {
                let weight: u64 = items.iter().map(|&item| costs[item].0).sum();
                let hindrances: u64 = items.iter().map(|&item| costs[item].1).sum();
                (items.len(), weight, hindrances)
            };
            let hits = |items: &[usize]| sets.iter().all(|set| set.iter().any(|item| items.contains(item)));
            let best = (0_u32..256)
                .map(|mask| (0..8).filter(|bit| mask >> bit & 1 == 1).collect::<Vec<usize>>())
                .filter(|items| hits(items))
                .map(|items| rank(&items))
                .min();
            let found = smallest_hitting_set(&sets, &costs);
            prop_assert!(hits(&found));
            prop_assert_eq!(Some(rank(&found)), best);
        }
    }
}
