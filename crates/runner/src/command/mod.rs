//! The commands.

mod access;
mod audit;
mod backup;
mod demo;
mod diff;
mod doctor;
mod gaps;
mod history;
mod list;
mod prune;
mod serve;
mod sim;
mod source;
mod sync;
mod user;

use crate::cli::Command;
use crate::failure::Failure;
use crate::world::World;

/// Does what the command line says.
pub(crate) async fn run(world: &World, command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(demo) => demo::run(world, &demo).await,
        Command::Source(command) => source::run(world, command).await,
        Command::Sync(sync) => sync::run(world, &sync).await,
        Command::List(list) => list::run(world, &list),
        Command::Who(who) => access::who(world, &who),
        Command::What(what) => access::what(world, &what),
        Command::Why(why) => access::why(world, &why),
        Command::Diff(diff) => diff::run(world, &diff),
        Command::History(history) => history::run(world, &history),
        Command::Gaps(gaps) => gaps::run(world, &gaps),
        Command::Export(export) => list::export(world, &export),
        Command::Serve(serve) => serve::run(world, &serve).await,
        Command::User(command) => user::run(world, command),
        Command::Audit(audit) => audit::run(world, &audit),
        Command::Prune(prune) => prune::run(world, &prune),
        Command::Backup(backup) => backup::run(world, &backup),
        Command::Restore(restore) => backup::restore(world, &restore),
        Command::Doctor(doctor) => doctor::run(world, &doctor),
        Command::Sim(sim) => sim::run(world, &sim).await,
    }
}
