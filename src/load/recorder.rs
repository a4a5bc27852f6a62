//! The books of the load: every planned call is entered when it begins and when it ends; once a second what ended
//! is taken out as a [`Second`].
//!
//! Each thread has a shard of its own: nobody waits for a lock but, once a second, for the moment in which the books are
//! taken out.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::metrics::{
    BadMoments, Cell, ErrorBook, IdleSecond, Phase, Second, SessionLosses, StreamCell, StreamedCall,
};
use crate::model::{LatencyClock, LatencyHistogram, Messages, Outcome, Strays};
use crate::plan::{StepId, Threshold};

/// How many distinct error codes of one kind are kept apart; a server could invent a new one for each reply.
const MAX_CODES: usize = 32;
/// What codes beyond [`MAX_CODES`] are booked as.
const OTHER_CODE: i64 = 0;

/// Counts calls. Shared by all users.
#[derive(Debug)]
pub struct Recorder {
    shards: Box<[Shard]>,
    /// Failed calls alone come here.
    errors: Mutex<ErrorBook>,
    thresholds: Vec<Threshold>,
    users: AtomicU32,
    /// `None` as long as no stream was open beside the load.
    idle: Mutex<Option<IdleSecond>>,
}

/// Who closed a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// The target, or what is between.
    Target,
    /// The end of the load.
    Us,
}

/// Whether a stream goes on where an earlier one was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// It does.
    Yes,
    /// It is a new one.
    No,
}

/// The books of one thread, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    /// Since the beginning.
    planned: u64,
    recorded: u64,
    /// Since the books were last taken out.
    planned_now: u64,
    pacing: LatencyHistogram,
    left_open: u64,
    resumed: u64,
    held: Duration,
    strays: Strays,
    echoed: u64,
    streams: BTreeMap<(StepId, Phase), Box<StreamCell>>,
    sessions: SessionLosses,
    cells: Cells,
    codes: Vec<i64>,
}

#[derive(Debug, Default)]
struct Cells {
    /// Good calls, by [`place`]: most calls are good.
    good: Vec<Option<Box<Entry>>>,
    failed: HashMap<(StepId, Phase, Outcome), Box<Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    count: u64,
    over: Vec<u64>,
    /// Good calls never touch it.
    bad_at: BadMoments,
    /// In a closed load this is all there is to know.
    service: LatencyHistogram,
    open: Option<OpenEntry>,
}

/// What an open load knows beside the service time.
#[derive(Debug, Default)]
struct OpenEntry {
    response: LatencyHistogram,
    lag: LatencyHistogram,
}

/// How long a call took, on each of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// What objectives judge.
    response: Duration,
    service: Duration,
    /// `None` in a closed load, whose calls are due when they are sent.
    lag: Option<Duration>,
    /// When it ended, from the start of the load; `None` where it does not matter.
    end: Option<Duration>,
}

/// A call that has begun and not ended. Dropping it, because its user was cut off, books it as
/// [`Outcome::Interrupted`]: nothing planned is lost.
#[derive(Debug)]
pub struct OpenCall<'a> {
    recorder: &'a Recorder,
    step: StepId,
    phase: Phase,
    ended: bool,
}

impl Timing {
    /// Of a call in a closed load: from sent to the end of the answer.
    pub fn closed(service: Duration) -> Self {
        Self { response: service, service, lag: None, end: None }
    }

    /// Of a call that was due at `due`.
    pub fn open(due: Duration, sent: Duration, end: Duration) -> Self {
        Self {
            response: end.saturating_sub(due),
            service: end.saturating_sub(sent),
            lag: Some(sent.saturating_sub(due)),
            end: Some(end),
        }
    }

    /// Of a call in an open load that was never sent: its whole deadline was spent on waiting.
    pub fn never_sent(deadline: Duration) -> Self {
        Self { response: deadline, service: Duration::ZERO, lag: Some(deadline), end: None }
    }

    /// The same of a call that ended at `end`, from the start of the load: bad calls whose end is known make bursts that can be told.
    #[must_use]
    pub fn ended(self, end: Duration) -> Self {
        Self { end: Some(end), ..self }
    }

    fn on(&self, clock: LatencyClock) -> Duration {
        match clock {
            LatencyClock::Response => self.response,
            LatencyClock::Service => self.service,
            LatencyClock::SendLag => self.lag.unwrap_or_default(),
        }
    }
}

