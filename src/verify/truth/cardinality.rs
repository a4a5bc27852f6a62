//! No metric has too many label sets: each is a series that a Prometheus keeps, and a label that takes what calls bring grows without end.

use std::collections::{BTreeMap, BTreeSet};

use super::{ALL_METRICS, Books, Said, draft};
use crate::metrics::Series;
use crate::model::format_count;
use crate::verify::{Checked, Evidence, TruthCheck};

const COLUMNS: [&str; 3] = ["metric", "label sets", "the label with most values"];
/// So many metrics are shown where none has too many.
const MOST: usize = 10;
/// A bucket, or a quantile, is no label set of its own.
const OF_ONE: [&str; 2] = ["le", "quantile"];

pub(super) fn check(books: &Books<'_>) -> Checked {
    let most = books.checks.label_sets;
    let mut metrics: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
    for series in books.seen.series.iter() {
        metrics.entry(&series.name).or_default().push(series);
    }
    let mut rows: Vec<_> =
        metrics.iter().map(|(name, series)| (*name, label_sets(series), widest(series))).collect();
    rows.sort_by_key(|(_, sets, _)| std::cmp::Reverse(*sets));
    let counts = (rows.len() as u64, rows.iter().filter(|(_, sets, _)| *sets > most).count() as u64);
    let widest = |label: &Option<(&str, u64)>| {
        label.map_or_else(|| "-".to_owned(), |(name, values)| format!("{name} ({})", format_count(values)))
    };
    let shown = rows.iter().enumerate().filter(|(place, (_, sets, _))| *place < MOST || *sets > most);
    let evidence = Evidence::of(
        &COLUMNS,
        shown.map(|(_, (name, sets, label))| {
            (*sets <= most, vec![(*name).to_owned(), format_count(*sets), widest(label)])
        }),
    );
    let Some((name, sets, label)) = rows.first() else {
        let said = Said {
            verdict: crate::model::Verdict::Inconclusive,
            value: "no data".to_owned(),
            because: "no series was scraped".to_owned(),
        };
        return draft(TruthCheck::Cardinality, ALL_METRICS, "", said, counts, evidence);
    };
    let because = format!("{name} has {} label sets, most values has {}", format_count(*sets), widest(label));
    let said = Said::of(counts.1, format_count(*sets), because);
    let limit = format!("<= {}", format_count(most));
    draft(TruthCheck::Cardinality, ALL_METRICS, &limit, said, counts, evidence)
}

fn label_sets(series: &[&Series]) -> u64 {
    let sets: BTreeSet<Vec<(&str, &str)>> = series
        .iter()
        .map(|series| series.labels.iter().filter(|(name, _)| !OF_ONE.contains(name)).collect())
        .collect();
    sets.len() as u64
}

/// The label with the most different values, and how many those are.
fn widest<'a>(series: &[&'a Series]) -> Option<(&'a str, u64)> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in series.iter().flat_map(|series| series.labels.iter()) {
        if !OF_ONE.contains(&name) {
            values.entry(name).or_default().insert(value);
        }
    }
    values.into_iter().map(|(name, values)| (name, values.len() as u64)).max_by_key(|(_, count)| *count)
}
