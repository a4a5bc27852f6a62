//! What holds for every format: golden files, hostile text, the schema; and what the builder makes of a run.
//!
//! `UPDATE_GOLDEN=1 cargo test --lib report` writes the golden files anew; read the difference before it is committed.

mod built;
mod golden;
mod hostile;
mod page;
mod schema;
