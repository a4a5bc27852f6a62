//! A dashboard as Grafana exports it, or as its API takes it: variables, and panels with their queries. A query that is none and a variable
//! that is nowhere are mistakes, with their place in the file.

use std::collections::BTreeSet;
use std::time::Duration;

use super::file::Terms;
use super::layout::{Placed, flag, get, list, panels, plain, text};
use super::queries::stand_in;
use super::template::references;
use super::variables::{ALL, BUILT_IN, label_values};
use super::{Dashboard, Panel, PanelQuery, Variable, VariableSource};
use crate::input::{Node, Place, Problem, Problems, Source, Value, quoted, way_out};
use crate::promql::parse_duration;

/// What a data source is that has PromQL for its language, in the name of its type.
const PROMETHEUS: &str = "prometheus";

/// What the file with this `root` says. The titles of its panels are added to `titles`.
pub(super) fn read(
    root: &Node,
    source: &Source,
    terms: &Terms,
    titles: &mut BTreeSet<String>,
    problems: &mut Problems,
) -> Option<Dashboard> {
    let node = dashboard_of(root, problems)?;
    let variables: Vec<Variable> = get(node, "templating")
        .map(|it| list(it, "list"))
        .unwrap_or_default()
        .iter()
        .filter_map(variable)
        .collect();
    let title = text(node, "title").map_or(source.name(), |(title, _)| title).to_owned();
    let mut dashboard =
        Dashboard { file: source.name().to_owned(), title, variables, panels: Vec::new(), others: 0 };
    let before = problems.len();
    let mut any = false;
    for placed in panels(node) {
        any = true;
        let title = title_of(placed.panel);
        let is_excepted = terms.except.contains(&title);
        titles.insert(title);
        if is_excepted {
            continue;
        }
        match panel(&placed, node, &dashboard, terms, problems) {
            Some(panel) => dashboard.panels.push(panel),
            None => dashboard.others += 1,
        }
    }
    if dashboard.panels.is_empty() && problems.len() == before {
        let why = if any { "no panel of it asks a Prometheus" } else { "it has no panels" };
        let message = format!("nothing of this dashboard can be checked: {why}");
        problems.push(Problem::error(&node.place, message).help("remove the file from `files`"));
    }
    Some(dashboard)
}

/// The names of all variables that a dashboard has or speaks of.
pub(super) fn spoken_of(dashboard: &Dashboard) -> impl Iterator<Item = &str> {
    let queries = dashboard.panels.iter().filter_map(|panel| panel.queries.as_ref()).flatten();
    let spoken = queries.flat_map(|query| references(&query.text)).map(|reference| reference.name);
    dashboard.variables.iter().map(|variable| variable.name.as_str()).chain(spoken)
}

/// The dashboard in what Grafana exports, what its API takes (`dashboard`), or what its operator takes (`spec`).
fn dashboard_of<'n>(root: &'n Node, problems: &mut Problems) -> Option<&'n Node> {
    let is_dashboard = |node: &Node| get(node, "panels").is_some() || get(node, "rows").is_some();
    let inner = [Some(root), get(root, "dashboard"), get(root, "spec")];
    if let Some(found) = inner.into_iter().flatten().find(|node| is_dashboard(node)) {
        return Some(found);
    }
    let is_second =
        get(root, "elements").is_some() || get(root, "spec").is_some_and(|it| get(it, "elements").is_some());
    let (message, help) = if is_second {
        (
            "a dashboard of Grafana's second schema is not read",
            "export it as `Classic`, the first schema (JSON model V1)",
        )
    } else {
        (
            "this is no Grafana dashboard: it has no `panels`",
            "export it from Grafana: Share, Export, Save to file",
        )
    };
    problems.push(Problem::error(&root.place, message).help(help));
    None
}

fn title_of(panel: &Node) -> String {
    let title = text(panel, "title").map(|(title, _)| title.trim()).filter(|title| !title.is_empty());
    title.map_or_else(
        || format!("panel {}", text(panel, "id").map_or("without a title", |(id, _)| id)),
        str::to_owned,
    )
}

