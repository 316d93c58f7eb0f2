//! From one answer to facts and further tasks; no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sightline_core::source::Finding;
use sightline_core::{
    Error, ErrorKind, GapReason, Holding, HoldingScope, Principal, Record, Result, Scope, SoFar, Step, Task,
    Time,
};
use sightline_http::Cursor;

use crate::admin::{self, BindingMember, CustomRole, ResourceSet, RoleAssignment, RoleHeld};
use crate::app::{self, OktaApp};
use crate::decode::{Objects, drift, lenient, lenient_object, list, object, objects};
use crate::known;
use crate::list::{Body, List};
use crate::map::{self, Member, OktaGroup, OktaUser};
use crate::posture::{self, DeviceUser, LinkedUser, Thing};
use crate::task::{OktaTask, Page};

/// How late a change may show in an index that is searched by time.
///
/// Okta stamps a change up to some seconds before it was made and shows it up to a minute later.
pub(crate) const OVERLAP: Duration = Duration::from_mins(5);

/// What one answer said, apart from its body.
pub(crate) struct Answer<'a> {
    pub(crate) body: &'a [u8],
    /// Where the `Link` header says that the list goes on.
    pub(crate) next: Option<Cursor>,
    pub(crate) now: Time,
    pub(crate) so_far: &'a SoFar,
}

/// A page of a listing that is being understood.
pub(crate) struct Reading<'a> {
    pub(crate) page: &'a Page,
    /// What it is read under; empty for a listing of everything.
    pub(crate) of: &'a str,
    body: &'a [u8],
    /// Where the list goes on.
    pub(crate) next: Option<Cursor>,
    pub(crate) now: Time,
    pub(crate) so_far: &'a SoFar,
    pub(crate) step: Step<OktaTask>,
    whole: OktaTask,
}

/// Turns a page of a listing into facts and further tasks.
pub(crate) fn absorb(page: &Page, answer: Answer<'_>) -> Result<Step<OktaTask>> {
    let mut reading = Reading {
        page,
        of: page.of.as_deref().unwrap_or_default(),
        body: answer.body,
        next: answer.next,
        now: answer.now,
        so_far: answer.so_far,
        step: Step::default(),
        whole: OktaTask::Page(page.clone()),
    };
    (page.list.spec().read)(&mut reading)?;
    if let Some(next) = reading.next {
        reading.step.then.push(reading.whole.at(next));
    }
    Ok(reading.step)
}

