//! `sightline sim`: simulated providers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sightline_sim::company::EventKind;
use sightline_sim::expect::{Dirty, RequestsMinimum};
use sightline_sim::okta::Faults;
use sightline_sim::{Company, CompanySpec, OktaOptions, OktaServer, RateLimits, Tls};

use crate::cli::{Limits, Sim, SimOkta};
use crate::failure::Failure;
use crate::output::json_line;
use crate::world::World;

/// Events on a page of the log, by the provider's maximum.
const LOG_PAGE: usize = 1000;

/// What a program needs to connect, and what a measurement compares it with, from the company alone.
#[derive(Serialize)]
struct Ready<'a> {
    url: String,
    token: &'a str,
    pid: u32,
    /// Applications that a list shows.
    apps: u64,
    /// The fewest requests of a full read, without the log.
    requests_minimum: RequestsMinimum,
    /// Pages of the log for a reader who asks for sign-ons and for changes apart, to the empty one at the end of each.
    log_pages: u64,
    /// Distinct things that the last round left changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    dirty: Option<u64>,
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
    let server = OktaServer::start(company.clone(), options(sim)?).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {}: {error}", sim.listen))
            .hint("take another port, or port 0 for a free one")
    })?;
    if let (Some(file), Some(pem)) = (&sim.ca_out, server.ca_pem()) {
        std::fs::write(file, pem)
            .map_err(|error| Failure::usage(format!("--ca-out: cannot write {}: {error}", file.display())))?;
    }
    let truth = company.truth();
    json_line(&Ready {
        url: server.url(),
        token: server.token(),
        pid: std::process::id(),
        apps: truth.counts().apps,
        requests_minimum: truth.requests_minimum(),
        log_pages: log_pages(company.served_events().iter().map(|event| event.kind)),
        dirty: (sim.rounds > 0).then(|| dirty_things(&truth.dirty(sim.rounds))),
    })?;
    drop(company);
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

fn log_pages(events: impl Iterator<Item = EventKind>) -> u64 {
    let (mut sign_ons, mut changes) = (0_usize, 0_usize);
    for kind in events {
        match kind {
            EventKind::SessionStart | EventKind::Sso => sign_ons += 1,
            // What only tells of use otherwise, and that no reader asks for.
            EventKind::SessionEnd | EventKind::Mfa | EventKind::SignOnPolicy => {}
            _ => changes += 1,
        }
    }
    [sign_ons, changes].map(|events| events.div_ceil(LOG_PAGE) as u64 + 1).iter().sum()
}

fn dirty_things(dirty: &Dirty) -> u64 {
    // Named one by one, so that a kind that is new is not forgotten.
    let Dirty {
        users,
        groups,
        member_lists,
        rules,
        apps,
        app_users,
        app_groups,
        role_holders,
        custom_roles,
        resource_sets,
        owners,
        push_mappings,
        grants,
        credentials,
        client_roles,
        api_tokens,
        policies,
        policy_rules,
        factors,
        devices,
        settings,
    } = *dirty;
    [
        users,
        groups,
        member_lists,
        rules,
        apps,
        app_users,
        app_groups,
        role_holders,
        custom_roles,
        resource_sets,
        owners,
        push_mappings,
        grants,
        credentials,
        client_roles,
        api_tokens,
        policies,
        policy_rules,
        factors,
        devices,
        settings,
    ]
    .iter()
    .sum()
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
        licensed: sim.licensed,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_of_the_log_ends_at_an_empty_page() {
        let log = |kinds: &[(EventKind, usize)]| {
            log_pages(kinds.iter().flat_map(|(kind, times)| std::iter::repeat_n(*kind, *times)))
        };
        assert_eq!(log(&[]), 2);
        assert_eq!(log(&[(EventKind::Mfa, 5000), (EventKind::SessionEnd, 5000)]), 2);
        assert_eq!(log(&[(EventKind::SessionStart, 600), (EventKind::Sso, 400)]), 3);
        assert_eq!(log(&[(EventKind::SessionStart, 600), (EventKind::Sso, 401)]), 4);
        assert_eq!(log(&[(EventKind::UserCreated, 1), (EventKind::Sso, 1)]), 4);
    }

    #[test]
    fn all_that_is_dirty_counts_once() {
        let dirty = Dirty {
            users: 1 << 0,
            groups: 1 << 1,
            member_lists: 1 << 2,
            rules: 1 << 3,
            apps: 1 << 4,
            app_users: 1 << 5,
            app_groups: 1 << 6,
            role_holders: 1 << 7,
            custom_roles: 1 << 8,
            resource_sets: 1 << 9,
            owners: 1 << 10,
            push_mappings: 1 << 11,
            grants: 1 << 12,
            credentials: 1 << 13,
            client_roles: 1 << 14,
            api_tokens: 1 << 15,
            policies: 1 << 16,
            policy_rules: 1 << 17,
            factors: 1 << 18,
            devices: 1 << 19,
            settings: 1 << 20,
        };
        assert_eq!(dirty_things(&dirty), (1 << 21) - 1);
    }
}
