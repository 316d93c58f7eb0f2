//! Roles, what they allow and are limited to, service applications, managers, and what a gap is taken for.

use sightline_core::*;
use sightline_graph::{Graph, Holder, Manager, Power, Via};

use crate::support::*;

fn active(id: &str) -> Record {
    account(id, AccountStatus::Active)
}

fn holding(principal: Principal, role: &str, scope: HoldingScope, since: Option<Time>) -> Record {
    let Record::Holding(holding) = holds(principal, role, false, true) else { unreachable!() };
    Record::Holding(Holding { scope, since, ..holding })
}

fn custom_role(id: &str) -> Record {
    Record::Role(Role { id: id.into(), label: format!("Custom {id}"), description: None, custom: true })
}

fn permission(role: &str, name: &str) -> Record {
    Record::Permission(Permission { role: role.into(), name: name.into(), conditions: RawJson::default() })
}

fn service(id: &str) -> Record {
    let Record::Resource(mut app) = resource(id, ResourceStatus::Active, false) else { unreachable!() };
    app.service = true;
    Record::Resource(app)
}

fn grant(app: &str, scope: &str, status: &str) -> Record {
    Record::ApiGrant(ApiGrant {
        resource: app.into(),
        scope: scope.into(),
        raw_status: Some(status.into()),
        granted_by: None,
        since: None,
    })
}

#[test]
fn a_role_told_by_its_holder_and_by_its_set_is_one() {
    let of = || Principal::Account("ada".into());
    let set = || HoldingScope::Set("s1".into());
    // A set's list names the role by its id and knows no date.
    let called = |label: &str, since| {
        let Record::Holding(one) = holding(of(), "cr0", set(), since) else { unreachable!() };
        Record::Holding(Holding { label: label.into(), ..one })
    };
    let (by_holder, by_set) = (called("Custom cr0", Some(day(-9))), called("cr0", None));
    for both in [vec![by_holder.clone(), by_set.clone()], vec![by_set.clone(), by_holder]] {
        let records = [vec![active("ada"), custom_role("cr0")], both].concat();
        let admins = Graph::build(snapshot(&records, &[])).admins();
        assert_eq!(admins.len(), 1, "{admins:?}");
        assert_eq!((admins[0].label.as_str(), admins[0].since), ("Custom cr0", Some(day(-9))));
        assert_eq!(admins[0].via, Via::Direct);
    }
    // Alone it is called as the role is.
    let alone = Graph::build(snapshot(&[active("ada"), custom_role("cr0"), by_set], &[])).admins();
    assert_eq!(alone[0].label, "Custom cr0");
    // Two sets are two lines.
    let two = [
        active("ada"),
        holding(of(), "cr0", set(), None),
        holding(of(), "cr0", HoldingScope::Set("s2".into()), None),
        holding(of(), "cr0", HoldingScope::Org, None),
    ];
    assert_eq!(Graph::build(snapshot(&two, &[])).admins().len(), 3);
}

#[test]
fn what_a_role_allows_is_known_only_where_it_was_read() {
    let standard = Record::Role(Role {
        id: "SUPER_ADMIN".into(),
        label: "Super".into(),
        description: None,
        custom: false,
    });
    let records = [
        custom_role("read"),
        custom_role("refused"),
        custom_role("empty"),
        standard,
        permission("read", "okta.users.read"),
        permission("read", "okta.apps.read"),
        permission("refused", "okta.users.manage"),
    ];
    let denied = GapReason::Denied { permission: None };
    let gaps = [(Scope::under("role_permissions", "refused"), denied)];
    let graph = Graph::build(snapshot_with(&records, &gaps, &[Scope::under("role_permissions", "empty")]));
    let names = |role: &str| match graph.permissions(role) {
        None => "its own name says it".to_owned(),
        Some(Observed::Known(all)) => {
            all.iter().map(|permission| permission.name.as_str()).collect::<Vec<_>>().join(" ")
        }
        Some(Observed::Unknown(why)) => format!("unknown: {why}"),
    };
    assert_eq!(names("read"), "okta.apps.read okta.users.read");
    assert_eq!(names("refused"), "unknown: denied");
    assert_eq!(names("empty"), "");
    assert_eq!(names("never seen"), "unknown: not read");
    assert_eq!(names("SUPER_ADMIN"), "its own name says it");
}

