//! A run's log and the findings on its objectives, made into the report: one pure function.
//!
//! The parts are in `build/`, one a file. Nothing here judges an objective; what is judged here is the harness itself.

mod clocks;
mod crosstalk;
mod findings;
mod growth;
mod health;
mod idle;
mod messages;
mod notes;
mod outputs;
pub(super) mod own_prometheus;
mod rows;
mod saturation;
mod scrapes;
mod streams;
mod sessions;
pub(super) mod telemetry;
mod timeline;

use super::measured::Measured;
use super::{Ending, Finding, REPORT_VERSION, RunLog, RunReport};
use crate::model::{Event, Floor};
use crate::slo::{self, GeneratorCheck};

/// The report of `log`, whose calls add up to `measured`, and whose objectives were judged as `objectives` says;
/// `fails_anyway` when one of them fails whatever gander itself may have cost the calls.
pub(super) fn build(
    log: &RunLog,
    measured: &Measured,
    objectives: Vec<Finding>,
    fails_anyway: bool,
) -> RunReport {
    let Measured { all, clock, .. } = measured;
    let rows = rows::Rows::of(log, measured);
    let scrapes = scrapes::Scrapes::of(log);
    let outputs = outputs::outputs(log);
    let mut notes = notes::notes(log, clock, &rows, &scrapes);
    let generator = slo::check_generator(&log.plan, &log.seconds, all, &clock.steady_seconds(), floor(log));
    let cross_talk = crosstalk::cross_talk(log, all);
    notes.extend(outputs::notes(&outputs));
    let own = crosstalk::finding(cross_talk).into_iter().chain(outputs::finding(log, &outputs));
    let own = own.chain(own_prometheus::finding(log, clock)).collect();
    let objectives = findings::with_own(log, all, clock, rows.total.calls, &generator, objectives, own);
    let late_all_the_same = fails_anyway && generator.iter().any(GeneratorCheck::was_late);
    let verdict = findings::verdict(&objectives, &generator, fails_anyway);
    let saturation = saturation::saturation(log, clock);
    RunReport {
        version: REPORT_VERSION,
        run: log.manifest.clone(),
        scenario: log.plan.name.clone(),
        description: log.plan.description.clone(),
        target: log.target.clone(),
        environment: log.environment.clone(),
        state: state(log.ending).to_owned(),
        verdict,
        because: findings::because(verdict, &objectives, &rows.total, late_all_the_same, log.ending),
        objectives,
        alerts: None,
        prometheus: None,
        telemetry: Vec::new(),
        cost: None,
        notes,
        clocks: clocks::clocks(log, all, clock),
        generator,
        duration: clock.duration,
        warm_up: clock.warm_up,
        total: rows.total,
        steps: rows.steps,
        warm_up_total: rows.warm_up_total,
        around: rows.around,
        outcomes: rows::outcomes(all, log),
        errors: rows::errors(all, log),
        strays: notes::strays(log),
        cross_talk,
        messages: messages::messages(log),
        streams: streams::streams(log, all),
        lost_sessions: sessions::lost_sessions(log),
        idle_streams: idle::idle_streams(log, clock),
        output_schemas: outputs,
        planned: all.planned(),
        recorded: all.recorded(),
        timeline: timeline::timeline(log, clock),
        percentile_curve: timeline::percentile_curve(&all.steady_load(&log.plan).latency),
        health: health::spans(log, clock),
        session_growth: growth::session_growth(log, clock, &saturation),
        saturation,
        scrapes: scrapes.tried,
        scrapes_failed: scrapes.failed,
    }
}

/// What the load itself costs, where that was measured.
fn floor(log: &RunLog) -> Option<&Floor> {
    log.events
        .iter()
        .find_map(|stamped| if let Event::Floor(floor) = &stamped.what { Some(floor) } else { None })
}

fn state(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete { .. } => "complete",
        Ending::Interrupted { .. } => "interrupted",
        Ending::Aborted { .. } => "aborted",
        Ending::Unmeasured => "unmeasured",
        Ending::Partial => "partial",
    }
}
