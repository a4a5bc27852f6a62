//! L2: MCP and plain HTTP on the wire: requests out, replies in, every failure an [`crate::model::Outcome`].
//!
//! It knows nothing of users, weights or schedules: [`Client::perform`] makes one call and says how it went.

#[doc(hidden)]
pub mod bench_support;
mod check;
mod client;
mod connection;
mod contact;
mod envelope;
mod reason;
mod reply;
mod request;
mod sse;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{CallContext, Client, Exchange};
pub use connection::AddressError;
pub use contact::{Contact, ContactCall, ContactError, first_contact};
pub use wire::{Wire, WireError};
