//! Administration and reporting, as JSON: the shapes that programs rely on.

use serde::Serialize;
use sightline_core::{AccountStatus, ApiGrant, Credential, HoldingScope, Observed, RawJson, Time};
use sightline_graph::{AccountIx, AdminHolding, Graph, Holder, Manager, Power, ServiceApp, Via};

use super::{AccountRef, NamedRef, ProvenanceAnswer, SnapshotStamp, account_ref, group_ref, resource_ref};
use crate::world::Known;

/// An account or a service application that holds an admin role.
#[derive(Debug, Serialize)]
pub(crate) struct AdminLine {
    pub(crate) source: String,
    #[serde(flatten)]
    pub(crate) snapshot: SnapshotStamp,
    /// Who, if it is an account.
    pub(crate) account: Option<AccountRef>,
    /// What, if it is a service application.
    pub(crate) service_app: Option<NamedRef>,
    pub(crate) role: String,
    pub(crate) label: String,
    /// What a custom role allows; null for a role that the provider defines.
    pub(crate) permissions: Option<Observed<Vec<PermissionAnswer>>>,
    pub(crate) scope: HoldingScope,
    /// The set of things that it is limited to, if it is limited to one.
    pub(crate) set: Option<SetAnswer>,
    pub(crate) via: ViaAnswer,
    pub(crate) active: bool,
    pub(crate) since: Option<Time>,
    pub(crate) provenance: ProvenanceAnswer,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ViaAnswer {
    Direct,
    Group { group: NamedRef },
    UnseenGroup,
}

#[derive(Debug, Serialize)]
pub(crate) struct PermissionAnswer {
    pub(crate) name: String,
    /// What limits it further, as the provider has it; null where nothing does.
    pub(crate) conditions: RawJson,
}

/// What is in a set that roles are limited to.
#[derive(Debug, Serialize)]
pub(crate) struct SetAnswer {
    pub(crate) id: String,
    /// Null where the set itself was not read.
    pub(crate) label: Option<String>,
    pub(crate) holds: Vec<SetMemberAnswer>,
    /// Why it may hold more; null where all of it was read.
    pub(crate) unread: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SetMemberAnswer {
    pub(crate) object: String,
    pub(crate) name: Option<String>,
    /// Whether it names what the object contains and not the object itself.
    pub(crate) contents: bool,
    pub(crate) conditions: RawJson,
}

impl SetMemberAnswer {
    /// What it is in a few words.
    fn phrase(&self) -> String {
        let name = self.name.as_deref().unwrap_or(&self.object);
        let limited = if self.conditions == RawJson::default() { "" } else { " (under conditions)" };
        if self.contents { format!("what is in {name}{limited}") } else { format!("{name}{limited}") }
    }
}

pub(crate) fn set_answer(graph: &Graph, id: &str) -> SetAnswer {
    let contents = graph.set_contents(id);
    let member = |member: &sightline_core::SetMember| SetMemberAnswer {
        name: object_name(graph, &member.object),
        object: member.object.clone(),
        contents: member.contents,
        conditions: member.conditions.clone(),
    };
    SetAnswer {
        id: id.to_owned(),
        label: graph.scope_set(id).map(|set| set.label.clone()),
        holds: contents.members.iter().map(member).collect(),
        unread: contents.unread,
    }
}

impl SetAnswer {
    /// What it holds in a few words; `most` bounds the things that are named.
    pub(crate) fn contents(&self, most: usize) -> String {
        let mut parts: Vec<String> = self.holds.iter().take(most).map(SetMemberAnswer::phrase).collect();
        if self.holds.len() > most {
            parts.push(format!("{} more", self.holds.len() - most));
        }
        match &self.unread {
            Some(why) if self.holds.is_empty() => parts.push(format!("what it holds is unknown: {why}")),
            Some(why) => parts.push(format!("perhaps more: {why}")),
            None if self.holds.is_empty() => parts.push("nothing".to_owned()),
            None => {}
        }
        parts.join(", ")
    }
}

/// The name of `group/ID`, `account/ID` or `resource/ID`, where it is known.
pub(crate) fn object_name(graph: &Graph, object: &str) -> Option<String> {
    let (kind, id) = object.split_once('/')?;
    match kind {
        "group" => graph.group_with_id(id).map(|group| graph.group(group).name.clone()),
        "resource" => graph.resource_with_id(id).map(|app| graph.resource(app).label.clone()),
        "account" => graph.account_with_id(id).map(|account| graph.account(account).login.to_owned()),
        _ => None,
    }
}

/// What a role reaches, with names for ids where they are known; `most` bounds how many things are named.
pub(crate) fn reaches(graph: &Graph, scope: &HoldingScope, most: usize) -> String {
    match scope {
        HoldingScope::Org => "whole organisation".to_owned(),
        HoldingScope::Unknown(why) => format!("unknown: {why}"),
        HoldingScope::Set(id) => {
            let set = set_answer(graph, id);
            format!("resource set {} ({})", set.label.as_deref().unwrap_or(id), set.contents(most))
        }
        HoldingScope::Targets(targets) => {
            let name = |target: &String| object_name(graph, target).unwrap_or_else(|| target.clone());
            let mut names: Vec<String> = targets.iter().take(most).map(name).collect();
            if targets.len() > most {
                names.push(format!("{} more", targets.len() - most));
            }
            names.join(", ")
        }
    }
}

pub(crate) fn permissions(graph: &Graph, role: &str) -> Option<Observed<Vec<PermissionAnswer>>> {
    let answer = |one: &sightline_core::Permission| PermissionAnswer {
        name: one.name.clone(),
        conditions: one.conditions.clone(),
    };
    graph.permissions(role).map(|found| match found {
        Observed::Known(all) => Observed::Known(all.iter().map(answer).collect()),
        Observed::Unknown(why) => Observed::Unknown(why),
    })
}

impl AdminLine {
    pub(crate) fn of(known: &Known, holding: &AdminHolding) -> Self {
        let graph = &known.graph;
        let (account, service_app) = match holding.holder {
            Holder::Account(account) => (Some(account_ref(graph, account)), None),
            Holder::Resource(app) => (None, Some(resource_ref(graph, app))),
        };
        Self {
            source: graph.about().source.clone(),
            snapshot: SnapshotStamp::of(graph),
            account,
            service_app,
            role: holding.role.clone(),
            label: holding.label.clone(),
            permissions: permissions(graph, &holding.role),
            scope: holding.scope.clone(),
            set: match &holding.scope {
                HoldingScope::Set(id) => Some(set_answer(graph, id)),
                _ => None,
            },
            via: match holding.via {
                Via::Direct => ViaAnswer::Direct,
                Via::Group(group) => ViaAnswer::Group { group: group_ref(graph, group) },
                Via::InheritedUnseen => ViaAnswer::UnseenGroup,
            },
            active: holding.active,
            since: holding.since,
            provenance: ProvenanceAnswer::of(&holding.provenance, &known.times),
        }
    }

