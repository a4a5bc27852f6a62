//! How the run gets its token by OAuth's client credentials: who it is, what proves that, and what it asks for.
//!
//! It knows nothing of requests, and nothing of where tokens come from but what the scenario says.

use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::{FixedText, SigningKey};
use crate::model::{Secret, without_credentials};

/// Client credentials (RFC 6749 section 4.4), as the authorization specification of MCP has them used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OAuth {
    /// What the authorization server calls the client.
    pub client_id: FixedText,
    /// How the client proves that it is that.
    pub proof: ClientProof,
    /// What the token is to be good for, by blanks; `None`: what the target asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Where tokens are given out; `None`: as the target's metadata says.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "write_without_credentials")]
    pub token_url: Option<Url>,
    /// Who shares a token.
    pub tokens: TokenSharing,
}

/// What proves a client's identity to the authorization server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientProof {
    /// A secret that both know. Where no way to send it is said, it is one that the server's metadata knows.
    Secret {
        /// The secret.
        secret: Secret,
        /// The way.
        method: Option<SecretMethod>,
    },
    /// A signed assertion for each token: `private_key_jwt` (RFC 7523).
    Key(SigningKey),
}

/// How a client secret is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretMethod {
    /// In the `Authorization` header.
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
}

/// Who shares a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSharing {
    /// All users have the same.
    #[default]
    Shared,
    /// Each user has its own.
    PerUser,
}

impl SecretMethod {
    /// Both of them, the one that is taken where nobody says first.
    pub const ALL: [Self; 2] = [Self::ClientSecretBasic, Self::ClientSecretPost];

    /// Its name in metadata and scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }
}

#[expect(clippy::ref_option, reason = "the shape serde's `serialize_with` asks for")]
fn write_without_credentials<S: Serializer>(url: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&without_credentials(url.as_ref().map_or("", Url::as_str)))
}
