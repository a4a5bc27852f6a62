//! Templates of labels and annotations: Go's `text/template` with the functions of Prometheus.
//!
//! The language is the library's (`gotmpl`). What it does unlike Go is mended in the tree that it parses: how numbers
//! are printed, and what a label that is not there is.

mod functions;
mod go_number;
mod hosts;
mod humanize;
mod imaginary;
mod print;
mod printf;
mod tree;
mod work;

use std::ops::Range;
use std::sync::Arc;

use gotmpl::parse::Parser;
use gotmpl::{FuncMap, TemplateError, Value};

use functions::Session;
use tree::Tree;
use work::Text;

use crate::input::Place;
use crate::promql::{Budget, Labels, VectorSample};

/// What Prometheus puts before each template.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";
/// The longest template, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// Parentheses inside each other, and blocks in one template: far more than people write, far fewer than a stack holds.
const MAX_PARENTHESES: usize = 50;
const MAX_BLOCKS: usize = 200;
/// The longest text that a function makes or takes, in bytes, so that texts made of texts stay in memory.
const MAX_TEXT: usize = 1 << 20;
/// Distinct queries of one expansion.
const MAX_QUERIES: usize = 32;

/// The name under which the body is executed; no `define` can have it, being the empty text.
const BODY: &str = "";

/// A text with `{{ }}` in it, checked.
#[derive(Clone)]
pub struct Template {
    text: Arc<str>,
    /// Where it is written, of one that a file has.
    place: Option<Place>,
    /// `None` of a text without any `{{`.
    tree: Option<Arc<Tree>>,
}

/// What is wrong with a template: a fragment, and which bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateProblem {
    pub message: String,
    pub span: Range<usize>,
    /// The way out.
    pub help: &'static str,
}

/// The way out of most mistakes.
const HELP: &str = "templates are Go's, with `$labels`, `$value` and the functions of Prometheus";

/// What a template may speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The series that the expression gave, with its name.
    pub labels: &'a Labels,
    pub value: f64,
    pub external_labels: &'a Labels,
    pub external_url: &'a str,
    /// The time of the evaluation.
    pub at_ms: i64,
}

/// Answers the queries of a template, at the cost of a budget; the error is a fragment.
pub(super) type Ask<'a> = &'a mut dyn FnMut(&str, &mut Budget) -> Result<Vec<VectorSample>, String>;

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Template").field(&self.text).finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Template {
    /// Reads `text`, which is refused as Prometheus refuses it when it loads a file.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateProblem> {
        let whole = Self { text: text.into(), place: None, tree: None };
        if !text.contains("{{") {
            return Ok(whole);
        }
        check_size(text)?;
        let (written, hidden) = imaginary::hidden(text)?;
        let parsed =
            Parser::with_name(None, &format!("{DEFINITIONS}{written}"), "{{", "}}").and_then(Parser::parse);
        let (body, defines) = parsed.map_err(|error| problem_of(&error, text))?;
        let tree = Tree::of(body, defines, &hidden).map_err(|(message, at, length)| {
            let start = at.saturating_sub(DEFINITIONS.len()).min(text.len());
            TemplateProblem { message, span: start..(start + length).min(text.len()), help: HELP }
        })?;
        Ok(Self { tree: Some(Arc::new(tree)), ..whole })
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it is written, of one that a file has.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The same as it is written at `place`.
    pub(super) fn at(self, place: &Place) -> Self {
        Self { place: Some(place.clone()), ..self }
    }

    /// The text for `subject`. What it costs is taken from `budget`; it has no text where that is spent.
    pub(super) fn expand(
        &self,
        subject: Subject<'_>,
        budget: &mut Budget,
        ask: Ask<'_>,
    ) -> Result<String, String> {
        let Some(tree) = &self.tree else {
            budget.spend(self.text.len() as u64)?;
            return Ok(self.text.to_string());
        };
        budget.spend(work::of_beginning(&self.text, subject.labels))?;
        let session = Arc::new(Session::new(subject));
        let funcs: FuncMap = functions::of(&session);
        let data = data(subject);
        // Rounds of loops are booked like all other work, and need no limit of their own.
        let template = tree.add_to(gotmpl::Template::new(BODY).funcs(funcs).max_range_iters(0));
        // Functions of templates own what they use, and so can't hold the storage: a query that is not answered yet ends
        // the expansion, is asked, and all begins again.
        let mut left = work::MOST;
        for _ in 0..=MAX_QUERIES {
            let mut text = Text::default();
            let given = left.min(budget.left());
            session.work.give(given);
            let result = template.execute_template_fmt(&mut text, BODY, &data);
            let took = session.work.taken(given);
            budget.spend(took.saturating_add(text.cost()))?;
            if session.work.is_over() && given < left {
                return Err(budget.spend_all());
            }
            if session.work.is_over() {
                return Err(work::too_much());
            }
            left -= took;
            let Some(query) = session.take_question() else {
                return text
                    .whole()
                    .and_then(|text| result.map(|()| text).map_err(|error| error.to_string()));
            };
            let answer = ask(&query, budget);
            budget.spend(work::of_answer(&query, answer.as_deref().unwrap_or_default()))?;
            session.answer(query, answer);
        }
        Err(format!("more than {MAX_QUERIES} queries"))
    }
}

