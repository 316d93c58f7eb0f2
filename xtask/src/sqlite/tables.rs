//! The tables, and what of a record stands in which.

use std::collections::HashMap;

use rusqlite::types::Value;
use sightline_core::{Account, AssignmentOrigin, Group, GroupOrigin, Observed, Principal, Record, Time};

/// A table: columns that identify a row, columns with what is known, and an index that leads the other way.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
    pub(super) values: &'static [&'static str],
    also_by: &'static [&'static str],
}

/// Places in [`TABLES`].
const ACCOUNT: usize = 0;
const GROUP: usize = 1;
const APP: usize = 2;
const MEMBERSHIP: usize = 3;
const ASSIGNMENT: usize = 4;
const APP_GROUP: usize = 5;
const HOLDING: usize = 6;
const USAGE: usize = 7;

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "account",
        keys: &["n"],
        values: &[
            "id",
            "login",
            "able",
            "raw_status",
            "name",
            "emails",
            "created",
            "activated",
            "status_changed",
            "last_sign_in",
            "password_changed",
            "last_updated",
            "manager",
            "department",
            "title",
            "account_type",
            "type_id",
            "credential_provider",
            "profile",
        ],
        also_by: &["id"],
    },
    Table {
        name: "grp",
        keys: &["n"],
        values: &[
            "id",
            "name",
            "description",
            "is_imported",
            "member_count",
            "created",
            "last_updated",
            "last_membership_updated",
            "profile",
        ],
        also_by: &["id"],
    },
    Table {
        name: "app",
        keys: &["n"],
        values: &[
            "id",
            "label",
            "catalog_name",
            "raw_status",
            "sign_on_mode",
            "created",
            "last_updated",
            "raw",
        ],
        also_by: &["id"],
    },
    Table { name: "membership", keys: &["grp", "account"], values: &[], also_by: &["account", "grp"] },
    Table {
        name: "assignment",
        keys: &["app", "account"],
        values: &[
            "via",
            "raw_status",
            "user_name",
            "external_id",
            "sync_state",
            "since",
            "last_updated",
            "profile",
        ],
        also_by: &["account", "app"],
    },
    Table {
        name: "app_group",
        keys: &["app", "grp"],
        values: &["priority", "last_updated", "profile"],
        also_by: &["grp", "app"],
    },
    Table { name: "holding", keys: &["account", "role"], values: &["label", "since"], also_by: &["role"] },
    Table {
        name: "usage",
        keys: &["account", "app"],
        values: &["first_used", "last_used", "times"],
        also_by: &["app", "account"],
    },
];

