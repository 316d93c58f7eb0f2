//! Administration and reporting.

use serde::Serialize;
use sightline_core::{AccountStatus, ApiGrant, Credential, HoldingScope, Observed, RawJson, Time};
use sightline_graph::{AccountIx, AdminHolding, Graph, Holder, Manager, Power, ServiceApp, Via};
use utoipa::ToSchema;

use crate::{AccountRef, Known, NamedRef, ProvenanceAnswer, SnapshotStamp, schema};

/// An account or a service application that holds an admin role.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminLine {
    /// Name of the data source.
    pub source: String,
    /// Which snapshot it rests on.
    #[serde(flatten)]
    pub snapshot: SnapshotStamp,
    /// Who, if it is an account; null otherwise.
    #[schema(required = true)]
    pub account: Option<AccountRef>,
    /// What, if it is a service application; null otherwise.
    #[schema(required = true)]
    pub service_app: Option<NamedRef>,
    /// The role's id.
    pub role: String,
    /// The role's name for people.
    pub label: String,
    /// What a custom role allows; null for a role that the provider defines.
    #[schema(value_type = Option<schema::Observed<Vec<PermissionAnswer>>>, required = true)]
    pub permissions: Option<Observed<Vec<PermissionAnswer>>>,
    /// What it reaches.
    #[schema(value_type = schema::HoldingScope)]
    pub scope: HoldingScope,
    /// The set of things that it is limited to; null where it is not limited to one.
    #[schema(required = true)]
    pub set: Option<SetAnswer>,
    /// How it is held.
    pub via: ViaAnswer,
    /// Whether it is in force.
    pub active: bool,
    /// Since when, where the provider says so.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub since: Option<Time>,
    /// Which syncs saw it, and where.
    pub provenance: ProvenanceAnswer,
}

/// How a role is held.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ViaAnswer {
    /// By itself.
    Direct,
    /// Through a group that holds it.
    Group {
        /// Which group.
        group: NamedRef,
    },
    /// Through a group that was not seen.
    UnseenGroup,
}

impl ViaAnswer {
    /// The way in a few words.
    pub fn phrase(&self) -> String {
        match self {
            Self::Direct => "direct".to_owned(),
            Self::Group { group } => group.name.clone(),
            Self::UnseenGroup => "a group that was not seen".to_owned(),
        }
    }
}

/// Something that a custom role allows.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionAnswer {
    /// The provider's name of it: `okta.users.read`.
    pub name: String,
    /// What limits it further, as the provider has it; null where nothing does.
    #[schema(value_type = serde_json::Value)]
    pub conditions: RawJson,
}

impl PermissionAnswer {
    /// Its name, and whether conditions limit it.
    pub fn phrase(&self) -> String {
        let limited = if self.conditions == RawJson::default() { "" } else { " (under conditions)" };
        format!("{}{limited}", self.name)
    }
}

/// What is in a set that roles are limited to.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetAnswer {
    /// The provider's id.
    pub id: String,
    /// Name for people; null where the set itself was not read.
    #[schema(required = true)]
    pub label: Option<String>,
    /// What is in it.
    pub holds: Vec<SetMemberAnswer>,
    /// Why it may hold more; null where all of it was read.
    #[schema(required = true)]
    pub unread: Option<String>,
}

/// Something in a set that roles are limited to.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetMemberAnswer {
    /// What it is: `group/ID`, `account/ID`, `resource/ID`, or the provider's own name for anything else.
    pub object: String,
    /// Its name for people, where that is known.
    #[schema(required = true)]
    pub name: Option<String>,
    /// Whether it names what the object contains and not the object itself.
    pub contents: bool,
    /// What limits it further, as the provider has it; null where nothing does.
    #[schema(value_type = serde_json::Value)]
    pub conditions: RawJson,
}

