//! The report as a value: what every format shows, and, as JSON, a format itself.
//!
//! Latencies are in seconds, ratios from 0 to 1, times in seconds since the load began (what was seen before it has a
//! negative time).

use serde::{Deserialize, Serialize};

use super::own_prometheus::PrometheusReport;
use super::{Environment, Manifest};
use crate::metrics::Phase;
use crate::model::{HealthState, Messages, OutcomeClass, Strays, TargetInfo, Verdict, format_count};
use crate::slo::{AlertHistory, Finding, GeneratorCheck};
use crate::verify::{Cost, Evidence};

/// The version of `report.json`. Version 2 has all that version 1 had, and beside it
/// `errors`, `clocks`, `generator`, how much of each second was `covered`, and which failures were `expected`. Version 3 has
/// all that version 2 had, and beside it `strays`, `session_growth` and the target's `transport`. Version 4 has all that version
/// 3 had, and beside it `cross_talk`, `messages`, `streams`, `output_schemas`,
/// `idle_streams` and `lost_sessions`. Version 5 has all that version 4 had, and beside it `within_limit` of each objective. Version 6 has all that
/// version 5 had, and beside it `budget` of each objective, `projected` of each alert, `prometheus`, from when on the `alerts` are not known
/// (`unknown_from`), and `aborted` among the states of a run; a reader that looks at the other fields alone, and takes that state for one
/// that it does not know, reads it as before. Version 7 has all that version 6 had, and beside it `telemetry`;
/// version 8 has `cost` beside that, and `out_of_reach` of each alert.
pub const REPORT_VERSION: u32 = 8;

/// A run, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// What the run is called, and what wrote it.
    pub run: Manifest,
    /// The scenario's name.
    pub scenario: String,
    /// One sentence about the scenario; may be empty.
    pub description: String,
    /// Who was called.
    pub target: Option<TargetInfo>,
    /// The machine that made the load.
    pub environment: Environment,
    /// `complete`, `interrupted`, `aborted`, `unmeasured` or `partial`.
    pub state: String,
    /// The verdict on the whole run.
    pub verdict: Verdict,
    /// Why the verdict is what it is, in one sentence.
    pub because: String,
    /// The verdicts on the parts: objectives in the order of their files, then the harness's own findings: missing
    /// evidence (only when it is missing), cross-talk (where answers tell), the generator's checks and the accounting check. The run's verdict is the gravest
    /// of these, but a generator that may have been the bottleneck only takes a PASS away.
    pub objectives: Vec<Finding>,
    /// What became of alert rules; `None` where there were none.
    #[serde(default)]
    pub alerts: Option<AlertHistory>,
    /// What the user's own Prometheus gave and concluded; `None` where none was to be asked.
    #[serde(default)]
    pub prometheus: Option<PrometheusReport>,
    /// What came of the checks of the target's own telemetry; each is among the `objectives`, too.
    #[serde(default)]
    pub telemetry: Vec<TelemetryCheck>,
    /// What the run cost, estimated; `None` where nobody said what things cost.
    #[serde(default)]
    pub cost: Option<Cost>,
    /// Things a person should know to read the numbers.
    pub notes: Vec<String>,
    /// The latencies of all steady load calls on each of their clocks.
    pub clocks: Vec<ClockRow>,
    /// What gander found of itself as a load generator; empty when it did not watch.
    pub generator: Vec<GeneratorCheck>,
    /// How long the load was on, in seconds; warm-up included.
    pub duration: f64,
    /// How much of it was warm-up.
    pub warm_up: f64,
    /// All load calls of the steady phase.
    pub total: StepRow,
    /// Load calls of the steady phase, by step, in the plan's order.
    pub steps: Vec<StepRow>,
    /// Load calls of the warm-up, all steps together; in no verdict.
    pub warm_up_total: StepRow,
    /// Set-up and tear-down calls over the whole run, by step; in no verdict.
    pub around: Vec<StepRow>,
    /// Every outcome of the whole run (all roles, all phases) with its count, most frequent first.
    pub outcomes: Vec<OutcomeCount>,
    /// Why calls failed, over the whole run: those of the steady phase first, the most frequent first. Of each step, phase
    /// and class the first few distinct reasons are kept.
    pub errors: Vec<ErrorRow>,
    /// Messages of the whole run that belong to no call in flight; told over stdio and HTTP+SSE alone.
    pub strays: Strays,
    /// Whether answers came to the calls that they were meant for.
    pub cross_talk: CrossTalk,
    /// Messages of the whole run beside answers: what the target asked of its clients, and what it told them.
    pub messages: Messages,
    /// When the parts of answers came in the steady phase, of the steps some of whose answers came in parts.
    pub streams: Vec<StreamRow>,
    /// Sessions that the target lost, over the whole run; `None` where it lost none.
    pub lost_sessions: Option<LostSessions>,
    /// The streams that were held open beside the load; `None` where there were to be none.
    #[serde(default)]
    pub idle_streams: Option<IdleStreams>,
    /// Sampled answers that were held against the output schemas of their tools, over the whole run, by step; steps without any
    /// are left out.
    pub output_schemas: Vec<OutputRow>,
    /// Calls planned over the whole run.
    pub planned: u64,
    /// Calls recorded over the whole run.
    pub recorded: u64,
    /// One point a second.
    pub timeline: Vec<TimelinePoint>,
    /// The percentile curve of all steady load calls: (quantile, latency in seconds).
    pub percentile_curve: Vec<(f64, f64)>,
    /// What the health endpoints said over time.
    pub health: Vec<HealthSpan>,
    /// How full the target was over time.
    pub saturation: Vec<Saturation>,
    /// What a session costs the target in memory; `None` where sessions were not opened anew all the time, or its process was not
    /// seen.
    pub session_growth: Option<SessionGrowth>,
    /// Scrapes of the target's metrics: tried.
    pub scrapes: u64,
    /// Scrapes of the target's metrics: failed.
    pub scrapes_failed: u64,
}

