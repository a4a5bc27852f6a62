//! The demo target's own authorization server, as small as MCP's authorization specification lets it be: metadata of the target
//! (RFC 9728) and of itself (RFC 8414), and tokens by client credentials, with a secret or a signed assertion.
//!
//! It is the target's own neighbour on one origin, under whatever name it is called by. Nothing of it is counted as a request.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, RawForm, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::form_urlencoded;

use super::assertion::{ALGORITHMS, client_of};
use super::auth::AuthFailure;
use super::connection::Peer;
use super::metrics::Endpoint;
use super::options::DemoOptions;
use super::shared::Shared;

pub(super) const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";
pub(super) const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
pub(super) const TOKEN: &str = "/oauth/token";
/// The one thing that a token is good for.
const SCOPE: &str = "demo:tools";
/// The paths of what tokens are for, beside the server as a whole.
pub(super) const RESOURCES: [&str; 2] = ["/mcp", "/mcp/stateless"];

/// `GET /.well-known/oauth-protected-resource`, and the same for the path of each MCP endpoint.
pub(super) async fn resource_metadata(headers: HeaderMap, uri: Uri) -> Response {
    let origin = origin(&headers);
    let path = uri.path().strip_prefix(RESOURCE_METADATA).unwrap_or_default();
    Json(json!({
        "resource": format!("{origin}{path}"),
        "authorization_servers": [origin],
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
    }))
    .into_response()
}

/// `GET /.well-known/oauth-authorization-server`.
pub(super) async fn server_metadata(headers: HeaderMap) -> Response {
    let origin = origin(&headers);
    Json(json!({
        "issuer": origin,
        "token_endpoint": format!("{origin}{TOKEN}"),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "scopes_supported": [SCOPE],
    }))
    .into_response()
}

/// `POST /oauth/token`.
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(link)): ConnectInfo<Peer>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    let now = shared.clock.now();
    let form: Vec<(String, String)> = form_urlencoded::parse(&form).into_owned().collect();
    let origin = origin(&headers);
    let asked = Asked { form: &form, headers: &headers, options: &shared.options, issuer: &origin };
    let refusal = match asked.judge(shared.clock.since_epoch(now)) {
        Ok(client) => {
            let (token, ttl) = shared.users.give(&client, now);
            let scope = asked.value("scope").unwrap_or(SCOPE);
            let body = json!({
                "access_token": token, "token_type": "Bearer", "expires_in": ttl.as_secs(), "scope": scope
            });
            return ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body))
                .into_response();
        }
        Err(refusal) => refusal,
    };
    let body = Json(json!({"error": refusal.error, "error_description": refusal.why}));
    if refusal.error != INVALID_CLIENT {
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    shared
        .users
        .count_failure(AuthFailure::InvalidCredentials, asked.value("client_id").unwrap_or("unknown"));
    shared.note_auth_failure(AuthFailure::InvalidCredentials, link.peer().ip());
    let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"gander-demo\""))];
    (StatusCode::UNAUTHORIZED, challenge, body).into_response()
}

/// What a refusal of the endpoint says beside the rest: where its metadata is.
pub(super) fn challenge(headers: &HeaderMap, endpoint: Endpoint) -> String {
    let path = match endpoint {
        Endpoint::Mcp | Endpoint::McpStateless => endpoint.as_str(),
        Endpoint::RestExecute => "",
    };
    format!("resource_metadata=\"{}{RESOURCE_METADATA}{path}\", scope=\"{SCOPE}\"", origin(headers))
}

const INVALID_CLIENT: &str = "invalid_client";

/// Why there is no token, in the words of RFC 6749 section 5.2 and RFC 8707.
struct Refusal {
    error: &'static str,
    why: &'static str,
}

const fn refusal(error: &'static str, why: &'static str) -> Refusal {
    Refusal { error, why }
}

/// A request for a token.
struct Asked<'a> {
    form: &'a [(String, String)],
    headers: &'a HeaderMap,
    options: &'a DemoOptions,
    issuer: &'a str,
}

impl Asked<'_> {
    /// Who gets a token; `now` is since the epoch.
    fn judge(&self, now: Duration) -> Result<String, Refusal> {
        if self.value("grant_type") != Some("client_credentials") {
            return Err(refusal("unsupported_grant_type", "only client_credentials"));
        }
        let client = self.client(now)?;
        if client != self.options.oauth_client_id {
            return Err(refusal(INVALID_CLIENT, "no such client"));
        }
        if self.value("scope").is_some_and(|scope| scope != SCOPE) {
            return Err(refusal("invalid_scope", "the only scope is demo:tools"));
        }
        let known = |resource: &str| {
            let path = resource.strip_prefix(self.issuer).map(|path| path.trim_end_matches('/'));
            path.is_some_and(|path| path.is_empty() || RESOURCES.contains(&path))
        };
        if !self.value("resource").is_some_and(known) {
            return Err(refusal(
                "invalid_target",
                "`resource` must name this server or one of its MCP endpoints",
            ));
        }
        Ok(client)
    }

    fn client(&self, now: Duration) -> Result<String, Refusal> {
        if let Some(assertion) = self.value("client_assertion") {
            let Some(key) = &self.options.oauth_public_key else {
                return Err(refusal(INVALID_CLIENT, "assertions need --oauth-public-key"));
            };
            return client_of(assertion, key, self.issuer, now).map_err(|why| refusal(INVALID_CLIENT, why));
        }
        let basic = self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (client, secret) = if let Some(pair) = basic.and_then(|value| value.strip_prefix("Basic ")) {
            pair_in(pair).ok_or(refusal(INVALID_CLIENT, "no name and password"))?
        } else {
            let both = self.value("client_id").zip(self.value("client_secret"));
            let (client, secret) = both.ok_or(refusal(INVALID_CLIENT, "nothing says who asks"))?;
            (client.to_owned(), secret.to_owned())
        };
        if secret != self.options.oauth_client_secret.expose() {
            return Err(refusal(INVALID_CLIENT, "wrong secret"));
        }
        Ok(client)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Name and password of a client, each encoded as in a form (RFC 6749 section 2.3.1).
fn pair_in(pair: &str) -> Option<(String, String)> {
    let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
    let (client, secret) = pair.split_once(':')?;
    let decoded = |text: &str| {
        form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    Some((decoded(client), decoded(secret)))
}

/// What the client calls this server.
fn origin(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}")
}
