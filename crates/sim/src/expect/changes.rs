//! What the rounds of change did, as plain data.

use std::collections::BTreeSet;

use super::Truth;
use crate::company::{Fate, Holder, Noted, Object, What};

/// One thing that is different after a round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What kind of thing it is.
    pub kind: ChangeKind,
    /// The thing's id, or the ids of the two ends of an edge in the order of the kind's name.
    pub ids: Vec<String>,
    /// What happened to it.
    pub what: What,
    /// When, in milliseconds since 1970. Stamps of objects are older: by up to one second, those of members by two. What
    /// only lost something that was deleted keeps its stamp.
    pub moment_ms: i64,
    /// The type of the event that tells of it; `None` where the provider has none.
    pub event_type: Option<&'static str>,
    /// The `uuid` of that event.
    pub event_uuid: Option<String>,
    /// Whether that event never gets into the log.
    pub lost: bool,
    /// Whether that event gets into the log only at the end of the next round.
    pub late: bool,
}

/// A kind of thing that changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeKind {
    /// An account: its profile or status.
    User,
    /// A group without its members.
    Group,
    /// A live account in a group, as group and user. Members of *Everyone* are not counted: they are the live accounts.
    GroupUser,
    /// A group rule.
    Rule,
    /// An application without its assignments.
    App,
    /// A row of an application, as application and user.
    AppUser,
    /// A group that has an application, as application and group.
    AppGroup,
    /// The roles of an account, direct ones and those through groups.
    UserRoles,
    /// The roles that a group gives.
    GroupRoles,
    /// A custom role with its permissions.
    CustomRole,
    /// A resource set with its resources.
    ResourceSet,
    /// An owner of a group, as group and owner.
    GroupOwner,
    /// A group that is pushed to an application, as application and mapping.
    AppPush,
    /// A scope that a client was granted, as application and grant.
    AppGrant,
    /// The keys and secrets of an application.
    AppCredentials,
    /// The roles of a machine client (application).
    ClientRoles,
    /// An API token.
    ApiToken,
    /// A policy without its rules.
    Policy,
    /// A rule, as policy and rule.
    PolicyRule,
    /// A second factor, as user and factor.
    UserFactor,
    /// A device with its users.
    Device,
    /// Anything that is set up once for the organisation.
    Setting,
}

/// How many different things a round left changed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Dirty {
    /// Accounts.
    pub users: u64,
    /// Groups whose own properties changed, new and deleted ones included.
    pub groups: u64,
    /// Groups whose members changed.
    pub member_lists: u64,
    /// Group rules.
    pub rules: u64,
    /// Applications whose own properties changed, new and deleted ones included.
    pub apps: u64,
    /// Pairs of an application and a user.
    pub app_users: u64,
    /// Pairs of an application and a group.
    pub app_groups: u64,
    /// Users and groups whose roles changed.
    pub role_holders: u64,
    /// Custom roles.
    pub custom_roles: u64,
    /// Resource sets.
    pub resource_sets: u64,
    /// Pairs of a group and an owner.
    pub owners: u64,
    /// Groups that are pushed to applications.
    pub push_mappings: u64,
    /// Scopes granted to clients.
    pub grants: u64,
    /// Applications whose keys and secrets changed.
    pub credentials: u64,
    /// Machine clients whose roles changed.
    pub client_roles: u64,
    /// API tokens.
    pub api_tokens: u64,
    /// Policies without their rules.
    pub policies: u64,
    /// Rules of policies.
    pub policy_rules: u64,
    /// Second factors.
    pub factors: u64,
    /// Devices.
    pub devices: u64,
    /// Everything else that is set up.
    pub settings: u64,
}

