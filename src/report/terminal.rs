//! The summary on one screen: the verdict and why, objectives, golden signals, steps, notes.
//!
//! It is text for a person; programs read `report.json`. Whether there are colours is the caller's to say.

mod telemetry;

use super::figures::{P50, P90, P95, P99};
use super::own_prometheus::PrometheusReport;
use super::terminal_table::{Align, Table, fitted, wrapped};
use super::{CrossTalk, Finding, RunReport, StepRow, alert_words, budget_words, figures, prometheus_words};
use crate::model::{Color, Verdict, format_count, format_ratio};
use crate::slo::{Agreement, AlertHistory};

/// Rows of a table beyond this are counted, not shown: the whole is in the other formats.
const MOST_ROWS: usize = 12;
/// So many budgets are told of.
const MOST_BUDGETS: usize = 3;
/// Notes are shown up to this line; what is left of them is counted...
const LAST_LINE_OF_NOTES: usize = 43;
/// ... but so many lines of them are shown in any case, the warnings first.
const FEWEST_LINES_OF_NOTES: usize = 3;
/// What is wider than this in a column of figures is text.
const WIDEST_FIGURE: usize = 16;
/// Tables stand so far from the left.
const INDENT: usize = 2;
/// From this width on, tables show what is good to know beside what must be known.
const WIDE: usize = 90;

/// How the summary is to look.
#[derive(Debug, Clone, Copy)]
pub struct TerminalStyle<'a> {
    /// Whether the text carries terminal colours.
    pub color: Color,
    /// Columns of the screen; wider than 100 is not used, narrower than 60 is not heeded.
    pub width: usize,
    /// Where the page for a browser is; `None` leaves the line out.
    pub page: Option<&'a str>,
    /// Where the run's files are; `None` leaves the line out.
    pub directory: Option<&'a str>,
}

/// The summary of `report`; ends with a line break.
pub fn terminal_summary(report: &RunReport, style: TerminalStyle<'_>) -> String {
    render(&super::gate::gated(report), style)
}

pub(super) fn render(report: &RunReport, style: TerminalStyle<'_>) -> String {
    let mut screen = Screen { lines: Vec::new(), color: style.color, width: style.width.clamp(60, 100) };
    screen.head(report);
    screen.objectives(report);
    screen.budgets(report);
    report.alerts.iter().for_each(|history| screen.alerts(history));
    screen.telemetry(&report.telemetry);
    report.cost.iter().for_each(|cost| screen.cost(cost));
    report.prometheus.iter().for_each(|prometheus| screen.prometheus(prometheus));
    screen.golden_signals(report);
    screen.steps(report);
    screen.notes(report);
    if style.page.is_some() || style.directory.is_some() {
        screen.title("FILES");
    }
    for path in [style.page, style.directory].into_iter().flatten() {
        screen.line(&format!("  {}", super::gate::text(path)));
    }
    screen.lines.join("\n") + "\n"
}

struct Screen {
    lines: Vec<String>,
    color: Color,
    width: usize,
}

impl Screen {
    fn head(&mut self, report: &RunReport) {
        let verdict = self.painted(report.verdict.as_str(), report.verdict);
        let first = wrapped(&report.because, self.width - report.verdict.as_str().len() - 2);
        for (i, line) in first.iter().enumerate() {
            let lead = if i == 0 { verdict.clone() } else { " ".repeat(report.verdict.as_str().len()) };
            self.line(&format!("{lead}  {line}"));
        }
        self.line("");
        self.fact("scenario", &report.scenario);
        self.fact("target", &figures::target(report));
        self.fact(
            "run",
            &format!(
                "{}, {}, {} of load, {}{}",
                report.run.run_id,
                report.state,
                figures::duration(report.duration),
                figures::peak_users(report),
                // It makes less load than it could.
                if report.environment.profile == "dev" { ", by a dev build" } else { "" },
            ),
        );
    }

    fn objectives(&mut self, report: &RunReport) {
        self.title("OBJECTIVES");
        let mut shown: Vec<&Finding> = report.objectives.iter().collect();
        if shown.len() > MOST_ROWS {
            shown.sort_by_key(|objective| std::cmp::Reverse(objective.verdict));
        }
        // On a narrow screen there are more rows to it than lines.
        let what = if self.width >= WIDE { Align::Text } else { Align::Elastic };
        let mut table = Table::new(&[Align::Left, Align::Name, what, Align::Right, Align::Left, Align::Left]);
        table.row(["", "name", "what", "value", "limit", "plainly"].map(str::to_owned));
        for objective in shown.iter().take(MOST_ROWS) {
            table.row([
                objective.verdict.to_string(),
                objective.name.clone(),
                objective.what(),
                objective.value.clone(),
                objective.limit.clone(),
                objective.plainly().to_owned(),
            ]);
        }
        if self.width >= WIDE {
            let samples = shown.iter().take(MOST_ROWS).map(|objective| format_count(objective.samples));
            table.column(Align::Right, std::iter::once("samples".to_owned()).chain(samples));
        }
        for (lines, objective) in self.headed(&table).zip(&shown) {
            let word = objective.verdict.as_str();
            let painted = self.painted(word, objective.verdict);
            for (number, line) in lines.iter().enumerate() {
                let line = if number == 0 { &line.replacen(word, &painted, 1) } else { line };
                self.line(&format!("  {line}"));
            }
            if objective.verdict != Verdict::Pass {
                self.hanging("          ", &objective.because);
            }
        }
        self.and_more(shown.len());
    }

