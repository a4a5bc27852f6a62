//! What comes on the stream of an answer beside the answer: notifications are counted, requests of the target are answered.

use std::sync::Arc;

use tokio::time::Instant;

use super::answerer::Answerer;
use super::envelope::{self, Incoming};
use super::fields::Fields;
use super::poster::{Letter, Poster};
use super::wire::Wire;

/// One user's way with it.
#[derive(Debug)]
pub(super) struct Aside<'a> {
    pub(super) wire: &'a Wire,
    pub(super) answerer: &'a Arc<Answerer>,
    /// The header fields of the user's session.
    pub(super) fields: &'a Fields,
    /// Started when it is needed.
    pub(super) poster: &'a mut Option<Poster>,
}

impl Aside<'_> {
    /// Takes a message that is no answer; gives the token of the call of whose progress it tells.
    pub(super) fn take(&mut self, event: &[u8]) -> Option<u64> {
        match envelope::sort(event) {
            Incoming::Request { id, method } => self.asked(id, &method),
            Incoming::Notification { method, token } => {
                self.wire.gathered.notified(&method);
                return token;
            }
            Incoming::Answer(_) | Incoming::NamelessError | Incoming::Rubbish => {}
        }
        None
    }

    fn asked(&mut self, id: &str, method: &str) {
        let Some(reply) = self.answerer.reply(id, method) else { return };
        // In the modern era nobody is to ask like this, and there is nowhere to answer.
        let Some(form) = &self.wire.client_message else { return };
        let Ok(address) = self.wire.address() else { return };
        let mut request = Vec::new();
        form.write_around(self.fields, &reply.message, &mut request);
        let letter = Letter { at: Instant::now() + reply.after, request, said: Some(reply.said) };
        let poster =
            self.poster.get_or_insert_with(|| Poster::start(address.clone(), Arc::clone(self.answerer)));
        poster.post(letter);
    }
}
