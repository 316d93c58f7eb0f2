//! What every connector has to do, checked for Okta against its simulator; and what goes wrong elsewhere.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod peers;
mod truth;
mod upstream;

use sightline_core::Registration;
use sightline_okta::Okta;
use sightline_testkit::{CHECKS, Check, Kit};
use upstream::SimulatedOkta;

static OKTA: Registration = Registration::of::<Okta>();

fn kit() -> Kit {
    Kit::new(&OKTA, SimulatedOkta::default())
}

#[test]
fn okta_conforms() {
    // One check alone, by its name: for a failure that is looked into.
    let only = std::env::var("CHECK").ok();
    let checks: Vec<&Check> =
        CHECKS.iter().filter(|check| only.as_deref().is_none_or(|name| check.name == name)).collect();
    let failures = kit().run_these(&checks);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// More of what the check of this name has, with other seeds; many more with `SEEDS=0..200`, which takes minutes.
#[test]
fn whatever_goes_wrong_is_a_gap_with_other_seeds() {
    let seeds = std::env::var("SEEDS").unwrap_or_else(|_| "1000..1008".to_owned());
    let (from, to) = seeds.split_once("..").expect("two numbers, 1000..1200");
    let seeds: Vec<u64> = (from.parse().unwrap()..to.parse().unwrap()).collect();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = seeds
            .chunks(seeds.len().div_ceil(4).max(1))
            .map(|seeds| {
                scope.spawn(|| {
                    let kit = kit();
                    let holds = |seed: &u64| kit.block_on(kit.holds(*seed)).err();
                    seeds
                        .iter()
                        .filter_map(|seed| Some(format!("seed {seed}: {}", holds(seed)?)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} seeds fail:\n{}", failures.len(), failures.join("\n"));
}
