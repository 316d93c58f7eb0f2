//! The units of work: usually one page of one listing.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sightline_core::{About, Coverage, Holding, Principal, Scope, Task, Time};
use sightline_http::Cursor;

use crate::list::List;

/// One unit of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "snake_case")]
pub enum OktaTask {
    /// A page of a listing.
    Page(Page),
    /// Compares *Everyone* with the users that were read.
    Everyone {
        /// The group's id.
        group: String,
        /// Its members, by Okta's count; none where Okta did not say.
        count: Option<u64>,
    },
    /// One object, named by an event.
    Object {
        /// A user or a group.
        kind: ObjectKind,
        /// Its id.
        id: String,
    },
    /// One user of an application, named by an event.
    AppUser {
        /// The application's id.
        app: String,
        /// The user's id.
        user: String,
    },
    /// A page of what limits a role, where Okta did not send it with the role.
    RoleTargets {
        /// The role as it is held, its scope not yet known.
        holding: Box<Holding>,
        /// The assignment's id, unique for its holder only.
        assignment: String,
        /// What limits it.
        kind: TargetKind,
        /// Targets of the pages before.
        found: Vec<String>,
        /// Where to go on.
        cursor: Cursor,
    },
    /// Pages of the system log.
    Log(Walk),
    /// Whose credential it is and what it may do; everything is read anew when that has changed.
    Reach {
        /// What it was last time.
        last: Option<String>,
    },
}

/// What a single object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A user.
    User,
    /// A group.
    Group,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Which listing.
    pub list: List,
    /// What it is read under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// A part of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Cursor::is_start")]
    pub cursor: Cursor,
    /// Only what was changed since; and of a whole listing, only what was changed since leads on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Only a share of a whole listing leads on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// How often the page size was halved because Okta could not answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shrunk: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One of so many shares of all objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which share, counted from zero.
    pub share: u32,
    /// Of how many.
    pub of: u32,
}

impl Share {
    /// Whether an object belongs to it, by its id: every object belongs to one share.
    pub(crate) fn holds(self, id: &str) -> bool {
        let mixed = id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        mixed % self.of.max(1) == self.share
    }
}

/// A walk through the system log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// What is looked for.
    pub feed: Feed,
    /// From when on this walk covers the log.
    pub since: Time,
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether what the events name is read again.
    pub follow: bool,
    /// When this walk began; it ends at the first event after that, so that a busy log does not hold up a sync for
    /// ever. None for a walk that begins with this task; what was changed since is followed by the next sync.
    pub walk_started: Option<Time>,
    /// The latest event that was read.
    pub read_to: Option<Time>,
    /// When a walk last saw the present; a cursor that is older than the log is kept says nothing about the hole.
    pub read_until: Option<Time>,
    /// Events up to this one were counted by a walk whose cursor has died.
    pub counted_to: Option<Time>,
}

/// What is looked for in the system log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// Who signed in to what.
    Usage,
    /// What was changed, and by whom.
    Changes,
}

/// What limits a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Groups.
    Groups,
    /// Applications.
    Apps,
}

impl Page {
    /// The first page of a listing.
    pub(crate) fn first(list: List, of: Option<String>) -> Self {
        Self { list, of, part: None, cursor: Cursor::default(), since: None, share: None, shrunk: 0 }
    }

    /// Whether all of it leads on.
    pub(crate) const fn is_of_everything(&self) -> bool {
        self.since.is_none() && self.share.is_none()
    }

    /// What it reads.
    pub(crate) fn scope(&self) -> Scope {
        let dataset = self.list.spec().dataset.to_owned();
        Scope { dataset, parent: self.of.clone() }
    }

    /// Whether it and its following pages leave out some of its scope.
    fn is_part(&self) -> bool {
        match self.list {
            List::DeviceUsers => self.since.is_some(),
            List::FactorLane | List::LinkedUsers => true,
            list => list.is_of_changes(),
        }
    }

    /// Our own query parameters; page sizes are the documented maxima, and never more.
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let spec = self.list.spec();
        let mut query: Vec<_> = self.limit().map(|limit| ("limit", limit.to_string())).into_iter().collect();
        query.extend(spec.query.iter().map(|(name, value)| (*name, (*value).to_owned())));
        if let (List::Policies, Some(kind)) = (self.list, &self.part) {
            query.push(("type", kind.clone()));
        }
        let Some(since) = self.since else { return query };
        match self.list {
            List::ChangedUsers | List::ChangedDevices => {
                query.push(("search", format!("lastUpdated ge \"{since}\"")));
            }
            List::ChangedGroups => query.push((
                "filter",
                format!("lastUpdated ge \"{since}\" or lastMembershipUpdated ge \"{since}\""),
            )),
            _ => {}
        }
        query
    }

    /// The page size; none where Okta takes no limit.
    pub(crate) fn limit(&self) -> Option<u32> {
        self.list.spec().page.map(|page| (page >> self.shrunk).max(SMALLEST_PAGE.min(page)))
    }

    /// The same page in smaller pieces; none where it cannot be made smaller.
    pub(crate) fn smaller(&self) -> Option<Self> {
        let smaller = Self { shrunk: self.shrunk + 1, ..self.clone() };
        (smaller.limit() < self.limit()).then_some(smaller)
    }
}

