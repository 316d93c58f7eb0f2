//! A slow and simple model of who reaches what, over strings and sets.

use std::collections::{BTreeMap, BTreeSet};

use sightline_core::*;

/// What is true of one data source, record by record.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) records: Vec<Record>,
}

/// A path as text, and whether its assignment counts.
pub(crate) type NaivePath = (String, bool);

impl Model {
    pub(crate) fn accounts(&self) -> BTreeMap<&str, &Account> {
        let mut all = BTreeMap::new();
        for record in &self.records {
            if let Record::Account(account) = record {
                all.insert(account.id.as_str(), account.as_ref());
            }
        }
        all
    }

    pub(crate) fn groups(&self) -> BTreeMap<&str, &Group> {
        let mut all = BTreeMap::new();
        for record in &self.records {
            if let Record::Group(group) = record {
                all.insert(group.id.as_str(), group.as_ref());
            }
        }
        all
    }

    pub(crate) fn resources(&self) -> BTreeMap<&str, &Resource> {
        let mut all = BTreeMap::new();
        for record in &self.records {
            if let Record::Resource(resource) = record {
                all.insert(resource.id.as_str(), resource.as_ref());
            }
        }
        all
    }

    pub(crate) fn is_member(&self, account: &str, group: &str) -> bool {
        let (Some(account), Some(group)) =
            (self.accounts().get(account).copied(), self.groups().get(group).copied())
        else {
            return false;
        };
        let listed = self.records.iter().any(|record| {
            matches!(record, Record::Membership(edge) if edge.account == account.id && edge.group == group.id)
        });
        listed || group.everyone && account.status != AccountStatus::Deactivated
    }

    pub(crate) fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.records.iter().filter_map(|record| match record {
            Record::Assignment(edge) => Some(edge),
            _ => None,
        })
    }

    pub(crate) fn paths(&self, account: &str, resource: &str) -> BTreeSet<NaivePath> {
        let mut paths = BTreeSet::new();
        let (Some(entity), Some(app)) =
            (self.accounts().get(account).copied(), self.resources().get(resource).copied())
        else {
            return paths;
        };
        for edge in self.assignments().filter(|edge| edge.resource == resource) {
            if let Principal::Group(group) = &edge.principal
                && self.is_member(account, group)
            {
                paths.insert((format!("group {group}"), counts(edge)));
            }
        }
        let through_groups = paths.clone();
        if app.implicit_assignment == Observed::Known(true) && entity.status != AccountStatus::Deactivated {
            paths.insert(("implicit".into(), true));
        }
        for edge in self.assignments().filter(|edge| edge.resource == resource) {
            if edge.principal != Principal::Account(account.into()) {
                continue;
            }
            match &edge.origin {
                AssignmentOrigin::Direct => {
                    paths.insert(("direct".into(), counts(edge)));
                }
                AssignmentOrigin::Unknown(word) => {
                    paths.insert((format!("unknown {word}"), counts(edge)));
                }
                AssignmentOrigin::Group(group) => {
                    let fits =
                        |path: &str| group.as_ref().is_none_or(|named| path == format!("group {named}"));
                    let explained = through_groups
                        .iter()
                        .any(|(path, in_force)| fits(path) && (*in_force || !counts(edge)));
                    if !explained {
                        let name = group.as_deref().unwrap_or("?");
                        paths.insert((format!("unseen {name}"), counts(edge)));
                    }
                }
            }
        }
        paths
    }

    /// What no use inside a window from this time on means.
    pub(crate) fn unused_since(&self, account: &str, resource: &str, start: Time) -> LastUse {
        let mut born = Vec::new();
        if let Some(created) = self.accounts()[account].created {
            born.push(created);
        }
        born.extend(self.resources()[resource].created);
        match born.into_iter().max() {
            Some(time) if time >= start => LastUse::Never(time),
            _ => LastUse::NotSince(start),
        }
    }

    pub(crate) fn can_reach(&self, account: &str, resource: &str) -> bool {
        let able = matches!(self.accounts()[account].status, AccountStatus::Active | AccountStatus::Unknown);
        let open = self.resources()[resource].status != ResourceStatus::Inactive;
        able && open && self.paths(account, resource).iter().any(|(_, in_force)| *in_force)
    }

    pub(crate) fn reach(&self) -> BTreeSet<(String, String)> {
        let mut pairs = BTreeSet::new();
        for account in self.accounts().keys() {
            for resource in self.resources().keys() {
                if self.can_reach(account, resource) {
                    pairs.insert(((*account).to_owned(), (*resource).to_owned()));
                }
            }
        }
        pairs
    }

    /// All (account, resource, path) with a path in force, whatever the statuses.
    pub(crate) fn in_force(&self) -> BTreeSet<(String, String)> {
        let mut pairs = BTreeSet::new();
        for account in self.accounts().keys() {
            for resource in self.resources().keys() {
                if self.paths(account, resource).iter().any(|(_, in_force)| *in_force) {
                    pairs.insert(((*account).to_owned(), (*resource).to_owned()));
                }
            }
        }
        pairs
    }

    /// The provider takes back what it derived from groups when the groups go: such rows add nothing to what the groups say.
    pub(crate) fn without_derived_rows(&self) -> Self {
        let derived = |record: &Record| match record {
            Record::Assignment(edge) => match (&edge.principal, &edge.origin) {
                (Principal::Account(account), AssignmentOrigin::Group(_)) => {
                    !self.paths(account, &edge.resource).iter().any(|(path, _)| path.starts_with("unseen"))
                }
                _ => false,
            },
            _ => false,
        };
        Self { records: self.records.iter().filter(|record| !derived(record)).cloned().collect() }
    }

    /// Active roles by (role, label) of an account, direct or through groups.
    pub(crate) fn roles(&self, account: &str) -> BTreeSet<(String, String)> {
        let mut roles = BTreeSet::new();
        for record in &self.records {
            if let Record::Holding(holding) = record
                && holding.active
                && !holding.inherited
            {
                let holds = match &holding.principal {
                    Principal::Account(id) => id == account,
                    Principal::Group(id) => self.is_member(account, id),
                    Principal::Resource(_) => false,
                };
                if holds {
                    roles.insert((holding.role.clone(), holding.label.clone()));
                }
            }
        }
        roles
    }

    /// All holdings as text: `account role via active`.
    pub(crate) fn admins(&self) -> BTreeSet<(String, String, String, bool)> {
        let mut found = BTreeSet::new();
        let holdings = || {
            self.records.iter().filter_map(|record| match record {
                Record::Holding(holding) => Some(holding),
                _ => None,
            })
        };
        for account in self.accounts().keys().copied() {
            let mut push = |holding: &Holding, via: String| {
                found.insert((account.to_owned(), holding.role.clone(), via, holding.active));
            };
            let through: Vec<&Holding> = holdings()
                .filter(|holding| matches!(&holding.principal, Principal::Group(id) if self.is_member(account, id)))
                .collect();
            for holding in &through {
                push(holding, format!("group {}", holding.principal.id()));
            }
            for holding in
                holdings().filter(|holding| holding.principal == Principal::Account(account.into()))
            {
                if !holding.inherited {
                    push(holding, "direct".into());
                } else if !through
                    .iter()
                    .any(|group| group.role == holding.role && (group.active || !holding.active))
                {
                    push(holding, "unseen".into());
                }
            }
        }
        found
    }
}

fn counts(edge: &Assignment) -> bool {
    !matches!(edge.raw_status.as_deref(), Some("INACTIVE" | "DEPROVISIONED"))
}
