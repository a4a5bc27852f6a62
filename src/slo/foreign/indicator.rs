//! What OpenSLO calls an SLI, and the objective that it makes with a target.

use std::collections::BTreeMap;

use super::fields::{number, percent, ratio, slice};
use crate::input::{Field, Fields, Problem, Problems, quoted};
use crate::model::Labels;
use crate::promql::Query;
use crate::rules::place_in;
use crate::slo::queried::{counts, read_query};
use crate::slo::{
    Aggregation, Comparison, Counted, EventsIndicator, Holding, Indicator, QueryIndicator, QueryLimit,
    Slices, Unit, without_binary_noise,
};

/// The types of the data sources of a file, by name.
pub(super) type DataSources = BTreeMap<String, String>;

/// An SLI that can be asked of Prometheus.
#[derive(Debug, Clone)]
pub(super) enum Sli {
    /// Counts that counters keep.
    Events { counted: Counted, total: String },
    /// Numbers that go up and down: the ratio of their sums over time.
    Gauges { counted: Counted, total: String },
    /// A ratio that is worked out already.
    Raw { query: String, of_good: bool },
    /// A value with a limit.
    Threshold { query: String },
}

/// How a budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budgeting {
    Occurrences,
    Timeslices,
    RatioTimeslices,
}

const OPERATORS: [(&str, Comparison); 4] = [
    ("lte", Comparison::AtMost),
    ("lt", Comparison::Below),
    ("gte", Comparison::AtLeast),
    ("gt", Comparison::Above),
];

/// The `spec` of an SLI.
pub(super) fn read_sli(field: Field<'_>, sources: &DataSources, problems: &mut Problems) -> Option<Sli> {
    let mut fields = Fields::of(field.node, "`spec`", problems)?;
    fields.optional("description");
    let metric = fields.exactly_one(&["ratioMetric", "thresholdMetric"], problems);
    fields.finish(problems);
    match metric? {
        ("thresholdMetric", field, _) => {
            read_metric(field, sources, problems).map(|(query, _)| Sli::Threshold { query })
        }
        (_, field, _) => read_ratio(field, sources, problems),
    }
}

fn read_ratio(field: Field<'_>, sources: &DataSources, problems: &mut Problems) -> Option<Sli> {
    let mut fields = Fields::of(field.node, "`ratioMetric`", problems)?;
    let counter = fields.optional("counter").and_then(|field| field.flag(problems));
    if fields.has("raw") {
        let raw = fields.required("raw", problems);
        let types = [("success", true), ("failure", false)];
        let of_good = fields.required("rawType", problems).and_then(|field| field.word(&types, problems));
        fields.finish(problems);
        let (query, _) = read_metric(raw?, sources, problems)?;
        return Some(Sli::Raw { query, of_good: of_good? });
    }
    let part = fields.exactly_one(&["good", "bad"], problems);
    let total_field = fields.required("total", problems);
    fields.finish(problems);
    let total = total_field.and_then(|field| read_metric(field, sources, problems));
    let (kind, part_field, _) = part?;
    let part = read_metric(part_field, sources, problems);
    let ((part, part_query), (total, total_query)) = (part?, total?);
    let refused = [(part_field, &part, &part_query), (total_field?, &total, &total_query)]
        .into_iter()
        .filter_map(|(field, text, query)| Some((field, text, counts(query).err()?)));
    let refused: Vec<_> = refused.collect();
    if counter == Some(true) {
        for (field, text, why) in &refused {
            let (place, message) =
                place_in(*field, text, &why.span, &format!("counts no events: {}", why.why));
            let help = "write a counter, or sums and differences of counters; or say `counter: false`";
            problems.push(Problem::error(&place, message).help(help));
        }
    }
    let is_gauge = counter == Some(false) && [&part_query, &total_query].into_iter().any(reads_values);
    let is_count = refused.is_empty() && !is_gauge;
    let counted = if kind == "good" { Counted::Good(part) } else { Counted::Bad(part) };
    match is_count {
        true => Some(Sli::Events { counted, total }),
        false if counter == Some(true) => None,
        false => Some(Sli::Gauges { counted, total }),
    }
}

/// True where a query reads values as they are, without `rate` or `increase`.
fn reads_values(query: &Query) -> bool {
    query.selectors().iter().any(|selection| selection.range.is_none())
}

/// The query of a metric, and the query read.
fn read_metric(field: Field<'_>, sources: &DataSources, problems: &mut Problems) -> Option<(String, Query)> {
    let name = quoted(field.name);
    let mut fields = Fields::of(field.node, &name, problems)?;
    let source = fields.required("metricSource", problems);
    fields.finish(problems);
    let mut fields = Fields::of(source?.node, "`metricSource`", problems)?;
    let reference = fields.optional("metricSourceRef").and_then(|field| field.text(problems));
    let kind = fields.optional("type");
    let spec = fields.required("spec", problems);
    fields.finish(problems);
    let known = reference.and_then(|name| sources.get(name)).map(String::as_str);
    let kind_text = kind.map_or(known, |field| field.text(problems));
    if let Some(other) = kind_text.filter(|kind| !kind.eq_ignore_ascii_case("prometheus")) {
        let place = kind.map_or_else(|| fields_place(source, reference), |field| Some(&field.node.place))?;
        let message = format!("metrics of {} can't be asked for", quoted(other));
        problems.push(
            Problem::error(place, message)
                .help("gander asks what it scrapes by PromQL: write `type: Prometheus` and a PromQL query"),
        );
        return None;
    }
    let mut fields = Fields::of(spec?.node, "`spec` of a metric", problems)?;
    let query = fields.exactly_one(&["query", "promql"], problems);
    fields.finish(problems);
    read_query(query?.1, problems)
}

