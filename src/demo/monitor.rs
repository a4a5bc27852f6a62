//! What monitoring asks (`/metrics`, `/health`, `/ready`, `/live`), and the control route that sets the faults. None of
//! it is counted or frozen, and delayed only where the faults say so.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::connection::{Link, Peer};
use super::health::Status;
use super::metrics::Format;
use super::options::FaultOptions;
use super::shared::Shared;

/// `GET /metrics`.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let format = Format::asked_for(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    let text = shared.metrics_text(format).await;
    ([(header::CONTENT_TYPE, format.content_type())], text).into_response()
}

#[derive(Deserialize)]
pub(super) struct HealthQuery {
    #[serde(default)]
    detailed: bool,
}

/// `GET /health[?detailed=true]`: 503 when unhealthy, 200 otherwise.
pub(super) async fn health(State(shared): State<Arc<Shared>>, Query(query): Query<HealthQuery>) -> Response {
    shared.linger().await;
    let mut health = shared.health().await;
    if shared.faults.get().is_some_and(|faults| faults.hides_ill_health()) {
        health = health.varnished();
    }
    let status = match health.status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    if query.detailed {
        (status, Json(health)).into_response()
    } else {
        (status, health.status.as_str()).into_response()
    }
}

/// `GET /ready`: 503 when unhealthy.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.linger().await;
    if shared.is_ready().await { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `GET /live`: the process answers, but for a fault.
pub(super) async fn live(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.linger().await;
    let fails = shared.faults.get().is_some_and(|faults| faults.fails_to_live(shared.clock.now()));
    if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

/// `GET /control/faults`: the faults in force, as they were asked for.
pub(super) async fn show_faults(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(link)): ConnectInfo<Peer>,
) -> Response {
    if let Some(refusal) = refuse_stranger(&link) {
        return refusal;
    }
    match shared.faults.get() {
        Some(faults) => Json(faults.options()).into_response(),
        None => Json(FaultOptions::default()).into_response(),
    }
}

/// `POST /control/faults`: replaces all faults by those in the body; `{}` ends them all. Times count from now.
pub(super) async fn set_faults(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(link)): ConnectInfo<Peer>,
    body: Bytes,
) -> Response {
    if let Some(refusal) = refuse_stranger(&link) {
        return refusal;
    }
    let options = match serde_json::from_slice::<FaultOptions>(&body) {
        Ok(options) => options,
        Err(error) => return refuse(&error),
    };
    if let Err(error) = options.check() {
        return refuse(&error);
    }
    let answer = Json(&options).into_response();
    shared.faults.set(options, shared.clock.now());
    answer
}

fn refuse(error: &dyn std::error::Error) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response()
}

fn refuse_stranger(link: &Link) -> Option<Response> {
    (!is_local(link.peer().ip())).then(|| (StatusCode::FORBIDDEN, "only from this machine").into_response())
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_may_control() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_local(address.parse().unwrap()), expected, "{address}");
        }
    }
}
