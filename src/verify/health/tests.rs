//! Endpoints that tell what happened, and endpoints that don't, over made calls and probes.

use std::time::Duration;

use crate::metrics::{Aggregates, BadMoments, Cell, Phase, Second, SeriesStore};
use crate::model::{
    Endpoint, Event, HealthState, LatencyHistogram, NotSent, Outcome, Probe, ProbeResult, ProtocolFault,
    Stamped, TransportFault, Verdict,
};
use crate::plan::{Plan, StepId};
use crate::verify::tests::plan;
use crate::verify::{Broken, Checked, Checks, HealthChecks, Seen, checked};

const SCENARIO: &str = "version: 1
name: made
target: http://127.0.0.1:1/mcp
load: {users: 1, duration: 20s}
transactions: [{name: list tools, list_tools: {}}]
observe: {health: {health: /health, ready: /ready, live: /live, interval: 1s}}
";
const UNAVAILABLE: Outcome = Outcome::HttpStatus(503);
const LENGTH: u64 = 20;

/// A run of 20 s with 10 calls a second, all endpoints probed once a second, half a second after the full one; what is not made otherwise
/// is well.
struct Made {
    plan: Plan,
    seconds: Vec<Vec<(Outcome, u64)>>,
    probes: Vec<Stamped<Event>>,
    broken: Vec<Broken>,
    checks: HealthChecks,
    over: Option<u64>,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn said(state: HealthState) -> ProbeResult {
    let status = if state == HealthState::Unhealthy { 503 } else { 200 };
    ProbeResult::State { state, status, failing: Vec::new() }
}

fn refused() -> ProbeResult {
    ProbeResult::NoAnswer { reason: "refused".to_owned() }
}

impl Made {
    fn new() -> Self {
        let probe = |endpoint, at| {
            let result = said(HealthState::Healthy);
            Stamped { at, what: Event::Probe(Probe { endpoint, latency: ms(2), result }) }
        };
        // The last look is made after the load.
        let probes = (0..=LENGTH)
            .flat_map(|second| Endpoint::ALL.map(|endpoint| probe(endpoint, ms(second * 1000 + 500))));
        Self {
            plan: plan(SCENARIO),
            seconds: vec![vec![(Outcome::Ok, 10)]; 20],
            probes: probes.collect(),
            broken: Vec::new(),
            checks: HealthChecks {
                except: Vec::new(),
                probe_within: ms(1000),
                warn_at_least: Duration::ZERO,
                recover_within: ms(5000),
                changes_per_minute: 6,
                origin: "slo.yaml:2".to_owned(),
            },
            over: Some(LENGTH),
        }
    }

    /// From second `from` to before `to` calls end so.
    fn calls(mut self, from: usize, to: usize, calls: &[(Outcome, u64)]) -> Self {
        self.seconds[from..to].fill(calls.to_vec());
        self
    }

    /// Probes of `endpoint` from second `from` to before `to` give this, after so long.
    fn says(
        mut self,
        endpoint: Endpoint,
        from: u64,
        to: u64,
        result: &ProbeResult,
        latency: Duration,
    ) -> Self {
        for stamped in &mut self.probes {
            let second = stamped.at.as_secs();
            if let Event::Probe(probe) = &mut stamped.what
                && probe.endpoint == endpoint
                && (from..to).contains(&second)
            {
                probe.result = result.clone();
                probe.latency = latency;
            }
        }
        self
    }

    fn unhealthy(self, endpoint: Endpoint, from: u64, to: u64) -> Self {
        self.says(endpoint, from, to, &said(HealthState::Unhealthy), ms(2))
    }

    fn degraded(self, from: u64, to: u64) -> Self {
        self.says(Endpoint::Health, from, to, &said(HealthState::Degraded), ms(2))
    }

    fn outage(self, from: usize, to: usize) -> Self {
        self.calls(from, to, &[(UNAVAILABLE, 10)])
    }

    /// An outage that `/health` and `/ready` tell of.
    fn told_outage(self, from: u64, to: u64) -> Self {
        let place = |at: u64| usize::try_from(at).unwrap();
        self.outage(place(from), place(to)).unhealthy(Endpoint::Health, from, to).unhealthy(
            Endpoint::Ready,
            from,
            to,
        )
    }

