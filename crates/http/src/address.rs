//! Which addresses may be called at all.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Scheme, host and port of a service, already checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// It is no URL with a host.
    NotAUrl,
    /// Plain HTTP to another machine, or to this one without permission.
    NotHttps,
}

impl Address {
    /// Checks a URL and keeps its origin; plain HTTP passes only to this machine and only where that is allowed.
    pub fn new(url: &str, allow_loopback_http: bool) -> Result<Self, AddressError> {
        let mut url = Url::parse(url).map_err(|_| AddressError::NotAUrl)?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(AddressError::NotAUrl);
        }
        match url.scheme() {
            "https" => {}
            "http" if allow_loopback_http && is_loopback(&url) => {}
            _ => return Err(AddressError::NotHttps),
        }
        // Credentials, path and query of what was typed are not part of an origin.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The host, without a port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The URL of a path at this address.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether an address is reachable only inside a network: never the place of a provider, often the aim of an attack.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmarking = a == 198 && (b & 0xfe) == 18;
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                || ip.is_documentation()
                || shared
                || benchmarking
                || a == 0
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_multicast()
                || inner_v4(ip).is_some_and(|inner| is_private(inner.into()))
        }
    }
}

/// The IPv4 address that a gateway would lead to: NAT64 (RFC 6052), 6to4 (RFC 3056), and the form of RFC 4291 that is no
/// longer used.
fn inner_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(of(high, low))
        }
        _ => None,
    }
}

/// Resolves names like the system does, and leaves out addresses that are not on the public Internet.
///
/// That holds for the host that is called; the only other name that is ever resolved is that of a proxy, which the
/// person who runs this program has set and which usually is private.
#[derive(Debug)]
pub(crate) struct PublicResolver {
    pub(crate) host: String,
}

/// The text of the error that [`PublicResolver`] gives for a name with private addresses only.
pub(crate) const PRIVATE_ADDRESS: &str = "the name belongs to a private network";

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_ours = name.as_str().eq_ignore_ascii_case(&self.host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> =
                found.into_iter().filter(|address| !is_ours || !is_private(address.ip())).collect();
            if public.is_empty() {
                return Err(std::io::Error::other(PRIVATE_ADDRESS).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_and_only_when_allowed() {
        assert_eq!(Address::new("http://acme.okta.com", true), Err(AddressError::NotHttps));
        assert_eq!(Address::new("http://127.0.0.1:80", false), Err(AddressError::NotHttps));
        assert_eq!(Address::new("http://127.0.0.1.evil.example", true), Err(AddressError::NotHttps));
        assert_eq!(Address::new("ftp://127.0.0.1", true), Err(AddressError::NotHttps));
        assert_eq!(Address::new("acme", true), Err(AddressError::NotAUrl));
        for url in ["http://127.0.0.1:8080/x?y#z", "http://[::1]:8080", "http://localhost:8080"] {
            assert!(Address::new(url, true).is_ok(), "{url}");
        }
        let address = Address::new("https://user:pass@Acme.okta.com/oauth2/default?x=1", false);
        assert_eq!(address.map(|address| address.to_string()), Ok("https://acme.okta.com".to_owned()));
    }

    #[test]
    fn private_addresses_are_known() {
        for ip in [
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "::192.168.1.1",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::1"] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }

    /// A name of the public Internet may belong to an address that is not.
    #[tokio::test]
    async fn a_name_leads_to_no_private_address() {
        let resolve = |host: &str| {
            let resolver = PublicResolver { host: host.to_owned() };
            resolver.resolve("localhost".parse().unwrap())
        };
        let error = resolve("localhost").await.err().unwrap();
        assert_eq!(error.to_string(), PRIVATE_ADDRESS);
        assert!(resolve("LocalHost").await.is_err());
        // A proxy in the own network is the choice of whoever runs this.
        assert!(resolve("acme.okta.com").await.unwrap().all(|address| address.ip().is_loopback()));
    }
}
