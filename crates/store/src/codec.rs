//! How values become bytes: small rows, and blobs that are compressed, checked and cut into pieces.
//!
//! A blob is one version byte and frames. A frame is the length of its compressed and of its plain bytes, four bytes
//! each and little-endian, then a zstd frame with a checksum. Values never straddle frames.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

use memchr::memmem::Finder;
use redb::{ReadableTable, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use crate::error::{Result, StoreError};
use crate::keys;

/// The only encoding so far.
const VERSION: u8 = 1;
/// Largest value of a row: the database rounds larger ones up to a power of two.
const PIECE_BYTES: usize = 16_000;
/// Plain bytes after which a frame is closed.
const FRAME_BYTES: usize = 256 * 1024;
/// A frame that claims to be larger is damaged; a single record is never near.
const MAX_FRAME_BYTES: usize = 1 << 30;
pub(crate) const FOR_LONG: i32 = 3;
/// What is read once and thrown away is compressed quickly.
pub(crate) const FOR_SHORT: i32 = 1;

/// Encodes a small row.
pub(crate) fn to_row<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_extend(value, vec![VERSION]).map_err(unwritable)
}

/// Decodes a small row; `what` names it in the error.
pub(crate) fn from_row<T: DeserializeOwned>(bytes: &[u8], what: impl FnOnce() -> String) -> Result<T> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| StoreError::damaged(format!("{}: {error}", what())))
        }
        _ => Err(StoreError::damaged(format!("{}: unknown encoding", what()))),
    }
}

/// Encodes a small row as JSON, for values of any shape.
pub(crate) fn to_json_row<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, value).map_err(unwritable)?;
    Ok(bytes)
}

/// Decodes a row of [`to_json_row`].
pub(crate) fn from_json_row<T: DeserializeOwned>(bytes: &[u8], what: impl FnOnce() -> String) -> Result<T> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            serde_json::from_slice(rest).map_err(|error| StoreError::damaged(format!("{}: {error}", what())))
        }
        _ => Err(StoreError::damaged(format!("{}: unknown encoding", what()))),
    }
}

fn unwritable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unwritable { what: error.to_string() }
}

/// Makes blobs, one after the other.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    plain: Vec<u8>,
    blob: Vec<u8>,
}

impl Packer {
    pub(crate) fn new(level: i32) -> Result<Self> {
        let mut compressor = Compressor::new(level).map_err(cannot_compress)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true)).map_err(cannot_compress)?;
        Ok(Self { compressor, plain: Vec::new(), blob: Vec::new() })
    }

    /// Adds a value to the blob.
    pub(crate) fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.plain = postcard::to_extend(value, std::mem::take(&mut self.plain)).map_err(unwritable)?;
        if self.plain.len() >= FRAME_BYTES {
            self.close_frame()?;
        }
        Ok(())
    }

    /// Ends the blob, empty when nothing was added, and gets ready for the next one.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>> {
        if !self.plain.is_empty() {
            self.close_frame()?;
        }
        Ok(std::mem::take(&mut self.blob))
    }

    fn close_frame(&mut self) -> Result<()> {
        let packed = self.compressor.compress(&self.plain).map_err(cannot_compress)?;
        if self.blob.is_empty() {
            self.blob.push(VERSION);
        }
        self.blob.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        self.blob.extend_from_slice(&(self.plain.len() as u32).to_le_bytes());
        self.blob.extend_from_slice(&packed);
        self.plain.clear();
        Ok(())
    }
}

fn cannot_compress(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unwritable { what: format!("compression failed: {error}") }
}

/// Opens blobs; several readers may share it.
pub(crate) struct Unpacker(RefCell<Decompressor<'static>>);

impl Unpacker {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(RefCell::new(Decompressor::new().map_err(cannot_compress)?)))
    }

    /// Whether the bytes of any of these texts are in a blob; `what` names it in errors.
    ///
    /// Texts are stored as they are, so that a blob without their bytes has no value with one of them.
    pub(crate) fn mentions(&self, blob: Vec<u8>, texts: &[Finder<'_>], what: String) -> Result<bool> {
        let mut frames: Values<'_, ()> = self.read(blob, what);
        while frames.at < frames.blob.len() {
            frames.open_frame().map_err(|error| frames.damage(&error))?;
            if texts.iter().any(|text| text.find(&frames.plain).is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the values of a blob; `what` names it in errors.
    pub(crate) fn read<T: DeserializeOwned>(&self, blob: Vec<u8>, what: String) -> Values<'_, T> {
        Values { unpacker: self, blob, at: 0, plain: Vec::new(), plain_at: 0, what, kind: PhantomData }
    }
}

/// The values of a blob, frame by frame; ends after the first error.
pub(crate) struct Values<'a, T> {
    unpacker: &'a Unpacker,
    blob: Vec<u8>,
    at: usize,
    plain: Vec<u8>,
    plain_at: usize,
    what: String,
    kind: PhantomData<T>,
}

impl<T> Values<'_, T> {
    fn open_frame(&mut self) -> std::result::Result<(), String> {
        if self.at == 0 {
            if self.blob.first() != Some(&VERSION) {
                return Err("unknown encoding".to_owned());
            }
            self.at = 1;
        }
        let length = |range: Range<usize>| {
            let bytes = self.blob.get(range).and_then(|bytes| bytes.try_into().ok());
            bytes.map(|bytes| u32::from_le_bytes(bytes) as usize).ok_or_else(|| "cut off".to_owned())
        };
        let packed_len = length(self.at..self.at + 4)?;
        let plain_len = length(self.at + 4..self.at + 8)?;
        let start = self.at + 8;
        let packed = self.blob.get(start..start + packed_len).ok_or("cut off")?;
        if plain_len > MAX_FRAME_BYTES {
            return Err("impossible length".to_owned());
        }
        self.plain.clear();
        self.plain.reserve(plain_len);
        let decompressed = self.unpacker.0.borrow_mut().decompress_to_buffer(packed, &mut self.plain);
        decompressed.map_err(|error| error.to_string())?;
        if self.plain.len() != plain_len {
            return Err("wrong length".to_owned());
        }
        self.at = start + packed_len;
        self.plain_at = 0;
        Ok(())
    }

    fn damage(&mut self, error: &str) -> StoreError {
        self.at = self.blob.len();
        self.plain_at = self.plain.len();
        StoreError::damaged(format!("{}: {error}", self.what))
    }
}

