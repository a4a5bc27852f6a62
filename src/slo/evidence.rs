//! What a count of bad calls proves about a budget. Knows nothing of what makes a call bad.
//!
//! One-sided exact binomial tests at 95 %, after both counts are divided by what bursts leave of them: FAIL when so many bad
//! calls would be seen in at most 5 % of runs at the budget, PASS when so few would, else INCONCLUSIVE. A budget of zero is a
//! statement about the calls of this run, because no sample proves that a share is zero: one bad call fails it, none
//! passes it.

use std::time::Duration;

use super::bursts::Bursts;
use crate::model::{Verdict, format_count, format_duration, format_ratio};
use crate::stats::binomial::{SIGNIFICANCE, lower_bound, lower_tail, upper_bound, upper_tail};

/// Counts that are divided by less than this are told as they are.
const LEAST_TOLD: f64 = 1.05;

/// Some calls, how many of them were bad, and the share that may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    pub(super) calls: u64,
    pub(super) bad: u64,
    /// From 0 to 1.
    pub(super) budget: f64,
    /// How far they come in bursts.
    pub(super) bursts: Bursts,
    /// How long it took to make them, where that is known.
    pub(super) span: Option<Duration>,
    /// What was counted, in the plural.
    pub(super) noun: &'static str,
    /// So long bursts must not have been missed, for a PASS.
    pub(super) bursts_up_to: Option<Duration>,
    /// The p-value that a FAIL must not exceed: less than 5 % where several objectives are tested at once.
    pub(super) level: f64,
}

impl Evidence {
    /// Of calls that are independent, in a run with this objective alone.
    pub(super) fn new(calls: u64, bad: u64, budget: f64) -> Self {
        Self {
            calls,
            bad,
            budget,
            bursts: Bursts::NONE,
            span: None,
            noun: "calls",
            bursts_up_to: None,
            level: SIGNIFICANCE,
        }
    }

    /// The same, made in `span`.
    pub(super) fn over(self, span: Duration) -> Self {
        Self { span: Some(span), ..self }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let &Self { calls, bad, budget, .. } = self;
        if calls == 0 {
            Verdict::Inconclusive
        } else if bad == 0 && budget <= 0.0 || budget >= 1.0 {
            Verdict::Pass
        } else if self.p_value() <= self.level {
            Verdict::Fail
        } else if self.p_value_of_pass() <= SIGNIFICANCE && self.shows_bursts() {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        }
    }

    /// True where it is chance that the verdict is held against: not where nothing was called, or nothing may fail.
    pub(super) fn is_tested(&self) -> bool {
        self.calls > 0 && self.budget > 0.0 && self.budget < 1.0
    }

    /// In which share of runs at the budget so many bad calls would be seen.
    pub(super) fn p_value(&self) -> f64 {
        let (calls, bad) = self.divided_by(self.bursts.inflation.factor());
        upper_tail(calls, bad, self.budget)
    }

    /// In which share of runs at the budget so few bad calls would be seen.
    fn p_value_of_pass(&self) -> f64 {
        let (calls, bad) = self.divided_by(self.cautious());
        lower_tail(calls, bad, self.budget)
    }

    /// The longest bursts, of nothing but bad calls, that runs like this one miss altogether in at most 5 % of cases when they are at the
    /// budget: those of which three come in such a run on average (Poisson). `None` where it is not known how long the run was.
    fn longest_shown(&self) -> Option<Duration> {
        let span = self.span.filter(|_| self.is_tested())?;
        Some(span.mul_f64(self.budget / bursts_needed()))
    }

    /// True where bursts as long as asked for would hardly have been missed.
    fn shows_bursts(&self) -> bool {
        self.bursts_up_to.zip(self.longest_shown()).is_none_or(|(asked, shown)| shown >= asked)
    }

    fn cautious(&self) -> f64 {
        self.bursts.inflation.cautious(self.bad as f64)
    }

    fn divided_by(&self, factor: f64) -> (f64, f64) {
        (self.calls as f64 / factor, self.bad as f64 / factor)
    }

