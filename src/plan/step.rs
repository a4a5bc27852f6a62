//! One step of a transaction: what is called, with what, and what must be true of the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Condition, Extraction, GeneratedArguments, Slot, Template, ThinkTime};

/// The request of the modern era that stands where the legacy one shakes hands.
pub const DISCOVER: &str = "server/discover";

/// The request of the modern era that opens a stream of notifications.
pub const LISTEN: &str = "subscriptions/listen";

/// A step's place in [`super::Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u16);

impl StepId {
    /// The place as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One kind of call that the run makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its place in the plan.
    pub id: StepId,
    /// Unique within the plan; what reports call it.
    pub name: String,
    /// Whether it is load or what surrounds load.
    pub role: Role,
    /// The MCP method (`tools/call`), or `GET /path` for plain HTTP. Of bounded variety.
    pub method: String,
    /// The tool's name, for `tools/call` and for its REST form; `None` where it differs from call to call.
    pub tool: Option<String>,
    /// What is called.
    pub operation: Operation,
    /// What must be true of the answer.
    pub checks: Vec<Check>,
    /// What is taken out of the answer for the steps after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extract: Vec<Extraction>,
    /// On what condition it is done; `None`: always. What is left out is no planned call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The user's own words for it.
    pub tags: BTreeMap<String, String>,
    /// After this long the call is given up. For the end of a session it is never more than 5 s.
    pub deadline: Duration,
    /// How it is called.
    #[serde(default, skip_serializing_if = "Conduct::is_plain")]
    pub conduct: Conduct,
}

/// How a step is called, where that is not just asking and waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Conduct {
    /// True when the target is asked to tell how far it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub progress: bool,
    /// After this long the call is cancelled, if its answer is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_after: Option<Duration>,
    /// Of a list: how many pages are asked for one after the other, each a call of the step; `None`: the first alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Of a tool: how it is run as a task; `None`: it is not, and its answer is its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskConduct>,
    /// How long its user waits before it sets about it, after the step before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<ThinkTime>,
}

/// How a tool is run as a task: the answer to its call says under which id its result can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskConduct {
    /// How long the target is asked to keep the task, before the modern era, which has no way to ask; `None`: as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
    /// The pause before each question how far it is; `None`: as long as the target wants it to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll_every: Option<Duration>,
}

impl Conduct {
    /// More pages are not asked for, whatever the target says: it may never come to an end.
    pub const MOST_PAGES: u32 = 10_000;
    /// Nor are more than this of the target's tools at first contact.
    pub const MOST_PAGES_AT_CONTACT: u32 = 100;

    /// True when it is just asking and waiting.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Logging in, opening a session: measured apart, in no objective.
    SetUp,
    /// The load itself.
    Load,
    /// Closing a session: measured apart, in no objective.
    TearDown,
}

/// What a step calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `tools/call`; the template gives the JSON text of `arguments`.
    CallTool {
        /// The tool's name, as plain text.
        tool: Template,
        /// JSON text of an object.
        arguments: Template,
        /// What is generated beside them at first contact, from the tool's input schema; `None`: nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generated: Option<GeneratedArguments>,
    },
    /// Any other request of MCP. `ping` is `server/discover` in the modern era, which has none.
    Request(McpRequest),
    /// A stream of notifications, kept open for a while: `subscriptions/listen`; before the modern era the session's own stream.
    Listen {
        /// JSON text of what is subscribed to; the modern era alone has a message for it.
        filter: Template,
        /// How long it is kept open.
        length: Duration,
    },
    /// Plain HTTP GET on the target's origin.
    RestGet {
        /// Path and query, as plain text.
        path: Template,
    },
    /// Plain HTTP POST of JSON on the target's origin.
    RestPost {
        /// Path and query, as plain text.
        path: Template,
        /// JSON text.
        body: Template,
    },
    /// The login of [`super::Auth::Login`].
    Login,
    /// A request on the way to a token of [`super::Auth::OAuth`].
    #[serde(rename = "oauth")]
    OAuth(OAuthCall),
    /// Legacy `initialize`.
    Initialize,
    /// Legacy `notifications/initialized`.
    Initialized,
    /// Legacy DELETE of the session.
    EndSession,
}

/// A request on the way to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuthCall {
    /// The target is asked without a token: its refusal says where its metadata is.
    Challenge,
    /// The target's metadata (RFC 9728).
    ResourceMetadata,
    /// The authorization server's metadata (RFC 8414, or OpenID Connect's).
    ServerMetadata,
    /// The token.
    Token,
}

/// A request of MCP that is answered by a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct McpRequest {
    /// The method, such as `resources/read`.
    pub method: String,
    /// JSON text of an object; `None` for a request without parameters.
    pub params: Option<Template>,
    /// The one thing that the request names, as plain text: a prompt's name, a resource's URI. In the modern era a header
    /// says it, too.
    pub name: Option<Template>,
}

impl Step {
    /// After how long it is cancelled, where that is before it would be given up.
    pub fn cancelled_after(&self) -> Option<Duration> {
        self.conduct.cancel_after.filter(|after| *after < self.deadline)
    }

    /// The variables without which it cannot be called.
    pub fn needs(&self) -> Vec<Slot> {
        self.operation.templates().into_iter().flat_map(Template::variables).collect()
    }
}

impl McpRequest {
    /// A request without parameters.
    pub fn bare(method: impl Into<String>) -> Self {
        Self { method: method.into(), params: None, name: None }
    }
}

impl Operation {
    /// True of a stream that is kept open.
    pub fn is_listening(&self) -> bool {
        matches!(self, Self::Listen { .. })
    }

    /// `tools/list`, first page.
    pub fn list_tools() -> Self {
        Self::Request(McpRequest::bare("tools/list"))
    }

    /// `server/discover`, of the modern era.
    pub fn discover() -> Self {
        Self::Request(McpRequest::bare(DISCOVER))
    }

    /// True of `tools/call`.
    pub fn is_tool_call(&self) -> bool {
        matches!(self, Self::CallTool { .. })
    }

    /// The texts that are rendered for each call.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::CallTool { tool, arguments, generated: _ } => vec![tool, arguments],
            Self::Request(McpRequest { params, name, .. }) => params.iter().chain(name).collect(),
            Self::Listen { filter, length: _ } => vec![filter],
            Self::RestGet { path } => vec![path],
            Self::RestPost { path, body } => vec![path, body],
            Self::Login | Self::OAuth(_) | Self::Initialize | Self::Initialized | Self::EndSession => {
                Vec::new()
            }
        }
    }
}

/// An assertion on an answer. It looks at answers that got past all earlier layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The answer's text contains this. For `tools/call` the text is that of the result (JSON), for REST the body.
    Contains(String),
    /// The answer's text does not contain this.
    NotContains(String),
    /// The JSON value at this pointer (RFC 6901) into the result (REST: the body) exists, and equals `equals`
    /// when that is given.
    Json {
        /// The pointer, such as `/content/0/text`.
        pointer: String,
        /// The expected value.
        equals: Option<serde_json::Value>,
    },
    /// REST only: the HTTP status is this one (then it is a success, whatever it is).
    Status(u16),
}
