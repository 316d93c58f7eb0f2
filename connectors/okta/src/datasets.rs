//! What is read: datasets, the permission that each needs, and what is lost without it.

use sightline_core::source::DatasetInfo;
use sightline_core::{EntityKind, Info};

pub(crate) const INFO: Info = Info {
    id: "okta",
    title: "Okta",
    summary: "Users, groups, applications, administration, credentials, policies, devices and activity of an Okta org.",
    // An API token expires 30 days after its last call; the key of a service app does not.
    unused_days: Some(30),
    datasets: DATASETS,
};

/// What the credential needs for this path: the API scope, and the admin role that gives it.
pub(crate) fn permission(template: &str) -> Option<&'static str> {
    let paths = DATASETS.iter().flat_map(|dataset| dataset.reads.iter().map(move |path| (*path, dataset)));
    // What is under a path and read for nothing else needs what the path needs; of equals the first.
    let on_the_way = paths.filter(|(path, _)| template.starts_with(path));
    let nearest = on_the_way.reduce(|near, other| if other.0.len() > near.0.len() { other } else { near });
    nearest.map(|(_, dataset)| dataset.permission)
}

/// Standard roles other than the highest may not see who has which role.
const ROLES: &str = "okta.roles.read: Super Administrator, or a custom role with \"View roles, resources, and admin assignments\"";

/// A listing of the whole org that is read unless somebody says otherwise.
const LISTING: DatasetInfo = DatasetInfo {
    id: "",
    title: "",
    parent: None,
    listed_by: None,
    lists: None,
    required: false,
    on: true,
    follows: false,
    reads: &[],
    permission: "",
    lost: "",
};

