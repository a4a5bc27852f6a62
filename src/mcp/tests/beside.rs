//! What comes beside answers over Streamable HTTP, and calls that are broken off.

use std::time::Duration;

use super::rig::{CALL, Rig, answer, events, exchange, json, open_events, perform, set_up, write};
use super::server::{Act, Seen, Server};
use crate::model::{Outcome, OutcomeClass, StreamTimes};
use crate::plan::Conduct;

const SHORT: Duration = Duration::from_millis(50);

fn cancelling() -> Conduct {
    Conduct { cancel_after: Some(SHORT), ..Conduct::default() }
}

/// A legacy server that says nothing to tool calls but that it took them.
fn silent(seen: &Seen) -> Vec<Act> {
    match seen.method().as_str() {
        "initialize" => json(&answer(seen, r#"{"protocolVersion":"2025-11-25"}"#)),
        "tools/call" => vec![open_events(), Act::Stall],
        _ => vec![write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")],
    }
}

async fn notice(server: &Server) -> Seen {
    loop {
        if let Some(seen) = server.seen().into_iter().find(|seen| seen.method() == "notifications/cancelled")
        {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_legacy_server_is_told_which_call_is_cancelled() {
    let server = Server::start(silent).await;
    let mut client = Rig::new(&server).conduct(cancelling()).client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    assert_eq!(perform(&mut client, CALL).await, Outcome::Cancelled);
    let call = server.seen().into_iter().find(|seen| seen.method() == "tools/call").unwrap();
    let notice = notice(&server).await;
    assert!(notice.body.contains(&format!("\"requestId\":{}", call.id())), "{}", notice.body);
    assert_ne!(notice.connection, call.connection);
    assert_eq!(notice.header("mcp-protocol-version"), Some("2025-11-25"));
}

#[tokio::test]
async fn a_modern_server_sees_the_end_of_the_stream_of_a_cancelled_call() {
    let server = Server::start(silent).await;
    let mut client = Rig::new(&server).revision("2026-07-28").conduct(cancelling()).client(1).await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::Cancelled);
    server.hung_up().await;
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_before_its_call_is_cancelled_is_one() {
    let server = Server::start(|seen| json(&answer(seen, "{}"))).await;
    let mut client = Rig::new(&server).revision("2026-07-28").conduct(cancelling()).client(1).await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
}

#[tokio::test]
async fn a_timeout_before_the_moment_to_cancel_is_a_timeout() {
    let server = Server::start(silent).await;
    let conduct = Conduct { cancel_after: Some(Duration::from_secs(60)), ..Conduct::default() };
    let rig = Rig::new(&server).revision("2026-07-28").conduct(conduct).deadline(SHORT);
    let outcome = perform(&mut rig.client(1).await, CALL).await;
    assert_eq!(outcome.class(), OutcomeClass::Timeout);
}

#[tokio::test]
async fn progress_of_others_is_not_the_calls() {
    let told = |token: &str| {
        format!(
            "data: {{\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{token}}}}}\n\n"
        )
    };
    let server = Server::start(move |seen| {
        let own = seen.id().to_string();
        let end = format!("data: {}\n\n", answer(seen, "{}"));
        events(&[told("1"), told(&own), told("\"x\""), told(&own), end, told(&own)].concat())
    })
    .await;
    let times = async |conduct| {
        let rig = Rig::new(&server).revision("2026-07-28").conduct(conduct);
        exchange(&mut rig.client(1).await, CALL).await.stream.unwrap()
    };
    let asked: StreamTimes = times(Conduct { progress: true, ..Conduct::default() }).await;
    assert_eq!(asked.progress, 2, "what comes after the answer is none of it");
    let unasked = times(Conduct::default()).await;
    assert_eq!((unasked.progress, unasked.first_progress), (0, None));
    assert!(unasked.first_event.is_some() && unasked.longest_gap.is_some());
}

#[tokio::test]
async fn an_answer_in_one_piece_has_no_times_of_its_parts() {
    let server = Server::start(|seen| json(&answer(seen, "{}"))).await;
    let rig = Rig::new(&server).revision("2026-07-28");
    assert_eq!(exchange(&mut rig.client(1).await, CALL).await.stream, None);
}
