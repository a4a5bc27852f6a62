//! What the demo target may be told: on the command line, and (its faults) as JSON on the control route. Values
//! only: nothing here acts on them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Secret, parse_duration};

/// How the demo target listens, whom it lets in, what it writes, and which faults it starts with.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct DemoOptions {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Stop when standard input closes, so that no orphan outlives the program that started this one
    #[arg(long)]
    pub exit_with_parent: bool,
    /// Ask for a bearer token (from `POST /auth/token`) on the MCP and the REST face
    #[arg(long)]
    pub require_auth: bool,
    /// The only user who may log in; without it any name will do
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// The password that is accepted
    #[arg(long, value_name = "PASSWORD", default_value = "test_pass", value_parser = secret)]
    pub password: Secret,
    /// The client that gets tokens from `POST /oauth/token`, by OAuth's client credentials
    #[arg(long, value_name = "NAME", default_value = "demo-client")]
    pub oauth_client_id: String,
    /// The client's secret
    #[arg(long, value_name = "SECRET", default_value = "test_secret", value_parser = secret)]
    pub oauth_client_secret: Secret,
    /// The client's public key as PEM text (`"$(openssl pkey -in client.key -pubout)"`): then it may sign instead
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub oauth_public_key: Option<String>,
    /// How long a token is good for
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub token_ttl: Duration,
    /// Most connections that may carry calls at once; a call on one more is answered 503
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub max_connections: u64,
    /// Tell of the server's memory as cAdvisor tells of a container's with so many MiB of it: `container_memory_usage_bytes` and
    /// `container_spec_memory_limit_bytes` of the pod mcp-server-demo
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub container_memory_limit: Option<u64>,
    /// Write one JSON log line per call to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Write one JSON audit record per tool call, arguments redacted, to this file
    #[arg(long, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// Write what truly became of each tool call to this file, one CSV line a call: when it arrived (microseconds since the
    /// start), method, tool, status, service time (microseconds), and ok, tool_error, rpc_error, http_error, aborted, lost or
    /// duplicated. With `--null`: at the end, one line with the number of answered tool calls
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Be a server that does next to nothing instead: every MCP request is answered at once with canned bytes, in JSON, or at
    /// the path /sse in an event stream; `GET /calls` says how many tool calls were answered. For measuring what drives it
    #[arg(long, conflicts_with_all = ["require_auth", "username", "log", "audit_log", "FaultOptions"])]
    pub null: bool,
    /// Offer the tools with which the official MCP conformance suite probes servers
    #[arg(long)]
    pub conformance_tools: bool,
    /// Seed of every draw a fault makes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What goes wrong, and how often
    #[command(flatten)]
    pub faults: FaultOptions,
}

