//! The system log.

use std::sync::Arc;

use super::{
    answer::{Answer, Call, Problem},
    directory::join,
    filter::Value,
    lists::{Page, Sizes, cursor, position},
    routes::Api,
    targets::{Entity, actor, targets},
    write::Json,
};
use crate::{
    clock::DAY,
    company::{Company, Event, SYSTEM},
    id::base62,
    rng::scramble,
};

const ATTRIBUTES: [&str; 4] = ["eventType", "actor.id", "target.id", "outcome.result"];

/// When each served event got into the log: an event that comes late has an older time than those before it.
pub(super) fn times(company: &Company) -> Vec<i64> {
    let mut newest = i64::MIN;
    let events = company.served_events().iter();
    events
        .map(|event| {
            newest = newest.max(event.time);
            newest
        })
        .collect()
}

/// Without `until` the log is followed, in the order in which events got into it: every page, even an empty one, has a
/// next one, and at the end the cursor no longer changes. With `until` the list is finite and in the order of the times
/// at which events were published.
pub(super) fn logs(api: &Api, call: &Call) -> Result<Answer, Problem> {
    let company = &api.company;
    let events = company.served_events();
    let limit = Sizes::new(100, 1000).of(call)?;
    if call.get("sortOrder").is_some_and(|order| order != "ASCENDING") {
        return Err(Problem::invalid_parameter("sortOrder", "this server only goes forward"));
    }
    let filter = call.get("filter").unwrap_or("eventType pr");
    let mut list = api.filtered("logs", filter, &ATTRIBUTES, &api.all_events, |index, attribute| {
        let event = &events[index as usize];
        match attribute {
            "eventType" => Value::text(event.kind.as_str()),
            "actor.id" => Value::Texts(vec![actor(company, event).id()]),
            "outcome.result" => Value::text(outcome(event)),
            _ => Value::Texts(targets(company, event).into_iter().map(Entity::id).collect()),
        }
    })?;
    let mut name = format!("logs {filter}");
    let until = time(call, "until")?;
    if let Some(until) = until {
        name = format!("logs until {until} {filter}");
        list = api.remembered(&name).unwrap_or_else(|| {
            let mut published: Vec<u32> = list.to_vec();
            published.retain(|&index| events[index as usize].time < until);
            published.sort_by_key(|&index| events[index as usize].time);
            let published: Arc<[u32]> = published.into();
            api.remember(name.clone(), &published);
            published
        });
    }
    let start = if let Some(after) = call.get("after") {
        position(&name, after).filter(|&at| at <= list.len()).ok_or_else(Problem::invalid_cursor)?
    } else {
        let since = time(call, "since")?.unwrap_or(company.now() - 7 * DAY);
        if since < company.now() - 180 * DAY {
            return Err(Problem::new(400, "E0000053", "The since parameter is too far in the past."));
        }
        list.partition_point(|&index| {
            let index = index as usize;
            (if until.is_some() { events[index].time } else { api.log_times[index] }) < since
        })
    };
    let stop = (start + limit).min(list.len());
    let range = if call.empty_page { start..start } else { start..stop };
    let next = if call.repeat_cursor { start } else { stop };
    let page = Page {
        range: range.clone(),
        limit,
        next: (until.is_none() || stop < list.len() || call.repeat_cursor).then(|| cursor(&name, next)),
    };
    let body = join(&list[range], 1600, |json, index| event(api, json, &events[index as usize]));
    // A cursor replaces the point in time.
    Ok(Answer::json(body).with_links(page.links(api, call, &["since"])))
}

fn time(call: &Call, name: &str) -> Result<Option<i64>, Problem> {
    call.get(name)
        .map(|text| {
            text.parse::<jiff::Timestamp>()
                .map(jiff::Timestamp::as_millisecond)
                .map_err(|_| Problem::invalid_parameter(name, "not a point in time"))
        })
        .transpose()
}

fn outcome(event: &Event) -> &'static str {
    if event.success { "SUCCESS" } else { "FAILURE" }
}

fn event(api: &Api, json: &mut Json, event: &Event) {
    let company = &api.company;
    let number = event.mixed(company.spec.seed);
    json.raw(r#"{"actor":"#);
    actor(company, event).write(json);
    json.raw(r#","client":{"userAgent":{"rawUserAgent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0","os":"Linux","browser":"FIREFOX"},"zone":"null","device":"Computer","id":null,"ipAddress":""#);
    address(json, event.actor);
    json.raw(r#"","geographicalContext":{"city":null,"state":null,"country":null,"postalCode":null,"geolocation":null}},"device":null,"authenticationContext":{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"idx"#);
    let session = base62(scramble(number), 11);
    json.raw(&session).raw(r#"","externalSessionId":"idx"#).raw(&session).raw(r#""},"displayMessage":"#);
    json.string(event.kind.message()).raw(r#","eventType":""#).raw(event.kind.as_str());
    json.raw(r#"","outcome":{"result":""#).raw(outcome(event));
    json.raw(if event.success { r#"","reason":null}"# } else { r#"","reason":"INVALID_CREDENTIALS"}"# });
    json.raw(r#","published":"#).time(event.time);
    json.raw(r#","securityContext":{"asNumber":64500,"asOrg":"example network","isp":"example network","domain":".","isProxy":false},"severity":""#);
    json.raw(if event.success { "INFO" } else { "WARN" });
    json.raw(r#"","debugContext":{"debugData":{"requestId":""#).raw(&base62(number, 11));
    json.raw(r#"","dtHash":""#).raw(&format!("{:016x}{:016x}", scramble(number ^ 1), scramble(number ^ 2)));
    json.raw(
        r#"","requestUri":"/app/login","url":"/app/login?"}},"legacyEventType":null,"transaction":{"type":""#,
    );
    json.raw(if event.actor == SYSTEM { "JOB" } else { "WEB" }).raw(r#"","id":""#);
    let transaction = event.mixed_transaction(company.spec.seed);
    json.raw(&base62(scramble(transaction ^ 3), 11)).raw(r#"","detail":{}},"uuid":""#);
    json.raw(&event.uuid(company.spec.seed));
    json.raw(r#"","version":"0","request":{"ipChain":[{"ip":""#);
    address(json, event.actor);
    json.raw(r#"","geographicalContext":null,"version":"V4","source":null}]},"target":"#);
    let targets = targets(company, event);
    if targets.is_empty() {
        json.raw("null}");
    } else {
        json.list(targets, |json, target| target.write(json)).raw("}");
    }
}

/// An address of the range reserved for documentation.
fn address(json: &mut Json, actor: u32) {
    json.raw("203.0.113.").number(u64::from(actor % 250) + 1);
}
