//! What a first sync and the limits make necessary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::report::Bucket;

/// What is read unless somebody says otherwise: the dataset, the rate limit of its calls as the program names it, and
/// where the simulator tells the fewest calls.
const READ: &[(&str, &str, &str)] = &[
    ("users", "users", "users"),
    ("groups", "groups", "groups"),
    ("group_members", "groups", "group_members"),
    ("group_roles", "groups", "group_roles"),
    ("group_rules", "groups", "rules"),
    ("apps", "apps", "apps"),
    ("app_users", "apps", "app_users"),
    ("app_groups", "apps", "app_groups_cheapest"),
    ("app_pushes", "apps", "push_mappings"),
    // Of service applications only, and the roles of each cost one call as well.
    ("app_grants", "apps", "client_roles"),
    ("client_roles", "clients", "client_roles"),
    ("user_roles", "users", "roles"),
    ("roles", "iam", "custom_roles"),
    ("role_permissions", "iam", "permissions"),
    ("scope_sets", "iam", "resource_sets"),
    ("set_resources", "iam", "set_resources"),
    ("binding_members (bindings)", "iam", "bindings"),
    ("binding_members", "iam", "binding_members"),
    ("api_tokens", "other", "api_tokens"),
    ("api_integrations", "other", "api_services"),
    ("policies", "other", "policies"),
    ("policy_rules", "other", "policy_rules"),
    ("devices", "devices", "devices"),
    ("authenticators", "other", "authenticators"),
    ("network_zones", "other", "zones"),
    ("trusted_origins", "other", "trusted_origins"),
    ("identity_providers", "other", "identity_providers"),
    ("event_hooks", "other", "event_hooks"),
    ("inline_hooks", "other", "inline_hooks"),
    ("log_streams", "other", "log_streams"),
    ("behaviors", "other", "behaviors"),
    ("device_assurances", "other", "device_assurances"),
    ("agent_pools", "other", "agent_pools"),
    ("user_types", "other", "user_types"),
    ("linked_object_definitions", "other", "linked_object_definitions"),
    ("threat_insight, org_support, third_party_admins", "other", "organisation"),
];

/// Not licensed in the simulated org; that takes a call each to find out.
const REFUSED: &[(&str, &str, &str)] =
    &[("realms", "other", "realms"), ("authorization_servers", "other", "authorization_servers")];

/// What the simulator tells of, and a sync does not read unless asked to, or reads at a lower price.
const LEFT_OUT: &[&str] = &[
    "app_groups",
    "grants",
    "owners",
    "factors",
    "linked_objects",
    "signing_keys",
    "client_keys",
    "features",
    "principal_rate_limits",
];

/// The most holders of roles that a page names.
const ROLE_HOLDERS: u64 = 100;

/// The fewest calls that a dataset takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Least {
    pub(super) dataset: &'static str,
    pub(super) bucket: &'static str,
    pub(super) requests: u64,
}

/// The fewest calls of a first sync, by dataset, from what the simulator tells; an error names what is not understood.
pub(super) fn least(minimum: &Value, log_pages: u64) -> Result<Vec<Least>, String> {
    let told = minimum.as_object().ok_or("requests_minimum")?;
    let counted = READ.iter().chain(REFUSED).map(|(.., field)| *field);
    let known: BTreeSet<&str> = counted.chain(LEFT_OUT.iter().copied()).collect();
    // A listing that is new must be decided upon, not forgotten.
    if let Some(new) = told.keys().find(|field| !known.contains(field.as_str())) {
        return Err(format!("requests_minimum.{new}"));
    }
    let count =
        |field: &str| told.get(field).and_then(Value::as_u64).ok_or(format!("requests_minimum.{field}"));
    let mut all = Vec::new();
    for (dataset, bucket, field) in READ {
        let (mut bucket, mut requests) = (*bucket, count(field)?);
        if *field == "roles" {
            // Each holder and the pages that name them.
            let pages = requests.div_ceil(ROLE_HOLDERS + 1);
            all.push(Least { dataset: "role_assignees", bucket: "iam", requests: pages });
            requests -= pages;
        }
        if *field == "app_groups_cheapest" && requests < count("app_groups")? {
            bucket = "groups";
        }
        all.push(Least { dataset, bucket, requests });
    }
    for (dataset, bucket, field) in REFUSED {
        count(field)?;
        all.push(Least { dataset, bucket, requests: 1 });
    }
    // Whose credential it is and which roles it has: the simulator does not count that among what there is to read.
    all.push(Least { dataset: "reach", bucket: "user", requests: 1 });
    all.push(Least { dataset: "reach", bucket: "users", requests: 1 });
    all.push(Least { dataset: "activity, changes", bucket: "logs", requests: log_pages });
    Ok(all)
}

