//! Calls whose answers are not the last word. Where one asks for input, in the modern era, the call is made again with it, as the
//! scenario gives it, until there is a result.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Attempt, CallContext, Client};
use crate::mcp::answerer::Round;
use crate::mcp::deadline::{Deadline, Passed};
use crate::mcp::failure::Failure;
use crate::mcp::reply::{Answer, Progress};
use crate::mcp::wire::Wire;
use crate::model::{CounterRng, Nonce, Outcome, ProtocolFault, TimeoutPhase};
use crate::plan::{Step, Variables};

/// A server that asks more often gives no result.
const MOST_ROUNDS: usize = 8;

/// What a call is made again from, so that it is the same call.
pub(super) struct Again<'a> {
    pub(super) wire: &'a Wire,
    pub(super) step: &'a Step,
    pub(super) iteration: u64,
    pub(super) sent: Duration,
    /// The draws of the first time.
    pub(super) rng: CounterRng,
    /// The nonce of the first time.
    pub(super) nonce: Nonce,
    pub(super) variables: &'a mut Variables,
    /// It is that of the whole call.
    pub(super) deadline: Instant,
}

impl Again<'_> {
    fn reborrowed(&mut self) -> Again<'_> {
        Again { rng: self.rng.clone(), variables: self.variables, ..*self }
    }
}

impl Client {
    /// Goes on with a call that was answered, but has no result.
    pub(super) async fn go_on(
        &mut self,
        mut again: Again<'_>,
        timer: &mut Deadline,
        progress: &mut Progress,
    ) -> Result<Result<(), Failure>, Passed> {
        if again.wire.makes_rounds() {
            let early = self.rounds(again.reborrowed(), timer, progress).await;
            if !matches!(early, Ok(Ok(()))) {
                return early;
            }
        }
        if again.step.conduct.task.is_some() {
            self.see_through(again, timer, progress).await
        } else {
            Ok(Ok(()))
        }
    }

    /// Makes the call again as long as the answer in `progress` asks for input that the scenario gives. The last answer
    /// is the call's.
    async fn rounds(
        &mut self,
        again: Again<'_>,
        timer: &mut Deadline,
        progress: &mut Progress,
    ) -> Result<Result<(), Failure>, Passed> {
        let Again { wire, step, iteration, sent, rng, nonce, variables, deadline } = again;
        for _ in 0..MOST_ROUNDS {
            let Some(result) = input_wanted(progress) else { return Ok(Ok(())) };
            let Some(Round { members, after }) = self.answerer.round(result) else { return Ok(Ok(())) };
            let mut next = progress.renewed();
            next.phase = TimeoutPhase::Body;
            let mut rng = rng.clone();
            let context = CallContext { iteration, sent, rng: &mut rng, variables: &mut *variables };
            let attempt = Attempt { nonce: Some(nonce), members: &members, ask: None };
            let ended = timer
                .limit(deadline, async {
                    if !after.is_zero() {
                        sleep(after).await;
                    }
                    self.exchange(wire, step, context, attempt, &mut next).await
                })
                .await;
            progress.go_on(next);
            if !matches!(ended, Ok(Ok(()))) {
                return ended;
            }
        }
        if input_wanted(progress).is_some()
            && let Some(answer) = &mut progress.answer
        {
            // What it asks for was given: there is nothing to tell of that.
            answer.text.clear();
        }
        Ok(Ok(()))
    }
}

/// True of an answer that says that there is more to do, and not what came of the call.
pub(super) fn is_unfinished(answer: &Answer) -> bool {
    matches!(answer.outcome, Outcome::Protocol(ProtocolFault::InputRequired | ProtocolFault::Missing))
}

/// The result that asks for input, if that is what came.
fn input_wanted(progress: &Progress) -> Option<&str> {
    let answer = progress.answer.as_ref()?;
    (answer.outcome == Outcome::Protocol(ProtocolFault::InputRequired)).then_some(answer.text.as_str())
}
