//! `{{.window}}` in a query: the length of the steady phase, which is known when it is over.

use std::ops::Range;
use std::time::Duration;

use crate::promql::duration_text;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// `query` with `window` in the place of each `{{.window}}`.
pub(super) fn filled(query: &str, window: Duration) -> String {
    let text = duration_text(window.max(Duration::from_millis(1)));
    replaced(query, |_| text.clone())
}

/// `query` with some duration in the place of each `{{.window}}`, each byte of the rest where it was.
pub(in crate::slo) fn stand_in(query: &str) -> String {
    replaced(query, |length| format!("{}1m", "0".repeat(length.saturating_sub(2))))
}

/// The first `{{...}}` of `query` that is none that can be filled in.
pub(super) fn unknown(query: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(start) = query[from..].find(OPEN).map(|at| from + at) {
        let end = end_of(query, start)?;
        if !is_window(&query[start..end]) {
            return Some(start..end);
        }
        from = end;
    }
    None
}

fn replaced(query: &str, with: impl Fn(usize) -> String) -> String {
    let (mut out, mut from) = (String::with_capacity(query.len()), 0);
    while let Some(start) = query[from..].find(OPEN).map(|at| from + at) {
        let Some(end) = end_of(query, start) else { break };
        out.push_str(&query[from..start]);
        let written = &query[start..end];
        if is_window(written) {
            out.push_str(&with(written.len()));
        } else {
            out.push_str(written);
        }
        from = end;
    }
    out + &query[from..]
}

/// Where the `{{` at `start` is closed; `None` where it is not: then it is no template.
fn end_of(query: &str, start: usize) -> Option<usize> {
    query[start..].find(CLOSE).map(|at| start + at + CLOSE.len())
}

fn is_window(written: &str) -> bool {
    let inner = written.trim_start_matches(OPEN).trim_end_matches(CLOSE);
    inner.trim_matches('-').trim() == ".window"
}
