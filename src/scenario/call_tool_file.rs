//! `call_tool` as written: a tool, the arguments that are written out, and how the others are generated.

use super::arguments::json_template;
use super::operation_file::{json_map, read_name};
use crate::input::{Field, Fields, Place, Problems, Value};
use crate::model::clean_text;
use crate::plan::{GeneratedArguments, Operation, Scope, Template};

/// How arguments are generated.
const GENERATE: &str = "generate_arguments";

/// The shares of values at the edges that have a name.
const SHARES: [(&str, f64); 3] = [("valid", 0.0), ("mixed", GeneratedArguments::USUAL_EDGES), ("edges", 1.0)];

/// `{tool, arguments, generate_arguments}`, or the tool alone. `place` is that of the step.
pub(super) fn read(
    field: Field<'_>,
    place: &Place,
    scope: Scope<'_>,
    problems: &mut Problems,
) -> Option<Operation> {
    if let Value::Text(_) = &field.node.value {
        let tool = read_name(field, scope, problems)?;
        return Some(Operation::CallTool { tool, arguments: Template::literal("{}"), generated: None });
    }
    let mut fields = Fields::of(field.node, "`call_tool`", problems)?;
    let tool = fields.required("tool", problems).and_then(|field| read_name(field, scope, problems));
    let written = fields.optional("arguments");
    let generate = fields.optional(GENERATE);
    fields.finish(problems);
    let Some(generate) = generate else {
        let arguments =
            written.map_or_else(|| Some(Template::literal("{}")), |field| json_map(field, scope, problems));
        return Some(Operation::CallTool { tool: tool?, arguments: arguments?, generated: None });
    };
    let given = written.map_or_else(|| Some(Vec::new()), |field| read_given(field, scope, problems));
    let generated = read_generated(generate, problems);
    let tool = tool?;
    if tool.as_literal().is_none() {
        let message = "the name of the tool differs from call to call, and with it what it takes";
        generate.wrong(message, "write a step for each tool, or write its arguments out", problems);
        return None;
    }
    let given = given?;
    let members: Vec<(&str, Template)> =
        given.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let arguments = Template::object(&members);
    let origin = format!("{}:{}:{}", clean_text(place.source().name()), place.line(), place.column());
    let generated = Some(GeneratedArguments { given, origin, ..generated? });
    Some(Operation::CallTool { tool, arguments, generated })
}

/// What is written out beside what is generated: each argument by itself.
fn read_given(
    field: Field<'_>,
    scope: Scope<'_>,
    problems: &mut Problems,
) -> Option<Vec<(String, Template)>> {
    let Value::Map(entries) = &field.node.value else {
        json_map(field, scope, problems);
        return None;
    };
    // Each is read, whatever is wrong with others.
    let read: Vec<Option<(String, Template)>> = entries
        .iter()
        .map(|entry| Some((entry.key.text.clone(), json_template(&entry.value, scope, problems)?)))
        .collect();
    read.into_iter().collect()
}

/// `{values, edges, nonce}`, or a word for the share of the edges.
fn read_generated(field: Field<'_>, problems: &mut Problems) -> Option<GeneratedArguments> {
    let usual = GeneratedArguments {
        values: GeneratedArguments::USUAL_VALUES,
        edges: GeneratedArguments::USUAL_EDGES,
        nonce: false,
        given: Vec::new(),
        origin: String::new(),
    };
    match &field.node.value {
        Value::Map(_) => {}
        Value::Text(_) => return Some(GeneratedArguments { edges: field.word(&SHARES, problems)?, ..usual }),
        Value::Null | Value::Bool(_) | Value::Number(..) | Value::List(_) => {
            let message = format!("expected a word or a map, found {}", field.node.found());
            let help = "write `valid`, `mixed` or `edges`, or a map such as `{ values: 64, edges: 10% }`";
            field.wrong(message, help, problems);
            return None;
        }
    }
    let mut fields = Fields::of(field.node, "`generate_arguments`", problems)?;
    let values = fields
        .optional("values")
        .map_or(Some(usual.values), |field| field.whole(&(1..=GeneratedArguments::MOST_VALUES), problems));
    let edges = fields.optional("edges").map_or(Some(usual.edges), |field| {
        let share = field.share(problems)?;
        if share > 1.0 {
            field.wrong("there are no more values than all", "write `100%` for all of them", problems);
        }
        Some(share)
    });
    let nonce = fields.optional("nonce").map_or(Some(false), |field| field.flag(problems));
    fields.finish(problems);
    Some(GeneratedArguments { values: values?, edges: edges?, nonce: nonce?, ..usual })
}
