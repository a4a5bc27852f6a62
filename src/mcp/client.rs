//! One user's way to the target: its connection, its credentials, its session, and one call at a time.

mod cancel;
mod channels;
mod ending;
mod listen;
mod pages;
mod resumption;
mod rounds;
mod tasks;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;

use self::ending::Ending;
pub use self::listen::Bookmark;
use self::pages::Pages;
use self::rounds::{Again, is_unfinished};
use super::answerer::Answerer;
use super::aside::Aside;
use super::belonging::Belonging;
use super::buffer;
use super::channel::Channel;
use super::connection::{Connection, SendFailure};
use super::deadline::Deadline;
use super::failure::Failure;
use super::fields::Fields;
use super::http1::SESSION_HEADER;
use super::login::LoginToken;
use super::oauth::{Holder, Standing};
use super::poster::Poster;
use super::replicas::Others;
use super::reply::{self, Answer, Progress};
use super::tasks::Ask;
use super::wire::{Way, Wire};
use crate::clock::Clock;
use crate::model::{
    CounterRng, IDS_PER_USER, Nonce, Outcome, ProtocolFault, StreamTimes, TimeoutPhase, TransportFault,
};
use crate::plan::{OAuthCall, Operation, RenderContext, Step, StepId, Variables};

const AUTHORIZATION: &str = "authorization";
/// What sets the draws of logins apart from all others of the plan's seed.
const LOGINS: u64 = 0x1061;

/// A user's client. Calls are made one after the other.
#[derive(Debug)]
pub struct Client {
    wire: Arc<Wire>,
    clock: Clock,
    vu: u32,
    last_id: u64,
    connection: Connection,
    /// Of several URLs, the one that it is connected to...
    at: usize,
    /// ... and the connections to the others, by their numbers.
    parked: Vec<Connection>,
    /// The way of messages, where answers do not come on the connection.
    channel: Option<Channel>,
    deadline: Deadline,
    /// The header fields of every call of this user...
    plain_fields: Fields,
    /// ... and of those that belong to its session.
    session_fields: Fields,
    login: LoginToken,
    /// Its hold on a token by OAuth, where there is one to be had. Boxed: few users have one.
    holder: Option<Box<Holder>>,
    session: Session,
    /// What it answers when the target asks it...
    answerer: Arc<Answerer>,
    /// ... and who posts that, once it was asked over HTTP.
    poster: Option<Poster>,
    /// How far it is in a list. Boxed: few users have one.
    pages: Option<Box<Pages>>,
}

/// How a call is made that may be made again.
#[derive(Debug, Clone, Copy, Default)]
struct Attempt<'a> {
    /// The nonce of the first time; `None` the first time.
    nonce: Option<Nonce>,
    /// More members of its parameters: JSON text without braces; may be empty.
    members: &'a [u8],
    /// What is asked about the task as which the call runs; `None`: it is the call itself.
    ask: Option<Ask>,
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
    Token,
    Initialize,
    Initialized,
}

