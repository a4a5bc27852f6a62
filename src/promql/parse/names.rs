//! The functions that a query names: those that there are not, and those that are left out on purpose.

use super::token::{Kind, Token, WORD_OPERATORS, error_with};
use crate::promql::functions;
use crate::promql::query::QueryError;

/// Words that a bracket may follow without being a function.
const KEYWORDS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The aggregations.
pub(super) const AGGREGATIONS: [&str; 12] = [
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "count_values",
    "quantile",
];

/// What Prometheus has behind a flag.
const EXPERIMENTAL: [&str; 22] = [
    "double_exponential_smoothing",
    "end",
    "fill",
    "fill_left",
    "fill_right",
    "histogram_quantiles",
    "info",
    "limit_ratio",
    "limitk",
    "mad_over_time",
    "max_of",
    "min_of",
    "range",
    "sort_by_label",
    "sort_by_label_desc",
    "start",
    "start_timestamp",
    "step",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

/// What is of use on native histograms alone.
const NATIVE: [&str; 5] =
    ["histogram_avg", "histogram_count", "histogram_stddev", "histogram_stdvar", "histogram_sum"];

/// Refuses the first function that there is not.
pub(super) fn check(text: &str, tokens: &[Token]) -> Result<(), QueryError> {
    let written = |at: usize| tokens.get(at).map_or("", |token| &text[token.span.clone()]);
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Word {
            continue;
        }
        let word = written(at);
        let lower = word.to_ascii_lowercase();
        let is = |list: &[&str]| list.contains(&lower.as_str());
        let opens = written(at + 1) == "(";
        let at_modifier = at > 0 && written(at - 1) == "@";
        if matches!(lower.as_str(), "smoothed" | "anchored") && at > 0 && written(at - 1) == "]" {
            return Err(left_out(word, "is an experimental modifier of Prometheus", token));
        }
        let after_keyword =
            at > 0 && KEYWORDS.iter().any(|known| written(at - 1).eq_ignore_ascii_case(known));
        if !opens
            || at_modifier
            || after_keyword
            || lower == "bool"
            || is(&KEYWORDS)
            || is(&AGGREGATIONS)
            || is(&WORD_OPERATORS)
        {
            continue;
        }
        if functions::find(word).is_some() {
            continue;
        }
        if is(&EXPERIMENTAL) {
            return Err(left_out(word, "is experimental in Prometheus", token));
        }
        if is(&NATIVE) {
            return Err(left_out(word, "is about native histograms", token));
        }
        return Err(unknown(word, &lower, token));
    }
    Ok(())
}

fn left_out(word: &str, why: &str, token: &Token) -> QueryError {
    let message = format!("`{word}` {why}, and not supported");
    QueryError { message, help: None, span: token.span.clone() }
}

fn unknown(word: &str, lower: &str, token: &Token) -> QueryError {
    let names = functions::FUNCTIONS.iter().map(|function| function.name).chain(AGGREGATIONS);
    let near = names
        .map(|name| (strsim::damerau_levenshtein(lower, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= lower.len() / 3);
    let message = format!("there is no function `{word}`");
    match near {
        Some((_, name)) => error_with(message, format!("did you mean `{name}`?"), token.span.clone()),
        None => QueryError { message, help: None, span: token.span.clone() },
    }
}
