//! The tokens of exposition text: names, quoted strings, numbers, blanks. Knows nothing of lines or families.

use std::borrow::Cow;

use super::{ExpositionError, ExpositionErrorKind, Format};

/// A mistake at a byte of the text; its line and column are counted only when it is reported.
#[derive(Debug)]
pub(super) struct Fault {
    at: usize,
    kind: ExpositionErrorKind,
    reason: Cow<'static, str>,
}

/// A place in the text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    format: Format,
}

impl Fault {
    pub(super) fn malformed(at: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { at, kind: ExpositionErrorKind::Malformed, reason: reason.into() }
    }

    pub(super) fn too_many(what: &str, limit: usize, at: usize) -> Self {
        let reason = format!("more than {limit} {what}").into();
        Self { at, kind: ExpositionErrorKind::TooManySamples, reason }
    }

    pub(super) fn located_in(self, text: &str) -> ExpositionError {
        let before = &text[..self.at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ExpositionError {
            line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            kind: self.kind,
            reason: self.reason.into_owned(),
        }
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, format: Format) -> Self {
        Self { text, at: 0, format }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next byte; `None` at the end of the text.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte` if it is next.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Steps over `byte` if it is next or, in the text format, next after blanks. Blanks alone stay.
    pub(super) fn eat_after_blanks(&mut self, byte: u8) -> bool {
        let start = self.at;
        self.blanks();
        let found = self.eat(byte);
        if !found {
            self.at = start;
        }
        found
    }

    pub(super) fn fail<T>(&self, reason: impl Into<Cow<'static, str>>) -> Result<T, Fault> {
        Err(Fault::malformed(self.at, reason))
    }

    /// At the end of a line, or of the text.
    pub(super) fn at_line_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n'))
    }

    /// Before a blank.
    pub(super) fn at_blank(&self) -> bool {
        matches!(self.peek(), Some(b' ' | b'\t'))
    }

    /// Steps over the line's end; anything else there is a mistake. The last line may lack its line feed, as
    /// Prometheus lets it.
    pub(super) fn line_end(&mut self) -> Result<(), Fault> {
        if self.at_line_end() {
            self.at = self.text.len().min(self.at + 1);
            Ok(())
        } else {
            self.fail("unexpected text before the end of the line")
        }
    }

    /// Steps over blanks where the text format allows any number and OpenMetrics none; true if there were some.
    #[inline]
    pub(super) fn blanks(&mut self) -> bool {
        let found = self.format == Format::Text && matches!(self.peek(), Some(b' ' | b'\t'));
        if found {
            self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        }
        found
    }

    /// The blank between two parts of a line: one space in OpenMetrics, any blanks in text.
    pub(super) fn separator(&mut self) -> Result<(), Fault> {
        let found = match self.format {
            Format::OpenMetrics => self.eat(b' '),
            Format::Text => self.blanks(),
        };
        if found { Ok(()) } else { self.fail("expected a space") }
    }

    /// Everything up to the next blank or the line's end; may be empty.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n'))
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    pub(super) fn metric_name(&mut self) -> Result<&'a str, Fault> {
        if self.peek().is_some_and(|byte| is_name_byte(byte) && !byte.is_ascii_digit()) {
            Ok(self.take_while(is_name_byte))
        } else {
            self.fail("expected a metric name")
        }
    }

    /// A metric name as it is, or any UTF-8 text in quotes.
    pub(super) fn plain_or_quoted_metric_name(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return self.metric_name().map(Cow::Borrowed);
        }
        let name = self.quoted()?;
        if name.is_empty() { Err(Fault::malformed(start, "the metric name is empty")) } else { Ok(name) }
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    pub(super) fn label_name(&mut self) -> Result<&'a str, Fault> {
        if self.peek().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            Ok(self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        } else {
            self.fail("expected a label name or `}`")
        }
    }

    /// A string in double quotes, unescaped.
    pub(super) fn quoted(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at;
        if !self.eat(b'"') {
            return self.fail("expected `\"`");
        }
        let text = self.escaped(b'"')?;
        if self.eat(b'"') { Ok(text) } else { Err(Fault::malformed(start, "the closing quote is missing")) }
    }

    /// The rest of the line, unescaped as a help text. The line's end stays.
    pub(super) fn help(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.escaped(b'\n')
    }

    /// Text up to `end` or the line's end, neither included.
    fn escaped(&mut self, end: u8) -> Result<Cow<'a, str>, Fault> {
        let plain = |byte: u8| byte != end && byte != b'\\' && byte != b'\n';
        let first = self.take_while(plain);
        if self.peek() != Some(b'\\') {
            return Ok(Cow::Borrowed(first));
        }
        let mut text = first.to_owned();
        while self.peek() == Some(b'\\') {
            self.escape(end, &mut text)?;
            text.push_str(self.take_while(plain));
        }
        Ok(Cow::Owned(text))
    }

    /// One escape. A backslash before any other character stays, as Prometheus lets it; before the line's end it escapes nothing.
    /// In help texts of the text format a quote needs no escape, so that its backslash stays, too.
    fn escape(&mut self, end: u8, text: &mut String) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        let unescaped = match self.peek() {
            Some(b'n') => '\n',
            Some(b'\\') => '\\',
            Some(b'"') if end == b'"' || self.format == Format::OpenMetrics => '"',
            Some(byte) if byte != b'\n' || end == b'\n' => {
                text.push('\\');
                return Ok(());
            }
            None if end == b'\n' => {
                text.push('\\');
                return Ok(());
            }
            Some(_) | None => return Err(Fault::malformed(start, "unknown escape sequence")),
        };
        self.at += 1;
        text.push(unescaped);
        Ok(())
    }

    /// A sample's value.
    pub(super) fn value(&mut self) -> Result<f64, Fault> {
        let start = self.at;
        parse_number(self.word()).ok_or_else(|| Fault::malformed(start, "expected a number"))
    }

    /// A timestamp, in milliseconds: whole ones in the text format, seconds as a finite number in OpenMetrics.
    pub(super) fn timestamp(&mut self) -> Result<i64, Fault> {
        let start = self.at;
        let word = self.word();
        #[expect(clippy::cast_possible_truncation, reason = "a cast of f64 to i64 saturates")]
        let stamp = match self.format {
            Format::Text => word.parse::<i64>().ok(),
            Format::OpenMetrics => parse_number(word)
                .filter(|number| number.is_finite())
                .map(|seconds| (seconds * 1000.0) as i64),
        };
        stamp.ok_or_else(|| Fault::malformed(start, "expected a timestamp"))
    }

    /// Both ends of what is taken are ASCII or the text's end, so slicing never splits a character.
    #[inline]
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
        let start = self.at;
        self.at += length;
        &self.text[start..self.at]
    }
}

/// Decimal numbers, `NaN` and the infinities, whatever their case. Rust reads a signed NaN too; the formats do not.
fn parse_number(word: &str) -> Option<f64> {
    let number: f64 = word.parse().ok()?;
    let signed_nan = number.is_nan() && !word.starts_with(['n', 'N']);
    (!signed_nan).then_some(number)
}

/// A table, as this is asked of most bytes of a text.
fn is_name_byte(byte: u8) -> bool {
    const NAME_BYTES: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0u8;
        loop {
            table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
            if byte == u8::MAX {
                break table;
            }
            byte += 1;
        }
    };
    NAME_BYTES[usize::from(byte)]
}
