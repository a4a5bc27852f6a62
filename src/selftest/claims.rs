//! What must hold of each drill: figures of its report against the truth. Pure.

use std::time::Duration;

use super::compare::{Allowed, Claim, Excuse, Value};
use super::drill::{Drill, FREEZE_AT_MS, FREEZE_FOR_MS, Kind, LATE_MS, OBJECTIVE};
use super::freeze::{Freeze, ResponseTruth, lateness};
use super::truth::{Became, Truth, quantile};
use crate::model::{NotSent, Outcome, OutcomeClass, TimeoutPhase, TransportFault};
use crate::plan::Plan;
use crate::report::{ClockRow, RunReport};

const SERVICE: &str = "service time";
const RESPONSE: &str = "response time";
const SEND_LAG: &str = "send lag";
/// A service time may be this far from the truth: the way there and back is in it.
const NEAR: Allowed = Allowed::Share { share: 0.02, least: Duration::from_millis(1) };
/// How far what a freeze does may be from the truth.
const FREEZE_SHARE: f64 = 0.05;

/// What there is of a drill that was run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) plan: &'a Plan,
    pub(super) report: &'a RunReport,
    pub(super) truth: &'a Truth,
}

/// All claims on `drill`, of which this came.
pub(super) fn claims(drill: &Drill, evidence: Evidence<'_>) -> Vec<Claim> {
    let Evidence { report, truth, .. } = evidence;
    let mut claims = match drill.kind {
        Kind::Latency => vec![
            service("p50", 0.5, evidence, |clock| clock.p50),
            service("p95", 0.95, evidence, |clock| clock.p95),
            service("p99", 0.99, evidence, |clock| clock.p99),
        ],
        Kind::Tail => vec![
            counted(
                &format!("calls above {LATE_MS} ms"),
                truth.count_over(Duration::from_millis(LATE_MS)),
                report.objectives.iter().find(|finding| finding.name == OBJECTIVE).and_then(|it| it.bad),
            ),
            service("p99.9", 0.999, evidence, |clock| clock.p999),
        ],
        Kind::Freeze => freeze(evidence),
        Kind::Queue => queue(evidence),
        Kind::Errors => vec![
            counted("ok", truth.count_of(Became::Ok), Some(report.total.ok)),
            counted("tool errors", truth.count_of(Became::ToolError), class(report, OutcomeClass::Tool)),
        ],
        Kind::Lost => vec![
            counted("ok", truth.count_of(Became::Ok), Some(report.total.ok)),
            counted("timeouts", truth.count_of(Became::Lost), class(report, OutcomeClass::Timeout)),
        ],
        Kind::Duplicated => vec![
            counted("ok", truth.count_of(Became::Ok), Some(report.total.ok)),
            counted(
                "duplicates",
                truth.count_of(Became::Duplicated),
                Some(outcomes(report, |outcome| outcome == DUPLICATE)),
            ),
        ],
        Kind::Ceiling | Kind::SendLag(_) => Vec::new(),
    };
    claims.extend(books(evidence, drill.kind));
    claims
}

const DUPLICATE: Outcome = Outcome::Protocol(crate::model::ProtocolFault::Duplicate);

/// A quantile of the service time.
fn service(name: &str, q: f64, evidence: Evidence<'_>, of: impl Fn(&ClockRow) -> Option<f64>) -> Claim {
    Claim {
        what: format!("service {name}"),
        truth: evidence.truth.service(q).map(Value::Time),
        reported: clock(evidence.report, SERVICE).and_then(of).map(Value::Time),
        allowed: NEAR,
        excuse: Excuse::Timing(q),
    }
}

/// When each call was due, in the time of the load.
fn due(plan: &Plan) -> Vec<Duration> {
    let schedule = plan.load.open().map(|open| open.schedule(plan.seed));
    schedule.into_iter().flatten().map(|arrival| arrival.due).collect()
}

