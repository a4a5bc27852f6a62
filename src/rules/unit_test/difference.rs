//! What was expected beside what came, a line each, as `diff` shows it.

use crate::promql::VectorSample;

/// Lines of both sides, which are sorted: `  ` in both, `- ` expected alone, `+ ` came alone. Items with the same first line
/// are compared line by line.
pub(super) fn difference<T>(
    expected: &[T],
    got: &[T],
    same: impl Fn(&T, &T) -> bool,
    lines: impl Fn(&T) -> Vec<String>,
) -> Vec<String> {
    let mut shown = Vec::new();
    let mut left: Vec<(&T, Vec<String>)> = got.iter().map(|item| (item, lines(item))).collect();
    for item in expected {
        let wanted = lines(item);
        if let Some(at) = left.iter().position(|(other, _)| same(item, other)) {
            left.remove(at);
            shown.extend(wanted.iter().map(|line| format!("  {line}")));
        } else if let Some(at) = left.iter().position(|(_, other)| other[0] == wanted[0]) {
            shown.extend(line_by_line(&wanted, &left.remove(at).1));
        } else {
            shown.extend(wanted.iter().map(|line| format!("- {line}")));
        }
    }
    shown.extend(left.into_iter().flat_map(|(_, lines)| lines).map(|line| format!("+ {line}")));
    if expected.is_empty() {
        shown.insert(0, "- nothing".to_owned());
    }
    if got.is_empty() {
        shown.push("+ nothing".to_owned());
    }
    shown
}

/// Lines that begin with the same name stand below each other.
fn line_by_line(expected: &[String], got: &[String]) -> Vec<String> {
    let name = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
    let mut shown = Vec::new();
    for line in expected {
        let other = got.iter().find(|other| name(other) == name(line));
        match other {
            Some(other) if other == line => shown.push(format!("  {line}")),
            other => {
                shown.push(format!("- {line}"));
                shown.extend(other.map(|other| format!("+ {other}")));
            }
        }
    }
    let new = got.iter().filter(|line| !expected.iter().any(|other| name(other) == name(line)));
    shown.extend(new.map(|line| format!("+ {line}")));
    shown
}

/// `up{job="x"} 1`.
pub(super) fn sample_line(sample: &VectorSample) -> String {
    format!("{} {}", sample.labels, sample.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_on_which_side_it_is() {
        let lines = |item: &&str| vec![(*item).to_owned()];
        let check = |expected: &[&str], got: &[&str]| difference(expected, got, |a, b| a == b, lines);
        assert_eq!(check(&["a", "b"], &["a", "c"]), ["  a", "- b", "+ c"]);
        assert_eq!(check(&[], &["c"]), ["- nothing", "+ c"]);
        assert_eq!(check(&["a"], &[]), ["- a", "+ nothing"]);
        let lines = |item: &&[&str]| item.iter().map(|line| (*line).to_owned()).collect();
        let shown = difference(
            &[&["{}", "a: 1", "b: 2"][..]],
            &[&["{}", "a: 1", "b: 3", "c: 4"][..]],
            |a, b| a == b,
            lines,
        );
        assert_eq!(shown, ["  {}", "  a: 1", "- b: 2", "+ b: 3", "+ c: 4"]);
    }
}
