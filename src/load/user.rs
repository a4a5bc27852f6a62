//! What a virtual user does: wait for its turn, open its session, do a transaction, think, and again.
//!
//! It knows nothing of Goose. Draws come from the plan's seed and the user's number alone: which transactions a
//! user does, with which arguments, after which pauses, does not depend on how fast the target is.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Recorder;
use crate::clock::Clock;
use crate::mcp::{CallContext, Client, Exchange, Wire};
use crate::metrics::Phase;
use crate::model::{CounterRng, NotSent, Outcome};
use crate::plan::{Plan, SessionPolicy, StepId, Transaction};

/// A user whose set-up failed waits this long before it tries again, twice as long each time...
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
/// ... up to this.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(2);

/// What all users share.
#[derive(Debug)]
pub struct Workload {
    /// What is to be done.
    pub plan: Plan,
    /// The way to the target.
    pub wire: Arc<Wire>,
    /// The books.
    pub recorder: Arc<Recorder>,
    /// Its zero is the start of the load.
    pub clock: Clock,
    /// How the load is stopped.
    pub signals: Signals,
}

/// How a load is stopped, in two steps.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// No new calls.
    pub stop: CancellationToken,
    /// Cut off what is still in flight.
    pub abort: CancellationToken,
}

/// One virtual user.
#[derive(Debug)]
pub(crate) struct User {
    index: u32,
    client: Client,
    mix: CounterRng,
    arguments: CounterRng,
    pauses: CounterRng,
    iteration: u64,
    back_off: Duration,
    active: bool,
}

/// The streams of draws that each user has.
const STREAMS: u64 = 4;

impl User {
    /// User `index`, from 0.
    pub(crate) fn new(work: &Workload, index: u32) -> Self {
        let stream = |n: u64| CounterRng::new(work.plan.seed, u64::from(index + 1) * STREAMS + n);
        Self {
            index,
            client: Client::new(Arc::clone(&work.wire), work.clock, index + 1),
            mix: stream(0),
            arguments: stream(1),
            pauses: stream(2),
            iteration: 0,
            back_off: FIRST_BACK_OFF,
            active: false,
        }
    }

    /// One round: waits until the plan wants this user, does one iteration and thinks. Comes back early when the
    /// load stops.
    pub(crate) async fn round(&mut self, work: &Workload) {
        if work.signals.stop.is_cancelled() {
            return;
        }
        if work.plan.load.users_at(work.clock.now()) <= self.index {
            self.leave(work).await;
            let start = work.plan.load.next_start(self.index, work.clock.now());
            match start {
                Some(start) => sleep_until(work, start).await,
                None => work.signals.stop.cancelled().await,
            }
            return;
        }
        if !self.active {
            self.active = true;
            work.recorder.user_joined();
        }
        self.iteration += 1;
        self.iterate(work).await;
        let pause = work.plan.load.think_time.draw(&mut self.pauses);
        if !pause.is_zero() {
            sleep_until(work, work.clock.now() + pause).await;
        }
    }

    /// Closes the session; the user's end, or its rest until the plan wants it again.
    pub(crate) async fn leave(&mut self, work: &Workload) {
        if self.active {
            self.active = false;
            work.recorder.user_left();
        }
        self.close_session(work).await;
    }

    async fn iterate(&mut self, work: &Workload) {
        let transaction = pick(&work.plan, &mut self.mix);
        if let Err(why) = self.open_session(work).await {
            if let Some(step) = transaction.steps.first().filter(|_| !work.signals.stop.is_cancelled()) {
                let call = work.recorder.begin(self.index, *step, phase(work, work.clock.now()));
                let outcome = Outcome::NotSent(NotSent::NoSession);
                call.end(outcome, work.plan.step(*step).deadline, why.as_deref());
            }
            sleep_until(work, work.clock.now() + self.back_off).await;
            self.back_off = (self.back_off * 2).min(LONGEST_BACK_OFF);
            return;
        }
        self.back_off = FIRST_BACK_OFF;
        for step in &transaction.steps {
            if work.signals.stop.is_cancelled() || self.open_session(work).await.is_err() {
                break;
            }
            self.call(work, *step).await;
        }
        if work.plan.session == SessionPolicy::PerIteration {
            self.close_session(work).await;
        }
    }

    /// Makes the set-up calls that are due; when one of them failed, gives what it said.
    async fn open_session(&mut self, work: &Workload) -> Result<(), Option<String>> {
        while let Some(step) = self.client.next_set_up() {
            if work.signals.stop.is_cancelled() {
                return Err(None);
            }
            match self.call(work, step).await {
                Some(Exchange { outcome: Outcome::Ok, .. }) => {}
                Some(Exchange { reason: Some(reason), .. }) => {
                    return Err(Some(format!("{}: {reason}", work.plan.step(step).name)));
                }
                Some(_) | None => return Err(None),
            }
        }
        Ok(())
    }

    async fn close_session(&mut self, work: &Workload) {
        if let Some(step) = self.client.next_tear_down() {
            self.call(work, step).await;
        }
        self.client.reset();
    }

    /// One call, entered in the books whatever becomes of it; `None` when it was cut off.
    async fn call(&mut self, work: &Workload, step: StepId) -> Option<Exchange> {
        let open = work.recorder.begin(self.index, step, phase(work, work.clock.now()));
        let context = CallContext { iteration: self.iteration, rng: &mut self.arguments };
        tokio::select! {
            biased;
            () = work.signals.abort.cancelled() => None,
            exchange = self.client.perform(step, context) => {
                let took = exchange.end.saturating_sub(exchange.sent);
                open.end(exchange.outcome, took, exchange.reason.as_deref());
                Some(exchange)
            }
        }
    }
}

/// Which phase a call belongs to that begins at `now`.
fn phase(work: &Workload, now: Duration) -> Phase {
    if now < work.plan.load.warm_up { Phase::WarmUp } else { Phase::Steady }
}

/// A transaction by weight. The plan has one whose weight is not 0.
fn pick<'a>(plan: &'a Plan, rng: &mut CounterRng) -> &'a Transaction {
    let mut ticket = rng.below(plan.total_weight().max(1));
    for transaction in &plan.transactions {
        let weight = u64::from(transaction.weight);
        if ticket < weight {
            return transaction;
        }
        ticket -= weight;
    }
    plan.transactions.last().expect("a plan has a transaction")
}

/// Sleeps until `at` on the load's clock, or until the load stops.
async fn sleep_until(work: &Workload, at: Duration) {
    let pause = at.saturating_sub(work.clock.now());
    tokio::select! {
        () = work.signals.stop.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
}
