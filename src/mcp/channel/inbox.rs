//! Answers to calls in flight, told apart by their ids, whatever way they come. No I/O: messages are put in, whoever waits
//! is woken.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::mcp::answerer::{Answerer, Reply, Said};
use crate::mcp::envelope::{self, Incoming};
use crate::mcp::failure::Failure;
use crate::mcp::gathered::Gathered;
use crate::model::{IDS_PER_USER, Strays, StreamTimes};

/// Whoever listens may leave so many pieces of news unread.
const MOST_NEWS: usize = 1_000;
/// Ids of calls that were given up are known up to this many; an answer to one that was forgotten counts as a duplicate.
const MOST_GIVEN_UP: usize = 100_000;

/// The inbox of one channel.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    gathered: Gathered,
    answerer: Arc<Answerer>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<u64, Waiting>,
    listening: Vec<Listening>,
    given_up: GivenUp,
    /// By user: the smallest and the largest id that it used here.
    used: HashMap<u64, (u64, u64)>,
    /// Why nothing comes any more.
    closed: Option<Failure>,
}

#[derive(Debug)]
struct Waiting {
    clock: Clock,
    /// When it was told how far the call is; `None` until it is.
    stream: Option<StreamTimes>,
    to: oneshot::Sender<Arrival>,
}

/// Somebody who wants to be told when news comes.
#[derive(Debug)]
struct Listening {
    /// The call that subscribed to it; `None`: whatever comes.
    subscription: Option<u64>,
    clock: Clock,
    to: mpsc::Sender<Duration>,
}

/// Why a call may be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Its time is over.
    GivenUp,
    /// The scenario asks for it.
    Cancelled,
}

/// The latest ids of calls that were given up and not answered.
#[derive(Debug, Default)]
struct GivenUp {
    ids: HashMap<u64, Farewell>,
    order: VecDeque<u64>,
}

/// What came for a call.
#[derive(Debug)]
pub(super) struct Arrival {
    /// When, on the clock of whoever waits.
    pub(super) at: Duration,
    /// When what came before it for the call came.
    pub(super) stream: Option<StreamTimes>,
    pub(super) what: Arrived,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// A message that names it.
    Message(Vec<u8>),
    /// One that is larger than the limit.
    TooLarge,
    /// Nothing, and nothing will.
    Lost(Failure),
}

/// A call that waits for its answer. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Expected {
    inbox: Arc<Inbox>,
    id: u64,
    farewell: Farewell,
    from: oneshot::Receiver<Arrival>,
}

impl Inbox {
    /// An empty one, of a user who answers like this.
    pub(super) fn new(gathered: Gathered, answerer: Arc<Answerer>) -> Self {
        Self { state: Mutex::default(), gathered, answerer }
    }

    /// The reply to a request of the target was sent.
    pub(super) fn replied(&self, said: Said) {
        self.answerer.sent(said);
    }

    /// Expects the answer to `id`, which must not have been used before; why not, where nothing comes any more.
    pub(super) fn expect(
        self: &Arc<Self>,
        id: u64,
        farewell: Farewell,
        clock: Clock,
    ) -> Result<Expected, Failure> {
        let (to, from) = oneshot::channel();
        let mut state = self.state();
        if let Some(failure) = &state.closed {
            return Err(failure.clone());
        }
        let used = state.used.entry(id / IDS_PER_USER).or_insert((id, id));
        *used = (used.0.min(id), used.1.max(id));
        state.waiting.insert(id, Waiting { clock, stream: None, to });
        Ok(Expected { inbox: Arc::clone(self), id, farewell, from })
    }

    /// When news comes from now on, on `clock`: what the call `subscription` subscribed to, or whatever is no call's. It ends
    /// when nothing comes any more.
    pub(super) fn listen(&self, subscription: Option<u64>, clock: Clock) -> mpsc::Receiver<Duration> {
        let (to, from) = mpsc::channel(MOST_NEWS);
        let mut state = self.state();
        state.listening.retain(|listening| !listening.to.is_closed());
        if state.closed.is_none() {
            state.listening.push(Listening { subscription, clock, to });
        }
        from
    }

    /// Why nothing comes any more, where that is so.
    pub(super) fn closed(&self) -> Option<Failure> {
        self.state().closed.clone()
    }

    /// False when nothing comes any more.
    pub(super) fn is_open(&self) -> bool {
        self.state().closed.is_none()
    }

    /// Nothing comes any more: all who wait are told why.
    pub(super) fn close(&self, at: Instant, failure: &Failure) {
        let mut state = self.state();
        if state.closed.is_none() {
            state.closed = Some(failure.clone());
        }
        state.listening.clear();
        for (_, waiting) in state.waiting.drain() {
            waiting.tell(at, Arrived::Lost(failure.clone()));
        }
    }

