//! Finds the place of a mistake that the parser only says to be there.
//!
//! For syntax: the first token with which the query can't go on, whatever follows. For sense: the smallest call or bracket
//! that is refused on its own.

use std::ops::Range;

use super::check::check;
use super::lower::lowered;
use super::token::{Kind, Token, error, error_with};
use crate::promql::expr::{Aggregate, AggregateOp, Call, Expr, ExprKind, Grouping};
use crate::promql::functions;
use crate::promql::query::QueryError;

/// What the parser says of a query that its grammar does not have.
const NOT_IN_GRAMMAR: &str = "invalid promql query";

/// In longer queries places are not searched for.
const MAX_SEARCHED: usize = 4 * 1024;

/// Where the mistake is that made the parser refuse the skeleton with `message`.
pub(super) fn located(text: &str, skeleton: &str, tokens: &[Token], message: &str) -> QueryError {
    if skeleton.len() > MAX_SEARCHED {
        return error(in_our_words(message), 0..skeleton.len());
    }
    if !is_about_sense(message) {
        return syntax(text, skeleton, tokens);
    }
    let Some(refused) = smallest_refused(skeleton, tokens) else {
        return error(in_our_words(message), 0..skeleton.len());
    };
    if let Some(said) = said_of_arguments(text, skeleton, &tokens[refused.clone()]) {
        return said;
    }
    let span = tokens[refused.start].span.start..tokens[refused.end - 1].span.end;
    let inner = parsed(&skeleton[span.clone()]).err();
    error(in_our_words(inner.as_deref().unwrap_or(message)), span)
}

/// What `check` has to say of a call or an aggregation that the parser refused; `None` when it is no such thing, or fine by it.
fn said_of_arguments(text: &str, skeleton: &str, tokens: &[Token]) -> Option<QueryError> {
    let name = &text[tokens[0].span.clone()];
    let mut args = Vec::new();
    for arg in arguments(skeleton, tokens) {
        let span = arg.first()?.span.start..arg.last()?.span.end;
        let tree = promql_parser::parser::parse(&skeleton[span]).ok()?;
        args.push(lowered(text, arg, &tree).ok()?);
    }
    let span = tokens[0].span.start..tokens[tokens.len() - 1].span.end;
    let given = args.len();
    let kind = if let Some(function) = functions::find(name) {
        ExprKind::Call(Call { function, args })
    } else {
        let op = AggregateOp::ALL.into_iter().find(|op| op.name().eq_ignore_ascii_case(name))?;
        let wanted = if op.takes_param() { 2 } else { 1 };
        if given != wanted {
            let noun = if wanted == 1 { "argument" } else { "arguments" };
            let message = format!("`{}` takes {wanted} {noun}, and this has {given}", op.name());
            return Some(error(message, span));
        }
        let expr = Box::new(args.pop()?);
        let param = args.pop().map(Box::new);
        ExprKind::Aggregate(Aggregate { op, param, expr, grouping: Grouping::By(Vec::new()) })
    };
    check(&Expr { kind, span }).err()
}

/// The tokens of each argument in `name(...)`.
fn arguments<'a>(skeleton: &str, tokens: &'a [Token]) -> Vec<&'a [Token]> {
    let inner = &tokens[2.min(tokens.len())..tokens.len() - 1];
    let mut depth = 0_usize;
    let at_comma = |token: &Token| {
        match &skeleton[token.span.clone()] {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth = depth.saturating_sub(1),
            "," => return depth == 0,
            _ => {}
        }
        false
    };
    if inner.is_empty() { Vec::new() } else { inner.split(at_comma).collect() }
}

fn parsed(skeleton: &str) -> Result<(), String> {
    promql_parser::parser::parse(skeleton).map(|_| ())
}

fn in_our_words(message: &str) -> String {
    let words = [
        ("type matrix", "a range vector"),
        ("type vector", "an instant vector"),
        ("type scalar", "a scalar"),
        ("type string", "a string"),
        ("got matrix", "got a range vector"),
        ("got vector", "got an instant vector"),
        ("argument(s)", "arguments"),
        ("BOOL", "`bool`"),
    ];
    words.iter().fold(message.to_owned(), |message, (theirs, ours)| message.replace(theirs, ours))
}

