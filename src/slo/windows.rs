//! Objectives that are to hold in each window of so many seconds, sliding by one second over the steady phase.
//!
//! What such an objective speaks of is what the target was like in these very seconds, so bursts are not averaged out, and chance is only in
//! which calls met its bad moments: each window is tested by itself, with the exact binomial test and without any division for bursts.
//! - FAIL where more windows than are tolerated break the budget beyond chance, at 5 % over all windows together (Bonferroni: sliding windows
//!   share calls, and this holds whatever they share).
//! - PASS where all but the tolerated ones are shown to keep it. One alone that does not keep it is taken for kept in 5 % of runs, so each is
//!   tested at 5 %; where `t` are tolerated, at 5 % / (t + 1), because `t + 1` may break it and one such error is enough.
//! - else INCONCLUSIVE: too few calls in a window, or too close.
//!
//! Calls belong to the second in which they ended. What was due in the steady phase and ended after its last whole second (or before its
//! first) counts for that one: no late call is lost between windows and the end. A throughput is a count, not a sample: it is kept where
//! enough windows keep it plainly, and fails where windows are below it by more than calls that come at random (Poisson) are.

use std::ops::Range;

use super::bursts::{Bad, counted};
use super::draft::Draft;
use super::evidence::{exact_percent, rounded, without_binary_noise};
use super::judge::{Latency, Measurements, is_in, judge_one};
use super::queried::SteadyScrapes;
use super::{Finding, InEvery, Indicator, Objective, Terms, Tolerance, stream};
use crate::metrics::{Aggregates, CourseSecond, Second, StreamLimit};
use crate::model::{Outcome, Verdict, format_count, format_ratio};
use crate::plan::Role;
use crate::stats::binomial::{SIGNIFICANCE, lower_tail, upper_bound, upper_tail};

/// Calls of so many seconds that are nearly all without a call which counts have the Poisson distribution.
const MANY: f64 = 1e9;

/// One window and what its calls prove.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    /// Its first second, from the start of the load.
    from: u32,
    calls: u64,
    bad: u64,
    /// In which share of such windows at the budget so many bad calls would be seen; 1 where it is plainly within.
    p_value: f64,
    /// In which share so few would; 1 where it is plainly outside, or without calls.
    p_value_of_pass: f64,
}

/// The windows of a run, and the budget of each.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    /// In order; never none.
    list: Vec<Window>,
    seconds: u32,
    tolerated: usize,
    budget: f64,
    /// In a few words, what a bad call is.
    what: &'static str,
    /// What else is to be told.
    pub(super) more: String,
    /// The p-value that a FAIL must not exceed: less than 5 % where several objectives are tested at once.
    pub(super) level: f64,
}

/// Judges an objective that is to hold `in_every` window.
pub(super) fn judge(
    objective: &Objective,
    in_every: InEvery,
    run: &Measurements<'_>,
    scrapes: &SteadyScrapes<'_>,
) -> Draft {
    let plain = Objective { terms: Terms { in_every: None, ..objective.terms.clone() }, ..objective.clone() };
    let whole = run.whole_seconds();
    let over_all = judge_one(&plain, run, scrapes);
    let blank = named(over_all.finding().clone(), in_every);
    let found = u64::from(whole.end.saturating_sub(whole.start));
    let needed = u64::from(in_every.seconds);
    if found < needed {
        return Draft::found(too_short(blank, found, needed));
    }
    let (counts, budget) = match &objective.indicator {
        Indicator::Latency { clock, share, within } => {
            let place =
                Latency { clock: *clock, share: *share, within: *within }.threshold(&run.plan.thresholds);
            let bad = Bad::Late { clock: *clock, within: *within, place };
            (by_second(run, &whole, counted(run.plan, &objective.scope, bad)), 1.0 - share)
        }
        Indicator::ErrorRatio { at_most } => {
            (by_second(run, &whole, counted(run.plan, &objective.scope, Bad::Failed)), *at_most)
        }
        Indicator::Stream { clock, share, within } => {
            let limit = StreamLimit { clock: *clock, within: *within };
            let answers = stream::Answers::of(&objective.scope, limit, run);
            (by_second(run, &whole, |second| answers.among(second, limit)), 1.0 - share)
        }
        Indicator::Throughput { at_least } => {
            return Draft::found(throughput(blank, objective, in_every, *at_least, run));
        }
        // The file's reader refuses it.
        Indicator::Metric(_) | Indicator::Promql(_) | Indicator::Events(_) => return over_all,
    };
    let Some((what, _)) = over_all.told() else { return Draft::found(blank) };
    let mut windows = Windows::of(&counts, whole.start, in_every, without_binary_noise(budget), what);
    let inside = inside(windows.worst(), &whole, in_every.seconds, run);
    let aggregates = Aggregates::of(&inside);
    let worst = judge_one(&plain, &Measurements { aggregates: &aggregates, seconds: &[], ..*run }, scrapes);
    windows.more = worst.told().map(|(_, more)| more.to_owned()).unwrap_or_default();
    let Finding { value, value_number, .. } = worst.finding().clone();
    Draft::in_windows(Finding { value, value_number, ..blank }, windows)
}

