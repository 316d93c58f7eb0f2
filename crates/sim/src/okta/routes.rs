//! Which path is answered by what, and everything that happens around an answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, RawPathParams, Request},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
    routing::get,
};
use rustc_hash::FxHashMap;
use url::form_urlencoded;

use super::{
    OktaOptions,
    answer::{Answer, Call, Problem},
    connection::Cut,
    directory,
    faults::{Action, Injector},
    limits::{Bucket, Governor, Standing},
    log, render, roles, token_for,
    write::Slab,
};
use crate::{
    company::{Company, Holder, SUBDOMAIN},
    id::{Id, base62},
    rng::scramble,
};

type Handler = fn(&Api, &Call) -> Result<Answer, Problem>;

/// Every path, the limit that it counts against, and what answers it.
const ROUTES: [(&str, Bucket, Handler); 36] = [
    ("/.well-known/okta-organization", Bucket::Free, directory::well_known),
    ("/api/v1/org", Bucket::Rest, directory::org),
    ("/api/v1/users", Bucket::Users, directory::users),
    ("/api/v1/users/me", Bucket::OneUser, directory::me),
    ("/api/v1/users/{id}", Bucket::OneUser, directory::user),
    ("/api/v1/users/{id}/groups", Bucket::Users, directory::user_groups),
    ("/api/v1/users/{id}/roles", Bucket::Users, roles::user_roles),
    ("/api/v1/users/{id}/roles/{role}/targets/groups", Bucket::Users, roles::user_target_groups),
    ("/api/v1/users/{id}/roles/{role}/targets/catalog/apps", Bucket::Users, roles::user_target_apps),
    ("/api/v1/groups", Bucket::Groups, directory::groups),
    ("/api/v1/groups/rules", Bucket::Groups, directory::rules),
    ("/api/v1/groups/rules/{id}", Bucket::Groups, directory::rule),
    ("/api/v1/groups/{id}", Bucket::OneGroup, directory::group),
    ("/api/v1/groups/{id}/users", Bucket::Groups, directory::group_users),
    ("/api/v1/groups/{id}/apps", Bucket::Groups, directory::group_apps),
    ("/api/v1/groups/{id}/roles", Bucket::Groups, roles::group_roles),
    ("/api/v1/groups/{id}/roles/{role}/targets/groups", Bucket::Groups, roles::group_target_groups),
    ("/api/v1/groups/{id}/roles/{role}/targets/catalog/apps", Bucket::Groups, roles::group_target_apps),
    ("/api/v1/apps", Bucket::Apps, directory::apps),
    ("/api/v1/apps/{id}", Bucket::OneApp, directory::app),
    ("/api/v1/apps/{id}/users", Bucket::Apps, directory::app_users),
    ("/api/v1/apps/{id}/users/{user}", Bucket::Apps, directory::app_user),
    ("/api/v1/apps/{id}/groups", Bucket::Apps, directory::app_groups),
    ("/api/v1/apps/{id}/groups/{group}", Bucket::Apps, directory::app_group),
    ("/api/v1/apps/{id}/features", Bucket::Apps, directory::app_features),
    ("/api/v1/iam/assignees/users", Bucket::Iam, roles::assignees),
    ("/api/v1/iam/roles", Bucket::Iam, roles::custom_roles),
    ("/api/v1/iam/roles/{id}/permissions", Bucket::Iam, roles::permissions),
    ("/api/v1/iam/resource-sets", Bucket::Iam, roles::resource_sets),
    ("/api/v1/iam/resource-sets/{id}/resources", Bucket::Iam, roles::resources),
    ("/api/v1/iam/resource-sets/{id}/bindings", Bucket::Iam, roles::bindings),
    ("/api/v1/iam/resource-sets/{id}/bindings/{role}/members", Bucket::Iam, roles::binding_members),
    ("/api/v1/logs", Bucket::Logs, log::logs),
    (NOT_LICENSED[0], Bucket::Rest, not_licensed),
    (NOT_LICENSED[1], Bucket::Rest, not_licensed),
    (NOT_LICENSED[2], Bucket::Rest, not_licensed),
];

/// Features that this organisation did not buy.
const NOT_LICENSED: [&str; 3] =
    ["/api/v1/authorizationServers", "/api/v1/device-posture-checks", "/api/v1/realms"];

