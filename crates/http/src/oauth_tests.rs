//! Access tokens as a client gets, uses, renews and replaces them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sightline_core::budget::{Answer, Budget, Call, Permit};
use sightline_core::{Context, Error, ErrorKind, Result, Secret, Time};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::exact_server::{START, Server, SetClock, read};
use crate::{
    Address, Auth, Client, Cursor, OAuth, OAuthSettings, Page, Refusal, Request, name_token_refusal,
};

const KEY: &str = include_str!("../testdata/rsa2048.pkcs8.pem");

/// Counts calls by template; one of them may have the only place until it is dropped.
#[derive(Debug)]
struct OnePlace {
    place: Arc<Semaphore>,
    calls: Mutex<Vec<Call>>,
}

#[async_trait]
impl Budget for OnePlace {
    async fn acquire(&self, call: Call) -> Permit {
        let place = self.place.clone().acquire_owned().await.unwrap();
        self.calls.lock().unwrap().push(call);
        Permit::holding(place)
    }
    fn observe(&self, _: Call, answer: Answer) -> Time {
        answer.rate_limit.map(|limit| limit.reset).unwrap_or_default()
    }
}

struct Scene {
    client: Client,
    server: Arc<Mutex<Server>>,
    clock: Arc<SetClock>,
    budget: Arc<OnePlace>,
}

fn name_refusal(refusal: &Refusal<'_>) -> Error {
    let kind = match refusal.status {
        401 => ErrorKind::Auth,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Rejected,
    };
    Error::new(kind, format!("status {}", refusal.status))
}

fn oauth(scopes: &[&str]) -> OAuthSettings {
    OAuthSettings {
        token_path: "/oauth2/v1/token",
        bucket: "token",
        client_id: "client-1".into(),
        key: Secret::new(KEY),
        key_id: Some("my-key".into()),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        start_with_proof: false,
        name_refusal: name_token_refusal,
    }
}

async fn scene(server: Server) -> Scene {
    scene_with(server, oauth(&["users.read", "apps.read"])).await
}

/// A client of this server, with a clock of its own that shows the same time.
async fn scene_with(server: Server, settings: OAuthSettings) -> Scene {
    let budget = Arc::new(OnePlace { place: Arc::new(Semaphore::new(1)), calls: Mutex::default() });
    scene_within(server, settings, budget.clone(), budget).await
}

async fn scene_within(
    mut server: Server,
    settings: OAuthSettings,
    seen: Arc<OnePlace>,
    budget: Arc<dyn Budget>,
) -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    server.url = format!("http://{}", listener.local_addr().unwrap());
    let address = Address::new(&server.url, true).unwrap();
    let clock = SetClock::at(server.clock.0.load(Ordering::SeqCst));
    let server = Arc::new(Mutex::new(server));
    let serving = server.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let serving = serving.clone();
            tokio::spawn(async move {
                let request = read(&mut stream).await;
                // A failed check poisons the lock, which the test sees.
                let answer = serving.lock().unwrap().handle(&request);
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    let cx = Context { allow_loopback_http: true, clock: clock.clone(), budget, extra_roots_pem: Vec::new() };
    let auth = Auth::OAuth(Arc::new(OAuth::new(settings).unwrap()));
    let client = Client::new(address, auth, &cx, name_refusal).unwrap();
    Scene { client, server, clock, budget: seen }
}

impl Scene {
    async fn get(&self) -> Result<Page> {
        get(&self.client).await
    }

    /// Token requests and calls of the API that the server has seen.
    fn requests(&self) -> (u32, u32) {
        let server = self.server.lock().unwrap();
        (server.token_requests, server.api_requests)
    }
}

async fn get(client: &Client) -> Result<Page> {
    let query = [("limit", "2".to_owned())];
    let cursor = Cursor::default();
    let request = Request {
        template: "/list",
        bucket: "lists",
        path: "/list",
        query: &query,
        cursor: &cursor,
        signed: true,
        shrinkable: false,
    };
    client.get(&request).await
}

#[tokio::test]
async fn one_token_serves_many_calls_and_goes_through_the_budget() {
    let scene = scene(Server::new()).await;
    for _ in 0..3 {
        assert_eq!(scene.get().await.unwrap().body, b"[1]");
    }
    assert_eq!(scene.requests(), (1, 3));
    let calls: Vec<&str> = scene.budget.calls.lock().unwrap().iter().map(|call| call.bucket).collect();
    assert_eq!(calls, ["token", "lists", "lists", "lists"]);
}

#[tokio::test]
async fn twenty_calls_at_once_ask_for_one_token_and_share_its_refusal() {
    let together = async |scene: &Scene| {
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let client = scene.client.clone();
                tokio::spawn(async move { get(&client).await })
            })
            .collect();
        let mut results = Vec::new();
        for call in calls {
            results.push(call.await.unwrap());
        }
        results
    };
    let granted = scene(Server::new()).await;
    assert!(together(&granted).await.iter().all(Result::is_ok));
    assert_eq!(granted.requests(), (1, 20));

    let mut server = Server::new();
    let refusal = server.refuse("401 Unauthorized", "invalid_client", "The client is inactive.");
    server.first = vec![refusal; 20].into();
    let refused = scene(server).await;
    let results = together(&refused).await;
    assert!(results.iter().all(|result| *result.as_ref().unwrap_err().kind() == ErrorKind::Auth));
    assert_eq!(refused.requests(), (1, 0));
}

