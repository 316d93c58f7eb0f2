//! Who is in which group and assigned to what.
//!
//! A group or an application has a fixed number of places for people. When it changes, half of its places do: in a group
//! another person takes the place, in an application that happens to every other of these, and of the rest the assignment
//! itself is changed.

use std::time::Duration;

use sightline_core::{
    Assignment, AssignmentOrigin, AssignmentTerms, Holding, HoldingScope, Membership, Principal, RawJson,
    Record, Time, Usage,
};

use super::random::{Shuffled, mix, pick};
use super::things::{app_id, group_id, login, now, past, person_id};
use super::{Changes, Size};

/// How far the log reaches back.
pub(super) const WINDOW: Duration = Duration::from_hours(90 * 24);
/// Of a state's changes one hundredth of the edges; half of those of a group or an application that changes.
const CHANGED_PART: u32 = 50;
/// Groups that are assigned to each application.
const APP_GROUPS: u32 = 20;
/// So often one group or application may change; what is too large to find new people for then never does.
const MOST_CHANGES: u32 = 7;

/// All edges, by the rules that make them.
#[derive(Debug)]
pub(super) struct Edges {
    people: u32,
    groups: Places,
    apps: Places,
}

/// Places of all groups, or of all applications.
#[derive(Debug)]
struct Places {
    kind: u64,
    sizes: Vec<u32>,
    /// The states with which each one changed, ascending.
    changed: Vec<Vec<u32>>,
}

/// What became of a place up to a state.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// How often another person took it.
    taken: u32,
    /// The state with which the present person took it.
    came: u32,
    /// The state with which the assignment was last changed, and how often.
    altered: Option<(u32, u32)>,
}

/// An account in a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) person: u32,
    /// The state with which they came.
    pub(super) came: u32,
}

/// An account that is assigned to an application.
#[derive(Debug, Clone, Copy)]
pub(super) struct AppUser {
    pub(super) person: u32,
    /// The state with which they came.
    pub(super) came: u32,
    /// The group that they have it through.
    group: Option<u32>,
    altered: Option<(u32, u32)>,
}

impl Edges {
    pub(super) fn new(size: Size, further_states: u32) -> Self {
        let Size { people, groups, memberships, apps, assignments } = size;
        let new = |kind, count, edges| Places::new(kind, count, edges, people, further_states);
        Self { people, groups: new(1, groups, memberships), apps: new(2, apps, assignments) }
    }

    pub(super) fn group_size(&self, group: u32) -> u32 {
        self.groups.sizes[group as usize]
    }

    pub(super) fn app_size(&self, app: u32) -> u32 {
        self.apps.sizes[app as usize]
    }

    pub(super) fn changed_groups(&self, state: u32) -> impl Iterator<Item = u32> {
        self.groups.changed_with(state)
    }

    pub(super) fn changed_apps(&self, state: u32) -> impl Iterator<Item = u32> {
        self.apps.changed_with(state)
    }

    /// What a state changed; no people.
    pub(super) fn changes(&self, state: u32) -> Changes {
        let mut changes = Changes::default();
        for places in [&self.groups, &self.apps] {
            for at in places.changed_with(state) {
                changes.scopes += 1;
                for place in 0..places.sizes[at as usize] {
                    match places.change(at, place, state) {
                        Some(Change::Taken) => {
                            changes.added += 1;
                            changes.removed += 1;
                        }
                        Some(Change::Altered) => changes.altered += 1,
                        None => {}
                    }
                }
            }
        }
        changes
    }

    pub(super) fn members(&self, group: u32, state: u32) -> impl Iterator<Item = Member> {
        let order = self.order(&self.groups, group);
        let size = self.group_size(group);
        self.groups
            .at(group, state)
            .zip(0..)
            .map(move |(place, at)| Member { person: order.at(at + place.taken * size), came: place.came })
    }

    /// More than half came through the application's groups.
    pub(super) fn app_users(&self, app: u32, state: u32) -> Vec<AppUser> {
        let size = self.app_size(app);
        let places: Vec<Place> = self.apps.at(app, state).collect();
        let most_taken = places.iter().map(|place| place.taken).max().unwrap_or(0);
        let found = self.candidates(app, size, size * (most_taken + 1));
        let users = places.into_iter().zip(0..).map(|(Place { taken, came, altered }, at)| {
            let (person, group) = found[(at + taken * size) as usize];
            AppUser { person, came, group, altered }
        });
        users.collect()
    }

    /// The groups that are assigned to an application, each with its rank.
    pub(super) fn app_groups(&self, app: u32) -> impl Iterator<Item = (u32, i64)> {
        let groups = self.groups.sizes.len() as u32;
        let order = Shuffled::new(groups, mix(&[11, u64::from(app)]));
        (0..APP_GROUPS.min(groups)).map(move |at| (order.at(at), i64::from(at)))
    }

