//! What is read, what is refused and where, and a comparison with `prometheus-parse` on ordinary text.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn read(text: &str, format: Format) -> Exposition {
    Exposition::parse(text, format).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// Samples as `name{labels} value`.
#[track_caller]
fn check(text: &str, format: Format, expected: &[&str]) {
    let shown: Vec<String> = read(text, format)
        .samples
        .iter()
        .map(|sample| format!("{}{} {}", sample.name, sample.labels, sample.value))
        .collect();
    assert_eq!(shown, expected, "{text:?}");
}

#[track_caller]
fn check_refused(text: &str, format: Format, line: usize, column: usize, reason: &str) {
    let error = Exposition::parse(text, format).expect_err(text);
    assert_eq!((error.line, error.column, error.reason.as_str()), (line, column, reason), "{text:?}");
}

fn check_both(samples: &str, expected: &[&str]) {
    check(samples, Format::Text, expected);
    check(&format!("{samples}# EOF\n"), Format::OpenMetrics, expected);
}

#[test]
fn samples_are_read_in_both_formats() {
    check_both("a 1\n", &["a{} 1"]);
    check_both("a{} 1\n", &["a{} 1"]);
    check_both("a:b_c{x=\"1\",y=\"2\"} -1.5e3\n", &["a:b_c{x=\"1\", y=\"2\"} -1500"]);
    check_both("a{x=\"1\",} 1\n", &["a{x=\"1\"} 1"]);
    check_both("a NaN\nb +Inf\nc -Inf\n", &["a{} NaN", "b{} inf", "c{} -inf"]);
    check_both("a{x=\"},=# é\"} 1\n", &["a{x=\"},=# é\"} 1"]);
    check_both("a{x=\"\\\\\\\"\\n\"} 1\n", &["a{x=\"\\\\\\\"\\n\"} 1"]);
}

#[test]
fn utf8_names_are_read_in_quotes() {
    check_both(
        "{\"http.requests\",\"net.host\"=\"h\",x=\"1\"} 2\n",
        &["http.requests{net.host=\"h\", x=\"1\"} 2"],
    );
    check_both("{\"é\"} 2\n", &["é{} 2"]);
    let families = read("# TYPE \"a.b\" gauge\n{\"a.b\"} 1\n", Format::Text).families;
    assert_eq!((families[0].name.as_str(), families[0].kind), ("a.b", MetricKind::Gauge));
}

#[test]
fn an_empty_label_is_a_missing_one() {
    check_both("a{x=\"\",y=\"1\"} 1\n", &["a{y=\"1\"} 1"]);
    check_both("a{x=\"\"} 1\na 1\n", &["a{} 1", "a{} 1"]);
}

#[test]
fn the_text_format_takes_blanks_comments_and_timestamps() {
    check("\n \t\n# any comment {\"\n#\n#HELP\u{e9}\n", Format::Text, &[]);
    check(
        "  a\t{ x = \"1\" , y = \"2\" , }  1 \t-1395066363000 \n",
        Format::Text,
        &["a{x=\"1\", y=\"2\"} 1"],
    );
    check("a  1", Format::Text, &["a{} 1"]);
    check("a{x=\"1\"}1\n# EOF\nb 2\n# UNIT b seconds\n", Format::Text, &["a{x=\"1\"} 1", "b{} 2"]);
}

#[test]
fn openmetrics_takes_exemplars_and_timestamps() {
    let text = "# TYPE a histogram\n# UNIT a_seconds seconds\n\
                a_bucket{le=\"1\"} 8 1.5 # {trace_id=\"x\"} 0.67 1520879607.7\n\
                a_bucket{le=\"+Inf\"} 9 # {} 2\na_created 1520872607.123\n# EOF";
    check(
        text,
        Format::OpenMetrics,
        &["a_bucket{le=\"1\"} 8", "a_bucket{le=\"+Inf\"} 9", "a_created{} 1520872607.123"],
    );
}

#[test]
fn heads_of_families_are_kept() {
    let text = "# HELP a Says \\\\ and \\n so\n# TYPE a counter\n# TYPE b untyped\n# HELP c\na 1\n";
    let families = read(text, Format::Text).families;
    let shown: Vec<_> =
        families.iter().map(|family| (family.name.as_str(), family.kind, family.help.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("a", MetricKind::Counter, "Says \\ and \n so"),
            ("b", MetricKind::Untyped, ""),
            ("c", MetricKind::Untyped, "")
        ]
    );
    let families = read("# TYPE a info\n# HELP a x\\\"y\\z\n# EOF\n", Format::OpenMetrics).families;
    assert_eq!((families[0].kind, families[0].help.as_str()), (MetricKind::Other, "x\"y\\z"));
}

