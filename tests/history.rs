//! Time travel: what was answered then is answered again, what differs between two snapshots leads from one to the other,
//! and who did it is who the company says did it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_sim::Company;
use sightline_sim::company::{ADA, CONTRACTOR, GITHUB, IT_ADMINS};
use sightline_sim::expect::{Change, ChangeKind};

use crate::harness::{Case, Facts, Home, SimSetup, assert_same, fault, list, number, scope, status, text};
use crate::incremental::company as changing;

const ROUNDS: u32 = 3;

/// A company that was read after each of its rounds: snapshot 1 is before the first, snapshot `n + 1` after round `n`.
struct Years {
    home: Home,
    /// The company as each snapshot found it.
    companies: Vec<Company>,
}

impl Years {
    /// `after_each` sees the home after each sync.
    fn new(seed: u64, flags: &[&str], mut after_each: impl FnMut(&Home)) -> Self {
        let mut setup = SimSetup::of(changing(seed)).flags(flags);
        let lost = flags.iter().position(|flag| *flag == "--lost-events");
        if let Some(at) = lost {
            setup.spec.lost_events = flags[at + 1].parse().unwrap();
        }
        let sim = setup.start();
        setup = setup.port(sim.port);
        let home = Home::connected_to(&sim);
        let mut companies = Vec::new();
        let mut running = Some(sim);
        for round in 0..=ROUNDS {
            setup.spec.rounds = round;
            let sim = running.take().unwrap_or_else(|| setup.start());
            // A small company loses much at once.
            home.run(&["sync", "--json", "--accept-drop"]).ok();
            drop(sim.stop());
            companies.push(setup.company());
            after_each(&home);
        }
        Self { home, companies }
    }

    fn diff(&self, from: u32, to: u32) -> Value {
        let diff = self.home.run(&["diff", &from.to_string(), &to.to_string(), "--json"]).json();
        let [only] = list(&diff) else { panic!("not one data source: {diff}") };
        only.clone()
    }
}

const QUESTIONS: [&[&str]; 17] = [
    &["list", "accounts", "--json"],
    &["list", "groups", "--csv"],
    &["list", "apps", "--json"],
    &["list", "rules"],
    &["list", "admins", "--json"],
    &["list", "service-apps", "--json"],
    &["list", "scope-sets", "--json"],
    &["list", "credentials", "--json"],
    &["list", "policies", "--json"],
    &["list", "changes", "--json"],
    &["who", GITHUB, "--json"],
    &["who", GITHUB],
    &["what", ADA, "--json"],
    &["why", ADA, GITHUB, "--json"],
    &["why", CONTRACTOR, GITHUB],
    &["gaps", "--json"],
    &["export"],
];

#[test]
fn what_was_answered_then_is_answered_again() {
    let ask = |home: &Home, more: &[&str]| -> Vec<String> {
        QUESTIONS.iter().map(|question| home.run(&[question, more].concat()).ok().stdout).collect()
    };
    let mut then: Vec<Vec<String>> = Vec::new();
    let mut sealed: Vec<String> = Vec::new();
    let years = Years::new(121, &[], |home| {
        then.push(ask(home, &[]));
        let shown = home.run(&["source", "show", "Okta", "--json"]).json();
        sealed.push(text(&shown["last_snapshot"], "sealed").to_owned());
    });
    for (at, answers) in then.iter().enumerate() {
        let hash = format!("#{}", at + 1);
        for when in [&*hash, &hash[1..], &sealed[at]] {
            for ((question, now), before) in
                QUESTIONS.iter().zip(ask(&years.home, &["--as-of", when])).zip(answers)
            {
                assert!(now == *before, "{question:?} as of {when} is not what it was:\n{now}\n{before}");
            }
        }
        // A moment earlier it was another one.
        let instant: jiff::Timestamp = sealed[at].parse().unwrap();
        let earlier = (instant - jiff::SignedDuration::from_millis(1)).to_string();
        let output = years.home.run(&["export", "--as-of", &earlier]);
        match at.checked_sub(1) {
            Some(before) => assert!(output.ok().stdout == then[before][16], "just before {hash}"),
            None => {
                output.fails(7, &format!("the first is 1 of {}", sealed[0]), "");
            }
        }
    }
    assert!(then[0] != then[1] && then[1] != then[2], "nothing changed");
    // Which snapshot it is from is told in every form.
    let told = years.home.run(&["list", "groups", "--as-of", "2"]).ok().stderr;
    assert!(told.contains(&format!("as of snapshot 2 of {} [Okta]", sealed[1])), "{told}");
    for question in [&["list", "accounts", "--json"][..], &["gaps", "--json"], &["list", "admins", "--json"]]
    {
        for line in list(&years.home.run(&[question, &["--as-of", "2"]].concat()).json()) {
            assert_eq!((number(line, "snapshot"), text(line, "sealed")), (2, sealed[1].as_str()), "{line}");
        }
    }
    let who = years.home.run(&["who", GITHUB, "--json", "--as-of", "2"]).json();
    assert_eq!(who["snapshot"]["sealed"], sealed[1].as_str());
}

