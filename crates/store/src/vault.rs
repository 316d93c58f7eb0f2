//! Credentials at rest: encrypted, each bound to its data source and field.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use redb::{ReadableTableMetadata, Table, WriteTransaction};
use sightline_core::Secret;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Result, StoreError};
use crate::keys;
use crate::open::{Store, private_file};
use crate::tables::{CREDENTIALS, META, META_KEY_CHECK};

/// The only way of encrypting so far.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
/// What is encrypted to recognise the key.
const KEY_CHECK: &[u8] = b"sightline";
const KEY_CHECK_CONTEXT: &[u8] = b"key check";

/// The key that credentials are encrypted with: 32 bytes, never printed, wiped from memory when dropped.
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Reads a key as people keep it: 64 hex digits, or base64 of either alphabet.
    pub fn from_env(text: &str) -> Result<Self> {
        let text = text.trim();
        let bytes = if text.len() == 64 { from_hex(text) } else { from_base64(text) };
        let bytes = bytes.ok_or(StoreError::KeyInvalid { reason: "neither hex nor base64" })?;
        let bytes: &[u8; 32] =
            bytes.as_slice().try_into().map_err(|_| StoreError::KeyInvalid { reason: "not 32 bytes" })?;
        Ok(Self(Zeroizing::new(*bytes)))
    }

    fn random() -> Result<Self> {
        let mut key = Self(Zeroizing::new([0; 32]));
        getrandom::fill(key.0.as_mut_slice()).map_err(|_| StoreError::NoRandom)?;
        Ok(key)
    }

    fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(65));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 0xF] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        text
    }
}

/// What opens the credentials of a store.
pub struct Vault(XChaCha20Poly1305);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    fn new(key: &Key) -> Self {
        Self(XChaCha20Poly1305::new((&*key.0).into()))
    }

    fn encrypt(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::NoRandom)?;
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: context })
            .map_err(|_| StoreError::Unwritable { what: "a credential is too long".to_owned() })?;
        let mut row = vec![VERSION];
        row.extend_from_slice(&nonce);
        row.extend_from_slice(&sealed);
        Ok(row)
    }

    /// The plain bytes; none when they were encrypted with another key, for another place, or are damaged.
    fn decrypt(&self, row: &[u8], context: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let rest = row.strip_prefix(&[VERSION])?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let plain = self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: context }).ok()?;
        Some(Zeroizing::new(plain))
    }
}

impl Store {
    /// Opens the credentials: with the key that is given, otherwise with the key file `vault.key` in the data directory.
    ///
    /// A writer makes the key file for a store that never held a credential. A key file that others can read is
    /// refused, and so is a key that is not the one of this store.
    pub fn unlock(&self, key: Option<Key>) -> Result<Vault> {
        let check = self.key_check()?;
        let key = match key {
            Some(key) => key,
            None => self.key_from_file(check.is_some())?,
        };
        let vault = Vault::new(&key);
        match check {
            Some(check) => match vault.decrypt(&check, KEY_CHECK_CONTEXT) {
                Some(plain) if plain.as_slice() == KEY_CHECK => {}
                _ => return Err(StoreError::WrongKey),
            },
            None if self.can_write() => {
                let check = vault.encrypt(KEY_CHECK, KEY_CHECK_CONTEXT)?;
                self.write(|txn| {
                    txn.open_table(META)?.insert(META_KEY_CHECK, check.as_slice())?;
                    Ok(())
                })?;
            }
            None => {}
        }
        Ok(vault)
    }

    /// The credential of a data source, field by field.
    pub fn credential(&self, vault: &Vault, source_id: u64) -> Result<BTreeMap<String, Secret>> {
        let txn = self.begin_read()?;
        let table = txn.open_table(CREDENTIALS)?;
        let (from, to) = (keys::source(source_id), keys::after_source(source_id));
        let mut fields = BTreeMap::new();
        for row in table.range(from.as_slice()..to.as_slice())? {
            let (key, value) = row?;
            let field = keys::name_of(key.value()).unwrap_or_default().to_owned();
            let damaged =
                || StoreError::damaged(format!("the credential field {field:?} of data source {source_id}"));
            let plain = vault.decrypt(value.value(), &context(source_id, &field)).ok_or_else(damaged)?;
            let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
            fields.insert(field.clone(), Secret::new(text));
        }
        Ok(fields)
    }

    /// Replaces the credential of a data source.
    pub fn set_credential(
        &self,
        vault: &Vault,
        source_id: u64,
        credential: &BTreeMap<String, Secret>,
    ) -> Result<()> {
        self.write(|txn| {
            crate::source::require(txn, source_id)?;
            put_credential(txn, vault, source_id, credential)
        })
    }

    fn key_check(&self) -> Result<Option<Vec<u8>>> {
        let txn = self.begin_read()?;
        let check = txn.open_table(META)?.get(META_KEY_CHECK)?.map(|row| row.value().to_vec());
        if check.is_none() && txn.open_table(CREDENTIALS)?.len()? > 0 {
            return Err(StoreError::damaged("the key check is missing"));
        }
        Ok(check)
    }

