//! Whether a run is long enough for what SLO files ask. What it is too short for can't PASS, whatever the target does; it may
//! still FAIL, so these are warnings.
//!
//! It goes by the plan alone: how many calls there will be nobody knows yet.

use std::time::Duration;

use super::alerts::too_short_for;
use super::budget::steady_phase_for;
use super::evidence::span_that_shows;
use super::file::TermPlaces;
use super::{During, Indicator, Objective, WrittenCriteria, WrittenObjective};
use crate::input::{Problem, Problems, quoted};
use crate::model::{format_duration, typed_duration};
use crate::plan::{Load, Observe};

/// How long a run will be, and what it reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunLength<'a> {
    pub load: &'a Load,
    /// True where the load is a list of stages, each with a length of its own.
    pub in_stages: bool,
    pub observe: &'a Observe,
}

impl RunLength<'_> {
    /// Warns of what the run is too short for.
    pub(crate) fn check(&self, criteria: &WrittenCriteria, problems: &mut Problems) {
        for objective in &criteria.objectives {
            // A part that is not there is a mistake of its own.
            let Some(judged) = self.judged(&objective.objective) else { continue };
            self.check_windows(objective, judged, problems);
            self.check_bursts(objective, judged, problems);
            self.check_burn_rate(objective, judged, problems);
        }
        // Without metrics no length would do.
        if let Some(alerts) = criteria.alerts.as_ref().filter(|_| self.observe.has_metrics()) {
            too_short_for(alerts, self, problems);
        }
    }

    fn check_windows(&self, written: &WrittenObjective, judged: Duration, problems: &mut Problems) {
        let WrittenObjective { objective, terms: TermPlaces { in_every: place, .. }, .. } = written;
        let Some(in_every) = objective.terms.in_every else { return };
        let (length, seconds) = (u64::from(in_every.seconds), judged.as_secs());
        let windows = usize::try_from((seconds + 1).saturating_sub(length)).unwrap_or(usize::MAX);
        let tolerated = in_every.tolerance.of(windows);
        let (message, needed, other) = if windows == 0 {
            let has = format_duration(judged);
            let what =
                format!("it is to hold in every {length} s, and there are {has} to judge: it can't PASS");
            (what, length, "ask for shorter windows")
        } else if tolerated >= windows {
            let what = format!("all windows of {length} s of so short a run may break it: it can't FAIL");
            (what, length + tolerated as u64, "tolerate less")
        } else {
            return;
        };
        let help = format!("{}, or {other}", self.way_out(objective, judged, Duration::from_secs(needed)));
        problems.push(warning(place, objective, &message).help(help));
    }

    fn check_bursts(&self, written: &WrittenObjective, judged: Duration, problems: &mut Problems) {
        let WrittenObjective { objective, terms: TermPlaces { bursts_up_to: place, .. }, .. } = written;
        let shown = objective.terms.bursts_up_to.zip(budget_of(&objective.indicator));
        let Some((bursts, budget)) = shown.filter(|(_, budget)| *budget > 0.0) else { return };
        let needed = span_that_shows(bursts, budget);
        if needed <= judged {
            return;
        }
        let message = format!(
            "bursts of {} show in {} at such a limit, and there are {} to judge: it can't PASS",
            format_duration(bursts),
            format_duration(needed),
            format_duration(judged)
        );
        let help = format!("{}, or ask for shorter bursts", self.way_out(objective, judged, needed));
        problems.push(warning(place, objective, &message).help(help));
    }

    fn check_burn_rate(&self, written: &WrittenObjective, judged: Duration, problems: &mut Problems) {
        let WrittenObjective { objective, terms: TermPlaces { burn_rate: place, .. }, .. } = written;
        let Some(limit) = &objective.budget.limit else { return };
        let scraped = objective.indicator.is_scraped();
        let each = if scraped { self.observe.metrics_interval } else { Duration::from_secs(1) };
        let needed = steady_phase_for(limit, &objective.budget, each);
        if needed <= judged {
            return;
        }
        let message = format!(
            "its long window takes {} here, and there are {} to judge: it can't PASS",
            format_duration(needed),
            format_duration(judged)
        );
        let help = format!("{}, or give it a shorter `long`", self.way_out(objective, judged, needed));
        problems.push(warning(place, objective, &message).help(help));
    }

    /// How long the part of the steady phase is that an objective looks at; `None` where there is none.
    fn judged(&self, objective: &Objective) -> Option<Duration> {
        let steady = self.load.warm_up..self.load.duration();
        let span = match &objective.terms.during {
            None => steady,
            Some(during) => {
                let part = during.span(self.load)?;
                part.start.max(steady.start)..part.end.min(steady.end)
            }
        };
        span.end.checked_sub(span.start).filter(|length| !length.is_zero())
    }

    /// How what is `judged` comes to the length that is `needed`.
    fn way_out(&self, objective: &Objective, judged: Duration, needed: Duration) -> String {
        let more = needed.saturating_sub(judged);
        match &objective.terms.during {
            Some(During::Stage(name)) => {
                format!("make the stage {} {} longer", quoted(name), typed_duration(more))
            }
            Some(During::Span { .. }) => format!("make `during` {} longer", typed_duration(more)),
            None => self.way_to(self.load.duration() + more),
        }
    }

    /// How a load comes to take so long.
    pub(super) fn way_to(&self, needed: Duration) -> String {
        if self.in_stages {
            let more = needed.saturating_sub(self.load.duration());
            return format!("make the stages {} longer in all", typed_duration(more));
        }
        format!("`--duration {}` would do", typed_duration(needed))
    }
}

fn warning(place: &crate::input::Place, objective: &Objective, message: &str) -> Problem {
    Problem::warning(place, format!("{}: {message}", quoted(&objective.name))).label("the run is too short")
}

/// The share (0 to 1) of calls that may be bad.
fn budget_of(indicator: &Indicator) -> Option<f64> {
    match indicator {
        Indicator::Latency { share, .. } | Indicator::Stream { share, .. } => Some(1.0 - share),
        Indicator::ErrorRatio { at_most } => Some(*at_most),
        Indicator::Throughput { .. } | Indicator::Metric(_) | Indicator::Promql(_) | Indicator::Events(_) => {
            None
        }
    }
}
