//! The page's parts that are text and tables.

use maud::{Markup, html};

use crate::metrics::MAX_REASONS;
use crate::model::{OutcomeClass, Verdict, counted, format_count, format_ratio};
use crate::report::figures::{P50, P90, P95, P99};
use crate::report::{Finding, OutcomeCount, RunReport, StepRow, figures};

pub(super) fn verdict(report: &RunReport) -> Markup {
    html! {
        header class={ "verdict " (class(report.verdict)) } {
            p.brand { "gander" span { " load test of an MCP server" } }
            h1 { (badge(report.verdict)) " " (report.scenario) }
            p.because { (report.because) }
            dl.facts {
                (fact("Target", &figures::target(report)))
                (fact("Started", &report.run.started_at.replace('T', " ").replace('Z', " UTC")))
                (fact("Load", &format!("{}, {}", figures::duration(report.duration), figures::peak_users(report))))
                (fact("State", &report.state))
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

pub(super) fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (class(verdict)) } { (verdict) } }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Invalid => "invalid",
    }
}

pub(super) fn objectives(report: &RunReport) -> Markup {
    html! {
        section {
            h2 { "Objectives" }
            div.card.scroll tabindex="0" role="region" aria-label="Objectives" {
                table.objectives {
                    thead { tr {
                        th scope="col" { "Verdict" } th scope="col" { "Objective" }
                        th scope="col" { "Indicator" }
                        th.number scope="col" { "Value" } th scope="col" { "Limit" }
                        th scope="col" title="Value against limit, without regard to chance" { "Plainly" }
                        th.number scope="col" { "Samples" } th.number scope="col" { "Bad" }
                        th scope="col" { "Why" }
                    } }
                    tbody { @for objective in &report.objectives { (objective_row(objective)) } }
                }
            }
        }
    }
}

fn objective_row(objective: &Finding) -> Markup {
    html! {
        tr {
            td { (badge(objective.verdict)) }
            th scope="row" { (objective.name) small { (objective.origin) } }
            td { (objective.indicator) small { (objective.scope) } }
            td class={ "number strong " (class(objective.verdict)) } { (objective.value) }
            td.nowrap { (objective.limit) }
            td.nowrap { (objective.plainly()) }
            td.number { (format_count(objective.samples)) }
            td.number { (objective.bad.map_or_else(|| "-".to_owned(), format_count)) }
            td.why { (objective.because) }
        }
    }
}

