//! A generated organisation, the same in every run: what a sync of Okta would read of it, and how it changes.
//!
//! Nothing is kept of people and edges: everything is computed when its page is asked for, so that this needs hardly any
//! memory. State 0 is the first; every further one differs from the one before by one percent of the people and one
//! percent of the edges.

mod blocks;
mod edges;
mod random;
mod things;

use sightline_core::{ActivityWindow, Coverage, EntityKind, Record, Scope, Time};

use crate::figures::number;
use edges::Edges;
use random::mix;

/// How many of each there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) people: u32,
    pub(crate) groups: u32,
    pub(crate) memberships: u32,
    pub(crate) apps: u32,
    /// Of people; groups are assigned besides.
    pub(crate) assignments: u32,
}

impl Size {
    pub(crate) const LARGE: Self =
        Self { people: 100_000, groups: 5_000, memberships: 3_000_000, apps: 500, assignments: 2_000_000 };
    pub(crate) const LARGEST: Self = Self {
        people: 1_000_000,
        groups: 20_000,
        memberships: 20_000_000,
        apps: 2_000,
        assignments: 5_000_000,
    };

    /// As many people, and of the rest in the proportions of the nearest of the two.
    pub(crate) fn of(people: u32) -> Self {
        let like = if people < 400_000 { Self::LARGE } else { Self::LARGEST };
        let part = |whole: u32| {
            let part = u64::from(whole) * u64::from(people) / u64::from(like.people);
            u32::try_from(part).unwrap_or(u32::MAX).max(1)
        };
        Self {
            people: people.max(10),
            groups: part(like.groups),
            memberships: part(like.memberships),
            apps: part(like.apps),
            assignments: part(like.assignments),
        }
    }

    /// As a heading.
    pub(crate) fn describe(self) -> String {
        let Self { people, groups, memberships, apps, assignments } = self;
        let [people, groups, memberships, apps, assignments] =
            [people, groups, memberships, apps, assignments].map(|count| number(f64::from(count), 0));
        format!(
            "{people} people, {groups} groups, {memberships} memberships, {apps} applications, {assignments} assignments"
        )
    }
}

/// What one step of a sync reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(crate) scope: Scope,
    pub(crate) records: Vec<Record>,
    /// How much of its scope this page and the others of it read.
    pub(crate) coverage: Coverage,
    /// Whether it is the last one of its scope.
    pub(crate) is_last: bool,
}

/// Edges that a state has and the one before does not, the other way round, and those of which only the content differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Changes {
    pub(crate) people: u64,
    pub(crate) added: u64,
    pub(crate) removed: u64,
    pub(crate) altered: u64,
    /// Groups and applications that these edges belong to.
    pub(crate) scopes: u64,
}

/// A generated organisation in all its states.
#[derive(Debug)]
pub(crate) struct Organisation {
    size: Size,
    edges: Edges,
}

/// Objects on a page, as Okta sends them.
const PEOPLE_PAGE: usize = 200;
/// See [`PEOPLE_PAGE`].
const MEMBERS_PAGE: usize = 1_000;
/// See [`PEOPLE_PAGE`].
const APP_USERS_PAGE: usize = 500;
/// One person of so many changes from state to state.
const PEOPLE_RATE: u64 = 100;

/// A part that is read by itself.
#[derive(Debug, Clone, Copy)]
enum Part {
    People,
    /// Those people whose attributes are not those of the state before.
    ChangedPeople,
    Groups,
    Apps,
    Members(u32),
    AppUsers(u32),
    AppGroups(u32),
    Roles(u32),
    Activity,
}

impl Organisation {
    /// An organisation that has so many states besides the first.
    pub(crate) fn new(size: Size, further_states: u32) -> Self {
        Self { size, edges: Edges::new(size, further_states) }
    }

    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    /// A reading of everything; of the log only in the first state.
    pub(crate) fn full(&self, state: u32) -> impl Iterator<Item = Page> {
        let Size { groups, apps, .. } = self.size;
        [Part::People, Part::Groups, Part::Apps]
            .into_iter()
            .chain((0..groups).map(Part::Members))
            .chain((0..apps).flat_map(|app| [Part::AppUsers(app), Part::AppGroups(app)]))
            .chain(self.admins().map(Part::Roles))
            .chain((state == 0).then_some(Part::Activity))
            .flat_map(move |part| self.pages(part, state))
    }

    /// A reading of the people that changed with this state, and of all members and users of the groups and applications
    /// that did.
    pub(crate) fn incremental(&self, state: u32) -> impl Iterator<Item = Page> {
        [Part::ChangedPeople]
            .into_iter()
            .chain(self.edges.changed_groups(state).map(Part::Members))
            .chain(self.edges.changed_apps(state).map(Part::AppUsers))
            .flat_map(move |part| self.pages(part, state))
    }