/// What goes wrong, and how often. Latencies and shares concern tool calls, on both faces, and nothing else;
/// times count from the moment the faults were set (the start, or the `POST /control/faults`).
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultOptions {
    /// Added to every tool call; at least this much, in steps of the runtime's timer (1 ms)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub latency: Option<Duration>,
    /// Added to every tool call, drawn from a lognormal distribution
    #[arg(long, value_name = "MEDIAN,SIGMA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_lognormal: Option<Lognormal>,
    /// Share (0 to 1) of tool calls that also get `--latency-extra`
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_share: Option<f64>,
    /// Added to the share of tool calls that `--latency-share` names
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub latency_extra: Option<Duration>,
    /// Share of tool calls that end in `isError` (REST: 500)
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_error_share: Option<f64>,
    /// Share of tool calls that end in the JSON-RPC error -32603 (REST: 500)
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc_error_share: Option<f64>,
    /// Share of tool calls that are answered with HTTP 503
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_error_share: Option<f64>,
    /// Share of tool calls whose connection is reset instead of an answer
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_share: Option<f64>,
    /// Share of tool calls whose answer is never sent: the connection stays open and silent
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lose_share: Option<f64>,
    /// Share of tool calls that are answered twice, with an event stream that carries the same response two times (REST has no
    /// way to do that: it answers once)
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_share: Option<f64>,
    /// Share of tool calls that find their session gone: it is forgotten, and the call answered 404 (where there are no sessions
    /// nothing happens)
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lose_session_share: Option<f64>,
    /// When calls start to stand still [default: at once]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub freeze_at: Option<Duration>,
    /// For how long calls stand still, in flight and new; monitoring goes on answering
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub freeze_for: Option<Duration>,
    /// Memory lost with each `initialize`
    #[arg(long, value_name = "SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leak_per_session: Option<ByteSize>,
    /// From when on the health endpoint says degraded
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub degraded_at: Option<Duration>,
    /// From when on the health endpoint says unhealthy
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub unhealthy_at: Option<Duration>,
    /// When calls are answered 503 and nothing else, as in `5s..10s`; the health endpoints say so
    #[arg(long, value_name = "FROM..TO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Span>,
    /// For how long into an outage the readiness endpoint goes on saying yes
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub ready_late: Option<Duration>,
    /// When the liveness endpoint answers 503, as in `5s..10s`
    #[arg(long, value_name = "FROM..TO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_fails: Option<Span>,
    /// How much longer the health endpoints take
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub slow_probes: Option<Duration>,
    /// How the request metrics, the health endpoint or the log lie
    #[arg(long, value_name = "LIE", value_enum)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lie: Vec<Lie>,
    /// Lose every N-th line of the log
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lose_log_line: Option<u64>,
    /// Leave this field out of the log's lines
    #[arg(long, value_name = "FIELD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_without: Option<String>,
    /// Write lines of the log this long after what they tell of
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(with = "duration_text", skip_serializing_if = "Option::is_none")]
    pub log_delay: Option<Duration>,
    /// Leave the metric of this name out of the metrics
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_metric: Option<String>,
    /// Write bearer tokens and raw arguments into the log
    #[arg(long)]
    pub leak_secret_in_log: bool,
    /// Where else what came in an `X-Api-Key` header, or else an `Authorization` header, turns up
    #[arg(long, value_name = "WHERE", value_enum)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leak_secret_in: Vec<LeakIn>,
    /// Lose every N-th record of the audit log
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lose_audit_record: Option<u64>,
    /// Write every N-th record of the audit log twice
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub double_audit_record: Option<u64>,
    /// Offer one more tool, whose name, description and error text are hostile
    #[arg(long)]
    pub hostile_names: bool,
}

/// A way in which the metrics, the health endpoint or the log are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// Failed requests are counted as successes
    ErrorsAsSuccess,
    /// Every tenth request is not counted
    LostCounts,
    /// Durations of requests are observed in milliseconds, into a histogram of seconds
    DurationUnit,
    /// Connections that end are not counted out
    StuckConnections,
    /// The health endpoint always says healthy
    HealthOk,
    /// Lines of failed calls have the level INFO
    LogLevel,
    /// Durations in the log are in microseconds
    LogDuration,
}

/// Where what came in an `Authorization` header turns up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeakIn {
    /// In the label of a metric
    Label,
    /// In base64 in the results of tools
    Reply,
    /// Percent-encoded in what the health endpoint says
    Health,
}

/// From one moment to another, written `5s..10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Span {
    /// The first moment.
    pub from: Duration,
    /// The first one after it.
    pub to: Duration,
}

/// A lognormal distribution of durations, written `20ms,0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Lognormal {
    /// Half of the draws are below.
    pub median: Duration,
    /// Standard deviation of the logarithm; 0 makes every draw the median.
    pub sigma: f64,
}

/// A number of bytes, written `64KiB`, `1MiB`, `1MB` or `512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ByteSize(pub usize);

