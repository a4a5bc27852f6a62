//! From the head of an HTTP answer to an outcome: JSON or a stream of events, whichever the server chose.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::check;
use super::connection::outcome_of;
use super::envelope::{self, Message};
use super::sse::SseParser;
use super::wire::MAX_REPLY_BYTES;
use crate::clock::Clock;
use crate::model::{Outcome, ProtocolFault, TimeoutPhase};
use crate::plan::{Operation, Step};

/// How much of a failed answer's body is read: enough to tell why.
const MAX_ERROR_BODY: usize = 16 * 1024;
/// How long a server may keep a stream open after the answer before its connection is given up.
const DRAIN: Duration = Duration::from_millis(250);
const SESSION_HEADER: &str = "mcp-session-id";

/// A call while it is under way, and after. It is outside the future that a deadline may drop.
#[derive(Debug)]
pub(crate) struct Progress {
    /// What it waits for.
    pub(crate) phase: TimeoutPhase,
    /// When the head of the answer was there.
    pub(crate) first_byte: Option<Duration>,
    /// When the answer was there, and what came of it.
    pub(crate) answer: Option<Answer>,
    /// True when the connection can carry the next request.
    pub(crate) reusable: bool,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    /// When its last byte was there.
    pub(crate) end: Duration,
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    /// The session that the server named.
    pub(crate) session: Option<HeaderValue>,
    /// The JSON text of the result, or the body of a plain answer, or the start of an error's body.
    pub(crate) text: String,
    /// The JSON-RPC error code, even where the HTTP status told of the failure first.
    pub(crate) error_code: Option<i64>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { phase: TimeoutPhase::Connect, first_byte: None, answer: None, reusable: false }
    }
}

/// Reads the answer to the request `id` of `step` into `progress`.
pub(crate) async fn read(
    response: Response<Incoming>,
    step: &Step,
    id: u64,
    clock: Clock,
    progress: &mut Progress,
) {
    progress.phase = TimeoutPhase::Body;
    progress.first_byte = Some(clock.now());
    let (head, body) = response.into_parts();
    let mut reader = Reader { body, clock, id, progress };
    let status = head.status;
    let session = head.headers.get(SESSION_HEADER).cloned();
    let kind = ReplyKind::of(head.headers.get(CONTENT_TYPE));
    let mut answer = if step.operation.is_rpc() {
        match kind {
            _ if !status.is_success() => reader.error(status).await,
            ReplyKind::Json => reader.json(step).await,
            ReplyKind::Events => reader.events(step).await,
            ReplyKind::Other => reader.not_rpc(status).await,
        }
    } else {
        reader.plain(step, status).await
    };
    answer.status = status.as_u16();
    answer.session = session;
    progress.answer = Some(answer);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReplyKind {
    Json,
    Events,
    Other,
}

impl ReplyKind {
    fn of(content_type: Option<&HeaderValue>) -> Self {
        let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = text.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case("text/event-stream") {
            Self::Events
        } else {
            Self::Other
        }
    }
}

struct Reader<'a> {
    body: Incoming,
    clock: Clock,
    id: u64,
    progress: &'a mut Progress,
}

/// Why a body was not read to its end.
enum Cut {
    Failed(Outcome),
    TooLarge,
}

