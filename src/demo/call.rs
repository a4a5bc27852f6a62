//! One call from its arrival to its end: what was asked (read from the bytes that came in), how it ended (read from
//! the bytes that go out), and the one place where it is counted and written down.
//!
//! Both faces use it; it knows of no framework.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::auth::User;
use super::faults::Faults;
use super::journal::Line;
use super::shared::Shared;
use super::tools::Tool;

/// What `mcp_requests_total` calls the method: as on the wire, or one of the three REST routes that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    ToolsCall,
    RestExecute,
    Initialize,
    Ping,
    Discover,
    ToolsList,
    ResourcesList,
    ResourceTemplatesList,
    ResourcesRead,
    PromptsList,
    PromptsGet,
    Complete,
    SetLevel,
    Subscribe,
    Unsubscribe,
    Listen,
    /// A JSON-RPC request for a method that is none of the above.
    Unknown,
    /// A POST that holds no JSON-RPC message.
    Invalid,
    RestTools,
    RestToken,
}

impl Method {
    pub(super) const ALL: [Self; 20] = [
        Self::ToolsCall,
        Self::RestExecute,
        Self::Initialize,
        Self::Ping,
        Self::Discover,
        Self::ToolsList,
        Self::ResourcesList,
        Self::ResourceTemplatesList,
        Self::ResourcesRead,
        Self::PromptsList,
        Self::PromptsGet,
        Self::Complete,
        Self::SetLevel,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Listen,
        Self::Unknown,
        Self::Invalid,
        Self::RestTools,
        Self::RestToken,
    ];

    /// The label value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ToolsCall => "tools/call",
            Self::RestExecute => "POST /tools/execute",
            Self::Initialize => "initialize",
            Self::Ping => "ping",
            Self::Discover => "server/discover",
            Self::ToolsList => "tools/list",
            Self::ResourcesList => "resources/list",
            Self::ResourceTemplatesList => "resources/templates/list",
            Self::ResourcesRead => "resources/read",
            Self::PromptsList => "prompts/list",
            Self::PromptsGet => "prompts/get",
            Self::Complete => "completion/complete",
            Self::SetLevel => "logging/setLevel",
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
            Self::Listen => "subscriptions/listen",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
            Self::RestTools => "GET /tools",
            Self::RestToken => "POST /auth/token",
        }
    }

    /// True for the two ways to call a tool.
    pub(super) const fn calls_a_tool(self) -> bool {
        matches!(self, Self::ToolsCall | Self::RestExecute)
    }

    fn on_the_wire(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .filter(|method| !matches!(method, Self::RestExecute | Self::RestTools | Self::RestToken))
            .find(|method| method.as_str() == name)
            .unwrap_or(Self::Unknown)
    }
}

/// What `mcp_requests_total` calls the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToolLabel {
    /// The method calls no tool.
    None,
    /// A tool the server offers.
    Tool(Tool),
    /// A name the server does not know: one label value for all of them.
    Unknown,
}

impl ToolLabel {
    /// The label value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Tool(tool) => tool.name(),
            Self::Unknown => "unknown",
        }
    }
}

/// How a call ended. The first layer that failed wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Success,
    /// `isError: true`; on the REST face, a tool that failed.
    ToolError,
    /// A JSON-RPC error.
    RpcError,
    /// HTTP 400 or above.
    HttpError,
    /// No answer left the server: the client went away, or its connection was reset.
    Aborted,
}

