//! From one answer to facts and further tasks; no I/O.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sightline_core::source::Finding;
use sightline_core::{
    ActivityWindow, Error, ErrorKind, GapReason, Holding, HoldingScope, Principal, Record, Result, Scope,
    Step, Tallies, Task, Time, Usage,
};
use sightline_http::Cursor;

use crate::decode::{Objects, drift, lenient, lenient_object, list, object, objects};
use crate::map::{
    self, AppGroup, AppUser, CustomRole, LogEvent, Member, OktaApp, OktaGroup, OktaRule, OktaUser,
    RoleAssignment, RoleHeld, known,
};
use crate::task::OktaTask;

/// What one answer said, apart from its body.
pub(crate) struct Answer<'a> {
    pub(crate) body: &'a [u8],
    /// Where the `Link` header says that the list goes on.
    pub(crate) next: Option<Cursor>,
    pub(crate) now: Time,
}

/// Turns the answer to a task into facts and further tasks.
pub(crate) fn absorb(task: &OktaTask, answer: Answer<'_>) -> Result<Step<OktaTask>> {
    let Answer { body, next, now } = answer;
    let mut step = Step::default();
    match task {
        OktaTask::Users { .. } | OktaTask::DeactivatedUsers { .. } => {
            let users = page::<OktaUser>(task, body, known::USER, &mut step)?;
            let deactivated = users.iter().filter(|user| user.is_deactivated()).count() as u64;
            step.tallies.push(("users.deactivated".to_owned(), deactivated));
            step.tallies.push(("users.current".to_owned(), users.len() as u64 - deactivated));
            // Only now: whoever is deactivated while the others are read is in this list, and else would be in neither.
            if matches!(task, OktaTask::Users { .. }) && next.is_none() {
                step.then.push(OktaTask::DeactivatedUsers { cursor: Cursor::default() });
            }
            step.records = users.into_iter().map(OktaUser::into_record).collect();
        }
        OktaTask::Groups { .. } => {
            let groups = page::<OktaGroup>(task, body, known::GROUP, &mut step)?;
            for group in &groups {
                follow_group(group, &mut step);
            }
            step.records = groups.into_iter().map(OktaGroup::into_record).collect();
        }
        OktaTask::GroupMembers { group, .. } => {
            let members = page::<Member>(task, body, known::USER, &mut step)?;
            step.records = members.into_iter().map(|member| member.into_record(group)).collect();
        }
        OktaTask::GroupRules { .. } => {
            let rules = page::<OktaRule>(task, body, known::RULE, &mut step)?;
            step.records = rules.into_iter().map(OktaRule::into_record).collect();
        }
        OktaTask::Apps { .. } => {
            let apps = page::<OktaApp>(task, body, known::APP, &mut step)?;
            let listed = apps.len();
            for app in &apps {
                let Some(app) = app.id() else { continue };
                step.then.push(OktaTask::AppGroups { app: app.to_owned(), cursor: Cursor::default() });
                step.then.push(OktaTask::AppUsers { app: app.to_owned(), cursor: Cursor::default() });
            }
            step.records = apps.into_iter().filter_map(OktaApp::into_record).collect();
            note_odd(task, (listed - step.records.len()) as u64, &mut step);
        }
        OktaTask::AppUsers { app, .. } => {
            let users = page::<AppUser>(task, body, known::APP_USER, &mut step)?;
            step.records = users.into_iter().map(|user| user.into_record(app)).collect();
        }
        OktaTask::AppGroups { app, .. } => {
            let groups = page::<AppGroup>(task, body, known::APP_GROUP, &mut step)?;
            step.records = groups.into_iter().map(|group| group.into_record(app)).collect();
        }
        OktaTask::Roles { cursor } => {
            if cursor.is_start() {
                step.records.extend(map::standard_roles());
            }
            let envelope: Envelope<'_> = object(body)?;
            let roles = take::<CustomRole>(
                task,
                objects(envelope.roles.as_deref().ok_or_else(no_list)?),
                known::ROLE,
                &mut step,
            );
            step.records.extend(roles.into_iter().map(CustomRole::into_record));
            return Ok(finish(task, envelope.next(task)?, step));
        }
        OktaTask::RoleAssignees { .. } => {
            let envelope: Envelope<'_> = object(body)?;
            let assignees = take::<map::Identified>(
                task,
                objects(envelope.value.as_deref().ok_or_else(no_list)?),
                known::ASSIGNEE,
                &mut step,
            );
            step.tallies.push(("role_assignees.users".to_owned(), assignees.len() as u64));
            step.then.extend(assignees.into_iter().map(|user| OktaTask::UserRoles { user: user.id }));
            return Ok(finish(task, envelope.next(task)?, step));
        }
        OktaTask::UserRoles { user } => roles_of(task, &Principal::Account(user.clone()), body, &mut step)?,
        OktaTask::GroupRoles { group } => roles_of(task, &Principal::Group(group.clone()), body, &mut step)?,
        OktaTask::RoleTargets { .. } => return absorb_targets(task, body, next),
        OktaTask::Log { cursor, .. } => {
            let next = next.filter(|next| next != cursor);
            let is_present = next.is_none();
            let pages = vec![read_events(body, task)?];
            return Ok(absorb_log(task, pages, next.unwrap_or_else(|| cursor.clone()), is_present, now));
        }
        // Needs no answer.
        OktaTask::Everyone { .. } => {}
    }
    Ok(finish(task, next, step))
}

