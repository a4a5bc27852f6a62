//! Probes are answered in time while calls are: whoever probes has a time limit, and a late answer is none.

use super::calls::Around;
use super::looks::Look;
use super::{Found, Watch, verdict_on};
use crate::model::{Endpoint, Verdict, counted, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 4] = ["endpoint", "at", "took", "said"];

pub(super) fn check(watch: &Watch<'_>) -> Result<Found, String> {
    let asked = watch.asked()?;
    let within = watch.checks.probe_within;
    let (mut slow, mut unknown) = (Vec::new(), 0);
    for (endpoint, looks) in &asked {
        for look in looks.iter().filter(|look| look.latency > within) {
            match watch.calls.around(look.at, look.at + look.latency) {
                Around::Answered => slow.push((*endpoint, *look)),
                Around::NotAnswered => {}
                Around::Nothing => unknown += 1,
            }
        }
    }
    let slowest = asked
        .iter()
        .filter_map(|(endpoint, looks)| Some((*endpoint, *looks.iter().max_by_key(|look| look.latency)?)));
    let slowest: Vec<(Endpoint, Look<'_>)> = slowest.collect();
    let is_slow = |one: &(Endpoint, Look<'_>)| {
        slow.iter().any(|(endpoint, look)| (*endpoint, look.at) == (one.0, one.1.at))
    };
    let others = slowest.iter().filter(|one| !is_slow(one)).map(|one| (true, row(one)));
    let evidence = Evidence::of(&COLUMNS, slow.iter().map(|one| (false, row(one))).chain(others));
    let samples = asked.iter().map(|(_, looks)| looks.len() as u64).sum();
    let bad = slow.len() as u64;
    let longest = slowest.iter().max_by_key(|(_, look)| look.latency).expect("one endpoint was asked");
    let (name, took) = (longest.0.word(), format_duration(longest.1.latency));
    let limit = format_duration(within);
    let probes = counted(samples, "probe");
    let (verdict, because) = if bad > 0 {
        let because = format!(
            "{bad} of {probes} took longer than {limit} while calls were answered: who waits no longer takes that for a failure; the slowest was /{name}, {took}"
        );
        (verdict_on(bad), because)
    } else if unknown > 0 {
        let because = format!("{unknown} of {probes} took longer than {limit} when no call ended");
        (Verdict::Inconclusive, because)
    } else {
        (Verdict::Pass, format!("the slowest of {probes} was /{name}, {took}"))
    };
    Ok(Found { verdict, value: format!("{took} at most"), because, samples, bad, evidence })
}

fn row((endpoint, look): &(Endpoint, Look<'_>)) -> Vec<String> {
    let said = format!("{} ({})", look.state(), look.status());
    vec![format!("/{}", endpoint.word()), format_duration(look.at), format_duration(look.latency), said]
}
