//! Objectives on the target's own metrics, read at each scrape of the steady phase.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::{
    Aggregation, Bound, Divisor, Finding, MetricIndicator, Objective, Reading, Selector, judge::blank,
};
use crate::metrics::{Falls, Series, SeriesStore};
use crate::model::Verdict;

/// A maximum of one value is no maximum.
const LEAST_VALUES: usize = 2;
/// Where fewer scrapes than one in this many have a value, the rest of the phase is unknown.
const ONE_IN: usize = 2;

/// How many of so many scrapes must give a value, for anything to be said of them.
pub(super) fn least_of(scrapes: usize) -> usize {
    LEAST_VALUES.max(scrapes.div_ceil(ONE_IN))
}

pub(super) fn judge(
    objective: &Objective,
    indicator: &MetricIndicator,
    store: &SeriesStore,
    steady: &Range<Duration>,
) -> Finding {
    let (measure, limit) = (measure(indicator.over_run), limit(indicator));
    let finding = blank(objective, measure.to_owned(), limit.clone());
    let finding = Finding { scope: expression(indicator), ..finding };
    let looks = store.times_of(&indicator.value.metric, &indicator.value.labels);
    let scrapes: Vec<Duration> = looks.into_iter().filter(|at| steady.contains(at)).collect();
    match values(indicator, store, &scrapes) {
        Err(because) => Finding { because, ..finding },
        Ok(values) => {
            let (unit, value) = (indicator.unit, aggregate(indicator.over_run, &values));
            let is_wanted = |series: &Series| is_counted(indicator, series);
            let fell = Falls::of(store, &scrapes, is_wanted).worst(is_wanted);
            Finding {
                verdict: match (holds(indicator.bound, value), &fell) {
                    (true, Some(_)) => Verdict::Inconclusive,
                    (true, None) => Verdict::Pass,
                    (false, _) => Verdict::Fail,
                },
                within_limit: Some(holds(indicator.bound, value)),
                value: unit.show(value),
                value_number: Some(value),
                samples: values.len() as u64,
                because: format!(
                    "{measure} {} over {} of {} scrapes of the steady phase, limit {limit}{}",
                    unit.show(value),
                    values.len(),
                    scrapes.len(),
                    fell.map_or_else(String::new, |fell| format!("; {fell}: the rate is not known"))
                ),
                ..finding
            }
        }
    }
}

/// True for a counter whose rate is read.
fn is_counted(indicator: &MetricIndicator, series: &Series) -> bool {
    let divisor = match &indicator.divided_by {
        Some(Divisor::Metric(selector)) => Some(selector),
        Some(Divisor::Number(_)) | None => None,
    };
    std::iter::once(&indicator.value).chain(divisor).any(|selector| {
        selector.read == Reading::Rate
            && selector.metric == series.name
            && series.labels.matches(&selector.labels)
    })
}

/// The value at each scrape that has one; or, where that is too little, what is missing.
fn values(
    indicator: &MetricIndicator,
    store: &SeriesStore,
    scrapes: &[Duration],
) -> Result<Vec<f64>, String> {
    if scrapes.is_empty() {
        return Err("no data: no scrape in the steady phase".to_owned());
    }
    let value = Source::new(&indicator.value, store, scrapes)?;
    let divisor = match &indicator.divided_by {
        None => None,
        Some(Divisor::Number(number)) => Some(Source::Number(*number)),
        Some(Divisor::Metric(selector)) => Some(Source::new(selector, store, scrapes)?),
    };
    let mut values = Vec::new();
    let mut before = None;
    for &at in scrapes {
        if store.has_whole_scrapes() && !store.has_any_at(at) {
            // Nothing was read there, whatever samples with times of their own say of before.
            before = Some(at);
            continue;
        }
        let dividend = value.at(before, at);
        let quotient = match &divisor {
            None => dividend,
            Some(divisor) => dividend.zip(divisor.at(before, at)).map(|(value, by)| value / by),
        };
        values.extend(quotient.filter(|value| value.is_finite()));
        before = Some(at);
    }
    let needed = least_of(scrapes.len());
    if values.len() >= needed {
        Ok(values)
    } else {
        let (usable, all) = (values.len(), scrapes.len());
        let expression = expression(indicator);
        Err(format!("no data: {usable} of {all} scrapes give a value of `{expression}`, {needed} are needed"))
    }
}

