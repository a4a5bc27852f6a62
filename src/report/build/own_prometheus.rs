//! What the user's own Prometheus gave: for the report, and as a finding where it gave too little.

use std::collections::BTreeSet;
use std::time::Duration;

use super::findings::OWN_ORIGIN;
use crate::metrics::FetchedStore;
use crate::model::{Event, PrometheusEvent, Verdict, format_count, format_duration, without_credentials};
use crate::plan::OwnPrometheus;
use crate::report::measured::LoadClock;
use crate::report::own_prometheus::PrometheusReport;
use crate::report::{Ending, Finding, RunLog};
use crate::slo::{self, AlertHistory, BURN_RATE, FetchGap};

/// What was had of the Prometheus of `log`, whose alerts are beside those of `history`; `None` where none was to be asked.
pub(in crate::report) fn report(
    log: &RunLog,
    end: Duration,
    history: Option<&AlertHistory>,
) -> Option<PrometheusReport> {
    let (OwnPrometheus { url, select, .. }, fetched) = parts(log)?;
    let (version, scrape_interval) = reached(log).unwrap_or_default();
    let gap = slo::fetch_gap(fetched, end);
    let theirs =
        history.map(|history| slo::their_alerts(&log.events, fetched.zero_ms(), scrape_interval, history));
    let before = fetched.known_ms().map_or(0, |(from_ms, _)| fetched.zero_ms() - from_ms);
    Some(PrometheusReport {
        url: without_credentials(url.as_str()).into_owned(),
        select: select.clone(),
        version,
        scrape_interval: scrape_interval.map(|interval| interval.as_secs_f64()),
        series: fetched.series().len() as u64,
        samples: fetched.samples(),
        history: before.max(0) as f64 / 1000.0,
        unknown_from: gap.as_ref().map(|gap| gap.from.as_secs_f64()),
        because: gap.map(|gap| gap.because).unwrap_or_default(),
        without_series: slo::without_series(fetched, log.criteria.alerts.as_ref()),
        alerts: theirs.unwrap_or_default(),
    })
}

/// The findings on metrics that pass, over a load of which the end is not covered, are not shown to hold.
pub(in crate::report) fn unsettle(
    log: &RunLog,
    end: Duration,
    findings: &mut [Finding],
    criteria: &slo::Criteria,
) {
    let Some(gap) = log.fetched.as_ref().and_then(|fetched| slo::fetch_gap(fetched, end)) else { return };
    let scraped = criteria.objectives.iter().filter(|objective| objective.indicator.is_scraped());
    let names: BTreeSet<&str> = scraped.map(|objective| objective.name.as_str()).collect();
    for finding in findings {
        // Of a burn rate's limit, too.
        let name = finding.name.strip_suffix(BURN_RATE).unwrap_or(&finding.name);
        if (names.contains(name) || names.contains(finding.name.as_str())) && finding.verdict == Verdict::Pass
        {
            finding.verdict = Verdict::Inconclusive;
            let until = format_duration(gap.from);
            finding.because =
                format!("it held until {until}, and what came then is not known: {}", finding.because);
        }
    }
}

/// Where criteria read metrics and the Prometheus did not give all of them: what they would have said is not known.
pub(super) fn finding(log: &RunLog, clock: &LoadClock) -> Option<Finding> {
    let (prometheus, fetched) = parts(log)?;
    if log.ending == Ending::Unmeasured || !slo::reads_metrics(&log.criteria) {
        return None;
    }
    let end = clock.steady_phase().end;
    let url = without_credentials(prometheus.url.as_str());
    let missing = match (slo::fetch_gap(fetched, end), &prometheus.select) {
        (Some(FetchGap { from, because }), _) if from.is_zero() => {
            format!("the Prometheus at {url} gave no series: {because}")
        }
        (Some(FetchGap { from, because }), _) => {
            let (from, of) = (format_duration(from), format_duration(end));
            format!("the Prometheus at {url} gave nothing from {from} of {of} on: {because}")
        }
        (None, Some(select)) if fetched.series().is_empty() => {
            format!("nothing of what is read is at {url} with `select` {select}")
        }
        (None, None) if fetched.series().is_empty() => format!("nothing of what is read is at {url}"),
        (None, _) => return None,
    };
    Some(Finding {
        name: "prometheus".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "series of the whole load".to_owned(),
        verdict: Verdict::Inconclusive,
        value: format!("{} series", format_count(fetched.series().len() as u64)),
        value_number: None,
        limit: "all that are read".to_owned(),
        samples: fetched.samples(),
        bad: None,
        within_limit: None,
        budget: None,
        because: missing,
        origin: OWN_ORIGIN.to_owned(),
    })
}

/// What bounds the numbers.
pub(super) fn notes(log: &RunLog) -> Vec<String> {
    let Some((_, fetched)) = parts(log) else { return Vec::new() };
    let interval = reached(log).and_then(|(_, interval)| interval).map(|interval| {
        let each = format_duration(interval);
        format!("metrics are those of a Prometheus: its scrape interval of {each} bounds times of alerts and values")
    });
    let labels = log.criteria.alerts.as_ref().is_some_and(|alerts| !alerts.labels.is_empty());
    let labels = (labels && !fetched.series().is_empty()).then(|| {
        "`labels` of `alerts` were not used: series have the labels that the Prometheus gave them".to_owned()
    });
    interval.into_iter().chain(labels).collect()
}

fn parts(log: &RunLog) -> Option<(&OwnPrometheus, &FetchedStore)> {
    log.plan.observe.prometheus.as_ref().zip(log.fetched.as_ref())
}

/// Its version and its scrape interval, as it told them first.
fn reached(log: &RunLog) -> Option<(Option<String>, Option<Duration>)> {
    log.events.iter().find_map(|stamped| match &stamped.what {
        Event::Prometheus(PrometheusEvent::Reached { version, scrape_interval }) => {
            Some((version.clone(), *scrape_interval))
        }
        Event::Prometheus(PrometheusEvent::Rules { .. } | PrometheusEvent::Alert(_))
        | Event::Floor(_)
        | Event::Baseline { .. }
        | Event::Swept(_)
        | Event::LoadStarted
        | Event::SteadyStarted
        | Event::LoadStopped
        | Event::Aborted(_)
        | Event::Probe(_)
        | Event::Process(_)
        | Event::Scrape(_)
        | Event::Note { .. } => None,
    })
}
