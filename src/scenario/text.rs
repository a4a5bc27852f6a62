//! Texts of a scenario that may hold `{{ ... }}`, with each mistake at its place inside the text.

use crate::input::{Field, Place, Problem, Problems, one_of, quoted};
use crate::plan::{
    EXPRESSIONS, Environment, Expression, Part, Template, TemplateError, TemplateFault, parse_parts,
};

/// A plain text with expressions of every kind.
pub(super) fn template(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Template> {
    let text = field.text(problems)?;
    Template::parse(text, env).map_err(|errors| report(&errors, text, &field.node.place, problems)).ok()
}

/// A text that is the same for the whole run: only `env.NAME` may stand in its braces.
pub(super) fn fixed(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    let parts =
        parse_parts(text, env).map_err(|errors| report(&errors, text, &field.node.place, problems)).ok()?;
    let mut fixed = String::new();
    for part in parts {
        match part {
            Part::Literal(text) => fixed.push_str(&text),
            Part::Computed(Expression::Env(value), _) => fixed.push_str(value.expose()),
            Part::Computed(..) => {
                let help =
                    "this text is the same for the whole run: only `{{ env.NAME }}` can be computed in it";
                field.wrong("an expression that changes with each call cannot stand here", help, problems);
                return None;
            }
        }
    }
    if fixed.is_empty() {
        field.wrong("the text is empty", "give the environment variable a value", problems);
        return None;
    }
    Some(fixed)
}

/// Turns the mistakes of a template into problems at their places inside `text`.
pub(super) fn report(errors: &[TemplateError], text: &str, place: &Place, problems: &mut Problems) {
    for error in errors {
        let written = &text[error.span.clone()];
        let place = place.of_fragment(written);
        let problem = match &error.reason {
            TemplateFault::NotSet(name) => {
                Problem::error(&place, format!("the environment variable {} is not set", quoted(name)))
                    .help("set it for this command: `NAME=value gander run ...`".replace("NAME", name))
            }
            TemplateFault::Unknown => {
                Problem::error(&place, format!("unknown expression {}", quoted(written))).help(format!(
                    "write one of {} between the braces; `{{{{ \"{{{{\" }}}}` gives two braces",
                    one_of(&EXPRESSIONS)
                ))
            }
            fault @ (TemplateFault::Unclosed | TemplateFault::UnclosedQuote) => {
                Problem::error(&place, fault.to_string())
                    .help("close it; `{{ \"{{\" }}` gives two braces as they are")
            }
            fault @ TemplateFault::Arguments(_) => {
                Problem::error(&place, format!("wrong arguments in {}", quoted(written)))
                    .help(fault.to_string())
            }
        };
        problems.push(problem);
    }
}
