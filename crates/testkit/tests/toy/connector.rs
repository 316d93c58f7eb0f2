//! A small connector, right as it is, that can be given one bug.

use std::fmt;
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sightline_core::source::{DatasetInfo, Finding};
use sightline_core::{
    About, Absent, Account, AccountStatus, Context, Coverage, DataSource, EntityKind, Error, ErrorKind,
    Forecast, GapReason, Group, GroupOrigin, Holding, HoldingScope, Info, Membership, Observed, Preflight,
    Principal, RawJson, Record, Result, Scope, Secret, SoFar, Step, Tallies, Task, Tenant,
};

use crate::server::{self, Answer, Server};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Bug {
    None,
    ShortPageIsTheEnd,
    LosesSecondPages,
    AsksForTooMuch,
    TrustsLinks,
    TakesRepeatedCursorForTheEnd,
    DropsPagesWithOddObjects,
    TakesDeniedForEmpty,
    TakesNotFoundForGone,
    TakesFailingForGone,
    TakesRevokedForDenied,
    TakesEmptyForTrue,
    HoldsState,
    AppliesEvents,
    NamesAbsentUnasked,
    ForgetsItsPlaceInTheLog,
    ReadsIntoAnotherScope,
    TakesUnknownLimitsForNone,
    TakesUnknownWordsForOff,
    TellsItsSecret,
    LogsItsSecret,
    TellsBodies,
    KeepsSecretsOfOthers,
    Writes,
    TakesAnyIdForAPath,
    BeginsAnewInTheMiddle,
    TakesStepsInVain,
    DeclaresTooLittle,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct ToyConfig {
    address: String,
    secret: Secret,
    bug: Bug,
}

const fn dataset(id: &'static str, reads: &'static [&'static str], required: bool) -> DatasetInfo {
    DatasetInfo {
        id,
        title: id,
        parent: None,
        listed_by: None,
        lists: None,
        required,
        on: true,
        follows: false,
        reads,
        permission: "read",
        lost: "something",
    }
}

const INFO: Info = Info {
    id: "toy",
    title: "Toy",
    summary: "A provider in memory.",
    unused_days: None,
    datasets: &[
        dataset("people", &["/people", "/people/{id}"], true),
        DatasetInfo {
            lists: Some(EntityKind::Group),
            ..dataset("things", &["/things", "/things/{id}"], true)
        },
        DatasetInfo { parent: Some(EntityKind::Group), ..dataset("parts", &["/things/{id}/parts"], false) },
        dataset("rights", &["/rights", "/rights/{id}/limits"], false),
        DatasetInfo { follows: true, ..dataset("changes", &["/changes"], false) },
    ],
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ToyTask {
    List {
        list: String,
        of: Option<String>,
        after: usize,
        #[serde(default)]
        bug: Option<Bug>,
    },
    One {
        list: String,
        id: String,
    },
    Limits {
        id: String,
        holder: String,
        role: String,
    },
    Changes {
        after: usize,
        follow: bool,
    },
}

impl fmt::Display for ToyTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scope())
    }
}

impl ToyTask {
    fn list(list: &str, of: Option<&str>) -> Self {
        Self::List { list: list.to_owned(), of: of.map(str::to_owned), after: 0, bug: None }
    }

    fn scope(&self) -> Scope {
        match self {
            Self::List { list, of, .. } => Scope { dataset: list.clone(), parent: of.clone() },
            Self::One { list, .. } => Scope::listing(list),
            Self::Limits { .. } => Scope::listing("rights"),
            Self::Changes { .. } => Scope::listing("changes"),
        }
    }
}

impl Task for ToyTask {
    fn about(&self) -> About {
        About {
            scope: self.scope(),
            coverage: match self {
                Self::One { .. } => Coverage::Part,
                Self::Changes { .. } => Coverage::Onward,
                Self::List { .. } | Self::Limits { .. } => Coverage::Whole,
            },
            bucket: "all",
            after: &[],
            rank: 50,
        }
    }

    fn anew(&self) -> Self {
        match self {
            Self::List { bug: Some(Bug::BeginsAnewInTheMiddle), list, of, after } => {
                Self::List { list: list.clone(), of: of.clone(), after: after + 1, bug: None }
            }
            Self::List { list, of, bug, .. } => {
                Self::List { list: list.clone(), of: of.clone(), after: 0, bug: *bug }
            }
            Self::Limits { .. } => Self::list("rights", None),
            other => other.clone(),
        }
    }
}

pub(crate) struct Toy {
    server: Arc<Server>,
    secret: Secret,
    bug: Bug,
    /// Only the one with the bug for it looks here.
    held: Mutex<usize>,
}

struct Page {
    items: Vec<Value>,
    next: Option<usize>,
    end: usize,
    raw: Value,
}

