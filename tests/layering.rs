//! The invariants of the workspace, over what Cargo knows and over the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::harness::{list, text};

/// Who may depend on whom inside the workspace; `connectors/*` stands for every connector.
const MAY_DEPEND_ON: [(&str, &[&str]); 14] = [
    ("core", &[]),
    ("http", &["core"]),
    ("graph", &["core"]),
    ("store", &["core"]),
    ("sync", &["core", "store"]),
    ("sim", &[]),
    ("testkit", &["core", "store", "sync"]),
    ("connectors/*", &["core", "http"]),
    ("connectors", &["connectors/*"]),
    ("answer", &["core", "graph", "store"]),
    ("server", &["answer", "core", "graph", "store", "sync"]),
    ("runner", &["answer", "connectors", "core", "graph", "server", "sim", "store", "sync"]),
    ("xtask", &["core", "graph", "store"]),
    ("tests", &["answer", "connectors", "core", "runner", "sim"]),
];

/// Who may besides be used by tests of whom.
const TESTS_MAY_DEPEND_ON: [(&str, &[&str]); 1] = [("connectors/*", &["sim", "testkit"])];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What Cargo says about this machine's build of the workspace.
fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        let run = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).current_dir(root()).output().unwrap();
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let versions = run("rustc", &["-vV"]);
        let host = versions.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let args = ["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host];
        serde_json::from_str(&run(&cargo, &args)).unwrap()
    })
}

/// A package of the workspace.
struct Member {
    /// Its folder, from the root: `crates/core`.
    folder: String,
    /// Its name in the table: `core`, `connectors/*`.
    place: String,
    name: String,
    package: &'static Value,
}

fn members() -> Vec<Member> {
    let metadata = metadata();
    let ids: BTreeSet<&str> =
        list(&metadata["workspace_members"]).iter().map(|id| id.as_str().unwrap()).collect();
    let packages = list(&metadata["packages"]).iter().filter(|package| ids.contains(text(package, "id")));
    let members: Vec<_> = packages
        .map(|package| {
            let dir = Path::new(text(package, "manifest_path")).parent().unwrap().to_owned();
            let folder = dir.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let place = match folder.split_once('/') {
                Some(("crates", name)) => name.to_owned(),
                Some(("connectors", _)) => "connectors/*".to_owned(),
                _ => folder.clone(),
            };
            Member { folder, place, name: text(package, "name").to_owned(), package }
        })
        .collect();
    assert!(members.len() >= 11, "only {} packages", members.len());
    members
}

impl Member {
    /// Names of its direct dependencies of these kinds; Cargo's word for a normal one is null.
    fn dependencies(&self, kinds: &[Option<&str>]) -> BTreeSet<String> {
        list(&self.package["dependencies"])
            .iter()
            .filter(|dependency| kinds.contains(&dependency["kind"].as_str()))
            .map(|dependency| text(dependency, "name").to_owned())
            .collect()
    }

    /// The sources that end up in the program, without comments and tests: file and code.
    fn code(&self) -> Vec<(String, String)> {
        // A package of the bundle has its source beside its manifest.
        let dir = match root().join(&self.folder).join("src") {
            dir if dir.is_dir() => dir,
            _ => root().join(&self.folder),
        };
        let mut files = Vec::new();
        sources(&dir, self.place == "connectors", &mut files);
        assert!(!files.is_empty(), "{} has no sources", self.folder);
        let mut tests = BTreeSet::new();
        let mut code = Vec::new();
        for file in files {
            let whole = fs::read_to_string(&file).unwrap();
            let (kept, left_out) = without_tests(&whole);
            tests.extend(left_out.into_iter().map(|name| file.with_file_name(format!("{name}.rs"))));
            code.push((file, kept));
        }
        code.retain(|(file, _)| !tests.contains(file));
        let from_root = |file: PathBuf| file.strip_prefix(root()).unwrap().display().to_string();
        code.into_iter().map(|(file, code)| (from_root(file), code)).collect()
    }
}

fn sources(dir: &Path, flat: bool, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !flat {
            sources(&path, flat, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The code of a file without its comments and its module of tests, which comes last; and the names of its files of
/// tests.
fn without_tests(whole: &str) -> (String, Vec<String>) {
    let mut code = String::new();
    let mut left_out = Vec::new();
    let mut lines = whole.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            if !line.trim_start().starts_with("//") {
                code.push_str(line);
                code.push('\n');
            }
            continue;
        }
        let next = lines.next().unwrap_or_default().trim();
        match next.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            Some(name) => left_out.push(name.to_owned()),
            None if next.starts_with("mod ") => break,
            None => {}
        }
    }
    (code, left_out)
}

