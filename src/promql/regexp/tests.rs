//! Patterns by themselves. `tests/it/regexes.rs` holds them against Prometheus.

use super::*;

#[track_caller]
fn check(pattern: &str, fits: &[&str], fits_not: &[&str]) {
    let compiled = Regexp::anchored(pattern).unwrap();
    for text in fits {
        assert!(compiled.is_match(text), "`{pattern}` fits `{text}`");
    }
    for text in fits_not {
        assert!(!compiled.is_match(text), "`{pattern}` does not fit `{text}`");
    }
}

#[test]
fn patterns_mean_what_they_mean_in_go() {
    check("a|b", &["a", "b"], &["ab", "xa", ""]);
    check("a.c", &["a\nc", "abc"], &["ac"]);
    check("\\d+", &["12"], &["١٢", ""]);
    check("[\\w.-]+", &["a-b.c_1"], &["ä"]);
    check("a{b}", &["a{b}"], &["ab"]);
    check("a{2,3}", &["aa", "aaa"], &["a"]);
    check("a{,3}", &["a{,3}"], &["aa"]);
    check("a{02}", &["a{02}"], &["aa"]);
    check("\\Qa.b\\E+", &["a.bb"], &["axb"]);
    check("[]a]+", &["]a"], &["b"]);
    check("[^]a]+", &["b"], &["]"]);
    check("[[a]+", &["[a"], &["b"]);
    check("[[a]b]", &["[b]", "ab]"], &["a"]);
    check("[[:alpha:]_]+", &["ab_"], &["1"]);
    check("[a&&b]+", &["a&b"], &["c"]);
    check("[+--b]", &["+", "-", "b"], &["."]);
    check("(?i:PRO).*", &["production"], &["canary"]);
    check("(?i)k\\w", &["\u{212a}ſ", "KS"], &["kä"]);
    check("\\bx\\b", &["x"], &["xx"]);
    check("\\<x\\>", &["<x>"], &["x"]);
    check("ä\\Bö", &["äö"], &[]);
    check("\\07\\x{41}", &["\u{7}A"], &["7A"]);
    check("(?P<1>a){0}b", &["b"], &["ab"]);
    check("a(?i)*", &["", "aa"], &["A"]);
    check("\\x{d800}|[\\x{d7ff}-\\x{e000}]", &["\u{e000}"], &["a", ""]);
    check(".*?", &["", "a"], &[]);
}

#[test]
fn groups_are_written_where_a_template_names_them() {
    let expanded = |pattern: &str, text: &str, template: &str| {
        let pattern = Regexp::new(pattern).unwrap();
        let mut made = String::new();
        pattern.expand(&pattern.captures(text).unwrap(), template, &mut made);
        made
    };
    assert_eq!(expanded("(.)(?P<1a>.)", "xy", "$2-${1}-$1a-$0-$$1-$9-${1"), "y-x-y-xy-$1--${1");
    assert_eq!(expanded("(a){0}(b)", "b", "<$1|$2>"), "<|b>", "a group that is never there has a number");
    assert_eq!(expanded("(?P<n>a)?(?P<n>b)", "b", "$n $né $01 $"), "b   $");
}

#[test]
fn what_go_refuses_is_refused_with_the_way_out() {
    for (pattern, message, help) in [
        ("a(b", "a `(` is never closed", "`[(]`"),
        ("a)b", "a `)` closes nothing", "`[)]`"),
        ("(?i", "a `(` is never closed", "`[(]`"),
        ("*a", "`*` repeats nothing", "`[*]`"),
        ("a|{2}", "`{2}` repeats nothing", "`[{]`"),
        ("a**", "`**` repeats a repetition", "`(?:a*)*`"),
        ("a{2}{3}?", "`{2}{3}?` repeats a repetition", "`(?:a*)*`"),
        ("a{3,2}", "`{3,2}` ends before it begins", "smaller number first"),
        ("\\u00e9", "no escape `\\u`", "`\\x{e9}`"),
        ("\\x{110000}", "no escape `\\x{110000`", "`\\x{e9}`"),
        ("(a)\\1", "no escape `\\1`", "references back"),
        ("\\h", "no escape `\\h`", "any punctuation"),
        ("a\\", "ends with a backslash", "`\\x5c`"),
        ("[z-a]", "`z-a` ends before it begins", "lower end first"),
        ("[[:foo:]]", "no class `[:foo:]`", "`[:alnum:]`"),
        ("\\p{Alphabetic}", "no class `\\p{Alphabetic}`", "`\\p{Greek}`"),
        ("\\p{Grek}", "no class `\\p{Grek}`", "`\\p{Greek}`"),
        ("[a", "the class `[a` is never closed", "`[[]`"),
        ("(?P<a b>x)", "the group `(?P<a b>` has no proper name", "digits and `_`"),
        ("(?x)a", "no group `(?x`", "neither ahead nor behind"),
        ("(?<=a)b", "no group `(?<`", "neither ahead nor behind"),
        ("(?:\\pL{100}){10}", "asks for too much memory", "shorter"),
    ] {
        let error = Regexp::anchored(pattern).unwrap_err();
        assert!(error.to_string().contains(message), "{pattern}: {error}");
        assert!(error.help().contains(help), "{pattern}: {}", error.help());
    }
}

// As Go's `repeatIsValid` and `checkHeight` have it.
#[test]
fn repetitions_and_depth_have_the_limits_of_go() {
    for (bomb, refused) in [
        ("a{1001}", "`{1001}` is above 1000"),
        ("a{2,1001}", "`{2,1001}` is above 1000"),
        ("a{1001,}", "`{1001,}` is above 1000"),
        ("(a{100}){100}", "`{100}` and those inside it come to more than 1000"),
        ("((((a{100}){100}){100}){100})", "`{100}` and those inside it come to more than 1000"),
        ("(?:[a-z]{1000}){2,}", "`{2,}` and those inside it come to more than 1000"),
        ("(b|(a{34}c){30})", "`{30}` and those inside it come to more than 1000"),
    ] {
        let error = Regexp::anchored(bomb).unwrap_err().to_string();
        assert!(error.contains(refused), "{bomb}: {error}");
    }
    for good in
        ["a{1000}", "(a{10}){100}", "(a{500}b{500}){2}", "(a{1000})*", "(a{1000}){0,1}", "(a{1000}){0}"]
    {
        Regexp::anchored(good).unwrap();
    }
    let nested = |open: &str, depth: usize| format!("{}a{}", open.repeat(depth), ")".repeat(depth));
    assert!(Regexp::anchored(&nested("(", 998)).unwrap().is_match("a"));
    assert!(Regexp::anchored(&nested("(?:", 5000)).unwrap().is_match("a"));
    let error = Regexp::anchored(&nested("(", 999)).unwrap_err();
    assert!(error.to_string().contains("more than 1000 parts inside each other"), "{error}");
}
