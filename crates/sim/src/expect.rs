//! What a perfect reader must find in a company, computed from the model only.
//!
//! This is the judge of connectors, stores and graphs, so it is kept naive: plain loops over the model, no index, no
//! shared code with the server. Everything it returns is sorted plain data.

mod changes;
mod clients;
mod ownership;
mod requests;
mod settings;
mod sign_in;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::{
    changes::{Change, ChangeKind, Dirty},
    clients::{ClientCredential, ClientGrant, ClientRoleHeld, Integration, Token},
    ownership::{AppRow, Assignee, Binding, Owner, PermissionGiven, Push, SetEntry},
    requests::RequestsMinimum,
    settings::{Linked, SetUp},
    sign_in::{AppPolicy, DeviceKnown, FactorEnrolled, PolicySet},
};
use crate::company::{
    App, Company, EVERYONE, EventKind, Holder, Role, RoleScope, SettingKind, Status, Subject, User,
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
    /// Pairs of a group and an owner.
    pub owners: u64,
    /// Groups pushed to applications.
    pub push_mappings: u64,
    /// Entries of all resource sets.
    pub set_resources: u64,
    /// Triples of a resource set, a custom role and who holds it.
    pub binding_members: u64,
    /// Scopes granted to applications.
    pub grants: u64,
    /// Keys and secrets of applications.
    pub credentials: u64,
    /// Roles held by machine clients.
    pub client_roles: u64,
    /// API tokens.
    pub api_tokens: u64,
    /// Integrations that call the API by themselves.
    pub api_services: u64,
    /// Policies of all types.
    pub policies: u64,
    /// Rules of all policies.
    pub policy_rules: u64,
    /// Enrolled second factors.
    pub factors: u64,
    /// Devices.
    pub devices: u64,
    /// Pairs of a device and a user.
    pub device_users: u64,
    /// Everything else that is set up, by kind.
    pub settings: BTreeMap<SettingKind, u64>,
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
        let mut settings = BTreeMap::new();
        for setting in &company.settings {
            *settings.entry(setting.kind).or_default() += 1;
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
            owners: company.owners.len() as u64,
            push_mappings: company.push_mappings.len() as u64,
            set_resources: company.resource_sets.iter().map(|set| set.resources.len() as u64).sum(),
            binding_members: self.bindings().len() as u64,
            grants: company.grants.len() as u64,
            credentials: company.credentials.len() as u64,
            client_roles: company.client_roles.len() as u64,
            api_tokens: company.api_tokens.len() as u64,
            api_services: company.api_services.len() as u64,
            policies: company.policies.len() as u64,
            policy_rules: company.policies.iter().map(|policy| policy.rules.len() as u64).sum(),
            factors: company.factors.len() as u64,
            devices: company.devices.len() as u64,
            device_users: company.devices.iter().map(|device| device.users.len() as u64).sum(),
            settings,
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
            let role = self.role_name(assignment.role);
            let scope = self.scope(&assignment.scope);
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

    /// The standard role's type, or the custom role's id.
    fn role_name(self, role: Role) -> String {
        match role {
            Role::Standard(name) => name.to_owned(),
            Role::Custom(role) => self.company.custom_roles[role as usize].id.to_string(),
        }
    }

    fn scope(self, scope: &RoleScope) -> AdminScope {
        match scope {
            RoleScope::Org => AdminScope::Org,
            RoleScope::Groups(groups) => {
                AdminScope::Targets(sorted(groups.iter().map(|&group| self.group_id(group))))
            }
            RoleScope::Apps(apps) => AdminScope::Targets(sorted(apps.iter().map(|&app| self.app_id(app)))),
            RoleScope::ResourceSet(set) => {
                AdminScope::ResourceSet(self.company.resource_sets[*set as usize].id.to_string())
            }
        }
    }

    fn app_id(self, app: u32) -> String {
        self.company.apps[app as usize].id.to_string()
    }

    fn user_id(self, user: u32) -> String {
        self.company.users[user as usize].id.to_string()
    }
}

fn can_sign_in(user: &User, app: &App) -> bool {
    app.active && matches!(user.status, Status::Active | Status::PasswordExpired | Status::Recovery)
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items
}
