//! From the head of an HTTP answer to an outcome: JSON or a stream of events, whichever the server chose.

use std::time::Duration;

use http::HeaderValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::aside::Aside;
use super::belonging::Belonging;
use super::check;
use super::connection::{Collected, Connection, Cut};
use super::envelope::{self, Message};
use super::failure::Failure;
use super::http1::{ContentKind, Head, HeadWants};
use super::protocol::MAX_REPLY_BYTES;
use super::sse::SseParser;
use super::tasks;
use crate::clock::Clock;
use crate::model::{Era, Outcome, ProtocolFault, StreamTimes, TimeoutPhase};
use crate::plan::{Operation, Step};

/// How much of a failed answer's body is read: enough to tell why.
const MAX_ERROR_BODY: usize = 16 * 1024;
/// How long a server may keep a stream open after the answer before it is given up. It is in no latency: reports count
/// the answers that cost their users as much.
const DRAIN: Duration = Duration::from_millis(250);

/// A call while it is under way, and after. It is outside the future that a deadline may drop.
#[derive(Debug)]
pub(crate) struct Progress {
    /// What it waits for.
    pub(crate) phase: TimeoutPhase,
    /// When the head of the answer was there.
    pub(crate) first_byte: Option<Duration>,
    /// When the answer was there, and what came of it.
    pub(crate) answer: Option<Answer>,
    /// True while the answer is there and the end of its stream is not.
    pub(crate) left_open: bool,
    /// When the parts of the answer came, where it comes in parts.
    pub(crate) stream: Option<StreamTimes>,
    /// True once the end of a stream was waited for after the answer.
    pub(crate) drained: bool,
    /// Where the answer's stream goes on that ended too early.
    pub(crate) resumption: Option<Box<Resumption>>,
    /// How often the answer's stream was opened again.
    pub(crate) resumed: u32,
    /// Who is to be told that a stream is open that is held open.
    pub(crate) opened: Option<oneshot::Sender<Duration>>,
    /// The id of the task as which it runs.
    pub(crate) task: Option<Box<str>>,
    /// Whose the answers are.
    pub(crate) belonging: Belonging,
    /// True when the answer's text is wanted although all is well.
    keep_text: bool,
}

/// Where a stream of events goes on, after it ended.
#[derive(Debug)]
pub(crate) struct Resumption {
    /// The last event that was seen, where it has an id.
    pub(crate) last_id: Option<HeaderValue>,
    /// How long the server wants to be left alone before; `None` where it does not say.
    pub(crate) pause: Option<Duration>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    /// When its last byte was there.
    pub(crate) end: Duration,
    pub(crate) outcome: Outcome,
    /// The HTTP status; 0 where there is none.
    pub(crate) status: u16,
    /// The session that the server named.
    pub(crate) session: Option<HeaderValue>,
    /// The JSON text of the result or the body of a plain answer, where it was wanted; the JSON text of a JSON-RPC error,
    /// or the start of what was no proper answer.
    pub(crate) text: String,
    /// The JSON-RPC error code, even where the HTTP status told of the failure first.
    pub(crate) error_code: Option<i64>,
    /// How to get in, of a refusal.
    pub(crate) challenge: Option<Box<str>>,
}

impl Progress {
    /// Nothing has happened yet.
    pub(crate) fn new(keep_text: bool) -> Self {
        Self {
            phase: TimeoutPhase::Connect,
            first_byte: None,
            answer: None,
            left_open: false,
            stream: None,
            drained: false,
            resumption: None,
            resumed: 0,
            opened: None,
            task: None,
            belonging: Belonging::default(),
            keep_text,
        }
    }

    /// The same call, to be made again.
    pub(super) fn renewed(&self) -> Self {
        Self::new(self.keep_text)
    }

    /// The stream is open since `at`.
    pub(crate) fn open(&mut self, at: Duration) {
        if let Some(opened) = self.opened.take() {
            // Whoever waited may have gone.
            let _ = opened.send(at);
        }
    }