impl Reader<'_> {
    fn answer(&self, outcome: Outcome, text: String) -> Answer {
        Answer { end: self.clock.now(), outcome, status: 0, session: None, text, error_code: None }
    }

    async fn collect(&mut self, limit: usize) -> Result<Vec<u8>, Cut> {
        let mut bytes = Vec::new();
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| Cut::Failed(outcome_of(&error)))?;
            if let Some(data) = frame.data_ref() {
                if bytes.len() + data.len() > limit {
                    return Err(Cut::TooLarge);
                }
                bytes.extend_from_slice(data);
            }
        }
        self.progress.reusable = true;
        Ok(bytes)
    }

    async fn json(&mut self, step: &Step) -> Answer {
        let bytes = match self.collect(MAX_REPLY_BYTES).await {
            Ok(bytes) => bytes,
            Err(cut) => return self.answer(cut.outcome(), String::new()),
        };
        let end = self.clock.now();
        let (outcome, text, error_code) = match envelope::read(&bytes, self.id) {
            Message::Result(result) => (judge(step, result), result.to_owned(), None),
            Message::Error(code) => (Outcome::JsonRpcError(code), String::new(), Some(code)),
            Message::OtherId => (Outcome::Protocol(ProtocolFault::WrongId), String::new(), None),
            Message::Other => (Outcome::Protocol(ProtocolFault::Missing), String::new(), None),
            Message::Malformed => (Outcome::Protocol(ProtocolFault::Malformed), String::new(), None),
        };
        Answer { end, outcome, status: 0, session: None, text, error_code }
    }

    async fn events(&mut self, step: &Step) -> Answer {
        let mut parser = SseParser::default();
        let mut found: Option<Answer> = None;
        let mut wrong_id = false;
        let mut drain_until = None;
        loop {
            let frame = match drain_until {
                None => self.body.frame().await,
                Some(until) => match tokio::time::timeout_at(until, self.body.frame()).await {
                    Ok(frame) => frame,
                    // The server keeps the stream open: the connection is lost to us, the answer is not.
                    Err(_) => break,
                },
            };
            let data = match frame {
                None => {
                    self.progress.reusable = true;
                    break;
                }
                Some(Err(error)) => {
                    let outcome = outcome_of(&error);
                    return found.unwrap_or_else(|| self.answer(outcome, String::new()));
                }
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            let end = self.clock.now();
            parser.push(&data, |event| match envelope::read(event, self.id) {
                Message::Other => {}
                Message::OtherId => wrong_id = true,
                message => accept(&mut found, message, step, end),
            });
            if parser.pending() > MAX_REPLY_BYTES {
                let too_large = self.answer(Outcome::Protocol(ProtocolFault::TooLarge), String::new());
                return found.unwrap_or(too_large);
            }
            if found.is_some() && drain_until.is_none() {
                drain_until = Some(tokio::time::Instant::now() + DRAIN);
            }
        }
        let fault = if wrong_id { ProtocolFault::WrongId } else { ProtocolFault::Missing };
        found.unwrap_or_else(|| self.answer(Outcome::Protocol(fault), String::new()))
    }

    async fn error(&mut self, status: StatusCode) -> Answer {
        let bytes = self.collect(MAX_ERROR_BODY).await.unwrap_or_default();
        let mut answer = self.answer(Outcome::HttpStatus(status.as_u16()), lossy(&bytes));
        answer.error_code = error_code(&answer.text);
        answer
    }

    async fn not_rpc(&mut self, status: StatusCode) -> Answer {
        let bytes = self.collect(MAX_ERROR_BODY).await.unwrap_or_default();
        let empty = bytes.is_empty() || status == StatusCode::ACCEPTED;
        let fault = if empty { ProtocolFault::Missing } else { ProtocolFault::Malformed };
        self.answer(Outcome::Protocol(fault), lossy(&bytes))
    }

    async fn plain(&mut self, step: &Step, status: StatusCode) -> Answer {
        let bytes = match self.collect(MAX_REPLY_BYTES).await {
            Ok(bytes) => bytes,
            Err(cut) => return self.answer(cut.outcome(), String::new()),
        };
        let mut answer = self.answer(Outcome::Ok, lossy(&bytes));
        let accepted = match check::wanted_status(&step.checks) {
            Some(wanted) => status.as_u16() == wanted,
            None => status.is_success() || step.operation.accepts(status.as_u16()),
        };
        if !accepted {
            answer.outcome = Outcome::HttpStatus(status.as_u16());
        } else if !check::all_hold(&step.checks, &answer.text) {
            answer.outcome = Outcome::CheckFailed;
        }
        answer
    }
}

impl Cut {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Failed(outcome) => *outcome,
            Self::TooLarge => Outcome::Protocol(ProtocolFault::TooLarge),
        }
    }
}

impl Operation {
    /// True when the answer is a JSON-RPC message.
    pub(crate) fn is_rpc(&self) -> bool {
        match self {
            Self::CallTool { .. }
            | Self::ListTools
            | Self::ReadResource { .. }
            | Self::GetPrompt { .. }
            | Self::Ping
            | Self::Initialize
            | Self::Discover => true,
            Self::RestGet { .. }
            | Self::RestPost { .. }
            | Self::Login
            | Self::Initialized
            | Self::EndSession => false,
        }
    }

    /// True when the request belongs to the MCP session, where there is one.
    pub(crate) fn has_session(&self) -> bool {
        match self {
            Self::Initialized | Self::EndSession => true,
            Self::Initialize => false,
            Self::CallTool { .. }
            | Self::ListTools
            | Self::ReadResource { .. }
            | Self::GetPrompt { .. }
            | Self::Ping
            | Self::Discover
            | Self::RestGet { .. }
            | Self::RestPost { .. }
            | Self::Login => self.is_rpc(),
        }
    }

    /// Statuses beyond 2xx that are a proper answer: a server need not support ending sessions.
    fn accepts(&self, status: u16) -> bool {
        matches!(self, Self::EndSession) && status == 405
    }
}

/// Takes an answer from a stream; a second one spoils the first.
fn accept(found: &mut Option<Answer>, message: Message<'_>, step: &Step, end: Duration) {
    if let Some(answer) = found {
        answer.outcome = Outcome::Protocol(ProtocolFault::Duplicate);
        return;
    }
    let (outcome, text, error_code) = match message {
        Message::Result(result) => (judge(step, result), result.to_owned(), None),
        Message::Error(code) => (Outcome::JsonRpcError(code), String::new(), Some(code)),
        Message::OtherId | Message::Other | Message::Malformed => {
            (Outcome::Protocol(ProtocolFault::Malformed), String::new(), None)
        }
    };
    *found = Some(Answer { end, outcome, status: 0, session: None, text, error_code });
}

fn judge(step: &Step, result: &str) -> Outcome {
    let is_tool_call = matches!(step.operation, Operation::CallTool { .. });
    match envelope::judge_result(result, is_tool_call) {
        Outcome::Ok if !check::all_hold(&step.checks, result) => Outcome::CheckFailed,
        outcome => outcome,
    }
}

fn error_code(body: &str) -> Option<i64> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    value.pointer("/error/code")?.as_i64()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
