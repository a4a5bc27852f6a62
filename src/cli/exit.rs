//! Exit codes: the one table of them.

use std::process::ExitCode;

use crate::model::Verdict;

/// Why the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every criterion passed, or the command did what it was asked.
    Success,
    /// At least one objective failed.
    Failed,
    /// Bad input: a file or a flag. Nothing was sent.
    BadInput,
    /// Too little data for a verdict.
    Inconclusive,
    /// The harness could not keep the promised load or record it.
    Invalid,
    /// The target is unreachable or not ready; nothing was measured.
    Unreachable,
    /// A bug in gander.
    Bug,
    /// Interrupted by this signal; the partial report is on disk.
    Signal(i32),
}

/// Every exit code with its meaning, as `gander --help` prints it.
pub const EXIT_CODES: [(u8, &str); 10] = [
    (0, "every criterion passed"),
    (1, "at least one objective failed (a check that does not hold fails its call, which counts there)"),
    (2, "bad input: scenario, SLO file, rule file or flag (nothing was sent)"),
    (3, "inconclusive: too little data for a verdict"),
    (4, "invalid: the harness could not keep the promised load or record it"),
    (5, "target unreachable or not ready (nothing was measured)"),
    (70, "a bug in gander"),
    (129, "interrupted by SIGHUP; the partial report is on disk"),
    (130, "interrupted by SIGINT; the partial report is on disk"),
    (143, "interrupted by SIGTERM; the partial report is on disk"),
];

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::Inconclusive => 3,
            Self::Invalid => 4,
            Self::Unreachable => 5,
            Self::Bug => 70,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(130),
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Success,
            Verdict::Fail => Self::Failed,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Invalid => Self::Invalid,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_out_is_in_the_table() {
        let ways = [
            Exit::Success,
            Exit::Failed,
            Exit::BadInput,
            Exit::Inconclusive,
            Exit::Invalid,
            Exit::Unreachable,
            Exit::Bug,
            Exit::Signal(1),
            Exit::Signal(2),
            Exit::Signal(15),
        ];
        let codes: Vec<u8> = ways.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, EXIT_CODES.map(|(code, _)| code));
    }
}
