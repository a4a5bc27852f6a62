//! Variables in the texts of a dashboard, found and filled in as Grafana does: `$name`, `${name}`, `${name:format}`, `[[name]]`.

use std::ops::Range;

/// A place where a text speaks of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    /// The variable's name.
    pub(super) name: &'t str,
    /// How its value is to be written; `None` where the text does not say.
    pub(super) format: Option<&'t str>,
    /// Its bytes.
    pub(super) span: Range<usize>,
}

/// A text with its variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// What was put in: its bytes here, and those of the reference.
    pieces: Vec<(Range<usize>, Range<usize>)>,
}

/// What stands for a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) values: Vec<String>,
    pub(super) manner: Manner,
}

/// How a value is written where a query does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As it is.
    Verbatim,
    /// One value, in a string.
    One,
    /// Any of several, in a pattern.
    AnyOf,
}

/// All references of `text`, in its order. What begins with a digit is none: `$1` is of `label_replace`.
pub(super) fn references(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(['$', '[']).map(|offset| at + offset) {
        match reference(text, start) {
            Some(reference) => {
                at = reference.span.end;
                found.push(reference);
            }
            None => at = start + 1,
        }
    }
    found
}

fn reference(text: &str, start: usize) -> Option<Reference<'_>> {
    let rest = &text[start..];
    let (inner, close) = if let Some(inner) = rest.strip_prefix("${") {
        (inner, "}")
    } else if let Some(inner) = rest.strip_prefix("[[") {
        (inner, "]]")
    } else {
        (rest.strip_prefix('$')?, "")
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = &inner[..inner.find(|c| !is_word(c)).unwrap_or(inner.len())];
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let before = start + rest.len() - inner.len();
    if close.is_empty() {
        return Some(Reference { name, format: None, span: start..before + name.len() });
    }
    let end = inner.find(close)?;
    // `${name.field:format}`: what has fields has one text.
    let more = &inner[name.len()..end];
    let format = more.split_once(':').map(|(_, format)| format);
    let is_whole = more.is_empty() || more.starts_with([':', '.']);
    is_whole.then_some(Reference { name, format, span: start..before + end + close.len() })
}

