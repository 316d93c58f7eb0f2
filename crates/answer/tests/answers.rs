//! Answers of a store made by hand: which snapshots they are from, what is not found, and parts of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;

use sightline_answer::{
    AccessAnswer, AnswerError, Choice, DiffAnswer, Gain, Known, Pairs, RecordAnswer, When, chosen,
    entity_with_id, find_account, find_app, find_entity, pairs,
};
use sightline_core::{
    Account, Assignment, EntityKind, Group, Info, Membership, Record, Resource, Scope, Tenant, Time,
};
use sightline_store::{Mark, NewSource, OpenMode, SealRules, StepOutcome, Store};

const INFO: Info = Info { id: "toy", title: "Toy", summary: "A toy.", unused_days: None, datasets: &[] };
const PEOPLE: usize = 9;

fn time(day: i64) -> Time {
    Time::from_secs(1_767_225_600 + day * 86_400)
}

fn account(id: &str) -> Record {
    let account: Account = serde_json::from_value(serde_json::json!({
        "id": id, "login": format!("{id}@acme.test"), "status": "active", "raw_status": "ACTIVE",
        "name": format!("Person {id}"), "emails": [], "last_sign_in": { "known": null }, "profile": { "city": id },
    }))
    .unwrap();
    Record::Account(Box::new(account))
}

fn people(count: usize) -> Vec<Record> {
    (0..count).map(|number| account(&format!("u{number}"))).collect()
}

fn company(count: usize) -> Vec<(Scope, Vec<Record>)> {
    let group: Group = serde_json::from_value(serde_json::json!({
        "id": "g", "name": "eng", "origin": "native", "everyone": false, "member_count": { "known": 1 },
        "resource_count": { "known": 1 }, "profile": {},
    }))
    .unwrap();
    let app: Resource = serde_json::from_value(serde_json::json!({
        "id": "a", "label": "GitHub", "status": "active", "raw_status": "ACTIVE", "features": [],
        "implicit_assignment": { "known": false }, "service": false, "raw": { "name": "github" },
    }))
    .unwrap();
    let assigned: Assignment = serde_json::from_value(serde_json::json!({
        "resource": "a", "principal": { "group": "g" }, "origin": "direct", "profile": {},
    }))
    .unwrap();
    let member = |number: usize| {
        Record::Membership(Membership { group: "g".to_owned(), account: format!("u{number}") })
    };
    vec![
        (Scope::listing("users"), people(count)),
        (Scope::listing("groups"), vec![Record::Group(Box::new(group))]),
        (Scope::listing("apps"), vec![Record::Resource(Box::new(app))]),
        (Scope::under("group_members", "g"), (0..count).map(member).collect()),
        (Scope::under("app_groups", "a"), vec![Record::Assignment(assigned)]),
    ]
}

fn sync(store: &Store, source: u64, parts: Vec<(Scope, Vec<Record>)>, day: i64) {
    let tasks: Vec<String> = (0..parts.len()).map(|number| format!("{{\"task\":{number}}}")).collect();
    let row = store.begin_sync(source, time(day), true, &tasks).unwrap();
    let outcomes: Vec<StepOutcome> = (0..)
        .zip(parts)
        .map(|(task_id, (scope, records))| StepOutcome {
            task_id,
            marks: vec![(scope.clone(), Mark::Complete)],
            scope,
            records,
            then: Vec::new(),
            later: Vec::new(),
            absent: Vec::new(),
            full: false,
            tallies: Vec::new(),
            drift: Vec::new(),
        })
        .collect();
    store.commit_steps(source, &outcomes).unwrap();
    let parents = [("group_members", EntityKind::Group), ("app_groups", EntityKind::Resource)];
    let parents = parents.map(|(dataset, kind)| (dataset.to_owned(), kind));
    let rules = SealRules { parents: BTreeMap::from(parents), listings: BTreeMap::new(), max_drop: None };
    store.seal(source, row.number, time(day), &rules).unwrap();
}

/// Two data sources: one was read twice, the other never.
fn store(dir: &std::path::Path) -> Store {
    let store = Store::open(dir, OpenMode::Write).unwrap();
    let vault = store.unlock(None).unwrap();
    let mut ids = Vec::new();
    for name in ["acme", "other"] {
        let new = NewSource {
            name: name.to_owned(),
            connector: "toy".to_owned(),
            tenant: Tenant { id: format!("00o-{name}"), name: format!("{name}.test") },
            address: format!("https://{name}.test"),
            settings: serde_json::json!({}),
            owner_email: None,
            added: time(0),
            allow_loopback_http: false,
        };
        ids.push(store.add_source(&vault, new, &BTreeMap::new()).unwrap().id);
    }
    sync(&store, ids[0], company(PEOPLE), 1);
    sync(&store, ids[0], company(PEOPLE - 1), 2);
    store
}

fn known(store: &Store, as_of: Option<&str>) -> Known {
    let when: Option<When> = as_of.map(|text| text.parse().unwrap());
    let Choice { mut chosen, .. } = chosen(store, Some("ACME"), when.as_ref(), time(5)).unwrap();
    Known::load(store, chosen.remove(0)).unwrap()
}

