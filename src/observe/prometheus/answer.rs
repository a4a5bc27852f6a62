//! What a Prometheus answers, read strictly: pure functions from bytes to values.
//!
//! Whoever answers may be anybody: what does not have the form is refused in words, and nothing is taken on trust.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::metrics::FetchedSeries;
use crate::model::{Labels, TheirAlert, TheirRule, TheirState, clean_text, parse_duration};

/// Times of day are less than this, in seconds: the year 5138.
const LATEST: f64 = 1e11;

/// Why there is nothing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody answered: no other question is worth asking now.
    NoAnswer(String),
    /// The answer, or the work for it, is too much for one question.
    TooMuch,
    /// It was answered, with an error or with something else.
    Refused(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(why) | Self::Refused(why) => f.write_str(why),
            Self::TooMuch => f.write_str("the answer is too large"),
        }
    }
}

/// Samples of a selector.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Matrix {
    pub(super) series: Vec<FetchedSeries>,
    /// How many series have native histograms, which are left out.
    pub(super) histograms: usize,
}

#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(default)]
    error: String,
    #[serde(default, rename = "errorType")]
    error_type: String,
}

/// The `data` of an answer with this HTTP status.
fn data<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, Trouble> {
    let read: Result<Envelope<T>, _> = serde_json::from_slice(body);
    let envelope = match read {
        Ok(envelope) => envelope,
        Err(_) if matches!(status, 502..=504) => {
            return Err(Trouble::NoAnswer(format!("HTTP {status}")));
        }
        Err(_) if status != 200 => return Err(Trouble::Refused(format!("HTTP {status}"))),
        Err(error) => {
            let why = format!("not an answer of a Prometheus: {error}");
            return Err(Trouble::Refused(clean_text(&why)));
        }
    };
    match envelope.data.filter(|_| status == 200 && envelope.status == "success") {
        Some(data) => Ok(data),
        None if envelope.error.contains("too many samples") => Err(Trouble::TooMuch),
        None if envelope.error.is_empty() => Err(Trouble::Refused(format!("HTTP {status} without a result"))),
        None => {
            let kind = if envelope.error_type.is_empty() { "error" } else { &envelope.error_type };
            Err(Trouble::Refused(clean_text(&format!("{kind}: {}", envelope.error))))
        }
    }
}

#[derive(Deserialize)]
struct QueryData {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, Number)>,
    #[serde(default)]
    histograms: Vec<IgnoredAny>,
}

/// A value as Prometheus prints it, in a string.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NumberVisitor)
    }
}

struct NumberVisitor;

impl serde::de::Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
        text.parse().map(Number).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

/// The samples of a range selector.
pub(super) fn matrix(status: u16, body: &[u8]) -> Result<Matrix, Trouble> {
    let QueryData { kind, result } = data(status, body)?;
    if kind != "matrix" {
        return Err(Trouble::Refused(clean_text(&format!("a {kind} where samples should be"))));
    }
    let mut matrix = Matrix::default();
    for Row { metric, values, histograms } in result {
        matrix.histograms += usize::from(!histograms.is_empty());
        if values.is_empty() {
            continue;
        }
        let samples: Option<Vec<(i64, f64)>> =
            values.into_iter().map(|(at, Number(value))| Some((millis(at)?, value))).collect();
        let Some(samples) = samples else {
            return Err(Trouble::Refused("a sample at no time of day".to_owned()));
        };
        let mut labels = Labels::new();
        let mut name = String::new();
        for (label, value) in metric {
            if label == "__name__" {
                name = value;
            } else {
                labels.insert(label, value);
            }
        }
        matrix.series.push(FetchedSeries { name, labels, samples });
    }
    Ok(matrix)
}

/// The time of day of the Prometheus, from its answer to `time()`, in milliseconds since 1970.
pub(super) fn time(status: u16, body: &[u8]) -> Result<i64, Trouble> {
    #[derive(Deserialize)]
    struct Scalar {
        result: (f64, Number),
    }
    let Scalar { result: (_, Number(now)) } = data(status, body)?;
    millis(now).ok_or_else(|| Trouble::Refused("its clock has no time of day".to_owned()))
}

