//! What is known to go wrong when Okta is read, each by its name.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sightline_core::budget::{Answer, Budget, Call, Permit};
use sightline_core::time::Clock;
use sightline_core::{Context, GapReason, RawTask, Scope, SoFar, Time};
use sightline_okta::OktaTask;
use sightline_sim::Company;
use sightline_sim::company::{CompanySpec, GroupKind, Holder, Role, RoleAssignment, RoleScope, SettingKind};
use sightline_testkit::{Fault, How, Kit, Outcome, Size, Trouble, Upstream, World};

use crate::upstream::{SimulatedOkta, spec_of};
use crate::{OKTA, kit};

fn read(faults: impl IntoIterator<Item = Fault>) -> Outcome {
    let kit = kit();
    kit.block_on(kit.read(&World::of(3).with(faults)))
}

fn company() -> Company {
    Company::generate(spec_of(&World::of(3)))
}

/// An undisturbed sync, and then one with these faults that reads everything anew.
fn read_again(faults: impl IntoIterator<Item = Fault>) -> (Outcome, Outcome) {
    let kit = kit();
    kit.block_on(async {
        let bed = kit.bed();
        let before = bed.sync(&World::of(3), &How::default()).await;
        let after = bed.sync(&World::of(3).with(faults), &How::full()).await;
        (before, after)
    })
}

#[track_caller]
fn whole(outcome: &Outcome) {
    if let Err(what) = outcome.is_whole() {
        panic!("{what}");
    }
}

/// Every fact that was there is there.
#[track_caller]
fn nothing_closed(before: &Outcome, after: &Outcome) {
    let closed: Vec<_> = before.facts.keys().filter(|key| !after.facts.contains_key(*key)).take(3).collect();
    assert!(closed.is_empty(), "closed: {closed:?}");
}

#[test]
fn groups_of_more_than_a_thousand_members_are_read_whole() {
    let now = spec_of(&World::of(1)).now;
    let sizes = CompanySpec {
        people: 1300,
        groups: 16,
        apps: 13,
        memberships: 4200,
        assignments: 2600,
        ..CompanySpec::for_people(1300, 1, now)
    };
    let company = Company::generate(sizes);
    assert!(company.groups.iter().any(|group| group.members.len() > 1000), "no group is large enough");
    assert!(company.apps.iter().any(|app| app.users.len() > 500), "no application is large enough");
    let kit = Kit::new(&OKTA, SimulatedOkta { spec: Some(sizes), ..SimulatedOkta::default() });
    whole(&kit.block_on(kit.read(&World::of(1))));
}

#[test]
fn lists_go_on_past_their_first_page() {
    let kit = kit();
    let outcome = kit.block_on(kit.read(&World { size: Size::Paged, ..World::of(3) }));
    whole(&outcome);
    assert!(outcome.requests["GET /api/v1/users"] > 2, "{:?}", outcome.requests);
    assert!(outcome.requests["GET /api/v1/groups"] > 1, "{:?}", outcome.requests);
}

#[test]
fn deactivated_users_are_read_and_keep_their_status() {
    let outcome = read([]);
    let statuses = |word: &str| {
        let accounts = outcome.facts.iter().filter(|(key, _)| key.starts_with("account/"));
        accounts.filter(|(_, fact)| fact.fields["raw_status"] == word).count()
    };
    let company = company();
    for word in ["ACTIVE", "DEPROVISIONED", "SUSPENDED", "LOCKED_OUT", "STAGED"] {
        let expected = company.users.iter().filter(|user| user.status.as_str() == word).count();
        assert!(expected > 0, "nobody is {word}");
        assert_eq!(statuses(word), expected, "{word}");
    }
}

#[test]
fn group_admin_roles_are_read_from_the_group() {
    let outcome = read([]);
    let company = company();
    let holders = company.role_assignments.iter().filter_map(|assignment| match assignment.holder {
        Holder::Group(group) => Some(company.groups[group as usize].id.to_string()),
        Holder::User(_) => None,
    });
    let holders: Vec<String> = holders.collect();
    assert!(!holders.is_empty(), "no group holds a role");
    for group in holders {
        let start = format!("holding/group/{group}/");
        assert!(outcome.facts.keys().any(|key| key.starts_with(&start)), "the roles of {group} are lost");
    }
}

