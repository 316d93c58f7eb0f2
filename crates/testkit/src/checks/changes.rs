//! Syncs that read only what has changed.

use std::collections::BTreeMap;

use super::{Verdict, that, tiny};
use crate::upstream::forget;
use crate::{Fact, How, Kit, Outcome, Quirks, World};

/// Rounds that are followed.
const ROUNDS: u32 = 4;

pub(super) async fn what_has_changed_is_what_a_full_read_finds(kit: &Kit) -> Verdict {
    for seed in [21, 22, 23] {
        follow(kit, &World::of(seed)).await?;
    }
    Ok(())
}

/// A person who looks at a large drop would find that it is true: in a small world one application is much.
fn confirmed(full: bool) -> How {
    let mut how = How::default();
    how.options.full = full;
    how.options.accept_drop = true;
    how
}

async fn follow(kit: &Kit, world: &World) -> Verdict {
    let bed = kit.bed();
    let mut before = bed.sync(world, &How::default()).await;
    before.is_whole()?;
    let mut followed = false;
    for round in 1..=ROUNDS {
        let outcome = bed.sync(&world.after(round), &confirmed(false)).await;
        outcome.is_whole()?;
        that(outcome.truth.facts != before.truth.facts, || format!("round {round} changes nothing"))?;
        followed |= outcome.result.as_ref().is_ok_and(|report| !report.full);
        let fresh = kit.read(&world.after(round)).await;
        as_fresh(kit, &outcome, &fresh)?;
        before = outcome;
    }
    let follows = kit.registration.info.datasets.iter().any(|dataset| dataset.follows);
    that(followed == follows, || {
        "every sync was a full one, although a dataset says that it follows".to_owned()
    })
}

/// What was followed equals what is read for the first time, but for when it was.
fn as_fresh(kit: &Kit, followed: &Outcome, fresh: &Outcome) -> Verdict {
    let untold = kit.upstream.samples().untold;
    let facts = |outcome: &Outcome| -> BTreeMap<String, Fact> {
        let mut facts = outcome.facts.clone();
        // Since when the log was read is not the same for who has just begun.
        facts.remove("activity_window");
        for (key, fact) in &mut facts {
            fact.first_seen = 0;
            // What an event names is told under the name that it has when it is read.
            if key.starts_with("change/") {
                fact.fields["targets"].take();
            }
            forget(key, &mut fact.fields, &untold);
        }
        facts
    };
    let (found, expected) = (facts(followed), facts(fresh));
    let keys = found.keys().chain(expected.keys());
    match keys.into_iter().find(|key| found.get(*key) != expected.get(*key)) {
        None => Ok(()),
        Some(key) => followed.wrong(format!(
            "{key} is {:?} when changes are followed, and {:?} when everything is read",
            found.get(key),
            expected.get(key)
        )),
    }
}

pub(super) async fn late_and_repeated_events_do_no_harm(kit: &Kit) -> Verdict {
    for seed in [31, 32] {
        follow(kit, &World { quirks: Quirks { twice: 5, ..Quirks::default() }, ..World::of(seed) }).await?;
        let world = World { quirks: Quirks { late: 4, twice: 2, lost: 0 }, ..World::of(seed) };
        let bed = kit.bed();
        bed.sync(&world, &How::default()).await.is_whole()?;
        // What came late in the last round is known one round later, or after a full read.
        for round in 1..=ROUNDS {
            let outcome = bed.sync(&world.after(round), &confirmed(false)).await;
            if let Err(error) = &outcome.result {
                return outcome.wrong(format!("the sync failed: {error}"));
            }
            outcome.keeps_the_rules()?;
        }
        bed.sync(&world.after(ROUNDS), &confirmed(true)).await.is_whole()?;
    }
    Ok(())
}

pub(super) async fn lost_events_are_made_good_by_a_full_read(kit: &Kit) -> Verdict {
    let world = World { quirks: Quirks { lost: 3, ..Quirks::default() }, ..tiny() };
    let bed = kit.bed();
    bed.sync(&world, &How::default()).await.is_whole()?;
    for round in 1..=ROUNDS {
        let outcome = bed.sync(&world.after(round), &confirmed(false)).await;
        if let Err(error) = &outcome.result {
            return outcome.wrong(format!("the sync failed: {error}"));
        }
        outcome.keeps_the_rules()?;
    }
    bed.sync(&world.after(ROUNDS), &confirmed(true)).await.is_whole()
}
