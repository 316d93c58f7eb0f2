//! Everything besides users, groups, applications and the log: what is served is exactly what is there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_sim::{
    Company, OktaOptions, RateLimits,
    company::{
        self, DIRECTORY_READER, ENG, GITHUB, IT_ADMINS, POLICY_TYPES, PUSHED_GROUP, REVIEW_ROBOT,
        SECURITY_SCANNER, SLACK, SettingKind, WHOLE_DIRECTORY,
    },
    expect::{
        AdminScope, AppPolicy, AppRow, Assignee, Binding, ClientGrant, ClientRoleHeld, DeviceKnown,
        FactorEnrolled, Owner, PermissionGiven, PolicySet, Push, SetEntry,
    },
    okta::AdminFlag,
};

use crate::{
    client::{Answer, Client},
    serve, text,
};

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn milliseconds(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

fn refused(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!((answer.status, answer.json()["errorCode"].as_str()), (status, Some(code)), "{what}");
}

/// A list that comes in one piece: without any link.
fn whole(client: &mut Client, path: &str) -> Vec<Value> {
    let answer = client.get(path);
    assert!(answer.links().is_empty(), "{path} has a link");
    answer.list()
}

fn last_part(address: &Value) -> String {
    address.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn assignee(address: &str) -> Assignee {
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
    let (company, running) = serve(900, OktaOptions::default());
    let mut client = running.client();
    let groups = client.walk("/api/v1/groups?limit=200&expand=stats");
    let mut owners = Vec::new();
    let mut pushed = 0;
    for group in &groups {
        let id = text(group, "id");
        for owner in whole(&mut client, &format!("/api/v1/groups/{id}/owners")) {
            assert!(text(&owner, "lastUpdated").ends_with(".0") && text(&owner, "lastUpdated").contains(' '));
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

#[test]
fn rows_of_applications_are_the_truth() {
    let (company, running) = serve(400, OktaOptions::default());
    let mut client = running.client();
    let (mut states, mut external) = (BTreeSet::new(), BTreeSet::new());
    for app in &company.apps {
        let rows = client.walk(&format!("/api/v1/apps/{}/users?limit=500", app.id)).into_iter().map(|row| {
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
    let rows: usize = company.apps.iter().map(|app| company.truth().app_rows(app.id.as_str()).len()).sum();
    assert_eq!(rows as u64, company.truth().counts().app_users);
}

#[test]
fn clients_and_what_they_prove_themselves_with_are_the_truth() {
    let (company, running) = serve(8000, OktaOptions::default());
    let mut client = running.client();
    let (mut grants, mut credentials, mut services) = (Vec::new(), Vec::new(), Vec::new());
    for app in client.walk("/api/v1/apps?limit=200") {
        let id = text(&app, "id").to_owned();
        let path = |rest: &str| format!("/api/v1/apps/{id}/{rest}");
        for key in whole(&mut client, &path("credentials/keys")) {
            assert_eq!(key["kid"], app["credentials"]["signing"]["kid"]);
            credentials.push((id.clone(), "SigningKey", text(&key, "kid").to_owned(), true));
        }
        let Some(client_id) = app["credentials"]["oauthClient"]["client_id"].as_str() else {
            for rest in ["grants", "credentials/jwks", "credentials/secrets"] {
                refused(&client.get(&path(rest)), 404, "E0000007", rest);
            }
            continue;
        };
        assert_eq!(client_id, id);
        for grant in whole(&mut client, &path("grants")) {
            assert_eq!(text(&grant, "status"), "ACTIVE");
            assert_eq!(text(&grant, "issuer"), "https://alderfinch.okta.com");
            assert!(text(&grant["createdBy"], "id").starts_with("00u"));
            grants.push(ClientGrant {
                app_id: id.clone(),
                client_id: text(&grant, "clientId").to_owned(),
                grant_id: text(&grant, "id").to_owned(),
                scope: text(&grant, "scopeId").to_owned(),
                source: text(&grant, "source").to_owned(),
            });
        }
        let keys = client.get(&path("credentials/jwks")).json();
        let secrets = whole(&mut client, &path("credentials/secrets"));
        let method = text(&app["credentials"]["oauthClient"], "token_endpoint_auth_method");
        assert_eq!(list(&keys["keys"]).is_empty(), method != "private_key_jwt", "{app}");
        assert_eq!(secrets.is_empty(), method == "private_key_jwt", "{app}");
        for (kind, credential) in list(&keys["keys"])
            .iter()
            .map(|key| ("Jwk", key))
            .chain(secrets.iter().map(|secret| ("Secret", secret)))
        {
            let active = text(credential, "status") == "ACTIVE";
            credentials.push((id.clone(), kind, text(credential, "id").to_owned(), active));
        }
        assert!(secrets.iter().all(|secret| text(secret, "client_secret").len() > 30));
        if app["settings"]["oauthClient"]["application_type"] == "service" {
            services.push(id);
        }
    }
    let truth = company.truth();
    assert_eq!(sorted(grants), truth.grants());
    let expected = truth
        .credentials()
        .into_iter()
        .map(|it| (it.app_id, format!("{:?}", it.kind), it.credential_id, it.active));
    let found = credentials.into_iter().map(|(app, kind, id, active)| (app, kind.to_owned(), id, active));
    assert_eq!(sorted(found), sorted(expected));
    let expected = company.apps.iter().filter(|app| app.service).map(|app| app.id.to_string());
    assert_eq!(sorted(services.iter().cloned()), sorted(expected));
    assert!(services.len() > 3);
}

/// Roles, with their targets at once or asked for.
#[test]
fn roles_of_clients_are_the_truth() {
    let (company, running) = serve(8000, OktaOptions::default());
    let mut client = running.client();
    let services = company.apps.iter().filter(|app| app.service).map(|app| app.id.to_string());
    let services: Vec<String> = services.collect();
    let mut held = Vec::new();
    for id in &services {
        let path = format!("/oauth2/v1/clients/{id}/roles");
        let expanded = format!("{path}?expand=targets/groups,targets/catalog/apps");
        for role in whole(&mut client, &expanded) {
            assert_eq!(text(&role, "assignmentType"), "CLIENT");
            let holder = assignee(text(&role["_links"]["assignee"], "href"));
            assert_eq!(holder, Assignee::Client(id.clone()));
            let embedded = &role["_embedded"]["targets"];
            let lists = [("groups", &embedded["groups"]), ("catalog/apps", &embedded["catalog"]["apps"])];
            let mut targets = Vec::new();
            for (kind, embedded) in lists {
                let path = format!("{path}/{}/targets/{kind}", text(&role, "id"));
                let asked = client.walk(&format!("{path}?limit=200"));
                assert_eq!(asked, embedded.as_array().cloned().unwrap_or_default(), "{path}");
                assert_eq!(asked, client.walk(&format!("{path}?limit=1")), "{path}");
                targets.extend(asked.iter().map(|target| text(target, "id").to_owned()));
            }
            let scope = match role["resource-set"].as_str() {
                Some(set) => AdminScope::ResourceSet(set.to_owned()),
                None if targets.is_empty() => AdminScope::Org,
                None => AdminScope::Targets(sorted(targets)),
            };
            let name = role.get("role").unwrap_or(&role["type"]).as_str().unwrap().to_owned();
            held.push(ClientRoleHeld { client_id: id.clone(), role: name, scope });
        }
    }
    assert_eq!(sorted(held), company.truth().client_roles());
    let scanner = company.app(SECURITY_SCANNER).unwrap().id;
    refused(&client.get("/oauth2/v1/clients/0oa00000000000000000/roles"), 404, "E0000007", "unknown client");
    let path = format!("/oauth2/v1/clients/{scanner}/roles/nonsense/targets/groups");
    refused(&client.get(&path), 404, "E0000007", "unknown role");
}

#[test]
fn tokens_and_integrations_are_the_truth() {
    let (company, running) = serve(8000, OktaOptions::default());
    let mut client = running.client();
    let truth = company.truth();
    let tokens = whole(&mut client, "/api/v1/api-tokens?limit=1");
    let found = tokens.iter().map(|token| {
        (
            text(token, "id").to_owned(),
            text(token, "name").to_owned(),
            text(token, "userId").to_owned(),
            optional(&token["network"]["connection"]),
            optional(&token["expiresAt"]).map(|_| milliseconds(&token["expiresAt"])),
        )
    });
    let expected = truth
        .api_tokens()
        .into_iter()
        .map(|token| (token.token_id, token.name, token.user_id, token.network, token.expires_ms));
    assert_eq!(sorted(found), sorted(expected));
    assert!(tokens.iter().any(|token| token["network"].is_null() && token["tokenWindow"].is_string()));
    assert!(tokens.iter().any(|token| token["expiresAt"].is_null()));

    let services = client.walk("/integrations/api/v1/api-services");
    assert_eq!(client.get("/integrations/api/v1/api-services").list().len(), 10);
    let found = services
        .iter()
        .map(|it| (text(it, "id").to_owned(), text(it, "name").to_owned(), texts(&it["grantedScopes"])));
    let expected = truth.api_services().into_iter().map(|it| (it.service_id, it.name, it.granted_scopes));
    assert_eq!(sorted(found), sorted(expected));
}

#[test]
fn resource_sets_and_bindings_of_more_than_one_page_are_the_truth() {
    let (company, running) = serve(10_000, OktaOptions::default());
    let mut client = running.client();
    let (mut bindings, mut entries) = (Vec::new(), Vec::new());
    for set in client.walk_body("/api/v1/iam/resource-sets?limit=2", "resource-sets") {
        let set_id = text(&set, "id").to_owned();
        let path = format!("/api/v1/iam/resource-sets/{set_id}");
        for resource in client.walk_body(&format!("{path}/resources"), "resources") {
            let orn = text(&resource, "orn");
            let (kind, orn) = match orn.strip_suffix(":contained_resources") {
                Some(orn) => ("members_of", orn),
                None if orn.contains(":apps:") => ("app", orn),
                None => ("group", orn),
            };
            let resource_id = orn.rsplit(':').next().unwrap().to_owned();
            assert_eq!(last_part(&resource["_links"]["self"]["href"]), resource_id);
            entries.push(SetEntry { set_id: set_id.clone(), kind: kind.to_owned(), resource_id });
        }
        for role in client.walk_body(&format!("{path}/bindings"), "roles") {
            let role_id = text(&role, "id").to_owned();
            let path = format!("{path}/bindings/{role_id}/members");
            for member in client.walk_body(&path, "members") {
                bindings.push(Binding {
                    set_id: set_id.clone(),
                    role_id: role_id.clone(),
                    assignee: assignee(text(&member["_links"]["self"], "href")),
                });
            }
        }
    }
    let truth = company.truth();
    assert_eq!(sorted(entries.iter().cloned()), truth.set_resources());
    assert_eq!(sorted(bindings.iter().cloned()), truth.bindings());
    let set = company.resource_sets.iter().find(|set| set.label == WHOLE_DIRECTORY).unwrap().id.to_string();
    let reader = company.custom_roles.iter().find(|role| role.label == DIRECTORY_READER).unwrap().id;
    let in_set = entries.iter().filter(|entry| entry.set_id == set).count();
    let readers =
        bindings.iter().filter(|it| it.set_id == set && it.role_id == reader.as_str()).collect::<Vec<_>>();
    assert!(in_set > 100 && readers.len() > 100, "{in_set} resources, {} members", readers.len());
    let first = client.get(&format!("/api/v1/iam/resource-sets/{set}/resources"));
    assert_eq!(list(&first.json()["resources"]).len(), 100);
    assert!(first.links().iter().all(|(relation, _)| relation != "next"));
    let robot = Assignee::Client(company.app(REVIEW_ROBOT).unwrap().id.to_string());
    assert!(readers.iter().any(|it| it.assignee == robot));
    assert!(bindings.iter().any(|it| matches!(it.assignee, Assignee::Group(_))));

    let mut permissions = Vec::new();
    for role in client.walk_body("/api/v1/iam/roles", "roles") {
        let role_id = text(&role, "id").to_owned();
        let answer = client.get(&format!("/api/v1/iam/roles/{role_id}/permissions")).json();
        permissions.extend(list(&answer["permissions"]).iter().map(|permission| PermissionGiven {
            role_id: role_id.clone(),
            label: text(permission, "label").to_owned(),
            condition: permission["conditions"].as_object().map(|conditions| {
                let (word, attributes) = conditions.iter().next().unwrap();
                (word == "include", texts(&attributes["okta:ResourceAttribute/User/Profile"]))
            }),
        }));
    }
    assert_eq!(sorted(permissions.iter().cloned()), truth.permissions());
    let words: BTreeSet<_> = permissions.iter().map(|it| it.condition.as_ref().map(|it| it.0)).collect();
    assert_eq!(words.len(), 3, "unlimited, limited to some, limited to all but some");
}

#[test]
fn policies_factors_and_devices_are_the_truth() {
    let (company, running) = serve(700, OktaOptions::default());
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
    refused(&client.get("/api/v1/policies/rst00000000000000000/rules"), 404, "E0000007", "unknown policy");

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
    for user in &company.users {
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

/// Where the settings of each kind are listed, and the largest page.
const SETTINGS: [(SettingKind, &str, Option<u32>); 15] = [
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
    let (company, running) = serve(9000, OktaOptions { licensed: true, ..OktaOptions::default() });
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
    for path in ["/api/v1/users?limit=200", "/api/v1/users?limit=200&filter=status+eq+%22DEPROVISIONED%22"] {
        let users = client.walk(path);
        realms.extend(users.iter().map(|it| (text(it, "id").to_owned(), text(it, "realmId").to_owned())));
    }
    assert_eq!(sorted(realms.iter().cloned()), company.truth().realms());
    assert!(realms.iter().map(|(_, realm)| realm).collect::<BTreeSet<_>>().len() > 1);
}

#[test]
fn linked_people_are_the_truth() {
    let (company, running) = serve(120, OktaOptions::default());
    let mut client = running.client();
    let (mut managers, mut subordinates) = (Vec::new(), Vec::new());
    for user in &company.users {
        let mut linked = |relation: &str| -> Vec<String> {
            let links = whole(&mut client, &format!("/api/v1/users/{}/linkedObjects/{relation}", user.id));
            assert!(links.iter().all(|link| link.as_object().unwrap().keys().eq(["_links"])));
            links.iter().map(|link| last_part(&link["_links"]["self"]["href"])).collect()
        };
        managers.extend(linked("manager").into_iter().map(|manager| (user.id.to_string(), manager)));
        subordinates.extend(linked("subordinate").into_iter().map(|person| (person, user.id.to_string())));
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

/// Reads everything that is worth reading once, with the largest pages, and gives the bodies back.
fn read_everything(company: &Company, client: &mut Client) -> Vec<Value> {
    let mut read = Vec::new();
    let apps = client.walk("/api/v1/apps?limit=200");
    let groups = client.walk("/api/v1/groups?limit=200&expand=stats");
    let assigned = groups.iter().filter(|group| group["_embedded"]["stats"]["appsCount"] != 0).count();
    let by_group = assigned < apps.len();
    read.extend(client.walk("/api/v1/users?limit=200"));
    read.extend(client.walk("/api/v1/users?limit=200&filter=status+eq+%22DEPROVISIONED%22"));
    for group in &groups {
        let (id, stats) = (text(group, "id"), &group["_embedded"]["stats"]);
        read.extend(client.walk(&format!("/api/v1/groups/{id}/owners")));
        if stats["hasAdminPrivilege"] == true {
            read.extend(client.walk(&format!("/api/v1/groups/{id}/roles")));
        }
        if by_group && stats["appsCount"].as_u64().unwrap() > 0 {
            read.extend(client.walk(&format!("/api/v1/groups/{id}/apps?limit=200")));
        }
        if stats["usersCount"].as_u64().unwrap() > 0 && text(group, "type") != "BUILT_IN" {
            read.extend(client.walk(&format!("/api/v1/groups/{id}/users?limit=1000")));
        }
    }
    for app in &apps {
        let path = |rest: &str| format!("/api/v1/apps/{}/{rest}", text(app, "id"));
        read.extend(client.walk(&path("users?limit=500")));
        if !by_group {
            read.extend(client.walk(&path("groups?limit=200")));
        }
        if texts(&app["features"]).contains(&"GROUP_PUSH".to_owned()) {
            read.extend(client.walk(&path("group-push/mappings?limit=1000")));
        }
        if app["credentials"]["signing"]["kid"].is_string() {
            read.extend(client.walk(&path("credentials/keys")));
        }
        let oauth = &app["credentials"]["oauthClient"];
        if oauth.is_object() {
            read.extend(client.walk(&path("grants")));
            if oauth["token_endpoint_auth_method"] == "private_key_jwt" {
                read.push(client.get(&path("credentials/jwks")).json());
            }
        }
        if app["settings"]["oauthClient"]["application_type"] == "service" {
            read.extend(client.walk(&format!("/oauth2/v1/clients/{}/roles", text(app, "id"))));
        }
    }
    read.extend(client.walk("/api/v1/groups/rules?limit=200"));
    for holder in client.walk_body("/api/v1/iam/assignees/users", "value") {
        read.extend(client.walk(&format!("/api/v1/users/{}/roles", text(&holder, "id"))));
    }
    for role in client.walk_body("/api/v1/iam/roles", "roles") {
        read.push(client.get(&format!("/api/v1/iam/roles/{}/permissions", text(&role, "id"))).json());
    }
    for set in client.walk_body("/api/v1/iam/resource-sets", "resource-sets") {
        let path = format!("/api/v1/iam/resource-sets/{}", text(&set, "id"));
        read.extend(client.walk_body(&format!("{path}/resources"), "resources"));
        for role in client.walk_body(&format!("{path}/bindings"), "roles") {
            let path = format!("{path}/bindings/{}/members", text(&role, "id"));
            read.extend(client.walk_body(&path, "members"));
        }
    }
    for kind in POLICY_TYPES {
        for policy in client.walk(&format!("/api/v1/policies?type={kind}")) {
            read.extend(client.walk(&format!("/api/v1/policies/{}/rules", text(&policy, "id"))));
        }
    }
    for user in company.users.iter().filter(|user| user.is_live()) {
        read.extend(client.walk(&format!("/api/v1/users/{}/factors", user.id)));
        for relation in ["manager", "mentor"] {
            read.extend(client.walk(&format!("/api/v1/users/{}/linkedObjects/{relation}", user.id)));
        }
    }
    read.extend(client.walk("/api/v1/devices?limit=200&expand=user"));
    read.extend(client.walk("/api/v1/api-tokens"));
    read.extend(client.walk("/integrations/api/v1/api-services"));
    for kind in ["SSWS_TOKEN", "OAUTH_CLIENT"] {
        let filter = format!("filter=principalType+eq+%22{kind}%22");
        read.extend(client.walk(&format!("/api/v1/principal-rate-limits?limit=50&{filter}")));
    }
    for path in [
        "/api/v1/threats/configuration",
        "/api/v1/org/privacy/oktaSupport",
        "/api/v1/org/orgSettings/thirdPartyAdminSetting",
    ] {
        read.push(client.get(path).json());
    }
    read.extend(apps);
    read.extend(groups);
    read
}

#[test]
fn everything_costs_the_fewest_requests_and_tells_no_secret_elsewhere() {
    let (company, running) = serve(1300, OktaOptions { licensed: true, ..OktaOptions::default() });
    let mut client = running.client();
    let mut read = read_everything(&company, &mut client);
    let mut telling = Vec::new();
    for (kind, path, largest) in SETTINGS {
        let limit = largest.map(|largest| format!("?limit={largest}")).unwrap_or_default();
        let objects = client.walk(&format!("{path}{limit}"));
        match kind {
            SettingKind::IdentityProvider | SettingKind::LogStream => telling.extend(objects),
            _ => read.extend(objects),
        }
    }
    let least = company.truth().requests_minimum();
    let expected: BTreeMap<String, u64> = [
        ("/api/v1/users", least.users),
        ("/api/v1/groups", least.groups),
        ("/api/v1/groups/{id}/users", least.group_members),
        ("/api/v1/groups/{id}/owners", least.owners),
        ("/api/v1/groups/{id}/roles", least.group_roles),
        ("/api/v1/groups/rules", least.rules),
        ("/api/v1/apps", least.apps),
        ("/api/v1/apps/{id}/users", least.app_users),
        ("/api/v1/apps/{id}/group-push/mappings", least.push_mappings),
        ("/api/v1/apps/{id}/grants", least.grants),
        ("/api/v1/apps/{id}/credentials/jwks", least.client_keys),
        ("/api/v1/apps/{id}/credentials/keys", least.signing_keys),
        ("/api/v1/iam/roles", least.custom_roles),
        ("/api/v1/iam/roles/{id}/permissions", least.permissions),
        ("/api/v1/iam/resource-sets", least.resource_sets),
        ("/api/v1/iam/resource-sets/{id}/resources", least.set_resources),
        ("/api/v1/iam/resource-sets/{id}/bindings", least.bindings),
        ("/api/v1/iam/resource-sets/{id}/bindings/{role}/members", least.binding_members),
        ("/oauth2/v1/clients/{id}/roles", least.client_roles),
        ("/api/v1/api-tokens", least.api_tokens),
        ("/integrations/api/v1/api-services", least.api_services),
        ("/api/v1/policies", least.policies),
        ("/api/v1/policies/{id}/rules", least.policy_rules),
        ("/api/v1/users/{id}/factors", least.factors),
        ("/api/v1/devices", least.devices),
        ("/api/v1/authenticators", least.authenticators),
        ("/api/v1/zones", least.zones),
        ("/api/v1/trustedOrigins", least.trusted_origins),
        ("/api/v1/idps", least.identity_providers),
        ("/api/v1/eventHooks", least.event_hooks),
        ("/api/v1/inlineHooks", least.inline_hooks),
        ("/api/v1/logStreams", least.log_streams),
        ("/api/v1/behaviors", least.behaviors),
        ("/api/v1/device-assurances", least.device_assurances),
        ("/api/v1/agentPools", least.agent_pools),
        ("/api/v1/features", least.features),
        ("/api/v1/meta/types/user", least.user_types),
        ("/api/v1/meta/schemas/user/linkedObjects", least.linked_object_definitions),
        ("/api/v1/users/{id}/linkedObjects/{relation}", least.linked_objects),
        ("/api/v1/principal-rate-limits", least.principal_rate_limits),
        ("/api/v1/realms", least.realms),
        ("/api/v1/authorizationServers", least.authorization_servers),
    ]
    .into_iter()
    .map(|(path, requests)| (format!("GET {path}"), requests))
    .collect();
    let mut made = running.server().requests();
    let roles = made.remove("GET /api/v1/users/{id}/roles").unwrap()
        + made.remove("GET /api/v1/iam/assignees/users").unwrap();
    assert_eq!(roles, least.roles);
    let app_groups =
        ["GET /api/v1/groups/{id}/apps", "GET /api/v1/apps/{id}/groups"].map(|path| made.remove(path));
    assert_eq!(app_groups.into_iter().flatten().sum::<u64>(), least.app_groups_cheapest);
    let organisation =
        ["threats/configuration", "org/privacy/oktaSupport", "org/orgSettings/thirdPartyAdminSetting"]
            .map(|path| made.remove(&format!("GET /api/v1/{path}")).unwrap());
    assert_eq!(organisation.iter().sum::<u64>(), least.organisation);
    assert_eq!(made, expected);
    assert!(!made.contains_key("GET /api/v1/apps/{id}/credentials/secrets"));

    let secrets = company.truth().secrets();
    assert_eq!(secrets.iter().collect::<BTreeSet<_>>().len(), secrets.len());
    let read = serde_json::to_string(&read).unwrap();
    let telling = serde_json::to_string(&telling).unwrap();
    assert!(secrets.iter().all(|secret| !read.contains(secret)), "a secret is told where nobody expects it");
    let told = secrets.iter().filter(|secret| telling.contains(*secret)).count();
    let shared = company.credentials.iter().filter(|it| it.kind == company::CredentialKind::Secret).count();
    assert!(told > 2 && shared > 2);
    assert_eq!(
        told + shared,
        secrets.len(),
        "the rest are those of clients, which only their own list tells"
    );
}
