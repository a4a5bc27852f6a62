//! A unit-test file as written: every mistake at once, in its place; and the rule files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::series::{MOST_VALUES_OF_FILE, Mistake, read_labels, read_values};
use crate::input::{Field, Fields, Files, Place, Problem, Problems, Source, Value, parse, quoted};
use crate::promql::{Labels, Query, VectorSample};
use crate::rules::duration::format_duration;
use crate::rules::fields::{duration, pairs, place_in, query, some_string, string};
use crate::rules::file::{optional_string, read_at};
use crate::rules::rule::Group;

/// How often the rules of a file are evaluated at the most, over all its tests, whatever their
/// queries cost. A choice, not a measurement: a week by the minute with 490 rules is below it.
const MOST_EVALUATIONS: u64 = 5_000_000;

/// A unit-test file and the rules that it is about.
#[derive(Debug)]
pub struct TestFile {
    /// All groups, in the order in which they are evaluated.
    pub groups: Vec<Group>,
    /// The tests, in the order of the file.
    pub tests: Vec<Test>,
    /// The time between evaluations.
    pub(super) interval: Duration,
    /// Values may differ by the last bit.
    pub(super) fuzzy: bool,
}

/// One test: what is put in, and what is expected.
#[derive(Debug)]
pub struct Test {
    /// As the file has it, or its number.
    pub name: String,
    /// The time between values of the series.
    pub(super) interval: Duration,
    pub(super) series: Vec<InputSeries>,
    pub(super) alerts: Vec<AlertCase>,
    pub(super) queries: Vec<QueryCase>,
    pub(super) external_labels: Labels,
    pub(super) external_url: String,
    /// When the series begin, in milliseconds since 1970.
    pub(super) start_ms: i64,
}

#[derive(Debug)]
pub(super) struct InputSeries {
    pub labels: Labels,
    pub values: Vec<Option<f64>>,
}