    /// It went on like this.
    pub(super) fn go_on(&mut self, mut next: Self) {
        next.first_byte = self.first_byte.or(next.first_byte);
        next.stream = match (self.stream, next.stream) {
            (Some(first), Some(next)) => Some(first.followed_by(next)),
            (first, next) => first.or(next),
        };
        next.resumed += self.resumed;
        next.belonging.echoed |= self.belonging.echoed;
        next.task = self.task.take();
        *self = next;
    }

    /// True when nothing is asked of a good answer to `step` but that it is one.
    pub(super) fn is_plain(&self, step: &Step) -> bool {
        !self.keep_text && step.checks.is_empty()
    }

    /// What a good answer said is of use to set-up calls alone; what a failed one said is told.
    pub(super) fn wants_text(&self, outcome: Outcome) -> bool {
        self.keep_text || outcome != Outcome::Ok
    }
}

/// Reads the answer to the request `id` of `step` into `progress`.
pub(crate) async fn read(
    connection: &mut Connection,
    step: &Step,
    id: u64,
    clock: Clock,
    progress: &mut Progress,
    aside: Aside<'_>,
) -> Result<(), Failure> {
    let wants = if step.operation == Operation::Initialize { HeadWants::Session } else { HeadWants::Nothing };
    let Head { status, content, session, challenge, .. } = connection.head(wants).await?;
    progress.phase = TimeoutPhase::Body;
    progress.first_byte = Some(clock.now());
    let mut reader = Reader { connection, clock, id, status, session, challenge, progress, aside };
    let answer = if !step.operation.is_rpc() {
        Some(reader.plain(step).await)
    } else if is_success(status) {
        match content {
            ContentKind::Json => Some(reader.json(step).await),
            ContentKind::Events => reader.events(step).await,
            ContentKind::Other => Some(reader.not_rpc().await),
        }
    } else {
        Some(reader.error().await)
    };
    over(answer, connection, progress);
    Ok(())
}

/// Reads on in the answer to the request `id` of `step`, whose stream was opened again.
pub(crate) async fn read_on(
    connection: &mut Connection,
    step: &Step,
    id: u64,
    clock: Clock,
    progress: &mut Progress,
    aside: Aside<'_>,
) -> Result<(), Failure> {
    let Head { status, content, .. } = connection.head(HeadWants::Nothing).await?;
    progress.phase = TimeoutPhase::Body;
    let mut reader =
        Reader { connection, clock, id, status, session: None, challenge: None, progress, aside };
    let answer = if is_success(status) && content == ContentKind::Events {
        reader.events(step).await
    } else {
        let words = format!("its stream ended early, and is not to be had again: HTTP {status}");
        Some(reader.answer(Outcome::Protocol(ProtocolFault::Missing), words))
    };
    over(answer, connection, progress);
    Ok(())
}

/// What was to be read is read; an answer that came in a stream is in `progress` already.
fn over(answer: Option<Answer>, connection: &mut Connection, progress: &mut Progress) {
    if answer.is_some() {
        progress.answer = answer;
    }
    connection.finish();
}

/// Where the stream goes on that `parser` read and that ended as `fault`.
fn resumption(parser: &SseParser, fault: Outcome) -> Option<Box<Resumption>> {
    let ended = matches!(fault, Outcome::Transport(_) | Outcome::Protocol(ProtocolFault::Missing));
    let last_id = parser.last_id().and_then(|id| HeaderValue::from_bytes(id).ok());
    ended.then(|| Box::new(Resumption { last_id, pause: parser.retry() }))
}

struct Reader<'a> {
    connection: &'a mut Connection,
    clock: Clock,
    id: u64,
    status: u16,
    session: Option<HeaderValue>,
    challenge: Option<Box<str>>,
    progress: &'a mut Progress,
    aside: Aside<'a>,
}