tokio::task_local! {
    /// A place that was set aside for the first call of a task.
    static SET_ASIDE: RefCell<Option<OwnedSemaphorePermit>>;
}

/// A budget that sets places aside for lists, and takes away for good the first one that is given back.
#[derive(Debug)]
struct Shrinking {
    places: Arc<Semaphore>,
    shrunk: Mutex<bool>,
}

#[async_trait]
impl Budget for Shrinking {
    async fn acquire(&self, call: Call) -> Permit {
        match SET_ASIDE.try_with(RefCell::take).ok().flatten() {
            Some(place) if call.bucket == "lists" => return Permit::holding(place),
            Some(place) if !std::mem::replace(&mut *self.shrunk.lock().unwrap(), true) => place.forget(),
            _ => {}
        }
        Permit::holding(self.places.clone().acquire_owned().await.unwrap())
    }
    fn observe(&self, _: Call, _: Answer) -> Time {
        Time::default()
    }
}

#[tokio::test]
async fn who_waits_for_a_token_does_not_keep_the_place_that_its_call_needs() {
    let places = Arc::new(Semaphore::new(2));
    let seen = Arc::new(OnePlace { place: Arc::new(Semaphore::new(1)), calls: Mutex::default() });
    let budget = Arc::new(Shrinking { places: places.clone(), shrunk: Mutex::new(false) });
    let scene = scene_within(Server::new(), oauth(&["users.read"]), seen, budget).await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        let place = RefCell::new(places.clone().try_acquire_owned().ok());
        calls.push(SET_ASIDE.scope(place, scene.get()));
    }
    let both = async { tokio::join!(calls.remove(0), calls.remove(0)) };
    let (first, second) =
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("they wait for each other");
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(scene.requests(), (1, 2));
}

#[tokio::test]
async fn proofs_begin_when_the_server_asks_for_them_and_carry_its_nonce() {
    let mut server = Server::new();
    (server.wants_proof, server.token_nonce, server.api_nonce) = (true, Some("nonce-1"), Some("nonce-2"));
    let scene = scene(server).await;
    scene.get().await.unwrap();
    // Without a proof, without its nonce, granted; without the nonce of the API, answered.
    assert_eq!(scene.requests(), (3, 2));
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (3, 3));
    // The server changes its mind.
    scene.server.lock().unwrap().api_nonce = Some("nonce-3");
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (3, 5));
    let server = scene.server.lock().unwrap();
    assert_eq!((server.key_ids.len(), server.proofs), (1, 2 + 5));
}

#[tokio::test]
async fn proofs_may_begin_at_once() {
    let mut server = Server::new();
    server.wants_proof = true;
    let settings = OAuthSettings { start_with_proof: true, ..oauth(&["users.read"]) };
    let scene = scene_with(server, settings).await;
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (1, 1));
}

