//! What a virtual user does: wait for its turn, open its session, do a transaction, think, and again.
//!
//! It knows nothing of Goose. Draws come from the plan's seed and the user's number alone: which transactions a
//! user does, with which arguments, after which pauses, does not depend on how fast the target is.

use std::sync::Arc;
use std::time::Duration;

use super::arrivals::{self, Arrivals, Taken};
use super::recorder::{OpenCall, Recorder, Timing};
use super::signal::Signals;
use crate::clock::Clock;
use crate::mcp::{CallContext, Client, Exchange, TokenState, Wire};
use crate::metrics::Phase;
use crate::model::{CounterRng, NotSent, Outcome};
use crate::plan::{ClosedLoad, LoadModel, Plan, SessionPolicy, StepId, Transaction};

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
    /// What is due, when the load is an open one.
    pub(crate) arrivals: Option<Arrivals>,
}

impl Workload {
    /// The work of `plan`, nothing of it done. The zero of `clock` is the start of the load.
    pub fn new(plan: Plan, wire: Arc<Wire>, recorder: Arc<Recorder>, clock: Clock) -> Self {
        let arrivals = plan.load.open().map(Arrivals::new);
        Self { plan, wire, recorder, clock, signals: Signals::default(), arrivals }
    }

    /// Iterations of an open load that are due and have no user.
    pub fn waiting(&self) -> u64 {
        self.arrivals.as_ref().map_or(0, Arrivals::waiting)
    }

    /// Iterations of an open load that had to wait for a user, since its start.
    pub fn queued(&self) -> u64 {
        self.arrivals.as_ref().map_or(0, Arrivals::queued)
    }

