//! Text with `{{ ... }}` in it: parsed once when the scenario is read, rendered once a call.
//!
//! Expressions: `vu`, `iteration`, `nonce`, `env.NAME`, `random.int(LOW, HIGH)`, `random.choice("a", "b")`,
//! `random.string(LENGTH)`.

use serde::{Deserialize, Serialize};

use crate::model::{CounterRng, Secret};

/// A parsed text. Written out it is its source, so that values of the environment never are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// As the user wrote it.
    pub source: String,
    /// Literal and computed parts, in order.
    #[serde(skip)]
    pub segments: Vec<Segment>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    /// Text that is the same in every call.
    Literal(String),
    /// Computed for each call.
    Expression {
        /// What is computed.
        expression: Expression,
        /// How it is put into the text.
        quoting: Quoting,
    },
}

/// How a computed value is put into the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// As it is: the template is plain text, or the value is a JSON number.
    Plain,
    /// Escaped for the inside of a JSON string, without quotes.
    InsideJson,
}

/// What can stand between `{{` and `}}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// The user's number, from 1.
    Vu,
    /// The user's iteration, from 1.
    Iteration,
    /// A text that no other call of the run has.
    Nonce,
    /// A value of the environment, read when the scenario was.
    Env(Secret),
    /// A whole number between the two, both included.
    RandomInt(i64, i64),
    /// One of these.
    RandomChoice(Vec<String>),
    /// This many letters and digits.
    RandomString(usize),
}

/// What a rendering may look at.
#[derive(Debug)]
pub struct RenderContext<'a> {
    /// The user's number, from 1.
    pub vu: u32,
    /// The user's iteration, from 1.
    pub iteration: u64,
    /// Unique in the run; changes with each call.
    pub nonce: u64,
    /// The user's own stream of draws.
    pub rng: &'a mut CounterRng,
}

impl Template {
    /// A text without expressions.
    pub fn literal(text: impl Into<String>) -> Self {
        let source = text.into();
        Self { segments: vec![Segment::Literal(source.clone())], source }
    }

    /// The values of the environment that it puts into the text.
    pub fn environment_values(&self) -> impl Iterator<Item = &Secret> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Expression { expression: Expression::Env(value), .. } => Some(value),
            Segment::Expression { .. } | Segment::Literal(_) => None,
        })
    }

    /// Appends the text for one call to `out`.
    pub fn render(&self, context: &mut RenderContext<'_>, out: &mut Vec<u8>) {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Segment::Expression { expression, quoting } => expression.render(context, *quoting, out),
            }
        }
    }
}

impl Expression {
    fn render(&self, context: &mut RenderContext<'_>, quoting: Quoting, out: &mut Vec<u8>) {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        match self {
            Self::Vu => push_int(out, context.vu),
            Self::Iteration => push_int(out, context.iteration),
            Self::Nonce => {
                out.extend_from_slice(b"n-");
                push_int(out, context.nonce);
            }
            Self::Env(value) => push_text(out, value.expose(), quoting),
            Self::RandomInt(low, high) => push_int(out, context.rng.int(*low, *high)),
            Self::RandomChoice(choices) => {
                let at = usize::try_from(context.rng.below(choices.len() as u64)).unwrap_or(0);
                push_text(out, &choices[at], quoting);
            }
            Self::RandomString(length) => {
                for _ in 0..*length {
                    let at = usize::try_from(context.rng.below(ALPHABET.len() as u64)).unwrap_or(0);
                    out.push(ALPHABET[at]);
                }
            }
        }
    }
}

fn push_int(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn push_text(out: &mut Vec<u8>, text: &str, quoting: Quoting) {
    match quoting {
        Quoting::Plain => out.extend_from_slice(text.as_bytes()),
        Quoting::InsideJson => {
            let quoted = serde_json::to_vec(text).expect("a string is always JSON");
            out.extend_from_slice(&quoted[1..quoted.len() - 1]);
        }
    }
}
