//! The system log: who used what, what was changed, and what has to be read again because of it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sightline_core::{ActivityWindow, Change, Party, Record, Result, SoFar, Step, Time, Usage};
use sightline_http::Cursor;

use crate::absorb::{OVERLAP, note_odd};
use crate::decode::{lenient, lenient_object, lenient_objects, list, time};
use crate::list::List;
use crate::task::{Feed, LATE_EVENTS, ObjectKind, OktaTask, Page, Walk};

/// The number of reads that events of this sync have led to.
pub(crate) const DIRTY: &str = "dirty";
/// Event types that are usage.
const SIGN_IN: &str = "user.session.start";
/// See [`SIGN_IN`].
const SIGN_ON: &str = "user.authentication.sso";

/// Event types that are changes, by how they start; those that only tell of use are left out, because there are far more.
const CHANGES: &[&str] = &[
    "user.lifecycle.",
    "user.account.",
    "user.realm.",
    "user.mfa.factor.",
    "group.",
    "application.",
    "app.oauth2.client.",
    "app.oauth2.admin.",
    "app.oauth2.credentials.",
    "app.user_management",
    "iam.",
    "policy.lifecycle.",
    "policy.rule.",
    "policy.mapping.",
    "system.api_token.",
    "system.idp.",
    "system.import.",
    "system.log_stream.",
    "event_hook.",
    "inline_hook.",
    "zone.",
    "security.trusted_origin.",
    "security.authenticator.",
    "security.behavior.",
    "security.threat.configuration.",
    "oauth2.",
    "device.lifecycle.",
    "device.enrollment.",
    "device.user.",
    "device.assurance.",
    "directory.",
];

/// Events that name no single object that could be read again: the whole of what they are about is listed.
const LISTED_AGAIN: &[(&str, List)] = &[
    ("iam.role.", List::Roles),
    ("iam.resourceset.", List::ScopeSets),
    // Rules of groups are told of as rules of a policy, too.
    ("group.user_membership.rule.", List::GroupRules),
    ("policy.rule.", List::GroupRules),
    ("policy.", List::Policies),
    ("application.policy.", List::Policies),
    ("system.api_token.", List::ApiTokens),
    ("system.idp.", List::IdentityProviders),
    ("system.log_stream.", List::LogStreams),
    ("event_hook.", List::EventHooks),
    ("inline_hook.", List::InlineHooks),
    ("zone.", List::NetworkZones),
    ("security.trusted_origin.", List::TrustedOrigins),
    ("security.authenticator.", List::Authenticators),
    ("security.behavior.", List::Behaviors),
    ("security.threat.configuration.", List::ThreatInsight),
    ("oauth2.", List::AuthorizationServers),
    ("device.assurance.", List::DeviceAssurances),
    // A device that is gone shows in no search by time, nor does a user who left it.
    ("device.lifecycle.delete", List::Devices),
    ("device.user.remove", List::Devices),
    ("directory.realm.", List::Realms),
    ("directory.linked_object.", List::LinkedObjectDefinitions),
    ("directory.user_type.", List::UserTypes),
];

/// Events after which groups may have other members, without a word about which.
const MOVE_COUNTS: &[&str] = &[
    "system.import.complete",
    "app.user_management",
    "user.lifecycle.activate",
    "user.lifecycle.deactivate",
    "user.lifecycle.reactivate",
];

impl Feed {
    /// The filter that leaves only these events.
    pub(crate) fn filter(self) -> String {
        match self {
            Self::Usage => format!("eventType eq \"{SIGN_ON}\" or eventType eq \"{SIGN_IN}\""),
            Self::Changes => {
                let starts = CHANGES.iter().map(|start| format!("eventType sw \"{start}\""));
                starts.collect::<Vec<_>>().join(" or ")
            }
        }
    }
}

/// What a page of the log says.
pub(crate) struct Events {
    records: Vec<Record>,
    /// What has to be read again.
    dirty: Dirty,
    odd: u64,
    last: Option<Time>,
    is_empty: bool,
}

