//! The page's section on the user's own Prometheus: what it gave, and what it made of the same alerts.

use maud::{Markup, html};

use crate::report::own_prometheus::PrometheusReport;
use crate::report::prometheus_words;
use crate::slo::Agreement;

pub(super) fn section(report: &PrometheusReport) -> Markup {
    html! {
        section {
            h2 { "Prometheus" }
            ul { @for told in prometheus_words::given(report) { li { (told) } } }
            @if !report.alerts.is_empty() {
                p { "What its rule engine made of the same alerts: " (prometheus_words::counts(report)) "." }
                div.card.scroll tabindex="0" role="region" aria-label="Prometheus" {
                    table.objectives {
                        thead { tr {
                            th scope="col" { "Both" } th scope="col" { "Alert" } th scope="col" { "Its rule" }
                            th scope="col" { "There" } th scope="col" { "Here" } th scope="col" { "Why" }
                        } }
                        tbody { @for row in &report.alerts {
                            tr {
                                td { span class={ "badge " (class(row.agreement)) } { (row.agreement.text()) } }
                                th scope="row" { (row.alert) small { (row.origin) } }
                                td { (row.rule.text()) }
                                td { (prometheus_words::theirs(row)) }
                                td { (prometheus_words::ours(row)) }
                                td.why { (row.because) }
                            }
                        } }
                    }
                }
            }
        }
    }
}

fn class(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Agree => "pass",
        Agreement::Differ => "fail",
        Agreement::BothDead | Agreement::NotComparable => "inconclusive",
    }
}
