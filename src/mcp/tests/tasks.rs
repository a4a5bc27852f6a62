//! Calls that run as tasks, in both eras.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::rig::{CALL, Rig, answer, error, exchange, json, set_up, write};
use super::server::{Act, Seen, Server};
use crate::clock::Clock;
use crate::mcp::{Client, Exchange};
use crate::model::{Messages, Outcome, OutcomeClass, ProtocolFault, TaskCount};
use crate::plan::{Answers, Check, ClientAnswer, Conduct, TaskConduct, Template};

const MODERN: &str = "2026-07-28";
const GOOD: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

fn as_task() -> Conduct {
    let poll_every = Some(Duration::from_millis(1));
    let task = TaskConduct { ttl: Some(Duration::from_secs(60)), poll_every };
    Conduct { task: Some(task), ..Conduct::default() }
}

fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

/// A modern server whose task says these things, one after the other; the last one again and again.
fn modern(states: &'static [&'static str]) -> impl FnMut(&Seen) -> Vec<Act> + Send + 'static {
    let at = AtomicUsize::new(0);
    move |seen| {
        let result = match seen.method().as_str() {
            "tools/call" => r#"{"resultType":"task","taskId":"t-1","status":"working","ttlMs":null}"#.into(),
            "tasks/get" => {
                let state = states[at.fetch_add(1, Ordering::Relaxed).min(states.len() - 1)];
                format!(r#"{{"resultType":"complete","taskId":"t-1",{state}}}"#)
            }
            _ => r#"{"resultType":"complete"}"#.to_owned(),
        };
        json(&answer(seen, &result))
    }
}

