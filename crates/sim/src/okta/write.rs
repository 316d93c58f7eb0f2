//! Writing JSON straight into a buffer: pages are large and many, and trees of values would cost more than they do.

use crate::{clock, id::Id};

/// A buffer that grows by JSON fragments. Keys and the text given to `raw` are written as they are.
pub(super) struct Json(pub(super) Vec<u8>);

impl Json {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn id(&mut self, id: Id) -> &mut Self {
        self.raw(id.as_str())
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut left = number;
        loop {
            start -= 1;
            digits[start] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.bytes(&digits[start..])
    }

    pub(super) fn flag(&mut self, flag: bool) -> &mut Self {
        self.raw(if flag { "true" } else { "false" })
    }

    /// The inside of a string, escaped, without the quotes around it.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let mut done = 0;
        for (position, byte) in text.bytes().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\t' => "\\t",
                0..0x20 => "\\ufffd",
                _ => continue,
            };
            self.raw(&text[done..position]).raw(escape);
            done = position + 1;
        }
        self.raw(&text[done..])
    }

    /// A string with its quotes.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        self.raw("\"").text(text).raw("\"")
    }

    /// A string, or null.
    pub(super) fn string_or_null(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.string(text),
            None => self.raw("null"),
        }
    }

    /// A time with its quotes.
    pub(super) fn time(&mut self, time: i64) -> &mut Self {
        self.0.push(b'"');
        clock::write_stamp(&mut self.0, time);
        self.0.push(b'"');
        self
    }

    /// A time without milliseconds, with its quotes.
    pub(super) fn short_time(&mut self, time: i64) -> &mut Self {
        self.0.push(b'"');
        clock::write_stamp_without_millis(&mut self.0, time);
        self.0.push(b'"');
        self
    }

    /// A time with its quotes, or null.
    pub(super) fn time_or_null(&mut self, time: Option<i64>) -> &mut Self {
        match time {
            Some(time) => self.time(time),
            None => self.raw("null"),
        }
    }

    /// An array of what `each` writes for every item.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.raw("[");
        for (position, item) in items.into_iter().enumerate() {
            if position > 0 {
                self.raw(",");
            }
            each(self, item);
        }
        self.raw("]")
    }
}

/// Many rendered objects in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Slab {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Slab {
    /// Renders `count` objects of roughly `size` bytes.
    pub(super) fn render(count: usize, size: usize, mut each: impl FnMut(&mut Json, u32)) -> Self {
        let mut json = Json::with_capacity(count * size);
        let mut ends = Vec::with_capacity(count);
        for index in 0..count as u32 {
            each(&mut json, index);
            ends.push(json.0.len());
        }
        Self { bytes: json.0, ends }
    }

    pub(super) fn get(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}
