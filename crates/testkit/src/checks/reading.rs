//! What is read when nothing goes wrong, and how.

use serde_json::json;
use sightline_core::Scope;

use super::{Verdict, optional_paths, that, tiny};
use crate::compare::lacks;
use crate::{Fault, How, Kit, Manner, Size, Trouble, World};

pub(super) async fn a_full_read_is_the_truth(kit: &Kit) -> Verdict {
    for seed in [1, 2] {
        let bed = kit.bed();
        let first = bed.sync(&World::of(seed), &How::full()).await;
        first.is_whole()?;
        that(!first.truth.facts.is_empty(), || "the upstream states no truth".to_owned())?;
        let second = bed.sync(&World::of(seed), &How::full()).await;
        second.is_whole()?;
        for (key, fact) in &second.facts {
            let before = first.facts.get(key).map(|before| before.first_seen);
            if before.is_some_and(|before| before != fact.first_seen) {
                return second.wrong(format!("{key} was closed and opened again by a second read"));
            }
        }
    }
    Ok(())
}

pub(super) async fn steps_keep_the_rules(kit: &Kit) -> Verdict {
    let bed = kit.bed();
    let world = tiny();
    bed.sync(&world, &How::default()).await.keeps_the_rules()?;
    let noise: Vec<Fault> = optional_paths(kit)
        .into_iter()
        .enumerate()
        .map(|(turn, path)| {
            let trouble = [Trouble::Denied, Trouble::NotData, Trouble::NotFound, Trouble::Html];
            Fault::at(path, 1, trouble[turn % trouble.len()].clone())
        })
        .collect();
    bed.sync(&world.with(noise), &How::full()).await.keeps_the_rules()?;
    bed.sync(&world.after(1), &How::default()).await.keeps_the_rules()?;
    bed.sync(&world.after(1).with([revoked(kit)]), &How::full()).await.keeps_the_rules()
}

fn revoked(kit: &Kit) -> Fault {
    let path = kit.registration.info.datasets.iter().flat_map(|dataset| dataset.reads).next();
    Fault::at(path.copied().unwrap_or("*"), 1, Trouble::Revoked)
}

pub(super) async fn every_page_is_read(kit: &Kit) -> Verdict {
    let world = World { size: Size::Paged, ..tiny() };
    let outcome = kit.read(&world).await;
    outcome.is_whole()?;
    for path in kit.upstream.samples().paged {
        let made = outcome.requests.get(&format!("GET {path}")).copied().unwrap_or(0);
        that(made > 1, || format!("{path} was read with {made} requests and should have several pages"))?;
    }
    Ok(())
}

/// While time goes by, as it does: a task that always leads to another one of its like is a hole without a bottom.
pub(super) async fn a_sync_takes_no_steps_in_vain(kit: &Kit) -> Verdict {
    let bed = kit.bed();
    for _ in 0..2 {
        let outcome = bed.sync(&tiny(), &How { exact_clock: true, ..How::full() }).await;
        outcome.is_whole()?;
        let made: u64 = outcome.requests.values().sum();
        // A step may do without a request, but not many.
        if outcome.steps > 2 * made + 20 {
            return outcome.wrong(format!("{} steps for {made} requests", outcome.steps));
        }
    }
    Ok(())
}

pub(super) async fn a_step_may_be_run_twice(kit: &Kit) -> Verdict {
    treated(kit, Manner::Twice).await
}

pub(super) async fn a_step_needs_nothing_of_the_one_before(kit: &Kit) -> Verdict {
    treated(kit, Manner::Anew).await
}

async fn treated(kit: &Kit, manner: Manner) -> Verdict {
    let bed = kit.bed();
    let world = World { size: Size::Paged, ..tiny() };
    let first = bed.sync(&world, &How { manner, ..How::default() }).await;
    first.is_whole()?;
    that(first.steps > 0, || "nothing was read".to_owned())?;
    bed.sync(&world.after(1), &How { manner, ..How::default() }).await.is_whole()
}

pub(super) async fn what_is_strange_is_kept(kit: &Kit) -> Verdict {
    for strange in kit.upstream.samples().strange {
        let fault = Fault::at(strange.path, 1, Trouble::OddObject(strange.object.clone()));
        let faults = [fault].into_iter().chain(strange.besides);
        let mut outcome = kit.read(&tiny().with(faults)).await;
        if let Err(error) = &outcome.result {
            return outcome.wrong(format!("{}: the sync failed: {error}", strange.name));
        }
        let Some(found) = outcome.facts.remove(&strange.key) else {
            return outcome.wrong(format!("{}: {} is lost", strange.name, strange.key));
        };
        if let Some(what) = lacks(&found.fields, &strange.fields) {
            return outcome.wrong(format!("{}: {what}", strange.name));
        }
        outcome.owns_up(kit)?;
    }
    Ok(())
}

