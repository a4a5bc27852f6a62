//! Imaginary numbers, `1i` and `1+2i`, which Go has and the template library does not. A template can do no more with one than print
//! it, so each is the text that Go prints.

use std::collections::BTreeMap;

use super::go_number::shortest;
use super::{HELP, TemplateProblem, action_end, actions};

/// What variables of these names stand for.
pub(super) type Hidden = BTreeMap<String, String>;

/// `text` with a variable of the same length in place of each imaginary number, so that all places stay what they are.
pub(super) fn hidden(text: &str) -> Result<(String, Hidden), TemplateProblem> {
    let mut written = text.to_owned();
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for (start, length) in actions(text).into_iter().flat_map(|(at, inside)| numbers(at, inside)) {
        let number = &text[start..start + length];
        if is_refused(number, &text[start + length..]) {
            return Err(TemplateProblem {
                message: "bad number syntax".to_owned(),
                span: start..start + length,
                help: "write a number as `5`, `0.5`, `1e3` or `0x1f`",
            });
        }
        if !number.ends_with('i') {
            continue;
        }
        let name = match names.get(number) {
            Some(name) => name.clone(),
            None => free_name(text, &names, length).ok_or_else(|| TemplateProblem {
                message: "too many imaginary numbers".to_owned(),
                span: start..start + length,
                help: HELP,
            })?,
        };
        written.replace_range(start..start + length, &name);
        names.insert(number, name);
    }
    let hidden = names.into_iter().map(|(number, name)| (name, printed(number))).collect();
    Ok((written, hidden))
}

/// A variable of `length` bytes that the text does not have.
fn free_name(text: &str, names: &BTreeMap<&str, String>, length: usize) -> Option<String> {
    let variable = |letter: char| format!("${letter}{}", "_".repeat(length - 2));
    let free = |name: &String| !text.contains(&name[..2]) && names.values().all(|taken| taken != name);
    ('A'..='Z').chain('a'..='z').map(variable).find(free)
}

/// The numbers of an action: places and lengths.
fn numbers(at: usize, inside: &str) -> Vec<(usize, usize)> {
    let comment = inside.trim_start_matches('-').trim_start().starts_with("/*");
    let end = if comment { 0 } else { action_end(inside).unwrap_or(inside.len()) };
    let action = &inside[..end];
    let mut found = Vec::new();
    let mut quote = None;
    let mut before = ' ';
    let mut place = 0;
    while let Some(c) = action[place..].chars().next() {
        let escaped = before == '\\' && quote != Some('`');
        let begins = !before.is_alphanumeric() && !matches!(before, '_' | '.' | '$' | ')');
        match quote {
            Some(open) if c == open && !escaped => quote = None,
            // A backslash behind a backslash ends there.
            Some(_) if escaped && c == '\\' => {
                before = ' ';
                place += 1;
                continue;
            }
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if begins => {
                let length = number(&action[place..]);
                if length > 0 {
                    found.push((at + place, length));
                    before = '0';
                    place += length;
                    continue;
                }
            }
            Some(_) | None => {}
        }
        before = c;
        place += c.len_utf8();
    }
    found
}

/// True of a number that Go refuses and the library does not: one that goes on, that is too large, that is octal and has an 8.
fn is_refused(number: &str, after: &str) -> bool {
    let goes_on = after.starts_with(['+', '-'])
        || after.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let size = number.trim_start_matches(['+', '-']).replace('_', "");
    let hexadecimal = size.starts_with("0x") || size.starts_with("0X");
    let (real, whole) = (!number.ends_with('i') && !hexadecimal, !size.contains(['.', 'e', 'E']));
    goes_on
        || (real && whole && size.len() > 1 && size.starts_with('0') && size.contains(['8', '9']))
        || (real && !whole && size.parse::<f64>().is_ok_and(f64::is_infinite))
}

/// How long the number is that a text begins with, its second part included; 0 where there is none.
fn number(text: &str) -> usize {
    let first = part(text);
    if first == 0 || text[..first].ends_with('i') || !text[first..].starts_with(['+', '-']) {
        return first;
    }
    let second = part(&text[first..]);
    if text[..first + second].ends_with('i') { first + second } else { first }
}

/// A sign, digits, a point, an exponent, an `i`.
fn part(text: &str) -> usize {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let taken = |rest: &mut &str, digits: fn(char) -> bool| {
        let left = rest.trim_start_matches(|c| digits(c) || c == '_');
        let any = left.len() < rest.len();
        *rest = left;
        any
    };
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let digits: fn(char) -> bool =
        if hexadecimal { |c| c.is_ascii_hexdigit() } else { |c| c.is_ascii_digit() };
    if hexadecimal {
        rest = &rest[2..];
    }
    let mut any = taken(&mut rest, digits);
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction;
        any |= taken(&mut rest, digits);
    }
    // Of two underscores in a row no number is made.
    if !any || text[..text.len() - rest.len()].contains("__") {
        return 0;
    }
    if let Some(exponent) = rest.strip_prefix(if hexadecimal { ['p', 'P'] } else { ['e', 'E'] }) {
        rest = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !taken(&mut rest, |c| c.is_ascii_digit()) {
            return 0;
        }
    } else if hexadecimal && rest.starts_with('i') {
        return 0;
    }
    rest = rest.strip_prefix('i').unwrap_or(rest);
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') { 0 } else { text.len() - rest.len() }
}

/// As `%v` has it: `(0+1i)`.
fn printed(number: &str) -> String {
    let imaginary = number.trim_end_matches('i');
    // The sign between the two parts is that which begins a part.
    let split = (1..imaginary.len()).find(|&at| {
        part(&imaginary[..at]) == at
            && part(&imaginary[at..]) == imaginary.len() - at
            && imaginary[at..].starts_with(['+', '-'])
    });
    let (real, imaginary) = imaginary.split_at(split.unwrap_or(0));
    let (real, imaginary) = (value(real), value(imaginary));
    let sign = if imaginary.is_sign_negative() { "" } else { "+" };
    format!("({}{sign}{}i)", shortest(real), shortest(imaginary))
}

fn value(part: &str) -> f64 {
    let digits = part.replace('_', "");
    let (sign, size) = digits.strip_prefix('-').map_or((1.0, digits.as_str()), |size| (-1.0, size));
    let size = size.trim_start_matches('+');
    let Some(hexadecimal) = size.strip_prefix("0x").or(size.strip_prefix("0X")) else {
        return sign * size.parse().unwrap_or(0.0);
    };
    let (mantissa, exponent) = hexadecimal.split_once(['p', 'P']).unwrap_or((hexadecimal, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.chars().chain(fraction.chars()).filter_map(|c| c.to_digit(16));
    let mantissa = digits.fold(0.0, |sum, digit| sum * 16.0 + f64::from(digit));
    let shift = exponent.parse().unwrap_or(0) - 4 * i32::try_from(fraction.len()).unwrap_or(0);
    sign * mantissa * f64::from(shift).exp2()
}
