//! Was the load generator the bottleneck? Its own checks, over the seconds of the steady phase. Pure.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metrics::{Aggregates, BEAT, Second, touched_seconds, whole_seconds};
use crate::model::{
    Floor, LatencyClock, LatencyHistogram, NotSent, Outcome, Verdict, format_count, format_duration,
    format_ratio,
};
use crate::plan::{OpenLoad, Plan};

use super::Finding;

/// A lag may be this share of the smallest latency that an objective asks for.
const SHARE_OF_OBJECTIVE: f64 = 0.05;
/// The latency of the load alone may be this share of it.
const SHARE_OF_FLOOR: f64 = 0.1;
const LEAST_LAG: Duration = Duration::from_millis(1);
const LEAST_HEARTBEAT: Duration = Duration::from_millis(2);
/// The share of what was due that must be given out, over all...
const OFFERED: f64 = 0.995;
/// ... and in each second, ...
const OFFERED_EACH: f64 = 0.98;
/// ... of which so many must keep that.
const OFFERED_SECONDS: f64 = 0.95;
/// The share of its processors that it may use, over any [`CPU_WINDOW`] seconds.
const CPU: f64 = 0.7;
const CPU_WINDOW: usize = 5;
/// Fewer iterations than this share of those that began in a second may wait without being looked at.
const WAITING: f64 = 0.01;
/// The share of its processors that the machine may use, all in all, while calls wait for users: above this no finding stands.
const MACHINE: f64 = 0.8;
/// How far the calls in flight may be from rate times service time.
const LITTLE: f64 = 0.05;
/// Fewer seconds than this say nothing about calls in flight.
const LITTLE_SECONDS: usize = 10;

/// This machine ran out of descriptors, ports or buffers.
const NO_SOCKET: Outcome = Outcome::NotSent(NotSent::NoSocket);
const OVERLOADED: &str = "this machine, or what else runs on it, is too slow for this load: stop what else runs, lower the load, or add processors";

/// One check of the generator by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorCheck {
    /// What is checked.
    pub name: String,
    /// What was seen.
    pub value: String,
    /// What it may be.
    pub limit: String,
    /// Whether it holds; `None` when there is nothing to say it by.
    pub holds: Option<bool>,
    /// What to do where it does not hold; may be empty.
    pub way_out: String,
    /// True when no finding on the target stands without it, good or bad: what was planned was not what was done.
    pub decisive: bool,
    /// True when it says that gander was late: a FAIL that [`own_lateness`] cannot explain stands all the same.
    pub lateness: bool,
}

impl GeneratorCheck {
    fn new(name: &str, value: String, limit: String, holds: Option<bool>) -> Self {
        Self {
            name: name.to_owned(),
            value,
            limit,
            holds,
            way_out: String::new(),
            decisive: false,
            lateness: false,
        }
    }

    /// A check that fails when the machine is too slow.
    fn overload(name: &str, value: String, limit: String, holds: Option<bool>) -> Self {
        Self { way_out: OVERLOADED.to_owned(), ..Self::new(name, value, limit, holds) }
    }

    /// True when gander was late, and this says so.
    pub fn was_late(&self) -> bool {
        self.lateness && self.holds == Some(false)
    }

    fn decisive(self) -> Self {
        Self { decisive: true, ..self }
    }
}

