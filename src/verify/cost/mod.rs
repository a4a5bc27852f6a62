//! What a run cost: what the target used, what its calls are charged, at the prices of a sheet.
//!
//! Every amount is an estimate. What was used is shared out among tools by the time that their calls took, which is what a target
//! without accounts of its own can say; and a bill has more on it than the sheet does.

mod budget;
mod file;
mod reckon;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SeriesSelector;

pub(crate) use budget::checked;
pub(super) use file::read;
pub use reckon::cost;

/// What things cost, and how much of it there may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// What amounts are in, such as `USD`.
    pub currency: String,
    /// One virtual CPU for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpu_hour: Option<f64>,
    /// A gigabyte (10^9 bytes) of memory for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gb_hour: Option<f64>,
    /// What is paid for whether it is used or not; `None` where what is used is paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reserved>,
    /// What a call is charged, by tool, or by method where it calls none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fees: BTreeMap<String, f64>,
    /// What tokens cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenPrice>,
    /// How much there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<CostBudget>,
    /// From this share of the budget on a person is warned.
    pub warn_at: f64,
    /// Where it is written: `file:line`.
    pub origin: String,
}

/// What a target has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reserved {
    /// Virtual CPUs.
    pub vcpus: f64,
    /// Gigabytes of memory.
    pub memory_gb: f64,
}

/// What tokens cost, and how they are counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenPrice {
    /// A million of them.
    pub per_million: f64,
    /// How many there were.
    pub counted: TokenCount,
}

/// How tokens are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenCount {
    /// The target counts them.
    Counter {
        /// Its counter.
        counter: SeriesSelector,
        /// The label that tells tools apart; `None` where none does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool: Option<String>,
    },
    /// The sheet says how many a call takes, by tool or method.
    PerCall(BTreeMap<String, u64>),
}

/// How much may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CostBudget {
    /// So much.
    pub limit: f64,
    /// On this.
    pub per: BudgetPer,
}

/// What a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPer {
    /// A thousand calls of the run's mix.
    ThousandCalls,
    /// An hour at the run's load.
    Hour,
    /// The run.
    Run,
}

/// What a run cost. Every amount is an estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// What amounts are in.
    pub currency: String,
    /// Load calls that were sent.
    pub calls: u64,
    /// How long the load was on, in seconds.
    pub seconds: f64,
    /// The run; `None` where a part is not known.
    pub total: Option<f64>,
    /// A thousand calls.
    pub per_thousand_calls: Option<f64>,
    /// An hour of this load.
    pub per_hour: Option<f64>,
    /// What it is made of.
    pub parts: Vec<CostPart>,
    /// Whose it is.
    pub rows: Vec<CostRow>,
}

/// A part of what a run cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostPart {
    /// `CPU`, `memory`, `tokens` or `fees`.
    pub name: String,
    /// `None` where it is not known.
    pub amount: Option<f64>,
    /// What it was reckoned from, or why it is not known.
    pub basis: String,
}

/// What the calls of one tool, or of one method, cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostRow {
    /// The tool; the method where none is called.
    pub name: String,
    /// Calls that were sent.
    pub calls: u64,
    /// All of them; `None` where a part is not known.
    pub amount: Option<f64>,
    /// A thousand of them.
    pub per_thousand_calls: Option<f64>,
}

impl Prices {
    /// The target's counter of tokens, where it is asked.
    pub fn counter(&self) -> Option<&SeriesSelector> {
        match &self.tokens.as_ref()?.counted {
            TokenCount::Counter { counter, .. } => Some(counter),
            TokenCount::PerCall(_) => None,
        }
    }

    /// How long to wait after the load for what the target counts; `None` where it counts nothing that has a price.
    pub(super) fn settle(&self) -> Option<Duration> {
        self.counter().map(|_| Duration::from_secs(1))
    }
}

/// The name that stands for every tool and method that has no price of its own.
const ANY: &str = "*";

/// What `prices` says of `name`.
fn priced<T: Copy>(prices: &BTreeMap<String, T>, name: &str) -> Option<T> {
    prices.get(name).or_else(|| prices.get(ANY)).copied()
}

/// An amount with three significant digits and what it is in: `0.0412 USD`, `12.30 USD`.
pub fn money(amount: f64, currency: &str) -> String {
    let mut digits = 2;
    let mut scaled = amount.abs();
    // The first digit that is not zero, and two more.
    while scaled > 0.0 && scaled < 1.0 && digits < 14 {
        scaled *= 10.0;
        digits += 1;
    }
    format!("{amount:.digits$} {currency}")
}
