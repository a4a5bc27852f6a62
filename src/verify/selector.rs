//! A selection of series, written as PromQL selects them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metrics::{Series, SeriesStore};
use crate::promql::{ExprKind, METRIC_NAME, MatchOp, Matcher, Query};

/// Series of one metric, with matchers of their labels: `mcp_requests_total{status="error"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeriesSelector {
    text: String,
    metric: String,
    matchers: Vec<Matcher>,
}

/// A text that selects no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// What is wrong.
    pub message: String,
    /// Which bytes of the text.
    pub span: std::ops::Range<usize>,
}

impl SeriesSelector {
    /// The selection that `text` writes.
    ///
    /// # Errors
    /// `text` is no selector of PromQL, or names no metric.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let whole = 0..text.len();
        let query =
            Query::parse(text).map_err(|error| SelectorError { message: error.message, span: error.span })?;
        let ExprKind::Selector(selector) = &query.expr().kind else {
            return Err(SelectorError { message: "this is no selection of series".to_owned(), span: whole });
        };
        let named = selector.matchers.iter().find(|matcher| matcher.is_name());
        let Some(name) = named else {
            return Err(SelectorError { message: "this names no metric".to_owned(), span: whole });
        };
        if selector.at.is_some() || selector.offset_ms != 0 {
            let message = "series are selected whatever their time".to_owned();
            return Err(SelectorError { message, span: whole });
        }
        let others = selector.matchers.iter().filter(|matcher| !matcher.is_name());
        Ok(Self {
            text: text.to_owned(),
            metric: name.value.to_string(),
            matchers: others.cloned().collect(),
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The metric's name.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// All its matchers, that of the name among them.
    pub fn matchers(&self) -> Vec<Matcher> {
        let name = Matcher::new(METRIC_NAME, MatchOp::Equal, &self.metric).expect("no pattern is compiled");
        std::iter::once(name).chain(self.matchers.iter().cloned()).collect()
    }

    /// The same selection of the metric whose name is longer by `suffix`.
    #[must_use]
    pub fn suffixed(&self, suffix: &str) -> Self {
        let metric = format!("{}{suffix}", self.metric);
        Self { text: self.text.replacen(&self.metric, &metric, 1), metric, matchers: self.matchers.clone() }
    }

    /// Where it selects none of the series of its metric: the first label that none of them has with such a value, and which values
    /// they have, in words.
    pub(crate) fn unmet(&self, store: &SeriesStore) -> Option<String> {
        if !self.select(store).is_empty() {
            return None;
        }
        unmet(&self.metric, &self.matchers, |label| {
            let series = store.named(&self.metric);
            series.map(|series| series.labels.get(label).unwrap_or_default().to_owned()).collect()
        })
    }

    /// The series of `store` that it selects, sorted by their labels.
    pub fn select<'a>(&self, store: &'a SeriesStore) -> Vec<&'a Series> {
        let mut selected: Vec<&Series> = store
            .named(&self.metric)
            .filter(|series| {
                let fits =
                    |matcher: &Matcher| matcher.matches(series.labels.get(&matcher.name).unwrap_or(""));
                self.matchers.iter().all(fits)
            })
            .collect();
        selected.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        selected
    }
}

/// The first of `matchers` that no series of `metric` fits by itself, and which `values` of its label they have, in words.
pub(super) fn unmet<'m>(
    metric: &str,
    matchers: impl IntoIterator<Item = &'m Matcher>,
    values: impl Fn(&str) -> BTreeSet<String>,
) -> Option<String> {
    const MOST: usize = 5;
    // A matcher that takes a label which is not there rules values out, and asks for none.
    let asked = matchers.into_iter().filter(|matcher| !matcher.matches(""));
    let none = asked.into_iter().find_map(|matcher| {
        let values = values(&matcher.name);
        let is_unmet = !values.is_empty() && !values.iter().any(|value| matcher.matches(value));
        is_unmet.then_some((matcher, values))
    });
    let (matcher, values) = none?;
    let mut told: Vec<String> = values
        .iter()
        .filter(|value| !value.is_empty())
        .take(MOST)
        .map(|value| format!("`{value}`"))
        .collect();
    if values.len() > MOST {
        told.push("...".to_owned());
    }
    let there = if told.is_empty() { "they have no such label".to_owned() } else { told.join(", ") };
    Some(format!("no series of {metric} has {matcher} (there: {there})"))
}

impl fmt::Display for SeriesSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<SeriesSelector> for String {
    fn from(selector: SeriesSelector) -> Self {
        selector.text
    }
}

impl TryFrom<String> for SeriesSelector {
    type Error = SelectorError;

    fn try_from(text: String) -> Result<Self, SelectorError> {
        Self::parse(&text)
    }
}
