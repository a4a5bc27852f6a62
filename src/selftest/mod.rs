//! L4: a known-answer drill of gander itself: real runs against its demo target, whose own account of each call is the
//! truth that the reports are held against.
//!
//! `drill` says what is run, `claims` what must then be equal, `compare` whether it is; `conduct` alone does I/O.

mod claims;
mod compare;
mod conduct;
mod drill;
mod figures;
mod freeze;
mod render;
mod truth;

pub use compare::{Allowed, Row, Status, Value, Verdict};
pub use conduct::{Findings, SelftestError, SelftestOptions, conduct};
pub use drill::Pace;
pub use figures::{Ceiling, SendLag};
pub use render::{json, table};
pub use truth::TruthError;
