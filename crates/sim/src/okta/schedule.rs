//! Faults drawn at random.

use std::collections::BTreeMap;

use super::{
    faults::{Action, Fault, Faults},
    routes,
};
use crate::rng::Rng;

impl Faults {
    /// `count` faults that a patient reader gets over, drawn at random over all path templates; the same seed gives the
    /// same faults. They strike early, each at most three times in a row.
    ///
    /// All faults of one template together break no more than three answers, and no more than one of these looks like a
    /// success: whatever the order of requests, a call that is made four times is answered, as is one whose body is
    /// asked for twice. Any further ones only delay, refuse for a rate limit, or bend the link to the next page.
    pub fn random(seed: u64, count: usize) -> Self {
        let mut rng = Rng::new(seed, "faults");
        let templates: Vec<&str> = routes::templates().collect();
        let mut left: BTreeMap<&str, Left> = BTreeMap::new();
        let mut fault = || {
            let path = *rng.pick(&templates);
            let left = left.entry(path).or_insert(Left { answers: 3, bodies: 1 });
            let (action, times) = match rng.below(3) {
                0 if left.answers > 0 && left.bodies > 0 && rng.chance(300) => {
                    left.bodies -= 1;
                    left.answers -= 1;
                    (rng.pick(&[Action::Html, Action::NotJson]).clone(), 1)
                }
                0 | 1 if left.answers > 0 => {
                    let times = 1 + rng.below(left.answers);
                    left.answers -= times;
                    (broken(&mut rng), times)
                }
                _ => (bent(&mut rng), 1 + rng.below(3)),
            };
            // Most lists of a small company are read once or twice, others often.
            let latest = *rng.pick(&[2, 6, 40]);
            Fault {
                path: path.to_owned(),
                query: None,
                nth: Some(1 + rng.below(latest)),
                times: Some(times),
                action,
            }
        };
        Self((0..count).map(|_| fault()).collect())
    }
}

/// What faults of one template may still break.
struct Left {
    answers: u64,
    bodies: u64,
}

/// No answer, or none that could be taken for one.
fn broken(rng: &mut Rng) -> Action {
    let status =
        |code, body: Option<&str>| Action::Status { code, error_code: None, body: body.map(str::to_owned) };
    match rng.below(6) {
        0 => Action::Truncate,
        1 => Action::CloseConnection,
        2 => status(500, None),
        3 => status(502, Some("<html>bad gateway</html>")),
        4 => status(503, None),
        _ => status(504, None),
    }
}

/// The answer comes in the end, or says when to ask again.
fn bent(rng: &mut Rng) -> Action {
    match rng.below(6) {
        0 => Action::Hang(1 + rng.below(200)),
        1 => Action::RateLimit,
        2 => Action::TooManyAtOnce,
        3 => Action::NextLinkElsewhere,
        4 => Action::NextLinkWithoutParameters,
        _ => Action::NextLinkWrongPath,
    }
}
