//! Exact evidence about a share: binomial tails, and the one-sided Clopper-Pearson bounds that invert them.
//!
//! The tail is the regularised incomplete beta function. `statrs` sums 140 terms of its continued fraction, which
//! is too few beyond some 10,000 calls, so the fraction is summed here until it stands (about the square root of
//! `n` terms), with Loader's saddle-point form of the leading factor (Fast and Accurate Computation of Binomial
//! Probabilities, 2000), which loses no digits up to 10^9 calls.
//!
//! Counts need not be whole: those of calls that were divided by a variance inflation factor are taken as the beta function takes
//! them (Korn and Graubard, Survey Methodology 24, 1998).

use statrs::function::gamma::ln_gamma;

/// One-sided significance of every bound here: 95 % confidence.
pub const SIGNIFICANCE: f64 = 0.05;

/// P(X >= k) where X counts the bad among `n` calls that are each bad with probability `p`.
pub fn upper_tail(n: f64, k: f64, p: f64) -> f64 {
    tail(n, k, p, 1.0 - p)
}

/// P(X <= k) where X counts the bad among `n` calls that are each bad with probability `p`.
pub fn lower_tail(n: f64, k: f64, p: f64) -> f64 {
    if k >= n { 1.0 } else { tail(n, n - k, 1.0 - p, p) }
}

/// The largest share that `bad` of `n` calls do not contradict at 95 %; 1 without calls.
pub fn upper_bound(n: f64, bad: f64) -> f64 {
    if bad >= n { 1.0 } else { invert(|share| lower_tail(n, bad, share) > SIGNIFICANCE) }
}

/// The smallest share that `bad` of `n` calls do not contradict at 95 %; 0 without bad calls.
pub fn lower_bound(n: f64, bad: f64) -> f64 {
    if bad <= 0.0 { 0.0 } else { invert(|share| upper_tail(n, bad, share) <= SIGNIFICANCE) }
}

/// Where `holds`, true at first, becomes false between 0 and 1.
fn invert(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high || (high - low) < 1e-12 * high {
            return middle;
        }
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// P(X >= k), with `q` the complement of `p`: whichever is small is exact.
fn tail(n: f64, k: f64, p: f64, q: f64) -> f64 {
    if k <= 0.0 {
        1.0
    } else if k > n || p <= 0.0 {
        0.0
    } else if q <= 0.0 {
        1.0
    } else {
        inner_tail(n, k, p, q)
    }
}

/// P(X >= k) for 0 < k <= n and 0 < p < 1: I_p(k, n - k + 1). The fraction converges fast on the far side of the
/// mean, so the near side is one minus the other tail.
fn inner_tail(n: f64, k: f64, p: f64, q: f64) -> f64 {
    let lead = point(n, k, p, q) * q;
    if p < (k + 1.0) / (n + 3.0) {
        lead * fraction(k, n - k + 1.0, p)
    } else {
        // The point below, times p.
        let below = lead * k / (n - k + 1.0);
        1.0 - below * fraction(n - k + 1.0, k, q)
    }
}

/// P(X = k), by Loader's deviances.
fn point(n: f64, k: f64, p: f64, q: f64) -> f64 {
    if k <= 0.0 {
        return (n * ln(q, p)).exp();
    }
    if k >= n {
        return (n * ln(p, q)).exp();
    }
    let rest = n - k;
    let correction = stirling_error(n) - stirling_error(k) - stirling_error(rest);
    let exponent = correction - deviance(k, n * p) - deviance(rest, n * q);
    exponent.exp() * (n / (std::f64::consts::TAU * k * rest)).sqrt()
}

/// ln(p), with `q` the complement of `p`.
fn ln(p: f64, q: f64) -> f64 {
    if q < 0.5 { (-q).ln_1p() } else { p.ln() }
}

/// ln(n!) less Stirling's formula.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return ln_gamma(n + 1.0) - (n + 0.5) * n.ln() + n - 0.5 * std::f64::consts::TAU.ln();
    }
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0) / square) / square) / square) / n
}

