//! How people sign in: policies and their rules, second factors, devices.

use std::borrow::Cow;

use super::{
    ADMIN_CONSOLE, App, Company, CompanySpec, ENG, EVERYONE, IT_ADMINS, Status, User, UserKind, admins,
    detail, indices, moment,
};
use crate::{
    clock::DAY,
    id::Id,
    rng::{Rng, scramble_text},
};

/// The types of policies that can be asked for, in the order in which the policies are kept.
pub const POLICY_TYPES: [&str; 11] = [
    "OKTA_SIGN_ON",
    "PASSWORD",
    "MFA_ENROLL",
    "IDP_DISCOVERY",
    "ACCESS_POLICY",
    "PROFILE_ENROLLMENT",
    "POST_AUTH_SESSION",
    "ENTITY_RISK",
    "SESSION_VIOLATION_DETECTION",
    "DEVICE_SIGNAL_COLLECTION",
    // There is none of this type.
    "CLIENT_UPDATE",
];

/// A policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The policy's id.
    pub id: Id,
    /// One of [`POLICY_TYPES`].
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether its status is `ACTIVE` (otherwise `INACTIVE`).
    pub active: bool,
    /// The lowest number is tried first.
    pub priority: u32,
    /// Whether the provider made it, so that it cannot be removed.
    pub system: bool,
    /// The groups it is for (indices); empty where it has no conditions.
    pub groups: Vec<u32>,
    /// When it was made.
    pub created: i64,
    /// When it was changed last.
    pub last_updated: i64,
    /// Its rules, in the order of their priorities.
    pub rules: Vec<PolicyRule>,
}

/// A rule of a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyRule {
    /// The rule's id.
    pub id: Id,
    /// Its name.
    pub name: Cow<'static, str>,
    /// Whether its status is `ACTIVE` (otherwise `INACTIVE`).
    pub active: bool,
    /// The lowest number is tried first; 99 is what catches the rest.
    pub priority: u32,
    /// Whether the provider made it; such a rule has no conditions.
    pub system: bool,
    /// Whether it lets people in (otherwise it refuses them).
    pub allows: bool,
    /// How many factors it asks for.
    pub factors: u8,
    /// The groups it is for (indices).
    pub groups: Vec<u32>,
    /// When it was made.
    pub created: i64,
    /// When it was changed last.
    pub last_updated: i64,
}

/// A second factor that somebody enrolled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Factor {
    /// Its id.
    pub id: Id,
    /// Whose it is (user index).
    pub user: u32,
    /// What it is.
    pub kind: FactorKind,
    /// Whether its status is `ACTIVE` (otherwise `PENDING_ACTIVATION`).
    pub active: bool,
    /// When it was enrolled.
    pub created: i64,
}

/// What a second factor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the provider's own")]
pub enum FactorKind {
    Push,
    Totp,
    GoogleTotp,
    Sms,
    WebAuthn,
    Email,
}

impl FactorKind {
    /// Factor type and provider as the provider writes them.
    pub fn as_strs(self) -> (&'static str, &'static str) {
        match self {
            Self::Push => ("push", "OKTA"),
            Self::Totp => ("token:software:totp", "OKTA"),
            Self::GoogleTotp => ("token:software:totp", "GOOGLE"),
            Self::Sms => ("sms", "OKTA"),
            Self::WebAuthn => ("webauthn", "FIDO"),
            Self::Email => ("email", "OKTA"),
        }
    }

    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Push => "opf",
            Self::Totp => "ost",
            Self::GoogleTotp => "uft",
            Self::Sms => "mbl",
            Self::WebAuthn => "fwf",
            Self::Email => "emf",
        }
    }
}

/// A registered device.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the provider's own")]
pub struct Device {
    pub id: Id,
    pub display_name: String,
    pub platform: &'static str,
    /// `ACTIVE`, `SUSPENDED` or `DEACTIVATED`.
    pub status: &'static str,
    /// Who uses it (user indices), and whether it is managed for them. Some devices have nobody left.
    pub users: Vec<(u32, bool)>,
    pub created: i64,
    pub last_updated: i64,
}

