//! The Okta connector: what an Okta org holds, in the normalized schema.
//!
//! [`config`](OktaConfig) understands what people paste, `task` and `list` name the units of work, `absorb`, `log` and
//! `map` turn an answer into facts, `refusal` says what an error means. Policy (pace, retry, paging) lives in
//! `sightline-http` and in the host.

mod absorb;
mod admin;
mod app;
mod config;
mod credential;
mod datasets;
mod decode;
mod forecast;
mod known;
mod list;
mod log;
mod map;
mod posture;
mod preflight;
#[cfg(test)]
mod recorded;
mod refusal;
mod task;
#[cfg(test)]
mod unrecorded;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sightline_core::time::Clock;
use sightline_core::{
    Absent, Context, DataSource, EntityKind, Error, ErrorKind, Forecast, GapReason, Holding, Info, Preflight,
    Principal, RawJson, Record, Result, Setting, SoFar, Step, Tallies, Task, Time,
};
use sightline_http::{Client, Cursor, Page as Answered, Request};

pub use config::OktaConfig;
pub use list::List;
pub use task::{Feed, ObjectKind, OktaTask, Page, Share, TargetKind, Walk};

use absorb::{Answer, absorb, absorb_targets, check_everyone, refused_policies, unknown_targets};
use datasets::INFO;
use log::{absorb_log, read_events, restart_log};

/// A full read of fewer calls is no matter.
const SMALL_READ: u64 = 200;
/// How often the targets of a role are asked for when the answer breaks the protocol.
const TARGET_ATTEMPTS: u32 = 3;
/// Pages of the log that one step reads.
const LOG_PAGES: usize = 4;
/// Okta keeps its log this long.
const LOG_RETENTION: Duration = Duration::from_hours(90 * 24);

/// A page is never asked for in smaller pieces than its maximum halved this often.
const MOST_SHRUNK: u32 = 6;

/// What a full sync lists, in the order in which tasks of the same urgency start.
const LISTINGS: &[List] = &[
    List::Roles,
    List::ScopeSets,
    List::GroupRules,
    List::RoleAssignees,
    List::Groups,
    List::Apps,
    List::Users,
    List::ApiTokens,
    List::ApiIntegrations,
    List::Policies,
    List::Authenticators,
    List::IdentityProviders,
    List::NetworkZones,
    List::TrustedOrigins,
    List::AuthorizationServers,
    List::Realms,
    List::UserTypes,
    List::LinkedObjectDefinitions,
    List::EventHooks,
    List::InlineHooks,
    List::LogStreams,
    List::ThreatInsight,
    List::Behaviors,
    List::DeviceAssurances,
    List::AgentPools,
    List::OrgSupport,
    List::ThirdPartyAdmins,
    List::Devices,
];

/// Where an object itself is read, by where what is under it is read, with the rate limit that it falls under.
const OBJECTS: &[(&str, &str, &str)] = &[
    ("/api/v1/apps/{id}/", "/api/v1/apps/{id}", "app"),
    ("/oauth2/v1/clients/{id}/", "/api/v1/apps/{id}", "app"),
    ("/api/v1/users/{id}/", "/api/v1/users/{id}", "user"),
    ("/api/v1/groups/{id}/", "/api/v1/groups/{id}", "group"),
    ("/api/v1/iam/roles/{id}/", "/api/v1/iam/roles/{id}", "iam"),
    ("/api/v1/iam/resource-sets/{id}/", "/api/v1/iam/resource-sets/{id}", "iam"),
    ("/api/v1/policies/{id}/", "/api/v1/policies/{id}", "other"),
    ("/api/v1/idps/{id}/", "/api/v1/idps/{id}", "other"),
];

/// An Okta org.
pub struct Okta {
    client: Client,
    /// Of the service app as which we sign in, where it is not a person's token.
    client_id: Option<String>,
    clock: Arc<dyn Clock>,
}

sightline_core::register!(Okta);

impl DataSource for Okta {
    const INFO: &'static Info = &INFO;
    type Config = OktaConfig;
    type Task = OktaTask;

    fn open(config: OktaConfig, cx: &Context) -> Result<Self> {
        let address = config::address(&config.domain, cx.allow_loopback_http)?;
        let client = Client::new(address, config::auth(&config)?, cx, refusal::name)?;
        Ok(Self { client, client_id: config.client_id, clock: cx.clock.clone() })
    }

