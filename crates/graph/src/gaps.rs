//! What could not be read, and which answers it may falsify.

use rustc_hash::FxHashMap;
use sightline_core::{ActivityWindow, EntityKind, Fact, Gap, Record, ScopeState};

use crate::graph::Seen;
use crate::{AccountIx, Graph, GroupIx, ResourceIx};

impl Graph {
    /// Everything that could not be read.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.scopes.iter().filter_map(|state| state.gap.as_ref())
    }

    /// The state of every scope.
    pub fn scopes(&self) -> &[ScopeState] {
        &self.scopes
    }

    /// Gaps that could hide a way from the account to the resource.
    ///
    /// Listings of accounts, groups, memberships, resources and assignments, and what is read under the account, its
    /// groups, the resource or the groups that it is assigned to. A dataset of which nothing was ever read counts,
    /// unless its name says that it holds roles, rules or activity.
    pub fn gaps_concerning(&self, account: AccountIx, resource: ResourceIx) -> Vec<&Gap> {
        self.gaps_of(Bearing::Access, |id, kind| match kind {
            Some(EntityKind::Account) => id == self.account(account).id,
            Some(EntityKind::Resource) => id == self.resource(resource).id,
            Some(EntityKind::Group) => self
                .group_with_id(id)
                .is_some_and(|group| self.is_member(account, group) || self.is_assigned(group, resource)),
            Some(_) => false,
            None => true,
        })
    }

    /// Gaps that could hide accounts that reach the resource.
    pub fn gaps_around_resource(&self, resource: ResourceIx) -> Vec<&Gap> {
        self.gaps_of(Bearing::Access, |id, kind| match kind {
            Some(EntityKind::Resource) => id == self.resource(resource).id,
            Some(EntityKind::Group) => {
                self.group_with_id(id).is_some_and(|group| self.is_assigned(group, resource))
            }
            // What is read under any account may say that it reaches the resource.
            Some(EntityKind::Account) | None => true,
            Some(_) => false,
        })
    }

    /// Gaps that could hide resources that the account reaches.
    pub fn gaps_around_account(&self, account: AccountIx) -> Vec<&Gap> {
        self.gaps_of(Bearing::Access, |id, kind| match kind {
            Some(EntityKind::Account) => id == self.account(account).id,
            // The members of any group, and the assignments of any resource, may include the account.
            Some(EntityKind::Group | EntityKind::Resource) | None => true,
            Some(_) => false,
        })
    }

    /// Gaps that could hide administrators: with any of them an empty [`Graph::admins`] does not mean that there are none.
    pub fn gaps_hiding_admins(&self) -> Vec<&Gap> {
        let mut gaps = self.gaps_of(Bearing::Roles, |_, _| true);
        gaps.extend(self.gaps_of(Bearing::Access, |id, kind| {
            kind == Some(EntityKind::Group)
                && self.group_with_id(id).is_some_and(|group| self.holdings.by_group.contains_key(&group))
        }));
        gaps.sort_by(|a, b| a.scope.cmp(&b.scope));
        gaps.dedup();
        gaps
    }

    fn is_assigned(&self, group: GroupIx, resource: ResourceIx) -> bool {
        self.group_assignments
            .of_resource(resource)
            .binary_search_by_key(&group.0, |assignment| assignment.group)
            .is_ok()
    }

    fn gaps_of(&self, bearing: Bearing, concerns: impl Fn(&str, Option<EntityKind>) -> bool) -> Vec<&Gap> {
        self.gaps()
            .filter(|gap| self.bearings.of(&gap.scope.dataset) == bearing)
            .filter(|gap| match &gap.scope.parent {
                None => true,
                Some(id) => concerns(id, self.kind_of(id)),
            })
            .collect()
    }
}

/// What the facts of a dataset have to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// Who reaches what; also where it is not known.
    Access,
    /// Who administers.
    Roles,
    /// What was done.
    Activity,
    /// Why somebody is in a group.
    Rules,
    /// How the organisation is set up.
    Posture,
}

/// What each dataset has to do with: by the facts it holds, and by its name where it holds none.
#[derive(Debug, Default)]
pub(crate) struct Bearings {
    datasets: FxHashMap<String, Option<Bearing>>,
    scopes: Vec<Option<Bearing>>,
}

impl Bearings {
    pub(crate) fn new(scopes: &[ScopeState]) -> Self {
        Self { datasets: FxHashMap::default(), scopes: vec![None; scopes.len()] }
    }

    pub(crate) fn observe(&mut self, fact: &Fact) {
        if let Some(scope) = self.scopes.get_mut(fact.scope as usize)
            && *scope != Some(Bearing::Access)
        {
            let bearing = match fact.record {
                Record::Account(_)
                | Record::Group(_)
                | Record::Resource(_)
                | Record::Membership(_)
                | Record::Assignment(_) => Bearing::Access,
                Record::Role(_) | Record::Holding(_) => Bearing::Roles,
                Record::Usage(_) | Record::ActivityWindow(_) => Bearing::Activity,
                Record::Rule(_) => Bearing::Rules,
                _ => Bearing::Posture,
            };
            *scope = Some(bearing);
        }
    }

    /// Combines what the scopes of each dataset hold.
    pub(crate) fn settle(&mut self, scopes: &[ScopeState]) {
        for (state, bearing) in scopes.iter().zip(&self.scopes) {
            let dataset = self.datasets.entry(state.scope.dataset.clone()).or_default();
            if *dataset != Some(Bearing::Access) && bearing.is_some() {
                *dataset = *bearing;
            }
        }
        self.scopes = Vec::new();
    }

    pub(crate) fn of(&self, dataset: &str) -> Bearing {
        self.datasets.get(dataset).copied().flatten().unwrap_or_else(|| by_name(dataset))
    }

    /// Why it is not known what was done up to now; none where it is known.
    pub(crate) fn why_activity_is_unread(
        &self,
        scopes: &[ScopeState],
        windows: &[(ActivityWindow, u32)],
        seen: &[Seen],
    ) -> Option<String> {
        let stale = windows.iter().find(|(_, at)| seen[*at as usize].stale);
        let gap = match stale {
            // A window that could not be extended says nothing about the time after it.
            Some((_, at)) => {
                scopes.get(seen[*at as usize].scope as usize).and_then(|state| state.gap.as_ref())
            }
            // A window that was written by a walk that broke off is fresh, and yet does not reach the present.
            None => scopes
                .iter()
                .filter_map(|state| state.gap.as_ref())
                .find(|gap| self.of(&gap.scope.dataset) == Bearing::Activity),
        };
        match gap {
            Some(gap) => Some(gap.reason.phrase().to_owned()),
            None if stale.is_none() && !windows.is_empty() => None,
            None => Some("activity was not read".to_owned()),
        }
    }
}

fn by_name(dataset: &str) -> Bearing {
    let has = |words: &[&str]| dataset.split(['_', '-', ' ']).any(|word| words.contains(&word));
    if has(&["role", "roles", "admin", "admins", "holding", "holdings"]) {
        Bearing::Roles
    } else if has(&["activity", "usage", "log", "logs", "events"]) {
        Bearing::Activity
    } else if has(&["rule", "rules"]) {
        Bearing::Rules
    } else {
        Bearing::Access
    }
}
