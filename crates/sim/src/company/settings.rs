//! What is set up once for the whole organisation: zones, hooks, identity providers and the like.

use serde_json::{Value, json};

use super::{
    ADA, ApiToken, App, CHIEF, Company, CompanySpec, DOMAIN, ENG, admins,
    cast::{COMPANY_NAME, PEOPLE},
    detail, opaque, position,
};
use crate::{
    clock::{DAY, MINUTE, stamp, stamp_without_millis},
    id::Id,
    rng::Rng,
};

/// Something that is set up for the whole organisation.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// What it is.
    pub kind: SettingKind,
    /// Its id. Definitions of linked objects have none; theirs is the name of the primary relation.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status, for kinds that have one.
    pub status: Option<&'static str>,
    /// The object as the provider writes it, without links. Some of them hold secrets.
    pub body: Value,
}

/// What a setting is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the provider's own")]
pub enum SettingKind {
    Authenticator,
    Zone,
    TrustedOrigin,
    IdentityProvider,
    EventHook,
    InlineHook,
    LogStream,
    Behavior,
    DeviceAssurance,
    AgentPool,
    Feature,
    UserType,
    LinkedObject,
    PrincipalRateLimit,
    Realm,
    AuthorizationServer,
}

/// All settings, kind by kind.
pub(super) fn generate(spec: &CompanySpec, apps: &[App], tokens: &[ApiToken]) -> Vec<Setting> {
    let mut maker = Maker { spec, rng: Rng::new(spec.seed, "settings"), settings: Vec::new() };
    maker.authenticators();
    maker.zones();
    maker.trusted_origins();
    maker.identity_providers();
    maker.hooks();
    maker.log_streams();
    maker.behaviors();
    maker.device_assurances();
    maker.agent_pools();
    maker.features();
    maker.profiles();
    maker.rate_limits(apps, tokens);
    maker.realms();
    maker.authorization_servers();
    maker.settings
}

impl Company {
    /// The settings of a kind.
    pub fn settings_of(&self, kind: SettingKind) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(move |setting| setting.kind == kind)
    }

    /// Who is linked to a user by a relation: people to their managers, in both directions. The other relation that is
    /// defined links nobody.
    pub fn linked_users(&self, user: u32, relation: &str) -> Vec<u32> {
        match relation {
            "manager" => self.users[user as usize].manager.into_iter().collect(),
            "subordinate" => (0..)
                .zip(&self.users)
                .filter(|(_, other)| !other.deleted && other.manager == Some(user))
                .map(|(index, _)| index)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The id of the realm that a user belongs to: the default one for most.
    pub fn realm_of(&self, user: u32) -> &str {
        let realms: Vec<&Setting> = self.settings_of(SettingKind::Realm).collect();
        let value = detail(self.spec.seed, 9, user) as usize % (realms.len() * 4).max(1);
        realms.get(value).or(realms.first()).map_or("", |realm| realm.id.as_str())
    }
}

struct Maker<'a> {
    spec: &'a CompanySpec,
    rng: Rng,
    settings: Vec<Setting>,
}