    /// So many different people for the places of an application: first members of its groups, then anybody.
    fn candidates(&self, app: u32, size: u32, count: u32) -> Vec<(u32, Option<u32>)> {
        let mut seen = vec![false; self.people as usize];
        let mut people = Vec::with_capacity(count as usize);
        let through = (size / 5 * 3) as usize;
        'groups: for (group, _) in self.app_groups(app) {
            for member in self.members(group, 0) {
                if people.len() == through {
                    break 'groups;
                }
                if !std::mem::replace(&mut seen[member.person as usize], true) {
                    people.push((member.person, Some(group)));
                }
            }
        }
        let order = self.order(&self.apps, app);
        let mut anybody = (0..self.people).map(|at| order.at(at));
        while people.len() < count as usize {
            let Some(person) = anybody.next() else { break };
            if !std::mem::replace(&mut seen[person as usize], true) {
                people.push((person, None));
            }
        }
        people
    }

    fn order(&self, places: &Places, at: u32) -> Shuffled {
        Shuffled::new(self.people, mix(&[12, places.kind, u64::from(at)]))
    }
}

enum Change {
    Taken,
    Altered,
}

impl Places {
    fn new(kind: u64, count: u32, edges: u32, people: u32, further_states: u32) -> Self {
        let sizes = sizes(count, edges, people / 10 * 8);
        let mut changed = vec![Vec::new(); count as usize];
        let order = Shuffled::new(count, mix(&[13, kind]));
        let mut walk = (0..count).cycle().map(|at| order.at(at));
        let budget = edges / CHANGED_PART;
        for state in 1..=further_states {
            let mut left = budget;
            for _ in 0..count {
                let Some(at) = walk.next() else { break };
                let (size, states) = (sizes[at as usize], &mut changed[at as usize]);
                let may = size <= people / (MOST_CHANGES + 1) && (states.len() as u32) < MOST_CHANGES;
                // One that is much larger than what is left would make states differ in how much they change.
                if may && size <= left.saturating_add(budget / 50).max(1) && size <= (budget / 2).max(1) {
                    states.push(state);
                    left = left.saturating_sub(size);
                }
                if left <= budget / 50 {
                    break;
                }
            }
        }
        Self { kind, sizes, changed }
    }

    fn changed_with(&self, state: u32) -> impl Iterator<Item = u32> {
        (0..self.sizes.len() as u32).filter(move |&at| self.changed[at as usize].contains(&state))
    }

    /// What a state changed of a place.
    fn change(&self, at: u32, place: u32, state: u32) -> Option<Change> {
        let random = mix(&[14, self.kind, u64::from(at), u64::from(place), u64::from(state)]);
        let is_group = self.kind == 1;
        random.is_multiple_of(2).then_some(if is_group || random.is_multiple_of(4) {
            Change::Taken
        } else {
            Change::Altered
        })
    }

    /// What became of all places up to a state.
    fn at(&self, at: u32, state: u32) -> impl Iterator<Item = Place> {
        let changed = self.changed[at as usize].iter().take_while(move |&&with| with <= state);
        (0..self.sizes[at as usize]).map(move |place| {
            let mut now = Place::default();
            for &with in changed.clone() {
                match self.change(at, place, with) {
                    Some(Change::Taken) => now = Place { taken: now.taken + 1, came: with, altered: None },
                    Some(Change::Altered) => {
                        now.altered = Some((with, now.altered.map_or(1, |(_, times)| times + 1)));
                    }
                    None => {}
                }
            }
            now
        })
    }
}

/// A few large ones and many small ones, none larger than the limit, all together as many as there are edges.
fn sizes(count: u32, edges: u32, limit: u32) -> Vec<u32> {
    let weight = |at: u32| 1.0 / (f64::from(at) + 5.0);
    let all: f64 = (0..count).map(weight).sum();
    let share = |at: u32| (f64::from(edges) * weight(at) / all).round() as u32;
    let mut sizes: Vec<u32> = (0..count).map(|at| share(at).clamp(1, limit.max(1))).collect();
    // What the limit took and rounding made: to or from those that can bear it.
    let mut left = i64::from(edges) - sizes.iter().map(|&size| i64::from(size)).sum::<i64>();
    while left != 0 {
        let before = left;
        for size in &mut sizes {
            let wanted = left.signum() * (left.abs() / i64::from(count)).clamp(1, i64::from(*size).max(1));
            let new = (i64::from(*size) + wanted).clamp(1, i64::from(limit.max(1)));
            left -= new - i64::from(*size);
            *size = new as u32;
            if left == 0 {
                break;
            }
        }
        if left == before {
            break;
        }
    }
    sizes
}

