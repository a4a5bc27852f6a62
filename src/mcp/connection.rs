//! One connection to the target, opened when needed and kept as long as the server keeps it.
//!
//! It knows nothing of MCP. Nothing is retried once a byte of a request may have been written; redirects are not
//! followed.

mod http1;
mod http2;

use self::http1::Http1;
use self::http2::Http2;
use super::address::Address;
use super::failure::Failure;
use super::http1::{Head, HeadWants};
use super::stream::Stream;
use crate::model::{Outcome, TransportFault};
use crate::plan::HttpVersion;

/// A connection that may be open. Dropping it closes it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    open: Option<Open>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most load is HTTP/1.1: boxed, each connection would cost an allocation"
)]
enum Open {
    Http1(Http1),
    /// Boxed: most load is HTTP/1.1.
    Http2(Box<Http2>),
}

/// Why there is no head of an answer.
#[derive(Debug)]
pub(crate) enum SendFailure {
    /// The connection was already closed; nothing was written.
    NotWritten,
    /// It failed in this way after at least a part of the request was written.
    Failed(Failure),
}

/// A body, or its beginning and why there is no more of it.
#[derive(Debug)]
pub(crate) struct Collected<'a> {
    /// What came of it.
    pub(crate) bytes: &'a [u8],
    /// `None` when that is all of it.
    pub(crate) cut: Option<Cut>,
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum Cut {
    /// It failed.
    Failed(Failure),
    /// It is larger than the caller wanted.
    TooLarge,
}

impl Connection {
    /// True when a request can go out without connecting first. What can carry no more is closed.
    pub(crate) fn is_open(&mut self) -> bool {
        let idle = match &mut self.open {
            None => false,
            Some(Open::Http1(open)) => open.is_idle(),
            Some(Open::Http2(open)) => open.is_idle(),
        };
        if !idle {
            self.open = None;
        }
        idle
    }

    /// Closes it.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    /// Connects anew.
    pub(crate) async fn open(&mut self, address: &Address) -> Result<(), Failure> {
        let stream = Stream::open(address).await?;
        self.open = Some(match address.http {
            HttpVersion::Http1 => Open::Http1(Http1::new(stream)),
            HttpVersion::Http2 => Open::Http2(Box::new(Http2::open(stream).await?)),
        });
        Ok(())
    }

    /// Sends `request`, written out as HTTP/1.1.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<(), SendFailure> {
        let sent = match &mut self.open {
            None => Err(SendFailure::NotWritten),
            Some(Open::Http1(open)) => open.send(request).await,
            Some(Open::Http2(open)) => open.send(request).await,
        };
        if let Err(SendFailure::NotWritten) = sent {
            self.open = None;
        }
        sent
    }

    /// Waits for the head of the answer; interim ones are read over. What there is of its body comes
    /// by [`Self::piece`] or [`Self::collect`].
    pub(crate) async fn head(&mut self, wants: HeadWants) -> Result<Head, Failure> {
        match &mut self.open {
            None => Err(closed()),
            Some(Open::Http1(open)) => open.head(wants).await,
            Some(Open::Http2(open)) => open.head(wants),
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        match &mut self.open {
            None => Err(closed()),
            Some(Open::Http1(open)) => open.piece().await,
            Some(Open::Http2(open)) => open.piece().await,
        }
    }

    /// The whole body, or as much of it as comes, up to `limit` bytes. `gathered` is used where it does not come in
    /// one piece.
    pub(crate) async fn collect<'a>(&'a mut self, limit: usize, gathered: &'a mut Vec<u8>) -> Collected<'a> {
        match &mut self.open {
            None => Collected { bytes: &[], cut: Some(Cut::Failed(closed())) },
            Some(Open::Http1(open)) => open.collect(limit, gathered).await,
            Some(Open::Http2(open)) => open.collect(limit, gathered).await,
        }
    }

    /// The answer was read: keeps the connection when it can carry the next request, else closes it.
    pub(crate) fn finish(&mut self) {
        let kept = match &mut self.open {
            None => false,
            Some(Open::Http1(open)) => open.finish(),
            Some(Open::Http2(open)) => open.finish(),
        };
        if !kept {
            self.open = None;
        }
    }
}

fn closed() -> Failure {
    Failure::worded(
        Outcome::Transport(TransportFault::Eof),
        "the connection was closed before the answer's end",
    )
}
