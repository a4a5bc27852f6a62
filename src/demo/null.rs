//! A server that does next to nothing: every MCP request gets canned bytes with its id, in JSON, or at `/sse` as an event
//! stream. What drives it is the bottleneck, and so what is measured. `GET /calls` says how many tool calls it answered.
//!
//! It reads only the HTTP that load generators write: bodies have a `Content-Length`, and connections stay open.

use std::io::{Error, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::journal::create;
use super::options::DemoOptions;
use super::server::DemoError;

/// The result of each tool call, as long as a short answer of a real tool.
const CALL: &str = concat!(
    r#"{"content":[{"type":"text","text":"It answers every call with these words, whatever was asked. "#,
    r#"They are as long as a short answer of a real tool: two sentences, perhaps three, of plain text without any "#,
    r#"markup, and nothing in them has to be escaped."}],"isError":false}"#
);
const TOOLS: &str = concat!(
    r#"{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"#,
    r#""required":["text"]}}]}"#
);
/// What it settles on when it is asked for a revision that has no handshake, or for none.
const NEWEST_LEGACY: &str = "\"2025-11-25\"";
const FIRST_MODERN: &str = "\"2026";
/// The refusal that a server of the legacy era gives to methods it does not know, `server/discover` among them.
const UNKNOWN: &str = r#"{"code":-32601,"message":"method not found"}"#;
const MAX_REQUEST: usize = 64 * 1024;
/// How long it waits when it could not take a connection.
const PAUSE: Duration = Duration::from_millis(10);

/// The server, running.
pub(super) struct NullServer {
    address: SocketAddr,
    calls: Arc<AtomicU64>,
    truth: Option<std::io::BufWriter<std::fs::File>>,
    serving: JoinHandle<()>,
}

/// A request, as far as an answer depends on it.
struct Request<'a> {
    is_post: bool,
    path: &'a [u8],
    body: &'a [u8],
    /// Head and body.
    length: usize,
}

