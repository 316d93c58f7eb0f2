//! What differs between two snapshots.

use std::cmp::Ordering;
use std::iter::Peekable;

use sightline_core::{Fact, Scope, SnapshotNumber};

use crate::codec::Unpacker;
use crate::error::Result;
use crate::open::Store;
use crate::read::{Facts, StoredFact, VersionAt, facts_of, meta, versions_at};
use crate::tables::{CONTENT, VERSIONS};

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
    /// Hands out every fact that differs between two sealed snapshots, scope by scope and by key.
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
        let content = txn.open_table(CONTENT)?;
        let unpacker = Unpacker::new()?;
        let mut before = versions_at(&versions, source_id, from)?.into_iter().peekable();
        let mut after = versions_at(&versions, source_id, to)?.into_iter().peekable();
        while let Some((old, new)) = next_pair(&mut before, &mut after, |a, b| a.scope.cmp(&b.scope)) {
            if let (Some(old), Some(new)) = (&old, &new)
                && old.version.content == new.version.content
            {
                continue;
            }
            let facts = |at: &Option<VersionAt>| -> Result<Option<Facts<'_>>> {
                let Some(VersionAt { scope, key, version }) = at else { return Ok(None) };
                facts_of(&content, &unpacker, scope, key, version).map(Some)
            };
            let fact = |at: &Option<VersionAt>, (record, first_seen, last_seen)| {
                let read = at.as_ref().map_or(0, |at| at.version.read);
                Fact {
                    record,
                    first_seen,
                    last_seen: if last_seen == 0 { read } else { last_seen },
                    scope: 0,
                }
            };
            let Some(scope) = old.as_ref().or(new.as_ref()).map(|at| at.scope.clone()) else { continue };
            let mut olds = facts(&old)?.into_iter().flatten().map(keyed).peekable();
            let mut news = facts(&new)?.into_iter().flatten().map(keyed).peekable();
            let by_key = |a: &Result<(String, StoredFact)>, b: &Result<(String, StoredFact)>| match (a, b) {
                (Ok((a, _)), Ok((b, _))) => a.cmp(b),
                _ => Ordering::Equal,
            };
            while let Some((was, is)) = next_pair(&mut olds, &mut news, by_key) {
                let (was, is) =
                    (was.transpose()?.map(|(_, fact)| fact), is.transpose()?.map(|(_, fact)| fact));
                if let (Some(was), Some(is)) = (&was, &is)
                    && was.0 == is.0
                {
                    continue;
                }
                each(FactChange {
                    scope: scope.clone(),
                    before: was.map(|was| fact(&old, was)),
                    after: is.map(|is| fact(&new, is)),
                });
            }
        }
        Ok(())
    }
}

fn keyed(fact: Result<StoredFact>) -> Result<(String, StoredFact)> {
    fact.map(|fact| (fact.0.key(), fact))
}

/// Takes the smaller of the next two, or both when they are equal.
fn next_pair<T>(
    old: &mut Peekable<impl Iterator<Item = T>>,
    new: &mut Peekable<impl Iterator<Item = T>>,
    order: impl Fn(&T, &T) -> Ordering,
) -> Option<(Option<T>, Option<T>)> {
    let order = match (old.peek(), new.peek()) {
        (None, None) => return None,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(old), Some(new)) => order(old, new),
    };
    Some(match order {
        Ordering::Less => (old.next(), None),
        Ordering::Greater => (None, new.next()),
        Ordering::Equal => (old.next(), new.next()),
    })
}
