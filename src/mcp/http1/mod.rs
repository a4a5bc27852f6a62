//! HTTP/1.1 answers as a pure machine over bytes: heads and body framing (RFC 9112). No I/O.
//!
//! The load's own reader: it knows what a load generator needs of an answer and nothing else. What it can't read is
//! malformed, never guessed at.

mod body;
mod chunked;
mod head;

pub(super) use body::Body;
pub(super) use head::{
    ContentKind, Framing, Head, HeadReader, HeadWants, SESSION_HEADER, is_refusal, joined,
};

/// The bytes are not HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHttp;
