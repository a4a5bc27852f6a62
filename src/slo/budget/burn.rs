//! From counts to the burning of a budget.

use std::ops::Range;
use std::time::Duration;

use super::windows::{Burnt, Counted};
use super::{BudgetTerms, BurnAlert, BurnLimit, BurnReading, BurnSeverity, DAY, ErrorBudget, as_written};
use crate::model::{Verdict, format_duration};
use crate::slo::draft::Draft;
use crate::slo::{Finding, Objective, without_binary_noise};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The alerts of the workbook: factor, long and short window.
const ALERTS: [(BurnSeverity, f64, Duration, Duration); 4] = [
    (BurnSeverity::Page, 14.4, HOUR, Duration::from_secs(5 * 60)),
    (BurnSeverity::Page, 6.0, Duration::from_secs(6 * 3600), Duration::from_secs(30 * 60)),
    (BurnSeverity::Ticket, 3.0, DAY, Duration::from_secs(2 * 3600)),
    (BurnSeverity::Ticket, 1.0, Duration::from_secs(3 * 24 * 3600), Duration::from_secs(6 * 3600)),
];

/// The shortest window of the alerts, and the longest.
const SHORTEST: Duration = Duration::from_secs(5 * MINUTE.as_secs());
const LONGEST: Duration = Duration::from_secs(3 * DAY.as_secs());
/// Nothing is counted by less than a second.
const LEAST_RESOLUTION: Duration = Duration::from_secs(1);

/// How the budget of what `draft` found burnt; `None` where there is none to burn.
pub(in crate::slo) fn burned(
    draft: &Draft,
    terms: &BudgetTerms,
    steady: &Range<Duration>,
) -> Option<ErrorBudget> {
    let (share_bad, budget, ticks) = draft.counted()?;
    let counted = Counted::of(ticks, budget, steady);
    let scale = scale(terms, &counted, steady);
    let alerts = ALERTS.into_iter().map(|(severity, factor, long, short)| {
        let Burnt { reading, first, peak } = counted.burnt(factor, long.div_f64(scale), short.div_f64(scale));
        BurnAlert {
            severity,
            factor,
            long: long.as_secs_f64(),
            short: short.as_secs_f64(),
            reading,
            fired_at: first.map(|at| at.as_secs_f64()),
            peak,
        }
    });
    let burn = without_binary_noise(share_bad / budget);
    let period = terms.period.as_secs_f64();
    Some(ErrorBudget {
        share: budget,
        burn,
        period,
        gone_in: (burn > 0.0).then(|| period / burn),
        scale,
        alerts: alerts.collect(),
    })
}

/// What windows are divided by: so that the longest fits into the steady phase, or, where that would make the shortest one shorter
/// than what is counted at once, as much as goes.
fn scale(terms: &BudgetTerms, counted: &Counted, steady: &Range<Duration>) -> f64 {
    if let Some(scale) = terms.time_scale {
        return f64::from(scale);
    }
    let length = steady.end.saturating_sub(steady.start).max(LEAST_RESOLUTION);
    let most = SHORTEST.div_duration_f64(counted.resolution().max(LEAST_RESOLUTION));
    LONGEST.div_duration_f64(length).ceil().min(most.floor()).max(1.0)
}

/// Whether the burn rate of an objective kept its limit.
/// What findings on burn rates are called, behind the objective's name.
pub const BURN_RATE: &str = " burn rate";

pub(in crate::slo) fn limit_finding(
    objective: &Objective,
    limit: &BurnLimit,
    draft: &Draft,
    steady: &Range<Duration>,
) -> Finding {
    let windows = format!("{} & {}", as_written(limit.long), as_written(limit.short));
    let finding = Finding {
        name: format!("{}{BURN_RATE}", objective.name),
        indicator: format!("burn rate over {windows}"),
        limit: format!("<= {}", limit.at_most),
        verdict: Verdict::Inconclusive,
        value: "no data".to_owned(),
        value_number: None,
        bad: None,
        within_limit: None,
        origin: limit.origin.clone(),
        budget: None,
        ..draft.finding().clone()
    };
    let Some((_, budget, ticks)) = draft.counted() else {
        return Finding { because: format!("no data on {}", objective.name), samples: 0, ..finding };
    };
    let counted = Counted::of(ticks, budget, steady);
    let scale = scale(&objective.budget, &counted, steady);
    let (long, short) = (limit.long.div_f64(scale), limit.short.div_f64(scale));
    let Burnt { reading, first, peak } = counted.burnt(limit.at_most, long, short);
    let here = format!(
        "windows of {} & {} here, times divided by {scale}",
        format_duration(long),
        format_duration(short)
    );
    let finding = Finding { samples: ticks.iter().map(|tick| tick.calls).sum(), ..finding };
    let length = format_duration(steady.end.saturating_sub(steady.start));
    let (Some(peak), BurnReading::Fired | BurnReading::Silent) = (peak, reading) else {
        let why = match reading {
            BurnReading::TooFine => "the short one is shorter than what is counted at once".to_owned(),
            BurnReading::TooShort => format!("the long one does not fit into the steady phase of {length}"),
            BurnReading::Fired | BurnReading::Silent => "nothing was counted in them".to_owned(),
        };
        return Finding { because: format!("not known: {here}, and {why}"), ..finding };
    };
    let shown = without_binary_noise((peak * 100.0).round() / 100.0).to_string();
    let when = first.map_or_else(String::new, |at| format!(", exceeded after {}", format_duration(at)));
    Finding {
        verdict: if first.is_none() { Verdict::Pass } else { Verdict::Fail },
        within_limit: Some(first.is_none()),
        because: format!("at most {shown} in both windows at once, limit {}{when}; {here}", limit.at_most),
        value: shown,
        value_number: Some(peak),
        ..finding
    }
}
