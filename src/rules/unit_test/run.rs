//! Carries unit tests out: puts the series in, evaluates all rules at each step, compares.

use std::cmp::Ordering;
use std::time::Duration;

use super::bill::{self, Bill};
use super::difference::{difference, sample_line};
use super::file::{AlertCase, ExpectedAlert, QueryCase, Test, TestFile};
use crate::input::Place;
use crate::promql::{Engine, Storage, VectorSample};
use crate::rules::alert::AlertState;
use crate::rules::duration::format_duration;
use crate::rules::evaluator::{Evaluator, FailedPart, Failure, Settings, vector};

/// What came of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestOutcome {
    /// The test's name.
    pub name: String,
    /// What was not as expected; nothing when it passed.
    pub failures: Vec<TestFailure>,
}

/// Something that was not as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct TestFailure {
    /// What was looked at, when: "the alert `X` at 5m". May hold what a series says.
    pub what: String,
    /// Where the expectation is written, or the part of the rule or query that failed; `None` of a series.
    pub place: Option<Place>,
    /// A line each: `- ` what was expected and did not come, `+ ` what came and was not expected, `  ` what is right,
    /// `! ` what else failed.
    pub lines: Vec<String>,
}

/// What it costs to set up a rule for a test, to go by a series of a test at a step, to put a value in, to look at an alert or a
/// sample beside what is expected, to compare two of them, and to tell a byte of what differs, counted in samples.
const RULE: u64 = 2_000;
const SERIES: u64 = 4;
const VALUE: u64 = 100;
const LOOK: u64 = 32;
const FOUND: u64 = 1_000;
const PAIR: u64 = 32;
const TOLD_BYTE: u64 = 100;

/// Carries out all tests of a file, each with storage and rules of its own. Together they may cost so much; those that are left when
/// that is spent fail.
pub fn run_tests(file: &TestFile, engine: &Engine) -> Vec<TestOutcome> {
    run_within(file, engine, bill::limit_of(file))
}

/// [`run_tests`] with another limit, counted in samples.
pub(in crate::rules) fn run_within(file: &TestFile, engine: &Engine, limit: u64) -> Vec<TestOutcome> {
    // As promtool has it: a subquery steps as the rules do.
    let engine = Engine { subquery_step: file.interval, ..engine.clone() };
    let mut bill = Bill::new(limit);
    let mut over: Option<&str> = None;
    let outcomes = file.tests.iter().map(|test| {
        if let Some(spender) = over {
            let why = format!("the limit of all tests of a file was reached in `{spender}`");
            let failure = TestFailure { what: "not carried out".to_owned(), place: None, lines: vec![why] };
            return TestOutcome { name: test.name.clone(), failures: vec![failure] };
        }
        let outcome = Run::new(file, test, &engine, &mut bill).outcome();
        over = bill.budget.is_spent().then_some(&test.name);
        outcome
    });
    outcomes.collect()
}

struct Run<'a> {
    file: &'a TestFile,
    test: &'a Test,
    settings: Settings,
    evaluator: Evaluator,
    storage: Storage,
    failures: Vec<TestFailure>,
    bill: &'a mut Bill,
    /// The most values that one series has.
    steps: usize,
    /// The failures of templates at the last evaluation.
    of_templates: Vec<Failure>,
}

/// All that the tests of the file may cost is used up.
struct Spent;

impl<'a> Run<'a> {
    fn new(file: &'a TestFile, test: &'a Test, engine: &Engine, bill: &'a mut Bill) -> Self {
        let settings = Settings {
            engine: engine.clone(),
            interval: file.interval,
            external_labels: test.external_labels.clone(),
            external_url: test.external_url.clone(),
            ..Settings::default()
        };
        Self {
            file,
            test,
            evaluator: Evaluator::within(file.groups.clone(), settings.clone(), bill.budget),
            settings,
            storage: Storage::new(),
            failures: Vec::new(),
            bill,
            steps: test.series.iter().map(|series| series.values.len()).max().unwrap_or_default(),
            of_templates: Vec::new(),
        }
    }