    /// Takes a message that came at `at`; gives what is to be sent back.
    pub(super) fn take(&self, at: Instant, bytes: &[u8]) -> Option<Reply> {
        match envelope::sort(bytes) {
            Incoming::Answer(id) => self.answer(at, id, bytes),
            Incoming::NamelessError => self.nameless(at, bytes),
            Incoming::Request { id, method } => return self.answerer.reply(id, &method),
            Incoming::Notification { method, token, subscription } => {
                self.gathered.notified(&method);
                match token {
                    Some(token) => self.progress(at, token),
                    None => self.news(at, subscription),
                }
            }
            Incoming::Rubbish => self.gathered.rubbish(bytes),
        }
        None
    }

    /// A message that is larger than the limit: whose answer it is shows only where one call is in flight.
    pub(super) fn too_large(&self, at: Instant, beginning: &[u8]) {
        match self.state().only_one() {
            Some(waiting) => waiting.tell(at, Arrived::TooLarge),
            None => self.gathered.rubbish(beginning),
        }
    }

    /// Tells those of it who listen.
    fn news(&self, at: Instant, subscription: Option<u64>) {
        for listening in &self.state().listening {
            if listening.subscription.is_none() || listening.subscription == subscription {
                // Who has so much to read yet is told of less.
                let _ = listening.to.try_send(moment(at, listening.clock));
            }
        }
    }

    /// Tells of the progress of the call whose token is its id.
    fn progress(&self, at: Instant, token: u64) {
        if let Some(waiting) = self.state().waiting.get_mut(&token) {
            let at = moment(at, waiting.clock);
            let stream = waiting.stream.get_or_insert_default();
            stream.event(at);
            stream.progress(at);
        }
    }

    fn answer(&self, at: Instant, id: Option<u64>, bytes: &[u8]) {
        let mut state = self.state();
        let none = Strays::default();
        let farewell = id.and_then(|id| state.given_up.ids.remove(&id));
        let stray = match id {
            Some(id) => match state.waiting.remove(&id) {
                Some(waiting) => return waiting.tell(at, Arrived::Message(bytes.to_vec())),
                None if farewell == Some(Farewell::Cancelled) => {
                    return self.gathered.messages(|messages| messages.late_to_cancelled += 1);
                }
                None if farewell.is_some() => Strays { late: 1, ..none },
                None if state.has_used(id) => Strays { duplicate: 1, ..none },
                None => Strays { unknown: 1, ..none },
            },
            None => Strays { unknown: 1, ..none },
        };
        drop(state);
        self.gathered.stray(stray);
    }

    /// An error without an id: a server that could not read a request says so that way. It can only be meant for the one
    /// call in flight, when no other could still be answered.
    fn nameless(&self, at: Instant, bytes: &[u8]) {
        let mut state = self.state();
        let only = if state.given_up.ids.is_empty() { state.only_one() } else { None };
        drop(state);
        match only {
            Some(waiting) => waiting.tell(at, Arrived::Message(bytes.to_vec())),
            None => self.gathered.stray(Strays { unknown: 1, ..Strays::default() }),
        }
    }

