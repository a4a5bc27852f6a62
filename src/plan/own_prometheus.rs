//! The user's own Prometheus, which is asked for series in place of the target.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::Secret;

/// A Prometheus that scrapes the target already, or whatever speaks its HTTP API. Secrets in it are never written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPrometheus {
    /// Where its API begins, up to `/api/v1`; without credentials.
    pub url: Url,
    /// Matchers, such as `{job="mcp-server"}`, that every series which is asked for must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
    /// What each request to it carries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// How often it is asked; `None`: as often as it scrapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}
