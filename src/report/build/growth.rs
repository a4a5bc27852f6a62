//! What a session costs the target in memory: its size against the sessions that were opened, over the steady phase.

use crate::metrics::Second;
use crate::model::Outcome;
use crate::plan::{Operation, SessionPolicy};
use crate::report::measured::LoadClock;
use crate::report::{RunLog, Saturation, SessionGrowth};

/// Fewer samples than this make no line...
const LEAST_SAMPLES: usize = 5;
/// ... and fewer sessions no difference.
const LEAST_SESSIONS: f64 = 50.0;

/// The growth of `memory` by session, where each iteration opened one; `None` where there is too little to tell.
pub(super) fn session_growth(
    log: &RunLog,
    clock: &LoadClock,
    saturation: &[Saturation],
) -> Option<SessionGrowth> {
    let memory = saturation.iter().find(|measure| measure.name == super::saturation::MEMORY)?;
    if log.plan.session != SessionPolicy::PerIteration {
        return None;
    }
    let opened = opened(log);
    let steady = clock.steady_seconds();
    let points: Vec<(f64, f64)> = memory
        .points
        .iter()
        .filter(|(at, _)| steady.contains(at))
        .map(|&(at, bytes)| (sessions_at(&opened, at), bytes))
        .collect();
    let (first, last) = (points.first()?, points.last()?);
    let sessions = last.0 - first.0;
    if points.len() < LEAST_SAMPLES || sessions < LEAST_SESSIONS {
        return None;
    }
    let (slope, error) = line(&points)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of sessions")]
    let sessions = sessions as u64;
    Some(SessionGrowth { sessions, bytes_per_session: slope, standard_error: error })
}

/// How many sessions had been opened by the end of each second of the load.
fn opened(log: &RunLog) -> Vec<(f64, f64)> {
    let is_opening = |second: &Second| -> u64 {
        let cells = second.cells.iter().filter(|cell| {
            cell.outcome == Outcome::Ok && log.plan.step(cell.step).operation == Operation::Initialize
        });
        cells.map(|cell| cell.count).sum()
    };
    let mut sum = 0;
    log.seconds
        .iter()
        .map(|second| {
            sum += is_opening(second);
            (f64::from(second.second) + 1.0, sum as f64)
        })
        .collect()
}

/// Sessions opened by `at`, on straight lines between the ends of seconds.
fn sessions_at(opened: &[(f64, f64)], at: f64) -> f64 {
    let after = opened.partition_point(|(end, _)| *end < at);
    let before = after.checked_sub(1).map_or((0.0, 0.0), |before| opened[before]);
    let Some(&(end, sum)) = opened.get(after) else { return before.1 };
    before.1 + (sum - before.1) * (at - before.0) / (end - before.0)
}

/// Slope of the line of least squares through `points`, and its standard error.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    let rest: f64 = points.iter().map(|point| (point.1 - y - slope * (point.0 - x)).powi(2)).sum();
    Some((slope, (rest / (count - 2.0) / spread).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_counted_on_straight_lines() {
        let opened = [(1.0, 10.0), (2.0, 30.0)];
        for (at, expected) in [(0.5, 5.0), (1.0, 10.0), (1.25, 15.0), (2.0, 30.0), (9.0, 30.0)] {
            assert!((sessions_at(&opened, at) - expected).abs() < 1e-9, "at {at}");
        }
    }

    #[test]
    fn the_slope_is_that_of_the_line_and_its_error_that_of_what_is_beside_it() {
        let exact = [(0.0, 7.0), (10.0, 27.0), (20.0, 47.0)];
        assert_eq!(line(&exact), Some((2.0, 0.0)));
        let (slope, error) = line(&[(0.0, 0.0), (1.0, 2.2), (2.0, 3.6), (3.0, 5.8)]).unwrap();
        assert!((slope - 1.88).abs() < 1e-9, "{slope}");
        assert!((error - 0.113_137_084_989_848).abs() < 1e-9, "{error}");
        assert_eq!(line(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }
}
