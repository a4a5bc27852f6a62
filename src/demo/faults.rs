//! Faults at work: which are on, and what becomes of one tool call. The n-th call since the faults were set has
//! a fate that depends on the seed and n alone, so a run of faults can be repeated.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::options::{FaultOptions, LeakIn, Lie, Span};
use crate::model::CounterRng;

/// The longest a single draw may delay a call: a lognormal tail is endless, a run is not.
const MAX_DELAY: Duration = Duration::from_secs(3600);

/// The faults in force; they can be replaced while the server runs.
#[derive(Debug)]
pub(super) struct FaultSwitch {
    seed: u64,
    /// False when nothing is wrong, so that a healthy server takes no lock per call.
    any: AtomicBool,
    current: RwLock<Arc<Faults>>,
    replaced: Notify,
}

/// One set of faults, with the moment from which its times count.
#[derive(Debug)]
pub(super) struct Faults {
    options: FaultOptions,
    seed: u64,
    set_at: Duration,
    drawn: AtomicU64,
    counted: AtomicU64,
    logged: AtomicU64,
    audited: AtomicU64,
}

/// What becomes of one tool call.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Fate {
    /// How much longer than needed it takes.
    pub(super) delay: Duration,
    /// How it fails, if it does.
    pub(super) failure: Option<Failure>,
}

/// The ways a tool call is made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection is reset.
    Reset,
    /// HTTP 503.
    Http,
    /// JSON-RPC error -32603.
    Rpc,
    /// `isError: true`.
    Tool,
    /// No answer, ever, on a connection that stays open.
    Lose,
    /// The same answer twice.
    Duplicate,
    /// Its session is forgotten.
    Session,
}

/// What the health endpoint is made to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Sound,
    Degraded,
    Unhealthy,
}

impl FaultSwitch {
    pub(super) fn new(options: FaultOptions, seed: u64) -> Self {
        let any = options != FaultOptions::default();
        let faults = Faults::new(options, seed, Duration::ZERO);
        Self {
            seed,
            any: AtomicBool::new(any),
            current: RwLock::new(Arc::new(faults)),
            replaced: Notify::new(),
        }
    }

    /// Replaces all faults; their times count from `now`.
    pub(super) fn set(&self, options: FaultOptions, now: Duration) {
        let any = options != FaultOptions::default();
        let faults = Arc::new(Faults::new(options, self.seed, now));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = faults;
        self.any.store(any, Ordering::Release);
        self.replaced.notify_waiters();
    }