/// One check of the target's own telemetry, with what its verdict rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelemetryCheck {
    /// What was found.
    pub finding: Finding,
    /// How many of the things that were looked at are not as they should be.
    pub wrong: u64,
    /// True where it rests on how long calls took by gander's own clock.
    pub on_time: bool,
    /// What it rests on.
    pub evidence: Evidence,
}

impl TelemetryCheck {
    /// What is told of the rows after the first `shown`, which are those that are not as they should be as far as there are such.
    pub(super) fn more_rows(&self, shown: usize) -> Option<String> {
        let rows = self.evidence.rows.len();
        let more = rows.saturating_sub(shown) as u64 + self.evidence.more;
        let wrong = self.wrong.saturating_sub(rows.min(shown) as u64).min(more);
        let rows = if more == 1 { "row" } else { "rows" };
        (more > 0)
            .then(|| format!("{} more {rows}, {} of them wrong", format_count(more), format_count(wrong)))
    }

    /// True for a FAIL that a generator which was late can't explain: what was counted is counted, whenever it was sent.
    pub(super) fn fails_despite_lateness(&self) -> bool {
        self.finding.verdict == Verdict::Fail && !self.on_time
    }
}

/// Calls and latencies of one step, or of several together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The step's name; `all` for several.
    pub name: String,
    /// The MCP method, or `GET /path`.
    pub method: String,
    /// The tool.
    pub tool: Option<String>,
    /// Calls.
    pub calls: u64,
    /// Successful calls.
    pub ok: u64,
    /// Calls by class of failure, without `ok`; classes without calls are left out.
    pub failures: Vec<(OutcomeClass, u64)>,
    /// True when these failures are as they should be: see [`OutcomeCount::expected`].
    pub expected: bool,
    /// Calls per second: of load in the steady phase, those that were sent and ended in it, whenever they were due.
    pub rate: f64,
    /// Failed calls over calls that count.
    pub error_ratio: f64,
    /// Latency quantiles in seconds; `None` without calls.
    pub min: Option<f64>,
    /// See `min`.
    pub mean: Option<f64>,
    /// See `min`.
    pub p50: Option<f64>,
    /// See `min`.
    pub p90: Option<f64>,
    /// See `min`.
    pub p95: Option<f64>,
    /// See `min`.
    pub p99: Option<f64>,
    /// See `min`.
    pub max: Option<f64>,
}

/// When the parts of the answers to one step came: on streams, or with news of their progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamRow {
    /// The step's name.
    pub step: String,
    /// How many calls.
    pub calls: u64,
    /// How often there was news of their progress.
    pub progress: u64,
    /// Times from when they were sent, and the longest gap.
    pub times: Vec<StreamTime>,
}

/// One time of streamed answers, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamTime {
    /// `first byte`, `first message`, `first progress`, `task begun`, `answer`, `first notification` (of a stream that is kept open), or `longest gap` (between two messages of a call).
    pub what: String,
    /// How many calls have it.
    pub calls: u64,
    /// A quantile.
    pub p50: f64,
    /// See `p50`.
    pub p95: f64,
    /// See `p50`.
    pub max: f64,
}

/// Latencies on one clock, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockRow {
    /// `response time`, `service time`, `send lag`, or `successful calls`: the first clock without the calls that failed.
    pub name: String,
    /// From when to when it runs.
    pub meaning: String,
    /// True of a response time that was worked out, not measured.
    pub estimate: bool,
    /// How many latencies; of an estimate, those that were added are among them.
    pub calls: u64,
    /// Quantiles; `None` without calls.
    pub p50: Option<f64>,
    /// See `p50`.
    pub p90: Option<f64>,
    /// See `p50`.
    pub p95: Option<f64>,
    /// See `p50`.
    pub p99: Option<f64>,
    /// See `p50`.
    pub p999: Option<f64>,
    /// See `p50`.
    pub max: Option<f64>,
}

