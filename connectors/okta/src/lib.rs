//! The Okta connector: what an Okta org holds, in the normalized schema.
//!
//! [`config`](OktaConfig) understands what people paste, `task` names the units of work, `absorb` and `map` turn an
//! answer into facts, `refusal` says what an error means. Policy (pace, retry, paging) lives in `sightline-http` and
//! in the host.

mod absorb;
mod config;
mod decode;
mod forecast;
mod map;
mod preflight;
#[cfg(test)]
mod recorded;
mod refusal;
mod task;

use std::sync::Arc;
use std::time::Duration;

use sightline_core::source::DatasetInfo;
use sightline_core::time::Clock;
use sightline_core::{
    Context, DataSource, EntityKind, Error, ErrorKind, Forecast, GapReason, Holding, Info, Preflight, Result,
    Step, Tallies, Task,
};
use sightline_http::{Auth, Client, Cursor, Page, Request};

pub use config::OktaConfig;
pub use task::OktaTask;

use absorb::{Answer, absorb, absorb_log, check_everyone, read_events, restart_log, unknown_targets};

/// How often the targets of a role are asked for when the answer breaks the protocol.
const TARGET_ATTEMPTS: u32 = 3;
/// Pages of the log that one step reads.
const LOG_PAGES: usize = 8;
/// Okta keeps its log this long.
const LOG_RETENTION: Duration = Duration::from_hours(90 * 24);

const INFO: Info = Info {
    id: "okta",
    title: "Okta",
    summary: "Users, groups, applications, admin roles and sign-on activity of an Okta org.",
    datasets: &[
        DatasetInfo {
            id: "users",
            title: "users",
            parent: None,
            listed_by: None,
            required: true,
            permission: "okta.users.read",
            lost: "nothing can be said about anybody",
        },
        DatasetInfo {
            id: "groups",
            title: "groups",
            parent: None,
            listed_by: None,
            required: true,
            permission: "okta.groups.read",
            lost: "access through groups is not seen",
        },
        DatasetInfo {
            id: "group_members",
            title: "group members",
            parent: Some(EntityKind::Group),
            listed_by: None,
            required: false,
            permission: "okta.groups.read",
            lost: "who has access through these groups is not seen",
        },
        DatasetInfo {
            id: "group_rules",
            title: "group rules",
            parent: None,
            listed_by: None,
            required: false,
            permission: "okta.groups.read",
            lost: "memberships cannot be explained by the rule that made them",
        },
        DatasetInfo {
            id: "apps",
            title: "applications",
            parent: None,
            listed_by: None,
            required: true,
            permission: "okta.apps.read",
            lost: "nothing can be said about what is reached",
        },
        DatasetInfo {
            id: "app_users",
            title: "application users",
            parent: Some(EntityKind::Resource),
            listed_by: None,
            required: false,
            permission: "okta.apps.read",
            lost: "direct access to these applications is not seen",
        },
        DatasetInfo {
            id: "app_groups",
            title: "application groups",
            parent: Some(EntityKind::Resource),
            listed_by: None,
            required: false,
            permission: "okta.apps.read",
            lost: "through which groups these applications are reached is not seen",
        },
        DatasetInfo {
            id: "roles",
            title: "admin roles",
            parent: None,
            listed_by: None,
            required: false,
            permission: "okta.roles.read",
            lost: "custom admin roles are not seen",
        },
        DatasetInfo {
            id: "role_assignees",
            title: "admins",
            parent: None,
            listed_by: None,
            required: false,
            permission: "okta.roles.read",
            lost: "admin access of people is not tracked",
        },
        DatasetInfo {
            id: "user_roles",
            title: "admin roles of users",
            parent: Some(EntityKind::Account),
            listed_by: Some("role_assignees"),
            required: false,
            permission: "okta.roles.read",
            lost: "the admin roles of these people are not seen",
        },
        DatasetInfo {
            id: "group_roles",
            title: "admin roles of groups",
            parent: Some(EntityKind::Group),
            listed_by: Some("groups"),
            required: false,
            permission: "okta.roles.read",
            lost: "admin access through these groups is not seen",
        },
        DatasetInfo {
            id: "activity",
            title: "sign-on activity",
            parent: None,
            listed_by: None,
            required: false,
            permission: "okta.logs.read",
            lost: "last use is not known, so unused access cannot be found",
        },
    ],
};