#[expect(clippy::cast_possible_truncation, reason = "times of day are far smaller")]
fn millis(seconds: f64) -> Option<i64> {
    (seconds.is_finite() && seconds.abs() < LATEST).then(|| (seconds * 1000.0).round() as i64)
}

/// Its version.
pub(super) fn version(status: u16, body: &[u8]) -> Result<String, Trouble> {
    #[derive(Deserialize)]
    struct Build {
        version: String,
    }
    data(status, body).map(|Build { version }| clean_text(&version))
}

/// The interval that its configuration has for all targets.
pub(super) fn scrape_interval(status: u16, body: &[u8]) -> Result<Option<Duration>, Trouble> {
    #[derive(Deserialize)]
    struct Config {
        yaml: String,
    }
    let Config { yaml } = data(status, body)?;
    // What holds for all targets stands first.
    let mut lines = yaml.lines().filter_map(|line| line.trim().strip_prefix("scrape_interval:"));
    Ok(lines.next().and_then(|text| parse_duration(text.trim())).filter(|interval| !interval.is_zero()))
}

/// Its alerts that are pending or firing.
pub(super) fn alerts(status: u16, body: &[u8]) -> Result<Vec<TheirAlert>, Trouble> {
    #[derive(Deserialize)]
    struct Alerts {
        alerts: Vec<Alert>,
    }
    #[derive(Deserialize)]
    struct Alert {
        labels: Labels,
        state: State,
        #[serde(rename = "activeAt")]
        active_at: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum State {
        Pending,
        Firing,
        Inactive,
    }
    let Alerts { alerts } = data(status, body)?;
    let their = |alert: Alert| TheirAlert {
        labels: alert.labels,
        state: match alert.state {
            State::Pending => TheirState::Pending,
            State::Firing => TheirState::Firing,
            State::Inactive => TheirState::Inactive,
        },
        active_ms: alert.active_at.and_then(|text| text.parse().ok()).map(Timestamp::as_millisecond),
    };
    Ok(alerts.into_iter().map(their).collect())
}

/// Its alerting rules.
pub(super) fn rules(status: u16, body: &[u8]) -> Result<Vec<TheirRule>, Trouble> {
    #[derive(Deserialize)]
    struct Groups {
        groups: Vec<Group>,
    }
    #[derive(Deserialize)]
    struct Group {
        name: String,
        #[serde(default)]
        interval: f64,
        rules: Vec<Rule>,
    }
    #[derive(Deserialize)]
    struct Rule {
        name: String,
        query: String,
        #[serde(default)]
        duration: f64,
        #[serde(default, rename = "type")]
        kind: String,
    }
    let Groups { groups } = data(status, body)?;
    let rules = groups.into_iter().flat_map(|group| {
        let Group { name: of, interval, rules } = group;
        rules.into_iter().filter(|rule| rule.kind != "recording").map(move |rule| TheirRule {
            name: rule.name,
            group: of.clone(),
            expr: rule.query,
            hold: rule.duration,
            interval,
        })
    });
    Ok(rules.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::SampleValue;

    #[track_caller]
    fn refused<T: fmt::Debug>(answer: Result<T, Trouble>, expected: &str) {
        match answer {
            Err(Trouble::Refused(why)) => assert!(why.contains(expected), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn samples_have_times_of_their_own_and_every_kind_of_value() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"a","x":"1"},"values":[[1700000000.123,"1"],[1700000001,"NaN"],[1700000002.5,"-Inf"],
             [1700000003,"+Inf"],[1700000004,"1.5e+06"]]},
            {"metric":{},"values":[[1,"-0"]]},
            {"metric":{"__name__":"h"},"histograms":[[1,{"count":"1"}]]}]},"warnings":["w"]}"#;
        let Matrix { series, histograms } = matrix(200, body).unwrap();
        assert_eq!((series.len(), histograms), (2, 1));
        let labels = [("x", "1")].into_iter().collect();
        assert_eq!((series[0].name.as_str(), &series[0].labels), ("a", &labels));
        let values: Vec<_> = series[0].samples.iter().map(|(_, value)| SampleValue(*value)).collect();
        let expected = [1.0, f64::NAN, f64::NEG_INFINITY, f64::INFINITY, 1.5e6].map(SampleValue);
        assert_eq!(values, expected);
        assert_eq!(series[0].samples[0].0, 1_700_000_000_123);
        assert_eq!(series[1].name, "");
    }

    #[test]
    fn what_is_no_answer_is_refused_in_words() {
        refused(matrix(200, b"<html>"), "not an answer of a Prometheus");
        refused(matrix(200, b""), "not an answer of a Prometheus");
        let whole = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}}"#;
        assert!(matrix(200, whole).is_ok());
        for length in 0..whole.len() {
            refused(matrix(200, &whole[..length]), "not an answer");
        }
        for (values, expected) in [
            ("[[1,1]]", "a number in a string"),
            (r#"[[1,"one"]]"#, "a number in a string"),
            (r#"[["1","1"]]"#, "not an answer"),
            (r#"[[1e300,"1"]]"#, "no time of day"),
            ("[[1]]", "not an answer"),
        ] {
            let body = format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":{values}}}]}}}}"#
            );
            refused(matrix(200, body.as_bytes()), expected);
        }
        let vector = br#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        refused(matrix(200, vector), "a vector where samples should be");
        let deep = [b"{\"status\":".as_slice(), &b"[".repeat(10_000)].concat();
        refused(matrix(200, &deep), "not an answer");
        let control = "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"\\u001b[2J\"}";
        refused(matrix(400, control.as_bytes()), "bad_data: ");
        let Err(why) = matrix(400, control.as_bytes()) else { panic!("it is an error") };
        assert!(!why.to_string().contains('\u{1b}'), "{why}");
    }

    #[test]
    fn errors_say_whether_another_question_may_do_better() {
        let error =
            |kind: &str, text: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"{text}"}}"#);
        let much = error("execution", "query processing would load too many samples into memory");
        assert_eq!(matrix(422, much.as_bytes()), Err(Trouble::TooMuch));
        refused(matrix(401, b"no"), "HTTP 401");
        assert_eq!(matrix(503, b"no"), Err(Trouble::NoAnswer("HTTP 503".to_owned())));
        refused(matrix(200, br#"{"status":"success"}"#), "without a result");
        refused(matrix(400, error("bad_data", "parse error").as_bytes()), "bad_data: parse error");
    }

    #[test]
    fn its_clock_and_configuration_are_read() {
        let body =
            br#"{"status":"success","data":{"resultType":"scalar","result":[1700000000.5,"1700000000.5"]}}"#;
        assert_eq!(time(200, body), Ok(1_700_000_000_500));
        let config = |yaml: &str| {
            let body = serde_json::json!({"status": "success", "data": {"yaml": yaml}});
            scrape_interval(200, body.to_string().as_bytes()).unwrap()
        };
        let yaml = "global:\n  scrape_interval: 15s\nscrape_configs:\n- scrape_interval: 1s\n";
        assert_eq!(config(yaml), Some(Duration::from_secs(15)));
        assert_eq!((config("global: {}"), config("  scrape_interval: soon")), (None, None));
    }

    #[test]
    fn alerts_and_rules_are_read() {
        let body = br#"{"status":"success","data":{"alerts":[{"labels":{"alertname":"High"},"annotations":{"summary":"s"},
            "state":"firing","activeAt":"2023-11-14T22:13:20.123456789Z","value":"1e+00"}]}}"#;
        let found = alerts(200, body).unwrap();
        assert_eq!((found[0].state, found[0].active_ms), (TheirState::Firing, Some(1_700_000_000_123)));
        refused(
            alerts(200, br#"{"status":"success","data":{"alerts":[{"labels":{},"state":"odd"}]}}"#),
            "odd",
        );
        let body = br#"{"status":"success","data":{"groups":[{"name":"g","file":"f","interval":5,"rules":[
            {"name":"High","query":"up == 0","duration":60,"type":"alerting","alerts":[]},
            {"name":"job:x","query":"x","type":"recording"}]}]}}"#;
        let found = rules(200, body).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].hold.to_bits(), found[0].interval.to_bits()), (60f64.to_bits(), 5f64.to_bits()));
    }
}
