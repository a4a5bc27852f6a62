//! Streams of notifications that are kept open for a while. What such a call takes is the time until its stream is open.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::oneshot;

use super::ending::Ending;
use super::resumption::LAST_EVENT_ID;
use super::{Attempt, CallContext, Client, Exchange};
use crate::mcp::deadline::Passed;
use crate::mcp::failure::Failure;
use crate::mcp::reply::{Progress, Resumption};
use crate::model::{Era, Outcome, ProtocolFault};
use crate::plan::StepId;

/// Where a stream is to go on that was held open, after it ended.
#[derive(Debug, Default)]
pub struct Bookmark {
    /// The last event that had an id.
    last_id: Option<HeaderValue>,
    pause: Option<Duration>,
}

impl Bookmark {
    /// True when the target said where it goes on.
    pub fn is_set(&self) -> bool {
        self.last_id.is_some()
    }

    /// How long the target wants to be left alone before; `None` where it does not say.
    pub fn pause(&self) -> Option<Duration> {
        self.pause
    }
}

impl Client {
    /// Opens the stream of `step`, from `bookmark` on, and holds it open until the target ends it, or this is dropped. `opened` is
    /// told when it is open.
    pub async fn hold(
        &mut self,
        step: StepId,
        context: CallContext<'_>,
        opened: oneshot::Sender<Duration>,
        bookmark: &mut Bookmark,
    ) -> Exchange {
        let wire = Arc::clone(&self.wire);
        let step = &wire.steps[step.index()];
        let CallContext { iteration, sent, rng, variables } = context;
        let context = CallContext { iteration, sent, rng, variables: &mut *variables };
        self.session_fields.remove(LAST_EVENT_ID);
        if let Some(last_id) = &bookmark.last_id {
            self.session_fields.set(LAST_EVENT_ID, last_id);
        }
        let mut progress = Progress::new(false);
        progress.opened = Some(opened);
        let ended = self.exchange(&wire, step, context, Attempt::default(), &mut progress).await;
        self.session_fields.remove(LAST_EVENT_ID);
        self.hang_up();
        if let Some(resumption) = progress.resumption.take() {
            let Resumption { last_id, pause } = *resumption;
            // What was said once holds until something else is said.
            bookmark.last_id = last_id.or(bookmark.last_id.take());
            bookmark.pause = pause.or(bookmark.pause);
        }
        self.settled(step, Ending { sent, early: Ok(ended), given_up: None, progress }, variables).0
    }

    /// Closes the connection. What came of it is not waited for.
    pub fn hang_up(&mut self) {
        self.connection.close();
    }

    /// A stream that was open until its time was over, or until the target ended it; `None` where it was not, which is a
    /// failure like others.
    pub(super) fn listened(
        &self,
        early: &Result<Result<(), Failure>, Passed>,
        progress: &Progress,
        sent: Duration,
    ) -> Option<Exchange> {
        let mut times = progress.stream?;
        // A modern target acknowledges the subscription first.
        let (opened, first_news) = match self.wire.era {
            Era::Modern => (times.first_event, times.second_event),
            Era::Legacy | Era::Rest => (progress.first_byte, times.first_event),
        };
        let ended = Outcome::Protocol(ProtocolFault::Missing);
        let well = match (early, &progress.answer) {
            (Err(Passed), None) => true,
            (Ok(Ok(())), Some(answer)) => answer.outcome == Outcome::Ok || answer.outcome == ended,
            (Ok(Ok(()) | Err(_)), None) | (Err(Passed) | Ok(Err(_)), Some(_)) => false,
        };
        let opened = opened.filter(|_| well)?;
        times.first_news = first_news;
        Some(Exchange {
            outcome: Outcome::Ok,
            reason: None,
            sent,
            first_byte: progress.first_byte,
            end: opened,
            left_open: false,
            // Its user listens: it is in flight, and that is in no latency.
            held: self.clock.now().saturating_sub(opened),
            resumed: 0,
            echoed: false,
            answered: true,
            stream: Some(times),
        })
    }
}
