//! Kinds of records and of the entities that they describe or refer to.

use sightline_core::{EntityKind, Record};

/// Words for the kinds of records; a kind is the index into it and is part of the stored format.
const WORDS: [&str; 10] = [
    "account",
    "group",
    "rule",
    "resource",
    "role",
    "membership",
    "assignment",
    "holding",
    "usage",
    "activity window",
];

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind(pub(crate) u8);

impl Kind {
    pub(crate) const fn of(record: &Record) -> Self {
        Self(match record {
            Record::Account(_) => 0,
            Record::Group(_) => 1,
            Record::Rule(_) => 2,
            Record::Resource(_) => 3,
            Record::Role(_) => 4,
            Record::Membership(_) => 5,
            Record::Assignment(_) => 6,
            Record::Holding(_) => 7,
            Record::Usage(_) => 8,
            Record::ActivityWindow(_) => 9,
        })
    }

    pub(crate) const fn describing(entity: EntityKind) -> Self {
        Self(match entity {
            EntityKind::Account => 0,
            EntityKind::Group => 1,
            EntityKind::Rule => 2,
            EntityKind::Resource => 3,
            EntityKind::Role => 4,
        })
    }

    pub(crate) fn word(self) -> &'static str {
        WORDS.get(self.0 as usize).copied().unwrap_or("unknown")
    }
}

/// A set of kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u16);

impl Kinds {
    /// The kinds that describe entities.
    pub(crate) const ENTITIES: Self = Self(0b1_1111);
    /// The kinds that refer to entities.
    pub(crate) const EDGES: Self = Self(0b1_1110_0000);

    pub(crate) fn insert(&mut self, kind: Kind) {
        self.0 |= 1 << kind.0;
    }

    pub(crate) const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind.0) != 0
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        let mut set = Self::default();
        for kind in kinds {
            set.insert(kind);
        }
        set
    }
}

/// The entities that a relation refers to; none for other records.
pub(crate) fn ends(record: &Record) -> [Option<(EntityKind, &str)>; 2] {
    match record {
        Record::Membership(edge) => {
            [Some((EntityKind::Group, &edge.group)), Some((EntityKind::Account, &edge.account))]
        }
        Record::Assignment(edge) => {
            [Some((EntityKind::Resource, &edge.resource)), Some((edge.principal.kind(), edge.principal.id()))]
        }
        Record::Holding(edge) => {
            [Some((EntityKind::Role, &edge.role)), Some((edge.principal.kind(), edge.principal.id()))]
        }
        Record::Usage(usage) => [
            Some((EntityKind::Account, &usage.account)),
            usage.resource.as_deref().map(|resource| (EntityKind::Resource, resource)),
        ],
        _ => [None, None],
    }
}
