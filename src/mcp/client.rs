//! One user's way to the target: its connection, its credentials, its session, and one call at a time.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;

use super::connection::{Connection, SendFailure};
use super::reply::{self, Answer, Progress};
use super::wire::{self, Wire};
use crate::clock::Clock;
use crate::model::{CounterRng, Outcome, ProtocolFault, Secret, TimeoutPhase, TransportFault};
use crate::plan::{Operation, RenderContext, Step, StepId};

const SESSION_HEADER: &str = "mcp-session-id";
/// Ids of one user: its number times this, plus a count. Unique in the run, and exact as a JSON number.
const IDS_PER_USER: u64 = 1_000_000_000;

/// A user's client. Calls are made one after the other.
#[derive(Debug)]
pub struct Client {
    wire: Arc<Wire>,
    clock: Clock,
    vu: u32,
    last_id: u64,
    connection: Connection,
    plain_headers: HeaderMap,
    rpc_headers: HeaderMap,
    has_token: bool,
    session: Session,
}

/// How far the handshake has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// Not begun, or lost.
    Closed,
    /// `initialize` was answered.
    Opened,
    /// The server knows that we are ready.
    Ready,
}

/// A call that changes what the client may do next.
#[derive(Debug, Clone, Copy)]
enum SetUp {
    Login,
    Initialize,
    Initialized,
}

impl SetUp {
    fn of(operation: &Operation) -> Option<Self> {
        match operation {
            Operation::Login => Some(Self::Login),
            Operation::Initialize => Some(Self::Initialize),
            Operation::Initialized => Some(Self::Initialized),
            Operation::CallTool { .. }
            | Operation::ListTools
            | Operation::ReadResource { .. }
            | Operation::GetPrompt { .. }
            | Operation::Ping
            | Operation::RestGet { .. }
            | Operation::RestPost { .. }
            | Operation::Discover
            | Operation::EndSession => None,
        }
    }
}

/// One call, over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// How it ended.
    pub outcome: Outcome,
    /// When the user set about it: connecting, where that was needed, is part of the call.
    pub sent: Duration,
    /// When the head of the answer was there.
    pub first_byte: Option<Duration>,
    /// When the answer was there, or the call was given up.
    pub end: Duration,
}

/// What changes with each call of a user, beside the id.
#[derive(Debug)]
pub struct CallContext<'a> {
    /// The user's iteration, from 1.
    pub iteration: u64,
    /// The user's draws for arguments.
    pub rng: &'a mut CounterRng,
}

impl Client {
    /// A client for user `vu` (from 1; 0 is gander's own first contact). Nothing is sent yet.
    pub fn new(wire: Arc<Wire>, clock: Clock, vu: u32) -> Self {
        let headers = wire.headers.clone();
        Self {
            wire,
            clock,
            vu,
            last_id: u64::from(vu) * IDS_PER_USER,
            connection: Connection::default(),
            plain_headers: headers.clone(),
            rpc_headers: headers,
            has_token: false,
            session: Session::Closed,
        }
    }

    /// The set-up call that must succeed before the next call of the load; `None` when there is none.
    pub fn next_set_up(&self) -> Option<StepId> {
        self.wire.set_up.iter().copied().find(|id| match SetUp::of(&self.wire.steps[id.index()].operation) {
            Some(SetUp::Login) => !self.has_token,
            Some(SetUp::Initialize) => self.session == Session::Closed,
            Some(SetUp::Initialized) => self.session == Session::Opened,
            None => false,
        })
    }

    /// The call that ends the session; `None` when there is no session that the server named.
    pub fn next_tear_down(&self) -> Option<StepId> {
        self.wire.tear_down.filter(|_| self.rpc_headers.contains_key(SESSION_HEADER))
    }

    /// Forgets the session, named by the server or not: the next call of the load shakes hands anew. The connection and
    /// the credentials stay.
    pub fn reset(&mut self) {
        self.end_session();
    }

    /// Goes on with `wire`, which has the revision that the handshake settled on.
    pub(crate) fn adopt(&mut self, wire: Arc<Wire>) {
        self.wire = wire;
    }