#[test]
fn what_prometheus_takes_is_taken() {
    let text = "a 1\n# TYPE a counter\n# HELP a x\\d\\\"\\\n# HELP a y\n# TYPE a gauge\na 2\n# TYPE\n# HELP\n#TYPE b rubbish\n#";
    let read = read(text, Format::Text);
    let [family] = &*read.families else { panic!("{:?}", read.families) };
    assert_eq!((family.kind, family.help.as_str()), (MetricKind::Gauge, "y"));
    assert_eq!(read.samples.len(), 2);
    check("a{x=\"\\d\\t\"} 1\n", Format::Text, &["a{x=\"\\\\d\\\\t\"} 1"]);
    check("a 1\n# TYPE a counter\n# TYPE a gauge\na 2\n# EOF\n", Format::OpenMetrics, &["a{} 1", "a{} 2"]);
}

#[test]
fn timestamps_are_read_in_milliseconds() {
    let stamps = |text, format| -> Vec<Option<i64>> {
        read(text, format).samples.iter().map(|sample| sample.stamp_ms).collect()
    };
    assert_eq!(
        stamps("a 1 -1395066363000\nb 1\nc 1 5 \n", Format::Text),
        [Some(-1_395_066_363_000), None, Some(5)]
    );
    let text = "a 1 1.5 # {} 2 7\nb 1 # {} 2 7\nc 1 1520879607.789\n# EOF\n";
    assert_eq!(stamps(text, Format::OpenMetrics), [Some(1500), None, Some(1_520_879_607_789)]);
}

#[test]
fn mistakes_in_text_are_refused_with_their_place() {
    for (text, line, column, reason) in [
        ("a\n", 1, 2, "expected a space"),
        ("a \n", 1, 3, "expected a number"),
        ("a x\n", 1, 3, "expected a number"),
        ("a 0x1p3\n", 1, 3, "expected a number"),
        ("a -nan\n", 1, 3, "expected a number"),
        ("a 1_0\n", 1, 3, "expected a number"),
        ("ok 1\n1a 1\n", 2, 1, "expected a metric name"),
        ("a 1 1.5\n", 1, 5, "expected a timestamp"),
        ("a 1 1 1\n", 1, 7, "unexpected text before the end of the line"),
        ("a 1\r\n", 1, 3, "expected a number"),
        ("a{x=\"1\"\n", 1, 8, "expected `,` or `}`"),
        ("a{é=\"1\"} 1\n", 1, 3, "expected a label name or `}`"),
        ("a{x=\"é\"y} 1\n", 1, 8, "expected `,` or `}`"),
        ("a{x} 1\n", 1, 4, "expected `=`"),
        ("a{x=1} 1\n", 1, 5, "expected `\"`"),
        ("a{x=\"1} 1\n", 1, 5, "the closing quote is missing"),
        ("a{x=\"1\\", 1, 7, "unknown escape sequence"),
        ("a{x=\"1\",x=\"2\"} 1\n", 1, 9, "second label of this name"),
        ("a{__name__=\"b\"} 1\n", 1, 3, "a label cannot have this name"),
        ("a{,} 1\n", 1, 3, "expected a label name or `}`"),
        ("a{\"b\"} 1\n", 1, 3, "second metric name"),
        ("{\"\"} 1\n", 1, 2, "the metric name is empty"),
        ("{x=\"1\"} 1\n", 1, 1, "the metric name is missing"),
        ("# TYPE \n", 1, 8, "expected a metric name"),
        ("# TYPE a\n", 1, 9, "expected a space"),
        ("# TYPE a cuonter\n", 1, 10, "unknown metric type"),
        ("# TYPE a info\n", 1, 10, "unknown metric type"),
        ("# TYPE a gauge x\n", 1, 16, "unexpected text before the end of the line"),
    ] {
        check_refused(text, Format::Text, line, column, reason);
    }
}

