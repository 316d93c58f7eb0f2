//! `sightline demo`: a simulated company is connected and read, and questions about it are answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sightline_answer::{Pairs, count, number, pairs, source_named};
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Observed, Secret};
use sightline_graph::{Found, Graph};
use sightline_server::{Server, ServerError, ServerOptions};
use sightline_sim::company::{ADA, COMPANY_NAME, CONTRACTOR, GITHUB, IT_ADMINS, login};
use sightline_sim::okta::{Action, Fault, Faults};
use sightline_sim::{Company, CompanySpec, OktaOptions, OktaServer};
use sightline_store::{Actor, AuditNote, NewUser, OpenMode, UserRole};
use sightline_sync::{Details, NewConnection, Supervisor, SyncOptions};

use crate::cli::{Demo, Format, Which};
use crate::command::access::{show_what, show_who, show_why};
use crate::command::diff;
use crate::command::source::show_check;
use crate::command::sync::{run_one, show_report};
use crate::failure::Failure;
use crate::output::line;
use crate::settings::Settings;
use crate::world::{World, graphs};

const NAME: &str = "Okta";
const LINES: usize = 12;
/// Lines of each kind of change.
const CHANGES: usize = 3;
const DENIED: &str = r#"{"errorCode":"E0000006","errorSummary":"no permission for this action","errorLink":"E0000006","errorId":"oae0","errorCauses":[]}"#;
const PLAIN: Format = Format { json: false, csv: false };

pub(crate) async fn run(world: &World, demo: &Demo) -> Result<(), Failure> {
    let scratch = Scratch::new()?;
    let world = World {
        settings: Settings { data_dir: scratch.dir.clone(), ..Settings::default() },
        registry: world.registry.clone(),
        cancel: world.cancel.clone(),
    };
    // Its first round of change begins about when the first answers are given.
    let begin = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(18);
    let spec = CompanySpec::for_people(demo.people, demo.seed, begin);
    let server = serve(spec, OktaOptions::default().listen).await?;
    title(&format!(
        "{COMPANY_NAME}, a simulated company with {}",
        count(u64::from(demo.people), "account", "accounts")
    ))?;
    line("The token may read everything but the members of one group of administrators.\n")?;
    read(&world, &server).await?;
    answers(&world)?;
    let listen = server.address();
    server.shutdown().await;
    let server = serve(CompanySpec { rounds: 1, ..spec }, listen).await?;
    read_again(&world).await?;
    if demo.once {
        server.shutdown().await;
        return Ok(());
    }
    server.shutdown().await;
    let server = serve(CompanySpec { rounds: 1, ..spec }, listen).await?;
    let outcome = open_web(&world, &scratch, &server).await;
    server.shutdown().await;
    outcome
}

/// Opens the web application on the company, until stopped.
async fn open_web(world: &World, scratch: &Scratch, company: &OktaServer) -> Result<(), Failure> {
    let mut settings = world.settings.clone();
    settings.sync.interval_minutes = 1;
    let world = World { settings, ..world.clone() };
    let host = world.host_that_may(world.store_to_write("demo")?, true)?;
    let now = SystemClock.now();
    let new = NewUser {
        name: "demo".to_owned(),
        email: None,
        role: UserRole::Admin,
        password: None,
        oidc_subject: None,
        created: now,
    };
    let target = Some(new.name.clone());
    let note = AuditNote { target, ..AuditNote::done(now, Actor::System, "user.add") };
    let user = host.store().add_user(new, &note)?;
    let supervisor = Supervisor::start(host)?;
    let options = ServerOptions { offer_loopback: true, ..ServerOptions::default() };
    let mut bound = Server::bind(supervisor.clone(), options.clone()).await;
    if matches!(bound, Err(ServerError::Listen { .. })) {
        // Another one runs: any free port does.
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        bound = Server::bind(supervisor.clone(), ServerOptions { listen, ..options }).await;
    }
    let server = bound?;
    line("")?;
    title("The web application")?;
    line(format!(
        "Open this link; it signs you in once, as the user demo:\n\n  {}\n",
        server.sign_in_link(user.id)?
    ))?;
    line(format!(
        "The company is read every minute, until Ctrl-C.\nIts Okta API is at {}, with the token {}.\nIn another terminal, try:\n",
        company.url(),
        company.token()
    ))?;
    let dir = scratch.dir.display();
    for command in [
        "list accounts",
        "list admins",
        &format!("why {CONTRACTOR} {GITHUB}"),
        "gaps",
        "diff --all",
        &format!("history {ADA}"),
        &format!("who {GITHUB} --as-of 1"),
    ] {
        line(format!("  sightline --data-dir {dir} {command}"))?;
    }
    server.run(world.cancel.clone()).await?;
    supervisor.shutdown().await;
    Ok(())
}