/// The seconds that count for one window.
fn inside(window: &Window, whole: &Range<u32>, length: u32, run: &Measurements<'_>) -> Vec<Second> {
    let held = window.from..window.from + length;
    run.seconds.iter().filter(|second| held.contains(&place(second, whole))).cloned().collect()
}

/// The whole second for which the calls of `second` count.
fn place(second: &Second, whole: &Range<u32>) -> u32 {
    second.second.clamp(whole.start, whole.end - 1)
}

/// The calls of each whole second of the steady phase, and those around them.
fn by_second(
    run: &Measurements<'_>,
    whole: &Range<u32>,
    of: impl Fn(&Second) -> CourseSecond,
) -> Vec<CourseSecond> {
    let mut counts = vec![CourseSecond::default(); (whole.end - whole.start) as usize];
    for second in run.seconds {
        counts[(place(second, whole) - whole.start) as usize].add(of(second));
    }
    counts
}

/// The sums of `counts` over windows of `length`, each one further than the one before.
fn sums(counts: impl Iterator<Item = u64> + Clone, length: usize) -> Vec<u64> {
    let mut sum = 0;
    let leaving = std::iter::repeat_n(0, length).chain(counts.clone());
    let sums = counts.zip(leaving).map(|(enters, leaves)| {
        sum = sum + enters - leaves;
        sum
    });
    sums.skip(length - 1).collect()
}

/// The limit says in which pieces it holds: in tables that is the column which is never cut off.
fn named(finding: Finding, in_every: InEvery) -> Finding {
    let InEvery { seconds, tolerance } = in_every;
    let but = match tolerance {
        tolerance if tolerance.is_none() => String::new(),
        Tolerance::Share(share) => format!(" but {}", exact_percent(share)),
        Tolerance::Windows(count) => format!(" but {count}"),
    };
    Finding { limit: format!("{} in every {seconds} s{but}", finding.limit), ..finding }
}

fn too_short(finding: Finding, found: u64, needed: u64) -> Finding {
    Finding {
        verdict: Verdict::Inconclusive,
        value: "no data".to_owned(),
        value_number: None,
        within_limit: None,
        samples: 0,
        because: format!(
            "the steady phase has {found} whole seconds, and a window {needed}: make the load {} s longer",
            needed - found
        ),
        ..finding
    }
}

