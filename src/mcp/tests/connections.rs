//! Connections: kept, found closed, given up; and what goes over them once and only once.

use std::collections::BTreeSet;

use super::rig::{
    CALL, END_SESSION, LIST_TOOLS, Rig, answer, events, good, http, open_events, perform, write,
};
use super::server::{Act, Seen, Server};
use crate::mcp::CallContext;
use crate::model::{CounterRng, Outcome};
use crate::plan::Variables;

fn connections(server: &Server) -> Vec<usize> {
    server.seen().iter().map(|seen| seen.connection).collect()
}

#[tokio::test]
async fn calls_of_a_user_share_a_connection_and_users_do_not() {
    let mut calls = 0;
    let server = Server::start(move |seen| {
        calls += 1;
        match calls % 3 {
            0 => good(seen),
            1 => events(&format!("data: {}\n\n", answer(seen, "{}"))),
            _ => http("503 Service Unavailable", "", "busy"),
        }
    })
    .await;
    let rig = Rig::new(&server);
    let (mut one, mut two) = (rig.client(1).await, rig.client(2).await);
    for client in [&mut one, &mut two] {
        for _ in 0..3 {
            perform(client, CALL).await;
        }
    }
    assert_eq!(connections(&server), [0, 0, 0, 1, 1, 1]);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_opened_anew() {
    let closing = |seen: &Seen| [good(seen), vec![Act::Close]].concat();
    let server = Server::start(closing).await;
    let mut client = Rig::new(&server).client(1).await;
    for _ in 0..3 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        while client.is_connected() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(connections(&server), [0, 1, 2], "each request is sent once");
}

#[tokio::test]
async fn a_server_that_wants_the_connection_closed_gets_it() {
    let server = Server::start(|seen| {
        let headers = "Content-Type: application/json\r\nConnection: close\r\n";
        http("200 OK", headers, &answer(seen, "{}"))
    })
    .await;
    let mut client = Rig::new(&server).client(1).await;
    for _ in 0..3 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
    assert_eq!(connections(&server), [0, 1, 2]);
}

#[tokio::test]
async fn what_follows_an_answer_is_not_taken_for_the_next_one() {
    let server = Server::start(|seen| {
        let Some(Act::Write(mut reply)) = good(seen).pop() else { panic!("an answer is one write") };
        reply.extend_from_slice(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
        vec![Act::Write(reply)]
    })
    .await;
    let mut client = Rig::new(&server).client(1).await;
    for _ in 0..3 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    }
}

#[tokio::test]
async fn a_request_that_may_have_been_read_is_not_sent_again() {
    let mut calls = 0;
    let server = Server::start(move |seen| {
        calls += 1;
        if calls == 2 { vec![Act::Close] } else { good(seen) }
    })
    .await;
    let mut client = Rig::new(&server).client(1).await;
    let outcomes = [perform(&mut client, CALL).await, perform(&mut client, CALL).await];
    assert_eq!(outcomes.map(|outcome| outcome.to_string()), ["ok", "transport/eof"]);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(good).await;
    let location = format!("Location: http://{}/mcp\r\n", elsewhere.address);
    let server = Server::start(move |_| http("307 Temporary Redirect", &location, "")).await;
    let mut client = Rig::new(&server).client(1).await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::HttpStatus(307));
    assert_eq!((server.seen().len(), elsewhere.seen().len()), (1, 0));
}

#[tokio::test]
async fn no_id_is_used_twice() {
    let server = Server::start(good).await;
    let rig = Rig::new(&server);
    for vu in [0, 1, 2, u32::MAX / 2] {
        let mut client = rig.client(vu).await;
        for step in [CALL, LIST_TOOLS, CALL] {
            perform(&mut client, step).await;
        }
    }
    let ids: BTreeSet<u64> = server.seen().iter().map(Seen::id).collect();
    assert_eq!(ids.len(), 12, "{ids:?}");
}

#[tokio::test]
async fn a_stream_that_is_left_open_after_the_answer_is_told() {
    let server = Server::start(|seen| {
        let event = format!("data: {}\n\n", answer(seen, "{}"));
        match seen.connection {
            0 => vec![open_events(), write(&event), Act::Stall],
            1 => vec![open_events(), write(&event), Act::Pause, Act::Close],
            _ => events(&event),
        }
    })
    .await;
    let mut client = Rig::new(&server).client(1).await;
    let mut rng = CounterRng::new(1, 1);
    for expected in [true, false, false] {
        let context = CallContext {
            iteration: 1,
            sent: client.now(),
            rng: &mut rng,
            variables: &mut Variables::default(),
        };
        let exchange = client.perform(CALL, context).await;
        assert_eq!((exchange.outcome, exchange.left_open), (Outcome::Ok, expected));
    }
}

#[tokio::test]
async fn a_call_that_was_dropped_half_way_spoils_nothing() {
    for half in ["", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"] {
        let mut calls = 0;
        let server = Server::start(move |seen| {
            calls += 1;
            if calls == 1 { vec![write(half), Act::Stall] } else { good(seen) }
        })
        .await;
        let mut client = Rig::new(&server).client(1).await;
        let mut rng = CounterRng::new(1, 1);
        let variables = &mut Variables::default();
        let context = CallContext { iteration: 1, sent: client.now(), rng: &mut rng, variables };
        tokio::select! {
            _ = client.perform(CALL, context) => panic!("it stalls"),
            () = async { while server.seen().is_empty() { tokio::task::yield_now().await } } => {}
        }
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        assert_eq!(server.seen().len(), 2);
        server.hung_up().await;
    }
}

#[tokio::test]
async fn ending_a_session_takes_every_answer_that_servers_give() {
    for (status, expected) in [
        ("200 OK", Outcome::Ok),
        ("202 Accepted", Outcome::Ok),
        ("204 No Content", Outcome::Ok),
        ("405 Method Not Allowed", Outcome::Ok),
        ("403 Forbidden", Outcome::HttpStatus(403)),
    ] {
        let server =
            Server::start(move |_| vec![write(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))]);
        let server = server.await;
        let mut client = Rig::new(&server).client(1).await;
        assert_eq!(perform(&mut client, END_SESSION).await, expected, "{status}");
        assert_eq!(server.seen()[0].line, "DELETE /mcp HTTP/1.1");
    }
}
