//! From a target's refusal to the place where tokens for it are given out: the discovery of MCP's authorization
//! specification. Before any load, once.

use http::header::{ACCEPT, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::asker::{Question, malformed, refused};
use super::challenge::BearerChallenge;
use super::metadata::{
    ResourceMetadata, ServerMetadata, is_about, places_of_resource, places_of_server, resource_of,
};
use super::token::Grant;
use super::{Asker, OAuthError};
use crate::clock::Clock;
use crate::mcp::protocol::{MODERN_REVISION, PROTOCOL_VERSION_HEADER};
use crate::mcp::request::{ACCEPT_BOTH, METHOD_HEADER, modern_meta};
use crate::mcp::{ContactCall, Exchange};
use crate::model::Secret;
use crate::plan::{
    Answers, ClientProof, DISCOVER, OAuth, OAuthCall, Operation, Plan, ProtocolChoice, SecretMethod, Step,
};

const RESOURCE: &str = "metadata of the target";
const SERVER: &str = "metadata of the authorization server";
const TOKENS: &str = "the token endpoint";

/// The way to a token endpoint.
pub(in crate::mcp) struct Discovery<'a> {
    pub(in crate::mcp) plan: &'a Plan,
    pub(in crate::mcp) oauth: &'a OAuth,
    pub(in crate::mcp) asker: &'a Asker,
    pub(in crate::mcp) clock: Clock,
    /// Every request that was made.
    pub(in crate::mcp) calls: &'a mut Vec<ContactCall>,
}

impl<'a> Discovery<'a> {
    /// Where tokens are given out, and what is to be asked for there.
    pub(in crate::mcp) async fn grant(&mut self) -> Result<Grant, OAuthError> {
        let target = &self.asker.target;
        self.asker.permit(target, "the target")?;
        if let Some(endpoint) = &self.oauth.token_url {
            self.asker.permit(endpoint, TOKENS)?;
            return Ok(Grant {
                endpoint: endpoint.clone(),
                audience: endpoint.to_string(),
                resource: resource_of(target),
                scope: self.oauth.scope.clone(),
                method: self.method(&[]),
            });
        }
        let challenge = self.challenge().await?;
        let (found_at, resource) = self.resource(&challenge).await?;
        let Some(issuer) = resource.authorization_servers.first() else {
            let fault = "names no `authorization_servers`".to_owned();
            return Err(OAuthError::BadMetadata { found_at: Box::new(found_at), fault });
        };
        let (found_at, server) = self.server(issuer, &found_at).await?;
        let endpoint = self.url(&server.token_endpoint, "token_endpoint", &found_at)?;
        self.asker.permit(&endpoint, TOKENS)?;
        let supported = Some(resource.scopes_supported.join(" ")).filter(|scope| !scope.is_empty());
        Ok(Grant {
            endpoint,
            audience: server.issuer,
            resource: resource.resource,
            scope: self.oauth.scope.clone().or(challenge.scope).or(supported),
            method: self.method(&server.token_endpoint_auth_methods_supported),
        })
    }

    /// How a secret is sent: as the scenario says, or in the first way that the server knows.
    fn method(&self, supported: &[String]) -> SecretMethod {
        let known = |method: &SecretMethod| supported.iter().any(|name| name == method.name());
        let said = match &self.oauth.proof {
            ClientProof::Secret { method, .. } => *method,
            ClientProof::Key(_) => None,
        };
        said.or_else(|| SecretMethod::ALL.into_iter().find(known)).unwrap_or(SecretMethod::ClientSecretBasic)
    }

    /// What the target answers to a request without a token. Any answer will do; one of a server that takes it is no
    /// challenge, and opens no session.
    async fn challenge(&mut self) -> Result<BearerChallenge, OAuthError> {
        let target = self.asker.target.clone();
        let modern = match &self.plan.protocol {
            ProtocolChoice::Auto => Some(MODERN_REVISION),
            ProtocolChoice::Revision(revision) => Some(revision.as_str()),
            ProtocolChoice::Rest => None,
        };
        let field = |name: &'static str, value: &str| (name, Secret::new(value));
        let (method, fields, body) = match modern {
            None => ("GET", vec![field(ACCEPT.as_str(), "*/*")], String::new()),
            Some(revision) => {
                let mut fields = vec![
                    field(CONTENT_TYPE.as_str(), "application/json"),
                    field(ACCEPT.as_str(), ACCEPT_BOTH),
                    field(PROTOCOL_VERSION_HEADER, revision),
                ];
                // No user's first id is 0.
                let mut message = json!({"jsonrpc": "2.0", "id": 0, "method": "ping"});
                if revision >= MODERN_REVISION {
                    fields.push(field(METHOD_HEADER, DISCOVER));
                    message["method"] = DISCOVER.into();
                    message["params"] = json!({"_meta": modern_meta(revision, &Answers::default())});
                }
                ("POST", fields, message.to_string())
            }
        };
        let step = self.step(OAuthCall::Challenge);
        let sent = self.clock.now();
        let question =
            Question { method, url: &target, fields: &fields, body: &body, sent, deadline: step.deadline };
        let (exchange, reply) = self.asker.ask(question, self.clock).await;
        let Some(reply) = reply else { return Err(self.failed(step, &target, exchange)) };
        self.book(step, exchange);
        let challenge = reply.challenge.filter(|_| reply.status == 401);
        Ok(challenge.map(|list| BearerChallenge::read(&list)).unwrap_or_default())
    }

