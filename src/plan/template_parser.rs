//! Text with `{{ ... }}` in it, read into a [`Template`]. Every mistake is found, each with its place in the text.
//!
//! An expression is a variable (`vu`, `iteration`, `nonce`, `canary`, `canary.NAME`, `env.NAME`), a call (`random.int(1, 100)`,
//! `json(env.NAME, "/pointer")` for a part of a variable that holds JSON), or a quoted text; a variable of the iteration goes by
//! its name. `string(...)` around one makes a JSON string of what would be a number. `{{ "{{" }}` gives two braces.

use std::ops::Range;

use serde_json::Value;

use super::{Expression, KnownVariables, Quoting, Segment, Template};
use crate::model::Secret;

/// The longest text that `random.string` makes.
const MAX_RANDOM_TEXT: usize = 64 * 1024;

/// What can stand between the braces, as help shows it.
pub(crate) const EXPRESSIONS: [&str; 10] = [
    "vu",
    "iteration",
    "nonce",
    "canary",
    "env.NAME",
    "json(env.NAME, \"/pointer\")",
    "random.int(1, 100)",
    "random.choice(\"a\", \"b\")",
    "random.string(8)",
    "string(...)",
];

/// A mistake in a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TemplateError {
    /// Which bytes of the text: the expression with its braces.
    pub span: Range<usize>,
    /// What is wrong.
    pub reason: TemplateFault,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// `{{` without its end.
    #[error("`{{{{` has no `}}}}`")]
    Unclosed,
    /// Nothing, or nothing that is known, between the braces.
    #[error("unknown expression")]
    Unknown,
    /// The environment has no such variable.
    #[error("the environment variable is not set")]
    NotSet(String),
    /// The environment variable holds no JSON.
    #[error("the environment variable holds no JSON")]
    NotJson(String),
    /// The JSON in this environment variable has nothing at this pointer.
    #[error("the environment variable has nothing there")]
    NotThere(String, String),
    /// A known name with the wrong arguments.
    #[error("expected {0}")]
    Arguments(&'static str),
    /// A quoted text without its end.
    #[error("the quoted text has no end")]
    UnclosedQuote,
}

/// The values of environment variables.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// What the names in an expression mean.
#[derive(Clone, Copy)]
pub struct Scope<'e> {
    /// What `env.NAME` gives.
    pub environment: Environment<'e>,
    /// The variables that something was put into before.
    pub variables: &'e KnownVariables,
}

impl<'e> Scope<'e> {
    /// Where there are no variables.
    pub fn of_environment(environment: Environment<'e>) -> Self {
        const NONE: &KnownVariables = &KnownVariables::new();
        Self { environment, variables: NONE }
    }
}

/// A part of a text, before it is known what surrounds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextPart {
    /// As it is.
    Literal(String),
    /// To be computed, as a text or, standing alone, as the number it is.
    Computed(Expression, Kind),
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Text,
    /// Known when it is computed.
    Any,
}

impl Template {
    /// Reads plain text.
    pub fn parse(text: &str, scope: Scope<'_>) -> Result<Self, Vec<TemplateError>> {
        let segments = parse_parts(text, scope)?
            .into_iter()
            .map(|part| match part {
                TextPart::Literal(text) => Segment::Literal(text),
                TextPart::Computed(expression, _) => {
                    Segment::Expression { expression, quoting: Quoting::Plain }
                }
            })
            .collect();
        Ok(Self { source: text.to_owned(), segments })
    }
}

/// The parts of `text`, or every mistake in it.
pub(crate) fn parse_parts(text: &str, scope: Scope<'_>) -> Result<Vec<TextPart>, Vec<TemplateError>> {
    let mut parts = Vec::new();
    let mut errors = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|found| at + found) {
        push_literal(&mut parts, &text[at..open]);
        let mut reader = Reader { text, at: open + 2, scope };
        match reader.braces(open) {
            Ok(part) => match part {
                TextPart::Literal(text) => push_literal(&mut parts, &text),
                computed @ TextPart::Computed(..) => parts.push(computed),
            },
            Err(error) => errors.push(error),
        }
        at = reader.at;
    }
    push_literal(&mut parts, &text[at..]);
    if errors.is_empty() { Ok(parts) } else { Err(errors) }
}

