//! Sums, means, spreads and ranks of values that come with weights, as counts of equal ones.
//!
//! Sums are compensated (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974).

/// A sum and what rounding took from it.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    fn scale(&mut self, factor: f64) {
        self.sum *= factor;
        self.lost *= factor;
    }

    fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// The sum of the values, each as often as its weight says.
pub(crate) fn sum(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut total = Sum::default();
    for (value, weight) in values {
        total.add(value * weight);
    }
    total.value()
}

/// The mean. Where the sum is too large for a float, it is taken step by step.
pub(crate) fn mean(values: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let mut total = Sum::default();
    let mut count = 0.0;
    for (value, weight) in values.clone() {
        total.add(value * weight);
        count += weight;
    }
    if !total.sum.is_infinite() {
        return total.sum / count + total.lost / count;
    }
    let mut mean = Sum::default();
    let mut seen = 0.0;
    for (value, weight) in values {
        seen += weight;
        mean.scale((seen - weight) / seen);
        mean.add(value * (weight / seen));
    }
    mean.value()
}

/// The least value; NaN only when there is nothing else.
pub(crate) fn least(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    values.map(|(value, _)| value).fold(
        f64::NAN,
        |least, value| {
            if least.is_nan() || value < least { value } else { least }
        },
    )
}

/// The greatest value; NaN only when there is nothing else.
pub(crate) fn greatest(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    values.map(|(value, _)| value).fold(f64::NAN, |greatest, value| {
        if greatest.is_nan() || value > greatest { value } else { greatest }
    })
}

/// The population variance, in one pass (West, "Updating mean and variance estimates", 1979).
pub(crate) fn variance(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    let mut count = 0.0;
    for (value, weight) in values {
        count += weight;
        let distance = value - mean.value();
        // The weight's share first: it is 1 for a constant, whose variance is 0 to the last digit.
        mean.add(distance * (weight / count));
        squares.add(distance * (value - mean.value()) * weight);
    }
    squares.value() / count
}

/// The value of rank `q` between 0 and 1, between two values where it falls so; NaN counts as the least. Sorts the values.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let last = values.len() - 1;
    let rank = q * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}
