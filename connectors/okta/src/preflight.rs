//! Whose org it is, and what the credential may read: before anything is stored.

use std::collections::BTreeMap;

use serde::Deserialize;
use sightline_core::source::{Canary, Verdict};
use sightline_core::{Check, Error, ErrorKind, GapReason, Preflight, Record, Result, SoFar, Tenant, Time};
use sightline_http::{Client, Cursor, Page as Answered, Request};

use crate::absorb::{Answer, absorb};
use crate::config::{SCOPES, is_okta_host};
use crate::datasets::INFO;
use crate::decode::lenient;
use crate::list::List;
use crate::task::{Feed, OktaTask, POLICY_TYPES, Page, Walk};
use crate::{get, get_with};

/// An org always has a user: an empty list comes from a credential that sees nothing.
pub(crate) fn no_users() -> Error {
    Error::new(
        ErrorKind::Forbidden { permission: Some("an admin role that may view users".to_owned()) },
        "Okta answered with an empty list of users, which no org has",
    )
    .hint(
        "the credential is valid but has no admin role; give the token's owner, or the service app on its Admin roles tab, Read-only Administrator or more",
    )
}

/// An org always has a group, *Everyone*; whoever may see only some groups sees those.
pub(crate) fn no_groups() -> Error {
    Error::new(
        ErrorKind::Forbidden { permission: Some("an admin role that may view groups".to_owned()) },
        "Okta answered with an empty list of groups, which no org has",
    )
    .hint("the credential may not see any group; give its owner Read-only Administrator or more")
}

/// What is asked at most, whatever the org is: a check takes seconds.
#[cfg(test)]
const MOST_REQUESTS: usize = 25;

/// What is asked besides [`PROBES`]: the org (in two ways where the first fails), the owner, three listings with a canary,
/// three under what they show, the owner's roles, and the log.
#[cfg(test)]
const OTHER_REQUESTS: usize = 2 + 1 + 3 + 3 + 1 + 1;

/// Listings that are asked for a small page, the important ones first.
const PROBES: &[List] = &[
    List::GroupRules,
    List::Roles,
    List::RoleAssignees,
    List::ScopeSets,
    List::ApiTokens,
    List::Policies,
    List::IdentityProviders,
    List::Devices,
    List::Authenticators,
    List::ApiIntegrations,
    List::AuthorizationServers,
    List::LogStreams,
    List::NetworkZones,
    List::OrgSupport,
];

/// Datasets that nothing leads to where another one cannot be read.
const LED_TO: &[(&str, &str)] = &[
    ("role_permissions", "roles"),
    ("set_resources", "scope_sets"),
    ("binding_members", "scope_sets"),
    ("policy_rules", "policies"),
    ("idp_users", "identity_providers"),
];

pub(crate) async fn run(client: &Client, client_id: Option<&str>, now: Time) -> Result<Preflight> {
    let tenant = tenant(client).await?;
    // A service app has no person behind it.
    let owner = if client_id.is_none() { owner(client).await? } else { None };
    let mut looked = Looked::default();
    if let Some(granted) = client.granted_scopes().await? {
        let missing: Vec<&str> = SCOPES.into_iter().filter(|scope| !granted.contains(*scope)).collect();
        if !missing.is_empty() {
            looked.warnings.push(format!("the service app was not granted {}", missing.join(", ")));
        }
    }
    if let Some(skew) = client.clock_skew().filter(|skew| skew.abs() > NOTABLE_SKEW_SECONDS) {
        looked.warnings.push(format!("this server's clock is {} s off", skew.abs()));
    }

    // Every list is asked for what it must hold: one call tells whether it may be read and whether it is cut.
    let me = owner.as_ref().map(|owner| format!("id eq \"{}\"", owner.id));
    let users = looked.list(client, List::Users, None, me.as_deref()).await?;
    if users.is_empty() {
        return Err(no_users());
    }
    if let Some(owner) = &owner {
        looked.canary("the credential's owner among users", users.contains(&owner.id));
    }
    let groups = looked.list(client, List::Groups, None, Some("type eq \"BUILT_IN\"")).await?;
    looked.canary("Everyone among groups", !groups.is_empty());
    let apps = looked.list(client, List::Apps, None, Some("name eq \"saasure\"")).await?;
    looked.canary("the admin console among applications", !apps.is_empty());
    // What is read under something is tried under those.
    if let Some(group) = groups.first() {
        looked.list(client, List::GroupMembers, Some(group), None).await?;
    }
    if let Some(app) = apps.first() {
        looked.list(client, List::AppUsers, Some(app), None).await?;
        looked.list(client, List::AppGroups, Some(app), None).await?;
    }
    if let Some(owner) = &owner {
        let roles = looked.read(client, List::UserRoles, Some(&owner.id), None).await?;
        if roles.iter().any(is_super) {
            looked.warnings.push(
                "the credential is a token of a Super Administrator and inherits every right of its owner; \
                 Read-only Administrator is enough for nearly everything"
                    .to_owned(),
            );
        }
    }
    for list in PROBES {
        looked.read(client, *list, None, None).await?;
    }
    let log = get(client, &OktaTask::Log(Walk::since(Feed::Usage, now))).await;
    for dataset in ["activity", "changes"] {
        looked.verdict(dataset, log.as_ref().err());
    }
    Ok(Preflight {
        tenant,
        address: client.address().to_string(),
        credential_owner: owner.map(|owner| owner.login).or_else(|| client_id.map(str::to_owned)),
        checks: looked.checks(),
        canaries: looked.canaries,
        warnings: looked.warnings,
    })
}

