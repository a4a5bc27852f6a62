//! HTTP+SSE (2024-11-05): requests are posted, answers come on a stream of events that is the session.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use super::endpoint::{FirstMessage, session_of, target_of};
use super::inbox::Inbox;
use crate::mcp::address::Address;
use crate::mcp::answerer::{Answerer, Reply};
use crate::mcp::connection::Connection;
use crate::mcp::failure::Failure;
use crate::mcp::fields::Fields;
use crate::mcp::gathered::Gathered;
use crate::mcp::http1::{ContentKind, Head, HeadWants};
use crate::mcp::poster::{Posted, deliver, not_sent};
use crate::mcp::protocol::MAX_REPLY_BYTES;
use crate::mcp::sse::SseParser;
use crate::model::{Outcome, ProtocolFault, Secrets, TransportFault};

/// How much of a refusal is read.
const MAX_ERROR_BODY: usize = 16 * 1024;
/// How long an answer to a server's own request may take to be posted.
const REPLY_LIMIT: Duration = Duration::from_secs(5);
/// A server that asks more than this at a time gets no answer to the rest.
const MOST_REPLIES: usize = 16;

/// The way to a target that speaks HTTP+SSE.
#[derive(Debug, Clone)]
pub(crate) struct EventsWay {
    pub(crate) address: Address,
    /// Where the stream is.
    pub(crate) url: Url,
    /// What stands before each path: the target's origin for a proxy that forwards, else nothing.
    pub(crate) origin: String,
    /// The header fields of every request.
    pub(crate) fields: Fields,
}

/// An open session. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Events {
    inbox: Arc<Inbox>,
    poster: Poster,
    reader: AbortHandle,
}

/// Posts messages, one after the other.
#[derive(Debug)]
struct Poster {
    way: Arc<EventsWay>,
    connection: Connection,
    /// Path and query.
    endpoint: String,
}

impl Events {
    /// Opens the stream and waits for its first event. `user` are the header fields of this user. What names the session
    /// is learned as one of `secrets`; what the target asks is answered by `answerer`.
    pub(crate) async fn open(
        way: &Arc<EventsWay>,
        user: &Fields,
        (gathered, answerer): (&Gathered, &Arc<Answerer>),
        secrets: &Secrets,
    ) -> Result<Self, Failure> {
        let mut connection = Connection::default();
        connection.open(&way.address).await?;
        connection.send(&way.get(user)).await.map_err(not_sent)?;
        let Head { status, content, .. } = connection.head(HeadWants::Nothing).await?;
        if !(200..300).contains(&status) {
            let mut gathered = Vec::new();
            let body = connection.collect(MAX_ERROR_BODY, &mut gathered).await;
            let words = String::from_utf8_lossy(body.bytes).into_owned();
            return Err(Failure { outcome: Outcome::HttpStatus(status), words });
        }
        if content != ContentKind::Events {
            return Err(malformed("what a GET of the URL gives is no stream of events"));
        }
        let mut first = FirstMessage::default();
        let (url, rest) = loop {
            let Some(piece) = connection.piece().await? else {
                return Err(malformed("the stream of events ended before its first event"));
            };
            if let Some(found) = first.push(piece, &way.url) {
                break found.map_err(|fault| malformed(&fault.to_string()))?;
            }
        };
        for value in session_of(&url) {
            secrets.learn_passing(&value);
        }
        let inbox = Arc::new(Inbox::new(gathered.clone(), Arc::clone(answerer)));
        let poster = Poster::new(way, target_of(&url));
        let replies = Replies { way: Arc::clone(way), endpoint: poster.endpoint.clone(), user: user.clone() };
        let reading = read(connection, rest, Arc::clone(&inbox), replies);
        let reader = tokio::spawn(reading).abort_handle();
        Ok(Self { inbox, poster, reader })
    }

    /// True while answers may still come.
    pub(super) fn is_open(&self) -> bool {
        self.inbox.is_open()
    }

