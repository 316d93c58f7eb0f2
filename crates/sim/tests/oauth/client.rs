//! A client that signs whatever it is told to.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::RequestBuilder;
use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
    },
};
use serde_json::{Value, json};
use sightline_sim::OktaServer;

pub(crate) const CLIENT: &str = "0oaServiceAppOfTests";

/// A private key with its public one.
pub(crate) struct Key {
    private: Private,
    pub(crate) algorithm: &'static str,
    /// The public key, without a `kid`.
    pub(crate) public: Value,
}

enum Private {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Elliptic(EcdsaKeyPair),
}

impl Key {
    /// A new key, or for RSA always the same one: making it would take long.
    pub(crate) fn new(algorithm: &'static str) -> Self {
        match algorithm {
            "RS256" => Self::rsa(algorithm, &RSA_PKCS1_SHA256),
            "RS384" => Self::rsa(algorithm, &RSA_PKCS1_SHA384),
            "RS512" => Self::rsa(algorithm, &RSA_PKCS1_SHA512),
            _ => Self::elliptic(algorithm),
        }
    }

    fn rsa(algorithm: &'static str, encoding: &'static dyn RsaEncoding) -> Self {
        let pair = RsaKeyPair::from_pkcs8(include_bytes!("throwaway-rsa.pk8")).unwrap();
        let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
        let public = json!({ "kty": "RSA", "n": encode(n), "e": encode(e) });
        Self { private: Private::Rsa(pair, encoding), algorithm, public }
    }

    fn elliptic(algorithm: &'static str) -> Self {
        let (kind, curve) = if algorithm == "ES384" {
            (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")
        } else {
            (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")
        };
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(kind, pair.as_ref(), &random).unwrap();
        let (x, y) = {
            let point = &pair.public_key().as_ref()[1..];
            point.split_at(point.len() / 2)
        };
        let public = json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) });
        Self { private: Private::Elliptic(pair), algorithm, public }
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match &self.private {
            Private::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
            Private::Elliptic(pair) => pair.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{text}.{}", encode(signature))
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn sha256(text: &str) -> String {
    encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}

/// Seconds since 1970 on this machine.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// An id that was never used.
fn fresh() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("id-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// `base` with the members of `changes`; those that are null are removed, or stay null where there are none.
pub(crate) fn with(mut base: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() && base.get(name).is_some() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

/// What came back, unpacked.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Status and error, in whichever of the two forms it is told.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        let told = self.body["error"].as_str().or_else(|| self.body["errorCode"].as_str());
        (self.status, told.unwrap_or_else(|| panic!("{self:?}")))
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {self:?}"))
    }
}

/// A client of one server.
pub(crate) struct Client<'a> {
    pub(crate) http: reqwest::Client,
    pub(crate) server: &'a OktaServer,
    pub(crate) key: &'a Key,
}

impl Client<'_> {
    pub(crate) fn token_address(&self) -> String {
        format!("{}/oauth2/v1/token", self.server.url())
    }

    pub(crate) fn assertion(&self, header: &Value, claims: &Value) -> String {
        let plain_header = json!({ "alg": self.key.algorithm, "kid": "first" });
        let plain_claims = json!({
            "iss": CLIENT,
            "sub": CLIENT,
            "aud": self.token_address(),
            "iat": now(),
            "exp": now() + 300,
            "jti": fresh(),
        });
        self.key.sign(&with(plain_header, header), &with(plain_claims, claims))
    }

    pub(crate) fn proof(&self, key: &Key, header: &Value, claims: &Value) -> String {
        let plain_header = json!({ "typ": "dpop+jwt", "alg": key.algorithm, "jwk": key.public });
        let plain_claims = json!({ "iat": now(), "jti": fresh() });
        key.sign(&with(plain_header, header), &with(plain_claims, claims))
    }

    /// A proof for the token endpoint.
    pub(crate) fn token_proof(&self, key: &Key, claims: &Value) -> String {
        let claims = with(json!({ "htm": "POST", "htu": self.token_address() }), claims);
        self.proof(key, &json!({}), &claims)
    }

    /// Asks for a token.
    pub(crate) async fn ask(&self, scope: &str, assertion: &str, proof: Option<&str>) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
            ("scope", scope),
        ];
        self.ask_with(&form, proof).await
    }

    pub(crate) async fn ask_with(&self, form: &[(&str, &str)], proof: Option<&str>) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(self.token_address()).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        send(match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        })
        .await
    }

    /// A token without proof of possession.
    pub(crate) async fn token(&self, scope: &str) -> String {
        let answer = self.ask(scope, &self.assertion(&json!({}), &json!({})), None).await;
        assert_eq!((answer.status, answer.text("token_type")), (200, "Bearer"), "{answer:?}");
        answer.text("access_token").to_owned()
    }

    pub(crate) async fn get(&self, path: &str, authorization: &str, proof: Option<&str>) -> Answer {
        let request =
            self.http.get(format!("{}{path}", self.server.url())).header("authorization", authorization);
        send(match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        })
        .await
    }
}

async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    Answer { status, headers, body }
}
