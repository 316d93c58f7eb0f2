//! `sightline history`.

use crate::cli::History;
use crate::failure::Failure;
use crate::world::World;

pub(crate) fn run(_world: &World, _history: &History) -> Result<(), Failure> {
    Ok(())
}