impl Maker<'_> {
    /// Adds a setting: an id that starts with `prefix`, a name, a status, the times, and what else is in `body`.
    fn add(
        &mut self,
        kind: SettingKind,
        prefix: &str,
        name: &str,
        status: Option<&'static str>,
        body: Value,
    ) {
        let id = Id::new(self.spec.seed, prefix, 2_000_000 + self.settings.len() as u32).to_string();
        let created = self.stamp();
        let mut object = json!({ "id": id, "name": name, "created": created, "lastUpdated": created });
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), body) {
            object.extend(status.map(|status| ("status".to_owned(), status.into())));
            object.extend(more);
        }
        self.settings.push(Setting { kind, id, name: name.to_owned(), status, body: object });
    }

    fn stamp(&mut self) -> String {
        let now = self.spec.now.as_millisecond();
        stamp(self.rng.between(now - 900 * DAY, now - MINUTE) / 1000 * 1000)
    }

    /// What nobody who only reads should keep.
    fn secret(&mut self) -> String {
        let topic = 0x005E_C8E7 + self.settings.len() as u64;
        format!("{}{}", opaque(self.spec.seed, topic, 11), opaque(self.spec.seed, topic ^ 1 << 40, 11))
    }

    /// How many of something that large companies have more of.
    fn count(&self, fewest: u32, people_for_one_more: u32) -> u32 {
        fewest + (self.spec.people / people_for_one_more).min(60)
    }

    fn authenticators(&mut self) {
        for (key, kind, name, active) in [
            ("okta_password", "password", "Password", true),
            ("okta_email", "email", "Email", true),
            ("phone_number", "phone", "Phone", true),
            ("okta_verify", "app", "Okta Verify", true),
            ("google_otp", "app", "Google Authenticator", true),
            ("webauthn", "security_key", "Security Key or Biometric", true),
            ("security_question", "security_question", "Security Question", false),
        ] {
            let body = json!({ "key": key, "type": kind, "settings": { "allowedFor": "any" } });
            self.add(SettingKind::Authenticator, "aut", name, Some(active_or_not(active)), body);
        }
    }

    fn zones(&mut self) {
        let range = |net: u32| json!([{ "type": "CIDR", "value": format!("198.51.100.{net}/28") }]);
        for (name, usage, system) in [
            ("LegacyIpZone", "POLICY", true),
            ("BlockedIpZone", "BLOCKLIST", true),
            ("Offices", "POLICY", false),
        ] {
            let body = json!({ "type": "IP", "usage": usage, "system": system, "gateways": range(16), "proxies": null });
            self.add(SettingKind::Zone, "nzo", name, Some("ACTIVE"), body);
        }
        let countries = json!([{ "country": "US", "region": null }, { "country": "DE", "region": "DE-BE" }]);
        let body = json!({ "type": "DYNAMIC", "usage": "POLICY", "system": false, "locations": countries, "proxyType": "" });
        self.add(SettingKind::Zone, "nzo", "Countries we work in", Some("ACTIVE"), body);
        let body = json!({
            "type": "DYNAMIC_V2", "usage": "BLOCKLIST", "system": false,
            "locations": { "include": [], "exclude": [] }, "asns": { "include": [], "exclude": [] },
            "ipServiceCategories": { "include": ["ALL_ANONYMIZERS"], "exclude": [] },
        });
        self.add(SettingKind::Zone, "nzo", "Anonymizers", Some("INACTIVE"), body);
        for number in 0..self.count(0, 1000) {
            let gateways = range(16 * (number % 15));
            let body = json!({ "type": "IP", "usage": "POLICY", "system": false, "gateways": gateways, "proxies": [] });
            self.add(SettingKind::Zone, "nzo", &format!("Site {number}"), Some("ACTIVE"), body);
        }
    }

    fn trusted_origins(&mut self) {
        let creator = self.person(CHIEF);
        for number in 0..self.count(2, 400) {
            let scopes = match number % 3 {
                0 => json!([{ "type": "CORS" }]),
                1 => json!([{ "type": "CORS" }, { "type": "REDIRECT" }]),
                _ => json!([{ "type": "IFRAME_EMBED", "allowedOktaApps": ["OKTA_ENDUSER"] }]),
            };
            let body = json!({
                "origin": format!("https://portal-{number}.{DOMAIN}"), "scopes": scopes,
                "createdBy": creator, "lastUpdatedBy": creator,
            });
            let status = active_or_not(number % 7 != 6);
            self.add(SettingKind::TrustedOrigin, "tos", &format!("Portal {number}"), Some(status), body);
        }
    }

    fn identity_providers(&mut self) {
        let engineers = Id::new(self.spec.seed, "00g", admins::group(ENG)).to_string();
        for number in 0..self.count(4, 500) {
            let host = format!("https://login.partner-{number}.example");
            let secret = self.secret();
            let endpoints = json!({
                "authorization": { "url": format!("{host}/authorize"), "binding": "HTTP-REDIRECT" },
                "token": { "url": format!("{host}/token"), "binding": "HTTP-POST" },
            });
            let client =
                json!({ "client": { "client_id": format!("alderfinch-{number}"), "client_secret": secret } });
            let (kind, protocol) = match number % 4 {
                0 => (
                    "SAML2",
                    json!({
                        "type": "SAML2",
                        "endpoints": { "sso": { "url": host, "binding": "HTTP-POST", "destination": host } },
                        "credentials": { "trust": { "issuer": host, "audience": "https://www.okta.com/saml2/service-provider/sp", "kid": "partner" } },
                    }),
                ),
                1 => (
                    "OIDC",
                    json!({
                        "type": "OIDC", "endpoints": endpoints, "scopes": ["openid", "email"],
                        "issuer": { "url": host }, "credentials": client,
                    }),
                ),
                2 => (
                    "GOOGLE",
                    json!({ "type": "OIDC", "endpoints": endpoints, "scopes": ["openid", "profile"], "credentials": client }),
                ),
                _ => (
                    "FACEBOOK",
                    json!({ "type": "OAUTH2", "endpoints": endpoints, "scopes": ["email"], "credentials": client }),
                ),
            };
            let groups = if number % 2 == 0 {
                json!({ "action": "NONE" })
            } else {
                json!({ "action": "ASSIGN", "assignments": [engineers] })
            };
            let body = json!({
                "type": kind, "issuerMode": "ORG_URL", "protocol": protocol,
                "policy": {
                    "provisioning": {
                        "action": "AUTO", "profileMaster": number % 4 == 0, "groups": groups,
                        "conditions": { "deprovisioned": { "action": "NONE" }, "suspended": { "action": "NONE" } },
                    },
                    "accountLink": { "filter": null, "action": "AUTO" },
                    "subject": {
                        "userNameTemplate": { "template": "idpuser.email" }, "filter": null,
                        "matchType": "USERNAME", "matchAttribute": null,
                    },
                    "maxClockSkew": 0,
                },
            });
            let status = active_or_not(number % 9 != 8);
            self.add(SettingKind::IdentityProvider, "0oa", &format!("Partner {number}"), Some(status), body);
        }
    }

    fn hooks(&mut self) {
        let creator = self.person(CHIEF);
        for (name, events, status) in [
            ("Leavers to chat", json!(["user.lifecycle.deactivate", "user.lifecycle.suspend"]), "ACTIVE"),
            ("Membership mirror", json!(["group.user_membership.add"]), "INACTIVE"),
        ] {
            let body = json!({
                "verificationStatus": "VERIFIED", "description": null, "createdBy": creator,
                "events": { "type": "EVENT_TYPE", "items": events, "filter": null },
                "channel": http_channel("https://hooks.alderfinch.example/events"),
            });
            self.add(SettingKind::EventHook, "who", name, Some(status), body);
        }
        for (name, kind) in [
            ("Token claims", "com.okta.oauth2.tokens.transform"),
            ("Check imports", "com.okta.import.transform"),
        ] {
            let channel = http_channel("https://hooks.alderfinch.example/inline");
            let body = json!({ "type": kind, "version": "1.0.0", "channel": channel });
            self.add(SettingKind::InlineHook, "cal", name, Some("ACTIVE"), body);
        }
    }

    fn log_streams(&mut self) {
        let body = json!({
            "type": "aws_eventbridge",
            "settings": { "accountId": "123456789012", "eventSourceName": "alderfinch", "region": "eu-west-1" },
        });
        self.add(SettingKind::LogStream, "0oa", "Archive", Some("ACTIVE"), body);
        let token = self.secret();
        let body = json!({
            "type": "splunk_cloud_logstreaming",
            "settings": { "host": "alderfinch.splunkcloud.example", "edition": "aws", "token": token },
        });
        self.add(SettingKind::LogStream, "0oa", "Security analytics", Some("ACTIVE"), body);
    }

    /// More than fit on one page of the listing.
    fn behaviors(&mut self) {
        for (name, kind, settings) in [
            (
                "New City",
                "ANOMALOUS_LOCATION",
                json!({ "granularity": "CITY", "maxEventsUsedForEvaluation": 20 }),
            ),
            (
                "New Country",
                "ANOMALOUS_LOCATION",
                json!({ "granularity": "COUNTRY", "maxEventsUsedForEvaluation": 10 }),
            ),
            (
                "New State",
                "ANOMALOUS_LOCATION",
                json!({ "granularity": "SUBDIVISION", "maxEventsUsedForEvaluation": 15 }),
            ),
            (
                "New Geo-Location",
                "ANOMALOUS_LOCATION",
                json!({ "granularity": "LAT_LONG", "radiusKilometers": 20 }),
            ),
            ("New Device", "ANOMALOUS_DEVICE", json!({ "maxEventsUsedForEvaluation": 20 })),
            ("New IP", "ANOMALOUS_IP", json!({ "maxEventsUsedForEvaluation": 50 })),
            ("Velocity", "VELOCITY", json!({ "velocityKph": 805 })),
        ] {
            let body = json!({ "type": kind, "settings": settings });
            self.add(SettingKind::Behavior, "abd", name, Some("ACTIVE"), body);
        }
        for number in 0..6 {
            let body = json!({ "type": "VELOCITY", "settings": { "velocityKph": 300 + 100 * number } });
            self.add(SettingKind::Behavior, "abd", &format!("Velocity {number}"), Some("INACTIVE"), body);
        }
    }

    fn device_assurances(&mut self) {
        let author = self.person(CHIEF);
        for (name, platform, minimum) in [
            ("Current laptops", "MACOS", "14.0.0"),
            ("Current desktops", "WINDOWS", "10.0.22631"),
            ("Phones", "IOS", "17.0.0"),
        ] {
            let body = json!({
                "platform": platform, "osVersion": { "minimum": minimum }, "secureHardwarePresent": true,
                "screenLockType": { "include": ["PASSCODE", "BIOMETRIC"] },
                "createdBy": author, "lastUpdatedBy": author, "createdDate": self.stamp(), "lastUpdate": self.stamp(),
            });
            self.add(SettingKind::DeviceAssurance, "dae", name, None, body);
        }
    }

    fn agent_pools(&mut self) {
        let agent = |name: &str| {
            json!({
                "id": Id::new(self.spec.seed, "a53", name.len() as u32).to_string(), "name": name, "type": "AD",
                "operationalStatus": "OPERATIONAL", "version": "3.18.0", "isLatestGAedVersion": true, "isHidden": false,
            })
        };
        let body = json!({
            "type": "AD", "operationalStatus": "OPERATIONAL", "disruptedAgents": 0, "inactiveAgents": 0,
            "agents": [agent("dc-berlin"), agent("dc-lisbon-1")],
        });
        self.add(SettingKind::AgentPool, "0oa", "corp.alderfinch.example", None, body);
    }

    fn features(&mut self) {
        for (name, kind, stage, status) in [
            ("Custom Admin Roles", "self-service", json!({ "value": "EA" }), "ENABLED"),
            ("Device Assurance", "self-service", json!({ "value": "EA" }), "ENABLED"),
            (
                "Early Preview Console",
                "self-service",
                json!({ "value": "BETA", "state": "OPEN" }),
                "DISABLED",
            ),
        ] {
            let body = json!({ "type": kind, "stage": stage, "description": name });
            self.add(SettingKind::Feature, "ftr", name, Some(status), body);
        }
    }

    /// User types and relations between users.
    fn profiles(&mut self) {
        let author = self.person(CHIEF);
        let (kind, created) = (SettingKind::UserType, self.stamp());
        let user_type = |id: String, name: &str, display_name: &str, default: bool| Setting {
            kind,
            name: name.to_owned(),
            status: None,
            body: json!({
                "id": id, "name": name, "displayName": display_name, "default": default,
                "description": null, "createdBy": author, "lastUpdatedBy": author,
                "created": created, "lastUpdated": created,
            }),
            id,
        };
        let id = |number| Id::new(self.spec.seed, "oty", number).to_string();
        let types = [user_type(id(0), "user", "User", true), user_type(id(1), "partner", "Partner", false)];
        self.settings.extend(types);
        for (primary, associated) in [("manager", "subordinate"), ("mentor", "mentee")] {
            let side =
                |name: &str| json!({ "name": name, "title": name, "description": name, "type": "USER" });
            self.settings.push(Setting {
                kind: SettingKind::LinkedObject,
                id: primary.to_owned(),
                name: primary.to_owned(),
                status: None,
                body: json!({ "primary": side(primary), "associated": side(associated) }),
            });
        }
    }

    /// One for every token and for every service.
    fn rate_limits(&mut self, apps: &[App], tokens: &[ApiToken]) {
        let tokens = tokens.iter().map(|token| (token.id.clone(), "SSWS_TOKEN"));
        let services = apps.iter().filter(|app| app.service).map(|app| (app.id.to_string(), "OAUTH_CLIENT"));
        for (number, (principal, kind)) in (0_u32..).zip(tokens.chain(services)) {
            let stamp = stamp_without_millis(self.rng.between(0, self.spec.now.as_millisecond()));
            self.settings.push(rate_limit(self.spec.seed, number, principal, kind, &stamp));
        }
    }

    fn realms(&mut self) {
        for number in 0..self.count(3, 3000) {
            let name = if number == 0 { "Default Realm".to_owned() } else { format!("Subsidiary {number}") };
            let body =
                json!({ "isDefault": number == 0, "profile": { "name": name, "realmType": "DEFAULT" } });
            self.add(SettingKind::Realm, "guo", &name, None, body);
            // The name is in the profile only.
            if let Some(object) = self.settings.last_mut().and_then(|realm| realm.body.as_object_mut()) {
                object.remove("name");
            }
        }
    }

    fn authorization_servers(&mut self) {
        for (name, audience) in
            [("default", "api://default"), ("Partner API", "https://api.alderfinch.example")]
        {
            let kid = opaque(self.spec.seed, 0xA55 + audience.len() as u64, 11);
            let body = json!({
                "description": format!("{COMPANY_NAME}: {name}"), "audiences": [audience], "issuerMode": "ORG_URL",
                "default": name == "default",
                "credentials": { "signing": { "kid": kid, "rotationMode": "AUTO" } },
            });
            self.add(SettingKind::AuthorizationServer, "aus", name, Some("ACTIVE"), body);
        }
    }

    fn person(&self, login: &str) -> String {
        person(self.spec.seed, login)
    }
}

