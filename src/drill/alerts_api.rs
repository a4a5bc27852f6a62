//! The few requests of Alertmanager's API, version 2, that a drill needs: limited in time and size, never redirected.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{DrillError, DrillOptions, LABEL};
use crate::model::{Labels, clean_text};

/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 16 << 20;
/// A request that takes longer has no answer.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// One Alertmanager.
pub(super) struct AlertsApi {
    client: Client,
    base: Url,
}

/// An alert as Alertmanager has it.
#[derive(Debug, Deserialize)]
pub(super) struct HeldAlert {
    pub(super) labels: Labels,
    pub(super) fingerprint: String,
    pub(super) receivers: Vec<Named>,
    pub(super) status: Status,
}

/// A receiver.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// What Alertmanager makes of an alert.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) silenced_by: Vec<String>,
    pub(super) inhibited_by: Vec<String>,
}

impl AlertsApi {
    pub(super) fn new(options: &DrillOptions) -> Result<Self, DrillError> {
        let mut base = options.alertmanager.clone();
        if !matches!(base.scheme(), "http" | "https") {
            return Err(DrillError::Address);
        }
        let mut headers = HeaderMap::new();
        if let Some(secret) = &options.authorization {
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| DrillError::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        base.set_query(None);
        base.set_fragment(None);
        let path = format!("{}/api/v2/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let mut client = Client::builder();
        client = match options.proxies.of(&base)? {
            None => client.no_proxy(),
            Some(proxy) => {
                let mut through = reqwest::Proxy::all(proxy.url.clone()).map_err(DrillError::Client)?;
                if let Some(authorization) = &proxy.authorization {
                    let value =
                        HeaderValue::from_str(authorization.expose()).map_err(|_| DrillError::Token)?;
                    through = through.custom_http_auth(value);
                }
                client.proxy(through)
            }
        };
        let client = client
            .default_headers(headers)
            .user_agent(options.user_agent.as_str())
            .redirect(Policy::none())
            .timeout(TIME_LIMIT)
            .build()
            .map_err(DrillError::Client)?;
        Ok(Self { client, base })
    }

    /// Which version of Alertmanager it is.
    pub(super) async fn version(&self) -> Result<String, DrillError> {
        const ACTION: &str = "tell its status";
        let status = self.ask(Method::GET, "status", &[], None, ACTION).await?;
        let version = status.pointer("/versionInfo/version").and_then(Value::as_str);
        version.map(clean_text).ok_or(DrillError::Malformed { action: ACTION })
    }

    /// Keeps everything that carries the drill's name quiet until `until`; gives back the silence's id. It begins in the past,
    /// so that clocks which differ do not put it off.
    pub(super) async fn silence(
        &self,
        drill: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, DrillError> {
        const ACTION: &str = "silence the drill";
        let begins = now.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap_or(now);
        let body = json!({
            "matchers": [{"name": LABEL, "value": drill, "isRegex": false, "isEqual": true}],
            "startsAt": begins.to_string(),
            "endsAt": until.to_string(),
            "createdBy": "gander",
            "comment": "A load test tries its alerts: nobody is to be told of them.",
        });
        let answer = self.ask(Method::POST, "silences", &[], Some(body), ACTION).await?;
        let id = answer.get("silenceID").and_then(Value::as_str).filter(|id| is_plain(id));
        id.map(str::to_owned).ok_or(DrillError::Malformed { action: ACTION })
    }

    /// True when the silence is in force.
    pub(super) async fn is_silent(&self, id: &str) -> Result<bool, DrillError> {
        const ACTION: &str = "show the silence";
        let silence = self.ask(Method::GET, &format!("silence/{id}"), &[], None, ACTION).await?;
        Ok(silence.pointer("/status/state").and_then(Value::as_str) == Some("active"))
    }

    /// Ends a silence.
    pub(super) async fn lift(&self, id: &str) -> Result<(), DrillError> {
        self.ask(Method::DELETE, &format!("silence/{id}"), &[], None, "lift the silence").await.map(|_| ())
    }

    /// Says that `alerts` fire from `begins` until `ends`, which is over when it is past.
    pub(super) async fn post(
        &self,
        alerts: &[Labels],
        begins: Timestamp,
        ends: Timestamp,
    ) -> Result<(), DrillError> {
        let one = |labels: &Labels| {
            json!({
                "labels": labels,
                "annotations": {"summary": "A load test tries this alert: nothing is wrong."},
                "startsAt": begins.to_string(),
                "endsAt": ends.to_string(),
            })
        };
        let body = alerts.iter().map(one).collect();
        self.ask(Method::POST, "alerts", &[], Some(body), "take the alerts").await.map(|_| ())
    }

    /// Every alert of the drill that fires.
    pub(super) async fn alerts(&self, drill: &str) -> Result<Vec<HeldAlert>, DrillError> {
        const ACTION: &str = "list the alerts";
        let filter = format!("{LABEL}=\"{drill}\"");
        let answer = self.ask(Method::GET, "alerts", &[("filter", &filter)], None, ACTION).await?;
        serde_json::from_value(answer).map_err(|_| DrillError::Malformed { action: ACTION })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
        action: &'static str,
    ) -> Result<Value, DrillError> {
        // The URL may have credentials in it.
        let no_answer = |error: reqwest::Error| DrillError::NoAnswer { action, source: error.without_url() };
        let mut url = self.base.join(path).map_err(|_| DrillError::Address)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut response = request.send().await.map_err(no_answer)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_BYTES {
                return Err(DrillError::Malformed { action });
            }
        }
        if !status.is_success() {
            let said = clean_text(String::from_utf8_lossy(&bytes).trim());
            return Err(DrillError::Refused { action, status: status.as_u16(), said });
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| DrillError::Malformed { action })
    }
}

/// An id that can stand in a path and in a message.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 100 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