/// A legacy server whose task says these things, and whose result is what `result` makes of the request.
fn legacy(
    states: &'static [&'static str],
    result: fn(&Seen) -> String,
) -> impl FnMut(&Seen) -> Vec<Act> + Send + 'static {
    let at = AtomicUsize::new(0);
    move |seen| {
        let said = match seen.method().as_str() {
            "initialize" => answer(seen, r#"{"protocolVersion":"2025-11-25"}"#),
            "tools/call" => answer(seen, r#"{"task":{"taskId":"t-1","status":"working","pollInterval":1}}"#),
            "tasks/get" => {
                let state = states[at.fetch_add(1, Ordering::Relaxed).min(states.len() - 1)];
                answer(seen, &format!(r#"{{"taskId":"t-1",{state}}}"#))
            }
            "tasks/result" => result(seen),
            "tasks/cancel" => answer(seen, r#"{"taskId":"t-1","status":"cancelled"}"#),
            _ => return vec![write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")],
        };
        json(&said)
    }
}

async fn called(rig: Rig) -> (Exchange, TaskCount) {
    let mut client = rig.client(1).await;
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    let exchange = exchange(&mut client, CALL).await;
    let (_, Messages { tasks, .. }, _) = client.wire().take_beside();
    (exchange, tasks)
}

fn methods(server: &Server) -> Vec<String> {
    server.seen().iter().map(Seen::method).filter(|method| !method.contains("initialize")).collect()
}

#[tokio::test]
async fn a_modern_task_is_asked_for_until_it_says_its_result() {
    let completed = r#""status":"completed","result":{"content":[{"type":"text","text":"done"}]}"#;
    let states: &[&str] =
        Box::leak(Box::new([r#""status":"working","pollIntervalMs":1"#, r#""status":"working""#, completed]));
    let server = Server::start(modern(states)).await;
    let rig = Rig::new(&server).revision(MODERN).conduct(as_task()).checked(Check::Contains("done".into()));
    let (exchange, tasks) = called(rig).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
    assert_eq!(tasks, TaskCount { created: 1, completed: 1, polls: 3, ..TaskCount::default() });
    let stream = exchange.stream.unwrap();
    assert_eq!(stream.polls, 3);
    assert!(stream.handed.unwrap() < exchange.end && exchange.first_byte.unwrap() <= stream.handed.unwrap());
    assert_eq!(methods(&server), ["tools/call", "tasks/get", "tasks/get", "tasks/get"]);
    for seen in server.seen() {
        let params = body(&seen)["params"].take();
        let announced = &params["_meta"]["io.modelcontextprotocol/clientCapabilities"]["extensions"];
        assert!(announced["io.modelcontextprotocol/tasks"].is_object(), "{params}");
        assert_eq!(params["task"], Value::Null);
        if seen.method() == "tasks/get" {
            assert_eq!((seen.header("mcp-name"), &params["taskId"]), (Some("t-1"), &Value::from("t-1")));
        }
    }
}

#[tokio::test]
async fn what_a_modern_task_ends_with_is_the_outcome_of_its_call() {
    let error = r#""status":"failed","error":{"code":-32603,"message":"no fuel"}"#;
    for (state, outcome, reason) in [
        (error, Outcome::JsonRpcError(-32603), "no fuel"),
        (
            r#""status":"cancelled","statusMessage":"too dear""#,
            Outcome::ToolError,
            "cancelled the task: too dear",
        ),
        (
            r#""status":"completed","result":{"isError":true,"content":[{"type":"text","text":"no tea"}]}"#,
            Outcome::ToolError,
            "no tea",
        ),
        (r#""status":"completed""#, Outcome::Protocol(ProtocolFault::Malformed), "malformed"),
        (r#""status":"done""#, Outcome::Protocol(ProtocolFault::Malformed), "done"),
        (
            r#""status":"input_required","inputRequests":{"a":{"method":"roots/list"}}"#,
            Outcome::Protocol(ProtocolFault::InputRequired),
            "asks for roots",
        ),
    ] {
        let states: &[&str] = Box::leak(Box::new([state]));
        let server = Server::start(modern(states)).await;
        let (exchange, tasks) = called(Rig::new(&server).revision(MODERN).conduct(as_task())).await;
        assert_eq!(exchange.outcome, outcome, "{state}");
        assert!(exchange.reason.as_deref().unwrap_or_default().contains(reason), "{exchange:?}");
        assert_eq!(tasks.created, 1);
    }
}

#[tokio::test]
async fn a_modern_task_is_given_each_input_once() {
    let asks = r#""status":"input_required","inputRequests":{"a":{"method":"roots/list"}}"#;
    let completed = r#""status":"completed","result":{"content":[]}"#;
    let states: &[&str] = Box::leak(Box::new([asks, asks, completed]));
    let server = Server::start(modern(states)).await;
    let mut rig = Rig::new(&server).revision(MODERN).conduct(as_task());
    let roots = ClientAnswer { result: Template::literal(r#"{"roots":[]}"#), after: Duration::ZERO };
    rig.plan.answers = Answers { roots: Some(roots), ..Answers::default() };
    let (exchange, tasks) = called(rig).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
    assert_eq!((tasks.polls, tasks.completed), (3, 1));
    assert_eq!(methods(&server), ["tools/call", "tasks/get", "tasks/update", "tasks/get", "tasks/get"]);
    let update = body(&server.seen()[2]);
    assert_eq!(update["params"]["inputResponses"], serde_json::json!({"a": {"roots": []}}));
    assert_eq!(update["params"]["taskId"], "t-1");
}

#[tokio::test]
async fn the_result_of_a_legacy_task_is_asked_for_when_it_has_ended() {
    let states = &[r#""status":"working""#, r#""status":"completed""#];
    let server = Server::start(legacy(states, |seen| answer(seen, GOOD))).await;
    let rig = Rig::new(&server).conduct(as_task()).checked(Check::Contains("done".into()));
    let (exchange, tasks) = called(rig).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
    assert_eq!(tasks, TaskCount { created: 1, completed: 1, polls: 2, ..TaskCount::default() });
    assert_eq!(methods(&server)[..], ["tools/call", "tasks/get", "tasks/get", "tasks/result"]);
    let call = server.seen().into_iter().find(|seen| seen.method() == "tools/call").unwrap();
    assert_eq!(body(&call)["params"]["task"], serde_json::json!({"ttl": 60_000}));
}

#[tokio::test]
async fn what_a_legacy_task_ends_with_is_the_outcome_of_its_call() {
    type Said = fn(&Seen) -> String;
    let good: Said = |seen| answer(seen, GOOD);
    let bad: Said = |seen| error(seen, -32603);
    let failed: &'static [&'static str] = &[r#""status":"failed","statusMessage":"no fuel""#];
    let asks: &'static [&'static str] = &[r#""status":"input_required""#];
    for (states, said, outcome, reason) in [
        (failed, good, Outcome::ToolError, "the task failed: no fuel"),
        (failed, bad, Outcome::JsonRpcError(-32603), "-32603"),
        (asks, good, Outcome::Ok, ""),
        (&[r#""status":"cancelled""#], good, Outcome::ToolError, "cancelled"),
        (&[r#""status":1"#], good, Outcome::Protocol(ProtocolFault::Malformed), "malformed"),
    ] {
        let server = Server::start(legacy(states, said)).await;
        let (exchange, _) = called(Rig::new(&server).conduct(as_task())).await;
        assert_eq!(exchange.outcome, outcome, "{states:?}: {exchange:?}");
        assert!(exchange.reason.as_deref().unwrap_or_default().contains(reason), "{exchange:?}");
    }
}

#[tokio::test]
async fn a_tool_that_answers_at_once_is_no_task() {
    let server = Server::start(|seen| match seen.method().as_str() {
        "initialize" => json(&answer(seen, r#"{"protocolVersion":"2025-11-25"}"#)),
        "tools/call" => json(&answer(seen, GOOD)),
        _ => vec![write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")],
    })
    .await;
    let (exchange, tasks) = called(Rig::new(&server).conduct(as_task())).await;
    assert_eq!((exchange.outcome, exchange.stream), (Outcome::Ok, None));
    assert_eq!(tasks, TaskCount::default());
}

#[tokio::test]
async fn a_task_that_does_not_end_in_time_is_a_timeout() {
    let server = Server::start(modern(&[r#""status":"working""#])).await;
    let rig = Rig::new(&server).revision(MODERN).conduct(as_task()).deadline(Duration::from_millis(100));
    let (exchange, tasks) = called(rig).await;
    assert_eq!(exchange.outcome.class(), OutcomeClass::Timeout);
    assert!(exchange.reason.unwrap().contains("the task had not ended within 100 ms"));
    assert!(tasks.created == 1 && tasks.completed + tasks.failed + tasks.cancelled == 0);
    assert!(!methods(&server).contains(&"tasks/cancel".to_owned()));
}

#[tokio::test]
async fn a_task_whose_call_is_cancelled_is_cancelled() {
    for (server, revision) in [
        (Server::start(modern(&[r#""status":"working""#])).await, MODERN),
        (Server::start(legacy(&[r#""status":"working""#], |seen| answer(seen, GOOD))).await, "2025-11-25"),
    ] {
        let conduct = Conduct { cancel_after: Some(Duration::from_millis(100)), ..as_task() };
        let (exchange, tasks) = called(Rig::new(&server).revision(revision).conduct(conduct)).await;
        assert_eq!(exchange.outcome, Outcome::Cancelled, "{revision}");
        assert_eq!((tasks.created, tasks.cancel_requests), (1, 1), "{revision}");
        let methods = methods(&server);
        assert_eq!(methods.last().unwrap(), "tasks/cancel");
        assert!(!methods.contains(&"notifications/cancelled".to_owned()));
    }
}

#[tokio::test]
async fn an_answer_about_another_task_is_none() {
    let server = Server::start(|seen| {
        let result = match seen.method().as_str() {
            "tools/call" => r#"{"resultType":"task","taskId":"t-1","status":"working"}"#,
            _ => r#"{"resultType":"complete","taskId":"t-2","status":"completed","result":{"content":[]}}"#,
        };
        json(&answer(seen, result))
    })
    .await;
    let (exchange, _) = called(Rig::new(&server).revision(MODERN).conduct(as_task())).await;
    assert_eq!(exchange.outcome, Outcome::Protocol(ProtocolFault::Malformed));
}

#[tokio::test]
async fn only_tools_that_say_so_are_asked_to_run_as_tasks_before_the_modern_era() {
    for (support, asked) in [
        (r#","execution":{"taskSupport":"forbidden"}"#, false),
        ("", false),
        (r#","execution":{"taskSupport":"optional"}"#, true),
        (r#","execution":{"taskSupport":"required"}"#, true),
    ] {
        let server = Server::start(move |seen| match seen.method().as_str() {
            "initialize" => json(&answer(seen, r#"{"protocolVersion":"2025-11-25"}"#)),
            "tools/list" => json(&answer(seen, &format!(r#"{{"tools":[{{"name":"echo"{support}}}]}}"#))),
            "tools/call" => json(&answer(seen, GOOD)),
            "server/discover" => json(&error(seen, -32601)),
            _ => vec![write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")],
        })
        .await;
        let mut rig = Rig::new(&server).conduct(as_task());
        rig.plan.steps[CALL.index()].tool = Some("echo".to_owned());
        let contact = rig.contact().await.unwrap();
        let mut client = Client::new(contact.wire, Clock::start(), 1);
        assert_eq!(set_up(&mut client).await, Outcome::Ok);
        assert_eq!(exchange(&mut client, CALL).await.outcome, Outcome::Ok);
        let call = server.seen().into_iter().find(|seen| seen.method() == "tools/call").unwrap();
        assert_eq!(body(&call)["params"]["task"].is_object(), asked, "{support}: {}", call.body);
    }
}

#[tokio::test]
async fn a_task_that_can_not_be_read_is_no_success() {
    for task in [
        r#"{"taskId":"t","status":"submitted"}"#,
        r#"{"taskId":"","status":"working"}"#,
        r#"{"taskId":12,"status":"working"}"#,
        r#"{"taskId":"t","status":"working","pollInterval":"5"}"#,
    ] {
        let server = Server::start(move |seen| match seen.method().as_str() {
            "initialize" => json(&answer(seen, r#"{"protocolVersion":"2025-11-25"}"#)),
            "tools/call" => json(&answer(seen, &format!(r#"{{"task":{task}}}"#))),
            _ => vec![write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")],
        })
        .await;
        let (exchange, tasks) = called(Rig::new(&server).conduct(as_task())).await;
        assert_eq!(exchange.outcome, Outcome::Protocol(ProtocolFault::Malformed), "{task}");
        assert_eq!(tasks, TaskCount::default());
    }
}
