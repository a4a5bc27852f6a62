//! OAuth's client credentials as the authorization specification of MCP has them used: where tokens are given out, how
//! they are asked for, and who of many users asks.
//!
//! What is asked goes over the load's own connections, but never to a host that load may not go to. It knows nothing of
//! the books: whoever asks gets an [`super::Exchange`] for each request.

mod asker;
mod assertion;
mod authority;
mod challenge;
mod discovery;
mod error;
mod holder;
mod keeper;
mod metadata;
mod token;

pub(super) use asker::Asker;
pub(super) use authority::Authority;
pub(super) use challenge::insufficient_scope;
pub(super) use discovery::Discovery;
pub(super) use holder::{Holder, Standing};

pub use error::OAuthError;
