//! `gander rules`: rule files checked, their unit tests run, and how long a run they need.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::args::{RuleDurationArgs, RuleFileArgs, RulesCommand};
use super::exit::Exit;
use super::files::{USER_FILES, tell_problems};
use super::screen::Screen;
use crate::input::Problems;
use crate::model::clean_text;
use crate::promql::Engine;
use crate::rules::{
    Group, RunLength, TestFailure, TestOutcome, format_duration, load_all, load_tests, run_lengths,
    run_tests, scaled,
};

pub(super) fn rules(command: &RulesCommand, screen: Screen) -> Exit {
    match command {
        RulesCommand::Check(args) => check(args, screen),
        RulesCommand::Test(args) => test(args, screen),
        RulesCommand::Duration(args) => duration(args, screen),
    }
}

/// The groups of these files; all mistakes are told.
fn load(files: &[PathBuf], screen: Screen) -> Result<Vec<Group>, Exit> {
    told(load_all(files, USER_FILES), screen)
}

fn told<T>(loaded: Result<(T, Problems), Problems>, screen: Screen) -> Result<T, Exit> {
    let (Ok((_, problems)) | Err(problems)) = &loaded;
    tell_problems(problems, screen);
    loaded.map(|(value, _)| value).map_err(|_| Exit::BadInput)
}

fn check(args: &RuleFileArgs, screen: Screen) -> Exit {
    // File by file: the name of a group is unique within its file.
    let mut exit = Exit::Success;
    for file in &args.files {
        match load(std::slice::from_ref(file), screen) {
            Ok(groups) => screen.print(summary(&groups, file).as_bytes()),
            Err(bad) => exit = bad,
        }
    }
    exit
}

fn summary(groups: &[Group], file: &std::path::Path) -> String {
    if groups.is_empty() {
        return format!("{}: no rules\n", file.display());
    }
    let mut text = String::new();
    for group in groups {
        let alerts = group.rules.iter().filter(|rule| rule.alerting().is_some()).count();
        let recorded = group.rules.len() - alerts;
        let parts = [(alerts, "alert", "alerts"), (recorded, "recorded series", "recorded series")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        let what = if parts.is_empty() { "no rules".to_owned() } else { parts.join(", ") };
        let every = group.interval.map(|interval| format!(", each {}", format_duration(interval)));
        let name = clean_text(&group.name);
        let _ = writeln!(text, "{}: {name}: {what}{}", file.display(), every.unwrap_or_default());
    }
    text
}

fn test(args: &RuleFileArgs, screen: Screen) -> Exit {
    let mut exit = Exit::Success;
    for path in &args.files {
        let Ok(file) = told(load_tests(path, USER_FILES), screen) else {
            exit = Exit::BadInput;
            continue;
        };
        let outcomes = run_tests(&file, &Engine::default());
        let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
        let mut text: String = outcomes.iter().map(outcome_text).collect();
        let passed = outcomes.len() - failed;
        let _ = writeln!(text, "{}: {passed} passed, {failed} failed", path.display());
        screen.print(text.as_bytes());
        if failed > 0 && exit == Exit::Success {
            exit = Exit::Failed;
        }
    }
    exit
}

/// Nothing of a test that passed.
fn outcome_text(outcome: &TestOutcome) -> String {
    let mut text = String::new();
    for TestFailure { what, place, lines } in &outcome.failures {
        let place = place.as_ref().map(|place| format!(" ({place}:{})", place.column())).unwrap_or_default();
        let _ = writeln!(
            text,
            "FAILED {}: {}{}",
            clean_text(&outcome.name),
            clean_text(what),
            clean_text(&place)
        );
        for line in lines {
            let _ = writeln!(text, "    {}", clean_text(line));
        }
    }
    text
}

fn duration(args: &RuleDurationArgs, screen: Screen) -> Exit {
    let groups = match load(&args.files, screen) {
        Ok(groups) => groups,
        Err(bad) => return bad,
    };
    let lengths = run_lengths(&groups, args.interval);
    let Some(scale) = args.time_scale else {
        screen.print(table(&lengths).as_bytes());
        return Exit::Success;
    };
    let scaled = scaled(&groups, scale, args.interval);
    let (groups, refused) = (&scaled.groups, scaled.problems());
    tell_problems(&refused, screen);
    if groups.iter().any(|group| !group.rules.is_empty()) {
        // All of it is a rule file, the table as a comment.
        let mut text = format!("# All times divided by {scale}.\n#\n");
        for line in table(&run_lengths(groups, args.interval)).lines() {
            let _ = writeln!(text, "# {line}");
        }
        text.push_str(&crate::rules::to_yaml(groups));
        screen.print(text.as_bytes());
    }
    if refused.has_errors() { Exit::Failed } else { Exit::Success }
}

/// A line for each rule.
fn table(lengths: &[RunLength]) -> String {
    let header = ["rule", "looks back", "for", "each", "needs a run of"].map(str::to_owned);
    let rows = lengths.iter().map(|length| {
        let or_unknown = |duration: Option<_>| duration.map_or_else(|| "unknown".to_owned(), format_duration);
        [
            clean_text(&length.name),
            or_unknown(length.looks_back),
            length.hold.map_or_else(|| "-".to_owned(), format_duration),
            format_duration(length.interval),
            or_unknown(length.needed),
        ]
    });
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = (0..4).map(|i| format!("{:<1$}", row[i], widths[i])).collect();
        let _ = writeln!(text, "{}  {}", cells.join("  "), row[4]);
    }
    text
}
