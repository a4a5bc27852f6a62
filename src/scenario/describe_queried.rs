//! Objectives that ask by PromQL, and terms of budgets, in words.

use std::time::Duration;

use crate::plan::Plan;
use crate::slo::{
    Aggregation, BudgetTerms, Counted, Holding, Indicator, Objective, QueryIndicator, Slices, Unit,
    as_written, burn_scale,
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
pub(super) fn budget(objective: &Objective, plan: &Plan) -> Vec<String> {
    let terms = &objective.budget;
    let limit = terms.limit.as_ref().map(|limit| {
        let (long, short) = (as_written(limit.long), as_written(limit.short));
        format!("burn rate at most {} over {long} & {short}", limit.at_most)
    });
    let budget = (!is_usual(terms)).then(|| {
        let without: Vec<String> =
            terms.without.iter().map(|severity| format!(", without {} alerts", severity.text())).collect();
        let scale = scale(objective, plan);
        let period = as_written(terms.period);
        format!("a budget for {period}, burn-rate windows divided by {scale}{}", without.concat())
    });
    limit.into_iter().chain(budget).collect()
}

/// What is so by default, of the objectives that have such a budget; `None` where none has.
pub(super) fn budgets(objectives: &[Objective], plan: &Plan) -> Option<String> {
    let usual = objectives.iter().filter(|objective| {
        objective.indicator.has_budget() && !objective.terms.narrow() && is_usual(&objective.budget)
    });
    let scales: Vec<f64> = usual.map(|objective| scale(objective, plan)).collect();
    let (least, most) = (scales.iter().copied().reduce(f64::min)?, scales.iter().copied().reduce(f64::max)?);
    let by = if least < most { format!("{least} to {most}") } else { most.to_string() };
    let period = as_written(BudgetTerms::default().period);
    Some(format!(
        "error budgets are for {period}, where nothing else is said, burn-rate windows divided by {by}"
    ))
}

/// True where nothing was said but, it may be, a limit.
fn is_usual(terms: &BudgetTerms) -> bool {
    BudgetTerms { limit: None, ..terms.clone() }.is_default()
}

/// What the windows of its burn rates are divided by, as far as that is known before the run.
fn scale(objective: &Objective, plan: &Plan) -> f64 {
    let scraped = objective.indicator.is_scraped();
    let each = if scraped { plan.observe.metrics_interval } else { Duration::from_secs(1) };
    burn_scale(&objective.budget, each, plan.load.duration().saturating_sub(plan.load.warm_up))
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