    fn broken(mut self, from: u64, to: u64) -> Self {
        self.broken.push(Broken { name: "p95".to_owned(), from: ms(from * 1000), to: ms(to * 1000) });
        self
    }

    fn without(mut self, endpoint: Endpoint) -> Self {
        self.probes
            .retain(|stamped| !matches!(&stamped.what, Event::Probe(probe) if probe.endpoint == endpoint));
        self
    }

    fn second(number: u32, calls: &[(Outcome, u64)]) -> Second {
        let mut second: Second =
            serde_json::from_str(r#"{"second":0,"planned":0,"in_flight":0,"users":1,"cells":[]}"#).unwrap();
        second.second = number;
        let ended = calls.iter().map(|&(outcome, count)| {
            let mut service = LatencyHistogram::new();
            service.record_n(ms(1), count);
            Cell {
                step: StepId(0),
                phase: Phase::Steady,
                outcome,
                count,
                over: Vec::new(),
                service,
                response: None,
                lag: None,
                bad_at: BadMoments::default(),
            }
        });
        second.cells = ended.collect();
        second
    }

    fn all(&self) -> Vec<Checked> {
        let load = self.plan.steps.iter().position(|step| step.role == crate::plan::Role::Load).unwrap();
        let mut seconds: Vec<Second> =
            (0..).zip(&self.seconds).map(|(number, calls)| Self::second(number, calls)).collect();
        for cell in seconds.iter_mut().flat_map(|second| &mut second.cells) {
            cell.step = StepId(u16::try_from(load).unwrap());
        }
        let mut events = self.probes.clone();
        events.extend(self.over.map(|at| Stamped { at: ms(at * 1000), what: Event::LoadStopped }));
        let seen = Seen {
            plan: &self.plan,
            target: None,
            seconds: &seconds,
            aggregates: &Aggregates::of(&seconds),
            events: &events,
            series: &SeriesStore::default(),
            is_fetched: false,
            log: None,
            shown: None,
            audit: None,
            latency_limits: &[],
            broken: &self.broken,
        };
        checked(&Checks { health: Some(self.checks.clone()), ..Checks::default() }, &seen)
    }

    fn one(&self, name: &str) -> Checked {
        self.all().into_iter().find(|checked| checked.name == format!("health: {name}")).unwrap()
    }

    #[track_caller]
    fn check(&self, name: &str, verdict: Verdict, because: &str) {
        let found = self.one(name);
        assert_eq!(found.verdict, verdict, "{found:#?}");
        assert!(found.because.contains(because), "{found:#?}");
        assert_eq!(found.bad > 0, verdict == Verdict::Fail, "{found:#?}");
    }

    /// These fail, and no others.
    #[track_caller]
    fn accuses(&self, accused: &[&str]) {
        for found in self.all() {
            let is_accused = accused.iter().any(|name| found.name == format!("health: {name}"));
            assert_eq!(found.verdict, if is_accused { Verdict::Fail } else { Verdict::Pass }, "{found:#?}");
        }
    }
}

#[test]
fn all_is_well() {
    Made::new().accuses(&[]);
    Made::new().check("ready", Verdict::Pass, "said yes to all 20 probes");
    Made::new().check("states", Verdict::Pass, "nothing changed in 60 probes");
    Made::new().check("recovery", Verdict::Pass, "500 ms after the load");
}

#[test]
fn an_outage_that_is_told_accuses_nobody() {
    let made = Made::new().told_outage(8, 12).broken(8, 12);
    made.accuses(&[]);
    made.check("ready", Verdict::Pass, "said no 500 ms after errors began at 8.00 s");
    made.check("warning", Verdict::Pass, "500 ms after `p95` broke at 8.00 s");
    made.check("recovery", Verdict::Pass, "after errors within 500 ms");
    made.check(
        "states",
        Verdict::Pass,
        "4 changes in 60 probes, and none contradicts another; /health turned unhealthy at 8.50 s",
    );
}

#[test]
fn live_fails_where_calls_are_answered_alone() {
    Made::new().unhealthy(Endpoint::Live, 5, 6).accuses(&["live"]);
    let refused = Made::new().says(Endpoint::Live, 5, 7, &refused(), ms(1));
    refused.check("live", Verdict::Fail, "2 of 20 probes failed, the first at 5.50 s (no answer: refused)");
    // It was down for all.
    Made::new().told_outage(8, 12).unhealthy(Endpoint::Live, 8, 12).accuses(&[]);
    // It went down right after the probe, as far as seconds can tell.
    let crash = Made::new().told_outage(8, 12).unhealthy(Endpoint::Live, 7, 12);
    crash.check("live", Verdict::Pass, "5 of 20 probes failed, when calls got no answer either");
    let idle = Made::new().calls(0, 20, &[]).unhealthy(Endpoint::Live, 5, 6);
    idle.check("live", Verdict::Inconclusive, "nobody knows");
}

#[test]
fn ready_says_no_within_an_interval_and_a_second() {
    let late = |from| {
        Made::new().outage(8, 14).unhealthy(Endpoint::Health, 8, 14).unhealthy(Endpoint::Ready, from, 14)
    };
    late(9).accuses(&[]);
    late(10).accuses(&["ready"]);
    late(10).check("ready", Verdict::Fail, "it said no 2.50 s after they began");
    let never = Made::new().outage(8, 14).unhealthy(Endpoint::Health, 8, 14);
    never.check("ready", Verdict::Fail, "60 of 60 calls got no answer, and it never said no");
    let early = late(5);
    early.accuses(&[]);
    early.check("ready", Verdict::Pass, "said no 2.50 s before errors began");
    let again =
        Made::new().outage(6, 14).unhealthy(Endpoint::Health, 6, 14).unhealthy(Endpoint::Ready, 6, 10);
    again.check("ready", Verdict::Fail, "it said yes again at 10.5 s");
}

#[test]
fn stretches_of_errors_are_half_of_at_least_five_calls() {
    let half = |calls: &[(Outcome, u64)]| Made::new().calls(8, 14, calls).one("ready").verdict;
    let fail = Verdict::Fail;
    assert_eq!(half(&[(Outcome::Ok, 5), (UNAVAILABLE, 5)]), fail);
    assert_eq!(half(&[(Outcome::Ok, 6), (UNAVAILABLE, 5)]), Verdict::Pass);
    assert_eq!(half(&[(UNAVAILABLE, 5)]), fail);
    assert_eq!(half(&[(UNAVAILABLE, 4)]), Verdict::Pass);
    let gap = Made::new().outage(8, 14).calls(9, 10, &[(UNAVAILABLE, 1)]);
    assert_eq!(gap.one("ready").evidence.rows.len(), 1);
    for (outcome, expected) in [
        (Outcome::Transport(TransportFault::Refused), fail),
        (Outcome::Protocol(ProtocolFault::Missing), fail),
        (Outcome::NotSent(NotSent::NoSession), fail),
        (Outcome::NotSent(NotSent::NoSocket), Verdict::Pass),
        (Outcome::NotSent(NotSent::NoUser), Verdict::Pass),
        (Outcome::HttpStatus(429), Verdict::Pass),
        (Outcome::JsonRpcError(-32603), Verdict::Pass),
        (Outcome::ToolError, Verdict::Pass),
        (Outcome::Interrupted, Verdict::Pass),
    ] {
        assert_eq!(half(&[(outcome, 10)]), expected, "{outcome}");
    }
}

#[test]
fn what_probes_and_counts_cannot_tell_is_no_pass() {
    Made::new().outage(8, 9).check(
        "ready",
        Verdict::Inconclusive,
        "too short for a probe every 1.00 s to tell",
    );
    let few = Made::new().calls(0, 20, &[(Outcome::Ok, 2), (UNAVAILABLE, 2)]);
    few.check("ready", Verdict::Inconclusive, "40 calls got no answer");
    Made::new().calls(0, 20, &[(Outcome::Ok, 2)]).accuses(&[]);
    Made::new().calls(0, 20, &[]).check("ready", Verdict::Inconclusive, "no call of the load was answered");
}

#[test]
fn ready_says_no_for_a_reason() {
    let no = |from, to| Made::new().unhealthy(Endpoint::Ready, from, to);
    no(5, 6).accuses(&[]);
    no(5, 7).accuses(&["ready"]);
    no(5, 7).check(
        "ready",
        Verdict::Fail,
        "said no 2 times in a row, from 5.50 s to 6.50 s, while calls were answered",
    );
    no(5, 7).broken(7, 10).degraded(6, 10).accuses(&[]);
    assert_eq!(
        no(5, 7).calls(4, 8, &[(Outcome::Ok, 9), (UNAVAILABLE, 1)]).one("ready").verdict,
        Verdict::Fail
    );
    assert_eq!(
        no(5, 7).calls(4, 8, &[(Outcome::Ok, 8), (UNAVAILABLE, 2)]).one("ready").verdict,
        Verdict::Pass
    );
    // It may take until it is well again; `recovery` says whether that is too long.
    no(8, 14).outage(8, 12).unhealthy(Endpoint::Health, 8, 14).accuses(&[]);
}

#[test]
fn health_warns_before_or_when_an_objective_breaks() {
    let warned = |at| Made::new().broken(8, 12).degraded(at, 12);
    for at in [3, 8, 9] {
        warned(at).accuses(&[]);
    }
    warned(10).accuses(&["warning"]);
    warned(10).check(
        "warning",
        Verdict::Fail,
        "`p95` was broken from 8.00 s to 12.0 s, and it said so 2.50 s after that",
    );
    Made::new().broken(8, 12).check("warning", Verdict::Fail, "it said healthy all the time");
    Made::new().broken(8, 9).check("warning", Verdict::Inconclusive, "too short for probes to tell");
    // What was over before has nothing to do with it.
    Made::new().degraded(1, 4).broken(8, 12).check("warning", Verdict::Fail, "healthy all the time");
    Made::new().outage(8, 12).unhealthy(Endpoint::Ready, 8, 12).accuses(&["warning"]);
}

#[test]
fn a_lead_can_be_asked_for() {
    let asked = |lead, from| {
        let mut made = Made::new().broken(12, 16).degraded(from, 16);
        made.checks.warn_at_least = ms(lead);
        made
    };
    asked(5_000, 8).accuses(&[]);
    assert_eq!(asked(5_000, 8).one("warning").value, "3.50 s before");
    asked(5_500, 8).accuses(&[]);
    asked(5_501, 8).check("warning", Verdict::Fail, "3.50 s before that: 5.50 s before are asked for");
}

#[test]
fn crying_wolf_is_told_and_paging_for_nothing_fails() {
    Made::new().degraded(5, 10).accuses(&[]);
    Made::new().degraded(5, 10).check(
        "warning",
        Verdict::Pass,
        "it said degraded at 5.50 s: a warning that nothing came of",
    );
    let both = |to| Made::new().unhealthy(Endpoint::Health, 5, to).unhealthy(Endpoint::Ready, 5, to);
    both(6).accuses(&[]);
    both(8).check(
        "warning",
        Verdict::Fail,
        "said unhealthy 3 times from 5.50 s on, while calls were answered",
    );
}

#[test]
fn states_do_not_contradict_each_other() {
    let liar = ProbeResult::State { state: HealthState::Unhealthy, status: 200, failing: Vec::new() };
    let made = Made::new().told_outage(8, 12).says(Endpoint::Health, 8, 12, &liar, ms(2));
    made.accuses(&["states"]);
    made.check("states", Verdict::Fail, "HTTP status 200 beside a body that says unhealthy");
    let unlike = |to| Made::new().unhealthy(Endpoint::Health, 5, to).broken(5, 7);
    unlike(6).check("states", Verdict::Pass, "2 changes");
    unlike(7).check("states", Verdict::Fail, "says yes while /health says unhealthy");
    // Where calls get no answer, that is for `ready` to say.
    Made::new().outage(8, 12).unhealthy(Endpoint::Health, 8, 12).accuses(&["ready"]);
}

#[test]
fn flapping_is_more_changes_than_are_allowed_in_a_minute() {
    let flapping =
        |times: u64| (0..times).fold(Made::new(), |made, time| made.degraded(time * 2 + 1, time * 2 + 2));
    flapping(3).check("states", Verdict::Pass, "6 changes");
    flapping(4).check("states", Verdict::Fail, "8 changes within a minute, 6 at the most are allowed");
    let mut made = flapping(4);
    made.checks.changes_per_minute = 8;
    made.accuses(&[]);
}

#[test]
fn probes_are_answered_in_time() {
    let slow = |latency| Made::new().says(Endpoint::Ready, 5, 6, &said(HealthState::Healthy), latency);
    slow(ms(1000)).accuses(&[]);
    slow(ms(1001)).accuses(&["latency"]);
    assert!(slow(ms(1001)).one("latency").on_time);
    let out = Made::new().told_outage(8, 12).says(Endpoint::Live, 8, 10, &refused(), ms(1500));
    out.accuses(&[]);
    let idle = Made::new().calls(0, 20, &[]).says(Endpoint::Live, 8, 9, &refused(), ms(1500));
    idle.check("latency", Verdict::Inconclusive, "when no call ended");
}

#[test]
fn all_is_well_again_in_time() {
    // Outage to the end of the load, and so long after it: there are looks at 20.5 s and then.
    let back = |well: Option<u64>, looks: u64| {
        let mut made = Made::new().told_outage(16, 20);
        for endpoint in [Endpoint::Health, Endpoint::Ready] {
            made = made.unhealthy(endpoint, 20, 21);
        }
        let last: Vec<_> = made.probes.split_off(60);
        for second in 20..20 + looks {
            let is_well = well.is_some_and(|well| second >= well);
            for stamped in &last {
                let Event::Probe(mut probe) = stamped.what.clone() else { unreachable!("these are probes") };
                if is_well {
                    probe.result = said(HealthState::Healthy);
                }
                made.probes.push(Stamped { at: ms(second * 1000 + 500), what: Event::Probe(probe) });
            }
        }
        made
    };
    back(Some(23), 4).accuses(&[]);
    assert_eq!(back(Some(23), 4).one("recovery").value, "3.50 s");
    back(Some(27), 8).check("recovery", Verdict::Fail, "was well only 7.50 s later");
    back(None, 6).check("recovery", Verdict::Fail, "was not well in the 5.50 s");
    back(None, 2).check("recovery", Verdict::Inconclusive, "was watched for 1.50 s after the load");
}

#[test]
fn errors_that_are_over_are_over_for_the_endpoints_too() {
    let until = |well| {
        Made::new().outage(4, 8).unhealthy(Endpoint::Health, 4, well).unhealthy(Endpoint::Ready, 4, well)
    };
    until(14).accuses(&[]);
    until(15).accuses(&["recovery"]);
    until(15).check("recovery", Verdict::Fail, "errors ended at 8.00 s, and it was well only 7.50 s later");
}

#[test]
fn what_was_not_asked_is_not_known() {
    for (endpoint, names) in [
        (Endpoint::Live, &["live"][..]),
        (Endpoint::Ready, &["ready"]),
        (Endpoint::Health, &["warning", "states"]),
    ] {
        for found in Made::new().without(endpoint).all() {
            let unknown = names.iter().any(|name| found.name == format!("health: {name}"));
            let expected = if unknown { Verdict::Inconclusive } else { Verdict::Pass };
            assert_eq!(found.verdict, expected, "{found:#?}");
            assert!(!unknown || found.because.contains("give `observe: {health:"), "{found:#?}");
        }
    }
    let nothing = Made::new().says(Endpoint::Live, 0, 21, &ProbeResult::Unexpected { status: 404 }, ms(1));
    nothing.check("live", Verdict::Inconclusive, "never said anything but HTTP status 404");
    let nobody = Endpoint::ALL.into_iter().fold(Made::new(), Made::without);
    assert!(nobody.all().iter().all(|found| found.verdict == Verdict::Inconclusive));
    let cut_off = Made { over: None, ..Made::new() };
    cut_off.check("recovery", Verdict::Inconclusive, "cut off");
    let mut as_before = Made::new();
    as_before.probes.truncate(60);
    as_before.check("recovery", Verdict::Inconclusive, "record the run with this check");
}

#[test]
fn checks_can_be_left_out() {
    let mut made = Made::new();
    made.checks.except = vec![crate::verify::HealthCheck::Recovery];
    assert_eq!(made.all().len(), 5);
    assert_eq!(made.checks.patience(), None);
}