/// Some of every type, and more for applications in larger companies.
pub(super) fn policies(spec: &CompanySpec) -> Vec<Policy> {
    let mut maker = PolicyMaker {
        rng: Rng::new(spec.seed, "policies"),
        seed: spec.seed,
        now: spec.now.as_millisecond(),
        rules: 0,
        policies: Vec::new(),
    };
    let (eng, it) = (admins::group(ENG), admins::group(IT_ADMINS));
    maker.policy("OKTA_SIGN_ON", "Administrators", &[it], &["Two factors, always"]);
    maker.policy("OKTA_SIGN_ON", "Engineers", &[eng], &["From the office", "From elsewhere"]);
    maker.policy("OKTA_SIGN_ON", "Default Policy", &[EVERYONE], &[]);
    maker.policy("PASSWORD", "Long passwords", &[it], &["Change from anywhere"]);
    maker.policy("PASSWORD", "Default Policy", &[EVERYONE], &[]);
    maker.policy("MFA_ENROLL", "Hardware keys", &[it, eng], &["Enroll at once"]);
    maker.policy("MFA_ENROLL", "Default Policy", &[EVERYONE], &[]);
    maker.policy("IDP_DISCOVERY", "Idp Discovery Policy", &[], &["Partners go home"]);
    maker.policy("ACCESS_POLICY", ADMIN_CONSOLE, &[], &["Administrators with two factors"]);
    maker.policy("ACCESS_POLICY", "Any two factors", &[], &[]);
    maker.policy(
        "ACCESS_POLICY",
        "Password only",
        &[],
        &["Contractors are refused", "Engineers from the office"],
    );
    for number in 0..=(spec.people / 600).min(60) {
        let rules = &["From managed devices", "From elsewhere", "After a risky event"];
        maker.policy(
            "ACCESS_POLICY",
            &format!("Sensitive applications {number}"),
            &[],
            &rules[..number as usize % 4],
        );
    }
    maker.policy("PROFILE_ENROLLMENT", "Default Policy", &[], &[]);
    maker.policy("PROFILE_ENROLLMENT", "Partner portal", &[], &[]);
    maker.policy("POST_AUTH_SESSION", "Post Auth Policy", &[], &["End the session"]);
    maker.policy("ENTITY_RISK", "Entity Risk Policy", &[], &["High risk"]);
    maker.policy("SESSION_VIOLATION_DETECTION", "Session Violation Detection Policy", &[], &[]);
    maker.policy("DEVICE_SIGNAL_COLLECTION", "Device signals", &[], &["Laptops"]);
    maker.policies
}

struct PolicyMaker {
    rng: Rng,
    seed: u64,
    now: i64,
    rules: u32,
    policies: Vec<Policy>,
}

impl PolicyMaker {
    /// Adds a policy with these rules and one that catches the rest.
    fn policy(&mut self, kind: &'static str, name: &str, groups: &[u32], rules: &[&'static str]) {
        let number = self.policies.len() as u32;
        let priority = 1 + self.policies.iter().filter(|policy| policy.kind == kind).count() as u32;
        let created = moment(&mut self.rng, self.now - 1500 * DAY, self.now - 200 * DAY);
        let prefix = if matches!(kind, "OKTA_SIGN_ON" | "PASSWORD" | "MFA_ENROLL" | "IDP_DISCOVERY") {
            "00p"
        } else {
            "rst"
        };
        let chosen = rules.iter().map(|&rule| Some(rule)).chain([None]).zip(1_u32..);
        let rules: Vec<PolicyRule> =
            chosen.map(|(rule, priority)| self.rule(rule, priority, groups)).collect();
        let system = name.starts_with("Default") || rules.len() == 1;
        self.policies.push(Policy {
            id: Id::new(self.seed, prefix, number),
            kind,
            name: name.to_owned(),
            active: system || !self.rng.chance(80),
            priority,
            system,
            groups: groups.to_vec(),
            created,
            last_updated: created,
            rules,
        });
    }

    fn rule(&mut self, name: Option<&'static str>, priority: u32, groups: &[u32]) -> PolicyRule {
        self.rules += 1;
        let mut rule = PolicyRule {
            id: Id::new(self.seed, "rul", self.rules),
            name: Cow::Borrowed(name.unwrap_or("Catch-all Rule")),
            active: name.is_none() || !self.rng.chance(100),
            priority: if name.is_some() { priority } else { 99 },
            system: name.is_none(),
            allows: !name.is_some_and(|name| name.contains("refused")),
            factors: 1 + self.rng.below(2) as u8,
            groups: if name.is_some() { groups.to_vec() } else { Vec::new() },
            created: moment(&mut self.rng, self.now - 900 * DAY, self.now - 30 * DAY),
            last_updated: 0,
        };
        rule.last_updated = rule.created;
        rule
    }
}

