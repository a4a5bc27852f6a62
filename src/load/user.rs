//! What a virtual user does: wait for its turn, open its session, do a transaction, think, and again.
//!
//! It knows nothing of Goose. Draws come from the plan's seed and the user's number alone: which transactions a
//! user does, with which arguments, after which pauses, does not depend on how fast the target is.

mod idle;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(super) use self::idle::hold_streams;
use super::arrivals::{Arrivals, Taken};
use super::recorder::{OpenCall, Recorder, Timing};
use super::sampler::Sampler;
use super::signal::Signals;
use crate::clock::Clock;
use crate::mcp::{CallContext, Client, Exchange, TokenState, Wire};
use crate::metrics::{CallEnd, CallNote, NoteTaker, Phase, StreamedCall};
use crate::model::{CounterRng, Nonce, NotSent, Outcome, ProtocolFault};
use crate::plan::{
    Arrival, ClosedLoad, LoadModel, Plan, RenderContext, Role, SessionEnd, SessionPolicy, Slot, Step, StepId,
    Transaction, Variables,
};

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
    /// Which answers are looked at more closely.
    pub sampler: Option<Sampler>,
    /// Which answers are looked through for canaries.
    pub sweeper: Option<Sampler>,
    /// Who is told of single calls.
    pub notes: Vec<NoteTaker>,
    /// What is due, when the load is an open one.
    pub(crate) arrivals: Option<Arrivals>,
    /// For each step, the variables without which it cannot be called.
    needs: Vec<Vec<Slot>>,
    /// For each step, true when it is left out.
    left_out: Vec<bool>,
    /// For each feeder, how many of its rows were given out in turn.
    rows_given: Vec<AtomicU64>,
}

impl Workload {
    /// The work of `plan`, nothing of it done. The zero of `clock` is the start of the load.
    pub fn new(plan: Plan, wire: Arc<Wire>, recorder: Arc<Recorder>, clock: Clock) -> Self {
        let arrivals = plan.load.open().map(Arrivals::new);
        let needs = plan.steps.iter().map(Step::needs).collect();
        let left_out = vec![false; plan.steps.len()];
        let rows_given = plan.feeders.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            plan,
            wire,
            recorder,
            clock,
            signals: Signals::default(),
            sampler: None,
            sweeper: None,
            notes: Vec::new(),
            arrivals,
            needs,
            left_out,
            rows_given,
        }
    }

    /// The same without `steps`, which are no planned calls then.
    #[must_use]
    pub fn without(mut self, steps: &[StepId]) -> Self {
        for step in steps {
            self.left_out[step.index()] = true;
        }
        self
    }

    /// True when `step` is done in every iteration that has it.
    fn is_certain(&self, step: StepId) -> bool {
        !self.left_out[step.index()] && self.plan.step(step).condition.is_none()
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
    samples: CounterRng,
    /// When its session was lost, if no answer was good since then.
    lost_at: Option<Duration>,
    iteration: u64,
    variables: Variables,
    back_off: Duration,
    active: bool,
}

