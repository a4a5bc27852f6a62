//! What every call passes on either face before its work begins: it is noted down for counting, its user is known, its
//! connection counted, its arguments inspected, and the faults that need no tool strike here.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::auth::AuthFailure;
use super::call::{Asked, Call, Ending, Facts, Method, ToolLabel};
use super::connection::Link;
use super::faults::{Failure, Fate};
use super::metrics::{Endpoint, Transport};
use super::oauth::challenge;
use super::shared::{Shared, Ticket};

/// A call at the gate.
pub(super) struct Arrival<'a> {
    /// Since the start of the server.
    pub(super) at: Duration,
    pub(super) transport: Transport,
    pub(super) endpoint: Endpoint,
    pub(super) method: Method,
    pub(super) tool: ToolLabel,
    pub(super) headers: &'a HeaderMap,
    /// The JSON-RPC id as it stands in the JSON text.
    pub(super) id: Option<&'a str>,
    /// The tool's arguments as they stand in the JSON text.
    pub(super) arguments: Option<&'a str>,
}

/// Lets a call in, or gives the answer that turns it away; who is turned away is counted.
pub(super) async fn admit(
    shared: &Arc<Shared>,
    link: &Link,
    arrival: Arrival<'_>,
) -> Result<(Call, Ticket), Response> {
    let faults = shared.faults.get();
    let authenticated = if arrival.method == Method::RestToken {
        Ok(shared.users.anonymous())
    } else {
        shared.users.authenticate(arrival.headers.get(header::AUTHORIZATION), arrival.at)
    };
    let user = authenticated.as_ref().map_or_else(|_| shared.users.anonymous(), Arc::clone);
    let facts = Facts {
        arrived: arrival.at,
        method: arrival.method,
        tool: arrival.tool,
        user: user.clone(),
        faults: faults.clone(),
        asked: shared.journal.is_on().then(|| arrival.asked()),
    };
    let mut call = Call::new(shared.clone(), facts);
    if let Err(failure) = authenticated {
        call.end(Ending::HttpError, 0);
        return Err(unauthorized(shared, link, failure, &challenge(arrival.headers, arrival.endpoint)));
    }
    if !link.carry_call(arrival.transport) {
        call.end(Ending::HttpError, 0);
        return Err(unavailable("too many connections"));
    }
    if let Some(arguments) = arrival.arguments {
        shared.inspect(arguments, arrival.endpoint);
    }
    let Some(faults) = faults else { return Ok((call, Ticket { user, fate: Fate::default() })) };
    shared.overhear(
        &faults,
        arrival.headers.get("x-api-key").or_else(|| arrival.headers.get(header::AUTHORIZATION)),
    );
    shared.thaw().await;
    if faults.is_out(shared.clock.now()) {
        call.end(Ending::HttpError, 0);
        return Err(unavailable("injected outage"));
    }
    if arrival.method == Method::Initialize {
        shared.leak(&faults);
    }
    let fate = if arrival.method.calls_a_tool() { faults.next_fate() } else { Fate::default() };
    match fate.failure {
        Some(Failure::Reset) => {
            tokio::time::sleep(fate.delay).await;
            call.end(Ending::Aborted, 0);
            link.reset();
            Err(unavailable("injected reset"))
        }
        Some(Failure::Http) => {
            tokio::time::sleep(fate.delay).await;
            call.end(Ending::HttpError, 0);
            Err(unavailable("injected HTTP error"))
        }
        Some(Failure::Lose) => {
            tokio::time::sleep(fate.delay).await;
            call.lose();
            // Until the client has closed its connection.
            std::future::pending().await
        }
        Some(Failure::Rpc | Failure::Tool | Failure::Duplicate | Failure::Session) | None => {
            Ok((call, Ticket { user, fate }))
        }
    }
}

/// The answer to who has no valid token; `more` of its challenge says where one is to be had. It was counted as a failure when the token was looked at.
pub(super) fn unauthorized(shared: &Shared, link: &Link, failure: AuthFailure, more: &str) -> Response {
    shared.note_auth_failure(failure, link.peer().ip());
    let challenge = match failure {
        AuthFailure::MissingToken | AuthFailure::InvalidCredentials => "Bearer realm=\"gander-demo\"",
        AuthFailure::InvalidToken | AuthFailure::ExpiredToken => {
            "Bearer realm=\"gander-demo\", error=\"invalid_token\""
        }
    };
    let challenge = format!("{challenge}, {more}");
    let body = Json(json!({"error": {"type": failure.as_str(), "message": "not authenticated"}}));
    let challenge = HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
    let challenge = [(header::WWW_AUTHENTICATE, challenge)];
    (StatusCode::UNAUTHORIZED, challenge, body).into_response()
}

fn unavailable(message: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, message).into_response()
}

impl Arrival<'_> {
    fn asked(&self) -> Asked {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let id = self.id.map(|id| serde_json::from_str::<Id>(id).map_or_else(|_| id.to_owned(), |id| id.0));
        Asked {
            request_id: header("x-request-id").map(str::to_owned).or(id),
            trace_id: header("traceparent").and_then(|parent| parent.split('-').nth(1)).map(str::to_owned),
            authorization: header("authorization").map(str::to_owned),
            arguments: self.arguments.map(str::to_owned),
        }
    }
}

/// A JSON-RPC id that is a string.
#[derive(Deserialize)]
struct Id(String);
