//! What may not be read, or is gone: a gap with its reason, or the truth that it is gone, and nothing else is lost.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sightline_sim::company::{ADA, ENG, GITHUB, HELP_DESK, IT_ADMINS, SALES, SERVICE_ACCOUNT};
use sightline_sim::expect::Assignee;

use crate::harness::{
    Case, assert_same, body, fault, gap, list, number, only_these_are_stale, paths, reference, scope, status,
    text, timeless, tiny, true_paths, unnumbered,
};

#[test]
fn a_group_that_goes_away_meanwhile_is_gone() {
    let case = Case::read(58);
    let group = case.group(SALES);
    let of_group = |case: &Case| {
        let members = format!("membership/{group}/");
        case.home.facts().keys().filter(|key| key.starts_with(&members)).count()
    };
    assert!(of_group(&case) > 0);
    let gone = |path: &str| fault(&format!("/api/v1/groups/{group}{path}"), &json!("gone"));
    case.reread(&json!([gone("/users"), gone("")])).ok();
    assert_eq!(case.home.gaps(), []);
    assert_eq!(of_group(&case), 0);
    assert!(!case.home.facts().contains_key(&format!("group/{group}")), "the group is still there");
    // The next undisturbed look at everything finds it again.
    case.reread(&json!([])).ok();
    let facts = case.home.facts();
    assert_eq!(number(&facts[&format!("group/{group}")], "first_seen"), 3);
    assert!(of_group(&case) > 0);
}

#[test]
fn members_that_are_not_found_although_the_group_is_there_are_a_gap() {
    let case = Case::read(68);
    let before = case.home.facts();
    let group = case.group(SALES);
    case.reread(&json!([fault(&format!("/api/v1/groups/{group}/users"), &json!("gone"))])).ok();
    let members = format!("group_members/{group}");
    assert_eq!(case.home.gaps(), [gap(&members, "unsupported")]);
    only_these_are_stale(&case.home, &before, &[&members]);
}

#[test]
fn members_that_may_no_longer_be_read_stay_and_are_stale() {
    let case = Case::read(60);
    let before = case.home.facts();
    let group = case.group(ENG);
    let members = format!("group_members/{group}");
    case.reread(&json!([fault(&format!("/api/v1/groups/{group}/users"), &status(403, "E0000006"))])).ok();
    assert_eq!(case.home.gaps(), [gap(&members, "denied")]);
    only_these_are_stale(&case.home, &before, &[&members]);

    // ADA still reaches GitHub through the group, and the answer says how sure that is.
    let answer = case.home.run(&["why", ADA, GITHUB, "--json"]).json();
    let truth = case.company.truth().who(&case.app(GITHUB));
    let ada = truth.iter().find(|reach| reach.user_id == case.person(ADA)).unwrap();
    assert_eq!(paths(&answer), true_paths(&ada.paths));
    for path in list(&answer["paths"]) {
        let through_it = path["group"]["id"] == group.as_str();
        assert_eq!(path["stale"], through_it, "{path}");
    }
    let gaps = list(&answer["gaps"]);
    assert!(gaps.iter().any(|gap| scope(gap) == members), "{answer}");
    let told = case.home.run(&["gaps"]).ok().stdout;
    for words in ["group members of eng", "denied", "HTTP 403 E0000006", "okta.groups.read", "is not seen"] {
        assert!(told.contains(words), "{words:?} is not in {told}");
    }
    // Twice denied is still not revoked.
    case.reread(&json!([fault(&format!("/api/v1/groups/{group}/users"), &status(403, "E0000006"))])).ok();
    only_these_are_stale(&case.home, &before, &[&members]);
    case.reread(&json!([])).ok();
    assert_eq!(case.home.gaps(), []);
    assert!(case.home.facts().values().all(|fact| fact["stale"] == false));
}

