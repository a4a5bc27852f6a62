//! Streams of notifications that are kept open for a while. What such a call takes is the time until its stream is open.

use std::time::Duration;

use super::{Client, Exchange};
use crate::mcp::deadline::Passed;
use crate::mcp::failure::Failure;
use crate::mcp::reply::Progress;
use crate::model::{Era, Outcome, ProtocolFault};

impl Client {
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