    fn give_up(&self, id: u64, farewell: Farewell) {
        let mut state = self.state();
        if state.waiting.remove(&id).is_some() {
            state.given_up.add(id, farewell);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The one call that waits, taken out.
    fn only_one(&mut self) -> Option<Waiting> {
        if self.waiting.len() != 1 {
            return None;
        }
        self.waiting.drain().next().map(|(_, waiting)| waiting)
    }

    fn has_used(&self, id: u64) -> bool {
        self.used.get(&(id / IDS_PER_USER)).is_some_and(|(first, last)| (*first..=*last).contains(&id))
    }
}

fn moment(at: Instant, clock: Clock) -> Duration {
    at.into_std().saturating_duration_since(clock.moment(Duration::ZERO))
}

impl Waiting {
    fn tell(self, at: Instant, what: Arrived) {
        let at = moment(at, self.clock);
        let stream = self.stream.map(|mut stream| {
            stream.event(at);
            stream
        });
        // Whoever waited may just have given up.
        let _ = self.to.send(Arrival { at, stream, what });
    }
}

impl GivenUp {
    fn add(&mut self, id: u64, farewell: Farewell) {
        self.ids.insert(id, farewell);
        self.order.push_back(id);
        if self.order.len() > MOST_GIVEN_UP
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

impl Expected {
    /// Waits for it. Nothing came where the inbox itself is gone.
    pub(super) async fn arrival(&mut self) -> Option<Arrival> {
        (&mut self.from).await.ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.inbox.give_up(self.id, self.farewell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Outcome, Secrets, TransportFault};

    /// The first id of user 1.
    const ONE: u64 = IDS_PER_USER + 1;

    fn inbox() -> (Arc<Inbox>, Gathered) {
        let gathered = Gathered::new(Secrets::default());
        let answerer = Answerer::new(
            Arc::default(),
            gathered.clone(),
            (crate::model::RunTag::of(std::time::UNIX_EPOCH), 1),
            1,
        );
        (Arc::new(Inbox::new(gathered.clone(), answerer)), gathered)
    }

    fn answer(id: u64) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
    }

    async fn came(expected: &mut Expected) -> Arrived {
        expected.arrival().await.unwrap().what
    }

    #[tokio::test]
    async fn answers_find_their_calls_in_any_order() {
        let (inbox, gathered) = inbox();
        let clock = Clock::start();
        let mut calls: Vec<(u64, Expected)> = (0..20)
            .map(|n| IDS_PER_USER * n + 1)
            .map(|id| (id, inbox.expect(id, Farewell::GivenUp, clock).unwrap()))
            .collect();
        for (id, _) in calls.iter().rev() {
            assert_eq!(inbox.take(Instant::now(), answer(*id).as_bytes()), None);
        }
        for (id, call) in &mut calls {
            assert_eq!(came(call).await, Arrived::Message(answer(*id).into_bytes()));
        }
        assert!(gathered.take().0.is_none());
    }

    #[tokio::test]
    async fn what_answers_no_call_in_flight_is_counted_by_kind() {
        let (inbox, gathered) = inbox();
        let put = |text: &str| assert_eq!(inbox.take(Instant::now(), text.as_bytes()), None, "{text}");
        let mut first = inbox.expect(ONE, Farewell::GivenUp, Clock::start()).unwrap();
        put(r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#);
        put(&answer(ONE));
        assert!(matches!(came(&mut first).await, Arrived::Message(_)));
        put(&answer(ONE));
        drop(first);
        put(&answer(ONE));
        drop(inbox.expect(ONE + 1, Farewell::GivenUp, Clock::start()).unwrap());
        put(&answer(ONE + 1));
        put(&answer(ONE + 1));
        for unknown in [&answer(ONE + 2), &answer(7), r#"{"id":"abc","result":{}}"#] {
            put(unknown);
        }
        put("npm warn deprecated");
        let strays = gathered.take().0;
        assert_eq!(strays, Strays { late: 1, duplicate: 3, unknown: 3, rubbish: 1 });
    }

    #[tokio::test]
    async fn an_error_without_an_id_is_for_the_one_call_that_it_can_be_for() {
        let (inbox, gathered) = inbox();
        let error = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#;
        let mut one = inbox.expect(ONE, Farewell::GivenUp, Clock::start()).unwrap();
        inbox.take(Instant::now(), error);
        assert_eq!(came(&mut one).await, Arrived::Message(error.to_vec()));
        let mut one = inbox.expect(ONE + 1, Farewell::GivenUp, Clock::start()).unwrap();
        let other = inbox.expect(2 * IDS_PER_USER, Farewell::GivenUp, Clock::start()).unwrap();
        inbox.take(Instant::now(), error);
        drop(other);
        // That one may be the one that is meant.
        inbox.take(Instant::now(), error);
        assert_eq!(gathered.take().0.unknown, 2);
        inbox.take(Instant::now(), answer(ONE + 1).as_bytes());
        assert!(matches!(came(&mut one).await, Arrived::Message(_)));
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_for_the_one_call_that_it_can_be_for() {
        let (inbox, gathered) = inbox();
        let mut one = inbox.expect(ONE, Farewell::GivenUp, Clock::start()).unwrap();
        inbox.too_large(Instant::now(), b"{");
        assert_eq!(came(&mut one).await, Arrived::TooLarge);
        inbox.too_large(Instant::now(), b"{");
        assert_eq!(gathered.take().0.rubbish, 1);
    }

    #[tokio::test]
    async fn all_who_wait_are_told_when_nothing_comes_any_more() {
        let (inbox, _) = inbox();
        let mut one = inbox.expect(ONE, Farewell::GivenUp, Clock::start()).unwrap();
        let lost = Failure::worded(Outcome::Transport(TransportFault::Eof), "gone");
        inbox.close(Instant::now(), &lost);
        assert_eq!(came(&mut one).await, Arrived::Lost(lost.clone()));
        assert!(!inbox.is_open());
        assert_eq!(inbox.expect(ONE + 1, Farewell::GivenUp, Clock::start()).unwrap_err(), lost);
    }

    #[test]
    fn calls_that_are_given_up_do_not_fill_the_memory() {
        let (inbox, _) = inbox();
        for id in 0..=MOST_GIVEN_UP as u64 {
            drop(inbox.expect(ONE + id, Farewell::GivenUp, Clock::start()).unwrap());
        }
        let state = inbox.state();
        assert_eq!((state.given_up.ids.len(), state.given_up.order.len()), (MOST_GIVEN_UP, MOST_GIVEN_UP));
        assert!(state.waiting.is_empty());
    }
}
