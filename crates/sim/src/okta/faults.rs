//! What goes wrong on purpose: plain data that can be written to a file and replayed.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};

/// Faults, in the order in which they are tried; the first that fits a request is applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<Fault>);

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// A path template such as `/api/v1/groups/{id}/users`, a concrete path such as `/api/v1/groups/00g…/users`, or
    /// `*` for every path.
    pub path: String,
    /// Only requests whose query contains this text, for example `after=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Only this one among the requests that fit, counted from 1; without it all of them. Requests that were refused
    /// for a rate limit or a wrong token do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// How many requests in a row, from `nth` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub action: Action,
}

/// What goes wrong with an answer. Written in JSON in lower case with underscores: `"empty_page"`, `{"hang": 300}`,
/// `{"vanish": {"id": "00g…"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Another status, with the given body or else an error body with this code.
    Status {
        /// The HTTP status.
        code: u16,
        /// The provider's error code, such as `E0000009`.
        #[serde(default)]
        error_code: Option<String>,
        /// The whole body instead of an error body.
        #[serde(default)]
        body: Option<String>,
    },
    /// The connection breaks off in the middle of the body.
    Truncate,
    /// A page of HTML with status 200, as a proxy in between might send.
    Html,
    /// The answer comes this many milliseconds late.
    Hang(u64),
    /// The connection is closed without an answer.
    CloseConnection,
    /// The page is empty although there is more: its link to the next page stays.
    EmptyPage,
    /// The page is empty and has no link to a next page, as if the list had nothing more.
    EmptyFirstPage,
    /// The link to the next page leads to this page again.
    RepeatCursor,
    /// The link to the next page has the same path and parameters, but leads to `https://evil.example`.
    NextLinkElsewhere,
    /// The link to the next page has its cursor only, and none of the other parameters.
    NextLinkWithoutParameters,
    /// The link to the next page has the path of another list.
    NextLinkWrongPath,
    /// Refused as over the rate limit: 429 `E0000047`, nothing remaining, and a reset a second ahead.
    RateLimit,
    /// Refused because of too many requests at once: 429 `E0000047` with a limit of 0.
    TooManyAtOnce,
    /// The words `Internal error` with status 200, said to be JSON.
    NotJson,
    /// This answer is as it should be; from then on the object is gone: 404 `E0000007` for every path with its id.
    Vanish {
        /// The object's id.
        id: String,
    },
    /// From this request on the token is revoked: 401 `E0000011` for everything.
    RevokeToken,
    /// The object is gone: 404 `E0000007`.
    Gone,
    /// This JSON value is put in front of the page's objects.
    OddObject(serde_json::Value),
}

/// The faults of one run with their counts.
#[derive(Debug)]
pub(super) struct Injector {
    faults: Vec<(Fault, AtomicU64)>,
    revoked: AtomicBool,
    vanished: Mutex<Vec<String>>,
}

impl Injector {
    pub(super) fn new(faults: &Faults) -> Self {
        Self {
            faults: faults.0.iter().map(|fault| (fault.clone(), AtomicU64::new(0))).collect(),
            revoked: AtomicBool::new(false),
            vanished: Mutex::default(),
        }
    }

    /// What goes wrong with this request. Counts it for every fault that it fits.
    pub(super) fn strike(&self, template: &str, path: &str, query: &str) -> Option<&Action> {
        let mut hit = None;
        for (fault, count) in &self.faults {
            let fits = fault.path == "*" || fault.path == template || fault.path == path;
            if !fits || fault.query.as_ref().is_some_and(|text| !query.contains(text.as_str())) {
                continue;
            }
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            let due = match (fault.nth, fault.times) {
                (None, None) => true,
                (None, Some(times)) => number <= times,
                (Some(nth), times) => (nth..nth.saturating_add(times.unwrap_or(1))).contains(&number),
            };
            if due && hit.is_none() {
                hit = Some(&fault.action);
            }
        }
        match hit {
            Some(Action::RevokeToken) => self.revoked.store(true, Ordering::Relaxed),
            Some(Action::Vanish { id }) => {
                self.vanished.lock().unwrap_or_else(PoisonError::into_inner).push(id.clone());
            }
            _ => {}
        }
        hit
    }

    /// The first of these path parameters that is the id of an object that is gone.
    pub(super) fn vanished(&self, parameters: &[String]) -> Option<usize> {
        let vanished = self.vanished.lock().unwrap_or_else(PoisonError::into_inner);
        parameters.iter().position(|parameter| vanished.contains(parameter))
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }
}
