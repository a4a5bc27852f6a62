//! A stream of bytes to the target: how it is opened, plain or through TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::{Address, Route};
use super::failure::Failure;
use super::tunnel;
use crate::model::{NotSent, Outcome, TimeoutPhase, TransportFault};
use crate::plan::Proxy;

/// An open stream.
#[derive(Debug)]
pub(super) enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Boxed: the state of TLS is large, and most load is plain.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Connects.
    pub(super) async fn open(address: &Address) -> Result<Self, Failure> {
        let stream = match &address.route {
            Route::Direct => connect(&address.sockets).await?,
            Route::Forward(proxy) => {
                connect(&address.sockets).await.map_err(|failure| of_proxy(failure, proxy))?
            }
            Route::Tunnel(proxy, target) => {
                tunneled(address, proxy, target).await.map_err(|failure| of_proxy(failure, proxy))?
            }
        };
        let Some((config, name)) = &address.tls else { return Ok(Self::Plain(stream)) };
        let connector = TlsConnector::from(Arc::clone(config));
        match connector.connect(name.clone(), stream).await {
            Ok(stream) => Ok(Self::Tls(Box::new(stream))),
            Err(error) => Err(Failure::new(Outcome::Transport(TransportFault::Tls), &error)),
        }
    }

    /// True when nothing is known that would keep it from being used: not closed by the other side, and no bytes that
    /// nobody asked for.
    pub(super) fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        match self {
            // Readiness is known to the runtime: this asks the kernel only when something has happened.
            Self::Plain(stream) => {
                matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(_) => self.poll_read(&mut Context::from_waker(Waker::noop()), &mut byte).is_pending(),
        }
    }

    /// Reads into `room`; 0 is the end.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(room);
        let read = match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, &mut room),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, &mut room),
        };
        read.map_ok(|()| room.filled().len())
    }

    /// Writes some of `bytes`.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    /// Sends what was written and not sent.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }
}

/// For hyper, which wants the traits.
impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, room),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, room),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Self::poll_write(self.get_mut(), context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_flush(self.get_mut(), context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

async fn tunneled(address: &Address, proxy: &Proxy, target: &str) -> Result<TcpStream, Failure> {
    let mut stream = connect(&address.sockets).await?;
    tunnel::open(&mut stream, proxy, target).await?;
    Ok(stream)
}

/// A failure on the way to `proxy`, which must not look like one of the target.
fn of_proxy(Failure { outcome, words }: Failure, proxy: &Proxy) -> Failure {
    Failure { outcome, words: format!("the proxy {}: {words}", proxy.name()) }
}

async fn connect(sockets: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut failure = Failure::bare(Outcome::Transport(TransportFault::Dns));
    for socket in sockets {
        match TcpStream::connect(socket).await {
            Ok(stream) => {
                // Small requests must not wait for the acknowledgement of earlier ones. A socket that refuses the
                // option still works.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if is_ours(&error) => {
                return Err(Failure::new(Outcome::NotSent(NotSent::NoSocket), &error));
            }
            Err(error) => failure = Failure::new(Outcome::Transport(fault_of(&error)), &error),
        }
    }
    Err(failure)
}

/// True when this machine has run out of what a connection needs: EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS. `io::ErrorKind`
/// has no names for most of them.
fn is_ours(error: &io::Error) -> bool {
    const OUT_OF: [i32; 4] = [24, 23, 99, 105];
    error.raw_os_error().is_some_and(|code| OUT_OF.contains(&code))
}

/// How a call ends whose stream failed with `error`.
pub(super) fn fault_of(error: &io::Error) -> TransportFault {
    #[expect(clippy::wildcard_enum_match_arm, reason = "`io::ErrorKind` is open-ended")]
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TransportFault::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            TransportFault::Reset
        }
        io::ErrorKind::UnexpectedEof => TransportFault::Eof,
        io::ErrorKind::InvalidData => TransportFault::Tls,
        io::ErrorKind::TimedOut => TransportFault::Timeout(TimeoutPhase::Connect),
        _ => TransportFault::Other,
    }
}
