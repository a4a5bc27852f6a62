//! What tests have in common: a small plan, clients of it, and replies in the making.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::server::{Act, Seen, Server};
use crate::clock::Clock;
use crate::mcp::address::Address;
use crate::mcp::wire::Wire;
use crate::mcp::{CallContext, Client, Contact, ContactError, first_contact};
use crate::model::{CounterRng, Era, Outcome, Secret};
use crate::plan::{
    Auth, Check, ClientProof, ClosedLoad, HostRule, HttpVersion, Load, LoadModel, OAuth, OAuthCall, Observe,
    Operation, Outputs, PLAN_VERSION, Plan, ProtocolChoice, Proxies, Role, SessionEnd, SessionPolicy, Step,
    StepId, Target, Template, ThinkTime, Tls, TokenSharing, Transport, Variables,
};

/// The newest revision of the legacy era.
pub(super) const LEGACY: &str = "2025-11-25";
pub(super) const INITIALIZE: StepId = StepId(0);
pub(super) const INITIALIZED: StepId = StepId(1);
pub(super) const LIST_TOOLS: StepId = StepId(3);
pub(super) const END_SESSION: StepId = StepId(4);
/// The one step of the load.
pub(super) const CALL: StepId = StepId(5);
/// There when the plan logs in.
pub(super) const LOGIN: StepId = StepId(6);
/// Longer than any call of a test takes that does not time out.
const NEVER: Duration = Duration::from_secs(60);

/// A plan whose load is one `tools/call`, and where it goes.
pub(super) struct Rig {
    pub(super) plan: Plan,
    pub(super) url: Url,
    revision: &'static str,
    proxies: Proxies,
}

impl Rig {
    /// Calls `server` at `/mcp`.
    pub(super) fn new(server: &Server) -> Self {
        Self::at(&format!("http://{}/mcp", server.address))
    }