    /// Who it is, for people.
    pub(crate) fn who(&self) -> String {
        match (&self.account, &self.service_app) {
            (Some(account), _) => account.login.clone(),
            (None, Some(app)) => format!("service app {}", app.name),
            (None, None) => String::new(),
        }
    }

    /// Status of the account; nothing for a service application.
    pub(crate) fn status(&self) -> &'static str {
        self.account.as_ref().map_or("", |account| AccountStatus::word(account.status))
    }
}

/// A service application with what gives it power.
#[derive(Debug, Serialize)]
pub(crate) struct ServiceAppLine {
    pub(crate) source: String,
    #[serde(flatten)]
    pub(crate) snapshot: SnapshotStamp,
    pub(crate) app: NamedRef,
    pub(crate) raw_status: String,
    pub(crate) power: PowerAnswer,
    pub(crate) roles: Vec<AdminLine>,
    /// Why it may hold more roles; null where all of them were read.
    pub(crate) roles_unread: Option<String>,
    pub(crate) grants: Vec<ApiGrant>,
    /// Why it may have been granted more; null where all of it was read.
    pub(crate) grants_unread: Option<String>,
    pub(crate) credentials: Vec<CredentialAnswer>,
}

/// Whether it can do anything.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum PowerAnswer {
    Some,
    None { why: String },
    Unknown { why: String },
}

impl PowerAnswer {
    pub(crate) fn phrase(&self) -> String {
        match self {
            Self::Some => "yes".to_owned(),
            Self::None { why } => format!("no: {why}"),
            Self::Unknown { why } => format!("unknown: {why}"),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct CredentialAnswer {
    #[serde(flatten)]
    pub(crate) credential: Credential,
    /// Whole days from its making to the snapshot.
    pub(crate) age_days: Option<u64>,
}

impl ServiceAppLine {
    pub(crate) fn of(known: &Known, app: ServiceApp<'_>) -> Self {
        let graph = &known.graph;
        let sealed = graph.about().sealed;
        Self {
            source: graph.about().source.clone(),
            snapshot: SnapshotStamp::of(graph),
            app: resource_ref(graph, app.resource),
            raw_status: graph.resource(app.resource).raw_status.clone(),
            power: match app.power {
                Power::Some => PowerAnswer::Some,
                Power::None(why) => PowerAnswer::None { why: why.to_owned() },
                Power::Unknown(why) => PowerAnswer::Unknown { why },
            },
            roles: app.roles.iter().map(|holding| AdminLine::of(known, holding)).collect(),
            roles_unread: app.roles_unread,
            grants: app.grants.into_iter().cloned().collect(),
            grants_unread: app.grants_unread,
            credentials: app
                .credentials
                .into_iter()
                .map(|credential| CredentialAnswer {
                    age_days: credential.created.map(|created| sealed.since(created).as_secs() / 86_400),
                    credential: credential.clone(),
                })
                .collect(),
        }
    }
}

/// Whom an account reports to.
#[derive(Debug, Serialize)]
pub(crate) struct ManagerAnswer {
    /// What the profile says.
    pub(crate) named: String,
    /// The account that it means; null where that is not certain.
    pub(crate) account: Option<AccountRef>,
    /// Why it is not certain.
    pub(crate) unresolved: Option<String>,
}

impl ManagerAnswer {
    /// None where the profile names nobody.
    pub(crate) fn of(graph: &Graph, account: AccountIx) -> Option<Self> {
        let named = || graph.account(account).manager.unwrap_or_default().trim().to_owned();
        match graph.manager_of(account) {
            Manager::NotNamed => None,
            Manager::Account(manager) => {
                Some(Self { named: named(), account: Some(account_ref(graph, manager)), unresolved: None })
            }
            Manager::NotFound { named } => {
                Some(Self { named, account: None, unresolved: Some("no account fits".to_owned()) })
            }
            Manager::Ambiguous { named, fitting } => {
                let unresolved = Some(format!("{} accounts fit", fitting.len()));
                Some(Self { named, account: None, unresolved })
            }
        }
    }

    /// Who it is, for people.
    pub(crate) fn phrase(&self) -> String {
        match (&self.account, &self.unresolved) {
            (Some(manager), _) => format!("{} ({}, {})", manager.login, manager.name, manager.status.word()),
            (None, why) => format!("{} (not resolved: {})", self.named, why.as_deref().unwrap_or("unknown")),
        }
    }
}
