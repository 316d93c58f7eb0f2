//! Lists of who and what there is: accounts, groups, applications, and what moves between them.

use sightline_answer::lists::{self, Listed};
use sightline_core::{GroupOrigin, Observed, Time};

use super::{counted, show, text, time};
use crate::cli::Format;
use crate::failure::Failure;

pub(super) fn accounts(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::accounts(listed);
    let names =
        ["login", "name", "status", "raw status", "department", "title", "last sign-in", "id", "source"];
    show(&lines, format, &names, |line| {
        let account = line.entity;
        vec![
            account.login.clone(),
            account.name.clone(),
            account.status.word().to_owned(),
            account.raw_status.clone(),
            text(account.department.as_ref()),
            text(account.title.as_ref()),
            last_sign_in(&account.last_sign_in),
            account.id.clone(),
            line.source.clone(),
        ]
    })
}

fn last_sign_in(value: &Observed<Option<Time>>) -> String {
    match value {
        Observed::Known(Some(time)) => time.to_string(),
        Observed::Known(None) => "never".to_owned(),
        Observed::Unknown(why) => format!("unknown: {why}"),
    }
}

pub(super) fn groups(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::groups(listed);
    let names = ["name", "origin", "members", "applications", "description", "id", "source"];
    show(&lines, format, &names, |line| {
        let group = line.entity;
        let origin = match &group.origin {
            GroupOrigin::Native => "native",
            GroupOrigin::Imported => "imported",
            GroupOrigin::BuiltIn => "built-in",
            GroupOrigin::Unknown(word) => word,
        };
        vec![
            group.name.clone(),
            origin.to_owned(),
            counted(&group.member_count),
            counted(&group.resource_count),
            text(group.description.as_ref()),
            group.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn apps(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::apps(listed);
    let names = ["label", "catalogue name", "status", "sign-on mode", "for everyone", "id", "source"];
    show(&lines, format, &names, |line| {
        let app = line.entity;
        let everyone = match &app.implicit_assignment {
            Observed::Known(true) => "yes",
            Observed::Known(false) => "",
            Observed::Unknown(_) => "unknown",
        };
        vec![
            app.label.clone(),
            text(app.catalog_name.as_ref()),
            app.raw_status.to_lowercase(),
            text(app.sign_on_mode.as_ref()),
            everyone.to_owned(),
            app.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn rules(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::rules(listed);
    let names =
        ["name", "status", "puts into", "condition", "excluded accounts", "excluded groups", "id", "source"];
    show(&lines, format, &names, |line| {
        let rule = line.entity;
        vec![
            rule.name.clone(),
            rule.raw_status.to_lowercase(),
            line.more.target_group_names.join(", "),
            text(rule.expression.as_ref()),
            rule.excluded_accounts.len().to_string(),
            rule.excluded_groups.len().to_string(),
            rule.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn owners(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::owners(listed);
    let names = ["group", "owner", "kind", "kept in", "group id", "owner id", "source"];
    show(&lines, format, &names, |line| {
        let edge = line.entity;
        vec![
            text(line.more.group_name.as_ref()),
            text(line.more.owner_name.as_ref().or(edge.name.as_ref())),
            edge.owner.kind().to_string(),
            text(edge.origin.as_ref()),
            edge.group.clone(),
            edge.owner.id().to_owned(),
            line.source.clone(),
        ]
    })
}

pub(super) fn pushes(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::pushes(listed);
    let names = ["group", "application", "status", "last updated", "group there", "id", "source"];
    show(&lines, format, &names, |line| {
        let push = line.entity;
        vec![
            text(line.more.group_name.as_ref()),
            text(line.more.app_label.as_ref()),
            push.raw_status.to_lowercase(),
            time(push.last_updated),
            text(push.target_group.as_ref()),
            push.id.clone(),
            line.source.clone(),
        ]
    })
}