    /// True when the next call need not connect.
    #[cfg(test)]
    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_open()
    }

    /// Makes one call of `step` and waits for its answer, no longer than the step's deadline.
    pub async fn perform(&mut self, step: StepId, context: CallContext<'_>) -> Exchange {
        self.ask(step, context).await.0
    }

    /// [`Self::perform`], with what came back.
    pub(crate) async fn ask(&mut self, step: StepId, context: CallContext<'_>) -> (Exchange, Option<Answer>) {
        let wire = Arc::clone(&self.wire);
        let step = &wire.steps[step.index()];
        let sent = self.clock.now();
        let deadline = tokio::time::Instant::now() + step.deadline;
        let mut progress = Progress::new();
        let early = tokio::time::timeout_at(deadline, self.exchange(step, context, &mut progress)).await;
        if !progress.reusable {
            self.connection.close();
        }
        let first_byte = progress.first_byte;
        if let Some(answer) = progress.answer {
            let outcome = self.take_note(&step.operation, &answer);
            return (Exchange { outcome, sent, first_byte, end: answer.end }, Some(answer));
        }
        let outcome = match early {
            Ok(Err(outcome)) => outcome,
            Ok(Ok(())) => Outcome::Protocol(ProtocolFault::Missing),
            Err(_) => Outcome::Transport(TransportFault::Timeout(progress.phase)),
        };
        (Exchange { outcome, sent, first_byte, end: self.clock.now() }, None)
    }

    async fn exchange(
        &mut self,
        step: &Step,
        context: CallContext<'_>,
        progress: &mut Progress,
    ) -> Result<(), Outcome> {
        self.last_id += 1;
        let id = self.last_id;
        let headers = if step.operation.has_session() { &self.rpc_headers } else { &self.plain_headers };
        let mut render =
            RenderContext { vu: self.vu, iteration: context.iteration, nonce: id, rng: context.rng };
        let mut request = self.wire.forms[step.id.index()]
            .complete(id, headers, &mut render)
            .map_err(|_| Outcome::Protocol(ProtocolFault::Malformed))?;
        let response = loop {
            progress.phase = TimeoutPhase::Connect;
            let fresh = !self.connection.is_open();
            self.connection.open(&self.wire.address).await?;
            progress.phase = TimeoutPhase::FirstByte;
            match self.connection.send(request).await {
                Ok(response) => break response,
                Err(SendFailure::Failed(outcome)) => return Err(outcome),
                // A new connection that is closed before it takes a request is the target's doing.
                Err(SendFailure::NotWritten(_)) if fresh => {
                    return Err(Outcome::Transport(TransportFault::Eof));
                }
                Err(SendFailure::NotWritten(back)) => request = *back,
            }
        };
        reply::read(response, step, id, self.clock, progress).await;
        Ok(())
    }

    /// Draws from an answer what the next calls need; gives the outcome, which set-up answers may still fail.
    fn take_note(&mut self, operation: &Operation, answer: &Answer) -> Outcome {
        let outcome = answer.outcome;
        if *operation == Operation::EndSession {
            self.end_session();
        } else if outcome == Outcome::Ok {
            match SetUp::of(operation) {
                Some(SetUp::Login) => return self.logged_in(answer),
                Some(SetUp::Initialize) => return self.opened(answer),
                Some(SetUp::Initialized) => self.session = Session::Ready,
                None => {}
            }
        }
        if let Outcome::HttpStatus(status) = outcome {
            if operation.has_session() && self.lost_session(status, &answer.text) {
                self.end_session();
            }
            if status == 401 && self.has_token {
                self.has_token = false;
                self.plain_headers.remove(AUTHORIZATION);
                self.rpc_headers.remove(AUTHORIZATION);
            }
        }
        outcome
    }

    fn logged_in(&mut self, answer: &Answer) -> Outcome {
        #[derive(Deserialize)]
        struct Token {
            access_token: Secret,
        }
        let token = serde_json::from_str::<Token>(&answer.text).ok().and_then(|answer| {
            self.wire.secrets.learn(answer.access_token.expose());
            wire::bearer(&answer.access_token)
        });
        let Some(token) = token else { return Outcome::Protocol(ProtocolFault::Malformed) };
        self.plain_headers.insert(AUTHORIZATION, token.clone());
        self.rpc_headers.insert(AUTHORIZATION, token);
        self.has_token = true;
        Outcome::Ok
    }

    fn opened(&mut self, answer: &Answer) -> Outcome {
        #[derive(Deserialize)]
        struct Initialized {
            #[serde(rename = "protocolVersion")]
            protocol_version: String,
        }
        let Ok(result) = serde_json::from_str::<Initialized>(&answer.text) else {
            return Outcome::Protocol(ProtocolFault::Malformed);
        };
        if !self.wire.revision.is_empty() && result.protocol_version != self.wire.revision {
            return Outcome::Protocol(ProtocolFault::Malformed);
        }
        if let Some(session) = &answer.session {
            self.rpc_headers.insert(SESSION_HEADER, session.clone());
        }
        self.session = Session::Opened;
        Outcome::Ok
    }

    fn end_session(&mut self) {
        self.rpc_headers.remove(SESSION_HEADER);
        self.session = Session::Closed;
    }

    /// A dead session answers 404; servers are known that say 400 with a text about it.
    fn lost_session(&self, status: u16, body: &str) -> bool {
        self.rpc_headers.contains_key(SESSION_HEADER)
            && (status == 404 || (status == 400 && body.to_ascii_lowercase().contains("session")))
    }
}