/// The checks that `seconds` of `plan` allow, of which `all` is the sum; none when the generator was not watched. `steady` is
/// the steady phase as far as it came, in seconds from the start of the load; `floor` is what the load itself costs, where that
/// was measured.
pub fn check_generator(
    plan: &Plan,
    seconds: &[Second],
    all: &Aggregates,
    steady: &Range<f64>,
    floor: Option<&Floor>,
) -> Vec<GeneratorCheck> {
    let without_socket = all.sum(plan, None, |_| true).outcomes.get(&NO_SOCKET).copied().unwrap_or(0);
    if without_socket == 0 && seconds.iter().all(|second| second.generator.is_none()) {
        return Vec::new();
    }
    let touched = touched_seconds(seconds, steady);
    let mut checks = vec![sockets(without_socket)];
    // What is asked for of any time.
    let smallest =
        |limits: &mut dyn Iterator<Item = Duration>| limits.chain(all.smallest_stream_limit()).min();
    let of_any = smallest(&mut plan.thresholds.iter().map(|threshold| threshold.limit));
    if let Some(open) = plan.load.open() {
        checks.push(send_lag(of_any, touched));
        checks.push(offered(plan, open, touched, steady.end));
    }
    // Where calls waited for users, the users of a generator that is too slow may have been what they waited for.
    let waited = touched.iter().any(calls_wait);
    for check in [heartbeat(of_any, touched), processor(touched)] {
        checks.push(GeneratorCheck { decisive: waited, lateness: true, ..check });
    }
    checks.extend(machine(touched));
    checks.extend(throttled(touched));
    checks.extend(in_flight(whole_seconds(seconds, steady), longest(seconds)));
    let answers = plan.thresholds.iter().filter(|threshold| threshold.clock != LatencyClock::SendLag);
    let of_answers = smallest(&mut answers.map(|threshold| threshold.limit));
    checks.extend(floor.map(|floor| floor_check(of_answers, floor)));
    checks
}

/// The most that gander itself may have added to the latency of a call: it may be late in sending it, in seeing the answer,
/// and in giving the user that the next call waits for free. An estimate, from the latest of all its own delays.
pub fn own_lateness(seconds: &[Second], steady: &Range<f64>) -> Duration {
    let touched = touched_seconds(seconds, steady);
    let pacing = touched.iter().filter_map(|second| second.pacing.as_ref()?.max()).max();
    let beats = touched.iter().filter_map(|second| second.generator.as_ref()?.heartbeat.max()).max();
    pacing.unwrap_or_default() + 2 * beats.unwrap_or_default()
}

/// What the checks come to; `None` when there are none.
pub fn generator_finding(checks: &[GeneratorCheck]) -> Option<Finding> {
    let failing: Vec<&GeneratorCheck> = checks.iter().filter(|check| check.holds == Some(false)).collect();
    let known = checks.iter().filter(|check| check.holds.is_some()).count();
    let told = |check: &&GeneratorCheck| {
        let way_out = if check.way_out.is_empty() { String::new() } else { format!(" ({})", check.way_out) };
        format!("{} is {}, the limit is {}{way_out}", check.name, check.value, check.limit)
    };
    let because = if failing.is_empty() {
        "gander was not the bottleneck".to_owned()
    } else {
        failing.iter().map(told).collect::<Vec<_>>().join("; ")
    };
    (!checks.is_empty()).then(|| Finding {
        name: "generator".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "gander's checks of itself".to_owned(),
        verdict: if failing.is_empty() { Verdict::Pass } else { Verdict::Invalid },
        value: format!("{} hold", known - failing.len()),
        value_number: Some((known - failing.len()) as f64),
        limit: format!("all {known}"),
        samples: known as u64,
        bad: Some(failing.len() as u64),
        within_limit: None,
        budget: None,
        because,
        origin: "gander".to_owned(),
    })
}

fn sockets(without: u64) -> GeneratorCheck {
    let check = GeneratorCheck::new(
        "calls without a socket",
        format_count(without),
        "0".to_owned(),
        Some(without == 0),
    );
    GeneratorCheck { way_out: "raise `ulimit -n`, or use fewer users".to_owned(), ..check }.decisive()
}

/// What a lag may be: a share of the smallest time that is asked for, but never less than `least`.
fn limit(smallest: Option<Duration>, least: Duration) -> Duration {
    smallest.map_or(least, |smallest| least.max(smallest.mul_f64(SHARE_OF_OBJECTIVE)))
}

fn merged<'a>(histograms: impl Iterator<Item = &'a LatencyHistogram>) -> LatencyHistogram {
    let mut all = LatencyHistogram::new();
    histograms.for_each(|histogram| all.merge(histogram));
    all
}

