//! One HTTP/1.1 connection, plain or TLS, opened when needed and kept as long as the server keeps it.
//!
//! It knows nothing of MCP. Nothing is retried once a byte of a request may have been written; redirects are not
//! followed.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};
use url::{Host, Url};

use crate::model::{NotSent, Outcome, ProtocolFault, TransportFault, without_credentials};

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

/// A connection that may be open. Dropping it closes it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    sender: Option<SendRequest<Full<Bytes>>>,
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

impl Connection {
    /// True when a request can go out without connecting first.
    pub(crate) fn is_open(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// Closes it.
    pub(crate) fn close(&mut self) {
        self.sender = None;
    }

    /// Connects, unless it is open already.
    pub(crate) async fn open(&mut self, address: &Address) -> Result<(), Outcome> {
        if self.is_open() {
            return Ok(());
        }
        let stream = connect(&address.sockets).await?;
        let sender = match &address.tls {
            None => handshake(stream).await?,
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await.map_err(|_| TLS_FAULT)?;
                handshake(stream).await?
            }
        };
        self.sender = Some(sender);
        Ok(())
    }

    /// Sends `request` and waits for the head of the answer. [`SendFailure::NotWritten`]: the server had
    /// closed the idle connection; the request may be sent again on a new one.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendFailure> {
        let Some(sender) = self.sender.as_mut() else {
            return Err(SendFailure::NotWritten(Box::new(request)));
        };
        if sender.ready().await.is_err() {
            self.sender = None;
            return Err(SendFailure::NotWritten(Box::new(request)));
        }
        match sender.try_send_request(request).await {
            Ok(response) => Ok(response),
            Err(mut failure) => {
                self.sender = None;
                Err(match failure.take_message() {
                    Some(request) => SendFailure::NotWritten(Box::new(request)),
                    None => SendFailure::Failed(outcome_of(failure.error())),
                })
            }
        }
    }
}

/// Why there is no head of an answer.
#[derive(Debug)]
pub(crate) enum SendFailure {
    /// The connection was already closed; here is the request back.
    NotWritten(Box<Request<Full<Bytes>>>),
    /// It failed in this way after at least a part of it was written.
    Failed(Outcome),
}

const TLS_FAULT: Outcome = Outcome::Transport(TransportFault::Tls);

async fn connect(sockets: &[SocketAddr]) -> Result<TcpStream, Outcome> {
    let mut fault = Outcome::Transport(TransportFault::Dns);
    for socket in sockets {
        match TcpStream::connect(socket).await {
            Ok(stream) => {
                // Small requests must not wait for the acknowledgement of earlier ones. A socket that refuses the
                // option still works.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if is_ours(&error) => return Err(Outcome::NotSent(NotSent::NoSocket)),
            Err(error) => fault = Outcome::Transport(fault_of(&error)),
        }
    }
    Err(fault)
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Outcome::Transport(TransportFault::Other))?;
    // Its failure reaches the request that is under way; without one there is nobody to tell.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// True when this machine has run out of what a connection needs: EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS. `io::ErrorKind`
/// has no names for most of them.
fn is_ours(error: &io::Error) -> bool {
    const OUT_OF: [i32; 4] = [24, 23, 99, 105];
    error.raw_os_error().is_some_and(|code| OUT_OF.contains(&code))
}

fn fault_of(error: &io::Error) -> TransportFault {
    #[expect(clippy::wildcard_enum_match_arm, reason = "`io::ErrorKind` is open-ended")]
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TransportFault::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            TransportFault::Reset
        }
        io::ErrorKind::UnexpectedEof => TransportFault::Eof,
        io::ErrorKind::InvalidData => TransportFault::Tls,
        io::ErrorKind::TimedOut => TransportFault::Timeout(crate::model::TimeoutPhase::Connect),
        _ => TransportFault::Other,
    }
}

/// How a call ends whose connection failed with `error`.
pub(crate) fn outcome_of(error: &hyper::Error) -> Outcome {
    if error.is_parse() || error.is_parse_too_large() {
        return Outcome::Protocol(ProtocolFault::Malformed);
    }
    if error.is_incomplete_message() {
        return Outcome::Transport(TransportFault::Eof);
    }
    let mut source = Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return outcome_of_io(io);
        }
        source = inner.source();
    }
    Outcome::Transport(TransportFault::Other)
}

/// A broken chunk and a broken TLS record are both errors of the socket's kind: only what is inside tells them apart.
fn outcome_of_io(error: &io::Error) -> Outcome {
    let not_http = matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
    if not_http && !error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>) {
        return Outcome::Protocol(ProtocolFault::Malformed);
    }
    Outcome::Transport(fault_of(error))
}
