//! Who and what an event of the system log names.

use crate::{
    company::{App, Company, Event, Group, Role, SYSTEM, Setting, SettingKind, SignOnMode, Subject, User},
    id::Id,
};

use super::{roles::standard_label, write::Json};

/// Something that an event names as its actor or target.
#[derive(Clone, Copy)]
pub(super) enum Entity<'a> {
    User(&'a User),
    /// Nobody: a rule or an import did it.
    System(&'a Company),
    /// Somebody's row in an application.
    AppUser(&'a User),
    /// A group under the name that it had at the time.
    Group(&'a Group, &'a str),
    /// An application under the label that it had at the time.
    App(&'a App, &'a str),
    /// Anything that is only an id, a type and a name.
    Other {
        id: &'a str,
        kind: &'static str,
        name: &'a str,
    },
}

/// Who did it.
pub(super) fn actor<'a>(company: &'a Company, event: &Event) -> Entity<'a> {
    match event.actor {
        SYSTEM => Entity::System(company),
        user => Entity::User(&company.users[user as usize]),
    }
}

/// What it was done to. The order is not fixed: only the types tell the targets apart.
pub(super) fn targets<'a>(company: &'a Company, event: &Event) -> Vec<Entity<'a>> {
    let user = |index: u32| &company.users[index as usize];
    let group = |index: u32| {
        let group = &company.groups[index as usize];
        let former = company.former_names.at(group.id, event.time);
        Entity::Group(group, former.unwrap_or(&group.name))
    };
    let app = |index: u32| {
        let app = &company.apps[index as usize];
        let former = company.former_names.at(app.id, event.time);
        Entity::App(app, former.unwrap_or(&app.label))
    };
    let mut targets = match event.subject {
        Subject::None => Vec::new(),
        Subject::Group(index) => return vec![Entity::User(user(event.actor)), group(index)],
        Subject::App(index) => vec![app(index), Entity::AppUser(user(event.actor))],
        Subject::User(index) => vec![Entity::User(user(index))],
        Subject::Member { group: index, user: member } => vec![Entity::User(user(member)), group(index)],
        Subject::GroupAlone(index) => vec![group(index)],
        Subject::AppAlone(index) => vec![app(index)],
        Subject::AppUser { app: index, user: owner } => {
            vec![app(index), Entity::AppUser(user(owner)), Entity::User(user(owner))]
        }
        Subject::AppGroup { app: index, group: assigned } => vec![group(assigned), app(index)],
        Subject::UserRole { user: holder, role } => {
            vec![Entity::User(user(holder)), named_role(company, role)]
        }
        Subject::GroupRole { group: holder, role } => vec![group(holder), named_role(company, role)],
        Subject::Rule(index) => {
            let rule = &company.rules[index as usize];
            let name = company.former_names.at(rule.id, event.time).unwrap_or(&rule.name);
            vec![Entity::Other { id: rule.id.as_str(), kind: "Rule", name }]
        }
        Subject::CustomRole(index) => {
            let role = &company.custom_roles[index as usize];
            vec![Entity::Other { id: role.id.as_str(), kind: "IAMRole", name: role.label }]
        }
        Subject::ResourceSet(index) => {
            let set = &company.resource_sets[index as usize];
            vec![Entity::Other { id: set.id.as_str(), kind: "IAMResourceSet", name: set.label }]
        }
        Subject::Scope { app: index, scope } => {
            vec![app(index), Entity::Other { id: scope, kind: "Scope", name: scope }]
        }
        Subject::ApiToken(id) => {
            let mut tokens = company.api_tokens.iter().chain(&company.revoked_tokens);
            let token = tokens.find(|token| token.id == id.as_str());
            token.map(|it| Entity::Other { id: &it.id, kind: "Token", name: &it.name }).into_iter().collect()
        }
        Subject::Policy(index) => vec![policy(company, event, index)],
        Subject::PolicyRule { policy: index, rule } => {
            let rule = &company.policies[index as usize].rules[rule as usize];
            let name = company.former_names.at(rule.id, event.time).unwrap_or(&rule.name);
            vec![
                policy(company, event, index),
                Entity::Other { id: rule.id.as_str(), kind: "PolicyRule", name },
            ]
        }
        Subject::DeviceUser { device, user: owner } => {
            let device = &company.devices[device as usize];
            let name = &device.display_name;
            vec![Entity::Other { id: device.id.as_str(), kind: "UDDevice", name }, Entity::User(user(owner))]
        }
        Subject::Setting(id) => {
            let setting = company.settings.iter().find(|setting| setting.id == id.as_str());
            setting.map(|it| named_setting(company, event, id, it)).into_iter().collect()
        }
    };
    let turn = (event.mixed(company.spec.seed) % targets.len().max(1) as u64) as usize;
    targets.rotate_left(turn);
    targets
}

