//! How a run is followed: one line that is redrawn on a terminal, a plain line now and then elsewhere.

use std::time::Duration;

use super::screen::Screen;
use crate::metrics::{Phase, Second};
use crate::model::{Event, LatencyHistogram, Level, format_count, format_duration, format_ratio};
use crate::plan::{Plan, Role};
use crate::run::RunEvent;

/// Without a terminal a line is printed each time this many seconds have passed.
const PLAIN_EVERY: u32 = 5;

/// Follows one run.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    screen: Screen,
    plan: &'a Plan,
    quiet: bool,
    drawn: bool,
    calls: u64,
    failed: u64,
    service: LatencyHistogram,
    ending: bool,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(screen: Screen, plan: &'a Plan, quiet: bool) -> Self {
        Self {
            screen,
            plan,
            quiet,
            drawn: false,
            calls: 0,
            failed: 0,
            service: LatencyHistogram::new(),
            ending: false,
        }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: RunEvent<'_>) {
        if self.quiet {
            return;
        }
        match event {
            RunEvent::Opened { .. } => {
                self.line(&format!("{}: starting, {}", self.plan.name, self.load_in_words()));
            }
            RunEvent::Contact { target } => {
                let server = target.server.as_deref().unwrap_or("server");
                let revision = if target.revision.is_empty() { "plain HTTP" } else { &target.revision };
                self.line(&format!("target {} is up: {server}, {revision}", target.url));
            }
            RunEvent::Second { second } => self.second(second),
            RunEvent::Observed { event } => {
                if let Event::Note { level: Level::Warning, text } = &event.what {
                    self.line(&format!("warning: {text}"));
                }
            }
            RunEvent::Stopping { signal } => {
                self.ending = true;
                self.line(&format!(
                    "signal {signal}: no new calls, waiting for those in flight (again: cut them off)"
                ));
            }
            RunEvent::Ended => self.clear(),
        }
    }

    fn load_in_words(&self) -> String {
        let load = &self.plan.load;
        format!("up to {} users for {}", load.peak_users(), format_duration(load.duration()))
    }

    fn second(&mut self, second: &Second) {
        for cell in &second.cells {
            if self.plan.step(cell.step).role == Role::Load && cell.phase == Phase::Steady {
                self.calls += cell.count;
                self.failed += if cell.outcome.is_failure() { cell.count } else { 0 };
                self.service.merge(&cell.service);
            }
        }
        if self.ending {
            return;
        }
        let elapsed = Duration::from_secs(u64::from(second.second) + 1);
        let total = self.plan.load.duration();
        if elapsed > total {
            return;
        }
        let ended: u64 = second
            .cells
            .iter()
            .filter(|cell| self.plan.step(cell.step).role == Role::Load)
            .map(|cell| cell.count)
            .sum();
        let p95 = self.service.quantile(0.95).map_or_else(|| "-".to_owned(), format_duration);
        let errors = if self.calls == 0 {
            "-".to_owned()
        } else {
            format!(
                "{} ({})",
                format_count(self.failed),
                format_ratio(self.failed as f64 / self.calls as f64)
            )
        };
        let warm = if elapsed <= self.plan.load.warm_up { " warm-up" } else { "" };
        let text = format!(
            "{:>4}/{}s{warm}  {} users  {ended} calls/s  p95 {p95}  errors {errors}",
            elapsed.as_secs(),
            total.as_secs(),
            second.users
        );
        if self.screen.interactive {
            self.screen.tell(&format!("\r\u{1b}[2K{text}"));
            self.drawn = true;
        } else if (second.second + 1).is_multiple_of(PLAIN_EVERY) {
            self.screen.tell(&format!("{text}\n"));
        }
    }

    fn line(&mut self, text: &str) {
        self.clear();
        self.screen.tell(&format!("{text}\n"));
    }

    fn clear(&mut self) {
        if self.drawn {
            self.screen.tell("\r\u{1b}[2K");
            self.drawn = false;
        }
    }
}
