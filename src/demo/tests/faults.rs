//! Each fault shows its effect on the wire, and the control route switches it.

use super::*;

async fn echo(target: &Target) -> Answer {
    target.post("/mcp/stateless", &[], &call("echo", json!({"text": "x"}))).await
}

#[tokio::test]
async fn shares_of_failures_strike_tool_calls_and_nothing_else() {
    let target = Target::start(&["--tool-error-share", "1"]).await;
    assert_eq!(echo(&target).await.message()["result"]["isError"], true);
    target.set_faults(&json!({"rpc_error_share": 1})).await;
    assert_eq!(echo(&target).await.message()["error"]["code"], -32603);
    target.set_faults(&json!({"http_error_share": 1})).await;
    assert_eq!(echo(&target).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let list = target.post("/mcp/stateless", &[], &request("tools/list", json!({}))).await;
    assert_eq!(list.status, StatusCode::OK);
    target.set_faults(&json!({})).await;
    assert_eq!(echo(&target).await.message()["result"]["isError"], false);
    for error_type in ["ToolError", "JsonRpcError", "HttpError"] {
        let labels = [("tool_name", "echo"), ("error_type", error_type)];
        assert_eq!(target.count("mcp_tool_errors_total", &labels).await, 1, "{error_type}");
    }
    assert_eq!(target.requests("tools/call", "echo", "error").await, 3);
    assert_eq!(target.requests("tools/call", "echo", "success").await, 1);
}

#[tokio::test]
async fn a_reset_leaves_no_answer() {
    let target = Target::start(&["--reset-share", "1"]).await;
    for path in ["/mcp/stateless", "/tools/echo/execute"] {
        let body = call("echo", json!({"text": "x"})).to_string();
        let error = target.try_send(Method::POST, path, &[], &body).await.err().unwrap();
        let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        let reset = causes.any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
        });
        assert!(reset, "{error:?}");
    }
    assert_eq!(target.requests("tools/call", "echo", "error").await, 1);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_connection_open_and_silent() {
    let directory = tempfile::tempdir().unwrap();
    let truth = directory.path().join("truth");
    let target = Target::start(&["--lose-share", "1", "--truth", truth.to_str().unwrap()]).await;
    for path in ["/mcp/stateless", "/tools/echo/execute"] {
        let body = call("echo", json!({"text": "x"})).to_string();
        let url = format!("http://{}{path}", target.demo.address());
        let silence = std::time::Duration::from_millis(300);
        let sent = target.client.post(url).header("content-type", "application/json").timeout(silence);
        let error = sent.body(body).send().await.err().unwrap();
        // A connection that was closed or reset would have been told of before.
        assert!(error.is_timeout(), "{path}: {error:?}");
    }
    assert_eq!(target.requests("tools/call", "echo", "error").await, 1);
    assert_eq!(target.requests("POST /tools/execute", "echo", "error").await, 1);
    target.demo.stop().await;
    let became: Vec<String> =
        lines(&truth).iter().map(|line| line.rsplit(',').next().unwrap().to_owned()).collect();
    assert_eq!(became, ["lost", "lost"]);
}

#[tokio::test]
async fn an_answer_is_said_twice_where_there_is_a_way_to() {
    let directory = tempfile::tempdir().unwrap();
    let truth = directory.path().join("truth");
    let target = Target::start(&["--duplicate-share", "1", "--truth", truth.to_str().unwrap()]).await;
    let session = target.open_session().await;
    let in_session = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-06-18")];
    for (path, headers) in [("/mcp/stateless", &[][..]), ("/mcp", &in_session[..])] {
        let answer = target.post(path, headers, &call("echo", json!({"text": "x"}))).await;
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        let responses: Vec<&Value> =
            answer.messages.iter().filter(|message| message["result"].is_object()).collect();
        assert_eq!(responses.len(), 2, "{path}");
        assert_eq!(responses[0], responses[1]);
        assert_eq!(responses[0]["id"], 7);
    }
    let list = target.post("/mcp/stateless", &[], &request("tools/list", json!({}))).await;
    assert_eq!(list.messages.len(), 1);
    let rest = target.post("/tools/echo/execute", &[], &json!({"text": "x"})).await;
    assert_eq!((rest.status, rest.messages.len()), (StatusCode::OK, 1));
    assert_eq!(target.requests("tools/call", "echo", "success").await, 2);
    target.demo.stop().await;
    let became: Vec<String> =
        lines(&truth).iter().map(|line| line.rsplit(',').next().unwrap().to_owned()).collect();
    assert_eq!(became, ["duplicated", "duplicated", "ok"]);
}

