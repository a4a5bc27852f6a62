//! Notes on single calls, for whoever matches them with what the target says of them. They go through a bounded queue: a call never waits,
//! and what finds no room is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryIter, sync_channel};
use std::time::Duration;

use crate::model::{Outcome, ProtocolFault};
use crate::plan::{Operation, Plan, StepId};

/// So many notes wait at the most.
const MOST_WAITING: usize = 1 << 16;

/// One call that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallNote {
    /// Unique in the run: what the target knows as the id of the request.
    pub id: u64,
    /// Of which step.
    pub step: StepId,
    /// How it ended, as far as the target can know.
    pub end: CallEnd,
    /// From sent to the end of the answer.
    pub service: Duration,
    /// When it ended, from the start of the load.
    pub ended: Duration,
}

/// How a call ended, as far as the target can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// It gave an answer without an error.
    Good,
    /// It gave an answer that tells of an error.
    Failed,
    /// Nobody knows whether the request arrived, or who answered it.
    Unsure,
}

impl CallEnd {
    /// Of a call with this outcome; `None` where nothing was sent.
    pub fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::NotSent(_) => None,
            Outcome::ToolError | Outcome::JsonRpcError(_) => Some(Self::Failed),
            // What else the scenario wanted of it the target can't know.
            Outcome::Ok | Outcome::CheckFailed | Outcome::Protocol(ProtocolFault::Duplicate) => {
                Some(Self::Good)
            }
            // A status may be that of a proxy, and what broke may have broken before it arrived.
            Outcome::Protocol(_)
            | Outcome::HttpStatus(_)
            | Outcome::Transport(_)
            | Outcome::Cancelled
            | Outcome::Interrupted => Some(Self::Unsure),
        }
    }
}

/// Takes notes.
#[derive(Debug)]
pub struct NoteTaker {
    sender: SyncSender<CallNote>,
    missed: Arc<AtomicU64>,
    /// For each step, true when its calls are wanted.
    wanted: Vec<bool>,
}

/// The notes that were taken.
#[derive(Debug)]
pub struct CallNotes {
    receiver: Receiver<CallNote>,
    missed: Arc<AtomicU64>,
}

/// The two ends of a queue of notes on those calls of `plan` that are `wanted`.
pub fn call_notes(plan: &Plan, wanted: fn(&Operation) -> bool) -> (NoteTaker, CallNotes) {
    let (sender, receiver) = sync_channel(MOST_WAITING);
    let missed = Arc::new(AtomicU64::new(0));
    let wanted = plan.steps.iter().map(|step| wanted(&step.operation)).collect();
    (NoteTaker { sender, missed: Arc::clone(&missed), wanted }, CallNotes { receiver, missed })
}

/// True for requests of JSON-RPC that end with their answer.
pub(crate) fn carries_id(operation: &Operation) -> bool {
    matches!(operation, Operation::CallTool { .. } | Operation::Request(_) | Operation::Initialize)
}

impl NoteTaker {
    /// True when calls of `step` are to be noted.
    pub fn wants(&self, step: StepId) -> bool {
        self.wanted.get(step.index()).copied().unwrap_or_default()
    }

    /// Takes a note, where there is room for it.
    pub fn take(&self, note: CallNote) {
        if self.sender.try_send(note).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl CallNotes {
    /// Those that have come since the last time.
    pub fn drain(&self) -> TryIter<'_, CallNote> {
        self.receiver.try_iter()
    }

    /// How many found no room since the last time.
    pub fn take_missed(&self) -> u64 {
        self.missed.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NotSent, TransportFault};

    #[test]
    fn the_target_can_know_of_answers_alone() {
        assert_eq!(CallEnd::of(Outcome::Ok), Some(CallEnd::Good));
        assert_eq!(CallEnd::of(Outcome::CheckFailed), Some(CallEnd::Good));
        assert_eq!(CallEnd::of(Outcome::ToolError), Some(CallEnd::Failed));
        assert_eq!(CallEnd::of(Outcome::JsonRpcError(-32603)), Some(CallEnd::Failed));
        assert_eq!(CallEnd::of(Outcome::HttpStatus(503)), Some(CallEnd::Unsure));
        assert_eq!(CallEnd::of(Outcome::Transport(TransportFault::Reset)), Some(CallEnd::Unsure));
        assert_eq!(CallEnd::of(Outcome::NotSent(NotSent::NoSession)), None);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let (sender, receiver) = sync_channel(2);
        let missed = Arc::new(AtomicU64::new(0));
        let taker = NoteTaker { sender, missed: Arc::clone(&missed), wanted: vec![true, false] };
        let notes = CallNotes { receiver, missed };
        assert!(taker.wants(StepId(0)) && !taker.wants(StepId(1)) && !taker.wants(StepId(2)));
        for id in 0..5 {
            let (service, ended) = (Duration::ZERO, Duration::ZERO);
            taker.take(CallNote { id, step: StepId(0), end: CallEnd::Good, service, ended });
        }
        assert_eq!(notes.drain().map(|note| note.id).collect::<Vec<_>>(), [0, 1]);
        assert_eq!((notes.take_missed(), notes.take_missed()), (3, 0));
    }
}
