//! One request and its answer, to the target's own host or to an authorization server's: over a connection of its own, with
//! the load's trust and proxies, never redirected, and never to a host that load may not go to.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use url::{Position, Url};

use super::OAuthError;
use crate::clock::Clock;
use crate::mcp::Exchange;
use crate::mcp::address::{Address, Route};
use crate::mcp::connection::{Collected, Connection, Cut, SendFailure};
use crate::mcp::failure::Failure;
use crate::mcp::fields::write_field;
use crate::mcp::http1::HeadWants;
use crate::mcp::reason::Reason;
use crate::model::{Outcome, ProtocolFault, Secret, Secrets, TimeoutPhase, TransportFault};
use crate::plan::{HostRule, HttpVersion, Proxies, Proxy, Tls, Transport, keeps_secrets};

/// Metadata and tokens are small: what is larger is neither.
const MAX_ANSWER: usize = 256 * 1024;

/// Who asks.
#[derive(Debug)]
pub(in crate::mcp) struct Asker {
    pub(in crate::mcp) target: Url,
    pub(in crate::mcp) transport: Transport,
    pub(in crate::mcp) proxies: Proxies,
    pub(in crate::mcp) hosts: HostRule,
    pub(in crate::mcp) user_agent: String,
    pub(in crate::mcp) secrets: Secrets,
    /// Where each origin is that was asked: looking it up anew would ask whom the platform trusts anew.
    pub(in crate::mcp) known: Mutex<Vec<(String, Address)>>,
}

/// A request.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) method: &'static str,
    pub(super) url: &'a Url,
    pub(super) fields: &'a [(&'static str, Secret)],
    pub(super) body: &'a str,
    /// When it is asked, and how long an answer is waited for.
    pub(super) sent: Duration,
    pub(super) deadline: Duration,
}

/// What came back, whole.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) challenge: Option<Box<str>>,
    pub(super) body: String,
}

/// How far a request has come. It is outside the future that a deadline may drop.
struct Progress {
    phase: TimeoutPhase,
    first_byte: Option<Duration>,
}

impl Asker {
    /// Whether `url`, where `what` is, may be asked.
    pub(super) fn permit(&self, url: &Url, what: &'static str) -> Result<(), OAuthError> {
        if !self.hosts.permits(url) {
            let host = url.host_str().unwrap_or_default();
            let host = self.secrets.excerpt(host.trim_matches(['[', ']']), &[]);
            return Err(OAuthError::Stranger { host, what });
        }
        if !keeps_secrets(url) {
            return Err(OAuthError::InTheClear { url: Box::new(url.clone()), what });
        }
        Ok(())
    }

    /// Asks; whatever came back whole is a good exchange: what its status means is the caller's to say.
    pub(super) async fn ask(&self, question: Question<'_>, clock: Clock) -> (Exchange, Option<Reply>) {
        let Question { sent, deadline, .. } = question;
        let mut progress = Progress { phase: TimeoutPhase::Connect, first_byte: None };
        let until = clock.moment(sent + deadline).into();
        let asked = tokio::time::timeout_at(until, self.exchange(&question, clock, &mut progress)).await;
        let end = clock.now();
        let (outcome, reason, reply) = match asked {
            Ok(Ok(reply)) => (Outcome::Ok, None, Some(reply)),
            Ok(Err(failure)) => (failure.outcome, Some(Reason::from(failure)), None),
            Err(_) => {
                let outcome = Outcome::Transport(TransportFault::Timeout(progress.phase));
                (outcome, Some(Reason::of_timeout(progress.phase, deadline)), None)
            }
        };
        let reason = reason.map(|reason| reason.told(outcome, &self.secrets, ""));
        let first_byte = progress.first_byte;
        let exchange = Exchange {
            outcome,
            reason,
            sent,
            first_byte,
            end,
            left_open: false,
            held: Duration::ZERO,
            resumed: 0,
            echoed: false,
            answered: true,
            stream: None,
        };
        (exchange, reply)
    }

