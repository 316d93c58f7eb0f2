//! What was not read of what a list is made from.

use std::collections::{BTreeMap, BTreeSet};

use sightline_core::{Gap, Info, Record, ScopeState};

use super::{Listed, Listing};
use crate::number;

/// The datasets that a list is made from, where they are known by name; all others hold settings.
const fn datasets(listing: Listing) -> &'static [&'static str] {
    match listing {
        Listing::Accounts => &["users"],
        Listing::Groups => &["groups"],
        Listing::Apps => &["apps"],
        Listing::Rules => &["group_rules"],
        Listing::Owners => &["group_owners"],
        Listing::Pushes => &["app_pushes"],
        Listing::Roles => &["roles", "role_permissions"],
        Listing::ScopeSets => &["scope_sets", "set_resources"],
        Listing::Credentials => &["api_tokens", "api_integrations", "apps"],
        Listing::Factors => &["factors"],
        Listing::Policies => &["policies", "policy_rules"],
        Listing::Devices => &["devices"],
        Listing::IdentityProviders => &["identity_providers"],
        Listing::Changes => &["changes"],
        Listing::Settings => &[],
    }
}

/// Datasets that hold no settings and of which no list is made.
const EDGES: &[&str] = &[
    "group_members",
    "app_users",
    "app_groups",
    "app_grants",
    "role_assignees",
    "user_roles",
    "group_roles",
    "client_roles",
    "set_bindings",
    "binding_members",
    "activity",
    "idp_users",
    "linked_objects",
    "factor_lane",
];

/// Whether a list is made from a dataset.
fn is_about(listing: Listing, dataset: &str) -> bool {
    const LISTS: &[Listing] = &[
        Listing::Accounts,
        Listing::Groups,
        Listing::Apps,
        Listing::Rules,
        Listing::Owners,
        Listing::Pushes,
        Listing::Roles,
        Listing::ScopeSets,
        Listing::Credentials,
        Listing::Factors,
        Listing::Policies,
        Listing::Devices,
        Listing::IdentityProviders,
        Listing::Changes,
    ];
    match listing {
        Listing::Settings => {
            !EDGES.contains(&dataset) && !LISTS.iter().any(|list| datasets(*list).contains(&dataset))
        }
        listing => datasets(listing).contains(&dataset),
    }
}

impl Listed {
    /// What was not read of what the list is made from, in whole sentences; the connector says what its datasets are, and
    /// `off` which of them are not read now.
    pub fn missing(&self, info: &Info, off: &BTreeSet<String>) -> Vec<String> {
        let Self { listing, snapshot, .. } = self;
        let source = &snapshot.source;
        let mut notes = Vec::new();
        let mut gaps: BTreeMap<(&str, &str), Vec<&Gap>> = BTreeMap::new();
        for gap in snapshot.gaps().filter(|gap| is_about(*listing, &gap.scope.dataset)) {
            gaps.entry((&gap.scope.dataset, gap.reason.phrase())).or_default().push(gap);
        }
        for ((dataset, reason), gaps) in &gaps {
            let [gap, others @ ..] = gaps.as_slice() else { continue };
            let dataset = dataset.replace('_', " ");
            let more =
                if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
            notes.push(format!("not complete [{source}]: {reason}: {dataset}: {}{more}", gap.detail));
        }
        let all = info.datasets.iter();
        let named: Vec<&str> = match listing {
            Listing::Settings => all.map(|dataset| dataset.id).filter(|id| is_about(*listing, id)).collect(),
            listing => datasets(*listing).to_vec(),
        };
        for id in named {
            let has_gap = gaps.keys().any(|(dataset, _)| *dataset == id);
            let has_scope = snapshot.scopes.iter().any(|state| state.scope.dataset == id);
            let dataset = info.dataset(id);
            // What is read under something has nothing to be read where there is no such thing.
            let is_listing = dataset.is_none_or(|dataset| dataset.parent.is_none());
            let title = id.replace('_', " ");
            if has_gap {
                // Told above.
            } else if off.contains(id) {
                notes.push(format!(
                    "not complete [{source}]: switched off: {title}; switch it on with --with {id}"
                ));
            } else if is_listing && !has_scope {
                notes.push(format!("not complete [{source}]: never read: {title}"));
            }
        }
        if *listing == Listing::Factors
            && snapshot.scopes.iter().any(|state| state.scope.dataset == "factors")
        {
            notes.extend(self.whose_factors_are_missing());
        }
        notes
    }

    /// Factors are read account by account, over many syncs: an account without any may only not have had its turn.
    fn whose_factors_are_missing(&self) -> Option<String> {
        let is_read = |state: &&ScopeState| {
            state.scope.dataset == "factors" && state.scope.parent.is_some() && state.complete.is_some()
        };
        let snapshot = &self.snapshot;
        let read = snapshot.scopes.iter().filter(is_read).count();
        let accounts = snapshot.facts.iter().filter(|fact| matches!(fact.record, Record::Account(_))).count();
        (read < accounts).then(|| {
            let left = number((accounts - read) as u64);
            format!("not complete [{}]: the factors of {left} accounts were not read yet", snapshot.source)
        })
    }
}
