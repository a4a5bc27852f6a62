//! What the builder makes of a run: phases kept apart, books held, and a verdict that never passes for want of evidence.

use std::time::Duration;

use crate::metrics::{IdleSecond, Phase};
use crate::model::{Carriage, Event, HealthState, Outcome, Strays, Verdict};
use crate::report::fixture::{aborted, build, empty, findings, fixture, partial};
use crate::report::{Ending, Finding, Format, IdleStreams, RunLog, RunReport, Totals};

fn passing() -> Vec<Finding> {
    let mut passing = findings();
    passing.truncate(1);
    passing
}

#[track_caller]
fn check(report: &RunReport, verdict: Verdict, because: &str) {
    assert_eq!((report.verdict, report.because.as_str()), (verdict, because));
}

fn totals(log: &RunLog) -> Totals {
    match log.ending {
        Ending::Complete { totals } | Ending::Interrupted { totals, .. } | Ending::Aborted { totals } => {
            totals
        }
        Ending::Partial | Ending::Unmeasured => panic!("it has no totals"),
    }
}

#[test]
fn the_first_failing_objective_gives_the_reason() {
    let expected =
        "calculate-p95 (tool calculate): p95 latency is 812 ms, the limit is <= 500 ms; inconclusive: tail";
    check(&build(&fixture(), findings()), Verdict::Fail, expected);
}

#[test]
fn a_run_whose_objectives_hold_passes() {
    let report = build(&fixture(), passing());
    let expected = format!("the objective holds over {} calls", report.total.calls);
    check(&report, Verdict::Pass, &expected);
}

#[test]
fn nothing_to_judge_by_is_inconclusive() {
    let expected = "objectives: there is no objective to judge the run by";
    check(&build(&fixture(), vec![]), Verdict::Inconclusive, expected);
}

#[test]
fn a_run_without_load_calls_is_inconclusive_whatever_its_objectives_say() {
    let expected = "load: no load call ended in the steady phase";
    check(&build(&empty(), passing()), Verdict::Inconclusive, expected);
    let mut only_warm_up = fixture();
    for cell in only_warm_up.seconds.iter_mut().flat_map(|second| &mut second.cells) {
        cell.phase = Phase::WarmUp;
    }
    check(&build(&only_warm_up, passing()), Verdict::Inconclusive, expected);
}

#[test]
fn a_lost_call_makes_a_pass_invalid_and_leaves_a_failure_standing() {
    let mut log = fixture();
    log.seconds[7].planned += 2;
    let Totals { planned, recorded } = totals(&log);
    log.ending = Ending::Complete { totals: Totals { planned: planned + 2, recorded } };
    let expected = "accounting: planned 1,119, recorded 1,117";
    check(&build(&log, passing()), Verdict::Invalid, expected);
    assert_eq!(build(&log, findings()).verdict, Verdict::Fail);
}

#[test]
fn an_interrupted_run_is_judged_on_what_was_measured_and_says_so() {
    let mut log = fixture();
    log.ending = Ending::Interrupted { signal: 2, totals: totals(&log) };
    let whole = build(&log, passing());
    assert_eq!((whole.verdict, whole.state.as_str()), (Verdict::Pass, "interrupted"));
    assert!(whole.because.ends_with("(the run was interrupted)"), "{}", whole.because);

    let stopped = log.events.iter_mut().find(|event| event.what == Event::LoadStopped).unwrap();
    stopped.at -= Duration::from_secs(5);
    let report = build(&log, passing());
    let sentence = "whole load: interrupted by SIGINT after 15.0 s of 20.0 s: what the rest would have shown is not known";
    check(&report, Verdict::Inconclusive, sentence);
    let note = &report.notes[0];
    assert!(note.starts_with("interrupted by SIGINT after 15.0 s of 20.0 s"), "{note}");
    // What fails already has failed.
    assert_eq!(build(&log, findings()).verdict, Verdict::Fail);
}

#[test]
fn a_load_that_was_aborted_fails_and_says_why() {
    let report = build(&aborted(), passing());
    let sentence = "aborted after 15 s: errors: 90 of 600 calls were bad (15 %), budget 5 %; e-value 31.5, 20 are enough";
    check(&report, Verdict::Fail, sentence);
    assert_eq!(report.state, "aborted");
    assert!((report.duration - 15.0).abs() < 1e-9, "{}", report.duration);
    assert!(report.notes[0].starts_with("aborted after 15.0 s of 20.0 s"), "{}", report.notes[0]);
    let abort = report.objectives.iter().find(|finding| finding.name == "abort").unwrap();
    assert_eq!((abort.verdict, abort.samples, abort.bad), (Verdict::Fail, 600, Some(90)));
    assert_eq!((abort.value.as_str(), abort.limit.as_str()), ("15.0 s", "20.0 s"));
    // What it fell short of is said once.
    assert!(report.objectives.iter().all(|finding| finding.name != "whole load"));
}