#[test]
fn custom_roles_are_told_apart() {
    let outcome = read([]);
    let custom: Vec<&str> = outcome
        .facts
        .iter()
        .filter(|(key, fact)| key.starts_with("role/") && fact.fields["custom"] == true)
        .filter_map(|(_, fact)| fact.fields["id"].as_str())
        .collect();
    let expected: Vec<String> = company().custom_roles.iter().map(|role| role.id.to_string()).collect();
    assert!(expected.len() > 1, "one custom role cannot be taken for another");
    assert!(expected.iter().all(|id| custom.contains(&id.as_str())), "{custom:?} instead of {expected:?}");
}

#[test]
fn imported_groups_are_read_like_others() {
    let outcome = read([]);
    let company = company();
    let imported = company.groups.iter().filter(|group| matches!(group.kind, GroupKind::Imported(_)));
    let with_members: Vec<_> = imported.filter(|group| !group.members.is_empty()).collect();
    assert!(!with_members.is_empty(), "no imported group has members");
    for group in with_members {
        let start = format!("membership/{}/", group.id);
        let found = outcome.facts.keys().filter(|key| key.starts_with(&start)).count();
        assert_eq!(found, group.members.len(), "{}", group.name);
    }
}

#[test]
fn direct_and_inherited_assignments_are_told_apart() {
    let outcome = read([]);
    let origins = |direct: bool| {
        let users = outcome
            .facts
            .iter()
            .filter(|(key, _)| key.starts_with("assignment/") && key.contains("/account/"));
        users.filter(|(_, fact)| (fact.fields["origin"] == "direct") == direct).count()
    };
    assert!(origins(true) > 0 && origins(false) > 0);
    whole(&outcome);
}

#[test]
fn applications_of_kinds_without_a_sign_on_mode_are_kept() {
    let company = company();
    let without = company.apps.iter().filter(|app| app.sign_on_mode.is_none());
    let inactive = company.apps.iter().filter(|app| !app.active);
    assert!(without.count() > 0 && inactive.count() > 0, "there is none");
    whole(&read([]));
}

#[test]
fn one_field_of_another_type_does_not_cost_the_list() {
    let odd = json!({
        "id": "00uNULL", "status": null, "created": null, "lastLogin": null, "type": null, "credentials": 7,
        "profile": {"login": null, "email": 4, "firstName": ["a"]},
    });
    let outcome = read([Fault::at("/api/v1/users", 1, Trouble::OddObject(odd))]);
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    let lost = outcome.truth.facts.keys().find(|key| !outcome.facts.contains_key(*key));
    assert_eq!(lost, None);
    let found = &outcome.facts["account/00uNULL"];
    assert_eq!(found.fields["status"], "unknown", "no status is not able to sign in");
    assert_eq!(found.fields["login"], "00uNULL");
}

#[test]
fn a_role_of_a_type_that_nobody_knows_does_not_cost_the_others() {
    let company = company();
    let holder = company.role_assignments.iter().find_map(|assignment| match assignment.holder {
        Holder::User(user) => Some(company.users[user as usize].id.to_string()),
        Holder::Group(_) => None,
    });
    let holder = holder.unwrap();
    let odd = json!({"id": "raODD", "type": "ORACLE_ADMIN", "label": "Oracle", "status": "ACTIVE"});
    let outcome = read([Fault::always(format!("/api/v1/users/{holder}/roles"), Trouble::OddObject(odd))]);
    let unknown = format!("holding/account/{holder}/ORACLE_ADMIN/direct/unknown");
    assert!(outcome.facts.contains_key(&unknown), "the role is lost, or its reach is made up");
    let lost = outcome.truth.facts.keys().find(|key| !outcome.facts.contains_key(*key));
    assert_eq!(lost, None);
}

