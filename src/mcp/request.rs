//! A step's request: rendered once as far as it is the same for every call, completed for each.

use std::fmt::Write as _;
use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use url::Url;

use super::body::Body;
use super::catalog::Catalog;
use super::fields::{Fields, write_field};
use super::protocol::{NEWEST_LEGACY_REVISION, PROTOCOL_VERSION_HEADER};
use super::repeats::{Repeats, header_text};
use crate::model::Era;
use crate::plan::{
    Answers, Auth, DISCOVER, LISTEN, McpRequest, Operation, RenderContext, Step, TaskConduct, Template,
};

/// Servers answer 406 to anything else.
pub(super) const ACCEPT_BOTH: &str = "application/json, text/event-stream";
const EVENTS: &str = "text/event-stream";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
const PING: &str = "ping";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The extension of the modern era by which tools run as tasks.
const TASKS: &str = "io.modelcontextprotocol/tasks";
/// The first revision whose requests carry [`PROTOCOL_VERSION_HEADER`].
const FIRST_WITH_VERSION_HEADER: &str = "2025-06-18";

/// A request with holes for what changes from call to call.
#[derive(Debug)]
pub(crate) struct RequestForm {
    method: Method,
    target: RequestTarget,
    fields: Fields,
    body: Body,
    /// Where [`NAME_HEADER`] is rendered for each call.
    name: Option<Template>,
    repeats: Repeats,
    has_nonce: bool,
}

#[derive(Debug)]
enum RequestTarget {
    /// The whole request line, written out.
    Fixed(Vec<u8>),
    /// What stands before the path, and path and query.
    Rendered(String, Template),
}

/// What the forms of one run have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormContext<'a> {
    /// What stands before each path: the target's origin for a proxy that forwards, else nothing.
    pub(crate) origin: &'a str,
    /// Path and query of the MCP endpoint, or for plain HTTP of the base.
    pub(crate) endpoint: &'a str,
    /// Which family of revisions is spoken.
    pub(crate) era: Era,
    /// The revision; empty while it is not agreed on.
    pub(crate) revision: &'a str,
    /// The credentials, for the login.
    pub(crate) auth: &'a Auth,
    /// The headers of every request.
    pub(crate) headers: &'a HeaderMap,
    /// What the client announces of itself.
    pub(crate) answers: &'a Answers,
    /// How a tool is run as a task.
    pub(crate) task: Option<TaskConduct>,
}

impl RequestForm {
    /// The form of `step`.
    pub(crate) fn of(step: &Step, context: FormContext<'_>) -> Self {
        let has_nonce = step.operation.templates().into_iter().any(Template::has_nonce);
        let context = FormContext { task: step.conduct.task, ..context };
        let mut form = Self { has_nonce, ..Self::of_operation(&step.operation, context) };
        form.body.conduct(step.conduct);
        if let Some(task) = context.asks_for_task() {
            form.body.run_as_task(&task);
        }
        form
    }

    /// True when each request holds the nonce of its call.
    pub(crate) fn has_nonce(&self) -> bool {
        self.has_nonce
    }

    fn of_operation(operation: &Operation, context: FormContext<'_>) -> Self {
        match operation {
            Operation::CallTool { tool, arguments, generated: _ } => {
                context.named("tools/call", Some(tool), Some(&call_params(tool, arguments)))
            }
            Operation::Request(request) => context.request(request),
            Operation::Listen { filter, length: _ } => context.listen(filter),
            Operation::Initialize => context.initialize(),
            Operation::Initialized => context.initialized(),
            Operation::EndSession => context.end_session(),
            Operation::RestGet { path } => context.plain(Method::GET, path, Body::Empty),
            Operation::RestPost { path, body } => {
                context.plain(Method::POST, path, Body::Rendered(body.clone()))
            }
            Operation::Login => context.login(),
            // What is asked on the way to a token is written by whoever asks it, and mostly goes elsewhere.
            Operation::OAuth(_) => context.plain(Method::POST, &Template::literal("/"), Body::Empty),
        }
    }

    /// The form that asks for the rest of a stream of events: the user's fields say from where on.
    pub(crate) fn resume(context: FormContext<'_>) -> Self {
        let mut headers = context.mcp_headers();
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        context.endpoint(Method::GET, &headers, Body::Empty)
    }

