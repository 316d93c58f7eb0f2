//! What may not be read.

use std::collections::BTreeSet;

use sightline_core::{ErrorKind, GapReason};
use sightline_sync::SyncError;

use super::{Verdict, optional_paths, that, tiny, with_id};
use crate::{Fault, How, Kit, Outcome, Trouble};

/// Refusals, and what a gap has to say about each.
const REFUSALS: [(Trouble, &str); 4] = [
    (Trouble::Denied, "denied"),
    (Trouble::NotLicensed, "not licensed"),
    (Trouble::NotFound, "not offered"),
    (Trouble::NotAllowed, "not offered"),
];

pub(super) async fn a_refused_dataset_costs_nothing_else(kit: &Kit) -> Verdict {
    let info = kit.registration.info;
    let usual = kit.read(&tiny()).await;
    usual.is_whole()?;
    let paths: BTreeSet<&str> = info.datasets.iter().flat_map(|dataset| dataset.reads).copied().collect();
    let read = paths.into_iter().filter(|path| usual.requests.contains_key(&format!("GET {path}")));
    for (turn, path) in read.enumerate() {
        let readers: Vec<_> = info.datasets.iter().filter(|dataset| dataset.reads.contains(&path)).collect();
        // Every path is denied; the other refusals take turns.
        for (trouble, reason) in [&REFUSALS[0], &REFUSALS[1 + turn % 3]] {
            if !kit.upstream.can(trouble) {
                continue;
            }
            let fault = Fault::always(path, trouble.clone());
            let bed = kit.bed();
            let outcome = bed.sync(&tiny().with([fault.clone()]), &How::default()).await;
            if readers.iter().any(|dataset| dataset.required) {
                if outcome.result.is_ok() {
                    return outcome.wrong(format!("{path} is required and refused, and the sync ends well"));
                }
                continue;
            }
            outcome.owns_up(kit)?;
            for gap in &outcome.gaps {
                if !readers.iter().any(|dataset| dataset.id == gap.scope.dataset) {
                    return outcome.wrong(format!("{path} is refused, and {} is a gap", gap.scope));
                }
                if gap.reason.phrase() != *reason {
                    let phrase = gap.reason.phrase();
                    return outcome.wrong(format!("{} is {reason}, and its gap says {phrase}", gap.scope));
                }
            }
            // A dataset that has another source than this path may do without it.
            if outcome.gaps.is_empty() && readers.iter().any(|dataset| dataset.reads.len() == 1) {
                return outcome.wrong(format!("{path} is refused, and that is no gap"));
            }
            // What was there before is still there after a refusal.
            if reason == &"denied" {
                let bed = kit.bed();
                let before = bed.sync(&tiny(), &How::default()).await;
                let after = bed.sync(&tiny().with([fault]), &How::full()).await;
                nothing_lost(&before, &after)?;
            }
        }
    }
    Ok(())
}

/// Whatever was known is known.
fn nothing_lost(before: &Outcome, after: &Outcome) -> Verdict {
    if let Err(error) = &after.result {
        return after.wrong(format!("the sync failed: {error}"));
    }
    let kept = |key: &String| {
        let unlimited = after.truth.facts.get(key).and_then(|fact| fact.where_unlimited.as_ref());
        after.facts.contains_key(key) || unlimited.is_some_and(|key| after.facts.contains_key(key))
    };
    match before.facts.keys().find(|key| !kept(key)) {
        Some(key) => after.wrong(format!("{key} was closed by a read that was refused")),
        None => Ok(()),
    }
}

pub(super) async fn a_refused_part_is_a_gap_of_that_part(kit: &Kit) -> Verdict {
    let usual = kit.read(&tiny()).await;
    let parts = kit.registration.info.datasets.iter().filter(|dataset| dataset.parent.is_some());
    for dataset in parts {
        let with_facts = usual.truth.facts.values().map(|fact| &fact.scope);
        let Some(scope) = with_facts.into_iter().find(|scope| scope.dataset == dataset.id) else { continue };
        let Some(id) = &scope.parent else { continue };
        let faults = dataset.reads.iter().map(|path| Fault::always(with_id(path, id), Trouble::Denied));
        let world = tiny().with(faults);
        let bed = kit.bed();
        bed.sync(&tiny(), &How::default()).await.is_whole()?;
        for outcome in [kit.read(&world).await, bed.sync(&world, &How::full()).await] {
            outcome.owns_up(kit)?;
            let scopes: Vec<String> = outcome.gaps.iter().map(|gap| gap.scope.to_string()).collect();
            let denied = outcome.gap(scope).is_some_and(|gap| matches!(gap.reason, GapReason::Denied { .. }));
            if !denied || outcome.gaps.len() != 1 {
                return outcome.wrong(format!("{scope} alone is denied, and the gaps are {scopes:?}"));
            }
        }
        let after = bed.sync(&world, &How::full()).await;
        nothing_lost(&usual, &after)?;
    }
    Ok(())
}

