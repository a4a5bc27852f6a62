//! The target's structured log against the client's own books: each answered call has its line, failed calls have that of an error, lines
//! have their fields and are there in time.
//!
//! Lines and calls were matched while the run was on; here is judged what was counted then.

mod errors;
mod fields;
pub(in crate::verify) mod file;
mod lag;
mod lines;
mod slow;
mod terms;

#[cfg(test)]
mod tests;

pub use terms::{LogCheck, LogChecks};

use super::{Checked, Evidence, Seen};
use crate::metrics::{LogFault, LogStore, LogTrouble, StepLines};
use crate::model::{Verdict, format_count, format_duration};
use crate::plan::{LogPlace, StepId};

/// So many examples stand beside a table.
const MOST_EXAMPLES: usize = 20;

/// What the checks look at.
struct Journal<'a> {
    checks: &'a LogChecks,
    seen: &'a Seen<'a>,
    log: &'a LogStore,
}

/// What a check has to say.
struct Said {
    verdict: Verdict,
    value: String,
    limit: String,
    because: String,
    samples: u64,
    bad: u64,
    evidence: Evidence,
}

/// What came of each check that is wanted.
pub(super) fn checked(checks: &LogChecks, seen: &Seen<'_>) -> Vec<Checked> {
    checks
        .wanted()
        .map(|check| {
            let said = match unknown(checks, seen) {
                Err(because) => Said::unknown(because),
                Ok(log) => Journal { checks, seen, log }.check(check),
            };
            said.into_checked(check, checks)
        })
        .collect()
}

/// What was seen of the log, or why nothing was.
fn unknown<'a>(checks: &LogChecks, seen: &Seen<'a>) -> Result<&'a LogStore, String> {
    let Some(log) = seen.log else {
        return Err("the log was not followed: record the run with these checks".to_owned());
    };
    let place = checks.place.text();
    match &log.trouble {
        _ if log.tally.lines > 0 => Ok(log),
        Some(LogTrouble::NoFile) => {
            Err(format!("`{place}` is not there: does the target write its log to this file?"))
        }
        Some(LogTrouble::Other(words)) => Err(format!("`{place}` can't be read: {words}")),
        None if log.ended => Ok(log),
        None => Err("the run ended before the log was looked at".to_owned()),
    }
}

impl Journal<'_> {
    fn check(&self, check: LogCheck) -> Said {
        let said = match check {
            LogCheck::Lines => self.lines(),
            LogCheck::Errors => self.errors(),
            LogCheck::Fields => self.fields(),
            LogCheck::Slow => self.slow(),
            LogCheck::Lag => self.lag(),
        };
        // What was not seen to its end may have gone wrong there.
        let doubt = match &self.log.trouble {
            Some(LogTrouble::Other(words)) => Some(format!("the log could not be read at last ({words})")),
            Some(LogTrouble::NoFile) => Some("the log was gone at last".to_owned()),
            None if !self.log.ended => Some("the run ended before the last lines were waited for".to_owned()),
            None => None,
        };
        match doubt {
            Some(doubt) if said.verdict == Verdict::Pass => {
                Said { verdict: Verdict::Inconclusive, because: format!("{doubt}; {}", said.because), ..said }
            }
            Some(_) | None => said,
        }
    }

    /// The name of a step.
    fn step(&self, step: StepId) -> &str {
        self.seen.plan.steps.get(step.index()).map_or("?", |step| step.name.as_str())
    }

    /// A call as tables name it.
    fn example(&self, fault: &LogFault) -> String {
        let call = fault.call.map(|call| format!("request {call}"));
        let step = fault.step.map(|step| format!("of {}", self.step(step)));
        let at = format!("at {}", format_duration(std::time::Duration::from_micros(fault.at_us)));
        call.into_iter().chain(step).chain([at]).collect::<Vec<_>>().join(" ")
    }

    /// The rows of `cells` for each step, those with something `bad` first.
    fn by_step<'s>(
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
    fn examples(&self, kinds: &[crate::metrics::LogFaultKind], columns: usize) -> Vec<(bool, Vec<String>)> {
        let faults = self.log.faults.iter().filter(|fault| kinds.contains(&fault.kind));
        let row = |fault: &LogFault| {
            let mut row = vec![self.example(fault), fault.text.clone()];
            row.resize(columns, String::new());
            (false, row)
        };
        faults.take(MOST_EXAMPLES).map(row).collect()
    }
}

impl Said {
    fn unknown(because: String) -> Self {
        Self {
            verdict: Verdict::Inconclusive,
            value: "not known".to_owned(),
            limit: String::new(),
            because,
            samples: 0,
            bad: 0,
            evidence: Evidence::default(),
        }
    }

    fn into_checked(self, check: LogCheck, checks: &LogChecks) -> Checked {
        Checked {
            name: format!("logs: {}", check.word()),
            scope: match &checks.place {
                LogPlace::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                LogPlace::Elasticsearch(index) => index.index.clone(),
            },
            verdict: self.verdict,
            value: self.value,
            limit: self.limit,
            samples: self.samples,
            bad: self.bad,
            because: self.because,
            on_time: matches!(check, LogCheck::Slow | LogCheck::Lag),
            evidence: self.evidence,
        }
    }
}
