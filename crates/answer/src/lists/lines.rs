//! The lines of lists: a fact, what else is known about it, and which syncs saw it.

use std::borrow::{Borrow, Cow};
use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use sightline_core::{
    Account, Change, Credential, Device, FactSink, Factor, Group, Ownership, Permission, Policy, Push,
    Record, Resource, Role, Rule, ScopeSet, Setting, Time, Trust,
};
use sightline_graph::{About, AccountIx, Graph};
use utoipa::openapi::schema::AllOfBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Listed, Names, by_name};
use crate::admins::contents_phrase;
use crate::{ManagerAnswer, SeenAnswer, SetAnswer, SetMemberAnswer, SnapshotStamp, schema};

/// A fact with where it is known from.
#[derive(Debug, Serialize)]
pub struct Line<T, M> {
    /// Name of the data source.
    pub source: String,
    /// Which snapshot has it.
    #[serde(flatten)]
    pub snapshot: SnapshotStamp,
    /// The fact.
    #[serde(flatten)]
    pub entity: T,
    /// What else is known about it: names of what it refers to, numbers.
    #[serde(flatten)]
    pub more: M,
    /// Which syncs saw it.
    #[serde(flatten)]
    pub seen: SeenAnswer,
}

/// What a line can be about: facts whose JSON has a schema.
pub trait Described {
    /// The schema of its JSON.
    type Schema: ToSchema;
}

impl<T: Described> Described for &T {
    type Schema = T::Schema;
}

macro_rules! described {
    ($($record:ident)*) => {
        $(impl Described for $record {
            type Schema = schema::$record;
        })*
    };
}

described! { Account Group Resource Rule Ownership Push Role ScopeSet Credential Factor Policy Device Trust Setting Change }

/// Where a line comes from.
#[derive(Serialize, ToSchema)]
struct Source {
    /// Name of the data source.
    source: String,
}

impl<T: Described, M: ToSchema> PartialSchema for Line<T, M> {
    fn schema() -> RefOr<Schema> {
        let all = AllOfBuilder::new()
            .description(Some("A line of a list."))
            .item(Source::schema())
            .item(SnapshotStamp::schema())
            .item(T::Schema::schema())
            .item(M::schema())
            .item(SeenAnswer::schema());
        RefOr::T(Schema::AllOf(all.build()))
    }
}

impl<T: Described, M: ToSchema> ToSchema for Line<T, M> {
    fn name() -> Cow<'static, str> {
        format!("{}Line", T::Schema::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        SnapshotStamp::schemas(schemas);
        T::Schema::schemas(schemas);
        M::schemas(schemas);
        SeenAnswer::schemas(schemas);
    }
}

impl<T, M> Line<T, M> {
    /// When something stale was last seen; nothing for what is not.
    pub fn stale_since(&self) -> String {
        if self.seen.stale { self.seen.last_phrase() } else { String::new() }
    }
}

/// Nothing more is known about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoMore {}

/// Picks the records of a kind.
macro_rules! of_kind {
    ($kind:ident) => {
        |record| match record {
            Record::$kind(one) => Some(one.borrow()),
            _ => None,
        }
    };
}

/// Facts of one kind, each with what `more` says about it.
fn lines<'a, T, M>(
    listed: &'a [Listed],
    pick: impl Fn(&'a Record) -> Option<&'a T>,
    more: impl Fn(&Names<'a>, &'a T) -> M,
) -> Vec<Line<&'a T, M>> {
    let mut lines = Vec::new();
    for Listed { snapshot, times, .. } in listed {
        let names = Names::of(snapshot);
        for fact in &snapshot.facts {
            if let Some(entity) = pick(&fact.record) {
                let stale = snapshot.is_stale(fact);
                lines.push(Line {
                    source: snapshot.source.clone(),
                    snapshot: SnapshotStamp { snapshot: snapshot.number, sealed: snapshot.sealed },
                    more: more(&names, entity),
                    entity,
                    seen: SeenAnswer::of(fact.first_seen, fact.last_seen, stale, times),
                });
            }
        }
    }
    lines
}

/// The graph of the facts that a list is made from.
fn graph_of(listed: &Listed) -> Graph {
    let snapshot = &listed.snapshot;
    let about = About {
        source: snapshot.source.clone(),
        tenant: snapshot.tenant.clone(),
        number: snapshot.number,
        started: snapshot.started,
        sealed: snapshot.sealed,
    };
    let mut builder = Graph::builder(about, snapshot.scopes.clone());
    snapshot.facts.iter().cloned().for_each(|fact| builder.fact(fact));
    builder.finish()
}

/// What else is known about an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountMore {
    /// The id of the account that it reports to; null where its profile names nobody, or nobody for certain.
    #[schema(required = true)]
    pub manager_id: Option<String>,
    /// Why it is not certain whom it reports to; null where it is.
    #[schema(required = true)]
    pub manager_unresolved: Option<String>,
}