/// What came of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Calls, made or booked as not sent.
    Calls,
    /// None: no step was wanted.
    Nothing,
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
            samples: stream(3),
            lost_at: None,
            iteration: 0,
            variables: Variables::new(work.plan.variables.len()),
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
        match self.iterate(work, transaction, &mut None).await {
            Ok(Made::Calls) => {}
            // Lest its user do nothing else.
            Ok(Made::Nothing) => sleep_until(work, work.clock.now() + FIRST_BACK_OFF).await,
            Err(why) => {
                if !work.signals.stop.is_raised() {
                    let now = work.clock.now();
                    not_sent(work, &transaction.steps, now, NotSent::NoSession, why.as_deref());
                }
                self.back_off(work).await;
                return;
            }
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
        let mut due = Some(Due::of(work, arrival));
        match (self.iterate(work, transaction, &mut due).await, due.take()) {
            // None of its steps was wanted.
            (Ok(_), Some(due)) => due.forget(),
            (Err(why), Some(due)) if why.is_some() || !work.signals.stop.is_raised() => {
                due.not_sent(NotSent::NoSession, why.as_deref());
            }
            (Ok(_), None) | (Err(_), _) => {}
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
    ) -> Result<Made, Option<String>> {
        self.open_session(work).await?;
        self.begin_variables(work, transaction);
        let mut made = Made::Nothing;
        for (at, step) in transaction.steps.iter().enumerate() {
            if due.is_none() {
                if work.signals.stop.is_raised() {
                    break;
                }
                // It may have been lost on the way.
                if let Err(why) = self.open_session(work).await {
                    // A load that ends while a session is opened anew leaves nothing undone.
                    if why.is_some() || !work.signals.stop.is_raised() {
                        let rest = &transaction.steps[at..];
                        not_sent(work, rest, work.clock.now(), NotSent::NoSession, why.as_deref());
                    }
                    break;
                }
            }
            if !self.is_wanted(work, *step) {
                continue;
            }
            if let Some(pause) = work.plan.step(*step).conduct.pause {
                let pause = pause.draw(&mut self.arguments);
                sleep_until(work, work.clock.now() + pause).await;
                if work.signals.stop.is_raised() {
                    break;
                }
            }
            made = Made::Calls;
            if work.needs[step.index()].iter().any(|slot| self.variables.get(*slot).is_none()) {
                self.without_value(work, *step, due.take()).await;
                continue;
            }
            // What follows the first step is due when that has ended.
            self.call(work, *step, due.take()).await;
            if work.plan.step(*step).conduct.pages.is_some() {
                self.further_pages(work, *step).await;
            }
        }
        if work.plan.session == SessionPolicy::PerIteration {
            self.close_session(work).await;
        }
        Ok(made)
    }

    /// Asks for the pages after the first of the list that `step` asks for, as many as it wants and there are.
    async fn further_pages(&mut self, work: &Workload, step: StepId) {
        while self.client.has_next_page(step) && !work.signals.stop.is_raised() {
            self.call(work, step, None).await;
        }
        self.client.first_page();
    }

    /// Empties the variables, and gives the iteration its rows of the scenario's data.
    fn begin_variables(&mut self, work: &Workload, transaction: &Transaction) {
        if work.plan.variables.is_empty() {
            return;
        }
        self.variables.clear();
        for id in &transaction.feeders {
            let at = usize::from(id.0);
            let feeder = &work.plan.feeders[at];
            let next = || work.rows_given[at].fetch_add(1, Ordering::Relaxed);
            let row = feeder.row(self.index, next, &mut self.arguments).unwrap_or_default();
            for ((_, slot), datum) in feeder.columns.iter().zip(row) {
                if let Some(datum) = datum {
                    self.variables.set(*slot, datum.clone());
                }
            }
        }
    }

    /// True when nothing speaks against doing `step` in this iteration.
    fn is_wanted(&mut self, work: &Workload, step: StepId) -> bool {
        if work.left_out[step.index()] {
            return false;
        }
        let Some(condition) = &work.plan.step(step).condition else { return true };
        let mut text = Vec::new();
        let mut context = RenderContext {
            vu: self.index + 1,
            iteration: self.iteration,
            nonce: Nonce { run: work.wire.run, call: 0 },
            rng: &mut self.arguments,
            variables: &self.variables,
        };
        condition.value.render(&mut context, &mut text);
        condition.test.passes(&String::from_utf8_lossy(&text))
    }

    /// Books `step`, which is made of a value that is not there. In a closed load its user pauses then, lest it do nothing else.
    async fn without_value(&self, work: &Workload, step: StepId, due: Option<Due<'_>>) {
        let missing = work.needs[step.index()].iter().find(|slot| self.variables.get(**slot).is_none());
        let name = missing.map(|slot| work.plan.variables[usize::from(slot.0)].as_str()).unwrap_or_default();
        let reason = format!("nothing was put into `{name}` before it");
        let now = work.clock.now();
        let call = due.map_or_else(|| work.recorder.begin(step, work.phase(now)), |due| due.begin(step));
        call.end(Outcome::NotSent(NotSent::NoValue), never_sent(work, step), Some(&reason));
        if work.arrivals.is_none() {
            sleep_until(work, now + FIRST_BACK_OFF).await;
        }
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
        if let Some(step) =
            self.client.next_tear_down().filter(|_| work.plan.session_end == SessionEnd::Delete)
        {
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
                (due.begin(step), Some(at))
            }
        };
        let context = CallContext {
            iteration: self.iteration,
            sent,
            rng: &mut self.arguments,
            variables: &mut self.variables,
        };
        let sampler = work.sampler.as_ref().filter(|sampler| sampler.wants(step, &mut self.samples));
        let sweeper = work.sweeper.as_ref().filter(|sweeper| sweeper.wants(step, &mut self.samples));
        let exchange = if sampler.is_none() && sweeper.is_none() {
            self.client.perform(step, context).await
        } else {
            // Boxed: few calls come this way.
            let (exchange, answer) = Box::pin(self.client.ask(step, context)).await;
            if let Some(answer) = answer {
                // What is told of errors may hold what is secret, too.
                if let Some(sweeper) = sweeper {
                    sweeper.offer(step, answer.text.clone());
                }
                if let Some(sampler) =
                    sampler.filter(|_| matches!(exchange.outcome, Outcome::Ok | Outcome::CheckFailed))
                {
                    sampler.offer(step, answer.text);
                }
            }
            exchange
        };
        let timing = if work.arrivals.is_some() {
            Timing::open(due.unwrap_or(exchange.sent), exchange.sent, exchange.end)
        } else {
            Timing::closed(exchange.end.saturating_sub(exchange.sent)).ended(exchange.end)
        };
        if let Some(times) = exchange.stream {
            let Exchange { sent, first_byte, end, .. } = exchange;
            let answer = exchange.answered.then_some(end);
            open.streamed(StreamedCall { sent, first_byte, answer, times });
        }
        open.end(exchange.outcome, timing, exchange.reason.as_deref());
        if exchange.left_open || !exchange.held.is_zero() {
            work.recorder.held(exchange.held, exchange.left_open);
        }
        if exchange.resumed > 0 {
            work.recorder.resumed(exchange.resumed);
        }
        if exchange.echoed {
            work.recorder.echoed();
        }
        for notes in work.notes.iter().filter(|notes| notes.wants(step)) {
            let Some(end) = CallEnd::of(exchange.outcome) else { continue };
            let service = exchange.end.saturating_sub(exchange.sent);
            notes.take(CallNote { id: self.client.last_call(), step, end, service, ended: exchange.end });
        }
        self.note_session(work, step, &exchange);
        Some(exchange)
    }

    /// Books that the session was lost, and how long it was until an answer was good again.
    fn note_session(&mut self, work: &Workload, step: StepId, exchange: &Exchange) {
        match (exchange.outcome, self.lost_at) {
            (Outcome::Protocol(ProtocolFault::SessionLost), None) => {
                self.lost_at = Some(exchange.end);
                work.recorder.session_lost();
            }
            (Outcome::Ok, Some(lost)) if work.plan.step(step).role == Role::Load => {
                self.lost_at = None;
                work.recorder.session_regained(exchange.end.saturating_sub(lost));
            }
            (_, _) => {}
        }
    }
}

