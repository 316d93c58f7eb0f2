//! `sightline history`: what happened to an account, a group or an application.

use sightline_answer::{
    EntityRef, HistoryAnswer, Known, SnapshotStamp, count, find_entity, kind_word, lasts, source_named,
};
use sightline_core::time::{Clock, SystemClock};

use crate::cli::History;
use crate::failure::Failure;
use crate::output::{json, line, note};
use crate::world::{World, info};

pub(crate) fn run(world: &World, history: &History) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let (source, since) = (history.source.as_deref(), history.since.as_ref());
    let load = |last| Known::load(&store, last);
    let graphs: Vec<Known> = lasts(&store, source, since)?.into_iter().map(load).collect::<Result<_, _>>()?;
    let (known, entity) = find_entity(&store, &graphs, &history.entity)?;
    let info = info(world, &source_named(&store, &known.graph.about().source)?)?;
    let answer = HistoryAnswer::of(&store, known, entity, since, SystemClock.now(), info)?;
    answer.note.iter().for_each(note);
    if history.json { json(&answer) } else { show(&answer) }
}

fn show(answer: &HistoryAnswer) -> Result<(), Failure> {
    let EntityRef { kind, id, name } = &answer.entity;
    let phrase = |stamp: &SnapshotStamp| format!("snapshot {} of {}", stamp.snapshot, stamp.sealed);
    let since = match &answer.first {
        Some(_) if answer.before_the_first_sync => "there since before the first sync".to_owned(),
        Some(first) => format!("first seen in {}", phrase(first)),
        None => "not seen in these snapshots".to_owned(),
    };
    let last = match (&answer.last, answer.there) {
        (Some(last), true) => format!(", last seen in {}", phrase(last)),
        (Some(last), false) => format!(", gone after {}", phrase(last)),
        (None, _) => String::new(),
    };
    line(format!("{name} ({} {id}) [{}]: {since}{last}", kind_word(kind.word()), answer.source))?;
    let mut shown = None;
    for event in &answer.events {
        if shown != Some(event.until.snapshot) {
            shown = Some(event.until.snapshot);
            line(format!("\n{}, after {}", phrase(&event.until), phrase(&event.after)))?;
        }
        line(format!("  {}", event.line))?;
    }
    if answer.events.is_empty() {
        line("\nNothing happened to it.")?;
    }
    if !answer.at_first.is_empty() {
        let counts = answer.at_first.iter().map(|(kind, number)| count(*number, kind, &format!("{kind}s")));
        line(format!("\nIn the first of these snapshots: {}.", counts.collect::<Vec<_>>().join(", ")))?;
    }
    Ok(())
}
