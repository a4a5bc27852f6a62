//! `printf` as Go's `fmt` has it: verbs, flags, widths, arguments by number, and what it prints in the place of mistakes.
//!
//! Follows `doPrintf` and `fmt.fmt` of Go 1.19, which Prometheus 2 and 3 print the same with.

use gotmpl::Value;

use super::MAX_TEXT;
use super::functions::too_long;
use super::go_number::{binary, fixed, hexadecimal, scientific, shortest, significant};

/// Go takes a million; nobody needs more than this, and a width is no way to fill the memory.
const MOST_WIDTH: usize = 1_000;

/// The type of what a query gives.
const SAMPLE: &str = "*template.sample";

/// The text of `format` with `args`.
///
/// # Errors
/// In words, of a text that would be too long.
pub(super) fn formatted(format: &str, args: &[Value]) -> Result<String, String> {
    let mut printer =
        Printer { out: String::new(), rest: format, args, next: 0, good: true, reordered: false };
    while let Some(at) = printer.rest.find('%') {
        printer.out.push_str(&printer.rest[..at]);
        printer.rest = &printer.rest[at + 1..];
        printer.verb();
        if printer.out.len() > MAX_TEXT {
            return Err(too_long());
        }
    }
    printer.out.push_str(printer.rest);
    if !printer.reordered && printer.next < args.len() {
        let extra: Vec<String> = args[printer.next..].iter().map(with_type).collect();
        printer.out.extend(["%!(EXTRA ", &extra.join(", "), ")"]);
    }
    Ok(printer.out)
}

fn with_type(value: &Value) -> String {
    if let Value::Nil = value {
        return "<nil>".to_owned();
    }
    format!("{}={}", type_name(value), Flags::default().shown(value, 'v'))
}

/// As Go prints the type of what Prometheus gives to templates.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Uint(_) => "uint",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::List(_) => "template.queryResult",
        Value::Map(pairs)
            if pairs.len() == 2 && pairs.contains_key("Labels") && pairs.contains_key("Value") =>
        {
            SAMPLE
        }
        Value::Map(pairs) if pairs.contains_key("arg0") => "map[string]interface {}",
        Value::Map(_) => "map[string]string",
        Value::Function(_) => "func()",
    }
}

/// A format on its way.
struct Printer<'t> {
    out: String,
    /// What follows.
    rest: &'t str,
    args: &'t [Value],
    /// The argument that is next.
    next: usize,
    /// The numbers of the verb's arguments are right.
    good: bool,
    reordered: bool,
}

/// What stands between `%` and the verb.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "as many as there are flags")]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%#v`
    sharp_v: bool,
}

