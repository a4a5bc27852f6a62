//! When the parts of answers came, by step: what a second knows, and what seconds add up to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Phase;
use crate::model::{LatencyHistogram, StreamClock, StreamTimes};
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
    /// What there is of calls without an answer in the times that objectives can limit; `None` where each had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Box<Unanswered>>,
    /// For each limit that the run's objectives name, how many of the answered calls were over it: exactly, whatever a
    /// histogram can resolve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<StreamOver>,
    /// The times of the answered calls, until they are held against the limits.
    #[serde(skip)]
    times: Vec<Times>,
}

/// The times of calls that had no answer: their streams broke off, or they were given up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Unanswered {
    /// To the first byte of the answer's head.
    pub first_byte: LatencyHistogram,
    /// To the first message.
    pub first_event: LatencyHistogram,
    /// The longest time of each call from one message to the next.
    pub longest_gap: LatencyHistogram,
}

/// A limit on a time of answers that come in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamLimit {
    /// Which time.
    pub clock: StreamClock,
    /// The longest that is not over it.
    pub within: Duration,
}

/// How many calls were over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOver {
    /// Which limit.
    pub of: StreamLimit,
    /// How many calls.
    pub calls: u64,
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

/// What objectives can limit, of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Times {
    first_byte: Option<Duration>,
    first_event: Option<Duration>,
    longest_gap: Option<Duration>,
}

impl Times {
    fn on(&self, clock: StreamClock) -> Option<Duration> {
        match clock {
            StreamClock::FirstByte => self.first_byte,
            StreamClock::FirstMessage => self.first_event,
            StreamClock::LongestGap => self.longest_gap,
        }
    }
}