/// Okta refuses a smaller page of the users of an application's groups.
const SMALLEST_PAGE: u32 = 20;

/// Types of policies; Okta lists each by itself, and refuses those that an org cannot have.
pub(crate) const POLICY_TYPES: &[Option<&str>] = &[
    Some("OKTA_SIGN_ON"),
    Some("PASSWORD"),
    Some("MFA_ENROLL"),
    Some("IDP_DISCOVERY"),
    Some("ACCESS_POLICY"),
    Some("PROFILE_ENROLLMENT"),
    Some("POST_AUTH_SESSION"),
    Some("ENTITY_RISK"),
    Some("DEVICE_SIGNAL_COLLECTION"),
    Some("SESSION_VIOLATION_DETECTION"),
    Some("CLIENT_UPDATE"),
];

/// How late an event may appear in the log.
pub(crate) const LATE_EVENTS: Duration = Duration::from_mins(15);

impl Walk {
    /// The log from this time on, of which nothing was read yet.
    pub(crate) fn since(feed: Feed, since: Time) -> Self {
        let cursor = Cursor::default();
        let follow = false;
        Self {
            feed,
            since,
            cursor,
            follow,
            walk_started: None,
            read_to: None,
            read_until: None,
            counted_to: None,
        }
    }

    /// Where the next sync takes up a walk that failed.
    ///
    /// What was not followed yet is followed from the start of this one on: the same change is noted once only. Usage
    /// adds up, so it goes on where it was.
    fn anew(&self) -> Self {
        if self.feed == Feed::Usage || self.follow {
            return self.clone();
        }
        let since = self.walk_started.map_or(self.since, |started| started.before(LATE_EVENTS));
        Self { follow: true, ..Self::since(self.feed, since) }
    }

    pub(crate) const fn dataset(&self) -> &'static str {
        match self.feed {
            Feed::Usage => "activity",
            Feed::Changes => "changes",
        }
    }
}

impl OktaTask {
    /// The first page of a listing.
    pub(crate) fn list(list: List) -> Self {
        Self::Page(Page::first(list, None))
    }

    /// The first pages of all of a listing: one, except of what Okta lists type by type.
    pub(crate) fn all_of(list: List) -> impl Iterator<Item = Self> {
        let types: &[Option<&str>] = if list == List::Policies { POLICY_TYPES } else { &[None] };
        types.iter().map(move |part| {
            let part = part.map(str::to_owned);
            Self::Page(Page { part, ..Page::first(list, None) })
        })
    }

    /// The first page of a listing under something.
    pub(crate) fn list_of(list: List, of: impl Into<String>) -> Self {
        Self::Page(Page::first(list, Some(of.into())))
    }

    /// The path with placeholders.
    pub(crate) const fn template(&self) -> &'static str {
        match self {
            Self::Page(page) => page.list.spec().template,
            Self::Everyone { .. } => "/api/v1/groups",
            Self::Object { kind: ObjectKind::User, .. } => "/api/v1/users/{id}",
            Self::Object { kind: ObjectKind::Group, .. } => "/api/v1/groups/{id}",
            Self::AppUser { .. } => "/api/v1/apps/{id}/users/{part}",
            Self::RoleTargets { holding, kind, .. } => match (&holding.principal, kind) {
                (Principal::Account(_), TargetKind::Groups) => {
                    "/api/v1/users/{id}/roles/{part}/targets/groups"
                }
                (Principal::Account(_), TargetKind::Apps) => {
                    "/api/v1/users/{id}/roles/{part}/targets/catalog/apps"
                }
                (Principal::Group(_), TargetKind::Groups) => {
                    "/api/v1/groups/{id}/roles/{part}/targets/groups"
                }
                (Principal::Group(_), TargetKind::Apps) => {
                    "/api/v1/groups/{id}/roles/{part}/targets/catalog/apps"
                }
                (Principal::Resource(_), TargetKind::Groups) => {
                    "/oauth2/v1/clients/{id}/roles/{part}/targets/groups"
                }
                (Principal::Resource(_), TargetKind::Apps) => {
                    "/oauth2/v1/clients/{id}/roles/{part}/targets/catalog/apps"
                }
            },
            Self::Log(_) => "/api/v1/logs",
            Self::Reach { .. } => "/api/v1/users/me",
        }
    }

    /// What stands for `{id}` and `{part}` in the path.
    pub(crate) fn ids(&self) -> [Option<&str>; 2] {
        match self {
            // The users of a device are a part of the devices, and no scope of their own.
            Self::Page(Page { list: List::DeviceUsers, part, .. }) => [part.as_deref(), None],
            Self::Page(page) => [page.of.as_deref(), page.part.as_deref()],
            Self::Object { id, .. } => [Some(id), None],
            Self::AppUser { app, user } => [Some(app), Some(user)],
            Self::RoleTargets { holding, assignment, .. } => [Some(holding.principal.id()), Some(assignment)],
            Self::Everyone { .. } | Self::Log(_) | Self::Reach { .. } => [None, None],
        }
    }

    /// Where in its list it goes on; none for what comes whole.
    pub(crate) const fn cursor(&self) -> Option<&Cursor> {
        match self {
            Self::Page(Page { cursor, .. })
            | Self::RoleTargets { cursor, .. }
            | Self::Log(Walk { cursor, .. }) => Some(cursor),
            Self::Everyone { .. } | Self::Object { .. } | Self::AppUser { .. } | Self::Reach { .. } => None,
        }
    }

    /// The same list from there on.
    pub(crate) fn at(&self, next: Cursor) -> Self {
        let mut task = self.clone();
        match &mut task {
            Self::Page(Page { cursor, .. })
            | Self::RoleTargets { cursor, .. }
            | Self::Log(Walk { cursor, .. }) => *cursor = next,
            Self::Everyone { .. } | Self::Object { .. } | Self::AppUser { .. } | Self::Reach { .. } => {}
        }
        task
    }

    fn scope(&self) -> Scope {
        match self {
            Self::Page(page) => page.scope(),
            Self::Everyone { group, .. } => Scope::under("group_members", group),
            Self::Object { kind: ObjectKind::User, .. } => Scope::listing("users"),
            Self::Object { kind: ObjectKind::Group, .. } => Scope::listing("groups"),
            Self::AppUser { app, .. } => Scope::under("app_users", app),
            Self::RoleTargets { holding, .. } => {
                let dataset = match &holding.principal {
                    Principal::Account(_) => "user_roles",
                    Principal::Group(_) => "group_roles",
                    Principal::Resource(_) => "client_roles",
                };
                Scope::under(dataset, holding.principal.id())
            }
            Self::Log(walk) => Scope::listing(walk.dataset()),
            Self::Reach { .. } => Scope::listing("reach"),
        }
    }
}