/// Up to three for everyone who was ever activated and is no machine.
pub(super) fn factors(spec: &CompanySpec, users: &[User]) -> Vec<Factor> {
    let mut factors = Vec::with_capacity(users.len() * 2);
    for index in indices(users) {
        let user = &users[index as usize];
        let never = matches!(user.status, Status::Staged | Status::Provisioned | Status::Deprovisioned);
        if never || user.kind == UserKind::Service {
            continue;
        }
        let value = detail(spec.seed, 8, index);
        let kinds: &[FactorKind] = match value % 20 {
            0 => &[],
            1..4 => &[FactorKind::Sms],
            4..7 => &[FactorKind::WebAuthn, FactorKind::Push, FactorKind::Totp],
            7..9 => &[FactorKind::GoogleTotp, FactorKind::Email],
            9 => &[FactorKind::Email],
            _ => &[FactorKind::Push, FactorKind::Totp],
        };
        for (&kind, number) in kinds.iter().zip(0_u32..) {
            factors.push(Factor {
                id: Id::new(spec.seed, kind.prefix(), index * 4 + number),
                user: index,
                kind,
                active: !(value >> 8).is_multiple_of(25) || number > 0,
                created: user.created + i64::from(number) * DAY,
            });
        }
    }
    factors
}

pub(super) const PLATFORMS: [&str; 5] = ["MACOS", "WINDOWS", "IOS", "ANDROID", "CHROMEOS"];

impl Device {
    /// The name of the device with this number.
    pub(super) fn name(platform: &str, number: u32) -> String {
        format!("{}-{:05}", platform.to_lowercase(), 10_000 + number)
    }
}

/// About six for every ten people.
pub(super) fn devices(spec: &CompanySpec, users: &[User]) -> Vec<Device> {
    let mut rng = Rng::new(spec.seed, "devices");
    let now = spec.now.as_millisecond();
    let owners: Vec<u32> = indices(users)
        .filter(|&user| users[user as usize].is_live() && users[user as usize].kind != UserKind::Service)
        .collect();
    let count = (spec.people as usize * 6 / 10).max(5);
    (0..count as u32)
        .map(|number| {
            let platform = *rng.pick(&PLATFORMS);
            let people = match rng.below(20) {
                0 => 0,
                1 => 2,
                _ => 1,
            };
            let mut people: Vec<u32> = (0..people).map(|_| *rng.pick(&owners)).collect();
            people.sort_unstable();
            people.dedup();
            let created = moment(&mut rng, now - 900 * DAY, now - 10 * DAY);
            Device {
                id: Id::new(spec.seed, "guo", number),
                display_name: Device::name(platform, number),
                platform,
                status: match rng.below(30) {
                    0 => "SUSPENDED",
                    1 => "DEACTIVATED",
                    _ => "ACTIVE",
                },
                users: people.into_iter().map(|user| (user, !rng.chance(300))).collect(),
                created,
                last_updated: moment(&mut rng, created, now),
            }
        })
        .collect()
}

impl Company {
    /// The policies of a type.
    pub fn policies_of(&self, kind: &str) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(move |policy| policy.kind == kind)
    }

    /// The policy that decides who may sign in to an application.
    pub fn access_policy(&self, app: &App) -> &Policy {
        let mine = |policy: &&Policy| policy.kind == "ACCESS_POLICY";
        let count = self.policies.iter().filter(mine).count() as u64;
        // The first one is for the provider's own application for administrators.
        let chosen = if app.label == ADMIN_CONSOLE {
            0
        } else {
            1 + scramble_text(app.id.as_str()) % (count - 1).max(1)
        };
        let found = self.policies.iter().filter(mine).nth(chosen as usize);
        found.unwrap_or(&self.policies[0])
    }

    /// The factors of a user.
    pub fn factors_of(&self, user: u32) -> &[Factor] {
        let start = self.factors.partition_point(|factor| factor.user < user);
        let end = self.factors.partition_point(|factor| factor.user <= user);
        &self.factors[start..end]
    }
}
