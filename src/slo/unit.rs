//! The unit in which a person wrote a number of a metric objective: values beside it are shown in the same.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::{exact_percent, without_binary_noise};
use crate::model::{format_count, format_duration, format_ratio};

/// How a number was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// `0.1`: whatever the metric's own unit is.
    #[default]
    Number,
    /// `90%`: a share of 1.
    Percent,
    /// `512MiB`: bytes, by 1024.
    BinaryBytes,
    /// `500MB`: bytes, by 1000.
    DecimalBytes,
    /// `250ms`: seconds.
    Seconds,
}

/// Units of bytes, ascending.
const BINARY: [(&str, f64); 4] =
    [("B", 1.0), ("KiB", 1024.0), ("MiB", 1_048_576.0), ("GiB", 1_073_741_824.0)];
const DECIMAL: [(&str, f64); 4] = [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)];

/// Bytes as a person may write them: `512MiB`.
pub(super) fn parse_bytes(text: &str, number: impl Fn(&str) -> Option<f64>) -> Option<(f64, Unit)> {
    [(BINARY, Unit::BinaryBytes), (DECIMAL, Unit::DecimalBytes)].into_iter().find_map(|(units, unit)| {
        units[1..].iter().find_map(|(name, bytes)| Some((number(text.strip_suffix(name)?)? * bytes, unit)))
    })
}

impl Unit {
    /// A number that a person wrote, with all the digits it has.
    pub fn show_exact(self, number: f64) -> String {
        match self {
            Self::Number => number.to_string(),
            Self::Percent => exact_percent(number),
            Self::BinaryBytes => exact_bytes(number, &BINARY),
            Self::DecimalBytes => exact_bytes(number, &DECIMAL),
            Self::Seconds => self.show(number),
        }
    }

    /// A measured number, to about four digits.
    pub fn show(self, number: f64) -> String {
        if !number.is_finite() {
            return number.to_string();
        }
        match self {
            Self::Number => short_number(number),
            Self::Percent => format_ratio(number),
            Self::BinaryBytes => short_bytes(number, &BINARY),
            Self::DecimalBytes => short_bytes(number, &DECIMAL),
            Self::Seconds => Duration::try_from_secs_f64(number)
                .map_or_else(|_| format!("{} s", short_number(number)), format_duration),
        }
    }
}

/// In the largest unit that does not make it long.
fn exact_bytes(bytes: f64, units: &[(&str, f64)]) -> String {
    let short = |size: f64| bytes.abs() >= size && (bytes / size * 1e3).fract() == 0.0;
    let (name, size) = units.iter().rfind(|(_, size)| short(*size)).unwrap_or(&units[0]);
    format!("{} {name}", without_binary_noise(bytes / size))
}

fn short_bytes(bytes: f64, units: &[(&str, f64)]) -> String {
    let (name, size) = units.iter().rfind(|(_, size)| bytes.abs() >= *size).unwrap_or(&units[0]);
    format!("{} {name}", short_number(bytes / size))
}

/// About four significant digits, without trailing zeros.
fn short_number(number: f64) -> String {
    const WHOLE: f64 = 1e15;
    let size = number.abs();
    if (1000.0..WHOLE).contains(&size) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive and below 10^15"
        )]
        let whole = format_count(size.round() as u64);
        if number < 0.0 { format!("-{whole}") } else { whole }
    } else if (0.001..1000.0).contains(&size) {
        let places = if size >= 100.0 {
            1
        } else if size >= 1.0 {
            3
        } else {
            4
        };
        format!("{number:.places$}").trim_end_matches('0').trim_end_matches('.').to_owned()
    } else if number == 0.0 || !number.is_finite() {
        number.to_string()
    } else {
        format!("{number:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unit: Unit, exact: &[(f64, &str)], shown: &[(f64, &str)]) {
        for (number, text) in exact {
            assert_eq!(unit.show_exact(*number), *text);
        }
        for (number, text) in shown {
            assert_eq!(unit.show(*number), *text);
        }
    }

    #[test]
    fn numbers_are_shown_as_their_limits_were_written() {
        check(
            Unit::Number,
            &[(0.1, "0.1"), (1e9, "1000000000")],
            &[(0.123_456, "0.1235"), (1e9, "1,000,000,000")],
        );
        check(Unit::Percent, &[(0.9, "90 %"), (0.001, "0.1 %")], &[(0.912_34, "91.2 %")]);
        check(
            Unit::BinaryBytes,
            &[
                (536_870_912.0, "512 MiB"),
                (1_610_612_736.0, "1.5 GiB"),
                (1_572_864_000.0, "1500 MiB"),
                (7.0, "7 B"),
            ],
            &[(536_870_913.0, "512 MiB"), (522_300_000.0, "498.1 MiB"), (0.0, "0 B"), (2e12, "1,863 GiB")],
        );
        check(Unit::DecimalBytes, &[(5e8, "500 MB")], &[(1_234_567.0, "1.235 MB")]);
        check(Unit::Seconds, &[(0.25, "250 ms"), (1.5, "1.50 s")], &[(0.012_3, "12.3 ms"), (-1.0, "-1 s")]);
        check(Unit::Seconds, &[], &[(f64::NAN, "NaN"), (f64::INFINITY, "inf")]);
    }

    #[test]
    fn bytes_are_read_in_both_systems() {
        let read = |text| parse_bytes(text, |number| number.trim_end().parse().ok());
        assert_eq!(read("512MiB"), Some((536_870_912.0, Unit::BinaryBytes)));
        assert_eq!(read("1.5 GB"), Some((1.5e9, Unit::DecimalBytes)));
        assert_eq!((read("512"), read("512mb"), read("xMiB")), (None, None, None));
    }
}
