//! Who works there.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::{
    CompanySpec, DEPARTMENTS, DORMANT, LEAVER, LOCATIONS, NEW_HIRE, Status, User, UserKind,
    cast::{FIRST_NAMES, LAST_NAMES, PEOPLE, Person},
    detail, indices, login, moment,
};
use crate::{
    clock::{DAY, HOUR, MINUTE},
    id::Id,
    rng::Rng,
};

/// All accounts, without `last_login`: that follows from what people did.
pub(super) fn generate(spec: &CompanySpec) -> Vec<User> {
    let mut rng = Rng::new(spec.seed, "people");
    let mut users = Vec::with_capacity(spec.people as usize);
    let mut namesakes = FxHashMap::default();
    for index in 0..spec.people {
        let user = match PEOPLE.get(index as usize) {
            Some(person) => special(spec, &mut rng, index, person),
            None => ordinary(spec, &mut rng, index, &mut namesakes),
        };
        users.push(user);
    }
    assign_managers(spec, &mut users);
    users
}

fn special(spec: &CompanySpec, rng: &mut Rng, index: u32, person: &Person) -> User {
    let mut user = dated(spec, rng, index, person.status);
    user.login = login(person.login);
    user.first_name = Cow::Borrowed(person.first);
    user.last_name = Cow::Borrowed(person.last);
    user.kind = person.kind;
    user.department = person.department;
    user.team = person.team;
    user.title = person.title;
    let now = spec.now.as_millisecond();
    if person.login == LEAVER {
        user.status_changed = Some(moment(rng, now - 41 * DAY, now - 40 * DAY));
        user.last_updated = now / 1000 * 1000 - 40 * DAY;
    }
    if person.login == NEW_HIRE {
        user.created = moment(rng, now - 3 * DAY, now - DAY);
        user.activated = Some(user.created);
        user.status_changed = Some(user.created);
        user.last_updated = user.created;
        user.password_changed = None;
    }
    user
}

fn ordinary(
    spec: &CompanySpec,
    rng: &mut Rng,
    index: u32,
    namesakes: &mut FxHashMap<(usize, usize), u32>,
) -> User {
    let status = match rng.below(1000) {
        0..60 => Status::Deprovisioned,
        60..70 => Status::Suspended,
        70..78 => Status::Staged,
        78..86 => Status::Provisioned,
        86..91 => Status::LockedOut,
        91..106 => Status::PasswordExpired,
        106..112 => Status::Recovery,
        _ => Status::Active,
    };
    let mut user = dated(spec, rng, index, status);
    user.kind = match rng.below(1000) {
        0..110 => UserKind::Contractor,
        110..118 => UserKind::Service,
        _ => UserKind::Employee,
    };
    user.department = rng.weighted(&DEPARTMENTS.each_ref().map(|department| department.percent)) as u8;
    let department = &DEPARTMENTS[user.department as usize];
    user.team = rng.index(department.teams.len()) as u8;
    if user.kind == UserKind::Service {
        let team = department.teams[user.team as usize];
        user.first_name = Cow::Owned(format!("{} {team}", department.name));
        user.last_name = Cow::Owned(format!("automation {index}"));
        user.login = login(&format!("svc-{}-{team}-{index}", department.prefix));
        user.title = "Service account";
    } else {
        let (first, last) = (rng.index(FIRST_NAMES.len()), rng.index(LAST_NAMES.len()));
        let namesake = namesakes.entry((first, last)).and_modify(|count| *count += 1).or_insert(1);
        let number = if *namesake > 1 { namesake.to_string() } else { String::new() };
        let outside = if user.kind == UserKind::Contractor { ".ext" } else { "" };
        user.first_name = Cow::Borrowed(FIRST_NAMES[first]);
        user.last_name = Cow::Borrowed(LAST_NAMES[last]);
        user.login = login(&format!(
            "{}.{}{number}{outside}",
            FIRST_NAMES[first].to_lowercase(),
            LAST_NAMES[last].to_lowercase()
        ));
        user.title = *rng.pick(department.titles);
    }
    user
}

/// An account without a name whose times fit its status.
fn dated(spec: &CompanySpec, rng: &mut Rng, index: u32, status: Status) -> User {
    let now = spec.now.as_millisecond();
    let created = moment(rng, now - 2200 * DAY, now - 200 * DAY);
    let activated = match status {
        Status::Staged => None,
        // Accounts from before the provider recorded it.
        _ if rng.chance(60) => None,
        _ => Some(created + moment(rng, 0, 2 * DAY)),
    };
    let changed_lately = matches!(status, Status::Deprovisioned | Status::Suspended | Status::LockedOut);
    let status_changed = match status {
        Status::Staged => None,
        _ if changed_lately => Some(moment(rng, now - 150 * DAY, now - HOUR)),
        _ => Some(activated.unwrap_or(created)),
    };
    let newest = status_changed.unwrap_or(created);
    let password_changed = match status {
        Status::Staged | Status::Provisioned => None,
        _ => Some(moment(rng, activated.unwrap_or(created), now - 95 * DAY)),
    };
    User {
        id: Id::new(spec.seed, "00u", index),
        login: String::new(),
        first_name: Cow::Borrowed(""),
        last_name: Cow::Borrowed(""),
        status,
        kind: UserKind::Employee,
        department: 0,
        team: 0,
        location: rng.index(LOCATIONS.len()) as u8,
        title: "",
        manager: None,
        imported_from_directory: rng.chance(250),
        created,
        activated,
        status_changed,
        last_login: None,
        last_updated: newest.max(moment(rng, created, now - MINUTE)),
        password_changed,
        deleted: false,
    }
}

/// Everyone reports to the lead of the team, leads to the head of the department, heads to the first person.
fn assign_managers(spec: &CompanySpec, users: &mut [User]) {
    let unsuitable = [NEW_HIRE, DORMANT].map(login);
    let mut heads = [None; DEPARTMENTS.len()];
    let mut leads = [[None; 8]; DEPARTMENTS.len()];
    for index in indices(users).skip(1) {
        let user = &users[index as usize];
        if user.status != Status::Active
            || user.kind != UserKind::Employee
            || unsuitable.contains(&user.login)
        {
            continue;
        }
        let department = user.department as usize;
        if heads[department].is_none() {
            heads[department] = Some(index);
        } else {
            leads[department][user.team as usize].get_or_insert(index);
        }
    }
    for index in indices(users).skip(1) {
        let user = &mut users[index as usize];
        let nobody = index as usize >= PEOPLE.len() && detail(spec.seed, 1, index).is_multiple_of(50);
        if user.kind == UserKind::Service || nobody {
            continue;
        }
        let head = heads[user.department as usize];
        let lead = leads[user.department as usize][user.team as usize];
        let boss = if head == Some(index) {
            None
        } else if lead == Some(index) {
            head
        } else {
            lead.or(head)
        };
        user.manager = boss.or(Some(0));
    }
}
