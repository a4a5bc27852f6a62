//! What a query says, as a tree whose parts know their place in the text; and how the tree is written again.
//!
//! Knows nothing of the parser that made it, and nothing of samples.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::functions::Function;
use super::labels::METRIC_NAME;
use super::matcher::Matcher;

/// One expression and its place.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its bytes in the query's text.
    pub span: Range<usize>,
}

/// The kinds of expression.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// `1.5`, and `5m` as a number of seconds.
    Number(f64),
    /// `"text"`.
    Text(Arc<str>),
    /// `up{job="x"}`: an instant vector.
    Selector(Selector),
    /// `up[5m]`: a range vector.
    Matrix(Matrix),
    /// `(...)[5m:1m]`: a range vector made of an expression's values.
    Subquery(Subquery),
    /// `(...)`.
    Paren(Box<Expr>),
    /// `-(...)`.
    Negate(Box<Expr>),
    /// `a / b`.
    Binary(Binary),
    /// `sum by (job) (...)`.
    Aggregate(Aggregate),
    /// `rate(...)`.
    Call(Call),
}

/// Which series, and when.
#[derive(Debug, Clone)]
pub struct Selector {
    /// All of them hold for a series that is selected. The metric's name is one on `__name__`.
    pub matchers: Vec<Matcher>,
    /// How far back of the evaluation time; negative is ahead.
    pub offset_ms: i64,
    /// A fixed evaluation time.
    pub at: Option<At>,
}

/// A selector over a stretch of time.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// Which series, and when the stretch ends.
    pub selector: Selector,
    /// How long the stretch is.
    pub range: Duration,
}

/// An expression evaluated at the steps of a stretch of time.
#[derive(Debug, Clone)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: Box<Expr>,
    /// How long the stretch is.
    pub range: Duration,
    /// The time between evaluations; the engine's own where it is not given.
    pub step: Option<Duration>,
    /// How far back of the evaluation time; negative is ahead.
    pub offset_ms: i64,
    /// A fixed evaluation time.
    pub at: Option<At>,
}

/// The time of an `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// `@ 1.5`, in milliseconds since 1970.
    Time(i64),
    /// `@ start()`: the first time of a range query, the time of an instant one.
    Start,
    /// `@ end()`.
    End,
}

/// Two operands and what is done with them.
#[derive(Debug, Clone)]
pub struct Binary {
    /// What is done.
    pub op: BinaryOp,
    /// The left operand.
    pub lhs: Box<Expr>,
    /// The right operand.
    pub rhs: Box<Expr>,
    /// What a comparison gives.
    pub comparison: Comparison,
    /// How elements of two vectors find each other.
    pub matching: Matching,
}

/// What a comparison gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The elements for which it holds.
    Filter,
    /// 0 or 1 (`bool`).
    Bool,
}

/// How elements of two vectors find each other.
#[derive(Debug, Clone)]
pub struct Matching {
    /// By which labels.
    pub by: MatchBy,
    /// How many of one side belong to one of the other.
    pub cardinality: Cardinality,
}

/// By which labels elements of two vectors find each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchBy {
    /// `on (...)`.
    On(Vec<String>),
    /// `ignoring (...)`; without labels: all labels but the name.
    Ignoring(Vec<String>),
}

/// How many elements of one side belong to one of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cardinality {
    /// One to one.
    One,
    /// `group_left (...)`: many on the left, with these labels taken from the right.
    Left(Vec<String>),
    /// `group_right (...)`: many on the right, with these labels taken from the left.
    Right(Vec<String>),
}

/// The binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `^`
    Power,
    /// `atan2`
    Atan2,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

/// An aggregation over the elements of a vector.
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// What is made of a group.
    pub op: AggregateOp,
    /// The `k` of `topk`, the label of `count_values`, the rank of `quantile`.
    pub param: Option<Box<Expr>>,
    /// What is aggregated.
    pub expr: Box<Expr>,
    /// What makes a group.
    pub grouping: Grouping,
}

/// What makes a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// `by (...)`; without labels: all in one group.
    By(Vec<String>),
    /// `without (...)`.
    Without(Vec<String>),
}

