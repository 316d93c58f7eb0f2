//! Handlers for machine clients: their grants, credentials and roles, and the tokens and integrations besides them.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Call, Problem},
    directory::join,
    lists::page_of_size,
    roles::{Held, held_role, named_scope, target_apps, target_groups},
    routes::Api,
};
use crate::{
    clock::stamp,
    company::{App, ClientRole, Credential, CredentialKind, SettingKind},
};

type Reply = Result<Answer, Problem>;

/// What a client was granted; other applications do not have the list.
pub(super) fn grants(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let (index, app) = client(api, call)?;
    let company = &api.company;
    let grants: Vec<Value> = company
        .grants
        .iter()
        .filter(|grant| grant.app == index)
        .map(|grant| {
            let created = stamp(grant.created);
            json!({
                "id": grant.id, "status": "ACTIVE", "created": created, "lastUpdated": created,
                "createdBy": { "id": company.users[grant.created_by as usize].id, "type": "User" },
                "issuer": api.origin, "clientId": app.id, "scopeId": grant.scope, "source": grant.source,
                "_links": {
                    "app": { "href": format!("{}/api/v1/apps/{}", api.origin, app.id), "title": app.label },
                    "self": { "href": format!("{}/api/v1/apps/{}/grants/{}", api.origin, app.id, grant.id) },
                    "client": { "href": format!("{}/oauth2/v1/clients/{}", api.origin, app.id), "title": app.label },
                },
            })
        })
        .collect();
    Ok(Answer::value(&grants.into()))
}

/// The public keys of a client, in an envelope.
pub(super) fn jwks(api: &Api, call: &Call) -> Reply {
    let (index, _) = client(api, call)?;
    let keys: Vec<Value> = credentials(api, index, CredentialKind::Jwk)
        .map(|key| {
            let created = stamp(key.created);
            json!({
                "id": key.id, "kid": key.kid, "status": status(key), "kty": "RSA", "alg": "RS256", "use": "sig",
                "e": "AQAB", "n": public_part(key), "created": created, "lastUpdated": created,
            })
        })
        .collect();
    Ok(Answer::value(&json!({ "keys": keys })))
}

/// The secrets of a client in plain text, as the real service gives them to whoever asks.
pub(super) fn secrets(api: &Api, call: &Call) -> Reply {
    let (index, app) = client(api, call)?;
    let secrets: Vec<Value> = credentials(api, index, CredentialKind::Secret)
        .map(|secret| {
            let created = stamp(secret.created);
            let address = format!("{}/api/v1/apps/{}/credentials/secrets/{}", api.origin, app.id, secret.id);
            json!({
                "id": secret.id, "created": created, "lastUpdated": created, "status": status(secret),
                "client_secret": api.company.secret_of(secret), "secret_hash": &public_part(secret)[..22],
                "_links": { "deactivate": { "href": format!("{address}/lifecycle/deactivate") } },
            })
        })
        .collect();
    Ok(Answer::value(&secrets.into()))
}

/// The certificates with which the provider signs for an application; none where nothing is signed.
pub(super) fn signing_keys(api: &Api, call: &Call) -> Reply {
    let index = api.find_app(call.parameter(0))?;
    let keys: Vec<Value> = credentials(api, index, CredentialKind::SigningKey)
        .map(|key| {
            let created = stamp(key.created);
            json!({
                "kty": "RSA", "created": created, "lastUpdated": created, "expiresAt": key.expires.map(stamp),
                "kid": key.kid, "use": "sig", "x5c": [public_part(key)], "e": "AQAB", "n": public_part(key),
            })
        })
        .collect();
    Ok(Answer::value(&keys.into()))
}

fn client<'a>(api: &'a Api, call: &Call) -> Result<(u32, &'a App), Problem> {
    let id = call.parameter(0);
    let index = api.find_app(id)?;
    let app = &api.company.apps[index as usize];
    if app.is_oidc_client() { Ok((index, app)) } else { Err(Problem::not_found(id, "AppInstance")) }
}

