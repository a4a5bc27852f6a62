//! Templates of replacements: `$1` and `${name}`, as Go's `Regexp.Expand` reads them.

use regex::Captures;

/// A group that is left of a pattern; one that is repeated 0 times is not.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// As Go counts them, the whole being 0.
    pub(super) number: usize,
    pub(super) name: Option<Box<str>>,
}

/// Writes `template` with what groups have taken. A group that there is not, or that took nothing, leaves nothing.
pub(super) fn expand(groups: &[Named], found: &Captures<'_>, template: &str, out: &mut String) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(after) else {
            // No name: the sign stands for itself.
            out.push('$');
            rest = after;
            continue;
        };
        rest = after;
        let asked = |group: &Named| match number(name) {
            Some(number) => group.number == number,
            None => group.name.as_deref() == Some(name),
        };
        // Several groups may have one name: the first that took something counts.
        let group =
            groups.iter().enumerate().filter(|(_, group)| asked(group)).find_map(|(at, _)| found.get(at));
        out.push_str(group.map_or("", |group| group.as_str()));
    }
    out.push_str(rest);
}

/// The name behind a `$`, and what comes after it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (braced, inner) = text.strip_prefix('{').map_or((false, text), |inner| (true, inner));
    let end = inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    let after = if braced { after.strip_prefix('}')? } else { after };
    Some((name, after))
}

/// The number that a name is, written without zeros before it.
fn number(name: &str) -> Option<usize> {
    let digits = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    // One that is too large for a number is too large for a group.
    digits.then(|| name.parse().unwrap_or(usize::MAX))
}