impl Recorder {
    /// Empty books with `shards` shards, one for each thread that makes calls; calls over each of `thresholds` are
    /// counted exactly.
    pub fn new(shards: usize, thresholds: Vec<Threshold>) -> Self {
        Self {
            shards: (0..shards.max(1)).map(|_| Shard::default()).collect(),
            errors: Mutex::default(),
            thresholds,
            users: AtomicU32::new(0),
            idle: Mutex::default(),
        }
    }

    /// [`Self::new`] with a shard for each thread of a runtime on this machine, and one for whoever takes seconds out.
    pub fn for_this_machine(thresholds: Vec<Threshold>) -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from) + 1, thresholds)
    }

    /// Enters a planned call of `step`.
    pub fn begin(&self, step: StepId, phase: Phase) -> OpenCall<'_> {
        let mut books = self.mine();
        books.planned += 1;
        books.planned_now += 1;
        OpenCall { recorder: self, step, phase, ended: false }
    }

    /// Enters how late a free user was given an iteration that was due: gander's own doing, never the target's.
    pub fn paced(&self, late: Duration) {
        self.mine().pacing.record(late);
    }

    /// Enters how long a user waited for the end of an answer's stream; `left_open` when it waited in vain.
    pub fn held(&self, held: Duration, left_open: bool) {
        let mut books = self.mine();
        books.held += held;
        books.left_open += u64::from(left_open);
    }

    /// Enters how often the stream of an answer was opened again.
    pub fn resumed(&self, times: u32) {
        self.mine().resumed += u64::from(times);
    }

    /// Enters messages that came and belong to no call in flight.
    pub fn strays(&self, strays: Strays) {
        self.mine().strays += strays;
    }

    /// Enters an answer that held the nonce of its call.
    pub fn echoed(&self) {
        self.mine().echoed += 1;
    }

    /// Enters that a user lost its session.
    pub fn session_lost(&self) {
        self.mine().sessions.lost += 1;
    }

    /// Enters that a user which had lost its session got a good answer again, this long after.
    pub fn session_regained(&self, after: Duration) {
        self.mine().sessions.regained.record(after);
    }

    /// A stream beside the load is open; `resumed` when that is after the last event that an earlier one brought.
    pub fn stream_opened(&self, resumed: Resumed) {
        let mut idle = self.idle();
        let second = idle.get_or_insert_default();
        second.open += 1;
        second.resumed += u64::from(resumed == Resumed::Yes);
    }

    /// A stream beside the load is open no more.
    pub fn stream_closed(&self, by: ClosedBy) {
        let mut idle = self.idle();
        let second = idle.get_or_insert_default();
        second.open = second.open.saturating_sub(1);
        second.ended += u64::from(by == ClosedBy::Target);
    }

    fn idle(&self) -> MutexGuard<'_, Option<IdleSecond>> {
        // Nothing in here panics half way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A user became active.
    pub fn user_joined(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// A user is no longer active.
    pub fn user_left(&self) {
        self.users.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls planned, and calls that have ended, since the beginning.
    pub fn totals(&self) -> (u64, u64) {
        let shards = self.all();
        shards
            .iter()
            .fold((0, 0), |(planned, recorded), books| (planned + books.planned, recorded + books.recorded))
    }

    /// Takes out everything that ended since the last time, as second number `second`; `waiting` arrivals were due and
    /// had no user at its end.
    pub fn take_second(&self, second: u32, waiting: u64) -> Second {
        let (mut planned, mut in_flight, mut left_open, mut resumed, mut echoed) = (0, 0, 0, 0, 0);
        let mut pacing = LatencyHistogram::new();
        let mut held = Duration::ZERO;
        let mut strays = Strays::default();
        let mut sessions = SessionLosses::default();
        // All shards are read under one lock: in every second the books balance.
        let mut streams: BTreeMap<(StepId, Phase), Box<StreamCell>> = BTreeMap::new();
        let taken: Vec<Cells> = self
            .all()
            .iter_mut()
            .map(|books| {
                planned += std::mem::take(&mut books.planned_now);
                in_flight += books.planned.wrapping_sub(books.recorded).cast_signed();
                left_open += std::mem::take(&mut books.left_open);
                resumed += std::mem::take(&mut books.resumed);
                held += std::mem::take(&mut books.held);
                strays += std::mem::take(&mut books.strays);
                echoed += std::mem::take(&mut books.echoed);
                for (key, cell) in std::mem::take(&mut books.streams) {
                    match streams.get_mut(&key) {
                        None => drop(streams.insert(key, cell)),
                        Some(total) => total.merge(&cell),
                    }
                }
                sessions.add(&std::mem::take(&mut books.sessions));
                pacing.merge(&books.pacing);
                books.pacing.clear();
                std::mem::take(&mut books.cells)
            })
            .collect();
        let mut merged: BTreeMap<(StepId, Phase, Outcome), Box<Entry>> = BTreeMap::new();
        for (key, entry) in taken.into_iter().flat_map(Cells::into_entries) {
            match merged.get_mut(&key) {
                None => {
                    merged.insert(key, entry);
                }
                Some(total) => total.merge(&entry),
            }
        }
        let cells = merged.into_iter().map(|(key, entry)| entry.into_cell(key)).collect();
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner).take();
        Second {
            second,
            planned,
            in_flight: u64::try_from(in_flight).expect("a call begins before it ends"),
            waiting,
            users: self.users.load(Ordering::Relaxed),
            pacing: (!pacing.is_empty()).then_some(pacing),
            left_open,
            resumed,
            held,
            strays,
            echoed,
            messages: Messages::default(),
            sessions: Some(sessions).filter(|sessions| !sessions.is_none()),
            idle: self.idle().as_mut().map(IdleSecond::take),
            outputs: Vec::new(),
            generator: None,
            streams: streams.into_values().map(|cell| *cell).collect(),
            cells,
            errors,
        }
    }

    /// The books of this thread.
    fn mine(&self) -> MutexGuard<'_, Books> {
        self.shards[thread_number() % self.shards.len()].lock()
    }

    fn all(&self) -> Vec<MutexGuard<'_, Books>> {
        self.shards.iter().map(Shard::lock).collect()
    }

    fn end(&self, call: &OpenCall<'_>, outcome: Outcome, timing: Timing, reason: Option<&str>) {
        if let Some(reason) = reason {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            errors.enter((call.step, call.phase, outcome.class()), Some(reason), 1);
        }
        let mut books = self.mine();
        books.recorded += 1;
        let outcome = books.bounded(outcome);
        let entry = books.cells.entry(call.step, call.phase, outcome);
        entry.add(timing, &self.thresholds);
        // Most calls are good, and pay for this one comparison.
        if outcome != Outcome::Ok
            && let Some(end) = timing.end.filter(|_| outcome.is_failure())
        {
            entry.bad_at.failed.mark(end);
        }
    }
}