    fn outcome(mut self) -> TestOutcome {
        let before = self.bill.budget;
        let (mut what, mut place) = (String::new(), None);
        let rules: usize = self.file.groups.iter().map(|group| group.rules.len()).sum();
        let mut goes_on = self.spend(rules as u64 * RULE).and_then(|()| self.evaluate(&mut what, &mut place));
        for case in &self.test.queries {
            if !matches!(goes_on, Ok(true)) {
                break;
            }
            what = query_words(case);
            place = Some(case.expr.clone());
            goes_on = self.check_query(case).map(|()| true);
        }
        self.bill.rules(self.evaluator.used());
        self.bill.budget = self.evaluator.budget();
        self.bill.test(&self.test.name, before.left() - self.bill.budget.left());
        if self.bill.budget.is_spent() {
            let lines = self.bill.words(self.file);
            self.failures.push(TestFailure { what, place, lines });
        }
        TestOutcome { name: self.test.name.clone(), failures: self.failures }
    }

    fn spend(&mut self, units: u64) -> Result<(), Spent> {
        self.evaluator.settle(units);
        if self.evaluator.budget().is_spent() { Err(Spent) } else { Ok(()) }
    }

    fn at_ms(&self, at: Duration) -> i64 {
        self.test.start_ms.saturating_add(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
    }

    /// False when a rule could not be evaluated: what follows would tell nothing. What is done last is told in `what` and `place`.
    fn evaluate(&mut self, what: &mut String, place: &mut Option<Place>) -> Result<bool, Spent> {
        let test = self.test;
        let times = test.alerts.iter().map(|case| case.at).chain(test.queries.iter().map(|case| case.at));
        let end = times.max().unwrap_or_default();
        let mut loaded = 0;
        let mut at = Duration::ZERO;
        while at <= end {
            "the series".clone_into(what);
            loaded = self.load(loaded, at)?;
            let at_ms = self.at_ms(at);
            let evaluation = self.evaluator.evaluate_all(&mut self.storage, at_ms);
            // A template's error is in the text, where the expectation has a say on it.
            let (of_templates, failed): (Vec<Failure>, Vec<Failure>) =
                evaluation.failures.into_iter().partition(|failure| failure.part == FailedPart::Template);
            self.of_templates = of_templates;
            if self.evaluator.budget().is_spent() {
                let first = failed.first().map(|failure| self.rule_failure(failure, at));
                (*what, *place) = first.map_or_else(Default::default, |first| (first.what, first.place));
                return Err(Spent);
            }
            if !failed.is_empty() {
                let failed: Vec<TestFailure> =
                    failed.iter().map(|failure| self.rule_failure(failure, at)).collect();
                self.failures.extend(failed);
                return Ok(false);
            }
            let next = at + self.file.interval;
            for case in test.alerts.iter().filter(|case| at <= case.at && case.at < next) {
                (*what, *place) = (alert_words(case), Some(case.place.clone()));
                self.check_alerts(case)?;
            }
            at = next;
        }
        Ok(true)
    }

    fn rule_failure(&self, failure: &Failure, at: Duration) -> TestFailure {
        let (_, rule) = self.evaluator.rule(failure.rule);
        TestFailure {
            what: format!("the rule `{}` at {}", rule.name, format_duration(at)),
            place: Some(failure.place.clone()),
            lines: vec![failure.message.clone()],
        }
    }

    /// Puts in the values from step `from` on, up to the time `at`; gives the first step that is left.
    fn load(&mut self, from: usize, at: Duration) -> Result<usize, Spent> {
        for step in from..self.steps {
            let time = self.test.interval * u32::try_from(step).unwrap_or(u32::MAX);
            if time > at {
                return Ok(step);
            }
            let at_ms = self.at_ms(time);
            self.spend(self.test.series.len() as u64 * SERIES)?;
            let mut put_in = 0;
            for series in &self.test.series {
                if let Some(Some(value)) = series.values.get(step) {
                    put_in += VALUE;
                    let id = self.storage.series(&series.labels);
                    if let Err(error) = self.storage.append(id, at_ms, *value) {
                        self.failures.push(TestFailure {
                            what: format!("the series `{}` at {}", series.labels, format_duration(time)),
                            place: None,
                            lines: vec![error.to_string()],
                        });
                    }
                }
            }
            self.spend(put_in)?;
        }
        Ok(self.steps)
    }

    fn check_alerts(&mut self, case: &AlertCase) -> Result<(), Spent> {
        let mut cost = 0;
        let mut got = Vec::new();
        for (id, alert) in self.evaluator.active() {
            cost += LOOK;
            if alert.state == AlertState::Firing && self.evaluator.rule(id).1.name == case.name {
                let bytes: usize = alert.annotations.values().map(String::len).sum();
                cost += FOUND + bytes as u64;
                let (labels, annotations) = (alert.labels.clone(), alert.annotations.clone());
                got.push(ExpectedAlert { labels, annotations });
            }
        }
        self.spend(cost)?;
        let mut expected = case.expected.clone();
        got.sort();
        expected.sort();
        if got == expected {
            return Ok(());
        }
        self.spend((got.len() as u64 * expected.len() as u64).saturating_mul(PAIR))?;
        let mut lines = difference(&expected, &got, |a, b| a == b, alert_lines);
        let of_templates = self.of_templates.iter();
        let of_case = of_templates.filter(|failure| self.evaluator.rule(failure.rule).1.name == case.name);
        for Failure { place, message, .. } in of_case {
            lines.push(format!("! the template at {place}:{} fails: {message}", place.column()));
            lines.push("! correct it there, or expect the text of the error".to_owned());
        }
        self.tell(TestFailure { what: alert_words(case), place: Some(case.place.clone()), lines })
    }

    fn tell(&mut self, failure: TestFailure) -> Result<(), Spent> {
        let bytes: usize = failure.lines.iter().map(String::len).sum();
        self.failures.push(failure);
        self.spend(bytes as u64 * TOLD_BYTE)
    }

    fn check_query(&mut self, case: &QueryCase) -> Result<(), Spent> {
        let mut budget = self.evaluator.budget();
        let before = budget.left();
        let asked = vector(&self.settings, &case.query, &self.storage, self.at_ms(case.at), &mut budget);
        let used = before - budget.left();
        self.bill.query(&case.expr, used);
        self.spend(used)?;
        let what = query_words(case);
        let mut got = match asked {
            Err(error) => {
                let part = error.span.and_then(|span| case.expr.inside(case.query.text(), span));
                let place = Some(part.unwrap_or_else(|| case.expr.clone()));
                return self.tell(TestFailure { what, place, lines: vec![error.message] });
            }
            Ok(got) => got,
        };
        let mut expected = case.expected.clone();
        self.spend((got.len() + expected.len()) as u64 * FOUND)?;
        let by_labels = |a: &VectorSample, b: &VectorSample| a.labels.cmp(&b.labels);
        got.sort_by(by_labels);
        expected.sort_by(by_labels);
        let fuzzy = self.file.fuzzy;
        let same =
            |a: &VectorSample, b: &VectorSample| a.labels == b.labels && same_value(a.value, b.value, fuzzy);
        if got.len() == expected.len() && got.iter().zip(&expected).all(|(a, b)| same(a, b)) {
            return Ok(());
        }
        self.spend((got.len() as u64 * expected.len() as u64).saturating_mul(PAIR))?;
        let lines = difference(&expected, &got, same, |sample| vec![sample_line(sample)]);
        self.tell(TestFailure { what, place: Some(case.place.clone()), lines })
    }
}

fn alert_words(case: &AlertCase) -> String {
    format!("the alert `{}` at {}", case.name, format_duration(case.at))
}

fn query_words(case: &QueryCase) -> String {
    format!("the query `{}` at {}", case.query.text().trim(), format_duration(case.at))
}

fn same_value(a: f64, b: f64, fuzzy: bool) -> bool {
    // No number is what a test that expects no number means.
    let same = |a: f64, b: f64| a.partial_cmp(&b) == Some(Ordering::Equal);
    same(a, b) || (a.is_nan() && b.is_nan()) || (fuzzy && (same(a.next_up(), b) || same(a.next_down(), b)))
}

fn alert_lines(alert: &ExpectedAlert) -> Vec<String> {
    // An end of line too many is a mistake that wants to be seen.
    let visible = |text: &str| text.replace('\n', "\\n").replace('\t', "\\t");
    let annotations = alert.annotations.iter().map(|(name, text)| format!("    {name}: {}", visible(text)));
    std::iter::once(alert.labels.to_string()).chain(annotations).collect()
}