#[test]
fn a_load_that_was_carried_out_lasted_as_long_as_it_was_planned() {
    let mut log = fixture();
    let whole = build(&log, passing());
    let stopped = log.events.iter_mut().find(|event| event.what == Event::LoadStopped).unwrap();
    stopped.at -= Duration::from_micros(226);
    assert_eq!(build(&log, passing()), whole);
    assert!((whole.duration - 20.0).abs() < 1e-9);
}

#[test]
fn a_partial_run_may_lack_the_calls_that_were_in_flight() {
    let report = build(&partial(), passing());
    assert_eq!((report.verdict, report.state.as_str()), (Verdict::Inconclusive, "partial"));
    assert_eq!(report.planned, report.recorded + 3);
    assert!(
        report.objectives[2].because.contains("up to 3 calls were in flight"),
        "{:?}",
        report.objectives[2]
    );
}

#[test]
fn warm_up_and_set_up_are_kept_apart_from_the_load() {
    let report = build(&fixture(), passing());
    let by_step: u64 = report.steps.iter().map(|row| row.calls).sum();
    assert_eq!(report.total.calls, by_step);
    let around: u64 = report.around.iter().map(|row| row.calls).sum();
    assert_eq!(around, 11);
    assert_eq!(report.total.calls + report.warm_up_total.calls + around, report.recorded);
    let outcomes: u64 = report.outcomes.iter().map(|outcome| outcome.count).sum();
    assert_eq!(outcomes, report.recorded);
    assert!((report.total.rate - report.total.calls as f64 / 15.0).abs() < 1e-9);
    assert_eq!((report.duration, report.warm_up), (20.0, 5.0));
}

#[test]
fn calls_that_were_interrupted_are_no_failures() {
    let mut log = fixture();
    for cell in log.seconds.iter_mut().flat_map(|second| &mut second.cells) {
        cell.outcome = Outcome::Interrupted;
    }
    let report = build(&log, passing());
    assert_eq!((report.total.error_ratio, report.total.p50), (0.0, None));
    assert!(report.timeline.iter().all(|point| point.failed == 0 && point.max.is_none() && point.calls > 0));
}

#[test]
fn probes_that_say_the_same_are_one_span() {
    let report = build(&fixture(), passing());
    let spans: Vec<_> = report
        .health
        .iter()
        .map(|span| (span.endpoint.as_str(), span.state, span.probes, span.detail.as_str()))
        .collect();
    let expected = [
        ("health", Some(HealthState::Healthy), 9, ""),
        ("health", Some(HealthState::Degraded), 4, "database"),
        ("health", Some(HealthState::Healthy), 7, ""),
        ("ready", Some(HealthState::Healthy), 10, ""),
        ("ready", Some(HealthState::Unhealthy), 1, ""),
        ("ready", None, 1, "no answer: timeout"),
        ("ready", Some(HealthState::Healthy), 8, ""),
        ("live", Some(HealthState::Healthy), 20, ""),
    ];
    assert_eq!(spans, expected);
}

#[test]
fn times_are_counted_from_the_start_of_the_load() {
    let mut log = fixture();
    for stamped in &mut log.events {
        stamped.at += Duration::from_secs(3);
    }
    let (shifted, straight) = (build(&log, passing()), build(&fixture(), passing()));
    let from = |report: &RunReport| report.health.iter().map(|span| span.from).collect::<Vec<_>>();
    for (a, b) in from(&shifted).iter().zip(from(&straight)) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
    assert_eq!((shifted.duration, shifted.warm_up), (20.0, 5.0));
}

#[test]
fn a_percentile_of_too_few_calls_is_marked_wherever_people_read_it() {
    let mut log = fixture();
    log.seconds.truncate(6);
    let report = build(&log, findings());
    assert!((20..100).contains(&report.total.calls), "{}", report.total.calls);
    for format in ["terminal", "markdown", "html"] {
        let format = Format::named(format).unwrap();
        let text = String::from_utf8(format.render(&report, &log).remove(0).bytes).unwrap();
        let text = text.replace("\\~", "~");
        let p99 = crate::report::figures::latency(report.total.p99);
        let p95 = crate::report::figures::latency(report.total.p95);
        assert!(text.contains(&format!("~{p99}")) && !text.contains(&format!("~{p95}")), "{text}");
        assert!(text.contains("rests on too few calls"), "{text}");
    }
    let marked = |log: &RunLog| crate::report::figures::lack_calls(&build(log, findings()).steps);
    assert!(!marked(&fixture()) && marked(&log));
}

#[test]
fn a_legacy_target_that_refuses_the_modern_question_did_not_fail() {
    let refused = |log: &RunLog| {
        let report = build(log, passing());
        let outcome = report.outcomes.iter().find(|row| row.outcome == "http/400").unwrap().clone();
        let row = report.around.iter().find(|row| row.name == "server/discover").unwrap().clone();
        let told = report.errors.iter().any(|error| error.step == "server/discover");
        (outcome.expected, row.expected, told)
    };
    assert_eq!(refused(&fixture()), (true, true, false));
    let mut pinned = fixture();
    pinned.plan.protocol = crate::plan::ProtocolChoice::Revision("2026-07-28".to_owned());
    assert_eq!(refused(&pinned), (false, false, true));
}

