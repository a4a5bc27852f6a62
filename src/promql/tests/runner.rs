//! Runs test scripts.
//!
//! Out of scope is, by rule: a case whose query is refused as experimental or as about native histograms (`parse/names.rs` says which
//! these are), and a case whose query selects a series with native histograms, or that expects one. Nothing else is.

use std::collections::BTreeMap;

use crate::promql::{
    Answer, Engine, EvalError, Labels, MatrixSeries, Note, Query, STALE_NAN, Storage, Value, VectorSample,
};

use super::script::{self, Command, Eval, Expected, NoteText, Notes, Point, Series, Times};

/// What became of the cases of a script.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) passed: usize,
    pub(super) out_of_scope: usize,
    /// Each with its line.
    pub(super) failed: Vec<String>,
}

/// Runs all cases of a script.
pub(super) fn run(text: &str, engine: &Engine) -> Outcome {
    let mut outcome = Outcome::default();
    let commands = match script::read(text) {
        Ok(commands) => commands,
        Err(problem) => {
            outcome.failed.push(problem);
            return outcome;
        }
    };
    let mut world = World::default();
    for command in commands {
        match command {
            Command::Clear => world = World::default(),
            Command::Load { every_ms, series } => world.load(every_ms, series),
            Command::Eval(eval) => match world.judge(&eval, engine) {
                Verdict::Passed => outcome.passed += 1,
                Verdict::OutOfScope => outcome.out_of_scope += 1,
                Verdict::Failed(why) => {
                    outcome.failed.push(format!("line {}: {}\n    {why}", eval.line, eval.query));
                }
            },
        }
    }
    outcome
}

enum Verdict {
    Passed,
    OutOfScope,
    Failed(String),
}

#[derive(Default)]
struct World {
    storage: Storage,
    /// A storage of the series that have native histograms, to see which queries select them.
    histograms: Storage,
}

impl World {
    fn load(&mut self, every_ms: i64, series: Vec<Series>) {
        let mut last: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
        for Series { labels, points } in series {
            // Of a series that comes twice the last counts, as in Prometheus's runner.
            last.insert(labels, points);
        }
        for (labels, points) in last {
            if points.contains(&Point::Histogram) {
                self.histograms.series(&labels);
                continue;
            }
            let id = self.storage.series(&labels);
            for (at, point) in (0..).zip(points) {
                let value = match point {
                    Point::None | Point::Histogram => continue,
                    Point::Stale => STALE_NAN,
                    Point::Value(value) => value,
                };
                self.storage.append(id, at * every_ms, value).unwrap();
            }
        }
    }

    fn judge(&self, eval: &Eval, engine: &Engine) -> Verdict {
        let query = match Query::parse(&eval.query) {
            Ok(query) => query,
            Err(refused) => {
                let left_out = refused.message.contains("experimental in Prometheus")
                    || refused.message.contains("is about native histograms");
                return match (left_out, eval.fails) {
                    (true, _) => Verdict::OutOfScope,
                    (false, true) => Verdict::Passed,
                    (false, false) => Verdict::Failed(format!("refused: {refused} at {:?}", refused.span)),
                };
            }
        };
        let selects_histograms =
            query.selectors().iter().any(|at| !self.histograms.select(&at.selector.matchers).is_empty());
        if selects_histograms || expects_histograms(eval) {
            return Verdict::OutOfScope;
        }
        let answer = match eval.times {
            Times::Instant(at) => engine.instant(&query, &self.storage, at),
            Times::Range { start_ms, end_ms, step_ms } => {
                engine.range(&query, &self.storage, start_ms, end_ms, step_ms)
            }
        };
        let checked = check(eval, answer.clone()).and_then(|()| match (answer, eval.times) {
            (Ok(answer), Times::Instant(at)) => self.check_in_range(engine, &query, at, &answer),
            _ => Ok(()),
        });
        match checked {
            Ok(()) => Verdict::Passed,
            Err(why) => Verdict::Failed(why),
        }
    }

    /// A range query has to say at a time what an instant one says there.
    fn check_in_range(&self, engine: &Engine, query: &Query, at: i64, answer: &Answer) -> Result<(), String> {
        let wanted: Vec<VectorSample> = match &answer.value {
            Value::Scalar(value) => vec![VectorSample { labels: Labels::empty(), value: *value }],
            Value::Vector(samples) => samples.clone(),
            Value::Text(_) | Value::Matrix(_) => return Ok(()),
        };
        // `start()` and `end()` are the query's own times.
        if query.text().contains("start()") || query.text().contains("end()") {
            return Ok(());
        }
        let range = engine.range(query, &self.storage, at, at + 60_000, 60_000);
        let Value::Matrix(series) = range.map_err(|error| format!("as a range query: {error}"))?.value else {
            return Err("a range query gave no matrix".to_owned());
        };
        let found = series.iter().filter_map(|series| {
            let (_, value) = series.points.iter().find(|(time, _)| *time == at)?;
            Some(VectorSample { labels: series.labels.clone(), value: *value })
        });
        same_samples(&wanted, &found.collect::<Vec<_>>()).map_err(|why| format!("as a range query: {why}"))
    }
}

fn expects_histograms(eval: &Eval) -> bool {
    match &eval.expected {
        Expected::Series(series) | Expected::RangeVector { series, .. } => series.iter().any(|series| {
            series.points.contains(&Point::Histogram)
                || series.labels.iter().any(|(_, value)| value.starts_with("{count:"))
        }),
        Expected::Scalar(_) | Expected::Text(_) => false,
    }
}