/// True for `canary` and `canary.NAME`.
fn is_canary(name: &str) -> bool {
    name.strip_prefix("canary")
        .is_some_and(|rest| rest.is_empty() || (rest.len() > 1 && rest.starts_with('.')))
}

fn push_literal(parts: &mut Vec<TextPart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(TextPart::Literal(last)) => last.push_str(text),
        Some(TextPart::Computed(..)) | None => parts.push(TextPart::Literal(text.to_owned())),
    }
}

/// Reads one expression after the other; `at` never goes back.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    scope: Scope<'t>,
}

impl<'t> Reader<'t> {
    /// What stands between the braces that open at `open`, the closing ones included. After a mistake, reading goes
    /// on behind the next closing braces.
    fn braces(&mut self, open: usize) -> Result<TextPart, TemplateError> {
        let result = self.expression().and_then(|part| {
            self.skip_blanks();
            if self.eat("}}") { Ok(part) } else { Err(TemplateFault::Unknown) }
        });
        result.map_err(|reason| {
            let end = self.text[self.at..].find("}}").map(|found| self.at + found + 2);
            self.at = end.unwrap_or(self.text.len());
            match (end, reason) {
                (None, TemplateFault::UnclosedQuote) => {
                    TemplateError { span: open..self.at, reason: TemplateFault::UnclosedQuote }
                }
                (None, _) => TemplateError { span: open..open + 2, reason: TemplateFault::Unclosed },
                (Some(end), reason) => TemplateError { span: open..end, reason },
            }
        })
    }

    fn expression(&mut self) -> Result<TextPart, TemplateFault> {
        self.skip_blanks();
        let start = self.at;
        if self.name() != "string" {
            self.at = start;
            return self.value();
        }
        match self.in_parentheses(Self::value)? {
            TextPart::Computed(expression, _) => Ok(TextPart::Computed(expression, Kind::Text)),
            literal @ TextPart::Literal(_) => Ok(literal),
        }
    }

    fn value(&mut self) -> Result<TextPart, TemplateFault> {
        self.skip_blanks();
        if self.text[self.at..].starts_with(['"', '\'']) {
            return self.quoted().map(TextPart::Literal);
        }
        let (expression, kind) = match self.name() {
            "vu" => (Expression::Vu, Kind::Number),
            "iteration" => (Expression::Iteration, Kind::Number),
            "nonce" => (Expression::Nonce, Kind::Text),
            name if is_canary(name) => (Expression::Canary(name.to_owned()), Kind::Text),
            "json" => (self.json()?, Kind::Text),
            "random.int" => (self.random_int()?, Kind::Number),
            "random.choice" => (self.random_choice()?, Kind::Text),
            "random.string" => (self.random_string()?, Kind::Text),
            name => match self.scope.variables.get(name) {
                Some(slot) => (Expression::Variable(*slot), Kind::Any),
                None => (self.env(name)?, Kind::Text),
            },
        };
        Ok(TextPart::Computed(expression, kind))
    }

    fn env(&self, name: &str) -> Result<Expression, TemplateFault> {
        let variable = name.strip_prefix("env.").filter(|variable| !variable.is_empty());
        let variable = variable.ok_or(TemplateFault::Unknown)?;
        match (self.scope.environment)(variable) {
            Some(value) => Ok(Expression::Env(Secret::new(value))),
            None => Err(TemplateFault::NotSet(variable.to_owned())),
        }
    }

