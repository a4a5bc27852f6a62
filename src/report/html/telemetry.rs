//! The page's section on the target's own telemetry: each check with the rows that it rests on.

use maud::{Markup, html};

use super::sections::badge;
use crate::model::Verdict;
use crate::report::TelemetryCheck;

pub(super) fn section(checks: &[TelemetryCheck]) -> Markup {
    html! {
        section {
            h2 { "Telemetry" }
            p { "What the target says of itself, held against what gander sent and what came back." }
            @for check in checks { (card(check)) }
        }
    }
}

fn card(check: &TelemetryCheck) -> Markup {
    let TelemetryCheck { finding, evidence, .. } = check;
    html! {
        details open[finding.verdict != Verdict::Pass] {
            summary {
                (badge(finding.verdict))
                " " (finding.name) " - " (finding.because)
            }
            @if !evidence.rows.is_empty() {
                div.card.scroll tabindex="0" role="region" aria-label=(finding.name) {
                    table {
                        thead { tr { @for column in &evidence.columns { th scope="col" { (column) } } } }
                        tbody { @for row in &evidence.rows {
                            tr { @for cell in row { td { (cell) } } }
                        } }
                    }
                }
                @if let Some(more) = check.more_rows(evidence.rows.len()) { p { "and " (more) } }
            }
        }
    }
}
