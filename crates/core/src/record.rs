//! One normalized fact, as a connector reads it.

use serde::{Deserialize, Serialize};

use crate::{
    Account, ActivityWindow, ApiGrant, Assignment, Change, Credential, Device, DeviceUse, EntityKind, Factor,
    Governance, Group, Holding, Link, Membership, Ownership, Permission, Policy, PolicyRule, Push, Resource,
    Role, Rule, ScopeSet, SetMember, Setting, Trust, TrustUse, Usage,
};

/// One normalized fact.
///
/// The order of the variants is part of the stored format: new ones go at the end. Large ones are boxed, because there
/// are far more edges than entities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An account exists.
    Account(Box<Account>),
    /// A group exists.
    Group(Box<Group>),
    /// A rule exists.
    Rule(Box<Rule>),
    /// A resource exists.
    Resource(Box<Resource>),
    /// A role exists.
    Role(Role),
    /// An account is in a group.
    Membership(Membership),
    /// A principal may use a resource.
    Assignment(Assignment),
    /// A principal holds a role.
    Holding(Holding),
    /// What an account did.
    Usage(Usage),
    /// The span that activity was read for.
    ActivityWindow(ActivityWindow),
    /// A scope set exists.
    ScopeSet(Box<ScopeSet>),
    /// A credential exists.
    Credential(Box<Credential>),
    /// A policy exists.
    Policy(Box<Policy>),
    /// An identity provider is trusted.
    Trust(Box<Trust>),
    /// A device exists.
    Device(Box<Device>),
    /// A scope set holds something.
    SetMember(Box<SetMember>),
    /// A role allows something.
    Permission(Permission),
    /// A group has an owner.
    Ownership(Ownership),
    /// An account names another.
    Link(Link),
    /// A group is copied into a resource.
    Push(Box<Push>),
    /// An application may use the provider's interface.
    ApiGrant(ApiGrant),
    /// An account has a second factor.
    Factor(Box<Factor>),
    /// A policy has a rule.
    PolicyRule(Box<PolicyRule>),
    /// A policy decides about a resource.
    Governance(Governance),
    /// An account uses a device.
    DeviceUse(DeviceUse),
    /// Something else is set up.
    Setting(Box<Setting>),
    /// Something was changed.
    Change(Box<Change>),
    /// An account is known to an identity provider.
    TrustUse(TrustUse),
}

impl Record {
    /// What identifies the fact inside its data source: `account/ID`, `membership/GROUP/ACCOUNT`.
    ///
    /// Two records with the same key are two readings of one fact.
    pub fn key(&self) -> String {
        match self {
            Self::Account(account) => format!("account/{}", account.id),
            Self::Group(group) => format!("group/{}", group.id),
            Self::Rule(rule) => format!("rule/{}", rule.id),
            Self::Resource(resource) => format!("resource/{}", resource.id),
            Self::Role(role) => format!("role/{}", role.id),
            Self::Membership(edge) => format!("membership/{}/{}", edge.group, edge.account),
            Self::Assignment(edge) => format!("assignment/{}/{}", edge.resource, edge.principal),
            // The provider's own assignment id is not unique: who, what and how far is.
            Self::Holding(edge) => {
                let how = if edge.inherited { "inherited" } else { "direct" };
                format!("holding/{}/{}/{how}/{}", edge.principal, edge.role, edge.scope)
            }
            Self::Usage(usage) => match &usage.resource {
                Some(resource) => format!("usage/{}/{resource}", usage.account),
                None => format!("usage/{}", usage.account),
            },
            Self::ActivityWindow(_) => "activity_window".to_owned(),
            Self::ScopeSet(set) => format!("scope_set/{}", set.id),
            Self::Credential(credential) => format!("credential/{}", credential.id),
            Self::Policy(policy) => format!("policy/{}", policy.id),
            Self::Trust(trust) => format!("trust/{}", trust.id),
            Self::Device(device) => format!("device/{}", device.id),
            Self::SetMember(member) => format!("set_member/{}/{}", member.set, member.id),
            Self::Permission(permission) => format!("permission/{}/{}", permission.role, permission.name),
            Self::Ownership(edge) => format!("ownership/{}/{}", edge.group, edge.owner),
            Self::Link(link) => format!("link/{}/{}/{}", link.account, link.name, link.to),
            Self::Push(push) => format!("push/{}/{}", push.resource, push.id),
            Self::ApiGrant(grant) => format!("api_grant/{}/{}", grant.resource, grant.scope),
            Self::Factor(factor) => format!("factor/{}/{}", factor.account, factor.id),
            Self::PolicyRule(rule) => format!("policy_rule/{}/{}", rule.policy, rule.id),
            Self::Governance(edge) => format!("governance/{}/{}", edge.resource, edge.policy),
            Self::DeviceUse(edge) => format!("device_use/{}/{}", edge.device, edge.account),
            Self::Setting(setting) => format!("setting/{}/{}", setting.kind, setting.id),
            Self::Change(change) => format!("change/{}", change.id),
            Self::TrustUse(edge) => format!("trust_use/{}/{}", edge.trust, edge.account),
        }
    }

    /// The kind and id of the entity that this record describes; none for relations.
    pub fn entity(&self) -> Option<(EntityKind, &str)> {
        match self {
            Self::Account(account) => Some((EntityKind::Account, &account.id)),
            Self::Group(group) => Some((EntityKind::Group, &group.id)),
            Self::Rule(rule) => Some((EntityKind::Rule, &rule.id)),
            Self::Resource(resource) => Some((EntityKind::Resource, &resource.id)),
            Self::Role(role) => Some((EntityKind::Role, &role.id)),
            Self::ScopeSet(set) => Some((EntityKind::ScopeSet, &set.id)),
            Self::Credential(credential) => Some((EntityKind::Credential, &credential.id)),
            Self::Policy(policy) => Some((EntityKind::Policy, &policy.id)),
            Self::Trust(trust) => Some((EntityKind::Trust, &trust.id)),
            Self::Device(device) => Some((EntityKind::Device, &device.id)),
            _ => None,
        }
    }

    /// Combines a new reading of a fact with the older one of the same key.
    ///
    /// Roll-ups of the log add up; everything else is replaced.
    #[must_use]
    pub fn over(self, older: &Self) -> Self {
        match (self, older) {
            (Self::Usage(mut usage), Self::Usage(before)) => {
                usage.merge(before);
                Self::Usage(usage)
            }
            // Two spans with a hole between them are not one: the older is given up.
            (Self::ActivityWindow(new), Self::ActivityWindow(before))
                if new.since <= before.until && before.since <= new.until =>
            {
                let (since, until) = (new.since.min(before.since), new.until.max(before.until));
                Self::ActivityWindow(ActivityWindow { since, until })
            }
            (new, _) => new,
        }
    }
}
