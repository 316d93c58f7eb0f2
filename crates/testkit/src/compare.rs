//! What differs from the truth, and which gaps own up to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_core::{Info, Scope};

use crate::{Fact, Outcome, Truth};

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The key of the fact.
    pub key: String,
    /// Where it should have been read, or was.
    pub scope: Scope,
    /// What differs.
    pub what: String,
}

/// What differs between the truth and the facts that were found.
pub fn differences(truth: &Truth, facts: &BTreeMap<String, Fact>) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut note = |key: &str, scope: &Scope, what: String| {
        differences.push(Difference { key: key.to_owned(), scope: scope.clone(), what });
    };
    for (key, expected) in &truth.facts {
        match facts.get(key) {
            // It is nowhere where it should be.
            None => {
                for scope in [&expected.scope].into_iter().chain(&expected.also) {
                    note(key, scope, "missing".to_owned());
                }
            }
            Some(found) => {
                for scope in [&expected.scope].into_iter().chain(&expected.also) {
                    if *scope != found.scope && !found.also.contains(scope) {
                        note(key, scope, "not found in this scope".to_owned());
                    }
                }
                if let Some(what) = lacks(&found.fields, &expected.fields) {
                    note(key, &expected.scope, what);
                }
            }
        }
    }
    for (key, found) in facts {
        let kind = key.split('/').next().unwrap_or_default();
        if truth.whole_kinds.contains(kind) && !truth.facts.contains_key(key) {
            for scope in [&found.scope].into_iter().chain(&found.also) {
                note(key, scope, "found, and not true".to_owned());
            }
        }
    }
    differences
}

/// How a value lacks a part of what is expected; none where it has all of it.
pub fn lacks(found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected.iter().find_map(|(name, value)| {
            let inner = found.get(name).unwrap_or(&Value::Null);
            lacks(inner, value).map(|what| format!("{name}: {what}"))
        }),
        _ if found == expected => None,
        _ => Some(format!("{found} instead of {expected}")),
    }
}

/// What the gaps of a snapshot own up to.
pub struct Cover<'a> {
    info: &'a Info,
    gaps: BTreeSet<Scope>,
    /// Where entities are read, by kind and id as in the key of a fact.
    entities: BTreeMap<&'a str, &'a Scope>,
}

impl<'a> Cover<'a> {
    /// What the gaps of this outcome cover.
    pub fn of(info: &'a Info, outcome: &'a Outcome) -> Self {
        let true_ones = outcome.truth.facts.iter().map(|(key, fact)| (key.as_str(), &fact.scope));
        let found = outcome.facts.iter().map(|(key, fact)| (key.as_str(), &fact.scope));
        Self {
            info,
            gaps: outcome.gaps.iter().map(|gap| gap.scope.clone()).collect(),
            entities: found.chain(true_ones).collect(),
        }
    }

    /// Whether a gap says that this scope may not be as it should be: one of its own, of its whole dataset, of the listing
    /// that leads to it, or of the entity that it is read under.
    pub fn covers(&self, scope: &Scope) -> bool {
        let listing = Scope::listing(&scope.dataset);
        if self.gaps.contains(scope) || self.gaps.contains(&listing) {
            return true;
        }
        let Some(dataset) = self.info.dataset(&scope.dataset) else { return false };
        let led_to = dataset.listed_by.is_some_and(|listing| self.covers(&Scope::listing(listing)));
        led_to
            || dataset.parent.zip(scope.parent.as_ref()).is_some_and(|(kind, id)| {
                let entity = self.entities.get(format!("{kind}/{id}").as_str());
                entity.is_some_and(|parent| *parent != scope && self.covers(parent))
            })
    }

    /// Whether what has changed could not be followed: then anything that was not read may have changed.
    pub fn lost_track(&self) -> bool {
        let follows = self.info.datasets.iter().filter(|dataset| dataset.follows);
        follows.into_iter().any(|dataset| self.gaps.contains(&Scope::listing(dataset.id)))
    }
}
