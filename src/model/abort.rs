//! Why gander stopped a load by itself: what was to hold and did not.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{format_count, format_ratio};

/// Beyond this an e-value says no more.
const LARGEST_TOLD: f64 = 1e12;

/// What ended a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Abort {
    /// An objective that says `abort: true`: the evidence against it was enough to stop.
    Budget {
        /// Its name.
        objective: String,
        /// Calls so far.
        calls: u64,
        /// How many of them were bad.
        bad: u64,
        /// The share that may be, from 0 to 1.
        budget: f64,
        /// The evidence against it; `None` where nothing may be bad, and one call was.
        e_value: Option<f64>,
        /// How much was needed.
        needed: f64,
    },
    /// `abort_when: {all_calls_fail_for: ...}`.
    AllFailed {
        /// For so many seconds every call that ended had failed.
        seconds: u32,
        /// How many those were.
        calls: u64,
    },
    /// `abort_when: {no_answer_for: ...}`. Readers from before it refuse the directory.
    NoAnswer {
        /// For so many seconds nothing came back for any call.
        seconds: u32,
        /// How many calls waited at their end.
        in_flight: u64,
        /// How many ended in them without an answer.
        ended: u64,
    },
}

impl Abort {
    /// When it was, in words.
    pub fn after(at: Duration) -> String {
        format!("after {} s", at.as_secs())
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget { objective, calls, bad, budget, e_value, needed } => {
                let share = *bad as f64 / (*calls).max(1) as f64;
                let (bad, calls) = (format_count(*bad), format_count(*calls));
                let (share, budget) = (format_ratio(share), format_ratio(*budget));
                write!(f, "{objective}: {bad} of {calls} calls were bad ({share}), budget {budget}")?;
                match e_value {
                    None => Ok(()),
                    Some(e_value) if *e_value > LARGEST_TOLD => {
                        write!(f, "; e-value above {LARGEST_TOLD:.0e}, {needed} are enough")
                    }
                    Some(e_value) => write!(f, "; e-value {e_value:.1}, {needed} are enough"),
                }
            }
            Self::AllFailed { seconds, calls } => {
                let calls = format_count(*calls);
                write!(f, "all calls failed for {seconds} s: {calls} of {calls}")
            }
            Self::NoAnswer { seconds, in_flight, ended } => {
                write!(f, "nothing answered for {seconds} s: {} calls in flight", format_count(*in_flight))?;
                match ended {
                    0 => Ok(()),
                    ended => write!(f, ", {} ended without an answer", format_count(*ended)),
                }
            }
        }
    }
}
