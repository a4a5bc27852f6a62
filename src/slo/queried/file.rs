//! Objectives that ask by PromQL, as written in gander's own form.

use std::time::Duration;

use super::{
    Comparison, Counted, EventsIndicator, Holding, QueryIndicator, QueryLimit, Slices, counts, template,
};
use crate::input::{Field, Fields, Problem, Problems, quoted};
use crate::promql::{Query, ValueType};
use crate::rules::place_in;
use crate::slo::Aggregation;
use crate::slo::file::read_good_share;
use crate::slo::metric_file::{AGGREGATIONS, read_quantity};

const LIMITS: [&str; 4] = ["at_most", "at_least", "below", "above"];

pub(in crate::slo) fn read_promql(field: Field<'_>, problems: &mut Problems) -> Option<QueryIndicator> {
    let mut fields = Fields::of(field.node, "`promql`", problems)?;
    let query = fields.required("query", problems).and_then(|field| read_values(field, problems));
    let limit = fields.exactly_one(&LIMITS, problems).and_then(|(kind, field, _)| {
        let (value, unit) = read_quantity(field, problems)?;
        let is = Comparison::ALL.into_iter().find(|(key, _)| *key == kind)?.1;
        Some(QueryLimit { is, value, unit })
    });
    let holding = read_holding(&mut fields, limit.map(|limit| limit.is), problems);
    fields.finish(problems);
    Some(QueryIndicator { query: query?, holding: holding?, limit: limit? })
}

/// At each scrape unless something else is said, and then the worst of them.
fn read_holding(fields: &mut Fields<'_>, is: Option<Comparison>, problems: &mut Problems) -> Option<Holding> {
    let over_run = fields.optional("over_run");
    let at = fields.optional("at");
    let share = fields.optional("share");
    let slices = fields.optional("slices").map(|field| read_slices(field, problems));
    let chosen: Vec<Field<'_>> = [over_run, at, share].into_iter().flatten().collect();
    if let [first, second, ..] = chosen.as_slice() {
        let message = format!("not together with {}", quoted(first.name));
        second.wrong(message, "keep one of `over_run`, `at` or `share`", problems);
    }
    if let (Some(_), None) = (&slices, share) {
        let message = "`promql` has `slices`, but no `share` of them that must hold";
        problems.push(Problem::error(fields.place(), message).help("add `share: 99%`, or remove `slices`"));
    }
    if let Some(at) = at {
        return at.word(&[("end", Holding::AtEnd)], problems);
    }
    if let Some(share) = share {
        let share = read_good_share(share, problems)?;
        return Some(Holding::Share { share, slices: slices.map_or(Some(None), |read| read.map(Some))? });
    }
    let worst = is.map_or(Aggregation::Max, Comparison::worst);
    over_run.map_or(Some(worst), |field| field.word(&AGGREGATIONS, problems)).map(Holding::OverRun)
}

pub(in crate::slo) fn read_events(field: Field<'_>, problems: &mut Problems) -> Option<EventsIndicator> {
    let mut fields = Fields::of(field.node, "`events`", problems)?;
    let counted = fields.exactly_one(&["good", "bad"], problems).and_then(|(kind, field, _)| {
        let query = read_counts(field, problems)?;
        Some(if kind == "good" { Counted::Good(query) } else { Counted::Bad(query) })
    });
    let total = fields.required("total", problems).and_then(|field| read_counts(field, problems));
    let objective = fields.required("objective", problems).and_then(|field| share_of(field, problems));
    let slices = fields.optional("slices").map(|field| read_slices(field, problems));
    fields.finish(problems);
    Some(EventsIndicator {
        counted: counted?,
        total: total?,
        objective: objective?,
        slices: slices.map_or(Some(None), |read| read.map(Some))?,
    })
}

/// A share that must be good: all of them may have to.
fn share_of(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let share = field.share(problems)?;
    if share > 0.0 && share <= 1.0 {
        return Some(share);
    }
    field.wrong("the share is out of range", "write a share above 0% and up to 100%", problems);
    None
}

fn read_slices(field: Field<'_>, problems: &mut Problems) -> Option<Slices> {
    let mut fields = Fields::of(field.node, "`slices`", problems)?;
    let length = fields.required("length", problems).and_then(|field| read_length(field, problems));
    let target = fields.optional("target").map(|field| share_of(field, problems));
    fields.finish(problems);
    Some(Slices { length: length?, target: target.map_or(Some(None), |read| read.map(Some))? })
}

fn read_length(field: Field<'_>, problems: &mut Problems) -> Option<Duration> {
    let length = field.some_duration(problems)?;
    if length < Duration::from_secs(1) {
        field.wrong("shorter than a second", "write a duration such as `10s` or `1m`", problems);
        return None;
    }
    Some(length)
}

/// A query of values: a number, or one for each series.
fn read_values(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let (text, query) = read_query(field, problems)?;
    match query.expr().value_type() {
        ValueType::Scalar | ValueType::Vector => Some(text),
        found @ (ValueType::Text | ValueType::Matrix) => {
            let message = format!("the query gives {}, which has no value to compare", found.name());
            let help = "use a function over the range, such as `rate` or `max_over_time`";
            field.wrong(message, help, problems);
            None
        }
    }
}

/// A query that counts events.
fn read_counts(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let (text, query) = read_query(field, problems)?;
    let Err(refused) = counts(&query) else { return Some(text) };
    let message = format!("{} counts no events: {}", quoted(field.name), refused.why);
    let (place, message) = place_in(field, &text, &refused.span, &message);
    problems.push(Problem::error(&place, message).help(
        "write a counter, or sums and differences of counters, as in `sum(rate(requests_total[5m]))`; anything else goes \
         into a `promql` objective",
    ));
    None
}

/// The text of a query, and the query with some duration for `{{.window}}`. A mistake in it is shown inside it.
pub(in crate::slo) fn read_query(field: Field<'_>, problems: &mut Problems) -> Option<(String, Query)> {
    let text = field.text(problems)?;
    if let Some(span) = template::unknown(text) {
        let message = format!("{}: nothing is known to fill in here", quoted(field.name));
        let (place, message) = place_in(field, text, &span, &message);
        problems.push(Problem::error(&place, message).help(
            "`{{.window}}` stands for the length of the steady phase, and nothing else can be filled in",
        ));
        return None;
    }
    match Query::parse(&template::stand_in(text)) {
        Ok(query) => Some((text.to_owned(), query)),
        Err(error) => {
            let (place, message) = place_in(field, text, &error.span, &error.message);
            let problem = Problem::error(&place, format!("{}: {message}", quoted(field.name)));
            problems.push(match error.help {
                Some(help) => problem.help(help),
                None => problem,
            });
            None
        }
    }
}
