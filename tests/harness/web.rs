//! The web application as a process, and requests to it that say exactly what a test wants them to say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Home, Output, Running, Sim};

/// The password of every user of these tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Starting includes checking the store.
const START: Duration = Duration::from_mins(1);
/// No answer has a reason to take longer.
const ANSWER: Duration = Duration::from_secs(30);
const SESSION: &str = "sightline_session";

/// A running web application with a data directory of its own.
pub(crate) struct Web {
    /// Such as `http://127.0.0.1:7733`.
    pub(crate) base: String,
    pub(crate) address: SocketAddr,
    /// The path of the link with which the first administrator is made, where there is none yet.
    pub(crate) set_up: Option<String>,
    /// Tests that share a server never wait for what it says.
    serve: Mutex<Running>,
    pub(crate) home: Home,
}

impl Web {
    /// Serves what is in a home; companies on this machine may be connected.
    #[track_caller]
    pub(crate) fn start(home: Home) -> Self {
        Self::start_with(home, &["--allow-loopback-http"])
    }

    #[track_caller]
    pub(crate) fn start_with(home: Home, flags: &[&str]) -> Self {
        let is_new = !home.data().exists()
            || home.run(&["user", "list", "--json"]).json().as_array().is_some_and(Vec::is_empty);
        let mut serve = home.start(&[&["serve"], flags].concat());
        let Some(said) = serve.wait_to_print("Serving ", START) else { panic!("{:?}", serve.end()) };
        let base = said.rsplit_once(" at ").unwrap().1.to_owned();
        let address = base.rsplit_once('/').unwrap().1.parse().unwrap();
        let set_up = is_new.then(|| {
            let link = serve.wait_to_print("/welcome/", START).unwrap();
            link.strip_prefix(&base).unwrap().to_owned()
        });
        Self { base, address, set_up, serve: Mutex::new(serve), home }
    }

    /// A company that was read, and one user of each role, named after it.
    #[track_caller]
    pub(crate) fn with_users(home: Home) -> Self {
        for role in ["admin", "auditor", "viewer"] {
            home.add_user(role, role);
        }
        Self::start(home)
    }

    /// The same of a company, connected and read.
    #[track_caller]
    pub(crate) fn of(sim: &Sim) -> Self {
        Self::with_users(Home::synced_with(sim))
    }

    /// Stops it as a service manager does, and gives what it said and where.
    #[track_caller]
    pub(crate) fn stop(self) -> (Output, Home) {
        let mut serve = self.serve.into_inner().unwrap();
        serve.child.terminate();
        (serve.end().ok(), self.home)
    }

    /// Sends a request and reads the answer.
    #[track_caller]
    pub(crate) fn send(&self, ask: &Ask) -> Reply {
        let mut stream = self.connect();
        // A server that refuses a request need not read all of it.
        let _ = stream.write_all(&ask.bytes(&self.address.to_string()));
        Reply::read(&mut stream).unwrap_or_else(|why| panic!("{} {}: {why}", ask.method, ask.path))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(&Ask::get(path))
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        stream
    }

    /// Signs in with a password that must be right.
    #[track_caller]
    pub(crate) fn sign_in(&self, name: &str) -> Session {
        let reply = self.try_to_sign_in(name, PASSWORD);
        assert_eq!(reply.status, 303, "{reply:?}");
        Session::of(self, &reply)
    }

    /// Reads a data source, and waits for the snapshot.
    #[track_caller]
    pub(crate) fn sync(&self, admin: &Session, source: u64) {
        self.wait_while_busy(admin, source);
        self.send(&admin.call("POST", &format!("/api/v1/sources/{source}/sync"))).is(202);
        self.wait_while_busy(admin, source);
    }

