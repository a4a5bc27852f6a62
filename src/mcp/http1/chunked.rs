//! The chunked transfer coding (RFC 9112, section 7.1), incrementally.

use super::NotHttp;

/// A line of a chunk's size, or one trailer field, may not be longer than this, in bytes.
const MAX_LINE: u32 = 16 * 1024;

/// Where in the coding the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// In the digits of a chunk's size; so many have come.
    Size { size: u64, digits: u8 },
    /// In a chunk's extension, so many bytes in.
    Extension { size: u64, length: u32 },
    /// Behind the CR of a size line.
    SizeEnd { size: u64 },
    /// In the data of a chunk; so many bytes are left.
    Data(u64),
    /// Behind the data of a chunk.
    DataCr,
    /// Behind the CR that ends the data.
    DataLf,
    /// In the trailer, at the start of a line.
    Trailer,
    /// In a trailer field, so many bytes in.
    Field(u32),
    /// Behind the CR of the last line.
    LastLf,
    /// All has come.
    Done,
}

impl Chunks {
    /// Before the first chunk.
    pub(crate) const START: Self = Self::Size { size: 0, digits: 0 };

    /// Reads on in `bytes`, up to the end of the first stretch of data in them: how many bytes were read, and how
    /// many of those, at their end, are data. Reads nothing only when `bytes` is empty or all has come.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<(usize, usize), NotHttp> {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data(left) = *self {
                let available = bytes.len() - at;
                let taken = usize::try_from(left).map_or(available, |left| left.min(available));
                let left = left - taken as u64;
                *self = if left == 0 { Self::DataCr } else { Self::Data(left) };
                return Ok((at + taken, taken));
            }
            if *self == Self::Done {
                break;
            }
            *self = self.step(bytes[at])?;
            at += 1;
        }
        Ok((at, 0))
    }

    #[expect(clippy::match_same_arms, reason = "states stand in the order in which they follow each other")]
    fn step(self, byte: u8) -> Result<Self, NotHttp> {
        Ok(match (self, byte) {
            (Self::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                if digits == 16 {
                    return Err(NotHttp);
                }
                let digit = char::from(byte).to_digit(16).ok_or(NotHttp)?;
                Self::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { digits: 0, .. }, _) => return Err(NotHttp),
            (Self::Size { size, .. } | Self::Extension { size, .. }, b'\r') => Self::SizeEnd { size },
            (Self::Size { size, .. }, b';' | b' ' | b'\t') => Self::Extension { size, length: 0 },
            (Self::Extension { .. }, b'\n') => return Err(NotHttp),
            (Self::Extension { size, length }, _) if length < MAX_LINE => {
                Self::Extension { size, length: length + 1 }
            }
            (Self::SizeEnd { size: 0 }, b'\n') => Self::Trailer,
            (Self::SizeEnd { size }, b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::START,
            (Self::Trailer, b'\r') => Self::LastLf,
            (Self::Trailer, _) => Self::Field(1),
            (Self::Field(_), b'\n') => Self::Trailer,
            (Self::Field(length), _) if length < MAX_LINE => Self::Field(length + 1),
            (Self::LastLf, b'\n') => Self::Done,
            (
                Self::Size { .. }
                | Self::Extension { .. }
                | Self::SizeEnd { .. }
                | Self::Data(_)
                | Self::DataCr
                | Self::DataLf
                | Self::Field(_)
                | Self::LastLf
                | Self::Done,
                _,
            ) => return Err(NotHttp),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The data, and how many bytes belonged to the body; `None` when it is not over.
    fn decode(pieces: &[&[u8]]) -> Result<Option<(Vec<u8>, usize)>, NotHttp> {
        let (mut chunks, mut data, mut taken) = (Chunks::START, Vec::new(), 0);
        for piece in pieces {
            let mut rest = *piece;
            loop {
                let (read, of_data) = chunks.advance(rest)?;
                data.extend_from_slice(&rest[read - of_data..read]);
                taken += read;
                rest = &rest[read..];
                if chunks == Chunks::Done {
                    return Ok(Some((data, taken)));
                }
                if rest.is_empty() {
                    break;
                }
            }
        }
        Ok(None)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let wanted = Ok(Some((expected.as_bytes().to_vec(), text.len())));
        assert_eq!(decode(&[text.as_bytes()]), wanted, "whole: {text:?}");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(decode(&bytes), wanted, "byte by byte: {text:?}");
    }

    #[test]
    fn chunks_are_joined() {
        check("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
        check("A;name=\"value\"\r\n0123456789\r\n000\r\n\r\n", "0123456789");
        check("1 \r\nx\r\n0\r\nTrailer: yes\r\nOther: 1\r\n\r\n", "x");
        check("0\r\n\r\n", "");
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for text in [
            "x\r\n",
            "\r\n",
            "-1\r\n",
            "5\nhello",
            "5\r\nhelloX",
            "5;a\nb\r\n",
            "5\r\nhello\rX",
            "11111111111111111\r\n",
            "0\r\n\rX",
        ] {
            assert_eq!(decode(&[text.as_bytes()]), Err(NotHttp), "{text:?}");
        }
        let long = format!("5;{}", "x".repeat(20_000));
        assert_eq!(decode(&[long.as_bytes()]), Err(NotHttp));
        let long = format!("0\r\n{}", "x".repeat(20_000));
        assert_eq!(decode(&[long.as_bytes()]), Err(NotHttp));
    }

    #[test]
    fn what_follows_the_body_is_left() {
        let text = b"1\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK";
        assert_eq!(decode(&[text]), Ok(Some((b"x".to_vec(), text.len() - 15))));
        assert_eq!(decode(&[b"1\r\nx\r\n0\r\n\r"]), Ok(None));
    }

    proptest! {
        #[test]
        fn where_it_is_cut_does_not_matter(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..8), cut in 0usize..300
        ) {
            let mut text = Vec::new();
            for part in &parts {
                text.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                text.extend_from_slice(part);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\n");
            let cut = cut.min(text.len());
            let wanted = Ok(Some((parts.concat(), text.len())));
            prop_assert_eq!(decode(&[&text[..cut], &text[cut..]]), wanted);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&[&bytes]);
        }
    }
}
