//! What reading everything costs at least.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Truth;
use crate::company::{App, GroupKind, Holder, POLICY_TYPES, SettingKind, Status};

/// The fewest requests that a full read can take, per listing, with the largest pages the API allows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RequestsMinimum {
    /// `/users` without and with the filter for deactivated accounts.
    pub users: u64,
    /// `/groups`.
    pub groups: u64,
    /// `/groups/{id}/users` of all groups but the empty ones and *Everyone*.
    pub group_members: u64,
    /// `/groups/{id}/owners`, one per group: nothing says which group has any.
    pub owners: u64,
    /// `/groups/{id}/roles`, one per group that gives a role.
    pub group_roles: u64,
    /// `/groups/rules`.
    pub rules: u64,
    /// `/apps`.
    pub apps: u64,
    /// `/apps/{id}/users`, at least one per application.
    pub app_users: u64,
    /// `/apps/{id}/groups`, at least one per application.
    pub app_groups: u64,
    /// The same pairs from the cheaper side: by application, or by `/groups/{id}/apps` of the groups that have any.
    pub app_groups_cheapest: u64,
    /// `/apps/{id}/group-push/mappings`, at least one per application that gets groups.
    pub push_mappings: u64,
    /// `/apps/{id}/grants`, one per client.
    pub grants: u64,
    /// `/apps/{id}/credentials/jwks`, one per client that proves itself with a key.
    pub client_keys: u64,
    /// `/apps/{id}/credentials/keys`, one per application that is signed for.
    pub signing_keys: u64,
    /// `/users/{id}/roles`, one per role holder, and the list of holders.
    pub roles: u64,
    /// `/iam/roles`.
    pub custom_roles: u64,
    /// `/iam/roles/{id}/permissions`, one per custom role.
    pub permissions: u64,
    /// `/iam/resource-sets`.
    pub resource_sets: u64,
    /// `/iam/resource-sets/{id}/resources`, at least one per set.
    pub set_resources: u64,
    /// `/iam/resource-sets/{id}/bindings`, at least one per set.
    pub bindings: u64,
    /// `…/bindings/{role}/members`.
    pub binding_members: u64,
    /// `/oauth2/v1/clients/{id}/roles`, one per machine client.
    pub client_roles: u64,
    /// `/api-tokens`.
    pub api_tokens: u64,
    /// `/integrations/api/v1/api-services`, whose pages cannot be made larger.
    pub api_services: u64,
    /// `/policies`, one per type.
    pub policies: u64,
    /// `/policies/{id}/rules`, one per policy.
    pub policy_rules: u64,
    /// `/users/{id}/factors`, one per account that is not deactivated.
    pub factors: u64,
    /// `/devices` with their users.
    pub devices: u64,
    /// `/authenticators`.
    pub authenticators: u64,
    /// `/zones`.
    pub zones: u64,
    /// `/trustedOrigins`.
    pub trusted_origins: u64,
    /// `/idps`.
    pub identity_providers: u64,
    /// `/eventHooks`.
    pub event_hooks: u64,
    /// `/inlineHooks`.
    pub inline_hooks: u64,
    /// `/logStreams`.
    pub log_streams: u64,
    /// `/behaviors`, whose pages cannot be made larger.
    pub behaviors: u64,
    /// `/device-assurances`.
    pub device_assurances: u64,
    /// `/agentPools`.
    pub agent_pools: u64,
    /// `/features`.
    pub features: u64,
    /// `/meta/types/user`.
    pub user_types: u64,
    /// `/meta/schemas/user/linkedObjects`.
    pub linked_object_definitions: u64,
    /// `/users/{id}/linkedObjects/{relation}`, one per account that is not deactivated and relation.
    pub linked_objects: u64,
    /// `/principal-rate-limits` of both kinds of principals.
    pub principal_rate_limits: u64,
    /// Threats, support access and third-party administrators, one each.
    pub organisation: u64,
    /// `/realms`, where licensed.
    pub realms: u64,
    /// `/authorizationServers`, where licensed.
    pub authorization_servers: u64,
}

