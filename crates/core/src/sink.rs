//! How a snapshot is handed over without making a record of every edge.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::{AssignmentOrigin, Fact, RawJson, SnapshotNumber, Time};

/// Takes the facts of a snapshot in.
///
/// First come all facts that are not in blocks, then the names, then the blocks; each of the three in the order of the
/// scopes.
pub trait FactSink {
    /// A fact that is in no block.
    fn fact(&mut self, fact: Fact);
    /// What the numbers in the blocks that follow stand for.
    fn names(&mut self, names: Names);
    /// Members of one group.
    fn members(&mut self, members: MemberBlock<'_>);
    /// Assignments of accounts to one resource.
    fn assignments(&mut self, assignments: AssignmentBlock<'_>);
}

/// Which syncs saw a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sighting {
    /// The sync that first saw it, without an interruption since.
    pub first_seen: SnapshotNumber,
    /// The sync that last saw it.
    pub last_seen: SnapshotNumber,
}

/// Members of one group; the slices that belong to edges are equally long, and every account is there once, by number.
#[derive(Debug, Clone, Copy)]
pub struct MemberBlock<'a> {
    /// Index of the scope that they were read in.
    pub scope: u32,
    /// The group's id.
    pub group: &'a str,
    /// The accounts, by the numbers of their names, ascending.
    pub accounts: &'a [u32],
    /// For each of them the index of what is in `sightings`.
    pub seen: &'a [u32],
    /// Every combination once.
    pub sightings: &'a [Sighting],
}

/// Assignments of accounts to one resource; the slices that belong to edges are equally long, and every account is there
/// once, by number.
#[derive(Debug, Clone, Copy)]
pub struct AssignmentBlock<'a> {
    /// Index of the scope that they were read in.
    pub scope: u32,
    /// The resource's id.
    pub resource: &'a str,
    /// The accounts, by the numbers of their names, ascending.
    pub accounts: &'a [u32],
    /// For each of them the index of what is in `sightings`.
    pub seen: &'a [u32],
    /// Every combination once.
    pub sightings: &'a [Sighting],
    /// For each of them the index of what is in `terms`.
    pub agreed: &'a [u32],
    /// What many of them have in common; their profiles are left out, because they differ for everybody.
    pub terms: &'a [AssignmentTerms],
    /// When each was made.
    pub since: &'a [Option<Time>],
}

/// What many assignments to one resource have in common: the fields of [`crate::Assignment`] of the same names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct AssignmentTerms {
    /// How the account came to it.
    pub origin: AssignmentOrigin,
    /// Status in the provider's word, where it has one.
    pub raw_status: Option<String>,
    /// Whether the resource has the account as the provider has it, in the provider's word.
    pub sync_state: Option<String>,
    /// Rank among several groups: the lowest decides.
    pub priority: Option<i64>,
    /// What the resource is told about the account.
    pub profile: RawJson,
}

/// Texts by number, in one piece of memory.
#[derive(Debug, Clone, Default)]
pub struct Names {
    text: String,
    /// Where each one ends.
    ends: Vec<usize>,
    /// The first so many, by their texts; the others were pushed.
    indexed: usize,
    numbers: HashTable<Numbered>,
    hasher: DefaultHashBuilder,
}

/// The number of a text, with as much of the text's hash as tells it from nearly all others without looking at them.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    tag: u32,
    number: u32,
}

impl Names {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text with this number; empty where there is none.
    pub fn get(&self, number: u32) -> &str {
        text_at(&self.text, &self.ends, number)
    }

