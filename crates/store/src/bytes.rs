//! Numbers and texts as bytes: what blocks and rows are made of.
//!
//! Numbers are written seven bits a byte, the low ones first; signed ones with the sign in the lowest bit.

/// Why bytes cannot be read back.
pub(crate) type Malformed = &'static str;

pub(crate) const CUT_OFF: Malformed = "cut off";

pub(crate) fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

pub(crate) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put_number(bytes, from_signed(number));
}

pub(crate) fn put_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    put_number(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// Small numbers of either sign become small numbers.
pub(crate) const fn from_signed(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

pub(crate) const fn to_signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Reads what was put, in the same order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where it stands.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.at).ok_or(CUT_OFF)?;
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number without an end")
    }

    pub(crate) fn small(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.number()?).map_err(|_| "a number that is too large")
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        self.number().map(to_signed)
    }

    /// How many of something follow, of which each takes a byte at least unless there is room for none at all.
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.number()? as usize;
        if count > self.bytes.len() { Err("an impossible count") } else { Ok(count) }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(len).ok_or(CUT_OFF)?;
        let taken = self.bytes.get(self.at..end).ok_or(CUT_OFF)?;
        self.at = end;
        Ok(taken)
    }

    /// Bytes that their length precedes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.number()? as usize;
        self.take(len)
    }

    /// A value of a type that describes itself.
    pub(crate) fn value<T: serde::Deserialize<'a>>(&mut self) -> Result<T, Malformed> {
        let rest = self.bytes.get(self.at..).ok_or(CUT_OFF)?;
        let (value, rest) = postcard::take_from_bytes(rest).map_err(|_| "an unknown value")?;
        self.at = self.bytes.len() - rest.len();
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_is_read(numbers in proptest::collection::vec(any::<i64>(), 0..20), text in ".{0,300}") {
            let mut bytes = Vec::new();
            for &number in &numbers {
                put_signed(&mut bytes, number);
                put_number(&mut bytes, number as u64);
            }
            put_bytes(&mut bytes, text.as_bytes());
            let mut reader = Reader::new(&bytes, 0);
            for &number in &numbers {
                prop_assert_eq!(reader.signed(), Ok(number));
                prop_assert_eq!(reader.number(), Ok(number as u64));
            }
            prop_assert_eq!(reader.bytes(), Ok(text.as_bytes()));
            prop_assert!(reader.is_at_end());
            prop_assert_eq!(reader.byte(), Err(CUT_OFF));
        }

        #[test]
        fn nonsense_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes, 0);
            while !reader.is_at_end() {
                if reader.bytes().is_err() {
                    break;
                }
            }
        }
    }
}
