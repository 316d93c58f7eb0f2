//! `sightline source`: adding, showing, changing and removing data sources.

mod preflight;
mod show;

use serde_json::Value;
use sightline_answer::source_named;
use sightline_store::SourceRecord;
use sightline_sync::kept::Datasets;
use sightline_sync::{Checked, Details, NewConnection};

use crate::cli::{DatasetFlags, Set, Source};
use crate::command::user::note as audit_note;
use crate::failure::Failure;
use crate::output::{json, line};
use crate::world::{World, info};
use crate::{cli, credential};

pub(crate) use preflight::show as show_check;

pub(crate) async fn run(world: &World, command: Source) -> Result<(), Failure> {
    match command {
        Source::Add(add) => {
            let mut settings = serde_json::Map::from_iter([("domain".to_owned(), add.domain.trim().into())]);
            let credential = credential::take(&add.credential, &mut settings)?;
            let host = world.host_to_write("source add")?;
            let new = NewConnection {
                connector: add.connector,
                settings: Value::Object(settings),
                credential,
                allow_loopback_http: add.allow_loopback_http,
            };
            let DatasetFlags { with, without } = add.datasets;
            let details = Details { name: add.name, email: add.email, with, without };
            let (record, checked) = host.connect(new, details).await?;
            host.store().append_audit(&audit_note("source.add", &record.name, vec![checked.in_words()]))?;
            if add.json {
                return json(&Added { source: &record, checked: &checked });
            }
            preflight::show(&checked)?;
            line(format!(
                "\nConnected {} as {:?}. Read it with: sightline sync {:?}",
                record.address, record.name, record.name
            ))
        }
        Source::List { json } => show::list(world, json),
        Source::Show { name, json } => show::show(world, &name, json),
        Source::Check { name, json } => preflight::check(world, &name, json).await,
        Source::Set(set) => change(world, set).await,
        Source::Rotate { name, credential } => rotate(world, &name, &credential).await,
        Source::Remove { name } => {
            let store = world.store_to_write("source remove")?;
            let record = source_named(&store, &name)?;
            store.remove_source(record.id)?;
            store.append_audit(&audit_note("source.erase", &record.name, Vec::new()))?;
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
    let record = source_named(&store, name)?;
    let mut settings = record.settings.as_object().cloned().unwrap_or_default();
    let credential = credential::take(flags, &mut settings)?;
    let host = world.host(store)?;
    let checked = host.replace_credential(record.id, Some(Value::Object(settings)), credential).await?;
    host.store().append_audit(&audit_note("source.rotate", &record.name, vec![checked.in_words()]))?;
    preflight::show(&checked)?;
    line(format!("\nThe credential of {:?} was replaced.", record.name))
}

/// Changes what is read, the name, or who answers for it.
async fn change(world: &World, set: Set) -> Result<(), Failure> {
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
    let record = source_named(&store, &set.name)?;
    let DatasetFlags { with, without } = set.datasets;
    let is_more = !with.is_empty();
    let details = Details { name: set.new_name, email: set.email, with, without };
    let host = world.host(store)?;
    let record = host.change(record.id, details).await?;
    host.store().append_audit(&audit_note("source.change", &record.name, Vec::new()))?;
    let info = info(world, &record)?;
    let datasets = Datasets::of(&record.settings);
    let off: Vec<String> = datasets.off(info).into_iter().collect();
    let off = if off.is_empty() { "none".to_owned() } else { off.join(", ") };
    line(format!("Changed {:?}. Datasets that are not read: {off}.", record.name))?;
    if !is_more {
        return Ok(());
    }
    line(format!(
        "What was switched on is read by the next full sync: sightline sync {:?} --full",
        record.name
    ))
}
