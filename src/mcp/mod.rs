//! L2: MCP and plain HTTP on the wire, and MCP over the lines of processes: requests out, replies in, every failure an [`crate::model::Outcome`].
//!
//! It knows nothing of users, weights or schedules: [`Client::perform`] makes one call and says how it went.

mod address;
mod answerer;
mod aside;
#[doc(hidden)]
pub mod bench_support;
mod belonging;
mod body;
mod buffer;
mod channel;
mod catalog;
mod check;
mod client;
mod connection;
mod contact;
mod deadline;
mod envelope;
mod extract;
mod failure;
mod fields;
mod gathered;
mod http1;
mod lifetime;
mod login;
mod oauth;
mod pointer;
mod poster;
mod protocol;
mod reason;
mod repeats;
mod replicas;
mod reply;
mod request;
mod sse;
mod stream;
mod tasks;
mod tls;
mod tunnel;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

pub use address::AddressError;
pub use catalog::{Catalog, Cut, Listing, TaskSupport};
pub use channel::kill_all as kill_processes;
pub use client::{Bookmark, CallContext, Client, Exchange, TokenState};
pub use contact::{Contact, ContactCall, ContactError, first_contact, first_contact_over_stdio};
pub use oauth::OAuthError;
pub use replicas::first_contact_with_all;
pub use tls::TlsError;
pub use wire::{Wire, WireError};