impl Reader<'_> {
    fn answer(&mut self, outcome: Outcome, text: String) -> Answer {
        Answer { end: self.clock.now(), text, ..self.unread(outcome) }
    }

    /// An answer whose end is still to come, and which may be told as `outcome` then.
    fn unread(&mut self, outcome: Outcome) -> Answer {
        Answer {
            end: Duration::ZERO,
            outcome,
            status: self.status,
            session: self.session.take(),
            text: String::new(),
            error_code: None,
            challenge: self.challenge.take(),
        }
    }

    async fn json(&mut self, step: &Step) -> Answer {
        let mut answer = self.unread(Outcome::Protocol(ProtocolFault::Missing));
        let mut gathered = Vec::new();
        let Collected { bytes, cut } = self.connection.collect(MAX_REPLY_BYTES, &mut gathered).await;
        answer.end = self.clock.now();
        if let Some(cut) = cut {
            let Failure { outcome, words } = cut.failure();
            return Answer { outcome, text: words, ..answer };
        }
        self.progress.belonging.look(bytes);
        if self.progress.is_plain(step) && envelope::is_good_answer(bytes, self.id) {
            answer.outcome = Outcome::Ok;
            return answer;
        }
        match envelope::read(bytes, self.id) {
            Message::Result(result) => {
                answer.outcome = judge(step, result);
                if self.progress.wants_text(answer.outcome) {
                    result.clone_into(&mut answer.text);
                }
            }
            Message::Error { code, json } => {
                answer.outcome = Outcome::JsonRpcError(code);
                answer.error_code = Some(code);
                json.clone_into(&mut answer.text);
            }
            Message::OtherId(named) => answer.outcome = self.progress.belonging.of_id(named),
            Message::Malformed if !bytes.is_empty() => {
                answer.outcome = Outcome::Protocol(ProtocolFault::Malformed);
                answer.text = beginning(bytes);
            }
            Message::Malformed | Message::Other => {}
        }
        answer
    }

    /// Reads a stream to its end; an answer in it goes to the progress as soon as it is there, out of reach of the
    /// deadline. Gives the answer that stands for a stream without one.
    async fn events(&mut self, step: &Step) -> Option<Answer> {
        let mut parser = SseParser::default();
        let mut wrong_id = false;
        let mut drain_until = None;
        self.progress.stream = Some(StreamTimes::default());
        // In the modern era the first message says that it is.
        if self.progress.opened.is_some() && self.aside.beside.era == Era::Legacy {
            self.progress.open(self.clock.now());
        }
        let fault = loop {
            let next = match drain_until {
                None => self.connection.piece().await,
                // A server that keeps the stream open: the connection is lost to us, the answer is not.
                Some(until) if Instant::now() >= until => return None,
                Some(until) => match tokio::time::timeout_at(until, self.connection.piece()).await {
                    Ok(next) => next,
                    Err(_) => return None,
                },
            };
            let piece = match next {
                Ok(Some(piece)) => piece,
                Ok(None) if wrong_id => break Failure::bare(Outcome::Protocol(ProtocolFault::WrongId)),
                Ok(None) => break Failure::bare(Outcome::Protocol(ProtocolFault::Missing)),
                Err(failure) => break failure,
            };
            let mut stream = Answers {
                clock: self.clock,
                status: self.status,
                session: &mut self.session,
                progress: &mut *self.progress,
            };
            parser.push(piece, |event| {
                if stream.progress.answer.is_none()
                    && stream.progress.is_plain(step)
                    && envelope::is_good_answer(event, self.id)
                {
                    stream.progress.belonging.look(event);
                    return stream.accept_good();
                }
                match envelope::read(event, self.id) {
                    Message::Other => {
                        let token = self.aside.take(event);
                        let is_own = token == Some(self.id) && step.conduct.progress;
                        stream.beside(if is_own { Beside::Progress } else { Beside::Other });
                    }
                    Message::OtherId(named) => {
                        wrong_id = true;
                        stream.progress.belonging.of_id(named);
                    }
                    message @ (Message::Result(_) | Message::Error { .. } | Message::Malformed) => {
                        stream.progress.belonging.look(event);
                        stream.accept(&message, event, step);
                    }
                }
            });
            if parser.pending() > MAX_REPLY_BYTES {
                break Failure::bare(Outcome::Protocol(ProtocolFault::TooLarge));
            }
            if self.progress.answer.is_some() && drain_until.is_none() {
                drain_until = Some(Instant::now() + DRAIN);
                self.progress.left_open = true;
                self.progress.drained = true;
            }
        };
        self.progress.left_open = false;
        if self.progress.answer.is_some() {
            return None;
        }
        self.progress.resumption = resumption(&parser, fault.outcome).filter(|resumption| {
            // Where a call goes on must be known; a stream that is held open is opened anew as well.
            resumption.last_id.is_some() || step.operation.is_listening()
        });
        Some(self.answer(fault.outcome, fault.words))
    }

    async fn error(&mut self) -> Answer {
        let (text, cut) = self.text(MAX_ERROR_BODY).await;
        if let Some(Cut::Failed(Failure { outcome, words })) = cut {
            return self.answer(outcome, words);
        }
        let mut answer = self.answer(Outcome::HttpStatus(self.status), text);
        answer.error_code = error_code(&answer.text);
        answer
    }

    async fn not_rpc(&mut self) -> Answer {
        let (text, cut) = self.text(MAX_ERROR_BODY).await;
        if let Some(Cut::Failed(Failure { outcome, words })) = cut {
            return self.answer(outcome, words);
        }
        let empty = text.is_empty() || self.status == ACCEPTED;
        let fault = if empty { ProtocolFault::Missing } else { ProtocolFault::Malformed };
        self.answer(Outcome::Protocol(fault), text)
    }

    async fn plain(&mut self, step: &Step) -> Answer {
        let accepted = match check::wanted_status(&step.checks) {
            Some(wanted) => self.status == wanted,
            None => is_success(self.status) || step.operation.accepts(self.status),
        };
        if !accepted {
            return self.error().await;
        }
        let mut answer = self.unread(Outcome::Ok);
        let mut gathered = Vec::new();
        let Collected { bytes, cut } = self.connection.collect(MAX_REPLY_BYTES, &mut gathered).await;
        answer.end = self.clock.now();
        if let Some(cut) = cut {
            let Failure { outcome, words } = cut.failure();
            return Answer { outcome, text: words, ..answer };
        }
        self.progress.belonging.look(bytes);
        let text = String::from_utf8_lossy(bytes);
        if !check::all_hold(&step.checks, &text) {
            answer.outcome = Outcome::CheckFailed;
        }
        if self.progress.wants_text(answer.outcome) {
            answer.text = text.into_owned();
        }
        answer
    }

    /// The beginning of a body that tells why a call failed.
    async fn text(&mut self, limit: usize) -> (String, Option<Cut>) {
        let mut gathered = Vec::new();
        let Collected { bytes, cut } = self.connection.collect(limit, &mut gathered).await;
        (lossy(bytes), cut)
    }
}

