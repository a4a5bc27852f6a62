//! L2: the demo target: an MCP server with metrics, health and faults on request.
//!
//! It is the yardstick that load tests are checked against, so what it counts is defined to the call:
//!
//! - `mcp_requests_total{method,tool,status}` and `mcp_request_duration_seconds{method,tool}` count every JSON-RPC
//!   *request* POSTed to `/mcp` or `/mcp/stateless`, and every request to the REST routes `GET /tools`,
//!   `POST /tools/{name}/execute` (method `POST /tools/execute`) and `POST /auth/token`, exactly once, whoever
//!   answered it: a tool, `rmcp`, the token check, or a fault. Not counted: notifications, answers of the client,
//!   `GET` and `DELETE` on the MCP endpoints, OAuth's metadata and tokens, monitoring, the control route, paths that do
//!   not exist.
//! - `method` is the JSON-RPC method as on the wire; one that is not in `call::Method` is `unknown`, a POST that
//!   holds no JSON-RPC message (or a batch) is `invalid`.
//! - `tool` is the tool's name for the two ways to call a tool, `unknown` for every name that is not on offer,
//!   `none` for all other methods.
//! - `status` is `error` when the answer is HTTP 400 or above, a JSON-RPC error, or `isError: true`, and also when no
//!   answer left: the client had closed its connection, or the fault struck that resets it or leaves it silent. Everything else is `success`.
//! - A request is counted just before the last piece of its answer is handed to the socket. Who has read an answer
//!   finds it counted. Durations run from the parsed request head to that moment.
//! - `mcp_tool_errors_total` counts the errors among tool calls once more, by how they ended: `ToolError`,
//!   `JsonRpcError`, `HttpError`, `Aborted`. `mcp_tool_execution_seconds` has one observation per run of a tool; a
//!   call that was turned away before its tool ran has none.
//! - A connection counts into `mcp_active_connections` from its first counted request on until it is closed.
//!
//! Faults concern tool calls on both faces and nothing else; only the freeze holds every call. Monitoring is never
//! delayed. A call that is answered twice counts as one, by what its answer says. The truth file and the log have the same times as the metrics, whatever the metrics are told to say.

mod assertion;
mod auth;
mod call;
mod clock;
mod connection;
mod expression;
mod faults;
mod gate;
mod handler;
mod health;
mod journal;
mod log_file;
mod mcp;
mod metrics;
mod monitor;
mod null;
mod oauth;
mod options;
mod probes;
mod rest;
mod search;
mod security;
mod server;
mod shared;
mod tools;
#[cfg(test)]
mod tests;

pub use journal::JournalError;
pub use options::{ByteSize, DemoOptions, FaultOptions, Lie, Lognormal, OptionError};
pub use server::{Demo, DemoError, serve};
