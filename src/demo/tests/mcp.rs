//! Both eras of the protocol, every tool, and what each request counts as.

use super::*;

const MODERN: &str = "2026-07-28";

fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    request(method, params)
}

/// (tool, arguments, text of the result, is it an error)
fn every_tool() -> Vec<(&'static str, Value, &'static str, bool)> {
    vec![
        ("search", json!({"query": "burn rate"}), "Burn rate", false),
        ("calculate", json!({"expression": "2 * (3 + 4)"}), "14", false),
        ("calculate", json!({"expression": "1 / 0"}), "division by zero", true),
        ("echo", json!({"text": "hello", "nonce": "n-1"}), "n-1", false),
        ("echo", json!({"text": 5}), "`text` must be a string", true),
        ("slow", json!({"ms": 1}), "1", false),
        ("slow", json!({"ms": -1}), "`ms` must be an integer", true),
        ("fail", json!({"message": "as I said"}), "as I said", true),
    ]
}

#[track_caller]
fn check_result(message: &Value, text: &str, is_error: bool) {
    let result = &message["result"];
    assert_eq!(result["isError"], json!(is_error), "{message}");
    assert!(result["content"][0]["text"].as_str().unwrap().contains(text), "{message}");
}

#[tokio::test]
async fn a_legacy_session_lives_from_its_handshake_to_its_end() {
    let target = Target::start(&[]).await;
    let session = target.open_session().await;
    let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-06-18")];
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(target.post("/mcp", &headers, &initialized).await.status, StatusCode::ACCEPTED);
    let list = target.post("/mcp", &headers, &request("tools/list", json!({}))).await.message();
    let names: Vec<_> =
        list["result"]["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["search", "calculate", "echo", "slow", "fail"]);
    for (tool, arguments, text, is_error) in every_tool() {
        let answer = target.post("/mcp", &headers, &call(tool, arguments)).await;
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        check_result(&answer.message(), text, is_error);
    }
    let end = target.send(Method::DELETE, "/mcp", &headers, "").await;
    assert!(end.status.is_success(), "{}", end.status);
    let late = target.post("/mcp", &headers, &call("echo", json!({"text": "x"}))).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert_eq!(target.requests("tools/call", "calculate", "success").await, 1);
    assert_eq!(target.requests("tools/call", "calculate", "error").await, 1);
    assert_eq!(target.requests("tools/call", "echo", "error").await, 2);
    assert_eq!(target.requests("initialize", "none", "success").await, 1);
}

#[tokio::test]
async fn every_legacy_revision_is_agreed_to() {
    let target = Target::start(&[]).await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        for path in ["/mcp", "/mcp/stateless"] {
            let message = target.post(path, &[], &initialize(version)).await.message();
            assert_eq!(message["result"]["protocolVersion"], version, "{path}");
        }
    }
}

#[tokio::test]
async fn without_sessions_answers_are_plain_json() {
    let target = Target::start(&[]).await;
    for (tool, arguments, text, is_error) in every_tool() {
        let answer = target.post("/mcp/stateless", &[], &call(tool, arguments)).await;
        assert_eq!(answer.headers["content-type"], "application/json");
        check_result(&answer.message(), text, is_error);
    }
    let echoed = target.call("echo", json!({"text": "a", "nonce": "n-2"})).await;
    assert_eq!(echoed["result"]["structuredContent"], json!({"text": "a", "nonce": "n-2"}));
}