impl SetMemberAnswer {
    /// What it is in a few words.
    fn phrase(&self) -> String {
        let name = self.name.as_deref().unwrap_or(&self.object);
        let limited = if self.conditions == RawJson::default() { "" } else { " (under conditions)" };
        if self.contents { format!("what is in {name}{limited}") } else { format!("{name}{limited}") }
    }
}

impl SetAnswer {
    /// What a graph knows of a set, by its id.
    pub fn of(graph: &Graph, id: &str) -> Self {
        let contents = graph.set_contents(id);
        let member = |member: &sightline_core::SetMember| SetMemberAnswer {
            name: object_name(graph, &member.object),
            object: member.object.clone(),
            contents: member.contents,
            conditions: member.conditions.clone(),
        };
        Self {
            id: id.to_owned(),
            label: graph.scope_set(id).map(|set| set.label.clone()),
            holds: contents.members.iter().map(member).collect(),
            unread: contents.unread,
        }
    }

    /// What it holds in a few words; `most` bounds the things that are named.
    pub fn contents(&self, most: usize) -> String {
        contents_phrase(&self.holds, self.unread.as_deref(), most)
    }
}

/// What a set holds in a few words, and why it may hold more; `most` bounds the things that are named.
pub(crate) fn contents_phrase(holds: &[SetMemberAnswer], unread: Option<&str>, most: usize) -> String {
    let mut parts: Vec<String> = holds.iter().take(most).map(SetMemberAnswer::phrase).collect();
    if holds.len() > most {
        parts.push(format!("{} more", holds.len() - most));
    }
    match unread {
        Some(why) if holds.is_empty() => parts.push(format!("what it holds is unknown: {why}")),
        Some(why) => parts.push(format!("perhaps more: {why}")),
        None if holds.is_empty() => parts.push("nothing".to_owned()),
        None => {}
    }
    parts.join(", ")
}

/// The name of `group/ID`, `account/ID` or `resource/ID`, where it is known.
fn object_name(graph: &Graph, object: &str) -> Option<String> {
    let (kind, id) = object.split_once('/')?;
    match kind {
        "group" => graph.group_with_id(id).map(|group| graph.group(group).name.clone()),
        "resource" => graph.resource_with_id(id).map(|app| graph.resource(app).label.clone()),
        "account" => graph.account_with_id(id).map(|account| graph.account(account).login.to_owned()),
        _ => None,
    }
}

/// What a role reaches, with names for ids where they are known; `most` bounds how many things are named.
pub fn reaches(graph: &Graph, scope: &HoldingScope, most: usize) -> String {
    match scope {
        HoldingScope::Org => "whole organisation".to_owned(),
        HoldingScope::Unknown(why) => format!("unknown: {why}"),
        HoldingScope::Set(id) => {
            let set = SetAnswer::of(graph, id);
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

fn permissions(graph: &Graph, role: &str) -> Option<Observed<Vec<PermissionAnswer>>> {
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
    /// Everyone and everything that holds a role.
    pub fn all(known: &Known) -> Vec<Self> {
        known.graph.admins().iter().map(|holding| Self::of(known, holding)).collect()
    }

    /// A role that the graph found somebody to hold.
    pub fn of(known: &Known, holding: &AdminHolding) -> Self {
        let graph = &known.graph;
        let (account, service_app) = match holding.holder {
            Holder::Account(account) => (Some(AccountRef::of(graph, account)), None),
            Holder::Resource(app) => (None, Some(NamedRef::app(graph, app))),
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
                HoldingScope::Set(id) => Some(SetAnswer::of(graph, id)),
                _ => None,
            },
            via: match holding.via {
                Via::Direct => ViaAnswer::Direct,
                Via::Group(group) => ViaAnswer::Group { group: NamedRef::group(graph, group) },
                Via::InheritedUnseen => ViaAnswer::UnseenGroup,
            },
            active: holding.active,
            since: holding.since,
            provenance: ProvenanceAnswer::of(&holding.provenance, &known.times),
        }
    }

    /// Who it is, for people.
    pub fn who(&self) -> String {
        match (&self.account, &self.service_app) {
            (Some(account), _) => account.login.clone(),
            (None, Some(app)) => format!("service app {}", app.name),
            (None, None) => String::new(),
        }
    }

    /// Status of the account; nothing for a service application.
    pub fn status(&self) -> &'static str {
        self.account.as_ref().map_or("", |account| AccountStatus::word(account.status))
    }
}

/// A service application with what gives it power.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceAppLine {
    /// Name of the data source.
    pub source: String,
    /// Which snapshot it rests on.
    #[serde(flatten)]
    pub snapshot: SnapshotStamp,
    /// Which application.
    pub app: NamedRef,
    /// Its status in the provider's own word.
    pub raw_status: String,
    /// Whether it can do anything.
    pub power: PowerAnswer,
    /// Roles that it holds, by name.
    pub roles: Vec<AdminLine>,
    /// Why it may hold more roles; null where all of them were read.
    #[schema(required = true)]
    pub roles_unread: Option<String>,
    /// Parts of the provider's interface that it was allowed to use, by name.
    #[schema(value_type = Vec<schema::ApiGrant>)]
    pub grants: Vec<ApiGrant>,
    /// Why it may have been granted more; null where all of it was read.
    #[schema(required = true)]
    pub grants_unread: Option<String>,
    /// What it proves to be itself with, as far as the provider tells.
    pub credentials: Vec<CredentialAnswer>,
}