impl Member {
    pub(super) fn record(self, group: &str) -> Record {
        Record::Membership(Membership { group: group.to_owned(), account: person_id(self.person) })
    }
}

impl AppUser {
    fn random(self, app: u32) -> u64 {
        mix(&[15, u64::from(app), u64::from(self.person)])
    }

    /// When the assignment was made.
    pub(super) fn since(self, app: u32) -> Time {
        if self.came > 0 { now(self.came) } else { past(self.random(app)) }
    }

    /// What many users of the application have in common.
    pub(super) fn terms(self, app: u32) -> AssignmentTerms {
        let random = self.random(app);
        let is_provisioned = app.is_multiple_of(5);
        let status = if is_provisioned { "PROVISIONED" } else { "ACTIVE" };
        let sync_state = match (is_provisioned, (random >> 8) % 50) {
            (false, _) => "DISABLED",
            (true, 0) => "ERROR",
            (true, _) => "SYNCHRONIZED",
        };
        let times = self.altered.map_or(0, |(_, times)| times);
        let role = match (random >> 16) % 40 + u64::from(times) * 7 {
            0..36 => "Member",
            _ => pick(&["Admin", "Editor", "Auditor"], random.rotate_right(24) ^ u64::from(times)),
        };
        let profile = match app % 3 {
            0 => "{}".to_owned(),
            1 => format!(r#"{{"role":"{role}"}}"#),
            _ => format!(r#"{{"role":"{role}","licences":["Basic"],"region":"emea"}}"#),
        };
        AssignmentTerms {
            origin: match self.group {
                Some(group) => AssignmentOrigin::Group(Some(group_id(group))),
                None => AssignmentOrigin::Direct,
            },
            raw_status: Some(if random % 100 == 99 { "SUSPENDED" } else { status }.to_owned()),
            sync_state: Some(sync_state.to_owned()),
            priority: None,
            profile: raw(&profile),
        }
    }

    pub(super) fn record(self, app: u32, id: &str) -> Record {
        let random = self.random(app);
        let AssignmentTerms { origin, raw_status, sync_state, priority, profile } = self.terms(app);
        let since = self.since(app);
        // One in five was changed since it was made.
        let last_updated = match self.altered {
            Some((state, _)) => now(state),
            None if self.came == 0 && random % 5 == 4 => now(0).before(now(0).since(since) / 3),
            None => since,
        };
        Record::Assignment(Assignment {
            resource: id.to_owned(),
            principal: Principal::Account(person_id(self.person)),
            origin,
            raw_status,
            user_name: Some(login(self.person)),
            external_id: app.is_multiple_of(5).then(|| format!("ext-{:012x}", random >> 16)),
            sync_state,
            priority,
            since: Some(since),
            last_updated: Some(Time::from_secs(last_updated.millis() / 1000)),
            profile,
        })
    }

    /// What the log says; of one user in ten.
    pub(super) fn usage(self, app: u32) -> Option<Record> {
        let random = mix(&[16, self.random(app)]);
        let count = random % 60 + 1;
        let ago = |of: u64| Duration::from_secs(of % WINDOW.as_secs());
        let (one, other) = (now(0).before(ago(random >> 8)), now(0).before(ago(random >> 24)));
        random.is_multiple_of(10).then(|| {
            Record::Usage(Usage {
                account: person_id(self.person),
                resource: Some(app_id(app)),
                first: one.min(other),
                last: one.max(other),
                count,
            })
        })
    }
}

pub(super) fn group_assignment(app: u32, group: u32, rank: i64) -> Record {
    Record::Assignment(Assignment {
        resource: app_id(app),
        principal: Principal::Group(group_id(group)),
        origin: AssignmentOrigin::Direct,
        raw_status: None,
        user_name: None,
        external_id: None,
        sync_state: None,
        priority: Some(rank),
        since: None,
        last_updated: Some(past(mix(&[17, u64::from(app), u64::from(group)]))),
        profile: raw("{}"),
    })
}

pub(super) fn holding(person: u32) -> Record {
    let random = mix(&[18, u64::from(person)]);
    let (role, label) = match random % 3 {
        0 => ("SUPER_ADMIN", "Super Administrator"),
        1 => ("READ_ONLY_ADMIN", "Read-Only Administrator"),
        _ => ("HELP_DESK_ADMIN", "Help Desk Administrator"),
    };
    Record::Holding(Holding {
        principal: Principal::Account(person_id(person)),
        role: role.to_owned(),
        label: label.to_owned(),
        scope: HoldingScope::Org,
        inherited: false,
        active: true,
        since: Some(past(random)),
    })
}

/// A JSON text as it stands.
fn raw(text: &str) -> RawJson {
    serde_json::value::RawValue::from_string(text.to_owned())
        .map(|raw| RawJson::new(&raw))
        .unwrap_or_default()
}
