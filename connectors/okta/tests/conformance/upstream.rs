//! The simulated Okta as an upstream.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use sightline_core::Time;
use sightline_sim::company::{Company, CompanySpec};
use sightline_sim::okta::{Action, Fault as SimFault, Faults};
use sightline_sim::{OktaOptions, OktaServer};
use sightline_testkit::{Fault, Running, Samples, Size, Strange, Trouble, Truth, Upstream, World};

use crate::truth::truth_of;

/// When the simulated companies are looked at.
const NOW: i64 = 1_780_000_000;

/// The simulated Okta.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedOkta {
    /// Of these sizes instead of the usual ones.
    pub(crate) spec: Option<CompanySpec>,
    /// What is different about the company.
    pub(crate) alter: Option<fn(&mut Company)>,
}

struct RunningOkta {
    company: Arc<Company>,
    server: OktaServer,
}

/// The company of a world: sixty people, or as many as make two pages of users and of groups.
pub(crate) fn spec_of(world: &World) -> CompanySpec {
    let now = jiff::Timestamp::from_second(NOW).unwrap();
    let sizes = match world.size {
        Size::Tiny => CompanySpec {
            people: 60,
            groups: 16,
            apps: 13,
            memberships: 250,
            assignments: 420,
            ..CompanySpec::for_people(60, world.seed, now)
        },
        Size::Paged => CompanySpec {
            people: 230,
            groups: 205,
            apps: 13,
            memberships: 300,
            assignments: 600,
            ..CompanySpec::for_people(230, world.seed, now)
        },
    };
    CompanySpec {
        rounds: world.rounds,
        late_events: world.quirks.late,
        lost_events: world.quirks.lost,
        duplicate_events: world.quirks.twice,
        ..sizes
    }
}

#[async_trait]
impl Upstream for SimulatedOkta {
    async fn start(&self, world: &World) -> Box<dyn Running> {
        let spec = match self.spec {
            Some(spec) => CompanySpec { seed: world.seed, rounds: world.rounds, ..spec },
            None => spec_of(world),
        };
        let mut company = Company::generate(spec);
        if let Some(alter) = self.alter {
            alter(&mut company);
        }
        let company = Arc::new(company);
        let faults = Faults(world.faults.iter().map(sim_fault).collect());
        let options = OktaOptions { faults, licensed: true, ..OktaOptions::default() };
        let server = OktaServer::start(company.clone(), options).await.unwrap();
        Box::new(RunningOkta { company, server })
    }

    fn samples(&self) -> Samples {
        samples()
    }
}

#[async_trait]
impl Running for RunningOkta {
    fn settings(&self) -> Value {
        json!({"domain": self.server.url(), "token": self.server.token()})
    }

    fn now(&self) -> Time {
        Time::from_millis(self.company.now())
    }

    fn truth(&self) -> Truth {
        truth_of(&self.company)
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.server.requests()
    }

    async fn stop(self: Box<Self>) {
        drop(self.server);
    }
}

/// A fault of the kit as the simulator has it.
fn sim_fault(fault: &Fault) -> SimFault {
    let status = |code: u16, error_code: &str| Action::Status {
        code,
        error_code: Some(error_code.to_owned()),
        body: None,
    };
    let action = match &fault.trouble {
        Trouble::Denied => status(403, "E0000006"),
        Trouble::NotLicensed => status(401, "E0000015"),
        Trouble::NotFound => status(404, "E0000008"),
        Trouble::NotAllowed => status(405, "E0000022"),
        Trouble::Refused(text) => Action::Status {
            code: 400,
            error_code: None,
            body: Some(json!({"errorCode": "E0000001", "errorSummary": text}).to_string()),
        },
        Trouble::Failing(code) => status(*code, "E0000009"),
        Trouble::Truncated => Action::Truncate,
        Trouble::Closed => Action::CloseConnection,
        Trouble::Late(millis) => Action::Hang(*millis),
        Trouble::Html => Action::Html,
        Trouble::NotData => Action::NotJson,
        Trouble::RateLimited => Action::RateLimit,
        Trouble::TooManyAtOnce => Action::TooManyAtOnce,
        Trouble::Revoked => Action::RevokeToken,
        Trouble::Nothing => Action::EmptyFirstPage,
        Trouble::Instead(body) => {
            Action::Status { code: 200, error_code: None, body: Some(body.to_string()) }
        }
        Trouble::OddObject(object) => Action::OddObject(object.clone()),
        Trouble::RepeatedCursor => Action::RepeatCursor,
        Trouble::LinkElsewhere => Action::NextLinkElsewhere,
        Trouble::LinkBare => Action::NextLinkWithoutParameters,
        Trouble::LinkWrongPath => Action::NextLinkWrongPath,
        Trouble::Vanishes(id) => Action::Vanish { id: id.clone() },
    };
    // The simulator names what stands for an id below a role by itself.
    let path = fault.path.replace("/roles/{part}/", "/roles/{role}/");
    let times = fault.times.or(fault.from.map(|_| u64::MAX));
    SimFault { path, query: None, nth: fault.from, times, action }
}