/// A number of this thread's own, from 0.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Books> {
        // An entry is whole before anything in it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn bounded(&mut self, outcome: Outcome) -> Outcome {
        let Outcome::JsonRpcError(code) = outcome else { return outcome };
        if self.codes.contains(&code) {
            return outcome;
        }
        if self.codes.len() >= MAX_CODES {
            return Outcome::JsonRpcError(OTHER_CODE);
        }
        self.codes.push(code);
        outcome
    }
}

const PHASES: [Phase; 2] = [Phase::WarmUp, Phase::Steady];

fn place(step: StepId, phase: Phase) -> usize {
    step.index() * PHASES.len() + usize::from(phase == Phase::Steady)
}

impl Cells {
    fn entry(&mut self, step: StepId, phase: Phase, outcome: Outcome) -> &mut Entry {
        if outcome != Outcome::Ok {
            return self.failed.entry((step, phase, outcome)).or_default();
        }
        let place = place(step, phase);
        if place >= self.good.len() {
            self.good.resize_with(place + 1, || None);
        }
        self.good[place].get_or_insert_default()
    }

    fn into_entries(self) -> impl Iterator<Item = ((StepId, Phase, Outcome), Box<Entry>)> {
        let good = self.good.into_iter().enumerate().filter_map(|(place, entry)| {
            let step = u16::try_from(place / PHASES.len()).expect("a step's index is a u16");
            Some(((StepId(step), PHASES[place % PHASES.len()], Outcome::Ok), entry?))
        });
        good.chain(self.failed)
    }
}

