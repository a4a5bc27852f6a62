//! What is asked of the user's own Prometheus: the series that the run's criteria read, as far back as they look.

use std::time::Duration;

use crate::observe::{Asked, PrometheusOptions};
use crate::plan::Plan;
use crate::slo::{self, Criteria, WantedSeries};

/// Nothing older than this before the run is asked for.
const MOST_HISTORY: Duration = Duration::from_secs(24 * 3600);

/// The questions to the Prometheus of `plan`; `None` where it has none.
pub(super) fn options(plan: &Plan, criteria: &Criteria) -> Option<PrometheusOptions> {
    let prometheus = plan.observe.prometheus.as_ref()?;
    let wanted = slo::wanted(criteria, prometheus.select.as_deref());
    let asked = |WantedSeries { selector, query }| Asked { selector, query };
    Some(PrometheusOptions {
        url: prometheus.url.clone(),
        headers: prometheus.headers.clone(),
        interval: prometheus.interval,
        selectors: wanted.selectors.into_iter().map(asked).collect(),
        history: wanted.reach.unwrap_or(MOST_HISTORY).min(MOST_HISTORY),
        alerts: wanted.alerts,
    })
}
