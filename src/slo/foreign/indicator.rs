//! What OpenSLO calls an SLI, and the objective that it makes with a target.

use std::collections::BTreeMap;

use super::fields::{number, percent, ratio, slice};
use crate::input::{Field, Fields, Problem, Problems, quoted};
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
            read_metric(field, sources, problems).map(|asked| Sli::Threshold { query: asked.text })
        }
        (_, field, _) => read_ratio(field, sources, problems),
    }
}

fn read_ratio(field: Field<'_>, sources: &DataSources, problems: &mut Problems) -> Option<Sli> {
    let mut fields = Fields::of(field.node, "`ratioMetric`", problems)?;
    let is_counter = fields.optional("counter").and_then(|field| field.flag(problems));
    if fields.has("raw") {
        let raw = fields.required("raw", problems);
        let types = [("success", true), ("failure", false)];
        let of_good = fields.required("rawType", problems).and_then(|field| field.word(&types, problems));
        fields.finish(problems);
        let Asked { text, .. } = read_metric(raw?, sources, problems)?;
        return Some(Sli::Raw { query: text, of_good: of_good? });
    }
    let part = fields.exactly_one(&["good", "bad"], problems);
    let total = fields.required("total", problems);
    fields.finish(problems);
    let total = total.and_then(|field| read_metric(field, sources, problems));
    let (kind, part, _) = part?;
    let part = read_metric(part, sources, problems);
    let both = [part?, total?];
    let is_count = both.iter().all(|asked| counts(&asked.query).is_ok());
    if is_counter == Some(true) && !is_count {
        for asked in &both {
            asked.must_count(problems);
        }
        return None;
    }
    let is_gauge = is_counter == Some(false) && both.iter().any(Asked::reads_values);
    let [part, total] = both.map(|asked| asked.text);
    let counted = if kind == "good" { Counted::Good(part) } else { Counted::Bad(part) };
    Some(if is_count && !is_gauge { Sli::Events { counted, total } } else { Sli::Gauges { counted, total } })
}

/// The query of a metric.
struct Asked<'n> {
    field: Field<'n>,
    text: String,
    query: Query,
}

impl Asked<'_> {
    /// True where it reads values as they are, without `rate` or `increase`.
    fn reads_values(&self) -> bool {
        self.query.selectors().iter().any(|selection| selection.range.is_none())
    }

    fn must_count(&self, problems: &mut Problems) {
        let Err(refused) = counts(&self.query) else { return };
        let message = format!("it counts no events: {}", refused.why);
        let (place, message) = place_in(self.field, &self.text, &refused.span, &message);
        let help = "write a counter, or sums and differences of counters; or say `counter: false`";
        problems.push(Problem::error(&place, message).help(help));
    }
}

fn read_metric<'n>(field: Field<'n>, sources: &DataSources, problems: &mut Problems) -> Option<Asked<'n>> {
    let mut fields = Fields::of(field.node, "a metric", problems)?;
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
    let (_, field, _) = query?;
    let (text, query) = read_query(field, problems)?;
    Some(Asked { field, text, query })
}

/// Where the reference to a source is.
fn fields_place<'n>(source: Option<Field<'n>>, reference: Option<&str>) -> Option<&'n crate::input::Place> {
    reference.and(source).map(|source| &source.node.place)
}

/// One objective on `sli`: its name, where it has one, and what must hold, where that can be read.
pub(super) fn read_objective(
    item: Field<'_>,
    sli: Option<&Sli>,
    budgeting: Option<Budgeting>,
    problems: &mut Problems,
) -> (Option<String>, Option<Indicator>) {
    let Some(mut fields) = Fields::of(item.node, "an objective", problems) else { return (None, None) };
    let name = fields.optional("displayName").and_then(|field| field.name(problems)).map(str::to_owned);
    let [op_field, value_field] = ["op", "value"].map(|name| fields.optional(name));
    let op = op_field.map(|field| field.word(&OPERATORS, problems));
    let value = value_field.map(|field| number(field, problems));
    let target = fields.exactly_one(&["target", "targetPercent"], problems);
    let target = target.and_then(|(kind, field, _)| match kind {
        "target" => ratio(field, problems),
        _ => percent(field, problems),
    });
    let slices = read_slices(&mut fields, item, budgeting, problems);
    for name in ["indicator", "indicatorRef", "compositeWeight"] {
        if let Some(field) = fields.optional(name) {
            let help = "make an SLO of each part, with `indicator` or `indicatorRef` in its `spec`";
            field.wrong("an SLO that is made of several can't be mapped", help, problems);
        }
    }
    if let Some(Sli::Threshold { .. }) = sli {
        for (name, is_missing) in [("op", op.is_none()), ("value", value.is_none())] {
            if is_missing {
                missing(item, name, "a `thresholdMetric`", problems);
            }
        }
    } else if sli.is_some() {
        for field in [op_field, value_field].into_iter().flatten() {
            problems.push(
                Problem::warning(&field.node.place, "it is not used: a `ratioMetric` has no threshold")
                    .help("remove it; what must be good is in `target`"),
            );
        }
    }
    fields.finish(problems);
    let limit = op.flatten().zip(value.flatten());
    let (Some(sli), Some(spent), Some(target)) = (sli, slices, target) else { return (name, None) };
    let slices = spent.slices();
    let indicator = mapped(sli, target, slices, limit);
    let is_mapped = indicator.is_some() || slices.is_none() || matches!(sli, Sli::Threshold { .. });
    if !is_mapped {
        let message = "time slices of what is no count of events can't be mapped";
        problems.push(
            Problem::error(&item.node.place, message)
                .help("give `good` or `bad` and `total` as counters, or use `budgetingMethod: Occurrences`"),
        );
    }
    (name, indicator)
}

fn missing(item: Field<'_>, name: &str, why: &str, problems: &mut Problems) {
    let message = format!("an objective has no {}, which {why} needs", quoted(name));
    problems.push(Problem::error(&item.node.place, message).help(format!("add the line `{name}: ...`")));
}

/// What a budget is spent by.
#[derive(Clone, Copy)]
enum Spent {
    ByEvents,
    BySlices(Slices),
}

impl Spent {
    fn slices(self) -> Option<Slices> {
        match self {
            Self::ByEvents => None,
            Self::BySlices(slices) => Some(slices),
        }
    }
}

/// What the budget of an objective is spent by.
fn read_slices(
    fields: &mut Fields<'_>,
    item: Field<'_>,
    budgeting: Option<Budgeting>,
    problems: &mut Problems,
) -> Option<Spent> {
    const WHY: &str = "a budget of time slices";
    let target = fields.optional("timeSliceTarget").map(|field| ratio(field, problems));
    let window = fields.optional("timeSliceWindow").map(|field| slice(field, problems));
    let Some(method @ (Budgeting::Timeslices | Budgeting::RatioTimeslices)) = budgeting else {
        return Some(Spent::ByEvents);
    };
    if window.is_none() {
        missing(item, "timeSliceWindow", WHY, problems);
    }
    let target = match (method, target) {
        (Budgeting::RatioTimeslices, _) => None,
        (_, Some(target)) => Some(target?),
        (_, None) => {
            missing(item, "timeSliceTarget", WHY, problems);
            return None;
        }
    };
    Some(Spent::BySlices(Slices { length: window??, target }))
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
        Some(Indicator::Promql(QueryIndicator { query, holding, limit }))
    };
    let budget = without_binary_noise(1.0 - target);
    match sli {
        Sli::Events { counted, total } => Some(Indicator::Events(EventsIndicator {
            counted: counted.clone(),
            total: total.clone(),
            objective: target,
            slices,
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
