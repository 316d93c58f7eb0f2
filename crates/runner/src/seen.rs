//! Since when Sightline has seen the facts that paths rest on, and until when.

use std::collections::{HashMap, HashSet};

use sightline_core::{Principal, Record, SnapshotNumber};
use sightline_graph::{AccountIx, Graph, Path, PathKind, ResourceIx};
use sightline_store::Store;

use crate::answer::SeenAnswer;
use crate::failure::Failure;
use crate::world::Known;

/// When the facts of some paths were first and last seen, by their keys.
pub(crate) struct FactsSeen<'k> {
    known: &'k Known,
    by_key: HashMap<String, (SnapshotNumber, SnapshotNumber)>,
}

impl<'k> FactsSeen<'k> {
    /// Of everyone's paths to a resource.
    pub(crate) fn around_resource(
        store: &Store,
        known: &'k Known,
        resource: ResourceIx,
    ) -> Result<Self, Failure> {
        let graph = &known.graph;
        let id = &graph.resource(resource).id;
        // First the groups that have it, then who is in them.
        let mut seen = Self::read(store, known, |record| match record {
            Record::Assignment(edge) => edge.resource == *id,
            Record::Account(_) => true,
            _ => false,
        })?;
        let prefix = format!("assignment/{id}/group/");
        let groups: HashSet<&str> = seen.by_key.keys().filter_map(|key| key.strip_prefix(&prefix)).collect();
        let members = Self::read(
            store,
            known,
            |record| matches!(record, Record::Membership(edge) if groups.contains(edge.group.as_str())),
        )?;
        seen.by_key.extend(members.by_key);
        Ok(seen)
    }

    /// Of all paths of an account.
    pub(crate) fn around_account(
        store: &Store,
        known: &'k Known,
        account: AccountIx,
    ) -> Result<Self, Failure> {
        let id = &known.graph.account(account).id;
        Self::read(store, known, |record| match record {
            Record::Account(account) => account.id == *id,
            Record::Membership(edge) => edge.account == *id,
            Record::Assignment(edge) => match &edge.principal {
                Principal::Account(account) => account == id,
                Principal::Group(_) => true,
                Principal::Resource(_) => false,
            },
            _ => false,
        })
    }

    fn read(store: &Store, known: &'k Known, wanted: impl Fn(&Record) -> bool) -> Result<Self, Failure> {
        let mut by_key = HashMap::new();
        store.visit_facts(known.source_id, known.graph.about().number, |fact| {
            if wanted(&fact.record) {
                by_key.insert(fact.record.key(), (fact.first_seen, fact.last_seen));
            }
        })?;
        Ok(Self { known, by_key })
    }

    /// Since when all facts of a path were there, and until when all of them were seen. None where that is not known: for
    /// a setting of a resource, which may be younger than the resource.
    pub(crate) fn of_path(
        &self,
        account: AccountIx,
        resource: ResourceIx,
        path: &Path,
    ) -> Option<SeenAnswer> {
        if path.kind == PathKind::Implicit {
            return None;
        }
        let graph: &Graph = &self.known.graph;
        let mut both: Option<(SnapshotNumber, SnapshotNumber)> = None;
        for key in graph.path_evidence(account, resource, &path.kind) {
            let (first, last) = *self.by_key.get(&key)?;
            let (so_far_first, so_far_last) = both.unwrap_or((first, last));
            both = Some((first.max(so_far_first), last.min(so_far_last)));
        }
        let (first, last) = both?;
        Some(SeenAnswer::of(first, last, path.stale, &self.known.times))
    }
}