fn policy<'a>(company: &'a Company, event: &Event, index: u32) -> Entity<'a> {
    let policy = &company.policies[index as usize];
    let name = company.former_names.at(policy.id, event.time).unwrap_or(&policy.name);
    Entity::Other { id: policy.id.as_str(), kind: "PolicyEntity", name }
}

fn named_setting<'a>(company: &'a Company, event: &Event, id: Id, setting: &'a Setting) -> Entity<'a> {
    let name = company.former_names.at(id, event.time).unwrap_or(&setting.name);
    let kind = if setting.kind == SettingKind::Zone { "NetworkZone" } else { "IdentityProvider" };
    Entity::Other { id: &setting.id, kind, name }
}

/// Of a role only the name means something.
fn named_role(company: &Company, role: Role) -> Entity<'_> {
    let name = match role {
        Role::Standard(kind) => standard_label(kind),
        Role::Custom(role) => company.custom_roles[role as usize].label,
    };
    Entity::Other { id: "unknown", kind: "ROLE", name }
}

impl Entity<'_> {
    /// The id by which a filter finds the event.
    pub(super) fn id(self) -> String {
        match self {
            Self::User(user) => user.id.to_string(),
            Self::System(company) => system_id(company),
            Self::AppUser(user) => format!("0ua{}", &user.id.as_str()[3..]),
            Self::Group(group, _) => group.id.to_string(),
            Self::App(app, _) => app.id.to_string(),
            Self::Other { id, .. } => id.to_owned(),
        }
    }

    pub(super) fn write(self, json: &mut Json) {
        json.raw(r#"{"id":""#).raw(&self.id()).raw(r#"","type":""#);
        match self {
            Self::User(user) | Self::AppUser(user) => {
                json.raw(if matches!(self, Self::User(_)) { "User" } else { "AppUser" });
                json.raw(r#"","alternateId":"#).string(&user.login);
                json.raw(r#","displayName":""#).text(&user.first_name).raw(" ").text(&user.last_name);
                json.raw(r#"","detailEntry":null}"#);
            }
            Self::System(_) => {
                json.raw(r#"SystemPrincipal","alternateId":"system@okta.com","displayName":"Okta System","detailEntry":null}"#);
            }
            Self::Group(_, name) => {
                json.raw(r#"UserGroup","alternateId":"unknown","displayName":"#).string(name);
                json.raw(r#","detailEntry":null}"#);
            }
            Self::App(app, label) => {
                json.raw(r#"AppInstance","alternateId":"#)
                    .string(label)
                    .raw(r#","displayName":"#)
                    .string(label);
                json.raw(r#","detailEntry":{"signOnModeType":"#);
                json.string_or_null(app.sign_on_mode.map(SignOnMode::as_str)).raw("}}");
            }
            Self::Other { kind, name, .. } => {
                json.raw(kind).raw(r#"","alternateId":"unknown","displayName":"#).string(name);
                json.raw(r#","detailEntry":null}"#);
            }
        }
    }
}

fn system_id(company: &Company) -> String {
    crate::id::Id::new(company.spec.seed, "spr", 0).to_string()
}