pub(super) fn golden_signals(report: &RunReport) -> Markup {
    let total = &report.total;
    let latency: Vec<String> = [P50, P90, P99]
        .iter()
        .map(|percentile| format!("{} {}", percentile.name, percentile.of(total)))
        .chain([format!("max {}", figures::latency(total.max))])
        .collect();
    let not_sent = figures::not_sent(total);
    let traffic: Vec<String> = [
        Some(format!("{} in the steady phase", counted(total.calls, "call"))),
        (not_sent > 0).then(|| format!("{} of them never sent, not in the rate", format_count(not_sent))),
        Some(format!("{} in the warm-up, left out", format_count(report.warm_up_total.calls))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let failed = format!("{} of {} calls", format_count(figures::failed(total)), format_count(total.calls));
    let classes =
        total.failures.iter().map(|(class, count)| format!("{} {}", class.label(), format_count(*count)));
    let lost = figures::lost_sessions(report).map(|lost| format!("sessions: {lost}"));
    let crossed = format!("cross-talk: {}", figures::cross_talk(report));
    let errors: Vec<String> = std::iter::once(failed).chain(classes).chain(lost).chain([crossed]).collect();
    let peaks: Vec<String> = if report.saturation.is_empty() {
        vec![figures::peaks(report)]
    } else {
        report.saturation.iter().skip(1).map(figures::peak).collect()
    };
    let fullest = report.saturation.first();
    html! {
        section {
            h2 { "Golden signals" }
            div.tiles {
                (tile("Latency", "p95", &or_no_data(total.p95.map(|_| P95.of(total))), &latency))
                (tile("Traffic", "mean", &figures::rate(total.rate), &traffic))
                (tile("Errors", "ratio", &or_no_data((total.calls > 0).then(|| format_ratio(total.error_ratio))), &errors))
                (tile("Saturation", &fullest.map_or_else(String::new, |measure| format!("peak {}", measure.name)),
                    &or_no_data(fullest.map(|measure| figures::measure(&measure.unit, measure.peak))), &peaks))
            }
        }
    }
}

fn or_no_data(value: Option<String>) -> String {
    value.unwrap_or_else(|| "no data".to_owned())
}

fn tile(name: &str, what: &str, value: &str, details: &[String]) -> Markup {
    html! {
        div.card.tile {
            h3 { (name) }
            p.value { (value) " " small { (what) } }
            ul.details { @for detail in details { li { (detail) } } }
        }
    }
}

pub(super) fn steps(report: &RunReport) -> Markup {
    let rows: Vec<&StepRow> =
        report.steps.iter().chain((report.steps.len() > 1).then_some(&report.total)).collect();
    html! {
        section {
            h2 { "Steps" }
            (calls_table("Steps", &rows))
            (few_calls(&rows))
            p.muted { "Load calls of the steady phase. The bar reaches from p50 to p99 with a mark at p95, on one \
                logarithmic axis for all rows." }
        }
    }
}

/// The same calls on each clock; nothing without calls.
pub(super) fn clocks(report: &RunReport) -> Markup {
    html! {
        @if !report.clocks.is_empty() {
            section {
                h2 { "Clocks" }
                div.card.scroll tabindex="0" role="region" aria-label="Clocks" {
                    table {
                        thead { tr {
                            th scope="col" { "Clock" }
                            @for name in ["p50", "p90", "p95", "p99", "p99.9", "max"] { th.number scope="col" { (name) } }
                            th scope="col" { "Meaning" }
                        } }
                        tbody { @for clock in &report.clocks { tr {
                            th scope="row" { (clock.name) @if clock.estimate { small { "estimate" } } }
                            @for value in [clock.p50, clock.p90, clock.p95, clock.p99, clock.p999, clock.max] {
                                td.number { (figures::latency(value)) }
                            }
                            td { (clock.meaning) }
                        } } }
                    }
                }
            }
        }
    }
}

/// When the parts of answers came; nothing where none came in parts.
pub(super) fn streams(report: &RunReport) -> Markup {
    html! {
        @if !report.streams.is_empty() {
            section {
                h2 { "Streams" }
                div.card.scroll tabindex="0" role="region" aria-label="Streams" {
                    table {
                        thead { tr {
                            th scope="col" { "Step" } th scope="col" { "To the" } th.number scope="col" { "Calls" }
                            @for name in ["p50", "p95", "max"] { th.number scope="col" { (name) } }
                        } }
                        tbody { @for (step, time) in figures::stream_times(report) { tr {
                            th scope="row" { (step) }
                            td { (time.what) }
                            td.number { (format_count(time.calls)) }
                            @for seconds in [time.p50, time.p95, time.max] { td.number { (figures::duration(seconds)) } }
                        } } }
                    }
                }
                p.muted { "Of calls whose answers came on streams, with news of their progress before them, or as results of tasks: from when they \
                    were sent; the longest gap is between two messages of a call." }
            }
        }
    }
}

/// Whether gander itself was the bottleneck; nothing where it did not watch.
pub(super) fn generator(report: &RunReport) -> Markup {
    html! {
        @if !report.generator.is_empty() {
            section {
                h2 { "Load generator" }
                div.card.scroll tabindex="0" role="region" aria-label="Load generator" {
                    table {
                        thead { tr {
                            th scope="col" { "Holds" } th scope="col" { "Check" }
                            th.number scope="col" { "Value" } th scope="col" { "Limit" }
                        } }
                        tbody { @for check in &report.generator { tr {
                            td { @match check.holds {
                                Some(true) => span.badge.pass { "yes" },
                                Some(false) => span.badge.invalid { "no" },
                                None => "no data",
                            } }
                            th scope="row" { (check.name) }
                            td.number { (check.value) }
                            td { (check.limit) }
                        } } }
                    }
                }
                p.muted { "Where one does not hold, gander may have been the bottleneck, and the run is INVALID rather than a PASS." }
            }
        }
    }
}

/// Why calls failed; nothing where none did.
pub(super) fn errors(report: &RunReport) -> Markup {
    html! {
        @if !report.errors.is_empty() {
            section {
                h2 { "Errors" }
                div.card.scroll tabindex="0" role="region" aria-label="Errors" {
                    table.errors {
                        thead { tr {
                            th scope="col" { "Step" } th scope="col" { "Phase" } th scope="col" { "Class" }
                            th.number scope="col" { "Calls" } th scope="col" { "Why" }
                        } }
                        tbody { @for error in &report.errors { tr {
                            th scope="row" { (error.step) }
                            td { (figures::phase(error.phase)) }
                            td.nowrap { (error.class.label()) }
                            td.number { (format_count(error.calls)) }
                            td.said {
                                @if let Some(reason) = &error.reason { code { (reason) } } @else { (figures::reason(error)) }
                            }
                        } } }
                    }
                }
                p.muted { "In the words of the target, of the socket or of the check, with secrets taken out. Of each step and \
                    class the first " (MAX_REASONS) " distinct reasons are kept." }
            }
        }
    }
}

/// What the mark at percentiles of few calls means, where there is one.
fn few_calls(rows: &[&StepRow]) -> Markup {
    html! { @if figures::lack_calls(rows.iter().copied()) { p.muted { (figures::FEW_CALLS) "." } } }
}

fn calls_table(label: &str, rows: &[&StepRow]) -> Markup {
    let axis = SpreadAxis::of(rows);
    html! {
        div.card.scroll tabindex="0" role="region" aria-label=(label) {
            table.calls {
                thead { tr {
                    th scope="col" { "Step" } th.number scope="col" { "Calls" }
                    th.number scope="col" { "Rate" } th.number scope="col" { "Errors" }
                    th scope="col" { "Spread" }
                    @for name in LATENCIES { th.number scope="col" { (name) } }
                } }
                tbody { @for row in rows { (step_row(row, axis.as_ref())) } }
            }
        }
    }
}

fn step_row(row: &StepRow, axis: Option<&SpreadAxis>) -> Markup {
    let what = row.tool.as_ref().map_or_else(|| row.method.clone(), |tool| format!("{} {tool}", row.method));
    html! {
        tr.total[row.method.is_empty()] {
            th scope="row" { (row.name) small { (what) } }
            td.number { (format_count(row.calls)) }
            td.number { (figures::rate(row.rate)) }
            td class=(if figures::failed(row) > 0 && !row.expected { "number strong fail" } else { "number" }) {
                (if row.calls == 0 || row.expected { "-".to_owned() } else { format_ratio(row.error_ratio) })
            }
            td { (spread(row, axis)) }
            @for value in latencies(row) { td.number { (value) } }
        }
        @if !row.failures.is_empty() {
            tr.beneath { td colspan=(5 + LATENCIES.len()) {
                (figures::failures(row)) @if row.expected { " (" (EXPECTED) ")" }
            } }
        }
    }
}

/// Of a failure that is as it should be.
const EXPECTED: &str = "as expected of a legacy target";

const LATENCIES: [&str; 7] = ["min", "mean", "p50", "p90", "p95", "p99", "max"];

fn latencies(row: &StepRow) -> [String; LATENCIES.len()] {
    let [min, mean, max] = [row.min, row.mean, row.max].map(figures::latency);
    [min, mean, P50.of(row), P90.of(row), P95.of(row), P99.of(row), max]
}

/// A logarithmic axis from the smallest p50 to the largest p99 of a table.
struct SpreadAxis {
    low: f64,
    high: f64,
}

impl SpreadAxis {
    const WIDTH: f64 = 120.0;

    fn of(rows: &[&StepRow]) -> Option<Self> {
        let low = rows.iter().filter_map(|row| row.p50).reduce(f64::min)?.log10();
        let high = rows.iter().filter_map(|row| row.p99).reduce(f64::max)?.log10();
        Some(Self { low, high: high.max(low + 0.1) })
    }

    fn place(&self, latency: f64) -> f64 {
        4.0 + (latency.log10() - self.low) / (self.high - self.low) * (Self::WIDTH - 8.0)
    }
}

fn spread(row: &StepRow, axis: Option<&SpreadAxis>) -> Markup {
    let (Some(axis), Some(p50), Some(p95), Some(p99)) = (axis, row.p50, row.p95, row.p99) else {
        return html! {};
    };
    let [p50, p95, p99] = [p50, p95, p99].map(|latency| axis.place(latency));
    html! {
        svg.spread viewBox={ "0 0 " (SpreadAxis::WIDTH) " 14" } width=(SpreadAxis::WIDTH) height="14" aria-hidden="true" {
            line.axis x1="0" x2=(SpreadAxis::WIDTH) y1="7" y2="7" {}
            rect.range x=(format!("{:.1}", p50 - 3.0)) y="4" height="6" rx="3" width=(format!("{:.1}", p99 - p50 + 6.0)) {}
            circle.mid cx=(format!("{p50:.1}")) cy="7" r="3" {}
            rect.mark x=(format!("{:.1}", p95 - 1.0)) y="1" width="2" height="12" {}
        }
    }
}

/// What is in no verdict: outcomes of the whole run, and the calls around the load.
pub(super) fn beside(report: &RunReport) -> Markup {
    let most = report.outcomes.iter().map(|outcome| outcome.count).max().unwrap_or(1).max(1);
    html! {
        section {
            h2 { "Outcomes of the whole run" }
            div.card {
                p.muted { (figures::books_in_full(report)) "." }
                @if report.outcomes.is_empty() {
                    p.empty { "no data" }
                } @else {
                    table.outcomes {
                        tbody { @for outcome in &report.outcomes { tr {
                            th scope="row" { code { (outcome.outcome) } }
                            td { (outcome_class(outcome)) }
                            td.number { (format_count(outcome.count)) }
                            td.bar { svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                                rect class=(bar(outcome)) x="0" y="0" height="8"
                                    width=(format!("{:.2}", (outcome.count as f64 / most as f64 * 100.0).max(0.6))) {}
                            } }
                        } } }
                    }
                }
            }
        }
        @if !report.around.is_empty() {
            section {
                h2 { "Set-up and tear-down" }
                @let rows: Vec<&StepRow> = report.around.iter().collect();
                (calls_table("Set-up and tear-down", &rows))
                (few_calls(&rows))
                p.muted { "Over the whole run; in no objective." }
            }
        }
    }
}

/// Its class in words, where that says more than the outcome itself.
fn outcome_class(outcome: &OutcomeCount) -> String {
    match (outcome.class.label(), outcome.expected) {
        (label, false) if label == outcome.outcome => String::new(),
        (label, false) => label.to_owned(),
        (label, true) => format!("{label}, {EXPECTED}"),
    }
}

fn bar(outcome: &OutcomeCount) -> &'static str {
    match (outcome.class, outcome.expected) {
        (_, true) | (OutcomeClass::Cancelled | OutcomeClass::Interrupted, false) => "neutral",
        (OutcomeClass::Ok, false) => "ok",
        (
            OutcomeClass::Transport
            | OutcomeClass::Timeout
            | OutcomeClass::Http
            | OutcomeClass::Protocol
            | OutcomeClass::JsonRpc
            | OutcomeClass::Tool
            | OutcomeClass::Check
            | OutcomeClass::NotSent,
            false,
        ) => "bad",
    }
}

pub(super) fn notes(report: &RunReport) -> Markup {
    html! {
        section {
            h2 { "Notes" }
            div.card { ul.notes { @for note in &report.notes { li { (note) } } } }
        }
    }
}

pub(super) fn environment(report: &RunReport) -> Markup {
    let machine = &report.environment;
    html! {
        section {
            h2 { "Run and environment" }
            div.card { dl.facts {
                (fact("Run", &report.run.run_id))
                (fact("Scenario file", &report.run.scenario_file))
                @if !report.description.is_empty() { (fact("Description", &report.description)) }
                (fact("Load by", &figures::gander(report)))
                (fact("System", &machine.os))
                (fact("CPU", &format!("{}, {} cores", machine.cpu, machine.cores)))
                (fact("Memory", &figures::bytes(machine.memory_bytes as f64)))
                (fact("Scrapes", &format!("{}, {} failed", report.scrapes, report.scrapes_failed)))
                @if let Some(tools) = report.target.as_ref().and_then(|target| target.tools.as_ref()) {
                    (fact("Tools of the target", &tools.join(", ")))
                }
            } }
        }
    }
}
