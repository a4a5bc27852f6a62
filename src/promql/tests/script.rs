//! The language of Prometheus's test scripts (`promql/promqltest`), read into commands.

use std::time::Duration;

use crate::promql::{Labels, parse_duration};

/// One command of a script.
pub(super) enum Command {
    Clear,
    Load { every_ms: i64, series: Vec<Series> },
    Eval(Box<Eval>),
}

/// A series and its points, one for each step.
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Point {
    None,
    Stale,
    Value(f64),
    /// A native histogram.
    Histogram,
}

/// A query, when it is asked, and what is expected of it.
pub(super) struct Eval {
    pub(super) line: usize,
    pub(super) query: String,
    pub(super) times: Times,
    pub(super) expected: Expected,
    pub(super) fails: bool,
    pub(super) ordered: bool,
    pub(super) warnings: Notes,
    pub(super) infos: Notes,
}

#[derive(Clone, Copy)]
pub(super) enum Times {
    Instant(i64),
    Range { start_ms: i64, end_ms: i64, step_ms: i64 },
}

pub(super) enum Expected {
    Scalar(f64),
    Text(String),
    Series(Vec<Series>),
    /// The first time and the step of a range vector's points.
    RangeVector {
        start_ms: i64,
        step_ms: i64,
        series: Vec<Series>,
    },
}

/// What is expected of warnings, or of infos.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) none: bool,
    pub(super) some: Vec<NoteText>,
}

pub(super) enum NoteText {
    Any,
    Exactly(String),
    Like(regex::Regex),
}

/// The commands of a script.
pub(super) fn read(text: &str) -> Result<Vec<Command>, String> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (line, head) = (at + 1, lines[at]);
        at += 1;
        if head.is_empty() {
            continue;
        }
        let mut block = Vec::new();
        while lines.get(at).is_some_and(|line| !line.is_empty()) && !head.starts_with("clear") {
            block.push(lines[at]);
            at += 1;
        }
        let command =
            command(line, head, &block).ok_or_else(|| format!("line {line}: can't be read: {head}"))?;
        commands.push(command);
    }
    Ok(commands)
}

fn command(line: usize, head: &str, block: &[&str]) -> Option<Command> {
    let (word, rest) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
    match word {
        "clear" => Some(Command::Clear),
        "load" => {
            let series = block.iter().map(|line| series(line)).collect::<Option<Vec<_>>>()?;
            Some(Command::Load { every_ms: time(rest.trim())?, series })
        }
        _ if word.starts_with("eval") => {
            eval(line, word, rest.trim(), block).map(Box::new).map(Command::Eval)
        }
        _ => None,
    }
}

fn eval(line: usize, word: &str, rest: &str, block: &[&str]) -> Option<Eval> {
    let (times, query) = if let Some(rest) = rest.strip_prefix("instant") {
        let (at, query) = rest.trim().strip_prefix("at")?.trim_start().split_once(char::is_whitespace)?;
        (Times::Instant(time(at)?), query)
    } else {
        let mut words = rest.strip_prefix("range")?.trim_start();
        let mut found = [0; 3];
        for (position, name) in ["from", "to", "step"].into_iter().enumerate() {
            let (value, tail) = words.strip_prefix(name)?.trim_start().split_once(char::is_whitespace)?;
            found[position] = time(value)?;
            words = tail.trim_start();
        }
        let [start_ms, end_ms, step_ms] = found;
        (Times::Range { start_ms, end_ms, step_ms }, words)
    };
    let mut eval = Eval {
        line,
        query: query.trim().to_owned(),
        times,
        expected: Expected::Series(Vec::new()),
        fails: word == "eval_fail",
        ordered: word == "eval_ordered",
        warnings: Notes {
            none: false,
            some: if word == "eval_warn" { vec![NoteText::Any] } else { Vec::new() },
        },
        infos: Notes {
            none: false,
            some: if word == "eval_info" { vec![NoteText::Any] } else { Vec::new() },
        },
    };
    for line in block {
        match line.strip_prefix("expect").filter(|rest| rest.starts_with(char::is_whitespace)) {
            Some(expectation) => expect(&mut eval, expectation.trim())?,
            None => match number(line) {
                Some(value) => eval.expected = Expected::Scalar(value),
                None => match &mut eval.expected {
                    Expected::Series(all) | Expected::RangeVector { series: all, .. } => {
                        all.push(series(line)?);
                    }
                    Expected::Scalar(_) | Expected::Text(_) => return None,
                },
            },
        }
    }
    Some(eval)
}

fn expect(eval: &mut Eval, expectation: &str) -> Option<()> {
    let (kind, rest) = expectation.split_once(char::is_whitespace).unwrap_or((expectation, ""));
    let rest = rest.trim();
    match kind {
        "fail" => eval.fails = true,
        "ordered" => eval.ordered = true,
        "no_warn" => eval.warnings.none = true,
        "no_info" => eval.infos.none = true,
        "warn" => eval.warnings.some.push(note_text(rest)?),
        "info" => eval.infos.some.push(note_text(rest)?),
        "string" => eval.expected = Expected::Text(rest.get(1..rest.len() - 1)?.to_owned()),
        "range" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let ["vector", "from", start, "to", _, "step", step] = words[..] else { return None };
            eval.expected =
                Expected::RangeVector { start_ms: time(start)?, step_ms: time(step)?, series: Vec::new() };
        }
        _ => return None,
    }
    Some(())
}