    /// All texts, by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len() as u32).map(|number| self.get(number))
    }

    /// Adds a text that is known not to be there, without making it one that is found quickly: for those who only want to
    /// know what a number stands for, which is many times as fast. [`Self::index`] makes up for it.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Makes the texts that were pushed ones that are found quickly; false where one of them was there already.
    pub fn index(&mut self) -> bool {
        let pushed = self.pushed();
        let tags: Vec<u32> = pushed.clone().map(|number| self.tag(self.get(number))).collect();
        let Self { text, ends, indexed, numbers, hasher: _ } = self;
        *indexed = ends.len();
        numbers.reserve(tags.len(), |one| spread(one.tag));
        let mut are_new = true;
        for (number, tag) in pushed.zip(tags) {
            let is_it = |one: &Numbered| {
                one.tag == tag && text_at(text, ends, one.number) == text_at(text, ends, number)
            };
            match numbers.entry(spread(tag), is_it, |one| spread(one.tag)) {
                hashbrown::hash_table::Entry::Occupied(_) => are_new = false,
                hashbrown::hash_table::Entry::Vacant(entry) => {
                    entry.insert(Numbered { tag, number });
                }
            }
        }
        are_new
    }

    /// The numbers of those that were pushed.
    fn pushed(&self) -> Range<u32> {
        self.indexed as u32..self.ends.len() as u32
    }

    /// The number of a text, if it has one.
    pub fn find(&self, text: &str) -> Option<u32> {
        let tag = self.tag(text);
        let is_it = |one: &Numbered| one.tag == tag && self.get(one.number) == text;
        let found = self.numbers.find(spread(tag), is_it).map(|one| one.number);
        found.or_else(|| self.pushed().find(|&number| self.get(number) == text))
    }

    /// Makes the texts that were pushed ones that are found quickly; of two that are the same the first one is found.
    fn index_pushed(&mut self) {
        if !self.pushed().is_empty() {
            self.index();
        }
    }

    /// The number of a text, which gets one if it has none.
    pub fn intern(&mut self, text: &str) -> u32 {
        self.index_pushed();
        let tag = self.tag(text);
        self.intern_tagged(text, tag)
    }

    /// The numbers of texts; those that have none get one, in their order.
    ///
    /// Looking a text up waits for memory at every turn. Here each turn is made for all texts before the next one, so that
    /// they wait together: several times as fast as one after the other.
    pub fn intern_all(&mut self, texts: &[&str]) -> Vec<u32> {
        self.index_pushed();
        let tags: Vec<u32> = texts.iter().map(|text| self.tag(text)).collect();
        let likely = |&tag: &u32| self.numbers.find(spread(tag), |one| one.tag == tag);
        let likely: Vec<Option<u32>> = tags.iter().map(|tag| likely(tag).map(|one| one.number)).collect();
        let places: Vec<Range<usize>> =
            likely.iter().map(|number| number.map_or(0..0, |number| place(&self.ends, number))).collect();
        let is_it =
            |(text, place): (&&str, Range<usize>)| self.text.as_bytes().get(place) == Some(text.as_bytes());
        let known: Vec<bool> = texts.iter().zip(places).map(is_it).collect();
        let mut numbers = Vec::with_capacity(texts.len());
        for (((text, tag), likely), known) in texts.iter().zip(tags).zip(likely).zip(known) {
            numbers.push(match likely {
                Some(number) if known => number,
                _ => self.intern_tagged(text, tag),
            });
        }
        numbers
    }

    fn tag(&self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        (hash ^ hash >> 32) as u32
    }

    fn intern_tagged(&mut self, text: &str, tag: u32) -> u32 {
        let Self { text: all, ends, indexed, numbers, hasher: _ } = self;
        let is_it = |one: &Numbered| one.tag == tag && text_at(all, ends, one.number) == text;
        match numbers.entry(spread(tag), is_it, |one| spread(one.tag)) {
            hashbrown::hash_table::Entry::Occupied(entry) => entry.get().number,
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let number = ends.len() as u32;
                entry.insert(Numbered { tag, number });
                all.push_str(text);
                ends.push(all.len());
                *indexed = ends.len();
                number
            }
        }
    }
}

/// Makes a tag a hash: the table looks at its first and its last bits.
const fn spread(tag: u32) -> u64 {
    (tag as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn place(ends: &[usize], number: u32) -> Range<usize> {
    let at = number as usize;
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    start..ends.get(at).copied().unwrap_or(start)
}

fn text_at<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    text.get(place(ends, number)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_one_number() {
        let mut names = Names::default();
        for (round, new) in [(0, true), (1, false)] {
            for n in 0..1000_u32 {
                let text = if n == 7 { String::new() } else { format!("name {n}") };
                assert_eq!(names.find(&text).is_none(), new, "round {round}");
                assert_eq!(names.intern(&text), n);
                assert_eq!((names.find(&text), names.get(n)), (Some(n), text.as_str()));
            }
        }
        assert_eq!(names.len(), 1000);
        assert_eq!(names.iter().nth(999), Some("name 999"));
        assert_eq!(names.get(1000), "");
    }

    #[test]
    fn what_is_pushed_is_found_and_one_that_is_there_twice_is_noticed() {
        let mut names = Names::default();
        names.intern("first");
        for n in 0..100 {
            names.push(&format!("name {n}"));
        }
        let found = |names: &Names| (0..100).all(|n| names.find(&format!("name {n}")) == Some(n + 1));
        assert!(found(&names) && names.find("another").is_none());
        assert!(names.clone().index());
        assert_eq!(names.intern("name 99"), 100);
        assert_eq!(names.intern("another"), 101);
        assert!(found(&names));
        names.push("name 7");
        assert!(!names.index());
    }

    #[test]
    fn many_texts_get_the_numbers_that_they_get_one_after_the_other() {
        let texts: Vec<String> =
            (0..20_000_u32).map(|n| format!("{}", n * n % 7001)).chain([String::new()]).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (mut together, mut alone) = (Names::default(), Names::default());
        for some in texts.chunks(999) {
            let expected: Vec<u32> = some.iter().map(|text| alone.intern(text)).collect();
            assert_eq!(together.intern_all(some), expected);
        }
        assert_eq!(together.intern_all(&texts), alone.intern_all(&texts));
        assert!(together.iter().eq(alone.iter()));
    }
}
