//! Machine clients, tokens, resource sets and bindings: what is served is exactly what is there.

use std::collections::BTreeSet;

use sightline_sim::{
    OktaOptions,
    company::{DIRECTORY_READER, REVIEW_ROBOT, SECURITY_SCANNER, WHOLE_DIRECTORY},
    expect::{AdminScope, Assignee, Binding, ClientGrant, ClientRoleHeld, PermissionGiven, SetEntry},
};

use crate::{
    everything::{assignee, last_part, list, milliseconds, optional, refused, sorted, texts, whole},
    serve_twice, text,
};

#[test]
fn clients_and_what_they_prove_themselves_with_are_the_truth() {
    for (company, running) in serve_twice(8000, &OktaOptions::default()) {
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
        let expected =
            company.apps.iter().filter(|app| app.service && !app.deleted).map(|app| app.id.to_string());
        assert_eq!(sorted(services.iter().cloned()), sorted(expected));
        assert!(services.len() > 3);
    }
}

/// Roles, with their targets at once or asked for.
#[test]
fn roles_of_clients_are_the_truth() {
    for (company, running) in serve_twice(8000, &OktaOptions::default()) {
        let mut client = running.client();
        let services =
            company.apps.iter().filter(|app| app.service && !app.deleted).map(|app| app.id.to_string());
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
        refused(
            &client.get("/oauth2/v1/clients/0oa00000000000000000/roles"),
            404,
            "E0000007",
            "unknown client",
        );
        let path = format!("/oauth2/v1/clients/{scanner}/roles/nonsense/targets/groups");
        refused(&client.get(&path), 404, "E0000007", "unknown role");
    }
}

#[test]
fn tokens_and_integrations_are_the_truth() {
    for (company, running) in serve_twice(8000, &OktaOptions::default()) {
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
}

#[test]
fn resource_sets_and_bindings_of_more_than_one_page_are_the_truth() {
    for (company, running) in serve_twice(10_000, &OktaOptions::default()) {
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
        let set =
            company.resource_sets.iter().find(|set| set.label == WHOLE_DIRECTORY).unwrap().id.to_string();
        let reader = company.custom_roles.iter().find(|role| role.label == DIRECTORY_READER).unwrap().id;
        let in_set = entries.iter().filter(|entry| entry.set_id == set).count();
        let readers = bindings
            .iter()
            .filter(|it| it.set_id == set && it.role_id == reader.as_str())
            .collect::<Vec<_>>();
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
}
