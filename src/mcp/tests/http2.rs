//! HTTP/2: the same calls, sessions and outcomes as over HTTP/1.1.

use std::time::Duration;

use super::certificates::{Authority, Validity};
use super::rig::{CALL, Rig, answer, error, good, perform, set_up};
use super::server::{Seen, Server};
use super::server2::{JSON, Reply, Server2};
use crate::mcp::CallContext;
use crate::model::{CounterRng, Outcome, ProtocolFault, TimeoutPhase, TransportFault};
use crate::plan::{HttpVersion, Tls, Variables};

const EVENTS: &[(&str, &str)] = &[("content-type", "text/event-stream")];
const RESULT: &str = r#"{"content":[{"type":"text","text":"hi"}]}"#;
const RESET: Outcome = Outcome::Transport(TransportFault::Reset);

fn rig(server: &Server2) -> Rig {
    Rig::at(&format!("http://{}/mcp?x=1", server.address)).http(HttpVersion::Http2)
}

fn json(seen: &Seen) -> Reply {
    Reply::Whole(200, JSON, vec![answer(seen, RESULT)])
}

/// The text in two pieces.
fn halves(text: &str) -> Vec<String> {
    let (one, two) = text.split_at(text.len() / 2);
    vec![one.to_owned(), two.to_owned()]
}

#[track_caller]
fn connections(server: &Server2) -> Vec<usize> {
    server.seen().iter().map(|seen| seen.connection).collect()
}

#[tokio::test]
async fn users_have_a_connection_each_and_keep_it() {
    let server = Server2::start(json).await;
    for vu in 1..=2 {
        let mut client = rig(&server).client(vu).await;
        for _ in 0..3 {
            assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        }
    }
    assert_eq!(connections(&server), [0, 0, 0, 1, 1, 1]);
    let seen = server.seen().remove(0);
    assert_eq!(seen.line, format!("POST http://{}/mcp?x=1", server.address));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!((seen.method().as_str(), seen.header("host")), ("tools/call", None));
}

#[tokio::test]
async fn every_kind_of_answer_is_read() {
    type Case = (fn(&Seen) -> Reply, Outcome);
    let cases: [Case; 8] = [
        (|seen| Reply::Whole(200, JSON, halves(&answer(seen, RESULT))), Outcome::Ok),
        (
            |seen| Reply::Whole(200, EVENTS, halves(&format!("data: {}\n\n", answer(seen, RESULT)))),
            Outcome::Ok,
        ),
        (|seen| Reply::Whole(200, JSON, vec![error(seen, -32603)]), Outcome::JsonRpcError(-32603)),
        (|_| Reply::Whole(503, &[], halves("too busy")), Outcome::HttpStatus(503)),
        (|_| Reply::Whole(200, JSON, Vec::new()), Outcome::Protocol(ProtocolFault::Missing)),
        (|_| Reply::Whole(200, JSON, vec!["nonsense".into()]), Outcome::Protocol(ProtocolFault::Malformed)),
        (|_| Reply::Whole(200, EVENTS, Vec::new()), Outcome::Protocol(ProtocolFault::Missing)),
        (
            |_| Reply::Whole(200, JSON, vec!["x".repeat(1 << 20); 17]),
            Outcome::Protocol(ProtocolFault::TooLarge),
        ),
    ];
    for (reply, expected) in cases {
        let server = Server2::start(reply).await;
        let mut client = rig(&server).client(1).await;
        for _ in 0..2 {
            assert_eq!(perform(&mut client, CALL).await, expected);
        }
        assert_eq!(connections(&server), [0, 0], "{expected}");
    }
}