/// Understands a page of the log by itself, so that several can be understood at once.
pub(crate) fn read_events(body: &[u8], walk: &Walk) -> Result<Events> {
    let found = list::<LogEvent>(body)?;
    let events = found.understood;
    let mut dirty = Dirty::default();
    let records = match walk.feed {
        Feed::Usage => usage(&events, walk.counted_to).into_iter().map(Record::Usage).collect(),
        Feed::Changes => {
            if walk.follow {
                for event in &events {
                    dirty.note(event);
                }
            }
            let changes = events.iter().filter_map(LogEvent::to_change);
            changes.map(|change| Record::Change(Box::new(change))).collect()
        }
    };
    let last = events.iter().filter_map(|event| event.published).max();
    Ok(Events { records, dirty, odd: found.odd, last, is_empty: events.is_empty() })
}

/// Goes on in the log after some pages in a row, or leaves off where they reach the present.
pub(crate) fn absorb_log(
    walk: &Walk,
    pages: Vec<Events>,
    cursor: Cursor,
    is_present: bool,
    now: Time,
    so_far: &SoFar,
) -> Step<OktaTask> {
    let walk_started = walk.walk_started.unwrap_or(now);
    let mut step = Step::default();
    // One event that is not understood is one use that is missed, so it counts as a gap like everywhere else.
    note_odd(&OktaTask::Log(walk.clone()), pages.iter().map(|page| page.odd).sum(), &mut step);
    let last = pages.iter().filter_map(|page| page.last).max();
    // The log is followed by its cursor for ever: a page without events is the present, too.
    let is_empty = pages.last().is_none_or(|page| page.is_empty);
    let caught_up = is_present || is_empty || last.is_some_and(|last| last > walk_started);
    let read_to = walk.read_to.max(last);
    let mut dirty = Dirty::default();
    for page in pages {
        step.records.extend(page.records);
        dirty.merge(page.dirty);
    }
    if walk.feed == Feed::Usage {
        step.records = rolled_up(step.records);
        let until = if caught_up { now } else { read_to.unwrap_or(walk.since) };
        let window = ActivityWindow { since: walk.since, until: until.max(walk.since) };
        step.records.push(Record::ActivityWindow(window));
    }
    step.then = dirty.into_tasks(so_far, now);
    step.tallies.push((DIRTY.to_owned(), step.then.len() as u64));
    let read_until = if caught_up { Some(now) } else { walk.read_until };
    let onward = Walk { cursor, read_to, read_until, ..walk.clone() };
    if !caught_up {
        step.then.push(OktaTask::Log(Walk { walk_started: Some(walk_started), ..onward }));
    } else if walk.feed == Feed::Changes && !walk.follow {
        // What was changed while everything was read may have been read before the change.
        let since = walk_started.before(LATE_EVENTS);
        let next = Walk { follow: true, read_to, ..Walk::since(walk.feed, since) };
        step.later.push(OktaTask::Log(next));
    } else {
        step.later.push(OktaTask::Log(Walk { walk_started: None, ..onward }));
    }
    step
}

/// The walk anew from a time, after its cursor has died: from a little before what was read, because events arrive
/// late, and no earlier than the log is kept.
pub(crate) fn restart_log(walk: &Walk, oldest: Time) -> Option<Walk> {
    if walk.cursor.is_start() && walk.since >= oldest {
        return None;
    }
    let from = walk.read_to.map_or(walk.since, |read_to| read_to.before(LATE_EVENTS)).max(oldest);
    Some(Walk {
        follow: walk.follow,
        walk_started: walk.walk_started,
        read_to: walk.read_to,
        counted_to: walk.read_to,
        ..Walk::since(walk.feed, from)
    })
}

/// Use of the same thing by the same account, added up.
fn rolled_up(records: Vec<Record>) -> Vec<Record> {
    let mut rolled: BTreeMap<(String, Option<String>), Usage> = BTreeMap::new();
    for record in records {
        let Record::Usage(usage) = record else { continue };
        match rolled.entry((usage.account.clone(), usage.resource.clone())) {
            Entry::Occupied(mut entry) => entry.get_mut().merge(&usage),
            Entry::Vacant(entry) => {
                entry.insert(usage);
            }
        }
    }
    rolled.into_values().map(Record::Usage).collect()
}

