//! TLS as the scenario wants it: whom the client trusts, and what it proves itself with.

use std::sync::Arc;

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::plan::{PemFault, Tls, crypto};

/// Why there is no TLS to be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the scenario's files is not what it was when the scenario was read.
    #[error("`{0}`: {1}")]
    Pem(String, PemFault),
    /// The platform has no certificate authorities, or none that can be used.
    #[error("failed to read whom the platform trusts")]
    Platform(#[source] Error),
}

/// The client's side of TLS. It offers no protocol by ALPN.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let crypto = crypto();
    let verifier: Arc<dyn ServerCertVerifier> = if tls.insecure {
        Arc::new(Unverified(Arc::clone(&crypto)))
    } else {
        let authorities = match &tls.ca {
            None => Vec::new(),
            Some(file) => file.authorities().map_err(|fault| TlsError::Pem(file.path().to_owned(), fault))?,
        };
        let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&crypto));
        Arc::new(verifier.map_err(TlsError::Platform)?)
    };
    let config = ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Platform)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(match &tls.client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let key = client.certified_key();
            let key = key.map_err(|fault| TlsError::Pem(client.key.path().to_owned(), fault))?;
            config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
    })
}

/// Takes every certificate. That the server has the key of the one it shows is still proved.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
