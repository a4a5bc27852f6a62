//! Seconds merged into totals: by step, by role, by phase. The only place where cells are added up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ErrorBook, ErrorSample, Phase, Second, StreamCell};
use crate::model::{LatencyClock, LatencyHistogram, Outcome, OutcomeClass};
use crate::plan::{Plan, Role, StepId};

/// Calls added up: outcomes with their counts, latencies of all calls, and counts over the plan's thresholds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// Calls by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// What objectives judge, of every call that one counts, failed ones included: response times, which in a closed load
    /// are service times.
    pub latency: LatencyHistogram,
    /// The same of the successful calls alone.
    pub ok_latency: LatencyHistogram,
    /// In an open load, of those of these calls that were sent: from sent to the end of the answer...
    pub service: Option<LatencyHistogram>,
    /// ... and of all of them: from due to sent.
    pub lag: Option<LatencyHistogram>,
    /// [`Self::service`] of the successful calls alone.
    pub ok_service: Option<LatencyHistogram>,
    /// For each of the plan's thresholds: successful calls that were over it...
    pub ok_over: Vec<u64>,
    /// ... and calls that were sent, whatever came of them.
    pub sent_over: Vec<u64>,
}

/// Everything a run's seconds add up to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Aggregates {
    cells: BTreeMap<(StepId, Phase), Tally>,
    streams: BTreeMap<(StepId, Phase), StreamCell>,
    errors: ErrorBook,
    planned: u64,
}

