//! Counters never fall unless the target began again: what falls was no counter, or two of them under one name.

use super::{ALL_METRICS, Books, Said, draft};
use crate::metrics::{Fallen, Falls};
use crate::model::{Verdict, format_count, format_duration};
use crate::verify::{Checked, Evidence, TruthCheck};

const COLUMNS: [&str; 5] = ["counter", "fell", "first at", "from", "to"];

pub(super) fn check(books: &Books<'_>) -> Checked {
    let store = books.seen.series;
    let Falls { counters, restarts, fallen } = Falls::of(store, store.scrape_times(), |_| false);
    let cells = |fallen: &Fallen<'_>| {
        vec![
            fallen.series.text(),
            format_count(fallen.falls.into()),
            format_duration(fallen.at),
            fallen.from.to_string(),
            fallen.to.to_string(),
        ]
    };
    let evidence = Evidence::of(&COLUMNS, fallen.iter().map(|one| (false, cells(one))));
    let restarted = match restarts {
        0 => String::new(),
        1 => "; the target began again once, and they with it".to_owned(),
        times => format!("; the target began again {times} times, and they with it"),
    };
    let counts = (counters, fallen.len() as u64);
    let said = match fallen.first() {
        _ if counters == 0 => Said {
            verdict: Verdict::Inconclusive,
            value: "no data".to_owned(),
            because: "no counter was scraped".to_owned(),
        },
        None => {
            let because = format!("{} counters only rise{restarted}", format_count(counters));
            Said::of(0, "none fell".to_owned(), because)
        }
        Some(first) => {
            let (at, from, to) = (format_duration(first.at), first.from, first.to);
            let because = format!("{first}: at {at} from {from} to {to}{restarted}");
            Said::of(counts.1, format!("{} fell", format_count(counts.1)), because)
        }
    };
    draft(TruthCheck::Counters, ALL_METRICS, "never fall", said, counts, evidence)
}