    fn key_from_file(&self, in_use: bool) -> Result<Key> {
        let path = self.dir().join("vault.key");
        match fs::metadata(&path) {
            Ok(metadata) => {
                check_private(&path, &metadata)?;
                let text = fs::read_to_string(&path).map(Zeroizing::new);
                Key::from_env(&text.map_err(StoreError::io("read", &path))?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A new key would never open what is there already.
                if in_use || !self.can_write() {
                    return Err(StoreError::KeyMissing { path });
                }
                let key = Key::random()?;
                write_key(&path, &key).map_err(StoreError::io("write", &path))?;
                tracing::info!(path = %path.display(), "made a new key file");
                Ok(key)
            }
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }
}

/// Writes the fields of a credential in the place of those that are there.
pub(crate) fn put_credential(
    txn: &WriteTransaction,
    vault: &Vault,
    source_id: u64,
    credential: &BTreeMap<String, Secret>,
) -> Result<()> {
    let mut table = txn.open_table(CREDENTIALS)?;
    remove_credential(&mut table, source_id)?;
    for (field, secret) in credential {
        let row = vault.encrypt(secret.expose().as_bytes(), &context(source_id, field))?;
        table.insert(keys::named(source_id, field).as_slice(), row.as_slice())?;
    }
    Ok(())
}

fn remove_credential(table: &mut Table<'_, &[u8], &[u8]>, source_id: u64) -> Result<()> {
    let (from, to) = (keys::source(source_id), keys::after_source(source_id));
    table.retain_in::<&[u8], _>(from.as_slice()..to.as_slice(), |_, _| false)?;
    Ok(())
}

/// What a ciphertext is bound to, so that it cannot be moved to another place.
fn context(source_id: u64, field: &str) -> Vec<u8> {
    let mut context = b"credential".to_vec();
    context.extend_from_slice(&keys::named(source_id, field));
    context
}

/// Makes the key file under another name first: a crash leaves none rather than half of one.
fn write_key(path: &Path, key: &Key) -> io::Result<()> {
    let mut text = key.to_hex();
    text.push('\n');
    let draft = path.with_extension("key.new");
    let mut file = private_file().create(true).truncate(true).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if let Some(dir) = path.parent() {
        fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn check_private(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 != 0 {
        return Err(StoreError::KeyExposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_path: &Path, _metadata: &fs::Metadata) -> Result<()> {
    Ok(())
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks(2) {
        let [high, low] = pair else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 3 / 4));
    let mut bits: u32 = 0;
    let mut count = 0;
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bits.zeroize();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_every_usual_form() {
        let mut bytes = [0_u8; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = (index * 37 + 250) as u8;
        }
        for text in [
            "fa1f44698eb3d8fd22476c91b6db00254a6f94b9de03284d7297bce1062b5075",
            "FA1F44698EB3D8FD22476C91B6DB00254A6F94B9DE03284D7297BCE1062B5075\n",
            "+h9EaY6z2P0iR2yRttsAJUpvlLneAyhNcpe84QYrUHU=",
            "+h9EaY6z2P0iR2yRttsAJUpvlLneAyhNcpe84QYrUHU",
            "-h9EaY6z2P0iR2yRttsAJUpvlLneAyhNcpe84QYrUHU",
        ] {
            assert_eq!(*Key::from_env(text).unwrap().0, bytes, "{text}");
        }
        for text in
            ["", "secret", "00", &"0".repeat(63), &"g".repeat(64), "+h9EaY6z2P0iR2yRttsAJUpvlLneAyhNcpe84QYr"]
        {
            let error = Key::from_env(text).unwrap_err();
            assert!(matches!(error, StoreError::KeyInvalid { .. }), "{text}");
            assert!(text.is_empty() || !error.to_string().contains(text), "the text is not repeated");
        }
    }

    #[test]
    fn a_ciphertext_opens_only_in_its_place_and_only_whole() {
        let vault = Vault::new(&Key::random().unwrap());
        let row = vault.encrypt(b"00abc", &context(1, "token")).unwrap();
        assert_eq!(vault.decrypt(&row, &context(1, "token")).unwrap().as_slice(), b"00abc");
        assert!(vault.decrypt(&row, &context(2, "token")).is_none());
        assert!(vault.decrypt(&row, &context(1, "key")).is_none());
        assert!(Vault::new(&Key::random().unwrap()).decrypt(&row, &context(1, "token")).is_none());
        for at in 0..row.len() {
            let mut damaged = row.clone();
            damaged[at] ^= 1;
            assert!(vault.decrypt(&damaged, &context(1, "token")).is_none(), "byte {at}");
        }
        assert_ne!(
            row,
            vault.encrypt(b"00abc", &context(1, "token")).unwrap(),
            "a nonce is never used again"
        );
    }
}
