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
use crate::list::{Body, List};
use crate::map::known;
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
    let segments = template.split('/').map(|segment| match segment.starts_with('{') {
        true => places.next().expect("a path has at most three ids"),
        false => segment,
    });
    let template = segments.collect::<Vec<_>>().join("/");
    let list = |template: &str| List::ALL.iter().find(|list| list.spec().template == template).copied();
    let of = |list: List| list.spec().template.contains("{id}").then(|| "ID".to_owned());
    let page = |list: List| Page { part: Some("PART".to_owned()), ..Page::first(list, of(list)) };
    if let Some(list) = list(&template) {
        return Some((page(list), false));
    }
    let (parent, last) = template.rsplit_once('/')?;
    let list = list(parent).filter(|list| last.starts_with('{') && list.spec().body != Body::Single)?;
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

/// The ids that the answer itself shows, read in the most naive way.
fn ids(body: &Value) -> BTreeSet<String> {
    let list =
        body.as_array().or_else(|| body.get("roles")?.as_array()).or_else(|| body.get("value")?.as_array());
    list.into_iter().flatten().filter_map(|object| object["id"].as_str()).map(str::to_owned).collect()
}

fn id_of(record: &Record) -> Option<String> {
    match record {
        Record::Membership(edge) => Some(edge.account.clone()),
        Record::Assignment(edge) => Some(edge.principal.id().to_owned()),
        Record::Role(role) if !role.custom => None,
        record => record.entity().map(|(_, id)| id.to_owned()),
    }
}

#[test]
fn every_recorded_answer_of_an_endpoint_that_we_read_decodes_and_maps() {
    let Some(answers) = recorded() else { return };
    let mut drift = BTreeSet::new();
    let (mut mapped, mut refused, mut objects) = (0, 0, 0);
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
            List::RoleAssignees => assert_eq!(step.then.len(), ids(&list).len(), "{at}"),
            _ => {
                let found: BTreeSet<_> = step.records.iter().filter_map(id_of).collect();
                assert_eq!(found, ids(&list), "{at}");
            }
        }
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
                Record::Assignment(edge) => assert!(edge.last_updated.is_some(), "{at}: {}", edge.principal),
                _ => {}
            }
        }
        objects += step.records.len();
        mapped += 1;
        drift.extend(step.drift);
    }
    eprintln!("{mapped} answers with {objects} facts mapped, {refused} refusals named");
    for field in &drift {
        eprintln!("drift: {field}");
    }
    assert!(
        mapped > 400 && refused > 0,
        "the recordings hold many answers that we read: {mapped}, {refused}"
    );
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

/// Every client secret in an answer.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "client_secret" && !text.is_empty() => {
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
