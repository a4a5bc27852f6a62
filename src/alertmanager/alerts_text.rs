//! Label sets of alerts, as people write them: on the command line, or in a file.

use std::path::Path;

use super::matcher::MatchOp;
use super::matcher_text::parse_matchers;
use super::scalars::text;
use crate::input::{Field, Fields, Files, Place, Problem, Problems, Source, parse, quoted};
use crate::model::Labels;

/// The labels of `name=value` pairs with commas between, values in double quotes where they need some. Messages call
/// the text `origin`.
///
/// # Errors
/// What is no such pair, and names that are given twice.
pub fn parse_labels(origin: &str, written: &str) -> Result<Labels, Problems> {
    let mut problems = Problems::new();
    let source = Source::new(origin, written);
    let place = Place::new(&source, 0..written.len());
    let mut labels = Labels::new();
    match parse_matchers(written) {
        Ok(pairs) if pairs.is_empty() => {
            problems.push(Problem::error(&place, "there is no label").help("write `alertname=NAME`"));
        }
        Ok(pairs) => {
            for pair in pairs {
                if pair.op() != MatchOp::Equal {
                    let message = format!("{} is no label with its value", quoted(&pair.to_string()));
                    problems.push(Problem::error(&place, message).help("write `name=value`"));
                } else if labels.insert(pair.name(), pair.value()).is_some() {
                    let message = format!("{} is given twice", quoted(pair.name()));
                    problems.push(Problem::error(&place, message).help("keep one of them"));
                }
            }
        }
        Err(error) => {
            let place = place.of_fragment(&error.part);
            problems
                .push(Problem::error(&place, "this is no label with its value").help("write `name=value`"));
        }
    }
    problems.into_result(Some(labels)).map(|(labels, _)| labels)
}

/// The alerts of a file: a list of maps from names to values.
///
/// # Errors
/// Every mistake in it, or that it can't be read.
pub fn load_alerts(path: &Path, files: Files<'_>) -> Result<Vec<Labels>, Problems> {
    let mut problems = Problems::new();
    let name = path.to_string_lossy();
    let nowhere = Place::whole(&Source::new(name.clone(), ""));
    let found = files.read_first(&[path.to_owned()], &nowhere, &mut problems).map(|(_, text)| text);
    let alerts = found.and_then(|text| read_alerts(&Source::new(name, text), &mut problems));
    problems.into_result(alerts).map(|(alerts, _)| alerts)
}

fn read_alerts(source: &std::sync::Arc<Source>, problems: &mut Problems) -> Option<Vec<Labels>> {
    let root = parse(source, problems)?;
    let list = Field { name: "alerts", node: &root };
    let items: Vec<Field<'_>> = list.items(problems).collect();
    if items.is_empty() && problems.is_empty() {
        list.wrong(
            "the list is empty",
            "write an alert: `- {alertname: NAME, severity: critical}`",
            problems,
        );
    }
    Some(items.into_iter().filter_map(|item| read_alert(item, problems)).collect())
}

fn read_alert(item: Field<'_>, problems: &mut Problems) -> Option<Labels> {
    let fields = Fields::of(item.node, "an alert", problems)?;
    if fields.entries().is_empty() {
        item.wrong("there is no label", "write `{alertname: NAME}`", problems);
    }
    let pairs = fields.entries().iter().filter_map(|entry| {
        let value = text(Field { name: &entry.key.text, node: &entry.value }, problems)?;
        Some((entry.key.text.as_str(), value))
    });
    Some(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_make_a_label_set() {
        let expected: Labels = [("alertname", "A"), ("team", "a,b c")].into_iter().collect();
        assert_eq!(parse_labels("--alert", r#"alertname=A, team="a,b c""#).unwrap(), expected);
    }

    #[test]
    fn what_is_no_label_set_is_refused_with_its_place() {
        for (text, expected) in [
            ("", "--alert:1:1: there is no label"),
            ("alertname", "--alert:1:1: this is no label with its value"),
            ("a=b, c", "--alert:1:6: this is no label with its value"),
            ("a=~b", "--alert:1:1: `a=~\"b\"` is no label with its value"),
            ("a=b,a=c", "--alert:1:1: `a` is given twice"),
        ] {
            assert_eq!(parse_labels("--alert", text).unwrap_err().to_string(), expected);
        }
    }

    #[track_caller]
    fn check_file(text: &str, expected: Result<usize, &str>) {
        let files = Files { read: &|_| Ok(text.to_owned()), names: &|_| Vec::new() };
        let alerts = load_alerts(Path::new("alerts.yml"), files);
        let found = alerts.map(|alerts| alerts.len()).map_err(|problems| problems.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn a_file_is_a_list_of_label_sets() {
        check_file("- {alertname: A, code: 500}\n- alertname: B\n", Ok(2));
        check_file("[]", Err("alerts.yml:1:1: `alerts`: the list is empty"));
        check_file("- {}", Err("alerts.yml:1:3: `alerts`: there is no label"));
        check_file("- {a: [b]}", Err("alerts.yml:1:7: `a`: expected text, found a list"));
        check_file("alertname: A", Err("alerts.yml:1:1: `alerts`: expected a list, found a map"));
    }
}