impl Unanswered {
    fn add(&mut self, times: &Times) {
        for (histogram, time) in [
            (&mut self.first_byte, times.first_byte),
            (&mut self.first_event, times.first_event),
            (&mut self.longest_gap, times.longest_gap),
        ] {
            if let Some(time) = time {
                histogram.record(time);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.first_byte.merge(&other.first_byte);
        self.first_event.merge(&other.first_event);
        self.longest_gap.merge(&other.longest_gap);
    }

    fn on(&self, clock: StreamClock) -> &LatencyHistogram {
        match clock {
            StreamClock::FirstByte => &self.first_byte,
            StreamClock::FirstMessage => &self.first_event,
            StreamClock::LongestGap => &self.longest_gap,
        }
    }
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
            unanswered: None,
            over: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Adds a call.
    pub fn add(&mut self, call: StreamedCall) {
        let StreamedCall { sent, first_byte, answer, times } = call;
        self.calls += 1;
        self.progress += times.progress;
        self.polls += times.polls;
        let since = |at: Option<Duration>| at.map(|at| at.saturating_sub(sent));
        let limited = Times {
            first_byte: since(first_byte),
            first_event: since(times.first_event),
            longest_gap: times.longest_gap,
        };
        for (histogram, time) in [
            (&mut self.first_byte, limited.first_byte),
            (&mut self.first_event, limited.first_event),
            (&mut self.first_progress, since(times.first_progress)),
            (&mut self.handed, since(times.handed)),
            (&mut self.answer, since(answer)),
            (&mut self.first_news, since(times.first_news)),
            (&mut self.longest_gap, limited.longest_gap),
        ] {
            if let Some(time) = time {
                histogram.record(time);
            }
        }
        if answer.is_some() {
            self.times.push(limited);
        } else {
            self.unanswered.get_or_insert_default().add(&limited);
        }
    }

    /// Counts the calls over each of `limits`, and forgets the single times. Once, when the second is over: times can't be told
    /// from the histograms afterwards, and kept for all calls of a run they would fill the memory.
    pub fn settle(&mut self, limits: &[StreamLimit]) {
        let times = std::mem::take(&mut self.times);
        let over = |limit: &StreamLimit| {
            let late =
                times.iter().filter(|times| times.on(limit.clock).is_some_and(|time| time > limit.within));
            StreamOver { of: *limit, calls: late.count() as u64 }
        };
        self.over.extend(limits.iter().map(over));
    }

    /// The times of the calls that had an answer.
    pub fn answered(&self, clock: StreamClock) -> LatencyHistogram {
        let all = match clock {
            StreamClock::FirstByte => &self.first_byte,
            StreamClock::FirstMessage => &self.first_event,
            StreamClock::LongestGap => &self.longest_gap,
        };
        self.unanswered.as_ref().map_or_else(|| all.clone(), |unanswered| all.without(unanswered.on(clock)))
    }

    /// How many of the answered calls were over `limit`; `None` where that was not counted when they ended.
    pub fn over(&self, limit: StreamLimit) -> Option<u64> {
        self.over.iter().find(|over| over.of == limit).map(|over| over.calls)
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
        if let Some(theirs) = &other.unanswered {
            self.unanswered.get_or_insert_default().merge(theirs);
        }
        for theirs in &other.over {
            match self.over.iter_mut().find(|mine| mine.of == theirs.of) {
                Some(mine) => mine.calls += theirs.calls,
                None => self.over.push(*theirs),
            }
        }
        self.times.extend_from_slice(&other.times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn call(first_byte: u64, answer: Option<u64>) -> StreamedCall {
        let sent = us(1_000_000);
        let mut times = StreamTimes::default();
        times.event(sent + us(first_byte) * 2);
        times.event(sent + us(first_byte) * 5);
        StreamedCall {
            sent,
            first_byte: Some(sent + us(first_byte)),
            answer: answer.map(|answer| sent + us(answer)),
            times,
        }
    }

    #[test]
    fn calls_over_a_limit_are_counted_where_the_histogram_can_not_tell_them_apart() {
        let limit = |clock, within| StreamLimit { clock, within: us(within) };
        let limits = [
            limit(StreamClock::FirstByte, 300_000),
            limit(StreamClock::FirstMessage, 600_000),
            limit(StreamClock::LongestGap, 900_000),
        ];
        let mut cell = StreamCell::new(StepId(0), Phase::Steady);
        for late in [299_999, 300_000, 300_001, 300_002] {
            cell.add(call(late, Some(2_000_000)));
        }
        assert!(cell.first_byte.count_over(us(300_000)) != 2, "the histogram could tell");
        let mut other = StreamCell::new(StepId(0), Phase::Steady);
        other.add(call(500_000, Some(3_000_000)));
        cell.merge(&other);
        cell.settle(&limits);
        let counted = |cell: &StreamCell| limits.map(|limit| cell.over(limit));
        assert_eq!(counted(&cell), [Some(3); 3]);
        let text = serde_json::to_string(&cell).unwrap();
        let mut total: StreamCell = serde_json::from_str(&text).unwrap();
        assert_eq!(total, cell);
        total.merge(&cell);
        assert_eq!(counted(&total), [Some(6); 3]);
        assert_eq!(cell.over(limit(StreamClock::FirstByte, 300_001)), None);
    }

    #[test]
    fn calls_without_an_answer_are_kept_apart() {
        let mut cell = StreamCell::new(StepId(0), Phase::Steady);
        let mut whole = cell.clone();
        for (first_byte, answer) in [(10_000, Some(60_000)), (20_000, None), (30_000, Some(170_000))] {
            cell.add(call(first_byte, answer));
            if answer.is_some() {
                whole.add(call(first_byte, answer));
            }
        }
        assert_eq!((cell.first_byte.count(), cell.calls), (3, 3));
        cell.settle(&[StreamLimit { clock: StreamClock::FirstByte, within: us(15_000) }]);
        assert_eq!(cell.over[0].calls, 1);
        for clock in StreamClock::ALL {
            assert_eq!(cell.answered(clock), whole.answered(clock), "{clock}");
            assert_eq!(cell.answered(clock).count(), 2);
        }
        let back: StreamCell = serde_json::from_str(&serde_json::to_string(&cell).unwrap()).unwrap();
        assert_eq!(back, cell);
    }
}
