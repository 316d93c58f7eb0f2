//! Signed tokens in compact form (JWS), and the `DPoP` proofs that are made of them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sightline_core::{Error, ErrorKind, Result, Time};

/// The token of these claims: `header.claims.signature`.
pub(crate) fn sign(
    header: &Value,
    claims: &Value,
    signature: impl FnOnce(&[u8]) -> Result<Vec<u8>>,
) -> Result<String> {
    let mut token = format!("{}.{}", base64url(&header.to_string()), base64url(&claims.to_string()));
    let signature = signature(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// An id that no other token has.
pub(crate) fn fresh_id() -> Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(no_random)?;
    Ok(base64url(&bytes))
}

fn base64url(bytes: &(impl AsRef<[u8]> + ?Sized)) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn no_random(_: ring::error::Unspecified) -> Error {
    Error::new(ErrorKind::Unavailable, "the system has no random numbers to sign with")
}

/// A key that lives as long as this client and binds its tokens to it (RFC 9449).
pub(crate) struct ProofKey {
    pair: EcdsaKeyPair,
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(…)")
    }
}

/// What a proof is about.
pub(crate) struct Proof<'a> {
    pub(crate) method: &'a str,
    /// The URL that is called; its query and fragment are no part of a proof.
    pub(crate) url: &'a url::Url,
    /// The server's time.
    pub(crate) now: Time,
    pub(crate) nonce: Option<&'a str>,
    /// The token that goes along, if one does.
    pub(crate) token: Option<&'a str>,
}

impl ProofKey {
    /// A new key on P-256.
    pub(crate) fn new() -> Result<Self> {
        let random = SystemRandom::new();
        let written =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(no_random)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, written.as_ref(), &random)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "no key for proofs could be made"))?;
        Ok(Self { pair })
    }

    /// A proof that is good for one call.
    pub(crate) fn prove(&self, proof: &Proof<'_>) -> Result<String> {
        // Without compression a point is a marker and its two coordinates.
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) });
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        let mut url = proof.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let mut claims = json!({
            "htm": proof.method,
            "htu": url.as_str(),
            "iat": proof.now.millis().div_euclid(1000),
            "jti": fresh_id()?,
        });
        if let Some(nonce) = proof.nonce {
            claims["nonce"] = nonce.into();
        }
        if let Some(token) = proof.token {
            claims["ath"] = base64url(digest(&SHA256, token.as_bytes()).as_ref()).into();
        }
        let random = SystemRandom::new();
        sign(&header, &claims, |message| {
            Ok(self.pair.sign(&random, message).map_err(no_random)?.as_ref().to_vec())
        })
    }
}
