//! The histogram's buckets can tell the limits of the objectives: a limit between two bounds that are far apart is anybody's guess.

use super::{Books, Said, draft};
use crate::model::format_seconds;
use crate::verify::{Checked, Evidence, TruthCheck};

/// A limit is told where the bounds beside it differ by no more than this.
const TELLING: f64 = 1.25;
/// A bound this near is the limit itself.
const NEAR: f64 = 1e-3;

const COLUMNS: [&str; 4] = ["objective", "limit", "bucket above", "up to"];

/// `None` where there is no histogram, or no limit to tell.
pub(super) fn check(books: &Books<'_>) -> Option<Checked> {
    let durations = books.checks.names.durations.as_ref()?;
    let limits = books.seen.latency_limits;
    let buckets = durations.metric.suffixed("_bucket");
    let mut bounds: Vec<f64> = buckets
        .select(books.seen.series)
        .iter()
        .filter_map(|series| series.labels.get("le")?.parse::<f64>().ok())
        .map(|bound| bound * durations.unit())
        .collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    if bounds.is_empty() || limits.is_empty() {
        return None;
    }
    let rows: Vec<(&String, f64, f64, f64)> = limits
        .iter()
        .map(|(name, limit)| {
            let (above, up_to) = around(&bounds, *limit);
            (name, *limit, above, up_to)
        })
        .collect();
    let is_told = |&(_, limit, above, up_to): &(&String, f64, f64, f64)| {
        above >= limit * (1.0 - NEAR) || up_to <= limit * (1.0 + NEAR) || up_to <= above * TELLING
    };
    let bad: Vec<_> = rows.iter().filter(|row| !is_told(row)).collect();
    let cells = |&(name, limit, above, up_to): &(&String, f64, f64, f64)| {
        vec![name.clone(), bound_text(limit), bound_text(above), bound_text(up_to)]
    };
    let evidence = Evidence::of(&COLUMNS, rows.iter().map(|row| (is_told(row), cells(row))));
    let (value, because) = match bad.first() {
        None => {
            ("resolved".to_owned(), "each limit is at the edge of a bucket, or in a narrow one".to_owned())
        }
        Some((name, limit, above, up_to)) => (
            format!("{} of {} limits not resolved", bad.len(), rows.len()),
            format!(
                "{name}: {} lies between the bounds {} and {}, and what is in that bucket may be on either side: add a bound at the limit",
                bound_text(*limit),
                bound_text(*above),
                bound_text(*up_to)
            ),
        ),
    };
    let counts = (rows.len() as u64, bad.len() as u64);
    let said = Said::of(counts.1, value, because);
    Some(draft(TruthCheck::Buckets, durations.metric.text(), "a bound at each limit", said, counts, evidence))
}

/// The bounds below and above `limit`; a limit that is a bound lies below it.
fn around(bounds: &[f64], limit: f64) -> (f64, f64) {
    let above = bounds.iter().copied().rfind(|bound| *bound < limit).unwrap_or(0.0);
    let up_to = bounds.iter().copied().find(|bound| *bound >= limit).unwrap_or(f64::INFINITY);
    (above, up_to)
}

fn bound_text(seconds: f64) -> String {
    if seconds.is_infinite() { "+Inf".to_owned() } else { format_seconds(seconds) }
}
