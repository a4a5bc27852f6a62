//! The server over HTTP/2: answers each request as the test's script says, or breaks off.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::server::Seen;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Status, fields, and the pieces of the body; then the end.
    Whole(u16, &'static [(&'static str, &'static str)], Vec<String>),
    /// The same, and the stream stays open.
    Open(u16, &'static [(&'static str, &'static str)], Vec<String>),
    /// The same, and then the stream is reset.
    Torn(u16, &'static [(&'static str, &'static str)], Vec<String>),
    /// The stream is reset before an answer.
    Reset,
    /// The connection is: GOAWAY with an error.
    GoAway,
    /// An answer, and a GOAWAY in order.
    Last(String),
    /// The connection is closed without a word.
    HangUp,
    /// Nothing comes.
    Stall,
}

/// What happens to the connection as a whole.
enum Ending {
    GoAway,
    Last,
    HangUp,
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// It ends when it is dropped.
pub(super) struct Server2 {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server2 {
    /// With prior knowledge over plain text.
    pub(super) async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, script).await
    }

    /// Over TLS.
    pub(super) async fn tls(
        config: ServerConfig,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Some(TlsAcceptor::from(Arc::new(config))), script).await
    }

    async fn serve(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::default();
        let books = Books { seen: Arc::clone(&seen), script: Arc::new(script) };
        let task = tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                stream.set_nodelay(true).unwrap();
                let (tls, books) = (tls.clone(), books.clone());
                tokio::spawn(async move {
                    match tls {
                        None => books.connection(stream, number).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                books.connection(stream, number).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen, task }
    }

    /// Every request so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Books {
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Script>,
}

impl Books {
    async fn connection(self, stream: impl AsyncRead + AsyncWrite + Unpin, number: usize) {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        let (endings, mut ending) = unbounded_channel();
        loop {
            tokio::select! {
                request = connection.accept() => {
                    let Some(Ok((request, respond))) = request else { return };
                    tokio::spawn(self.clone().answer(request, respond, number, endings.clone()));
                }
                Some(ending) = ending.recv() => match ending {
                    Ending::GoAway => connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM),
                    Ending::Last => connection.graceful_shutdown(),
                    Ending::HangUp => return,
                },
            }
        }
    }

    async fn answer(
        self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        connection: usize,
        endings: UnboundedSender<Ending>,
    ) {
        let (parts, mut body) = request.into_parts();
        let mut bytes = Vec::new();
        while let Some(Ok(data)) = body.data().await {
            body.flow_control().release_capacity(data.len()).unwrap();
            bytes.extend_from_slice(&data);
        }
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers: BTreeMap<String, String> =
            parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let line = format!("{} {}", parts.method, parts.uri);
        let seen = Seen { connection, line, headers, body: String::from_utf8(bytes).unwrap() };
        self.seen.lock().unwrap().push(seen.clone());
        match (self.script)(&seen) {
            Reply::Whole(status, fields, pieces) => {
                let mut stream = send(&mut respond, status, fields, pieces).await;
                stream.send_data(Bytes::new(), true).unwrap();
            }
            Reply::Open(status, fields, pieces) => {
                let _stream = send(&mut respond, status, fields, pieces).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            Reply::Torn(status, fields, pieces) => {
                let mut stream = send(&mut respond, status, fields, pieces).await;
                stream.send_reset(Reason::INTERNAL_ERROR);
            }
            Reply::Reset => respond.send_reset(Reason::REFUSED_STREAM),
            Reply::Last(body) => {
                let mut stream = send(&mut respond, 200, JSON, vec![body]).await;
                stream.send_data(Bytes::new(), true).unwrap();
                endings.send(Ending::Last).unwrap();
            }
            Reply::GoAway => endings.send(Ending::GoAway).unwrap(),
            Reply::HangUp => endings.send(Ending::HangUp).unwrap(),
            Reply::Stall => {}
        }
        // A stream that is let go of is reset.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

/// The fields of a JSON answer.
pub(super) const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

async fn send(
    respond: &mut SendResponse<Bytes>,
    status: u16,
    fields: &[(&str, &str)],
    pieces: Vec<String>,
) -> h2::SendStream<Bytes> {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
    for piece in pieces {
        stream.send_data(piece.into(), false).unwrap();
        // Each piece has a frame of its own, and time to be read.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stream
}
