//! One client that makes calls which no scenario has yet.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::mcp::{CallContext, Client, Exchange, Wire, WireError};
use crate::model::{CounterRng, Outcome, Secrets};
use crate::plan::{McpRequest, Operation, Plan, Role, StepId, Template, Variables};

/// The client's number: 0 is that of the first contact.
const USER: u32 = 1;

/// The client, and the plan whose calls it can make.
#[derive(Debug)]
pub(super) struct Asker {
    plan: Plan,
    user_agent: String,
    wire: Arc<Wire>,
    client: Client,
    clock: Clock,
    rng: CounterRng,
    variables: Variables,
}

impl Asker {
    /// A client with no session yet. `plan` has one step of load.
    pub(super) fn new(plan: Plan, user_agent: String, wire: Arc<Wire>, clock: Clock) -> Self {
        let client = Client::new(Arc::clone(&wire), clock, USER);
        let rng = CounterRng::new(plan.seed, u64::from(USER));
        Self { plan, user_agent, wire, client, clock, rng, variables: Variables::default() }
    }

    /// The time on its clock.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// What no text may show.
    pub(super) fn secrets(&self) -> &Secrets {
        self.wire.secrets()
    }

    /// Goes on with the steps of `plan`, in the same session.
    pub(super) fn take_up(&mut self, plan: Plan) -> Result<(), WireError> {
        self.wire = Arc::new(self.wire.for_plan(&plan, &self.user_agent)?);
        self.client.adopt(Arc::clone(&self.wire));
        self.plan = plan;
        Ok(())
    }

    /// The JSON text of the result of `method`, with `cursor` where there is one; `None` where the server has none to give.
    pub(super) async fn list(
        &mut self,
        method: &str,
        cursor: Option<&str>,
    ) -> Result<Option<String>, WireError> {
        let params = cursor.map(|cursor| Template::object(&[("cursor", Template::literal(cursor).quoted())]));
        let mut plan = self.plan.clone();
        let step = plan.steps.iter_mut().find(|step| step.role == Role::Load);
        let step = step.expect("the plan of a visit has a step of load");
        step.operation = Operation::Request(McpRequest { method: method.to_owned(), params, name: None });
        let id = step.id;
        self.take_up(plan)?;
        if self.open().await.is_err() {
            return Ok(None);
        }
        let context = CallContext {
            iteration: 1,
            sent: self.clock.now(),
            rng: &mut self.rng,
            variables: &mut self.variables,
        };
        let (exchange, answer) = self.client.ask(id, context).await;
        Ok(answer.filter(|_| exchange.outcome == Outcome::Ok).map(|answer| answer.text))
    }

    /// Makes the calls of the transaction `name`; how long they took, or why one failed: one printable line without secrets.
    pub(super) async fn try_transaction(&mut self, name: &str) -> Result<Duration, String> {
        let transaction = self.plan.transactions.iter().find(|transaction| transaction.name == name);
        let steps = transaction.map(|transaction| transaction.steps.clone()).unwrap_or_default();
        self.open().await?;
        let mut took = Duration::ZERO;
        for step in steps {
            let exchange = self.perform(step).await;
            took += exchange.end.saturating_sub(exchange.sent);
            reason(exchange)?;
        }
        Ok(took)
    }

    /// Ends the session that the server keeps; nothing depends on its answer. A server that is a process is gone after it.
    pub(super) async fn close(&mut self) {
        if let Some(step) = self.client.next_tear_down() {
            self.perform(step).await;
        }
        self.client.reset();
        self.wire.hang_up();
        self.wire.gone().await;
    }

    /// Makes the calls that a session begins with, where there is none.
    async fn open(&mut self) -> Result<(), String> {
        while let Some(step) = self.client.next_set_up() {
            reason(self.perform(step).await)?;
        }
        Ok(())
    }

    async fn perform(&mut self, step: StepId) -> Exchange {
        let context = CallContext {
            iteration: 1,
            sent: self.clock.now(),
            rng: &mut self.rng,
            variables: &mut self.variables,
        };
        self.client.perform(step, context).await
    }
}

fn reason(exchange: Exchange) -> Result<(), String> {
    match exchange.outcome {
        Outcome::Ok => Ok(()),
        failed @ (Outcome::Transport(_)
        | Outcome::HttpStatus(_)
        | Outcome::Protocol(_)
        | Outcome::JsonRpcError(_)
        | Outcome::ToolError
        | Outcome::CheckFailed
        | Outcome::NotSent(_)
        | Outcome::Cancelled
        | Outcome::Interrupted) => Err(exchange.reason.map_or_else(|| failed.to_string(), String::from)),
    }
}
