//! From the sections of a scenario to the plan: steps get their ids, and the steps around the load are added.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::check::AROUND;
use super::file::ScenarioFile;
use super::operation_file::{CHANGING_LISTS, method_and_tool};
use super::step_file::WrittenStep;
use super::target_file::WrittenTarget;
use crate::plan::{
    Auth, Conduct, Feeder, FeederId, OAuthCall, Operation, PLAN_VERSION, PlacedCanary, Plan, ProtocolChoice,
    Role, Slot, Step, StepId, Template, Transaction,
};

/// The plan; `None` when a section has a mistake. Thresholds come from the objectives, later.
pub(super) fn plan(file: ScenarioFile) -> Option<Plan> {
    let written = Some(file.transactions).filter(|_| file.transactions_whole)?;
    let deadline = file.timeout?;
    let auth = file.auth?.auth;
    let (session, session_end) = file.session?;
    let WrittenTarget { target, transport, .. } = file.target?;
    let mcp = written.iter().flat_map(|transaction| &transaction.steps).any(WrittenStep::is_mcp);
    let mut steps = Steps { steps: Vec::new(), deadline };
    steps.add_around(&auth, mcp);
    let load = file.load.as_ref().map(|written| &written.load);
    if let Some(load) = load.filter(|load| mcp && load.idle_streams > 0) {
        steps.add_idle_stream(load.duration());
    }
    let used: BTreeSet<Slot> =
        written.iter().flat_map(|transaction| &transaction.steps).flat_map(WrittenStep::uses).collect();
    let feeders: Vec<Feeder> =
        file.feeders.into_iter().map(|written| written.feeder.narrowed(&used)).collect();
    let transactions = written
        .into_iter()
        .map(|transaction| Transaction {
            feeders: feeders_of(&transaction.steps, &feeders),
            name: transaction.name,
            weight: transaction.weight,
            steps: transaction.steps.into_iter().map(|step| steps.add_load(step)).collect(),
        })
        .collect();
    Some(Plan {
        version: PLAN_VERSION,
        name: file.name?,
        description: file.description?,
        seed: file.seed?,
        target,
        transport,
        // Without a call of MCP there is no revision to agree on.
        protocol: if mcp { file.protocol? } else { ProtocolChoice::Rest },
        auth,
        session,
        session_end,
        unlisted_tools: file.unlisted_tools?,
        answers: file.answers?,
        hosts: file.hosts,
        load: file.load?.load,
        variables: file.variables,
        feeders,
        transactions,
        canaries: PlacedCanary::in_arguments(&steps.steps),
        steps: steps.steps,
        observe: file.observe?.observe,
        output_schema: file.output_schema?,
        outputs: file.outputs?,
        thresholds: Vec::new(),
    })
}

/// The feeders whose columns `steps` name.
fn feeders_of(steps: &[WrittenStep], feeders: &[Feeder]) -> Vec<FeederId> {
    let used: BTreeSet<Slot> = steps.iter().flat_map(WrittenStep::uses).collect();
    (0..).map(FeederId).zip(feeders).filter(|(_, feeder)| feeder.feeds(&used)).map(|(id, _)| id).collect()
}

/// The end of a session is waited for no longer: nothing comes after it, and a target that stands still would keep every
/// run from ending for a whole timeout.
const LONGEST_END: Duration = Duration::from_secs(5);

struct Steps {
    steps: Vec<Step>,
    deadline: Duration,
}

impl Steps {
    /// What surrounds the load. Both eras are there: which one is spoken shows at the first contact.
    fn add_around(&mut self, auth: &Auth, mcp: bool) {
        let [login, challenge, resource, server, token, initialize, initialized, discover, list, end, _] =
            AROUND;
        if let Auth::Login { path, .. } = auth {
            self.add(login, Role::SetUp, format!("POST {path}"), Operation::Login);
        }
        if let Auth::OAuth(oauth) = auth {
            let discovery = [
                (challenge, OAuthCall::Challenge),
                (resource, OAuthCall::ResourceMetadata),
                (server, OAuthCall::ServerMetadata),
            ];
            let known = oauth.token_url.is_some();
            for (name, call) in discovery.into_iter().filter(|_| !known).chain([(token, OAuthCall::Token)]) {
                let operation = Operation::OAuth(call);
                let (method, _) = method_and_tool(&operation);
                self.add(name, Role::SetUp, method, operation);
            }
        }
        if mcp {
            for (name, role, operation) in [
                (initialize, Role::SetUp, Operation::Initialize),
                (initialized, Role::SetUp, Operation::Initialized),
                (discover, Role::SetUp, Operation::discover()),
                (list, Role::SetUp, Operation::list_tools()),
                (end, Role::TearDown, Operation::EndSession),
            ] {
                let (method, _) = method_and_tool(&operation);
                self.add(name, role, method, operation);
            }
        }
    }

    /// The streams that are held open as long as the load is on, which is `length`; its deadline is for opening one.
    fn add_idle_stream(&mut self, length: Duration) {
        let [.., idle] = AROUND;
        let lists = CHANGING_LISTS.map(|(_, list)| (list, Template::literal("true")));
        let operation = Operation::Listen { filter: Template::object(&lists), length };
        let (method, _) = method_and_tool(&operation);
        self.add(idle, Role::SetUp, method, operation);
    }

    /// Adds a step around the load.
    fn add(&mut self, name: &str, role: Role, method: String, operation: Operation) {
        let id = self.next_id();
        self.steps.push(Step {
            id,
            name: name.to_owned(),
            role,
            method,
            tool: None,
            checks: Vec::new(),
            extract: Vec::new(),
            condition: None,
            tags: BTreeMap::new(),
            deadline: if role == Role::TearDown { self.deadline.min(LONGEST_END) } else { self.deadline },
            // Which tools there are decides what is called, and how.
            conduct: Conduct {
                pages: (operation == Operation::list_tools()).then_some(Conduct::MOST_PAGES_AT_CONTACT),
                ..Conduct::default()
            },
            operation,
        });
    }

    fn add_load(&mut self, step: WrittenStep) -> StepId {
        let id = self.next_id();
        // What is kept open ends by itself.
        let deadline = if let Operation::Listen { length, .. } = &step.operation {
            *length
        } else {
            step.timeout.unwrap_or(self.deadline)
        };
        self.steps.push(Step {
            id,
            name: step.name,
            role: Role::Load,
            method: step.method,
            tool: step.tool,
            operation: step.operation,
            checks: step.checks,
            extract: step.extract,
            condition: step.condition,
            tags: step.tags,
            deadline,
            conduct: step.conduct,
        });
        id
    }

    fn next_id(&self) -> StepId {
        // Too many steps are a problem of the file, and then this plan is never used.
        StepId(u16::try_from(self.steps.len()).unwrap_or(u16::MAX))
    }
}
