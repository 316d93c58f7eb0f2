//! Credentials and their key.

use std::collections::BTreeMap;
use std::fs;

use sightline_core::Secret;
use sightline_store::{Key, OpenMode, Store, StoreError};
use tempfile::TempDir;

use crate::made::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[test]
fn a_credential_is_read_back_and_is_not_in_the_file() {
    let made = made();
    let vault = made.store.unlock(None).unwrap();
    let fields = BTreeMap::from([
        ("token".to_owned(), Secret::new("00VERY-secret-token")),
        ("key".to_owned(), Secret::new("-----BEGIN PRIVATE KEY----- é")),
    ]);
    made.store.set_credential(&vault, made.source, &fields).unwrap();
    let made = made.reopened();
    let vault = made.store.unlock(None).unwrap();
    let read = made.store.credential(&vault, made.source).unwrap();
    assert_eq!(read.len(), 2);
    for (field, secret) in &fields {
        assert_eq!(read[field].expose(), secret.expose());
    }
    let bytes = fs::read(made.dir.path().join("sightline.redb")).unwrap();
    for text in ["00VERY", "BEGIN PRIVATE", "00secret"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
    assert_eq!(format!("{vault:?}"), "Vault(…)");
    assert!(matches!(made.store.set_credential(&vault, 99, &fields), Err(StoreError::NoSuchSource { .. })));
}

#[test]
fn a_wrong_key_opens_nothing_and_harms_nothing() {
    let Made { dir, store, source } = made();
    sync(&store, source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
    let error = store.unlock(Some(Key::from_env(KEY).unwrap())).unwrap_err();
    assert!(matches!(error, StoreError::WrongKey), "{error:?}");
    assert_eq!(error.to_string(), "the key does not open this store");
    assert_eq!(store.snapshot(source, 1).unwrap().facts.len(), 1);
    let vault = store.unlock(None).unwrap();
    assert_eq!(store.credential(&vault, source).unwrap()["token"].expose(), "00secret");
    // The file's key, given by hand, is the right one.
    let text = fs::read_to_string(dir.path().join("vault.key")).unwrap();
    store.unlock(Some(Key::from_env(&text).unwrap())).unwrap();
}

#[test]
fn a_key_that_is_given_needs_no_file() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), OpenMode::Write).unwrap();
    let vault = store.unlock(Some(Key::from_env(KEY).unwrap())).unwrap();
    let source = store.add_source(&vault, new_source("acme"), &credential("00secret")).unwrap();
    assert!(!dir.path().join("vault.key").exists());
    assert!(matches!(store.unlock(None), Err(StoreError::KeyMissing { .. })));
    let reader = Store::open(dir.path(), OpenMode::Read).unwrap();
    let vault = reader.unlock(Some(Key::from_env(KEY).unwrap())).unwrap();
    assert_eq!(reader.credential(&vault, source.id).unwrap()["token"].expose(), "00secret");
}

#[test]
fn a_missing_key_file_is_never_replaced() {
    let Made { dir, store, .. } = made();
    let file = dir.path().join("vault.key");
    fs::rename(&file, dir.path().join("elsewhere")).unwrap();
    let error = store.unlock(None).unwrap_err();
    assert!(matches!(error, StoreError::KeyMissing { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("backup"));
    assert!(!file.exists());
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let Made { dir, store, .. } = made();
    let file = dir.path().join("vault.key");
    for mode in [0o644, 0o640, 0o604, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = store.unlock(None).unwrap_err();
        assert!(matches!(error, StoreError::KeyExposed { mode: found, .. } if found == mode), "{error:?}");
        assert_eq!(error.hint().unwrap(), format!("chmod 600 {}", file.display()));
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        store.unlock(None).unwrap();
    }
}

#[test]
fn a_damaged_key_file_is_said_without_its_content() {
    let Made { dir, store, .. } = made();
    let file = dir.path().join("vault.key");
    for text in ["", "not a key at all!", "00ff"] {
        fs::write(&file, text).unwrap();
        let error = store.unlock(None).unwrap_err();
        assert!(matches!(error, StoreError::KeyInvalid { .. }), "{error:?}");
    }
}
