//! The facts of one scope at one snapshot.

use redb::ReadableTable;
use sightline_core::{
    AssignmentBlock, AssignmentTerms, FactSink, MemberBlock, Record, Scope, Sighting, Time,
};

use crate::codec::Unpacker;
use crate::dictionary::Dictionary;
use crate::edges::{self, Edge, EdgeKind, Edges, Tables};
use crate::error::{Result, StoreError};
use crate::read::{Version, VersionAt};
use crate::rows::RowsAt;

/// A fact as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredFact {
    pub(crate) record: Record,
    pub(crate) seen: Sighting,
}

/// What the facts of scopes are read from.
pub(crate) struct Facts<'a, T> {
    pub(crate) content: &'a T,
    pub(crate) edges: &'a T,
    pub(crate) unpacker: &'a Unpacker,
    pub(crate) dictionary: &'a Dictionary,
}

impl<'a, T: ReadableTable<&'static [u8], &'static [u8]>> Facts<'a, T> {
    /// Walks the rows of a scope, by key; the caller counts them.
    pub(crate) fn rows(&self, scope: &Scope, key: &[u8], version: &Version) -> Result<RowsAt<'a>> {
        let opened = RowsAt::open(self.content, self.unpacker, key, version.blobs());
        opened.map_err(|error| error.within(&place(scope, version)))
    }

    /// The edges of a scope, by the numbers of their accounts.
    pub(crate) fn edges(
        &self,
        scope: &Scope,
        key: &[u8],
        version: &Version,
        tables: &mut Tables,
    ) -> Result<Edges> {
        if version.in_columns == [0; 2] {
            return Ok(Edges::default());
        }
        let read = edges::edges_at(self.edges, self.unpacker, self.dictionary, key, version.blobs(), tables);
        let edges = read.map_err(|error| error.within(&place(scope, version)))?;
        if edges.counts() == version.in_columns {
            Ok(edges)
        } else {
            Err(count_differs(scope, version, edges.counts().iter().sum(), version.in_columns.iter().sum()))
        }
    }

    /// Hands out the facts of a scope, by key.
    pub(crate) fn visit(
        &self,
        scope: &Scope,
        key: &[u8],
        version: &Version,
        mut each: impl FnMut(StoredFact),
    ) -> Result<()> {
        let mut tables = Tables::default();
        let edges = self.edges(scope, key, version, &mut tables)?;
        let mut edges = self.sorted(scope, &edges, &tables, version).into_iter().peekable();
        self.visit_rows(scope, key, version, |key, fact| {
            while let Some((_, edge)) = edges.next_if(|(edge, _)| edge.as_bytes() < key) {
                each(edge);
            }
            each(fact);
        })?;
        edges.for_each(|(_, edge)| each(edge));
        Ok(())
    }

    /// Hands out the facts of a scope that are rows, by key.
    pub(crate) fn visit_rows(
        &self,
        scope: &Scope,
        key: &[u8],
        version: &Version,
        mut each: impl FnMut(&[u8], StoredFact),
    ) -> Result<()> {
        if version.rows() == 0 {
            return Ok(());
        }
        let mut rows = self.rows(scope, key, version)?;
        let mut count = 0;
        let within = |error: StoreError| error.within(&place(scope, version));
        while let Some(row) = rows.row() {
            let record = row.record().map_err(within)?;
            each(row.key, StoredFact { record, seen: version.seen(row.seen) });
            count += 1;
            rows.advance().map_err(within)?;
        }
        if count == version.rows() {
            Ok(())
        } else {
            Err(count_differs(scope, version, count, version.rows()))
        }
    }

    /// The edges of a scope as they are handed over: without what the resource is told about each account.
    pub(crate) fn block(&self, at: &VersionAt) -> Result<Block> {
        let mut tables = Tables::without_profiles();
        let edges = self.edges(&at.scope, &at.key, &at.version, &mut tables)?;
        let Edges { members, assignments } = edges;
        Ok(Block {
            members: Columns::of(&members),
            agreed: assignments.iter().map(|edge| edge.terms).collect(),
            since: assignments.iter().map(Edge::since).collect(),
            assignments: Columns::of(&assignments),
            sightings: tables.sightings.iter().map(|&kept| at.version.seen(kept)).collect(),
            terms: tables.terms,
        })
    }

    /// The edges of a scope as facts, by key.
    fn sorted(
        &self,
        scope: &Scope,
        edges: &Edges,
        tables: &Tables,
        version: &Version,
    ) -> Vec<(String, StoredFact)> {
        let mut facts = Vec::with_capacity(edges.members.len() + edges.assignments.len());
        for kind in EdgeKind::BOTH {
            for edge in edges.of(kind) {
                let fact = self.fact(kind, scope, edge, tables, version);
                facts.push((fact.record.key(), fact));
            }
        }
        facts.sort_by(|(a, _), (b, _)| a.cmp(b));
        facts
    }

    /// An edge as a fact.
    pub(crate) fn fact(
        &self,
        kind: EdgeKind,
        scope: &Scope,
        edge: &Edge,
        tables: &Tables,
        version: &Version,
    ) -> StoredFact {
        let parent = scope.parent.as_deref().unwrap_or_default();
        let record = edges::record(kind, parent, edge, tables, &self.dictionary.names);
        StoredFact { record, seen: version.seen(tables.seen(edge)) }
    }
}

/// The edges of a scope, ready to be handed over.
pub(crate) struct Block {
    members: Columns,
    assignments: Columns,
    agreed: Vec<u32>,
    since: Vec<Option<Time>>,
    sightings: Vec<Sighting>,
    terms: Vec<AssignmentTerms>,
}

struct Columns {
    accounts: Vec<u32>,
    seen: Vec<u32>,
}

impl Columns {
    fn of(edges: &[Edge]) -> Self {
        let (accounts, seen) = edges.iter().map(|edge| (edge.account, edge.seen)).unzip();
        Self { accounts, seen }
    }
}

impl Block {
    /// Hands the edges over.
    pub(crate) fn hand_over(&self, number: u32, at: &VersionAt, sink: &mut impl FactSink) {
        let Self { members, assignments, agreed, since, sightings, terms } = self;
        let parent = at.scope.parent.as_deref().unwrap_or_default();
        if !members.accounts.is_empty() {
            let Columns { accounts, seen } = members;
            sink.members(MemberBlock { scope: number, group: parent, accounts, seen, sightings });
        }
        if !assignments.accounts.is_empty() {
            let Columns { accounts, seen } = assignments;
            sink.assignments(AssignmentBlock {
                scope: number,
                resource: parent,
                accounts,
                seen,
                sightings,
                agreed,
                terms,
                since,
            });
        }
    }
}

/// Where facts are, in words.
pub(crate) fn place(scope: &Scope, version: &Version) -> String {
    format!("the facts of {scope}, written by snapshot {}", version.content)
}

pub(crate) fn count_differs(scope: &Scope, version: &Version, found: u64, expected: u64) -> StoreError {
    StoreError::damaged(format!("{}: {found} instead of {expected}", place(scope, version)))
}