impl Truth<'_> {
    /// What is different after this round, in the order in which it happened; each thing once. What a round undid itself
    /// is not there. Rounds are counted from 1.
    pub fn changes(&self, round: u32) -> Vec<Change> {
        let of_round = self.company.changes.iter().filter(|noted| noted.round == round);
        of_round.map(|noted| self.change(noted)).collect()
    }

    /// How much is different after this round.
    pub fn dirty(&self, round: u32) -> Dirty {
        let mut dirty = Dirty::default();
        let mut member_lists = BTreeSet::new();
        for change in self.changes(round) {
            match change.kind {
                ChangeKind::User => dirty.users += 1,
                ChangeKind::Group => dirty.groups += 1,
                ChangeKind::GroupUser => {
                    member_lists.insert(change.ids[0].clone());
                }
                ChangeKind::Rule => dirty.rules += 1,
                ChangeKind::App => dirty.apps += 1,
                ChangeKind::AppUser => dirty.app_users += 1,
                ChangeKind::AppGroup => dirty.app_groups += 1,
                ChangeKind::UserRoles | ChangeKind::GroupRoles => dirty.role_holders += 1,
                ChangeKind::CustomRole => dirty.custom_roles += 1,
                ChangeKind::ResourceSet => dirty.resource_sets += 1,
                ChangeKind::GroupOwner => dirty.owners += 1,
                ChangeKind::AppPush => dirty.push_mappings += 1,
                ChangeKind::AppGrant => dirty.grants += 1,
                ChangeKind::AppCredentials => dirty.credentials += 1,
                ChangeKind::ClientRoles => dirty.client_roles += 1,
                ChangeKind::ApiToken => dirty.api_tokens += 1,
                ChangeKind::Policy => dirty.policies += 1,
                ChangeKind::PolicyRule => dirty.policy_rules += 1,
                ChangeKind::UserFactor => dirty.factors += 1,
                ChangeKind::Device => dirty.devices += 1,
                ChangeKind::Setting => dirty.settings += 1,
            }
        }
        dirty.member_lists = member_lists.len() as u64;
        dirty
    }

    fn change(self, noted: &Noted) -> Change {
        let company = self.company;
        let (kind, ids) = match noted.object {
            Object::User(user) => (ChangeKind::User, vec![self.user_id(user)]),
            Object::Group(group) => (ChangeKind::Group, vec![self.group_id(group)]),
            Object::Member { group, user } => {
                (ChangeKind::GroupUser, vec![self.group_id(group), self.user_id(user)])
            }
            Object::Rule(rule) => (ChangeKind::Rule, vec![company.rules[rule as usize].id.to_string()]),
            Object::App(app) => (ChangeKind::App, vec![self.app_id(app)]),
            Object::AppUser { app, user } => {
                (ChangeKind::AppUser, vec![self.app_id(app), self.user_id(user)])
            }
            Object::AppGroup { app, group } => {
                (ChangeKind::AppGroup, vec![self.app_id(app), self.group_id(group)])
            }
            Object::Roles(Holder::User(user)) => (ChangeKind::UserRoles, vec![self.user_id(user)]),
            Object::Roles(Holder::Group(group)) => (ChangeKind::GroupRoles, vec![self.group_id(group)]),
            Object::CustomRole(role) => {
                (ChangeKind::CustomRole, vec![company.custom_roles[role as usize].id.to_string()])
            }
            Object::ResourceSet(set) => {
                (ChangeKind::ResourceSet, vec![company.resource_sets[set as usize].id.to_string()])
            }
            Object::Owner { group, owner } => {
                let owner = match owner {
                    Holder::User(user) => self.user_id(user),
                    Holder::Group(group) => self.group_id(group),
                };
                (ChangeKind::GroupOwner, vec![self.group_id(group), owner])
            }
            Object::Push { app, mapping } => {
                (ChangeKind::AppPush, vec![self.app_id(app), mapping.to_string()])
            }
            Object::Grant { app, grant } => (ChangeKind::AppGrant, vec![self.app_id(app), grant.to_string()]),
            Object::Credentials(app) => (ChangeKind::AppCredentials, vec![self.app_id(app)]),
            Object::ClientRoles(app) => (ChangeKind::ClientRoles, vec![self.app_id(app)]),
            Object::ApiToken(token) => (ChangeKind::ApiToken, vec![token.to_string()]),
            Object::Policy(policy) => {
                (ChangeKind::Policy, vec![company.policies[policy as usize].id.to_string()])
            }
            Object::PolicyRule { policy, rule } => {
                let policy = &company.policies[policy as usize];
                let rule = policy.rules[rule as usize].id.to_string();
                (ChangeKind::PolicyRule, vec![policy.id.to_string(), rule])
            }
            Object::Factor { user, factor } => {
                (ChangeKind::UserFactor, vec![self.user_id(user), factor.to_string()])
            }
            Object::Device(device) => {
                (ChangeKind::Device, vec![company.devices[device as usize].id.to_string()])
            }
            Object::Setting(setting) => (ChangeKind::Setting, vec![setting.to_string()]),
        };
        let fate = noted.event.and_then(|(number, _)| company.fates.get(&number));
        Change {
            kind,
            ids,
            what: noted.what,
            moment_ms: noted.moment,
            event_type: noted.event.map(|(_, kind)| kind.as_str()),
            event_uuid: noted.event.map(|(number, _)| crate::company::uuid(company.spec.seed, number)),
            lost: fate == Some(&Fate::Lost),
            late: fate == Some(&Fate::Late),
        }
    }
}
