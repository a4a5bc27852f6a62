//! JSON text to a tree whose values know their place, for files that other tools write: larger and deeper than people write, with tabs and
//! escapes that YAML has not.
//!
//! `serde_json` says whether the text is JSON, and what it is not; this lays out where its values are.

use std::sync::Arc;

use serde_json::Number;

use super::{Entry, Key, Node, Place, Problem, Problems, Source, Value};

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// The first bytes of a file that says that it is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The document of `source`; `None` where it is no JSON, and then a problem says why. Of keys that are given twice the last one counts, as
/// in the programs that read such files.
pub(crate) fn parse_json(source: &Arc<Source>, problems: &mut Problems) -> Option<Node> {
    let whole = source.text();
    if whole.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that are read", whole.len());
        problems.push(Problem::error(&Place::whole(source), message).help("is it the right file?"));
        return None;
    }
    let text = whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole);
    let base = whole.len() - text.len();
    // A tree of values makes sure of more than skipping them would: lone halves of characters, numbers out of range.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        problems.push(no_json(source, base, text, &error));
        return None;
    }
    Some(Reader { source, text: whole, at: base }.value())
}

fn no_json(source: &Arc<Source>, base: usize, text: &str, error: &serde_json::Error) -> Problem {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = before + error.column().saturating_sub(1);
    // At the end of the text there is nothing to point at: point at the last thing before it.
    let last = text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
    let place = Place::new(source, base + at.min(last)..base + at.min(last) + 1);
    let says = error.to_string();
    let says = says.rsplit_once(" at line ").map_or(says.as_str(), |(says, _)| says);
    Problem::error(&place, format!("this is no JSON: {says}"))
        .help("export the file anew, or look at the commas, quotes and brackets here and on the line above")
}

/// Reads text that is known to be JSON.
struct Reader<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Node {
        self.blanks();
        let start = self.at;
        let value = match self.byte() {
            b'{' => Value::Map(self.entries()),
            b'[' => Value::List(self.items()),
            b'"' => Value::Text(self.string()),
            _ => self.scalar(),
        };
        Node { value, place: Place::new(self.source, start..self.at) }
    }

    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at += self.text[self.at..].bytes().take_while(u8::is_ascii_whitespace).count();
    }

    /// Moves behind `,` or what closes the collection; true where it was that.
    fn closes(&mut self) -> bool {
        self.blanks();
        let is_end = self.byte() != b',';
        self.at += 1;
        is_end
    }

    fn items(&mut self) -> Vec<Node> {
        let mut items = Vec::new();
        self.at += 1;
        self.blanks();
        if self.byte() == b']' {
            self.at += 1;
            return items;
        }
        loop {
            items.push(self.value());
            if self.closes() {
                return items;
            }
        }
    }

    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.at += 1;
        self.blanks();
        if self.byte() == b'}' {
            self.at += 1;
            return entries;
        }
        loop {
            self.blanks();
            let start = self.at;
            let text = self.string();
            let key = Key { text, place: Place::new(self.source, start..self.at) };
            self.blanks();
            // The colon.
            self.at += 1;
            let value = self.value();
            entries.push(Entry { key, value });
            if self.closes() {
                return entries;
            }
        }
    }

    fn string(&mut self) -> String {
        let start = self.at;
        let mut is_escaped = false;
        let inner = self.text[start + 1..].bytes().take_while(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            !is_end
        });
        self.at += inner.count() + 2;
        serde_json::from_str(&self.text[start..self.at]).unwrap_or_default()
    }

    fn scalar(&mut self) -> Value {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        self.at += self.text[start..].bytes().take_while(is_part).count().max(1);
        match &self.text[start..self.at] {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => {
                let read = serde_json::from_str::<Number>(number).unwrap_or_else(|_| 0.into());
                Value::Number(read, number.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tree as JSON again, without its places.
    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number, _) => number.clone().into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(plain).collect::<Vec<_>>().into(),
            Value::Map(entries) => {
                let entries = entries.iter().map(|entry| (entry.key.text.clone(), plain(&entry.value)));
                serde_json::Value::Object(entries.collect())
            }
        }
    }

    /// Every value is what its place says.
    fn check_places(node: &Node) {
        let there: serde_json::Value = serde_json::from_str(node.place.text()).unwrap();
        assert_eq!(there, plain(node));
        match &node.value {
            Value::List(items) => items.iter().for_each(check_places),
            Value::Map(entries) => entries.iter().for_each(|entry| check_places(&entry.value)),
            Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) => {}
        }
    }

    #[track_caller]
    fn check(text: &str) {
        let mut problems = Problems::new();
        let root = parse_json(&Source::new("x.json", text), &mut problems);
        match serde_json::from_str::<serde_json::Value>(text.trim_start_matches(BYTE_ORDER_MARK)) {
            Ok(expected) => {
                let root = root.unwrap_or_else(|| panic!("{text:?}: {problems}"));
                assert_eq!(plain(&root), expected, "{text:?}");
                check_places(&root);
            }
            Err(_) => assert!(root.is_none() && problems.len() == 1, "{text:?}"),
        }
    }

    #[test]
    fn json_is_read_with_its_places() {
        check(
            "\u{feff}{\t\"a\" : [1, -2.5e3, true, false, null, {}, [ ]],\r\n \"b\\\"\\\\\": \"\\ud83d\\ude00 \\/\"}\n",
        );
        check("\"text\"");
        for wrong in
            ["", "{", "[1,]", "{\"a\" 1}", "nul", "\"\\ud83d\"", "1e999", "[1] 2", "{'a': 1}", "\"a\nb\""]
        {
            check(wrong);
        }
        check(&format!("{}1{}", "[".repeat(200), "]".repeat(200)));
    }

    #[test]
    fn mistakes_have_their_place() {
        for (text, place) in [
            ("{\"a\": 1,\n \"b\": }", "x.json:2:7: this is no JSON: expected value"),
            ("{\"a\": [1, 2", "x.json:1:11: this is no JSON: EOF while parsing a list"),
            ("\n\n", "x.json:1:1: this is no JSON: EOF while parsing a value"),
        ] {
            let mut problems = Problems::new();
            assert!(parse_json(&Source::new("x.json", text), &mut problems).is_none());
            assert_eq!(problems.to_string(), place);
        }
    }

    proptest! {
        /// Whatever the text, the reader ends and is of one mind with `serde_json`.
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(text in "[\\[\\]{}:,\"\\\\ \t\na-e0-9é.-]{0,40}") {
            check(&text);
        }
    }
}