#[tokio::test]
async fn what_breaks_off_is_told_by_how_it_broke() {
    type Case = (fn(&Seen) -> Reply, Outcome, [usize; 2]);
    let cases: [Case; 4] = [
        (|_| Reply::Reset, RESET, [0, 1]),
        (|_| Reply::GoAway, RESET, [0, 1]),
        (|_| Reply::Torn(200, JSON, vec!["{".into()]), RESET, [0, 0]),
        (|_| Reply::Torn(200, EVENTS, vec!["data: ".into()]), RESET, [0, 0]),
    ];
    for (reply, expected, on) in cases {
        let server = Server2::start(reply).await;
        let mut client = rig(&server).client(1).await;
        for _ in 0..2 {
            assert_eq!(perform(&mut client, CALL).await, expected);
        }
        assert_eq!(connections(&server), on, "{expected}: nothing is sent twice");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_a_failure_of_the_transport() {
    let server = Server2::start(|_| Reply::HangUp).await;
    let mut client = rig(&server).client(1).await;
    for _ in 0..2 {
        // What of ours it has not read by then decides which of the two its kernel sends.
        let outcome = perform(&mut client, CALL).await;
        assert!(
            matches!(outcome, Outcome::Transport(TransportFault::Eof | TransportFault::Reset)),
            "{outcome}"
        );
    }
    assert_eq!(connections(&server), [0, 1]);
}

#[tokio::test]
async fn a_connection_that_the_server_ends_in_order_is_opened_anew() {
    let server = Server2::start(|seen| Reply::Last(answer(seen, RESULT))).await;
    let mut client = rig(&server).client(1).await;
    for _ in 0..3 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        while client.is_connected() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(connections(&server), [0, 1, 2]);
}

#[tokio::test]
async fn a_deadline_ends_a_call_in_the_phase_it_is_in() {
    type Case = (fn(&Seen) -> Reply, TimeoutPhase);
    let cases: [Case; 2] = [
        (|_| Reply::Stall, TimeoutPhase::FirstByte),
        (|_| Reply::Open(200, JSON, vec!["{".into()]), TimeoutPhase::Body),
    ];
    for (reply, phase) in cases {
        let server = Server2::start(reply).await;
        let mut client = rig(&server).deadline(Duration::from_millis(50)).client(1).await;
        let timeout = Outcome::Transport(TransportFault::Timeout(phase));
        assert_eq!(perform(&mut client, CALL).await, timeout);
    }
}

#[tokio::test]
async fn a_stream_that_stays_open_costs_neither_the_answer_nor_the_connection() {
    let server =
        Server2::start(|seen| Reply::Open(200, EVENTS, vec![format!("data: {}\n\n", answer(seen, RESULT))]))
            .await;
    let mut client = rig(&server).client(1).await;
    for _ in 0..2 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
    assert_eq!(connections(&server), [0, 0]);
}

#[tokio::test]
async fn the_session_goes_along() {
    let server = Server2::start(|seen| match seen.method().as_str() {
        "initialize" => {
            let fields = &[("content-type", "application/json"), ("mcp-session-id", "abc")];
            Reply::Whole(200, fields, vec![answer(seen, r#"{"protocolVersion":"2025-11-25"}"#)])
        }
        "notifications/initialized" => Reply::Whole(202, &[], Vec::new()),
        _ => json(seen),
    })
    .await;
    let mut client = rig(&server).client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    let sessions: Vec<Option<String>> =
        server.seen().iter().map(|seen| seen.header("mcp-session-id").map(str::to_owned)).collect();
    assert_eq!(sessions, [None, Some("abc".into()), Some("abc".into())]);
}

#[tokio::test]
async fn over_tls_it_is_asked_for_and_nothing_else_is_taken() {
    let ours = Authority::new();
    let trust = || Tls { ca: Some(ours.file()), ..Tls::default() };
    for (offered, expected) in [
        (vec![b"h2".to_vec()], Outcome::Ok),
        (Vec::new(), Outcome::Transport(TransportFault::Tls)),
        (vec![b"http/1.1".to_vec()], Outcome::Transport(TransportFault::Tls)),
    ] {
        let mut config = ours.server("localhost", Validity::Now).config(None);
        config.alpn_protocols = offered;
        let server = Server2::tls(config, json).await;
        let url = format!("https://localhost:{}/mcp", server.address.port());
        let mut client = Rig::at(&url).tls(trust()).http(HttpVersion::Http2).client(1).await;
        assert_eq!(perform(&mut client, CALL).await, expected);
        assert!(server.seen().iter().all(|seen| seen.line == format!("POST {url}")));
    }
}

#[tokio::test]
async fn a_server_of_http_1_is_not_taken_for_one_of_http_2() {
    let server = Server::start(good).await;
    let mut client = Rig::new(&server).http(HttpVersion::Http2).client(1).await;
    let mut rng = CounterRng::new(1, 1);
    let exchange = client
        .perform(
            CALL,
            CallContext {
                iteration: 1,
                sent: client.now(),
                rng: &mut rng,
                variables: &mut Variables::default(),
            },
        )
        .await;
    let told =
        matches!(exchange.outcome, Outcome::Transport(_) | Outcome::Protocol(ProtocolFault::Malformed));
    assert!(told, "{exchange:?}");
}
