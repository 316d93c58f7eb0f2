//! The API against schemathesis, a fuzzer of others that knows it from its document alone: no answer may break what the
//! document says, and none may be the server's fault.
//!
//! `.ci/run` installs it under `target/fuzz`; elsewhere it is skipped with a notice.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use sightline_sim::Company;
use sightline_sim::company::{ADA, ENG, GITHUB};

use crate::harness::{Ask, Ends, Home, SimSetup, Web, tiny};

/// The same run every time.
const SEED: &str = "1";
/// No run may take longer; each is bounded by its examples.
const PATIENCE: Duration = Duration::from_mins(5);
/// What answers must be, whatever is sent.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance,ignored_auth";
/// A stream that never ends.
const ENDLESS: &str = "^/events$";
/// What would take away what the others need: the company, the token, the administrator.
const LAST: [&str; 5] = [
    "DELETE /sources/{id}",
    "DELETE /tokens/{id}",
    "DELETE /users/{id}",
    "PATCH /users/{id}",
    "POST /sources/{id}/pause",
];

/// The fuzzer; none where it is not installed, which is said.
#[expect(clippy::print_stdout, reason = "what was not tested is said, and is an error in CI")]
fn fuzzer() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz/bin/schemathesis");
    if program.is_file() {
        return Some(program);
    }
    println!("skipped: there is no schemathesis at {}, so the API was not fuzzed", program.display());
    None
}

/// Ids that lead to something, so that answers about things that are there are seen.
fn known(company: &Company) -> String {
    let id = |kind: &str, id: &str| {
        format!(
            "[[operations]]\ninclude-path-regex = '^/{kind}/\\{{source\\}}'\n\
             parameters = {{ \"path.source\" = 1, \"path.id\" = \"{id}\", \"path.app\" = \"{}\" }}\n",
            company.app(GITHUB).unwrap().id
        )
    };
    [
        id("accounts", company.person(ADA).unwrap().id.as_str()),
        id("groups", company.group(ENG).unwrap().id.as_str()),
        id("apps", company.app(GITHUB).unwrap().id.as_str()),
        "[[operations]]\ninclude-path-regex = '^/changes'\nparameters = { \"query.source\" = 1 }\n".to_owned(),
        "[[operations]]\ninclude-path-regex = '^/(sources|users|tokens)/'\nparameters = { \"path.id\" = 1 }\n".to_owned(),
    ]
    .concat()
}

/// Runs the fuzzer, which must find nothing.
#[track_caller]
fn finds_nothing(web: &Web, what: &str, config: &str, args: &[&str]) {
    let Some(program) = fuzzer() else { return };
    let file = web.home.file("schemathesis.toml", config);
    let mut command = Command::new(program);
    command
        .current_dir(web.home.path())
        .env_clear()
        .env("HOME", web.home.path())
        .env("PATH", "/usr/bin:/bin");
    command.args(["--config-file", &file, "--no-color", "run", &format!("{}/api/v1/openapi.json", web.base)]);
    // Two at once would trip over a fault of Python 3.11 in parsing from several threads.
    command.args(["--checks", CHECKS, "--seed", SEED, "--workers", "1", "--warnings", "off"]);
    command.args(args).args(["--exclude-path-regex", ENDLESS]);
    let report = std::fs::File::create(web.home.path().join("report")).unwrap();
    let errors = report.try_clone().unwrap();
    let mut child = Ends(command.stdin(Stdio::null()).stdout(report).stderr(errors).spawn().unwrap());
    let code = child.wait_for(PATIENCE);
    let said = std::fs::read_to_string(web.home.path().join("report")).unwrap();
    assert_eq!(code, Some(0), "{what}: {said}");
    assert!(said.contains("No issues found"), "{what}: {said}");
}

#[test]
fn no_request_brings_an_answer_that_the_document_does_not_have() {
    if fuzzer().is_none() {
        return;
    }
    let setup = SimSetup::of(tiny(431));
    let company = setup.company();
    let sim = setup.start();
    let mut home = Home::synced_with(&sim);
    home.set("SIGHTLINE_SYNC__INTERVAL_MINUTES", "600");
    let web = Web::with_users(home);
    let admin = web.sign_in("admin");
    web.sync(&admin, 1);
    let body = json!({ "name": "fuzzer", "scope": "manage" });
    let made = web.send(&admin.call("POST", "/api/v1/tokens").json(&body)).is(201).json();
    let token = format!("Authorization: Bearer {}", made["secret"].as_str().unwrap());
    let known = known(&company);
    let last: Vec<_> = LAST.iter().flat_map(|name| ["--include-name", name]).collect();
    let others: Vec<_> = LAST.iter().flat_map(|name| ["--exclude-name", name]).collect();
    let run = |what: &str, config: &str, args: &[&[&str]]| finds_nothing(&web, what, config, &args.concat());
    run(
        "what is there",
        &known,
        &[&["-H", &token, "--phases", "examples,coverage,fuzzing", "-n", "15"], &others],
    );
    run("anything", "", &[&["-H", &token, "--phases", "fuzzing", "-n", "15"], &others]);
    // Whatever it did, it was known all the time, and there was something to see.
    let secret = token.rsplit(' ').next().unwrap();
    web.send(&Ask::get("/api/v1/me").token(secret)).is(200);
    web.send(&Ask::get("/api/v1/sources/1").token(secret)).is(200);
    run("nobody who is known", "", &[&["--phases", "coverage,fuzzing", "-n", "5"]]);
    run("what takes away", "", &[&["-H", &token, "--phases", "coverage,fuzzing", "-n", "15"], &last]);
    let (output, _) = web.stop();
    assert!(!output.stderr.contains("panicked"), "{output:?}");
}
