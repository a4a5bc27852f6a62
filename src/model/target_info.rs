//! What the target said of itself when the run began.

use serde::{Deserialize, Serialize};

/// Which of the two families of protocol revisions a target speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Era {
    /// 2024-11-05 to 2025-11-25: `initialize`, and maybe a session.
    Legacy,
    /// 2026-07-28 on: no handshake, no session; every request says what it is.
    Modern,
    /// Plain HTTP without MCP.
    Rest,
}

/// How messages travel between a target and its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carriage {
    /// A request over HTTP, and its answer as the answer to that: Streamable HTTP, or plain HTTP.
    #[default]
    Http,
    /// HTTP+SSE of 2024-11-05: requests are posted, answers come on a stream of events.
    Sse,
    /// Lines on the standard input and output of a process.
    Stdio,
}

/// The target as found by the first contact, before any load. Text from the server is cleaned before it gets
/// here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// Where the load goes, without credentials; over stdio, the command that was started.
    pub url: String,
    /// How messages travel; run directories of old do not say, and mean HTTP.
    #[serde(default)]
    pub transport: Carriage,
    /// The era that was found or pinned.
    pub era: Era,
    /// The protocol revision both sides agreed on (empty for REST).
    pub revision: String,
    /// The server's own name and version, if it gave one.
    pub server: Option<String>,
    /// The names of its tools, as listed at the first contact; `None` when the list was not asked for or failed.
    pub tools: Option<Vec<String>>,
    /// True when gander started the target itself.
    pub started_by_gander: bool,
    /// The target's process, when it is on this machine and known.
    pub pid: Option<u32>,
}
