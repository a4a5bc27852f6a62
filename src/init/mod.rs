//! L3: a first scenario for a server that is there, and its SLOs: asks it what it has, tries each call once, and gives the
//! text of both files.
//!
//! It touches no file and judges nothing. All that the server says is hostile: it is written as comments and as quoted
//! texts, without secrets, and what was written is read back before it is given out.

mod asker;
mod comments;
mod draft;
mod inventory;
mod scenario_text;
mod slo_text;
mod survey;
mod visit;
mod yaml;

#[cfg(test)]
mod tests;

pub use visit::{Drafted, InitError, InitOptions, Probing, Server, Visit, visit};
