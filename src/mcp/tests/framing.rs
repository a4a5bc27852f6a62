//! Sound answers, in every form that real servers send them in.

use std::fmt::Write as _;
use std::time::Duration;

use super::rig::{CALL, Rig, answer, events, http, json, open_events, perform, write};
use super::server::{Act, Seen, Server};
use crate::model::Outcome;

const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;

/// Three calls in a row, each answered by `reply`.
async fn check(reply: impl Fn(&Seen) -> Vec<Act> + Send + 'static) {
    let server = Server::start(move |seen| reply(seen)).await;
    let mut client = Rig::new(&server).client(1).await;
    for _ in 0..3 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
}

#[tokio::test]
async fn json_comes_with_parameters_and_in_any_case() {
    check(|seen| json(&answer(seen, "{}"))).await;
    let typed = |content_type: &'static str| {
        move |seen: &Seen| http("200 OK", &format!("Content-Type: {content_type}\r\n"), &answer(seen, "{}"))
    };
    check(typed("application/json; charset=utf-8")).await;
    check(typed("Application/JSON;charset=UTF-8")).await;
}

#[tokio::test]
async fn a_body_may_end_with_the_connection() {
    check(|seen| {
        let head = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n";
        vec![write(head), write(&answer(seen, "{}")), Act::Close]
    })
    .await;
}

#[tokio::test]
async fn streams_hold_more_than_the_answer() {
    let noisy = |end: &'static str| {
        move |seen: &Seen| {
            let lines = [
                ": hello",
                "",
                "id: 1",
                "retry: 500",
                "data:",
                "",
                "event: message",
                &format!("data: {PROGRESS}"),
                "",
                ": keep-alive",
                &format!("data: {}", answer(seen, "{}")),
                "id: 2",
                "",
                "",
            ];
            http("200 OK", "Content-Type: text/event-stream; charset=utf-8\r\n", &lines.join(end))
        }
    };
    for end in ["\n", "\r\n", "\r"] {
        check(noisy(end)).await;
    }
}

#[tokio::test]
async fn a_notification_may_follow_the_answer() {
    check(|seen| events(&format!("data: {}\n\ndata: {PROGRESS}\n\n", answer(seen, "{}")))).await;
}

#[tokio::test]
async fn an_answer_may_be_spread_over_data_lines() {
    check(|seen| {
        let spread = answer(seen, "{}").replace(',', ",\ndata: ");
        events(&format!("data: {spread}\n\n"))
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_stays_open_costs_the_connection_and_not_the_answer() {
    let event = |seen: &Seen| write(&format!("data: {}\n\n", answer(seen, "{}")));
    let endings: [fn() -> Act; 3] = [
        || Act::Stall,
        || Act::Forever(b": x\n".repeat(100)),
        || Act::Forever(format!("data: {PROGRESS}\n\n").repeat(100).into_bytes()),
    ];
    for ending in endings {
        let server = Server::start(move |seen| vec![open_events(), event(seen), ending()]).await;
        let mut client = Rig::new(&server).client(1).await;
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        server.hung_up().await;
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
}

#[tokio::test]
async fn a_deadline_that_passes_after_the_answer_does_not_take_it_back() {
    let server = Server::start(|seen| {
        vec![open_events(), write(&format!("data: {}\n\n", answer(seen, "{}"))), Act::Stall]
    })
    .await;
    // Shorter than the time that a stream is given to end.
    let mut client = Rig::new(&server).deadline(Duration::from_millis(240)).client(1).await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    server.hung_up().await;
}

#[tokio::test]
async fn json_in_chunks_may_be_cut_anywhere() {
    check_cuts("application/json", |seen| answer(seen, r#"{"content":[]}"#)).await;
}

#[tokio::test]
async fn events_in_chunks_may_be_cut_anywhere() {
    let stream =
        |seen: &Seen| format!(": x\r\n\r\ndata: {PROGRESS}\r\n\r\ndata: {}\r\n\r\n", answer(seen, "{}"));
    check_cuts("text/event-stream", stream).await;
}

/// One call for each place where the whole answer, in chunks of five bytes, can be cut.
async fn check_cuts(content_type: &'static str, body: fn(&Seen) -> String) {
    let reply = move |seen: &Seen| {
        let mut reply =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n");
        for chunk in body(seen).as_bytes().chunks(5) {
            let text = std::str::from_utf8(chunk).unwrap();
            write!(reply, "{:x}\r\n{text}\r\n", chunk.len()).unwrap();
        }
        reply + "0\r\n\r\n"
    };
    let mut cut = 0;
    let server = Server::start(move |seen| {
        let reply = reply(seen);
        cut = (cut + 1) % reply.len();
        vec![write(&reply[..cut]), Act::Pause, write(&reply[cut..])]
    })
    .await;
    let mut client = Rig::new(&server).client(1).await;
    for call in 0..350 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok, "call {call}");
    }
    let last = server.seen().last().unwrap().connection;
    assert_eq!(last, 0, "one connection carries all");
}
