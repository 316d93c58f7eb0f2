//! Syncs that read only what has changed end with what a look at everything would have found, at the price of what has
//! changed.

use sightline_sim::expect::Dirty;
use sightline_sim::{Company, CompanySpec};

use crate::harness::{Facts, Home, SimSetup, assert_same, now, timeless};

/// What changes without anybody being told: it is what the last look at everything found.
const UNTOLD: [(&str, &str); 3] =
    [("account", "last_sign_in"), ("group", "member_count"), ("group", "resource_count")];

/// A round of change takes this long in the company's time.
const ROUND_SECONDS: i64 = 20;
const ROUNDS: u32 = 3;

/// A company whose last round ends in the present: what is changed while it is read is later than that.
pub(crate) fn company(seed: u64) -> CompanySpec {
    let start = now().as_second() - 300 - ROUND_SECONDS * i64::from(ROUNDS);
    CompanySpec {
        groups: 24,
        apps: 16,
        memberships: 320,
        permille: 60,
        ..CompanySpec::for_people(90, seed, jiff::Timestamp::from_second(start).unwrap())
    }
}

/// Facts without when they were seen, what the log tells of use and of the time before, and the moments at which
/// something was read.
pub(crate) fn found(facts: Facts) -> Facts {
    let mut facts = timeless(facts);
    for fact in facts.values_mut() {
        for name in ["first_seen", "last_seen", "snapshot"] {
            fact[name].take();
        }
        // The provider stamps no change when somebody signs in, and its own counts of a group are no change of the group.
        for (kind, name) in UNTOLD {
            if let Some(record) = fact["record"].get_mut(kind) {
                record[name].take();
            }
        }
    }
    facts
}

fn things(dirty: &Dirty) -> u64 {
    let Dirty { users, groups, member_lists, rules, apps, app_users, app_groups, .. } = dirty;
    let Dirty { role_holders, custom_roles, resource_sets, .. } = dirty;
    users
        + groups
        + member_lists
        + rules
        + apps
        + app_users
        + app_groups
        + role_holders
        + custom_roles
        + resource_sets
}

#[test]
fn rounds_of_change_are_followed_to_what_a_look_at_everything_finds() {
    for seed in [111, 112] {
        let mut setup = SimSetup::of(company(seed));
        let sim = setup.start();
        setup = setup.port(sim.port);
        let home = Home::connected_to(&sim);
        home.run(&["sync", "--json"]).ok();
        drop(sim.stop());
        for round in 1..=ROUNDS {
            setup.spec.rounds = round;
            let company = setup.company();
            let sim = setup.start();
            let report = home.run(&["sync", "--json"]).json();
            let served = sim.stop();
            assert_eq!(report["full"], false, "seed {seed}, round {round}: {report}");
            assert_eq!(home.gaps(), [], "seed {seed}, round {round}");
            let sim = setup.start();
            let fresh = Home::synced_with(&sim);
            drop(sim.stop());
            assert_same(
                &format!("seed {seed}, facts after round {round}"),
                &found(home.facts()),
                &found(fresh.facts()),
            );
            let most = at_most(&company, round);
            assert!(
                served.total() <= most,
                "seed {seed}, round {round}: {} requests, at most {most}: {served:?}",
                served.total()
            );
        }
    }
}

/// The requests that a round may cost. The clock of the program is that of this machine, and a search by time looks back
/// five minutes: the rounds before are in there as well.
fn at_most(company: &Company, round: u32) -> u64 {
    let dirty: u64 = (1..=round).map(|round| things(&company.truth().dirty(round))).sum();
    dirty + 12 + company.apps.len().div_ceil(200) as u64
}
