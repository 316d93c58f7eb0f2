//! What must be found about machine clients, tokens and integrations.

use serde::Serialize;

use super::{AdminScope, Truth, sorted};
use crate::company::CredentialKind;

/// A scope that an application was granted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ClientGrant {
    pub app_id: String,
    /// The id of the client, which is that of the application.
    pub client_id: String,
    pub grant_id: String,
    pub scope: String,
    /// `ADMIN` or `END_USER`.
    pub source: String,
}

/// A key or a secret, never its value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ClientCredential {
    pub app_id: String,
    pub kind: CredentialKind,
    pub credential_id: String,
    pub active: bool,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
}

/// A role that a machine client holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct ClientRoleHeld {
    /// The client's id.
    pub client_id: String,
    /// The standard role's type, or the custom role's id.
    pub role: String,
    /// What it is limited to.
    pub scope: AdminScope,
}

/// An API token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Token {
    pub token_id: String,
    pub name: String,
    pub user_id: String,
    pub network: Option<String>,
    pub created_ms: i64,
    pub last_updated_ms: i64,
    pub expires_ms: Option<i64>,
}

/// An integration that calls the API by itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Integration {
    pub service_id: String,
    pub name: String,
    pub granted_scopes: Vec<String>,
}

impl Truth<'_> {
    /// Every scope that every application was granted; sorted.
    pub fn grants(&self) -> Vec<ClientGrant> {
        sorted(self.company.grants.iter().map(|grant| ClientGrant {
            app_id: self.app_id(grant.app),
            client_id: self.app_id(grant.app),
            grant_id: grant.id.to_string(),
            scope: grant.scope.to_owned(),
            source: grant.source.to_owned(),
        }))
    }

    /// Every key and secret of every application; sorted.
    pub fn credentials(&self) -> Vec<ClientCredential> {
        sorted(self.company.credentials.iter().map(|credential| ClientCredential {
            app_id: self.app_id(credential.app),
            kind: credential.kind,
            credential_id: credential.id.clone(),
            active: credential.active,
            created_ms: credential.created,
            expires_ms: credential.expires,
        }))
    }

    /// Every role that every machine client holds; sorted.
    pub fn client_roles(&self) -> Vec<ClientRoleHeld> {
        sorted(self.company.client_roles.iter().map(|held| ClientRoleHeld {
            client_id: self.app_id(held.app),
            role: self.role_name(held.role),
            scope: self.scope(&held.scope),
        }))
    }

    /// Every API token; sorted.
    pub fn api_tokens(&self) -> Vec<Token> {
        sorted(self.company.api_tokens.iter().map(|token| Token {
            token_id: token.id.clone(),
            name: token.name.clone(),
            user_id: self.user_id(token.user),
            network: token.network.map(str::to_owned),
            created_ms: token.created,
            last_updated_ms: token.last_updated,
            expires_ms: token.expires,
        }))
    }

    /// Every integration that calls the API by itself; sorted.
    pub fn api_services(&self) -> Vec<Integration> {
        sorted(self.company.api_services.iter().map(|service| Integration {
            service_id: service.id.to_string(),
            name: service.name.clone(),
            granted_scopes: service.granted_scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }))
    }

    /// Every secret in the company, in plain text: what a reader must never keep or show.
    pub fn secrets(&self) -> Vec<String> {
        let company = self.company;
        let shared = company
            .credentials
            .iter()
            .filter(|credential| credential.kind == CredentialKind::Secret)
            .map(|credential| company.secret_of(credential));
        let set_up = company.settings.iter().flat_map(|setting| {
            let client = &setting.body["protocol"]["credentials"]["client"]["client_secret"];
            [client, &setting.body["settings"]["token"]].map(|secret| secret.as_str().map(str::to_owned))
        });
        sorted(shared.chain(set_up.flatten()))
    }
}