impl SetUp {
    fn of(operation: &Operation) -> Option<Self> {
        match operation {
            Operation::Login => Some(Self::Login),
            Operation::OAuth(OAuthCall::Token) => Some(Self::Token),
            Operation::Initialize => Some(Self::Initialize),
            Operation::Initialized => Some(Self::Initialized),
            Operation::CallTool { .. }
            | Operation::Request(_)
            | Operation::Listen { .. }
            | Operation::RestGet { .. }
            | Operation::RestPost { .. }
            | Operation::OAuth(
                OAuthCall::Challenge | OAuthCall::ResourceMetadata | OAuthCall::ServerMetadata,
            )
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
    /// How often the answer's stream ended before the answer did, and was opened again.
    pub resumed: u32,
    /// True when the answer held the nonce of the call.
    pub echoed: bool,
    /// True when `end` is that of an answer.
    pub answered: bool,
    /// When the parts of the answer came, where it came in parts.
    pub stream: Option<StreamTimes>,
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

/// How a user stands with a token by OAuth.
#[derive(Debug)]
pub enum TokenState {
    /// It has it, or is the one that is to ask for it: a set-up call.
    Ready,
    /// Another user asks for it: there will be news.
    Awaited(watch::Receiver<()>),
    /// There is none to be had: this set-up call failed, as this tells.
    Denied(StepId, Box<str>),
}

impl Client {
    /// A client for user `vu` (from 1; 0 is gander's own first contact). Nothing is sent yet.
    pub fn new(wire: Arc<Wire>, clock: Clock, vu: u32) -> Self {
        let holder = wire.authority.clone().map(|authority| Box::new(Holder::new(authority, vu)));
        let answerer =
            Answerer::new(Arc::clone(&wire.answers), wire.gathered.clone(), (wire.run, vu), wire.seed);
        let login = LoginToken::new(CounterRng::new(wire.seed ^ LOGINS, u64::from(vu)));
        let at = wire.others.as_ref().map_or(0, |others| vu as usize % others.count());
        Self {
            wire,
            clock,
            vu,
            last_id: u64::from(vu) * IDS_PER_USER,
            connection: Connection::default(),
            at,
            parked: Vec::new(),
            channel: None,
            deadline: Deadline::default(),
            plain_fields: Fields::default(),
            session_fields: Fields::default(),
            login,
            holder,
            session: Session::Closed,
            answerer,
            poster: None,
            pages: None,
        }
    }

    /// The id of the last request that it made.
    pub fn last_call(&self) -> u64 {
        self.last_id
    }

    /// The time on its clock.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// The set-up call that must succeed before the next call of the load; `None` when there is none.
    pub fn next_set_up(&self) -> Option<StepId> {
        let session = self.session();
        self.wire.set_up.iter().copied().find(|id| match SetUp::of(&self.wire.steps[id.index()].operation) {
            Some(SetUp::Login) => self.login.is_due(|| self.clock.now()),
            Some(SetUp::Token) => self.holder.as_ref().is_some_and(|holder| holder.asks()),
            Some(SetUp::Initialize) => session == Session::Closed,
            Some(SetUp::Initialized) => session == Session::Opened,
            None => false,
        })
    }

    /// The call that ends the session; `None` when there is no session that the server named.
    pub fn next_tear_down(&self) -> Option<StepId> {
        self.wire.tear_down.filter(|_| self.session_fields.contains(SESSION_HEADER))
    }

    /// Forgets the session, named by the server or not: the next call of the load shakes hands anew. The connection and
    /// the credentials stay; a channel is closed, and with it the process or the stream that is the session.
    pub fn reset(&mut self) {
        self.end_session();
        self.channel = None;
    }

    /// How far the handshake has come; a session does not outlive its channel.
    fn session(&self) -> Session {
        match self.wire.way {
            Way::Http(_) => self.session,
            Way::Events(_) | Way::Lines(_) if self.has_open_channel() => self.session,
            Way::Events(_) | Way::Lines(_) => Session::Closed,
        }
    }

    fn has_open_channel(&self) -> bool {
        self.channel.as_ref().is_some_and(Channel::is_open)
    }

    /// What the target said last beside its messages, fit to be shown; may be empty.
    pub(crate) fn last_words(&self) -> String {
        self.channel.as_ref().map(|channel| channel.last_words(&self.wire.secrets)).unwrap_or_default()
    }

    /// The revision that it speaks.
    pub(crate) fn revision(&self) -> &str {
        &self.wire.revision
    }

    /// Goes on with `wire`, which has the revision that the handshake settled on.
    pub(crate) fn adopt(&mut self, wire: Arc<Wire>) {
        self.wire = wire;
    }

    /// What it has in common with other users.
    #[cfg(test)]
    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// True when the next call need not connect.
    #[cfg(test)]
    pub(super) fn is_connected(&mut self) -> bool {
        self.connection.is_open()
    }

    /// Makes one call of `step` and waits for its answer, no longer than the step's deadline.
    pub async fn perform(&mut self, step: StepId, context: CallContext<'_>) -> Exchange {
        let keep_text = self.wire.set_up.contains(&step);
        if keep_text && self.wire.gets_token(step) {
            return Box::pin(self.ask(step, context)).await.0;
        }
        let Step { extract, conduct, .. } = &self.wire.steps[step.index()];
        let keep_text = keep_text || !extract.is_empty() || conduct.pages.is_some() || conduct.task.is_some();
        self.make(step, context, keep_text).await.0
    }

    /// [`Self::perform`], with what came back.
    pub(crate) async fn ask(&mut self, step: StepId, context: CallContext<'_>) -> (Exchange, Option<Answer>) {
        match SetUp::of(&self.wire.steps[step.index()].operation) {
            Some(SetUp::Login) => self.log_in(step, context).await,
            Some(SetUp::Token) => (self.obtain_token(step, context.sent).await, None),
            Some(SetUp::Initialize | SetUp::Initialized) | None => self.make(step, context, true).await,
        }
    }

    /// A login does not carry the token that it is to replace; that is kept until another is there.
    async fn log_in(&mut self, step: StepId, context: CallContext<'_>) -> (Exchange, Option<Answer>) {
        let old = std::mem::take(&mut self.plain_fields);
        let made = self.make(step, context, true).await;
        if self.login.is_held() && !self.plain_fields.contains(AUTHORIZATION) {
            self.plain_fields = old;
        }
        made
    }

    /// Asks for the next token, of this user or of all.
    async fn obtain_token(&mut self, step: StepId, sent: Duration) -> Exchange {
        let deadline = self.wire.steps[step.index()].deadline;
        let holder = self.holder.as_mut().expect("without a hold on a token nobody is to ask for one");
        let exchange = holder.ask(sent, deadline, self.clock).await;
        // What came, whoever asked for it, is used from now on.
        self.look_at_token();
        exchange
    }

    fn look_at_token(&mut self) -> TokenState {
        let Some(holder) = &mut self.holder else { return TokenState::Ready };
        match holder.look() {
            Standing::Held | Standing::Asks => TokenState::Ready,
            Standing::Other(header) => {
                self.plain_fields.set(AUTHORIZATION, &header);
                self.session_fields.set(AUTHORIZATION, &header);
                TokenState::Ready
            }
            Standing::Awaits(news) => TokenState::Awaited(news),
            Standing::None(reason) => {
                let step = self.wire.set_up.iter().find(|step| self.wire.gets_token(**step));
                TokenState::Denied(*step.expect("a user that holds tokens has a call that gets them"), reason)
            }
        }
    }

    /// True when its token comes by OAuth: then [`Self::token`] is to be asked before [`Self::next_set_up`].
    pub fn has_oauth(&self) -> bool {
        self.holder.is_some()
    }

    /// How it stands with its token.
    pub fn token(&mut self) -> TokenState {
        self.look_at_token()
    }

    /// The set-up call `step` has failed: true when what it was to replace is still good, so that the next call can be made
    /// without it.
    pub fn lasts_without(&mut self, step: StepId) -> bool {
        match SetUp::of(&self.wire.steps[step.index()].operation) {
            Some(SetUp::Login) => self.login.lasts(self.clock.now()),
            Some(SetUp::Token) => matches!(self.look_at_token(), TokenState::Ready),
            Some(SetUp::Initialize | SetUp::Initialized) | None => false,
        }
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
        let limit = step.cancelled_after().unwrap_or(step.deadline);
        let deadline = self.clock.moment(sent + limit).into();
        let cursor = if step.conduct.pages.is_some() { self.cursor(step) } else { Vec::new() };
        let mut progress = Progress::new(keep_text);
        let draws = (wire.makes_rounds() || step.conduct.task.is_some()).then(|| context.rng.clone());
        let mut timer = std::mem::take(&mut self.deadline);
        let attempt = Attempt { members: &cursor, ..Attempt::default() };
        let call = self.exchange(&wire, step, context, attempt, &mut progress);
        let mut early = timer.limit(deadline, call).await;
        if let Some(rng) = draws
            && matches!(early, Ok(Ok(())))
            && progress.answer.as_ref().is_some_and(is_unfinished)
        {
            let (wire, variables) = (&*wire, &mut *variables);
            let nonce = Nonce { run: wire.run, call: self.last_id };
            let again = Again { wire, step, iteration, sent, rng, nonce, variables, deadline };
            // Boxed: whoever is answered at once does not carry it along.
            early = Box::pin(self.go_on(again, &mut timer, &mut progress)).await;
        }
        let given_up = early.is_err().then(|| self.clock.now());
        if given_up.is_some() && progress.task.is_some() && step.cancelled_after().is_some() {
            Box::pin(self.cancel_task(&wire, step, &mut timer, &mut progress)).await;
        }
        self.deadline = timer;
        if !matches!(early, Ok(Ok(()))) {
            self.connection.close();
        }
        self.settled(step, Ending { sent, early, given_up, progress }, variables)
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
        attempt: Attempt<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.last_id += 1;
        let id = self.last_id;
        let mut request = buffer::take_write();
        let nonce = attempt.nonce.unwrap_or(Nonce { run: wire.run, call: id });
        let wire = match &wire.others {
            None => wire,
            Some(others) => self.take_turn(others, wire, &step.operation),
        };
        let (form, expected) = if let (Some(ask), Some(tasks)) = (attempt.ask, &wire.tasks) {
            (tasks.form(ask), attempt.nonce)
        } else {
            let form = &wire.forms[step.id.index()];
            (form, form.has_nonce().then_some(nonce))
        };
        progress.belonging = Belonging::new(id, wire.users, expected);
        let mut render = RenderContext {
            vu: self.vu,
            iteration: context.iteration,
            nonce,
            rng: context.rng,
            variables: context.variables,
        };
        if self.answerer.has_answers() {
            self.answerer.begin(context.iteration);
        }
        if wire.has_channel(&step.operation) {
            form.write_message(id, attempt.members, &mut render, &mut request);
            // Boxed: whoever calls over HTTP alone does not carry it along.
            Box::pin(self.over_channel(wire, step, id, &request, progress)).await?;
            buffer::give_write(request);
            return Ok(());
        }
        let fields = if step.operation.has_session() { &self.session_fields } else { &self.plain_fields };
        form.write(id, attempt.members, fields, &mut render, &mut request);
        self.send(wire, &request, progress).await?;
        buffer::give_write(request);
        let aside = Aside {
            beside: wire.beside(),
            answerer: &self.answerer,
            fields: &self.session_fields,
            poster: &mut self.poster,
        };
        reply::read(&mut self.connection, step, id, self.clock, progress, aside).await?;
        if progress.resumption.is_some() && step.operation.has_session() && !step.operation.is_listening() {
            // Boxed: it is rare, and long.
            Box::pin(self.resume(wire, step, id, progress)).await?;
        }
        Ok(())
    }

    /// Sends `request`, on a new connection where there is none.
    async fn send(&mut self, wire: &Wire, request: &[u8], progress: &mut Progress) -> Result<(), Failure> {
        loop {
            progress.phase = TimeoutPhase::Connect;
            let fresh = !self.connection.is_open();
            if fresh {
                self.connection.open(wire.address()?).await?;
            }
            progress.phase = TimeoutPhase::FirstByte;
            match self.connection.send(request).await {
                Ok(()) => return Ok(()),
                Err(SendFailure::Failed(failure)) => return Err(failure),
                // A new connection that is closed before it takes a request is the target's doing.
                Err(SendFailure::NotWritten) if fresh => {
                    let words = "the connection was closed before it took a request";
                    return Err(Failure::worded(Outcome::Transport(TransportFault::Eof), words));
                }
                Err(SendFailure::NotWritten) => {}
            }
        }
    }

    /// Goes on to the next URL where it is time to.
    fn take_turn<'w>(&mut self, others: &'w Others, wire: &'w Wire, operation: &Operation) -> &'w Wire {
        if others.moves_on(operation) {
            let next = (self.at + 1) % others.count();
            self.parked.resize_with(others.count(), Connection::default);
            std::mem::swap(&mut self.connection, &mut self.parked[self.at]);
            std::mem::swap(&mut self.connection, &mut self.parked[next]);
            self.at = next;
        }
        others.at(self.at, wire)
    }

    /// Draws from an answer what the next calls need; a set-up answer that lacks it has failed.
    fn take_note(&mut self, operation: &Operation, answer: &Answer, sent: Duration) -> Result<(), Failure> {
        let outcome = answer.outcome;
        if *operation == Operation::EndSession {
            self.end_session();
        } else if outcome == Outcome::Ok {
            match SetUp::of(operation) {
                Some(SetUp::Login) => return self.logged_in(answer, sent),
                Some(SetUp::Initialize) => return self.opened(answer),
                Some(SetUp::Initialized) => self.session = Session::Ready,
                Some(SetUp::Token) | None => {}
            }
        }
        if let Outcome::HttpStatus(status) = outcome {
            // A login that is refused says nothing of the last token.
            if status == 401 && *operation != Operation::Login {
                self.token_refused();
            }
        }
        Ok(())
    }

    fn logged_in(&mut self, answer: &Answer, sent: Duration) -> Result<(), Failure> {
        let Some(token) = self.login.take(&answer.text, (sent, answer.end), &self.wire.secrets) else {
            return Err(malformed("the answer has no usable `access_token`"));
        };
        self.plain_fields.set(AUTHORIZATION, &token);
        self.session_fields.set(AUTHORIZATION, &token);
        Ok(())
    }

    /// The target does not take the token: the next call is made with another.
    fn token_refused(&mut self) {
        if let Some(holder) = &self.holder {
            holder.refused();
        } else if self.login.is_held() {
            self.login.refused();
            self.plain_fields.remove(AUTHORIZATION);
            self.session_fields.remove(AUTHORIZATION);
        }
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
        self.poster = None;
        self.session_fields.remove(SESSION_HEADER);
        self.session = Session::Closed;
    }

    /// A dead session answers 404; servers are known that say 400 with a text about it. Whoever ends a session has lost nothing.
    fn lost_session(&self, operation: &Operation, answer: &Answer) -> bool {
        matches!(answer.outcome, Outcome::HttpStatus(status) if is_of_lost_session(status, &answer.text))
            && self.session_fields.contains(SESSION_HEADER)
            && operation.has_session()
            && *operation != Operation::EndSession
    }
}

fn is_of_lost_session(status: u16, body: &str) -> bool {
    status == 404 || (status == 400 && body.to_ascii_lowercase().contains("session"))
}

/// A session id that is shorter keeps nobody out, and would be struck out of every text that has its letters.
fn is_secret(id: &str) -> bool {
    const SHORTEST: usize = 8;
    id.len() >= SHORTEST
}

fn malformed(words: &str) -> Failure {
    Failure { outcome: Outcome::Protocol(ProtocolFault::Malformed), words: words.to_owned() }
}
