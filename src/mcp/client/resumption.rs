//! Answers whose streams end before they do: the stream is opened again, from the last event on.

use std::time::Duration;

use super::Client;
use crate::mcp::aside::Aside;
use crate::mcp::buffer;
use crate::mcp::failure::Failure;
use crate::mcp::reply::{self, Progress};
use crate::mcp::wire::Wire;
use crate::plan::Step;

/// How long clients wait where the server does not say.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LAST_EVENT_ID: &str = "last-event-id";

impl Client {
    /// Goes on with an answer whose stream of events ended before the answer did, as often as that happens: opens the stream
    /// again after the pause that the server asks for, from the last event on.
    pub(super) async fn resume(
        &mut self,
        wire: &Wire,
        step: &Step,
        id: u64,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Some(form) = &wire.resume else { return Ok(()) };
        while let Some(resumption) = progress.resumption.take() {
            // What is there is that the stream ended.
            progress.answer = None;
            tokio::time::sleep(resumption.pause.unwrap_or(USUAL_PAUSE)).await;
            let mut fields = self.session_fields.clone();
            if let Some(last_id) = &resumption.last_id {
                fields.set(LAST_EVENT_ID, last_id);
            }
            let mut request = buffer::take_write();
            form.write_bare(&fields, &mut request);
            progress.resumed += 1;
            self.send(wire, &request, progress).await?;
            buffer::give_write(request);
            let aside = Aside {
                beside: wire.beside(),
                answerer: &self.answerer,
                fields: &self.session_fields,
                poster: &mut self.poster,
            };
            reply::read_on(&mut self.connection, step, id, self.clock, progress, aside).await?;
        }
        Ok(())
    }
}
