//! Whether a run is long enough for what SLO files ask. What it is too short for can't PASS, whatever the target does; it may
//! still FAIL, so these are warnings.
//!
//! It goes by the plan alone: how many calls there will be nobody knows yet, only how many there can be.

use std::ops::Range;
use std::time::Duration;

use super::alerts::too_short_for;
use super::budget::steady_phase_for;
use super::called::Call;
use super::evidence::{span_that_shows, without_binary_noise};
use super::file::TermPlaces;
use super::queried::relied_on_by;
use super::windows::calls_needed;
use super::{During, Indicator, Objective, WrittenCriteria, WrittenObjective};
use crate::input::{Problem, Problems, quoted};
use crate::model::{format_count, format_duration, typed_duration};
use crate::plan::{Load, LoadModel, Observe};

/// How long a run will be, and what it reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunLength<'a> {
    pub load: &'a Load,
    /// True where the load is a list of stages, each with a length of its own.
    pub in_stages: bool,
    pub observe: &'a Observe,
    /// What an iteration calls.
    pub calls: &'a [Call<'a>],
}

impl RunLength<'_> {
    /// Warns of what the run is too short for.
    pub(crate) fn check(&self, criteria: &WrittenCriteria, problems: &mut Problems) {
        for objective in &criteria.objectives {
            // A part that is not there is a mistake of its own.
            let Some(judged) = self.judged(&objective.objective) else { continue };
            self.check_windows(objective, judged, problems);
            self.check_calls(objective, judged, problems);
            self.check_ranges(objective, judged, problems);
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

    /// Warns of windows that have too few calls to show anything.
    fn check_calls(&self, written: &WrittenObjective, judged: Duration, problems: &mut Problems) {
        let WrittenObjective { objective, terms: TermPlaces { in_every: place, .. }, .. } = written;
        let Some(in_every) = objective.terms.in_every else { return };
        let budget = budget_of(&objective.indicator).map(without_binary_noise);
        let Some(budget) = budget.filter(|budget| *budget > 0.0 && *budget < 1.0) else { return };
        let mut windows = self.calls_in_windows(objective, in_every.seconds);
        windows.sort_by(f64::total_cmp);
        let tolerated = in_every.tolerance.of(windows.len());
        let Some(&calls) = windows.get(tolerated) else { return };
        let needed = calls_needed(budget, tolerated);
        let is_few = calls > 0.0 && calls + 1e-6 < needed as f64;
        if !is_few {
            return;
        }
        let windows = if tolerated == 0 { "the smallest" } else { "the smallest that is not tolerated" };
        let message = format!(
            "a window of {} s takes {} calls without a bad one, and {windows} has about {calls:.0} of them: it can't PASS",
            in_every.seconds,
            format_count(needed)
        );
        let times = needed as f64 / calls;
        let longer = Duration::from_secs_f64((f64::from(in_every.seconds) * times).ceil());
        let room = match longer.checked_sub(judged).filter(|more| !more.is_zero()) {
            Some(_) => format!(" with room for it ({})", self.way_out(objective, judged, longer)),
            None => String::new(),
        };
        let load = (times * 10.0).ceil() / 10.0;
        let help =
            format!("write `in_every: {}`{room}, or make {load:.1} times the load", typed_duration(longer));
        let problem = Problem::warning(place, format!("{}: {message}", quoted(&objective.name)));
        problems.push(problem.label("too few calls").help(help));
    }

    /// How many calls of `objective` there are on average in each window of what it looks at, at the most: as many as are due, or
    /// as many as users make whose calls take no time.
    fn calls_in_windows(&self, objective: &Objective, length: u32) -> Vec<f64> {
        let Some(span) = self.span(objective) else { return Vec::new() };
        let in_iteration: f64 =
            self.calls.iter().filter(|call| call.is_in(&objective.scope)).map(|call| call.share).sum();
        let seconds = span.end.saturating_sub(span.start).as_secs();
        let mut sum = 0.0;
        let due = (0..seconds).map(|second| {
            sum += self.iterations_at(span.start + Duration::from_millis(second * 1000 + 500)) * in_iteration;
            sum
        });
        // What is due up to each second: runs may last for days, and windows for hours.
        let up_to: Vec<f64> = std::iter::once(0.0).chain(due).collect();
        let later = up_to.iter().skip(length as usize);
        up_to.iter().zip(later).map(|(before, after)| after - before).collect()
    }

    /// How many iterations a second there can be.
    fn iterations_at(&self, at: Duration) -> f64 {
        match &self.load.model {
            LoadModel::Open(open) => open.rate_at(at),
            LoadModel::Closed(closed) => {
                f64::from(closed.users_at(at)) / closed.think_time.mean().as_secs_f64()
            }
        }
    }

    /// Warns of queries that look back further than there is anything to see.
    fn check_ranges(&self, written: &WrittenObjective, judged: Duration, problems: &mut Problems) {
        let WrittenObjective { objective, name: place, .. } = written;
        let Indicator::Promql(asked) = &objective.indicator else { return };
        let Some(range) = relied_on_by(&asked.query, judged) else { return };
        // Counters are reckoned for a part of the time before the first scrape.
        if range <= judged + self.observe.metrics_interval {
            return;
        }
        let message = format!(
            "its answer depends on a range of {}, and there are {} to judge: it can't PASS",
            format_duration(range),
            format_duration(judged)
        );
        let way_out = self.way_out(objective, judged, range);
        let help =
            format!("{way_out}, or write a shorter range, such as `[{{{{.window}}}}]` for all there is");
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
        self.span(objective).map(|span| span.end.saturating_sub(span.start))
    }

    /// That part, from the start of the load.
    fn span(&self, objective: &Objective) -> Option<Range<Duration>> {
        let steady = self.load.warm_up..self.load.duration();
        let span = match &objective.terms.during {
            None => steady,
            Some(during) => {
                let part = during.span(self.load)?;
                part.start.max(steady.start)..part.end.min(steady.end)
            }
        };
        Some(span).filter(|span| span.start < span.end)
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
