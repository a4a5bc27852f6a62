//! A made-up run for the tests of this room: 20 s, three steps of load, errors, a health change, scrapes that fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::measured::Measured;
use super::{Ending, Environment, Finding, Manifest, RunLog, RunReport, Totals};
use crate::metrics::{
    BadMoments, Cell, ErrorSample, IdleSecond, Phase, Second, SeriesStore, StreamCell, StreamedCall,
};
use crate::model::{
    Abort, Carriage, CounterRng, Endpoint, Era, Event, HealthState, LatencyHistogram, Level, Messages,
    Outcome, OutcomeClass, Probe, ProbeResult, ProcessSample, ScrapeFault, ScrapeStat, Stamped, Strays,
    StreamTimes, TargetInfo, TaskCount, TransportFault, Verdict, Wish,
};
use crate::plan::{
    Auth, ClosedLoad, DemoTarget, HostRule, Load, LoadModel, Observe, Operation, Outputs, PLAN_VERSION, Plan,
    ProtocolChoice, Role, SessionEnd, SessionPolicy, Stage, Step, StepId, Target, Template, ThinkTime,
    Transaction, UnlistedTools,
};
use crate::slo::{BurnAlert, BurnReading, BurnSeverity, Criteria, ErrorBudget};

const SECONDS: u32 = 20;
const WARM_UP: u32 = 5;

/// The report of `log` with these findings.
pub(super) fn build(log: &RunLog, findings: Vec<Finding>) -> RunReport {
    super::build::build(log, &Measured::of(log), findings, false)
}

/// The run, complete.
pub(super) fn fixture() -> RunLog {
    let seconds = seconds();
    let planned = seconds.iter().map(|second| second.planned).sum();
    RunLog {
        manifest: Manifest {
            version: 1,
            run_id: "2026-03-01T10-00-00Z-default".to_owned(),
            gander: "0.1.0".to_owned(),
            started_at: "2026-03-01T10:00:00Z".to_owned(),
            scenario_file: "scenarios/default.yaml".to_owned(),
        },
        plan: plan(),
        criteria: Criteria::default(),
        environment: Environment {
            os: "Linux 6.1".to_owned(),
            cpu: "Example CPU".to_owned(),
            cores: 2,
            memory_bytes: 8 << 30,
            profile: "release".to_owned(),
        },
        target: Some(TargetInfo {
            url: "http://127.0.0.1:8080/mcp".to_owned(),
            transport: Carriage::Http,
            era: Era::Legacy,
            revision: "2025-06-18".to_owned(),
            server: Some("demo 0.1.0".to_owned()),
            tools: Some(vec!["search".to_owned(), "calculate".to_owned()]),
            started_by_gander: true,
            pid: Some(4711),
        }),
        seconds,
        events: events(),
        series: SeriesStore::default(),
        logs: None,
        audit: None,
        fetched: None,
        ending: Ending::Complete { totals: Totals { planned, recorded: planned } },
    }
}

/// The same run, killed in its twelfth second with three calls in flight.
pub(super) fn partial() -> RunLog {
    let mut log = fixture();
    log.seconds.truncate(12);
    let last = log.seconds.last_mut().expect("the fixture has seconds");
    last.planned += 3;
    last.in_flight = 3;
    log.events.retain(|stamped| stamped.at < Duration::from_secs(12));
    log.ending = Ending::Partial;
    log
}

/// The same run, stopped after 15 of its 20 seconds by one of its objectives.
pub(super) fn aborted() -> RunLog {
    let mut log = fixture();
    let Ending::Complete { totals } = log.ending else { unreachable!("the fixture is complete") };
    log.ending = Ending::Aborted { totals };
    let stopped = log.events.iter().position(|event| event.what == Event::LoadStopped);
    let stopped = stopped.expect("the fixture's load is stopped");
    log.events[stopped].at -= Duration::from_secs(5);
    let why = Abort::Budget {
        objective: "errors".to_owned(),
        calls: 600,
        bad: 90,
        budget: 0.05,
        e_value: Some(31.46),
        needed: 20.0,
    };
    let moment = log.events[stopped].at;
    log.events.insert(stopped, Stamped { at: moment, what: Event::Aborted(why) });
    log
}

/// A run that ended before its first call.
pub(super) fn empty() -> RunLog {
    let mut log = fixture();
    log.seconds.clear();
    log.events.clear();
    log.target = None;
    log.ending = Ending::Complete { totals: Totals { planned: 0, recorded: 0 } };
    log
}

/// A run whose target was not there.
pub(super) fn unmeasured() -> RunLog {
    let mut log = empty();
    log.events =
        vec![at(0, note(Level::Warning, "no answer from `http://127.0.0.1:1/mcp`: transport/refused"))];
    log.ending = Ending::Unmeasured;
    log
}

