//! Which facts a path or a role rests on: by their keys, and by the syncs that saw them.

use sightline_core::{Holding, Principal, SnapshotNumber};

use crate::graph::{Member, Origin};
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

    /// Since which sync all facts of a path are there, and up to which one all of them were seen.
    ///
    /// These are the facts that [`Graph::path_evidence`] names. None where it is not known: the setting that lets everyone
    /// in may be younger than the resource; and for what is no path of the account.
    pub fn path_seen(
        &self,
        account: AccountIx,
        resource: ResourceIx,
        path: &PathKind,
    ) -> Option<(SnapshotNumber, SnapshotNumber)> {
        let own = |is_it: &dyn Fn(&Origin) -> bool| {
            let mut kinds = self.rows(account, resource).map(|at| self.assignments.kind(at));
            kinds.find(|kind| is_it(&kind.origin)).map(|kind| kind.seen)
        };
        let (first, second) = match path {
            PathKind::ThroughGroup { group } => {
                let assignment = self.group_assignments.find(resource, *group)?.seen;
                let member = match self.membership(account, *group)? {
                    Member::Listed { seen } if !self.group(*group).everyone => seen,
                    Member::Listed { .. } | Member::Everyone => self.accounts.seen(account),
                };
                (member, assignment)
            }
            PathKind::Implicit => return None,
            PathKind::Direct => {
                let seen = own(&|origin| *origin == Origin::Direct)?;
                (seen, seen)
            }
            PathKind::ThroughUnseenGroup { group } => {
                let seen = own(&|origin| matches!(origin, Origin::Group(named) if named == group))?;
                (seen, seen)
            }
            PathKind::UnknownOrigin { word } => {
                let seen = own(&|origin| matches!(origin, Origin::Unknown(known) if known == word))?;
                (seen, seen)
            }
        };
        let (first, second) = (&self.seen[first as usize], &self.seen[second as usize]);
        Some((first.first.max(second.first), first.last.min(second.last)))
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
