//! Faults drawn at random.

use crate::{Fault, Kit, Trouble};

/// `count` faults over all paths that the connector says it reads; the same seed gives the same.
///
/// None of them is a lie that nobody could see through: a list that ends early and says that this is its end.
pub fn random(kit: &Kit, seed: u64, count: usize) -> Vec<Fault> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let datasets = kit.registration.info.datasets;
    let paths: Vec<&str> = datasets.iter().flat_map(|dataset| dataset.reads).copied().collect();
    let samples = kit.upstream.samples();
    let mut faults = Vec::new();
    while faults.len() < count && !paths.is_empty() {
        let trouble = trouble(&mut rng);
        let path = paths[rng.usize(..paths.len())];
        let is_lie = trouble == Trouble::RepeatedCursor && samples.ends_with_its_cursor.contains(&path);
        if is_lie || !kit.upstream.can(&trouble) {
            continue;
        }
        // What a server fails at for ever is asked for so long that a test would take minutes.
        let passes =
            matches!(trouble, Trouble::Failing(_) | Trouble::Closed | Trouble::Truncated | Trouble::Late(_));
        let refusal = matches!(trouble, Trouble::RateLimited | Trouble::TooManyAtOnce);
        let for_ever = !passes && !refusal && rng.u8(..3) == 0;
        faults.push(Fault {
            path: path.to_owned(),
            from: Some(rng.u64(1..=4)),
            times: Some(if for_ever { 1_000_000 } else { rng.u64(1..=3) }),
            trouble,
        });
    }
    faults
}

fn trouble(rng: &mut fastrand::Rng) -> Trouble {
    match rng.u8(..19) {
        0 => Trouble::Denied,
        1 => Trouble::NotLicensed,
        2 => Trouble::NotFound,
        3 => Trouble::NotAllowed,
        4 => Trouble::Refused("no".to_owned()),
        5 => Trouble::Failing(500),
        6 => Trouble::Failing(503),
        7 => Trouble::Truncated,
        8 => Trouble::Closed,
        9 => Trouble::Html,
        10 => Trouble::NotData,
        11 => Trouble::RateLimited,
        12 => Trouble::TooManyAtOnce,
        13 => Trouble::Revoked,
        14 => Trouble::OddObject(serde_json::json!("odd")),
        15 => Trouble::RepeatedCursor,
        16 => Trouble::LinkElsewhere,
        17 => Trouble::LinkBare,
        _ => Trouble::LinkWrongPath,
    }
}