fn credentials(api: &Api, app: u32, kind: CredentialKind) -> impl Iterator<Item = &Credential> {
    api.company.credentials.iter().filter(move |credential| credential.app == app && credential.kind == kind)
}

fn status(credential: &Credential) -> &'static str {
    if credential.active { "ACTIVE" } else { "INACTIVE" }
}

/// Something of the length of a key: nobody checks it.
fn public_part(credential: &Credential) -> String {
    credential.id.repeat(10)
}

/// The roles of a client. No links.
pub(super) fn roles(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let (index, app) = client(api, call)?;
    let roles: Vec<&ClientRole> = roles_of(api, index).collect();
    Ok(Answer::json(join(&roles, 400, |json, role| {
        let held = Held {
            id: &role.id,
            role: role.role,
            scope: &role.scope,
            created: role.created,
            assignment_type: "CLIENT",
            assignee: format!("/oauth2/v1/clients/{}", app.id),
        };
        held_role(api, json, &held, call);
    })))
}

pub(super) fn role_target_groups(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let (index, _) = client(api, call)?;
    target_groups(api, call, named_scope(call, roles_of(api, index).map(|role| (&*role.id, &role.scope)))?)
}

pub(super) fn role_target_apps(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let (index, _) = client(api, call)?;
    target_apps(api, call, named_scope(call, roles_of(api, index).map(|role| (&*role.id, &role.scope)))?)
}

fn roles_of(api: &Api, app: u32) -> impl Iterator<Item = &ClientRole> {
    api.company.client_roles.iter().filter(move |role| role.app == app)
}

/// All tokens in one piece, whatever limit is asked for.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all handlers")]
pub(super) fn api_tokens(api: &Api, _: &Call) -> Reply {
    let company = &api.company;
    let tokens: Vec<Value> = company
        .api_tokens
        .iter()
        .map(|token| {
            let user = company.users[token.user as usize].id;
            let network = token.network.map(|connection| {
                if connection == "ZONE" {
                    json!({ "connection": connection, "include": [company.settings_of(SettingKind::Zone).next().map(|zone| &zone.id)], "exclude": [] })
                } else {
                    json!({ "connection": connection })
                }
            });
            json!({
                "id": token.id, "name": token.name, "userId": user, "clientName": token.client_name,
                "tokenWindow": token.token_window, "network": network, "expiresAt": token.expires.map(stamp),
                "created": stamp(token.created), "lastUpdated": stamp(token.last_updated),
                "_links": {
                    "self": { "href": format!("{}/api/v1/api-tokens/{}", api.origin, token.id) },
                    "user": { "href": format!("{}/api/v1/users/{user}", api.origin) },
                },
            })
        })
        .collect();
    Ok(Answer::value(&tokens.into()))
}

/// The size of a page, which nobody can change.
const API_SERVICES: usize = 10;

pub(super) fn api_services(api: &Api, call: &Call) -> Reply {
    let company = &api.company;
    let page = page_of_size(call, "api services", company.api_services.len(), API_SERVICES)?;
    let services: Vec<Value> = company.api_services[page.range.clone()]
        .iter()
        .map(|service| {
            let address = format!("{}/integrations/api/v1/api-services/{}", api.origin, service.id);
            json!({
                "id": service.id, "type": service.kind, "name": service.name, "createdAt": stamp(service.created),
                "createdBy": company.users[service.created_by as usize].id,
                "configGuideUrl": "https://guide.example/", "grantedScopes": service.granted_scopes, "properties": {},
                "_links": {
                    "self": { "href": address },
                    "client": { "href": format!("{}/oauth2/v1/clients/{}", api.origin, service.id) },
                },
            })
        })
        .collect();
    Ok(Answer::value(&services.into()).with_links(page.links(api, call, &[])))
}
