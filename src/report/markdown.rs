//! `summary.md`: for a CI job's page or a pull-request comment, in GitHub's Markdown.
//!
//! Text is escaped so that it can neither break a table nor mention a person, link or embed anything.

use std::fmt::Write as _;

use super::figures::{P50, P95, P99};
use super::own_prometheus::PrometheusReport;
use super::{
    Finding, RunReport, StepRow, StreamTime, TelemetryCheck, alert_words, budget_words, cost_words, figures,
    prometheus_words,
};
use crate::model::{Verdict, format_count, format_ratio};
use crate::slo::{AlertHistory, AlertRow};
use crate::verify::Cost;

/// Rows of errors beyond this are counted, not shown.
const MOST_ERRORS: usize = 20;

pub(super) fn render(report: &RunReport) -> Vec<u8> {
    let parts = [
        head(report),
        objectives(report),
        budgets(report),
        report.alerts.as_ref().map(alerts).unwrap_or_default(),
        telemetry(&report.telemetry),
        report.cost.as_ref().map(cost).unwrap_or_default(),
        report.prometheus.as_ref().map(prometheus).unwrap_or_default(),
        golden_signals(report),
        steps(report),
        streams(report),
        errors(report),
        notes(report),
    ];
    let told: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    told.join("\n").into_bytes()
}

fn head(report: &RunReport) -> String {
    let load = match &report.target {
        None => "No load: the target was not reached, or not ready.".to_owned(),
        Some(_) => {
            format!("{} of load on {}.", figures::duration(report.duration), text(&figures::target(report)))
        }
    };
    format!(
        "## {} {}: {}\n\n**Why:** {}\n\n{load}\n",
        mark(report.verdict),
        report.verdict,
        text(&report.scenario),
        text(&report.because),
    )
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Invalid => "🚫",
        Verdict::Inconclusive => "❔",
    }
}

fn objectives(report: &RunReport) -> String {
    let mut table = String::from(
        "### Objectives\n\n| | Objective | Scope | Indicator | Value | Limit | Plainly | Samples |\n\
         |---|---|---|---|--:|---|---|--:|\n",
    );
    for objective in &report.objectives {
        row(&mut table, &objective_cells(objective));
    }
    for objective in report.objectives.iter().filter(|objective| objective.verdict != Verdict::Pass) {
        table += &["\n- ", &code(&objective.name), ": ", &text(&objective.because)].concat();
    }
    if report.objectives.iter().any(|objective| objective.verdict != Verdict::Pass) {
        table.push('\n');
    }
    table
}

fn objective_cells(objective: &Finding) -> [String; 8] {
    [
        format!("{} {}", mark(objective.verdict), objective.verdict),
        code(&objective.name),
        text(&objective.scope),
        text(&objective.indicator),
        text(&objective.value),
        text(&objective.limit),
        objective.plainly().to_owned(),
        format_count(objective.samples),
    ]
}

/// How budgets burnt; empty where no objective has one.
fn budgets(report: &RunReport) -> String {
    let mut rows = budget_words::budgets(report).peekable();
    if rows.peek().is_none() {
        return String::new();
    }
    let heads = budget_words::HEADS.join(" | ");
    let mut table =
        format!("### Error budgets\n\n{}.\n\n| {heads} |\n|---|--:|--:|--:|---|\n", budget_words::TERMS);
    for (finding, budget) in rows {
        let cells = budget_words::cells(budget).map(|cell| text(&cell));
        row(&mut table, &[&[code(&finding.name)], cells.as_slice()].concat());
    }
    table
}

fn alerts(history: &AlertHistory) -> String {
    let mut table = format!(
        "### Alerts\n\n{}.\n\n| Alert | Reading | Severity | For | Told | Why |\n|---|---|---|--:|---|---|\n",
        text(&alert_words::terms(history))
    );
    for rule in &history.rules {
        let cells = [
            code(&rule.alert),
            text(rule.reading.text()),
            text(&rule.severity),
            text(&alert_words::hold(rule)),
            text(&alert_words::told(history, rule)),
            text(&why(rule)),
        ];
        row(&mut table, &cells);
    }
    table.push('\n');
    for told in alert_words::broken(history).chain(alert_words::paged(history)) {
        table += &["- ", &text(&told), "\n"].concat();
    }
    table
}

