//! What acts without a person: service applications, and how far they reach.

use sightline_core::{ApiGrant, Credential, ResourceStatus};

use crate::gaps::Holds;
use crate::{AdminHolding, Graph, Holder, ResourceIx};

/// A service application with what gives it power.
///
/// It reaches what its scopes and its roles both allow: neither is worth anything alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceApp<'g> {
    /// Which one.
    pub resource: ResourceIx,
    /// Roles that it holds, by name.
    pub roles: Vec<AdminHolding>,
    /// Why it may hold more roles; none where all of them were read.
    pub roles_unread: Option<String>,
    /// Parts of the provider's interface that it was allowed to use, by name.
    pub grants: Vec<&'g ApiGrant>,
    /// Why it may have been allowed more; none where all of it was read.
    pub grants_unread: Option<String>,
    /// What it proves to be itself with, as far as the provider tells.
    pub credentials: Vec<&'g Credential>,
    /// Whether it can do anything.
    pub power: Power,
}

/// Whether a service application can do anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Power {
    /// It was allowed a part of the interface and holds a role.
    Some,
    /// It cannot, and why.
    None(&'static str),
    /// What could give it power was not read, and why.
    Unknown(String),
}

impl Graph {
    /// Everything that is a service application or holds roles like one, by label.
    pub fn service_apps(&self) -> Vec<ServiceApp<'_>> {
        let mut roles: Vec<(ResourceIx, AdminHolding)> = self
            .admins()
            .into_iter()
            .filter_map(|holding| match holding.holder {
                Holder::Resource(resource) => Some((resource, holding)),
                Holder::Account(_) => None,
            })
            .collect();
        let mut found = Vec::new();
        for (resource, entity) in self.resources() {
            let own: Vec<AdminHolding> =
                roles.extract_if(.., |(holder, _)| *holder == resource).map(|(_, holding)| holding).collect();
            if entity.service || !own.is_empty() {
                found.push(self.service_app(resource, own));
            }
        }
        found
    }

    /// What an account or an application proves to be itself with, as far as the provider tells: of `account/ID` or
    /// `resource/ID`.
    pub fn credentials_of(&self, owner: &str) -> &[Credential] {
        self.administration.credentials.get(owner).map_or(&[][..], Vec::as_slice)
    }

    fn service_app(&self, resource: ResourceIx, roles: Vec<AdminHolding>) -> ServiceApp<'_> {
        let entity = self.resource(resource);
        let roles_unread = self.why_unread(Holds::Roles, &entity.id);
        let grants_unread = self.why_unread(Holds::Grants, &entity.id);
        let grants: Vec<&ApiGrant> =
            self.administration.grants.get(entity.id.as_str()).into_iter().flatten().collect();
        let owner = format!("resource/{}", entity.id);
        let credentials = self.administration.credentials.get(owner.as_str()).into_iter().flatten().collect();

        let is_granted = grants.iter().any(|grant| is_in_force(grant));
        let has_role = roles.iter().any(|role| role.active);
        let power = if entity.status == ResourceStatus::Inactive {
            Power::None("it is switched off")
        } else if !is_granted && grants_unread.is_none() {
            Power::None("no part of the interface was granted to it")
        } else if !has_role && roles_unread.is_none() {
            Power::None("it holds no role")
        } else if is_granted && has_role {
            Power::Some
        } else {
            let missing = |what: &str, why: &Option<String>| {
                why.as_ref().map(|why| format!("its {what} are not known ({why})"))
            };
            let grants = if is_granted { None } else { missing("grants", &grants_unread) };
            let roles = if has_role { None } else { missing("roles", &roles_unread) };
            Power::Unknown(grants.into_iter().chain(roles).collect::<Vec<_>>().join("; "))
        };
        ServiceApp { resource, roles, roles_unread, grants, grants_unread, credentials, power }
    }
}

/// Whether a grant counts: a status that is not known does.
fn is_in_force(grant: &ApiGrant) -> bool {
    let ended = ["REVOKED", "INACTIVE", "EXPIRED"];
    !grant
        .raw_status
        .as_deref()
        .is_some_and(|status| ended.iter().any(|word| status.eq_ignore_ascii_case(word)))
}