/// Objects as Okta might send them one day.
#[expect(clippy::too_many_lines, reason = "a table")]
fn samples() -> Samples {
    let user = |id: &str, more: Value| {
        let mut user = json!({"id": id, "status": "ACTIVE", "profile": {"login": "odd@example.com"}});
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        user
    };
    let strange = |name, path, object: Value, kind: &str, fields| {
        let key = format!("{kind}/{}", object["id"].as_str().unwrap());
        let empty = |part: &str| {
            let path = format!("{path}/{}/{part}", object["id"].as_str().unwrap());
            Fault::always(path, Trouble::Instead(json!([])))
        };
        let besides = ["users", "groups", "roles", "group-push/mappings"].map(empty).into();
        Strange { name, path, object, key, fields, besides }
    };
    let (users, groups, apps) = ("/api/v1/users", "/api/v1/groups", "/api/v1/apps");
    Samples {
        untold: vec![
            // Okta stamps none of them; its counts and last sign-ins are those of the last full read.
            ("account", "last_sign_in"),
            ("group", "member_count"),
            ("group", "resource_count"),
            // When one of several groups that give an application to somebody no longer does, no event names the row.
            ("assignment", "origin.group"),
            ("assignment", "last_updated"),
        ],
        never_empty: vec![users, groups],
        single: vec![
            "/api/v1/threats/configuration",
            "/api/v1/org/privacy/oktaSupport",
            "/api/v1/org/orgSettings/thirdPartyAdminSetting",
        ],
        paged: vec![users, groups, "/api/v1/logs"],
        ends_with_its_cursor: vec!["/api/v1/logs"],
        limits: vec![
            "/api/v1/users/{id}/roles/{part}/targets/groups",
            "/api/v1/users/{id}/roles/{part}/targets/catalog/apps",
            "/api/v1/groups/{id}/roles/{part}/targets/groups",
            "/api/v1/groups/{id}/roles/{part}/targets/catalog/apps",
            "/oauth2/v1/clients/{id}/roles/{part}/targets/groups",
            "/oauth2/v1/clients/{id}/roles/{part}/targets/catalog/apps",
        ],
        strange: vec![
            strange(
                "a status that nobody knows",
                users,
                user("00uODD1", json!({"status": "HIBERNATED"})),
                "account",
                json!({"status": "unknown", "raw_status": "HIBERNATED", "login": "odd@example.com"}),
            ),
            strange(
                "fields of other types, and a null for a profile",
                users,
                user(
                    "00uODD2",
                    json!({"created": 5, "type": "x", "lastLogin": {"at": 1}, "profile": null, "new": []}),
                ),
                "account",
                json!({"login": "00uODD2", "raw_status": "ACTIVE", "created": null}),
            ),
            strange(
                "a last sign-in that is no time is not never",
                users,
                user("00uODD3", json!({"lastLogin": "soon"})),
                "account",
                json!({"last_sign_in": {"unknown": "Okta sent a last sign-in that is no time"}}),
            ),
            strange(
                "a group of a type that nobody knows",
                groups,
                json!({"id": "00gODD1", "type": "SHARED_GROUP", "profile": {"name": "odd"}, "extra": 1}),
                "group",
                json!({"name": "odd", "origin": {"unknown": "SHARED_GROUP"}, "everyone": false}),
            ),
            strange(
                "an application with a status and a kind that nobody knows",
                apps,
                json!({"id": "0oaODD1", "status": "DORMANT", "label": "odd", "signOnMode": "TELEPATHY", "settings": {}}),
                "resource",
                json!({"status": "unknown", "raw_status": "DORMANT", "sign_on_mode": "TELEPATHY"}),
            ),
        ],
        secretive: vec![
            (
                apps,
                json!({
                    "id": "0oaSECRET", "label": "secretive", "status": "ACTIVE", "name": "oidc_client",
                    "credentials": {"oauthClient": {"client_id": "0oaSECRET", "client_secret": "sEcReT-of-an-app"}},
                    "settings": {"app": {"password": "sEcReT-of-an-app"}},
                }),
                "sEcReT-of-an-app",
            ),
            (
                users,
                user(
                    "00uSECRET",
                    json!({"credentials": {
                        "password": {"value": "sEcReT-of-a-user"},
                        "recovery_question": {"question": "?", "answer": "sEcReT-of-a-user"},
                        "provider": {"type": "OKTA"},
                    }}),
                ),
                "sEcReT-of-a-user",
            ),
        ],
        crooked: vec![
            (groups, json!({"id": "../users/00uX", "type": "OKTA_GROUP", "profile": {"name": "crooked"}})),
            (groups, json!({"id": "..", "type": "OKTA_GROUP", "profile": {"name": "crooked"}})),
            (apps, json!({"id": "x/../../logs", "label": "crooked", "status": "ACTIVE"})),
            (apps, json!({"id": "x?limit=1#", "label": "crooked", "status": "ACTIVE"})),
            ("/api/v1/iam/assignees/users", json!({"id": "me/../../groups"})),
        ],
    }
}