    /// The target's metadata, and where it was.
    async fn resource(&mut self, challenge: &BearerChallenge) -> Result<(Url, ResourceMetadata), OAuthError> {
        let target = self.asker.target.clone();
        let places = match &challenge.resource_metadata {
            None => places_of_resource(&target),
            Some(said) => {
                let url = target.join(said).ok().filter(|url| url.origin() == target.origin());
                let Some(url) = url else {
                    return Err(OAuthError::ElsewhereMetadata { found: self.told(said) });
                };
                vec![url]
            }
        };
        let found = self.find::<ResourceMetadata>(OAuthCall::ResourceMetadata, places, RESOURCE).await?;
        let (found_at, metadata) = found.map_err(|tried| OAuthError::NoResourceMetadata { tried })?;
        if !is_about(&metadata.resource, &found_at, &target) {
            let resource = self.told(&metadata.resource);
            return Err(OAuthError::OtherResource { resource, found_at: Box::new(found_at) });
        }
        Ok((found_at, metadata))
    }

    /// The metadata of the authorization server `issuer`, which metadata at `named_at` names, and where it was.
    async fn server(&mut self, issuer: &str, named_at: &Url) -> Result<(Url, ServerMetadata), OAuthError> {
        let url = self.url(issuer, "authorization_servers", named_at)?;
        let places = places_of_server(&url);
        let found = self.find::<ServerMetadata>(OAuthCall::ServerMetadata, places, SERVER).await?;
        let (found_at, metadata) =
            found.map_err(|tried| OAuthError::NoServerMetadata { issuer: self.told(issuer), tried })?;
        if metadata.issuer != issuer {
            let (issuer, said) = (self.told(issuer), self.told(&metadata.issuer));
            return Err(OAuthError::OtherIssuer { issuer, said, found_at: Box::new(found_at) });
        }
        Ok((found_at, metadata))
    }

    /// The document at the first of `places` that has one; where none has, what each of them answered.
    async fn find<T: DeserializeOwned>(
        &mut self,
        call: OAuthCall,
        places: Vec<Url>,
        what: &'static str,
    ) -> Result<Result<(Url, T), Vec<String>>, OAuthError> {
        let mut tried = Vec::new();
        for url in places {
            self.asker.permit(&url, what)?;
            let step = self.step(call);
            let sent = self.clock.now();
            let fields = [(ACCEPT.as_str(), Secret::new("application/json"))];
            let question = Question {
                method: "GET",
                url: &url,
                fields: &fields,
                body: "",
                sent,
                deadline: step.deadline,
            };
            let (exchange, reply) = self.asker.ask(question, self.clock).await;
            let secrets = &self.asker.secrets;
            let Some(reply) = reply else { return Err(self.failed(step, &url, exchange)) };
            match reply.status {
                200 => match serde_json::from_str(&reply.body) {
                    Ok(document) => {
                        self.book(step, exchange);
                        return Ok(Ok((url, document)));
                    }
                    Err(error) => {
                        let fault = self.told(&format!("can't be read: {error}"));
                        self.book(step, malformed(exchange, &fault, secrets));
                        return Err(OAuthError::BadMetadata { found_at: Box::new(url), fault });
                    }
                },
                // That it is not there is a proper answer, too.
                404 => self.book(step, exchange),
                _ => self.book(step, refused(exchange, &reply, &reply.body, secrets)),
            }
            tried.push(self.told(&format!("`{url}`: HTTP {}", reply.status)));
        }
        Ok(Err(tried))
    }

    /// A URL that metadata gives.
    fn url(&self, text: &str, field: &str, found_at: &Url) -> Result<Url, OAuthError> {
        let url = Url::parse(text).ok();
        let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host().is_some();
        let clean = |url: &Url| url.username().is_empty() && url.password().is_none();
        url.filter(|url| web(url) && clean(url)).ok_or_else(|| OAuthError::BadMetadata {
            found_at: Box::new(found_at.clone()),
            fault: format!("names no URL as `{field}`: `{}`", self.told(text)),
        })
    }

    /// What a server said, fit to be told.
    fn told(&self, said: &str) -> String {
        self.asker.secrets.excerpt(said, &[])
    }

    fn step(&self, call: OAuthCall) -> &'a Step {
        let wanted = Operation::OAuth(call);
        let found = self.plan.steps.iter().find(|step| step.operation == wanted);
        found.expect("a plan whose tokens come by OAuth has each step on the way to them")
    }

    fn book(&mut self, step: &Step, exchange: Exchange) {
        self.calls.push(ContactCall { step: step.id, exchange });
    }

    /// Books an exchange without an answer, which is the end of the way.
    fn failed(&mut self, step: &Step, url: &Url, exchange: Exchange) -> OAuthError {
        let reason = exchange.reason.as_deref().map_or_else(|| exchange.outcome.to_string(), str::to_owned);
        self.book(step, exchange);
        OAuthError::Failed { step: step.name.clone(), url: Box::new(url.clone()), reason }
    }
}