    /// Which phase a call belongs to that is due at `due`.
    pub(crate) fn phase(&self, due: Duration) -> Phase {
        if due < self.plan.load.warm_up { Phase::WarmUp } else { Phase::Steady }
    }
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
        if work.signals.stop.is_raised() {
            return;
        }
        match (&work.plan.load.model, &work.arrivals) {
            (LoadModel::Open(_), Some(arrivals)) => self.take_arrival(work, arrivals).await,
            (LoadModel::Open(_), None) => unreachable!("`Workload::new` makes the arrivals of an open load"),
            (LoadModel::Closed(closed), _) => self.closed_round(work, closed).await,
        }
    }

    async fn closed_round(&mut self, work: &Workload, load: &ClosedLoad) {
        if load.users_at(work.clock.now()) <= self.index {
            self.leave(work).await;
            let start = load.next_start(self.index, work.clock.now());
            match start {
                Some(start) => sleep_until(work, start).await,
                None => work.signals.stop.raised().await,
            }
            return;
        }
        self.join(work);
        self.iteration += 1;
        let transaction = work.plan.pick(&mut self.mix);
        if let Err(why) = self.iterate(work, transaction, &mut None).await {
            if let Some(step) = transaction.steps.first().filter(|_| !work.signals.stop.is_raised()) {
                let call = work.recorder.begin(*step, work.phase(work.clock.now()));
                let timing = Timing::closed(work.plan.step(*step).deadline);
                call.end(Outcome::NotSent(NotSent::NoSession), timing, why.as_deref());
            }
            self.back_off(work).await;
            return;
        }
        let pause = load.think_time.draw(&mut self.pauses);
        if !pause.is_zero() {
            sleep_until(work, work.clock.now() + pause).await;
        }
    }

    /// Waits to be called up, then for an iteration that is due, and does it.
    async fn take_arrival(&mut self, work: &Workload, arrivals: &Arrivals) {
        let seat = self.index as usize;
        if !self.active {
            if !arrivals.called_up(work, seat).await {
                work.signals.stop.raised().await;
                return;
            }
            self.join(work);
        }
        // Whatever waits for a user waits for one that can work.
        if work.plan.session == SessionPolicy::PerUser {
            while !work.signals.stop.is_raised() && self.open_session(work).await.is_err() {
                self.back_off(work).await;
            }
        }
        let Some(Taken { arrival, waited }) = arrivals.next(work, seat).await else {
            work.signals.stop.raised().await;
            return;
        };
        if !waited {
            work.recorder.paced(work.clock.now().saturating_sub(arrival.due));
        }
        self.iteration += 1;
        self.arguments = work.plan.arguments_of(arrival);
        let transaction = work.plan.transaction_of(arrival);
        let mut due = Some(Due { work, step: transaction.steps[0], at: arrival.due });
        if let Err(why) = self.iterate(work, transaction, &mut due).await
            && let Some(due) = due.take_if(|_| why.is_some() || !work.signals.stop.is_raised())
        {
            due.not_sent(NotSent::NoSession, why.as_deref());
        }
    }

    fn join(&mut self, work: &Workload) {
        if !self.active {
            self.active = true;
            work.recorder.user_joined();
        }
    }

    async fn back_off(&mut self, work: &Workload) {
        sleep_until(work, work.clock.now() + self.back_off).await;
        self.back_off = (self.back_off * 2).min(LONGEST_BACK_OFF);
    }

    /// Closes the session; the user's end, or its rest until the plan wants it again.
    pub(crate) async fn leave(&mut self, work: &Workload) {
        if self.active {
            self.active = false;
            work.recorder.user_left();
        }
        self.close_session(work).await;
    }

    /// Does `transaction`, which takes what was `due`, if it was due at a certain moment; when there is no session for it,
    /// gives why.
    async fn iterate(
        &mut self,
        work: &Workload,
        transaction: &Transaction,
        due: &mut Option<Due<'_>>,
    ) -> Result<(), Option<String>> {
        self.open_session(work).await?;
        for step in &transaction.steps {
            if due.is_none() && (work.signals.stop.is_raised() || self.open_session(work).await.is_err()) {
                break;
            }
            // What follows the first step is due when that has ended.
            self.call(work, *step, due.take()).await;
        }
        if work.plan.session == SessionPolicy::PerIteration {
            self.close_session(work).await;
        }
        Ok(())
    }

    /// Makes the set-up calls that are due; when one of them failed, gives what it said.
    async fn open_session(&mut self, work: &Workload) -> Result<(), Option<String>> {
        if self.client.has_oauth() {
            self.await_token(work).await?;
        }
        while let Some(step) = self.client.next_set_up() {
            if work.signals.stop.is_raised() {
                return Err(None);
            }
            match self.call(work, step, None).await {
                Some(Exchange { outcome: Outcome::Ok, .. }) => {}
                Some(_) if self.client.lasts_without(step) => {}
                Some(Exchange { reason: Some(reason), .. }) => {
                    return Err(Some(told(work, step, &reason)));
                }
                Some(_) | None => return Err(None),
            }
        }
        self.back_off = FIRST_BACK_OFF;
        Ok(())
    }

    /// Waits while another user asks for the token that all share; when there is none to be had, gives what was said.
    async fn await_token(&mut self, work: &Workload) -> Result<(), Option<String>> {
        loop {
            match self.client.token() {
                TokenState::Ready => return Ok(()),
                TokenState::Denied(step, reason) => return Err(Some(told(work, step, &reason))),
                TokenState::Awaited(mut news) => tokio::select! {
                    () = work.signals.stop.raised() => return Err(None),
                    // That nobody asks any more is news, too.
                    _ = news.changed() => {}
                },
            }
        }
    }

    async fn close_session(&mut self, work: &Workload) {
        if let Some(step) = self.client.next_tear_down() {
            self.call(work, step, None).await;
        }
        self.client.reset();
    }

    /// One call, entered in the books whatever becomes of it: when this is dropped half way, as interrupted. `None` when there
    /// is no time for it any more.
    async fn call(&mut self, work: &Workload, step: StepId, due: Option<Due<'_>>) -> Option<Exchange> {
        if work.signals.abort.is_raised() {
            return None;
        }
        let sent = work.clock.now();
        let (open, due) = match due {
            None => (work.recorder.begin(step, work.phase(sent)), None),
            Some(due) => {
                let at = due.at;
                (due.begin(), Some(at))
            }
        };
        let context = CallContext { iteration: self.iteration, sent, rng: &mut self.arguments };
        let exchange = self.client.perform(step, context).await;
        let timing = if work.arrivals.is_some() {
            Timing::open(due.unwrap_or(exchange.sent), exchange.sent, exchange.end)
        } else {
            Timing::closed(exchange.end.saturating_sub(exchange.sent))
        };
        open.end(exchange.outcome, timing, exchange.reason.as_deref());
        if exchange.left_open || !exchange.held.is_zero() {
            work.recorder.held(exchange.held, exchange.left_open);
        }
        Some(exchange)
    }
}

/// The first call of an iteration that was due at a certain moment, not begun yet. Dropping it, because its user was cut off,
/// books it as interrupted: nothing that was due is lost.
struct Due<'w> {
    work: &'w Workload,
    step: StepId,
    at: Duration,
}

impl<'w> Due<'w> {
    /// The call begins.
    fn begin(self) -> OpenCall<'w> {
        let open = self.enter();
        std::mem::forget(self);
        open
    }

    /// The call will not be made.
    fn not_sent(self, why: NotSent, reason: Option<&str>) {
        arrivals::not_sent(self.work, self.step, self.at, why, reason);
        std::mem::forget(self);
    }

    fn enter(&self) -> OpenCall<'w> {
        self.work.recorder.begin(self.step, self.work.phase(self.at))
    }
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        drop(self.enter());
    }
}

/// What a set-up call said that failed.
fn told(work: &Workload, step: StepId, reason: &str) -> String {
    format!("{}: {reason}", work.plan.step(step).name)
}

/// Sleeps until `at` on the load's clock, or until the load stops.
async fn sleep_until(work: &Workload, at: Duration) {
    let pause = at.saturating_sub(work.clock.now());
    tokio::select! {
        () = work.signals.stop.raised() => {}
        () = tokio::time::sleep(pause) => {}
    }
}
