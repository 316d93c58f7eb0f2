//! What could not be read, and which answers it may falsify.

use rustc_hash::FxHashMap;
use sightline_core::{ActivityWindow, EntityKind, Fact, Gap, Record, Scope, ScopeState};

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
    /// groups, the resource or the groups that it is assigned to. A dataset of which nothing was ever read counts
    /// if its name says that it holds any of these.
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

    /// Gaps that could hide what service applications may do.
    pub fn gaps_around_service_apps(&self) -> Vec<&Gap> {
        let mut gaps = self.gaps_of(Bearing::Roles, |_, kind| {
            !matches!(kind, Some(EntityKind::Account | EntityKind::Group))
        });
        let grants = |gap: &&Gap| {
            self.bearings.holding(Holds::Grants).any(|(dataset, _)| dataset == gap.scope.dataset)
        };
        gaps.extend(self.gaps().filter(grants));
        gaps.sort_by(|a, b| a.scope.cmp(&b.scope));
        gaps.dedup();
        gaps
    }

    /// Why what is read under this parent may be more than what is known; none where all of it was read.
    pub(crate) fn why_unread(&self, holds: Holds, parent: &str) -> Option<String> {
        let datasets: Vec<(&str, bool)> = self.bearings.holding(holds).collect();
        let state = |scope: &Scope| {
            let at = self.scopes.binary_search_by(|state| state.scope.cmp(scope)).ok()?;
            Some(&self.scopes[at])
        };
        let parts: Vec<_> =
            datasets.iter().filter_map(|(dataset, _)| state(&Scope::under(*dataset, parent))).collect();
        let listings: Vec<_> = datasets
            .iter()
            // The listing of a name that only sounds like it proves nothing by being complete.
            .filter_map(|(dataset, seen)| {
                state(&Scope::listing(*dataset)).filter(|it| *seen || it.gap.is_some())
            })
            .collect();
        let decisive = if parts.is_empty() { listings } else { parts };
        match decisive.iter().find_map(|state| state.gap.as_ref()) {
            Some(gap) => Some(gap.reason.phrase().to_owned()),
            None if decisive.iter().any(|state| state.complete.is_some()) => None,
            None => Some("not read".to_owned()),
        }
    }

    fn is_assigned(&self, group: GroupIx, resource: ResourceIx) -> bool {
        self.group_assignments.find(resource, group).is_some()
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

/// What the facts of a dataset have to do with; the greatest of those that it holds counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bearing {
    /// How the organisation is set up.
    Posture,
    /// Why somebody is in a group.
    Rules,
    /// What was done.
    Activity,
    /// Who administers.
    Roles,
    /// Who reaches what.
    Access,
}

/// What is read under one thing, and must be known to be read before its absence means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Holds {
    /// Roles of a principal.
    Roles,
    /// What a scope set holds.
    SetMembers,
    /// What a role allows.
    Permissions,
    /// What an application may use of the provider's interface.
    Grants,
}

impl Holds {
    fn of(record: &Record) -> Option<Self> {
        match record {
            Record::Holding(_) => Some(Self::Roles),
            Record::SetMember(_) => Some(Self::SetMembers),
            Record::Permission(_) => Some(Self::Permissions),
            Record::ApiGrant(_) => Some(Self::Grants),
            _ => None,
        }
    }

    /// What a dataset of which nothing was ever read would hold.
    fn by_name(dataset: &str) -> Option<Self> {
        let words: Vec<&str> = dataset.split(['_', '-', ' ']).collect();
        let of_a_set = words.iter().any(|word| ["set", "sets"].contains(word));
        match words.last().copied().unwrap_or_default() {
            "roles" => Some(Self::Roles),
            "resources" | "members" if of_a_set => Some(Self::SetMembers),
            "permissions" => Some(Self::Permissions),
            "grants" => Some(Self::Grants),
            _ => None,
        }
    }
}

