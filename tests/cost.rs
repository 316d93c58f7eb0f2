//! What a sync may cost: requests by path, counted by the simulator.

use std::collections::BTreeMap;

use serde_json::Value;
use sightline_sim::company::{Company, EventKind, Holder, Role, RoleAssignment, RoleScope};

use crate::everything::is_change;
use crate::harness::{Served, assert_same, list, number, text};

/// Nothing has changed: what tells so is asked, and nothing else.
pub(crate) fn quiet_costs_little(company: &Company, served: &Served) {
    let most = 12 + company.apps.len().div_ceil(200) as u64;
    assert!(served.total() <= most, "{} requests, at most {most}: {served:?}", served.total());
}

/// Roles that can be limited to groups.
const GROUP_ROLES: &[&str] = &["USER_ADMIN", "HELP_DESK_ADMIN", "GROUP_MEMBERSHIP_ADMIN"];

/// Assignments of these roles to users themselves, or to groups, that are not limited.
fn unlimited(company: &Company, to_users: bool, roles: &[&str]) -> u64 {
    let fits = |assignment: &&RoleAssignment| {
        matches!(assignment.holder, Holder::User(_)) == to_users
            && assignment.scope == RoleScope::Org
            && matches!(assignment.role, Role::Standard(role) if roles.contains(&role))
    };
    company.role_assignments.iter().filter(fits).count() as u64
}

/// For which dataset a path is read.
fn dataset_of(path: &str) -> &'static str {
    let starts: &[(&str, &str)] = &[
        ("/api/v1/users/me", "reach"),
        ("/api/v1/users/{id}/roles", "user_roles"),
        ("/api/v1/users", "users"),
        ("/api/v1/groups/{id}/users", "group_members"),
        ("/api/v1/groups/{id}/roles", "group_roles"),
        ("/api/v1/groups/rules", "group_rules"),
        ("/api/v1/groups", "groups"),
        ("/api/v1/apps/{id}/users", "app_users"),
        ("/api/v1/apps/{id}/groups", "app_groups"),
        ("/api/v1/apps/{id}/group-push/mappings", "app_pushes"),
        ("/api/v1/apps/{id}/grants", "app_grants"),
        ("/api/v1/apps", "apps"),
        ("/api/v1/iam/roles/{id}/permissions", "role_permissions"),
        ("/api/v1/iam/roles", "roles"),
        ("/api/v1/iam/assignees/users", "role_assignees"),
        ("/api/v1/iam/resource-sets/{id}/resources", "set_resources"),
        ("/api/v1/iam/resource-sets/{id}/bindings", "binding_members"),
        ("/api/v1/iam/resource-sets", "scope_sets"),
        ("/oauth2/v1/clients/{id}/roles", "client_roles"),
        ("/api/v1/api-tokens", "api_tokens"),
        ("/integrations/api/v1/api-services", "api_integrations"),
        ("/api/v1/authenticators", "authenticators"),
        ("/api/v1/policies/{id}/rules", "policy_rules"),
        ("/api/v1/policies", "policies"),
        ("/api/v1/zones", "network_zones"),
        ("/api/v1/trustedOrigins", "trusted_origins"),
        ("/api/v1/idps", "identity_providers"),
        ("/api/v1/devices", "devices"),
        ("/api/v1/realms", "realms"),
        ("/api/v1/authorizationServers", "authorization_servers"),
        ("/api/v1/eventHooks", "event_hooks"),
        ("/api/v1/inlineHooks", "inline_hooks"),
        ("/api/v1/logStreams", "log_streams"),
        ("/api/v1/threats/configuration", "threat_insight"),
        ("/api/v1/meta/types/user", "user_types"),
        ("/api/v1/behaviors", "behaviors"),
        ("/api/v1/device-assurances", "device_assurances"),
        ("/api/v1/agentPools", "agent_pools"),
        ("/api/v1/org/privacy/oktaSupport", "org_support"),
        ("/api/v1/org/orgSettings/thirdPartyAdminSetting", "third_party_admins"),
        ("/api/v1/meta/schemas/user/linkedObjects", "linked_object_definitions"),
        ("/api/v1/logs", "log"),
    ];
    let found = starts.iter().find(|(start, _)| path.starts_with(start));
    found.unwrap_or_else(|| panic!("{path} is read for nothing")).1
}

/// The same of service applications.
fn unlimited_clients(company: &Company, roles: &[&str]) -> u64 {
    let held = company.client_roles.iter().filter(|held| held.scope == RoleScope::Org);
    held.filter(|held| matches!(held.role, Role::Standard(role) if roles.contains(&role))).count() as u64
}

