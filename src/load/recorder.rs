//! The books of the load: every planned call is entered when it begins and when it ends; once a second what ended
//! is taken out as a [`Second`].
//!
//! Shards keep users on different threads out of each other's way; a shard's lock is held for the time of one entry.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::metrics::{Cell, ErrorBook, Phase, Second};
use crate::model::{LatencyHistogram, Outcome};
use crate::plan::StepId;

/// How many distinct error codes of one kind are kept apart; a server could invent a new one for each reply.
const MAX_CODES: usize = 32;
/// What codes beyond [`MAX_CODES`] are booked as.
const OTHER_CODE: i64 = 0;

/// Counts calls. Shared by all users.
#[derive(Debug)]
pub struct Recorder {
    shards: Vec<Mutex<Shard>>,
    /// Failed calls alone come here.
    errors: Mutex<ErrorBook>,
    thresholds: Vec<Duration>,
    planned: AtomicU64,
    recorded: AtomicU64,
    users: AtomicU32,
}

#[derive(Debug, Default)]
struct Shard {
    planned: u64,
    in_flight: u64,
    cells: HashMap<(StepId, Phase, Outcome), Entry>,
    codes: Vec<i64>,
}

#[derive(Debug)]
struct Entry {
    count: u64,
    over: Vec<u64>,
    service: LatencyHistogram,
}

/// A call that has begun and not ended. Dropping it, because its user was cut off, books it as
/// [`Outcome::Interrupted`]: nothing planned is lost.
#[derive(Debug)]
pub struct OpenCall<'a> {
    recorder: &'a Recorder,
    shard: usize,
    step: StepId,
    phase: Phase,
    ended: bool,
}

impl Recorder {
    /// Empty books with `shards` shards; calls over each of `thresholds` are counted exactly.
    pub fn new(shards: usize, thresholds: Vec<Duration>) -> Self {
        Self {
            shards: (0..shards.max(1)).map(|_| Mutex::default()).collect(),
            errors: Mutex::default(),
            thresholds,
            planned: AtomicU64::new(0),
            recorded: AtomicU64::new(0),
            users: AtomicU32::new(0),
        }
    }

    /// Enters a planned call of `step`; `user` only chooses the shard.
    pub fn begin(&self, user: u32, step: StepId, phase: Phase) -> OpenCall<'_> {
        let shard = user as usize % self.shards.len();
        {
            let mut shard = self.lock(shard);
            shard.planned += 1;
            shard.in_flight += 1;
        }
        self.planned.fetch_add(1, Ordering::Relaxed);
        OpenCall { recorder: self, shard, step, phase, ended: false }
    }

    /// A user became active.
    pub fn user_joined(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// A user is no longer active.
    pub fn user_left(&self) {
        self.users.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls planned so far.
    pub fn planned(&self) -> u64 {
        self.planned.load(Ordering::Acquire)
    }

    /// Calls that have ended so far.
    pub fn recorded(&self) -> u64 {
        self.recorded.load(Ordering::Acquire)
    }

    /// Takes out everything that ended since the last time, as second number `second`.
    pub fn take_second(&self, second: u32) -> Second {
        let (mut planned, mut in_flight) = (0, 0);
        let mut merged: BTreeMap<(StepId, Phase, Outcome), Entry> = BTreeMap::new();
        for shard in 0..self.shards.len() {
            // Begun, ended and in flight are read under one lock: in every second the books balance.
            let cells = {
                let mut shard = self.lock(shard);
                planned += std::mem::take(&mut shard.planned);
                in_flight += shard.in_flight;
                std::mem::take(&mut shard.cells)
            };
            for (key, entry) in cells {
                match merged.get_mut(&key) {
                    None => {
                        merged.insert(key, entry);
                    }
                    Some(total) => total.merge(&entry),
                }
            }
        }
        let cells = merged
            .into_iter()
            .map(|((step, phase, outcome), entry)| Cell {
                step,
                phase,
                outcome,
                count: entry.count,
                over: entry.over,
                service: entry.service,
            })
            .collect();
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner).take();
        Second { second, planned, in_flight, users: self.users.load(Ordering::Relaxed), cells, errors }
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        // An entry is whole before anything in it can panic.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, call: &OpenCall<'_>, outcome: Outcome, service: Duration, reason: Option<&str>) {
        if let Some(reason) = reason {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            errors.enter((call.step, call.phase, outcome.class()), Some(reason), 1);
        }
        let mut shard = self.lock(call.shard);
        shard.in_flight -= 1;
        let outcome = shard.bounded(outcome);
        let entry = shard.cells.entry((call.step, call.phase, outcome)).or_insert_with(|| Entry {
            count: 0,
            over: vec![0; self.thresholds.len()],
            service: LatencyHistogram::new(),
        });
        entry.count += 1;
        entry.service.record(service);
        for (over, threshold) in entry.over.iter_mut().zip(&self.thresholds) {
            *over += u64::from(service > *threshold);
        }
        drop(shard);
        self.recorded.fetch_add(1, Ordering::Release);
    }
}

