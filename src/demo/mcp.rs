//! The MCP face: what is around `rmcp`. It reads a request's bytes before and the answer's bytes after, so that every
//! request is counted as the client sees it, whoever answered it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method as HttpMethod, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Frame};
use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::call::{Answers, Call, Ending, Incoming, Method, ToolLabel, ending_of, peek};
use super::connection::{Link, Peer};
use super::faults::Failure;
use super::gate::{Arrival, admit, unauthorized};
use super::handler::DemoHandler;
use super::metrics::{Endpoint, Transport};
use super::oauth::challenge;
use super::shared::Shared;

/// The largest request that is read.
const MAX_REQUEST: usize = 4 << 20;

type RmcpResponse = Response<BoxBody<Bytes, Infallible>>;

/// One MCP endpoint.
pub(super) struct McpFace {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    rmcp: StreamableHttpService<DemoHandler, LocalSessionManager>,
}

impl McpFace {
    /// With sessions and SSE replies.
    pub(super) fn stateful(shared: Arc<Shared>, stop: CancellationToken) -> Arc<Self> {
        Self::new(shared, Endpoint::Mcp, StreamableHttpServerConfig::default(), stop)
    }

    /// Without sessions, with plain JSON replies.
    pub(super) fn stateless(shared: Arc<Shared>, stop: CancellationToken) -> Arc<Self> {
        let config =
            StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
        Self::new(shared, Endpoint::McpStateless, config, stop)
    }

    fn new(
        shared: Arc<Shared>,
        endpoint: Endpoint,
        config: StreamableHttpServerConfig,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let config = config.with_cancellation_token(stop).with_max_request_body_bytes(MAX_REQUEST);
        // `rmcp` lets in loopback names only, against DNS rebinding. Who listens elsewhere is called by other names.
        let config =
            if shared.options.listen.ip().is_loopback() { config } else { config.disable_allowed_hosts() };
        let handler = DemoHandler(shared.clone());
        let sessions = shared.sessions.clone();
        let rmcp = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
        Arc::new(Self { shared, endpoint, rmcp })
    }

    async fn post(&self, request: Request, link: &Link, arrived: Duration) -> Response {
        let (mut parts, body) = request.into_parts();
        // What is too large or broken off is judged as nothing: an invalid request.
        let body = to_bytes(body, MAX_REQUEST).await.unwrap_or_default();
        let incoming = peek(&body);
        if incoming == Incoming::OneWay {
            return self.pass(Request::from_parts(parts, Body::from(body)), link, arrived).await;
        }
        let arrival = self.arrival(&incoming, &parts.headers, arrived);
        let (call, ticket) = match admit(&self.shared, link, arrival).await {
            Ok(admitted) => admitted,
            Err(refusal) => return refusal,
        };
        let answers =
            if ticket.fate.failure == Some(Failure::Duplicate) { Answers::Two } else { Answers::One };
        if ticket.fate.failure == Some(Failure::Session) {
            self.forget_session(&parts.headers).await;
        }
        parts.extensions.insert(ticket);
        let response = self.rmcp.handle(Request::from_parts(parts, Full::new(body))).await;
        answer(response, call, answers).await
    }

    /// What is no request, and so not counted: notifications, the session's stream, its end.
    async fn pass(&self, request: Request, link: &Link, arrived: Duration) -> Response {
        let authorization = request.headers().get(header::AUTHORIZATION);
        if let Err(failure) = self.shared.users.authenticate(authorization, arrived) {
            let more = challenge(request.headers(), self.endpoint);
            return unauthorized(&self.shared, link, failure, &more);
        }
        self.shared.thaw().await;
        self.rmcp.handle(request).await.map(Body::new)
    }

    /// The session that a request names is gone from now on.
    async fn forget_session(&self, headers: &HeaderMap) {
        if let Some(id) = headers.get("mcp-session-id").and_then(|id| id.to_str().ok()) {
            // It may be gone already.
            let _ = self.shared.sessions.close_session(&id.into()).await;
        }
    }

    fn arrival<'a>(&self, incoming: &'a Incoming<'_>, headers: &'a HeaderMap, at: Duration) -> Arrival<'a> {
        let (method, id, tool, arguments) = match incoming {
            Incoming::Request { method, id, tool, arguments } => {
                (*method, Some(*id), tool.as_deref(), *arguments)
            }
            Incoming::OneWay | Incoming::Invalid => (Method::Invalid, None, None, None),
        };
        let tool = if method == Method::ToolsCall {
            tool.map_or(ToolLabel::Unknown, |name| self.shared.tool_label(name))
        } else {
            ToolLabel::None
        };
        Arrival {
            at,
            transport: Transport::StreamableHttp,
            endpoint: self.endpoint,
            method,
            tool,
            headers,
            id,
            arguments,
        }
    }
}

/// The route of an MCP endpoint, for every HTTP method.
pub(super) async fn serve(
    State(face): State<Arc<McpFace>>,
    ConnectInfo(Peer(link)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let arrived = face.shared.clock.now();
    if request.method() == HttpMethod::POST {
        face.post(request, &link, arrived).await
    } else {
        face.pass(request, &link, arrived).await
    }
}

/// Ends the call by what the answer says, before its last byte leaves.
async fn answer(response: RmcpResponse, mut call: Call, answers: Answers) -> Response {
    let (mut parts, body) = response.into_parts();
    let is_stream = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let body = if is_stream {
        Body::new(Watched { body, call, answers })
    } else {
        let Ok(mut body) = body.collect().await.map(http_body_util::Collected::to_bytes);
        let ending = if parts.status.as_u16() >= 400 {
            Ending::HttpError
        } else {
            ending_of(&body).unwrap_or(Ending::Success)
        };
        if answers == Answers::Two && ending != Ending::HttpError {
            // JSON has room for one answer.
            call.duplicate();
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            parts.headers.remove(header::CONTENT_LENGTH);
            body = [b"data: ", &body[..], b"\n\n"].concat().repeat(2).into();
        }
        call.end(ending, body.len());
        Body::from(body)
    };
    Response::from_parts(parts, body)
}

/// An SSE answer under way: its call ends when the JSON-RPC response goes by.
struct Watched {
    body: BoxBody<Bytes, Infallible>,
    call: Call,
    answers: Answers,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(events) = frame.data_ref()
            && let Some(ending) = ending_in(events)
        {
            if self.answers == Answers::Two {
                let twice = with_response_twice(events);
                self.call.duplicate();
                self.call.end(ending, twice.len());
                return Poll::Ready(Some(Ok(Frame::data(twice))));
            }
            let length = events.len();
            self.call.end(ending, length);
        }
        Poll::Ready(frame)
    }
}

/// How the response among `events` ends its call. `rmcp` writes whole events, each message on one line.
fn ending_in(events: &[u8]) -> Option<Ending> {
    events.split(|byte| *byte == b'\n').find_map(|line| ending_of(line.strip_prefix(b"data:")?))
}

/// `events` with the one that holds the response said again right behind itself.
fn with_response_twice(events: &[u8]) -> Bytes {
    let mut twice = Vec::with_capacity(2 * events.len());
    let mut rest = events;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, b"\n\n").map_or(rest.len(), |at| at + 2);
        let (event, after) = rest.split_at(end);
        let times = if ending_in(event).is_some() { 2 } else { 1 };
        twice.extend(event.repeat(times));
        rest = after;
    }
    twice.into()
}
