//! The request for a token by client credentials (RFC 6749 section 4.4, RFC 8707), and what its answer says.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::{self, byte_serialize};

use super::assertion;
use super::keeper::Given;
use crate::mcp::fields::bearer;
use crate::mcp::lifetime::expires_in;
use crate::model::Secret;
use crate::plan::{ClientProof, OAuth, SecretMethod, SigningFault};

/// What is asked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) endpoint: Url,
    /// For whom assertions are made.
    pub(super) audience: String,
    /// What the token is for.
    pub(super) resource: String,
    pub(super) scope: Option<String>,
    /// How a secret is sent.
    pub(super) method: SecretMethod,
}

/// The request, as far as it is this one's own.
#[derive(Debug)]
pub(super) struct TokenRequest {
    pub(super) fields: Vec<(&'static str, Secret)>,
    pub(super) body: Secret,
    /// What in it proves who asks, beside what the plan holds.
    pub(super) secrets: Vec<Secret>,
}

impl TokenRequest {
    /// Of `oauth` for `grant`.
    pub(super) fn new(oauth: &OAuth, grant: &Grant, now: SystemTime) -> Result<Self, SigningFault> {
        let client = oauth.client_id.expose();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        let mut fields = vec![(CONTENT_TYPE.as_str(), Secret::new("application/x-www-form-urlencoded"))];
        let mut secrets = Vec::new();
        match &oauth.proof {
            ClientProof::Secret { secret, .. } => match grant.method {
                SecretMethod::ClientSecretBasic => {
                    let pair = STANDARD.encode(format!("{}:{}", encoded(client), encoded(secret.expose())));
                    fields.push((AUTHORIZATION.as_str(), Secret::new(format!("Basic {pair}"))));
                    secrets.push(Secret::new(pair));
                }
                SecretMethod::ClientSecretPost => {
                    form.append_pair("client_id", client);
                    form.append_pair("client_secret", secret.expose());
                }
            },
            ClientProof::Key(key) => {
                let assertion = assertion::signed(key, client, &grant.audience, now)?;
                form.append_pair("client_id", client);
                form.append_pair("client_assertion_type", assertion::KIND);
                form.append_pair("client_assertion", &assertion);
                secrets.push(Secret::new(assertion));
            }
        }
        if let Some(scope) = &grant.scope {
            form.append_pair("scope", scope);
        }
        form.append_pair("resource", &grant.resource);
        Ok(Self { fields, body: Secret::new(form.finish()), secrets })
    }
}

/// As a name and a password stand in the `Authorization` header of a client (RFC 6749 section 2.3.1).
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// The token in a good answer, or what is wrong with that.
pub(super) fn read_token(answer: &str) -> Result<Given, &'static str> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: Secret,
        token_type: String,
        #[serde(default, deserialize_with = "expires_in")]
        expires_in: Option<Duration>,
    }
    let Ok(answer) = serde_json::from_str::<Answer>(answer) else {
        return Err("the answer has no `access_token` and `token_type`");
    };
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err("the token is no bearer token, and no other can be sent");
    }
    let header = bearer(&answer.access_token).ok_or("the `access_token` can't stand in a header")?;
    Ok(Given { token: answer.access_token, header, life: answer.expires_in })
}

/// What an answer that is no token says of why: the words of RFC 6749 section 5.2, or the text as it is.
pub(super) fn complaint(answer: &str) -> String {
    #[derive(Deserialize)]
    struct Complaint {
        error: String,
        error_description: Option<String>,
    }
    match serde_json::from_str::<Complaint>(answer) {
        Ok(Complaint { error, error_description: None }) => error,
        Ok(Complaint { error, error_description: Some(more) }) => format!("{error}: {more}"),
        Err(_) => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::{FixedText, TokenSharing};

    fn oauth(method: SecretMethod, scope: Option<&str>) -> (OAuth, Grant) {
        let secret = Secret::new("s3c:ret ü");
        let oauth = OAuth {
            client_id: FixedText::from("the client"),
            proof: ClientProof::Secret { secret, method: Some(method) },
            scope: None,
            token_url: None,
            tokens: TokenSharing::Shared,
        };
        let grant = Grant {
            endpoint: Url::parse("https://auth.example/token").unwrap(),
            audience: "https://auth.example".to_owned(),
            resource: "https://mcp.example/mcp".to_owned(),
            scope: scope.map(str::to_owned),
            method,
        };
        (oauth, grant)
    }

    fn form(request: &TokenRequest) -> BTreeMap<String, String> {
        form_urlencoded::parse(request.body.expose().as_bytes()).into_owned().collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_secret_goes_the_way_that_was_chosen_and_no_other() {
        let (basic, grant) = oauth(SecretMethod::ClientSecretBasic, Some("a b"));
        let request = TokenRequest::new(&basic, &grant, SystemTime::UNIX_EPOCH).unwrap();
        let expected =
            [("grant_type", "client_credentials"), ("scope", "a b"), ("resource", "https://mcp.example/mcp")];
        assert_eq!(form(&request), pairs(&expected));
        let (name, value) = &request.fields[1];
        assert_eq!(*name, "authorization");
        let pair = STANDARD.encode("the+client:s3c%3Aret+%C3%BC");
        assert_eq!(value.expose(), format!("Basic {pair}"));
        assert_eq!(request.secrets, [Secret::new(pair)]);
        let (post, grant) = oauth(SecretMethod::ClientSecretPost, None);
        let request = TokenRequest::new(&post, &grant, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.fields.len(), 1);
        let expected = [
            ("grant_type", "client_credentials"),
            ("client_id", "the client"),
            ("client_secret", "s3c:ret ü"),
            ("resource", "https://mcp.example/mcp"),
        ];
        assert_eq!(form(&request), pairs(&expected));
        assert!(!format!("{request:?}").contains("s3c"), "{request:?}");
    }

    #[test]
    fn only_a_bearer_token_is_taken() {
        let given = read_token(r#"{"access_token":"t","token_type":"bearer","expires_in":60}"#).unwrap();
        assert_eq!((given.header.to_str().unwrap(), given.life), ("Bearer t", Some(Duration::from_secs(60))));
        for bad in [
            "",
            "{}",
            r#"{"access_token":"t"}"#,
            r#"{"access_token":"t","token_type":"DPoP"}"#,
            r#"{"access_token":"a\r\nX: y","token_type":"bearer"}"#,
        ] {
            assert!(read_token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_complaint_is_told_in_its_own_words() {
        assert_eq!(complaint(r#"{"error":"invalid_client"}"#), "invalid_client");
        assert_eq!(
            complaint(r#"{"error":"invalid_scope","error_description":"no `x`"}"#),
            "invalid_scope: no `x`"
        );
        assert_eq!(complaint("<h1>no"), "<h1>no");
    }
}
