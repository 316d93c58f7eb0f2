use std::collections::BTreeMap;

use sightline_core::{AssignmentBlock, Fact, FactSink, MemberBlock, Names, Principal};

use super::*;

const SMALL: Size = Size { people: 3_000, groups: 200, memberships: 60_000, apps: 40, assignments: 24_000 };
const STATES: u32 = 6;

/// Every fact of a state, by key.
fn facts(organisation: &Organisation, state: u32) -> BTreeMap<String, Record> {
    let mut facts = BTreeMap::new();
    for page in organisation.full(state) {
        for record in page.records {
            let twice = facts.insert(record.key(), record);
            assert_eq!(twice, None, "in state {state}");
        }
    }
    facts
}

fn count(facts: &BTreeMap<String, Record>, kind: &str) -> u32 {
    facts.keys().filter(|key| key.starts_with(kind)).count() as u32
}

#[test]
fn there_are_as_many_as_asked_for_and_ends_are_there() {
    let facts = facts(&Organisation::new(SMALL, 0), 0);
    for (kind, expected) in [
        ("account/", SMALL.people),
        ("group/", SMALL.groups),
        ("resource/", SMALL.apps),
        ("membership/", SMALL.memberships),
        ("assignment/", SMALL.assignments + SMALL.apps * 20),
        ("holding/", 2),
    ] {
        assert_eq!(count(&facts, kind), expected, "{kind}");
    }
    assert!((1_500..3_500).contains(&count(&facts, "usage/")));
    let mut through = 0;
    for record in facts.values() {
        let there = |key: String| assert!(facts.contains_key(&key), "{key}");
        match record {
            Record::Membership(edge) => {
                there(format!("group/{}", edge.group));
                there(format!("account/{}", edge.account));
            }
            Record::Assignment(edge) => {
                there(format!("resource/{}", edge.resource));
                there(edge.principal.to_string());
                if let sightline_core::AssignmentOrigin::Group(Some(group)) = &edge.origin {
                    through += 1;
                    there(format!("membership/{group}/{}", edge.principal.id()));
                    there(format!("assignment/{}/{}", edge.resource, Principal::Group(group.clone())));
                }
            }
            _ => {}
        }
    }
    assert!(through > SMALL.assignments / 3, "{through} come through a group");
}

#[test]
fn states_differ_by_one_percent_and_incremental_pages_lead_from_one_to_the_next() {
    let organisation = Organisation::new(SMALL, STATES);
    let mut before = facts(&organisation, 0);
    for state in 1..=STATES {
        let after = facts(&organisation, state);
        let Changes { people, added, removed, altered, scopes } = organisation.changes(state);
        let is_edge = |key: &str| key.starts_with("membership/") || key.starts_with("assignment/");
        // What the log says is read once.
        before.retain(|key, _| !key.starts_with("usage/") && key != "activity_window");
        let new = after.keys().filter(|key| !before.contains_key(*key));
        let gone = before.keys().filter(|key| !after.contains_key(*key));
        let other = after.iter().filter(|(key, record)| before.get(*key).is_some_and(|old| old != *record));
        let (other_edges, other_things): (Vec<_>, Vec<_>) = other.partition(|(key, _)| is_edge(key));
        assert!(new.clone().all(|key| is_edge(key)) && gone.clone().all(|key| is_edge(key)));
        assert_eq!((new.count() as u64, gone.count() as u64), (added, removed));
        assert_eq!((other_edges.len() as u64, other_things.len() as u64), (altered, people));
        assert!(other_things.iter().all(|(key, _)| key.starts_with("account/")));
        assert!((15..45).contains(&people), "{people} people of {}", SMALL.people);
        let edges = u64::from(SMALL.memberships + SMALL.assignments);
        let changed = removed + altered;
        assert!((edges / 130..edges / 80).contains(&changed), "{changed} of {edges} edges");

        let mut read = BTreeMap::new();
        for page in organisation.incremental(state) {
            let is_part = page.coverage == Coverage::Part;
            assert_eq!(is_part, page.scope == Scope::listing("users"));
            let records: &mut Vec<Record> = read.entry(page.scope).or_default();
            records.extend(page.records);
        }
        assert_eq!(read.len() as u64, scopes + 1);
        let mut led = before;
        for (scope, records) in read {
            if let Some(parent) = &scope.parent {
                let prefix = match scope.dataset.as_str() {
                    "group_members" => format!("membership/{parent}/"),
                    _ => format!("assignment/{parent}/account/"),
                };
                led.retain(|key, _| !key.starts_with(&prefix));
            }
            led.extend(records.into_iter().map(|record| (record.key(), record)));
        }
        assert_eq!(led, after, "state {state}");
        before = after;
    }
}

