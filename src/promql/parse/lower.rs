//! The parser's tree read along the tokens: the same tree with places, and with what strings and numbers really say.
//!
//! The tree says what belongs to what; everything else is taken from the tokens, in the order of the text.

use std::ops::Range;
use std::time::Duration;

use promql_parser::parser as grammar;

use super::token::{Kind, Token, error, error_with, number_value, unquoted};
use crate::promql::duration::parse_duration;
use crate::promql::expr::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, Cardinality, Comparison, Expr, ExprKind, Grouping,
    MatchBy, Matching, Matrix, Selector, Subquery,
};
use crate::promql::functions;
use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::{MatchOp, Matcher};
use crate::promql::query::QueryError;

/// The tree of the query `text`, whose skeleton the parser read as `tree`.
pub(super) fn lowered(text: &str, tokens: &[Token], tree: &grammar::Expr) -> Result<Expr, QueryError> {
    Lowering { text, tokens, at: 0, patterns: 0 }.expr(tree)
}

struct Lowering<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    /// How many regular expressions there were.
    patterns: usize,
}

/// A query with more regular expressions than these is refused: each takes time and memory to compile.
const MAX_PATTERNS: usize = 100;

/// The `offset` and the `@` of a selector or subquery.
#[derive(Default)]
struct Modifiers {
    offset_ms: i64,
    at: Option<At>,
}

impl<'a> Lowering<'a> {
    fn expr(&mut self, tree: &grammar::Expr) -> Result<Expr, QueryError> {
        while self.is("+") {
            self.at += 1;
        }
        let start = self.place();
        let kind = match tree {
            grammar::Expr::NumberLiteral(_) => ExprKind::Number(self.signed_number()?),
            grammar::Expr::StringLiteral(_) => ExprKind::Text(self.string()?.into()),
            grammar::Expr::VectorSelector(_) => {
                let matchers = self.matchers()?;
                let Modifiers { offset_ms, at } = self.modifiers()?;
                ExprKind::Selector(Selector { matchers, offset_ms, at })
            }
            grammar::Expr::MatrixSelector(_) => {
                let matchers = self.matchers()?;
                self.expect("[")?;
                let range = self.length("a range")?;
                self.expect("]")?;
                let Modifiers { offset_ms, at } = self.modifiers()?;
                ExprKind::Matrix(Matrix { selector: Selector { matchers, offset_ms, at }, range })
            }
            grammar::Expr::Subquery(subquery) => self.subquery(subquery)?,
            grammar::Expr::Paren(paren) => {
                self.expect("(")?;
                let inner = self.expr(&paren.expr)?;
                self.expect(")")?;
                ExprKind::Paren(Box::new(inner))
            }
            grammar::Expr::Unary(unary) => {
                self.expect("-")?;
                ExprKind::Negate(Box::new(self.expr(&unary.expr)?))
            }
            grammar::Expr::Binary(binary) => self.binary(binary)?,
            grammar::Expr::Aggregate(aggregate) => self.aggregate(aggregate)?,
            grammar::Expr::Call(call) => self.call(call)?,
            grammar::Expr::Extension(_) => return Err(self.astray("an expression of PromQL")),
        };
        Ok(Expr { kind, span: start..self.end() })
    }

    fn subquery(&mut self, tree: &grammar::SubqueryExpr) -> Result<ExprKind, QueryError> {
        let expr = Box::new(self.expr(&tree.expr)?);
        self.expect("[")?;
        let range = self.length("a range")?;
        self.expect(":")?;
        let step = if self.is("]") { None } else { Some(self.length("a step")?) };
        self.expect("]")?;
        let Modifiers { offset_ms, at } = self.modifiers()?;
        Ok(ExprKind::Subquery(Subquery { expr, range, step, offset_ms, at }))
    }

    fn call(&mut self, tree: &grammar::Call) -> Result<ExprKind, QueryError> {
        let function = functions::find(self.peek()).ok_or_else(|| self.astray("a function"))?;
        self.at += 1;
        self.expect("(")?;
        let mut args = Vec::new();
        for (position, arg) in tree.args.args.iter().enumerate() {
            if position > 0 {
                self.expect(",")?;
            }
            args.push(self.expr(arg)?);
        }
        self.expect(")")?;
        Ok(ExprKind::Call(Call { function, args }))
    }

