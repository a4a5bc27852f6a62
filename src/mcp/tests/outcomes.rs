//! Every way in which a call can end. After each of them the same user's next call works.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;

use super::rig::{CALL, Rig, answer, error, events, good, http, json, open_events, perform, write};
use super::server::{Act, Seen, Server};
use crate::mcp::Client;
use crate::model::ProtocolFault::{Duplicate, InputRequired, Malformed, Missing, TooLarge, WrongId};
use crate::model::TimeoutPhase::{Body, Connect, FirstByte};
use crate::model::TransportFault::{Eof, Refused, Reset, Timeout, Tls};
use crate::model::{Outcome, Outcome::Protocol, Outcome::Transport};
use crate::plan::{Check, Operation, Template};

type Reply = fn(&Seen) -> Vec<Act>;

/// For calls that are meant to time out: long enough to connect and to send.
const SOON: Duration = Duration::from_millis(500);

const PROGRESS: &[u8] = b"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";

/// The first call is answered by `reply`, all others well.
async fn first_call(reply: Reply, fit: fn(Rig) -> Rig, expected: Outcome) -> (Server, Client) {
    let mut calls = 0;
    let server = Server::start(move |seen| {
        calls += 1;
        if calls == 1 { reply(seen) } else { good(seen) }
    })
    .await;
    let mut client = fit(Rig::new(&server)).client(1).await;
    assert_eq!(perform(&mut client, CALL).await, expected);
    assert_eq!(server.seen().len(), 1, "nothing is sent twice");
    (server, client)
}

async fn check(reply: Reply, expected: Outcome) {
    let (_server, mut client) = first_call(reply, |rig| rig, expected).await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok, "the next call after {expected}");
}

/// For replies that do not end by themselves: the client hangs up.
async fn check_endless(reply: Reply, expected: Outcome) {
    let (server, mut client) = first_call(reply, |rig| rig.deadline(SOON), expected).await;
    server.hung_up().await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok, "the next call after {expected}");
}

fn chunked(chunks: &str) -> Vec<Act> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![write(head), write(chunks), Act::Close]
}

#[tokio::test]
async fn nobody_listens() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/mcp", socket.local_addr().unwrap());
    let mut client = Rig::at(&url).client(1).await;
    assert_eq!(perform(&mut client, CALL).await, Transport(Refused));
}

#[tokio::test]
async fn the_server_hangs_up() {
    check(|_| vec![Act::Reset], Transport(Reset)).await;
    check(|_| vec![Act::Close], Transport(Eof)).await;
    check(|_| vec![write("HTTP/1.1 200 OK\r\nContent-"), Act::Close], Transport(Eof)).await;
    check(|_| half_then(Act::Close), Transport(Eof)).await;
    check(|_| half_then(Act::Reset), Transport(Reset)).await;
    check(|_| chunked("5\r\n{\"id\""), Transport(Eof)).await;
    check(|_| chunked("1\r\n{\r\n"), Transport(Eof)).await;
}

fn half_then(end: Act) -> Vec<Act> {
    let half = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    vec![write(half), Act::Pause, end]
}

#[tokio::test]
async fn tls_is_asked_for_where_there_is_none() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::at(&format!("https://{}/mcp", listener.local_addr().unwrap())).deadline(SOON);
    let mut client = rig.client(1).await;
    assert_eq!(perform(&mut client, CALL).await, Transport(Timeout(Connect)), "no word of TLS comes back");
    let plain = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_eq!(perform(&mut client, CALL).await, Transport(Tls));
    plain.abort();
}