/// Where the reference to a source is.
fn fields_place<'n>(source: Option<Field<'n>>, reference: Option<&str>) -> Option<&'n crate::input::Place> {
    reference.and(source).map(|source| &source.node.place)
}

/// One objective on `sli`: its name, where it has one, and what must hold.
pub(super) fn read_objective(
    item: Field<'_>,
    sli: Option<&Sli>,
    budgeting: Option<Budgeting>,
    problems: &mut Problems,
) -> Option<(Option<String>, Indicator)> {
    let mut fields = Fields::of(item.node, "an objective", problems)?;
    let name = fields.optional("displayName").and_then(|field| field.name(problems)).map(str::to_owned);
    let op = fields.optional("op").map(|field| field.word(&OPERATORS, problems));
    let value = fields.optional("value").map(|field| number(field, problems));
    let target = fields.exactly_one(&["target", "targetPercent"], problems);
    let target = target.and_then(|(kind, field, _)| match kind {
        "target" => ratio(field, problems),
        _ => percent(field, problems),
    });
    let slice_target = fields.optional("timeSliceTarget").map(|field| ratio(field, problems));
    let window = fields.optional("timeSliceWindow").map(|field| slice(field, problems));
    for name in ["indicator", "indicatorRef", "compositeWeight"] {
        if let Some(field) = fields.optional(name) {
            let help = "make an SLO of each part, with `indicator` or `indicatorRef` in its `spec`";
            field.wrong("an SLO that is made of several can't be mapped", help, problems);
        }
    }
    let missing = |name: &str, why: &str, problems: &mut Problems| {
        let message = format!("an objective has no {}, which {why} needs", quoted(name));
        problems.push(Problem::error(&item.node.place, message).help(format!("add the line `{name}: ...`")));
    };
    let slices = match budgeting {
        Some(Budgeting::Occurrences) | None => Some(None),
        Some(method @ (Budgeting::Timeslices | Budgeting::RatioTimeslices)) => {
            if window.is_none() {
                missing("timeSliceWindow", "a budget of time slices", problems);
            }
            let target = if method == Budgeting::RatioTimeslices {
                Some(None)
            } else {
                if slice_target.is_none() {
                    missing("timeSliceTarget", "a budget of time slices", problems);
                }
                slice_target.flatten().map(Some)
            };
            window.flatten().zip(target).map(|(length, target)| Some(Slices { length, target }))
        }
    };
    if let Some(Sli::Threshold { .. }) = sli {
        for (name, is_missing) in [("op", op.is_none()), ("value", value.is_none())] {
            if is_missing {
                missing(name, "a `thresholdMetric`", problems);
            }
        }
    }
    fields.finish(problems);
    let limit = op.flatten().zip(value.flatten());
    let indicator =
        mapped(sli?, target?, slices?, limit).or_else(|| {
            if slices.is_some_and(|slices| slices.is_some()) {
                let message = "time slices of what is no count of events can't be mapped";
                problems.push(Problem::error(&item.node.place, message).help(
                    "give `good` or `bad` and `total` as counters, or use `budgetingMethod: Occurrences`",
                ));
            }
            None
        });
    Some((name, indicator?))
}

/// `None` where there is no such thing.
fn mapped(
    sli: &Sli,
    target: f64,
    slices: Option<Slices>,
    limit: Option<(Comparison, f64)>,
) -> Option<Indicator> {
    let of_query = |query: String, holding, is, value, unit| {
        let limit = QueryLimit { is, value, unit };
        Some(Indicator::Promql(QueryIndicator { query, holding, limit, labels: Labels::new() }))
    };
    let budget = without_binary_noise(1.0 - target);
    match sli {
        Sli::Events { counted, total } => Some(Indicator::Events(EventsIndicator {
            counted: counted.clone(),
            total: total.clone(),
            objective: target,
            slices,
            labels: Labels::new(),
        })),
        Sli::Threshold { query } => {
            let (is, value) = limit?;
            let holding = Holding::Share { share: target, slices };
            of_query(query.clone(), holding, is, value, Unit::Number)
        }
        Sli::Gauges { .. } | Sli::Raw { .. } if slices.is_some() => None,
        Sli::Gauges { counted, total } => {
            let summed = |query: &str| format!("sum(sum_over_time(({query})[{{{{.window}}}}:]))");
            let query = format!("{} / {}", summed(counted.query()), summed(total));
            let (is, value) = match counted {
                Counted::Good(_) => (Comparison::AtLeast, target),
                Counted::Bad(_) => (Comparison::AtMost, budget),
            };
            of_query(query, Holding::AtEnd, is, value, Unit::Percent)
        }
        Sli::Raw { query, of_good } => {
            // Asked of the whole window it is one number, asked of each moment it is many.
            let is_of_window = query.contains("{{");
            let holding = if is_of_window { Holding::AtEnd } else { Holding::OverRun(Aggregation::Avg) };
            let (is, value) =
                if *of_good { (Comparison::AtLeast, target) } else { (Comparison::AtMost, budget) };
            of_query(query.clone(), holding, is, value, Unit::Percent)
        }
    }
}