/// A value that can't be read, or makes no sense beside the others.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OptionError {
    /// Not a duration.
    #[error("`{0}` is not a duration; write a number with a unit, as in `250us`, `20ms`, `1.5s`")]
    Duration(String),
    /// Not a lognormal distribution.
    #[error("`{0}` is not a distribution; write its median and sigma, as in `20ms,0.5`")]
    Lognormal(String),
    /// Not a size.
    #[error("`{0}` is not a size; write it as in `512`, `64KiB` or `1MiB`")]
    Size(String),
    /// Not a span of time.
    #[error("`{0}` is no span of time; write its beginning and its end, as in `5s..10s`")]
    Span(String),
    /// Not a share.
    #[error("a share of {0} is none; write a number from 0 to 1")]
    Share(f64),
    /// The shares of calls that fail add up to more than all calls.
    #[error("the shares of failing calls add up to {0}; together they may not exceed 1")]
    ShareSum(f64),
    /// A share without its latency, or the other way round.
    #[error("latency_share and latency_extra need each other")]
    LatencyShare,
    /// A time to freeze at, but not for how long.
    #[error("freeze_at needs freeze_for")]
    FreezeFor,
    /// Late for an outage that there is not.
    #[error("ready_late needs outage")]
    ReadyLate,
}

impl FaultOptions {
    /// What no single field can tell: shares in range, fields that need each other.
    pub fn check(&self) -> Result<(), OptionError> {
        let failing = [
            self.tool_error_share,
            self.rpc_error_share,
            self.http_error_share,
            self.reset_share,
            self.lose_share,
            self.duplicate_share,
            self.lose_session_share,
        ];
        for share in failing.into_iter().chain([self.latency_share]).flatten() {
            if !(0.0..=1.0).contains(&share) {
                return Err(OptionError::Share(share));
            }
        }
        let sum: f64 = failing.into_iter().flatten().sum();
        if sum > 1.0 + 1e-9 {
            return Err(OptionError::ShareSum(sum));
        }
        if self.latency_share.is_some() != self.latency_extra.is_some() {
            return Err(OptionError::LatencyShare);
        }
        if self.freeze_at.is_some() && self.freeze_for.is_none() {
            return Err(OptionError::FreezeFor);
        }
        if self.ready_late.is_some() && self.outage.is_none() {
            return Err(OptionError::ReadyLate);
        }
        Ok(())
    }
}

impl FromStr for Lognormal {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once(',')
            .and_then(|(median, sigma)| {
                let sigma = sigma.trim().parse().ok().filter(|sigma| (0.0..=10.0).contains(sigma))?;
                Some(Self { median: parse_duration(median)?, sigma })
            })
            .ok_or_else(|| OptionError::Lognormal(text.to_owned()))
    }
}

impl From<Lognormal> for String {
    fn from(value: Lognormal) -> Self {
        format!("{},{}", duration_text::of(value.median), value.sigma)
    }
}

impl TryFrom<String> for Lognormal {
    type Error = OptionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Span {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once("..")
            .and_then(|(from, to)| Some(Self { from: parse_duration(from)?, to: parse_duration(to)? }))
            .filter(|span| span.from < span.to)
            .ok_or_else(|| OptionError::Span(text.to_owned()))
    }
}

impl From<Span> for String {
    fn from(value: Span) -> Self {
        format!("{}..{}", duration_text::of(value.from), duration_text::of(value.to))
    }
}

impl TryFrom<String> for Span {
    type Error = OptionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for ByteSize {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let unit: usize = match text[digits..].trim() {
            "" | "B" => 1,
            "kB" | "KB" => 1_000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            _ => return Err(OptionError::Size(text.to_owned())),
        };
        text[..digits]
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .map(Self)
            .ok_or_else(|| OptionError::Size(text.to_owned()))
    }
}

impl From<ByteSize> for String {
    fn from(value: ByteSize) -> Self {
        value.0.to_string()
    }
}