/// What the probes have found.
#[derive(Default)]
struct Looked {
    verdicts: BTreeMap<&'static str, (Verdict, String)>,
    canaries: Vec<Canary>,
    warnings: Vec<String>,
}

impl Looked {
    /// The ids on a small page of a listing; none where it is refused, which is noted.
    async fn list(
        &mut self,
        client: &Client,
        list: List,
        of: Option<&String>,
        filter: Option<&str>,
    ) -> Result<Vec<String>> {
        let records = self.read(client, list, of, filter).await?;
        Ok(records.iter().filter_map(|record| record.entity().map(|(_, id)| id.to_owned())).collect())
    }

    /// The facts on a small page of a listing; none where it is refused, which is noted.
    async fn read(
        &mut self,
        client: &Client,
        list: List,
        of: Option<&String>,
        filter: Option<&str>,
    ) -> Result<Vec<Record>> {
        let spec = list.spec();
        // What comes type by type is tried with the type that every org has.
        let part = (list == List::Policies).then(|| POLICY_TYPES[0]).flatten().map(str::to_owned);
        let page = Page { part, ..Page::first(list, of.cloned()) };
        let task = OktaTask::Page(page.clone());
        let mut query = page.query();
        query.retain(|(name, _)| *name != "limit");
        if spec.page.is_some() {
            // Some lists refuse pages of fewer than twenty.
            query.push(("limit", SMALL_PAGE.to_string()));
        }
        if let Some(filter) = filter {
            query.push(("filter", filter.to_owned()));
        }
        let so_far = SoFar::default();
        // The answer is read as a sync would read it: anything that answers is not yet Okta.
        let read = get_with(client, &task, &query).await.and_then(|answered| {
            absorb(&page, Answer { body: &answered.body, next: None, now: Time::default(), so_far: &so_far })
        });
        let required = INFO.dataset(spec.dataset).is_some_and(|dataset| dataset.required);
        match read {
            Ok(step) => {
                self.verdict(spec.dataset, None);
                Ok(step.records)
            }
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::Gone => Error::new(ErrorKind::Unsupported, error.message()),
                    _ => error,
                };
                match error.gap_reason() {
                    Some(GapReason::Protocol) if required => {
                        Err(not_okta(client.address().host(), error.message()))
                    }
                    Some(_) if !required => {
                        self.verdict(spec.dataset, Some(&error));
                        Ok(Vec::new())
                    }
                    _ => Err(error),
                }
            }
        }
    }

    fn verdict(&mut self, dataset: &'static str, error: Option<&Error>) {
        let verdict = match error {
            None => (Verdict::Allowed, String::new()),
            Some(error) => {
                let verdict = match error.gap_reason() {
                    Some(GapReason::Unavailable) | None => Verdict::Unknown,
                    Some(reason) => Verdict::Refused(reason),
                };
                (verdict, error.message().to_owned())
            }
        };
        self.verdicts.insert(dataset, verdict);
    }

    fn canary(&mut self, sought: &str, found: bool) {
        if !found {
            self.warnings.push(format!(
                "{sought} was not found: the credential sees only a part of the organisation, and nothing will mark what is missing"
            ));
        }
        self.canaries.push(Canary { sought: sought.to_owned(), found: Some(found) });
    }

    /// Every dataset; those that were not tried are unknown.
    fn checks(&self) -> Vec<Check> {
        let checks = INFO.datasets.iter().map(|dataset| {
            let unknown = || (Verdict::Unknown, "only a sync will tell".to_owned());
            let tried = self.verdicts.get(dataset.id).cloned();
            let (verdict, detail) = tried.or_else(|| self.led_to(dataset.id)).unwrap_or_else(unknown);
            Check { dataset: dataset.id.to_owned(), verdict, detail }
        });
        checks.collect()
    }

    /// What follows for a dataset that was not tried from the listing that leads to it: that it is refused, never that it
    /// is allowed.
    fn led_to(&self, dataset: &str) -> Option<(Verdict, String)> {
        let (_, listing) = LED_TO.iter().find(|(led, _)| *led == dataset)?;
        match self.verdicts.get(listing)? {
            (verdict @ Verdict::Refused(_), detail) => {
                Some((verdict.clone(), format!("nothing leads to it: {detail}")))
            }
            _ => None,
        }
    }
}

