//! Readiness: whoever turns calls away must say so first, or it is sent more of them.

use std::ops::Range;
use std::time::Duration;

use super::timeline::Probed;
use super::{Said, Watched};
use crate::model::{Endpoint, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 3] = ["calls turned away from", "to", "/ready said no"];

pub(super) fn check(watched: &Watched<'_>) -> (Said, Evidence) {
    let outages = watched.timeline.outages();
    let started = watched.timeline.load.clone().unwrap_or_default().start;
    let rows: Vec<(Range<Duration>, Option<Duration>)> = outages
        .iter()
        .map(|seconds| {
            let span = started + second(seconds.start)..started + second(seconds.end);
            let said_no = watched.said_no(&span);
            (span, said_no)
        })
        .collect();
    // A probe sees what happens in the second of its interval.
    let patience = watched.seen.plan.observe.health_interval + Duration::from_secs(1);
    let is_good = |(span, said_no): &(Range<Duration>, Option<Duration>)| {
        said_no.is_some_and(|at| at <= span.start + patience)
    };
    let cells = |(span, said_no): &(Range<Duration>, Option<Duration>)| {
        let at = said_no.map_or_else(|| "never".to_owned(), format_duration);
        vec![format_duration(span.start), format_duration(span.end), at]
    };
    let evidence = Evidence::of(&COLUMNS, rows.iter().map(|row| (is_good(row), cells(row))));
    let wrong: Vec<_> = rows.iter().filter(|row| !is_good(row)).collect();
    let value = format!("{} of {} outages told", rows.len() - wrong.len(), rows.len());
    let because = match wrong.first() {
        Some((span, None)) => format!(
            "from {} to {} most calls were turned away, and it said yes all the time",
            format_duration(span.start),
            format_duration(span.end)
        ),
        Some((span, Some(at))) => format!(
            "most calls were turned away from {} on, and it said no only at {}, {} later",
            format_duration(span.start),
            format_duration(*at),
            format_duration(at.saturating_sub(span.start))
        ),
        None => match rows.first() {
            None => return (no_outage(watched), evidence),
            Some(_) => "it said no as soon as calls were turned away".to_owned(),
        },
    };
    (Said::of(rows.len(), wrong.len(), value, because), evidence)
}

/// While calls are served, a readiness that says no takes the server out of use for nothing.
fn no_outage(watched: &Watched<'_>) -> Said {
    let probes: Vec<Probed<'_>> = watched.timeline.under_load(Endpoint::Ready).collect();
    let said_no: Vec<&Probed<'_>> = probes.iter().filter(|probed| !probed.is_good()).collect();
    let because = match said_no.first() {
        None => "no second turned most of its calls away, and it said yes all the time".to_owned(),
        Some(first) => format!(
            "no second turned most of its calls away; it said {} at {}, {} times in all",
            first.text(),
            format_duration(first.at),
            said_no.len()
        ),
    };
    Said::of(probes.len(), 0, "no outage".to_owned(), because)
}

impl Watched<'_> {
    /// When it said no first, of what it said within `span` or just before it.
    fn said_no(&self, span: &Range<Duration>) -> Option<Duration> {
        let from = span.start.saturating_sub(self.seen.plan.observe.health_interval * 2);
        let probes = self.timeline.probes(Endpoint::Ready);
        let mut within = probes.filter(|probed| from <= probed.at && probed.at < span.end);
        within.find(|probed| !probed.is_good()).map(|probed| probed.at)
    }
}

fn second(number: u32) -> Duration {
    Duration::from_secs(number.into())
}
