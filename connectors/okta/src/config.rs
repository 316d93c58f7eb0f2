//! What a person types to connect an Okta org, and how it is understood.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use sightline_core::{Error, ErrorKind, Result, Secret};
use sightline_http::{Address, AddressError, Auth, OAuth, OAuthSettings};

use url::Url;

use crate::refusal;

/// Settings of an Okta data source.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct OktaConfig {
    /// The org's address: `acme.okta.com`, its issuer URI or a custom domain.
    #[schemars(title = "Domain", example = &"acme.okta.com", extend("x-order" = 1))]
    pub domain: String,
    /// An API token of a Super Administrator or of a Read-only Administrator.
    #[serde(default)]
    #[schemars(title = "Token", extend("x-order" = 2, "x-way" = API_TOKEN))]
    pub token: Option<Secret>,
    /// The client id of a service app.
    #[serde(default)]
    #[schemars(title = "Client id", example = &"0oa1ab2cd3EF4gh5ij6k7", extend("x-order" = 3, "x-way" = SERVICE_APP))]
    pub client_id: Option<String>,
    /// The service app's private key, PEM or JWK.
    #[serde(default)]
    #[schemars(title = "Private key", extend("x-order" = 4, "x-way" = SERVICE_APP, "x-long" = true))]
    pub private_key: Option<Secret>,
    /// The id under which the key is registered, where the key does not name it.
    #[serde(default)]
    #[schemars(title = "Key id", extend("x-order" = 5, "x-way" = SERVICE_APP))]
    pub key_id: Option<String>,
    /// What the service app asks for; everything that is read where it is not given.
    #[serde(default)]
    #[schemars(title = "Scopes", example = &"okta.users.read okta.groups.read", extend("x-order" = 6, "x-way" = SERVICE_APP))]
    pub scopes: Option<Vec<String>>,
}

/// The ways to connect, as forms call them.
const API_TOKEN: &str = "API token";
const SERVICE_APP: &str = "OAuth service app";

/// What a service app asks for: everything that may be read, and nothing that may be changed.
pub(crate) const SCOPES: [&str; 23] = [
    "okta.agentPools.read",
    "okta.apiTokens.read",
    "okta.appGrants.read",
    "okta.apps.read",
    "okta.authenticators.read",
    "okta.authorizationServers.read",
    "okta.behaviors.read",
    "okta.clients.read",
    "okta.deviceAssurance.read",
    "okta.devices.read",
    "okta.eventHooks.read",
    "okta.groups.read",
    "okta.idps.read",
    "okta.inlineHooks.read",
    "okta.logs.read",
    "okta.networkZones.read",
    "okta.oauthIntegrations.read",
    "okta.orgs.read",
    "okta.policies.read",
    "okta.realms.read",
    "okta.roles.read",
    "okta.trustedOrigins.read",
    "okta.users.read",
];

/// More that is asked for where it exists.
pub(crate) const MORE_SCOPES: [&str; 5] = [
    "okta.linkedObjects.read",
    "okta.logStreams.read",
    "okta.schemas.read",
    "okta.threatInsights.read",
    "okta.userTypes.read",
];

/// How calls are signed: with a token, or as a service app.
pub(crate) fn auth(config: &OktaConfig) -> Result<Auth> {
    const EITHER: &str = "give an API token, or the client id and private key of a service app";
    match (&config.token, &config.client_id, &config.private_key) {
        (Some(typed), None, None) => Ok(Auth::Token { scheme: "SSWS", token: token(typed)? }),
        (None, Some(client_id), Some(key)) => {
            let client_id = client_id.trim();
            if client_id.starts_with("00") && client_id.len() > 30 {
                return Err(wrong("that looks like an API token, not a client id", EITHER));
            }
            let scopes = match &config.scopes {
                Some(scopes) => scopes.clone(),
                None => SCOPES.iter().chain(&MORE_SCOPES).map(|scope| (*scope).to_owned()).collect(),
            };
            let settings = OAuthSettings {
                token_path: "/oauth2/v1/token",
                bucket: "token",
                client_id: client_id.to_owned(),
                key: key.clone(),
                key_id: config.key_id.clone(),
                scopes,
                start_with_proof: false,
                name_refusal: refusal::name_token,
            };
            Ok(Auth::OAuth(Arc::new(OAuth::new(settings)?)))
        }
        (Some(_), _, _) => Err(wrong("both an API token and a service app are given", EITHER)),
        (None, Some(_), None) => Err(wrong("the private key of the service app is missing", EITHER)),
        (None, None, Some(_)) => Err(wrong("the client id of the service app is missing", EITHER)),
        (None, None, None) => Err(wrong("there is no credential", EITHER)),
    }
}

