//! Time intervals as written in `time_intervals`, and in `mute_time_intervals`, as the list was called first.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use jiff::tz::TimeZone;

use super::scalars::{items, name, present, text};
use super::time_interval::TimeInterval;
use crate::input::{Field, Fields, Place, Problem, Problems, quoted, way_out};

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// All named intervals of the file.
pub(super) fn read_all(
    file: &mut Fields<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Vec<TimeInterval>> {
    let mut intervals = BTreeMap::new();
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for list in ["mute_time_intervals", "time_intervals"] {
        for item in items(file, list, problems) {
            let Some(mut fields) = Fields::of(item.node, "a time interval", problems) else { continue };
            let named = fields.required("name", problems);
            let ranges = items(&mut fields, "time_intervals", problems);
            let ranges = ranges.into_iter().filter_map(|item| read_one(item, problems)).collect();
            fields.finish(problems);
            let Some((field, name)) = named.and_then(|field| Some((field, name(field, problems)?))) else {
                continue;
            };
            if let Some(first) = places.get(&name) {
                let message = format!("two time intervals are called {}", quoted(&name));
                let help = format!("the first is at {first}: give one of them another name");
                problems.push(Problem::error(&field.node.place, message).label("again").help(help));
            } else {
                places.insert(name.clone(), field.node.place.clone());
                intervals.insert(name, ranges);
            }
        }
    }
    intervals
}

fn read_one(item: Field<'_>, problems: &mut Problems) -> Option<TimeInterval> {
    let mut fields = Fields::of(item.node, "a range of times", problems)?;
    let times = present(&mut fields, "times").map(|list| {
        let items: Vec<_> = list.items(problems).collect();
        items.into_iter().filter_map(|item| read_times(item, problems)).collect()
    });
    let interval = TimeInterval {
        times,
        weekdays: read_ranges(&mut fields, "weekdays", weekdays, problems),
        days_of_month: read_ranges(&mut fields, "days_of_month", days_of_month, problems),
        months: read_ranges(&mut fields, "months", months, problems),
        years: read_ranges(&mut fields, "years", years, problems),
        location: present(&mut fields, "location").and_then(|field| read_location(field, problems)),
    };
    fields.finish(problems);
    Some(interval)
}

fn read_times(item: Field<'_>, problems: &mut Problems) -> Option<Range<u16>> {
    let mut fields = Fields::of(item.node, "a range of the day", problems)?;
    let [start, end] = ["start_time", "end_time"].map(|name| {
        let field = fields.required(name, problems)?;
        let minute = text(field, problems).map(|text| minute_of(&text))?;
        if minute.is_none() {
            let message = format!("expected a time of day, found {}", field.node.found());
            field.wrong(message, "write hours and minutes, from `'00:00'` to `'24:00'`, in quotes", problems);
        }
        minute
    });
    fields.finish(problems);
    let (start, end) = start.zip(end)?;
    if start >= end {
        item.wrong(
            "the range ends before it begins",
            "a range over midnight is two: to `24:00`, and from `00:00`",
            problems,
        );
        return None;
    }
    Some(start..end)
}

/// `17:30` as 1050.
fn minute_of(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| -> Option<u16> {
        let shaped = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        shaped.then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let good = (hours < 24 && minutes < 60) || (hours, minutes) == (24, 0);
    good.then_some(hours * 60 + minutes)
}

/// What one kind of range may be: `from`, or `from:to`; or why not.
type ReadRange = fn(&str, &str) -> Result<RangeInclusive<i32>, String>;

fn read_ranges(
    fields: &mut Fields<'_>,
    list: &'static str,
    read: ReadRange,
    problems: &mut Problems,
) -> Option<Vec<RangeInclusive<i32>>> {
    let list = present(fields, list)?;
    let mut ranges = Vec::new();
    for item in list.items(problems).collect::<Vec<_>>() {
        let Some(text) = text(item, problems).map(|text| text.to_lowercase()) else { continue };
        let (from, to) = text.split_once(':').unwrap_or((&text, &text));
        match read(from, to) {
            Ok(range) => ranges.push(range),
            Err(help) => item.wrong(format!("this is no range: {}", quoted(&text)), help, problems),
        }
    }
    Some(ranges)
}

fn weekdays(from: &str, to: &str) -> Result<RangeInclusive<i32>, String> {
    let day = |text: &str| {
        let day = WEEKDAYS.iter().position(|day| *day == text).and_then(|day| i32::try_from(day).ok());
        day.ok_or_else(|| way_out(text, &WEEKDAYS, "write days of the week, or two with a colon between"))
    };
    ascending(day(from)?, day(to)?, "weeks begin with sunday here: write two ranges")
}

fn months(from: &str, to: &str) -> Result<RangeInclusive<i32>, String> {
    let month = |text: &str| {
        let named = MONTHS.iter().position(|month| *month == text);
        let month = named.and_then(|month| i32::try_from(month + 1).ok()).or_else(|| text.parse().ok());
        month.ok_or_else(|| {
            way_out(text, &MONTHS, "write months or their numbers, or two with a colon between")
        })
    };
    ascending(month(from)?, month(to)?, "a range over the end of the year is two")
}

fn years(from: &str, to: &str) -> Result<RangeInclusive<i32>, String> {
    let year = |text: &str| text.parse().map_err(|_| "write a year, or two with a colon between".to_owned());
    ascending(year(from)?, year(to)?, "write the earlier year first")
}

fn days_of_month(from: &str, to: &str) -> Result<RangeInclusive<i32>, String> {
    const HELP: &str =
        "write days from 1 to 31, or from -31 to -1 counted from the end, or two with a colon between";
    let day = |text: &str| {
        let day = text.parse().ok().filter(|day: &i32| *day != 0 && (-31..=31).contains(day));
        day.ok_or_else(|| HELP.to_owned())
    };
    let (from, to) = (day(from)?, day(to)?);
    if from < 0 && to > 0 {
        return Err("a range that begins at the end of the month ends there too: write two".to_owned());
    }
    // Of the shortest month.
    let from_start = |day: i32| if day < 0 { 28 + day } else { day };
    ascending(from_start(from), from_start(to), "the last day is before the first one in every month")?;
    Ok(from..=to)
}

fn ascending(from: i32, to: i32, help: &str) -> Result<RangeInclusive<i32>, String> {
    if from <= to { Ok(from..=to) } else { Err(help.to_owned()) }
}

fn read_location(field: Field<'_>, problems: &mut Problems) -> Option<TimeZone> {
    let name = text(field, problems)?;
    if matches!(name.as_str(), "" | "UTC") {
        return Some(TimeZone::UTC);
    }
    if name == "Local" {
        let message = "the time zone of Alertmanager's machine is not known here";
        field.wrong(message, "write its name, such as `Europe/Vienna`", problems);
        return None;
    }
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        let message = format!("there is no time zone {}", field.node.place.quoted(&name));
        field.wrong(message, "write a name of the IANA database, such as `Europe/Vienna`", problems);
    }
    zone
}
