//! The plain REST face: log in, list the tools, run a tool. A tool's result is 200; arguments that do not fit are 400, an
//! unknown tool is 404, a tool that failed is 500, as a plain web service would have it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Call, Ending, Method, ToolLabel};
use super::connection::Peer;
use super::gate::{Arrival, admit, unauthorized};
use super::metrics::{Endpoint, Transport};
use super::oauth::challenge;
use super::shared::{ExecuteError, Shared};
use super::tools::ToolError;

/// The largest request that is read.
const MAX_REQUEST: usize = 4 << 20;

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// `POST /auth/token`.
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(link)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let at = shared.clock.now();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST).await.unwrap_or_default();
    let arrival = arrival(at, Method::RestToken, ToolLabel::None, &parts.headers, None);
    let (call, _) = match admit(&shared, &link, arrival).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let Ok(login) = serde_json::from_slice::<Login>(&body) else {
        let message = "the body must be a JSON object with `username` and `password`";
        return failed(call, StatusCode::BAD_REQUEST, Ending::HttpError, "invalid_request", message);
    };
    match shared.users.log_in(&login.username, &login.password, at) {
        Ok((token, ttl)) => {
            let body = json!({"access_token": token, "token_type": "bearer", "expires_in": ttl.as_secs()});
            succeeded(call, &body)
        }
        Err(failure) => {
            let mut call = call;
            call.end(Ending::HttpError, 0);
            unauthorized(&shared, &link, failure, &challenge(&parts.headers, Endpoint::RestExecute))
        }
    }
}

/// `GET /tools`.
pub(super) async fn list_tools(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(link)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let at = shared.clock.now();
    let arrival = arrival(at, Method::RestTools, ToolLabel::None, request.headers(), None);
    match admit(&shared, &link, arrival).await {
        Ok((call, _)) => {
            let tools: Vec<_> = shared.definitions().collect();
            succeeded(call, &json!({"tools": tools}))
        }
        Err(refusal) => refusal,
    }
}

/// `POST /tools/{name}/execute`.
pub(super) async fn execute(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(link)): ConnectInfo<Peer>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let at = shared.clock.now();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST).await.unwrap_or_default();
    let arguments = std::str::from_utf8(&body).ok();
    let arrival = arrival(at, Method::RestExecute, shared.tool_label(&name), &parts.headers, arguments);
    let (call, ticket) = match admit(&shared, &link, arrival).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let Some(tool) = shared.tool(&name) else {
        return failed(call, StatusCode::NOT_FOUND, Ending::HttpError, "unknown_tool", "no such tool");
    };
    let Ok(Value::Object(arguments)) = serde_json::from_slice(&body) else {
        let message = "the body must be a JSON object with the tool's arguments";
        return failed(call, StatusCode::BAD_REQUEST, Ending::HttpError, "invalid_request", message);
    };
    match shared.execute(tool, &arguments, &ticket, None).await {
        Ok(result) => succeeded(call, &json!({"tool": name, "result": result})),
        Err(ExecuteError::Tool(error @ ToolError::Arguments(_))) => {
            let message = error.to_string();
            failed(call, StatusCode::BAD_REQUEST, Ending::ToolError, "invalid_arguments", &message)
        }
        Err(ExecuteError::Tool(ToolError::Failed(message))) => {
            failed(call, StatusCode::INTERNAL_SERVER_ERROR, Ending::ToolError, "tool_error", &message)
        }
        Err(ExecuteError::Internal) => {
            let (status, message) = (StatusCode::INTERNAL_SERVER_ERROR, "injected internal error");
            failed(call, status, Ending::HttpError, "internal_error", message)
        }
    }
}

fn arrival<'a>(
    at: Duration,
    method: Method,
    tool: ToolLabel,
    headers: &'a HeaderMap,
    arguments: Option<&'a str>,
) -> Arrival<'a> {
    let (transport, endpoint) = (Transport::Rest, Endpoint::RestExecute);
    Arrival { at, transport, endpoint, method, tool, headers, id: None, arguments }
}

fn succeeded(call: Call, body: &Value) -> Response {
    ended(call, StatusCode::OK, Ending::Success, body)
}

fn failed(call: Call, status: StatusCode, ending: Ending, kind: &str, message: &str) -> Response {
    ended(call, status, ending, &json!({"error": {"type": kind, "message": message}}))
}

fn ended(mut call: Call, status: StatusCode, ending: Ending, body: &Value) -> Response {
    let text = serde_json::to_vec(body).expect("a JSON value has a text");
    call.end(ending, text.len());
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The answer to a path that does not exist.
pub(super) async fn not_found() -> Response {
    let body = Json(json!({"error": {"type": "not_found", "message": "no such path"}}));
    (StatusCode::NOT_FOUND, body).into_response()
}
