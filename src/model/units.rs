//! How durations, ratios, counts and signals are read and written for people.

use std::time::Duration;

/// Reads `250us`, `10ms`, `1.5s`, `2m30s`, `1h`: numbers with a unit (ns, us, ms, s, m, h), largest unit first.
/// Gives `None` for anything else, a bare number included: a number without a unit is a guess.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0.0;
    let mut last_unit = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|&at| at > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !(c.is_alphabetic())).unwrap_or(rest.len());
        let unit = unit_seconds(&rest[..letters])?;
        if unit >= last_unit {
            return None;
        }
        last_unit = unit;
        total += number * unit;
        rest = &rest[letters..];
    }
    if last_unit.is_infinite() { None } else { Duration::try_from_secs_f64(total).ok() }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1e-9),
        "us" | "µs" => Some(1e-6),
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    }
}

/// Reads `200/s`, `0.5/s`, `600/min`, `3600/h` as a number per second. Gives `None` for anything else, a bare number
/// included.
pub fn parse_rate(text: &str) -> Option<f64> {
    let (number, unit) = text.trim().split_once('/')?;
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3600.0,
        _ => return None,
    };
    let number = number.trim();
    let plain = number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = plain.then(|| number.parse().ok()).flatten()?;
    Some(number / seconds)
}

/// A rate per second with three significant digits: `200/s`, `0.50/s`.
pub fn format_rate(per_second: f64) -> String {
    if per_second >= 99.95 || (per_second >= 1.0 && per_second.fract() == 0.0) {
        format!("{per_second:.0}/s")
    } else if per_second >= 9.995 {
        format!("{per_second:.1}/s")
    } else {
        format!("{per_second:.2}/s")
    }
}

/// [`format_duration`] of so many seconds; what is no length of time (negative, NaN) is none.
pub fn format_seconds(seconds: f64) -> String {
    format_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// A duration with three significant digits and the unit that suits it: `812 us`, `12.4 ms`, `1.40 s`, `2m 05s`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration.is_zero() {
        "0 s".to_owned()
    } else if seconds < 0.000_999_5 {
        format!("{:.0} us", seconds * 1e6)
    } else if seconds < 0.999_5 {
        three_digits(seconds * 1e3, "ms")
    } else if seconds < 99.95 {
        three_digits(seconds, "s")
    } else {
        let whole = duration.as_secs();
        match (whole / 3600, whole / 60 % 60, whole % 60) {
            (0, minutes, rest) => format!("{minutes}m {rest:02}s"),
            (hours, minutes, rest) => format!("{hours}h {minutes:02}m {rest:02}s"),
        }
    }
}

/// `duration` as [`parse_duration`] reads it, in whole seconds, rounded up: `16m30s`.
pub fn typed_duration(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let mut text = String::new();
    for (count, unit) in [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')] {
        if count > 0 {
            text.push_str(&count.to_string());
            text.push(unit);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// `1 rule`, `3 rules`: a count with its noun, whose plural has an `s`.
pub fn counted(count: u64, noun: &str) -> String {
    counted_as(count, noun, &format!("{noun}s"))
}

/// [`counted`] for a noun with a plural of its own: `1 canary`, `3 canaries`.
pub fn counted_as(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", format_count(count), if count == 1 { one } else { several })
}

fn three_digits(value: f64, unit: &str) -> String {
    if value < 9.995 {
        format!("{value:.2} {unit}")
    } else if value < 99.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// A ratio as a percentage: `5 %`, `0.21 %`, `< 0.01 %`.
pub fn format_ratio(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent > 0.0 && percent < 0.01 {
        "< 0.01 %".to_owned()
    } else if (99.995..100.0).contains(&percent) {
        // Nearly all is not all.
        "> 99.99 %".to_owned()
    } else if (99.9..100.0).contains(&percent) {
        format!("{percent:.2} %")
    } else if (percent - percent.round()).abs() < 0.005 {
        format!("{percent:.0} %")
    } else if percent < 10.0 {
        format!("{percent:.2} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// A count with thousands set apart: `1,234,567`.
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The name of a signal that ends runs: `SIGINT` for 2.
pub fn signal_name(signal: i32) -> String {
    match signal {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Duration>) {
        assert_eq!(parse_duration(text), expected, "{text}");
    }

    #[test]
    fn durations_need_a_unit() {
        check("250us", Some(Duration::from_micros(250)));
        check("10ms", Some(Duration::from_millis(10)));
        check("1.5s", Some(Duration::from_millis(1500)));
        check("2m30s", Some(Duration::from_secs(150)));
        check("1h", Some(Duration::from_secs(3600)));
        for bad in ["", "30", "s", "3 s", "-1s", "1s2m", "1d", "1e3s", "1s 2ms", "..s", "1s1s"] {
            check(bad, None);
        }
    }

    #[test]
    fn a_typed_duration_reads_back_and_is_no_shorter() {
        for (millis, text) in [(0, "0s"), (59_001, "1m"), (990_000, "16m30s"), (90_061_000, "25h1m1s")] {
            let typed = typed_duration(Duration::from_millis(millis));
            assert_eq!(typed, text);
            assert!(parse_duration(&typed).unwrap() >= Duration::from_millis(millis));
        }
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "rule")), ["0 rules", "1 rule", "2 rules"]);
        assert_eq!(counted(1_000, "rule"), "1,000 rules");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(format_duration(Duration::from_micros(812)), "812 us");
        assert_eq!(format_duration(Duration::from_micros(12_449)), "12.4 ms");
        assert_eq!(format_duration(Duration::from_millis(1400)), "1.40 s");
        assert_eq!(format_duration(Duration::from_secs(125)), "2m 05s");
        assert_eq!(format_duration(Duration::from_micros(999_900)), "1.00 s");
        assert_eq!(format_ratio(0.05), "5 %");
        assert_eq!(format_ratio(0.0021), "0.21 %");
        assert_eq!(format_ratio(0.000_01), "< 0.01 %");
        assert_eq!(format_ratio(0.123_4), "12.3 %");
        assert_eq!(format_ratio(0.999_5), "99.95 %");
        assert_eq!(format_ratio(0.999_98), "> 99.99 %");
        assert_eq!(format_ratio(1.0), "100 %");
        assert_eq!(format_count(1_234_567), "1,234,567");
        assert_eq!(format_count(999), "999");
    }
}
