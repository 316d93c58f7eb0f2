//! What the program says and what is true, brought into one form so that they can be compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_sim::expect::PathKind;

use super::Home;

/// Every fact of the last snapshots, by key.
///
/// A role on a set of resources is told twice, by its holder and by the set: what the set says is named apart.
pub(crate) type Facts = BTreeMap<String, Value>;

impl Home {
    /// What `export` says, by key; a key that comes twice fails.
    #[track_caller]
    pub(crate) fn facts(&self) -> Facts {
        let mut facts = Facts::new();
        for line in self.run(&["export"]).ok().stdout.lines() {
            let mut fact: Value = serde_json::from_str(line).unwrap();
            // The moment of the run, which no other run has.
            fact.as_object_mut().unwrap().remove("sealed").unwrap();
            let mut key = text(&fact, "key").to_owned();
            if fact["scope"]["dataset"] == "binding_members" {
                key.push_str(" (by the set)");
            }
            assert!(facts.insert(key.clone(), fact).is_none(), "{key} is exported twice");
        }
        facts
    }

    /// What `gaps --json` says: scope and reason, sorted. What the company has no licence for must be there, and is left
    /// out.
    #[track_caller]
    pub(crate) fn gaps(&self) -> Vec<(String, String)> {
        licensed(list(&self.run(&["gaps", "--json"]).json()))
    }

    /// What `list WHAT --json` says.
    #[track_caller]
    pub(crate) fn list(&self, what: &str) -> Vec<Value> {
        list(&self.run(&["list", what, "--json"]).json()).to_vec()
    }
}

/// What simulated companies have no licence for, unless they are told to.
const NOT_LICENSED: [&str; 2] = ["authorization_servers", "realms"];

/// Scope and reason of these gaps, sorted, without those of datasets that the company has no licence for, which must be
/// there.
#[track_caller]
pub(crate) fn licensed(gaps: &[Value]) -> Vec<(String, String)> {
    let mut gaps: Vec<_> = gaps.iter().map(|gap| (scope(gap), reason(gap))).collect();
    gaps.sort();
    for dataset in NOT_LICENSED {
        let at = gaps.iter().position(|gap| *gap == (dataset.to_owned(), "not_licensed".to_owned()));
        gaps.remove(at.unwrap_or_else(|| panic!("{dataset} is no gap: {gaps:?}")));
    }
    gaps
}

#[track_caller]
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}

#[track_caller]
pub(crate) fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}

/// A time as milliseconds since 1970; none for null.
#[track_caller]
pub(crate) fn millis(value: &Value) -> Option<i64> {
    if value.is_null() {
        return None;
    }
    let text = value.as_str().unwrap_or_else(|| panic!("not a time: {value}"));
    Some(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// The scope of a gap or a fact as `dataset` or `dataset/parent`.
#[track_caller]
pub(crate) fn scope(holder: &Value) -> String {
    let scope = &holder["scope"];
    match scope["parent"].as_str() {
        Some(parent) => format!("{}/{parent}", text(scope, "dataset")),
        None => text(scope, "dataset").to_owned(),
    }
}

/// The reason of a gap in a word.
#[track_caller]
pub(crate) fn reason(gap: &Value) -> String {
    match &gap["reason"] {
        Value::String(word) => word.clone(),
        Value::Object(fields) => fields.keys().next().unwrap().clone(),
        other => panic!("not a reason: {other}"),
    }
}

/// The paths of an access line, each in a word.
#[track_caller]
pub(crate) fn paths(access: &Value) -> BTreeSet<String> {
    let all = list(&access["paths"]);
    let words: BTreeSet<_> = all.iter().map(path).collect();
    assert_eq!(words.len(), all.len(), "a path is told twice: {access}");
    words
}

fn path(path: &Value) -> String {
    match text(path, "kind") {
        "group" => format!("group {}", text(&path["group"], "id")),
        kind => kind.to_owned(),
    }
}

/// The true paths in the same words.
pub(crate) fn true_paths(paths: &[PathKind]) -> BTreeSet<String> {
    let word = |path: &PathKind| match path {
        PathKind::Direct => "direct".to_owned(),
        PathKind::Group { group_id } => format!("group {group_id}"),
        PathKind::Implicit => "implicit".to_owned(),
    };
    paths.iter().map(word).collect()
}

/// Whether two maps agree; where not, what differs, a few of each.
#[track_caller]
pub(crate) fn assert_same<V: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &BTreeMap<String, V>,
    expected: &BTreeMap<String, V>,
) {
    let missing: Vec<_> = expected.keys().filter(|key| !found.contains_key(*key)).collect();
    let extra: Vec<_> = found.keys().filter(|key| !expected.contains_key(*key)).collect();
    let differing: Vec<_> = found
        .iter()
        .filter_map(|(key, value)| {
            let other = expected.get(key)?;
            (value != other).then(|| (key, format!("{value:?}"), format!("{other:?}")))
        })
        .collect();
    assert!(
        missing.is_empty() && extra.is_empty() && differing.is_empty(),
        "{what}: {} missing {:?}; {} extra {:?}; {} differ (key, found, expected) {:?}",
        missing.len(),
        &missing[..missing.len().min(3)],
        extra.len(),
        &extra[..extra.len().min(3)],
        differing.len(),
        &differing[..differing.len().min(8)],
    );
}
