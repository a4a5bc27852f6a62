//! L1: PromQL in process: queries, the series they are asked of, the engine that answers them as Prometheus 3 would.
//!
//! ```
//! use gander::promql::{Engine, Labels, Query, Storage, Value};
//!
//! let mut storage = Storage::new();
//! let up = storage.series(&Labels::from_pairs([("__name__", "up"), ("job", "mcp")]));
//! storage.append(up, 1_000, 1.0)?;
//! storage.append(up, 2_000, 0.0)?;
//!
//! let query = Query::parse("up == 0")?;
//! let answer = Engine::default().instant(&query, &storage, 2_500)?;
//! let Value::Vector(samples) = answer.value else { panic!("a comparison gives a vector") };
//! assert_eq!(samples[0].labels.to_string(), r#"up{job="mcp"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A query's life: [`Query::parse`] (bounded, with places for mistakes), [`Engine::instant`] or [`Engine::range`]. Values are
//! floats; native histograms, experimental functions and experimental syntax are refused by name.
//! Nothing here reads a clock or a file.

mod duration;
mod engine;
mod eval;
mod expr;
mod functions;
mod labels;
mod matcher;
mod parse;
mod pattern;
mod print;
mod query;
mod regexp;
mod storage;
mod timeline;
mod window;

#[cfg(test)]
mod tests;

pub use duration::{duration_text, parse_duration};
pub use engine::{
    Answer, Budget, Engine, EvalError, Limits, MatrixSeries, NameDropping, Note, RangeEnds, Value,
    VectorSample,
};
pub use expr::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, Cardinality, Comparison, Expr, ExprKind, Grouping,
    MatchBy, Matching, Matrix, Selector, Subquery, ValueType,
};
pub use functions::{Arity, Function};
pub use labels::{Labels, METRIC_NAME};
pub use matcher::{MatchOp, Matcher};
pub use query::{Query, QueryError, Reach, Selection};
pub use regexp::PatternError;
pub(crate) use regexp::Regexp;
pub use storage::{AppendError, STALE_NAN, SeriesId, Storage, is_stale};
