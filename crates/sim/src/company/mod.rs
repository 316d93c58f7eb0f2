//! An invented organisation: plain data, no I/O.
//!
//! Everything refers to everything else by index (`u32`) into the vectors of [`Company`], so that 100,000 people with
//! millions of memberships and assignments stay small. Times are milliseconds since 1970, UTC.

mod activity;
use self::admins::opaque;
pub(crate) use self::clients::signing_key;
mod admins;
mod apps;
mod cast;
mod changes;
mod clients;
mod event;
mod groups;
mod ownership;
mod people;
mod rows;
mod settings;
mod sign_in;

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;

pub(crate) use self::changes::{AppUserEdit, Fate, FormerNames, Noted, Object};
pub(crate) use self::event::uuid;
pub use self::{
    admins::{
        Condition, CustomRole, Holder, Permission, ResourceSet, Role, RoleAssignment, RoleScope, SetResource,
    },
    cast::*,
    changes::What,
    clients::{ApiService, ApiToken, ClientRole, Credential, CredentialKind, Grant},
    event::{Event, EventKind, SYSTEM, Subject},
    ownership::{GroupOwner, PushMapping},
    settings::{Setting, SettingKind},
    sign_in::{Device, Factor, FactorKind, POLICY_TYPES, Policy, PolicyRule},
};
use crate::{
    clock::{DAY, SECOND},
    id::Id,
    rng::{Rng, scramble},
};

/// Size, seed and moment of a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompanySpec {
    /// Accounts in all statuses. Fewer than [`FEWEST_PEOPLE`] become that many: the special people always exist.
    pub people: u32,
    /// Groups, *Everyone* included. Fewer than [`FEWEST_GROUPS`] become that many.
    pub groups: u32,
    /// Applications. Fewer than [`FEWEST_APPS`] become that many.
    pub apps: u32,
    /// Pairs of a user who is not deactivated and a group other than *Everyone*. Hit exactly, unless the special cases
    /// alone need more or the groups cannot hold as many.
    pub memberships: u64,
    /// Application-user rows over all applications, direct and through groups. Hit exactly, unless the special cases
    /// alone need more (one application is assigned to *Everyone*) or the people cannot hold as many.
    pub assignments: u64,
    /// Everything random follows from this.
    pub seed: u64,
    /// The moment at which the company is looked at before it changes.
    pub now: Timestamp,
    /// How often the company changes afterwards. Round `r`, counted from 1, happens `r` times 20 seconds after `now`, and
    /// the company of `n + 1` rounds is that of `n` rounds changed once more.
    pub rounds: u32,
    /// How many of a thousand people a round touches, at least one by each kind of change that finds somebody.
    pub permille: u32,
    /// How many events that tell of a round's changes get into the log only at the end of the next round.
    pub late_events: u32,
    /// How many events that tell of a round's changes never get into the log.
    pub lost_events: u32,
    /// How many events that tell of a round's changes are in the log twice.
    pub duplicate_events: u32,
}

impl CompanySpec {
    /// A company of believable proportions: about ten memberships (six below a thousand people) and eight assignments
    /// per person.
    pub fn for_people(people: u32, seed: u64, now: Timestamp) -> Self {
        let people = people.max(FEWEST_PEOPLE);
        Self {
            people,
            groups: FEWEST_GROUPS + (people / 5).min(40) + people / 20,
            apps: (20 + people / 100).min(800),
            memberships: u64::from(people) * if people < 1000 { 6 } else { 10 },
            assignments: u64::from(people) * 8,
            seed,
            now,
            rounds: 0,
            permille: 10,
            late_events: 0,
            lost_events: 0,
            duplicate_events: 0,
        }
    }
}

