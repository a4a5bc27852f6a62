//! Asks a health endpoint at an interval, and reads its answer: the status, a bare word, or the detailed JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, Interval};
use tokio_util::sync::CancellationToken;

use super::Reporter;
use super::http::{Body, Fetcher, NoReply, Reply};
use crate::model::{Endpoint, Event, HealthState, Probe, ProbeResult, Secrets, clean_text};

const ACCEPT: &str = "application/json, text/plain;q=0.9, */*;q=0.1";

/// The most names of failing checks kept of one answer.
const MAX_FAILING: usize = 20;

/// The task that asks one endpoint.
pub(super) struct Prober {
    endpoint: Endpoint,
    fetcher: Fetcher,
    reporter: Reporter,
}

/// What is asked when the load is over.
pub(super) struct After {
    /// How long the endpoint is asked until it says that all is well; `None`: not at all.
    pub(super) patience: Option<Duration>,
    /// Nobody waits for that any more.
    pub(super) hurry: CancellationToken,
}

impl Prober {
    pub(super) fn new(endpoint: Endpoint, fetcher: Fetcher, reporter: Reporter) -> Self {
        Self { endpoint, fetcher, reporter }
    }

    /// A probe under way when the run stops is given up: that it had no answer yet says nothing. It is not where the target is to be well
    /// again.
    pub(super) async fn run(self, mut ticks: Interval, stop: CancellationToken, after: After) {
        let Some(patience) = after.patience else {
            let watch = async {
                loop {
                    ticks.tick().await;
                    self.probe().await;
                }
            };
            stop.run_until_cancelled(watch).await;
            return;
        };
        let watch = async {
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                self.probe().await;
            }
            let stopped = Instant::now();
            while !self.probe().await && stopped.elapsed() < patience {
                ticks.tick().await;
            }
        };
        after.hurry.run_until_cancelled(watch).await;
    }

    /// Asks once; false where it may say that all is well if asked again.
    async fn probe(&self) -> bool {
        let at = self.reporter.now();
        let began = Instant::now();
        let (answer, secrets) = (self.fetcher.get(ACCEPT).await, &self.reporter.secrets);
        let latency = began.elapsed();
        if let (Some(sweep), Ok(Reply { body: Body::Whole(body), .. })) = (&self.reporter.sweep, &answer) {
            sweep.health(&format!("/{}", self.endpoint.word()), body);
        }
        let result = read(self.endpoint, answer, secrets);
        let is_settled = match &result {
            ProbeResult::State { state, .. } => *state == HealthState::Healthy,
            // It is not there, or not for us.
            ProbeResult::Unexpected { status } => *status < 500,
            ProbeResult::NoAnswer { .. } => false,
        };
        self.reporter.event(at, Event::Probe(Probe { endpoint: self.endpoint, latency, result }));
        is_settled
    }
}

/// Asks `endpoint` once.
pub(super) async fn ask(endpoint: Endpoint, fetcher: &Fetcher, secrets: &Secrets) -> ProbeResult {
    read(endpoint, fetcher.get(ACCEPT).await, secrets)
}

fn read(endpoint: Endpoint, answer: Result<Reply, NoReply>, secrets: &Secrets) -> ProbeResult {
    match answer {
        Ok(reply) => read_reply(endpoint, &reply, secrets),
        Err(no_reply) => ProbeResult::NoAnswer { reason: no_reply.word().to_owned() },
    }
}

fn read_reply(endpoint: Endpoint, reply: &Reply, secrets: &Secrets) -> ProbeResult {
    let body = match &reply.body {
        Body::Whole(body) => body.as_slice(),
        Body::TooLarge(_) => &[],
    };
    read_answer(endpoint, reply.status, body, secrets)
}

/// What an answer says. `/ready` and `/live` speak by their status alone, `/health` by its body too. A body that
/// says nothing known leaves it at the status.
fn read_answer(endpoint: Endpoint, status: u16, body: &[u8], secrets: &Secrets) -> ProbeResult {
    let said = match endpoint {
        Endpoint::Health => read_body(body, secrets),
        Endpoint::Ready | Endpoint::Live => Said::default(),
    };
    let state = match (status, said.state) {
        (200..=299, None) => HealthState::Healthy,
        (200..=299, Some(state)) => state,
        (503, _) | (500..=599, Some(HealthState::Unhealthy)) => HealthState::Unhealthy,
        _ => return ProbeResult::Unexpected { status },
    };
    ProbeResult::State { state, status, failing: said.failing }
}