/// Findings as the judge gives them: one for each verdict but INVALID.
pub(super) fn findings() -> Vec<Finding> {
    vec![
        finding("search-p95", "tool search", "p95 latency", Verdict::Pass, ("45.3 ms", 0.0453), "<= 250 ms"),
        finding(
            "calculate-p95",
            "tool calculate",
            "p95 latency",
            Verdict::Fail,
            ("812 ms", 0.812),
            "<= 500 ms",
        ),
        Finding {
            budget: Some(error_budget()),
            ..finding("errors", "all calls", "error ratio", Verdict::Pass, ("1.84 %", 0.0184), "<= 5 %")
        },
        finding(
            "tail",
            "method tools/list",
            "p99.9 latency",
            Verdict::Inconclusive,
            ("91.2 ms", 0.0912),
            "<= 1 s",
        ),
    ]
}

/// Of errors that burn a third of what they may, in bursts.
fn error_budget() -> ErrorBudget {
    let alert = |severity, factor, hours: f64, reading| BurnAlert {
        severity,
        factor,
        long: hours * 3600.0,
        short: hours * 300.0,
        reading,
        fired_at: (reading == BurnReading::Fired).then_some(14.0),
        peak: (reading == BurnReading::Fired).then_some(15.5),
    };
    ErrorBudget {
        share: 0.05,
        burn: 0.368,
        period: 30.0 * 86_400.0,
        gone_in: Some(30.0 * 86_400.0 / 0.368),
        scale: 300.0,
        alerts: vec![
            alert(BurnSeverity::Page, 14.4, 1.0, BurnReading::Fired),
            alert(BurnSeverity::Page, 6.0, 6.0, BurnReading::Silent),
            alert(BurnSeverity::Ticket, 3.0, 24.0, BurnReading::TooShort),
            alert(BurnSeverity::Ticket, 1.0, 72.0, BurnReading::TooShort),
        ],
    }
}

fn finding(
    name: &str,
    scope: &str,
    indicator: &str,
    verdict: Verdict,
    value: (&str, f64),
    limit: &str,
) -> Finding {
    Finding {
        name: name.to_owned(),
        scope: scope.to_owned(),
        indicator: indicator.to_owned(),
        verdict,
        value: value.0.to_owned(),
        value_number: Some(value.1),
        limit: limit.to_owned(),
        samples: 412,
        bad: Some(7),
        within_limit: Some(verdict != Verdict::Fail),
        budget: None,
        because: format!("{indicator} is {} over 412 calls", value.0),
        origin: "slos/default.yaml:7".to_owned(),
    }
}

fn plan() -> Plan {
    Plan {
        version: PLAN_VERSION,
        name: "default".to_owned(),
        description: "Weights 3 : 5 : 2 over list tools, search and calculate.".to_owned(),
        seed: 7,
        target: Target::Demo(DemoTarget::default()),
        transport: crate::plan::Transport::default(),
        protocol: ProtocolChoice::Auto,
        auth: Auth::None,
        session: SessionPolicy::PerUser,
        session_end: SessionEnd::Delete,
        unlisted_tools: UnlistedTools::Call,
        answers: crate::plan::Answers::default(),
        hosts: HostRule::default(),
        load: Load {
            model: LoadModel::Closed(ClosedLoad {
                stages: vec![
                    Stage { duration: Duration::from_secs(u64::from(WARM_UP)), users: 10 },
                    Stage { duration: Duration::from_secs(u64::from(SECONDS - WARM_UP)), users: 10 },
                ],
                think_time: ThinkTime::Constant(Duration::from_millis(100)),
            }),
            warm_up: Duration::from_secs(u64::from(WARM_UP)),
            idle_streams: 0,
            stage_names: Vec::new(),
        },
        variables: Vec::new(),
        feeders: Vec::new(),
        transactions: [("list", 3, 1), ("search", 5, 2), ("calculate", 2, 3)]
            .map(|(name, weight, step)| Transaction {
                name: name.to_owned(),
                weight,
                steps: vec![StepId(step)],
                feeders: Vec::new(),
            })
            .to_vec(),
        steps: vec![
            step(0, "initialize", Role::SetUp, "initialize", None, Operation::Initialize),
            step(1, "list_tools", Role::Load, "tools/list", None, Operation::list_tools()),
            tool_step(2, "search"),
            tool_step(3, "calculate"),
            step(4, "server/discover", Role::SetUp, "server/discover", None, Operation::discover()),
        ],
        observe: Observe {
            metrics: Some("/metrics".to_owned()),
            metrics_interval: Duration::from_secs(1),
            prometheus: None,
            health: Some("/health?detailed=true".to_owned()),
            ready: Some("/ready".to_owned()),
            live: Some("/live".to_owned()),
            health_interval: Duration::from_secs(1),
            pid: None,
        },
        output_schema: crate::plan::OutputSchema::default(),
        canaries: Vec::new(),
        outputs: Outputs { directory: PathBuf::from("runs"), formats: Vec::new(), grafana: None },
        thresholds: Vec::new(),
    }
}