/// All accounts, by login.
pub fn accounts(listed: &[Listed]) -> Vec<Line<&Account, AccountMore>> {
    let mut lines = Vec::new();
    for of_source in listed {
        let graph = graph_of(of_source);
        let mut facts: Vec<(u64, &Account)> = Vec::new();
        for fact in &of_source.snapshot.facts {
            if let Record::Account(account) = &fact.record {
                facts.push((fact.last_seen, account));
            }
        }
        // Of two readings of one account the one that was seen last counts.
        facts.sort_by_key(|(last_seen, _)| *last_seen);
        let known = facts.into_iter().filter_map(|(_, one)| Some((graph.account_with_id(&one.id)?, one)));
        let known: BTreeMap<AccountIx, &Account> = known.collect();
        for (ix, account) in known {
            let manager = ManagerAnswer::of(&graph, ix);
            let (manager, unresolved) =
                manager.map_or((None, None), |manager| (manager.account, manager.unresolved));
            let seen = graph.account_provenance(ix);
            lines.push(Line {
                source: graph.about().source.clone(),
                snapshot: SnapshotStamp::of(&graph),
                entity: account,
                more: AccountMore {
                    manager_id: manager.map(|account| account.id),
                    manager_unresolved: unresolved,
                },
                seen: SeenAnswer::of(seen.first_seen, seen.last_seen, seen.stale, &of_source.times),
            });
        }
    }
    lines
}

/// All groups.
pub fn groups(listed: &[Listed]) -> Vec<Line<&Group, NoMore>> {
    lines(listed, of_kind!(Group), |_, _| NoMore {})
}

/// All applications.
pub fn apps(listed: &[Listed]) -> Vec<Line<&Resource, NoMore>> {
    lines(listed, of_kind!(Resource), |_, _| NoMore {})
}

/// What else is known about a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleMore {
    /// Names of the groups that it puts accounts into; ids where no name is known.
    pub target_group_names: Vec<String>,
}

/// All rules that put accounts into groups.
pub fn rules(listed: &[Listed]) -> Vec<Line<&Rule, RuleMore>> {
    lines(listed, of_kind!(Rule), |names, rule: &Rule| {
        let name = |id: &String| names.get("group", id).unwrap_or_else(|| id.clone());
        RuleMore { target_group_names: rule.target_groups.iter().map(name).collect() }
    })
}

/// What else is known about the owner of a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnerMore {
    /// Name of the group, where it is known.
    #[schema(required = true)]
    pub group_name: Option<String>,
    /// Name of the owner, where it is known.
    #[schema(required = true)]
    pub owner_name: Option<String>,
}

/// Who owns which group.
pub fn owners(listed: &[Listed]) -> Vec<Line<&Ownership, OwnerMore>> {
    lines(listed, of_kind!(Ownership), |names, edge| OwnerMore {
        group_name: names.get("group", &edge.group),
        owner_name: names.of_object(&edge.owner.to_string()),
    })
}

/// What else is known about a group that is copied into an application.
#[derive(Debug, Serialize, ToSchema)]
pub struct PushMore {
    /// Name of the application, where it is known.
    #[schema(required = true)]
    pub app_label: Option<String>,
    /// Name of the group, where it is known.
    #[schema(required = true)]
    pub group_name: Option<String>,
}

/// Groups that are copied into applications.
pub fn pushes(listed: &[Listed]) -> Vec<Line<&Push, PushMore>> {
    lines(listed, of_kind!(Push), |names, push: &Push| PushMore {
        app_label: names.get("resource", &push.resource),
        group_name: names.get("group", &push.group),
    })
}

/// What else is known about an admin role.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleMore {
    /// What it allows; null where that is not known, or is what the provider's name of the role says.
    #[serde(serialize_with = "by_name")]
    #[schema(value_type = Option<Vec<schema::Permission>>, required = true)]
    pub permissions: Option<Vec<Permission>>,
}

/// All admin roles.
pub fn roles(listed: &[Listed]) -> Vec<Line<&Role, RoleMore>> {
    lines(listed, of_kind!(Role), |names, role| RoleMore {
        permissions: names.is_read(&role.id).then(|| {
            let all = names.under(&role.id).filter_map(|record| match record {
                Record::Permission(permission) => Some(permission.clone()),
                _ => None,
            });
            all.collect()
        }),
    })
}

/// What else is known about a set that roles are limited to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeSetMore {
    /// What is in it.
    #[serde(serialize_with = "by_name")]
    pub holds: Vec<SetMemberAnswer>,
    /// Why it may hold more; null where all of it was read.
    #[schema(required = true)]
    pub unread: Option<String>,
}

impl ScopeSetMore {
    /// What it holds in a few words; `most` bounds the things that are named.
    pub fn contents(&self, most: usize) -> String {
        contents_phrase(&self.holds, self.unread.as_deref(), most)
    }
}