#[test]
fn a_failed_read_of_targets_is_unknown() {
    let targets = [
        "/api/v1/users/{id}/roles/{part}/targets/groups",
        "/api/v1/users/{id}/roles/{part}/targets/catalog/apps",
        "/api/v1/groups/{id}/roles/{part}/targets/groups",
        "/api/v1/groups/{id}/roles/{part}/targets/catalog/apps",
        "/oauth2/v1/clients/{id}/roles/{part}/targets/groups",
        "/oauth2/v1/clients/{id}/roles/{part}/targets/catalog/apps",
    ];
    let outcome = read(targets.map(|path| Fault::always(path, Trouble::Failing(500))));
    let (mut unread, mut of_services) = (0, 0);
    for (key, fact) in &outcome.truth.facts {
        let Some(unlimited) = &fact.where_unlimited else { continue };
        assert!(!outcome.facts.contains_key(key), "{key} was not read, and is told");
        assert!(outcome.facts.contains_key(unlimited), "{key} is lost");
        assert!(outcome.gaps.iter().any(|gap| gap.scope == fact.scope), "{} is no gap", fact.scope);
        unread += 1;
        of_services += usize::from(key.starts_with("holding/resource/"));
    }
    assert!(unread > of_services && of_services > 0, "no role comes without its targets");
}

#[test]
fn a_refused_page_is_never_a_revocation() {
    for trouble in [Trouble::Denied, Trouble::NotFound, Trouble::NotData, Trouble::Html] {
        let lists = [
            "/api/v1/groups/{id}/users",
            "/api/v1/apps/{id}/users",
            "/api/v1/apps/{id}/groups",
            "/api/v1/groups/rules",
            "/api/v1/iam/roles",
            "/api/v1/iam/assignees/users",
            "/api/v1/groups/{id}/roles",
            "/api/v1/users/{id}/roles",
        ];
        let (before, after) = read_again(lists.map(|path| Fault::always(path, trouble.clone())));
        nothing_closed(&before, &after);
        assert!(after.gaps.len() > lists.len(), "{} gaps for {trouble:?}", after.gaps.len());
    }
}

#[test]
fn the_rate_limit_costs_no_data() {
    let refused = |path: &str| Fault { times: Some(2), ..Fault::always(path, Trouble::RateLimited) };
    let at_once =
        |path: &str| Fault { from: Some(2), times: Some(2), ..Fault::always(path, Trouble::TooManyAtOnce) };
    let outcome = read([
        refused("/api/v1/groups/{id}/users"),
        refused("/api/v1/users"),
        at_once("/api/v1/apps/{id}/users"),
        at_once("/api/v1/logs"),
    ]);
    whole(&outcome);
}

#[test]
fn an_empty_list_of_users_is_no_success() {
    let (before, after) = read_again([Fault::always("/api/v1/users", Trouble::Nothing)]);
    assert!(after.result.is_err(), "a sync without anybody ended well");
    assert_eq!(after.snapshot, before.snapshot);
}

#[test]
fn what_is_deleted_meanwhile_does_not_end_the_sync() {
    let company = company();
    let group = company.groups.iter().find(|group| group.members.len() > 2).unwrap().id.to_string();
    let app = company.apps.iter().find(|app| app.users.len() > 2).unwrap().id.to_string();
    let outcome = read([
        Fault::at("/api/v1/groups", 1, Trouble::Vanishes(group.clone())),
        Fault::at("/api/v1/apps", 1, Trouble::Vanishes(app.clone())),
    ]);
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    let named = |key: &str| key.contains(&group) || key.contains(&app);
    let lost = outcome.truth.facts.keys().find(|key| !outcome.facts.contains_key(*key) && !named(key));
    assert_eq!(lost, None);
    assert_eq!(outcome.gaps, []);
}

#[test]
fn a_license_that_is_missing_is_told_apart_from_a_permission() {
    let outcome = read([
        Fault::always("/api/v1/groups/rules", Trouble::NotLicensed),
        Fault::always("/api/v1/iam/roles", Trouble::Denied),
    ]);
    let reason = |dataset: &str| {
        let gap = outcome.gaps.iter().find(|gap| gap.scope == Scope::listing(dataset));
        gap.map(|gap| gap.reason.clone())
    };
    assert_eq!(reason("group_rules"), Some(GapReason::NotLicensed));
    assert!(matches!(reason("roles"), Some(GapReason::Denied { permission: Some(_) })));
}

