//! Private keys written as JSON (JWK).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::RsaKeyPair;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sightline_core::{Result, Secret};
use zeroize::Zeroizing;

use crate::keys::{Algorithm, Curve, PrivateKey, rsa_refused, unsupported, unusable};

#[derive(Deserialize)]
struct Jwk {
    kty: Option<String>,
    crv: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<Secret>,
    p: Option<Secret>,
    q: Option<Secret>,
    dp: Option<Secret>,
    dq: Option<Secret>,
    qi: Option<Secret>,
}

#[derive(Deserialize)]
struct Shape {
    keys: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

/// Reads a JWK, or the private key of a set of them; with an id only that one.
pub(crate) fn parse(text: &str, key_id: Option<&str>) -> Result<PrivateKey> {
    // What serde_json says about bad JSON may quote it, so it is left out.
    let not_json =
        |_| unusable("the JWK is no valid JSON", "copy the key again, from the first brace to the last");
    let is_set =
        text.starts_with('{') && serde_json::from_str::<Shape>(text).map_err(not_json)?.keys.is_some();
    let keys = if is_set {
        serde_json::from_str::<JwkSet>(text).map_err(not_json)?.keys
    } else if text.starts_with('[') {
        serde_json::from_str::<Vec<Jwk>>(text).map_err(not_json)?
    } else {
        vec![serde_json::from_str::<Jwk>(text).map_err(not_json)?]
    };
    if let [key] = keys.as_slice()
        && key.kty.is_none()
    {
        return Err(unusable(
            "the JSON is no JWK: it has no `kty`",
            "paste the private key as a JWK or as PEM",
        ));
    }
    let is_symmetric = keys.iter().any(|key| key.kty.as_deref() == Some("oct"));
    let private: Vec<Jwk> = keys.into_iter().filter(|key| key.d.is_some()).collect();
    if private.is_empty() {
        return Err(if is_symmetric {
            unsupported("symmetric keys")
        } else {
            unusable(
                "the JWK has no private part",
                "paste the private key; the public one belongs to the provider",
            )
        });
    }
    let among = private.len();
    let mut named = private.into_iter().filter(|key| match (key_id, &key.kid) {
        (Some(wanted), Some(kid)) => wanted == kid,
        // A single key without an id may well be the one that is meant.
        (Some(_), None) => among == 1,
        (None, _) => true,
    });
    match (named.next(), named.next()) {
        (Some(key), None) => one(&key),
        (None, _) => Err(unusable(
            "no private key in the JWK has the key id that was given",
            "correct the key id, or leave it out to take the one of the JWK",
        )),
        (Some(_), Some(_)) if key_id.is_some() => Err(unusable(
            "several private keys in the JWK set have the key id that was given",
            "paste only the JWK of the key that is registered",
        )),
        (Some(_), Some(_)) => Err(unusable(
            "the JWK set holds several private keys",
            "give the key id of the one to use, or paste only that one",
        )),
    }
}

fn one(key: &Jwk) -> Result<PrivateKey> {
    if key.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return Err(unusable("the JWK is not meant for signing", "use a key whose `use` is `sig`"));
    }
    let made = match key.kty.as_deref() {
        Some("RSA") => rsa(key)?,
        Some("EC") => ec(key)?,
        Some("OKP") => return Err(unsupported("Ed25519 and Ed448 keys")),
        _ => return Err(unsupported("keys of this type")),
    };
    let default = made.default_algorithm();
    let algorithm = match (key.alg.as_deref(), default) {
        (None, _) => default,
        (Some("RS256"), Algorithm::Rs256) => Algorithm::Rs256,
        (Some("RS384"), Algorithm::Rs256) => Algorithm::Rs384,
        (Some("RS512"), Algorithm::Rs256) => Algorithm::Rs512,
        (Some(name), _) if name == default.name() => default,
        (Some(_), _) => {
            return Err(unusable(
                "the `alg` of the JWK is not supported or does not fit its key",
                "use RS256, RS384 or RS512 for RSA, ES256 for P-256, ES384 for P-384",
            ));
        }
    };
    Ok(made.described(algorithm, key.kid.clone().filter(|kid| !kid.is_empty())))
}

fn rsa(key: &Jwk) -> Result<PrivateKey> {
    let public = |field: &Option<String>| number(field.as_deref());
    let private = |field: &Option<Secret>| number(field.as_ref().map(Secret::expose));
    if [&key.p, &key.q, &key.dp, &key.dq, &key.qi].into_iter().any(Option::is_none) {
        return Err(unusable(
            "the RSA key of the JWK lacks its primes (p, q, dp, dq, qi)",
            "export the key in full, or paste it as PEM",
        ));
    }
    let (modulus, exponent) = (public(&key.n)?, public(&key.e)?);
    let (d, p, q) = (private(&key.d)?, private(&key.p)?, private(&key.q)?);
    let (dp, dq, qi) = (private(&key.dp)?, private(&key.dq)?, private(&key.qi)?);
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() },
        d: d.as_slice(),
        p: p.as_slice(),
        q: q.as_slice(),
        dP: dp.as_slice(),
        dQ: dq.as_slice(),
        qInv: qi.as_slice(),
    };
    RsaKeyPair::from_components(&components).map(PrivateKey::rsa).map_err(rsa_refused)
}

fn ec(key: &Jwk) -> Result<PrivateKey> {
    let curve = match key.crv.as_deref() {
        Some("P-256") => Curve::P256,
        Some("P-384") => Curve::P384,
        Some("P-521") => return Err(unsupported("EC keys on P-521")),
        _ => return Err(unsupported("EC keys on this curve")),
    };
    let d = padded(&number(key.d.as_ref().map(Secret::expose))?, curve)?;
    let mut point = vec![4];
    for coordinate in [&key.x, &key.y] {
        point.extend_from_slice(&padded(&number(coordinate.as_deref())?, curve)?);
    }
    PrivateKey::ec(curve, &d, &point)
}

/// A number without leading zeros, which some writers add.
fn number(field: Option<&str>) -> Result<Zeroizing<Vec<u8>>> {
    let field = field.ok_or_else(|| {
        unusable("a part of the JWK is missing", "copy the key again, with all of its fields")
    })?;
    let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(field.trim_end_matches('=')).map_err(|_| {
        unusable("a part of the JWK is not base64url", "copy the key again, with all of its fields")
    })?);
    // In place: a copy would leave the number behind in memory that nobody wipes.
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.rotate_left(zeros);
    let length = bytes.len() - zeros;
    bytes.truncate(length);
    Ok(bytes)
}

/// A number with as many bytes as the curve has.
fn padded(number: &[u8], curve: Curve) -> Result<Zeroizing<Vec<u8>>> {
    let zeros = curve.bytes().checked_sub(number.len()).ok_or_else(|| {
        unusable("a part of the JWK is too long for its curve", "copy the key again, with all of its fields")
    })?;
    let mut padded = Zeroizing::new(vec![0; curve.bytes()]);
    padded[zeros..].copy_from_slice(number);
    Ok(padded)
}
