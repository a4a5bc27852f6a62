//! Which answers are looked at more closely, and the queue that they go into. Users never wait for whoever looks: what does
//! not fit is counted. It knows nothing of schemas.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::OutputCheck;
use crate::model::CounterRng;
use crate::plan::StepId;

/// Answers that may wait to be looked at.
const MOST_WAITING: usize = 64;
/// A larger answer is not looked at, in bytes.
const LARGEST: usize = 1 << 20;

/// Draws answers. Shared by all users.
#[derive(Debug)]
pub struct Sampler {
    share: f64,
    /// By step: `None` where there is nothing to look for, else whether one was drawn before.
    steps: Vec<Option<AtomicBool>>,
    queue: SyncSender<Sample>,
    books: Arc<SampleBooks>,
}

/// An answer that was drawn.
#[derive(Debug)]
pub struct Sample {
    /// Which step.
    pub step: StepId,
    /// JSON text of its result.
    pub result: String,
}

/// What came of the samples.
#[derive(Debug, Default)]
pub struct SampleBooks {
    waiting: AtomicU64,
    checks: Mutex<BTreeMap<StepId, OutputCheck>>,
}

impl Sampler {
    /// Draws `share` of the answers to each of `steps`, and the first of each; also gives where they come out.
    pub fn new(share: f64, steps: impl IntoIterator<Item = StepId>) -> (Self, Receiver<Sample>) {
        let mut slots: Vec<Option<AtomicBool>> = Vec::new();
        for step in steps {
            slots.resize_with(slots.len().max(step.index() + 1), || None);
            slots[step.index()] = Some(AtomicBool::new(false));
        }
        let (queue, samples) = sync_channel(MOST_WAITING);
        (Self { share, steps: slots, queue, books: Arc::default() }, samples)
    }

    /// The books of its samples.
    pub fn books(&self) -> Arc<SampleBooks> {
        Arc::clone(&self.books)
    }

    /// True when the answer to the next call of `step` is to be offered.
    pub(super) fn wants(&self, step: StepId, rng: &mut CounterRng) -> bool {
        let Some(Some(seen)) = self.steps.get(step.index()) else { return false };
        let drawn = rng.unit() < self.share;
        let first = !seen.load(Ordering::Relaxed) && !seen.swap(true, Ordering::Relaxed);
        drawn || first
    }

    /// Takes a good answer that was drawn; where there is no room for it, it is counted.
    pub(super) fn offer(&self, step: StepId, result: String) {
        self.books.waiting.fetch_add(1, Ordering::AcqRel);
        if result.len() > LARGEST || self.queue.try_send(Sample { step, result }).is_err() {
            self.books.enter(&OutputCheck { unchecked: 1, ..OutputCheck::none(step) });
        }
    }
}

impl SampleBooks {
    /// Enters what came of one sample.
    pub fn enter(&self, check: &OutputCheck) {
        self.checks().entry(check.step).or_insert_with(|| OutputCheck::none(check.step)).add(check);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Samples that nothing has come of yet.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Acquire)
    }

    /// What came of samples since the last time, by step.
    pub fn take(&self) -> Vec<OutputCheck> {
        std::mem::take(&mut *self.checks()).into_values().collect()
    }

    fn checks(&self) -> MutexGuard<'_, BTreeMap<StepId, OutputCheck>> {
        // An entry is whole before anything can panic.
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_step_is_drawn_and_then_a_share() {
        let (sampler, _queue) = Sampler::new(0.1, [StepId(2), StepId(4)]);
        let mut rng = CounterRng::new(1, 3);
        assert!(sampler.wants(StepId(2), &mut rng) && sampler.wants(StepId(4), &mut rng));
        assert!(!sampler.wants(StepId(3), &mut rng) && !sampler.wants(StepId(9), &mut rng));
        let drawn = (0..10_000).filter(|_| sampler.wants(StepId(2), &mut rng)).count();
        assert!((900..1_100).contains(&drawn), "{drawn}");
    }

    #[test]
    fn nothing_is_drawn_but_firsts_without_a_share() {
        let (sampler, _queue) = Sampler::new(0.0, [StepId(0)]);
        let mut rng = CounterRng::new(1, 3);
        assert_eq!((0..1_000).filter(|_| sampler.wants(StepId(0), &mut rng)).count(), 1);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let (sampler, queue) = Sampler::new(1.0, [StepId(0)]);
        for _ in 0..MOST_WAITING + 3 {
            sampler.offer(StepId(0), "{}".to_owned());
        }
        sampler.offer(StepId(0), "x".repeat(LARGEST + 1));
        let books = sampler.books();
        assert_eq!(books.take(), [OutputCheck { unchecked: 4, ..OutputCheck::none(StepId(0)) }]);
        assert_eq!(books.waiting(), MOST_WAITING as u64);
        for sample in queue.try_iter() {
            books.enter(&OutputCheck { checked: 1, ..OutputCheck::none(sample.step) });
        }
        assert_eq!((books.waiting(), books.take()[0].checked), (0, MOST_WAITING as u64));
    }
}