/// An outcome and how often it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeCount {
    /// As [`crate::model::Outcome`] prints.
    pub outcome: String,
    /// Its class.
    pub class: OutcomeClass,
    /// Calls.
    pub count: u64,
    /// True of the question that tells the eras apart: a legacy target is right to refuse it.
    pub expected: bool,
}

/// Whether answers came to the calls that they were meant for, over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CrossTalk {
    /// Calls whose answers held the nonces of their arguments: they alone prove that all is well.
    pub echoed: u64,
    /// Calls that got an answer which was meant for another one.
    pub crossed: u64,
}

/// Sessions that the target lost, and how long it took users to get good answers again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LostSessions {
    /// How often a user lost its session.
    pub lost: u64,
    /// How often it got a good answer after that.
    pub recovered: u64,
    /// Quantiles of the time from the loss to the end of that answer, in seconds; `None` where there was none.
    pub p50: Option<f64>,
    /// See `p50`.
    pub p95: Option<f64>,
    /// See `p50`.
    pub max: Option<f64>,
}

/// Streams that were held open beside the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleStreams {
    /// How many there were to be.
    pub asked: u32,
    /// The fewest that were open at the end of a second of the steady phase, its last one left out.
    pub fewest: u32,
    /// The most.
    pub most: u32,
    /// How often the target ended one, over the whole run; each was opened anew.
    pub ended: u64,
    /// How many of those were opened after the last event that had come (Last-Event-ID).
    pub resumed: u64,
}

/// Sampled answers of one step, held against the output schema of its tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRow {
    /// The step's name.
    pub step: String,
    /// Answers that were held against it.
    pub checked: u64,
    /// Answers that were meant to be, and were not.
    pub unchecked: u64,
    /// Checked answers that break it.
    pub violations: u64,
    /// How the first of these does, in words.
    pub example: Option<String>,
}

/// Failed calls of one step that gave the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// The step's name.
    pub step: String,
    /// In which part of the run they began.
    pub phase: Phase,
    /// Their class.
    pub class: OutcomeClass,
    /// How many.
    pub calls: u64,
    /// Why, in the words of the target, the socket or the check, without secrets; `None` stands for all reasons beyond
    /// those that are kept.
    pub reason: Option<String>,
}

/// One second of load calls, all steps together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// The second, from 0.
    pub second: u32,
    /// For how much of it the load was on, from 0 to 1: less than 1 at the end alone, where its counts are no rates.
    pub covered: f64,
    /// Load calls that ended in it.
    pub calls: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Users at its end.
    pub users: u32,
    /// Calls in flight at its end.
    pub in_flight: u64,
    /// Latency quantiles in seconds; `None` in a second without calls.
    pub p50: Option<f64>,
    /// See `p50`.
    pub p95: Option<f64>,
    /// See `p50`.
    pub p99: Option<f64>,
    /// See `p50`.
    pub max: Option<f64>,
}

/// A health endpoint in one state for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthSpan {
    /// `health`, `ready` or `live`.
    pub endpoint: String,
    /// What it said; `None`: no answer, or one that says nothing.
    pub state: Option<HealthState>,
    /// From when, in seconds.
    pub from: f64,
    /// Until when: the time of the last probe of the span.
    pub to: f64,
    /// How many probes.
    pub probes: u64,
    /// The names of failing checks, or why there was no answer; may be empty.
    pub detail: String,
}

/// By how much the target's memory grew for each session that was opened in the steady phase: the slope of its line of least
/// squares. An estimate: what else makes it grow is in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SessionGrowth {
    /// How many sessions.
    pub sessions: u64,
    /// Bytes for each.
    pub bytes_per_session: f64,
    /// The standard error of that.
    pub standard_error: f64,
}

/// A measure of how full the target was, over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// `CPU`, `memory`, `open files`, `threads`, `connections`, `connections of the maximum`.
    pub name: String,
    /// `cores`, `bytes`, `count`, `ratio`.
    pub unit: String,
    /// (second, value).
    pub points: Vec<(f64, f64)>,
    /// The largest value.
    pub peak: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_rows_that_are_cut_it_is_told_how_many_are_wrong() {
        let finding = crate::report::fixture::findings().remove(0);
        let rows = vec![vec!["a".to_owned()]; 5];
        let evidence = Evidence { columns: vec!["requests".to_owned()], rows, more: 3 };
        let check = |wrong| TelemetryCheck {
            finding: finding.clone(),
            wrong,
            on_time: false,
            evidence: evidence.clone(),
        };
        assert_eq!(check(6).more_rows(5).as_deref(), Some("3 more rows, 1 of them wrong"));
        assert_eq!(check(2).more_rows(4).as_deref(), Some("4 more rows, 0 of them wrong"));
        assert_eq!(check(8).more_rows(7).as_deref(), Some("3 more rows, 3 of them wrong"));
        let whole = TelemetryCheck { evidence: Evidence { more: 0, ..evidence.clone() }, ..check(5) };
        assert_eq!(whole.more_rows(5), None);
    }
}