/// A company that is larger in one respect than companies of its size are.
fn read_altered(size: Size, alter: fn(&mut Company)) -> Outcome {
    let kit = Kit::new(&OKTA, SimulatedOkta { alter: Some(alter), ..SimulatedOkta::default() });
    kit.block_on(kit.read(&World { size, ..World::of(3) }))
}

#[test]
fn holders_of_roles_past_a_hundred_are_read() {
    let outcome = read_altered(Size::Paged, |company| {
        for user in 0..150 {
            company.role_assignments.push(RoleAssignment {
                id: format!("irbMANY{user}"),
                holder: Holder::User(user),
                role: Role::Custom(0),
                scope: RoleScope::ResourceSet(0),
                created: company.spec.now.as_millisecond(),
            });
        }
    });
    whole(&outcome);
    let of_set = outcome.truth.facts.values().filter(|fact| {
        [&fact.scope].into_iter().chain(&fact.also).any(|scope| scope.dataset == "binding_members")
    });
    assert!(of_set.count() >= 150, "nobody is bound to a resource set");
}

#[test]
fn more_than_twenty_trusted_origins_are_read() {
    // Okta gives twenty where nothing else is asked for, and two hundred at most.
    let outcome = read_altered(Size::Tiny, |company| {
        let mut origins =
            company.settings.iter().filter(|setting| setting.kind == SettingKind::TrustedOrigin);
        let origin = origins.next().unwrap().clone();
        for number in 0..230 {
            let mut another = origin.clone();
            another.id = format!("tosMANY{number}");
            another.body["id"] = json!(another.id);
            company.settings.push(another);
        }
    });
    whole(&outcome);
    let found = outcome.facts.keys().filter(|key| key.starts_with("setting/trusted_origin/")).count();
    assert!(found > 230, "{found} trusted origins");
}

#[test]
fn api_tokens_without_a_network_a_window_or_an_end_are_kept() {
    let company = company();
    let plain = company.api_tokens.iter().filter(|token| token.network.is_none() || token.expires.is_none());
    assert!(plain.count() > 0, "every token has everything");
    let nulls = json!({
        "id": "00TNULL", "name": null, "userId": null, "clientName": null, "tokenWindow": null, "network": null,
        "expiresAt": null, "created": null, "lastUpdated": null,
    });
    let outcome = read([Fault::at("/api/v1/api-tokens", 1, Trouble::OddObject(nulls))]);
    let lost = outcome.truth.facts.keys().find(|key| !outcome.facts.contains_key(*key));
    assert_eq!(lost, None);
    let fields = &outcome.facts["credential/00TNULL"].fields;
    assert_eq!((&fields["name"], &fields["owner"]), (&json!("00TNULL"), &json!(null)));
    assert_eq!(outcome.gaps, []);
}

#[test]
fn groups_that_are_copied_into_applications_are_read() {
    let outcome = read([]);
    let company = company();
    let statuses: Vec<&str> = company.push_mappings.iter().map(|mapping| mapping.status).collect();
    assert!(!statuses.is_empty(), "no group is pushed");
    for mapping in &company.push_mappings {
        let app = company.apps[mapping.app as usize].id;
        let found = &outcome.facts[&format!("push/{app}/{}", mapping.id)];
        let source = company.groups[mapping.source as usize].id.to_string();
        assert_eq!(found.fields["group"], source);
        assert_eq!(found.fields["raw_status"], mapping.status);
    }
}

#[test]
fn an_application_that_cannot_tell_its_copies_is_a_gap_of_its_own() {
    let company = company();
    let app = company.apps[company.push_mappings[0].app as usize].id.to_string();
    let path = format!("/api/v1/apps/{app}/group-push/mappings");
    let (before, after) = read_again([Fault::always(path, Trouble::Refused("not supported".to_owned()))]);
    nothing_closed(&before, &after);
    let scopes: Vec<_> = after.gaps.iter().map(|gap| gap.scope.clone()).collect();
    assert_eq!(scopes, [Scope::under("app_pushes", app)]);
}