impl Ending {
    /// What the truth file says of a call that ended like this, and was answered `answers`.
    pub(super) const fn truth(self, answers: Answers) -> &'static str {
        match (self, answers) {
            (_, Answers::None) => "lost",
            (Self::Aborted, Answers::One | Answers::Two) => "aborted",
            (_, Answers::Two) => "duplicated",
            (Self::Success, Answers::One) => "ok",
            (Self::ToolError, Answers::One) => "tool_error",
            (Self::RpcError, Answers::One) => "rpc_error",
            (Self::HttpError, Answers::One) => "http_error",
        }
    }

    /// The ways to fail.
    pub(super) const ERRORS: [Self; 4] = [Self::ToolError, Self::RpcError, Self::HttpError, Self::Aborted];

    /// The label value of `status`.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ToolError | Self::RpcError | Self::HttpError | Self::Aborted => "error",
        }
    }

    /// The label value of `error_type`.
    pub(super) const fn error_type(self) -> &'static str {
        match self {
            Self::Success => "none",
            Self::ToolError => "ToolError",
            Self::RpcError => "JsonRpcError",
            Self::HttpError => "HttpError",
            Self::Aborted => "Aborted",
        }
    }
}

/// How many answers a call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// It is left without one, on an open connection.
    None,
    /// As it should be.
    One,
    /// The same one twice.
    Two,
}

/// What a POST to the MCP face holds.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming<'a> {
    Request {
        method: Method,
        /// The id as it stands in the JSON text.
        id: &'a str,
        /// The tool's name, for `tools/call`.
        tool: Option<Cow<'a, str>>,
        /// The arguments as they stand in the JSON text.
        arguments: Option<&'a str>,
    },
    /// A notification, or the client's answer to a request of the server: not counted.
    OneWay,
    /// Not a JSON-RPC message.
    Invalid,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<Params<'a>>,
    #[serde(default)]
    result: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