fn tool_step(id: u16, tool: &str) -> Step {
    let operation = Operation::CallTool {
        tool: Template::literal(tool),
        arguments: Template::literal("{}"),
        generated: None,
    };
    step(id, tool, Role::Load, "tools/call", Some(tool), operation)
}

fn step(id: u16, name: &str, role: Role, method: &str, tool: Option<&str>, operation: Operation) -> Step {
    Step {
        id: StepId(id),
        name: name.to_owned(),
        role,
        method: method.to_owned(),
        tool: tool.map(str::to_owned),
        operation,
        checks: Vec::new(),
        extract: Vec::new(),
        condition: None,
        tags: BTreeMap::new(),
        deadline: Duration::from_secs(10),
        conduct: crate::plan::Conduct::default(),
    }
}

fn seconds() -> Vec<Second> {
    let mut rng = CounterRng::new(7, 0);
    (0..SECONDS).map(|second| one_second(second, &mut rng)).collect()
}

fn one_second(second: u32, rng: &mut CounterRng) -> Second {
    let phase = if second < WARM_UP { Phase::WarmUp } else { Phase::Steady };
    let users = (second * 2 + 2).min(10);
    let slow = (9..12).contains(&second);
    let mut cells = Vec::new();
    let mut add = |step: u16, outcome: Outcome, calls: u32, least_us: u64, spread_us: u64| {
        if calls == 0 {
            return;
        }
        let mut service = LatencyHistogram::new();
        for _ in 0..calls {
            // A product of draws has the long right tail that latencies have.
            let tail = rng.unit() * rng.unit() * rng.unit();
            service.record(Duration::from_micros(least_us) + Duration::from_micros(spread_us).mul_f64(tail));
        }
        cells.push(Cell {
            step: StepId(step),
            phase,
            outcome,
            count: u64::from(calls),
            over: vec![],
            service,
            response: None,
            lag: None,
            bad_at: BadMoments::default(),
        });
    };
    if second < WARM_UP {
        add(0, Outcome::Ok, 2, 3_000, 4_000);
        add(4, Outcome::HttpStatus(400), u32::from(second == 0), 900, 100);
    }
    let factor = if slow { 6 } else { 1 };
    add(1, Outcome::Ok, users * 2, 900, 6_000 * factor);
    add(2, Outcome::Ok, users * 3, 4_000, 50_000 * factor);
    add(2, Outcome::JsonRpcError(-32602), u32::from(second % 6 == 5), 900, 1_000);
    add(3, Outcome::Ok, users, 2_000, 300_000 * factor);
    add(3, Outcome::ToolError, if slow { 6 } else { u32::from(second % 4 == 3) }, 2_000, 5_000);
    add(3, Outcome::Transport(TransportFault::Reset), u32::from(second == 10), 700, 100);
    let planned = cells.iter().map(|cell| cell.count).sum();
    let in_flight = if second + 1 == SECONDS { 0 } else { u64::from(users / if slow { 1 } else { 4 }) };
    let errors = errors(&cells);
    Second {
        second,
        planned,
        in_flight,
        waiting: 0,
        users,
        pacing: None,
        left_open: 0,
        resumed: 0,
        held: Duration::ZERO,
        strays: Strays::default(),
        echoed: 0,
        messages: Messages::default(),
        streams: Vec::new(),
        sessions: None,
        idle: None,
        outputs: Vec::new(),
        generator: None,
        cells,
        errors,
    }
}

/// The run with messages beside answers, and with answers that came in parts.
pub(super) fn streamed() -> RunLog {
    let mut log = fixture();
    log.plan.load.idle_streams = 50;
    for second in &mut log.seconds {
        let phase = if second.second < WARM_UP { Phase::WarmUp } else { Phase::Steady };
        second.streams = streams(second.second, phase);
        second.messages = messages(second.second);
        let ended = u64::from(second.second == 7);
        second.idle = Some(IdleSecond { open: 50, ended, resumed: ended });
    }
    log
}

/// `search` is asked to tell how far it is.
fn streams(second: u32, phase: Phase) -> Vec<StreamCell> {
    let ms = |ms: u32| Duration::from_millis(u64::from(ms));
    let mut cell = StreamCell::new(StepId(2), phase);
    for call in 1..=5 {
        let mut times = StreamTimes::default();
        for step in 1..=3 {
            let at = ms(10 * step * call + second % 3);
            times.event(at);
            times.progress(at);
        }
        times.event(ms(40 * call));
        times.handed = Some(ms(5 * call));
        times.polls = 2;
        let (sent, first_byte, answer) = (Duration::ZERO, Some(ms(2 + second % 3)), Some(ms(40 * call)));
        cell.add(StreamedCall { sent, first_byte, answer, times });
    }
    vec![cell]
}