/// What a body says.
#[derive(Default)]
struct Said {
    state: Option<HealthState>,
    failing: Vec<String>,
}

/// `{"status": "degraded", "checks": {"redis": {"status": "unhealthy", ...}}, ...}`
#[derive(Deserialize)]
struct Detailed {
    status: String,
    #[serde(default)]
    checks: BTreeMap<String, serde_json::Value>,
}

fn read_body(body: &[u8], secrets: &Secrets) -> Said {
    let Ok(detailed) = serde_json::from_slice::<Detailed>(body) else {
        let word = String::from_utf8_lossy(body);
        return Said { state: read_word(word.trim().trim_matches('"')), failing: Vec::new() };
    };
    let failing = detailed.checks.iter().filter(|(_, check)| !is_healthy(check));
    Said {
        state: read_word(&detailed.status),
        failing: failing.map(|(name, _)| clean_text(&secrets.redacted(name))).take(MAX_FAILING).collect(),
    }
}

fn is_healthy(check: &serde_json::Value) -> bool {
    let status = check.get("status").unwrap_or(check).as_str();
    status.and_then(read_word) == Some(HealthState::Healthy)
}

fn read_word(word: &str) -> Option<HealthState> {
    let is = |known: &str| word.eq_ignore_ascii_case(known);
    if is("healthy") {
        Some(HealthState::Healthy)
    } else if is("degraded") {
        Some(HealthState::Degraded)
    } else if is("unhealthy") {
        Some(HealthState::Unhealthy)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(endpoint: Endpoint, status: u16, body: &str, expected: Option<(HealthState, &[&str])>) {
        let expected = match expected {
            Some((state, failing)) => {
                let failing = failing.iter().map(|&name| name.to_owned()).collect();
                ProbeResult::State { state, status, failing }
            }
            None => ProbeResult::Unexpected { status },
        };
        let read = read_answer(endpoint, status, body.as_bytes(), &Secrets::default());
        assert_eq!(read, expected, "{endpoint:?} {status} {body}");
    }

    #[test]
    fn health_is_read_from_word_and_status() {
        use HealthState::{Degraded, Healthy, Unhealthy};
        for (status, body, expected) in [
            (200, "healthy", Some(Healthy)),
            (200, " Degraded\n", Some(Degraded)),
            (200, "\"degraded\"", Some(Degraded)),
            (200, "unhealthy", Some(Unhealthy)),
            (200, "all systems go", Some(Healthy)),
            (204, "", Some(Healthy)),
            (503, "unhealthy", Some(Unhealthy)),
            (503, "healthy", Some(Unhealthy)),
            (503, "", Some(Unhealthy)),
            (500, "unhealthy", Some(Unhealthy)),
            (500, "oops", None),
            (404, "unhealthy", None),
            (302, "healthy", None),
        ] {
            check(Endpoint::Health, status, body, expected.map(|state| (state, &[][..])));
        }
    }

    #[test]
    fn the_detailed_answer_names_the_failing_checks() {
        let body = r#"{"status": "degraded", "timestamp": "2025-01-01T00:00:00",
            "checks": {"redis": {"status": "unhealthy", "message": "down", "duration_ms": 5000},
                       "disk_space": {"status": "healthy"}, "tools": "degraded", "odd": 7}}"#;
        check(Endpoint::Health, 200, body, Some((HealthState::Degraded, &["odd", "redis", "tools"])));
        check(Endpoint::Health, 503, body, Some((HealthState::Unhealthy, &["odd", "redis", "tools"])));
    }

    #[test]
    fn ready_and_live_speak_by_their_status() {
        for endpoint in [Endpoint::Ready, Endpoint::Live] {
            check(endpoint, 200, "unhealthy", Some((HealthState::Healthy, &[])));
            check(endpoint, 503, "", Some((HealthState::Unhealthy, &[])));
            check(endpoint, 404, "", None);
        }
    }

    #[test]
    fn names_from_the_server_are_cleaned_and_few() {
        let checks: Vec<String> = (0..100).map(|i| format!("\"\\u001b[31m{i}\": \"unhealthy\"")).collect();
        let body = format!("{{\"status\": \"degraded\", \"checks\": {{{}}}}}", checks.join(","));
        let ProbeResult::State { failing, .. } =
            read_answer(Endpoint::Health, 200, body.as_bytes(), &Secrets::default())
        else {
            panic!("a degraded answer is a state");
        };
        assert_eq!(failing.len(), MAX_FAILING);
        assert!(failing.iter().all(|name| !name.contains('\u{1b}')), "{failing:?}");
    }
}