    /// How a state differs from the one before.
    pub(crate) fn changes(&self, state: u32) -> Changes {
        let people = (0..self.size.people).filter(|&at| is_person_changed(at, state)).count() as u64;
        Changes { people, ..self.edges.changes(state) }
    }

    /// What each dataset of parts is read under.
    pub(crate) fn parents() -> [(&'static str, EntityKind); 4] {
        [
            ("group_members", EntityKind::Group),
            ("app_users", EntityKind::Resource),
            ("app_groups", EntityKind::Resource),
            ("user_roles", EntityKind::Account),
        ]
    }

    /// When a state was read.
    pub(crate) fn now(state: u32) -> Time {
        things::now(state)
    }

    /// The id of an application; the first has the most users.
    pub(crate) fn app_id(app: u32) -> String {
        things::app_id(app)
    }

    fn admins(&self) -> impl Iterator<Item = u32> {
        let people = self.size.people;
        (0..people.div_ceil(2_000)).map(move |at| at * (people / people.div_ceil(2_000)))
    }

    fn scope(part: Part) -> Scope {
        match part {
            Part::People | Part::ChangedPeople => Scope::listing("users"),
            Part::Groups => Scope::listing("groups"),
            Part::Apps => Scope::listing("apps"),
            Part::Members(group) => Scope::under("group_members", things::group_id(group)),
            Part::AppUsers(app) => Scope::under("app_users", things::app_id(app)),
            Part::AppGroups(app) => Scope::under("app_groups", things::app_id(app)),
            Part::Roles(person) => Scope::under("user_roles", things::person_id(person)),
            Part::Activity => Scope::listing("activity"),
        }
    }

    fn pages(&self, part: Part, state: u32) -> Box<dyn Iterator<Item = Page> + '_> {
        let (coverage, size) = match part {
            Part::ChangedPeople => (Coverage::Part, PEOPLE_PAGE),
            Part::Activity => (Coverage::Onward, MEMBERS_PAGE),
            Part::Members(_) => (Coverage::Whole, MEMBERS_PAGE),
            Part::AppUsers(_) => (Coverage::Whole, APP_USERS_PAGE),
            _ => (Coverage::Whole, PEOPLE_PAGE),
        };
        let scope = Self::scope(part);
        let mut records = self.records(part, state).peekable();
        // A scope without records has a page too.
        let mut is_last = false;
        Box::new(std::iter::from_fn(move || {
            if is_last {
                return None;
            }
            let page: Vec<Record> = records.by_ref().take(size).collect();
            is_last = records.peek().is_none();
            Some(Page { scope: scope.clone(), records: page, coverage, is_last })
        }))
    }

    fn records(&self, part: Part, state: u32) -> Box<dyn Iterator<Item = Record> + '_> {
        let Size { people, groups, apps, .. } = self.size;
        match part {
            Part::People => Box::new((0..people).map(move |at| self.person(at, state))),
            Part::ChangedPeople => Box::new(
                (0..people)
                    .filter(move |&at| is_person_changed(at, state))
                    .map(move |at| self.person(at, state)),
            ),
            Part::Groups => Box::new((0..groups).map(|at| things::group(at, self.edges.group_size(at)))),
            Part::Apps => Box::new((0..apps).map(things::app)),
            Part::Members(group) => {
                let id = things::group_id(group);
                Box::new(self.edges.members(group, state).map(move |member| member.record(&id)))
            }
            Part::AppUsers(app) => {
                let id = things::app_id(app);
                Box::new(self.edges.app_users(app, state).into_iter().map(move |user| user.record(app, &id)))
            }
            Part::AppGroups(app) => Box::new(
                self.edges
                    .app_groups(app)
                    .map(move |(group, rank)| edges::group_assignment(app, group, rank)),
            ),
            Part::Roles(person) => Box::new(std::iter::once(edges::holding(person))),
            Part::Activity => {
                let window =
                    ActivityWindow { since: things::now(0).before(edges::WINDOW), until: things::now(0) };
                let used = (0..apps).flat_map(move |app| {
                    let users = self.edges.app_users(app, 0);
                    users.into_iter().filter_map(move |user| user.usage(app))
                });
                Box::new(std::iter::once(Record::ActivityWindow(window)).chain(used))
            }
        }
    }

    fn person(&self, at: u32, state: u32) -> Record {
        let changes = (1..=state).filter(|&state| is_person_changed(at, state));
        let (count, last) = changes.fold((0, 0), |(count, _), state| (count + 1, state));
        things::person(at, self.size.people, count, last)
    }
}

/// Whether what belongs to a person is not what it was in the state before.
fn is_person_changed(at: u32, state: u32) -> bool {
    state > 0 && mix(&[10, u64::from(at), u64::from(state)]).is_multiple_of(PEOPLE_RATE)
}

#[cfg(test)]
mod tests;
