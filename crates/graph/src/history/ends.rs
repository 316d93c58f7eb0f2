//! What a fact is about.

use sightline_core::{EntityKind, Principal, Record};

/// Something that a fact names: its kind and the provider's id.
pub type End<'r> = (EntityKind, &'r str);

/// Every account, group, resource and so on that a fact names as what it describes or connects.
pub fn ends(record: &Record) -> Vec<End<'_>> {
    let of = |principal: &Principal| principal.kind();
    match record {
        Record::Membership(edge) => {
            vec![(EntityKind::Account, &edge.account), (EntityKind::Group, &edge.group)]
        }
        Record::Assignment(edge) => {
            vec![(of(&edge.principal), edge.principal.id()), (EntityKind::Resource, &edge.resource)]
        }
        Record::Holding(edge) => {
            vec![(of(&edge.principal), edge.principal.id()), (EntityKind::Role, &edge.role)]
        }
        Record::Usage(usage) => {
            let resource = usage.resource.as_deref().map(|id| (EntityKind::Resource, id));
            [Some((EntityKind::Account, usage.account.as_str())), resource].into_iter().flatten().collect()
        }
        Record::Credential(credential) => {
            let owner = credential.owner.as_deref().and_then(object);
            [Some((EntityKind::Credential, credential.id.as_str())), owner].into_iter().flatten().collect()
        }
        Record::SetMember(member) => {
            let object = object(&member.object);
            [Some((EntityKind::ScopeSet, member.set.as_str())), object].into_iter().flatten().collect()
        }
        Record::Permission(permission) => vec![(EntityKind::Role, &permission.role)],
        Record::Ownership(edge) => {
            vec![(of(&edge.owner), edge.owner.id()), (EntityKind::Group, &edge.group)]
        }
        Record::Link(link) => vec![(EntityKind::Account, &link.account), (EntityKind::Account, &link.to)],
        Record::Push(push) => vec![(EntityKind::Group, &push.group), (EntityKind::Resource, &push.resource)],
        Record::ApiGrant(grant) => vec![(EntityKind::Resource, &grant.resource)],
        Record::Factor(factor) => vec![(EntityKind::Account, &factor.account)],
        Record::PolicyRule(rule) => vec![(EntityKind::Policy, &rule.policy)],
        Record::Governance(edge) => {
            vec![(EntityKind::Resource, &edge.resource), (EntityKind::Policy, &edge.policy)]
        }
        Record::DeviceUse(edge) => {
            vec![(EntityKind::Account, &edge.account), (EntityKind::Device, &edge.device)]
        }
        Record::TrustUse(edge) => {
            vec![(EntityKind::Account, &edge.account), (EntityKind::Trust, &edge.trust)]
        }
        Record::Setting(_) | Record::Change(_) | Record::ActivityWindow(_) => Vec::new(),
        entity => entity.entity().into_iter().collect(),
    }
}

/// `account/ID`, `group/ID` or `resource/ID`.
fn object(text: &str) -> Option<End<'_>> {
    let (kind, id) = text.split_once('/')?;
    match kind {
        "account" => Some((EntityKind::Account, id)),
        "group" => Some((EntityKind::Group, id)),
        "resource" => Some((EntityKind::Resource, id)),
        _ => None,
    }
}