impl Tally {
    /// All calls.
    pub fn calls(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Calls that objectives look at.
    pub fn counted(&self) -> u64 {
        self.outcomes.iter().filter(|(outcome, _)| outcome.counts()).map(|(_, count)| count).sum()
    }

    /// Successful calls.
    pub fn ok(&self) -> u64 {
        self.outcomes.get(&Outcome::Ok).copied().unwrap_or(0)
    }

    /// Failed calls.
    pub fn failed(&self) -> u64 {
        self.outcomes.iter().filter(|(outcome, _)| outcome.is_failure()).map(|(_, count)| count).sum()
    }

    /// Calls by class of failure, in the order of the layers, without classes that have none.
    pub fn failures(&self) -> Vec<(OutcomeClass, u64)> {
        OutcomeClass::ALL
            .into_iter()
            .filter(|class| *class != OutcomeClass::Ok)
            .map(|class| {
                let of_class = self.outcomes.iter().filter(|(outcome, _)| outcome.class() == class);
                (class, of_class.map(|(_, count)| count).sum())
            })
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Failed calls that had no answer.
    pub fn without_answer(&self) -> u64 {
        let outcomes = self.outcomes.iter().filter(|(outcome, _)| outcome.is_without_answer());
        outcomes.map(|(_, count)| count).sum()
    }

    /// Calls that were never sent.
    pub fn not_sent(&self) -> u64 {
        let outcomes = self.outcomes.iter().filter(|(outcome, _)| outcome.class() == OutcomeClass::NotSent);
        outcomes.map(|(_, count)| count).sum()
    }

    /// The latency on `clock` that a share `quantile` of the calls kept, with failed calls ranked as slower than any
    /// successful one (send lag: calls that were not sent, as far behind as their deadline); `None` when that share was
    /// not successful, or there were no calls.
    pub fn good_quantile(&self, clock: LatencyClock, quantile: f64) -> Option<Duration> {
        let latencies = self.good(clock)?;
        let rank = quantile * self.counted() as f64;
        let good = latencies.count() as f64;
        if rank <= good { latencies.quantile(rank / good) } else { None }
    }

    /// The latencies on `clock` of calls that count as good as long as they are not late; `None` where that clock did not
    /// run.
    pub fn good(&self, clock: LatencyClock) -> Option<&LatencyHistogram> {
        match clock {
            LatencyClock::Response => Some(&self.ok_latency),
            LatencyClock::Service => Some(self.ok_service.as_ref().unwrap_or(&self.ok_latency)),
            LatencyClock::SendLag => self.lag.as_ref(),
        }
    }

    fn add(&mut self, cell: &super::Cell) {
        *self.outcomes.entry(cell.outcome).or_default() += cell.count;
        if !cell.outcome.counts() {
            return;
        }
        self.latency.merge(cell.latency());
        let is_sent = cell.outcome.class() != OutcomeClass::NotSent;
        if let Some(lag) = &cell.lag {
            self.lag.get_or_insert_default().merge(lag);
            let service = self.service.get_or_insert_default();
            if is_sent {
                service.merge(&cell.service);
            }
        }
        if is_sent {
            add_each(&mut self.sent_over, &cell.over);
        }
        if cell.outcome.is_failure() {
            return;
        }
        self.ok_latency.merge(cell.latency());
        if cell.lag.is_some() {
            self.ok_service.get_or_insert_default().merge(&cell.service);
        }
        add_each(&mut self.ok_over, &cell.over);
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        self.latency.merge(&other.latency);
        let pairs = [
            (&mut self.service, &other.service),
            (&mut self.lag, &other.lag),
            (&mut self.ok_service, &other.ok_service),
        ];
        for (total, more) in pairs {
            if let Some(more) = more {
                total.get_or_insert_default().merge(more);
            }
        }
        self.ok_latency.merge(&other.ok_latency);
        add_each(&mut self.ok_over, &other.ok_over);
        add_each(&mut self.sent_over, &other.sent_over);
    }
}

fn add_each(totals: &mut Vec<u64>, more: &[u64]) {
    totals.resize(totals.len().max(more.len()), 0);
    for (total, more) in totals.iter_mut().zip(more) {
        *total += more;
    }
}

impl Aggregates {
    /// Adds up `seconds`.
    pub fn of(seconds: &[Second]) -> Self {
        let mut all = Self::default();
        for second in seconds {
            all.add(second);
        }
        all
    }

    /// Adds one second.
    pub fn add(&mut self, second: &Second) {
        self.planned += second.planned;
        second.errors.iter().for_each(|sample| self.errors.add(sample));
        for cell in &second.cells {
            self.cells.entry((cell.step, cell.phase)).or_default().add(cell);
        }
        for cell in &second.streams {
            let total = self.streams.entry((cell.step, cell.phase));
            total.or_insert_with(|| StreamCell::new(cell.step, cell.phase)).merge(cell);
        }
    }

    /// Calls planned over the whole run, all roles.
    pub fn planned(&self) -> u64 {
        self.planned
    }

    /// Why calls failed, by step, phase and class.
    pub fn errors(&self) -> Vec<ErrorSample> {
        self.errors.samples()
    }

    /// When the parts of answers to `step` came in one phase; `None` where none came in parts.
    pub fn streams(&self, step: StepId, phase: Phase) -> Option<&StreamCell> {
        self.streams.get(&(step, phase))
    }

    /// The smallest limit on a time of parts of answers that calls were held against when they ended.
    pub fn smallest_stream_limit(&self) -> Option<Duration> {
        let over = self.streams.values().flat_map(|cell| &cell.over);
        over.map(|over| over.of.within).min()
    }

    /// Calls recorded over the whole run, all roles.
    pub fn recorded(&self) -> u64 {
        self.cells.values().map(Tally::calls).sum()
    }

    /// The calls of one step in one phase; empty when there were none.
    pub fn step(&self, step: StepId, phase: Phase) -> Tally {
        self.cells.get(&(step, phase)).cloned().unwrap_or_default()
    }

    /// The calls of every step for which `wanted` says yes, in one phase or (`None`) in both.
    pub fn sum(
        &self,
        plan: &Plan,
        phase: Option<Phase>,
        wanted: impl Fn(&crate::plan::Step) -> bool,
    ) -> Tally {
        let mut total = Tally::default();
        for ((step, of_phase), tally) in &self.cells {
            if phase.is_none_or(|phase| phase == *of_phase) && wanted(plan.step(*step)) {
                total.merge(tally);
            }
        }
        total
    }

    /// The load calls of the steady phase: what objectives look at when they name nothing narrower.
    pub fn steady_load(&self, plan: &Plan) -> Tally {
        self.sum(plan, Some(Phase::Steady), |step| step.role == Role::Load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{BadMoments, Cell};

    fn cell(step: u16, phase: Phase, outcome: Outcome, millis: &[u64]) -> Cell {
        let mut service = LatencyHistogram::new();
        for &ms in millis {
            service.record(Duration::from_millis(ms));
        }
        let over = vec![millis.iter().filter(|&&ms| ms > 10).count() as u64];
        Cell {
            step: StepId(step),
            phase,
            outcome,
            count: millis.len() as u64,
            over,
            service,
            response: None,
            lag: None,
            bad_at: BadMoments::default(),
        }
    }

    fn second(cells: Vec<Cell>) -> Second {
        Second {
            second: 0,
            planned: 5,
            in_flight: 0,
            waiting: 0,
            users: 1,
            pacing: None,
            left_open: 0,
            resumed: 0,
            held: Duration::ZERO,
            strays: crate::model::Strays::default(),
            echoed: 0,
            messages: crate::model::Messages::default(),
            sessions: None,
            idle: None,
            outputs: Vec::new(),
            generator: None,
            cells,
            streams: Vec::new(),
            errors: Vec::new(),
        }
    }

    #[test]
    fn seconds_add_up_by_step_and_phase() {
        let all = Aggregates::of(&[
            second(vec![
                cell(0, Phase::Steady, Outcome::Ok, &[5, 20]),
                cell(0, Phase::WarmUp, Outcome::Ok, &[5]),
            ]),
            second(vec![
                cell(0, Phase::Steady, Outcome::ToolError, &[1]),
                cell(1, Phase::Steady, Outcome::Interrupted, &[1]),
            ]),
        ]);
        let step = all.step(StepId(0), Phase::Steady);
        assert_eq!((step.calls(), step.ok(), step.failed()), (3, 2, 1));
        assert_eq!(step.ok_over, vec![1]);
        assert_eq!(step.latency.count(), 3);
        assert_eq!(step.failures(), vec![(OutcomeClass::Tool, 1)]);
        assert_eq!((all.planned(), all.recorded()), (10, 5));
        assert_eq!(all.step(StepId(1), Phase::Steady).counted(), 0);
    }

    #[test]
    fn a_failed_call_ranks_slower_than_any_successful_one() {
        let all = Aggregates::of(&[second(vec![
            cell(0, Phase::Steady, Outcome::Ok, &[10, 20, 30, 40, 50, 60, 70, 80, 90]),
            cell(0, Phase::Steady, Outcome::ToolError, &[1]),
        ])]);
        let step = all.step(StepId(0), Phase::Steady);
        let near = |quantile, ms: u64| {
            let value = step.good_quantile(LatencyClock::Response, quantile).unwrap();
            assert!(value.abs_diff(Duration::from_millis(ms)) < Duration::from_micros(100), "{value:?}");
        };
        near(0.5, 50);
        near(0.9, 90);
        assert_eq!(step.good_quantile(LatencyClock::Response, 0.95), None);
        assert_eq!(Tally::default().good_quantile(LatencyClock::Response, 0.5), None);
    }
}