    /// The share of bad calls; 0 without calls.
    pub(super) fn share(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.bad as f64 / self.calls as f64 }
    }

    /// Why the verdict is what it is. `what` says in a few words what a bad call is.
    pub(super) fn because(&self, what: &str) -> String {
        let counts = format!(
            "{} of {} {} {what} ({}), budget {}",
            format_count(self.bad),
            format_count(self.calls),
            self.noun,
            format_ratio(self.share()),
            exact_percent(self.budget)
        );
        format!("{counts}{}", self.confidence())
    }

    fn confidence(&self) -> String {
        let factor = self.bursts.inflation.factor();
        match self.verdict() {
            Verdict::Pass if self.budget <= 0.0 => {
                format!("; true of these {}, no sample proves it of all", self.noun)
            }
            Verdict::Fail if self.budget <= 0.0 => String::new(),
            Verdict::Pass => {
                let (calls, bad) = self.divided_by(self.cautious());
                let bound = rounded(upper_bound(calls, bad), f64::ceil);
                let worth = self.worth(self.cautious());
                let bound = format_ratio(bound);
                format!("; at most {bound} with 95 % confidence{worth}{}", self.missed())
            }
            Verdict::Fail => {
                let (calls, bad) = self.divided_by(factor);
                let bound = rounded(lower_bound(calls, bad), f64::floor);
                format!("; at least {} with 95 % confidence{}", format_ratio(bound), self.worth(factor))
            }
            Verdict::Inconclusive | Verdict::Invalid => self.what_is_missing(),
        }
    }

    /// What the run may not have shown.
    fn missed(&self) -> String {
        let shown = self.longest_shown().map(format_duration);
        shown.map_or_else(String::new, |shown| format!("; bursts longer than {shown} may have been missed"))
    }

    fn what_is_missing(&self) -> String {
        let side = if self.is_within() { "within" } else { "outside" };
        let (proven, divisor) = if self.is_within() {
            let proven = match self.bursts_up_to.filter(|_| !self.shows_bursts()) {
                Some(asked) => format!("bursts of up to {} may have been missed", format_duration(asked)),
                None => "not proven at 95 %".to_owned(),
            };
            (proven, self.cautious())
        } else if self.p_value() <= SIGNIFICANCE {
            let proven = "not proven at 95 % beside the other objectives, of which one in many is outside by chance (Holm)";
            (proven.to_owned(), self.bursts.inflation.factor())
        } else {
            ("not proven at 95 %".to_owned(), self.bursts.inflation.factor())
        };
        let more = match self.more_calls() {
            Some(more) => {
                let calls = format!("about {} more {}", format_count(more), self.noun);
                let time =
                    self.time_for(more).map(|time| format!(" ({time} of this load)")).unwrap_or_default();
                format!("{calls}{time} would settle it (estimate)")
            }
            None => format!("too close to it for more {} to settle (estimate)", self.noun),
        };
        format!("; {side} the budget, but {proven}{}: {more}", self.worth(divisor))
    }

    /// What is left of the calls when they are divided by `divisor`; empty where that is all of them.
    fn worth(&self, divisor: f64) -> String {
        if divisor < LEAST_TOLD {
            return String::new();
        }
        let left = (self.calls as f64 / divisor).floor();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than the calls")]
        let left = format_count(left as u64);
        let note = if self.bursts.is_exact { "" } else { ", an estimate by whole seconds" };
        format!(" (bad {0} come in bursts: worth {left} independent {0}{note})", self.noun)
    }

    /// The plain comparison, without regard to chance. 29 of 100 is within 0.29, though 0.29 times 100 is less in
    /// binary.
    pub(super) fn is_within(&self) -> bool {
        self.bad as f64 <= self.budget * self.calls as f64 * (1.0 + 1e-12)
    }

    /// How many more calls would give a verdict, if the share of bad ones and their bursts stay as they are; `None` beyond 10^9.
    fn more_calls(&self) -> Option<u64> {
        const MOST: u64 = 1_000_000_000;
        let settled = |calls| self.scaled_to(calls).verdict() != Verdict::Inconclusive;
        let (mut short, mut enough) = (self.calls, self.calls);
        while !settled(enough) {
            short = enough;
            enough = enough.checked_mul(2).filter(|&calls| calls <= MOST)?;
        }
        while enough - short > 1 {
            let middle = u64::midpoint(short, enough);
            if settled(middle) { enough = middle } else { short = middle }
        }
        Some(enough - self.calls)
    }

    /// How long the same load takes to make `more` calls, in whole seconds.
    fn time_for(&self, more: u64) -> Option<String> {
        let span = self.span.filter(|span| !span.is_zero())?;
        let seconds = (span.as_secs_f64() * more as f64 / self.calls as f64).ceil();
        if seconds < 100.0 {
            return Some(format!("{seconds} s"));
        }
        Duration::try_from_secs_f64(seconds).ok().map(format_duration)
    }

    /// The same share of more calls, rounded towards the budget.
    fn scaled_to(&self, calls: u64) -> Self {
        let exact = u128::from(self.bad) * u128::from(calls);
        let of = u128::from(self.calls);
        let bad = if self.is_within() { exact.div_ceil(of) } else { exact / of };
        let span = self.span.map(|span| span.mul_f64(calls as f64 / self.calls as f64));
        Self { calls, bad: u64::try_from(bad).unwrap_or(calls), span, ..*self }
    }
}

