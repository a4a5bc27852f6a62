//! Who gives out the run's tokens, once that is known: what all of its users share.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::asker::{Question, malformed, refused};
use super::keeper::{Given, Keeper};
use super::token::{Grant, TokenRequest, complaint, read_token};
use super::{Asker, OAuthError};
use crate::clock::{Clock, wall_clock};
use crate::mcp::Exchange;
use crate::model::{Outcome, ProtocolFault, printable_text};
use crate::plan::{ClientProof, OAuth, SecretMethod, TokenSharing};

/// Where tokens come from.
#[derive(Debug)]
pub(in crate::mcp) struct Authority {
    oauth: OAuth,
    grant: Grant,
    asker: Asker,
    /// On it the lives of tokens are counted. The load's own clock starts later.
    pub(super) clock: Clock,
    /// Of the token that all users share.
    keeper: Arc<Keeper>,
    pub(super) seed: u64,
}

impl Authority {
    /// Gives tokens for `grant`. `seed` is the plan's.
    pub(in crate::mcp) fn new(oauth: OAuth, grant: Grant, asker: Asker, clock: Clock, seed: u64) -> Self {
        let keeper = Keeper::new(asker.secrets.clone());
        Self { oauth, grant, asker, clock, keeper, seed }
    }

    /// The keeper of one user's token.
    pub(super) fn keeper(&self) -> Arc<Keeper> {
        match self.oauth.tokens {
            TokenSharing::Shared => Arc::clone(&self.keeper),
            TokenSharing::PerUser => Keeper::new(self.asker.secrets.clone()),
        }
    }

    /// Asks for a token, at `sent` on `clock`.
    pub(super) async fn ask(
        &self,
        sent: Duration,
        deadline: Duration,
        clock: Clock,
    ) -> (Exchange, Option<Given>) {
        let secrets = &self.asker.secrets;
        let request = match TokenRequest::new(&self.oauth, &self.grant, wall_clock()) {
            Ok(request) => request,
            Err(fault) => {
                let exchange = Exchange {
                    outcome: Outcome::Protocol(ProtocolFault::Malformed),
                    reason: None,
                    sent,
                    first_byte: None,
                    end: clock.now(),
                    left_open: false,
                    resumed: 0,
                    held: Duration::ZERO,
                    echoed: false,
                    answered: false,
                    stream: None,
                };
                return (malformed(exchange, &OAuthError::from(fault).to_string(), secrets), None);
            }
        };
        // What proves who asks may be echoed by whoever refuses it, and is of no use after that.
        request.secrets.iter().for_each(|secret| secrets.learn(secret.expose()));
        let (url, fields, body) = (&self.grant.endpoint, request.fields.as_slice(), request.body.expose());
        let question = Question { method: "POST", url, fields, body, sent, deadline };
        let (exchange, reply) = self.asker.ask(question, clock).await;
        let answered = match reply {
            None => (exchange, None),
            Some(reply) if reply.status == 200 => match read_token(&reply.body) {
                Ok(given) => (exchange, Some(given)),
                Err(words) => (malformed(exchange, words, secrets), None),
            },
            Some(reply) => (refused(exchange, &reply, &complaint(&reply.body), secrets), None),
        };
        request.secrets.iter().for_each(|secret| secrets.forget(secret.expose()));
        answered
    }

    /// Where tokens are given out.
    pub(in crate::mcp) fn endpoint(&self) -> &Url {
        &self.grant.endpoint
    }

    /// What was asked for, where, by whom and how, for whoever wants to know why it is of no use.
    pub(in crate::mcp) fn told(&self) -> String {
        let Grant { endpoint, resource, scope, .. } = &self.grant;
        let how = match &self.oauth.proof {
            ClientProof::Key(key) => format!("private_key_jwt with {}", key.algorithm.name()),
            ClientProof::Secret { .. } => SecretMethod::name(self.grant.method).to_owned(),
        };
        let scope = scope.as_ref().map_or_else(|| "no scope".to_owned(), |scope| format!("scope `{scope}`"));
        let told = format!(
            "the token that `{endpoint}` gave out to client `{}` ({how}) for resource `{resource}` and {scope}",
            self.oauth.client_id
        );
        printable_text(&self.asker.secrets.redacted(&told))
    }
}
