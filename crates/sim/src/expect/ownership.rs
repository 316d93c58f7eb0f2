//! What must be found about owners, pushed groups, rows of applications, and what custom roles are bound to.

use serde::Serialize;

use super::{Truth, sorted};
use crate::company::{Holder, Role, RoleScope, SetResource};

/// Somebody who is responsible for a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Owner {
    /// The group's id.
    pub group_id: String,
    /// A user or a group.
    pub owner: Assignee,
}

/// Who owns or holds something.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignee {
    /// A user (id).
    User(String),
    /// A group (id).
    Group(String),
    /// A machine client (id).
    Client(String),
}

/// A group that is pushed to an application.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Push {
    pub app_id: String,
    pub mapping_id: String,
    pub source_group_id: String,
    pub target_group_id: String,
    /// `ACTIVE`, `INACTIVE` or `ERROR`.
    pub status: String,
}

/// A person's row in an application.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AppRow {
    pub user_id: String,
    /// `USER` or `GROUP`.
    pub scope: String,
    /// The winning group, for rows of scope `GROUP`.
    pub group_id: Option<String>,
    pub status: String,
    pub sync_state: String,
    pub external_id: Option<String>,
    pub user_name: String,
    pub created_ms: i64,
}

/// An entry of a resource set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct SetEntry {
    /// The resource set's id.
    pub set_id: String,
    /// `group`, `members_of` or `app`.
    pub kind: String,
    /// The id of the group or application.
    pub resource_id: String,
}

/// A custom role on a resource set, and who holds it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Binding {
    /// The resource set's id.
    pub set_id: String,
    /// The custom role's id.
    pub role_id: String,
    /// Who holds it.
    pub assignee: Assignee,
}

/// What a custom role allows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct PermissionGiven {
    /// The custom role's id.
    pub role_id: String,
    /// The permission's name.
    pub label: String,
    /// Whether it is limited to these attributes of a profile (`true`) or to all others (`false`).
    pub condition: Option<(bool, Vec<String>)>,
}

impl Truth<'_> {
    /// Every owner of every group; sorted.
    pub fn owners(&self) -> Vec<Owner> {
        sorted(
            self.company.owners.iter().map(|owner| Owner {
                group_id: self.group_id(owner.group),
                owner: self.assignee(owner.owner),
            }),
        )
    }

    /// Every group that is pushed to every application; sorted.
    pub fn push_mappings(&self) -> Vec<Push> {
        sorted(self.company.push_mappings.iter().map(|mapping| Push {
            app_id: self.app_id(mapping.app),
            mapping_id: mapping.id.to_string(),
            source_group_id: self.group_id(mapping.source),
            target_group_id: self.group_id(mapping.target),
            status: mapping.status.to_owned(),
        }))
    }

    /// The rows of the application with this id; sorted by user id. Empty for an unknown id.
    pub fn app_rows(&self, app_id: &str) -> Vec<AppRow> {
        let apps = (0..).zip(&self.company.apps).filter(|(_, app)| app.id.as_str() == app_id);
        sorted(apps.flat_map(|(index, app)| {
            app.users.iter().map(move |row| AppRow {
                user_id: self.user_id(row.user),
                scope: if row.via.is_none() { "USER" } else { "GROUP" }.to_owned(),
                group_id: row.via.map(|group| self.group_id(group)),
                status: app.row_status(row).to_owned(),
                sync_state: app.row_sync_state(row).to_owned(),
                external_id: app.row_external_id(row),
                user_name: self.company.row_user_name(index, row).to_owned(),
                created_ms: self.company.row_created(index, row),
            })
        }))
    }

    /// Every entry of every resource set; sorted.
    pub fn set_resources(&self) -> Vec<SetEntry> {
        sorted(self.company.resource_sets.iter().flat_map(|set| {
            set.resources.iter().map(|&resource| {
                let (kind, resource_id) = match resource {
                    SetResource::Group(group) => ("group", self.group_id(group)),
                    SetResource::MembersOf(group) => ("members_of", self.group_id(group)),
                    SetResource::App(app) => ("app", self.app_id(app)),
                };
                SetEntry { set_id: set.id.to_string(), kind: kind.to_owned(), resource_id }
            })
        }))
    }

    /// Everyone who holds a custom role on a resource set; sorted.
    pub fn bindings(&self) -> Vec<Binding> {
        let company = self.company;
        let mut bindings = Vec::new();
        let mut add = |role: Role, scope: &RoleScope, assignee: Assignee| {
            if let (Role::Custom(role), RoleScope::ResourceSet(set)) = (role, scope) {
                bindings.push(Binding {
                    set_id: company.resource_sets[*set as usize].id.to_string(),
                    role_id: company.custom_roles[role as usize].id.to_string(),
                    assignee,
                });
            }
        };
        for held in &company.role_assignments {
            add(held.role, &held.scope, self.assignee(held.holder));
        }
        for held in &company.client_roles {
            add(held.role, &held.scope, Assignee::Client(self.app_id(held.app)));
        }
        bindings.sort();
        bindings
    }

    /// What every custom role allows; sorted.
    pub fn permissions(&self) -> Vec<PermissionGiven> {
        sorted(self.company.custom_roles.iter().flat_map(|role| {
            role.permissions.iter().map(|permission| PermissionGiven {
                role_id: role.id.to_string(),
                label: permission.label.to_owned(),
                condition: permission.condition.map(|condition| {
                    (condition.include, condition.attributes.iter().map(|&name| name.to_owned()).collect())
                }),
            })
        }))
    }

    fn assignee(self, holder: Holder) -> Assignee {
        match holder {
            Holder::User(user) => Assignee::User(self.user_id(user)),
            Holder::Group(group) => Assignee::Group(self.group_id(group)),
        }
    }
}
