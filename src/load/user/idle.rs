//! Clients beside the load: each opens a session, holds its stream open, and makes no calls.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{User, Workload, sleep_until};
use crate::load::recorder::{ClosedBy, Resumed, Timing};
use crate::mcp::{Bookmark, CallContext};
use crate::model::{Outcome, TimeoutPhase, TransportFault, format_duration};
use crate::plan::StepId;

/// One stream is opened after the other, so long apart.
const SPACING: Duration = Duration::from_millis(1);
/// A stream is not opened anew sooner, whatever the target says: it would be besieged.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a client waits before it opens its stream anew, where the target does not say.
const USUAL_PAUSE: Duration = Duration::from_secs(1);

/// Holds open what the plan wants to be, until the load stops.
pub(crate) async fn hold_streams(work: Arc<Workload>) {
    let load = &work.plan.load;
    let Some(step) = work.plan.idle_stream() else { return };
    let mut clients = JoinSet::new();
    for (at, index) in (0..).zip(load.peak_users()..load.clients()) {
        let work = Arc::clone(&work);
        clients.spawn(async move {
            let mut user = User::new(&work, index);
            let hold = async {
                sleep_until(&work, SPACING * at).await;
                user.hold_stream(&work, step).await;
            };
            tokio::select! {
                () = work.signals.abort.raised() => {}
                () = hold => {}
            }
        });
    }
    clients.join_all().await;
}

/// A stream that counts as open as long as this is there.
struct Open<'w> {
    work: &'w Workload,
    by: ClosedBy,
}

impl<'w> Open<'w> {
    /// It is open from now on.
    fn new(work: &'w Workload, resumed: Resumed) -> Self {
        work.recorder.stream_opened(resumed);
        Self { work, by: ClosedBy::Us }
    }

    /// The target has ended it.
    fn ended(mut self) -> Held {
        self.by = ClosedBy::Target;
        Held::Ended
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.work.recorder.stream_closed(self.by);
    }
}

/// What came of a stream.
enum Held {
    /// The target ended it.
    Ended,
    /// It was never open.
    Never,
}

impl User {
    async fn hold_stream(&mut self, work: &Workload, step: StepId) {
        let mut bookmark = Bookmark::default();
        while !work.signals.stop.is_raised() {
            if self.open_session(work).await.is_err() {
                self.back_off(work).await;
                continue;
            }
            let held = tokio::select! {
                biased;
                () = work.signals.stop.raised() => break,
                held = self.hold_once(work, step, &mut bookmark) => held,
            };
            let pause = match held {
                Held::Ended => bookmark.pause().unwrap_or(USUAL_PAUSE).max(SHORTEST_PAUSE),
                Held::Never => USUAL_PAUSE,
            };
            sleep_until(work, work.clock.now() + pause).await;
        }
        self.client.hang_up();
        self.close_session(work).await;
    }

    /// Opens the stream and holds it until the target ends it. What is booked is the opening.
    async fn hold_once(&mut self, work: &Workload, step: StepId, bookmark: &mut Bookmark) -> Held {
        let sent = work.clock.now();
        let limit = work.plan.step(step).deadline;
        let opening = work.recorder.begin(step, work.phase(sent));
        let resumed = if bookmark.is_set() { Resumed::Yes } else { Resumed::No };
        let (opened, mut is_open) = oneshot::channel();
        let context =
            CallContext { iteration: 0, sent, rng: &mut self.arguments, variables: &mut self.variables };
        let mut hold = pin!(self.client.hold(step, context, opened, bookmark));
        tokio::select! {
            biased;
            Ok(at) = &mut is_open => {
                opening.end(Outcome::Ok, Timing::closed(at.saturating_sub(sent)), None);
            }
            exchange = &mut hold => {
                let took = Timing::closed(exchange.end.saturating_sub(sent));
                opening.end(exchange.outcome, took, exchange.reason.as_deref());
                // It was open, if only for a moment.
                if exchange.outcome != Outcome::Ok {
                    return Held::Never;
                }
                return Open::new(work, resumed).ended();
            }
            () = tokio::time::sleep(limit) => {
                let outcome = Outcome::Transport(TransportFault::Timeout(TimeoutPhase::FirstByte));
                let reason = format!("no stream within {}", format_duration(limit));
                opening.end(outcome, Timing::closed(limit), Some(&reason));
                return Held::Never;
            }
        }
        let open = Open::new(work, resumed);
        hold.await;
        open.ended()
    }
}
