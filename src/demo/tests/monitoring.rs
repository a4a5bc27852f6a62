//! Metrics, health and the three files.

use super::*;

#[tokio::test]
async fn metrics_come_in_both_formats() {
    let target = Target::start(&[]).await;
    for query in ["budget", "budget", "latency"] {
        target.call("search", json!({"query": query})).await;
    }
    let url = format!("http://{}/metrics", target.demo.address());
    let open = target.client.get(&url).header("accept", "application/openmetrics-text; version=1.0.0");
    let open = open.send().await.unwrap();
    assert!(open.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert!(open.text().await.unwrap().ends_with("# EOF\n"));
    let text = target.client.get(&url).send().await.unwrap();
    assert_eq!(text.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for (name, labels, value) in [
        ("mcp_cache_hits_total", [("cache_type", "search")], 1),
        ("mcp_cache_misses_total", [("cache_type", "search")], 2),
        ("mcp_tool_execution_seconds_count", [("tool_name", "search")], 3),
        ("mcp_tool_success_rate", [("tool_name", "search")], 1),
        ("mcp_server_info", [("auth_enabled", "false")], 1),
    ] {
        assert_eq!(target.count(name, &labels).await, value, "{name}");
    }
    for name in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_threads",
        "process_start_time_seconds",
        "mcp_max_connections",
    ] {
        let text = target.text("/metrics").await;
        assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
    }
    assert!(target.metric("mcp_tokens_consumed_total", &[("model", "demo-model")]).await > 0.0);
}

#[tokio::test]
async fn a_container_is_told_of_when_asked_for() {
    let pod = [("pod", "mcp-server-demo")];
    let target = Target::start(&["--container-memory-limit", "64"]).await;
    assert_eq!(target.count("container_spec_memory_limit_bytes", &pod).await, 64 << 20);
    assert!(target.metric("container_memory_usage_bytes", &pod).await > 1e6);
    let plain = Target::start(&[]).await;
    assert!(!plain.text("/metrics").await.contains("container_"));
}

#[tokio::test]
async fn attacks_in_arguments_are_counted() {
    let target = Target::start(&[]).await;
    target.call("search", json!({"query": "' UNION SELECT password FROM users"})).await;
    target.call("search", json!({"query": "harmless"})).await;
    let labels = [("pattern_type", "injection_attempt"), ("endpoint", "/mcp/stateless")];
    assert_eq!(target.count("mcp_suspicious_requests_total", &labels).await, 1);
}

#[tokio::test]
async fn only_connections_that_carry_calls_count() {
    let target = Target::start(&["--max-connections", "1"]).await;
    let mcp = [("transport_type", "streamable_http")];
    target.get("/health").await;
    assert_eq!(target.count("mcp_active_connections", &mcp).await, 0);
    target.call("echo", json!({"text": "x"})).await;
    assert_eq!(target.count("mcp_active_connections", &mcp).await, 1);
    let url = format!("http://{}/mcp/stateless", target.demo.address());
    let second = reqwest::Client::builder().no_proxy().build().unwrap();
    let turned_away = second.post(url).json(&call("echo", json!({"text": "x"}))).send().await.unwrap();
    assert_eq!(turned_away.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(target.count("mcp_active_connections", &mcp).await, 1);
}

#[tokio::test]
async fn health_is_503_only_when_unhealthy() {
    let target = Target::start(&[]).await;
    for (faults, word, health, ready) in [
        (json!({}), "healthy", 200, 200),
        (json!({"degraded_at": "0s"}), "degraded", 200, 200),
        (json!({"degraded_at": "0s", "unhealthy_at": "0s"}), "unhealthy", 503, 503),
        (json!({"unhealthy_at": "1h"}), "healthy", 200, 200),
    ] {
        target.set_faults(&faults).await;
        assert_eq!(target.text("/health").await, word);
        assert_eq!(target.get("/health").await.status.as_u16(), health, "{word}");
        assert_eq!(target.get("/ready").await.status.as_u16(), ready, "{word}");
        assert_eq!(target.get("/live").await.status, StatusCode::OK);
        let detailed = target.get("/health?detailed=true").await;
        assert_eq!(detailed.status.as_u16(), health);
        let detailed = detailed.message();
        assert_eq!(detailed["status"], word);
        assert_eq!(detailed["checks"]["backend"]["status"], word);
        assert_eq!(detailed["checks"]["tools"]["status"], "healthy");
        assert!(detailed["checks"]["backend"]["duration_ms"].is_number());
        assert!(detailed["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn every_call_leaves_its_line_in_each_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let [log, audit, truth] = ["log", "audit", "truth"].map(path);
    let flags = ["--log", "--audit-log", "--truth"];
    let flags: Vec<&str> = flags
        .into_iter()
        .zip([&log, &audit, &truth])
        .flat_map(|(flag, path)| [flag, path.to_str().unwrap()])
        .collect();
    let target = Target::start(&flags).await;
    target.post("/mcp/stateless", &[], &initialize("2025-06-18")).await;
    let headers = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
    let arguments = json!({"text": "x", "nonce": "n", "api_key": "canary-1"});
    target.post("/mcp/stateless", &headers, &call("echo", arguments)).await;
    target.post("/tools/fail/execute", &[("x-request-id", "r-1")], &json!({})).await;
    target.demo.stop().await;

    let parse = |line: &String| serde_json::from_str::<Value>(line).unwrap();
    let logged: Vec<Value> = lines(&log).iter().map(parse).collect();
    let methods: Vec<_> = logged.iter().map(|line| &line["method"]).collect();
    assert_eq!(methods, ["initialize", "tools/call", "POST /tools/execute"]);
    assert_eq!(logged[1]["request_id"], "7");
    assert_eq!(logged[1]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((&logged[1]["tool_name"], &logged[1]["level"]), (&json!("echo"), &json!("INFO")));
    assert_eq!((&logged[2]["request_id"], &logged[2]["level"]), (&json!("r-1"), &json!("ERROR")));

    let audited: Vec<Value> = lines(&audit).iter().map(parse).collect();
    assert_eq!(audited.len(), 2);
    assert_eq!(audited[0]["args"], json!({"text": "x", "nonce": "n", "api_key": "***REDACTED***"}));
    assert_eq!((&audited[0]["success"], &audited[1]["success"]), (&json!(true), &json!(false)));

    let truth: Vec<Vec<String>> =
        lines(&truth).iter().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(truth.len(), 2);
    assert_eq!(truth[0][1..4], ["tools/call", "echo", "success"]);
    assert_eq!(truth[1][1..4], ["POST /tools/execute", "fail", "error"]);
    assert!(truth.iter().all(|line| line.len() == 6 && line[4].parse::<u64>().is_ok()));
    assert_eq!((truth[0][5].as_str(), truth[1][5].as_str()), ("ok", "tool_error"));
    assert!(!lines(&log).concat().contains("canary-1"));
}
