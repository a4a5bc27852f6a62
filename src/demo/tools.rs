//! The tools: their names, their schemas, and what they do. Both faces call [`run`]; how a result is put on the wire
//! is theirs to know.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    JsonObject, ProgressNotificationParam, ProgressToken, Tool as ToolDefinition, ToolAnnotations,
};
use rmcp::{Peer, RoleServer};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::auth::User;
use super::expression::evaluate;
use super::shared::Shared;

/// The longest that `slow` sleeps.
const MAX_SLOW_MS: u64 = 600_000;
/// Progress notifications that `slow` sends at most.
const PROGRESS_STEPS: u64 = 10;

const NONCE: &str = "Told apart from all other calls by it; it is given back";

/// Markup, terminal escapes, a table separator and a line break: whoever prints this name as it stands has a bug.
const HOSTILE_NAME: &str = "<script>alert(1)</script>\u{1b}[31m|\u{202e}\nhostile";

/// A tool of the demo server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Search,
    Calculate,
    Echo,
    Slow,
    Fail,
    /// Offered only when the faults ask for it.
    Hostile,
}

/// Why a tool gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ToolError {
    /// The arguments do not fit the schema.
    #[error("invalid arguments: {0}")]
    Arguments(String),
    /// The tool itself failed.
    #[error("{0}")]
    Failed(String),
}

/// Where `slow` reports how far it is.
pub(super) struct Progress {
    pub(super) peer: Peer<RoleServer>,
    pub(super) token: ProgressToken,
}

impl Tool {
    pub(super) const ALL: [Self; 6] =
        [Self::Search, Self::Calculate, Self::Echo, Self::Slow, Self::Fail, Self::Hostile];

