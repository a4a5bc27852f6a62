//! The client against a server on loopback that does exactly what a test says, byte by byte.

mod connections;
mod contact;
mod framing;
mod outcomes;
mod reasons;
mod rig;
mod server;
mod sessions;
