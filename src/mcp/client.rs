//! One user's way to the target: its connection, its credentials, its session, and one call at a time.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::buffer;
use super::connection::{Connection, SendFailure};
use super::deadline::{Deadline, Passed};
use super::extract;
use super::failure::Failure;
use super::fields::Fields;
use super::http1::SESSION_HEADER;
use super::reason::Reason;
use super::reply::{self, Answer, Progress};
use super::wire::{self, Wire};
use crate::clock::Clock;
use crate::model::{CounterRng, Outcome, ProtocolFault, Secret, TimeoutPhase, TransportFault};
use crate::plan::{Operation, RenderContext, Step, StepId, Variables};

const AUTHORIZATION: &str = "authorization";
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
    deadline: Deadline,
    /// The header fields of every call of this user...
    plain_fields: Fields,
    /// ... and of those that belong to its session.
    session_fields: Fields,
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
            | Operation::Request(_)
            | Operation::RestGet { .. }
            | Operation::RestPost { .. }
            | Operation::EndSession => None,
        }
    }
}

/// One call, over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed, in the words of whatever said so: one printable line without secrets. `None` for success.
    pub reason: Option<Box<str>>,
    /// When the user set about it: connecting, where that was needed, is part of the call.
    pub sent: Duration,
    /// When the head of the answer was there.
    pub first_byte: Option<Duration>,
    /// When the answer was there, or the call was given up.
    pub end: Duration,
    /// True when the server kept the answer's stream open: its user waited for the end of it in vain, after `end`, for up to
    /// 250 ms.
    pub left_open: bool,
    /// How long its user waited for the end of the answer's stream, after `end`.
    pub held: Duration,
}

/// What changes with each call of a user, beside the id.
#[derive(Debug)]
pub struct CallContext<'a> {
    /// The user's iteration, from 1.
    pub iteration: u64,
    /// When the user sets about it, on the client's clock.
    pub sent: Duration,
    /// The user's draws for arguments.
    pub rng: &'a mut CounterRng,
    /// The variables of its iteration: the request is made of them, and the answer may fill some.
    pub variables: &'a mut Variables,
}

impl Client {
    /// A client for user `vu` (from 1; 0 is gander's own first contact). Nothing is sent yet.
    pub fn new(wire: Arc<Wire>, clock: Clock, vu: u32) -> Self {
        Self {
            wire,
            clock,
            vu,
            last_id: u64::from(vu) * IDS_PER_USER,
            connection: Connection::default(),
            deadline: Deadline::default(),
            plain_fields: Fields::default(),
            session_fields: Fields::default(),
            has_token: false,
            session: Session::Closed,
        }
    }

    /// The time on its clock.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
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
        self.wire.tear_down.filter(|_| self.session_fields.contains(SESSION_HEADER))
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
    pub(super) fn is_connected(&mut self) -> bool {
        self.connection.is_open()
    }

    /// Makes one call of `step` and waits for its answer, no longer than the step's deadline.
    pub async fn perform(&mut self, step: StepId, context: CallContext<'_>) -> Exchange {
        let keep_text = self.wire.set_up.contains(&step) || !self.wire.steps[step.index()].extract.is_empty();
        self.make(step, context, keep_text).await.0
    }

    /// [`Self::perform`], with what came back.
    pub(crate) async fn ask(&mut self, step: StepId, context: CallContext<'_>) -> (Exchange, Option<Answer>) {
        self.make(step, context, true).await
    }

    async fn make(
        &mut self,
        step: StepId,
        context: CallContext<'_>,
        keep_text: bool,
    ) -> (Exchange, Option<Answer>) {
        let wire = Arc::clone(&self.wire);
        let step = &wire.steps[step.index()];
        let CallContext { iteration, sent, rng, variables } = context;
        let context = CallContext { iteration, sent, rng, variables: &mut *variables };
        let deadline = self.clock.moment(sent + step.deadline).into();
        let mut progress = Progress::new(keep_text);
        let mut timer = std::mem::take(&mut self.deadline);
        let early = timer.limit(deadline, self.exchange(&wire, step, context, &mut progress)).await;
        self.deadline = timer;
        if !matches!(early, Ok(Ok(()))) {
            self.connection.close();
        }
        let first_byte = progress.first_byte;
        if let Some(mut answer) = progress.answer {
            // Before an answer has credentials forgotten that it may echo.
            let mut reason = Reason::of_answer(step, &answer);
            if answer.outcome == Outcome::Ok
                && let Err(complaint) = extract::take(step, &answer.text, variables)
            {
                answer.outcome = Outcome::CheckFailed;
                reason = Some(Reason::of_extraction(&complaint, step, &answer));
            }
            let mut reason =
                reason.map(|reason| reason.told(answer.outcome, &self.wire.secrets, self.session_id()));
            if let Err(failure) = self.take_note(&step.operation, &answer) {
                answer.outcome = failure.outcome;
                reason =
                    Some(Reason::from(failure).told(answer.outcome, &self.wire.secrets, self.session_id()));
            }
            let Progress { left_open, drained, .. } = progress;
            let end = answer.end;
            let held = if drained { self.clock.now().saturating_sub(end) } else { Duration::ZERO };
            let exchange =
                Exchange { outcome: answer.outcome, reason, sent, first_byte, end, left_open, held };
            return (exchange, Some(answer));
        }
        let end = self.clock.now();
        let (outcome, reason) = match early {
            Ok(Err(failure)) => (failure.outcome, failure.into()),
            Ok(Ok(())) => {
                let failure = Failure::bare(Outcome::Protocol(ProtocolFault::Missing));
                (failure.outcome, failure.into())
            }
            Err(Passed) => {
                let outcome = Outcome::Transport(TransportFault::Timeout(progress.phase));
                (outcome, Reason::of_timeout(progress.phase, step.deadline))
            }
        };
        let reason = Some(reason.told(outcome, &self.wire.secrets, self.session_id()));
        (Exchange { outcome, reason, sent, first_byte, end, left_open: false, held: Duration::ZERO }, None)
    }