/// `None` where it asks no Prometheus.
fn panel(
    placed: &Placed<'_>,
    root: &Node,
    dashboard: &Dashboard,
    terms: &Terms,
    problems: &mut Problems,
) -> Option<Panel> {
    let Placed { panel, repeated_for } = placed;
    let targets = list(panel, "targets");
    let title = title_of(panel);
    let origin = panel.place.to_string();
    let repeated_for = repeated_for.clone();
    if targets.is_empty() && get(panel, "libraryPanel").is_some() {
        return Some(Panel { title, repeated_for, queries: None, origin });
    }
    let asked = targets.iter().filter(|target| !flag(target, "hide"));
    let asked = asked.filter(|target| {
        let source = get(target, "datasource").filter(|source| !matches!(source.value, Value::Null));
        asks_prometheus(source.or_else(|| get(panel, "datasource")), root)
    });
    let mut any = false;
    let mut queries = Vec::new();
    for (place, target) in asked.enumerate() {
        let Some((written, node)) = text(target, "expr").filter(|(written, _)| !written.trim().is_empty())
        else {
            continue;
        };
        any = true;
        if !check(written, node, &title, dashboard, terms, problems) {
            continue;
        }
        let step = text(target, "interval").or_else(|| text(panel, "interval"));
        let step = step.and_then(|(step, _)| parse_duration(step.trim_start_matches('>')));
        queries.push(PanelQuery {
            name: text(target, "refId").map_or_else(|| (place + 1).to_string(), |(name, _)| name.to_owned()),
            text: written.to_owned(),
            min_step: step.filter(|step| *step > Duration::ZERO),
        });
    }
    any.then_some(Panel { title, repeated_for, queries: Some(queries), origin })
}

/// True when the data source of a panel or a query is a Prometheus, or when it is not said what it is.
fn asks_prometheus(source: Option<&Node>, root: &Node) -> bool {
    let Some(source) = source else { return true };
    if let Some((kind, _)) = text(source, "type") {
        return kind.contains(PROMETHEUS);
    }
    let Some(name) = plain(source).or_else(|| text(source, "uid").map(|(uid, _)| uid)) else { return true };
    if name.starts_with("-- ") {
        return name == "-- Mixed --";
    }
    let references = references(name);
    let Some(reference) = references.first() else { return true };
    // What the data source is called in an export, or a variable for it.
    let inputs = list(root, "__inputs").iter().filter(|input| is_named(input, reference.name));
    let exported = inputs.filter_map(|input| text(input, "pluginId"));
    let variables = get(root, "templating").map(|it| list(it, "list")).unwrap_or_default();
    let chosen = variables.iter().filter(|variable| is_named(variable, reference.name));
    let mut kinds = exported.chain(chosen.filter_map(|variable| text(variable, "query")));
    kinds.next().is_none_or(|(kind, _)| kind.contains(PROMETHEUS))
}

fn is_named(node: &Node, name: &str) -> bool {
    text(node, "name").is_some_and(|(found, _)| found == name)
}

/// True when `written` is a query, whatever its variables are; else a problem says what is wrong.
fn check(
    written: &str,
    node: &Node,
    title: &str,
    dashboard: &Dashboard,
    terms: &Terms,
    problems: &mut Problems,
) -> bool {
    let at = |span| node.place.inside(written, span).unwrap_or_else(|| node.place.clone());
    let before = problems.len();
    let except = || format!("Or leave the panel out: `except_panels: [{title:?}]`");
    for reference in references(written) {
        let name = reference.name;
        let variable = dashboard.variables.iter().find(|variable| variable.name == name);
        let problem =
            |place: &Place, message: String, help: String| Problem::error(place, message).help(help);
        let place = at(reference.span.clone());
        match variable {
            _ if terms.given.contains_key(name) || BUILT_IN.iter().any(|(known, _)| *known == name) => {}
            Some(variable) if is_unknown(variable) => problems.push(problem(
                &place,
                format!("panel {}: nobody knows the values of the variable {}", quoted(title), quoted(name)),
                format!("say what it stands for: `variables: {{{name}: \".*\"}}`. {}", except()),
            )),
            Some(_) => {}
            None => {
                let mut known: Vec<&str> = dashboard.variables.iter().map(|it| it.name.as_str()).collect();
                known.extend(BUILT_IN.map(|(name, _)| name).iter().filter(|it| it.starts_with("__r")));
                problems.push(problem(
                    &place,
                    format!("panel {}: the dashboard has no variable {}", quoted(title), quoted(name)),
                    format!("{}. {}", way_out(name, &known, "there are"), except()),
                ));
            }
        }
    }
    if problems.len() > before {
        return false;
    }
    let Err((filled, error)) = stand_in(written, dashboard, &terms.given) else { return true };
    let message = format!("panel {}: {}", quoted(title), error.message);
    let help = error.help.unwrap_or_else(|| "mend the query".to_owned());
    let stop = if help.ends_with(['?', '.']) { "" } else { "." };
    let help = format!("{help}{stop} {}", except());
    problems.push(Problem::error(&at(filled.written(&error.span)), message).help(help));
    false
}

