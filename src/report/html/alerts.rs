//! The page's section on alerts: what became of each rule, and who would have been paged.

use maud::{Markup, html};

use crate::report::alert_words;
use crate::slo::{AlertHistory, AlertReading, AlertRow};

pub(super) fn alerts(history: &AlertHistory) -> Markup {
    html! {
        section {
            h2 { "Alerts" }
            p { (alert_words::terms(history)) ": " (alert_words::counts(history)) "." }
            div.card.scroll tabindex="0" role="region" aria-label="Alerts" {
                table.objectives {
                    thead { tr {
                        th scope="col" { "Reading" } th scope="col" { "Alert" } th scope="col" { "Severity" }
                        th.number scope="col" { "For" } th scope="col" { "Told" } th scope="col" { "Why" }
                    } }
                    tbody { @for row in &history.rules { (rule(history, row)) } }
                }
            }
            @if !history.broken.is_empty() { ul { @for told in alert_words::broken(history) { li { (told) } } } }
            h3 { "Who would have been paged" }
            ul { @for told in alert_words::paged(history) { li { (told) } } }
        }
    }
}

fn rule(history: &AlertHistory, row: &AlertRow) -> Markup {
    html! {
        tr {
            td { span class={ "badge " (class(row.reading)) } { (row.reading.text()) } }
            th scope="row" { (row.alert) small { (row.origin) } }
            td { (row.severity) }
            td.number { (alert_words::hold(row)) }
            td { (alert_words::told(history, row)) }
            td.why {
                (alert_words::because(row))
                @if let Some(projected) = alert_words::projected(row) { br; (projected) }
                @if let Some(summary) = alert_words::summary(row) { br; "\u{201c}" (summary) "\u{201d}" }
                @for span in row.spans.iter().take(MOST_SPANS) {
                    br;
                    small { (alert_words::others(&span.labels)) " " (alert_words::life(span)) }
                }
                @if row.spans.len() > MOST_SPANS { br; small { "and " (row.spans.len() - MOST_SPANS) " more" } }
                br;
                code { (row.expr) }
            }
        }
    }
}

/// More alerts of one rule are counted, not shown.
const MOST_SPANS: usize = 10;

/// A colour is no verdict: an alert may be meant to fire.
fn class(reading: AlertReading) -> &'static str {
    match reading {
        AlertReading::Fired => "fail",
        AlertReading::Silent => "pass",
        AlertReading::Pending
        | AlertReading::TooShort
        | AlertReading::NoSuchSeries
        | AlertReading::Failed
        | AlertReading::Refused => "inconclusive",
    }
}