fn note_text(text: &str) -> Option<NoteText> {
    if text.is_empty() {
        return Some(NoteText::Any);
    }
    let (kind, text) = text.split_once(':')?;
    match kind.trim() {
        "msg" => Some(NoteText::Exactly(text.trim().to_owned())),
        "regex" => regex::Regex::new(text.trim()).ok().map(NoteText::Like),
        _ => None,
    }
}

/// A time or a step: a duration, or a number of seconds.
fn time(text: &str) -> Option<i64> {
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => parse_duration(text)?,
    };
    i64::try_from(duration.as_millis()).ok()
}

fn number(text: &str) -> Option<f64> {
    let letters = text.trim_start_matches(['+', '-']);
    let is_number = letters.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || ["inf", "nan"].iter().any(|word| letters.eq_ignore_ascii_case(word));
    if is_number { text.parse().ok() } else { None }
}

fn series(line: &str) -> Option<Series> {
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let mut pairs = vec![("__name__".to_owned(), line[..name_end].to_owned())];
    let mut rest = line[name_end..].trim_start();
    // What is in braces after a name is labels; after white space it may be a histogram.
    if let Some(inner) = rest.strip_prefix('{').filter(|inner| !inner.starts_with('{')) {
        rest = labels(inner, &mut pairs)?;
    }
    Some(Series { labels: Labels::from_pairs(pairs), points: points(rest)? })
}

/// Reads labels up to the closing brace; gives what comes after it.
fn labels<'a>(mut rest: &'a str, pairs: &mut Vec<(String, String)>) -> Option<&'a str> {
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        if let Some(rest) = rest.strip_prefix('}') {
            return Some(rest);
        }
        let name;
        if rest.starts_with('"') {
            (name, rest) = quoted(rest)?;
            if !rest.trim_start().starts_with('=') {
                pairs.push(("__name__".to_owned(), name));
                continue;
            }
        } else {
            let end = rest.find(|c: char| c == '=' || c.is_whitespace())?;
            (name, rest) = (rest[..end].to_owned(), &rest[end..]);
        }
        let value;
        (value, rest) = quoted(rest.trim_start().strip_prefix('=')?.trim_start())?;
        pairs.push((name, value));
    }
}

/// A text in double quotes, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut letters = text.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '"' => return Some((out, &text[at + 2..])),
            '\\' => out.push(match letters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            c => out.push(c),
        }
    }
    None
}

/// `1 2+3x4 _ _x2 stale {{...}}`: see the format's description.
fn points(text: &str) -> Option<Vec<Point>> {
    let mut points = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if rest.starts_with("{{") {
            let end = rest.find("}}")? + 2;
            let tail = &rest[end..];
            let end_of_word = tail
                .find(char::is_whitespace)
                .filter(|_| !tail.starts_with("+{{") && !tail.starts_with("-{{"));
            let end_of_word = end_of_word.or_else(|| {
                tail.find("}}").map(|at| {
                    at + 2 + tail[at + 2..].find(char::is_whitespace).unwrap_or(tail.len() - at - 2)
                })
            });
            let word_end = end_of_word.unwrap_or(tail.len());
            let times = tail[..word_end].rsplit_once('x').and_then(|(_, times)| times.parse::<usize>().ok());
            points.extend(std::iter::repeat_n(Point::Histogram, times.unwrap_or(0) + 1));
            rest = tail[word_end..].trim_start();
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        point(&rest[..end], &mut points)?;
        rest = rest[end..].trim_start();
    }
    Some(points)
}

fn point(word: &str, points: &mut Vec<Point>) -> Option<()> {
    match word {
        "_" => points.push(Point::None),
        "stale" => points.push(Point::Stale),
        _ => {
            if let Some(times) = word.strip_prefix("_x") {
                points.extend(std::iter::repeat_n(Point::None, times.parse().ok()?));
                return Some(());
            }
            let Some((value, times)) = word.rsplit_once('x') else {
                points.push(Point::Value(number(word)?));
                return Some(());
            };
            let times: u32 = times.parse().ok()?;
            // The sign of the step is the last one that is not that of an exponent.
            let sign = value
                .char_indices()
                .skip(1)
                .filter(|(at, c)| matches!(c, '+' | '-') && !matches!(value.as_bytes()[at - 1], b'e' | b'E'));
            let (start, step) = match sign.last() {
                Some((at, _)) => (number(&value[..at])?, value[at..].parse::<f64>().ok()?),
                None => (number(value)?, 0.0),
            };
            // Step by step, so that rounding is that of Prometheus's own tests.
            let mut value = start;
            for _ in 0..=times {
                points.push(Point::Value(value));
                value += step;
            }
        }
    }
    Some(())
}