#[tokio::test]
async fn a_nonce_that_is_never_right_is_given_up() {
    let mut server = Server::new();
    server.wants_proof = true;
    let head = "400 Bad Request\r\ndpop-nonce: n";
    server.first = vec![server.refuse(head, "use_dpop_nonce", ""); 9].into();
    let scene = scene(server).await;
    assert_eq!(*scene.get().await.unwrap_err().kind(), ErrorKind::Auth);
    assert_eq!(scene.requests(), (3, 0));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let mut server = Server::new();
    server.unauthorized = 1;
    let scene = scene(server).await;
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (2, 2));
    scene.server.lock().unwrap().unauthorized = 2;
    assert_eq!(*scene.get().await.unwrap_err().kind(), ErrorKind::Auth);
    assert_eq!(scene.requests(), (3, 4));
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (3, 5));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_used_while_that_fails() {
    let scene = scene(Server::new()).await;
    scene.get().await.unwrap();
    let forward = |secs| {
        scene.clock.forward(secs);
        scene.server.lock().unwrap().clock.forward(secs);
    };
    forward(49 * 60);
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (1, 2));
    forward(2 * 60);
    {
        let mut server = scene.server.lock().unwrap();
        let redirect = server.answer("302 Found\r\nlocation: https://evil.example/", &json!({}));
        server.first.push_back(redirect);
    }
    scene.get().await.unwrap();
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (2, 4), "not asked again at once");
    forward(61);
    scene.get().await.unwrap();
    assert_eq!(scene.requests(), (3, 5));
    assert_eq!(scene.server.lock().unwrap().tokens.len(), 2);
}

#[tokio::test]
async fn a_token_that_lives_shortly_is_used_for_most_of_its_life() {
    let mut server = Server::new();
    server.lifetime = 100;
    let scene = scene(server).await;
    for (forward, tokens) in [(0, 1), (75, 1), (10, 2), (1000, 3)] {
        scene.clock.forward(forward);
        scene.server.lock().unwrap().clock.forward(forward);
        scene.get().await.unwrap();
        assert_eq!(scene.requests().0, tokens, "after {forward} s");
    }
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_by_the_server_and_shown() {
    for (off, wants_proof) in [(-3000, false), (7200, true)] {
        let mut server = Server::new();
        server.clock = SetClock::at(START + 10_000);
        server.wants_proof = wants_proof;
        let scene = scene(server).await;
        assert_eq!(scene.client.clock_skew(), None);
        scene.clock.forward(off);
        scene.get().await.unwrap();
        assert_eq!(scene.client.clock_skew(), Some(off));
        assert_eq!(scene.requests(), (if wants_proof { 3 } else { 2 }, 1));
    }
}

#[tokio::test]
async fn a_wrong_clock_that_the_server_does_not_correct_is_no_reason_to_go_on() {
    let mut server = Server::new();
    server.tells_time = false;
    let scene = scene(server).await;
    scene.clock.forward(7200);
    let error = scene.get().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert_eq!(error.hint_text(), Some("check this machine's clock"));
    assert_eq!(scene.requests(), (1, 0));
}

#[tokio::test]
async fn scopes_that_are_not_granted_are_left_out_and_remembered() {
    let wanted = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let set = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<BTreeSet<_>>();
    for granted in [&["a", "b", "c", "d", "e", "g", "h"][..], &["c"], &["a", "c", "e", "g"]] {
        let mut server = Server::new();
        server.allowed = Some(granted.iter().copied().collect());
        server.lifetime = 100;
        let scene = scene_with(server, oauth(&wanted)).await;
        assert_eq!(scene.client.granted_scopes().await.unwrap(), Some(set(granted)));
        let (requests, _) = scene.requests();
        assert!(requests <= 1 + 2 * 3 + 8 + 1, "{requests} requests");
        scene.get().await.unwrap();
        scene.clock.forward(200);
        scene.server.lock().unwrap().clock.forward(200);
        assert_eq!(scene.client.granted_scopes().await.unwrap(), Some(set(granted)));
        assert_eq!(scene.requests().0, requests + 1, "what is granted is known by now");
    }
}

#[tokio::test]
async fn scopes_that_a_server_ignores_are_seen_in_its_answer() {
    let mut server = Server::new();
    server.allowed = Some(BTreeSet::from(["b"]));
    server.ignores_others = true;
    let scene = scene_with(server, oauth(&["a", "b"])).await;
    assert_eq!(scene.client.granted_scopes().await.unwrap(), Some(BTreeSet::from(["b".to_owned()])));
    assert_eq!(scene.requests(), (1, 0));
}

#[tokio::test]
async fn no_scope_at_all_is_an_error() {
    let mut server = Server::new();
    server.allowed = Some(BTreeSet::new());
    let scene = scene(server).await;
    let error = scene.get().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("invalid_scope: One or more scopes"), "{error}");
}