    pub(super) fn at(url: &str) -> Self {
        let call = Operation::CallTool {
            tool: Template::literal("echo"),
            arguments: Template::literal(r#"{"text":"hi"}"#),
            generated: None,
        };
        let operations = [
            (Role::SetUp, Operation::Initialize),
            (Role::SetUp, Operation::Initialized),
            (Role::SetUp, Operation::discover()),
            (Role::SetUp, Operation::list_tools()),
            (Role::TearDown, Operation::EndSession),
            (Role::Load, call),
        ];
        let mut rig = Self {
            plan: plan(),
            url: Url::parse(url).unwrap(),
            revision: LEGACY,
            proxies: Proxies::default(),
        };
        for (role, operation) in operations {
            rig.push(role, operation);
        }
        rig
    }

    /// Calls in this revision.
    pub(super) fn revision(mut self, revision: &'static str) -> Self {
        self.revision = revision;
        self
    }

    /// The load does this instead.
    pub(super) fn operation(mut self, operation: Operation) -> Self {
        self.plan.steps[CALL.index()].operation = operation;
        self
    }

    pub(super) fn checked(mut self, check: Check) -> Self {
        self.plan.steps[CALL.index()].checks.push(check);
        self
    }

    /// Calls of the load are made like this.
    pub(super) fn conduct(mut self, conduct: crate::plan::Conduct) -> Self {
        self.plan.steps[CALL.index()].conduct = conduct;
        self
    }

    /// Calls of the load are given up after this.
    pub(super) fn deadline(mut self, deadline: Duration) -> Self {
        self.plan.steps[CALL.index()].deadline = deadline;
        self
    }

    /// This is whom it trusts.
    pub(super) fn tls(mut self, tls: Tls) -> Self {
        self.plan.transport.tls = tls;
        self
    }

    /// Speaks this version.
    pub(super) fn http(mut self, http: HttpVersion) -> Self {
        self.plan.transport.http = http;
        self
    }

    /// Every scheme goes through this proxy.
    pub(super) fn proxy(mut self, proxy: &str) -> Self {
        self.proxies = Proxies::from_environment(&|name| (name == "ALL_PROXY").then(|| proxy.to_owned()));
        self
    }

    pub(super) fn auth(mut self, auth: Auth) -> Self {
        self.plan.auth = auth;
        self
    }

    /// Users log in at `/login`.
    pub(super) fn with_login(mut self) -> Self {
        self.push(Role::SetUp, Operation::Login);
        let password = Secret::new("hunter2");
        self.auth(Auth::Login { path: "/login".into(), username: "ann".into(), password })
    }

    /// Tokens come by OAuth, as the target's metadata says, for client `ann`.
    pub(super) fn with_oauth(mut self) -> Self {
        use OAuthCall::{Challenge, ResourceMetadata, ServerMetadata, Token};
        for call in [Challenge, ResourceMetadata, ServerMetadata, Token] {
            self.push(Role::SetUp, Operation::OAuth(call));
        }
        self.auth(Auth::OAuth(Box::new(OAuth {
            client_id: "ann".into(),
            proof: ClientProof::Secret { secret: Secret::new("hunter2"), method: None },
            scope: None,
            token_url: None,
            tokens: TokenSharing::Shared,
        })))
    }

    /// With this changed in what [`Self::with_oauth`] says.
    pub(super) fn oauth(mut self, change: impl FnOnce(&mut OAuth)) -> Self {
        if let Auth::OAuth(oauth) = &mut self.plan.auth {
            change(oauth);
        }
        self
    }

    /// Load may go to these hosts, too.
    pub(super) fn allowing(mut self, hosts: Vec<String>) -> Self {
        self.plan.hosts.allowed = hosts;
        self
    }

    pub(super) fn protocol(mut self, protocol: ProtocolChoice) -> Self {
        self.plan.protocol = protocol;
        self
    }

    /// A client for user `vu` that has called nobody yet.
    pub(super) async fn client(&self, vu: u32) -> Client {
        let address = Address::resolve(&self.url, &self.plan.transport, &self.proxies).await.unwrap();
        let era = if self.revision == "2026-07-28" { Era::Modern } else { Era::Legacy };
        let wire = Wire::new(
            (&self.plan, crate::model::RunTag::of(std::time::UNIX_EPOCH)),
            &self.url,
            address,
            era,
            self.revision,
            "test",
        )
        .unwrap();
        Client::new(Arc::new(wire), Clock::start(), vu)
    }

    pub(super) async fn contact(&self) -> Result<Contact, ContactError> {
        first_contact(&self.plan, &self.url, &self.proxies, "test", Clock::start()).await
    }

    fn push(&mut self, role: Role, operation: Operation) {
        let id = StepId(u16::try_from(self.plan.steps.len()).unwrap());
        self.plan.steps.push(Step {
            id,
            name: format!("{operation:?}"),
            role,
            method: String::new(),
            tool: None,
            operation,
            checks: Vec::new(),
            extract: Vec::new(),
            condition: None,
            tags: BTreeMap::new(),
            deadline: NEVER,
            conduct: crate::plan::Conduct::default(),
        });
    }
}

fn plan() -> Plan {
    Plan {
        version: PLAN_VERSION,
        name: "test".into(),
        description: String::new(),
        seed: 1,
        target: Target::Demo(crate::plan::DemoTarget::default()),
        transport: Transport::default(),
        protocol: ProtocolChoice::Auto,
        auth: Auth::None,
        session: SessionPolicy::PerUser,
        session_end: SessionEnd::Delete,
        unlisted_tools: crate::plan::UnlistedTools::Call,
        answers: crate::plan::Answers::default(),
        hosts: HostRule::default(),
        load: Load {
            model: LoadModel::Closed(ClosedLoad {
                stages: Vec::new(),
                think_time: ThinkTime::Constant(Duration::ZERO),
            }),
            warm_up: Duration::ZERO,
            idle_streams: 0,
            stage_names: Vec::new(),
        },
        variables: Vec::new(),
        feeders: Vec::new(),
        transactions: Vec::new(),
        steps: Vec::new(),
        observe: Observe {
            metrics: None,
            metrics_interval: Duration::ZERO,
            prometheus: None,
            health: None,
            ready: None,
            live: None,
            health_interval: Duration::ZERO,
            pid: None,
        },
        output_schema: crate::plan::OutputSchema::default(),
        canaries: Vec::new(),
        outputs: Outputs { directory: "runs".into(), formats: Vec::new(), grafana: None },
        thresholds: Vec::new(),
    }
}

/// How one call ends.
pub(super) async fn perform(client: &mut Client, step: StepId) -> Outcome {
    exchange(client, step).await.outcome
}

/// One call.
pub(super) async fn exchange(client: &mut Client, step: StepId) -> crate::mcp::Exchange {
    let mut rng = CounterRng::new(1, 1);
    client
        .perform(
            step,
            CallContext {
                iteration: 1,
                sent: client.now(),
                rng: &mut rng,
                variables: &mut Variables::default(),
            },
        )
        .await
}

/// The set-up calls, until none is left or one fails.
pub(super) async fn set_up(client: &mut Client) -> Outcome {
    while let Some(step) = client.next_set_up() {
        let outcome = perform(client, step).await;
        if outcome != Outcome::Ok {
            return outcome;
        }
    }
    Outcome::Ok
}

/// An HTTP answer with a length.
pub(super) fn http(status: &str, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![write(&format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))]
}

pub(super) fn json(body: &str) -> Vec<Act> {
    http("200 OK", "Content-Type: application/json\r\n", body)
}

/// A stream of events that ends where `stream` does.
pub(super) fn events(stream: &str) -> Vec<Act> {
    http("200 OK", "Content-Type: text/event-stream\r\n", stream)
}

/// The head of a stream of events that ends with the connection.
pub(super) fn open_events() -> Act {
    write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
}

pub(super) fn write(text: &str) -> Act {
    Act::Write(text.as_bytes().to_vec())
}

/// The JSON-RPC answer to `seen` with this result.
pub(super) fn answer(seen: &Seen, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id())
}

/// The JSON-RPC error for `seen`.
pub(super) fn error(seen: &Seen, code: i64) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":{code},"message":"no"}}}}"#, seen.id())
}

/// The answer that every tool gives when all is well.
pub(super) fn good(seen: &Seen) -> Vec<Act> {
    json(&answer(seen, r#"{"content":[{"type":"text","text":"hi"}]}"#))
}
