//! What evaluating rules may cost, all of them together, counted in samples as by [`Limits`](crate::promql::Limits). No clock is read:
//! the same rules over the same series end at the same place on every machine.
//!
//! What a judged run allows grows with it, so that a longer run is not refused for its length, and evaluating still ends in a time like
//! the run's. A rule may have half of it, so that one that is out of hand leaves the others theirs.

use crate::promql::Budget;

/// What evaluations may cost together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// From the first evaluation on.
    pub at_first: u64,
    /// More for each second between evaluations, on the clock of the samples.
    pub each_second: u64,
}

impl Default for Allowance {
    /// 8 billion, and 400 million more a second: at the worst some 40 s of one core, and twice as long again as the run took. 50 rules
    /// that take a rate over 5 minutes of 10,000 series each, scraped and evaluated every second, cost some 200 million a second.
    fn default() -> Self {
        Self { at_first: 8_000_000_000, each_second: 400_000_000 }
    }
}

/// A budget that several rules share.
#[derive(Debug)]
pub(super) struct Costs {
    budget: Budget,
    each_second: u64,
    /// One rule may have half, no more.
    is_shared_out: bool,
    /// Up to when it was raised.
    until_ms: Option<i64>,
}

impl Costs {
    /// That of a run.
    pub(super) fn growing(allowance: Allowance) -> Self {
        let budget = Budget::new(allowance.at_first);
        Self { budget, each_second: allowance.each_second, is_shared_out: true, until_ms: None }
    }

    /// One that does not grow, and that any rule may use up.
    pub(super) fn within(budget: Budget) -> Self {
        Self { budget, each_second: 0, is_shared_out: false, until_ms: None }
    }

    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    /// Allows more, when rules are evaluated for the time `at_ms`.
    pub(super) fn reach(&mut self, at_ms: i64) {
        let passed = self.until_ms.map_or(0, |until_ms| at_ms.saturating_sub(until_ms).max(0).unsigned_abs());
        // Of a millisecond no part is lost.
        self.budget.raise(passed.saturating_mul(self.each_second / 1000));
        self.until_ms = self.until_ms.max(Some(at_ms));
    }

    /// What a rule may use that has used `used` so far.
    pub(super) fn of_rule(&self, used: u64) -> Budget {
        if self.is_shared_out {
            self.budget.at_most((self.budget.of() / 2).saturating_sub(used))
        } else {
            self.budget
        }
    }

    /// Takes what a rule used.
    pub(super) fn settle(&mut self, used: u64) {
        // What is too much has made the rule fail.
        let _ = self.budget.spend(used);
    }

    /// Why a rule that used `used` is given up, of rules that used `each`.
    pub(super) fn words(&self, used: u64, each: &[(String, u64)]) -> String {
        let of = self.budget.of();
        let what = if self.budget.is_spent() {
            format!(
                "the rules look at more than {of} samples, the limit of all of them together ({})",
                shares(each)
            )
        } else {
            format!(
                "the rule looks at {used} samples, half of the limit of {of} that all rules have together"
            )
        };
        format!("{what}: {WAY_OUT}, or evaluate them less often")
    }
}

/// What makes an evaluation cheaper.
pub(super) const WAY_OUT: &str =
    "select fewer series, or give ranges a shorter length and subqueries a coarser step";

/// How many users of a budget are named.
const MOST_NAMED: usize = 3;

/// Who used how much, the first of them: "`X` 61 %, `Y` 12 %".
pub(super) fn shares(each: &[(String, u64)]) -> String {
    let all: u64 = each.iter().map(|(_, used)| *used).sum();
    let mut sorted: Vec<&(String, u64)> = each.iter().filter(|(_, used)| *used > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let percent = |used: u64| u128::from(used) * 100 / u128::from(all.max(1));
    let mut told: Vec<String> =
        sorted.iter().take(MOST_NAMED).map(|(who, used)| format!("{who} {} %", percent(*used))).collect();
    let others: u64 = sorted.iter().skip(MOST_NAMED).map(|(_, used)| *used).sum();
    if let Some(count) = sorted.len().checked_sub(MOST_NAMED).filter(|count| *count > 0) {
        told.push(format!("{count} more {} %", percent(others)));
    }
    told.join(", ")
}