impl TryFrom<String> for ByteSize {
    type Error = OptionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

fn duration(text: &str) -> Result<Duration, OptionError> {
    parse_duration(text).ok_or_else(|| OptionError::Duration(text.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a clap value parser")]
fn secret(text: &str) -> Result<Secret, OptionError> {
    Ok(Secret::new(text))
}

mod duration_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn of(duration: Duration) -> String {
        let us = duration.as_micros();
        if us.is_multiple_of(1000) { format!("{}ms", us / 1000) } else { format!("{us}us") }
    }

    #[expect(clippy::ref_option, reason = "the shape serde's `with` asks for")]
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_str(&of(*duration)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::duration(&text).map_err(serde::de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: DemoOptions,
    }

    #[test]
    fn flags_and_json_say_the_same() {
        let flags = "demo --latency 250us --latency-lognormal 20ms,0.5 --latency-share 0.1 --latency-extra 3s \
                     --freeze-at 5s --freeze-for 1400ms --leak-per-session 64KiB --lie errors-as-success \
                     --lie lost-counts --reset-share 0.25 --lose-share 0.125 --duplicate-share 0.0625 --hostile-names \
                     --outage 5s..10.5s --ready-late 2s --live-fails 0s..1m --slow-probes 1500ms --lie health-ok";
        let line = Line::try_parse_from(flags.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
        let json = r#"{"latency":"250us","latency_lognormal":"20ms,0.5","latency_share":0.1,
            "latency_extra":"3s","freeze_at":"5s","freeze_for":"1.4s","leak_per_session":"64KiB",
            "lie":["errors-as-success","lost-counts","health-ok"],"outage":"5s..10500ms","ready_late":"2s",
            "live_fails":"0s..60s","slow_probes":"1.5s","reset_share":0.25,"lose_share":0.125,"duplicate_share":0.0625,
            "hostile_names":true}"#;
        let faults: FaultOptions = serde_json::from_str(json).unwrap();
        assert_eq!(line.options.faults, faults);
        let back: FaultOptions = serde_json::from_str(&serde_json::to_string(&faults).unwrap()).unwrap();
        assert_eq!(back, faults);
    }

    #[test]
    fn a_server_that_does_nothing_has_no_faults() {
        let read = |flags: &str| Line::try_parse_from(flags.split_whitespace()).is_ok();
        assert!(read("demo --null --exit-with-parent --truth t.csv"));
        for flags in ["--latency 1s", "--lose-share 0.1", "--hostile-names", "--require-auth", "--log x"] {
            assert!(!read(&format!("demo --null {flags}")), "{flags}");
        }
    }

    #[test]
    fn faults_that_make_no_sense_are_refused() {
        let check = |json: &str| serde_json::from_str::<FaultOptions>(json).unwrap().check();
        assert_eq!(check("{}"), Ok(()));
        assert_eq!(check(r#"{"tool_error_share":1.5}"#), Err(OptionError::Share(1.5)));
        assert_eq!(check(r#"{"tool_error_share":0.75,"reset_share":0.75}"#), Err(OptionError::ShareSum(1.5)));
        assert_eq!(check(r#"{"lose_share":0.75,"duplicate_share":0.5}"#), Err(OptionError::ShareSum(1.25)));
        assert_eq!(check(r#"{"duplicate_share":-0.5}"#), Err(OptionError::Share(-0.5)));
        assert_eq!(check(r#"{"latency_share":0.5}"#), Err(OptionError::LatencyShare));
        assert_eq!(check(r#"{"freeze_at":"1s"}"#), Err(OptionError::FreezeFor));
        assert_eq!(check(r#"{"ready_late":"1s"}"#), Err(OptionError::ReadyLate));
        let spans = [r#"{"outage":"5s"}"#, r#"{"outage":"5s..5s"}"#, r#"{"live_fails":"5s..x"}"#];
        for bad in spans {
            assert!(serde_json::from_str::<FaultOptions>(bad).is_err(), "{bad}");
        }
        for bad in [r#"{"latncy":"1s"}"#, r#"{"latency":"20"}"#, r#"{"leak_per_session":"1 elephant"}"#] {
            assert!(serde_json::from_str::<FaultOptions>(bad).is_err(), "{bad}");
        }
    }
}
