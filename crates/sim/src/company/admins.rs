//! Who administers what.

use super::{
    ADA, APP_ADMIN, AUDITOR, CHIEF, CONTRACTOR, CUSTOM_ADMIN, CUSTOM_ROLE, CompanySpec, CustomRole, ENG,
    ENG_PLATFORM, GITHUB, GROUP_ADMIN, Holder, IT_ADMINS, RESOURCE_SET, ResourceSet, Role, RoleAssignment,
    RoleScope, SALES, SERVICE_ACCOUNT, SetResource, User, UserKind,
    cast::{APPS, GROUPS, PEOPLE},
};
use crate::{
    clock::DAY,
    id::{Id, base62},
    rng::{Rng, scramble},
};

/// All role assignments: those of special people, and one more per 150 people up to [`MOST_MORE`].
pub(super) fn assignments(spec: &CompanySpec, users: &[User], live: &[u32]) -> Vec<RoleAssignment> {
    let standard = Role::Standard;
    let planned = [
        (user(SERVICE_ACCOUNT), standard("SUPER_ADMIN"), RoleScope::Org),
        (user(CHIEF), standard("SUPER_ADMIN"), RoleScope::Org),
        (user(AUDITOR), standard("READ_ONLY_ADMIN"), RoleScope::Org),
        (user(GROUP_ADMIN), standard("USER_ADMIN"), RoleScope::Groups(vec![group(ENG), group(SALES)])),
        (user(APP_ADMIN), standard("APP_ADMIN"), RoleScope::Apps(vec![app(GITHUB)])),
        (user(CONTRACTOR), standard("APP_ADMIN"), RoleScope::Apps(vec![app(GITHUB)])),
        (user(CUSTOM_ADMIN), Role::Custom(0), RoleScope::ResourceSet(0)),
        (user(ADA), standard("REPORT_ADMIN"), RoleScope::Org),
        (Holder::Group(group(IT_ADMINS)), standard("HELP_DESK_ADMIN"), RoleScope::Org),
        (Holder::Group(group(IT_ADMINS)), Role::Custom(1), RoleScope::ResourceSet(1)),
        (
            Holder::Group(group(IT_ADMINS)),
            standard("GROUP_MEMBERSHIP_ADMIN"),
            RoleScope::Groups(vec![group(ENG_PLATFORM)]),
        ),
    ];
    let mut rng = Rng::new(spec.seed, "admins");
    let more = more_assignments(spec, &mut rng, users, live);
    let now = spec.now.as_millisecond();
    (0_u32..)
        .zip(planned.into_iter().chain(more))
        .map(|(index, (holder, role, scope))| RoleAssignment {
            id: assignment_id(spec.seed, index, holder, role),
            holder,
            role,
            scope,
            created: rng.between(now - 900 * DAY, now - 120 * DAY) / 1000 * 1000,
        })
        .collect()
}

/// No company needs more administrators than this, and large ones have more than fit on one page.
const MOST_MORE: u32 = 150;

fn more_assignments(
    spec: &CompanySpec,
    rng: &mut Rng,
    users: &[User],
    live: &[u32],
) -> Vec<(Holder, Role, RoleScope)> {
    let mut candidates: Vec<u32> = live
        .iter()
        .copied()
        .filter(|&index| index as usize >= PEOPLE.len() && users[index as usize].kind == UserKind::Employee)
        .collect();
    (0..(spec.people / 150).min(MOST_MORE).min(candidates.len() as u32))
        .map(|_| {
            let holder = Holder::User(candidates.swap_remove(rng.index(candidates.len())));
            let (role, scope) = match rng.below(6) {
                0 | 1 => (Role::Standard("HELP_DESK_ADMIN"), RoleScope::Org),
                2 => {
                    let targets = sample_indices(rng, spec.groups);
                    (Role::Standard("USER_ADMIN"), RoleScope::Groups(targets))
                }
                3 => (Role::Standard("APP_ADMIN"), RoleScope::Apps(sample_indices(rng, spec.apps))),
                4 => (Role::Standard("READ_ONLY_ADMIN"), RoleScope::Org),
                _ => (Role::Custom(0), RoleScope::ResourceSet(0)),
            };
            (holder, role, scope)
        })
        .collect()
}

