//! Objectives that ask by PromQL, and terms of budgets, in words.

use crate::slo::{
    Aggregation, BudgetTerms, Counted, Holding, Indicator, QueryIndicator, Slices, Unit, as_written,
};

/// What must hold of the answers; nothing of other indicators.
pub(super) fn limit(indicator: &Indicator) -> String {
    match indicator {
        Indicator::Promql(indicator) => of_values(indicator),
        Indicator::Events(indicator) => {
            let (which, query) = match &indicator.counted {
                Counted::Good(query) => ("good", query),
                Counted::Bad(query) => ("bad", query),
            };
            let objective = Unit::Percent.show_exact(indicator.objective);
            let of = match &indicator.slices {
                None => "at least",
                Some(Slices { target: Some(_), .. }) => "of slices at least",
                Some(Slices { target: None, .. }) => "in the mean of slices at least",
            };
            let slices = indicator.slices.map_or_else(String::new, |slices| format!(" ({slices})"));
            let (query, total) = (one_line(query), one_line(&indicator.total));
            format!("{of} {objective} good of {total}, {which}: {query}{slices}")
        }
        Indicator::Latency { .. }
        | Indicator::Stream { .. }
        | Indicator::ErrorRatio { .. }
        | Indicator::Throughput { .. }
        | Indicator::Metric(_) => String::new(),
    }
}

/// What is not so by default.
pub(super) fn budget(terms: &BudgetTerms) -> Vec<String> {
    let limit = terms.limit.as_ref().map(|limit| {
        let (long, short) = (as_written(limit.long), as_written(limit.short));
        format!("burn rate at most {} over {long} & {short}", limit.at_most)
    });
    let others = BudgetTerms { limit: None, ..terms.clone() };
    let scale = terms.time_scale.map_or_else(String::new, |scale| format!(", windows divided by {scale}"));
    let period = (!others.is_default()).then(|| format!("a budget of {}{scale}", as_written(terms.period)));
    limit.into_iter().chain(period).collect()
}

fn of_values(indicator: &QueryIndicator) -> String {
    let query = one_line(&indicator.query);
    let limit = indicator.limit;
    match indicator.holding {
        Holding::OverRun(over_run) => {
            let over_run = match over_run {
                Aggregation::Min => "smallest",
                Aggregation::Max => "largest",
                Aggregation::Avg => "mean",
            };
            format!("{over_run} value of {query} {limit}")
        }
        Holding::AtEnd => format!("at the end {query} {limit}"),
        Holding::Share { share, slices } => {
            let share = Unit::Percent.show_exact(share);
            let of = slices.map_or_else(|| "scrapes".to_owned(), |slices| slices.to_string());
            format!("{query} {limit} in at least {share} of {of}")
        }
    }
}

fn one_line(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ")
}
