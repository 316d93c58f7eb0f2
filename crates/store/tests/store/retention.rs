//! Which snapshots are kept, against the rule written down once more.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sightline_core::{Tallies, Time};
use sightline_store::{Retention, SnapshotMeta};

const DAY: i64 = 86_400;

fn sealed(number: u64, at: i64) -> SnapshotMeta {
    SnapshotMeta {
        number,
        started: Time::from_secs(at),
        sealed: Time::from_secs(at),
        full: false,
        tallies: Tallies::default(),
        drift: BTreeMap::default(),
        dangling: BTreeMap::default(),
        scopes: 0,
        gaps: 0,
        facts: 0,
        pruned: false,
    }
}

proptest! {
    #[test]
    fn the_last_of_a_day_and_of_a_month_are_kept(
        gaps in proptest::collection::vec(1_i64..20 * DAY, 1..60),
        later in 0_i64..100 * DAY,
        all in 0_u32..40,
        daily in 0_u32..200,
        monthly in proptest::option::of(0_u32..500),
    ) {
        let mut at = 1_700_000_000;
        let times: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
        let metas: Vec<_> = (1..).zip(&times).map(|(number, &at)| sealed(number, at)).collect();
        let now = at + later;
        let retention = Retention { all_days: all, daily_days: daily, monthly_days: monthly };
        let expired = retention.expired(&metas, Time::from_secs(now));
        for (place, &at) in times.iter().enumerate() {
            let within = |days: u32| now - at <= i64::from(days) * DAY;
            let next = times.get(place + 1);
            let last_of_day = next.is_none_or(|next| next.div_euclid(DAY) != at.div_euclid(DAY));
            let month = |at: i64| Time::from_secs(at).to_string()[..7].to_owned();
            let last_of_month = next.is_none_or(|&next| month(next) != month(at));
            let kept = next.is_none()
                || within(all)
                || (last_of_day && within(daily))
                || (last_of_month && monthly.is_none_or(within));
            prop_assert_eq!(expired.contains(&(place as u64 + 1)), !kept, "snapshot {} of {}", place + 1, at);
        }
    }
}
