//! Messages that belong to no call in flight, where a transport lets them be told: counted, and in no call's outcome.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// How many messages of each kind came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Strays {
    /// Answers that came after their calls had been given up.
    pub late: u64,
    /// Answers to calls that had been answered already.
    pub duplicate: u64,
    /// Answers to requests that nobody made.
    pub unknown: u64,
    /// Lines and events that were no messages of JSON-RPC.
    pub rubbish: u64,
}

impl Strays {
    /// True when there were none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Strays {
    fn add_assign(&mut self, other: Self) {
        self.late += other.late;
        self.duplicate += other.duplicate;
        self.unknown += other.unknown;
        self.rubbish += other.rubbish;
    }
}
