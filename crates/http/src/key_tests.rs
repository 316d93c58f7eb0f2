//! Keys in every form that a person may paste, and every thing that is no key.

use std::collections::BTreeSet;

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};
use sightline_core::{ErrorKind, Secret};

use crate::PrivateKey;

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../testdata/", $name))
    };
}

const RSA_PUBLIC: &[u8] = include_bytes!("../testdata/rsa2048.public.der");
const P256_PUBLIC: &[u8] = include_bytes!("../testdata/prime256v1.public.der");
const P384_PUBLIC: &[u8] = include_bytes!("../testdata/secp384r1.public.der");

fn parse(text: &str) -> PrivateKey {
    PrivateKey::parse(&Secret::new(text)).unwrap()
}

fn jwk(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The JWK with one field set, or removed when it is null.
fn with(text: &str, field: &str, value: Value) -> String {
    let mut jwk = jwk(text);
    jwk[field] = value;
    jwk.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    jwk.to_string()
}

#[test]
fn every_form_of_a_key_makes_signatures_that_its_public_half_verifies() {
    let rsa: (&str, &dyn VerificationAlgorithm, &[u8]) = ("RS256", &RSA_PKCS1_2048_8192_SHA256, RSA_PUBLIC);
    let p256: (&str, &dyn VerificationAlgorithm, &[u8]) = ("ES256", &ECDSA_P256_SHA256_FIXED, P256_PUBLIC);
    let p384: (&str, &dyn VerificationAlgorithm, &[u8]) = ("ES384", &ECDSA_P384_SHA384_FIXED, P384_PUBLIC);
    let one_line = file!("rsa2048.pkcs8.pem").trim().replace('\n', "\\n");
    let windows = file!("prime256v1.pkcs8.pem").replace('\n', "\r\n");
    let beside_a_certificate = format!("{}{}", file!("cert.pem"), file!("prime256v1.sec1.pem"));
    for (text, (name, algorithm, public)) in [
        (file!("rsa2048.pkcs8.pem"), rsa),
        (file!("rsa2048.pkcs1.pem"), rsa),
        (file!("rsa2048.jwk.json"), rsa),
        (&one_line, rsa),
        (file!("prime256v1.pkcs8.pem"), p256),
        (file!("prime256v1.sec1.pem"), p256),
        (file!("prime256v1.jwk.json"), p256),
        (&windows, p256),
        (&beside_a_certificate, p256),
        (file!("secp384r1.pkcs8.pem"), p384),
        (file!("secp384r1.sec1.pem"), p384),
        (file!("secp384r1.jwk.json"), p384),
    ] {
        let key = parse(text);
        assert_eq!(key.algorithm(), name);
        let signature = key.sign(b"message").unwrap();
        let public = UnparsedPublicKey::new(algorithm, public);
        public.verify(b"message", &signature).unwrap();
        public.verify(b"massage", &signature).unwrap_err();
    }
}

#[test]
fn numbers_of_a_jwk_may_have_zeros_in_front_and_padding_behind() {
    use base64::Engine;
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
    let mut jwk = jwk(file!("rsa2048.jwk.json"));
    for field in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        let mut bytes = vec![0, 0];
        bytes.extend(URL_SAFE_NO_PAD.decode(jwk[field].as_str().unwrap()).unwrap());
        jwk[field] = URL_SAFE.encode(bytes).into();
    }
    let signature = parse(&jwk.to_string()).sign(b"message").unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, RSA_PUBLIC).verify(b"message", &signature).unwrap();
}

#[test]
fn a_jwk_says_its_id_and_its_algorithm() {
    let key = parse(&with(file!("rsa2048.jwk.json"), "alg", json!("RS512")));
    assert_eq!((key.key_id(), key.algorithm()), (Some("rsa-1"), "RS512"));
    let signature = key.sign(b"message").unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, RSA_PUBLIC).verify(b"message", &signature).unwrap();
    assert_eq!(parse(file!("rsa2048.pkcs8.pem")).key_id(), None);
}

#[test]
fn a_key_is_picked_from_a_set_by_its_id() {
    let public = with(file!("rsa2048.jwk.json"), "d", Value::Null);
    let (rsa, ec) = (jwk(file!("rsa2048.jwk.json")), jwk(file!("prime256v1.jwk.json")));
    let one = json!({ "keys": [jwk(&public), ec] }).to_string();
    assert_eq!(parse(&one).key_id(), Some("prime256v1"));
    let two = Secret::new(json!({ "keys": [rsa, ec] }).to_string());
    let text = |key_id| PrivateKey::parse_named(&two, key_id).unwrap_err().message().to_owned();
    assert!(text(None).contains("several private keys"));
    assert!(text(Some("other")).contains("key id"));
    let key = PrivateKey::parse_named(&two, Some("rsa-1")).unwrap();
    assert_eq!((key.key_id(), key.algorithm()), (Some("rsa-1"), "RS256"));
    let named = PrivateKey::parse_named(&Secret::new(file!("rsa2048.pkcs8.pem")), Some("mine")).unwrap();
    assert_eq!(named.key_id(), Some("mine"));
}