/// One to five different indices below `count`, sorted, without the first (*Everyone* among groups).
fn sample_indices(rng: &mut Rng, count: u32) -> Vec<u32> {
    let mut indices: Vec<u32> =
        (0..=rng.below(5)).map(|_| 1 + rng.below(u64::from(count) - 1) as u32).collect();
    indices.sort_unstable();
    indices.dedup();
    indices
}

/// The provider derives the ids of roles that can have targets from the role's type alone (base32 of the type).
pub(super) fn assignment_id(seed: u64, index: u32, holder: Holder, role: Role) -> String {
    let prefix = match (role, holder) {
        (Role::Standard("APP_ADMIN"), _) => return "IFIFAX2BIRGUSTQ".to_owned(),
        (Role::Standard("USER_ADMIN"), _) => return "KVJUKUS7IFCE2SKO".to_owned(),
        (Role::Standard("HELP_DESK_ADMIN"), _) => return "JBCUYUC7IRCVGS27IFCE2SKO".to_owned(),
        (Role::Standard("GROUP_MEMBERSHIP_ADMIN"), _) => {
            return "I5JE6VKQL5GUKTKCIVJFGSCJKBPUCRCNJFHA".to_owned();
        }
        (Role::Custom(_), _) => "irb",
        (_, Holder::User(_)) => "ra1",
        (_, Holder::Group(_)) => "gra",
    };
    Id::new(seed, prefix, index).to_string()
}

pub(super) fn custom_roles(spec: &CompanySpec) -> Vec<CustomRole> {
    let created = spec.now.as_millisecond() / 1000 * 1000;
    vec![
        CustomRole {
            id: Id::new(spec.seed, "cr0", 0),
            label: CUSTOM_ROLE,
            description: "Manages membership and application access of engineering groups",
            permissions: vec![
                "okta.groups.members.manage",
                "okta.groups.read",
                "okta.users.read",
                "okta.apps.assignment.manage",
            ],
            created: created - 400 * DAY,
            last_updated: created - 400 * DAY,
        },
        CustomRole {
            id: Id::new(spec.seed, "cr0", 1),
            label: "Credential Helper",
            description: "Resets credentials",
            permissions: vec!["okta.users.credentials.manage", "okta.users.read"],
            created: created - 300 * DAY,
            last_updated: created - 300 * DAY,
        },
        CustomRole {
            id: Id::new(spec.seed, "cr0", 2),
            label: "Unassigned Role",
            description: "Nobody holds this role",
            permissions: vec!["okta.users.read"],
            created: created - 250 * DAY,
            last_updated: created - 250 * DAY,
        },
    ]
}

pub(super) fn resource_sets(spec: &CompanySpec) -> Vec<ResourceSet> {
    let created = spec.now.as_millisecond() / 1000 * 1000;
    vec![
        ResourceSet {
            id: Id::new(spec.seed, "iam", 0),
            label: RESOURCE_SET,
            description: "Engineering groups and their people",
            resources: vec![
                SetResource::Group(group(ENG)),
                SetResource::MembersOf(group(ENG)),
                SetResource::Group(group(ENG_PLATFORM)),
                SetResource::App(app(GITHUB)),
            ],
            created: created - 400 * DAY,
            last_updated: created - 400 * DAY,
        },
        ResourceSet {
            id: Id::new(spec.seed, "iam", 1),
            label: "Sales people",
            description: "Everyone in sales",
            resources: vec![SetResource::MembersOf(group(SALES))],
            created: created - 300 * DAY,
            last_updated: created - 300 * DAY,
        },
    ]
}

/// A text of `width` letters that depends on `topic`, for ids without a type of their own.
pub(crate) fn opaque(seed: u64, topic: u64, width: usize) -> String {
    base62(scramble(seed ^ scramble(topic)), width)
}

fn user(local_part: &str) -> Holder {
    Holder::User(position(PEOPLE.iter().map(|person| person.login), local_part))
}

fn group(name: &str) -> u32 {
    position(GROUPS.iter().copied(), name)
}

fn app(label: &str) -> u32 {
    position(APPS.iter().map(|&(_, label, _)| label), label)
}

fn position<'a>(mut names: impl Iterator<Item = &'a str>, wanted: &str) -> u32 {
    names.position(|name| name == wanted).unwrap_or_default() as u32
}
