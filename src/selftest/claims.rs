//! What must hold of each drill: figures of its report against the truth. Pure.

use std::time::Duration;

use super::compare::{Allowed, Claim, Excuse, Value};
use super::drill::{Drill, FREEZE_AT_MS, FREEZE_FOR_MS, Kind, LATE_MS, OBJECTIVE};
use super::freeze::{Freeze, ResponseTruth};
use super::truth::{Became, Truth};
use crate::model::{NotSent, Outcome, OutcomeClass, TimeoutPhase, TransportFault};
use crate::plan::Plan;
use crate::report::{ClockRow, RunReport};

const SERVICE: &str = "service time";
const RESPONSE: &str = "response time";
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
fn service(
    name: &str,
    q: f64,
    evidence: Evidence<'_>,
    of: impl Fn(&ClockRow) -> Option<f64>,
) -> Claim {
    Claim {
        what: format!("service {name}"),
        truth: evidence.truth.service(q).map(Value::Time),
        reported: clock(evidence.report, SERVICE).and_then(of).map(Value::Time),
        allowed: NEAR,
        excuse: Excuse::Timing(q),
    }
}

fn freeze(evidence: Evidence<'_>) -> Vec<Claim> {
    let Evidence { plan, report, truth } = evidence;
    let schedule = plan.load.open().map(|open| open.schedule(plan.seed));
    let due: Vec<Duration> = schedule.into_iter().flatten().map(|arrival| arrival.due).collect();
    let freeze = Freeze {
        at: Duration::from_millis(FREEZE_AT_MS),
        length: Duration::from_millis(FREEZE_FOR_MS),
    };
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
            what: "the same, at least".to_owned(),
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
    let outcomes = report.outcomes.iter().map(|row| row.count).sum();
    let planned = Claim { excuse: Excuse::Nothing, ..counted("planned calls", report.planned, Some(outcomes)) };
    let sent = if kind.is_against_null() {
        Claim { excuse: Excuse::Nothing, ..counted("calls answered", truth.count, Some(report.total.ok)) }
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
        Outcome::NotSent(NotSent::NoSession | NotSent::NoUser | NotSent::NoSocket) => false,
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
        | Outcome::Interrupted => true,
    }
}
