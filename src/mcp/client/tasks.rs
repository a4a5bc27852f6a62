//! Calls that run as tasks, seen through: the target is asked how far they are until there is a result. All of it is one call.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::rounds::Again;
use super::{Attempt, CallContext, Client};
use crate::mcp::answerer::Round;
use crate::mcp::deadline::{Deadline, Passed};
use crate::mcp::failure::Failure;
use crate::mcp::reply::{Answer, Progress, judge};
use crate::mcp::tasks::{Ask, Status, Task, is_begun, naming};
use crate::mcp::wire::Wire;
use crate::model::{CounterRng, Era, Nonce, Outcome, ProtocolFault, TimeoutPhase};
use crate::plan::{Conduct, Step, TaskConduct};

/// How long a target may take to hear that it is to cancel a task. It is in no latency.
const HEARING: Duration = Duration::from_secs(1);

/// A task under way.
struct Course<'a> {
    wire: &'a Wire,
    /// The call that it is.
    step: &'a Step,
    iteration: u64,
    sent: Duration,
    /// What its answer may hold.
    nonce: Option<Nonce>,
    id: String,
    conduct: TaskConduct,
    status: Status,
    /// What a tool would say that ended like this.
    told: String,
    /// The pause before the next question.
    pause: Duration,
    /// The inputs that it was given.
    given: BTreeSet<String>,
}

/// What is to be done next.
enum Next {
    /// It is asked how far it is, after this pause.
    Look(Duration),
    /// It is given these members, after this pause.
    Give(Vec<u8>, Duration),
    /// Its result is waited for.
    Result,
    /// Nothing: this is the answer to the call.
    Over(Answer),
}

impl Client {
    /// Where the answer in `progress` says that the call runs as a task: asks how far that is until it has ended. What came
    /// of it, or of the question that failed, is the answer.
    pub(super) async fn see_through(
        &mut self,
        again: Again<'_>,
        timer: &mut Deadline,
        progress: &mut Progress,
    ) -> Result<Result<(), Failure>, Passed> {
        let Again { wire, step, iteration, sent, rng: _, nonce, variables: _, deadline } = again;
        let begun = progress.answer.as_ref().filter(|answer| answer.outcome == NO_RESULT);
        let Some((task, at)) =
            begun.and_then(|answer| Some((Task::begun(&answer.text, wire.era)?, answer.end)))
        else {
            unread(progress, wire.era);
            return Ok(Ok(()));
        };
        let mut course = Course {
            wire,
            step,
            iteration,
            sent,
            nonce: wire.forms[step.id.index()].has_nonce().then_some(nonce),
            id: task.id.clone(),
            conduct: step.conduct.task.unwrap_or_default(),
            status: task.status,
            told: task.told(),
            pause: task.pause(step.conduct.task.unwrap_or_default()),
            given: BTreeSet::new(),
        };
        let mut next = course.first(&task);
        wire.gathered.messages(|messages| messages.tasks.created += 1);
        progress.task = Some(course.id.as_str().into());
        progress.stream.get_or_insert_default().handed = Some(at);
        loop {
            progress.answer = None;
            progress.phase = TimeoutPhase::Body;
            let (ask, members, pause) = match next {
                Next::Look(pause) => (Ask::Get, Vec::new(), pause),
                Next::Give(members, pause) => (Ask::Update, members, pause),
                Next::Result => (Ask::Result, Vec::new(), Duration::ZERO),
                Next::Over(answer) => {
                    progress.answer = Some(answer);
                    return Ok(Ok(()));
                }
            };
            if !pause.is_zero() {
                timer.limit(deadline, sleep(pause)).await?;
            }
            let ended = self.put(&course, (ask, &members), (timer, deadline), progress).await;
            let Some(answer) = progress.answer.take().filter(|_| matches!(ended, Ok(Ok(())))) else {
                return ended;
            };
            next = match ask {
                Ask::Result => Next::Over(course.ended(answer)),
                _ if answer.outcome != Outcome::Ok => Next::Over(answer),
                Ask::Get => self.looked(&mut course, answer),
                Ask::Update | Ask::Cancel => Next::Look(course.pause),
            };
        }
    }

    /// Puts a question about a task; what comes of it goes to `progress`.
    async fn put(
        &mut self,
        course: &Course<'_>,
        (ask, members): (Ask, &[u8]),
        (timer, deadline): (&mut Deadline, Instant),
        progress: &mut Progress,
    ) -> Result<Result<(), Failure>, Passed> {
        let Course { wire, step, iteration, sent, nonce, .. } = *course;
        let Some(tasks) = &wire.tasks else { return Ok(Ok(())) };
        let conduct = Conduct { cancel_after: step.conduct.cancel_after, ..tasks.step.conduct };
        let question = Step { conduct, ..tasks.step.clone() };
        // What comes of asking for the result is the answer to the call.
        let asked = if ask == Ask::Result { step } else { &question };
        let (mut variables, mut rng) = (naming(&course.id), CounterRng::new(0, 0));
        let context = CallContext { iteration, sent, rng: &mut rng, variables: &mut variables };
        let attempt = Attempt { nonce, members, ask: Some(ask) };
        let mut next = progress.renewed();
        let ended = timer.limit(deadline, self.exchange(wire, asked, context, attempt, &mut next)).await;
        if ask == Ask::Get {
            next.stream.get_or_insert_default().polls = 1;
            wire.gathered.messages(|messages| messages.tasks.polls += 1);
        }
        progress.go_on(next);
        ended
    }