    /// The session that the server named: as good as a secret.
    fn session_id(&self) -> &str {
        self.session_fields.get(SESSION_HEADER).filter(|id| is_secret(id)).unwrap_or_default()
    }

    async fn exchange(
        &mut self,
        wire: &Wire,
        step: &Step,
        context: CallContext<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.last_id += 1;
        let id = self.last_id;
        let mut request = buffer::take_write();
        let mut render = RenderContext {
            vu: self.vu,
            iteration: context.iteration,
            nonce: id,
            rng: context.rng,
            variables: context.variables,
        };
        let fields = if step.operation.has_session() { &self.session_fields } else { &self.plain_fields };
        wire.forms[step.id.index()].write(id, fields, &mut render, &mut request);
        loop {
            progress.phase = TimeoutPhase::Connect;
            let fresh = !self.connection.is_open();
            if fresh {
                self.connection.open(&wire.address).await?;
            }
            progress.phase = TimeoutPhase::FirstByte;
            match self.connection.send(&request).await {
                Ok(()) => break,
                Err(SendFailure::Failed(failure)) => return Err(failure),
                // A new connection that is closed before it takes a request is the target's doing.
                Err(SendFailure::NotWritten) if fresh => {
                    let words = "the connection was closed before it took a request";
                    return Err(Failure::worded(Outcome::Transport(TransportFault::Eof), words));
                }
                Err(SendFailure::NotWritten) => {}
            }
        }
        buffer::give_write(request);
        reply::read(&mut self.connection, step, id, self.clock, progress).await
    }

    /// Draws from an answer what the next calls need; a set-up answer that lacks it has failed.
    fn take_note(&mut self, operation: &Operation, answer: &Answer) -> Result<(), Failure> {
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
                self.plain_fields.remove(AUTHORIZATION);
                self.session_fields.remove(AUTHORIZATION);
            }
        }
        Ok(())
    }

    fn logged_in(&mut self, answer: &Answer) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Token {
            access_token: Secret,
        }
        let token = serde_json::from_str::<Token>(&answer.text).ok().and_then(|answer| {
            self.wire.secrets.learn(answer.access_token.expose());
            wire::bearer(&answer.access_token)
        });
        let Some(token) = token else { return Err(malformed("the answer has no usable `access_token`")) };
        self.plain_fields.set(AUTHORIZATION, &token);
        self.session_fields.set(AUTHORIZATION, &token);
        self.has_token = true;
        Ok(())
    }

    fn opened(&mut self, answer: &Answer) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Initialized {
            #[serde(rename = "protocolVersion")]
            protocol_version: String,
        }
        let Ok(result) = serde_json::from_str::<Initialized>(&answer.text) else {
            return Err(malformed("the answer has no `protocolVersion`"));
        };
        if !self.wire.revision.is_empty() && result.protocol_version != self.wire.revision {
            return Err(malformed(&format!(
                "the server settles on revision {} now; at first contact it was {}",
                result.protocol_version, self.wire.revision
            )));
        }
        if let Some(session) = &answer.session {
            if let Some(id) = session.to_str().ok().filter(|id| is_secret(id)) {
                self.wire.secrets.learn_passing(id);
            }
            self.session_fields.set(SESSION_HEADER, session);
        }
        self.session = Session::Opened;
        Ok(())
    }

    fn end_session(&mut self) {
        self.session_fields.remove(SESSION_HEADER);
        self.session = Session::Closed;
    }

    /// A dead session answers 404; servers are known that say 400 with a text about it.
    fn lost_session(&self, status: u16, body: &str) -> bool {
        self.session_fields.contains(SESSION_HEADER)
            && (status == 404 || (status == 400 && body.to_ascii_lowercase().contains("session")))
    }
}

/// A session id that is shorter keeps nobody out, and would be struck out of every text that has its letters.
fn is_secret(id: &str) -> bool {
    const SHORTEST: usize = 8;
    id.len() >= SHORTEST
}

fn malformed(words: &str) -> Failure {
    Failure { outcome: Outcome::Protocol(ProtocolFault::Malformed), words: words.to_owned() }
}
