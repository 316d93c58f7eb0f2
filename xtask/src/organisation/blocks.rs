//! A state handed over as a store hands over a snapshot.

use std::collections::BTreeMap;

use sightline_core::{
    AssignmentBlock, AssignmentTerms, Fact, FactSink, MemberBlock, Names, Scope, ScopeState, Sighting,
    SnapshotNumber,
};

use super::{Organisation, Part, Size, things};

impl Organisation {
    /// The scopes of a state, sorted; the state is the snapshot of the next number.
    pub(crate) fn scopes(&self, state: u32) -> Vec<ScopeState> {
        let number = u64::from(state) + 1;
        let complete = |part: &Part| if matches!(part, Part::Activity) { 1 } else { number };
        let states = self.parts().into_iter().map(|(scope, part)| ScopeState {
            scope,
            complete: Some(complete(&part)),
            gap: None,
            facts: self.count(part),
        });
        states.collect()
    }

    /// Hands over a state.
    pub(crate) fn feed(&self, state: u32, sink: &mut impl FactSink) {
        let parts = self.parts();
        let number = u64::from(state) + 1;
        for ((_, part), scope) in parts.iter().zip(0..) {
            if matches!(part, Part::Members(_) | Part::AppUsers(_)) {
                continue;
            }
            let last_seen = if matches!(part, Part::Activity) { 1 } else { number };
            // The log is read once.
            let records = self.records(*part, if matches!(part, Part::Activity) { 0 } else { state });
            records.for_each(|record| sink.fact(Fact { record, first_seen: 1, last_seen, scope }));
        }
        let mut names = Names::default();
        for person in 0..self.size.people {
            names.intern(&things::person_id(person));
        }
        sink.names(names);
        for ((_, part), scope) in parts.iter().zip(0..) {
            match part {
                Part::Members(group) => self.feed_members(*group, state, scope, sink),
                Part::AppUsers(app) => self.feed_app_users(*app, state, scope, sink),
                _ => {}
            }
        }
    }

    fn feed_members(&self, group: u32, state: u32, scope: u32, sink: &mut impl FactSink) {
        let mut members: Vec<_> = self.edges.members(group, state).collect();
        members.sort_unstable_by_key(|member| member.person);
        let mut sightings = Sightings::new(state);
        let seen: Vec<u32> = members.iter().map(|member| sightings.at(member.came)).collect();
        let accounts: Vec<u32> = members.iter().map(|member| member.person).collect();
        sink.members(MemberBlock {
            scope,
            group: &things::group_id(group),
            accounts: &accounts,
            seen: &seen,
            sightings: &sightings.all,
        });
    }

    fn feed_app_users(&self, app: u32, state: u32, scope: u32, sink: &mut impl FactSink) {
        let mut users = self.edges.app_users(app, state);
        users.sort_unstable_by_key(|user| user.person);
        let mut sightings = Sightings::new(state);
        let seen: Vec<u32> = users.iter().map(|user| sightings.at(user.came)).collect();
        let mut terms: Vec<AssignmentTerms> = Vec::new();
        let mut numbers = std::collections::HashMap::new();
        let agreed: Vec<u32> = users
            .iter()
            .map(|user| {
                *numbers.entry(user.terms(app)).or_insert_with_key(|new| {
                    terms.push(new.clone());
                    terms.len() as u32 - 1
                })
            })
            .collect();
        let accounts: Vec<u32> = users.iter().map(|user| user.person).collect();
        let since: Vec<_> = users.iter().map(|user| Some(user.since(app))).collect();
        sink.assignments(AssignmentBlock {
            scope,
            resource: &things::app_id(app),
            accounts: &accounts,
            seen: &seen,
            sightings: &sightings.all,
            agreed: &agreed,
            terms: &terms,
            since: &since,
        });
    }

    /// Every part with its scope, in the order of the scopes.
    fn parts(&self) -> Vec<(Scope, Part)> {
        let Size { groups, apps, .. } = self.size;
        let mut parts: Vec<(Scope, Part)> = [Part::People, Part::Groups, Part::Apps, Part::Activity]
            .into_iter()
            .chain((0..groups).map(Part::Members))
            .chain((0..apps).flat_map(|app| [Part::AppUsers(app), Part::AppGroups(app)]))
            .chain(self.admins().map(Part::Roles))
            .map(|part| (Self::scope(part), part))
            .collect();
        parts.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        parts
    }

    /// Facts of a part.
    fn count(&self, part: Part) -> u64 {
        let Size { people, groups, apps, .. } = self.size;
        let count = match part {
            Part::People => people,
            Part::ChangedPeople => 0,
            Part::Groups => groups,
            Part::Apps => apps,
            Part::Members(group) => self.edges.group_size(group),
            Part::AppUsers(app) => self.edges.app_size(app),
            Part::AppGroups(app) => self.edges.app_groups(app).count() as u32,
            Part::Roles(_) => 1,
            Part::Activity => return self.records(part, 0).count() as u64,
        };
        u64::from(count)
    }
}

/// The combinations of first and last sync that occur in a block.
struct Sightings {
    last_seen: SnapshotNumber,
    all: Vec<Sighting>,
    numbers: BTreeMap<u32, u32>,
}

impl Sightings {
    fn new(state: u32) -> Self {
        Self { last_seen: u64::from(state) + 1, all: Vec::new(), numbers: BTreeMap::new() }
    }

    /// The number of what came with this state.
    fn at(&mut self, came: u32) -> u32 {
        let Self { last_seen, all, numbers } = self;
        *numbers.entry(came).or_insert_with(|| {
            all.push(Sighting { first_seen: u64::from(came) + 1, last_seen: *last_seen });
            all.len() as u32 - 1
        })
    }
}
