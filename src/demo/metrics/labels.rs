//! Label values that are fixed from the start, and which series there are before anything was counted.

use crate::demo::call::{Method, ToolLabel};
use crate::demo::tools::Tool;

/// Label values of `transport_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) enum Transport {
    StreamableHttp,
    Rest,
}

/// Label values of `endpoint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) enum Endpoint {
    Mcp,
    McpStateless,
    RestExecute,
}

impl Transport {
    pub(super) const ALL: [Self; 2] = [Self::StreamableHttp, Self::Rest];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::StreamableHttp => "streamable_http",
            Self::Rest => "rest",
        }
    }
}

impl Endpoint {
    pub(super) const ALL: [Self; 3] = [Self::Mcp, Self::McpStateless, Self::RestExecute];

    pub(in crate::demo) const fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "/mcp",
            Self::McpStateless => "/mcp/stateless",
            Self::RestExecute => "/tools/execute",
        }
    }
}

/// What the server always offers; not the hostile tool, and not what other servers may offer.
pub(super) const fn is_offered(method: Method, tool: ToolLabel) -> bool {
    match method {
        Method::Initialize
        | Method::Ping
        | Method::Discover
        | Method::ToolsList
        | Method::ResourcesList
        | Method::ResourceTemplatesList
        | Method::ResourcesRead
        | Method::PromptsList
        | Method::PromptsGet
        | Method::RestTools
        | Method::RestToken => true,
        Method::ToolsCall | Method::RestExecute => !matches!(tool, ToolLabel::Tool(Tool::Hostile)),
        Method::Complete
        | Method::SetLevel
        | Method::Subscribe
        | Method::Unsubscribe
        | Method::Listen
        | Method::Unknown
        | Method::Invalid => false,
    }
}

/// The position of a tool's label: the tools in their order, then `unknown`.
pub(super) const fn tool_index(tool: ToolLabel) -> usize {
    match tool {
        ToolLabel::Tool(tool) => tool.index(),
        ToolLabel::None | ToolLabel::Unknown => Tool::ALL.len(),
    }
}
