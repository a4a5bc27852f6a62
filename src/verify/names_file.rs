//! Files that say what a target calls its metrics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Durations, LabelledCounter, MetricNames, Requests, SeriesSelector};
use crate::input::{Field, Fields, Files, Problem, Problems, Source, candidates, parse, quoted};

/// The version of the file format.
const VERSION: u64 = 1;

/// Names that gander brings along, each under its word.
const BUILT_IN: [(&str, &str); 2] = [
    ("guide", include_str!("../../slos/names/guide.yaml")),
    ("opentelemetry", include_str!("../../slos/names/opentelemetry.yaml")),
];

/// The names that the field `names` of `source` speaks of: a word for those that gander brings along, or a file.
pub(super) fn read_named(
    field: Field<'_>,
    source: &Source,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<MetricNames> {
    let written = field.text(problems)?;
    if let Some((word, text)) = BUILT_IN.iter().find(|(word, _)| *word == written) {
        return read(&Source::new(*word, *text), problems);
    }
    let is_file = Path::new(written).extension().is_some() || written.contains('/');
    if !is_file {
        let words = BUILT_IN.map(|(word, _)| word);
        let help = format!("write {}, or the path of a file", crate::input::one_of(&words));
        field.wrong(format!("unknown names {}", quoted(written)), help, problems);
        return None;
    }
    let paths = candidates(&PathBuf::from(source.name()), Path::new(written));
    let (path, text) = files.read_first(&paths, &field.node.place, problems)?;
    read(&Source::new(path.to_string_lossy(), text), problems)
}

fn read(source: &Arc<Source>, problems: &mut Problems) -> Option<MetricNames> {
    let root = parse(source, problems)?;
    let mut file = Fields::of(&root, "a file of metric names", problems)?;
    if let Some(version) = file.required("version", problems) {
        version.version(VERSION, problems);
    }
    let requests = file.required("requests", problems).and_then(|field| read_requests(field, problems));
    let errors = file.optional("tool_errors").map(|field| read_errors(field, problems));
    let durations = file.optional("durations").map(|field| read_durations(field, problems));
    let gauges = file.optional("gauges").map(|field| read_gauges(field, problems));
    file.finish(problems);
    Some(MetricNames {
        origin: source.name().to_owned(),
        requests: requests?,
        tool_errors: errors.map_or(Some(None), |read| read.map(Some))?,
        durations: durations.map_or(Some(None), |read| read.map(Some))?,
        gauges: gauges.unwrap_or_default(),
    })
}

fn read_requests(field: Field<'_>, problems: &mut Problems) -> Option<Requests> {
    let mut fields = Fields::of(field.node, "`requests`", problems)?;
    let counter = fields.required("counter", problems).and_then(|field| read_selector(field, problems));
    let failed = fields.required("failed", problems).and_then(|field| read_selector(field, problems));
    let method = fields.optional("method").and_then(|field| read_label(field, problems));
    let tool = fields.optional("tool").and_then(|field| read_label(field, problems));
    let unknown_tool = fields.optional("unknown_tool").and_then(|field| field.text(problems));
    let methods = fields.optional("methods").map(|field| read_methods(field, problems));
    let only = fields.optional("counted").map(|field| {
        let items: Vec<Field<'_>> = field.items(problems).collect();
        items.into_iter().filter_map(|item| item.text(problems).map(str::to_owned)).collect()
    });
    fields.finish(problems);
    Some(Requests {
        counter: counter?,
        failed: failed?,
        method,
        tool,
        unknown_tool: unknown_tool.map(str::to_owned),
        methods: methods.unwrap_or_default(),
        counted: only,
    })
}

fn read_errors(field: Field<'_>, problems: &mut Problems) -> Option<LabelledCounter> {
    let mut fields = Fields::of(field.node, "`tool_errors`", problems)?;
    let counter = fields.required("counter", problems).and_then(|field| read_selector(field, problems));
    let tool = fields.required("tool", problems).and_then(|field| read_label(field, problems));
    fields.finish(problems);
    Some(LabelledCounter { counter: counter?, tool: tool? })
}

fn read_durations(field: Field<'_>, problems: &mut Problems) -> Option<Durations> {
    let mut fields = Fields::of(field.node, "`durations`", problems)?;
    let metric = fields.required("metric", problems).and_then(|field| read_selector(field, problems));
    let method = fields.optional("method").and_then(|field| read_label(field, problems));
    let tool = fields.optional("tool").and_then(|field| read_label(field, problems));
    let units = [("seconds", false), ("milliseconds", true)];
    let unit = fields.optional("unit").map(|field| field.word(&units, problems));
    fields.finish(problems);
    Some(Durations { metric: metric?, method, tool, in_milliseconds: unit.map_or(Some(false), |unit| unit)? })
}

fn read_gauges(field: Field<'_>, problems: &mut Problems) -> Vec<SeriesSelector> {
    let items: Vec<Field<'_>> = field.items(problems).collect();
    items.into_iter().filter_map(|item| read_selector(item, problems)).collect()
}

/// The target's own words for methods, with the methods that they stand for.
fn read_methods(field: Field<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut methods = BTreeMap::new();
    let Some(fields) = Fields::of(field.node, "`methods`", problems) else { return methods };
    for entry in fields.entries() {
        let item = Field { name: &entry.key.text, node: &entry.value };
        if let Some(method) = item.text(problems) {
            methods.insert(entry.key.text.clone(), method.to_owned());
        }
    }
    methods
}

pub(super) fn read_label(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    if text.starts_with(is_start) && text.chars().all(|c| is_start(c) || c.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    field.wrong(format!("{} is no label", quoted(text)), "write a label's name, such as `tool`", problems);
    None
}

pub(super) fn read_selector(field: Field<'_>, problems: &mut Problems) -> Option<SeriesSelector> {
    let text = field.text(problems)?;
    SeriesSelector::parse(text)
        .map_err(|error| {
            let help =
                "write a metric, with matchers where needed, such as `mcp_requests_total{status=\"error\"}`";
            let place = field.node.place.inside(text, error.span.clone());
            let place = place.as_ref().unwrap_or(&field.node.place);
            problems.push(Problem::error(place, format!("{}: {error}", quoted(field.name))).help(help));
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_are_brought_along_are_read() {
        for (word, text) in BUILT_IN {
            let mut problems = Problems::new();
            let names = read(&Source::new(word, text), &mut problems);
            assert!(names.is_some() && problems.is_empty(), "{word}: {problems:?}");
        }
    }
}
