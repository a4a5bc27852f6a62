//! Variables of an iteration: rows of the scenario's data are put into them when it begins, and parts of answers as it goes.
//!
//! A plan names them once and for all; templates know them by their [`Slot`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A variable's place in [`super::Plan::variables`] and in the [`Variables`] of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub u16);

/// The variables that expressions may name at one place of a scenario.
pub type KnownVariables = BTreeMap<String, Slot>;

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    /// A text.
    Text(Arc<str>),
    /// JSON text of anything but a string.
    Json(Arc<str>),
}

impl Datum {
    /// Of a JSON value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Self::Json(value.to_string().into())
            }
        }
    }

    /// As plain text.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Json(text) => text,
        }
    }
}

/// The variables of one iteration. Those that nothing was put into are empty.
#[derive(Debug, Clone, Default)]
pub struct Variables(Vec<Option<Datum>>);

impl Variables {
    /// `count` empty ones.
    pub fn new(count: usize) -> Self {
        Self(vec![None; count])
    }

    /// What is in the variable at `slot`.
    pub fn get(&self, slot: Slot) -> Option<&Datum> {
        self.0.get(usize::from(slot.0))?.as_ref()
    }

    /// Puts `datum` into the variable at `slot`.
    pub fn set(&mut self, slot: Slot, datum: Datum) {
        if let Some(held) = self.0.get_mut(usize::from(slot.0)) {
            *held = Some(datum);
        }
    }

    /// Empties all.
    pub fn clear(&mut self) {
        self.0.fill(None);
    }
}
