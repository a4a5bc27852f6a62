//! From a part of a text's value to where the user wrote it: through block scalars, folded lines and quotes.

use std::ops::Range;

use super::Place;

impl Place {
    /// Where bytes `range` of `value` are written, this being the place of the scalar whose value it is. `None` where the
    /// two can't be laid beside each other, which no scalar that the reader takes is known for.
    ///
    /// Blanks are not compared: folding and indentation change nothing else.
    pub(crate) fn inside(&self, value: &str, range: Range<usize>) -> Option<Self> {
        let span = self.span();
        let written = self.source().text().get(span.clone())?;
        // The content of a block scalar can begin with anything, a quote included.
        let ways = [Style::of(written), (0, Style::Plain)];
        let bytes = ways.into_iter().find_map(|(at, style)| {
            let written = Written { text: written, at, style };
            bytes_of(written, value, &range)
        })?;
        Some(self.part(span.start + bytes.start..span.start + bytes.end))
    }
}

/// The bytes of `written` that stand for bytes `range` of `value`.
fn bytes_of(mut written: Written<'_>, value: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let mut bytes: Option<Range<usize>> = None;
    // Where the last visible character before the range ends: for a range that holds blanks alone.
    let mut before = written.at;
    for (offset, wanted) in value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let (found, place) = written.next()?;
        if found != wanted {
            return None;
        }
        if offset >= range.end.max(range.start + 1) {
            break;
        }
        if offset >= range.start {
            bytes = Some(bytes.map_or(place.start, |bytes| bytes.start)..place.end);
        } else {
            before = place.end;
        }
    }
    Some(bytes.unwrap_or(before.saturating_sub(1)..before))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
}

impl Style {
    /// How `written` is written, and where its content begins.
    fn of(written: &str) -> (usize, Self) {
        match written.as_bytes().first() {
            Some(b'\'') => (1, Self::Single),
            Some(b'"') => (1, Self::Double),
            Some(b'|' | b'>') => (written.find('\n').map_or(written.len(), |at| at + 1), Self::Plain),
            _ => (0, Self::Plain),
        }
    }
}

/// The visible characters of a scalar as written, each with the bytes that stand for it.
struct Written<'t> {
    text: &'t str,
    at: usize,
    style: Style,
}

impl Iterator for Written<'_> {
    type Item = (char, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            let mut rest = self.text[start..].chars();
            let first = rest.next()?;
            self.at += first.len_utf8();
            match (self.style, first) {
                (_, c) if c.is_whitespace() => {}
                (Style::Single, '\'') => {
                    let next = rest.next().filter(|c| *c == '\'')?;
                    self.at += next.len_utf8();
                    return Some((next, start..self.at));
                }
                (Style::Double, '"') => return None,
                (Style::Double, '\\') => {
                    let c = self.escaped(rest.next()?)?;
                    if !c.is_whitespace() {
                        return Some((c, start..self.at));
                    }
                }
                (_, c) => return Some((c, start..self.at)),
            }
        }
    }
}

impl Written<'_> {
    /// What the escape stands for whose letter is `letter`; moves behind it.
    fn escaped(&mut self, letter: char) -> Option<char> {
        self.at += letter.len_utf8();
        let digits = match letter {
            // What they stand for is blank, or goes with the line.
            'n' | 't' | 'r' | 'v' | 'f' | '_' | 'N' | 'L' | 'P' | ' ' | '\t' | '\n' => return Some(' '),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0' => return Some('\0'),
            'a' => return Some('\u{7}'),
            'b' => return Some('\u{8}'),
            'e' => return Some('\u{1b}'),
            other => return Some(other),
        };
        let code = self.text.get(self.at..self.at + digits)?;
        self.at += digits;
        char::from_u32(u32::from_str_radix(code, 16).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Problems, Source, Value, parse};

    /// Where `part` of the value of `key` is said to be: line, column and the text there.
    #[track_caller]
    fn check(yaml: &str, part: &str, expected: (usize, usize, &str)) {
        let root = parse(&Source::new("x", yaml), &mut Problems::new()).unwrap();
        let Value::Map(entries) = &root.value else { panic!("a map") };
        let Value::Text(value) = &entries[0].value.value else { panic!("a text") };
        let start = value.find(part).unwrap();
        let place = entries[0].value.place.inside(value, start..start + part.len()).unwrap();
        assert_eq!((place.line(), place.column(), place.text()), expected, "{yaml}");
    }

    #[test]
    fn a_part_is_found_in_every_style_of_scalar() {
        check("a: up == nil\nb: 1\n", "nil", (1, 10, "nil"));
        check("a: up\n  == nil\nb: 1\n", "nil", (2, 6, "nil"));
        check("a: |\n  (\n    up\n  ) == nil\n", "nil", (4, 8, "nil"));
        check("a: |-\n\n  up == nil", "nil", (3, 9, "nil"));
        check("a: >\n  sum(up)\n  == nil\n", "nil", (3, 6, "nil"));
        check("a: >2-\n    up\n  == nil\n", "nil", (3, 6, "nil"));
        check("a: 'x{y=''z''} nil'\n", "nil", (1, 16, "nil"));
        check("a: 'x{y=''z''} nil'\n", "'z'", (1, 9, "''z''"));
        check("a: \"x{y=\\\"z\\\"}\\n \\u006eil\"\n", "nil", (1, 18, "\\u006eil"));
        check("a: \"x\n  \\\n  == nil\"\n", "nil", (3, 6, "nil"));
        check("a: é | ü == nil\n", "nil", (1, 13, "nil"));
        check("a:\n  |\n  up == nil\n", "nil", (3, 9, "nil"));
    }

    proptest! {
        /// Whatever is written how, the place of each visible character of the value is somewhere in the scalar.
        #[test]
        fn every_scalar_that_is_read_can_be_laid_beside_its_value(
            text in "[a-z:|>'\"\\\\ \n\té-]{0,40}",
            style in "[|>]-?\n  |'|\"|",
        ) {
            let close = style.trim_start_matches(['|', '>', '-', '\n', ' ']);
            let yaml = format!("a: {style}{}{close}\n", text.replace('\n', "\n  "));
            let root = parse(&Source::new("x", yaml.clone()), &mut Problems::new());
            if let Some(Value::Map(entries)) = root.map(|root| root.value)
                && let [entry] = entries.as_slice()
                && let Value::Text(value) = &entry.value.value
            {
                for (at, c) in value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
                    let place = entry.value.place.inside(value, at..at + c.len_utf8());
                    prop_assert!(place.is_some(), "{yaml:?}: {value:?} at {at}");
                }
            }
        }
    }

    #[test]
    fn blanks_and_the_end_are_the_last_thing_before_them() {
        check("a: |\n  up ==\n", "\n", (2, 7, "="));
        check("a: up  ==\n", "  ", (1, 5, "p"));
    }

    #[test]
    fn a_text_that_is_not_the_value_has_no_place() {
        let root = parse(&Source::new("x", "a: up"), &mut Problems::new()).unwrap();
        let Value::Map(entries) = &root.value else { panic!("a map") };
        assert!(entries[0].value.place.inside("down", 0..4).is_none());
    }
}
