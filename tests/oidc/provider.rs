//! A small OpenID Connect provider on this machine, and a browser: neither knows the code under test.
//!
//! Keys are made when it starts, tokens are signed with `ring`, and it checks what a provider has to check: the client
//! secret, the redirect address, and the proof of PKCE.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{digest, hmac};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::{byte_serialize, parse};

use crate::layering::root;

pub(crate) const CLIENT_ID: &str = "sightline-client";
/// With what has to be escaped on the way.
pub(crate) const CLIENT_SECRET: &str = "kept:by/both+sides=%7E";

/// What the provider does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    None,
    WrongNonce,
    NoNonce,
    WrongAudience,
    SecondAudience,
    WrongIssuer,
    Expired,
    FromTheFuture,
    /// Signed with another key that claims to be the one.
    OtherKey,
    /// Signed properly, and changed afterwards.
    Changed,
    AlgNone,
    /// Signed with the client secret.
    Hmac,
    /// Signed with a key that is not published.
    UnknownKey,
    NoIdToken,
    NotJson,
    RefusesCode,
    RefusesClient,
    Huge,
    BrokenServer,
    RedirectsToken,
}

/// A key that signs.
pub(crate) enum Key {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>, Value),
}

impl Key {
    pub(crate) fn ec() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap())
    }

    /// `ring` makes no RSA keys: one that OpenSSL has made for other tests.
    pub(crate) fn rsa() -> Self {
        let read =
            |name: &str| std::fs::read_to_string(root().join("crates/http/testdata").join(name)).unwrap();
        let pem = read("rsa2048.pkcs8.pem");
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
        let jwk: Value = serde_json::from_str(&read("rsa2048.jwk.json")).unwrap();
        Self::Rsa(Box::new(key), json!({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}))
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Ec(_) => "ES256",
            Self::Rsa(..) => "RS256",
        }
    }

    fn jwk(&self, id: &str) -> Value {
        let mut jwk = match self {
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..65])})
            }
            Self::Rsa(_, jwk) => jwk.clone(),
        };
        jwk["kid"] = id.into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.alg().into();
        jwk
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Rsa(key, _) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// What a browser asked with, until its code is exchanged.
struct Asked {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

pub(crate) struct State {
    pub(crate) twist: Twist,
    /// Who is signed in at the provider: the claims.
    pub(crate) person: Value,
    /// Claims that only the endpoint for them tells.
    pub(crate) user_info: Value,
    /// What replaces or adds to what the provider says about itself.
    pub(crate) metadata: Value,
    /// With which error browsers are sent back.
    pub(crate) error: Option<(&'static str, &'static str)>,
    pub(crate) key: Key,
    pub(crate) key_id: String,
    asked: BTreeMap<String, Asked>,
    /// Codes, tokens and proofs, none of which anybody else is to see.
    pub(crate) secrets: Vec<String>,
    /// Paths that were called.
    pub(crate) called: Vec<String>,
    counter: u32,
}

/// A provider that runs until the test ends.
pub(crate) struct Provider {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Provider {
    pub(crate) fn start(key: Key) -> Self {
        Self::start_at(0, key)
    }

    pub(crate) fn start_at(port: u16, key: Key) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            twist: Twist::None,
            person: person("u1", "ann@acme.example", true),
            user_info: json!({}),
            metadata: json!({}),
            error: None,
            key,
            key_id: "key 1".to_owned(),
            asked: BTreeMap::new(),
            secrets: Vec::new(),
            called: Vec::new(),
            counter: 0,
        }));
        let (shared, issuer) = (state.clone(), url.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (shared, issuer) = (shared.clone(), issuer.clone());
                thread::spawn(move || answer(&stream, &issuer, &shared));
            }
        });
        Self { url, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Who signs in there from now on.
    pub(crate) fn person(&self, person: Value) {
        self.state().person = person;
    }

    pub(crate) fn twist(&self, twist: Twist) {
        self.state().twist = twist;
    }
}

