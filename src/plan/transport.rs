//! How the target is reached: which version of HTTP is spoken, and who is trusted over TLS.

use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::{FixedText, Replicas};
use crate::model::Secret;

/// How the target is reached, where the scenario says more than its URL.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transport {
    /// How messages travel.
    #[serde(default, skip_serializing_if = "CarriageChoice::is_auto")]
    pub carriage: CarriageChoice,
    /// Which version of HTTP calls speak.
    pub http: HttpVersion,
    /// Who is trusted, and who we are. Of no meaning for a URL of `http`.
    pub tls: Tls,
    /// The other URLs of the target. Readers from before these call the first alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
}

/// How messages are to travel over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriageChoice {
    /// Streamable HTTP; where the target does not know it, HTTP+SSE.
    #[default]
    Auto,
    /// Streamable HTTP and nothing else.
    StreamableHttp,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

/// A version of HTTP. No other is offered to the server, and none is fallen back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2: by ALPN over TLS, with prior knowledge over plain text.
    #[serde(rename = "2")]
    Http2,
}

/// Trust over TLS.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tls {
    /// Certificate authorities that are trusted beside those of the platform.
    pub ca: Option<PemFile>,
    /// What the client proves itself with, where the server asks for it.
    pub client: Option<ClientCertificate>,
    /// True when the server's certificate is taken whatever it says: anybody on the way could be the server.
    pub insecure: bool,
}

/// A client's certificate and the key that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// The certificate, and those that vouch for it.
    pub certificate: PemFile,
    /// Its private key.
    pub key: PemFile,
}

/// A PEM file and what was in it when the scenario was read. Written out and printed it is its path alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "FixedText", into = "FixedText")]
pub struct PemFile {
    path: FixedText,
    content: Secret,
}

/// What is wrong with a PEM file. It quotes nothing of the file: that may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// The lines between the marks can't be read.
    #[error("it is damaged: a section has no end, or is not base64")]
    Damaged,
    /// It is of another kind.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// A section says that it is a certificate, and is none.
    #[error("a certificate in it can't be read")]
    BadCertificate,
    /// It is of another kind.
    #[error("there is no private key in it")]
    NoKey,
    /// There is nobody who could be asked for the passphrase.
    #[error("the private key in it is encrypted")]
    EncryptedKey,
    /// A section says that it is a key, and is none, or is of a kind that TLS does not use.
    #[error("the private key in it can't be used")]
    BadKey,
    /// The key of another certificate.
    #[error("the private key in it does not belong to the certificate")]
    OtherKey,
}

impl Transport {
    /// True when the scenario says nothing beyond the URL.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

impl CarriageChoice {
    /// True when the first contact finds out.
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// As scenarios write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::StreamableHttp => "streamable_http",
            Self::Sse => "sse",
        }
    }
}

impl HttpVersion {
    /// As scenarios write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }
}

impl PemFile {
    /// The file at `path`, with its text.
    pub fn new(path: FixedText, content: impl Into<String>) -> Self {
        Self { path, content: Secret::new(content) }
    }

    /// Its path as the user wrote it.
    pub fn path(&self) -> &str {
        self.path.source()
    }

    /// The lines of its text that are neither marks nor short: whoever echoes a key may echo one of them.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        const SHORTEST: usize = 16;
        let lines = self.content.expose().lines().map(str::trim);
        lines.filter(|line| line.len() >= SHORTEST && !line.starts_with("-----"))
    }

    /// The certificates in it, each fit to be trusted.
    pub fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, PemFault> {
        let certificates = self.certificates()?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|_| PemFault::BadCertificate)?;
        }
        Ok(certificates)
    }

    /// The certificates in it, as they stand.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, PemFault> {
        let found: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.content.expose().as_bytes()).collect();
        let found = found.map_err(|_| PemFault::Damaged)?;
        if found.is_empty() { Err(PemFault::NoCertificate) } else { Ok(found) }
    }

    /// The first private key in it.
    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, PemFault> {
        let text = self.content.expose();
        PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| {
            if !matches!(error, pem::Error::NoItemsFound) {
                PemFault::Damaged
            } else if text.contains("ENCRYPTED PRIVATE KEY") {
                PemFault::EncryptedKey
            } else {
                PemFault::NoKey
            }
        })
    }
}

impl ClientCertificate {
    /// Certificate and key, which belong together.
    pub fn certified_key(&self) -> Result<CertifiedKey, PemFault> {
        use tokio_rustls::rustls::{Error, InconsistentKeys};
        let (chain, key) = (self.certificate.certificates()?, self.key.private_key()?);
        #[expect(clippy::wildcard_enum_match_arm, reason = "`rustls::Error` is open-ended")]
        CertifiedKey::from_der(chain, key, &crypto()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => PemFault::OtherKey,
            Error::InvalidCertificate(_) => PemFault::BadCertificate,
            _ => PemFault::BadKey,
        })
    }
}

/// The algorithms of TLS: the process's own choice where it made one.
pub(crate) fn crypto() -> std::sync::Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| std::sync::Arc::new(aws_lc_rs::default_provider()))
}

impl From<FixedText> for PemFile {
    fn from(path: FixedText) -> Self {
        Self { path, content: Secret::new("") }
    }
}

impl From<PemFile> for FixedText {
    fn from(file: PemFile) -> Self {
        file.path
    }
}
