//! What became of error budgets, in the words that all formats share. All of it is an estimate: a run is short.

use super::{Finding, RunReport};
use crate::model::format_seconds;
use crate::slo::{BurnAlert, BurnReading, ErrorBudget};

const DAY: f64 = 86_400.0;

/// What the numbers are, in one sentence.
pub(super) const TERMS: &str = "Estimates: burn is the share of bad ones over the share that may be, as in this run; windows of the \
    burn-rate alerts (SRE workbook) are divided by the scale, their factors kept";

/// The heads of a table of budgets.
pub(super) const HEADS: [&str; 5] =
    ["objective", "burn (steady phase)", "budget gone in (period)", "scale", "burn-rate alerts"];

/// The objectives that have a budget, with it.
pub(super) fn budgets(report: &RunReport) -> impl Iterator<Item = (&Finding, &ErrorBudget)> {
    report.objectives.iter().filter_map(|finding| Some((finding, finding.budget.as_ref()?)))
}

/// A row below [`HEADS`], without the objective.
pub(super) fn cells(budget: &ErrorBudget) -> [String; 4] {
    [burn(budget), lasts(budget), format!("1:{}", budget.scale), alerts(budget)]
}

/// All of it in one line.
pub(super) fn line(budget: &ErrorBudget) -> String {
    let [burn, lasts, scale, alerts] = cells(budget);
    format!("estimates: burn {burn} overall, gone in {lasts}; burn-rate alerts at {scale}: {alerts}")
}

fn burn(budget: &ErrorBudget) -> String {
    match budget.burn {
        burn if burn >= 99.95 => format!("{burn:.0}"),
        burn if burn >= 9.995 => format!("{burn:.1}"),
        burn => format!("{burn:.2}"),
    }
}

fn lasts(budget: &ErrorBudget) -> String {
    let of = length(budget.period);
    match budget.gone_in {
        None => format!("never ({of})"),
        Some(gone) => format!("{} ({of})", length(gone)),
    }
}

/// Days where there are some.
fn length(seconds: f64) -> String {
    let days = seconds / DAY;
    if days >= 9_999.5 {
        "10,000 d or more".to_owned()
    } else if days >= 10.0 || days >= 1.0 && days.fract() == 0.0 {
        format!("{days:.0} d")
    } else if days >= 1.0 {
        format!("{days:.1} d")
    } else {
        format_seconds(seconds)
    }
}

fn alerts(budget: &ErrorBudget) -> String {
    let fired = budget.alerts.iter().filter_map(|alert| Some((alert, alert.fired_at?)));
    let fired: Vec<String> =
        fired.map(|(alert, at)| format!("{} would have fired after {}", name(alert), length(at))).collect();
    let is_known = |alert: &&BurnAlert| match alert.reading {
        BurnReading::Fired | BurnReading::Silent => true,
        BurnReading::TooShort | BurnReading::TooFine => false,
    };
    let known = budget.alerts.iter().filter(is_known).count();
    let all = budget.alerts.len();
    let rest = if known < all {
        format!("{} of {all} not known: {}", all - known, what_would_do(budget))
    } else {
        String::new()
    };
    let silent =
        if fired.is_empty() && known > 0 { vec!["none would have fired".to_owned()] } else { Vec::new() };
    let told: Vec<String> =
        fired.into_iter().chain(silent).chain((!rest.is_empty()).then_some(rest)).collect();
    if all == 0 { "switched off".to_owned() } else { told.join("; ") }
}

/// What it takes to know of all of the alerts.
fn what_would_do(budget: &ErrorBudget) -> String {
    let of = |reading| budget.alerts.iter().filter(move |alert| alert.reading == reading);
    // At this scale each long window just fits; what is longer is divided by less.
    let longest = of(BurnReading::TooShort).map(|alert| alert.long / budget.scale).reduce(f64::max);
    let longest = longest.map(|seconds| format!("a steady phase of {} would do", length(seconds)));
    let too_fine = of(BurnReading::TooFine).next().is_some();
    let too_fine = too_fine.then(|| "a smaller `time_scale` would do, counts are not so fine".to_owned());
    longest.into_iter().chain(too_fine).collect::<Vec<_>>().join("; ")
}

/// `page 14.4 over 1h & 5m`.
fn name(alert: &BurnAlert) -> String {
    let window = |seconds: f64| match seconds {
        days if days >= DAY => format!("{}d", days / DAY),
        hours if hours >= 3600.0 => format!("{}h", hours / 3600.0),
        minutes => format!("{}m", minutes / 60.0),
    };
    format!(
        "{} {} over {} & {}",
        alert.severity.text(),
        alert.factor,
        window(alert.long),
        window(alert.short)
    )
}
