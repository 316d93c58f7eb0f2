//! A directory for a measurement, and what its files take.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::{Failure, Result};

/// A directory that is removed with everything in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// In the build directory, on a real disk: where temporary files go is memory on many machines, and costs nothing.
    pub(crate) fn beside(program: &Path) -> Result<Self> {
        let parent = program.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let dir = parent.join("tmp").join(format!("bench-{}", std::process::id()));
        fs::create_dir_all(&dir)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", dir.display())))?;
        Ok(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("warning: {} could not be removed: {error}", self.0.display());
        }
    }
}

/// The seconds that the disk takes to make a small write durable, twice: what a commit of the store cannot do without. On
/// the average of some times.
pub(crate) fn durable_seconds(dir: &Path) -> io::Result<f64> {
    const TIMES: u32 = 200;
    const BLOCK: [u8; 4096] = [7; 4096];
    let path = dir.join("durable");
    let mut file = fs::File::create(&path)?;
    let begun = Instant::now();
    for _ in 0..TIMES {
        for _ in 0..2 {
            file.write_all(&BLOCK)?;
            file.sync_data()?;
        }
    }
    let seconds = begun.elapsed().as_secs_f64() / f64::from(TIMES);
    fs::remove_file(&path)?;
    Ok(seconds)
}

/// Copies a directory with its permissions.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Bytes that the files of a directory take on the disk.
pub(crate) fn disk_bytes(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            allocated(&entry.metadata()?)
        };
    }
    Ok(bytes)
}

/// A file with holes takes less than its length. The unit of `blocks` is 512 bytes on every file system.
#[cfg(unix)]
fn allocated(file: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(file) * 512
}

#[cfg(not(unix))]
fn allocated(file: &fs::Metadata) -> u64 {
    file.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_whole_and_the_directory_goes_with_everything_in_it() {
        let scratch = Scratch::beside(&std::env::current_exe().unwrap()).unwrap();
        let (from, to) = (scratch.0.join("from"), scratch.0.join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("a"), vec![7; 10_000]).unwrap();
        fs::write(from.join("deep/b"), "text").unwrap();
        copy_dir(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("a")).unwrap(), vec![7; 10_000]);
        assert_eq!(fs::read(to.join("deep/b")).unwrap(), b"text");
        let made = scratch.0.clone();
        drop(scratch);
        assert!(!made.exists());
    }
}
