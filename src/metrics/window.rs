//! What one second of load was: counts and latencies per step and outcome. The unit that is recorded and merged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BadMoments, GeneratorSecond, OutputCheck, SessionLosses, StreamCell};
use crate::model::{LatencyHistogram, Messages, Outcome, OutcomeClass, Strays};
use crate::plan::StepId;

/// Which part of the run a call belongs to, by the moment it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the warm-up's end: reported, in no objective.
    WarmUp,
    /// From the warm-up's end on.
    Steady,
}

/// All calls that ended within one second of the run, and the state of the load at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// The number of the second, from 0 at the start of the load.
    pub second: u32,
    /// Calls planned in this second (each ends in one outcome, in this second or a later one).
    pub planned: u64,
    /// Calls in flight at its end.
    pub in_flight: u64,
    /// Arrivals of an open load that were due and had no user at its end; they are planned when a user takes them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: u64,
    /// Users active at its end.
    pub users: u32,
    /// How late free users of an open load were given what was due: gander's own doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<LatencyHistogram>,
    /// Answers of this second that came on streams which the server kept open: each held its user up for up to 250 ms more,
    /// which is in no latency.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_open: u64,
    /// How often the stream of an answer ended before the answer did, and was opened again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumed: u64,
    /// How long the users of this second's answers were held up by waiting for the end of their streams, in all: such a call
    /// is in flight, and it is in no latency.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub held: Duration,
    /// Messages that came in this second and belong to no call in flight; told over stdio and HTTP+SSE alone.
    #[serde(default, skip_serializing_if = "Strays::is_none")]
    pub strays: Strays,
    /// Answers of this second that held the nonces of their calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub echoed: u64,
    /// Messages that came in this second beside answers.
    #[serde(default, skip_serializing_if = "Messages::is_none")]
    pub messages: Messages,
    /// Sessions that were lost in it, and those that were regained; left out where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionLosses>,
    /// The streams that are held open beside the load; left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdleSecond>,
    /// What came of answers that were held against output schemas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputCheck>,
    /// How the generator itself fared; unknown to the first run directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSecond>,
    /// What ended in it.
    pub cells: Vec<Cell>,
    /// When the parts of answers came that came in parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamCell>,
    /// Why calls of it failed; left out where none did, and unknown to the first run directories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorSample>,
}

impl Second {
    /// What was counted when calls ended: no latencies, and nothing of the parts of answers. Small, where a whole run is to be kept.
    #[must_use]
    pub fn counts_alone(&self) -> Self {
        let counts = |cell: &Cell| Cell {
            service: LatencyHistogram::nothing(),
            response: None,
            lag: None,
            over: cell.over.clone(),
            bad_at: cell.bad_at.clone(),
            ..*cell
        };
        Self {
            cells: self.cells.iter().map(counts).collect(),
            pacing: None,
            sessions: None,
            messages: Messages::default(),
            outputs: Vec::new(),
            generator: None,
            streams: Vec::new(),
            errors: Vec::new(),
            ..*self
        }
    }
}

/// The streams that are held open beside the load, in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IdleSecond {
    /// Open at its end.
    pub open: u32,
    /// How many the target ended in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ended: u64,
    /// How many were opened anew in it after the last event that had come (Last-Event-ID).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumed: u64,
}

impl IdleSecond {
    /// What was counted since the last time; what is open stays so.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self { open: self.open, ..Self::default() })
    }
}

/// Failed calls of one step, in one phase, of one class, that gave the same reason. Of each step, phase and class only the
/// first few distinct reasons of a run are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSample {
    /// Which step.
    pub step: StepId,
    /// Which phase.
    pub phase: Phase,
    /// Which class of failure.
    pub class: OutcomeClass,
    /// The reason, printable and without secrets; `None` stands for all reasons beyond those that are kept.
    pub reason: Option<String>,
    /// How many calls.
    pub calls: u64,
}

/// The calls of one step with one outcome, in one phase, that ended within a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Which step.
    pub step: StepId,
    /// Which phase.
    pub phase: Phase,
    /// How they ended.
    pub outcome: Outcome,
    /// How many: equals `service.count()`; kept readable.
    pub count: u64,
    /// For each of the plan's thresholds: how many were over it, exactly.
    pub over: Vec<u64>,
    /// From sent to the end of the answer.
    pub service: LatencyHistogram,
    /// In an open load: from due to the end of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<LatencyHistogram>,
    /// In an open load: from due to sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<LatencyHistogram>,
    /// When the bad ones ended, to tell bursts. Run directories of old do not know; who wrote those passes it over.
    #[serde(default, skip_serializing_if = "BadMoments::is_none")]
    pub bad_at: BadMoments,
}

impl Cell {
    /// What objectives judge: the response time, which in a closed load is the service time.
    pub fn latency(&self) -> &LatencyHistogram {
        self.response.as_ref().unwrap_or(&self.service)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_does_not_say_when_bad_calls_ended_is_read() {
        let mut cell = Cell {
            step: StepId(1),
            phase: Phase::Steady,
            outcome: Outcome::Ok,
            count: 0,
            over: vec![3],
            service: LatencyHistogram::new(),
            response: None,
            lag: None,
            bad_at: BadMoments::default(),
        };
        let of_old = serde_json::to_string(&cell).unwrap();
        assert!(!of_old.contains("bad_at"), "{of_old}");
        assert_eq!(serde_json::from_str::<Cell>(&of_old).unwrap(), cell);
        cell.bad_at.mark_over(0, Duration::from_millis(1));
        let text = serde_json::to_string(&cell).unwrap();
        assert_eq!(serde_json::from_str::<Cell>(&text).unwrap(), cell);
    }
}