    /// False when nothing is wrong.
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Waits for the next [`FaultSwitch::set`].
    pub(super) fn replaced(&self) -> Notified<'_> {
        self.replaced.notified()
    }

    /// The faults in force; `None` when nothing is wrong.
    pub(super) fn get(&self) -> Option<Arc<Faults>> {
        self.any().then(|| self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Faults {
    fn new(options: FaultOptions, seed: u64, set_at: Duration) -> Self {
        let [drawn, counted, logged, audited] = [const { AtomicU64::new(0) }; 4];
        Self { options, seed, set_at, drawn, counted, logged, audited }
    }

    /// As they were asked for.
    pub(super) fn options(&self) -> &FaultOptions {
        &self.options
    }

    /// The fate of the next tool call.
    pub(super) fn next_fate(&self) -> Fate {
        self.fate(self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    /// The fate of the n-th tool call.
    fn fate(&self, n: u64) -> Fate {
        let mut rng = CounterRng::new(self.seed, n);
        Fate { failure: self.failure(rng.unit()), delay: self.delay(&mut rng) }
    }

    /// One draw decides among all ways to fail, so that each has exactly its share.
    fn failure(&self, draw: f64) -> Option<Failure> {
        let mut upper = 0.0;
        [
            (self.options.reset_share, Failure::Reset),
            (self.options.http_error_share, Failure::Http),
            (self.options.rpc_error_share, Failure::Rpc),
            (self.options.tool_error_share, Failure::Tool),
            (self.options.lose_share, Failure::Lose),
            (self.options.duplicate_share, Failure::Duplicate),
            (self.options.lose_session_share, Failure::Session),
        ]
        .into_iter()
        .find_map(|(share, failure)| {
            upper += share.unwrap_or(0.0);
            (draw < upper).then_some(failure)
        })
    }

    fn delay(&self, rng: &mut CounterRng) -> Duration {
        let mut seconds = self.options.latency.map_or(0.0, |latency| latency.as_secs_f64());
        if let Some(lognormal) = self.options.latency_lognormal {
            seconds += lognormal.median.as_secs_f64() * (lognormal.sigma * rng.normal()).exp();
        }
        if let (Some(share), Some(extra)) = (self.options.latency_share, self.options.latency_extra)
            && rng.unit() < share
        {
            seconds += extra.as_secs_f64();
        }
        Duration::try_from_secs_f64(seconds).map_or(MAX_DELAY, |delay| delay.min(MAX_DELAY))
    }

    /// Until when calls stand still, if they do at `now`.
    pub(super) fn frozen_until(&self, now: Duration) -> Option<Duration> {
        let from = self.set_at + self.options.freeze_at.unwrap_or(Duration::ZERO);
        let until = from.saturating_add(self.options.freeze_for?);
        (from <= now && now < until).then_some(until)
    }

    /// True while calls are answered 503 and nothing else.
    pub(super) fn is_out(&self, now: Duration) -> bool {
        self.is_within(self.options.outage, now)
    }

    /// True while the readiness endpoint does not know of an outage yet.
    pub(super) fn is_late_to_say_no(&self, now: Duration) -> bool {
        let outage = self.options.outage.zip(self.options.ready_late);
        let late = outage
            .map(|(outage, late)| Span { to: outage.to.min(outage.from.saturating_add(late)), ..outage });
        self.is_within(late, now)
    }

    /// True while the liveness endpoint fails.
    pub(super) fn fails_to_live(&self, now: Duration) -> bool {
        self.is_within(self.options.live_fails, now)
    }

    fn is_within(&self, span: Option<Span>, now: Duration) -> bool {
        let since = now.saturating_sub(self.set_at);
        span.is_some_and(|span| span.from <= since && since < span.to)
    }

    /// What the health endpoint is to say at `now`.
    pub(super) fn condition(&self, now: Duration) -> Condition {
        let since = |at: Option<Duration>| at.is_some_and(|at| self.set_at.saturating_add(at) <= now);
        if since(self.options.unhealthy_at) || self.is_out(now) {
            Condition::Unhealthy
        } else if since(self.options.degraded_at) {
            Condition::Degraded
        } else {
            Condition::Sound
        }
    }

    /// True when failures are to be counted as successes.
    pub(super) fn hides_errors(&self) -> bool {
        self.options.lie.contains(&Lie::ErrorsAsSuccess)
    }

    /// True when durations are to be observed in the wrong unit.
    pub(super) fn mistakes_the_unit(&self) -> bool {
        self.options.lie.contains(&Lie::DurationUnit)
    }

    /// True when connections that end are to be counted as open.
    pub(super) fn keeps_connections(&self) -> bool {
        self.options.lie.contains(&Lie::StuckConnections)
    }

    /// True when the health endpoint is to say healthy whatever is so.
    pub(super) fn hides_ill_health(&self) -> bool {
        self.options.lie.contains(&Lie::HealthOk)
    }

    /// True when lines of failed calls are to have the level of good ones.
    pub(super) fn mistakes_the_level(&self) -> bool {
        self.options.lie.contains(&Lie::LogLevel)
    }

    /// True when durations are to be logged in the wrong unit.
    pub(super) fn logs_in_the_wrong_unit(&self) -> bool {
        self.options.lie.contains(&Lie::LogDuration)
    }

    /// True for every n-th line of the log, when these are to be lost.
    pub(super) fn loses_this_line(&self) -> bool {
        let lost = |every: u64| self.logged.fetch_add(1, Ordering::Relaxed) % every == every - 1;
        self.options.lose_log_line.is_some_and(lost)
    }

    /// True when what came in an `Authorization` header is to turn up there.
    pub(super) fn leaks_in(&self, place: LeakIn) -> bool {
        self.options.leak_secret_in.contains(&place)
    }

    /// How often the next record of the audit log is to be written.
    pub(super) fn audit_copies(&self) -> usize {
        let number = self.audited.fetch_add(1, Ordering::Relaxed);
        let is_nth = |every: Option<u64>| every.is_some_and(|every| number % every == every - 1);
        if is_nth(self.options.lose_audit_record) {
            0
        } else {
            1 + usize::from(is_nth(self.options.double_audit_record))
        }
    }

    /// True for every tenth request, when counts are to be lost.
    pub(super) fn loses_this_count(&self) -> bool {
        self.options.lie.contains(&Lie::LostCounts) && self.counted.fetch_add(1, Ordering::Relaxed) % 10 == 9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Faults {
        Faults::new(serde_json::from_str(json).unwrap(), 7, Duration::from_secs(10))
    }

    #[test]
    fn the_same_seed_gives_the_same_fates() {
        let json = r#"{"tool_error_share":0.5,"latency_lognormal":"20ms,0.8"}"#;
        let fates = |faults: &Faults| (0..100).map(|_| faults.next_fate()).collect::<Vec<_>>();
        assert_eq!(fates(&faults(json)), fates(&faults(json)));
        let other = Faults::new(serde_json::from_str(json).unwrap(), 8, Duration::ZERO);
        assert_ne!(fates(&faults(json)), fates(&other));
    }

    #[test]
    fn each_failure_has_its_share() {
        let faults = faults(
            r#"{"reset_share":0.1,"http_error_share":0.2,"rpc_error_share":0.3,"tool_error_share":0.1,
                "lose_share":0.1,"duplicate_share":0.05,"lose_session_share":0.05}"#,
        );
        let mut seen = [0u32; 8];
        for _ in 0..100_000 {
            let slot = match faults.next_fate().failure {
                Some(Failure::Reset) => 0,
                Some(Failure::Http) => 1,
                Some(Failure::Rpc) => 2,
                Some(Failure::Tool) => 3,
                Some(Failure::Lose) => 4,
                Some(Failure::Duplicate) => 5,
                Some(Failure::Session) => 6,
                None => 7,
            };
            seen[slot] += 1;
        }
        for (count, expected) in
            seen.into_iter().zip([10_000, 20_000, 30_000, 10_000, 10_000, 5_000, 5_000, 10_000])
        {
            assert!(count.abs_diff(expected) < 700, "{seen:?}");
        }
    }

    #[test]
    fn a_lognormal_latency_has_its_median_and_spread() {
        let faults = faults(r#"{"latency_lognormal":"20ms,0.5"}"#);
        let mut delays: Vec<f64> =
            (0..20_000).map(|_| faults.next_fate().delay.as_secs_f64() * 1e3).collect();
        delays.sort_by(f64::total_cmp);
        let at = |quantile: usize| delays[delays.len() * quantile / 1000];
        assert!((at(500) - 20.0).abs() < 0.6, "{}", at(500));
        // One standard deviation above the median: 20 ms * e^0.5.
        assert!((at(841) - 32.97).abs() < 1.5, "{}", at(841));
    }

    #[test]
    fn a_share_of_calls_is_slow_on_top_of_the_latency_of_all() {
        let faults = faults(r#"{"latency":"20ms","latency_share":0.1,"latency_extra":"3s"}"#);
        let delays: Vec<Duration> = (0..20_000).map(|_| faults.next_fate().delay).collect();
        let slow = delays.iter().filter(|delay| **delay == Duration::from_millis(3020)).count();
        let rest = delays.iter().filter(|delay| **delay == Duration::from_millis(20)).count();
        assert_eq!(slow + rest, 20_000);
        assert!(slow.abs_diff(2_000) < 200, "{slow}");
    }

    #[test]
    fn times_count_from_when_the_faults_were_set() {
        let faults =
            faults(r#"{"freeze_at":"5s","freeze_for":"1400ms","degraded_at":"1s","unhealthy_at":"2s"}"#);
        let seconds = Duration::from_secs_f64;
        assert_eq!(faults.frozen_until(seconds(14.9)), None);
        assert_eq!(faults.frozen_until(seconds(15.0)), Some(seconds(16.4)));
        assert_eq!(faults.frozen_until(seconds(16.4)), None);
        assert_eq!(faults.condition(seconds(10.9)), Condition::Sound);
        assert_eq!(faults.condition(seconds(11.0)), Condition::Degraded);
        assert_eq!(faults.condition(seconds(12.0)), Condition::Unhealthy);
    }

    #[test]
    fn an_outage_has_a_beginning_and_an_end() {
        let faults = faults(r#"{"outage":"5s..8s","ready_late":"2s","live_fails":"1s..2s"}"#);
        for (now, out, late, dead) in [
            (11.0, false, false, true),
            (12.0, false, false, false),
            (14.9, false, false, false),
            (15.0, true, true, false),
            (17.0, true, false, false),
            (18.0, false, false, false),
        ] {
            let now = Duration::from_secs_f64(now);
            let seen = (faults.is_out(now), faults.is_late_to_say_no(now), faults.fails_to_live(now));
            assert_eq!(seen, (out, late, dead), "{now:?}");
            assert_eq!(faults.condition(now) == Condition::Unhealthy, out, "{now:?}");
        }
    }

    #[test]
    fn every_tenth_count_is_lost() {
        let faults = faults(r#"{"lie":["lost-counts"]}"#);
        assert_eq!((0..1000).filter(|_| faults.loses_this_count()).count(), 100);
        assert!(!faults.hides_errors());
    }
}
