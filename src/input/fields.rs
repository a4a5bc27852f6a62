//! Reading a tree field by field. What is wrong becomes a problem and reading goes on, so that one look shows every
//! mistake.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Entry, Node, Place, Problem, Problems, Value, one_of, quoted, way_out};
use crate::model::{clean_char, parse_duration};

/// The longest duration that makes sense: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Numbers below it are exact in every form that they are written in: 2^53.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The longest name that a user may give something, in characters.
const MAX_NAME: usize = 100;

/// A value with the name under which messages speak of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'n> {
    pub name: &'n str,
    pub node: &'n Node,
}

/// The pairs of one map. Every name that is asked for is allowed; [`Fields::finish`] reports the others.
#[derive(Debug)]
pub(crate) struct Fields<'n> {
    what: &'n str,
    place: &'n Place,
    entries: &'n [Entry],
    allowed: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The pairs of `node`, which messages call `what`.
    pub(crate) fn of(node: &'n Node, what: &'n str, problems: &mut Problems) -> Option<Self> {
        if let Value::Map(entries) = &node.value {
            return Some(Self { what, place: &node.place, entries, allowed: Vec::new() });
        }
        let message = format!("{what} must be a map of fields, found {}", node.found());
        problems
            .push(Problem::error(&node.place, message).help("write `field: value` lines, indented below it"));
        None
    }

    /// Where the map is.
    pub(crate) fn place(&self) -> &'n Place {
        self.place
    }

    /// True when there is a field `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.place_of_any(&[name]).is_some()
    }

    /// Where the first field with one of these names is.
    pub(crate) fn place_of_any(&self, names: &[&str]) -> Option<&'n Place> {
        let found = self.entries.iter().find(|entry| names.contains(&entry.key.text.as_str()));
        found.map(|entry| &entry.key.place)
    }

    /// Where the value of the field `name` is.
    pub(crate) fn value_place(&self, name: &str) -> Option<&'n Place> {
        self.entries.iter().find(|entry| entry.key.text == name).map(|entry| &entry.value.place)
    }

    /// The field `name`, when it is there.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<Field<'n>> {
        self.allowed.push(name);
        self.entries
            .iter()
            .find(|entry| entry.key.text == name)
            .map(|entry| Field { name, node: &entry.value })
    }

    /// The field `name`, which must be there.
    pub(crate) fn required(&mut self, name: &'static str, problems: &mut Problems) -> Option<Field<'n>> {
        let field = self.optional(name);
        if field.is_none() {
            let message = format!("{} has no {}", self.what, quoted(name));
            problems.push(
                Problem::error(self.place, message)
                    .label(format!("{} is missing here", quoted(name)))
                    .help(format!("add the line `{name}: ...`")),
            );
        }
        field
    }

    /// The one field of `names` that is there, with the place of its name: none and several are mistakes.
    pub(crate) fn exactly_one(
        &mut self,
        names: &[&'static str],
        problems: &mut Problems,
    ) -> Option<(&'static str, Field<'n>, &'n Place)> {
        self.allowed.extend(names);
        let mut found = self.entries.iter().filter_map(|entry| {
            let name = names.iter().find(|&&name| name == entry.key.text)?;
            Some((*name, Field { name, node: &entry.value }, &entry.key.place))
        });
        let Some(first) = found.next() else {
            self.none_of(names, problems);
            return None;
        };
        for (name, _, place) in found {
            let message = format!("{} has both {} and {}", self.what, quoted(first.0), quoted(name));
            problems.push(Problem::error(place, message).help(format!("keep one of {}", one_of(names))));
        }
        Some(first)
    }

    fn none_of(&self, names: &[&'static str], problems: &mut Problems) {
        // A misspelt name would be reported twice: the report of the unknown field says what is allowed.
        if self.entries.iter().any(|entry| !self.allowed.contains(&entry.key.text.as_str())) {
            return;
        }
        let message = format!("{} is incomplete", self.what);
        problems.push(Problem::error(self.place, message).help(format!("add one of {}", one_of(names))));
    }

    /// Names and values as they stand, for maps whose names the user chooses.
    pub(crate) fn entries(&self) -> &'n [Entry] {
        self.entries
    }

    /// Reports every field that nobody asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for entry in self.entries {
            if !self.allowed.contains(&entry.key.text.as_str()) {
                let name = entry.key.place.quoted(&entry.key.text);
                let message = format!("{} has no field {name}", self.what);
                let help = way_out(&entry.key.text, &self.allowed, "its fields are");
                problems.push(Problem::error(&entry.key.place, message).label("unknown field").help(help));
            }
        }
    }
}

impl<'n> Field<'n> {
    /// Notes what is wrong with the value.
    pub(crate) fn wrong(self, message: impl Display, help: impl Into<String>, problems: &mut Problems) {
        let message = format!("{}: {message}", quoted(self.name));
        problems.push(Problem::error(&self.node.place, message).help(help));
    }

    fn expected(self, what: &str, help: impl Into<String>, problems: &mut Problems) {
        self.wrong(format!("expected {what}, found {}", self.node.found()), help, problems);
    }

