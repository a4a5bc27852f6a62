//! Verdicts on what was counted of an audit log.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::metrics::{Aggregates, LogFault, LogStore, LogTally, LogTrouble, SeriesStore};
use crate::plan::LogFields;
use crate::verify::Checks;
use crate::verify::tests::plan;

fn checks() -> AuditChecks {
    AuditChecks {
        file: PathBuf::from("logs/audit.log"),
        fields: LogFields { level: "success".to_owned(), message: String::new(), ..LogFields::default() },
        who: "user_id".to_owned(),
        what: "tool_name".to_owned(),
        lag_within: Duration::from_secs(10),
        except: Vec::new(),
        origin: "slo.yaml:3".to_owned(),
    }
}

/// What is found of a sound audit log of 200 calls, 20 of which failed, but for what `change` makes of it.
fn found(change: impl FnOnce(&mut LogStore, &mut StepLines)) -> Vec<Checked> {
    let plan = plan(
        "version: 1\nname: x\ntarget: demo\nload: {users: 1, duration: 10s}\ntransactions: \
         [{name: find, call_tool: {tool: search, arguments: {query: a}}}]\n",
    );
    let step = plan.steps.iter().find(|step| step.name == "find").unwrap().id;
    let mut lines = StepLines { step: step.0, calls: 200, failed: 20, good: 180, ..StepLines::default() };
    let mut log = LogStore::default();
    log.tally = LogTally { lines: 200, ..LogTally::default() };
    log.ended = true;
    change(&mut log, &mut lines);
    log.steps.insert(step, lines);
    let seen = Seen {
        plan: &plan,
        target: None,
        seconds: &[],
        aggregates: &Aggregates::of(&[]),
        events: &[],
        series: &SeriesStore::default(),
        is_fetched: false,
        log: None,
        audit: Some(&log),
        shown: None,
        latency_limits: &[],
        broken: &[],
    };
    crate::verify::checked(&Checks { audit: Some(checks()), ..Checks::default() }, &seen)
}

/// `check` alone fails, and says `because`.
#[track_caller]
fn fails(found: &[Checked], check: &str, because: &str) {
    assert_eq!(found.len(), 3);
    for checked in found {
        let expected = if checked.name == format!("audit: {check}") { Verdict::Fail } else { Verdict::Pass };
        assert_eq!(checked.verdict, expected, "{}: {}", checked.name, checked.because);
        assert!(expected == Verdict::Pass || checked.because.contains(because), "{}", checked.because);
    }
}

fn fault(kind: LogFaultKind) -> LogFault {
    LogFault { kind, call: Some(1_000_000_007), step: None, at_us: 1_500_000, text: "as it is".to_owned() }
}

#[test]
fn one_record_each_passes() {
    for checked in found(|_, _| {}) {
        assert_eq!(checked.verdict, Verdict::Pass, "{checked:?}");
    }
}

#[test]
fn records_that_are_lost_or_there_twice_fail() {
    let lost = found(|log, lines| {
        lines.lost = 3;
        log.faults.push(fault(LogFaultKind::Lost));
    });
    let because =
        "of 200 answered calls of tools 3 have no record; the first is request 1000000007 at 1.50 s";
    fails(&lost, "records", because);
    fails(&found(|_, lines| lines.several = 2), "records", "2 have more than one record");
    let both = found(|_, lines| (lines.lost, lines.several) = (1, 2));
    fails(&both, "records", "1 have no record, and 2 more than one");
    let none = found(|_, lines| lines.lost = 200);
    fails(&none, "records", "none names a call by its JSON-RPC id in `request_id`");
}

#[test]
fn a_record_that_may_be_lost_to_a_cut_shows_nothing_but_two_of_one_call_do() {
    let cut = found(|log, lines| (lines.lost, log.tally.gaps) = (1, 1));
    assert_eq!(cut[0].verdict, Verdict::Inconclusive, "{}", cut[0].because);
    fails(&found(|log, lines| (lines.several, log.tally.gaps) = (1, 1)), "records", "1 have more than one");
}

#[test]
fn a_field_that_is_missing_fails_if_it_says_who_what_when_or_how() {
    for name in ["timestamp", "user_id", "tool_name", "success"] {
        let missing = found(|log, _| _ = log.tally.missing.insert(name.to_owned(), 4));
        fails(&missing, "fields", &format!("of 200 records 4 have no `{name}`"));
    }
    let odd = found(|log, _| _ = log.tally.unreadable.insert("timestamp".to_owned(), 4));
    fails(&odd, "fields", "4 have an unreadable `timestamp`");
    fails(&found(|log, _| log.tally.not_json = 1), "fields", "1 are no JSON objects");
}

#[test]
fn an_outcome_that_is_told_wrong_fails() {
    fails(&found(|_, lines| lines.untold = 5), "outcomes", "of 20 failed calls 5 are recorded as good");
    fails(&found(|_, lines| lines.accused = 1), "outcomes", "of 180 good calls 1 are recorded as failed");
}

#[test]
fn what_was_not_seen_shows_nothing() {
    for (found, because) in [
        (found(|log, _| log.ended = false), "the run ended before the last lines were waited for"),
        (found(|log, _| log.trouble = Some(LogTrouble::NoFile)), "the log was gone at last"),
        (
            found(|log, _| (log.tally.lines, log.trouble) = (0, Some(LogTrouble::NoFile))),
            "`logs/audit.log` is not there",
        ),
    ] {
        for checked in found {
            assert_eq!(checked.verdict, Verdict::Inconclusive, "{checked:?}");
            assert!(checked.because.contains(because), "{}", checked.because);
        }
    }
}
