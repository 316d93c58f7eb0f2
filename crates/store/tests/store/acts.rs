//! Changes of the store that are interrupted, and what they lead to.

use std::collections::BTreeMap;

use sightline_core::Snapshot;
use sightline_store::{Store, StoreError};

use crate::made::*;

/// What is done to the store between two looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// A sync is begun and half of it stored.
    Read,
    /// The rest is stored.
    Finish,
    /// It becomes a snapshot.
    Seal,
    /// A data source is added and erased again.
    Sources,
    /// All but the newest snapshots are given up.
    Prune,
    /// The file becomes as small as what is in it.
    Compact,
}

/// Everything that the store has to survive; a new kind of change is one line here and one in `Act::run`.
pub(crate) const ACTS: [Act; 12] = [
    Act::Read,
    Act::Finish,
    Act::Seal,
    Act::Sources,
    Act::Read,
    Act::Finish,
    Act::Seal,
    Act::Read,
    Act::Finish,
    Act::Seal,
    Act::Prune,
    Act::Compact,
];

/// So many of the newest snapshots are kept.
pub(crate) const KEPT: usize = 2;

impl Act {
    pub(crate) fn run(self, store: &mut Store, source: u64) -> Result<(), StoreError> {
        let next = store.latest(source)?.map_or(1, |meta| meta.number + 1);
        match self {
            Self::Read => {
                store.begin_sync(source, time(1), true, &["1".to_owned(), "2".to_owned()])?;
                store.commit_steps(source, &[step(0, next)])?;
            }
            Self::Finish => {
                store.commit_steps(source, &[step(1, next)])?;
            }
            Self::Seal => {
                store.seal(source, next, time(2), &rules())?;
            }
            Self::Sources => {
                let vault = store.unlock(None)?;
                let added = store.add_source(&vault, new_source("passing"), &credential("x"))?;
                store.remove_source(added.id)?;
            }
            Self::Prune => {
                let metas = store.snapshots(source)?;
                let numbers: Vec<u64> = metas.iter().rev().skip(KEPT).map(|meta| meta.number).collect();
                store.prune(source, &numbers)?;
            }
            Self::Compact => store.compact()?,
        }
        Ok(())
    }
}

/// Step 0 of sync n reads accounts, step 1 the members of a group, both different in every sync.
pub(crate) fn step(task: u64, n: u64) -> sightline_store::StepOutcome {
    let (scope, records) = match task {
        0 => {
            (listing("users"), (0..150 + n).map(|id| account(&format!("u{id}"), &format!("v{n}"))).collect())
        }
        _ => (under("members", "g1"), (n..n + 90).map(|id| member("g1", &format!("u{id}"))).collect()),
    };
    let mark = (scope.clone(), sightline_store::Mark::Complete);
    sightline_store::StepOutcome { records, marks: vec![mark], ..outcome(task, scope) }
}

/// Facts of a snapshot by scope and key, each with the sync that first saw it.
type Facts = BTreeMap<(String, String), (String, u64)>;

/// What snapshot n holds when all syncs before it were sealed.
pub(crate) fn expected(n: u64) -> Facts {
    let accounts = (0..150 + n).map(|id| {
        let record = account(&format!("u{id}"), &format!("v{n}"));
        (("users".to_owned(), record.key()), (format!("{record:?}"), id.saturating_sub(149).max(1)))
    });
    let members = (n..n + 90).map(|id| {
        let record = member("g1", &format!("u{id}"));
        (("members/g1".to_owned(), record.key()), (format!("{record:?}"), id.saturating_sub(89).max(1)))
    });
    accounts.chain(members).collect()
}

/// What a snapshot holds.
pub(crate) fn facts(snapshot: &Snapshot) -> Facts {
    let facts = snapshot.facts.iter().map(|fact| {
        let scope = snapshot.scopes[fact.scope as usize].scope.to_string();
        ((scope, fact.record.key()), (format!("{:?}", fact.record), fact.first_seen))
    });
    facts.collect()
}