fn not_licensed(_: &Api, _: &Call) -> Result<Answer, Problem> {
    Err(Problem::new(401, "E0000015", "You do not have permission to access the feature you are requesting"))
}

/// A company, rendered as far as pays, and the state of its server.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) company: Arc<Company>,
    pub(super) options: OktaOptions,
    /// The organisation's public address: where links point.
    pub(super) origin: String,
    /// The public address of its admin site.
    pub(super) admin_origin: String,
    /// Users as lists show them.
    pub(super) users: Slab,
    /// The part of application-user rows that is the same in all applications.
    pub(super) app_profiles: Slab,
    pub(super) apps: Slab,
    pub(super) live: Arc<[u32]>,
    /// Users in all statuses. Here and below, what is deleted is left out.
    pub(super) all_users: Arc<[u32]>,
    pub(super) all_groups: Arc<[u32]>,
    pub(super) all_apps: Arc<[u32]>,
    pub(super) apps_of_group: Vec<Vec<u32>>,
    pub(super) role_holders: Vec<u32>,
    users_by_name: FxHashMap<String, u32>,
    groups_by_id: FxHashMap<Id, u32>,
    apps_by_id: FxHashMap<Id, u32>,
    /// When each served event got into the log.
    pub(super) log_times: Vec<i64>,
    /// The positions of the served events.
    pub(super) all_events: Arc<[u32]>,
    filtered: Mutex<FxHashMap<String, Arc<[u32]>>>,
    token: String,
    governor: Governor,
    injector: Injector,
    in_flight: AtomicU32,
    refused: AtomicU64,
    arrived: AtomicU64,
    counts: Vec<AtomicU64>,
    elsewhere: AtomicU64,
}