fn messages(second: u32) -> Messages {
    let mut messages = Messages::default();
    (0..15).for_each(|_| messages.notified("notifications/progress"));
    if second.is_multiple_of(4) {
        messages.asked(Wish::Sampling);
        messages.answered(Wish::Sampling);
        messages.asked(Wish::Roots);
        messages.refused(Wish::Roots);
        messages.rounds += 1;
        messages.late_to_cancelled += 1;
        messages.repeated_cursors += 1;
        messages.tasks += TaskCount {
            created: 6,
            completed: 3,
            failed: 1,
            cancel_requests: 1,
            polls: 12,
            ..TaskCount::default()
        };
    }
    if second == 8 {
        messages.asked(Wish::Sampling);
    }
    messages
}

/// Every failed call says why; those of `calculate` for two reasons.
fn errors(cells: &[Cell]) -> Vec<ErrorSample> {
    let failed = cells.iter().filter(|cell| cell.outcome.is_failure());
    failed
        .flat_map(|cell| {
            let class = cell.outcome.class();
            let reasons = if class == OutcomeClass::JsonRpc {
                vec![("-32602: unknown field `querry`", cell.count)]
            } else if class == OutcomeClass::Transport {
                vec![("Connection reset by peer (os error 104)", cell.count)]
            } else if class == OutcomeClass::Http {
                vec![("HTTP 400 Bad Request: no session", cell.count)]
            } else if cell.count > 1 {
                vec![("the database is locked", cell.count - 1), ("out of fuel", 1)]
            } else {
                vec![("division by zero", cell.count)]
            };
            reasons.into_iter().map(|(reason, calls)| ErrorSample {
                step: cell.step,
                phase: cell.phase,
                class: cell.outcome.class(),
                reason: Some(reason.to_owned()),
                calls,
            })
        })
        .collect()
}

fn events() -> Vec<Stamped<Event>> {
    let mut events = vec![at(0, Event::LoadStarted), at(u64::from(WARM_UP) * 1000, Event::SteadyStarted)];
    for second in 0..u64::from(SECONDS) {
        let ms = second * 1000 + 400;
        let degraded = (9..13).contains(&second);
        let failing = if degraded { vec!["database".to_owned()] } else { Vec::new() };
        let state = if degraded { HealthState::Degraded } else { HealthState::Healthy };
        events.push(at(ms, probe(Endpoint::Health, ProbeResult::State { state, status: 200, failing })));
        let ready = match second {
            11 => ProbeResult::NoAnswer { reason: "timeout".to_owned() },
            10 => ProbeResult::State { state: HealthState::Unhealthy, status: 503, failing: Vec::new() },
            _ => ProbeResult::State { state: HealthState::Healthy, status: 200, failing: Vec::new() },
        };
        events.push(at(ms, probe(Endpoint::Ready, ready)));
        let alive = ProbeResult::State { state: HealthState::Healthy, status: 200, failing: Vec::new() };
        events.push(at(ms, probe(Endpoint::Live, alive)));
        events.push(at(ms, Event::Process(process(second))));
        events.push(at(ms, Event::Scrape(scrape(second))));
    }
    events.push(at(9_100, note(Level::Warning, "the generator's own CPU reached 92 %")));
    events.push(at(u64::from(SECONDS) * 1000, Event::LoadStopped));
    events.sort_by_key(|stamped| stamped.at);
    events
}

fn at(ms: u64, what: Event) -> Stamped<Event> {
    Stamped { at: Duration::from_millis(ms), what }
}

fn note(level: Level, text: &str) -> Event {
    Event::Note { level, text: text.to_owned() }
}

fn probe(endpoint: Endpoint, result: ProbeResult) -> Event {
    Event::Probe(Probe { endpoint, latency: Duration::from_millis(2), result })
}

fn process(second: u64) -> ProcessSample {
    let busy = second.min(12) as f64 * 0.62 + second.saturating_sub(12) as f64 * 0.31;
    ProcessSample {
        cpu_seconds: 0.1 + busy,
        resident_bytes: 24_000_000 + second * 400_000,
        open_fds: Some(18 + second.min(5) * 2),
        threads: 5,
    }
}

fn scrape(second: u64) -> ScrapeStat {
    let fault = match second {
        10 => Some(ScrapeFault::Timeout),
        11 => Some(ScrapeFault::Status(503)),
        _ => None,
    };
    ScrapeStat { duration: Duration::from_millis(3), bytes: 8_192, samples: 120, fault, troubles: Vec::new() }
}
