//! L2: MCP on the wire: requests out, replies in, every failure an outcome.
