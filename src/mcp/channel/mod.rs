//! Transports on which answers come apart from requests: lines of a process, or a stream of events beside posts.
//!
//! What both have in common is here and in `inbox`: a message goes out by one way, and whatever comes in by the other is told
//! apart by its id. It knows nothing of sessions: [`super::Client`] opens a channel and shakes hands over it.

mod endpoint;
mod events;
mod group;
mod inbox;
mod last_words;
mod lines;
mod listen;
mod outbox;
mod process;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use self::inbox::{Arrival, Arrived, Farewell, Inbox};
use super::envelope::{self, Message};
use super::failure::Failure;
use super::fields::Fields;
use super::poster::Posted;
use super::reply::{self, Answer, Progress};
use crate::clock::Clock;
use crate::model::{Outcome, ProtocolFault, Secrets, TimeoutPhase, TransportFault};
use crate::plan::Step;

pub(crate) use events::{Events, EventsWay};
pub use group::kill_all;
pub(crate) use process::{Process, Program};

/// How long a post may go unanswered once the answer to the call is there, before its connection is given up. It is in no
/// latency.
const DRAIN: Duration = Duration::from_millis(250);

/// The status of an answer that has none.
pub(crate) const NO_STATUS: u16 = 0;

/// A channel that was opened.
#[derive(Debug)]
pub(crate) enum Channel {
    /// Lines of a process, which others may speak to as well.
    Lines(Arc<Process>),
    /// A stream of events.
    Events(Box<Events>),
}

/// A message on its way out, and who sends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// Why it is sent.
    pub(crate) step: &'a Step,
    /// Its id; a notification has none.
    pub(crate) id: u64,
    /// JSON text, with the end of its line.
    pub(crate) message: &'a [u8],
    /// The header fields of the user, where they go over HTTP.
    pub(crate) user: &'a Fields,
    pub(crate) clock: Clock,
}

impl Channel {
    /// True when a request can go out, and its answer may come.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Lines(process) => process.is_open(),
            Self::Events(events) => events.is_open(),
        }
    }

    /// What the other side said last beside its messages; may be empty.
    pub(crate) fn last_words(&self, secrets: &Secrets) -> String {
        match self {
            Self::Lines(process) => process.last_words(secrets),
            Self::Events(_) => String::new(),
        }
    }

    /// Sends a request and waits for its answer, which goes to `progress`; dropping this gives the call up, and leaves the
    /// channel as it is.
    pub(crate) async fn ask(&mut self, out: Outgoing<'_>, progress: &mut Progress) -> Result<(), Failure> {
        let inbox = self.inbox();
        let cancels = out.step.conduct.cancel_after.is_some();
        let farewell = if cancels { Farewell::Cancelled } else { Farewell::GivenUp };
        let mut expected = inbox.expect(out.id, farewell, out.clock)?;
        progress.phase = TimeoutPhase::FirstByte;
        let arrival = match self {
            Self::Lines(process) => {
                process.ask(out.message, &mut expected).await?;
                expected.arrival().await
            }
            Self::Events(events) => {
                let mut post = std::pin::pin!(events.post(out.message, out.user));
                tokio::select! {
                    biased;
                    arrival = expected.arrival() => {
                        answered(arrival, out, progress)?;
                        // The next request needs the connection; the answer does not.
                        let _ = timeout(DRAIN, post).await;
                        return Ok(());
                    }
                    posted = &mut post => {
                        let posted = posted?;
                        if !posted.is_taken() {
                            progress.answer = Some(refused(posted, out));
                            return Ok(());
                        }
                    }
                }
                expected.arrival().await
            }
        };
        answered(arrival, out, progress)
    }

    fn inbox(&self) -> &Arc<Inbox> {
        match self {
            Self::Lines(process) => process.inbox(),
            Self::Events(events) => events.inbox(),
        }
    }

    /// Sends a notification that nobody waits for; it is of no use later.
    pub(crate) fn notify(&self, message: &[u8], user: &Fields) {
        match self {
            Self::Lines(process) => process.notify(message),
            Self::Events(events) => events.notify(message, user),
        }
    }

    /// Sends a notification.
    pub(crate) async fn tell(&mut self, out: Outgoing<'_>, progress: &mut Progress) -> Result<(), Failure> {
        progress.phase = TimeoutPhase::FirstByte;
        let answer = match self {
            Self::Lines(process) => {
                process.send(out.message).await?;
                bare(out.clock.now(), Outcome::Ok, NO_STATUS)
            }
            Self::Events(events) => {
                let posted = events.post(out.message, out.user).await?;
                if posted.is_taken() {
                    bare(out.clock.now(), Outcome::Ok, posted.status)
                } else {
                    refused(posted, out)
                }
            }
        };
        progress.answer = Some(answer);
        Ok(())
    }
}

/// Puts what came for a call into `progress`.
fn answered(arrival: Option<Arrival>, out: Outgoing<'_>, progress: &mut Progress) -> Result<(), Failure> {
    let Some(Arrival { at, stream, what }) = arrival else {
        return Err(Failure::bare(Outcome::Transport(TransportFault::Eof)));
    };
    let (outcome, text, error_code) = match &what {
        Arrived::Message(bytes) => {
            return {
                progress.first_byte = stream.and_then(|stream| stream.first_event).or(Some(at));
                progress.stream = stream;
                progress.answer = Some(judged(bytes, at, out, progress));
                Ok(())
            };
        }
        Arrived::TooLarge => (Outcome::Protocol(ProtocolFault::TooLarge), String::new(), None),
        Arrived::Lost(failure) => (failure.outcome, failure.words.clone(), None),
    };
    progress.answer = Some(Answer { text, error_code, ..bare(at, outcome, NO_STATUS) });
    Ok(())
}

/// The answer that `bytes` are, which were there `at`.
fn judged(
    bytes: &[u8],
    at: Duration,
    Outgoing { step, id, .. }: Outgoing<'_>,
    progress: &mut Progress,
) -> Answer {
    progress.belonging.look(bytes);
    let mut answer = bare(at, Outcome::Ok, NO_STATUS);
    if progress.is_plain(step) && envelope::is_good_answer(bytes, id) {
        return answer;
    }
    match envelope::read(bytes, id) {
        Message::Result(result) => {
            answer.outcome = reply::judge(step, result);
            if progress.wants_text(answer.outcome) {
                result.clone_into(&mut answer.text);
            }
        }
        Message::Error { code, json } => {
            answer.outcome = Outcome::JsonRpcError(code);
            answer.error_code = Some(code);
            json.clone_into(&mut answer.text);
        }
        Message::OtherId(named) => answer.outcome = progress.belonging.of_id(named),
        Message::Malformed | Message::Other => {
            answer.outcome = Outcome::Protocol(ProtocolFault::Malformed);
            answer.text = reply::beginning(bytes);
        }
    }
    answer
}

/// A post that was not taken: no answer will come.
fn refused(Posted { status, text }: Posted, out: Outgoing<'_>) -> Answer {
    let error_code = reply::error_code(&text);
    Answer { text, error_code, ..bare(out.clock.now(), Outcome::HttpStatus(status), status) }
}

fn bare(end: Duration, outcome: Outcome, status: u16) -> Answer {
    Answer { end, outcome, status, session: None, text: String::new(), error_code: None, challenge: None }
}