    async fn preflight(&self) -> Result<Preflight> {
        preflight::run(&self.client, self.client_id.as_deref(), self.clock.now()).await
    }

    fn plan(&self, kept: Vec<OktaTask>) -> Vec<OktaTask> {
        let now = self.clock.now();
        let oldest = now.before(LOG_RETENTION);
        let mut reach = OktaTask::Reach { last: None };
        let mut lane = OktaTask::list(List::FactorLane);
        let mut walks = [Walk::since(Feed::Changes, oldest), Walk::since(Feed::Usage, oldest)];
        for task in kept {
            match task {
                OktaTask::Reach { .. } => reach = task,
                // The lane goes through all users over many syncs, full ones or not.
                OktaTask::Page(Page { list: List::FactorLane, .. }) => lane = task,
                // Everything is read anyway, whatever the events name.
                OktaTask::Log(walk) => {
                    for kept in walks.iter_mut().filter(|kept| kept.feed == walk.feed) {
                        *kept = Walk { follow: false, ..walk.clone() };
                    }
                }
                _ => {}
            }
        }
        // What the plan reads may be changed before the first page of the log is read: the sync may be interrupted.
        for walk in walks.iter_mut().filter(|walk| walk.feed == Feed::Changes) {
            walk.walk_started = Some(now);
        }
        listings().chain([lane]).chain(walks.map(OktaTask::Log)).chain([reach]).collect()
    }

    fn verify(&self, share: u32, of: u32) -> Vec<OktaTask> {
        let due = LISTINGS.iter().enumerate().filter(|(at, list)| {
            // All groups and applications are listed, which shows what is gone and what counts differ; of what is
            // under them a share is read.
            matches!(list, List::Groups | List::Apps) || *at as u32 % of.max(1) == share
        });
        let tasks = due.flat_map(|(_, list)| OktaTask::all_of(*list)).map(|task| match task {
            OktaTask::Page(page) => OktaTask::Page(Page { share: Some(Share { share, of }), ..page }),
            other => other,
        });
        tasks.collect()
    }

    async fn step(&self, task: &OktaTask, so_far: &SoFar) -> Result<Step<OktaTask>> {
        match task {
            OktaTask::Page(page) => self.read_page(task, page, so_far).await,
            OktaTask::Log(walk) => self.read_log(task, walk, so_far).await,
            OktaTask::RoleTargets { holding, .. } => self.read_targets(task, holding).await,
            OktaTask::Everyone { count, .. } => Ok(check_everyone(task, *count, so_far)),
            OktaTask::Object { kind, id } => self.read_object(task, *kind, id).await,
            OktaTask::AppUser { app, .. } => self.read_app_user(task, app).await,
            OktaTask::Reach { last } => self.read_reach(task, last.as_deref()).await,
        }
    }

    async fn forecast(&self, last: Option<&Tallies>) -> Result<Forecast> {
        forecast::run(&self.client, last, self.clock.now()).await
    }
}

impl Okta {
    async fn read_page(&self, task: &OktaTask, page: &Page, so_far: &SoFar) -> Result<Step<OktaTask>> {
        // A listing that Okta could not answer in large pages is asked for in small ones from then on.
        let shrunk = format!("shrunk.{}", task.template());
        let learned = so_far.tallies.get(&shrunk).max(so_far.last.get(&shrunk)) as u32;
        let asked = Page { shrunk: page.shrunk.max(learned.min(MOST_SHRUNK)), ..page.clone() };
        let answered = match get(&self.client, &OktaTask::Page(asked.clone())).await {
            Ok(answered) => answered,
            Err(error) if *error.kind() == ErrorKind::Overloaded => {
                let Some(smaller) = asked.smaller() else { return Err(error) };
                tracing::info!(template = task.template(), limit = smaller.limit(), %error, "smaller pages");
                let tallies = vec![(shrunk, 1)];
                return Ok(Step { then: vec![OktaTask::Page(smaller)], tallies, ..Step::default() });
            }
            Err(error)
                if page.list == List::Policies
                    && (error.is_refusal() || *error.kind() == ErrorKind::Rejected) =>
            {
                return Ok(refused_policies(task, &error));
            }
            Err(error) => return Err(self.confirm_gone(task, error).await),
        };
        let next = answered.next_after(&page.cursor)?;
        let answer = Answer { body: &answered.body, next, now: self.clock.now(), so_far };
        let step = absorb(&asked, answer)?;
        if page.list == List::Users
            && page.cursor.is_start()
            && step.records.is_empty()
            && step.gaps.is_empty()
        {
            return Err(preflight::no_users());
        }
        if page.list == List::Groups
            && page.cursor.is_start()
            && step.records.is_empty()
            && step.gaps.is_empty()
        {
            return Err(preflight::no_groups());
        }
        Ok(step)
    }