/// The aggregation operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `count`
    Count,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`
    Topk,
    /// `bottomk`
    Bottomk,
    /// `count_values`
    CountValues,
    /// `quantile`
    Quantile,
}

/// A function and its arguments.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function's row in the table.
    pub function: &'static Function,
    /// As many as the function takes, of the types that it takes.
    pub args: Vec<Expr>,
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A number.
    Scalar,
    /// A text.
    Text,
    /// Series with a value each.
    Vector,
    /// Series with many samples each.
    Matrix,
}

impl Expr {
    /// What the expression gives.
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::Text(_) => ValueType::Text,
            ExprKind::Selector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Paren(inner) | ExprKind::Negate(inner) => inner.value_type(),
            ExprKind::Binary(binary) => match (binary.lhs.value_type(), binary.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            ExprKind::Call(call) => call.function.returns,
        }
    }

    /// The expressions right inside of this one, in the order of the text.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Selector(_) | ExprKind::Matrix(_) => {
                Vec::new()
            }
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Paren(inner) | ExprKind::Negate(inner) => vec![inner],
            ExprKind::Binary(binary) => vec![&binary.lhs, &binary.rhs],
            ExprKind::Aggregate(aggregate) => {
                aggregate.param.as_deref().into_iter().chain([&*aggregate.expr]).collect()
            }
            ExprKind::Call(call) => call.args.iter().collect(),
        }
    }

    /// [`Expr::children`], to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Selector(_) | ExprKind::Matrix(_) => {
                Vec::new()
            }
            ExprKind::Subquery(subquery) => vec![&mut subquery.expr],
            ExprKind::Paren(inner) | ExprKind::Negate(inner) => vec![inner],
            ExprKind::Binary(binary) => vec![&mut binary.lhs, &mut binary.rhs],
            ExprKind::Aggregate(aggregate) => {
                aggregate.param.as_deref_mut().into_iter().chain([&mut *aggregate.expr]).collect()
            }
            ExprKind::Call(call) => call.args.iter_mut().collect(),
        }
    }

    /// Shows `visit` this expression and all inside of it, outermost first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// Lets `change` change this expression and all inside of it, outermost first.
    pub fn walk_mut(&mut self, change: &mut dyn FnMut(&mut Expr)) {
        change(self);
        for child in self.children_mut() {
            child.walk_mut(change);
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.bare().kind {
            ExprKind::Text(text) => Some(text),
            ExprKind::Number(_)
            | ExprKind::Selector(_)
            | ExprKind::Matrix(_)
            | ExprKind::Subquery(_)
            | ExprKind::Paren(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => None,
        }
    }

    /// The expression inside of any parentheses.
    pub fn bare(&self) -> &Expr {
        match &self.kind {
            ExprKind::Paren(inner) => inner.bare(),
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Selector(_)
            | ExprKind::Matrix(_)
            | ExprKind::Subquery(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => self,
        }
    }
}

impl Selector {
    /// The metric's name, where one matcher says that it equals it.
    pub fn name(&self) -> Option<&str> {
        self.matchers.iter().find(|matcher| matcher.is_name()).map(|matcher| &*matcher.value)
    }
}

impl BinaryOp {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Modulo,
        Self::Power,
        Self::Atan2,
        Self::Equal,
        Self::NotEqual,
        Self::Greater,
        Self::Less,
        Self::AtLeast,
        Self::AtMost,
        Self::And,
        Self::Or,
        Self::Unless,
    ];

    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    /// True for `==` and its like.
    pub fn is_comparison(self) -> bool {
        match self {
            Self::Equal | Self::NotEqual | Self::Greater | Self::Less | Self::AtLeast | Self::AtMost => true,
            Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::Modulo
            | Self::Power
            | Self::Atan2
            | Self::And
            | Self::Or
            | Self::Unless => false,
        }
    }

    /// True for `and`, `or` and `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

impl AggregateOp {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Sum,
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Count,
        Self::Group,
        Self::Stddev,
        Self::Stdvar,
        Self::Topk,
        Self::Bottomk,
        Self::CountValues,
        Self::Quantile,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Topk => "topk",
            Self::Bottomk => "bottomk",
            Self::CountValues => "count_values",
            Self::Quantile => "quantile",
        }
    }
}

impl AggregateOp {
    /// True for those that take something before the vector.
    pub fn takes_param(self) -> bool {
        matches!(self, Self::Topk | Self::Bottomk | Self::CountValues | Self::Quantile)
    }
}

impl Grouping {
    /// True when a label called `name` tells groups apart.
    pub fn keeps(&self, name: &str) -> bool {
        match self {
            Self::By(labels) => labels.iter().any(|label| label == name),
            Self::Without(labels) => name != METRIC_NAME && !labels.iter().any(|label| label == name),
        }
    }
}

impl ValueType {
    /// As messages have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "a scalar",
            Self::Text => "a string",
            Self::Vector => "an instant vector",
            Self::Matrix => "a range vector",
        }
    }
}
