//! The listings: where each is read, how its pages look, and what is made of them.

use serde::{Deserialize, Serialize};

use crate::absorb::Reading;
use crate::{absorb, map};
use sightline_core::{Principal, Result};

/// How the objects of a listing come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// As a list; further pages are named by the `Link` header.
    Array,
    /// As a list in this field of an object, whose `_links` name further pages.
    Field(&'static str),
    /// As one object that is no list.
    Single,
}

/// Where a listing is read and what is made of it.
pub(crate) struct Spec {
    /// The path, with `{id}` for what it is read under and `{part}` for a part of that.
    pub(crate) template: &'static str,
    pub(crate) dataset: &'static str,
    /// The documented maximum of objects on a page; none where Okta takes no limit.
    pub(crate) page: Option<u32>,
    /// Further parameters.
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) body: Body,
    /// Larger ones run first: long chains before fan-outs.
    pub(crate) rank: u8,
    /// Understands a page.
    pub(crate) read: fn(&mut Reading<'_>) -> Result<()>,
}

/// A listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// Users that are not deactivated.
    Users,
    /// Deactivated users, which the plain listing leaves out.
    DeactivatedUsers,
    /// Users in all statuses that were changed since a time.
    ChangedUsers,
    /// Groups with their counts.
    Groups,
    /// Groups that were changed, or their members, since a time.
    ChangedGroups,
    /// The members of a group.
    GroupMembers,
    /// Group rules.
    GroupRules,
    /// Applications.
    Apps,
    /// The users of an application.
    AppUsers,
    /// The groups of an application.
    AppGroups,
    /// Custom admin roles.
    Roles,
    /// Users that hold any admin role.
    RoleAssignees,
    /// The admin roles of a user.
    UserRoles,
    /// The admin roles of a group.
    GroupRoles,
    /// The admin roles of a service application.
    ClientRoles,
}

const SPEC: Spec =
    Spec { template: "", dataset: "", page: None, query: &[], body: Body::Array, rank: 50, read: |_| Ok(()) };

/// Okta embeds the targets of standard roles when it is asked to.
const WITH_TARGETS: &[(&str, &str)] = &[("expand", "targets/groups"), ("expand", "targets/catalog/apps")];

impl List {
    /// Every listing.
    #[cfg(test)]
    pub(crate) const ALL: &[Self] = &[
        Self::Users,
        Self::DeactivatedUsers,
        Self::ChangedUsers,
        Self::Groups,
        Self::ChangedGroups,
        Self::GroupMembers,
        Self::GroupRules,
        Self::Apps,
        Self::AppUsers,
        Self::AppGroups,
        Self::Roles,
        Self::RoleAssignees,
        Self::UserRoles,
        Self::GroupRoles,
        Self::ClientRoles,
    ];

    /// Where it is read and what is made of it.
    pub(crate) const fn spec(self) -> Spec {
        match self {
            // One cursor each over everything: the longest chains, so they start first.
            Self::Users => Spec {
                template: "/api/v1/users",
                dataset: "users",
                page: Some(200),
                rank: 80,
                read: absorb::users,
                ..SPEC
            },
            Self::DeactivatedUsers => {
                Spec { query: &[("filter", "status eq \"DEPROVISIONED\"")], ..Self::Users.spec() }
            }
            Self::ChangedUsers => Spec { ..Self::Users.spec() },
            Self::Groups => Spec {
                template: "/api/v1/groups",
                dataset: "groups",
                page: Some(200),
                query: &[("expand", "stats")],
                rank: 70,
                read: absorb::groups,
                ..SPEC
            },
            Self::ChangedGroups => Self::Groups.spec(),
            Self::GroupMembers => Spec {
                template: "/api/v1/groups/{id}/users",
                dataset: "group_members",
                page: Some(1000),
                read: absorb::members,
                ..SPEC
            },
            Self::GroupRules => Spec {
                template: "/api/v1/groups/rules",
                dataset: "group_rules",
                page: Some(200),
                read: |page| page.each::<map::OktaRule>(map::known::RULE, |rule, _| rule.into_record()),
                ..SPEC
            },
            Self::Apps => Spec {
                template: "/api/v1/apps",
                dataset: "apps",
                page: Some(200),
                rank: 70,
                read: absorb::apps,
                ..SPEC
            },
            Self::AppUsers => Spec {
                template: "/api/v1/apps/{id}/users",
                dataset: "app_users",
                page: Some(500),
                rank: 60,
                read: |page| page.each::<map::AppUser>(map::known::APP_USER, map::AppUser::into_record),
                ..SPEC
            },
            Self::AppGroups => Spec {
                template: "/api/v1/apps/{id}/groups",
                dataset: "app_groups",
                page: Some(200),
                read: |page| page.each::<map::AppGroup>(map::known::APP_GROUP, map::AppGroup::into_record),
                ..SPEC
            },
            Self::Roles => Spec {
                template: "/api/v1/iam/roles",
                dataset: "roles",
                page: Some(100),
                body: Body::Field("roles"),
                read: absorb::roles,
                ..SPEC
            },
            Self::RoleAssignees => Spec {
                template: "/api/v1/iam/assignees/users",
                dataset: "role_assignees",
                page: Some(100),
                body: Body::Field("value"),
                rank: 70,
                read: absorb::role_assignees,
                ..SPEC
            },
            Self::UserRoles => Spec {
                template: "/api/v1/users/{id}/roles",
                dataset: "user_roles",
                query: WITH_TARGETS,
                read: |page| absorb::roles_of(page, Principal::Account),
                ..SPEC
            },
            Self::GroupRoles => Spec {
                template: "/api/v1/groups/{id}/roles",
                dataset: "group_roles",
                query: WITH_TARGETS,
                read: |page| absorb::roles_of(page, Principal::Group),
                ..SPEC
            },
            Self::ClientRoles => Spec {
                template: "/oauth2/v1/clients/{id}/roles",
                dataset: "client_roles",
                query: WITH_TARGETS,
                read: |page| absorb::roles_of(page, Principal::Resource),
                ..SPEC
            },
        }
    }

    /// Whether it shows only what was changed since a time.
    pub(crate) const fn is_of_changes(self) -> bool {
        matches!(self, Self::ChangedUsers | Self::ChangedGroups)
    }
}
