//! From the head of an HTTP answer to an outcome: JSON or a stream of events, whichever the server chose.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::check;
use super::connection::{Failure, failure_of};
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
    /// The JSON text of the result or of the JSON-RPC error, or the body of a plain answer, or the start of what was no
    /// proper answer.
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
    let kind = ReplyKind::of(head.headers.get(CONTENT_TYPE));
    let session = head.headers.get(SESSION_HEADER).filter(|id| !id.is_empty()).cloned();
    let mut reader = Reader { body, clock, id, status: head.status, session, progress };
    let answer = if !step.operation.is_rpc() {
        reader.plain(step).await
    } else if head.status.is_success() {
        match kind {
            ReplyKind::Json => reader.json(step).await,
            ReplyKind::Events => return reader.events(step).await,
            ReplyKind::Other => reader.not_rpc().await,
        }
    } else {
        reader.error().await
    };
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
    status: StatusCode,
    session: Option<HeaderValue>,
    progress: &'a mut Progress,
}

/// Why a body was not read to its end.
enum Cut {
    Failed(Failure),
    TooLarge,
}

impl Reader<'_> {
    fn answer(&self, outcome: Outcome, text: String) -> Answer {
        Answer {
            end: self.clock.now(),
            outcome,
            status: self.status.as_u16(),
            session: self.session.clone(),
            text,
            error_code: None,
        }
    }

    /// The body, or its beginning and why there is no more of it.
    async fn collect(&mut self, limit: usize) -> (Vec<u8>, Option<Cut>) {
        let mut bytes = Vec::new();
        while let Some(frame) = self.body.frame().await {
            let data = match frame {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                Err(error) => return (bytes, Some(Cut::Failed(failure_of(&error)))),
            };
            let room = limit - bytes.len();
            if data.len() > room {
                bytes.extend_from_slice(&data[..room]);
                return (bytes, Some(Cut::TooLarge));
            }
            bytes.extend_from_slice(&data);
        }
        self.progress.reusable = true;
        (bytes, None)
    }

    fn cut(&self, cut: Cut) -> Answer {
        let Failure { outcome, words } = match cut {
            Cut::Failed(failure) => failure,
            Cut::TooLarge => Failure::bare(Outcome::Protocol(ProtocolFault::TooLarge)),
        };
        self.answer(outcome, words)
    }

    async fn json(&mut self, step: &Step) -> Answer {
        let (bytes, cut) = self.collect(MAX_REPLY_BYTES).await;
        if let Some(cut) = cut {
            return self.cut(cut);
        }
        let mut answer = self.answer(Outcome::Protocol(ProtocolFault::Missing), String::new());
        match envelope::read(&bytes, self.id) {
            Message::Result(result) => {
                answer.outcome = judge(step, result);
                result.clone_into(&mut answer.text);
            }
            Message::Error { code, json } => {
                answer.outcome = Outcome::JsonRpcError(code);
                answer.error_code = Some(code);
                json.clone_into(&mut answer.text);
            }
            Message::OtherId => answer.outcome = Outcome::Protocol(ProtocolFault::WrongId),
            Message::Malformed if !bytes.is_empty() => {
                answer.outcome = Outcome::Protocol(ProtocolFault::Malformed);
                answer.text = lossy(&bytes[..bytes.len().min(MAX_ERROR_BODY)]);
            }
            Message::Malformed | Message::Other => {}
        }
        answer
    }

    async fn events(&mut self, step: &Step) {
        let mut parser = SseParser::default();
        let mut wrong_id = false;
        let mut drain_until = None;
        let fault = loop {
            let frame = match drain_until {
                None => self.body.frame().await,
                // A server that keeps the stream open: the connection is lost to us, the answer is not.
                Some(until) if Instant::now() >= until => return,
                Some(until) => match tokio::time::timeout_at(until, self.body.frame()).await {
                    Ok(frame) => frame,
                    Err(_) => return,
                },
            };
            let data = match frame {
                None => {
                    self.progress.reusable = true;
                    let fault = if wrong_id { ProtocolFault::WrongId } else { ProtocolFault::Missing };
                    break Failure::bare(Outcome::Protocol(fault));
                }
                Some(Err(error)) => break failure_of(&error),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            parser.push(&data, |event| match envelope::read(event, self.id) {
                Message::Other => {}
                Message::OtherId => wrong_id = true,
                message @ (Message::Result(_) | Message::Error { .. } | Message::Malformed) => {
                    self.accept(&message, event, step);
                }
            });
            if parser.pending() > MAX_REPLY_BYTES {
                break Failure::bare(Outcome::Protocol(ProtocolFault::TooLarge));
            }
            if self.progress.answer.is_some() && drain_until.is_none() {
                drain_until = Some(Instant::now() + DRAIN);
            }
        };
        if self.progress.answer.is_none() {
            self.progress.answer = Some(self.answer(fault.outcome, fault.words));
        }
    }

    /// Takes an answer from a stream, out of reach of the deadline. What comes after it can only spoil it.
    fn accept(&mut self, message: &Message<'_>, event: &[u8], step: &Step) {
        let malformed = Outcome::Protocol(ProtocolFault::Malformed);
        let (outcome, text, error_code) = match message {
            Message::Result(result) => (judge(step, result), (*result).to_owned(), None),
            Message::Error { code, json } => (Outcome::JsonRpcError(*code), (*json).to_owned(), Some(*code)),
            Message::OtherId | Message::Other | Message::Malformed => {
                (malformed, lossy(&event[..event.len().min(MAX_ERROR_BODY)]), None)
            }
        };
        match &mut self.progress.answer {
            None => self.progress.answer = Some(Answer { error_code, ..self.answer(outcome, text) }),
            Some(first) if first.outcome == malformed || outcome == malformed => first.outcome = malformed,
            Some(first) => first.outcome = Outcome::Protocol(ProtocolFault::Duplicate),
        }
    }

    async fn error(&mut self) -> Answer {
        let (bytes, cut) = self.collect(MAX_ERROR_BODY).await;
        if let Some(Cut::Failed(failure)) = cut {
            return self.answer(failure.outcome, failure.words);
        }
        let mut answer = self.answer(Outcome::HttpStatus(self.status.as_u16()), lossy(&bytes));
        answer.error_code = error_code(&answer.text);
        answer
    }

    async fn not_rpc(&mut self) -> Answer {
        let (bytes, cut) = self.collect(MAX_ERROR_BODY).await;
        if let Some(Cut::Failed(failure)) = cut {
            return self.answer(failure.outcome, failure.words);
        }
        let empty = bytes.is_empty() || self.status == StatusCode::ACCEPTED;
        let fault = if empty { ProtocolFault::Missing } else { ProtocolFault::Malformed };
        self.answer(Outcome::Protocol(fault), lossy(&bytes))
    }

    async fn plain(&mut self, step: &Step) -> Answer {
        let accepted = match check::wanted_status(&step.checks) {
            Some(wanted) => self.status.as_u16() == wanted,
            None => self.status.is_success() || step.operation.accepts(self.status.as_u16()),
        };
        if !accepted {
            return self.error().await;
        }
        let (bytes, cut) = self.collect(MAX_REPLY_BYTES).await;
        if let Some(cut) = cut {
            return self.cut(cut);
        }
        let mut answer = self.answer(Outcome::Ok, lossy(&bytes));
        if !check::all_hold(&step.checks, &answer.text) {
            answer.outcome = Outcome::CheckFailed;
        }
        answer
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

fn judge(step: &Step, result: &str) -> Outcome {
    let is_tool_call = matches!(step.operation, Operation::CallTool { .. });
    let outcome = envelope::judge_result(result, is_tool_call);
    if outcome == Outcome::Ok && !check::all_hold(&step.checks, result) {
        return Outcome::CheckFailed;
    }
    outcome
}

fn error_code(body: &str) -> Option<i64> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    value.pointer("/error/code")?.as_i64()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
