//! The same load as written by somebody who uses Goose as its guide shows it: `user.request`, then the reply as JSON.
//!
//! Reads `COMPARE_BODY` (the request), `COMPARE_PATH`, and Goose's own arguments (`--host`, `--users`, ...).
//! Exits 1 when a call failed.

use std::process::ExitCode;
use std::sync::LazyLock;

use goose::goose::GooseMethod;
use goose::prelude::*;
use serde_json::Value;

static BODY: LazyLock<String> = LazyLock::new(|| variable("COMPARE_BODY"));
static PATH: LazyLock<String> = LazyLock::new(|| variable("COMPARE_PATH"));
static ID: LazyLock<Value> = LazyLock::new(|| {
    let mut body: Value = serde_json::from_str(&BODY).expect("COMPARE_BODY is JSON");
    body["id"].take()
});

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

async fn call(user: &mut GooseUser) -> TransactionResult {
    let request = user
        .get_request_builder(&GooseMethod::Post, &PATH)?
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .body(BODY.as_str());
    let request = GooseRequest::builder().path(PATH.as_str()).set_request_builder(request).build();
    let mut answer = user.request(request).await?;
    let text = match answer.response {
        Ok(response) => response.text().await.unwrap_or_default(),
        Err(_) => return Ok(()),
    };
    let reply: Value = serde_json::from_str(&text).unwrap_or_default();
    if reply["id"] != *ID || !reply["result"].is_object() || reply["result"]["isError"] == true {
        return user.set_failure("not the answer", &mut answer.request, None, Some(&text));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<ExitCode, GooseError> {
    let metrics = GooseAttack::initialize()?
        .register_scenario(scenario!("calls").register_transaction(transaction!(call)))
        .execute()
        .await?;
    let failed: usize = metrics.requests.values().map(|request| request.fail_count).sum();
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
