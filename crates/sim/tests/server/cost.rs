//! One read of everything: it costs the fewest requests, and no secret is in it that nobody expects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_sim::{
    Company, OktaOptions,
    company::{CredentialKind, POLICY_TYPES, SettingKind},
};

use crate::{
    client::Client,
    everything::{SETTINGS, texts},
    serve_twice, text,
};

/// Reads everything that is worth reading once, with the largest pages, and gives the bodies back.
fn read_everything(company: &Company, client: &mut Client) -> Vec<Value> {
    let mut read = Vec::new();
    let apps = client.walk("/api/v1/apps?limit=200");
    let groups = client.walk("/api/v1/groups?limit=200&expand=stats");
    let assigned = groups.iter().filter(|group| group["_embedded"]["stats"]["appsCount"] != 0).count();
    let by_group = assigned < apps.len();
    read.extend(client.walk("/api/v1/users?limit=200"));
    read.extend(client.walk("/api/v1/users?limit=200&filter=status+eq+%22DEPROVISIONED%22"));
    for group in &groups {
        let (id, stats) = (text(group, "id"), &group["_embedded"]["stats"]);
        read.extend(client.walk(&format!("/api/v1/groups/{id}/owners")));
        if stats["hasAdminPrivilege"] == true {
            read.extend(client.walk(&format!("/api/v1/groups/{id}/roles")));
        }
        if by_group && stats["appsCount"].as_u64().unwrap() > 0 {
            read.extend(client.walk(&format!("/api/v1/groups/{id}/apps?limit=200")));
        }
        if stats["usersCount"].as_u64().unwrap() > 0 && text(group, "type") != "BUILT_IN" {
            read.extend(client.walk(&format!("/api/v1/groups/{id}/users?limit=1000")));
        }
    }
    for app in &apps {
        let path = |rest: &str| format!("/api/v1/apps/{}/{rest}", text(app, "id"));
        read.extend(client.walk(&path("users?limit=500")));
        if !by_group {
            read.extend(client.walk(&path("groups?limit=200")));
        }
        if texts(&app["features"]).contains(&"GROUP_PUSH".to_owned()) {
            read.extend(client.walk(&path("group-push/mappings?limit=1000")));
        }
        if app["credentials"]["signing"]["kid"].is_string() {
            read.extend(client.walk(&path("credentials/keys")));
        }
        let oauth = &app["credentials"]["oauthClient"];
        if oauth.is_object() {
            read.extend(client.walk(&path("grants")));
            if oauth["token_endpoint_auth_method"] == "private_key_jwt" {
                read.push(client.get(&path("credentials/jwks")).json());
            }
        }
        if app["settings"]["oauthClient"]["application_type"] == "service" {
            read.extend(client.walk(&format!("/oauth2/v1/clients/{}/roles", text(app, "id"))));
        }
    }
    read.extend(client.walk("/api/v1/groups/rules?limit=200"));
    for holder in client.walk_body("/api/v1/iam/assignees/users", "value") {
        read.extend(client.walk(&format!("/api/v1/users/{}/roles", text(&holder, "id"))));
    }
    for role in client.walk_body("/api/v1/iam/roles", "roles") {
        read.push(client.get(&format!("/api/v1/iam/roles/{}/permissions", text(&role, "id"))).json());
    }
    for set in client.walk_body("/api/v1/iam/resource-sets", "resource-sets") {
        let path = format!("/api/v1/iam/resource-sets/{}", text(&set, "id"));
        read.extend(client.walk_body(&format!("{path}/resources"), "resources"));
        for role in client.walk_body(&format!("{path}/bindings"), "roles") {
            let path = format!("{path}/bindings/{}/members", text(&role, "id"));
            read.extend(client.walk_body(&path, "members"));
        }
    }
    for kind in POLICY_TYPES {
        for policy in client.walk(&format!("/api/v1/policies?type={kind}")) {
            read.extend(client.walk(&format!("/api/v1/policies/{}/rules", text(&policy, "id"))));
        }
    }
    for user in company.users.iter().filter(|user| user.is_live()) {
        read.extend(client.walk(&format!("/api/v1/users/{}/factors", user.id)));
        for relation in ["manager", "mentor"] {
            read.extend(client.walk(&format!("/api/v1/users/{}/linkedObjects/{relation}", user.id)));
        }
    }
    read.extend(client.walk("/api/v1/devices?limit=200&expand=user"));
    read.extend(client.walk("/api/v1/api-tokens"));
    read.extend(client.walk("/integrations/api/v1/api-services"));
    for kind in ["SSWS_TOKEN", "OAUTH_CLIENT"] {
        let filter = format!("filter=principalType+eq+%22{kind}%22");
        read.extend(client.walk(&format!("/api/v1/principal-rate-limits?limit=50&{filter}")));
    }
    for path in [
        "/api/v1/threats/configuration",
        "/api/v1/org/privacy/oktaSupport",
        "/api/v1/org/orgSettings/thirdPartyAdminSetting",
    ] {
        read.push(client.get(path).json());
    }
    read.extend(apps);
    read.extend(groups);
    read
}

