//! Who a client's signed assertion (RFC 7523) says it is, once the signature and the claims were looked at.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The algorithms that are known, by their names in JSON Web Signature.
pub(super) const ALGORITHMS: [&str; 10] =
    ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"];
/// How far clocks may differ.
const LEEWAY: u64 = 30;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The client that `assertion` is of; why it is of nobody, else. `public_key` is PEM, `now` is since the epoch.
pub(super) fn client_of(
    assertion: &str,
    public_key: &str,
    audience: &str,
    now: Duration,
) -> Result<String, &'static str> {
    let (message, signature) = assertion.rsplit_once('.').ok_or("no signature")?;
    let (header, claims) = message.split_once('.').ok_or("no claims")?;
    let header: Header = decoded(header).ok_or("no header")?;
    let claims: Claims = decoded(claims).ok_or("claims are missing")?;
    let key =
        SubjectPublicKeyInfoDer::from_pem_slice(public_key.as_bytes()).map_err(|_| "no public key here")?;
    let algorithm = algorithm(&header.alg).ok_or("an unknown algorithm")?;
    let key = ParsedPublicKey::new(algorithm, key.as_ref()).map_err(|_| "an algorithm for other keys")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "no signature")?;
    key.verify_sig(message.as_bytes(), &signature).map_err(|_| "a wrong signature")?;
    if claims.iss != claims.sub {
        return Err("`iss` and `sub` differ");
    }
    let meant = match &claims.aud {
        Audience::One(one) => one == audience,
        Audience::Several(several) => several.iter().any(|one| one == audience),
    };
    if !meant {
        return Err("an assertion for somebody else");
    }
    if claims.exp + LEEWAY < now.as_secs() {
        return Err("an assertion past its time");
    }
    Ok(claims.iss)
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn algorithm(name: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match name {
        "ES256" => &ECDSA_P256_SHA256_FIXED,
        "ES384" => &ECDSA_P384_SHA384_FIXED,
        "ES512" => &ECDSA_P521_SHA512_FIXED,
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        "EdDSA" => &ED25519,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn signed(key: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    #[test]
    fn only_a_sound_assertion_says_who_the_client_is() {
        let [key, other] =
            [(); 2].map(|()| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        let der = key.public_key().as_der().unwrap();
        let public = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let header = json!({"alg": "ES256"});
        let claims = |aud: Value, exp: u64| json!({"iss": "c", "sub": "c", "aud": aud, "exp": exp});
        let check = |assertion: &str| client_of(assertion, &public, "http://as", NOW);
        let good = signed(&key, &header, &claims(json!("http://as"), 1_000_100));
        assert_eq!(check(&good), Ok("c".to_owned()));
        let listed = signed(&key, &header, &claims(json!(["x", "http://as"]), 1_000_100));
        assert_eq!(check(&listed), Ok("c".to_owned()));
        for bad in [
            signed(&other, &header, &claims(json!("http://as"), 1_000_100)),
            signed(&key, &json!({"alg": "none"}), &claims(json!("http://as"), 1_000_100)),
            signed(&key, &json!({"alg": "RS256"}), &claims(json!("http://as"), 1_000_100)),
            signed(&key, &header, &claims(json!("http://other"), 1_000_100)),
            signed(&key, &header, &claims(json!("http://as"), 999_900)),
            signed(&key, &header, &json!({"iss": "c", "sub": "d", "aud": "http://as", "exp": 1_000_100})),
            "a.b.c".to_owned(),
            String::new(),
        ] {
            assert!(check(&bad).is_err(), "{bad}");
        }
    }
}
