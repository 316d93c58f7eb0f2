//! Rounds of change: what they do to the company and to its log, judged on the model.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};

use sightline_sim::{
    Company, CompanySpec,
    company::{Event, FEWEST_PEOPLE, SYSTEM, User, What},
    expect::{Change, ChangeKind},
};

fn spec(people: u32, rounds: u32) -> CompanySpec {
    let now = "2026-03-01T12:00:00.250Z".parse().unwrap();
    CompanySpec { rounds, ..CompanySpec::for_people(people, 42, now) }
}

fn text<T: std::fmt::Debug>(value: &T) -> String {
    format!("{value:?}")
}

#[test]
fn a_round_more_is_the_same_company_changed_once_more() {
    for flaws in [0, 2] {
        let with = |rounds| {
            Company::generate(CompanySpec {
                late_events: flaws,
                lost_events: flaws,
                duplicate_events: flaws,
                permille: 30,
                ..spec(200, rounds)
            })
        };
        let all = with(5);
        assert_eq!(text(&all), text(&with(5)), "the same every time");
        for rounds in 0..5 {
            let fewer = with(rounds);
            let events = fewer.events.len();
            assert!(events < all.events.len());
            assert_eq!(fewer.events, all.events[..events], "the log only grows at its end");
            assert_eq!(fewer.served_events().first(), all.served_events().first());
            for round in 1..=rounds {
                assert_eq!(fewer.truth().changes(round), all.truth().changes(round));
            }
            assert_eq!(fewer.truth().changes(rounds + 1), []);
            for (old, new) in fewer.users.iter().zip(&all.users) {
                assert_eq!((old.id, &old.login), (new.id, &new.login), "indices and ids stay");
            }
        }
    }
}

/// Which kinds of change there are, as (kind, what, event type).
#[test]
fn every_kind_of_change_happens_in_every_round() {
    let company = Company::generate(spec(400, 6));
    let expected = [
        (ChangeKind::User, What::Changed, Some("user.account.update_profile")),
        (ChangeKind::User, What::Changed, Some("user.lifecycle.suspend")),
        (ChangeKind::User, What::Changed, Some("user.lifecycle.unsuspend")),
        (ChangeKind::User, What::Changed, Some("user.lifecycle.deactivate")),
        (ChangeKind::User, What::Changed, Some("user.account.lock")),
        (ChangeKind::User, What::Added, Some("user.lifecycle.create")),
        (ChangeKind::User, What::Removed, Some("user.lifecycle.delete.completed")),
        (ChangeKind::GroupUser, What::Added, Some("group.user_membership.add")),
        (ChangeKind::GroupUser, What::Removed, Some("group.user_membership.remove")),
        (ChangeKind::GroupUser, What::Removed, Some("user.lifecycle.deactivate")),
        (ChangeKind::Group, What::Changed, Some("group.profile.update")),
        (ChangeKind::Group, What::Added, Some("group.lifecycle.create")),
        (ChangeKind::Group, What::Removed, Some("group.lifecycle.delete")),
        (ChangeKind::Rule, What::Added, Some("group.user_membership.rule.trigger")),
        (ChangeKind::Rule, What::Changed, None),
        (ChangeKind::Rule, What::Changed, Some("group.user_membership.rule.deactivated")),
        (ChangeKind::App, What::Added, Some("application.lifecycle.create")),
        (ChangeKind::App, What::Changed, Some("application.lifecycle.update")),
        (ChangeKind::App, What::Changed, Some("application.lifecycle.deactivate")),
        (ChangeKind::App, What::Removed, Some("application.lifecycle.delete")),
        (ChangeKind::AppUser, What::Added, Some("application.user_membership.add")),
        (ChangeKind::AppUser, What::Removed, Some("application.user_membership.remove")),
        (ChangeKind::AppGroup, What::Added, Some("group.application_assignment.add")),
        (ChangeKind::AppGroup, What::Removed, Some("group.application_assignment.remove")),
        (ChangeKind::UserRoles, What::Added, Some("user.account.privilege.grant")),
        (ChangeKind::UserRoles, What::Removed, Some("user.account.privilege.revoke")),
        (ChangeKind::GroupRoles, What::Added, Some("group.privilege.grant")),
        (ChangeKind::AppGrant, What::Added, Some("app.oauth2.admin.consent.grant")),
        (ChangeKind::AppGrant, What::Removed, Some("app.oauth2.admin.consent.revoke")),
        (ChangeKind::AppCredentials, What::Added, Some("application.lifecycle.create")),
        (ChangeKind::AppPush, What::Added, Some("application.provision.group_push.mapping.created")),
        (ChangeKind::ApiToken, What::Added, Some("system.api_token.create")),
        (ChangeKind::Setting, What::Added, Some("system.api_token.create")),
        (ChangeKind::Setting, What::Changed, Some("system.idp.lifecycle.update")),
        (ChangeKind::Setting, What::Changed, Some("zone.update")),
        (ChangeKind::Policy, What::Changed, Some("policy.lifecycle.update")),
        (ChangeKind::PolicyRule, What::Changed, Some("policy.rule.update")),
        (ChangeKind::UserFactor, What::Added, Some("user.mfa.factor.activate")),
        (ChangeKind::Device, What::Added, Some("device.enrollment.create")),
    ];
    for round in 1..=6 {
        let changes = company.truth().changes(round);
        let happened: BTreeSet<_> =
            changes.iter().map(|change| (change.kind, change.what, change.event_type)).collect();
        for kind in expected {
            assert!(happened.contains(&kind), "round {round}: {kind:?}");
        }
        let kinds: BTreeSet<ChangeKind> = changes.iter().map(|change| change.kind).collect();
        assert!(kinds.contains(&ChangeKind::CustomRole) && kinds.contains(&ChangeKind::ResourceSet));
        let revoked = (ChangeKind::ApiToken, What::Removed, Some("system.api_token.revoke"));
        assert_eq!(happened.contains(&revoked), round > 1, "round {round}: at first all tokens are special");
        // A group was emptied, and one that was empty was filled: at first only the special one is empty.
        let before = Company::generate(spec(400, round - 1));
        let after = Company::generate(spec(400, round));
        let sizes = before.groups.iter().zip(&after.groups).filter(|(_, after)| !after.deleted);
        let sizes: Vec<_> =
            sizes.map(|(before, after)| (before.members.len(), after.members.len())).collect();
        assert!(sizes.iter().any(|&(before, after)| before > 1 && after == 0), "round {round}: emptied");
        let filled = sizes.iter().any(|&(before, after)| before == 0 && after > 1);
        assert_eq!(filled, round > 1, "round {round}: filled");
        let dirty = company.truth().dirty(round);
        let count = |kind| changes.iter().filter(|change| change.kind == kind).count() as u64;
        assert_eq!(dirty.users, count(ChangeKind::User));
        assert_eq!(dirty.app_users, count(ChangeKind::AppUser));
        assert!(dirty.member_lists <= count(ChangeKind::GroupUser) && dirty.member_lists > 3);
    }
}

