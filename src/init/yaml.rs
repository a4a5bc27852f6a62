//! The one place where texts become YAML. What is not plain letters is quoted, and what a terminal might act on is escaped:
//! most of these texts come from a server.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::model::clean_char;
use crate::schema::Hole;

/// Plain words that YAML, or an older reader of it, takes for something else than a text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// `text` as one YAML scalar that reads as this text.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// True when `text` needs no quotes, in a block or between braces.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | ':'))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// `text` in double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if clean_char(c) == c && !is_odd(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let written =
                    if code <= 0xFFFF { write!(out, "\\u{code:04X}") } else { write!(out, "\\U{code:08X}") };
                written.expect("writing to a string does not fail");
            }
        }
    }
    out.push('"');
    out
}

/// Blanks that are none to everybody, and code points that no text should have.
fn is_odd(c: char) -> bool {
    (c.is_whitespace() && c != ' ')
        || u32::from(c) & 0xFFFE == 0xFFFE
        || ('\u{E000}'..='\u{F8FF}').contains(&c)
}

/// A text of a call, in which braces are braces and no expression.
pub(super) fn literal(text: &str) -> String {
    scalar(&text.replace("{{", "{{ \"{{\" }}"))
}

/// `{{ nonce }}`, a text that no other call has.
pub(super) const NONCE: &str = "\"{{ nonce }}\"";

/// An argument of a call on one line. `pointer` says where in the arguments it is, for those that may vary.
pub(super) fn argument(value: &Value, pointer: &str, holes: &[(String, Hole)]) -> String {
    if let Some((_, hole)) = holes.iter().find(|(at, _)| at == pointer) {
        return match hole {
            Hole::Int(low, high) => format!("\"{{{{ random.int({low}, {high}) }}}}\""),
            Hole::Nonce => NONCE.to_owned(),
        };
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => literal(text),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let items: Vec<String> =
                items.map(|(at, item)| argument(item, &format!("{pointer}/{at}"), holes)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| {
                let value = argument(field, &below(pointer, name), holes);
                format!("{}: {value}", scalar(name))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A duration of whole milliseconds, as files write it.
pub(super) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1_000) { format!("{}s", millis / 1_000) } else { format!("{millis}ms") }
}

/// The JSON pointer of the field `name`.
pub(super) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