/// The path up to its first `{id}` decides the bucket; Okta counts everything under a collection together, but single
/// objects apart.
fn bucket(template: &str) -> &'static str {
    const BUCKETS: [(&str, &str); 7] = [
        ("/api/v1/users", "users"),
        ("/api/v1/groups", "groups"),
        ("/api/v1/apps", "apps"),
        ("/api/v1/iam", "iam"),
        ("/api/v1/logs", "logs"),
        ("/api/v1/devices", "devices"),
        ("/oauth2/v1/clients", "clients"),
    ];
    match template {
        "/api/v1/users/{id}" | "/api/v1/users/me" => "user",
        "/api/v1/groups/{id}" => "group",
        "/api/v1/apps/{id}" => "app",
        _ => BUCKETS
            .iter()
            .find(|(prefix, _)| template.starts_with(prefix))
            .map_or("other", |(_, bucket)| bucket),
    }
}

impl Task for OktaTask {
    fn about(&self) -> About {
        let (rank, after): (u8, &'static [&'static str]) = match self {
            Self::Log(_) => (90, &[]),
            Self::Reach { .. } => (95, &[]),
            Self::Page(page) => (page.list.spec().rank, &[]),
            Self::Everyone { .. } => (10, &["users"]),
            _ => (50, &[]),
        };
        let coverage = match self {
            Self::Log(_) => Coverage::Onward,
            Self::Page(page) if page.is_part() => Coverage::Part,
            Self::Object { .. } | Self::AppUser { .. } => Coverage::Part,
            Self::Page(_) | Self::Everyone { .. } | Self::RoleTargets { .. } | Self::Reach { .. } => {
                Coverage::Whole
            }
        };
        About { scope: self.scope(), coverage, bucket: bucket(self.template()), after, rank }
    }

    fn anew(&self) -> Self {
        match self {
            Self::Page(page) => Self::Page(Page { cursor: Cursor::default(), ..page.clone() }),
            // A role is read with its targets.
            Self::RoleTargets { holding, .. } => {
                let list = match &holding.principal {
                    Principal::Account(_) => List::UserRoles,
                    Principal::Group(_) => List::GroupRoles,
                    Principal::Resource(_) => List::ClientRoles,
                };
                Self::list_of(list, holding.principal.id())
            }
            Self::Everyone { .. } | Self::Object { .. } | Self::AppUser { .. } | Self::Reach { .. } => {
                self.clone()
            }
            Self::Log(walk) => Self::Log(walk.anew()),
        }
    }
}

impl fmt::Display for OktaTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self {
            Self::Page(page) => match (page.list, &page.part) {
                (List::DeactivatedUsers, _) => " (deactivated)",
                (List::LinkedUsers, _) => " (users)",
                (list, _) if list.is_of_changes() => " (changed)",
                (_, Some(part)) => &format!(" ({part})"),
                (_, None) => "",
            },
            Self::Everyone { .. } => " (everyone)",
            Self::RoleTargets { .. } => " (targets)",
            Self::Object { .. } | Self::AppUser { .. } => " (one)",
            _ => "",
        };
        let page = if self.cursor().is_some_and(|cursor| !cursor.is_start()) { " (next page)" } else { "" };
        write!(f, "{}{part}{page}", self.scope())
    }
}
