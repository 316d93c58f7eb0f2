//! Lists of how the organisation is set up, and of what was changed.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use sightline_core::{Party, Record};

use super::{Dated, lines, lines_with, show, text, time};
use crate::cli::Format;
use crate::failure::Failure;
use crate::output::note;

pub(super) fn factors(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Factor(factor) = record { Some(factor) } else { None },
        |names, factor| BTreeMap::from([("login", names.get("account", &factor.account))]),
    );
    let names = ["login", "kind", "provider", "status", "created", "last updated", "account id", "source"];
    show(&lines, format, &names, |line| {
        let factor = line.entity;
        vec![
            line.told("login"),
            factor.kind.clone(),
            text(factor.provider.as_ref()),
            factor.raw_status.to_lowercase(),
            time(factor.created),
            time(factor.last_updated),
            factor.account.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn policies(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Policy(policy) = record { Some(policy) } else { None },
        |names, policy| {
            let under =
                |wanted: fn(&Record) -> bool| names.under(&policy.id).filter(move |one| wanted(one)).count();
            // Null where they could not be read.
            let is_rule = |record: &Record| matches!(record, Record::PolicyRule(_));
            let rules = names.is_read(&policy.id).then(|| under(is_rule));
            let apps = under(|record| matches!(record, Record::Governance(_)));
            BTreeMap::from([("rules", json!(rules)), ("apps", json!(apps))])
        },
    );
    let names =
        ["kind", "name", "status", "rules", "applications", "priority", "last updated", "id", "source"];
    show(&lines, format, &names, |line| {
        let policy = line.entity;
        let rules = line.told("rules");
        vec![
            policy.kind.clone(),
            policy.name.clone(),
            policy.raw_status.to_lowercase(),
            if rules.is_empty() { "unknown".to_owned() } else { rules },
            line.told("apps"),
            policy.priority.map(|rank| rank.to_string()).unwrap_or_default(),
            time(policy.last_updated),
            policy.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn devices(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Device(device) = record { Some(device) } else { None },
        |names, device| {
            let users = names.under(&device.id).filter_map(|record| match record {
                Record::DeviceUse(used) => Some(json!({
                    "account": used.account,
                    "login": names.get("account", &used.account),
                    "management": used.management,
                    "since": used.since,
                })),
                _ => None,
            });
            let users: Vec<Value> = users.collect();
            BTreeMap::from([("users", Value::Array(users))])
        },
    );
    let names = ["name", "platform", "status", "users", "created", "last updated", "id", "source"];
    show(&lines, format, &names, |line| {
        let device = line.entity;
        let users = line.more["users"].as_array().into_iter().flatten();
        let logins =
            users.map(|used| used["login"].as_str().or(used["account"].as_str()).unwrap_or_default());
        vec![
            device.name.clone(),
            text(device.platform.as_ref()),
            device.raw_status.to_lowercase(),
            logins.collect::<Vec<_>>().join(", "),
            time(device.created),
            time(device.last_updated),
            device.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn identity_providers(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines(snapshots, |record| if let Record::Trust(trust) = record { Some(trust) } else { None });
    let names = ["name", "kind", "status", "created", "last updated", "id", "source"];
    show(&lines, format, &names, |line| {
        let trust = line.entity;
        vec![
            trust.name.clone(),
            trust.kind.clone(),
            trust.raw_status.to_lowercase(),
            time(trust.created),
            time(trust.last_updated),
            trust.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn settings(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines =
        lines(snapshots, |record| if let Record::Setting(setting) = record { Some(setting) } else { None });
    let names = ["kind", "name", "status", "last updated", "id", "source"];
    show(&lines, format, &names, |line| {
        let setting = line.entity;
        vec![
            setting.kind.clone(),
            setting.name.clone(),
            text(setting.raw_status.as_ref()).to_lowercase(),
            time(setting.last_updated),
            setting.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn changes(snapshots: &[Dated], format: Format, limit: usize) -> Result<(), Failure> {
    let mut lines =
        lines(snapshots, |record| if let Record::Change(change) = record { Some(change) } else { None });
    lines.sort_by_key(|line| (Reverse(line.entity.time), &line.entity.id));
    if lines.len() > limit {
        note(format!("{} older changes are not listed; see --limit", lines.len() - limit));
        lines.truncate(limit);
    }
    let called = |party: &Party| party.name.clone().unwrap_or_else(|| format!("{} {}", party.kind, party.id));
    let names = ["time", "what", "done", "who", "to", "source"];
    show(&lines, format, &names, |line| {
        let change = line.entity;
        vec![
            change.time.to_string(),
            change.kind.clone(),
            if change.succeeded { "yes" } else { "no: it failed" }.to_owned(),
            change.actor.as_ref().map(called).unwrap_or_default(),
            change.targets.iter().map(called).collect::<Vec<_>>().join(", "),
            line.source.to_owned(),
        ]
    })
}
