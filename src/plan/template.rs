//! Text with `{{ ... }}` in it: parsed once when the scenario is read, rendered once a call.
//!
//! Expressions: `vu`, `iteration`, `nonce`, `canary`, `canary.NAME`, `env.NAME`, `json(env.NAME, "/pointer")`, `random.int(LOW, HIGH)`,
//! `random.choice("a", "b")`, `random.string(LENGTH)`, and the names of the iteration's variables.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Datum, Slot, Variables};
use crate::model::{CounterRng, Nonce, Secret, canary};

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
    /// A JSON value: a text in quotes, anything else as it is.
    WholeJson,
}

/// What can stand between `{{` and `}}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// The user's number, from 1.
    Vu,
    /// The user's iteration, from 1.
    Iteration,
    /// A text that no other call has, of this run or another: see [`crate::model::Nonce`].
    Nonce,
    /// The canary of this name: `canary` or `canary.NAME`.
    Canary(String),
    /// A value of the environment, read when the scenario was.
    Env(Secret),
    /// A whole number between the two, both included.
    RandomInt(i64, i64),
    /// One of these.
    RandomChoice(Vec<String>),
    /// This many letters and digits.
    RandomString(usize),
    /// What is in a variable of the iteration; nothing where it is empty.
    Variable(Slot),
    /// One of these texts, each in its parts, none of which is such a choice itself. No user's file has it.
    OneOf(Arc<[Vec<Segment>]>),
}

/// What a rendering may look at.
#[derive(Debug)]
pub struct RenderContext<'a> {
    /// The user's number, from 1.
    pub vu: u32,
    /// The user's iteration, from 1.
    pub iteration: u64,
    /// That of this call.
    pub nonce: Nonce,
    /// The user's own stream of draws.
    pub rng: &'a mut CounterRng,
    /// The variables of its iteration.
    pub variables: &'a Variables,
}

impl Template {
    /// A text without expressions.
    pub fn literal(text: impl Into<String>) -> Self {
        let source = text.into();
        Self { segments: vec![Segment::Literal(source.clone())], source }
    }

    /// One of `texts`, drawn for each call. There must be one.
    pub fn one_of(texts: impl IntoIterator<Item = Self>) -> Self {
        let texts: Arc<[Vec<Segment>]> = texts.into_iter().map(|text| text.segments).collect();
        debug_assert!(!texts.is_empty(), "there is nothing to draw");
        let expression = Expression::OneOf(texts);
        let segments = vec![Segment::Expression { expression, quoting: Quoting::Plain }];
        Self { source: String::new(), segments }
    }

    /// The text with which JSON text gives the nonce of its call.
    pub fn nonce() -> Self {
        let segments = vec![Segment::Expression { expression: Expression::Nonce, quoting: Quoting::Plain }];
        Self { source: "{{ nonce }}".to_owned(), segments }.quoted()
    }

    /// The whole text, where it is the same in every call.
    pub fn as_literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// JSON text of a string: this plain text, quoted.
    #[must_use]
    pub fn quoted(&self) -> Self {
        let quote = |text: &str| serde_json::to_string(text).expect("a string is always JSON");
        let source = match self.segments.as_slice() {
            // Alone, it might give a number.
            [Segment::Expression { .. }] if !self.source.contains("string(") => {
                let inside = self.source.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
                quote(&format!("{{{{ string({inside}) }}}}"))
            }
            _ => quote(&self.source),
        };
        let inside = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => {
                let quoted = quote(text);
                Segment::Literal(quoted[1..quoted.len() - 1].to_owned())
            }
            Segment::Expression { expression, .. } => {
                Segment::Expression { expression: expression.clone(), quoting: Quoting::InsideJson }
            }
        });
        let mark = || std::iter::once(Segment::Literal("\"".to_owned()));
        Self { source, segments: merged(mark().chain(inside).chain(mark())) }
    }

    /// JSON text of an object with these members, whose values are JSON text.
    pub fn object(members: &[(&str, Self)]) -> Self {
        let (mut source, mut segments) = (String::new(), Vec::new());
        for (at, (name, value)) in members.iter().enumerate() {
            let name = serde_json::to_string(name).expect("a string is always JSON");
            let before = format!("{}{name}:", if at == 0 { "{" } else { "," });
            source.push_str(&before);
            source.push_str(&value.source);
            segments.push(Segment::Literal(before));
            segments.extend(value.segments.iter().cloned());
        }
        let end = if members.is_empty() { "{}" } else { "}" };
        source.push_str(end);
        segments.push(Segment::Literal(end.to_owned()));
        Self { source, segments: merged(segments) }
    }

    /// Of the JSON text of an object: what stands between its braces; `None` when that is nothing.
    pub fn members(&self) -> Option<Self> {
        let mut segments = self.segments.clone();
        if let Some(Segment::Literal(first)) = segments.first_mut() {
            first.drain(..first.find('{').map_or(0, |at| at + 1));
        }
        if let Some(Segment::Literal(last)) = segments.last_mut() {
            last.truncate(last.rfind('}').unwrap_or(last.len()));
        }
        let segments = merged(segments);
        (!segments.is_empty()).then(|| Self { source: self.source.clone(), segments })
    }

    /// The values of the environment that it puts into the text.
    pub fn environment_values(&self) -> impl Iterator<Item = &Secret> {
        self.expressions()
            .filter_map(|expression| if let Expression::Env(value) = expression { Some(value) } else { None })
    }

    /// True when each call's text holds its nonce.
    pub fn has_nonce(&self) -> bool {
        self.expressions().any(|expression| matches!(expression, Expression::Nonce))
    }

    /// The names of the canaries that it puts into the text.
    pub fn canaries(&self) -> impl Iterator<Item = &str> {
        self.expressions().filter_map(|expression| {
            if let Expression::Canary(name) = expression { Some(name.as_str()) } else { None }
        })
    }

    /// The variables that it puts into the text.
    pub fn variables(&self) -> impl Iterator<Item = Slot> {
        self.expressions().filter_map(|expression| {
            if let Expression::Variable(slot) = expression { Some(*slot) } else { None }
        })
    }

    /// All that it computes, in any call.
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.segments.iter().filter_map(Segment::computed).flat_map(|expression| {
            let choices = if let Expression::OneOf(texts) = expression { &texts[..] } else { &[] };
            std::iter::once(expression).chain(choices.iter().flatten().filter_map(Segment::computed))
        })
    }

    /// Appends the text for one call to `out`.
    pub fn render(&self, context: &mut RenderContext<'_>, out: &mut Vec<u8>) {
        render(&self.segments, context, out);
    }
}