    fn aggregate(&mut self, tree: &grammar::AggregateExpr) -> Result<ExprKind, QueryError> {
        let name = self.peek().to_ascii_lowercase();
        let op = AggregateOp::ALL.into_iter().find(|op| op.name() == name);
        let op = op.ok_or_else(|| self.astray("an aggregation"))?;
        self.at += 1;
        let before = self.grouping()?;
        self.expect("(")?;
        let mut param = None;
        if let Some(tree) = &tree.param {
            param = Some(Box::new(self.expr(tree)?));
            self.expect(",")?;
        }
        let expr = Box::new(self.expr(&tree.expr)?);
        self.expect(")")?;
        let after = if before.is_none() && tree.modifier.is_some() { self.grouping()? } else { None };
        let grouping = before.or(after).unwrap_or(Grouping::By(Vec::new()));
        Ok(ExprKind::Aggregate(Aggregate { op, param, expr, grouping }))
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, QueryError> {
        if self.take_word("by") {
            return Ok(Some(Grouping::By(self.label_list()?)));
        }
        if self.take_word("without") {
            return Ok(Some(Grouping::Without(self.label_list()?)));
        }
        Ok(None)
    }

    fn binary(&mut self, tree: &grammar::BinaryExpr) -> Result<ExprKind, QueryError> {
        let lhs = Box::new(self.expr(&tree.lhs)?);
        let symbol = self.peek().to_ascii_lowercase();
        let op = BinaryOp::ALL.into_iter().find(|op| op.symbol() == symbol);
        let op = op.ok_or_else(|| self.astray("an operator"))?;
        self.at += 1;
        let modifier = tree.modifier.as_ref();
        let returns_bool = modifier.is_some_and(|modifier| modifier.return_bool);
        let comparison = if returns_bool { Comparison::Bool } else { Comparison::Filter };
        if returns_bool {
            self.expect_word("bool")?;
        }
        let mut matching = Matching { by: MatchBy::Ignoring(Vec::new()), cardinality: Cardinality::One };
        match modifier.and_then(|modifier| modifier.matching.as_ref()) {
            Some(grammar::LabelModifier::Include(_)) => {
                self.expect_word("on")?;
                matching.by = MatchBy::On(self.label_list()?);
            }
            Some(grammar::LabelModifier::Exclude(_)) => {
                self.expect_word("ignoring")?;
                matching.by = MatchBy::Ignoring(self.label_list()?);
            }
            None => {}
        }
        match modifier.map(|modifier| &modifier.card) {
            Some(grammar::VectorMatchCardinality::ManyToOne(_)) => {
                self.expect_word("group_left")?;
                matching.cardinality = Cardinality::Left(self.optional_label_list()?);
            }
            Some(grammar::VectorMatchCardinality::OneToMany(_)) => {
                self.expect_word("group_right")?;
                matching.cardinality = Cardinality::Right(self.optional_label_list()?);
            }
            Some(grammar::VectorMatchCardinality::OneToOne | grammar::VectorMatchCardinality::ManyToMany)
            | None => {}
        }
        let rhs = Box::new(self.expr(&tree.rhs)?);
        Ok(ExprKind::Binary(Binary { op, lhs, rhs, comparison, matching }))
    }

    /// A selector's name and what is in its braces.
    fn matchers(&mut self) -> Result<Vec<Matcher>, QueryError> {
        let start = self.place();
        let mut matchers = Vec::new();
        if !self.is("{") {
            matchers.push(equal(METRIC_NAME, self.peek()));
            self.at += 1;
        }
        if self.is("{") {
            self.at += 1;
            while !self.is("}") {
                matchers.push(self.matcher()?);
                if !self.is("}") {
                    self.expect(",")?;
                }
            }
            self.at += 1;
        }
        if matchers.iter().all(|matcher| matcher.matches("")) {
            let message = "the selector takes every series".to_owned();
            let help = "give it a name, or a matcher that an empty value does not fit";
            return Err(error_with(message, help, start..self.end()));
        }
        Ok(matchers)
    }

    fn matcher(&mut self) -> Result<Matcher, QueryError> {
        let start = self.place();
        let name = if self.kind() == Some(Kind::Text) { self.string()? } else { self.word()?.to_owned() };
        let op = match self.peek() {
            "=" => MatchOp::Equal,
            "!=" => MatchOp::NotEqual,
            "=~" => MatchOp::Matches,
            "!~" => MatchOp::MatchesNot,
            "or" | "OR" => return Err(self.astray("a comma: `or` between matchers is not PromQL")),
            _ => return Ok(equal(METRIC_NAME, &name)),
        };
        self.at += 1;
        let value_start = self.place();
        let value = self.string()?;
        self.patterns += usize::from(matches!(op, MatchOp::Matches | MatchOp::MatchesNot));
        if self.patterns > MAX_PATTERNS {
            let message = format!("more than {MAX_PATTERNS} regular expressions in a query");
            return Err(error(message, value_start..self.end()));
        }
        let matcher = Matcher::new(&name, op, &value);
        let matcher = matcher
            .map_err(|refused| error_with(refused.to_string(), refused.help(), value_start..self.end()))?;
        if name.is_empty() {
            return Err(error("a label needs a name".to_owned(), start..self.end()));
        }
        Ok(matcher)
    }

    fn modifiers(&mut self) -> Result<Modifiers, QueryError> {
        let mut modifiers = Modifiers::default();
        loop {
            if self.take_word("offset") {
                let sign = self.sign();
                let ms = i64::try_from(self.duration()?.as_millis()).unwrap_or(i64::MAX);
                modifiers.offset_ms = sign * ms;
            } else if self.is("@") {
                self.at += 1;
                modifiers.at = Some(self.at_time()?);
            } else {
                return Ok(modifiers);
            }
        }
    }

    fn at_time(&mut self) -> Result<At, QueryError> {
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.take_word(word) {
                self.expect("(")?;
                self.expect(")")?;
                return Ok(at);
            }
        }
        let start = self.place();
        let seconds = self.signed_number()?;
        let ms = (seconds * 1000.0).round();
        // The largest time that leaves room for ranges and offsets.
        if !ms.is_finite() || ms.abs() > 1e17 {
            return Err(error("no such time: it is in seconds since 1970".to_owned(), start..self.end()));
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        Ok(At::Time(ms as i64))
    }

    /// A number or duration (in seconds) with the signs before it.
    fn signed_number(&mut self) -> Result<f64, QueryError> {
        let sign = self.sign();
        let written = self.peek();
        let value = match self.kind() {
            Some(Kind::Duration) => parse_duration(written).map(|duration| duration.as_secs_f64()),
            Some(Kind::Number) => number_value(written),
            Some(Kind::Word | Kind::Text | Kind::Symbol) | None => None,
        };
        let value = value.ok_or_else(|| self.astray("a number"))?;
        self.at += 1;
        Ok(if sign < 0 { -value } else { value })
    }

    fn sign(&mut self) -> i64 {
        let mut sign = 1;
        while self.is("+") || self.is("-") {
            if self.is("-") {
                sign = -sign;
            }
            self.at += 1;
        }
        sign
    }

    /// A duration longer than nothing.
    fn length(&mut self, what: &str) -> Result<Duration, QueryError> {
        let start = self.place();
        let length = self.duration()?;
        if length.as_millis() == 0 {
            return Err(error(format!("{what} has to be 1ms or longer"), start..self.end()));
        }
        Ok(length)
    }

    /// A duration, or a number of seconds.
    fn duration(&mut self) -> Result<Duration, QueryError> {
        let written = self.peek();
        let duration = match self.kind() {
            Some(Kind::Duration) => parse_duration(written),
            Some(Kind::Number) => number_value(written)
                .filter(|seconds| *seconds < 9e9)
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            Some(Kind::Word | Kind::Text | Kind::Symbol) | None => None,
        };
        let duration = duration.ok_or_else(|| self.astray("a duration"))?;
        self.at += 1;
        Ok(duration)
    }

    fn label_list(&mut self) -> Result<Vec<String>, QueryError> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.is(")") {
            let label =
                if self.kind() == Some(Kind::Text) { self.string()? } else { self.word()?.to_owned() };
            labels.push(label);
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        self.at += 1;
        Ok(labels)
    }

    fn optional_label_list(&mut self) -> Result<Vec<String>, QueryError> {
        if self.is("(") { self.label_list() } else { Ok(Vec::new()) }
    }

    fn string(&mut self) -> Result<String, QueryError> {
        let (true, Some(token)) = (self.kind() == Some(Kind::Text), self.tokens.get(self.at)) else {
            return Err(self.astray("a string"));
        };
        self.at += 1;
        unquoted(&self.text[token.span.clone()], token.span.start)
    }

    fn word(&mut self) -> Result<&'a str, QueryError> {
        if self.kind() != Some(Kind::Word) {
            return Err(self.astray("a label's name"));
        }
        self.at += 1;
        Ok(&self.text[self.tokens[self.at - 1].span.clone()])
    }

