//! `sightline list` and `sightline export`.

mod administration;
mod directory;
mod posture;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;
use sightline_answer::{Chosen, SealTimes, SeenAnswer, SnapshotStamp, number};
use sightline_core::{Fact, Gap, Info, Observed, Record, Scope, Snapshot, Time};
use sightline_sync::kept::Datasets;

use crate::cli::{Export, Format, List, Listing};
use crate::failure::Failure;
use crate::output::{Columns, json, json_line, note};
use crate::world::{World, chosen, graphs, info};

/// How many changes are listed unless something else is asked for.
const CHANGES: usize = 100;
/// How many things are named in a cell of a table.
const SHOWN: usize = 5;

pub(crate) fn run(world: &World, list: &List) -> Result<(), Failure> {
    if list.limit.is_some() && list.what != Listing::Changes {
        return Err(Failure::usage("--limit goes with `list changes` only"));
    }
    let store = world.store_to_read()?;
    let format = list.format;
    match list.what {
        Listing::Admins => return administration::admins(&graphs(&store, &list.which)?, format),
        Listing::ServiceApps => return administration::service_apps(&graphs(&store, &list.which)?, format),
        _ => {}
    }
    let mut snapshots = Vec::new();
    for Chosen { record, meta, times } in chosen(&store, &list.which)? {
        let info = info(world, &record)?;
        // What is switched off now says nothing about what was read then.
        let off = match list.which.as_of {
            None => Datasets::of(&record.settings).off(info),
            Some(_) => BTreeSet::new(),
        };
        let dated = Dated { snapshot: store.snapshot(record.id, meta.number)?, times };
        snapshots.push(Read { dated, info, off });
    }
    for read in &snapshots {
        read.tell_what_is_missing(list.what);
    }
    let snapshots: Vec<Dated> = snapshots.into_iter().map(|read| read.dated).collect();
    match list.what {
        Listing::Accounts => directory::accounts(snapshots, format),
        Listing::Groups => directory::groups(&snapshots, format),
        Listing::Apps => directory::apps(&snapshots, format),
        Listing::Rules => directory::rules(&snapshots, format),
        Listing::Owners => directory::owners(&snapshots, format),
        Listing::Pushes => directory::pushes(&snapshots, format),
        Listing::ScopeSets => administration::scope_sets(snapshots, format),
        Listing::Roles | Listing::Admins | Listing::ServiceApps => administration::roles(&snapshots, format),
        Listing::Credentials => administration::credentials(&snapshots, format),
        Listing::Factors => posture::factors(&snapshots, format),
        Listing::Policies => posture::policies(&snapshots, format),
        Listing::Devices => posture::devices(&snapshots, format),
        Listing::IdentityProviders => posture::identity_providers(&snapshots, format),
        Listing::Settings => posture::settings(&snapshots, format),
        Listing::Changes => posture::changes(&snapshots, format, list.limit.unwrap_or(CHANGES)),
    }
}

/// A snapshot, with when it and those before it were sealed.
struct Dated {
    snapshot: Snapshot,
    times: SealTimes,
}

/// A snapshot, and what there was to be read.
struct Read {
    dated: Dated,
    info: &'static Info,
    /// Datasets that are not read now.
    off: BTreeSet<String>,
}

/// The datasets that a list is made from, where they are known by name; all others hold settings.
fn datasets(listing: Listing) -> &'static [&'static str] {
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
        Listing::Admins | Listing::ServiceApps | Listing::Settings => &[],
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

impl Read {
    /// Says on standard error what was not read of what the list is made from, whatever the form of the list.
    fn tell_what_is_missing(&self, listing: Listing) {
        let snapshot = &self.dated.snapshot;
        let source = &snapshot.source;
        let mut gaps: BTreeMap<(&str, &str), Vec<&Gap>> = BTreeMap::new();
        for gap in snapshot.gaps().filter(|gap| is_about(listing, &gap.scope.dataset)) {
            gaps.entry((&gap.scope.dataset, gap.reason.phrase())).or_default().push(gap);
        }
        for ((dataset, reason), gaps) in &gaps {
            let [gap, others @ ..] = gaps.as_slice() else { continue };
            let dataset = dataset.replace('_', " ");
            let more =
                if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
            note(format!("not complete [{source}]: {reason}: {dataset}: {}{more}", gap.detail));
        }
        let all = self.info.datasets.iter();
        let named: Vec<&str> = match listing {
            Listing::Settings => all.map(|dataset| dataset.id).filter(|id| is_about(listing, id)).collect(),
            listing => datasets(listing).to_vec(),
        };
        for id in named {
            let has_gap = gaps.keys().any(|(dataset, _)| *dataset == id);
            let has_scope = snapshot.scopes.iter().any(|state| state.scope.dataset == id);
            let dataset = self.info.dataset(id);
            // What is read under something has nothing to be read where there is no such thing.
            let is_listing = dataset.is_none_or(|dataset| dataset.parent.is_none());
            let title = id.replace('_', " ");
            if has_gap {
                // Told above.
            } else if self.off.contains(id) {
                note(format!(
                    "not complete [{source}]: switched off: {title}; switch it on with --with {id}"
                ));
            } else if is_listing && !has_scope {
                note(format!("not complete [{source}]: never read: {title}"));
            }
        }
        if listing == Listing::Factors && snapshot.scopes.iter().any(|state| state.scope.dataset == "factors")
        {
            self.tell_whose_factors_are_missing();
        }
    }

    /// Factors are read account by account, over many syncs: an account without any may only not have had its turn.
    fn tell_whose_factors_are_missing(&self) {
        let is_read = |state: &&sightline_core::ScopeState| {
            state.scope.dataset == "factors" && state.scope.parent.is_some() && state.complete.is_some()
        };
        let snapshot = &self.dated.snapshot;
        let read = snapshot.scopes.iter().filter(is_read).count();
        let accounts = snapshot.facts.iter().filter(|fact| matches!(fact.record, Record::Account(_))).count();
        if read < accounts {
            let left = number((accounts - read) as u64);
            note(format!(
                "not complete [{}]: the factors of {left} accounts were not read yet",
                snapshot.source
            ));
        }
    }
}

/// A fact with where it is known from.
#[derive(Serialize)]
struct Line<'a, T> {
    source: &'a str,
    #[serde(flatten)]
    snapshot: SnapshotStamp,
    #[serde(flatten)]
    entity: &'a T,
    /// What else is known about it: names of what it refers to, numbers.
    #[serde(flatten)]
    more: BTreeMap<&'static str, Value>,
    #[serde(flatten)]
    seen: SeenAnswer,
}