#[test]
fn mistakes_in_openmetrics_are_refused_with_their_place() {
    for (text, line, column, reason) in [
        ("", 1, 1, "the text ends without `# EOF`"),
        ("a 1\n", 2, 1, "the text ends without `# EOF`"),
        ("# EOF\n\n", 2, 1, "content after `# EOF`"),
        ("# EOF\na 1\n", 2, 1, "content after `# EOF`"),
        ("# EOF \n", 1, 6, "unexpected text before the end of the line"),
        ("\n# EOF\n", 1, 1, "expected a metric name"),
        ("# comment\n# EOF\n", 1, 1, "expected `HELP`, `TYPE`, `UNIT` or `EOF` after `#`"),
        ("#  EOF\n", 1, 1, "expected `HELP`, `TYPE`, `UNIT` or `EOF` after `#`"),
        ("a  1\n# EOF\n", 1, 3, "expected a number"),
        ("a{x=\"1\"}1\n# EOF\n", 1, 9, "expected a space"),
        ("a{ x=\"1\"} 1\n# EOF\n", 1, 3, "expected a label name or `}`"),
        ("a 1 NaN\n# EOF\n", 1, 5, "expected a timestamp"),
        ("a 1 2 3\n# EOF\n", 1, 7, "expected an exemplar"),
        ("a 1 # x\n# EOF\n", 1, 7, "expected the exemplar's labels"),
        ("a 1 # {\"x\"} 1\n# EOF\n", 1, 5, "an exemplar has no metric name"),
        ("# TYPE a untyped\n# EOF\n", 1, 10, "unknown metric type"),
        ("# UNIT a seconds\n# EOF\n", 1, 10, "the family's name does not end with its unit"),
    ] {
        check_refused(text, Format::OpenMetrics, line, column, reason);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_place() {
    let error = Exposition::parse_bytes(b"a 1\n\xc3\xa9b\xff 1\n", Format::Text, 10).unwrap_err();
    assert_eq!((error.line, error.column, error.reason.as_str()), (2, 3, "not UTF-8"));
}

#[test]
fn the_limit_of_samples_is_told_apart() {
    assert_eq!(Exposition::parse_within("a 1\nb 1\n", Format::Text, 2).unwrap().samples.len(), 2);
    let error = Exposition::parse_within("a 1\nb 1\n", Format::Text, 1).unwrap_err();
    assert_eq!((error.line, error.kind), (2, ExpositionErrorKind::TooManySamples));
    let heads = "# TYPE a gauge\n# HELP a x\n# TYPE b gauge\n";
    let error = Exposition::parse_within(heads, Format::Text, 1).unwrap_err();
    assert_eq!((error.line, error.kind), (3, ExpositionErrorKind::TooManySamples));
}

#[test]
fn the_content_type_says_which_format_it_is() {
    let of = |text| Format::of_content_type(Some(text));
    assert_eq!(of("application/openmetrics-text; version=1.0.0; charset=utf-8"), Format::OpenMetrics);
    assert_eq!(of("text/plain; version=0.0.4"), Format::Text);
    assert_eq!(Format::of_content_type(None), Format::Text);
}

/// Text that is nearly an exposition, to reach deeper than random characters would.
fn crooked_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b_total", "{", "}", "\"", "=", ",", " ", "\n", "\\", "\\n", "# ", "TYPE ", "HELP ", "UNIT ",
        "EOF", "1", "NaN", "é", "counter", "\t",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// What both parsers should agree on: plain names, plain values, counters, gauges and untyped samples.
fn ordinary_text() -> impl Strategy<Value = String> {
    let labels = prop::collection::btree_map("[a-z_][a-z0-9_]{0,6}", "[a-zA-Z0-9 /._:-]{1,8}", 0..4);
    let metric = (
        prop::sample::select(vec!["counter", "gauge", "untyped"]),
        prop::collection::btree_map(labels, any::<f64>(), 1..4),
    );
    prop::collection::btree_map("[a-z][a-z0-9_]{0,8}", metric, 0..8).prop_map(|metrics| {
        let mut text = String::new();
        for (name, (kind, samples)) in metrics {
            writeln!(text, "# HELP {name} A help.\n# TYPE {name} {kind}").unwrap();
            for (labels, value) in samples {
                let pairs: Vec<String> =
                    labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
                let braces =
                    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
                writeln!(text, "{name}{braces} {value}").unwrap();
            }
        }
        text
    })
}

fn by_prometheus_parse(text: &str) -> Vec<(String, Labels, String)> {
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let mut samples: Vec<_> = prometheus_parse::Scrape::parse(lines)
        .unwrap()
        .samples
        .into_iter()
        .map(|sample| {
            let value = match sample.value {
                prometheus_parse::Value::Counter(value)
                | prometheus_parse::Value::Gauge(value)
                | prometheus_parse::Value::Untyped(value) => value.to_string(),
                prometheus_parse::Value::Histogram(_) | prometheus_parse::Value::Summary(_) => {
                    "parts".to_owned()
                }
            };
            (sample.metric, sample.labels.iter().collect(), value)
        })
        .collect();
    samples.sort();
    samples
}

proptest! {
    #[test]
    fn ordinary_text_reads_as_prometheus_parse_reads_it(text in ordinary_text()) {
        let mut ours: Vec<_> = read(&text, Format::Text)
            .samples
            .into_iter()
            .map(|sample| (sample.name, sample.labels, sample.value.to_string()))
            .collect();
        ours.sort();
        prop_assert_eq!(ours, by_prometheus_parse(&text));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), crooked in crooked_text()) {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = Exposition::parse_bytes(&bytes, format, 5);
            let _ = Exposition::parse_bytes(crooked.as_bytes(), format, 5);
        }
    }
}
