//! Why a call failed, in the words of whatever said so: the server, the socket, a check. Made for failed calls alone.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::answerer;
use super::check;
use super::failure::Failure;
use super::oauth::insufficient_scope;
use super::reply::Answer;
use crate::model::{Outcome, ProtocolFault, Secrets, TimeoutPhase, format_duration};
use crate::plan::Step;

/// Why a call failed.
#[derive(Debug)]
pub(super) struct Reason {
    /// Our own words; may be empty.
    lead: String,
    /// Theirs, as they came; may be empty.
    said: String,
}

impl Reason {
    /// Of an answer to `step`; `None` when it is a good one.
    pub(super) fn of_answer(step: &Step, answer: &Answer) -> Option<Self> {
        let text = answer.text.as_str();
        Some(match answer.outcome {
            Outcome::Ok | Outcome::Cancelled | Outcome::Interrupted => return None,
            Outcome::HttpStatus(status) => Self::of_status(status, &refusal(answer)),
            Outcome::Protocol(fault) => match fault {
                ProtocolFault::Malformed => Self::new("malformed", text),
                ProtocolFault::Missing => Self::new("no answer in what came", text),
                ProtocolFault::WrongId => Self::new("an answer to another request", ""),
                ProtocolFault::Duplicate => Self::new("two answers to one request", ""),
                ProtocolFault::TooLarge => Self::new("an answer larger than the limit", ""),
                ProtocolFault::CrossTalk => Self::in_words(text),
                ProtocolFault::InputRequired => Self::new(&answerer::wanted(text), ""),
                ProtocolFault::SessionLost => {
                    Self::of_status(answer.status, &format!("the session is lost {}", refusal(answer)))
                }
            },
            Outcome::JsonRpcError(code) => Self::new(&code.to_string(), &error_message(text)),
            Outcome::ToolError => Self::new("", &tool_text(text)),
            Outcome::CheckFailed => {
                let said = if step.operation.is_tool_call() { tool_text(text) } else { text.to_owned() };
                Self::new("", &check::complaint(&step.checks, text, &said))
            }
            Outcome::Transport(_) | Outcome::NotSent(_) => Self::new("", text),
        })
    }

    /// Of a call that was given up after `deadline`.
    pub(super) fn of_timeout(phase: TimeoutPhase, deadline: Duration) -> Self {
        let deadline = format_duration(deadline);
        Self::new(
            &match phase {
                TimeoutPhase::Connect => format!("no connection within {deadline}"),
                TimeoutPhase::FirstByte => format!("no answer within {deadline}"),
                TimeoutPhase::Body => format!("an answer began, but was not whole within {deadline}"),
            },
            "",
        )
    }

    /// Of an answer that lacks what the step takes out of it, in these words.
    pub(super) fn of_extraction(complaint: &str, step: &Step, answer: &Answer) -> Self {
        let said = if step.operation.is_tool_call() { tool_text(&answer.text) } else { answer.text.clone() };
        Self::new(complaint, &said)
    }

    /// Of an answer with `status`, which `said` something of why.
    pub(super) fn of_status(status: u16, said: &str) -> Self {
        Self::new(&status_line(status), said)
    }

    /// In our own words.
    pub(super) fn in_words(words: &str) -> Self {
        Self::new(words, "")
    }

    fn new(lead: &str, said: &str) -> Self {
        Self { lead: lead.to_owned(), said: said.to_owned() }
    }

    /// The reason as it may be kept: one line, printable, without `secrets` and the id of the session.
    pub(super) fn told(&self, outcome: Outcome, secrets: &Secrets, session: &str) -> Box<str> {
        let said = secrets.excerpt(&self.said, &[session]);
        match (self.lead.as_str(), said.as_str()) {
            ("", "") => outcome.to_string().into(),
            ("", _) => said.into(),
            (lead, "") => lead.into(),
            (lead, said) => format!("{lead}: {said}").into(),
        }
    }
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        Self { lead: String::new(), said: failure.words }
    }
}

/// What an answer with a bad status says: that the token is not good for this first of all.
pub(super) fn refusal(answer: &Answer) -> String {
    let text = answer.text.as_str();
    let Some(scope) = answer.challenge.as_deref().and_then(insufficient_scope) else {
        return text.to_owned();
    };
    let wanted = if scope.is_empty() { String::new() } else { format!(" (it takes `{scope}`)") };
    format!("the token's scope does not reach{wanted} {text}").trim_end().to_owned()
}

fn status_line(status: u16) -> String {
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    name.map_or_else(|| format!("HTTP {status}"), |name| format!("HTTP {status} {name}"))
}

/// The `message` of a JSON-RPC error; the whole of it where there is none.
pub(super) fn error_message(error: &str) -> String {
    let value: Option<Value> = serde_json::from_str(error).ok();
    let message = value.as_ref().and_then(|value| value.get("message")).and_then(Value::as_str);
    message.unwrap_or(error).to_owned()
}

/// The text parts of a tool's result; the whole of it where there are none.
pub(super) fn tool_text(result: &str) -> String {
    let value: Option<Value> = serde_json::from_str(result).ok();
    let parts = value.as_ref().and_then(|value| value.get("content")).and_then(Value::as_array);
    let texts: Vec<&str> =
        parts.into_iter().flatten().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
    if texts.is_empty() { result.to_owned() } else { texts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_speaks_by_its_text_parts() {
        let mixed =
            r#"{"content":[{"type":"image","data":"x"},{"text":"no"},{"text":"way"}],"isError":true}"#;
        assert_eq!(tool_text(mixed), "no way");
        assert_eq!(tool_text(r#"{"isError":true}"#), r#"{"isError":true}"#);
    }

    #[test]
    fn an_error_speaks_by_its_message() {
        assert_eq!(error_message(r#"{"code":1,"message":"no \"x\""}"#), "no \"x\"");
        assert_eq!(error_message(r#"{"code":1,"message":7}"#), r#"{"code":1,"message":7}"#);
    }

    #[test]
    fn there_is_always_something_to_tell() {
        let nothing = Reason::new("", "").told(Outcome::ToolError, &Secrets::default(), "");
        assert_eq!(&*nothing, "tool_error");
        let secrets = Secrets::default();
        secrets.learn("s3cret");
        let told =
            Reason::new("HTTP 401 Unauthorized", "bad s3cret\n").told(Outcome::HttpStatus(401), &secrets, "");
        assert_eq!(&*told, "HTTP 401 Unauthorized: bad ***");
    }
}
