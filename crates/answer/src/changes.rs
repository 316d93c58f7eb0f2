//! Facts that differ between two snapshots, in sentences.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};
use sightline_core::{
    AssignmentOrigin, Change, EntityKind, Fact, HoldingScope, Party, Principal, Record, Scope, Time,
};
use sightline_graph::Graph;
use sightline_graph::history::{Delta, Novelty, Told, What, ends};
use utoipa::ToSchema;

use crate::schema;

/// What things are called, now and before.
#[derive(Debug, Default, Clone)]
pub(crate) struct Called<'g> {
    /// Names in the first of these count.
    graphs: Vec<&'g Graph>,
    /// What no graph knows.
    learned: HashMap<(EntityKind, String), String>,
}

impl<'g> Called<'g> {
    /// Kinds of facts that have names which graphs do not keep.
    pub(crate) const UNKNOWN_TO_GRAPHS: &'static [&'static str] = &["policy", "device", "trust"];

    /// The names in these graphs, those in the first one first.
    pub(crate) fn new(graphs: impl IntoIterator<Item = &'g Graph>) -> Self {
        Self { graphs: graphs.into_iter().collect(), learned: HashMap::new() }
    }

    /// Learns the name of what the record describes; the first one that is told stays.
    pub(crate) fn learn(&mut self, record: &Record) {
        let name = match record {
            Record::Account(account) => &account.login,
            Record::Group(group) => &group.name,
            Record::Resource(app) => &app.label,
            Record::Role(role) => &role.label,
            Record::ScopeSet(set) => &set.label,
            Record::Policy(policy) => &policy.name,
            Record::Device(device) => &device.name,
            Record::Trust(trust) => &trust.name,
            _ => return,
        };
        if let Some((kind, id)) = record.entity() {
            self.learned.entry((kind, id.to_owned())).or_insert_with(|| name.clone());
        }
    }

    /// The name, where one is known.
    pub(crate) fn find(&self, kind: EntityKind, id: &str) -> Option<&str> {
        let in_graph = |graph: &&'g Graph| -> Option<&str> {
            match kind {
                EntityKind::Account => graph.account_with_id(id).map(|account| graph.account(account).login),
                EntityKind::Group => graph.group_with_id(id).map(|group| graph.group(group).name.as_str()),
                EntityKind::Resource => {
                    graph.resource_with_id(id).map(|app| graph.resource(app).label.as_str())
                }
                EntityKind::Role => graph.role(id).map(|role| role.label.as_str()),
                EntityKind::ScopeSet => graph.scope_set(id).map(|set| set.label.as_str()),
                _ => None,
            }
        };
        let learned = || self.learned.get(&(kind, id.to_owned())).map(String::as_str);
        self.graphs.iter().find_map(in_graph).or_else(learned)
    }

    /// The name, or the id where none is known.
    pub(crate) fn get<'a>(&'a self, kind: EntityKind, id: &'a str) -> &'a str {
        self.find(kind, id).unwrap_or(id)
    }

    fn principal<'a>(&'a self, principal: &'a Principal) -> &'a str {
        self.get(principal.kind(), principal.id())
    }

    /// The name of `group/ID` and the like.
    fn object<'a>(&'a self, object: &'a str) -> &'a str {
        match object.split_once('/') {
            Some(("account", id)) => self.get(EntityKind::Account, id),
            Some(("group", id)) => self.get(EntityKind::Group, id),
            Some(("resource", id)) => self.get(EntityKind::Resource, id),
            _ => object,
        }
    }

    /// What a role reaches, in a few words.
    pub(crate) fn reach(&self, scope: &HoldingScope) -> String {
        match scope {
            HoldingScope::Org => "the whole organisation".to_owned(),
            HoldingScope::Set(id) => format!("resource set {}", self.get(EntityKind::ScopeSet, id)),
            HoldingScope::Targets(targets) => {
                targets.iter().map(|target| self.object(target)).collect::<Vec<_>>().join(", ")
            }
            HoldingScope::Unknown(why) => format!("something that is not known ({why})"),
        }
    }

    /// Who did it, in a word.
    pub(crate) fn party(&self, party: &Party) -> String {
        if let Some(login) = self.find(EntityKind::Account, &party.id) {
            return login.to_owned();
        }
        party.name.clone().unwrap_or_else(|| format!("{} {}", party.kind, party.id))
    }
}

/// Something that a changed fact names.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndAnswer {
    /// What it is.
    #[schema(value_type = schema::EntityKind)]
    pub kind: EntityKind,
    /// The provider's id.
    pub id: String,
    /// Name for people, now or as it last was; the id where none is known.
    pub name: String,
}

