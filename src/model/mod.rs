//! L0: the values every other room speaks of: units, outcomes, latencies, labels, events, verdicts.
//!
//! Nothing here does I/O, reads a clock or knows of a user's file.

mod abort;
mod canary;
mod color;
mod event;
mod histogram;
mod labels;
mod latency_clock;
mod nonce;
mod messages;
mod outcome;
mod prometheus_event;
mod redaction;
mod rng;
mod secret;
mod stream_clock;
mod stream_times;
mod strays;
mod swept;
mod target_info;
mod text;
mod units;
mod verdict;

pub use abort::Abort;
pub use canary::{CanaryFinder, CanaryForm, Found, canary};
pub use color::Color;
pub use event::{
    EarlyCall, Endpoint, Event, Floor, HealthState, Level, Probe, ProbeResult, ProcessSample, SampleFault,
    SampleTrouble, ScrapeFault, ScrapeStat, Stamped,
};
pub use histogram::{HistogramError, LatencyHistogram};
pub use labels::Labels;
pub use latency_clock::LatencyClock;
pub use messages::{Messages, NotificationCount, TaskCount, Wish, WishCount};
pub use nonce::{Echo, IDS_PER_USER, Nonce, RunTag, is_id_of_a_user};
pub use outcome::{
    NotSent, Outcome, OutcomeClass, ParseOutcomeError, ProtocolFault, TimeoutPhase, TransportFault,
};
pub use prometheus_event::{PrometheusEvent, TheirAlert, TheirRule, TheirState};
pub use redaction::{MAX_EXCERPT, Secrets};
pub use rng::CounterRng;
pub use secret::{Secret, credentials_in, without_credentials};
pub use strays::Strays;
pub use stream_clock::StreamClock;
pub use stream_times::StreamTimes;
pub use swept::{Leak, SweepPlace, Swept};
pub use target_info::{Carriage, Era, TargetInfo};
pub use text::{MAX_TEXT, clean_char, clean_text, printable_text};
pub use units::{
    counted, counted_as, format_count, format_duration, format_rate, format_ratio, format_seconds,
    parse_duration, parse_rate, signal_name, typed_duration,
};
pub use verdict::Verdict;