    /// What a JSON text in the environment has at a pointer (RFC 6901): a text as it is, anything else as JSON.
    fn json(&mut self) -> Result<Expression, TemplateFault> {
        const EXPECTED: &str = "a variable and a pointer: `json(env.NAME, \"/pointer\")`";
        let arguments = self.in_parentheses(|reader| {
            reader.skip_blanks();
            let name = reader.name();
            reader.comma()?;
            Ok((name, reader.quoted()?))
        });
        let (name, pointer) = match arguments {
            Ok((name, pointer)) if pointer.is_empty() || pointer.starts_with('/') => (name, pointer),
            Err(TemplateFault::UnclosedQuote) => return Err(TemplateFault::UnclosedQuote),
            Ok(_) | Err(_) => return Err(TemplateFault::Arguments(EXPECTED)),
        };
        let Some(variable) = name.strip_prefix("env.").filter(|variable| !variable.is_empty()) else {
            return Err(TemplateFault::Arguments(EXPECTED));
        };
        let Some(text) = (self.scope.environment)(variable) else {
            return Err(TemplateFault::NotSet(variable.to_owned()));
        };
        let Ok(json) = serde_json::from_str::<Value>(&text) else {
            return Err(TemplateFault::NotJson(variable.to_owned()));
        };
        match json.pointer(&pointer) {
            None | Some(Value::Null) => Err(TemplateFault::NotThere(variable.to_owned(), pointer)),
            Some(Value::String(text)) => Ok(Expression::Env(Secret::new(text.as_str()))),
            Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
                Ok(Expression::Env(Secret::new(other.to_string())))
            }
        }
    }

    fn random_int(&mut self) -> Result<Expression, TemplateFault> {
        let bounds = self.in_parentheses(|reader| {
            let low = reader.whole()?;
            reader.comma()?;
            Ok((low, reader.whole()?))
        });
        match bounds {
            Ok((low, high)) if low <= high => Ok(Expression::RandomInt(low, high)),
            _ => Err(TemplateFault::Arguments("two whole numbers, the lower first: `random.int(1, 100)`")),
        }
    }

    fn random_choice(&mut self) -> Result<Expression, TemplateFault> {
        let choices = self.in_parentheses(|reader| {
            let mut choices = vec![reader.quoted()?];
            while reader.comma().is_ok() {
                choices.push(reader.quoted()?);
            }
            Ok(choices)
        });
        match choices {
            Ok(choices) => Ok(Expression::RandomChoice(choices)),
            Err(TemplateFault::UnclosedQuote) => Err(TemplateFault::UnclosedQuote),
            Err(_) => Err(TemplateFault::Arguments("quoted texts: `random.choice(\"a\", \"b\")`")),
        }
    }

    fn random_string(&mut self) -> Result<Expression, TemplateFault> {
        let length = self.in_parentheses(Self::whole).ok().and_then(|length| usize::try_from(length).ok());
        match length.filter(|length| (1..=MAX_RANDOM_TEXT).contains(length)) {
            Some(length) => Ok(Expression::RandomString(length)),
            None => Err(TemplateFault::Arguments("a length from 1 to 65536: `random.string(8)`")),
        }
    }

    fn in_parentheses<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, TemplateFault>,
    ) -> Result<T, TemplateFault> {
        self.token("(")?;
        let value = inside(self)?;
        self.token(")")?;
        Ok(value)
    }

    fn comma(&mut self) -> Result<(), TemplateFault> {
        self.token(",")
    }

    fn token(&mut self, token: &str) -> Result<(), TemplateFault> {
        self.skip_blanks();
        if self.eat(token) { Ok(()) } else { Err(TemplateFault::Unknown) }
    }

    fn name(&mut self) -> &'t str {
        let start = self.at;
        let rest = &self.text[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')));
        self.at += end.unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    fn whole(&mut self) -> Result<i64, TemplateFault> {
        self.skip_blanks();
        let start = self.at;
        let rest = &self.text[start..];
        let sign = usize::from(rest.starts_with('-'));
        let digits = rest[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - sign);
        self.at += sign + digits;
        self.text[start..self.at].parse().map_err(|_| TemplateFault::Unknown)
    }

    /// A text in single or double quotes; a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, TemplateFault> {
        self.skip_blanks();
        let start = self.at;
        let mut chars = self.text[start..].char_indices();
        let Some((_, quote @ ('"' | '\''))) = chars.next() else { return Err(TemplateFault::Unknown) };
        let mut value = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at = start + at + 1;
                    return Ok(value);
                }
                '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
                c => value.push(c),
            }
        }
        Err(TemplateFault::UnclosedQuote)
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::CounterRng;
    use crate::plan::{RenderContext, Variables};

    fn environment(name: &str) -> Option<String> {
        match name {
            "USER_NAME" => Some("ann \"the\" first".to_owned()),
            "CONTEXT" => Some(r#"{"id":"c-1","a/b":[7,null],"yes":true}"#.to_owned()),
            _ => None,
        }
    }

    fn scope() -> Scope<'static> {
        Scope::of_environment(&environment)
    }

    fn render(template: &Template) -> String {
        let mut out = Vec::new();
        let mut rng = CounterRng::new(1, 1);
        template.render(
            &mut RenderContext {
                vu: 3,
                iteration: 7,
                nonce: crate::model::Nonce { run: crate::model::RunTag::of(std::time::UNIX_EPOCH), call: 42 },
                rng: &mut rng,
                variables: &Variables::default(),
            },
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(render(&Template::parse(text, scope()).unwrap()), expected, "{text}");
    }

    #[track_caller]
    fn check_faults(text: &str, expected: &[(&str, TemplateFault)]) {
        let errors = Template::parse(text, scope()).unwrap_err();
        let found: Vec<_> = errors.iter().map(|e| (&text[e.span.clone()], e.reason.clone())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn expressions_are_computed_and_the_rest_stays() {
        check("plain } text {", "plain } text {");
        check("user {{ vu }}/{{iteration}}", "user 3/7");
        check("{{ nonce }}", "gander-00000000-42n");
        check("hello {{ env.USER_NAME }}!", "hello ann \"the\" first!");
        check("{{ json(env.CONTEXT, '/id') }}-{{ json( env.CONTEXT , \"/a~1b/0\" ) }}", "c-1-7");
        check("{{ json(env.CONTEXT, '/yes') }} {{ json(env.CONTEXT, '/a~1b') }}", "true [7,null]");
        check("{{ random.int(5, 5) }}{{ random.int( -2,-2 ) }}", "5-2");
        check("{{ random.choice(\"a, b\") }}", "a, b");
        check("{{ random.choice('it\\'s') }}", "it's");
        check("{{ \"{{\" }}name}}", "{{name}}");
        check("{{ string(vu) }}", "3");
        assert_eq!(render(&Template::parse("{{ random.string(12) }}", scope()).unwrap()).len(), 12);
    }

    #[test]
    fn every_mistake_is_found_with_its_place() {
        use TemplateFault::{NotJson, NotSet, NotThere, Unclosed, UnclosedQuote, Unknown};
        check_faults(
            "{{ user }} and {{ env.NOPE }} and {{",
            &[("{{ user }}", Unknown), ("{{ env.NOPE }}", NotSet("NOPE".to_owned())), ("{{", Unclosed)],
        );
        check_faults("é {{ vu ", &[("{{", Unclosed)]);
        check_faults("{{}}", &[("{{}}", Unknown)]);
        check_faults("{{ vu vu }}", &[("{{ vu vu }}", Unknown)]);
        check_faults("{{ string(string(vu)) }}", &[("{{ string(string(vu)) }}", Unknown)]);
        check_faults("{{ 'open }}", &[("{{ 'open }}", UnclosedQuote)]);
        let there = |pointer: &str| NotThere("CONTEXT".to_owned(), pointer.to_owned());
        check_faults(
            "{{ json(env.NOPE, '/a') }}{{ json(env.USER_NAME, '/a') }}{{ json(env.CONTEXT, '/a~1b/1') }}",
            &[
                ("{{ json(env.NOPE, '/a') }}", NotSet("NOPE".to_owned())),
                ("{{ json(env.USER_NAME, '/a') }}", NotJson("USER_NAME".to_owned())),
                ("{{ json(env.CONTEXT, '/a~1b/1') }}", there("/a~1b/1")),
            ],
        );
        check_faults("{{ env. }}", &[("{{ env. }}", Unknown)]);
        for text in [
            "{{ random.int(2, 1) }}",
            "{{ random.int(1) }}",
            "{{ random.string(0) }}",
            "{{ random.choice() }}",
            "{{ json(CONTEXT, '/id') }}",
            "{{ json(env.CONTEXT, 'id') }}",
            "{{ json(env.CONTEXT) }}",
        ] {
            let errors = Template::parse(text, scope()).unwrap_err();
            assert!(matches!(errors[0].reason, TemplateFault::Arguments(_)), "{text}: {errors:?}");
        }
    }

    proptest! {
        #[test]
        fn text_without_braces_is_kept_as_it_is(text in "[^{]*(\\{[^{]+)*") {
            prop_assert_eq!(render(&Template::parse(&text, scope()).unwrap()), text);
        }

        #[test]
        fn no_text_brings_the_parser_down(text in any::<String>()) {
            let _ = Template::parse(&text, scope());
        }

        #[test]
        fn nothing_like_an_expression_brings_the_parser_down(
            text in "(\\{\\{|\\}\\}|vu|env\\.|random\\.|int|choice|string|\\(|\\)|,|\"|'|\\\\|-|9| |é){0,24}",
        ) {
            let _ = Template::parse(&text, scope());
        }
    }
}
