//! From flags to what a data source is read with.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};
use sightline_core::Secret;

use crate::cli::CredentialFlags;
use crate::failure::Failure;

/// Settings that belong to a key and not to a token.
const CLIENT_ID: &str = "client_id";
const KEY_ID: &str = "key_id";
const SCOPES: &str = "scopes";

/// Puts what the flags say about the credential into the settings, in the place of what stands there; gives the credential.
///
/// A key without a client id is for the application that the settings name already.
pub(crate) fn take(
    flags: &CredentialFlags,
    settings: &mut Map<String, Value>,
) -> Result<BTreeMap<String, Secret>, Failure> {
    let from = &flags.secret;
    let is_key = from.key_env.is_some() || from.key_file.is_some() || from.key_stdin;
    let names_client = flags.client_id.is_some() || flags.key_id.is_some() || !flags.scopes.is_empty();
    if !is_key {
        if names_client {
            return Err(Failure::usage("--client-id, --key-id and --scope go with a key, not with a token")
                .hint(
                    "for an OAuth service application give its key by --key-file, --key-env or --key-stdin",
                ));
        }
        for name in [CLIENT_ID, KEY_ID, SCOPES] {
            settings.remove(name);
        }
        let secret = read("token", from.token_env.as_deref(), from.token_file.as_deref())?;
        return Ok(BTreeMap::from([("token".to_owned(), secret)]));
    }
    match flags.client_id.as_deref().map(str::trim) {
        Some("") => return Err(Failure::usage("--client-id is empty")),
        Some(id) => {
            if settings.insert(CLIENT_ID.to_owned(), id.into()).is_some_and(|old| old != id) {
                // They were for the other application.
                settings.remove(SCOPES);
            }
        }
        None if settings.contains_key(CLIENT_ID) => {}
        None => {
            return Err(Failure::usage("a key needs the client id of its application")
                .hint("add --client-id with the id of the OAuth service application"));
        }
    }
    // A key id is that of one key: another key has another, or none that must be named.
    settings.remove(KEY_ID);
    if let Some(id) = &flags.key_id {
        settings.insert(KEY_ID.to_owned(), id.trim().into());
    }
    if !flags.scopes.is_empty() {
        settings.insert(SCOPES.to_owned(), flags.scopes.clone().into());
    }
    let secret = read("private key", from.key_env.as_deref(), from.key_file.as_deref())?;
    Ok(BTreeMap::from([("private_key".to_owned(), secret)]))
}

/// Reads a secret from a variable or a file; from standard input where neither is named.
pub(crate) fn read(what: &str, variable: Option<&str>, file: Option<&Path>) -> Result<Secret, Failure> {
    const MAX_BYTES: u64 = 64 * 1024;
    if let Some(name) = variable {
        return match std::env::var(name) {
            Ok(text) => Ok(Secret::new(text)),
            Err(_) => Err(Failure::usage(format!("the environment variable {name} is not set"))
                .hint(format!("set it to the {what}: export {name}=…"))),
        };
    }
    // Room for all of it from the start: a text that grows leaves copies of itself behind.
    let mut text = String::with_capacity(MAX_BYTES as usize);
    if let Some(file) = file {
        let failed = |error: std::io::Error| {
            Failure::usage(format!("cannot read the {what} from {}: {error}", file.display()))
        };
        std::fs::File::open(file)
            .map_err(failed)?
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(failed)?;
    } else {
        std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text)?;
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::cli::{Cli, Command, Source};

    /// The flags of a command line, with `KEY` for a file that holds a key.
    fn flags(args: &[&str]) -> CredentialFlags {
        let start = ["sightline", "source", "rotate", "Okta"];
        let cli = Cli::try_parse_from(start.iter().chain(args)).unwrap();
        let Command::Source(Source::Rotate { credential, .. }) = cli.command else { panic!("no rotation") };
        credential
    }

    fn taken(args: &[&str], settings: Value) -> Result<(Vec<String>, Value), String> {
        let Value::Object(mut fields) = settings else { panic!("no settings") };
        let credential = take(&flags(args), &mut fields).map_err(|failure| format!("{failure:?}"))?;
        Ok((credential.into_keys().collect(), Value::Object(fields)))
    }

    // Any variable that is always there and holds no secret.
    const THERE: &str = "CARGO_PKG_NAME";

    #[test]
    fn a_token_leaves_nothing_of_a_key_behind() {
        let before = json!({"domain": "d", "client_id": "0oa", "key_id": "k", "scopes": ["s"]});
        let (names, after) = taken(&["--token-env", THERE], before).unwrap();
        assert_eq!((names, after), (vec!["token".to_owned()], json!({"domain": "d"})));
        for mixed in [["--client-id", "0oa"], ["--key-id", "k"], ["--scope", "okta.users.read"]] {
            let args = [&["--token-env", THERE][..], &mixed].concat();
            assert!(taken(&args, json!({})).unwrap_err().contains("not with a token"), "{mixed:?}");
        }
    }

    #[test]
    fn a_key_is_for_the_application_that_is_named_or_was() {
        let key = ["--key-env", THERE];
        assert!(taken(&key, json!({"domain": "d"})).unwrap_err().contains("client id"));
        assert!(taken(&[&key[..], &["--client-id", " "]].concat(), json!({})).unwrap_err().contains("empty"));
        let client =
            [&key[..], &["--client-id", "0oa1", "--key-id", "k2", "--scope", "a", "--scope", "b"]].concat();
        let (names, after) = taken(&client, json!({"domain": "d"})).unwrap();
        assert_eq!(names, ["private_key"]);
        assert_eq!(after, json!({"domain": "d", "client_id": "0oa1", "key_id": "k2", "scopes": ["a", "b"]}));
        // Another key of the same application keeps what it asks for; its id does not.
        let (_, again) = taken(&key, after.clone()).unwrap();
        assert_eq!(again, json!({"domain": "d", "client_id": "0oa1", "scopes": ["a", "b"]}));
        let (_, other) = taken(&[&key[..], &["--client-id", "0oa2"]].concat(), after).unwrap();
        assert_eq!(other, json!({"domain": "d", "client_id": "0oa2"}));
    }

    #[test]
    fn exactly_one_place_of_a_secret_is_named() {
        for wrong in [
            &[][..],
            &["--token-env", "A", "--key-env", "B", "--client-id", "0oa"],
            &["--key-env", "A", "--key-stdin"],
            &["--client-id", "0oa"],
        ] {
            let args = ["sightline", "source", "rotate", "Okta"].iter().chain(wrong);
            assert!(Cli::try_parse_from(args).is_err(), "{wrong:?}");
        }
    }
}
