//! What a client remembers between calls: its session, its credentials, the revision it speaks.

use std::collections::BTreeMap;

use super::rig::{
    CALL, INITIALIZE, INITIALIZED, LEGACY, LOGIN, Rig, answer, good, http, json, perform, set_up,
};
use super::server::{Act, Seen, Server};
use crate::model::{Outcome, ProtocolFault, Secret};
use crate::plan::{Auth, McpRequest, Operation, Template};

/// A server with sessions, numbered from 1; calls of the load get `reply`.
async fn stateful(reply: impl Fn(&Seen) -> Vec<Act> + Send + 'static) -> Server {
    let mut sessions = 0;
    Server::start(move |seen| match seen.method().as_str() {
        "initialize" => {
            sessions += 1;
            initialized(seen, LEGACY, &format!("Mcp-Session-Id: session-{sessions}\r\n"))
        }
        "notifications/initialized" => http("202 Accepted", "", ""),
        "tools/call" => reply(seen),
        _ => http("204 No Content", "", ""),
    })
    .await
}

fn initialized(seen: &Seen, revision: &str, headers: &str) -> Vec<Act> {
    let result = format!(r#"{{"protocolVersion":"{revision}","capabilities":{{}}}}"#);
    let headers = format!("Content-Type: application/json\r\n{headers}");
    http("200 OK", &headers, &answer(seen, &result))
}

fn told(server: &Server, header: &str) -> Vec<Option<String>> {
    server.seen().iter().map(|seen| seen.header(header).map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_session_is_carried_from_the_handshake_to_the_end() {
    let server = stateful(good).await;
    let mut client = Rig::new(&server).client(1).await;
    assert_eq!(client.next_set_up(), Some(INITIALIZE));
    assert_eq!(client.next_tear_down(), None, "there is no session yet");
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    let end = client.next_tear_down().unwrap();
    assert_eq!(perform(&mut client, end).await, Outcome::Ok);
    let first = Some("session-1".to_owned());
    assert_eq!(told(&server, "mcp-session-id"), [None, first.clone(), first.clone(), first]);
    assert_eq!((client.next_set_up(), client.next_tear_down()), (Some(INITIALIZE), None));
}

#[tokio::test]
async fn a_reset_client_shakes_hands_anew() {
    let server = stateful(good).await;
    let mut client = Rig::new(&server).client(1).await;
    for _ in 0..2 {
        set_up(&mut client).await;
        perform(&mut client, CALL).await;
        client.reset();
    }
    let sessions = told(&server, "mcp-session-id");
    assert_eq!(sessions[2].as_deref(), Some("session-1"));
    assert_eq!(sessions[3], None, "a new handshake does not name the old session");
    assert_eq!(sessions[5].as_deref(), Some("session-2"));
}

#[tokio::test]
async fn a_session_that_the_server_lost_is_opened_anew() {
    for (status, body, lost) in [
        ("404 Not Found", String::new(), true),
        ("404 Not Found", "<br>".repeat(50_000), true),
        ("400 Bad Request", "No valid session ID provided".to_owned(), true),
        ("400 Bad Request", format!("Session unknown{}", " ".repeat(50_000)), true),
        ("400 Bad Request", "arguments are missing".to_owned(), false),
        ("503 Service Unavailable", "no session to spare".to_owned(), false),
    ] {
        let reply = body.clone();
        let server = stateful(move |_| http(status, "", &reply)).await;
        let mut client = Rig::new(&server).client(1).await;
        set_up(&mut client).await;
        let outcome = perform(&mut client, CALL).await;
        let is_lost = outcome == Outcome::Protocol(ProtocolFault::SessionLost);
        assert_eq!(is_lost, lost, "{status} {body:.40}: {outcome}");
        assert_eq!(client.next_set_up(), lost.then_some(INITIALIZE), "{status} {body:.40}");
        assert_eq!(set_up(&mut client).await, Outcome::Ok);
    }
}

#[tokio::test]
async fn without_a_session_a_404_is_just_a_404() {
    let server = Server::start(|seen| match seen.method().as_str() {
        "initialize" => initialized(seen, LEGACY, ""),
        "notifications/initialized" => http("202 Accepted", "", ""),
        _ => http("404 Not Found", "", "no session"),
    })
    .await;
    let mut client = Rig::new(&server).client(1).await;
    set_up(&mut client).await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::HttpStatus(404));
    assert_eq!((client.next_set_up(), client.next_tear_down()), (None, None));
}

#[tokio::test]
async fn odd_session_ids_do_not_break_requests() {
    for (id, carried) in
        [("a b\tc,;\"", Some("a b\tc,;\"")), ("\u{e9}\u{ff}", Some("\u{e9}\u{ff}")), ("", None)]
    {
        let server = Server::start(move |seen| {
            if seen.method() != "initialize" {
                return good(seen);
            }
            let result = format!(r#"{{"protocolVersion":"{LEGACY}"}}"#);
            let Some(Act::Write(reply)) = json(&answer(seen, &result)).pop() else { panic!("one write") };
            // A byte a character, as the server reads headers back.
            let head = b"HTTP/1.1 200 OK\r\nMcp-Session-Id: ".iter().copied();
            let id = id.chars().map(|c| u8::try_from(c).unwrap());
            let rest = reply["HTTP/1.1 200 OK".len()..].iter().copied();
            vec![Act::Write(head.chain(id).chain(rest).collect())]
        })
        .await;
        let mut client = Rig::new(&server).client(1).await;
        assert_eq!(set_up(&mut client).await, Outcome::Ok, "{id:?}");
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok, "{id:?}");
        assert_eq!(server.seen()[2].header("mcp-session-id"), carried);
        assert_eq!(client.next_tear_down().is_some(), carried.is_some());
    }
}

#[tokio::test]
async fn a_handshake_that_settles_on_nothing_fails() {
    for result in ["{}", r#"{"protocolVersion":7}"#, r#"{"protocolVersion":"2024-11-05"}"#] {
        let server = Server::start(move |seen| json(&answer(seen, result))).await;
        let mut client = Rig::new(&server).client(1).await;
        assert_eq!(perform(&mut client, INITIALIZE).await, Outcome::Protocol(ProtocolFault::Malformed));
        assert_eq!(client.next_set_up(), Some(INITIALIZE));
    }
}

#[tokio::test]
async fn a_server_that_is_not_told_that_we_are_ready_is_told_again() {
    let server = Server::start(|seen| match seen.method().as_str() {
        "initialize" => initialized(seen, LEGACY, ""),
        _ => http("503 Service Unavailable", "", ""),
    })
    .await;
    let mut client = Rig::new(&server).client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::HttpStatus(503));
    assert_eq!(client.next_set_up(), Some(INITIALIZED));
}

/// Every login gives a new token; `accepted` are those that calls get through with.
async fn with_login(accepted: &'static [&'static str]) -> Server {
    let mut logins = 0;
    Server::start(move |seen| {
        if seen.line.starts_with("POST /login ") {
            logins += 1;
            return http("200 OK", "", &format!(r#"{{"access_token":"t{logins}","token_type":"bearer"}}"#));
        }
        let bearer = seen.header("authorization").unwrap_or_default();
        if accepted.iter().all(|token| bearer != format!("Bearer {token}")) {
            return http("401 Unauthorized", "", "");
        }
        match seen.method().as_str() {
            "initialize" => initialized(seen, LEGACY, ""),
            _ => good(seen),
        }
    })
    .await
}

#[tokio::test]
async fn the_token_of_the_login_is_carried() {
    let server = with_login(&["t1"]).await;
    let mut client = Rig::new(&server).with_login().client(1).await;
    assert_eq!(client.next_set_up(), Some(LOGIN));
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    let seen = server.seen();
    assert_eq!(seen[0].body, r#"{"password":"hunter2","username":"ann"}"#);
    let bearer = Some("Bearer t1".to_owned());
    assert_eq!(told(&server, "authorization"), [None, bearer.clone(), bearer.clone(), bearer]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced() {
    let server = with_login(&["t2"]).await;
    let mut client = Rig::new(&server).with_login().client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::HttpStatus(401));
    assert_eq!(client.next_set_up(), Some(LOGIN));
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    let tokens = told(&server, "authorization");
    assert_eq!(tokens[2], None, "a login does not carry the refused token");
    assert_eq!(tokens[3].as_deref(), Some("Bearer t2"));
}

#[tokio::test]
async fn a_token_that_ran_out_is_replaced_and_one_that_has_not_is_kept_when_a_login_fails() {
    let mut logins = 0;
    let server = Server::start(move |seen| {
        if !seen.line.starts_with("POST /login ") {
            return good(seen);
        }
        logins += 1;
        match logins {
            1 => http("200 OK", "", r#"{"access_token":"t1","expires_in":1}"#),
            2 => http("200 OK", "", r#"{"access_token":"t2","expires_in":3600}"#),
            _ => http("401 Unauthorized", "", "not now"),
        }
    })
    .await;
    let mut client = Rig::new(&server).with_login().revision("2026-07-28").client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(client.next_set_up(), Some(LOGIN));
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    assert_eq!(perform(&mut client, LOGIN).await, Outcome::HttpStatus(401));
    assert!(client.lasts_without(LOGIN));
    assert_eq!(client.next_set_up(), None);
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(told(&server, "authorization"), [None, bearer("t1"), None, None, bearer("t2")]);
}

#[tokio::test]
async fn a_login_without_a_token_fails() {
    for body in ["", "{}", r#"{"access_token":7}"#, r#"{"access_token":"a\r\nX: y"}"#] {
        let server = Server::start(move |_| http("200 OK", "", body)).await;
        let mut client = Rig::new(&server).with_login().client(1).await;
        assert_eq!(perform(&mut client, LOGIN).await, Outcome::Protocol(ProtocolFault::Malformed), "{body}");
        assert_eq!(client.next_set_up(), Some(LOGIN));
    }
}

#[tokio::test]
async fn fixed_credentials_are_on_every_request() {
    let server = stateful(good).await;
    let key = BTreeMap::from([("X-Api-Key".to_owned(), Secret::new("k"))]);
    for auth in [Auth::Bearer(Secret::new("b")), Auth::Headers(key)] {
        let mut client = Rig::new(&server).auth(auth).client(1).await;
        set_up(&mut client).await;
        perform(&mut client, CALL).await;
    }
    let bearer = Some("Bearer b".to_owned());
    assert_eq!(told(&server, "authorization")[..3], [bearer.clone(), bearer.clone(), bearer]);
    let key = Some("k".to_owned());
    assert_eq!(told(&server, "x-api-key")[3..], [key.clone(), key.clone(), key]);
}

#[tokio::test]
async fn the_revision_is_named_once_it_is_agreed_on() {
    for (revision, named) in
        [("2025-03-26", None), ("2025-06-18", Some("2025-06-18")), ("2025-11-25", Some("2025-11-25"))]
    {
        let server = Server::start(move |seen| match seen.method().as_str() {
            "initialize" => initialized(seen, revision, ""),
            _ => good(seen),
        })
        .await;
        let mut client = Rig::new(&server).revision(revision).client(1).await;
        assert_eq!(set_up(&mut client).await, Outcome::Ok);
        perform(&mut client, CALL).await;
        let named = named.map(str::to_owned);
        assert_eq!(told(&server, "mcp-protocol-version"), [None, named.clone(), named], "{revision}");
        assert!(told(&server, "mcp-method").iter().all(Option::is_none));
    }
}

#[tokio::test]
async fn modern_requests_stand_alone() {
    let server = Server::start(good).await;
    let uri = Template::literal("=?base64?eA==?=");
    let params = Some(Template::object(&[("uri", uri.quoted())]));
    let read = Operation::Request(McpRequest { method: "resources/read".into(), params, name: Some(uri) });
    let rigs = [Rig::new(&server), Rig::new(&server).operation(read)];
    for rig in rigs {
        let mut client = rig.revision("2026-07-28").client(1).await;
        assert_eq!((client.next_set_up(), client.next_tear_down()), (None, None));
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
    let seen = server.seen();
    let headers = ["mcp-protocol-version", "mcp-method", "mcp-name", "accept", "content-type", "host"]
        .map(|name| seen[0].header(name).unwrap());
    let host = server.address.to_string();
    let both = "application/json, text/event-stream";
    assert_eq!(headers, ["2026-07-28", "tools/call", "echo", both, "application/json", host.as_str()]);
    assert!(seen[0].header("origin").is_none());
    // A name that looks encoded is encoded, or the server would decode it to something else.
    assert_eq!(seen[1].header("mcp-name"), Some("=?base64?PT9iYXNlNjQ/ZUE9PT89?="));
}
