//! The demo target's own authorization server, as a client finds it and is let in.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Target {
    fn origin(&self) -> String {
        format!("http://{}", self.demo.address())
    }

    /// Asks for a token for `/mcp`, with `more` in the form.
    async fn ask_for_token(&self, authorization: Option<&str>, more: &str) -> Answer {
        let url = format!("{}/oauth/token", self.origin());
        let form = format!("grant_type=client_credentials&resource={}/mcp{more}", self.origin());
        let mut request = self.client.post(url).header(FORM.0, FORM.1).body(form);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }
}

const POSTED: &str = "&client_id=demo-client&client_secret=test_secret";

#[tokio::test]
async fn a_refusal_leads_to_the_token_endpoint() {
    let target = Target::start(&["--require-auth"]).await;
    let origin = target.origin();
    for path in ["/mcp", "/mcp/stateless"] {
        let refused = target.post(path, &[], &call("echo", json!({"text": "x"}))).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let challenge = refused.headers["www-authenticate"].to_str().unwrap().to_owned();
        let place = format!("/.well-known/oauth-protected-resource{path}");
        assert!(challenge.contains(&format!("resource_metadata=\"{origin}{place}\"")), "{challenge}");
        let resource = target.get(&place).await.message();
        assert_eq!(resource["resource"], format!("{origin}{path}"));
        assert_eq!(resource["authorization_servers"], json!([origin]));
    }
    assert_eq!(target.get("/.well-known/oauth-protected-resource").await.message()["resource"], origin);
    let server = target.get("/.well-known/oauth-authorization-server").await.message();
    assert_eq!(server["issuer"], origin);
    assert_eq!(server["token_endpoint"], format!("{origin}/oauth/token"));
    assert_eq!(target.requests("POST /auth/token", "none", "success").await, 0);
}

#[tokio::test]
async fn a_secret_gets_a_token_that_is_let_in() {
    let target = Target::start(&["--require-auth", "--token-ttl", "90s"]).await;
    let basic = format!("Basic {}", STANDARD.encode("demo-client:test_secret"));
    for (authorization, more) in [(Some(basic.as_str()), ""), (None, POSTED)] {
        let answer = target.ask_for_token(authorization, more).await;
        assert_eq!(
            (answer.status, answer.headers["cache-control"].to_str().unwrap()),
            (StatusCode::OK, "no-store")
        );
        let token = answer.message();
        assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(90)));
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let echo = call("echo", json!({"text": "x"}));
        let answer = target.post("/mcp/stateless", &[("authorization", &bearer)], &echo).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert!(target.text("/metrics").await.contains("user_id=\"demo-client\""));
}

#[tokio::test]
async fn who_proves_nothing_gets_no_token() {
    let target = Target::start(&["--require-auth"]).await;
    for (more, status, error) in [
        ("", 401, "invalid_client"),
        ("&client_id=demo-client&client_secret=guess", 401, "invalid_client"),
        ("&client_id=other&client_secret=test_secret", 401, "invalid_client"),
        ("&client_id=demo-client&client_assertion=a.b.c", 401, "invalid_client"),
        ("&client_id=demo-client&client_secret=test_secret&scope=demo:all", 400, "invalid_scope"),
    ] {
        let answer = target.ask_for_token(None, more).await;
        assert_eq!(answer.status.as_u16(), status, "{more}");
        assert_eq!(answer.message()["error"], error, "{more}");
    }
    for (form, error) in [
        (format!("grant_type=password{POSTED}"), "unsupported_grant_type"),
        (format!("grant_type=client_credentials{POSTED}"), "invalid_target"),
        (format!("grant_type=client_credentials&resource=http://elsewhere/mcp{POSTED}"), "invalid_target"),
    ] {
        let answer = target.send(Method::POST, "/oauth/token", &[FORM], &form).await;
        assert_eq!(answer.message()["error"], error, "{form}");
    }
    assert!(target.text("/metrics").await.contains("invalid_credentials"));
}

#[tokio::test]
async fn an_assertion_signed_with_the_known_key_gets_a_token() {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = STANDARD.encode(key.public_key().as_der().unwrap().as_ref());
    let public = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
    let target = Target::start(&["--require-auth", "--oauth-public-key", &public]).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let header = json!({"alg": "ES256"});
    let claims = json!({"iss": "demo-client", "sub": "demo-client", "aud": target.origin(), "exp": now + 60});
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let assertion = format!("&client_assertion={message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    let answer = target.ask_for_token(None, &assertion).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.messages);
    let other = key.sign(&SystemRandom::new(), b"another message").unwrap();
    let forged = format!("&client_assertion={message}.{}", URL_SAFE_NO_PAD.encode(other.as_ref()));
    assert_eq!(target.ask_for_token(None, &forged).await.status, StatusCode::UNAUTHORIZED);
}
