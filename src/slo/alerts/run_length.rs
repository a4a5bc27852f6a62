//! Alert rules that a run is too short for: without all that they look back on, and their `for`, silence shows nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use super::file::MOST_SCALE;
use super::{AlertCriteria, AlertExpectation, Expected};
use crate::input::{Place, Problem, Problems, quoted};
use crate::model::format_duration;
use crate::rules::{self, Group, TimeScale, run_lengths, scaled};
use crate::slo::{RunLength, WrittenAlerts};

/// A range with fewer scrapes than this gives rates that are mostly chance.
const LEAST_SCRAPES: u32 = 4;
/// More alerts than this are counted, not named.
const MOST_NAMED: usize = 5;

/// Warns of each expectation that a run is too short for, and of rules of which nothing is expected.
pub(in crate::slo) fn too_short_for(written: &WrittenAlerts, run: &RunLength<'_>, problems: &mut Problems) {
    let WrittenAlerts { alerts, place, expectations } = written;
    // Mistakes in rules are told where they are read.
    let Ok((groups, _)) = alerts.groups() else { return };
    let check = Check { alerts, groups, run };
    let lengths = check.lengths(alerts.time_scale);
    let load = run.load.duration();
    let short: Vec<&rules::RunLength> =
        lengths.iter().filter(|length| check.needed(length).is_some_and(|needed| needed > load)).collect();
    let mut left: BTreeSet<&str> = short.iter().map(|length| length.name.as_str()).collect();
    left.retain(|name| !alerts.out_of_reach.iter().any(|other| other == name));
    let in_reach = left.clone();
    for (expectation, place) in alerts.expectations.iter().zip(expectations) {
        let names: BTreeSet<&str> = match &expectation.alert {
            Some(name) => short.iter().map(|it| it.name.as_str()).filter(|it| it == name).collect(),
            None => in_reach.clone(),
        };
        left.retain(|name| !names.contains(name));
        if names.is_empty() {
            check.check_within(expectation, place, &lengths, problems);
        } else {
            check.tell(&names, Some(expectation.expected), place, &short, problems);
        }
    }
    if !left.is_empty() {
        check.tell(&left, None, place, &short, problems);
    }
}

/// What comes of it where a run is too short for alerts, of which something is `expected`.
fn consequence(names: &str, expected: Option<Expected>) -> String {
    match expected {
        None => format!("nothing will be known of {names}"),
        Some(Expected::Fires { .. }) => format!("{names} may not come to fire"),
        Some(Expected::StaysSilent) => format!("silence will not be shown of {names}"),
        Some(Expected::Resolves { .. }) => format!("{names} may not come to be resolved"),
    }
}

struct Check<'a> {
    alerts: &'a AlertCriteria,
    /// As written.
    groups: Vec<Group>,
    run: &'a RunLength<'a>,
}

impl Check<'_> {
    /// How long a run each alerting rule needs with its times divided by `scale`; those that can't be divided are left out.
    fn lengths(&self, scale: u32) -> Vec<rules::RunLength> {
        let interval = self.alerts.evaluation_interval;
        let divided = (scale > 1).then(|| TimeScale::new(f64::from(scale))).flatten();
        let lengths = match divided {
            Some(divided) => run_lengths(&scaled(&self.groups, divided, interval).groups, interval / scale),
            None => run_lengths(&self.groups, interval),
        };
        lengths.into_iter().filter(|length| length.hold.is_some()).collect()
    }

    /// Where a Prometheus has what was before the run, only `for` takes time.
    fn needed(&self, length: &rules::RunLength) -> Option<Duration> {
        if self.run.observe.prometheus.is_some() { Some(length.with_history()) } else { length.needed }
    }

    fn tell(
        &self,
        names: &BTreeSet<&str>,
        expected: Option<Expected>,
        place: &Place,
        short: &[&rules::RunLength],
        problems: &mut Problems,
    ) {
        let of_these = || short.iter().filter(|length| names.contains(length.name.as_str()));
        let needed = of_these().filter_map(|length| self.needed(length)).max().unwrap_or_default();
        let mut told: Vec<String> = names.iter().take(MOST_NAMED).map(|name| quoted(name)).collect();
        if names.len() > MOST_NAMED {
            told.push(format!("{} more", names.len() - MOST_NAMED));
        }
        let message = format!(
            "{}: {} takes a load of {}, and this one takes {}",
            consequence(&told.join(", "), expected),
            if names.len() == 1 { "to judge it" } else { "to judge them" },
            format_duration(needed),
            format_duration(self.run.load.duration())
        );
        let scale = self.scale_for(names).map(|scale| match self.alerts.time_scale {
            1 => format!(", or `time_scale: {scale}` beside the rules"),
            now => format!(", or `time_scale: {scale}` in place of {now}"),
        });
        let help = self.run.way_to(needed) + &scale.unwrap_or_default();
        problems.push(Problem::warning(place, message).label("the run is too short").help(help));
    }

    /// The least scale with which the run is long enough for the alerts `names`; `None` where one would leave too few scrapes in a
    /// range, or the rules can't be divided. A Prometheus of one's own is no faster.
    fn scale_for(&self, names: &BTreeSet<&str>) -> Option<u32> {
        if self.run.observe.prometheus.is_some() {
            return None;
        }
        let load = self.run.load.duration();
        let least = self.run.observe.metrics_interval * LEAST_SCRAPES;
        let fits = |scale: &u32| {
            let lengths = self.lengths(*scale);
            names.iter().all(|name| {
                let mut of_name = lengths.iter().filter(|length| length.name == **name).peekable();
                of_name.peek().is_some()
                    && of_name.all(|length| {
                        let back = length.looks_back.unwrap_or_default();
                        length.needed.is_some_and(|needed| needed <= load)
                            && (back.is_zero() || back >= least)
                    })
            })
        };
        // What is needed gets no longer with the scale, but for what is rounded.
        let (mut short, mut enough) = (self.alerts.time_scale, MOST_SCALE);
        let longest = |scale: u32| self.lengths(scale).iter().filter_map(|length| length.needed).max();
        while enough.saturating_sub(short) > 1 {
            let middle = u32::midpoint(short, enough);
            if longest(middle).is_some_and(|longest| longest <= load) {
                enough = middle;
            } else {
                short = middle;
            }
        }
        Some(enough).filter(fits)
    }

    /// Warns of a time that the load does not have.
    fn check_within(
        &self,
        expectation: &AlertExpectation,
        place: &Place,
        lengths: &[rules::RunLength],
        problems: &mut Problems,
    ) {
        let Some(alert) = &expectation.alert else { return };
        let hold =
            lengths.iter().filter(|length| length.name == *alert).filter_map(|length| length.hold).min();
        let (what, within, needed) = match expectation.expected {
            Expected::Fires { within: Some(within) } => ("to fire", within, within),
            Expected::Resolves { within: Some(within) } => {
                ("to be resolved once it fired", within, within + hold.unwrap_or_default())
            }
            Expected::Fires { within: None }
            | Expected::Resolves { within: None }
            | Expected::StaysSilent => return,
        };
        let load = self.run.load.duration();
        if needed <= load {
            return;
        }
        let message = format!(
            "{} is given {} {what}, and the load takes {}: what it does after that is not seen",
            quoted(alert),
            format_duration(within),
            format_duration(load)
        );
        let help = format!("{}, or a shorter `within`", self.run.way_to(needed));
        problems.push(Problem::warning(place, message).label("the run is too short").help(help));
    }
}
