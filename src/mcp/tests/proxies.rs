//! Proxies: one that forwards requests for plain text, and one that passes bytes on for everything else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::certificates::{Authority, Front, Validity};
use super::rig::{CALL, Rig, answer, good, http, perform};
use super::server::Server;
use super::server2::{JSON, Reply, Server2};
use crate::mcp::CallContext;
use crate::model::{CounterRng, Outcome, TransportFault};
use crate::plan::{HttpVersion, Operation, ProtocolChoice, Template, Tls, Variables};

/// Passes bytes on to one place, wherever CONNECT asks to go. It ends when it is dropped.
struct Tunnel {
    address: SocketAddr,
    /// The head of each CONNECT.
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Tunnel {
    /// To `target`; `says` is its answer to CONNECT.
    async fn start(target: SocketAddr, says: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let books = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                books.lock().unwrap().push(String::from_utf8(head).unwrap());
                stream.write_all(says.as_bytes()).await.unwrap();
                if says.contains(" 200 ") {
                    tokio::spawn(async move {
                        let mut behind = TcpStream::connect(target).await.unwrap();
                        // Either side may hang up as it likes.
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
                    });
                }
            }
        });
        Self { address, asked, task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

#[tokio::test]
async fn plain_requests_name_the_whole_target_to_the_proxy() {
    let proxy = Server::start(good).await;
    let rig = Rig::at("http://mcp.example:8080/mcp?x=1").proxy(&format!("http://me:pw@{}", proxy.address));
    let mut client = rig.client(1).await;
    for _ in 0..2 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
    let rig = Rig::at("http://mcp.example/base")
        .proxy(&format!("http://{}", proxy.address))
        .operation(Operation::RestGet { path: Template::literal("/users/7") });
    perform(&mut rig.client(1).await, CALL).await;
    let seen = proxy.seen();
    assert_eq!(seen[0].line, "POST http://mcp.example:8080/mcp?x=1 HTTP/1.1");
    assert_eq!(seen[0].header("host"), Some("mcp.example:8080"));
    assert_eq!(seen[0].header("proxy-authorization"), Some("Basic bWU6cHc="));
    assert_eq!(seen[2].line, "GET http://mcp.example/users/7 HTTP/1.1");
    assert_eq!(seen[2].header("proxy-authorization"), None);
    assert_eq!(seen.iter().map(|seen| seen.connection).collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_is_the_targets_own() {
    let ours = Authority::new();
    let server = Server::start(good).await;
    let front = Front::start(server.address, ours.server("mcp.example", Validity::Now).config(None)).await;
    let proxy = Tunnel::start(SocketAddr::from(([127, 0, 0, 1], front.port)), ESTABLISHED).await;
    let trust = Tls { ca: Some(ours.file()), ..Tls::default() };
    let rig = Rig::at("https://mcp.example/mcp").tls(trust).proxy(&format!("http://me:pw@{}", proxy.address));
    let mut client = rig.client(1).await;
    for _ in 0..2 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
    let asked = "CONNECT mcp.example:443 HTTP/1.1\r\nhost: mcp.example:443\r\n\
                 proxy-authorization: Basic bWU6cHc=\r\n\r\n";
    assert_eq!(proxy.asked(), [asked]);
    let seen = server.seen();
    assert_eq!((seen[0].line.as_str(), seen[0].header("proxy-authorization")), ("POST /mcp HTTP/1.1", None));
}

#[tokio::test]
async fn http_2_goes_through_a_tunnel_even_in_plain_text() {
    let server = Server2::start(|seen| Reply::Whole(200, JSON, vec![answer(seen, "{}")])).await;
    let proxy = Tunnel::start(server.address, ESTABLISHED).await;
    let rig = Rig::at("http://mcp.example/mcp")
        .http(HttpVersion::Http2)
        .proxy(&format!("http://{}", proxy.address));
    assert_eq!(perform(&mut rig.client(1).await, CALL).await, Outcome::Ok);
    assert_eq!(server.seen()[0].line, "POST http://mcp.example/mcp");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_from_the_target() {
    let proxy = Tunnel::start(
        SocketAddr::from(([127, 0, 0, 1], 1)),
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let rig = Rig::at("https://mcp.example/mcp").proxy(&format!("http://me:pw@{}", proxy.address));
    let (mut client, mut rng) = (rig.client(1).await, CounterRng::new(1, 1));
    let context =
        CallContext { iteration: 1, sent: client.now(), rng: &mut rng, variables: &mut Variables::default() };
    let exchange = client.perform(CALL, context).await;
    assert_eq!(exchange.outcome, Outcome::Transport(TransportFault::Refused));
    let told = format!("the proxy http://{}: it answers CONNECT with 407", proxy.address);
    assert_eq!(exchange.reason.as_deref(), Some(told.as_str()));
}

#[tokio::test]
async fn what_a_proxy_says_of_its_password_is_struck_out() {
    let proxy = Server::start(|seen| {
        let sent = seen.header("proxy-authorization").unwrap_or_default();
        http("403 Forbidden", "", &format!("{sent} hunter2"))
    })
    .await;
    let rig = Rig::at("http://mcp.example/mcp")
        .protocol(ProtocolChoice::Revision("2025-11-25".into()))
        .proxy(&format!("http://me:hunter2@{}", proxy.address));
    let refused = rig.contact().await.unwrap_err().to_string();
    assert!(!refused.contains("hunter2") && !refused.contains("bWU6"), "{refused}");
    assert!(refused.contains("***"), "{refused}");
}
