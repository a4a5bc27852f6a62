//! The target's structured log against the client's own books: each answered call has its line, failed calls have that of an error, lines
//! have their fields and are there in time.
//!
//! Lines and calls were matched while the run was on; here is judged what was counted then.

mod errors;
mod fields;
pub(in crate::verify) mod file;
mod lag;
mod lines;
pub(in crate::verify) mod sheet;
mod slow;
mod terms;

#[cfg(test)]
mod tests;

pub use terms::{LogCheck, LogChecks};

use self::sheet::Sheet;
use super::{Checked, Evidence, Seen};
use crate::metrics::LogStore;
use crate::model::Verdict;
use crate::plan::LogPlace;

/// What the checks look at.
struct Journal<'a> {
    checks: &'a LogChecks,
    sheet: Sheet<'a>,
    log: &'a LogStore,
}

/// What a check has to say.
pub(in crate::verify) struct Said {
    pub(in crate::verify) verdict: Verdict,
    pub(in crate::verify) value: String,
    pub(in crate::verify) limit: String,
    pub(in crate::verify) because: String,
    pub(in crate::verify) samples: u64,
    pub(in crate::verify) bad: u64,
    pub(in crate::verify) evidence: Evidence,
}

/// What came of each check that is wanted.
pub(super) fn checked(checks: &LogChecks, seen: &Seen<'_>) -> Vec<Checked> {
    checks
        .wanted()
        .map(|check| {
            let said = match Sheet::of(seen.log, &checks.place, seen) {
                Err(because) => Said::unknown(because),
                Ok(sheet) => Journal { checks, sheet, log: sheet.log }.check(check),
            };
            said.into_checked(check, checks)
        })
        .collect()
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
        self.sheet.doubted(said)
    }
}

impl Said {
    pub(in crate::verify) fn unknown(because: String) -> Self {
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
        let scope = match &checks.place {
            LogPlace::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            LogPlace::Elasticsearch(index) => index.index.clone(),
        };
        let on_time = matches!(check, LogCheck::Slow | LogCheck::Lag);
        self.checked(format!("logs: {}", check.word()), scope, on_time)
    }

    /// As what came of the check `name`.
    pub(in crate::verify) fn checked(self, name: String, scope: String, on_time: bool) -> Checked {
        let Self { verdict, value, limit, because, samples, bad, evidence } = self;
        Checked { name, scope, verdict, value, limit, samples, bad, because, on_time, evidence }
    }
}