/// What gives a number at each scrape.
enum Source<'a> {
    Number(f64),
    /// `whole`: the scrapes that succeeded.
    Series {
        series: Vec<&'a Series>,
        read: Reading,
        whole: BTreeSet<Duration>,
    },
}

/// The increase per second since the scrape before. Client libraries make a counter when it first counts: one that a whole
/// scrape did not have yet began at 0 since. (Prometheus sees no increase there, and misses the first errors.)
fn rate(series: &Series, whole: &BTreeSet<Duration>, before: Duration, at: Duration) -> Option<f64> {
    let seconds = at.saturating_sub(before).as_secs_f64();
    series.rate_between(before, at).or_else(|| {
        let knows = |at| whole.contains(&at);
        match (series.value_at(before), series.value_at(at)) {
            (None, Some(value)) if knows(before) && seconds > 0.0 => Some(value / seconds),
            (None, None) if knows(before) && knows(at) => Some(0.0),
            _ => None,
        }
    })
}

impl<'a> Source<'a> {
    fn new(selector: &'a Selector, store: &'a SeriesStore, scrapes: &[Duration]) -> Result<Self, String> {
        let is_there = |series: &&Series| scrapes.iter().any(|&at| series.value_at(at).is_some());
        let series: Vec<&Series> =
            store.select(&selector.metric, &selector.labels).filter(is_there).collect();
        if series.is_empty() {
            return Err(format!("no data: no series `{}` in the steady phase", name(selector)));
        }
        let succeeded = |at: &&Duration| store.has_whole_scrapes() && store.has_any_at(**at);
        let whole = scrapes.iter().filter(succeeded).copied().collect();
        Ok(Self::Series { series, read: selector.read, whole })
    }

    /// The sum of the series that have a value at this scrape; `None` when none has. A rate needs the scrape
    /// before, within the steady phase too.
    fn at(&self, before: Option<Duration>, at: Duration) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Series { series, read, whole } => series
                .iter()
                .filter_map(|series| match read {
                    Reading::Gauge => series.value_at(at),
                    Reading::Rate => before.and_then(|before| rate(series, whole, before, at)),
                })
                .reduce(|sum, value| sum + value),
        }
    }
}

pub(super) fn aggregate(aggregation: Aggregation, values: &[f64]) -> f64 {
    match aggregation {
        Aggregation::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregation::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Aggregation::Avg => values.iter().sum::<f64>() / values.len() as f64,
    }
}

/// False for NaN (the mean of both infinities): what cannot be compared does not hold.
fn holds(bound: Bound, value: f64) -> bool {
    match bound {
        Bound::AtMost(limit) => value <= limit,
        Bound::AtLeast(limit) => value >= limit,
    }
}

pub(super) fn measure(aggregation: Aggregation) -> &'static str {
    match aggregation {
        Aggregation::Min => "minimum",
        Aggregation::Max => "maximum",
        Aggregation::Avg => "mean",
    }
}

fn limit(indicator: &MetricIndicator) -> String {
    match indicator.bound {
        Bound::AtMost(limit) => format!("<= {}", indicator.unit.show_exact(limit)),
        Bound::AtLeast(limit) => format!(">= {}", indicator.unit.show_exact(limit)),
    }
}

fn expression(indicator: &MetricIndicator) -> String {
    let value = reading(&indicator.value);
    match &indicator.divided_by {
        None => value,
        Some(Divisor::Number(number)) => format!("{value} / {}", indicator.divisor_unit.show_exact(*number)),
        Some(Divisor::Metric(selector)) => format!("{value} / {}", reading(selector)),
    }
}

fn reading(selector: &Selector) -> String {
    match selector.read {
        Reading::Gauge => name(selector),
        Reading::Rate => format!("rate({})", name(selector)),
    }
}

fn name(selector: &Selector) -> String {
    let Selector { metric, labels, .. } = selector;
    if labels.is_empty() { metric.clone() } else { format!("{metric}{labels}") }
}