#[test]
fn packages_are_named_after_their_folders_and_share_lints_and_licence() {
    for member in members() {
        let folder = member.folder.rsplit('/').next().unwrap();
        assert_eq!(member.name, format!("sightline-{folder}"));
        assert_eq!(member.package["license"], "Apache-2.0", "{}", member.folder);
        assert_eq!(member.package["edition"], "2024", "{}", member.folder);
        assert_eq!(list(&member.package["publish"]), &[] as &[Value], "{}", member.folder);
        let manifest = fs::read_to_string(root().join(&member.folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{} has lints of its own", member.folder);
    }
}

#[test]
fn dependencies_point_one_way() {
    let members = members();
    let places: BTreeMap<&str, &str> =
        members.iter().map(|member| (member.name.as_str(), member.place.as_str())).collect();
    for member in &members {
        let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(place, _)| *place == member.place) else {
            panic!("{} has no place in the table of this test", member.folder);
        };
        let in_tests = TESTS_MAY_DEPEND_ON.iter().find(|(place, _)| *place == member.place);
        let in_tests = in_tests.map_or(&[] as &[&str], |(_, allowed)| allowed);
        for (kinds, also) in [(&[None, Some("build")][..], &[][..]), (&[Some("dev")][..], in_tests)] {
            for dependency in member.dependencies(kinds) {
                let Some(place) = places.get(dependency.as_str()) else { continue };
                let may = allowed.contains(place) || also.contains(place);
                assert!(may, "{} must not depend on {place}", member.folder);
            }
        }
    }
}

#[test]
fn core_and_graph_know_no_runtime_no_store_and_no_network() {
    // Whatever else they use must not bring these along either.
    let forbidden = ["tokio", "redb", "reqwest", "axum", "hyper", "mio", "rustls"];
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata()["resolve"]["nodes"]).iter().map(|node| (text(node, "id"), node)).collect();
    let names: BTreeMap<&str, &str> = list(&metadata()["packages"])
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    for member in members().iter().filter(|member| ["core", "graph"].contains(&member.place.as_str())) {
        let mut reached = BTreeSet::new();
        let mut open = vec![text(member.package, "id")];
        while let Some(id) = open.pop() {
            for dependency in list(&nodes[id]["deps"]) {
                let normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
                let next = text(dependency, "pkg");
                if normal && reached.insert(names[next]) {
                    open.push(next);
                }
            }
        }
        assert!(reached.len() > 1, "{} depends on nothing", member.name);
        for name in forbidden {
            assert!(!reached.contains(name), "{} reaches {name}", member.name);
        }
        for (file, code) in member.code() {
            for word in [
                "std::fs",
                "std::net",
                "std::process",
                "std::env",
                "std::io",
                "thread::spawn",
                "thread::Builder",
            ] {
                assert!(!code.contains(word), "{file} uses {word}");
            }
        }
    }
}

#[test]
fn only_the_bundle_names_a_connector() {
    let members = members();
    let connectors: Vec<String> = members
        .iter()
        .filter(|member| member.place == "connectors/*")
        .map(|member| member.name.replace('-', "_"))
        .collect();
    assert!(!connectors.is_empty());
    for member in members.iter().filter(|member| !["connectors", "tests"].contains(&member.place.as_str())) {
        for (file, code) in member.code() {
            for connector in &connectors {
                assert!(!code.contains(connector.as_str()), "{file} names {connector}");
            }
        }
    }
}

#[test]
fn only_the_runner_reads_the_environment_prints_and_exits() {
    let words = [
        "env::var",
        "env::args",
        "process::exit",
        "println!",
        "eprintln!",
        "print!(",
        "io::stdout",
        "io::stderr",
        "std::env::current_dir",
        "tracing_subscriber",
    ];
    for member in members() {
        if ["runner", "xtask", "tests"].contains(&member.place.as_str()) {
            continue;
        }
        for (file, code) in member.code() {
            for word in words {
                assert!(!code.contains(word), "{file} uses {word}");
            }
        }
    }
}

#[test]
fn only_main_reads_which_connectors_are_linked() {
    let mut readers = Vec::new();
    for member in members().iter().filter(|member| member.place != "tests") {
        for (file, code) in member.code() {
            if code.contains("Registry::linked") || code.contains("inventory::iter") {
                readers.push(file);
            }
        }
    }
    readers.sort();
    // One defines it, one calls it.
    assert_eq!(readers, ["crates/core/src/registry.rs", "crates/runner/src/lib.rs"]);
}

#[test]
fn nothing_unsafe_and_nothing_unfinished_is_shipped() {
    for member in members() {
        if member.place == "tests" {
            continue;
        }
        for (file, code) in member.code() {
            for word in ["unsafe {", "unsafe fn", "todo!", "unimplemented!", "#[allow(", "dbg!("] {
                assert!(!code.contains(word), "{file} holds {word}");
            }
        }
    }
}
