//! The system log.

use super::{
    answer::{Answer, Call, Problem},
    directory::join,
    filter::Value,
    lists::{Page, Sizes, cursor, position},
    routes::Api,
    write::Json,
};
use crate::{
    clock::DAY,
    company::{App, Event, EventKind, Subject, User},
    id::base62,
    rng::scramble,
};

const ATTRIBUTES: [&str; 4] = ["eventType", "actor.id", "target.id", "outcome.result"];

/// Without `until` the log is followed: every page, even an empty one, has a next one, and at the end the cursor no
/// longer changes. With `until` the list is finite.
pub(super) fn logs(api: &Api, call: &Call) -> Result<Answer, Problem> {
    let company = &api.company;
    let events = company.served_events();
    let limit = Sizes::new(100, 1000).of(call)?;
    if call.get("sortOrder").is_some_and(|order| order != "ASCENDING") {
        return Err(Problem::invalid_parameter("sortOrder", "this server only goes forward"));
    }
    let filter = call.get("filter").unwrap_or("eventType pr");
    let list = api.filtered("logs", filter, &ATTRIBUTES, events.len(), |index, attribute| {
        let event = &events[index as usize];
        match attribute {
            "eventType" => Value::text(event.kind.as_str()),
            "actor.id" => Value::text(company.users[event.actor as usize].id.as_str()),
            "outcome.result" => Value::text(outcome(event)),
            _ => match event.subject {
                Subject::App(app) => Value::text(company.apps[app as usize].id.as_str()),
                Subject::Group(group) => Value::text(company.groups[group as usize].id.as_str()),
                Subject::None => Value::Missing,
            },
        }
    })?;
    let index_of = |time: i64| list.partition_point(|&index| events[index as usize].time < time);
    let name = format!("logs {filter}");
    let end = match time(call, "until")? {
        Some(until) => index_of(until),
        None => list.len(),
    };
    let start = if let Some(after) = call.get("after") {
        position(&name, after).filter(|&at| at <= list.len()).ok_or_else(Problem::invalid_cursor)?
    } else {
        let since = time(call, "since")?.unwrap_or(company.now() - 7 * DAY);
        if since < company.now() - 180 * DAY {
            return Err(Problem::new(400, "E0000053", "The since parameter is too far in the past."));
        }
        index_of(since)
    };
    let stop = (start + limit).min(end).max(start);
    let range = if call.empty_page { start..start } else { start..stop };
    let followed = call.get("until").is_none();
    let next = if call.repeat_cursor { start } else { stop };
    let page = Page {
        range: range.clone(),
        limit,
        next: (followed || stop < end || call.repeat_cursor).then(|| cursor(&name, next)),
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
    let user = &company.users[event.actor as usize];
    let number = scramble(company.spec.seed ^ (u64::from(event.number) << 20));
    json.raw(r#"{"actor":"#);
    user_entity(json, user, "User");
    json.raw(r#","client":{"userAgent":{"rawUserAgent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0","os":"Linux","browser":"FIREFOX"},"zone":"null","device":"Computer","id":null,"ipAddress":""#);
    address(json, event.actor);
    json.raw(r#"","geographicalContext":{"city":null,"state":null,"country":null,"postalCode":null,"geolocation":null}},"device":null,"authenticationContext":{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"idx"#);
    let session = base62(scramble(number), 11);
    json.raw(&session).raw(r#"","externalSessionId":"idx"#).raw(&session).raw(r#""},"displayMessage":"#);
    json.string(message(event.kind)).raw(r#","eventType":""#).raw(event.kind.as_str());
    json.raw(r#"","outcome":{"result":""#).raw(outcome(event));
    json.raw(if event.success { r#"","reason":null}"# } else { r#"","reason":"INVALID_CREDENTIALS"}"# });
    json.raw(r#","published":"#).time(event.time);
    json.raw(r#","securityContext":{"asNumber":64500,"asOrg":"example network","isp":"example network","domain":".","isProxy":false},"severity":""#);
    json.raw(if event.success { "INFO" } else { "WARN" });
    json.raw(r#"","debugContext":{"debugData":{"requestId":""#).raw(&base62(number, 11));
    json.raw(r#"","dtHash":""#).raw(&format!("{:016x}{:016x}", scramble(number ^ 1), scramble(number ^ 2)));
    json.raw(r#"","requestUri":"/app/login","url":"/app/login?"}},"legacyEventType":null,"transaction":{"type":"WEB","id":""#);
    json.raw(&base62(scramble(number ^ 3), 11)).raw(r#"","detail":{}},"uuid":""#);
    let uuid = format!("{number:016x}{:016x}", scramble(number ^ 4));
    json.raw(&uuid[..8])
        .raw("-")
        .raw(&uuid[8..12])
        .raw("-11f0-")
        .raw(&uuid[16..20])
        .raw("-")
        .raw(&uuid[20..]);
    json.raw(r#"","version":"0","request":{"ipChain":[{"ip":""#);
    address(json, event.actor);
    json.raw(r#"","geographicalContext":null,"version":"V4","source":null}]},"target":"#);
    targets(api, json, event, user, number);
    json.raw("}");
}

/// The order of the targets is not fixed: only their types tell them apart.
fn targets(api: &Api, json: &mut Json, event: &Event, user: &User, number: u64) {
    match event.subject {
        Subject::None => {
            json.raw("null");
        }
        Subject::Group(group) => {
            let group = &api.company.groups[group as usize];
            json.raw("[");
            user_entity(json, user, "User");
            json.raw(r#",{"id":""#)
                .id(group.id)
                .raw(r#"","type":"UserGroup","alternateId":"unknown","displayName":"#);
            json.string(&group.name).raw(r#","detailEntry":null}]"#);
        }
        Subject::App(app) => {
            let app = &api.company.apps[app as usize];
            json.raw("[");
            if number.is_multiple_of(2) {
                app_entity(json, app);
                json.raw(",");
                user_entity(json, user, "AppUser");
            } else {
                user_entity(json, user, "AppUser");
                json.raw(",");
                app_entity(json, app);
            }
            json.raw("]");
        }
    }
}

/// A user as actor or target; as `AppUser` its id is that of the row in the application.
fn user_entity(json: &mut Json, user: &User, kind: &str) {
    json.raw(r#"{"id":""#);
    if kind == "AppUser" {
        json.raw("0ua").raw(&user.id.as_str()[3..]);
    } else {
        json.id(user.id);
    }
    json.raw(r#"","type":""#).raw(kind).raw(r#"","alternateId":"#).string(&user.login);
    json.raw(r#","displayName":""#).text(&user.first_name).raw(" ").text(&user.last_name);
    json.raw(r#"","detailEntry":null}"#);
}

fn app_entity(json: &mut Json, app: &App) {
    json.raw(r#"{"id":""#).id(app.id).raw(r#"","type":"AppInstance","alternateId":"#).string(&app.label);
    json.raw(r#","displayName":"#).string(&app.label).raw(r#","detailEntry":{"signOnModeType":"#);
    json.string_or_null(app.sign_on_mode.map(crate::company::SignOnMode::as_str)).raw("}}");
}

/// An address of the range reserved for documentation.
fn address(json: &mut Json, actor: u32) {
    json.raw("203.0.113.").number(u64::from(actor % 250) + 1);
}

fn message(kind: EventKind) -> &'static str {
    match kind {
        EventKind::SessionStart => "User login to Okta",
        EventKind::SessionEnd => "User logout from Okta",
        EventKind::Sso => "User single sign on to app",
        EventKind::Mfa => "Authentication of user via MFA",
        EventKind::SignOnPolicy => "Evaluation of sign-on policy",
        EventKind::GroupMemberAdded => "Add user to group membership",
        EventKind::AppMemberAdded => "Add user to application membership",
        EventKind::ProfileUpdated => "Update user profile for Okta",
    }
}
