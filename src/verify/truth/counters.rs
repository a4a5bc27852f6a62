//! Counters never fall unless the target began again: what falls was no counter, or two of them under one name.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ALL_METRICS, Books, Said, draft};
use crate::metrics::{MetricKind, Series, SeriesStore};
use crate::model::{Verdict, format_count, format_duration};
use crate::verify::{Checked, Evidence, TruthCheck};

const COLUMNS: [&str; 4] = ["counter", "at", "from", "to"];
/// It changes when a process begins again.
const STARTED: &str = "process_start_time_seconds";

/// A counter that was less than at the scrape before.
struct Fall<'a> {
    series: &'a Series,
    at: Duration,
    from: f64,
    to: f64,
}

pub(super) fn check(books: &Books<'_>) -> Checked {
    let store = books.seen.series;
    let counters: Vec<&Series> = store.iter().filter(|series| is_counter(store, series)).collect();
    let mut by_time: BTreeMap<Duration, Vec<Fall<'_>>> = BTreeMap::new();
    for fall in counters.iter().flat_map(|series| falls(series)) {
        by_time.entry(fall.at).or_default().push(fall);
    }
    let (restarts, odd): (Vec<_>, Vec<_>) =
        by_time.into_iter().partition(|(at, falls)| began_again(store, &counters, *at, falls));
    let odd: Vec<Fall<'_>> = odd.into_iter().flat_map(|(_, falls)| falls).collect();
    let cells = |fall: &Fall<'_>| {
        let at = format_duration(fall.at);
        vec![name(fall.series), at, fall.from.to_string(), fall.to.to_string()]
    };
    let evidence = Evidence::of(&COLUMNS, odd.iter().map(|fall| (false, cells(fall))));
    let restarted = match restarts.len() {
        0 => String::new(),
        times => format!("; the target began again {times} times, and they with it"),
    };
    let mut names: Vec<String> = odd.iter().map(|fall| name(fall.series)).collect();
    names.dedup();
    let counts = (counters.len() as u64, names.len() as u64);
    let said = match odd.first() {
        _ if counters.is_empty() => Said {
            verdict: Verdict::Inconclusive,
            value: "no data".to_owned(),
            because: "no counter was scraped".to_owned(),
        },
        None => {
            let because = format!("{} counters only rise{restarted}", format_count(counts.0));
            Said::of(0, "none fell".to_owned(), because)
        }
        Some(fall) => Said::of(
            counts.1,
            format!("{} fell", format_count(counts.1)),
            format!(
                "{} fell from {} to {} at {}, and nothing says that the target began again{restarted}",
                name(fall.series),
                fall.from,
                fall.to,
                format_duration(fall.at)
            ),
        ),
    };
    draft(TruthCheck::Counters, ALL_METRICS, "never fall", said, counts, evidence)
}

fn name(series: &Series) -> String {
    if series.labels.is_empty() { series.name.clone() } else { format!("{}{}", series.name, series.labels) }
}

/// Counters, and the counting parts of histograms and summaries.
fn is_counter(store: &SeriesStore, series: &Series) -> bool {
    match store.kind(&series.name) {
        MetricKind::Counter => !series.name.ends_with("_created"),
        MetricKind::Histogram => series.name.ends_with("_bucket") || series.name.ends_with("_count"),
        MetricKind::Summary => series.name.ends_with("_count"),
        _ => false,
    }
}

fn falls(series: &Series) -> impl Iterator<Item = Fall<'_>> {
    let mut last: Option<f64> = None;
    series.points.iter().filter_map(move |point| {
        let to = point.value?;
        let from = last.replace(to)?;
        (to < from).then_some(Fall { series, at: point.at, from, to })
    })
}

/// True when the process says so, or when everything that had counted fell together.
fn began_again(store: &SeriesStore, counters: &[&Series], at: Duration, falls: &[Fall<'_>]) -> bool {
    let restarted =
        |series: &Series| series.points.iter().skip(1).any(|point| point.at == at && point.value.is_some());
    if store.named(STARTED).any(restarted) {
        return true;
    }
    let had_counted = counters.iter().filter(|series| {
        let before = series.points.iter().rev().filter(|point| point.at < at);
        before.filter_map(|point| point.value).next().is_some_and(|value| value > 0.0)
    });
    let fell = |series: &Series| falls.iter().any(|fall| std::ptr::eq(fall.series, series));
    let is_gone = |series: &Series| series.value_at(at).is_none();
    let mut had_counted = had_counted.peekable();
    falls.len() > 1
        && had_counted.peek().is_some()
        && had_counted.all(|series| fell(series) || is_gone(series))
}