/// The error that Prometheus puts where the text would be.
pub(super) fn in_place_of_text(error: &str) -> String {
    format!("<error expanding template: {error}>")
}

fn data(subject: Subject<'_>) -> Value {
    functions::map([
        ("Labels", functions::labels_value(subject.labels)),
        ("ExternalLabels", functions::labels_value(subject.external_labels)),
        ("ExternalURL", Value::String(subject.external_url.into())),
        ("Value", Value::Float(subject.value)),
    ])
}

/// Parsing goes down with each parenthesis and block, so both are counted before.
fn check_size(text: &str) -> Result<(), TemplateProblem> {
    let problem = |message: String, at: usize| TemplateProblem { message, span: at..at + 1, help: HELP };
    if text.len() > MAX_BYTES {
        return Err(problem(format!("the template is longer than {MAX_BYTES} bytes"), 0));
    }
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_PARENTHESES {
            return Err(problem(format!("more than {MAX_PARENTHESES} parentheses inside each other"), at));
        }
    }
    check_comments(text)?;
    check_blocks(text, problem)
}

/// Go takes a comment right between the braces alone, or one blank away from a `-`.
fn check_comments(text: &str) -> Result<(), TemplateProblem> {
    for (at, inside) in actions(text) {
        let comment = inside.trim_start_matches('-').trim_start();
        if !comment.starts_with("/*") {
            continue;
        }
        let start = text.len() - comment.len();
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let opened = start == at
            || inside
                .strip_prefix('-')
                .and_then(|rest| rest.strip_prefix(blank))
                .is_some_and(|rest| rest == comment);
        let message = match comment.split_once("*/") {
            _ if !opened => "unexpected \"/\" in command",
            Some((_, end)) if end.starts_with("}}") => continue,
            Some((_, end)) if end.strip_prefix(blank).is_some_and(|end| end.starts_with("-}}")) => continue,
            Some(_) => "comment ends before closing delimiter",
            None => "unclosed comment",
        };
        let help =
            "write a comment as `{{/* ... */}}`, or as `{{- /* ... */ -}}` with one blank on each side";
        return Err(TemplateProblem { message: message.to_owned(), span: start..start + 2, help });
    }
    Ok(())
}

/// The library takes an `end` too many for the end of the text, and the end of the text for an `end`.
fn check_blocks(
    text: &str,
    problem: impl Fn(String, usize) -> TemplateProblem,
) -> Result<(), TemplateProblem> {
    let mut open = Vec::new();
    let mut blocks = 0;
    for (at, word) in first_words(text) {
        match word {
            "if" | "range" | "with" | "define" | "block" => open.push((at, word)),
            "else" if !open.is_empty() => {}
            "end" if !open.is_empty() => drop(open.pop()),
            "else" | "end" => return Err(problem(format!("unexpected {{{{{word}}}}}"), at)),
            _ => continue,
        }
        blocks += 1;
        if blocks > MAX_BLOCKS {
            return Err(problem(format!("more than {MAX_BLOCKS} words of blocks"), at));
        }
    }
    match open.pop() {
        Some((at, word)) => Err(problem(format!("this `{word}` has no `{{{{ end }}}}`"), at)),
        None => Ok(()),
    }
}

/// The first word of each action, with its place.
fn first_words(text: &str) -> Vec<(usize, &str)> {
    let words = actions(text).into_iter().map(|(_, inside)| {
        let inside = inside.trim_start_matches('-').trim_start();
        let length = inside.bytes().take_while(u8::is_ascii_alphabetic).count();
        (text.len() - inside.len(), &inside[..length])
    });
    words.collect()
}

/// The text behind the braces of each action, to the end of all, with its place.
fn actions(text: &str) -> Vec<(usize, &str)> {
    let mut actions = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("{{") {
        let start = at + found + 2;
        actions.push((start, &text[start..]));
        let inside = text[start..].trim_start_matches('-').trim_start();
        let end = if inside.starts_with("/*") {
            inside.find("*/}}").or(inside.find("*/"))
        } else {
            action_end(inside)
        };
        at = end.map_or(text.len(), |end| text.len() - inside.len() + end);
    }
    actions
}

/// Where the `}}` of an action is, outside of its texts.
fn action_end(inside: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match quote {
            Some(open) => {
                if c == open && !escaped {
                    quote = None;
                }
                escaped = c == '\\' && !escaped && open != '`';
            }
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if inside[at..].starts_with("}}") => return Some(at),
            None => {}
        }
    }
    None
}

fn problem_of(error: &TemplateError, text: &str) -> TemplateProblem {
    let (TemplateError::Parse { line, col, message, .. } | TemplateError::Lex { line, col, message, .. }) =
        error
    else {
        return TemplateProblem { message: error.to_string(), span: 0..text.len(), help: HELP };
    };
    let column = if *line == 1 { col.saturating_sub(DEFINITIONS.chars().count()) } else { *col };
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    let inside = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    let at = (start + inside).min(text.len());
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    TemplateProblem { message: message.clone(), span: at..at + length, help: HELP }
}

#[cfg(test)]
mod tests;
