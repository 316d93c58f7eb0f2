//! Machine clients: what they may do, what they prove themselves with, and the tokens and integrations besides them.

use super::{
    AUDITOR, AWS, App, CHIEF, Company, CompanySpec, FINANCE, GITHUB, PAYROLL_API, REVIEW_ROBOT, Role,
    RoleScope, SECURITY_SCANNER, SERVICE_ACCOUNT, SignOnMode, User, UserKind,
    admins::{self, DIRECTORY_SET, READS_DIRECTORY},
    cast::PEOPLE,
    detail, indices, moment, opaque, position,
};
use crate::{
    clock::DAY,
    id::Id,
    rng::{Rng, scramble},
};

/// A scope of the provider's own API that an application was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the provider's own")]
pub struct Grant {
    pub id: Id,
    /// The application (index); its id is the client's.
    pub app: u32,
    pub scope: &'static str,
    /// `ADMIN`, or `END_USER` where a person agreed.
    pub source: &'static str,
    /// Who granted it (user index).
    pub created_by: u32,
    pub created: i64,
}

/// What an application or the provider proves itself with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// The credential's id; a signing key's id is its `kid`.
    pub id: String,
    /// The application (index).
    pub app: u32,
    /// What it is.
    pub kind: CredentialKind,
    /// The key's name, for keys.
    pub kid: Option<String>,
    /// Whether its status is `ACTIVE` (otherwise `INACTIVE`).
    pub active: bool,
    /// When it was made.
    pub created: i64,
    /// When it ends, for signing keys.
    pub expires: Option<i64>,
}

/// What a credential is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// The certificate with which the provider signs for an application.
    SigningKey,
    /// A public key of a client.
    Jwk,
    /// A secret that client and provider share.
    Secret,
}

/// An administrator role that a machine client holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientRole {
    /// The assignment's id. Not unique for roles that can be limited to targets, as in the real API.
    pub id: String,
    /// The application (index).
    pub app: u32,
    /// Which role.
    pub role: Role,
    /// On what.
    pub scope: RoleScope,
    /// When it was given.
    pub created: i64,
}

/// A long-lived token of the organisation's API.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the provider's own")]
pub struct ApiToken {
    pub id: String,
    pub name: String,
    /// Whose rights it has (user index).
    pub user: u32,
    pub client_name: &'static str,
    /// How long it lives unused, as the provider writes durations.
    pub token_window: Option<&'static str>,
    /// `ANYWHERE` or `ZONE`.
    pub network: Option<&'static str>,
    pub expires: Option<i64>,
    pub created: i64,
    pub last_updated: i64,
}

/// An integration from the provider's catalogue that calls the API by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the provider's own")]
pub struct ApiService {
    pub id: Id,
    pub kind: String,
    pub name: String,
    pub granted_scopes: &'static [&'static str],
    /// Who added it (user index).
    pub created_by: u32,
    pub created: i64,
}

impl App {
    /// Whether the application is a client of the provider with an id and credentials of its own.
    pub fn is_oidc_client(&self) -> bool {
        self.sign_on_mode == Some(SignOnMode::OpenIdConnect) && self.name != "saasure"
    }

    /// Whether the client proves itself with a shared secret (otherwise with a key).
    pub fn has_secret(&self) -> bool {
        self.is_oidc_client() && (!self.service || self.label == SECURITY_SCANNER)
    }
}

const WEB_SCOPES: [&str; 3] = ["okta.users.read.self", "okta.users.read", "okta.groups.read"];
pub(super) const SERVICE_SCOPES: [&str; 8] = [
    "okta.users.read",
    "okta.groups.read",
    "okta.apps.read",
    "okta.logs.read",
    "okta.roles.read",
    "okta.policies.read",
    "okta.users.manage",
    "okta.groups.manage",
];

