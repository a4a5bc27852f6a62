//! The price sheet of an SLO file, read field by field.

use std::collections::BTreeMap;

use super::{ANY, BudgetPer, CostBudget, Prices, Reserved, TokenCount, TokenPrice};
use crate::input::{Field, Fields, Place, Problem, Problems, Value, quoted};
use crate::verify::names_file::{read_label, read_selector};

/// A budget that is four fifths spent is worth a word.
const WARN_AT: f64 = 0.8;
/// More than any price is.
const MOST: f64 = 1e9;

/// What the field `cost` says.
///
/// The tools and methods that it names are added to `named`, with their places: whoever knows what is called compares them.
pub(in crate::verify) fn read(
    field: Field<'_>,
    named: &mut Vec<(String, Place)>,
    problems: &mut Problems,
) -> Option<Prices> {
    let mut fields = Fields::of(field.node, "`cost`", problems)?;
    let before = problems.len();
    let currency = fields.required("currency", problems).and_then(|field| read_currency(field, problems));
    let vcpu_hour = fields.optional("vcpu_hour").and_then(|field| price(field, problems));
    let gb_hour = fields.optional("gb_hour").and_then(|field| price(field, problems));
    let reserved = fields.optional("reserved").and_then(|field| read_reserved(field, problems));
    let fees = fields.optional("fees").map(|field| by_name(field, "`fees`", named, problems, price));
    let tokens = fields.optional("tokens").and_then(|field| read_tokens(field, named, problems));
    let budget = fields.optional("budget").and_then(|field| read_budget(field, problems));
    let warn_at = fields.optional("warn_at").and_then(|field| read_warn_at(field, problems));
    let has_use = vcpu_hour.is_some() || gb_hour.is_some();
    let has_price = has_use || fees.is_some() || tokens.is_some();
    if let Some(place) = fields.place_of_any(&["reserved"]).filter(|_| !has_use && problems.len() == before) {
        let help = "add `vcpu_hour` and `gb_hour`, or remove it";
        problems.push(Problem::error(place, "`reserved` has no price").help(help));
    }
    fields.finish(problems);
    if !has_price && problems.len() == before {
        field.wrong("nothing has a price", "add one of `vcpu_hour`, `gb_hour`, `fees`, `tokens`", problems);
    }
    Some(Prices {
        currency: currency?,
        vcpu_hour,
        gb_hour,
        reserved,
        fees: fees.unwrap_or_default(),
        tokens,
        budget,
        warn_at: warn_at.unwrap_or(WARN_AT),
        origin: field.node.place.to_string(),
    })
}

fn read_currency(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    let is_good =
        (1..=8).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control() || c == ' ');
    if !is_good {
        field.wrong(format!("{} is no currency", quoted(text)), "write a short word such as `USD`", problems);
    }
    is_good.then(|| text.to_owned())
}

/// A number from zero on.
fn price(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let number = match &field.node.value {
        Value::Number(number, _) => number.as_f64(),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    };
    let good = number.filter(|number| (0.0..=MOST).contains(number));
    if good.is_none() {
        field.wrong("this is no price", "write a number from zero on, such as `0.04`", problems);
    }
    good
}

fn some(field: Field<'_>, what: &str, problems: &mut Problems) -> Option<f64> {
    let number = price(field, problems)?;
    if number == 0.0 {
        field.wrong(format!("{what} of zero"), "write a number above zero, or remove it", problems);
        return None;
    }
    Some(number)
}

fn whole(field: Field<'_>, problems: &mut Problems) -> Option<u64> {
    field.whole(&(0..=1_000_000_000), problems)
}

fn read_reserved(field: Field<'_>, problems: &mut Problems) -> Option<Reserved> {
    let mut fields = Fields::of(field.node, "`reserved`", problems)?;
    let vcpus = fields.required("vcpus", problems).and_then(|field| price(field, problems));
    let memory_gb = fields.required("memory_gb", problems).and_then(|field| price(field, problems));
    fields.finish(problems);
    Some(Reserved { vcpus: vcpus?, memory_gb: memory_gb? })
}

/// Values by tool or method.
fn by_name<T>(
    field: Field<'_>,
    what: &str,
    named: &mut Vec<(String, Place)>,
    problems: &mut Problems,
    read: impl Fn(Field<'_>, &mut Problems) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut values = BTreeMap::new();
    let Some(fields) = Fields::of(field.node, what, problems) else { return values };
    for entry in fields.entries() {
        let item = Field { name: &entry.key.text, node: &entry.value };
        if entry.key.text != ANY {
            named.push((entry.key.text.clone(), entry.key.place.clone()));
        }
        if let Some(value) = read(item, problems) {
            values.insert(entry.key.text.clone(), value);
        }
    }
    if fields.entries().is_empty() {
        let help = format!("write `tool: number` lines; `\"{ANY}\"` stands for all others");
        field.wrong("nothing is named", help, problems);
    }
    values
}

fn read_tokens(
    field: Field<'_>,
    named: &mut Vec<(String, Place)>,
    problems: &mut Problems,
) -> Option<TokenPrice> {
    let mut fields = Fields::of(field.node, "`tokens`", problems)?;
    let per_million = fields.required("per_million", problems).and_then(|field| price(field, problems));
    let tool_place = fields.value_place("tool").cloned();
    let tool = fields.optional("tool").and_then(|field| read_label(field, problems));
    let counted = match fields.exactly_one(&["counter", "per_call"], problems) {
        Some(("counter", field, _)) => {
            read_selector(field, problems).map(|counter| TokenCount::Counter { counter, tool })
        }
        Some((_, field, _)) => {
            if let Some(place) = tool_place {
                let help = "remove it: `per_call` names tools itself";
                problems.push(Problem::error(&place, "`tool` is a label of a `counter`").help(help));
            }
            Some(TokenCount::PerCall(by_name(field, "`per_call`", named, problems, whole)))
        }
        None => None,
    };
    fields.finish(problems);
    Some(TokenPrice { per_million: per_million?, counted: counted? })
}

fn read_budget(field: Field<'_>, problems: &mut Problems) -> Option<CostBudget> {
    let mut fields = Fields::of(field.node, "`budget`", problems)?;
    let found = fields.exactly_one(&BudgetPer::ALL.map(BudgetPer::key), problems);
    fields.finish(problems);
    let (name, field, _) = found?;
    let per = BudgetPer::ALL.into_iter().find(|per| per.key() == name)?;
    Some(CostBudget { limit: some(field, "a budget", problems)?, per })
}

fn read_warn_at(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let share = field.share(problems)?;
    if share > 1.0 || share == 0.0 {
        field.wrong("a warning comes before the budget is spent", "write a share up to `100%`", problems);
        return None;
    }
    Some(share)
}
