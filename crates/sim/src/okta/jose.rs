//! Signed tokens (JWT) and the keys that sign them (JWK): as much as a server needs to check them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
    },
};
use serde_json::Value;

/// A token as it came; nothing in it is to be believed before [`Jwt::is_signed_by`] said so.
pub(super) struct Jwt {
    header: Value,
    claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    /// Takes a token apart. `None` if it is not three parts of base64url, the first two of them JSON objects.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| -> Option<Value> {
            let value: Value = serde_json::from_slice(&decode(part)?).ok()?;
            value.is_object().then_some(value)
        };
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed: signed.to_owned(),
            signature: decode(signature)?,
        })
    }

    /// A text of the header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.header[name].as_str()
    }

    /// The public key that the header carries, unless the private part came along.
    pub(super) fn own_key(&self) -> Option<&Value> {
        self.header.get("jwk").filter(|key| key.get("d").is_none())
    }

    /// A text among the claims.
    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        self.claims[name].as_str()
    }

    /// A point in time among the claims, in seconds since 1970.
    pub(super) fn time(&self, name: &str) -> Option<i64> {
        self.claims[name].as_i64().or_else(|| self.claims[name].as_f64().map(|seconds| seconds as i64))
    }

    /// Whether the signature is one of this public key, made with the algorithm that the header names.
    pub(super) fn is_signed_by(&self, key: &Value) -> bool {
        self.verify(key).is_some()
    }

    fn verify(&self, key: &Value) -> Option<()> {
        let part = |name: &str| key[name].as_str().and_then(decode);
        let message = self.signed.as_bytes();
        let rsa = |parameters| {
            let key = RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
            key.verify(parameters, message, &self.signature).ok()
        };
        let elliptic = |parameters, bytes: usize| {
            // The point without compression.
            let mut point = vec![4];
            for coordinate in [part("x")?, part("y")?] {
                point.extend(Some(coordinate).filter(|coordinate| coordinate.len() == bytes)?);
            }
            UnparsedPublicKey::new(parameters, point).verify(message, &self.signature).ok()
        };
        match (self.header("alg")?, key["kty"].as_str()?, key["crv"].as_str()) {
            ("RS256", "RSA", _) => rsa(&RSA_PKCS1_2048_8192_SHA256),
            ("RS384", "RSA", _) => rsa(&RSA_PKCS1_2048_8192_SHA384),
            ("RS512", "RSA", _) => rsa(&RSA_PKCS1_2048_8192_SHA512),
            ("ES256", "EC", Some("P-256")) => elliptic(&ECDSA_P256_SHA256_FIXED, 32),
            ("ES384", "EC", Some("P-384")) => elliptic(&ECDSA_P384_SHA384_FIXED, 48),
            _ => None,
        }
    }
}

/// What tells a public key from all others (RFC 7638).
pub(super) fn thumbprint(key: &Value) -> Option<String> {
    let part = |name: &str| key[name].as_str();
    // Members in alphabetical order, without white space; none of them needs escaping.
    let canonical = match part("kty")? {
        "RSA" => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, part("e")?, part("n")?),
        "EC" => {
            format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, part("crv")?, part("x")?, part("y")?)
        }
        _ => return None,
    };
    Some(fingerprint(&canonical))
}

/// The SHA-256 of a text, in base64url.
pub(super) fn fingerprint(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_of_a_thumbprint() {
        let key = serde_json::json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        });
        assert_eq!(thumbprint(&key).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn nothing_but_three_parts_is_a_token() {
        for text in ["", "a.b", "e30.e30", "e30.e30.!", "e30.W10.", "e30.e30.e30.e30"] {
            assert!(Jwt::parse(text).is_none(), "{text}");
        }
        assert!(Jwt::parse("e30.e30.").is_some());
    }
}