/// The checks of the target's own telemetry: what is not as it should be, with its rows.
fn telemetry(checks: &[TelemetryCheck]) -> String {
    let mut part = String::new();
    for check in checks {
        let TelemetryCheck { finding, evidence, .. } = check;
        if finding.verdict == Verdict::Pass {
            continue;
        }
        if part.is_empty() {
            part += "### Telemetry\n\n";
        }
        part += &["**", &text(&finding.name), "**: ", &text(&finding.because), "\n\n"].concat();
        if evidence.rows.is_empty() {
            continue;
        }
        row(&mut part, &evidence.columns.iter().map(|column| text(column)).collect::<Vec<_>>());
        part += &["|", &"---|".repeat(evidence.columns.len()), "\n"].concat();
        for cells in &evidence.rows {
            row(&mut part, &cells.iter().map(|cell| text(cell)).collect::<Vec<_>>());
        }
        if let Some(more) = check.more_rows(evidence.rows.len()) {
            part += &["\nand ", &text(&more), "\n"].concat();
        }
        part += "\n";
    }
    part
}

/// What the run cost: in one sentence, and whose it is.
fn cost(cost: &Cost) -> String {
    let mut part = ["### Cost (estimated)\n\n", &text(&cost_words::headline(cost)), ".\n\n"].concat();
    row(&mut part, &cost_words::HEADS.map(text));
    part += "|---|---:|---:|---:|\n";
    for of in &cost.rows {
        row(&mut part, &cost_words::row(cost, of).map(|cell| text(&cell)));
    }
    part.push('\n');
    row(&mut part, &cost_words::PART_HEADS.map(text));
    part += "|---|---:|---|\n";
    for of in &cost.parts {
        row(&mut part, &cost_words::part(cost, of).map(|cell| text(&cell)));
    }
    part
}

fn prometheus(report: &PrometheusReport) -> String {
    let mut part = String::from("### Prometheus\n\n");
    for told in prometheus_words::given(report) {
        part += &["- ", &text(&told), "\n"].concat();
    }
    if report.alerts.is_empty() {
        return part;
    }
    part += &[
        "\nWhat its rule engine made of the same alerts: ",
        &text(&prometheus_words::counts(report)),
        ".\n",
    ]
    .concat();
    part += "\n| Alert | Both | Its rule | There | Here | Why |\n|---|---|---|---|---|---|\n";
    for alert in &report.alerts {
        let cells = [
            code(&alert.alert),
            text(alert.agreement.text()),
            text(alert.rule.text()),
            text(&prometheus_words::theirs(alert)),
            text(&prometheus_words::ours(alert)),
            text(&alert.because),
        ];
        row(&mut part, &cells);
    }
    part
}

/// Why a rule reads as it does, and what it would have done.
fn why(rule: &AlertRow) -> String {
    let projected = alert_words::projected(rule);
    let because = alert_words::because(rule);
    projected.map_or_else(|| because.clone(), |projected| format!("{because}; {projected}"))
}

fn golden_signals(report: &RunReport) -> String {
    let total = &report.total;
    let mut table = String::from("### Golden signals\n\n| Signal | |\n|---|---|\n");
    let latency = if total.p50.is_some() {
        let told = [P50, P95, P99].map(|percentile| format!("{} {}", percentile.name, percentile.of(total)));
        format!("{}, max {}", told.join(", "), figures::latency(total.max))
    } else {
        "no data".to_owned()
    };
    row(&mut table, &["Latency".to_owned(), text(&latency)]);
    for (name, told) in figures::other_clocks(report) {
        row(&mut table, &[text(name), text(&told)]);
    }
    row(&mut table, &["Traffic".to_owned(), figures::traffic(total)]);
    row(&mut table, &["Calls".to_owned(), text(&figures::books_in_full(report))]);
    let classes = figures::failures(total);
    let errors = figures::errors(total);
    let errors = if classes.is_empty() { errors } else { format!("{errors}: {classes}") };
    row(&mut table, &["Errors".to_owned(), text(&errors)]);
    if let Some(lost) = figures::lost_sessions(report) {
        row(&mut table, &["Sessions".to_owned(), text(&lost)]);
    }
    row(&mut table, &["Cross-talk".to_owned(), text(&figures::cross_talk(report))]);
    row(&mut table, &["Saturation".to_owned(), text(&figures::peaks(report))]);
    let unwell = figures::unwell(report);
    if !unwell.is_empty() {
        row(&mut table, &["Health".to_owned(), text(&unwell.join("; "))]);
    }
    table
}