/// Compares *Everyone* with the users that were read; Okta does not say whether its count includes deactivated users.
pub(crate) fn check_everyone(task: &OktaTask, count: Option<u64>, so_far: &Tallies) -> Step<OktaTask> {
    let current = so_far.get("users.current");
    let all = current + so_far.get("users.deactivated");
    let mut step = Step::default();
    if let Some(count) = count.filter(|count| *count != current && *count != all) {
        step.gaps.push(Finding {
            scope: task.about().scope,
            reason: GapReason::CountMismatch,
            detail: format!(
                "Okta counts {count} members of Everyone; {current} users that are not deactivated were read"
            ),
        });
    }
    step
}

/// The tasks that a group leads to, decided by its counts.
fn follow_group(group: &OktaGroup, step: &mut Step<OktaTask>) {
    let stats = group.stats();
    let count = stats.and_then(|stats| stats.users_count);
    let id = group.id.clone();
    if group.is_everyone() {
        step.then.push(OktaTask::Everyone { group: id.clone(), count });
    } else if count == Some(0) {
        step.empty.push(Scope::under("group_members", &id));
    } else {
        step.then.push(OktaTask::GroupMembers { group: id.clone(), cursor: Cursor::default() });
    }
    // A flag that is missing says nothing, so the roles are asked for.
    if stats.and_then(|stats| stats.is_admin()) != Some(false) {
        step.tallies.push(("group_roles.groups".to_owned(), 1));
        step.then.push(OktaTask::GroupRoles { group: id });
    }
    step.tallies
        .push(("groups.resource_edges".to_owned(), stats.and_then(|stats| stats.apps_count).unwrap_or(0)));
}

fn roles_of(task: &OktaTask, principal: &Principal, body: &[u8], step: &mut Step<OktaTask>) -> Result<()> {
    let roles = page::<RoleAssignment>(task, body, known::ROLE_ASSIGNMENT, step)?;
    let listed = roles.len();
    let held: Vec<RoleHeld> =
        roles.into_iter().filter_map(|role| role.into_held(principal.clone())).collect();
    note_odd(task, (listed - held.len()) as u64, step);
    for RoleHeld { holding, ask } in held {
        match ask {
            None => step.records.push(Record::Holding(holding)),
            Some((kind, assignment)) => step.then.push(OktaTask::RoleTargets {
                holding: Box::new(holding),
                assignment,
                kind,
                found: Vec::new(),
                cursor: Cursor::default(),
            }),
        }
    }
    Ok(())
}

