//! The response times that a schedule comes to, with what the target did. Pure.
//!
//! The target's clock and that of the load began at different moments. The call that came soonest after it was due tells
//! how far they are apart, to the time that a call takes to get there.

use std::time::Duration;

use super::truth::{TrueCall, quantile};

/// When calls stood still, on the target's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freeze {
    pub(super) at: Duration,
    pub(super) length: Duration,
}

/// How far the clock of the target, by which `calls` came, is ahead of that of the load, by which they were `due`, in seconds;
/// both in their order. `None` when they are not the same calls.
fn apart(due: &[Duration], calls: &[TrueCall]) -> Option<f64> {
    let both = due.iter().zip(calls).filter(|_| due.len() == calls.len());
    both.map(|(due, call)| call.arrived.as_secs_f64() - due.as_secs_f64()).reduce(f64::min)
}

/// How late each call came, in seconds, by the target's account.
pub(super) fn lateness(due: &[Duration], calls: &[TrueCall]) -> Option<Vec<f64>> {
    let apart = apart(due, calls)?;
    let both = due.iter().zip(calls);
    Some(both.map(|(due, call)| call.arrived.as_secs_f64() - due.as_secs_f64() - apart).collect())
}

/// A quantile of the response times, from due to the answer, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ResponseTruth {
    /// By when the target says that it answered.
    pub(super) answered: f64,
    /// By the schedule and the freeze alone, as if the target had answered everything at once when it was over.
    pub(super) at_least: f64,
}

impl ResponseTruth {
    /// The quantile `q` over calls that were due at `due`, and came as `calls` says. `None` when they are not the same calls, or the freeze did not fall into the load.
    pub(super) fn of(due: &[Duration], calls: &[TrueCall], freeze: Freeze, q: f64) -> Option<Self> {
        let seconds = |duration: Duration| duration.as_secs_f64();
        let apart = apart(due, calls)?;
        let (begin, end) = (seconds(freeze.at), seconds(freeze.at) + seconds(freeze.length));
        let (first, last) = (seconds(*due.first()?) + apart, seconds(*due.last()?) + apart);
        if begin <= first || last <= end {
            return None;
        }
        let late = lateness(due, calls)?;
        let answered = late.into_iter().zip(calls).map(|(late, call)| late + seconds(call.service));
        let frozen = due.iter().map(|due| {
            let due = seconds(*due) + apart;
            if (begin..end).contains(&due) { end - due } else { 0.0 }
        });
        Some(Self { answered: quantile(answered, q)?, at_least: quantile(frozen, q)? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::truth::Became;
    use super::*;

    const FREEZE: Freeze = Freeze { at: Duration::from_millis(2500), length: Duration::from_millis(1400) };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// 4,000 calls, one a millisecond, at a target that was started 700 ms before the load and stands still as told.
    fn calls(due: &[Duration]) -> Vec<TrueCall> {
        let call = |due: &Duration| {
            let arrived = *due + ms(700);
            let frozen = FREEZE.at <= arrived && arrived < FREEZE.at + FREEZE.length;
            let end = if frozen { FREEZE.at + FREEZE.length } else { arrived };
            let service = end.saturating_sub(arrived);
            TrueCall { arrived, service, became: Became::Ok }
        };
        due.iter().map(call).collect()
    }

    #[test]
    fn a_schedule_and_a_freeze_make_a_straight_line() {
        let due: Vec<Duration> = (0..4000).map(ms).collect();
        let truth = ResponseTruth::of(&due, &calls(&due), FREEZE, 0.99).unwrap();
        // The 41st longest wait of 4,000, give or take the call at the very edge of the freeze.
        assert!((truth.at_least - 1.36).abs() < 0.001_1, "{truth:?}");
        assert!((truth.answered - 1.36).abs() < 0.001_1, "{truth:?}");
    }

    #[test]
    fn calls_that_were_sent_late_waited_from_when_they_were_due() {
        let due: Vec<Duration> = (0..4000).map(ms).collect();
        let mut late = calls(&due);
        // What a load generator does that waits for its answers: nothing came while the target stood still.
        for call in &mut late {
            if !call.service.is_zero() {
                *call = TrueCall { arrived: FREEZE.at + FREEZE.length, service: Duration::ZERO, ..*call };
            }
        }
        let truth = ResponseTruth::of(&due, &late, FREEZE, 0.99).unwrap();
        assert!((truth.answered - 1.36).abs() < 0.001_1, "{truth:?}");
    }

    #[test]
    fn a_freeze_beside_the_load_and_calls_that_are_missing_have_no_truth() {
        let due: Vec<Duration> = (0..4000).map(ms).collect();
        let calls = calls(&due);
        assert_eq!(ResponseTruth::of(&due, &calls[1..], FREEZE, 0.99), None);
        for at in [ms(600), ms(3500)] {
            assert_eq!(ResponseTruth::of(&due, &calls, Freeze { at, ..FREEZE }, 0.99), None);
        }
    }
}