impl Truth<'_> {
    /// The fewest requests that a full read can take. A full last page of groups or rules costs one more, because the
    /// server does not yet know that it is the last one.
    pub fn requests_minimum(&self) -> RequestsMinimum {
        let company = self.company;
        let counts = self.counts();
        let (accounts, groups) = (counts.accounts as usize, counts.groups as usize);
        let there = || company.apps.iter().filter(|app| !app.deleted);
        let each_app = |size: usize, count: &dyn Fn(&App) -> usize| -> u64 {
            there().map(|app| listing(count(app), size)).sum()
        };
        let apps_that = |fits: &dyn Fn(&App) -> bool| there().filter(|app| fits(app)).count() as u64;
        let live = company.users.iter().filter(|user| user.status != Status::Deprovisioned).count();
        let set_up = |kind, size| listing(company.settings_of(kind).count(), size);
        let app_groups = each_app(200, &|app| app.groups.len());
        let role_holders = counts.role_holders;
        let bindings: Vec<(String, String)> =
            self.bindings().into_iter().map(|binding| (binding.set_id, binding.role_id)).collect();
        let bound: BTreeSet<&(String, String)> = bindings.iter().collect();
        let each_set = |count: &dyn Fn(&str) -> usize| -> u64 {
            company.resource_sets.iter().map(|set| listing(count(set.id.as_str()), 100)).sum()
        };
        let admin_groups: BTreeSet<u32> = company
            .role_assignments
            .iter()
            .filter_map(|held| match held.holder {
                Holder::Group(group) => Some(group),
                Holder::User(_) => None,
            })
            .collect();
        RequestsMinimum {
            users: listing(live, 200) + listing(accounts - live, 200),
            groups: pages_and_the_end(groups, 200),
            group_members: company
                .groups
                .iter()
                .filter(|group| group.kind != GroupKind::BuiltIn)
                .map(|group| group.members.len().div_ceil(1000) as u64)
                .sum(),
            owners: counts.groups,
            group_roles: admin_groups.len() as u64,
            rules: pages_and_the_end(company.rules.len(), 200),
            apps: listing(counts.apps as usize, 200),
            app_users: each_app(500, &|app| app.users.len()),
            app_groups,
            app_groups_cheapest: app_groups.min(self.app_groups_by_group()),
            push_mappings: company
                .apps
                .iter()
                .zip(0_u32..)
                .filter(|(app, _)| !app.deleted && app.gets_groups())
                .map(|(_, index)| {
                    let mappings = company.push_mappings.iter().filter(|mapping| mapping.app == index);
                    listing(mappings.count(), 1000)
                })
                .sum(),
            grants: apps_that(&App::is_oidc_client),
            client_keys: apps_that(&|app| app.is_oidc_client() && !app.has_secret()),
            signing_keys: apps_that(&App::is_signed_for),
            roles: role_holders + listing(role_holders as usize, 100),
            custom_roles: listing(company.custom_roles.len(), 100),
            permissions: company.custom_roles.len() as u64,
            resource_sets: listing(company.resource_sets.len(), 100),
            set_resources: company.resource_sets.iter().map(|set| listing(set.resources.len(), 100)).sum(),
            bindings: each_set(&|set| bound.iter().filter(|(bound, _)| bound == set).count()),
            binding_members: bound
                .iter()
                .map(|&binding| listing(bindings.iter().filter(|other| *other == binding).count(), 100))
                .sum(),
            client_roles: apps_that(&|app| app.service),
            api_tokens: 1,
            api_services: listing(company.api_services.len(), 10),
            policies: POLICY_TYPES.len() as u64,
            policy_rules: company.policies.len() as u64,
            factors: live as u64,
            devices: listing(company.devices.len(), 200),
            authenticators: 1,
            zones: set_up(SettingKind::Zone, 1000),
            trusted_origins: set_up(SettingKind::TrustedOrigin, 200),
            identity_providers: set_up(SettingKind::IdentityProvider, 200),
            event_hooks: 1,
            inline_hooks: 1,
            log_streams: set_up(SettingKind::LogStream, 200),
            behaviors: set_up(SettingKind::Behavior, 10),
            device_assurances: 1,
            agent_pools: 1,
            features: 1,
            user_types: 1,
            linked_object_definitions: 1,
            linked_objects: (live * company.settings_of(SettingKind::LinkedObject).count()) as u64,
            principal_rate_limits: listing(company.api_tokens.len(), 50)
                + listing(there().filter(|app| app.service).count(), 50),
            organisation: 3,
            realms: set_up(SettingKind::Realm, 200),
            authorization_servers: set_up(SettingKind::AuthorizationServer, 200),
        }
    }

    fn app_groups_by_group(self) -> u64 {
        let mut apps_of_group = vec![0; self.company.groups.len()];
        for assigned in self.company.apps.iter().flat_map(|app| &app.groups) {
            apps_of_group[assigned.group as usize] += 1;
        }
        apps_of_group.into_iter().filter(|&apps| apps > 0).map(|apps| listing(apps, 200)).sum()
    }
}

/// The pages of a listing: an empty one has a page as well.
fn listing(count: usize, size: usize) -> u64 {
    count.div_ceil(size).max(1) as u64
}

fn pages_and_the_end(count: usize, size: usize) -> u64 {
    (count / size + 1) as u64
}
