//! How often verdicts err: loads whose true share of bad calls is known, simulated and sent through the recorder and the judge. Calls are
//! independent, or bad ones come in bursts as real ones do. Everything is seeded; nothing is sent.
//!
//! Measured over 500 runs of 60 s at the limit of 5 %, 60 calls a second: wrong PASSes and FAILs in percent, those of plain binomial tests in
//! brackets; and PASSes at a fifth of the limit.
//!
//! | process | PASS | FAIL | PASS at a fifth |
//! |---|--:|--:|--:|
//! | independent | 2.6 (3.0) | 3.2 (4.2) | 100 |
//! | autoregression of 0.1 s | 3.2 (20.2) | 3.4 (20.2) | 100 |
//! | autoregression of 1 s | 3.6 (42.0) | 3.0 (32.2) | 40 |
//! | slow phases of 0.2 s | 1.2 (32.2) | 2.2 (29.6) | 22 |
//! | slow phases of 1 s | 0.0 (49.4) | 1.6 (33.6) | 35 |
//! | freezes of 50 ms | 2.0 (22.4) | 2.2 (19.8) | 91 |
//! | freezes of 0.2 s | 0.0 (32.0) | 1.6 (26.0) | 4 |
//! | freezes of 0.5 s | 0.0 (41.4) | 2.6 (34.4) | 29 |
//! | queue at 70 % | 0.2 (42.8) | 1.2 (31.8) | 19 |
//! | queue at 80 % | 0.6 (49.4) | 1.6 (35.2) | 34 |
//! | half freezes of 0.1 s | 2.6 (21.2) | 2.4 (17.6) | 94 |
//!
//! Five percent are not held where bursts are so rare that many runs have none: over 120 s at a limit of 1 % wrong PASSes are 9.6 % with
//! slow phases of 1 s, 8.2 % with freezes of 0.5 s, 7.8 % with a queue at 80 %, and 4.2 % at most with the others.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use gander::input::Files;
use gander::load::{Recorder, Timing};
use gander::metrics::{Aggregates, Flow, Phase, Second, SeriesStore};
use gander::model::{CounterRng, Labels, LatencyClock, Outcome, Verdict};
use gander::plan::{Plan, Role, StepId, Threshold};
use gander::scenario::{Overrides, Sources, load};
use gander::slo::{BudgetTerms, Indicator, Measurements, Objective, Recorded, Scope, Terms, judge};
use gander::stats::binomial::{lower_bound, lower_tail, upper_tail};

pub(crate) const LIMIT: Duration = Duration::from_millis(100);
/// What a call takes when nothing is in its way, in seconds.
const QUICK: f64 = 0.005;

/// What makes calls late. Each has a true share of late calls, whatever else it does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Process {
    /// Each call for itself.
    Independent,
    /// Latency is lognormal; 70 % of the variance of its logarithm is a first-order autoregression that forgets within so many seconds.
    Autoregressive(f64),
    /// Slow for so many seconds on average, then quick (Markov): a call while slow is late every other time.
    SlowPhases(f64),
    /// Everything stands still, for so many seconds longer than the limit, and then all calls end at once; at random times.
    Freezes(f64),
    /// A single server with a queue (M/M/1), which is busy for this share of the time.
    Queue(f64),
    /// Half of the late calls are late for themselves, the other half freeze for so many seconds.
    Mixed(f64),
}

/// A simulated load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    process: Process,
    /// In seconds.
    length: u32,
    /// Calls a second, at random times.
    rate: f64,
    /// The true share of late calls.
    late: f64,
    /// The share that may be.
    budget: f64,
}

/// How often, out of so many runs, the judge said PASS, and FAIL; and how often plain binomial tests do, which take calls for
/// independent.
#[derive(Debug, Clone, Copy, Default)]
struct Verdicts {
    runs: u32,
    pass: u32,
    fail: u32,
    plain_pass: u32,
    plain_fail: u32,
}

/// Times between which something lasts, at random: `length` on average, for the share `share` of all time.
struct Alternating<'a> {
    rng: &'a mut CounterRng,
    is_on: bool,
    until: f64,
    off: f64,
    on: f64,
    is_fixed: bool,
}

