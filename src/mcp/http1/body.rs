//! A body under way: framing told from content, whatever the framing is.

use super::NotHttp;
use super::chunked::Chunks;
use super::head::Framing;

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes are left.
    Length(u64),
    /// In chunks.
    Chunked(Chunks),
    /// Until the connection ends.
    UntilClose,
}

/// What the next bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// So many bytes are framing: skip them.
    pub(crate) skip: usize,
    /// So many bytes after those are content.
    pub(crate) data: usize,
}

impl Body {
    /// Before its first byte.
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunks::START),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// True when all of it has come.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunks::Done))
    }

    /// True when it ends well where the connection ends.
    pub(crate) fn may_end_here(&self) -> bool {
        self.is_over() || *self == Self::UntilClose
    }

    /// Takes the next piece from the start of `bytes`. An empty one means that more bytes are needed, or that it is
    /// over.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Piece, NotHttp> {
        match self {
            Self::Length(left) => {
                let data = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= data as u64;
                Ok(Piece { skip: 0, data })
            }
            Self::Chunked(chunks) => {
                let (read, data) = chunks.advance(bytes)?;
                Ok(Piece { skip: read - data, data })
            }
            Self::UntilClose => Ok(Piece { skip: 0, data: bytes.len() }),
        }
    }
}
