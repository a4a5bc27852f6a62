//! What verdicts and report both rest on, worked out once: the run's calls added up, and when the load was on.

use std::ops::Range;
use std::time::Duration;

use super::{Ending, RunLog};
use crate::metrics::{Aggregates, Flow};
use crate::model::Event;

/// A run's calls and the time of its load.
pub(super) struct Measured {
    pub(super) all: Aggregates,
    /// What ended in the steady phase.
    pub(super) flow: Flow,
    pub(super) clock: LoadClock,
}

/// When the load was on. Events are counted from the start of the run, seconds and reports from the start of the load.
pub(super) struct LoadClock {
    started: Duration,
    stopped: Duration,
    /// How long after its end calls were still begun that had been due before, in seconds.
    pub(super) overrun: f64,
    /// How long the load was on, in seconds.
    pub(super) duration: f64,
    /// How much of it was warm-up, in seconds.
    pub(super) warm_up: f64,
}

impl Measured {
    pub(super) fn of(log: &RunLog) -> Self {
        let clock = LoadClock::of(log);
        let flow = Flow::of(&log.seconds, &clock.steady_seconds());
        Self { all: Aggregates::of(&log.seconds), flow, clock }
    }
}

impl LoadClock {
    /// A load that was carried out was on for as long as it was planned: what is done after that was due before. One that was
    /// never stopped is taken up to its last recorded second.
    fn of(log: &RunLog) -> Self {
        let when =
            |wanted: &Event| log.events.iter().find(|event| event.what == *wanted).map(|event| event.at);
        let started = when(&Event::LoadStarted).unwrap_or_default();
        let recorded = log.seconds.last().map_or(0, |last| u64::from(last.second) + 1);
        let recorded = started + Duration::from_secs(recorded);
        let planned_end = started + log.plan.load.duration();
        let stopped = match log.ending {
            Ending::Complete { .. } => planned_end,
            Ending::Interrupted { .. } | Ending::Aborted { .. } | Ending::Partial | Ending::Unmeasured => {
                when(&Event::LoadStopped).unwrap_or(recorded).clamp(started, planned_end)
            }
        };
        let duration = stopped.saturating_sub(started).as_secs_f64();
        let warm_up = log.plan.load.warm_up.as_secs_f64().min(duration);
        let over = when(&Event::LoadStopped).unwrap_or(stopped);
        let overrun = over.saturating_sub(stopped).as_secs_f64();
        Self { started, stopped, overrun, duration, warm_up }
    }

    /// When the load began, in the time of the run.
    pub(super) fn started(&self) -> Duration {
        self.started
    }

    /// Seconds from the start of the load to `at`; negative before it.
    pub(super) fn seconds(&self, at: Duration) -> f64 {
        at.as_secs_f64() - self.started.as_secs_f64()
    }

    /// How long the steady phase was, in seconds.
    pub(super) fn steady(&self) -> f64 {
        self.duration - self.warm_up
    }

    /// The steady phase as far as it came, in seconds from the start of the load.
    pub(super) fn steady_seconds(&self) -> Range<f64> {
        self.warm_up..self.duration
    }

    /// From the end of the warm-up to the moment when no new calls were made, in the time of the run.
    pub(super) fn steady_phase(&self) -> Range<Duration> {
        let warm = self.started + Duration::try_from_secs_f64(self.warm_up).unwrap_or_default();
        warm.min(self.stopped)..self.stopped
    }
}
