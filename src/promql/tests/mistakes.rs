//! Mistakes in queries: what is said of them, and where. Hostile ones end in an error, soon.

use proptest::prelude::*;

use crate::promql::{Budget, Engine, EvalError, Labels, Limits, Query, Reach, Storage, Value};

/// Checks what is said of the query and that it is said of `place`, which is marked by `>` and `<` in `marked`.
#[track_caller]
fn check(marked: &str, message: &str, help: Option<&str>) {
    let start = marked.find('»').unwrap();
    let text: String = marked.chars().filter(|c| !matches!(c, '»' | '«')).collect();
    let end = marked.find('«').unwrap() - '»'.len_utf8();
    let error = Query::parse(&text).unwrap_err();
    assert_eq!((error.message.as_str(), error.help.as_deref()), (message, help), "{text}");
    assert_eq!((error.span.start, error.span.end), (start, end), "the place of: {message}");
}

#[test]
fn mistakes_in_spelling_are_named_with_their_place() {
    check("»rte«(x[5m])", "there is no function `rte`", Some("did you mean `rate`?"));
    check(
        "sum(»histogram_quantil«(0.5, x))",
        "there is no function `histogram_quantil`",
        Some("did you mean `histogram_quantile`?"),
    );
    check("1 + »frobnicate«(x)", "there is no function `frobnicate`", None);
    check("»Rate«(x[5m])", "there is no function `Rate`", Some("did you mean `rate`?"));
    check("»limitk«(2, x)", "`limitk` is experimental in Prometheus, and not supported", None);
    check("»histogram_count«(x)", "`histogram_count` is about native histograms, and not supported", None);
}

#[test]
fn mistakes_in_syntax_are_found_at_their_token() {
    check("sum(x) »x«", "unexpected `x`", Some("expected an operator"));
    check("x + »*« y", "unexpected `*`", Some("expected an expression"));
    check("up{job=»mcp«}", "unexpected `mcp`", Some("expected a string"));
    check("sum by »job« (x)", "unexpected `job`", Some("expected `(`"));
    check("sum by (job) »«", "the query ends too early", Some("expected `(`"));
    check("x > »«", "the query ends too early", Some("expected an expression"));
    check("rate»(«x[5m]", "`(` is never closed", None);
    check("sum(x)»)«", "`)` closes nothing", None);
    check("sum(x»]«", "`]` where `)` has to close a `(`", None);
    check("up{job=\"a\" »instance«=\"b\"}", "unexpected `instance`", Some("expected `,` or `}`"));
    check("x offset »y«", "unexpected `y`", Some("expected a duration"));
    check("»=«", "unexpected `=`", Some("expected an expression"));
}

#[test]
fn what_is_no_token_is_shown() {
    check("x »¢«", "unexpected character `¢`", None);
    check("x + »\"abc«", "the string that begins with \" is never closed", None);
    check(
        "x[»5x«]",
        "`5x` is neither a number nor a duration",
        Some("durations go from large units to small: y w d h m s ms, as in `1h30m`"),
    );
    check(
        "x[5m »*« 2]",
        "unexpected `*` in a range",
        Some("a range is a plain duration, as in `[5m]`, and in a subquery two, as in `[5m:1m]`"),
    );
    check("»«", "the query is empty", Some("write an expression, as in `up == 0`"));
    let escapes = "a backslash itself is written `\\\\`, as in `\\\\d` of a regular expression; or put the string in backquotes";
    check("x{a=\"»\\«q\"}", "there is no such escape in a string", Some(escapes));
    let bytes =
        "no label has such a value: write characters as they are, or by their numbers, as in `\\u00e9`";
    check("x{a=»\"\\xff\"«}", "the escapes of this string make no UTF-8 text", Some(bytes));
}

