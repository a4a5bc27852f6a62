//! The target's histogram of durations brackets what the client saw: a request can't take longer at the target than from sent to answered,
//! and a target that accounts for next to nothing of what its clients wait for looks away from where they wait.

use std::collections::BTreeMap;
use std::time::Duration;

use super::counts::number;
use super::tally::{Calls, Key};
use super::{Books, Said, draft};
use crate::metrics::Series;
use crate::model::{LatencyHistogram, Verdict, format_seconds};
use crate::verify::growth::Growth;
use crate::verify::{Checked, Durations, Evidence, SeriesSelector, TruthCheck};

/// The two clocks begin and end at other moments of the same call.
const SKEW: f64 = 0.05;
const SLACK: f64 = 1e-3;
/// A target that accounts for less than this share of what its clients wait for...
const LEAST_SHARE: f64 = 0.1;
/// ... is looking away, if they wait this long beyond what the way there and back takes.
const NOTICEABLE: f64 = 5e-3;

const COLUMNS: [&str; 5] = ["requests", "calls", "client's mean", "target's mean", "what is wrong"];

/// Both clocks of one kind of calls.
struct Row {
    what: String,
    calls: u64,
    client: f64,
    target: Option<f64>,
    fault: Option<String>,
}

/// What a histogram or a summary counted of one kind of calls.
pub(super) struct Timed {
    count: f64,
    /// In seconds.
    sum: f64,
    /// By upper bound in seconds, ascending: how many were within.
    within: Vec<(f64, f64)>,
    restarts: u64,
}

