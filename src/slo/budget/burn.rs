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
    let scale = burn_scale(terms, counted.resolution(), length_of(steady));
    let asked = ALERTS.into_iter().filter(|(severity, ..)| !terms.without.contains(severity));
    let alerts = asked.map(|(severity, factor, long, short)| {
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
pub(crate) fn burn_scale(terms: &BudgetTerms, resolution: Duration, steady: Duration) -> f64 {
    if let Some(scale) = terms.time_scale {
        return f64::from(scale);
    }
    LONGEST.div_duration_f64(steady.max(LEAST_RESOLUTION)).ceil().min(most_scale(resolution))
}

fn length_of(steady: &Range<Duration>) -> Duration {
    steady.end.saturating_sub(steady.start)
}

/// What windows are divided by at the most, so that the shortest is no shorter than what is counted at once. What is to come each
/// second comes a little apart: tenths of a second are as exact as that is.
fn most_scale(resolution: Duration) -> f64 {
    let tenths = (resolution.max(LEAST_RESOLUTION).as_secs_f64() * 10.0).round() / 10.0;
    (SHORTEST.as_secs_f64() / tenths).floor().max(1.0)
}

/// How long a steady phase must be for the long window of `limit` to fit, where counts come `each` so often.
pub(in crate::slo) fn steady_phase_for(limit: &BurnLimit, terms: &BudgetTerms, each: Duration) -> Duration {
    match terms.time_scale {
        Some(scale) => limit.long.div_f64(f64::from(scale)),
        None if limit.long <= LONGEST => limit.long.div_f64(most_scale(each)),
        // What is longer than the longest window of the alerts is divided so that they fit, and does not.
        None => limit.long,
    }
}

/// What findings on burn rates are called, behind the objective's name.
pub const BURN_RATE: &str = " burn rate";

/// Whether the burn rate of an objective kept its limit.
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
    let Some((share_bad, budget, ticks)) = draft.counted() else {
        return Finding { because: format!("no data on {}", objective.name), samples: 0, ..finding };
    };
    let counted = Counted::of(ticks, budget, steady);
    let scale = burn_scale(&objective.budget, counted.resolution(), length_of(steady));
    let (long, short) = (limit.long.div_f64(scale), limit.short.div_f64(scale));
    let Burnt { reading, first, peak } = counted.burnt(limit.at_most, long, short);
    let here = format!(
        "windows of {} & {} here, times divided by {scale}",
        format_duration(long),
        format_duration(short)
    );
    let finding = Finding { samples: ticks.iter().map(|tick| tick.calls).sum(), ..finding };
    let length = format_duration(length_of(steady));
    let (Some(peak), BurnReading::Fired | BurnReading::Silent) = (peak, reading) else {
        let why = match reading {
            BurnReading::TooFine => "the short one is shorter than what is counted at once".to_owned(),
            BurnReading::TooShort => {
                let needed = steady_phase_for(limit, &objective.budget, counted.resolution());
                let needed = format_duration(needed);
                format!("the long one does not fit into the steady phase of {length}: {needed} would do")
            }
            BurnReading::Fired | BurnReading::Silent => "nothing was counted in them".to_owned(),
        };
        return Finding { because: format!("not known: {here}, and {why}"), ..finding };
    };
    let rounded = |burn: f64| without_binary_noise((burn * 100.0).round() / 100.0).to_string();
    let (shown, whole) = (rounded(peak), rounded(share_bad / budget));
    let when = first.map_or_else(String::new, |at| format!(", exceeded after {}", format_duration(at)));
    Finding {
        verdict: if first.is_none() { Verdict::Pass } else { Verdict::Fail },
        within_limit: Some(first.is_none()),
        because: format!(
            "at most {shown} in both windows at once, limit {}{when} (over the whole steady phase {whole}); {here}",
            limit.at_most
        ),
        value: shown,
        value_number: Some(peak),
        ..finding
    }
}