    /// From now on its headers repeat the arguments that `catalog` says, where it calls a tool: `tool`, or one whose name
    /// differs from call to call.
    pub(crate) fn repeat(&mut self, tool: Option<&str>, catalog: &Arc<Catalog>) {
        self.repeats = Repeats::by(tool, catalog);
    }

    /// From now on it calls `tool` with `arguments`: JSON text of an object. It is the form of a call of that tool.
    pub(crate) fn give_arguments(&mut self, tool: &Template, arguments: &Template) {
        if let Body::Rpc { hole, .. } = &mut self.body {
            *hole = call_params(tool, arguments).members();
            self.has_nonce = tool.has_nonce() || arguments.has_nonce();
        }
    }

    /// From now on it does not ask to be run as a task.
    pub(crate) fn run_at_once(&mut self) {
        self.body.run_at_once();
    }

    /// The form of a message that is posted to the MCP endpoint and waits for no answer.
    pub(crate) fn of_client_message(context: FormContext<'_>) -> Self {
        context.endpoint(Method::POST, &context.mcp_headers(), Body::Empty)
    }

    /// Writes the request that carries `body`, which is fixed, to `out`.
    pub(crate) fn write_around(&self, fields: &Fields, body: &[u8], out: &mut Vec<u8>) {
        self.write_fixed(fields, out);
        write_field("content-length", itoa::Buffer::new().format(body.len()).as_bytes(), out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
    }

    /// Writes the request, which has neither a body nor anything that differs from call to call, to `out`.
    pub(crate) fn write_bare(&self, fields: &Fields, out: &mut Vec<u8>) {
        self.write_fixed(fields, out);
        out.extend_from_slice(b"\r\n");
    }

    fn write_fixed(&self, fields: &Fields, out: &mut Vec<u8>) {
        if let RequestTarget::Fixed(line) = &self.target {
            out.extend_from_slice(line);
        }
        out.extend_from_slice(self.fields.as_bytes());
        out.extend_from_slice(fields.as_bytes());
    }

    /// Writes the message of one call alone to `out`, as one line. `members` are as in [`Self::write`].
    pub(crate) fn write_message(
        &self,
        id: u64,
        members: &[u8],
        context: &mut RenderContext<'_>,
        out: &mut Vec<u8>,
    ) {
        self.body.write(id, members, context, out);
        debug_assert!(!out.contains(&b'\n'), "templates give JSON text, in which line ends are escaped");
        out.push(b'\n');
    }

    /// Writes the request of one call to `out`. `members` are more members of its parameters, JSON text without braces, and
    /// `fields` are those of this user.
    pub(crate) fn write(
        &self,
        id: u64,
        members: &[u8],
        fields: &Fields,
        context: &mut RenderContext<'_>,
        out: &mut Vec<u8>,
    ) {
        match &self.target {
            RequestTarget::Fixed(line) => out.extend_from_slice(line),
            RequestTarget::Rendered(before, template) => {
                let mut path = Vec::new();
                template.render(context, &mut path);
                write_request_line(&self.method, before, &encode_path(&path), out);
            }
        }
        out.extend_from_slice(self.fields.as_bytes());
        out.extend_from_slice(fields.as_bytes());
        if let Some(template) = &self.name {
            let mut name = Vec::new();
            template.render(context, &mut name);
            write_field(NAME_HEADER, header_text(&String::from_utf8_lossy(&name)).as_bytes(), out);
        }
        let body = self.repeats.any().then(|| {
            let mut body = Vec::new();
            self.body.write(id, members, context, &mut body);
            self.repeats.write(&body, out);
            body
        });
        if self.method != Method::POST && matches!(self.body, Body::Empty) {
            out.extend_from_slice(b"\r\n");
            return;
        }
        // The length goes before the body and is known after it: it has a place, which is seldom too wide or too narrow.
        out.extend_from_slice(CONTENT_LENGTH);
        let place = out.len()..out.len() + USUAL_DIGITS.len();
        out.extend_from_slice(USUAL_DIGITS);
        out.extend_from_slice(b"\r\n\r\n");
        let start = out.len();
        match body {
            Some(body) => out.extend_from_slice(&body),
            None => self.body.write(id, members, context, out),
        }
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(out.len() - start).as_bytes();
        if digits.len() == USUAL_DIGITS.len() {
            out[place].copy_from_slice(digits);
        } else {
            out.splice(place, digits.iter().copied());
        }
    }
}

/// The parameters of `tools/call`.
fn call_params(tool: &Template, arguments: &Template) -> Template {
    Template::object(&[("name", tool.quoted()), ("arguments", arguments.clone())])
}

const CONTENT_LENGTH: &[u8] = b"content-length: ";
/// Most bodies have 100 to 999 bytes.
const USUAL_DIGITS: &[u8] = b"000";

fn write_request_line(method: &Method, before: &str, path: &str, out: &mut Vec<u8>) {
    for part in [method.as_str(), " ", before, path, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

impl FormContext<'_> {
    /// What a legacy call says that wants to run as a task. In the modern era the target decides.
    fn asks_for_task(self) -> Option<Value> {
        let TaskConduct { ttl, poll_every: _ } = self.task.filter(|_| self.era == Era::Legacy)?;
        Some(ttl.map_or(json!({}), |ttl| json!({"ttl": ttl.as_millis()})))
    }

    fn request(self, McpRequest { method, params, name }: &McpRequest) -> RequestForm {
        let method = if self.era == Era::Modern && method == PING { DISCOVER } else { method };
        self.named(method, name.as_ref(), params.as_ref())
    }

    /// A request about one thing, whose name may differ from call to call.
    fn named(self, method: &str, name: Option<&Template>, params: Option<&Template>) -> RequestForm {
        let fixed = name.and_then(Template::as_literal);
        let mut form = self.rpc(method, fixed, params);
        form.name = name.filter(|_| self.era == Era::Modern && fixed.is_none()).cloned();
        form
    }

    fn rpc(self, method: &str, name: Option<&str>, params: Option<&Template>) -> RequestForm {
        let meta = (self.era == Era::Modern).then(|| {
            let mut meta = modern_meta(self.revision, self.answers);
            if self.task.is_some() {
                meta[CAPABILITIES]["extensions"][TASKS] = json!({});
            }
            meta
        });
        let mut before = format!(r#","method":{}"#, json!(method));
        let mut after = String::new();
        let bare = params.is_none() && meta.is_none();
        let hole = params.and_then(Template::members);
        if !bare {
            before.push_str(r#","params":{"#);
            if let Some(meta) = meta {
                after.push_str(if hole.is_none() { "" } else { "," });
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
        let body =
            Body::Rpc { before: before.into(), fixed: Vec::new(), hole, token: None, after: after.into() };
        self.endpoint(Method::POST, &headers, body)
    }

    /// Before the modern era, the session's own stream.
    fn listen(self, filter: &Template) -> RequestForm {
        if self.era == Era::Modern {
            let params = Template::object(&[("notifications", filter.clone())]);
            return self.rpc(LISTEN, None, Some(&params));
        }
        let mut headers = self.mcp_headers();
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, HeaderValue::from_static(EVENTS));
        self.endpoint(Method::GET, &headers, Body::Empty)
    }

    fn initialize(self) -> RequestForm {
        let asked = if self.revision.is_empty() { NEWEST_LEGACY_REVISION } else { self.revision };
        let params = json!({
            "protocolVersion": asked,
            "capabilities": self.answers.capabilities(),
            "clientInfo": client_info(),
        });
        let before = format!(r#","method":"initialize","params":{params}}}"#);
        let mut headers = self.mcp_headers();
        headers.remove(PROTOCOL_VERSION_HEADER);
        let body = Body::Rpc {
            before: before.into(),
            fixed: Vec::new(),
            hole: None,
            token: None,
            after: Vec::new(),
        };
        self.endpoint(Method::POST, &headers, body)
    }

    fn initialized(self) -> RequestForm {
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let body = Body::Fixed(message.to_string().into());
        let headers = self.mcp_headers();
        self.endpoint(Method::POST, &headers, body)
    }

    fn end_session(self) -> RequestForm {
        let mut headers = self.mcp_headers();
        headers.remove(CONTENT_TYPE);
        self.endpoint(Method::DELETE, &headers, Body::Empty)
    }

    fn login(self) -> RequestForm {
        match self.auth {
            Auth::Login { path, username, password } => {
                let credentials = json!({"username": username.expose(), "password": password.expose()});
                self.plain(
                    Method::POST,
                    &Template::literal(path.expose()),
                    Body::Fixed(credentials.to_string().into()),
                )
            }
            // Without a login nobody asks for this form.
            Auth::None | Auth::Bearer(_) | Auth::Headers(_) | Auth::OAuth(_) => {
                self.plain(Method::POST, &Template::literal("/"), Body::Empty)
            }
        }
    }

    fn mcp_headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPT_BOTH));
        if self.revision >= FIRST_WITH_VERSION_HEADER {
            headers.insert(PROTOCOL_VERSION_HEADER, header_text(self.revision));
        }
        headers
    }

    fn endpoint(self, method: Method, headers: &HeaderMap, body: Body) -> RequestForm {
        let mut line = Vec::new();
        write_request_line(&method, self.origin, self.endpoint, &mut line);
        RequestForm {
            method,
            target: RequestTarget::Fixed(line),
            fields: self.fields(headers),
            body,
            name: None,
            repeats: Repeats::Nothing,
            has_nonce: false,
        }
    }

    fn plain(self, method: Method, path: &Template, body: Body) -> RequestForm {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if !matches!(body, Body::Empty) {
            headers.insert(CONTENT_TYPE, JSON);
        }
        let target = RequestTarget::Rendered(self.origin.to_owned(), path.clone());
        RequestForm {
            method,
            target,
            fields: self.fields(&headers),
            body,
            name: None,
            repeats: Repeats::Nothing,
            has_nonce: false,
        }
    }

    /// `headers`, which go over those of every request.
    fn fields(self, headers: &HeaderMap) -> Fields {
        let mut all = self.headers.clone();
        for (name, value) in headers {
            all.insert(name, value.clone());
        }
        Fields::of(&all)
    }
}

/// What each request of the modern era says of itself.
pub(super) fn modern_meta(revision: &str, answers: &Answers) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": revision,
        "io.modelcontextprotocol/clientInfo": client_info(),
        CAPABILITIES: answers.capabilities(),
    })
}