pub(super) fn check(books: &Books<'_>) -> Option<Checked> {
    let durations = books.checks.names.durations.as_ref()?;
    let shortest = books.way_there_and_back();
    let mut restarts = 0;
    let mut rows = Vec::new();
    for (key, calls) in &books.told_apart_by(durations) {
        let Some(mean) = mean(&calls.service) else { continue };
        let timed = books.timed(durations, key);
        restarts += timed.as_ref().map_or(0, |timed| timed.restarts);
        let fault = match &timed {
            None => Some("it times none of them".to_owned()),
            Some(timed) => timed.slower_than(calls).or_else(|| timed.far_faster_than(mean, shortest)),
        };
        let target = timed.filter(|timed| timed.count > 0.0).map(|timed| timed.sum / timed.count);
        // Those before the first scrape are no rows of any check.
        let counted = calls.service.count().saturating_sub(calls.before);
        rows.push(Row { what: key.text(), calls: counted, client: mean, target, fault });
    }
    let bad = rows.iter().filter(|row| row.fault.is_some()).count() as u64;
    let evidence = Evidence::of(&COLUMNS, rows.iter().map(|row| (row.fault.is_none(), row.cells())));
    let value = if bad == 0 { "plausible".to_owned() } else { format!("{bad} of {} rows wrong", rows.len()) };
    let said = if rows.is_empty() || restarts > 0 {
        let because = match restarts {
            0 => "nothing was sent that it times".to_owned(),
            _ => "it began again in mid-run: what it counted before is lost".to_owned(),
        };
        Said { verdict: Verdict::Inconclusive, value: "not known".to_owned(), because }
    } else if let Some(row) = rows.iter().find(|row| row.fault.is_some()) {
        let fault = row.fault.clone().unwrap_or_default();
        Said { verdict: Verdict::Fail, value, because: format!("{}: {fault}", row.what) }
    } else {
        let because = "no request takes longer there than its client waits for it, and most of what clients wait is there";
        Said { verdict: Verdict::Pass, value, because: because.to_owned() }
    };
    let counts = (rows.len() as u64, bad);
    Some(draft(
        TruthCheck::Durations,
        durations.metric.text(),
        "within what clients saw",
        said,
        counts,
        evidence,
    ))
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![
            self.what.clone(),
            number(self.calls as f64),
            format_seconds(self.client),
            self.target.map_or_else(|| "-".to_owned(), format_seconds),
            self.fault.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

impl Timed {
    /// Where the target says that more calls took long than its client saw: of a call that took `x` there, the client saw at least `x`.
    fn slower_than(&self, calls: &Calls) -> Option<String> {
        let unknown = (calls.unsure + calls.before) as f64;
        let slower = self.within.iter().find_map(|(bound, within)| {
            let theirs = self.count - within;
            let limit = Duration::try_from_secs_f64(bound * (1.0 - SKEW) - SLACK).unwrap_or_default();
            let ours = calls.service.count_over(limit) as f64;
            (theirs > ours + unknown).then_some((*bound, theirs, ours))
        });
        if let Some((bound, theirs, ours)) = slower {
            let (bound, theirs, ours) = (format_seconds(bound), number(theirs), number(ours));
            return Some(format!(
                "{theirs} took longer than {bound} by the target's clock, {ours} by the client's"
            ));
        }
        let ours = mean(&calls.service)? * calls.service.count() as f64;
        let most = ours * (1.0 + SKEW) + SLACK * self.count;
        // Of calls that nobody knows of, nobody knows how long they took.
        (unknown == 0.0 && self.sum > most).then(|| {
            let (theirs, ours) = (format_seconds(self.sum), format_seconds(ours));
            format!("{theirs} in all by the target's clock, {ours} by the client's")
        })
    }

    /// Where next to nothing of what clients wait for is in it.
    fn far_faster_than(&self, client: f64, shortest: f64) -> Option<String> {
        let waited = client - shortest;
        let target = self.sum / self.count;
        (waited > NOTICEABLE && target < waited * LEAST_SHARE).then(|| {
            let (target, client) = (format_seconds(target), format_seconds(client));
            format!("{target} on average by the target's clock, {client} by the client's: is its unit right, does it see where calls wait?")
        })
    }
}

impl Books<'_> {
    /// The calls, as far as the metric tells them apart.
    fn told_apart_by(&self, durations: &Durations) -> BTreeMap<Key, Calls> {
        let mut apart: BTreeMap<Key, Calls> = BTreeMap::new();
        for (key, calls) in &self.tally.calls {
            let tool = key.tool.clone().filter(|_| durations.tool.is_some());
            apart.entry(Key { method: key.method.clone(), tool }).or_default().merge(calls);
        }
        apart
    }

    /// The shortest that any call took: the way there and back takes no longer.
    fn way_there_and_back(&self) -> f64 {
        let shortest = self.tally.calls.values().filter_map(|calls| calls.service.min()).min();
        shortest.unwrap_or_default().as_secs_f64()
    }

    /// What the target timed of `key`; `None` where it has no series of it.
    pub(super) fn timed(&self, durations: &Durations, key: &Key) -> Option<Timed> {
        let part = |suffix: &str| durations.metric.suffixed(suffix);
        let (buckets, sums, counts) = (part("_bucket"), part("_sum"), part("_count"));
        let growth = |series: &[&Series]| Growth::of_all(series.iter().copied(), self.from, self.to);
        let about = |selector: &SeriesSelector| -> Vec<&Series> {
            let all = selector.select(self.seen.series).into_iter();
            all.filter(|series| self.is_timing(durations, series, key)).collect()
        };
        let count = growth(&about(&counts));
        if count.by <= 0.0 {
            return None;
        }
        let sum = growth(&about(&sums));
        let mut within: Vec<(f64, f64)> = Vec::new();
        for series in about(&buckets) {
            let Some(bound) = series.labels.get("le").and_then(|le| le.parse::<f64>().ok()) else { continue };
            let bound = bound * durations.unit();
            let by = Growth::of(series, self.from, self.to).by;
            match within.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
                Some((_, total)) => *total += by,
                None => within.push((bound, by)),
            }
        }
        within.retain(|(bound, _)| bound.is_finite());
        within.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(Timed { count: count.by, sum: sum.by * durations.unit(), within, restarts: count.restarts })
    }

    fn is_timing(&self, durations: &Durations, series: &Series, key: &Key) -> bool {
        let names = &self.checks.names;
        let label = |name: &Option<String>| name.as_ref().and_then(|name| series.labels.get(name));
        let method = durations.method.is_none()
            || label(&durations.method).is_some_and(|method| names.on_the_wire(method) == key.method);
        let tool = key.tool.is_none() || label(&durations.tool) == key.tool.as_deref();
        method && tool
    }
}

fn mean(histogram: &LatencyHistogram) -> Option<f64> {
    histogram.mean().map(|mean| mean.as_secs_f64())
}
