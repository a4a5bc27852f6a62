//! Requests by method and tool: the target must have counted each that it answered, and none that was not sent.

use super::tally::{Calls, Key};
use super::{Books, Said, draft};
use crate::metrics::Series;
use crate::model::{Verdict, format_count};
use crate::verify::growth::Growth;
use crate::verify::{Checked, Evidence, SeriesSelector, TruthCheck};

const COLUMNS: [&str; 4] = ["requests", "answered", "may have arrived", "counted"];

pub(super) fn check(books: &Books<'_>) -> Checked {
    let names = &books.checks.names;
    let metric = &names.requests.counter;
    let rows: Vec<Row> = books.tally.calls.keys().map(|key| books.row(metric, key)).collect();
    let bad = rows.iter().filter(|row| !row.is_good).count() as u64;
    let evidence = Evidence::of(&COLUMNS, rows.iter().map(|row| (row.is_good, row.cells())));
    let counted: f64 = rows.iter().map(|row| row.counted.by).sum();
    let sent = books.tally.sum(|_| true);
    let value = format!("{} counted", number(counted));
    let limit = format!("= {} sent", range(sent.range()));
    let said = if let Some(because) = unfit(metric, &rows) {
        Said { verdict: Verdict::Inconclusive, value, because }
    } else if let Some(row) =
        rows.iter().filter(|row| !row.is_good).max_by(|a, b| a.off().total_cmp(&b.off()))
    {
        Said {
            verdict: Verdict::Fail,
            value,
            because: books.wrong(metric, row, bad, (counted, sent.range())),
        }
    } else {
        let because = format!("each of {} rows says what was sent", rows.len());
        Said { verdict: Verdict::Pass, value, because }
    };
    draft(TruthCheck::Counts, metric.text(), &limit, said, (rows.len() as u64, bad), evidence)
}

/// Calls of one kind beside what was counted of them.
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) calls: Calls,
    pub(super) counted: Growth,
    is_good: bool,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![
            self.key.text(),
            format_count(self.calls.answered),
            format_count(self.calls.unsure),
            number(self.counted.by),
        ]
    }

    /// How far it is from what it should be.
    fn off(&self) -> f64 {
        beyond(self.counted.by, self.calls.range())
    }
}

impl Books<'_> {
    fn row(&self, metric: &SeriesSelector, key: &Key) -> Row {
        let calls = self.tally.calls[key].clone();
        let counted = self.growth(metric, key);
        let is_good = self.is_within(counted.by, calls.range());
        Row { key: key.clone(), calls, counted, is_good }
    }

    /// True when what was counted may be what was sent; where others call the target, more may be.
    pub(super) fn is_within(&self, counted: f64, (least, most): (u64, u64)) -> bool {
        const EXACT: f64 = 1e-6;
        counted >= least as f64 - EXACT && (self.checks.other_clients || counted <= most as f64 + EXACT)
    }

    /// By how much the series of `counter` that are about `key` rose.
    pub(super) fn growth(&self, counter: &SeriesSelector, key: &Key) -> Growth {
        let series = counter.select(self.seen.series);
        let about = series.into_iter().filter(|series| self.is_about(series, key));
        Growth::of_all(about, self.from, self.to)
    }

    fn is_about(&self, series: &Series, key: &Key) -> bool {
        let names = &self.checks.names;
        let label = |name: &Option<String>| name.as_ref().and_then(|name| series.labels.get(name));
        let method = names.requests.method.is_none()
            || label(&names.requests.method).is_some_and(|method| names.on_the_wire(method) == key.method);
        let tool = key.tool.is_none() || label(&names.requests.tool) == key.tool.as_deref();
        method && tool
    }

    /// What is wrong: what was `counted` in all of what was sent, and the worst row.
    fn wrong(&self, metric: &SeriesSelector, row: &Row, bad: u64, all: (f64, (u64, u64))) -> String {
        if metric.select(self.seen.series).is_empty() {
            return format!("the target has no series {metric}: is `names` right for it?");
        }
        let what = row.key.text();
        let counted = number(row.counted.by);
        let (least, most) = row.calls.range();
        let worst = if row.counted.by < least as f64 {
            let lost = (least as f64 - row.counted.by) / least as f64;
            let lost = format!("{:.1} %", lost * 100.0);
            format!("{what}: {} were answered, {counted} are counted: {lost} are lost", format_count(least))
        } else {
            format!("{what}: {} were sent, {counted} are counted", format_count(most))
        };
        let others = match bad - 1 {
            0 => String::new(),
            1 => "; 1 more row is wrong".to_owned(),
            more => format!("; {more} more rows are wrong"),
        };
        format!("{}; {worst}{others}", in_all(metric, all))
    }
}

/// What was counted of all that was sent, as a plain sentence.
fn in_all(metric: &SeriesSelector, (counted, (least, most)): (f64, (u64, u64))) -> String {
    if counted < least as f64 {
        format!("{metric} counted {} of {} calls", number(counted), format_count(least))
    } else if counted > most as f64 {
        format!("{metric} counted {} calls, and {} were sent", number(counted), format_count(most))
    } else {
        format!("{metric} counted as many calls as were sent, but not each as what it was")
    }
}

/// Why what was counted can't be held against what was sent.
fn unfit(metric: &SeriesSelector, rows: &[Row]) -> Option<String> {
    if rows.is_empty() {
        return Some(format!("nothing was sent that {metric} counts"));
    }
    let restarts: u64 = rows.iter().map(|row| row.counted.restarts).sum();
    (restarts > 0).then(|| {
        format!("{metric} began again {restarts} times in mid-run: what it counted before each is lost")
    })
}

/// How far a count is from what it may be; negative within it.
pub(super) fn beyond(count: f64, (least, most): (u64, u64)) -> f64 {
    (least as f64 - count).max(count - most as f64)
}

/// A count as people read it.
pub(super) fn number(count: f64) -> String {
    if count.fract() == 0.0 && (0.0..1e15).contains(&count) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number below 1e15"
        )]
        return format_count(count as u64);
    }
    format!("{count:.3}")
}

pub(super) fn range((least, most): (u64, u64)) -> String {
    if least == most {
        return format_count(least);
    }
    format!("{} to {}", format_count(least), format_count(most))
}
