//! People, groups and applications as a sync of Okta brings them.

use std::time::Duration;

use sightline_core::{
    Account, AccountStatus, Group, GroupOrigin, Observed, RawJson, Record, Resource, ResourceStatus, Time,
};

use super::random::{id, mix, pick};

/// The present of the first state.
const NOW: Time = Time::from_secs(1_767_225_600);
const DAY: u64 = 86_400;

const FIRST: &[&str] = &[
    "Ada", "Amir", "Anna", "Ben", "Carla", "Chen", "David", "Elena", "Femi", "Grace", "Hana", "Igor", "Jana",
    "Karim", "Lena", "Luis", "Maya", "Nils", "Olga", "Priya", "Ravi", "Sara", "Tomas", "Wei", "Yara", "Zoe",
];
const LAST: &[&str] = &[
    "Andersen", "Bauer", "Costa", "Diaz", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Kim",
    "Lopez", "Meyer", "Novak", "Okafor", "Patel", "Quinn", "Rossi", "Silva", "Tanaka", "Umar", "Vogel",
    "Weber",
];
const DEPARTMENTS: &[&str] = &[
    "Engineering",
    "Sales",
    "Finance",
    "Support",
    "Legal",
    "Marketing",
    "Operations",
    "Research",
    "Security",
];
const TITLES: &[&str] = &[
    "Engineer",
    "Senior Engineer",
    "Account Executive",
    "Analyst",
    "Manager",
    "Director",
    "Specialist",
    "Assistant",
];

/// The present of a state: a day after the one before.
pub(super) fn now(state: u32) -> Time {
    NOW.after(Duration::from_secs(u64::from(state) * DAY))
}

/// A whole second in the last three years before the first state.
pub(super) fn past(random: u64) -> Time {
    NOW.before(Duration::from_secs(random % (3 * 365 * DAY)))
}

pub(super) fn person_id(at: u32) -> String {
    id("00u", 1, at)
}

pub(super) fn group_id(at: u32) -> String {
    id("00g", 2, at)
}

pub(super) fn app_id(at: u32) -> String {
    id("0oa", 3, at)
}

/// A person's names: first and last.
fn names(at: u32) -> (&'static str, &'static str) {
    let random = mix(&[4, u64::from(at)]);
    (pick(FIRST, random), pick(LAST, random >> 32))
}

pub(super) fn login(at: u32) -> String {
    let (first, last) = names(at);
    let mut login = String::with_capacity(40);
    for part in [first, ".", last, ".", &at.to_string(), "@example.com"] {
        login.push_str(part);
    }
    login.make_ascii_lowercase();
    login
}

/// A person, whose attributes were changed so often, the last time with this state.
pub(super) fn person(at: u32, people: u32, times: u32, last: u32) -> Record {
    let random = mix(&[5, u64::from(at)]);
    let changing = mix(&[6, u64::from(at), u64::from(times)]);
    let (first, family) = names(at);
    let (status, raw_status) = match random % 100 {
        0..92 => (AccountStatus::Active, "ACTIVE"),
        92..95 => (AccountStatus::Active, "PASSWORD_EXPIRED"),
        95..97 => (AccountStatus::Pending, "STAGED"),
        97..98 => (AccountStatus::Suspended, "SUSPENDED"),
        _ => (AccountStatus::Deactivated, "DEPROVISIONED"),
    };
    let created = past(random);
    let touched = if times == 0 { created.after(Duration::from_secs(changing % DAY)) } else { now(last) };
    let profile = serde_json::json!({
        "badgeNumber": (random >> 16) % 10_000_000,
        "costCenter": format!("CC-{:04}", (changing >> 8) % 400),
        "siteCode": pick(&["BER-1", "NYC-2", "SFO-4", "SIN-1", "LON-3"], random >> 24),
    });
    let login = login(at);
    Record::Account(Box::new(Account {
        id: person_id(at),
        status,
        raw_status: raw_status.to_owned(),
        name: format!("{first} {family}"),
        emails: vec![login.clone()],
        created: Some(created),
        activated: Some(created.after(Duration::from_secs(random % 3600))),
        status_changed: Some(created.after(Duration::from_secs(random % 7200))),
        last_sign_in: Observed::Known((random % 20 != 7).then_some(touched)),
        password_changed: Some(created.after(Duration::from_secs(random % (30 * DAY)))),
        last_updated: Some(touched),
        manager: Some(person_id((random >> 8) as u32 % people.div_ceil(8))),
        department: Some(pick(DEPARTMENTS, random >> 12).to_owned()),
        title: Some(pick(TITLES, changing).to_owned()),
        account_type: Some(
            pick(&["employee", "employee", "employee", "contractor"], random >> 20).to_owned(),
        ),
        type_id: Some(id("oty", 7, 0)),
        realm: None,
        credential_provider: Some(pick(&["OKTA", "ACTIVE_DIRECTORY"], random >> 28).to_owned()),
        profile: RawJson::from_value(&profile),
        login,
    }))
}

pub(super) fn group(at: u32, members: u32) -> Record {
    let random = mix(&[8, u64::from(at)]);
    let is_imported = random.is_multiple_of(5);
    let name =
        format!("{} {} {at}", pick(DEPARTMENTS, random >> 8), pick(&["Team", "Project", "Site"], random));
    let description = random.is_multiple_of(3).then(|| format!("{name}, asked for at the service desk"));
    let profile = serde_json::json!({ "name": name, "description": description });
    Record::Group(Box::new(Group {
        id: group_id(at),
        name,
        description,
        origin: if is_imported { GroupOrigin::Imported } else { GroupOrigin::Native },
        source_resource: is_imported.then(|| app_id(0)),
        everyone: false,
        member_count: Observed::Known(u64::from(members)),
        resource_count: Observed::Unknown("Okta did not send its count".to_owned()),
        created: Some(past(random)),
        last_updated: Some(past(random / 2)),
        last_membership_updated: Some(past(random / 3)),
        profile: RawJson::from_value(&profile),
    }))
}

pub(super) fn app(at: u32) -> Record {
    let random = mix(&[9, u64::from(at)]);
    let label = format!("{} {at}", pick(&["Payroll", "Wiki", "Tickets", "Cloud", "Mail", "Billing"], random));
    let raw =
        serde_json::json!({ "visibility": { "hide": { "web": false } }, "name": format!("catalog_{at}") });
    Record::Resource(Box::new(Resource {
        id: app_id(at),
        label,
        catalog_name: Some(format!("catalog_{at}")),
        status: ResourceStatus::Active,
        raw_status: "ACTIVE".to_owned(),
        sign_on_mode: Some(pick(&["SAML_2_0", "OPENID_CONNECT"], random >> 8).to_owned()),
        features: Vec::new(),
        implicit_assignment: Observed::Known(false),
        client_id: None,
        service: false,
        created: Some(past(random)),
        last_updated: Some(past(random / 2)),
        raw: RawJson::from_value(&raw),
    }))
}
