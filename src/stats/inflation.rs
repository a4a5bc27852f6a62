//! How much less calls prove than as many independent ones: bad calls come in bursts.
//!
//! Counts are divided by a variance inflation factor before they are tested: the largest of
//! - the mean size of clusters of bad calls, beyond what chance makes at that rate;
//! - the dispersion of their counts over blocks of 1, 5 and 10 s and of a tenth of the run: the variance of block totals over that of
//!   independent calls (the ratio estimator of survey sampling). The tenths are few, whatever the length of the run, and long where it is
//!   long: what they are beyond 1 is taken times (t/z)^2, as batch means are judged by Student's t (Korn and Graubard, Survey Methodology
//!   24, 1998).
//!
//! A run with few bursts by chance also seems to have small ones. Whoever wants to show that a budget is kept takes the factor for as large
//! as so few bursts allow: see [`Inflation::cautious`].

/// The calls of one second, and the bad ones among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub calls: u64,
    /// The bad ones.
    pub bad: u64,
}

/// Bad calls that are nearer to the one before than `gap` belong to one cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clusters {
    /// How many.
    pub count: u64,
    /// In seconds.
    pub gap: f64,
}

/// What counts are divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inflation(f64);

/// Dispersion is looked at over blocks of so many seconds, where there are at least so many of them.
const BLOCKS: [(usize, usize); 3] = [(1, 10), (5, 5), (10, 10)];
/// The run is cut into so many blocks beside those, or into its seconds where it has fewer.
const TENTHS: usize = 10;
/// 95 % of Student's t with 1, 2, ... degrees of freedom are below this.
#[expect(clippy::unreadable_literal, reason = "as scipy 1.17.1 prints t.ppf(0.95, n)")]
const T: [f64; TENTHS - 1] = [
    6.313751514675037,
    2.9199855803537242,
    2.3533634348018233,
    2.1318467863266495,
    2.0150483733330233,
    1.9431802805153042,
    1.8945786050900062,
    1.8595480375308973,
    1.833112932656237,
];
/// 95 % of the normal distribution are below this.
const Z: f64 = 1.644_853_626_951_472_2;
/// Beyond so many bad calls within a gap by chance alone, clusters say nothing.
const MOST_BY_CHANCE: f64 = 0.5;
/// What one burst proves about the size of bursts: as much as one degree of freedom of Student's t.
const MOST_CAUTION: f64 = 15.0;

impl Inflation {
    /// Of independent calls.
    pub const NONE: Self = Self(1.0);

    /// Of the calls of `seconds`, which follow each other; `clusters` where those are known.
    pub fn of(seconds: &[Counts], clusters: Option<Clusters>) -> Self {
        if sum(seconds).bad < 2 {
            return Self::NONE;
        }
        let size = clusters.map(|clusters| cluster_size(seconds, clusters));
        let blocks = BLOCKS.into_iter().filter(|(length, least)| seconds.len() >= length * least);
        let dispersions = blocks.map(|(length, _)| dispersion(seconds, seconds.len() / length));
        let largest = dispersions.chain(size).fold(1.0, f64::max);
        Self(largest.max(by_tenths(seconds)))
    }

    /// The factor itself: to show that a budget is exceeded.
    pub fn factor(self) -> f64 {
        self.0
    }

    /// The factor to show that a budget is kept, where `bad` calls were seen: what it is beyond 1 is taken for as large as its estimate from
    /// so many bursts leaves possible in all but 5 % of runs (chi-square, by Wilson and Hilferty). Without bad calls there is no
    /// burst to learn from.
    pub fn cautious(self, bad: f64) -> f64 {
        if bad <= 0.0 {
            return 1.0;
        }
        let bursts = bad / self.0;
        let spread = 2.0 / (9.0 * bursts);
        let lowest = (1.0 - spread - Z * spread.sqrt()).max(0.0).powi(3);
        1.0 + (self.0 - 1.0) * (1.0 / lowest).min(MOST_CAUTION)
    }
}

/// The mean size of clusters, over the one that independent bad calls at that rate have.
fn cluster_size(seconds: &[Counts], clusters: Clusters) -> f64 {
    let bad = sum(seconds).bad;
    let by_chance = bad as f64 / seconds.len().max(1) as f64 * clusters.gap;
    if clusters.count == 0 || by_chance > MOST_BY_CHANCE {
        return 1.0;
    }
    bad as f64 / clusters.count as f64 * (-by_chance).exp()
}

/// The dispersion over the largest number of blocks, up to ten, with what so few of them leave open.
fn by_tenths(seconds: &[Counts]) -> f64 {
    let blocks = seconds.len().min(TENTHS);
    let Some(t) = blocks.checked_sub(2).and_then(|place| T.get(place)) else { return 1.0 };
    let beyond = dispersion(seconds, blocks) - 1.0;
    1.0 + beyond.max(0.0) * (t / Z).powi(2)
}