impl<'a> Alternating<'a> {
    /// Which is on at 0 as often as at any other time.
    fn new(rng: &'a mut CounterRng, length: f64, share: f64, is_fixed: bool) -> Self {
        let is_on = rng.unit() < share;
        let mut all =
            Self { rng, is_on, until: 0.0, off: length * (1.0 - share) / share, on: length, is_fixed };
        all.until = if is_on && is_fixed { all.rng.unit() * length } else { all.next() };
        all
    }

    fn next(&mut self) -> f64 {
        match (self.is_on, self.is_fixed) {
            (true, true) => self.on,
            (true, false) => self.on * self.rng.exponential(),
            (false, _) => self.off * self.rng.exponential(),
        }
    }

    fn at(&mut self, time: f64) -> bool {
        while time >= self.until {
            self.is_on = !self.is_on;
            self.until += self.next();
        }
        self.is_on
    }
}

impl Load {
    /// When calls are due and how long they take, in seconds.
    fn calls(&self, seed: u64) -> Vec<(f64, f64)> {
        let Self { process, length, rate, late, .. } = *self;
        let mut rng = CounterRng::new(seed, 1);
        let mut draws = CounterRng::new(seed, 2);
        let mut due = Vec::new();
        let mut time = rng.exponential() / rate;
        while time < f64::from(length) {
            due.push(time);
            time += rng.exponential() / rate;
        }
        let limit = LIMIT.as_secs_f64();
        let one = |is_late: bool| if is_late { limit + QUICK } else { QUICK };
        match process {
            Process::Independent => due.iter().map(|&due| (due, one(draws.unit() < late))).collect(),
            Process::Autoregressive(memory) => {
                autoregressive(&due, memory, normal_quantile(late), &mut draws)
            }
            Process::SlowPhases(dwell) => {
                let mut slow = Alternating::new(&mut rng, dwell, 2.0 * late, false);
                due.iter().map(|&due| (due, one(slow.at(due) && draws.unit() < 0.5))).collect()
            }
            Process::Freezes(freeze) => frozen(&due, freeze, late, &mut rng, |_| QUICK),
            Process::Queue(busy) => queue(&due, rate / busy, late, &mut draws),
            Process::Mixed(freeze) => {
                let half = late / 2.0;
                frozen(&due, freeze, half, &mut rng, |_| one(draws.unit() < (late - half) / (1.0 - half)))
            }
        }
    }

    /// What the recorder makes of it.
    pub(crate) fn seconds(&self, step: StepId, seed: u64) -> Vec<Second> {
        let mut ends: Vec<(f64, f64)> =
            self.calls(seed).into_iter().map(|(due, took)| (due + took, took)).collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let recorder = Recorder::new(1, vec![Threshold::response(LIMIT)]);
        let mut ends = ends.into_iter().peekable();
        let mut seconds = Vec::new();
        for number in 0.. {
            let over = |end: f64| end < f64::from(number + 1);
            while let Some((end, took)) = ends.next_if(|(end, _)| over(*end)) {
                let [end, took] = [end, took].map(Duration::from_secs_f64);
                let call = recorder.begin(step, Phase::Steady);
                call.end(Outcome::Ok, Timing::closed(took).ended(end), None);
            }
            seconds.push(recorder.take_second(number, 0));
            if ends.peek().is_none() {
                break;
            }
        }
        seconds
    }

    fn verdicts(&self, runs: Range<u64>) -> Verdicts {
        self.verdicts_on(&Terms::default(), runs)
    }

