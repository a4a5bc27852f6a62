//! When the parts of answers came, by step.

use crate::metrics::{Aggregates, Phase};
use crate::model::LatencyHistogram;
use crate::plan::Role;
use crate::report::{RunLog, StreamRow, StreamTime};

/// The steps of the load some of whose answers came in parts in the steady phase.
pub(super) fn streams(log: &RunLog, all: &Aggregates) -> Vec<StreamRow> {
    let load = log.plan.steps.iter().filter(|step| step.role == Role::Load);
    load.filter_map(|step| {
        let cell = all.streams(step.id, Phase::Steady)?;
        let times = [
            ("first byte", &cell.first_byte),
            ("first message", &cell.first_event),
            ("first progress", &cell.first_progress),
            ("task begun", &cell.handed),
            ("answer", &cell.answer),
            ("first notification", &cell.first_news),
            ("longest gap", &cell.longest_gap),
        ];
        let times = times.into_iter().filter_map(|(what, histogram)| time(what, histogram)).collect();
        Some(StreamRow { step: step.name.clone(), calls: cell.calls, progress: cell.progress, times })
    })
    .collect()
}

fn time(what: &str, histogram: &LatencyHistogram) -> Option<StreamTime> {
    let quantile = |quantile| Some(histogram.quantile(quantile)?.as_secs_f64());
    Some(StreamTime {
        what: what.to_owned(),
        calls: histogram.count(),
        p50: quantile(0.5)?,
        p95: quantile(0.95)?,
        max: histogram.max()?.as_secs_f64(),
    })
}
