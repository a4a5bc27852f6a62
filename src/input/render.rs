//! Problems as text for people: the source line, a caret, the way out.
//!
//! The file may be hostile. The renderer's own filter lets the C1 control characters pass, which some terminals
//! obey, so that source, title and help are cleaned before they reach it.

use std::fmt::Write;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Problem, Severity, Source};
use crate::model::{Color, clean_char};

/// More problems than this are counted, not shown.
const MOST_SHOWN: usize = 50;
/// Columns of the source line that are shown.
const WIDTH: usize = 110;
/// More characters of a source line than this before or after the caret are left out.
const MOST_LINE: usize = 400;

pub(super) fn render(problems: &[Problem], color: Color) -> String {
    let renderer = match color {
        Color::On => Renderer::styled().hyperlink(false),
        Color::Off => Renderer::plain(),
    }
    .term_width(WIDTH);
    let mut out = String::new();
    for problem in problems.iter().take(MOST_SHOWN) {
        out.push_str(&renderer.render(&[group(problem)]));
        out.push_str("\n\n");
    }
    if let Some(more) = problems.len().checked_sub(MOST_SHOWN).filter(|&more| more > 0) {
        let _ = writeln!(out, "... and {more} more problems");
    }
    out
}

fn group(problem: &Problem) -> Group<'_> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(clean(&problem.message));
    let name = clean(problem.place.source().name());
    let group = if problem.place.source().text().trim().is_empty() {
        title.element(Origin::path(name))
    } else {
        let (line, caret) = line_with_caret(problem);
        let mut annotation = AnnotationKind::Primary.span(caret);
        if !problem.label.is_empty() {
            annotation = annotation.label(clean(&problem.label));
        }
        let snippet = Snippet::source(line).line_start(problem.place.line()).path(name);
        title.element(snippet.annotation(annotation))
    };
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(clean(help))),
        None => group,
    }
}

/// The line where the problem begins, cleaned, and the range to underline in it. Only this line goes to the
/// renderer, so that many problems in a large file stay cheap.
fn line_with_caret(problem: &Problem) -> (String, Range<usize>) {
    let source = problem.place.source();
    let text = source.text();
    let span = problem.place.span();
    let begin = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
    let end = span.start + text[span.start..end].trim_end().len();
    let marked = span.start..span.end.clamp(span.start, end);
    let mut line: String = shown(source, begin..marked.start).collect();
    let start = line.len();
    line.extend(shown(source, marked.clone()).take(MOST_LINE));
    let stop = line.len();
    line.extend(shown(source, marked.end..end).take(MOST_LINE));
    (line, start..stop)
}

/// `range` of the source, cleaned, each character of a secret as a `*`.
fn shown(source: &Source, range: Range<usize>) -> impl Iterator<Item = char> {
    source.text()[range.clone()].char_indices().map(move |(at, c)| {
        let at = range.start + at;
        if !c.is_whitespace() && source.has_secret(&(at..at + 1)) { '*' } else { clean_source_char(c) }
    })
}

fn clean(text: &str) -> String {
    text.chars().map(clean_source_char).collect()
}

/// Tabs stay: the renderer expands them.
fn clean_source_char(c: char) -> char {
    if c == '\t' { c } else { clean_char(c) }
}

#[cfg(test)]
mod tests {
    use crate::input::{Place, Problem, Problems, Source};
    use crate::model::Color;

    fn shown(text: &str, span: std::ops::Range<usize>, color: Color) -> String {
        let place = Place::new(&Source::new("a\u{1b}.yaml", text), span);
        let mut problems = Problems::new();
        problems.push(Problem::error(&place, "bad \u{1b}[31m").label("here\u{9b}").help("mend\u{202e}\nit"));
        problems.render(color)
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        let text = shown("key: \u{1b}]0;x\u{7} \u{9b}2J\u{202e} value", 5..9, Color::Off);
        assert!(text.chars().all(|c| c == '\n' || crate::model::clean_char(c) == c), "{text:?}");
        assert!(text.contains("key: "), "{text}");
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        assert!(shown("key: value", 5..10, Color::On).contains("\u{1b}["));
        assert!(!shown("key: value", 5..10, Color::Off).contains("\u{1b}["));
    }

    #[test]
    fn the_caret_stands_below_the_place_in_any_line() {
        let text = shown("first\n  é\tkey: value\nlast", 11..14, Color::Off);
        let lines: Vec<&str> = text.lines().collect();
        let source = lines.iter().position(|line| line.contains("key")).unwrap();
        let caret = lines[source + 1].find('^').unwrap();
        assert_eq!(lines[source].chars().position(|c| c == 'k'), Some(caret), "{text}");
        assert!(!text.contains("first") && !text.contains("last"), "{text}");
        // The end of the text, an empty text, and a place that covers lines.
        for (text, span) in [("a: 1\n", 5..5), ("", 0..0), ("a: |\n  b\n  c\n", 3..12), ("\r\n", 1..2)] {
            assert!(shown(text, span, Color::Off).contains("bad"));
        }
    }
}