/// How long a run at a budget must be for bursts that are so long to come often enough to be seen.
pub(super) fn span_that_shows(bursts: Duration, budget: f64) -> Duration {
    bursts.mul_f64(bursts_needed() / budget)
}

/// So many must be expected in a run for no more than 5 % of runs to have none (Poisson): three.
fn bursts_needed() -> f64 {
    -SIGNIFICANCE.ln()
}

/// A bound to the digits that are shown, by `towards`: rounding must not make it say more than is proven.
pub(super) fn rounded(bound: f64, towards: fn(f64) -> f64) -> f64 {
    let steps = if bound < 0.1 { 1e4 } else { 1e3 };
    // A bound that is a round number but for the noise of binary stays what it is.
    towards(without_binary_noise(bound * steps)) / steps
}

/// A ratio that a person wrote, as a percentage with all the digits it has.
pub(super) fn exact_percent(ratio: f64) -> String {
    format!("{} %", without_binary_noise(ratio * 100.0))
}

/// 0.050000000000000044 is 0.05: what a decimal was before arithmetic in binary.
pub(super) fn without_binary_noise(number: f64) -> f64 {
    (number * 1e10).round() / 1e10
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::CounterRng;

    #[track_caller]
    fn check(calls: u64, bad: u64, budget: f64, verdict: Verdict, because: &str) {
        let evidence = Evidence::new(calls, bad, budget);
        assert_eq!((evidence.verdict(), evidence.because("failed").as_str()), (verdict, because));
    }

    #[test]
    fn the_sentence_says_what_the_numbers_prove() {
        check(
            1240,
            31,
            0.05,
            Verdict::Pass,
            "31 of 1,240 calls failed (2.50 %), budget 5 %; at most 3.36 % with 95 % confidence",
        );
        check(
            1000,
            80,
            0.05,
            Verdict::Fail,
            "80 of 1,000 calls failed (8 %), budget 5 %; at least 6.63 % with 95 % confidence",
        );
        check(
            100,
            0,
            0.01,
            Verdict::Inconclusive,
            "0 of 100 calls failed (0 %), budget 1 %; within the budget, but not proven at 95 %: \
             about 199 more calls would settle it (estimate)",
        );
        check(
            100,
            5,
            0.05,
            Verdict::Inconclusive,
            "5 of 100 calls failed (5 %), budget 5 %; within the budget, but not proven at 95 %: \
             too close to it for more calls to settle (estimate)",
        );
        check(
            100,
            7,
            0.05,
            Verdict::Inconclusive,
            "7 of 100 calls failed (7 %), budget 5 %; outside the budget, but not proven at 95 %: \
             about 300 more calls would settle it (estimate)",
        );
    }

    #[test]
    fn a_pass_says_which_bursts_it_may_have_missed() {
        let span = Some(Duration::from_secs(60));
        let plain = Evidence { span, ..Evidence::new(3000, 0, 0.05) };
        let told = "0 of 3,000 calls failed (0 %), budget 5 %; at most 0.10 % with 95 % confidence; \
                    bursts longer than 1.00 s may have been missed";
        assert_eq!((plain.verdict(), plain.because("failed").as_str()), (Verdict::Pass, told));
        // Three bursts of 1 s, of bad calls alone, are 5 % of a minute.
        let asked = |seconds| Evidence { bursts_up_to: Some(Duration::from_secs(seconds)), ..plain };
        assert_eq!(asked(1).verdict(), Verdict::Pass);
        let told = "0 of 3,000 calls failed (0 %), budget 5 %; within the budget, but bursts of up to 2.00 s may \
                    have been missed: about 2,992 more calls (60 s of this load) would settle it (estimate)";
        assert_eq!((asked(2).verdict(), asked(2).because("failed").as_str()), (Verdict::Inconclusive, told));
        // A FAIL is no matter of what was missed.
        assert_eq!(Evidence { bad: 300, ..asked(2) }.verdict(), Verdict::Fail);
    }

    #[test]
    fn a_budget_of_zero_speaks_of_these_calls() {
        let proven =
            "0 of 10 calls failed (0 %), budget 0 %; true of these calls, no sample proves it of all";
        check(10, 0, 0.0, Verdict::Pass, proven);
        check(10, 1, 0.0, Verdict::Fail, "1 of 10 calls failed (10 %), budget 0 %");
    }

    #[test]
    fn the_least_calls_that_prove_a_p99_are_299() {
        let verdict = |calls| Evidence::new(calls, 0, 0.01).verdict();
        assert_eq!((verdict(298), verdict(299)), (Verdict::Inconclusive, Verdict::Pass));
    }

    #[test]
    fn a_budget_of_everything_is_always_kept() {
        assert_eq!(Evidence::new(3, 3, 1.0).verdict(), Verdict::Pass);
        assert_eq!(Evidence::new(0, 0, 1.0).verdict(), Verdict::Inconclusive);
    }

    #[test]
    fn a_target_at_the_limit_is_misjudged_in_at_most_one_run_of_twenty() {
        const RUNS: usize = 2000;
        let mut rng = CounterRng::new(1, 0);
        for (calls, budget) in [(100, 0.05), (700, 0.05), (700, 0.01)] {
            let mut verdicts = Vec::new();
            for _ in 0..RUNS {
                let bad = (0..calls).filter(|_| rng.unit() < budget).count() as u64;
                verdicts.push(Evidence::new(calls, bad, budget).verdict());
            }
            for wrong in [Verdict::Fail, Verdict::Pass] {
                let share = verdicts.iter().filter(|&&verdict| verdict == wrong).count() as f64 / RUNS as f64;
                assert!(share <= 0.05, "{share} of the runs with {calls} calls at {budget} were {wrong}");
            }
            let any = verdicts.iter().any(|&verdict| verdict != Verdict::Inconclusive);
            assert!(any || calls == 100, "a test that never decides proves nothing");
        }
    }

    proptest! {
        #[test]
        fn a_smaller_budget_never_turns_fail_into_pass(calls in 1u64..5000, share in 0.0f64..0.2,
                                                       budget in 0.0f64..0.2, part in 0.0f64..1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below `calls`")]
            let bad = (share * calls as f64) as u64;
            let lax = Evidence::new(calls, bad, budget);
            let strict = Evidence { budget: budget * part, ..lax };
            prop_assert!(lax.verdict() != Verdict::Fail || strict.verdict() != Verdict::Pass);
        }
    }
}