/// What waits for a user is late by its wait, and its answer, too.
fn queue(evidence: Evidence<'_>) -> Vec<Claim> {
    let Evidence { plan, report, truth } = evidence;
    let late = lateness(&due(plan), &truth.calls);
    let answered = late.as_ref().map(|late| {
        let calls = late.iter().zip(&truth.calls);
        calls.map(|(late, call)| late + call.service.as_secs_f64()).collect::<Vec<_>>()
    });
    let claim = |what: &str, exact: &Option<Vec<f64>>, name, q, of: fn(&ClockRow) -> Option<f64>| Claim {
        what: what.to_owned(),
        truth: exact.as_ref().and_then(|exact| quantile(exact.iter().copied(), q)).map(Value::Time),
        reported: clock(report, name).and_then(of).map(Value::Time),
        allowed: Allowed::Share { share: FREEZE_SHARE, least: Duration::ZERO },
        excuse: Excuse::Timing(q),
    };
    vec![
        claim("response p50, from due", &answered, RESPONSE, 0.5, |clock| clock.p50),
        claim("response p99, from due", &answered, RESPONSE, 0.99, |clock| clock.p99),
        claim("send lag p50", &late, SEND_LAG, 0.5, |clock| clock.p50),
        claim("send lag p99", &late, SEND_LAG, 0.99, |clock| clock.p99),
        service("p50", 0.5, evidence, |clock| clock.p50),
    ]
}

fn freeze(evidence: Evidence<'_>) -> Vec<Claim> {
    let Evidence { plan, report, truth } = evidence;
    let due = due(plan);
    let freeze =
        Freeze { at: Duration::from_millis(FREEZE_AT_MS), length: Duration::from_millis(FREEZE_FOR_MS) };
    let response = ResponseTruth::of(&due, &truth.calls, freeze, 0.99);
    let reported = clock(report, RESPONSE).and_then(|clock| clock.p99).map(Value::Time);
    let within = Allowed::Share { share: FREEZE_SHARE, least: Duration::ZERO };
    let excuse = Excuse::Timing(0.99);
    vec![
        Claim {
            what: "response p99, from due".to_owned(),
            truth: response.map(|response| Value::Time(response.answered)),
            reported,
            allowed: within,
            excuse,
        },
        Claim {
            what: "response p99, freeze alone".to_owned(),
            truth: response.map(|response| Value::Time(response.at_least)),
            reported,
            allowed: Allowed::LessByShare(FREEZE_SHARE),
            excuse,
        },
        Claim { allowed: within, ..service("p99", 0.99, evidence, |clock| clock.p99) },
    ]
}

/// That nothing was lost and nothing counted twice.
fn books(evidence: Evidence<'_>, kind: Kind) -> [Claim; 2] {
    let Evidence { report, truth, .. } = evidence;
    let ok = report.total.ok + report.warm_up_total.ok;
    let outcomes = report.outcomes.iter().map(|row| row.count).sum();
    let planned = Claim {
        excuse: Excuse::Nothing,
        ..counted("planned calls, by outcome", report.planned, Some(outcomes))
    };
    let sent = if kind.is_against_null() {
        Claim { excuse: Excuse::Nothing, ..counted("calls answered", truth.count, Some(ok)) }
    } else {
        counted("calls sent", truth.count, sent(report))
    };
    [planned, sent]
}

fn counted(what: &str, truth: u64, reported: Option<u64>) -> Claim {
    Claim {
        what: what.to_owned(),
        truth: Some(Value::Calls(truth)),
        reported: reported.map(Value::Calls),
        allowed: Allowed::Nothing,
        excuse: Excuse::Load,
    }
}

fn clock<'a>(report: &'a RunReport, name: &str) -> Option<&'a ClockRow> {
    report.clocks.iter().find(|clock| clock.name == name && !clock.estimate)
}

/// Load calls of a class of failures.
fn class(report: &RunReport, class: OutcomeClass) -> Option<u64> {
    report.total.failures.iter().find(|(failed, _)| *failed == class).map(|(_, count)| *count)
}

/// Load calls that were written to the wire.
fn sent(report: &RunReport) -> Option<u64> {
    report.total.calls.checked_sub(outcomes(report, |outcome| !is_sent(outcome)))
}

/// Calls whose outcome is one of these; there must be none of it among those around the load.
fn outcomes(report: &RunReport, which: impl Fn(Outcome) -> bool) -> u64 {
    let is_one = |text: &str| text.parse().is_ok_and(&which);
    report.outcomes.iter().filter(|row| is_one(&row.outcome)).map(|row| row.count).sum()
}

