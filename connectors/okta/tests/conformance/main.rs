//! What every connector has to do, checked for Okta against its simulator; and what goes wrong elsewhere.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod peers;
mod upstream;

use sightline_core::Registration;
use sightline_okta::Okta;
use sightline_testkit::{CHECKS, Check, Kit};
use upstream::SimulatedOkta;

static OKTA: Registration = Registration::of::<Okta>();

fn kit() -> Kit {
    Kit::new(&OKTA, SimulatedOkta::default())
}

/// Checks that find something today, and what. A check that finds nothing any more fails until its line here is gone.
const KNOWN: &[(&str, &str)] = &[
    (
        "a_sync_takes_no_steps_in_vain",
        "a walk through the log from its oldest event starts anew in every step, because the oldest has moved on",
    ),
    (
        "what_failed_is_read_by_the_next_sync",
        "a gap of a dataset that is only ever read in parts is never closed, not even by a full read",
    ),
    ("what_is_never_empty_is_not_believed_to_be", "a list of groups without Everyone is believed"),
    (
        "what_has_changed_is_what_a_full_read_finds",
        "the groups of a deactivated user, the applications of a deleted group, and the group that decides about an \
         assignment after another one was taken away are not read again",
    ),
    ("late_and_repeated_events_do_no_harm", "as what_has_changed_is_what_a_full_read_finds"),
    ("a_step_may_be_run_twice", "as what_has_changed_is_what_a_full_read_finds"),
    ("a_step_needs_nothing_of_the_one_before", "as what_has_changed_is_what_a_full_read_finds"),
    (
        "whatever_goes_wrong_is_a_gap_and_closes_nothing",
        "all of these; and usage is counted twice when changes cannot be followed and everything is read anew",
    ),
];

#[test]
fn okta_conforms() {
    // One check alone, by its name: for a failure that is looked into.
    let only = std::env::var("CHECK").ok();
    let checks: Vec<&Check> =
        CHECKS.iter().filter(|check| only.as_deref().is_none_or(|name| check.name == name)).collect();
    let failures = kit().run_these(&checks);
    let is_known = |name: &str| only.is_none() && KNOWN.iter().any(|(known, _)| *known == name);
    let of = |check: &Check| failures.iter().find(|failure| failure.contains(&format!(": {}: ", check.name)));
    for check in checks {
        match of(check) {
            Some(failure) => assert!(is_known(check.name), "{failure}"),
            None => assert!(!is_known(check.name), "{} finds nothing any more: good", check.name),
        }
    }
}
