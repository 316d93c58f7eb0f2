//! Real answers of real Okta orgs: every one whose endpoint is read must decode and map.
//!
//! They live beside the repository, not in it; without them the test says that it was skipped, and in CI that is an error.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sightline_core::{AccountStatus, ErrorKind, Record, ResourceStatus, SoFar, Time};
use sightline_http::{Cursor, Refusal, next_link};

use crate::absorb::{Answer, absorb};
use crate::known;
use crate::list::{Body, List};
use crate::preflight::org_id;
use crate::task::{OktaTask, Page};
use crate::{decode, refusal};

#[derive(Deserialize)]
struct Recorded {
    origin: String,
    template: String,
    status: u16,
    headers: Value,
    body: Value,
}

fn recorded() -> Option<Vec<Recorded>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/okta/recorded.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(std::env::var_os("CI").is_none(), "CI needs the recorded answers");
        eprintln!("skipped: no recorded answers at ../shared/okta/recorded.jsonl beside the repository");
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a recorded answer is JSON")).collect())
}

/// The page that would receive such an answer, and whether the answer is one object of the list that we read.
fn page_for(template: &str) -> Option<(Page, bool)> {
    // Recordings call the same place by different names.
    let mut places = ["{id}", "{part}", "{rest}"].into_iter();
    let segments = template.split('/').map(|segment| {
        if segment.starts_with('{') { places.next().expect("a path has at most three ids") } else { segment }
    });
    let template = segments.collect::<Vec<_>>().join("/");
    let list = |template: &str| List::ALL.iter().find(|list| list.spec().template == template).copied();
    let of = |list: List| list.spec().template.contains("{id}").then(|| "ID".to_owned());
    let page = |list: List| Page { part: Some("PART".to_owned()), ..Page::first(list, of(list)) };
    if let Some(list) = list(&template) {
        return Some((page(list), false));
    }
    let (parent, end) = template.rsplit_once('/')?;
    let list = list(parent).filter(|list| end.starts_with('{') && list.spec().body != Body::Single)?;
    Some((page(list), true))
}

/// What the listing would have answered, where a single object was recorded.
fn as_listed(list: List, body: &Value, single: bool) -> Value {
    match list.spec().body {
        Body::Array if single => json!([body]),
        Body::Field(field) if single => json!({ field: [body] }),
        _ => body.clone(),
    }
}

/// The objects of an answer, read in the most naive way.
fn listed(body: &Value) -> impl Iterator<Item = &Value> {
    let in_field = || body.as_object().and_then(|fields| fields.values().find_map(Value::as_array));
    body.as_array().or_else(in_field).into_iter().flatten()
}

/// What tells the objects of an answer apart.
fn ids(list: List, body: &Value) -> BTreeSet<String> {
    let pointer = match list {
        List::RolePermissions => "/label",
        List::AppGrants => "/scopeId",
        List::LinkedObjectDefinitions => "/primary/name",
        List::DeviceUsers => "/user/id",
        _ => "/id",
    };
    if list.spec().body == Body::Single {
        return BTreeSet::from([list.spec().dataset.to_owned()]);
    }
    listed(body).filter_map(|object| object.pointer(pointer)?.as_str()).map(str::to_owned).collect()
}

fn id_of(record: &Record) -> Option<String> {
    match record {
        Record::Membership(edge) => Some(edge.account.clone()),
        Record::Assignment(edge) => Some(edge.principal.id().to_owned()),
        Record::Role(role) if !role.custom => None,
        Record::Permission(permission) => Some(permission.name.clone()),
        Record::SetMember(member) => Some(member.id.clone()),
        Record::Ownership(edge) => Some(edge.owner.id().to_owned()),
        Record::Push(push) => Some(push.id.clone()),
        Record::ApiGrant(grant) => Some(grant.scope.clone()),
        Record::Factor(factor) => Some(factor.id.clone()),
        Record::PolicyRule(rule) => Some(rule.id.clone()),
        Record::Setting(setting) => Some(setting.id.clone()),
        Record::DeviceUse(edge) => Some(edge.account.clone()),
        // Those of an application are looked at by themselves.
        Record::Credential(credential) if credential.id.contains('/') => None,
        record => record.entity().map(|(_, id)| id.to_owned()),
    }
}

