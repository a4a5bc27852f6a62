//! Evaluates a tree at a time.

use super::engine::{Answer, Engine, EvalError};
use super::expr::Expr;
use super::storage::Storage;

/// The times of a query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// The first.
    pub(crate) start_ms: i64,
    /// The last.
    pub(crate) end_ms: i64,
    /// Between two; 0 for an instant query.
    pub(crate) step_ms: i64,
}

/// One query on its way.
pub(crate) struct Evaluation;

impl Evaluation {
    pub(crate) fn new(_engine: &Engine, _storage: &Storage, _times: Times) -> Self {
        Self
    }

    pub(crate) fn instant(&self, expr: &Expr) -> Result<Answer, EvalError> {
        let Self = self;
        Err(EvalError { message: format!("`{expr}` can't be evaluated yet"), span: None })
    }

    pub(crate) fn range(&self, expr: &Expr) -> Result<Answer, EvalError> {
        self.instant(expr)
    }
}
