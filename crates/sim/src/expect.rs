//! What a perfect reader must find in a company, computed from the model only.
//!
//! This is the judge of connectors, stores and graphs, so it is kept naive: plain loops over the model, no index, no
//! shared code with the server. Everything it returns is sorted plain data.

mod changes;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::changes::{Change, ChangeKind, Dirty};
use crate::company::{
    App, Company, EVERYONE, EventKind, GroupKind, Holder, Role, RoleScope, Status, Subject, User,
};

/// The truth about a company.
#[derive(Clone, Copy, Debug)]
pub struct Truth<'a> {
    company: &'a Company,
}

/// How many objects of each kind there are to read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Counts {
    /// Accounts in all statuses.
    pub accounts: u64,
    /// Accounts by the provider's status.
    pub accounts_by_status: BTreeMap<String, u64>,
    /// Groups, *Everyone* included.
    pub groups: u64,
    /// Pairs of a live account and a group other than *Everyone*.
    pub memberships: u64,
    /// Group rules in all statuses.
    pub rules: u64,
    /// Applications in all statuses.
    pub apps: u64,
    /// Application-user rows.
    pub app_users: u64,
    /// Application-user rows by scope, `USER` and `GROUP`.
    pub app_users_by_scope: BTreeMap<String, u64>,
    /// Pairs of an application and a group that it is assigned to.
    pub app_groups: u64,
    /// Users who hold a role, directly or through a group.
    pub role_holders: u64,
    /// Custom roles.
    pub custom_roles: u64,
    /// Resource sets.
    pub resource_sets: u64,
    /// Events that the log serves.
    pub events: u64,
}

/// One way to reach an application.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// Assigned directly (a row with scope `USER`).
    Direct,
    /// Member of a group that is assigned; *Everyone* counts as a group.
    Group {
        /// The group's id.
        group_id: String,
    },
    /// The application needs no assignment. Holds for every account that is not deactivated.
    Implicit,
}

/// Somebody who reaches an application.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Reach {
    /// The account's id.
    pub user_id: String,
    /// The account's login.
    pub login: String,
    /// Whether the account's status lets its owner sign in and the application is active.
    pub can_sign_in: bool,
    /// All ways, sorted.
    pub paths: Vec<PathKind>,
}

/// An application that somebody reaches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Reached {
    /// The application's id.
    pub app_id: String,
    /// The application's label.
    pub label: String,
    /// Whether the account's status lets its owner sign in and the application is active.
    pub can_sign_in: bool,
    /// All ways, sorted.
    pub paths: Vec<PathKind>,
}

/// When somebody last used an application.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct LastUse {
    /// The account's id.
    pub user_id: String,
    /// The application's id.
    pub app_id: String,
    /// Milliseconds since 1970 of the last successful sign-on among the served events.
    pub last_use_ms: i64,
    /// How many successful sign-ons were served.
    pub uses: u64,
}

/// When somebody last started a session.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct LastSession {
    /// The account's id.
    pub user_id: String,
    /// Milliseconds since 1970 of the last successful session start among the served events.
    pub last_start_ms: i64,
}

/// A role that somebody holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Admin {
    /// The account's id.
    pub user_id: String,
    /// The standard role's type, or the custom role's id.
    pub role: String,
    /// The group through which it is held; `None` when it is held directly.
    pub via_group_id: Option<String>,
    /// What it is limited to.
    pub scope: AdminScope,
}

/// What a role is limited to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminScope {
    /// The whole organisation.
    Org,
    /// These groups or applications (ids, sorted).
    Targets(Vec<String>),
    /// A resource set (id).
    ResourceSet(String),
}

/// The fewest requests that a full read can take, per listing, with the largest pages the API allows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RequestsMinimum {
    /// `/users` without and with the filter for deactivated accounts.
    pub users: u64,
    /// `/groups`.
    pub groups: u64,
    /// `/groups/{id}/users` of all groups but the empty ones and *Everyone*.
    pub group_members: u64,
    /// `/groups/rules`.
    pub rules: u64,
    /// `/apps`.
    pub apps: u64,
    /// `/apps/{id}/users`, at least one per application.
    pub app_users: u64,
    /// `/apps/{id}/groups`, at least one per application.
    pub app_groups: u64,
    /// `/users/{id}/roles`, one per role holder, and the list of holders.
    pub roles: u64,
}

impl Company {
    /// What a perfect reader must find.
    pub fn truth(&self) -> Truth<'_> {
        Truth { company: self }
    }
}

