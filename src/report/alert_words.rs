//! What became of alerts, in the words that all formats share.

use std::collections::BTreeMap;

use crate::model::{Labels, format_count, format_seconds};
use crate::slo::{AlertHistory, AlertReading, AlertRow, AlertSpan, PageRow};

/// More pages than this are counted, not told one by one.
const MOST_PAGES: usize = 20;

/// On which terms the rules were evaluated.
pub(super) fn terms(history: &AlertHistory) -> String {
    let span = format_seconds(history.span);
    match history.time_scale {
        1 => format!("Rules as written, evaluated over {span} of this run"),
        scale => format!("All times of the rules divided by {scale}, evaluated over {span} of this run"),
    }
}

/// How many rules there were, and what came of them.
pub(super) fn counts(history: &AlertHistory) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &history.rules {
        *counts.entry(row.reading.text()).or_default() += 1;
    }
    let told: Vec<String> =
        counts.into_iter().map(|(reading, count)| format!("{} {reading}", format_count(count))).collect();
    told.join(", ")
}

/// `for`, as the rule was evaluated.
pub(super) fn hold(row: &AlertRow) -> String {
    format_seconds(row.hold)
}

/// Who would have been told, or what is known of that.
pub(super) fn told(history: &AlertHistory, row: &AlertRow) -> String {
    match (&history.pages, row.receivers.as_slice()) {
        (None, _) => "-".to_owned(),
        (Some(_), []) => "nobody".to_owned(),
        (Some(_), receivers) => receivers.join(", "),
    }
}

/// Why a rule reads as it does, and what that is worth.
pub(super) fn because(row: &AlertRow) -> String {
    let AlertRow { because, reading, .. } = row;
    match reading {
        _ if !row.out_of_reach => because.clone(),
        AlertReading::Fired => format!("{because}, though it is named in `out_of_reach`"),
        AlertReading::Pending
        | AlertReading::Silent
        | AlertReading::TooShort
        | AlertReading::NoSuchSeries
        | AlertReading::Failed
        | AlertReading::Refused => format!(
            "{because}; named in `out_of_reach`: this target can't make it fire, so nothing is concluded of its silence"
        ),
    }
}

/// True where the reading says that something was wrong, or can't be told.
pub(super) fn needs_a_word(row: &AlertRow) -> bool {
    row.reading != AlertReading::Silent || row.out_of_reach
}

/// What an alert would have done, where that was guessed.
pub(super) fn projected(row: &AlertRow) -> Option<String> {
    let projected = row.projected.as_ref()?;
    Some(format!("projected if sustained (an estimate): {}; {}", projected.reading.text(), projected.because))
}

/// What an alert says of itself: its annotations `summary` and `description`, of the first that fired.
pub(super) fn summary(row: &AlertRow) -> Option<String> {
    let fired = row.spans.iter().find(|span| span.fired_at.is_some())?;
    let of = |name: &str| fired.annotations.get(name).filter(|text| !text.is_empty());
    let told: Vec<&str> =
        [of("summary"), of("description")].into_iter().flatten().map(String::as_str).collect();
    (!told.is_empty()).then(|| told.join(": "))
}

/// The life of an alert.
pub(super) fn life(span: &AlertSpan) -> String {
    let fired = span.fired_at.map(|at| format!("fired at {}", format_seconds(at)));
    let ended = span.ended_at.map(|at| format!("over at {}", format_seconds(at)));
    let active = format!("held from {}", format_seconds(span.active_at));
    let told: Vec<String> = [Some(active), fired, ended].into_iter().flatten().collect();
    format!("{}, value {}", told.join(", "), span.value)
}

/// Labels but for the alert's name, as Prometheus writes them.
pub(super) fn others(labels: &Labels) -> String {
    let others: Labels = labels.iter().filter(|(name, _)| *name != "alertname").collect();
    others.to_string()
}

/// Recording rules that failed, a sentence each: alerts that read them may be silent for that alone.
pub(super) fn broken(history: &AlertHistory) -> impl Iterator<Item = String> {
    history.broken.iter().map(|(rule, why)| format!("the recording rule {rule} failed: {why}"))
}

/// Who would have been paged, a sentence each.
pub(super) fn paged(history: &AlertHistory) -> Vec<String> {
    let Some(pages) = &history.pages else {
        return vec![
            "who would have been paged is not known: no `alertmanager` is named beside the rules".to_owned(),
        ];
    };
    let mut told: Vec<String> = pages.iter().take(MOST_PAGES).map(page).collect();
    if pages.len() > MOST_PAGES {
        told.push(format!("and {} more notifications", pages.len() - MOST_PAGES));
    }
    for held in &history.held_back {
        let alert = held.labels.get("alertname").unwrap_or("an alert");
        told.push(format!(
            "{}: {} is not told of {alert}: {}",
            format_seconds(held.at),
            held.receiver,
            held.because
        ));
    }
    if pages.is_empty() {
        told.push("nobody would have been paged".to_owned());
    }
    told
}

fn page(page: &PageRow) -> String {
    let how = match page.kinds.as_slice() {
        [] => "a receiver without integrations, which reaches nobody".to_owned(),
        kinds => kinds.join(", "),
    };
    let names = |alerts: &[Labels]| -> Option<String> {
        let mut names: BTreeMap<&str, u64> = BTreeMap::new();
        for labels in alerts {
            *names.entry(labels.get("alertname").unwrap_or("an alert")).or_default() += 1;
        }
        let with_counts = names.into_iter().map(|(name, count)| match count {
            1 => name.to_owned(),
            count => format!("{name} ({count} alerts)"),
        });
        (!alerts.is_empty()).then(|| with_counts.collect::<Vec<_>>().join(", "))
    };
    let resolved = names(&page.resolved).map(|names| format!("{names} resolved"));
    let parts: Vec<String> = [names(&page.firing), resolved].into_iter().flatten().collect();
    format!("{}: {} ({how}): {}", format_seconds(page.at), page.receiver, parts.join("; "))
}
