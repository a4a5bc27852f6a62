//! The checks of the target's own telemetry, as findings beside those on objectives.

use crate::metrics::Aggregates;
use crate::report::{RunLog, TelemetryCheck};
use crate::slo::{Criteria, Finding, Indicator};
use crate::verify::{self, Broken, Checked, Cost, Seen, Shown, TELEMETRY};

/// What came of the checks that `criteria` want, where these objectives were `broken` and dashboards are asked of `shown`; and what the run
/// cost where they say what things cost.
pub(in crate::report) fn report(
    log: &RunLog,
    all: &Aggregates,
    criteria: &Criteria,
    broken: &[Broken],
    shown: Option<&Shown>,
) -> (Vec<TelemetryCheck>, Option<Cost>) {
    let latency_limits: Vec<(String, f64)> = criteria
        .objectives
        .iter()
        .filter_map(|objective| {
            let Indicator::Latency { within, .. } = objective.indicator else { return None };
            Some((objective.name.clone(), within.as_secs_f64()))
        })
        .collect();
    let seen = Seen {
        plan: &log.plan,
        target: log.target.as_ref(),
        seconds: &log.seconds,
        aggregates: all,
        events: &log.events,
        series: &log.series,
        is_fetched: log.fetched.is_some(),
        log: log.logs.as_ref(),
        shown,
        audit: log.audit.as_ref(),
        latency_limits: &latency_limits,
        broken,
    };
    let checked = verify::checked(&criteria.checks, &seen);
    let check = |checked: Checked| {
        let origin = criteria.checks.origin(&checked.name).to_owned();
        telemetry_check(checked, origin)
    };
    let cost = criteria.checks.cost.as_ref().map(|prices| verify::cost(prices, &seen));
    (checked.into_iter().map(check).collect(), cost)
}

fn telemetry_check(checked: Checked, origin: String) -> TelemetryCheck {
    let Checked { name, scope, verdict, value, limit, samples, bad, because, on_time, evidence } = checked;
    let finding = Finding {
        name,
        scope,
        indicator: TELEMETRY.to_owned(),
        verdict,
        value,
        value_number: None,
        limit,
        samples,
        bad: None,
        within_limit: None,
        budget: None,
        because,
        origin,
    };
    TelemetryCheck { finding, wrong: bad, on_time, evidence }
}