    /// Waits until a data source is not being read.
    #[track_caller]
    pub(crate) fn wait_while_busy(&self, admin: &Session, source: u64) {
        let until = Instant::now() + START;
        loop {
            let now = self.send(&admin.get(&format!("/api/v1/sources/{source}"))).is(200).json();
            if now["state"] != "syncing" && now["state"] != "queued" {
                return;
            }
            assert!(Instant::now() < until, "{now}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    pub(crate) fn try_to_sign_in(&self, name: &str, password: &str) -> Reply {
        self.send(&Ask::post("/sign-in").form(&[("name", name), ("password", password)]))
    }
}

impl Home {
    /// Adds a user with the password that all have.
    #[track_caller]
    pub(crate) fn add_user(&self, name: &str, role: &str) {
        self.run_with(&["user", "add", name, "--role", role, "--password-file", "-"], PASSWORD).ok();
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) secret: String,
    pub(crate) csrf: String,
}

impl Session {
    /// The session that an answer has begun.
    #[track_caller]
    pub(crate) fn of(web: &Web, reply: &Reply) -> Self {
        let secret = reply.session().unwrap_or_else(|| panic!("no session was begun: {reply:?}"));
        let mut session = Self { secret, csrf: String::new() };
        let page = web.send(&session.get("/settings/profile"));
        assert_eq!(page.status, 200, "{page:?}");
        page.csrf().unwrap().clone_into(&mut session.csrf);
        session
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.on(Ask::get(path))
    }

    /// A form of a page, with the token that it carries.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Ask {
        let fields = [&[("csrf", self.csrf.as_str())], fields].concat();
        self.on(Ask::post(path).form(&fields))
    }

    /// What a script of a page sends to the API.
    pub(crate) fn call(&self, method: &str, path: &str) -> Ask {
        self.on(Ask::new(method, path)).header("x-csrf-token", &self.csrf)
    }

    /// A request with the cookie of this session, and nothing else of it.
    pub(crate) fn on(&self, ask: Ask) -> Ask {
        ask.header("cookie", &format!("{SESSION}={}", self.secret))
    }

    #[track_caller]
    pub(crate) fn is_known(&self, web: &Web) -> bool {
        match web.send(&self.get("/api/v1/sources")).status {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// With a header; one of the same name stays beside it.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an API token.
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let pairs = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        self.body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !has("host") {
            head.push_str(&format!("host: {host}\r\n"));
        }
        if !has("content-length") && !has("transfer-encoding") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("connection: close\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// A text as a part of a form or of an address.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// Reads an answer up to the end of the connection.
    pub(crate) fn read(stream: &mut impl Read) -> Result<Self, String> {
        let mut bytes = Vec::new();
        // Who is refused in the middle of a request may be told with a reset after the answer.
        if let Err(error) = stream.read_to_end(&mut bytes)
            && bytes.is_empty()
        {
            return Err(format!("no answer: {error}"));
        }
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| format!("no answer: {text:?}"))?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Self {
            status: status.ok_or_else(|| format!("no status: {first:?}"))?,
            headers,
            body: body.to_owned(),
        })
    }

    /// A header; none where it is not there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The cookie of a session that it sets, with all that is said about it.
    pub(crate) fn session_cookie(&self) -> Option<&str> {
        let mut cookies = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        cookies.find(|(_, value)| value.contains(SESSION)).map(|(_, value)| value.as_str())
    }

    /// The secret of the session that it begins.
    pub(crate) fn session(&self) -> Option<String> {
        let (_, value) = self.session_cookie()?.split(';').next()?.split_once('=')?;
        Some(value.to_owned()).filter(|value| !value.is_empty())
    }

    /// The token that a page carries for its forms.
    pub(crate) fn csrf(&self) -> Option<&str> {
        self.between("<meta name=\"csrf-token\" content=\"", "\"")
    }

    /// What stands between two texts.
    pub(crate) fn between(&self, before: &str, after: &str) -> Option<&str> {
        let start = self.body.find(before)? + before.len();
        Some(&self.body[start..start + self.body[start..].find(after)?])
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}
