//! L2: the demo target: an MCP server with metrics, health and faults on request.