    /// Reads on in the log, a few pages at once.
    ///
    /// The log is one chain of pages, the longest of a first sync: the next one is asked for while others are still being
    /// understood, each by a thread of its own.
    async fn read_log(&self, task: &OktaTask, walk: &Walk, so_far: &SoFar) -> Result<Step<OktaTask>> {
        // What the log no longer holds cannot be walked: neither from a time nor with a cursor that old.
        let oldest = self.clock.now().before(LOG_RETENTION);
        let is_too_old = (walk.cursor.is_start() && walk.since < oldest)
            || walk.read_until.is_some_and(|until| until < oldest);
        match restart_log(walk, oldest).filter(|_| is_too_old) {
            Some(again) if again.follow => Ok(Self::lost_track(again)),
            // In this step: when the next one comes, the log holds a little less again.
            Some(again) => self.walk_on(&OktaTask::Log(again.clone()), &again, oldest, so_far).await,
            None => self.walk_on(task, walk, oldest, so_far).await,
        }
    }

    /// The next pages of a walk that begins in what the log holds.
    async fn walk_on(
        &self,
        task: &OktaTask,
        walk: &Walk,
        oldest: Time,
        so_far: &SoFar,
    ) -> Result<Step<OktaTask>> {
        let mut page = match get(&self.client, task).await {
            Ok(page) => page,
            // A cursor that is no longer accepted.
            Err(error) if *error.kind() == ErrorKind::Rejected => {
                let Some(again) = restart_log(walk, oldest) else { return Err(error) };
                tracing::warn!(%error, "the log's cursor has died; reading on from a time");
                return Ok(Self::lost_track(again));
            }
            Err(error) if walk.follow && error.is_refusal() => {
                return Ok(Self::cannot_follow(task, &error));
            }
            Err(error) => return Err(self.confirm_gone(task, error).await),
        };
        let shared = Arc::new(walk.clone());
        let mut reading = Vec::new();
        let mut asked = walk.cursor.clone();
        let next = loop {
            let (body, of) = (std::mem::take(&mut page.body), shared.clone());
            reading.push(tokio::task::spawn_blocking(move || read_events(&body, &of)));
            // The log repeats its cursor when there is nothing new, which is no error here.
            let Some(next) = page.next.filter(|next| *next != asked) else { break None };
            if reading.len() == LOG_PAGES {
                break Some(next);
            }
            match get(&self.client, &task.at(next.clone())).await {
                Ok(following) => (asked, page) = (next, following),
                // The next step's first call; an error that lasts is found there.
                Err(_) => break Some(next),
            }
        };
        let mut pages = Vec::new();
        for page in reading {
            let read =
                page.await.map_err(|_| Error::new(ErrorKind::Protocol, "a page of the log was not read"))?;
            pages.push(read?);
        }
        // At the present the cursor stays where the last page was asked for.
        let is_present = next.is_none();
        let step = absorb_log(walk, pages, next.unwrap_or(asked), is_present, self.clock.now(), so_far);
        Ok(if walk.follow && is_flood(&step, so_far) { instead_of_a_flood(step) } else { step })
    }

    /// Goes on in the log from a time; events may have been missed, so everything is read anew if they were followed.
    fn lost_track(again: Walk) -> Step<OktaTask> {
        let mut step = if again.follow { everything_anew() } else { Step::default() };
        // Whatever the events name is read anyway.
        step.then.push(OktaTask::Log(Walk { follow: false, ..again }));
        step
    }

    /// Without the log nobody knows what has changed: everything is read anew, and nothing is said to be followed.
    fn cannot_follow(task: &OktaTask, error: &Error) -> Step<OktaTask> {
        let scope = task.about().scope;
        let mut step = everything_anew();
        if let Some(reason) = error.gap_reason() {
            step.gaps.push(sightline_core::source::Finding {
                scope,
                reason,
                detail: error.message().to_owned(),
            });
        }
        step.later.push(task.clone());
        step
    }

