//! The SLO file: limits that hold for now, from what was seen, and where to put better ones.

use std::time::Duration;

use super::comments::{comment, one_line};
use super::draft::{Call, Entry};
use super::inventory::is_name;
use super::yaml::{duration, scalar};

/// No limit is below this: one call at a time says little of many at once.
const LOWEST: Duration = Duration::from_millis(500);
/// No limit of a single tool is below this.
const LOWEST_OF_ONE: Duration = Duration::from_millis(100);
/// The limit where nothing was tried.
const GUESS: Duration = Duration::from_secs(1);
/// How many times as long as it was seen to take a call may take under load.
const MARGIN: u32 = 10;
/// The longest limit: as long as a call is waited for.
const HIGHEST: Duration = Duration::from_secs(10);
/// Tools that are named.
const MOST_TOOLS: usize = 20;

/// The objectives for `entries`.
pub(super) fn slo_text(name: &str, entries: &[Entry]) -> String {
    let on = || entries.iter().filter(|entry| entry.is_on());
    let name = scalar(name);
    let mut text = comment(
        0,
        &format!(
            "What `gander run {name}.yaml` must hold, written by `gander init`: limits to begin with. Make them what \
             your users need. No data is never a pass: an objective without enough calls is INCONCLUSIVE."
        ),
    );
    text.push_str("\nversion: 1\n\nobjectives:\n  - name: calls succeed\n    error_ratio: 1%\n\n");
    let slowest = on().filter_map(|entry| Some((entry.took?, &entry.name))).max();
    let (limit, why) = match slowest {
        Some((took, slowest)) => (
            generous(took, LOWEST),
            format!(
                "The slowest call when each was tried once, alone, was {}: it took {}. The limit is generous, \
                 because under load calls take longer.",
                one_line(slowest),
                rounded(took)
            ),
        ),
        None => (GUESS, "A guess: no call was tried.".to_owned()),
    };
    text.push_str(&comment(2, &why));
    text.extend(["  - name: calls are fast\n    latency: {p95: ", &duration(limit), "}\n"]);
    let tools: Vec<(&str, Option<Duration>)> = on()
        .filter_map(|entry| match &entry.call {
            Call::Tool { tool, .. } => Some((tool.as_str(), entry.took)),
            Call::Bare(_) | Call::Resource { .. } | Call::Prompt { .. } => None,
        })
        .collect();
    if !tools.is_empty() {
        text.push('\n');
        text.push_str(&comment(
            2,
            "Each tool can have limits of its own. A p95 takes at least 59 calls of that tool for a PASS, so give them \
             a longer `duration`, or more users. Remove the `# ` to have them judged.",
        ));
    }
    for (tool, took) in tools.into_iter().take(MOST_TOOLS) {
        let name = format!("{tool} is fast");
        if !is_name(&name) {
            continue;
        }
        let limit = took.map_or(GUESS, |took| generous(took, LOWEST_OF_ONE));
        let seen = took.map(|took| format!("    # it took {}", rounded(took))).unwrap_or_default();
        text.extend(["  # - name: ", &scalar(&name), "\n  #   of: {tool: ", &scalar(tool), "}\n"]);
        text.extend(["  #   latency: {p95: ", &duration(limit), "}", &seen, "\n"]);
    }
    text
}

/// A limit that what took `took` alone holds under load, too: a round number.
fn generous(took: Duration, lowest: Duration) -> Duration {
    let wanted = (took * MARGIN).clamp(lowest, HIGHEST).as_millis();
    let mut unit = 1;
    loop {
        if let Some(round) = [1, 2, 5].into_iter().map(|digit| digit * unit).find(|round| *round >= wanted) {
            return Duration::from_millis(u64::try_from(round).unwrap_or(u64::MAX));
        }
        unit *= 10;
    }
}

/// In milliseconds, at least one.
fn rounded(took: Duration) -> String {
    format!("{} ms", took.as_millis().max(1))
}
