//! One fact among very many.

use std::collections::BTreeMap;

use sightline_core::{Fact, Record};

use crate::made::{account, listing, made, part, sync, whole};

/// So many that their rows fill dozens of frames.
const MANY: usize = 40_000;

fn id(number: usize) -> String {
    format!("u{:05}", number * 7)
}

fn named(number: usize, name: &str) -> Record {
    account(&id(number), &format!("{name} {}", number * 7919))
}

#[test]
fn every_fact_is_found_wherever_it_lies_and_nothing_between() {
    let made = made();
    let users = listing("users");
    let all = (0..MANY).map(|number| named(number, "Ada")).collect();
    sync(&made.store, made.source, vec![whole(users.clone(), all)]);
    let changed = (0..MANY).step_by(97).map(|number| named(number, "Bea")).collect();
    sync(&made.store, made.source, vec![part(users.clone(), changed)]);
    let left = (0..MANY).filter(|number| number % 1009 != 5).map(|number| named(number, "Ada")).collect();
    sync(&made.store, made.source, vec![whole(users.clone(), left)]);
    for number in 1..=3 {
        let snapshot = made.store.snapshot(made.source, number).unwrap();
        let facts: BTreeMap<String, &Fact> =
            snapshot.facts.iter().map(|fact| (fact.record.key(), fact)).collect();
        let mut found = 0;
        let mut numbers: Vec<usize> = (0..MANY).step_by(389).collect();
        numbers.extend((0..MANY).step_by(97 * 5));
        numbers.extend((5..MANY).step_by(1009));
        numbers.extend([0, 1, MANY - 2, MANY - 1]);
        for at in numbers {
            let key = format!("account/{}", id(at));
            let fact = made.store.fact(made.source, number, &users, &key).unwrap();
            assert_eq!(fact.as_ref(), facts.get(&key).copied(), "{key} in snapshot {number}");
            found += usize::from(fact.is_some());
            let beside = format!("account/u{:05}", at * 7 + 1);
            assert_eq!(made.store.fact(made.source, number, &users, &beside).unwrap(), None);
        }
        assert!(found > 150, "{found} of snapshot {number}");
        for key in ["", "account/", "account/v", "group/u00000", "zzz"] {
            assert_eq!(made.store.fact(made.source, number, &users, key).unwrap(), None, "{key}");
        }
        assert_eq!(made.store.fact(made.source, number, &listing("apps"), "account/u00000").unwrap(), None);
        let mut of_scope = Vec::new();
        made.store.visit_scope(made.source, number, &users, |fact| of_scope.push(fact)).unwrap();
        assert!(of_scope.iter().eq(facts.values().copied()), "the scope of snapshot {number}");
        let none = |fact| panic!("{fact:?}");
        made.store.visit_scope(made.source, number, &listing("apps"), none).unwrap();
    }
}
