//! Whose org it is, and what the credential may read: before anything is stored.

use serde::Deserialize;
use sightline_core::{Check, Error, ErrorKind, GapReason, Preflight, Result, Task, Tenant, Time};
use sightline_http::{Client, Cursor, Page, Request};

use crate::absorb::{Answer, absorb};
use crate::config::is_okta_host;
use crate::decode::lenient;
use crate::task::OktaTask;
use crate::{INFO, get};

/// An org always has a user: an empty list comes from a credential that sees nothing.
pub(crate) fn no_users() -> Error {
    Error::new(
        ErrorKind::Forbidden { permission: Some("an admin role that may view users".to_owned()) },
        "Okta answered with an empty list of users, which no org has",
    )
    .hint(
        "the token is valid but its owner has no admin role; give the owner Read-only Administrator or more",
    )
}

pub(crate) async fn run(client: &Client, now: Time) -> Result<Preflight> {
    let tenant = tenant(client).await?;
    let credential_owner = owner(client).await?;
    let start = Cursor::default;
    let probes = [
        OktaTask::Users { cursor: start() },
        OktaTask::Groups { cursor: start() },
        OktaTask::GroupRules { cursor: start() },
        OktaTask::Apps { cursor: start() },
        OktaTask::Roles { cursor: start() },
        OktaTask::RoleAssignees { cursor: start() },
        OktaTask::log_since(now),
    ];
    let mut checks = Vec::new();
    for probe in &probes {
        let dataset = probe.about().scope.dataset;
        let now = Time::default();
        // The answer is read as a sync would read it: anything that answers is not yet Okta.
        let read = match get(client, probe).await {
            Ok(page) => absorb(probe, Answer { body: &page.body, next: None, now }),
            Err(error) if *error.kind() == ErrorKind::Gone => {
                Err(Error::new(ErrorKind::Unsupported, error.message()))
            }
            Err(error) => Err(error),
        };
        let required = INFO.dataset(&dataset).is_some_and(|dataset| dataset.required);
        match read {
            Ok(step) if matches!(probe, OktaTask::Users { .. }) && step.records.is_empty() => {
                return Err(no_users());
            }
            Ok(_) => checks.push(Check { dataset, refused: None, detail: String::new() }),
            Err(error) => match error.gap_reason() {
                Some(GapReason::Protocol) if required => {
                    return Err(not_okta(client.address().host(), error.message()));
                }
                Some(reason) if !required => {
                    checks.push(Check { dataset, refused: Some(reason), detail: error.message().to_owned() });
                }
                _ => return Err(error),
            },
        }
    }
    Ok(Preflight { tenant, address: client.address().to_string(), credential_owner, checks })
}

fn not_okta(host: &str, answered: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{host} is not an Okta org: {answered}"))
        .hint("expected JSON with an org id at /.well-known/okta-organization; check the domain")
}

async fn fetch(client: &Client, template: &'static str, signed: bool) -> Result<Page> {
    let cursor = Cursor::default();
    let bucket = if template.starts_with("/api/v1/users") { "user" } else { "other" };
    client.get(&Request { template, bucket, path: template, query: &[], cursor: &cursor, signed }).await
}

#[derive(Deserialize)]
struct Org {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
}

/// The org id in a discovery document.
pub(crate) fn org_id(body: &[u8]) -> Option<String> {
    let org: Org = serde_json::from_slice(body).ok()?;
    org.id.filter(|id| id.starts_with("00o") && id.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The org's immutable id.
///
/// The token is not sent before it is certain that the host is Okta: a discovery document, or a domain of Okta's own.
async fn tenant(client: &Client) -> Result<Tenant> {
    let address = client.address();
    let host = address.host().to_owned();
    let trusted = is_okta_host(&host) || address.is_loopback();
    let found = |id: String| Tenant { id, name: host.clone() };
    let answered = match fetch(client, "/.well-known/okta-organization", false).await {
        Ok(page) => match org_id(&page.body) {
            Some(id) => return Ok(found(id)),
            None => "it answered something without an org id".to_owned(),
        },
        Err(error) if *error.kind() == ErrorKind::Unavailable => return Err(error),
        Err(error) => error.message().to_owned(),
    };
    if !trusted {
        return Err(Error::new(
            ErrorKind::Config,
            format!("{host} is not an Okta org: it answered {answered}"),
        )
        .hint("expected JSON with an org id at /.well-known/okta-organization; check the domain"));
    }
    match fetch(client, "/api/v1/org", true).await {
        Ok(page) => match org_id(&page.body) {
            Some(id) => Ok(found(id)),
            None => Err(not_okta(&host, &answered)),
        },
        Err(error) => match error.kind() {
            ErrorKind::Unsupported | ErrorKind::Gone => Err(Error::new(
                ErrorKind::Config,
                format!("there is no Okta org at {host}: deactivated or misspelt"),
            )
            .hint("open the address in a browser; it must show the org's sign-in page")),
            // An org that does not tell its id to this credential is known by its host.
            ErrorKind::Forbidden { .. } | ErrorKind::NotLicensed => Ok(found(host.clone())),
            ErrorKind::Protocol => Err(not_okta(&host, error.message())),
            _ => Err(error),
        },
    }
}

/// The login of the token's owner; none where the credential has no person behind it.
async fn owner(client: &Client) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Me {
        profile: MyProfile,
    }
    #[derive(Deserialize)]
    struct MyProfile {
        login: String,
    }
    match fetch(client, "/api/v1/users/me", true).await {
        Ok(page) => Ok(serde_json::from_slice::<Me>(&page.body).ok().map(|me| me.profile.login)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Auth | ErrorKind::Unavailable | ErrorKind::RateLimited { .. }
            ) =>
        {
            Err(error)
        }
        Err(_) => Ok(None),
    }
}