/// A whole organisation.
#[derive(Debug)]
pub struct Company {
    /// What was asked for, after raising what was too small.
    pub spec: CompanySpec,
    /// The organisation's id.
    pub id: Id,
    /// Everyone who has or had an account; the special people come first.
    pub users: Vec<User>,
    /// Indices of the users who are not deactivated: the members of *Everyone*.
    pub live: Vec<u32>,
    /// Groups; number [`EVERYONE`] is *Everyone*.
    pub groups: Vec<Group>,
    /// Rules that put people into groups.
    pub rules: Vec<Rule>,
    /// Applications; the special ones come first.
    pub apps: Vec<App>,
    /// Administrator roles that the organisation defined itself.
    pub custom_roles: Vec<CustomRole>,
    /// What custom roles are limited to.
    pub resource_sets: Vec<ResourceSet>,
    /// Who holds which administrator role.
    pub role_assignments: Vec<RoleAssignment>,
    /// Who is responsible for which group, in the order of the groups.
    pub owners: Vec<GroupOwner>,
    /// Which groups are pushed to which applications, in the order of the applications.
    pub push_mappings: Vec<PushMapping>,
    /// What machine clients may ask the provider's own API for, in the order of the applications.
    pub grants: Vec<Grant>,
    /// The keys and secrets of applications, in the order of the applications.
    pub credentials: Vec<Credential>,
    /// Which machine client holds which administrator role, in the order of the applications.
    pub client_roles: Vec<ClientRole>,
    /// The organisation's API tokens.
    pub api_tokens: Vec<ApiToken>,
    /// Integrations that were added as API services.
    pub api_services: Vec<ApiService>,
    /// Policies of all types, in the order of [`POLICY_TYPES`].
    pub policies: Vec<Policy>,
    /// The second factors that people enrolled, in the order of the users.
    pub factors: Vec<Factor>,
    /// Registered devices.
    pub devices: Vec<Device>,
    /// Everything else that is set up: zones, hooks, identity providers and the like, kind by kind.
    pub settings: Vec<Setting>,
    /// The system log in the order in which events became known, including those that are too old to be served. That is
    /// the order of their times, except for late and repeated ones.
    pub events: Vec<Event>,
    /// Tokens that rounds ended, for events from before.
    pub(crate) revoked_tokens: Vec<ApiToken>,
    /// Names that things had before, for events from then.
    pub(crate) former_names: FormerNames,
    /// What rounds did to rows of `(application, user)`.
    pub(crate) app_user_edits: BTreeMap<(u32, u32), AppUserEdit>,
    /// What the rounds changed, each round by itself: what was undone within a round is left out.
    pub(crate) changes: Vec<Noted>,
    /// Events, by number, whose way into the log was not the usual one.
    pub(crate) fates: BTreeMap<u32, Fate>,
}

/// Index of the built-in group *Everyone*.
pub const EVERYONE: u32 = 0;

/// How far back the system log is served.
pub(crate) const LOG_RETENTION: i64 = 90 * DAY;

/// An account.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are the provider's own")]
pub struct User {
    pub id: Id,
    pub login: String,
    pub first_name: Cow<'static, str>,
    pub last_name: Cow<'static, str>,
    pub status: Status,
    pub kind: UserKind,
    /// Index into [`DEPARTMENTS`].
    pub department: u8,
    /// Index into the department's teams.
    pub team: u8,
    /// Index into [`LOCATIONS`].
    pub location: u8,
    pub title: &'static str,
    pub manager: Option<u32>,
    pub imported_from_directory: bool,
    pub created: i64,
    pub activated: Option<i64>,
    pub status_changed: Option<i64>,
    pub last_login: Option<i64>,
    pub last_updated: i64,
    pub password_changed: Option<i64>,
    /// Whether the account is gone for good. It was deactivated before.
    pub deleted: bool,
}

impl User {
    /// Whether the account exists for the plain lists: everything but deactivated.
    pub fn is_live(&self) -> bool {
        self.status != Status::Deprovisioned
    }
}

/// The status of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the provider's own")]
pub enum Status {
    Staged,
    Provisioned,
    Active,
    Recovery,
    LockedOut,
    PasswordExpired,
    Suspended,
    Deprovisioned,
}

impl Status {
    /// As the provider writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "STAGED",
            Self::Provisioned => "PROVISIONED",
            Self::Active => "ACTIVE",
            Self::Recovery => "RECOVERY",
            Self::LockedOut => "LOCKED_OUT",
            Self::PasswordExpired => "PASSWORD_EXPIRED",
            Self::Suspended => "SUSPENDED",
            Self::Deprovisioned => "DEPROVISIONED",
        }
    }
}

/// What kind of account somebody has (`profile.userType`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum UserKind {
    Employee,
    Contractor,
    Service,
}

impl UserKind {
    /// As written in the profile.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Employee => "Employee",
            Self::Contractor => "Contractor",
            Self::Service => "Service",
        }
    }
}

