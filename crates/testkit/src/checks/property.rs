//! Whatever goes wrong.

use super::Verdict;
use crate::{How, Kit, Outcome, World, schedule};

/// Seeds that are tried in every run.
const SEEDS: std::ops::Range<u64> = 0..30;

pub(super) async fn whatever_goes_wrong_is_a_gap_and_closes_nothing(kit: &Kit) -> Verdict {
    for seed in SEEDS {
        kit.holds(seed).await?;
    }
    Ok(())
}

impl Kit {
    /// Whether the snapshot is the truth or owns up to what it is not, for the schedule of faults of this seed.
    ///
    /// Nothing is closed that is still there, a sync that fails leaves the snapshot as it was, and when the faults are
    /// over a sync finds the truth.
    pub async fn holds(&self, seed: u64) -> Verdict {
        let world = World::of(seed % 5);
        let bed = self.bed();
        let mut before = bed.sync(&world, &How::default()).await;
        before.is_whole()?;
        for turn in 0..2 {
            let faults = schedule::random(self, seed * 2 + turn, 1 + (seed % 5) as usize);
            // Time goes one way.
            let rounds = before.world.rounds + ((seed >> turn) & 1) as u32;
            let spoiled = world.after(rounds).with(faults);
            let how = if (seed + turn).is_multiple_of(2) { How::full() } else { How::default() };
            let mut outcome = bed.sync(&spoiled, &how).await;
            let went_on = outcome.result.as_ref().is_ok_and(|report| report.resumed);
            if went_on && before.world.rounds != rounds {
                // Its first half is of the world as it was then: what has changed meanwhile is read by the next one.
                outcome.keeps_the_rules()?;
                let mut next = How::default();
                next.options.accept_drop = true;
                outcome = bed.sync(&world.after(rounds), &next).await;
            }
            self.stands(&before, &outcome)?;
            before = outcome;
        }
        // A person who looks at a large drop would find that it is true.
        let mut confirmed = How::full();
        confirmed.options.accept_drop = true;
        bed.sync(&world.after(before.world.rounds), &confirmed).await.is_whole()
    }

    fn stands(&self, before: &Outcome, after: &Outcome) -> Verdict {
        after.keeps_the_rules()?;
        if after.result.is_err() {
            return if after.snapshot == before.snapshot && after.facts == before.facts {
                Ok(())
            } else {
                after.wrong("a sync that failed has changed the snapshot")
            };
        }
        after.owns_up(self)?;
        let closed = before.facts.keys().filter(|key| !after.facts.contains_key(*key));
        for key in closed {
            let Some(fact) = after.truth.facts.get(key) else { continue };
            let unlimited = fact.where_unlimited.as_ref();
            if !unlimited.is_some_and(|key| after.facts.contains_key(key)) {
                return after.wrong(format!("{key} was closed, and it is there"));
            }
        }
        Ok(())
    }
}
