//! What changed facts led to: access and admin roles gained and lost.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sightline_graph::history::{Delta, Novelty, What};
use sightline_graph::{AdminHolding, Graph, Holder, PathKind, ReachChange, ReachReason, Via};
use utoipa::ToSchema;

use crate::changes::Called;
use crate::{AccountRef, ByAnswer, ChangeAnswer, NamedRef, count};

/// Whether something came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gain {
    /// It is there and was not.
    Gained,
    /// It was there and is not.
    Lost,
}

/// What of an access is not the same on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessReason {
    /// The account is there on one side only.
    Account,
    /// The application is there on one side only.
    App,
    /// Both are there, and a path on one side only.
    Path,
    /// Only the account's status differs.
    AccountStatus,
    /// Only the application's status differs.
    AppStatus,
}

/// An account that can reach an application on one side only.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessChange {
    /// Whether it is the later side.
    pub what: Gain,
    /// Who.
    pub account: AccountRef,
    /// What.
    pub app: NamedRef,
    /// What is not the same.
    pub reason: AccessReason,
    /// The ways that it goes on its side, in words.
    pub through: Vec<String>,
    /// Keys of the changes that led to it.
    pub because: Vec<String>,
    /// Whether it may be older: what it rests on was not read before.
    pub seen_for_the_first_time: bool,
    /// Who did the first of those changes and when, in a few words.
    #[serde(skip)]
    pub by: Option<String>,
}

/// An admin role that is held on one side only.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleChange {
    /// Whether it is the later side.
    pub what: Gain,
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
    /// What it reaches, in a few words.
    pub reach: String,
    /// The group that gives it; null where it is held directly.
    #[schema(required = true)]
    pub through: Option<NamedRef>,
    /// Keys of the changes that led to it.
    pub because: Vec<String>,
    /// Whether it may be older: what it rests on was not read before.
    pub seen_for_the_first_time: bool,
    /// Who did the first of those changes and when, in a few words.
    #[serde(skip)]
    pub by: Option<String>,
}

