//! Verdicts on what was counted of a log.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::metrics::{
    Aggregates, LogFault, LogFaultKind, LogMessage, LogTally, LogTrouble, SeriesStore, StepLines,
};
use crate::plan::{LogFields, Plan};
use crate::verify::Checks;
use crate::verify::tests::plan;

struct Case {
    plan: Plan,
    log: Option<LogStore>,
    checks: LogChecks,
}

fn checks() -> LogChecks {
    LogChecks {
        place: LogPlace::File(PathBuf::from("logs/target.log")),
        fields: LogFields::default(),
        required: vec!["tool_name".to_owned()],
        max_error_ratio: None,
        one_line_per_call: true,
        lag_within: Duration::from_secs(10),
        slow: Duration::from_secs(1),
        except: Vec::new(),
        origin: "slo.yaml:3".to_owned(),
    }
}

/// A sound log of 200 calls, 20 of which failed and 4 of which were slow, but for what `change` makes of it.
fn case(change: impl FnOnce(&mut LogStore, &mut StepLines)) -> Case {
    let plan = plan(
        "version: 1\nname: x\ntarget: demo\nload: {users: 1, duration: 10s}\ntransactions: [{name: list, list_tools: {}}]\n",
    );
    let step = plan.steps.iter().find(|step| step.name == "list").unwrap().id;
    let mut lines = StepLines {
        step: step.0,
        calls: 200,
        unsure: 3,
        failed: 20,
        good: 180,
        timed: 200,
        slow: 4,
        ..StepLines::default()
    };
    let mut log = LogStore::default();
    log.tally = LogTally { lines: 205, errors: 20, foreign: 5, ..LogTally::default() };
    log.messages = vec![LogMessage { text: "request failed".to_owned(), lines: 20, errors: 20 }];
    log.ended = true;
    log.lag.record_n(Duration::from_millis(30), 205);
    change(&mut log, &mut lines);
    log.steps.insert(step, lines);
    Case { plan, log: Some(log), checks: checks() }
}

impl Case {
    fn all(&self) -> Vec<Checked> {
        let seen = Seen {
            plan: &self.plan,
            target: None,
            seconds: &[],
            aggregates: &Aggregates::of(&[]),
            events: &[],
            series: &SeriesStore::default(),
            is_fetched: false,
            log: self.log.as_ref(),
            shown: None,
            audit: None,
            latency_limits: &[],
            broken: &[],
        };
        let checks = Checks { logs: Some(self.checks.clone()), ..Checks::default() };
        crate::verify::checked(&checks, &seen)
    }

    /// `check` alone has this verdict, and says `because`; the others pass.
    #[track_caller]
    fn finds(&self, check: &str, verdict: Verdict, because: &str) {
        for found in self.all() {
            let is_it = found.name == format!("logs: {check}");
            assert_eq!(found.verdict, if is_it { verdict } else { Verdict::Pass }, "{found:#?}");
            assert!(!is_it || found.because.contains(because), "{found:#?}");
        }
    }

    #[track_caller]
    fn all_are(&self, verdict: Verdict, because: &str) {
        let all = self.all();
        assert_eq!(all.len(), 5);
        for found in all {
            assert_eq!(found.verdict, verdict, "{found:#?}");
            assert!(found.because.contains(because), "{found:#?}");
        }
    }
}

fn fault(kind: LogFaultKind) -> LogFault {
    LogFault { kind, call: Some(1_000_000_007), step: None, at_us: 1_500_000, text: "as it is".to_owned() }
}

#[test]
fn a_sound_log_passes_and_says_what_was_looked_at() {
    let case = case(|_, _| {});
    case.all_are(Verdict::Pass, "");
    let all = case.all();
    assert_eq!(
        all[0].because,
        "200 answered calls, each with its line; 5 lines are about no call of the load"
    );
    assert!(all[1].evidence.rows.iter().any(|row| row[0] == "message: request failed"), "{all:#?}");
    assert_eq!((all[0].scope.as_str(), all[0].samples, all[0].on_time), ("target.log", 200, false));
    assert!(all[3].on_time && all[4].on_time);
}

#[test]
fn a_lost_line_is_one_too_many() {
    let case = case(|log, lines| {
        lines.lost = 1;
        log.faults.push(fault(LogFaultKind::Lost));
    });
    let because =
        "of 200 answered calls 1 have no line in the log; the first is request 1000000007 at 1.50 s";
    case.finds("lines", Verdict::Fail, because);
}

#[test]
fn lost_lines_that_may_be_among_those_that_cant_be_read_prove_nothing() {
    for (lost, cut, verdict) in [(2, 2, Verdict::Inconclusive), (3, 2, Verdict::Fail)] {
        let case = case(|log, lines| (lines.lost, log.tally.cut) = (lost, cut));
        let all = case.all();
        assert_eq!((all[0].verdict, all[2].verdict), (verdict, Verdict::Fail), "{all:#?}");
    }
    let gap = case(|log, lines| (lines.lost, log.tally.gaps) = (3, 1));
    gap.finds("lines", Verdict::Inconclusive, "not all of the log was seen");
    let crowded = case(|log, _| log.tally.unmatched = 1);
    crowded.finds("lines", Verdict::Inconclusive, "too many at once");
}

