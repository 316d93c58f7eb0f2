//! As much of HTTP as a measurement needs: one connection, one request after the other, no work besides.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nobody waits for an answer that long.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that is kept.
pub(super) struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    /// Headers that every request has.
    headers: String,
    line: String,
    body: Vec<u8>,
}

/// What was answered.
pub(super) struct Answer<'c> {
    pub(super) status: u16,
    /// The first `Set-Cookie`, up to its first semicolon.
    pub(super) cookie: Option<String>,
    pub(super) body: &'c [u8],
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(BufReader::with_capacity(64 * 1024, stream))
}

impl Client {
    pub(super) fn new(address: SocketAddr, cookie: Option<&str>) -> io::Result<Self> {
        let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        Ok(Self {
            address,
            stream: connect(address)?,
            headers: format!("Host: {address}\r\n{cookie}"),
            line: String::new(),
            body: Vec::new(),
        })
    }

    pub(super) fn get(&mut self, path: &str) -> io::Result<Answer<'_>> {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.headers);
        self.send(request.as_bytes())
    }

    pub(super) fn post(&mut self, path: &str, kind: &str, more: &str, body: &str) -> io::Result<Answer<'_>> {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n{body}",
            self.headers
        );
        self.send(request.as_bytes())
    }

    fn send(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.get_mut().write_all(request)?;
        self.line.clear();
        self.stream.read_line(&mut self.line)?;
        let status = self.line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| wrong("no status line"))?;
        let (mut length, mut cookie, mut closes) = (None, None, false);
        loop {
            self.line.clear();
            if self.stream.read_line(&mut self.line)? == 0 {
                return Err(wrong("the head ends early"));
            }
            let line = self.line.trim_end();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse::<usize>().ok(),
                "set-cookie" if cookie.is_none() => {
                    cookie = value.split(';').next().map(str::to_owned);
                }
                "connection" => closes = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let has_body = status != 204 && status != 304;
        let length = if has_body { length.ok_or_else(|| wrong("no content length"))? } else { 0 };
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        if closes {
            self.stream = connect(self.address)?;
        }
        Ok(Answer { status, cookie, body: &self.body })
    }
}
