//! The kit itself: a connector without a bug passes every check, and every bug is found by the check that is for it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod connector;
mod server;

use std::collections::BTreeSet;
use std::path::Path;

use connector::Bug;
use sightline_core::Registration;
use sightline_testkit::{CHECKS, KEPT_ELSEWHERE, Kit, checks};

static TOY: Registration = Registration::of::<connector::Toy>();

fn kit(bug: Bug) -> Kit {
    Kit::new(&TOY, server::Toy(bug))
}

#[test]
fn a_connector_without_a_bug_passes() {
    let failures = kit(Bug::None).run_all();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_bug_is_found() {
    let expected = [
        (Bug::ShortPageIsTheEnd, "every_page_is_read"),
        (Bug::LosesSecondPages, "every_page_is_read"),
        (Bug::AsksForTooMuch, "every_page_is_read"),
        (Bug::TrustsLinks, "only_the_cursor_of_a_link_is_used"),
        (Bug::TakesRepeatedCursorForTheEnd, "a_repeated_cursor_is_an_error"),
        (Bug::DropsPagesWithOddObjects, "an_odd_object_costs_that_object"),
        (Bug::TakesDeniedForEmpty, "a_refused_dataset_costs_nothing_else"),
        (Bug::TakesDeniedForEmpty, "a_refused_part_is_a_gap_of_that_part"),
        (Bug::TakesNotFoundForGone, "a_refused_dataset_costs_nothing_else"),
        (Bug::TakesFailingForGone, "what_passes_costs_nothing"),
        (Bug::TakesRevokedForDenied, "a_refused_credential_stops_the_sync"),
        (Bug::TakesRevokedForDenied, "a_credential_that_is_revoked_meanwhile_costs_nothing"),
        (Bug::TakesEmptyForTrue, "what_is_never_empty_is_not_believed_to_be"),
        (Bug::HoldsState, "a_step_needs_nothing_of_the_one_before"),
        (Bug::AppliesEvents, "what_has_changed_is_what_a_full_read_finds"),
        (Bug::NamesAbsentUnasked, "steps_keep_the_rules"),
        (Bug::ForgetsItsPlaceInTheLog, "what_has_changed_is_what_a_full_read_finds"),
        (Bug::ReadsIntoAnotherScope, "steps_keep_the_rules"),
        (Bug::DeclaresTooLittle, "steps_keep_the_rules"),
        (Bug::TakesUnknownLimitsForNone, "unread_limits_are_unknown"),
        (Bug::TakesUnknownWordsForOff, "what_is_strange_is_kept"),
        (Bug::TellsItsSecret, "steps_keep_the_rules"),
        (Bug::LogsItsSecret, "steps_keep_the_rules"),
        (Bug::TellsBodies, "bodies_are_never_told"),
        (Bug::KeepsSecretsOfOthers, "secrets_are_never_kept"),
        (Bug::Writes, "steps_keep_the_rules"),
        (Bug::TakesAnyIdForAPath, "crooked_ids_become_no_paths"),
        (Bug::BeginsAnewInTheMiddle, "what_failed_is_read_by_the_next_sync"),
        (Bug::TakesStepsInVain, "a_sync_takes_no_steps_in_vain"),
    ];
    let finds = |bug: Bug, check: &str| kit(bug).run(checks::named(check)).is_err();
    let overlooked: Vec<_> = expected.iter().filter(|(bug, check)| !finds(*bug, check)).collect();
    assert!(overlooked.is_empty(), "not found: {overlooked:?}");
}

#[test]
fn random_faults_find_who_draws_conclusions_from_them() {
    for bug in [Bug::TakesDeniedForEmpty, Bug::TakesNotFoundForGone, Bug::TakesFailingForGone] {
        let kit = kit(bug);
        assert!((0..30).any(|seed| kit.block_on(kit.holds(seed)).is_err()), "{bug:?} is not found");
    }
}

/// The numbered rules of the guide for connectors.
fn clauses() -> BTreeSet<u8> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors/README.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let rules = guide.split("## The rules").nth(1).unwrap().split("\n## ").next().unwrap();
    rules.lines().filter_map(|line| line.split_once(". ")?.0.parse().ok()).collect()
}

#[test]
fn every_clause_is_cited_or_kept_elsewhere() {
    let cited: BTreeSet<u8> = CHECKS.iter().flat_map(|check| check.clauses).copied().collect();
    let elsewhere: BTreeSet<u8> = KEPT_ELSEWHERE.iter().map(|(clause, _)| *clause).collect();
    assert!(cited.is_disjoint(&elsewhere), "kept twice");
    assert!(KEPT_ELSEWHERE.iter().all(|(_, reason)| !reason.is_empty()));
    assert_eq!(cited.union(&elsewhere).copied().collect::<BTreeSet<u8>>(), clauses());
}
