//! What the target's health endpoints said, against what happened to its calls meanwhile.
//!
//! Whoever runs a server has an orchestrator act on these endpoints: a liveness probe that fails has the server killed, a readiness probe
//! that says yes has it sent more calls. So each is held against what clients saw in the same seconds.

mod live;
mod ready;
mod states;
mod timeline;
mod warning;

#[cfg(test)]
mod tests;

use super::{Checked, Evidence, HealthCheck, HealthChecks, Seen};
use crate::model::{Endpoint, Event, Verdict};

use timeline::Timeline;

/// Fewer probes than this say nothing of a load.
const LEAST_PROBES: usize = 3;

/// What the checks look at.
struct Watched<'a> {
    checks: &'a HealthChecks,
    seen: &'a Seen<'a>,
    timeline: Timeline<'a>,
}

/// What came of each check that is wanted and whose endpoint is watched.
pub(super) fn checked(checks: &HealthChecks, seen: &Seen<'_>) -> Vec<Checked> {
    let watched = Watched { checks, seen, timeline: Timeline::of(seen) };
    let wanted = HealthCheck::ALL.into_iter().filter(|check| checks.wants(*check));
    wanted.filter_map(|check| watched.check(check)).collect()
}

impl Watched<'_> {
    /// `None` where nobody asked the endpoint that it looks at.
    fn check(&self, check: HealthCheck) -> Option<Checked> {
        let endpoint = match check {
            HealthCheck::Live => Some(Endpoint::Live),
            HealthCheck::Ready => Some(Endpoint::Ready),
            HealthCheck::Warning | HealthCheck::States => Some(Endpoint::Health),
            HealthCheck::Latency | HealthCheck::Recovery => None,
        };
        let probes = self.timeline.count(endpoint);
        if probes == 0 {
            return None;
        }
        let scope = endpoint.map_or("all endpoints", |endpoint| endpoint.path());
        if self.timeline.load.is_none() || probes < LEAST_PROBES {
            let because = match self.timeline.load {
                None => "the load was not carried out to its end".to_owned(),
                Some(_) => format!("{probes} probes are too few to tell"),
            };
            return Some(self.draft(check, scope, Said::unknown(because), Evidence::default()));
        }
        let (said, evidence) = match check {
            HealthCheck::Live => live::check(self),
            HealthCheck::Ready => ready::check(self),
            HealthCheck::Warning => warning::check(self),
            HealthCheck::States => states::transitions(self),
            HealthCheck::Latency => states::latency(self),
            HealthCheck::Recovery => states::recovery(self),
        };
        Some(self.draft(check, scope, said, evidence))
    }

    fn draft(&self, check: HealthCheck, scope: &str, said: Said, evidence: Evidence) -> Checked {
        Checked {
            name: format!("health: {}", check.word()),
            scope: scope.to_owned(),
            verdict: said.verdict,
            value: said.value,
            limit: check.limit(self.checks),
            samples: said.looked_at,
            bad: said.bad,
            because: said.because,
            evidence,
        }
    }
}

/// What a check has to say.
struct Said {
    verdict: Verdict,
    value: String,
    because: String,
    looked_at: u64,
    bad: u64,
}

impl Said {
    fn unknown(because: String) -> Self {
        let value = "not known".to_owned();
        Self { verdict: Verdict::Inconclusive, value, because, looked_at: 0, bad: 0 }
    }

    /// PASS where none of what was looked at is bad.
    fn of(looked_at: usize, bad: usize, value: String, because: String) -> Self {
        let verdict = if bad == 0 { Verdict::Pass } else { Verdict::Fail };
        Self { verdict, value, because, looked_at: looked_at as u64, bad: bad as u64 }
    }
}