fn check(eval: &Eval, answer: Result<Answer, EvalError>) -> Result<(), String> {
    let answer = match answer {
        Ok(_) if eval.fails => return Err("did not fail".to_owned()),
        Ok(answer) => answer,
        Err(_) if eval.fails => return Ok(()),
        Err(error) => return Err(format!("failed: {error}")),
    };
    check_notes("warning", &eval.query, &eval.warnings, &answer.warnings)?;
    check_notes("info", &eval.query, &eval.infos, &answer.infos)?;
    match (&eval.expected, answer.value) {
        (Expected::Scalar(wanted), Value::Scalar(found)) if close(*wanted, found) => Ok(()),
        (Expected::Text(wanted), Value::Text(found)) if **wanted == *found => Ok(()),
        (Expected::Series(wanted), Value::Vector(found)) => {
            let wanted: Vec<VectorSample> = wanted.iter().map(sample).collect();
            if eval.ordered {
                let order =
                    |samples: &[VectorSample]| samples.iter().map(|s| s.labels.clone()).collect::<Vec<_>>();
                let (wanted, found) = (order(&wanted), order(&found));
                if wanted != found {
                    return Err(format!("order: wanted {wanted:?}, got {found:?}"));
                }
            }
            same_samples(&wanted, &found)
        }
        (Expected::Series(wanted), Value::Matrix(found)) => {
            let Times::Range { start_ms, step_ms, .. } = eval.times else {
                return Err("an instant query gave a matrix".to_owned());
            };
            same_series(wanted, &found, start_ms, step_ms)
        }
        (Expected::RangeVector { start_ms, step_ms, series }, Value::Matrix(found)) => {
            same_series(series, &found, *start_ms, *step_ms)
        }
        (_, found) => Err(format!("got {found:?}")),
    }
}

fn check_notes(kind: &str, query: &str, expected: &Notes, found: &[Note]) -> Result<(), String> {
    let texts: Vec<String> = found.iter().map(|note| as_prometheus_says(kind, query, note)).collect();
    if expected.none && !texts.is_empty() {
        return Err(format!("wanted no {kind}, got {texts:?}"));
    }
    if expected.some.is_empty() {
        return Ok(());
    }
    let fits = |wanted: &NoteText, text: &String| match wanted {
        NoteText::Any => true,
        NoteText::Exactly(wanted) => wanted == text,
        NoteText::Like(pattern) => pattern.is_match(text),
    };
    let all_came = expected.some.iter().all(|wanted| texts.iter().any(|text| fits(wanted, text)));
    let none_else = texts.iter().all(|text| expected.some.iter().any(|wanted| fits(wanted, text)));
    if all_came && none_else { Ok(()) } else { Err(format!("other {kind}s: {texts:?}")) }
}

fn as_prometheus_says(kind: &str, query: &str, note: &Note) -> String {
    let before = &query[..note.span.start];
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    format!("PromQL {kind}: {} ({line}:{column})", note.message)
}

fn sample(series: &Series) -> VectorSample {
    let value = match series.points.first() {
        Some(Point::Value(value)) => *value,
        Some(Point::None | Point::Stale | Point::Histogram) | None => f64::NAN,
    };
    VectorSample { labels: series.labels.clone(), value }
}

fn same_samples(wanted: &[VectorSample], found: &[VectorSample]) -> Result<(), String> {
    let is_in = |sample: &VectorSample, others: &[VectorSample]| {
        others.iter().any(|other| other.labels == sample.labels && close(other.value, sample.value))
    };
    if wanted.len() == found.len() && wanted.iter().all(|sample| is_in(sample, found)) {
        return Ok(());
    }
    Err(format!("wanted {wanted:?}, got {found:?}"))
}

fn same_series(wanted: &[Series], found: &[MatrixSeries], start_ms: i64, step_ms: i64) -> Result<(), String> {
    let points = |series: &Series| {
        let timed = (0..).zip(&series.points).filter_map(|(at, point)| match point {
            Point::Value(value) => Some((start_ms + at * step_ms, *value)),
            Point::None | Point::Stale | Point::Histogram => None,
        });
        timed.collect::<Vec<_>>()
    };
    let same = |a: &[(i64, f64)], b: &[(i64, f64)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
    };
    let all = wanted.len() == found.len()
        && wanted.iter().all(|wanted| {
            found.iter().any(|found| found.labels == wanted.labels && same(&points(wanted), &found.points))
        });
    if all {
        return Ok(());
    }
    let wanted: Vec<_> = wanted.iter().map(|series| (&series.labels, points(series))).collect();
    Err(format!("wanted {wanted:?}, got {found:?}"))
}

/// Equal but for the sixth digit, as Prometheus's runner takes it.
fn close(wanted: f64, found: f64) -> bool {
    if wanted.is_nan() || found.is_nan() {
        return wanted.is_nan() && found.is_nan();
    }
    #[expect(clippy::float_cmp, reason = "infinities, and zero")]
    if wanted == found {
        return true;
    }
    let (difference, size) = ((wanted - found).abs(), wanted.abs() + found.abs());
    if wanted == 0.0 || found == 0.0 {
        difference < 1e-6 * f64::MIN_POSITIVE
    } else {
        difference / size < 1e-6
    }
}
