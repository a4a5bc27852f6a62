//! Tools that run as tasks: what is asked of them, and what the answers say. No I/O.
//!
//! Before the modern era a call asks to be run as a task, and its result is asked for by a request of its own, which waits for
//! it. In the modern era the target decides, and says the result when it is asked how far the task is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answerer::InputRequest;
use super::request::{FormContext, RequestForm};
use crate::model::Era;
use crate::plan::{
    Conduct, Datum, Expression, McpRequest, Operation, Plan, Quoting, Role, Segment, Slot, Step, StepId,
    TaskConduct, Template, Variables,
};

/// A longer id is none, in bytes.
const LONGEST_ID: usize = 1_000;
/// The pause where neither the scenario nor the target says how long it is to be.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
/// A target that wants fewer questions is asked this often, ...
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// ... and one that wants more of them as often as this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// The one variable of the requests about a task: its id.
const ID: Slot = Slot(0);

/// What is asked about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// How far it is.
    Get,
    /// Its result; before the modern era.
    Result,
    /// That it takes the input that it asked for; in the modern era.
    Update,
    /// That it ends.
    Cancel,
}

/// The requests about tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    /// Stands for all of them but [`Ask::Result`], whose answer is that of the call.
    pub(super) step: Step,
    get: RequestForm,
    result: RequestForm,
    update: RequestForm,
    cancel: RequestForm,
}

impl Tasks {
    /// Those of `plan`; `None` where no tool of it runs as a task.
    pub(super) fn of(plan: &Plan, context: FormContext<'_>) -> Option<Self> {
        plan.steps.iter().find(|step| step.conduct.task.is_some())?;
        let form = |ask| RequestForm::of(&step(ask), context);
        Some(Self {
            step: step(Ask::Get),
            get: form(Ask::Get),
            result: form(Ask::Result),
            update: form(Ask::Update),
            cancel: form(Ask::Cancel),
        })
    }

    /// How this is asked; the id of the task is the one variable.
    pub(super) fn form(&self, ask: Ask) -> &RequestForm {
        match ask {
            Ask::Get => &self.get,
            Ask::Result => &self.result,
            Ask::Update => &self.update,
            Ask::Cancel => &self.cancel,
        }
    }
}

impl Ask {
    fn method(self) -> &'static str {
        match self {
            Self::Get => "tasks/get",
            Self::Result => "tasks/result",
            Self::Update => "tasks/update",
            Self::Cancel => "tasks/cancel",
        }
    }
}

/// The variables that name the task `id`.
pub(super) fn naming(id: &str) -> Variables {
    let mut variables = Variables::new(1);
    variables.set(ID, Datum::Text(id.into()));
    variables
}

fn step(ask: Ask) -> Step {
    let id = |quoting| Segment::Expression { expression: Expression::Variable(ID), quoting };
    let text = |segments| Template { source: "task".to_owned(), segments };
    let params = text(vec![
        Segment::Literal(r#"{"taskId":"#.to_owned()),
        id(Quoting::WholeJson),
        Segment::Literal("}".to_owned()),
    ]);
    let request = McpRequest {
        method: ask.method().to_owned(),
        params: Some(params),
        name: Some(text(vec![id(Quoting::Plain)])),
    };
    Step {
        id: StepId(0),
        name: ask.method().to_owned(),
        role: Role::Load,
        method: ask.method().to_owned(),
        tool: None,
        operation: Operation::Request(request),
        checks: Vec::new(),
        extract: Vec::new(),
        condition: None,
        tags: BTreeMap::new(),
        deadline: Duration::MAX,
        // Each request says that its sender knows tasks.
        conduct: Conduct { task: Some(TaskConduct::default()), ..Conduct::default() },
    }
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

/// What is known of a task.
#[derive(Debug, Deserialize)]
pub(super) struct Task<'a> {
    #[serde(rename = "taskId")]
    pub(super) id: String,
    pub(super) status: Status,
    #[serde(rename = "statusMessage", default)]
    message: Option<String>,
    #[serde(rename = "pollInterval", alias = "pollIntervalMs", default)]
    poll_interval: Option<f64>,
    /// What came of it, in the modern era.
    #[serde(borrow, default)]
    pub(super) result: Option<&'a RawValue>,
    /// Why it failed, in the modern era.
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
    /// What it asks for, in the modern era.
    #[serde(rename = "inputRequests", default)]
    pub(super) requests: BTreeMap<String, InputRequest>,
}

impl<'a> Task<'a> {
    /// The task that the `result` of a call says it runs as.
    pub(super) fn begun(result: &'a str, era: Era) -> Option<Self> {
        #[derive(Deserialize)]
        struct Begun<'a> {
            #[serde(borrow)]
            task: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Typed {
            #[serde(rename = "resultType")]
            kind: String,
        }
        match era {
            Era::Legacy => Self::read(serde_json::from_str::<Begun<'_>>(result).ok()?.task.get()),
            Era::Modern => {
                let Typed { kind } = serde_json::from_str(result).ok()?;
                Self::read(result).filter(|_| kind == "task")
            }
            Era::Rest => None,
        }
    }

    /// What the `result` of a question says.
    pub(super) fn read(result: &'a str) -> Option<Self> {
        let task: Self = serde_json::from_str(result).ok()?;
        (1..=LONGEST_ID).contains(&task.id.len()).then_some(task)
    }

    /// The pause before the next question.
    pub(super) fn pause(&self, conduct: TaskConduct) -> Duration {
        let wanted = || {
            let milliseconds = self.poll_interval.filter(|wanted| *wanted >= 0.0)?;
            let wanted = Duration::try_from_secs_f64(milliseconds / 1_000.0).unwrap_or(LONGEST_PAUSE);
            Some(wanted.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
        };
        conduct.poll_every.or_else(wanted).unwrap_or(USUAL_PAUSE)
    }

    /// The result of a tool that ended like this without one.
    pub(super) fn told(&self) -> String {
        let what = match self.status {
            Status::Cancelled => "the target cancelled the task",
            Status::Working | Status::InputRequired | Status::Completed | Status::Failed => "the task failed",
        };
        let words = match self.message.as_deref().unwrap_or_default() {
            "" => what.to_owned(),
            message => format!("{what}: {message}"),
        };
        let text: Value = json!({"content": [{"type": "text", "text": words}], "isError": true});
        text.to_string()
    }
}

/// True when the `result` of a call says that it runs as a task, whether that can be read or not: a result of a tool has a content,
/// and no task.
pub(super) fn is_begun(result: &str, era: Era) -> bool {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, default)]
        task: Option<&'a RawValue>,
        #[serde(borrow, default)]
        content: Option<&'a RawValue>,
        #[serde(rename = "resultType", default)]
        kind: Option<String>,
    }
    let Ok(Head { task, content, kind }) = serde_json::from_str(result) else { return false };
    match era {
        Era::Legacy => task.is_some() && content.is_none(),
        Era::Modern => kind.as_deref() == Some("task"),
        Era::Rest => false,
    }
}
