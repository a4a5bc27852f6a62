//! What the endpoints say goes together, comes in time, and comes back.

use std::time::Duration;

use super::timeline::Probed;
use super::{Said, Watched};
use crate::model::{Endpoint, HealthState, ProbeResult, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 3] = ["at", "endpoint", "what"];

/// States of `/health`, its status, and what `/ready` says beside it.
pub(super) fn transitions(watched: &Watched<'_>) -> (Said, Evidence) {
    let probes: Vec<Probed<'_>> = watched.timeline.probes(Endpoint::Health).collect();
    let mut wrong: Vec<(Duration, String)> = Vec::new();
    let mut changes = Vec::new();
    let mut last: Option<HealthState> = None;
    for probed in &probes {
        let Some(state) = probed.state() else { continue };
        if let Some(from) = last.replace(state).filter(|from| *from != state) {
            changes.push(format!("{} at {}", state.as_str(), format_duration(probed.at)));
            if !watched.checks.allows(from, state) {
                let what = format!("from {} to {}, which is not allowed", from.as_str(), state.as_str());
                wrong.push((probed.at, what));
            }
        }
        if let ProbeResult::State { state: HealthState::Unhealthy, status: status @ 200..=299, .. } =
            &probed.probe.result
        {
            wrong.push((probed.at, format!("says unhealthy with status {status}: who reads statuses alone sees healthy")));
        }
    }
    wrong.extend(watched.ready_while_unhealthy(&probes));
    let row = |(at, what): &(Duration, String)| {
        (false, vec![format_duration(*at), Endpoint::Health.path().to_owned(), what.clone()])
    };
    let evidence = Evidence::of(&COLUMNS, wrong.iter().map(row));
    let value = match changes.len() {
        0 => "no change".to_owned(),
        1 => "1 change".to_owned(),
        many => format!("{many} changes"),
    };
    let because = match wrong.first() {
        Some((at, what)) => format!("at {}: {what}", format_duration(*at)),
        None if changes.is_empty() => match last {
            Some(state) => format!("it said {} all the time", state.as_str()),
            None => "it said nothing that is a state".to_owned(),
        },
        None => changes.join(", "),
    };
    (Said::of(probes.len(), wrong.len(), value, because), evidence)
}

/// Probes that took longer than whoever asks waits for.
pub(super) fn latency(watched: &Watched<'_>) -> (Said, Evidence) {
    let timeline = &watched.timeline;
    let within = watched.checks.probe_within;
    let load = timeline.load.clone().unwrap_or_default();
    let probes: Vec<Probed<'_>> = timeline.all().filter(|probed| load.contains(&probed.at)).collect();
    // Where the target does not answer anything, its calls tell of that.
    let slow: Vec<&Probed<'_>> = probes
        .iter()
        .filter(|probed| probed.probe.latency > within && timeline.answers_at(probed.at))
        .collect();
    let longest = probes.iter().map(|probed| probed.probe.latency).max().unwrap_or_default();
    let row = |probed: &&Probed<'_>| {
        let took = format!("{} after {}", probed.text(), format_duration(probed.probe.latency));
        (false, vec![format_duration(probed.at), probed.probe.endpoint.path().to_owned(), took])
    };
    let evidence = Evidence::of(&COLUMNS, slow.iter().map(row));
    let because = match slow.first() {
        Some(first) => format!(
            "{} took {} at {}: an orchestrator has given up by then",
            first.probe.endpoint.path(),
            format_duration(first.probe.latency),
            format_duration(first.at)
        ),
        None => format!("{} probes under load, the longest took {}", probes.len(), format_duration(longest)),
    };
    (Said::of(probes.len(), slow.len(), format_duration(longest), because), evidence)
}

/// What is well again when the load is over, and when.
pub(super) fn recovery(watched: &Watched<'_>) -> (Said, Evidence) {
    let timeline = &watched.timeline;
    let over = timeline.load.clone().unwrap_or_default().end;
    let limit = watched.checks.recover_within;
    let mut looked_at = 0;
    let mut wrong = Vec::new();
    let mut longest = Duration::ZERO;
    for endpoint in Endpoint::ALL {
        let probes: Vec<Probed<'_>> = timeline.probes(endpoint).collect();
        let Some(last) = probes.last() else { continue };
        looked_at += 1;
        let sick = probes.iter().rposition(|probed| !probed.is_good());
        let well = sick.map_or(probes.first(), |sick| probes.get(sick + 1));
        match well {
            None => wrong.push((last.at, endpoint, format!("still {}", last.text()))),
            // It was well again before the load was over.
            Some(well) => longest = longest.max(well.at.saturating_sub(over)),
        }
        if last.at < over && sick.is_some_and(|sick| sick + 1 == probes.len()) {
            return (Said::unknown("nobody looked after the load was over".to_owned()), Evidence::default());
        }
    }
    let is_late = longest > limit;
    let row = |(at, endpoint, what): &(Duration, Endpoint, String)| {
        (false, vec![format_duration(*at), endpoint.path().to_owned(), what.clone()])
    };
    let evidence = Evidence::of(&COLUMNS, wrong.iter().map(row));
    let because = match wrong.first() {
        Some((at, endpoint, what)) => format!(
            "{} is {what}, {} after the load",
            endpoint.path(),
            format_duration(at.saturating_sub(over))
        ),
        None if longest.is_zero() => "all endpoints were well when the load was over".to_owned(),
        None => format!("all endpoints were well {} after the load", format_duration(longest)),
    };
    let bad = wrong.len() + usize::from(is_late);
    let value = if wrong.is_empty() { format_duration(longest) } else { "not back".to_owned() };
    (Said::of(looked_at, bad, value, because), evidence)
}

impl Watched<'_> {
    /// Where `/ready` says yes, once and once more, while `/health` says unhealthy.
    fn ready_while_unhealthy(&self, health: &[Probed<'_>]) -> Option<(Duration, String)> {
        let unhealthy_at = |at: Duration| {
            let before = health.iter().rev().find(|probed| probed.at <= at);
            before.and_then(Probed::state) == Some(HealthState::Unhealthy)
        };
        let ready: Vec<Probed<'_>> = self.timeline.probes(Endpoint::Ready).collect();
        // One after the other: between two probes the state may have changed.
        ready.windows(2).find_map(|pair| {
            let both = pair.iter().all(|probed| probed.is_good() && unhealthy_at(probed.at));
            both.then(|| (pair[1].at, "/ready says yes while it says unhealthy".to_owned()))
        })
    }
}
