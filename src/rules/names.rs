//! Names of metrics, labels and annotations. Prometheus 3 takes any text for one; before, and in what people write, they
//! are made of letters, digits and underscores.

use crate::input::{Place, Problem, Problems, quoted};

/// What a name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Metric,
    Label,
    Annotation,
}

/// Notes what is wrong with a name.
pub(super) fn check(named: Named, name: &str, place: &Place, problems: &mut Problems) {
    let what = match named {
        Named::Metric => "a metric",
        Named::Label => "a label",
        Named::Annotation => "an annotation",
    };
    if name.is_empty() {
        problems.push(Problem::error(place, format!("{what} has an empty name")).help("give it a name"));
    } else if named == Named::Label && name == "__name__" {
        problems.push(
            Problem::error(place, "a rule can't set the label `__name__`")
                .help("the name of what is recorded is said by `record`"),
        );
    } else if named == Named::Metric && name.contains(['{', '}']) {
        problems.push(
            Problem::error(place, format!("{} is no name of a metric", quoted(name)))
                .help("`record` takes a name alone: put labels into `labels`, and a query into `expr`"),
        );
    } else if !is_plain(named, name) {
        let message = format!("{} is a name for Prometheus 3 alone", quoted(name));
        problems.push(
            Problem::warning(place, message)
                .help(format!("older ones take letters, digits and `_` in the name of {what}")),
        );
    }
}

/// Letters, digits and underscores, a digit not first; of metrics colons too.
fn is_plain(named: Named, name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && named == Named::Metric))
}
