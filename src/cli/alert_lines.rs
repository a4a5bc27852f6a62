//! What is said of alerts while a run goes on: a line for each that fires or is over, and how many there are.

use std::collections::BTreeMap;

use crate::model::{Labels, counted, format_duration, printable_text};
use crate::slo::{AlertNews, LiveState, Unit};

/// More lines than this are not printed: the report has all of it.
const MOST_LINES: usize = 40;

/// The alerts that are pending or firing.
#[derive(Debug, Default)]
pub(super) struct AlertLines {
    active: BTreeMap<Labels, LiveState>,
    printed: usize,
}

impl AlertLines {
    /// Takes in `news`; gives the line that tells of it, where there is one.
    pub(super) fn take(&mut self, news: &AlertNews) -> Option<String> {
        match news.state {
            LiveState::Pending | LiveState::Firing => {
                self.active.insert(news.labels.clone(), news.state);
            }
            LiveState::Resolved | LiveState::Dropped => {
                self.active.remove(&news.labels);
            }
            LiveState::Unknown => {}
        }
        if matches!(news.state, LiveState::Pending | LiveState::Dropped) || self.printed > MOST_LINES {
            return None;
        }
        self.printed += 1;
        if self.printed > MOST_LINES {
            return Some("more alerts change than there is room to tell: the report has them all".to_owned());
        }
        Some(line(news))
    }

    /// How many alerts there are, for a line of many things; empty without any.
    pub(super) fn so_far(&self) -> String {
        let count = |wanted| self.active.values().filter(|state| **state == wanted).count() as u64;
        let told = |state, word| match count(state) {
            0 => String::new(),
            count => format!(", {} {word}", counted(count, "alert")),
        };
        told(LiveState::Firing, "firing") + &told(LiveState::Pending, "pending")
    }
}

/// Labels and receivers may hold what the target said.
fn line(news: &AlertNews) -> String {
    let name = news.labels.get("alertname").unwrap_or("an alert");
    let others: Labels = news.labels.iter().filter(|(label, _)| *label != "alertname").collect();
    let at = format_duration(news.at);
    let told = match news.receivers.as_slice() {
        [] => String::new(),
        receivers => format!(", for {}", receivers.join(", ")),
    };
    let text = match news.state {
        LiveState::Firing => {
            let value =
                news.value.parse().map_or_else(|_| news.value.clone(), |value| Unit::Number.show(value));
            format!("alert {name} fires after {at}{told}: value {value}, {others}")
        }
        LiveState::Unknown => format!("rule {name} is unknown after {at}: {}", news.value),
        LiveState::Pending | LiveState::Resolved | LiveState::Dropped => {
            format!("alert {name} is over after {at}{told}: {others}")
        }
    };
    printable_text(&text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn news(instance: &str, state: LiveState) -> AlertNews {
        AlertNews {
            at: Duration::from_secs(33),
            labels: [("alertname", "Errors"), ("instance", instance)].into_iter().collect(),
            state,
            value: "0.079854809".to_owned(),
            receivers: vec!["pager".to_owned()],
        }
    }

    #[test]
    fn what_fires_and_what_is_over_is_told() {
        let mut lines = AlertLines::default();
        assert_eq!(
            (lines.take(&news("a", LiveState::Pending)), lines.so_far().as_str()),
            (None, ", 1 alert pending")
        );
        let fires = lines.take(&news("a", LiveState::Firing)).unwrap();
        assert_eq!(fires, r#"alert Errors fires after 33.0 s, for pager: value 0.0799, {instance="a"}"#);
        assert_eq!(lines.so_far(), ", 1 alert firing");
        let over = lines.take(&news("a", LiveState::Resolved)).unwrap();
        assert_eq!(over, r#"alert Errors is over after 33.0 s, for pager: {instance="a"}"#);
        assert_eq!(lines.so_far(), "");
    }

    #[test]
    fn hostile_labels_neither_reach_the_terminal_nor_flood_it() {
        let mut lines = AlertLines::default();
        let unknown = AlertNews { value: "too much".to_owned(), ..news("a", LiveState::Unknown) };
        let told = AlertLines::default().take(&unknown).unwrap();
        assert!(told.starts_with("rule ") && told.ends_with("too much"), "{told}");
        let evil = lines.take(&news("\u{1b}[2J\nx", LiveState::Firing)).unwrap();
        assert!(!evil.contains(['\u{1b}', '\n']), "{evil:?}");
        let printed = (0..1000).filter_map(|i| lines.take(&news(&i.to_string(), LiveState::Firing))).count();
        assert_eq!(printed, MOST_LINES);
        assert_eq!(lines.so_far(), ", 1,001 alerts firing");
    }
}