/// `text` with what `with` gives in the place of its references; where it gives nothing, they stay.
pub(super) fn filled(text: &str, mut with: impl FnMut(&Reference<'_>) -> Option<String>) -> Filled {
    let (mut out, mut pieces, mut from) = (String::with_capacity(text.len()), Vec::new(), 0);
    for reference in references(text) {
        let Some(value) = with(&reference) else { continue };
        out.push_str(&text[from..reference.span.start]);
        let start = out.len();
        out.push_str(&value);
        pieces.push((start..out.len(), reference.span.clone()));
        from = reference.span.end;
    }
    out.push_str(&text[from..]);
    Filled { text: out, pieces }
}

impl Filled {
    /// The bytes of the text as it was written that `span` of this one comes from.
    pub(super) fn written(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.back(span.start, |piece| piece.start);
        start..self.back(span.end, |piece| piece.end).max(start)
    }

    fn back(&self, at: usize, inside: impl Fn(&Range<usize>) -> usize) -> usize {
        let (mut here, mut there) = (0, 0);
        for (piece, reference) in &self.pieces {
            if at < piece.start {
                break;
            }
            if at < piece.end {
                return inside(reference);
            }
            (here, there) = (piece.end, reference.end);
        }
        there + (at - here)
    }
}

impl Value {
    /// As it is.
    pub(super) fn verbatim(text: impl Into<String>) -> Self {
        Self { values: vec![text.into()], manner: Manner::Verbatim }
    }

    /// As `format` writes it; without one as Grafana's Prometheus data source does. One that is not known is `glob`, as in Grafana.
    pub(super) fn written(&self, name: &str, format: Option<&str>) -> String {
        let values = &self.values;
        let each = |write: &dyn Fn(&str) -> String, between: &str| {
            values.iter().map(|value| write(value)).collect::<Vec<_>>().join(between)
        };
        let plain = |value: &str| value.to_owned();
        match format {
            None => self.by_default(),
            Some("csv" | "raw") => each(&plain, ","),
            Some("distributed") => each(&plain, &format!(",{name}=")),
            Some("doublequote") => each(&|value| format!("\"{}\"", value.replace('"', "\\\"")), ","),
            Some("singlequote") => each(&|value| format!("'{}'", value.replace('\'', "\\'")), ","),
            Some("pipe") => each(&plain, "|"),
            Some("text") => each(&plain, " + "),
            Some("json") if values.len() == 1 => serde_json::json!(values[0]).to_string(),
            Some("json") => serde_json::json!(values).to_string(),
            Some("queryparam") => each(&|value| format!("var-{name}={}", percent_encoded(value)), "&"),
            Some("percentencode") => percent_encoded(&each(&plain, ",")),
            Some("regex") => any_of(values, &escaped_for_patterns),
            Some("lucene") if values.len() > 1 => {
                format!("({})", each(&|value| format!("\"{value}\""), " OR "))
            }
            Some(_) if values.len() > 1 => format!("{{{}}}", each(&plain, ",")),
            Some(_) => each(&plain, ","),
        }
    }

    fn by_default(&self) -> String {
        match self.manner {
            Manner::Verbatim => self.values.join(","),
            Manner::One => {
                let texts =
                    self.values.iter().map(|value| value.replace('\\', "\\\\").replace('\'', "\\\\'"));
                texts.collect::<Vec<_>>().join(",")
            }
            Manner::AnyOf => any_of(&self.values, &escaped_twice),
        }
    }
}

fn any_of(values: &[String], escaped: &dyn Fn(&str) -> String) -> String {
    let texts: Vec<String> = values.iter().map(|value| escaped(value)).collect();
    if texts.len() == 1 { texts[0].clone() } else { format!("({})", texts.join("|")) }
}

/// As the `regex` format writes a value.
fn escaped_for_patterns(value: &str) -> String {
    let escape = |c: char| if "\\^$*+?.()|[]{}/".contains(c) { format!("\\{c}") } else { c.to_string() };
    value.chars().map(escape).collect()
}

/// The same in a string of PromQL, which has escapes of its own.
fn escaped_twice(value: &str) -> String {
    let escape = |c: char| match c {
        '\\' => "\\\\\\\\".to_owned(),
        c if "$^*{}[]'+?.()|".contains(c) => format!("\\\\{c}"),
        c => c.to_string(),
    };
    value.chars().map(escape).collect()
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_in_all_their_forms() {
        let text = "a{b=~\"$one\", c=\"${two}\", d=~\"${three:regex}\", e=\"[[four]]\", f=\"[[five:csv]]\"}[${__range_s}s] ${__from:date:iso} ${__user.login}";
        let found: Vec<(&str, Option<&str>)> =
            references(text).iter().map(|reference| (reference.name, reference.format)).collect();
        let expected = [
            ("one", None),
            ("two", None),
            ("three", Some("regex")),
            ("four", None),
            ("five", Some("csv")),
            ("__range_s", None),
            ("__from", Some("date:iso")),
            ("__user", None),
        ];
        assert_eq!(found, expected);
        for none in [
            r#"label_replace(a, "b", "$1", "c", "(.*)$")"#,
            "a{b=~\"x$|y$\"}[5m]",
            "${",
            "$",
            "[[",
            "[[a",
            "${1}",
        ] {
            assert_eq!(references(none), [], "{none}");
        }
    }

    #[test]
    fn what_was_filled_in_is_told_by_where_it_was_written() {
        let filled = filled("sum($a) + ${b} nil", |reference| {
            (reference.name == "a").then(|| "up{x=\"y\"}".to_owned())
        });
        assert_eq!(filled.text, "sum(up{x=\"y\"}) + ${b} nil");
        let nil = filled.text.find("nil").unwrap();
        assert_eq!(filled.written(&(nil..nil + 3)), 15..18);
        assert_eq!(filled.written(&(6..9)), 4..6);
        assert_eq!(filled.written(&(0..3)), 0..3);
        assert_eq!(filled.written(&(filled.text.len()..filled.text.len())), 18..18);
    }

    #[track_caller]
    fn check(values: &[&str], format: Option<&str>, expected: &str) {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        assert_eq!(
            Value { values, manner: Manner::AnyOf }.written("servers", format),
            expected,
            "{format:?}"
        );
    }

    #[test]
    fn values_are_written_as_grafana_documents_its_formats() {
        let two = &["test1", "test2"];
        check(two, Some("csv"), "test1,test2");
        check(two, Some("distributed"), "test1,servers=test2");
        check(two, Some("doublequote"), "\"test1\",\"test2\"");
        check(two, Some("singlequote"), "'test1','test2'");
        check(two, Some("glob"), "{test1,test2}");
        check(two, Some("no such format"), "{test1,test2}");
        check(two, Some("json"), "[\"test1\",\"test2\"]");
        check(two, Some("lucene"), "(\"test1\" OR \"test2\")");
        check(&["foo()bar BAZ", "test2"], Some("percentencode"), "foo%28%29bar%20BAZ%2Ctest2");
        check(&["test1.", "test2"], Some("pipe"), "test1.|test2");
        check(&["test.1", "test2"], Some("raw"), "test.1,test2");
        check(&["test1.", "test2"], Some("regex"), "(test1\\.|test2)");
        check(two, Some("text"), "test1 + test2");
        check(two, Some("queryparam"), "var-servers=test1&var-servers=test2");
        check(&["one"], Some("glob"), "one");
    }

    #[test]
    fn without_a_format_values_are_written_for_strings_of_promql() {
        check(&["a.b:90", "c"], None, "(a\\\\.b:90|c)");
        check(&["a.b"], None, "a\\\\.b");
        check(&["a\\b"], None, "a\\\\\\\\b");
        let one = |text: &str, manner| Value { values: vec![text.to_owned()], manner }.written("x", None);
        assert_eq!(one("a.b\\c'", Manner::One), "a.b\\\\c\\\\'");
        assert_eq!(one(".*'\\", Manner::Verbatim), ".*'\\");
    }
}
