//! The private key that a client signs its assertions with: read from what a person pastes, never shown again.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
};
use sightline_core::{Error, ErrorKind, Result, Secret};
use zeroize::Zeroizing;

use crate::jwk;

/// A private key that signs JSON web tokens: RSA of at least 2048 bits, or EC on P-256 or P-384.
///
/// Everything that it cannot be made from is an [`ErrorKind::Config`] whose text holds nothing of the key.
pub struct PrivateKey {
    pair: Pair,
    algorithm: Algorithm,
    key_id: Option<String>,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

/// How a token is signed, by its name in JSON web tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
}

/// A curve that keys may be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Algorithm {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }
}

impl Curve {
    /// Bytes of a coordinate and of the private number.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, …)", self.algorithm.name())
    }
}

impl PrivateKey {
    /// Reads PEM (`PRIVATE KEY`, `RSA PRIVATE KEY`, `EC PRIVATE KEY`), a JWK, or a set of JWKs with one private key.
    pub fn parse(text: &Secret) -> Result<Self> {
        Self::parse_named(text, None)
    }

    /// Like [`PrivateKey::parse`], for the key with this id: picks it in a set, and refuses a JWK with another id.
    pub fn parse_named(text: &Secret, key_id: Option<&str>) -> Result<Self> {
        let text = text.expose().trim().trim_start_matches('\u{feff}');
        let mut key = if text.is_empty() {
            return Err(unusable("no key was given", "paste the private key as PEM or as a JWK"));
        } else if text.starts_with(['{', '[']) {
            jwk::parse(text, key_id)?
        } else if text.contains("-----BEGIN ") {
            from_pem(text)?
        } else {
            return Err(not_a_key(text));
        };
        if let Some(key_id) = key_id {
            key.key_id = Some(key_id.to_owned());
        }
        Ok(key)
    }

    /// The id under which the public half is registered, where it is known.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The name of the signature algorithm: `RS256`, `ES256` and the like.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    /// The signature of a message, in the form that JSON web tokens have.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let failed = |_| Error::new(ErrorKind::Unavailable, "the system has no random numbers to sign with");
        match &self.pair {
            Pair::Ec(pair) => Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let padding = match self.algorithm {
                    Algorithm::Rs384 => &RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }

    pub(crate) fn rsa(pair: RsaKeyPair) -> Self {
        Self { pair: Pair::Rsa(Box::new(pair)), algorithm: Algorithm::Rs256, key_id: None }
    }

    /// A key from its number and its point without compression; they must belong together.
    pub(crate) fn ec(curve: Curve, private: &[u8], public: &[u8]) -> Result<Self> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            curve.signing(),
            private,
            public,
            &SystemRandom::new(),
        )
        .map_err(|_| {
            unusable(
                "the EC key is damaged: its private and its public part do not belong together",
                "copy the key again, whole",
            )
        })?;
        Ok(Self { pair: Pair::Ec(Box::new(pair)), algorithm: curve.algorithm(), key_id: None })
    }

    /// The key with what a JWK says about it.
    pub(crate) fn described(self, algorithm: Algorithm, key_id: Option<String>) -> Self {
        Self { algorithm, key_id, ..self }
    }

    pub(crate) const fn default_algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// A key that cannot be used, and what to do about it.
pub(crate) fn unusable(text: impl Into<String>, hint: &str) -> Error {
    Error::new(ErrorKind::Config, text).hint(hint)
}

pub(crate) fn unsupported(what: &str) -> Error {
    unusable(
        format!("{what} are not supported"),
        "use an RSA key of at least 2048 bits, or an EC key on P-256 or P-384",
    )
}

/// Names why the cryptography refuses an RSA key; its reasons are words, never parts of the key.
pub(crate) fn rsa_refused(reason: ring::error::KeyRejected) -> Error {
    match reason.to_string().as_str() {
        "TooSmall" => unusable(
            "the RSA key has fewer than 2048 bits",
            "make a new key of 2048, 3072 or 4096 bits and register its public half",
        ),
        "TooLarge" | "PrivateModulusLenNotMultipleOf512Bits" => unusable(
            "the RSA key has an unusual size",
            "make a new key of 2048, 3072 or 4096 bits and register its public half",
        ),
        reason => unusable(format!("the RSA key is damaged ({reason})"), "copy the key again, whole"),
    }
}

/// Names text that is neither PEM nor JSON.
fn not_a_key(text: &str) -> Error {
    if text.starts_with("LS0tLS1CRUdJTi") {
        return unusable("the key is PEM inside base64", "decode it first (base64 -d) and paste the PEM");
    }
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=-_ \r\n".contains(c);
    if text.len() > 100 && text.chars().all(is_base64) {
        return unusable(
            "the key is base64 without the lines that say what it is",
            "paste the whole file with its lines BEGIN and END",
        );
    }
    unusable(
        "this is not a private key",
        "paste it as PEM (-----BEGIN PRIVATE KEY-----) or as a JWK ({\"kty\": …}), not the path of a file",
    )
}

/// The sections of PEM text: their labels and what stands between the lines.
fn sections(text: &str) -> Result<Vec<(&str, &str)>> {
    let broken =
        || unusable("the PEM of the key is cut off", "copy the key again, with its lines BEGIN and END");
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or_else(broken)?;
        let (body, after) = after.split_once(&format!("-----END {label}-----")).ok_or_else(broken)?;
        found.push((label, body));
        rest = after;
    }
    Ok(found)
}

