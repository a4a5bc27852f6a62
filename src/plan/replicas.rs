//! Several URLs of one target, called in turn: what a load balancer does.

use serde::{Deserialize, Serialize};
use url::Url;

/// The URLs beside the target's own, and whose turn it is when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// The other URLs: of the same scheme, and for the same endpoint.
    pub others: Vec<Url>,
    /// When a user goes on to the next one.
    pub turn: Turn,
}

/// When a user goes on to the next URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// With each request, whatever session it belongs to: as behind a balancer that knows nothing of sessions.
    PerCall,
    /// With each session. Where there are no sessions, a user stays where it began.
    PerSession,
}

impl Turn {
    /// As scenarios write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerCall => "per_call",
            Self::PerSession => "per_session",
        }
    }
}
