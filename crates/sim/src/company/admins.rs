//! Who administers what.

use super::{
    ADA, APP_ADMIN, AUDITOR, CHIEF, CONTRACTOR, CUSTOM_ADMIN, CUSTOM_ROLE, CompanySpec, DIRECTORY_READER,
    ENG, ENG_PLATFORM, GITHUB, GROUP_ADMIN, IT_ADMINS, RESOURCE_SET, SALES, SERVICE_ACCOUNT, User, UserKind,
    WHOLE_DIRECTORY,
    cast::{APPS, GROUPS, PEOPLE},
    position,
};
use crate::{
    clock::DAY,
    id::{Id, base62},
    rng::{Rng, scramble},
};

/// An administrator role that the organisation defined itself.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are the provider's own")]
pub struct CustomRole {
    pub id: Id,
    pub label: &'static str,
    pub description: &'static str,
    pub permissions: Vec<Permission>,
    pub created: i64,
    pub last_updated: i64,
}

/// What a custom role allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permission {
    /// The permission's name, such as `okta.users.read`.
    pub label: &'static str,
    /// Which attributes of a user's profile it is limited to.
    pub condition: Option<Condition>,
}

/// A limit of a permission to some attributes of the user's profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Whether only these attributes are meant (otherwise all but these).
    pub include: bool,
    /// The attributes' names.
    pub attributes: &'static [&'static str],
}

/// The resources that a custom role is limited to.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are the provider's own")]
pub struct ResourceSet {
    pub id: Id,
    pub label: &'static str,
    pub description: &'static str,
    pub resources: Vec<SetResource>,
    pub created: i64,
    pub last_updated: i64,
}

/// One entry of a resource set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetResource {
    /// A group itself.
    Group(u32),
    /// The people in a group.
    MembersOf(u32),
    /// An application.
    App(u32),
}

/// A role held by somebody.
#[derive(Debug)]
pub struct RoleAssignment {
    /// The assignment's id. Not unique for roles that can be limited to targets, as in the real API.
    pub id: String,
    /// Who holds it.
    pub holder: Holder,
    /// Which role.
    pub role: Role,
    /// On what.
    pub scope: RoleScope,
    /// When it was given.
    pub created: i64,
}

/// Who holds a role.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Holder {
    /// A user (index).
    User(u32),
    /// All members of a group (index).
    Group(u32),
}

/// An administrator role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A standard role by its type, such as `SUPER_ADMIN`.
    Standard(&'static str),
    /// A custom role (index).
    Custom(u32),
}

/// What a role is limited to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RoleScope {
    /// The whole organisation.
    Org,
    /// These groups (indices).
    Groups(Vec<u32>),
    /// These applications (indices).
    Apps(Vec<u32>),
    /// A resource set (index).
    ResourceSet(u32),
}

/// All role assignments of people and groups: those of special people, and more in larger companies.
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