fn from_pem(text: &str) -> Result<PrivateKey> {
    let sections = sections(text)?;
    let mut private = sections.iter().filter(|(label, _)| label.ends_with("PRIVATE KEY"));
    let Some((label, body)) = private.next() else {
        return Err(match sections.first().map(|(label, _)| *label) {
            Some(label) if label.ends_with("PUBLIC KEY") => unusable(
                "this is a public key",
                "the private key is needed here; the public one belongs to the provider",
            ),
            Some(label) if label.ends_with("CERTIFICATE") => unusable(
                "this is a certificate",
                "the private key is needed here, the file that the certificate was made from",
            ),
            _ => unusable("the PEM holds no private key", "paste the section that begins with PRIVATE KEY"),
        });
    };
    if private.next().is_some() {
        return Err(unusable("the PEM holds several private keys", "paste only the one that is registered"));
    }
    if label.starts_with("ENCRYPTED") || body.contains("ENCRYPTED") {
        return Err(unusable(
            "the key is encrypted with a passphrase",
            "decrypt it first: openssl pkey -in key.pem -out plain.pem",
        ));
    }
    if label.starts_with("OPENSSH") {
        return Err(unusable(
            "the key is in the format of OpenSSH",
            "convert a copy first: ssh-keygen -p -m PKCS8 -f copy-of-key",
        ));
    }
    // Keys often pass through JSON or an environment variable, which leaves their line breaks in writing.
    let body = Zeroizing::new(body.replace("\\n", "").replace("\\r", ""));
    let body = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
    let damaged = || unusable("the PEM of the key is damaged", "copy the key again, whole");
    let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|_| damaged())?);
    match *label {
        "PRIVATE KEY" => from_pkcs8(&der).ok_or_else(damaged)?,
        "RSA PRIVATE KEY" => from_pkcs1(&der),
        "EC PRIVATE KEY" => from_sec1(&der, None).ok_or_else(damaged)?,
        _ => Err(unsupported("keys of this type")),
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// The tagged fields of an EC key: its curve and its public point.
const EC_CURVE: u8 = 0xa0;
const EC_POINT: u8 = 0xa1;

/// The first DER element, if it has this tag: its content, and what follows it.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = input.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// PKCS#8; none where it is no such structure.
fn from_pkcs8(der: &[u8]) -> Option<Result<PrivateKey>> {
    let (outer, _) = element(der, SEQUENCE)?;
    let (_, rest) = element(outer, INTEGER)?;
    let (algorithm, rest) = element(rest, SEQUENCE)?;
    let (key, _) = element(rest, OCTET_STRING)?;
    let (id, parameters) = element(algorithm, OBJECT_ID)?;
    Some(match id {
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" => from_pkcs1(key),
        b"\x2a\x86\x48\xce\x3d\x02\x01" => match element(parameters, OBJECT_ID) {
            Some((id, _)) => match curve(id) {
                Ok(curve) => return from_sec1(key, Some(curve)),
                Err(error) => Err(error),
            },
            None => Err(unsupported("EC keys without a named curve")),
        },
        b"\x2b\x65\x70" | b"\x2b\x65\x71" => Err(unsupported("Ed25519 and Ed448 keys")),
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" => Err(unsupported("RSA-PSS keys")),
        _ => Err(unsupported("keys of this type")),
    })
}

fn curve(id: &[u8]) -> Result<Curve> {
    match id {
        b"\x2a\x86\x48\xce\x3d\x03\x01\x07" => Ok(Curve::P256),
        b"\x2b\x81\x04\x00\x22" => Ok(Curve::P384),
        b"\x2b\x81\x04\x00\x23" => Err(unsupported("EC keys on P-521")),
        _ => Err(unsupported("EC keys on this curve")),
    }
}

fn from_pkcs1(der: &[u8]) -> Result<PrivateKey> {
    RsaKeyPair::from_der(der).map(PrivateKey::rsa).map_err(rsa_refused)
}

/// `ECPrivateKey`; none where it is no such structure.
fn from_sec1(der: &[u8], known: Option<Curve>) -> Option<Result<PrivateKey>> {
    let (outer, _) = element(der, SEQUENCE)?;
    let (_, rest) = element(outer, INTEGER)?;
    let (private, mut rest) = element(rest, OCTET_STRING)?;
    let mut own = None;
    if let Some((content, after)) = element(rest, EC_CURVE) {
        rest = after;
        match element(content, OBJECT_ID).map(|(id, _)| curve(id)) {
            Some(Ok(curve)) => own = Some(curve),
            Some(Err(error)) => return Some(Err(error)),
            None => return Some(Err(unsupported("EC keys without a named curve"))),
        }
    }
    let Some(curve) = known.or(own) else {
        return Some(Err(unsupported("EC keys without a named curve")));
    };
    let Some((point, _)) = element(rest, EC_POINT) else {
        return Some(Err(unusable(
            "the EC key lacks its public part",
            "write it again in full: openssl ec -in key.pem -out full.pem",
        )));
    };
    // The first byte of a bit string counts its unused bits.
    let (bits, _) = element(point, BIT_STRING)?;
    let public = bits.strip_prefix(&[0])?;
    if matches!(public.first(), Some(2 | 3)) {
        return Some(Err(unusable(
            "the public part of the EC key is compressed",
            "write it again in full: openssl ec -in key.pem -conv_form uncompressed -out full.pem",
        )));
    }
    Some(PrivateKey::ec(curve, private, public))
}
