//! What is negotiated with a server, and how much of an answer is taken.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use sightline_core::budget::{Answer, Budget, Call, Permit};
use sightline_core::time::SystemClock;
use sightline_core::{Context, ErrorKind, Time};

use crate::Address;
use crate::wire::{MAX_BODY_BYTES, Received, Unanswered, Wire};

const CERTIFICATE: &[u8] = include_bytes!("../testdata/cert.pem");
const KEY: &[u8] = include_bytes!("../testdata/prime256v1.pkcs8.pem");

#[derive(Debug)]
struct NoLimit;

#[async_trait]
impl Budget for NoLimit {
    async fn acquire(&self, _: Call) -> Permit {
        Permit::free()
    }
    fn observe(&self, _: Call, _: Answer) -> Time {
        Time::default()
    }
}

async fn call(url: &str) -> Result<Received, Unanswered> {
    let cx = Context {
        allow_loopback_http: true,
        clock: Arc::new(SystemClock),
        budget: Arc::new(NoLimit),
        extra_roots_pem: vec![CERTIFICATE.to_vec()],
    };
    let wire = Wire::new(Address::new(url, true).unwrap(), &cx).unwrap();
    let url = wire.address.at("/");
    wire.exchange(Call { bucket: "b", template: "/" }, |http| Ok(http.get(url))).await
}

/// Serves one body, compressed, and gives the head of the request back.
fn serve_compressed(body: Vec<u8>) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&body).unwrap();
        let body = encoder.finish().unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        // The client may have hung up in the middle.
        let _ = stream.write_all(&body);
        head
    });
    (url, serving)
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn answers_are_asked_for_compressed_and_counted_as_they_unfold() {
    let (url, serving) = serve_compressed(b"[1,2]".to_vec());
    assert_eq!(call(&url).await.unwrap().body, b"[1,2]");
    assert!(serving.join().unwrap().to_ascii_lowercase().contains("accept-encoding: gzip\r\n"));

    // A few dozen kilobytes on the way.
    let (url, serving) = serve_compressed(vec![b' '; MAX_BODY_BYTES + 1]);
    let Err(Unanswered::Failed(error)) = call(&url).await else { panic!("more than the bound was taken") };
    assert_eq!(*error.kind(), ErrorKind::Protocol);
    assert!(error.message().contains("larger than 64 MB"), "{error}");
    serving.join().unwrap();
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_can() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let serving = thread::spawn(move || {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let mut config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        // A client that does not offer it is turned away.
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        connection.complete_io(&mut stream).unwrap();
        connection.alpn_protocol().map(<[u8]>::to_vec)
    });
    // The server hangs up after the handshake.
    let _ = call(&url).await;
    assert_eq!(serving.join().unwrap().as_deref(), Some(&b"h2"[..]));
}