impl Printer<'_> {
    /// What follows a `%`.
    fn verb(&mut self) {
        self.good = true;
        let mut flags = self.flags();
        let mut after_index = self.index();
        if self.takes('*') {
            match self.int() {
                None => self.out.push_str("%!(BADWIDTH)"),
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.zero &= width >= 0;
                    flags.width = Some(bounded(width.unsigned_abs()));
                }
            }
            after_index = false;
        } else {
            flags.width = self.number();
            self.good &= !(after_index && flags.width.is_some());
        }
        // A point at the end is a verb to Go.
        if self.rest.len() > 1 && self.takes('.') {
            self.good &= !after_index;
            after_index = self.index();
            if self.takes('*') {
                flags.precision = self.int().and_then(|given| u64::try_from(given).ok()).map(bounded);
                if flags.precision.is_none() {
                    self.out.push_str("%!(BADPREC)");
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let Some(verb) = self.rest.chars().next() else { return self.out.push_str("%!(NOVERB)") };
        self.rest = &self.rest[verb.len_utf8()..];
        if verb == '%' {
            self.out.push('%');
        } else if !self.good {
            self.out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(BADINDEX)"]);
        } else if let Some(arg) = self.args.get(self.next) {
            if verb == 'v' {
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus = false;
            }
            self.out.push_str(&flags.shown(arg, verb));
            self.next += 1;
        } else {
            self.out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(MISSING)"]);
        }
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(c) = self.rest.chars().next() {
            match c {
                '#' => flags.sharp = true,
                '0' => flags.zero = !flags.minus,
                '+' => flags.plus = true,
                '-' => (flags.minus, flags.zero) = (true, false),
                ' ' => flags.space = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        flags
    }

    /// `[2]`: the number of the next argument; false where there is none.
    fn index(&mut self) -> bool {
        if !self.rest.starts_with('[') {
            return false;
        }
        self.reordered = true;
        let closed = self.rest.find(']').filter(|_| self.rest.len() >= 3);
        let Some(end) = closed else {
            self.good = false;
            self.rest = &self.rest[1..];
            return false;
        };
        let digits = &self.rest[1..end];
        let number =
            if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<usize>().ok() } else { None };
        self.rest = &self.rest[end + 1..];
        match number.and_then(|number| number.checked_sub(1)).filter(|at| *at < self.args.len()) {
            Some(at) => self.next = at,
            None => self.good = false,
        }
        number.is_some()
    }

    fn takes(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        (digits > 0).then(|| bounded(number.parse().unwrap_or(u64::MAX)))
    }

    /// The next argument as a width or a precision.
    fn int(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        if let Value::Int(number) = arg { Some(*number) } else { None }
    }
}

fn bounded(number: u64) -> usize {
    usize::try_from(number).unwrap_or(MOST_WIDTH).min(MOST_WIDTH)
}

impl Flags {
    fn shown(&self, value: &Value, verb: char) -> String {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.padded("<nil>"),
            (Value::Nil, _) => format!("%!{verb}(<nil>)"),
            (value, 'T') => self.text(type_name(value)),
            (Value::Bool(said), 't' | 'v') => self.padded(if *said { "true" } else { "false" }),
            (Value::Int(number), _) => self.integer(*number, verb).unwrap_or_else(|| self.wrong(value, verb)),
            (Value::Float(number), _) => self.float(*number, verb).unwrap_or_else(|| self.wrong(value, verb)),
            (Value::String(text), 'v') if self.sharp_v => self.quoted(text),
            (Value::String(text), 'v' | 's') => self.text(text),
            (Value::String(text), 'q') => self.quoted(text),
            (Value::String(text), 'x') => self.bytes(text, |byte| format!("{byte:02x}"), "0x"),
            (Value::String(text), 'X') => self.bytes(text, |byte| format!("{byte:02X}"), "0X"),
            (Value::List(items), _) => {
                let items: Vec<String> = items.iter().map(|item| self.shown(item, verb)).collect();
                format!("[{}]", items.join(" "))
            }
            (Value::Map(pairs), 'v') if type_name(value) == SAMPLE => {
                format!("&{{{} {}}}", self.shown(&pairs["Labels"], verb), self.shown(&pairs["Value"], verb))
            }
            (Value::Map(pairs), _) => {
                let texts = pairs.iter().map(|(key, value)| {
                    format!("{}:{}", self.shown(&Value::String(key.clone()), verb), self.shown(value, verb))
                });
                let texts: Vec<String> = texts.collect();
                if self.sharp_v {
                    format!("{}{{{}}}", type_name(value), texts.join(", "))
                } else {
                    format!("map[{}]", texts.join(" "))
                }
            }
            (Value::Uint(_) | Value::Function(_), _) => self.text(&value.to_string()),
            (Value::Bool(_) | Value::String(_), _) => self.wrong(value, verb),
        }
    }

    /// What stands for a value that the verb is not for. The flags go on to count.
    fn wrong(&self, value: &Value, verb: char) -> String {
        format!("%!{verb}({}={})", type_name(value), self.shown(value, 'v'))
    }

    fn padded(&self, text: &str) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let padding = if self.zero { "0" } else { " " }.repeat(missing);
        if self.minus { format!("{text}{padding}") } else { format!("{padding}{text}") }
    }

    fn padded_by_blanks(&self, text: &str) -> String {
        Self { zero: false, ..self.clone() }.padded(text)
    }

    fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self.precision.and_then(|most| text.char_indices().nth(most));
        end.map_or(text, |(at, _)| &text[..at])
    }

    fn text(&self, text: &str) -> String {
        self.padded(self.cut(text))
    }

    fn quoted(&self, text: &str) -> String {
        let text = self.cut(text);
        let plain = |c: char| c != '`' && c != '\u{feff}' && (c == '\t' || !c.is_control());
        if self.sharp && text.chars().all(plain) {
            return self.padded(&format!("`{text}`"));
        }
        let inside: String = text.chars().map(|c| escaped(c, '"', self.plus)).collect();
        self.padded(&format!("\"{inside}\""))
    }

    /// `%x` of a text.
    fn bytes(&self, text: &str, hex: impl Fn(&u8) -> String, prefix: &str) -> String {
        let most = self.precision.unwrap_or(usize::MAX);
        let bytes: Vec<String> = text.as_bytes().iter().take(most).map(hex).collect();
        let prefix = if self.sharp { prefix } else { "" };
        if bytes.is_empty() {
            return self.padded("");
        }
        if self.space {
            self.padded(&format!("{prefix}{}", bytes.join(&format!(" {prefix}"))))
        } else {
            self.padded(&format!("{prefix}{}", bytes.concat()))
        }
    }

    fn integer(&self, number: i64, verb: char) -> Option<String> {
        let size = number.unsigned_abs();
        let (digits, prefix) = match verb {
            'v' | 'd' => (size.to_string(), ""),
            'b' => (format!("{size:b}"), "0b"),
            'o' | 'O' => (format!("{size:o}"), "0"),
            'x' => (format!("{size:x}"), "0x"),
            'X' => (format!("{size:X}"), "0X"),
            'c' => return Some(self.padded(&rune(number).to_string())),
            'q' => {
                let inside = escaped(rune(number), '\'', self.plus);
                return Some(self.padded(&format!("'{inside}'")));
            }
            'U' => {
                #[expect(clippy::cast_sign_loss, reason = "as Go prints a number that is no letter")]
                let number = number as u64;
                let least = self.precision.unwrap_or(4).max(4);
                let shown = char::from_u32(u32::try_from(number).unwrap_or(u32::MAX)).filter(|_| self.sharp);
                let letter = shown.map(|c| format!(" '{c}'")).unwrap_or_default();
                return Some(self.padded_by_blanks(&format!("U+{number:0least$X}{letter}")));
            }
            _ => return None,
        };
        if self.precision == Some(0) && size == 0 {
            return Some(self.padded_by_blanks(""));
        }
        let sign = self.sign(number < 0);
        let least = match (self.precision, self.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if self.zero => width - sign.len().min(width),
            (None, _) => 0,
        };
        let digits = format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
        let prefix = match verb {
            _ if !self.sharp => "",
            'o' | 'O' if digits.starts_with('0') => "",
            _ => prefix,
        };
        let octal = if verb == 'O' { "0o" } else { "" };
        Some(self.padded_by_blanks(&format!("{sign}{octal}{prefix}{digits}")))
    }

    /// What stands before a number's digits.
    fn sign(&self, is_negative: bool) -> &'static str {
        match is_negative {
            true => "-",
            false if self.plus => "+",
            false if self.space => " ",
            false => "",
        }
    }

    fn float(&self, number: f64, verb: char) -> Option<String> {
        let unsigned = number.abs();
        let digits = match verb {
            'v' | 'g' | 'G' => self
                .precision
                .map_or_else(|| shortest(unsigned), |precision| significant(unsigned, precision)),
            'f' | 'F' => fixed(unsigned, self.precision.unwrap_or(6)),
            'e' | 'E' => scientific(unsigned, self.precision.unwrap_or(6)),
            'b' => binary(unsigned),
            'x' | 'X' => hexadecimal(unsigned, self.precision),
            _ => return None,
        };
        let sign = self.sign(number.is_sign_negative() && !number.is_nan());
        if number.is_nan() {
            return Some(self.padded_by_blanks(&format!("{sign}NaN")));
        }
        if number.is_infinite() {
            // Its sign is a part of its name.
            let sign = if sign.is_empty() { "+" } else { sign };
            return Some(self.padded_by_blanks(&format!("{sign}Inf")));
        }
        let digits = if self.sharp && verb != 'b' { self.pointed(&digits, verb) } else { digits };
        let digits = if matches!(verb, 'G' | 'E' | 'X') { digits.to_uppercase() } else { digits };
        let shown = format!("{sign}{digits}");
        let missing = self.width.unwrap_or(0).saturating_sub(shown.len());
        if self.zero && missing > 0 {
            return Some(format!("{sign}{}{digits}", "0".repeat(missing)));
        }
        Some(self.padded(&shown))
    }

    /// With a decimal point, and for `%g` and `%x` with the zeros at the end.
    fn pointed(&self, digits: &str, verb: char) -> String {
        let mark = if matches!(verb, 'x' | 'X') { 'p' } else { 'e' };
        let (head, tail) = digits.find(mark).map_or((digits, ""), |at| digits.split_at(at));
        let wanted = match verb {
            'v' | 'g' | 'G' | 'x' => self.precision.unwrap_or(6),
            _ => 0,
        };
        let significant = head.chars().filter(|c| *c != '.').skip_while(|c| *c == '0').count();
        let mut head = head.to_owned();
        let mut have = significant;
        if !head.contains('.') {
            have += usize::from(head == "0");
            head.push('.');
        }
        format!("{head}{}{tail}", "0".repeat(wanted.saturating_sub(have)))
    }
}

fn rune(number: i64) -> char {
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A letter as `strconv.Quote` writes it.
fn escaped(c: char, quote: char, ascii: bool) -> String {
    match c {
        '\\' => "\\\\".to_owned(),
        c if c == quote => format!("\\{c}"),
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\x0b' => "\\v".to_owned(),
        '"' | '\'' | ' '..='~' => c.to_string(),
        // What Rust would not print as it is, Go does not either.
        c if !ascii && !c.is_control() && c.escape_debug().len() == 1 => c.to_string(),
        c if c < ' ' || c == '\x7f' => format!("\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => format!("\\u{:04x}", u32::from(c)),
        c => format!("\\U{:08x}", u32::from(c)),
    }
}
