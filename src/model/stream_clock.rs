//! The times of answers that come in parts which objectives can limit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A time of an answer that came on a stream, or with news of its progress before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamClock {
    /// From sent to the first byte of the answer's head.
    FirstByte,
    /// From sent to the first message: of the call itself, or beside its answer.
    FirstMessage,
    /// The longest time from one message to the next.
    LongestGap,
}

impl StreamClock {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::FirstByte, Self::FirstMessage, Self::LongestGap];

    /// As SLO files name it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::FirstByte => "first_byte",
            Self::FirstMessage => "first_message",
            Self::LongestGap => "longest_gap",
        }
    }
}

impl fmt::Display for StreamClock {
    /// As reports name it: `p95 first byte`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstByte => "first byte",
            Self::FirstMessage => "first message",
            Self::LongestGap => "longest gap",
        })
    }
}
