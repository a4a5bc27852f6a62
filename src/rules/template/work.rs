//! What expanding a template costs, counted in the samples that could be looked at in the same time. Nothing reads a clock.
//!
//! Booked are: each list of nodes that is gone through (the bodies of loops, blocks and named templates), each call of a function with
//! what it takes, patterns, and the text that comes out. What the queries cost, whoever asks them books.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gotmpl::Value;

use super::MAX_TEXT;
use super::functions::too_long;
use super::tree::PRINT;
use crate::promql::{Labels, VectorSample};

/// The most that one expansion may cost, its queries aside.
pub(super) const MOST: u64 = 200_000_000;

/// To begin an expansion: the functions, what is spoken of.
const BEGINNING: u64 = 20_000;
/// A byte of the template, whose tree is copied; about one in ten begins a node.
const TEMPLATE_BYTE: u64 = 32;
/// A node or an expression that is gone through.
const NODE: u64 = 100;
/// A call of a function.
const CALL: u64 = 400;
/// A byte of a text that a function takes, or of what comes out.
const BYTE: u64 = 8;
/// An item of a list that is sorted, or a label or a sample that is made ready for a template.
const ITEM: u64 = 400;
/// A pattern that is compiled, and each of its bytes and of the states that its repetitions come to.
const PATTERN: u64 = 20_000;
const PATTERN_BYTE: u64 = 2_000;
/// How many bytes times states of a pattern cost as much as looking at one sample.
const BYTES_AND_STATES: u64 = 2;

/// Values inside each other that are looked through: more than anybody gives to a function, far fewer than a stack holds.
const MAX_NESTED: usize = 50;

/// The functions that go through all that is in their arguments.
const LOOKS_INSIDE: [&str; 14] = [
    "args", "print", "println", "printf", "html", "js", "urlquery", "eq", "ne", "lt", "le", "gt", "ge", PRINT,
];

/// What one expansion may still cost.
#[derive(Debug, Default)]
pub(super) struct Work {
    left: AtomicU64,
    over: AtomicBool,
}

impl Work {
    /// Allows so much from now on.
    pub(super) fn give(&self, units: u64) {
        self.left.store(units, Ordering::Relaxed);
    }

    /// What was booked of what was given.
    pub(super) fn taken(&self, given: u64) -> u64 {
        given - self.left.load(Ordering::Relaxed).min(given)
    }

    /// True once more was wanted than there was.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Books work before it is done.
    ///
    /// # Errors
    /// Where it is more than what is left. Nothing more is done then.
    pub(super) fn book(&self, units: u64) -> Result<(), String> {
        let left = self.left.load(Ordering::Relaxed).checked_sub(units);
        self.left.store(left.unwrap_or_default(), Ordering::Relaxed);
        left.map(|_| ()).ok_or_else(|| {
            self.over.store(true, Ordering::Relaxed);
            too_much()
        })
    }
}

/// The words for an expansion that costs too much, with the way out.
pub(super) fn too_much() -> String {
    format!(
        "the template costs as much as looking at more than {MOST} samples, the limit of one expansion: go through fewer series, \
         with a narrower `query` or without loops inside each other"
    )
}

/// To begin an expansion of `text` for a series of these labels.
pub(super) fn of_beginning(text: &str, labels: &Labels) -> u64 {
    let labels: u64 =
        labels.iter().map(|(name, value)| ITEM + (name.len() + value.len()) as u64 * BYTE).sum();
    BEGINNING + text.len() as u64 * TEMPLATE_BYTE + labels
}

/// To make an answer ready for a template.
pub(super) fn of_answer(query: &str, answer: &[VectorSample]) -> u64 {
    let labels: u64 = answer.iter().map(|sample| ITEM * (1 + sample.labels.iter().count() as u64)).sum();
    query.len() as u64 * NODE + labels
}

/// To go through a list of nodes of this size once.
pub(super) fn of_list(size: &Value) -> u64 {
    let size = if let Value::Int(size) = size { size.unsigned_abs() } else { 0 };
    size.saturating_add(1).saturating_mul(NODE)
}

/// To call `name` with `args`.
///
/// # Errors
/// Of values that would be too long a text if they were written out.
pub(super) fn of_call(name: &str, args: &[Value]) -> Result<u64, String> {
    if LOOKS_INSIDE.contains(&name) {
        let mut left = MAX_TEXT;
        for arg in args {
            take(arg, name == "printf", 0, &mut left)?;
        }
        return Ok(CALL + (MAX_TEXT - left) as u64 * BYTE);
    }
    let goes_through = matches!(name, "sortByLabel" | "slice");
    let each = args.iter().map(|arg| {
        let bytes = arg.as_str().map_or(0, str::len) as u64 * BYTE;
        let items = if let Value::List(items) = arg { items.len() } else { 0 };
        if goes_through { bytes + items as u64 * ITEM } else { bytes }
    });
    Ok(CALL + each.sum::<u64>())
}

/// Takes from `left` how long a value is when it is written out, at the least.
fn take(value: &Value, padded: bool, depth: usize, left: &mut usize) -> Result<(), String> {
    // What is inside may be filled up to a width, each time.
    let each = if padded && depth > 0 { 64 } else { 4 };
    let own = each + value.as_str().map_or(0, str::len);
    *left = left.checked_sub(own).ok_or_else(too_long)?;
    if depth > MAX_NESTED {
        return Err(format!("more than {MAX_NESTED} values inside each other"));
    }
    if let Value::List(items) = value {
        return items.iter().try_for_each(|item| take(item, padded, depth + 1, left));
    }
    let Value::Map(pairs) = value else { return Ok(()) };
    pairs.iter().try_for_each(|(key, item)| {
        *left = left.checked_sub(key.len()).ok_or_else(too_long)?;
        take(item, padded, depth + 1, left)
    })
}

/// To compile a pattern.
pub(super) fn of_pattern(text: &str, repeated: u64) -> u64 {
    PATTERN + (text.len() as u64).saturating_add(repeated).saturating_mul(PATTERN_BYTE)
}

/// To look for a pattern in a text of so many bytes.
pub(super) fn of_search(bytes: usize, repeated: u64) -> u64 {
    CALL + (bytes as u64).saturating_mul(1 + repeated) / BYTES_AND_STATES
}

/// The text that comes out, up to its limit.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    is_cut: bool,
}

impl Text {
    /// What it cost to write it and costs to keep it.
    pub(super) fn cost(&self) -> u64 {
        self.text.len() as u64 * BYTE
    }

    /// The text.
    ///
    /// # Errors
    /// Of one that is too long.
    pub(super) fn whole(self) -> Result<String, String> {
        if self.is_cut { Err(too_long()) } else { Ok(self.text) }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.text.len() + more.len() > MAX_TEXT {
            self.is_cut = true;
            return Err(fmt::Error);
        }
        self.text.push_str(more);
        Ok(())
    }
}
