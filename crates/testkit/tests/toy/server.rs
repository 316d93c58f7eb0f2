//! A provider in memory, with its own truth: people, things, who has a part of which thing, rights, and a log of changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use sightline_core::{Scope, Time};
use sightline_testkit::{Fault, Running, Samples, Size, Strange, Trouble, Truth, Upstream, World};

use crate::connector::Bug;

/// The most objects that a page may be asked for.
const MOST: usize = 3;

/// Servers that run, by address.
static SERVERS: LazyLock<Mutex<BTreeMap<String, Arc<Server>>>> = LazyLock::new(Mutex::default);

pub(crate) fn at(address: &str) -> Arc<Server> {
    SERVERS.lock().unwrap()[address].clone()
}

/// What it holds.
#[derive(Default)]
struct State {
    /// Id and status.
    people: BTreeMap<String, &'static str>,
    /// Id and name.
    things: BTreeMap<String, String>,
    parts: BTreeSet<(String, String)>,
    log: Vec<Value>,
}

pub(crate) struct Server {
    state: State,
    faults: Vec<(Fault, Mutex<u64>)>,
    revoked: Mutex<bool>,
    vanished: Mutex<BTreeSet<String>>,
    requests: Mutex<BTreeMap<String, u64>>,
    secret: String,
}

/// What it answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In place of a status: nothing came.
    pub(crate) broken: bool,
    pub(crate) body: Value,
    /// The link to the next page.
    pub(crate) next: Option<String>,
}

fn answer(status: u16, body: Value) -> Answer {
    Answer { status, broken: false, body, next: None }
}

impl State {
    fn of(world: &World) -> Self {
        let mut state = Self::default();
        let mut rng = fastrand::Rng::with_seed(world.seed);
        let many = if world.size == Size::Paged { 17 } else { 7 };
        for number in 0..many {
            state.people.insert(format!("p{number}"), "active");
            state.things.insert(format!("t{number}"), format!("thing {number}"));
        }
        for (thing, person) in
            state.things.keys().flat_map(|thing| state.people.keys().map(move |p| (thing, p)))
        {
            if thing == "t0" || rng.bool() {
                state.parts.insert((thing.clone(), person.clone()));
            }
        }
        let mut late = Vec::new();
        for round in 1..=world.rounds {
            let mut events = state.change(round, &mut rng);
            for _ in 0..world.quirks.twice {
                events.push(events[rng.usize(..events.len())].clone());
            }
            for _ in 0..world.quirks.lost {
                events.remove(rng.usize(..events.len()));
            }
            let split = events.split_off((world.quirks.late as usize).min(events.len()));
            let on_time = split.into_iter().chain(std::mem::replace(&mut late, events));
            state.log.extend(on_time);
        }
        state
    }

    /// What a round changes, and the events that tell of it.
    fn change(&mut self, round: u32, rng: &mut fastrand::Rng) -> Vec<Value> {
        let mut events = Vec::new();
        let people: Vec<String> = self.people.keys().cloned().collect();
        let things: Vec<String> = self.things.keys().cloned().collect();
        for turn in 0..6 {
            // The same one goes there and back, so that the order of the events matters.
            let thing = if turn < 2 { "t1" } else { &things[rng.usize(..things.len())] };
            let person = if turn < 2 { "p1" } else { &people[rng.usize(..people.len())] };
            let part = (thing.to_owned(), person.to_owned());
            let added = !self.parts.remove(&part);
            if added {
                self.parts.insert(part);
            }
            events.push(json!({"what": "part", "thing": thing, "person": person, "added": added}));
        }
        let person = &people[rng.usize(1..people.len())];
        self.people.insert(person.clone(), if round.is_multiple_of(2) { "active" } else { "off" });
        events.push(json!({"what": "person", "person": person}));
        let new = format!("n{round}");
        self.things.insert(new.clone(), format!("new {round}"));
        self.parts.insert((new.clone(), "p0".to_owned()));
        events.push(json!({"what": "thing", "thing": new}));
        if round > 1 {
            let old = format!("n{}", round - 1);
            self.things.remove(&old);
            self.parts.retain(|(thing, _)| *thing != old);
            events.push(json!({"what": "thing", "thing": old}));
        }
        events
    }
}

/// Rights: holder, role, and what they are limited to.
const RIGHTS: [(&str, &str, Option<&str>); 4] = [
    ("p0", "OWNER", None),
    ("p1", "KEEPER", Some("t1")),
    ("p2", "KEEPER", Some("t0")),
    ("p3", "HELPER", None),
];

