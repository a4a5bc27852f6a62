//! The first contact: is the target there, which era does it speak, which tools has it. Before any load, once.

mod tools;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::address::Address;
use super::answerer::Answerer;
use super::catalog::Catalog;
use super::channel::{Events, NO_STATUS, Program};
use super::client::{CallContext, Client, Exchange};
use super::failure::Failure;
use super::fields::Fields;
use super::gathered::Gathered;
use super::oauth::{Asker, Authority, Discovery, OAuthError};
use super::protocol::MODERN_REVISION;
use super::reason::{error_message, refusal};
use super::reply::Answer;
use super::wire::{Way, Wire, WireError};
use crate::clock::{Clock, wall_clock};
use crate::model::{
    Carriage, CounterRng, Era, Outcome, ProtocolFault, RunTag, Secrets, TargetInfo, TimeoutPhase,
    TransportFault, clean_text,
};
use crate::plan::{
    Auth, CarriageChoice, HttpVersion, OAuth, Operation, Plan, ProtocolChoice, Proxies, Proxy, Role,
    StdioTarget, Step, StepId, Template, Variables,
};

/// How long a target that refuses connections is given to come up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
const RETRY_EVERY: Duration = Duration::from_millis(100);
/// How long a target may take to say that it speaks HTTP+SSE.
const LOOK: Duration = Duration::from_secs(5);
/// The statuses with which servers that know HTTP+SSE alone answer a post to the URL of their stream.
const NOT_STREAMABLE: [u16; 3] = [400, 404, 405];
/// Error codes that only modern servers give (with HTTP 400).
const MODERN_ERRORS: [i64; 3] = [-32020, -32021, UNSUPPORTED_REVISION];
/// The server does not take the revision; it says which ones it does.
const UNSUPPORTED_REVISION: i64 = -32022;

const MALFORMED: Outcome = Outcome::Protocol(ProtocolFault::Malformed);

/// What the first contact found.
#[derive(Debug)]
pub struct Contact {
    /// The way to the target, for the load.
    pub wire: Arc<Wire>,
    /// What it said of itself.
    pub info: TargetInfo,
    /// The tools that it lists, where it does.
    pub catalog: Option<Arc<Catalog>>,
    /// Every call that was made, to be booked as set-up.
    pub calls: Vec<ContactCall>,
}

impl Contact {
    /// From now on these steps of the load, which call tools, do it with these arguments: JSON text of objects.
    ///
    /// # Panics
    /// When the wire was given away before.
    pub fn give_arguments(&mut self, arguments: &BTreeMap<StepId, Template>) {
        Arc::get_mut(&mut self.wire).expect("the wire is still the contact's").give_arguments(arguments);
    }
}

/// A call of the first contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactCall {
    /// Which step of the plan.
    pub step: StepId,
    /// How it went.
    pub exchange: Exchange,
}

/// Why there is no contact. Nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// Requests can't be made at all.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// No connection, or no answer.
    #[error("no answer from `{url}`: {detail}")]
    Unreachable {
        /// Where it was sought.
        url: String,
        /// How the last try ended.
        outcome: Outcome,
        /// That in words, with what is known beside it, cleaned.
        detail: String,
    },
    /// There is no token to be had that it could be called with.
    #[error("there is no token for `{url}`: {error}")]
    NoToken {
        /// The target.
        url: String,
        /// Why.
        error: OAuthError,
    },
    /// Two URLs of it do not speak the same.
    #[error("`{}` speaks revision {}, but `{}` speaks {}: users can't take turns", .urls[0], .spoken[0], .urls[1], .spoken[1])]
    Uneven {
        /// Both.
        urls: [String; 2],
        /// The revision that each speaks.
        spoken: [String; 2],
    },
    /// It answers, but not to MCP, or not to these credentials.
    #[error("`{url}` answers `{step}` with {}{detail}", in_words(*outcome))]
    Refused {
        /// Where it was sought.
        url: String,
        /// Which call failed.
        step: String,
        /// How.
        outcome: Outcome,
        /// What the server said, cleaned; may be empty.
        detail: String,
    },
}

