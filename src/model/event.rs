//! What happens beside the calls while a run is on: phases, probes, process samples, scrapes, notes.
//!
//! One closed enum goes from the run to the terminal and to the run directory. Times are since the run began.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Abort, Outcome, PrometheusEvent, Swept, format_count, format_duration};

/// Something with the time at which it was seen, counted from the start of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// Since the start of the run, in microseconds on disk.
    #[serde(with = "micros")]
    pub at: Duration,
    /// What was seen.
    #[serde(flatten)]
    pub what: T,
}

/// One event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Before the load: what the load itself costs.
    Floor(Floor),
    /// The target was scraped before the load, where somebody wants to know what it counted since. Readers from before it refuse the
    /// directory.
    Baseline {
        /// The calls that gander had made by then; they are in the books of the first second.
        calls: Vec<EarlyCall>,
    },
    /// The load began; the warm-up (if any) is on.
    LoadStarted,
    /// The warm-up is over: from here on calls count for the verdict.
    SteadyStarted,
    /// No new calls from here on; calls in flight may still end.
    LoadStopped,
    /// Gander stops the load by itself. Readers from before this event refuse the directory.
    Aborted(Abort),
    /// A health endpoint was asked.
    Probe(Probe),
    /// The target's process was looked at.
    Process(ProcessSample),
    /// The target's metrics were scraped.
    Scrape(ScrapeStat),
    /// Something was seen of the Prometheus that is asked in place of the target. Readers from before it refuse the directory.
    Prometheus(PrometheusEvent),
    /// Canaries were looked for. Readers from before it refuse the directory.
    Swept(Swept),
    /// Something a person should know.
    Note {
        /// How grave it is.
        level: Level,
        /// In one sentence; text from a server is cleaned.
        text: String,
    },
}

/// A call that was made before the load began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyCall {
    /// The place of its step in the plan.
    pub step: u16,
    /// How it ended.
    pub outcome: Outcome,
}

/// The latency of a load against a server that answers at once: no target can seem faster than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// How many calls it rests on, whatever came of them.
    pub calls: u64,
    /// Their p99, in microseconds on disk; zero without calls.
    #[serde(with = "micros")]
    pub p99: Duration,
    /// How many iterations of an open load had to wait for a user.
    pub waited: u64,
    /// For how long it was measured, in microseconds on disk.
    #[serde(with = "micros")]
    pub length: Duration,
}

impl Floor {
    /// A p99 takes this many calls to be told from the slowest of them.
    const NEEDED: u64 = 100;
    /// Where more of the calls than this waited for users, it is the pool that was measured.
    const WAITED: f64 = 0.005;

    /// True when it says what the load costs: there were calls, and the load was kept.
    pub fn is_known(&self) -> bool {
        self.calls > 0 && self.waited as f64 <= Self::WAITED * self.calls as f64
    }

    /// The p99 as people read it, and what must be known with it.
    pub fn text(&self) -> String {
        let length = format_duration(self.length);
        if self.calls == 0 {
            return format!("not known, as no call was due in {length}");
        }
        let about = if self.calls < Self::NEEDED { "~" } else { "" };
        let p99 = format!("{about}{}", format_duration(self.p99));
        if self.is_known() {
            return p99;
        }
        let (waited, calls) = (format_count(self.waited), format_count(self.calls));
        format!("{p99} where {waited} of {calls} calls had to wait for a user, so that the load was not kept")
    }
}

/// How grave a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Info,
    /// May change what the numbers mean.
    Warning,
}

/// Which of the three health endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/health`: healthy, degraded or unhealthy.
    Health,
    /// `/ready`: may traffic be sent?
    Ready,
    /// `/live`: does the process respond?
    Live,
}

impl Endpoint {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Health, Self::Ready, Self::Live];

    /// As scenarios and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Live => "live",
        }
    }
}

/// What a health endpoint said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// 200 and healthy, or 200 from `/ready` and `/live`.
    Healthy,
    /// 200, but the body says degraded.
    Degraded,
    /// 503, or the body says unhealthy.
    Unhealthy,
}

/// One look at a health endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// How long the answer took, in microseconds on disk.
    #[serde(with = "micros")]
    pub latency: Duration,
    /// What came back.
    pub result: ProbeResult,
}

/// What a probe gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeResult {
    /// An answer that says something about health.
    State {
        /// What it says.
        state: HealthState,
        /// With which HTTP status.
        status: u16,
        /// For a detailed answer, the names of the checks that are not healthy.
        failing: Vec<String>,
    },
    /// An HTTP status that says nothing about health (404, say).
    Unexpected {
        /// The status.
        status: u16,
    },
    /// No answer: why.
    NoAnswer {
        /// In a word: `refused`, `timeout`, ...
        reason: String,
    },
}

/// One look at the target's process, from `/proc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// CPU seconds (user and system) used since the process began.
    pub cpu_seconds: f64,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Open file descriptors; `None` where they may not be counted.
    pub open_fds: Option<u64>,
    /// Threads.
    pub threads: u64,
}

/// How one scrape went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScrapeStat {
    /// From request to the last byte read, in microseconds on disk.
    #[serde(with = "micros")]
    pub duration: Duration,
    /// Bytes of the body.
    pub bytes: u64,
    /// Samples in it.
    pub samples: u64,
    /// Why it failed; `None` when it did not.
    pub fault: Option<ScrapeFault>,
    /// What was odd about some of its samples, of each kind once; unknown to the first run directories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<SampleTrouble>,
}

/// What was odd about some samples of a scrape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleTrouble {
    /// What it was.
    pub fault: SampleFault,
    /// Of how many samples.
    pub samples: u64,
    /// The series of the first of them, cleaned.
    pub series: String,
}

/// What may be odd about a sample in a scrape that is sound otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleFault {
    /// Its series had one of this time already: the first counts.
    Duplicate,
    /// Its series had a later one already: that counts.
    OutOfOrder,
    /// Stamped five minutes ago or earlier: nobody sees it any more.
    TooOld,
    /// Stamped ahead of the scrape: nobody sees it before its time, or at all where that is ten minutes off.
    Ahead,
}

/// Why a scrape gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScrapeFault {
    /// No answer, in a word.
    NoAnswer(String),
    /// Not answered within the limit.
    Timeout,
    /// An HTTP status other than 200.
    Status(u16),
    /// The body is larger than the limit.
    TooLarge,
    /// More series than the limit.
    TooManySeries,
    /// Not exposition text: line, column, why.
    Malformed(String),
}

mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

pub(super) mod optional_micros {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde's `with` passes a reference")]
    pub(in crate::model) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_micros))
    }
}
