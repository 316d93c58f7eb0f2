//! Who owns groups, and which groups are pushed to which applications.

use super::{
    ADA, App, CHIEF, Company, CompanySpec, ENG, EVERYONE, GITHUB, Group, GroupKind, Holder, IT_ADMINS,
    PUSHED_GROUP, SLACK, User,
    cast::{APPS, CATALOGUE, GROUPS, PEOPLE},
    moment, position,
};
use crate::{
    clock::DAY,
    id::Id,
    rng::{Rng, scramble_text},
};

/// Somebody who is responsible for a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupOwner {
    /// The group's index.
    pub group: u32,
    /// A user, or a group whose members own together.
    pub owner: Holder,
    /// When the ownership was given.
    pub last_updated: i64,
}

/// A group whose members an application gets as a group of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushMapping {
    /// The mapping's id.
    pub id: Id,
    /// The application's index.
    pub app: u32,
    /// The group that is pushed (index).
    pub source: u32,
    /// The group it becomes (index): imported from the application.
    pub target: u32,
    /// `ACTIVE`, `INACTIVE` or `ERROR`.
    pub status: &'static str,
    /// When the mapping was made.
    pub created: i64,
}

impl App {
    /// Whether the application's features have `GROUP_PUSH`: most that get accounts get groups as well.
    pub fn gets_groups(&self) -> bool {
        self.provisioning && takes_groups(self.id, &self.label)
    }
}

fn takes_groups(id: Id, label: &str) -> bool {
    [GITHUB, SLACK].contains(&label) || !scramble_text(id.as_str()).is_multiple_of(4)
}

/// The applications among the special and the well-known ones that get groups.
pub(super) fn pushing_apps(spec: &CompanySpec) -> Vec<u32> {
    let special = APPS.iter().map(|&(_, label, _)| (label, [GITHUB, SLACK].contains(&label)));
    let known = CATALOGUE.iter().map(|&(_, label, _, provisioning)| (label, provisioning));
    (0..spec.apps)
        .zip(special.chain(known))
        .filter(|&(index, (label, provisioning))| {
            provisioning && takes_groups(Id::new(spec.seed, "0oa", index), label)
        })
        .map(|(index, _)| index)
        .collect()
}

/// The owners of about one group in six, in the order of the groups.
pub(super) fn owners(spec: &CompanySpec, users: &[User], live: &[u32]) -> Vec<GroupOwner> {
    let mut rng = Rng::new(spec.seed, "owners");
    let now = spec.now.as_millisecond();
    let person = |name| Holder::User(position(PEOPLE.iter().map(|person| person.login), name));
    let named = |name| position(GROUPS.iter().copied(), name);
    let mut owners = Vec::new();
    for group in 0..spec.groups {
        let mut holders = Vec::new();
        if group == named(ENG) {
            holders.extend([person(ADA), person(CHIEF), Holder::Group(named(IT_ADMINS))]);
        } else if group != EVERYONE && rng.chance(170) {
            for _ in 0..=rng.below(2) {
                holders.push(Holder::User(*rng.pick(live)));
            }
            if rng.chance(200) {
                holders.push(Holder::Group(named(IT_ADMINS)));
            }
        }
        holders.sort_by_key(|holder| match *holder {
            Holder::User(user) => (0, user),
            Holder::Group(group) => (1, group),
        });
        holders.dedup();
        owners.extend(holders.into_iter().map(|owner| {
            let oldest = match owner {
                Holder::User(user) => users[user as usize].created,
                Holder::Group(_) => now - 900 * DAY,
            };
            GroupOwner { group, owner, last_updated: moment(&mut rng, oldest, now - DAY) }
        }));
    }
    owners
}

/// One mapping for every group that was imported from an application that gets groups, by application.
pub(super) fn push_mappings(spec: &CompanySpec, groups: &[Group], apps: &[App]) -> Vec<PushMapping> {
    let mut rng = Rng::new(spec.seed, "push");
    let now = spec.now.as_millisecond();
    let native: Vec<u32> = (0..)
        .zip(groups)
        .filter(|(_, group)| group.kind == GroupKind::Native)
        .map(|(index, _)| index)
        .collect();
    let mut mappings: Vec<PushMapping> = (0..)
        .zip(groups)
        .filter_map(|(target, group)| match group.kind {
            GroupKind::Imported(app) if apps[app as usize].gets_groups() => Some((app, target, group)),
            _ => None,
        })
        .map(|(app, target, group)| PushMapping {
            id: Id::new(spec.seed, "gPm", target),
            app,
            source: if group.name == PUSHED_GROUP {
                position(GROUPS.iter().copied(), ENG)
            } else {
                *rng.pick(&native)
            },
            target,
            status: match rng.below(12) {
                0 if group.name != PUSHED_GROUP => "INACTIVE",
                1 if group.name != PUSHED_GROUP => "ERROR",
                _ => "ACTIVE",
            },
            created: moment(&mut rng, now - 700 * DAY, now - DAY),
        })
        .collect();
    mappings.sort_by_key(|mapping| (mapping.app, mapping.target));
    mappings
}

impl Company {
    /// The mappings of an application.
    pub fn push_mappings_of(&self, app: u32) -> &[PushMapping] {
        let start = self.push_mappings.partition_point(|mapping| mapping.app < app);
        let end = self.push_mappings.partition_point(|mapping| mapping.app <= app);
        &self.push_mappings[start..end]
    }
}
