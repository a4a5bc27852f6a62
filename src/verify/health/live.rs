//! Liveness: a probe that fails while the server serves has it killed for nothing.

use super::timeline::Probed;
use super::{Said, Watched};
use crate::model::{Endpoint, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 2] = ["at", "/live"];

pub(super) fn check(watched: &Watched<'_>) -> (Said, Evidence) {
    let timeline = &watched.timeline;
    let probes: Vec<Probed<'_>> = timeline.under_load(Endpoint::Live).collect();
    let failed: Vec<&Probed<'_>> = probes.iter().filter(|probed| !probed.is_good()).collect();
    // Where nothing is answered any more, a liveness probe that fails is right.
    let wrong: Vec<&Probed<'_>> =
        failed.iter().copied().filter(|probed| timeline.answers_at(probed.at)).collect();
    let row = |probed: &&Probed<'_>| (false, vec![format_duration(probed.at), probed.text()]);
    let evidence = Evidence::of(&COLUMNS, wrong.iter().map(row));
    let value = format!("{} of {} failed", wrong.len(), probes.len());
    let because = match wrong.first() {
        Some(first) => format!(
            "at {} it said {} while calls were answered: an orchestrator would have killed a server that serves",
            format_duration(first.at),
            first.text()
        ),
        None if failed.is_empty() => format!("{} probes under load were all well", probes.len()),
        None => "it failed only while nothing was answered".to_owned(),
    };
    (Said::of(probes.len(), wrong.len(), value, because), evidence)
}