#[tokio::test]
async fn the_deadline_passes() {
    check_endless(|_| vec![Act::Stall], Transport(Timeout(FirstByte))).await;
    check_endless(|_| vec![write("HTTP/1.1 200 OK\r\n"), Act::Stall], Transport(Timeout(FirstByte))).await;
    check_endless(|_| half_then(Act::Stall), Transport(Timeout(Body))).await;
    check_endless(|_| vec![open_events(), Act::Stall], Transport(Timeout(Body))).await;
    let unavailable = |_: &Seen| {
        vec![write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nbusy"), Act::Stall]
    };
    check_endless(unavailable, Transport(Timeout(Body))).await;
}

#[tokio::test]
async fn a_flood_of_what_is_no_answer_ends_at_the_deadline() {
    let informational = |_: &Seen| vec![Act::Forever(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())];
    check_endless(informational, Transport(Timeout(FirstByte))).await;
    let comments = |_: &Seen| vec![open_events(), Act::Forever(b": x\n\n".repeat(100))];
    check_endless(comments, Transport(Timeout(Body))).await;
    let notifications = |_: &Seen| vec![open_events(), Act::Forever(PROGRESS.repeat(100))];
    check_endless(notifications, Transport(Timeout(Body))).await;
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let server = |reply: Reply, expected| async move {
        let (server, mut client) = first_call(reply, |rig| rig, expected).await;
        server.hung_up().await;
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    };
    let head = |_: &Seen| vec![write("HTTP/1.1 200 OK\r\nX: "), Act::Forever(b"x".repeat(10_000))];
    server(head, Protocol(Malformed)).await;
    let headers = |_: &Seen| vec![write("HTTP/1.1 200 OK\r\n"), Act::Forever(b"X: y\r\n".repeat(100))];
    server(headers, Protocol(Malformed)).await;
    let body = |_: &Seen| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{";
        vec![write(head), Act::Forever(b" ".repeat(100_000))]
    };
    server(body, Protocol(TooLarge)).await;
    let line = |_: &Seen| vec![open_events(), Act::Forever(b"data".repeat(10_000))];
    server(line, Protocol(TooLarge)).await;
    let event = |_: &Seen| vec![open_events(), Act::Forever(b"data: x\n".repeat(10_000))];
    server(event, Protocol(TooLarge)).await;
    let page =
        |_: &Seen| vec![write("HTTP/1.1 502 Bad Gateway\r\n\r\n"), Act::Forever(b"<br>".repeat(10_000))];
    server(page, Outcome::HttpStatus(502)).await;
}

#[tokio::test]
async fn the_status_is_no_success() {
    for (line, status) in [("503 Service Unavailable", 503), ("429 Too Many Requests", 429), ("999 ?", 999)] {
        let server = Server::start(move |_| http(line, "", "busy")).await;
        let mut client = Rig::new(&server).client(1).await;
        assert_eq!(perform(&mut client, CALL).await, Outcome::HttpStatus(status));
    }
    check(|seen| http("400 Bad Request", "", &error(seen, -32602)), Outcome::HttpStatus(400)).await;
    let found = |_: &Seen| http("302 Found", "Location: /elsewhere\r\n", "");
    check(found, Outcome::HttpStatus(302)).await;
    let cut = |_: &Seen| vec![write("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nbusy"), Act::Close];
    check(cut, Transport(Eof)).await;
}

#[tokio::test]
async fn the_answer_is_no_http() {
    check(|_| vec![write("SSH-2.0-OpenSSH_9.9\r\n\r\n"), Act::Close], Protocol(Malformed)).await;
    check(|_| vec![write("HTTP/1.1 abc OK\r\n\r\n"), Act::Close], Protocol(Malformed)).await;
    check(|_| vec![write("HTTP/1.1 200 OK\r\nno header\r\n\r\n"), Act::Close], Protocol(Malformed)).await;
    let length = |_: &Seen| vec![write("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Act::Close];
    check(length, Protocol(Malformed)).await;
    check(|_| chunked("zz\r\n{}\r\n0\r\n\r\n"), Protocol(Malformed)).await;
    check(|_| chunked("fffffffffffffffff\r\n{}\r\n0\r\n\r\n"), Protocol(Malformed)).await;
    check(|_| chunked("2\r\n{}xx\r\n0\r\n\r\n"), Protocol(Malformed)).await;
}

#[tokio::test]
async fn the_answer_is_no_json_rpc() {
    check(|_| json("{\"jsonrpc\""), Protocol(Malformed)).await;
    check(|_| json("[]"), Protocol(Malformed)).await;
    check(|seen| json(&answer(seen, "[]")), Protocol(Malformed)).await;
    check(|_| json(&"[".repeat(1_000_000)), Protocol(Malformed)).await;
    check(|_| http("200 OK", "Content-Type: text/html\r\n", "<html>"), Protocol(Malformed)).await;
    let page = |_: &Seen| http("200 OK", "Content-Type: text/html\r\n", &"<br>".repeat(50_000));
    check(page, Protocol(Malformed)).await;
    check(|_| events("data: what?\n\n"), Protocol(Malformed)).await;
    let bad_type = |seen: &Seen| {
        let mut reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: \xff\xfe\r\n\r\n".to_vec();
        reply.extend_from_slice(&seen.body.as_bytes()[..2]);
        vec![Act::Write(reply)]
    };
    check(bad_type, Protocol(Malformed)).await;
}

#[tokio::test]
async fn the_answer_is_somebody_elses() {
    check(|_| json(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Protocol(WrongId)).await;
    check(|_| events("data: {\"id\":null,\"result\":{}}\n\n"), Protocol(WrongId)).await;
    let then_ours = |seen: &Seen| {
        events(&format!("data: {{\"id\":1,\"result\":{{}}}}\n\ndata: {}\n\n", answer(seen, "{}")))
    };
    check(then_ours, Outcome::Ok).await;
}

#[tokio::test]
async fn there_is_no_answer() {
    check(|_| http("202 Accepted", "", ""), Protocol(Missing)).await;
    check(|_| http("202 Accepted", "Content-Type: application/json\r\n", ""), Protocol(Missing)).await;
    check(|_| http("202 Accepted", "Content-Type: text/plain\r\n", "Accepted"), Protocol(Missing)).await;
    check(|_| vec![write("HTTP/1.1 204 No Content\r\n\r\n")], Protocol(Missing)).await;
    check(|_| events(""), Protocol(Missing)).await;
    check(|_| events("data: {\"method\":\"notifications/progress\"}\n\n"), Protocol(Missing)).await;
    check(|seen| events(&format!("data: {}\n", answer(seen, "{}"))), Protocol(Missing)).await;
    check(|_| json(r#"{"jsonrpc":"2.0","method":"notifications/message"}"#), Protocol(Missing)).await;
    let asks = |seen: &Seen| json(&answer(seen, r#"{"resultType":"input_required"}"#));
    check(asks, Protocol(InputRequired)).await;
    let cut = |_: &Seen| {
        let head = "HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n";
        vec![write(head), write("Acc"), Act::Close]
    };
    check(cut, Transport(Eof)).await;
}

#[tokio::test]
async fn there_are_two_answers() {
    let twice = |seen: &Seen| {
        let event = format!("data: {}\n\n", answer(seen, "{}"));
        events(&event.repeat(2))
    };
    check(twice, Protocol(Duplicate)).await;
    let and_an_error =
        |seen: &Seen| events(&format!("data: {}\n\ndata: {}\n\n", answer(seen, "{}"), error(seen, -1)));
    check(and_an_error, Protocol(Duplicate)).await;
    let after_garbage = |seen: &Seen| events(&format!("data: what?\n\ndata: {}\n\n", answer(seen, "{}")));
    check(after_garbage, Protocol(Malformed)).await;
    let before_garbage = |seen: &Seen| events(&format!("data: {}\n\ndata: what?\n\n", answer(seen, "{}")));
    check(before_garbage, Protocol(Malformed)).await;
}

#[tokio::test]
async fn the_server_says_no() {
    check(|seen| json(&error(seen, -32602)), Outcome::JsonRpcError(-32602)).await;
    check(|seen| events(&format!("data: {}\n\n", error(seen, i64::MIN))), Outcome::JsonRpcError(i64::MIN))
        .await;
    let failed = |seen: &Seen| json(&answer(seen, r#"{"content":[],"isError":true}"#));
    check(failed, Outcome::ToolError).await;
    let failed = |seen: &Seen| events(&format!("data: {}\n\n", answer(seen, r#"{"isError":true}"#)));
    check(failed, Outcome::ToolError).await;
}

#[tokio::test]
async fn a_check_does_not_hold() {
    let contains = |rig: Rig| rig.checked(Check::Contains("42".into()));
    first_call(good, contains, Outcome::CheckFailed).await;
    first_call(|seen| json(&answer(seen, r#"{"content":"42"}"#)), contains, Outcome::Ok).await;
    let event = |seen: &Seen| events(&format!("data: {}\n\n", answer(seen, "{}")));
    first_call(event, contains, Outcome::CheckFailed).await;
    // An earlier layer wins.
    first_call(|seen| json(&error(seen, 7)), contains, Outcome::JsonRpcError(7)).await;
    let text =
        |rig: Rig| rig.checked(Check::Json { pointer: "/content/0/text".into(), equals: Some(json!("hi")) });
    first_call(good, text, Outcome::Ok).await;
}

#[tokio::test]
async fn plain_http_is_judged_by_status_and_checks() {
    let get = |rig: Rig| rig.operation(Operation::RestGet { path: Template::literal("/tools") });
    let not_found = |_: &Seen| http("404 Not Found", "", "no such tool");
    first_call(|_| http("200 OK", "", "fine"), get, Outcome::Ok).await;
    first_call(|_| vec![write("HTTP/1.1 204 No Content\r\n\r\n")], get, Outcome::Ok).await;
    first_call(not_found, get, Outcome::HttpStatus(404)).await;
    first_call(|_| http("302 Found", "Location: /x\r\n", ""), get, Outcome::HttpStatus(302)).await;
    first_call(|_| half_then(Act::Close), get, Transport(Eof)).await;
    let wants_404 = |rig: Rig| {
        rig.operation(Operation::RestGet { path: Template::literal("/tools") })
            .checked(Check::Status(404))
            .checked(Check::Contains("no such".into()))
    };
    first_call(not_found, wants_404, Outcome::Ok).await;
    first_call(|_| http("404 Not Found", "", "gone"), wants_404, Outcome::CheckFailed).await;
    first_call(|_| http("200 OK", "", "no such tool"), wants_404, Outcome::HttpStatus(200)).await;
    let post = |rig: Rig| {
        let body = Template::literal(r#"{"q":1}"#);
        rig.operation(Operation::RestPost { path: Template::literal("/tools/a b"), body })
    };
    let (server, _) = first_call(|_| http("201 Created", "", ""), post, Outcome::Ok).await;
    let seen = &server.seen()[0];
    assert_eq!((seen.line.as_str(), seen.body.as_str()), ("POST /tools/a%20b HTTP/1.1", r#"{"q":1}"#));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}
