//! What a Grafana is told of a run: when it was, how it ended, what did not hold.

use std::time::Duration;

use crate::model::{Secret, Verdict, clean_char, counted};
use crate::observe::{Annotation, AnnotationError, annotate};
use crate::plan::{GrafanaPlace, Proxies};
use crate::report::RunReport;

use super::user_agent;

/// What every annotation of a run is found by.
const TAG: &str = "gander";
/// So many findings are named.
const MOST: usize = 10;

/// Tells the Grafana at `place` of the run that `report` is about.
///
/// # Errors
/// It was not told, or did not say so in time.
pub async fn annotate_run(
    place: &GrafanaPlace,
    report: &RunReport,
    token: Option<&Secret>,
    proxies: &Proxies,
) -> Result<(), AnnotationError> {
    annotate(place, &annotation(place, report), token, &user_agent(), proxies).await
}

fn annotation(place: &GrafanaPlace, report: &RunReport) -> Annotation {
    let time = report.run.started_ms();
    let length = Duration::try_from_secs_f64(report.duration).unwrap_or_default().as_millis();
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let mut tags = vec![TAG.to_owned(), report.verdict.as_str().to_owned()];
    tags.extend(place.tags.iter().filter(|tag| *tag != TAG).cloned());
    Annotation {
        time,
        time_end: time.saturating_add(length),
        tags,
        text: text(report),
        dashboard_uid: place.dashboard_uid.clone(),
    }
}

/// Grafana shows the text of an annotation as HTML.
fn text(report: &RunReport) -> String {
    let failed: Vec<&str> = report
        .objectives
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| finding.name.as_str())
        .collect();
    let named = failed.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    let failed = match failed.len() {
        0 => String::new(),
        all if all > MOST => format!("\nfailed: {named} and {} more", all - MOST),
        _ => format!("\nfailed: {named}"),
    };
    let calls = counted(report.total.calls, "call");
    let text = format!("{} {}: {calls} ({}){failed}", report.verdict, report.scenario, report.run.run_id);
    let clean = |c: char| if c == '\n' { c } else { clean_char(c) };
    let text: String = text.chars().map(clean).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