/// Serves the company, in which one thing is refused.
async fn serve(spec: CompanySpec, listen: SocketAddr) -> Result<OktaServer, Failure> {
    let company = Arc::new(Company::generate(spec));
    let options = OktaOptions { faults: denied(&company), listen, ..OktaOptions::default() };
    let served = OktaServer::start(company, options).await;
    served.map_err(|error| Failure::new(format!("the simulated company could not be served: {error}")))
}

/// A directory that goes away with the demonstration.
struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let dir = std::env::temp_dir().join(format!("sightline-demo-{}", std::process::id()));
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        Ok(Self { dir })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary directory does no harm.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Okta refuses the members of a group that carries an admin role to whoever may not manage it.
fn denied(company: &Company) -> Faults {
    let group = company.group(IT_ADMINS).map(|group| group.id);
    let fault = |id| Fault {
        path: format!("/api/v1/groups/{id}/users"),
        query: None,
        nth: None,
        times: None,
        action: Action::Status { code: 403, error_code: None, body: Some(DENIED.to_owned()) },
    };
    Faults(group.map(fault).into_iter().collect())
}

fn title(text: &str) -> Result<(), Failure> {
    line(format!("{text}\n{}", "=".repeat(text.chars().count())))
}

async fn read(world: &World, server: &OktaServer) -> Result<(), Failure> {
    let host = world.host_to_write("demo")?;
    let new = NewConnection {
        connector: "okta".to_owned(),
        settings: serde_json::json!({ "domain": server.url() }),
        credential: BTreeMap::from([("token".to_owned(), Secret::new(server.token()))]),
        allow_loopback_http: true,
    };
    let (record, checked) =
        host.connect(new, Details { name: Some(NAME.to_owned()), ..Details::default() }).await?;
    show_check(&checked)?;
    line("")?;
    let outcome = run_one(world, &host, &record, SyncOptions::default(), false).await?;
    show_report(&outcome)
}

/// Reads the company that has changed, and says what did.
async fn read_again(world: &World) -> Result<(), Failure> {
    line("")?;
    title("The company changes and is read again: sightline sync, sightline diff")?;
    let host = world.host_to_write("demo")?;
    let store = host.store();
    let record = source_named(store, NAME)?;
    // In a small company a few changes are a large part.
    let options = SyncOptions { accept_drop: true, ..SyncOptions::default() };
    let outcome = run_one(world, &host, &record, options, false).await?;
    let requests = outcome.requests();
    line(format!("Read what has changed with {}.\n", count(requests, "request", "requests")))?;
    let Pairs { pairs, .. } = pairs(store, Some(NAME), None, None, SystemClock.now())?;
    let Some((from, to)) = pairs.into_iter().next() else {
        return Err(Failure::new("the simulated company was not read twice"));
    };
    let mut diff = diff::compared(world, store, from, to)?;
    diff.keep_changes(|kind| ["account", "membership"].contains(&kind));
    diff::show(&diff, false, CHANGES)
}

fn answers(world: &World) -> Result<(), Failure> {
    let store = sightline_store::Store::open(&world.settings.data_dir, OpenMode::Read)?;
    let found = graphs(&store, &Which::default())?;
    let known = &found[0];
    let graph = &known.graph;
    line("")?;
    title("In short")?;
    summary(graph)?;

    let (Found::One(app), Found::One(ada)) = (graph.find_resource(GITHUB), graph.find_account(&login(ADA)))
    else {
        return Err(Failure::new("the simulated company lacks the people of the demonstration"));
    };
    line("")?;
    title(&format!("sightline who {GITHUB}"))?;
    show_who(known, app, PLAIN, Some(LINES))?;
    line("")?;
    title(&format!("sightline what {ADA}"))?;
    show_what(known, ada, PLAIN)?;
    line("")?;
    title(&format!("sightline why {ADA} {GITHUB}"))?;
    show_why(known, ada, app, false)?;
    line("")?;
    title("sightline gaps")?;
    crate::command::gaps::table(graph)
}

fn summary(graph: &Graph) -> Result<(), Failure> {
    let summary = graph.summary();
    line(format!(
        "{}, {} of them able to sign in; {}; {}.",
        count(summary.accounts, "account", "accounts"),
        number(summary.accounts_able_to_sign_in),
        count(summary.groups, "group", "groups"),
        count(summary.resources, "application", "applications"),
    ))?;
    line(format!(
        "{} of an account to an application.",
        count(summary.effective_pairs, "effective access", "effective accesses")
    ))?;
    match &summary.unused_access {
        Observed::Known(unused) => line(format!(
            "{} not used in the window that was read.",
            count(*unused, "of them was", "of them were")
        ))?,
        Observed::Unknown(why) => line(format!("How many of them are unused is not known: {why}."))?,
    }
    line(format!(
        "{} with an assignment that is still in force. {} who can sign in, as far as could be seen.",
        count(summary.leavers_with_assignments_in_force, "leaver", "leavers"),
        count(summary.admins, "administrator", "administrators"),
    ))
}