/// Every service has some, and one in five other clients.
pub(super) fn grants(spec: &CompanySpec, apps: &[App]) -> Vec<Grant> {
    let mut rng = Rng::new(spec.seed, "grants");
    let admin = position(PEOPLE.iter().map(|person| person.login), CHIEF);
    let mut grants = Vec::new();
    for (app, index) in apps.iter().zip(0..).filter(|(app, _)| app.is_oidc_client()) {
        let (scopes, count) = if app.service {
            (SERVICE_SCOPES.as_slice(), 2 + rng.index(5))
        } else {
            (WEB_SCOPES.as_slice(), if rng.chance(200) { 1 + rng.index(2) } else { 0 })
        };
        for &scope in &scopes[..count] {
            grants.push(Grant {
                id: Id::new(spec.seed, "oag", grants.len() as u32),
                app: index,
                scope,
                source: if !app.service && rng.chance(300) { "END_USER" } else { "ADMIN" },
                created_by: admin,
                created: moment(&mut rng, app.created, spec.now.as_millisecond() - DAY),
            });
        }
    }
    grants
}

/// Signing keys of everything that is signed for, and what clients prove themselves with; some were replaced.
pub(super) fn credentials(spec: &CompanySpec, apps: &[App]) -> Vec<Credential> {
    let mut rng = Rng::new(spec.seed, "credentials");
    let now = spec.now.as_millisecond();
    let mut credentials: Vec<Credential> = Vec::new();
    for (app, index) in apps.iter().zip(0_u32..) {
        credentials.extend(signing_credential(spec.seed, index, app));
        if !app.is_oidc_client() {
            continue;
        }
        let replaced = rng.chance(250);
        for old in [true, false] {
            if old && !replaced {
                continue;
            }
            let number = credentials.len() as u32;
            let (kind, prefix) =
                if app.has_secret() { (CredentialKind::Secret, "ocs") } else { (CredentialKind::Jwk, "pks") };
            credentials.push(Credential {
                id: Id::new(spec.seed, prefix, number).to_string(),
                app: index,
                kind,
                kid: (kind == CredentialKind::Jwk)
                    .then(|| opaque(spec.seed, 0x6A77_0000 + u64::from(number), 11)),
                active: !old,
                created: if old { app.created } else { moment(&mut rng, app.created, now - DAY) },
                expires: None,
            });
        }
    }
    credentials
}

/// The key with which the provider signs for an application, where it does.
pub(super) fn signing_credential(seed: u64, index: u32, app: &App) -> Option<Credential> {
    app.is_signed_for().then(|| Credential {
        id: signing_key(seed, index),
        app: index,
        kind: CredentialKind::SigningKey,
        kid: Some(signing_key(seed, index)),
        active: true,
        created: app.created,
        expires: Some(app.created + 3650 * DAY),
    })
}

impl App {
    /// Whether the provider signs what it says to the application.
    pub fn is_signed_for(&self) -> bool {
        matches!(self.sign_on_mode, Some(SignOnMode::Saml | SignOnMode::OpenIdConnect))
    }
}

/// The name of the key with which the provider signs for an application.
pub(crate) fn signing_key(seed: u64, app: u32) -> String {
    let half = |topic: u64| opaque(seed, topic + u64::from(app), 11);
    format!("{}-{}", half(0x4B49_4400), half(0x4B49_4500))
}

/// The roles of the special clients, and of one in two other services.
pub(super) fn roles(spec: &CompanySpec, apps: &[App]) -> Vec<ClientRole> {
    let now = spec.now.as_millisecond();
    let mut rng = Rng::new(spec.seed, "client roles");
    let mut roles = Vec::new();
    for (app, index) in apps.iter().zip(0_u32..).filter(|(app, _)| app.service) {
        let standard = Role::Standard;
        let held = match app.label.as_str() {
            PAYROLL_API => vec![(standard("USER_ADMIN"), RoleScope::Groups(vec![admins::group(FINANCE)]))],
            REVIEW_ROBOT => vec![
                (standard("READ_ONLY_ADMIN"), RoleScope::Org),
                (Role::Custom(0), RoleScope::ResourceSet(0)),
                (Role::Custom(READS_DIRECTORY), RoleScope::ResourceSet(DIRECTORY_SET)),
            ],
            SECURITY_SCANNER => vec![
                (standard("APP_ADMIN"), RoleScope::Apps(vec![admins::app(GITHUB), admins::app(AWS)])),
                (standard("HELP_DESK_ADMIN"), RoleScope::Org),
            ],
            _ if detail(spec.seed, 7, index).is_multiple_of(2) => {
                vec![(Role::Custom(READS_DIRECTORY), RoleScope::ResourceSet(DIRECTORY_SET))]
            }
            _ => Vec::new(),
        };
        for (role, scope) in held {
            // Numbers of people's and clients' assignments must not meet.
            let number = 1_000_000 + roles.len() as u32;
            roles.push(ClientRole {
                id: admins::role_assignment_id(spec.seed, number, "cra", role),
                app: index,
                role,
                scope,
                created: moment(&mut rng, app.created, now - DAY),
            });
        }
    }
    roles
}