impl Segment {
    fn computed(&self) -> Option<&Expression> {
        match self {
            Self::Expression { expression, .. } => Some(expression),
            Self::Literal(_) => None,
        }
    }
}

fn render(segments: &[Segment], context: &mut RenderContext<'_>, out: &mut Vec<u8>) {
    for segment in segments {
        match segment {
            Segment::Literal(text) => out.extend_from_slice(text.as_bytes()),
            Segment::Expression { expression, quoting } => expression.render(context, *quoting, out),
        }
    }
}

/// The same text with neighbouring literals joined, and empty ones left out.
fn merged(segments: impl IntoIterator<Item = Segment>) -> Vec<Segment> {
    let mut all: Vec<Segment> = Vec::new();
    for segment in segments {
        match (all.last_mut(), segment) {
            (_, Segment::Literal(text)) if text.is_empty() => {}
            (Some(Segment::Literal(last)), Segment::Literal(text)) => last.push_str(&text),
            (_, segment) => all.push(segment),
        }
    }
    all
}

impl Expression {
    fn render(&self, context: &mut RenderContext<'_>, quoting: Quoting, out: &mut Vec<u8>) {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        match self {
            Self::Vu => push_int(out, context.vu),
            Self::Iteration => push_int(out, context.iteration),
            Self::Nonce => context.nonce.write(out),
            // Letters, digits and `-`: nothing to escape.
            Self::Canary(name) => out.extend_from_slice(canary(context.nonce.run, name).as_bytes()),
            Self::Env(value) => push_text(out, value.expose(), quoting),
            Self::RandomInt(low, high) => push_int(out, context.rng.int(*low, *high)),
            Self::RandomChoice(choices) => {
                let at = usize::try_from(context.rng.below(choices.len() as u64)).unwrap_or(0);
                push_text(out, &choices[at], quoting);
            }
            Self::Variable(slot) => match (context.variables.get(*slot), quoting) {
                (None, _) => {}
                (Some(Datum::Text(text)), Quoting::WholeJson) => {
                    out.push(b'"');
                    push_text(out, text, Quoting::InsideJson);
                    out.push(b'"');
                }
                (Some(datum), quoting) => push_text(out, datum.as_text(), quoting),
            },
            Self::OneOf(texts) => {
                let at = usize::try_from(context.rng.below(texts.len() as u64)).unwrap_or(0);
                render(&texts[at], context, out);
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
        Quoting::Plain | Quoting::WholeJson => out.extend_from_slice(text.as_bytes()),
        Quoting::InsideJson => {
            let quoted = serde_json::to_vec(text).expect("a string is always JSON");
            out.extend_from_slice(&quoted[1..quoted.len() - 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunTag;

    #[test]
    fn one_of_several_texts_is_drawn_for_each_call_and_says_what_is_in_any_of_them() {
        let text = |text: &str| Template::object(&[("a", Template::literal(text))]);
        let one = Template::one_of([text("1"), Template::object(&[("a", Template::nonce())])]);
        let whole = Template::object(&[("name", Template::literal("7")), ("arguments", one.clone())]);
        assert!(one.has_nonce() && whole.has_nonce() && one.as_literal().is_none());
        assert!(!Template::one_of([text("1"), text("2")]).has_nonce());
        let mut rng = CounterRng::new(3, 1);
        let nonce = Nonce { run: RunTag::of(std::time::UNIX_EPOCH), call: 5 };
        let mut texts = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let (mut out, variables) = (Vec::new(), Variables::default());
            let mut context =
                RenderContext { vu: 1, iteration: 1, nonce, rng: &mut rng, variables: &variables };
            whole.members().unwrap().render(&mut context, &mut out);
            texts.insert(String::from_utf8(out).unwrap());
        }
        let with = |value: &str| format!(r#""name":7,"arguments":{{"a":{value}}}"#);
        assert_eq!(texts.into_iter().collect::<Vec<_>>(), [with(r#""gander-00000000-5n""#), with("1")]);
    }
}