#[test]
fn each_refusal_of_an_optional_dataset_is_a_gap_with_its_reason() {
    let spec = tiny(61);
    let expected = reference(spec);
    let kinds = [
        (status(403, "E0000006"), "denied"),
        (status(401, "E0000015"), "not_licensed"),
        (status(404, "E0000008"), "unsupported"),
        (status(501, "E0000060"), "unsupported"),
    ];
    for round in 0..kinds.len() {
        let case = Case::new(61);
        let (group, app) = (case.group(ENG), case.app(GITHUB));
        let (admins, user) = (case.group(IT_ADMINS), case.person(HELP_DESK));
        let mut places = vec![
            ("/api/v1/groups/rules".to_owned(), "group_rules".to_owned()),
            ("/api/v1/iam/roles".to_owned(), "roles".to_owned()),
            ("/api/v1/logs".to_owned(), "activity".to_owned()),
            (format!("/api/v1/groups/{group}/users"), format!("group_members/{group}")),
            (format!("/api/v1/apps/{app}/users"), format!("app_users/{app}")),
            (format!("/api/v1/apps/{app}/groups"), format!("app_groups/{app}")),
            (format!("/api/v1/groups/{admins}/roles"), format!("group_roles/{admins}")),
        ];
        // Without the list of administrators nobody's roles are asked for.
        if round % 2 == 0 {
            places.push((format!("/api/v1/users/{user}/roles"), format!("user_roles/{user}")));
        } else {
            places.push(("/api/v1/iam/assignees/users".to_owned(), "role_assignees".to_owned()));
        }
        let kind = |turn: usize| &kinds[(turn + round) % kinds.len()];
        let faults: Vec<_> =
            places.iter().enumerate().map(|(turn, (path, _))| fault(path, &kind(turn).0)).collect();
        case.sync(&json!(faults)).ok();
        let mut gaps: Vec<_> =
            places.iter().enumerate().map(|(turn, (_, scope))| gap(scope, kind(turn).1)).collect();
        // Both walks through the log are refused alike.
        let of_log =
            gaps.iter().find(|(scope, _)| scope == "activity").map(|(_, reason)| reason.clone()).unwrap();
        gaps.push(("changes".to_owned(), of_log));
        gaps.sort();
        assert_eq!(case.home.gaps(), gaps, "round {round}");
        for gap in list(&case.home.run(&["gaps", "--json"]).json()) {
            assert!(!text(gap, "detail").is_empty() && !text(gap, "consequence").is_empty(), "{gap}");
        }
        let unread: BTreeSet<&str> =
            places.iter().map(|(_, scope)| scope.as_str()).chain(["changes"]).collect();
        let readable = |fact: &Value| {
            let scope = scope(fact);
            // Nothing leads to the parts of a list that was not read.
            let unlisted = scope.starts_with("role_permissions/")
                || unread.contains("role_assignees") && scope.starts_with("user_roles/");
            !unread.contains(scope.as_str()) && !unlisted
        };
        let rest = expected.clone().into_iter().filter(|(_, fact)| readable(fact)).collect();
        assert_same(&format!("round {round}"), &timeless(case.home.facts()), &rest);
        let answer = case.home.run(&["what", ADA, "--json"]).json();
        let last_use = &list(&answer["access"])[0]["last_use"];
        assert!(last_use["unknown"].is_string(), "unread activity is not unused: {last_use}");
    }
}

#[test]
fn a_required_list_that_is_denied_fails_the_sync_and_changes_nothing() {
    let case = Case::read(62);
    let before = case.home.facts();
    for path in ["/api/v1/users", "/api/v1/groups", "/api/v1/apps"] {
        let faults = json!([fault(path, &status(403, "E0000006"))]);
        case.sync_with(&faults, &["--full"]).fails(3, &format!("the token may not read {path}"), "");
        assert_eq!(case.home.facts(), before, "{path}");
    }
    case.sync(&json!([])).ok();
    assert_same("facts", &unnumbered(case.home.facts()), &unnumbered(before));
}

#[test]
fn far_fewer_accounts_than_before_are_held_for_confirmation() {
    let case = Case::read(63);
    let before = case.home.facts();
    let ada = json!([{"id": case.person(ADA), "status": "ACTIVE", "profile": {"login": "ada@example.com"}}]);
    let few = json!([fault("/api/v1/users", &body(&ada))]);
    let held = case.reread(&few);
    held.fails(6, "account facts would drop from 60 to 1", "confirm");
    assert_eq!(case.home.facts(), before);
    // Asking again is no confirmation.
    case.reread(&few).fails(6, "would drop from 60 to 1", "confirm");
    assert_eq!(case.home.facts(), before);
    // Nor is reading only what has changed: whoever was not listed is not among that.
    case.sync(&few).ok();
    assert_eq!(case.home.list("accounts").len(), 60);

    // A fresh look that finds everybody again needs none.
    case.sync_with(&json!([]), &["--full"]).ok();
    assert_same("facts", &unnumbered(case.home.facts()), &unnumbered(before));

    case.sync_with(&few, &["--full"]).fails(6, "would drop from 60 to 1", "confirm");
    let sim = case.start(&few);
    case.home.run(&["sync", "--json", "--accept-drop"]).ok();
    assert_eq!(sim.stop().total(), 0, "a confirmed sync was read again");
    let accounts = case.home.list("accounts");
    assert_eq!(accounts.iter().map(|account| text(account, "id")).collect::<Vec<_>>(), [case.person(ADA)]);
    assert!(held.stderr.contains("--accept-drop"), "the hint names no way to confirm: {held:?}");
}

