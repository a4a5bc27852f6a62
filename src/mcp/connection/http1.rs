//! HTTP/1.1 over one stream: the load's own reader and writer.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use super::{Collected, Cut, SendFailure, closed};
use crate::mcp::buffer::ReadBuffer;
use crate::mcp::failure::Failure;
use crate::mcp::http1::{Body, Head, HeadReader, HeadWants, NotHttp};
use crate::mcp::stream::{Stream, fault_of};
use crate::model::{Outcome, ProtocolFault, TransportFault};

/// A stream, and how far the answer on it has come.
#[derive(Debug)]
pub(super) struct Http1 {
    stream: Stream,
    input: ReadBuffer,
    heads: HeadReader,
    /// How many bytes at the start of `input` were lent out by the last [`Self::piece`].
    lent: usize,
    /// True from the first byte of a request to the end of its answer.
    busy: bool,
    /// The body of the answer that is being read.
    body: Option<Body>,
    keep_alive: bool,
}

/// Where a collected body is.
enum Where {
    /// The first so many unread bytes.
    Lent(usize),
    Gathered,
}

impl Http1 {
    /// Speaks over `stream`, over which nothing was sent yet.
    pub(super) fn new(stream: Stream) -> Self {
        let (input, heads) = (ReadBuffer::default(), HeadReader::default());
        Self { stream, input, heads, lent: 0, busy: false, body: None, keep_alive: true }
    }

    /// Sends `request`.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<(), SendFailure> {
        self.busy = true;
        let mut written = 0;
        let sent = poll_fn(|context| {
            while written < request.len() {
                match ready!(self.stream.poll_write(context, &request[written..])) {
                    Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Ok(count) => written += count,
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            self.stream.poll_flush(context)
        })
        .await;
        match sent {
            Ok(()) => Ok(()),
            Err(_) if written == 0 => Err(SendFailure::NotWritten),
            // A server may answer and hang up before it has read all of a request: what it said is the answer.
            Err(error) if fault_of(&error) == TransportFault::Reset => Ok(()),
            Err(error) => Err(SendFailure::Failed(failure_of(&error))),
        }
    }

    /// Waits for the head of the answer; interim ones are read over. What there is of its body comes
    /// by [`Self::piece`] or [`Self::collect`].
    pub(super) async fn head(&mut self, wants: HeadWants) -> Result<Head, Failure> {
        loop {
            if !self.input.unread().is_empty()
                && let Some((head, length)) =
                    self.heads.read(self.input.unread(), wants).map_err(malformed)?
            {
                self.input.consume(length);
                if head.is_interim() {
                    continue;
                }
                self.body = Some(Body::new(head.framing));
                self.keep_alive = head.keep_alive;
                return Ok(head);
            }
            let room = self.input.unread().len() + 1;
            if self.fill(room).await? == 0 {
                return Err(closed());
            }
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        match self.advance().await? {
            0 => Ok(None),
            data => Ok(Some(&self.input.unread()[..data])),
        }
    }

    /// The whole body, or as much of it as comes, up to `limit` bytes.
    pub(super) async fn collect<'a>(&'a mut self, limit: usize, gathered: &'a mut Vec<u8>) -> Collected<'a> {
        match self.gather(limit, gathered).await {
            Ok(Where::Lent(data)) => Collected { bytes: &self.input.unread()[..data], cut: None },
            Ok(Where::Gathered) => Collected { bytes: gathered, cut: None },
            Err(cut) => Collected { bytes: gathered, cut: Some(cut) },
        }
    }

    /// True when the next request can go over it.
    pub(super) fn is_idle(&mut self) -> bool {
        !self.busy && self.stream.is_idle()
    }

    /// The answer was read; true when the next request can go over it.
    pub(super) fn finish(&mut self) -> bool {
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

    async fn gather(&mut self, limit: usize, gathered: &mut Vec<u8>) -> Result<Where, Cut> {
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

fn malformed(_: NotHttp) -> Failure {
    Failure::worded(Outcome::Protocol(ProtocolFault::Malformed), "what came is not HTTP/1.1")
}
