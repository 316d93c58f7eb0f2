//! One fact that is different, and what that means.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use sightline_core::{Fact, GapReason, Record, Scope, ScopeState};

/// What became of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// It was not there before.
    Added,
    /// It is there no more.
    Removed,
    /// It says something else.
    Changed,
    /// It is read in another scope and says the same.
    Moved,
}

/// One fact that differs between two snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// [`Record::key`].
    pub key: String,
    /// What became of it.
    pub what: What,
    /// As it is, or as it last was, with the scope that it was read in.
    pub now: (Scope, Fact),
    /// As it was, if it is still there.
    pub was: Option<(Scope, Fact)>,
    /// What differs; empty unless it changed.
    pub fields: Vec<FieldChange>,
    /// Whether another list tells the same, before, after or in another delta: for people nothing more is different.
    pub told_again: bool,
}

/// One value that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Its name, with dots where it lies deeper: `profile.city`.
    pub name: String,
    /// As it was; null where it was not there.
    pub before: Value,
    /// As it is.
    pub after: Value,
}

/// Fields that change with every use, or whenever something else does that is told by itself.
const CHURN: &[&str] =
    &["last_sign_in", "last_updated", "member_count", "resource_count", "last_membership_updated"];

impl Delta {
    /// The fact as it is, or as it last was.
    pub fn record(&self) -> &Record {
        &self.now.1.record
    }

    /// As it was in the earlier snapshot.
    pub fn before(&self) -> Option<&(Scope, Fact)> {
        if self.what == What::Removed { Some(&self.now) } else { self.was.as_ref() }
    }

    /// As it is in the later snapshot.
    pub fn after(&self) -> Option<&(Scope, Fact)> {
        (self.what != What::Removed).then_some(&self.now)
    }

    /// The word that its key begins with: `membership`.
    pub fn kind(&self) -> &str {
        self.key.split('/').next().unwrap_or_default()
    }

    /// Whether it only tells of use, of the log itself, or of stamps and counts that follow from other changes.
    pub fn is_churn(&self) -> bool {
        match self.record() {
            Record::Usage(_) | Record::ActivityWindow(_) | Record::Change(_) => true,
            _ => self.what == What::Changed && self.fields.iter().all(|field| is_churn(&field.name)),
        }
    }

    /// What differs without what is churn.
    pub fn telling_fields(&self) -> impl Iterator<Item = &FieldChange> {
        self.fields.iter().filter(|field| !is_churn(&field.name))
    }
}

fn is_churn(field: &str) -> bool {
    CHURN.contains(&field)
}