/// What a sync was said to cost is what it costs, where it is said to be exact, and else at least that.
pub(crate) fn plan_comes_true(plan: &Value, served: &Served) {
    let mut made: BTreeMap<&str, u64> = BTreeMap::new();
    for (call, count) in &served.requests {
        *made.entry(dataset_of(call.trim_start_matches("GET "))).or_default() += count;
    }
    // The look at our own rights asks for the roles of one user, too.
    *made.get_mut("user_roles").unwrap() -= 1;
    *made.get_mut("reach").unwrap() += 1;
    let mut said: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for line in list(&plan["lines"]) {
        let dataset = match text(line, "dataset") {
            "activity" | "changes" => "log",
            dataset => dataset,
        };
        let entry = said.entry(dataset).or_insert((0, true));
        entry.0 += number(line, "requests");
        entry.1 &= line["exact"].as_bool().unwrap();
    }
    assert_eq!(
        said.keys().collect::<Vec<_>>(),
        made.keys().collect::<Vec<_>>(),
        "what is read and what was said"
    );
    for (dataset, (said, exact)) in said {
        let made = made[dataset];
        // Nobody knows before how long the log is: only there, more may be said than needed.
        let fits = if exact { said == made } else { said <= made || (dataset == "log" && made > 0) };
        assert!(fits, "{dataset}: {said} calls were said (exact: {exact}), {made} were made");
    }
}

pub(crate) fn first_sync_costs_the_least(company: &Company, served: &Served) {
    let truth = company.truth();
    let least = truth.requests_minimum();
    let holders = truth.counts().role_holders;
    let services = company.apps.iter().filter(|app| app.service).count() as u64;
    // The log does not say that a page is the last one; an empty page does.
    let walk = |fits: fn(EventKind) -> bool| {
        let events = company.served_events().iter().filter(|event| fits(event.kind)).count();
        events.div_ceil(1000) as u64 + 1
    };
    let used = |kind| matches!(kind, EventKind::Sso | EventKind::SessionStart);
    let expected: BTreeMap<String, u64> = [
        ("/api/v1/users", least.users),
        ("/api/v1/groups", least.groups),
        ("/api/v1/groups/{id}/users", least.group_members),
        ("/api/v1/groups/{id}/roles", least.group_roles),
        ("/api/v1/groups/rules", least.rules),
        ("/api/v1/apps", least.apps),
        ("/api/v1/apps/{id}/users", least.app_users),
        ("/api/v1/apps/{id}/groups", least.app_groups),
        ("/api/v1/apps/{id}/group-push/mappings", least.push_mappings),
        // Of clients, only those that act by themselves.
        ("/api/v1/apps/{id}/grants", services),
        ("/oauth2/v1/clients/{id}/roles", least.client_roles),
        // One more for our own.
        ("/api/v1/users/me", 1),
        ("/api/v1/users/{id}/roles", holders + 1),
        ("/api/v1/iam/assignees/users", least.roles - holders),
        ("/api/v1/iam/roles", least.custom_roles),
        ("/api/v1/iam/roles/{id}/permissions", least.permissions),
        ("/api/v1/iam/resource-sets", least.resource_sets),
        ("/api/v1/iam/resource-sets/{id}/resources", least.set_resources),
        ("/api/v1/iam/resource-sets/{id}/bindings", least.bindings),
        ("/api/v1/iam/resource-sets/{id}/bindings/{role}/members", least.binding_members),
        // A role that could be limited and is not comes without targets, so they are asked for.
        ("/api/v1/users/{id}/roles/{role}/targets/groups", unlimited(company, true, GROUP_ROLES)),
        ("/api/v1/users/{id}/roles/{role}/targets/catalog/apps", unlimited(company, true, &["APP_ADMIN"])),
        ("/api/v1/groups/{id}/roles/{role}/targets/groups", unlimited(company, false, GROUP_ROLES)),
        ("/api/v1/groups/{id}/roles/{role}/targets/catalog/apps", unlimited(company, false, &["APP_ADMIN"])),
        ("/oauth2/v1/clients/{id}/roles/{role}/targets/groups", unlimited_clients(company, GROUP_ROLES)),
        (
            "/oauth2/v1/clients/{id}/roles/{role}/targets/catalog/apps",
            unlimited_clients(company, &["APP_ADMIN"]),
        ),
        ("/api/v1/api-tokens", least.api_tokens),
        ("/integrations/api/v1/api-services", least.api_services),
        ("/api/v1/policies", least.policies),
        ("/api/v1/policies/{id}/rules", least.policy_rules),
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
        ("/api/v1/meta/types/user", least.user_types),
        ("/api/v1/meta/schemas/user/linkedObjects", least.linked_object_definitions),
        ("/api/v1/threats/configuration", 1),
        ("/api/v1/org/privacy/oktaSupport", 1),
        ("/api/v1/org/orgSettings/thirdPartyAdminSetting", 1),
        // The refusal for want of a licence.
        ("/api/v1/realms", 1),
        ("/api/v1/authorizationServers", 1),
        ("/api/v1/logs", walk(used) + walk(is_change)),
    ]
    .into_iter()
    .filter(|(_, requests)| *requests > 0)
    .map(|(path, requests)| (format!("GET {path}"), requests))
    .collect();
    assert_same("requests", &served.requests, &expected);
}
