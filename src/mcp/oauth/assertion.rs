//! A client's signed statement of who it is (RFC 7523 section 2.2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::plan::{SigningFault, SigningKey};

/// What `client_assertion_type` says of it.
pub(super) const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long it is good for: it is used at once, but clocks differ.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// The statement of `client`, made `now` for `audience`, that nobody makes twice.
pub(super) fn signed(
    key: &SigningKey,
    client: &str,
    audience: &str,
    now: SystemTime,
) -> Result<String, SigningFault> {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut number = [0; 16];
    aws_lc_rs::rand::fill(&mut number).map_err(|_| SigningFault::WrongKey(key.algorithm))?;
    let mut header = json!({"alg": key.algorithm.name(), "typ": "JWT"});
    if let Some(id) = &key.key_id {
        header["kid"] = id.as_str().into();
    }
    let claims = json!({
        "iss": client,
        "sub": client,
        "aud": audience,
        "jti": URL_SAFE_NO_PAD.encode(number),
        "iat": seconds,
        "exp": seconds + LIFE.as_secs(),
    });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