fn steps(report: &RunReport) -> String {
    let mut table = String::from(
        "### Steps\n\n| Step | Calls | Rate | Errors | p50 | p95 | p99 | max | Failures |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for step in &report.steps {
        row(&mut table, &step_cells(step));
    }
    if figures::lack_calls(report.steps.iter().chain([&report.total])) {
        writeln!(table, "\n{}", text(figures::FEW_CALLS)).expect("writing to a string does not fail");
    }
    table
}

fn step_cells(step: &StepRow) -> [String; 9] {
    [
        code(&step.name),
        format_count(step.calls),
        figures::rate(step.rate),
        if step.calls == 0 { "-".to_owned() } else { format_ratio(step.error_ratio) },
        text(&P50.of(step)),
        text(&P95.of(step)),
        text(&P99.of(step)),
        figures::latency(step.max),
        figures::failures(step),
    ]
}

/// When the parts of answers came; empty where none came in parts.
fn streams(report: &RunReport) -> String {
    if report.streams.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "### Streams\n\n| Step | To the | Calls | p50 | p95 | max |\n|---|---|--:|--:|--:|--:|\n",
    );
    for (step, time) in figures::stream_times(report) {
        let StreamTime { what, calls, p50, p95, max } = time;
        let [p50, p95, max] = [p50, p95, max].map(|seconds| figures::duration(*seconds));
        row(&mut table, &[code(step), text(what), format_count(*calls), p50, p95, max]);
    }
    table
}

/// Why calls failed; empty where none did.
fn errors(report: &RunReport) -> String {
    if report.errors.is_empty() {
        return String::new();
    }
    let mut table =
        String::from("### Errors\n\n| Step | Phase | Class | Calls | Why |\n|---|---|---|--:|---|\n");
    for error in report.errors.iter().take(MOST_ERRORS) {
        row(
            &mut table,
            &[
                code(&error.step),
                figures::phase(error.phase).to_owned(),
                error.class.label().to_owned(),
                format_count(error.calls),
                error.reason.as_deref().map_or_else(|| text(figures::reason(error)), code),
            ],
        );
    }
    if report.errors.len() > MOST_ERRORS {
        let more = report.errors.len() - MOST_ERRORS;
        writeln!(table, "\nand {more} more").expect("writing to a string does not fail");
    }
    table
}

fn notes(report: &RunReport) -> String {
    let mut list = String::from("### Notes\n\n");
    for note in &report.notes {
        writeln!(list, "- {}", text(note)).expect("writing to a string does not fail");
    }
    list + &format!("\n<sub>{} by {}</sub>\n", text(&report.run.run_id), text(&figures::gander(report)))
}

fn row(table: &mut String, cells: &[String]) {
    writeln!(table, "| {} |", cells.join(" | ")).expect("writing to a string does not fail");
}

/// Plain text: Markdown's own characters escaped, and whatever GitHub would turn into a mention, a reference or a link
/// broken by an empty comment.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    unlinked(&out)
}

fn unlinked(text: &str) -> String {
    text.replace('@', "@<!-- -->")
        .replace('#', "#<!-- -->")
        .replace("://", ":<!-- -->//")
        .replace("www.", "www<!-- -->.")
}

/// Text in code font, which is taken as it is: fenced by more backticks than it holds.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_not_format_mention_or_link() {
        assert_eq!(text("a|b *c* <img>"), "a\\|b \\*c\\* &lt;img&gt;");
        assert_eq!(text("@team #12"), "@<!-- -->team #<!-- -->12");
        assert_eq!(text("https://x [y](z)"), "https:<!-- -->//x \\[y\\](z)");
    }

    #[test]
    fn code_can_not_end_its_own_fence() {
        assert_eq!(code("search"), "`search`");
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
        assert_eq!(code("`"), "`` ` ``");
    }
}
