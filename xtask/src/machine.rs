//! What a measurement ran on.

use std::fs;
use std::thread;

/// The machine in a line: processor, cores, memory, system, and how busy it is at this moment.
pub(crate) fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let unknown = || "unknown".to_owned();
    let processor = value(&read("/proc/cpuinfo"), "model name", ':');
    let memory = value(&read("/proc/meminfo"), "MemTotal", ':').and_then(|value| gigabytes(&value));
    let cores = thread::available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string());
    let system = value(&read("/etc/os-release"), "PRETTY_NAME", '=');
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg").split(' ').next().filter(|load| !load.is_empty()).map(str::to_owned);
    format!(
        "{}, {cores} cores, {} memory, {} {} ({} {}), load {}",
        processor.unwrap_or_else(unknown),
        memory.unwrap_or_else(unknown),
        std::env::consts::OS,
        kernel.trim(),
        system.unwrap_or_else(unknown),
        std::env::consts::ARCH,
        load.unwrap_or_else(unknown)
    )
}

/// The most memory that this process has held so far, in bytes; none where the system does not tell.
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = value(&status, "VmHWM", ':')?.strip_suffix("kB")?.trim_end().parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}

/// The seconds that a processor has spent on this thread so far; none where the system does not tell.
pub(crate) fn thread_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = stat.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

/// The first value of this name in lines of names and values.
fn value(text: &str, name: &str, between: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(between)?;
        (found.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// A number of kB, by which the kernel means 1024 bytes.
fn gigabytes(value: &str) -> Option<String> {
    let kibibytes: f64 = value.strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(format!("{:.1} GB", kibibytes * 1024.0 / 1e9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_name() {
        let text = "model\t\t: 85\nmodel name\t: Some CPU @ 2.00GHz: fast\nmodel name\t: other\n";
        assert_eq!(value(text, "model name", ':').as_deref(), Some("Some CPU @ 2.00GHz: fast"));
        assert_eq!(value("PRETTY_NAME=\"Some OS 13\"\n", "PRETTY_NAME", '=').as_deref(), Some("Some OS 13"));
        assert_eq!(value(text, "name", ':'), None);
    }

    #[test]
    fn memory_is_told_in_gigabytes() {
        assert_eq!(gigabytes("16000000 kB").as_deref(), Some("16.4 GB"));
        assert_eq!(gigabytes("many"), None);
    }
}
