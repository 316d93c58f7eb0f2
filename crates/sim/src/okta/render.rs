//! Users, groups, rules and applications as JSON, in the shape and size of the real ones.

use super::{routes::Api, write::Json};
use crate::{
    company::{
        App, AppGroup, AppUser, Company, DEPARTMENTS, GroupKind, Holder, LOCATIONS, SignOnMode, Status,
        UserKind, opaque,
    },
    id::Id,
    rng::scramble,
};

/// The user as lists show it: its only link is to itself.
pub(super) fn user(json: &mut Json, company: &Company, origin: &str, index: u32) {
    user_without_links(json, company, index);
    json.raw(r#","_links":{"self":"#);
    href(json, origin, "users", company.users[index as usize].id, "");
    json.raw("}}");
}

/// The user as its own address shows it: with links to everything that can be done with it.
pub(super) fn whole_user(json: &mut Json, company: &Company, origin: &str, index: u32) {
    let id = company.users[index as usize].id;
    user_without_links(json, company, index);
    json.raw(r#","_links":{"#);
    for (name, action) in [
        ("suspend", "suspend"),
        ("resetPassword", "reset_password"),
        ("forgotPassword", "forgot_password"),
        ("expirePassword", "expire_password"),
        ("resetFactors", "reset_factors"),
        ("deactivate", "deactivate"),
    ] {
        json.string(name).raw(r#":{"href":""#).raw(origin).raw("/api/v1/users/").id(id).raw("/lifecycle/");
        json.raw(action).raw(r#"","method":"POST"},"#);
    }
    json.raw(r#""schema":{"href":""#).raw(origin).raw("/api/v1/meta/schemas/user/");
    json.id(Id::new(company.spec.seed, "osc", 0)).raw(r#""},"type":{"href":""#).raw(origin);
    json.raw("/api/v1/meta/types/user/").id(user_type(company)).raw(r#""},"self":"#);
    href(json, origin, "users", id, "");
    json.raw("}}");
}

fn user_without_links(json: &mut Json, company: &Company, index: u32) {
    let user = &company.users[index as usize];
    let oddity = scramble(company.spec.seed ^ u64::from(index)) % 40;
    json.raw(r#"{"id":""#).id(user.id).raw(r#"","status":""#).raw(user.status.as_str());
    json.raw(r#"","created":"#).time(user.created).raw(r#","activated":"#).time_or_null(user.activated);
    json.raw(r#","statusChanged":"#).time_or_null(user.status_changed);
    json.raw(r#","lastLogin":"#).time_or_null(user.last_login);
    json.raw(r#","lastUpdated":"#).time(user.last_updated);
    json.raw(r#","passwordChanged":"#).time_or_null(user.password_changed);
    json.raw(r#","type":{"id":""#).id(user_type(company)).raw(r#""},"profile":{"firstName":"#);
    json.string(&user.first_name).raw(r#","lastName":"#).string(&user.last_name);
    json.raw(r#","mobilePhone":null,"secondEmail":null,"login":"#).string(&user.login);
    json.raw(r#","email":"#).string(&user.login);
    json.raw(r#","title":"#).string(user.title);
    json.raw(r#","department":"#).string(DEPARTMENTS[user.department as usize].name);
    json.raw(r#","userType":"#).string(user.kind.as_str());
    if user.kind != UserKind::Service {
        let (city, country) = LOCATIONS[user.location as usize];
        json.raw(r#","city":"#).string(city).raw(r#","countryCode":"#).string(country);
        json.raw(r#","employeeNumber":""#).number(u64::from(10_000 + index)).raw("\"");
    }
    if let Some(manager) = user.manager {
        let manager = &company.users[manager as usize];
        json.raw(r#","manager":""#).text(&manager.first_name).raw(" ").text(&manager.last_name);
        json.raw(r#"","managerId":"#).string(&manager.login);
    }
    match oddity {
        // Attributes that the organisation added itself may be lists and numbers.
        0..4 => {
            json.raw(r#","certifications":["first aid","fire warden"],"badgeNumber":"#)
                .number(u64::from(index) + 7);
        }
        4 => {
            json.raw(r#","certifications":[],"deskHeight":72.5,"keyHolder":true"#);
        }
        _ => {}
    }
    json.raw(r#"},"credentials":{"#);
    if !matches!(user.status, Status::Staged | Status::Provisioned) {
        json.raw(r#""password":{},"#);
    }
    if oddity % 4 == 1 {
        json.raw(r#""emails":[{"value":"#).string(&user.login);
        json.raw(r#","status":"VERIFIED","type":"PRIMARY"}],"#);
    }
    let provider = if user.imported_from_directory {
        r#"{"type":"ACTIVE_DIRECTORY","name":"corp.alderfinch.example"}"#
    } else {
        r#"{"type":"OKTA","name":"OKTA"}"#
    };
    json.raw(r#""provider":"#).raw(provider).raw("}");
    if oddity == 5 {
        // A property that no schema knows yet.
        json.raw(r#","assuranceHints":{"level":2,"since":null}"#);
    }
}

fn user_type(company: &Company) -> Id {
    Id::new(company.spec.seed, "oty", 0)
}

/// What is the same in all rows of one user in applications: the middle of the row.
pub(super) fn app_profile(json: &mut Json, company: &Company, index: u32) {
    named_app_profile(json, company, index, &company.users[index as usize].login);
}

/// The same for a user who is known by another name in an application.
fn named_app_profile(json: &mut Json, company: &Company, index: u32, name: &str) {
    let user = &company.users[index as usize];
    json.raw(r#","credentials":{"userName":"#).string(name);
    json.raw(r#"},"profile":{"street_address":null,"country":null,"website":null,"zoneinfo":"Europe/Berlin","birthdate":null,"gender":null,"formatted":null,"locality":null,"given_name":"#);
    json.string(&user.first_name).raw(r#","middle_name":null,"locale":"en_US","picture":null,"name":""#);
    json.text(&user.first_name).raw(" ").text(&user.last_name);
    json.raw(r#"","nickname":null,"phone_number":null,"region":null,"postal_code":null,"family_name":"#);
    json.string(&user.last_name).raw(r#","email":"#).string(&user.login).raw("}");
}

impl Api {
    /// A person's row in an application.
    pub(super) fn app_user(&self, json: &mut Json, index: u32, row: &AppUser, with_user: bool) {
        let company = &self.company;
        let app = &company.apps[index as usize];
        let user = &company.users[row.user as usize];
        let oldest = app.created.max(user.created);
        let range = (company.spec.now.as_millisecond() - oldest).max(1000) as u64;
        let created =
            oldest + (scramble(u64::from(row.user) ^ app.created as u64) % range) as i64 / 1000 * 1000;
        let edit = company.app_user_edits.get(&(index, row.user));
        let created = edit.and_then(|edit| edit.created).unwrap_or(created);
        let last_updated = edit.map_or(created, |edit| edit.last_updated);
        json.raw(r#"{"id":""#).id(user.id).raw(r#"","externalId":null,"created":"#).time(created);
        json.raw(r#","lastUpdated":"#).time(last_updated);
        json.raw(if row.via.is_none() {
            r#","scope":"USER","status":""#
        } else {
            r#","scope":"GROUP","status":""#
        });
        json.raw(match (row.deprovisioned, app.provisioning) {
            (true, _) => "DEPROVISIONED",
            (_, true) => "PROVISIONED",
            _ => "ACTIVE",
        });
        json.raw(r#"","statusChanged":"#).time(created).raw(r#","passwordChanged":null,"syncState":""#);
        json.raw(if app.provisioning { "SYNCHRONIZED" } else { "DISABLED" }).raw("\"");
        match edit.and_then(|edit| edit.user_name.as_deref()) {
            Some(name) => named_app_profile(json, company, row.user, name),
            None => {
                json.bytes(self.app_profiles.get(row.user));
            }
        }
        if with_user {
            json.raw(r#","_embedded":{"user":"#).bytes(self.users.get(row.user)).raw("}");
        }
        json.raw(r#","_links":{"app":"#);
        href(json, &self.origin, "apps", app.id, "");
        json.raw(r#","user":"#);
        href(json, &self.origin, "users", user.id, "");
        if let Some(group) = row.via {
            let group = &company.groups[group as usize];
            json.raw(r#","group":{"name":"#).string(&group.name).raw(r#","href":""#);
            json.raw(&self.origin).raw("/api/v1/groups/").id(group.id).raw(r#""}"#);
        }
        json.raw("}}");
    }

    /// A group in an application.
    pub(super) fn app_group(&self, json: &mut Json, app: &App, assigned: AppGroup, with_group: bool) {
        let group = &self.company.groups[assigned.group as usize];
        json.raw(r#"{"id":""#).id(group.id).raw(r#"","lastUpdated":"#).time(assigned.last_updated);
        json.raw(r#","priority":"#).number(u64::from(assigned.priority)).raw(r#","profile":{}"#);
        if with_group {
            json.raw(r#","_embedded":{"group":"#);
            self.group(json, assigned.group, false, false);
            json.raw("}");
        }
        json.raw(r#","_links":{"app":"#);
        href(json, &self.origin, "apps", app.id, "");
        json.raw(r#","self":{"href":""#).raw(&self.origin).raw("/api/v1/apps/").id(app.id).raw("/groups/");
        json.id(group.id).raw(r#""},"group":"#);
        href(json, &self.origin, "groups", group.id, "");
        json.raw("}}");
    }

    /// A group, with its counts and its source application where asked for.
    pub(super) fn group(&self, json: &mut Json, index: u32, with_stats: bool, with_app: bool) {
        let group = &self.company.groups[index as usize];
        let source = match group.kind {
            GroupKind::Imported(app) => Some(app),
            GroupKind::BuiltIn | GroupKind::Native => None,
        };
        json.raw(r#"{"id":""#).id(group.id).raw(r#"","created":"#).time(group.created);
        json.raw(r#","lastUpdated":"#).time(group.last_updated);
        json.raw(r#","lastMembershipUpdated":"#).time(group.last_membership_updated);
        json.raw(if source.is_some() {
            r#","objectClass":["okta:windows_security_principal"],"type":""#
        } else {
            r#","objectClass":["okta:user_group"],"type":""#
        });
        json.raw(group_type(group.kind)).raw(r#"","profile":{"name":"#).string(&group.name);
        json.raw(r#","description":"#).string_or_null(group.description.as_deref());
        if source.is_some() {
            let short_name = group.name.strip_prefix("CORP\\").unwrap_or(&group.name);
            json.raw(r#","groupType":"Security","groupScope":"Global","samAccountName":"#).string(short_name);
            json.raw(r#","windowsDomainQualifiedName":"#).string(&group.name);
            json.raw(r#","dn":"CN="#).text(short_name).raw(r#",OU=Groups,DC=corp,DC=alderfinch,DC=example""#);
        }
        json.raw("}");
        if let Some(app) = source {
            json.raw(r#","source":{"id":""#).id(self.company.apps[app as usize].id).raw(r#""}"#);
        }
        if with_stats || (with_app && source.is_some()) {
            json.raw(r#","_embedded":{"#);
            if with_stats {
                self.group_stats(json, index);
            }
            if let (true, Some(app)) = (with_app, source) {
                json.raw(if with_stats { r#","app":"# } else { r#""app":"# }).bytes(self.apps.get(app));
            }
            json.raw("}");
        }
        json.raw(r#","_links":{"logo":[{"name":"medium","href":"https://static.oktacdn.example/assets/img/logos/groups/okta-medium.1a5ebe44c4244fb796c235d86b47e3bb.png","type":"image/png"},{"name":"large","href":"https://static.oktacdn.example/assets/img/logos/groups/okta-large.d9cfbd8a00a4feac1aa5612ba02e99c0.png","type":"image/png"}],"users":"#);
        href(json, &self.origin, "groups", group.id, "/users");
        if let Some(app) = source {
            json.raw(r#","source":"#);
            href(json, &self.origin, "apps", self.company.apps[app as usize].id, "");
        }
        json.raw(r#","apps":"#);
        href(json, &self.origin, "groups", group.id, "/apps");
        json.raw("}}");
    }

    fn group_stats(&self, json: &mut Json, index: u32) {
        let administers =
            self.company.role_assignments.iter().any(|assignment| assignment.holder == Holder::Group(index));
        json.raw(r#""stats":{"usersCount":"#).number(self.company.members(index).len() as u64);
        json.raw(r#","appsCount":"#).number(self.apps_of_group[index as usize].len() as u64);
        json.raw(r#","groupPushMappingsCount":0,""#);
        json.raw(if self.options.misspelled_privilege { "hasAdminPrivlege" } else { "hasAdminPrivilege" });
        json.raw("\":").flag(administers).raw("}");
    }

    /// A group rule. Some have times without milliseconds.
    pub(super) fn rule(&self, json: &mut Json, index: u32) {
        let rule = &self.company.rules[index as usize];
        json.raw(r#"{"type":"group_rule","id":""#).id(rule.id).raw(r#"","status":""#).raw(rule.status);
        json.raw(r#"","name":"#).string(&rule.name).raw(r#","created":"#);
        if index % 3 == 1 {
            json.short_time(rule.created).raw(r#","lastUpdated":"#).short_time(rule.last_updated);
        } else {
            json.time(rule.created).raw(r#","lastUpdated":"#).time(rule.last_updated);
        }
        json.raw(r#","conditions":{"people":{"users":{"exclude":"#);
        json.list(&rule.excluded, |json, &user| {
            json.raw("\"").id(self.company.users[user as usize].id).raw("\"");
        });
        json.raw(r#"},"groups":{"exclude":[]}},"expression":{"value":"#).string(&rule.expression);
        json.raw(r#","type":"urn:okta:expression:1.0"}},"actions":{"assignUserToGroups":{"groupIds":"#);
        json.list(&rule.groups, |json, &group| {
            json.raw("\"").id(self.company.groups[group as usize].id).raw("\"");
        });
        json.raw(r#"}},"allGroupsValid":"#).flag(rule.status != "INVALID").raw("}");
    }
}

/// The type of a group as the provider writes it.
pub(super) fn group_type(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::BuiltIn => "BUILT_IN",
        GroupKind::Native => "OKTA_GROUP",
        GroupKind::Imported(_) => "APP_GROUP",
    }
}

/// An application.
pub(super) fn app(json: &mut Json, company: &Company, origin: &str, index: u32) {
    let seed = company.spec.seed;
    let app = &company.apps[index as usize];
    json.raw(r#"{"id":""#).id(app.id).raw(r#"","orn":"orn:okta:idp:"#).id(company.id).raw(":apps:");
    json.text(&app.name).raw(":").id(app.id).raw(r#"","name":"#).string(&app.name);
    json.raw(r#","label":"#).string(&app.label).raw(r#","status":""#);
    json.raw(if app.active { "ACTIVE" } else { "INACTIVE" })
        .raw(r#"","lastUpdated":"#)
        .time(app.last_updated);
    json.raw(r#","created":"#).time(app.created);
    json.raw(r#","accessibility":{"selfService":false,"errorRedirectUrl":null,"loginRedirectUrl":null},"visibility":{"autoLaunch":false,"autoSubmitToolbar":false,"hide":{"iOS":false,"web":"#);
    json.flag(app.service).raw(r#"},"appLinks":{"login":true}},"features":"#);
    json.raw(if app.provisioning {
        r#"["PUSH_NEW_USERS","PUSH_USER_DEACTIVATION","PUSH_PROFILE_UPDATES","GROUP_PUSH"]"#
    } else {
        "[]"
    });
    json.raw(r#","signOnMode":"#).string_or_null(app.sign_on_mode.map(SignOnMode::as_str));
    json.raw(
        r#","credentials":{"userNameTemplate":{"template":"${source.login}","type":"BUILT_IN"},"signing":"#,
    );
    match app.sign_on_mode {
        Some(SignOnMode::Saml | SignOnMode::OpenIdConnect) => {
            json.raw(r#"{"kid":""#).raw(&opaque(seed, 0x4B49_4400 + u64::from(index), 11)).raw("-");
            json.raw(&opaque(seed, 0x4B49_4500 + u64::from(index), 11)).raw(r#""}"#);
        }
        _ => {
            json.raw("{}");
        }
    }
    if app.sign_on_mode == Some(SignOnMode::OpenIdConnect) && app.name != "saasure" {
        json.raw(r#","oauthClient":{"autoKeyRotation":true,"client_id":""#).id(app.id);
        json.raw(r#"","token_endpoint_auth_method":""#);
        json.raw(if app.service { "private_key_jwt" } else { "client_secret_basic" });
        json.raw(r#"","pkce_required":"#).flag(!app.service).raw("}");
    }
    json.raw("}");
    match index % 3 {
        0 => {
            json.raw(r#","universalLogout":{"status":"UNSUPPORTED"}"#);
        }
        1 => {
            json.raw(r#","universalLogout":null"#);
        }
        _ => {}
    }
    app_settings(json, app);
    app_links(json, company, origin, app);
}

fn app_settings(json: &mut Json, app: &App) {
    json.raw(r#","settings":{"app":{},"notifications":{"vpn":{"network":{"connection":"DISABLED"},"message":null,"helpUrl":null}},"manualProvisioning":false,"implicitAssignment":"#);
    json.flag(app.implicit).raw(r#","emOptInStatus":"NONE","notes":{"admin":null,"enduser":null}"#);
    match app.sign_on_mode {
        Some(SignOnMode::Saml) => {
            json.raw(r#","signOn":{"defaultRelayState":"","ssoAcsUrl":"https://"#).text(&app.name);
            json.raw(r#".example/saml/acs","idpIssuer":"http://www.okta.com/${org.externalKey}","audience":"https://"#);
            json.text(&app.name).raw(r#".example","recipient":"https://"#).text(&app.name);
            json.raw(r#".example/saml/acs","destination":"https://"#).text(&app.name);
            json.raw(r#".example/saml/acs","subjectNameIdTemplate":"${source.login}","subjectNameIdFormat":"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified","responseSigned":true,"assertionSigned":true,"signatureAlgorithm":"RSA_SHA256","digestAlgorithm":"SHA256","honorForceAuthn":true,"authnContextClassRef":"urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport","spIssuer":null,"requestCompressed":false,"attributeStatements":[],"inlineHooks":[],"assertionEncryption":{"enabled":false},"allowMultipleAcsEndpoints":false,"acsEndpoints":[],"samlSignedRequestEnabled":false,"slo":{"enabled":false}}"#);
        }
        Some(SignOnMode::OpenIdConnect) if app.name != "saasure" => {
            json.raw(r#","oauthClient":{"client_uri":null,"logo_uri":null,"redirect_uris":["#);
            json.raw(if app.service {
                r#"],"response_types":["token"],"grant_types":["client_credentials"],"application_type":"service""#
            } else {
                r#""https://app.alderfinch.example/callback"],"response_types":["code"],"grant_types":["authorization_code","refresh_token"],"application_type":"web""#
            });
            json.raw(r#","consent_method":"TRUSTED","issuer_mode":"DYNAMIC","idp_initiated_login":{"mode":"DISABLED","default_scope":[]},"wildcard_redirect":"DISABLED","dpop_bound_access_tokens":false,"participate_slo":false}"#);
        }
        _ => {}
    }
    json.raw("}");
}

fn app_links(json: &mut Json, company: &Company, origin: &str, app: &App) {
    let seed = company.spec.seed;
    json.raw(r#","_links":{"uploadLogo":"#);
    link_with_hint(json, origin, app.id, "/logo", "POST");
    json.raw(r#","appLinks":[{"name":"login","href":""#).raw(origin).raw("/home/").text(&app.name).raw("/");
    json.id(app.id)
        .raw(r#"/aln177a159h7Zf52X0g8","type":"text/html"}],"profileEnrollment":{"href":""#)
        .raw(origin);
    json.raw("/api/v1/policies/").id(Id::new(seed, "rst", 0)).raw(r#""},"policies":"#);
    link_with_hint(json, origin, app.id, "/policies", "PUT");
    json.raw(r#","groups":"#);
    href(json, origin, "apps", app.id, "/groups");
    json.raw(r#","logo":[{"name":"medium","href":"https://static.oktacdn.example/assets/img/logos/default.6770228fb0dab49a1695ef440a5279bb.png","type":"image/png"}],"accessPolicy":{"href":""#);
    json.raw(origin).raw("/api/v1/policies/").id(Id::new(seed, "rst", 1)).raw(r#""},"users":"#);
    href(json, origin, "apps", app.id, "/users");
    json.raw(r#","deactivate":"#);
    href(json, origin, "apps", app.id, "/lifecycle/deactivate");
    json.raw("}}");
}

fn link_with_hint(json: &mut Json, origin: &str, app: Id, rest: &str, method: &str) {
    json.raw(r#"{"href":""#).raw(origin).raw("/api/v1/apps/").id(app).raw(rest);
    json.raw(r#"","hints":{"allow":[""#).raw(method).raw(r#""]}}"#);
}

/// `{"href":"…/api/v1/{collection}/{id}{rest}"}`
pub(super) fn href(json: &mut Json, origin: &str, collection: &str, id: Id, rest: &str) {
    json.raw(r#"{"href":""#)
        .raw(origin)
        .raw("/api/v1/")
        .raw(collection)
        .raw("/")
        .id(id)
        .raw(rest)
        .raw(r#""}"#);
}
