//! What all users of one run share: where requests go, in which revision, and each step's request rendered as far as
//! it can be before the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_rustls::rustls::ClientConfig;
use url::{Position, Url};

use super::address::{Address, AddressError, Route};
use super::aside::Beside;
use super::catalog::{Catalog, TaskSupport};
use super::channel::{EventsWay, Program};
use super::failure::Failure;
use super::fields::{Fields, bearer};
use super::gathered::Gathered;
use super::oauth::Authority;
use super::replicas::Others;
use super::request::{self, FormContext, RequestForm};
use super::tasks::Tasks;
use crate::model::{Carriage, Era, Messages, Outcome, RunTag, Secrets, Strays, TransportFault};
use crate::plan::{Answers, Auth, OAuthCall, Operation, Plan, Proxy, Step, StepId, Template};

/// Everything about the target that calls have in common.
#[derive(Debug)]
pub struct Wire {
    pub(crate) way: Way,
    /// Where plain requests go; `None` where the target is a process.
    pub(super) url: Option<Url>,
    pub(crate) era: Era,
    pub(crate) revision: String,
    pub(crate) forms: Vec<RequestForm>,
    pub(crate) steps: Vec<Step>,
    pub(crate) set_up: Vec<StepId>,
    pub(crate) tear_down: Option<StepId>,
    /// Who gives out tokens, where they come by OAuth.
    pub(super) authority: Option<Arc<Authority>>,
    /// The tools that the target lists, where that is known.
    pub(super) catalog: Option<Arc<Catalog>>,
    /// How the stream of an answer is opened again that ended too early, where the era has that.
    pub(super) resume: Option<RequestForm>,
    /// All draws of users come from this.
    pub(crate) seed: u64,
    /// How many users make calls.
    pub(crate) users: u32,
    /// What tells the nonces of this run from those of others.
    pub(crate) run: RunTag,
    /// What the plan holds, and each token that a login gives out.
    pub(crate) secrets: Secrets,
    /// What users see beside answers.
    pub(crate) gathered: Gathered,
    /// The ways to the other URLs of the target; boxed: few have any.
    pub(super) others: Option<Box<Others>>,
    /// What users answer when the target asks them.
    pub(crate) answers: Arc<Answers>,
    /// What is asked of tools that run as tasks; boxed: few plans have any.
    pub(super) tasks: Option<Box<Tasks>>,
    /// How a message is posted that waits for no answer; `None` where that is not done.
    pub(crate) client_message: Option<RequestForm>,
}

/// How messages get to the target and back.
#[derive(Debug)]
pub(crate) enum Way {
    /// Each answer comes on the connection that its request went out on.
    Http(Address),
    /// Answers come on a stream of events.
    Events(Arc<EventsWay>),
    /// Lines of a process.
    Lines(Arc<Program>),
}

/// Why the wire could not be laid.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// There is nowhere to connect to.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A header of the scenario's `auth` is no header.
    #[error("`{0}` can't be sent as a header: a name is letters, digits and `-`, a value is visible ASCII")]
    Header(String),
}

impl Wire {
    /// Prepares calls to `url` (the MCP endpoint, or for plain HTTP the base) in `era` and `revision`, for the run `run` of `plan`.
    pub(crate) fn new(
        (plan, run): (&Plan, RunTag),
        url: &Url,
        address: Address,
        era: Era,
        revision: &str,
        user_agent: &str,
    ) -> Result<Self, WireError> {
        let (headers, origin) = requests((plan, run), url, &address, user_agent)?;
        let endpoint = request::endpoint(url);
        let context = FormContext {
            origin,
            endpoint,
            era,
            revision,
            auth: &plan.auth,
            headers: &headers,
            answers: &plan.answers,
            task: None,
        };
        let find =
            |wanted: fn(&Step) -> bool| plan.steps.iter().find(|step| wanted(step)).map(|step| step.id);
        let credentials =
            find(|step| matches!(step.operation, Operation::Login | Operation::OAuth(OAuthCall::Token)));
        let mut wire = Self::laid(plan, Way::Http(address), run, context);
        wire.set_up.splice(0..0, credentials);
        wire.url = Some(url.clone());
        if era == Era::Legacy {
            wire.tear_down = find(|step| step.operation == Operation::EndSession);
            wire.resume = Some(RequestForm::resume(context));
            wire.client_message = Some(RequestForm::of_client_message(context));
        }
        Ok(wire)
    }

