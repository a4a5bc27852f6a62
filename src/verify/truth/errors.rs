//! Failed requests: the target must count as failed what its clients saw fail, `isError` included, and nothing else. What it does not count
//! at all, the check of counts tells.

use super::counts::{beyond, number, range};
use super::tally::{Calls, Key};
use super::{Books, Said, draft};
use crate::model::{Verdict, format_count};
use crate::verify::growth::Growth;
use crate::verify::{Checked, Evidence, LabelledCounter, SeriesSelector, TruthCheck};

const COLUMNS: [&str; 6] =
    ["requests", "isError", "JSON-RPC errors", "may have failed", "counter of failures", "it counted"];

/// One counter's account of the failures of one kind of calls.
struct Row {
    what: String,
    /// The calls alone, and the counter that they are held against.
    requests: String,
    counter: String,
    calls: Calls,
    /// So many must be counted as failed, and so many may.
    range: (u64, u64),
    counted: Growth,
    is_good: bool,
}

pub(super) fn check(books: &Books<'_>) -> Checked {
    let names = &books.checks.names;
    let failed = &names.requests.failed;
    let mut rows: Vec<Row> = books
        .tally
        .calls
        .iter()
        .map(|(key, calls)| books.failures(key, failed, calls, books.growth(failed, key)))
        .collect();
    rows.extend(names.tool_errors.iter().flat_map(|errors| books.of_tools(errors)));
    let bad = rows.iter().filter(|row| !row.is_good).count() as u64;
    let evidence = Evidence::of(&COLUMNS, rows.iter().map(|row| (row.is_good, row.cells())));
    let all = books.tally.sum(|_| true);
    let counted: f64 = rows.iter().take(books.tally.calls.len()).map(|row| row.counted.by).sum();
    let value = format!("{} counted as failed", number(counted));
    let limit = format!("= {} that failed", range(all.failed()));
    let restarts: u64 = rows.iter().map(|row| row.counted.restarts).sum();
    let said = if let Some(missing) = books.without_series() {
        let because = format!("the target has no series {missing}: is `names` right for it?");
        Said { verdict: Verdict::Fail, value, because }
    } else if rows.is_empty() || restarts > 0 {
        let because = match restarts {
            0 => format!("nothing was sent that {failed} counts"),
            _ => format!("{failed} began again in mid-run: what it counted before is lost"),
        };
        Said { verdict: Verdict::Inconclusive, value, because }
    } else if let Some(row) =
        rows.iter().filter(|row| !row.is_good).max_by(|a, b| a.off().total_cmp(&b.off()))
    {
        let because = match failed.unmet(books.seen.series) {
            Some(unmet) => format!("{unmet}: is `failed` right in `names`? If it is, {}", row.wrong()),
            None => row.wrong(),
        };
        Said { verdict: Verdict::Fail, value, because }
    } else {
        Said { verdict: Verdict::Pass, value, because: sound(&all) }
    };
    draft(TruthCheck::Errors, failed.text(), &limit, said, (rows.len() as u64, bad), evidence)
}

impl Books<'_> {
    /// The first of the counters that the target does not have. Of failed requests it need have none before one fails.
    fn without_series(&self) -> Option<&str> {
        let names = &self.checks.names;
        let is_there = |counter: &SeriesSelector| !counter.select(self.seen.series).is_empty();
        let requests = Some(&names.requests.counter).filter(|_| !self.tally.calls.is_empty());
        let has_failed = self.tally.sum(|_| true).failed().0 > 0;
        let errors = names.tool_errors.as_ref().map(|errors| &errors.counter).filter(|_| has_failed);
        let missing = requests.into_iter().chain(errors).find(|counter| !is_there(counter));
        missing.map(SeriesSelector::text)
    }

    /// What was counted `by` a counter of the failures of `calls`.
    fn failures(&self, key: &Key, by: &SeriesSelector, calls: &Calls, counted: Growth) -> Row {
        let (least, most) = calls.failed();
        let uncounted = calls.answered as f64 - self.growth(&self.checks.names.requests.counter, key).by;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of calls, and above zero"
        )]
        let range = (least.saturating_sub(uncounted.max(0.0) as u64), most);
        let requests = key.text();
        let is_main = *by == self.checks.names.requests.failed;
        Row {
            what: if is_main { requests.clone() } else { format!("{requests} by {}", by.metric()) },
            requests,
            counter: by.text().to_owned(),
            calls: calls.clone(),
            range,
            counted,
            is_good: self.is_within(counted.by, range),
        }
    }

    /// What a counter of failed tool calls alone says, tool by tool.
    fn of_tools(&self, errors: &LabelledCounter) -> Vec<Row> {
        let series = errors.counter.select(self.seen.series);
        let is_call = |key: &Key| key.method == "tools/call";
        let tools = self.tally.calls.keys().filter(|key| is_call(key));
        tools
            .map(|key| {
                let is_about = |label: Option<&str>| key.tool.is_none() || label == key.tool.as_deref();
                let about = series.iter().copied().filter(|series| is_about(series.labels.get(&errors.tool)));
                let counted = Growth::of_all(about, self.from, self.to);
                self.failures(key, &errors.counter, &self.tally.calls[key], counted)
            })
            .collect()
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![
            self.requests.clone(),
            format_count(self.calls.tool_errors),
            format_count(self.calls.rpc_errors),
            format_count(self.calls.unsure),
            self.counter.clone(),
            number(self.counted.by),
        ]
    }

    fn off(&self) -> f64 {
        beyond(self.counted.by, self.range)
    }

    /// What is wrong with it.
    fn wrong(&self) -> String {
        let Self { what, calls, counted, range: (least, most), .. } = self;
        let (least, most) = (*least, *most);
        let counted_as = number(counted.by);
        if counted.by > most as f64 {
            return format!(
                "{what}: {} calls failed, {counted_as} are counted as failed",
                format_count(most)
            );
        }
        // All that is missing is what `isError` said.
        let missing = least as f64 - counted.by;
        if calls.tool_errors > 0
            && calls.rpc_errors as f64 <= counted.by
            && missing <= calls.tool_errors as f64
        {
            let told = if missing < calls.tool_errors as f64 {
                format!("{} of {}", number(missing), format_count(calls.tool_errors))
            } else {
                format_count(calls.tool_errors)
            };
            return format!("{what}: {told} answers with `isError: true` are counted as successes");
        }
        let told = match (calls.tool_errors, calls.rpc_errors) {
            (0, rpc) => format!("{} answers with a JSON-RPC error", format_count(rpc)),
            (tool, 0) => format!("{} answers with `isError: true`", format_count(tool)),
            (tool, rpc) => format!(
                "{} answers with `isError: true` and {} with a JSON-RPC error",
                format_count(tool),
                format_count(rpc)
            ),
        };
        format!("{what}: {told}, {counted_as} are counted as failed")
    }
}

/// What agreement shows.
fn sound(all: &Calls) -> String {
    match (all.tool_errors, all.rpc_errors) {
        (0, 0) => {
            "no answer told of an error, and none is counted: whether one would be, this run can't tell"
                .to_owned()
        }
        (0, rpc) => {
            format!("all {} JSON-RPC errors are counted; no answer said `isError`", format_count(rpc))
        }
        (tool, 0) => format!("all {} answers with `isError: true` are counted as failed", format_count(tool)),
        (tool, rpc) => format!(
            "all {} answers with `isError: true` and {} JSON-RPC errors are counted as failed",
            format_count(tool),
            format_count(rpc)
        ),
    }
}
