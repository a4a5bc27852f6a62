//! What the target's health endpoints say against how its calls went at the same time.
//!
//! Two clocks are coarse here: probes come at an interval, and calls are counted by the second in which they ended. So nothing is held
//! against a target that lies within one interval and one second ([`Watch::slack`]), and each fault is named by one check: where calls get no
//! answer, `ready` looks at `/ready`; elsewhere `states` does.

mod calls;
mod latency;
mod live;
mod looks;
mod ready;
mod recovery;
mod states;
mod warning;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{Checked, Evidence, HealthCheck, HealthChecks, Seen};
use crate::model::{Endpoint, Event, Verdict, format_duration};

use calls::{Calls, Stretch};
use looks::Look;

/// What the checks look at.
struct Watch<'a> {
    checks: &'a HealthChecks,
    seen: &'a Seen<'a>,
    /// What each endpoint said, in order of time.
    looks: [Vec<Look<'a>>; 3],
    calls: Calls,
    /// When most calls got no answer.
    stretches: Vec<Stretch>,
    /// When the load was over; `None` where the run was cut off before.
    over: Option<Duration>,
}

/// What came of each check that is wanted.
pub(super) fn checked(checks: &HealthChecks, seen: &Seen<'_>) -> Vec<Checked> {
    let watch = Watch::of(checks, seen);
    checks.wanted().map(|check| watch.check(check)).collect()
}

impl<'a> Watch<'a> {
    fn of(checks: &'a HealthChecks, seen: &'a Seen<'a>) -> Self {
        let is_over = |event: &Event| *event == Event::LoadStopped;
        let over = seen.events.iter().find(|stamped| is_over(&stamped.what)).map(|stamped| stamped.at);
        let calls = Calls::of(seen);
        let stretches = calls.stretches();
        let looks = Endpoint::ALL.map(|endpoint| looks::of(endpoint, seen.events));
        Self { checks, seen, looks, calls, stretches, over }
    }

    fn check(&self, check: HealthCheck) -> Checked {
        let found = match check {
            HealthCheck::Live => live::check(self),
            HealthCheck::Ready => ready::check(self),
            HealthCheck::Warning => warning::check(self),
            HealthCheck::States => states::check(self),
            HealthCheck::Latency => latency::check(self),
            HealthCheck::Recovery => recovery::check(self),
        };
        let limit = self.limit(check);
        let scope = match check {
            HealthCheck::Live => "/live",
            HealthCheck::Ready => "/ready",
            HealthCheck::Warning => "/health",
            HealthCheck::States | HealthCheck::Latency | HealthCheck::Recovery => "all health endpoints",
        };
        let found = found.unwrap_or_else(|because| Found {
            verdict: Verdict::Inconclusive,
            value: "not known".to_owned(),
            because,
            samples: 0,
            bad: 0,
            evidence: Evidence::default(),
        });
        Checked {
            name: format!("health: {}", check.word()),
            scope: scope.to_owned(),
            verdict: found.verdict,
            value: found.value,
            limit,
            samples: found.samples,
            bad: found.bad,
            because: found.because,
            on_time: check == HealthCheck::Latency,
            evidence: found.evidence,
        }
    }

    fn limit(&self, check: HealthCheck) -> String {
        let HealthChecks { probe_within, warn_at_least, recover_within, changes_per_minute, .. } =
            self.checks;
        match check {
            HealthCheck::Live => "yes while calls are answered".to_owned(),
            HealthCheck::Ready => "no where they are not, and only there".to_owned(),
            HealthCheck::Warning if warn_at_least.is_zero() => "before an objective breaks".to_owned(),
            HealthCheck::Warning => {
                format!("{} before an objective breaks", format_duration(*warn_at_least))
            }
            HealthCheck::States => format!("no contradiction, <= {changes_per_minute} changes a minute"),
            HealthCheck::Latency => format!("<= {}", format_duration(*probe_within)),
            HealthCheck::Recovery => format!("<= {}", format_duration(*recover_within)),
        }
    }

    /// What `endpoint` said while the load was on.
    ///
    /// # Errors
    /// It said nothing: why not.
    fn during_load(&self, endpoint: Endpoint) -> Result<&[Look<'a>], String> {
        let looks = &self.looks[endpoint as usize];
        let word = endpoint.word();
        let on = self.over.map_or(looks.len(), |over| looks.partition_point(|look| look.at <= over));
        let looks = &looks[..on];
        if looks.is_empty() {
            return Err(format!(
                "/{word} was not asked while the load was on: give `observe: {{health: {{{word}: ...}}}}` in the scenario"
            ));
        }
        match looks.iter().map(Look::absent).collect::<Option<Vec<u16>>>() {
            Some(statuses) => {
                let status = statuses[0];
                Err(format!(
                    "/{word} never said anything but HTTP status {status}: is its URL in `observe: {{health: ...}}` right?"
                ))
            }
            None => Ok(looks),
        }
    }

    /// The endpoints that said something while the load was on.
    ///
    /// # Errors
    /// There are none: why not.
    fn asked(&self) -> Result<Vec<(Endpoint, &[Look<'a>])>, String> {
        let asked: Vec<_> = Endpoint::ALL
            .into_iter()
            .filter_map(|endpoint| Some((endpoint, self.during_load(endpoint).ok()?)))
            .collect();
        if asked.is_empty() {
            Err(self.during_load(Endpoint::Health).expect_err("none was asked"))
        } else {
            Ok(asked)
        }
    }

    /// What no probe and no count can tell: a probe's interval, and the second in which a call ended.
    fn slack(&self) -> Duration {
        self.seen.plan.observe.health_interval + Duration::from_secs(1)
    }

    /// True when most calls got no answer at `at`, or within the slack of it.
    fn is_out(&self, at: Duration) -> bool {
        let slack = self.slack();
        self.stretches.iter().any(|stretch| stretch.from <= at + slack && at <= stretch.to + slack)
    }

    /// True when an objective was broken at `at`, or within the slack of it.
    fn is_broken(&self, at: Duration) -> bool {
        let slack = self.slack();
        self.seen.broken.iter().any(|broken| broken.from <= at + slack && at <= broken.to + slack)
    }
}

/// What a check found.
struct Found {
    verdict: Verdict,
    value: String,
    because: String,
    samples: u64,
    bad: u64,
    evidence: Evidence,
}

/// A verdict on `bad` of `samples`: PASS where there are none.
fn verdict_on(bad: u64) -> Verdict {
    if bad == 0 { Verdict::Pass } else { Verdict::Fail }
}

/// How long before `to` it is `from`; the other way round it is after.
fn before(from: Duration, to: Duration) -> String {
    if from <= to {
        format!("{} before", format_duration(to.saturating_sub(from)))
    } else {
        format!("{} after", format_duration(from.saturating_sub(to)))
    }
}
