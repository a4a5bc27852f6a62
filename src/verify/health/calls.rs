//! The load's calls by the second in which they ended: which were answered, and when most were not.

use std::time::Duration;

use crate::model::{NotSent, Outcome, ProtocolFault};
use crate::plan::Role;
use crate::verify::Seen;

/// Of fewer calls a second nobody can say what most of them are.
const ENOUGH: u64 = 5;

/// How many calls ended in a second, with an answer or without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) answered: u64,
    pub(super) unanswered: u64,
}

/// The calls of the load, second by second.
pub(super) struct Calls {
    seconds: Vec<Ended>,
}

/// Seconds on end in which at least half of the calls got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) ended: Ended,
}

/// How calls went around a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Most were answered, all the time.
    Answered,
    /// In one of the seconds most were not.
    NotAnswered,
    /// There were none.
    Nothing,
}

/// Whether the target answered; `None` where that is not for it to say. An answer may be an error: it is one.
fn is_answered(outcome: Outcome) -> Option<bool> {
    match outcome {
        Outcome::Ok | Outcome::JsonRpcError(_) | Outcome::ToolError | Outcome::CheckFailed => Some(true),
        Outcome::HttpStatus(status) => Some(status < 500),
        Outcome::Transport(_) | Outcome::NotSent(NotSent::NoSession) => Some(false),
        Outcome::Protocol(fault) => Some(match fault {
            ProtocolFault::Malformed | ProtocolFault::WrongId | ProtocolFault::Missing => false,
            ProtocolFault::Duplicate
            | ProtocolFault::TooLarge
            | ProtocolFault::CrossTalk
            | ProtocolFault::InputRequired
            | ProtocolFault::SessionLost => true,
        }),
        Outcome::NotSent(NotSent::NoUser | NotSent::NoValue | NotSent::NoSocket)
        | Outcome::Cancelled
        | Outcome::Interrupted => None,
    }
}

impl Ended {
    fn all(self) -> u64 {
        self.answered + self.unanswered
    }

    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.unanswered += other.unanswered;
    }

    /// At least half of them got no answer.
    fn is_out(self) -> bool {
        self.unanswered > 0 && self.unanswered >= self.answered
    }
}

impl Calls {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        let mut seconds: Vec<Ended> = Vec::new();
        for second in seen.seconds {
            let number = second.second as usize;
            seconds.resize(seconds.len().max(number + 1), Ended::default());
            let load = second.cells.iter().filter(|cell| seen.plan.step(cell.step).role == Role::Load);
            for cell in load {
                match is_answered(cell.outcome) {
                    Some(true) => seconds[number].answered += cell.count,
                    Some(false) => seconds[number].unanswered += cell.count,
                    None => {}
                }
            }
        }
        Self { seconds }
    }

    /// When most calls got no answer. Seconds with too few calls to say end no stretch, and begin none.
    pub(super) fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut is_on = false;
        for (number, ended) in (0u64..).zip(&self.seconds).filter(|(_, ended)| ended.all() >= ENOUGH) {
            let to = Duration::from_secs(number + 1);
            match stretches.last_mut().filter(|_| is_on) {
                Some(last) if ended.is_out() => {
                    last.to = to;
                    last.ended.add(*ended);
                }
                _ if ended.is_out() => {
                    stretches.push(Stretch { from: Duration::from_secs(number), to, ended: *ended });
                }
                _ => {}
            }
            is_on = ended.is_out();
        }
        stretches
    }

    /// All of them.
    pub(super) fn total(&self) -> Ended {
        let mut total = Ended::default();
        self.seconds.iter().for_each(|ended| total.add(*ended));
        total
    }

    /// True where most seconds with calls have too few to tell a stretch.
    pub(super) fn are_few(&self) -> bool {
        let some = self.seconds.iter().filter(|ended| ended.all() > 0).count();
        let enough = self.seconds.iter().filter(|ended| ended.all() >= ENOUGH).count();
        enough * 2 < some
    }

    /// How calls went from `from` to `to`, and in the second after that: what broke off at `to` shows there.
    pub(super) fn around(&self, from: Duration, to: Duration) -> Around {
        let ended: Vec<Ended> = self.within(from.as_secs(), to.as_secs() + 1);
        if ended.iter().any(|ended| ended.is_out()) {
            Around::NotAnswered
        } else if ended.iter().any(|ended| ended.answered > 0) {
            Around::Answered
        } else {
            Around::Nothing
        }
    }

    /// True when nine of ten calls got an answer from the second before `at` to the one after it.
    pub(super) fn went_well(&self, at: Duration) -> bool {
        let mut sum = Ended::default();
        let ended = self.within(at.as_secs().saturating_sub(1), at.as_secs() + 1);
        for ended in ended {
            sum.add(ended);
        }
        sum.answered > 0 && sum.unanswered * 10 <= sum.all()
    }

    fn within(&self, first: u64, last: u64) -> Vec<Ended> {
        let place = |second: u64| usize::try_from(second).unwrap_or(usize::MAX).min(self.seconds.len());
        self.seconds[place(first)..place(last.saturating_add(1))].to_vec()
    }
}
