//! Connections, with or without TLS, that can break off in the middle of an answer.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

/// Cuts one connection: the handle that a request handler gets.
#[derive(Clone, Debug)]
pub(super) struct Cut(Arc<AtomicUsize>);

const NEVER: usize = usize::MAX;

impl Cut {
    /// Breaks the connection off once this many more bytes were written, those of TLS included.
    pub(super) fn after(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Listener>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().cut.clone()
    }
}

/// A TCP listener whose connections can be cut.
pub(super) struct Listener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, tls }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Without it small answers wait for the client's delayed acknowledgement; an error changes nothing.
                    let _ = stream.set_nodelay(true);
                    let cut = Cut(Arc::new(AtomicUsize::new(NEVER)));
                    let wire = Wire { stream, cut: cut.clone() };
                    let transport = match &self.tls {
                        None => Transport::Plain(wire),
                        Some(tls) => Transport::Greeting(Box::new(tls.accept(wire))),
                    };
                    return (Connection { transport, cut }, address);
                }
                // Out of file descriptors or the like: give it a moment.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

pub(super) struct Connection {
    transport: Transport,
    cut: Cut,
}

enum Transport {
    Plain(Wire),
    /// The handshake takes place when the connection is first read, so that a slow client keeps nobody else waiting.
    Greeting(Box<Accept<Wire>>),
    Tls(Box<TlsStream<Wire>>),
}

/// The bytes as they go over the network.
struct Wire {
    stream: TcpStream,
    cut: Cut,
}

/// What bytes are read from and written to.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl Stream for Wire {}
impl Stream for TlsStream<Wire> {}

impl Connection {
    /// The connection as a stream of HTTP, as soon as the handshake is done.
    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Stream>>> {
        if let Transport::Greeting(accept) = &mut self.transport {
            let stream = ready!(Pin::new(accept.as_mut()).poll(context))?;
            self.transport = Transport::Tls(Box::new(stream));
        }
        Poll::Ready(Ok(match &mut self.transport {
            Transport::Plain(wire) => Pin::new(wire),
            Transport::Tls(stream) => Pin::new(stream.as_mut()),
            Transport::Greeting(_) => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.get_mut().poll_stream(context))?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.get_mut().poll_stream(context))?.poll_write(context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.get_mut().poll_stream(context))?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.get_mut().poll_stream(context))?.poll_shutdown(context)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let left = this.cut.0.load(Ordering::Acquire);
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut this.stream).poll_write(context, &buffer[..buffer.len().min(left)]);
        if let (Poll::Ready(Ok(written)), true) = (&written, left != NEVER) {
            this.cut.0.store(left - written, Ordering::Release);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
