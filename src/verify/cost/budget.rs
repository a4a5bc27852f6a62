//! What a run cost against what it may.

use super::{BudgetPer, Cost, CostBudget, Prices, money};
use crate::model::{Verdict, format_ratio};
use crate::verify::{Checked, Evidence};

impl BudgetPer {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::ThousandCalls, Self::Hour, Self::Run];

    /// What amounts are for.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ThousandCalls => "per 1,000 calls",
            Self::Hour => "an hour",
            Self::Run => "for the run",
        }
    }

    /// As SLO files call it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ThousandCalls => "per_1000_calls",
            Self::Hour => "per_hour",
            Self::Run => "run",
        }
    }

    fn of(self, cost: &Cost) -> Option<f64> {
        match self {
            Self::ThousandCalls => cost.per_thousand_calls,
            Self::Hour => cost.per_hour,
            Self::Run => cost.total,
        }
    }
}

/// Whether `cost` is within the budget of `prices`; `None` where there is none.
pub(crate) fn checked(prices: &Prices, cost: &Cost) -> Option<Checked> {
    let CostBudget { limit, per } = prices.budget?;
    let spent = per.of(cost);
    let amount = |amount: f64| format!("{} {}", money(amount, &cost.currency), per.words());
    let share = spent.map(|spent| spent / limit);
    let verdict = match share {
        Some(share) if share > 1.0 => Verdict::Fail,
        Some(_) => Verdict::Pass,
        None => Verdict::Inconclusive,
    };
    let unknown = cost.parts.iter().find(|part| part.amount.is_none());
    let because = match (spent, share) {
        (Some(spent), Some(share)) => {
            let warning = if share <= 1.0 && share >= prices.warn_at {
                format!(": WARNING, over {} of it", format_ratio(prices.warn_at))
            } else {
                String::new()
            };
            let (spent, limit) = (amount(spent), money(limit, &cost.currency));
            format!("an estimated {spent} is {} of the budget of {limit}{warning}", format_ratio(share))
        }
        _ => match unknown {
            Some(part) => format!("{}: {}", part.name, part.basis),
            None => "no call was sent".to_owned(),
        },
    };
    Some(Checked {
        name: "cost: budget".to_owned(),
        scope: "all calls of the load".to_owned(),
        verdict,
        value: spent.map_or_else(|| "not known".to_owned(), amount),
        limit: amount(limit),
        samples: cost.calls,
        bad: u64::from(verdict == Verdict::Fail),
        because,
        on_time: false,
        evidence: evidence(cost),
    })
}

/// What it is made of.
fn evidence(cost: &Cost) -> Evidence {
    let rows = cost.parts.iter().map(|part| {
        let amount =
            part.amount.map_or_else(|| "not known".to_owned(), |amount| money(amount, &cost.currency));
        (part.amount.is_some(), vec![part.name.clone(), amount, part.basis.clone()])
    });
    Evidence::of(&["part", "estimate", "reckoned from"], rows)
}
