//! Who administers: roles held by accounts and service applications, flattened over groups; derived, never stored.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use sightline_core::{Holding, HoldingScope, Time};

use crate::{AccountIx, Graph, GroupIx, Provenance, ResourceIx};

/// An account or a service application holds a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminHolding {
    /// Who.
    pub holder: Holder,
    /// The role's id.
    pub role: String,
    /// The role's name for people.
    pub label: String,
    /// What it reaches.
    pub scope: HoldingScope,
    /// How the holder comes to it.
    pub via: Via,
    /// Whether it is in force.
    pub active: bool,
    /// Since when, where it is known.
    pub since: Option<Time>,
    /// Which syncs saw that the holder or the group holds the role.
    pub provenance: Provenance,
}

/// Who holds a role in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// An account.
    Account(AccountIx),
    /// A resource that acts by itself: a service application.
    Resource(ResourceIx),
}

/// How a holder comes to a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// It holds the role itself.
    Direct,
    /// It is in a group that holds it.
    Group(GroupIx),
    /// The provider says that a group gives it, but none that was read does.
    InheritedUnseen,
}

impl Graph {
    /// All roles of all accounts, by login, then of all service applications, by label; each by name of the role.
    ///
    /// Deactivated accounts are included. A role that two lists tell of is told once.
    ///
    /// Empty does not mean that there are none while [`Graph::gaps_hiding_admins`] is not.
    pub fn admins(&self) -> Vec<AdminHolding> {
        let mut found = Vec::new();
        for kept in &self.holdings.kept {
            match kept.by {
                HeldBy::Account(account) if !kept.holding.inherited => {
                    found.push(self.admin_holding(Holder::Account(account), kept, Via::Direct));
                }
                HeldBy::Account(account) => {
                    if !self.is_explained(account, &kept.holding) {
                        found.push(self.admin_holding(Holder::Account(account), kept, Via::InheritedUnseen));
                    }
                }
                HeldBy::Resource(resource) => {
                    found.push(self.admin_holding(Holder::Resource(resource), kept, Via::Direct));
                }
                HeldBy::Group(group) => {
                    for account in self.members(group) {
                        found.push(self.admin_holding(Holder::Account(account), kept, Via::Group(group)));
                    }
                }
            }
        }
        // The list of a holder's roles and that of a scope set's holders tell of the same: what one of them leaves out, the
        // other may say.
        found.sort_by(|a, b| {
            let key = |one: &AdminHolding| {
                (one.holder, one.via, !one.active, one.label == one.role, one.provenance.stale)
            };
            (&a.role, &a.scope).cmp(&(&b.role, &b.scope)).then_with(|| key(a).cmp(&key(b)))
        });
        found.dedup_by(|b, a| {
            let same = (a.holder, &a.role, &a.scope, a.via) == (b.holder, &b.role, &b.scope, b.via);
            if same {
                a.since = a.since.or(b.since);
            }
            same
        });
        found.sort_by(|a, b| {
            (a.holder, &a.label, &a.role, &a.scope, a.via)
                .cmp(&(b.holder, &b.label, &b.role, &b.scope, b.via))
        });
        found
    }

    /// Names of the roles that the account would lose with these groups.
    pub(crate) fn roles_only_through(&self, account: AccountIx, groups: &[GroupIx]) -> Vec<String> {
        if !groups.iter().any(|group| self.holdings.by_group.contains_key(group)) {
            return Vec::new();
        }
        let mut given: Vec<&Holding> = Vec::new();
        let mut kept: BTreeSet<(&str, &HoldingScope)> = BTreeSet::new();
        for one in self.holdings.kept.iter().filter(|one| one.holding.active) {
            match one.by {
                HeldBy::Group(group) if groups.contains(&group) => given.push(&one.holding),
                HeldBy::Group(group) if self.is_member(account, group) => {
                    kept.insert((&one.holding.role, &one.holding.scope));
                }
                HeldBy::Account(holder) if holder == account && !one.holding.inherited => {
                    kept.insert((&one.holding.role, &one.holding.scope));
                }
                _ => {}
            }
        }
        given.retain(|holding| !kept.contains(&(holding.role.as_str(), &holding.scope)));
        let mut labels: Vec<String> = given.into_iter().map(|holding| holding.label.clone()).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Whether a group that was read gives the account the role that the provider calls inherited.
    fn is_explained(&self, account: AccountIx, inherited: &Holding) -> bool {
        self.holdings.by_group.iter().any(|(group, held)| {
            held.iter().any(|&at| {
                let holding = &self.holdings.kept[at as usize].holding;
                let reaches_as_far =
                    holding.scope == inherited.scope || matches!(inherited.scope, HoldingScope::Unknown(_));
                holding.role == inherited.role && reaches_as_far && (holding.active || !inherited.active)
            }) && self.is_member(account, *group)
        })
    }

    fn admin_holding(&self, holder: Holder, kept: &KeptHolding, via: Via) -> AdminHolding {
        let holding = &kept.holding;
        // Some lists name a role by its id only.
        let label = match self.role(&holding.role) {
            Some(role) if holding.label == holding.role => &role.label,
            _ => &holding.label,
        };
        AdminHolding {
            holder,
            role: holding.role.clone(),
            label: label.clone(),
            scope: holding.scope.clone(),
            via,
            active: holding.active,
            since: holding.since,
            provenance: self.provenance(kept.seen),
        }
    }
}

/// Roles as they were read.
#[derive(Debug)]
pub(crate) struct Holdings {
    pub(crate) kept: Vec<KeptHolding>,
    /// Positions of what each group holds.
    pub(crate) by_group: FxHashMap<GroupIx, Vec<u32>>,
}

#[derive(Debug)]
pub(crate) struct KeptHolding {
    pub(crate) by: HeldBy,
    pub(crate) holding: Holding,
    pub(crate) seen: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum HeldBy {
    Account(AccountIx),
    Group(GroupIx),
    Resource(ResourceIx),
}

impl Holdings {
    pub(crate) fn new(kept: Vec<KeptHolding>) -> Self {
        let mut by_group: FxHashMap<GroupIx, Vec<u32>> = FxHashMap::default();
        for (at, one) in kept.iter().enumerate() {
            if let HeldBy::Group(group) = one.by {
                by_group.entry(group).or_default().push(at as u32);
            }
        }
        Self { kept, by_group }
    }
}