/// True when it is asked for elsewhere, and nothing was chosen.
fn is_unknown(variable: &Variable) -> bool {
    let is_value = |text: &String| !text.is_empty() && text != ALL;
    variable.source == VariableSource::Elsewhere
        && !variable.chosen.iter().any(is_value)
        && !variable.all.as_ref().is_some_and(is_value)
}

fn variable(node: &Node) -> Option<Variable> {
    let (name, _) = text(node, "name")?;
    let (kind, _) = text(node, "type")?;
    let written = get(node, "query");
    // Newer dashboards have the query in a map.
    let query = written.and_then(|query| plain(query).or_else(|| text(query, "query").map(|(text, _)| text)));
    let query = query.or_else(|| text(node, "definition").map(|(text, _)| text)).unwrap_or_default();
    let current = get(node, "current").and_then(|current| get(current, "value"));
    let chosen: Vec<String> = match current.map(|current| &current.value) {
        Some(Value::List(items)) => items.iter().filter_map(plain).map(str::to_owned).collect(),
        Some(_) => current.and_then(plain).map(str::to_owned).into_iter().collect(),
        None => Vec::new(),
    };
    let has_all = flag(node, "includeAll");
    let filter = text(node, "regex").is_some_and(|(pattern, _)| !pattern.is_empty());
    let source = match kind {
        "query" if !filter => label_values(query).map_or(VariableSource::Elsewhere, |(selector, label)| {
            VariableSource::LabelValues { selector, label }
        }),
        "custom" | "interval" => VariableSource::Options(options(query)),
        "constant" | "textbox" => {
            let text = if kind == "textbox" { chosen.first().map_or(query, String::as_str) } else { query };
            VariableSource::Options(vec![text.to_owned()])
        }
        // Filters and groups are no variables of queries.
        "adhoc" | "groupby" => return None,
        _ => VariableSource::Elsewhere,
    };
    let all = has_all.then(|| text(node, "allValue").map_or(String::new(), |(all, _)| all.to_owned()));
    Some(Variable { name: name.to_owned(), source, many: has_all || flag(node, "multi"), all, chosen })
}

/// `a, b\,c, shown : meant` as its values.
fn options(written: &str) -> Vec<String> {
    let mut options = vec![String::new()];
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        let last = options.last_mut().expect("there is one from the start");
        match c {
            '\\' if chars.next_if_eq(&',').is_some() => last.push(','),
            ',' => options.push(String::new()),
            other => last.push(other),
        }
    }
    let value = |option: String| {
        let meant = option.split_once(" : ").map_or(option.as_str(), |(_, meant)| meant);
        meant.trim().to_owned()
    };
    options.into_iter().map(value).filter(|option| !option.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_options_are_read_as_grafana_reads_them() {
        assert_eq!(options("1m,10m, 30m"), ["1m", "10m", "30m"]);
        assert_eq!(options("short : 1m, a\\,b ,, c:d"), ["1m", "a,b", "c:d"]);
        assert_eq!(options(""), [""; 0]);
    }
}
