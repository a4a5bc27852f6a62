//! How a run is followed: one line that is redrawn on a terminal, a plain line now and then elsewhere.

use std::time::Duration;

use super::alert_lines::AlertLines;
use super::screen::Screen;
use crate::metrics::{Aggregates, Cell, Flow, Second, SeriesStore};
use crate::model::{
    Event, Labels, Level, OutcomeClass, Verdict, counted, format_count, format_duration, format_ratio,
    signal_name,
};
use crate::plan::{Plan, Role};
use crate::run::RunEvent;
use crate::slo::{self, Measurements, Objective, Recorded};

/// Without a terminal a line is printed each time this many seconds have passed.
const PLAIN_EVERY: u32 = 5;

/// Follows one run.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    screen: Screen,
    plan: &'a Plan,
    /// The objectives on calls; those on metrics are judged at the end.
    objectives: Vec<Objective>,
    quiet: bool,
    drawn: bool,
    so_far: Aggregates,
    /// What [`Self::so_far`] is the sum of, without the latencies.
    seconds: Vec<Second>,
    steady: Flow,
    alerts: AlertLines,
    ending: bool,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(screen: Screen, plan: &'a Plan, objectives: &[Objective], quiet: bool) -> Self {
        let on_calls = |objective: &&Objective| !objective.indicator.is_scraped();
        Self {
            screen,
            plan,
            objectives: objectives.iter().filter(on_calls).cloned().collect(),
            quiet,
            drawn: false,
            so_far: Aggregates::default(),
            seconds: Vec::new(),
            steady: Flow::default(),
            alerts: AlertLines::default(),
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
                } else if let Event::Aborted(why) = &event.what {
                    self.ending = true;
                    self.line(&format!("aborting: {why}; no new calls, waiting for those in flight"));
                } else if let Event::Floor(floor) = &event.what {
                    self.line(&format!("floor, p99 against a server that answers at once: {}", floor.text()));
                }
            }
            RunEvent::Alert { news } => {
                if let Some(text) = self.alerts.take(news) {
                    self.line(&text);
                }
            }
            RunEvent::Stopping { signal } => {
                self.ending = true;
                self.line(&format!(
                    "{}: no new calls, waiting for those in flight (again: cut them off)",
                    signal_name(signal)
                ));
            }
            RunEvent::Ended => self.clear(),
        }
    }

    fn load_in_words(&self) -> String {
        let load = &self.plan.load;
        let users = load.peak_users();
        let plural = if users == 1 { "" } else { "s" };
        format!("up to {users} user{plural} for {}", format_duration(load.duration()))
    }

    fn second(&mut self, second: &Second) {
        self.so_far.add(second);
        self.seconds.push(second.counts_alone());
        if f64::from(second.second) >= self.plan.load.warm_up.as_secs_f64() {
            self.steady.add(second);
        }
        let elapsed = Duration::from_secs(u64::from(second.second) + 1);
        let total = self.plan.load.duration();
        if self.ending {
            return;
        }
        if elapsed > total {
            self.overrun(second);
            return;
        }
        let is_last = elapsed + Duration::from_secs(1) > total;
        if self.screen.interactive {
            let text = self.status(second, elapsed);
            self.screen.tell(&format!("\r\u{1b}[2K{text}"));
            self.drawn = true;
        } else if (second.second + 1).is_multiple_of(PLAIN_EVERY) || is_last {
            let text = self.status(second, elapsed);
            self.screen.tell(&format!("{text}\n"));
        }
    }

    /// What was due is still being done.
    fn overrun(&mut self, second: &Second) {
        if second.waiting == 0 {
            return;
        }
        let text = format!(
            "the load is over; {} iterations that were due wait for a user, each no longer than its timeout",
            format_count(second.waiting)
        );
        if self.screen.interactive {
            self.screen.tell(&format!("\r\u{1b}[2K{text}"));
            self.drawn = true;
        } else if (second.second + 1).is_multiple_of(PLAIN_EVERY) {
            self.screen.tell(&format!("{text}\n"));
        }
    }

    fn status(&self, second: &Second, elapsed: Duration) -> String {
        let is_load = |cell: &&Cell| {
            self.plan.step(cell.step).role == Role::Load && cell.outcome.class() != OutcomeClass::NotSent
        };
        let ended: u64 = second.cells.iter().filter(is_load).map(|cell| cell.count).sum();
        let steady = self.so_far.steady_load(self.plan);
        let p95 = steady.latency.quantile(0.95).map_or_else(|| "-".to_owned(), format_duration);
        let errors = match steady.counted() {
            0 => "-".to_owned(),
            calls => {
                let failed = steady.failed();
                format!("{} ({})", format_count(failed), format_ratio(failed as f64 / calls as f64))
            }
        };
        let warm_up = self.plan.load.warm_up;
        let verdict = if elapsed <= warm_up { ", warm-up".to_owned() } else { self.verdict_so_far(elapsed) };
        format!(
            "{:>4}/{}s  {}  {ended} calls/s   so far: p95 {p95}, errors {errors}{verdict}{}",
            elapsed.as_secs(),
            self.plan.load.duration().as_secs(),
            counted(second.users.into(), "user"),
            self.alerts.so_far()
        )
    }

    /// The verdict of the objectives on calls, if the load ended now.
    fn verdict_so_far(&self, elapsed: Duration) -> String {
        if self.objectives.is_empty() {
            return String::new();
        }
        let run = Measurements {
            plan: self.plan,
            seconds: &self.seconds,
            aggregates: &self.so_far,
            flow: &self.steady,
            recorded: Recorded { series: &SeriesStore::default(), events: &[], fetched: None, zero_ms: 0 },
            labels: Labels::none(),
            steady: &(self.plan.load.warm_up..elapsed),
            began: Duration::ZERO,
        };
        let findings = slo::judge(&self.objectives, &run);
        let verdict = Verdict::of_all(findings.iter().map(|finding| finding.verdict));
        let failing: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Fail)
            .map(|finding| finding.name.as_str())
            .collect();
        match failing.as_slice() {
            [] => format!(", {verdict}"),
            [one] => format!(", {verdict}: {one}"),
            [one, rest @ ..] => format!(", {verdict}: {one} and {} more", rest.len()),
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