fn absorb_targets(task: &OktaTask, body: &[u8], next: Option<Cursor>) -> Result<Step<OktaTask>> {
    let OktaTask::RoleTargets { holding, assignment, kind, found, .. } = task else {
        return Ok(Step::default());
    };
    let list: serde_json::Value = object(body)?;
    let Some(targets) = kind.listed(&list) else {
        return Err(Error::new(ErrorKind::Protocol, "the targets of a role are not a list"));
    };
    let found: Vec<String> = found.iter().cloned().chain(targets).collect();
    let (holding, assignment, kind) = (holding.clone(), assignment.clone(), *kind);
    let tallies = vec![(format!("{}.target_reads", task.about().scope.dataset), 1)];
    Ok(match next {
        Some(cursor) => {
            let next = OktaTask::RoleTargets { holding, assignment, kind, found, cursor };
            Step { then: vec![next], tallies, ..Step::default() }
        }
        None => Step {
            tallies,
            records: vec![Record::Holding(Holding { scope: map::scope_of(found), ..*holding })],
            ..Step::default()
        },
    })
}

/// A role whose targets cannot be read: it is held, and how far it reaches is unknown; neither the org nor nothing.
pub(crate) fn unknown_targets(
    task: &OktaTask,
    holding: &Holding,
    reason: GapReason,
    why: &str,
) -> Step<OktaTask> {
    let scope = HoldingScope::Unknown(why.to_owned());
    Step {
        records: vec![Record::Holding(Holding { scope, ..holding.clone() })],
        gaps: vec![Finding { scope: task.about().scope, reason, detail: why.to_owned() }],
        ..Step::default()
    }
}

/// What a page of the log says.
pub(crate) struct Events {
    usage: Vec<Usage>,
    odd: u64,
    last: Option<Time>,
    is_empty: bool,
}

/// Understands a page of the log by itself, so that several can be understood at once.
pub(crate) fn read_events(body: &[u8], task: &OktaTask) -> Result<Events> {
    let counted_to = if let OktaTask::Log { counted_to, .. } = task { *counted_to } else { None };
    let found = list::<LogEvent>(body)?;
    let events = found.understood;
    Ok(Events {
        usage: map::usage(&events, counted_to),
        odd: found.odd,
        last: events.iter().filter_map(|event| event.published).max(),
        is_empty: events.is_empty(),
    })
}

/// Goes on in the log after some pages in a row, or leaves off where they reach the present.
pub(crate) fn absorb_log(
    task: &OktaTask,
    pages: Vec<Events>,
    cursor: Cursor,
    is_present: bool,
    now: Time,
) -> Step<OktaTask> {
    let OktaTask::Log { since, walk_started, read_to, read_until, counted_to, .. } = task else {
        return Step::default();
    };
    let walk_started = walk_started.unwrap_or(now);
    let mut step = Step::default();
    // One event that is not understood is one use that is missed, so it counts as a gap like everywhere else.
    note_odd(task, pages.iter().map(|page| page.odd).sum(), &mut step);
    let last = pages.iter().filter_map(|page| page.last).max();
    // The log is followed by its cursor for ever: a page without events is the present, too.
    let is_empty = pages.last().is_none_or(|page| page.is_empty);
    let caught_up = is_present || is_empty || last.is_some_and(|last| last > walk_started);
    let read_to = (*read_to).max(last);
    let until = if caught_up { now } else { read_to.unwrap_or(*since) };
    let mut rolled: BTreeMap<(String, Option<String>), Usage> = BTreeMap::new();
    for usage in pages.into_iter().flat_map(|page| page.usage) {
        match rolled.entry((usage.account.clone(), usage.resource.clone())) {
            Entry::Occupied(mut entry) => entry.get_mut().merge(&usage),
            Entry::Vacant(entry) => {
                entry.insert(usage);
            }
        }
    }
    step.records = rolled.into_values().map(Record::Usage).collect();
    step.records.push(Record::ActivityWindow(ActivityWindow { since: *since, until: until.max(*since) }));
    let onward = OktaTask::Log {
        since: *since,
        cursor,
        walk_started: if caught_up { None } else { Some(walk_started) },
        read_to,
        read_until: if caught_up { Some(now) } else { *read_until },
        counted_to: *counted_to,
    };
    if caught_up {
        step.later.push(onward);
    } else {
        step.then.push(onward);
    }
    step
}