    /// One user or group that an event says was deleted; it may have come back.
    async fn read_object(&self, task: &OktaTask, kind: ObjectKind, id: &str) -> Result<Step<OktaTask>> {
        let mut step = Step::default();
        match get(&self.client, task).await {
            Ok(answered) if kind == ObjectKind::User => {
                step.records.push(absorb::one_user(&answered.body)?);
            }
            Ok(_) => {}
            Err(error) if *error.kind() == ErrorKind::Gone => {
                let entity = match kind {
                    ObjectKind::User => EntityKind::Account,
                    ObjectKind::Group => EntityKind::Group,
                };
                step.absent.push(Absent::Entity(entity, id.to_owned()));
            }
            Err(error) => return Err(error),
        }
        Ok(step)
    }

    /// One user of an application; "not found" says that there is no such assignment.
    async fn read_app_user(&self, task: &OktaTask, app: &str) -> Result<Step<OktaTask>> {
        let OktaTask::AppUser { user, .. } = task else { return Ok(Step::default()) };
        let mut step = Step::default();
        match get(&self.client, task).await {
            Ok(answered) => step.records.push(absorb::one_app_user(&answered.body, app)?),
            Err(error) if *error.kind() == ErrorKind::Gone => {
                let principal = Principal::Account(user.clone());
                step.absent.push(Absent::Fact(format!("assignment/{app}/{principal}")));
            }
            Err(error) => return Err(error),
        }
        Ok(step)
    }

    /// Whose credential it is and which roles it has; what that was before decides whether everything is read anew.
    async fn read_reach(&self, task: &OktaTask, last: Option<&str>) -> Result<Step<OktaTask>> {
        #[derive(Deserialize)]
        struct Me {
            id: String,
        }
        let (id, held) = if let Some(client_id) = &self.client_id {
            (client_id.clone(), List::ClientRoles)
        } else {
            let answered = get(&self.client, task).await?;
            (decode::object::<Me>(&answered.body)?.id, List::UserRoles)
        };
        let roles = match get(&self.client, &OktaTask::list_of(held, &id)).await {
            Ok(answered) => absorb::role_names(&answered.body)?.join(","),
            Err(error) if error.is_refusal() || *error.kind() == ErrorKind::Gone => "unknown".to_owned(),
            Err(error) => return Err(error),
        };
        let scopes: Vec<String> = self.client.granted_scopes().await?.into_iter().flatten().collect();
        let reach = format!("{id}: {roles} {}", scopes.join(" "));
        let mut step = match last {
            Some(last) if last != reach => {
                tracing::info!("the credential's rights have changed; everything is read anew");
                everything_anew()
            }
            _ => Step::default(),
        };
        let raw = RawJson::from_value(&serde_json::json!({ "id": id, "roles": roles, "scopes": scopes }));
        step.records.push(Record::Setting(Box::new(Setting {
            kind: "credential_reach".to_owned(),
            id,
            name: "rights of our own credential".to_owned(),
            raw_status: None,
            last_updated: None,
            raw,
        })));
        step.later.push(OktaTask::Reach { last: Some(reach) });
        Ok(step)
    }

    /// What limits a role; a role whose targets cannot be read is still held.
    ///
    /// A bad answer is tried again here and not by the host, which would know nothing of the role when it gives up.
    async fn read_targets(&self, task: &OktaTask, holding: &Holding) -> Result<Step<OktaTask>> {
        let mut attempt = 1;
        loop {
            let read = async {
                let page = get(&self.client, task).await?;
                let next = page.next_after(task.cursor().unwrap_or(&Cursor::default()))?;
                absorb_targets(task, &page.body, next)
            };
            let error = match read.await {
                Ok(step) => return Ok(step),
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Protocol if attempt < TARGET_ATTEMPTS => attempt += 1,
                // The assignment may have ended between two calls, but "not found" for its targets does not prove that.
                ErrorKind::Gone => {
                    return Ok(unknown_targets(task, holding, GapReason::Unsupported, error.message()));
                }
                _ => {
                    let Some(reason) = error.gap_reason() else { return Err(error) };
                    return Ok(unknown_targets(task, holding, reason, error.message()));
                }
            }
        }
    }

