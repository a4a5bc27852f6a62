//! The health endpoints over time, as coloured strips drawn in the page itself, and in words.

use maud::{Markup, html};

use crate::model::{HealthState, format_count};
use crate::report::{HealthSpan, RunReport, figures};

/// Strips are drawn in these units, whatever their width on the screen.
const WIDTH: f64 = 1000.0;
/// The endpoints, in the order in which they are shown.
const ENDPOINTS: [&str; 3] = ["health", "ready", "live"];
/// Seconds between ticks.
const STEPS: [f64; 15] =
    [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0];
const MOST_TICKS: f64 = 6.0;
/// A span of one probe is still to be seen.
const NARROWEST: f64 = 4.0;

/// Nothing where nothing was probed; a sentence where all was well.
pub(super) fn section(report: &RunReport) -> Markup {
    let unwell = figures::unwell(report);
    html! {
        @if !report.health.is_empty() {
            section {
                h2 { "Health endpoints" }
                div.card {
                    @if unwell.is_empty() {
                        p.key { span.key-healthy { (all_well(report)) } }
                    } @else {
                        (strips(report))
                        ul { @for spell in &unwell { li { (spell) } } }
                    }
                }
            }
        }
    }
}

fn all_well(report: &RunReport) -> String {
    let probes = |endpoint: &str| -> u64 {
        report.health.iter().filter(|span| span.endpoint == endpoint).map(|span| span.probes).sum()
    };
    let each: Vec<String> = ENDPOINTS
        .into_iter()
        .filter(|endpoint| probes(endpoint) > 0)
        .map(|endpoint| format!("/{endpoint} ({})", format_count(probes(endpoint))))
        .collect();
    format!("Every probe found the target healthy: {}.", each.join(", "))
}

fn strips(report: &RunReport) -> Markup {
    let end = report.health.iter().map(|span| span.to).fold(report.duration, f64::max).max(1.0);
    html! {
        @for endpoint in ENDPOINTS { (strip(report, endpoint, end)) }
        div.strip.ticks aria-hidden="true" {
            span {}
            svg {
                @for at in ticks(end) {
                    @let x = format!("{:.2}%", at / end * 100.0);
                    text x=(x) y="11" text-anchor=(if at == 0.0 { "start" } else { "middle" }) { (figures::tick(at)) }
                }
            }
        }
        p.key {
            span.key-healthy { "healthy" }
            span.key-degraded { "degraded" }
            span.key-unhealthy { "unhealthy" }
            span.key-unknown { "no usable answer" }
        }
    }
}

/// Round moments from 0 on, none at the very end, where there is no room.
fn ticks(end: f64) -> Vec<f64> {
    let step = STEPS.into_iter().find(|step| end / step <= MOST_TICKS).unwrap_or(end);
    (0..=40u32).map(|n| f64::from(n) * step).filter(|at| *at <= end * 0.97).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(30.4), [0.0, 10.0, 20.0]);
        assert_eq!(ticks(12.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert!(ticks(1e6).len() <= 7);
    }
}