/// What events say is no longer as it was read.
#[derive(Debug, Default)]
struct Dirty {
    lists: BTreeSet<(List, Option<String>)>,
    /// Users and groups that were deleted.
    objects: BTreeSet<(bool, String)>,
    /// Members of groups may have come or gone without an event or a time of their own: after an import, and when an
    /// account is deactivated or comes back, because lists of members leave out those that are.
    counts_moved: bool,
    /// Users of applications.
    app_users: BTreeMap<String, BTreeSet<String>>,
}

impl Dirty {
    fn merge(&mut self, other: Self) {
        self.lists.extend(other.lists);
        self.objects.extend(other.objects);
        self.counts_moved |= other.counts_moved;
        for (app, users) in other.app_users {
            self.app_users.entry(app).or_default().extend(users);
        }
    }

    fn whole(&mut self, list: List) {
        self.lists.insert((list, None));
    }

    fn of(&mut self, list: List, id: Option<&str>) {
        if let Some(id) = id {
            self.lists.insert((list, Some(id.to_owned())));
        }
    }

    /// Notes what an event names; never what it says about it, because events come late and out of order.
    ///
    /// Users and groups that were changed need no event: they are searched for by the time of their change, which
    /// shows everything but their end.
    fn note(&mut self, event: &LogEvent) {
        if !event.may_have_changed() {
            return;
        }
        let Some(kind) = event.event_type.as_deref() else { return };
        let starts = |starts: &[&str]| starts.iter().any(|start| kind.starts_with(start));
        let (user, group, app) =
            (event.target("User"), event.target("UserGroup"), event.target("AppInstance"));
        for (_, list) in LISTED_AGAIN.iter().filter(|(start, _)| kind.starts_with(start)) {
            self.whole(*list);
        }
        if kind.starts_with("user.account.privilege.") {
            self.of(List::UserRoles, user);
        } else if starts(&["user.lifecycle.delete", "system.import.user.delete"]) {
            self.objects.extend(user.map(|id| (true, id.to_owned())));
        } else if starts(&["group.lifecycle.delete", "system.import.group.delete"]) {
            self.objects.extend(group.map(|id| (false, id.to_owned())));
        } else if kind.starts_with("user.mfa.factor.") {
            self.of(List::Factors, user);
        } else if kind.starts_with("group.user_membership.") && !kind.contains(".rule.") {
            self.of(List::GroupMembers, group);
        } else if kind.starts_with("group.privilege.") {
            self.of(List::GroupRoles, group);
        } else if kind.starts_with("group.application_assignment.") {
            self.of(List::AppGroups, app);
        } else if kind.starts_with("application.user_membership.") {
            match (app, user) {
                (Some(app), Some(user)) => {
                    self.app_users.entry(app.to_owned()).or_default().insert(user.to_owned());
                }
                (app, _) => self.of(List::AppUsers, app),
            }
        } else if kind.starts_with("app.oauth2.client.privilege.") {
            self.of(List::ClientRoles, event.application());
        } else if starts(MOVE_COUNTS) {
            self.counts_moved = true;
        } else if kind.starts_with("app.oauth2.admin.consent.") {
            self.of(List::AppGrants, event.application());
        } else if kind.starts_with("application.provision.group_push.") {
            self.of(List::AppPushes, app);
        } else if kind.starts_with("device.user.add") {
            self.of(List::DeviceUsers, event.device());
        }
    }

