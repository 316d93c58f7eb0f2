//! What went wrong on the way, in words that name the host and the reason.

use std::error::Error as StdError;

use sightline_core::{Error, ErrorKind};

use crate::Address;
use crate::address::PRIVATE_ADDRESS;

/// Names a failure of the transport; a time-out, an unknown name, TLS and a proxy are four different texts.
pub(crate) fn transport(error: &reqwest::Error, address: &Address) -> Error {
    let host = address.host();
    let reason = innermost(error);
    let chain = chain(error);
    let has = |words: &[&str]| words.iter().any(|word| chain.contains(word));
    let (text, hint) = if has(&[PRIVATE_ADDRESS]) {
        (
            format!("{host} is not on the public Internet"),
            "check the address; private addresses are never called",
        )
    } else if has(&["dns error", "failed to lookup", "name or service not known", "no such host"]) {
        (format!("the name {host} was not found ({reason})"), "check the spelling and this machine's DNS")
    } else if has(&["proxy", "tunnel"]) {
        (
            format!("the proxy did not let us through to {host} ({reason})"),
            "check HTTPS_PROXY and NO_PROXY, and that the proxy allows this host",
        )
    } else if has(&["certificate", "tls", "handshake", "unknownissuer", "corrupt message"]) {
        (
            format!("no trusted TLS connection to {host} ({reason})"),
            "if a proxy inspects TLS here, add its authority with `http.extra_roots` in the configuration",
        )
    } else if error.is_timeout() || has(&["timed out"]) {
        // Who was reached and is silent has too much to do.
        let kind = if error.is_connect() { ErrorKind::Unavailable } else { ErrorKind::Overloaded };
        return Error::new(kind, format!("{host} did not answer in time"))
            .hint("check the network and try again");
    } else if error.is_connect() {
        (format!("{host} refused the connection ({reason})"), "check the address and the port")
    } else {
        (format!("the connection to {host} broke ({reason})"), "try again")
    };
    Error::new(ErrorKind::Unavailable, text).hint(hint)
}

/// Names an answer that is made for people.
pub(crate) fn web_page(host: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("{host} answered with a web page where JSON was expected"))
        .hint("check the address; a proxy or a sign-in page may stand in between")
}

/// Names an answer that leads elsewhere.
pub(crate) fn redirect(host: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("{host} redirects to another place, which is never followed"))
        .hint("use the address that the redirect leads to")
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(&error.to_string().to_ascii_lowercase());
        text.push_str("; ");
        next = error.source();
    }
    text
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