#[tokio::test]
async fn the_modern_era_needs_no_handshake() {
    let target = Target::start(&[]).await;
    for path in ["/mcp", "/mcp/stateless"] {
        let send = async |method: &str, name: Option<&str>, params: Value| {
            let mut headers = vec![("mcp-protocol-version", MODERN), ("mcp-method", method)];
            headers.extend(name.map(|name| ("mcp-name", name)));
            target.post(path, &headers, &modern(method, params)).await
        };
        let discovered = send("server/discover", None, json!({})).await.message();
        assert!(discovered["result"].to_string().contains(MODERN), "{discovered}");
        let list = send("tools/list", None, json!({})).await.message();
        assert_eq!(list["result"]["resultType"], "complete");
        assert!(list["result"]["ttlMs"].is_number(), "{list}");
        for (tool, arguments, text, is_error) in every_tool() {
            let params = json!({"name": tool, "arguments": arguments});
            let message = send("tools/call", Some(tool), params).await.message();
            assert_eq!(message["result"]["resultType"], "complete");
            check_result(&message, text, is_error);
        }
        assert_eq!(send("ping", None, json!({})).await.status, StatusCode::NOT_FOUND);
        assert_eq!(
            send("tools/call", Some("other"), json!({"name": "echo"})).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    assert_eq!(target.requests("ping", "none", "error").await, 2);
    assert_eq!(target.requests("server/discover", "none", "success").await, 2);
    assert_eq!(target.requests("tools/call", "echo", "success").await, 2);
    assert_eq!(target.requests("tools/call", "echo", "error").await, 4);
}

#[tokio::test]
async fn a_slow_tool_reports_progress_to_who_asks() {
    let target = Target::start(&[]).await;
    for path in ["/mcp/stateless", "/mcp"] {
        let session = target.open_session().await;
        let params = json!({"name": "slow", "arguments": {"ms": 20}, "_meta": {"progressToken": "p-1"}});
        let headers = [("mcp-session-id", session.as_str())];
        let answer = target.post(path, &headers, &request("tools/call", params)).await;
        let (last, reports) = answer.messages.split_last().unwrap();
        assert_eq!(reports.len(), 10, "{path}: {reports:?}");
        assert!(reports.iter().all(|report| report["params"]["progressToken"] == "p-1"));
        check_result(last, "20", false);
    }
    assert_eq!(target.requests("tools/call", "slow", "success").await, 2);
}

#[tokio::test]
async fn resources_and_prompts_are_offered() {
    let target = Target::start(&[]).await;
    let ask = async |method, params| {
        target.post("/mcp/stateless", &[], &request(method, params)).await.message()["result"].take()
    };
    assert_eq!(ask("resources/list", json!({})).await["resources"][0]["uri"], "demo://readme");
    let template = ask("resources/templates/list", json!({})).await;
    assert_eq!(template["resourceTemplates"][0]["uriTemplate"], "demo://items/{id}");
    let item = ask("resources/read", json!({"uri": "demo://items/42"})).await;
    assert!(item["contents"][0]["text"].as_str().unwrap().contains("item 42"), "{item}");
    assert_eq!(ask("resources/read", json!({"uri": "demo://no"})).await, Value::Null);
    assert_eq!(ask("prompts/list", json!({})).await["prompts"][0]["name"], "greet");
    let prompt = ask("prompts/get", json!({"name": "greet", "arguments": {"name": "Ann"}})).await;
    assert_eq!(prompt["messages"][0]["content"]["text"], "Say hello to Ann.");
    assert_eq!(target.requests("resources/read", "none", "success").await, 1);
    assert_eq!(target.requests("resources/read", "none", "error").await, 1);
}

#[tokio::test]
async fn arguments_are_completed_and_subscriptions_and_log_levels_are_taken() {
    let target = Target::start(&[]).await;
    let ask = async |method, params| {
        target.post("/mcp/stateless", &[], &request(method, params)).await.message().take()
    };
    let complete = async |reference: Value, name: &str, value: &str| {
        let params = json!({"ref": reference, "argument": {"name": name, "value": value}});
        ask("completion/complete", params).await["result"]["completion"]["values"].take()
    };
    let prompt = || json!({"type": "ref/prompt", "name": "greet"});
    assert_eq!(complete(prompt(), "name", "a").await, json!(["Ada", "Alan"]));
    assert_eq!(complete(prompt(), "age", "").await, Value::Null);
    let item = json!({"type": "ref/resource", "uri": "demo://items/{id}"});
    assert_eq!(complete(item, "id", "42").await[9], "429");
    assert_eq!(ask("logging/setLevel", json!({"level": "warning"})).await["result"], json!({}));
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        assert_eq!(ask(method, json!({"uri": "demo://items/7"})).await["result"], json!({}));
        assert_eq!(ask(method, json!({"uri": "demo://no"})).await["error"]["code"], -32002);
    }
    assert_eq!(target.requests("completion/complete", "none", "success").await, 2);
}

#[tokio::test]
async fn what_is_no_good_request_is_counted_without_a_new_label() {
    let target = Target::start(&[]).await;
    for n in 0..3 {
        target.call(&format!("no-such-tool-{n}"), json!({})).await;
        target.post("/mcp/stateless", &[], &request(&format!("no/such/{n}"), json!({}))).await;
    }
    target.send(Method::POST, "/mcp/stateless", &[], "{").await;
    target
        .send(
            Method::POST,
            "/mcp/stateless",
            &[("accept", "text/plain")],
            &call("echo", json!({})).to_string(),
        )
        .await;
    assert_eq!(target.requests("tools/call", "unknown", "error").await, 3);
    assert_eq!(target.requests("unknown", "none", "error").await, 3);
    assert_eq!(target.requests("invalid", "none", "error").await, 1);
    assert_eq!(target.requests("tools/call", "echo", "error").await, 1);
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    target.post("/mcp/stateless", &[], &notification).await;
    target.get("/mcp/stateless").await;
    let text = target.text("/metrics").await;
    assert!(!text.contains("notifications/") && !text.contains("no-such-tool"), "{text}");
    assert_eq!(target.requests("invalid", "none", "error").await, 1);
}

#[tokio::test]
async fn a_call_whose_client_goes_away_is_an_error() {
    let target = Target::start(&[]).await;
    let session = target.open_session().await;
    for (n, path) in [(1, "/mcp/stateless"), (2, "/mcp")] {
        let body = call("slow", json!({"ms": 600_000})).to_string();
        let headers = [("mcp-session-id", session.as_str())];
        tokio::select! {
            _ = target.send(Method::POST, path, &headers, &body) => panic!("nobody waits ten minutes"),
            () = target.until("mcp_resource_usage", &IN_FLIGHT, 1) => {}
        }
        target.until("mcp_requests_total", &[("tool", "slow"), ("status", "error")], n).await;
    }
    assert_eq!(
        target.count("mcp_tool_errors_total", &[("tool_name", "slow"), ("error_type", "Aborted")]).await,
        2
    );
}

#[tokio::test]
async fn one_server_survives_a_stop_with_calls_in_flight() {
    let target = Target::start(&[]).await;
    let client = target.client.clone();
    let url = format!("http://{}/mcp/stateless", target.demo.address());
    let hanging = tokio::spawn(
        client
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(call("slow", json!({"ms": 600_000})).to_string())
            .send(),
    );
    target.until("mcp_resource_usage", &IN_FLIGHT, 1).await;
    target.demo.stop().await;
    hanging.abort();
}