/// No company needs more administrators of a kind than this, and large ones have more than fit on one page.
const MOST_MORE: u32 = 150;
/// One in so many people gets some role.
const PEOPLE_PER_ADMIN: u32 = 150;
/// One in so many people reads the directory.
const PEOPLE_PER_READER: u32 = 90;

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
    let admins = (spec.people / PEOPLE_PER_ADMIN).min(MOST_MORE);
    let readers = (spec.people / PEOPLE_PER_READER).min(MOST_MORE);
    (0..(admins + readers).min(candidates.len() as u32))
        .map(|number| {
            let holder = Holder::User(candidates.swap_remove(rng.index(candidates.len())));
            if number >= admins {
                return (holder, Role::Custom(READS_DIRECTORY), RoleScope::ResourceSet(DIRECTORY_SET));
            }
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

/// Index of [`DIRECTORY_READER`].
pub(super) const READS_DIRECTORY: u32 = 3;
/// Index of [`WHOLE_DIRECTORY`].
pub(super) const DIRECTORY_SET: u32 = 2;

/// One to five different indices below `count`, sorted, without the first (*Everyone* among groups).
fn sample_indices(rng: &mut Rng, count: u32) -> Vec<u32> {
    let mut indices: Vec<u32> =
        (0..=rng.below(5)).map(|_| 1 + rng.below(u64::from(count) - 1) as u32).collect();
    indices.sort_unstable();
    indices.dedup();
    indices
}

pub(super) fn assignment_id(seed: u64, index: u32, holder: Holder, role: Role) -> String {
    let prefix = match holder {
        Holder::User(_) => "ra1",
        Holder::Group(_) => "gra",
    };
    role_assignment_id(seed, index, prefix, role)
}

/// The provider derives the ids of roles that can have targets from the role's type alone (base32 of the type).
pub(super) fn role_assignment_id(seed: u64, index: u32, prefix: &str, role: Role) -> String {
    match role {
        Role::Standard("APP_ADMIN") => "IFIFAX2BIRGUSTQ".to_owned(),
        Role::Standard("USER_ADMIN") => "KVJUKUS7IFCE2SKO".to_owned(),
        Role::Standard("HELP_DESK_ADMIN") => "JBCUYUC7IRCVGS27IFCE2SKO".to_owned(),
        Role::Standard("GROUP_MEMBERSHIP_ADMIN") => "I5JE6VKQL5GUKTKCIVJFGSCJKBPUCRCNJFHA".to_owned(),
        Role::Custom(_) => Id::new(seed, "irb", index).to_string(),
        Role::Standard(_) => Id::new(seed, prefix, index).to_string(),
    }
}

pub(super) fn custom_roles(spec: &CompanySpec) -> Vec<CustomRole> {
    let created = spec.now.as_millisecond() / 1000 * 1000;
    let role = |index, label, description, permissions: &[Permission], days| CustomRole {
        id: Id::new(spec.seed, "cr0", index),
        label,
        description,
        permissions: permissions.to_vec(),
        created: created - days * DAY,
        last_updated: created - days * DAY,
    };
    vec![
        role(
            0,
            CUSTOM_ROLE,
            "Manages membership and application access of engineering groups",
            &STEWARD,
            400,
        ),
        role(1, "Credential Helper", "Resets credentials", &[CREDENTIALS, READ_USERS], 300),
        role(2, "Unassigned Role", "Nobody holds this role", &[READ_USERS], 250),
        role(READS_DIRECTORY, DIRECTORY_READER, "Looks people, groups and applications up", &READER, 200),
    ]
}

const READ_USERS: Permission = always("okta.users.read");
const CREDENTIALS: Permission = always("okta.users.credentials.manage");
const STEWARD: [Permission; 4] = [
    always("okta.groups.members.manage"),
    always("okta.groups.read"),
    only("okta.users.read", &["login", "email", "department", "title"]),
    always("okta.apps.assignment.manage"),
];
const READER: [Permission; 3] = [
    all_but("okta.users.read", &["mobilePhone", "secondEmail"]),
    always("okta.groups.read"),
    always("okta.apps.read"),
];

pub(super) const fn always(label: &'static str) -> Permission {
    Permission { label, condition: None }
}

const fn only(label: &'static str, attributes: &'static [&'static str]) -> Permission {
    Permission { label, condition: Some(Condition { include: true, attributes }) }
}

const fn all_but(label: &'static str, attributes: &'static [&'static str]) -> Permission {
    Permission { label, condition: Some(Condition { include: false, attributes }) }
}

/// The last set holds up to this many groups, the people of as many groups, and as many applications.
const MOST_RESOURCES: u32 = 150;

pub(super) fn resource_sets(spec: &CompanySpec) -> Vec<ResourceSet> {
    let created = spec.now.as_millisecond() / 1000 * 1000;
    let groups = || 1..spec.groups.min(MOST_RESOURCES + 1);
    let whole = groups()
        .map(SetResource::Group)
        .chain(groups().map(SetResource::MembersOf))
        .chain((0..spec.apps.min(MOST_RESOURCES)).map(SetResource::App));
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
        ResourceSet {
            id: Id::new(spec.seed, "iam", DIRECTORY_SET),
            label: WHOLE_DIRECTORY,
            description: "Groups, their people, and applications",
            resources: whole.collect(),
            created: created - 200 * DAY,
            last_updated: created - 200 * DAY,
        },
    ]
}

/// A text of `width` letters that depends on `topic`, for ids without a type of their own.
pub(super) fn opaque(seed: u64, topic: u64, width: usize) -> String {
    base62(scramble(seed ^ scramble(topic)), width)
}

fn user(local_part: &str) -> Holder {
    Holder::User(position(PEOPLE.iter().map(|person| person.login), local_part))
}

pub(super) fn group(name: &str) -> u32 {
    position(GROUPS.iter().copied(), name)
}

pub(super) fn app(label: &str) -> u32 {
    position(APPS.iter().map(|&(_, label, _)| label), label)
}
