//! A private key that signs for a client, and the algorithms of JSON Web Signature (RFC 7518, RFC 8037) that it can
//! sign by.
//!
//! It knows nothing of what is signed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair, RsaSignatureEncoding,
};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{PemFault, PemFile};

/// How a JWT is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// RSA (PKCS #1 v1.5) with SHA-256.
    RS256,
    /// RSA (PKCS #1 v1.5) with SHA-384.
    RS384,
    /// RSA (PKCS #1 v1.5) with SHA-512.
    RS512,
    /// RSA (PSS) with SHA-256.
    PS256,
    /// RSA (PSS) with SHA-384.
    PS384,
    /// RSA (PSS) with SHA-512.
    PS512,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// A private key, and what it signs by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Where the key is: a file, or a value of the environment.
    pub key: PemFile,
    /// The algorithm.
    pub algorithm: SigningAlgorithm,
    /// What the authorization server calls the key: `kid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// Why a key does not sign. It quotes nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningFault {
    /// There is no key to be had from the PEM text.
    #[error(transparent)]
    Pem(#[from] PemFault),
    /// The key is of another kind, or too short.
    #[error("the private key can't sign by {}", .0.name())]
    WrongKey(SigningAlgorithm),
}

/// What takes part in signing.
enum Signer {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static RsaSignatureEncoding),
    Ed25519(Ed25519KeyPair),
}

impl SigningAlgorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 10] = [
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::EdDsa,
    ];

    /// The value of `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl SigningKey {
    /// Whether the key is there, and signs by the algorithm.
    pub fn check(&self) -> Result<(), SigningFault> {
        self.signer().map(drop)
    }

    /// The signature of `message`, in the form of JSON Web Signature.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        let failed = |_| SigningFault::WrongKey(self.algorithm);
        // The library draws its own randomness, and ignores the source that it asks for.
        let random = SystemRandom::new();
        Ok(match self.signer()? {
            Signer::Ecdsa(key) => key.sign(&random, message).map_err(failed)?.as_ref().to_vec(),
            Signer::Ed25519(key) => key.try_sign(message).map_err(failed)?.as_ref().to_vec(),
            Signer::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut signature).map_err(failed)?;
                signature
            }
        })
    }

    fn signer(&self) -> Result<Signer, SigningFault> {
        let key = self.key.private_key()?;
        let ecdsa = |curve| ecdsa(curve, &key).map(Signer::Ecdsa);
        let rsa = |encoding| rsa(&key).map(|key| Signer::Rsa(key, encoding));
        let signer = match self.algorithm {
            SigningAlgorithm::ES256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            SigningAlgorithm::ES384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            SigningAlgorithm::ES512 => ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING),
            SigningAlgorithm::RS256 => rsa(&RSA_PKCS1_SHA256),
            SigningAlgorithm::RS384 => rsa(&RSA_PKCS1_SHA384),
            SigningAlgorithm::RS512 => rsa(&RSA_PKCS1_SHA512),
            SigningAlgorithm::PS256 => rsa(&RSA_PSS_SHA256),
            SigningAlgorithm::PS384 => rsa(&RSA_PSS_SHA384),
            SigningAlgorithm::PS512 => rsa(&RSA_PSS_SHA512),
            SigningAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(key.secret_der()).ok().map(Signer::Ed25519),
        };
        signer.ok_or(SigningFault::WrongKey(self.algorithm))
    }
}

fn ecdsa(curve: &'static EcdsaSigningAlgorithm, key: &PrivateKeyDer<'_>) -> Option<EcdsaKeyPair> {
    EcdsaKeyPair::from_private_key_der(curve, key.secret_der()).ok()
}

fn rsa(key: &PrivateKeyDer<'_>) -> Option<RsaKeyPair> {
    RsaKeyPair::from_pkcs8(key.secret_der()).or_else(|_| RsaKeyPair::from_der(key.secret_der())).ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
    };
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn key(label: &str, der: &[u8], algorithm: SigningAlgorithm) -> SigningKey {
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
        SigningKey { key: PemFile::new("client.key".into(), pem), algorithm, key_id: None }
    }

    #[track_caller]
    fn check(key: &SigningKey, public: &[u8], by: &'static dyn VerificationAlgorithm) {
        let signature = key.sign(b"message").unwrap();
        let public = ParsedPublicKey::new(by, public).unwrap();
        assert!(public.verify_sig(b"message", &signature).is_ok(), "{:?}", key.algorithm);
        assert!(public.verify_sig(b"massage", &signature).is_err(), "{:?}", key.algorithm);
    }

    #[test]
    fn what_is_signed_can_be_verified_and_no_key_signs_by_another_kinds_algorithm() {
        use SigningAlgorithm::{ES256, ES384, EdDsa, PS512, RS256};
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let ed = Ed25519KeyPair::generate().unwrap();
        let curve_key = ec.to_pkcs8v1().unwrap();
        let rsa_key = rsa.as_der().unwrap();
        let edwards_key = ed.to_pkcs8v1().unwrap();
        let named = |der: &[u8], algorithm| key("PRIVATE KEY", der, algorithm);
        check(&named(curve_key.as_ref(), ES256), ec.public_key().as_ref(), &ECDSA_P256_SHA256_FIXED);
        check(&named(rsa_key.as_ref(), RS256), rsa.public_key().as_ref(), &RSA_PKCS1_2048_8192_SHA256);
        check(&named(rsa_key.as_ref(), PS512), rsa.public_key().as_ref(), &RSA_PSS_2048_8192_SHA512);
        check(&named(edwards_key.as_ref(), EdDsa), ed.public_key().as_ref(), &ED25519);
        let sec1 = ec.private_key().as_der().unwrap();
        let sec1 = key("EC PRIVATE KEY", sec1.as_ref(), ES256);
        check(&sec1, ec.public_key().as_ref(), &ECDSA_P256_SHA256_FIXED);
        for (der, algorithm) in [
            (curve_key.as_ref(), ES384),
            (curve_key.as_ref(), RS256),
            (rsa_key.as_ref(), ES256),
            (edwards_key.as_ref(), PS512),
        ] {
            assert_eq!(named(der, algorithm).check(), Err(SigningFault::WrongKey(algorithm)));
        }
    }
}