/// The walk anew from a time, after its cursor has died: from a little before what was read, because events arrive
/// late, and no earlier than the log is kept.
pub(crate) fn restart_log(task: &OktaTask, oldest: Time) -> Option<OktaTask> {
    let OktaTask::Log { since, cursor, read_to, .. } = task else { return None };
    if cursor.is_start() && *since >= oldest {
        return None;
    }
    let from = read_to.map_or(*since, |read_to| read_to.before(LATE_EVENTS)).max(oldest);
    Some(OktaTask::Log {
        since: from,
        cursor: Cursor::default(),
        walk_started: None,
        read_to: *read_to,
        read_until: None,
        counted_to: *read_to,
    })
}

/// How late an event may appear in the log.
const LATE_EVENTS: std::time::Duration = std::time::Duration::from_mins(15);

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    value: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    roles: Option<Vec<&'a RawValue>>,
    #[serde(default, rename = "_links", deserialize_with = "lenient_object")]
    links: Option<EnvelopeLinks>,
}

#[derive(Deserialize)]
struct EnvelopeLinks {
    #[serde(default, deserialize_with = "lenient_object")]
    next: Option<EnvelopeLink>,
}

#[derive(Deserialize)]
struct EnvelopeLink {
    #[serde(default, deserialize_with = "lenient")]
    href: Option<String>,
}

impl Envelope<'_> {
    /// These lists name their next page in the body, not in a header.
    fn next(&self, task: &OktaTask) -> Result<Option<Cursor>> {
        let Some(next) = self.links.as_ref().and_then(|links| links.next.as_ref()) else { return Ok(None) };
        // The rest of the list must not be taken for its end.
        let cursor = next.href.as_ref().and_then(|link| Cursor::from_link(link, &task.query()));
        let unusable = || Error::new(ErrorKind::Protocol, "the next page of a list cannot be asked for");
        let cursor = cursor.ok_or_else(unusable)?;
        if Some(&cursor) == task.cursor() {
            return Err(Error::new(ErrorKind::Protocol, "the list repeats its cursor instead of going on"));
        }
        Ok(Some(cursor))
    }
}

/// An answer without the list that it should hold is no empty list.
fn no_list() -> Error {
    Error::new(ErrorKind::Protocol, "the answer does not hold the list that it should")
}

fn page<T: DeserializeOwned>(
    task: &OktaTask,
    body: &[u8],
    known: &[&str],
    step: &mut Step<OktaTask>,
) -> Result<Vec<T>> {
    Ok(take(task, list::<T>(body)?, known, step))
}

fn take<T>(task: &OktaTask, found: Objects<T>, known: &[&str], step: &mut Step<OktaTask>) -> Vec<T> {
    note_odd(task, found.odd, step);
    step.drift.extend(drift(task.template(), found.sample.as_ref(), known));
    found.understood
}

fn note_odd(task: &OktaTask, odd: u64, step: &mut Step<OktaTask>) {
    if odd > 0 {
        step.gaps.push(Finding {
            scope: task.about().scope,
            reason: GapReason::Undecodable,
            detail: format!("{odd} objects in the answer of {} were not understood", task.template()),
        });
    }
}

fn finish(task: &OktaTask, next: Option<Cursor>, mut step: Step<OktaTask>) -> Step<OktaTask> {
    if let Some(next) = next {
        step.then.push(task.at(next));
    }
    step
}
