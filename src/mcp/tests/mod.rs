//! The client against a server on loopback that does exactly what a test says, byte by byte.

mod beside;
pub(crate) mod certificates;
mod channels;
mod connections;
mod contact;
mod framing;
mod http2;
mod oauth;
mod outcomes;
mod proxies;
mod reasons;
mod resumption;
mod rig;
mod server;
mod server2;
mod sessions;
mod tasks;
mod tls;
