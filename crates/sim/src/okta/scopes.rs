//! Which OAuth scopes which path needs.

/// By prefix of the path template; the longest one counts. Only whole segments match.
const SCOPES: [(&str, &[&str]); 41] = [
    ("/api/v1/agentPools", &["okta.agentPools.read"]),
    ("/api/v1/api-tokens", &["okta.apiTokens.read"]),
    ("/api/v1/apps", &["okta.apps.read"]),
    ("/api/v1/apps/{id}/grants", &["okta.appGrants.read"]),
    ("/api/v1/apps/{id}/group-push", &["okta.apps.read", "okta.groups.read"]),
    ("/api/v1/authenticators", &["okta.authenticators.read"]),
    ("/api/v1/authorizationServers", &["okta.authorizationServers.read"]),
    ("/api/v1/behaviors", &["okta.behaviors.read"]),
    ("/api/v1/device-assurances", &["okta.deviceAssurance.read"]),
    ("/api/v1/device-posture-checks", &["okta.devicePostureChecks.read"]),
    ("/api/v1/devices", &["okta.devices.read"]),
    ("/api/v1/eventHooks", &["okta.eventHooks.read"]),
    ("/api/v1/features", &["okta.features.read"]),
    ("/api/v1/groups", &["okta.groups.read"]),
    ("/api/v1/groups/{id}/roles", &["okta.roles.read"]),
    ("/api/v1/iam", &["okta.roles.read"]),
    ("/api/v1/idps", &["okta.idps.read"]),
    ("/api/v1/inlineHooks", &["okta.inlineHooks.read"]),
    ("/api/v1/logStreams", &["okta.logStreams.read"]),
    ("/api/v1/logs", &["okta.logs.read"]),
    ("/api/v1/mappings", &["okta.profileMappings.read"]),
    ("/api/v1/meta/schemas", &["okta.schemas.read"]),
    ("/api/v1/meta/schemas/user/linkedObjects", &["okta.linkedObjects.read"]),
    ("/api/v1/meta/types", &["okta.userTypes.read"]),
    ("/api/v1/org", &["okta.orgs.read"]),
    ("/api/v1/policies", &["okta.policies.read"]),
    ("/api/v1/principal-rate-limits", &["okta.principalRateLimits.read"]),
    ("/api/v1/realm-assignments", &["okta.realmAssignments.read"]),
    ("/api/v1/realms", &["okta.realms.read"]),
    ("/api/v1/risk", &["okta.riskProviders.read"]),
    ("/api/v1/trustedOrigins", &["okta.trustedOrigins.read"]),
    ("/api/v1/users", &["okta.users.read"]),
    ("/api/v1/users/{id}/risk", &["okta.userRisk.read"]),
    ("/api/v1/users/{id}/roles", &["okta.roles.read"]),
    ("/api/v1/zones", &["okta.networkZones.read"]),
    ("/governance/api/v1/entitlements", &["okta.governance.entitlements.read"]),
    ("/governance/api/v1/principal-entitlements", &["okta.governance.entitlements.read"]),
    ("/integrations/api/v1/api-services", &["okta.oauthIntegrations.read"]),
    ("/oauth2/v1/clients", &["okta.clients.read"]),
    ("/oauth2/v1/clients/{id}/roles", &["okta.roles.read"]),
    ("/privileged-access/api/v1", &["okta.serviceAccounts.read"]),
];

/// The scopes that a token must have to read this path template. A path that nothing is known about needs a scope that
/// nobody has.
pub(super) fn needed(template: &str) -> &'static [&'static str] {
    // Parameters may have any name.
    let same =
        |wanted: &str, found: &str| wanted == found || (wanted.starts_with('{') && found.starts_with('{'));
    let fits = |prefix: &str| {
        let mut segments = template.split('/');
        prefix.split('/').all(|wanted| segments.next().is_some_and(|found| same(wanted, found)))
    };
    SCOPES
        .iter()
        .filter(|(prefix, _)| fits(prefix))
        .max_by_key(|(prefix, _)| prefix.len())
        .map_or(&["(unknown path)"], |&(_, scopes)| scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_of_whole_segments_counts() {
        for (template, scopes) in [
            ("/api/v1/users", &["okta.users.read"][..]),
            ("/api/v1/users/{id}/groups", &["okta.users.read"]),
            ("/api/v1/users/{id}/roles/{role}/targets/groups", &["okta.roles.read"]),
            ("/api/v1/apps/{id}/group-push/mappings", &["okta.apps.read", "okta.groups.read"]),
            ("/api/v1/logStreams", &["okta.logStreams.read"]),
            ("/api/v1/groups/{group}/roles", &["okta.roles.read"]),
            ("/api/v1/usersome", &["(unknown path)"]),
        ] {
            assert_eq!(needed(template), scopes, "{template}");
        }
    }

    #[test]
    fn every_path_that_is_served_has_a_scope() {
        for template in super::super::routes::templates() {
            assert_ne!(needed(template), ["(unknown path)"], "{template}");
        }
    }
}
