//! What is read in a test: a server that can be started anew, changed and spoiled, and that states its own truth.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sightline_core::{Scope, Time};

/// The whole input of one run of an upstream. Equal worlds behave alike, so a failure is replayed from its JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Everything random follows from this.
    pub seed: u64,
    /// How large it is.
    pub size: Size,
    /// How often it has changed since the beginning; a world of `n + 1` rounds is that of `n` rounds, changed once more.
    pub rounds: u32,
    /// Unusual ways of its events into its log.
    pub quirks: Quirks,
    /// What goes wrong; of several that fit a request the first one strikes.
    pub faults: Vec<Fault>,
}

impl World {
    /// A small world where nothing goes wrong.
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The same after this many changes.
    #[must_use]
    pub fn after(&self, rounds: u32) -> Self {
        Self { rounds, ..self.clone() }
    }

    /// The same, where this goes wrong.
    #[must_use]
    pub fn with(&self, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { faults: faults.into_iter().collect(), ..self.clone() }
    }
}

/// How large an upstream is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// As small as it can be with something of every kind.
    #[default]
    Tiny,
    /// Large enough that a listing of everything spans several pages.
    Paged,
}

/// Unusual ways of events into the log, as numbers of events in each round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// They get into the log a round late.
    pub late: u32,
    /// They never get into the log.
    pub lost: u32,
    /// They are in the log twice.
    pub twice: u32,
}

/// Something that goes wrong with the requests of a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// A path as [`sightline_core::DatasetInfo::reads`] has it, or one with an id in it.
    pub path: String,
    /// Only from this request on, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Only so many requests in a row; all that follow without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What goes wrong.
    pub trouble: Trouble,
}

impl Fault {
    /// Every request of a path goes wrong like this.
    pub fn always(path: impl Into<String>, trouble: Trouble) -> Self {
        Self { path: path.into(), from: None, times: None, trouble }
    }

    /// Only this one does, counted from 1.
    pub fn at(path: impl Into<String>, number: u64, trouble: Trouble) -> Self {
        Self { path: path.into(), from: Some(number), times: Some(1), trouble }
    }
}

/// What goes wrong with an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The credential may not read this.
    Denied,
    /// The organisation has not bought the feature.
    NotLicensed,
    /// There is no such path.
    NotFound,
    /// The path takes no such request.
    NotAllowed,
    /// The request is refused as it is, with this text in the answer's body.
    Refused(String),
    /// A server's failure with this status, `500` to `504`.
    Failing(u16),
    /// The answer breaks off in the middle.
    Truncated,
    /// The connection is closed without an answer.
    Closed,
    /// The answer comes this many milliseconds late.
    Late(u64),
    /// A web page instead of data, said to be a success.
    Html,
    /// Something that is not what the protocol promises, said to be a success.
    NotData,
    /// The rate limit is used up, for a moment.
    RateLimited,
    /// Too many requests are in flight.
    TooManyAtOnce,
    /// The credential is no longer accepted, from this request on and for everything.
    Revoked,
    /// The page is empty and the last one.
    Nothing,
    /// The answer is a success with this body.
    Instead(Value),
    /// The page has this object besides its own.
    OddObject(Value),
    /// The next page is this one again.
    RepeatedCursor,
    /// The link to the next page names another host.
    LinkElsewhere,
    /// The link to the next page has the cursor and no other parameter.
    LinkBare,
    /// The link to the next page names another path.
    LinkWrongPath,
    /// The answer is as it should be; from then on the object with this id is gone.
    Vanishes(String),
}

/// A server that can be started with any [`World`].
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Starts it. Nothing of an earlier run is left but what the world says.
    async fn start(&self, world: &World) -> Box<dyn Running>;

    /// Peculiar things that it can be made to send.
    fn samples(&self) -> Samples;

    /// Whether it can be spoiled like this.
    fn can(&self, trouble: &Trouble) -> bool {
        let _ = trouble;
        true
    }
}

/// A server that runs.
#[async_trait]
pub trait Running: Send + Sync {
    /// Settings of the connector for it, the credential among them.
    fn settings(&self) -> Value;