/// Records by key and scope.
fn records(facts: &Facts) -> BTreeMap<String, Value> {
    facts.values().map(|fact| (place(text(fact, "key"), &scope(fact)), fact["record"].clone())).collect()
}

fn place(key: &str, scope: &str) -> String {
    format!("{key} in {scope}")
}

#[test]
fn what_differs_leads_from_one_snapshot_to_the_other() {
    let mut exports = Vec::new();
    let years = Years::new(122, &[], |home| exports.push(records(&home.facts())));
    for (from, to) in [(1, 2), (2, 3), (3, 4), (1, 4), (2, 2)] {
        let diff = years.diff(from, to);
        let mut facts = exports[from as usize - 1].clone();
        for change in list(&diff["changes"]) {
            let key = text(change, "key");
            let (before, after) = (&change["before"], &change["after"]);
            if !before.is_null() {
                let was = facts.remove(&place(key, &scope(before)));
                assert_eq!(was.as_ref(), Some(&before["record"]), "{change}");
            }
            if !after.is_null() {
                let was = facts.insert(place(key, &scope(after)), after["record"].clone());
                assert_eq!(was, None, "{change}");
            }
            let word = match (before.is_null(), after.is_null()) {
                (true, false) => "added",
                (false, true) => "removed",
                (false, false) if before["record"] == after["record"] => "moved",
                (false, false) => "changed",
                (true, true) => panic!("nothing changed: {change}"),
            };
            assert_eq!(text(change, "what"), word, "{change}");
            assert_eq!(list(&change["fields"]).is_empty(), word != "changed", "{change}");
        }
        assert_same(&format!("facts from {from} to {to}"), &facts, &exports[to as usize - 1]);
        assert_eq!(list(&diff["changes"]).is_empty(), from == to);
    }
}

/// Who can reach which application, by account and application.
fn reach(company: &Company) -> BTreeSet<(String, String)> {
    let apps = company.apps.iter().filter(|app| !app.deleted).map(|app| app.id.to_string());
    apps.flat_map(|app| {
        let who = company.truth().who(&app).into_iter().filter(|reach| reach.can_sign_in);
        who.map(|reach| (reach.user_id, app.clone())).collect::<Vec<_>>()
    })
    .collect()
}

/// Who holds which role how: account, role, and the group that gives it.
fn roles(company: &Company) -> BTreeSet<(String, String, Option<String>)> {
    let admins = company.truth().admins().into_iter();
    admins.map(|admin| (admin.user_id, admin.role, admin.via_group_id)).collect()
}

