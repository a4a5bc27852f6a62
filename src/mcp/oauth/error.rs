//! Why no token can be had. What a server said in them is cleaned before it gets here.

use url::Url;

use crate::model::without_credentials;
use crate::plan::SigningFault;

/// Why no token can be asked for, or none was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// A host that load may not go to.
    #[error(
        "nothing may be sent to `{host}`, where {what} is: if it is to see these credentials, write `allow_hosts: \
         [\"{host}\"]` in the scenario or `--allow-host {host}`"
    )]
    Stranger {
        /// The host.
        host: String,
        /// What would be sought there.
        what: &'static str,
    },
    /// Anybody on the way could read along.
    #[error(
        "{what} at `{}` would be asked in the clear: only `https` and this machine may see credentials",
        shown(url)
    )]
    InTheClear {
        /// Where it is.
        url: Box<Url>,
        /// What would be sought there.
        what: &'static str,
    },
    /// A request on the way to the token failed.
    #[error("`{step}` at `{}` failed: {reason}", shown(url))]
    Failed {
        /// The step's name.
        step: String,
        /// Where it was sent.
        url: Box<Url>,
        /// Why, cleaned.
        reason: String,
    },
    /// Nobody says where tokens for the target are given out.
    #[error(
        "the target does not say where tokens are given out (no metadata at {}): write `token_url` under `oauth`",
        tried.join(", ")
    )]
    NoResourceMetadata {
        /// Where it was sought, with how each place answered.
        tried: Vec<String>,
    },
    /// A document that could be anybody's.
    #[error(
        "the target's refusal names metadata at `{found}`, which is not on its own origin: it is not followed"
    )]
    ElsewhereMetadata {
        /// Where it was said to be, cleaned.
        found: String,
    },
    /// Metadata of something else.
    #[error(
        "the metadata at `{}` is for `{resource}`, which is not the target (RFC 9728 section 3.3)",
        shown(found_at)
    )]
    OtherResource {
        /// For what it says it is, cleaned.
        resource: String,
        /// Where it was.
        found_at: Box<Url>,
    },
    /// Metadata that can't be used.
    #[error("the metadata at `{}` {fault}", shown(found_at))]
    BadMetadata {
        /// Where it was.
        found_at: Box<Url>,
        /// What is wrong with it, cleaned.
        fault: String,
    },
    /// The authorization server does not say where it gives out tokens.
    #[error("the authorization server `{issuer}` has no metadata (tried {}): write `token_url` under `oauth`", tried.join(", "))]
    NoServerMetadata {
        /// Who was asked, cleaned.
        issuer: String,
        /// Where it was sought, with how each place answered.
        tried: Vec<String>,
    },
    /// Metadata of another authorization server.
    #[error(
        "the metadata at `{}` is that of `{said}`, not of `{issuer}` (RFC 8414 section 3.3)",
        shown(found_at)
    )]
    OtherIssuer {
        /// Who was asked, cleaned.
        issuer: String,
        /// Who answered, cleaned.
        said: String,
        /// Where it was.
        found_at: Box<Url>,
    },
    /// The assertion could not be signed.
    #[error("the assertion can't be signed")]
    Signing(#[from] SigningFault),
}

fn shown(url: &Url) -> String {
    without_credentials(url.as_str()).into_owned()
}
