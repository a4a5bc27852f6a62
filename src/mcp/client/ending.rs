//! How a call has ended, from what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::{Client, Exchange};
use crate::mcp::deadline::Passed;
use crate::mcp::extract;
use crate::mcp::failure::Failure;
use crate::mcp::reason::Reason;
use crate::mcp::reply::{Answer, Progress};
use crate::model::{Era, Outcome, ProtocolFault, TimeoutPhase, TransportFault, format_duration};
use crate::plan::{Step, Variables};

/// What came of a call.
pub(super) struct Ending {
    /// When its user set about it.
    pub(super) sent: Duration,
    /// How it ended, where no answer says so.
    pub(super) early: Result<Result<(), Failure>, Passed>,
    /// When it was given up, where it was.
    pub(super) given_up: Option<Duration>,
    pub(super) progress: Progress,
}

impl Client {
    /// The exchange that it was; what `step` takes out of its answer goes to `variables`.
    pub(super) fn settled(
        &mut self,
        step: &Step,
        Ending { sent, early, given_up, progress }: Ending,
        variables: &mut Variables,
    ) -> (Exchange, Option<Answer>) {
        if step.operation.is_listening()
            && let Some(exchange) = self.listened(&early, &progress, sent)
        {
            if self.channel.is_some() && self.wire.era == Era::Modern {
                // The stream stays: only a message ends what it was subscribed to.
                let wire = Arc::clone(&self.wire);
                self.cancel(&wire);
            }
            return (exchange, None);
        }
        let (first_byte, echoed) = (progress.first_byte, progress.belonging.echoed);
        if let Some(mut answer) = progress.answer {
            if let Some(complaint) = progress.belonging.complaint() {
                answer.outcome = Outcome::Protocol(ProtocolFault::CrossTalk);
                answer.text = complaint;
            }
            if self.lost_session(&step.operation, &answer) {
                answer.outcome = Outcome::Protocol(ProtocolFault::SessionLost);
                self.end_session();
            }
            // Before an answer has credentials forgotten that it may echo.
            let mut reason = Reason::of_answer(step, &answer);
            if answer.outcome == Outcome::Ok
                && let Err(complaint) = extract::take(step, &answer.text, variables)
            {
                answer.outcome = Outcome::CheckFailed;
                reason = Some(Reason::of_extraction(&complaint, step, &answer));
            }
            if answer.outcome == Outcome::Ok {
                self.page_read(step, &answer.text);
            }
            let mut reason =
                reason.map(|reason| reason.told(answer.outcome, &self.wire.secrets, self.session_id()));
            if let Err(failure) = self.take_note(&step.operation, &answer, sent) {
                answer.outcome = failure.outcome;
                reason =
                    Some(Reason::from(failure).told(answer.outcome, &self.wire.secrets, self.session_id()));
            }
            let Progress { left_open, drained, resumed, stream, .. } = progress;
            let end = answer.end;
            let held = if drained { self.clock.now().saturating_sub(end) } else { Duration::ZERO };
            let exchange = Exchange {
                outcome: answer.outcome,
                reason,
                sent,
                first_byte,
                end,
                left_open,
                held,
                resumed,
                echoed,
                answered: true,
                stream,
            };
            return (exchange, Some(answer));
        }
        (self.unanswered(step, Ending { sent, early, given_up, progress }), None)
    }

    /// The exchange that it was, where no answer came.
    fn unanswered(&mut self, step: &Step, Ending { sent, early, given_up, progress }: Ending) -> Exchange {
        let (outcome, reason) = match early {
            Ok(Err(failure)) => (failure.outcome, failure.into()),
            Ok(Ok(())) => {
                let failure = Failure::bare(Outcome::Protocol(ProtocolFault::Missing));
                (failure.outcome, failure.into())
            }
            Err(Passed) if step.cancelled_after().is_some() => {
                if progress.task.is_none() {
                    let wire = Arc::clone(&self.wire);
                    self.cancel(&wire);
                }
                return self.given_up(Outcome::Cancelled, None, (sent, given_up), &progress);
            }
            Err(Passed) if progress.task.is_some() => {
                let words = format!("the task had not ended within {}", format_duration(step.deadline));
                let outcome = Outcome::Transport(TransportFault::Timeout(TimeoutPhase::Body));
                (outcome, Reason::in_words(&words))
            }
            Err(Passed) => {
                let outcome = Outcome::Transport(TransportFault::Timeout(progress.phase));
                (outcome, Reason::of_timeout(progress.phase, step.deadline))
            }
        };
        // Another call's answer came, and that of this call did not.
        let crossed = progress
            .belonging
            .complaint()
            .map(|complaint| (Outcome::Protocol(ProtocolFault::CrossTalk), Reason::in_words(&complaint)));
        let (outcome, reason) = crossed.unwrap_or((outcome, reason));
        let reason = reason.told(outcome, &self.wire.secrets, self.session_id());
        self.given_up(outcome, Some(reason), (sent, given_up), &progress)
    }

    /// A call that ended without an answer: when it was given up, or else now.
    fn given_up(
        &self,
        outcome: Outcome,
        reason: Option<Box<str>>,
        (sent, given_up): (Duration, Option<Duration>),
        progress: &Progress,
    ) -> Exchange {
        Exchange {
            outcome,
            reason,
            sent,
            first_byte: progress.first_byte,
            end: given_up.unwrap_or_else(|| self.clock.now()),
            left_open: false,
            // As long as the target was told that it is to cancel the task.
            held: given_up.map_or(Duration::ZERO, |at| self.clock.now().saturating_sub(at)),
            resumed: progress.resumed,
            echoed: progress.belonging.echoed,
            answered: false,
            stream: progress.stream,
        }
    }
}
