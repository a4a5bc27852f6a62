//! Floating-point numbers as Go prints them: what `%v`, `%g`, `%e` and `%f` of its `fmt` make of a `float64`.
//!
//! The template library prints some of them as Rust does (`1000000` where Go has `1e+06`).

/// `%v`, and `%g` without a precision: the shortest text that reads back, with an exponent below -4 and from 6 on.
pub(super) fn shortest(value: f64) -> String {
    special(value).unwrap_or_else(|| general(&Digits::shortest(value), 6))
}

/// `%.4g` and its like: `precision` significant digits at the most.
pub(super) fn significant(value: f64, precision: usize) -> String {
    let precision = precision.max(1);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    special(value).unwrap_or_else(|| general(&Digits::rounded(value, precision), limit))
}

/// `%.2f` and its like.
pub(super) fn fixed(value: f64, precision: usize) -> String {
    special(value).unwrap_or_else(|| format!("{value:.precision$}"))
}

/// `%.2e` and its like.
pub(super) fn scientific(value: f64, precision: usize) -> String {
    special(value).unwrap_or_else(|| {
        let text = format!("{value:.precision$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{mantissa}{}", exponent_text(exponent.parse().unwrap_or_default()))
    })
}

/// `%b`: the mantissa as a whole number, and the exponent of two.
pub(super) fn binary(value: f64) -> String {
    special(value).unwrap_or_else(|| {
        let (mantissa, exponent) = parts(value);
        format!("{mantissa}p{exponent:+}")
    })
}

/// `%x`: a hexadecimal mantissa between 1 and 2, and the exponent of two.
pub(super) fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    special(value).unwrap_or_else(|| {
        let (mut mantissa, mut exponent) = parts(value);
        if mantissa == 0 {
            let zeros = "0".repeat(precision.unwrap_or(0));
            return format!("0x0{}{zeros}p+00", if zeros.is_empty() { "" } else { "." });
        }
        // The leading bit becomes that before the point, with 60 behind it.
        let shift = mantissa.leading_zeros() - 3;
        mantissa <<= shift;
        exponent += 60 - i32::try_from(shift).unwrap_or_default();
        if let Some(digits) = precision.filter(|digits| *digits < 15) {
            let cut = 60 - 4 * u32::try_from(digits).unwrap_or_default();
            let (extra, half) = (mantissa & ((1 << cut) - 1), 1 << (cut - 1));
            mantissa >>= cut;
            // Half goes to the even one.
            mantissa += u64::from(extra > half || (extra == half && mantissa & 1 == 1));
            mantissa <<= cut;
            if mantissa >> 61 == 1 {
                mantissa >>= 1;
                exponent += 1;
            }
        }
        let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
        let digits = match precision {
            Some(precision) => format!("{digits:0<precision$}")[..precision].to_owned(),
            None => digits.trim_end_matches('0').to_owned(),
        };
        let point = if digits.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("0x1{point}{digits}p{sign}{:02}", exponent.unsigned_abs())
    })
}

/// The mantissa as a whole number, and the exponent of two, of a number that is not negative.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let (exponent, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    (mantissa, i32::try_from(exponent.max(1)).unwrap_or_default() - 1075)
}

fn special(value: f64) -> Option<String> {
    if value.is_nan() {
        return Some("NaN".to_owned());
    }
    value.is_infinite().then(|| if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned())
}

/// The significant digits of a number, without zeros at the end, and its decimal exponent.
struct Digits {
    sign: &'static str,
    significant: String,
    exponent: i32,
}

impl Digits {
    fn shortest(value: f64) -> Self {
        Self::of(&format!("{value:e}"))
    }

    fn rounded(value: f64, precision: usize) -> Self {
        Self::of(&format!("{value:.*e}", precision - 1))
    }

    /// Of Rust's scientific form, `-1.25e-7`.
    fn of(text: &str) -> Self {
        let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
        let digits = digits.trim_end_matches('0').to_owned();
        Self { sign, significant: digits, exponent: exponent.parse().unwrap_or_default() }
    }
}

fn general(number: &Digits, limit: i32) -> String {
    let Digits { sign, significant: digits, exponent } = number;
    if digits.is_empty() {
        return format!("{sign}0");
    }
    if *exponent < -4 || *exponent >= limit {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}{}", exponent_text(*exponent));
    }
    let Ok(whole) = usize::try_from(*exponent + 1) else {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
        return format!("{sign}0.{zeros}{digits}");
    };
    if whole == 0 {
        format!("{sign}0.{digits}")
    } else if whole >= digits.len() {
        format!("{sign}{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
    }
}

fn exponent_text(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (100.0, "100"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e6, "1e+06"),
            (1e20, "1e+20"),
            (123_456_789.0, "1.23456789e+08"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(shortest(value), expected);
        }
    }

    #[test]
    fn digits_are_rounded_as_go_rounds_them() {
        assert_eq!(significant(1234.5, 4), "1234");
        assert_eq!(significant(1235.5, 4), "1236");
        assert_eq!(significant(12_345.0, 4), "1.234e+04");
        assert_eq!(significant(99.999_9, 4), "100");
        assert_eq!(significant(9_999.9, 4), "1e+04");
        assert_eq!(significant(0.000_012_345, 4), "1.234e-05");
        assert_eq!(significant(0.0, 4), "0");
        assert_eq!(fixed(2.5, 0), "2");
        assert_eq!(fixed(-1.005, 2), "-1.00");
        assert_eq!(scientific(0.0, 6), "0.000000e+00");
        assert_eq!(scientific(-123_456.0, 2), "-1.23e+05");
    }
}
