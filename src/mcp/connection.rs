//! One HTTP/1.1 connection, opened when needed and kept as long as the server keeps it.
//!
//! It knows nothing of MCP. Nothing is retried once a byte of a request may have been written; redirects are not
//! followed.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use super::buffer::ReadBuffer;
use super::failure::Failure;
use super::http1::{Body, Head, HeadWants, NotHttp};
use super::stream::{Address, Stream, fault_of};
use crate::model::{Outcome, ProtocolFault, TransportFault};

/// A connection that may be open. Dropping it closes it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    stream: Stream,
    input: ReadBuffer,
    /// How many bytes at the start of `input` were lent out by the last [`Connection::piece`].
    lent: usize,
    /// True from the first byte of a request to the end of its answer.
    busy: bool,
    /// The body of the answer that is being read.
    body: Option<Body>,
    keep_alive: bool,
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
    /// True when a request can go out without connecting first.
    pub(crate) fn is_open(&mut self) -> bool {
        if self.open.as_mut().is_some_and(|open| !open.is_idle()) {
            self.open = None;
        }
        self.open.is_some()
    }

    /// Closes it.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    /// Connects, unless it is open already.
    pub(crate) async fn open(&mut self, address: &Address) -> Result<(), Failure> {
        if !self.is_open() {
            let stream = Stream::open(address).await?;
            let input = ReadBuffer::default();
            self.open = Some(Open { stream, input, lent: 0, busy: false, body: None, keep_alive: true });
        }
        Ok(())
    }

    /// Sends `request`.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<(), SendFailure> {
        let Some(open) = self.open.as_mut() else { return Err(SendFailure::NotWritten) };
        open.busy = true;
        let mut written = 0;
        let sent = poll_fn(|context| {
            while written < request.len() {
                match ready!(open.stream.poll_write(context, &request[written..])) {
                    Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Ok(count) => written += count,
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            open.stream.poll_flush(context)
        })
        .await;
        match sent {
            Ok(()) => Ok(()),
            Err(_) if written == 0 => {
                self.open = None;
                Err(SendFailure::NotWritten)
            }
            // A server may answer and hang up before it has read all of a request: what it said is the answer.
            Err(error) if fault_of(&error) == TransportFault::Reset => Ok(()),
            Err(error) => Err(SendFailure::Failed(failure_of(&error))),
        }
    }

    /// Waits for the head of the answer; interim ones are read over. What there is of its body comes
    /// by [`Self::piece`] or [`Self::collect`].
    pub(crate) async fn head(&mut self, wants: HeadWants) -> Result<Head, Failure> {
        let open = self.open.as_mut().ok_or_else(closed)?;
        loop {
            if !open.input.unread().is_empty()
                && let Some((head, length)) = Head::parse(open.input.unread(), wants).map_err(malformed)?
            {
                open.input.consume(length);
                if head.is_interim() {
                    continue;
                }
                open.body = Some(Body::new(head.framing));
                open.keep_alive = head.keep_alive;
                return Ok(head);
            }
            let room = open.input.unread().len() + 1;
            if open.fill(room).await? == 0 {
                return Err(closed());
            }
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        let open = self.open.as_mut().ok_or_else(closed)?;
        match open.advance().await? {
            0 => Ok(None),
            data => Ok(Some(&open.input.unread()[..data])),
        }
    }

    /// The whole body, or as much of it as comes, up to `limit` bytes. `gathered` is used where it does not come in
    /// one piece.
    pub(crate) async fn collect<'a>(&'a mut self, limit: usize, gathered: &'a mut Vec<u8>) -> Collected<'a> {
        let Some(open) = self.open.as_mut() else {
            return Collected { bytes: &[], cut: Some(Cut::Failed(closed())) };
        };
        match open.collect(limit, gathered).await {
            Ok(Where::Lent(data)) => Collected { bytes: &open.input.unread()[..data], cut: None },
            Ok(Where::Gathered) => Collected { bytes: gathered, cut: None },
            Err(cut) => Collected { bytes: gathered, cut: Some(cut) },
        }
    }

    /// The answer was read: keeps the connection when it can carry the next request, else closes it.
    pub(crate) fn finish(&mut self) {
        if let Some(open) = self.open.as_mut()
            && !open.finish()
        {
            self.open = None;
        }
    }
}

/// Where a collected body is.
enum Where {
    /// The first so many unread bytes.
    Lent(usize),
    Gathered,
}

impl Open {
    fn is_idle(&mut self) -> bool {
        !self.busy && self.stream.is_idle()
    }

    fn finish(&mut self) -> bool {
        self.give_back();
        self.busy = false;
        let over = self.body.take().is_none_or(|body| body.is_over());
        let clean = over && self.keep_alive && self.input.unread().is_empty();
        self.input.release();
        clean
    }

    fn give_back(&mut self) {
        let lent = std::mem::take(&mut self.lent);
        self.input.consume(lent);
    }

    /// Makes the next piece of the body the first of the unread bytes; 0 at its end.
    async fn advance(&mut self) -> Result<usize, Failure> {
        self.give_back();
        loop {
            let Some(body) = self.body.as_mut().filter(|body| !body.is_over()) else { return Ok(0) };
            let piece = body.take(self.input.unread()).map_err(malformed)?;
            self.input.consume(piece.skip);
            if piece.data > 0 {
                self.lent = piece.data;
                return Ok(piece.data);
            }
            if body.is_over() {
                return Ok(0);
            }
            if piece.skip == 0 && self.fill(1).await? == 0 {
                let well = self.body.is_some_and(|body| body.may_end_here());
                self.keep_alive = false;
                self.body = None;
                return if well { Ok(0) } else { Err(closed()) };
            }
        }
    }

    async fn collect(&mut self, limit: usize, gathered: &mut Vec<u8>) -> Result<Where, Cut> {
        gathered.clear();
        if let Some(Body::Length(left)) = self.body {
            let length = usize::try_from(left).ok().filter(|length| *length <= limit);
            if let Some(length) = length {
                return self.collect_length(length, gathered).await;
            }
        }
        loop {
            let data = self.advance().await.map_err(Cut::Failed)?;
            if data == 0 {
                return Ok(Where::Gathered);
            }
            let unread = self.input.unread();
            let room = limit - gathered.len();
            if data > room {
                gathered.extend_from_slice(&unread[..room]);
                return Err(Cut::TooLarge);
            }
            // The last chunk is often there already: then there is nothing to copy.
            if gathered.is_empty()
                && let Some(Body::Chunked(_)) = self.body
                && let Some(after) = self.ends_after(data)
            {
                self.lent = after;
                return Ok(Where::Lent(data));
            }
            gathered.extend_from_slice(&self.input.unread()[..data]);
        }
    }

    /// A body of known length, read in place.
    async fn collect_length(&mut self, length: usize, gathered: &mut Vec<u8>) -> Result<Where, Cut> {
        while self.input.unread().len() < length {
            // A length is a claim: memory follows what has come.
            let wanted = length.min(2 * self.input.unread().len() + 1);
            let failed = match self.fill(wanted).await {
                Ok(0) => closed(),
                Ok(_) => continue,
                Err(failure) => failure,
            };
            gathered.extend_from_slice(self.input.unread());
            return Err(Cut::Failed(failed));
        }
        self.body = Some(Body::Length(0));
        self.lent = length;
        Ok(Where::Lent(length))
    }

    /// If the body ends within the unread bytes, `data` of which are its last content: how many bytes it takes.
    fn ends_after(&mut self, data: usize) -> Option<usize> {
        let mut body = self.body?;
        let mut at = data;
        loop {
            let piece = body.take(&self.input.unread()[at..]).ok().filter(|piece| piece.data == 0)?;
            at += piece.skip;
            if body.is_over() {
                self.body = Some(body);
                return Some(at);
            }
            if piece.skip == 0 {
                return None;
            }
        }
    }

    /// Reads more, with room for `wanted` unread bytes in all; 0 at the end of the stream. While nothing comes and nothing
    /// is unread, no memory is held.
    async fn fill(&mut self, wanted: usize) -> Result<usize, Failure> {
        poll_fn(|context| self.poll_fill(context, wanted)).await.map_err(|error| failure_of(&error))
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        let read = self.stream.poll_read(context, self.input.room(wanted));
        match &read {
            Poll::Ready(Ok(count)) => self.input.filled(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.input.release(),
        }
        read
    }
}

/// How a call ends whose connection failed with `error`.
fn failure_of(error: &io::Error) -> Failure {
    Failure::new(Outcome::Transport(fault_of(error)), error)
}

fn closed() -> Failure {
    Failure::worded(
        Outcome::Transport(TransportFault::Eof),
        "the connection was closed before the answer's end",
    )
}

fn malformed(_: NotHttp) -> Failure {
    Failure::worded(Outcome::Protocol(ProtocolFault::Malformed), "what came is not HTTP/1.1")
}
