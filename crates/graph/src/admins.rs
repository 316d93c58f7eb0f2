//! Who administers: roles held by accounts, flattened over groups; derived, never stored.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use sightline_core::{AccountStatus, Holding, HoldingScope, Time};

use crate::{AccountIx, Graph, GroupIx, Provenance, ResourceIx};

/// An account holds a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminHolding {
    /// Who.
    pub account: AccountIx,
    /// The role's id.
    pub role: String,
    /// The role's name for people.
    pub label: String,
    /// What it reaches.
    pub scope: HoldingScope,
    /// How the account comes to it.
    pub via: Via,
    /// Whether it is in force.
    pub active: bool,
    /// Since when, where it is known.
    pub since: Option<Time>,
    /// Status of the account.
    pub account_status: AccountStatus,
    /// Which syncs saw that the account or the group holds the role.
    pub provenance: Provenance,
}

/// How an account comes to a role.
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
    /// All roles of all accounts, by login, then by name of the role; deactivated accounts included.
    ///
    /// Empty does not mean that there are none while [`Graph::gaps_hiding_admins`] is not.
    pub fn admins(&self) -> Vec<AdminHolding> {
        let mut found = Vec::new();
        for kept in &self.holdings.kept {
            match kept.by {
                HeldBy::Account(account) if !kept.holding.inherited => {
                    found.push(self.admin_holding(account, kept, Via::Direct));
                }
                HeldBy::Account(account) => {
                    if !self.is_explained(account, &kept.holding) {
                        found.push(self.admin_holding(account, kept, Via::InheritedUnseen));
                    }
                }
                // A service application is no account.
                HeldBy::Resource(_) => {}
                HeldBy::Group(group) => {
                    for account in self.members(group) {
                        found.push(self.admin_holding(account, kept, Via::Group(group)));
                    }
                }
            }
        }
        found.sort_by(|a, b| {
            let key = |one: &AdminHolding| (one.account, one.via);
            (a.account, &a.label, &a.role, &a.scope, key(a), !a.active).cmp(&(
                b.account,
                &b.label,
                &b.role,
                &b.scope,
                key(b),
                !b.active,
            ))
        });
        found.dedup_by(|b, a| (a.account, &a.role, &a.scope, a.via) == (b.account, &b.role, &b.scope, b.via));
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

    fn admin_holding(&self, account: AccountIx, kept: &KeptHolding, via: Via) -> AdminHolding {
        let holding = &kept.holding;
        AdminHolding {
            account,
            role: holding.role.clone(),
            label: holding.label.clone(),
            scope: holding.scope.clone(),
            via,
            active: holding.active,
            since: holding.since,
            account_status: self.status(account),
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
