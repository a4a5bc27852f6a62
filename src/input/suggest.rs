//! The words around a mistake: user text in backticks, lists of what is allowed, and the likeliest meant name.

use crate::model::{clean_text, without_credentials};

/// The longest user text repeated in a message, in characters; the snippet shows the rest.
const MAX_QUOTED: usize = 60;

/// User text for a message: cleaned, cut, without the credentials of a URL, in backticks.
pub(crate) fn quoted(text: &str) -> String {
    let mut clean = clean_text(&without_credentials(text));
    if clean.chars().count() > MAX_QUOTED {
        clean = clean.chars().take(MAX_QUOTED).collect();
        clean.push('…');
    }
    format!("`{clean}`")
}

/// `a`, `b` or `c`.
pub(crate) fn one_of<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name.as_ref())).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// `a`, `b`, `c`.
fn list<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `did you mean `x`?` when a known name is near, then all known names under the heading `known`.
pub(crate) fn way_out<T: AsRef<str>>(written: &str, names: &[T], known: &str) -> String {
    let list = format!("{known}: {}", list(names));
    match nearest(written, names) {
        Some(name) => format!("did you mean {}? {list}", quoted(name)),
        None => list,
    }
}

/// The known name that `written` most likely stands for.
pub(crate) fn nearest<'a, T: AsRef<str>>(written: &str, names: &'a [T]) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if written.chars().count() > LONGEST {
        return None;
    }
    let written = written.to_lowercase().replace('-', "_");
    names
        .iter()
        .map(AsRef::as_ref)
        .map(|name| (strsim::damerau_levenshtein(&written, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, expected: Option<&str>) {
        assert_eq!(nearest(written, &["think_time", "users", "ramp", "warm_up"]), expected, "{written}");
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        check("think-time", Some("think_time"));
        check("thinktime", Some("think_time"));
        check("Users", Some("users"));
        check("user", Some("users"));
        check("rmap", Some("ramp"));
        check("warmup", Some("warm_up"));
        check("iterations", None);
        check("", None);
    }

    #[test]
    fn quoted_text_is_clean_and_short() {
        assert_eq!(quoted("a\u{1b}[31m\nb"), "`a\u{FFFD}[31m\u{FFFD}b`");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), MAX_QUOTED + 3);
    }
}
