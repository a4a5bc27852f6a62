//! What gander can do on this machine: figures without a limit, beside a target that costs next to nothing. Pure.

use super::drill::CEILING_USERS;
use crate::report::{RunLog, RunReport};

/// Seconds at the start that connecting and warm caches are left to.
const SETTLING: u32 = 1;
/// How much of a second the load must have been on for: the last one may be short by the time that stopping takes.
const WHOLE: f64 = 0.9;

/// What a closed load without pauses came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Ceiling {
    /// Users, each calling as soon as it was answered.
    pub users: u32,
    /// Processors that gander and the null server shared.
    pub cores: usize,
    /// How gander was built: `dev` or `release`.
    pub profile: String,
    /// Calls a second; `None` when no whole second was measured.
    pub calls_per_second: Option<f64>,
    /// User and system time of gander's process for 100,000 calls, in seconds.
    pub cpu_seconds: Option<f64>,
}

/// How late calls of an open load were sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SendLag {
    /// Calls that were due, a second.
    pub rate: u32,
    /// In seconds; `None` without calls.
    pub p50: Option<f64>,
    /// See `p50`.
    pub p99: Option<f64>,
}

impl Ceiling {
    /// From the whole seconds of a run.
    pub(super) fn of(report: &RunReport, log: &RunLog) -> Self {
        let whole: Vec<(u64, f64, Option<f64>)> = report
            .timeline
            .iter()
            .filter(|point| point.second >= SETTLING && point.covered >= WHOLE)
            .map(|point| {
                let second = log.seconds.iter().find(|second| second.second == point.second);
                let share = second.and_then(|second| second.generator.as_ref()).and_then(|own| own.cpu);
                (point.calls, point.covered, share.map(|share| share * point.covered))
            })
            .collect();
        let calls = whole.iter().map(|(calls, ..)| *calls).sum::<u64>() as f64;
        let seconds: f64 = whole.iter().map(|(_, covered, _)| *covered).sum();
        let cores = log.environment.cores;
        let shares: Option<f64> = whole.iter().map(|(.., share)| *share).sum();
        let measured = calls > 0.0;
        Self {
            users: CEILING_USERS,
            cores,
            profile: log.environment.profile.clone(),
            calls_per_second: measured.then(|| calls / seconds),
            cpu_seconds: shares.filter(|_| measured).map(|shares| shares * cores as f64 / calls * 1e5),
        }
    }
}

impl SendLag {
    /// Of a run at `rate`.
    pub(super) fn of(rate: u32, report: &RunReport) -> Self {
        let lag = report.clocks.iter().find(|clock| clock.name == "send lag");
        Self { rate, p50: lag.and_then(|lag| lag.p50), p99: lag.and_then(|lag| lag.p99) }
    }
}
