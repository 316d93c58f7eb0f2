//! `sightline sim`: simulated providers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sightline_sim::okta::Faults;
use sightline_sim::{Company, CompanySpec, OktaOptions, OktaServer, RateLimits, Tls};

use crate::cli::{Limits, Sim, SimOkta};
use crate::failure::Failure;
use crate::output::json_line;
use crate::world::World;

/// What a program needs to connect.
#[derive(Serialize)]
struct Ready<'a> {
    url: String,
    token: &'a str,
    pid: u32,
}

/// What was asked of it.
#[derive(Serialize)]
struct Served {
    requests: BTreeMap<String, u64>,
    refused: u64,
    requests_by_protocol: BTreeMap<String, u64>,
    gzip_answers: u64,
}

pub(crate) async fn run(world: &World, command: &Sim) -> Result<(), Failure> {
    let Sim::Okta(sim) = command;
    let company = Arc::new(Company::generate(spec(sim)));
    let server = OktaServer::start(company, options(sim)?).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {}: {error}", sim.listen))
            .hint("take another port, or port 0 for a free one")
    })?;
    if let (Some(file), Some(pem)) = (&sim.ca_out, server.ca_pem()) {
        std::fs::write(file, pem)
            .map_err(|error| Failure::usage(format!("--ca-out: cannot write {}: {error}", file.display())))?;
    }
    json_line(&Ready { url: server.url(), token: server.token(), pid: std::process::id() })?;
    world.cancel.cancelled().await;
    let summary = Served {
        requests: server.requests(),
        refused: server.refused(),
        requests_by_protocol: server.requests_by_protocol(),
        gzip_answers: server.gzip_answers(),
    };
    server.shutdown().await;
    json_line(&summary)
}

fn spec(sim: &SimOkta) -> CompanySpec {
    let now = sim.now.unwrap_or_else(jiff::Timestamp::now);
    let fitting = CompanySpec::for_people(sim.people, sim.seed, now);
    CompanySpec {
        groups: sim.groups.unwrap_or(fitting.groups),
        apps: sim.apps.unwrap_or(fitting.apps),
        memberships: sim.memberships.unwrap_or(fitting.memberships),
        assignments: sim.assignments.unwrap_or(fitting.assignments),
        rounds: sim.rounds,
        permille: sim.permille,
        late_events: sim.late_events,
        lost_events: sim.lost_events,
        duplicate_events: sim.duplicate_events,
        ..fitting
    }
}

fn options(sim: &SimOkta) -> Result<OktaOptions, Failure> {
    if !(sim.share > 0.0 && sim.share <= 1.0) {
        return Err(Failure::usage("--share must be more than 0 and at most 1"));
    }
    if sim.window_secs == 0 {
        return Err(Failure::usage("--window-secs must be at least 1"));
    }
    let faults: Option<Faults> = read("--faults", sim.faults.as_deref(), "a list of faults")?;
    Ok(OktaOptions {
        listen: sim.listen,
        token: sim.token.clone(),
        rate_limits: match sim.rate_limits {
            Limits::Off => RateLimits::Off,
            Limits::Workforce => RateLimits::Workforce,
            Limits::Integrator => RateLimits::Integrator,
        },
        window: Duration::from_secs(sim.window_secs),
        share: sim.share,
        latency: Duration::from_millis(sim.latency_ms),
        read_only_admin: sim.read_only_admin,
        faults: faults.unwrap_or_default(),
        tls: sim.tls.then(Tls::default),
        gzip: sim.gzip,
        oauth: read("--oauth", sim.oauth.as_deref(), "a service app")?,
        clock_skew_seconds: sim.clock_skew_secs,
        ..OktaOptions::default()
    })
}

/// What a file that a flag names says in JSON.
fn read<T: DeserializeOwned>(flag: &str, file: Option<&Path>, what: &str) -> Result<Option<T>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{flag}: cannot read {}: {error}", file.display())))?;
    let value = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{flag}: {} is not {what}: {error}", file.display())))?;
    Ok(Some(value))
}
