//! Lists of how the organisation is set up, and of what was changed.

use sightline_answer::lists::{self, Listed};
use sightline_core::Party;

use super::{show, text, time};
use crate::cli::Format;
use crate::failure::Failure;
use crate::output::note;

pub(super) fn factors(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::factors(listed);
    let names = ["login", "kind", "provider", "status", "created", "last updated", "account id", "source"];
    show(&lines, format, &names, |line| {
        let factor = line.entity;
        vec![
            text(line.more.login.as_ref()),
            factor.kind.clone(),
            text(factor.provider.as_ref()),
            factor.raw_status.to_lowercase(),
            time(factor.created),
            time(factor.last_updated),
            factor.account.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn policies(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::policies(listed);
    let names =
        ["kind", "name", "status", "rules", "applications", "priority", "last updated", "id", "source"];
    show(&lines, format, &names, |line| {
        let policy = line.entity;
        vec![
            policy.kind.clone(),
            policy.name.clone(),
            policy.raw_status.to_lowercase(),
            line.more.rules.map_or_else(|| "unknown".to_owned(), |rules| rules.to_string()),
            line.more.apps.to_string(),
            policy.priority.map(|rank| rank.to_string()).unwrap_or_default(),
            time(policy.last_updated),
            policy.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn devices(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::devices(listed);
    let names = ["name", "platform", "status", "users", "created", "last updated", "id", "source"];
    show(&lines, format, &names, |line| {
        let device = line.entity;
        let logins =
            line.more.users.iter().map(|used| used.login.as_deref().unwrap_or(used.account.as_str()));
        vec![
            device.name.clone(),
            text(device.platform.as_ref()),
            device.raw_status.to_lowercase(),
            logins.collect::<Vec<_>>().join(", "),
            time(device.created),
            time(device.last_updated),
            device.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn identity_providers(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::identity_providers(listed);
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
            line.source.clone(),
        ]
    })
}

pub(super) fn settings(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::settings(listed);
    let names = ["kind", "name", "status", "last updated", "id", "source"];
    show(&lines, format, &names, |line| {
        let setting = line.entity;
        vec![
            setting.kind.clone(),
            setting.name.clone(),
            text(setting.raw_status.as_ref()).to_lowercase(),
            time(setting.last_updated),
            setting.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn changes(listed: &[Listed], format: Format, limit: usize) -> Result<(), Failure> {
    let mut lines = lists::changes(listed);
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
            line.source.clone(),
        ]
    })
}
