//! What people did: the system log, and the last sign-in that follows from it.

use super::{
    ADA, AWS, App, CONTRACTOR, CompanySpec, DORMANT, Event, EventKind, GITHUB, HANDBOOK, LEAVER,
    LOG_RETENTION, NEW_HIRE, SLACK, Status, Subject, User, detail, indices, login, moment,
};
use crate::{
    clock::{DAY, HOUR, MINUTE, SECOND},
    rng::Rng,
};

/// About this many events per person.
const EVENTS_PER_PERSON: usize = 20;
/// The log never holds more events than this.
const MOST_EVENTS: usize = 200_000;

/// All events, oldest first. Sets everyone's `last_login`.
pub(super) fn generate(spec: &CompanySpec, users: &mut [User], apps: &[App]) -> Vec<Event> {
    let mut writer = Writer {
        rng: Rng::new(spec.seed, "activity"),
        now: spec.now.as_millisecond(),
        reach: reach(users.len(), apps),
        handbook: position(apps, HANDBOOK),
        events: Vec::new(),
    };
    let actors = actors(spec, users);
    writer.special_events(users, apps);
    let wanted = (users.len() * EVENTS_PER_PERSON).min(MOST_EVENTS);
    for &actor in &actors {
        writer.session(actor, true);
    }
    while writer.events.len() < wanted && !actors.is_empty() {
        // The early ones in the list are the busy ones.
        let reachable = 1 + writer.rng.index(actors.len());
        let actor = actors[writer.rng.index(reachable)];
        writer.something(actor);
    }
    let mut events = writer.events;
    events.sort_by_key(|event| event.time);
    for (number, event) in (0..).zip(&mut events) {
        event.number = number;
        event.transaction = number;
    }
    set_last_logins(spec, users, &events);
    events
}

/// Who signs in at all: accounts that can, except about one in nine that are dormant.
fn actors(spec: &CompanySpec, users: &[User]) -> Vec<u32> {
    let silent = [DORMANT, NEW_HIRE, CONTRACTOR].map(login);
    indices(users)
        .filter(|&index| {
            let user = &users[index as usize];
            can_sign_in(user)
                && !silent.contains(&user.login)
                && !detail(spec.seed, 2, index).is_multiple_of(9)
        })
        .collect()
}

fn can_sign_in(user: &User) -> bool {
    matches!(user.status, Status::Active | Status::PasswordExpired | Status::Recovery)
}

/// The applications that each user has.
fn reach(users: usize, apps: &[App]) -> Vec<Vec<u32>> {
    let mut reach = vec![Vec::new(); users];
    for (app, index) in apps.iter().zip(0_u32..).filter(|(app, _)| app.active) {
        for row in &app.users {
            reach[row.user as usize].push(index);
        }
    }
    reach
}

struct Writer {
    rng: Rng,
    now: i64,
    reach: Vec<Vec<u32>>,
    handbook: u32,
    events: Vec<Event>,
}

impl Writer {
    fn special_events(&mut self, users: &[User], apps: &[App]) {
        let person =
            |name: &str| users.iter().position(|user| user.login == login(name)).unwrap_or_default() as u32;
        let (contractor, leaver) = (person(CONTRACTOR), person(LEAVER));
        // Whoever looks at the company first looks at her: some access is used, some is not.
        let ada = person(ADA);
        self.add(2 * DAY, EventKind::SessionStart, ada, Subject::None, true);
        for (minutes, label) in [(1, GITHUB), (9, "Jira"), (30, SLACK)] {
            self.add(
                2 * DAY - minutes * MINUTE,
                EventKind::Sso,
                ada,
                Subject::App(position(apps, label)),
                true,
            );
        }
        // The contractor signs in, but never made it into the application that matters.
        self.add(20 * DAY, EventKind::SessionStart, contractor, Subject::None, true);
        self.add(20 * DAY - MINUTE, EventKind::Sso, contractor, Subject::App(position(apps, AWS)), false);
        self.add(2 * DAY, EventKind::SessionStart, contractor, Subject::None, true);
        // The leaver was still at work seven weeks ago.
        self.add(50 * DAY, EventKind::SessionStart, leaver, Subject::None, true);
        self.add(50 * DAY - MINUTE, EventKind::Sso, leaver, Subject::App(0), true);
        // Too old to be served.
        for days in [91, 95, 100, 120] {
            self.add(days * DAY, EventKind::SessionStart, leaver, Subject::None, true);
            self.add(days * DAY - MINUTE, EventKind::Sso, leaver, Subject::App(0), true);
        }
    }

