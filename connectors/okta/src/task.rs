//! The units of work: usually one page of one listing.

use std::fmt;

use serde::{Deserialize, Serialize};
use sightline_core::{About, Coverage, Holding, Principal, Scope, Task, Time};
use sightline_http::Cursor;

/// One unit of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "snake_case")]
pub enum OktaTask {
    /// A page of users that are not deactivated.
    Users {
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of deactivated users, which the plain listing leaves out.
    DeactivatedUsers {
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of groups with their counts.
    Groups {
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of the members of a group.
    GroupMembers {
        /// The group's id.
        group: String,
        /// Where to go on.
        cursor: Cursor,
    },
    /// Compares *Everyone* with the users that were read.
    Everyone {
        /// The group's id.
        group: String,
        /// Its members, by Okta's count; none where Okta did not say.
        count: Option<u64>,
    },
    /// A page of group rules.
    GroupRules {
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of applications.
    Apps {
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of the users of an application.
    AppUsers {
        /// The application's id.
        app: String,
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of the groups of an application.
    AppGroups {
        /// The application's id.
        app: String,
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of custom admin roles.
    Roles {
        /// Where to go on.
        cursor: Cursor,
    },
    /// A page of the users that hold any admin role.
    RoleAssignees {
        /// Where to go on.
        cursor: Cursor,
    },
    /// The admin roles of a user.
    UserRoles {
        /// The user's id.
        user: String,
    },
    /// The admin roles of a group.
    GroupRoles {
        /// The group's id.
        group: String,
    },
    /// A page of what limits a role, where Okta did not send it with the role.
    RoleTargets {
        /// The role as it is held, its scope not yet known.
        holding: Box<Holding>,
        /// The assignment's id, unique for its holder only.
        assignment: String,
        /// What limits it.
        kind: TargetKind,
        /// Targets of the pages before.
        found: Vec<String>,
        /// Where to go on.
        cursor: Cursor,
    },
    /// Pages of the system log.
    Log {
        /// From when on this walk covers the log.
        since: Time,
        /// Where to go on.
        cursor: Cursor,
        /// When this walk began; it ends at the first event after that, so that a busy log does not hold up a sync for
        /// ever. None for a walk that begins with this task.
        walk_started: Option<Time>,
        /// The latest event that was read.
        read_to: Option<Time>,
        /// When a walk last saw the present; a cursor that is older than the log is kept says nothing about the hole.
        read_until: Option<Time>,
        /// Events up to this one were counted by a walk whose cursor has died.
        counted_to: Option<Time>,
    },
}

/// What limits a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Groups.
    Groups,
    /// Applications.
    Apps,
}

impl OktaTask {
    /// The log from this time on, of which nothing was read yet.
    pub(crate) fn log_since(since: Time) -> Self {
        let cursor = Cursor::default();
        Self::Log { since, cursor, walk_started: None, read_to: None, read_until: None, counted_to: None }
    }

    /// The path with placeholders.
    pub(crate) const fn template(&self) -> &'static str {
        match self {
            Self::Users { .. } | Self::DeactivatedUsers { .. } => "/api/v1/users",
            Self::Groups { .. } | Self::Everyone { .. } => "/api/v1/groups",
            Self::GroupMembers { .. } => "/api/v1/groups/{id}/users",
            Self::GroupRules { .. } => "/api/v1/groups/rules",
            Self::Apps { .. } => "/api/v1/apps",
            Self::AppUsers { .. } => "/api/v1/apps/{id}/users",
            Self::AppGroups { .. } => "/api/v1/apps/{id}/groups",
            Self::Roles { .. } => "/api/v1/iam/roles",
            Self::RoleAssignees { .. } => "/api/v1/iam/assignees/users",
            Self::UserRoles { .. } => "/api/v1/users/{id}/roles",
            Self::GroupRoles { .. } => "/api/v1/groups/{id}/roles",
            Self::RoleTargets { holding, kind, .. } => match (&holding.principal, kind) {
                (Principal::Account(_), TargetKind::Groups) => {
                    "/api/v1/users/{id}/roles/{role}/targets/groups"
                }
                (Principal::Account(_), TargetKind::Apps) => {
                    "/api/v1/users/{id}/roles/{role}/targets/catalog/apps"
                }
                (Principal::Group(_), TargetKind::Groups) => {
                    "/api/v1/groups/{id}/roles/{role}/targets/groups"
                }
                (Principal::Group(_), TargetKind::Apps) => {
                    "/api/v1/groups/{id}/roles/{role}/targets/catalog/apps"
                }
            },
            Self::Log { .. } => "/api/v1/logs",
        }
    }

    /// Where in its list it goes on; none for what comes whole.
    pub(crate) const fn cursor(&self) -> Option<&Cursor> {
        match self {
            Self::Users { cursor }
            | Self::DeactivatedUsers { cursor }
            | Self::Groups { cursor }
            | Self::GroupMembers { cursor, .. }
            | Self::GroupRules { cursor }
            | Self::Apps { cursor }
            | Self::AppUsers { cursor, .. }
            | Self::AppGroups { cursor, .. }
            | Self::Roles { cursor }
            | Self::RoleAssignees { cursor }
            | Self::RoleTargets { cursor, .. }
            | Self::Log { cursor, .. } => Some(cursor),
            Self::Everyone { .. } | Self::UserRoles { .. } | Self::GroupRoles { .. } => None,
        }
    }

    /// The same list from there on.
    pub(crate) fn at(&self, next: Cursor) -> Self {
        let mut task = self.clone();
        match &mut task {
            Self::Users { cursor }
            | Self::DeactivatedUsers { cursor }
            | Self::Groups { cursor }
            | Self::GroupMembers { cursor, .. }
            | Self::GroupRules { cursor }
            | Self::Apps { cursor }
            | Self::AppUsers { cursor, .. }
            | Self::AppGroups { cursor, .. }
            | Self::Roles { cursor }
            | Self::RoleAssignees { cursor }
            | Self::RoleTargets { cursor, .. }
            | Self::Log { cursor, .. } => *cursor = next,
            Self::Everyone { .. } | Self::UserRoles { .. } | Self::GroupRoles { .. } => {}
        }
        task
    }

    fn scope(&self) -> Scope {
        match self {
            Self::Users { .. } | Self::DeactivatedUsers { .. } => Scope::listing("users"),
            Self::Groups { .. } => Scope::listing("groups"),
            Self::GroupMembers { group, .. } | Self::Everyone { group, .. } => {
                Scope::under("group_members", group)
            }
            Self::GroupRules { .. } => Scope::listing("group_rules"),
            Self::Apps { .. } => Scope::listing("apps"),
            Self::AppUsers { app, .. } => Scope::under("app_users", app),
            Self::AppGroups { app, .. } => Scope::under("app_groups", app),
            Self::Roles { .. } => Scope::listing("roles"),
            Self::RoleAssignees { .. } => Scope::listing("role_assignees"),
            Self::UserRoles { user } => Scope::under("user_roles", user),
            Self::GroupRoles { group } => Scope::under("group_roles", group),
            Self::RoleTargets { holding, .. } => match &holding.principal {
                Principal::Account(user) => Scope::under("user_roles", user),
                Principal::Group(group) => Scope::under("group_roles", group),
            },
            Self::Log { .. } => Scope::listing("activity"),
        }
    }
}

/// The path up to its first `{id}` decides the bucket; Okta counts everything under a collection together.
fn bucket(template: &str) -> &'static str {
    const BUCKETS: [(&str, &str); 5] = [
        ("/api/v1/users", "users"),
        ("/api/v1/groups", "groups"),
        ("/api/v1/apps", "apps"),
        ("/api/v1/iam", "iam"),
        ("/api/v1/logs", "logs"),
    ];
    BUCKETS.iter().find(|(prefix, _)| template.starts_with(prefix)).map_or("other", |(_, bucket)| bucket)
}

impl Task for OktaTask {
    fn about(&self) -> About {
        let (rank, after): (u8, &'static [&'static str]) = match self {
            // One cursor each over everything: the longest chains, so they start first.
            Self::Log { .. } => (90, &[]),
            Self::Users { .. } | Self::DeactivatedUsers { .. } => (80, &[]),
            Self::Groups { .. } | Self::Apps { .. } | Self::RoleAssignees { .. } => (70, &[]),
            Self::AppUsers { .. } => (60, &[]),
            Self::Everyone { .. } => (10, &["users"]),
            _ => (50, &[]),
        };
        About {
            scope: self.scope(),
            coverage: if matches!(self, Self::Log { .. }) { Coverage::Part } else { Coverage::Whole },
            bucket: bucket(self.template()),
            after,
            rank,
        }
    }
}

impl fmt::Display for OktaTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self {
            Self::DeactivatedUsers { .. } => " (deactivated)",
            Self::Everyone { .. } => " (everyone)",
            Self::RoleTargets { .. } => " (targets)",
            _ => "",
        };
        let page = if self.cursor().is_some_and(|cursor| !cursor.is_start()) { " (next page)" } else { "" };
        write!(f, "{}{part}{page}", self.scope())
    }
}