#[test]
fn a_set_says_what_it_holds_and_whether_that_is_all() {
    let set = |id: &str, label: &str| {
        Record::ScopeSet(Box::new(ScopeSet {
            id: id.into(),
            label: label.into(),
            description: None,
            created: None,
            last_updated: None,
        }))
    };
    let holds = |set: &str, id: &str, object: &str| {
        Record::SetMember(Box::new(SetMember {
            set: set.into(),
            id: id.into(),
            object: object.into(),
            contents: false,
            conditions: RawJson::default(),
        }))
    };
    let records = [
        set("s1", "Zeta"),
        set("s2", "alpha"),
        set("s3", "Mid"),
        holds("s1", "m2", "group/g2"),
        holds("s1", "m1", "group/g1"),
        holds("s2", "m1", "resource/r1"),
    ];
    let gaps = [(Scope::under("set_resources", "s2"), GapReason::Unavailable)];
    let graph = Graph::build(snapshot(&records, &gaps));
    let labels: Vec<_> = graph.scope_sets().map(|set| set.label.as_str()).collect();
    assert_eq!(labels, ["alpha", "Mid", "Zeta"]);
    let told = |id: &str| {
        let contents = graph.set_contents(id);
        let objects: Vec<String> = contents.members.iter().map(|member| member.object.clone()).collect();
        (objects, contents.unread)
    };
    assert_eq!(told("s1"), (vec!["group/g1".to_owned(), "group/g2".to_owned()], None));
    assert_eq!(told("s2"), (vec!["resource/r1".to_owned()], Some("unavailable".to_owned())));
    assert_eq!(told("s3"), (vec![], Some("not read".to_owned())));
}

#[test]
fn a_service_application_reaches_what_its_grants_and_roles_both_allow() {
    let role =
        |app: &str| holding(Principal::Resource(app.into()), "READ_ONLY", HoldingScope::Org, Some(day(0)));
    let records = [
        service("both"),
        role("both"),
        grant("both", "okta.users.read", "ACTIVE"),
        service("granted"),
        grant("granted", "okta.users.manage", "ACTIVE"),
        service("revoked"),
        role("revoked"),
        grant("revoked", "okta.users.read", "REVOKED"),
        service("unread"),
        role("unread"),
        service("idle"),
        // Not marked as one, but it holds a role like one.
        resource("odd", ResourceStatus::Active, false),
        role("odd"),
        grant("odd", "okta.logs.read", "WHATEVER"),
        resource("plain", ResourceStatus::Active, false),
    ];
    let denied = GapReason::Denied { permission: None };
    let gaps =
        [(Scope::under("app_grants", "unread"), denied.clone()), (Scope::listing("log_streams"), denied)];
    let read = ["granted", "idle"].map(|app| Scope::under("client_roles", app));
    let read = [&read[..], &[Scope::under("app_grants", "idle")]].concat();
    let graph = Graph::build(snapshot_with(&records, &gaps, &read));
    let found: Vec<(String, Power)> = graph
        .service_apps()
        .into_iter()
        .map(|app| (graph.resource(app.resource).id.clone(), app.power))
        .collect();
    let expected = [
        ("both", Power::Some),
        ("granted", Power::None("it holds no role")),
        ("idle", Power::None("no part of the interface was granted to it")),
        ("odd", Power::Some),
        ("revoked", Power::None("no part of the interface was granted to it")),
        ("unread", Power::Unknown("its grants are not known (denied)".into())),
    ];
    assert_eq!(found, expected.map(|(id, power)| (id.to_owned(), power)));
    // They administer too, after the accounts.
    let holders: Vec<_> = graph.admins().into_iter().map(|admin| admin.holder).collect();
    let app = |id: &str| Holder::Resource(graph.resource_with_id(id).unwrap());
    assert_eq!(holders, [app("both"), app("odd"), app("revoked"), app("unread")]);
    assert_eq!(graph.summary().admins, 0, "an application is no person");
}

#[test]
fn a_manager_is_found_by_id_login_or_address_and_never_guessed() {
    let person = |id: &str, manager: Option<&str>, email: &str| {
        let Record::Account(mut one) = active(id) else { unreachable!() };
        one.manager = manager.map(Into::into);
        one.emails = vec![email.into()];
        Record::Account(one)
    };
    let records = [
        person("boss", None, "the.boss@acme.test"),
        // Its id is what another one's login would be.
        person("boss@acme.test", Some("  "), "x@acme.test"),
        person("by_id", Some("boss"), "1@acme.test"),
        person("by_login", Some(" BY_ID@Acme.Test "), "2@acme.test"),
        person("by_email", Some("The.Boss@acme.test"), "shared@acme.test"),
        person("id_first", Some("boss@acme.test"), "Shared@acme.test"),
        person("unclear", Some("SHARED@acme.test"), "5@acme.test"),
        person("lost", Some("Jane Doe"), "6@acme.test"),
    ];
    let graph = Graph::build(snapshot(&records, &[]));
    let ix = |id: &str| graph.account_with_id(id).unwrap();
    let check = |id: &str, expected: Manager| assert_eq!(graph.manager_of(ix(id)), expected, "{id}");
    check("boss", Manager::NotNamed);
    check("boss@acme.test", Manager::NotNamed);
    check("by_id", Manager::Account(ix("boss")));
    check("by_login", Manager::Account(ix("by_id")));
    check("by_email", Manager::Account(ix("boss")));
    check("id_first", Manager::Account(ix("boss@acme.test")));
    let fitting = vec![ix("by_email"), ix("id_first")];
    check("unclear", Manager::Ambiguous { named: "SHARED@acme.test".into(), fitting });
    check("lost", Manager::NotFound { named: "Jane Doe".into() });
}

