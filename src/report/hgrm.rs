//! Percentile files in the text format of HdrHistogram's plotter (`.hgrm`): steady load calls, latencies in
//! milliseconds, one file for all and one for each step that was called.
//!
//! The layout is that of `HistogramLogProcessor` and `outputPercentileDistribution` of HdrHistogram for Java.

use std::fmt::Write as _;
use std::time::Duration;

use super::measured::Measured;
use super::{OutputFile, RunLog};
use crate::metrics::Phase;
use crate::model::LatencyHistogram;
use crate::plan::{Role, Step};

/// Points each time the distance to 100 % halves: HdrHistogram's own default.
const TICKS_PER_HALF: u32 = 5;

/// What an HdrHistogram of three significant digits up to one hour in microseconds says of itself.
const LAYOUT: &str = "#[Buckets =           22, SubBuckets     =         2048]";

/// The longest part of a file's name that a step gives.
const MAX_NAME: usize = 60;

pub(super) fn render(log: &RunLog) -> Vec<OutputFile> {
    let Measured { all, .. } = Measured::of(log);
    let total = file("all", &all.steady_load(&log.plan).latency);
    let steps = log.plan.steps.iter().filter(|step| step.role == Role::Load).filter_map(|step| {
        let service = all.step(step.id, Phase::Steady).latency;
        (!service.is_empty()).then(|| file(&stem(step), &service))
    });
    std::iter::once(total).chain(steps).collect()
}

fn file(stem: &str, service: &LatencyHistogram) -> OutputFile {
    OutputFile { name: format!("hgrm/{stem}.hgrm"), bytes: distribution(service).into_bytes() }
}

/// The step's place keeps names apart that differ only in what a file name may not hold.
fn stem(step: &Step) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = step.name.chars().take(MAX_NAME).map(safe).collect();
    format!("step-{:02}-{name}", step.id.0)
}

fn distribution(service: &LatencyHistogram) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for (quantile, latency, count) in service.curve(TICKS_PER_HALF) {
        let value = millis(latency);
        let line = if quantile < 1.0 {
            writeln!(text, "{value:>12.3} {quantile:>2.12} {count:>10} {:>14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text, "{value:>12.3} {quantile:>2.12} {count:>10}")
        };
        line.expect("writing to a string does not fail");
    }
    let mean = millis(service.mean().unwrap_or_default());
    let stdev = millis(service.stdev());
    let max = millis(service.max().unwrap_or_default());
    let count = service.count();
    text + &format!(
        "#[Mean    = {mean:>12.3}, StdDeviation   = {stdev:>12.3}]\n\
         #[Max     = {max:>12.3}, Total count    = {count:>12}]\n{LAYOUT}\n"
    )
}

fn millis(latency: Duration) -> f64 {
    latency.as_secs_f64() * 1e3
}
