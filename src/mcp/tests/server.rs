//! The server: reads whole requests and does for each what the test's script says. It may break every rule.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// What the server does next on a connection whose request it has read.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Write(Vec<u8>),
    /// Lets the client read what was written before more comes.
    Pause,
    /// Writes this again and again until the client hangs up.
    Forever(Vec<u8>),
    /// Ends the connection in order.
    Close,
    /// Ends the connection with a reset.
    Reset,
    /// Does nothing more until the client hangs up.
    Stall,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The connection's number, from 0.
    pub(super) connection: usize,
    /// Its first line.
    pub(super) line: String,
    /// By lower-case name; a byte a character.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// It ends when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    books: Arc<Books>,
    task: JoinHandle<()>,
}

type Script = dyn FnMut(&Seen) -> Vec<Act> + Send;

struct Books {
    script: Mutex<Box<Script>>,
    seen: Mutex<Vec<Seen>>,
    hung_up: Semaphore,
}

impl Server {
    pub(super) async fn start(script: impl FnMut(&Seen) -> Vec<Act> + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    pub(super) fn on(listener: TcpListener, script: impl FnMut(&Seen) -> Vec<Act> + Send + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let books = Arc::new(Books {
            script: Mutex::new(Box::new(script)),
            seen: Mutex::default(),
            hung_up: Semaphore::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&books)));
        Self { address, books, task }
    }

    /// Every request so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.books.seen.lock().unwrap().clone()
    }

    /// Waits until the client has hung up on an [`Act::Stall`] or [`Act::Forever`]; each is told once.
    pub(super) async fn hung_up(&self) {
        self.books.hung_up.acquire().await.unwrap().forget();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    /// The JSON-RPC method, or empty.
    pub(super) fn method(&self) -> String {
        self.json().get("method").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The JSON-RPC id.
    pub(super) fn id(&self) -> u64 {
        self.json()["id"].as_u64().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

async fn accept(listener: TcpListener, books: Arc<Books>) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        stream.set_nodelay(true).unwrap();
        connections.spawn(serve(stream, number, Arc::clone(&books)));
    }
}

async fn serve(mut stream: TcpStream, number: usize, books: Arc<Books>) {
    while let Some(request) = read_request(&mut stream, number).await {
        books.seen.lock().unwrap().push(request.clone());
        let acts = (books.script.lock().unwrap())(&request);
        for act in acts {
            match act {
                // The client may have hung up already; that is its right.
                Act::Write(bytes) => drop(stream.write_all(&bytes).await),
                Act::Pause => tokio::time::sleep(Duration::from_millis(1)).await,
                Act::Forever(bytes) => {
                    while stream.write_all(&bytes).await.is_ok() {}
                    books.hung_up.add_permits(1);
                    return;
                }
                Act::Close => return,
                Act::Reset => {
                    stream.set_zero_linger().unwrap();
                    return;
                }
                Act::Stall => {
                    let mut rest = [0; 1024];
                    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                    books.hung_up.add_permits(1);
                    return;
                }
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
    };
    let head: String = bytes[..head_end].iter().map(|&byte| char::from(byte)).collect();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = bytes.split_off(head_end + 4);
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        body.extend_from_slice(&chunk[..read]);
    }
    Some(Seen { connection, line, headers, body: String::from_utf8(body).unwrap() })
}