/// A bucket with the calls that were made and the fewest that were necessary, where the two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) bucket: String,
    pub(super) made: u64,
    pub(super) least: u64,
    /// The fewest calls by dataset.
    pub(super) datasets: Vec<(&'static str, u64)>,
}

/// Where more calls were made than necessary, or fewer.
pub(super) fn differences(least: &[Least], made: &BTreeMap<String, Bucket>) -> Vec<Difference> {
    let names: BTreeSet<&str> =
        least.iter().map(|least| least.bucket).chain(made.keys().map(String::as_str)).collect();
    let all = names.into_iter().map(|name| {
        let of_bucket = || least.iter().filter(move |least| least.bucket == name);
        Difference {
            bucket: name.to_owned(),
            made: made.get(name).map_or(0, |bucket| bucket.requests),
            least: of_bucket().map(|least| least.requests).sum(),
            datasets: of_bucket().map(|least| (least.dataset, least.requests)).collect(),
        }
    });
    all.filter(|difference| difference.made != difference.least).collect()
}

/// The shortest time in which these calls can be made, and the bucket that decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) seconds: u64,
    pub(super) bucket: String,
    /// Calls of a window, without those that are left to others.
    pub(super) usable: u64,
}

/// None where no bucket has a limit. The first window opens with the first call, so only further ones are waited for.
pub(super) fn floor(buckets: &BTreeMap<String, Bucket>, window_secs: u64) -> Option<Floor> {
    let floors = buckets.iter().filter_map(|(name, bucket)| {
        let usable = usable(bucket.limit?);
        let waits = bucket.requests.div_ceil(usable).saturating_sub(1);
        Some(Floor { seconds: waits * window_secs, bucket: name.clone(), usable })
    });
    floors.max_by_key(|floor| floor.seconds)
}