/// What a JSON-RPC response has beside its id.
enum Content<'a> {
    Result(&'a str),
    Error(&'a str),
}

impl NullServer {
    /// Binds, and serves from then on.
    pub(super) async fn start(options: &DemoOptions) -> Result<Self, DemoError> {
        let bind = |source| DemoError::Bind { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let truth = create(options.truth.as_deref())?;
        let calls = Arc::new(AtomicU64::new(0));
        let serving = tokio::spawn(accept(listener, Arc::clone(&calls)));
        Ok(Self { address, calls, truth, serving })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and writes down how many tool calls were answered.
    pub(super) fn stop(self) -> Result<(), DemoError> {
        self.serving.abort();
        let Some(mut truth) = self.truth else { return Ok(()) };
        writeln!(truth, "{}", self.calls.load(Ordering::Relaxed))
            .and_then(|()| truth.flush())
            .map_err(DemoError::Truth)
    }
}

async fn accept(listener: TcpListener, calls: Arc<AtomicU64>) {
    loop {
        // What keeps it from taking a connection passes, or keeps it from everything.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let calls = Arc::clone(&calls);
        tokio::spawn(async move {
            // A client that goes away in the middle of a request is no concern of ours.
            let _ = serve(stream, &calls).await;
        });
    }
}

async fn serve(mut stream: TcpStream, calls: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::with_capacity(4096);
    let mut output = Vec::with_capacity(4096);
    while stream.read_buf(&mut input).await? > 0 {
        let mut used = 0;
        while let Some(request) = Request::parse(&input[used..])? {
            request.answer(&mut output, calls)?;
            used += request.length;
        }
        input.drain(..used);
        if input.len() > MAX_REQUEST {
            return Err(ErrorKind::InvalidData.into());
        }
        stream.write_all(&output).await?;
        output.clear();
    }
    Ok(())
}

impl<'a> Request<'a> {
    /// The request at the start of `bytes`; `None` while it is not whole.
    fn parse(bytes: &'a [u8]) -> std::io::Result<Option<Self>> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let (head, after) = (&bytes[..end], end + 4);
        let mut words = head.split(|&byte| byte == b' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(ErrorKind::InvalidData.into());
        };
        let length = after.checked_add(content_length(head)?).ok_or(Error::from(ErrorKind::InvalidData))?;
        let whole = bytes.get(after..length);
        Ok(whole.map(|body| Self { is_post: method == b"POST", path, body, length }))
    }

    fn answer(&self, out: &mut Vec<u8>, calls: &AtomicU64) -> std::io::Result<()> {
        if !self.is_post {
            return match self.path {
                b"/health" | b"/ready" | b"/live" => {
                    write_whole(out, "200 OK", "application/json", r#"{"status":"healthy"}"#)
                }
                b"/calls" => {
                    write_whole(out, "200 OK", "text/plain", &calls.load(Ordering::Relaxed).to_string())
                }
                _ => write_whole(out, "404 Not Found", "text/plain", "no such path"),
            };
        }
        if memmem::find(self.body, b"\"jsonrpc\"").is_none() {
            // Whatever it is, it serves as the answer to a login, too.
            return write_whole(out, "200 OK", "application/json", r#"{"access_token":"none"}"#);
        }
        let Some(id) = value_after(self.body, b"\"id\":") else {
            return write_whole(out, "202 Accepted", "application/json", "");
        };
        let initialized;
        let content = match value_after(self.body, b"\"method\":") {
            Some("\"tools/call\"") => {
                calls.fetch_add(1, Ordering::Relaxed);
                Content::Result(CALL)
            }
            Some("\"tools/list\"") => Content::Result(TOOLS),
            Some("\"ping\"") => Content::Result("{}"),
            Some("\"initialize\"") => {
                initialized = self.initialize();
                Content::Result(&initialized)
            }
            _ => Content::Error(UNKNOWN),
        };
        if self.path == b"/sse" { write_event(out, id, &content) } else { write_json(out, id, &content) }
    }

    /// It speaks every revision that begins with a handshake.
    fn initialize(&self) -> String {
        let asked = value_after(self.body, b"\"protocolVersion\":");
        let revision = asked.filter(|asked| *asked < FIRST_MODERN).unwrap_or(NEWEST_LEGACY);
        let version = env!("CARGO_PKG_VERSION");
        format!(
            r#"{{"protocolVersion":{revision},"capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"gander-null","version":"{version}"}}}}"#
        )
    }
}

impl Content<'_> {
    const fn field(&self) -> (&'static str, &str) {
        match self {
            Self::Result(text) => ("result", text),
            Self::Error(text) => ("error", text),
        }
    }
}

fn content_length(head: &[u8]) -> std::io::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    let field = head.split(|&byte| byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then_some(value)
    });
    let Some(value) = field else { return Ok(0) };
    let digits = std::str::from_utf8(value.trim_ascii()).map_err(Error::other)?;
    digits.parse().map_err(Error::other)
}

/// The number or the plain string (quotes included) that follows `key`.
fn value_after<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a str> {
    let value = body[memmem::find(body, key)? + key.len()..].trim_ascii_start();
    let end = memchr::memchr2(b',', b'}', value)?;
    std::str::from_utf8(value[..end].trim_ascii_end()).ok()
}

fn write_json(out: &mut Vec<u8>, id: &str, content: &Content<'_>) -> std::io::Result<()> {
    let (field, text) = content.field();
    let length = r#"{"jsonrpc":"2.0","id":,"":}"#.len() + id.len() + field.len() + text.len();
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n\
         {{\"jsonrpc\":\"2.0\",\"id\":{id},\"{field}\":{text}}}"
    )
}

/// One event in one chunk, then the end of the stream, as servers that answer at once write it.
fn write_event(out: &mut Vec<u8>, id: &str, content: &Content<'_>) -> std::io::Result<()> {
    let (field, text) = content.field();
    let length = "data: {\"jsonrpc\":\"2.0\",\"id\":,\"\":}\n\n".len() + id.len() + field.len() + text.len();
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
         transfer-encoding: chunked\r\n\r\n\
         {length:x}\r\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"{field}\":{text}}}\n\n\r\n0\r\n\r\n"
    )
}

fn write_whole(out: &mut Vec<u8>, status: &str, kind: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(out, "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
}
