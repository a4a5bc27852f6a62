//! Bytes in, lines out. A line that is too long is told once, by its beginning, and read over. Knows nothing of JSON.

/// What a buffer may have grown to and still be kept, in bytes.
const LARGEST_KEPT: usize = 64 * 1024;

/// Splits what a process writes into lines.
#[derive(Debug)]
pub(super) struct Lines {
    /// The longest line, in bytes.
    limit: usize,
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
    /// True while the rest of a line that is too long is read over.
    skipping: bool,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// All of it; never empty.
    Whole(&'a [u8]),
    /// The beginning of one that is longer than the limit.
    TooLong(&'a [u8]),
}

impl Lines {
    /// Takes lines of up to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), skipping: false }
    }

    /// Gives each line that `bytes` complete to `line`. Lines may end in CRLF or LF; empty ones are none.
    pub(super) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (piece, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.held.is_empty() && piece.len() <= self.limit {
                give(piece, &mut line);
                continue;
            }
            self.hold(piece, &mut line);
            if !std::mem::take(&mut self.skipping) {
                give(&self.held, &mut line);
                self.let_go();
            }
        }
        if !self.skipping {
            self.hold(rest, &mut line);
        }
    }

    fn hold(&mut self, piece: &[u8], line: &mut impl FnMut(Line<'_>)) {
        let room = self.limit - self.held.len();
        self.held.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            line(Line::TooLong(&self.held));
            self.skipping = true;
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        self.held.clear();
        self.held.shrink_to(LARGEST_KEPT);
    }
}

fn give(bytes: &[u8], line: &mut impl FnMut(Line<'_>)) {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if !bytes.is_empty() {
        line(Line::Whole(bytes));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(limit: usize, chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(limit);
        let mut told = Vec::new();
        for chunk in chunks {
            lines.push(chunk, |line| {
                told.push(match line {
                    Line::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Line::TooLong(bytes) => format!("{}...", String::from_utf8_lossy(bytes)),
                });
            });
        }
        told
    }

    #[test]
    fn lines_end_where_they_end() {
        assert_eq!(lines(99, &[b"a\nb\r\n\n\r\nc"]), ["a", "b"]);
        assert_eq!(lines(99, &[b"a", b"b\nc", b"\n"]), ["ab", "c"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_read_over() {
        assert_eq!(lines(3, &[b"abc\nabcd\nx\n"]), ["abc", "abc...", "x"]);
        assert_eq!(lines(3, &[b"ab", b"cd", b"efgh", b"ij\nx\n"]), ["abc...", "x"]);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(text in "[ab\r\n]{0,40}", cut in 0usize..40, limit in 1usize..9) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            prop_assert_eq!(lines(limit, &[bytes]), lines(limit, &[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
