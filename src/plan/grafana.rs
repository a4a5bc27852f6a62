//! A Grafana that is told of a run when it is over.

use serde::{Deserialize, Serialize};
use url::Url;

/// Where a run is marked on dashboards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrafanaPlace {
    /// Where Grafana is, up to `/api`; without credentials.
    pub url: Url,
    /// The environment variable that holds the token of a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// The one dashboard that is marked; `None`: all that show annotations with one of the tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard_uid: Option<String>,
    /// Beside `gander` and the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
