//! Events that the target counts itself, held against the share of them that must be good.
//!
//! They are counted between the first and the last scrape of the steady phase, in whole numbers, so that chance and bursts are
//! reckoned with as for gander's own calls.

use std::time::Duration;

use super::counting::of_counts;
use super::{Counted, EventsIndicator, SteadyScrapes, slices};
use crate::model::{format_count, format_duration, format_ratio};
use crate::promql::{Budget, Query, Storage, Value};
use crate::slo::draft::Draft;
use crate::slo::judge::blank;
use crate::slo::tick::{Tick, evidence};
use crate::slo::{Finding, Objective, exact_percent, without_binary_noise};

/// More good events than events are put down to those that began before, up to this share.
const MOST_BEGUN_BEFORE: f64 = 0.01;
/// What a count may be off a whole number by the arithmetic of floats, relatively.
const NOISE: f64 = 1e-9;

pub(in crate::slo) fn judge(
    objective: &Objective,
    indicator: &EventsIndicator,
    scrapes: &SteadyScrapes<'_>,
) -> Draft {
    let budget = without_binary_noise(1.0 - indicator.objective);
    let limit = format!("<= {}", exact_percent(budget));
    let of = match indicator.slices {
        None => "bad events".to_owned(),
        Some(slices) => slices.indicator("events"),
    };
    let finding = Finding { scope: scope(indicator), ..blank(objective, of, limit) };
    let (ticks, note) = match Events::of(indicator, scrapes).and_then(Events::ticks) {
        Ok(counted) => counted,
        Err(because) => return Draft::found(Finding { because, ..finding }),
    };
    if let Some(by) = indicator.slices {
        return slices::judge(finding, &ticks, by, indicator.objective, "events", scrapes);
    }
    let evidence = evidence(&ticks, budget, "events").over(scrapes.length());
    let share = evidence.share();
    let finding = Finding { value: format_ratio(share), value_number: Some(share), ..finding };
    Draft::tested(finding, evidence, "bad by the target's own count", note).counted_by(&ticks)
}

fn scope(indicator: &EventsIndicator) -> String {
    let which = match indicator.counted {
        Counted::Good(_) => "good",
        Counted::Bad(_) => "bad",
    };
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{which} {} of {}", one_line(indicator.counted.query()), one_line(&indicator.total))
}

/// The two counts of an objective, and where they are taken.
struct Events<'a> {
    scrapes: &'a SteadyScrapes<'a>,
    /// Those that succeeded.
    whole: Vec<Duration>,
    total: Query,
    part: Query,
    counts_good: bool,
    storage: Storage,
    note: String,
}

impl<'a> Events<'a> {
    fn of(indicator: &EventsIndicator, scrapes: &'a SteadyScrapes<'_>) -> Result<Self, String> {
        let whole = scrapes.whole();
        if let Some(because) = scrapes.too_few() {
            return Err(because);
        }
        let read = |text: &str| scrapes.query(text).map_err(|error| format!("its query is none: {error}"));
        let (total, part) = (read(&indicator.total)?, read(indicator.counted.query())?);
        let counts_good = matches!(indicator.counted, Counted::Good(_));
        if let Some(gauge) = scrapes.gauge(&total).or_else(|| scrapes.gauge(&part)) {
            return Err(format!("`{gauge}` is a gauge, which counts no events"));
        }
        let missing = |selectors: &[String]| format!("no data: the target has no {}", selectors.join(", "));
        let none_of_all = scrapes.never_had(&total);
        if !none_of_all.is_empty() && !says_otherwise(&total) {
            return Err(missing(&none_of_all));
        }
        // A client library may make the counter of errors when the first one comes; so may a slip of the pen have none.
        let never = scrapes.never_had(&part);
        if !never.is_empty() && !says_otherwise(&part) {
            let way_out =
                "where such a counter is made by the first event, say so in the query: `... or vector(0)`";
            return Err(format!("{}; {way_out}", missing(&never)));
        }
        let unseen = match never.as_slice() {
            [] => String::new(),
            some => format!("; no {} was ever there, which is counted as the query says", some.join(", ")),
        };
        let (Some(total), Some(part)) = (of_counts(&total), of_counts(&part)) else {
            return Err("its queries count no events".to_owned());
        };
        if let Some(fell) = scrapes.fell(&[&total, &part], &whole) {
            return Err(format!("{fell}: how many events there were is not known"));
        }
        let storage = scrapes.counted(&[&total, &part], &whole);
        let span = whole.last().copied().unwrap_or_default().saturating_sub(whole[0]);
        let note = format!("; counted over the {} between scrapes{unseen}", format_duration(span));
        Ok(Self { scrapes, whole, total, part, counts_good, storage, note })
    }

    /// What was counted from each scrape to the next, and what is to be told of it.
    fn ticks(self) -> Result<(Vec<Tick>, String), String> {
        let total = self.counts(&self.total)?;
        let part = self.counts(&self.part)?;
        let mut ticks = Vec::new();
        // An event may be in one count a scrape earlier than in the other.
        let mut carried = 0_i64;
        for ((all, some), at) in total.iter().zip(&part).zip(&self.whole[1..]) {
            let found = carried + if self.counts_good { all - some } else { *some };
            let bad = found.clamp(0, *all);
            carried = found - bad;
            ticks.push(Tick { at: *at, calls: all.unsigned_abs(), bad: bad.unsigned_abs() });
        }
        let all: i64 = total.iter().sum();
        if all == 0 {
            return Err("no data: no events in the steady phase".to_owned());
        }
        if carried.unsigned_abs() as f64 > MOST_BEGUN_BEFORE * all as f64 {
            let which = if self.counts_good { "good" } else { "bad" };
            let some = format_count(part.iter().sum::<i64>().unsigned_abs());
            let all = format_count(all.unsigned_abs());
            return Err(format!("{some} {which} events of {all}: the queries do not count the same events"));
        }
        Ok((ticks, self.note))
    }

    /// How many events `query` counts from each scrape to the next.
    fn counts(&self, query: &Query) -> Result<Vec<i64>, String> {
        let engine = self.scrapes.engine();
        let mut budget = Budget::new(engine.limits.max_samples_together);
        let mut so_far = Vec::new();
        for &at in &self.whole {
            let answer = engine
                .instant_within(query, &self.storage, self.scrapes.recorded.ms(at), &mut budget)
                .map_err(|error| format!("`{}` fails: {error}", query.text()))?;
            so_far.push(match answer.value {
                Value::Scalar(value) => value,
                Value::Vector(samples) => samples.iter().map(|sample| sample.value).sum(),
                Value::Text(_) | Value::Matrix(_) => f64::NAN,
            });
        }
        let between = so_far.windows(2).map(|pair| whole_number(pair[1] - pair[0], pair[1]));
        let counts: Option<Vec<i64>> = between.collect();
        counts.ok_or_else(|| format!("`{}` gives what is no count of events", query.text()))
    }
}

/// True where a query says itself what holds for series that are not there.
fn says_otherwise(query: &Query) -> bool {
    query.functions().contains(&"vector")
}

/// `None` below zero, and for fractions that are more than the noise of a sum as large as `of`.
fn whole_number(count: f64, of: f64) -> Option<i64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let nearest = count.round();
    let is_whole = (count - nearest).abs() <= NOISE * of.abs().max(1.0) && (0.0..MOST).contains(&nearest);
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
    is_whole.then_some(nearest as i64)
}