#[test]
fn roles_of_service_applications_are_read_with_their_reach() {
    let outcome = read([]);
    let company = company();
    let mut reaches = BTreeSet::new();
    for held in &company.client_roles {
        let id = company.apps[held.app as usize].id;
        let (role, reach) = match (held.role, &held.scope) {
            (Role::Standard(role), RoleScope::Org) => (role.to_owned(), "org"),
            (Role::Standard(role), _) => (role.to_owned(), "targets"),
            (Role::Custom(role), _) => (company.custom_roles[role as usize].id.to_string(), "set"),
        };
        let start = format!("holding/resource/{id}/{role}/direct/{reach}");
        assert!(outcome.facts.keys().any(|key| key.starts_with(&start)), "{start} is lost");
        reaches.insert(reach);
    }
    assert_eq!(reaches.len(), 3, "only {reaches:?}");
}

#[test]
fn what_is_off_by_default_is_read_when_it_is_asked_for() {
    let kit = kit();
    let on: &[&str] = &["group_owners", "linked_objects"];
    let bed = kit.bed();
    for how in [How { on, ..How::default() }, How { on, ..How::full() }] {
        let outcome = kit.block_on(bed.sync(&World::of(3), &how));
        whole(&outcome);
        for dataset in on {
            let mut facts = outcome.truth.facts.values();
            assert!(facts.any(|fact| fact.scope.dataset == *dataset), "there is nothing in {dataset}");
        }
    }
}

#[test]
fn what_is_verified_a_share_at_a_time_stays_true() {
    let kit = kit();
    let bed = kit.bed();
    whole(&kit.block_on(bed.sync(&World::of(5), &How::default())));
    let mut how = How::default();
    how.options.verify = true;
    for round in 1..=3 {
        let outcome = kit.block_on(bed.sync(&World::of(5).after(round), &how));
        assert!(outcome.result.as_ref().is_ok_and(|report| !report.full), "everything was read");
        whole(&outcome);
    }
}

/// A clock that shows what it was set to.
#[derive(Debug)]
struct SetClock(Time);

impl Clock for SetClock {
    fn now(&self) -> Time {
        self.0
    }
}

#[derive(Debug)]
struct NoLimit;

#[async_trait]
impl Budget for NoLimit {
    async fn acquire(&self, _: Call) -> Permit {
        Permit::free()
    }

    fn observe(&self, _: Call, _: Answer) -> Time {
        Time::default()
    }
}

#[test]
fn changes_are_followed_from_when_a_sync_was_planned_and_not_from_when_the_log_was_begun() {
    const HALF_A_DAY: Duration = Duration::from_hours(12);
    let kit = kit();
    kit.block_on(async {
        let running = SimulatedOkta::default().start(&World::of(3)).await;
        let resumed = running.now();
        let planned = resumed.before(HALF_A_DAY);
        let open = |now: Time| {
            let clock = Arc::new(SetClock(now));
            let budget = Arc::new(NoLimit);
            let cx = Context { allow_loopback_http: true, clock, budget, extra_roots_pem: Vec::new() };
            OKTA.open(running.settings(), &cx).unwrap()
        };
        let of_changes = |task: &RawTask| task.about.scope == Scope::listing("changes");
        let mut open_tasks = open(planned).plan(&[]).unwrap();
        open_tasks.retain(of_changes);
        let mut later = Vec::new();
        while let Some(task) = open_tasks.pop() {
            let step = open(resumed).step(&task, &SoFar::default()).await.unwrap();
            open_tasks.extend(step.then.into_iter().filter(of_changes));
            later.extend(step.later);
        }
        assert_eq!(later.len(), 1, "one walk is left for the next sync");
        let OktaTask::Log(walk) = serde_json::from_str(&later[0].json).unwrap() else { panic!("{later:?}") };
        assert!(walk.follow && walk.cursor.is_start(), "{walk:?}");
        assert!(walk.since <= planned, "the next sync follows changes since {:?} only", walk.since);
        running.stop().await;
    });
}