/// A group.
#[derive(Debug)]
pub struct Group {
    /// The group's id.
    pub id: Id,
    /// Its name, unique in the organisation.
    pub name: String,
    /// Its description; null for some.
    pub description: Option<String>,
    /// Where the group comes from.
    pub kind: GroupKind,
    /// Sorted indices of the members that are not deactivated. Empty for *Everyone*: see [`Company::members`].
    pub members: Vec<u32>,
    /// Deactivated accounts that never left the group. The group's member list does not show them.
    pub former_members: Vec<u32>,
    /// When the group was made.
    pub created: i64,
    /// When its profile changed last.
    pub last_updated: i64,
    /// When its members changed last.
    pub last_membership_updated: i64,
    /// Whether the group is gone. It has no members then, and nothing names it.
    pub deleted: bool,
}

/// Where a group comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupKind {
    /// *Everyone*.
    BuiltIn,
    /// Made in the organisation.
    Native,
    /// Imported from this application (index).
    Imported(u32),
}

/// A rule that puts people into groups.
#[derive(Debug)]
pub struct Rule {
    /// The rule's id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `INACTIVE` or `INVALID`.
    pub status: &'static str,
    /// The condition, in the provider's expression language.
    pub expression: String,
    /// The groups it fills (indices).
    pub groups: Vec<u32>,
    /// People it leaves out (indices).
    pub excluded: Vec<u32>,
    /// When the rule was made.
    pub created: i64,
    /// When it was changed last.
    pub last_updated: i64,
}

/// An application.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own name in the API")]
pub struct App {
    /// The application's id.
    pub id: Id,
    /// The catalogue key, such as `slack`; not unique.
    pub name: String,
    /// What people see; unique in the organisation.
    pub label: String,
    /// Whether its status is `ACTIVE` (otherwise `INACTIVE`).
    pub active: bool,
    /// How people sign on; null for directories.
    pub sign_on_mode: Option<SignOnMode>,
    /// Whether everyone may use it without any assignment.
    pub implicit: bool,
    /// Whether it is a machine client without users.
    pub service: bool,
    /// Whether accounts are pushed to the application.
    pub provisioning: bool,
    /// The groups it is assigned to, lowest priority number first.
    pub groups: Vec<AppGroup>,
    /// One row per user who has it, sorted by user.
    pub users: Vec<AppUser>,
    /// When it was added.
    pub created: i64,
    /// When its settings changed last.
    pub last_updated: i64,
    /// Whether the application is gone. It has neither users nor groups then, and nothing names it.
    pub deleted: bool,
}

/// How people sign on to an application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the provider's own")]
pub enum SignOnMode {
    Saml,
    OpenIdConnect,
    Bookmark,
    BrowserPlugin,
    SecurePasswordStore,
    AutoLogin,
}

impl SignOnMode {
    /// As the provider writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "SAML_2_0",
            Self::OpenIdConnect => "OPENID_CONNECT",
            Self::Bookmark => "BOOKMARK",
            Self::BrowserPlugin => "BROWSER_PLUGIN",
            Self::SecurePasswordStore => "SECURE_PASSWORD_STORE",
            Self::AutoLogin => "AUTO_LOGIN",
        }
    }
}

/// A group to which an application is assigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppGroup {
    /// The group's index.
    pub group: u32,
    /// The lowest number wins where several groups assign the same person.
    pub priority: u32,
    /// When the assignment was made or changed.
    pub last_updated: i64,
}

/// A person's row in an application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppUser {
    /// The user's index.
    pub user: u32,
    /// The winning group; `None` when the person is assigned directly (scope `USER`), which wins over groups.
    pub via: Option<u32>,
    /// Whether the row's own status is `DEPROVISIONED`.
    pub deprovisioned: bool,
}

impl Company {
    /// Invents the company. Linear in the sizes asked for; 100,000 people take seconds.
    pub fn generate(spec: CompanySpec) -> Self {
        let spec = CompanySpec {
            people: spec.people.max(FEWEST_PEOPLE),
            groups: spec.groups.max(FEWEST_GROUPS),
            apps: spec.apps.max(FEWEST_APPS),
            ..spec
        };
        let mut users = people::generate(&spec);
        let live: Vec<u32> = indices(&users).filter(|&user| users[user as usize].is_live()).collect();
        let (groups, rules) = groups::generate(&spec, &users, &live);
        let role_assignments = admins::assignments(&spec, &users, &live);
        let apps = apps::generate(&spec, &users, &live, &groups, &role_assignments);
        let events = activity::generate(&spec, &mut users, &apps);
        let api_tokens = clients::api_tokens(&spec, &users);
        let mut company = Self {
            owners: ownership::owners(&spec, &users, &live),
            push_mappings: ownership::push_mappings(&spec, &groups, &apps),
            grants: clients::grants(&spec, &apps),
            credentials: clients::credentials(&spec, &apps),
            client_roles: clients::roles(&spec, &apps),
            api_services: clients::api_services(&spec),
            policies: sign_in::policies(&spec),
            factors: sign_in::factors(&spec, &users),
            devices: sign_in::devices(&spec, &users),
            settings: settings::generate(&spec, &apps, &api_tokens),
            api_tokens,
            id: Id::new(spec.seed, "00o", 0),
            users,
            live,
            groups,
            rules,
            apps,
            custom_roles: admins::custom_roles(&spec),
            resource_sets: admins::resource_sets(&spec),
            role_assignments,
            events,
            revoked_tokens: Vec::new(),
            former_names: FormerNames::default(),
            app_user_edits: BTreeMap::new(),
            changes: Vec::new(),
            fates: BTreeMap::new(),
            spec,
        };
        changes::apply(&mut company);
        company
    }

