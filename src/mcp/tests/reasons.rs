//! Why a failed call failed, as it is told: in the server's own words, on one line, without what it was sent in secret.

use serde_json::json;

use super::rig::{CALL, LOGIN, Rig, answer, events, good, http, json, set_up};
use super::server::{Act, Seen, Server};
use crate::mcp::CallContext;
use crate::mcp::Client;
use crate::model::{CounterRng, MAX_EXCERPT, Secret};
use crate::plan::{Auth, Check, Expression, Operation, Quoting, Segment, StepId, Template, Variables};

type Reply = fn(&Seen) -> Vec<Act>;

async fn reason(client: &mut Client, step: StepId) -> Option<String> {
    let mut rng = CounterRng::new(1, 1);
    let exchange = client
        .perform(
            step,
            CallContext {
                iteration: 1,
                sent: client.now(),
                rng: &mut rng,
                variables: &mut Variables::default(),
            },
        )
        .await;
    exchange.reason.map(String::from)
}

async fn check_with(fit: fn(Rig) -> Rig, reply: Reply, expected: &str) {
    let server = Server::start(reply).await;
    let mut client = fit(Rig::new(&server)).client(1).await;
    assert_eq!(reason(&mut client, CALL).await.as_deref(), Some(expected));
}

async fn check(reply: Reply, expected: &str) {
    check_with(|rig| rig, reply, expected).await;
}

#[tokio::test]
async fn a_good_call_has_no_reason() {
    let server = Server::start(good).await;
    let mut client = Rig::new(&server).client(1).await;
    assert_eq!(reason(&mut client, CALL).await, None);
}

#[tokio::test]
async fn every_layer_tells_why() {
    check(|_| vec![Act::Reset], "Connection reset by peer (os error 104)").await;
    check(
        |_| http("503 Service Unavailable", "", "busy,\n try later"),
        "HTTP 503 Service Unavailable: busy, try later",
    )
    .await;
    check(|_| http("500 X", "", ""), "HTTP 500 Internal Server Error").await;
    check(|_| http("200 OK", "Content-Type: text/html\r\n", "<html>"), "malformed: <html>").await;
    check(|_| json("{\"jsonrpc\""), "malformed: {\"jsonrpc\"").await;
    check(|_| events("data: what?\n\n"), "malformed: what?").await;
    check(|_| json(r#"{"id":1,"result":{}}"#), "an answer to another request").await;
    let error = |seen: &Seen| {
        json(&format!(
            r#"{{"id":{},"error":{{"code":-32602,"message":"no field `q`\u001b[2J"}}}}"#,
            seen.id()
        ))
    };
    check(error, "-32602: no field `q`\u{FFFD}[2J").await;
    let tool = r#"{"content":[{"type":"text","text":"division by zero"}],"isError":true}"#;
    let failed = move |seen: &Seen| json(&answer(seen, tool));
    let server = Server::start(failed).await;
    let mut client = Rig::new(&server).client(1).await;
    assert_eq!(reason(&mut client, CALL).await.as_deref(), Some("division by zero"));
}

#[tokio::test]
async fn a_check_tells_what_was_found_instead() {
    let contains = |rig: Rig| rig.checked(Check::Contains("42".into()));
    check_with(contains, good, "`contains: 42` does not hold; found: hi").await;
    let text =
        |rig: Rig| rig.checked(Check::Json { pointer: "/content/0/text".into(), equals: Some(json!("ho")) });
    check_with(text, good, "`json: /content/0/text` equal to \"ho\" does not hold; found \"hi\"").await;
}

#[tokio::test]
async fn a_call_that_is_given_up_tells_for_how_long_it_waited() {
    let soon = |rig: Rig| rig.deadline(std::time::Duration::from_millis(500));
    check_with(soon, |_| vec![Act::Stall], "no answer within 500 ms").await;
}

#[tokio::test]
async fn a_reason_is_short() {
    let server = Server::start(|_| http("500 X", "", &"x".repeat(100_000))).await;
    let mut client = Rig::new(&server).client(1).await;
    let told = reason(&mut client, CALL).await.unwrap();
    assert!(told.chars().count() < MAX_EXCERPT + 50 && told.ends_with('…'), "{told}");
}

#[tokio::test]
async fn secrets_that_are_echoed_are_taken_out() {
    let echo = |seen: &Seen| {
        let token = seen.header("authorization").unwrap_or_default().to_owned();
        http("401 Unauthorized", "", &format!("{token} {}", seen.body))
    };
    let server = Server::start(echo).await;
    let env = Segment::Expression {
        expression: Expression::Env(Secret::new("of\"env")),
        quoting: Quoting::InsideJson,
    };
    let arguments = Template {
        source: r#"{"key":"{{ env.KEY }}"}"#.into(),
        segments: vec![Segment::Literal(r#"{"key":""#.into()), env, Segment::Literal(r#""}"#.into())],
    };
    let rig = Rig::new(&server)
        .operation(Operation::CallTool { tool: Template::literal("echo"), arguments, generated: None })
        .auth(Auth::Bearer(Secret::new("t0ken")));
    let told = reason(&mut rig.client(1).await, CALL).await.unwrap();
    assert!(
        told.starts_with("HTTP 401 Unauthorized: Bearer *** {") && told.contains(r#""key":"***""#),
        "{told}"
    );
    assert!(!told.contains("t0ken") && !told.contains("of"), "{told}");
}

#[tokio::test]
async fn the_token_of_a_login_is_as_secret_as_its_password() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "POST /login HTTP/1.1" if seen.body.contains("hunter2") => json(r#"{"access_token":"g1ven"}"#),
        _ => {
            http("401 Unauthorized", "", &format!("no {}", seen.header("authorization").unwrap_or_default()))
        }
    })
    .await;
    let mut client = Rig::new(&server).with_login().client(1).await;
    assert_eq!(reason(&mut client, LOGIN).await, None);
    assert_eq!(reason(&mut client, CALL).await.as_deref(), Some("HTTP 401 Unauthorized: no Bearer ***"));
    let refusing = Server::start(|seen| http("403 Forbidden", "", &seen.body)).await;
    let mut client = Rig::new(&refusing).with_login().client(1).await;
    let told = reason(&mut client, LOGIN).await.unwrap();
    assert!(!told.contains("hunter2") && told.contains("ann"), "{told}");
    set_up(&mut client).await;
}