#[test]
fn a_round_is_as_large_as_asked() {
    let touched = |permille| {
        let company = Company::generate(CompanySpec { permille, ..spec(4000, 1) });
        company.truth().dirty(1).users
    };
    // Not all that is touched is the account itself.
    let (few, some) = (touched(10), touched(50));
    assert!((10..=40).contains(&few) && (50..=200).contains(&some), "{few}, {some}");
}

#[test]
fn events_say_who_did_it_when_and_in_which_transaction() {
    let company = Company::generate(spec(400, 3));
    let base = Company::generate(spec(400, 0)).events.len();
    let mut transactions: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
    for event in &company.events[base..] {
        transactions.entry(event.transaction).or_default().push(*event);
    }
    let mut failures = 0;
    for (round, changes) in (1..=3).map(|round| (round, company.truth().changes(round))) {
        let start = company.start_of_round(round);
        assert!(changes.iter().all(|change| (start..start + 10_000).contains(&change.moment_ms)));
    }
    assert!(company.events.is_sorted_by_key(|event| event.time));
    assert!(transactions.len() > 50 && transactions.values().any(|events| events.len() > 3));
    let told: BTreeSet<String> = (1..=3)
        .flat_map(|round| company.truth().changes(round))
        .filter_map(|change| change.event_uuid)
        .collect();
    for events in transactions.values() {
        assert!(events.iter().all(|event| event.actor == events[0].actor && event.time == events[0].time));
        assert!(events[0].actor == SYSTEM || (events[0].actor as usize) < company.users.len());
        for event in events.iter().filter(|event| !event.success) {
            assert!(!told.contains(&event.uuid(company.spec.seed)), "a failure changed something");
            failures += 1;
        }
    }
    assert!(failures >= 6);
    let uuids: BTreeSet<String> = company.events.iter().map(|event| event.uuid(42)).collect();
    assert_eq!(uuids.len(), company.events.len());
}