impl<T> Line<'_, T> {
    /// When something stale was last seen; nothing for what is not.
    fn stale_since(&self) -> String {
        if self.seen.stale { self.seen.last_phrase() } else { String::new() }
    }

    /// Further knowledge as the text of a cell.
    fn told(&self, name: &str) -> String {
        match self.more.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }
}

fn lines<'a, T>(snapshots: &'a [Dated], pick: impl Fn(&'a Record) -> Option<&'a T>) -> Vec<Line<'a, T>> {
    lines_with(snapshots, pick, |_, _| BTreeMap::new())
}

/// Facts of one kind, each with what `more` says about it.
fn lines_with<'a, T>(
    snapshots: &'a [Dated],
    pick: impl Fn(&'a Record) -> Option<&'a T>,
    more: impl Fn(&Names<'a>, &'a T) -> BTreeMap<&'static str, Value>,
) -> Vec<Line<'a, T>> {
    let mut lines = Vec::new();
    for Dated { snapshot, times } in snapshots {
        let names = Names::of(snapshot);
        for fact in &snapshot.facts {
            if let Some(entity) = pick(&fact.record) {
                let stale = snapshot.is_stale(fact);
                lines.push(Line {
                    source: &snapshot.source,
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

    fn get(&self, kind: &'static str, id: &str) -> Value {
        self.called.get(&(kind, id)).map_or(Value::Null, |name| (*name).into())
    }

    /// The name of `account/ID` and the like.
    fn of_object(&self, object: &str) -> Value {
        match object.split_once('/') {
            Some(("account", id)) => self.get("account", id),
            Some(("group", id)) => self.get("group", id),
            Some(("resource", id)) => self.get("resource", id),
            _ => Value::Null,
        }
    }
}

/// Prints facts in the form that was asked for.
fn show<T: Serialize>(
    lines: &[Line<'_, T>],
    format: Format,
    names: &[&'static str],
    row: impl Fn(&Line<'_, T>) -> Vec<String>,
) -> Result<(), Failure> {
    if format.json {
        return json(&lines);
    }
    let mut columns = Columns::new(names);
    columns.rows = lines.iter().map(row).collect();
    // In a table, only where there is something to tell.
    if format.csv || lines.iter().any(|line| line.seen.stale) {
        columns.names.push("stale, last seen");
        for (row, line) in columns.rows.iter_mut().zip(lines) {
            row.push(line.stale_since());
        }
    }
    if format.csv {
        return columns.csv();
    }
    columns.table()
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

fn time(value: Option<Time>) -> String {
    value.map(|time| time.to_string()).unwrap_or_default()
}

fn counted(value: &Observed<u64>) -> String {
    match value {
        Observed::Known(count) => number(*count),
        Observed::Unknown(_) => "unknown".to_owned(),
    }
}

pub(crate) fn export(world: &World, export: &Export) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        source: &'a str,
        snapshot: u64,
        sealed: Time,
        key: String,
        scope: Option<&'a Scope>,
        #[serde(flatten)]
        fact: FactLine<'a>,
    }
    #[derive(Serialize)]
    struct FactLine<'a> {
        first_seen: u64,
        last_seen: u64,
        stale: bool,
        record: &'a Record,
    }
    let store = world.store_to_read()?;
    for Chosen { record, meta, .. } in chosen(&store, &export.which)? {
        let snapshot = store.snapshot(record.id, meta.number)?;
        for fact in &snapshot.facts {
            let Fact { record, first_seen, last_seen, scope } = fact;
            json_line(&Line {
                source: &snapshot.source,
                snapshot: snapshot.number,
                sealed: snapshot.sealed,
                key: record.key(),
                scope: snapshot.scopes.get(*scope as usize).map(|state| &state.scope),
                fact: FactLine {
                    first_seen: *first_seen,
                    last_seen: *last_seen,
                    stale: snapshot.is_stale(fact),
                    record,
                },
            })?;
        }
    }
    Ok(())
}