#[test]
fn several_lines_are_wrong_where_one_is_wanted() {
    let mut case = case(|_, lines| lines.several = 2);
    case.finds("lines", Verdict::Fail, "have more than one line");
    case.checks.one_line_per_call = false;
    case.all_are(Verdict::Pass, "");
}

#[test]
fn a_log_whose_lines_name_no_call_is_told_apart() {
    let case = case(|_, lines| {
        *lines = StepLines { step: lines.step, calls: 200, lost: 200, ..StepLines::default() };
    });
    let all = case.all();
    assert_eq!(all[0].verdict, Verdict::Fail);
    assert!(all[0].because.contains("none names a call by its JSON-RPC id in `request_id`"), "{all:#?}");
    assert_eq!((all[1].verdict, all[3].verdict), (Verdict::Inconclusive, Verdict::Inconclusive));
}

#[test]
fn levels_must_agree_with_what_clients_saw() {
    case(|_, lines| lines.untold = 1).finds("errors", Verdict::Fail, "of 20 failed calls 1 have no line");
    case(|_, lines| lines.accused = 1).finds("errors", Verdict::Fail, "of 180 good calls 1 have a line");
    case(|_, lines| lines.failed = 0).finds("errors", Verdict::Pass, "this run can't tell");
    let nothing = case(|_, lines| (lines.failed, lines.good) = (0, 0));
    nothing.finds("errors", Verdict::Inconclusive, "no line of a call has a level in `level`");
}

#[test]
fn the_share_of_errors_has_a_limit() {
    let mut case = case(|log, _| log.tally.lines = 200);
    case.checks.max_error_ratio = Some(0.1);
    case.all_are(Verdict::Pass, "");
    case.checks.max_error_ratio = Some(0.0999);
    case.finds("errors", Verdict::Fail, "20 of 200 lines are errors");
}

#[test]
fn each_field_must_be_there_and_readable() {
    let missing = case(|log, _| log.tally.missing = [("level".to_owned(), 1)].into());
    missing.finds("fields", Verdict::Fail, "of 205 lines 1 have no `level`");
    let odd = case(|log, _| log.tally.unreadable = [("timestamp".to_owned(), 2)].into());
    odd.finds("fields", Verdict::Fail, "2 have a `timestamp` that can't be read");
    case(|log, _| log.tally.not_json = 1).finds("fields", Verdict::Fail, "1 are no JSON objects");
}

#[test]
fn times_must_be_plausible() {
    case(|_, lines| lines.too_long = 1).finds("slow", Verdict::Fail, "of 200 timed calls 1 took longer");
    // Half of the slow calls, and one in a hundred of all, are still none too many.
    case(|_, lines| (lines.slow, lines.told_fast) = (4, 2)).all_are(Verdict::Pass, "");
    case(|_, lines| (lines.slow, lines.told_fast) = (1, 1)).all_are(Verdict::Pass, "");
    let away = case(|_, lines| (lines.slow, lines.told_fast) = (4, 3));
    away.finds("slow", Verdict::Fail, "of 4 calls that took 1.00 s or more 3 took less than half of it");
    case(|_, lines| lines.timed = 0).finds(
        "slow",
        Verdict::Inconclusive,
        "no line of a call says in `duration_ms`",
    );
}

#[test]
fn late_lines_fail_and_clocks_that_differ_prove_nothing() {
    case(|log, _| log.tally.late = 1).finds(
        "lag",
        Verdict::Fail,
        "of 205 lines 1 were there later than 10.0 s",
    );
    case(|log, _| log.tally.ahead = 1).finds("lag", Verdict::Inconclusive, "still to come");
    case(|log, _| log.lag.clear()).finds("lag", Verdict::Inconclusive, "no line says in `timestamp`");
}

#[test]
fn what_was_not_seen_is_no_pass() {
    let mut nobody = case(|_, _| {});
    nobody.log = None;
    nobody.all_are(Verdict::Inconclusive, "the log was not followed");
    let empty = |trouble, ended| {
        let mut case = case(|_, _| {});
        let mut log = LogStore::default();
        (log.trouble, log.ended) = (trouble, ended);
        case.log = Some(log);
        case
    };
    empty(Some(LogTrouble::NoFile), true).all_are(Verdict::Inconclusive, "`logs/target.log` is not there");
    let refused = LogTrouble::Other("HTTP 401".to_owned());
    empty(Some(refused.clone()), true).all_are(Verdict::Inconclusive, "can't be read: HTTP 401");
    empty(None, false).all_are(Verdict::Inconclusive, "before the log was looked at");
    empty(None, true).all_are(Verdict::Inconclusive, "");
    // Cut off: what failed until then stands, what held may not have.
    let mut killed = case(|log, lines| (log.ended, lines.untold) = (false, 1));
    let verdicts: Vec<Verdict> = killed.all().iter().map(|found| found.verdict).collect();
    let (pass, fail) = (Verdict::Inconclusive, Verdict::Fail);
    assert_eq!(verdicts, [pass, fail, pass, pass, pass]);
    killed.log.as_mut().unwrap().trouble = Some(refused);
    assert!(killed.all()[0].because.starts_with("the log could not be read at last (HTTP 401)"));
}