/// What each dataset has to do with: by the facts it holds, and by its name where it holds none.
#[derive(Debug, Default)]
pub(crate) struct Bearings {
    datasets: FxHashMap<String, Option<Bearing>>,
    scopes: Vec<(Option<Bearing>, Option<Holds>)>,
    /// Datasets that hold what is read under one thing, sorted; true for those of which such a fact was read.
    holding: Vec<(String, Holds, bool)>,
}

impl Bearings {
    pub(crate) fn new(scopes: &[ScopeState]) -> Self {
        Self { scopes: vec![(None, None); scopes.len()], ..Self::default() }
    }

    pub(crate) fn observe(&mut self, fact: &Fact) {
        let bearing = match fact.record {
            Record::Account(_)
            | Record::Group(_)
            | Record::Resource(_)
            | Record::Membership(_)
            | Record::Assignment(_) => Bearing::Access,
            Record::Role(_)
            | Record::Holding(_)
            | Record::ScopeSet(_)
            | Record::SetMember(_)
            | Record::Permission(_) => Bearing::Roles,
            Record::Usage(_) | Record::ActivityWindow(_) => Bearing::Activity,
            Record::Rule(_) => Bearing::Rules,
            _ => Bearing::Posture,
        };
        self.observe_kind(fact.scope, bearing);
        if let Some((_, holds)) = self.scopes.get_mut(fact.scope as usize) {
            *holds = (*holds).or_else(|| Holds::of(&fact.record));
        }
    }

    /// The scope holds facts of this bearing.
    pub(crate) fn observe_kind(&mut self, scope: u32, bearing: Bearing) {
        if let Some((known, _)) = self.scopes.get_mut(scope as usize) {
            *known = (*known).max(Some(bearing));
        }
    }

    /// Combines what the scopes of each dataset hold.
    pub(crate) fn settle(&mut self, scopes: &[ScopeState]) {
        for (state, (bearing, holds)) in scopes.iter().zip(&self.scopes) {
            let dataset = &state.scope.dataset;
            let known = self.datasets.entry(dataset.clone()).or_default();
            *known = (*known).max(*bearing);
            let seen = holds.map(|holds| (dataset.clone(), holds, true));
            let named = || Holds::by_name(dataset).map(|holds| (dataset.clone(), holds, false));
            if let Some(one) = seen.or_else(named)
                && !self.holding.contains(&one)
            {
                self.holding.push(one);
            }
        }
        self.scopes = Vec::new();
    }

    /// Datasets that hold such facts, and whether one was read.
    fn holding(&self, holds: Holds) -> impl Iterator<Item = (&str, bool)> {
        self.holding
            .iter()
            .filter(move |one| one.1 == holds)
            .map(|(dataset, _, seen)| (dataset.as_str(), *seen))
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

/// What a dataset has to do with of which nothing was ever read. A name that says nothing is that of a setting: there are
/// many of those, and a warning under every answer would hide the ones that matter.
fn by_name(dataset: &str) -> Bearing {
    const ACCESS: &[&str] = &[
        "user",
        "users",
        "account",
        "accounts",
        "group",
        "groups",
        "member",
        "members",
        "membership",
        "memberships",
        "app",
        "apps",
        "application",
        "applications",
        "resource",
        "resources",
        "assignment",
        "assignments",
    ];
    const ROLES: &[&str] = &[
        "role",
        "roles",
        "admin",
        "admins",
        "assignees",
        "holding",
        "holdings",
        "binding",
        "bindings",
        "permissions",
        "set",
        "sets",
    ];
    const ACTIVITY: &[&str] = &["activity", "usage", "log", "logs", "events"];
    let words: Vec<&str> = dataset.split(['_', '-', ' ']).collect();
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (*last, before));
    let are_access = |words: &[&str]| words.iter().all(|word| ACCESS.contains(word));
    if words.iter().any(|word| ROLES.contains(word)) {
        Bearing::Roles
    } else if ACTIVITY.contains(&last) {
        Bearing::Activity
    } else if matches!(last, "rule" | "rules") && are_access(before) {
        Bearing::Rules
    } else if are_access(&words) {
        Bearing::Access
    } else {
        Bearing::Posture
    }
}