/// The variance of the counts of bad calls over `blocks`, as equal in length as seconds allow, relative to that of the same calls in
/// any other order; 1 where it can't be told.
fn dispersion(seconds: &[Counts], blocks: usize) -> f64 {
    let of_all = sum(seconds);
    let (calls, share) = (of_all.calls as f64, of_all.bad as f64 / of_all.calls as f64);
    let (mut squares, mut spread) = (0.0, 0.0);
    for block in 0..blocks {
        let place = |block: usize| block * seconds.len() / blocks;
        let Counts { calls: count, bad } = sum(&seconds[place(block)..place(block + 1)]);
        squares += (bad as f64 - share * count as f64).powi(2);
        spread += count as f64 * (1.0 - count as f64 / calls);
    }
    let expected = share * (1.0 - share) * calls / (calls - 1.0) * spread;
    if expected > 0.0 { squares / expected } else { 1.0 }
}

fn sum(seconds: &[Counts]) -> Counts {
    let add =
        |sum: Counts, second: &Counts| Counts { calls: sum.calls + second.calls, bad: sum.bad + second.bad };
    seconds.iter().fold(Counts::default(), add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CounterRng;

    fn seconds(bad: &[u64]) -> Vec<Counts> {
        bad.iter().map(|&bad| Counts { calls: 100, bad }).collect()
    }

    #[track_caller]
    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9 * expected, "{found} is not {expected}");
    }

    /// `np.var(bad, ddof=1) / (100 * p * (1 - p)) * 999 / 1000` by numpy 2.4.6, of the sums of each block.
    #[test]
    fn dispersion_is_the_variance_over_that_of_independent_calls() {
        let bad = [4, 0, 9, 3, 5, 0, 0, 7, 2, 0];
        check(dispersion(&seconds(&bad), 10), 3.589_156_166_475_754 * 0.999);
        check(dispersion(&seconds(&bad), 5), 2.491_408_934_707_904 * 0.999);
        assert!(dispersion(&seconds(&[3, 3, 3]), 3) < 1e-12);
        // 4 + 0 + 9 beside 3 + 5 + 0 and 0 + 7 + 2 + 0.
        let squares = 4f64.powi(2) + 1f64.powi(2) + 3f64.powi(2);
        let spread = 300.0 * 0.7 * 2.0 + 400.0 * 0.6;
        check(dispersion(&seconds(&bad), 3), squares / (spread * 0.03 * 0.97) * 0.999);
    }

    #[test]
    fn where_nothing_differs_there_is_no_inflation() {
        for bad in [vec![0; 30], vec![100; 30], vec![3; 30], vec![1], Vec::new()] {
            let found = Inflation::of(&seconds(&bad), None);
            assert_eq!(
                (found, found.cautious(bad.iter().sum::<u64>() as f64)),
                (Inflation::NONE, 1.0),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn one_bad_call_is_no_burst() {
        for length in [2, 7, 10, 25, 300] {
            let mut bad = vec![0; length];
            bad[length / 3] = 1;
            let found = Inflation::of(&seconds(&bad), Some(Clusters { count: 1, gap: 0.02 })).cautious(1.0);
            check(found, 1.0);
        }
    }

    #[test]
    fn clusters_count_beyond_what_chance_makes() {
        let of = |count, gap| Inflation::of(&seconds(&[10; 30]), Some(Clusters { count, gap })).factor();
        check(of(30, 0.02), 10.0 * (-0.2f64).exp());
        // With 10 a second nearly all are within 100 ms of another.
        check(of(3, 0.1), 1.0);
    }

    #[test]
    fn few_blocks_prove_little_and_few_bursts_less() {
        let two = Inflation::of(&seconds(&[0, 8]), None).factor();
        check(two, 1.0 + (dispersion(&seconds(&[0, 8]), 2) - 1.0) * (T[0] / Z).powi(2));
        let burst = Inflation(20.0);
        check(burst.cautious(0.0), 1.0);
        check(burst.cautious(20.0), 1.0 + 19.0 * MOST_CAUTION);
        // 100 bursts: chi2.ppf(0.05, 100) / 100 by scipy 1.17.1 is 0.7792947.
        assert!((burst.cautious(2000.0) - (1.0 + 19.0 / 0.779_294_7)).abs() < 0.01);
    }

    #[test]
    fn slow_waves_are_seen_by_longer_blocks() {
        let mut rng = CounterRng::new(5, 0);
        let wave: Vec<u64> = (0..200)
            .map(|second| if second % 40 < 20 { 4 } else { 0 } + u64::from(rng.unit() < 0.1))
            .collect();
        let by = |blocks| dispersion(&seconds(&wave), blocks);
        assert!(by(200) < by(40) && by(40) < by(20), "{} {} {}", by(200), by(40), by(20));
        assert!(Inflation::of(&seconds(&wave), None).factor() >= by(20));
    }
}