#[test]
fn a_setting_that_was_not_read_hides_no_access() {
    let denied = || GapReason::Denied { permission: None };
    let refused = |dataset: &str| (Scope::listing(dataset), denied());
    let records = [active("ada"), resource("git", ResourceStatus::Active, false), window()];
    let hidden = |dataset: &str| {
        let graph = Graph::build(snapshot(&records, &[refused(dataset)]));
        let (ada, git) = (graph.account_with_id("ada").unwrap(), graph.resource_with_id("git").unwrap());
        let around = !graph.gaps_around_resource(git).is_empty();
        assert_eq!(around, !graph.gaps_concerning(ada, git).is_empty());
        (around, !graph.gaps_hiding_admins().is_empty(), graph.activity_window().known().is_none())
    };
    for posture in [
        "network_zones",
        "policies",
        "policy_rules",
        "devices",
        "factors",
        "api_tokens",
        "log_streams",
        "event_hooks",
        "identity_providers",
        "idp_users",
        "group_owners",
        "app_pushes",
        "app_grants",
        "user_types",
        "changes",
        "anything_new",
    ] {
        assert_eq!(hidden(posture), (false, false, false), "{posture}");
    }
    for access in ["group_members", "app_users", "app_groups", "groups"] {
        let (around, _, unread) = hidden(access);
        assert!(around && !unread, "{access}");
    }
    for roles in
        ["roles", "role_assignees", "client_roles", "binding_members", "set_resources", "role_permissions"]
    {
        assert_eq!(hidden(roles), (false, true, false), "{roles}");
    }
    assert_eq!(hidden("group_rules"), (false, false, false));
    assert_eq!(hidden("activity"), (false, false, true));
    // Whatever it is called: what held access before may hide it now.
    let mut odd =
        snapshot(&[active("ada"), resource("git", ResourceStatus::Active, false)], &[refused("users")]);
    for state in &mut odd.scopes {
        if state.scope.dataset == "users" {
            state.scope.dataset = "people_list".into();
            state.gap.as_mut().unwrap().scope.dataset = "people_list".into();
        }
    }
    let graph = Graph::build(odd);
    assert_eq!(graph.gaps_around_resource(graph.resource_with_id("git").unwrap()).len(), 1);
}

#[test]
fn an_application_whose_setting_was_not_readable_may_be_for_everyone() {
    let Record::Resource(mut unclear) = resource("wiki", ResourceStatus::Active, false) else {
        unreachable!()
    };
    unclear.implicit_assignment = Observed::Unknown("not sent".into());
    let records = [resource("git", ResourceStatus::Active, false), Record::Resource(unclear)];
    let graph = Graph::build(snapshot(&records, &[]));
    assert_eq!(graph.may_be_for_everyone(graph.resource_with_id("git").unwrap()), None);
    assert_eq!(graph.may_be_for_everyone(graph.resource_with_id("wiki").unwrap()), Some("not sent"));
}

#[test]
fn a_rule_explains_nobody_whom_it_excludes() {
    let excluding = |accounts: &[&str], groups: &[&str]| {
        let mut one = rule("r1", true, "eng");
        one.excluded_accounts = accounts.iter().map(|&id| id.into()).collect();
        one.excluded_groups = groups.iter().map(|&id| id.into()).collect();
        Record::Rule(Box::new(one))
    };
    let explained = |rule: Record| {
        let graph = Graph::build(snapshot(
            &[
                active("ada"),
                group("eng", GroupOrigin::Native, false),
                group("temps", GroupOrigin::Native, false),
                resource("git", ResourceStatus::Active, false),
                member("ada", "eng"),
                member("ada", "temps"),
                to_group("eng", "git"),
                rule,
            ],
            &[],
        ));
        let why = graph.why(graph.account_with_id("ada").unwrap(), graph.resource_with_id("git").unwrap());
        let told = format!("{:?} {:?}", why.paths, why.removal);
        told.contains("Rule r1")
    };
    assert!(explained(excluding(&[], &[])));
    assert!(explained(excluding(&["bob"], &["eng-leads"])));
    assert!(!explained(excluding(&["ada"], &[])));
    assert!(!explained(excluding(&[], &["temps"])));
}
