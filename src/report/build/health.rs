//! Probes of the health endpoints, made into spans: neighbours that say the same are one.

use crate::model::{Endpoint, Event, HealthState, ProbeResult};
use crate::report::measured::LoadClock;
use crate::report::{HealthSpan, RunLog};

/// Spans by endpoint (health, ready, live), each in order of time.
pub(super) fn spans(log: &RunLog, clock: &LoadClock) -> Vec<HealthSpan> {
    Endpoint::ALL.into_iter().flat_map(|endpoint| spans_of(endpoint, log, clock)).collect()
}

fn spans_of(endpoint: Endpoint, log: &RunLog, clock: &LoadClock) -> Vec<HealthSpan> {
    let mut spans: Vec<HealthSpan> = Vec::new();
    for stamped in &log.events {
        let Event::Probe(probe) = &stamped.what else { continue };
        if probe.endpoint != endpoint {
            continue;
        }
        let at = clock.seconds(stamped.at);
        let (state, detail) = said(&probe.result);
        match spans.last_mut() {
            Some(last) if last.state == state && last.detail == detail => {
                last.to = at;
                last.probes += 1;
            }
            _ => spans.push(HealthSpan {
                endpoint: endpoint.word().to_owned(),
                state,
                from: at,
                to: at,
                probes: 1,
                detail,
            }),
        }
    }
    spans
}

fn said(result: &ProbeResult) -> (Option<HealthState>, String) {
    match result {
        ProbeResult::State { state, failing, .. } => (Some(*state), failing.join(", ")),
        ProbeResult::Unexpected { status } => (None, format!("HTTP status {status}")),
        ProbeResult::NoAnswer { reason } => (None, format!("no answer: {reason}")),
    }
}