    /// The budgets that burn fastest; those of which nothing burnt are in the other formats.
    fn budgets(&mut self, report: &RunReport) {
        let mut rows: Vec<_> =
            budget_words::budgets(report).filter(|(_, budget)| budget.burn > 0.0).collect();
        rows.sort_by(|a, b| b.1.burn.total_cmp(&a.1.burn));
        for (finding, budget) in rows.into_iter().take(MOST_BUDGETS) {
            self.hanging("  budget  ", &format!("{}, {}", finding.name, budget_words::line(budget)));
        }
    }

    fn alerts(&mut self, history: &AlertHistory) {
        self.title("ALERTS");
        self.hanging("  ", &format!("{}: {}", alert_words::terms(history), alert_words::counts(history)));
        let mut table = Table::new(&[Align::Name, Align::Left, Align::Left, Align::Right, Align::Text]);
        table.row(["alert", "reading", "severity", "for", "told"].map(str::to_owned));
        for row in history.rules.iter().take(MOST_ROWS) {
            table.row([
                row.alert.clone(),
                row.reading.text().to_owned(),
                row.severity.clone(),
                alert_words::hold(row),
                alert_words::told(history, row),
            ]);
        }
        for (lines, row) in self.headed(&table).zip(&history.rules) {
            self.row(&lines);
            if alert_words::needs_a_word(row) {
                self.hanging("      ", &alert_words::because(row));
            }
            if let Some(projected) = alert_words::projected(row) {
                self.hanging("      ", &projected);
            }
        }
        self.and_more(history.rules.len());
        for told in alert_words::broken(history).take(MOST_ROWS) {
            self.hanging("  ", &told);
        }
        for told in alert_words::paged(history).iter().take(MOST_ROWS) {
            self.hanging("  paged  ", told);
        }
    }

    fn prometheus(&mut self, report: &PrometheusReport) {
        self.title("PROMETHEUS");
        for told in prometheus_words::given(report).iter().take(MOST_ROWS) {
            self.hanging("  ", told);
        }
        if report.alerts.is_empty() {
            return;
        }
        let counts = prometheus_words::counts(report);
        self.hanging("  ", &format!("what its rule engine made of the same alerts: {counts}"));
        let mut table = Table::new(&[Align::Name, Align::Left, Align::Left, Align::Left]);
        table.row(["alert", "both", "there", "here"].map(str::to_owned));
        for row in report.alerts.iter().take(MOST_ROWS) {
            table.row([
                row.alert.clone(),
                row.agreement.text().to_owned(),
                prometheus_words::theirs(row),
                prometheus_words::ours(row),
            ]);
        }
        for (lines, row) in self.headed(&table).zip(&report.alerts) {
            self.row(&lines);
            if row.agreement != Agreement::Agree {
                self.hanging("      ", &row.because);
            }
        }
        self.and_more(report.alerts.len());
    }

    fn golden_signals(&mut self, report: &RunReport) {
        self.title("GOLDEN SIGNALS");
        let total = &report.total;
        let latency = if total.p50.is_none() {
            "no data".to_owned()
        } else {
            let told = [P50, P90, P95, P99]
                .map(|percentile| format!("{} {}", percentile.name, percentile.of(total)));
            format!("{}, max {}", told.join(", "), figures::latency(total.max))
        };
        self.fact("  latency", &latency);
        // An estimate is good to know.
        let known = |clock: &(&str, String)| self.width >= WIDE || clock.0 != figures::ESTIMATE;
        for (name, told) in figures::other_clocks(report).into_iter().filter(known).collect::<Vec<_>>() {
            self.fact(&format!("  {name}"), &told);
        }
        self.fact("  traffic", &figures::traffic(total));
        self.fact("  calls", &figures::books(report));
        let classes = figures::failures(total);
        let classes = if classes.is_empty() { classes } else { format!(": {classes}") };
        self.fact("  errors", &format!("{}{classes}", figures::errors(total)));
        if let Some(lost) = figures::lost_sessions(report) {
            self.fact("  sessions", &lost);
        }
        if report.cross_talk != CrossTalk::default() {
            self.fact("  cross-talk", &figures::cross_talk(report));
        }
        self.fact("  saturation", &figures::peaks(report));
        let unwell = figures::unwell(report);
        if !unwell.is_empty() {
            self.fact("  health", &unwell.join("; "));
        }
    }

