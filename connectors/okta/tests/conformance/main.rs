//! What every connector has to do, checked for Okta against its simulator; and what goes wrong elsewhere.

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
    assert!(failures.is_empty(), "{} of {} checks failed:\n{}", failures.len(), checks.len(), failures.join("\n"));
}

#[test]
fn probe() {
    let kit = kit();
    for seed in 0..40 {
        if let Err(what) = kit.block_on(kit.holds(seed)) { println!("{seed}: {what}"); }
    }
}
