//! Answers of shapes that nobody has recorded, made by hand after Okta's reference.

use serde_json::{Value, json};
use sightline_core::{
    Coverage, Error, ErrorKind, GapReason, HoldingScope, Principal, Record, Scope, SoFar, Step, Task, Time,
};
use sightline_http::{Cursor, next_link};

use crate::absorb::{Answer, absorb, refused_policies};
use crate::decode;
use crate::list::List;
use crate::log::{absorb_log, read_events};
use crate::task::{Feed, OktaTask, Page, Walk};

fn now() -> Time {
    Time::from_secs(1_780_000_000)
}

fn read(page: &Page, body: &Value, next: Option<Cursor>) -> Step<OktaTask> {
    let so_far = SoFar::default();
    let body = body.to_string();
    absorb(page, Answer { body: body.as_bytes(), next, now: now(), so_far: &so_far })
        .expect("it is understood")
}

fn under(list: List, of: &str, part: Option<&str>) -> Page {
    Page { part: part.map(str::to_owned), ..Page::first(list, Some(of.to_owned())) }
}

fn keys(step: &Step<OktaTask>) -> Vec<String> {
    step.records.iter().map(Record::key).collect()
}

fn names(tasks: &[OktaTask]) -> Vec<String> {
    tasks.iter().map(ToString::to_string).collect()
}

fn cursor(after: &str) -> Cursor {
    let link = format!("<https://acme.okta.com/api/v1/x?after={after}>; rel=\"next\"");
    Cursor::from_link(next_link([link.as_str()]).expect("a link"), &[]).expect("a cursor")
}

#[test]
fn what_a_resource_set_holds_is_named_by_its_link_or_its_name() {
    let link =
        |path: &str| json!({ "self": { "href": format!("https://acme-admin.okta.com/api/v1/{path}") } });
    let orn = |rest: &str| format!("orn:okta:directory:00o1:{rest}");
    let body = json!({ "resources": [
        { "id": "r1", "orn": orn("groups:00g1"), "_links": link("groups/00g1") },
        { "id": "r2", "orn": orn("groups:00g2:contained_resources"), "_links": link("groups/00g2/users") },
        { "id": "r3", "orn": orn("users"), "_links": link("users") },
        { "id": "r4", "orn": "orn:okta:idp:00o1:apps:oidc_client:0oa1", "_links": { "self": null } },
        { "id": "r5", "orn": "orn:okta:idp:00o1:apps:oidc_client", "conditions": { "exclude": { "okta:ORN": ["x"] } } },
        { "id": "r6", "orn": orn("users:00u1") },
        { "id": "r7", "orn": orn("groups:00g3:contained_resources") },
        { "id": "r8", "_links": link("groups") },
        { "id": "r9" },
    ]});
    let step = read(&under(List::SetResources, "iam1", None), &body, None);
    let found: Vec<(String, bool)> = step
        .records
        .iter()
        .map(|record| match record {
            Record::SetMember(member) => (member.object.clone(), member.contents),
            other => panic!("{other:?}"),
        })
        .collect();
    let expect = [
        ("group/00g1", false),
        ("group/00g2", true),
        ("orn:okta:directory:00o1:users", false),
        ("resource/0oa1", false),
        ("orn:okta:idp:00o1:apps:oidc_client", false),
        ("account/00u1", false),
        ("group/00g3", true),
        ("groups", false),
    ];
    assert_eq!(found, expect.map(|(object, contents)| (object.to_owned(), contents)));
    // One names nothing at all.
    assert!(matches!(&step.gaps[..], [gap] if gap.reason == GapReason::Undecodable), "{:?}", step.gaps);
    let limited = step
        .records
        .iter()
        .filter(|record| matches!(record, Record::SetMember(member) if member.conditions.get() != "null"));
    assert_eq!(limited.count(), 1);
}

#[test]
fn all_bindings_of_a_set_are_one_scope_that_goes_on_past_a_hundred() {
    let roles: Vec<Value> = (0..100).map(|at| json!({ "id": format!("cr{at}") })).collect();
    let next = "https://acme-admin.okta.com/api/v1/iam/resource-sets/iam1/bindings?after=cr99&limit=100";
    let body = json!({ "roles": roles, "_links": { "next": { "href": next } } });
    let step = read(&under(List::SetBindings, "iam1", None), &body, None);
    assert_eq!(step.then.len(), 101, "a hundred roles and the next page");
    let scope = Scope::under("binding_members", "iam1");
    for task in &step.then {
        let about = task.about();
        assert_eq!((about.scope, about.coverage), (scope.clone(), Coverage::Whole), "{task}");
    }
    assert!(step.then.iter().any(|task| task.cursor().is_some_and(|at| !at.is_start())));
}