/// A tenth is left to others, rounded up; one call is always ours.
fn usable(limit: u64) -> u64 {
    let left_to_others = (limit as f64 * 0.1).ceil() as u64;
    limit.saturating_sub(left_to_others).max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told() -> Value {
        let fields = READ.iter().chain(REFUSED).map(|(.., field)| *field).chain(LEFT_OUT.iter().copied());
        let mut told: serde_json::Map<String, Value> =
            fields.map(|field| (field.to_owned(), json!(0))).collect();
        for (field, count) in [
            ("users", 6),
            ("roles", 103),
            ("client_roles", 3),
            ("grants", 50),
            ("realms", 2),
            ("factors", 944),
        ] {
            told.insert(field.to_owned(), json!(count));
        }
        told.into()
    }

    fn bucket(requests: u64, limit: Option<u64>) -> Bucket {
        Bucket { requests, limit, refused: 0 }
    }

    #[test]
    fn only_what_is_read_counts_and_a_refusal_is_one_call() {
        let least = least(&told(), 21).unwrap();
        let of =
            |dataset: &str| least.iter().find(|least| least.dataset == dataset).map(|least| least.requests);
        assert_eq!(of("users"), Some(6));
        assert_eq!((of("role_assignees"), of("user_roles")), (Some(2), Some(101)));
        assert_eq!((of("client_roles"), of("app_grants")), (Some(3), Some(3)));
        assert_eq!((of("realms"), of("authorization_servers")), (Some(1), Some(1)));
        assert_eq!(of("activity, changes"), Some(21));
        assert_eq!(least.iter().map(|least| least.requests).sum::<u64>(), 6 + 103 + 3 + 3 + 2 + 2 + 21);
    }

    #[test]
    fn holders_of_roles_are_told_apart_from_their_pages() {
        for (told_roles, pages, holders) in [(1, 1, 0), (101, 1, 100), (103, 2, 101), (202, 2, 200)] {
            let mut told = told();
            told["roles"] = json!(told_roles);
            let least = least(&told, 0).unwrap();
            let of = |dataset: &str| least.iter().find(|least| least.dataset == dataset).unwrap().requests;
            assert_eq!((of("role_assignees"), of("user_roles")), (pages, holders), "{told_roles}");
        }
    }

    #[test]
    fn pairs_of_application_and_group_count_where_they_are_cheaper() {
        for (by_app, cheapest, bucket) in [(30, 30, "apps"), (800, 20, "groups")] {
            let mut told = told();
            told["app_groups"] = json!(by_app);
            told["app_groups_cheapest"] = json!(cheapest);
            let least = least(&told, 0).unwrap();
            let pairs = least.iter().find(|least| least.dataset == "app_groups").unwrap();
            assert_eq!((pairs.requests, pairs.bucket), (cheapest, bucket));
        }
    }

    #[test]
    fn what_is_new_or_missing_is_named() {
        let mut new = told();
        new["passkeys"] = json!(7);
        assert_eq!(least(&new, 0).unwrap_err(), "requests_minimum.passkeys");
        let mut missing = told();
        missing.as_object_mut().unwrap().remove("zones");
        assert_eq!(least(&missing, 0).unwrap_err(), "requests_minimum.zones");
        assert_eq!(least(&json!(3), 0).unwrap_err(), "requests_minimum");
    }

    #[test]
    fn differences_name_the_bucket_in_both_directions() {
        let least = [
            Least { dataset: "users", bucket: "users", requests: 6 },
            Least { dataset: "user_roles", bucket: "users", requests: 4 },
            Least { dataset: "apps", bucket: "apps", requests: 5 },
            Least { dataset: "devices", bucket: "devices", requests: 2 },
        ];
        let made = [("users", 11), ("apps", 5), ("user", 1)]
            .map(|(name, requests)| (name.to_owned(), bucket(requests, None)))
            .into();
        let found: Vec<_> = differences(&least, &made)
            .into_iter()
            .map(|found| (found.bucket, found.made, found.least, found.datasets.len()))
            .collect();
        let expected = [("devices", 0, 2, 1), ("user", 1, 0, 0), ("users", 11, 10, 2)]
            .map(|(bucket, made, least, datasets)| (bucket.to_owned(), made, least, datasets));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_bucket_with_the_most_windows_decides_the_floor() {
        let check = |buckets: &[(&str, u64, Option<u64>)], window: u64, expected: Option<(u64, &str)>| {
            let buckets = buckets
                .iter()
                .map(|(name, requests, limit)| ((*name).to_owned(), bucket(*requests, *limit)))
                .collect();
            let found = floor(&buckets, window);
            assert_eq!(found.as_ref().map(|floor| (floor.seconds, floor.bucket.as_str())), expected);
        };
        // 45 of 50 are usable.
        check(&[("apps", 45, Some(50))], 60, Some((0, "apps")));
        check(&[("apps", 46, Some(50))], 60, Some((60, "apps")));
        check(&[("apps", 91, Some(50)), ("groups", 1000, Some(250))], 10, Some((40, "groups")));
        check(&[("apps", 136, Some(50)), ("users", 0, Some(300))], 20, Some((60, "apps")));
        // Of 12 a tenth is 2 calls, and of 1 the one call is ours.
        check(&[("iam", 10, Some(12))], 20, Some((0, "iam")));
        check(&[("iam", 11, Some(12))], 20, Some((20, "iam")));
        check(&[("iam", 3, Some(1))], 20, Some((40, "iam")));
        check(&[("iam", 3, None)], 20, None);
    }
}
