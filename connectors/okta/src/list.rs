//! The listings: where each is read, how its pages look, and what is made of them.

use serde::{Deserialize, Serialize};

use crate::absorb::Reading;
use crate::credential::{self, ScopeGrant, UserFactor};
use crate::posture::{self, IdpUser};
use crate::{absorb, admin, app, known, map};
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
    /// What a custom admin role allows.
    RolePermissions,
    /// Resource sets.
    ScopeSets,
    /// What is in a resource set.
    SetResources,
    /// The roles that are held on a resource set.
    SetBindings,
    /// Who holds a role on a resource set.
    BindingMembers,
    /// The owners of a group.
    GroupOwners,
    /// The groups that are copied into an application.
    AppPushes,
    /// The parts of Okta's interface that an application may use.
    AppGrants,
    /// Tokens for Okta's interface.
    ApiTokens,
    /// Integrations that may use Okta's interface.
    ApiIntegrations,
    /// The second factors of a user.
    Factors,
    /// Users, a page in each sync, for their second factors.
    FactorLane,
    /// What people can prove to be themselves with.
    Authenticators,
    /// Policies of one type.
    Policies,
    /// The rules of a policy.
    PolicyRules,
    /// Network zones.
    NetworkZones,
    /// Origins that may call Okta from a browser.
    TrustedOrigins,
    /// Identity providers.
    IdentityProviders,
    /// The users that an identity provider knows.
    IdpUsers,
    /// Devices with their users.
    Devices,
    /// Devices that were changed since a time.
    ChangedDevices,
    /// The users of a device that came without them.
    DeviceUsers,
    /// Realms.
    Realms,
    /// Authorization servers.
    AuthorizationServers,
    /// Where events are sent.
    EventHooks,
    /// What is asked while something is decided.
    InlineHooks,
    /// Where the log is sent.
    LogStreams,
    /// What is done about suspicious addresses.
    ThreatInsight,
    /// Types of users.
    UserTypes,
    /// Behaviours that are looked for at sign-in.
    Behaviors,
    /// What is asked of devices.
    DeviceAssurances,
    /// Agents of directories.
    AgentPools,
    /// Whether Okta's own support may sign in.
    OrgSupport,
    /// Whether admins may come from outside.
    ThirdPartyAdmins,
    /// Relations between users that the org has defined.
    LinkedObjectDefinitions,
    /// Users, for whom they name in every relation.
    LinkedUsers,
    /// Whom a user names in a relation.
    LinkedObjects,
}

/// Configuration: read after everything that says who reaches what.
pub(crate) const LATER: u8 = 40;
/// What is read for one object after the other.
const LAST: u8 = 20;

const SPEC: Spec =
    Spec { template: "", dataset: "", page: None, query: &[], body: Body::Array, rank: 50, read: |_| Ok(()) };

/// A listing of settings: each object is kept whole.
const fn settings(template: &'static str, dataset: &'static str) -> Spec {
    Spec { template, dataset, rank: LATER, read: absorb::settings, ..SPEC }
}

