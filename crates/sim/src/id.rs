//! Identifiers that look like Okta's: 20 characters, a three-letter type prefix, then base62.

use std::fmt;

use crate::rng::scramble;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A 20-character Okta identifier such as `00u3Zk9…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 20]);

impl Id {
    /// The identifier of object number `index` of the kind with this three-letter prefix.
    pub(crate) fn new(seed: u64, prefix: &str, index: u32) -> Self {
        let kind = prefix.bytes().fold(0, |kind, byte| (kind << 8) | u64::from(byte));
        let mut state = scramble(seed ^ scramble((kind << 32) | u64::from(index)));
        let mut bytes = [b'0'; 20];
        bytes[..3].copy_from_slice(&prefix.as_bytes()[..3]);
        for byte in &mut bytes[3..17] {
            *byte = ALPHABET[(state % 62) as usize];
            state = scramble(state);
        }
        // All objects of an organisation share their last characters.
        let mut org = scramble(seed);
        for byte in &mut bytes[17..] {
            *byte = ALPHABET[(org % 62) as usize];
            org /= 62;
        }
        Self(bytes)
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The identifier with this text, if it has the right length.
    pub fn parse(text: &str) -> Option<Self> {
        text.is_ascii().then(|| text.as_bytes().try_into().ok().map(Self)).flatten()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A number in base62, `width` digits, most significant first.
pub(crate) fn base62(mut value: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(value % 62) as usize];
        value /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// The number that [`base62`] wrote.
pub(crate) fn from_base62(text: &str) -> Option<u64> {
    text.bytes().try_fold(0_u64, |value, byte| {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        value.checked_mul(62)?.checked_add(digit as u64)
    })
}