pub(crate) fn person(subject: &str, email: &str, verified: bool) -> Value {
    json!({"sub": subject, "email": email, "email_verified": verified, "name": "admin", "preferred_username": "admin"})
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn answer(mut stream: &TcpStream, issuer: &str, shared: &Mutex<State>) {
    let Some(request) = Request::read(stream) else { return };
    let url = Url::parse(issuer).unwrap().join(&request.path).unwrap();
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let mut state = shared.lock().unwrap();
    state.called.push(url.path().to_owned());
    let (status, location, body) = match url.path() {
        "/.well-known/openid-configuration" => {
            let mut metadata = json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                // It says that it would sign with nothing: nobody has to believe that.
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none", "made up"],
            });
            for (name, value) in state.metadata.as_object().unwrap() {
                metadata[name] = value.clone();
            }
            (200, None, metadata.to_string())
        }
        // Others publish kinds of keys that are not known here.
        "/jwks" => {
            let keys = json!({"keys": [{"kty": "made up", "kid": "x"}, state.key.jwk(&state.key_id)]});
            (200, None, keys.to_string())
        }
        "/authorize" => (302, Some(state.authorize(&query)), String::new()),
        "/token" => state.token(issuer, &request),
        "/userinfo" => {
            let bearer = request.headers.get("authorization").cloned().unwrap_or_default();
            let token = bearer.strip_prefix("Bearer ").unwrap_or_default().to_owned();
            assert!(state.secrets.contains(&token), "a token of nobody");
            let mut claims = state.user_info.clone();
            if claims["sub"].is_null() {
                claims["sub"] = state.person["sub"].clone();
            }
            (200, None, claims.to_string())
        }
        _ => (404, None, "{}".to_owned()),
    };
    drop(state);
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let location = location.map(|to| format!("location: {to}\r\n")).unwrap_or_default();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
        .unwrap();
    let head = format!(
        "HTTP/1.1 {status} X\r\n{location}date: {date}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Whoever has asked may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

impl State {
    fn fresh(&mut self, what: &str) -> String {
        self.counter += 1;
        let value = format!("{what}-{}-{:016x}", self.counter, fastrand::u64(..));
        self.secrets.push(value.clone());
        value
    }

    /// Where a browser is sent back to.
    fn authorize(&mut self, query: &BTreeMap<String, String>) -> String {
        let get = |name: &str| query.get(name).cloned().unwrap_or_default();
        assert_eq!(get("client_id"), CLIENT_ID);
        assert_eq!((get("response_type"), get("code_challenge_method")), ("code".into(), "S256".into()));
        assert!(get("scope").split(' ').filter(|scope| *scope == "openid").count() == 1, "{query:?}");
        let (state, nonce) = (get("state"), get("nonce"));
        assert!(state.len() >= 32 && nonce.len() >= 32, "{query:?}");
        let mut back = Url::parse(&get("redirect_uri")).unwrap();
        back.query_pairs_mut().append_pair("state", &state);
        if let Some((code, description)) = self.error {
            back.query_pairs_mut().append_pair("error", code).append_pair("error_description", description);
            return back.into();
        }
        let code = self.fresh("code");
        back.query_pairs_mut().append_pair("code", &code);
        self.secrets.extend([state, nonce.clone()]);
        let asked = Asked { nonce, challenge: get("code_challenge"), redirect_uri: get("redirect_uri") };
        self.asked.insert(code, asked);
        back.into()
    }

    fn token(&mut self, issuer: &str, request: &Request) -> (u16, Option<String>, String) {
        let form: BTreeMap<String, String> = parse(&request.body).into_owned().collect();
        let get = |name: &str| form.get(name).cloned().unwrap_or_default();
        let escaped = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", escaped(CLIENT_ID), escaped(CLIENT_SECRET)));
        let refusal =
            |code: &str| (400, None, json!({ "error": code, "error_description": "why" }).to_string());
        match self.twist {
            Twist::RefusesClient => return (401, None, json!({ "error": "invalid_client" }).to_string()),
            Twist::RefusesCode => return refusal("invalid_grant"),
            Twist::NotJson => return (200, None, "<html>".to_owned()),
            Twist::Huge => return (200, None, format!("\"{}\"", "a".repeat(1 << 20))),
            Twist::BrokenServer => return (503, None, String::new()),
            Twist::RedirectsToken => return (307, Some(format!("{issuer}/elsewhere")), String::new()),
            _ => {}
        }
        if request.headers.get("authorization") != Some(&format!("Basic {basic}")) {
            return (401, None, json!({ "error": "invalid_client" }).to_string());
        }
        // A code is good for one use.
        let Some(asked) = self.asked.remove(&get("code")) else { return refusal("invalid_grant") };
        let verifier = get("code_verifier");
        let proof = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        if proof != asked.challenge || get("redirect_uri") != asked.redirect_uri || verifier.len() < 43 {
            return refusal("invalid_grant");
        }
        self.secrets.push(verifier);
        let access_token = self.fresh("access");
        let mut answer = json!({"access_token": access_token, "token_type": "Bearer", "expires_in": 300});
        if self.twist != Twist::NoIdToken {
            let token = self.id_token(issuer, &asked.nonce);
            self.secrets.push(token.clone());
            answer["id_token"] = token.into();
        }
        (200, None, answer.to_string())
    }

    fn id_token(&self, issuer: &str, nonce: &str) -> String {
        let mut claims = self.person.clone();
        claims["iss"] = issuer.into();
        claims["aud"] = CLIENT_ID.into();
        claims["iat"] = now().into();
        claims["exp"] = (now() + 300).into();
        claims["nonce"] = nonce.into();
        let mut header = json!({"alg": self.key.alg(), "kid": self.key_id, "typ": "JWT"});
        match self.twist {
            Twist::WrongNonce => claims["nonce"] = "a nonce of another sign-in".into(),
            Twist::NoNonce => drop(claims.as_object_mut().unwrap().remove("nonce")),
            Twist::WrongAudience => claims["aud"] = "another application".into(),
            Twist::SecondAudience => claims["aud"] = json!([CLIENT_ID, "another application"]),
            Twist::WrongIssuer => claims["iss"] = "https://evil.example".into(),
            Twist::Expired => claims["exp"] = (now() - 1).into(),
            Twist::FromTheFuture => claims["iat"] = (now() + 3600).into(),
            Twist::AlgNone => header = json!({"alg": "none", "typ": "JWT"}),
            Twist::Hmac => header["alg"] = "HS256".into(),
            Twist::UnknownKey => header["kid"] = "not published".into(),
            _ => {}
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = match self.twist {
            Twist::AlgNone => Vec::new(),
            Twist::Hmac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            Twist::OtherKey => Key::ec().sign(signed.as_bytes()),
            _ => self.key.sign(signed.as_bytes()),
        };
        let signed = if self.twist == Twist::Changed {
            claims["sub"] = "somebody else".into();
            format!("{}.{}", part(&header), part(&claims))
        } else {
            signed
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

struct Request {
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let mut reader = BufReader::new(stream);
        let first = line(&mut reader)?;
        let path = first.split(' ').nth(1)?.to_owned();
        let headers = headers(&mut reader)?;
        let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self { path, headers: headers.into_iter().collect(), body })
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut text = String::new();
    (reader.read_line(&mut text).ok()? > 0).then(|| text.trim_end().to_owned())
}

/// Of headers that come several times, all values with a line break between them.
fn headers(reader: &mut impl BufRead) -> Option<BTreeMap<String, String>> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let text = line(reader)?;
        let Some((name, value)) = text.split_once(':') else { return Some(found) };
        let value = value.trim();
        found
            .entry(name.to_ascii_lowercase())
            .and_modify(|known| {
                known.push('\n');
                known.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Page {
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        assert!((300..400).contains(&self.status), "{self:?}");
        &self.headers["location"]
    }
}

/// A browser, as far as cookies go: those of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Asks for an address; follows nothing.
    pub(crate) fn get(&mut self, url: &str) -> Page {
        self.ask("GET", url, "")
    }

    pub(crate) fn post(&mut self, url: &str, form: &str) -> Page {
        self.ask("POST", url, form)
    }

    fn ask(&mut self, method: &str, url: &str, form: &str) -> Page {
        let url = Url::parse(url).unwrap();
        let authority = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
        let mut path = url.path().to_owned();
        if let Some(query) = url.query() {
            path = format!("{path}?{query}");
        }
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("cookie: {}\r\n", cookies.join("; ")) };
        let length = form.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {authority}\r\n{cookies}content-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{form}"
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let status = line(&mut reader).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = headers(&mut reader).unwrap();
        let mut body = String::new();
        reader.read_to_string(&mut body).unwrap();
        for cookie in headers.get("set-cookie").map(|all| all.lines()).into_iter().flatten() {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status, headers, body }
    }
}
