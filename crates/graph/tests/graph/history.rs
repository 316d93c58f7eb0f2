//! What became of facts, whether it is new, and who did it: cases made by hand.

use std::collections::BTreeSet;

use sightline_core::{
    Assignment, AssignmentOrigin, Change, Fact, Gap, GapReason, Group, GroupOrigin, Holding, HoldingScope,
    Membership, Observed, Party, Principal, RawJson, Record, Scope, ScopeState, Time,
};
use sightline_graph::history::{Before, Delta, Log, Novelty, What, net};

fn fact(record: Record) -> Fact {
    Fact { record, first_seen: 1, last_seen: 1, scope: 0 }
}

fn membership(group: &str, account: &str) -> Record {
    Record::Membership(Membership { group: group.to_owned(), account: account.to_owned() })
}

fn group(id: &str, name: &str) -> Record {
    Record::Group(Box::new(Group {
        id: id.to_owned(),
        name: name.to_owned(),
        description: None,
        origin: GroupOrigin::Native,
        source_resource: None,
        everyone: false,
        member_count: Observed::Known(name.len() as u64),
        resource_count: Observed::Known(0),
        created: None,
        last_updated: None,
        last_membership_updated: None,
        profile: RawJson::default(),
    }))
}

fn row(account: &str, through: &str, app: &str) -> Record {
    Record::Assignment(Assignment {
        resource: app.to_owned(),
        principal: Principal::Account(account.to_owned()),
        origin: AssignmentOrigin::Group(Some(through.to_owned())),
        raw_status: None,
        user_name: None,
        external_id: None,
        sync_state: None,
        priority: None,
        since: None,
        last_updated: None,
        profile: RawJson::default(),
    })
}

fn holding() -> Record {
    Record::Holding(Holding {
        principal: Principal::Account("a".to_owned()),
        role: "r".to_owned(),
        label: "R".to_owned(),
        scope: HoldingScope::Org,
        inherited: false,
        active: true,
        since: None,
    })
}

fn under(dataset: &str, parent: &str) -> Scope {
    Scope::under(dataset, parent)
}

fn netted(changes: Vec<(Scope, Option<Record>, Option<Record>)>) -> Vec<Delta> {
    let changes = changes.into_iter().map(|(scope, was, is)| (scope, was.map(fact), is.map(fact)));
    net(changes.collect(), &BTreeSet::new(), &BTreeSet::new())
}

fn event(id: &str, seconds: i64, kind: &str, targets: &[&str]) -> Change {
    let party = |id: &str| Party { kind: "X".to_owned(), id: id.to_owned(), name: None };
    Change {
        id: id.to_owned(),
        time: Time::from_secs(seconds),
        kind: kind.to_owned(),
        succeeded: true,
        actor: Some(party("admin")),
        targets: targets.iter().map(|id| party(id)).collect(),
    }
}

#[test]
fn what_left_one_scope_for_another_has_moved() {
    let deltas = netted(vec![
        (under("one", "p"), Some(membership("g", "a")), None),
        (under("two", "p"), None, Some(membership("g", "a"))),
        (Scope::listing("groups"), Some(group("g", "old")), None),
        (Scope::listing("more_groups"), None, Some(group("g", "older"))),
        (under("one", "p"), Some(membership("g", "b")), None),
    ]);
    let told: Vec<(&str, What)> = deltas.iter().map(|delta| (delta.key.as_str(), delta.what)).collect();
    assert_eq!(
        told,
        [("group/g", What::Changed), ("membership/g/a", What::Moved), ("membership/g/b", What::Removed)]
    );
    let names: Vec<&str> = deltas[0].fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["member_count", "name"]);
    let telling: Vec<&str> = deltas[0].telling_fields().map(|field| field.name.as_str()).collect();
    assert_eq!(telling, ["name"]);
    assert!(deltas.iter().all(|delta| !delta.is_churn()));
}

#[test]
fn a_count_alone_is_churn() {
    let (mut was, is) = (group("g", "name"), group("g", "name"));
    if let Record::Group(group) = &mut was {
        group.member_count = Observed::Unknown("not read".to_owned());
    }
    let deltas = netted(vec![(Scope::listing("groups"), Some(was), Some(is))]);
    assert!(deltas[0].is_churn() && deltas[0].what == What::Changed);
    assert_eq!(deltas[0].fields[0].name, "member_count");
}

