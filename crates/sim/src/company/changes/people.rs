//! What happens to people.

use std::borrow::Cow;

use super::{EventKind, Object, PEOPLE, Round, Subject, What, whole_second};
use crate::{
    company::{
        DEPARTMENTS, EVERYONE, LOCATIONS, Status, User, UserKind,
        cast::{FIRST_NAMES, LAST_NAMES},
        login,
    },
    id::Id,
};

impl Round<'_> {
    pub(super) fn change_profile(&mut self) {
        let Some(user) = self.take_user(|user| user.kind != UserKind::Service && user.is_live()) else {
            return;
        };
        let titles = DEPARTMENTS[self.company.users[user as usize].department as usize].titles;
        let title = *self.rng.pick(titles);
        let person = &mut self.company.users[user as usize];
        person.title = if person.title == title { "Team Lead" } else { title };
        self.user_changed(user, EventKind::ProfileUpdated);
    }

    /// Somebody moves to another department: rules take the old groups away and give the new ones.
    pub(super) fn transfer(&mut self) {
        let Some(user) = self.take_user(|user| user.kind != UserKind::Service && user.is_live()) else {
            return;
        };
        let before = self.groups_by_rule(user);
        let person = &mut self.company.users[user as usize];
        let departments = DEPARTMENTS.len();
        let other = (person.department as usize + 1 + self.rng.index(departments - 1)) % departments;
        person.department = other as u8;
        person.team = self.rng.index(DEPARTMENTS[other].teams.len()) as u8;
        person.title = *self.rng.pick(DEPARTMENTS[other].titles);
        self.user_changed(user, EventKind::ProfileUpdated);
        let after = self.groups_by_rule(user);
        self.by_the_system();
        for &group in before.iter().filter(|group| !after.contains(group)) {
            self.remove_member(group, user);
        }
        for &group in after.iter().filter(|group| !before.contains(group)) {
            self.add_member(group, user);
        }
    }

    pub(super) fn suspend(&mut self) {
        self.change_status(Status::Active, Status::Suspended, EventKind::UserSuspended);
    }

    pub(super) fn unsuspend(&mut self) {
        self.change_status(Status::Suspended, Status::Active, EventKind::UserUnsuspended);
    }

    pub(super) fn lock(&mut self) {
        self.change_status(Status::Active, Status::LockedOut, EventKind::UserLocked);
    }

    fn change_status(&mut self, from: Status, to: Status, kind: EventKind) {
        if let Some(user) = self.take_user(|user| user.status == from) {
            self.set_status(user, to, kind);
        }
    }

    fn set_status(&mut self, user: u32, status: Status, kind: EventKind) -> u32 {
        let stamp = self.stamp();
        let person = &mut self.company.users[user as usize];
        person.status = status;
        person.status_changed = Some(stamp);
        self.user_changed(user, kind)
    }

    fn user_changed(&mut self, user: u32, kind: EventKind) -> u32 {
        self.company.users[user as usize].last_updated = self.stamp();
        let event = self.tell(kind, Subject::User(user));
        self.note(Object::User(user), What::Changed, event);
        event
    }

    /// The account leaves all lists of members without an event of its own. Of its rows in applications those from
    /// groups end, and direct ones stay behind. Second factors and API tokens end.
    pub(super) fn deactivate(&mut self) {
        let Some(user) = self.take_user(|user| user.status == Status::Active) else { return };
        let event = self.set_status(user, Status::Deprovisioned, EventKind::UserDeactivated);
        for group in 0..self.company.groups.len() as u32 {
            let record = &mut self.company.groups[group as usize];
            if let Ok(place) = record.members.binary_search(&user) {
                record.members.remove(place);
                record.former_members.push(user);
                self.note(Object::Member { group, user }, What::Removed, event);
            }
        }
        if let Ok(place) = self.company.live.binary_search(&user) {
            self.company.live.remove(place);
        }
        for app in 0..self.company.apps.len() as u32 {
            self.leave_behind(app, user);
        }
        self.end_sign_in(user, event);
    }

    /// Deleting takes two steps, and whatever the account still had goes with it without further events.
    pub(super) fn delete_user(&mut self) {
        let mut managers: Vec<u32> = self.company.users.iter().filter_map(|user| user.manager).collect();
        managers.sort_unstable();
        managers.dedup();
        let start = self.start;
        let candidate = self.find(PEOPLE.len(), self.company.users.len(), |round, user| {
            let person = &round.company.users[user as usize];
            round.is_ordinary(user)
                && person.status == Status::Deprovisioned
                && person.status_changed.is_none_or(|changed| changed < whole_second(start))
                && managers.binary_search(&user).is_err()
        });
        let Some(user) = candidate else { return };
        self.used_users.insert(user);
        self.tell(EventKind::UserDeletionStarted, Subject::User(user));
        let event = self.tell(EventKind::UserDeleted, Subject::User(user));
        self.company.users[user as usize].deleted = true;
        self.note(Object::User(user), What::Removed, event);
        self.forget_user(user, event);
        for app in 0..self.company.apps.len() as u32 {
            self.drop_row(app, user, event);
        }
    }

    /// Somebody is hired: an active account, in the groups to which rules add it, and with what those give.
    pub(super) fn create_user(&mut self) {
        let index = self.company.users.len() as u32;
        let stamp = self.stamp();
        let user = self.newcomer(index, stamp);
        self.company.users.push(user);
        self.company.live.push(index);
        self.used_users.insert(index);
        self.company.groups[EVERYONE as usize].last_membership_updated = stamp;
        let event = self.tell(EventKind::UserCreated, Subject::User(index));
        self.note(Object::User(index), What::Added, event);
        self.tell(EventKind::UserActivated, Subject::User(index));
        self.by_the_system();
        for app in self.apps_of_group[EVERYONE as usize].clone() {
            self.settle_row(app, index, event);
        }
        for group in self.groups_by_rule(index) {
            self.add_member(group, index);
        }
    }

    fn newcomer(&mut self, index: u32, stamp: i64) -> User {
        let first = *self.rng.pick(&FIRST_NAMES);
        let last = *self.rng.pick(&LAST_NAMES);
        let department = self.rng.index(DEPARTMENTS.len());
        let titles = DEPARTMENTS[department].titles;
        let title = titles[self.rng.index(titles.len())];
        let contractor = self.rng.chance(150);
        User {
            id: Id::new(self.company.spec.seed, "00u", index),
            login: login(&format!("{}.{}.{index}", first.to_lowercase(), last.to_lowercase())),
            first_name: Cow::Borrowed(first),
            last_name: Cow::Borrowed(last),
            status: Status::Active,
            kind: if contractor { UserKind::Contractor } else { UserKind::Employee },
            department: department as u8,
            team: self.rng.index(DEPARTMENTS[department].teams.len()) as u8,
            location: self.rng.index(LOCATIONS.len()) as u8,
            title,
            manager: Some(0),
            imported_from_directory: false,
            created: stamp,
            activated: Some(stamp),
            status_changed: Some(stamp),
            last_login: None,
            last_updated: stamp,
            password_changed: None,
            deleted: false,
        }
    }

    pub(super) fn start_session(&mut self) {
        let user = self.find(PEOPLE.len(), self.company.users.len(), |round, user| {
            can_sign_in(&round.company.users[user as usize])
        });
        let Some(user) = user else { return };
        self.actor = user;
        self.tell(EventKind::SessionStart, Subject::None);
        self.company.users[user as usize].last_login = Some(self.stamp());
    }

    /// Somebody uses an application.
    pub(super) fn sign_on(&mut self) {
        let app = self.find(0, self.company.apps.len(), |round, app| {
            let app = &round.company.apps[app as usize];
            app.active && !app.users.is_empty()
        });
        let Some(app) = app else { return };
        let rows = self.company.apps[app as usize].users.len();
        let row = self.find(0, rows, |round, row| {
            let user = round.company.apps[app as usize].users[row as usize].user;
            user as usize >= PEOPLE.len() && can_sign_in(&round.company.users[user as usize])
        });
        let Some(row) = row else { return };
        self.actor = self.company.apps[app as usize].users[row as usize].user;
        if self.rng.chance(60) {
            self.tell_failure(EventKind::Sso, Subject::App(app));
        } else {
            self.tell(EventKind::Sso, Subject::App(app));
        }
    }

    /// Somebody tries something in vain.
    pub(super) fn fail(&mut self) {
        let user = self.find(PEOPLE.len(), self.company.users.len(), |round, user| {
            !round.company.users[user as usize].deleted
        });
        let Some(user) = user else { return };
        let group = self
            .find(1, self.company.groups.len(), |round, group| !round.company.groups[group as usize].deleted);
        let app =
            self.find(0, self.company.apps.len(), |round, app| !round.company.apps[app as usize].deleted);
        let (Some(group), Some(app)) = (group, app) else { return };
        let (kind, subject) = match self.rng.below(5) {
            0 => (EventKind::GroupMemberAdded, Subject::Member { group, user }),
            1 => (EventKind::GroupMemberRemoved, Subject::Member { group, user }),
            2 => (EventKind::AppMemberAdded, Subject::AppUser { app, user }),
            3 => (EventKind::AppGroupRemoved, Subject::AppGroup { app, group }),
            _ => (EventKind::UserDeactivated, Subject::User(user)),
        };
        self.tell_failure(kind, subject);
    }
}

fn can_sign_in(user: &User) -> bool {
    matches!(user.status, Status::Active | Status::PasswordExpired | Status::Recovery)
}