    fn something(&mut self, actor: u32) {
        match self.rng.below(100) {
            0..22 => self.session(actor, false),
            22..88 => self.sign_on(actor),
            other => {
                let kind = match other {
                    88..91 => EventKind::SessionEnd,
                    91..95 => EventKind::Mfa,
                    95..97 => EventKind::SignOnPolicy,
                    97 => EventKind::GroupMemberAdded,
                    98 => EventKind::AppMemberAdded,
                    _ => EventKind::ProfileUpdated,
                };
                let subject = match kind {
                    EventKind::GroupMemberAdded => Subject::Group(1),
                    EventKind::AppMemberAdded => {
                        self.reach[actor as usize].first().map_or(Subject::None, |&app| Subject::App(app))
                    }
                    _ => Subject::None,
                };
                let ago = self.ago();
                self.add(ago, kind, actor, subject, true);
            }
        }
    }

    fn session(&mut self, actor: u32, certainly: bool) {
        let success = certainly || !self.rng.chance(50);
        let ago = self.ago();
        self.add(ago, EventKind::SessionStart, actor, Subject::None, success);
    }

    /// A sign-on to one of the person's applications. Two fifths of them are never used.
    fn sign_on(&mut self, actor: u32) {
        let apps = &self.reach[actor as usize];
        if apps.is_empty() {
            return self.session(actor, false);
        }
        let used = apps.len() as u64 * 6 / 10 + 1;
        let turn = detail(0, 3, actor) + self.rng.below(used).min(self.rng.below(used));
        let app = if self.rng.chance(20) { self.handbook } else { apps[(turn % apps.len() as u64) as usize] };
        let success = !self.rng.chance(40);
        // Some failures do not say to what.
        let subject = if success || self.rng.chance(700) { Subject::App(app) } else { Subject::None };
        let ago = self.ago();
        self.add(ago, EventKind::Sso, actor, subject, success);
    }

    fn ago(&mut self) -> i64 {
        self.rng.between(5 * SECOND, LOG_RETENTION - HOUR)
    }

    fn add(&mut self, ago: i64, kind: EventKind, actor: u32, subject: Subject, success: bool) {
        self.events.push(Event {
            time: self.now - ago,
            kind,
            actor,
            subject,
            success,
            number: 0,
            transaction: 0,
        });
    }
}

fn set_last_logins(spec: &CompanySpec, users: &mut [User], events: &[Event]) {
    for event in events.iter().filter(|event| event.kind == EventKind::SessionStart && event.success) {
        // The user object has whole seconds.
        users[event.actor as usize].last_login = Some(event.time / 1000 * 1000);
    }
    let mut rng = Rng::new(spec.seed, "last logins");
    let now = spec.now.as_millisecond();
    let new_hire = login(NEW_HIRE);
    for user in users {
        let ever = !matches!(user.status, Status::Staged | Status::Provisioned) && user.login != new_hire;
        if user.last_login.is_none() && ever && !rng.chance(100) {
            user.last_login = Some(moment(&mut rng, now - 190 * DAY, now - 91 * DAY));
        }
    }
}

fn position(apps: &[App], label: &str) -> u32 {
    apps.iter().position(|app| app.label == label).unwrap_or_default() as u32
}