impl DataSource for Toy {
    const INFO: &'static Info = &INFO;
    type Config = ToyConfig;
    type Task = ToyTask;

    fn open(config: ToyConfig, _: &Context) -> Result<Self> {
        let server = server::at(&config.address);
        Ok(Self { server, secret: config.secret, bug: config.bug, held: Mutex::new(0) })
    }

    async fn preflight(&self) -> Result<Preflight> {
        Ok(Preflight {
            tenant: Tenant { id: "toy".to_owned(), name: "toy".to_owned() },
            address: String::new(),
            credential_owner: None,
            checks: Vec::new(),
            canaries: Vec::new(),
            warnings: Vec::new(),
        })
    }

    fn plan(&self, _: Vec<ToyTask>) -> Vec<ToyTask> {
        let lists = ["people", "things", "rights"].map(|list| self.marked(ToyTask::list(list, None)));
        lists.into_iter().chain([ToyTask::Changes { after: 0, follow: false }]).collect()
    }

    async fn step(&self, task: &ToyTask, _: &SoFar) -> Result<Step<ToyTask>> {
        if self.bug == Bug::LogsItsSecret {
            tracing::debug!(secret = self.secret.expose(), "reading");
        }
        match task {
            ToyTask::List { list, of, after, .. } => self.read_list(task, list, of.as_deref(), *after),
            ToyTask::One { list, id } => self.read_one(list, id),
            ToyTask::Limits { id, holder, role } => self.read_limits(task, id, holder, role),
            ToyTask::Changes { after, follow } => self.read_changes(*after, *follow),
        }
    }

    async fn forecast(&self, _: Option<&Tallies>) -> Result<Forecast> {
        Ok(Forecast::default())
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the toy does not answer")
}

fn protocol() -> Error {
    Error::new(ErrorKind::Protocol, "the toy answers in riddles")
}

impl Toy {
    fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    fn marked(&self, task: ToyTask) -> ToyTask {
        match task {
            ToyTask::List { list, of, after, .. } if self.has(Bug::BeginsAnewInTheMiddle) => {
                ToyTask::List { list, of, after, bug: Some(self.bug) }
            }
            other => other,
        }
    }

    /// One call, again where that may help.
    fn call(&self, path: &str, query: &[(&str, String)]) -> Result<Answer> {
        let mut error = unavailable();
        for _ in 0..5 {
            let answer = self.server.call("GET", path, query, self.secret.expose());
            if answer.broken {
                continue;
            }
            error = match answer.status {
                200 => return Ok(answer),
                401 if self.has(Bug::TakesRevokedForDenied) => {
                    Error::new(ErrorKind::Forbidden { permission: None }, "not allowed")
                }
                401 => Error::new(ErrorKind::Auth, "the toy does not know us"),
                402 => Error::new(ErrorKind::NotLicensed, "not bought"),
                403 => Error::new(ErrorKind::Forbidden { permission: None }, "not allowed"),
                404 if answer.body["error"] == "gone" || self.has(Bug::TakesNotFoundForGone) => {
                    Error::new(ErrorKind::Gone, "gone")
                }
                404 | 405 => Error::new(ErrorKind::Unsupported, "not offered"),
                429 => {
                    Error::new(ErrorKind::RateLimited { until: sightline_core::Time::default() }, "slowly")
                }
                _ if answer.status >= 500 && self.has(Bug::TakesFailingForGone) => {
                    Error::new(ErrorKind::Gone, "gone")
                }
                500.. => {
                    error = unavailable();
                    continue;
                }
                _ if self.has(Bug::TellsBodies) => Error::new(ErrorKind::Rejected, answer.body.to_string()),
                _ => Error::new(ErrorKind::Rejected, "not accepted"),
            };
            break;
        }
        if self.has(Bug::TellsItsSecret) {
            error = error.context(self.secret.expose());
        }
        Err(error)
    }

    fn page(&self, path: &str, after: usize) -> Result<Page> {
        let limit = if self.has(Bug::AsksForTooMuch) { 100 } else { 3 };
        let query = [("kind", "all".to_owned()), ("limit", limit.to_string()), ("after", after.to_string())];
        let answer = match self.call(path, &query) {
            Err(error) if error.is_refusal() && self.has(Bug::TakesDeniedForEmpty) => {
                return Ok(Page { items: Vec::new(), next: None, end: 0, raw: Value::Null });
            }
            answer => answer?,
        };
        let Some(mut items) = answer.body["items"].as_array().cloned() else { return Err(protocol()) };
        let cursor = |link: &String| link.rsplit_once("after=").and_then(|(_, after)| after.parse().ok());
        let mut next = match &answer.next {
            None => None,
            Some(link) => Some(cursor(link).ok_or_else(protocol)?),
        };
        if self.has(Bug::TrustsLinks)
            && answer
                .next
                .as_ref()
                .is_some_and(|link| !link.starts_with(&format!("toy://here{path}?kind=all")))
        {
            // Whatever is there, it is not this list.
            next = None;
        }
        if self.has(Bug::ShortPageIsTheEnd) && items.len() < limit {
            next = None;
        }
        if self.has(Bug::LosesSecondPages) && after > 0 {
            items.clear();
        }
        if next == Some(after) {
            next = None;
            if !self.has(Bug::TakesRepeatedCursorForTheEnd) {
                return Err(protocol());
            }
        }
        let end = answer.body["end"].as_u64().unwrap_or(0) as usize;
        Ok(Page { items, next, end, raw: answer.body })
    }

