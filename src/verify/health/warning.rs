//! Early warning: a health endpoint that says degraded only after an objective broke, or never, warned nobody.

use std::time::Duration;

use super::timeline::Probed;
use super::{Said, Watched};
use crate::model::{Endpoint, HealthState, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 4] = ["objective", "broken from", "/health not healthy from", "lead"];

pub(super) fn check(watched: &Watched<'_>) -> (Said, Evidence) {
    let started = watched.timeline.load.clone().unwrap_or_default().start;
    let sick = watched.timeline.probes(Endpoint::Health).find(|probed| is_sick(probed));
    let warned = sick.map(|probed| probed.at);
    let broken: Vec<(&str, Duration)> =
        watched.seen.broken.iter().map(|(name, second)| (name.as_str(), started + *second)).collect();
    // What is asked once in an interval is seen that much later.
    let patience = watched.seen.plan.observe.health_interval;
    let is_good = |at: Duration| warned.is_some_and(|warned| warned <= at + patience);
    let lead = |at: Duration| match warned {
        None => "-".to_owned(),
        Some(warned) if warned <= at => format_duration(at.saturating_sub(warned)),
        Some(warned) => format!("-{}", format_duration(warned.saturating_sub(at))),
    };
    let cells = |name: &str, at: Duration| {
        let warned = warned.map_or_else(|| "never".to_owned(), format_duration);
        vec![name.to_owned(), format_duration(at), warned, lead(at)]
    };
    let evidence = Evidence::of(&COLUMNS, broken.iter().map(|(name, at)| (is_good(*at), cells(name, *at))));
    let wrong: Vec<_> = broken.iter().filter(|(_, at)| !is_good(*at)).collect();
    let (value, because) = match (wrong.first(), broken.first()) {
        (Some((name, at)), _) => (
            format!("{} of {} not told", wrong.len(), broken.len()),
            match warned {
                None => format!(
                    "{name} was broken from {} on, and it said healthy all the time",
                    format_duration(*at)
                ),
                Some(warned) => format!(
                    "{name} was broken from {} on, and it said healthy until {}",
                    format_duration(*at),
                    format_duration(warned)
                ),
            },
        ),
        (None, Some((name, at))) => {
            (format!("lead {}", lead(*at)), format!("it was not healthy before {name} broke at {}", format_duration(*at)))
        }
        (None, None) => (
            "none broke".to_owned(),
            match sick {
                None => "no objective broke, and it said healthy all the time".to_owned(),
                Some(probed) => format!(
                    "no objective broke; it said {} at {}",
                    probed.text(),
                    format_duration(probed.at)
                ),
            },
        ),
    };
    (Said::of(broken.len(), wrong.len(), value, because), evidence)
}

fn is_sick(probed: &Probed<'_>) -> bool {
    matches!(probed.state(), Some(HealthState::Degraded | HealthState::Unhealthy))
}