impl Server {
    /// Answers a request: a method, a path, and parameters.
    pub(crate) fn call(&self, method: &str, path: &str, query: &[(&str, String)], secret: &str) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let template = match parts[..] {
            ["people" | "things", _] => format!("/{}/{{id}}", parts[0]),
            ["things", _, "parts"] => "/things/{id}/parts".to_owned(),
            ["rights", _, "limits"] => "/rights/{id}/limits".to_owned(),
            _ => path.to_owned(),
        };
        *self.requests.lock().unwrap().entry(format!("{method} {template}")).or_default() += 1;
        let trouble = self.trouble(path, &template);
        if trouble == Some(Trouble::Revoked) {
            *self.revoked.lock().unwrap() = true;
        }
        if *self.revoked.lock().unwrap() || secret != self.secret {
            return answer(401, json!({"error": "who are you"}));
        }
        let repeated = trouble == Some(Trouble::RepeatedCursor);
        let vanished = parts.get(1).is_some_and(|id| self.vanished.lock().unwrap().contains(*id));
        let mut answered = if vanished {
            answer(404, json!({"error": "gone"}))
        } else {
            self.answer(&parts, query, repeated)
        };
        let Some(trouble) = trouble else { return answered };
        match trouble {
            Trouble::Denied => answer(403, json!({"error": "no"})),
            Trouble::NotLicensed => answer(402, json!({"error": "pay"})),
            Trouble::NotFound => answer(404, json!({"error": "path"})),
            Trouble::NotAllowed => answer(405, json!({"error": "how"})),
            Trouble::Refused(text) => answer(400, json!({"error": text})),
            Trouble::Failing(status) => answer(status, json!({"error": "oh"})),
            Trouble::Truncated | Trouble::Closed => Answer { broken: true, ..answered },
            Trouble::RateLimited | Trouble::TooManyAtOnce => answer(429, json!({"error": "slowly"})),
            Trouble::Html | Trouble::NotData => answer(200, json!("<html>")),
            Trouble::Nothing => answer(200, json!({"items": []})),
            Trouble::Instead(body) => answer(200, body),
            Trouble::OddObject(object) => {
                if let Some(items) = answered.body["items"].as_array_mut() {
                    items.insert(0, object);
                }
                answered
            }
            Trouble::LinkElsewhere => bent(answered, |link| link.replace("toy://here", "toy://elsewhere")),
            Trouble::LinkBare => bent(answered, |link| link.replace("kind=all&", "")),
            Trouble::LinkWrongPath => bent(answered, |link| link.replace("toy://here/", "toy://here/other/")),
            Trouble::Vanishes(id) => {
                self.vanished.lock().unwrap().insert(id);
                answered
            }
            Trouble::Late(_) | Trouble::Revoked | Trouble::RepeatedCursor => answered,
        }
    }

    fn trouble(&self, path: &str, template: &str) -> Option<Trouble> {
        let mut found = None;
        for (fault, count) in &self.faults {
            if fault.path != "*" && fault.path != path && fault.path != template {
                continue;
            }
            let mut count = count.lock().unwrap();
            *count += 1;
            let from = fault.from.unwrap_or(1);
            if *count >= from && *count - from < fault.times.unwrap_or(u64::MAX) && found.is_none() {
                found = Some(fault.trouble.clone());
            }
        }
        found
    }

    fn answer(&self, parts: &[&str], query: &[(&str, String)], repeated: bool) -> Answer {
        let State { people, things, parts: edges, log } = &self.state;
        let person = |id: &str| json!({"id": id, "status": people[id]});
        let thing = |id: &str| json!({"id": id, "name": things[id]});
        let items: Vec<Value> = match *parts {
            ["people"] => people.keys().map(|id| person(id)).collect(),
            ["people", id] if people.contains_key(id) => return answer(200, person(id)),
            ["things"] => things.keys().map(|id| thing(id)).collect(),
            ["things", id] if things.contains_key(id) => return answer(200, thing(id)),
            ["things", id, "parts"] if things.contains_key(id) => {
                edges.iter().filter(|(of, _)| of == id).map(|(_, person)| json!({"id": person})).collect()
            }
            ["rights"] => {
                let right = |(holder, role, limit): &(&str, &str, Option<&str>)| json!({"id": format!("{holder}-{role}"), "holder": holder, "role": role, "limited": limit.is_some()});
                RIGHTS.iter().map(right).collect()
            }
            ["rights", id, "limits"] => {
                let named = RIGHTS.iter().filter(|(holder, role, _)| *id == format!("{holder}-{role}"));
                named.filter_map(|(_, _, limit)| *limit).map(|thing| json!({"id": thing})).collect()
            }
            ["changes"] => log.clone(),
            ["people" | "things", ..] => return answer(404, json!({"error": "gone"})),
            _ => return answer(404, json!({"error": "path"})),
        };
        let parameter =
            |name: &str| query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        let number = |name: &str| parameter(name).map(|text| text.parse::<usize>().ok());
        let (Some(limit), Some(start)) =
            (number("limit").unwrap_or(Some(1)), number("after").unwrap_or(Some(0)))
        else {
            return answer(400, json!({"error": "number"}));
        };
        if limit > MOST || start > items.len() {
            return answer(400, json!({"error": "too large"}));
        }
        // Without its parameter a list shows only some; and now and then a page is shorter than it could be.
        let all = parameter("kind") == Some("all");
        let size = if start % 2 == 0 { limit.min(2) } else { limit };
        let end = (start + size).min(items.len());
        let page = items[start..end].iter().filter(|item| all || item.to_string().len() % 2 == 0).cloned();
        let mut page = answer(200, json!({"items": page.collect::<Vec<_>>(), "end": items.len()}));
        let path = parts.join("/");
        let next = if repeated { start } else { end };
        page.next = (end < items.len() || repeated)
            .then(|| format!("toy://here/{path}?kind=all&limit={limit}&after={next}"));
        page
    }
}