#[test]
fn access_and_roles_gained_and_lost_are_those_of_the_company() {
    let years = Years::new(123, &[], |_| {});
    for (from, to) in [(1, 2), (2, 3), (1, 4)] {
        let diff = years.diff(from, to);
        let side = |part: &str, what: &str| -> Vec<Value> {
            list(&diff[part]).iter().filter(|change| text(change, "what") == what).cloned().collect()
        };
        let (was, is) = (&years.companies[from as usize - 1], &years.companies[to as usize - 1]);
        let keys: BTreeSet<&str> = list(&diff["changes"]).iter().map(|change| text(change, "key")).collect();
        for (what, expected) in [
            ("gained", reach(is).difference(&reach(was)).cloned().collect::<BTreeSet<_>>()),
            ("lost", reach(was).difference(&reach(is)).cloned().collect()),
        ] {
            assert!(!expected.is_empty(), "no access is {what}");
            let mut found = BTreeSet::new();
            for access in side("access", what) {
                let id = |end: &str| text(&access[end], "id").to_owned();
                assert!(found.insert((id("account"), id("app"))), "told twice: {access}");
                assert_eq!(access["seen_for_the_first_time"], false, "{access}");
                let because = list(&access["because"]);
                assert!(!because.is_empty(), "nothing led to it: {access}");
                assert!(because.iter().all(|key| keys.contains(key.as_str().unwrap())), "{access}");
            }
            assert_eq!(found, expected, "access {what} from {from} to {to}");
        }
        for (what, expected) in [
            ("gained", roles(is).difference(&roles(was)).cloned().collect::<BTreeSet<_>>()),
            ("lost", roles(was).difference(&roles(is)).cloned().collect()),
        ] {
            let found: BTreeSet<_> = side("roles", what)
                .iter()
                .filter(|role| !role["account"].is_null())
                .map(|role| {
                    let via = role["through"]["id"].as_str().map(str::to_owned);
                    (text(&role["account"], "id").to_owned(), text(role, "role").to_owned(), via)
                })
                .collect();
            // A role that only reaches something else is the same one here.
            let missing: Vec<_> = expected.difference(&found).collect();
            assert!(missing.is_empty(), "roles {what} from {from} to {to}: {missing:?} are missing");
        }
    }
}

/// The key of the fact that a change of the company is about, where there is exactly one.
fn key(change: &Change) -> Option<String> {
    let ids = &change.ids;
    Some(match change.kind {
        ChangeKind::User => format!("account/{}", ids[0]),
        ChangeKind::Group => format!("group/{}", ids[0]),
        ChangeKind::App => format!("resource/{}", ids[0]),
        ChangeKind::Rule => format!("rule/{}", ids[0]),
        ChangeKind::GroupUser => format!("membership/{}/{}", ids[0], ids[1]),
        ChangeKind::AppGroup => format!("assignment/{}/group/{}", ids[0], ids[1]),
        ChangeKind::AppUser => format!("assignment/{}/account/{}", ids[0], ids[1]),
        ChangeKind::Policy => format!("policy/{}", ids[0]),
        ChangeKind::ApiToken => format!("credential/{}", ids[0]),
        _ => return None,
    })
}

#[test]
fn who_did_it_is_who_the_company_says() {
    let mut found_by_kind: BTreeMap<ChangeKind, u64> = BTreeMap::new();
    let years = Years::new(124, &[], |_| {});
    let facts = years.home.facts();
    for round in 1..=ROUNDS {
        let diff = years.diff(round, round + 1);
        let changes: BTreeMap<&str, &Value> =
            list(&diff["changes"]).iter().map(|change| (text(change, "key"), change)).collect();
        for truth in years.companies[round as usize].truth().changes(round) {
            let Some(change) = key(&truth).and_then(|key| changes.get(key.as_str())) else { continue };
            // What was made and then edited in one round is told by the edit; who made it is asked here.
            let edits = ["update", "change_username"].map(Some);
            let last_word = truth.event_type.and_then(|kind| kind.rsplit('.').next());
            if text(change, "what") == "added" && edits.contains(&last_word) {
                continue;
            }
            let by = &change["by"];
            let Some(uuid) = &truth.event_uuid else {
                // Nothing tells of just this.
                assert!(by.is_null() || by["exact"] == false, "{truth:?}: {change}");
                continue;
            };
            // What was done to the whole of something names the same actor, whichever of its events is named.
            let told = &facts[&format!("change/{uuid}")]["record"]["change"];
            assert_eq!(by["actor"], told["actor"], "{truth:?}: {change}");
            let is_same = by["event"] == uuid.as_str();
            let one_of_several = text(by, "time") == text(told, "time");
            assert!(is_same || one_of_several, "{truth:?}: {change}");
            assert_eq!(change["seen_for_the_first_time"], Value::Null, "{truth:?}: {change}");
            *found_by_kind.entry(truth.kind).or_default() += 1;
        }
    }
    for kind in [
        ChangeKind::User,
        ChangeKind::Group,
        ChangeKind::App,
        ChangeKind::GroupUser,
        ChangeKind::AppGroup,
        ChangeKind::AppUser,
    ] {
        assert!(found_by_kind.get(&kind).is_some_and(|found| *found > 0), "no {kind:?}: {found_by_kind:?}");
    }
}

