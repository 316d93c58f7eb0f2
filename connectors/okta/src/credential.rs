//! What applications and people prove to be themselves with: that it exists, never its value.

use serde::Deserialize;
use serde_json::{Value, json};
use sightline_core::{ApiGrant, Credential, CredentialKind, Factor, RawJson, Record, Time};

use crate::decode::{lenient, lenient_object, redact, time};
use crate::posture::Thing;

/// The credentials that an application's own object tells of.
pub(crate) fn of_app(app: &Value, id: &str) -> Vec<Record> {
    let mut found = Vec::new();
    let method = app["credentials"]["oauthClient"]["token_endpoint_auth_method"].as_str();
    if let Some(method) = method.filter(|method| method.starts_with("client_secret")) {
        let raw = json!({ "token_endpoint_auth_method": method });
        found.push(of_resource(id, "client_secret", CredentialKind::ClientSecret, "client secret", raw));
    }
    let keys = app["settings"]["oauthClient"]["jwks"]["keys"].as_array();
    for (at, key) in keys.into_iter().flatten().enumerate() {
        // A key need not have a name; its place in the list is all that is left then.
        let kid = key["kid"].as_str().map_or_else(|| format!("{at}"), str::to_owned);
        found.push(of_resource(id, &format!("key/{kid}"), CredentialKind::Key, &kid, key.clone()));
    }
    let signing = &app["credentials"]["signing"];
    if let Some(kid) = signing["kid"].as_str() {
        found.push(of_resource(id, &format!("signing/{kid}"), CredentialKind::Key, kid, signing.clone()));
    }
    found
}

fn of_resource(app: &str, id: &str, kind: CredentialKind, name: &str, mut raw: Value) -> Record {
    redact(&mut raw);
    let thing = Thing(raw);
    Record::Credential(Box::new(Credential {
        id: format!("{app}/{id}"),
        kind,
        name: name.to_owned(),
        owner: Some(format!("resource/{app}")),
        raw_status: thing.text("status"),
        scopes: Vec::new(),
        created: thing.time("created"),
        last_updated: thing.time("lastUpdated").or_else(|| thing.time("lastRotated")),
        expires: thing.time("expiresAt"),
        raw: RawJson::from_value(&thing.0),
    }))
}

/// A token for Okta's own interface.
pub(crate) fn api_token(token: Thing) -> Option<Record> {
    let owner = token.text("userId").map(|user| format!("account/{user}"));
    of_interface(token, CredentialKind::ApiToken, owner)
}

/// An integration from Okta's catalogue that may use Okta's interface.
pub(crate) fn api_integration(integration: Thing) -> Option<Record> {
    of_interface(integration, CredentialKind::ApiIntegration, None)
}

fn of_interface(thing: Thing, kind: CredentialKind, owner: Option<String>) -> Option<Record> {
    let id = thing.text("id")?;
    Some(Record::Credential(Box::new(Credential {
        name: thing.name().unwrap_or_else(|| id.clone()),
        kind,
        owner,
        raw_status: thing.text("status"),
        scopes: thing.texts("grantedScopes"),
        created: thing.time("created"),
        last_updated: thing.time("lastUpdated"),
        expires: thing.time("expiresAt"),
        raw: thing.into_raw(),
        id,
    })))
}

/// A part of Okta's interface that an application may use.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScopeGrant {
    scope_id: String,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "lenient_object")]
    created_by: Option<Granter>,
}

#[derive(Deserialize)]
struct Granter {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
}

impl ScopeGrant {
    pub(crate) fn into_record(self, app: &str) -> Record {
        let granter = self.created_by.filter(|granter| granter.kind.as_deref() == Some("User"));
        Record::ApiGrant(ApiGrant {
            resource: app.to_owned(),
            scope: self.scope_id,
            raw_status: self.status,
            granted_by: granter.and_then(|granter| granter.id).map(|id| format!("account/{id}")),
            since: self.created,
        })
    }
}

/// A second factor of a user.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserFactor {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    factor_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    provider: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
}

impl UserFactor {
    pub(crate) fn into_record(self, user: &str) -> Record {
        let word = |word: Option<String>| word.unwrap_or_else(|| "(none)".to_owned());
        Record::Factor(Box::new(Factor {
            account: user.to_owned(),
            id: self.id,
            kind: word(self.factor_type),
            provider: self.provider,
            raw_status: word(self.status),
            created: self.created,
            last_updated: self.last_updated,
        }))
    }
}