fn bent(mut answer: Answer, bend: impl Fn(&str) -> String) -> Answer {
    answer.next = answer.next.map(|link| bend(&link));
    answer
}

/// The provider in memory, read by a connector with this bug.
pub(crate) struct Toy(pub(crate) Bug);

struct RunningToy {
    address: String,
    server: Arc<Server>,
    bug: Bug,
}

#[async_trait]
impl Upstream for Toy {
    async fn start(&self, world: &World) -> Box<dyn Running> {
        let server = Arc::new(Server {
            state: State::of(world),
            faults: world.faults.iter().map(|fault| (fault.clone(), Mutex::default())).collect(),
            revoked: Mutex::default(),
            vanished: Mutex::default(),
            requests: Mutex::default(),
            secret: "sesame-4711".to_owned(),
        });
        let mut servers = SERVERS.lock().unwrap();
        let address = format!("toy {}", servers.len());
        servers.insert(address.clone(), server.clone());
        Box::new(RunningToy { address, server, bug: self.0 })
    }

    fn samples(&self) -> Samples {
        let strange = Strange {
            name: "a status that nobody knows",
            path: "/people",
            object: json!({"id": "odd", "status": "asleep"}),
            key: "account/odd".to_owned(),
            fields: json!({"status": "unknown", "raw_status": "asleep"}),
            besides: Vec::new(),
        };
        Samples {
            never_empty: vec!["/people"],
            paged: vec!["/people", "/things", "/things/{id}/parts", "/rights"],
            limits: vec!["/rights/{id}/limits"],
            strange: vec![strange],
            secretive: vec![(
                "/people",
                json!({"id": "x", "status": "active", "pin": "1234-5678"}),
                "1234-5678",
            )],
            crooked: vec![("/things", json!({"id": "../people", "name": "crooked"}))],
            ..Samples::default()
        }
    }
}

#[async_trait]
impl Running for RunningToy {
    fn settings(&self) -> Value {
        json!({"address": self.address, "secret": self.server.secret, "bug": self.bug})
    }

    fn now(&self) -> Time {
        Time::from_secs(1_780_000_000)
    }

    fn truth(&self) -> Truth {
        let mut truth =
            Truth { whole_kinds: ["account", "group", "membership", "holding"].into(), ..Truth::default() };
        let state = &self.server.state;
        for (id, status) in &state.people {
            let word = if *status == "off" { "deactivated" } else { "active" };
            let fields = json!({"raw_status": status, "status": word});
            truth.add(format!("account/{id}"), Scope::listing("people"), fields);
        }
        for (id, name) in &state.things {
            truth.add(format!("group/{id}"), Scope::listing("things"), json!({"name": name}));
        }
        for (thing, person) in &state.parts {
            truth.add(format!("membership/{thing}/{person}"), Scope::under("parts", thing), json!({}));
        }
        for (holder, role, limit) in RIGHTS {
            let reach = limit.map_or("org".to_owned(), |thing| format!("targets/group/{thing}"));
            let key = |reach: &str| format!("holding/account/{holder}/{role}/direct/{reach}");
            let fact = truth.add(key(&reach), Scope::listing("rights"), json!({"role": role}));
            fact.where_unlimited = limit.map(|_| key("unknown"));
        }
        truth
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.server.requests.lock().unwrap().clone()
    }

    async fn stop(self: Box<Self>) {}
}
