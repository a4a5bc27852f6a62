//! What was counted of one of the target's logs, as checks of it look at it.

use super::Said;
use crate::metrics::{LogFault, LogFaultKind, LogStore, LogTrouble, StepLines};
use crate::model::{Verdict, format_count, format_duration};
use crate::plan::{LogPlace, Plan, StepId};
use crate::verify::Seen;

/// So many examples stand beside a table.
const MOST_EXAMPLES: usize = 20;

/// What was counted, and the names of what it was counted for.
#[derive(Clone, Copy)]
pub(in crate::verify) struct Sheet<'a> {
    plan: &'a Plan,
    pub(in crate::verify) log: &'a LogStore,
}

impl<'a> Sheet<'a> {
    /// What was seen of the `log` at `place`, or why nothing was.
    pub(in crate::verify) fn of(
        log: Option<&'a LogStore>,
        place: &LogPlace,
        seen: &Seen<'a>,
    ) -> Result<Self, String> {
        let Some(log) = log else {
            return Err("the log was not followed: record the run with these checks".to_owned());
        };
        let place = place.text();
        match &log.trouble {
            _ if log.tally.lines > 0 => Ok(Self { plan: seen.plan, log }),
            Some(LogTrouble::NoFile) => {
                Err(format!("`{place}` is not there: does the target write its log to this file?"))
            }
            Some(LogTrouble::Other(words)) => Err(format!("`{place}` can't be read: {words}")),
            None if log.ended => Ok(Self { plan: seen.plan, log }),
            None => Err("the run ended before the log was looked at".to_owned()),
        }
    }

    /// What was not seen to its end may have gone wrong there: then what was `said` is no PASS.
    pub(in crate::verify) fn doubted(&self, said: Said) -> Said {
        let doubt = match &self.log.trouble {
            Some(LogTrouble::Other(words)) => format!("the log could not be read at last ({words})"),
            Some(LogTrouble::NoFile) => "the log was gone at last".to_owned(),
            None if !self.log.ended => "the run ended before the last lines were waited for".to_owned(),
            None => return said,
        };
        if said.verdict != Verdict::Pass {
            return said;
        }
        Said { verdict: Verdict::Inconclusive, because: format!("{doubt}; {}", said.because), ..said }
    }

    /// The first of what is odd in these ways, as the end of a sentence.
    pub(in crate::verify) fn first(&self, kinds: &[LogFaultKind]) -> String {
        let first = self.log.first(kinds).map(|fault| format!("; the first is {}", self.example(fault)));
        first.unwrap_or_default()
    }

    /// The name of a step.
    pub(in crate::verify) fn step(&self, step: StepId) -> &str {
        self.plan.steps.get(step.index()).map_or("?", |step| step.name.as_str())
    }

    /// A call as tables name it.
    pub(in crate::verify) fn example(&self, fault: &LogFault) -> String {
        let call = fault.call.map(|call| format!("request {call}"));
        let step = fault.step.map(|step| format!("of {}", self.step(step)));
        let at = format!("at {}", format_duration(std::time::Duration::from_micros(fault.at_us)));
        call.into_iter().chain(step).chain([at]).collect::<Vec<_>>().join(" ")
    }

    /// The rows of `cells` for each step, those with something `bad` first.
    pub(in crate::verify) fn by_step<'s>(
        &'s self,
        bad: impl Fn(&StepLines) -> u64 + 's,
        cells: impl Fn(&StepLines) -> Vec<u64> + 's,
    ) -> impl Iterator<Item = (bool, Vec<String>)> + 's {
        self.log.steps.iter().map(move |(step, lines)| {
            let counts = cells(lines).into_iter().map(format_count);
            let row = std::iter::once(self.step(*step).to_owned()).chain(counts).collect();
            (bad(lines) == 0, row)
        })
    }

    /// Rows of examples of `kinds`, as wide as the table.
    pub(in crate::verify) fn examples(
        &self,
        kinds: &[LogFaultKind],
        columns: usize,
    ) -> Vec<(bool, Vec<String>)> {
        let faults = self.log.faults.iter().filter(|fault| kinds.contains(&fault.kind));
        let row = |fault: &LogFault| {
            let mut row = vec![self.example(fault), fault.text.clone()];
            row.resize(columns, String::new());
            (false, row)
        };
        faults.take(MOST_EXAMPLES).map(row).collect()
    }
}