/// The first call of an iteration that was due at a certain moment, not begun yet. Dropping it, because its user was cut off,
/// books it as interrupted: nothing that was due is lost.
pub(super) struct Due<'w> {
    work: &'w Workload,
    transaction: &'w Transaction,
    at: Duration,
}

impl<'w> Due<'w> {
    /// What `arrival` is due to begin with.
    pub(super) fn of(work: &'w Workload, arrival: Arrival) -> Self {
        Self { work, transaction: work.plan.transaction_of(arrival), at: arrival.due }
    }

    /// The call begins, which is of `step`: the first one that is wanted.
    fn begin(self, step: StepId) -> OpenCall<'w> {
        let open = self.enter(step);
        self.forget();
        open
    }

    /// There is no call.
    fn forget(self) {
        std::mem::forget(self);
    }

    /// Its iteration will not be begun.
    fn not_sent(self, why: NotSent, reason: Option<&str>) {
        not_sent(self.work, &self.transaction.steps, self.at, why, reason);
        self.forget();
    }

    fn enter(&self, step: StepId) -> OpenCall<'w> {
        self.work.recorder.begin(step, self.work.phase(self.at))
    }
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        if let Some(step) = self.transaction.steps.iter().find(|step| self.work.is_certain(**step)) {
            drop(self.enter(*step));
        }
    }
}

/// Books those of `steps` that are always done as not sent; they were due at `due`.
pub(super) fn not_sent(work: &Workload, steps: &[StepId], due: Duration, why: NotSent, reason: Option<&str>) {
    for step in steps.iter().filter(|step| work.is_certain(**step)) {
        let call = work.recorder.begin(*step, work.phase(due));
        call.end(Outcome::NotSent(why), never_sent(work, *step), reason);
    }
}

fn never_sent(work: &Workload, step: StepId) -> Timing {
    let deadline = work.plan.step(step).deadline;
    let timing =
        if work.arrivals.is_some() { Timing::never_sent(deadline) } else { Timing::closed(deadline) };
    timing.ended(work.clock.now())
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