/// The p99 of `lags` against `limit`.
fn lag_check(name: &str, lags: &LatencyHistogram, limit: Duration) -> GeneratorCheck {
    let p99 = lags.quantile(0.99);
    GeneratorCheck::overload(
        name,
        p99.map_or_else(|| "no data".to_owned(), format_duration),
        format!("<= {}", format_duration(limit)),
        p99.map(|p99| p99 <= limit),
    )
}

fn send_lag(smallest: Option<Duration>, seconds: &[Second]) -> GeneratorCheck {
    let lags = merged(seconds.iter().filter_map(|second| second.pacing.as_ref()));
    let check = lag_check("delay of what was due, p99", &lags, limit(smallest, LEAST_LAG)).decisive();
    GeneratorCheck { lateness: true, ..check }
}

/// What this machine adds to every latency must be small beside the smallest one that is asked for.
fn floor_check(smallest: Option<Duration>, floor: &Floor) -> GeneratorCheck {
    let limit = smallest.map(|smallest| smallest.mul_f64(SHARE_OF_FLOOR));
    GeneratorCheck::overload(
        "floor against a null server, p99",
        floor.text(),
        limit.map_or_else(
            || "no objective on latency".to_owned(),
            |limit| format!("<= {}", format_duration(limit)),
        ),
        // Whoever asks for the floor is not told that it is low where it is not known.
        limit.map(|limit| floor.is_known() && floor.p99 <= limit),
    )
}

fn heartbeat(smallest: Option<Duration>, seconds: &[Second]) -> GeneratorCheck {
    let beats = merged(seconds.iter().filter_map(|second| Some(&second.generator.as_ref()?.heartbeat)));
    // While gander stands still, it misses every beat of that time and sees the first alone.
    lag_check("heartbeat delay p99", &beats.corrected(BEAT), limit(smallest, LEAST_HEARTBEAT))
}

/// Of what was due before `end`, in seconds from the start of the load.
fn offered(plan: &Plan, open: &OpenLoad, seconds: &[Second], end: f64) -> GeneratorCheck {
    let given: Vec<u64> =
        seconds.iter().map(|second| second.pacing.as_ref().map_or(0, LatencyHistogram::count)).collect();
    let first = seconds.first().map_or(0, |second| second.second);
    let mut due = vec![0u64; seconds.len()];
    for arrival in open.schedule(plan.seed).take_while(|arrival| arrival.due.as_secs_f64() < end) {
        let Some(place) = arrival.due.as_secs().checked_sub(u64::from(first)) else { continue };
        match usize::try_from(place).ok().and_then(|place| due.get_mut(place)) {
            Some(count) => *count += 1,
            None => break,
        }
    }
    let all_due: u64 = due.iter().sum();
    let share = given.iter().sum::<u64>() as f64 / all_due as f64;
    // Summed up from the start: what is due at a second's very end may be counted in either of two, and a whole burst is due
    // at once.
    let sums = |counts: &[u64]| {
        counts
            .iter()
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            })
            .collect::<Vec<u64>>()
    };
    let (due_so_far, given_so_far) = (sums(&due), sums(&given));
    let kept = (0..due.len()).filter(|&at| {
        let lacking = due_so_far[at].saturating_sub(given_so_far[at] + u64::from(open.burst));
        lacking as f64 <= due[at] as f64 * (1.0 - OFFERED_EACH)
    });
    let kept = kept.count() as f64 / seconds.len().max(1) as f64;
    let holds = (all_due > 0).then_some(share >= OFFERED && kept >= OFFERED_SECONDS);
    let value = match holds {
        None => "no data".to_owned(),
        Some(_) => format!(
            "{} of what was due was taken up, in time in {} of the seconds",
            format_ratio(share.min(1.0)),
            format_ratio(kept)
        ),
    };
    let limit = format!(
        ">= {}, and {} in {} of the seconds",
        format_ratio(OFFERED),
        format_ratio(OFFERED_EACH),
        format_ratio(OFFERED_SECONDS)
    );
    GeneratorCheck::overload("offered load", value, limit, holds).decisive()
}

