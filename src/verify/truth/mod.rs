//! The target's metrics against the client's own books.
//!
//! Both ends of the comparison are quiet: the first scrape was made before the load began, the last one after it was over and had settled.
//! So what a counter says in between is what was sent in between, but for calls of which nobody knows whether they arrived.

mod buckets;
mod cardinality;
mod counters;
mod counts;
mod durations;
mod errors;
mod gauges;

mod tally;

#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use super::{Checked, Evidence, Seen, TruthCheck, TruthChecks};
use crate::model::{Event, Verdict};

use tally::Tally;

/// What the checks look at.
struct Books<'a> {
    checks: &'a TruthChecks,
    seen: &'a Seen<'a>,
    /// When the target was looked at before the load, and after it.
    from: Duration,
    to: Duration,
    tally: Tally,
}

/// What came of each check that is wanted.
pub(super) fn checked(checks: &TruthChecks, seen: &Seen<'_>) -> Vec<Checked> {
    let wanted = checks.wanted();
    match span(seen) {
        Err(because) => wanted.filter_map(|check| unknown(check, checks, because)).collect(),
        Ok((from, to)) => {
            let tally = Tally::of(seen, &checks.names);
            let books = Books { checks, seen, from, to, tally };
            wanted.filter_map(|check| books.check(check)).collect()
        }
    }
}

/// When the target was looked at before the load, and after it; or why that is not known.
fn span(seen: &Seen<'_>) -> Result<(Duration, Duration), &'static str> {
    if seen.is_fetched {
        return Err(
            "a Prometheus scrapes when it likes: only gander's own scrapes are made before the load and after it",
        );
    }
    let times = seen.series.scrape_times();
    let (Some(&from), Some(&to)) = (times.first(), times.last()) else {
        return Err("the target was not scraped: give `observe: {metrics: ...}` in the scenario");
    };
    let is_over = |event: &Event| *event == Event::LoadStopped;
    let over = seen.events.iter().find(|stamped| is_over(&stamped.what)).map(|stamped| stamped.at);
    if !seen.events.iter().any(|stamped| matches!(stamped.what, Event::Baseline { .. })) {
        return Err("the target was not scraped before the load: record the run with these checks");
    }
    if over.is_none_or(|over| to <= over) {
        return Err("the target was not scraped after the load");
    }
    if !seen.series.has_any_at(from) {
        return Err("the scrape before the load failed");
    }
    if !seen.series.has_any_at(to) {
        return Err("the scrape after the load failed");
    }
    Ok((from, to))
}

impl Books<'_> {
    /// `None` where the target's names say nothing of what it looks at.
    fn check(&self, check: TruthCheck) -> Option<Checked> {
        match check {
            TruthCheck::Counts => Some(counts::check(self)),
            TruthCheck::Errors => Some(errors::check(self)),
            TruthCheck::Durations => durations::check(self),
            TruthCheck::Buckets => buckets::check(self),
            TruthCheck::Gauges => gauges::check(self),
            TruthCheck::Cardinality => Some(cardinality::check(self)),
            TruthCheck::Counters => Some(counters::check(self)),
        }
    }
}

/// What a check of this kind says where both ends are not known.
fn unknown(check: TruthCheck, checks: &TruthChecks, because: &str) -> Option<Checked> {
    let names = &checks.names;
    let scope = match check {
        TruthCheck::Counts | TruthCheck::Errors => names.requests.counter.text(),
        TruthCheck::Durations | TruthCheck::Buckets => names.durations.as_ref()?.metric.text(),
        TruthCheck::Gauges => names.gauges.first()?.text(),
        TruthCheck::Cardinality | TruthCheck::Counters => ALL_METRICS,
    };
    let said =
        Said { verdict: Verdict::Inconclusive, value: "not known".to_owned(), because: because.to_owned() };
    Some(draft(check, scope, "", said, (0, 0), Evidence::default()))
}

const ALL_METRICS: &str = "all metrics";

/// What a check has to say.
struct Said {
    verdict: Verdict,
    value: String,
    because: String,
}

impl Said {
    /// PASS where none of what was looked at is bad.
    fn of(bad: u64, value: String, because: String) -> Self {
        Self { verdict: if bad == 0 { Verdict::Pass } else { Verdict::Fail }, value, because }
    }
}

fn draft(
    check: TruthCheck,
    scope: &str,
    limit: &str,
    said: Said,
    (samples, bad): (u64, u64),
    evidence: Evidence,
) -> Checked {
    Checked {
        name: format!("truth: {}", check.word()),
        scope: scope.to_owned(),
        verdict: said.verdict,
        value: said.value,
        limit: limit.to_owned(),
        samples,
        bad,
        because: said.because,
        on_time: check == TruthCheck::Durations,
        evidence,
    }
}