/// Puts together what the scopes say: a fact that left one scope and is in another has moved.
///
/// Gives the deltas by key. `before` and `after` are the keys of holdings, which two lists may tell.
pub fn net(
    changes: Vec<(Scope, Option<Fact>, Option<Fact>)>,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> Vec<Delta> {
    #[derive(Default)]
    struct Sides {
        both: Vec<((Scope, Fact), (Scope, Fact))>,
        left: Vec<(Scope, Fact)>,
        come: Vec<(Scope, Fact)>,
    }
    let mut by_key: BTreeMap<String, Sides> = BTreeMap::new();
    for (scope, was, is) in changes {
        let Some(key) = was.as_ref().or(is.as_ref()).map(|fact| fact.record.key()) else { continue };
        let sides = by_key.entry(key).or_default();
        match (was, is) {
            (Some(was), Some(is)) => sides.both.push(((scope.clone(), was), (scope, is))),
            (Some(was), None) => sides.left.push((scope, was)),
            (None, Some(is)) => sides.come.push((scope, is)),
            (None, None) => {}
        }
    }
    let mut deltas = Vec::new();
    for (key, Sides { mut both, left, mut come }) in by_key {
        let mut gone = Vec::new();
        for was in left {
            match come.pop() {
                Some(is) => both.push((was, is)),
                None => gone.push(was),
            }
        }
        let first = deltas.len();
        let mut push = |what, now, was, fields, elsewhere| {
            let told_again = elsewhere || deltas.len() > first;
            deltas.push(Delta { key: key.clone(), what, now, was, fields, told_again });
        };
        for (was, is) in both {
            let fields = fields_of(&was.1.record, &is.1.record);
            let what = if fields.is_empty() { What::Moved } else { What::Changed };
            push(what, is, Some(was), fields, false);
        }
        for was in gone {
            push(What::Removed, was, None, Vec::new(), after.contains(&key));
        }
        for is in come {
            push(What::Added, is, None, Vec::new(), before.contains(&key));
        }
    }
    deltas
}

/// The fields that differ between two readings of a fact, by name.
fn fields_of(before: &Record, after: &Record) -> Vec<FieldChange> {
    // Records are enums: the value is under the name of the variant.
    let inner = |record: &Record| match serde_json::to_value(record) {
        Ok(Value::Object(mut variant)) => {
            let name = variant.keys().next().cloned().unwrap_or_default();
            variant.remove(&name).unwrap_or_default()
        }
        Ok(value) => value,
        Err(_) => Value::Null,
    };
    let mut fields = Vec::new();
    compare("", &inner(before), &inner(after), &mut fields);
    fields
}

fn compare(name: &str, before: &Value, after: &Value, fields: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    if let (Value::Object(was), Value::Object(is)) = (before, after) {
        // What is observed has the value, or why there is none, under a name of its own.
        let observed = |value: &serde_json::Map<String, Value>| {
            value.len() == 1 && (value.contains_key("known") || value.contains_key("unknown"))
        };
        if !observed(was) && !observed(is) {
            let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            for inner in names {
                let deeper = if name.is_empty() { inner.clone() } else { format!("{name}.{inner}") };
                let null = Value::Null;
                compare(&deeper, was.get(inner).unwrap_or(&null), is.get(inner).unwrap_or(&null), fields);
            }
            return;
        }
    }
    fields.push(FieldChange { name: name.to_owned(), before: before.clone(), after: after.clone() });
}

/// Whether what is there now was not there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Novelty {
    /// It was not: what it is read in was read completely then.
    New,
    /// It may have been: what it is read in had not been read then.
    NotReadBefore,
    /// It may have been: what it is read in was a gap then, for this reason.
    GapBefore(GapReason),
}

impl Novelty {
    /// Whether it may have been there before.
    pub const fn is_first_sight(&self) -> bool {
        !matches!(self, Self::New)
    }
}

/// How completely the earlier snapshot was read.
#[derive(Debug)]
pub struct Before<'s>(HashMap<&'s Scope, &'s ScopeState>);

impl<'s> Before<'s> {
    /// From the scopes of the snapshot.
    pub fn new(scopes: &'s [ScopeState]) -> Self {
        Self(scopes.iter().map(|state| (&state.scope, state)).collect())
    }

    /// Whether the facts that were added between are new; those that were not added are. All that was added must be among
    /// them. `listed_by` names the listing that leads to the parts of a dataset, where not every parent has one.
    pub fn novelties<'l>(
        &self,
        deltas: &[Delta],
        listed_by: impl Fn(&str) -> Option<&'l str>,
    ) -> Vec<Novelty> {
        // What is read under something new is new with it.
        let parents: HashMap<&str, &Delta> = deltas
            .iter()
            .filter(|delta| delta.what == What::Added)
            .filter_map(|delta| delta.record().entity().map(|(_, id)| (id, delta)))
            .collect();
        let own = |delta: &Delta| match delta.what {
            What::Added => self.of_scope(&delta.now.0, listed_by(&delta.now.0.dataset)),
            _ => Novelty::New,
        };
        deltas
            .iter()
            .map(|delta| match parent_of(&delta.now.0).and_then(|parent| parents.get(parent)) {
                Some(parent) if !self.0.contains_key(&delta.now.0) => own(parent),
                _ => own(delta),
            })
            .collect()
    }

    /// Whether what appears in a scope is new, where what the scope is read under was there before.
    fn of_scope(&self, scope: &Scope, listed_by: Option<&str>) -> Novelty {
        match (self.0.get(scope), listed_by) {
            (Some(ScopeState { gap: Some(gap), .. }), _) => Novelty::GapBefore(gap.reason.clone()),
            (Some(ScopeState { complete: Some(_), .. }), _) => Novelty::New,
            // What its listing did not lead to was empty.
            (None, Some(listing)) => self.of_scope(&Scope::listing(listing), None),
            _ => Novelty::NotReadBefore,
        }
    }
}

/// The entity that a scope is read under; ids of parts may follow its own.
fn parent_of(scope: &Scope) -> Option<&str> {
    scope.parent.as_deref().and_then(|parent| parent.split('/').next())
}