#[test]
fn streams_that_were_left_open_are_told() {
    let mut log = fixture();
    let told = |log: &_| build(log, passing()).notes.iter().find(|note| note.contains("kept open")).cloned();
    assert_eq!(told(&log), None);
    (log.seconds[0].left_open, log.seconds[3].left_open) = (1_000, 234);
    assert!(told(&log).unwrap().starts_with("1,234 answers came on streams that the server kept open"));
}

#[test]
fn streams_that_are_held_open_are_told() {
    let mut log = fixture();
    let told = |log: &_| {
        let report = build(log, passing());
        (report.idle_streams, report.notes.into_iter().find(|note| note.contains("idle streams were")))
    };
    assert_eq!(told(&log), (None, None));
    log.plan.load.idle_streams = 3;
    for second in &mut log.seconds {
        second.idle = Some(IdleSecond { open: 3, ..IdleSecond::default() });
    }
    assert_eq!(told(&log).1.unwrap(), "3 idle streams were to be open beside the load; 3 were");
    log.seconds[8].idle = Some(IdleSecond { open: 2, ended: 2, resumed: 1 });
    log.seconds.last_mut().unwrap().idle = None;
    let (idle, note) = told(&log);
    let expected = IdleStreams { asked: 3, fewest: 2, most: 3, ended: 2, resumed: 1 };
    assert_eq!(idle, Some(expected));
    assert!(note.unwrap().contains("2 to 3 were; the target ended 2"));
}

#[test]
fn messages_that_belong_to_no_call_are_told() {
    let mut log = fixture();
    let told =
        |log: &_| build(log, passing()).notes.into_iter().find(|note| note.contains("no call's outcome"));
    assert_eq!(told(&log), None);
    log.seconds[0].strays.late = 1_000;
    log.seconds[3].strays = Strays { late: 234, rubbish: 2, ..Strays::default() };
    let report = build(&log, passing());
    assert_eq!(report.strays, Strays { late: 1_234, rubbish: 2, ..Strays::default() });
    assert_eq!(
        told(&log).unwrap(),
        "1,234 answers came after their calls had been given up, 2 lines or events were no JSON-RPC messages: they are in \
         no call's outcome"
    );
}

#[test]
fn the_transport_that_was_spoken_is_told() {
    let mut log = fixture();
    let told = |log: &_| crate::report::figures::target(&build(log, passing()));
    assert!(told(&log).ends_with("(MCP 2025-06-18)"), "{}", told(&log));
    log.target.as_mut().unwrap().transport = Carriage::Stdio;
    assert!(told(&log).contains("(MCP 2025-06-18 over stdio), started as http"), "{}", told(&log));
}

#[test]
fn a_target_on_a_loopback_address_shares_the_machine() {
    let notes = |url: &str| {
        let mut log = fixture();
        log.events.retain(|stamped| !matches!(stamped.what, Event::Process(_)));
        let target = log.target.as_mut().unwrap();
        url.clone_into(&mut target.url);
        (target.started_by_gander, target.pid) = (false, None);
        let report = build(&log, passing());
        let peaks = crate::report::figures::peaks(&report);
        (report.notes.iter().any(|note| note.contains("shared its 2 cores")), peaks.contains("observe"))
    };
    assert_eq!(notes("http://localhost:8080/mcp"), (true, true));
    assert_eq!(notes("http://[::1]:8080/mcp"), (true, true));
    assert_eq!(notes("https://mcp.example/mcp"), (false, false));
}

#[test]
fn reasons_of_failed_calls_are_in_every_format() {
    let log = fixture();
    let report = build(&log, findings());
    for (format, words) in [
        ("terminal", "15 of them: the database is locked"),
        ("json", "the database is locked"),
        ("junit", "calculate, tool error (15): the database is locked"),
        ("markdown", "`the database is locked`"),
        ("html", "<code>the database is locked</code>"),
    ] {
        let format = Format::named(format).unwrap();
        let text = String::from_utf8(format.render(&report, &log).remove(0).bytes).unwrap();
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn the_headline_of_a_telemetry_check_is_its_sentence() {
    let because = "mcp_requests_total counted 480 of 528 calls; tools/list: 40 were answered, 0 are counted";
    let told = Finding {
        name: "truth: counts".to_owned(),
        indicator: "telemetry".to_owned(),
        verdict: Verdict::Fail,
        value_number: None,
        limit: "= 528 sent".to_owned(),
        because: because.to_owned(),
        ..findings().remove(0)
    };
    let log = fixture();
    let report = build(&log, vec![told]);
    assert!(report.because.starts_with(&format!("{because} (truth: counts)")), "{}", report.because);
    let junit = Format::named("junit").unwrap().render(&report, &log).remove(0);
    let junit = String::from_utf8(junit.bytes).unwrap();
    assert!(junit.contains(because) && !junit.contains("telemetry = 528"), "{junit}");
}