/// An outcome for somebody who has just given the URL, with what to look at.
fn in_words(outcome: Outcome) -> String {
    let hint = match outcome {
        Outcome::Transport(TransportFault::Refused) => {
            "connection refused; is the server running, and on this port?"
        }
        Outcome::Transport(TransportFault::Dns) => "the host has no address; is its name right?",
        Outcome::Transport(TransportFault::Timeout(TimeoutPhase::FirstByte)) => {
            "it takes connections, but does not answer; is it stuck?"
        }
        Outcome::Transport(TransportFault::Tls) => {
            "the TLS handshake failed; is its certificate one that this machine trusts?"
        }
        Outcome::HttpStatus(404) => "HTTP 404; is the path right?",
        Outcome::HttpStatus(status) => return format!("HTTP {status}"),
        Outcome::Ok
        | Outcome::Transport(_)
        | Outcome::Protocol(_)
        | Outcome::JsonRpcError(_)
        | Outcome::ToolError
        | Outcome::CheckFailed
        | Outcome::NotSent(_)
        | Outcome::Cancelled
        | Outcome::Interrupted => return outcome.to_string(),
    };
    format!("{hint} ({outcome})")
}

/// Makes contact with the target at `url` for `plan`, through the one of `proxies` that is meant for it.
pub async fn first_contact(
    plan: &Plan,
    url: &Url,
    proxies: &Proxies,
    user_agent: &str,
    clock: Clock,
) -> Result<Contact, ContactError> {
    contact_in((plan, RunTag::of(wall_clock())), url, proxies, user_agent, clock).await
}

/// [`first_contact`] for this run of `plan`.
pub(super) async fn contact_in(
    (plan, run): (&Plan, RunTag),
    url: &Url,
    proxies: &Proxies,
    user_agent: &str,
    clock: Clock,
) -> Result<Contact, ContactError> {
    let address = Address::resolve(url, &plan.transport, proxies).await.map_err(WireError::from)?;
    let secrets = plan.secrets_in(run);
    for secret in address.proxy().map(Proxy::credentials).unwrap_or_default() {
        secrets.learn(secret.expose());
    }
    let streams = plan.transport.carriage == CarriageChoice::Sse;
    let place = Place::Web { url, address: Box::new(address), user_agent, streams };
    let gathered = Gathered::new(secrets.clone());
    let mut visit = Visit::new((plan, run), place, clock, secrets, gathered);
    // What is wrong with the requests themselves is told first.
    visit.lay(Era::Rest, "")?;
    visit.reach().await?;
    if let Auth::OAuth(oauth) = &plan.auth {
        visit.authority = Some(visit.find_authority(oauth, (url, proxies, user_agent)).await?);
    }
    visit.make().await
}

/// Makes contact with the processes of `target` for `plan`. Those that are shared go on running.
pub async fn first_contact_over_stdio(
    plan: &Plan,
    target: &StdioTarget,
    clock: Clock,
) -> Result<Contact, ContactError> {
    let run = RunTag::of(wall_clock());
    let secrets = plan.secrets_in(run);
    let gathered = Gathered::new(secrets.clone());
    let program = Arc::new(Program::new(target, secrets.clone(), gathered.clone()));
    Visit::new((plan, run), Place::Here(program), clock, secrets, gathered).make().await
}

/// Where the target is.
enum Place<'a> {
    /// Behind a URL; with `streams`, that of a stream of events.
    Web { url: &'a Url, address: Box<Address>, user_agent: &'a str, streams: bool },
    /// It is a program of ours.
    Here(Arc<Program>),
}

struct Visit<'a> {
    plan: &'a Plan,
    /// Of every wire of the visit.
    run: RunTag,
    place: Place<'a>,
    clock: Clock,
    /// Shared by every wire of the visit, ...
    secrets: Secrets,
    /// ... as this is.
    gathered: Gathered,
    calls: Vec<ContactCall>,
    /// Who gives out tokens, where they come by OAuth.
    authority: Option<Arc<Authority>>,
}