#[test]
fn only_the_last_page_of_a_scope_says_so() {
    let mut open: Option<Scope> = None;
    for page in Organisation::new(SMALL, 0).full(0) {
        assert!(open.is_none_or(|open| open == page.scope), "scopes are not mixed");
        open = (!page.is_last).then_some(page.scope);
    }
    assert_eq!(open, None);
}

#[test]
fn people_are_as_large_as_real_ones_and_sizes_are_skewed() {
    let organisation = Organisation::new(Size::LARGE, 0);
    let bytes = (0..1_000).map(|at| postcard::to_allocvec(&organisation.person(at, 0)).unwrap().len());
    let mean = bytes.sum::<usize>() / 1_000;
    assert!((260..340).contains(&mean), "{mean} bytes");
    let sizes: Vec<u32> = (0..5_000).map(|at| organisation.edges.group_size(at)).collect();
    assert_eq!(sizes.iter().sum::<u32>(), 3_000_000);
    assert!(sizes[0] > 60_000 && sizes[0] <= 80_000 && sizes[2_500] < 300, "{} {}", sizes[0], sizes[2_500]);
}

/// Collects what is handed over as records again.
#[derive(Default)]
struct Collected {
    facts: BTreeMap<String, (Record, u64)>,
    names: Names,
    by_scope: BTreeMap<u32, u64>,
}

impl FactSink for Collected {
    fn fact(&mut self, fact: Fact) {
        *self.by_scope.entry(fact.scope).or_default() += 1;
        self.facts.insert(fact.record.key(), (fact.record, fact.first_seen));
    }

    fn names(&mut self, names: Names) {
        self.names = names;
    }

    fn members(&mut self, members: MemberBlock<'_>) {
        *self.by_scope.entry(members.scope).or_default() += members.accounts.len() as u64;
        assert!(members.accounts.is_sorted());
        for (account, seen) in members.accounts.iter().zip(members.seen) {
            let (group, account) = (members.group.to_owned(), self.names.get(*account).to_owned());
            let record = Record::Membership(sightline_core::Membership { group, account });
            self.facts.insert(record.key(), (record, members.sightings[*seen as usize].first_seen));
        }
    }

    fn assignments(&mut self, users: AssignmentBlock<'_>) {
        *self.by_scope.entry(users.scope).or_default() += users.accounts.len() as u64;
        assert!(users.accounts.is_sorted());
        for (at, account) in users.accounts.iter().enumerate() {
            let terms = users.terms[users.agreed[at] as usize].clone();
            let record = Record::Assignment(sightline_core::Assignment {
                resource: users.resource.to_owned(),
                principal: Principal::Account(self.names.get(*account).to_owned()),
                origin: terms.origin,
                raw_status: terms.raw_status,
                user_name: None,
                external_id: None,
                sync_state: terms.sync_state,
                priority: terms.priority,
                since: users.since[at],
                last_updated: None,
                profile: terms.profile,
            });
            let first_seen = users.sightings[users.seen[at] as usize].first_seen;
            self.facts.insert(record.key(), (record, first_seen));
        }
    }
}

#[test]
fn blocks_hold_the_same_as_pages() {
    let organisation = Organisation::new(SMALL, STATES);
    let mut collected = Collected::default();
    organisation.feed(STATES, &mut collected);
    let mut expected = facts(&organisation, STATES);
    let activity = facts(&organisation, 0).into_iter();
    expected.extend(activity.filter(|(key, _)| key.starts_with("usage/") || key == "activity_window"));
    assert_eq!(collected.facts.len(), expected.len());
    let before = facts(&organisation, STATES - 1);
    for (key, (record, first_seen)) in &collected.facts {
        let mut record_of_page = expected.remove(key).unwrap_or_else(|| panic!("{key}"));
        if let Record::Assignment(edge) = &mut record_of_page
            && matches!(edge.principal, Principal::Account(_))
        {
            // Blocks have no room for these.
            (edge.user_name, edge.external_id, edge.last_updated) = (None, None, None);
        }
        assert_eq!(record, &record_of_page);
        let is_new = *first_seen == u64::from(STATES) + 1;
        let is_of_log = matches!(record, Record::Usage(_) | Record::ActivityWindow(_));
        assert_eq!(is_new, !is_of_log && !before.contains_key(key), "{key}");
    }
    let scopes = organisation.scopes(STATES);
    assert!(scopes.is_sorted_by_key(|state| state.scope.clone()));
    let told: BTreeMap<u32, u64> = scopes.iter().zip(0..).map(|(state, at)| (at, state.facts)).collect();
    assert_eq!(told, collected.by_scope);
}
