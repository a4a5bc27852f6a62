//! What this room knows of MCP by heart: its revisions, its header, and how much of an answer is read.

/// A reply larger than this is cut off and counted as `protocol/too_large`.
pub(crate) const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

/// The header that carries the protocol revision.
pub(crate) const PROTOCOL_VERSION_HEADER: &str = "mcp-protocol-version";

/// The modern era's only revision so far, and the one tried first.
pub(crate) const MODERN_REVISION: &str = "2026-07-28";

/// The revision that a legacy handshake asks for.
pub(crate) const NEWEST_LEGACY_REVISION: &str = "2025-11-25";
