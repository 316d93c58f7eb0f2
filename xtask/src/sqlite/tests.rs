use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use sightline_core::{Principal, Record};
use tempfile::TempDir;

use super::*;
use crate::organisation::Size;

const SMALL: Size = Size { people: 2_000, groups: 150, memberships: 20_000, apps: 30, assignments: 6_000 };

fn records(organisation: &Organisation, state: u32) -> impl Iterator<Item = Record> {
    organisation.full(state).flat_map(|page| page.records)
}

#[test]
fn who_reaches_what_is_what_the_records_say() {
    let scratch = TempDir::new().unwrap();
    let organisation = Organisation::new(SMALL, 0);
    let (sqlite, _) = Sqlite::load(&organisation, scratch.path()).unwrap();

    let mut able = BTreeSet::new();
    let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut direct: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in records(&organisation, 0) {
        match record {
            Record::Account(account) if account.status.can_sign_in() => _ = able.insert(account.id),
            Record::Membership(edge) => _ = members.entry(edge.group).or_default().insert(edge.account),
            Record::Assignment(edge) => match edge.principal {
                Principal::Account(account) => _ = direct.entry(edge.resource).or_default().insert(account),
                Principal::Group(group) => _ = groups.entry(edge.resource).or_default().insert(group),
                Principal::Resource(_) => {}
            },
            _ => {}
        }
    }
    let mut pairs = 0;
    for at in 0..SMALL.apps {
        let app = Organisation::app_id(at);
        let mut expected: Vec<String> = direct[&app].iter().cloned().collect();
        expected.extend(groups[&app].iter().flat_map(|group| &members[group]).cloned());
        expected.sort();
        let mut found: Vec<String> = sqlite.who(&app).unwrap().into_iter().map(|(id, ..)| id).collect();
        found.sort();
        assert_eq!(found, expected);
        let account = &expected[expected.len() / 2];
        let ways = expected.iter().filter(|other| *other == account).count();
        assert_eq!(sqlite.why(account, &app).unwrap().len(), ways);
        pairs += expected.into_iter().collect::<BTreeSet<_>>().intersection(&able).count() as u64;
    }
    assert_eq!(sqlite.pairs().unwrap(), pairs);
}

/// All rows of a table in a state.
fn rows_at(sqlite: &Sqlite, table: &Table, number: i64) -> BTreeSet<String> {
    let columns = table.columns().collect::<Vec<_>>();
    let question = format!(
        "SELECT {} FROM {} WHERE seq_from <= ?1 AND (seq_to IS NULL OR seq_to > ?1)",
        columns.join(", "),
        table.name
    );
    let mut select = sqlite.db.prepare(&question).unwrap();
    let row =
        |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
    let rows: Vec<String> =
        select.query_map([number], row).unwrap().map(|row| format!("{:?}", row.unwrap())).collect();
    let distinct: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(distinct.len(), rows.len(), "{} in state {number}", table.name);
    distinct
}

#[test]
fn every_state_can_be_read_again() {
    let scratch = TempDir::new().unwrap();
    let organisation = Organisation::new(SMALL, 3);
    let (mut sqlite, _) = Sqlite::load_with_history(&organisation, scratch.path()).unwrap();
    sqlite.sync(organisation.incremental(1), 2).unwrap();
    sqlite.sync(organisation.full(2), 3).unwrap();
    sqlite.sync(organisation.incremental(3), 4).unwrap();
    for state in 0..=3 {
        let mut expected: Vec<BTreeSet<String>> = TABLES.iter().map(|_| BTreeSet::new()).collect();
        // What the log says is read once.
        let usage = records(&organisation, 0).filter(|record| matches!(record, Record::Usage(_)));
        let others = records(&organisation, state).filter(|record| !matches!(record, Record::Usage(_)));
        for record in usage.chain(others) {
            if let Some((table, row)) = Table::row(record, &mut sqlite.numbers) {
                expected[table].insert(format!("{row:?}"));
            }
        }
        for (table, expected) in TABLES.iter().zip(&expected) {
            assert!(!expected.is_empty());
            let found = rows_at(&sqlite, table, i64::from(state) + 1);
            assert!(found == *expected, "{} in state {state}", table.name);
        }
        let edges = u64::from(SMALL.memberships + SMALL.assignments);
        assert_eq!(sqlite.read_at(i64::from(state) + 1).unwrap(), edges);
    }
}
