//! A server for tests that is exact: it checks every assertion and proof itself, and takes none twice.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use sightline_core::Time;
use sightline_core::time::Clock;
use tokio::io::AsyncReadExt;

const PUBLIC: &[u8] = include_bytes!("../testdata/rsa2048.public.der");
pub(crate) const START: i64 = 1_767_225_600;

#[derive(Debug)]
pub(crate) struct SetClock(pub(crate) AtomicI64);

impl SetClock {
    pub(crate) fn at(secs: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(secs)))
    }

    pub(crate) fn forward(&self, secs: i64) {
        self.0.fetch_add(secs, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Time {
        Time::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// How the server behaves, and what it has seen.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) clock: Arc<SetClock>,
    /// Whether answers carry a date.
    pub(crate) tells_time: bool,
    pub(crate) wants_proof: bool,
    pub(crate) token_nonce: Option<&'static str>,
    pub(crate) api_nonce: Option<&'static str>,
    /// Scopes that it grants; asking for another one is refused, or ignored.
    pub(crate) allowed: Option<BTreeSet<&'static str>>,
    pub(crate) ignores_others: bool,
    pub(crate) lifetime: i64,
    /// Answers to token requests that come first.
    pub(crate) first: VecDeque<String>,
    /// Calls of the API that are refused as unauthorized whatever they carry.
    pub(crate) unauthorized: u32,
    pub(crate) used_ids: BTreeSet<String>,
    pub(crate) token_requests: u32,
    pub(crate) api_requests: u32,
    pub(crate) tokens: Vec<String>,
    pub(crate) key_ids: BTreeSet<String>,
    pub(crate) proofs: u32,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            url: String::new(),
            clock: SetClock::at(START),
            tells_time: true,
            wants_proof: false,
            token_nonce: None,
            api_nonce: None,
            allowed: None,
            ignores_others: false,
            lifetime: 3600,
            first: VecDeque::new(),
            unauthorized: 0,
            used_ids: BTreeSet::new(),
            token_requests: 0,
            api_requests: 0,
            tokens: Vec::new(),
            key_ids: BTreeSet::new(),
            proofs: 0,
        }
    }

    pub(crate) fn answer(&self, head: &str, body: &Value) -> String {
        let body = body.to_string();
        let date = if self.tells_time { http_date(self.clock.now()) } else { String::new() };
        format!("HTTP/1.1 {head}\r\n{date}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    pub(crate) fn refuse(&self, head: &str, error: &str, description: &str) -> String {
        self.answer(head, &json!({ "error": error, "error_description": description }))
    }

    pub(crate) fn handle(&mut self, request: &Seen) -> String {
        match request.path.as_str() {
            "/oauth2/v1/token" => self.token(request),
            _ => self.api(request),
        }
    }

    fn token(&mut self, request: &Seen) -> String {
        self.token_requests += 1;
        assert_eq!(request.method, "POST");
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).unwrap().1.clone();
        assert_eq!(field("grant_type"), "client_credentials");
        assert_eq!(field("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let assertion = field("client_assertion");
        let (header, claims) = opened(&assertion);
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC)
            .verify(signed_part(&assertion), &signature(&assertion))
            .unwrap();
        assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &json!("my-key")));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("client-1"), &json!("client-1")));
        assert_eq!(claims["aud"], json!(format!("{}/oauth2/v1/token", self.url)));
        let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        assert_eq!(expires - issued, 300);
        // Taken even if the request is refused for another reason.
        let id = claims["jti"].as_str().unwrap().to_owned();
        assert!(id.len() >= 16 && self.used_ids.insert(id), "an assertion is sent twice");
        if let Some(answer) = self.first.pop_front() {
            return answer;
        }
        if (issued - self.clock.now().millis() / 1000).abs() > 60 {
            return self.refuse("401 Unauthorized", "invalid_client", "The client_assertion is expired.");
        }
        if self.wants_proof {
            let Some(proof) = request.header("dpop") else {
                let text = "The DPoP proof JWT header is missing.";
                return self.refuse("400 Bad Request", "invalid_dpop_proof", text);
            };
            let claims = self.check_proof(&proof, "POST", "/oauth2/v1/token");
            assert!(claims.get("ath").is_none());
            if let Some(nonce) = self.token_nonce.filter(|nonce| claims["nonce"] != **nonce) {
                let head = format!("400 Bad Request\r\ndpop-nonce: {nonce}");
                return self.refuse(
                    &head,
                    "use_dpop_nonce",
                    "Authorization server requires nonce in DPoP proof.",
                );
            }
        }
        let asked = field("scope");
        let mut scopes: Vec<&str> = asked.split(' ').collect();
        if let Some(allowed) = &self.allowed {
            if !self.ignores_others && scopes.iter().any(|scope| !allowed.contains(scope)) {
                let text = "One or more scopes are not configured for the client.";
                return self.refuse("400 Bad Request", "invalid_scope", text);
            }
            scopes.retain(|scope| allowed.contains(scope));
        }
        let token = format!("token-{}", self.tokens.len());
        self.tokens.push(token.clone());
        let token_type = if self.wants_proof { "DPoP" } else { "Bearer" };
        let body = json!({
            "token_type": token_type, "expires_in": self.lifetime, "access_token": token, "scope": scopes.join(" "),
        });
        self.answer("200 OK", &body)
    }

    fn api(&mut self, request: &Seen) -> String {
        self.api_requests += 1;
        let newest = self.tokens.last().expect("a token was granted");
        let scheme = if self.wants_proof { "DPoP" } else { "Bearer" };
        let authorization = request.header("authorization").expect("the call is signed");
        let (given_scheme, token) = authorization.split_once(' ').unwrap();
        assert_eq!(given_scheme, scheme);
        assert!(self.tokens.iter().any(|granted| granted == token), "no token of ours: {token}");
        let is_newest = token == newest.as_str();
        if self.wants_proof {
            let claims = self.check_proof(&request.header("dpop").unwrap(), "GET", "/list");
            let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()).as_ref());
            assert_eq!(claims["ath"], hash);
            if let Some(nonce) = self.api_nonce.filter(|nonce| claims["nonce"] != **nonce) {
                return self.answer(&format!("401 Unauthorized\r\ndpop-nonce: {nonce}"), &json!({}));
            }
        } else {
            assert_eq!(request.header("dpop"), None);
        }
        if self.unauthorized > 0 || !is_newest {
            self.unauthorized = self.unauthorized.saturating_sub(1);
            return self.answer("401 Unauthorized", &json!({}));
        }
        self.answer("200 OK", &json!([1]))
    }

    /// Checks everything but the nonce and the hash of the token.
    fn check_proof(&mut self, proof: &str, method: &str, path: &str) -> Value {
        self.proofs += 1;
        let (header, claims) = opened(proof);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        let jwk = &header["jwk"];
        assert_eq!((&jwk["kty"], &jwk["crv"]), (&json!("EC"), &json!("P-256")));
        assert!(jwk.get("d").is_none(), "the private key is sent");
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            point.extend(URL_SAFE_NO_PAD.decode(jwk[coordinate].as_str().unwrap()).unwrap());
        }
        self.key_ids.insert(jwk.to_string());
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed_part(proof), &signature(proof))
            .unwrap();
        assert_eq!(claims["htm"], method);
        assert_eq!(claims["htu"], format!("{}{path}", self.url));
        let age = claims["iat"].as_i64().unwrap() - self.clock.now().millis() / 1000;
        assert!(age.abs() <= 60, "a proof of another time");
        let id = claims["jti"].as_str().unwrap().to_owned();
        assert!(self.used_ids.insert(id), "a proof is sent twice");
        claims
    }
}

