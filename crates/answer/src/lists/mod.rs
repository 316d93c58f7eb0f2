//! Lists of what snapshots hold: accounts, groups, applications, and everything that is set up.

mod lines;
mod missing;

use std::collections::HashMap;

use serde_json::Value;
use sightline_core::{Fact, Record, Snapshot};
use sightline_store::Store;

pub use lines::*;

use crate::{AnswerError, Chosen, SealTimes};

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Logins.
    Accounts,
    /// Groups.
    Groups,
    /// Applications.
    Apps,
    /// What puts accounts into groups.
    Rules,
    /// Who owns which group.
    Owners,
    /// Groups that are copied into applications.
    Pushes,
    /// Admin roles.
    Roles,
    /// Sets of things that admin roles are limited to.
    ScopeSets,
    /// API tokens, secrets, keys and integrations, never their values.
    Credentials,
    /// Second factors of accounts.
    Factors,
    /// Policies.
    Policies,
    /// Devices.
    Devices,
    /// Identity providers that are trusted.
    IdentityProviders,
    /// Everything else that is set up.
    Settings,
    /// What the log says was changed.
    Changes,
}

impl Listing {
    /// The kinds of facts that the list is made from: those that it lists, what it knows under them, and what they name.
    const fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Accounts => &["account"],
            Self::Groups => &["group"],
            Self::Apps => &["resource"],
            Self::Rules => &["rule", "group"],
            Self::Owners => &["ownership", "account", "group", "resource"],
            Self::Pushes => &["push", "group", "resource"],
            Self::Roles => &["role", "permission"],
            Self::ScopeSets => &["scope_set", "set_member", "account", "group", "resource"],
            Self::Credentials => &["credential", "account", "group", "resource"],
            Self::Factors => &["factor", "account"],
            Self::Policies => &["policy", "policy_rule", "governance"],
            Self::Devices => &["device", "device_use", "account"],
            Self::IdentityProviders => &["trust"],
            Self::Settings => &["setting"],
            Self::Changes => &["change"],
        }
    }
}

/// What a list is made from: the facts of a snapshot that it needs.
#[derive(Debug)]
pub struct Listed {
    listing: Listing,
    /// Without the facts of other kinds.
    snapshot: Snapshot,
    times: SealTimes,
}

impl Listed {
    /// Reads what a list is made from.
    pub fn load(store: &Store, chosen: Chosen, listing: Listing) -> Result<Self, AnswerError> {
        let Chosen { record, meta, times } = chosen;
        let mut facts: Vec<Fact> = Vec::new();
        let scopes = store.visit_kinds(record.id, meta.number, listing.kinds(), |fact| facts.push(fact))?;
        let snapshot = Snapshot {
            source: record.name,
            tenant: record.tenant,
            number: meta.number,
            started: meta.started,
            sealed: meta.sealed,
            scopes,
            facts,
            dangling: meta.dangling,
        };
        Ok(Self { listing, snapshot, times })
    }
}

/// What things of one snapshot are called, and what is known under them.
struct Names<'a> {
    snapshot: &'a Snapshot,
    called: HashMap<(&'static str, &'a str), &'a str>,
    /// Permissions of roles, rules and applications of policies, accounts of devices: by the id of the former.
    under: HashMap<&'a str, Vec<&'a Record>>,
}

impl<'a> Names<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let mut called = HashMap::new();
        let mut under: HashMap<&str, Vec<&Record>> = HashMap::new();
        for fact in &snapshot.facts {
            let record = &fact.record;
            let parent = match record {
                Record::Account(account) => {
                    called.insert(("account", account.id.as_str()), account.login.as_str());
                    continue;
                }
                Record::Group(group) => {
                    called.insert(("group", group.id.as_str()), group.name.as_str());
                    continue;
                }
                Record::Resource(app) => {
                    called.insert(("resource", app.id.as_str()), app.label.as_str());
                    continue;
                }
                Record::Permission(permission) => &permission.role,
                Record::PolicyRule(rule) => &rule.policy,
                Record::Governance(edge) => &edge.policy,
                Record::DeviceUse(used) => &used.device,
                _ => continue,
            };
            under.entry(parent).or_default().push(record);
        }
        Self { snapshot, called, under }
    }

    /// What is known under something.
    fn under(&self, id: &str) -> impl Iterator<Item = &'a Record> {
        self.under.get(id).into_iter().flatten().copied()
    }

    /// Whether what is read under something was read completely.
    fn is_read(&self, id: &str) -> bool {
        let mut scopes =
            self.snapshot.scopes.iter().filter(|state| state.scope.parent.as_deref() == Some(id));
        scopes.clone().any(|state| state.complete.is_some()) && scopes.all(|state| state.gap.is_none())
    }

    fn get(&self, kind: &'static str, id: &str) -> Option<String> {
        self.called.get(&(kind, id)).map(|name| (*name).to_owned())
    }

    /// The name of `account/ID` and the like.
    fn of_object(&self, object: &str) -> Option<String> {
        match object.split_once('/') {
            Some(("account", id)) => self.get("account", id),
            Some(("group", id)) => self.get("group", id),
            Some(("resource", id)) => self.get("resource", id),
            _ => None,
        }
    }
}

/// Writes a value with its fields by name, as the JSON of these lists always has what is known besides a fact.
fn by_name<T: serde::Serialize, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let value: Value = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
    serde::Serialize::serialize(&value, serializer)
}
