//! A step's request: rendered once as far as it is the same for every call, completed for each.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::json;
use url::Url;

use super::wire::{NEWEST_LEGACY_REVISION, PROTOCOL_VERSION_HEADER};
use crate::model::Era;
use crate::plan::{Auth, Operation, RenderContext, Step, Template};

/// Servers answer 406 to anything else.
const ACCEPT_BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
/// The first revision whose requests carry [`PROTOCOL_VERSION_HEADER`].
const FIRST_WITH_VERSION_HEADER: &str = "2025-06-18";

/// A request with holes for what changes from call to call.
#[derive(Debug)]
pub(crate) struct RequestForm {
    method: Method,
    headers: HeaderMap,
    target: RequestTarget,
    body: Body,
    /// Where [`NAME_HEADER`] is rendered for each call.
    name: Option<Template>,
}

/// Path and query.
#[derive(Debug)]
enum RequestTarget {
    Fixed(Uri),
    Rendered(Template),
}

#[derive(Debug)]
enum Body {
    Empty,
    /// The same for every call.
    Fixed(Bytes),
    /// JSON-RPC: [`BEFORE_ID`], the id, `before`, the rendered text, `after`.
    Rpc {
        before: Vec<u8>,
        hole: Option<Hole>,
        after: Vec<u8>,
    },
    /// The rendered text is the whole body.
    Rendered(Template),
}

/// A place for a rendered text.
#[derive(Debug)]
enum Hole {
    /// The text is JSON already.
    Json(Template),
    /// The text becomes a JSON string.
    Text(Template),
}

const BEFORE_ID: &[u8] = br#"{"jsonrpc":"2.0","id":"#;

/// What the forms of one run have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormContext<'a> {
    /// Path and query of the MCP endpoint.
    pub(crate) endpoint: &'a Uri,
    /// Which family of revisions is spoken.
    pub(crate) era: Era,
    /// The revision; empty while it is not agreed on.
    pub(crate) revision: &'a str,
    /// The credentials, for the login.
    pub(crate) auth: &'a Auth,
}