    fn verdicts_on(&self, terms: &Terms, runs: Range<u64>) -> Verdicts {
        let plan = plan();
        let step = plan.steps.iter().find(|step| step.role == Role::Load).unwrap().id;
        let indicator =
            Indicator::Latency { clock: LatencyClock::Response, share: 1.0 - self.budget, within: LIMIT };
        let objective = Objective {
            name: "o".to_owned(),
            scope: Scope::All,
            indicator,
            terms: terms.clone(),
            budget: BudgetTerms::default(),
            origin: String::new(),
        };
        let steady = Duration::ZERO..Duration::from_secs(u64::from(self.length));
        let mut all = Verdicts::default();
        for seed in runs {
            let seconds = self.seconds(step, seed);
            let aggregates = Aggregates::of(&seconds);
            let (flow, series) = (Flow::default(), SeriesStore::default());
            let run = Measurements {
                plan: &plan,
                seconds: &seconds,
                aggregates: &aggregates,
                flow: &flow,
                recorded: Recorded { series: &series, events: &[], fetched: None, zero_ms: 0 },
                labels: Labels::none(),
                steady: &steady,
                began: Duration::ZERO,
            };
            let finding = judge(std::slice::from_ref(&objective), &run).remove(0);
            all.runs += 1;
            all.pass += u32::from(finding.verdict == Verdict::Pass);
            all.fail += u32::from(finding.verdict == Verdict::Fail);
            let (calls, bad) = (finding.samples as f64, finding.bad.unwrap() as f64);
            all.plain_pass += u32::from(lower_tail(calls, bad, self.budget) <= 0.05);
            all.plain_fail += u32::from(upper_tail(calls, bad, self.budget) <= 0.05);
        }
        all
    }
}

impl Verdicts {
    fn share(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.runs)
    }

    /// True where so many wrong verdicts are more than 5 %, beyond what so few simulated runs leave open.
    fn is_too_often(&self, wrong: u32) -> bool {
        lower_bound(f64::from(self.runs), f64::from(wrong)) > 0.05
    }
}

/// Latencies such that one in so many is over the limit, `over` standard deviations above the mean of its logarithm.
fn autoregressive(due: &[f64], memory: f64, over: f64, draws: &mut CounterRng) -> Vec<(f64, f64)> {
    let (mut state, mut before) = (draws.normal(), 0.0);
    let call = |&due: &f64| {
        let kept = (-(due - before) / memory).exp();
        state = kept * state + (1.0 - kept * kept).sqrt() * draws.normal();
        before = due;
        let log = 0.7f64.sqrt() * state + 0.3f64.sqrt() * draws.normal();
        (due, LIMIT.as_secs_f64() * (log - over).exp())
    };
    due.iter().map(call).collect()
}

/// Calls that are due while everything stands still end when it goes on.
fn frozen(
    due: &[f64],
    freeze: f64,
    share: f64,
    rng: &mut CounterRng,
    mut else_takes: impl FnMut(f64) -> f64,
) -> Vec<(f64, f64)> {
    let mut still = Alternating::new(rng, freeze, share, true);
    let call = |&due: &f64| {
        let is_still = still.at(due);
        (due, if is_still { still.until - due + LIMIT.as_secs_f64() + QUICK } else { else_takes(due) })
    };
    due.iter().map(call).collect()
}

/// The time in an M/M/1 queue is exponential, with the server's spare rate.
fn queue(due: &[f64], server: f64, late: f64, draws: &mut CounterRng) -> Vec<(f64, f64)> {
    let rate = due.len() as f64 / due.last().copied().unwrap_or(1.0);
    let spare = server - rate;
    let scale = LIMIT.as_secs_f64() / (-late.ln() / spare);
    let (mut left, mut before) = (draws.exponential() / spare, 0.0);
    let call = |&due: &f64| {
        left = (left - (due - before)).max(0.0) + draws.exponential() / server;
        before = due;
        // In units in which the limit is where it is to be.
        (due, left * scale)
    };
    due.iter().map(call).collect()
}

/// What a share of the normal distribution is above; by bisection of its integral (Simpson).
fn normal_quantile(share: f64) -> f64 {
    let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let above = |x: f64| {
        let step = (9.0 - x) / 2000.0;
        let weight = |i: u32| {
            if i == 0 || i == 2000 {
                1.0
            } else if i % 2 == 1 {
                4.0
            } else {
                2.0
            }
        };
        (0..=2000).map(|i| weight(i) * density(x + f64::from(i) * step)).sum::<f64>() * step / 3.0
    };
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if above(middle) > share { low = middle } else { high = middle }
    }
    low
}

/// A plan with one step of load.
pub(crate) fn plan() -> Plan {
    let text = "version: 1\nname: simulated\ntarget: demo\nload: { users: 1, duration: 1s }\n\
                transactions: [{ name: one, list_tools: {} }]\n";
    let read = |_: &Path| Ok(text.to_owned());
    let files = Files { read: &read, names: &|_| Vec::new() };
    let sources = Sources { files, env: &|_| None, formats: &[] };
    let loaded = load(Path::new("simulated.yaml"), &Overrides::default(), &sources);
    let plan = loaded.unwrap_or_else(|problems| panic!("{problems:?}")).plan;
    Plan { thresholds: vec![Threshold::response(LIMIT)], ..plan }
}