#[test]
fn mistakes_in_sense_are_shown_where_they_are() {
    check(
        "sum(rate(»x«))",
        "`rate` takes a range vector, and this is an instant vector",
        Some("say over which time, as in `[5m]`"),
    );
    check(
        "rate(»sum(x)«)",
        "`rate` takes a range vector, and this is an instant vector",
        Some("make it a subquery, as in `(...)[5m:]`"),
    );
    check(
        "1 + abs(»x[5m]«)",
        "`abs` takes an instant vector, and this is a range vector",
        Some("a function such as `rate` makes an instant vector of a range"),
    );
    check("»clamp(x, 1)«", "`clamp` takes 3 arguments, and this has 2", None);
    check("»round()«", "`round` takes 1 to 2 arguments, and this has 0", None);
    check(
        "sum(»1«)",
        "`sum` takes an instant vector, and this is a scalar",
        Some("`vector(...)` makes a vector of a scalar"),
    );
    check("»topk(x)«", "`topk` takes 2 arguments, and this has 1", None);
    check("»1 == 2«", "comparisons between scalars must use `bool` modifier", None);
    let unclosed = "not a regular expression: a `(` is never closed";
    let way_out = Some("close it with `)`; the character itself is `[(]`");
    check("x{a=~»\"(\"«}", unclosed, way_out);
    check("label_replace(x, \"a\", \"\", \"b\", »\"(\"«)", unclosed, way_out);
    check(
        "»{a=~\".*\"}«",
        "the selector takes every series",
        Some("give it a name, or a matcher that an empty value does not fit"),
    );
    check("x[»0s«]", "a range has to be 1ms or longer", None);
    check("x offset »Inf«", "`Inf` where a duration is expected", None);
    check("x @ »NaN«", "no such time: it is in seconds since 1970", None);
}

#[test]
fn a_query_says_how_far_back_it_looks() {
    let reach = |text: &str| Query::parse(text).unwrap().reach(std::time::Duration::from_secs(300));
    let seconds = |seconds| Reach::Within(std::time::Duration::from_secs(seconds));
    assert_eq!(reach("up"), seconds(300));
    assert_eq!(reach("1 + time()"), seconds(0));
    assert_eq!(reach("rate(x[10m] offset 1h) / y"), seconds(4200));
    assert_eq!(reach("max_over_time(rate(x[5m])[1h:1m] offset 10m)"), seconds(4500));
    assert_eq!(reach("x offset -1h"), seconds(0));
    assert_eq!(reach("sum(x @ 100)"), Reach::Everything);
}

#[test]
fn hostile_queries_end_in_an_error() {
    let deep = 50_000;
    for (what, text) in [
        ("closed brackets", format!("{}x{}", "(".repeat(deep), ")".repeat(deep))),
        ("open brackets", "(".repeat(deep)),
        ("minus signs", format!("{}x", "-".repeat(deep))),
        ("operators", format!("x{}", "+x".repeat(20_000))),
        ("words", format!("x{}", " or x".repeat(10_000))),
        ("powers", format!("x{}", "^x".repeat(20_000))),
        ("calls", format!("{}x{}", "abs(".repeat(10_000), ")".repeat(10_000))),
        ("aggregations", format!("{}x{}", "sum(".repeat(10_000), ")".repeat(10_000))),
        ("subqueries", format!("x{}", "[5m:1m]".repeat(5_000))),
        ("megabyte", format!("x{{a=\"{}\"}}", "a".repeat(1_000_000))),
        ("bomb", "x{a=~\"((((a{100}){100}){100}){100})\"}".to_owned()),
        ("bombs", format!("x{{{}}}", "a=~\"[a-z]{1000}\",".repeat(3_000))),
        ("range", "x[99999999999999999999]".to_owned()),
        ("range", "x[1e308]".to_owned()),
        ("offset", "x offset Inf".to_owned()),
        ("offset", "x offset 1e300".to_owned()),
        ("time", "x @ 1e300".to_owned()),
    ] {
        let refused = Query::parse(&text).err();
        assert!(refused.is_some(), "{what}");
    }
}

#[test]
fn the_deepest_query_that_is_read_is_evaluated_and_printed() {
    for text in [
        format!("{}1{}", "(".repeat(199), ")".repeat(199)),
        format!("1{}", " + 1".repeat(199)),
        format!("{}vector(1){}", "abs(".repeat(198), ")".repeat(198)),
    ] {
        let query = Query::parse(&text).unwrap();
        let again = Query::from_expr(query.expr()).unwrap();
        assert_eq!(query.expr().to_string(), again.expr().to_string());
        Engine::default().instant(&query, &Storage::new(), 0).unwrap();
    }
}

fn evaluated(text: &str, engine: &Engine) -> Result<Value, EvalError> {
    let mut storage = Storage::new();
    for number in 0..10 {
        let id = storage.series(&Labels::from_pairs([("__name__", "x"), ("n", &*number.to_string())]));
        for at in 0..100 {
            storage.append(id, at * 1000, f64::from(number) + at as f64).unwrap();
        }
    }
    let query = Query::parse(text).unwrap();
    engine.instant(&query, &storage, 100_000).map(|answer| answer.value)
}

/// What is said of a query that looks at too much.
fn too_much(limit: u64, of: &str) -> String {
    format!(
        "the query looks at more than {limit} samples, {of}: select fewer series, or give ranges a shorter length and subqueries \
         a coarser step"
    )
}