/// A fact on one side of a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct SideAnswer {
    /// The scope that it was read in.
    #[schema(value_type = schema::Scope)]
    pub scope: Scope,
    /// The first sync that saw it, without an interruption since.
    pub first_seen: u64,
    /// The last sync that saw it.
    pub last_seen: u64,
    /// The fact itself: one field, named after its kind, that holds all that is known.
    #[schema(value_type = Object)]
    pub record: Record,
}

impl SideAnswer {
    fn of((scope, fact): &(Scope, Fact)) -> Self {
        let Fact { record, first_seen, last_seen, .. } = fact;
        Self { scope: scope.clone(), first_seen: *first_seen, last_seen: *last_seen, record: record.clone() }
    }
}

/// A field of a fact that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldAnswer {
    /// Its name, with dots inside of what is nested.
    pub name: String,
    /// What it was; null where it was not there.
    pub before: Value,
    /// What it is; null where it is no longer there.
    pub after: Value,
}

/// The event of the log that tells of a change.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ByAnswer {
    /// The provider's id of the event.
    pub event: String,
    /// What was done, in the provider's word: `group.user_membership.add`.
    pub kind: String,
    /// When.
    #[schema(value_type = schema::Instant)]
    pub time: Time,
    /// Who did it; null where the log names nobody.
    #[schema(value_type = Option<schema::Party>, required = true)]
    pub actor: Option<Party>,
    /// The actor's login, or the name that the log has.
    #[schema(required = true)]
    pub who: Option<String>,
    /// Whether the event tells of just this; otherwise of what led to it.
    pub exact: bool,
}

impl ByAnswer {
    /// An event, and whether it tells of just this.
    pub(crate) fn of(event: &Change, exact: bool, called: &Called<'_>) -> Self {
        Self {
            event: event.id.clone(),
            kind: event.kind.clone(),
            time: event.time,
            actor: event.actor.clone(),
            who: event.actor.as_ref().map(|actor| called.party(actor)),
            exact,
        }
    }

    /// Who it was and when, in a few words.
    pub fn phrase(&self) -> String {
        let who = self.who.as_deref().unwrap_or("nobody named");
        let with = if self.exact { String::new() } else { format!(", with {}", self.kind) };
        format!("by {who}, {}{with}", self.time)
    }
}

/// What became of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeWord {
    /// It is there and was not.
    Added,
    /// It was there and is not.
    Removed,
    /// It is another.
    Changed,
    /// It is the same, read in another scope.
    Moved,
}

/// One fact that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeAnswer {
    /// What became of it.
    pub what: ChangeWord,
    /// What kind of fact it is: what its key begins with.
    pub kind: String,
    /// What identifies the fact inside its data source: `membership/GROUP/ACCOUNT`.
    pub key: String,
    /// What happened, in a sentence for people.
    pub told: String,
    /// Everything that the fact names.
    pub names: Vec<EndAnswer>,
    /// Why it may have been there before, where only its being seen is new; null for what is new.
    #[schema(required = true)]
    pub seen_for_the_first_time: Option<String>,
    /// Whether another list tells the same, so that nothing more is different.
    pub told_again: bool,
    /// Whether it only tells of use, of the log, or of stamps and counts that follow from other changes.
    pub churn: bool,
    /// The event of the log that tells of it.
    #[schema(required = true)]
    pub by: Option<ByAnswer>,
    /// Why no event is named; null where one is.
    #[schema(required = true)]
    pub by_unknown: Option<String>,
    /// The fact as it was; null where it was not there.
    #[schema(required = true)]
    pub before: Option<SideAnswer>,
    /// The fact as it is; null where it is no longer there.
    #[schema(required = true)]
    pub after: Option<SideAnswer>,
    /// What differs, field by field, where it was and is there.
    pub fields: Vec<FieldAnswer>,
}

impl ChangeAnswer {
    /// A difference, with whether it is new, the event that tells of it, and why there may be none.
    pub(crate) fn of(
        delta: &Delta,
        novelty: &Novelty,
        told: Option<Told<'_>>,
        silence: &str,
        called: &Called<'_>,
    ) -> Self {
        let names = ends(delta.record()).into_iter();
        let by = told.map(|told| ByAnswer::of(told.event, told.exact, called));
        let first_sight = first_sight(novelty, told);
        Self {
            what: word(delta.what),
            kind: delta.kind().to_owned(),
            key: delta.key.clone(),
            told: sentence(delta, first_sight.is_some(), called),
            names: names
                .map(|(kind, id)| EndAnswer {
                    kind,
                    id: id.to_owned(),
                    name: called.get(kind, id).to_owned(),
                })
                .collect(),
            seen_for_the_first_time: first_sight,
            told_again: delta.told_again,
            churn: delta.is_churn(),
            by_unknown: by.is_none().then(|| silence.to_owned()),
            by,
            before: delta.before().map(SideAnswer::of),
            after: delta.after().map(SideAnswer::of),
            fields: delta
                .fields
                .iter()
                .map(|field| FieldAnswer {
                    name: field.name.clone(),
                    before: field.before.clone(),
                    after: field.after.clone(),
                })
                .collect(),
        }
    }

