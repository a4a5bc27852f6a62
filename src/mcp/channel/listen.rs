//! Listening to what the target tells unasked, where it comes by the one way that everything comes by.

use super::inbox::Farewell;
use super::{Channel, Outgoing, answered};
use crate::mcp::failure::Failure;
use crate::mcp::reply::Progress;
use crate::model::{Era, Outcome, StreamTimes, TimeoutPhase, TransportFault};

impl Channel {
    /// Listens until the target ends it, or this is dropped; when news came goes to `progress`. In the modern era `out` subscribes
    /// to it; before, whatever comes is listened to, and nothing is sent.
    pub(crate) async fn listen(
        &mut self,
        out: Outgoing<'_>,
        era: Era,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let subscribes = era == Era::Modern;
        let inbox = self.inbox();
        let mut news = inbox.listen(subscribes.then_some(out.id), out.clock);
        let mut times = StreamTimes::default();
        progress.stream = Some(times);
        if !subscribes {
            progress.phase = TimeoutPhase::Body;
            let at = out.clock.now();
            progress.first_byte = Some(at);
            progress.open(at);
            while let Some(at) = news.recv().await {
                times.event(at);
                progress.stream = Some(times);
            }
            return Err(inbox.closed().unwrap_or_else(gone));
        }
        let mut expected = inbox.expect(out.id, Farewell::Cancelled, out.clock)?;
        progress.phase = TimeoutPhase::FirstByte;
        match self {
            Self::Lines(process) => process.ask(out.message, &mut expected).await?,
            Self::Events(events) => {
                events.post(out.message, out.user).await?;
            }
        }
        loop {
            tokio::select! {
                biased;
                Some(at) = news.recv() => {
                    times.event(at);
                    progress.phase = TimeoutPhase::Body;
                    progress.first_byte.get_or_insert(at);
                    progress.open(at);
                    progress.stream = Some(times);
                }
                arrival = expected.arrival() => {
                    let first_byte = progress.first_byte;
                    answered(arrival, out, progress)?;
                    progress.first_byte = first_byte.or(progress.first_byte);
                    progress.stream = Some(times);
                    return Ok(());
                }
            }
        }
    }
}

fn gone() -> Failure {
    Failure::bare(Outcome::Transport(TransportFault::Eof))
}
