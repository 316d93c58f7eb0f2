//! What happens to applications and to who has them.

use super::{AppUserEdit, EventKind, Object, Round, Subject, What, renamed, whole_second};
use crate::{
    company::{
        App, AppGroup, AppUser, EVERYONE, GroupKind, RoleScope, SignOnMode,
        cast::{PROJECTS, REVIEW_ROBOT, SECURITY_SCANNER},
        clients::signing_credential,
    },
    id::Id,
};

/// The applications before this one are named by documentation; of the other special ones only machine clients are.
pub(super) const FIRST_ORDINARY: usize = 8;

impl Round<'_> {
    /// Brings somebody's row in an application in line with the groups that it is assigned to; `cause` is the event that
    /// tells if only the winning group is another one. A direct row stays as it is.
    pub(super) fn settle_row(&mut self, app: u32, user: u32, cause: u32) {
        let record = &self.company.apps[app as usize];
        let place = record.users.binary_search_by_key(&user, |row| row.user);
        let before = place.ok().map(|place| record.users[place]);
        if before.is_some_and(|row| row.via.is_none()) {
            return;
        }
        let winner = record
            .groups
            .iter()
            .min_by_key(|assigned| {
                let is_member = self.company.members(assigned.group).binary_search(&user).is_ok();
                (!is_member, assigned.priority)
            })
            .map(|assigned| assigned.group)
            .filter(|&group| self.company.members(group).binary_search(&user).is_ok());
        let Some(group) = winner else {
            if before.is_some() {
                let event = self.tell(EventKind::AppMemberRemoved, Subject::AppUser { app, user });
                self.drop_row(app, user, event);
            }
            return;
        };
        let row = AppUser { user, via: Some(group), deprovisioned: false };
        if before.is_none() {
            let event = self.tell(EventKind::AppMemberAdded, Subject::AppUser { app, user });
            self.put_row(app, row, event);
        } else if before != Some(row) {
            self.put_row(app, row, cause);
        }
    }

    /// Adds or replaces a row.
    fn put_row(&mut self, app: u32, row: AppUser, event: u32) {
        let rows = &mut self.company.apps[app as usize].users;
        let object = Object::AppUser { app, user: row.user };
        match rows.binary_search_by_key(&row.user, |row| row.user) {
            Ok(place) => {
                rows[place] = row;
                self.stamp_row(app, row.user);
                self.note(object, What::Changed, event);
            }
            Err(place) => {
                rows.insert(place, row);
                let edit =
                    AppUserEdit { created: Some(self.stamp()), last_updated: self.stamp(), user_name: None };
                self.company.app_user_edits.insert((app, row.user), edit);
                self.note(object, What::Added, event);
            }
        }
    }

    fn stamp_row(&mut self, app: u32, user: u32) -> &mut AppUserEdit {
        let stamp = self.stamp();
        let edit = self.company.app_user_edits.entry((app, user)).or_insert(AppUserEdit {
            created: None,
            last_updated: stamp,
            user_name: None,
        });
        edit.last_updated = stamp;
        edit
    }

    /// Takes a row away, if there is one.
    pub(super) fn drop_row(&mut self, app: u32, user: u32, event: u32) {
        let rows = &mut self.company.apps[app as usize].users;
        if let Ok(place) = rows.binary_search_by_key(&user, |row| row.user) {
            rows.remove(place);
            self.company.app_user_edits.remove(&(app, user));
            self.note(Object::AppUser { app, user }, What::Removed, event);
        }
    }

    /// What becomes of the row of somebody who was deactivated.
    pub(super) fn leave_behind(&mut self, app: u32, user: u32) {
        let rows = &self.company.apps[app as usize].users;
        let Ok(place) = rows.binary_search_by_key(&user, |row| row.user) else { return };
        let row = rows[place];
        if row.via.is_some() {
            let event = self.tell(EventKind::AppMemberRemoved, Subject::AppUser { app, user });
            self.drop_row(app, user, event);
        } else {
            let event = self.tell(EventKind::AppMemberDeprovisioned, Subject::AppUser { app, user });
            self.put_row(app, AppUser { deprovisioned: true, ..row }, event);
        }
    }

    /// An ordinary application that was there when the round began and had no turn. This is its turn.
    fn take_app(&mut self, wanted: impl Fn(&App) -> bool) -> Option<u32> {
        let app = self.find(FIRST_ORDINARY, self.company.apps.len(), |round, app| {
            let record = &round.company.apps[app as usize];
            !record.deleted
                && record.created < whole_second(round.start)
                && !round.used_apps.contains(&app)
                && ![REVIEW_ROBOT, SECURITY_SCANNER].contains(&record.label.as_str())
                && wanted(record)
        })?;
        self.used_apps.insert(app);
        Some(app)
    }

    pub(super) fn create_app(&mut self) {
        let index = self.company.apps.len() as u32;
        let stamp = self.stamp();
        let project = *self.rng.pick(&PROJECTS);
        self.company.apps.push(App {
            id: Id::new(self.company.spec.seed, "0oa", index),
            name: format!("alderfinch_{project}_{index}"),
            label: format!("{}{} Portal {index}", project[..1].to_uppercase(), &project[1..]),
            active: true,
            sign_on_mode: Some(SignOnMode::Saml),
            implicit: false,
            service: false,
            provisioning: false,
            groups: Vec::new(),
            users: Vec::new(),
            created: stamp,
            last_updated: stamp,
            deleted: false,
        });
        let event = self.tell(EventKind::AppCreated, Subject::AppAlone(index));
        self.note(Object::App(index), What::Added, event);
        self.company.credentials.extend(signing_credential(
            self.company.spec.seed,
            index,
            &self.company.apps[index as usize],
        ));
        self.note(Object::Credentials(index), What::Added, event);
        if let Some(group) = self.group_to_assign(index) {
            self.assign(index, group);
        }
        let live = self.company.live.clone();
        if let Some(user) = self.take_one_of(&live) {
            self.assign_directly(index, user);
        }
    }

    pub(super) fn rename_app(&mut self) {
        let Some(app) = self.take_app(|_| true) else { return };
        let record = &mut self.company.apps[app as usize];
        let label = renamed(&record.label, self.number);
        let former = std::mem::replace(&mut record.label, label);
        let id = record.id;
        self.had_name(id, former);
        self.app_changed(app, EventKind::AppUpdated);
    }

    pub(super) fn deactivate_app(&mut self) {
        if let Some(app) = self.take_app(|app| app.active) {
            self.company.apps[app as usize].active = false;
            self.app_changed(app, EventKind::AppDeactivated);
        }
    }

    pub(super) fn activate_app(&mut self) {
        if let Some(app) = self.take_app(|app| !app.active) {
            self.company.apps[app as usize].active = true;
            self.app_changed(app, EventKind::AppActivated);
        }
    }

    fn app_changed(&mut self, app: u32, kind: EventKind) {
        self.company.apps[app as usize].last_updated = self.stamp();
        let event = self.tell(kind, Subject::AppAlone(app));
        self.note(Object::App(app), What::Changed, event);
    }

    /// Only what is inactive can be deleted. Its assignments go with it without further events.
    pub(super) fn delete_app(&mut self) {
        let named: Vec<u32> = self
            .company
            .role_assignments
            .iter()
            .filter_map(|assignment| match &assignment.scope {
                RoleScope::Apps(apps) => Some(apps.clone()),
                _ => None,
            })
            .flatten()
            .chain(self.company.groups.iter().filter_map(|group| match group.kind {
                GroupKind::Imported(app) => Some(app),
                _ => None,
            }))
            .collect();
        let named: Vec<Id> = named.into_iter().map(|app| self.company.apps[app as usize].id).collect();
        let most = self.most_members() * 4;
        let fits = |app: &App| !named.contains(&app.id) && app.users.len() <= most;
        let Some(app) = self.take_app(|app| !app.active && fits(app)).or_else(|| self.take_app(fits)) else {
            return;
        };
        if self.company.apps[app as usize].active {
            self.company.apps[app as usize].active = false;
            self.app_changed(app, EventKind::AppDeactivated);
        }
        let event = self.tell(EventKind::AppDeleted, Subject::AppAlone(app));
        let record = &mut self.company.apps[app as usize];
        record.deleted = true;
        let groups = std::mem::take(&mut record.groups);
        let users: Vec<u32> = record.users.iter().map(|row| row.user).collect();
        self.note(Object::App(app), What::Removed, event);
        for AppGroup { group, .. } in groups {
            self.apps_of_group[group as usize].retain(|&other| other != app);
            self.note(Object::AppGroup { app, group }, What::Removed, event);
        }
        for user in users {
            self.drop_row(app, user, event);
        }
        self.forget_app(app, event);
    }

    /// An application that people are assigned to and that is not changed as a whole in this round.
    fn app_with_users(&mut self, wanted: impl Fn(&App) -> bool) -> Option<u32> {
        self.find(FIRST_ORDINARY, self.company.apps.len(), |round, app| {
            let record = &round.company.apps[app as usize];
            !record.deleted && !round.used_apps.contains(&app) && wanted(record)
        })
    }

    pub(super) fn assign_user(&mut self) {
        let Some(app) = self.app_with_users(|app| app.active) else { return };
        let live = self.company.live.clone();
        let user = self.find(0, live.len(), |round, at| {
            let rows = &round.company.apps[app as usize].users;
            let user = live[at as usize];
            round.is_ordinary(user)
                && rows
                    .binary_search_by_key(&user, |row| row.user)
                    .map_or(true, |place| rows[place].via.is_some())
        });
        let Some(user) = user.map(|at| live[at as usize]) else { return };
        self.used_users.insert(user);
        self.assign_directly(app, user);
    }

    fn assign_directly(&mut self, app: u32, user: u32) {
        let event = self.tell(EventKind::AppMemberAdded, Subject::AppUser { app, user });
        self.put_row(app, AppUser { user, via: None, deprovisioned: false }, event);
    }

    /// Takes a direct assignment away. Whoever is in an assigned group keeps a row, from then on through the group.
    pub(super) fn unassign_user(&mut self) {
        let is_direct = |row: &AppUser| row.via.is_none() && !row.deprovisioned;
        let Some((app, user)) = self.take_row(is_direct) else { return };
        let record = &self.company.apps[app as usize];
        let group = record
            .groups
            .iter()
            .filter(|assigned| self.company.members(assigned.group).binary_search(&user).is_ok())
            .min_by_key(|assigned| assigned.priority)
            .map(|assigned| assigned.group);
        let event = self.tell(EventKind::AppMemberRemoved, Subject::AppUser { app, user });
        match group {
            Some(group) => self.put_row(app, AppUser { user, via: Some(group), deprovisioned: false }, event),
            None => self.drop_row(app, user, event),
        }
    }

    /// Somebody's profile in an application changes, now and then the name that it is known by there.
    pub(super) fn edit_app_user(&mut self) {
        let Some((app, user)) = self.take_row(|row| !row.deprovisioned) else { return };
        let kind =
            if self.rng.chance(300) { EventKind::AppMemberRenamed } else { EventKind::AppMemberUpdated };
        let event = self.tell(kind, Subject::AppUser { app, user });
        let name = format!("{}+{}", self.company.users[user as usize].login, self.number);
        self.stamp_row(app, user).user_name = Some(name);
        self.note(Object::AppUser { app, user }, What::Changed, event);
    }

    /// A row of an ordinary live user, as application and user. This is the user's turn.
    fn take_row(&mut self, wanted: impl Fn(&AppUser) -> bool) -> Option<(u32, u32)> {
        let fits = |round: &Self, row: &AppUser| {
            wanted(row) && round.is_ordinary(row.user) && round.company.users[row.user as usize].is_live()
        };
        let app = self.find(FIRST_ORDINARY, self.company.apps.len(), |round, app| {
            let record = &round.company.apps[app as usize];
            record.active
                && !round.used_apps.contains(&app)
                && record.users.iter().any(|row| fits(round, row))
        })?;
        let rows = self.company.apps[app as usize].users.len();
        let row = self
            .find(0, rows, |round, row| fits(round, &round.company.apps[app as usize].users[row as usize]))?;
        let user = self.company.apps[app as usize].users[row as usize].user;
        self.used_users.insert(user);
        Some((app, user))
    }

    pub(super) fn assign_group(&mut self) {
        let Some(app) = self.app_with_users(|app| app.active) else { return };
        if let Some(group) = self.group_to_assign(app) {
            self.used_apps.insert(app);
            self.assign(app, group);
        }
    }

    /// A group that is not too large, has members and does not have the application. This is its turn.
    fn group_to_assign(&mut self, app: u32) -> Option<u32> {
        let group = self.find(1, self.company.groups.len(), |round, group| {
            let record = &round.company.groups[group as usize];
            !record.deleted
                && group != EVERYONE
                && !round.used_groups.contains(&group)
                && (1..=round.most_members()).contains(&record.members.len())
                && !round.apps_of_group[group as usize].contains(&app)
        })?;
        self.used_groups.insert(group);
        Some(group)
    }

    fn assign(&mut self, app: u32, group: u32) {
        let last_updated = self.stamp();
        let groups = &mut self.company.apps[app as usize].groups;
        let priority = groups.iter().map(|assigned| assigned.priority + 1).max().unwrap_or(0);
        groups.push(AppGroup { group, priority, last_updated });
        self.apps_of_group[group as usize].push(app);
        let event = self.tell(EventKind::AppGroupAdded, Subject::AppGroup { app, group });
        self.note(Object::AppGroup { app, group }, What::Added, event);
        for user in self.company.members(group).to_vec() {
            self.settle_row(app, user, event);
        }
    }

    pub(super) fn unassign_group(&mut self) {
        let most = self.most_members();
        let fits = |round: &Self, app: u32, assigned: &AppGroup| {
            assigned.group != EVERYONE
                && !round.used_groups.contains(&assigned.group)
                && round.company.groups[assigned.group as usize].members.len() <= most
                && app as usize >= FIRST_ORDINARY
        };
        let app = self.find(FIRST_ORDINARY, self.company.apps.len(), |round, app| {
            let record = &round.company.apps[app as usize];
            !round.used_apps.contains(&app)
                && record.created < whole_second(round.start)
                && record.groups.iter().any(|assigned| fits(round, app, assigned))
        });
        let Some(app) = app else { return };
        let place =
            self.company.apps[app as usize].groups.iter().position(|assigned| fits(self, app, assigned));
        let Some(place) = place else { return };
        let AppGroup { group, .. } = self.company.apps[app as usize].groups.remove(place);
        self.used_apps.insert(app);
        self.used_groups.insert(group);
        self.apps_of_group[group as usize].retain(|&other| other != app);
        let event = self.tell(EventKind::AppGroupRemoved, Subject::AppGroup { app, group });
        self.note(Object::AppGroup { app, group }, What::Removed, event);
        for user in self.company.members(group).to_vec() {
            self.settle_row(app, user, event);
        }
    }
}