    /// Takes in the good answer to the question how far a task is.
    fn looked(&self, course: &mut Course<'_>, mut answer: Answer) -> Next {
        let text = std::mem::take(&mut answer.text);
        let Some(mut task) = Task::read(&text).filter(|task| task.id == course.id) else {
            return Next::Over(Answer {
                outcome: Outcome::Protocol(ProtocolFault::Malformed),
                text,
                ..answer
            });
        };
        (course.status, course.told) = (task.status, task.told());
        let pause = task.pause(course.conduct);
        course.pause = pause;
        match (course.wire.era, task.status) {
            (_, Status::Working) => Next::Look(pause),
            (Era::Legacy | Era::Rest, _) => Next::Result,
            (Era::Modern, Status::InputRequired) => {
                let mut wanted = std::mem::take(&mut task.requests);
                wanted.retain(|name, _| !course.given.contains(name));
                if wanted.is_empty() {
                    return Next::Look(pause);
                }
                let Some(Round { members, after }) = self.answerer.responses(&wanted) else {
                    let outcome = Outcome::Protocol(ProtocolFault::InputRequired);
                    return Next::Over(Answer { outcome, text, ..answer });
                };
                course.given.extend(wanted.into_keys());
                Next::Give(members, after)
            }
            (Era::Modern, Status::Completed | Status::Failed | Status::Cancelled) => {
                Next::Over(course.ended(course.said(&task, answer)))
            }
        }
    }

    /// Has the target cancel the task of a call that is given up, as the scenario says.
    pub(super) async fn cancel_task(
        &mut self,
        wire: &Wire,
        step: &Step,
        timer: &mut Deadline,
        progress: &mut Progress,
    ) {
        self.connection.close();
        let Some(id) = progress.task.as_deref().map(str::to_owned) else { return };
        let deadline = Instant::now() + HEARING;
        let course = Course {
            wire,
            step,
            iteration: 0,
            sent: Duration::ZERO,
            nonce: None,
            id,
            conduct: TaskConduct::default(),
            status: Status::Working,
            told: String::new(),
            pause: Duration::ZERO,
            given: BTreeSet::new(),
        };
        let mut aside = progress.renewed();
        let ended = self.put(&course, (Ask::Cancel, &[]), (timer, deadline), &mut aside).await;
        let heard = aside.answer.is_some_and(|answer| answer.outcome == Outcome::Ok);
        if heard && matches!(ended, Ok(Ok(()))) {
            wire.gathered.messages(|messages| messages.tasks.cancel_requests += 1);
        }
    }
}

/// The outcome of an answer that does not say what came of the call.
const NO_RESULT: Outcome = Outcome::Protocol(ProtocolFault::Missing);

/// An answer that says that its call runs as a task, in a way that can't be read, is none.
fn unread(progress: &mut Progress, era: Era) {
    if let Some(answer) = &mut progress.answer
        && answer.outcome == NO_RESULT
        && is_begun(&answer.text, era)
    {
        answer.outcome = Outcome::Protocol(ProtocolFault::Malformed);
    }
}

impl Course<'_> {
    fn first(&self, task: &Task<'_>) -> Next {
        match (self.wire.era, self.status) {
            (_, Status::Working) => Next::Look(task.pause(self.conduct)),
            (Era::Legacy | Era::Rest, _) => Next::Result,
            (Era::Modern, _) => Next::Look(Duration::ZERO),
        }
    }

    /// What a modern task says that has ended, as the answer to its call.
    fn said(&self, task: &Task<'_>, answer: Answer) -> Answer {
        #[derive(serde::Deserialize)]
        struct Error {
            code: i64,
        }
        let malformed = Outcome::Protocol(ProtocolFault::Malformed);
        match (task.status, task.result, task.error) {
            (Status::Cancelled, ..) => {
                Answer { outcome: Outcome::ToolError, text: self.told.clone(), ..answer }
            }
            (Status::Completed, Some(result), _) => {
                Answer { outcome: judge(self.step, result.get()), text: result.get().to_owned(), ..answer }
            }
            (Status::Failed, _, Some(error)) => {
                let text = error.get().to_owned();
                match serde_json::from_str::<Error>(&text) {
                    Ok(Error { code }) => Answer {
                        outcome: Outcome::JsonRpcError(code),
                        error_code: Some(code),
                        text,
                        ..answer
                    },
                    Err(_) => Answer { outcome: malformed, text, ..answer },
                }
            }
            (..) => Answer { outcome: malformed, ..answer },
        }
    }

    /// Counts what became of the task; the answer that tells so.
    fn ended(&self, mut answer: Answer) -> Answer {
        let told = matches!(answer.outcome, Outcome::Ok | Outcome::ToolError | Outcome::CheckFailed);
        self.wire.gathered.messages(|messages| match self.status {
            Status::Cancelled => messages.tasks.cancelled += 1,
            Status::Completed | Status::InputRequired | Status::Working if told => {
                messages.tasks.completed += 1;
            }
            Status::Failed | Status::Completed | Status::InputRequired | Status::Working => {
                messages.tasks.failed += 1;
            }
        });
        // A result of a task that did not come to its end is none.
        if answer.outcome == Outcome::Ok && matches!(self.status, Status::Failed | Status::Cancelled) {
            answer.outcome = Outcome::ToolError;
            answer.text.clone_from(&self.told);
        }
        answer
    }
}
