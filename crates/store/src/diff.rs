//! What differs between two snapshots.

use std::cmp::Ordering;

use redb::ReadableTable;
use sightline_core::{Fact, Scope, SnapshotNumber};

use crate::codec::Unpacker;
use crate::dictionary::Dictionary;
use crate::edges::{self, Edge, EdgeKind, Edges, Tables};
use crate::error::Result;
use crate::open::Store;
use crate::read::{VersionAt, meta, versions_at};
use crate::rows::{Row, RowsAt};
use crate::state::{Facts, StoredFact};
use crate::tables::{CONTENT, EDGES, NAMES, VERSIONS};

/// One fact of one scope that differs between two snapshots: added, removed or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct FactChange {
    /// The scope it was read in.
    pub scope: Scope,
    /// As it was; none where it was not there. Its `scope` is meaningless here.
    pub before: Option<Fact>,
    /// As it is; none where it is not there.
    pub after: Option<Fact>,
}

impl Store {
    /// Hands out every fact that differs between two sealed snapshots: scope by scope, and in each those that
    /// are kept as rows before the others, by key.
    ///
    /// Facts that were only seen again do not differ. Scopes whose facts were not written in between are not read.
    pub fn diff(
        &self,
        source_id: u64,
        from: SnapshotNumber,
        to: SnapshotNumber,
        mut each: impl FnMut(FactChange),
    ) -> Result<()> {
        let txn = self.begin_read()?;
        meta(&txn, source_id, from)?;
        meta(&txn, source_id, to)?;
        let versions = txn.open_table(VERSIONS)?;
        let (content, edges, unpacker) = (txn.open_table(CONTENT)?, txn.open_table(EDGES)?, Unpacker::new()?);
        let dictionary = Dictionary::load(&txn.open_table(NAMES)?, &unpacker, source_id)?;
        let facts = Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary: &dictionary };
        let mut before = versions_at(&versions, source_id, from)?.into_iter().peekable();
        let mut after = versions_at(&versions, source_id, to)?.into_iter().peekable();
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.scope.cmp(&new.scope),
            };
            let old = if order == Ordering::Greater { None } else { before.next() };
            let new = if order == Ordering::Less { None } else { after.next() };
            let Some(scope) = old.as_ref().or(new.as_ref()).map(|at| &at.scope) else { continue };
            if let (Some(old), Some(new)) = (&old, &new)
                && (old.version.base, old.version.content) == (new.version.base, new.version.content)
            {
                continue;
            }
            let mut change = |before: Option<StoredFact>, after: Option<StoredFact>| {
                let fact = |fact: StoredFact| Fact {
                    record: fact.record,
                    first_seen: fact.seen.first_seen,
                    last_seen: fact.seen.last_seen,
                    scope: 0,
                };
                each(FactChange { scope: scope.clone(), before: before.map(fact), after: after.map(fact) });
            };
            diff_rows(&facts, old.as_ref(), new.as_ref(), &mut change)?;
            diff_edges(&facts, old.as_ref(), new.as_ref(), &mut change)?;
        }
    }
}

type Change<'c> = &'c mut dyn FnMut(Option<StoredFact>, Option<StoredFact>);

fn diff_rows<T: ReadableTable<&'static [u8], &'static [u8]>>(
    facts: &Facts<'_, T>,
    old: Option<&VersionAt>,
    new: Option<&VersionAt>,
    change: Change<'_>,
) -> Result<()> {
    let open = |at: Option<&VersionAt>| match at.filter(|at| at.version.rows() > 0) {
        Some(at) => facts.rows(&at.scope, &at.key, &at.version).map(Some),
        None => Ok(None),
    };
    let (mut olds, mut news) = (open(old)?, open(new)?);
    let fact = |at: Option<&VersionAt>, row: &Row<'_>| -> Result<StoredFact> {
        let seen = at.map_or(row.seen, |at| at.version.seen(row.seen));
        Ok(StoredFact { record: row.record()?, seen })
    };
    loop {
        let was = olds.as_ref().and_then(RowsAt::row);
        let is = news.as_ref().and_then(RowsAt::row);
        let order = match (&was, &is) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => was.key.cmp(is.key),
        };
        let was = was.filter(|_| order != Ordering::Greater);
        let is = is.filter(|_| order != Ordering::Less);
        let same = matches!((&was, &is), (Some(was), Some(is)) if was.value == is.value);
        if !same {
            let before = was.map(|row| fact(old, &row)).transpose()?;
            change(before, is.map(|row| fact(new, &row)).transpose()?);
        }
        if order != Ordering::Greater
            && let Some(olds) = &mut olds
        {
            olds.advance()?;
        }
        if order != Ordering::Less
            && let Some(news) = &mut news
        {
            news.advance()?;
        }
    }
}

fn diff_edges<T: ReadableTable<&'static [u8], &'static [u8]>>(
    facts: &Facts<'_, T>,
    old: Option<&VersionAt>,
    new: Option<&VersionAt>,
    change: Change<'_>,
) -> Result<()> {
    // One set of tables, so that equal numbers mean equal things.
    let mut tables = Tables::default();
    let mut open = |at: Option<&VersionAt>| match at {
        Some(at) => facts.edges(&at.scope, &at.key, &at.version, &mut tables),
        None => Ok(Edges::default()),
    };
    let (olds, news) = (open(old)?, open(new)?);
    let mut changes = Vec::new();
    for kind in EdgeKind::BOTH {
        edges::merge(olds.of(kind), news.of(kind), |was, is| {
            if let (Some(was), Some(is)) = (was, is)
                && was.says_what(is, &tables)
            {
                return;
            }
            let fact = |at: Option<&VersionAt>, edge: Option<&Edge>| {
                let (at, edge) = (at?, edge?);
                Some(facts.fact(kind, &at.scope, edge, &tables, &at.version))
            };
            changes.push((fact(old, was), fact(new, is)));
        });
    }
    changes.sort_by_cached_key(|(was, is)| was.as_ref().or(is.as_ref()).map(|fact| fact.record.key()));
    for (was, is) in changes {
        change(was, is);
    }
    Ok(())
}