/// What a message beside an answer is about.
#[derive(Clone, Copy)]
enum Beside {
    /// How far the call is.
    Progress,
    Other,
}

/// Where the answers in a stream of events go.
struct Answers<'a> {
    clock: Clock,
    status: u16,
    session: &'a mut Option<HeaderValue>,
    progress: &'a mut Progress,
}

impl Answers<'_> {
    /// Takes note of a message beside the answer.
    fn beside(&mut self, progress: Beside) {
        if let (None, Some(times)) = (&self.progress.answer, &mut self.progress.stream) {
            let at = self.clock.now();
            times.event(at);
            match progress {
                Beside::Progress => times.progress(at),
                Beside::Other => {}
            }
            self.progress.open(at);
        }
    }

    /// The answer was there at `end`.
    fn answered(&mut self, end: Duration) {
        if let (None, Some(times)) = (&self.progress.answer, &mut self.progress.stream) {
            times.event(end);
        }
    }

    /// Takes the first answer, which is good.
    fn accept_good(&mut self) {
        let (end, status, session) = (self.clock.now(), self.status, self.session.take());
        self.answered(end);
        let text = String::new();
        self.progress.answer = Some(Answer {
            end,
            outcome: Outcome::Ok,
            status,
            session,
            text,
            error_code: None,
            challenge: None,
        });
    }

    /// Takes an answer. What comes after it can only spoil it.
    fn accept(&mut self, message: &Message<'_>, event: &[u8], step: &Step) {
        let end = self.clock.now();
        self.answered(end);
        let malformed = Outcome::Protocol(ProtocolFault::Malformed);
        let (outcome, text, error_code) = match message {
            Message::Result(result) => {
                let outcome = judge(step, result);
                let text = if self.progress.wants_text(outcome) { result } else { "" };
                (outcome, text.to_owned(), None)
            }
            Message::Error { code, json } => (Outcome::JsonRpcError(*code), (*json).to_owned(), Some(*code)),
            Message::OtherId(_) | Message::Other | Message::Malformed => (malformed, beginning(event), None),
        };
        match &mut self.progress.answer {
            None => {
                let (status, session) = (self.status, self.session.take());
                let answer = Answer { end, outcome, status, session, text, error_code, challenge: None };
                self.progress.answer = Some(answer);
            }
            Some(first) if first.outcome == malformed || outcome == malformed => first.outcome = malformed,
            Some(first) => first.outcome = Outcome::Protocol(ProtocolFault::Duplicate),
        }
    }
}