impl Truth<'_> {
    /// How much there is of everything.
    pub fn counts(&self) -> Counts {
        let company = self.company;
        let mut by_status = BTreeMap::new();
        for user in company.users.iter().filter(|user| !user.deleted) {
            *by_status.entry(user.status.as_str().to_owned()).or_default() += 1;
        }
        let mut by_scope = BTreeMap::from([("USER".to_owned(), 0), ("GROUP".to_owned(), 0)]);
        for row in company.apps.iter().flat_map(|app| &app.users) {
            let scope = if row.via.is_none() { "USER" } else { "GROUP" };
            *by_scope.entry(scope.to_owned()).or_default() += 1;
        }
        Counts {
            accounts: company.users.iter().filter(|user| !user.deleted).count() as u64,
            accounts_by_status: by_status,
            groups: company.groups.iter().filter(|group| !group.deleted).count() as u64,
            memberships: company.groups.iter().map(|group| group.members.len() as u64).sum(),
            rules: company.rules.len() as u64,
            apps: company.apps.iter().filter(|app| !app.deleted).count() as u64,
            app_users: company.apps.iter().map(|app| app.users.len() as u64).sum(),
            app_users_by_scope: by_scope,
            app_groups: company.apps.iter().map(|app| app.groups.len() as u64).sum(),
            role_holders: self.admins().iter().map(|admin| &admin.user_id).collect::<BTreeSet<_>>().len()
                as u64,
            custom_roles: company.custom_roles.len() as u64,
            resource_sets: company.resource_sets.len() as u64,
            events: company.served_events().len() as u64,
        }
    }

    /// Who reaches the application with this id, and how; sorted by user id. Empty for an unknown id.
    pub fn who(&self, app_id: &str) -> Vec<Reach> {
        let Some(app) = self.company.apps.iter().find(|app| app.id.as_str() == app_id && !app.deleted) else {
            return Vec::new();
        };
        let mut reach: Vec<Reach> = self
            .paths(app)
            .into_iter()
            .map(|(index, paths)| {
                let user = &self.company.users[index as usize];
                Reach {
                    user_id: user.id.to_string(),
                    login: user.login.clone(),
                    can_sign_in: can_sign_in(user, app),
                    paths: paths.into_iter().collect(),
                }
            })
            .collect();
        reach.sort();
        reach
    }

    /// What the account with this id reaches, and how; sorted by application id. Empty for an unknown id.
    pub fn what(&self, user_id: &str) -> Vec<Reached> {
        let Some(index) =
            self.company.users.iter().position(|user| user.id.as_str() == user_id && !user.deleted)
        else {
            return Vec::new();
        };
        let user = &self.company.users[index];
        let index = index as u32;
        let mut reached: Vec<Reached> = self
            .company
            .apps
            .iter()
            .filter(|app| !app.deleted)
            .filter_map(|app| {
                let mut paths = Vec::new();
                if app.users.iter().any(|row| row.user == index && row.via.is_none()) {
                    paths.push(PathKind::Direct);
                }
                for assigned in &app.groups {
                    if self.company.members(assigned.group).contains(&index) {
                        paths.push(self.group_path(assigned.group));
                    }
                }
                if app.implicit && user.status != Status::Deprovisioned {
                    paths.push(PathKind::Implicit);
                }
                paths.sort();
                (!paths.is_empty()).then(|| Reached {
                    app_id: app.id.to_string(),
                    label: app.label.clone(),
                    can_sign_in: can_sign_in(user, app),
                    paths,
                })
            })
            .collect();
        reached.sort();
        reached
    }

    /// How many (account, application) pairs there are in which the owner can sign in.
    pub fn effective_pairs(&self) -> u64 {
        let mut pairs = 0;
        for app in self.company.apps.iter().filter(|app| !app.deleted) {
            let mut users: BTreeSet<u32> =
                app.users.iter().filter(|row| row.via.is_none()).map(|row| row.user).collect();
            for assigned in &app.groups {
                users.extend(self.company.members(assigned.group));
            }
            if app.implicit {
                users.extend(self.company.members(EVERYONE));
            }
            pairs +=
                users.iter().filter(|&&user| can_sign_in(&self.company.users[user as usize], app)).count()
                    as u64;
        }
        pairs
    }

    /// The last use of every (account, application) pair that was used; sorted.
    pub fn last_uses(&self) -> Vec<LastUse> {
        let mut uses: BTreeMap<(u32, u32), (i64, u64)> = BTreeMap::new();
        for event in self.company.served_events() {
            if let (EventKind::Sso, true, Subject::App(app)) = (event.kind, event.success, event.subject) {
                let (last, count) = uses.entry((event.actor, app)).or_default();
                *last = (*last).max(event.time);
                *count += 1;
            }
        }
        let mut last_uses: Vec<LastUse> = uses
            .into_iter()
            .map(|((user, app), (last_use_ms, uses))| LastUse {
                user_id: self.user_id(user),
                app_id: self.company.apps[app as usize].id.to_string(),
                last_use_ms,
                uses,
            })
            .collect();
        last_uses.sort();
        last_uses
    }

    /// The last session start of every account that started one; sorted.
    pub fn last_sessions(&self) -> Vec<LastSession> {
        let mut starts: BTreeMap<u32, i64> = BTreeMap::new();
        for event in self.company.served_events() {
            if event.kind == EventKind::SessionStart && event.success {
                let last = starts.entry(event.actor).or_default();
                *last = (*last).max(event.time);
            }
        }
        let mut sessions: Vec<LastSession> = starts
            .into_iter()
            .map(|(user, last_start_ms)| LastSession { user_id: self.user_id(user), last_start_ms })
            .collect();
        sessions.sort();
        sessions
    }

    /// Every role that every account holds, directly or through a group; sorted.
    pub fn admins(&self) -> Vec<Admin> {
        let mut admins = Vec::new();
        for assignment in &self.company.role_assignments {
            let role = match assignment.role {
                Role::Standard(name) => name.to_owned(),
                Role::Custom(role) => self.company.custom_roles[role as usize].id.to_string(),
            };
            let scope = match &assignment.scope {
                RoleScope::Org => AdminScope::Org,
                RoleScope::Groups(groups) => {
                    AdminScope::Targets(sorted(groups.iter().map(|&group| self.group_id(group))))
                }
                RoleScope::Apps(apps) => AdminScope::Targets(sorted(
                    apps.iter().map(|&app| self.company.apps[app as usize].id.to_string()),
                )),
                RoleScope::ResourceSet(set) => {
                    AdminScope::ResourceSet(self.company.resource_sets[*set as usize].id.to_string())
                }
            };
            let (users, via) = match assignment.holder {
                Holder::User(user) => (vec![user], None),
                Holder::Group(group) => (self.company.members(group).to_vec(), Some(self.group_id(group))),
            };
            admins.extend(users.into_iter().map(|user| Admin {
                user_id: self.user_id(user),
                role: role.clone(),
                via_group_id: via.clone(),
                scope: scope.clone(),
            }));
        }
        admins.sort();
        admins
    }

    /// The fewest requests that a full read can take. A full last page of groups or rules costs one more, because the
    /// server does not yet know that it is the last one.
    pub fn requests_minimum(&self) -> RequestsMinimum {
        let company = self.company;
        let pages = |count: usize, size: usize| count.div_ceil(size) as u64;
        let pages_and_the_end = |count: usize, size: usize| (count / size + 1) as u64;
        let each_app = |size: usize, count: &dyn Fn(&App) -> usize| -> u64 {
            company.apps.iter().filter(|app| !app.deleted).map(|app| pages(count(app), size).max(1)).sum()
        };
        let counts = self.counts();
        let (accounts, groups) = (counts.accounts as usize, counts.groups as usize);
        let (apps, holders) = (counts.apps as usize, counts.role_holders);
        let live = company.users.iter().filter(|user| user.status != Status::Deprovisioned).count();
        RequestsMinimum {
            users: pages(live, 200).max(1) + pages(accounts - live, 200).max(1),
            groups: pages_and_the_end(groups, 200),
            group_members: company
                .groups
                .iter()
                .filter(|group| group.kind != GroupKind::BuiltIn)
                .map(|group| pages(group.members.len(), 1000))
                .sum(),
            rules: pages_and_the_end(company.rules.len(), 200),
            apps: pages(apps, 200),
            app_users: each_app(500, &|app| app.users.len()),
            app_groups: each_app(200, &|app| app.groups.len()),
            roles: holders + pages(holders as usize, 100).max(1),
        }
    }

    fn paths(self, app: &App) -> BTreeMap<u32, BTreeSet<PathKind>> {
        let mut reach: BTreeMap<u32, BTreeSet<PathKind>> = BTreeMap::new();
        for row in app.users.iter().filter(|row| row.via.is_none()) {
            reach.entry(row.user).or_default().insert(PathKind::Direct);
        }
        for assigned in &app.groups {
            for &user in self.company.members(assigned.group) {
                reach.entry(user).or_default().insert(self.group_path(assigned.group));
            }
        }
        if app.implicit {
            for &user in self.company.members(EVERYONE) {
                reach.entry(user).or_default().insert(PathKind::Implicit);
            }
        }
        reach
    }

    fn group_path(self, group: u32) -> PathKind {
        PathKind::Group { group_id: self.group_id(group) }
    }

    fn group_id(self, group: u32) -> String {
        self.company.groups[group as usize].id.to_string()
    }

    fn user_id(self, user: u32) -> String {
        self.company.users[user as usize].id.to_string()
    }
}

fn can_sign_in(user: &User, app: &App) -> bool {
    app.active && matches!(user.status, Status::Active | Status::PasswordExpired | Status::Recovery)
}

fn sorted(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.collect();
    items.sort();
    items
}
