//! L1, the base: what users wrote in files, as trees whose every value knows its place, and the problems found in
//! them, collected and shown all at once.
//!
//! It knows YAML and JSON, and nothing of what the fields mean.

mod beside;
mod fields;
mod files;
mod inside;
mod json;
mod node;
mod number;
mod problem;
mod render;
mod secrets;
mod service_url;
mod source;
mod suggest;
mod yaml;

pub use files::Files;
pub use problem::{Problem, Problems, Severity};
pub use source::{Place, Source};

pub(crate) use beside::candidates;
pub(crate) use fields::{Field, Fields, parse_share};
pub(crate) use json::parse_json;
pub(crate) use node::{Entry, Key, Node, Value};
pub(crate) use number::parse_number;
pub(crate) use suggest::{nearest, one_of, quoted, way_out};
pub(crate) use yaml::{parse, parse_all};