    /// Its name, on the wire and as a label value.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Calculate => "calculate",
            Self::Echo => "echo",
            Self::Slow => "slow",
            Self::Fail => "fail",
            Self::Hostile => HOSTILE_NAME,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Its position in [`Tool::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// What `tools/list` says of it.
    pub(super) fn definition(self) -> ToolDefinition {
        let (title, description, input) = self.described();
        let annotations = ToolAnnotations::new().read_only(true).idempotent(true).open_world(false);
        let definition = ToolDefinition::new(self.name(), description, object(input))
            .with_title(title)
            .with_annotations(annotations);
        match self.output() {
            Some(output) => definition.with_raw_output_schema(Arc::new(object(output))),
            None => definition,
        }
    }

    fn described(self) -> (&'static str, &'static str, Value) {
        match self {
            Self::Search => (
                "Search",
                "Finds the documents that share most words with the query.",
                input(
                    &json!({
                        "query": {"type": "string", "description": "Words to look for"},
                        "nonce": {"type": "string", "description": NONCE},
                    }),
                    &["query"],
                ),
            ),
            Self::Calculate => (
                "Calculate",
                "Evaluates an arithmetic expression with + - * / and parentheses.",
                input(
                    &json!({"expression": {"type": "string", "description": "For example `2 * (3 + 4)`"}}),
                    &["expression"],
                ),
            ),
            Self::Echo => (
                "Echo",
                "Gives back what it was given.",
                input(
                    &json!({
                        "text": {"type": "string", "description": "Any text"},
                        "nonce": {"type": "string", "description": NONCE},
                    }),
                    &["text"],
                ),
            ),
            Self::Slow => (
                "Slow",
                "Answers after the given time; reports progress when asked to.",
                input(
                    &json!({"ms": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": MAX_SLOW_MS,
                        "description": "How long to take, in milliseconds",
                    }}),
                    &["ms"],
                ),
            ),
            Self::Fail => (
                "Fail",
                "Always fails.",
                input(&json!({"message": {"type": "string", "description": "What to say"}}), &[]),
            ),
            Self::Hostile => (
                HOSTILE_NAME,
                "<img src=x onerror=alert(1)> \u{1b}]0;owned\u{7} | `x` \u{202e}\n## not a heading\n",
                input(&json!({}), &[]),
            ),
        }
    }

    fn output(self) -> Option<Value> {
        match self {
            Self::Search => Some(json!({
                "type": "object",
                "properties": {
                    "query": {"type": "string"},
                    "nonce": {"type": "string"},
                    "results": {"type": "array", "items": {
                        "type": "object",
                        "properties": {"title": {"type": "string"}, "text": {"type": "string"}},
                        "required": ["title", "text"],
                    }},
                },
                "required": ["query", "results"],
            })),
            Self::Calculate => Some(json!({
                "type": "object",
                "properties": {"expression": {"type": "string"}, "result": {"type": "number"}},
                "required": ["expression", "result"],
            })),
            Self::Echo => Some(json!({
                "type": "object",
                "properties": {"text": {"type": "string"}, "nonce": {"type": "string"}},
                "required": ["text"],
            })),
            Self::Slow => Some(json!({
                "type": "object",
                "properties": {"ms": {"type": "integer"}},
                "required": ["ms"],
            })),
            Self::Fail | Self::Hostile => None,
        }
    }
}

/// Runs `tool`; its result is a JSON object.
pub(super) async fn run(
    tool: Tool,
    arguments: &JsonObject,
    shared: &Shared,
    user: &User,
    progress: Option<Progress>,
) -> Result<Value, ToolError> {
    match tool {
        Tool::Search => {
            let query = text(arguments, "query")?;
            let found = json!({"query": query, "results": shared.find(query, user)});
            with_nonce(found, arguments)
        }
        Tool::Calculate => {
            let expression = text(arguments, "expression")?;
            let value = evaluate(expression).map_err(|error| ToolError::Failed(error.to_string()))?;
            Ok(json!({"expression": expression, "result": number(value)}))
        }
        Tool::Echo => {
            let echo = json!({"text": text(arguments, "text")?});
            with_nonce(echo, arguments)
        }
        Tool::Slow => {
            let ms = arguments.get("ms").and_then(Value::as_u64).filter(|ms| *ms <= MAX_SLOW_MS).ok_or_else(
                || ToolError::Arguments(format!("`ms` must be an integer from 0 to {MAX_SLOW_MS}")),
            )?;
            sleep_with_progress(ms, progress).await;
            Ok(json!({"ms": ms}))
        }
        Tool::Fail => Err(ToolError::Failed(
            optional_text(arguments, "message")?.unwrap_or("failed as asked").to_owned(),
        )),
        Tool::Hostile => {
            Err(ToolError::Failed(format!("{HOSTILE_NAME} </td><script>alert(2)</script> ]]> \u{7}")))
        }
    }
}

/// Gives back the nonce that came along, if one did.
fn with_nonce(mut result: Value, arguments: &JsonObject) -> Result<Value, ToolError> {
    if let Some(nonce) = optional_text(arguments, "nonce")? {
        result["nonce"] = nonce.into();
    }
    Ok(result)
}

async fn sleep_with_progress(ms: u64, progress: Option<Progress>) {
    let started = Instant::now();
    let Some(progress) = progress else {
        return tokio::time::sleep(Duration::from_millis(ms)).await;
    };
    let steps = ms.clamp(1, PROGRESS_STEPS);
    for step in 1..=steps {
        tokio::time::sleep_until(started + Duration::from_millis(ms * step / steps)).await;
        let report =
            ProgressNotificationParam::new(progress.token.clone(), step as f64).with_total(steps as f64);
        if progress.peer.notify_progress(report).await.is_err() {
            return;
        }
    }
}

fn text<'a>(arguments: &'a JsonObject, name: &str) -> Result<&'a str, ToolError> {
    optional_text(arguments, name)?.ok_or_else(|| ToolError::Arguments(format!("`{name}` is missing")))
}

fn optional_text<'a>(arguments: &'a JsonObject, name: &str) -> Result<Option<&'a str>, ToolError> {
    match arguments.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ToolError::Arguments(format!("`{name}` must be a string"))),
    }
}

/// A whole number is written without a fraction.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within what a double holds exactly")]
        let whole = value as i64;
        json!(whole)
    } else {
        json!(value)
    }
}

fn input(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            JsonObject::new()
        }
    }
}