#[test]
fn nobody_is_named_for_what_the_log_lost() {
    let years = Years::new(125, &["--lost-events", "25"], |_| {});
    let mut silent = 0;
    for round in 1..=ROUNDS {
        let diff = years.diff(round, round + 1);
        let changes: BTreeMap<&str, &Value> =
            list(&diff["changes"]).iter().map(|change| (text(change, "key"), change)).collect();
        for truth in years.companies[round as usize].truth().changes(round).iter().filter(|truth| truth.lost)
        {
            let Some(change) = key(truth).and_then(|key| changes.get(key.as_str())) else { continue };
            assert_ne!(change["by"]["event"], truth.event_uuid.as_deref().unwrap(), "{change}");
            if change["by"].is_null() {
                silent += 1;
                assert!(text(change, "by_unknown").contains("no event of the log"), "{change}");
            }
        }
    }
    assert!(silent > 0, "every lost event was made up for");
}

#[test]
fn what_a_gap_hid_is_seen_and_not_granted() {
    let case = Case::new(126);
    let group = case.group(IT_ADMINS);
    let members = format!("/api/v1/groups/{group}/users");
    let refused = serde_json::json!([fault(&members, &status(403, "E0000006"))]);
    case.home.run(&["source", "set", "Okta", "--without", "group_rules"]).ok();
    case.sync(&refused).ok();
    case.home.run(&["source", "set", "Okta", "--with", "group_rules"]).ok();
    case.reread(&serde_json::json!([])).ok();
    case.reread(&refused).ok();
    let diff = |from: &str, to: &str| case.home.run(&["diff", from, to, "--json"]).json()[0].clone();

    let opened = diff("1", "2");
    let of_kind = |kind: &str| -> Vec<Value> {
        let all = list(&opened["changes"]).iter();
        all.filter(|change| text(change, "kind") == kind && text(change, "what") == "added")
            .cloned()
            .collect()
    };
    let members: Vec<Value> =
        of_kind("membership").into_iter().filter(|change| text(change, "key").contains(&group)).collect();
    assert!(!members.is_empty(), "the gap hid nobody");
    for change in &members {
        assert!(text(change, "seen_for_the_first_time").contains("a gap before (denied)"), "{change}");
        assert!(!text(change, "told").contains("now"), "{change}");
    }
    let rules = of_kind("rule");
    assert!(!rules.is_empty());
    for rule in rules {
        assert!(rule["seen_for_the_first_time"].is_string(), "{rule}");
    }
    for access in list(&opened["access"]) {
        assert!(text(access, "what") == "lost" || access["seen_for_the_first_time"] == true, "{access}");
    }
    let told = case.home.run(&["diff", "1", "2"]).ok().stdout;
    assert!(told.contains("seen for the first time, it was a gap before (denied)"), "{told}");

    // Read again and refused: nothing is gone, and it is said that nothing could be.
    let closed = diff("2", "3");
    assert!(list(&closed["changes"]).iter().all(|change| text(change, "what") != "removed"), "{closed}");
    let gap =
        list(&closed["gaps"]).iter().find(|gap| scope(gap) == format!("group_members/{group}")).unwrap();
    assert_eq!((&gap["before"], &gap["after"]), (&Value::Bool(false), &Value::Bool(true)));
    let told = case.home.run(&["diff", "2", "3"]).ok().stdout;
    assert!(told.contains("group members of it-admins: denied, after"), "{told}");

    // What is stale says when it was last seen, to people and to programs.
    let sealed = case.home.run(&["export", "--as-of", "2"]).ok().stdout;
    let sealed: Value = serde_json::from_str(sealed.lines().next().unwrap()).unwrap();
    let facts = case.home.facts();
    assert!(members.iter().all(|change| facts[text(change, "key")]["stale"] == true));
    let admins = case.home.list("admins");
    let through: Vec<_> =
        admins.iter().filter(|admin| admin["via"]["group"]["id"] == group.as_str()).collect();
    assert!(!through.is_empty());
    let apps = case.home.list("apps");
    let mut stale = 0;
    for app in apps {
        let who = case.home.run(&["who", text(&app, "id"), "--json"]).json();
        let paths = list(&who["access"]).iter().flat_map(|access| list(&access["paths"]));
        for path in paths.filter(|path| path["stale"] == true && path["kind"] == "group") {
            assert_eq!(path["seen"]["last_seen"], 2, "{path}");
            assert_eq!(path["seen"]["last_seen_at"], sealed["sealed"], "{path}");
            stale += 1;
        }
        let told = case.home.run(&["who", text(&app, "id")]).ok().stdout;
        let date = &text(&sealed, "sealed")[..10];
        assert_eq!(told.contains(&format!("(stale, last seen {date})")), told.contains("(stale"), "{told}");
    }
    assert!(stale > 0, "no path is stale");
}