/// All sets that roles are limited to, by label.
pub fn scope_sets(listed: &[Listed]) -> Vec<Line<ScopeSet, ScopeSetMore>> {
    let mut lines = Vec::new();
    for of_source in listed {
        let Listed { snapshot, times, .. } = of_source;
        // Provenance is that of the facts; what a set holds is put together by a graph.
        let mut provenance: BTreeMap<&str, SeenAnswer> = BTreeMap::new();
        for fact in &snapshot.facts {
            if let Record::ScopeSet(set) = &fact.record {
                let stale = snapshot.is_stale(fact);
                provenance.insert(&set.id, SeenAnswer::of(fact.first_seen, fact.last_seen, stale, times));
            }
        }
        let graph = graph_of(of_source);
        for set in graph.scope_sets() {
            let SetAnswer { holds, unread, .. } = SetAnswer::of(&graph, &set.id);
            lines.push(Line {
                source: snapshot.source.clone(),
                snapshot: SnapshotStamp::of(&graph),
                entity: set.clone(),
                more: ScopeSetMore { holds, unread },
                seen: provenance.get(set.id.as_str()).copied().unwrap_or_default(),
            });
        }
    }
    lines
}

/// What else is known about a credential.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialMore {
    /// Name of its owner, where it is known.
    #[schema(required = true)]
    pub owner_name: Option<String>,
}

/// All credentials that no person types, never their values.
pub fn credentials(listed: &[Listed]) -> Vec<Line<&Credential, CredentialMore>> {
    lines(listed, of_kind!(Credential), |names, credential: &Credential| CredentialMore {
        owner_name: credential.owner.as_deref().and_then(|owner| names.of_object(owner)),
    })
}

/// What else is known about a second factor.
#[derive(Debug, Serialize, ToSchema)]
pub struct FactorMore {
    /// The login of its account, where it is known.
    #[schema(required = true)]
    pub login: Option<String>,
}

/// All second factors.
pub fn factors(listed: &[Listed]) -> Vec<Line<&Factor, FactorMore>> {
    lines(listed, of_kind!(Factor), |names, factor: &Factor| FactorMore {
        login: names.get("account", &factor.account),
    })
}

/// What else is known about a policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyMore {
    /// Applications that it decides about.
    pub apps: u64,
    /// Its rules; null where they could not be read.
    #[schema(required = true)]
    pub rules: Option<u64>,
}

/// All policies.
pub fn policies(listed: &[Listed]) -> Vec<Line<&Policy, PolicyMore>> {
    lines(listed, of_kind!(Policy), |names, policy: &Policy| {
        let under =
            |wanted: fn(&Record) -> bool| names.under(&policy.id).filter(|one| wanted(one)).count() as u64;
        PolicyMore {
            apps: under(|record| matches!(record, Record::Governance(_))),
            rules: names.is_read(&policy.id).then(|| under(|record| matches!(record, Record::PolicyRule(_)))),
        }
    })
}

/// An account that uses a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceUser {
    /// The account's id.
    pub account: String,
    /// Its login, where it is known.
    #[schema(required = true)]
    pub login: Option<String>,
    /// Whether the organisation manages the device, in the provider's word.
    #[schema(required = true)]
    pub management: Option<String>,
    /// Since when.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub since: Option<Time>,
}

/// What else is known about a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceMore {
    /// The accounts that use it.
    pub users: Vec<DeviceUser>,
}

/// All devices.
pub fn devices(listed: &[Listed]) -> Vec<Line<&Device, DeviceMore>> {
    lines(listed, of_kind!(Device), |names, device: &Device| {
        let users = names.under(&device.id).filter_map(|record| match record {
            Record::DeviceUse(used) => Some(DeviceUser {
                account: used.account.clone(),
                login: names.get("account", &used.account),
                management: used.management.clone(),
                since: used.since,
            }),
            _ => None,
        });
        DeviceMore { users: users.collect() }
    })
}

/// All identity providers that are trusted.
pub fn identity_providers(listed: &[Listed]) -> Vec<Line<&Trust, NoMore>> {
    lines(listed, of_kind!(Trust), |_, _| NoMore {})
}

/// Everything else that is set up.
pub fn settings(listed: &[Listed]) -> Vec<Line<&Setting, NoMore>> {
    lines(listed, of_kind!(Setting), |_, _| NoMore {})
}

/// What the log says was changed, the newest first.
pub fn changes(listed: &[Listed]) -> Vec<Line<&Change, NoMore>> {
    let mut lines: Vec<Line<&Change, NoMore>> = lines(listed, of_kind!(Change), |_, _| NoMore {});
    lines.sort_by_key(|line| (Reverse(line.entity.time), &line.entity.id));
    lines
}