    /// Sorted indices of a group's members who are not deactivated; for *Everyone* all such users.
    pub fn members(&self, group: u32) -> &[u32] {
        if group == EVERYONE { &self.live } else { &self.groups[group as usize].members }
    }

    /// The special person with this local part, such as [`ADA`].
    pub fn person(&self, local_part: &str) -> Option<&User> {
        let login = login(local_part);
        self.users.iter().find(|user| user.login == login)
    }

    /// The application with this label.
    pub fn app(&self, label: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.label == label && !app.deleted)
    }

    /// The group with this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name && !group.deleted)
    }

    /// The events that the log still serves. Nothing grows too old while the rounds last, which are seconds.
    pub fn served_events(&self) -> &[Event] {
        let oldest = self.spec.now.as_millisecond() - LOG_RETENTION;
        &self.events[self.events.partition_point(|event| event.time < oldest)..]
    }

    /// The moment at which the company is looked at, in milliseconds since 1970: after the last round.
    pub fn now(&self) -> i64 {
        match self.spec.rounds {
            0 => self.spec.now.as_millisecond(),
            rounds => self.start_of_round(rounds + 1),
        }
    }

    /// When a round begins, in milliseconds since 1970; rounds are counted from 1.
    pub fn start_of_round(&self, round: u32) -> i64 {
        self.spec.now.as_millisecond() + i64::from(round) * 20 * SECOND
    }
}

/// The login of the special person with this local part.
pub fn login(local_part: &str) -> String {
    format!("{local_part}@{DOMAIN}")
}

/// The index of a special person, group or application among their names.
fn position<'a>(mut names: impl Iterator<Item = &'a str>, wanted: &str) -> u32 {
    names.position(|name| name == wanted).unwrap_or_default() as u32
}

fn indices<T>(items: &[T]) -> impl Iterator<Item = u32> + use<T> {
    0..items.len() as u32
}

/// A whole second between `low` and `high`.
fn moment(rng: &mut Rng, low: i64, high: i64) -> i64 {
    rng.between(low, high) / 1000 * 1000
}

/// A value that depends on an object's number only: for details that need no stream of their own.
fn detail(seed: u64, topic: u64, index: u32) -> u64 {
    scramble(seed ^ scramble(topic ^ (u64::from(index) << 8)))
}

/// `size` distinct members of `pool`, sorted.
fn sample(rng: &mut Rng, pool: &[u32], size: usize, taken: &mut Marks) -> Vec<u32> {
    let size = size.min(pool.len());
    let mut chosen = Vec::with_capacity(size);
    if size * 4 > pool.len() {
        let mut needed = size as u64;
        for (position, &item) in pool.iter().enumerate() {
            if rng.below((pool.len() - position) as u64) < needed {
                chosen.push(item);
                needed -= 1;
            }
        }
    } else {
        taken.clear();
        while chosen.len() < size {
            let item = *rng.pick(pool);
            if taken.add(item) {
                chosen.push(item);
            }
        }
        chosen.sort_unstable();
    }
    chosen
}

/// A set of indices that is emptied in no time.
struct Marks {
    round: u32,
    rounds: Vec<u32>,
}

impl Marks {
    fn new(length: usize) -> Self {
        Self { round: 0, rounds: vec![0; length] }
    }

    fn clear(&mut self) {
        self.round += 1;
    }

    /// True when the index was not yet in the set.
    fn add(&mut self, index: u32) -> bool {
        std::mem::replace(&mut self.rounds[index as usize], self.round) != self.round
    }

    fn has(&self, index: u32) -> bool {
        self.rounds[index as usize] == self.round
    }
}