#[test]
fn paths_say_since_when_they_are_seen() {
    let years = Years::new(127, &[], |_| {});
    let facts = years.home.facts();
    let (mut old, mut new) = (0, 0);
    for app in years.home.list("apps") {
        let id = text(&app, "id");
        let who = years.home.run(&["who", id, "--json"]).json();
        for access in list(&who["access"]) {
            let account = text(&access["account"], "id");
            for path in list(&access["paths"]) {
                let keys = match text(path, "kind") {
                    "direct" => vec![format!("assignment/{id}/account/{account}")],
                    "group" => {
                        let group = text(&path["group"], "id");
                        let member = format!("membership/{group}/{account}");
                        let member =
                            if facts.contains_key(&member) { member } else { format!("account/{account}") };
                        vec![member, format!("assignment/{id}/group/{group}")]
                    }
                    _ => continue,
                };
                let first = keys.iter().map(|key| number(&facts[key], "first_seen")).max().unwrap();
                assert_eq!(path["seen"]["first_seen"], first, "{path}");
                if first == 1 { old += 1 } else { new += 1 }
            }
        }
    }
    assert!(old > 0 && new > 0, "{old} old paths, {new} new ones");
    let why = years.home.run(&["why", ADA, GITHUB]).ok().stdout;
    assert!(why.contains("seen since before the first sync"), "{why}");
}

