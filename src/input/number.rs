//! Which plain words are numbers: decimal ones, by the core schema of YAML 1.2, and nothing that JSON cannot hold.

use serde_json::Number;

/// The number that `text` is. A leading zero makes it text (`007` is a name, not seven), and so do `.inf`, `0x1F`
/// and `1_000`.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let shaped = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let padded = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if !shaped || padded {
        return None;
    }
    let whole = text.strip_prefix('+').unwrap_or(text);
    whole
        .parse::<u64>()
        .map(Number::from)
        .or_else(|_| whole.parse::<i64>().map(Number::from))
        .ok()
        .or_else(|| whole.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(parse_number(text).map(|number| number.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn decimal_words_are_numbers_and_nothing_else_is() {
        check("0", Some("0"));
        check("-17", Some("-17"));
        check("+5", Some("5"));
        check("0.5", Some("0.5"));
        check(".5", Some("0.5"));
        check("1e3", Some("1000.0"));
        check("18446744073709551615", Some("18446744073709551615"));
        for text in
            ["", "-", ".", "007", "0x1F", ".inf", ".nan", "1_000", "1.2.3", "2026-07-28", "5%", "10s", "1e"]
        {
            check(text, None);
        }
    }
}