/// x ln(x / mean) + mean - x, without cancellation where x is near the mean.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let ratio = difference / (x + mean);
    let mut sum = difference * ratio;
    let mut term = 2.0 * x * ratio;
    for odd in (3..).step_by(2) {
        term *= ratio * ratio;
        let next = sum + term / f64::from(odd);
        if (next - sum).abs() <= f64::EPSILON * sum.abs() {
            break;
        }
        sum = next;
    }
    sum
}

/// The continued fraction of I_x(a, b) by Lentz's method, without its leading factor x^a (1-x)^b / (a B(a, b)).
#[expect(clippy::many_single_char_names, reason = "the names of the literature")]
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const MOST_TERMS: u32 = 2_000_000;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for term in 1..MOST_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let step = d * c;
        result *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `binom.sf(k - 1, n, p)`, `binom.cdf(k, n, p)` and the Clopper-Pearson bounds `beta.ppf(0.05, k, n - k + 1)`
    /// and `beta.ppf(0.95, k + 1, n - k)` by scipy 1.17.1.
    #[rustfmt::skip]
    #[expect(clippy::unreadable_literal, reason = "as scipy prints them")]
    const KNOWN: [(u64, u64, f64, [f64; 4]); 15] = [
        (10, 3, 0.1, [0.0701908264, 0.9872048016, 0.08726443391415033, 0.6066242161054123]),
        (20, 1, 0.05, [0.6415140775914578, 0.7358395249438502, 0.0025613787765302806, 0.2161061642068473]),
        (299, 0, 0.01, [1.0, 0.049536256637662465, 0.0, 0.009969146792899269]),
        (298, 0, 0.01, [1.0, 0.05003662286632573, 0.0, 0.010002432437677691]),
        (1000, 60, 0.05, [0.08673217838486103, 0.9329374813666919, 0.04812436400895637, 0.07384914845022056]),
        (1240, 31, 0.05, [0.9999967945240774, 6.776123809728755e-06, 0.018156038017185756, 0.03359213790235489]),
        (100_000, 5100, 0.05, [0.07474041229408482, 0.9272741993120948, 0.04986031932787235, 0.05215897701568066]),
        (1_000_000, 1000, 0.001, [0.5042115551669921, 0.5084093682207762, 0.000948583778594414, 0.0010535748774544362]),
        (1_000_000, 50_500, 0.05, [0.011041122391130916, 0.9890910762719398, 0.05014028112843389, 0.050861643433749534]),
        (1_000_000_000, 50_011_300, 0.05, [0.050558014301662284, 0.9494570802748524, 0.04999996287688252, 0.05002263904650749]),
        (1_000_000_000, 49_988_600, 0.05, [0.9509561717004462, 0.0490585667740679, 0.049977265314848945, 0.04999993660863812]),
        (1_000_000_000, 10, 1e-8, [0.5420703091635632, 0.5830397501929847, 5.4254057067881056e-09, 1.6962219112469535e-08]),
        (1_000_000_000, 20, 1e-8, [0.003454341807909478, 0.998411739431446, 1.3254651636422857e-08, 2.9062018595311678e-08]),
        (5, 5, 0.5, [0.03125, 1.0, 0.5492802716530588, 1.0]),
        (1_000_000_000, 999_999_997, 0.999_999_99, [0.01033605003088661, 0.9972306044893502, 0.9999999922463435, 0.9999999991823085]),
    ];

    #[track_caller]
    fn check(found: f64, expected: f64, what: &str) {
        assert!((found - expected).abs() <= 1e-7 * expected, "{what}: {found} is not {expected}");
    }

    #[test]
    fn tails_and_bounds_are_those_of_scipy() {
        for (n, k, p, [upper, lower, low, high]) in KNOWN {
            let (n, k) = (n as f64, k as f64);
            check(upper_tail(n, k, p), upper, &format!("upper tail of {n}, {k}, {p}"));
            check(lower_tail(n, k, p), lower, &format!("lower tail of {n}, {k}, {p}"));
            check(lower_bound(n, k), low, &format!("lower bound of {n}, {k}"));
            check(upper_bound(n, k), high, &format!("upper bound of {n}, {k}"));
        }
    }

    /// `betainc(k, n - k + 1, p)`, `betainc(n - k, k + 1, 1 - p)` and the bounds as above, by scipy 1.17.1.
    #[rustfmt::skip]
    #[expect(clippy::unreadable_literal, reason = "as scipy prints them")]
    const KNOWN_PARTS: [(f64, f64, f64, [f64; 4]); 8] = [
        (100.5, 3.25, 0.02, [0.2704255261630438, 0.8872920632757177, 0.009498377166283633, 0.0787460603118511]),
        (299.7, 0.4, 0.01, [0.9901726677847436, 0.09620660452655211, 1.3821775590246109e-06, 0.012385166162841979]),
        (1240.0 / 3.7, 31.0 / 3.7, 0.05, [0.9924247603378127, 0.017048604952046832, 0.012738561556804735, 0.044076967139428935]),
        (50.2, 50.2, 0.9, [0.005046310554224095, 1.0, 0.942069769648456, 1.0]),
        (80_000.0, 4040.0, 0.05, [0.26036887178440604, 0.7448529228494569, 0.04923238056922197, 0.05179178298745524]),
        (10.3, 9.9, 0.5, [0.0023794274833066425, 0.9999194437938149, 0.6907854545901779, 0.9999608946589869]),
        (2000.0 / 7.3, 0.0, 0.01, [1.0, 0.0637034427093227, 0.0, 0.010874859292698026]),
        (25.0, 0.05, 0.3, [0.9999993518202773, 0.0001558945311455266, 2.1878385163298067e-28, 0.1164439536583215]),
    ];

    #[test]
    fn counts_that_are_not_whole_lie_between_those_that_are() {
        for (n, k, p, [upper, lower, low, high]) in KNOWN_PARTS {
            check(upper_tail(n, k, p), upper, &format!("upper tail of {n}, {k}, {p}"));
            check(lower_tail(n, k, p), lower, &format!("lower tail of {n}, {k}, {p}"));
            check(lower_bound(n, k), low, &format!("lower bound of {n}, {k}"));
            check(upper_bound(n, k), high, &format!("upper bound of {n}, {k}"));
        }
    }

    #[test]
    fn without_calls_nothing_is_known() {
        assert_eq!((lower_bound(0.0, 0.0), upper_bound(0.0, 0.0)), (0.0, 1.0));
        assert_eq!((upper_tail(0.0, 0.0, 0.5), lower_tail(0.0, 0.0, 0.5)), (1.0, 1.0));
    }

    #[test]
    fn certain_shares_leave_no_doubt() {
        assert_eq!((upper_tail(10.0, 1.0, 0.0), lower_tail(10.0, 0.0, 0.0)), (0.0, 1.0));
        assert_eq!((upper_tail(10.0, 10.0, 1.0), lower_tail(10.0, 9.0, 1.0)), (1.0, 0.0));
    }

    proptest! {
        #[test]
        fn tails_are_the_sums_of_points(n in 1u64..60, k in 0u64..60, p in 0.001f64..0.999) {
            let k = k.min(n);
            let choose = |i: u64| (0..i).fold(1.0, |c, j| c * (n - j) as f64 / (j + 1) as f64);
            let point = |i: u64| {
                let exponent = |count: u64| i32::try_from(count).unwrap();
                choose(i) * p.powi(exponent(i)) * (1.0 - p).powi(exponent(n - i))
            };
            let upper: f64 = (k..=n).map(point).sum();
            let lower: f64 = (0..=k).map(point).sum();
            prop_assert!((upper_tail(n as f64, k as f64, p) - upper).abs() < 1e-10, "{upper}");
            prop_assert!((lower_tail(n as f64, k as f64, p) - lower).abs() < 1e-10, "{lower}");
        }

        #[test]
        fn both_tails_overlap_in_one_point(n in 1u64..1_000_000_000, share in 0.0f64..1.0, p in 1e-6f64..0.999) {
            let n = n as f64;
            let k = (share * n).floor();
            let both = upper_tail(n, k, p) + lower_tail(n, k, p);
            prop_assert!((1.0 - 1e-9..2.0).contains(&both), "{both}");
        }
    }
}
