//! How a company changes: rounds that follow one another, each decided by the seed and its number alone.
//!
//! Nothing is ever taken out of the vectors of users, groups and applications: what is deleted stays there with a flag,
//! so that every index keeps its meaning, also in events of the time before. The special people, groups and
//! applications stay what their names promise; a kind of change that finds nobody ordinary is left out.

mod admins;
mod apps;
mod clients;
mod groups;
mod leftovers;
mod people;
mod sign_in;
mod telling;

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Company, Event, EventKind, Holder, SYSTEM, Subject, User,
    cast::{self, PEOPLE},
};
use crate::{clock::SECOND, id::Id, rng::Rng};

/// What happened to a thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    /// It was not there before.
    Added,
    /// It was there before and is, in another form.
    Changed,
    /// It is no longer there.
    Removed,
}

/// A thing that can change, by the indices of what it is made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Object {
    User(u32),
    Group(u32),
    Member {
        group: u32,
        user: u32,
    },
    Rule(u32),
    App(u32),
    AppUser {
        app: u32,
        user: u32,
    },
    AppGroup {
        app: u32,
        group: u32,
    },
    /// The roles of a user or group.
    Roles(Holder),
    CustomRole(u32),
    ResourceSet(u32),
    Owner {
        group: u32,
        owner: Holder,
    },
    Push {
        app: u32,
        mapping: Id,
    },
    Grant {
        app: u32,
        grant: Id,
    },
    /// The keys and secrets of an application.
    Credentials(u32),
    /// The roles of a machine client.
    ClientRoles(u32),
    ApiToken(Id),
    Policy(u32),
    PolicyRule {
        policy: u32,
        rule: u32,
    },
    Factor {
        user: u32,
        factor: Id,
    },
    Device(u32),
    Setting(Id),
}

/// What a round did to one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    pub(crate) round: u32,
    pub(crate) object: Object,
    pub(crate) what: What,
    pub(crate) moment: i64,
    /// The number and type of the event that tells of it.
    pub(crate) event: Option<(u32, EventKind)>,
}

/// An unusual way of an event into the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Late,
    Lost,
    Repeated,
}

/// What rounds did to somebody's row in an application.
#[derive(Clone, Debug)]
pub(crate) struct AppUserEdit {
    /// When the row was made, where a round made it.
    pub(crate) created: Option<i64>,
    pub(crate) last_updated: i64,
    pub(crate) user_name: Option<String>,
}

/// Former names of things that have an id: until which moment, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FormerNames(BTreeMap<Id, Vec<(i64, String)>>);

impl FormerNames {
    /// The name at a moment, if it was another one than now.
    pub(crate) fn at(&self, id: Id, moment: i64) -> Option<&str> {
        let (_, name) = self.0.get(&id)?.iter().find(|&&(until, _)| moment <= until)?;
        Some(name)
    }
}

/// Applies all rounds that the spec asks for.
pub(super) fn apply(company: &mut Company) {
    let mut next_event = company.events.len() as u32;
    let mut late = Vec::new();
    for number in 1..=company.spec.rounds {
        let mut round = Round::new(company, number, next_event);
        round.run();
        next_event += round.events.len() as u32;
        late = round.finish(late);
    }
}

/// One round in progress.
struct Round<'a> {
    company: &'a mut Company,
    number: u32,
    rng: Rng,
    /// How many people a round is to touch.
    size: u32,
    start: i64,
    first_event: u32,
    events: Vec<Event>,
    noted: Vec<Noted>,
    // Of the act that is under way.
    moment: i64,
    actor: u32,
    transaction: u32,
    // What had its turn: nothing is changed by two acts that could undo each other.
    used_users: FxHashSet<u32>,
    used_groups: FxHashSet<u32>,
    used_apps: FxHashSet<u32>,
    apps_of_group: Vec<Vec<u32>>,
    /// Who held a role when the round began.
    role_holders: FxHashSet<u32>,
}

/// An act and how often it happens in this round. It does nothing when it finds nobody to happen to.
type Act<'a> = (fn(&mut Round<'a>), u32);

impl<'a> Round<'a> {
    fn new(company: &'a mut Company, number: u32, first_event: u32) -> Self {
        let mut apps_of_group = vec![Vec::new(); company.groups.len()];
        for (index, app) in (0_u32..).zip(&company.apps) {
            for assigned in &app.groups {
                apps_of_group[assigned.group as usize].push(index);
            }
        }
        let role_holders = company
            .role_assignments
            .iter()
            .flat_map(|assignment| match assignment.holder {
                Holder::User(user) => vec![user],
                Holder::Group(group) => company.members(group).to_vec(),
            })
            .collect();
        let start = company.start_of_round(number);
        let touched = u64::from(company.spec.people) * u64::from(company.spec.permille) / 1000;
        Self {
            rng: Rng::new(company.spec.seed, &format!("round {number}")),
            number,
            size: touched as u32,
            start,
            first_event,
            events: Vec::new(),
            noted: Vec::new(),
            moment: start,
            actor: SYSTEM,
            transaction: first_event,
            used_users: FxHashSet::default(),
            used_groups: FxHashSet::default(),
            used_apps: FxHashSet::default(),
            apps_of_group,
            role_holders,
            company,
        }
    }