/// Reads no more of `body` than counting needs.
pub(super) fn peek(body: &[u8]) -> Incoming<'_> {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) else {
        return Incoming::Invalid;
    };
    match (envelope.method.as_ref(), envelope.id) {
        ("", _) if envelope.result.is_some() || envelope.error.is_some() => Incoming::OneWay,
        ("", _) => Incoming::Invalid,
        (_, None) => Incoming::OneWay,
        (name, Some(id)) => {
            let method = Method::on_the_wire(name);
            let params = envelope.params.filter(|_| method == Method::ToolsCall);
            let (name, arguments) = params.map_or((None, None), |params| (params.name, params.arguments));
            Incoming::Request {
                method,
                id: id.get(),
                tool: name
                    .and_then(|name| serde_json::from_str::<Text<'_>>(name.get()).ok())
                    .map(|text| text.0),
                arguments: arguments.map(RawValue::get),
            }
        }
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    result: Option<ReplyResult>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ReplyResult {
    #[serde(default, rename = "isError")]
    is_error: bool,
}

/// How the JSON-RPC response in `message` ends its call; `None` when it is no response.
pub(super) fn ending_of(message: &[u8]) -> Option<Ending> {
    let reply: Reply = serde_json::from_slice(message).ok()?;
    match (reply.error, reply.result) {
        (Some(_), _) => Some(Ending::RpcError),
        (None, Some(result)) if result.is_error => Some(Ending::ToolError),
        (None, Some(_)) => Some(Ending::Success),
        (None, None) => None,
    }
}

/// A call under way. It is counted exactly once: when it ends, or when it is dropped without an end.
pub(super) struct Call {
    shared: Arc<Shared>,
    facts: Option<Facts>,
    answers: Answers,
}

/// What is known of a call before it ends.
pub(super) struct Facts {
    /// Since the start of the server.
    pub(super) arrived: Duration,
    pub(super) method: Method,
    pub(super) tool: ToolLabel,
    pub(super) user: Arc<User>,
    pub(super) faults: Option<Arc<Faults>>,
    /// For the log and the audit log; `None` when nobody writes them.
    pub(super) asked: Option<Asked>,
}

/// What the log says of a request, beside what is counted.
pub(super) struct Asked {
    /// `X-Request-Id`, or else the JSON-RPC id.
    pub(super) request_id: Option<String>,
    /// From `traceparent`.
    pub(super) trace_id: Option<String>,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
    /// The tool's arguments as they came, JSON.
    pub(super) arguments: Option<String>,
}

impl Call {
    pub(super) fn new(shared: Arc<Shared>, facts: Facts) -> Self {
        shared.metrics.begin();
        Self { shared, facts: Some(facts), answers: Answers::One }
    }

    /// The answer that is about to leave does so twice.
    pub(super) fn duplicate(&mut self) {
        self.answers = Answers::Two;
    }

    /// Ends it without an answer.
    pub(super) fn lose(&mut self) {
        self.answers = Answers::None;
        self.end(Ending::Aborted, 0);
    }

    /// Counts the call and writes it down. To be called before the last byte of the answer leaves, so that who
    /// has the answer finds it counted. Only the first call has an effect.
    pub(super) fn end(&mut self, ending: Ending, reply_bytes: usize) {
        let Some(facts) = self.facts.take() else { return };
        let service = self.shared.clock.now().saturating_sub(facts.arrived);
        self.shared.metrics.count(facts.method, facts.tool, ending, service, facts.faults.as_deref());
        facts.user.count_call();
        if self.shared.journal.is_on() {
            let answers = self.answers;
            self.shared.journal.write(Line::Call { facts, ending, answers, service, reply_bytes });
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Ending::Aborted, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &Incoming<'_>) {
        assert_eq!(&peek(body.as_bytes()), expected, "{body}");
    }

    fn plain(method: Method, id: &str) -> Incoming<'_> {
        Incoming::Request { method, id, tool: None, arguments: None }
    }

    #[test]
    fn requests_are_told_from_what_is_not_counted() {
        check(r#"{"jsonrpc":"2.0","id":"a-1","method":"ping"}"#, &plain(Method::Ping, "\"a-1\""));
        check(
            r#"{"id":7,"method":"prompts/get","params":{"name":"greet"}}"#,
            &plain(Method::PromptsGet, "7"),
        );
        check(r#"{"id":7,"method":"no/such","params":null}"#, &plain(Method::Unknown, "7"));
        check(r#"{"id":7,"method":"GET /tools"}"#, &plain(Method::Unknown, "7"));
        check(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, &Incoming::OneWay);
        check(r#"{"jsonrpc":"2.0","id":3,"result":{}}"#, &Incoming::OneWay);
        for invalid in ["", "{", "[]", "7", r#"{"jsonrpc":"2.0","id":3}"#, r#"[{"id":1,"method":"ping"}]"#] {
            check(invalid, &Incoming::Invalid);
        }
    }

    #[test]
    fn a_tool_call_gives_its_tool_and_its_arguments() {
        check(
            r#"{"id":1,"method":"tools/call","params":{"_meta":{"a":[1]},"name":"e\u0063ho","arguments":{"text":"x"}}}"#,
            &Incoming::Request {
                method: Method::ToolsCall,
                id: "1",
                tool: Some(Cow::Borrowed("echo")),
                arguments: Some(r#"{"text":"x"}"#),
            },
        );
        check(r#"{"id":1,"method":"tools/call","params":{"name":5}}"#, &plain(Method::ToolsCall, "1"));
    }

    #[test]
    fn methods_are_found_by_their_position() {
        for (position, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method as usize, position);
        }
    }

    #[test]
    fn an_answer_is_judged_by_what_it_says() {
        let judge = |text: &str| ending_of(text.as_bytes());
        assert_eq!(judge(r#"{"id":1,"result":{"content":[],"isError":false}}"#), Some(Ending::Success));
        assert_eq!(judge(r#"{"id":1,"result":{"tools":[]}}"#), Some(Ending::Success));
        assert_eq!(judge(r#"{"id":1,"result":{"content":[],"isError":true}}"#), Some(Ending::ToolError));
        assert_eq!(judge(r#"{"id":1,"error":{"code":-32603,"message":"x"}}"#), Some(Ending::RpcError));
        assert_eq!(judge(r#"{"method":"notifications/progress","params":{}}"#), None);
        assert_eq!(judge("not json"), None);
    }
}
