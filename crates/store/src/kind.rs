//! Kinds of records and of the entities that they describe or refer to.

use sightline_core::{EntityKind, Record};

/// Words for the kinds of records; a kind is the index into it and is part of the stored format.
const WORDS: [&str; 28] = [
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
    "trust use",
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
            Record::TrustUse(_) => 27,
        })
    }

    /// The kind with this word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        WORDS.iter().position(|known| *known == word).map(|at| Self(at as u8))
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
    pub(crate) const EDGES: Self = Self(0b1001_1111_1111_1000_0001_1110_0000);

    /// The kinds that are kept as columns, where they can be.
    pub(crate) const COLUMNS: Self = Self(0b0110_0000);

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
        Record::TrustUse(edge) => {
            [Some((EntityKind::Trust, &edge.trust)), Some((EntityKind::Account, &edge.account))]
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A record of every kind, in the order of the enumeration, and what it refers to.
    #[expect(clippy::too_many_lines, reason = "one case after the other")]
    fn records() -> Vec<(Record, Vec<&'static str>)> {
        let time = "2026-01-01T00:00:00.000Z";
        let known = json!({ "known": null });
        let count = json!({ "known": 1 });
        let case = |value, ends| (serde_json::from_value(value).unwrap(), ends);
        vec![
            case(
                json!({ "account": {
                    "id": "x", "login": "l", "status": "active", "raw_status": "ACTIVE", "name": "n", "emails": [],
                    "last_sign_in": known, "profile": {},
                } }),
                vec![],
            ),
            case(
                json!({ "group": {
                    "id": "x", "name": "n", "origin": "native", "everyone": false, "member_count": count,
                    "resource_count": count, "profile": {},
                } }),
                vec![],
            ),
            case(
                json!({ "rule": {
                    "id": "x", "name": "n", "active": true, "raw_status": "ACTIVE", "target_groups": ["g"],
                    "excluded_accounts": ["u"], "excluded_groups": [],
                } }),
                vec![],
            ),
            case(
                json!({ "resource": {
                    "id": "x", "label": "l", "status": "active", "raw_status": "ACTIVE", "features": [],
                    "implicit_assignment": { "known": false }, "service": false, "raw": {},
                } }),
                vec![],
            ),
            case(json!({ "role": { "id": "x", "label": "l", "custom": true } }), vec![]),
            case(json!({ "membership": { "group": "g", "account": "u" } }), vec!["group/g", "account/u"]),
            case(
                json!({ "assignment": {
                    "resource": "a", "principal": { "group": "g" }, "origin": "direct", "profile": {},
                } }),
                vec!["resource/a", "group/g"],
            ),
            case(
                json!({ "holding": {
                    "principal": { "resource": "a" }, "role": "r", "label": "l", "scope": { "set": "s" },
                    "inherited": false, "active": true,
                } }),
                vec!["role/r", "resource/a"],
            ),
            case(
                json!({ "usage": { "account": "u", "resource": null, "first": time, "last": time, "count": 1 } }),
                vec!["account/u"],
            ),
            case(json!({ "activity_window": { "since": time, "until": time } }), vec![]),
            case(json!({ "scope_set": { "id": "x", "label": "l" } }), vec![]),
            case(
                json!({ "credential": {
                    "id": "x", "kind": "api_token", "name": "n", "owner": "account/u", "scopes": [], "raw": {},
                } }),
                vec![],
            ),
            case(
                json!({ "policy": {
                    "id": "x", "kind": "k", "name": "n", "raw_status": "ACTIVE", "system": false, "raw": {},
                } }),
                vec![],
            ),
            case(
                json!({ "trust": { "id": "x", "kind": "k", "name": "n", "raw_status": "", "raw": {} } }),
                vec![],
            ),
            case(json!({ "device": { "id": "x", "name": "n", "raw_status": "ACTIVE", "raw": {} } }), vec![]),
            case(
                json!({ "set_member": {
                    "set": "s", "id": "m", "object": "group/g", "contents": true, "conditions": null,
                } }),
                vec!["scope_set/s"],
            ),
            case(json!({ "permission": { "role": "r", "name": "n", "conditions": null } }), vec!["role/r"]),
            case(
                json!({ "ownership": { "group": "g", "owner": { "account": "u" } } }),
                vec!["group/g", "account/u"],
            ),
            case(
                json!({ "link": { "name": "manager", "account": "u", "to": "v" } }),
                vec!["account/u", "account/v"],
            ),
            case(
                json!({ "push": {
                    "resource": "a", "id": "p", "group": "g", "target_group": "t", "raw_status": "ACTIVE",
                } }),
                vec!["resource/a", "group/g"],
            ),
            case(
                json!({ "api_grant": { "resource": "a", "scope": "s", "granted_by": "account/u" } }),
                vec!["resource/a"],
            ),
            case(
                json!({ "factor": { "account": "u", "id": "f", "kind": "push", "raw_status": "ACTIVE" } }),
                vec!["account/u"],
            ),
            case(
                json!({ "policy_rule": {
                    "policy": "p", "id": "q", "name": "n", "raw_status": "ACTIVE", "system": false, "raw": {},
                } }),
                vec!["policy/p"],
            ),
            case(json!({ "governance": { "resource": "a", "policy": "p" } }), vec!["resource/a", "policy/p"]),
            case(json!({ "device_use": { "device": "d", "account": "u" } }), vec!["device/d", "account/u"]),
            case(json!({ "setting": { "kind": "k", "id": "x", "name": "n", "raw": {} } }), vec![]),
            case(
                json!({ "change": {
                    "id": "x", "time": time, "kind": "k", "succeeded": true, "actor": null,
                    "targets": [{ "kind": "User", "id": "u" }],
                } }),
                vec![],
            ),
            case(
                json!({ "trust_use": { "trust": "t", "account": "u", "external_id": "x" } }),
                vec!["trust/t", "account/u"],
            ),
        ]
    }

    #[test]
    fn every_kind_has_the_number_of_its_variant_its_word_and_its_ends() {
        let records = records();
        assert_eq!(records.len(), WORDS.len());
        for (number, (record, expected)) in records.iter().enumerate() {
            let kind = Kind::of(record);
            assert_eq!(kind.0 as usize, number);
            assert_eq!(postcard::to_extend(record, Vec::new()).unwrap()[0], kind.0, "{record:?}");
            let name = serde_json::to_value(record).unwrap();
            let name = name.as_object().unwrap().keys().next().unwrap().replace('_', " ");
            assert_eq!(kind.word(), name);

            assert_eq!(
                record.entity().map(|(entity, _)| Kind::describing(entity)),
                kind.is_entity().then_some(kind)
            );
            let ends: Vec<String> =
                ends(record).into_iter().flatten().map(|(kind, id)| format!("{kind}/{id}")).collect();
            assert_eq!(ends, *expected, "{record:?}");
            assert_eq!(Kinds::EDGES.contains(kind), !expected.is_empty(), "{record:?}");
        }
    }

    #[test]
    fn every_kind_of_entity_has_its_own_place() {
        for (place, kind) in ENTITY_KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
        let described: Kinds = ENTITY_KINDS.map(Kind::describing).into_iter().collect();
        assert_eq!(described, Kinds::ENTITIES);
        assert_eq!(described.0.count_ones() as usize, ENTITY_KINDS.len());
    }
}
