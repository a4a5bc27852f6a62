//! Probes in the order in which they were made, and what became of the calls of each second.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::metrics::Second;
use crate::model::{Endpoint, Event, HealthState, Probe, ProbeResult};
use crate::plan::Role;
use crate::verify::Seen;

/// Fewer calls than this in a second say nothing of it.
const LEAST_CALLS: u64 = 5;
/// So many of a second's calls are turned away where a target does not serve.
const TURNED_AWAY: f64 = 0.5;

/// A probe and when it was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probed<'a> {
    pub(super) at: Duration,
    pub(super) probe: &'a Probe,
}

/// What was seen of the target's health.
pub(super) struct Timeline<'a> {
    probes: Vec<Probed<'a>>,
    /// When the load was on; `None` where it did not come to an end.
    pub(super) load: Option<Range<Duration>>,
    /// By number: the calls of each second that have calls enough.
    seconds: BTreeMap<u32, Calls>,
}

/// The calls that ended in a second.
#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    ended: u64,
    /// Answered, whatever the answer says.
    answered: u64,
}

impl Probed<'_> {
    pub(super) fn state(&self) -> Option<HealthState> {
        match &self.probe.result {
            ProbeResult::State { state, .. } => Some(*state),
            ProbeResult::Unexpected { .. } | ProbeResult::NoAnswer { .. } => None,
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.state() == Some(HealthState::Healthy)
    }

    /// In a few words.
    pub(super) fn text(&self) -> String {
        match &self.probe.result {
            ProbeResult::State { state, status, failing } if failing.is_empty() => {
                format!("{} ({status})", state.as_str())
            }
            ProbeResult::State { state, status, failing } => {
                format!("{} ({status}): {}", state.as_str(), failing.join(", "))
            }
            ProbeResult::Unexpected { status } => format!("status {status}"),
            ProbeResult::NoAnswer { reason } => format!("no answer: {reason}"),
        }
    }
}

impl<'a> Timeline<'a> {
    pub(super) fn of(seen: &Seen<'a>) -> Self {
        let probe = |stamped: &'a crate::model::Stamped<Event>| match &stamped.what {
            Event::Probe(probe) => Some(Probed { at: stamped.at, probe }),
            _ => None,
        };
        let mut probes: Vec<Probed<'a>> = seen.events.iter().filter_map(probe).collect();
        probes.sort_by_key(|probed| probed.at);
        let when = |wanted: &Event| seen.events.iter().find(|event| event.what == *wanted).map(|event| event.at);
        let load = when(&Event::LoadStarted).zip(when(&Event::LoadStopped)).map(|(from, to)| from..to);
        let is_load: Vec<bool> = seen.plan.steps.iter().map(|step| step.role == Role::Load).collect();
        let seconds = seen.seconds.iter().map(|second| (second.second, Calls::of(second, &is_load)));
        let seconds = seconds.filter(|(_, calls)| calls.ended >= LEAST_CALLS).collect();
        Self { probes, load, seconds }
    }

    /// The probes of an endpoint, or of all.
    pub(super) fn count(&self, endpoint: Option<Endpoint>) -> usize {
        self.all().filter(|probed| endpoint.is_none_or(|endpoint| probed.probe.endpoint == endpoint)).count()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Probed<'a>> + '_ {
        self.probes.iter().copied()
    }

    pub(super) fn probes(&self, endpoint: Endpoint) -> impl Iterator<Item = Probed<'a>> + '_ {
        self.all().filter(move |probed| probed.probe.endpoint == endpoint)
    }

    /// Those of an endpoint while the load was on.
    pub(super) fn under_load(&self, endpoint: Endpoint) -> impl Iterator<Item = Probed<'a>> + '_ {
        let load = self.load.clone().unwrap_or_default();
        self.probes(endpoint).filter(move |probed| load.contains(&probed.at))
    }

    /// True when calls that ended in the second of `at`, or beside it, were answered: the target was alive.
    pub(super) fn answers_at(&self, at: Duration) -> bool {
        let second = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        let near = second.saturating_sub(1)..=second.saturating_add(1);
        self.seconds.range(near).any(|(_, calls)| calls.answered * 2 > calls.ended)
    }

    /// Stretches of seconds in which the target turned most of its calls away.
    pub(super) fn outages(&self) -> Vec<Range<u32>> {
        let mut outages: Vec<Range<u32>> = Vec::new();
        for (second, calls) in &self.seconds {
            let turned_away = calls.ended - calls.answered;
            if (turned_away as f64) < TURNED_AWAY * calls.ended as f64 {
                continue;
            }
            match outages.last_mut() {
                Some(last) if last.end == *second => last.end += 1,
                _ => outages.push(*second..*second + 1),
            }
        }
        outages
    }
}

impl Calls {
    fn of(second: &Second, is_load: &[bool]) -> Self {
        let mut calls = Self::default();
        let is_wanted = |step: usize| is_load.get(step) == Some(&true);
        for cell in second.cells.iter().filter(|cell| is_wanted(cell.step.index()) && cell.outcome.counts()) {
            calls.ended += cell.count;
            if !cell.outcome.is_without_answer() {
                calls.answered += cell.count;
            }
        }
        calls
    }
}