/// Three of special people, and one more per 500 people.
pub(super) fn api_tokens(spec: &CompanySpec, users: &[User]) -> Vec<ApiToken> {
    let mut rng = Rng::new(spec.seed, "api tokens");
    let now = spec.now.as_millisecond();
    let special =
        [(SERVICE_ACCOUNT, "HR provisioning"), (CHIEF, "Migration 2024"), (AUDITOR, "Audit export")];
    let special = special
        .map(|(login, name)| (position(PEOPLE.iter().map(|person| person.login), login), name.to_owned()));
    let machines: Vec<u32> =
        indices(users).filter(|&user| users[user as usize].kind == UserKind::Service).collect();
    let more = (0..spec.people / 500).map(|number| format!("automation {number}"));
    let more: Vec<_> = more.map(|name| (*rng.pick(&machines), name)).collect();
    special
        .into_iter()
        .chain(more)
        .zip(0_u32..)
        .map(|((user, name), number)| {
            let created = moment(&mut rng, now - 600 * DAY, now - 40 * DAY);
            let last_updated = moment(&mut rng, now - 29 * DAY, now);
            ApiToken {
                id: Id::new(spec.seed, "00T", number).to_string(),
                name,
                user,
                client_name: "Okta API",
                token_window: (number % 3 != 1).then_some("P30D"),
                network: match number % 4 {
                    2 => None,
                    3 => Some("ZONE"),
                    _ => Some("ANYWHERE"),
                },
                expires: (number % 3 != 1).then_some(last_updated + 30 * DAY),
                created,
                last_updated,
            }
        })
        .collect()
}

/// More than fit on one page of the listing.
pub(super) fn api_services(spec: &CompanySpec) -> Vec<ApiService> {
    const NAMES: [&str; 4] = ["Posture Watch", "Access Reports", "Backup Vault", "Ticket Bridge"];
    const SCOPES: [&[&str]; 3] = [
        &["okta.users.read", "okta.groups.read", "okta.logs.read"],
        &["okta.apps.read", "okta.users.read"],
        &["okta.users.manage", "okta.groups.manage"],
    ];
    let mut rng = Rng::new(spec.seed, "api services");
    let now = spec.now.as_millisecond();
    (0..11 + spec.people / 1000)
        .map(|number| {
            let name = NAMES[number as usize % NAMES.len()];
            ApiService {
                // The ids of applications go on.
                id: Id::new(spec.seed, "0oa", 1_000_000 + number),
                kind: name.to_lowercase().replace(' ', ""),
                name: format!("{name} {number}"),
                granted_scopes: SCOPES[number as usize % SCOPES.len()],
                created_by: position(PEOPLE.iter().map(|person| person.login), CHIEF),
                created: moment(&mut rng, now - 500 * DAY, now - DAY),
            }
        })
        .collect()
}

impl Company {
    /// The text of a shared secret: what nobody but the client should ever read.
    pub fn secret_of(&self, credential: &Credential) -> String {
        let number = u64::from(credential.app) ^ scramble(credential.created as u64);
        let half = |topic: u64| opaque(self.spec.seed, topic ^ number, 11);
        format!("{}_{}{}", half(0x5EC1), half(0x5EC2), half(0x5EC3))
    }
}
