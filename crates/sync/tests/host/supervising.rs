//! Reading on an interval, and what a person can do about it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sightline_store::Retention;
use sightline_sync::{
    Activity, Details, FailureKind, Finished, Happened, HostError, Progress, SourceEvent, SourceState,
    Supervisor, SyncOptions, SyncReport,
};
use tokio::time::Instant;

use crate::bed::{Bed, INTERVAL, ended, named, new, next_event, token};
use crate::provider::Provider;

fn report(finished: &Finished) -> &SyncReport {
    match &finished.outcome {
        Ok(outcome) => &outcome.report,
        Err(error) => panic!("{error}"),
    }
}

fn progress(state: &SourceState) -> &Progress {
    match &state.activity {
        Activity::Running(progress) => progress,
        other => panic!("{other:?}"),
    }
}

/// Whether the event shows a running sync of which this is true.
fn shows(event: &SourceEvent, is_it: impl Fn(&Progress) -> bool) -> bool {
    matches!(event.state.as_ref().map(|state| &state.activity), Some(Activity::Running(it)) if is_it(it))
}

/// Time from now until the next run.
fn wait(supervisor: &Supervisor, state: &SourceState) -> Duration {
    state.next_run.unwrap().since(supervisor.host().options().clock.now())
}

#[tokio::test(start_paused = true)]
async fn what_is_connected_is_read_at_once_and_then_on_its_interval() {
    let provider = Provider::new("at-once.example", 35);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let began = Instant::now();
    let mut seen = Vec::new();
    while seen.last() != Some(&Happened::Ended) {
        seen.push(events.recv().await.unwrap().happened);
    }
    assert_eq!(seen[..2], [Happened::Changed, Happened::Started]);
    assert_eq!(seen.iter().filter(|&&happened| happened == Happened::Started).count(), 1);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let state = supervisor.state(record.id).unwrap();
    let last = state.last.as_ref().unwrap();
    assert_eq!((report(last).snapshot, report(last).records["users"]), (1, 35));
    assert!(matches!(state.activity, Activity::Idle));
    let next = wait(&supervisor, &state);
    assert!(next > INTERVAL.mul_f64(0.89) && next < INTERVAL.mul_f64(1.11), "{next:?}");
    let (last, _) = ended(&mut events, record.id).await;
    assert_eq!(report(&last).snapshot, 2);
    let apart = last.started.since(state.last.unwrap().ended);
    assert!(apart.abs_diff(next) < Duration::from_secs(1), "it was told {next:?} and was {apart:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_is_stopped_goes_on_with_the_next() {
    let provider = Provider::new("stopped.example", 60);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    provider.answer_pages(3);
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let id = record.id;
    let has_read = |event: &SourceEvent| shows(event, |it| it.records.get("users") == Some(&30));
    next_event(&mut events, "three pages", has_read).await;
    let again = supervisor.sync_now(id, SyncOptions::default()).unwrap_err();
    assert!(matches!(again, HostError::Running { .. }));
    supervisor.cancel(id).unwrap();
    let (last, state) = ended(&mut events, id).await;
    assert_eq!(last.failure(), Some(FailureKind::Stopped));
    assert!(wait(&supervisor, &state) > INTERVAL / 2, "what a person stopped stays so for a while");
    assert_eq!(provider.take_pages(), [0, 1, 2]);
    provider.answer_pages(u64::MAX);
    supervisor.sync_now(id, SyncOptions::default()).unwrap();
    let (last, _) = ended(&mut events, id).await;
    assert!(report(&last).resumed);
    assert_eq!((provider.take_pages(), report(&last).records["users"]), (vec![3, 4, 5], 60));
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_stays_so_until_it_is_resumed() {
    let provider = Provider::new("paused.example", 25);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let id = record.id;
    ended(&mut events, id).await;
    supervisor.pause(id).await.unwrap();
    provider.take_pages();
    tokio::time::sleep(INTERVAL * 5).await;
    let state = supervisor.state(id).unwrap();
    assert!(matches!(state.activity, Activity::Paused), "{state:?}");
    assert_eq!((state.next_run, provider.take_pages()), (None, vec![]));
    // A person may ask for it all the same.
    supervisor.sync_now(id, SyncOptions::default()).unwrap();
    let (last, state) = ended(&mut events, id).await;
    assert_eq!(report(&last).snapshot, 2);
    assert!(matches!(state.activity, Activity::Paused));
    provider.take_pages();

    supervisor.shutdown().await;
    drop(supervisor);
    let bed = bed.restart();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    tokio::time::sleep(INTERVAL * 5).await;
    assert!(matches!(supervisor.states()[&id].activity, Activity::Paused));
    assert!(provider.take_pages().is_empty());
    let resumed = Instant::now();
    supervisor.resume(id).await.unwrap();
    assert_eq!(report(&ended(&mut events, id).await.0).snapshot, 3);
    assert!(resumed.elapsed() < Duration::from_secs(5));
    assert_eq!(report(&ended(&mut events, id).await.0).snapshot, 4, "and goes on by itself");
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_is_paused_and_resumed_at_once_goes_on_at_once() {
    let provider = Provider::new("paused-short.example", 60);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    provider.answer_pages(3);
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    next_event(&mut events, "a page", |event| shows(event, |it| it.records.contains_key("users"))).await;
    supervisor.pause(record.id).await.unwrap();
    supervisor.resume(record.id).await.unwrap();
    provider.answer_pages(u64::MAX);
    let began = Instant::now();
    let (first, _) = ended(&mut events, record.id).await;
    assert_eq!(first.failure(), Some(FailureKind::Stopped));
    let (second, _) = ended(&mut events, record.id).await;
    assert!(report(&second).resumed);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_by_kind_and_do_not_hold_others_up() {
    let (good, bad) = (Provider::new("good.example", 15), Provider::new("bad.example", 15));
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (first, _) = supervisor.connect(new(&bad), named("Bad")).await.unwrap();
    ended(&mut events, first.id).await;
    bad.set_token("changed");
    supervisor.sync_now(first.id, SyncOptions::default()).unwrap();
    let (last, state) = ended(&mut events, first.id).await;
    assert_eq!(last.failure(), Some(FailureKind::CredentialRejected));
    assert_eq!(last.outcome.unwrap_err().hint().as_deref(), Some("make another"));
    assert!(wait(&supervisor, &state) < Duration::from_mins(1), "it may pass");
    // A new credential is tried at once, and the one that failed before is forgotten.
    bed.host.replace_credential(first.id, None, token("changed")).await.unwrap();
    supervisor.added(first.id).await.unwrap();
    assert_eq!(report(&ended(&mut events, first.id).await.0).snapshot, 2);

    bad.panics.store(true, Ordering::SeqCst);
    supervisor.sync_now(first.id, SyncOptions::default()).unwrap();
    let (last, _) = ended(&mut events, first.id).await;
    assert_eq!(last.failure(), Some(FailureKind::Other), "{last:?}");
    let (second, _) = supervisor.connect(new(&good), named("Good")).await.unwrap();
    assert_eq!(report(&ended(&mut events, second.id).await.0).snapshot, 1);
    bad.panics.store(false, Ordering::SeqCst);
    assert_eq!(report(&ended(&mut events, first.id).await.0).snapshot, 3, "it is tried again by itself");
}

#[tokio::test(start_paused = true)]
async fn a_drop_waits_for_a_person() {
    let provider = Provider::new("drop.example", 200);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    ended(&mut events, record.id).await;
    provider.set_users(20);
    let (last, state) = ended(&mut events, record.id).await;
    assert_eq!(last.failure(), Some(FailureKind::NeedsConfirmation));
    assert!(wait(&supervisor, &state) > INTERVAL / 2, "haste does not help");
    assert_eq!(bed.host.store().latest(record.id).unwrap().unwrap().facts, 200);
    let options = SyncOptions { full: true, accept_drop: true, ..SyncOptions::default() };
    supervisor.sync_now(record.id, options).unwrap();
    assert_eq!(report(&ended(&mut events, record.id).await.0).records["users"], 20);
    assert_eq!(bed.host.store().latest(record.id).unwrap().unwrap().facts, 20);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_while_it_is_read_is_gone_without_a_trace() {
    let provider = Provider::new("removed.example", 60);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    provider.answer_pages(3);
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let id = record.id;
    next_event(&mut events, "a page", |event| shows(event, |it| it.records.contains_key("users"))).await;
    // Due again as soon as the sync ends, which it never must be.
    supervisor.added(id).await.unwrap();
    supervisor.remove(id, false).await.unwrap();
    let (last, _) = ended(&mut events, id).await;
    assert_eq!(last.failure(), Some(FailureKind::Stopped));
    let next = events.recv().await.unwrap();
    assert_eq!((next.source_id, next.happened, next.state.is_none()), (id, Happened::Changed, true));
    assert!(supervisor.state(id).is_none() && supervisor.states().is_empty());
    assert_eq!(bed.host.store().sources().unwrap(), []);
    assert!(!bed.host.store().has_sync_in_progress(id).unwrap());
    assert_eq!(supervisor.cancel(id).unwrap_err().kind(), FailureKind::NotFound);
    assert_eq!(supervisor.remove(id, false).await.unwrap_err().kind(), FailureKind::NotFound);
    provider.take_pages();
    provider.answer_pages(u64::MAX);
    tokio::time::sleep(INTERVAL * 5).await;
    assert!(provider.take_pages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_disconnected_is_never_read_until_it_has_a_credential() {
    let provider = Provider::new("unplugged.example", 25);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let id = record.id;
    ended(&mut events, id).await;
    provider.answer_pages(1);
    supervisor.sync_now(id, SyncOptions::default()).unwrap();
    next_event(&mut events, "a page", |event| shows(event, |it| it.records.contains_key("users"))).await;
    supervisor.remove(id, true).await.unwrap();
    assert!(!bed.host.store().has_sync_in_progress(id).unwrap());
    provider.answer_pages(u64::MAX);
    provider.take_pages();
    tokio::time::sleep(INTERVAL * 5).await;
    assert!(matches!(supervisor.state(id).unwrap().activity, Activity::Disconnected));
    assert!(provider.take_pages().is_empty());
    let asked = supervisor.sync_now(id, SyncOptions::default()).unwrap_err();
    assert!(matches!(asked, HostError::Disconnected { .. }));
    assert_eq!(bed.host.store().latest(id).unwrap().unwrap().facts, 25);
    bed.host.replace_credential(id, None, token("right")).await.unwrap();
    supervisor.added(id).await.unwrap();
    let began = |event: &SourceEvent| event.happened == Happened::Started;
    next_event(&mut events, "another sync", began).await;
    let (last, _) = ended(&mut events, id).await;
    assert_eq!((report(&last).snapshot, report(&last).resumed), (2, false));
}

#[tokio::test(start_paused = true)]
async fn progress_is_what_the_provider_was_asked_for() {
    let provider = Provider::new("progress.example", 100);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let id = record.id;
    ended(&mut events, id).await;
    provider.calls.store(0, Ordering::SeqCst);
    provider.set_users(110);
    provider.findings.store(20, Ordering::SeqCst);
    provider.answer_pages(6);
    supervisor.sync_now(id, SyncOptions { full: true, ..SyncOptions::default() }).unwrap();
    // What happens last before a long silence is told as well.
    let has_read = |event: &SourceEvent| shows(event, |it| it.records.get("users") == Some(&60));
    let event = next_event(&mut events, "six pages", has_read).await;
    let it = progress(event.state.as_ref().unwrap()).clone();
    assert_eq!((it.snapshot, it.full, it.resumed, it.sealing), (Some(2), true, false, false));
    assert_eq!(it.last["users"], 100);
    // The answer to the seventh call is on its way.
    let asked = provider.calls.load(Ordering::SeqCst);
    assert_eq!((asked, it.requests_made(), it.requests["users"].requests), (7, 7, 7));
    assert_eq!(it.expected.as_ref().unwrap().requests["users"], 10);
    assert_eq!((it.gaps, it.gap_texts.len()), (120, 50));
    assert!(it.gap_texts[0].contains("out of order") && it.gap_texts[0].contains("nobody is seen"));
    // Seven of ten took so long.
    tokio::time::sleep(Duration::from_mins(3)).await;
    let later = supervisor.state(id).unwrap();
    let took = bed.host.options().clock.now().since(progress(&later).started).as_secs_f64();
    let left = progress(&later).seconds_left.unwrap() as f64;
    assert!((left - took * 3.0 / 7.0).abs() <= 1.0, "{left} s after {took} s");
    provider.answer_pages(u64::MAX);
    let (last, _) = ended(&mut events, id).await;
    assert_eq!(report(&last).gaps.len(), 220);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_rate_limit_is_told_with_its_end() {
    let provider = Provider::new("limited.example", 100);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    provider.set_limit(4);
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let waits = |event: &SourceEvent| shows(event, |it| it.waiting_until.is_some());
    let event = next_event(&mut events, "a wait", waits).await;
    let it = progress(event.state.as_ref().unwrap());
    let pause = it.waiting_until.unwrap().since(bed.host.options().clock.now());
    assert!(pause > Duration::from_secs(55) && pause <= Duration::from_secs(62), "{pause:?}");
    let on = next_event(&mut events, "the next page", |event| shows(event, |it| it.waiting_until.is_none()));
    on.await;
    let (last, _) = ended(&mut events, record.id).await;
    assert_eq!(report(&last).records["users"], 100);
    assert_eq!(provider.refused.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_long_sync_is_told_at_most_ten_times_a_second() {
    let provider = Provider::new("long.example", 3000);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    supervisor.connect(new(&provider), Details::default()).await.unwrap();
    let began = Instant::now();
    let (mut told, mut most) = (0, 0);
    loop {
        let event = events.recv().await.unwrap();
        match event.happened {
            Happened::Progress => told += 1,
            Happened::Ended => break,
            Happened::Changed | Happened::Started => {}
        }
        if let Some(Activity::Running(it)) = event.state.map(|state| state.activity) {
            let records = it.records.get("users").copied().unwrap_or_default();
            assert!(records >= most, "events are in order");
            most = records;
        }
    }
    assert_eq!(most, 3000, "the beginning of the seal is told");
    let fits = 2 + began.elapsed().as_millis() / 100 + 1;
    assert!(told >= 2 && told <= fits, "{told} events, {fits} fit");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_syncs_and_the_next_start_goes_on() {
    let provider = Provider::new("shutdown.example", 60);
    let bed = Bed::new();
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    provider.answer_pages(3);
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    next_event(&mut events, "a page", |event| shows(event, |it| it.records.contains_key("users"))).await;
    supervisor.shutdown().await;
    supervisor.shutdown().await;
    assert!(matches!(supervisor.state(record.id).unwrap().activity, Activity::Idle));
    let read = provider.take_pages();
    drop(supervisor);
    let bed = bed.restart();
    provider.answer_pages(u64::MAX);
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (last, _) = ended(&mut events, record.id).await;
    assert!(report(&last).resumed);
    assert_eq!(report(&last).records["users"], 60);
    assert_eq!(read.len() + provider.take_pages().len(), 6, "no page is read twice");
    // Stopping the host stops the supervisor as well.
    bed.cancel.cancel();
    supervisor.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn snapshots_that_need_not_be_kept_are_given_up() {
    let provider = Provider::new("pruned.example", 25);
    let bed = Bed::with(Retention { all_days: 0, daily_days: 0, monthly_days: Some(0) });
    let supervisor = Supervisor::start(bed.host.clone()).unwrap();
    let mut events = supervisor.subscribe();
    let (record, _) = supervisor.connect(new(&provider), Details::default()).await.unwrap();
    for number in 1..=3 {
        let (last, _) = ended(&mut events, record.id).await;
        assert!(last.not_pruned.is_none());
        let kept = bed.host.store().snapshots(record.id).unwrap();
        assert_eq!(kept.iter().map(|meta| meta.number).collect::<Vec<_>>(), [number]);
    }
}
