//! A client that knows HTTP/1.1 and nothing else, so that header lines are seen as they were sent.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
};

use serde_json::Value;
use sightline_sim::{Company, OktaOptions, OktaServer};

/// A server with the runtime that it lives in.
pub(crate) struct Running {
    server: Option<OktaServer>,
    runtime: tokio::runtime::Runtime,
}

/// Starts a server.
pub(crate) fn start(company: Arc<Company>, options: OktaOptions) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime.block_on(OktaServer::start(company, options)).unwrap();
    Running { server: Some(server), runtime }
}

impl Running {
    pub(crate) fn server(&self) -> &OktaServer {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        let url = self.server().url();
        let address = url.strip_prefix("http://").unwrap().to_owned();
        Client { address, token: self.server().token().to_owned(), connection: None }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

pub(crate) struct Client {
    address: String,
    token: String,
    connection: Option<BufReader<TcpStream>>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header_lines(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let lines = self.header_lines(name);
        assert_eq!(lines.len(), 1, "{name} in {:?}", self.headers);
        lines[0].to_owned()
    }

    /// Relation and address of each link.
    pub(crate) fn links(&self) -> Vec<(String, String)> {
        self.header_lines("link")
            .into_iter()
            .map(|line| {
                let (address, relation) = line.split_once(">; rel=\"").unwrap();
                (relation.trim_end_matches('"').to_owned(), address[1..].to_owned())
            })
            .collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn list(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, true)
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, with_token: bool) -> Answer {
        self.try_request(method, path, with_token).unwrap()
    }

    pub(crate) fn try_request(&mut self, method: &str, path: &str, with_token: bool) -> io::Result<Answer> {
        let answer = self.exchange(method, path, with_token);
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    fn exchange(&mut self, method: &str, path: &str, with_token: bool) -> io::Result<Answer> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            missing => missing.insert(BufReader::with_capacity(1 << 16, TcpStream::connect(&self.address)?)),
        };
        let authorization =
            if with_token { format!("Authorization: SSWS {}\r\n", self.token) } else { String::new() };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}\r\n", self.address);
        connection.get_mut().write_all(request.as_bytes())?;
        let status = line(connection)?;
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        let mut headers = Vec::new();
        loop {
            let line = line(connection)?;
            let Some((key, value)) = line.split_once(": ") else { break };
            headers.push((key.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(key, _)| key == "content-length").map_or("0", |(_, value)| value);
        let mut body = vec![0; length.parse().unwrap()];
        connection.read_exact(&mut body)?;
        Ok(Answer { status, headers, body })
    }

    /// All objects of a list: only the cursor is taken from the link to the next page.
    pub(crate) fn walk(&mut self, path: &str) -> Vec<Value> {
        let mut objects = Vec::new();
        let mut page = path.to_owned();
        loop {
            let answer = self.get(&page);
            objects.extend(answer.list());
            let Some(after) = next_cursor(&answer) else { return objects };
            page = with_cursor(path, &after);
        }
    }

    /// All objects of a list that names its next page in the body.
    pub(crate) fn walk_body(&mut self, path: &str, key: &str) -> Vec<Value> {
        let mut objects = Vec::new();
        let mut page = path.to_owned();
        loop {
            let body = self.get(&page).json();
            objects.extend(body[key].as_array().unwrap_or_else(|| panic!("{key} in {body}")).iter().cloned());
            let Some(next) = body["_links"]["next"]["href"].as_str() else { return objects };
            page = with_cursor(path, cursor(next).unwrap());
        }
    }

    /// All events up to the end of the log, which is an empty page whose cursor no longer changes.
    pub(crate) fn follow(&mut self, path: &str) -> Vec<Value> {
        self.follow_from(path, None).0
    }

    /// The same from a cursor on, and the cursor at the end.
    pub(crate) fn follow_from(&mut self, path: &str, from: Option<&str>) -> (Vec<Value>, String) {
        let mut events = Vec::new();
        let mut page = from.map_or(path.to_owned(), |after| with_cursor(path, after));
        let mut before = None;
        loop {
            let answer = self.get(&page);
            let after = next_cursor(&answer).expect("a log that is followed always has a next page");
            if answer.list().is_empty() {
                assert!(before.is_none_or(|before| before == after), "at the end the cursor stays");
                return (events, after);
            }
            events.extend(answer.list());
            page = with_cursor(path, &after);
            before = Some(after);
        }
    }
}

fn line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn next_cursor(answer: &Answer) -> Option<String> {
    let links = answer.links();
    let (_, next) = links.iter().find(|(relation, _)| relation == "next")?;
    cursor(next).map(str::to_owned)
}

fn cursor(address: &str) -> Option<&str> {
    address.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("after="))
}

fn with_cursor(path: &str, after: &str) -> String {
    format!("{path}{}after={after}", if path.contains('?') { '&' } else { '?' })
}