fn at_most(max_samples: u64) -> Engine {
    Engine { limits: Limits { max_samples, ..Limits::default() }, ..Engine::default() }
}

#[test]
fn a_query_may_not_cost_more_than_its_limit() {
    let engine = at_most(2000);
    evaluated("sum(rate(x[1m]))", &engine).unwrap();
    let error = evaluated("sum(rate(x[1m])) + sum(rate(x[1m]))", &engine).unwrap_err();
    assert_eq!(error.message, too_much(2000, "the limit of one evaluation"));
    assert_eq!(error.span, Some(28..33));
    let error = evaluated("absent_over_time(nothing[100y:1d])", &engine).unwrap_err();
    assert_eq!(error.message, too_much(2000, "the limit of one evaluation"));
    assert_eq!(error.span, Some(17..33));
}

#[test]
fn whatever_grows_without_samples_that_are_read_is_counted() {
    let engine = at_most(50_000_000);
    let again = |inner: &str, times: usize, with: &dyn Fn(&str) -> String| {
        (0..times).fold(inner.to_owned(), |query, _| with(&query))
    };
    // Each is bounded by its text alone: without the limit they would take from minutes to years, or more memory than there is.
    for (what, text) in [
        ("steps without series", "absent_over_time(nothing[10y:1m])[10y:]".to_owned()),
        ("steps of the engine's length", again("x", 4, &|inner| format!("max_over_time({inner}[1d:])"))),
        ("numbers", "max_over_time(vector(1 + 1 + 1 + 1 + 1)[30d:1s])".to_owned()),
        ("samples by themselves", "max_over_time(quantile_over_time(0.5, x[100s] @ 100)[1w:1s])".to_owned()),
        ("names of labels", format!("max_over_time(sum by ({}) (x @ 100)[1d:1s])", "n,".repeat(10_000))),
        (
            "names of labels",
            format!("max_over_time((x @ 100 + on ({}) x @ 100)[1d:1s])", "n,".repeat(10_000)),
        ),
        (
            "taken labels",
            format!("max_over_time((x @ 100 * on (n) group_left ({}) x @ 100)[1d:1s])", "n,".repeat(1000)),
        ),
        (
            "made labels",
            "max_over_time(label_replace(x @ 100, \"n\", \"$1\", \"n\", \"(.*)\")[1w:1s])".to_owned(),
        ),
        (
            "costly patterns",
            "max_over_time(label_replace(x @ 100, \"n\", \"$1\", \"n\", \"([0-9]{1000}|.)\")[1d:1s])"
                .to_owned(),
        ),
        (
            "text",
            again("x", 10, &|inner| {
                format!("label_replace({inner},\"n\",\"{}\",\"n\",\"(.*)\")", "$1".repeat(100))
            }),
        ),
        ("text", again("x", 10, &|inner| format!("label_join({inner},\"n\",\"\"{})", ",\"n\"".repeat(100)))),
    ] {
        match Query::parse(&text).map(|_| evaluated(&text, &engine)) {
            Err(_) | Ok(Err(_)) => {}
            Ok(Ok(_)) => panic!("{what}: {text}"),
        }
    }
}

#[test]
fn steps_that_are_too_many_whatever_the_series_are_are_refused_before() {
    for (text, at) in [
        ("max_over_time(max_over_time(max_over_time(up[60m:10ms])[60m:10ms])[60m:10ms])", 28..65),
        ("1 + max_over_time(vector(1)[100y:1s])", 18..36),
        ("absent_over_time(nothing[100y:1ms])", 17..34),
        ("absent_over_time(nothing[1y:1s] offset 1h) or up", 17..41),
    ] {
        let error = Query::parse(text).unwrap_err();
        assert!(
            error.message.contains(" steps of this cost more than looking at 500000000"),
            "{text}: {error}"
        );
        assert_eq!(
            error.help.as_deref(),
            Some("give subqueries a coarser step, as in `[1h:1m]`, or a shorter range")
        );
        assert_eq!(error.span, at, "{text}");
    }
    // A step that is not said is the engine's.
    let text = "max_over_time(max_over_time(up[1d:])[1d:])";
    evaluated(text, &Engine::default()).unwrap();
    let fine = Engine { subquery_step: std::time::Duration::from_millis(1), ..Engine::default() };
    let error = evaluated(text, &fine).unwrap_err();
    assert_eq!(
        (error.message, error.span),
        (too_much(500_000_000, "the limit of one evaluation"), Some(28..35))
    );
}