fn person(seed: u64, login: &str) -> String {
    let index = position(PEOPLE.iter().map(|person| person.login), login);
    Id::new(seed, "00u", index).to_string()
}

/// The share of a token or client (its id) in the rate limits.
pub(super) fn rate_limit(seed: u64, number: u32, principal: String, kind: &str, stamp: &str) -> Setting {
    let author = person(seed, ADA);
    let id = Id::new(seed, "prl", number).to_string();
    let body = json!({
        "id": id, "orgId": Id::new(seed, "00o", 0), "principalId": principal, "principalType": kind,
        "defaultPercentage": 50, "defaultConcurrencyPercentage": if number == 0 { 75 } else { 50 },
        "createdBy": author, "createdDate": stamp, "lastUpdatedBy": author, "lastUpdate": stamp,
    });
    Setting { kind: SettingKind::PrincipalRateLimit, id, name: principal, status: None, body }
}

fn active_or_not(active: bool) -> &'static str {
    if active { "ACTIVE" } else { "INACTIVE" }
}

fn http_channel(address: &str) -> Value {
    json!({
        "type": "HTTP", "version": "1.0.0",
        "config": {
            "uri": address, "headers": [], "method": "POST",
            "authScheme": { "type": "HEADER", "key": "Authorization" },
        },
    })
}