    /// "Not found" for a list of an object removes the object only if the object itself is not found either.
    async fn confirm_gone(&self, task: &OktaTask, error: Error) -> Error {
        if *error.kind() != ErrorKind::Gone {
            return error;
        }
        // A listing is not an object that can vanish.
        let Some(id) = task.about().scope.parent else {
            return Error::new(ErrorKind::Unsupported, error.message());
        };
        let of = |(start, ..): &&(&str, &'static str, &'static str)| task.template().starts_with(start);
        let Some((_, template, bucket)) = OBJECTS.iter().find(of) else {
            return Error::new(ErrorKind::Unsupported, error.message());
        };
        let start = Cursor::default();
        let path = match segment(&id) {
            Ok(id) => template.replace("{id}", id),
            Err(error) => return error,
        };
        let request = Request {
            template,
            bucket,
            path: &path,
            query: &[],
            cursor: &start,
            signed: true,
            shrinkable: false,
        };
        match self.client.get(&request).await {
            Ok(_) => Error::new(
                ErrorKind::Unsupported,
                format!("Okta does not find {} of an object that is there", task.template()),
            ),
            Err(confirmed) => confirmed,
        }
    }
}

/// What a full sync lists, from the start.
fn listings() -> impl Iterator<Item = OktaTask> {
    LISTINGS.iter().flat_map(|list| OktaTask::all_of(*list))
}

/// Makes the sync a full one. What goes on from sync to sync (the log, the lane of factors, the look at our own rights)
/// is among its tasks already: begun anew, it would be read and counted twice.
fn everything_anew() -> Step<OktaTask> {
    Step { then: listings().collect(), full: true, ..Step::default() }
}

/// Whether so much has changed that reading everything costs no more.
fn is_flood(step: &Step<OktaTask>, so_far: &SoFar) -> bool {
    let pages = |(name, count): (&String, &u64)| match name.split_once('/') {
        Some(("group_members", _)) => count.div_ceil(1000),
        Some(("app_users", _)) => count.div_ceil(500).max(1),
        Some(("app_groups", _)) => 1,
        _ => 0,
    };
    let everything: u64 =
        so_far.last.0.iter().map(pages).sum::<u64>() + so_far.last.get("users").div_ceil(200);
    let again = so_far.tallies.get(log::DIRTY) + step.then.len() as u64;
    everything > SMALL_READ && again > everything
}

/// What events name need not be read by itself when everything is read.
fn instead_of_a_flood(mut step: Step<OktaTask>) -> Step<OktaTask> {
    tracing::info!("so much has changed that everything is read anew");
    let anew = everything_anew();
    let onward = step.then.into_iter().filter_map(|task| match task {
        OktaTask::Log(walk) => Some(OktaTask::Log(Walk { follow: false, ..walk })),
        _ => None,
    });
    step.then = onward.chain(anew.then).collect();
    step.full = true;
    step
}

/// An id comes from the other side, and becomes part of a path only if it is one segment and nothing else.
fn segment(id: &str) -> Result<&str> {
    let plain =
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if plain { Ok(id) } else { Err(Error::new(ErrorKind::Rejected, "Okta sent an id that no object has")) }
}

impl OktaTask {
    /// Our own query parameters.
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Page(page) => page.query(),
            Self::RoleTargets { .. } => vec![("limit", "200".to_owned())],
            Self::Log(walk) => {
                let mut query = vec![
                    ("limit", "1000".to_owned()),
                    ("sortOrder", "ASCENDING".to_owned()),
                    ("filter", walk.feed.filter()),
                ];
                // Okta takes a time or a cursor, never both.
                if walk.cursor.is_start() {
                    query.push(("since", walk.since.to_string()));
                }
                query
            }
            _ => Vec::new(),
        }
    }

    fn path(&self) -> Result<String> {
        let mut path = self.template().to_owned();
        for (placeholder, id) in ["{id}", "{part}"].into_iter().zip(self.ids()) {
            if let Some(id) = id.filter(|_| path.contains(placeholder)) {
                path = path.replace(placeholder, segment(id)?);
            }
        }
        Ok(path)
    }
}

pub(crate) async fn get(client: &Client, task: &OktaTask) -> Result<Answered> {
    get_with(client, task, &task.query()).await
}

pub(crate) async fn get_with(client: &Client, task: &OktaTask, query: &[(&str, String)]) -> Result<Answered> {
    let start = Cursor::default();
    let request = Request {
        template: task.template(),
        bucket: task.about().bucket,
        path: &task.path()?,
        query,
        cursor: task.cursor().unwrap_or(&start),
        signed: true,
        shrinkable: matches!(task, OktaTask::Page(page) if page.smaller().is_some()),
    };
    client.get(&request).await
}
