//! Times of the week, the month and the year in which a route is mute or active, as Alertmanager reads them.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// One interval: a moment is in it when it is in one range of every list that is there. A list that is there and empty
/// holds no moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeInterval {
    /// Minutes of the day, the last one not included.
    pub(super) times: Option<Vec<std::ops::Range<u16>>>,
    /// Sunday is 0.
    pub(super) weekdays: Option<Vec<RangeInclusive<i32>>>,
    /// From 1; below zero from the month's end, whose last day is -1.
    pub(super) days_of_month: Option<Vec<RangeInclusive<i32>>>,
    /// January is 1.
    pub(super) months: Option<Vec<RangeInclusive<i32>>>,
    pub(super) years: Option<Vec<RangeInclusive<i32>>>,
    /// UTC where none is given.
    #[serde(with = "zone")]
    pub(super) location: Option<TimeZone>,
}

impl TimeInterval {
    /// True when `at` is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        let zone = self.location.clone().unwrap_or(TimeZone::UTC);
        let at = zone.to_datetime(at);
        let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
        let in_times =
            self.times.as_ref().is_none_or(|times| times.iter().any(|range| range.contains(&minute)));
        in_times
            && any(self.weekdays.as_ref(), i32::from(at.weekday().to_sunday_zero_offset()))
            && self.days_of_month.as_ref().is_none_or(|days| days.iter().any(|range| has_day(range, at)))
            && any(self.months.as_ref(), i32::from(at.month()))
            && any(self.years.as_ref(), i32::from(at.year()))
    }
}

/// Time zones by their names.
mod zone {
    use jiff::tz::TimeZone;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands it so")]
    pub(super) fn serialize<S: Serializer>(
        zone: &Option<TimeZone>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        zone.as_ref().map(|zone| zone.iana_name().unwrap_or("UTC")).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<TimeZone>, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        name.map(|name| TimeZone::get(&name)).transpose().map_err(serde::de::Error::custom)
    }
}

fn any(ranges: Option<&Vec<RangeInclusive<i32>>>, value: i32) -> bool {
    ranges.is_none_or(|ranges| ranges.iter().any(|range| range.contains(&value)))
}

fn has_day(range: &RangeInclusive<i32>, at: DateTime) -> bool {
    let last = i32::from(at.date().days_in_month());
    let from_start = |day: i32| if day < 0 { last + day + 1 } else { day };
    let (begin, end) = (from_start(*range.start()), from_start(*range.end()));
    (begin.max(-last)..=end.min(last)).contains(&i32::from(at.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(interval: &TimeInterval, at: &str, expected: bool) {
        assert_eq!(interval.contains(at.parse().unwrap()), expected, "{at}");
    }

    fn minutes(range: std::ops::Range<u16>) -> Vec<std::ops::Range<u16>> {
        std::iter::once(range).collect()
    }

    #[test]
    fn a_moment_is_in_every_list_that_is_there() {
        let office = TimeInterval {
            times: Some(minutes(540..1020)),
            weekdays: Some(vec![1..=5]),
            ..TimeInterval::default()
        };
        check(&office, "2026-11-23T09:00:00Z", true);
        check(&office, "2026-11-23T08:59:59Z", false);
        check(&office, "2026-11-23T17:00:00Z", false);
        check(&office, "2026-11-22T12:00:00Z", false);
        check(&TimeInterval::default(), "2026-11-22T12:00:00Z", true);
        check(
            &TimeInterval { months: Some(Vec::new()), ..TimeInterval::default() },
            "2026-11-22T12:00:00Z",
            false,
        );
    }

    #[test]
    fn days_count_from_either_end_of_the_month() {
        let days = |range| TimeInterval { days_of_month: Some(vec![range]), ..TimeInterval::default() };
        check(&days(-2..=-1), "2026-02-27T00:00:00Z", true);
        check(&days(-2..=-1), "2026-02-26T00:00:00Z", false);
        check(&days(28..=31), "2026-02-28T00:00:00Z", true);
        check(&days(30..=31), "2026-02-28T00:00:00Z", false);
        check(&days(RangeInclusive::new(1, -1)), "2026-02-10T00:00:00Z", true);
    }

    #[test]
    fn the_clock_is_that_of_the_location() {
        let evening = TimeInterval {
            times: Some(minutes(1080..1440)),
            years: Some(vec![2026..=2026]),
            location: Some(TimeZone::get("Europe/Vienna").unwrap()),
            ..TimeInterval::default()
        };
        check(&evening, "2026-07-01T16:30:00Z", true);
        check(&evening, "2026-12-01T16:30:00Z", false);
        check(&evening, "2026-12-31T23:30:00Z", false);
    }
}
