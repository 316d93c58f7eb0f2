//! `sightline source`: adding, showing and removing data sources.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;
use sightline_core::time::{Clock, SystemClock};
use sightline_core::source::Verdict;
use sightline_core::{Check, DynSource, ErrorKind, Gap, Info, Preflight, Secret};
use sightline_graph::Graph;
use sightline_store::{NewSource, SnapshotMeta, SourceRecord, Store, StoreError};

use crate::cli::{Add, Source, Token};
use crate::failure::Failure;
use crate::output::{Columns, count, json, line, note, number};
use crate::world::{World, source_named};

pub(crate) async fn run(world: &World, command: Source) -> Result<(), Failure> {
    match command {
        Source::Add(add) => {
            let credential = BTreeMap::from([("token".to_owned(), token(&add.token)?)]);
            let store = world.store_to_write("source add")?;
            let (record, preflight) = connect(world, &store, &add, &credential).await?;
            if add.json {
                return json(&Added { source: &record, preflight: &preflight });
            }
            show_preflight(world, &record.connector, &preflight)?;
            line(format!(
                "\nConnected {} as {:?}. Read it with: sightline sync {:?}",
                record.address, record.name, record.name
            ))
        }
        Source::List { json } => list(world, json),
        Source::Show { name, json } => show(world, &name, json),
        Source::Rotate { name, token: from } => {
            let credential = BTreeMap::from([("token".to_owned(), token(&from)?)]);
            let store = world.store_to_write("source rotate")?;
            let record = source_named(&store, &name)?;
            let vault = World::vault(&store)?;
            let opened = world.open_source(
                &record.connector,
                &record.settings,
                &credential,
                record.allow_loopback_http,
            )?;
            let preflight = patient_preflight(&*opened.source).await?;
            if preflight.tenant.id != record.tenant.id {
                return Err(Failure::usage(format!(
                    "the new credential is for {} ({}), not for {} ({})",
                    preflight.address, preflight.tenant.id, record.address, record.tenant.id
                ))
                .hint("the old one was kept; connect the other system with `sightline source add`"));
            }
            store.set_credential(&vault, record.id, &credential)?;
            show_preflight(world, &record.connector, &preflight)?;
            line(format!("\nThe credential of {:?} was replaced.", record.name))
        }
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

#[derive(Serialize)]
struct Added<'a> {
    source: &'a SourceRecord,
    preflight: &'a Preflight,
}

/// Takes the token from where the flags say.
fn token(from: &Token) -> Result<Secret, Failure> {
    const MAX_BYTES: u64 = 64 * 1024;
    if let Some(name) = &from.env {
        return match std::env::var(name) {
            Ok(token) => Ok(Secret::new(token)),
            Err(_) => Err(Failure::usage(format!("the environment variable {name} is not set"))
                .hint(format!("set it to the token: export {name}=…"))),
        };
    }
    let mut text = String::new();
    if let Some(file) = &from.file {
        let failed = |error: std::io::Error| {
            Failure::usage(format!("cannot read the token from {}: {error}", file.display()))
        };
        std::fs::File::open(file)
            .map_err(failed)?
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(failed)?;
    } else {
        std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text)?;
    }
    Ok(Secret::new(text))
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
    credential: &BTreeMap<String, Secret>,
) -> Result<(SourceRecord, Preflight), Failure> {
    if let Some(email) = &add.email {
        check_email(email)?;
    }
    let settings = serde_json::json!({ "domain": add.domain.trim() });
    let opened = world.open_source(&add.connector, &settings, credential, add.allow_loopback_http)?;
    let preflight = tokio::select! {
        preflight = patient_preflight(&*opened.source) => preflight?,
        () = world.cancel.cancelled() => return Err(Failure::new("stopped; nothing was kept").code(crate::failure::INTERRUPTED)),
    };
    let sources = store.sources()?;
    let same =
        |source: &&SourceRecord| source.connector == add.connector && source.tenant.id == preflight.tenant.id;
    if let Some(known) = sources.iter().find(same) {
        return Err(Failure::usage(format!(
            "{} is already connected as {:?}",
            preflight.address, known.name
        ))
        .hint(format!(
            "read it with `sightline sync {:?}`, or replace its token with `sightline source rotate {:?} …`",
            known.name, known.name
        )));
    }
    let title = opened.source.info().title;
    let taken = |name: &str| sources.iter().any(|source| source.name.eq_ignore_ascii_case(name));
    let name = match &add.name {
        Some(name) if name.trim().is_empty() => return Err(Failure::usage("--name is empty")),
        Some(name) if taken(name.trim()) => {
            return Err(StoreError::NameTaken { name: name.trim().to_owned() }.into());
        }
        Some(name) => name.trim().to_owned(),
        None if taken(title) => format!("{title} {}", preflight.tenant.name),
        None => title.to_owned(),
    };
    let new = NewSource {
        name,
        connector: add.connector.clone(),
        tenant: preflight.tenant.clone(),
        address: preflight.address.clone(),
        settings,
        owner_email: add.email.clone(),
        added: SystemClock.now(),
        allow_loopback_http: add.allow_loopback_http,
    };
    let record = store.add_source(&World::vault(store)?, new, credential)?;
    Ok((record, preflight))
}

