//! An MCP server that does next to nothing: it answers every `tools/call` with the same text and the request's id.
//! `/json` answers in JSON, `/sse` in an event stream; `GET /calls` says how many calls were answered. One thread.
//!
//! It reads only the HTTP that load generators write: bodies have a `Content-Length`, connections stay open.

use std::io::{Error, ErrorKind, Result, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The result of each call; the whole message has about 300 bytes.
const CALL: &str = concat!(
    r#"{"content":[{"type":"text","text":"It answers every call with these words, whatever was asked. "#,
    r#"They are as long as a short answer of a real tool: two sentences, perhaps three, of plain text without any "#,
    r#"markup, and nothing in them has to be escaped."}],"isError":false}"#
);
const INITIALIZE: &str = concat!(
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#,
    r#""serverInfo":{"name":"null-target","version":"0"}}"#
);
const TOOLS: &str = concat!(
    r#"{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"#,
    r#""required":["text"]}}]}"#
);
const MAX_REQUEST: usize = 64 * 1024;

static CALLS: AtomicU64 = AtomicU64::new(0);

/// A request, as far as an answer depends on it.
struct Request<'a> {
    is_post: bool,
    path: &'a [u8],
    body: &'a [u8],
    /// Head and body.
    length: usize,
}

fn main() -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{{\"listening\":\"http://{}\"}}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                // A generator that goes away mid-request is no concern of ours.
                let _ = serve(stream).await;
            });
        }
    })
}

async fn serve(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::with_capacity(MAX_REQUEST);
    let mut output = Vec::with_capacity(4096);
    while stream.read_buf(&mut input).await? > 0 {
        let mut used = 0;
        while let Some(request) = Request::parse(&input[used..])? {
            request.answer(&mut output)?;
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
    fn parse(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let (head, after) = (&bytes[..end], end + 4);
        let mut words = head.split(|&byte| byte == b' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(ErrorKind::InvalidData.into());
        };
        let length = after + content_length(head)?;
        let whole = bytes.get(after..length);
        Ok(whole.map(|body| Self { is_post: method == b"POST", path, body, length }))
    }

    fn answer(&self, out: &mut Vec<u8>) -> Result<()> {
        if !self.is_post {
            let calls = CALLS.load(Ordering::Relaxed).to_string();
            return write_whole(out, "200 OK", "text/plain", &calls);
        }
        let Some(id) = value_after(self.body, b"\"id\":") else {
            return write_whole(out, "202 Accepted", "application/json", "");
        };
        let result = match value_after(self.body, b"\"method\":") {
            Some("\"tools/call\"") => {
                CALLS.fetch_add(1, Ordering::Relaxed);
                CALL
            }
            Some("\"tools/list\"") => TOOLS,
            Some("\"initialize\"") => INITIALIZE,
            _ => "{}",
        };
        if self.path == b"/sse" { write_event(out, id, result) } else { write_json(out, id, result) }
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
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

fn write_json(out: &mut Vec<u8>, id: &str, result: &str) -> Result<()> {
    let (before, between) = ("{\"jsonrpc\":\"2.0\",\"id\":", ",\"result\":");
    let length = before.len() + id.len() + between.len() + result.len() + 1;
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n{before}{id}{between}{result}}}"
    )
}

/// One event in one chunk, then the end of the stream, as servers that answer at once write it.
fn write_event(out: &mut Vec<u8>, id: &str, result: &str) -> Result<()> {
    let (before, between, end) = ("data: {\"jsonrpc\":\"2.0\",\"id\":", ",\"result\":", "}\n\n");
    let length = before.len() + id.len() + between.len() + result.len() + end.len();
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
         transfer-encoding: chunked\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n\
         {length:x}\r\n{before}{id}{between}{result}{end}\r\n0\r\n\r\n"
    )
}

fn write_whole(out: &mut Vec<u8>, status: &str, kind: &str, body: &str) -> Result<()> {
    let length = body.len();
    write!(out, "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
}
