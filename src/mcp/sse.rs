//! Server-sent events, incrementally: bytes in, data of whole events out (WHATWG HTML, section 9.2).
//!
//! It knows nothing of JSON. Event types are read over: an answer is told by its content.

use std::time::Duration;

/// Splits a stream into events. Lines may end in CRLF, LF or CR, and may be cut anywhere between two pushes.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
    started: bool,
    last_id: Vec<u8>,
    retry: Option<Duration>,
}

/// The longest id of an event that is kept.
const LONGEST_ID: usize = 1024;

impl SseParser {
    /// Reads `bytes` and gives the data of each event that they complete to `event`. Events without data (comments,
    /// priming events with only an id) give nothing.
    pub(crate) fn push(&mut self, bytes: &[u8], mut event: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if rest[0] == b'\n' {
                    rest = &rest[1..];
                    continue;
                }
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.line.extend_from_slice(rest);
                return;
            };
            self.after_cr = rest[end] == b'\r';
            if self.line.is_empty() {
                if let Some(taken) = self.whole_event(rest, end, &mut event) {
                    rest = &rest[taken..];
                    continue;
                }
                self.end_line(&rest[..end], &mut event);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&rest[..end]);
                self.end_line(&line, &mut event);
                line.clear();
                self.line = line;
            }
            rest = &rest[end + 1..];
        }
    }

    /// Where a stream that ends here goes on: the id of the last event that had one; `None` where none had.
    pub(crate) fn last_id(&self) -> Option<&[u8]> {
        Some(self.last_id.as_slice()).filter(|id| !id.is_empty())
    }

    /// How long to wait before the stream is opened again, as far as it said.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// How many bytes are held back for an event that is not complete yet.
    pub(crate) fn pending(&self) -> usize {
        self.line.len() + self.data.len()
    }

    /// The usual answer is an event with one line of data, all of it there: it is given without being copied. `end` is
    /// where the first line of `bytes` ends; gives how many bytes the event takes.
    fn whole_event(&mut self, bytes: &[u8], end: usize, event: &mut impl FnMut(&[u8])) -> Option<usize> {
        let data = bytes[..end].strip_prefix(b"data:").filter(|_| self.started && !self.has_data)?;
        let rest = &bytes[end..];
        let blank = [&b"\n\n"[..], b"\r\n\r\n"].into_iter().find(|blank| rest.starts_with(blank))?;
        let data = data.strip_prefix(b" ").unwrap_or(data);
        if !data.is_empty() {
            event(data);
        }
        self.after_cr = false;
        Some(end + blank.len())
    }

    fn end_line(&mut self, line: &[u8], event: &mut impl FnMut(&[u8])) {
        let line = if self.started { line } else { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) };
        self.started = true;
        if line.is_empty() {
            if self.has_data && !self.data.is_empty() {
                event(&self.data);
            }
            self.data.clear();
            self.has_data = false;
            return;
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"id" if value.len() <= LONGEST_ID && !value.contains(&0) => {
                self.last_id.clear();
                self.last_id.extend_from_slice(value);
            }
            b"retry" => self.retry = milliseconds(value).or(self.retry),
            _ => {}
        }
    }
}

/// Digits alone are a time.
fn milliseconds(digits: &[u8]) -> Option<Duration> {
    let digits = digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok())??;
    digits.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<String> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.push(chunk, |data| events.push(String::from_utf8(data.to_vec()).unwrap()));
        }
        events
    }

    #[track_caller]
    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(events(&[stream.as_bytes()]), expected, "whole: {stream:?}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes), expected, "byte by byte: {stream:?}");
    }

    #[test]
    fn every_line_ending_ends_a_line() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata: b\r\r", &["a", "b"]);
    }

    #[test]
    fn comments_and_empty_events_are_no_answers() {
        check(": keep-alive\n\nid: 1\ndata:\n\nretry: 5\n\ndata: x\n\n", &["x"]);
    }

    #[test]
    fn fields_come_in_any_order_and_data_may_have_several_lines() {
        check("data: {\ndata: }\nid: 7\nevent: message\n\n", &["{\n}"]);
        check("data:tight\n\n", &["tight"]);
        check("data\ndata\n\n", &["\n"]);
        check("database: no\n\n", &[]);
    }

    #[test]
    fn an_event_that_is_not_ended_is_not_given() {
        check("data: half", &[]);
        check("data: half\n", &[]);
        check("\u{feff}data: bom\n\n", &["bom"]);
    }

    #[test]
    fn where_a_stream_goes_on_is_known() {
        let mut parser = SseParser::default();
        assert_eq!((parser.last_id(), parser.retry()), (None, None));
        parser.push(b"id: a-1\nretry: 500\ndata:\n\ndata: x\n\nid: a-2\nretry: 5s\n", |_| {});
        assert_eq!((parser.last_id(), parser.retry()), (Some(&b"a-2"[..]), Some(Duration::from_millis(500))));
        parser.push(b"id: \0\nid\n", |_| {});
        assert_eq!(parser.last_id(), None, "an empty id takes the last one back");
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_does_not_matter(stream in "(data: [a-z]{0,5}|id: 1|:|\r|\n|\r\n){0,40}", cut in 0usize..200) {
            let bytes = stream.as_bytes();
            let cut = cut.min(bytes.len());
            prop_assert_eq!(events(&[bytes]), events(&[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
