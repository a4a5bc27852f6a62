//! Gauges of what is open come back: when the load is over and its sessions and connections are closed, they say what they said before.

use super::counts::number;
use super::{Books, Said, draft};
use crate::model::Verdict;
use crate::verify::{Checked, Evidence, SeriesSelector, TruthCheck};

const COLUMNS: [&str; 4] = ["gauge", "before the load", "most", "after it"];

struct Row<'a> {
    gauge: &'a SeriesSelector,
    before: f64,
    most: f64,
    after: f64,
    is_there: bool,
}

/// `None` where no gauge is named.
pub(super) fn check(books: &Books<'_>) -> Option<Checked> {
    let gauges = &books.checks.names.gauges;
    let first = gauges.first()?;
    let rows: Vec<Row<'_>> = gauges.iter().map(|gauge| books.gauge(gauge)).collect();
    let is_good = |row: &Row<'_>| row.is_there && (row.after <= row.before || books.checks.other_clients);
    let cells = |row: &Row<'_>| {
        let text = |value: f64| if row.is_there { number(value) } else { "no such series".to_owned() };
        vec![row.gauge.text().to_owned(), text(row.before), text(row.most), text(row.after)]
    };
    let evidence = Evidence::of(&COLUMNS, rows.iter().map(|row| (is_good(row), cells(row))));
    let bad: Vec<&Row<'_>> = rows.iter().filter(|row| !is_good(row)).collect();
    let counts = (rows.len() as u64, bad.len() as u64);
    let said = match bad.first() {
        Some(row) if !row.is_there => Said {
            verdict: Verdict::Inconclusive,
            value: "not there".to_owned(),
            because: format!("the target has no series {}", row.gauge),
        },
        Some(row) => Said::of(
            counts.1,
            number(row.after),
            format!(
                "{}: {} before the load, {} after it, with all that gander opened closed",
                row.gauge,
                number(row.before),
                number(row.after)
            ),
        ),
        None => {
            let most: Vec<String> =
                rows.iter().map(|row| format!("{} rose to {}", row.gauge, number(row.most))).collect();
            Said::of(0, "came back".to_owned(), most.join(", "))
        }
    };
    let scope = if gauges.len() == 1 { first.text().to_owned() } else { format!("{} gauges", gauges.len()) };
    Some(draft(TruthCheck::Gauges, &scope, "as before the load", said, counts, evidence))
}

impl Books<'_> {
    fn gauge<'g>(&self, gauge: &'g SeriesSelector) -> Row<'g> {
        let series = gauge.select(self.seen.series);
        let at = |at| series.iter().filter_map(|series| series.value_at(at)).sum::<f64>();
        let times = self.seen.series.scrape_times().iter();
        let most = times.map(|time| at(*time)).fold(0.0, f64::max);
        Row { gauge, before: at(self.from), most, after: at(self.to), is_there: !series.is_empty() }
    }
}
