//! Where a target's structured log is, and what it calls the fields of its lines.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// Where the lines of a log are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPlace {
    /// A file that grows by a line of JSON for each event; it may be rotated.
    File(PathBuf),
    /// An index of an Elasticsearch, or of whatever speaks its API.
    Elasticsearch(LogIndex),
}

/// An index of an Elasticsearch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIndex {
    /// Where its API begins; without credentials.
    pub url: Url,
    /// The index, the alias or the pattern.
    pub index: String,
    /// The environment variable that holds the whole value of the `Authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_env: Option<String>,
}

impl LogPlace {
    /// The environment variable that holds what proves who asks.
    pub fn authorization_env(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Elasticsearch(index) => index.authorization_env.as_deref(),
        }
    }

    /// As reports call it.
    pub fn text(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Elasticsearch(LogIndex { url, index, .. }) => {
                format!("{}/{index}", url.as_str().trim_end_matches('/'))
            }
        }
    }
}

/// What a log calls the fields of its lines: names, or paths into nested objects with dots. What has an empty name is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFields {
    /// When it happened: RFC 3339 (without a zone: UTC), or seconds, milliseconds or more since 1970.
    pub time: String,
    /// How bad it is: a word, a number, or whether it went well.
    pub level: String,
    /// What happened.
    pub message: String,
    /// How long the request took.
    pub duration: String,
    /// True where that is in seconds; else it is in milliseconds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_seconds: bool,
    /// Which request it was, by its JSON-RPC id: the first of these that tells counts.
    pub id: Vec<String>,
}

impl Default for LogFields {
    /// As the MCP monitoring guide has them.
    fn default() -> Self {
        Self {
            time: "timestamp".to_owned(),
            level: "level".to_owned(),
            message: "message".to_owned(),
            duration: "duration_ms".to_owned(),
            in_seconds: false,
            id: vec!["request_id".to_owned()],
        }
    }
}
