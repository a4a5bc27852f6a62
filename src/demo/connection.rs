//! The server's side of a TCP connection: no delay, counted from its first call on, and reset on request.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::metrics::Transport;
use super::shared::Shared;

/// Accepts connections for one server.
pub(super) struct DemoListener {
    inner: TcpListener,
    shared: Arc<Shared>,
}

/// A connection's bytes.
pub(super) struct Connection {
    stream: TcpStream,
    link: Arc<Link>,
}

/// What the requests of a connection know of it.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    peer: SocketAddr,
    opened: Duration,
    /// Set by the first call: monitoring and control open no MCP connection.
    transport: OnceLock<Transport>,
    reset: AtomicBool,
}

/// A connection's [`Link`], as request handlers get it.
#[derive(Debug, Clone)]
pub(super) struct Peer(pub(super) Arc<Link>);

impl DemoListener {
    pub(super) const fn new(inner: TcpListener, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl Listener for DemoListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, peer) = Listener::accept(&mut self.inner).await;
        // A socket that can't be told so is closed already, which the first read will find.
        let _ = stream.set_nodelay(true);
        let link = Link {
            opened: self.shared.clock.now(),
            shared: self.shared.clone(),
            peer,
            transport: OnceLock::new(),
            reset: AtomicBool::new(false),
        };
        (Connection { stream, link: Arc::new(link) }, peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Listener::local_addr(&self.inner)
    }
}

impl Connected<IncomingStream<'_, DemoListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, DemoListener>) -> Self {
        Self(stream.io().link.clone())
    }
}

impl Link {
    /// Counts the connection when this is its first call; false when there are too many.
    pub(super) fn carry_call(&self, transport: Transport) -> bool {
        if self.transport.get().is_some() {
            return true;
        }
        let admitted = self.shared.metrics.connect(transport, self.shared.options.max_connections);
        if admitted && self.transport.set(transport).is_err() {
            self.shared.metrics.disconnect(transport, Duration::ZERO, None);
        }
        admitted
    }

    /// The connection is to be reset instead of written to.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// The other side.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Connection {
    /// Fails once the connection is to be reset. Closing without lingering makes the kernel send RST.
    fn check(&self) -> io::Result<()> {
        if self.link.reset.load(Ordering::Relaxed) {
            self.stream.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(transport) = self.link.transport.get() {
            let lasted = self.link.shared.since(self.link.opened);
            let faults = self.link.shared.faults.get();
            self.link.shared.metrics.disconnect(*transport, lasted, faults.as_deref());
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
