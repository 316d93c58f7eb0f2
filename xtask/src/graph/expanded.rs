//! Blocks as single facts, which is what a graph is built from.

use std::collections::BTreeMap;

use sightline_core::{
    Assignment, AssignmentBlock, Fact, FactSink, MemberBlock, Membership, Names, Principal, Record,
    ScopeState, Snapshot, Tenant,
};
use sightline_graph::Graph;

use crate::organisation::Organisation;

pub(super) struct Expanded {
    scopes: Vec<ScopeState>,
    facts: Vec<Fact>,
    names: Names,
}

impl Expanded {
    pub(super) fn new(scopes: Vec<ScopeState>) -> Self {
        let count: u64 = scopes.iter().map(|state| state.facts).sum();
        Self { scopes, facts: Vec::with_capacity(count as usize), names: Names::default() }
    }

    pub(super) fn finish(self) -> Graph {
        Graph::build(Snapshot {
            source: "measured".to_owned(),
            tenant: Tenant { id: "00o1".to_owned(), name: "acme.example.com".to_owned() },
            number: 1,
            started: Organisation::now(0),
            sealed: Organisation::now(0),
            scopes: self.scopes,
            facts: self.facts,
            dangling: BTreeMap::new(),
        })
    }
}

impl FactSink for Expanded {
    fn fact(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    fn names(&mut self, names: Names) {
        self.names = names;
    }

    fn members(&mut self, members: MemberBlock<'_>) {
        for (account, seen) in members.accounts.iter().zip(members.seen) {
            let sighting = members.sightings[*seen as usize];
            let (group, account) = (members.group.to_owned(), self.names.get(*account).to_owned());
            self.facts.push(Fact {
                record: Record::Membership(Membership { group, account }),
                first_seen: sighting.first_seen,
                last_seen: sighting.last_seen,
                scope: members.scope,
            });
        }
    }

    fn assignments(&mut self, users: AssignmentBlock<'_>) {
        for (at, account) in users.accounts.iter().enumerate() {
            let sighting = users.sightings[users.seen[at] as usize];
            let terms = users.terms[users.agreed[at] as usize].clone();
            self.facts.push(Fact {
                record: Record::Assignment(Assignment {
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
                }),
                first_seen: sighting.first_seen,
                last_seen: sighting.last_seen,
                scope: users.scope,
            });
        }
    }
}
