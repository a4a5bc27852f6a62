//! Calls that the scenario breaks off: the target is told, where its era and the way to it have a message for that.

use serde_json::json;
use tokio::time::Instant;

use super::Client;
use crate::mcp::aside::Aside;
use crate::mcp::wire::Wire;

const REASON: &str = "the scenario cancels it";

impl Client {
    /// Tells the target that the answer to the last request is not waited for any more. Over HTTP in the modern era the end of
    /// its stream says so.
    pub(super) fn cancel(&mut self, wire: &Wire) {
        let message = json!({
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": self.last_id, "reason": REASON},
        });
        let message = message.to_string();
        if let Some(channel) = &self.channel {
            channel.notify(message.as_bytes(), &self.plain_fields);
            return;
        }
        let (answerer, fields, poster) = (&self.answerer, &self.session_fields, &mut self.poster);
        Aside { beside: wire.beside(), answerer, fields, poster }.post(
            message.as_bytes(),
            Instant::now(),
            None,
        );
    }
}
