//! L1: `alertmanager.yml` as it is, and what follows from it: which routes an alert takes, which alerts keep others
//! back, and who would have been paged when.
//!
//! It sends nothing and knows of no run: alerts come in as label sets and moments.

mod alerts_text;
mod config;
mod config_file;
mod inhibition;
mod matcher;
mod matcher_text;
mod paging;
mod receiver_file;
mod route_file;
mod scalars;
mod time_file;
mod time_interval;

#[cfg(test)]
mod tests;

pub use alerts_text::{load_alerts, parse_labels};
pub use config::{Config, Grouping, InhibitRule, Integration, Receiver, Route, Tells, Then};
pub use config_file::{load, load_file};
pub use inhibition::{Inhibition, inhibitions};
pub use matcher::{BadPattern, MatchOp, Matcher};
pub use matcher_text::{MatcherError, parse_matchers};
pub use paging::{AlertState, HeldBack, Hold, Page, Paging, Transition, Why, paging};
pub use time_interval::TimeInterval;
