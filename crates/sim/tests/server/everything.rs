//! Everything besides users, groups, applications and the log: what is served is exactly what is there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_sim::{
    OktaOptions, RateLimits,
    company::{
        self, ENG, GITHUB, IT_ADMINS, POLICY_TYPES, PUSHED_GROUP, REVIEW_ROBOT, SECURITY_SCANNER, SLACK,
        SettingKind,
    },
    expect::{AppPolicy, AppRow, Assignee, DeviceKnown, FactorEnrolled, Owner, PolicySet, Push},
    okta::AdminFlag,
};

use crate::{
    client::{Answer, Client},
    serve, serve_twice, text,
};

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

pub(crate) fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub(crate) fn milliseconds(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

pub(crate) fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

pub(crate) fn refused(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!((answer.status, answer.json()["errorCode"].as_str()), (status, Some(code)), "{what}");
}

/// A list that comes in one piece: without any link.
pub(crate) fn whole(client: &mut Client, path: &str) -> Vec<Value> {
    let answer = client.get(path);
    assert!(answer.links().is_empty(), "{path} has a link");
    answer.list()
}

pub(crate) fn last_part(address: &Value) -> String {
    address.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

pub(crate) fn assignee(address: &str) -> Assignee {
    let (rest, id) = address.rsplit_once('/').unwrap();
    match rest.strip_prefix("https://alderfinch.okta.com").unwrap() {
        "/api/v1/users" => Assignee::User(id.to_owned()),
        "/api/v1/groups" => Assignee::Group(id.to_owned()),
        "/oauth2/v1/clients" => Assignee::Client(id.to_owned()),
        other => panic!("what is {other}?"),
    }
}

#[test]
fn owners_and_pushed_groups_are_the_truth() {
    for (company, running) in serve_twice(900, &OktaOptions::default()) {
        let mut client = running.client();
        let groups = client.walk("/api/v1/groups?limit=200&expand=stats");
        let mut owners = Vec::new();
        let mut pushed = 0;
        for group in &groups {
            let id = text(group, "id");
            for owner in whole(&mut client, &format!("/api/v1/groups/{id}/owners")) {
                assert!(
                    text(&owner, "lastUpdated").ends_with(".0") && text(&owner, "lastUpdated").contains(' ')
                );
                assert!(!text(&owner, "displayName").is_empty());
                let owner_id = text(&owner, "id").to_owned();
                owners.push(Owner {
                    group_id: id.to_owned(),
                    owner: match text(&owner, "type") {
                        "USER" => Assignee::User(owner_id),
                        "GROUP" => Assignee::Group(owner_id),
                        other => panic!("what is {other}?"),
                    },
                });
            }
            pushed += group["_embedded"]["stats"]["groupPushMappingsCount"].as_u64().unwrap();
            let imported = text(group, "type") == "APP_GROUP";
            assert_eq!(group["source"]["id"].is_string(), imported);
            if imported {
                assert_eq!(last_part(&group["_links"]["source"]["href"]), text(&group["source"], "id"));
            }
        }
        assert_eq!(sorted(owners.iter().cloned()), company.truth().owners());
        assert!(owners.iter().any(|owner| matches!(owner.owner, Assignee::Group(_))));

        let sources: BTreeMap<&str, &Value> =
            groups.iter().map(|group| (text(group, "id"), &group["source"]["id"])).collect();
        let (mut found, mut without) = (Vec::new(), 0);
        for app in client.walk("/api/v1/apps?limit=200") {
            let id = text(&app, "id").to_owned();
            let path = format!("/api/v1/apps/{id}/group-push/mappings");
            if !texts(&app["features"]).contains(&"GROUP_PUSH".to_owned()) {
                let answer = client.get(&path);
                refused(&answer, 400, "E0000001", &path);
                assert_eq!(answer.json()["errorCauses"][0]["errorSummary"], "Provisioning is not supported.");
                without += usize::from(!list(&app["features"]).is_empty());
                continue;
            }
            let mappings = client.walk(&format!("{path}?limit=1000"));
            assert_eq!(mappings, client.walk(&format!("{path}?limit=2")), "in small pages");
            for mapping in mappings {
                assert_eq!(*sources[text(&mapping, "targetGroupId")], id, "the target is imported from here");
                assert!(!text(&mapping, "created").contains('.'));
                found.push(Push {
                    app_id: id.clone(),
                    mapping_id: text(&mapping, "id").to_owned(),
                    source_group_id: text(&mapping, "sourceGroupId").to_owned(),
                    target_group_id: text(&mapping, "targetGroupId").to_owned(),
                    status: text(&mapping, "status").to_owned(),
                });
            }
        }
        assert_eq!(pushed, found.len() as u64);
        assert_eq!(sorted(found.iter().cloned()), company.truth().push_mappings());
        assert!(without > 0, "some applications get accounts, but no groups");
        let [eng, target] = [ENG, PUSHED_GROUP].map(|name| company.group(name).unwrap().id.to_string());
        assert!(found.iter().any(|it| it.source_group_id == eng && it.target_group_id == target));
        assert!(found.iter().map(|it| &it.app_id).collect::<BTreeSet<_>>().len() > 2);
        let statuses: BTreeSet<&str> = found.iter().map(|it| it.status.as_str()).collect();
        assert!(statuses.len() > 1, "{statuses:?}");
    }
}

#[test]
fn rows_of_applications_are_the_truth() {
    for (company, running) in serve_twice(400, &OktaOptions::default()) {
        let mut client = running.client();
        let (mut states, mut external) = (BTreeSet::new(), BTreeSet::new());
        for app in company.apps.iter().filter(|app| !app.deleted) {
            let rows =
                client.walk(&format!("/api/v1/apps/{}/users?limit=500", app.id)).into_iter().map(|row| {
                    states.insert(text(&row, "syncState").to_owned());
                    external.insert(row["externalId"].is_string());
                    assert!(row["profile"].is_object());
                    AppRow {
                        user_id: text(&row, "id").to_owned(),
                        scope: text(&row, "scope").to_owned(),
                        group_id: row["_links"]["group"]["href"]
                            .is_string()
                            .then(|| last_part(&row["_links"]["group"]["href"])),
                        status: text(&row, "status").to_owned(),
                        sync_state: text(&row, "syncState").to_owned(),
                        external_id: optional(&row["externalId"]),
                        user_name: text(&row["credentials"], "userName").to_owned(),
                        created_ms: milliseconds(&row["created"]),
                    }
                });
            assert_eq!(sorted(rows), company.truth().app_rows(app.id.as_str()), "{}", app.label);
        }
        let expected = ["DISABLED", "ERROR", "OUT_OF_SYNC", "SYNCHRONIZED"].map(str::to_owned);
        assert_eq!(states, BTreeSet::from(expected));
        assert_eq!(external.len(), 2);
        let rows: usize =
            company.apps.iter().map(|app| company.truth().app_rows(app.id.as_str()).len()).sum();
        assert_eq!(rows as u64, company.truth().counts().app_users);
    }
}

#[test]
fn policies_factors_and_devices_are_the_truth() {
    for (company, running) in serve_twice(700, &OktaOptions::default()) {
        let mut client = running.client();
        let mut policies = Vec::new();
        let mut kinds_of_rules = BTreeMap::new();
        for kind in POLICY_TYPES {
            for policy in client.get(&format!("/api/v1/policies?type={kind}")).list() {
                let id = text(&policy, "id").to_owned();
                let rules = whole(&mut client, &format!("/api/v1/policies/{id}/rules"));
                kinds_of_rules.insert(kind, text(&rules[0], "type").to_owned());
                assert!(rules.is_sorted_by_key(|rule| rule["priority"].as_u64()));
                let last = rules.last().unwrap();
                assert!(last["conditions"].is_null() && last["system"] == true, "{last}");
                assert_eq!(policy["_embedded"]["resourceType"].is_string(), kind == "ACCESS_POLICY");
                let groups = &policy["conditions"]["people"]["groups"]["include"];
                policies.push(PolicySet {
                    policy_id: id,
                    kind: text(&policy, "type").to_owned(),
                    name: text(&policy, "name").to_owned(),
                    active: text(&policy, "status") == "ACTIVE",
                    priority: policy["priority"].as_u64().unwrap() as u32,
                    group_ids: if groups.is_null() { Vec::new() } else { sorted(texts(groups)) },
                    rules: rules
                        .iter()
                        .map(|rule| {
                            let active = text(rule, "status") == "ACTIVE";
                            (text(rule, "id").to_owned(), text(rule, "name").to_owned(), active)
                        })
                        .collect(),
                });
            }
        }
        let truth = company.truth();
        assert_eq!(sorted(policies.iter().cloned()), truth.policies());
        assert_eq!((&*kinds_of_rules["OKTA_SIGN_ON"], &*kinds_of_rules["PASSWORD"]), ("SIGN_ON", "PASSWORD"));
        assert!(client.get("/api/v1/policies?type=CLIENT_UPDATE").list().is_empty());
        for path in ["/api/v1/policies", "/api/v1/policies?type=SHOE_SIZE"] {
            refused(&client.get(path), 400, "E0000001", path);
        }
        refused(
            &client.get("/api/v1/policies/rst00000000000000000/rules"),
            404,
            "E0000007",
            "unknown policy",
        );

        let access: BTreeSet<&str> =
            policies.iter().filter(|it| it.kind == "ACCESS_POLICY").map(|it| it.policy_id.as_str()).collect();
        let app_policies = client.walk("/api/v1/apps?limit=200").into_iter().map(|app| {
            let address = &app["_links"]["accessPolicy"]["href"];
            assert!(address.as_str().unwrap().starts_with("https://alderfinch.okta.com/api/v1/policies/"));
            assert!(access.contains(&*last_part(address)));
            AppPolicy { app_id: text(&app, "id").to_owned(), policy_id: last_part(address) }
        });
        let app_policies = sorted(app_policies);
        assert_eq!(app_policies, truth.app_policies());
        assert!(app_policies.iter().map(|it| &it.policy_id).collect::<BTreeSet<_>>().len() > 2);

        let mut factors = Vec::new();
        for user in company.users.iter().filter(|user| !user.deleted) {
            for factor in whole(&mut client, &format!("/api/v1/users/{}/factors", user.id)) {
                factors.push(FactorEnrolled {
                    user_id: user.id.to_string(),
                    factor_id: text(&factor, "id").to_owned(),
                    factor_type: text(&factor, "factorType").to_owned(),
                    provider: text(&factor, "provider").to_owned(),
                    active: text(&factor, "status") == "ACTIVE",
                });
            }
        }
        assert_eq!(sorted(factors.iter().cloned()), truth.factors());
        let ids: BTreeSet<_> = factors.iter().map(|factor| &factor.factor_id).collect();
        assert_eq!(ids.len(), factors.len());
        assert!(factors.iter().any(|factor| !factor.active));

        let devices = client.walk("/api/v1/devices?limit=200&expand=user");
        let known = devices.iter().map(|device| DeviceKnown {
            device_id: text(device, "id").to_owned(),
            display_name: text(&device["profile"], "displayName").to_owned(),
            platform: text(&device["profile"], "platform").to_owned(),
            status: text(device, "status").to_owned(),
            users: sorted(list(&device["_embedded"]["users"]).iter().map(|it| {
                assert!(it["user"]["profile"]["login"].is_string());
                (text(&it["user"], "id").to_owned(), text(it, "managementStatus") == "MANAGED")
            })),
        });
        assert_eq!(sorted(known), truth.devices());
        assert!(devices.len() > 200);
        let alone = client.walk("/api/v1/devices");
        assert!(alone.iter().all(|device| device.get("_embedded").is_none()));
        for device in devices.iter().filter(|device| list(&device["_embedded"]["users"]).len() != 1) {
            let users = whole(&mut client, &format!("/api/v1/devices/{}/users", text(device, "id")));
            assert_eq!(users, list(&device["_embedded"]["users"]));
        }
        let suspended = client.walk("/api/v1/devices?search=status+eq+%22SUSPENDED%22");
        assert_eq!(suspended.len(), truth.devices().iter().filter(|it| it.status == "SUSPENDED").count());
    }
}

/// Where the settings of each kind are listed, and the largest page.
pub(crate) const SETTINGS: [(SettingKind, &str, Option<u32>); 15] = [
    (SettingKind::Authenticator, "/api/v1/authenticators", None),
    (SettingKind::Zone, "/api/v1/zones", Some(1000)),
    (SettingKind::TrustedOrigin, "/api/v1/trustedOrigins", Some(200)),
    (SettingKind::IdentityProvider, "/api/v1/idps", Some(200)),
    (SettingKind::EventHook, "/api/v1/eventHooks", None),
    (SettingKind::InlineHook, "/api/v1/inlineHooks", None),
    (SettingKind::LogStream, "/api/v1/logStreams", Some(200)),
    (SettingKind::DeviceAssurance, "/api/v1/device-assurances", None),
    (SettingKind::AgentPool, "/api/v1/agentPools", None),
    (SettingKind::Feature, "/api/v1/features", None),
    (SettingKind::UserType, "/api/v1/meta/types/user", None),
    (SettingKind::LinkedObject, "/api/v1/meta/schemas/user/linkedObjects", None),
    (SettingKind::Realm, "/api/v1/realms", Some(200)),
    (SettingKind::AuthorizationServer, "/api/v1/authorizationServers", Some(200)),
    (SettingKind::Behavior, "/api/v1/behaviors", None),
];

/// Kind, id and name of each.
fn found(kind: SettingKind, objects: &[Value]) -> Vec<(SettingKind, String, String)> {
    let identify = |object: &Value| match kind {
        SettingKind::LinkedObject => {
            let name = text(&object["primary"], "name");
            (name.to_owned(), name.to_owned())
        }
        SettingKind::Realm => (text(object, "id").to_owned(), text(&object["profile"], "name").to_owned()),
        SettingKind::PrincipalRateLimit => {
            (text(object, "id").to_owned(), text(object, "principalId").to_owned())
        }
        _ => (text(object, "id").to_owned(), text(object, "name").to_owned()),
    };
    objects.iter().map(identify).map(|(id, name)| (kind, id, name)).collect()
}

#[test]
fn settings_are_the_truth() {
    for (company, running) in serve_twice(9000, &OktaOptions { licensed: true, ..OktaOptions::default() }) {
        let mut client = running.client();
        let mut settings = Vec::new();
        for (kind, path, largest) in SETTINGS {
            let objects = match largest {
                Some(largest) => client.walk(&format!("{path}?limit={largest}")),
                None if kind == SettingKind::Behavior => client.walk(path),
                None => whole(&mut client, path),
            };
            assert!(objects.iter().all(|object| object["_links"]["self"]["href"].is_string()), "{path}");
            if largest.is_some() {
                assert_eq!(client.walk(&format!("{path}?limit=1")), objects, "{path} in small pages");
                assert_eq!(client.walk(path), objects, "{path} in pages of the default size");
            }
            settings.extend(found(kind, &objects));
        }
        for (kind, size) in [("SSWS_TOKEN", company.api_tokens.len()), ("OAUTH_CLIENT", 3)] {
            let path = format!("/api/v1/principal-rate-limits?filter=principalType+eq+%22{kind}%22");
            let limits = client.walk(&format!("{path}&limit=50"));
            assert_eq!(limits, client.walk(&format!("{path}&limit=2")));
            assert!(limits.len() >= size, "{kind}");
            settings.extend(found(SettingKind::PrincipalRateLimit, &limits));
        }
        refused(&client.get("/api/v1/principal-rate-limits"), 400, "E0000001", "no filter");
        let expected = company.truth().settings().into_iter().map(|it| (it.kind, it.id, it.name));
        assert_eq!(sorted(settings), sorted(expected));
        assert_eq!(client.get("/api/v1/behaviors").list().len(), 10);
        assert_eq!(client.get("/api/v1/trustedOrigins").list().len(), 20);
        assert_eq!(client.get("/api/v1/idps").list().len(), 20);

        let threats = client.get("/api/v1/threats/configuration").json();
        assert_eq!(text(&threats, "created").len(), "2025-01-01 00:00:00".len());
        assert_eq!(client.get("/api/v1/org/privacy/oktaSupport").json()["support"], "DISABLED");
        let path = "/api/v1/org/orgSettings/thirdPartyAdminSetting";
        assert_eq!(client.get(path).json()["thirdPartyAdmin"], false);

        let mut realms: Vec<(String, String)> = Vec::new();
        for path in
            ["/api/v1/users?limit=200", "/api/v1/users?limit=200&filter=status+eq+%22DEPROVISIONED%22"]
        {
            let users = client.walk(path);
            realms.extend(users.iter().map(|it| (text(it, "id").to_owned(), text(it, "realmId").to_owned())));
        }
        assert_eq!(sorted(realms.iter().cloned()), company.truth().realms());
        assert!(realms.iter().map(|(_, realm)| realm).collect::<BTreeSet<_>>().len() > 1);
    }
}

#[test]
fn linked_people_are_the_truth() {
    for (company, running) in serve_twice(120, &OktaOptions::default()) {
        let mut client = running.client();
        let (mut managers, mut subordinates) = (Vec::new(), Vec::new());
        for user in company.users.iter().filter(|user| !user.deleted) {
            let mut linked = |relation: &str| -> Vec<String> {
                let links =
                    whole(&mut client, &format!("/api/v1/users/{}/linkedObjects/{relation}", user.id));
                assert!(links.iter().all(|link| link.as_object().unwrap().keys().eq(["_links"])));
                links.iter().map(|link| last_part(&link["_links"]["self"]["href"])).collect()
            };
            managers.extend(linked("manager").into_iter().map(|manager| (user.id.to_string(), manager)));
            subordinates
                .extend(linked("subordinate").into_iter().map(|person| (person, user.id.to_string())));
            assert!(linked("mentor").is_empty() && linked("mentee").is_empty());
        }
        assert_eq!(sorted(managers.iter().cloned()), sorted(subordinates));
        let expected = company.truth().linked().into_iter().map(|it| {
            assert_eq!(it.relation, "manager");
            (it.of, it.user_id)
        });
        assert_eq!(sorted(managers), sorted(expected));
        let path = format!("/api/v1/users/{}/linkedObjects/nemesis", company.users[0].id);
        refused(&client.get(&path), 404, "E0000007", "unknown relation");
    }
}

#[test]
fn what_is_not_licensed_is_refused() {
    let (_, running) = serve(30, OktaOptions::default());
    let mut client = running.client();
    for path in ["/api/v1/realms", "/api/v1/authorizationServers"] {
        refused(&client.get(path), 401, "E0000015", path);
    }
    assert!(client.walk("/api/v1/users").iter().all(|user| user.get("realmId").is_none()));
}

#[test]
fn a_read_only_administrator_sees_everything_but_administration() {
    let (company, running) = serve(60, OktaOptions { read_only_admin: true, ..OktaOptions::default() });
    let mut client = running.client();
    let robot = company.app(REVIEW_ROBOT).unwrap().id;
    let set = company.resource_sets[0].id;
    let role = company.custom_roles[0].id;
    let admins = company.group(IT_ADMINS).unwrap().id;
    for path in [
        "/api/v1/iam/resource-sets".to_owned(),
        format!("/api/v1/iam/resource-sets/{set}/resources"),
        format!("/api/v1/iam/resource-sets/{set}/bindings"),
        format!("/api/v1/iam/resource-sets/{set}/bindings/{role}/members"),
        format!("/api/v1/iam/roles/{role}/permissions"),
        format!("/oauth2/v1/clients/{robot}/roles"),
        format!("/api/v1/apps/{robot}/grants"),
        format!("/api/v1/groups/{admins}/users"),
        "/api/v1/org/privacy/oktaSupport".to_owned(),
    ] {
        refused(&client.get(&path), 403, "E0000006", &path);
    }
    for group in &company.groups {
        let status = client.get(&format!("/api/v1/groups/{}/users", group.id)).status;
        assert_eq!(status, if group.name == IT_ADMINS { 403 } else { 200 }, "{}", group.name);
    }
    for path in [
        format!("/api/v1/apps/{robot}/credentials/jwks"),
        format!("/api/v1/groups/{admins}/owners"),
        "/api/v1/api-tokens".to_owned(),
        "/api/v1/policies?type=PASSWORD".to_owned(),
        "/api/v1/devices".to_owned(),
        "/api/v1/idps".to_owned(),
    ] {
        assert_eq!(client.get(&path).status, 200, "{path}");
    }
}

#[test]
fn pages_larger_than_documented_are_refused() {
    let (company, running) = serve(60, OktaOptions { licensed: true, ..OktaOptions::default() });
    let mut client = running.client();
    let [github, slack] = [GITHUB, SLACK].map(|label| company.app(label).unwrap().id);
    let (robot, eng) = (company.app(SECURITY_SCANNER).unwrap().id, company.group(ENG).unwrap().id);
    let user = company.person(company::GROUP_ADMIN).unwrap().id;
    let (set, role) = (company.resource_sets[0].id, company.custom_roles[0].id);
    for (path, largest) in [
        ("/api/v1/users".to_owned(), 200),
        ("/api/v1/users?filter=status+eq+%22DEPROVISIONED%22".to_owned(), 200),
        ("/api/v1/groups".to_owned(), 10_000),
        ("/api/v1/groups?expand=stats".to_owned(), 200),
        (format!("/api/v1/groups/{eng}/users"), 1000),
        (format!("/api/v1/groups/{eng}/apps"), 200),
        (format!("/api/v1/groups/{eng}/owners"), 1000),
        ("/api/v1/groups/rules".to_owned(), 200),
        ("/api/v1/apps".to_owned(), 200),
        (format!("/api/v1/apps/{slack}/users"), 500),
        (format!("/api/v1/apps/{slack}/groups"), 200),
        (format!("/api/v1/apps/{github}/group-push/mappings"), 1000),
        ("/api/v1/iam/assignees/users".to_owned(), 100),
        ("/api/v1/iam/roles".to_owned(), 100),
        ("/api/v1/iam/resource-sets".to_owned(), 100),
        (format!("/api/v1/iam/resource-sets/{set}/resources"), 100),
        (format!("/api/v1/iam/resource-sets/{set}/bindings"), 100),
        (format!("/api/v1/iam/resource-sets/{set}/bindings/{role}/members"), 100),
        (format!("/api/v1/users/{user}/roles/KVJUKUS7IFCE2SKO/targets/groups"), 200),
        (format!("/oauth2/v1/clients/{robot}/roles/IFIFAX2BIRGUSTQ/targets/catalog/apps"), 200),
        ("/api/v1/logs".to_owned(), 1000),
        ("/api/v1/devices".to_owned(), 200),
        ("/api/v1/principal-rate-limits?filter=principalType+eq+%22SSWS_TOKEN%22".to_owned(), 50),
    ]
    .into_iter()
    .chain(SETTINGS.iter().filter_map(|&(_, path, largest)| Some((path.to_owned(), largest?))))
    {
        let and = if path.contains('?') { '&' } else { '?' };
        assert_eq!(client.get(&format!("{path}{and}limit={largest}")).status, 200, "{path}");
        let path = format!("{path}{and}limit={}", largest + 1);
        refused(&client.get(&path), 400, "E0000001", &path);
    }
}

#[test]
fn the_flag_of_groups_that_give_roles_has_three_spellings() {
    for (admin_flag, name) in [
        (AdminFlag::HasAdminPrivilege, "hasAdminPrivilege"),
        (AdminFlag::HasAdminPrivlege, "hasAdminPrivlege"),
        (AdminFlag::HasAdminPrivileges, "hasAdminPrivileges"),
    ] {
        let (_, running) = serve(20, OktaOptions { admin_flag, ..OktaOptions::default() });
        for group in running.client().walk("/api/v1/groups?expand=stats") {
            let stats = group["_embedded"]["stats"].as_object().unwrap();
            let flags: Vec<_> = stats.iter().filter(|(key, _)| key.starts_with("hasAdmin")).collect();
            assert_eq!(
                flags,
                [(&name.to_owned(), &Value::Bool(text(&group["profile"], "name") == IT_ADMINS))]
            );
        }
    }
}

#[test]
fn machine_clients_and_devices_have_rate_limits_of_their_own() {
    let options = OktaOptions { rate_limits: RateLimits::Integrator, share: 1.0, ..OktaOptions::default() };
    let (company, running) = serve(20, options);
    let mut client = running.client();
    let robot = company.app(REVIEW_ROBOT).unwrap().id;
    let device = company.devices[0].id;
    let path = format!("/oauth2/v1/clients/{robot}/roles");
    assert_eq!(client.get(&path).header("x-rate-limit-remaining"), "24");
    assert_eq!(client.get("/api/v1/devices").header("x-rate-limit-remaining"), "99");
    let path = format!("/api/v1/devices/{device}/users");
    assert_eq!(client.get(&path).header("x-rate-limit-remaining"), "99");
    let path = format!("/api/v1/apps/{robot}/grants");
    assert_eq!(client.get(&path).header("x-rate-limit-limit"), "20");
    assert_eq!(client.get("/api/v1/zones").header("x-rate-limit-remaining"), "99");
    assert_eq!(client.get("/api/v1/realms").header("x-rate-limit-remaining"), "98");
    let path = format!("/api/v1/users/{}/factors", company.users[0].id);
    assert_eq!(client.get(&path).header("x-rate-limit-remaining"), "99");
}
