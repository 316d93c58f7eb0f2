//! What goes wrong for a while, and what ends in between.

use sightline_core::{ErrorKind, Scope};
use sightline_sync::SyncError;

use super::{Verdict, optional_paths, that, tiny};
use crate::{Fault, How, Kit, Outcome, Size, Trouble, World};

pub(super) async fn what_passes_costs_nothing(kit: &Kit) -> Verdict {
    let passing = [
        Trouble::Truncated,
        Trouble::Closed,
        Trouble::Failing(500),
        Trouble::Failing(502),
        Trouble::Failing(503),
        Trouble::Late(30),
        Trouble::RateLimited,
        Trouble::TooManyAtOnce,
        Trouble::Html,
        Trouble::NotData,
    ];
    let usual = kit.read(&tiny()).await.requests;
    let paths: Vec<&str> =
        kit.registration.info.datasets.iter().flat_map(|dataset| dataset.reads).copied().collect();
    let read: Vec<&str> =
        paths.into_iter().filter(|path| usual.contains_key(&format!("GET {path}"))).collect();
    // In as many rounds as there are troubles every path has each of them once.
    for shift in 0..passing.len() {
        let fault = |(turn, path): (usize, &&str)| {
            Fault::at(*path, 1, passing[(turn + shift) % passing.len()].clone())
        };
        kit.read(&tiny().with(read.iter().enumerate().map(fault))).await.is_whole()?;
    }
    Ok(())
}

pub(super) async fn a_credential_that_is_revoked_meanwhile_costs_nothing(kit: &Kit) -> Verdict {
    let usual = kit.read(&tiny()).await;
    let total: u64 = usual.requests.values().sum();
    for at in [total / 4, total / 2, total - 2] {
        let bed = kit.bed();
        let revoked = Fault::at("*", at.max(2), Trouble::Revoked);
        let stopped = bed.sync(&tiny().with([revoked]), &How::default()).await;
        match &stopped.result {
            Err(SyncError::Source(error)) if *error.kind() == ErrorKind::Auth => {}
            other => {
                return stopped.wrong(format!("the credential was revoked, and the sync says {other:?}"));
            }
        }
        that(stopped.snapshot == 0, || "half a sync became a snapshot".to_owned())?;
        let resumed = bed.sync(&tiny(), &How::default()).await;
        same(&resumed, &usual)?;
    }
    Ok(())
}

pub(super) async fn an_interrupted_sync_goes_on(kit: &Kit) -> Verdict {
    let world = World { size: Size::Paged, ..tiny() };
    let usual = kit.read(&world).await;
    for after in [1, 2, 4] {
        let bed = kit.bed();
        let mut outcome = bed.sync(&world, &How { stop_after: Some(after), ..How::default() }).await;
        let mut stops = 0;
        while matches!(outcome.result, Err(SyncError::Cancelled)) && stops < 100 {
            stops += 1;
            // A few more steps each time, as after one crash after the other.
            outcome = bed.sync(&world, &How { stop_after: Some(after + stops), ..How::default() }).await;
        }
        that(stops > 0, || "the sync could not be interrupted".to_owned())?;
        same(&outcome, &usual)?;
    }
    Ok(())
}

/// A sync that was disturbed ends with what an undisturbed one finds.
fn same(disturbed: &Outcome, usual: &Outcome) -> Verdict {
    disturbed.is_whole()?;
    let keys = |outcome: &Outcome| outcome.facts.keys().cloned().collect::<Vec<_>>();
    let (found, expected) = (keys(disturbed), keys(usual));
    if found == expected {
        return Ok(());
    }
    let differs = found.iter().find(|key| !expected.contains(key));
    let differs = differs.or_else(|| expected.iter().find(|key| !found.contains(key)));
    disturbed.wrong(format!("{differs:?} is only in one of a sync that was interrupted and one that was not"))
}

pub(super) async fn an_object_that_vanishes_takes_only_itself_along(kit: &Kit) -> Verdict {
    let info = kit.registration.info;
    let usual = kit.read(&tiny()).await;
    let mut parents: Vec<_> = info.datasets.iter().filter_map(|dataset| dataset.parent).collect();
    parents.sort();
    parents.dedup();
    for kind in parents {
        let prefix = format!("{kind}/");
        // One that something is read under.
        let of_kind =
            usual.truth.facts.iter().filter_map(|(key, fact)| Some((key.strip_prefix(&prefix)?, fact)));
        let is_parent = |id: &str| {
            usual.truth.facts.values().any(|fact| {
                fact.scope.parent.as_deref() == Some(id)
                    && info.dataset(&fact.scope.dataset).is_some_and(|dataset| dataset.parent == Some(kind))
            })
        };
        let Some((id, entity)) = of_kind.into_iter().find(|(id, _)| is_parent(id)) else { continue };
        let Some(listing) = info.dataset(&entity.scope.dataset) else { continue };
        let path = listing.reads.first().copied().unwrap_or_default();
        let vanishes = Fault::at(path, 1, Trouble::Vanishes(id.to_owned()));
        let bed = kit.bed();
        bed.sync(&tiny(), &How::default()).await.is_whole()?;
        let mut outcome = bed.sync(&tiny().with([vanishes]), &How::full()).await;
        // What names it may be there or not, and so may where that is read; everything else is as it was.
        let named = |key: &str| key.split('/').any(|part| part == id);
        let naming: Vec<_> = usual.truth.facts.iter().filter(|(key, _)| named(key)).collect();
        let may_be_gap =
            |scope: &Scope| naming.iter().any(|(_, fact)| fact.scope == *scope || fact.also.contains(scope));
        outcome.truth.facts.retain(|key, _| !named(key));
        outcome.facts.retain(|key, _| !named(key));
        outcome.owns_up(kit)?;
        let parts = outcome.gaps.iter().filter(|gap| gap.scope.parent.is_some() && !gap.detail.is_empty());
        let mut others = parts.filter(|gap| gap.scope.parent.as_deref() != Some(id));
        if let Some(gap) = others.find(|gap| !may_be_gap(&gap.scope)) {
            return outcome.wrong(format!("{kind} {id} vanishes, and {} is a gap", gap.scope));
        }
    }
    Ok(())
}

pub(super) async fn what_failed_is_read_by_the_next_sync(kit: &Kit) -> Verdict {
    let bed = kit.bed();
    // Longer than anybody asks again; none of it looks like a refusal.
    let failing = optional_paths(kit).into_iter().map(|path| Fault::always(path, Trouble::NotData));
    let failed = bed.sync(&tiny().with(failing), &How::default()).await;
    failed.owns_up(kit)?;
    that(!failed.gaps.is_empty(), || "nothing failed".to_owned())?;
    bed.sync(&tiny(), &How::default()).await.is_whole()
}