    /// The items of a list.
    pub(crate) fn items(self, problems: &mut Problems) -> impl Iterator<Item = Field<'n>> {
        let items: &'n [Node] = if let Value::List(items) = &self.node.value {
            items
        } else {
            self.expected("a list", "write `- item` lines below it, or `[item, item]`", problems);
            &[]
        };
        items.iter().map(move |node| Field { name: self.name, node })
    }

    /// A text that is not empty. A number counts as the text it is written as.
    pub(crate) fn text(self, problems: &mut Problems) -> Option<&'n str> {
        match &self.node.value {
            Value::Text(text) if text.trim().is_empty() => {
                self.wrong("the text is empty", "write something, or remove the field", problems);
                None
            }
            Value::Text(text) | Value::Number(_, text) => Some(text),
            Value::Bool(_) => {
                self.expected("text", "put quotes around it", problems);
                None
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.expected("text", "write plain text", problems);
                None
            }
        }
    }

    /// A name: one short line without anything a terminal might act on.
    pub(crate) fn name(self, problems: &mut Problems) -> Option<&'n str> {
        let text = self.text(problems)?;
        if text.chars().count() > MAX_NAME {
            self.wrong(format!("longer than {MAX_NAME} characters"), "write a shorter one", problems);
            return None;
        }
        if text.contains("{{") {
            self.wrong("expressions are not computed in a name", "write the name out", problems);
            return None;
        }
        if text.trim() != text || text.chars().any(|c| clean_char(c) != c) {
            let help = "write one line, without control characters, without blanks at its ends";
            self.wrong("not a plain name", help, problems);
            return None;
        }
        Some(text)
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(self, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
        let text = self.text(problems)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(format!("unknown value {}", quoted(text)), way_out(text, &names, "write"), problems);
        }
        found
    }

    /// `true` or `false`.
    pub(crate) fn flag(self, problems: &mut Problems) -> Option<bool> {
        if let Value::Bool(flag) = self.node.value {
            return Some(flag);
        }
        self.expected("`true` or `false`", "write one of the two, without quotes", problems);
        None
    }

    /// A duration with its unit.
    pub(crate) fn duration(self, problems: &mut Problems) -> Option<Duration> {
        const HELP: &str =
            "write a number with its unit (us, ms, s, m, h), such as `500ms`, `1.5s` or `2m30s`";
        let duration = match &self.node.value {
            Value::Text(text) => parse_duration(text),
            Value::Number(_, text) => {
                let help = format!("a number without a unit is a guess: write `{text}s` or `{text}ms`");
                self.expected("a duration", help, problems);
                return None;
            }
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
        };
        match duration {
            Some(duration) if duration > LONGEST => {
                self.wrong("longer than 30 days", "write a shorter duration", problems);
                None
            }
            None => {
                self.expected("a duration", HELP, problems);
                None
            }
            good => good,
        }
    }

    /// A duration above zero.
    pub(crate) fn some_duration(self, problems: &mut Problems) -> Option<Duration> {
        let duration = self.duration(problems)?;
        if duration.is_zero() {
            self.wrong("the duration must be above zero", "write a duration such as `1s`", problems);
            return None;
        }
        Some(duration)
    }

    /// A whole number within `range`.
    pub(crate) fn whole<T>(self, range: &RangeInclusive<T>, problems: &mut Problems) -> Option<T>
    where
        T: TryFrom<u64> + PartialOrd + Display,
    {
        let help = format!("write a whole number from {} to {}", range.start(), range.end());
        let Value::Number(number, text) = &self.node.value else {
            self.expected("a whole number", help, problems);
            return None;
        };
        let found = number.as_u64().and_then(|number| T::try_from(number).ok());
        let good = found.filter(|number| range.contains(number));
        if good.is_some() {
            return good;
        }
        let fraction = number.as_f64().filter(|_| number.is_f64());
        if fraction.is_some_and(|number| number.fract() != 0.0) {
            self.expected("a whole number", help, problems);
        } else if let Some(whole) = fraction.filter(|number| number.abs() < MOST_EXACT) {
            // `1e3` and `40.0` may mean what they are; nobody writes a count like that on purpose.
            self.expected("a whole number in digits", format!("write `{whole:.0}`"), problems);
        } else {
            self.wrong(format!("{} is out of range", quoted(text)), help, problems);
        }
        None
    }

    /// The version of a file's format, of which there is one.
    pub(crate) fn version(self, known: u64, problems: &mut Problems) {
        let Value::Number(number, text) = &self.node.value else {
            return self.expected("a number", format!("write `version: {known}`"), problems);
        };
        if number.as_u64() != Some(known) {
            let help =
                format!("this gander reads version {known}: write `version: {known}`, or use another gander");
            self.wrong(format!("unknown version {}", quoted(text)), help, problems);
        }
    }

    /// A percentage, as a share of 1.
    pub(crate) fn share(self, problems: &mut Problems) -> Option<f64> {
        match &self.node.value {
            Value::Text(text) => {
                let share = parse_share(text);
                if share.is_none() {
                    self.expected("a percentage", "write it like `5%` or `99.9%`", problems);
                }
                share
            }
            Value::Number(number, _) => {
                let number = number.as_f64().unwrap_or_default();
                let percent = if number < 1.0 { number * 100.0 } else { number };
                let help = format!("a number without `%` is a guess: write `{percent}%`");
                self.expected("a percentage", help, problems);
                None
            }
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                self.expected("a percentage", "write it like `5%` or `99.9%`", problems);
                None
            }
        }
    }
}

/// `95%` as 0.95; nothing below zero.
pub(crate) fn parse_share(text: &str) -> Option<f64> {
    let digits = text.trim().strip_suffix('%')?.trim_end();
    let shaped = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && super::parse_number(digits).is_some();
    // Read as a hundredth, not divided by 100: 99.9 % is 0.999, not 0.9990000000000001.
    shaped.then(|| format!("{digits}e-2").parse().ok()).flatten()
}