pub(super) async fn a_refused_credential_stops_the_sync(kit: &Kit) -> Verdict {
    let bed = kit.bed();
    let before = bed.sync(&tiny(), &How::default()).await;
    let outcome = bed.sync(&tiny().with([Fault::always("*", Trouble::Revoked)]), &How::full()).await;
    match &outcome.result {
        Err(SyncError::Source(error)) if *error.kind() == ErrorKind::Auth => {}
        other => {
            return outcome.wrong(format!("the credential is not accepted, and the sync says {other:?}"));
        }
    }
    that(outcome.snapshot == before.snapshot && outcome.facts == before.facts, || {
        "a sync that was refused has changed the snapshot".to_owned()
    })
}

pub(super) async fn what_is_never_empty_is_not_believed_to_be(kit: &Kit) -> Verdict {
    for path in kit.upstream.samples().never_empty {
        let bed = kit.bed();
        let before = bed.sync(&tiny(), &How::default()).await;
        let world = tiny().with([Fault::always(path, Trouble::Nothing)]);
        let mut how = How::full();
        how.options.accept_drop = true;
        let outcome = bed.sync(&world, &how).await;
        if outcome.result.is_ok() {
            nothing_lost(&before, &outcome)?;
            if outcome.gaps.is_empty() {
                return outcome.wrong(format!("{path} is empty, which it never is, and that is believed"));
            }
        }
    }
    Ok(())
}

pub(super) async fn bodies_are_never_told(kit: &Kit) -> Verdict {
    const MARKER: &str = "zq-marker-of-a-body";
    let info = kit.registration.info;
    let usual = kit.read(&tiny()).await;
    let refuse = |path| Fault::always(path, Trouble::Refused(MARKER.to_owned()));
    let faults = optional_paths(kit).into_iter().map(refuse);
    let refused = tiny().with(faults);
    let required: Vec<&str> = info
        .datasets
        .iter()
        .filter(|dataset| dataset.required)
        .flat_map(|dataset| dataset.reads)
        .copied()
        .collect();
    let stopped = required
        .iter()
        .take(1)
        .map(|path| tiny().with([Fault::always(*path, Trouble::Refused(MARKER.to_owned()))]));
    for world in stopped.chain([refused]) {
        let outcome = kit.read(&world).await;
        if let Some(text) = outcome.said(MARKER) {
            let text: String = text.chars().take(300).collect();
            return outcome.wrong(format!("a body is told: {text}"));
        }
        let details = outcome.gaps.iter().map(|gap| gap.detail.clone());
        let message = outcome.result.as_ref().err().map(ToString::to_string);
        for text in details.chain(message) {
            let logins = usual.facts.iter().filter(|(key, _)| key.starts_with("account/"));
            let mut told = logins.filter_map(|(_, fact)| fact.fields["login"].as_str());
            if let Some(login) = told.find(|login| text.contains(login)) {
                return outcome.wrong(format!("{login} is named by {text:?}"));
            }
        }
    }
    Ok(())
}

pub(super) async fn unread_limits_are_unknown(kit: &Kit) -> Verdict {
    let mut seen = 0;
    for path in kit.upstream.samples().limits {
        for trouble in [Trouble::Denied, Trouble::NotFound, Trouble::NotData, Trouble::Html] {
            let outcome = kit.read(&tiny().with([Fault::always(path, trouble)])).await;
            if let Err(error) = &outcome.result {
                return outcome.wrong(format!("the sync failed: {error}"));
            }
            for (key, fact) in &outcome.truth.facts {
                let Some(unlimited) = &fact.where_unlimited else { continue };
                match (outcome.facts.contains_key(key), outcome.facts.contains_key(unlimited)) {
                    (true, false) => {}
                    (false, true) => {
                        seen += 1;
                        if outcome.gap(&fact.scope).is_none() {
                            return outcome
                                .wrong(format!("what limits {key} was not read, and that is no gap"));
                        }
                    }
                    _ => return outcome.wrong(format!("{key} is neither as it is nor unknown")),
                }
            }
        }
    }
    that(kit.upstream.samples().limits.is_empty() || seen > 0, || "no limit was ever unknown".to_owned())
}
