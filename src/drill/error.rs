//! Why a drill could not be held.

use std::net::SocketAddr;

use crate::plan::ProxyError;

/// Why a drill could not be held, or not to its end. What Alertmanager says is cleaned; no credentials are in here.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// There is no alert to drill with.
    #[error("there is no alert to drill with")]
    NoAlerts,
    /// A name that would need quotes.
    #[error("a drill's name has letters, digits, `-`, `_` and `.` alone")]
    Name,
    /// The address can't be asked over HTTP.
    #[error("Alertmanager's address must be an `http` or `https` URL")]
    Address,
    /// A token with characters that HTTP does not allow.
    #[error("the token for Alertmanager has characters that HTTP does not allow")]
    Token,
    /// The environment names a proxy that can't be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The HTTP client could not be set up.
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The webhook's address can't be listened on.
    #[error("can't listen for the webhook on {address}")]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The webhook would listen to others than this machine.
    #[error("the webhook listens on a loopback address alone, and {0} is none")]
    NotLoopback(SocketAddr),
    /// No answer.
    #[error("Alertmanager gave no answer when it was asked to {action}")]
    NoAnswer {
        /// What was asked.
        action: &'static str,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is no success.
    #[error("Alertmanager was asked to {action} and said {status}: {said}")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// The HTTP status.
        status: u16,
        /// The beginning of its answer.
        said: String,
    },
    /// An answer that makes no sense.
    #[error("Alertmanager was asked to {action}, and its answer is not that of its API, version 2")]
    Malformed {
        /// What was asked.
        action: &'static str,
    },
    /// The silence did not come into force; no alert was posted.
    #[error("the silence {id} is not active yet, so no alert was posted")]
    NotSilenced {
        /// The silence.
        id: String,
    },
}

impl DrillError {
    /// True when nobody answered.
    pub fn is_no_answer(&self) -> bool {
        matches!(self, Self::NoAnswer { .. })
    }
}
