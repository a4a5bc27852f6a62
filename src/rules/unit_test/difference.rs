//! What was expected beside what came, a line each, as `diff` shows it.

use crate::promql::VectorSample;

/// Lines of both sides, which are sorted: `  ` in both, `- ` expected alone, `+ ` came alone.
pub(super) fn difference<T>(
    expected: &[T],
    got: &[T],
    same: impl Fn(&T, &T) -> bool,
    lines: impl Fn(&T) -> Vec<String>,
) -> Vec<String> {
    let mut shown = Vec::new();
    let mut show = |mark: &str, item: &T| {
        shown.extend(lines(item).into_iter().map(|line| format!("{mark} {line}")));
    };
    let mut left: Vec<&T> = got.iter().collect();
    for item in expected {
        if let Some(at) = left.iter().position(|other| same(item, other)) {
            show(" ", left.remove(at));
        } else {
            show("-", item);
        }
    }
    for item in left {
        show("+", item);
    }
    if expected.is_empty() {
        shown.insert(0, "- nothing".to_owned());
    }
    if got.is_empty() {
        shown.push("+ nothing".to_owned());
    }
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
    }
}
