//! A run's log and the findings on its objectives, made into the report: one pure function.
//!
//! The parts are in `build/`, one a file. Nothing here judges an objective; what is judged here is the harness itself.

mod findings;
mod health;
mod notes;
mod rows;
mod saturation;
mod timeline;

use std::time::Duration;

use super::{Ending, Finding, REPORT_VERSION, RunLog, RunReport};
use crate::metrics::Aggregates;
use crate::model::Event;

/// The report of `log`, whose objectives were judged as `objectives` says.
pub fn build(log: &RunLog, objectives: Vec<Finding>) -> RunReport {
    let all = Aggregates::of(&log.seconds);
    let clock = LoadClock::of(log);
    let rows = rows::Rows::of(log, &all, &clock);
    let scrapes = notes::Scrapes::of(log);
    let notes = notes::notes(log, &clock, &rows, &scrapes);
    let objectives = findings::with_own(log, &all, rows.total.calls, objectives);
    let verdict = findings::verdict(&objectives);
    RunReport {
        version: REPORT_VERSION,
        run: log.manifest.clone(),
        scenario: log.plan.name.clone(),
        description: log.plan.description.clone(),
        target: log.target.clone(),
        environment: log.environment.clone(),
        state: state(log.ending).to_owned(),
        verdict,
        because: findings::because(verdict, &objectives, rows.total.calls, log.ending),
        objectives,
        notes,
        duration: clock.duration,
        warm_up: clock.warm_up,
        total: rows.total,
        steps: rows.steps,
        warm_up_total: rows.warm_up_total,
        around: rows.around,
        outcomes: rows::outcomes(&all, &log.plan),
        errors: rows::errors(&all, &log.plan),
        planned: all.planned(),
        recorded: all.recorded(),
        timeline: timeline::timeline(log),
        percentile_curve: timeline::percentile_curve(&all.steady_load(&log.plan).service),
        health: health::spans(log, &clock),
        saturation: saturation::saturation(log, &clock),
        scrapes: scrapes.tried,
        scrapes_failed: scrapes.failed,
    }
}

fn state(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete { .. } => "complete",
        Ending::Interrupted { .. } => "interrupted",
        Ending::Partial => "partial",
    }
}

/// When the load was on. Events are counted from the start of the run, seconds and reports from the start of the load.
struct LoadClock {
    started: Duration,
    duration: f64,
    warm_up: f64,
}

impl LoadClock {
    fn of(log: &RunLog) -> Self {
        let when = |wanted: &Event| {
            log.events.iter().find(|stamped| stamped.what == *wanted).map(|stamped| stamped.at)
        };
        let started = when(&Event::LoadStarted).unwrap_or_default();
        let since = |at: Duration| at.saturating_sub(started).as_secs_f64();
        let recorded = log.seconds.last().map_or(0.0, |last| f64::from(last.second) + 1.0);
        let duration = when(&Event::LoadStopped).map_or(recorded, since);
        let warm_up = log.plan.load.warm_up.as_secs_f64();
        Self { started, duration, warm_up: warm_up.min(duration) }
    }

    /// Seconds from the start of the load to `at`; negative before it.
    fn seconds(&self, at: Duration) -> f64 {
        at.as_secs_f64() - self.started.as_secs_f64()
    }

    /// How long the steady phase was.
    fn steady(&self) -> f64 {
        self.duration - self.warm_up
    }
}