#[tokio::test]
async fn a_token_endpoint_that_fails_for_a_while_is_asked_again_with_a_new_assertion() {
    let mut server = Server::new();
    server.first.push_back(server.answer("503 Busy", &json!({})));
    server.first.push_back("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 50\r\n\r\n{\"acc".into());
    let scene = scene(server).await;
    scene.get().await.unwrap();
    // The server itself refuses an assertion that it has seen.
    assert_eq!(scene.requests(), (3, 1));
}

#[tokio::test]
async fn what_a_token_endpoint_answers_instead_is_named_and_nothing_is_shown() {
    let server = Server::new();
    let refuse = |head: &str, error: &str, text: &str| server.refuse(head, error, text);
    let limit = "429 Too Many\r\nx-rate-limit-limit: 10\r\nx-rate-limit-remaining: 0\r\nx-rate-limit-reset: 1767225660";
    let until = Time::from_secs(1_767_225_660);
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.AAAA";
    let grant =
        |kind: &str, token: &str| json!({ "token_type": kind, "access_token": token, "expires_in": 3600 });
    let cases = [
        (
            refuse("401 X", "invalid_client", &format!("Bad {jwt} here")),
            ErrorKind::Auth,
            "invalid_client: Bad … here",
        ),
        (refuse("401 X", "invalid_client", &"word ".repeat(99)), ErrorKind::Auth, "word"),
        (refuse("400 X", "unsupported_grant_type", ""), ErrorKind::Config, "unsupported_grant_type"),
        (server.answer("404 Not Found", &json!({})), ErrorKind::Config, "no token endpoint"),
        (server.answer("403 Forbidden", &json!({})), ErrorKind::Auth, "HTTP 403"),
        (server.answer(limit, &json!({})), ErrorKind::RateLimited { until }, "token is used up"),
        (
            server.answer("302 Found\r\nlocation: https://evil.example/", &json!({})),
            ErrorKind::Protocol,
            "redirects",
        ),
        (server.answer("200 OK\r\ncontent-type: text/html", &json!({})), ErrorKind::Protocol, "web page"),
        (
            server.answer("200 OK", &json!({ "access_token": ["s3cret"] })),
            ErrorKind::Protocol,
            "not understood",
        ),
        (server.answer("200 OK", &grant("mac", "s3cret")), ErrorKind::Protocol, "type"),
        (server.answer("200 OK", &grant("DPoP", "s3cret")), ErrorKind::Protocol, "type"),
        (server.answer("200 OK", &grant("Bearer", "s3\ncret")), ErrorKind::Auth, "characters"),
    ];
    for (answer, kind, text) in cases {
        let mut server = Server::new();
        server.first.push_back(answer);
        let scene = scene(server).await;
        let error = scene.get().await.unwrap_err();
        assert_eq!(*error.kind(), kind, "{error}");
        assert!(error.message().contains(text), "{text}: {error}");
        assert!(error.message().len() < 300, "{error}");
        let shown = format!("{error:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("eyJ"), "{shown}");
        assert_eq!(scene.requests(), (1, 0));
    }
}

#[tokio::test]
async fn nothing_secret_is_shown_in_debug_output() {
    let scene = scene(Server::new()).await;
    scene.get().await.unwrap();
    let settings = oauth(&["users.read"]);
    let shown = format!("{:?} {settings:?} {:?}", scene.client, OAuth::new(oauth(&["x"])).unwrap());
    assert!(shown.contains("client-1"));
    let body: String = KEY.lines().filter(|line| !line.starts_with('-')).take(1).collect();
    assert!(!shown.contains("token-0") && !shown.contains(&body[..20]), "{shown}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for settings in [
        OAuthSettings { client_id: " ".into(), ..oauth(&["a"]) },
        OAuthSettings { key: Secret::new("x"), ..oauth(&["a"]) },
        oauth(&[]),
    ] {
        assert_eq!(*OAuth::new(settings).unwrap_err().kind(), ErrorKind::Config);
    }
}