    fn steps(&mut self, report: &RunReport) {
        self.title("STEPS");
        let mut table = Table::new(&[
            Align::Elastic,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Right,
        ]);
        table.row(["name", "calls", "rate", "errors", "p50", "p95", "p99", "max"].map(str::to_owned));
        for row in report.steps.iter().take(MOST_ROWS) {
            table.row(step_cells(row));
        }
        for (lines, row) in self.headed(&table).zip(&report.steps) {
            self.row(&lines);
            if let Some(told) = figures::stream(report, &row.name) {
                self.hanging("      ", &told);
            }
            let failures = figures::failures(row);
            if !failures.is_empty() {
                let why = figures::main_error(report, row).map(|error| {
                    let reason = figures::reason(error);
                    if error.calls == figures::failed(row) {
                        format!(": {reason}")
                    } else {
                        format!("; {} of them: {reason}", format_count(error.calls))
                    }
                });
                let told = failures + &why.unwrap_or_default();
                self.hanging("      ", &fitted(&told, 2 * (self.width - 6)));
            }
        }
        self.and_more(report.steps.len());
        if figures::lack_calls(report.steps.iter().take(MOST_ROWS).chain([&report.total])) {
            self.hanging("  ", figures::FEW_CALLS);
        }
    }

    fn notes(&mut self, report: &RunReport) {
        self.title("NOTES");
        let last = LAST_LINE_OF_NOTES.max(self.lines.len() + FEWEST_LINES_OF_NOTES);
        let lead = "  - ";
        let mut shown = 0;
        for note in &report.notes {
            let lines = wrapped(note, self.width - lead.len()).len();
            if shown > 0 && self.lines.len() + lines > last {
                break;
            }
            self.hanging(lead, note);
            shown += 1;
        }
        if report.notes.len() > shown {
            self.line(&format!("{lead}and {} more", report.notes.len() - shown));
        }
    }

    /// Shows the head of `table`; the lines of each row below it are the caller's to show.
    fn headed(&mut self, table: &Table) -> impl Iterator<Item = Vec<String>> + use<> {
        let mut rows = table.rows(self.width - INDENT).into_iter();
        for line in rows.next().unwrap_or_default() {
            self.quiet(&format!("  {line}"));
        }
        rows
    }

    fn row(&mut self, lines: &[String]) {
        for line in lines {
            self.line(&format!("  {line}"));
        }
    }

    fn and_more(&mut self, rows: usize) {
        if rows > MOST_ROWS {
            self.quiet(&format!("  and {} more", rows - MOST_ROWS));
        }
    }

    fn fact(&mut self, name: &str, value: &str) {
        let lead = format!("{name:<14}");
        self.hanging(&lead, value);
    }

    /// `text` after `lead`, its further lines indented by the width of `lead`.
    fn hanging(&mut self, lead: &str, text: &str) {
        for (i, line) in wrapped(text, self.width - lead.len()).iter().enumerate() {
            let indent = if i == 0 { lead.to_owned() } else { " ".repeat(lead.len()) };
            self.line(&format!("{indent}{line}"));
        }
    }

    fn title(&mut self, title: &str) {
        self.line("");
        let title = match self.color {
            Color::On => format!("\u{1b}[1m{title}\u{1b}[0m"),
            Color::Off => title.to_owned(),
        };
        self.line(&title);
    }

    fn quiet(&mut self, text: &str) {
        match self.color {
            Color::On => self.line(&format!("\u{1b}[2m{}\u{1b}[0m", text.trim_end())),
            Color::Off => self.line(text),
        }
    }

    fn line(&mut self, text: &str) {
        self.lines.push(text.trim_end().to_owned());
    }

    fn painted(&self, text: &str, verdict: Verdict) -> String {
        let code = match verdict {
            Verdict::Pass => "1;32",
            Verdict::Fail => "1;31",
            Verdict::Inconclusive => "1;33",
            Verdict::Invalid => "1;35",
        };
        match self.color {
            Color::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Color::Off => text.to_owned(),
        }
    }
}

fn step_cells(row: &StepRow) -> [String; 8] {
    [
        row.name.clone(),
        format_count(row.calls),
        figures::rate(row.rate),
        if row.calls == 0 { "-".to_owned() } else { format_ratio(row.error_ratio) },
        P50.of(row),
        P95.of(row),
        P99.of(row),
        figures::latency(row.max),
    ]
}