/// A listing of resource sets or of what is under one, in this field.
const fn iam(template: &'static str, dataset: &'static str, field: &'static str) -> Spec {
    Spec { template, dataset, page: Some(100), body: Body::Field(field), ..SPEC }
}

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
        Self::RolePermissions,
        Self::ScopeSets,
        Self::SetResources,
        Self::SetBindings,
        Self::BindingMembers,
        Self::GroupOwners,
        Self::AppPushes,
        Self::AppGrants,
        Self::ApiTokens,
        Self::ApiIntegrations,
        Self::Factors,
        Self::FactorLane,
        Self::Authenticators,
        Self::Policies,
        Self::PolicyRules,
        Self::NetworkZones,
        Self::TrustedOrigins,
        Self::IdentityProviders,
        Self::IdpUsers,
        Self::Devices,
        Self::ChangedDevices,
        Self::DeviceUsers,
        Self::Realms,
        Self::AuthorizationServers,
        Self::EventHooks,
        Self::InlineHooks,
        Self::LogStreams,
        Self::ThreatInsight,
        Self::UserTypes,
        Self::Behaviors,
        Self::DeviceAssurances,
        Self::AgentPools,
        Self::OrgSupport,
        Self::ThirdPartyAdmins,
        Self::LinkedObjectDefinitions,
        Self::LinkedUsers,
        Self::LinkedObjects,
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
                read: |page| page.each::<map::OktaRule, _>(known::RULE, |rule, _| rule.into_record()),
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
                read: |page| page.each::<app::AppUser, _>(known::APP_USER, app::AppUser::into_record),
                ..SPEC
            },
            Self::AppGroups => Spec {
                template: "/api/v1/apps/{id}/groups",
                dataset: "app_groups",
                page: Some(200),
                read: |page| page.each::<app::AppGroup, _>(known::APP_GROUP, app::AppGroup::into_record),
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
            _ => self.further_spec(),
        }
    }

    /// What is read besides who reaches what.
    #[expect(clippy::too_many_lines, reason = "a table")]
    const fn further_spec(self) -> Spec {
        match self {
            Self::RolePermissions => Spec {
                page: None,
                read: |page| {
                    page.each::<admin::RolePermission, _>(
                        known::PERMISSION,
                        admin::RolePermission::into_record,
                    )
                },
                ..iam("/api/v1/iam/roles/{id}/permissions", "role_permissions", "permissions")
            },
            Self::ScopeSets => Spec {
                read: absorb::scope_sets,
                ..iam("/api/v1/iam/resource-sets", "scope_sets", "resource-sets")
            },
            Self::SetResources => Spec {
                read: |page| {
                    page.each::<admin::SetResource, _>(known::SET_RESOURCE, admin::SetResource::into_record)
                },
                ..iam("/api/v1/iam/resource-sets/{id}/resources", "set_resources", "resources")
            },
            // Of one scope with the members: a role that was not listed must not make its holders vanish.
            Self::SetBindings => Spec {
                read: absorb::set_bindings,
                ..iam("/api/v1/iam/resource-sets/{id}/bindings", "binding_members", "roles")
            },
            Self::BindingMembers => Spec {
                read: absorb::binding_members,
                ..iam("/api/v1/iam/resource-sets/{id}/bindings/{part}/members", "binding_members", "members")
            },
            Self::GroupOwners => Spec {
                template: "/api/v1/groups/{id}/owners",
                dataset: "group_owners",
                page: Some(1000),
                rank: LAST,
                read: |page| page.each::<admin::GroupOwner, _>(known::OWNER, admin::GroupOwner::into_record),
                ..SPEC
            },
            Self::AppPushes => Spec {
                template: "/api/v1/apps/{id}/group-push/mappings",
                dataset: "app_pushes",
                page: Some(1000),
                rank: LATER,
                read: |page| page.each::<app::GroupPush, _>(known::PUSH, app::GroupPush::into_record),
                ..SPEC
            },
            Self::AppGrants => Spec {
                template: "/api/v1/apps/{id}/grants",
                dataset: "app_grants",
                rank: LATER,
                read: |page| page.each::<ScopeGrant, _>(known::GRANT, ScopeGrant::into_record),
                ..SPEC
            },
            Self::ApiTokens => Spec {
                read: |page| page.each(known::KEPT, |token, _| credential::api_token(token)),
                ..settings("/api/v1/api-tokens", "api_tokens")
            },
            Self::ApiIntegrations => Spec {
                read: |page| {
                    page.each(known::KEPT, |integration, _| credential::api_integration(integration))
                },
                ..settings("/integrations/api/v1/api-services", "api_integrations")
            },
            Self::Factors => Spec {
                template: "/api/v1/users/{id}/factors",
                dataset: "factors",
                rank: LAST,
                read: |page| page.each::<UserFactor, _>(known::FACTOR, UserFactor::into_record),
                ..SPEC
            },
            // With the page itself 200 calls in a sync.
            Self::FactorLane => Spec {
                dataset: "factor_lane",
                page: Some(199),
                rank: LAST,
                read: absorb::factor_lane,
                ..Self::Users.spec()
            },
            Self::Authenticators => settings("/api/v1/authenticators", "authenticators"),
            Self::Policies => Spec { read: absorb::policies, ..settings("/api/v1/policies", "policies") },
            Self::PolicyRules => Spec {
                read: |page| page.each(known::KEPT, posture::policy_rule),
                ..settings("/api/v1/policies/{id}/rules", "policy_rules")
            },
            Self::NetworkZones => settings("/api/v1/zones", "network_zones"),
            Self::TrustedOrigins => {
                Spec { page: Some(200), ..settings("/api/v1/trustedOrigins", "trusted_origins") }
            }
            Self::IdentityProviders => Spec {
                page: Some(200),
                read: absorb::identity_providers,
                ..settings("/api/v1/idps", "identity_providers")
            },
            Self::IdpUsers => Spec {
                template: "/api/v1/idps/{id}/users",
                dataset: "idp_users",
                page: Some(200),
                rank: LAST,
                read: |page| page.each::<IdpUser, _>(known::IDP_USER, IdpUser::into_record),
                ..SPEC
            },
            Self::Devices => Spec {
                page: Some(200),
                query: &[("expand", "user")],
                read: absorb::devices,
                ..settings("/api/v1/devices", "devices")
            },
            Self::ChangedDevices => Self::Devices.spec(),
            Self::DeviceUsers => {
                Spec { read: absorb::device_users, ..settings("/api/v1/devices/{id}/users", "devices") }
            }
            Self::Realms => Spec { page: Some(200), ..settings("/api/v1/realms", "realms") },
            Self::AuthorizationServers => {
                Spec { page: Some(200), ..settings("/api/v1/authorizationServers", "authorization_servers") }
            }
            Self::EventHooks => settings("/api/v1/eventHooks", "event_hooks"),
            Self::InlineHooks => settings("/api/v1/inlineHooks", "inline_hooks"),
            Self::LogStreams => Spec { page: Some(200), ..settings("/api/v1/logStreams", "log_streams") },
            Self::ThreatInsight => {
                Spec { body: Body::Single, ..settings("/api/v1/threats/configuration", "threat_insight") }
            }
            Self::UserTypes => settings("/api/v1/meta/types/user", "user_types"),
            Self::Behaviors => settings("/api/v1/behaviors", "behaviors"),
            Self::DeviceAssurances => settings("/api/v1/device-assurances", "device_assurances"),
            Self::AgentPools => settings("/api/v1/agentPools", "agent_pools"),
            Self::OrgSupport => {
                Spec { body: Body::Single, ..settings("/api/v1/org/privacy/oktaSupport", "org_support") }
            }
            Self::ThirdPartyAdmins => Spec {
                body: Body::Single,
                ..settings("/api/v1/org/orgSettings/thirdPartyAdminSetting", "third_party_admins")
            },
            Self::LinkedObjectDefinitions => Spec {
                read: absorb::linked_object_definitions,
                ..settings("/api/v1/meta/schemas/user/linkedObjects", "linked_object_definitions")
            },
            Self::LinkedUsers => Spec {
                dataset: "linked_objects",
                rank: LAST,
                read: absorb::linked_users,
                ..Self::Users.spec()
            },
            Self::LinkedObjects => Spec {
                template: "/api/v1/users/{id}/linkedObjects/{part}",
                dataset: "linked_objects",
                rank: LAST,
                read: absorb::linked_objects,
                ..SPEC
            },
            // Those of the first table.
            _ => SPEC,
        }
    }

    /// What its settings are called: the name of its dataset in the singular.
    pub(crate) const fn setting_kind(self) -> &'static str {
        match self {
            Self::Authenticators => "authenticator",
            Self::NetworkZones => "network_zone",
            Self::TrustedOrigins => "trusted_origin",
            Self::Realms => "realm",
            Self::AuthorizationServers => "authorization_server",
            Self::EventHooks => "event_hook",
            Self::InlineHooks => "inline_hook",
            Self::LogStreams => "log_stream",
            Self::UserTypes => "user_type",
            Self::Behaviors => "behavior",
            Self::DeviceAssurances => "device_assurance",
            Self::AgentPools => "agent_pool",
            _ => self.spec().dataset,
        }
    }

    /// Whether it shows only what was changed since a time.
    pub(crate) const fn is_of_changes(self) -> bool {
        matches!(self, Self::ChangedUsers | Self::ChangedGroups | Self::ChangedDevices)
    }
}