fn throughput(
    finding: Finding,
    objective: &Objective,
    in_every: InEvery,
    at_least: f64,
    run: &Measurements<'_>,
) -> Finding {
    let whole = run.whole_seconds();
    let mut counts = vec![0; (whole.end - whole.start) as usize];
    for second in run.seconds.iter().filter(|second| whole.contains(&second.second)) {
        let is_wanted = |step| {
            let step = run.plan.step(step);
            step.role == Role::Load && is_in(&objective.scope, step)
        };
        let good = second.cells.iter().filter(|cell| cell.outcome == Outcome::Ok && is_wanted(cell.step));
        counts[(second.second - whole.start) as usize] += good.map(|cell| cell.count).sum::<u64>();
    }
    let length = in_every.seconds;
    let windows = sums(counts.iter().copied(), length as usize);
    let (tolerated, needed) = (in_every.tolerance.of(windows.len()), at_least * f64::from(length));
    let is_short = |count: u64| (count as f64) < needed * (1.0 - 1e-12);
    let below = windows.iter().filter(|&&count| is_short(count)).count();
    let by_chance = |&count: &u64| {
        if is_short(count) { lower_tail(MANY, count as f64, needed / MANY) } else { 1.0 }
    };
    let kept = below <= tolerated;
    let verdict = if kept {
        Verdict::Pass
    } else if of_all(windows.iter().map(by_chance), tolerated) <= SIGNIFICANCE {
        Verdict::Fail
    } else {
        Verdict::Inconclusive
    };
    let (worst, &fewest) =
        windows.iter().enumerate().min_by_key(|(_, count)| **count).expect("a window at least");
    let from = whole.start as usize + worst;
    let rate = fewest as f64 / f64::from(length);
    let chance = match verdict {
        Verdict::Inconclusive => "; no further below it than calls that come at random may be",
        Verdict::Pass | Verdict::Fail | Verdict::Invalid => "",
    };
    let because = format!(
        "{} below {at_least}/s{}; worst {from} s to {} s: {} calls succeeded, {} needed{chance}",
        of_windows(below, windows.len(), length),
        tolerated_words(tolerated),
        from + length as usize,
        format_count(fewest),
        without_binary_noise(needed)
    );
    Finding {
        verdict,
        value: format!("{rate:.2}/s"),
        value_number: Some(rate),
        within_limit: Some(kept),
        samples: fewest,
        because,
        ..finding
    }
}

/// The p-value of the statement that no more than `tolerated` windows break the limit, from that of each (Bonferroni).
fn of_all(p_values: impl Iterator<Item = f64>, tolerated: usize) -> f64 {
    let mut p_values: Vec<f64> = p_values.collect();
    p_values.sort_by(f64::total_cmp);
    p_values.get(tolerated).map_or(1.0, |p_value| (p_value * p_values.len() as f64).min(1.0))
}

/// The p-value at which a window is shown to keep its budget, where so many others may break it.
fn level_of_pass(tolerated: usize) -> f64 {
    SIGNIFICANCE / (tolerated as f64 + 1.0)
}

/// How many calls a window must have, none of them bad, to be shown to keep `budget` (above 0 and below 1).
pub(super) fn calls_needed(budget: f64, tolerated: usize) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of calls")]
    let needed = (level_of_pass(tolerated).ln() / (-budget).ln_1p()).ceil() as u64;
    needed
}

fn of_windows(count: usize, all: usize, seconds: u32) -> String {
    let plural = if all == 1 { "" } else { "s" };
    format!("{} of {} window{plural} of {seconds} s", format_count(count as u64), format_count(all as u64))
}

fn tolerated_words(tolerated: usize) -> String {
    if tolerated == 0 { String::new() } else { format!(" ({} tolerated)", format_count(tolerated as u64)) }
}

impl Window {
    fn new(from: u32, calls: u64, bad: u64, budget: f64) -> Self {
        let (n, k) = (calls as f64, bad as f64);
        let mut window = Self { from, calls, bad, p_value: 1.0, p_value_of_pass: 1.0 };
        if !window.is_within(budget) {
            window.p_value = upper_tail(n, k, budget);
        } else if budget <= 0.0 {
            // A budget of nothing is a statement about these calls.
            window.p_value_of_pass = if calls > 0 { 0.0 } else { 1.0 };
        } else {
            window.p_value_of_pass = lower_tail(n, k, budget);
        }
        window
    }

    /// The plain comparison; true without calls.
    fn is_within(&self, budget: f64) -> bool {
        self.bad as f64 <= budget * self.calls as f64 * (1.0 + 1e-12)
    }

    fn share(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.bad as f64 / self.calls as f64 }
    }
}

impl Windows {
    /// Of `counts`, a second each, the first of which is second number `first`; at least one window long.
    fn of(counts: &[CourseSecond], first: u32, in_every: InEvery, budget: f64, what: &'static str) -> Self {
        let length = in_every.seconds as usize;
        let calls = sums(counts.iter().map(|second| second.calls), length);
        let bad = sums(counts.iter().map(|second| second.bad), length);
        let list: Vec<Window> = (first..)
            .zip(calls.into_iter().zip(bad))
            .map(|(from, (calls, bad))| Window::new(from, calls, bad, budget))
            .collect();
        let tolerated = in_every.tolerance.of(list.len());
        let seconds = in_every.seconds;
        Self { list, seconds, tolerated, budget, what, more: String::new(), level: SIGNIFICANCE }
    }

