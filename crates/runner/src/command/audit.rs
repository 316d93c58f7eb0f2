//! `sightline audit`: who did what with Sightline.

use sightline_answer::number;
use sightline_store::{Actor, AuditEntry, AuditNote};

use crate::cli::Audit;
use crate::failure::Failure;
use crate::output::{Columns, json, line, note};
use crate::world::World;

pub(crate) fn run(world: &World, audit: &Audit) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let entries = store.audit(audit.before, audit.limit)?;
    if audit.json {
        return json(&entries);
    }
    if entries.is_empty() {
        return line("Nothing is in the audit log.");
    }
    let mut columns =
        Columns::new(&["number", "when", "who", "what", "to what", "outcome", "from", "detail"]);
    for AuditEntry { number, note } in &entries {
        let AuditNote { at, actor, action, target, detail, outcome, address } = note;
        columns.rows.push(vec![
            number.to_string(),
            at.to_string(),
            who(actor),
            action.clone(),
            target.clone().unwrap_or_default(),
            outcome.word().to_owned(),
            address.clone().unwrap_or_default(),
            detail.clone().unwrap_or_default(),
        ]);
    }
    columns.table()?;
    let first = entries.last().map_or(0, |entry| entry.number);
    if first > 1 {
        note(format!(
            "{} before them: list more with --before {first} or --limit",
            if first == 2 { "1 entry is".to_owned() } else { format!("{} entries are", number(first - 1)) }
        ));
    }
    Ok(())
}

fn who(actor: &Actor) -> String {
    match actor {
        Actor::User { name, .. } => name.clone(),
        Actor::Token { name, user, .. } => format!("token {name} of {user}"),
        Actor::System => "system".to_owned(),
        Actor::Anonymous => "not signed in".to_owned(),
    }
}