#[test]
fn everything_costs_the_fewest_requests_and_tells_no_secret_elsewhere() {
    for (company, running) in serve_twice(1300, &OktaOptions { licensed: true, ..OktaOptions::default() }) {
        let mut client = running.client();
        let mut read = read_everything(&company, &mut client);
        let mut telling = Vec::new();
        for (kind, path, largest) in SETTINGS {
            let limit = largest.map(|largest| format!("?limit={largest}")).unwrap_or_default();
            let objects = client.walk(&format!("{path}{limit}"));
            match kind {
                SettingKind::IdentityProvider | SettingKind::LogStream => telling.extend(objects),
                _ => read.extend(objects),
            }
        }
        let least = company.truth().requests_minimum();
        let expected: BTreeMap<String, u64> = [
            ("/api/v1/users", least.users),
            ("/api/v1/groups", least.groups),
            ("/api/v1/groups/{id}/users", least.group_members),
            ("/api/v1/groups/{id}/owners", least.owners),
            ("/api/v1/groups/{id}/roles", least.group_roles),
            ("/api/v1/groups/rules", least.rules),
            ("/api/v1/apps", least.apps),
            ("/api/v1/apps/{id}/users", least.app_users),
            ("/api/v1/apps/{id}/group-push/mappings", least.push_mappings),
            ("/api/v1/apps/{id}/grants", least.grants),
            ("/api/v1/apps/{id}/credentials/jwks", least.client_keys),
            ("/api/v1/apps/{id}/credentials/keys", least.signing_keys),
            ("/api/v1/iam/roles", least.custom_roles),
            ("/api/v1/iam/roles/{id}/permissions", least.permissions),
            ("/api/v1/iam/resource-sets", least.resource_sets),
            ("/api/v1/iam/resource-sets/{id}/resources", least.set_resources),
            ("/api/v1/iam/resource-sets/{id}/bindings", least.bindings),
            ("/api/v1/iam/resource-sets/{id}/bindings/{role}/members", least.binding_members),
            ("/oauth2/v1/clients/{id}/roles", least.client_roles),
            ("/api/v1/api-tokens", least.api_tokens),
            ("/integrations/api/v1/api-services", least.api_services),
            ("/api/v1/policies", least.policies),
            ("/api/v1/policies/{id}/rules", least.policy_rules),
            ("/api/v1/users/{id}/factors", least.factors),
            ("/api/v1/devices", least.devices),
            ("/api/v1/authenticators", least.authenticators),
            ("/api/v1/zones", least.zones),
            ("/api/v1/trustedOrigins", least.trusted_origins),
            ("/api/v1/idps", least.identity_providers),
            ("/api/v1/eventHooks", least.event_hooks),
            ("/api/v1/inlineHooks", least.inline_hooks),
            ("/api/v1/logStreams", least.log_streams),
            ("/api/v1/behaviors", least.behaviors),
            ("/api/v1/device-assurances", least.device_assurances),
            ("/api/v1/agentPools", least.agent_pools),
            ("/api/v1/features", least.features),
            ("/api/v1/meta/types/user", least.user_types),
            ("/api/v1/meta/schemas/user/linkedObjects", least.linked_object_definitions),
            ("/api/v1/users/{id}/linkedObjects/{relation}", least.linked_objects),
            ("/api/v1/principal-rate-limits", least.principal_rate_limits),
            ("/api/v1/realms", least.realms),
            ("/api/v1/authorizationServers", least.authorization_servers),
        ]
        .into_iter()
        .map(|(path, requests)| (format!("GET {path}"), requests))
        .collect();
        let mut made = running.server().requests();
        let roles = made.remove("GET /api/v1/users/{id}/roles").unwrap()
            + made.remove("GET /api/v1/iam/assignees/users").unwrap();
        assert_eq!(roles, least.roles);
        let app_groups =
            ["GET /api/v1/groups/{id}/apps", "GET /api/v1/apps/{id}/groups"].map(|path| made.remove(path));
        assert_eq!(app_groups.into_iter().flatten().sum::<u64>(), least.app_groups_cheapest);
        let organisation =
            ["threats/configuration", "org/privacy/oktaSupport", "org/orgSettings/thirdPartyAdminSetting"]
                .map(|path| made.remove(&format!("GET /api/v1/{path}")).unwrap());
        assert_eq!(organisation.iter().sum::<u64>(), least.organisation);
        assert_eq!(made, expected);
        assert!(!made.contains_key("GET /api/v1/apps/{id}/credentials/secrets"));

        let secrets = company.truth().secrets();
        assert_eq!(secrets.iter().collect::<BTreeSet<_>>().len(), secrets.len());
        let read = serde_json::to_string(&read).unwrap();
        let telling = serde_json::to_string(&telling).unwrap();
        assert!(
            secrets.iter().all(|secret| !read.contains(secret)),
            "a secret is told where nobody expects it"
        );
        let told = secrets.iter().filter(|secret| telling.contains(*secret)).count();
        let shared = company.credentials.iter().filter(|it| it.kind == CredentialKind::Secret).count();
        assert!(told > 2 && shared > 2);
        assert_eq!(
            told + shared,
            secrets.len(),
            "the rest are those of clients, which only their own list tells"
        );
    }
}
