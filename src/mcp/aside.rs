//! What comes on the stream of an answer beside the answer: notifications are counted, requests of the target are answered.

use std::sync::Arc;

use tokio::time::Instant;

use super::address::Address;
use super::answerer::{Answerer, Said};
use super::envelope::{self, Incoming};
use super::fields::Fields;
use super::gathered::Gathered;
use super::poster::{Letter, Poster};
use super::request::RequestForm;
use crate::model::Era;

/// What all users have in common there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) gathered: &'a Gathered,
    /// How a message is posted that waits for no answer, and where to; `None` where that is not done.
    pub(super) posting: Option<(&'a RequestForm, &'a Address)>,
    pub(super) era: Era,
}

/// One user's way with it.
#[derive(Debug)]
pub(super) struct Aside<'a> {
    pub(super) beside: Beside<'a>,
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
            Incoming::Notification { method, token, subscription: _ } => {
                self.beside.gathered.notified(&method);
                return token;
            }
            Incoming::Answer(_) | Incoming::NamelessError | Incoming::Rubbish => {}
        }
        None
    }

    fn asked(&mut self, id: &str, method: &str) {
        let Some(reply) = self.answerer.reply(id, method) else { return };
        // In the modern era nobody is to ask like this, and there is nowhere to answer.
        self.post(&reply.message, Instant::now() + reply.after, Some(reply.said));
    }

    /// Has `message` posted, not before `at`, where the era and the way to the target have that.
    pub(super) fn post(&mut self, message: &[u8], at: Instant, said: Option<Said>) {
        let Some((form, address)) = self.beside.posting else { return };
        let mut request = Vec::new();
        form.write_around(self.fields, message, &mut request);
        let poster =
            self.poster.get_or_insert_with(|| Poster::start(address.clone(), Arc::clone(self.answerer)));
        poster.post(Letter { at, request, said });
    }
}