    fn read_list(&self, task: &ToyTask, list: &str, of: Option<&str>, after: usize) -> Result<Step<ToyTask>> {
        let after = if self.has(Bug::HoldsState) { *self.held.lock().unwrap() } else { after };
        if self.has(Bug::Writes) {
            self.server.call("POST", "/audit", &[], self.secret.expose());
        }
        let path = match of {
            Some(id) => format!("/things/{}/parts", self.segment(id)?),
            None => format!("/{list}"),
        };
        let page = self.page(&path, after)?;
        if list == "people" && after == 0 && page.items.is_empty() && !self.has(Bug::TakesEmptyForTrue) {
            return Err(protocol());
        }
        let mut step = Step::default();
        let mut odd = 0;
        for item in &page.items {
            let Some(id) = item["id"].as_str() else {
                odd += 1;
                continue;
            };
            self.absorb(list, of, id, item, &mut step);
        }
        if odd > 0 && self.has(Bug::DropsPagesWithOddObjects) {
            step = Step::default();
        } else if odd > 0 {
            step.gaps.push(finding(task, GapReason::Undecodable, format!("{odd} of {list}")));
        }
        if let Some(next) = page.next {
            step.then.push(self.marked(ToyTask::List {
                list: list.to_owned(),
                of: of.map(str::to_owned),
                after: next,
                bug: None,
            }));
            *self.held.lock().unwrap() = next;
        } else {
            *self.held.lock().unwrap() = 0;
        }
        if self.has(Bug::KeepsSecretsOfOthers) {
            step.drift.push(page.raw.to_string());
        }
        Ok(step)
    }

    fn absorb(&self, list: &str, of: Option<&str>, id: &str, item: &Value, step: &mut Step<ToyTask>) {
        match (list, of) {
            ("people", _) => step.records.push(self.account(item, id)),
            ("things", _) => {
                step.records.push(thing(item, id));
                let parts = if self.has(Bug::DeclaresTooLittle) { "pieces" } else { "parts" };
                step.then.push(self.marked(ToyTask::list(parts, Some(id))));
            }
            ("rights", _) => {
                let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
                let (holder, role) = (text("holder"), text("role"));
                if item["limited"] == true {
                    step.then.push(ToyTask::Limits { id: id.to_owned(), holder, role });
                } else {
                    step.records.push(holding(&holder, &role, HoldingScope::Org));
                }
            }
            (_, Some(group)) => {
                let group = if self.has(Bug::ReadsIntoAnotherScope) && group == "t2" { "t1" } else { group };
                step.records
                    .push(Record::Membership(Membership { group: group.to_owned(), account: id.to_owned() }));
            }
            _ => {}
        }
    }

    fn read_one(&self, list: &str, id: &str) -> Result<Step<ToyTask>> {
        let kind = if list == "people" { EntityKind::Account } else { EntityKind::Group };
        let absent = || Step { absent: vec![Absent::Entity(kind, id.to_owned())], ..Step::default() };
        if self.has(Bug::NamesAbsentUnasked) && list == "people" {
            return Ok(absent());
        }
        let answer = match self.call(&format!("/{list}/{}", self.segment(id)?), &[]) {
            Err(error) if *error.kind() == ErrorKind::Gone => return Ok(absent()),
            answer => answer?,
        };
        let mut step = Step::default();
        if answer.body["id"] != id {
            return Err(protocol());
        }
        self.absorb(list, None, id, &answer.body, &mut step);
        Ok(step)
    }

    fn read_limits(&self, task: &ToyTask, id: &str, holder: &str, role: &str) -> Result<Step<ToyTask>> {
        let mut step = Step::default();
        let path = format!("/rights/{}/limits", self.segment(id)?);
        // Asked for again here: the host knows nothing of the right when it gives up.
        let mut page = self.page(&path, 0);
        for _ in 0..2 {
            if page.as_ref().is_err_and(|error| *error.kind() == ErrorKind::Protocol) {
                page = self.page(&path, 0);
            }
        }
        let reach = match page {
            Ok(page) => {
                let ids = page.items.iter().filter_map(|item| item["id"].as_str());
                let targets: Vec<String> = ids.map(|id| format!("group/{id}")).collect();
                if targets.is_empty() { HoldingScope::Org } else { HoldingScope::Targets(targets) }
            }
            Err(_) if self.has(Bug::TakesUnknownLimitsForNone) => HoldingScope::Org,
            Err(error) => {
                let reason = match error.kind() {
                    ErrorKind::Gone => GapReason::Unsupported,
                    _ => match error.gap_reason() {
                        Some(reason) => reason,
                        None => return Err(error),
                    },
                };
                step.gaps.push(finding(task, reason, error.message().to_owned()));
                HoldingScope::Unknown("it could not be read".to_owned())
            }
        };
        step.records.push(holding(holder, role, reach));
        Ok(step)
    }

