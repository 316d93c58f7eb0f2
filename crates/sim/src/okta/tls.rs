//! HTTPS with a certificate authority of our own, made anew for every server.

use std::{io, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

/// How HTTPS is spoken: TLS 1.2 and 1.3, for `127.0.0.1`, `::1` and `localhost`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whether HTTP/2 is offered besides HTTP/1.1.
    pub http2: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { http2: true }
    }
}

/// What accepts TLS connections, and the certificate of the authority that vouches for it, as PEM.
pub(super) fn acceptor(tls: &Tls) -> io::Result<(TlsAcceptor, String)> {
    let (authority, certificate) = authority().map_err(io::Error::other)?;
    let (leaf, key) = leaf(&authority).map_err(io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .map_err(io::Error::other)?;
    let offered: &[&str] = if tls.http2 { &["h2", "http/1.1"] } else { &["http/1.1"] };
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok((TlsAcceptor::from(Arc::new(config)), pem(certificate.der())))
}

fn authority() -> Result<(Issuer<'static, KeyPair>, rcgen::Certificate), rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "Sightline simulator");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((Issuer::new(params, key), certificate))
}

fn leaf(authority: &Issuer<'static, KeyPair>) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let mut params = CertificateParams::new(["127.0.0.1", "::1", "localhost"].map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?, key))
}

fn pem(certificate: &[u8]) -> String {
    let body = STANDARD.encode(certificate);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in body.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
