//! Values as Go's `fmt` prints them, where the library prints them as Rust does.

use gotmpl::{Template, Value};

use super::go_number::shortest;
use super::printf::formatted;

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

/// `printf`.
pub(super) fn printf(args: &[Value]) -> Result<String, String> {
    let Some(Value::String(format)) = args.first() else {
        return Err("wrong type for value; expected string".to_owned());
    };
    formatted(format, &args[1..])
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
            "     1.000|1.2e-06 |2| 2",
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