    fn read_changes(&self, after: usize, follow: bool) -> Result<Step<ToyTask>> {
        let mut step = Step::default();
        if self.has(Bug::TakesStepsInVain) && (1..500).contains(&after) {
            // Odd places first, for no reason.
            step.then.push(ToyTask::Changes { after: after + 1, follow });
            return Ok(step);
        }
        let page = self.page("/changes", if self.has(Bug::TakesStepsInVain) { 0 } else { after })?;
        if self.has(Bug::TakesStepsInVain) && after == 0 {
            step.then.push(ToyTask::Changes { after: 1, follow });
            return Ok(step);
        }
        if !follow {
            // Everything is read anyway: only the place matters.
            let follow = !self.has(Bug::ForgetsItsPlaceInTheLog);
            step.later.push(ToyTask::Changes { after: page.end, follow });
            return Ok(step);
        }
        for event in &page.items {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            match event["what"].as_str() {
                Some("part") if self.has(Bug::AppliesEvents) => {
                    // Only additions, as the event has them.
                    if event["added"] == true {
                        let (group, account) = (text("thing"), text("person"));
                        step.records.push(Record::Membership(Membership { group, account }));
                    }
                }
                Some("part") => step.then.push(ToyTask::list("parts", Some(&text("thing")))),
                Some("person") => {
                    step.then.push(ToyTask::One { list: "people".to_owned(), id: text("person") });
                }
                Some("thing") => {
                    step.then.push(ToyTask::One { list: "things".to_owned(), id: text("thing") });
                }
                _ => step.gaps.push(finding(
                    &ToyTask::Changes { after, follow },
                    GapReason::Undecodable,
                    "an event".to_owned(),
                )),
            }
        }
        match page.next {
            Some(next) => step.then.push(ToyTask::Changes { after: next, follow }),
            None => step.later.push(ToyTask::Changes { after: page.end, follow }),
        }
        Ok(step)
    }

    fn segment<'a>(&self, id: &'a str) -> Result<&'a str> {
        if self.has(Bug::TakesAnyIdForAPath)
            || id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Ok(id);
        }
        Err(Error::new(ErrorKind::Rejected, "an id that nothing has"))
    }

    fn account(&self, item: &Value, id: &str) -> Record {
        let raw = item["status"].as_str().unwrap_or("(none)").to_owned();
        let unknown = if self.has(Bug::TakesUnknownWordsForOff) {
            AccountStatus::Deactivated
        } else {
            AccountStatus::Unknown
        };
        Record::Account(Box::new(Account {
            id: id.to_owned(),
            login: format!("{id}-login"),
            status: match raw.as_str() {
                "active" => AccountStatus::Active,
                "off" => AccountStatus::Deactivated,
                _ => unknown,
            },
            raw_status: raw,
            name: id.to_owned(),
            emails: Vec::new(),
            created: None,
            activated: None,
            status_changed: None,
            last_sign_in: Observed::Known(None),
            password_changed: None,
            last_updated: None,
            manager: None,
            department: None,
            title: None,
            account_type: None,
            type_id: None,
            realm: None,
            credential_provider: None,
            profile: RawJson::default(),
        }))
    }
}

fn finding(task: &ToyTask, reason: GapReason, detail: String) -> Finding {
    Finding { scope: task.scope(), reason, detail }
}

fn thing(item: &Value, id: &str) -> Record {
    Record::Group(Box::new(Group {
        id: id.to_owned(),
        name: item["name"].as_str().unwrap_or(id).to_owned(),
        description: None,
        origin: GroupOrigin::Native,
        source_resource: None,
        everyone: false,
        member_count: Observed::Unknown("not counted".to_owned()),
        resource_count: Observed::Unknown("not counted".to_owned()),
        created: None,
        last_updated: None,
        last_membership_updated: None,
        profile: RawJson::default(),
    }))
}

fn holding(holder: &str, role: &str, scope: HoldingScope) -> Record {
    Record::Holding(Holding {
        principal: Principal::Account(holder.to_owned()),
        role: role.to_owned(),
        label: role.to_owned(),
        scope,
        inherited: false,
        active: true,
        since: None,
    })
}
