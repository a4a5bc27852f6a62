//! What a run cost, in words and cells: the same in every format.

use crate::model::format_count;
use crate::verify::{Cost, CostPart, CostRow, money};

/// What is said before the tables.
pub(super) const TERMS: &str = "An estimate: prices of the SLO file, times what was used and called; what is used is shared out by the time that calls took";

/// Over the columns of [`row`].
pub(super) const HEADS: [&str; 4] = ["calls of", "calls", "cost", "per 1,000 calls"];

/// Over the columns of [`part`].
pub(super) const PART_HEADS: [&str; 3] = ["part", "cost", "reckoned from"];

/// What the run cost in one sentence.
pub(super) fn headline(cost: &Cost) -> String {
    let amount = |amount: Option<f64>| amount.map(|amount| money(amount, &cost.currency));
    match (amount(cost.per_thousand_calls), amount(cost.per_hour), amount(cost.total)) {
        (Some(per_thousand), Some(per_hour), Some(total)) => {
            let calls = format_count(cost.calls);
            format!(
                "{per_thousand} per 1,000 calls, {per_hour} an hour at this load ({total} for {calls} calls)"
            )
        }
        (_, _, Some(total)) => format!("{total}; no call was sent"),
        _ => {
            let unknown = cost.parts.iter().find(|part| part.amount.is_none());
            unknown.map_or_else(String::new, |part| format!("not known: {}: {}", part.name, part.basis))
        }
    }
}

/// The cells of one tool's or method's row.
pub(super) fn row(cost: &Cost, row: &CostRow) -> [String; 4] {
    [
        row.name.clone(),
        format_count(row.calls),
        amount(cost, row.amount),
        amount(cost, row.per_thousand_calls),
    ]
}

/// The cells of one part's row.
pub(super) fn part(cost: &Cost, part: &CostPart) -> [String; 3] {
    [part.name.clone(), amount(cost, part.amount), part.basis.clone()]
}

fn amount(cost: &Cost, amount: Option<f64>) -> String {
    amount.map_or_else(|| "not known".to_owned(), |amount| money(amount, &cost.currency))
}