impl<'a> Reading<'a> {
    /// The part of what it is read under.
    fn part(&self) -> &'a str {
        let page: &'a Page = self.page;
        page.part.as_deref().unwrap_or_default()
    }

    /// The objects of the page; those that are not understood become a finding.
    pub(crate) fn objects<T: DeserializeOwned>(&mut self, known: &[&str]) -> Result<Vec<T>> {
        let found = match self.page.list.spec().body {
            Body::Array => list::<T>(self.body)?,
            Body::Single => {
                let raw: &RawValue = object(self.body)?;
                objects(&[raw])
            }
            Body::Field(field) => {
                let envelope: BTreeMap<String, &RawValue> = object(self.body)?;
                let raw = envelope.get(field).ok_or_else(no_list)?;
                let raw: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| no_list())?;
                self.next = next_in(envelope.get("_links").copied(), self.page)?;
                objects(&raw)
            }
        };
        Ok(self.take(found, known))
    }

    /// Makes a record of every object of the page, given what the page is read under; an object that makes none was not
    /// understood.
    pub(crate) fn each<T: DeserializeOwned, R: Into<Option<Record>>>(
        &mut self,
        known: &[&str],
        record: impl Fn(T, &str) -> R,
    ) -> Result<()> {
        let found = self.objects::<T>(known)?;
        let of = self.of;
        self.record(found.into_iter().map(|object| record(object, of).into()));
        Ok(())
    }

    /// Takes records; an object that made none was not understood.
    fn record(&mut self, records: impl Iterator<Item = Option<Record>>) {
        let mut odd = 0;
        for record in records {
            match record {
                Some(record) => self.step.records.push(record),
                None => odd += 1,
            }
        }
        self.note_odd(odd);
    }

    /// Asks for a part of what a listing has under something.
    fn lead_to_part(&mut self, list: List, of: Option<&str>, part: impl Into<String>) {
        let page = Page { part: Some(part.into()), ..Page::first(list, of.map(str::to_owned)) };
        self.step.then.push(OktaTask::Page(page));
    }

    /// Asks for a listing under something.
    pub(crate) fn lead(&mut self, list: List, of: impl Into<String>) {
        self.step.then.push(OktaTask::list_of(list, of));
    }

    /// Asks for these listings under every entity of the page.
    fn lead_from_records(&mut self, lists: &[List]) {
        for record in &self.step.records {
            let Some((_, id)) = record.entity() else { continue };
            self.step.then.extend(lists.iter().map(|list| OktaTask::list_of(*list, id)));
        }
    }

    pub(crate) fn tally(&mut self, name: &str, count: u64) {
        self.step.tallies.push((name.to_owned(), count));
    }

    /// Leaves a listing of what is changed from now on for the next sync.
    pub(crate) fn watch(&mut self, list: List) {
        // Once for each chain of syncs: a look at some of it starts no chain of its own.
        let goes_on = self.page.list == list && self.page.since.is_some();
        if self.page.cursor.is_start() && (goes_on || self.page.is_of_everything()) {
            let since = Some(self.now.before(OVERLAP));
            self.step.later.push(OktaTask::Page(Page { since, ..Page::first(list, None) }));
        }
    }

    /// Notes objects that were not understood.
    pub(crate) fn note_odd(&mut self, odd: u64) {
        note_odd(&self.whole, odd, &mut self.step);
    }

    fn take<T>(&mut self, found: Objects<T>, known: &[&str]) -> Vec<T> {
        self.note_odd(found.odd);
        self.step.drift.extend(drift(self.whole.template(), found.sample.as_ref(), known));
        found.understood
    }
}

pub(crate) fn users(page: &mut Reading<'_>) -> Result<()> {
    let users = page.objects::<OktaUser>(known::USER)?;
    if page.page.list == List::ChangedUsers {
        page.watch(List::ChangedUsers);
    } else {
        let deactivated = users.iter().filter(|user| user.is_deactivated()).count() as u64;
        page.tally("users.deactivated", deactivated);
        page.tally("users.current", users.len() as u64 - deactivated);
    }
    if page.page.list == List::Users {
        page.watch(List::ChangedUsers);
        // Only now: whoever is deactivated while the others are read is in this list, and else would be in neither.
        if page.next.is_none() {
            page.step.then.push(OktaTask::list(List::DeactivatedUsers));
        }
    }
    page.step.records = users.into_iter().map(OktaUser::into_record).collect();
    Ok(())
}

pub(crate) fn groups(page: &mut Reading<'_>) -> Result<()> {
    let groups = page.objects::<OktaGroup>(known::GROUP)?;
    page.watch(List::ChangedGroups);
    for group in &groups {
        if page.page.list == List::ChangedGroups || is_due(page, group) {
            follow_group(page, group);
        }
    }
    page.step.records = groups.into_iter().map(OktaGroup::into_record).collect();
    Ok(())
}

/// Whether what is under a group is read, of a listing that looks for what has changed: by its time or by its count.
fn is_due(page: &Reading<'_>, group: &OktaGroup) -> bool {
    if page.page.is_of_everything() || page.page.share.is_some_and(|share| share.holds(&group.id)) {
        return true;
    }
    let known = page.so_far.last.get(&format!("group_members/{}", group.id));
    let count = group.stats().and_then(|stats| stats.users_count);
    page.page.since.is_some_and(|since| group.changed().is_none_or(|time| time >= since))
        || (!group.is_everyone() && count.is_none_or(|count| count != known))
}