    /// What all ways have in common.
    fn laid(plan: &Plan, way: Way, run: RunTag, context: FormContext<'_>) -> Self {
        let secrets = plan.secrets_in(run);
        Self {
            way,
            url: None,
            era: context.era,
            revision: context.revision.to_owned(),
            forms: plan.steps.iter().map(|step| RequestForm::of(step, context)).collect(),
            steps: plan.steps.clone(),
            set_up: if context.era == Era::Legacy { handshake(plan) } else { Vec::new() },
            tear_down: None,
            authority: None,
            catalog: None,
            resume: None,
            seed: plan.seed,
            users: plan.load.clients(),
            run,
            others: None,
            tasks: Tasks::of(plan, context).map(Box::new),
            gathered: Gathered::new(secrets.clone()),
            secrets,
            answers: Arc::new(plan.answers.clone()),
            client_message: None,
        }
    }

    /// The same way for the steps of another plan: what is known of the target stays, and so does what is secret.
    pub(crate) fn for_plan(&self, plan: &Plan, user_agent: &str) -> Result<Self, WireError> {
        let over_http = |url: &Url, address: &Address| {
            Self::new((plan, self.run), url, address.clone(), self.era, &self.revision, user_agent)
        };
        let wire = match (&self.way, &self.url) {
            (Way::Http(address), Some(url)) => over_http(url, address)?,
            (Way::Events(way), Some(url)) => {
                over_http(url, &way.address)?.over_events(plan, url, user_agent)?
            }
            (Way::Lines(program), _) => {
                Self::over_lines((plan, self.run), Arc::clone(program), self.era, &self.revision)
            }
            (Way::Http(_) | Way::Events(_), None) => unreachable!("what is not a process has a URL"),
        };
        let (authority, secrets) = (self.authority.clone(), self.secrets.clone());
        let wire = Self { authority, secrets, gathered: self.gathered.clone(), ..wire };
        Ok(wire.with_catalog(self.catalog.clone()))
    }

    /// The same, with calls of tools as `catalog` wants them: the modern era's headers repeat arguments, and before it only tools
    /// that say so are asked to run as tasks.
    pub(super) fn with_catalog(mut self, catalog: Option<Arc<Catalog>>) -> Self {
        if let (Some(catalog), Era::Modern, Way::Http(_)) = (&catalog, self.era, &self.way) {
            for (form, step) in self.forms.iter_mut().zip(&self.steps) {
                if step.operation.is_tool_call() {
                    form.repeat(step.tool.as_deref(), catalog);
                }
            }
        }
        if let (Some(catalog), Era::Legacy) = (&catalog, self.era) {
            for (form, step) in self.forms.iter_mut().zip(&self.steps) {
                let support = step.tool.as_deref().and_then(|tool| catalog.task_support(tool));
                if step.conduct.task.is_some() && support == Some(TaskSupport::None) {
                    form.run_at_once();
                }
            }
        }
        Self { catalog, ..self }
    }

    /// From now on these steps, which call tools, do it with these arguments. No client may have the wire yet.
    pub(super) fn give_arguments(&mut self, arguments: &BTreeMap<StepId, Template>) {
        for (step, arguments) in arguments {
            if let Operation::CallTool { tool, .. } = &self.steps[step.index()].operation {
                self.forms[step.index()].give_arguments(tool, arguments);
            }
        }
        for other in self.others.iter_mut().flat_map(|others| others.wires_mut()) {
            other.give_arguments(arguments);
        }
    }

    /// The same over HTTP+SSE, whose stream is at `url`: sessions end with their streams.
    pub(crate) fn over_events(self, plan: &Plan, url: &Url, user_agent: &str) -> Result<Self, WireError> {
        let Way::Http(address) = self.way else { return Ok(self) };
        let (headers, origin) = requests((plan, self.run), url, &address, user_agent)?;
        let (origin, fields) = (origin.to_owned(), Fields::of(&headers));
        let way = Way::Events(Arc::new(EventsWay { address, url: url.clone(), origin, fields }));
        Ok(Self { way, tear_down: None, ..self })
    }

    /// Prepares calls to the processes of `program`.
    pub(crate) fn over_lines(
        (plan, run): (&Plan, RunTag),
        program: Arc<Program>,
        era: Era,
        revision: &str,
    ) -> Self {
        let headers = HeaderMap::new();
        let context = FormContext {
            origin: "",
            endpoint: "",
            era,
            revision,
            auth: &plan.auth,
            headers: &headers,
            answers: &plan.answers,
            task: None,
        };
        Self::laid(plan, Way::Lines(program), run, context)
    }

    /// True when a call is made again if its answer asks for input.
    pub(super) fn makes_rounds(&self) -> bool {
        self.era == Era::Modern && !self.answers.is_empty()
    }

    /// True when `operation` goes over a channel.
    pub(crate) fn has_channel(&self, operation: &Operation) -> bool {
        match self.way {
            Way::Http(_) => false,
            Way::Events(_) => operation.is_rpc() || *operation == Operation::Initialized,
            Way::Lines(_) => true,
        }
    }

