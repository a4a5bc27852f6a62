//! What the endpoints say does not contradict itself, and does not flap.
//!
//! Healthy, degraded and unhealthy may follow each other in any order: a crash is no gradual thing, so that healthy turned unhealthy at once
//! is told, and held against nobody.

use std::time::Duration;

use super::looks::{Look, Mood, Spell, spells};
use super::{Found, Watch, verdict_on};
use crate::model::{Endpoint, counted, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 6] = ["endpoint", "at", "state", "status", "took", "failing, or what is wrong"];
const MINUTE: Duration = Duration::from_secs(60);

/// Something that is not as it should be.
struct Wrong {
    endpoint: Endpoint,
    at: Duration,
    what: String,
}

pub(super) fn check(watch: &Watch<'_>) -> Result<Found, String> {
    watch.during_load(Endpoint::Health)?;
    let asked = watch.asked()?;
    let said: Vec<(Endpoint, Vec<Spell<'_>>)> =
        asked.iter().map(|(endpoint, looks)| (*endpoint, spells(looks))).collect();
    let mut wrong = two_tongued(&asked);
    wrong.extend(watch.contradictions(&asked));
    wrong.extend(
        said.iter()
            .filter_map(|(endpoint, spells)| flaps(*endpoint, spells, watch.checks.changes_per_minute)),
    );
    let all = said.iter().flat_map(|(endpoint, spells)| spells.iter().map(move |spell| (*endpoint, spell)));
    let mut changes: Vec<(Endpoint, &Spell<'_>)> = all.collect();
    changes.sort_by_key(|(_, spell)| spell.first.at);
    let bad_rows = wrong.iter().map(|one| {
        let dash = || "-".to_owned();
        let endpoint = format!("/{}", one.endpoint.word());
        (false, vec![endpoint, format_duration(one.at), dash(), dash(), dash(), one.what.clone()])
    });
    let rows = changes.iter().map(|(endpoint, spell)| (true, row(*endpoint, &spell.first)));
    let evidence = Evidence::of(&COLUMNS, bad_rows.chain(rows));
    let samples: u64 = asked.iter().map(|(_, looks)| looks.len() as u64).sum();
    let count: u64 = said.iter().map(|(_, spells)| spells.len() as u64 - 1).sum();
    let bad = wrong.len() as u64;
    let because = match wrong.first() {
        Some(first) => {
            format!("/{} at {}: {}", first.endpoint.word(), format_duration(first.at), first.what)
        }
        None if count == 0 => format!("nothing changed in {}", counted(samples, "probe")),
        None => format!(
            "{} in {}, and none contradicts another{}",
            counted(count, "change"),
            counted(samples, "probe"),
            leaps(&said)
        ),
    };
    Ok(Found { verdict: verdict_on(bad), value: counted(count, "change"), because, samples, bad, evidence })
}

fn row(endpoint: Endpoint, look: &Look<'_>) -> Vec<String> {
    vec![
        format!("/{}", endpoint.word()),
        format_duration(look.at),
        look.state(),
        look.status(),
        format_duration(look.latency),
        look.failing().join(", "),
    ]
}

/// Bodies that say unhealthy beside a status that says success: who looks at the status alone sees a healthy server.
fn two_tongued(asked: &[(Endpoint, &[Look<'_>])]) -> Vec<Wrong> {
    let looks = asked.iter().flat_map(|(endpoint, looks)| looks.iter().map(move |look| (*endpoint, look)));
    looks
        .filter(|(_, look)| look.is_two_tongued())
        .map(|(endpoint, look)| Wrong {
            endpoint,
            at: look.at,
            what: format!("HTTP status {} beside a body that says unhealthy", look.status()),
        })
        .collect()
}

/// More changes within a minute than `most`.
fn flaps(endpoint: Endpoint, spells: &[Spell<'_>], most: u64) -> Option<Wrong> {
    let changes: Vec<Duration> = spells.iter().skip(1).map(|spell| spell.first.at).collect();
    let from = |at: Duration| {
        changes.iter().filter(|change| **change >= at && **change < at + MINUTE).count() as u64
    };
    let (at, count) = changes.iter().map(|at| (*at, from(*at))).max_by_key(|(_, count)| *count)?;
    (count > most).then(|| Wrong {
        endpoint,
        at,
        what: format!("{} within a minute, {most} at the most are allowed", counted(count, "change")),
    })
}

/// That healthy turned unhealthy at once, where it did.
fn leaps(said: &[(Endpoint, Vec<Spell<'_>>)]) -> String {
    let health = said.iter().filter(|(endpoint, _)| *endpoint == Endpoint::Health);
    let mut pairs = health.flat_map(|(_, spells)| spells.windows(2));
    let leap = pairs.find(|pair| pair[0].mood == Mood::Well && pair[1].mood == Mood::Bad);
    leap.map_or(String::new(), |pair| {
        format!(
            "; /health turned {} at {} without being degraded before",
            pair[1].first.state(),
            format_duration(pair[1].first.at)
        )
    })
}

impl Watch<'_> {
    /// `/ready` said yes beside a `/health` that said unhealthy, twice on end. Where calls got no answer that is for `ready` to say.
    fn contradictions(&self, asked: &[(Endpoint, &[Look<'_>])]) -> Vec<Wrong> {
        let of = |wanted: Endpoint| {
            asked.iter().find(|(endpoint, _)| *endpoint == wanted).map(|(_, looks)| *looks)
        };
        let (Some(health), Some(ready)) = (of(Endpoint::Health), of(Endpoint::Ready)) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut was_odd = false;
        for look in health {
            let beside = ready.iter().min_by_key(|other| other.at.abs_diff(look.at));
            let beside =
                beside.filter(|other| other.at.abs_diff(look.at) <= self.seen.plan.observe.health_interval);
            let is_odd = look.mood() == Mood::Bad
                && beside.is_some_and(|other| other.mood() == Mood::Well)
                && !self.is_out(look.at);
            if is_odd && was_odd {
                found.push(Wrong {
                    endpoint: Endpoint::Ready,
                    at: look.at,
                    what: format!("says yes while /health says {}", look.state()),
                });
            }
            was_odd = is_odd;
        }
        found
    }
}