fn http_date(now: Time) -> String {
    // Only minutes of one day are ever needed.
    let secs = now.millis() / 1000 - START;
    assert!((0..86_400).contains(&secs));
    let (hours, minutes) = (secs / 3600, secs / 60 % 60);
    format!("date: Thu, 01 Jan 2026 {hours:02}:{minutes:02}:{:02} GMT\r\n", secs % 60)
}

/// Header and claims of a signed token.
fn opened(token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (json(parts[0]), json(parts[1]))
}

fn signed_part(token: &str) -> &[u8] {
    token.rsplit_once('.').unwrap().0.as_bytes()
}

fn signature(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.rsplit_once('.').unwrap().1).unwrap()
}

/// A request as it arrived.
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<String> {
        let mut values = self.head.lines().filter_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is sent twice");
        value
    }
}

pub(crate) async fn read(stream: &mut tokio::net::TcpStream) -> Seen {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ").map(|value| value.parse().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                let mut words = head.split(' ');
                let method = words.next().unwrap().to_owned();
                let path = words.next().unwrap().split('?').next().unwrap().to_owned();
                return Seen { method, path, head: head.to_owned(), body: body.to_owned() };
            }
        }
        let mut buffer = [0; 8192];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "a request is cut off");
        bytes.extend_from_slice(&buffer[..count]);
    }
}