/// Domains of Okta, under which an org has a name of its own and an `-admin` twin.
const OKTA_SUFFIXES: [&str; 7] = [
    ".okta.com",
    ".oktapreview.com",
    ".okta-emea.com",
    ".okta-gov.com",
    ".okta.mil",
    ".okta-miltest.com",
    ".trex-govcloud.com",
];

/// Whether the host lies under a domain of Okta itself.
pub(crate) fn is_okta_host(host: &str) -> bool {
    OKTA_SUFFIXES.iter().any(|suffix| host.len() > suffix.len() && host.ends_with(suffix))
}

fn wrong(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message).hint(hint)
}

/// Understands what people paste for a domain: an issuer URI, an admin address, any case, a custom domain.
pub(crate) fn address(typed: &str, allow_loopback_http: bool) -> Result<Address> {
    const EXAMPLE: &str = "give the org's address, such as acme.okta.com";
    let text = typed.trim();
    if text.is_empty() {
        return Err(wrong("the domain is empty", EXAMPLE));
    }
    if text.contains(['{', '}', '<', '>']) {
        return Err(wrong(format!("{text:?} is a placeholder from a manual"), EXAMPLE));
    }
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url =
        Url::parse(&with_scheme).map_err(|_| wrong(format!("{text:?} is not a domain"), EXAMPLE))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the domain holds a user name or password", EXAMPLE));
    }
    let origin = Address::new(url.as_str(), allow_loopback_http).map_err(|error| match error {
        AddressError::NotAUrl => wrong(format!("{text:?} is not a domain"), EXAMPLE),
        AddressError::NotHttps => wrong(
            format!("{text:?} is not an HTTPS address"),
            "Okta is only called over HTTPS; for a simulator on this machine add --allow-loopback-http",
        ),
    })?;
    if origin.is_loopback() {
        // Only a simulator lives there, and only the caller's explicit word lets one in.
        if allow_loopback_http {
            return Ok(origin);
        }
        return Err(wrong("this machine is not an Okta org", EXAMPLE));
    }
    let Some(url::Host::Domain(host)) = url.host() else {
        return Err(wrong(format!("{text:?} is an IP address"), EXAMPLE));
    };
    let host = host.trim_end_matches('.').to_owned();
    if !host.contains('.') {
        let guesses =
            [".okta.com", ".oktapreview.com", ".okta-emea.com"].map(|suffix| format!("{host}{suffix}"));
        let [first, second, third] = guesses;
        return Err(wrong(
            format!("{host:?} is not a whole domain"),
            format!("did you mean {first}, {second} or {third}?"),
        ));
    }
    if host.contains(".com.com") {
        return Err(wrong(
            format!("{host} ends twice in .com"),
            format!("did you mean {}?", host.replace(".com.com", ".com")),
        ));
    }
    if OKTA_SUFFIXES.iter().any(|suffix| host == suffix[1..]) {
        return Err(wrong(format!("{host} names Okta itself, not an org"), EXAMPLE));
    }
    if url.port().is_some() {
        return Err(wrong(
            format!("{text:?} names a port"),
            "Okta answers on the usual HTTPS port; leave it out",
        ));
    }
    let host = OKTA_SUFFIXES
        .iter()
        .find_map(|suffix| {
            host.strip_suffix(suffix)?.strip_suffix("-admin").map(|org| format!("{org}{suffix}"))
        })
        .unwrap_or(host);
    url.set_host(Some(&host)).map_err(|_| wrong(format!("{text:?} is not a domain"), EXAMPLE))?;
    Address::new(url.as_str(), false).map_err(|_| wrong(format!("{text:?} is not a domain"), EXAMPLE))
}

