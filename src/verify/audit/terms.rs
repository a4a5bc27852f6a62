//! Which checks of the audit log are on, and on what terms.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::{LogFields, LogPlace};

/// The target's audit log against the calls of tools that were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChecks {
    /// The file.
    pub file: PathBuf,
    /// What its records call time and id, and under `level` how a call ended.
    pub fields: LogFields,
    /// What they call who called.
    pub who: String,
    /// What they call what was called.
    pub what: String,
    /// A record must be there so long after its call; it is waited for three times as long.
    pub lag_within: Duration,
    /// Which of the checks are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<AuditCheck>,
    /// Where it is written: `file:line`.
    pub origin: String,
}

impl AuditChecks {
    /// Where records are.
    pub(super) fn place(&self) -> LogPlace {
        LogPlace::File(self.file.clone())
    }

    /// The checks that are wanted, in the order of reports.
    pub fn wanted(&self) -> impl Iterator<Item = AuditCheck> + '_ {
        AuditCheck::ALL.into_iter().filter(|check| !self.except.contains(check))
    }

    /// As reports call them.
    pub fn wanted_words(&self) -> Vec<&'static str> {
        self.wanted().map(AuditCheck::word).collect()
    }
}

/// One of the checks of the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditCheck {
    /// One record for each call.
    Records,
    /// Records say who, what, when, and how it ended.
    Fields,
    /// Those of failed calls say so, and no others.
    Outcomes,
}

impl AuditCheck {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Records, Self::Fields, Self::Outcomes];

    /// As SLO files and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Fields => "fields",
            Self::Outcomes => "outcomes",
        }
    }
}