    /// Where plain requests go.
    pub(crate) fn address(&self) -> Result<&Address, Failure> {
        match &self.way {
            Way::Http(address) => Ok(address),
            Way::Events(way) => Ok(&way.address),
            Way::Lines(_) => {
                let outcome = Outcome::Transport(TransportFault::Other);
                Err(Failure::worded(outcome, "a process is not asked over HTTP"))
            }
        }
    }

    /// What is done with what comes beside answers.
    pub(super) fn beside(&self) -> Beside<'_> {
        let posting = match (&self.client_message, &self.way) {
            (Some(form), Way::Http(address)) => Some((form, address)),
            (Some(_) | None, Way::Http(_) | Way::Events(_) | Way::Lines(_)) => None,
        };
        Beside { gathered: &self.gathered, posting, era: self.era }
    }

    /// The program whose processes are the target.
    fn program(&self) -> Option<&Program> {
        match &self.way {
            Way::Http(_) | Way::Events(_) => None,
            Way::Lines(program) => Some(program),
        }
    }

    /// How messages travel.
    pub fn carriage(&self) -> Carriage {
        match self.way {
            Way::Http(_) => Carriage::Http,
            Way::Events(_) => Carriage::Sse,
            Way::Lines(_) => Carriage::Stdio,
        }
    }

    /// Messages that belong to no call in flight, messages beside answers, and remarks in words, since the last time this was
    /// asked.
    pub fn take_beside(&self) -> (Strays, Messages, Vec<String>) {
        self.gathered.take()
    }

    /// Has every process that was started for this target end; none is started any more.
    pub fn hang_up(&self) {
        if let Some(program) = self.program() {
            program.hang_up();
        }
    }

    /// Ends when every process that was started for this target is gone.
    pub async fn gone(&self) {
        if let Some(program) = self.program() {
            program.gone().await;
        }
    }

    /// What the target knows and no report may show; it grows with each login.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// How whoever else asks the target does TLS; `None` where it speaks plain text.
    pub fn tls(&self) -> Option<ClientConfig> {
        self.address().ok()?.tls()
    }

    /// The proxy that calls go through.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.address().ok()?.proxy()
    }

    /// The calls that open a user's session, in order.
    pub fn set_up(&self) -> &[StepId] {
        &self.set_up
    }

    /// True of the call that gets a user its token.
    pub(super) fn gets_token(&self, step: StepId) -> bool {
        matches!(self.steps[step.index()].operation, Operation::Login | Operation::OAuth(OAuthCall::Token))
    }

    /// The call that closes a user's session, where the era has one.
    pub fn tear_down(&self) -> Option<StepId> {
        self.tear_down
    }
}

/// The steps of the legacy handshake, in order.
fn handshake(plan: &Plan) -> Vec<StepId> {
    let find = |wanted| plan.steps.iter().find(|step| step.operation == wanted).map(|step| step.id);
    find(Operation::Initialize).into_iter().chain(find(Operation::Initialized)).collect()
}

/// The header fields of every request, and what stands before its path.
fn requests<'u>(
    (plan, run): (&Plan, RunTag),
    url: &'u Url,
    address: &Address,
    user_agent: &str,
) -> Result<(HeaderMap, &'u str), WireError> {
    let mut headers = common_headers(plan, url, user_agent)?;
    headers.extend(plan.canaries.iter().filter_map(|placed| placed.as_header(run)));
    let Route::Forward(proxy) = &address.route else { return Ok((headers, "")) };
    headers.extend(proxy_authorization(proxy)?.map(|value| (PROXY_AUTHORIZATION, value)));
    Ok((headers, &url[..Position::BeforePath]))
}

fn common_headers(plan: &Plan, url: &Url, user_agent: &str) -> Result<HeaderMap, WireError> {
    let mut headers = HeaderMap::new();
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(AddressError::Unsupported(url.clone()).into()),
    };
    let visible = |text: &str| HeaderValue::from_str(text).map_err(|_| WireError::Header(text.to_owned()));
    headers.insert(HOST, visible(&host)?);
    headers.insert(USER_AGENT, visible(user_agent)?);
    match &plan.auth {
        Auth::None | Auth::Login { .. } | Auth::OAuth(_) => {}
        Auth::Bearer(token) => {
            headers.insert(AUTHORIZATION, bearer(token).ok_or_else(|| WireError::Header("auth".into()))?);
        }
        Auth::Headers(fixed) => {
            for (name, value) in fixed {
                let bad = || WireError::Header(name.clone());
                let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
                let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
                value.set_sensitive(true);
                headers.insert(key, value);
            }
        }
    }
    Ok(headers)
}

fn proxy_authorization(proxy: &Proxy) -> Result<Option<HeaderValue>, WireError> {
    let Some(authorization) = &proxy.authorization else { return Ok(None) };
    let mut value = HeaderValue::from_str(authorization.expose())
        .map_err(|_| WireError::Header(PROXY_AUTHORIZATION.to_string()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
