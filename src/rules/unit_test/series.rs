//! The notation of series in unit tests: `up{job="x"}` with `1+1x3 _ stale`.

use std::ops::Range;

use crate::promql::{ExprKind, Labels, MatchOp, Query, STALE_NAN};

/// The most values of one series.
const MOST_VALUES: usize = 100_000;
/// The most values of all series of a file, which are kept in memory.
pub(super) const MOST_VALUES_OF_FILE: usize = 5_000_000;

/// What is wrong, and which bytes it is about.
pub(super) type Mistake = (String, Range<usize>);

/// The labels of `up{job="x"}`, or of `{}`.
pub(super) fn read_labels(text: &str) -> Result<Labels, Mistake> {
    if text.trim().is_empty() || text.split_whitespace().collect::<String>() == "{}" {
        return Ok(Labels::empty());
    }
    let query = Query::parse(text).map_err(|error| (error.message, error.span))?;
    let whole = 0..text.len();
    let ExprKind::Selector(selector) = &query.expr().kind else {
        return Err(("this is an expression, not a series".to_owned(), whole));
    };
    if selector.offset_ms != 0 || selector.at.is_some() {
        return Err(("a series has no `offset` and no `@`".to_owned(), whole));
    }
    match selector.matchers.iter().find(|matcher| matcher.op != MatchOp::Equal) {
        Some(other) => Err((format!("the label `{}` needs `=`", other.name), whole)),
        None => {
            Ok(Labels::from_pairs(selector.matchers.iter().map(|matcher| (&*matcher.name, &*matcher.value))))
        }
    }
}

/// The values of `1+1x3 _ stale`: one for each step, `None` where there is none. The file has room for `left` more.
pub(super) fn read_values(text: &str, left: usize) -> Result<Vec<Option<f64>>, Mistake> {
    let mut values = Vec::new();
    for (start, item) in items(text) {
        let span = start..start + item.len();
        let wrong = |message: &str| (message.to_owned(), span.clone());
        if item.starts_with("{{") {
            return Err(wrong("native histograms are not known here"));
        }
        let (first, step, times) =
            read_item(item).ok_or_else(|| wrong("not a value, nor a row of values"))?;
        if values.len() + times > MOST_VALUES {
            return Err(wrong(&format!("more than {MOST_VALUES} values")));
        }
        if values.len() + times > left {
            return Err(wrong(&format!("more than {MOST_VALUES_OF_FILE} values in all series of the file")));
        }
        let mut value = first;
        for _ in 0..times {
            values.push(value);
            value = value.map(|value| if step == 0.0 { value } else { value + step });
        }
    }
    Ok(values)
}

/// What stands between blanks, with its place.
fn items(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(move |item| (item.as_ptr() as usize - text.as_ptr() as usize, item))
}

/// The first value, what is added each time, and how many there are: `1+2x3` is four.
fn read_item(item: &str) -> Option<(Option<f64>, f64, usize)> {
    let (value, rest) = if let Some(rest) = item.strip_prefix('_') {
        (None, rest)
    } else if let Some(rest) = item.strip_prefix("stale") {
        (Some(STALE_NAN), rest)
    } else {
        let (number, rest) = read_number(item)?;
        (Some(number), rest)
    };
    if rest.is_empty() {
        return Some((value, 0.0, 1));
    }
    // Of what is missing, `_x3` is three.
    let first = usize::from(value.is_some());
    if let Some(times) = rest.strip_prefix('x') {
        return Some((value, 0.0, first + read_count(times)?));
    }
    if value.is_none() || !rest.starts_with(['+', '-']) {
        return None;
    }
    let (step, rest) = read_number(rest)?;
    Some((value, step, first + read_count(rest.strip_prefix('x')?)?))
}

fn read_count(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // More than is allowed is said to be so, however much it is.
    digits.then(|| text.parse().unwrap_or(MOST_VALUES).min(MOST_VALUES))
}

/// The number at the beginning, and what follows. `0x5` is no hexadecimal number here.
fn read_number(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = text.len() - unsigned.len();
    for word in ["Inf", "inf", "NaN", "nan"] {
        if let Some(rest) = unsigned.strip_prefix(word) {
            return Some((text[..sign + word.len()].parse().ok()?, rest));
        }
    }
    let digits = |at: usize| at + unsigned[at..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if unsigned[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if unsigned[end..].starts_with(['e', 'E']) {
        let signed = end + 1 + usize::from(unsigned[end + 1..].starts_with(['+', '-']));
        end = digits(signed);
    }
    let number = text[..sign + end].parse().ok()?;
    Some((number, &unsigned[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_row_or_a_mistake_inside_it(text in "[-+0-9x_.eEa-zI {}é]{0,30}") {
            if let Err((_, span)) = read_values(&text, MOST_VALUES_OF_FILE) {
                prop_assert!(text.get(span).is_some());
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let values = read_values(text, MOST_VALUES_OF_FILE).unwrap();
        let shown = values.iter().map(|value| match value {
            None => "_".to_owned(),
            Some(value) if crate::promql::is_stale(*value) => "stale".to_owned(),
            Some(value) => value.to_string(),
        });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{text}");
    }

    #[test]
    fn rows_of_values_are_written_out() {
        check("1 2 -3.5 1e3", "1 2 -3.5 1000");
        check("1+2x3", "1 3 5 7");
        check("10-2x2", "10 8 6");
        check("-1+1x1 -1-1x1", "-1 0 -1 -2");
        check("5x2", "5 5 5");
        check("0x3", "0 0 0 0");
        check("0+0.5x2", "0 0.5 1");
        check("_ _x3 1", "_ _ _ _ 1");
        check("stale stalex2", "stale stale stale stale");
        check("NaN Inf -Inf +Inf Infx1", "NaN inf -inf inf inf inf");
        check("  1\n  2\t3 ", "1 2 3");
        check("", "");
    }

    #[test]
    fn what_is_no_row_is_refused_in_its_place() {
        for (text, at) in [("1 foo", 2), ("1+x3", 0), ("1 2x", 2), ("_+1x2", 0), ("1x2x3", 0), ("3 1.2.3", 2)]
        {
            assert_eq!(read_values(text, MOST_VALUES_OF_FILE).unwrap_err().1.start, at, "{text}");
        }
        assert!(read_values("{{schema:1}}", 1).unwrap_err().0.contains("native histograms"));
        assert!(
            read_values("1x99999999999999999999", MOST_VALUES_OF_FILE).unwrap_err().0.contains("more than")
        );
        assert!(read_values(&"1x99999 ".repeat(3), MOST_VALUES_OF_FILE).unwrap_err().0.contains("more than"));
        assert!(read_values("1 1x3", 4).unwrap_err().0.contains("in all series of the file"));
        assert_eq!(read_values("1 1x3", 5).unwrap().len(), 5);
    }
}