    /// The one with the largest share of bad calls, and of those the one with the most calls.
    pub(super) fn worst_counts(&self) -> (u64, u64) {
        let worst = self.worst();
        (worst.calls, worst.bad)
    }

    fn worst(&self) -> &Window {
        let order = |a: &&Window, b: &&Window| {
            a.share().total_cmp(&b.share()).then(a.calls.cmp(&b.calls)).then(b.from.cmp(&a.from))
        };
        self.list.iter().max_by(order).expect("a window at least")
    }

    /// True where it is chance that the verdict is held against: not where nothing may fail.
    pub(super) fn is_tested(&self) -> bool {
        self.budget > 0.0 && self.budget < 1.0
    }

    /// In which share of runs that keep the objective so much would be seen against it, at the most.
    pub(super) fn p_value(&self) -> f64 {
        of_all(self.list.iter().map(|window| window.p_value), self.tolerated)
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.broken() > self.tolerated && self.p_value() <= self.level {
            Verdict::Fail
        } else if self.not_shown() <= self.tolerated {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        }
    }

    /// The plain comparison, without regard to chance.
    pub(super) fn is_within(&self) -> bool {
        self.broken() <= self.tolerated
    }

    fn broken(&self) -> usize {
        self.list.iter().filter(|window| !window.is_within(self.budget)).count()
    }

    fn level_of_pass(&self) -> f64 {
        level_of_pass(self.tolerated)
    }

    /// How many windows are not shown to keep the budget.
    fn not_shown(&self) -> usize {
        let level = self.level_of_pass();
        self.list.iter().filter(|window| window.p_value_of_pass > level).count()
    }

    /// Why the verdict is what it is.
    pub(super) fn because(&self) -> String {
        let worst = self.worst();
        format!(
            "{} outside the budget of {}{}; worst {} s to {} s: {} of {} calls {} ({}){}{}",
            of_windows(self.broken(), self.list.len(), self.seconds),
            exact_percent(self.budget),
            tolerated_words(self.tolerated),
            worst.from,
            worst.from + self.seconds,
            format_count(worst.bad),
            format_count(worst.calls),
            self.what,
            format_ratio(worst.share()),
            self.confidence(worst),
            self.more
        )
    }

    fn confidence(&self, worst: &Window) -> String {
        match self.verdict() {
            Verdict::Pass if self.budget <= 0.0 => {
                "; true of these calls, no sample proves it of all".to_owned()
            }
            Verdict::Fail if self.budget <= 0.0 => String::new(),
            Verdict::Pass if self.tolerated > 0 => {
                "; the others are shown to keep it with 95 % confidence".to_owned()
            }
            Verdict::Pass => {
                let bound = rounded(upper_bound(worst.calls as f64, worst.bad as f64), f64::ceil);
                format!(", at most {} with 95 % confidence", format_ratio(bound))
            }
            Verdict::Fail => {
                let level = self.level / self.list.len() as f64;
                let beyond = self.list.iter().filter(|window| window.p_value <= level).count();
                format!("; {} beyond chance, at 5 % over all windows", format_count(beyond as u64))
            }
            Verdict::Inconclusive | Verdict::Invalid => self.what_is_missing(),
        }
    }

    fn what_is_missing(&self) -> String {
        if !self.is_within() {
            return "; no further outside than chance over so many windows may bring about: more calls a second would settle it"
                .to_owned();
        }
        let shown = format_count(self.not_shown() as u64);
        let few = format!("; within the budget, but in {shown} windows that is not proven at 95 %");
        let fewest = self.list.iter().map(|window| window.calls).min().unwrap_or_default();
        let needed = calls_needed(self.budget, self.tolerated);
        if fewest >= needed {
            return format!("{few}: wider windows or more calls a second would settle it");
        }
        let needed = format_count(needed);
        let fewest = format_count(fewest);
        format!(
            "{few}: the smallest has {fewest} calls, and it takes {needed} without a bad one: make `in_every` longer, or more load"
        )
    }
}

#[cfg(test)]
mod tests;