fn processor(seconds: &[Second]) -> GeneratorCheck {
    let shares: Vec<f64> = seconds.iter().filter_map(|second| second.generator.as_ref()?.cpu).collect();
    let window = CPU_WINDOW.min(shares.len()).max(1);
    let busiest = shares
        .windows(window)
        .map(|window| window.iter().sum::<f64>() / window.len() as f64)
        .max_by(f64::total_cmp);
    GeneratorCheck::overload(
        "own CPU, busiest 5 s",
        busiest.map_or_else(|| "no data".to_owned(), format_ratio),
        format!("<= {} of its processors", format_ratio(CPU)),
        busiest.map(|busiest| busiest <= CPU),
    )
}

/// True when it matters that iterations waited for users at the end of this second.
fn calls_wait(second: &Second) -> bool {
    second.waiting > 0 && second.waiting as f64 >= WAITING * second.planned as f64
}

/// Where calls wait for users on a machine that has no processor time left, nobody can tell whether the target was slow, or
/// was not given the time to be fast, or gander was not.
fn machine(seconds: &[Second]) -> Option<GeneratorCheck> {
    let waited = seconds.iter().filter(|second| calls_wait(second));
    let busy: Vec<f64> = waited.filter_map(|second| second.generator.as_ref()?.machine).collect();
    (!busy.is_empty()).then(|| {
        let busy = busy.iter().sum::<f64>() / busy.len() as f64;
        GeneratorCheck::overload(
            "this machine's CPU while calls waited for users",
            format_ratio(busy),
            format!("<= {}", format_ratio(MACHINE)),
            Some(busy <= MACHINE),
        )
        .decisive()
    })
}

fn throttled(seconds: &[Second]) -> Option<GeneratorCheck> {
    let periods: Vec<u64> =
        seconds.iter().filter_map(|second| second.generator.as_ref()?.throttled).collect();
    let total: u64 = periods.iter().sum();
    (!periods.is_empty()).then(|| {
        GeneratorCheck::new("throttled periods", total.to_string(), "0".to_owned(), Some(total == 0))
    })
}

/// Little's law: the mean number of calls in flight is their rate times their mean service time, or calls were lost.
/// What is in flight when the first of `seconds` begins or the last one ends is in the one and not in the other: calls may take as
/// long as `longest`.
fn in_flight(seconds: &[Second], longest: Duration) -> Option<GeneratorCheck> {
    if seconds.len() < LITTLE_SECONDS {
        return None;
    }
    let count = seconds.len() as f64;
    let seen = seconds.iter().map(|second| second.in_flight as f64).sum::<f64>() / count;
    let spread = seconds.iter().map(|second| (second.in_flight as f64 - seen).powi(2)).sum::<f64>();
    let error = (spread / (count - 1.0) / count).sqrt();
    let of_cell = |histogram: &LatencyHistogram| {
        histogram.mean().unwrap_or_default().as_secs_f64() * histogram.count() as f64
    };
    let busy: f64 = seconds.iter().flat_map(|second| &second.cells).map(|cell| of_cell(&cell.service)).sum();
    let held: Duration = seconds.iter().map(|second| second.held).sum();
    let wanted = (busy + held.as_secs_f64()) / count;
    let at_the_ends = [seconds.first(), seconds.last()].into_iter().flatten().map(|second| second.in_flight);
    let cut = at_the_ends.max().unwrap_or(0) as f64 * longest.as_secs_f64().min(count) / count;
    // It is looked at once a second only: three standard errors of the mean, and one call.
    let allowed = (LITTLE * wanted).max(3.0 * error).max(1.0) + cut;
    Some(GeneratorCheck::new(
        "calls in flight",
        format!("{seen:.1}"),
        format!("{wanted:.1} (rate x service time) +- {allowed:.1}"),
        Some((seen - wanted).abs() <= allowed),
    ))
}