impl Table {
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().chain(self.values).copied()
    }

    /// Makes the table; one with history has the first sync of a row and the one that ended it.
    pub(super) fn create(&self, with_history: bool) -> String {
        let Self { name, keys, values, .. } = self;
        // Numbers must say that they are: an index is of no use for comparing columns of different types.
        let kind = |key: &str| if key == "role" { "TEXT" } else { "INTEGER" };
        let columns: Vec<String> = keys
            .iter()
            .map(|key| format!("{key} {} NOT NULL", kind(key)))
            .chain(values.iter().map(|&value| value.to_owned()))
            .collect();
        let (columns, keys) = (columns.join(", "), keys.join(", "));
        // A number alone is found quicker in a table that is ordered by its own.
        let ordered = if self.keys.len() == 1 { "" } else { " WITHOUT ROWID" };
        if with_history {
            format!(
                "CREATE TABLE {name}({columns}, seq_from INTEGER NOT NULL, seq_to INTEGER,
                     PRIMARY KEY({keys}, seq_from)) WITHOUT ROWID;
                 CREATE TEMP TABLE read_{name}({columns}, PRIMARY KEY({keys})){ordered};"
            )
        } else {
            format!("CREATE TABLE {name}({columns}, PRIMARY KEY({keys})){ordered};")
        }
    }

    /// Makes the index that leads the other way, in the present.
    pub(super) fn index(&self, with_history: bool) -> String {
        let Self { name, also_by, .. } = self;
        let present = if with_history { " WHERE seq_to IS NULL" } else { "" };
        format!("CREATE INDEX {name}_also ON {name}({}){present};", also_by.join(", "))
    }

    /// Inserts a row with these values behind.
    pub(super) fn insert(&self, prefix: &str, behind: &[i64]) -> String {
        let Self { name, .. } = self;
        let mut columns: Vec<&str> = self.columns().collect();
        let mut values = vec!["?".to_owned(); columns.len()];
        for (column, value) in ["seq_from"].into_iter().zip(behind) {
            columns.push(column);
            values.push(value.to_string());
        }
        format!("INSERT INTO {prefix}{name}({}) VALUES({})", columns.join(", "), values.join(", "))
    }

    /// The table of a record, by its place, and the row there; none for what has no table.
    pub(super) fn row(record: Record, numbers: &mut Numbers) -> Option<(usize, Vec<Value>)> {
        Some(match record {
            Record::Account(account) => (ACCOUNT, account_row(*account, numbers)),
            Record::Group(group) => (GROUP, group_row(*group, numbers)),
            Record::Resource(app) => {
                let app = *app;
                let row = vec![
                    numbers.of(&app.id),
                    app.id.into(),
                    app.label.into(),
                    app.catalog_name.into(),
                    app.raw_status.into(),
                    app.sign_on_mode.into(),
                    time(app.created),
                    time(app.last_updated),
                    app.raw.get().to_owned().into(),
                ];
                (APP, row)
            }
            Record::Membership(edge) => {
                (MEMBERSHIP, vec![numbers.of(&edge.group), numbers.of(&edge.account)])
            }
            Record::Assignment(edge) => match edge.principal {
                Principal::Group(group) => {
                    let row = vec![
                        numbers.of(&edge.resource),
                        numbers.of(&group),
                        edge.priority.into(),
                        time(edge.last_updated),
                        edge.profile.get().to_owned().into(),
                    ];
                    (APP_GROUP, row)
                }
                principal => {
                    let via = match edge.origin {
                        AssignmentOrigin::Group(Some(group)) => numbers.of(&group),
                        _ => Value::Null,
                    };
                    let row = vec![
                        numbers.of(&edge.resource),
                        numbers.of(principal.id()),
                        via,
                        edge.raw_status.into(),
                        edge.user_name.into(),
                        edge.external_id.into(),
                        edge.sync_state.into(),
                        time(edge.since),
                        time(edge.last_updated),
                        edge.profile.get().to_owned().into(),
                    ];
                    (ASSIGNMENT, row)
                }
            },
            Record::Holding(edge) => {
                let account = numbers.of(edge.principal.id());
                (HOLDING, vec![account, edge.role.into(), edge.label.into(), time(edge.since)])
            }
            Record::Usage(usage) => {
                let (account, app) = (numbers.of(&usage.account), numbers.of(&usage.resource?));
                let times = Value::Integer(usage.count as i64);
                (USAGE, vec![account, app, time(Some(usage.first)), time(Some(usage.last)), times])
            }
            _ => return None,
        })
    }
}

fn account_row(account: Account, numbers: &mut Numbers) -> Vec<Value> {
    let last_sign_in = account.last_sign_in.known().copied().flatten();
    vec![
        numbers.of(&account.id),
        account.id.into(),
        account.login.into(),
        account.status.can_sign_in().into(),
        account.raw_status.into(),
        account.name.into(),
        account.emails.join(",").into(),
        time(account.created),
        time(account.activated),
        time(account.status_changed),
        time(last_sign_in),
        time(account.password_changed),
        time(account.last_updated),
        account.manager.into(),
        account.department.into(),
        account.title.into(),
        account.account_type.into(),
        account.type_id.into(),
        account.credential_provider.into(),
        account.profile.get().to_owned().into(),
    ]
}

fn group_row(group: Group, numbers: &mut Numbers) -> Vec<Value> {
    let member_count = match group.member_count {
        Observed::Known(count) => Some(count as i64),
        Observed::Unknown(_) => None,
    };
    vec![
        numbers.of(&group.id),
        group.id.into(),
        group.name.into(),
        group.description.into(),
        (group.origin == GroupOrigin::Imported).into(),
        member_count.into(),
        time(group.created),
        time(group.last_updated),
        time(group.last_membership_updated),
        group.profile.get().to_owned().into(),
    ]
}

/// Numbers of ids; ids of different kinds differ by how they begin.
#[derive(Default)]
pub(super) struct Numbers(HashMap<String, i64>);

impl Numbers {
    fn of(&mut self, id: &str) -> Value {
        if let Some(number) = self.0.get(id) {
            return Value::Integer(*number);
        }
        let number = self.0.len() as i64 + 1;
        self.0.insert(id.to_owned(), number);
        Value::Integer(number)
    }
}

fn time(time: Option<Time>) -> Value {
    time.map(Time::millis).into()
}
