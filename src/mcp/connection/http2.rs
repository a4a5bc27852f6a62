//! HTTP/2 over one stream, by hyper: one request at a time, as a user makes them.

use std::error::Error;
use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinHandle;

use super::{Collected, Cut, SendFailure, closed};
use crate::mcp::failure::Failure;
use crate::mcp::http1::{ContentKind, Framing, Head, HeadWants, SESSION_HEADER, is_refusal, joined};
use crate::mcp::stream::{Stream, fault_of};
use crate::model::{Outcome, ProtocolFault, TransportFault};

/// A connection, and how far the answer to the last request has come.
#[derive(Debug)]
pub(super) struct Http2 {
    requests: SendRequest<Full<Bytes>>,
    /// Moves the connection's frames; it must not outlive it.
    driver: JoinHandle<()>,
    scheme: &'static str,
    /// True from the first byte of a request to the end of its answer.
    busy: bool,
    answer: Option<Response<Incoming>>,
    /// What [`Self::piece`] lends out.
    piece: Bytes,
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Http2 {
    /// Speaks over `stream`, over which nothing was sent yet.
    pub(super) async fn open(stream: Stream) -> Result<Self, Failure> {
        let scheme = match &stream {
            Stream::Plain(_) => "http",
            Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2") => "https",
            Stream::Tls(_) => {
                let words = "the server does not offer HTTP/2 over TLS (ALPN)";
                return Err(Failure::worded(Outcome::Transport(TransportFault::Tls), words));
            }
        };
        let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|error| failure_of(&error))?;
        // How it ends, the request that is under way learns too.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { requests, driver, scheme, busy: false, answer: None, piece: Bytes::new() })
    }

    /// True when the next request can go over it.
    pub(super) fn is_idle(&self) -> bool {
        !self.busy && !self.requests.is_closed()
    }

    /// Sends `request`, written out as HTTP/1.1, and waits for the head of its answer: only then is it known whether the
    /// server took the request at all.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<(), SendFailure> {
        self.busy = true;
        let Some(request) = translated(request, self.scheme) else {
            let words = "the request can't be written as HTTP/2";
            let failure = Failure::worded(Outcome::Transport(TransportFault::Other), words);
            return Err(SendFailure::Failed(failure));
        };
        if self.requests.ready().await.is_err() {
            return Err(SendFailure::NotWritten);
        }
        match self.requests.try_send_request(request).await {
            Ok(answer) => {
                self.answer = Some(answer);
                Ok(())
            }
            Err(mut error) => match error.take_message() {
                Some(_) => Err(SendFailure::NotWritten),
                None => Err(SendFailure::Failed(failure_of(error.error()))),
            },
        }
    }

    /// The head of the answer.
    pub(super) fn head(&self, wants: HeadWants) -> Result<Head, Failure> {
        let answer = self.answer.as_ref().ok_or_else(closed)?;
        let field = |name: &str| answer.headers().get(name);
        let session = field(SESSION_HEADER).filter(|session| !session.is_empty());
        let refused = is_refusal(answer.status().as_u16());
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter().filter(|_| refused);
        Ok(Head {
            status: answer.status().as_u16(),
            content: field(CONTENT_TYPE.as_str())
                .map_or(ContentKind::Other, |value| ContentKind::of(value.as_bytes())),
            session: session.filter(|_| wants == HeadWants::Session).cloned(),
            challenge: challenges.fold(None, |before, value| Some(joined(before, value.as_bytes()))),
            framing: Framing::UntilClose,
            keep_alive: true,
        })
    }

    /// The next piece of the body; `None` at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        Ok(self.next().await?.map(|piece| {
            self.piece = piece;
            &self.piece[..]
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(answer) = &mut self.answer else { return Ok(None) };
        while let Some(frame) = answer.body_mut().frame().await {
            let frame = frame.map_err(|error| failure_of(&error))?;
            // Trailers say nothing that a call needs.
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body, or as much of it as comes, up to `limit` bytes.
    pub(super) async fn collect<'a>(&'a mut self, limit: usize, gathered: &'a mut Vec<u8>) -> Collected<'a> {
        gathered.clear();
        self.piece.clear();
        let cut = loop {
            let data = match self.next().await {
                Ok(None) => break None,
                Ok(Some(data)) => data,
                Err(failure) => break Some(Cut::Failed(failure)),
            };
            // What comes in one piece need not be copied.
            if self.piece.is_empty() && gathered.is_empty() && data.len() <= limit {
                self.piece = data;
                continue;
            }
            gathered.extend_from_slice(&std::mem::take(&mut self.piece));
            let room = limit - gathered.len();
            gathered.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                break Some(Cut::TooLarge);
            }
        };
        Collected { bytes: if gathered.is_empty() { &self.piece } else { gathered }, cut }
    }

    /// The answer was read; true when the next request can go over it. What was not read of it is called off.
    pub(super) fn finish(&mut self) -> bool {
        self.answer = None;
        self.piece.clear();
        self.busy = false;
        !self.requests.is_closed()
    }
}

/// A request written as HTTP/1.1, as HTTP/2 has it: the host is a part of the URI.
fn translated(request: &[u8], scheme: &str) -> Option<Request<Full<Bytes>>> {
    let head = memchr::memmem::find(request, b"\r\n\r\n")? + 4;
    let mut fields = vec![httparse::EMPTY_HEADER; memchr::memchr_iter(b'\n', &request[..head]).count()];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(&request[..head]).ok()?;
    let host = parsed.headers.iter().find(|field| field.name.eq_ignore_ascii_case(HOST.as_str()))?;
    let uri =
        Uri::builder().scheme(scheme).authority(host.value).path_and_query(parsed.path?).build().ok()?;
    let body = Full::new(Bytes::copy_from_slice(&request[head..]));
    let mut translated = Request::builder().method(parsed.method?).uri(uri).body(body).ok()?;
    for field in parsed.headers.iter().filter(|field| !field.name.eq_ignore_ascii_case(HOST.as_str())) {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        translated.headers_mut().append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(translated)
}

/// How a call ends whose connection or stream failed with `error`.
fn failure_of(error: &hyper::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let mut outcome = Outcome::Transport(TransportFault::Eof);
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<h2::Error>() {
            outcome = outcome_of(error);
            break;
        }
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            outcome = Outcome::Transport(fault_of(error));
            break;
        }
        cause = inner.source();
    }
    Failure::new(outcome, error)
}

fn outcome_of(error: &h2::Error) -> Outcome {
    match error.get_io() {
        // Streams that were open when the other side closed the connection.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Transport(TransportFault::Eof),
        Some(error) => Outcome::Transport(fault_of(error)),
        // It was h2 that gave up, because what came makes no sense.
        None if error.is_library() => Outcome::Protocol(ProtocolFault::Malformed),
        // GOAWAY, or the reset of a stream.
        None => Outcome::Transport(TransportFault::Reset),
    }
}