/// Whether any long run of the text, which is where a key has its numbers, is shown.
fn shows_key_material(shown: &str, text: &str) -> bool {
    let runs = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/_-".contains(c)));
    runs.filter(|run| run.len() > 24 && !run.starts_with("-----")).any(|run| shown.contains(&run[..16]))
}

#[test]
fn what_is_no_usable_key_is_named_without_showing_it() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let rsa = file!("rsa2048.jwk.json");
    let ec = file!("prime256v1.jwk.json");
    let other_d = jwk(file!("secp384r1.jwk.json"))["d"].clone();
    let bare = file!("rsa2048.pkcs8.pem").lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let pem = file!("rsa2048.pkcs8.pem");
    let mut damaged = pem.to_owned();
    damaged.replace_range(200..206, "AAAAAA");
    let two = format!("{pem}{}", file!("prime256v1.pkcs8.pem"));
    let public_jwk = with(ec, "d", Value::Null);
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "no key was given"),
        ("/etc/keys/okta.pem".into(), "not a private key"),
        (STANDARD.encode(pem), "PEM inside base64"),
        (bare, "without the lines"),
        (file!("pub.pem").into(), "a public key"),
        (file!("cert.pem").into(), "a certificate"),
        (file!("enc.pem").into(), "encrypted"),
        (file!("enc-trad.pem").into(), "encrypted"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----".into(),
            "OpenSSH",
        ),
        (file!("secp521r1.pkcs8.pem").into(), "P-521 are not supported"),
        (file!("secp521r1.sec1.pem").into(), "P-521 are not supported"),
        (file!("secp256k1.pkcs8.pem").into(), "this curve are not supported"),
        (file!("secp256k1.sec1.pem").into(), "this curve are not supported"),
        (file!("ed25519.pem").into(), "Ed25519 and Ed448 keys are not supported"),
        (file!("pss.pem").into(), "RSA-PSS keys are not supported"),
        (file!("rsa1024.pkcs8.pem").into(), "fewer than 2048 bits"),
        (file!("nopub.pem").into(), "lacks its public part"),
        (file!("compressed.pem").into(), "is compressed"),
        (damaged, "the RSA key is damaged"),
        (pem[..800].to_owned(), "cut off"),
        (two, "several private keys"),
        (pem.replace("MII", "M*I"), "the PEM of the key is damaged"),
        (rsa[..200].to_owned(), "no valid JSON"),
        ("{}".into(), "no `kty`"),
        (public_jwk, "no private part"),
        (json!({ "keys": [] }).to_string(), "no private part"),
        (json!({ "kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ" }).to_string(), "symmetric keys"),
        (json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA" }).to_string(), "Ed25519"),
        (with(ec, "crv", json!("P-521")), "P-521 are not supported"),
        (with(ec, "crv", json!("secp256k1")), "this curve are not supported"),
        (with(ec, "alg", json!("RS256")), "does not fit"),
        (with(rsa, "alg", json!("PS256")), "does not fit"),
        (with(rsa, "use", json!("enc")), "not meant for signing"),
        (with(rsa, "p", Value::Null), "lacks its primes"),
        (with(rsa, "n", Value::Null), "a part of the JWK is missing"),
        (with(ec, "y", Value::Null), "a part of the JWK is missing"),
        (with(ec, "d", json!("not base64url!")), "not base64url"),
        (with(ec, "d", other_d), "too long for its curve"),
        (with(ec, "x", jwk(ec)["y"].clone()), "do not belong together"),
        (with(rsa, "d", json!(["an array"])), "no valid JSON"),
    ];
    for (text, expected) in cases {
        let error = PrivateKey::parse(&Secret::new(text.clone())).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Config);
        assert!(error.message().contains(expected), "{expected}: {error}");
        let hint = error.hint_text().unwrap_or_else(|| panic!("no hint: {error}"));
        assert!(!shows_key_material(&format!("{error:?} {hint}"), &text), "{error:?}");
    }
}

#[test]
fn a_key_is_not_shown_in_debug_output() {
    let shown: BTreeSet<String> = [file!("rsa2048.pkcs8.pem"), file!("rsa2048.jwk.json")]
        .iter()
        .map(|text| format!("{:?}", parse(text)))
        .collect();
    assert_eq!(shown, BTreeSet::from(["PrivateKey(RS256, …)".to_owned()]));
}