    /// Acts on whole groups and applications come first: those on single people are spread over what they leave.
    fn run(&mut self) {
        let part = |of: u32| (self.size / of).max(1);
        let first: [Act<'a>; 19] = [
            (Self::create_user, part(20)),
            (Self::create_group, part(100)),
            (Self::create_app, 1),
            (Self::delete_group, part(200)),
            (Self::delete_app, 1),
            (Self::empty_group, 1),
            (Self::fill_group, 1),
            (Self::assign_group, part(200)),
            (Self::unassign_group, part(200)),
            (Self::grant_role_to_group, 1),
            (Self::revoke_role_of_group, 1),
            (Self::rename_group, part(100)),
            (Self::rename_app, part(200)),
            (Self::deactivate_app, 1),
            (Self::activate_app, 1),
            (Self::create_rule, 1),
            (Self::edit_rule, 1),
            (Self::deactivate_rule, 1),
            (Self::join_administrators, 1),
        ];
        let then: [Act<'a>; 31] = [
            (Self::change_profile, part(4)),
            (Self::transfer, part(50)),
            (Self::suspend, part(20)),
            (Self::unsuspend, part(20)),
            (Self::lock, part(20)),
            (Self::deactivate, part(20)),
            (Self::delete_user, part(40)),
            (Self::join, part(5)),
            (Self::leave, part(5)),
            (Self::assign_user, part(10)),
            (Self::unassign_user, part(20)),
            (Self::edit_app_user, part(20)),
            (Self::grant_role, 1),
            (Self::revoke_role, 1),
            (Self::edit_custom_role, 1),
            (Self::edit_resource_set, 1),
            (Self::fail, part(100) + 2),
            (Self::sign_on, self.size + 5),
            (Self::start_session, part(4)),
            (Self::import_member, 1),
            (Self::grant_scope, 1),
            (Self::revoke_scope, 1),
            (Self::create_token, 1),
            (Self::revoke_token, 1),
            (Self::push_group, 1),
            (Self::rename_policy, 1),
            (Self::edit_policy_rule, 1),
            (Self::edit_identity_provider, 1),
            (Self::edit_zone, 1),
            (Self::enroll_factor, part(20)),
            (Self::register_device, part(50)),
        ];
        let repeated = |acts: &[Act<'a>]| -> Vec<fn(&mut Round<'a>)> {
            acts.iter().flat_map(|&(act, times)| (0..times).map(move |_| act)).collect()
        };
        let mut acts = repeated(&first);
        let mut rest = repeated(&then);
        while !rest.is_empty() {
            let position = self.rng.index(rest.len());
            acts.push(rest.swap_remove(position));
        }
        // The first nine of the round's twenty seconds.
        let step = 9 * SECOND * 1000 / acts.len() as i64;
        for (position, act) in (1..).zip(acts) {
            self.moment = self.start + position * step / 1000;
            self.actor = self.administrator();
            self.transaction = self.next_event();
            act(self);
        }
    }

    fn next_event(&self) -> u32 {
        self.first_event + self.events.len() as u32
    }

    /// Remembers the name that a thing had until just before the act.
    fn had_name(&mut self, id: Id, name: String) {
        let names = &mut self.company.former_names.0;
        names.entry(id).or_default().push((self.moment - 1, name));
    }

    /// A number for the id of something new, far from the numbers of what was there at first. Until the next event it is
    /// the same.
    fn fresh(&self) -> u32 {
        (1 << 24) + self.next_event()
    }

    /// The moment of the act in whole seconds, as objects carry it.
    fn stamp(&self) -> i64 {
        whole_second(self.moment)
    }

    fn administrator(&mut self) -> u32 {
        let names = [cast::CHIEF, cast::SERVICE_ACCOUNT, cast::GROUP_ADMIN, cast::APP_ADMIN];
        let name = *self.rng.pick(&names);
        PEOPLE.iter().position(|person| person.login == name).unwrap_or_default() as u32
    }

    /// From here on the act happens by itself.
    fn by_the_system(&mut self) {
        self.actor = SYSTEM;
        self.transaction = self.next_event();
    }

    /// The first index from a random one on, between `low` and `high`, that is wanted.
    fn find(&mut self, low: usize, high: usize, wanted: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        let count = high.checked_sub(low).filter(|&count| count > 0)?;
        let start = self.rng.index(count);
        (0..count).map(|step| (low + (start + step) % count) as u32).find(|&index| wanted(self, index))
    }

    /// An ordinary user who had no turn yet and holds no role. This is the user's turn.
    fn take_user(&mut self, wanted: impl Fn(&User) -> bool) -> Option<u32> {
        let user = self.find(PEOPLE.len(), self.company.users.len(), |round, user| {
            round.is_ordinary(user) && wanted(&round.company.users[user as usize])
        })?;
        self.used_users.insert(user);
        Some(user)
    }

    fn is_ordinary(&self, user: u32) -> bool {
        user as usize >= PEOPLE.len()
            && !self.company.users[user as usize].deleted
            && !self.used_users.contains(&user)
            && !self.role_holders.contains(&user)
    }

    /// One of these users who is ordinary. This is the user's turn.
    fn take_one_of(&mut self, users: &[u32]) -> Option<u32> {
        let position = self.find(0, users.len(), |round, at| round.is_ordinary(users[at as usize]))?;
        let user = users[position as usize];
        self.used_users.insert(user);
        Some(user)
    }

    /// Groups with more members than this are not changed as a whole.
    fn most_members(&self) -> usize {
        self.size.max(40) as usize
    }
}

fn whole_second(time: i64) -> i64 {
    time.div_euclid(SECOND) * SECOND
}

/// A name without what renaming appended, and with this round's mark.
fn renamed(name: &str, round: u32) -> String {
    let plain = name.split(" [").next().unwrap_or(name);
    format!("{plain} [{round}]")
}