pub(super) async fn an_odd_object_costs_that_object(kit: &Kit) -> Verdict {
    let info = kit.registration.info;
    let plain = kit.read(&tiny()).await;
    let odd = [json!(17), json!({"nothing": "that is known"}), json!("text"), json!([1, 2])];
    let single = kit.upstream.samples().single;
    let mut faults = Vec::new();
    let mut expected = Vec::new();
    for dataset in info.datasets {
        for path in dataset.reads {
            let is_list = !single.contains(path)
                && plain.truth.facts.values().any(|fact| fact.scope.dataset == dataset.id);
            if is_list && plain.requests.contains_key(&format!("GET {path}")) {
                let object = odd[faults.len() % odd.len()].clone();
                faults.push(Fault::always(*path, Trouble::OddObject(object)));
                expected.push(dataset.id);
            }
        }
    }
    let outcome = kit.read(&tiny().with(faults)).await;
    if let Err(error) = &outcome.result {
        return outcome.wrong(format!("the sync failed: {error}"));
    }
    outcome.agrees()?;
    for dataset in expected {
        if !outcome.gaps.iter().any(|gap| gap.scope.dataset == dataset) {
            return outcome.wrong(format!("an odd object in {dataset} is no finding"));
        }
    }
    Ok(())
}

pub(super) async fn secrets_are_never_kept(kit: &Kit) -> Verdict {
    let samples = kit.upstream.samples().secretive;
    for (path, object, secret) in samples {
        let fault = Fault::at(path, 1, Trouble::OddObject(object));
        let outcome = kit.read(&tiny().with([fault])).await;
        if let Some(text) = outcome.said(secret) {
            let text: String = text.replace(secret, "(the secret)").chars().take(300).collect();
            return outcome.wrong(format!("a secret that {path} sends is kept: {text}"));
        }
        if let Err(error) = &outcome.result {
            return outcome.wrong(format!("the sync failed: {error}"));
        }
    }
    Ok(())
}

pub(super) async fn crooked_ids_become_no_paths(kit: &Kit) -> Verdict {
    let usual = kit.read(&tiny()).await.requests;
    for (path, object) in kit.upstream.samples().crooked {
        let fault = Fault::at(path, 1, Trouble::OddObject(object.clone()));
        let outcome = kit.read(&tiny().with([fault])).await;
        if let Some(call) = outcome.requests.keys().find(|call| !usual.contains_key(*call)) {
            return outcome.wrong(format!("the id of {object} leads to {call}"));
        }
        let Some(id) = object["id"].as_str() else { continue };
        let is_known = outcome.facts.values().any(|fact| fact.fields["id"].as_str() == Some(id));
        if outcome.result.is_ok() && outcome.gaps.is_empty() && is_known {
            return outcome.wrong(format!("what is under {object} was not read, and that is no gap"));
        }
    }
    Ok(())
}

pub(super) async fn datasets_say_what_is_lost(kit: &Kit) -> Verdict {
    let info = kit.registration.info;
    for dataset in info.datasets {
        let words = [dataset.id, dataset.title, dataset.permission, dataset.lost];
        that(words.iter().all(|word| !word.trim().is_empty()), || {
            format!("{} leaves out its name, its permission or what is lost without it", dataset.id)
        })?;
        that(dataset.listed_by.is_none_or(|listing| info.dataset(listing).is_some()), || {
            format!("{} is listed by a dataset that does not exist", dataset.id)
        })?;
        let is_listed = |kind| info.datasets.iter().any(|listing| listing.lists == Some(kind));
        that(dataset.parent.is_none_or(is_listed), || {
            format!("{} is read under entities that no dataset says it lists", dataset.id)
        })?;
        that(!dataset.reads.is_empty(), || format!("{} does not say where it is read", dataset.id))?;
    }
    let read = kit.read(&tiny()).await;
    let declared: Vec<&str> = info.datasets.iter().flat_map(|dataset| dataset.reads).copied().collect();
    for fact in read.truth.facts.values() {
        let Scope { dataset, .. } = &fact.scope;
        that(info.dataset(dataset).is_some(), || {
            format!("the truth is in {dataset}, which is not declared")
        })?;
    }
    let is_declared = |call: &str| {
        let path = call.trim_start_matches("GET ");
        declared.iter().any(|declared| path == *declared || path.starts_with(&format!("{declared}/")))
    };
    match read.requests.keys().find(|call| !is_declared(call)) {
        Some(call) => read.wrong(format!("{call} was asked for, and no dataset says that it reads it")),
        None => Ok(()),
    }
}
