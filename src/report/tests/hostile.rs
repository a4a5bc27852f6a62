//! Text from servers in every place of a report, in every format: none of it may act.

use crate::model::{Color, Labels};
use crate::model::{Event, Level, Stamped};
use crate::report::alert_fixture::{alert_history, prometheus};
use crate::report::fixture::{build, findings, fixture};
use crate::report::{
    FORMATS, OutputFile, PrometheusReport, RunLog, RunReport, TerminalStyle, terminal_summary,
};
use crate::slo::AlertHistory;

const HOSTILE: &str = "=cmd()|<script>alert(1)</script>]]>\u{1b}[2J\n# @all\r\u{202e}`\"'&\u{2028}--><b>";

fn hostile_log() -> RunLog {
    let mut log = fixture();
    log.plan.name = HOSTILE.to_owned();
    log.plan.description = HOSTILE.to_owned();
    for step in &mut log.plan.steps {
        step.name = format!("{HOSTILE}{}", step.name);
        step.tool = Some(HOSTILE.to_owned());
        step.method = HOSTILE.to_owned();
    }
    for error in log.seconds.iter_mut().flat_map(|second| &mut second.errors) {
        error.reason = Some(HOSTILE.to_owned());
    }
    let target = log.target.as_mut().unwrap();
    target.server = Some(HOSTILE.to_owned());
    target.tools = Some(vec![HOSTILE.to_owned()]);
    target.revision = HOSTILE.to_owned();
    log.environment.cpu = HOSTILE.to_owned();
    for stamped in &mut log.events {
        if let Event::Probe(probe) = &mut stamped.what {
            probe.result = crate::model::ProbeResult::NoAnswer { reason: HOSTILE.to_owned() };
        }
    }
    let note = Event::Note { level: Level::Warning, text: HOSTILE.to_owned() };
    log.events.push(Stamped { at: std::time::Duration::from_secs(19), what: note });
    log
}

fn hostile_report(log: &RunLog) -> RunReport {
    let mut objectives = findings();
    for objective in &mut objectives {
        for text in [
            &mut objective.name,
            &mut objective.scope,
            &mut objective.indicator,
            &mut objective.value,
            &mut objective.limit,
            &mut objective.because,
            &mut objective.origin,
        ] {
            HOSTILE.clone_into(text);
        }
    }
    let mut report = build(log, objectives);
    report.alerts = Some(hostile_alerts());
    report.prometheus = Some(hostile_prometheus());
    HOSTILE.clone_into(&mut report.saturation[0].name);
    HOSTILE.clone_into(&mut report.outcomes[0].outcome);
    report
}

fn hostile_alerts() -> AlertHistory {
    let mut history = alert_history();
    let hostile: Labels = [("alertname", HOSTILE), (HOSTILE, HOSTILE)].into_iter().collect();
    for row in &mut history.rules {
        for text in [&mut row.alert, &mut row.severity, &mut row.because, &mut row.expr, &mut row.origin] {
            HOSTILE.clone_into(text);
        }
        row.receivers = vec![HOSTILE.to_owned()];
        for span in &mut row.spans {
            span.labels = hostile.clone();
            span.annotations.insert("summary".to_owned(), HOSTILE.to_owned());
        }
    }
    for page in history.pages.iter_mut().flatten() {
        HOSTILE.clone_into(&mut page.receiver);
        page.firing = vec![hostile.clone()];
    }
    for held in &mut history.held_back {
        held.labels = hostile.clone();
        HOSTILE.clone_into(&mut held.because);
    }
    history
}

fn hostile_prometheus() -> PrometheusReport {
    let mut report = prometheus();
    let texts = [&mut report.url, &mut report.because].into_iter();
    let texts = texts.chain(&mut report.select).chain(&mut report.version).chain(&mut report.without_series);
    texts.for_each(|text| HOSTILE.clone_into(text));
    for row in &mut report.alerts {
        for text in [&mut row.alert, &mut row.origin, &mut row.because] {
            HOSTILE.clone_into(text);
        }
    }
    report
}

fn rendered(format: &str) -> String {
    let log = hostile_log();
    let files: Vec<OutputFile> = FORMATS
        .iter()
        .filter(|row| row.name == format)
        .flat_map(|row| row.render(&hostile_report(&log), &log))
        .collect();
    files.into_iter().map(|file| String::from_utf8(file.bytes).unwrap()).collect()
}

#[track_caller]
fn check(format: &str, text: &str, forbidden: &[&str]) {
    for needle in forbidden {
        assert!(!text.contains(needle), "{format} holds {needle:?}");
    }
}

#[test]
fn no_format_passes_terminal_escapes_line_breaks_or_reordering() {
    for format in FORMATS {
        let text = rendered(format.name);
        check(format.name, &text, &["\u{1b}", "\u{202e}", "\u{2028}", "\r", "[2J\n"]);
        assert!(!text.lines().any(|line| line.starts_with("=cmd") || line.starts_with("# @all")));
    }
    let style = TerminalStyle { color: Color::On, width: 100, page: Some(HOSTILE), directory: Some(HOSTILE) };
    let text = terminal_summary(&hostile_report(&hostile_log()), style);
    check("terminal in colour", &text, &["\u{1b}[2J", "\u{202e}", "\r"]);
}

#[test]
fn names_can_not_break_markup() {
    check("junit", &rendered("junit"), &["<script", "]]>", "<b>"]);
    check("html", &rendered("html"), &["<script>alert", "alert(1)</script>", "<b>", "--><b"]);
    let markdown = rendered("markdown");
    for line in markdown.lines().filter(|line| line.contains("=cmd")) {
        let outside_code: String = line.split("``").step_by(2).collect();
        check("markdown", &outside_code, &["<script", "]]>", "@all", " # "]);
    }
}

#[test]
fn names_can_not_end_the_data_of_the_page() {
    let page = rendered("html");
    let (_, data) = page.split_once(r#"id="chart-data">"#).unwrap();
    let (data, _) = data.split_once("</script><script>").unwrap();
    assert!(data.contains("=cmd()") && !data.contains(['<', '>', '&']), "{data}");
}

#[test]
fn names_can_not_add_cells_to_a_markdown_table() {
    for line in rendered("markdown").lines().filter(|line| line.starts_with("| ")) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert!([3, 6, 7, 9, 10].contains(&bars), "{bars} bars in {line}");
    }
}

#[test]
fn names_can_not_leave_the_folder_of_their_files() {
    let mut log = hostile_log();
    log.plan.steps[1].name = "../../etc/passwd".to_owned();
    log.plan.steps[2].name = "a/b".to_owned();
    log.plan.steps[3].name = "a\\b".to_owned();
    let files = crate::report::Format::named("hgrm").unwrap().render(&build(&log, vec![]), &log);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let expected = [
        "hgrm/all.hgrm",
        "hgrm/step-01-______etc_passwd.hgrm",
        "hgrm/step-02-a_b.hgrm",
        "hgrm/step-03-a_b.hgrm",
    ];
    assert_eq!(names, expected);
}

#[test]
fn hostile_text_is_still_there_to_be_read() {
    for format in ["terminal", "json", "junit", "markdown", "html"] {
        assert!(rendered(format).contains("=cmd()"), "{format} lost the name");
    }
}