/// The tasks that a group leads to, decided by its counts.
fn follow_group(page: &mut Reading<'_>, group: &OktaGroup) {
    let stats = group.stats();
    let count = stats.and_then(|stats| stats.users_count);
    let id = group.id.clone();
    if group.is_everyone() {
        // It changes with every user; only when all users are read is there anything to compare.
        if page.page.list == List::Groups && page.page.is_of_everything() {
            page.step.then.push(OktaTask::Everyone { group: id.clone(), count });
        }
    } else if count == Some(0) {
        page.step.empty.push(Scope::under("group_members", &id));
    } else {
        page.lead(List::GroupMembers, &id);
    }
    page.lead(List::GroupOwners, &id);
    // A flag that is missing says nothing, so the roles are asked for.
    if stats.and_then(|stats| stats.is_admin()) == Some(false) {
        page.step.empty.push(Scope::under("group_roles", &id));
    } else {
        page.tally("group_roles.groups", 1);
        page.lead(List::GroupRoles, &id);
    }
    page.tally("groups.resource_edges", stats.and_then(|stats| stats.apps_count).unwrap_or(0));
}

pub(crate) fn members(page: &mut Reading<'_>) -> Result<()> {
    page.each::<Member, _>(known::USER, Member::into_record)
}

pub(crate) fn apps(page: &mut Reading<'_>) -> Result<()> {
    let apps = page.objects::<OktaApp>(known::APP)?;
    // Okta cannot list applications by their changes, so all of them are listed every time.
    page.watch(List::Apps);
    for app in &apps {
        let Some(id) = app.id() else { continue };
        // What does not tell when it was changed may have been.
        let unchanged = page.page.since.is_some_and(|since| app.changed().is_some_and(|time| time < since));
        let is_of_share = page.page.share.is_none_or(|share| share.holds(id));
        if !unchanged && is_of_share {
            page.lead(List::AppGroups, id);
            page.lead(List::AppUsers, id);
            if app.is_service() {
                page.lead(List::ClientRoles, id);
                page.lead(List::AppGrants, id);
            }
            match app.features() {
                Some(features) if !features.contains(&"GROUP_PUSH") => {
                    page.step.empty.push(Scope::under("app_pushes", id));
                }
                // Without a list of features, only asking tells.
                _ => page.lead(List::AppPushes, id),
            }
        }
    }
    for app in apps {
        let records = app.into_records();
        page.note_odd(u64::from(records.is_empty()));
        page.step.records.extend(records);
    }
    Ok(())
}

pub(crate) fn roles(page: &mut Reading<'_>) -> Result<()> {
    if page.page.cursor.is_start() {
        page.step.records.extend(admin::standard_roles());
    }
    let roles = page.objects::<CustomRole>(known::ROLE)?;
    for role in &roles {
        page.lead(List::RolePermissions, &role.id);
    }
    page.record(roles.into_iter().map(|role| Some(role.into_record())));
    Ok(())
}

pub(crate) fn role_assignees(page: &mut Reading<'_>) -> Result<()> {
    let assignees = page.objects::<map::Identified>(known::ASSIGNEE)?;
    page.tally("role_assignees.users", assignees.len() as u64);
    for user in assignees {
        page.lead(List::UserRoles, &user.id);
        page.lead(List::Factors, user.id);
    }
    Ok(())
}