const DATASETS: &[DatasetInfo] = &[
    DatasetInfo {
        id: "users",
        title: "users",
        lists: Some(EntityKind::Account),
        required: true,
        reads: &["/api/v1/users"],
        permission: "okta.users.read: Read-only Administrator",
        lost: "nothing can be said about anybody",
        ..LISTING
    },
    DatasetInfo {
        id: "groups",
        title: "groups",
        lists: Some(EntityKind::Group),
        required: true,
        reads: &["/api/v1/groups"],
        permission: "okta.groups.read: Read-only Administrator",
        lost: "access through groups is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "group_members",
        title: "group members",
        parent: Some(EntityKind::Group),
        reads: &["/api/v1/groups/{id}/users"],
        permission: "okta.groups.read: Read-only Administrator; for a group that carries an admin role also okta.roles.read",
        lost: "who has access through these groups is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "group_rules",
        title: "group rules",
        reads: &["/api/v1/groups/rules"],
        permission: "okta.groups.read: Read-only Administrator",
        lost: "memberships cannot be explained by the rule that made them",
        ..LISTING
    },
    DatasetInfo {
        id: "group_owners",
        title: "group owners",
        parent: Some(EntityKind::Group),
        on: false,
        reads: &["/api/v1/groups/{id}/owners"],
        permission: "okta.groups.read: Read-only Administrator, in an org with Identity Governance",
        lost: "who decides about the members of these groups is not known",
        ..LISTING
    },
    DatasetInfo {
        id: "apps",
        title: "applications",
        lists: Some(EntityKind::Resource),
        required: true,
        reads: &["/api/v1/apps"],
        permission: "okta.apps.read: Read-only Administrator",
        lost: "nothing can be said about what is reached",
        ..LISTING
    },
    DatasetInfo {
        id: "app_users",
        title: "application users",
        parent: Some(EntityKind::Resource),
        reads: &["/api/v1/apps/{id}/users"],
        permission: "okta.apps.read: Read-only Administrator",
        lost: "direct access to these applications is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "app_groups",
        title: "application groups",
        parent: Some(EntityKind::Resource),
        reads: &["/api/v1/apps/{id}/groups"],
        permission: "okta.apps.read: Read-only Administrator",
        lost: "through which groups these applications are reached is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "app_pushes",
        title: "groups copied into applications",
        parent: Some(EntityKind::Resource),
        reads: &["/api/v1/apps/{id}/group-push/mappings"],
        permission: "okta.apps.read and okta.groups.read: Read-only Administrator",
        lost: "which groups decide about rights inside these applications is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "app_grants",
        title: "interface rights of service applications",
        parent: Some(EntityKind::Resource),
        reads: &["/api/v1/apps/{id}/grants"],
        permission: "okta.appGrants.read: Super Administrator",
        lost: "what these service applications may do to the org itself is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "roles",
        title: "admin roles",
        lists: Some(EntityKind::Role),
        reads: &["/api/v1/iam/roles"],
        permission: ROLES,
        lost: "custom admin roles are not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "role_permissions",
        title: "what admin roles allow",
        parent: Some(EntityKind::Role),
        reads: &["/api/v1/iam/roles/{id}/permissions"],
        permission: ROLES,
        lost: "what these custom admin roles allow is not known",
        ..LISTING
    },
    DatasetInfo {
        id: "role_assignees",
        title: "admins",
        reads: &["/api/v1/iam/assignees/users"],
        permission: ROLES,
        lost: "admin access of people is not tracked",
        ..LISTING
    },
    DatasetInfo {
        id: "user_roles",
        title: "admin roles of users",
        parent: Some(EntityKind::Account),
        listed_by: Some("role_assignees"),
        reads: &["/api/v1/users/{id}/roles"],
        permission: ROLES,
        lost: "the admin roles of these people are not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "group_roles",
        title: "admin roles of groups",
        parent: Some(EntityKind::Group),
        reads: &["/api/v1/groups/{id}/roles"],
        permission: ROLES,
        lost: "admin access through these groups is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "client_roles",
        title: "admin roles of service applications",
        parent: Some(EntityKind::Resource),
        reads: &["/oauth2/v1/clients/{id}/roles"],
        permission: ROLES,
        lost: "the admin roles of these service applications are not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "scope_sets",
        title: "resource sets",
        lists: Some(EntityKind::ScopeSet),
        reads: &["/api/v1/iam/resource-sets"],
        permission: ROLES,
        lost: "what custom admin roles are limited to is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "set_resources",
        title: "contents of resource sets",
        parent: Some(EntityKind::ScopeSet),
        reads: &["/api/v1/iam/resource-sets/{id}/resources"],
        permission: ROLES,
        lost: "how far roles on these resource sets reach is not known",
        ..LISTING
    },
    DatasetInfo {
        id: "binding_members",
        title: "holders of roles on resource sets",
        parent: Some(EntityKind::ScopeSet),
        reads: &[
            "/api/v1/iam/resource-sets/{id}/bindings",
            "/api/v1/iam/resource-sets/{id}/bindings/{part}/members",
        ],
        permission: ROLES,
        lost: "admin roles that are held only on these resource sets are not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "api_tokens",
        title: "API tokens",
        reads: &["/api/v1/api-tokens"],
        permission: "okta.apiTokens.read: Read-only Administrator",
        lost: "who can act without signing in, and since when, is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "api_integrations",
        title: "API integrations",
        reads: &["/integrations/api/v1/api-services"],
        permission: "okta.oauthIntegrations.read: Super Administrator",
        lost: "which outside services may use the org's interface is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "factors",
        title: "second factors",
        parent: Some(EntityKind::Account),
        on: false,
        reads: &["/api/v1/users/{id}/factors"],
        permission: "okta.users.read: Read-only Administrator",
        lost: "who can sign in with a password alone is not known",
        ..LISTING
    },
    DatasetInfo {
        id: "factor_lane",
        title: "second factors of everyone",
        on: false,
        reads: &["/api/v1/users"],
        permission: "okta.users.read: Read-only Administrator",
        lost: "second factors are known of admins only",
        ..LISTING
    },
    DatasetInfo {
        id: "authenticators",
        title: "authenticators",
        reads: &["/api/v1/authenticators"],
        permission: "okta.authenticators.read: Read-only Administrator, in an org of the Identity Engine",
        lost: "with what people can sign in at all is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "policies",
        title: "policies",
        lists: Some(EntityKind::Policy),
        reads: &["/api/v1/policies"],
        permission: "okta.policies.read: Read-only Administrator",
        lost: "what is asked of people before they get in is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "policy_rules",
        title: "policy rules",
        parent: Some(EntityKind::Policy),
        reads: &["/api/v1/policies/{id}/rules"],
        permission: "okta.policies.read: Read-only Administrator",
        lost: "what these policies ask of whom is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "network_zones",
        title: "network zones",
        reads: &["/api/v1/zones"],
        permission: "okta.networkZones.read: Read-only Administrator",
        lost: "which networks policies speak of is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "trusted_origins",
        title: "trusted origins",
        reads: &["/api/v1/trustedOrigins"],
        permission: "okta.trustedOrigins.read: Read-only Administrator",
        lost: "which web sites may act for people who are signed in is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "identity_providers",
        title: "identity providers",
        lists: Some(EntityKind::Trust),
        reads: &["/api/v1/idps"],
        permission: "okta.idps.read: Read-only Administrator",
        lost: "whose word about people is taken is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "idp_users",
        title: "users of identity providers",
        parent: Some(EntityKind::Trust),
        on: false,
        reads: &["/api/v1/idps/{id}/users"],
        permission: "okta.idps.read and okta.users.read: Read-only Administrator",
        lost: "who can sign in through these identity providers is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "devices",
        title: "devices and their users",
        reads: &["/api/v1/devices", "/api/v1/devices/{id}/users"],
        permission: "okta.devices.read: Read-only Administrator, in an org of the Identity Engine",
        lost: "from which devices people sign in is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "realms",
        title: "realms",
        reads: &["/api/v1/realms"],
        permission: "okta.realms.read: Read-only Administrator, in an org with Identity Governance",
        lost: "the parts that the org is divided into have no names",
        ..LISTING
    },
    DatasetInfo {
        id: "authorization_servers",
        title: "authorization servers",
        reads: &["/api/v1/authorizationServers"],
        permission: "okta.authorizationServers.read: Read-only Administrator, in an org with API Access Management",
        lost: "which servers give access to the org's own interfaces is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "event_hooks",
        title: "event hooks",
        reads: &["/api/v1/eventHooks"],
        permission: "okta.eventHooks.read: Read-only Administrator",
        lost: "where events are sent is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "inline_hooks",
        title: "inline hooks",
        reads: &["/api/v1/inlineHooks"],
        permission: "okta.inlineHooks.read: Read-only Administrator",
        lost: "who outside is asked while people sign in or are imported is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "log_streams",
        title: "log streams",
        reads: &["/api/v1/logStreams"],
        permission: "okta.logStreams.read: Super Administrator",
        lost: "where the log is sent is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "threat_insight",
        title: "ThreatInsight",
        reads: &["/api/v1/threats/configuration"],
        permission: "okta.threatInsights.read: Read-only Administrator",
        lost: "whether suspicious addresses are stopped is not known",
        ..LISTING
    },
    DatasetInfo {
        id: "user_types",
        title: "user types",
        reads: &["/api/v1/meta/types/user"],
        permission: "okta.userTypes.read: Read-only Administrator",
        lost: "the types of accounts have no names",
        ..LISTING
    },
    DatasetInfo {
        id: "behaviors",
        title: "behaviours",
        reads: &["/api/v1/behaviors"],
        permission: "okta.behaviors.read: Read-only Administrator",
        lost: "what counts as unusual at sign-in is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "device_assurances",
        title: "device assurance policies",
        reads: &["/api/v1/device-assurances"],
        permission: "okta.deviceAssurance.read: Read-only Administrator, in an org of the Identity Engine",
        lost: "what is asked of devices is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "agent_pools",
        title: "directory agents",
        reads: &["/api/v1/agentPools"],
        permission: "okta.agentPools.read: Read-only Administrator",
        lost: "whether the agents of directories are in order is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "org_support",
        title: "access of Okta Support",
        reads: &["/api/v1/org/privacy/oktaSupport"],
        permission: "okta.orgs.read: Super Administrator",
        lost: "whether Okta's support may sign in to the org is not known",
        ..LISTING
    },
    DatasetInfo {
        id: "third_party_admins",
        title: "admins from outside",
        reads: &["/api/v1/org/orgSettings/thirdPartyAdminSetting"],
        permission: "okta.orgs.read: Super Administrator",
        lost: "whether admins may come from outside is not known",
        ..LISTING
    },
    DatasetInfo {
        id: "linked_object_definitions",
        title: "relations between users",
        reads: &["/api/v1/meta/schemas/user/linkedObjects"],
        permission: "okta.linkedObjects.read: Organization, Application or API Access Management Administrator",
        lost: "which relations between people the org has defined is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "linked_objects",
        title: "linked users",
        parent: Some(EntityKind::Account),
        on: false,
        reads: &["/api/v1/users/{id}/linkedObjects/{part}"],
        permission: "okta.users.read and okta.linkedObjects.read: Read-only Administrator, and to see the relations Organization Administrator",
        lost: "whom people name as their manager in such a relation is not seen",
        ..LISTING
    },
    DatasetInfo {
        id: "activity",
        title: "sign-on activity",
        reads: &["/api/v1/logs"],
        permission: "okta.logs.read: Read-only Administrator",
        lost: "last use is not known, so unused access cannot be found",
        ..LISTING
    },
    DatasetInfo {
        id: "changes",
        title: "changes",
        follows: true,
        reads: &["/api/v1/logs"],
        permission: "okta.logs.read: Read-only Administrator",
        lost: "who changed what is not known, and every sync has to read everything",
        ..LISTING
    },
    DatasetInfo {
        id: "reach",
        title: "own rights",
        reads: &["/api/v1/users/me", "/api/v1/users/{id}/roles"],
        permission: "okta.users.read: Read-only Administrator",
        lost: "whether the credential sees more or less than before is not noticed",
        ..LISTING
    },
];

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;
    use crate::list::List;

    #[test]
    fn every_listing_is_read_for_a_dataset_that_names_its_path() {
        for list in List::ALL {
            let spec = list.spec();
            let dataset = INFO.dataset(spec.dataset).unwrap_or_else(|| panic!("{list:?}: {}", spec.dataset));
            let lanes = matches!(list, List::LinkedUsers);
            assert!(lanes || dataset.reads.contains(&spec.template), "{list:?}: {}", spec.template);
        }
    }

    #[test]
    fn a_path_needs_what_the_nearest_path_that_is_read_needs() {
        let check = |template: &str, expect: &str| {
            assert!(permission(template).is_some_and(|said| said.starts_with(expect)), "{template}");
        };
        check("/api/v1/users", "okta.users.read: Read-only");
        check("/api/v1/users/me", "okta.users.read");
        check("/api/v1/users/{id}/roles/{part}/targets/groups", "okta.roles.read: Super");
        check("/api/v1/groups/{id}/users", "okta.groups.read: Read-only Administrator; for a group");
        check("/api/v1/iam/resource-sets/{id}/bindings/{part}/members", "okta.roles.read");
        check("/api/v1/apps/{id}/grants", "okta.appGrants.read: Super");
        check("/api/v1/apps/{id}", "okta.apps.read");
        assert_eq!(permission("/.well-known/okta-organization"), None);
    }

    #[test]
    fn every_dataset_says_what_it_needs_and_what_is_lost() {
        for dataset in INFO.datasets {
            let (scope, role) = dataset.permission.split_once(": ").expect("a scope and a role");
            assert!(scope.starts_with("okta.") && role.contains("Administrator"), "{}", dataset.id);
            assert!(!dataset.lost.is_empty() && !dataset.title.is_empty(), "{}", dataset.id);
            assert_eq!(
                INFO.datasets.iter().filter(|other| other.id == dataset.id).count(),
                1,
                "{}",
                dataset.id
            );
        }
    }

    const START: &str = "<!-- datasets: written by a test, see below -->\n";
    const END: &str = "<!-- /datasets -->\n";

    fn table() -> String {
        let mut table =
            "| dataset | what it is | read from | on by default | permission | lost without it |\n|---|---|---|---|---|---|\n"
                .to_owned();
        for dataset in INFO.datasets {
            let paths: Vec<String> = dataset.reads.iter().map(|path| format!("`{path}`")).collect();
            let on = if dataset.on { "yes" } else { "no" };
            let DatasetInfo { id, title, permission, lost, .. } = dataset;
            writeln!(table, "| `{id}` | {title} | {} | {on} | {permission} | {lost} |", paths.join(", "))
                .unwrap();
        }
        table
    }

    #[test]
    fn the_readme_lists_the_datasets() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (intro, rest) = text.split_once(START).expect("the start of the table");
        let (written, after) = rest.split_once(END).expect("the end of the table");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{intro}{START}{}{END}{after}", table())).unwrap();
        } else {
            assert_eq!(written, table(), "run the tests of this package once with UPDATE_DOCS=1");
        }
    }
}