/// What an application's object tells besides itself: its policy, and the credentials that it has.
fn beside_apps(body: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for app in listed(body) {
        let id = app["id"].as_str().unwrap_or_default();
        if let Some(link) = app.pointer("/_links/accessPolicy/href").and_then(Value::as_str) {
            found.insert(format!("governance/{id}/{}", link.rsplit('/').next().unwrap_or_default()));
        }
        let method =
            app.pointer("/credentials/oauthClient/token_endpoint_auth_method").and_then(Value::as_str);
        if matches!(method, Some("client_secret_basic" | "client_secret_post" | "client_secret_jwt")) {
            found.insert(format!("credential/{id}/client_secret"));
        }
        if let Some(kid) = app.pointer("/credentials/signing/kid").and_then(Value::as_str) {
            found.insert(format!("credential/{id}/signing/{kid}"));
        }
        let keys = app.pointer("/settings/oauthClient/jwks/keys").and_then(Value::as_array);
        for (at, key) in keys.into_iter().flatten().enumerate() {
            let kid = key["kid"].as_str().map_or_else(|| at.to_string(), str::to_owned);
            found.insert(format!("credential/{id}/key/{kid}"));
        }
    }
    found
}

#[expect(clippy::too_many_lines, reason = "one walk through everything that was recorded")]
#[test]
fn every_recorded_answer_of_an_endpoint_that_we_read_decodes_and_maps() {
    let Some(answers) = recorded() else { return };
    let mut drift = BTreeSet::new();
    let (mut mapped, mut refused, mut objects, mut hidden) = (0, 0, 0, 0);
    let mut lists = BTreeSet::new();
    for answer in &answers {
        let Some((page, single)) = page_for(&answer.template) else { continue };
        let task = OktaTask::Page(page.clone());
        let at = format!("{} in {}", answer.template, answer.origin);
        if answer.status != 200 {
            let body = answer.body.to_string();
            let error = refusal::name(&Refusal {
                status: answer.status,
                template: task.template(),
                body: body.as_bytes(),
                host: "acme.okta.com",
            });
            let expect = match answer.status {
                404 => ErrorKind::Gone,
                400 => ErrorKind::Rejected,
                401 => ErrorKind::NotLicensed,
                // The client waits by itself.
                429 => continue,
                other => panic!("{at}: no expectation for status {other}"),
            };
            assert_eq!(*error.kind(), expect, "{at}: {error}");
            refused += 1;
            continue;
        }
        let list = as_listed(page.list, &answer.body, single);
        let body = list.to_string();
        let links: Vec<&str> =
            answer.headers["link"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let next = next_link(links).and_then(|link| Cursor::from_link(link, &task.query()));
        let goes_on = next.is_some();
        let so_far = SoFar::default();
        let answer_read = Answer { body: body.as_bytes(), next, now: Time::default(), so_far: &so_far };
        let step = absorb(&page, answer_read).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert!(step.gaps.is_empty(), "{at}: {:?}", step.gaps);
        let is_next = |then: &OktaTask| then.cursor().is_some_and(|cursor| !cursor.is_start());
        assert_eq!(step.then.iter().any(is_next), goes_on, "{at}: the next page");
        match page.list {
            List::UserRoles | List::GroupRoles => {
                let types: BTreeSet<_> =
                    list.as_array().into_iter().flatten().filter_map(|role| role["type"].as_str()).collect();
                let held = step.records.iter().filter_map(|record| match record {
                    Record::Holding(holding) => Some(holding.role.as_str()),
                    _ => None,
                });
                let to_ask = step.then.iter().filter_map(|then| match then {
                    OktaTask::RoleTargets { holding, .. } => Some(holding.role.as_str()),
                    _ => None,
                });
                let roles: BTreeSet<_> = held.chain(to_ask).collect();
                assert_eq!(roles, types, "{at}");
            }
            List::RoleAssignees => assert_eq!(step.then.len(), 2 * ids(page.list, &list).len(), "{at}"),
            List::SetBindings => assert_eq!(step.then.len(), ids(page.list, &list).len(), "{at}"),
            _ => {
                let found: BTreeSet<_> = step.records.iter().filter_map(id_of).collect();
                assert_eq!(found, ids(page.list, &list), "{at}");
            }
        }
        if page.list == List::Apps {
            let beside = step.records.iter().filter(|record| !matches!(record, Record::Resource(_)));
            assert_eq!(beside.map(Record::key).collect::<BTreeSet<_>>(), beside_apps(&list), "{at}");
        }
        let mut to_hide = Vec::new();
        secrets(&list, &mut to_hide);
        let kept = serde_json::to_string(&step.records).expect("records are JSON");
        // Shorter ones stand elsewhere in the same answer as ordinary words.
        for secret in to_hide.iter().filter(|secret| secret.len() > 20) {
            hidden += 1;
            assert!(!kept.contains(secret.as_str()), "{at}: a secret is left");
        }
        assert!(!kept.contains("_links"), "{at}: links are not kept");
        for record in &step.records {
            match record {
                Record::Account(account) => {
                    assert_ne!(account.status, AccountStatus::Unknown, "{at}: {}", account.raw_status);
                    assert!(account.created.is_some() && !account.login.is_empty(), "{at}: {}", account.id);
                }
                Record::Group(group) => {
                    assert!(group.created.is_some() && group.name != group.id, "{at}: {}", group.id);
                }
                Record::Resource(app) => {
                    assert_ne!(app.status, ResourceStatus::Unknown, "{at}: {}", app.raw_status);
                    assert!(app.created.is_some() && app.label != app.id, "{at}: {}", app.id);
                    assert!(!app.raw.get().contains("_links"), "{at}: links are not kept");
                }
                Record::Policy(policy) => {
                    let words = [&policy.kind, &policy.raw_status, &policy.name];
                    assert!(!words.contains(&&"(none)".to_owned()) && policy.name != policy.id, "{at}");
                }
                Record::PolicyRule(rule) => {
                    assert!(rule.raw_status != "(none)" && rule.name != rule.id, "{at}: {}", rule.id);
                }
                Record::Trust(idp) => {
                    assert!(idp.kind != "(none)" && idp.created.is_some(), "{at}: {}", idp.id);
                }
                Record::Device(device) => {
                    assert!(device.platform.is_some() && device.name != device.id, "{at}: {}", device.id);
                }
                Record::Setting(setting) if page.list.spec().body != Body::Single => {
                    assert!(setting.name != setting.id, "{at}: {}", setting.id);
                }
                Record::SetMember(member) => assert!(member.object.starts_with("resource/"), "{at}"),
                Record::Push(push) => assert!(push.target_group.is_some(), "{at}: {}", push.id),
                Record::Factor(factor) => assert!(factor.provider.is_some(), "{at}: {}", factor.id),
                Record::ApiGrant(grant) => assert!(grant.since.is_some(), "{at}: {}", grant.scope),
                Record::Assignment(edge) => assert!(edge.last_updated.is_some(), "{at}: {}", edge.principal),
                _ => {}
            }
        }
        objects += step.records.len();
        lists.insert(page.list);
        mapped += 1;
        drift.extend(step.drift);
    }
    eprintln!("{mapped} answers with {objects} facts mapped, {refused} refusals named");
    for field in &drift {
        eprintln!("drift: {field}");
    }
    assert!(
        mapped > 600 && refused > 0 && hidden > 0,
        "the recordings hold many answers that we read: {mapped}, {refused}, {hidden}"
    );
    assert!(lists.len() > 30, "of many listings: {lists:?}");
}

#[test]
fn every_recorded_discovery_document_names_its_org() {
    let Some(answers) = recorded() else { return };
    let mut found = 0;
    for answer in &answers {
        if !matches!(answer.template.as_str(), "/.well-known/okta-organization" | "/api/v1/org")
            || answer.status != 200
        {
            continue;
        }
        assert_eq!(
            org_id(answer.body.to_string().as_bytes()).as_deref(),
            answer.body["id"].as_str(),
            "{}",
            answer.origin
        );
        found += 1;
    }
    assert!(found > 5, "the recordings hold several: {found}");
}

/// Fields whose texts are secrets.
const SECRETS: [&str; 6] = ["client_secret", "clientSecret", "token", "password", "privateKey", "secretKey"];

/// Every secret in an answer.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if SECRETS.contains(&name.as_str()) && !text.is_empty() => {
                        found.push(text.clone());
                    }
                    other => secrets(other, found),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| secrets(element, found)),
        _ => {}
    }
}

#[test]
fn no_recorded_secret_survives_redaction() {
    let Some(answers) = recorded() else { return };
    let mut seen = 0;
    for answer in &answers {
        let mut found = Vec::new();
        secrets(&answer.body, &mut found);
        let mut body = answer.body.clone();
        decode::redact(&mut body);
        let text = body.to_string();
        for secret in found {
            // Shorter ones stand elsewhere in the same answer as ordinary words.
            if secret.len() < 20 {
                continue;
            }
            seen += 1;
            assert!(!text.contains(&secret), "{}: a secret is left", answer.origin);
        }
    }
    assert!(seen > 0, "the recordings hold secrets to look for");
}

#[test]
fn a_field_that_we_do_not_know_is_drift() {
    let sample = serde_json::json!({"id": "00u1", "status": "ACTIVE", "futureField": {"deep": 1}});
    assert_eq!(decode::drift("/api/v1/users", Some(&sample), known::USER), ["/api/v1/users futureField"]);
}