/// Changes by the keys of their facts, to find what led to what.
pub(crate) struct Causes<'d>(HashMap<&'d str, (&'d Delta, bool, Option<String>)>);

impl<'d> Causes<'d> {
    pub(crate) fn of(deltas: &'d [Delta], novelties: &[Novelty], changes: &[ChangeAnswer]) -> Self {
        let mut by_key = HashMap::new();
        for ((delta, novelty), change) in deltas.iter().zip(novelties).zip(changes) {
            if !delta.told_again {
                let first_sight = novelty.is_first_sight() && change.seen_for_the_first_time.is_some();
                let by = change.by.as_ref().map(ByAnswer::phrase);
                by_key.insert(delta.key.as_str(), (delta, first_sight, by));
            }
        }
        Self(by_key)
    }

    /// Changes among these facts that matter: of an account or a resource only its coming, going, and status.
    fn among(&self, keys: &[String]) -> Vec<&(&'d Delta, bool, Option<String>)> {
        let matters = |delta: &Delta| {
            let is_entity = delta.record().entity().is_some();
            let names = ["status", "implicit_assignment"];
            !is_entity
                || delta.what != What::Changed
                || delta.fields.iter().any(|field| names.contains(&field.name.as_str()))
        };
        keys.iter().filter_map(|key| self.0.get(key.as_str())).filter(|cause| matters(cause.0)).collect()
    }

    /// What led to something that rests on any of these sets of facts: the keys of the changes, who did the first of
    /// them, and whether any of the sets was only seen for the first time.
    fn behind(&self, ways: &[Vec<String>]) -> (Vec<String>, Option<String>, bool) {
        let mut keys = Vec::new();
        let mut by = None;
        let mut first_sight = false;
        for way in ways {
            let causes = self.among(way);
            first_sight |= !causes.is_empty() && causes.iter().all(|cause| cause.1);
            for cause in causes {
                if !keys.contains(&cause.0.key) {
                    keys.push(cause.0.key.clone());
                }
                by = by.or_else(|| cause.2.clone());
            }
        }
        (keys, by, first_sight)
    }
}

pub(crate) fn access_changes(before: &Graph, after: &Graph, causes: &Causes<'_>) -> Vec<AccessChange> {
    let mut found: Vec<AccessChange> = Graph::gained_and_lost(before, after)
        .into_iter()
        .map(|change| {
            let ReachChange { account_id, resource_id, account, resource, gained, reason } = change;
            let graph = if gained { after } else { before };
            let access = graph.access(account, resource);
            let paths = access.iter().flat_map(|access| access.paths.iter()).filter(|path| path.in_force);
            let paths: Vec<&PathKind> = paths.map(|path| &path.kind).collect();
            let ways: Vec<Vec<String>> = paths
                .iter()
                .map(|path| {
                    let mut keys = graph.path_evidence(account, resource, path);
                    keys.extend([format!("account/{account_id}"), format!("resource/{resource_id}")]);
                    keys
                })
                .collect();
            let (because, by, first_sight) = causes.behind(&ways);
            let through = |path: &&PathKind| match path {
                PathKind::ThroughGroup { group } => graph.group(*group).name.clone(),
                PathKind::Direct => "a direct assignment".to_owned(),
                PathKind::Implicit => "everyone's access".to_owned(),
                PathKind::ThroughUnseenGroup { .. } => "a group that was not seen".to_owned(),
                PathKind::UnknownOrigin { word } => word.to_string(),
            };
            AccessChange {
                what: if gained { Gain::Gained } else { Gain::Lost },
                account: AccountRef::of(graph, account),
                app: NamedRef::app(graph, resource),
                reason: reason_word(reason),
                through: paths.iter().map(through).collect(),
                because,
                seen_for_the_first_time: gained && first_sight,
                by,
            }
        })
        .collect();
    found.sort_by(|a, b| {
        (a.what, &a.account.login, &a.app.name).cmp(&(b.what, &b.account.login, &b.app.name))
    });
    found
}

const fn reason_word(reason: ReachReason) -> AccessReason {
    match reason {
        ReachReason::Account => AccessReason::Account,
        ReachReason::Resource => AccessReason::App,
        ReachReason::Path => AccessReason::Path,
        ReachReason::AccountStatus => AccessReason::AccountStatus,
        ReachReason::ResourceStatus => AccessReason::AppStatus,
    }
}

pub(crate) fn role_changes(
    before: &Graph,
    after: &Graph,
    causes: &Causes<'_>,
    called: &Called<'_>,
) -> Vec<RoleChange> {
    let held = |graph: &Graph| -> BTreeMap<(String, String, String, Option<String>), AdminHolding> {
        let active = graph.admins().into_iter().filter(|held| held.active);
        active.map(|held| (identity(graph, &held), held)).collect()
    };
    let (was, is) = (held(before), held(after));
    let gained = is.iter().filter(|(key, _)| !was.contains_key(*key)).map(|(_, held)| (after, true, held));
    let lost = was.iter().filter(|(key, _)| !is.contains_key(*key)).map(|(_, held)| (before, false, held));
    gained
        .chain(lost)
        .map(|(graph, gained, held)| {
            let (account, service_app) = match held.holder {
                Holder::Account(account) => (Some(AccountRef::of(graph, account)), None),
                Holder::Resource(app) => (None, Some(NamedRef::app(graph, app))),
            };
            let mut keys = graph.role_evidence(held);
            let holder = account.as_ref().map(|account| format!("account/{}", account.id));
            keys.extend(holder);
            let (because, by, first_sight) = causes.behind(&[keys]);
            RoleChange {
                what: if gained { Gain::Gained } else { Gain::Lost },
                account,
                service_app,
                role: held.role.clone(),
                label: held.label.clone(),
                reach: called.reach(&held.scope),
                through: match held.via {
                    Via::Group(group) => Some(NamedRef::group(graph, group)),
                    Via::Direct | Via::InheritedUnseen => None,
                },
                because,
                seen_for_the_first_time: gained && first_sight,
                by,
            }
        })
        .collect()
}

/// What makes a held role the same one in two graphs.
fn identity(graph: &Graph, held: &AdminHolding) -> (String, String, String, Option<String>) {
    let holder = match held.holder {
        Holder::Account(account) => format!("account/{}", graph.account(account).id),
        Holder::Resource(app) => format!("resource/{}", graph.resource(app).id),
    };
    let via = match held.via {
        Via::Group(group) => Some(graph.group(group).id.clone()),
        Via::Direct => None,
        Via::InheritedUnseen => Some(String::new()),
    };
    (holder, held.role.clone(), held.scope.to_string(), via)
}

/// That something may be older than it looks, and who did it.
fn ending(first_sight: bool, by: Option<&String>) -> String {
    let first = if first_sight { "; seen for the first time" } else { "" };
    by.map_or_else(|| first.to_owned(), |by| format!("{first}   [{by}]"))
}

impl Gain {
    /// The sign that a line begins with.
    const fn sign(self, first_sight: bool) -> char {
        match (self, first_sight) {
            (Self::Gained, true) => '?',
            (Self::Gained, false) => '+',
            (Self::Lost, _) => '-',
        }
    }

    const fn can(self) -> &'static str {
        match self {
            Self::Gained => "can now reach",
            Self::Lost => "can no longer reach",
        }
    }
}

