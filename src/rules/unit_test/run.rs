//! Carries unit tests out: puts the series in, evaluates all rules at each step, compares.

use std::cmp::Ordering;
use std::time::Duration;

use super::difference::{difference, sample_line};
use super::file::{AlertCase, ExpectedAlert, QueryCase, Test, TestFile};
use crate::input::Place;
use crate::promql::{Budget, Engine, Storage, VectorSample};
use crate::rules::alert::AlertState;
use crate::rules::duration::format_duration;
use crate::rules::evaluator::{Evaluator, FailedPart, Settings, vector};

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
    /// Where the expectation is written, or the expression of the rule that could not be evaluated; `None` of a series.
    pub place: Option<Place>,
    /// A line each: `- ` what was expected and did not come, `+ ` what came and was not expected, `  ` what is right.
    pub lines: Vec<String>,
}

/// Carries out all tests of a file, each with storage and rules of its own.
pub fn run_tests(file: &TestFile, engine: &Engine) -> Vec<TestOutcome> {
    // As promtool has it: a subquery steps as the rules do.
    let engine = Engine { subquery_step: file.interval, ..engine.clone() };
    file.tests.iter().map(|test| Run::new(file, test, &engine).outcome()).collect()
}

struct Run<'a> {
    file: &'a TestFile,
    test: &'a Test,
    settings: Settings,
    evaluator: Evaluator,
    storage: Storage,
    failures: Vec<TestFailure>,
}

impl<'a> Run<'a> {
    fn new(file: &'a TestFile, test: &'a Test, engine: &Engine) -> Self {
        let settings = Settings {
            engine: engine.clone(),
            interval: file.interval,
            external_labels: test.external_labels.clone(),
            external_url: test.external_url.clone(),
        };
        let evaluator = Evaluator::new(file.groups.clone(), settings.clone());
        Self { file, test, settings, evaluator, storage: Storage::new(), failures: Vec::new() }
    }

    fn outcome(mut self) -> TestOutcome {
        if self.evaluate() {
            for case in &self.test.queries {
                self.check_query(case);
            }
        }
        TestOutcome { name: self.test.name.clone(), failures: self.failures }
    }

    fn at_ms(&self, at: Duration) -> i64 {
        self.test.start_ms.saturating_add(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
    }

    /// False when a rule could not be evaluated: what follows would tell nothing.
    fn evaluate(&mut self) -> bool {
        let test = self.test;
        let times = test.alerts.iter().map(|case| case.at).chain(test.queries.iter().map(|case| case.at));
        let end = times.max().unwrap_or_default();
        let mut loaded = 0;
        let mut at = Duration::ZERO;
        while at <= end {
            loaded = self.load(loaded, at);
            let at_ms = self.at_ms(at);
            let evaluation = self.evaluator.evaluate_all(&mut self.storage, at_ms);
            let failed: Vec<TestFailure> = evaluation
                .failures
                .iter()
                // A template's error is in the text, where the expectation has a say on it.
                .filter(|failure| failure.part != FailedPart::Template)
                .map(|failure| {
                    let (_, rule) = self.evaluator.rule(failure.rule);
                    let what = format!("the rule `{}` at {}", rule.name, format_duration(at));
                    TestFailure { what, place: Some(rule.expr.clone()), lines: vec![failure.message.clone()] }
                })
                .collect();
            if !failed.is_empty() {
                self.failures.extend(failed);
                return false;
            }
            let next = at + self.file.interval;
            for case in test.alerts.iter().filter(|case| at <= case.at && case.at < next) {
                self.check_alerts(case);
            }
            at = next;
        }
        true
    }

    /// Puts in the values from step `from` on, up to the time `at`; gives the first step that is left.
    fn load(&mut self, from: usize, at: Duration) -> usize {
        let steps = self.test.series.iter().map(|series| series.values.len()).max().unwrap_or_default();
        for step in from..steps {
            let time = self.test.interval * u32::try_from(step).unwrap_or(u32::MAX);
            if time > at {
                return step;
            }
            let at_ms = self.at_ms(time);
            for series in &self.test.series {
                if let Some(Some(value)) = series.values.get(step) {
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
        }
        steps
    }

    fn check_alerts(&mut self, case: &AlertCase) {
        let firing = self.evaluator.active().filter(|(id, alert)| {
            alert.state == AlertState::Firing && self.evaluator.rule(*id).1.name == case.name
        });
        let mut got: Vec<ExpectedAlert> = firing
            .map(|(_, alert)| ExpectedAlert {
                labels: alert.labels.clone(),
                annotations: alert.annotations.clone(),
            })
            .collect();
        let mut expected = case.expected.clone();
        got.sort();
        expected.sort();
        if got != expected {
            self.failures.push(TestFailure {
                what: format!("the alert `{}` at {}", case.name, format_duration(case.at)),
                place: Some(case.place.clone()),
                lines: difference(&expected, &got, |a, b| a == b, alert_lines),
            });
        }
    }

    fn check_query(&mut self, case: &QueryCase) {
        let what = format!("the query `{}` at {}", case.query.text().trim(), format_duration(case.at));
        let place = Some(case.place.clone());
        let mut budget = Budget::new(self.settings.engine.limits.max_samples_together);
        match vector(&self.settings, &case.query, &self.storage, self.at_ms(case.at), &mut budget) {
            Err(error) => self.failures.push(TestFailure { what, place, lines: vec![error] }),
            Ok(mut got) => {
                let mut expected = case.expected.clone();
                let by_labels = |a: &VectorSample, b: &VectorSample| a.labels.cmp(&b.labels);
                got.sort_by(by_labels);
                expected.sort_by(by_labels);
                let same = |a: &VectorSample, b: &VectorSample| {
                    a.labels == b.labels && same_value(a.value, b.value, self.file.fuzzy)
                };
                let all_same =
                    got.len() == expected.len() && got.iter().zip(&expected).all(|(a, b)| same(a, b));
                if !all_same {
                    let lines = difference(&expected, &got, same, |sample| vec![sample_line(sample)]);
                    self.failures.push(TestFailure { what, place, lines });
                }
            }
        }
    }
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