#[test]
fn the_link_of_a_binding_tells_who_holds_the_role() {
    let member = |id: &str, path: &str| {
        json!({ "id": id, "created": "2025-01-01T00:00:00.000Z",
                "_links": { "self": { "href": format!("https://acme.okta.com{path}") } } })
    };
    let body = json!({ "members": [
        member("irb1", "/api/v1/users/00u1"),
        member("irb2", "/api/v1/groups/00g1"),
        member("irb3", "/oauth2/v1/clients/0oa1"),
        member("irb4", "/api/v1/planets/mars"),
        { "id": "irb5" },
    ]});
    let step = read(&under(List::BindingMembers, "iam1", Some("cr0x")), &body, None);
    let held: Vec<Principal> = step
        .records
        .iter()
        .map(|record| match record {
            Record::Holding(held) => {
                assert_eq!((held.role.as_str(), held.active, held.inherited), ("cr0x", true, false));
                assert_eq!(held.scope, HoldingScope::Set("iam1".to_owned()));
                held.principal.clone()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expect = [
        Principal::Account("00u1".to_owned()),
        Principal::Group("00g1".to_owned()),
        Principal::Resource("0oa1".to_owned()),
    ];
    assert_eq!(held, expect);
    assert!(matches!(&step.gaps[..], [gap] if gap.detail.starts_with("2 objects")), "{:?}", step.gaps);
}

#[test]
fn a_device_whose_users_were_not_sent_is_asked_for_them() {
    let body = json!([
        { "id": "guo1", "status": "ACTIVE", "profile": { "displayName": "Laptop", "platform": "MACOS" },
          "_embedded": { "users": [
              { "created": "2025-01-01T00:00:00.000Z", "managementStatus": "MANAGED", "user": { "id": "00u1" } } ] } },
        { "id": "guo2", "status": "ACTIVE", "_embedded": { "users": [] } },
        { "id": "guo3", "status": "ACTIVE" },
        { "id": "guo4", "status": "ACTIVE", "_embedded": { "users": [ { "created": null } ] } },
    ]);
    let whole = read(&Page::first(List::Devices, None), &body, None);
    let expect = ["device_use/guo1/00u1", "device/guo1", "device/guo2", "device/guo3", "device/guo4"];
    assert_eq!(keys(&whole), expect);
    let paths: Vec<_> = whole.then.iter().map(|task| task.ids()[0]).collect();
    assert_eq!(paths, [Some("guo3"), Some("guo4")]);
    for task in &whole.then {
        assert_eq!(task.about().scope, Scope::listing("devices"));
        assert_eq!(task.about().coverage, Coverage::Whole);
    }
    assert_eq!(names(&whole.later), ["devices (changed)"]);

    // Of changes, the users of one device are no more than a part either.
    let since = Some(now());
    let changed = read(&Page { since, ..Page::first(List::ChangedDevices, None) }, &body, None);
    assert!(changed.then.iter().all(|task| task.about().coverage == Coverage::Part));
}

#[test]
fn the_lane_reads_a_page_of_users_in_each_sync_and_begins_again_after_the_last() {
    let body = json!([{ "id": "00u1" }, { "id": "00u2" }]);
    let first = Page::first(List::FactorLane, None);
    let step = read(&first, &body, Some(cursor("00u2")));
    assert!(step.records.is_empty());
    assert_eq!(names(&step.then), ["factors/00u1", "factors/00u2"]);
    assert_eq!(names(&step.later), ["factor_lane (next page)"]);
    assert_eq!(step.later[0].about().coverage, Coverage::Part);
    assert!(first.limit().is_some_and(|users| users < 200), "calls of a sync");

    let OktaTask::Page(second) = &step.later[0] else { panic!("a page") };
    let last = read(second, &body, None);
    assert_eq!(last.later, [OktaTask::Page(first)]);
}

#[test]
fn all_relations_of_a_user_are_read_together() {
    let body = json!([
        { "primary": { "name": "manager", "title": "Manager" }, "associated": { "name": "subordinate" } },
        { "primary": { "name": "mentor" }, "associated": { "name": "mentee" } },
    ]);
    let step = read(&Page::first(List::LinkedObjectDefinitions, None), &body, None);
    assert_eq!(keys(&step), ["setting/linked_object/manager", "setting/linked_object/mentor"]);
    let [OktaTask::Page(lane)] = &step.then[..] else { panic!("{:?}", step.then) };
    let users = read(lane, &json!([{ "id": "00u1" }]), Some(cursor("00u1")));
    let expect = [
        "linked_objects/00u1 (manager)",
        "linked_objects/00u1 (mentor)",
        "linked_objects (users) (next page)",
    ];
    assert_eq!(names(&users.then), expect);

    let OktaTask::Page(manager) = &users.then[0] else { panic!("a page") };
    let href = "https://acme.okta.com/api/v1/users/00u9";
    let linked = read(manager, &json!([{ "_links": { "self": { "href": href } } }]), None);
    assert_eq!(keys(&linked), ["link/00u1/manager/00u9"]);

    // Without any relation nobody is linked.
    let none = read(&Page::first(List::LinkedObjectDefinitions, None), &json!([]), None);
    let [OktaTask::Page(lane)] = &none.then[..] else { panic!("{:?}", none.then) };
    let users = read(lane, &json!([{ "id": "00u1" }]), None);
    assert_eq!(users.empty, [Scope::under("linked_objects", "00u1")]);

    // With a relation that is not understood, nobody's relations could be read as a whole.
    let odd = json!([{ "primary": { "name": "manager" } }, { "primary": {} }]);
    let step = read(&Page::first(List::LinkedObjectDefinitions, None), &odd, None);
    assert!(step.then.is_empty() && step.gaps.len() == 1, "{step:?}");
}

#[test]
fn a_type_of_policies_that_is_refused_costs_only_that_type() {
    let tasks: Vec<OktaTask> = OktaTask::all_of(List::Policies).collect();
    assert!(tasks.len() > 8);
    for task in &tasks {
        assert_eq!(task.about().scope, Scope::listing("policies"));
        let types = task.query().into_iter().filter(|(name, _)| *name == "type").count();
        assert_eq!(types, 1, "{task}");
    }
    for (kind, expect) in
        [(ErrorKind::Rejected, GapReason::Unsupported), (ErrorKind::NotLicensed, GapReason::NotLicensed)]
    {
        let step = refused_policies(&tasks[0], &Error::new(kind, "no"));
        assert!(
            matches!(&step.gaps[..], [gap] if gap.reason == expect && gap.scope == Scope::listing("policies"))
        );
    }
}

#[test]
fn an_application_tells_its_credentials_its_policy_and_what_to_ask_for() {
    let body = json!([
        { "id": "0oa1", "label": "Robot", "status": "ACTIVE", "features": ["GROUP_PUSH"],
          "credentials": { "oauthClient": { "client_id": "0oa1", "token_endpoint_auth_method": "private_key_jwt" } },
          "settings": { "oauthClient": { "application_type": "service", "jwks": { "keys": [
              { "kid": "k1", "kty": "RSA", "n": "public", "d": "private-part", "status": "ACTIVE" }, { "kty": "EC" } ] } } },
          "_links": { "accessPolicy": { "href": "https://acme.okta.com/api/v1/policies/rst1" } } },
        { "id": "0oa2", "label": "Web", "status": "ACTIVE", "features": [],
          "credentials": { "oauthClient": { "token_endpoint_auth_method": "client_secret_post", "client_secret": "s" } } },
        { "id": "0oa3", "label": "Old", "status": "ACTIVE" },
    ]);
    let step = read(&Page::first(List::Apps, None), &body, None);
    let expect = [
        "resource/0oa1",
        "credential/0oa1/key/k1",
        "credential/0oa1/key/1",
        "governance/0oa1/rst1",
        "resource/0oa2",
        "credential/0oa2/client_secret",
        "resource/0oa3",
    ];
    assert_eq!(keys(&step), expect);
    let kept = serde_json::to_string(&step.records).unwrap();
    assert!(!kept.contains("private-part") && kept.contains("public"), "{kept}");
    let asked = names(&step.then);
    let of =
        |dataset: &str| asked.iter().filter(|name| name.starts_with(dataset)).cloned().collect::<Vec<_>>();
    assert_eq!(of("app_grants"), ["app_grants/0oa1"]);
    // Without a list of features, only asking tells.
    assert_eq!(of("app_pushes"), ["app_pushes/0oa1", "app_pushes/0oa3"]);
    assert_eq!(step.empty, [Scope::under("app_pushes", "0oa2")]);
}

#[test]
fn headers_and_private_keys_are_secrets_whatever_their_names() {
    let mut hook = json!({ "channel": { "config": { "uri": "https://x.test",
        "headers": [{ "key": "X-Custom", "value": "h1" }],
        "authScheme": { "type": "HEADER", "key": "Authorization", "value": "h2" } } } });
    decode::redact(&mut hook);
    let text = hook.to_string();
    assert!(!text.contains("\"h1\"") && !text.contains("\"h2\"") && text.contains("X-Custom"), "{text}");

    let page = Page { part: Some("PASSWORD".to_owned()), ..Page::first(List::Policies, None) };
    let policy = json!([{ "id": "00p1", "type": "PASSWORD", "name": "Default", "status": "ACTIVE", "system": true,
        "settings": { "password": { "complexity": { "minLength": 8 } } } }]);
    let kept = serde_json::to_string(&read(&page, &policy, None).records).unwrap();
    assert!(kept.contains("minLength"), "how passwords are dealt with is no password: {kept}");
}

/// The tasks that one event leads to.
fn after_event(kind: &str, targets: &Value, result: &str) -> Vec<String> {
    let body = json!([{ "uuid": "u1", "published": "2026-05-01T00:00:00.000Z", "eventType": kind,
        "outcome": { "result": result }, "target": targets }]);
    let walk = Walk { follow: true, ..Walk::since(Feed::Changes, Time::default()) };
    let events = read_events(body.to_string().as_bytes(), &walk).unwrap();
    let step = absorb_log(&walk, vec![events], cursor("c"), true, now(), &SoFar::default());
    names(&step.then)
}

#[test]
fn an_event_leads_to_what_it_may_have_changed() {
    let check = |kind: &str, targets: Value, expect: &[&str]| {
        assert_eq!(after_event(kind, &targets, "SUCCESS"), expect, "{kind}");
        assert!(after_event(kind, &targets, "FAILURE").is_empty(), "{kind}: an attempt that failed");
        let seen = Feed::Changes.filter();
        let starts = seen.split('"').skip(1).step_by(2).any(|start| kind.starts_with(start));
        assert!(starts, "{kind} is looked for");
    };
    let target = |kind: &str, id: &str| json!([{ "type": "Other", "id": "x" }, { "type": kind, "id": id }]);
    check("iam.resourceset.bindings.add", json!(null), &["scope_sets"]);
    check("iam.role.permissions.add", json!([]), &["roles"]);
    check("app.oauth2.admin.consent.grant", target("PublicClientApp", "0oa1"), &["app_grants/0oa1"]);
    check("application.provision.group_push.removed", target("AppInstance", "0oa1"), &["app_pushes/0oa1"]);
    check("system.api_token.create", json!([]), &["api_tokens"]);
    check("system.idp.lifecycle.create", json!([]), &["identity_providers"]);
    check("zone.update", json!([]), &["network_zones"]);
    check("security.trusted_origin.create", json!([]), &["trusted_origins"]);
    check("oauth2.as.created", json!([]), &["authorization_servers"]);
    check("device.lifecycle.delete", target("Device", "guo1"), &["devices"]);
    check("device.user.add", target("Device", "guo1"), &["devices (guo1)"]);
    check("user.mfa.factor.activate", target("User", "00u1"), &["factors/00u1"]);
    check("event_hook.created", json!([]), &["event_hooks"]);
    check("inline_hook.created", json!([]), &["inline_hooks"]);
    check("system.log_stream.lifecycle.create", json!([]), &["log_streams"]);
    check("directory.realm.create", json!([]), &["realms"]);
    check("directory.linked_object.create", json!([]), &["linked_object_definitions"]);
    check("group.user_membership.rule.deactivated", json!([]), &["group_rules"]);
    let all: Vec<String> = OktaTask::all_of(List::Policies).map(|task| task.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    check("policy.lifecycle.update", json!([]), &all);
    check("application.policy.sign_on.update", json!([]), &all);
    // Rules of groups may be among them.
    check("policy.rule.update", json!([]), &[&["group_rules"], &all[..]].concat());
}
