//! The answers to a query over the steady phase, held against their limit. Where several series answer, the worst one counts.
//!
//! No answer, NaN and a query that fails are never a PASS; nor is what depends on more data than the steady phase had. To PromQL each
//! fall of a counter is a restart: where there was no sign of one that is told, and the answer stays what Prometheus would give.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reliance::{longest_range, longest_relied_on};
use super::{Holding, QueryIndicator, QueryLimit, SteadyScrapes, slices};
use crate::model::{Verdict, format_duration, format_ratio};
use crate::promql::{Budget, Query, Value, VectorSample};
use crate::slo::draft::Draft;
use crate::slo::judge::blank;
use crate::slo::metric::{aggregate, least_of, measure};
use crate::slo::tick::{Tick, evidence};
use crate::slo::{Aggregation, Finding, Objective, exact_percent, without_binary_noise};

pub(in crate::slo) fn judge(
    objective: &Objective,
    indicator: &QueryIndicator,
    scrapes: &SteadyScrapes<'_>,
) -> Draft {
    let (what, limit) = match indicator.holding {
        Holding::OverRun(over_run) => (measure(over_run).to_owned(), indicator.limit.to_string()),
        Holding::AtEnd => ("value at the end".to_owned(), indicator.limit.to_string()),
        Holding::Share { share, slices } => {
            let beyond = format!("scrapes not {}", indicator.limit);
            let what = slices.map_or(beyond.clone(), |slices| slices.indicator(&beyond));
            (what, format!("<= {}", exact_percent(without_binary_noise(1.0 - share))))
        }
    };
    let scope = indicator.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let finding = Finding { scope, ..blank(objective, what, limit) };
    let answers = match Answers::of(indicator, scrapes) {
        Ok(answers) => answers,
        Err(because) => return Draft::found(Finding { because, ..finding }),
    };
    match indicator.holding {
        Holding::OverRun(over_run) => Draft::found(answers.over_run(finding, over_run, indicator.limit)),
        Holding::AtEnd => Draft::found(answers.over_run(finding, Aggregation::Max, indicator.limit)),
        Holding::Share { share, slices } => {
            let ticks = answers.ticks(indicator.limit);
            if let Some(because) = answers.too_short() {
                return Draft::found(Finding { because, ..finding });
            }
            if let Some(by) = slices {
                return slices::judge(finding, &ticks, by, share, "scrapes", scrapes);
            }
            let budget = without_binary_noise(1.0 - share);
            let evidence = evidence(&ticks, budget, "scrapes").over(scrapes.length());
            let bad = evidence.share();
            let finding = Finding { value: format_ratio(bad), value_number: Some(bad), ..finding };
            Draft::tested(finding, evidence, "outside the limit", answers.note).counted_by(&ticks)
        }
    }
}

/// Functions that take each fall for a restart.
pub(in crate::slo) const COUNTING: [&str; 3] = ["rate", "increase", "irate"];

/// What a query answered at one time.
struct Moment {
    at: Duration,
    /// Numbers, and infinities that break the limit.
    samples: Vec<VectorSample>,
    /// False where other series gave no number: what was seen may break a limit, and can't show that it is kept.
    is_whole: bool,
}

/// What a query answered, each time that it was asked.
struct Answers {
    /// Those times at which some series gave a number.
    moments: Vec<Moment>,
    /// How often it was asked.
    asked: usize,
    at_end: bool,
    /// How far ranges look back that the answer depends on, where that is further than the steady phase goes; and how long that is.
    short: Option<(Duration, Duration)>,
    /// What is to be told beside the value.
    note: String,
}

impl Answers {
    fn of(indicator: &QueryIndicator, scrapes: &SteadyScrapes<'_>) -> Result<Self, String> {
        let Some(&first) = scrapes.scrapes.first() else {
            return Err("no data: no scrape in the steady phase".to_owned());
        };
        let query = scrapes.query(&indicator.query).map_err(|error| format!("its query is none: {error}"))?;
        if let Some(because) = scrapes.too_few() {
            return Err(because);
        }
        let good = scrapes.whole();
        let at_end = indicator.holding == Holding::AtEnd;
        if at_end && good.last() != scrapes.scrapes.last() {
            return Err("no data: the last scrape of the steady phase failed".to_owned());
        }
        let all = if at_end { vec![scrapes.steady.end] } else { scrapes.scrapes.clone() };
        // Data goes back to the first scrape, and counters are reckoned for a part of the interval before it.
        let relied = longest_relied_on(&query);
        let is_whole =
            |at: &Duration| relied.is_none_or(|range| at.saturating_sub(first) + scrapes.interval() >= range);
        let whole: Vec<Duration> = all.iter().copied().filter(is_whole).collect();
        let short = relied.filter(|_| whole.is_empty()).map(|range| (range, scrapes.length()));
        let times = if whole.is_empty() { all } else { whole };
        // At a scrape that failed nothing is known, whatever a query makes of nothing.
        let (asked, times) = (times.len(), times.into_iter().filter(|at| at_end || good.contains(at)));
        let (moments, not_numbers) = ask(&query, &times.collect::<Vec<_>>(), indicator.limit, scrapes)?;

        let missing = match scrapes.never_had(&query).as_slice() {
            [] => String::new(),
            some => format!("; the target has no {}", some.join(", ")),
        };
        let answers = Self { moments, asked, at_end, short, note: String::new() };
        let needed = if at_end { 1 } else { least_of(asked) };
        if answers.whole() < needed {
            let nan = not_numbers.told();
            let (found, of) = (answers.whole(), asked);
            let counted = if at_end {
                "no value at the end of the steady phase".to_owned()
            } else {
                format!("{found} of {of} scrapes give a value, {needed} are needed")
            };
            return Err(format!("no data: {counted}{nan}{missing}"));
        }
        let long = longest_range(&query).filter(|range| *range > scrapes.length() && short.is_none());
        let long = long.map_or_else(String::new, |range| format!("; {}", look_back(range, scrapes.length())));
        let fell = query.functions().iter().any(|name| COUNTING.contains(name));
        let fell = fell.then(|| scrapes.fell(&[&query], &good)).flatten();
        let fell =
            fell.map_or_else(String::new, |fell| format!("; {fell}, and to PromQL each fall is a restart"));
        Ok(Self { note: format!("{long}{missing}{fell}"), ..answers })
    }