/// Which tokens are the innermost `(...)`, with the name before it, that the parser refuses for what it says.
fn smallest_refused(skeleton: &str, tokens: &[Token]) -> Option<Range<usize>> {
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match &skeleton[token.span.clone()] {
            "(" => open.push(at),
            ")" => {
                let from = open.pop()?;
                let named = from > 0 && tokens[from - 1].kind == Kind::Word;
                let first = from - usize::from(named);
                let span = tokens[first].span.start..token.span.end;
                if parsed(&skeleton[span]).is_err_and(|message| is_about_sense(&message)) {
                    return Some(first..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn syntax(text: &str, skeleton: &str, tokens: &[Token]) -> QueryError {
    // Prefixes that can be gone on with come first: the longest one is found by halving.
    let (mut good, mut bad) = (0, tokens.len() + 1);
    while bad - good > 1 {
        let middle = usize::midpoint(good, bad);
        if goes_on(skeleton, &tokens[..middle], "") {
            good = middle;
        } else {
            bad = middle;
        }
    }
    let expected = expected(skeleton, &tokens[..good]);
    let help = (!expected.is_empty()).then(|| format!("expected {}", expected.join(" or ")));
    let (message, span) = match tokens.get(good) {
        Some(token) => (format!("unexpected `{}`", &text[token.span.clone()]), token.span.clone()),
        None => ("the query ends too early".to_owned(), text.len()..text.len()),
    };
    match help {
        Some(help) => error_with(message, help, span),
        None => error(message, span),
    }
}

/// What may stand after `tokens`, of what is worth telling.
fn expected(skeleton: &str, tokens: &[Token]) -> Vec<&'static str> {
    let end = tokens.last().map_or(0, |token| token.span.end);
    let among_matchers = skeleton[..end].matches('{').count() > skeleton[..end].matches('}').count();
    let candidates: &[(&str, &str)] = if among_matchers {
        &[
            (" x", "a label's name"),
            (" =", "`=`, `!=`, `=~` or `!~`"),
            (" \"x\"", "a string"),
            (" ,", "`,`"),
            (" }", "`}`"),
        ]
    } else {
        &[
            (" x", "an expression"),
            (" ==", "an operator"),
            (" 5m", "a duration"),
            (" (", "`(`"),
            (" ,", "`,`"),
            (" )", "`)`"),
            (" ]", "`]`"),
        ]
    };
    let mut found: Vec<&str> = Vec::new();
    for (next, name) in candidates {
        // Where an expression may stand, so may what an expression begins with.
        let said = found.first() == Some(&"an expression") && matches!(*next, " 5m" | " (");
        if !said && goes_on(skeleton, tokens, next) {
            found.push(name);
        }
    }
    found
}

/// True when some text makes a query of `tokens` and `next`.
fn goes_on(skeleton: &str, tokens: &[Token], next: &str) -> bool {
    let end = tokens.last().map_or(0, |token| token.span.end);
    let begun = format!("{}{next}", &skeleton[..end]);
    let mut closers = Vec::new();
    for letter in begun.chars() {
        match letter {
            '(' => closers.push(')'),
            '{' => closers.push('}'),
            '[' => closers.push(']'),
            ')' | '}' | ']' if closers.pop().is_none() => return false,
            _ => {}
        }
    }
    closers.reverse();
    let first: String = closers.iter().take(1).collect();
    let others: String = closers.iter().skip(1).collect();
    let inserts = ["", " x", " 1", " \"x\"", "=\"x\"", " (x)", " 1)", " (x)(x)", " 5m:", "x, x"];
    let suffixes = ["", " (x)", " x", "[5m])"];
    inserts.iter().any(|insert| {
        suffixes.iter().any(|suffix| {
            let whole = format!("{begun}{insert}{first}{suffix}{others}");
            parsed(&whole).err().is_none_or(|message| is_about_sense(&message))
        })
    })
}

/// True for a refusal that the grammar had nothing to do with.
fn is_about_sense(message: &str) -> bool {
    let lexical =
        ["unexpected character", "unexpected end", "unclosed", "unterminated", "bad number", "unexpected"];
    message != NOT_IN_GRAMMAR && !lexical.iter().any(|words| message.starts_with(words))
}
