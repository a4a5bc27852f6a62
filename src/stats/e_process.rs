//! Evidence that a share is above a budget which may be looked at as often as one likes: a beta-binomial mixture e-process (Robbins,
//! Statistical Methods Related to the Law of the Iterated Logarithm, 1970; Ramdas et al., Game-Theoretic Statistics and Safe Anytime-Valid
//! Inference, 2023).
//!
//! The likelihood of the calls so far where a share `p` of them is bad, over that where the budget is, averaged over a beta distribution of
//! `p` that is cut off below the budget. For each `p` above the budget this ratio does not grow on average as long as the true share is
//! within it, so neither does their mean (cut off it has to be: a ratio with a smaller `p` would grow). By Ville's inequality it ever reaches
//! `1/a` in at most a share `a` of all runs that are within the budget, whenever one looks.

use statrs::function::gamma::ln_gamma;

use super::binomial::lower_tail;

/// The mean of the mixture before it is cut off, in budgets: what is soonest told apart is a share about so large.
const BUDGETS: f64 = 3.0;

/// The e-process of one budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EProcess {
    budget: f64,
    /// The mixture is Beta(1, `spread`).
    spread: f64,
    /// What the mixture has above the budget.
    ln_prior: f64,
}

impl EProcess {
    /// Of a budget between 0 and 1, both not included.
    pub fn new(budget: f64) -> Self {
        let spread = (1.0 / (BUDGETS * budget) - 1.0).max(1.0);
        Self { budget, spread, ln_prior: ln_beta_above(1.0, spread, budget) }
    }

    /// The logarithm of the e-value of `bad` out of `calls`, which need not be whole.
    pub fn ln_e(&self, calls: f64, bad: f64) -> f64 {
        let good = (calls - bad).max(0.0);
        let mixed = ln_beta_above(1.0 + bad, self.spread + good, self.budget) - self.ln_prior;
        mixed - bad * self.budget.ln() - good * (-self.budget).ln_1p()
    }
}

/// The logarithm of the integral of `p^(a-1) (1-p)^(b-1)` from `from` to 1.
fn ln_beta_above(a: f64, b: f64, from: f64) -> f64 {
    let whole = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    // The share of Beta(a, b) above `from` is the binomial tail that Clopper and Pearson invert.
    whole + lower_tail(a + b - 1.0, a - 1.0, from).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CounterRng;

    /// The integral itself, by Simpson's rule.
    fn integrated(budget: f64, calls: f64, bad: f64) -> f64 {
        const STEPS: u32 = 20_000;
        let spread = (1.0 / (BUDGETS * budget) - 1.0).max(1.0);
        let width = (1.0 - budget) / f64::from(STEPS);
        let sum = |of: &dyn Fn(f64) -> f64| {
            (0..=STEPS)
                .map(|step| {
                    let weight = match step {
                        0 | STEPS => 1.0,
                        odd if odd % 2 == 1 => 4.0,
                        _ => 2.0,
                    };
                    weight * of(budget + f64::from(step) * width)
                })
                .sum::<f64>()
        };
        let prior = |p: f64| (1.0 - p).powf(spread - 1.0);
        let ratio = |p: f64| {
            let good = calls - bad;
            // Where none is good, none contradicts that all are bad.
            let of_good = if good > 0.0 { good * ((1.0 - p) / (1.0 - budget)).ln() } else { 0.0 };
            (bad * (p / budget).ln() + of_good).exp()
        };
        sum(&|p| prior(p) * ratio(p)) / sum(&prior)
    }

    #[track_caller]
    fn check(budget: f64, calls: f64, bad: f64) {
        let (found, expected) =
            (EProcess::new(budget).ln_e(calls, bad).exp(), integrated(budget, calls, bad));
        assert!(
            (found / expected - 1.0).abs() < 1e-3,
            "{bad} of {calls} at {budget}: {found} for {expected}"
        );
    }

    #[test]
    fn it_is_the_mean_of_the_likelihood_ratios() {
        for (budget, calls, bad) in [
            (0.05, 0.0, 0.0),
            (0.05, 10.0, 0.0),
            (0.05, 10.0, 1.0),
            (0.05, 100.0, 15.0),
            (0.05, 37.5, 4.25),
            (0.01, 500.0, 5.0),
            (0.01, 500.0, 20.0),
            (0.2, 30.0, 12.0),
            (0.5, 20.0, 18.0),
        ] {
            check(budget, calls, bad);
        }
    }

    #[test]
    fn without_calls_there_is_no_evidence() {
        assert!(EProcess::new(0.05).ln_e(0.0, 0.0).abs() < 1e-12);
    }

    /// At the budget, and below it, its mean over all that can happen is 1 at the most, after any number of calls.
    #[test]
    fn it_does_not_grow_on_average_while_the_budget_is_kept() {
        for budget in [0.01, 0.05, 0.3] {
            let process = EProcess::new(budget);
            for share in [budget, budget * 0.7, budget * 0.1] {
                for calls in [1, 5, 40, 150] {
                    let mut mean = 0.0;
                    let n = f64::from(calls);
                    for bad in 0..=calls {
                        let k = f64::from(bad);
                        let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
                        let ln = ways + k * share.ln() + (n - k) * (1.0 - share).ln();
                        mean += (ln + process.ln_e(n, k)).exp();
                    }
                    assert!(mean <= 1.0 + 1e-6, "{mean} after {calls} calls at {share} of {budget}");
                    assert!(share < budget || mean > 1.0 - 1e-6, "{mean} after {calls} calls at {budget}");
                }
            }
        }
    }

    #[test]
    fn independent_calls_at_the_budget_seldom_reach_20_however_often_one_looks() {
        const RUNS: u32 = 500;
        let process = EProcess::new(0.05);
        let reaches = |run: u32| {
            let mut rng = CounterRng::new(u64::from(run), 0);
            let mut bad = 0.0;
            (1..=3000u32).any(|calls| {
                bad += f64::from(u8::from(rng.unit() < 0.05));
                calls % 10 == 0 && process.ln_e(f64::from(calls), bad) >= 20f64.ln()
            })
        };
        let count = (0..RUNS).filter(|&run| reaches(run)).count();
        assert!(count <= 25, "{count} of {RUNS}");
        assert!(count > 0, "it is never near 20: the test proves nothing");
    }

    #[test]
    fn large_counts_stay_finite() {
        let process = EProcess::new(0.01);
        assert!(process.ln_e(1e7, 1e7) > 1e6);
        assert!(process.ln_e(1e7, 0.0) < -10.0);
        assert!(!process.ln_e(1e7, 5e4).is_nan());
    }
}
