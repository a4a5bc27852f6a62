//! The four verdicts, and how several become one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What gander concludes of one criterion, or of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The evidence says the criterion holds.
    Pass,
    /// Too little evidence to say.
    Inconclusive,
    /// The harness could not do its job, so a pass would prove nothing.
    Invalid,
    /// The evidence says the criterion does not hold.
    Fail,
}

impl Verdict {
    /// One verdict for many: a proven failure stands, else an invalid run, else missing evidence, else a pass.
    /// Nothing to judge is [`Verdict::Inconclusive`]: no data is never a pass.
    pub fn of_all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().max().unwrap_or(Self::Inconclusive)
    }

    /// `PASS`, `FAIL`, `INCONCLUSIVE`, `INVALID`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Invalid => "INVALID",
            Self::Fail => "FAIL",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_judge_is_not_a_pass() {
        assert_eq!(Verdict::of_all([]), Verdict::Inconclusive);
    }

    #[test]
    fn the_gravest_verdict_wins() {
        use Verdict::{Fail, Inconclusive, Invalid, Pass};
        assert_eq!(Verdict::of_all([Pass, Pass]), Pass);
        assert_eq!(Verdict::of_all([Pass, Inconclusive]), Inconclusive);
        assert_eq!(Verdict::of_all([Invalid, Inconclusive]), Invalid);
        assert_eq!(Verdict::of_all([Fail, Invalid, Pass]), Fail);
    }
}
