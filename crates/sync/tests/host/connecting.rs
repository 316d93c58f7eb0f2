//! Adding, checking, changing and removing.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use sightline_core::Tallies;
use sightline_store::SourceRecord;
use sightline_sync::kept::{Expected, ExpectedFrom, Standing};
use sightline_sync::{Details, FailureKind, Host, HostError, NewConnection, Outcome, SyncOptions};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bed::{ACME, Bed, named, new, token};
use crate::provider::Provider;

async fn read(host: &Host, record: &SourceRecord) -> Result<Outcome, HostError> {
    let opened = host.open_stored(record)?;
    host.sync(record, &opened, SyncOptions::default(), &|_| {}, CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_check_stores_nothing_and_a_refused_credential_is_not_kept() {
    let provider = Provider::new("check.example", 3);
    let Bed { host, .. } = &Bed::new();
    let checked = host.check(&new(&provider)).await.unwrap();
    assert_eq!(checked.preflight.tenant.name, "check.example");
    assert_eq!(checked.requests, 1);
    checked.verdict().unwrap();
    let wrong = NewConnection { credential: token("wrong"), ..new(&provider) };
    let error = host.connect(wrong, Details::default()).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::CredentialRejected);
    assert_eq!(error.text(), "the token is not accepted");
    assert_eq!(error.hint().as_deref(), Some("make another"));
    assert!(!format!("{error:?}").contains("wrong"));
    assert_eq!(host.store().sources().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn an_organisation_is_connected_once_and_names_are_told_apart() {
    let (one, two, three) =
        (Provider::new("one.example", 3), Provider::new("two.example", 3), Provider::new("three.example", 3));
    let Bed { host, .. } = &Bed::new();
    let (first, _) = host.connect(new(&one), Details::default()).await.unwrap();
    assert_eq!((first.name.as_str(), first.address.as_str()), ("Acme", "https://one.example"));
    let error = host.connect(new(&one), named("Another")).await.unwrap_err();
    let HostError::AlreadyConnected { id, name, .. } = &error else { panic!("{error}") };
    assert_eq!((*id, name.as_str(), error.kind()), (first.id, "Acme", FailureKind::Conflict));
    let (second, _) = host.connect(new(&two), Details::default()).await.unwrap();
    assert_eq!(second.name, "Acme two.example");
    let taken = host.connect(new(&three), named(" acme ")).await.unwrap_err();
    assert_eq!(taken.kind(), FailureKind::Conflict, "{taken}");
    for details in [
        named("  "),
        Details { email: Some("ada@localhost".to_owned()), ..Details::default() },
        Details { without: vec!["users".to_owned()], ..Details::default() },
        Details { with: vec!["nothing".to_owned()], ..Details::default() },
    ] {
        let error = host.connect(new(&three), details.clone()).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Input, "{details:?}: {error}");
    }
    assert_eq!(host.store().sources().unwrap(), [first, second]);
}

#[tokio::test(start_paused = true)]
async fn a_new_credential_takes_the_place_of_the_old_one_only_when_it_works() {
    let (provider, other) = (Provider::new("rotate.example", 3), Provider::new("other.example", 3));
    let Bed { host, .. } = &Bed::new();
    let (record, _) = host.connect(new(&provider), Details::default()).await.unwrap();
    host.expect(record.id, BTreeMap::from([("users".to_owned(), 7)]), ExpectedFrom::Plan).await.unwrap();

    let refused = host.replace_credential(record.id, None, token("next")).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::CredentialRejected);
    let elsewhere = Some(json!({ "domain": other.domain }));
    let foreign = host.replace_credential(record.id, elsewhere, token("right")).await.unwrap_err();
    assert!(matches!(&foreign, HostError::OtherOrganisation { .. }), "{foreign}");
    host.recheck(record.id).await.unwrap();

    provider.set_token("next");
    assert_eq!(host.recheck(record.id).await.unwrap_err().kind(), FailureKind::CredentialRejected);
    let settings = Some(json!({ "domain": provider.domain, "note": "new" }));
    host.replace_credential(record.id, settings, token("next")).await.unwrap();
    host.recheck(record.id).await.unwrap();
    let settings = host.store().source(record.id).unwrap().settings;
    assert_eq!(settings["note"], "new");
    assert_eq!(Expected::of(&settings).unwrap().requests["users"], 7, "what is ours stays");

    provider.set_tenant("another");
    let changed = host.recheck(record.id).await.unwrap_err();
    assert!(matches!(&changed, HostError::OrganisationChanged { .. }), "{changed}");
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_is_kept_and_nothing_else() {
    let provider = Provider::new("change.example", 3);
    let Bed { host, .. } = &Bed::new();
    let (before, _) = host.connect(new(&provider), named("Before")).await.unwrap();
    let email = Some("ada@example.com".to_owned());
    let details = Details { email: email.clone(), without: vec!["extras".to_owned()], ..named("After") };
    let after = host.change(before.id, details).await.unwrap();
    assert_eq!((after.name.as_str(), &after.owner_email), ("After", &email));
    let paused = host.set_paused(before.id, true).await.unwrap();
    assert!(Standing::of(&paused.settings).paused);
    let renamed = host.change(before.id, named("Again")).await.unwrap();
    assert_eq!(SourceRecord { name: "After".to_owned(), ..renamed }, paused);
    let off = host.open_stored(&paused).unwrap().datasets.off(ACME.info);
    assert_eq!(off.into_iter().collect::<Vec<_>>(), ["extras"]);
    let resumed = host.set_paused(before.id, false).await.unwrap();
    assert_eq!(resumed.settings, after.settings);
}

#[tokio::test(start_paused = true)]
async fn what_was_disconnected_still_answers_and_can_be_connected_again() {
    let provider = Provider::new("disconnect.example", 30);
    let Bed { host, .. } = &Bed::new();
    let (record, _) = host.connect(new(&provider), Details::default()).await.unwrap();
    read(host, &record).await.unwrap();
    host.remove(record.id, true).await.unwrap();
    let store = host.store();
    let kept = store.source(record.id).unwrap();
    assert!(Standing::of(&kept.settings).disconnected);
    assert!(store.credential(&host.options().vault, record.id).unwrap().is_empty());
    assert_eq!(store.latest(record.id).unwrap().unwrap().number, 1);
    assert!(matches!(read(host, &kept).await, Err(HostError::Disconnected { .. })));
    assert!(matches!(host.recheck(record.id).await, Err(HostError::Disconnected { .. })));
    let again = host.connect(new(&provider), named("Again")).await.unwrap_err();
    assert!(matches!(again, HostError::AlreadyConnected { .. }), "its history is not to be had twice");

    host.replace_credential(record.id, None, token("right")).await.unwrap();
    let record = store.source(record.id).unwrap();
    assert_eq!(read(host, &record).await.unwrap().report.snapshot, 2);
    host.remove(record.id, false).await.unwrap();
    assert_eq!(store.sources().unwrap(), []);
    assert_eq!(host.remove(record.id, false).await.unwrap_err().kind(), FailureKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_full_sync_is_expected_to_take_what_the_last_one_took() {
    let provider = Provider::new("expect.example", 95);
    let Bed { host, .. } = &Bed::new();
    let (record, _) = host.connect(new(&provider), Details::default()).await.unwrap();
    let first = read(host, &record).await.unwrap();
    let pages = provider.take_pages();
    assert_eq!(pages.len(), 10);
    assert_eq!((first.requests(), first.expected), (10, None));
    provider.set_users(105);
    let second = read(host, &record).await.unwrap();
    let expected = second.expected.as_ref().unwrap();
    assert_eq!((expected.from, expected.requests["users"]), (ExpectedFrom::LastFullSync, 10));
    assert_eq!(second.requests(), provider.take_pages().len() as u64);
    // A forecast leaves out what is switched off.
    let details = Details { without: vec!["extras".to_owned()], ..Details::default() };
    let record = host.change(record.id, details).await.unwrap();
    let forecast = host.open_stored(&record).unwrap().forecast(Some(&Tallies::default())).await.unwrap();
    let lines: Vec<_> = forecast.lines.iter().map(|line| (line.dataset.as_str(), line.requests)).collect();
    assert_eq!(lines, [("users", 11)]);
}

#[tokio::test(start_paused = true)]
async fn a_check_waits_for_the_rate_limit_until_it_is_stopped() {
    let provider = Provider::new("busy.example", 3);
    let Bed { host, cancel, .. } = &Bed::new();
    provider.busy.store(3, Ordering::SeqCst);
    let began = Instant::now();
    host.check(&new(&provider)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_mins(3), "{:?}", began.elapsed());
    provider.busy.store(u64::MAX, Ordering::SeqCst);
    let stop = async {
        tokio::time::sleep(Duration::from_mins(30)).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(host.connect(new(&provider), Details::default()), stop);
    assert!(matches!(outcome, Err(HostError::Stopped)));
    assert_eq!(host.store().sources().unwrap(), []);
}
