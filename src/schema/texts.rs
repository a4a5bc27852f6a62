//! Texts: by pattern, by format, by length, or any.

use super::error::{Fault, SchemaError};
use super::generator::{Hole, Maker};
use super::shape::Shape;

/// The longest text that is made because a schema asks for it, in characters.
const LONGEST: u64 = 100_000;
/// How much longer than it must be a text gets.
const MORE: u64 = 20;
/// At the edge it is more, ...
const MORE_AT_THE_EDGE: u64 = 1_000;
/// ... and more still where the schema says what the longest is.
const MORE_AS_STATED: u64 = 10_000;
/// Room for a [`crate::model::Nonce`], in characters: the shortest and the longest.
const NONCE: (u64, u64) = (27, 31);
/// Where an example is sought behind the words that announce it, in bytes.
const NEAR: usize = 80;

/// Characters that programs stumble over: marks of other languages, beyond 16 bits, combining, without width, and those
/// that quoting is for.
const SELDOM: [char; 16] = [
    '\u{e9}',
    '\u{df}',
    '\u{4e2d}',
    '\u{5d0}',
    '\u{1f600}',
    '\u{301}',
    '\u{200d}',
    '\u{2028}',
    '\u{feff}',
    '"',
    '\'',
    '\\',
    '\n',
    '<',
    '%',
    '\0',
];

impl<'s> Maker<'_, 's> {
    /// A text.
    pub(super) fn text(&mut self, shape: &Shape<'s>) -> Result<String, SchemaError> {
        let least = shape.at_least("minLength").map_or(0, |(count, _)| count);
        let most = shape.at_most("maxLength").map_or(u64::MAX, |(count, _)| count);
        if least > LONGEST {
            return Err(shape.fault("minLength", Fault::TooMuch));
        }
        if least > most {
            return Err(shape.fault("maxLength", Fault::Contradiction));
        }
        if self.takes_suggestions()
            && let Some(example) = told_example(shape)
        {
            return Ok(example);
        }
        if let Some((at, pattern)) = shape.each("pattern").next() {
            let longest = usize::try_from(most.min(LONGEST)).unwrap_or(usize::MAX);
            let length = usize::try_from(least).unwrap_or(usize::MAX)..=longest;
            let varied = if self.is_plain() { 0 } else { self.below(4) };
            let text = pattern.as_str().and_then(|pattern| self.matching(pattern, length, varied));
            return text.ok_or_else(|| at.fault("pattern", Fault::Pattern));
        }
        let format = shape.each("format").find_map(|(_, format)| self.formatted(format.as_str()?));
        if let Some(text) = format {
            return Ok(text);
        }
        Ok(self.of_length(least, most))
    }

    fn of_length(&mut self, least: u64, most: u64) -> String {
        if self.is_plain() {
            if least <= NONCE.0 && most >= NONCE.1 {
                self.may_be(Hole::Nonce);
            }
            let word: Vec<char> =
                "text".chars().cycle().take(usize::try_from(least.max(4).min(most)).unwrap_or(0)).collect();
            return word.into_iter().collect();
        }
        let length = if self.is_edge() {
            let stated = most < u64::MAX;
            let longest = most.min(least + if stated { MORE_AS_STATED } else { MORE_AT_THE_EDGE });
            if self.is_low() { least } else { least + self.take_room(longest - least) }
        } else {
            if least <= NONCE.0 && most >= NONCE.1 {
                self.is_free();
            }
            let longest = most.min(least + MORE);
            least + self.below(usize::try_from(longest - least + 1).unwrap_or(1)) as u64
        };
        let seldom = self.is_edge() && self.below(2) == 0;
        (0..length).map(|_| if seldom { SELDOM[self.below(SELDOM.len())] } else { self.letter() }).collect()
    }

    fn letter(&mut self) -> char {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789 ";
        char::from(LETTERS[self.below(LETTERS.len())])
    }

    /// A number of two digits that varies, where values vary.
    fn number(&mut self, low: i64, high: i64) -> i64 {
        if self.is_plain() { low } else { self.between(low, high) }
    }

    /// A text of a format of the specification; `None` for any other, which holds nothing. Names end in `.invalid` (RFC 2606)
    /// and addresses are those of documentation: a tool that calls what it is given calls nobody.
    fn formatted(&mut self, format: &str) -> Option<String> {
        Some(match format {
            "date" => self.date(),
            "time" => self.time(),
            "date-time" => format!("{}T{}", self.date(), self.time()),
            "duration" => format!("PT{}M", self.number(1, 59)),
            "email" | "idn-email" => format!("user{}@example.invalid", self.number(1, 99)),
            "hostname" | "idn-hostname" => format!("host{}.example.invalid", self.number(1, 99)),
            "ipv4" => format!("192.0.2.{}", self.number(1, 254)),
            "ipv6" => format!("2001:db8::{:x}", self.number(1, 0xffff)),
            "uri" | "iri" => format!("https://example.invalid/{}", self.number(1, 999)),
            "uri-reference" | "iri-reference" => format!("/items/{}", self.number(1, 999)),
            "uri-template" => format!("https://example.invalid/{}/{{id}}", self.number(1, 999)),
            "uuid" => {
                let (high, low) = (self.number(0, 0xffff_ffff), self.number(0, 0xffff_ffff_ffff));
                format!("{high:08x}-0000-4000-8000-{low:012x}")
            }
            "json-pointer" => format!("/items/{}", self.number(0, 99)),
            "relative-json-pointer" => format!("{}/items", self.number(0, 9)),
            "regex" => format!("^[a-z]{{{}}}$", self.number(1, 9)),
            _ => return None,
        })
    }

    fn date(&mut self) -> String {
        format!("20{:02}-{:02}-{:02}", self.number(26, 29), self.number(1, 12), self.number(1, 28))
    }

    fn time(&mut self) -> String {
        format!("{:02}:{:02}:{:02}Z", self.number(12, 23), self.number(0, 59), self.number(0, 59))
    }
}

/// What a description gives as an example, in quotes or backticks: "City name, e.g. `Paris`". People write it there more
/// often than under `examples`.
fn told_example(shape: &Shape<'_>) -> Option<String> {
    const ANNOUNCED: [&str; 5] = ["e.g.", "example", "such as", "for instance", "i.e."];
    const QUOTES: [(char, char); 5] =
        [('`', '`'), ('"', '"'), ('\'', '\''), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];
    shape.each("description").find_map(|(_, description)| {
        let text = description.as_str()?;
        let small = text.to_ascii_lowercase();
        let behind = ANNOUNCED.iter().filter_map(|words| Some(small.find(words)? + words.len())).min()?;
        let near = text.get(behind..)?;
        let (at, quote) = near.char_indices().take_while(|(at, _)| *at < NEAR).find_map(|(at, c)| {
            let (open, close) = QUOTES.iter().find(|(open, _)| *open == c)?;
            Some((at + open.len_utf8(), close))
        })?;
        let example = &near[at..];
        let example = &example[..example.find(*quote)?];
        (!example.trim().is_empty() && example.len() < NEAR).then(|| example.to_owned())
    })
}