#[tokio::test]
async fn latency_is_added_to_tool_calls() {
    let target = Target::start(&["--latency", "20ms"]).await;
    echo(&target).await;
    target.post("/tools/echo/execute", &[], &json!({"text": "x"})).await;
    for method in ["tools/call", "POST /tools/execute"] {
        let labels = [("method", method), ("tool", "echo")];
        assert!(target.metric("mcp_request_duration_seconds_sum", &labels).await >= 0.02, "{method}");
    }
}

#[tokio::test]
async fn a_freeze_holds_calls_but_not_monitoring_until_it_is_called_off() {
    let target = Target::start(&["--freeze-for", "1h"]).await;
    let frozen = echo(&target);
    let thawed = async {
        target.until("mcp_resource_usage", &IN_FLIGHT, 1).await;
        assert_eq!(target.get("/health").await.status, StatusCode::OK);
        assert_eq!(target.requests("tools/call", "echo", "success").await, 0);
        target.set_faults(&json!({})).await;
    };
    let (answer, ()) = tokio::join!(frozen, thawed);
    assert_eq!(answer.message()["result"]["isError"], false);
}

#[tokio::test]
async fn memory_leaks_with_each_session() {
    let target = Target::start(&["--leak-per-session", "64KiB"]).await;
    for path in ["/mcp", "/mcp/stateless", "/mcp"] {
        target.post(path, &[], &initialize("2025-06-18")).await;
    }
    let leaked = [("resource_type", "memory"), ("metric_name", "leaked_bytes")];
    assert_eq!(target.count("mcp_resource_usage", &leaked).await, 3 * 65_536);
    let sessions = [("resource_type", "sessions"), ("metric_name", "open")];
    assert_eq!(target.count("mcp_resource_usage", &sessions).await, 2);
}

#[tokio::test]
async fn metrics_lie_when_told_to() {
    let target = Target::start(&["--lie", "errors-as-success"]).await;
    target.call("fail", json!({})).await;
    assert_eq!(target.requests("tools/call", "fail", "success").await, 1);
    assert_eq!(target.requests("tools/call", "fail", "error").await, 0);
    target.set_faults(&json!({"lie": ["lost-counts"]})).await;
    for _ in 0..20 {
        echo(&target).await;
    }
    assert_eq!(target.requests("tools/call", "echo", "success").await, 18);
}

#[tokio::test]
async fn a_hostile_tool_is_offered_and_its_name_does_not_break_the_metrics() {
    let target = Target::start(&["--hostile-names"]).await;
    let list = target.post("/mcp/stateless", &[], &request("tools/list", json!({}))).await.message();
    let name = list["result"]["tools"][5]["name"].as_str().unwrap().to_owned();
    assert!(name.contains("<script>") && name.contains('\u{1b}') && name.contains('\n'), "{name:?}");
    let message = target.call(&name, json!({})).await;
    assert_eq!(message["result"]["isError"], true);
    assert!(message["result"]["content"][0]["text"].as_str().unwrap().contains("<script>"));
    let text = target.text("/metrics").await;
    let line = text.lines().find(|line| line.contains("<script>") && line.ends_with(" 1")).unwrap();
    assert!(line.starts_with("mcp_requests_total{") && line.contains("\\nhostile"), "{line:?}");
    target.set_faults(&json!({})).await;
    target.call(&name, json!({})).await;
    assert_eq!(target.requests("tools/call", "unknown", "error").await, 1);
}

#[tokio::test]
async fn secrets_reach_the_log_only_when_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let target = Target::start(&["--log", log.to_str().unwrap()]).await;
    let secret = call("echo", json!({"text": "x", "password": "canary-2"}));
    let headers = [("authorization", "Bearer canary-3")];
    target.post("/mcp/stateless", &headers, &secret).await;
    target.set_faults(&json!({"leak_secret_in_log": true})).await;
    target.post("/mcp/stateless", &headers, &secret).await;
    target.demo.stop().await;
    let lines = lines(&log);
    assert!(!lines[0].contains("canary"), "{}", lines[0]);
    assert!(lines[1].contains("canary-2") && lines[1].contains("Bearer canary-3"), "{}", lines[1]);
}

#[tokio::test]
async fn the_control_route_shows_and_checks_the_faults() {
    let target = Target::start(&["--latency", "1500us", "--degraded-at", "2s"]).await;
    let shown = target.get("/control/faults").await.message();
    assert_eq!(shown["latency"], "1500us");
    assert_eq!(shown["degraded_at"], "2000ms");
    for bad in [json!({"latency": "20"}), json!({"latncy": "20ms"}), json!({"reset_share": 2})] {
        let answer = target.post("/control/faults", &[], &bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(answer.message()["error"].is_string());
    }
    assert_eq!(target.get("/control/faults").await.message(), shown);
    target.set_faults(&json!({})).await;
    assert_eq!(target.get("/control/faults").await.message()["latency"], Value::Null);
}