#[test]
fn what_two_lists_tell_is_told_once() {
    let added = |scope: Scope| (scope, None, Some(holding()));
    let deltas = netted(vec![added(under("user_roles", "a")), added(under("set_bindings", "s"))]);
    assert_eq!(deltas.iter().map(|delta| delta.told_again).collect::<Vec<_>>(), [false, true]);
    // The other list told it before, or tells it still.
    let known = BTreeSet::from([holding().key()]);
    let one = |was: Option<Record>, is: Option<Record>| {
        vec![(under("user_roles", "a"), was.map(fact), is.map(fact))]
    };
    assert!(net(one(None, Some(holding())), &known, &known)[0].told_again);
    assert!(net(one(Some(holding()), None), &known, &known)[0].told_again);
    assert!(!net(one(Some(holding()), None), &known, &BTreeSet::new())[0].told_again);
}

#[test]
fn only_what_was_read_before_can_be_new() {
    let state = |scope: Scope, complete: Option<u64>, gap: bool| ScopeState {
        gap: gap.then(|| Gap {
            scope: scope.clone(),
            reason: GapReason::Unavailable,
            detail: String::new(),
            consequence: String::new(),
        }),
        scope,
        complete,
        facts: 0,
    };
    let scopes = [
        state(Scope::listing("groups"), Some(1), false),
        state(Scope::listing("assignees"), Some(1), false),
        state(Scope::listing("gap_listing"), Some(1), true),
        state(under("members", "read"), Some(1), false),
        state(under("members", "gap"), Some(1), true),
        state(under("members", "begun"), None, false),
    ];
    let added = |scope: Scope, record: Record| (scope, None, Some(record));
    let cases = [
        (added(Scope::listing("groups"), group("new", "new")), Novelty::New),
        (added(under("members", "new"), membership("new", "a")), Novelty::New),
        (added(under("members", "read"), membership("read", "a")), Novelty::New),
        (added(under("members", "gap"), membership("gap", "a")), Novelty::GapBefore(GapReason::Unavailable)),
        (added(under("members", "begun"), membership("begun", "a")), Novelty::NotReadBefore),
        (added(under("members", "old"), membership("old", "a")), Novelty::NotReadBefore),
        (added(Scope::listing("switched_on"), group("late", "late")), Novelty::NotReadBefore),
        // What is under something that was only seen for the first time is, too.
        (added(under("members", "late"), membership("late", "a")), Novelty::NotReadBefore),
        (added(under("listed", "a"), membership("listed", "a")), Novelty::New),
        (
            added(under("badly_listed", "b"), membership("listed", "b")),
            Novelty::GapBefore(GapReason::Unavailable),
        ),
    ];
    let (changes, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let keys: Vec<String> = changes
        .iter()
        .map(|(_, _, is): &(_, Option<Record>, Option<Record>)| is.as_ref().unwrap().key())
        .collect();
    let deltas = netted(changes);
    let found = Before::new(&scopes).novelties(&deltas, |dataset| match dataset {
        "listed" => Some("assignees"),
        "badly_listed" => Some("gap_listing"),
        _ => None,
    });
    for (key, expected) in keys.iter().zip(expected) {
        let at = deltas.iter().position(|delta| delta.key == *key).unwrap();
        assert_eq!(found[at], expected, "{key}");
    }
}

#[test]
fn the_last_event_of_just_that_is_told() {
    let deltas = netted(vec![(under("members", "g"), None, Some(membership("g", "a")))]);
    let mut failed = event("failed", 50, "group.user_membership.add", &["a", "g"]);
    failed.succeeded = false;
    let events = [
        event("early", 10, "group.user_membership.add", &["g", "a"]),
        event("late", 20, "group.user_membership.add", &["a", "g", "a"]),
        event("taken out", 30, "group.user_membership.remove", &["a", "g"]),
        event("other group", 40, "group.user_membership.add", &["a", "h"]),
        event("activated", 60, "user.lifecycle.activate", &["a"]),
        failed,
    ];
    let told = Log::new(&events).told(&deltas[0]).unwrap();
    assert_eq!((told.event.id.as_str(), told.exact), ("late", true));
    let told = Log::new(&events[2..]).told(&deltas[0]).unwrap();
    assert_eq!((told.event.id.as_str(), told.exact), ("activated", false));
    assert_eq!(Log::new(&events[2..4]).told(&deltas[0]), None);
}

#[test]
fn the_first_cause_ends_and_the_last_one_gives() {
    let removed = netted(vec![(under("rows", "app"), Some(row("a", "g", "app")), None)]);
    let added = netted(vec![(under("rows", "app"), None, Some(row("a", "g", "app")))]);
    let events = [
        event("app gone", 10, "application.lifecycle.delete", &["app"]),
        event("left", 20, "group.user_membership.remove", &["a", "g"]),
        event("joined", 30, "group.user_membership.add", &["a", "g"]),
        event("given to the group", 40, "group.application_assignment.add", &["g", "app"]),
    ];
    let log = Log::new(&events);
    assert_eq!(log.told(&removed[0]).unwrap().event.id, "app gone");
    assert_eq!(log.told(&added[0]).unwrap().event.id, "given to the group");
}
