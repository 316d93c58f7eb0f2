//! Kinds of records and of the entities that they describe or refer to.

use sightline_core::{EntityKind, Record};

/// Words for the kinds of records; a kind is the index into it and is part of the stored format.
const WORDS: [&str; 27] = [
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
    "scope set",
    "credential",
    "policy",
    "trust",
    "device",
    "set member",
    "permission",
    "ownership",
    "link",
    "push",
    "api grant",
    "factor",
    "policy rule",
    "governance",
    "device use",
    "setting",
    "change",
];

/// Every kind of entity, in the order of the enumeration.
pub(crate) const ENTITY_KINDS: [EntityKind; 10] = [
    EntityKind::Account,
    EntityKind::Group,
    EntityKind::Rule,
    EntityKind::Resource,
    EntityKind::Role,
    EntityKind::ScopeSet,
    EntityKind::Credential,
    EntityKind::Policy,
    EntityKind::Trust,
    EntityKind::Device,
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
            Record::ScopeSet(_) => 10,
            Record::Credential(_) => 11,
            Record::Policy(_) => 12,
            Record::Trust(_) => 13,
            Record::Device(_) => 14,
            Record::SetMember(_) => 15,
            Record::Permission(_) => 16,
            Record::Ownership(_) => 17,
            Record::Link(_) => 18,
            Record::Push(_) => 19,
            Record::ApiGrant(_) => 20,
            Record::Factor(_) => 21,
            Record::PolicyRule(_) => 22,
            Record::Governance(_) => 23,
            Record::DeviceUse(_) => 24,
            Record::Setting(_) => 25,
            Record::Change(_) => 26,
        })
    }

    pub(crate) const fn describing(entity: EntityKind) -> Self {
        Self(match entity {
            EntityKind::Account => 0,
            EntityKind::Group => 1,
            EntityKind::Rule => 2,
            EntityKind::Resource => 3,
            EntityKind::Role => 4,
            EntityKind::ScopeSet => 10,
            EntityKind::Credential => 11,
            EntityKind::Policy => 12,
            EntityKind::Trust => 13,
            EntityKind::Device => 14,
        })
    }

    /// Whether records of this kind describe entities.
    pub(crate) const fn is_entity(self) -> bool {
        Kinds::ENTITIES.contains(self)
    }

    /// The bit that stands for it in a set; a number that no version knows has none.
    const fn bit(self) -> u64 {
        if self.0 < 64 { 1 << self.0 } else { 0 }
    }

    pub(crate) fn word(self) -> &'static str {
        WORDS.get(self.0 as usize).copied().unwrap_or("unknown")
    }
}

/// A set of kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u64);

impl Kinds {
    /// The kinds that describe entities.
    pub(crate) const ENTITIES: Self = Self(0b0111_1100_0001_1111);
    /// The kinds that refer to entities.
    pub(crate) const EDGES: Self = Self(0b1_1111_1111_1000_0001_1110_0000);

    pub(crate) fn insert(&mut self, kind: Kind) {
        self.0 |= kind.bit();
    }

    pub(crate) const fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
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
        // What a set holds may be named in words that only the provider understands.
        Record::SetMember(member) => [Some((EntityKind::ScopeSet, &member.set)), None],
        Record::Permission(permission) => [Some((EntityKind::Role, &permission.role)), None],
        Record::Ownership(edge) => {
            [Some((EntityKind::Group, &edge.group)), Some((edge.owner.kind(), edge.owner.id()))]
        }
        Record::Link(link) => {
            [Some((EntityKind::Account, &link.account)), Some((EntityKind::Account, &link.to))]
        }
        // The group at the other end of the copy belongs to another system.
        Record::Push(push) => {
            [Some((EntityKind::Resource, &push.resource)), Some((EntityKind::Group, &push.group))]
        }
        Record::ApiGrant(grant) => [Some((EntityKind::Resource, &grant.resource)), None],
        Record::Factor(factor) => [Some((EntityKind::Account, &factor.account)), None],
        Record::PolicyRule(rule) => [Some((EntityKind::Policy, &rule.policy)), None],
        Record::Governance(edge) => {
            [Some((EntityKind::Resource, &edge.resource)), Some((EntityKind::Policy, &edge.policy))]
        }
        Record::DeviceUse(edge) => {
            [Some((EntityKind::Device, &edge.device)), Some((EntityKind::Account, &edge.account))]
        }
        Record::Account(_)
        | Record::Group(_)
        | Record::Rule(_)
        | Record::Resource(_)
        | Record::Role(_)
        | Record::ActivityWindow(_)
        | Record::ScopeSet(_)
        | Record::Credential(_)
        | Record::Policy(_)
        | Record::Trust(_)
        | Record::Device(_)
        | Record::Setting(_)
        | Record::Change(_) => [None, None],
    }
}
