//! `report.html`: one page that holds all it needs. The server's markup ends here; charts are drawn in the browser from
//! data that lies in the page.
//!
//! Nothing is fetched, and the policy in the page's head forbids it: scripts and styles run only if their hashes match.

mod alerts;
mod budgets;
mod charts;
mod cost;
mod health_strip;
mod own_prometheus;
mod sections;
mod telemetry;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::RunReport;
use charts::Chart;

/// uPlot 1.6.32, MIT; its licence lies beside it.
const UPLOT_SCRIPT: &str = include_str!("html/uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("html/uplot/uPlot.min.css");
const PAGE_SCRIPT: &str = include_str!("html/charts.js");
const PAGE_STYLE: &str = include_str!("html/page.css");

pub(super) fn render(report: &RunReport) -> Vec<u8> {
    let load = charts::load(report);
    let saturation = charts::saturation(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(report))
            body {
                main {
                    (sections::verdict(report))
                    (sections::objectives(report))
                    (budgets::budgets(report))
                    @if let Some(history) = &report.alerts { (alerts::alerts(history)) }
                    @if !report.telemetry.is_empty() { (telemetry::section(&report.telemetry)) }
                    @if let Some(cost) = &report.cost { (cost::section(cost)) }
                    @if let Some(prometheus) = &report.prometheus { (own_prometheus::section(prometheus)) }
                    (sections::golden_signals(report))
                    (figures("Over time", "charts", &load))
                    (health_strip::section(report))
                    (figures("Saturation of the target", "charts small", &saturation))
                    (sections::steps(report))
                    (sections::errors(report))
                    (sections::clocks(report))
                    (sections::streams(report))
                    (sections::beside(report))
                    (sections::generator(report))
                    (sections::notes(report))
                    (sections::environment(report))
                }
                script type="application/json" id="chart-data" { (data(load.iter().chain(&saturation))) }
                script { (PreEscaped(UPLOT_SCRIPT)) }
                script { (PreEscaped(PAGE_SCRIPT)) }
            }
        }
    };
    page.into_string().into_bytes()
}

fn head(report: &RunReport) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="generator" content={ "gander " (report.run.gander) };
            title { (report.verdict) ": " (report.scenario) " - gander" }
            style { (PreEscaped(UPLOT_STYLE)) }
            style { (PreEscaped(PAGE_STYLE)) }
        }
    }
}

/// The page may run its own two scripts, use its own two styles, and nothing else.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src {} {}; style-src {} {}; base-uri 'none'; form-action 'none'",
        hash(UPLOT_SCRIPT),
        hash(PAGE_SCRIPT),
        hash(UPLOT_STYLE),
        hash(PAGE_STYLE),
    )
}

fn hash(source: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(source)))
}

fn figures(title: &str, class: &str, charts: &[Chart]) -> Markup {
    html! {
        @if !charts.is_empty() {
            section {
                h2 { (title) }
                div class=(class) {
                    @for chart in charts { (figure(chart)) }
                }
            }
        }
    }
}

fn figure(chart: &Chart) -> Markup {
    html! {
        figure.wide[chart.wide] {
            figcaption {
                h3 { (chart.title) }
                p { (chart.summary) }
            }
            @if chart.is_empty() {
                p.empty { "no data" }
            } @else {
                div.plot id=(chart.id) role="img" aria-label={ (chart.title) ": " (chart.summary) } {}
            }
        }
    }
}

/// The charts that have data, as JSON that can not end its element.
fn data<'a>(charts: impl Iterator<Item = &'a Chart>) -> Markup {
    let drawn: Vec<&Chart> = charts.filter(|chart| !chart.is_empty()).collect();
    let json = serde_json::to_string(&drawn).expect("a chart holds strings, numbers and lists of them");
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            _ => escaped.push(c),
        }
    }
    PreEscaped(escaped)
}