/// Whether it can do anything.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PowerAnswer {
    /// It was allowed a part of the interface and holds a role.
    Some,
    /// It cannot.
    None {
        /// Why not.
        why: String,
    },
    /// What could give it power was not read.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl PowerAnswer {
    /// Whether it can, in a few words.
    pub fn phrase(&self) -> String {
        match self {
            Self::Some => "yes".to_owned(),
            Self::None { why } => format!("no: {why}"),
            Self::Unknown { why } => format!("unknown: {why}"),
        }
    }
}

/// What a service application proves to be itself with.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialAnswer {
    /// What is known of it, never its value.
    #[serde(flatten)]
    #[schema(value_type = schema::Credential)]
    pub credential: Credential,
    /// Whole days from its making to the snapshot; null where it is not known when it was made.
    #[schema(required = true)]
    pub age_days: Option<u64>,
}

impl ServiceAppLine {
    /// Everything that is a service application or holds roles like one, by label.
    pub fn all(known: &Known) -> Vec<Self> {
        known.graph.service_apps().into_iter().map(|app| Self::of(known, app)).collect()
    }

    /// A service application that the graph found.
    pub fn of(known: &Known, app: ServiceApp<'_>) -> Self {
        let graph = &known.graph;
        let sealed = graph.about().sealed;
        Self {
            source: graph.about().source.clone(),
            snapshot: SnapshotStamp::of(graph),
            app: NamedRef::app(graph, app.resource),
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
#[derive(Debug, Serialize, ToSchema)]
pub struct ManagerAnswer {
    /// What the profile says.
    pub named: String,
    /// The account that it means; null where that is not certain.
    #[schema(required = true)]
    pub account: Option<AccountRef>,
    /// Why it is not certain; null where it is.
    #[schema(required = true)]
    pub unresolved: Option<String>,
}

impl ManagerAnswer {
    /// None where the profile names nobody.
    pub fn of(graph: &Graph, account: AccountIx) -> Option<Self> {
        let named = || graph.account(account).manager.unwrap_or_default().trim().to_owned();
        match graph.manager_of(account) {
            Manager::NotNamed => None,
            Manager::Account(manager) => {
                Some(Self { named: named(), account: Some(AccountRef::of(graph, manager)), unresolved: None })
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
    pub fn phrase(&self) -> String {
        match (&self.account, &self.unresolved) {
            (Some(manager), _) => format!("{} ({}, {})", manager.login, manager.name, manager.status.word()),
            (None, why) => format!("{} (not resolved: {})", self.named, why.as_deref().unwrap_or("unknown")),
        }
    }
}