/// An Okta org.
pub struct Okta {
    client: Client,
    clock: Arc<dyn Clock>,
}

sightline_core::register!(Okta);

impl DataSource for Okta {
    const INFO: &'static Info = &INFO;
    type Config = OktaConfig;
    type Task = OktaTask;

    fn open(config: OktaConfig, cx: &Context) -> Result<Self> {
        let address = config::address(&config.domain, cx.allow_loopback_http)?;
        let auth = Auth::Token { scheme: "SSWS", token: config::token(&config.token)? };
        Ok(Self { client: Client::new(address, auth, cx, refusal::name)?, clock: cx.clock.clone() })
    }

    async fn preflight(&self) -> Result<Preflight> {
        preflight::run(&self.client, self.clock.now()).await
    }

    fn plan(&self) -> Vec<OktaTask> {
        let start = Cursor::default;
        let now = self.clock.now();
        vec![
            OktaTask::Roles { cursor: start() },
            OktaTask::GroupRules { cursor: start() },
            OktaTask::RoleAssignees { cursor: start() },
            OktaTask::Groups { cursor: start() },
            OktaTask::Apps { cursor: start() },
            OktaTask::Users { cursor: start() },
            OktaTask::log_since(now.before(LOG_RETENTION)),
        ]
    }

    async fn step(&self, task: &OktaTask, so_far: &Tallies) -> Result<Step<OktaTask>> {
        if let OktaTask::Everyone { count, .. } = task {
            return Ok(check_everyone(task, *count, so_far));
        }
        // What the log no longer holds cannot be walked: neither from a time nor with a cursor that old.
        let oldest = self.clock.now().before(LOG_RETENTION);
        if let OktaTask::Log { since, cursor, read_until, .. } = task
            && ((cursor.is_start() && *since < oldest) || read_until.is_some_and(|until| until < oldest))
            && let Some(again) = restart_log(task, oldest)
        {
            return Ok(Step { then: vec![again], ..Step::default() });
        }
        if let OktaTask::RoleTargets { holding, .. } = task {
            return self.read_targets(task, holding).await;
        }
        let page = match get(&self.client, task).await {
            Ok(page) => page,
            Err(error) => return self.recover(task, error).await,
        };
        if matches!(task, OktaTask::Log { .. }) {
            return self.read_log(task, page).await;
        }
        let now = self.clock.now();
        let next = page.next_after(task.cursor().unwrap_or(&Cursor::default()))?;
        let first_users = matches!(task, OktaTask::Users { cursor } if cursor.is_start());
        let step = absorb(task, Answer { body: &page.body, next, now })?;
        if first_users && step.records.is_empty() && step.gaps.is_empty() {
            return Err(preflight::no_users());
        }
        Ok(step)
    }

    async fn forecast(&self, last: Option<&Tallies>) -> Result<Forecast> {
        forecast::run(&self.client, last, self.clock.now()).await
    }
}