    /// The sign that it begins with in a list.
    pub fn sign(&self) -> char {
        match self.what {
            ChangeWord::Added if self.seen_for_the_first_time.is_some() => '?',
            ChangeWord::Added => '+',
            ChangeWord::Removed => '-',
            ChangeWord::Changed | ChangeWord::Moved => '~',
        }
    }

    /// The whole line, for people.
    pub fn line(&self) -> String {
        let by = self.by.as_ref().map_or_else(|| "not in the log".to_owned(), ByAnswer::phrase);
        let first = self
            .seen_for_the_first_time
            .as_ref()
            .map(|why| format!("; seen for the first time, {why}"))
            .unwrap_or_default();
        let kind = kind_word(&self.kind);
        format!("{} {kind:<12} {}{first}   [{by}]", self.sign(), self.told.replace('\n', " "))
    }
}

/// Why something may have been there before; nothing where the log tells that it was made since.
fn first_sight(novelty: &Novelty, told: Option<Told<'_>>) -> Option<String> {
    if told.is_some_and(|told| told.exact) {
        return None;
    }
    match novelty {
        Novelty::New => None,
        Novelty::NotReadBefore => Some("it was not read before".to_owned()),
        Novelty::GapBefore(reason) => Some(format!("it was a gap before ({})", reason.phrase())),
    }
}

/// The word for a kind of fact in output and on the command line, where it is not that of its key.
const KIND_WORDS: [(&str, &str); 5] = [
    ("resource", "app"),
    ("holding", "admin"),
    ("trust", "identity-provider"),
    ("change", "log"),
    ("activity_window", "log-window"),
];

/// The word for a kind of fact, from what its key begins with.
pub fn kind_word(kind: &str) -> String {
    let known = KIND_WORDS.iter().find(|(key, _)| *key == kind);
    known.map_or_else(|| kind.replace('_', "-"), |(_, word)| (*word).to_owned())
}

const fn word(what: What) -> ChangeWord {
    match what {
        What::Added => ChangeWord::Added,
        What::Removed => ChangeWord::Removed,
        What::Changed => ChangeWord::Changed,
        What::Moved => ChangeWord::Moved,
    }
}

/// What happened, in a sentence.
fn sentence(delta: &Delta, first_sight: bool, called: &Called<'_>) -> String {
    if matches!(delta.what, What::Changed | What::Moved) {
        let fields = shown_fields(delta, called);
        let subject = subject(delta.record(), called);
        return if fields.is_empty() { subject } else { format!("{subject}: {}", fields.join("; ")) };
    }
    // What may always have been there is, and did not become.
    let verb = |gain: &str, seen: &str, loss: &str| match (delta.what, first_sight) {
        (What::Added, true) => seen.to_owned(),
        (What::Added, false) => gain.to_owned(),
        _ => loss.to_owned(),
    };
    match delta.record() {
        Record::Membership(edge) => format!(
            "{} {} {}",
            called.get(EntityKind::Account, &edge.account),
            verb("is now in", "is in", "is no longer in"),
            called.get(EntityKind::Group, &edge.group)
        ),
        Record::Assignment(edge) => {
            let through = match &edge.origin {
                AssignmentOrigin::Group(Some(group)) => {
                    format!(" through {}", called.get(EntityKind::Group, group))
                }
                AssignmentOrigin::Group(None) => " through a group".to_owned(),
                AssignmentOrigin::Direct | AssignmentOrigin::Unknown(_) => String::new(),
            };
            let who = called.principal(&edge.principal);
            let is = verb("is now assigned", "is assigned", "is no longer assigned");
            format!("{who} {is} to {}{through}", called.get(EntityKind::Resource, &edge.resource))
        }
        Record::Holding(edge) => format!(
            "{} {} {} over {}",
            called.principal(&edge.principal),
            verb("now holds", "holds", "no longer holds"),
            role_name(edge, called),
            called.reach(&edge.scope)
        ),
        record => format!("{} {}", subject(record, called), verb("is new", "is there", "is gone")),
    }
}

