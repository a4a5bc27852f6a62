//! The REST face, and the tokens that both faces ask for.

use super::*;

async fn log_in(target: &Target) -> String {
    let login = json!({"username": "ann", "password": "test_pass"});
    let answer = target.post("/auth/token", &[], &login).await.message();
    assert_eq!(answer["token_type"], "bearer");
    assert_eq!(answer["expires_in"], 3600);
    format!("Bearer {}", answer["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_plain_client_lists_and_runs_tools() {
    let target = Target::start(&[]).await;
    let tools = target.get("/tools").await.message();
    assert_eq!(tools["tools"].as_array().unwrap().len(), 5);
    assert_eq!(tools["tools"][0]["inputSchema"]["required"], json!(["query"]));
    for (path, body, status) in [
        ("/tools/search/execute", r#"{"query":"x"}"#, 200),
        ("/tools/calculate/execute", r#"{"expression":"1+1"}"#, 200),
        ("/tools/calculate/execute", r#"{"expression":"1+"}"#, 500),
        ("/tools/calculate/execute", r#"{"expr":"1"}"#, 400),
        ("/tools/calculate/execute", "nonsense", 400),
        ("/tools/nope/execute", "{}", 404),
        ("/nowhere", "{}", 404),
    ] {
        let answer = target.send(Method::POST, path, &[], body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}");
        assert_eq!(answer.message().get("error").is_some(), status >= 400, "{path} {body}");
    }
    let requests = async |tool, status| target.requests("POST /tools/execute", tool, status).await;
    assert_eq!(requests("search", "success").await, 1);
    assert_eq!(requests("calculate", "success").await, 1);
    assert_eq!(requests("calculate", "error").await, 3);
    assert_eq!(requests("unknown", "error").await, 1);
    assert_eq!(target.requests("GET /tools", "none", "success").await, 1);
}

#[tokio::test]
async fn both_faces_ask_for_a_token_when_told_to() {
    let target = Target::start(&["--require-auth"]).await;
    let echo = call("echo", json!({"text": "x"}));
    let text = json!({"text": "x"});
    for (path, body) in [("/mcp", &echo), ("/mcp/stateless", &echo), ("/tools/echo/execute", &text)] {
        let answer = target.post(path, &[], body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.headers.contains_key("www-authenticate"), "{path}");
    }
    let wrong = json!({"username": "ann", "password": "guess"});
    assert_eq!(target.post("/auth/token", &[], &wrong).await.status, StatusCode::UNAUTHORIZED);
    let token = log_in(&target).await;
    let headers = [("authorization", token.as_str())];
    for (path, body) in [("/mcp/stateless", &echo), ("/tools/echo/execute", &text)] {
        assert_eq!(target.post(path, &headers, body).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(target.requests("tools/call", "echo", "error").await, 2);
    assert_eq!(target.requests("tools/call", "echo", "success").await, 1);
    assert_eq!(target.requests("POST /auth/token", "none", "error").await, 1);
    assert_eq!(target.requests("POST /auth/token", "none", "success").await, 1);
    let missing = [("reason", "missing_token")];
    assert_eq!(target.count("mcp_auth_failures_total", &missing).await, 3);
    let wrong = [("reason", "invalid_credentials"), ("user", "ann")];
    assert_eq!(target.count("mcp_auth_failures_total", &wrong).await, 1);
    let calls = [("user_id", "ann"), ("plan_type", "free")];
    assert_eq!(target.count("mcp_api_calls_per_user_total", &calls).await, 2);
    assert_eq!(target.get("/health").await.status, StatusCode::OK);
}
