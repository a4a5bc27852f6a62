//! A seeded counter-based generator: the n-th draw of a stream depends on (seed, stream, n) and nothing else,
//! so every virtual user has its own sequence and a run can be repeated.
//!
//! SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).

use std::f64::consts::TAU;

/// One stream of draws. Not for secrets.
#[derive(Debug, Clone)]
pub struct CounterRng {
    key: u64,
    counter: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl CounterRng {
    /// The stream `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self {
            key: mix(mix(seed.wrapping_add(GOLDEN)) ^ mix(stream.wrapping_mul(GOLDEN) ^ GOLDEN)),
            counter: 0,
        }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        mix(self.key.wrapping_add(self.counter.wrapping_mul(GOLDEN)))
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponential with the mean 1, by inversion.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Normal with the mean 0 and the deviation 1 (Box and Muller, A Note on the Generation of Random Normal Deviates, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// Uniform in 0..n by multiply-shift (bias below n / 2^64). `n` must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        debug_assert!(n > 0, "there is no number below 0");
        let wide = u128::from(self.next_u64()) * u128::from(n);
        u64::try_from(wide >> 64).expect("the high half of a product of two u64 is a u64")
    }

    /// Uniform in low..=high. `low` must not exceed `high`.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        debug_assert!(low <= high, "an empty range has no number");
        let span = high.wrapping_sub(low).cast_unsigned();
        let offset = if span == u64::MAX { self.next_u64() } else { self.below(span + 1) };
        low.wrapping_add(offset.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_stream_give_the_same_draws() {
        let draw = |seed, stream| {
            let mut rng = CounterRng::new(seed, stream);
            [rng.next_u64(), rng.next_u64(), rng.next_u64()]
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn draws_are_spread_evenly() {
        let mut rng = CounterRng::new(7, 0);
        let mut seen = [0u32; 10];
        for _ in 0..100_000 {
            seen[usize::try_from(rng.int(1, 10) - 1).unwrap()] += 1;
        }
        for count in seen {
            assert!((9_500..10_500).contains(&count), "{seen:?}");
        }
        let mean = (0..100_000).map(|_| rng.unit()).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
    }

    #[test]
    fn the_widest_range_is_whole() {
        let mut rng = CounterRng::new(7, 0);
        let draws: Vec<i64> = (0..64).map(|_| rng.int(i64::MIN, i64::MAX)).collect();
        assert!(draws.iter().any(|&d| d < 0) && draws.iter().any(|&d| d > 0));
    }
}
