//! What the user's own Prometheus gave and concluded, in the words that all formats share.

use super::own_prometheus::PrometheusReport;
use crate::model::{format_count, format_seconds};
use crate::slo::{Agreement, TheirAlertRow};

/// What it is, and what it gave.
pub(super) fn given(report: &PrometheusReport) -> Vec<String> {
    let PrometheusReport { url, select, version, scrape_interval, series, samples, history, .. } = report;
    let version = version.as_ref().map(|version| format!(" (Prometheus {version})")).unwrap_or_default();
    let of = select.as_ref().map(|select| format!(" with {select}")).unwrap_or_default();
    let mut told = vec![format!(
        "{url}{version} gave {} series{of}, {} samples, from {} before the load on",
        format_count(*series),
        format_count(*samples),
        format_seconds(*history)
    )];
    told.extend(
        scrape_interval
            .map(|each| format!("its scrape interval of {} bounds these times", format_seconds(each))),
    );
    told.extend(
        report
            .unknown_from
            .map(|from| format!("from {} on it gave nothing: {}", format_seconds(from), report.because)),
    );
    told.extend(report.without_series.iter().map(|selector| format!("it has no series {selector}{of}")));
    told
}

/// How many alerts both engines say the same of.
pub(super) fn counts(report: &PrometheusReport) -> String {
    let each =
        [Agreement::Agree, Agreement::Differ, Agreement::BothDead, Agreement::NotComparable].map(|kind| {
            let count = report.alerts.iter().filter(|row| row.agreement == kind).count();
            (count > 0).then(|| format!("{} {}", format_count(count as u64), kind.text()))
        });
    each.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// When an alert fired there.
pub(super) fn theirs(row: &TheirAlertRow) -> String {
    match (row.fired_at, row.active_at) {
        (_, Some(at)) if at < 0.0 => "active before the load".to_owned(),
        (Some(at), _) => format!("fired at {}", format_seconds(at)),
        (None, Some(at)) => format!("pending from {}", format_seconds(at)),
        (None, None) => "did not fire".to_owned(),
    }
}

/// When it fired by gander's reading.
pub(super) fn ours(row: &TheirAlertRow) -> String {
    row.ours_fired_at
        .map_or_else(|| "did not fire".to_owned(), |at| format!("fired at {}", format_seconds(at)))
}