/// Path and query of `url`.
pub(crate) fn endpoint(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

fn client_info() -> Value {
    json!({"name": "gander", "version": env!("CARGO_PKG_VERSION")})
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

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::model::CounterRng;
    use crate::plan::{Conduct, Role, StepId, Variables};

    fn complete(operation: Operation, era: Era, revision: &str) -> (Request<()>, String) {
        complete_with(operation, (Conduct::default(), b""), era, revision)
    }

    fn complete_with(
        operation: Operation,
        (conduct, members): (Conduct, &[u8]),
        era: Era,
        revision: &str,
    ) -> (Request<()>, String) {
        let step = Step {
            id: StepId(0),
            name: "step".into(),
            role: Role::Load,
            method: String::new(),
            tool: None,
            operation,
            checks: Vec::new(),
            extract: Vec::new(),
            condition: None,
            tags: std::collections::BTreeMap::new(),
            deadline: std::time::Duration::from_secs(1),
            conduct,
        };
        let url = Url::parse("http://127.0.0.1:1/mcp?x=1").unwrap();
        let endpoint = endpoint(&url);
        let headers = HeaderMap::new();
        let context = FormContext {
            origin: "",
            endpoint,
            era,
            revision,
            auth: &Auth::None,
            headers: &headers,
            answers: &Answers::default(),
            task: None,
        };
        let form = RequestForm::of(&step, context);
        let mut rng = CounterRng::new(1, 1);
        let mut context = RenderContext {
            vu: 3,
            iteration: 4,
            nonce: crate::model::Nonce { run: crate::model::RunTag::of(std::time::UNIX_EPOCH), call: 5 },
            rng: &mut rng,
            variables: &Variables::default(),
        };
        let mut text = Vec::new();
        form.write(17, members, &Fields::default(), &mut context, &mut text);
        read(&text)
    }

    /// A request as a server would read it.
    fn read(text: &[u8]) -> (Request<()>, String) {
        let mut fields = [httparse::EMPTY_HEADER; 20];
        let mut parsed = httparse::Request::new(&mut fields);
        let head = parsed.parse(text).unwrap().unwrap();
        let mut request = Request::builder().method(parsed.method.unwrap()).uri(parsed.path.unwrap());
        for field in parsed.headers.iter() {
            request = request.header(field.name, field.value);
        }
        let request = request.body(()).unwrap();
        let body = String::from_utf8(text[head..].to_vec()).unwrap();
        let length = request.headers().get("content-length").map(|length| length.to_str().unwrap());
        assert_eq!(length.unwrap_or("0"), body.len().to_string());
        (request, body)
    }

    #[track_caller]
    fn check_body(operation: Operation, era: Era, revision: &str, expected: &Value) {
        let (request, body) = complete(operation, era, revision);
        assert_eq!(&serde_json::from_str::<Value>(&body).unwrap(), expected, "{body}");
        assert_eq!(request.uri(), "/mcp?x=1");
    }

    fn echo() -> Operation {
        Operation::CallTool {
            tool: Template::literal("echo \"x\""),
            arguments: Template::literal(r#"{"text":"hi"}"#),
            generated: None,
        }
    }

    #[test]
    fn legacy_requests_are_bare() {
        let call = json!({"jsonrpc": "2.0", "id": 17, "method": "tools/call",
            "params": {"name": "echo \"x\"", "arguments": {"text": "hi"}}});
        check_body(echo(), Era::Legacy, "2025-11-25", &call);
        check_body(
            Operation::list_tools(),
            Era::Legacy,
            "2025-11-25",
            &json!({"jsonrpc": "2.0", "id": 17, "method": "tools/list"}),
        );
        check_body(
            Operation::Request(McpRequest::bare(PING)),
            Era::Legacy,
            "2025-11-25",
            &json!({"jsonrpc": "2.0", "id": 17, "method": "ping"}),
        );
    }

    #[test]
    fn requests_have_room_for_what_is_added_to_them() {
        let all = Conduct { progress: true, pages: Some(2), ..Conduct::default() };
        let paged = Conduct { progress: false, ..all };
        let list = Operation::list_tools;
        for (conduct, members, expected) in [
            (paged, &b""[..], json!({})),
            (paged, br#""cursor":"c""#, json!({"cursor": "c"})),
            (all, b"", json!({"_meta": {"progressToken": 17}})),
            (all, br#""cursor":"c""#, json!({"cursor": "c", "_meta": {"progressToken": 17}})),
        ] {
            let (_, body) = complete_with(list(), (conduct, members), Era::Legacy, "2025-11-25");
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["params"], expected);
        }
        for (operation, era) in
            [(list(), Era::Modern), (echo(), Era::Modern), (echo(), Era::Legacy), (list(), Era::Legacy)]
        {
            let plain = complete(operation.clone(), era, "2026-07-28").1;
            let more = complete_with(operation, (all, br#""more":[1]"#), era, "2026-07-28").1;
            let mut expected: Value = serde_json::from_str(&plain).unwrap();
            expected["params"]["more"] = json!([1]);
            expected["params"]["_meta"]["progressToken"] = json!(17);
            assert_eq!(serde_json::from_str::<Value>(&more).unwrap(), expected, "{more}");
        }
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
        check_body(Operation::Request(McpRequest::bare(PING)), Era::Modern, "2026-07-28", &discover);
        let uri = Template::literal("mem://x\u{e9}");
        let params = Some(Template::object(&[("uri", uri.quoted())]));
        let method = "resources/read".to_owned();
        let read = Operation::Request(McpRequest { method, params, name: Some(uri) });
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
        let (request, _) = complete(Operation::list_tools(), Era::Legacy, "2025-06-18");
        assert_eq!(request.headers()["mcp-protocol-version"], "2025-06-18");
        let (request, _) = complete(Operation::list_tools(), Era::Legacy, "2025-03-26");
        assert!(!request.headers().contains_key("mcp-protocol-version"));
        assert_eq!(request.headers()["accept"], "application/json, text/event-stream");
    }

    #[test]
    fn paths_are_encoded() {
        assert_eq!(encode_path("tools/a b?q=ü#x".as_bytes()), "/tools/a%20b?q=%C3%BC%23x");
    }
}
