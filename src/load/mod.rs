//! L2: the load: users who do the plan's transactions, and the books of what came of it.
//!
//! `goose.rs` is the only file of the house that names Goose; `user.rs` says what a user does, `recorder.rs` counts.

mod arrivals;
mod generator;
mod goose;
mod recorder;
mod signal;
mod timer;
mod user;

pub use self::goose::{Crew, LoadError};
pub use generator::GeneratorWatch;
pub use recorder::{OpenCall, Recorder, Timing};
pub use signal::{Signal, Signals};
pub use user::Workload;
