//! Pages, cursors and links.

use std::{ops::Range, sync::Arc};

use url::form_urlencoded;

use super::{
    answer::{Call, Problem},
    filter::{Filter, Value},
    routes::Api,
};
use crate::{
    id::{base62, from_base62},
    rng::scramble_text,
};

/// How many objects a page of a list may have.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) fewest: usize,
    pub(super) default: usize,
    pub(super) most: usize,
}

impl Sizes {
    pub(super) const fn new(default: usize, most: usize) -> Self {
        Self { fewest: 1, default, most }
    }

    pub(super) fn of(self, call: &Call) -> Result<usize, Problem> {
        let limit = match call.get("limit") {
            // -1 is documented as "as many as you give by default".
            None | Some("-1") => self.default,
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| Problem::invalid_parameter("limit", "not a number of objects"))?,
        };
        Ok(limit.clamp(self.fewest, self.most))
    }
}

/// One page of a list.
pub(super) struct Page {
    /// The positions in the list that are on this page.
    pub(super) range: Range<usize>,
    pub(super) limit: usize,
    /// The cursor of the next page.
    pub(super) next: Option<String>,
}

/// The page of a list of `total` objects that a call asks for. `name` tells lists apart: a cursor of another list is
/// refused.
pub(super) fn page(call: &Call, name: &str, total: usize, sizes: Sizes) -> Result<Page, Problem> {
    let limit = sizes.of(call)?;
    let start = match call.get("after") {
        Some(cursor) => {
            position(name, cursor).filter(|&start| start <= total).ok_or_else(Problem::invalid_cursor)?
        }
        None => 0,
    };
    let end = (start + limit).min(total);
    let next = if call.repeat_cursor { start } else { end };
    Ok(Page {
        range: if call.empty_page { start..start } else { start..end },
        limit,
        next: (end < total || call.repeat_cursor).then(|| cursor(name, next)),
    })
}

impl Page {
    /// Some lists find out only afterwards that a full page was the last one: its next page is empty.
    pub(super) fn unaware_of_its_end(mut self, name: &str) -> Self {
        if self.next.is_none() && self.range.len() == self.limit {
            self.next = Some(cursor(name, self.range.end));
        }
        self
    }

    /// The `Link` header lines of this page. Parameters in `dropped` are missing in the link to the next page.
    pub(super) fn links(&self, api: &Api, call: &Call, dropped: &[&str]) -> Vec<String> {
        let mut links = vec![format!("<{}>; rel=\"self\"", self.address(api, call, call.get("after"), &[]))];
        if let Some(next) = &self.next {
            links.push(format!("<{}>; rel=\"next\"", self.address(api, call, Some(next), dropped)));
        }
        links
    }

    /// This list's address with another cursor; parameters come in alphabetical order.
    pub(super) fn address(&self, api: &Api, call: &Call, after: Option<&str>, dropped: &[&str]) -> String {
        let mut parameters: Vec<(&str, &str)> = call
            .query
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .filter(|(key, _)| !["after", "limit"].contains(key) && !dropped.contains(key))
            .collect();
        let limit = self.limit.to_string();
        parameters.push(("limit", &limit));
        parameters.extend(after.map(|after| ("after", after)));
        parameters.sort_by_key(|&(key, _)| key);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{}{}?{query}", api.origin, call.path)
    }
}

impl Api {
    /// Those of `all` that pass a filter; remembered, because every page asks again.
    pub(super) fn filtered<'a>(
        &self,
        name: &str,
        filter: &str,
        attributes: &[&str],
        all: &[u32],
        value: impl Fn(u32, &str) -> Value<'a>,
    ) -> Result<Arc<[u32]>, Problem> {
        let key = format!("{name} {filter}");
        if let Some(found) = self.remembered(&key) {
            return Ok(found);
        }
        let filter = Filter::parse(filter, attributes).ok_or_else(|| Problem::invalid_search(filter))?;
        let passing: Arc<[u32]> = all
            .iter()
            .copied()
            .filter(|&index| filter.accepts(&|attribute: &str| value(index, attribute)))
            .collect();
        self.remember(key, &passing);
        Ok(passing)
    }
}

/// An odd number, so that multiplication by it can be undone.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
/// Its inverse modulo 2^64.
const INVERSE: u64 = 0xF1DE_83E1_9937_733D;

/// The opaque text for a position in a list.
pub(super) fn cursor(name: &str, position: usize) -> String {
    let plain = (scramble_text(name) << 32) | (position as u64 & 0xFFFF_FFFF);
    format!("{}{}", base62(plain.wrapping_mul(FACTOR), 11), padding(name))
}

/// The position that a cursor of this list stands for.
pub(super) fn position(name: &str, cursor: &str) -> Option<usize> {
    let plain = from_base62(cursor.strip_suffix(padding(name))?)?.wrapping_mul(INVERSE);
    (plain >> 32 == scramble_text(name) & 0xFFFF_FFFF).then_some((plain & 0xFFFF_FFFF) as usize)
}

/// Some lists have cursors that must be percent-encoded in an address.
fn padding(name: &str) -> &'static str {
    if name.starts_with("groups") { "==" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_belong_to_one_list() {
        for place in [0, 1, 200, 4_000_000_000] {
            let text = cursor("groups", place);
            assert_eq!(position("groups", &text), Some(place));
            assert_eq!(position("users", &text), None);
        }
        assert_eq!(position("users", "00u1testcursorvalue"), None);
    }
}