#[test]
fn stamps_move_with_what_they_stand_for_and_with_nothing_else() {
    for round in 1..=4 {
        let permille = 40;
        let before = Company::generate(CompanySpec { permille, ..spec(300, round - 1) });
        let after = Company::generate(CompanySpec { permille, ..spec(300, round) });
        let changes = after.truth().changes(round);
        let moments = |kind: ChangeKind, what: What, events: &str| -> BTreeMap<String, Vec<i64>> {
            let mut moments: BTreeMap<String, Vec<i64>> = BTreeMap::new();
            for change in &changes {
                // Adding a member and removing one move the same stamp.
                let fits = change.kind == kind && (change.what == what || kind == ChangeKind::GroupUser);
                if fits && change.event_type.is_some_and(|name| name.starts_with(events)) {
                    moments.entry(change.ids[0].clone()).or_default().push(change.moment_ms);
                }
            }
            moments
        };
        let check = |id: String, old: i64, new: i64, expected: &BTreeMap<String, Vec<i64>>, oldest: i64| {
            match expected.get(&id) {
                None => assert_eq!(old, new, "{id} in round {round}"),
                Some(moments) => {
                    assert!(new > old && new % 1000 == 0, "{id} in round {round}");
                    let near = |moment: &i64| (0..oldest).contains(&(moment - new));
                    assert!(moments.iter().any(near), "{id} in round {round}: {new} for {moments:?}");
                }
            }
        };
        let users = moments(ChangeKind::User, What::Changed, "user.");
        for (old, new) in before.users.iter().zip(&after.users) {
            check(new.id.to_string(), old.last_updated, new.last_updated, &users, 1000);
        }
        let groups = moments(ChangeKind::Group, What::Changed, "group.profile.");
        let mut members = moments(ChangeKind::GroupUser, What::Added, "group.user_membership.");
        // Everyone has a stamp of its own accord.
        members.remove(before.groups[0].id.as_str());
        for (old, new) in before.groups.iter().zip(&after.groups).skip(1) {
            check(new.id.to_string(), old.last_updated, new.last_updated, &groups, 1000);
            let stamps = (old.last_membership_updated, new.last_membership_updated);
            check(new.id.to_string(), stamps.0, stamps.1, &members, 2000);
        }
        let apps = moments(ChangeKind::App, What::Changed, "application.");
        assert!(!users.is_empty() && !groups.is_empty() && !members.is_empty() && !apps.is_empty());
        for (old, new) in before.apps.iter().zip(&after.apps).filter(|(_, new)| !new.deleted) {
            check(new.id.to_string(), old.last_updated, new.last_updated, &apps, 1000);
        }
    }
}

#[test]
fn some_events_come_late_or_never_or_twice() {
    let flawless = Company::generate(spec(300, 4));
    let company = Company::generate(CompanySpec {
        late_events: 3,
        lost_events: 4,
        duplicate_events: 2,
        ..spec(300, 4)
    });
    let places = |uuid: &str| -> Vec<usize> {
        let all = company.events.iter().enumerate();
        all.filter(|(_, event)| event.uuid(42) == uuid).map(|(place, _)| place).collect()
    };
    let end_of = |round| {
        Company::generate(CompanySpec {
            late_events: 3,
            lost_events: 4,
            duplicate_events: 2,
            ..spec(300, round)
        })
        .events
        .len()
    };
    let mut twice = 0;
    for round in 1..=4 {
        let changes = company.truth().changes(round);
        let plain: Vec<Change> = flawless.truth().changes(round);
        assert_eq!(changes.len(), plain.len(), "the company itself changes alike");
        let uuids = |wanted: &dyn Fn(&Change) -> bool| -> BTreeSet<String> {
            changes.iter().filter(|change| wanted(change)).map(|c| c.event_uuid.clone().unwrap()).collect()
        };
        let (lost, late) = (uuids(&|change| change.lost), uuids(&|change| change.late));
        assert_eq!((lost.len(), late.len()), (4, 3));
        assert!(lost.iter().all(|uuid| places(uuid).is_empty()));
        for uuid in &late {
            let next = end_of(round + 1);
            let expected = if round == 4 { Vec::new() } else { places(uuid) };
            assert_eq!(places(uuid), expected);
            if let [place] = expected[..] {
                assert!((next - 3..next).contains(&place), "{place} of {next}");
                let time = company.events[place].time;
                assert!(time < company.start_of_round(round + 1) && time < company.events[place - 4].time);
            } else {
                assert_eq!(round, 4, "the last late events are still on their way");
            }
        }
        let other = uuids(&|change| change.event_uuid.is_some() && !change.lost && !change.late);
        twice += other.iter().filter(|uuid| places(uuid).len() == 2).count();
        assert!(other.iter().all(|uuid| !places(uuid).is_empty()));
    }
    assert_eq!(twice, 8);
}

#[test]
fn special_people_stay_what_they_are() {
    let before = Company::generate(CompanySpec { permille: 200, ..spec(80, 0) });
    let after = Company::generate(CompanySpec { permille: 200, ..spec(80, 8) });
    let facts = |user: &User| (user.id, user.login.clone(), user.status, user.title, user.last_updated);
    for index in 0..FEWEST_PEOPLE as usize {
        assert_eq!(facts(&before.users[index]), facts(&after.users[index]));
    }
    for index in 0..12 {
        assert_eq!(before.groups[index].name, after.groups[index].name);
    }
    for index in 0..8 {
        assert_eq!(before.apps[index].label, after.apps[index].label);
        assert!(!after.apps[index].deleted);
    }
}
