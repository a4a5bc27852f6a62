//! Every format of one run, held against files under `tests/golden/report/`.

use std::path::PathBuf;

use crate::model::Color;
use crate::report::alert_fixture::{alert_history, prometheus};
use crate::report::fixture::{build, empty, findings, fixture, partial, streamed, unmeasured};
use crate::report::{FORMATS, Format, RunLog, RunReport, TerminalStyle, terminal_summary};

/// `actual` is what the golden file holds; with `UPDATE_GOLDEN` set, the file becomes `actual`.
#[expect(clippy::disallowed_methods, reason = "golden files are read and written by this test alone")]
#[track_caller]
fn check(file: &str, actual: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/golden/report", file].iter().collect();
    let actual = redacted(actual);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{file} differs; now it is:\n{actual}");
}

/// Leaves out of a page the files that are put into it as they are, and the hashes that change with them.
fn redacted(text: &str) -> String {
    let text = text
        .replace(include_str!("../html/uplot/uPlot.iife.min.js"), "[uPlot.iife.min.js]")
        .replace(include_str!("../html/uplot/uPlot.min.css"), "[uPlot.min.css]")
        .replace(include_str!("../html/charts.js"), "[charts.js]")
        .replace(include_str!("../html/page.css"), "[page.css]");
    let mut parts = text.split("sha256-");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("sha256-[hash]");
        out.push_str(part.find('\'').map_or(part, |end| &part[end..]));
    }
    out
}

#[track_caller]
fn check_formats(log: &RunLog, prefix: &str, formats: &[Format]) {
    let report = build(log, findings());
    for format in formats {
        for file in format.render(&report, log) {
            check(&format!("{prefix}/{}", file.name), &String::from_utf8(file.bytes).unwrap());
        }
    }
}

#[track_caller]
fn check_terminal(log: &RunLog, file: &str, color: Color, width: usize) {
    let report = build(log, findings());
    let style = TerminalStyle {
        color,
        width,
        page: Some("runs/2026-03-01T10-00-00Z-default/report.html"),
        directory: Some("runs/2026-03-01T10-00-00Z-default"),
    };
    let text = terminal_summary(&report, style);
    check(file, &text.replace('\u{1b}', "␛"));
}

#[test]
fn every_format_of_a_complete_run_is_as_reviewed() {
    check_formats(&fixture(), "complete", &FORMATS);
}

#[test]
fn messages_beside_answers_are_told_in_every_format_for_people() {
    let formats = ["terminal", "markdown", "html", "json"].map(|name| *Format::named(name).unwrap());
    check_formats(&streamed(), "streamed", &formats);
}

#[test]
fn what_became_of_alerts_is_told_in_every_format_for_people() {
    let log = fixture();
    let report = RunReport { alerts: Some(alert_history()), ..build(&log, findings()) };
    for format in ["terminal", "markdown", "html", "json"].map(|name| *Format::named(name).unwrap()) {
        for file in format.render(&report, &log) {
            check(&format!("alerts/{}", file.name), &String::from_utf8(file.bytes).unwrap());
        }
    }
}

#[test]
fn what_a_prometheus_gave_is_told_in_every_format_for_people() {
    let log = fixture();
    let report = RunReport {
        alerts: Some(alert_history()),
        prometheus: Some(prometheus()),
        ..build(&log, findings())
    };
    for format in ["terminal", "markdown", "html", "json"].map(|name| *Format::named(name).unwrap()) {
        for file in format.render(&report, &log) {
            check(&format!("prometheus/{}", file.name), &String::from_utf8(file.bytes).unwrap());
        }
    }
}

#[test]
fn a_partial_run_says_so_in_every_format_for_people() {
    let formats = ["terminal", "markdown", "junit"].map(|name| *Format::named(name).unwrap());
    check_formats(&partial(), "partial", &formats);
}

#[test]
fn a_run_without_a_target_says_why_in_every_format_for_people() {
    let formats = ["terminal", "markdown", "junit"].map(|name| *Format::named(name).unwrap());
    let log = unmeasured();
    let report = build(&log, Vec::new());
    for format in formats {
        for file in format.render(&report, &log) {
            check(&format!("unmeasured/{}", file.name), &String::from_utf8(file.bytes).unwrap());
        }
    }
}

#[test]
fn a_run_without_calls_says_so_in_every_format() {
    check_formats(&empty(), "empty", &FORMATS);
}

#[test]
fn the_summary_fits_screens_of_80_and_100_columns() {
    check_terminal(&fixture(), "terminal-80.txt", Color::Off, 80);
    check_terminal(&fixture(), "terminal-100-color.txt", Color::On, 100);
    for width in [80, 100] {
        let style = TerminalStyle { color: Color::Off, width, page: None, directory: None };
        let text = terminal_summary(&build(&fixture(), findings()), style);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        assert!(text.lines().count() <= 45, "{text}");
    }
}
