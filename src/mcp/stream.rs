//! A stream of bytes to the target: where it goes, how it is opened, plain or through TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};
use url::{Host, Url};

use super::failure::Failure;
use crate::model::{NotSent, Outcome, TimeoutPhase, TransportFault, without_credentials};

/// Where connections go: resolved once, so that every user meets the same addresses.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    sockets: Vec<SocketAddr>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Neither `http` nor `https`, or no host. The URL is shown without credentials.
    #[error("`{}` is not an http or https URL with a host", without_credentials(.0.as_str()))]
    Unsupported(Url),
    /// The name could not be resolved.
    #[error("failed to resolve `{0}`")]
    Resolve(String, #[source] io::Error),
    /// TLS could not be set up.
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
}

/// An open stream.
#[derive(Debug)]
pub(super) enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Boxed: the state of TLS is large, and most load is plain.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Address {
    /// Resolves the host of `url`, and prepares TLS when its scheme asks for it.
    pub(crate) async fn resolve(url: &Url) -> Result<Self, AddressError> {
        let unsupported = || AddressError::Unsupported(url.clone());
        let port = url.port_or_known_default().ok_or_else(unsupported)?;
        let sockets: Vec<SocketAddr> = match url.host().ok_or_else(unsupported)? {
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
            Host::Domain(name) => tokio::net::lookup_host((name, port))
                .await
                .map_err(|error| AddressError::Resolve(name.to_owned(), error))?
                .collect(),
        };
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let mut config = ClientConfig::with_platform_verifier().map_err(AddressError::Tls)?;
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(host).map_err(|_| unsupported())?;
                Some((Arc::new(config), name))
            }
            _ => return Err(unsupported()),
        };
        Ok(Self { sockets, tls })
    }
}

impl Stream {
    /// Connects.
    pub(super) async fn open(address: &Address) -> Result<Self, Failure> {
        let stream = connect(&address.sockets).await?;
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