impl Shard {
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

impl Entry {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.service.merge(&other.service);
        for (total, over) in self.over.iter_mut().zip(&other.over) {
            *total += over;
        }
    }
}

impl OpenCall<'_> {
    /// Enters how the call ended, how long it took, and for a failed call why: a short text that may be shown.
    pub fn end(mut self, outcome: Outcome, service: Duration, reason: Option<&str>) {
        self.ended = true;
        self.recorder.end(&self, outcome, service, reason);
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.recorder.end(self, Outcome::Interrupted, Duration::ZERO, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: StepId = StepId(3);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_begins_ends_in_exactly_one_outcome() {
        let recorder = Recorder::new(2, vec![ms(10)]);
        recorder.begin(0, STEP, Phase::Steady).end(Outcome::Ok, ms(10), None);
        recorder.begin(1, STEP, Phase::Steady).end(Outcome::Ok, ms(11), None);
        recorder.begin(1, STEP, Phase::Steady).end(Outcome::ToolError, ms(1), None);
        drop(recorder.begin(2, STEP, Phase::Steady));
        let open = recorder.begin(3, STEP, Phase::WarmUp);
        let second = recorder.take_second(0);
        assert_eq!((second.planned, second.in_flight), (5, 1));
        let counts: Vec<_> = second.cells.iter().map(|c| (c.outcome, c.count, c.over.clone())).collect();
        assert_eq!(
            counts,
            [(Outcome::Ok, 2, vec![1]), (Outcome::ToolError, 1, vec![0]), (Outcome::Interrupted, 1, vec![0])]
        );
        open.end(Outcome::Ok, ms(1), None);
        let second = recorder.take_second(1);
        assert_eq!((second.planned, second.in_flight, second.cells.len()), (0, 0, 1));
        assert_eq!(second.cells[0].phase, Phase::WarmUp);
        assert_eq!((recorder.planned(), recorder.recorded()), (5, 5));
    }

    #[test]
    fn a_server_that_invents_error_codes_does_not_fill_the_memory() {
        let recorder = Recorder::new(1, Vec::new());
        for code in 1..=10_000 {
            recorder.begin(0, STEP, Phase::Steady).end(Outcome::JsonRpcError(code), ms(1), None);
        }
        let second = recorder.take_second(0);
        assert_eq!(second.cells.len(), MAX_CODES + 1);
        assert_eq!(second.cells.iter().map(|cell| cell.count).sum::<u64>(), 10_000);
    }

    #[test]
    fn reasons_are_kept_apart_by_step_phase_and_class() {
        let recorder = Recorder::new(2, Vec::new());
        let fail = |user, phase, outcome, reason| {
            recorder.begin(user, STEP, phase).end(outcome, ms(1), Some(reason));
        };
        fail(0, Phase::WarmUp, Outcome::ToolError, "no");
        fail(0, Phase::Steady, Outcome::ToolError, "no");
        fail(1, Phase::Steady, Outcome::ToolError, "no");
        fail(1, Phase::Steady, Outcome::HttpStatus(503), "busy");
        recorder.begin(0, STEP, Phase::Steady).end(Outcome::Ok, ms(1), None);
        let calls: Vec<u64> = recorder.take_second(0).errors.iter().map(|sample| sample.calls).collect();
        assert_eq!(calls, [1, 1, 2]);
        assert!(recorder.take_second(1).errors.is_empty());
    }
}