#[test]
fn evaluations_share_a_budget_where_they_are_given_one() {
    let (query, storage, engine) = (Query::parse("vector(1)").unwrap(), Storage::new(), Engine::default());
    let mut budget = Budget::new(1000);
    let ask = |budget: &mut Budget| engine.instant_within(&query, &storage, 0, budget).err();
    let errors: Vec<EvalError> = (0..100).filter_map(|_| ask(&mut budget)).collect();
    assert!((1..100).contains(&errors.len()) && budget.is_spent(), "{}", errors.len());
    assert_eq!(errors[0].message, too_much(1000, "the limit of all evaluations together"));
}

#[test]
fn a_query_may_not_keep_more_than_its_limit() {
    let engine = Engine { limits: Limits { max_points: 500, ..Limits::default() }, ..Engine::default() };
    evaluated("max_over_time(x[50s:1s]) + max_over_time(x[50s:1s])", &engine).unwrap();
    for text in ["max_over_time(x[51s:1s])", "x[60s]"] {
        let error = evaluated(text, &engine).unwrap_err();
        let expected = "the query makes more than 500 samples, the limit of what one evaluation may keep: ";
        assert!(error.message.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn a_range_query_has_to_have_an_end() {
    let query = Query::parse("x").unwrap();
    let engine = Engine::default();
    let asked =
        |start, end, step| engine.range(&query, &Storage::new(), start, end, step).unwrap_err().message;
    assert_eq!(asked(0, 1000, 0), "the step of a range query must be greater than 0");
    assert_eq!(asked(1000, 0, 1), "the end of a range query is before its start");
    assert_eq!(
        asked(0, i64::MAX, 1),
        "9223372036854775808 steps are more than the limit of 11000: take a coarser step or a shorter range"
    );
}

/// Text that looks like queries: words, numbers, brackets and operators in any order.
fn query_like() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "x",
        "sum",
        "by",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "5m",
        ":",
        ",",
        "+",
        "-",
        "*",
        "^",
        "==",
        "bool",
        "on",
        "ignoring",
        "group_left",
        "rate",
        "offset",
        "@",
        "start()",
        "1",
        "0.5",
        "Inf",
        "\"a\"",
        "a",
        "=",
        "=~",
        "!=",
        "or",
        "and",
        "unless",
        "topk",
        "quantile_over_time",
        "histogram_quantile",
        "label_replace",
        "#",
        "\n",
        "'",
        "`",
        "\\",
        "0x1",
        "1e5",
        "absent",
        "vector",
        "time()",
        "le",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.join(" "))
}

/// Queries of vectors, made so that they make sense.
fn sensible() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "x",
        "x{n=\"1\"}",
        "x{n=~\"[1-3]\"}",
        "rate(x[30s])",
        "x offset 5s",
        "x @ 50",
        "absent(y)",
        "vector(time())",
        "max_over_time(x[10s])",
        "deriv(x[20s])",
        "quantile_over_time(0.5, x[5s])",
        "-x",
        "x > 50",
        "x * NaN",
        "x / 0",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(vec!["sum", "avg", "min", "count", "stddev", "group"]),
                any::<bool>()
            )
                .prop_map(|(of, op, by)| if by {
                    format!("{op} by (n) ({of})")
                } else {
                    format!("{op}({of})")
                }),
            (inner.clone(), 0..5).prop_map(|(of, k)| format!("topk({k}, {of})")),
            (
                inner.clone(),
                inner.clone(),
                prop::sample::select(vec!["+", "-", "/", "%", ">", "== bool", "and", "or", "unless"])
            )
                .prop_map(|(a, b, op)| format!("({a}) {op} on (n) ({b})")),
            inner.clone().prop_map(|of| format!("max_over_time(({of})[20s:5s])")),
            inner.clone().prop_map(|of| format!("label_replace({of}, \"n\", \"$1\", \"n\", \"(.).*\")")),
            inner.prop_map(|of| format!("round(clamp_min({of}, 1), 0.5)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,500}") {
        let _ = Query::parse(&text);
    }

    #[test]
    fn no_words_make_the_reader_panic(text in query_like()) {
        if let Err(error) = Query::parse(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} is no place in {text}", error.span);
        }
    }

    #[test]
    fn no_query_makes_the_engine_panic(text in sensible()) {
        let query = Query::parse(&text).unwrap();
        let _ = evaluated(&text, &Engine::default());
        let printed = query.expr().to_string();
        prop_assert_eq!(Query::parse(&printed).unwrap().expr().to_string(), printed);
    }
}
