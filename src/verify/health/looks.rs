//! What a health endpoint said, look by look.

use std::time::Duration;

use crate::model::{Endpoint, Event, HealthState, ProbeResult, Stamped};

/// One look at an endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// When it was asked.
    pub(super) at: Duration,
    pub(super) latency: Duration,
    pub(super) result: &'a ProbeResult,
}

/// How an endpoint says that the target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    Degraded,
    /// It says so, or says nothing: both take a server out.
    Bad,
}

/// Looks on end that say the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spell<'a> {
    pub(super) first: Look<'a>,
    pub(super) mood: Mood,
    pub(super) looks: u64,
    /// When the last of them was made.
    pub(super) last: Duration,
    /// When a look said something else; `None` where none did.
    pub(super) until: Option<Duration>,
}

/// The looks at `endpoint` among `events`.
pub(super) fn of(endpoint: Endpoint, events: &[Stamped<Event>]) -> Vec<Look<'_>> {
    let looks = events.iter().filter_map(|stamped| {
        let Event::Probe(probe) = &stamped.what else { return None };
        let look = Look { at: stamped.at, latency: probe.latency, result: &probe.result };
        (probe.endpoint == endpoint).then_some(look)
    });
    let mut looks: Vec<Look<'_>> = looks.collect();
    looks.sort_by_key(|look| look.at);
    looks
}

impl<'a> Look<'a> {
    pub(super) fn mood(&self) -> Mood {
        match self.result {
            ProbeResult::State { state: HealthState::Healthy, .. } => Mood::Well,
            ProbeResult::State { state: HealthState::Degraded, .. } => Mood::Degraded,
            ProbeResult::State { state: HealthState::Unhealthy, .. }
            | ProbeResult::Unexpected { .. }
            | ProbeResult::NoAnswer { .. } => Mood::Bad,
        }
    }

    /// The status of an endpoint that is not there, or not for us: no server error, and no word of health.
    pub(super) fn absent(&self) -> Option<u16> {
        match self.result {
            ProbeResult::Unexpected { status } if *status < 500 => Some(*status),
            ProbeResult::Unexpected { .. } | ProbeResult::State { .. } | ProbeResult::NoAnswer { .. } => None,
        }
    }

    /// The state in a word.
    pub(super) fn state(&self) -> String {
        match self.result {
            ProbeResult::State { state: HealthState::Healthy, .. } => "healthy".to_owned(),
            ProbeResult::State { state: HealthState::Degraded, .. } => "degraded".to_owned(),
            ProbeResult::State { state: HealthState::Unhealthy, .. } => "unhealthy".to_owned(),
            ProbeResult::Unexpected { .. } => "unexpected".to_owned(),
            ProbeResult::NoAnswer { reason } => format!("no answer: {reason}"),
        }
    }

    /// The HTTP status; `-` without an answer.
    pub(super) fn status(&self) -> String {
        match self.result {
            ProbeResult::State { status, .. } | ProbeResult::Unexpected { status } => status.to_string(),
            ProbeResult::NoAnswer { .. } => "-".to_owned(),
        }
    }

    /// The names of the checks that are not healthy.
    pub(super) fn failing(&self) -> &'a [String] {
        match self.result {
            ProbeResult::State { failing, .. } => failing,
            ProbeResult::Unexpected { .. } | ProbeResult::NoAnswer { .. } => &[],
        }
    }

    /// True for a body that says unhealthy beside a status that says success.
    pub(super) fn is_two_tongued(&self) -> bool {
        matches!(self.result, ProbeResult::State { state: HealthState::Unhealthy, status: 200..=299, .. })
    }
}

/// `looks`, of which neighbours in the same mood are one.
pub(super) fn spells<'a>(looks: &[Look<'a>]) -> Vec<Spell<'a>> {
    let mut spells: Vec<Spell<'a>> = Vec::new();
    for look in looks {
        match spells.last_mut() {
            Some(last) if last.mood == look.mood() => {
                last.looks += 1;
                last.last = look.at;
            }
            last => {
                if let Some(last) = last {
                    last.until = Some(look.at);
                }
                spells.push(Spell { first: *look, mood: look.mood(), looks: 1, last: look.at, until: None });
            }
        }
    }
    spells
}
