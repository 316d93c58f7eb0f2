//! The program `sightline` as a library: the command line, the settings, and the wiring of everything else.
//!
//! This is the only crate that reads the environment, prints, exits, installs a log subscriber, or reads which
//! connectors are linked.

mod cli;
mod command;
mod credential;
mod failure;
mod output;
mod progress;
mod settings;
mod world;

use std::process::ExitCode;

use clap::Parser;
// Without a mention the linker leaves the connectors out, silently.
use sightline_connectors as _;
use sightline_core::Registry;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use cli::Cli;
use failure::Failure;
use settings::Settings;
use world::World;

/// Runs the program: reads the command line, does what it says, and says how it went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Settings::read(&cli).and_then(|settings| {
        start_logging(&settings);
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| Failure::new(format!("the runtime could not be started: {error}")))?;
        let outcome = runtime.block_on(async {
            let cancel = CancellationToken::new();
            let world = World { settings, registry: Registry::linked(), cancel: cancel.clone() };
            tokio::spawn(stop_on_signal(cancel));
            command::run(&world, cli.command).await
        });
        // A call that hangs must not keep the program from ending.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn start_logging(settings: &Settings) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(output::is_terminal())
        .with_target(false)
        .with_filter(settings.log_filter());
    // A subscriber that is there already, as in tests, stays.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// The first signal asks everything to stop cleanly; the second ends the program.
async fn stop_on_signal(cancel: CancellationToken) {
    for _ in 0..2 {
        if wait_for_signal().await.is_err() {
            return;
        }
        if cancel.is_cancelled() {
            std::process::exit(i32::from(failure::INTERRUPTED));
        }
        cancel.cancel();
    }
}

#[cfg(unix)]
async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
