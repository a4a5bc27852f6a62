//! The health endpoints over time, as coloured strips drawn in the page itself, and in words.

use maud::{Markup, html};

use crate::model::HealthState;
use crate::report::{HealthSpan, RunReport, figures};

/// Strips are drawn in these units, whatever their width on the screen.
const WIDTH: f64 = 1000.0;
/// A span of one probe is still to be seen.
const NARROWEST: f64 = 4.0;

pub(super) fn section(report: &RunReport) -> Markup {
    let end = report.health.iter().map(|span| span.to).fold(report.duration, f64::max).max(1.0);
    let unwell = figures::unwell(report);
    html! {
        section {
            h2 { "Health endpoints" }
            div.card {
                @if report.health.is_empty() {
                    p.empty { "no data" }
                } @else {
                    @for endpoint in ["health", "ready", "live"] { (strip(report, endpoint, end)) }
                    div.strip.ticks aria-hidden="true" {
                        span {}
                        div {
                            @for quarter in 0..=4 { span { (figures::moment(end * f64::from(quarter) / 4.0)) } }
                        }
                    }
                    p.key {
                        span.key-healthy { "healthy" }
                        span.key-degraded { "degraded" }
                        span.key-unhealthy { "unhealthy" }
                        span.key-unknown { "no usable answer" }
                    }
                    @if unwell.is_empty() {
                        p.muted { "Every probe found the target healthy." }
                    } @else {
                        ul { @for spell in &unwell { li { (spell) } } }
                    }
                }
            }
        }
    }
}

fn strip(report: &RunReport, endpoint: &str, end: f64) -> Markup {
    let spans: Vec<&HealthSpan> = report.health.iter().filter(|span| span.endpoint == endpoint).collect();
    let probes: u64 = spans.iter().map(|span| span.probes).sum();
    let scale = |at: f64| (at.max(0.0) / end * WIDTH).min(WIDTH);
    html! {
        @if !spans.is_empty() {
            div.strip {
                span { "/" (endpoint) }
                svg viewBox={ "0 0 " (WIDTH) " 20" } preserveAspectRatio="none" role="img"
                    aria-label={ (endpoint) ": " (probes) " probes, " (spans.len()) " spans" } {
                    @for (i, span) in spans.iter().enumerate() {
                        // A state holds until the next probe that says otherwise.
                        @let until = spans.get(i + 1).map_or(span.to, |next| next.from);
                        @let from = scale(span.from).min(WIDTH - NARROWEST);
                        rect class=(class(span)) x=(figure(from)) y="0" height="20"
                             width=(figure((scale(until) - from).max(NARROWEST))) {
                            title { (title(span)) }
                        }
                    }
                }
            }
        }
    }
}

fn title(span: &HealthSpan) -> String {
    let detail = if span.detail.is_empty() { String::new() } else { format!(" ({})", span.detail) };
    let (from, to) = (figures::moment(span.from), figures::moment(span.to));
    format!("{}{detail}, {from} to {to}, {} probes", figures::health_word(span), span.probes)
}

fn class(span: &HealthSpan) -> &'static str {
    match span.state {
        Some(HealthState::Healthy) => "healthy",
        Some(HealthState::Degraded) => "degraded",
        Some(HealthState::Unhealthy) => "unhealthy",
        None => "unknown",
    }
}

fn figure(value: f64) -> String {
    format!("{value:.1}")
}
