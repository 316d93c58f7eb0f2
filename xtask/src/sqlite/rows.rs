//! The rows about SQLite.

use std::collections::BTreeSet;
use std::path::Path;

use super::Sqlite;
use crate::child::{timed, timed_often};
use crate::figures::Row;
use crate::organisation::{Organisation, Size};
use crate::{Failure, Result};

/// Bytes.
const MB: f64 = 1e6;
/// What is quick is measured so often.
const TIMES: u32 = 5;

/// Loading and asking; the pairs of account and application must be as many as this.
pub(crate) fn kept(organisation: &Organisation, scratch: &Path, pairs: Option<u64>) -> Result<Vec<Row>> {
    let (sqlite, seconds) = Sqlite::load(organisation, scratch)?;
    let mut rows = vec![
        Row::title("SQLite, without history"),
        Row::of("loading at once, then indexes, seconds", [seconds], 2, None),
        Row::of("on disk, MB", [sqlite.bytes()? as f64 / MB], 1, None),
    ];
    rows.extend(questions(&sqlite, organisation.size(), pairs)?);
    Ok(rows)
}

/// Asking who can reach what, and why.
pub(crate) fn questions(sqlite: &Sqlite, size: Size, pairs: Option<u64>) -> Result<Vec<Row>> {
    let (found, seconds) = timed(|| sqlite.pairs());
    let found = found?;
    if let Some(pairs) = pairs.filter(|pairs| *pairs != found) {
        return Err(Failure::new(format!(
            "SQLite finds {found} pairs of account and application, not {pairs}"
        )));
    }
    let mut rows = vec![Row::of("all pairs of account and application, ms", [seconds * 1e3], 1, None)];
    for (which, app) in [("largest", 0), ("middle", size.apps / 2)] {
        let app_id = Organisation::app_id(app);
        let (who, seconds) = timed_often(TIMES, || sqlite.who(&app_id));
        let who = who.transpose()?.unwrap_or_default();
        let accounts: BTreeSet<&str> = who.iter().map(|(id, ..)| id.as_str()).collect();
        let name = format!("who, {which} application, ms");
        rows.push(Row::of(&name, seconds.into_iter().map(|seconds| seconds * 1e3), 2, None));
        rows.push(Row::of("accounts found", [accounts.len() as f64], 0, None));
        // One with several ways, where there is one.
        let account = who.windows(2).find(|pair| pair[0].0 == pair[1].0).or(who.windows(1).next());
        if let Some((account, ..)) = account.map(|lines| &lines[0]) {
            let (why, seconds) = timed_often(TIMES, || sqlite.why(account, &app_id));
            why.transpose()?;
            let name = format!("ways from an account to the {which} application, ms");
            rows.push(Row::of(&name, seconds.into_iter().map(|seconds| seconds * 1e3), 3, None));
        }
    }
    Ok(rows)
}

/// The first state, one more of which the changes are read, and one more of which everything is.
pub(crate) fn history(organisation: &Organisation, scratch: &Path) -> Result<Vec<Row>> {
    let (mut sqlite, seconds) = Sqlite::load_with_history(organisation, scratch)?;
    let first = sqlite.bytes()?;
    let changes_seconds = sqlite.sync(organisation.incremental(1), 2)?;
    let second = sqlite.bytes()?;
    let again_seconds = sqlite.sync(organisation.full(2), 3)?;
    let third = sqlite.bytes()?;
    let edges = u64::from(organisation.size().memberships + organisation.size().assignments);
    let mut rows = vec![
        Row::title("SQLite, with history: rows from sync to sync"),
        Row::of("first snapshot, a commit for every 10 pages, seconds", [seconds], 2, None),
        Row::of("on disk, MB", [first as f64 / MB], 1, None),
        Row::of("next snapshot, what changed read, seconds", [changes_seconds], 2, None),
        Row::of("more on disk, MB", [second.saturating_sub(first) as f64 / MB], 2, None),
        Row::of("next snapshot, everything read again, seconds", [again_seconds], 2, None),
        Row::of("more on disk, MB", [third.saturating_sub(second) as f64 / MB], 2, None),
    ];
    for number in [3, 1] {
        let (found, seconds) = timed(|| sqlite.read_at(number));
        let found = found?;
        if found != edges {
            return Err(Failure::new(format!("SQLite has {found} edges in state {number}, not {edges}")));
        }
        rows.push(Row::of(&format!("reading all rows of snapshot {number}, seconds"), [seconds], 2, None));
    }
    Ok(rows)
}
