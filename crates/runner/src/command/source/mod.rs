//! `sightline source`: adding, showing, changing and removing data sources.

mod preflight;
mod show;

use std::collections::BTreeMap;

use serde_json::Value;
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Preflight, Secret};
use sightline_store::{NewSource, SourceRecord, Store, StoreError};

use crate::cli::{Add, Set, Source};
use crate::failure::{Failure, INTERRUPTED};
use crate::kept::Datasets;
use crate::output::{json, line};
use crate::world::{World, info, source_named};
use crate::{cli, credential};

pub(crate) use preflight::Checked;

pub(crate) async fn run(world: &World, command: Source) -> Result<(), Failure> {
    match command {
        Source::Add(add) => {
            let mut settings = serde_json::Map::from_iter([("domain".to_owned(), add.domain.trim().into())]);
            let credential = credential::take(&add.credential, &mut settings)?;
            let store = world.store_to_write("source add")?;
            let (record, checked) =
                connect(world, &store, &add, Value::Object(settings), &credential).await?;
            if add.json {
                return json(&Added { source: &record, checked: &checked });
            }
            checked.show()?;
            line(format!(
                "\nConnected {} as {:?}. Read it with: sightline sync {:?}",
                record.address, record.name, record.name
            ))
        }
        Source::List { json } => show::list(world, json),
        Source::Show { name, json } => show::show(world, &name, json),
        Source::Check { name, json } => preflight::check(world, &name, json).await,
        Source::Set(set) => change(world, &set),
        Source::Rotate { name, credential } => rotate(world, &name, &credential).await,
        Source::Remove { name } => {
            let store = world.store_to_write("source remove")?;
            let record = source_named(&store, &name)?;
            store.remove_source(record.id)?;
            line(format!(
                "Removed {:?} with its credential and everything that was read from it.",
                record.name
            ))
        }
    }
}

#[derive(serde::Serialize)]
struct Added<'a> {
    source: &'a SourceRecord,
    #[serde(flatten)]
    checked: &'a Checked,
}

/// Replaces the credential, and what the settings say about it, if the new one is for the same system and works.
async fn rotate(world: &World, name: &str, flags: &cli::CredentialFlags) -> Result<(), Failure> {
    let store = world.store_to_write("source rotate")?;
    let mut record = source_named(&store, name)?;
    let mut settings = record.settings.as_object().cloned().unwrap_or_default();
    let credential = credential::take(flags, &mut settings)?;
    record.settings = Value::Object(settings);
    let vault = World::vault(&store)?;
    let opened =
        world.open_source(&record.connector, &record.settings, &credential, record.allow_loopback_http)?;
    let checked = Checked::of(&opened, &Datasets::of(&record.settings)).await?;
    let Preflight { tenant, address, .. } = &checked.preflight;
    if tenant.id != record.tenant.id {
        return Err(Failure::usage(format!(
            "the new credential is for {address} ({}), not for {} ({})",
            tenant.id, record.address, record.tenant.id
        ))
        .hint("the old one was kept; connect the other system with `sightline source add`"));
    }
    store.update_source_and_credential(&vault, &record, &credential)?;
    checked.show()?;
    line(format!("\nThe credential of {:?} was replaced.", record.name))
}

/// Changes what is read, the name, or who answers for it.
fn change(world: &World, set: &Set) -> Result<(), Failure> {
    if set.datasets.with.is_empty()
        && set.datasets.without.is_empty()
        && set.email.is_none()
        && set.new_name.is_none()
    {
        return Err(
            Failure::usage("nothing to change was given").hint("give --with, --without, --email or --name")
        );
    }
    let store = world.store_to_write("source set")?;
    let mut record = source_named(&store, &set.name)?;
    let info = info(world, &record)?;
    let mut datasets = Datasets::of(&record.settings);
    datasets.switch(&set.datasets, info)?;
    datasets.keep(&mut record.settings);
    if let Some(email) = &set.email {
        check_email(email)?;
        record.owner_email = Some(email.clone());
    }
    if let Some(name) = &set.new_name {
        let others = store.sources()?.into_iter().filter(|source| source.id != record.id);
        record.name = free_name(name, &others.collect::<Vec<_>>())?;
    }
    store.update_source(&record)?;
    let off: Vec<String> = datasets.off(info).into_iter().collect();
    let off = if off.is_empty() { "none".to_owned() } else { off.join(", ") };
    line(format!("Changed {:?}. Datasets that are not read: {off}.", record.name))?;
    if set.datasets.with.is_empty() {
        return Ok(());
    }
    line(format!(
        "What was switched on is read by the next full sync: sightline sync {:?} --full",
        record.name
    ))
}

/// A name that no data source has, without space around it.
fn free_name(name: &str, others: &[SourceRecord]) -> Result<String, Failure> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure::usage("--name is empty"));
    }
    if is_taken(name, others) {
        return Err(StoreError::NameTaken { name: name.to_owned() }.into());
    }
    Ok(name.to_owned())
}

fn is_taken(name: &str, others: &[SourceRecord]) -> bool {
    others.iter().any(|source| source.name.eq_ignore_ascii_case(name))
}

fn check_email(email: &str) -> Result<(), Failure> {
    let valid = email.split_once('@').is_some_and(|(user, domain)| {
        !user.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    if valid && !email.contains(char::is_whitespace) && email.matches('@').count() == 1 {
        return Ok(());
    }
    Err(Failure::usage(format!("--email: {email:?} is not an e-mail address")))
}

/// Checks the credential and keeps the data source; nothing is kept when anything is wrong.
pub(crate) async fn connect(
    world: &World,
    store: &Store,
    add: &Add,
    mut settings: Value,
    credential: &BTreeMap<String, Secret>,
) -> Result<(SourceRecord, Checked), Failure> {
    if let Some(email) = &add.email {
        check_email(email)?;
    }
    let mut datasets = Datasets::default();
    datasets.switch(&add.datasets, world.registry.get(&add.connector)?.info)?;
    datasets.keep(&mut settings);
    let opened = world.open_source(&add.connector, &settings, credential, add.allow_loopback_http)?;
    let checked = tokio::select! {
        checked = Checked::of(&opened, &datasets) => checked?,
        () = world.cancel.cancelled() => return Err(Failure::new("stopped; nothing was kept").code(INTERRUPTED)),
    };
    let Preflight { tenant, address, .. } = &checked.preflight;
    let sources = store.sources()?;
    let same = |source: &&SourceRecord| source.connector == add.connector && source.tenant.id == tenant.id;
    if let Some(known) = sources.iter().find(same) {
        return Err(Failure::usage(format!(
            "{address} is already connected as {:?}",
            known.name
        ))
        .hint(format!(
            "read it with `sightline sync {:?}`, or replace its credential with `sightline source rotate {:?} …`",
            known.name, known.name
        )));
    }
    let title = opened.source.info().title;
    let name = match &add.name {
        Some(name) => free_name(name, &sources)?,
        None if is_taken(title, &sources) => format!("{title} {}", tenant.name),
        None => title.to_owned(),
    };
    let new = NewSource {
        name,
        connector: add.connector.clone(),
        tenant: tenant.clone(),
        address: address.clone(),
        settings,
        owner_email: add.email.clone(),
        added: SystemClock.now(),
        allow_loopback_http: add.allow_loopback_http,
    };
    let record = store.add_source(&World::vault(store)?, new, credential)?;
    Ok((record, checked))
}
