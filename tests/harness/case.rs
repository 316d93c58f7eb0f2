//! A company that is read again and again, with faults or without.

use serde_json::{Value, json};
use sightline_sim::{Company, CompanySpec};

use super::{Facts, Home, Output, Sim, SimSetup, assert_same, number, scope, tiny};

/// A company that was read once without faults and is read again with them.
pub(crate) struct Case {
    pub(crate) company: Company,
    pub(crate) setup: SimSetup,
    pub(crate) home: Home,
}

impl Case {
    /// Connected; nothing is read yet.
    pub(crate) fn new(seed: u64) -> Self {
        let setup = SimSetup::of(tiny(seed));
        let sim = setup.start();
        let home = Home::connected_to(&sim);
        Self { company: setup.company(), setup: setup.port(sim.port), home }
    }

    /// Connected and read once.
    pub(crate) fn read(seed: u64) -> Self {
        let case = Self::new(seed);
        case.sync(&json!([])).ok();
        case
    }

    pub(crate) fn start(&self, faults: &Value) -> Sim {
        let SimSetup { spec, port, latency_ms, .. } = self.setup;
        SimSetup { spec, port, latency_ms, faults: faults.clone(), flags: Vec::new() }.start()
    }

    /// Syncs with the simulator that has these faults.
    pub(crate) fn sync(&self, faults: &Value) -> Output {
        self.sync_with(faults, &[])
    }

    /// Reads everything anew.
    pub(crate) fn reread(&self, faults: &Value) -> Output {
        self.sync_with(faults, &["--full"])
    }

    pub(crate) fn sync_with(&self, faults: &Value, flags: &[&str]) -> Output {
        let _sim = self.start(faults);
        let mut args = vec!["sync", "--json"];
        args.extend(flags);
        self.home.run(&args)
    }

    pub(crate) fn group(&self, name: &str) -> String {
        self.company.group(name).unwrap().id.to_string()
    }

    pub(crate) fn app(&self, label: &str) -> String {
        self.company.app(label).unwrap().id.to_string()
    }

    pub(crate) fn person(&self, name: &str) -> String {
        self.company.person(name).unwrap().id.to_string()
    }

    pub(crate) fn everyone(&self) -> String {
        self.company.groups[0].id.to_string()
    }
}

/// Facts of an undisturbed first sync of the same company.
pub(crate) fn reference(spec: CompanySpec) -> Facts {
    let sim = SimSetup::of(spec).start();
    timeless(Home::synced_with(&sim).facts())
}

/// Without the moment at which the log was read.
pub(crate) fn timeless(mut facts: Facts) -> Facts {
    facts.remove("activity_window");
    facts
}

/// Without what a second sync that finds the same changes.
pub(crate) fn unnumbered(mut facts: Facts) -> Facts {
    for fact in facts.values_mut() {
        fact["last_seen"].take();
        fact["snapshot"].take();
    }
    timeless(facts)
}

pub(crate) fn fault(path: &str, action: &Value) -> Value {
    json!({"path": path, "action": action})
}

pub(crate) fn status(code: u16, error_code: &str) -> Value {
    json!({"status": {"code": code, "error_code": error_code}})
}

pub(crate) fn body(body: &Value) -> Value {
    json!({"status": {"code": 200, "body": body.to_string()}})
}

pub(crate) fn gap(scope: &str, reason: &str) -> (String, String) {
    (scope.to_owned(), reason.to_owned())
}

/// What was read before is all there; facts of these scopes are stale, the others were seen again.
#[track_caller]
pub(crate) fn only_these_are_stale(home: &Home, before: &Facts, unread: &[&str]) {
    let after = home.facts();
    let mut stale = 0;
    for (key, fact) in &after {
        let place = scope(fact);
        let expected = unread.contains(&place.as_str());
        assert_eq!(fact["stale"], expected, "{fact}");
        if expected {
            stale += 1;
            assert_eq!(number(fact, "last_seen"), number(&before[key], "last_seen"), "{key}");
        }
    }
    assert!(stale > 0, "nothing is stale");
    let bare = |facts: &Facts| {
        let mut facts = unnumbered(facts.clone());
        for fact in facts.values_mut() {
            fact["stale"].take();
        }
        facts
    };
    assert_same("facts", &bare(&after), &bare(before));
}