impl Okta {
    /// Reads on in the log from its page for a task, a few pages at once.
    ///
    /// The log is one chain of pages, the longest of a first sync: the next one is asked for while others are still being
    /// understood, each by a thread of its own.
    async fn read_log(&self, task: &OktaTask, page: Page) -> Result<Step<OktaTask>> {
        let task = Arc::new(task.clone());
        let mut reading = Vec::new();
        let mut asked = task.cursor().cloned().unwrap_or_default();
        let mut page = page;
        let next = loop {
            let (body, of) = (std::mem::take(&mut page.body), task.clone());
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
        Ok(absorb_log(&task, pages, next.unwrap_or(asked), is_present, self.clock.now()))
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
                absorb(task, Answer { body: &page.body, next, now: self.clock.now() })
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

    /// Refusals that have a meaning for one task only.
    async fn recover(&self, task: &OktaTask, error: Error) -> Result<Step<OktaTask>> {
        match (task, error.kind()) {
            // A listing is not an object that can vanish.
            (_, ErrorKind::Gone) if task.about().scope.parent.is_none() => {
                Err(Error::new(ErrorKind::Unsupported, error.message()))
            }
            (_, ErrorKind::Gone) => Err(self.confirm_gone(task, error).await),
            // A cursor that is no longer accepted.
            (OktaTask::Log { .. }, ErrorKind::Rejected) => {
                let Some(again) = restart_log(task, self.clock.now().before(LOG_RETENTION)) else {
                    return Err(error);
                };
                tracing::warn!(%error, "the log's cursor has died; reading on from a time");
                Ok(Step { then: vec![again], ..Step::default() })
            }
            _ => Err(error),
        }
    }
}

impl Okta {
    /// "Not found" for a list of an object removes the object only if the object itself is not found either.
    async fn confirm_gone(&self, task: &OktaTask, error: Error) -> Error {
        let Some(id) = task.about().scope.parent else { return error };
        let (template, bucket) = match task {
            OktaTask::AppUsers { .. } | OktaTask::AppGroups { .. } => ("/api/v1/apps/{id}", "app"),
            OktaTask::UserRoles { .. } => ("/api/v1/users/{id}", "user"),
            _ => ("/api/v1/groups/{id}", "group"),
        };
        let start = Cursor::default();
        let path = match segment(&id) {
            Ok(id) => template.replace("{id}", id),
            Err(error) => return error,
        };
        let request = Request { template, bucket, path: &path, query: &[], cursor: &start, signed: true };
        match self.client.get(&request).await {
            Ok(_) => Error::new(
                ErrorKind::Unsupported,
                format!("Okta does not find {} of an object that is there", task.template()),
            ),
            Err(confirmed) => confirmed,
        }
    }
}

/// An id comes from the other side, and becomes part of a path only if it is one segment and nothing else.
fn segment(id: &str) -> Result<&str> {
    let plain =
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if plain { Ok(id) } else { Err(Error::new(ErrorKind::Rejected, "Okta sent an id that no object has")) }
}

impl OktaTask {
    /// Our own query parameters; page sizes are the documented maxima, and never more.
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let limit = |limit: u32| ("limit", limit.to_string());
        match self {
            Self::Users { .. } | Self::Apps { .. } | Self::AppGroups { .. } | Self::GroupRules { .. } => {
                vec![limit(200)]
            }
            Self::DeactivatedUsers { .. } => {
                vec![limit(200), ("filter", "status eq \"DEPROVISIONED\"".to_owned())]
            }
            Self::Groups { .. } => vec![limit(200), ("expand", "stats".to_owned())],
            Self::GroupMembers { .. } => vec![limit(1000)],
            Self::AppUsers { .. } => vec![limit(500)],
            Self::Roles { .. } | Self::RoleAssignees { .. } => vec![limit(100)],
            Self::RoleTargets { .. } => vec![limit(200)],
            Self::UserRoles { .. } | Self::GroupRoles { .. } => {
                vec![("expand", "targets/groups".to_owned()), ("expand", "targets/catalog/apps".to_owned())]
            }
            Self::Log { since, cursor, .. } => {
                let filter =
                    format!("eventType eq \"{}\" or eventType eq \"{}\"", map::SIGN_ON, map::SIGN_IN);
                let mut query = vec![limit(1000), ("sortOrder", "ASCENDING".to_owned()), ("filter", filter)];
                // Okta takes a time or a cursor, never both.
                if cursor.is_start() {
                    query.push(("since", since.to_string()));
                }
                query
            }
            Self::Everyone { .. } => Vec::new(),
        }
    }

    fn path(&self) -> Result<String> {
        let id = match self {
            Self::RoleTargets { holding, assignment, .. } => {
                let path = self.template().replace("{role}", segment(assignment)?);
                return Ok(path.replace("{id}", segment(holding.principal.id())?));
            }
            Self::GroupMembers { group, .. } | Self::GroupRoles { group } => group,
            Self::AppUsers { app, .. } | Self::AppGroups { app, .. } => app,
            Self::UserRoles { user } => user,
            _ => return Ok(self.template().to_owned()),
        };
        Ok(self.template().replace("{id}", segment(id)?))
    }
}

pub(crate) async fn get(client: &Client, task: &OktaTask) -> Result<Page> {
    let start = Cursor::default();
    let request = Request {
        template: task.template(),
        bucket: task.about().bucket,
        path: &task.path()?,
        query: &task.query(),
        cursor: task.cursor().unwrap_or(&start),
        signed: true,
    };
    client.get(&request).await
}
