//! Durations as Prometheus writes them: `5m`, `1h30m`, `250ms`.

use std::fmt::Write as _;
use std::time::Duration;

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration that is read: what Prometheus can hold in nanoseconds, about 292 years.
const MAX_MS: u64 = 9_223_372_036_854;

/// Reads a duration: numbers with units, from the largest to the smallest, or `0`. A day has 24 hours, a year 365 days. `None` when
/// it is none, or longer than Prometheus takes.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, size) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = tail;
    }
    (!text.is_empty() && total <= MAX_MS).then(|| Duration::from_millis(total))
}

/// A duration as PromQL writes it. Finer than milliseconds is cut off.
pub fn duration_text(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in &UNITS[2..] {
        let size = u128::from(*size);
        if rest >= size {
            write!(text, "{}{unit}", rest / size).expect("a string takes any text");
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_prometheus_does() {
        for (text, ms) in
            [("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("1d", 86_400_000), ("1m1ms", 60_001)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)));
            assert_eq!(duration_text(Duration::from_millis(ms)), text);
        }
        assert_eq!(parse_duration("0"), Some(Duration::ZERO));
        assert_eq!(parse_duration("0m"), Some(Duration::ZERO));
        assert_eq!(parse_duration("2w"), parse_duration("14d"));
        for wrong in ["", "5", "m", "5 m", "1m1h", "1s1s", "-5m", "5mm", "1.5m", "9999999999999y"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