impl Entry {
    fn add(&mut self, timing: Timing, thresholds: &[Threshold]) {
        self.count += 1;
        self.service.record(timing.service);
        if let Some(lag) = timing.lag {
            let open = self.open.get_or_insert_default();
            open.response.record(timing.response);
            open.lag.record(lag);
        }
        self.over.resize(thresholds.len(), 0);
        for (place, (over, threshold)) in self.over.iter_mut().zip(thresholds).enumerate() {
            if timing.on(threshold.clock) > threshold.limit {
                *over += 1;
                if let Some(end) = timing.end {
                    self.bad_at.mark_over(place, end);
                }
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.service.merge(&other.service);
        if let Some(theirs) = &other.open {
            let ours = self.open.get_or_insert_default();
            ours.response.merge(&theirs.response);
            ours.lag.merge(&theirs.lag);
        }
        self.over.resize(self.over.len().max(other.over.len()), 0);
        for (total, over) in self.over.iter_mut().zip(&other.over) {
            *total += over;
        }
        self.bad_at.merge(&other.bad_at);
    }

    fn into_cell(self: Box<Self>, (step, phase, outcome): (StepId, Phase, Outcome)) -> Cell {
        let Self { count, over, bad_at, service, open } = *self;
        let (response, lag) = open.map(|open| (open.response, open.lag)).unzip();
        Cell { step, phase, outcome, count, over, service, response, lag, bad_at }
    }
}

impl OpenCall<'_> {
    /// Enters when the parts of its answer came.
    pub fn streamed(&self, streamed: StreamedCall) {
        let mut books = self.recorder.mine();
        let cell = books.streams.entry((self.step, self.phase));
        cell.or_insert_with(|| Box::new(StreamCell::new(self.step, self.phase))).add(streamed);
    }

    /// Enters how the call ended, how long it took, and for a failed call why: a short text that may be shown.
    pub fn end(mut self, outcome: Outcome, timing: Timing, reason: Option<&str>) {
        self.ended = true;
        self.recorder.end(&self, outcome, timing, reason);
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.recorder.end(self, Outcome::Interrupted, Timing::closed(Duration::ZERO), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Moments;

    const STEP: StepId = StepId(3);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn took(millis: u64) -> Timing {
        Timing::closed(ms(millis))
    }

    #[test]
    fn what_begins_ends_in_exactly_one_outcome() {
        let recorder = Recorder::new(2, vec![Threshold::response(ms(10))]);
        recorder.begin(STEP, Phase::Steady).end(Outcome::Ok, took(10), None);
        recorder.begin(STEP, Phase::Steady).end(Outcome::Ok, took(11), None);
        recorder.begin(STEP, Phase::Steady).end(Outcome::ToolError, took(1), None);
        drop(recorder.begin(STEP, Phase::Steady));
        let open = recorder.begin(STEP, Phase::WarmUp);
        let second = recorder.take_second(0, 0);
        assert_eq!((second.planned, second.in_flight), (5, 1));
        let counts: Vec<_> = second.cells.iter().map(|c| (c.outcome, c.count, c.over.clone())).collect();
        assert_eq!(
            counts,
            [(Outcome::Ok, 2, vec![1]), (Outcome::ToolError, 1, vec![0]), (Outcome::Interrupted, 1, vec![0])]
        );
        open.end(Outcome::Ok, took(1), None);
        let second = recorder.take_second(1, 0);
        assert_eq!((second.planned, second.in_flight, second.cells.len()), (0, 0, 1));
        assert_eq!(second.cells[0].phase, Phase::WarmUp);
        assert_eq!(recorder.totals(), (5, 5));
    }

    #[test]
    fn a_server_that_invents_error_codes_does_not_fill_the_memory() {
        let recorder = Recorder::new(1, Vec::new());
        for code in 1..=10_000 {
            recorder.begin(STEP, Phase::Steady).end(Outcome::JsonRpcError(code), took(1), None);
        }
        let second = recorder.take_second(0, 0);
        assert_eq!(second.cells.len(), MAX_CODES + 1);
        assert_eq!(second.cells.iter().map(|cell| cell.count).sum::<u64>(), 10_000);
    }

    #[test]
    fn reasons_are_kept_apart_by_step_phase_and_class() {
        let recorder = Recorder::new(2, Vec::new());
        let fail = |phase, outcome, reason| {
            recorder.begin(STEP, phase).end(outcome, took(1), Some(reason));
        };
        fail(Phase::WarmUp, Outcome::ToolError, "no");
        fail(Phase::Steady, Outcome::ToolError, "no");
        fail(Phase::Steady, Outcome::ToolError, "no");
        fail(Phase::Steady, Outcome::HttpStatus(503), "busy");
        recorder.begin(STEP, Phase::Steady).end(Outcome::Ok, took(1), None);
        let calls: Vec<u64> = recorder.take_second(0, 0).errors.iter().map(|sample| sample.calls).collect();
        assert_eq!(calls, [1, 1, 2]);
        assert!(recorder.take_second(1, 0).errors.is_empty());
    }

    #[test]
    fn an_open_load_is_judged_from_when_calls_were_due() {
        let limits = [(LatencyClock::Response, 50), (LatencyClock::Service, 50), (LatencyClock::SendLag, 50)];
        let thresholds = limits.map(|(clock, limit)| Threshold { clock, limit: ms(limit) }).to_vec();
        let recorder = Recorder::new(1, thresholds);
        recorder.begin(STEP, Phase::Steady).end(Outcome::Ok, Timing::open(ms(100), ms(190), ms(200)), None);
        recorder.paced(ms(2));
        recorder.held(ms(250), true);
        recorder.held(ms(3), false);
        recorder.resumed(2);
        recorder.strays(Strays { late: 2, ..Strays::default() });
        recorder.strays(Strays { late: 1, duplicate: 1, unknown: 1, rubbish: 1 });
        let second = recorder.take_second(0, 7);
        let later = recorder.take_second(1, 0);
        assert_eq!(second.strays, Strays { late: 3, duplicate: 1, unknown: 1, rubbish: 1 });
        assert!(later.strays.is_none());
        assert_eq!((second.left_open, second.held, later.left_open, later.held), (1, ms(253), 0, ms(0)));
        assert_eq!((second.resumed, later.resumed), (2, 0));
        let cell = &second.cells[0];
        let max = |histogram: &Option<LatencyHistogram>| histogram.as_ref().and_then(LatencyHistogram::max);
        let near = |found: Option<Duration>, wanted: u64| {
            assert!(found.unwrap().abs_diff(ms(wanted)) < Duration::from_micros(200), "{found:?}");
        };
        near(cell.service.max(), 10);
        near(max(&cell.response), 100);
        near(max(&cell.lag), 90);
        near(max(&second.pacing), 2);
        assert_eq!((cell.over.as_slice(), second.waiting), (&[1, 0, 1][..], 7));
    }

    #[test]
    fn a_burst_is_one_whatever_threads_and_outcomes_it_is_of() {
        let recorder = Recorder::new(4, vec![Threshold::response(ms(10)), Threshold::response(ms(500))]);
        let end = |outcome, millis, at| {
            recorder.begin(STEP, Phase::Steady).end(outcome, took(millis).ended(ms(at)), None);
        };
        std::thread::scope(|scope| {
            scope.spawn(|| end(Outcome::Ok, 20, 3_100));
            scope.spawn(|| end(Outcome::Ok, 30, 3_105));
            scope.spawn(|| end(Outcome::ToolError, 1, 3_500));
            scope.spawn(|| end(Outcome::Ok, 5, 3_900));
        });
        let second = recorder.take_second(3, 0);
        let parts = |moments: Moments| moments.parts().collect::<Vec<_>>();
        let ok = &second.cells[0].bad_at;
        assert_eq!((parts(ok.over(0)), parts(ok.over(1)), parts(ok.failed)), (vec![12, 13], vec![], vec![]));
        let failed = &second.cells[1].bad_at;
        assert_eq!((parts(failed.over(0)), parts(failed.failed)), (vec![], vec![64]));
        assert!(recorder.take_second(4, 0).cells.is_empty());
    }

    #[test]
    fn calls_may_end_on_another_thread() {
        let recorder = Recorder::new(4, Vec::new());
        let calls: Vec<_> = (0..100).map(|_| recorder.begin(STEP, Phase::Steady)).collect();
        std::thread::scope(|scope| {
            for call in calls {
                scope.spawn(|| call.end(Outcome::Ok, took(1), None));
            }
        });
        let second = recorder.take_second(0, 0);
        assert_eq!((second.planned, second.in_flight, second.cells[0].count), (100, 0, 100));
        assert_eq!(recorder.totals(), (100, 100));
    }
}
