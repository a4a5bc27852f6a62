//! What users answer when the target asks its client for something.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Template;
use crate::model::Wish;

/// An answer for each thing that the target may ask for. What has none is refused, and not announced as a capability.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Answers {
    /// To `sampling/createMessage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<ClientAnswer>,
    /// To `roots/list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<ClientAnswer>,
    /// To `elicitation/create`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elicitation: Option<ClientAnswer>,
}

/// What is answered, and how long that takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientAnswer {
    /// JSON text of the result.
    pub result: Template,
    /// How long after it was asked.
    pub after: Duration,
}

impl Answers {
    /// True when nothing is answered.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// The answer to `wish`.
    pub fn to(&self, wish: Wish) -> Option<&ClientAnswer> {
        match wish {
            Wish::Sampling => self.sampling.as_ref(),
            Wish::Roots => self.roots.as_ref(),
            Wish::Elicitation => self.elicitation.as_ref(),
            Wish::Ping | Wish::Other => None,
        }
    }

    /// Every answer.
    pub fn all(&self) -> impl Iterator<Item = &ClientAnswer> {
        [&self.sampling, &self.roots, &self.elicitation].into_iter().flatten()
    }

    /// What the client announces of itself: what it answers, and nothing else.
    pub fn capabilities(&self) -> Value {
        let mut capabilities = json!({});
        for wish in [Wish::Sampling, Wish::Roots, Wish::Elicitation] {
            if self.to(wish).is_some() {
                capabilities[wish.label()] = json!({});
            }
        }
        capabilities
    }
}