impl Api {
    pub(super) fn new(company: Arc<Company>, options: OktaOptions) -> Self {
        let origin = format!("https://{SUBDOMAIN}.okta.com");
        let mut apps_of_group = vec![Vec::new(); company.groups.len()];
        for (index, app) in (0_u32..).zip(&company.apps) {
            for assigned in &app.groups {
                apps_of_group[assigned.group as usize].push(index);
            }
        }
        let mut role_holders: Vec<u32> = company
            .role_assignments
            .iter()
            .flat_map(|assignment| match assignment.holder {
                Holder::User(user) => vec![user],
                Holder::Group(group) => company.members(group).to_vec(),
            })
            .collect();
        role_holders.sort_unstable();
        role_holders.dedup();
        let mut users_by_name = FxHashMap::default();
        for (index, user) in (0_u32..).zip(&company.users) {
            if user.deleted {
                continue;
            }
            users_by_name.insert(user.id.to_string(), index);
            users_by_name.insert(user.login.clone(), index);
        }
        Self {
            users: Slab::render(company.users.len(), 800, |json, index| {
                render::user(json, &company, &origin, index);
            }),
            app_profiles: Slab::render(company.users.len(), 450, |json, index| {
                render::app_profile(json, &company, index);
            }),
            apps: Slab::render(company.apps.len(), 2800, |json, index| {
                render::app(json, &company, &origin, index);
            }),
            live: company.live.clone().into(),
            all_users: existing(&company.users, |user| user.deleted),
            all_groups: existing(&company.groups, |group| group.deleted),
            all_apps: existing(&company.apps, |app| app.deleted),
            all_events: (0..company.served_events().len() as u32).collect(),
            log_times: log::times(&company),
            apps_of_group,
            role_holders,
            users_by_name,
            groups_by_id: (0..)
                .zip(&company.groups)
                .filter(|(_, group)| !group.deleted)
                .map(|(index, group)| (group.id, index))
                .collect(),
            apps_by_id: (0..)
                .zip(&company.apps)
                .filter(|(_, app)| !app.deleted)
                .map(|(index, app)| (app.id, index))
                .collect(),
            filtered: Mutex::default(),
            token: options.token.clone().unwrap_or_else(|| token_for(&company)),
            governor: Governor::new(&options),
            injector: Injector::new(&options.faults),
            in_flight: AtomicU32::new(0),
            refused: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            counts: ROUTES.iter().map(|_| AtomicU64::new(0)).collect(),
            elsewhere: AtomicU64::new(0),
            admin_origin: format!("https://{SUBDOMAIN}-admin.okta.com"),
            origin,
            company,
            options,
        }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn requests(&self) -> BTreeMap<String, u64> {
        let named = ROUTES.iter().map(|(template, ..)| *template).zip(&self.counts);
        named
            .chain([("(other)", &self.elsewhere)])
            .map(|(template, count)| (format!("GET {template}"), count.load(Ordering::Relaxed)))
            .filter(|&(_, count)| count > 0)
            .collect()
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A user by id or login.
    pub(super) fn find_user(&self, name: &str) -> Result<u32, Problem> {
        self.users_by_name.get(name).copied().ok_or_else(|| Problem::not_found(name, "User"))
    }

    pub(super) fn find_group(&self, id: &str) -> Result<u32, Problem> {
        let found = Id::parse(id).and_then(|id| self.groups_by_id.get(&id).copied());
        found.ok_or_else(|| Problem::not_found(id, "UserGroup"))
    }

    pub(super) fn find_app(&self, id: &str) -> Result<u32, Problem> {
        let found = Id::parse(id).and_then(|id| self.apps_by_id.get(&id).copied());
        found.ok_or_else(|| Problem::not_found(id, "AppInstance"))
    }

    /// A read-only administrator may not see who holds which role.
    pub(super) fn may_read_roles(&self) -> Result<(), Problem> {
        if self.options.read_only_admin { Err(Problem::forbidden()) } else { Ok(()) }
    }

    pub(super) fn remembered(&self, key: &str) -> Option<Arc<[u32]>> {
        self.filtered.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn remember(&self, key: String, list: &Arc<[u32]>) {
        let mut filtered = self.filtered.lock().unwrap_or_else(PoisonError::into_inner);
        if filtered.len() >= MOST_REMEMBERED {
            filtered.clear();
        }
        filtered.insert(key, Arc::clone(list));
    }

    /// A new identifier for requests and errors.
    fn number(&self) -> u64 {
        scramble(self.company.spec.seed ^ self.arrived.fetch_add(1, Ordering::Relaxed))
    }

    async fn serve(&self, route: usize, parameters: Vec<String>, request: Request, cut: &Cut) -> Response {
        let (template, bucket, handler) = ROUTES[route];
        self.counts[route].fetch_add(1, Ordering::Relaxed);
        if bucket == Bucket::Free {
            let call = call(&request, parameters);
            return self.respond(handler(self, &call), None);
        }
        let _in_flight = InFlight::enter(&self.in_flight);
        if !self.options.latency.is_zero() {
            tokio::time::sleep(self.options.latency).await;
        }
        if self.injector.is_revoked() || !self.is_authorized(request.headers()) {
            return self.respond(Err(Problem::invalid_token()), None);
        }
        let most = self.options.concurrency.unwrap_or(u32::MAX);
        let standing = if self.in_flight.load(Ordering::Relaxed) > most {
            Governor::too_many_at_once()
        } else {
            self.governor.admit(bucket)
        };
        if standing.refused {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return self.respond(Err(Problem::rate_limited()), Some(standing));
        }
        let query = request.uri().query().unwrap_or_default();
        let action = self.injector.strike(template, request.uri().path(), query);
        let mut call = call(&request, parameters);
        call.empty_page = action == Some(&Action::EmptyPage);
        call.repeat_cursor = action == Some(&Action::RepeatCursor);
        let answer = handler(self, &call);
        let answer = match action {
            Some(action) => self.spoil(action, answer, cut).await,
            None => answer,
        };
        self.respond(answer, Some(standing))
    }

    /// Makes of an answer what a fault wants.
    async fn spoil(
        &self,
        action: &Action,
        answer: Result<Answer, Problem>,
        cut: &Cut,
    ) -> Result<Answer, Problem> {
        match action {
            Action::Status { code, error_code, body } => {
                if let Some(body) = body {
                    let body = body.clone().into_bytes();
                    return Ok(Answer { status: *code, body, content_type: "application/json", links: Vec::new() });
                }
                let error_code = error_code.as_deref().unwrap_or("E0000009");
                Err(Problem::new(*code, error_code, "A fault was injected here"))
            }
            Action::Truncate => {
                // Headers are a few hundred bytes: half of the body is missing, give or take.
                let length = answer.as_ref().map_or(0, |answer| answer.body.len());
                cut.after(length / 2 + 400);
                answer
            }
            Action::Html => Ok(Answer {
                status: 200,
                body: b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body></body></html>".to_vec(),
                content_type: "text/html;charset=utf-8",
                links: Vec::new(),
            }),
            Action::Hang(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
                answer
            }
            Action::CloseConnection => {
                cut.after(0);
                answer
            }
            Action::RevokeToken => Err(Problem::invalid_token()),
            Action::Gone => Err(Problem::not_found("the object", "Resource")),
            Action::OddObject(object) => answer.map(|mut answer| {
                if let Some(bracket) = answer.body.iter().position(|&byte| byte == b'[') {
                    let rest = answer.body.split_off(bracket + 1);
                    let alone = rest.first() == Some(&b']');
                    answer.body.extend(object.to_string().into_bytes());
                    answer.body.extend((!alone).then_some(b','));
                    answer.body.extend(rest);
                }
                answer
            }),
            Action::EmptyPage | Action::RepeatCursor => answer,
        }
    }

    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("SSWS "))
            .is_some_and(|token| token.trim() == self.token)
    }

    fn respond(&self, answer: Result<Answer, Problem>, standing: Option<Standing>) -> Response {
        let number = self.number();
        let answer =
            answer.unwrap_or_else(|problem| problem.into_answer(&format!("oae{}", base62(number, 22))));
        let mut response = Response::new(Body::from(answer.body));
        *response.status_mut() = answer.status.try_into().unwrap_or_default();
        let headers = response.headers_mut();
        let request_id = format!("{number:016x}{:016x}", scramble(number));
        insert(headers, "content-type", answer.content_type);
        insert(headers, "cache-control", "no-cache, no-store");
        insert(headers, "x-okta-request-id", &request_id);
        if let Some(standing) = standing {
            insert(headers, "x-rate-limit-limit", &standing.limit.to_string());
            insert(headers, "x-rate-limit-remaining", &standing.remaining.to_string());
            insert(headers, "x-rate-limit-reset", &standing.reset.to_string());
        }
        for link in answer.links {
            // Each link is a header line of its own.
            if let Ok(value) = HeaderValue::from_str(&link) {
                headers.append(header::LINK, value);
            }
        }
        response
    }

    fn respond_elsewhere(&self, problem: Problem, request: &Request) -> Response {
        self.elsewhere.fetch_add(1, Ordering::Relaxed);
        let problem = if self.is_authorized(request.headers()) { problem } else { Problem::invalid_token() };
        self.respond(Err(problem), None)
    }
}

const MOST_REMEMBERED: usize = 64;

/// The indices of what is not deleted.
fn existing<T>(items: &[T], deleted: impl Fn(&T) -> bool) -> Arc<[u32]> {
    (0..).zip(items).filter(|(_, item)| !deleted(item)).map(|(index, _)| index).collect()
}

/// Serves an API.
pub(super) fn router(api: Arc<Api>) -> Router {
    let mut router = Router::new();
    for (route, (template, ..)) in ROUTES.iter().enumerate() {
        let api = Arc::clone(&api);
        let handler = move |ConnectInfo(cut): ConnectInfo<Cut>,
                            parameters: RawPathParams,
                            request: Request| async move {
            let parameters = parameters.iter().map(|(_, value)| value.to_owned()).collect();
            api.serve(route, parameters, request, &cut).await
        };
        router = router.route(template, get(handler));
    }
    let unsupported = Arc::clone(&api);
    router
        .method_not_allowed_fallback(move |request: Request| async move {
            unsupported.respond_elsewhere(Problem::method_not_supported(), &request)
        })
        .fallback(
            move |request: Request| async move { api.respond_elsewhere(Problem::no_such_path(), &request) },
        )
}

fn call(request: &Request, parameters: Vec<String>) -> Call {
    let query = request.uri().query().unwrap_or_default();
    Call {
        path: request.uri().path().to_owned(),
        parameters,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        empty_page: false,
        repeat_cursor: false,
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Counts a request as in flight while it lives, also when its client goes away.
struct InFlight<'a>(&'a AtomicU32);

impl<'a> InFlight<'a> {
    fn enter(counter: &'a AtomicU32) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
