//! The token is in no output, in no file in plain, and on the wire only where it belongs.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::{Home, SimSetup, TOKEN_VAR, tiny};

/// Every file under a directory.
fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn the_token_is_nowhere_in_plain() {
    let sim = SimSetup::of(tiny(81)).start();
    let mut home = Home::new();
    // From here on every output is searched for it.
    home.keep_secret(&sim.token);
    home.set(TOKEN_VAR, &sim.token);
    let trace = |args: &[&str]| home.run(&[args, &["--log", "trace"]].concat());
    let mut said = String::new();
    let url = sim.url.as_str();
    for args in [
        &["source", "add", "okta", "--domain", url, "--token-env", TOKEN_VAR, "--allow-loopback-http"][..],
        &["source", "list", "--json"],
        &["source", "show", "Okta", "--json"],
        &["sync", "--plan"],
        &["sync", "--json"],
        &["export"],
        &["source", "list"],
    ] {
        said.push_str(&trace(args).ok().stderr);
    }
    assert!(said.contains("TRACE") || said.contains("DEBUG"), "nothing was logged: {said}");
    assert!(!said.to_ascii_lowercase().contains("ssws"), "the log shows how calls are signed");

    let mut found = Vec::new();
    files(home.path(), &mut found);
    assert!(found.iter().any(|file| file.ends_with("sightline.redb")), "{found:?}");
    let mut hex = String::new();
    for byte in sim.token.bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    for file in found {
        let bytes = fs::read(&file).unwrap();
        for form in [sim.token.as_str(), &hex, &sim.token[2..30]] {
            assert!(!holds(&bytes, form.as_bytes()), "{} holds the token", file.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;
    let sim = SimSetup::of(tiny(82)).start();
    let home = Home::synced_with(&sim);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.data()), 0o700);
    for file in ["sightline.redb", "vault.key"] {
        assert_eq!(mode(&home.data().join(file)), 0o600, "{file}");
    }
}

/// A server that keeps what it is asked and answers that the page is elsewhere.
fn listens(location: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = heads.clone();
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: {location}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 8192];
            let read = stream.read(&mut request).unwrap_or(0);
            kept.lock().unwrap().push(String::from_utf8_lossy(&request[..read]).into_owned());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, heads)
}

#[test]
fn a_redirect_does_not_carry_the_token_away() {
    let (elsewhere, carried_away) = listens("http://127.0.0.1:1/");
    let (url, calls) = listens(&elsewhere);
    let mut home = Home::new();
    home.keep_secret("00secretSecretSecretSecretSecretSecret0000");
    home.set(TOKEN_VAR, "00secretSecretSecretSecretSecretSecret0000");
    let add = ["source", "add", "okta", "--domain", &url, "--token-env", TOKEN_VAR, "--allow-loopback-http"];
    assert_ne!(home.run(&add).code, 0);
    assert!(!calls.lock().unwrap().is_empty(), "nobody asked");
    assert_eq!(*carried_away.lock().unwrap(), Vec::<String>::new(), "the redirect was followed");
    // Who it is, is asked before the token is shown.
    assert!(!calls.lock().unwrap()[0].contains("secretSecret"), "the first call is signed");
}
