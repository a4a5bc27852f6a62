//! L1: from a JSON Schema (draft 2020-12, and the forms of draft-07) to values that hold it: seeded, pure, bounded.
//!
//! A schema comes from a server, so it is hostile: whatever it says, depth, size and work are limited, and what can't be
//! met is an error that names the keyword. It knows nothing of tools, of calls or of YAML.

mod checker;
mod document;
mod drawn;
mod error;
mod expand;
mod generator;
mod numbers;
mod pattern;
mod shape;
mod structures;
mod texts;
mod weight;

#[cfg(test)]
mod tests;

pub use checker::{Checker, Violation};
pub use drawn::{Drawn, Given, Many};
pub use error::{Fault, SchemaError};
pub use generator::{Generator, Hole, Mode, Readable};

use serde_json::Value;

use crate::model::CounterRng;

/// A value that holds `schema`, drawn from `rng`.
///
/// # Errors
/// The keyword that can't be met, and where it stands.
pub fn generate(schema: &Value, rng: &mut CounterRng) -> Result<Value, SchemaError> {
    Generator::new(schema)?.value(Mode::Random, rng)
}