/// The role's name: some lists name a role by its id only.
fn role_name<'a>(edge: &'a sightline_core::Holding, called: &'a Called<'_>) -> &'a str {
    if edge.label == edge.role { called.get(EntityKind::Role, &edge.role) } else { &edge.label }
}

/// What a fact is about, in a few words.
fn subject(record: &Record, called: &Called<'_>) -> String {
    match record {
        Record::Account(account) => account.login.clone(),
        Record::Group(group) => group.name.clone(),
        Record::Resource(app) => app.label.clone(),
        Record::Membership(edge) => format!(
            "{} in {}",
            called.get(EntityKind::Account, &edge.account),
            called.get(EntityKind::Group, &edge.group)
        ),
        Record::Assignment(edge) => format!(
            "{} on {}",
            called.principal(&edge.principal),
            called.get(EntityKind::Resource, &edge.resource)
        ),
        Record::Holding(edge) => {
            format!("{} as {}", called.principal(&edge.principal), role_name(edge, called))
        }
        Record::SetMember(member) => format!(
            "{} in resource set {}",
            called.object(&member.object),
            called.get(EntityKind::ScopeSet, &member.set)
        ),
        Record::Ownership(edge) => format!(
            "{} as owner of {}",
            called.principal(&edge.owner),
            called.get(EntityKind::Group, &edge.group)
        ),
        Record::Push(push) => format!(
            "{} copied into {}",
            called.get(EntityKind::Group, &push.group),
            called.get(EntityKind::Resource, &push.resource)
        ),
        Record::Governance(edge) => format!(
            "{} for {}",
            called.get(EntityKind::Policy, &edge.policy),
            called.get(EntityKind::Resource, &edge.resource)
        ),
        Record::DeviceUse(edge) => format!(
            "{} on {}",
            called.get(EntityKind::Account, &edge.account),
            called.get(EntityKind::Device, &edge.device)
        ),
        Record::Link(link) => format!(
            "{} as {} of {}",
            called.get(EntityKind::Account, &link.to),
            link.name,
            called.get(EntityKind::Account, &link.account)
        ),
        Record::Change(change) => {
            let names: Vec<String> = change.targets.iter().map(|target| called.party(target)).collect();
            format!("{} of {}", change.kind, names.join(", "))
        }
        record => {
            let own = record.entity();
            let parents = ends(record).into_iter().filter(|end| own.as_ref() != Some(end));
            let parents = parents.map(|(kind, id)| called.get(kind, id));
            let own = own_name(record);
            let others: Vec<&str> = parents.filter(|name| own.as_deref() != Some(*name)).collect();
            match own {
                Some(name) if others.is_empty() => name,
                Some(name) => format!("{name} of {}", others.join(", ")),
                None => others.join(" and "),
            }
        }
    }
}

/// The name, label or kind that a record has itself.
fn own_name(record: &Record) -> Option<String> {
    let value = serde_json::to_value(record).ok()?;
    let fields: &Map<String, Value> = value.as_object()?.values().next()?.as_object()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    ["label", "name", "object", "scope", "kind"].into_iter().find_map(text).map(str::to_owned)
}

/// How much of a value is shown.
const VALUE_LENGTH: usize = 60;
/// How many fields are shown.
const FIELDS: usize = 4;

/// What differs, field by field, without what another field tells as well.
fn shown_fields(delta: &Delta, called: &Called<'_>) -> Vec<String> {
    let telling: Vec<_> = delta.telling_fields().collect();
    let has = |name: &str| telling.iter().any(|field| field.name == name);
    let is_told = |name: &str| match name {
        "raw_status" | "status_changed" => has("status"),
        name => name.strip_prefix("profile.").is_some_and(has) || name.starts_with("raw."),
    };
    let group = |field: &Value| match field.as_str() {
        Some(id) => called.get(EntityKind::Group, id).to_owned(),
        None => value(field),
    };
    let mut shown: Vec<String> = telling
        .iter()
        .filter(|field| !is_told(&field.name))
        .map(|field| match field.name.as_str() {
            "origin.group" => format!("through {} -> {}", group(&field.before), group(&field.after)),
            name => format!("{} {} -> {}", name.replace('_', " "), value(&field.before), value(&field.after)),
        })
        .collect();
    if shown.is_empty() {
        shown = telling.iter().map(|field| field.name.replace('_', " ")).collect();
    }
    if shown.len() > FIELDS {
        let more = shown.len() - FIELDS;
        shown.truncate(FIELDS);
        shown.push(format!("and {more} more"));
    }
    shown
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("known") => {
            return self::value(&fields["known"]);
        }
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("unknown") => "unknown".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() <= VALUE_LENGTH {
        return text;
    }
    text.chars().take(VALUE_LENGTH).chain(['…']).collect()
}
