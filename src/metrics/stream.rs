//! When the parts of answers came, by step: what a second knows, and what seconds add up to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Phase;
use crate::model::{LatencyHistogram, StreamTimes};
use crate::plan::StepId;

/// Calls of one step, in one phase, whose answers came on streams, with news of their progress or as results of tasks. All times
/// are from when a call was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamCell {
    /// Which step.
    pub step: StepId,
    /// Which phase.
    pub phase: Phase,
    /// How many calls.
    pub calls: u64,
    /// How often there was news of their progress.
    pub progress: u64,
    /// How often it was asked how far their tasks are.
    #[serde(default)]
    pub polls: u64,
    /// To the first byte of the answer's head.
    pub first_byte: LatencyHistogram,
    /// To the first message.
    pub first_event: LatencyHistogram,
    /// To the first news of its progress.
    pub first_progress: LatencyHistogram,
    /// Of calls that ran as tasks: until it was there that they do.
    #[serde(default)]
    pub handed: LatencyHistogram,
    /// To the end of the answer, of those that have one; of a stream that is kept open, until it was.
    pub answer: LatencyHistogram,
    /// Of streams that are kept open: to the first notification.
    #[serde(default)]
    pub first_news: LatencyHistogram,
    /// The longest time of each call from one message to the next.
    pub longest_gap: LatencyHistogram,
}

/// One such call.
#[derive(Debug, Clone, Copy)]
pub struct StreamedCall {
    /// When it was sent.
    pub sent: Duration,
    /// When the head of its answer was there.
    pub first_byte: Option<Duration>,
    /// When its answer was there.
    pub answer: Option<Duration>,
    /// When what came before that came.
    pub times: StreamTimes,
}

impl StreamCell {
    /// No calls yet.
    pub fn new(step: StepId, phase: Phase) -> Self {
        let none = LatencyHistogram::new;
        Self {
            step,
            phase,
            calls: 0,
            progress: 0,
            polls: 0,
            handed: none(),
            first_byte: none(),
            first_event: none(),
            first_progress: none(),
            answer: none(),
            first_news: none(),
            longest_gap: none(),
        }
    }

    /// Adds a call.
    pub fn add(&mut self, call: StreamedCall) {
        let StreamedCall { sent, first_byte, answer, times } = call;
        self.calls += 1;
        self.progress += times.progress;
        self.polls += times.polls;
        for (histogram, at) in [
            (&mut self.first_byte, first_byte),
            (&mut self.first_event, times.first_event),
            (&mut self.first_progress, times.first_progress),
            (&mut self.handed, times.handed),
            (&mut self.answer, answer),
            (&mut self.first_news, times.first_news),
        ] {
            if let Some(at) = at {
                histogram.record(at.saturating_sub(sent));
            }
        }
        if let Some(gap) = times.longest_gap {
            self.longest_gap.record(gap);
        }
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.progress += other.progress;
        self.polls += other.polls;
        for (mine, theirs) in [
            (&mut self.first_byte, &other.first_byte),
            (&mut self.first_event, &other.first_event),
            (&mut self.first_progress, &other.first_progress),
            (&mut self.handed, &other.handed),
            (&mut self.answer, &other.answer),
            (&mut self.first_news, &other.first_news),
            (&mut self.longest_gap, &other.longest_gap),
        ] {
            mine.merge(theirs);
        }
    }
}
