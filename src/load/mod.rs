//! L2: the load: users who do the plan's transactions, and the books of what came of it.
//!
//! `goose.rs` is the only file of the house that names Goose; `user.rs` says what a user does, `recorder.rs` counts.

mod goose;
mod recorder;
mod user;

pub use self::goose::{Crew, LoadError};
pub use recorder::Recorder;
pub use user::{Signals, Workload};
