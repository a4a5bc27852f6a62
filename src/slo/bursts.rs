//! The calls that an objective looks at, second by second, and how far the bad ones among them come in bursts. Of the
//! budget it knows what the indicator says.

use std::time::Duration;

use super::evidence::without_binary_noise;
use super::judge::{Latency, is_in};
use super::{Indicator, Scope};
use crate::metrics::{Cell, Course, CourseSecond, Moments, Phase, Second};
use crate::model::{LatencyClock, LatencyHistogram, OutcomeClass};
use crate::plan::{Plan, Role};
use crate::stats::inflation::{Clusters, Counts, Inflation};

/// Bad calls nearer than this to each other are one cluster, ...
const LEAST_GAP: Duration = Duration::from_millis(20);
/// ... or nearer than so many medians.
const MEDIANS: u32 = 2;

/// How far bad calls come in bursts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bursts {
    pub(super) inflation: Inflation,
    /// False where it is not known when within their seconds bad calls ended.
    pub(super) is_exact: bool,
}

/// Which calls are bad.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bad {
    /// Those that failed.
    Failed,
    /// Those over a limit, too: send lag looks at calls that were sent, whatever came of them.
    Late {
        clock: LatencyClock,
        within: Duration,
        /// Which of the plan's thresholds it is, where it is one.
        place: Option<usize>,
    },
}

impl Bad {
    /// Those that `indicator` counts, with the share of calls that may be; `None` where no share of calls is counted.
    pub(super) fn of(indicator: &Indicator, plan: &Plan) -> Option<(Self, f64)> {
        match indicator {
            Indicator::Latency { clock, share, within } => {
                let limit = Latency { clock: *clock, share: *share, within: *within };
                let place = limit.threshold(&plan.thresholds);
                Some((
                    Self::Late { clock: *clock, within: *within, place },
                    without_binary_noise(1.0 - share),
                ))
            }
            Indicator::ErrorRatio { at_most } => Some((Self::Failed, *at_most)),
            Indicator::Stream { .. }
            | Indicator::Throughput { .. }
            | Indicator::Metric(_)
            | Indicator::Promql(_)
            | Indicator::Events(_) => None,
        }
    }
}

impl Bursts {
    pub(super) const NONE: Self = Self { inflation: Inflation::NONE, is_exact: true };

    /// Of `course`, whose calls take `median`.
    pub(super) fn of(course: &Course, median: Option<Duration>) -> Self {
        let gap = LEAST_GAP.max(median.unwrap_or_default() * MEDIANS).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "calls end within an hour"
        )]
        let parts = (gap * f64::from(Moments::PARTS)) as u64;
        // Two calls whose parts are so many apart are so far from each other on average.
        let gap = (parts as f64 + 0.5) / f64::from(Moments::PARTS);
        let clusters = course.clusters(parts).map(|count| Clusters { count, gap });
        let counts: Vec<Counts> =
            course.seconds.iter().map(|second| Counts { calls: second.calls, bad: second.bad }).collect();
        Self { inflation: Inflation::of(&counts, clusters), is_exact: clusters.is_some() }
    }
}

/// The steady calls of `scope` in each of `seconds`.
pub(super) fn course(seconds: &[Second], plan: &Plan, scope: &Scope, bad: Bad) -> Course {
    Course::of(seconds, counted(plan, scope, bad))
}

/// What tells the steady calls of `scope` in a second, and the bad ones among them.
pub(super) fn counted(plan: &Plan, scope: &Scope, bad: Bad) -> impl Fn(&Second) -> CourseSecond + use<> {
    let is_wanted: Vec<bool> =
        plan.steps.iter().map(|step| step.role == Role::Load && is_in(scope, step)).collect();
    move |second| {
        let is_counted = |cell: &&Cell| {
            cell.phase == Phase::Steady
                && cell.outcome.counts()
                && is_wanted.get(cell.step.index()) == Some(&true)
        };
        let mut all = CourseSecond::default();
        second.cells.iter().filter(is_counted).for_each(|cell| all.add(bad.among(cell)));
        all
    }
}

impl Bad {
    fn among(self, cell: &Cell) -> CourseSecond {
        let is_bad = match self {
            Self::Failed | Self::Late { clock: LatencyClock::Response | LatencyClock::Service, .. } => {
                cell.outcome.is_failure()
            }
            Self::Late { clock: LatencyClock::SendLag, .. } => cell.outcome.class() == OutcomeClass::NotSent,
        };
        let calls = cell.count;
        match self {
            Self::Failed | Self::Late { .. } if is_bad => {
                CourseSecond { calls, bad: calls, at: cell.bad_at.failed }
            }
            Self::Failed => CourseSecond { calls, ..CourseSecond::default() },
            Self::Late { clock, within, place } => {
                match place.and_then(|place| Some((place, cell.over.get(place)?))) {
                    Some((place, &bad)) => CourseSecond { calls, bad, at: cell.bad_at.over(place) },
                    None => CourseSecond { calls, bad: late(cell, clock, within), at: Moments::default() },
                }
            }
        }
    }
}

fn late(cell: &Cell, clock: LatencyClock, within: Duration) -> u64 {
    let latencies = match clock {
        LatencyClock::Response => Some(cell.latency()),
        LatencyClock::Service => Some(&cell.service),
        LatencyClock::SendLag => cell.lag.as_ref(),
    };
    latencies.map_or(0, |latencies: &LatencyHistogram| latencies.count_over(within))
}
