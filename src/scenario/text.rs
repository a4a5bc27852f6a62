//! Texts of a scenario that may hold `{{ ... }}`, with each mistake at its place inside the text.

use crate::input::{Field, Place, Problem, Problems, nearest, one_of, quoted};
use crate::plan::{
    EXPRESSIONS, Environment, Expression, FixedText, Scope, Template, TemplateError, TemplateFault, TextPart,
    parse_parts,
};

/// A plain text with expressions of every kind.
pub(super) fn template(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Template> {
    let text = field.text(problems)?;
    Template::parse(text, scope)
        .map_err(|errors| report(&errors, text, &field.node.place, scope, problems))
        .ok()
}

/// A text that is the same for the whole run: only values of the environment may stand in its braces.
pub(super) fn fixed(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<FixedText> {
    let text = field.text(problems)?;
    let scope = Scope::of_environment(env);
    let parts = parse_parts(text, scope)
        .map_err(|errors| report(&errors, text, &field.node.place, scope, problems))
        .ok()?;
    let mut value = String::new();
    let mut from_environment = Vec::new();
    for part in parts {
        match part {
            TextPart::Literal(text) => value.push_str(&text),
            TextPart::Computed(Expression::Env(secret), _) => {
                value.push_str(secret.expose());
                from_environment.push(secret);
            }
            TextPart::Computed(..) => {
                let help =
                    "this text is the same for the whole run: only `{{ env.NAME }}` can be computed in it";
                field.wrong("an expression that changes with each call cannot stand here", help, problems);
                return None;
            }
        }
    }
    if value.is_empty() {
        field.wrong("the text is empty", "give the environment variable a value", problems);
        return None;
    }
    Some(FixedText::new(text, value, from_environment))
}

/// Turns the mistakes of a template into problems at their places inside `text`.
pub(super) fn report(
    errors: &[TemplateError],
    text: &str,
    place: &Place,
    scope: Scope<'_>,
    problems: &mut Problems,
) {
    for error in errors {
        let written = &text[error.span.clone()];
        let place = place.of_fragment(written);
        let problem = match &error.reason {
            TemplateFault::NotSet(name) => {
                Problem::error(&place, format!("the environment variable {} is not set", quoted(name)))
                    .help("set it for this command: `NAME=value gander run ...`".replace("NAME", name))
            }
            TemplateFault::NotJson(name) => {
                Problem::error(&place, format!("the environment variable {} holds no JSON", quoted(name)))
                    .help(
                        "look at its value; for the whole of it as a text write `{{ env.NAME }}`"
                            .replace("NAME", name),
                    )
            }
            TemplateFault::NotThere(name, pointer) => {
                let message = format!(
                    "the JSON in the environment variable {} has nothing at {}",
                    quoted(name),
                    quoted(pointer)
                );
                Problem::error(&place, message).help(
                    "a pointer (RFC 6901) names each field on the way: `/client/id` is `id` in `client`",
                )
            }
            TemplateFault::Unknown => {
                Problem::error(&place, format!("unknown expression {}", place.quoted(written)))
                    .help(unknown_help(written, scope))
            }
            fault @ (TemplateFault::Unclosed | TemplateFault::UnclosedQuote) => {
                Problem::error(&place, fault.to_string())
                    .help("close it; `{{ \"{{\" }}` gives two braces as they are")
            }
            fault @ TemplateFault::Arguments(_) => {
                let help = choice_of_bare_words(written).unwrap_or_else(|| fault.to_string());
                Problem::error(&place, format!("wrong arguments in {}", place.quoted(written))).help(help)
            }
        };
        problems.push(problem);
    }
}

/// What can stand between the braces, the likeliest meant first.
fn unknown_help(written: &str, scope: Scope<'_>) -> String {
    let name = written.trim_start_matches(['{', ' ']);
    let name = &name
        [..name.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))).unwrap_or(0)];
    if let Some(form) = EXPRESSIONS.iter().find(|form| called(form) == name) {
        return format!(
            "write {} and nothing beside it: each pair of braces holds one expression",
            quoted(form)
        );
    }
    let random = name.starts_with("random");
    let known = scope.variables.keys().map(String::as_str);
    let forms: Vec<&str> =
        known.chain(EXPRESSIONS).filter(|form| !random || form.starts_with("random.")).collect();
    let begins = |form: &&&str| name.len() > 2 && (name.starts_with(called(form)) || form.starts_with(name));
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let near = || forms.iter().find(|form| nearest(&last(name), &[last(called(form))]).is_some()).copied();
    let meant = forms.iter().filter(|_| name != "random.").find(begins).copied().or_else(near);
    let meant = meant.map(|form| format!("did you mean {}? ", quoted(form))).unwrap_or_default();
    format!(
        "{meant}write one of {} between the braces; `{{{{ \"{{{{\" }}}}` gives two braces",
        one_of(&forms)
    )
}

/// The name in an expression: `random.int` of `random.int(1, 100)`.
fn called(form: &str) -> &str {
    form.split_once('(').map_or(form, |(called, _)| called)
}

/// The way out of a `random.choice` whose texts have no quotes, with the user's own words.
fn choice_of_bare_words(written: &str) -> Option<String> {
    let (_, inside) = written.split_once("random.choice(")?;
    let words: Vec<&str> = inside.split_once(')')?.0.split(',').map(str::trim).collect();
    let bare =
        |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c));
    if !words.iter().all(bare) {
        return None;
    }
    let choice = format!("random.choice(\"{}\")", words.join("\", \""));
    Some(match words.as_slice() {
        [low, high] if low.parse::<i64>().ok() < high.parse().ok() => format!(
            "its texts need quotes: write {}; for a whole number between the two write {}",
            quoted(&choice),
            quoted(&format!("random.int({low}, {high})"))
        ),
        _ => format!("its texts need quotes: write {}", quoted(&choice)),
    })
}