    async fn exchange(
        &self,
        question: &Question<'_>,
        clock: Clock,
        progress: &mut Progress,
    ) -> Result<Reply, Failure> {
        let address = self.address(question.url).await?;
        let mut connection = Connection::default();
        connection.open(&address).await?;
        progress.phase = TimeoutPhase::FirstByte;
        let request = self.written(question, &address.route);
        connection.send(&request).await.map_err(|failure| match failure {
            SendFailure::Failed(failure) => failure,
            SendFailure::NotWritten => Failure::worded(
                Outcome::Transport(TransportFault::Eof),
                "the connection was closed before it took a request",
            ),
        })?;
        let head = connection.head(HeadWants::Nothing).await?;
        progress.phase = TimeoutPhase::Body;
        progress.first_byte = Some(clock.now());
        let mut gathered = Vec::new();
        let Collected { bytes, cut } = connection.collect(MAX_ANSWER, &mut gathered).await;
        match cut {
            None => {}
            Some(Cut::Failed(failure)) => return Err(failure),
            Some(Cut::TooLarge) => return Err(Failure::bare(Outcome::Protocol(ProtocolFault::TooLarge))),
        }
        let body = String::from_utf8_lossy(bytes).into_owned();
        Ok(Reply { status: head.status, challenge: head.challenge, body })
    }

    /// Where `url` is. Another origin than the target's is asked in HTTP/1.1; its certificate must be good whatever the scenario
    /// takes from the target, and is not shown the users' own.
    async fn address(&self, url: &Url) -> Result<Address, Failure> {
        let origin = url.origin().ascii_serialization();
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().iter().find(|(known, _)| *known == origin).map(|(_, address)| address.clone());
        if let Some(address) = found {
            return Ok(address);
        }
        let transport = if url.origin() == self.target.origin() {
            self.transport.clone()
        } else {
            let tls = Tls { ca: self.transport.tls.ca.clone(), client: None, insecure: false };
            Transport { http: HttpVersion::Http1, tls, ..Transport::default() }
        };
        let resolved = Address::resolve(url, &transport, &self.proxies).await;
        let address =
            resolved.map_err(|error| Failure::new(Outcome::Transport(TransportFault::Dns), &error))?;
        for secret in address.proxy().map(Proxy::credentials).unwrap_or_default() {
            self.secrets.learn(secret.expose());
        }
        known().push((origin, address.clone()));
        Ok(address)
    }

    fn written(&self, question: &Question<'_>, route: &Route) -> Vec<u8> {
        let Question { method, url, fields, body, .. } = question;
        let (origin, proxy) = match route {
            Route::Forward(proxy) => (&url[..Position::BeforePath], proxy.authorization.as_ref()),
            Route::Direct | Route::Tunnel(..) => ("", None),
        };
        let mut out =
            format!("{method} {origin}{} HTTP/1.1\r\n", &url[Position::BeforePath..Position::AfterQuery])
                .into_bytes();
        write_field(HOST.as_str(), url[Position::BeforeHost..Position::AfterPort].as_bytes(), &mut out);
        write_field(USER_AGENT.as_str(), self.user_agent.as_bytes(), &mut out);
        if let Some(authorization) = proxy {
            write_field(PROXY_AUTHORIZATION.as_str(), authorization.expose().as_bytes(), &mut out);
        }
        for (name, value) in *fields {
            write_field(name, value.expose().as_bytes(), &mut out);
        }
        if !body.is_empty() {
            write_field(CONTENT_LENGTH.as_str(), body.len().to_string().as_bytes(), &mut out);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body.as_bytes());
        out
    }
}

/// The exchange of an answer whose status is none of those that were wished for, with what its body says.
pub(super) fn refused(mut exchange: Exchange, reply: &Reply, said: &str, secrets: &Secrets) -> Exchange {
    let outcome = Outcome::HttpStatus(reply.status);
    exchange.reason = Some(Reason::of_status(reply.status, said).told(outcome, secrets, ""));
    exchange.outcome = outcome;
    exchange
}

/// The exchange of an answer that makes no sense, in our own words.
pub(super) fn malformed(mut exchange: Exchange, words: &str, secrets: &Secrets) -> Exchange {
    let failure = Failure::worded(Outcome::Protocol(ProtocolFault::Malformed), words);
    let outcome = failure.outcome;
    exchange.reason = Some(Reason::from(failure).told(outcome, secrets, ""));
    exchange.outcome = outcome;
    exchange
}