impl<T: DeserializeOwned> Iterator for Values<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.plain_at == self.plain.len() {
            if self.at >= self.blob.len() {
                return None;
            }
            if let Err(error) = self.open_frame() {
                return Some(Err(self.damage(&error)));
            }
        }
        match postcard::take_from_bytes(&self.plain[self.plain_at..]) {
            Ok((value, rest)) => {
                self.plain_at = self.plain.len() - rest.len();
                Some(Ok(value))
            }
            Err(error) => Some(Err(self.damage(&error.to_string()))),
        }
    }
}

/// Stores a blob in pieces under a key.
pub(crate) fn put_blob(table: &mut Table<'_, &[u8], &[u8]>, numbered_key: &[u8], blob: &[u8]) -> Result<()> {
    for (index, piece) in blob.chunks(PIECE_BYTES).enumerate() {
        table.insert(keys::piece(numbered_key, index as u32).as_slice(), piece)?;
    }
    Ok(())
}

/// Reads a blob back from its pieces; empty when there is none.
pub(crate) fn get_blob(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    numbered_key: &[u8],
) -> Result<Vec<u8>> {
    let (from, to) = (keys::piece(numbered_key, 0), keys::after_pieces(numbered_key));
    let mut blob = Vec::new();
    for row in table.range(from.as_slice()..to.as_slice())? {
        blob.extend_from_slice(row?.1.value());
    }
    Ok(blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob_of(values: &[(String, u64)]) -> Vec<u8> {
        let mut packer = Packer::new(FOR_LONG).unwrap();
        for value in values {
            packer.push(value).unwrap();
        }
        packer.finish().unwrap()
    }

    fn read(blob: Vec<u8>) -> Result<Vec<(String, u64)>> {
        Unpacker::new()?.read(blob, "test".to_owned()).collect()
    }

    #[test]
    fn blobs_of_any_size_are_read_back() {
        for count in [0_u64, 1, 10, 100_000] {
            let values: Vec<_> = (0..count).map(|n| (format!("value {n}"), n * n)).collect();
            assert_eq!(read(blob_of(&values)).unwrap(), values);
        }
    }

    #[test]
    fn a_text_is_found_in_any_frame_and_only_where_it_is() {
        let values: Vec<_> = (0..100_000_u64).map(|n| (format!("value {n}."), n)).collect();
        let blob = blob_of(&values);
        let mentions = |texts: &[&str]| {
            let texts: Vec<Finder<'_>> = texts.iter().map(|text| Finder::new(*text)).collect();
            Unpacker::new().unwrap().mentions(blob.clone(), &texts, "test".to_owned()).unwrap()
        };
        for n in [0, 1, 50_000, 99_999] {
            assert!(mentions(&["other", &format!("value {n}.")]), "{n}");
        }
        assert!(!mentions(&["value 100000.", "other"]));
        assert!(!mentions(&[]));
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_noticed() {
        let values: Vec<_> = (0..300_u64).map(|n| (format!("value {n}"), n * 7919)).collect();
        let blob = blob_of(&values);
        let mut unnoticed = 0;
        for at in 0..blob.len() {
            let mut damaged = blob.clone();
            damaged[at] ^= 0x10;
            match read(damaged) {
                // Some bits have no meaning; what is read is right all the same.
                Ok(read) => {
                    assert_eq!(read, values, "byte {at}");
                    unnoticed += 1;
                }
                Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "byte {at}: {error:?}"),
            }
            if at > 0 {
                assert!(matches!(read(blob[..at].to_vec()), Err(StoreError::Damaged { .. })), "cut at {at}");
            }
        }
        assert!(unnoticed < blob.len() / 50, "{unnoticed} damaged bytes were not noticed");
    }
}
