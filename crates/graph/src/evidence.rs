//! Which facts a path or a role rests on, by their keys.

use sightline_core::{Holding, Principal};

use crate::{AccountIx, AdminHolding, Graph, Holder, PathKind, ResourceIx, Via};

impl Graph {
    /// The keys of the facts that a path rests on, besides the account and the resource themselves.
    ///
    /// A group of everyone has no memberships: there it is the account that counts, and without an assignment the
    /// resource.
    pub fn path_evidence(&self, account: AccountIx, resource: ResourceIx, path: &PathKind) -> Vec<String> {
        let account = &self.account(account).id;
        let app = &self.resource(resource).id;
        let assignment = |principal: &Principal| format!("assignment/{app}/{principal}");
        match path {
            PathKind::ThroughGroup { group } => {
                let group = self.group(*group);
                let member = if group.everyone {
                    format!("account/{account}")
                } else {
                    format!("membership/{}/{account}", group.id)
                };
                vec![member, assignment(&Principal::Group(group.id.clone()))]
            }
            PathKind::Implicit => vec![format!("resource/{app}")],
            PathKind::Direct | PathKind::ThroughUnseenGroup { .. } | PathKind::UnknownOrigin { .. } => {
                vec![assignment(&Principal::Account((*account).to_owned()))]
            }
        }
    }

    /// The keys of the facts that a role of somebody rests on.
    pub fn role_evidence(&self, held: &AdminHolding) -> Vec<String> {
        let holder = match held.holder {
            Holder::Account(account) => Principal::Account(self.account(account).id.to_owned()),
            Holder::Resource(resource) => Principal::Resource(self.resource(resource).id.clone()),
        };
        let holding = |principal: Principal| {
            let inherited = held.via == Via::InheritedUnseen;
            let fact = Holding {
                principal,
                role: held.role.clone(),
                label: held.label.clone(),
                scope: held.scope.clone(),
                inherited,
                active: held.active,
                since: held.since,
            };
            sightline_core::Record::Holding(fact).key()
        };
        match held.via {
            Via::Group(group) => {
                let group = self.group(group);
                let member = if group.everyone {
                    holder.to_string()
                } else {
                    format!("membership/{}/{}", group.id, holder.id())
                };
                vec![member, holding(Principal::Group(group.id.clone()))]
            }
            Via::Direct | Via::InheritedUnseen => vec![holding(holder)],
        }
    }
}
