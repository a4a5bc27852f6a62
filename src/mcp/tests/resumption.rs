//! Answers whose streams end before the answers do, and are opened again.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::rig::{CALL, LEGACY, Rig, answer, events, good, http, json, open_events, perform, set_up, write};
use super::server::{Act, Seen, Server};
use crate::mcp::{Bookmark, CallContext};
use crate::model::{CounterRng, Outcome, ProtocolFault, TimeoutPhase, TransportFault};
use crate::plan::{Operation, Template, Variables};

/// The stream of a call ends after its first event...
const CUT: &str = "id: one\nretry: 1\ndata:\n\n";
const MISSING: Outcome = Outcome::Protocol(ProtocolFault::Missing);

/// A server whose calls get `first`, and whoever asks for the rest of it gets what `rest` says, given the call (where there was
/// none, the question itself).
async fn ending(
    first: fn(&Seen) -> Vec<Act>,
    rest: impl Fn(&Seen, &Seen) -> Vec<Act> + Send + 'static,
) -> Server {
    let call: Arc<Mutex<Option<Seen>>> = Arc::default();
    Server::start(move |seen| {
        if seen.line.starts_with("GET ") {
            return rest(call.lock().unwrap().as_ref().unwrap_or(seen), seen);
        }
        match seen.method().as_str() {
            "initialize" => {
                let result = format!(r#"{{"protocolVersion":"{LEGACY}"}}"#);
                let headers = "Content-Type: application/json\r\nMcp-Session-Id: session-1\r\n";
                http("200 OK", headers, &answer(seen, &result))
            }
            "tools/call" => {
                *call.lock().unwrap() = Some(seen.clone());
                first(seen)
            }
            _ => http("202 Accepted", "", ""),
        }
    })
    .await
}

fn good_event(call: &Seen) -> String {
    format!("data: {}\n\n", answer(call, r#"{"content":[{"type":"text","text":"hi"}]}"#))
}

/// How the call goes, and the requests for the rest of it.
async fn outcome(server: &Server, deadline: Duration) -> (Outcome, Vec<Seen>) {
    let mut client = Rig::new(server).deadline(deadline).client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    let outcome = perform(&mut client, CALL).await;
    let seen = server.seen();
    (outcome, seen.into_iter().filter(|seen| seen.line.starts_with("GET ")).collect())
}

/// Longer than any call takes that ends.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_rest_of_an_answer_is_asked_for_from_the_last_event_on() {
    let server = ending(|_| events(CUT), |call, _| events(&good_event(call))).await;
    let (outcome, asked) = outcome(&server, LONG).await;
    assert_eq!((outcome, asked.len()), (Outcome::Ok, 1));
    assert_eq!(asked[0].header("last-event-id"), Some("one"));
    assert_eq!(asked[0].header("mcp-session-id"), Some("session-1"));
    assert_eq!(asked[0].header("mcp-protocol-version"), Some(LEGACY));
    assert_eq!(asked[0].header("accept"), Some("text/event-stream"));
    assert_eq!(asked[0].header("content-type"), None);
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_stream_that_ended() {
    let broken = |_: &Seen| vec![open_events(), write(CUT), Act::Pause, Act::Reset];
    let server = ending(broken, |call, _| events(&good_event(call))).await;
    let (outcome, asked) = outcome(&server, LONG).await;
    assert_eq!((outcome, asked.len()), (Outcome::Ok, 1));
}

#[tokio::test]
async fn the_rest_may_end_early_too() {
    let rest = |call: &Seen, seen: &Seen| match seen.header("last-event-id") {
        Some("one") => events("id: two\nretry: 2\ndata:\n\n"),
        _ => events(&good_event(call)),
    };
    let server = ending(|_| events(CUT), rest).await;
    let (outcome, asked) = outcome(&server, LONG).await;
    assert_eq!(outcome, Outcome::Ok);
    let ids: Vec<_> = asked.iter().map(|seen| seen.header("last-event-id").unwrap()).collect();
    assert_eq!(ids, ["one", "two"]);
}

#[tokio::test]
async fn a_rest_that_is_not_to_be_had_is_a_missing_answer() {
    let server = ending(|_| events(CUT), |_, _| http("405 Method Not Allowed", "", "")).await;
    let (outcome, asked) = outcome(&server, LONG).await;
    assert_eq!((outcome, asked.len()), (MISSING, 1));
    // Without a place to go on from nobody asks.
    let server = ending(|_| events("data:\n\n"), |_, _| unreachable!("there is nothing to ask for")).await;
    assert_eq!(self::outcome(&server, LONG).await.0, MISSING);
}

#[tokio::test]
async fn a_rest_that_never_comes_ends_with_the_deadline() {
    let server = ending(|_| events(CUT), |_, _| vec![open_events(), Act::Stall]).await;
    let (outcome, _) = outcome(&server, Duration::from_millis(300)).await;
    assert_eq!(outcome, Outcome::Transport(TransportFault::Timeout(TimeoutPhase::Body)));
    // So does one whose server asks for a pause that is longer.
    let long = |_: &Seen| events("id: one\nretry: 3600000\ndata:\n\n");
    let server = ending(long, |_, _| unreachable!("the deadline comes first")).await;
    let (outcome, _) = self::outcome(&server, Duration::from_millis(300)).await;
    assert_eq!(outcome, Outcome::Transport(TransportFault::Timeout(TimeoutPhase::Body)));
}

#[tokio::test]
async fn the_modern_era_does_not_resume() {
    let server = Server::start(|_| events(CUT)).await;
    let mut client = Rig::new(&server).revision("2026-07-28").client(1).await;
    assert_eq!(perform(&mut client, CALL).await, MISSING);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_there_needs_no_rest() {
    let server = ending(good, |_, _| json("")).await;
    assert_eq!(outcome(&server, LONG).await.0, Outcome::Ok);
}

#[tokio::test]
async fn a_stream_that_was_held_open_goes_on_where_it_ended() {
    let refusals = AtomicI32::new(1);
    let server = ending(good, move |_, seen| match seen.header("last-event-id") {
        None => events("id: seven\nretry: 20\ndata: {\"method\":\"notifications/message\"}\n\n"),
        Some("seven") if refusals.fetch_sub(1, Ordering::Relaxed) > 0 => http("503 Busy", "", ""),
        Some("seven") => vec![open_events(), Act::Stall],
        Some(_) => http("400 Bad Request", "", ""),
    })
    .await;
    let mut rig = Rig::new(&server);
    let length = LONG;
    rig = rig.operation(Operation::Listen { filter: Template::literal("{}"), length });
    let mut client = rig.client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    let mut bookmark = Bookmark::default();
    let mut hold = async |bookmark: &mut Bookmark| {
        let (opened, is_open) = oneshot::channel();
        let mut rng = CounterRng::new(1, 1);
        let variables = &mut Variables::default();
        let context = CallContext { iteration: 1, sent: client.now(), rng: &mut rng, variables };
        tokio::select! {
            exchange = client.hold(CALL, context, opened, bookmark) => Some(exchange.outcome),
            // As long as nothing ends it.
            () = async { is_open.await.unwrap(); tokio::time::sleep(Duration::from_millis(50)).await } => None,
        }
    };
    assert_eq!(hold(&mut bookmark).await, Some(Outcome::Ok));
    assert_eq!((bookmark.is_set(), bookmark.pause()), (true, Some(Duration::from_millis(20))));
    assert_eq!(hold(&mut bookmark).await, Some(Outcome::HttpStatus(503)));
    assert!(bookmark.is_set(), "a refusal does not lose the place");
    assert_eq!(hold(&mut bookmark).await, None);
    let asked: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.line.starts_with("GET ")).collect();
    assert_eq!(
        asked.iter().map(|seen| seen.header("last-event-id")).collect::<Vec<_>>(),
        [None, Some("seven"), Some("seven")]
    );
}