/// Waits for a rate limit instead of failing: it passes by itself.
async fn patient_preflight(source: &dyn DynSource) -> Result<Preflight, Failure> {
    loop {
        match source.preflight().await {
            Err(error) => match error.kind() {
                ErrorKind::RateLimited { until } => {
                    let pause = until.since(SystemClock.now());
                    note(format!("the rate limit is used up; waiting {} s", pause.as_secs() + 1));
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error.into()),
            },
            Ok(preflight) => return Ok(preflight),
        }
    }
}

/// What will be seen and what not.
pub(crate) fn show_preflight(world: &World, connector: &str, preflight: &Preflight) -> Result<(), Failure> {
    let info: &Info = world.registry.get(connector)?.info;
    let owner = preflight.credential_owner.as_deref().unwrap_or("no person");
    line(format!("{} (org {}), token of {owner}", preflight.address, preflight.tenant.id))?;
    let mut columns = Columns::new(&["dataset", "verdict", "without it", "needs"]);
    for Check { dataset, verdict, .. } in &preflight.checks {
        let Some(dataset) = info.dataset(dataset) else { continue };
        let mut row = vec![dataset.title.to_owned(), verdict.phrase().to_owned()];
        match verdict {
            Verdict::Refused(_) => row.extend([dataset.lost.to_owned(), dataset.permission.to_owned()]),
            Verdict::Allowed | Verdict::Unknown => row.extend([String::new(), String::new()]),
        }
        columns.rows.push(row);
    }
    columns.table()?;
    for warning in &preflight.warnings {
        note(format!("warning: {warning}"));
    }
    Ok(())
}

#[derive(Serialize)]
struct SourceLine<'a> {
    #[serde(flatten)]
    record: &'a SourceRecord,
    last_snapshot: Option<SnapshotMeta>,
    sync_in_progress: bool,
}

fn describe<'a>(store: &Store, record: &'a SourceRecord) -> Result<SourceLine<'a>, Failure> {
    Ok(SourceLine {
        last_snapshot: store.latest(record.id)?,
        sync_in_progress: store.has_sync_in_progress(record.id)?,
        record,
    })
}

impl SourceLine<'_> {
    fn state(&self) -> String {
        match (&self.last_snapshot, self.sync_in_progress) {
            (None, false) => "never read".to_owned(),
            (None, true) => "first sync not finished".to_owned(),
            (Some(meta), _) if meta.gaps > 0 => count(meta.gaps, "gap", "gaps"),
            (Some(_), _) => "healthy".to_owned(),
        }
    }
}

fn list(world: &World, as_json: bool) -> Result<(), Failure> {
    let store = match world.store_to_read() {
        Ok(store) => store,
        // Nothing was ever stored here: an empty list is the truth.
        Err(_) if !world.settings.data_dir.join("sightline.redb").exists() => {
            return if as_json {
                json(&[(); 0])
            } else {
                line("No data sources yet. Connect one with `sightline source add`.")
            };
        }
        Err(failure) => return Err(failure),
    };
    let records = store.sources()?;
    let lines: Vec<_> = records.iter().map(|record| describe(&store, record)).collect::<Result<_, _>>()?;
    if as_json {
        return json(&lines);
    }
    let mut columns = Columns::new(&["name", "connector", "address", "state", "last snapshot", "facts"]);
    for source in &lines {
        let meta = source.last_snapshot.as_ref();
        columns.rows.push(vec![
            source.record.name.clone(),
            source.record.connector.clone(),
            source.record.address.clone(),
            source.state(),
            meta.map_or_else(String::new, |meta| format!("{} of {}", meta.number, meta.sealed)),
            meta.map_or_else(String::new, |meta| number(meta.facts)),
        ]);
    }
    columns.table()
}

fn show(world: &World, name: &str, as_json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        source: SourceLine<'a>,
        records: BTreeMap<String, u64>,
        gaps: Vec<Gap>,
    }
    let store = world.store_to_read()?;
    let record = source_named(&store, name)?;
    let source = describe(&store, &record)?;
    let graph = match &source.last_snapshot {
        Some(meta) => Some(Graph::build(store.snapshot(record.id, meta.number)?)),
        None => None,
    };
    let mut records: BTreeMap<String, u64> = BTreeMap::new();
    for state in graph.iter().flat_map(Graph::scopes) {
        *records.entry(state.scope.dataset.clone()).or_default() += state.facts;
    }
    if as_json {
        let gaps = graph.iter().flat_map(Graph::gaps).cloned().collect();
        return json(&Shown { source, records, gaps });
    }
    line(format!("{} ({}, {})", record.name, record.connector, record.address))?;
    line(format!("  organisation  {} ({})", record.tenant.name, record.tenant.id))?;
    line(format!("  owner         {}", record.owner_email.as_deref().unwrap_or("not set")))?;
    line(format!("  added         {}", record.added))?;
    line(format!("  state         {}", source.state()))?;
    if let Some(meta) = &source.last_snapshot {
        line(format!("  snapshot      {} of {}, {} facts", meta.number, meta.sealed, number(meta.facts)))?;
    }
    for (dataset, records) in &records {
        line(format!("  {:<14}{}", dataset.replace('_', " "), number(*records)))?;
    }
    if let Some(graph) = graph.filter(|graph| graph.gaps().next().is_some()) {
        line("\nNot seen:")?;
        crate::command::gaps::table(&graph)?;
    }
    Ok(())
}