impl RequestForm {
    /// The form of `step`.
    pub(crate) fn of(step: &Step, context: FormContext<'_>) -> Self {
        match &step.operation {
            Operation::CallTool { tool, arguments } => {
                let members = format!(r#""name":{},"arguments":"#, json!(tool));
                context.rpc("tools/call", Some(tool), &members, Some(Hole::Json(arguments.clone())))
            }
            Operation::GetPrompt { name, arguments } => {
                let members = format!(r#""name":{},"arguments":"#, json!(name));
                context.rpc("prompts/get", Some(name), &members, Some(Hole::Json(arguments.clone())))
            }
            Operation::ReadResource { uri } => {
                let mut form =
                    context.rpc("resources/read", None, r#""uri":"#, Some(Hole::Text(uri.clone())));
                form.name = (context.era == Era::Modern).then(|| uri.clone());
                form
            }
            Operation::ListTools => context.rpc("tools/list", None, "", None),
            Operation::Ping if context.era == Era::Legacy => context.rpc("ping", None, "", None),
            Operation::Ping | Operation::Discover => context.rpc("server/discover", None, "", None),
            Operation::Initialize => context.initialize(),
            Operation::Initialized => context.initialized(),
            Operation::EndSession => context.end_session(),
            Operation::RestGet { path } => plain(Method::GET, path, Body::Empty),
            Operation::RestPost { path, body } => plain(Method::POST, path, Body::Rendered(body.clone())),
            Operation::Login => context.login(),
        }
    }

    /// The request of one call. `headers` are those of every call of this user.
    pub(crate) fn complete(
        &self,
        id: u64,
        headers: &HeaderMap,
        context: &mut RenderContext<'_>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder().method(self.method.clone());
        request = match &self.target {
            RequestTarget::Fixed(uri) => request.uri(uri.clone()),
            RequestTarget::Rendered(template) => {
                let mut path = Vec::new();
                template.render(context, &mut path);
                request.uri(encode_path(&path))
            }
        };
        let mut request = request.body(Full::new(self.body.complete(id, context)))?;
        let all = request.headers_mut();
        all.clone_from(headers);
        for (name, value) in &self.headers {
            all.insert(name, value.clone());
        }
        if let Some(template) = &self.name {
            let mut name = Vec::new();
            template.render(context, &mut name);
            all.insert(NAME_HEADER, header_text(&String::from_utf8_lossy(&name)));
        }
        Ok(request)
    }
}

impl Body {
    fn complete(&self, id: u64, context: &mut RenderContext<'_>) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::Fixed(bytes) => bytes.clone(),
            Self::Rendered(template) => {
                let mut body = Vec::new();
                template.render(context, &mut body);
                body.into()
            }
            Self::Rpc { before, hole, after } => {
                let mut body = Vec::with_capacity(BEFORE_ID.len() + before.len() + after.len() + 128);
                body.extend_from_slice(BEFORE_ID);
                body.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
                body.extend_from_slice(before);
                match hole {
                    None => {}
                    Some(Hole::Json(template)) => template.render(context, &mut body),
                    Some(Hole::Text(template)) => {
                        let mut text = Vec::new();
                        template.render(context, &mut text);
                        let text = serde_json::to_vec(&String::from_utf8_lossy(&text));
                        body.extend_from_slice(&text.expect("a string is always JSON"));
                    }
                }
                body.extend_from_slice(after);
                body.into()
            }
        }
    }
}

impl FormContext<'_> {
    fn rpc(self, method: &str, name: Option<&str>, members: &str, hole: Option<Hole>) -> RequestForm {
        let meta = (self.era == Era::Modern).then(|| self.meta());
        let bare = members.is_empty() && meta.is_none();
        let mut before = format!(r#","method":"{method}""#);
        let mut after = String::new();
        if !bare {
            before.push_str(r#","params":{"#);
            before.push_str(members);
            if let Some(meta) = meta {
                after.push_str(if members.is_empty() { "" } else { "," });
                after.push_str(r#""_meta":"#);
                after.push_str(&meta.to_string());
            }
            after.push('}');
        }
        after.push('}');
        let mut headers = self.mcp_headers();
        if self.era == Era::Modern {
            headers.insert(METHOD_HEADER, header_text(method));
            if let Some(name) = name {
                headers.insert(NAME_HEADER, header_text(name));
            }
        }
        let body = Body::Rpc { before: before.into(), hole, after: after.into() };
        RequestForm { method: Method::POST, headers, target: self.endpoint(), body, name: None }
    }

    fn initialize(self) -> RequestForm {
        let asked = if self.revision.is_empty() { NEWEST_LEGACY_REVISION } else { self.revision };
        let params = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": client_info()});
        let before = format!(r#","method":"initialize","params":{params}}}"#);
        let mut headers = self.mcp_headers();
        headers.remove(PROTOCOL_VERSION_HEADER);
        let body = Body::Rpc { before: before.into(), hole: None, after: Vec::new() };
        RequestForm { method: Method::POST, headers, target: self.endpoint(), body, name: None }
    }

    fn initialized(self) -> RequestForm {
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let body = Body::Fixed(message.to_string().into());
        let headers = self.mcp_headers();
        RequestForm { method: Method::POST, headers, target: self.endpoint(), body, name: None }
    }

    fn end_session(self) -> RequestForm {
        let mut headers = self.mcp_headers();
        headers.remove(CONTENT_TYPE);
        RequestForm {
            method: Method::DELETE,
            headers,
            target: self.endpoint(),
            body: Body::Empty,
            name: None,
        }
    }

    fn login(self) -> RequestForm {
        match self.auth {
            Auth::Login { path, username, password } => {
                let credentials = json!({"username": username.expose(), "password": password.expose()});
                plain(
                    Method::POST,
                    &Template::literal(path.expose()),
                    Body::Fixed(credentials.to_string().into()),
                )
            }
            // Without a login nobody asks for this form.
            Auth::None | Auth::Bearer(_) | Auth::Headers(_) => {
                plain(Method::POST, &Template::literal("/"), Body::Empty)
            }
        }
    }

    fn mcp_headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, ACCEPT_BOTH);
        if self.revision >= FIRST_WITH_VERSION_HEADER {
            headers.insert(PROTOCOL_VERSION_HEADER, header_text(self.revision));
        }
        headers
    }

    fn endpoint(self) -> RequestTarget {
        RequestTarget::Fixed(self.endpoint.clone())
    }

    fn meta(self) -> serde_json::Value {
        json!({
            "io.modelcontextprotocol/protocolVersion": self.revision,
            "io.modelcontextprotocol/clientInfo": client_info(),
            "io.modelcontextprotocol/clientCapabilities": {},
        })
    }
}

/// Path and query of `url`; an error when they are too long for a request.
pub(crate) fn endpoint(url: &Url) -> Result<Uri, InvalidUri> {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()).parse(),
        None => url.path().parse(),
    }
}

fn client_info() -> serde_json::Value {
    json!({"name": "gander", "version": env!("CARGO_PKG_VERSION")})
}

fn plain(method: Method, path: &Template, body: Body) -> RequestForm {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if !matches!(body, Body::Empty) {
        headers.insert(CONTENT_TYPE, JSON);
    }
    RequestForm { method, headers, target: RequestTarget::Rendered(path.clone()), body, name: None }
}

/// `path` with what may not stand in a request target percent-encoded, and a slash before it.
fn encode_path(path: &[u8]) -> String {
    let mut encoded = String::with_capacity(path.len() + 1);
    if path.first() != Some(&b'/') {
        encoded.push('/');
    }
    for &byte in path {
        let plain = byte.is_ascii_graphic() && !br#"#"<>\^`{|}"#.contains(&byte);
        if plain {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    encoded
}

/// `text` as a header value: as it is when it is plain ASCII without spaces at the ends, else in the base64 form of
/// the modern era's header rules. A text that looks like that form is put into it, or it would be taken for it.
fn header_text(text: &str) -> HeaderValue {
    let plain = text.trim() == text
        && text.bytes().all(|byte| matches!(byte, 0x20..=0x7E))
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    let value = if plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) };
    HeaderValue::from_str(&value).expect("visible ASCII and spaces are a header value")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::model::CounterRng;
    use crate::plan::{Role, StepId};

    fn complete(operation: Operation, era: Era, revision: &str) -> (Request<()>, String) {
        let step = Step {
            id: StepId(0),
            name: "step".into(),
            role: Role::Load,
            method: String::new(),
            tool: None,
            operation,
            checks: Vec::new(),
            tags: std::collections::BTreeMap::new(),
            deadline: std::time::Duration::from_secs(1),
        };
        let url = Url::parse("http://127.0.0.1:1/mcp?x=1").unwrap();
        let endpoint = endpoint(&url).unwrap();
        let context = FormContext { endpoint: &endpoint, era, revision, auth: &Auth::None };
        let form = RequestForm::of(&step, context);
        let mut rng = CounterRng::new(1, 1);
        let mut context = RenderContext { vu: 3, iteration: 4, nonce: 5, rng: &mut rng };
        let request = form.complete(17, &HeaderMap::new(), &mut context).unwrap();
        let (head, body) = request.into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(body.collect()).unwrap().to_bytes();
        (Request::from_parts(head, ()), String::from_utf8(body.to_vec()).unwrap())
    }

    #[track_caller]
    fn check_body(operation: Operation, era: Era, revision: &str, expected: &serde_json::Value) {
        let (request, body) = complete(operation, era, revision);
        assert_eq!(&serde_json::from_str::<serde_json::Value>(&body).unwrap(), expected, "{body}");
        assert_eq!(request.uri(), "/mcp?x=1");
    }

    fn echo() -> Operation {
        Operation::CallTool { tool: "echo \"x\"".into(), arguments: Template::literal(r#"{"text":"hi"}"#) }
    }

    #[test]
    fn legacy_requests_are_bare() {
        let call = json!({"jsonrpc": "2.0", "id": 17, "method": "tools/call",
            "params": {"name": "echo \"x\"", "arguments": {"text": "hi"}}});
        check_body(echo(), Era::Legacy, "2025-11-25", &call);
        check_body(
            Operation::ListTools,
            Era::Legacy,
            "2025-11-25",
            &json!({"jsonrpc": "2.0", "id": 17, "method": "tools/list"}),
        );
        check_body(
            Operation::Ping,
            Era::Legacy,
            "2025-11-25",
            &json!({"jsonrpc": "2.0", "id": 17, "method": "ping"}),
        );
    }

    #[test]
    fn modern_requests_say_what_they_are() {
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": client_info(),
            "io.modelcontextprotocol/clientCapabilities": {}});
        let call = json!({"jsonrpc": "2.0", "id": 17, "method": "tools/call",
            "params": {"name": "echo \"x\"", "arguments": {"text": "hi"}, "_meta": meta}});
        check_body(echo(), Era::Modern, "2026-07-28", &call);
        let discover =
            json!({"jsonrpc": "2.0", "id": 17, "method": "server/discover", "params": {"_meta": meta}});
        check_body(Operation::Ping, Era::Modern, "2026-07-28", &discover);
        let read = Operation::ReadResource { uri: Template::literal("mem://x\u{e9}") };
        let (request, body) = complete(read, Era::Modern, "2026-07-28");
        assert!(body.contains("\"uri\":\"mem://x\u{e9}\""), "{body}");
        assert_eq!(request.headers()["mcp-method"], "resources/read");
        assert_eq!(request.headers()["mcp-name"], "=?base64?bWVtOi8veMOp?=");
        assert_eq!(request.headers()["mcp-protocol-version"], "2026-07-28");
    }

    #[test]
    fn the_handshake_asks_for_a_revision_and_carries_no_version_header() {
        let (request, body) = complete(Operation::Initialize, Era::Legacy, "2025-06-18");
        assert!(body.contains(r#""protocolVersion":"2025-06-18""#), "{body}");
        assert!(!request.headers().contains_key("mcp-protocol-version"));
        let (request, _) = complete(Operation::ListTools, Era::Legacy, "2025-06-18");
        assert_eq!(request.headers()["mcp-protocol-version"], "2025-06-18");
        let (request, _) = complete(Operation::ListTools, Era::Legacy, "2025-03-26");
        assert!(!request.headers().contains_key("mcp-protocol-version"));
        assert_eq!(request.headers()["accept"], "application/json, text/event-stream");
    }

    #[test]
    fn paths_are_encoded() {
        assert_eq!(encode_path("tools/a b?q=ü#x".as_bytes()), "/tools/a%20b?q=%C3%BC%23x");
    }
}