pub(crate) const BURSTY: [Process; 10] = [
    Process::Autoregressive(0.1),
    Process::Autoregressive(1.0),
    Process::SlowPhases(0.2),
    Process::SlowPhases(1.0),
    Process::Freezes(0.05),
    Process::Freezes(0.2),
    Process::Freezes(0.5),
    Process::Queue(0.7),
    Process::Queue(0.8),
    Process::Mixed(0.1),
];

/// At 5 % of late calls allowed.
pub(crate) fn load_of(process: Process, length: u32, late: f64) -> Load {
    Load { process, length, rate: 60.0, late, budget: 0.05 }
}

#[test]
fn at_the_limit_wrong_verdicts_are_5_percent_at_most() {
    for process in [Process::Independent].into_iter().chain(BURSTY) {
        let verdicts = load_of(process, 60, 0.05).verdicts(0..150);
        let Verdicts { pass, fail, .. } = verdicts;
        assert!(!verdicts.is_too_often(pass) && !verdicts.is_too_often(fail), "{process:?}: {verdicts:?}");
    }
}

#[test]
fn bursts_deceive_tests_that_take_calls_for_independent() {
    for process in BURSTY {
        let verdicts = load_of(process, 60, 0.05).verdicts(0..60);
        let Verdicts { plain_pass, plain_fail, .. } = verdicts;
        assert!(verdicts.share(plain_pass + plain_fail) > 0.25, "{process:?} is no hard case: {verdicts:?}");
    }
}

#[test]
fn what_is_clear_is_decided() {
    for process in [Process::Independent].into_iter().chain(BURSTY) {
        let bad = load_of(process, 60, 0.15).verdicts(0..40);
        assert!(bad.share(bad.fail) >= 0.8 && bad.pass == 0, "{process:?}, three times too many: {bad:?}");
    }
    for process in
        [Process::Independent, Process::Autoregressive(0.1), Process::Freezes(0.05), Process::Mixed(0.1)]
    {
        let good = load_of(process, 60, 0.01).verdicts(0..40);
        assert!(
            good.share(good.pass) >= 0.8 && good.fail == 0,
            "{process:?}, a fifth of the budget: {good:?}"
        );
    }
}

#[test]
fn thin_evidence_decides_nothing() {
    // Not a single late call, and too few to show it.
    let few = Load { process: Process::Independent, length: 4, rate: 60.0, late: 1e-9, budget: 0.01 };
    let few = few.verdicts(0..20);
    assert_eq!((few.pass, few.fail), (0, 0));
    // Twice as many late calls as there may be, in a few bursts.
    let bursts = load_of(Process::SlowPhases(1.0), 10, 0.1).verdicts(0..60);
    assert!(bursts.share(bursts.fail) < 0.3, "{bursts:?}");
}

/// What a run sees three of, on average, hides from one run in twenty.
#[test]
fn rare_bursts_are_missed_in_5_percent_at_most_where_they_are_asked_about() {
    let terms = Terms { bursts_up_to: Some(Duration::from_secs(1)), ..Terms::default() };
    let load = |process, length, late| Load { process, length, rate: 60.0, late, budget: 0.01 };
    for process in
        [Process::SlowPhases(1.0), Process::Freezes(0.5), Process::Freezes(1.0), Process::Queue(0.8)]
    {
        let verdicts = load(process, 300, 0.01).verdicts_on(&terms, 0..150);
        println!("{process:?}: {verdicts:?}");
        assert!(!verdicts.is_too_often(verdicts.pass), "{process:?}: {verdicts:?}");
        // A run that is too short for it says so, whatever it saw.
        let short = load(process, 60, 0.01).verdicts_on(&terms, 0..20);
        assert_eq!(short.pass, 0, "{process:?}: {short:?}");
    }
    let healthy = load(Process::Independent, 300, 0.001).verdicts_on(&terms, 0..20);
    assert_eq!(healthy.pass, healthy.runs, "{healthy:?}");
}