/// Whether a fact says that somebody may do everything.
fn is_super(record: &Record) -> bool {
    matches!(record, Record::Holding(holding) if holding.role == "SUPER_ADMIN" && holding.active)
}

const SMALL_PAGE: u32 = 20;
const NOTABLE_SKEW_SECONDS: i64 = 300;

fn not_okta(host: &str, answered: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{host} is not an Okta org: {answered}"))
        .hint("expected JSON with an org id at /.well-known/okta-organization; check the domain")
}

async fn fetch(client: &Client, template: &'static str, signed: bool) -> Result<Answered> {
    let cursor = Cursor::default();
    let bucket = if template.starts_with("/api/v1/users") { "user" } else { "other" };
    client
        .get(&Request {
            template,
            bucket,
            path: template,
            query: &[],
            cursor: &cursor,
            signed,
            shrinkable: false,
        })
        .await
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
        Err(error) if error.may_pass() => return Err(error),
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

/// The person behind the credential.
struct Owner {
    id: String,
    login: String,
}

/// The credential's owner; none where it has no person behind it.
async fn owner(client: &Client) -> Result<Option<Owner>> {
    #[derive(Deserialize)]
    struct Me {
        id: String,
        profile: MyProfile,
    }
    #[derive(Deserialize)]
    struct MyProfile {
        login: String,
    }
    match fetch(client, "/api/v1/users/me", true).await {
        Ok(answered) => {
            let me = serde_json::from_slice::<Me>(&answered.body).ok();
            Ok(me.map(|me| Owner { id: me.id, login: me.profile.login }))
        }
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Auth
                    | ErrorKind::Unavailable
                    | ErrorKind::Overloaded
                    | ErrorKind::RateLimited { .. }
            ) =>
        {
            Err(error)
        }
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_asks_little() {
        assert!(OTHER_REQUESTS + PROBES.len() <= MOST_REQUESTS);
        for list in PROBES {
            assert!(!list.spec().template.contains('{'), "{list:?} is asked for by itself");
        }
    }

    #[test]
    fn what_nothing_leads_to_is_refused_and_what_something_leads_to_stays_unknown() {
        let mut looked = Looked::default();
        let denied = Error::new(ErrorKind::Forbidden { permission: None }, "no");
        looked.verdict("roles", Some(&denied));
        looked.verdict("policies", None);
        let checks = looked.checks();
        let verdict = |dataset: &str| {
            let check = checks.iter().find(|check| check.dataset == dataset).expect("every dataset");
            check.verdict.clone()
        };
        assert!(matches!(verdict("role_permissions"), Verdict::Refused(GapReason::Denied { .. })));
        assert_eq!(verdict("policy_rules"), Verdict::Unknown);
        assert_eq!(verdict("set_resources"), Verdict::Unknown);
        assert_eq!(verdict("policies"), Verdict::Allowed);
        assert_eq!(checks.len(), INFO.datasets.len());
    }
}
