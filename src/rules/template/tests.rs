//! Templates against what promtool 2.42 makes of them.

use proptest::prelude::*;

use super::*;

fn expand_with(text: &str, value: f64) -> Result<String, String> {
    let template = Template::parse(text).map_err(|problem| problem.message)?;
    let labels = Labels::from_pairs([("__name__", "x"), ("s", "a")]);
    let external_labels = Labels::from_pairs([("foo", "bar")]);
    let subject = Subject {
        labels: &labels,
        value,
        external_labels: &external_labels,
        external_url: "http://example.org:9090/prom",
        at_ms: 90_500,
    };
    let mut ask = |query: &str, _: &mut Budget| match query {
        "none" => Ok(Vec::new()),
        "bad" => Err("1:4: parse error".to_owned()),
        _ => Ok(["b", "a"].map(|s| VectorSample { labels: labels.with("s", s), value: 1e6 }).into()),
    };
    template.expand(subject, &mut Budget::new(u64::MAX), &mut ask)
}

#[track_caller]
fn check(text: &str, value: f64, expected: &str) {
    assert_eq!(expand_with(text, value).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn check_fails(text: &str, expected: &str) {
    let error = expand_with(text, 1.0).unwrap_err();
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn values_are_printed_as_go_prints_them() {
    check("{{ $value }}", 0.05, "0.05");
    check(
        "{{ $value }} {{ .Value }} {{ $.Value }}",
        1_234_567_890_123.0,
        &["1.234567890123e+12"; 3].join(" "),
    );
    check("{{ printf \"%v %g %.2f\" $value $value $value }}", 1.2345e-6, "1.2345e-06 1.2345e-06 0.00");
    check("{{ $value | printf \"%.1f%%\" }}", 5.0, "5.0%");
    check(
        "{{ print $value \" \" 1e6 1.5 }}|{{ println $value }}",
        f64::NEG_INFINITY,
        "-Inf 1e+06 1.5|-Inf\n",
    );
}

#[test]
fn labels_that_are_missing_are_empty() {
    check(
        "{{ $labels.s }}{{ $labels.missing }}{{ .Labels.missing }}|{{ $labels }}",
        1.0,
        "a|map[__name__:x s:a]",
    );
    check("{{ index $labels \"nope\" }}{{ eq $labels.missing \"\" }} {{ len $labels }}", 1.0, "true 2");
    check("{{ if $labels.missing }}y{{ else if $labels.s }}s{{ else }}n{{ end }}", 1.0, "s");
    check("{{ $labels.missing | toUpper }}{{ with $labels }}{{ .s }}{{ .nope }}{{ end }}", 1.0, "a");
    check(
        "{{ $externalLabels.foo }} {{ $externalURL }} {{ externalURL }} {{ pathPrefix }}",
        1.0,
        "bar http://example.org:9090/prom http://example.org:9090/prom /prom",
    );
}

#[test]
fn queries_are_asked_and_their_results_walked_through() {
    check(
        "{{ range query \"x\" }}{{ .Labels.s }} {{ .Value }} {{ . | label \"s\" }},{{ end }}",
        1.0,
        "b 1e+06 b,a 1e+06 a,",
    );
    check("{{ range query \"x\" | sortByLabel \"s\" }}{{ .Labels.s }}{{ .Labels.t }}{{ end }}", 1.0, "ab");
    check("{{ query \"x\" | first | value | humanize }} {{ printf \"x%d\" 1 | query | len }}", 1.0, "1M 2");
    check("{{ with query \"none\" }}some{{ else }}none{{ end }}", 1.0, "none");
    check_fails("{{ query \"none\" | first | value }}", "first() called on vector with no elements");
    check_fails("{{ query \"bad\" }}", "error calling query: 1:4: parse error");
    check_fails("{{ range $i, $x := query \"x\" }}{{ .Foo }}{{ end }}", "can't evaluate field Foo");
}

#[test]
fn functions_do_what_those_of_prometheus_do() {
    check(
        "{{ title \"hello wORLD x-y it's\" }} {{ toUpper \"ä\" }} {{ toLower \"ÄB\" }}",
        1.0,
        "Hello WORLD X-Y It's Ä äb",
    );
    check("{{ \"a.b.c:80\" | stripPort }} {{ \"a.b.c:80\" | stripDomain }}", 1.0, "a.b.c a:80");
    check("{{ match \"a.*\" \"xab\" }} {{ reReplaceAll \"(.)b\" \"${1}c$1\" \"abab\" }}", 1.0, "true acaaca");
    check(
        "{{ tableLink \"up{a=\\\"b\\\"} > 0\" }}",
        1.0,
        "/graph?g0.expr=up%7Ba%3D%22b%22%7D+%3E+0&g0.tab=1",
    );
    check(
        "{{ graphLink \"up\" }} {{ parseDuration \"1h30m\" }} {{ safeHtml \"<b>\" }}",
        1.0,
        "/graph?g0.expr=up&g0.tab=0 5400 <b>",
    );
    check(
        "{{ humanize \"12345\" }} {{ humanize 5 }} {{ 5 | humanize1024 }} {{ humanizePercentage \"0.5\" }}",
        1.0,
        "12.35k 5 5 50%",
    );
    check(
        "{{ humanizeTimestamp $value }} {{ toTime $value }}",
        -93_784.5,
        &["1969-12-30 21:56:55.5 +0000 UTC"; 2].join(" "),
    );
    check(
        "{{ with args 1 2.5 $value }}{{ .arg0 }} {{ .arg1 }} {{ .arg9 }} {{ . }}{{ end }}",
        1e6,
        "1 2.5 <no value> map[arg0:1 arg1:2.5 arg2:1e+06]",
    );
    check(
        "{{ gt $value 0.5 }} {{ le $value 0.5 }} {{ eq $value 1.0 }} {{ ne 1 2 }}",
        f64::NAN,
        "false false false true",
    );
    check("{{ now }} {{ toDuration 90.5 }} {{ urlQueryEscape \"a b\" }}", 1.0, "90.5 1m30.5s a+b");
    check("{{ template \"x\" . }}{{ define \"x\" }}{{ .Value }}{{ end }}", 1e6, "1e+06");
    check_fails("{{ gt $value 1 }}", "incompatible types for comparison");
    check_fails("{{ humanize \"x\" }}", "strconv.ParseFloat: parsing \"x\": invalid syntax");
    check_fails("{{ reReplaceAll \"(\" \"\" \"x\" }}", "error parsing regexp");
    check_fails("{{ toTime $value | toTime }}", "invalid syntax");
}

#[test]
fn what_go_refuses_when_it_parses_is_refused_in_its_place() {
    for (text, message, at) in [
        ("a {{ foo }}", "function \"foo\" not defined", "foo"),
        ("a\n{{ $labels.x | foo }}", "function \"foo\" not defined", "foo"),
        ("{{ $lables.x }}", "undefined variable \"$lables\"", "$lables"),
        ("{{ if $x := 1 }}{{ end }}{{ $x }}", "undefined variable \"$x\"", "$x }}"),
        ("{{ define \"x\" }}{{ $labels }}{{ end }}", "undefined variable \"$labels\"", "$labels"),
        ("{{ __print 1 }}", "function \"__print\" not defined", "__print"),
        ("x {{ $value", "unclosed action", "x"),
    ] {
        let problem = Template::parse(text).unwrap_err();
        assert!(problem.message.contains(message), "{text}: {problem:?}");
        if message != "unclosed action" {
            let found = text.rfind(at).unwrap();
            assert_eq!(problem.span.start, found, "{text}: {problem:?}");
        }
    }
    check(
        "{{ \"{{ end }}\" }}{{/* {{ end }} */}}{{ `{{ else }}` }}{{- if 1 }}x{{ end -}} ",
        1.0,
        "{{ end }}{{ else }}x",
    );
    for text in [
        "{{ if 1 }}x",
        "{{ end }}",
        "{{ else }}",
        "{{ if 1 }}{{ end }} {{- end -}}",
        "{{ if }}x{{ end }}",
        "{{ $value | }}",
        "{{ range }}{{ end }}",
        "{{ . ",
    ] {
        Template::parse(text).unwrap_err();
    }
}

#[test]
fn a_template_is_bounded() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(50_000), ")".repeat(50_000));
    let blocks = format!("{}{}", "{{ if 1 }}".repeat(5_000), "{{ end }}".repeat(5_000));
    for text in [deep, blocks, format!("{{{{ 1 }}}}{}", "x".repeat(MAX_BYTES))] {
        Template::parse(&text).unwrap_err();
    }
    check_fails(
        "{{ range $i, $x := query \"x\" }}{{ printf \"x%d\" $i | query }}{{ end }}{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}",
        "recursion",
    );
    let many = (0..40).map(|i| format!("{{{{ query \"q{i}\" | len }}}}")).collect::<Vec<_>>().concat();
    check_fails(&many, "more than 32 queries");
}

proptest! {
    #[test]
    fn any_text_is_expanded_or_refused(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("{{"), Just("}}"), Just("{{-"), Just("-}}"), Just("if "), Just("end"), Just("range "), Just("else "),
                Just("$value"), Just("$labels"), Just(".s"), Just(" . "), Just("| "), Just("("), Just(")"), Just("printf "),
                Just("\"%v %5.2f\""), Just("query \"x\""), Just("index "), Just("'"), Just("`"), Just("\\"), Just("/*"),
                Just("*/"), Just("humanize "), Just("é"), Just("\n"), Just("1e400 "), Just("-1 "), Just(":= "), Just("define \"a\""),
                Just("template \"a\" "), Just("slice "), Just("len "), Just("title "), Just("stripPort "), Just("match "),
            ],
            0..24,
        ),
        value in any::<f64>(),
    ) {
        let _ = expand_with(&parts.concat(), value);
    }

    #[test]
    fn functions_take_any_text(text in ".{0,40}", value in any::<f64>()) {
        for function in FUNCTIONS_OF_TEXT {
            let quoted = text.replace(['`', '\r'], "");
            let _ = expand_with(&format!("{{{{ {function} `{quoted}` }}}}{{{{ printf `{quoted}` $value }}}}"), value);
        }
    }
}

const FUNCTIONS_OF_TEXT: [&str; 12] = [
    "title",
    "stripPort",
    "stripDomain",
    "humanize",
    "parseDuration",
    "tableLink",
    "toTime",
    "match `a`",
    "reReplaceAll `a`",
    "toUpper",
    "urlQueryEscape",
    "toDuration",
];
