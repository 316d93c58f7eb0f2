//! All that is known of one thing, with its raw attributes: what no graph keeps.

use serde::Serialize;
use sightline_core::{EntityKind, Record};
use sightline_store::Store;
use utoipa::ToSchema;

use crate::{AnswerError, Known, ProvenanceAnswer};

/// All that is known of an account, a group or an application.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordAnswer {
    /// What identifies the fact inside its data source: `account/ID`.
    pub key: String,
    /// The fact itself: one field, named after its kind, that holds all that is known.
    #[schema(value_type = Object)]
    pub record: Record,
    /// Which syncs saw it, and where.
    pub provenance: ProvenanceAnswer,
}

impl RecordAnswer {
    /// All that is known of an account, a group or an application of a snapshot; none where there is no such thing.
    ///
    /// One fact is read from the store, whatever the size of the snapshot.
    pub fn of(store: &Store, known: &Known, kind: EntityKind, id: &str) -> Result<Option<Self>, AnswerError> {
        let graph = &known.graph;
        let provenance = match kind {
            EntityKind::Account => graph.account_with_id(id).map(|ix| graph.account_provenance(ix)),
            EntityKind::Group => graph.group_with_id(id).map(|ix| graph.group_provenance(ix)),
            EntityKind::Resource => graph.resource_with_id(id).map(|ix| graph.resource_provenance(ix)),
            _ => None,
        };
        let Some(provenance) = provenance else { return Ok(None) };
        let Some(scope) = &provenance.scope else { return Ok(None) };
        let key = format!("{kind}/{id}");
        let fact = store.fact(known.source_id, graph.about().number, scope, &key)?;
        Ok(fact.map(|fact| Self {
            key,
            record: fact.record,
            provenance: ProvenanceAnswer::of(&provenance, &known.times),
        }))
    }
}