/// The longest call that ended in `seconds`.
fn longest(seconds: &[Second]) -> Duration {
    let cells = seconds.iter().flat_map(|second| &second.cells);
    cells.filter_map(|cell| cell.service.max()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{BadMoments, Cell, GeneratorSecond, Phase};
    use crate::plan::Threshold;
    use crate::plan::{ClosedLoad, Load, LoadModel, RateStage, Spacing, StepId};
    use crate::slo::judge::tests::plan;

    const SECONDS: u32 = 20;
    const RATE: u64 = 100;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn many(latency: Duration, count: u64) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new();
        histogram.record_n(latency, count);
        histogram
    }

    fn open_plan() -> Plan {
        let stage = RateStage { duration: Duration::from_secs(u64::from(SECONDS)), rate: RATE as f64 };
        let jump = RateStage { duration: Duration::ZERO, ..stage };
        let open = OpenLoad {
            stages: vec![jump, stage],
            spacing: Spacing::Constant,
            burst: 1,
            users: 1,
            max_users: 10,
        };
        let load = Load {
            model: LoadModel::Open(open),
            warm_up: Duration::from_secs(2),
            idle_streams: 0,
            stage_names: Vec::new(),
        };
        Plan { load, thresholds: vec![Threshold::response(ms(100))], ..plan() }
    }

    /// A second in which all is well: 100 calls of 50 ms, so 5 in flight.
    fn second(number: u32) -> Second {
        let cell = Cell {
            step: StepId(0),
            phase: Phase::Steady,
            outcome: Outcome::Ok,
            count: RATE,
            over: Vec::new(),
            service: many(ms(50), RATE),
            response: None,
            lag: None,
            bad_at: BadMoments::default(),
        };
        Second {
            second: number,
            planned: RATE,
            in_flight: 5,
            waiting: 0,
            users: 10,
            pacing: Some(many(Duration::from_micros(80), RATE)),
            left_open: 0,
            resumed: 0,
            held: Duration::ZERO,
            strays: crate::model::Strays::default(),
            echoed: 0,
            messages: crate::model::Messages::default(),
            streams: Vec::new(),
            sessions: None,
            idle: None,
            outputs: Vec::new(),
            generator: Some(GeneratorSecond {
                cpu: Some(0.3),
                machine: None,
                steal: Some(0.0),
                throttled: Some(0),
                heartbeat: many(Duration::from_micros(100), 200),
            }),
            cells: vec![cell],
            errors: Vec::new(),
        }
    }

    /// The names of the checks that fail when each steady second is changed by `change`.
    fn failing(plan: &Plan, change: impl Fn(&mut Second)) -> Vec<String> {
        let mut seconds: Vec<Second> = (0..SECONDS).map(second).collect();
        seconds[2..].iter_mut().for_each(change);
        let checks = checked(plan, &seconds, None);
        checks.into_iter().filter(|check| check.holds == Some(false)).map(|check| check.name).collect()
    }

    fn generator(second: &mut Second) -> &mut GeneratorSecond {
        second.generator.as_mut().unwrap()
    }

    /// The checks of a load that was carried out.
    fn checked(plan: &Plan, seconds: &[Second], floor: Option<&Floor>) -> Vec<GeneratorCheck> {
        let steady = plan.load.warm_up.as_secs_f64()..plan.load.duration().as_secs_f64();
        check_generator(plan, seconds, &Aggregates::of(seconds), &steady, floor)
    }

    #[test]
    fn a_generator_that_is_well_holds_every_check() {
        assert_eq!(failing(&open_plan(), |_| ()), [""; 0]);
    }

    #[test]
    fn each_failing_is_told_by_its_name() {
        let plan = open_plan();
        // 5 % of the objective of 100 ms.
        let late = |second: &mut Second| second.pacing = Some(many(ms(6), RATE));
        assert_eq!(failing(&plan, late), ["delay of what was due, p99"]);
        let fewer = |second: &mut Second| second.pacing = Some(many(ms(1), RATE - 3));
        assert_eq!(failing(&plan, fewer), ["offered load"]);
        let slow = |second: &mut Second| generator(second).heartbeat = many(ms(6), 200);
        assert_eq!(failing(&plan, slow), ["heartbeat delay p99"]);
        let busy = |second: &mut Second| generator(second).cpu = Some(0.71);
        assert_eq!(failing(&plan, busy), ["own CPU, busiest 5 s"]);
        assert_eq!(failing(&plan, |second| generator(second).throttled = Some(1)), ["throttled periods"]);
        let lost = |second: &mut Second| second.in_flight = 7;
        assert_eq!(failing(&plan, lost), ["calls in flight"]);
        let no_socket = |second: &mut Second| second.cells[0].outcome = NO_SOCKET;
        assert_eq!(failing(&plan, no_socket), ["calls without a socket"]);
    }

    #[test]
    fn calls_that_are_cut_by_the_ends_of_the_phase_are_not_lost() {
        // Four users whose calls take 5 s: in ten seconds each has ended one, and is in the middle of another.
        let seconds: Vec<Second> = (0..10)
            .map(|number| {
                let mut second = second(number);
                second.in_flight = 4;
                second.cells[0].service = many(ms(5_000), if number == 5 { 4 } else { 0 });
                second
            })
            .collect();
        let checked = in_flight(&seconds, longest(&seconds)).unwrap();
        assert_eq!(checked.holds, Some(true), "{checked:?}");
        let checked = in_flight(&seconds, ms(50)).unwrap();
        assert_eq!(checked.holds, Some(false), "calls of 50 ms explain nothing: {checked:?}");
    }

    #[test]
    fn what_waits_for_an_overloaded_generator_is_not_the_targets_fault() {
        let decisive = |waiting| {
            let mut seconds: Vec<Second> = (0..SECONDS).map(second).collect();
            for second in &mut seconds {
                second.waiting = waiting;
                generator(second).cpu = Some(0.9);
            }
            let checks = checked(&open_plan(), &seconds, None);
            checks.iter().any(|check| check.holds == Some(false) && check.decisive)
        };
        assert!(decisive(1) && !decisive(0));
    }

    #[test]
    fn a_generator_that_stood_still_missed_its_beats() {
        let stood_still = |second: &mut Second| {
            if second.second == 7 {
                generator(second).heartbeat.record(Duration::from_secs(3));
            }
        };
        assert_eq!(failing(&open_plan(), stood_still), ["heartbeat delay p99"]);
    }

    #[test]
    fn a_moment_of_load_is_no_overload() {
        let busy = |second: &mut Second| {
            if second.second.is_multiple_of(5) {
                generator(second).cpu = Some(1.0);
            }
        };
        assert_eq!(failing(&open_plan(), busy), [""; 0]);
    }

    #[test]
    fn a_floor_that_is_not_low_beside_the_limit_does_not_hold() {
        let measured = |p99, calls, waited| {
            let floor = Floor { calls, p99, waited, length: Duration::from_secs(5) };
            let seconds = [second(2)];
            let checks = checked(&open_plan(), &seconds, Some(&floor));
            checks.into_iter().find(|check| check.name.starts_with("floor")).unwrap().holds
        };
        // The smallest limit is 100 ms.
        assert_eq!((measured(ms(10), 100, 0), measured(ms(11), 100, 0)), (Some(true), Some(false)));
        // A pool that ran dry, and no call at all, tell of no floor.
        assert_eq!((measured(ms(1), 100, 10), measured(ms(0), 0, 0)), (Some(false), Some(false)));
    }

    #[test]
    fn a_burst_at_the_end_of_a_second_may_be_counted_in_either() {
        let Load { model: LoadModel::Open(open), warm_up, idle_streams, stage_names } = open_plan().load
        else {
            unreachable!()
        };
        let open = OpenLoad { burst: 50, ..open };
        let plan = Plan {
            load: Load { model: LoadModel::Open(open), warm_up, idle_streams, stage_names },
            ..open_plan()
        };
        // Half of what is due each second is due at its very beginning.
        let failing = |given: &[u64]| {
            let mut seconds: Vec<Second> = (0..SECONDS).map(second).collect();
            for (second, given) in seconds[2..].iter_mut().zip(given.iter().cycle()) {
                second.pacing = Some(many(Duration::from_micros(80), *given));
            }
            let checks = checked(&plan, &seconds, None);
            checks.iter().any(|check| check.name == "offered load" && check.holds == Some(false))
        };
        assert!(!failing(&[150, 50]) && !failing(&[50, 150]) && !failing(&[100]));
        assert!(failing(&[90]) && failing(&[20, 180]));
    }

    #[test]
    fn what_gander_may_have_added_is_its_latest_delays() {
        let mut seconds: Vec<Second> = (0..SECONDS).map(second).collect();
        seconds[5].pacing = Some(many(ms(30), 1));
        generator(&mut seconds[9]).heartbeat = many(ms(20), 1);
        let late = |from: f64| own_lateness(&seconds, &(from..f64::from(SECONDS)));
        assert!(late(2.0).abs_diff(ms(70)) < ms(1), "{:?}", late(2.0));
        assert!(late(10.0) < ms(1));
    }

    #[test]
    fn what_was_due_after_the_load_was_stopped_is_not_asked_for() {
        let mut seconds: Vec<Second> = (0..SECONDS).map(second).collect();
        // Stopped at 6.3 s; what was in flight then took until the second after.
        seconds.truncate(8);
        seconds[6].pacing = Some(many(Duration::from_micros(80), 30));
        seconds[7].pacing = None;
        let offered = |end| {
            let checks =
                check_generator(&open_plan(), &seconds, &Aggregates::of(&seconds), &(2.0..end), None);
            checks.into_iter().find(|check| check.name == "offered load").unwrap().holds
        };
        assert_eq!(offered(6.3), Some(true));
        assert_eq!(offered(f64::from(SECONDS)), Some(false));
    }

    #[test]
    fn calls_that_wait_on_a_machine_without_time_prove_nothing() {
        let failing = |waiting, busy| {
            let mut seconds: Vec<Second> = (0..SECONDS).map(second).collect();
            for second in &mut seconds {
                second.waiting = waiting;
                generator(second).machine = Some(busy);
            }
            let checks = checked(&open_plan(), &seconds, None);
            checks.iter().any(|check| check.holds == Some(false) && check.decisive)
        };
        assert!(failing(RATE, 0.99));
        assert!(!failing(RATE, 0.6), "a slow target on a machine that has time is a finding");
        assert!(!failing(0, 1.0), "a busy machine that keeps the load has kept it");
    }

    #[test]
    fn a_load_too_short_for_a_whole_second_is_looked_at_all_the_same() {
        let mut first = second(0);
        generator(&mut first).cpu = Some(0.9);
        let seconds = [first];
        let steady = 0.1..0.9;
        let checks = check_generator(&open_plan(), &seconds, &Aggregates::of(&seconds), &steady, None);
        let cpu = checks.iter().find(|check| check.name.starts_with("own CPU")).unwrap();
        assert_eq!(cpu.holds, Some(false));
    }

    #[test]
    fn what_was_not_watched_is_not_judged() {
        let mut seconds: Vec<Second> = (0..SECONDS).map(second).collect();
        for second in &mut seconds {
            second.generator = None;
        }
        let checks = checked(&open_plan(), &seconds, None);
        assert_eq!((checks.len(), generator_finding(&checks)), (0, None));
        let closed = ClosedLoad { stages: Vec::new(), think_time: crate::plan::ThinkTime::Constant(ms(1)) };
        let plan =
            Plan { load: Load { model: LoadModel::Closed(closed), ..open_plan().load }, ..open_plan() };
        let one = [second(0)];
        let checks = checked(&plan, &one, None);
        assert!(checks.iter().all(|check| check.holds != Some(false)), "{checks:?}");
        assert_eq!(generator_finding(&checks).unwrap().verdict, Verdict::Pass);
    }
}