fn is_sent(outcome: Outcome) -> bool {
    match outcome {
        Outcome::NotSent(NotSent::NoSession | NotSent::NoUser | NotSent::NoValue | NotSent::NoSocket) => {
            false
        }
        Outcome::Transport(fault) => match fault {
            TransportFault::Refused
            | TransportFault::Tls
            | TransportFault::Dns
            | TransportFault::Timeout(TimeoutPhase::Connect) => false,
            TransportFault::Reset
            | TransportFault::Eof
            | TransportFault::Timeout(TimeoutPhase::FirstByte | TimeoutPhase::Body)
            | TransportFault::Other => true,
        },
        Outcome::Ok
        | Outcome::HttpStatus(_)
        | Outcome::Protocol(_)
        | Outcome::JsonRpcError(_)
        | Outcome::ToolError
        | Outcome::CheckFailed
        | Outcome::Cancelled
        | Outcome::Interrupted => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::{Noise, Status, judge};
    use super::super::drill::{Pace, drills};
    use super::super::truth::TrueCall;
    use super::*;
    use crate::plan::{Load, LoadModel, OpenLoad, RateStage, Spacing};
    use crate::report::OutcomeCount;

    const REPORT: &str = include_str!("../../tests/golden/report/complete/report.json");

    /// What a target says that had 1,000 calls: 20 failed, 30 were lost, 40 answered twice, 50 took half a second, the others
    /// 10 ms.
    fn truth() -> Truth {
        let call = |at: u64| TrueCall {
            arrived: Duration::from_millis(at),
            service: Duration::from_millis(if at < 50 { 500 } else { 10 }),
            became: match at {
                100..120 => Became::ToolError,
                200..230 => Became::Lost,
                300..340 => Became::Duplicated,
                _ => Became::Ok,
            },
        };
        Truth { count: 1000, calls: (0..1000).map(call).collect() }
    }

    fn outcome(outcome: &str, count: u64) -> OutcomeCount {
        let class = outcome.parse::<Outcome>().unwrap().class();
        OutcomeCount { outcome: outcome.to_owned(), class, count, expected: false }
    }

    /// The report of just these calls.
    fn report() -> RunReport {
        let mut report: RunReport = serde_json::from_str(REPORT).unwrap();
        report.planned = 1003;
        report.outcomes = vec![
            outcome("ok", 913),
            outcome("tool_error", 20),
            outcome("transport/timeout/first_byte", 30),
            outcome("protocol/duplicate", 40),
        ];
        report.total.calls = 1000;
        report.total.ok = 910;
        report.total.failures =
            vec![(OutcomeClass::Timeout, 30), (OutcomeClass::Protocol, 40), (OutcomeClass::Tool, 20)];
        report.warm_up_total.ok = 0;
        let clock = |name: &str| ClockRow {
            name: name.to_owned(),
            meaning: String::new(),
            estimate: false,
            calls: 1000,
            p50: Some(0.010),
            p90: Some(0.010),
            p95: Some(0.0101),
            p99: Some(0.501),
            p999: Some(0.501),
            max: Some(0.501),
        };
        report.clocks = vec![clock(RESPONSE), clock(SERVICE)];
        report.objectives.truncate(1);
        report.objectives[0].name = OBJECTIVE.to_owned();
        report.objectives[0].bad = Some(50);
        report
    }

    /// The claims of all drills (but those with a schedule in them, and those on the null server) that do not hold of `report`.
    fn failing(report: &RunReport) -> Vec<String> {
        let log: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/smoke.plan.json")).unwrap();
        let plan: Plan = serde_json::from_value(log).unwrap();
        let truth = truth();
        let evidence = Evidence { plan: &plan, report, truth: &truth };
        let drills = drills(Pace::Quick, 1024);
        let about_calls =
            drills.iter().filter(|drill| !drill.kind.is_by_schedule() && !drill.kind.is_against_null());
        about_calls
            .flat_map(|drill| claims(drill, evidence).into_iter().map(|claim| (drill.name, claim)))
            .map(|(name, claim)| judge(name, claim, &Noise::default()))
            .filter(|row| row.status == Status::Fail)
            .map(|row| format!("{} {}", row.drill, row.claim))
            .collect()
    }

    #[track_caller]
    fn check(tamper: impl Fn(&mut RunReport), expected: &[&str]) {
        let mut report = report();
        tamper(&mut report);
        assert_eq!(failing(&report), expected);
    }

    #[test]
    fn a_wait_for_a_user_that_is_not_told_is_caught() {
        let stage = RateStage { duration: Duration::from_secs(1), rate: 1000.0 };
        let jump = RateStage { duration: Duration::ZERO, ..stage };
        let open = OpenLoad {
            stages: vec![jump, stage],
            spacing: Spacing::Constant,
            burst: 1,
            users: 1,
            max_users: 1,
        };
        let log: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/smoke.plan.json")).unwrap();
        let plan: Plan = serde_json::from_value(log).unwrap();
        let plan = Plan { load: Load { model: LoadModel::Open(open), ..plan.load }, ..plan };
        // Each call comes a millisecond later than the one before, beside its due time, and takes 10 ms.
        let calls = due(&plan).into_iter().zip(0..).map(|(due, late)| TrueCall {
            arrived: due + Duration::from_millis(late),
            service: Duration::from_millis(10),
            became: Became::Ok,
        });
        let truth = Truth { count: 1000, calls: calls.collect() };
        let clock = |name: &str, p50: f64, p99: f64| ClockRow {
            name: name.to_owned(),
            meaning: String::new(),
            estimate: false,
            calls: 1000,
            p50: Some(p50),
            p90: None,
            p95: None,
            p99: Some(p99),
            p999: None,
            max: None,
        };
        let failing = |response: (f64, f64), lag: (f64, f64)| {
            let mut report = report();
            let service = clock(SERVICE, 0.010, 0.010);
            report.clocks =
                vec![clock(RESPONSE, response.0, response.1), service, clock(SEND_LAG, lag.0, lag.1)];
            let evidence = Evidence { plan: &plan, report: &report, truth: &truth };
            let quiet = Noise { failing: Vec::new(), wake_ups: crate::model::LatencyHistogram::new() };
            let judged = queue(evidence).into_iter().map(|claim| judge("queue", claim, &quiet));
            judged.filter(|row| row.status != Status::Ok).count()
        };
        assert_eq!(failing((0.509, 0.999), (0.499, 0.989)), 0);
        assert_eq!(failing((0.010, 0.010), (0.499, 0.989)), 2, "service time told as response time");
        assert_eq!(failing((0.509, 0.999), (0.000, 0.001)), 2);
    }

    #[test]
    fn a_report_that_is_true_holds() {
        check(|_| (), &[]);
    }

    #[test]
    fn each_figure_that_is_wrong_is_caught_where_it_is_claimed() {
        check(|report| report.clocks[1].p50 = Some(0.0112), &["latency service p50"]);
        check(|report| report.clocks[1].p99 = Some(0.515), &["latency service p99"]);
        check(|report| report.clocks[1].p999 = None, &["tail service p99.9"]);
        check(|report| report.objectives[0].bad = Some(49), &["tail calls above 250 ms"]);
        check(|report| report.objectives.clear(), &["tail calls above 250 ms"]);
        check(|report| report.total.ok = 909, &["errors ok", "lost ok", "duplicated ok"]);
        check(|report| report.total.failures[2].1 = 19, &["errors tool errors"]);
        check(|report| report.total.failures[0].1 = 31, &["lost timeouts"]);
        check(|report| report.total.failures.clear(), &["errors tool errors", "lost timeouts"]);
        let one_less = |report: &mut RunReport| {
            report.outcomes[3].count = 39;
            report.planned = 1002;
        };
        check(one_less, &["duplicated duplicates"]);
    }

    #[test]
    fn a_call_that_is_missing_in_the_books_is_caught_in_every_drill() {
        let in_all = |claim: &str| {
            ["latency", "tail", "errors", "lost", "duplicated"].map(|drill| format!("{drill} {claim}"))
        };
        let mut planned = report();
        planned.planned += 1;
        assert_eq!(failing(&planned), in_all("planned calls, by outcome"));
        let mut sent = report();
        sent.total.calls -= 1;
        assert_eq!(failing(&sent), in_all("calls sent"));
        // What never left is not looked for at the target.
        let mut unsent = report();
        unsent.total.calls += 2;
        unsent.planned += 2;
        unsent.outcomes.extend([outcome("not_sent/no_user", 1), outcome("transport/refused", 1)]);
        assert_eq!(failing(&unsent), [""; 0]);
    }
}