#[test]
fn a_history_is_made_of_all_differences() {
    let years = Years::new(128, &[], |_| {});
    let diffs: Vec<Value> = (1..=ROUNDS).map(|round| years.diff(round, round + 1)).collect();
    // By the most eventful of each kind, and somebody who is gone.
    let mut told: BTreeMap<(String, String), BTreeSet<(u64, String)>> = BTreeMap::new();
    let mut gone = Vec::new();
    for (at, diff) in diffs.iter().enumerate() {
        for change in list(&diff["changes"]) {
            let is_told =
                change["churn"] == false && change["told_again"] == false && change["what"] != "moved";
            for end in list(&change["names"]).iter().filter(|_| is_told) {
                let end = (text(end, "kind").to_owned(), text(end, "id").to_owned());
                told.entry(end).or_default().insert((at as u64 + 2, text(change, "key").to_owned()));
            }
            if text(change, "what") == "removed" && text(change, "key").starts_with("account/") {
                gone.push(text(change, "key")["account/".len()..].to_owned());
            }
        }
    }
    assert!(!gone.is_empty(), "nobody is gone");
    let mut looked_at = 0;
    for kind in ["account", "group", "resource"] {
        let mut of_kind: Vec<_> = told.iter().filter(|((of, _), _)| of == kind).collect();
        of_kind.sort_by_key(|(_, changes)| std::cmp::Reverse(changes.len()));
        let wanted = of_kind.iter().enumerate().filter(|(at, ((_, id), _))| *at < 4 || gone.contains(id));
        for (_, ((_, id), expected)) in wanted {
            let history = years.home.run(&["history", id, "--json"]).json();
            assert_eq!(text(&history["entity"], "kind"), kind);
            let events = list(&history["events"]);
            let found: BTreeSet<(u64, String)> = events
                .iter()
                .filter(|event| !event["change"].is_null())
                .map(|event| (number(&event["until"], "snapshot"), text(&event["change"], "key").to_owned()))
                .collect();
            assert_eq!(&found, *expected, "{kind} {id}");
            let order: Vec<u64> = events.iter().map(|event| number(&event["until"], "snapshot")).collect();
            assert!(order.is_sorted_by(|one, next| one >= next), "not the newest first: {order:?}");
            assert_eq!(
                history["there"],
                !gone.contains(id) && kind_is_there(&years.home, kind, id),
                "{history}"
            );
            // By name it is the same, also when it is gone.
            let name = text(&history["entity"], "name");
            let by_name = years.home.run(&["history", name, "--json"]);
            if by_name.code == 0 {
                assert_eq!(by_name.json()["entity"]["id"], id.as_str());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 5, "{looked_at}");
    let recent = years.home.run(&["history", ADA, "--since", "3", "--json"]).json();
    assert!(list(&recent["events"]).iter().all(|event| number(&event["until"], "snapshot") > 3), "{recent}");
}

fn kind_is_there(home: &Home, kind: &str, id: &str) -> bool {
    home.facts().contains_key(&format!("{kind}/{id}"))
}

#[test]
fn wrong_times_and_names_have_their_answer() {
    let setup = SimSetup::of(crate::harness::tiny(129));
    let sim = setup.start();
    let home = Home::connected_to(&sim);
    for args in [&["diff"][..], &["history", ADA], &["who", GITHUB, "--as-of", "1"]] {
        let output = home.run(args);
        assert!(output.code == 7 && output.stderr.contains("read yet"), "{output:?}");
    }
    home.run(&["sync", "--json"]).ok();
    home.run(&["diff"]).fails(7, "only one snapshot", "");
    home.run(&["diff", "1", "1"]).ok();
    for question in [
        &["list", "groups", "--as-of"][..],
        &["who", GITHUB, "--as-of"],
        &["what", ADA, "--as-of"],
        &["why", ADA, GITHUB, "--as-of"],
        &["gaps", "--as-of"],
        &["export", "--as-of"],
        &["diff"],
        &["history", ADA, "--since"],
    ] {
        let ask = |when: &str| home.run(&[question, &[when]].concat());
        for nonsense in ["yesterday", "2026-13-01", "30.06.2026", "#", "0", "3 parsecs", ""] {
            let output = ask(nonsense);
            assert_eq!(output.code, 2, "{output:?}");
            assert!(output.stderr.starts_with("error: invalid value"), "{output:?}");
            assert!(
                output.stderr.contains("2026-06-30T12:00:00Z, an age (2h")
                    || output.stderr.contains("counted from 1")
                    || output.stderr.contains("2026-06-30T12:00:00Z), an age (2h"),
                "{output:?}"
            );
        }
        ask("2999-01-01").fails(2, "has not come yet", "");
        ask("99").fails(7, "Okta has no snapshot 99: there is only 1", "");
        if question[0] != "history" {
            ask("2001-01-01").fails(7, "the first is 1 of ", "");
            ask("5w").fails(7, "had no snapshot at 5w ago", "");
        }
    }
    home.run(&["sync", "--json"]).ok();
    home.run(&["diff", "2", "1"]).fails(2, "snapshot 2 is later than snapshot 1", "the earlier one first");
    home.run(&["diff", "--source", "Nobody"]).fails(7, "no data source \"Nobody\"", "Okta");
    let output = home.run(&["diff", "--kind", "nonsense"]);
    assert!(output.code == 2 && output.stderr.contains("membership"), "{output:?}");
    home.run(&["history", "Ada Lovelac", "--source", "Nobody"]).fails(7, "no data source", "Okta");
    home.run(&["history", "nobody-of-that-name"]).fails(7, "is or was called \"nobody-of-that-name\"", "");
    home.run(&["history", "e"]).fails(2, "fits", "--source");
    drop(sim.stop());

    // A second data source that has no such snapshot is named, and numbers need the name of one.
    let other = SimSetup::of(crate::harness::tiny(130)).start();
    let mut home = home;
    home.keep_secret(&other.token);
    home.set(crate::harness::TOKEN_VAR, &other.token);
    home.add_with(&other, &["--name", "Second"]).ok();
    let sealed = home.run(&["source", "show", "Okta", "--json"]).json();
    let sealed = text(&sealed["last_snapshot"], "sealed").to_owned();
    home.run(&["sync", "Second", "--json"]).ok();
    let told = home.run(&["list", "groups", "--as-of", &sealed]).ok();
    assert!(told.stderr.contains("not included: Second had no snapshot at"), "{told:?}");
    assert!(!told.stdout.contains("Second") && told.stdout.contains("Okta"), "{told:?}");
    for args in [&["list", "groups", "--as-of", "1"][..], &["diff", "1"], &["history", ADA, "--since", "1"]] {
        home.run(args).fails(2, "each data source", "--source");
    }
    let told = home.run(&["diff"]).ok();
    assert!(told.stderr.contains("not included: Second has only one snapshot"), "{told:?}");
}

#[test]
fn snapshots_that_are_given_up_change_no_answer_that_is_kept() {
    let mut years = Years::new(127, &[], |_| {});
    let ask = |home: &Home| -> Vec<String> {
        QUESTIONS.iter().map(|question| home.run(question).ok().stdout).collect()
    };
    let before = ask(&years.home);
    let nothing = years.home.run(&["prune"]).ok().stdout;
    assert_eq!(nothing, "Okta: 0 snapshots given up, 4 kept.\n");
    years.home.set("SIGHTLINE_HISTORY__KEEP_ALL_DAYS", "0");
    years.home.set("SIGHTLINE_HISTORY__KEEP_DAILY_DAYS", "0");
    let planned = years.home.run(&["prune", "--dry-run", "--json"]).json();
    let numbers = |pruned: &Value| -> Vec<u64> {
        list(&pruned[0]["given_up"]).iter().map(|snapshot| number(snapshot, "number")).collect()
    };
    assert_eq!(numbers(&planned), [1, 2, 3]);
    assert_eq!(years.diff(1, 4)["from"]["snapshot"], 1, "nothing was given up yet");
    let pruned = years.home.run(&["prune", "--json"]).json();
    assert_eq!((numbers(&pruned), &pruned[0]["kept"]), (vec![1, 2, 3], &Value::from(1)));
    assert!(ask(&years.home) == before, "answers of the snapshot that was kept have changed");
    for question in [&["who", GITHUB, "--as-of", "2"][..], &["diff", "2", "4"], &["export", "--as-of", "#3"]]
    {
        years.home.run(question).fails(7, "was not kept: how long is set under [history]", "");
    }
    years.home.run(&["doctor"]).ok();
    assert_eq!(years.home.run(&["prune"]).ok().stdout, "Okta: 0 snapshots given up, 1 kept.\n");
    years.home.set("SIGHTLINE_HISTORY__KEEP_ALL_DAYS", "-1");
    years.home.run(&["prune"]).fails(2, "keep_all_days", "");
}
