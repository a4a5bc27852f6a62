//! A run marked on the dashboards of a Grafana: one request, limited in time and size.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Serialize;

use super::ObserveError;
use super::http::{Asker, Fetcher};
use crate::model::Secret;
use crate::plan::{GrafanaPlace, Proxies};

/// Grafana has so long to answer.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// What is read of its answer, in bytes.
const BODY_LIMIT: usize = 64 << 10;

/// What is said of a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// When it began, in milliseconds since 1970.
    pub time: i64,
    /// When it was over.
    #[serde(rename = "timeEnd")]
    pub time_end: i64,
    /// What it is found by.
    pub tags: Vec<String>,
    /// What is shown.
    pub text: String,
    /// The one dashboard that it is shown on.
    #[serde(rename = "dashboardUID", skip_serializing_if = "Option::is_none")]
    pub dashboard_uid: Option<String>,
}

/// A Grafana was not told.
#[derive(Debug, thiserror::Error)]
pub enum AnnotationError {
    /// The request could not be made.
    #[error(transparent)]
    Setup(#[from] ObserveError),
    /// The token can't be sent.
    #[error("the token has characters that HTTP does not allow")]
    Token,
    /// There was no answer.
    #[error("no answer ({0})")]
    NoReply(&'static str),
    /// It did not take it.
    #[error("HTTP {0}{hint}", hint = hint(*.0))]
    Refused(u16),
}

fn hint(status: u16) -> &'static str {
    match status {
        401 => ": is the token that of a service account, and is it still good?",
        403 => ": the service account may not write annotations",
        404 => ": is this a Grafana, and is `dashboard_uid` one of its dashboards?",
        _ => "",
    }
}

/// Tells the Grafana at `place`.
///
/// # Errors
/// It was not told, or did not say so in time.
pub async fn annotate(
    place: &GrafanaPlace,
    annotation: &Annotation,
    token: Option<&Secret>,
    user_agent: &str,
    proxies: &Proxies,
) -> Result<(), AnnotationError> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let text = format!("Bearer {}", token.expose());
        let mut value = HeaderValue::from_str(&text).map_err(|_| AnnotationError::Token)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let mut url = place.url.clone();
    url.set_path(&format!("{}/api/annotations", place.url.path().trim_end_matches('/')));
    let asker = Asker { user_agent, proxies };
    let fetcher = Fetcher::elsewhere(asker, url.clone(), headers, TIME_LIMIT, BODY_LIMIT)?;
    let body = serde_json::to_vec(annotation).expect("texts and numbers are JSON");
    let reply =
        fetcher.post_json(url, body).await.map_err(|no_reply| AnnotationError::NoReply(no_reply.word()))?;
    if (200..300).contains(&reply.status) { Ok(()) } else { Err(AnnotationError::Refused(reply.status)) }
}
