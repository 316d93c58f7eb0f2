//! What answers name: snapshots, accounts, groups, applications, and which syncs saw a fact.

use serde::Serialize;
use sightline_core::{AccountStatus, Scope, Time};
use sightline_graph::{AccountIx, Graph, GroupIx, Provenance, ResourceIx};
use sightline_store::SnapshotMeta;
use utoipa::ToSchema;

use crate::{SealTimes, schema};

/// Which snapshot an answer rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SnapshotRef {
    /// Name of the data source.
    pub source: String,
    /// Number of the snapshot within its data source.
    pub number: u64,
    /// When it was sealed.
    #[schema(value_type = schema::Instant)]
    pub sealed: Time,
}

impl SnapshotRef {
    /// That of a graph.
    pub fn of(graph: &Graph) -> Self {
        let about = graph.about();
        Self { source: about.source.clone(), number: about.number, sealed: about.sealed }
    }

    /// The snapshot in a few words.
    pub fn phrase(&self) -> String {
        format!("{}, snapshot {} of {}", self.source, self.number, self.sealed)
    }
}

/// Which snapshot something rests on.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct SnapshotStamp {
    /// Number of the snapshot within its data source.
    pub snapshot: u64,
    /// When it was sealed.
    #[schema(value_type = schema::Instant)]
    pub sealed: Time,
}

impl SnapshotStamp {
    /// That of a graph.
    pub fn of(graph: &Graph) -> Self {
        Self { snapshot: graph.about().number, sealed: graph.about().sealed }
    }

    /// That of a sealed snapshot.
    pub const fn of_meta(meta: &SnapshotMeta) -> Self {
        Self { snapshot: meta.number, sealed: meta.sealed }
    }
}

/// Between which syncs something was seen.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct SeenAnswer {
    /// The first sync that saw it, without an interruption since.
    pub first_seen: u64,
    /// When the snapshot of that sync was sealed; null where it is no longer known.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub first_seen_at: Option<Time>,
    /// The last sync that saw it.
    pub last_seen: u64,
    /// When the snapshot of that sync was sealed; null where it is no longer known.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub last_seen_at: Option<Time>,
    /// Whether it could not be read again since.
    pub stale: bool,
}

impl SeenAnswer {
    /// What is known of two syncs.
    pub fn of(first_seen: u64, last_seen: u64, stale: bool, times: &SealTimes) -> Self {
        let (first_seen_at, last_seen_at) = (times.get(first_seen), times.get(last_seen));
        Self { first_seen, first_seen_at, last_seen, last_seen_at, stale }
    }

    /// Since when it was seen: what the first sync found may have been there before.
    pub fn since_phrase(&self) -> String {
        match (self.first_seen, self.first_seen_at) {
            (1, _) => "before the first sync".to_owned(),
            (_, Some(at)) => at.date(),
            (number, None) => format!("sync {number}"),
        }
    }

    /// When it was last seen.
    pub fn last_phrase(&self) -> String {
        self.last_seen_at.map_or_else(|| format!("sync {}", self.last_seen), Time::date)
    }

    /// How old it is, if it is stale.
    pub fn stale_phrase(&self) -> String {
        if self.stale { format!(" (stale, last seen {})", self.last_phrase()) } else { String::new() }
    }
}

/// An account by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountRef {
    /// The provider's id.
    pub id: String,
    /// The name used to sign in.
    pub login: String,
    /// Display name of the person or machine.
    pub name: String,
    /// Whether it can be used.
    #[schema(value_type = schema::AccountStatus)]
    pub status: AccountStatus,
    /// Status in the provider's own word.
    pub raw_status: String,
}

impl AccountRef {
    /// An account of a graph.
    pub fn of(graph: &Graph, account: AccountIx) -> Self {
        let account = graph.account(account);
        Self {
            id: account.id.to_owned(),
            login: account.login.to_owned(),
            name: account.name.to_owned(),
            status: account.status,
            raw_status: account.raw_status.to_owned(),
        }
    }
}

/// A group or an application by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedRef {
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub name: String,
}

impl NamedRef {
    /// A group of a graph.
    pub fn group(graph: &Graph, group: GroupIx) -> Self {
        let group = graph.group(group);
        Self { id: group.id.clone(), name: group.name.clone() }
    }

    /// An application of a graph.
    pub fn app(graph: &Graph, resource: ResourceIx) -> Self {
        let resource = graph.resource(resource);
        Self { id: resource.id.clone(), name: resource.label.clone() }
    }
}

/// Which syncs saw a fact, and where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProvenanceAnswer {
    /// The scope that it was read in; null where the snapshot does not list it.
    #[schema(value_type = Option<schema::Scope>, required = true)]
    pub scope: Option<Scope>,
    /// Between which syncs it was seen.
    #[serde(flatten)]
    pub seen: SeenAnswer,
}

impl ProvenanceAnswer {
    /// What a graph knows of a fact.
    pub fn of(provenance: &Provenance, times: &SealTimes) -> Self {
        let Provenance { first_seen, last_seen, stale, scope } = provenance;
        Self { scope: scope.clone(), seen: SeenAnswer::of(*first_seen, *last_seen, *stale, times) }
    }

    /// Where it is known from, in a few words.
    pub fn phrase(&self) -> String {
        let read = self.scope.as_ref().map_or_else(String::new, |scope| format!("read in {scope}, "));
        let SeenAnswer { first_seen, last_seen, stale, .. } = &self.seen;
        let stale =
            if *stale { format!(", stale, last seen {}", self.seen.last_phrase()) } else { String::new() };
        if first_seen == last_seen {
            format!("{read}sync {first_seen}{stale}")
        } else {
            format!("{read}syncs {first_seen} to {last_seen}{stale}")
        }
    }
}