impl<'a> Visit<'a> {
    fn new(
        (plan, run): (&'a Plan, RunTag),
        place: Place<'a>,
        clock: Clock,
        secrets: Secrets,
        gathered: Gathered,
    ) -> Self {
        Self { plan, run, place, clock, secrets, gathered, calls: Vec::new(), authority: None }
    }

    async fn make(self) -> Result<Contact, ContactError> {
        let plan = self.plan;
        match &plan.protocol {
            ProtocolChoice::Rest => self.rest().await,
            ProtocolChoice::Revision(revision) if revision.as_str() < MODERN_REVISION => {
                self.legacy(revision).await
            }
            ProtocolChoice::Revision(revision) => self.modern(revision).await,
            // There is no HTTP+SSE in the modern era.
            ProtocolChoice::Auto if self.is_over_events() => self.legacy("").await,
            ProtocolChoice::Auto => self.auto().await,
        }
    }

    async fn rest(mut self) -> Result<Contact, ContactError> {
        let mut client = Client::new(self.wire(Era::Rest, "")?, self.clock, 0);
        self.set_up(&mut client).await?;
        let wire = self.lay(Era::Rest, "")?;
        Ok(self.done(wire, None, None))
    }

    async fn auto(mut self) -> Result<Contact, ContactError> {
        let modern = self.wire(Era::Modern, MODERN_REVISION)?;
        let mut client = Client::new(Arc::clone(&modern), self.clock, 0);
        self.set_up(&mut client).await?;
        let (exchange, answer) = self.discover(&mut client).await;
        if exchange.outcome == Outcome::Ok && answer.as_ref().is_some_and(is_modern) {
            return self.finish_modern(modern, client, answer).await;
        }
        if let Some(answer) = answer.as_ref().filter(|answer| is_modern_refusal(answer)) {
            return Err(self.refused(&client, "server/discover", exchange.outcome, &answer.text));
        }
        // Nobody posts to the URL of a stream: what answers is not MCP, but whatever serves pages there.
        let nobody = answer.is_some_and(|answer| {
            let text = answer.text.trim_start();
            [404, 405].contains(&answer.status) && !text.is_empty() && !text.starts_with('{')
        });
        if nobody && self.may_look_for_events() {
            self.speaks_events().await;
        }
        self.handshake(client, "").await
    }

    async fn modern(mut self, revision: &str) -> Result<Contact, ContactError> {
        let wire = self.wire(Era::Modern, revision)?;
        let mut client = Client::new(Arc::clone(&wire), self.clock, 0);
        self.set_up(&mut client).await?;
        let (exchange, answer) = self.discover(&mut client).await;
        // `server/discover` is optional: a modern server without it says so with -32601.
        let without = exchange.outcome != Outcome::Ok
            && answer.as_ref().is_some_and(|answer| answer.error_code == Some(-32601));
        if exchange.outcome != Outcome::Ok && !without {
            let said = answer.as_ref().map(refusal).unwrap_or_default();
            return Err(self.refused(&client, "server/discover", exchange.outcome, &said));
        }
        self.finish_modern(wire, client, answer).await
    }

    /// Asks the target what it is; once more where it refuses the revision and says that it speaks that one after all.
    async fn discover(&mut self, client: &mut Client) -> (Exchange, Option<Answer>) {
        let (exchange, answer) = self.call(client, &Operation::discover()).await;
        let asked = answer.as_ref().is_some_and(|answer| speaks_after_all(answer, client.revision()));
        if asked {
            return self.call(client, &Operation::discover()).await;
        }
        (exchange, answer)
    }

    async fn legacy(self, revision: &str) -> Result<Contact, ContactError> {
        let client = Client::new(self.wire(Era::Legacy, revision)?, self.clock, 0);
        self.handshake(client, revision).await
    }

    async fn finish_modern(
        mut self,
        wire: Arc<Wire>,
        mut client: Client,
        discovered: Option<Answer>,
    ) -> Result<Contact, ContactError> {
        let catalog = self.list_tools(&mut client).await;
        let server = discovered.and_then(|answer| self.server_name(&answer.text));
        let wire = self.lay(wire.era, &wire.revision)?;
        Ok(self.done(wire, server, catalog))
    }

    /// The legacy handshake: asks for `revision` (empty: the newest), takes what the server settles on. `client` may
    /// have called before: its ids go on, so that none is used twice.
    async fn handshake(mut self, mut client: Client, revision: &str) -> Result<Contact, ContactError> {
        client.adopt(self.wire(Era::Legacy, revision)?);
        let answer = match self.set_up(&mut client).await {
            Err(refused) if self.may_speak_events(&refused) => {
                if !self.speaks_events().await {
                    return Err(refused);
                }
                client.reset();
                client.adopt(self.wire(Era::Legacy, revision)?);
                self.set_up(&mut client).await?
            }
            answer => answer?,
        };
        let settled = answer.as_deref().and_then(protocol_version).unwrap_or_default();
        let server = answer.as_deref().and_then(|result| self.server_name(result));
        let catalog = self.list_tools(&mut client).await;
        if client.next_tear_down().is_some() {
            self.call(&mut client, &Operation::EndSession).await;
        }
        let mut wire = self.lay(Era::Legacy, &settled)?;
        if matches!(&self.place, Place::Here(program) if program.is_shared()) {
            // The one session that there is was opened just now.
            wire.set_up.clear();
        }
        Ok(self.done(wire, server, catalog))
    }

    fn is_over_events(&self) -> bool {
        matches!(self.place, Place::Web { streams: true, .. })
    }

    /// True when a server that knows HTTP+SSE alone would refuse the handshake like this.
    fn may_speak_events(&self, error: &ContactError) -> bool {
        self.may_look_for_events()
            && matches!(error, ContactError::Refused { outcome: Outcome::HttpStatus(status), step, .. }
                if NOT_STREAMABLE.contains(status) && step == "initialize")
    }

    fn may_look_for_events(&self) -> bool {
        self.plan.transport.carriage == CarriageChoice::Auto
            && matches!(self.place, Place::Web { streams: false, .. })
    }

    /// Looks whether there is a stream of events that names where to post; from then on that is the way.
    async fn speaks_events(&mut self) -> bool {
        let Place::Web { streams, .. } = &mut self.place else { return false };
        *streams = true;
        let Ok(Wire { way: Way::Events(way), run, .. }) = self.lay(Era::Legacy, "") else { return false };
        // Who has to log in first does not find out.
        let nobody = Fields::default();
        let silent = Answerer::new(Arc::default(), self.gathered.clone(), (run, 0), self.plan.seed);
        let opened = Events::open(&way, &nobody, (&self.gathered, &silent), &self.secrets);
        let found = matches!(tokio::time::timeout(LOOK, opened).await, Ok(Ok(_)));
        if let Place::Web { streams, .. } = &mut self.place {
            *streams = found;
        }
        found
    }

    fn wire(&self, era: Era, revision: &str) -> Result<Arc<Wire>, ContactError> {
        Ok(Arc::new(self.lay(era, revision)?))
    }

    fn lay(&self, era: Era, revision: &str) -> Result<Wire, WireError> {
        let wire = match &self.place {
            Place::Here(program) => {
                Wire::over_lines((self.plan, self.run), Arc::clone(program), era, revision)
            }
            Place::Web { url, address, user_agent, streams } => {
                let address = Address::clone(address);
                let wire = Wire::new((self.plan, self.run), url, address, era, revision, user_agent)?;
                if *streams { wire.over_events(self.plan, url, user_agent)? } else { wire }
            }
        };
        let (secrets, gathered) = (self.secrets.clone(), self.gathered.clone());
        Ok(Wire { authority: self.authority.clone(), secrets, gathered, ..wire })
    }

    /// Finds out who gives out tokens for the target at a URL. None is asked for yet.
    async fn find_authority(
        &mut self,
        oauth: &OAuth,
        (url, proxies, user_agent): (&Url, &Proxies, &str),
    ) -> Result<Arc<Authority>, ContactError> {
        let asker = Asker {
            target: url.clone(),
            transport: self.plan.transport.clone(),
            proxies: proxies.clone(),
            hosts: self.plan.hosts.clone(),
            user_agent: user_agent.to_owned(),
            secrets: self.secrets.clone(),
            known: Mutex::new(Vec::new()),
        };
        let (plan, clock) = (self.plan, self.clock);
        let grant = Discovery { plan, oauth, asker: &asker, clock, calls: &mut self.calls }.grant().await;
        let grant = grant.map_err(|error| ContactError::NoToken { url: self.shown_url(), error })?;
        Ok(Arc::new(Authority::new(oauth.clone(), grant, asker, clock, plan.seed)))
    }

    /// Waits until the target takes connections; a process is started by the first call.
    async fn reach(&self) -> Result<(), ContactError> {
        let Place::Web { address, .. } = &self.place else { return Ok(()) };
        let give_up = self.clock.now() + PATIENCE;
        loop {
            let mut connection = super::connection::Connection::default();
            let tried = tokio::time::timeout(PATIENCE, connection.open(address)).await;
            let fault = match tried {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::bare(Outcome::Transport(TransportFault::Timeout(TimeoutPhase::Connect))),
            };
            if self.clock.now() >= give_up {
                return Err(self.unreachable(fault.outcome, Some(&fault.words)));
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// Logs in and shakes hands, as the wire asks for; gives the result of `initialize`.
    async fn set_up(&mut self, client: &mut Client) -> Result<Option<String>, ContactError> {
        let mut initialized = None;
        // Nobody else asks for a token yet.
        client.token();
        while let Some(id) = client.next_set_up() {
            let step = self.plan.step(id);
            let operation = step.operation.clone();
            let (exchange, answer) = self.call(client, &operation).await;
            if exchange.outcome != Outcome::Ok && matches!(operation, Operation::OAuth(_)) {
                return Err(self.denied(step, &exchange));
            }
            if exchange.outcome != Outcome::Ok {
                let reason = exchange.reason.as_deref();
                let said = answer.as_ref().map(refusal);
                let said = said.or_else(|| reason.map(str::to_owned)).unwrap_or_default();
                return Err(if matches!(exchange.outcome, Outcome::Transport(_) | Outcome::NotSent(_)) {
                    self.unreachable(exchange.outcome, reason)
                } else {
                    self.refused(client, &step.method, exchange.outcome, &said)
                });
            }
            if operation == Operation::Initialize {
                initialized = answer.map(|answer| answer.text);
                let settled = initialized.as_deref().and_then(protocol_version).unwrap_or_default();
                let known = ProtocolChoice::REVISIONS.contains(&settled.as_str());
                if !known || settled.as_str() >= MODERN_REVISION {
                    let why = if known {
                        format!("it settles on revision {settled}, which has no handshake")
                    } else {
                        format!("it settles on an unknown revision {settled}")
                    };
                    return Err(self.refused(client, "initialize", MALFORMED, &why));
                }
                client.adopt(self.wire(Era::Legacy, &settled)?);
            }
        }
        Ok(initialized)
    }

    fn server_name(&self, result: &str) -> Option<String> {
        let value: Value = serde_json::from_str(result).ok()?;
        let info = value
            .get("serverInfo")
            .or_else(|| value.pointer("/_meta/io.modelcontextprotocol~1serverInfo"))?;
        let name = info.get("name")?.as_str()?;
        let version = info.get("version").and_then(Value::as_str).unwrap_or_default();
        Some(clean_text(self.secrets.redacted(&format!("{name} {version}")).trim()))
    }

    /// The first set-up or tear-down step that does `operation`.
    fn step_of(&self, operation: &Operation) -> &'a Step {
        let around = |step: &&Step| step.role != Role::Load && step.operation == *operation;
        let found = self.plan.steps.iter().find(around);
        found.expect("a plan with MCP steps has every set-up and tear-down step")
    }

    /// Makes the call of the first set-up or tear-down step that does `operation`.
    async fn call(&mut self, client: &mut Client, operation: &Operation) -> (Exchange, Option<Answer>) {
        let step = self.step_of(operation);
        let mut rng = CounterRng::new(self.plan.seed, 0);
        let mut variables = Variables::default();
        let context =
            CallContext { iteration: 0, sent: client.now(), rng: &mut rng, variables: &mut variables };
        let (exchange, answer) = client.ask(step.id, context).await;
        self.calls.push(ContactCall { step: step.id, exchange: exchange.clone() });
        (exchange, answer)
    }

    /// There was no token to be had.
    fn denied(&self, step: &Step, exchange: &Exchange) -> ContactError {
        let Some(authority) = &self.authority else {
            return self.unreachable(exchange.outcome, exchange.reason.as_deref());
        };
        let reason = exchange.reason.as_deref().map_or_else(|| exchange.outcome.to_string(), str::to_owned);
        let url = Box::new(authority.endpoint().clone());
        let error = OAuthError::Failed { step: step.name.clone(), url, reason };
        ContactError::NoToken { url: self.shown_url(), error }
    }

    /// `reason` tells more than the outcome where the target is a process or speaks over a stream.
    fn unreachable(&self, outcome: Outcome, reason: Option<&str>) -> ContactError {
        let reason = clean_text(self.secrets.redacted(reason.unwrap_or_default().trim()).trim());
        let alone = matches!(self.place, Place::Here(_)) || self.is_over_events();
        let http2 = match self.plan.transport.http {
            HttpVersion::Http2 => "; it is asked for HTTP/2 alone (`http: 2`): does it speak that?",
            HttpVersion::Http1 => "",
        };
        let detail = match reason.as_str() {
            "" => format!("{}{http2}", in_words(outcome)),
            reason if alone => format!("{reason} ({outcome}){http2}"),
            reason => format!("{}: {reason}{http2}", in_words(outcome)),
        };
        ContactError::Unreachable { url: self.shown_url(), outcome, detail }
    }

    fn refused(&self, client: &Client, step: &str, outcome: Outcome, said: &str) -> ContactError {
        let said = match outcome {
            Outcome::JsonRpcError(_) => &error_message(said),
            Outcome::Ok
            | Outcome::Transport(_)
            | Outcome::HttpStatus(_)
            | Outcome::Protocol(_)
            | Outcome::ToolError
            | Outcome::CheckFailed
            | Outcome::NotSent(_)
            | Outcome::Cancelled
            | Outcome::Interrupted => said,
        };
        let said = clean_text(self.secrets.redacted(said.trim()).trim());
        let mut detail = if said.is_empty() { said } else { format!(": {said}") };
        if detail.starts_with(": <") {
            " and a page of markup: is this an MCP endpoint, and the path right?".clone_into(&mut detail);
        }
        if let Outcome::HttpStatus(401 | 403) = outcome {
            let wrong = match &self.authority {
                Some(authority) => format!("it does not accept {}", authority.told()),
                None if self.plan.auth == Auth::None => {
                    "no credentials were sent: say under `auth` who calls".to_owned()
                }
                None => "it does not accept the credentials that `auth` gives".to_owned(),
            };
            detail = format!("{detail}; {wrong}");
        }
        let words = client.last_words();
        if !words.is_empty() {
            detail = format!("{detail}; its last words: {words}");
        }
        ContactError::Refused { url: self.shown_url(), step: step.to_owned(), outcome, detail }
    }

    /// The URL without credentials, or the command.
    fn shown_url(&self) -> String {
        let mut url = match &self.place {
            Place::Here(program) => return program.shown().to_owned(),
            Place::Web { url, .. } => Url::clone(url),
        };
        // Neither fails for a URL with a host, and no other gets here.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }

    fn done(self, wire: Wire, server: Option<String>, catalog: Option<Catalog>) -> Contact {
        let carriage = wire.carriage();
        let pid = match &self.place {
            Place::Here(program) => program.shared_pid(),
            Place::Web { .. } => None,
        };
        let shown = |name: &str| clean_text(&self.secrets.redacted(name));
        let tools = catalog.as_ref().map(|catalog| catalog.names().map(shown).collect());
        let catalog = catalog.map(Arc::new);
        let info = TargetInfo {
            url: self.shown_url(),
            transport: carriage,
            era: wire.era,
            revision: wire.revision.clone(),
            server,
            tools,
            started_by_gander: carriage == Carriage::Stdio,
            pid,
        };
        let wire = Arc::new(wire.with_catalog(catalog.clone()));
        Contact { wire, info, catalog, calls: self.calls }
    }
}

/// A server is known that answers modern calls with a result, but without `resultType`: it is legacy.
fn is_modern(answer: &Answer) -> bool {
    serde_json::from_str::<Value>(&answer.text).is_ok_and(|result| result.get("resultType").is_some())
}

/// A server that is modern and will not have this call.
fn is_modern_refusal(answer: &Answer) -> bool {
    [400, NO_STATUS].contains(&answer.status)
        && answer.error_code.is_some_and(|code| MODERN_ERRORS.contains(&code))
}

/// True when a server refuses `revision` and has it on the list of those that it takes: one that was asked too early.
fn speaks_after_all(answer: &Answer, revision: &str) -> bool {
    let supported = |text: &str| {
        let error: Value = serde_json::from_str(text).ok()?;
        let data = error.pointer("/error/data").or_else(|| error.get("data"))?;
        Some(data.get("supported")?.as_array()?.iter().any(|one| one == revision))
    };
    answer.error_code == Some(UNSUPPORTED_REVISION) && supported(&answer.text).unwrap_or(false)
}

fn protocol_version(result: &str) -> Option<String> {
    let value: Value = serde_json::from_str(result).ok()?;
    Some(clean_text(value.get("protocolVersion")?.as_str()?))
}
