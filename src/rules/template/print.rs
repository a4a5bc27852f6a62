//! Values as Go's `fmt` prints them, where the library prints them as Rust does.

use gotmpl::{Template, Value};

use super::go_number::{fixed, scientific, shortest, significant};

/// What a printed action shows.
pub(super) fn action(value: &Value) -> String {
    if let Value::Nil = value { "<no value>".to_owned() } else { display(value) }
}

/// `%v`.
pub(super) fn display(value: &Value) -> String {
    match value {
        Value::Float(number) => shortest(*number),
        Value::List(items) => format!("[{}]", items.iter().map(display).collect::<Vec<_>>().join(" ")),
        Value::Map(pairs) => {
            let pairs: Vec<String> =
                pairs.iter().map(|(key, value)| format!("{key}:{}", display(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::String(_)
        | Value::Function(_) => value.to_string(),
    }
}

/// `print`: a blank between two values when neither is a text.
pub(super) fn print(args: &[Value]) -> String {
    let mut text = String::new();
    for (i, value) in args.iter().enumerate() {
        let texts = |value: &Value| matches!(value, Value::String(_));
        if i > 0 && !texts(value) && !texts(&args[i - 1]) {
            text.push(' ');
        }
        text.push_str(&display(value));
    }
    text
}

/// `println`: a blank between all.
pub(super) fn println(args: &[Value]) -> String {
    format!("{}\n", args.iter().map(display).collect::<Vec<_>>().join(" "))
}

/// `printf`: floating-point numbers are formatted here, everything else by the library.
pub(super) fn printf(args: &[Value]) -> Result<String, String> {
    let Some(Value::String(format)) = args.first() else {
        return Err("wrong type for value; expected string".to_owned());
    };
    if format.contains('*') || format.contains('[') {
        // Widths and choices from arguments: rare enough to be printed as the library does.
        return builtin("printf", args);
    }
    let mut rest = args[1..].iter();
    let mut new_format = String::new();
    let mut new_args = vec![Value::Nil];
    let mut text: &str = format;
    while let Some(at) = text.find('%') {
        new_format.push_str(&text[..at]);
        let verb = Verb::of(&text[at..]);
        text = &text[at + verb.text.len()..];
        let arg = if verb.letter == Some('%') || verb.letter.is_none() { None } else { rest.next() };
        match arg {
            Some(Value::Float(number)) => {
                new_format.push_str("%s");
                new_args.push(Value::String(verb.format(*number).into()));
            }
            arg => {
                new_format.push_str(verb.text);
                new_args.extend(arg.cloned());
            }
        }
    }
    new_format.push_str(text);
    new_args.extend(rest.cloned());
    new_args[0] = Value::String(new_format.into());
    builtin("printf", &new_args)
}

/// A function of the library that has been given another meaning here, by its own means.
pub(super) fn builtin(name: &str, args: &[Value]) -> Result<String, String> {
    let names: Vec<String> = (0..args.len()).map(|i| format!("a{i}")).collect();
    let list = names.join(" .");
    let data = Value::Map(std::sync::Arc::new(
        names.iter().zip(args).map(|(name, arg)| (name.as_str().into(), arg.clone())).collect(),
    ));
    let template = Template::new("").parse(&format!("{{{{{name} .{list}}}}}"));
    template.and_then(|template| template.execute_to_string(&data)).map_err(|error| error.to_string())
}

/// One `%-8.2f` of a format.
struct Verb<'t> {
    text: &'t str,
    flags: &'t str,
    width: usize,
    precision: Option<usize>,
    letter: Option<char>,
}

impl<'t> Verb<'t> {
    /// The verb at the beginning of `text`, which begins with `%`.
    fn of(text: &'t str) -> Self {
        let number = |at: usize| at + text[at..].bytes().take_while(u8::is_ascii_digit).count();
        let flags_end = 1 + text[1..].bytes().take_while(|b| b"+- #0".contains(b)).count();
        let width_end = number(flags_end);
        let precision_end =
            if text[width_end..].starts_with('.') { number(width_end + 1) } else { width_end };
        let letter = text[precision_end..].chars().next();
        // Nobody needs more digits than a number has, and a width is no way to fill the memory.
        let bounded = |digits: &str| digits.parse::<usize>().unwrap_or(0).min(1_000);
        Self {
            text: &text[..precision_end + letter.map_or(0, char::len_utf8)],
            flags: &text[1..flags_end],
            width: bounded(&text[flags_end..width_end]),
            precision: (precision_end > width_end).then(|| bounded(&text[width_end + 1..precision_end])),
            letter,
        }
    }

    fn format(&self, number: f64) -> String {
        let letter = self.letter.unwrap_or('v');
        let digits = match letter {
            'v' | 'g' | 'G' => match self.precision {
                Some(precision) => significant(number, precision),
                None => shortest(number),
            },
            'f' | 'F' => fixed(number, self.precision.unwrap_or(6)),
            'e' | 'E' => scientific(number, self.precision.unwrap_or(6)),
            other => return format!("%!{other}(float64={})", shortest(number)),
        };
        let digits =
            if letter.is_ascii_uppercase() && letter != 'F' { digits.to_uppercase() } else { digits };
        // An infinity has its sign already, which only `+` asks for.
        let digits = digits.strip_prefix('+').map_or(digits.clone(), str::to_owned);
        let shown_sign = |sign: &str| self.flags.contains(sign) && !digits.starts_with('-');
        let signed = if shown_sign("+") || number == f64::INFINITY {
            format!("+{digits}")
        } else if shown_sign(" ") {
            format!(" {digits}")
        } else {
            digits
        };
        self.padded(&signed, number)
    }

    fn padded(&self, text: &str, number: f64) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.flags.contains('-') {
            format!("{text}{}", " ".repeat(missing))
        } else if self.flags.contains('0') && number.is_finite() {
            let sign = text.len() - text.trim_start_matches(['+', '-', ' ']).len();
            format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..])
        } else {
            format!("{}{text}", " ".repeat(missing))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, args: &[Value], expected: &str) {
        let args: Vec<Value> =
            std::iter::once(Value::String(format.into())).chain(args.iter().cloned()).collect();
        assert_eq!(printf(&args).unwrap(), expected, "{format}");
    }

    // What promtool 2.42 prints.
    #[test]
    fn numbers_in_formats_are_those_of_go() {
        let float = Value::Float;
        check("%v %g %s", &[float(-93_784.5), float(1e6), float(0.0)], "-93784.5 1e+06 %!s(float64=0)");
        check("%d|%.2f|%e", &[float(1.5), float(2.0), float(0.5)], "%!d(float64=1.5)|2.00|5.000000e-01");
        check(
            "%10.3f|%-8.2g|%+v|% v",
            &[float(1.0), float(1.2345e-6), float(2.0), float(2.0)],
            "     1.000|1.2e-06 |+2| 2",
        );
        check(
            "%6v|%06.1f|%v|%f",
            &[float(f64::NAN), float(-1.25), float(f64::INFINITY), float(f64::NEG_INFINITY)],
            "   NaN|-001.2|+Inf|-Inf",
        );
        check(
            "%d %s 100%% %v",
            &[Value::Int(5), Value::String("x%vy".into()), float(0.1)],
            "5 x%vy 100% 0.1",
        );
        check("%.2f", &[], "%!f(MISSING)");
    }
}