/// Understands what people paste for a token, and names what is not one.
pub(crate) fn token(typed: &Secret) -> Result<Secret> {
    const CREATE: &str =
        "in the Okta admin console: Security > API > Tokens > Create token; the value is shown only once";
    let mut text = typed.expose().trim();
    if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("SSWS ")) {
        text = text[5..].trim();
    }
    if text.is_empty() || text.eq_ignore_ascii_case("SSWS") {
        return Err(wrong("the token is empty", CREATE));
    }
    if text.len() == 20 && text.starts_with("00T") {
        return Err(wrong("that is the token's id from the list, not its value", CREATE));
    }
    if text.starts_with("0oa") && text.len() == 20 {
        return Err(wrong("that looks like an OAuth client id, not an API token", CREATE));
    }
    if text.starts_with("eyJ") && text.matches('.').count() >= 2 {
        return Err(wrong("that looks like a JWT, not an API token", CREATE));
    }
    if text.contains("-----BEGIN") {
        return Err(wrong("that is a key, not an API token", CREATE));
    }
    if text.chars().any(|c| c.is_whitespace() || !c.is_ascii_graphic()) {
        return Err(wrong(
            "the token has characters that no token has",
            "paste the value only, without spaces or quotes",
        ));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_people_paste_becomes_the_org() {
        for typed in [
            "acme.okta.com",
            " HTTPS://Acme.okta.com/oauth2/default/ ",
            "acme-admin.okta.com",
            "https://acme-admin.okta.com/admin/dashboard",
            "https://acme.okta.com/api/v1",
            "https://acme.okta.com:443/.well-known/okta-organization?x=1#y",
            "ACME.OKTA.COM.",
        ] {
            assert_eq!(address(typed, false).unwrap().to_string(), "https://acme.okta.com", "{typed}");
        }
        assert_eq!(address("login.acme.com", false).unwrap().host(), "login.acme.com");
        assert_eq!(address("acme-admin.oktapreview.com", false).unwrap().host(), "acme.oktapreview.com");
        assert_eq!(address("x-admin.example.com", false).unwrap().host(), "x-admin.example.com");
        assert_eq!(address("http://127.0.0.1:8443", true).unwrap().to_string(), "http://127.0.0.1:8443");
    }

    #[test]
    fn each_wrong_domain_is_told_apart() {
        let check = |typed: &str, expect: &str| {
            let error = address(typed, false).unwrap_err();
            let text = format!("{error} / {}", error.hint_text().unwrap_or_default());
            assert!(text.contains(expect), "{typed}: {text}");
        };
        check("", "empty");
        check("acme", "did you mean acme.okta.com, acme.oktapreview.com or acme.okta-emea.com?");
        check("http://acme.okta.com", "not an HTTPS address");
        check("http://127.0.0.1:1", "not an HTTPS address");
        check("https://127.0.0.1", "not an Okta org");
        check("https://localhost", "not an Okta org");
        check("https://10.0.0.1", "IP address");
        check("https://me:pw@acme.okta.com", "user name");
        check("https://acme.okta.com:8443", "port");
        check("https://{yourOktaDomain}", "placeholder");
        check("acme.okta.com.com", "did you mean acme.okta.com?");
        check("okta.com", "names Okta itself");
        check("https://", "not a domain");
    }

    #[test]
    fn each_wrong_token_is_told_apart_and_never_shown() {
        let check = |typed: &str, expect: &str| {
            let error = token(&Secret::new(typed)).unwrap_err();
            assert!(error.message().contains(expect), "{error}");
            assert!(
                typed.trim().is_empty() || typed == "SSWS" || !format!("{error:?}").contains(typed.trim())
            );
        };
        check("  ", "empty");
        check("SSWS", "empty");
        check("00T1234567890abcdefg", "id from the list");
        check("0oa1234567890abcdefg", "OAuth client id");
        check("eyJhbGciOi.eyJzdWIi.c2ln", "JWT");
        check("00abc def", "characters");
        check("-----BEGIN PRIVATE KEY-----", "key");
        assert_eq!(token(&Secret::new(" ssws 00abcDEF ")).unwrap().expose(), "00abcDEF");
    }
}
