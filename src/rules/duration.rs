//! Durations as rule files have them: `5m`, `1h30m`, `0`; PromQL reads them. Gander's own files have another form (`1.5s`),
//! which is no business of a rule file.

use std::time::Duration;

/// Units from the longest to the shortest, in milliseconds.
const UNITS: [(&str, u64); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const DAY: u64 = 24 * 3_600_000;

/// How a duration is written, for "the way out".
pub(super) const DURATION_HELP: &str =
    "write whole numbers with their units, the longest first, such as `30s`, `5m` or `1h30m`";

/// `duration` as Prometheus prints it: `1h30m`, `0s`. Parts of a millisecond are left out.
pub(crate) fn format_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, unit_ms) in UNITS {
        // A day is 24 hours here: only whole ones are said in days.
        let exact = unit_ms < DAY || left % unit_ms == 0;
        let count = left / unit_ms;
        if exact && count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
            left -= count * unit_ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::promql::parse_duration;

    /// Prometheus keeps nanoseconds in 63 bits: some 292 years.
    const LONGEST_MS: u64 = i64::MAX as u64 / 1_000_000;

    #[track_caller]
    fn check(text: &str, millis: Option<u64>) {
        assert_eq!(parse_duration(text), millis.map(Duration::from_millis), "{text:?}");
    }

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        check("0", Some(0));
        check("0s", Some(0));
        check("0m", Some(0));
        check("5m", Some(300_000));
        check("1h30m", Some(5_400_000));
        check("1d", Some(86_400_000));
        check("4w", Some(4 * 7 * 86_400_000));
        check("1y2w3d4h5m6s7ms", Some(((379 + 3) * 24 + 4) * 3_600_000 + 5 * 60_000 + 6_007));
        for text in ["", "5", "1m1h", "5m5m", "-5m", "1.5m", "5 m", "5M", "m", "1h30", "1us", "300y", "1m\n"]
        {
            check(text, None);
        }
        check("99999999999999999999s", None);
    }

    #[test]
    fn durations_are_printed_as_prometheus_prints_them() {
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (60_000, "1m"),
            (5_400_000, "1h30m"),
            (90_061_000, "25h1m1s"),
            (86_400_000, "1d"),
            (14 * 86_400_000, "2w"),
            (365 * 86_400_000, "1y"),
            (8 * 86_400_000, "8d"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(millis in 0..LONGEST_MS) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }
    }
}
