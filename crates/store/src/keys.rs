//! Row keys: byte strings whose order is the order of what they name.
//!
//! A scope is written as its dataset and its parent, each ended by a zero byte; zero bytes inside are followed by
//! `0xFF`. What follows a scope is a big-endian number below 2^56, so that no scope's rows lie between another's.

use sightline_core::Scope;

/// First key after every row of a scope.
const AFTER_SCOPE: u8 = 0xFE;

/// The key that all rows of a data source begin with.
pub(crate) fn source(id: u64) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

/// The first key after all rows of a data source.
pub(crate) fn after_source(id: u64) -> Vec<u8> {
    source(id + 1)
}

/// The key of something named by a text within a data source.
pub(crate) fn named(source_id: u64, name: &str) -> Vec<u8> {
    let mut key = source(source_id);
    key.extend_from_slice(name.as_bytes());
    key
}

/// The text that a key of [`named`] ends with.
pub(crate) fn name_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(8..)?).ok()
}

/// The key that all rows of a scope begin with.
pub(crate) fn scope(source_id: u64, scope: &Scope) -> Vec<u8> {
    let mut key = source(source_id);
    push_text(&mut key, &scope.dataset);
    match &scope.parent {
        None => key.push(0),
        Some(parent) => {
            key.push(1);
            push_text(&mut key, parent);
        }
    }
    key
}

/// The first key after all rows of a scope.
pub(crate) fn after_scope(scope_key: &[u8]) -> Vec<u8> {
    with_byte(scope_key, AFTER_SCOPE)
}

/// The key of a numbered row of a scope.
pub(crate) fn numbered(scope_key: &[u8], number: u64) -> Vec<u8> {
    let mut key = scope_key.to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The key of a piece of a numbered row.
pub(crate) fn piece(numbered_key: &[u8], piece: u32) -> Vec<u8> {
    let mut key = numbered_key.to_vec();
    key.extend_from_slice(&piece.to_be_bytes());
    key
}

/// The first key after all pieces of a numbered row.
pub(crate) fn after_pieces(numbered_key: &[u8]) -> Vec<u8> {
    piece(numbered_key, u32::MAX)
}

/// The scope that a key names, and the length of the part of the key that names it.
pub(crate) fn parse_scope(key: &[u8]) -> Option<(Scope, usize)> {
    let (dataset, at) = parse_text(key, 8)?;
    match key.get(at)? {
        0 => Some((Scope { dataset, parent: None }, at + 1)),
        1 => {
            let (parent, end) = parse_text(key, at + 1)?;
            Some((Scope { dataset, parent: Some(parent) }, end))
        }
        _ => None,
    }
}

/// The number that follows the first `len` bytes of a key.
pub(crate) fn number_at(key: &[u8], len: usize) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(len..len + 8)?.try_into().ok()?))
}

fn with_byte(key: &[u8], byte: u8) -> Vec<u8> {
    let mut key = key.to_vec();
    key.push(byte);
    key
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(0xFF);
        }
    }
    key.push(0);
}

fn parse_text(key: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut text = Vec::new();
    loop {
        let byte = *key.get(at)?;
        at += 1;
        if byte != 0 {
            text.push(byte);
        } else if key.get(at) == Some(&0xFF) {
            text.push(0);
            at += 1;
        } else {
            return Some((String::from_utf8(text).ok()?, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_scope() -> impl Strategy<Value = Scope> {
        let text = "[\\x00\\x01a-c\u{ff}]{0,4}";
        (text, proptest::option::of(text)).prop_map(|(dataset, parent)| Scope { dataset, parent })
    }

    proptest! {
        #[test]
        fn keys_sort_as_scopes_and_numbers_do(
            a in any_scope(), b in any_scope(), m in 0_u64..3, n in 0_u64..3
        ) {
            let (first, second) = (numbered(&scope(7, &a), m), numbered(&scope(7, &b), n));
            prop_assert_eq!(first.cmp(&second), (&a, m).cmp(&(&b, n)));
        }

        #[test]
        fn keys_are_read_back(scope_in in any_scope(), number in 0_u64..1000) {
            let key = numbered(&scope(7, &scope_in), number);
            let (scope_out, len) = parse_scope(&key).unwrap();
            prop_assert_eq!(scope_out, scope_in);
            prop_assert_eq!(number_at(&key, len), Some(number));
        }

        #[test]
        fn a_scope_holds_only_its_own_rows(a in any_scope(), b in any_scope(), number in 0_u64..1000) {
            let key = scope(7, &a);
            let row = numbered(&scope(7, &b), number);
            let inside = row >= key && row < after_scope(&key);
            prop_assert_eq!(inside, a == b);
        }
    }
}