/// The alerts of one name that are to fire at one time; no others of that name may.
#[derive(Debug)]
pub(super) struct AlertCase {
    pub at: Duration,
    pub name: String,
    pub expected: Vec<ExpectedAlert>,
    pub place: Place,
    /// Where `at` is written.
    pub when: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExpectedAlert {
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
}

/// What a query is to give at one time.
#[derive(Debug)]
pub(super) struct QueryCase {
    pub at: Duration,
    pub query: Query,
    pub expected: Vec<VectorSample>,
    pub place: Place,
    /// Where the query is written.
    pub expr: Place,
    /// Where `at` is written.
    pub when: Place,
}

/// The tests of the file at `path`, with what is only warned of. The rule files that it names are relative to its folder.
///
/// # Errors
/// Every mistake in it, and in the rule files.
pub fn load_tests(path: &Path, files: Files<'_>) -> Result<(TestFile, Problems), Problems> {
    let mut problems = Problems::new();
    let name = path.to_string_lossy();
    let nowhere = Place::whole(&Source::new(name.clone(), ""));
    let paths = [path.to_owned()];
    let read = files.read_first(&paths, &nowhere, &mut problems).map(|(_, text)| Source::new(name, text));
    let file = read.and_then(|source| read_file(&source, path, files, &mut problems));
    problems.into_result(file)
}

fn read_file(
    source: &Arc<Source>,
    path: &Path,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<TestFile> {
    let root = parse(source, problems)?;
    let mut fields = Fields::of(&root, "a unit-test file", problems)?;
    if let Some(place) = fields.place_of_any(&["groups"]) {
        problems.push(
            Problem::error(place, "this is a rule file, not a unit test of one")
                .help("check it with `gander rules check FILE`"),
        );
        return None;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut groups = Vec::new();
    for item in items(fields.optional("rule_files"), problems) {
        if let Some(written) = some_string(item, problems) {
            for path in matching(&folder.join(&written), item, files, problems) {
                groups.extend(read_at(&path, &item.node.place, files, problems));
            }
        }
    }
    let interval = fields.optional("evaluation_interval").and_then(|field| duration(field, problems));
    let interval = interval.filter(|interval| !interval.is_zero()).unwrap_or(Duration::from_secs(60));
    let order = read_order(fields.optional("group_eval_order"), problems);
    // Groups that are not named are as early as the first.
    groups.sort_by_key(|group| order.get(&group.name).copied().unwrap_or_default());
    let fuzzy = fields.optional("fuzzy_compare").and_then(|field| field.flag(problems)).unwrap_or_default();
    let tests = items(fields.optional("tests"), problems);
    let tests = tests.into_iter().enumerate();
    let mut left = MOST_VALUES_OF_FILE;
    let tests: Vec<Test> =
        tests.filter_map(|(i, item)| read_test(item, i, interval, &mut left, problems)).collect();
    fields.finish(problems);
    check_evaluations(&groups, &tests, interval, problems);
    if tests.is_empty() && !problems.has_errors() {
        problems.push(Problem::warning(&root.place, "there is no test in this file"));
    }
    Some(TestFile { groups, tests, interval, fuzzy })
}

/// Refuses tests that ask for more evaluations than can be waited for, before any is begun.
fn check_evaluations(groups: &[Group], tests: &[Test], interval: Duration, problems: &mut Problems) {
    let rules: usize = groups.iter().map(|group| group.rules.len()).sum();
    let mut so_far = 0_u64;
    for test in tests {
        let alerts = test.alerts.iter().map(|case| (case.at, &case.when));
        let queries = test.queries.iter().map(|case| (case.at, &case.when));
        let Some((end, place)) = alerts.chain(queries).max_by_key(|(at, _)| *at) else { continue };
        // Each expectation is looked for at each time, too.
        let each = rules + test.alerts.len();
        let times = u64::try_from(end.as_nanos() / interval.as_nanos().max(1) + 1).unwrap_or(u64::MAX);
        so_far = so_far.saturating_add(times.saturating_mul(each.max(1) as u64));
        if so_far > MOST_EVALUATIONS {
            let rules = if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") };
            let message = format!(
                "{rules} at {times} times up to {} bring the file to more than {MOST_EVALUATIONS} evaluations",
                format_duration(end)
            );
            let help = "write an earlier `eval_time` or a longer `evaluation_interval`, or split the file";
            problems.push(Problem::error(place, message).help(help));
            return;
        }
    }
}

fn items<'n>(field: Option<Field<'n>>, problems: &mut Problems) -> Vec<Field<'n>> {
    match field {
        Some(field) if !matches!(field.node.value, Value::Null) => field.items(problems).collect(),
        _ => Vec::new(),
    }
}

fn read_order(field: Option<Field<'_>>, problems: &mut Problems) -> BTreeMap<String, usize> {
    let mut order = BTreeMap::new();
    for (i, item) in items(field, problems).into_iter().enumerate() {
        let Some(name) = some_string(item, problems) else { continue };
        if order.insert(name.clone(), i).is_some() {
            item.wrong(format!("{} is named twice", quoted(&name)), "name each group once", problems);
        }
    }
    order
}

/// The files that a path with `*` and `?` in its last part stands for; any other path is itself.
fn matching(path: &Path, item: Field<'_>, files: Files<'_>, problems: &mut Problems) -> Vec<PathBuf> {
    let pattern = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !pattern.contains(['*', '?']) {
        return vec![path.to_owned()];
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let pattern: Vec<char> = pattern.chars().collect();
    let mut names = (files.names)(folder);
    names.retain(|name| fits(&name.chars().collect::<Vec<_>>(), &pattern));
    names.sort();
    if names.is_empty() {
        problems.push(
            Problem::warning(&item.node.place, "no file matches this pattern")
                .help("it is relative to the folder of this file"),
        );
    }
    names.into_iter().map(|name| path.with_file_name(name)).collect()
}

fn fits(name: &[char], pattern: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => (0..=name.len()).any(|from| fits(&name[from..], rest)),
        (Some(('?', rest)), Some((_, name))) => fits(name, rest),
        (Some((c, rest)), Some((first, name))) => c == first && fits(name, rest),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// `left` is how many values the series may still have.
fn read_test(
    item: Field<'_>,
    number: usize,
    default: Duration,
    left: &mut usize,
    problems: &mut Problems,
) -> Option<Test> {
    let mut fields = Fields::of(item.node, "a test", problems)?;
    let name = optional_string(&mut fields, "name", problems);
    let interval = fields.optional("interval").and_then(|field| duration(field, problems));
    let series = items(fields.optional("input_series"), problems);
    let series = series.into_iter().filter_map(|item| read_series(item, left, problems)).collect();
    let alerts = items(fields.optional("alert_rule_test"), problems);
    let alerts = alerts.into_iter().filter_map(|item| read_alert_case(item, problems)).collect();
    let queries = items(fields.optional("promql_expr_test"), problems);
    let queries = queries.into_iter().filter_map(|item| read_query_case(item, problems)).collect();
    let external_labels = fields.optional("external_labels").map(|field| labels_of(field, problems));
    let external_url = optional_string(&mut fields, "external_url", problems);
    let start = fields.optional("start_timestamp").and_then(|field| read_time(field, problems));
    fields.finish(problems);
    Some(Test {
        name: if name.is_empty() { format!("test {}", number + 1) } else { name },
        interval: interval.filter(|interval| !interval.is_zero()).unwrap_or(default),
        series,
        alerts,
        queries,
        external_labels: external_labels.unwrap_or(Labels::empty()),
        external_url,
        start_ms: start.unwrap_or_default(),
    })
}

fn labels_of(field: Field<'_>, problems: &mut Problems) -> Labels {
    Labels::from_pairs(pairs(field, problems).into_iter().map(|(name, (text, _))| (name, text)))
}

fn read_time(field: Field<'_>, problems: &mut Problems) -> Option<i64> {
    let text = string(field, problems)?;
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    #[expect(clippy::cast_possible_truncation, reason = "a time that is too far away ends at the last one")]
    let time = seconds
        .map(|seconds| (seconds * 1000.0).round() as i64)
        .or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond));
    if time.is_none() {
        field.wrong(
            format!("{} is no time", quoted(&text)),
            "write seconds since 1970, or `2026-01-02T15:04:05Z`",
            problems,
        );
    }
    time
}

fn read_series(item: Field<'_>, left: &mut usize, problems: &mut Problems) -> Option<InputSeries> {
    let mut fields = Fields::of(item.node, "a series", problems)?;
    let labels = fields.required("series", problems).and_then(|field| noted(field, read_labels, problems));
    let read = |text: &str| read_values(text, *left);
    let values = fields.optional("values").map(|field| noted(field, read, problems));
    fields.finish(problems);
    let values = values.unwrap_or_else(|| Some(Vec::new()))?;
    *left -= values.len();
    Some(InputSeries { labels: labels?, values })
}

/// What `read` makes of the field's text; a mistake is shown inside it.
fn noted<T>(
    field: Field<'_>,
    read: impl Fn(&str) -> Result<T, Mistake>,
    problems: &mut Problems,
) -> Option<T> {
    let text = string(field, problems)?;
    match read(&text) {
        Ok(value) => Some(value),
        Err((message, span)) => {
            let (place, message) = place_in(field, &text, &span, &message);
            problems.push(Problem::error(&place, format!("`{}`: {message}", field.name)).help(
                "write a series like `up{job=\"x\"}`, and values like `1 2 3`, `0+10x5`, `_` or `stale`",
            ));
            None
        }
    }
}

/// When an expectation is looked at, and where that is written.
fn read_eval_time(fields: &mut Fields<'_>, item: Field<'_>, problems: &mut Problems) -> (Duration, Place) {
    let field = fields.optional("eval_time");
    let place = field.map_or(&item.node.place, |field| &field.node.place).clone();
    (field.and_then(|field| duration(field, problems)).unwrap_or_default(), place)
}

fn read_alert_case(item: Field<'_>, problems: &mut Problems) -> Option<AlertCase> {
    let mut fields = Fields::of(item.node, "an alert test", problems)?;
    let (at, when) = read_eval_time(&mut fields, item, problems);
    let name = fields.required("alertname", problems).and_then(|field| some_string(field, problems));
    let mut expected = Vec::new();
    for item in items(fields.optional("exp_alerts"), problems) {
        let Some(mut alert) = Fields::of(item.node, "an expected alert", problems) else { continue };
        let labels = alert.optional("exp_labels").map(|field| labels_of(field, problems));
        let annotations = alert.optional("exp_annotations").map(|field| pairs(field, problems));
        alert.finish(problems);
        let labels = labels.unwrap_or(Labels::empty());
        expected.push(ExpectedAlert {
            // Nobody has to write it down.
            labels: name.iter().fold(labels, |labels, name| labels.with("alertname", name)),
            annotations: annotations
                .unwrap_or_default()
                .into_iter()
                .map(|(name, (text, _))| (name, text))
                .collect(),
        });
    }
    fields.finish(problems);
    Some(AlertCase { at, name: name?, expected, place: item.node.place.clone(), when })
}

fn read_query_case(item: Field<'_>, problems: &mut Problems) -> Option<QueryCase> {
    let mut fields = Fields::of(item.node, "a query test", problems)?;
    let field = fields.required("expr", problems);
    let expr = field.map_or(&item.node.place, |field| &field.node.place).clone();
    let query = field.and_then(|field| query(field, problems));
    let (at, when) = read_eval_time(&mut fields, item, problems);
    let mut expected = Vec::new();
    for item in items(fields.optional("exp_samples"), problems) {
        let Some(mut sample) = Fields::of(item.node, "an expected sample", problems) else { continue };
        let labels = sample.optional("labels").map(|field| noted(field, read_labels, problems));
        let value = sample.optional("value").map(|field| read_value(field, problems));
        if let Some(field) = sample.optional("histogram") {
            field.wrong("native histograms are not known here", "remove it", problems);
        }
        sample.finish(problems);
        if let Some(labels) = labels.unwrap_or(Some(Labels::empty())) {
            expected.push(VectorSample { labels, value: value.flatten().unwrap_or_default() });
        }
    }
    fields.finish(problems);
    Some(QueryCase { at, query: query?, expected, place: item.node.place.clone(), expr, when })
}

/// A number of YAML, the special ones included.
fn read_value(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let text = string(field, problems)?;
    let value = match text.to_lowercase().as_str() {
        ".inf" | "+.inf" => Some(f64::INFINITY),
        "-.inf" => Some(f64::NEG_INFINITY),
        ".nan" => Some(f64::NAN),
        plain => plain.parse().ok(),
    };
    if value.is_none() {
        field.wrong(format!("{} is no number", quoted(&text)), "write a number, `.inf` or `.nan`", problems);
    }
    value
}