    /// The tasks that read it again, in the fewest calls.
    fn into_tasks(self, so_far: &SoFar, now: Time) -> Vec<OktaTask> {
        let mut tasks: Vec<OktaTask> = Vec::new();
        for (app, users) in self.app_users {
            let known = so_far.last.get(&format!("app_users/{app}"));
            if (users.len() as u64) < known.div_ceil(500) {
                tasks.extend(users.into_iter().map(|user| OktaTask::AppUser { app: app.clone(), user }));
            } else {
                tasks.push(OktaTask::list_of(List::AppUsers, app));
            }
        }
        if self.counts_moved {
            // All groups are listed, and those whose counts differ are read.
            let since = Some(now.before(OVERLAP));
            tasks.push(OktaTask::Page(Page { since, ..Page::first(List::Groups, None) }));
        }
        tasks.extend(self.objects.into_iter().map(|(is_user, id)| {
            let kind = if is_user { ObjectKind::User } else { ObjectKind::Group };
            OktaTask::Object { kind, id }
        }));
        for (list, of) in self.lists {
            match (list, of) {
                // Who else uses the device stays as it was read.
                (List::DeviceUsers, part) => {
                    let since = Some(now);
                    tasks.push(OktaTask::Page(Page { part, since, ..Page::first(list, None) }));
                }
                (list, Some(of)) => tasks.push(OktaTask::list_of(list, of)),
                (list, None) => tasks.extend(OktaTask::all_of(list)),
            }
        }
        tasks
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEvent {
    #[serde(default, deserialize_with = "lenient")]
    uuid: Option<String>,
    #[serde(default, deserialize_with = "time")]
    published: Option<Time>,
    #[serde(default, deserialize_with = "lenient")]
    event_type: Option<String>,
    #[serde(default, deserialize_with = "lenient_object")]
    outcome: Option<Outcome>,
    #[serde(default, deserialize_with = "lenient_object")]
    actor: Option<Named>,
    #[serde(default, deserialize_with = "lenient_objects")]
    target: Vec<Named>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default, deserialize_with = "lenient")]
    result: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
}

impl Named {
    fn to_party(&self) -> Option<Party> {
        Some(Party { kind: self.kind.clone()?, id: self.id.clone()?, name: self.display_name.clone() })
    }
}

impl LogEvent {
    fn result(&self) -> Option<&str> {
        self.outcome.as_ref().and_then(|outcome| outcome.result.as_deref())
    }

    fn is_success(&self) -> bool {
        matches!(self.result(), Some("SUCCESS" | "ALLOW"))
    }

    /// An attempt that failed changed nothing; what has no outcome may have been done.
    fn may_have_changed(&self) -> bool {
        self.result().is_none() || self.is_success()
    }

    /// Targets come in any order: only the type tells which is which.
    fn target(&self, kind: &str) -> Option<&str> {
        let target = self.target.iter().find(|target| target.kind.as_deref() == Some(kind));
        target.and_then(|target| target.id.as_deref())
    }

    /// The application, whatever its type is called: service applications have several.
    fn application(&self) -> Option<&str> {
        let ids = || self.target.iter().filter_map(|target| target.id.as_deref());
        self.target("AppInstance").or_else(|| ids().find(|id| id.starts_with("0oa")))
    }

    /// The device, whatever its type is called.
    fn device(&self) -> Option<&str> {
        let ids = || self.target.iter().filter_map(|target| target.id.as_deref());
        self.target("Device").or_else(|| ids().find(|id| id.starts_with("guo")))
    }

    fn to_change(&self) -> Option<Change> {
        Some(Change {
            id: self.uuid.clone()?,
            time: self.published?,
            kind: self.event_type.clone()?,
            succeeded: self.may_have_changed(),
            actor: self.actor.as_ref().and_then(Named::to_party),
            targets: self.target.iter().filter_map(Named::to_party).collect(),
        })
    }
}

/// Rolls the events of a page up to one record per account and application; failures are not use.
///
/// Events up to `counted_to` were counted before: they still tell when something was used, but not how often.
fn usage(events: &[LogEvent], counted_to: Option<Time>) -> Vec<Usage> {
    let mut rolled: BTreeMap<(&str, Option<&str>), Usage> = BTreeMap::new();
    for event in events {
        let Some(time) = event.published.filter(|_| event.is_success()) else { continue };
        let Some(actor) = event.actor.as_ref().filter(|actor| actor.kind.as_deref() == Some("User")) else {
            continue;
        };
        let Some(account) = actor.id.as_deref() else { continue };
        let resource = match event.event_type.as_deref() {
            Some(SIGN_IN) => None,
            // Targets come in any order: only the type tells which one is the application.
            Some(SIGN_ON) => match event.target("AppInstance") {
                Some(id) => Some(id),
                None => continue,
            },
            _ => continue,
        };
        let one = Usage {
            account: account.to_owned(),
            resource: resource.map(str::to_owned),
            first: time,
            last: time,
            count: u64::from(counted_to.is_none_or(|counted_to| time > counted_to)),
        };
        rolled.entry((account, resource)).and_modify(|usage| usage.merge(&one)).or_insert(one);
    }
    rolled.into_values().collect()
}