#[test]
fn whoever_is_no_longer_listed_as_an_administrator_is_none() {
    let case = Case::read(64);
    let direct = |case: &Case| -> Vec<String> {
        let admins = case.home.list("admins");
        admins
            .iter()
            .filter(|admin| admin["via"]["kind"] == "direct" && !admin["account"].is_null())
            .map(|admin| text(&admin["account"], "id").to_owned())
            .collect()
    };
    assert!(direct(&case).len() > 1);
    let user = case.person(SERVICE_ACCOUNT);
    let only_one = body(&json!({"value": [{"id": user}], "_links": {}}));
    let faults = json!([fault("/api/v1/iam/assignees/users", &only_one)]);
    case.sync_with(&faults, &["--full", "--accept-drop"]).ok();
    assert_eq!(case.home.gaps(), []);
    let left: BTreeSet<_> = direct(&case).into_iter().collect();
    // Those who hold a role on a set of resources are told by the set as well.
    let bound = case.company.truth().bindings().into_iter().filter_map(|binding| match binding.assignee {
        Assignee::User(user) => Some(user),
        _ => None,
    });
    assert_eq!(left, bound.chain([user]).collect());
}

#[test]
fn access_through_a_group_that_was_never_seen_is_told_all_the_same() {
    let case = Case::new(65);
    let group = case.group(ENG);
    case.reread(&json!([fault(&format!("/api/v1/groups/{group}/users"), &status(403, "E0000006"))])).ok();
    let answer = case.home.run(&["who", GITHUB, "--json"]).json();
    assert!(
        list(&answer["gaps"]).iter().any(|gap| scope(gap) == format!("group_members/{group}")),
        "{answer}"
    );
    let truth = case.company.truth().who(&case.app(GITHUB));
    let lines = list(&answer["access"]);
    assert_eq!(lines.len(), truth.len(), "the application's own list names everybody");
    let mut unseen = 0;
    for reach in truth {
        let line = lines.iter().find(|line| text(&line["account"], "id") == reach.user_id).unwrap();
        assert_eq!(line["can_reach"], reach.can_sign_in, "{line}");
        let mut seen = true_paths(&reach.paths);
        let through_it = seen.remove(&format!("group {group}"));
        let mut found = paths(line);
        let hidden = found.remove("unseen_group");
        assert_eq!(found, seen, "{line}");
        // Whoever has another path may have had this one too; whoever has none must have had it.
        assert!(hidden || !seen.is_empty(), "no way in is told: {line}");
        assert!(!hidden || through_it, "a way in is made up: {line}");
        unseen += usize::from(hidden);
    }
    assert!(unseen > 0, "nobody came through the group");
}

#[test]
fn activity_that_is_denied_for_a_while_goes_on_where_it_was() {
    let case = Case::read(66);
    let window = |case: &Case| case.home.facts()["activity_window"]["record"]["activity_window"].clone();
    let (before, first) = (case.home.facts(), window(&case));
    case.sync(&json!([fault("/api/v1/logs", &status(403, "E0000006"))])).ok();
    assert_eq!(case.home.gaps(), [gap("activity", "denied"), gap("changes", "denied")]);
    assert_eq!(window(&case), first, "what was not read is not covered");
    case.sync(&json!([])).ok();
    assert_eq!(case.home.gaps(), []);
    assert_eq!(window(&case)["since"], first["since"]);
    assert!(crate::harness::millis(&window(&case)["until"]) > crate::harness::millis(&first["until"]));
    assert_same("facts", &unnumbered(case.home.facts()), &unnumbered(before));
}
