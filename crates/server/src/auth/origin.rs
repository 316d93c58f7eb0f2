//! Requests that come from somewhere else than our own pages.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::problem::Problem;

/// Fails for a request that changes something and that a browser says another site has made.
///
/// What is no browser says nothing, and has no cookie that it was not given.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let forged = || Err(Problem::forbidden("the request came from another site"));
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => return Ok(()),
        Some(_) => return forged(),
        None => {}
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let (Some(origin), Some(host)) = (origin, text("host")) else { return forged() };
    match origin.authority() {
        Some(authority) if authority.as_str().eq_ignore_ascii_case(host) => Ok(()),
        _ => forged(),
    }
}

/// Answers only to names that this server has: a name that somebody else lets point here must not make a browser believe
/// that it talks to them.
pub(crate) async fn check_host(State(app): State<Shared>, request: Request, next: Next) -> Response {
    // Whoever stands in front may have looked at another one than we do.
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Problem::wrong("the request names several hosts").into_response();
    }
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str))
        .unwrap_or_default();
    if is_ours(host, app.options().public_host(), app.options().listen.ip()) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "this server is not called that")
        .hint("set server.public_url to the address that people use")
        .into_response()
}

/// Whether a name, with or without a port, is one of this server.
fn is_ours(host: &str, public_host: Option<&str>, listen: IpAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if let Some(public) = public_host {
        if name.eq_ignore_ascii_case(public) {
            return true;
        }
        if !listen.is_loopback() {
            return false;
        }
    }
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        // An address is nobody's name.
        Ok(_) => true,
        Err(_) if listen.is_loopback() => name.eq_ignore_ascii_case("localhost"),
        // A certificate or a proxy stands for the name.
        Err(_) => !name.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_our_own_pages_and_programs_change_anything() {
        for (sent, allowed) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("host", "here:1"), ("origin", "http://here:1")], true),
            (&[("host", "here:1"), ("origin", "http://HERE:1")], true),
            (&[("host", "here:1"), ("origin", "http://here:2")], false),
            (&[("host", "here"), ("origin", "https://evil.example")], false),
            (&[("host", "here"), ("origin", "null")], false),
            (&[("origin", "http://here")], false),
        ] {
            assert_eq!(check(&headers(sent)).is_ok(), allowed, "{sent:?}");
        }
    }

    #[test]
    fn a_server_on_loopback_has_no_other_names() {
        let loopback = "127.0.0.1".parse().unwrap();
        let anywhere = "0.0.0.0".parse().unwrap();
        for (host, public, listen, ours) in [
            ("127.0.0.1:7733", None, loopback, true),
            ("localhost:7733", None, loopback, true),
            ("[::1]:7733", None, loopback, true),
            ("evil.example:7733", None, loopback, false),
            ("", None, loopback, false),
            ("sightline.acme.com", Some("sightline.acme.com"), loopback, true),
            ("evil.example", Some("sightline.acme.com"), loopback, false),
            ("evil.example", Some("sightline.acme.com"), anywhere, false),
            ("Sightline.acme.com:443", Some("sightline.acme.com"), anywhere, true),
            ("anything.example", None, anywhere, true),
        ] {
            assert_eq!(is_ours(host, public, listen), ours, "{host} {public:?} {listen}");
        }
    }
}
