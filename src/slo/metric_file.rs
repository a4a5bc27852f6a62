//! An objective on the target's own metrics, as written.

use super::unit::parse_bytes;
use super::{Aggregation, Bound, Divisor, MetricIndicator, Reading, Selector, Unit};
use crate::input::{Field, Fields, Problem, Problems, Value, parse_number, parse_share, quoted};
use crate::model::{Labels, parse_duration};

const READINGS: [(&str, Reading); 2] = [("gauge", Reading::Gauge), ("rate", Reading::Rate)];
pub(super) const AGGREGATIONS: [(&str, Aggregation); 3] =
    [("max", Aggregation::Max), ("min", Aggregation::Min), ("avg", Aggregation::Avg)];

pub(super) fn read_metric(field: Field<'_>, problems: &mut Problems) -> Option<MetricIndicator> {
    let mut fields = Fields::of(field.node, "`metric`", problems)?;
    let value = read_selector(&mut fields, problems);
    let divided_by = fields.optional("divided_by").map(|field| read_divisor(field, problems));
    let over_run = fields.optional("over_run").map(|field| field.word(&AGGREGATIONS, problems));
    let bound = fields.exactly_one(&["at_most", "at_least"], problems).and_then(|(kind, field, _)| {
        let (limit, unit) = read_quantity(field, problems)?;
        Some((if kind == "at_most" { Bound::AtMost(limit) } else { Bound::AtLeast(limit) }, unit))
    });
    fields.finish(problems);
    let (bound, unit) = bound?;
    // Without a word the worst moment counts.
    let worst = match bound {
        Bound::AtMost(_) => Aggregation::Max,
        Bound::AtLeast(_) => Aggregation::Min,
    };
    let (divided_by, divisor_unit) = match divided_by {
        Some(divisor) => divisor.map(|(divisor, unit)| (Some(divisor), unit))?,
        None => (None, Unit::Number),
    };
    let over_run = over_run.unwrap_or(Some(worst))?;
    Some(MetricIndicator { value: value?, divided_by, divisor_unit, over_run, bound, unit })
}

fn read_selector(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Selector> {
    let name = fields.required("name", problems).and_then(|field| read_metric_name(field, problems));
    let labels = fields.optional("labels").map(|field| read_labels(field, problems));
    let read = fields.optional("read").map(|field| field.word(&READINGS, problems));
    Some(Selector {
        metric: name?,
        labels: labels.unwrap_or_else(|| Some(Labels::new()))?,
        read: read.unwrap_or(Some(Reading::Gauge))?,
    })
}

fn read_metric_name(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    if is_name(text, |c| c == '_' || c == ':') {
        return Some(text.to_owned());
    }
    let help = "write the name alone, such as `mcp_active_connections`, and select series with `labels`";
    field.wrong(format!("{} is no name of a metric", quoted(text)), help, problems);
    None
}

fn read_labels(field: Field<'_>, problems: &mut Problems) -> Option<Labels> {
    let fields = Fields::of(field.node, "`labels`", problems)?;
    let mut labels = Labels::new();
    for entry in fields.entries() {
        if !is_name(&entry.key.text, |c| c == '_') {
            let message = format!("{} is no name of a label", quoted(&entry.key.text));
            problems.push(Problem::error(&entry.key.place, message).help("write letters, digits and `_`"));
        }
        if let Some(value) = (Field { name: &entry.key.text, node: &entry.value }).text(problems) {
            labels.insert(entry.key.text.as_str(), value);
        }
    }
    Some(labels)
}

fn is_name(text: &str, also: impl Fn(char) -> bool) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also(c))
}

/// A map is a selection of series, a word a metric's name, anything with a digit in front a number.
fn read_divisor(field: Field<'_>, problems: &mut Problems) -> Option<(Divisor, Unit)> {
    match &field.node.value {
        Value::Map(_) => {
            let mut fields = Fields::of(field.node, "`divided_by`", problems)?;
            let selector = read_selector(&mut fields, problems);
            fields.finish(problems);
            selector.map(|selector| (Divisor::Metric(selector), Unit::Number))
        }
        Value::Text(text) if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            let metric = read_metric_name(field, problems)?;
            let selector = Selector { metric, labels: Labels::new(), read: Reading::Gauge };
            Some((Divisor::Metric(selector), Unit::Number))
        }
        Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => {
            let (number, unit) = read_quantity(field, problems)?;
            if number > 0.0 {
                return Some((Divisor::Number(number), unit));
            }
            field.wrong("expected a number above zero", "write what the metric is a share of", problems);
            None
        }
    }
}

/// A number, a percentage (as a share of 1), a number of bytes, or a time (in seconds).
pub(super) fn read_quantity(field: Field<'_>, problems: &mut Problems) -> Option<(f64, Unit)> {
    let found = match &field.node.value {
        Value::Number(number, _) => number.as_f64().map(|number| (number, Unit::Number)),
        Value::Text(text) => read_with_unit(text),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    };
    if found.is_none() {
        let message = format!("expected a number or a percentage, found {}", field.node.found());
        field.wrong(message, "write it like `90%`, `0.1`, `512MiB` or `250ms`", problems);
    }
    found
}

fn read_with_unit(text: &str) -> Option<(f64, Unit)> {
    let number = |text: &str| parse_number(text.trim_end())?.as_f64();
    parse_share(text)
        .map(|share| (share, Unit::Percent))
        .or_else(|| parse_bytes(text, number))
        .or_else(|| parse_duration(text).map(|time| (time.as_secs_f64(), Unit::Seconds)))
}