#[test]
fn answers_say_which_snapshots_they_are_from_and_what_is_left_out() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(dir.path());
    let at = |text: &str| -> When { text.parse().unwrap() };
    let Choice { chosen: last, notes } = chosen(&store, None, None, time(5)).unwrap();
    assert_eq!((last.len(), last[0].meta.number, notes.len()), (1, 2, 0));
    let then = chosen(&store, None, Some(&at("2026-01-02")), time(5)).unwrap();
    assert_eq!(then.chosen[0].meta.number, 1);
    assert_eq!(
        then.notes,
        ["as of snapshot 1 of 2026-01-02T00:00:00.000Z [acme]", "not included: other has not been read yet"]
    );
    let fails = |source: Option<&str>, when: &str| {
        let error = chosen(&store, source, Some(&at(when)), time(5)).unwrap_err();
        (error.to_string(), error.hint(), error.is_not_found())
    };
    let asked = |text: &str| Some(text.to_owned());
    assert_eq!(
        fails(None, "#1"),
        ("each data source has a snapshot 1 of its own".to_owned(), asked("say whose: acme, other"), false)
    );
    assert_eq!(
        fails(Some("acme"), "7"),
        ("acme has no snapshot 7: the first is 1, the last is 2".to_owned(), None, true)
    );
    assert_eq!(
        fails(Some("nope"), "1"),
        ("there is no data source \"nope\"".to_owned(), asked("data sources: acme, other"), true)
    );
    assert!(!fails(Some("acme"), "2027-01-01").2);
}

#[test]
fn part_of_an_answer_is_that_part_of_the_whole() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(dir.path());
    let known = known(&store, None);
    let graphs = [known];
    let (known, app) = find_app(&graphs, "github").unwrap();
    let whole = serde_json::to_value(AccessAnswer::who(known, app)).unwrap();
    let access = known.graph.who(app);
    assert_eq!(access.len(), PEOPLE - 1);
    let part = serde_json::to_value(AccessAnswer::of_app(known, app, &access[3..5])).unwrap();
    assert_eq!(part["access"].as_array().unwrap()[..], whole["access"].as_array().unwrap()[3..5]);
    assert_eq!((&part["app"], &part["gaps"]), (&whole["app"], &whole["gaps"]));
    let seen = &part["access"][0]["paths"][0]["seen"];
    assert_eq!((&seen["first_seen"], &seen["last_seen"]), (&1.into(), &2.into()));
}

#[test]
fn what_is_not_found_names_what_is_near_and_what_is_gone_is_found() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(dir.path());
    let graphs = [known(&store, None)];
    assert!(matches!(find_account(&graphs, "person"), Err(AnswerError::SeveralFit(_))));
    assert!(matches!(find_app(&graphs, "zzz"), Err(AnswerError::NoneFits { .. })));
    let (known, _) = find_account(&graphs, "u3@acme.test").unwrap();
    let gone = "u8";
    let (_, entity) = find_entity(&store, &graphs, "u8@acme.test").unwrap();
    assert_eq!((entity.kind, entity.id.as_str()), (EntityKind::Account, gone));
    let entity = entity_with_id(&store, known, EntityKind::Account, gone).unwrap().unwrap();
    assert_eq!(entity.name, "u8@acme.test");
    assert!(entity_with_id(&store, known, EntityKind::Group, gone).unwrap().is_none());
}

#[test]
fn all_that_is_known_of_one_thing_is_read_alone() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(dir.path());
    let known = known(&store, None);
    let of = |kind, id| RecordAnswer::of(&store, &known, kind, id).unwrap();
    let answer = of(EntityKind::Account, "u3").unwrap();
    assert_eq!((answer.key.as_str(), &answer.record), ("account/u3", &account("u3")));
    assert_eq!((answer.provenance.seen.first_seen, answer.provenance.seen.last_seen), (1, 2));
    assert!(of(EntityKind::Group, "g").is_some() && of(EntityKind::Resource, "a").is_some());
    assert!(of(EntityKind::Account, "u8").is_none() && of(EntityKind::Role, "u3").is_none());
}

#[test]
fn two_snapshots_are_compared_by_their_graphs() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(dir.path());
    let Pairs { mut pairs, notes } = pairs(&store, None, None, None, time(5)).unwrap();
    assert_eq!(notes, ["not included: other has not been read yet"]);
    let (from, to) = pairs.remove(0);
    let (from, to) = (Known::load(&store, from).unwrap(), Known::load(&store, to).unwrap());
    let answer = DiffAnswer::between(&store, &from, &to, &INFO).unwrap();
    assert_eq!((answer.from.snapshot, answer.to.snapshot), (1, 2));
    let keys: Vec<&str> = answer.changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["account/u8", "membership/g/u8"]);
    let lost = &answer.access[0];
    assert_eq!((lost.what, lost.account.id.as_str(), lost.app.name.as_str()), (Gain::Lost, "u8", "GitHub"));
    assert_eq!(lost.because, ["membership/g/u8", "account/u8"]);
}
