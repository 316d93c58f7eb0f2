//! `sightline diff`: what changed between two snapshots, what access that gave or took, and who did it.

use std::collections::BTreeMap;

use sightline_answer::{
    AccessChange, ChangeAnswer, ChangeWord, Chosen, DiffAnswer, DiffGap, Gain, Known, Pairs, RoleChange,
    count, kind_word, number,
};
use sightline_core::time::{Clock, SystemClock};
use sightline_store::Store;

use crate::cli::Diff;
use crate::failure::Failure;
use crate::output::{json, line, note};
use crate::world::{World, info};

/// How many lines of a part are shown unless everything is asked for.
const SHOWN: usize = 25;

pub(crate) fn run(world: &World, diff: &Diff) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let (source, from, to) = (diff.source.as_deref(), diff.from.as_ref(), diff.to.as_ref());
    let Pairs { pairs, notes } = sightline_answer::pairs(&store, source, from, to, SystemClock.now())?;
    let mut answers = Vec::new();
    for (from, to) in pairs {
        answers.push(compared(world, &store, from, to)?);
    }
    notes.iter().for_each(note);
    for answer in &mut answers {
        answer.keep_kinds(&diff.kinds);
    }
    if diff.json {
        return json(&answers);
    }
    let most = if diff.all { usize::MAX } else { SHOWN };
    answers.iter().try_for_each(|answer| show(answer, diff.all || !diff.kinds.is_empty(), most))
}

/// Compares two snapshots of a data source.
pub(crate) fn compared(
    world: &World,
    store: &Store,
    from: Chosen,
    to: Chosen,
) -> Result<DiffAnswer, Failure> {
    let info = info(world, &to.record)?;
    let (from, to) = (Known::load(store, from)?, Known::load(store, to)?);
    Ok(DiffAnswer::between(store, &from, &to, info)?)
}

/// For people; `all` lists churn as well, `most` bounds the lines of each part.
pub(crate) fn show(answer: &DiffAnswer, all: bool, most: usize) -> Result<(), Failure> {
    let DiffAnswer { source, from, to, .. } = answer;
    if from.snapshot == to.snapshot {
        return line(format!("{source}: both are snapshot {} of {}", from.snapshot, from.sealed));
    }
    line(format!(
        "{source}: from snapshot {} of {} to snapshot {} of {}",
        from.snapshot, from.sealed, to.snapshot, to.sealed
    ))?;
    let listed = |change: &&ChangeAnswer| {
        change.what != ChangeWord::Moved && !change.told_again && (all || !change.churn)
    };
    let mut by_kind: BTreeMap<usize, Vec<&ChangeAnswer>> = BTreeMap::new();
    for change in answer.changes.iter().filter(listed) {
        let place = crate::cli::KINDS.iter().position(|kind| *kind == kind_word(&change.kind));
        by_kind.entry(place.unwrap_or(usize::MAX)).or_default().push(change);
    }
    if by_kind.is_empty() {
        line("Nothing changed.")?;
    }
    for changes in by_kind.values_mut() {
        changes.sort_by(|a, b| a.told.cmp(&b.told));
        line("")?;
        part(changes.iter().map(|change| change.line()), most)?;
    }
    for (what, heading) in [(Gain::Gained, "Access gained"), (Gain::Lost, "Access lost")] {
        let changes: Vec<_> = answer.access.iter().filter(|access| access.what == what).collect();
        headed(heading, AccessChange::lines(&changes, all).into_iter(), most)?;
    }
    for (what, heading) in [(Gain::Gained, "Admin roles gained"), (Gain::Lost, "Admin roles lost")] {
        let lines = answer.roles.iter().filter(|role| role.what == what).map(RoleChange::line);
        headed(heading, lines, most)?;
    }
    show_remarks(answer, all)
}

/// What is not listed, and what may be hidden.
fn show_remarks(answer: &DiffAnswer, all: bool) -> Result<(), Failure> {
    let mut remarks = Vec::new();
    let churn = answer.changes.iter().filter(|change| change.churn && !change.told_again);
    let (mut uses, mut events, mut stamps) = (0, 0, 0);
    for change in churn {
        match change.kind.as_str() {
            "usage" => uses += 1,
            "change" => events += 1,
            "activity_window" => {}
            _ => stamps += 1,
        }
    }
    if !all && uses + events + stamps > 0 {
        remarks.push(format!(
            "Not listed: {}, {}, {} (--all lists them).",
            count(uses, "use", "uses"),
            count(events, "event of the log", "events of the log"),
            count(stamps, "fact with another stamp or count only", "facts with other stamps or counts only")
        ));
    }
    if let Some(why) = &answer.log_unread {
        remarks.push(format!("Who did it may not be known: {why}."));
    }
    if !remarks.is_empty() {
        line("")?;
    }
    remarks.iter().try_for_each(line)?;
    if !answer.gaps.is_empty() {
        line("\nCould not be read on one side or both, so that what was taken away there does not show:")?;
        let mut grouped: BTreeMap<(&str, &str, &str), Vec<&DiffGap>> = BTreeMap::new();
        for gap in &answer.gaps {
            grouped
                .entry((&gap.gap.scope.dataset, gap.gap.reason.phrase(), gap.sides()))
                .or_default()
                .push(gap);
        }
        for ((dataset, reason, sides), gaps) in grouped {
            let what = match gaps.as_slice() {
                [gap] => gap.what.clone(),
                many => format!("{} of {}", dataset.replace('_', " "), many.len()),
            };
            line(format!("  {what}: {reason}, {sides}"))?;
        }
    }
    Ok(())
}

fn headed(heading: &str, lines: impl Iterator<Item = String>, most: usize) -> Result<(), Failure> {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    line(format!("\n{heading}:"))?;
    part(lines, most)
}

/// Some lines, and how many more there are.
fn part(lines: impl Iterator<Item = String>, most: usize) -> Result<(), Failure> {
    let mut more: u64 = 0;
    for (at, text) in lines.enumerate() {
        if at < most {
            line(text)?;
        } else {
            more += 1;
        }
    }
    if more > 0 { line(format!("… and {} more (--all, or --json)", number(more))) } else { Ok(()) }
}