    /// At how many times every series that answered gave a number.
    fn whole(&self) -> usize {
        self.moments.iter().filter(|moment| moment.is_whole).count()
    }

    /// Why nothing can be said of the limit.
    fn too_short(&self) -> Option<String> {
        let (range, length) = self.short?;
        Some(format!("{}, and its answer depends on that: make the run longer", look_back(range, length)))
    }

    /// One value of each series over the run; the worst of them.
    fn over_run(self, finding: Finding, over_run: Aggregation, limit: QueryLimit) -> Finding {
        let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for sample in self.moments.iter().flat_map(|moment| &moment.samples) {
            series.entry(sample.labels.to_string()).or_default().push(sample.value);
        }
        let count = series.len();
        let values = series.into_iter().map(|(labels, values)| (labels, aggregate(over_run, &values)));
        let worst = values.reduce(|worst, next| if limit.is_worse(next.1, worst.1) { next } else { worst });
        let Some((labels, value)) = worst else { return finding };
        let holds = limit.holds(value);
        let shown = limit.unit.show(value);
        let of = match count {
            1 if labels == "{}" => String::new(),
            1 => format!(" of {labels}"),
            count => format!(" of {labels}, the worst of {count} series,"),
        };
        let told = if self.at_end {
            format!("{shown}{of} at the end of the steady phase, limit {limit}")
        } else {
            let (some, all) = (self.whole(), self.asked);
            format!(
                "{} {shown}{of} over {some} of {all} scrapes of the steady phase, limit {limit}",
                measure(over_run)
            )
        };
        let verdict = match (&self.short, holds) {
            (Some(_), _) => Verdict::Inconclusive,
            (None, true) => Verdict::Pass,
            (None, false) => Verdict::Fail,
        };
        let short = self.too_short().map_or_else(String::new, |short| format!("; {short}"));
        Finding {
            verdict,
            within_limit: Some(holds),
            value: shown,
            value_number: Some(value),
            samples: self.whole() as u64,
            because: format!("{told}{short}{}", self.note),
            ..finding
        }
    }

    /// Each time as good or bad, where that is known.
    fn ticks(&self, limit: QueryLimit) -> Vec<Tick> {
        let tick = |moment: &Moment| {
            let is_bad = moment.samples.iter().any(|sample| !limit.holds(sample.value));
            (is_bad || moment.is_whole).then(|| Tick { at: moment.at, calls: 1, bad: u64::from(is_bad) })
        };
        self.moments.iter().filter_map(tick).collect()
    }
}

/// How often a series gave no number.
#[derive(Default)]
struct NotNumbers {
    times: usize,
    /// One of those series.
    series: Option<String>,
}

impl NotNumbers {
    fn told(&self) -> String {
        match &self.series {
            None => String::new(),
            Some(series) if series == "{}" => format!("; {} give no number (NaN)", self.times),
            Some(series) => format!("; {} give no number (NaN), as for {series}", self.times),
        }
    }
}

fn look_back(range: Duration, length: Duration) -> String {
    let (range, length) = (format_duration(range), format_duration(length));
    format!("its ranges look back on {range}, the steady phase had {length}")
}

/// What the series say at `times`, and how often one of them says no number.
///
/// # Errors
/// In words, when an evaluation fails.
fn ask(
    query: &Query,
    times: &[Duration],
    limit: QueryLimit,
    scrapes: &SteadyScrapes<'_>,
) -> Result<(Vec<Moment>, NotNumbers), String> {
    let (engine, storage) = (scrapes.engine(), scrapes.storage());
    let (mut moments, mut not_numbers, mut failed) = (Vec::new(), NotNumbers::default(), Vec::new());
    let mut budget = Budget::new(engine.limits.max_samples_together);
    for &at in times {
        let samples = match engine.instant_within(query, storage, scrapes.recorded.ms(at), &mut budget) {
            Err(error) => {
                failed.push(error.to_string());
                if budget.is_spent() {
                    break;
                }
                continue;
            }
            Ok(answer) => match answer.value {
                Value::Scalar(value) => vec![VectorSample { labels: crate::promql::Labels::empty(), value }],
                Value::Vector(samples) => samples,
                Value::Text(_) | Value::Matrix(_) => Vec::new(),
            },
        };
        // An infinity is told by whatever divides by zero: it proves that a limit is broken, never that it is kept.
        let is_number = |value: f64| value.is_finite() || !value.is_nan() && !limit.holds(value);
        let not_one = samples.iter().find(|sample| !is_number(sample.value));
        let is_whole = not_one.is_none();
        if let Some(sample) = not_one {
            not_numbers.times += 1;
            not_numbers.series.get_or_insert_with(|| sample.labels.to_string());
        }
        let samples: Vec<_> = samples.into_iter().filter(|sample| is_number(sample.value)).collect();
        if !samples.is_empty() {
            moments.push(Moment { at, samples, is_whole });
        }
    }
    match failed.first() {
        Some(first) => Err(format!("{} of {} evaluations failed: {first}", failed.len(), times.len())),
        None => Ok((moments, not_numbers)),
    }
}
