//! Numbers for people, as the template functions of Prometheus make them.

use jiff::Timestamp;

use super::go_number::{shortest, significant};

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// `1234.5` as `1.234k`.
pub(super) fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        significant(value, 4)
    } else if value.abs() >= 1.0 {
        scaled(value, 1000.0, "")
    } else {
        small(value)
    }
}

/// `2048` as `2ki`.
pub(super) fn humanize1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() { significant(value, 4) } else { scaled(value, 1024.0, "i") }
}

fn scaled(mut value: f64, step: f64, mark: &str) -> String {
    let mut prefix = String::new();
    for letter in LARGE {
        if value.abs() < step {
            break;
        }
        prefix = format!("{letter}{mark}");
        value /= step;
    }
    format!("{}{prefix}", significant(value, 4))
}

fn small(mut value: f64) -> String {
    let mut prefix = "";
    for letter in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = letter;
        value *= 1000.0;
    }
    format!("{}{prefix}", significant(value, 4))
}

/// Seconds as `1h 2m 3s`.
pub(super) fn humanize_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return significant(seconds, 4);
    }
    if seconds.abs() < 1.0 {
        return if seconds == 0.0 {
            format!("{}s", significant(seconds, 4))
        } else {
            format!("{}s", small(seconds))
        };
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole seconds of what is above 1"
    )]
    let whole = seconds.abs() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", significant(seconds.abs(), 4)),
        (0, 0, _) => format!("{sign}{minutes}m {}s", whole % 60),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {}s", whole % 60),
        _ => format!("{sign}{days}d {hours}h {minutes}m {}s", whole % 60),
    }
}

/// `0.05` as `5%`.
pub(super) fn humanize_percentage(value: f64) -> String {
    format!("{}%", significant(value * 100.0, 4))
}

/// Seconds since 1970 as `1970-01-01 00:00:01.5 +0000 UTC`.
pub(super) fn humanize_timestamp(seconds: f64) -> Result<String, String> {
    if seconds.is_finite() { time(seconds) } else { Ok(significant(seconds, 4)) }
}

/// [`humanize_timestamp`] of what must be a time.
pub(super) fn time(seconds: f64) -> Result<String, String> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let nanos = seconds * 1e9;
    // Exactly what Go's conversion takes.
    #[expect(clippy::cast_possible_truncation, reason = "below the limit of 63 bits")]
    let nanos = (nanos.abs() <= i64::MAX as f64).then_some(nanos as i64);
    let text = nanos.and_then(|nanos| {
        // Prometheus keeps milliseconds, cut off towards zero.
        let time = Timestamp::from_millisecond(nanos / 1_000_000).ok()?;
        Some(time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string())
    });
    text.ok_or_else(|| {
        let value = shortest(seconds);
        format!("{value} cannot be represented as a nanoseconds timestamp since it overflows int64")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // What promtool 2.42 prints.
    #[test]
    fn numbers_are_made_for_people_as_prometheus_does() {
        for (value, k, ki, duration, percentage) in [
            (0.0, "0", "0", "0s", "0%"),
            (1.0, "1", "1", "1s", "100%"),
            (-93_784.5, "-93.78k", "-91.59ki", "-1d 2h 3m 4s", "-9.378e+06%"),
            (0.000_001_234_5, "1.234u", "1.234e-06", "1.234us", "0.0001234%"),
            (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf", "-Inf%"),
            (f64::NAN, "NaN", "NaN", "NaN", "NaN%"),
            (999.95, "1000", "1000", "16m 39s", "1e+05%"),
        ] {
            let made =
                (humanize(value), humanize1024(value), humanize_duration(value), humanize_percentage(value));
            assert_eq!(
                (made.0.as_str(), &*made.1, &*made.2, &*made.3),
                (k, ki, duration, percentage),
                "{value}"
            );
        }
    }

    #[test]
    fn times_are_printed_as_go_prints_them() {
        assert_eq!(humanize_timestamp(1.0).unwrap(), "1970-01-01 00:00:01 +0000 UTC");
        assert_eq!(humanize_timestamp(-93_784.5).unwrap(), "1969-12-30 21:56:55.5 +0000 UTC");
        assert_eq!(humanize_timestamp(f64::NAN).unwrap(), "NaN");
        let error = "1.5e+300 cannot be represented as a nanoseconds timestamp since it overflows int64";
        assert_eq!(time(1.5e300).unwrap_err(), error);
        assert_eq!(time(f64::INFINITY).unwrap_err(), "value is NaN or Inf");
    }
}
