//! How values become bytes: small rows, and blobs that are compressed, checked and cut into pieces.
//!
//! A blob is one version byte and frames. A frame is the length of its compressed and of its plain bytes, four bytes
//! each and little-endian, then a zstd frame with a checksum. What is put in at once never straddles frames.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use redb::{ReadableTable, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use crate::bytes::CUT_OFF;
use crate::error::{Result, StoreError};
use crate::keys;

/// The only encoding so far.
pub(crate) const VERSION: u8 = 1;
/// Largest value of a row: the database rounds larger ones up to a power of two.
pub(crate) const PIECE_BYTES: usize = 16_000;
/// The lengths that a frame begins with.
pub(crate) const FRAME_HEAD: usize = 8;
/// The checksum of what is in it, that a frame ends with.
pub(crate) const CHECKSUM_BYTES: usize = 4;
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
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        write(&mut self.plain);
        if self.plain.len() >= FRAME_BYTES {
            self.close_frame()?;
        }
        Ok(())
    }

    /// Ends the blob, empty when nothing was added, and gets ready for the next one.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>> {
        self.close_frame()?;
        let mut blob = std::mem::take(&mut self.blob);
        // It had room for frames that cannot be compressed at all: many blobs are kept until they are written.
        blob.shrink_to_fit();
        Ok(blob)
    }

    /// Closes the frame, so that what follows is in another one.
    pub(crate) fn close_frame(&mut self) -> Result<()> {
        if self.plain.is_empty() {
            return Ok(());
        }
        // Room for the worst case: a buffer that is too small makes the library use a slower way.
        let room = zstd::zstd_safe::compress_bound(self.plain.len());
        if self.blob.is_empty() {
            self.blob.push(VERSION);
        }
        let lengths = self.blob.len();
        self.blob.extend_from_slice(&[0; 8]);
        let start = self.blob.len();
        self.blob.resize(start + room, 0);
        let packed = self
            .compressor
            .compress_to_buffer(&self.plain, &mut self.blob[start..])
            .map_err(cannot_compress)?;
        self.blob.truncate(start + packed);
        self.blob[lengths..lengths + 4].copy_from_slice(&(packed as u32).to_le_bytes());
        self.blob[lengths + 4..start].copy_from_slice(&(self.plain.len() as u32).to_le_bytes());
        // What one long value needed is not kept for all the short ones.
        self.plain.clear();
        self.plain.shrink_to(2 * FRAME_BYTES);
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

    /// Opens the frames of a blob, one after the other.
    pub(crate) const fn frames(&self, blob: Vec<u8>) -> Frames<'_> {
        Frames { unpacker: Some(self), blob, at: 0, plain: Vec::new() }
    }
}

/// The frames of a blob.
pub(crate) struct Frames<'a> {
    /// None when what is there needs no unpacking.
    unpacker: Option<&'a Unpacker>,
    blob: Vec<u8>,
    at: usize,
    plain: Vec<u8>,
}

impl Frames<'_> {
    /// One frame that is there as it is.
    pub(crate) const fn plain(plain: Vec<u8>) -> Self {
        Self { unpacker: None, blob: plain, at: 0, plain: Vec::new() }
    }

    /// What is in the frame that was opened last.
    pub(crate) fn get(&self) -> &[u8] {
        &self.plain
    }

    /// Opens the next frame; false when there is none.
    pub(crate) fn open(&mut self) -> Result<bool> {
        if self.at >= self.blob.len() {
            return Ok(false);
        }
        let Some(unpacker) = self.unpacker else {
            self.plain = std::mem::take(&mut self.blob);
            return Ok(true);
        };
        if self.at == 0 {
            if self.blob.first() != Some(&VERSION) {
                return Err("unknown encoding".into());
            }
            self.at = 1;
        }
        let length = |range: Range<usize>| {
            let bytes = self.blob.get(range).and_then(|bytes| bytes.try_into().ok());
            bytes.map(|bytes| u32::from_le_bytes(bytes) as usize).ok_or(CUT_OFF)
        };
        let packed_len = length(self.at..self.at + 4)?;
        let plain_len = length(self.at + 4..self.at + 8)?;
        let start = self.at + 8;
        let packed = self.blob.get(start..start + packed_len).ok_or(CUT_OFF)?;
        if plain_len > MAX_FRAME_BYTES {
            return Err("impossible length".into());
        }
        self.plain.clear();
        self.plain.reserve(plain_len);
        let decompressed = unpacker.0.borrow_mut().decompress_to_buffer(packed, &mut self.plain);
        decompressed.map_err(|error| StoreError::damaged(error.to_string()))?;
        if self.plain.len() != plain_len {
            return Err("wrong length".into());
        }
        self.at = start + packed_len;
        Ok(true)
    }
}

/// Stores a blob in pieces under a key.
pub(crate) fn put_blob(table: &mut Table<'_, &[u8], &[u8]>, numbered_key: &[u8], blob: &[u8]) -> Result<()> {
    for (index, piece) in blob.chunks(PIECE_BYTES).enumerate() {
        table.insert(keys::piece(numbered_key, index as u32).as_slice(), piece)?;
    }
    Ok(())
}

/// Reads back the blobs of a scope with these numbers, in their order.
pub(crate) fn get_blobs(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    scope_key: &[u8],
    numbers: RangeInclusive<u64>,
) -> Result<Vec<(u64, Vec<u8>)>> {
    let from = keys::piece(&keys::numbered(scope_key, *numbers.start()), 0);
    let to = keys::after_pieces(&keys::numbered(scope_key, *numbers.end()));
    let mut blobs: Vec<(u64, Vec<u8>)> = Vec::new();
    for row in table.range(from.as_slice()..to.as_slice())? {
        let (key, piece) = row?;
        let number = keys::number_at(key.value(), scope_key.len())
            .ok_or_else(|| StoreError::damaged("the number of a piece"))?;
        match blobs.last_mut() {
            Some((last, blob)) if *last == number => blob.extend_from_slice(piece.value()),
            _ => blobs.push((number, piece.value().to_vec())),
        }
    }
    Ok(blobs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{Reader, put_bytes, put_number};

    fn blob_of(values: &[(String, u64)]) -> Vec<u8> {
        let mut packer = Packer::new(FOR_LONG).unwrap();
        for (text, number) in values {
            packer
                .push(|bytes| {
                    put_bytes(bytes, text.as_bytes());
                    put_number(bytes, *number);
                })
                .unwrap();
        }
        packer.finish().unwrap()
    }

    fn read(blob: Vec<u8>) -> Result<Vec<(String, u64)>> {
        let unpacker = Unpacker::new().unwrap();
        let mut frames = unpacker.frames(blob);
        let mut values = Vec::new();
        while frames.open()? {
            let mut reader = Reader::new(frames.get(), 0);
            while !reader.is_at_end() {
                let text = String::from_utf8(reader.bytes()?.to_vec()).unwrap();
                values.push((text, reader.number()?));
            }
        }
        Ok(values)
    }

    #[test]
    fn blobs_of_any_size_are_read_back() {
        for count in [0_u64, 1, 10, 100_000] {
            let values: Vec<_> = (0..count).map(|n| (format!("value {n}"), n * n)).collect();
            assert_eq!(read(blob_of(&values)).unwrap(), values);
        }
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
                assert!(read(blob[..at].to_vec()).is_err(), "cut at {at}");
            }
        }
        assert!(unnoticed < blob.len() / 50, "{unnoticed} damaged bytes were not noticed");
    }
}