pub(crate) fn roles_of(page: &mut Reading<'_>, principal: fn(String) -> Principal) -> Result<()> {
    let roles = page.objects::<RoleAssignment>(known::ROLE_ASSIGNMENT)?;
    let listed = roles.len();
    let principal = principal(page.of.to_owned());
    let held: Vec<RoleHeld> =
        roles.into_iter().filter_map(|role| role.into_held(principal.clone())).collect();
    page.note_odd((listed - held.len()) as u64);
    for RoleHeld { holding, ask } in held {
        match ask {
            None => page.step.records.push(Record::Holding(holding)),
            Some((kind, assignment)) => page.step.then.push(OktaTask::RoleTargets {
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

pub(crate) fn scope_sets(page: &mut Reading<'_>) -> Result<()> {
    let sets = page.objects::<ResourceSet>(known::SCOPE_SET)?;
    for set in &sets {
        page.lead(List::SetResources, &set.id);
        page.lead(List::SetBindings, &set.id);
    }
    page.record(sets.into_iter().map(|set| Some(set.into_record())));
    Ok(())
}

pub(crate) fn set_bindings(page: &mut Reading<'_>) -> Result<()> {
    for role in page.objects::<map::Identified>(known::BINDING)? {
        page.lead_to_part(List::BindingMembers, Some(page.of), role.id);
    }
    Ok(())
}

pub(crate) fn binding_members(page: &mut Reading<'_>) -> Result<()> {
    let role = page.part();
    page.each(known::BINDING_MEMBER, |member: BindingMember, set| member.into_record(set, role))
}

/// A page of users whose second factors are read; the next one is left for the next sync, and after the last the first.
pub(crate) fn factor_lane(page: &mut Reading<'_>) -> Result<()> {
    for user in page.objects::<map::Identified>(known::USER)? {
        page.lead(List::Factors, user.id);
    }
    let next = page.whole.at(page.next.take().unwrap_or_default());
    page.step.later.push(next);
    Ok(())
}

pub(crate) fn settings(page: &mut Reading<'_>) -> Result<()> {
    let list = page.page.list;
    let only = (list.spec().body == Body::Single).then_some(list.spec().dataset);
    page.each(known::KEPT, |thing, _| posture::setting(thing, list.setting_kind(), only))
}

pub(crate) fn policies(page: &mut Reading<'_>) -> Result<()> {
    page.each(known::KEPT, |policy, _| posture::policy(policy))?;
    page.lead_from_records(&[List::PolicyRules]);
    Ok(())
}

/// A type of policies that this org does not have or does not show: nobody knows whether it has any.
pub(crate) fn refused_policies(task: &OktaTask, error: &Error) -> Step<OktaTask> {
    let reason = match error.kind() {
        ErrorKind::Rejected => GapReason::Unsupported,
        _ => error.gap_reason().unwrap_or(GapReason::Unsupported),
    };
    let detail = format!("{task}: {}", error.message());
    Step { gaps: vec![Finding { scope: task.about().scope, reason, detail }], ..Step::default() }
}

pub(crate) fn identity_providers(page: &mut Reading<'_>) -> Result<()> {
    page.each(known::KEPT, |idp, _| posture::trust(idp))?;
    page.lead_from_records(&[List::IdpUsers]);
    Ok(())
}

pub(crate) fn devices(page: &mut Reading<'_>) -> Result<()> {
    page.watch(List::ChangedDevices);
    let devices = page.objects::<Thing>(known::KEPT)?;
    if page.page.list == List::Devices {
        page.tally("devices.listed", devices.len() as u64);
    }
    for device in devices {
        match (posture::embedded_users(&device), device.text("id")) {
            (Some(users), _) => page.step.records.extend(users),
            // Okta did not say who uses it, which is not "nobody".
            (None, Some(id)) => {
                let since = page.page.since;
                let users = Page { part: Some(id), since, ..Page::first(List::DeviceUsers, None) };
                page.step.then.push(OktaTask::Page(users));
            }
            (None, None) => {}
        }
        page.record([posture::device(device)].into_iter());
    }
    Ok(())
}

pub(crate) fn device_users(page: &mut Reading<'_>) -> Result<()> {
    let device = page.part();
    page.each(known::DEVICE_USER, |user: DeviceUser, _| user.into_record(device))
}

pub(crate) fn linked_object_definitions(page: &mut Reading<'_>) -> Result<()> {
    let definitions = page.objects::<Thing>(known::KEPT)?;
    let listed = definitions.len();
    // All relations of a user are asked for together: only then is what was not seen gone.
    let relations: Vec<String> = definitions.iter().filter_map(posture::relation).collect();
    page.record(definitions.into_iter().map(posture::linked_object));
    if relations.len() == listed {
        page.lead_to_part(List::LinkedUsers, None, relations.join(","));
    }
    Ok(())
}

pub(crate) fn linked_users(page: &mut Reading<'_>) -> Result<()> {
    let relations = page.part();
    for user in page.objects::<map::Identified>(known::USER)? {
        if relations.is_empty() {
            page.step.empty.push(Scope::under("linked_objects", &user.id));
        } else {
            for relation in relations.split(',') {
                page.lead_to_part(List::LinkedObjects, Some(&user.id), relation);
            }
        }
    }
    Ok(())
}

pub(crate) fn linked_objects(page: &mut Reading<'_>) -> Result<()> {
    let relation = page.part();
    page.each(known::LINKED_USER, |linked: LinkedUser, user| linked.into_record(user, relation))
}

/// One user by itself.
pub(crate) fn one_user(body: &[u8]) -> Result<Record> {
    object::<OktaUser>(body).map(OktaUser::into_record)
}

/// One user of an application by itself.
pub(crate) fn one_app_user(body: &[u8], app: &str) -> Result<Record> {
    object::<app::AppUser>(body).map(|user| user.into_record(app))
}

/// The types of the roles in a list, sorted.
pub(crate) fn role_names(body: &[u8]) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(default, rename = "type", deserialize_with = "lenient")]
        kind: Option<String>,
    }
    let found = list::<Typed>(body)?;
    let mut names: Vec<String> = found.understood.into_iter().filter_map(|role| role.kind).collect();
    names.sort();
    Ok(names)
}

/// Compares *Everyone* with the users that were read; Okta does not say whether its count includes deactivated users.
pub(crate) fn check_everyone(task: &OktaTask, count: Option<u64>, so_far: &SoFar) -> Step<OktaTask> {
    let current = so_far.tallies.get("users.current");
    let all = current + so_far.tallies.get("users.deactivated");
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

pub(crate) fn absorb_targets(task: &OktaTask, body: &[u8], next: Option<Cursor>) -> Result<Step<OktaTask>> {
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
            records: vec![Record::Holding(Holding { scope: admin::scope_of(found), ..*holding })],
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

/// These lists name their next page in the body, not in a header.
fn next_in(links: Option<&RawValue>, page: &Page) -> Result<Option<Cursor>> {
    let links: Option<EnvelopeLinks> = links.and_then(|links| serde_json::from_str(links.get()).ok());
    let Some(next) = links.and_then(|links| links.next) else { return Ok(None) };
    // The rest of the list must not be taken for its end.
    let cursor = next.href.as_ref().and_then(|link| Cursor::from_link(link, &page.query()));
    let unusable = || Error::new(ErrorKind::Protocol, "the next page of a list cannot be asked for");
    let cursor = cursor.ok_or_else(unusable)?;
    if cursor == page.cursor {
        return Err(Error::new(ErrorKind::Protocol, "the list repeats its cursor instead of going on"));
    }
    Ok(Some(cursor))
}

/// An answer without the list that it should hold is no empty list.
fn no_list() -> Error {
    Error::new(ErrorKind::Protocol, "the answer does not hold the list that it should")
}

pub(crate) fn note_odd(task: &OktaTask, odd: u64, step: &mut Step<OktaTask>) {
    if odd > 0 {
        step.gaps.push(Finding {
            scope: task.about().scope,
            reason: GapReason::Undecodable,
            detail: format!("{odd} objects in the answer of {} were not understood", task.template()),
        });
    }
}