impl AccessChange {
    /// One line for each, for people, but one for all that an application lost or gave at once, unless all are asked for.
    pub fn lines(changes: &[&Self], all: bool) -> Vec<String> {
        let is_of_app =
            |access: &Self| !all && matches!(access.reason, AccessReason::App | AccessReason::AppStatus);
        let mut by_app: BTreeMap<&str, Vec<&Self>> = BTreeMap::new();
        for access in changes.iter().filter(|access| is_of_app(access)) {
            by_app.entry(&access.app.id).or_default().push(access);
        }
        let together = by_app.values().filter(|of_app| of_app.len() > 2).map(|of_app| {
            let first = of_app[0];
            let by = of_app.iter().find_map(|access| access.by.as_ref());
            let accounts = count(of_app.len() as u64, "account", "accounts");
            let (sign, can) = (first.what.sign(false), first.what.can());
            format!("{sign} {accounts} {can} {} (application){}", first.app.name, ending(false, by))
        });
        let is_single = |access: &&&Self| !is_of_app(access) || by_app[access.app.id.as_str()].len() <= 2;
        together.chain(changes.iter().filter(is_single).map(|access| access.line())).collect()
    }

    /// The whole line, for people.
    pub fn line(&self) -> String {
        let (sign, can) = (self.what.sign(self.seen_for_the_first_time), self.what.can());
        let why = match (self.what, self.reason) {
            (Gain::Lost, AccessReason::AccountStatus | AccessReason::Account) => " (account)".to_owned(),
            (Gain::Lost, AccessReason::AppStatus | AccessReason::App) => " (application)".to_owned(),
            _ => format!(", through {}", self.through.join(", ")),
        };
        format!(
            "{sign} {} {can} {}{why}{}",
            self.account.login,
            self.app.name,
            ending(self.seen_for_the_first_time, self.by.as_ref())
        )
    }
}

impl RoleChange {
    /// The whole line, for people.
    pub fn line(&self) -> String {
        let sign = self.what.sign(self.seen_for_the_first_time);
        let who = match (&self.account, &self.service_app) {
            (Some(account), _) => account.login.clone(),
            (None, Some(app)) => format!("service app {}", app.name),
            (None, None) => String::new(),
        };
        let through =
            self.through.as_ref().map(|group| format!(", through {}", group.name)).unwrap_or_default();
        format!(
            "{sign} {who}: {} over {}{through}{}",
            self.label,
            self.reach,
            ending(self.seen_for_the_first_time, self.by.as_ref())
        )
    }
}