    /// The moment at which it is looked at: the clock of the sync starts there.
    fn now(&self) -> Time;

    /// What a perfect reader finds if nothing goes wrong.
    fn truth(&self) -> Truth;

    /// Requests so far, by method and path: `GET /things/{id}`.
    fn requests(&self) -> BTreeMap<String, u64>;

    /// Stops it.
    async fn stop(self: Box<Self>);
}

/// What is true, computed without any code of the connector.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// The facts, by key.
    pub facts: BTreeMap<String, TruthFact>,
    /// Kinds of facts, the first part of their keys, of which there are no others.
    pub whole_kinds: BTreeSet<&'static str>,
    /// Kinds of facts that may be read in more than one scope.
    pub told_by_several: BTreeSet<&'static str>,
}

impl Truth {
    /// Adds a fact; two with one key are a mistake of the upstream's author.
    ///
    /// # Panics
    ///
    /// When there is one with the same key.
    pub fn add(&mut self, key: String, scope: Scope, fields: Value) -> &mut TruthFact {
        let fact = TruthFact { scope, also: Vec::new(), fields, where_unlimited: None };
        assert!(!self.facts.contains_key(&key), "the upstream states {key} twice");
        self.facts.entry(key).or_insert(fact)
    }
}

impl Truth {
    /// Leaves out these fields, given as kind and name.
    pub(crate) fn forget(&mut self, fields: &[(&'static str, &'static str)]) {
        for (key, fact) in &mut self.facts {
            forget(key, &mut fact.fields, fields);
        }
    }
}

/// Leaves out these fields of a fact, given as kind and name.
pub(crate) fn forget(key: &str, of: &mut Value, fields: &[(&'static str, &'static str)]) {
    let kind = key.split('/').next();
    for (_, name) in fields.iter().filter(|(of, _)| Some(*of) == kind) {
        let (object, name) = match name.split_once('.') {
            Some((outer, inner)) => (of.get_mut(outer), inner),
            None => (Some(&mut *of), *name),
        };
        if let Some(object) = object.and_then(Value::as_object_mut) {
            object.remove(name);
        }
    }
}

/// One thing that is true.
#[derive(Debug, Clone, PartialEq)]
pub struct TruthFact {
    /// The scope that it is read in.
    pub scope: Scope,
    /// Other scopes that it is read in as well.
    pub also: Vec<Scope>,
    /// What is known of the record's fields: a part of its JSON.
    pub fields: Value,
    /// The key that it has instead where what limits it cannot be read.
    pub where_unlimited: Option<String>,
}

/// Peculiar things that an upstream can be made to send.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// Fields that change without a word of the provider, as kind and name, or `name.inner` for a field of a field: only a
    /// full read has to know them.
    pub untold: Vec<(&'static str, &'static str)>,
    /// Paths of listings that are never empty.
    pub never_empty: Vec<&'static str>,
    /// Paths that answer with one object instead of a listing.
    pub single: Vec<&'static str>,
    /// Paths of listings that span several pages in a paged world.
    pub paged: Vec<&'static str>,
    /// Paths of listings of which the provider says that a cursor that repeats is the end.
    pub ends_with_its_cursor: Vec<&'static str>,
    /// Paths from which only the limits of a right are read.
    pub limits: Vec<&'static str>,
    /// Objects with fields and words that nobody knows, and what has to be kept of them.
    pub strange: Vec<Strange>,
    /// Objects that hold a secret: path, object, secret.
    pub secretive: Vec<(&'static str, Value, &'static str)>,
    /// Objects whose id is no plain segment of a path: path and object.
    pub crooked: Vec<(&'static str, Value)>,
}

/// An object that is unusual and has to be read all the same.
#[derive(Debug, Clone)]
pub struct Strange {
    /// What is unusual about it.
    pub name: &'static str,
    /// The path of the listing that it is sent in.
    pub path: &'static str,
    /// The object.
    pub object: Value,
    /// The key of the fact.
    pub key: String,
    /// What the record has to say: a part of its JSON.
    pub fields: Value,
    /// What else has to be answered for it to be there as a whole.
    pub besides: Vec<Fault>,
}
