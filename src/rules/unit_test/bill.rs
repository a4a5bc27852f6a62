//! What the tests of a file cost, all of them together, and who caused it. Counted in samples as by
//! [`Limits`](crate::promql::Limits), never in time.

use std::collections::BTreeMap;

use super::file::TestFile;
use crate::input::Place;
use crate::promql::Budget;
use crate::rules::costs::{WAY_OUT, shares};
use crate::rules::evaluator::RuleId;

/// What the tests of a file may cost whatever is in it: 5 to 20 s of one core at the worst.
const LIMIT: u64 = 4_000_000_000;
/// More for each value that is put in and each rule that may look at it, as large sets of rules over many series need it; and the most
/// that it all may come to.
const EACH_LOOK: u64 = 96;
const LARGEST_LIMIT: u64 = 16_000_000_000;

/// What the tests of `file` may cost together.
pub(in crate::rules) fn limit_of(file: &TestFile) -> u64 {
    let rules: u64 = file.groups.iter().map(|group| group.rules.len() as u64).sum();
    let series = file.tests.iter().flat_map(|test| &test.series);
    let values: u64 = series.map(|series| series.values.iter().flatten().count() as u64).sum();
    let looks = values.saturating_mul(rules).saturating_mul(EACH_LOOK);
    LIMIT.saturating_add(looks).min(LARGEST_LIMIT)
}

/// What the tests of a file have cost so far.
#[derive(Debug)]
pub(super) struct Bill {
    pub(super) budget: Budget,
    rules: BTreeMap<RuleId, u64>,
    /// Queries, by where they are written.
    queries: Vec<(String, u64)>,
    tests: Vec<(String, u64)>,
}

impl Bill {
    pub(super) fn new(limit: u64) -> Self {
        let (rules, queries, tests) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { budget: Budget::new(limit), rules, queries, tests }
    }

    pub(super) fn rules(&mut self, used: impl Iterator<Item = (RuleId, u64)>) {
        for (id, used) in used {
            *self.rules.entry(id).or_default() += used;
        }
    }

    pub(super) fn query(&mut self, place: &Place, used: u64) {
        self.queries.push((format!("the query at {place}:{}", place.column()), used));
    }

    pub(super) fn test(&mut self, name: &str, used: u64) {
        self.tests.push((format!("`{name}`"), used));
    }

    /// Why nothing more is carried out: who used how much, and the way out.
    pub(super) fn words(&self, file: &TestFile) -> Vec<String> {
        let rules = self.rules.iter().map(|(id, used)| {
            let rule = &file.groups[id.group].rules[id.rule];
            (format!("the rule `{}` ({}:{})", rule.name, rule.expr, rule.expr.column()), *used)
        });
        let users: Vec<(String, u64)> = rules.chain(self.queries.iter().cloned()).collect();
        vec![
            format!(
                "the tests look at more than {} samples, the limit of all tests of this file together",
                self.budget.of()
            ),
            format!("of the rules and queries: {}", shares(&users)),
            format!("of the tests: {}", shares(&self.tests)),
            format!("{WAY_OUT};"),
            "write earlier `eval_time`s or a longer `evaluation_interval`, or split the file".to_owned(),
        ]
    }
}
