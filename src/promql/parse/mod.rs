//! From a query's text to its tree.
//!
//! The grammar is `promql-parser`'s, which knows no places, no limits and few words for mistakes. So the query is split into tokens
//! first, and bounded; the parser is shown its skeleton, in which the insides of strings and numbers are plain ones of the
//! same length; and its tree is read along the tokens, which know the places and say what the strings and numbers are.

mod check;
mod lower;
mod mistake;
mod names;
mod token;

use super::expr::Expr;
use super::query::QueryError;
use token::{Kind, Token, error_with};

/// Longer queries are refused.
const MAX_LENGTH: usize = 64 * 1024;

/// Reads a query.
pub(crate) fn parse(text: &str) -> Result<Expr, QueryError> {
    if text.len() > MAX_LENGTH {
        let message = format!("the query is {} bytes long, and {MAX_LENGTH} is the limit", text.len());
        return Err(error_with(message, "split it with recording rules", 0..text.len()));
    }
    let tokens = token::tokens(text)?;
    if tokens.is_empty() {
        return Err(error_with(
            "the query is empty".to_owned(),
            "write an expression, as in `up == 0`",
            0..0,
        ));
    }
    names::check(text, &tokens)?;
    let skeleton = skeleton(text, &tokens);
    let tree = promql_parser::parser::parse(&skeleton)
        .map_err(|message| mistake::located(text, &skeleton, &tokens, &message))?;
    let expr = lower::lowered(text, &tokens, &tree)?;
    check::check(&expr)?;
    check::check_steps(&expr)?;
    Ok(expr)
}

/// The query as the parser sees it: the same tokens at the same places, without what it could stumble over.
fn skeleton(text: &str, tokens: &[Token]) -> String {
    let mut out = String::with_capacity(text.len());
    for token in tokens {
        let start = token.span.start;
        // What is between tokens may be a comment.
        out.extend(std::iter::repeat_n(' ', start - out.len()));
        let written = &text[token.span.clone()];
        match token.kind {
            Kind::Text => {
                out.push('"');
                out.extend(std::iter::repeat_n('x', written.len() - 2));
                out.push('"');
            }
            Kind::Number | Kind::Duration => {
                let plain = ["1", "1."].get(written.len() - 1).copied().unwrap_or("1.0");
                out.push_str(plain);
                out.extend(std::iter::repeat_n('0', written.len() - plain.len()));
            }
            Kind::Word | Kind::Symbol => out.push_str(written),
        }
    }
    out
}