/// Received, and no answer will come.
const ACCEPTED: u16 = 202;

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

impl Cut {
    fn failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::TooLarge => Failure::bare(Outcome::Protocol(ProtocolFault::TooLarge)),
        }
    }
}

impl Operation {
    /// True when the answer is a JSON-RPC message.
    pub(crate) fn is_rpc(&self) -> bool {
        match self {
            Self::CallTool { .. } | Self::Request(_) | Self::Listen { .. } | Self::Initialize => true,
            Self::RestGet { .. }
            | Self::RestPost { .. }
            | Self::Login
            | Self::OAuth(_)
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
            | Self::Request(_)
            | Self::Listen { .. }
            | Self::RestGet { .. }
            | Self::RestPost { .. }
            | Self::Login
            | Self::OAuth(_) => self.is_rpc(),
        }
    }

    /// Statuses beyond 2xx that are a proper answer: a server need not support ending sessions.
    fn accepts(&self, status: u16) -> bool {
        matches!(self, Self::EndSession) && status == 405
    }
}

/// What `result` means for `step`.
pub(super) fn judge(step: &Step, result: &str) -> Outcome {
    let outcome = envelope::judge_result(result, step.operation.is_tool_call());
    if outcome == Outcome::Ok && step.conduct.task.is_some() && tasks::is_begun(result, Era::Legacy) {
        // What the tool has to say is still to come.
        return Outcome::Protocol(ProtocolFault::Missing);
    }
    if outcome == Outcome::Ok && !check::all_hold(&step.checks, result) {
        return Outcome::CheckFailed;
    }
    outcome
}

/// The code of a JSON-RPC error that `body` is.
pub(super) fn error_code(body: &str) -> Option<i64> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    value.pointer("/error/code")?.as_i64()
}

/// As much of `bytes` as it takes to tell why.
pub(super) fn beginning(bytes: &[u8]) -> String {
    lossy(&bytes[..bytes.len().min(MAX_ERROR_BODY)])
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
