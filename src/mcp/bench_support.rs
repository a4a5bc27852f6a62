//! The way in for `benches/wire.rs` alone: what [`super::Client`] does with bytes, without a socket.
//!
//! Not a part of the API.

use http::HeaderMap;
use url::Url;

use super::envelope::{self, Message};
use super::fields::Fields;
use super::protocol::NEWEST_LEGACY_REVISION;
use super::request::{self, FormContext, RequestForm};
use super::sse::SseParser;
use crate::model::{Era, Outcome, ProtocolFault};
use crate::plan::{Answers, Auth, RenderContext, Step};

/// A step's request, rendered as far as it can be before the run, for a user with these header fields.
#[derive(Debug)]
pub struct Form {
    form: RequestForm,
    fields: Fields,
}

impl Form {
    /// The form of `step` at `url`, in the newest legacy revision.
    pub fn new(step: &Step, url: &Url, common: &HeaderMap, user: &HeaderMap) -> Self {
        let endpoint = request::endpoint(url);
        let context = FormContext {
            origin: "",
            endpoint,
            era: Era::Legacy,
            revision: NEWEST_LEGACY_REVISION,
            auth: &Auth::None,
            headers: common,
            answers: &Answers::default(),
            task: None,
        };
        Self { form: RequestForm::of(step, context), fields: Fields::of(user) }
    }

    /// Writes the request of one call to `out`.
    pub fn write(&self, id: u64, context: &mut RenderContext<'_>, out: &mut Vec<u8>) {
        self.form.write(id, &[], &self.fields, context, out);
    }
}

/// What the reply `bytes` to a `tools/call` with this id means.
pub fn judge(bytes: &[u8], id: u64) -> Outcome {
    match envelope::read(bytes, id) {
        Message::Result(result) => envelope::judge_result(result, true),
        Message::Error { code, .. } => Outcome::JsonRpcError(code),
        Message::OtherId(_) => Outcome::Protocol(ProtocolFault::WrongId),
        Message::Other => Outcome::Protocol(ProtocolFault::Missing),
        Message::Malformed => Outcome::Protocol(ProtocolFault::Malformed),
    }
}

/// Reads a stream of events that comes in pieces; gives the number of bytes in the data of its events.
pub fn read_events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut parser = SseParser::default();
    let mut bytes = 0;
    for piece in pieces {
        parser.push(piece, |data| bytes += data.len());
    }
    bytes
}
