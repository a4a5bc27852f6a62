//! When an objective that failed was broken: what else should have told of it is held against that.

use std::time::Duration;

use super::bursts::{Bad, counted};
use super::judge::Measurements;
use super::{Finding, Objective};
use crate::metrics::CourseSecond;
use crate::model::Verdict;
use crate::stats::binomial::{SIGNIFICANCE, upper_tail};
use crate::verify::Broken;

/// A second shows it where this many seconds up to its end do, or all of them together.
const LENGTHS: [usize; 3] = [1, 5, 30];
/// Of these, those that end soon after it is over.
const SHORT: usize = 5;

/// The objectives on latencies and errors that failed by `findings`, each with when it was broken: the seconds that have more bad calls than
/// its budget allows, beyond chance over all seconds that are looked at. Others say nothing of single seconds, and are left out, as is one
/// whose bad calls no second shows.
pub fn broken(objectives: &[Objective], findings: &[Finding], run: &Measurements<'_>) -> Vec<Broken> {
    let has_failed = |objective: &&Objective| {
        findings.iter().any(|finding| finding.name == objective.name && finding.verdict == Verdict::Fail)
    };
    objectives.iter().filter(has_failed).filter_map(|objective| broken_when(objective, run)).collect()
}

fn broken_when(objective: &Objective, run: &Measurements<'_>) -> Option<Broken> {
    let (bad, budget) = Bad::of(&objective.indicator, run.plan)?;
    let of = counted(run.plan, &objective.scope, bad);
    let part = objective.terms.during.as_ref().map(|during| during.span(&run.plan.load).unwrap_or_default());
    let is_in = |second: u32| {
        let at = Duration::from_secs(second.into());
        part.as_ref().is_none_or(|part| part.contains(&at))
    };
    let looked_at = run.seconds.iter().filter(|second| is_in(second.second));
    let seconds: Vec<(u32, CourseSecond)> =
        looked_at.map(|second| (second.second, of(second))).filter(|(_, calls)| calls.calls > 0).collect();
    let (first, last) = shown(&seconds, budget)?;
    let at = |second: u64| run.began + Duration::from_secs(second);
    Some(Broken { name: objective.name.clone(), from: at(first.into()), to: at(u64::from(last) + 1) })
}

/// The first and the last of `seconds` that show more than `budget`. Where short times never do, it lasts to the end.
fn shown(seconds: &[(u32, CourseSecond)], budget: f64) -> Option<(u32, u32)> {
    let level = SIGNIFICANCE / (seconds.len() * (LENGTHS.len() + 1)).max(1) as f64;
    let shows = |calls: u64, bad: u64| bad > 0 && upper_tail(calls as f64, bad as f64, budget) <= level;
    let (mut first, mut last) = (None, None);
    let mut sums = vec![(0, 0)];
    for (number, (second, calls)) in seconds.iter().enumerate() {
        let (all, bad) = sums[number];
        sums.push((all + calls.calls, bad + calls.bad));
        let over = |length: usize| {
            let (before, now) = (sums[(number + 1).saturating_sub(length)], sums[number + 1]);
            shows(now.0 - before.0, now.1 - before.1)
        };
        if LENGTHS.into_iter().filter(|length| *length <= SHORT).any(over) {
            last = Some(*second);
        }
        if first.is_none() && (last.is_some() || LENGTHS.into_iter().any(over) || over(number + 1)) {
            first = Some(*second);
        }
    }
    Some((first?, last.or_else(|| seconds.last().map(|(second, _)| *second))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and last second shown of seconds with so many bad calls of 50 each.
    #[track_caller]
    fn check(bad: &[u64], budget: f64, expected: Option<(u32, u32)>) {
        let second = |bad| CourseSecond { calls: 50, bad, ..CourseSecond::default() };
        let seconds: Vec<_> = (3..).zip(bad.iter().map(|&bad| second(bad))).collect();
        assert_eq!(shown(&seconds, budget), expected, "{bad:?}");
    }

    #[test]
    fn the_seconds_that_show_it_are_those_of_the_fault() {
        check(&[0, 0, 50, 50, 0, 0, 0, 0, 0, 0, 0, 0], 0.5, Some((5, 6)));
        check(&[0, 0, 30, 50, 0, 0], 0.0, Some((5, 8)));
        check(&[0, 0, 0], 0.05, None);
    }

    #[test]
    fn one_bad_call_by_chance_is_no_beginning() {
        check(&[1, 0, 0, 1, 0, 0, 50, 50, 50], 0.05, Some((9, 11)));
        check(&[1, 1, 1, 1, 1, 1, 1, 1, 1], 0.02, None);
    }

    #[test]
    fn what_is_a_little_too_much_all_the_time_shows_at_last() {
        let (first, last) = shown(
            &(0..100)
                .map(|n| (n, CourseSecond { calls: 50, bad: 2, ..CourseSecond::default() }))
                .collect::<Vec<_>>(),
            0.01,
        )
        .unwrap();
        assert!((5..40).contains(&first), "{first}");
        assert_eq!(last, 99);
    }
}
