//! L2: the load: users who do the plan's transactions, and the books of what came of it.
//!
//! `goose.rs` is the only file of the house that names Goose; `user.rs` says what a user does, `recorder.rs` counts.

mod arrivals;
mod forecast;
mod generator;
mod goose;
mod recorder;
mod sampler;
mod signal;
mod timer;
mod user;

pub use self::goose::{Crew, LoadError};
pub use forecast::forecast;
pub use generator::GeneratorWatch;
pub use recorder::{OpenCall, Recorder, Timing};
pub use sampler::{Sample, SampleBooks, Sampler};
pub use signal::{Signal, Signals};
pub use user::Workload;
