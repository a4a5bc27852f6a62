//! The field `dashboards` of `checks`, read field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Dashboard, DashboardChecks, grafana};
use crate::input::{
    Field, Fields, Files, Place, Problem, Problems, Source, candidates, parse_json, quoted, way_out,
};
use crate::model::Labels;

/// The dashboard that gander brings along, and the word for it.
const BUILT_IN: (&str, &str) = ("mcp-overview", include_str!("../../../slos/dashboards/mcp-overview.json"));

/// What `dashboards` of `source` says, and the dashboards that it names.
pub(in crate::verify) fn read(
    field: Field<'_>,
    source: &Source,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<DashboardChecks> {
    let mut fields = Fields::of(field.node, "`dashboards`", problems)?;
    let named: Vec<Field<'_>> =
        fields.required("files", problems).map(|field| field.items(problems).collect()).unwrap_or_default();
    let variables = fields.optional("variables").map(|field| read_texts(field, problems)).unwrap_or_default();
    let except: Vec<(String, Place)> = fields
        .optional("except_panels")
        .map(|field| {
            let items: Vec<Field<'_>> = field.items(problems).collect();
            let titles = items.iter().filter_map(|item| Some((item.text(problems)?, &item.node.place)));
            titles.map(|(title, place)| (title.to_owned(), place.clone())).collect()
        })
        .unwrap_or_default();
    let labels = fields.optional("labels").map(|field| {
        let labels = read_texts(field, problems);
        labels.into_iter().map(|(name, (value, _))| (name, value)).collect::<Labels>()
    });
    let files_place = fields.value_place("files").cloned();
    fields.finish(problems);
    if let Some(place) = files_place.filter(|_| named.is_empty() && !problems.has_errors()) {
        let help = format!("name a dashboard's JSON file, or `{}`", BUILT_IN.0);
        problems.push(Problem::error(&place, "`files`: the list is empty").help(help));
    }
    let terms = Terms {
        given: variables.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect(),
        except: except.iter().map(|(title, _)| title.clone()).collect(),
    };
    let mut titles = BTreeSet::new();
    let before = problems.len();
    let dashboards: Vec<Dashboard> = named
        .into_iter()
        .filter_map(|item| read_named(item, source, files, &terms, &mut titles, problems))
        .collect();
    if problems.len() == before {
        check_known(&variables, &except, &dashboards, &titles, problems);
    }
    Some(DashboardChecks {
        dashboards,
        variables: terms.given,
        except_panels: terms.except,
        labels,
        origin: field.node.place.to_string(),
    })
}

/// On which terms dashboards are read.
pub(super) struct Terms {
    /// What variables stand for.
    pub(super) given: BTreeMap<String, String>,
    /// Titles of panels that are not read.
    pub(super) except: Vec<String>,
}

/// Texts by names, each with the place of its name.
fn read_texts(field: Field<'_>, problems: &mut Problems) -> BTreeMap<String, (String, Place)> {
    let what = quoted(field.name);
    let Some(fields) = Fields::of(field.node, &what, problems) else { return BTreeMap::new() };
    let mut texts = BTreeMap::new();
    for entry in fields.entries() {
        let item = Field { name: &entry.key.text, node: &entry.value };
        if let Some(text) = item.text(problems) {
            texts.insert(entry.key.text.clone(), (text.to_owned(), entry.key.place.clone()));
        }
    }
    texts
}

fn read_named(
    field: Field<'_>,
    source: &Source,
    files: Files<'_>,
    terms: &Terms,
    titles: &mut BTreeSet<String>,
    problems: &mut Problems,
) -> Option<Dashboard> {
    let written = field.text(problems)?;
    let source = if written == BUILT_IN.0 {
        Source::new(BUILT_IN.0, BUILT_IN.1)
    } else {
        let paths = candidates(&PathBuf::from(source.name()), Path::new(written));
        let (path, text) = files.read_first(&paths, &field.node.place, problems)?;
        Source::new(path.to_string_lossy(), text)
    };
    let root = parse_json(&source, problems)?;
    grafana::read(&root, &source, terms, titles, problems)
}

/// Reports variables and panels that no dashboard has.
fn check_known(
    variables: &BTreeMap<String, (String, Place)>,
    except: &[(String, Place)],
    dashboards: &[Dashboard],
    titles: &BTreeSet<String>,
    problems: &mut Problems,
) {
    let spoken_of: BTreeSet<&str> = dashboards.iter().flat_map(grafana::spoken_of).collect();
    let spoken_of: Vec<&str> = spoken_of.into_iter().collect();
    for (name, (_, place)) in variables.iter().filter(|(name, _)| !spoken_of.contains(&name.as_str())) {
        let message = format!("no dashboard has a variable {}", quoted(name));
        problems.push(Problem::error(place, message).help(way_out(name, &spoken_of, "they have")));
    }
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    for (title, place) in except.iter().filter(|(title, _)| !titles.contains(&title.as_str())) {
        let message = format!("no dashboard has a panel {}", quoted(title));
        problems.push(Problem::error(place, message).help(way_out(title, &titles, "they have")));
    }
}
