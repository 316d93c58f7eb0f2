//! Everything besides who reaches what: owners, copies of groups, credentials, resource sets, policies, devices, settings.

use serde_json::json;
use sightline_core::Scope;
use sightline_sim::company::{Company, SettingKind};
use sightline_sim::expect::Assignee;
use sightline_testkit::Truth;

use super::{time, time_or_null};

pub(super) fn add(company: &Company, truth: &mut Truth) {
    groups_and_apps(company, truth);
    credentials(company, truth);
    policies(company, truth);
    devices(company, truth);
    settings(company, truth);
    for set in &company.resource_sets {
        let fields = json!({
            "label": set.label,
            "description": set.description,
            "created": time(set.created),
            "last_updated": time(set.last_updated),
        });
        truth.add(format!("scope_set/{}", set.id), Scope::listing("scope_sets"), fields);
    }
}

fn groups_and_apps(company: &Company, truth: &mut Truth) {
    for owner in company.truth().owners() {
        let holder = match owner.owner {
            Assignee::User(id) => format!("account/{id}"),
            Assignee::Group(id) => format!("group/{id}"),
            Assignee::Client(id) => format!("resource/{id}"),
        };
        let key = format!("ownership/{}/{holder}", owner.group_id);
        truth.add(key, Scope::under("group_owners", owner.group_id), json!({}));
    }
    for push in company.truth().push_mappings() {
        let fields = json!({
            "group": push.source_group_id,
            "target_group": push.target_group_id,
            "raw_status": push.status,
        });
        let key = format!("push/{}/{}", push.app_id, push.mapping_id);
        truth.add(key, Scope::under("app_pushes", push.app_id), fields);
    }
    for app in company.apps.iter().filter(|app| !app.deleted) {
        let policy = company.access_policy(app).id;
        truth.add(format!("governance/{}/{policy}", app.id), Scope::listing("apps"), json!({}));
    }
    // Nobody is asked for about those who are deactivated.
    let is_live = |id: &str| company.users.iter().any(|user| user.is_live() && user.id.as_str() == id);
    for linked in company.truth().linked().into_iter().filter(|linked| is_live(&linked.of)) {
        let key = format!("link/{}/{}/{}", linked.of, linked.relation, linked.user_id);
        truth.add(key, Scope::under("linked_objects", linked.of), json!({}));
    }
}

fn credentials(company: &Company, truth: &mut Truth) {
    // What Okta tells of credentials with the application itself: that it signs, and that there is a secret.
    for app in company.apps.iter().filter(|app| !app.deleted) {
        let owner = json!({"owner": format!("resource/{}", app.id)});
        if app.has_secret() {
            let key = format!("credential/{}/client_secret", app.id);
            truth.add(key, Scope::listing("apps"), owner.clone());
        }
        if app.is_signed_for() {
            let signing = company.truth().credentials().into_iter().find(|credential| {
                credential.app_id == app.id.as_str()
                    && credential.active
                    && credential.kind == sightline_sim::company::CredentialKind::SigningKey
            });
            let kid = signing.unwrap().credential_id;
            truth.add(format!("credential/{}/signing/{kid}", app.id), Scope::listing("apps"), owner);
        }
        // The others are not asked for what they were granted.
        if app.service {
            for grant in company.truth().grants().iter().filter(|grant| grant.app_id == app.id.as_str()) {
                let key = format!("api_grant/{}/{}", app.id, grant.scope);
                truth.add(
                    key,
                    Scope::under("app_grants", app.id.to_string()),
                    json!({"raw_status": "ACTIVE"}),
                );
            }
        }
    }
    for token in company.truth().api_tokens() {
        let fields = json!({
            "kind": "api_token",
            "name": token.name,
            "owner": format!("account/{}", token.user_id),
            "created": time(token.created_ms),
            "last_updated": time(token.last_updated_ms),
            "expires": time_or_null(token.expires_ms),
        });
        truth.add(format!("credential/{}", token.token_id), Scope::listing("api_tokens"), fields);
    }
    for service in company.truth().api_services() {
        let fields = json!({
            "kind": "api_integration",
            "name": service.name,
            "scopes": service.granted_scopes,
        });
        truth.add(format!("credential/{}", service.service_id), Scope::listing("api_integrations"), fields);
    }
}

fn policies(company: &Company, truth: &mut Truth) {
    let status = |active: bool| if active { "ACTIVE" } else { "INACTIVE" };
    for policy in &company.policies {
        let fields = json!({
            "kind": policy.kind,
            "name": policy.name,
            "raw_status": status(policy.active),
            "system": policy.system,
            "priority": policy.priority,
            "last_updated": time(policy.last_updated),
        });
        truth.add(format!("policy/{}", policy.id), Scope::listing("policies"), fields);
        for rule in &policy.rules {
            let fields = json!({
                "name": rule.name,
                "raw_status": status(rule.active),
                "system": rule.system,
                "priority": rule.priority,
            });
            let key = format!("policy_rule/{}/{}", policy.id, rule.id);
            truth.add(key, Scope::under("policy_rules", policy.id.to_string()), fields);
        }
    }
}

fn devices(company: &Company, truth: &mut Truth) {
    for device in company.truth().devices() {
        let fields = json!({
            "name": device.display_name,
            "platform": device.platform,
            "raw_status": device.status,
        });
        truth.add(format!("device/{}", device.device_id), Scope::listing("devices"), fields);
        for (user, managed) in device.users {
            let fields = json!({"management": if managed { "MANAGED" } else { "NOT_MANAGED" }});
            truth.add(format!("device_use/{}/{user}", device.device_id), Scope::listing("devices"), fields);
        }
    }
}

fn settings(company: &Company, truth: &mut Truth) {
    for setting in &company.settings {
        let (kind, dataset) = match setting.kind {
            SettingKind::Authenticator => ("authenticator", "authenticators"),
            SettingKind::Zone => ("network_zone", "network_zones"),
            SettingKind::TrustedOrigin => ("trusted_origin", "trusted_origins"),
            SettingKind::EventHook => ("event_hook", "event_hooks"),
            SettingKind::InlineHook => ("inline_hook", "inline_hooks"),
            SettingKind::LogStream => ("log_stream", "log_streams"),
            SettingKind::Behavior => ("behavior", "behaviors"),
            SettingKind::DeviceAssurance => ("device_assurance", "device_assurances"),
            SettingKind::AgentPool => ("agent_pool", "agent_pools"),
            SettingKind::UserType => ("user_type", "user_types"),
            SettingKind::LinkedObject => ("linked_object", "linked_object_definitions"),
            SettingKind::Realm => ("realm", "realms"),
            SettingKind::AuthorizationServer => ("authorization_server", "authorization_servers"),
            SettingKind::IdentityProvider => {
                let fields = json!({"name": setting.name, "raw_status": setting.status});
                truth.add(format!("trust/{}", setting.id), Scope::listing("identity_providers"), fields);
                continue;
            }
            SettingKind::Feature | SettingKind::PrincipalRateLimit => continue,
        };
        // Types of users have a name for programs as well.
        let name = setting.body["displayName"].as_str().unwrap_or(&setting.name);
        let fields = json!({"name": name, "raw_status": setting.status});
        truth.add(format!("setting/{kind}/{}", setting.id), Scope::listing(dataset), fields);
    }
    for only in ["threat_insight", "org_support", "third_party_admins"] {
        truth.add(format!("setting/{only}/{only}"), Scope::listing(only), json!({}));
    }
}