    /// Where its answers come in.
    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// Posts a message by a connection of its own; nobody waits for what becomes of it.
    pub(super) fn notify(&self, message: &[u8], user: &Fields) {
        let mut poster = Poster::new(&self.poster.way, &self.poster.endpoint);
        let (message, user) = (message.to_vec(), user.clone());
        tokio::spawn(async move {
            let _ = timeout(REPLY_LIMIT, poster.post(&message, &user)).await;
        });
    }

    /// Posts a message.
    pub(super) async fn post(&mut self, message: &[u8], user: &Fields) -> Result<Posted, Failure> {
        self.poster.post(message, user).await
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl EventsWay {
    fn get(&self, user: &Fields) -> Vec<u8> {
        let path = target_of(&self.url);
        let mut request = Vec::new();
        for part in ["GET ", &self.origin, path, " HTTP/1.1\r\n"] {
            request.extend_from_slice(part.as_bytes());
        }
        request.extend_from_slice(self.fields.as_bytes());
        request.extend_from_slice(user.as_bytes());
        request.extend_from_slice(b"accept: text/event-stream\r\n\r\n");
        request
    }

    fn post(&self, endpoint: &str, message: &[u8], user: &Fields) -> Vec<u8> {
        let mut request = Vec::with_capacity(message.len() + 512);
        for part in ["POST ", &self.origin, endpoint, " HTTP/1.1\r\n"] {
            request.extend_from_slice(part.as_bytes());
        }
        request.extend_from_slice(self.fields.as_bytes());
        request.extend_from_slice(user.as_bytes());
        request.extend_from_slice(b"content-type: application/json\r\ncontent-length: ");
        request.extend_from_slice(itoa::Buffer::new().format(message.len()).as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(message);
        request
    }
}

impl Poster {
    fn new(way: &Arc<EventsWay>, endpoint: &str) -> Self {
        Self { way: Arc::clone(way), connection: Connection::default(), endpoint: endpoint.to_owned() }
    }

    async fn post(&mut self, message: &[u8], user: &Fields) -> Result<Posted, Failure> {
        let request = self.way.post(&self.endpoint, message, user);
        deliver(&mut self.connection, &self.way.address, &request).await
    }
}

/// What it takes to answer a server's own requests.
struct Replies {
    way: Arc<EventsWay>,
    endpoint: String,
    user: Fields,
}

/// Reads the stream to its end; `rest` is what of it came with the first event.
async fn read(mut connection: Connection, rest: Vec<u8>, inbox: Arc<Inbox>, replies: Replies) {
    let mut parser = SseParser::default();
    // Ended with the stream.
    let mut posting = JoinSet::new();
    let mut take = |piece: &[u8]| {
        let at = Instant::now();
        while posting.try_join_next().is_some() {}
        parser.push(piece, |event| {
            if let Some(Reply { after, message, said }) = inbox.take(at, event)
                && posting.len() < MOST_REPLIES
            {
                let inbox = Arc::clone(&inbox);
                let mut poster = Poster::new(&replies.way, &replies.endpoint);
                let user = replies.user.clone();
                posting.spawn(async move {
                    sleep_until(at + after).await;
                    let done = timeout(REPLY_LIMIT, poster.post(&message, &user)).await;
                    if done.is_ok_and(|done| done.is_ok_and(|answer| answer.is_taken())) {
                        inbox.replied(said);
                    }
                });
            }
        });
        parser.pending() <= MAX_REPLY_BYTES
    };
    let mut fits = take(&rest);
    let words = loop {
        if !fits {
            break "an event is larger than the limit".to_owned();
        }
        match connection.piece().await {
            Ok(Some(piece)) => fits = take(piece),
            Ok(None) => break "the server ended the stream of events".to_owned(),
            Err(Failure { words, .. }) => break format!("the stream of events was lost: {words}"),
        }
    };
    let at = Instant::now();
    inbox.close(at, &Failure { outcome: Outcome::Transport(TransportFault::Eof), words });
}

fn malformed(words: &str) -> Failure {
    Failure::worded(Outcome::Protocol(ProtocolFault::Malformed), words)
}