    fn expect(&mut self, symbol: &str) -> Result<(), QueryError> {
        if !self.is(symbol) {
            return Err(self.astray(&format!("`{symbol}`")));
        }
        self.at += 1;
        Ok(())
    }

    fn expect_word(&mut self, word: &str) -> Result<(), QueryError> {
        if self.take_word(word) { Ok(()) } else { Err(self.astray(&format!("`{word}`"))) }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.kind() == Some(Kind::Word) && self.peek().eq_ignore_ascii_case(word);
        self.at += usize::from(found);
        found
    }

    fn is(&self, symbol: &str) -> bool {
        self.kind() == Some(Kind::Symbol) && self.peek() == symbol
    }

    fn kind(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn peek(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| &self.text[token.span.clone()])
    }

    /// Where the next token begins.
    fn place(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |token| token.span.start)
    }

    /// Where the last token ended.
    fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |last| self.tokens[last].span.end)
    }

    fn astray(&self, expected: &str) -> QueryError {
        let span: Range<usize> =
            self.tokens.get(self.at).map_or(self.text.len()..self.text.len(), |token| token.span.clone());
        match self.peek() {
            "" => error(format!("the query ends where {expected} is expected"), span),
            found => error(format!("`{found}` where {expected} is expected"), span),
        }
    }
}

fn equal(name: &str, value: &str) -> Matcher {
    Matcher::new(name, MatchOp::Equal, value).expect("an equality has no pattern that could be wrong")
}
