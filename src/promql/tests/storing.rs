//! The store of series: what is appended is what is found, whatever runs and timelines it is kept in.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::promql::{AppendError, Engine, Labels, Query, STALE_NAN, Storage, Value, is_stale};

fn labels(name: &str, n: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("n", n)])
}

fn vector(storage: &Storage, query: &str, at_ms: i64) -> Vec<(String, f64)> {
    let query = Query::parse(query).unwrap();
    let Value::Vector(samples) = Engine::default().instant(&query, storage, at_ms).unwrap().value else {
        panic!("no vector");
    };
    samples.into_iter().map(|sample| (sample.labels.to_string(), sample.value)).collect()
}

#[test]
fn labels_print_as_prometheus_prints_them() {
    let check = |pairs: &[(&str, &str)], text: &str| {
        assert_eq!(Labels::from_pairs(pairs.iter().copied()).to_string(), text);
    };
    check(&[("__name__", "up"), ("job", "x")], r#"up{job="x"}"#);
    check(&[("__name__", "up")], "up");
    check(&[("b", "2"), ("a", "1")], r#"{a="1", b="2"}"#);
    check(&[], "{}");
    check(&[("__name__", "a.b"), ("c d", "e\"f\n")], r#"{"a.b", "c d"="e\"f\n"}"#);
    check(&[("__name__", "job:x:rate5m"), ("empty", "")], "job:x:rate5m");
}

#[test]
fn labels_are_equal_however_they_were_made() {
    let made = labels("x", "1");
    assert_eq!(made, Labels::from_pairs([("n", "1"), ("__name__", "x")]));
    assert_eq!(made.without_name(), Labels::from_pairs([("n", "1")]));
    assert_eq!(made.without(&["n"]).with("n", "1"), made);
    assert_eq!(made.with("n", ""), made.without(&["n"]));
    assert_eq!(made.only(&["n"]), made.without_name());
    assert_eq!((made.get("n"), made.get("nothing"), made.name()), ("1", "", "x"));
}

#[test]
fn a_sample_that_comes_too_late_is_refused_and_says_so() {
    let mut storage = Storage::new();
    let id = storage.series(&labels("x", "1"));
    storage.append(id, 1000, 1.0).unwrap();
    storage.append(id, 2000, 2.0).unwrap();
    // The same sample again is no other sample.
    storage.append(id, 2000, 2.0).unwrap();
    let error = storage.append(id, 1000, 1.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"out of order: x{n="1"} has a sample at 2000 ms, and 1000 ms is before that"#
    );
    let error = storage.append(id, 2000, 3.0).unwrap_err();
    assert!(matches!(error, AppendError::Duplicate { at_ms: 2000, .. }), "{error}");
    assert_eq!(storage.samples(id), [(1000, 1.0), (2000, 2.0)]);
}

#[test]
fn a_stale_series_is_not_seen_and_comes_back() {
    let mut storage = Storage::new();
    let id = storage.series(&labels("x", "1"));
    storage.append(id, 1000, 1.0).unwrap();
    storage.mark_stale(id, 2000).unwrap();
    assert!(is_stale(storage.last(id).unwrap().1));
    assert_eq!(vector(&storage, "x", 2500), []);
    assert_eq!(vector(&storage, "x", 1500).len(), 1);
    storage.append(id, 3000, 1.0).unwrap();
    assert_eq!(vector(&storage, "count_over_time(x[1m])", 3000)[0].1, 2.0);
}

#[test]
fn scrapes_and_rules_share_a_store() {
    let mut storage = Storage::new();
    let scraped: Vec<_> = (0..3).map(|n| storage.series(&labels("x", &n.to_string()))).collect();
    let recorded = storage.series(&labels("r", "1"));
    for at in 0..100 {
        for id in &scraped {
            // The second series is missing from every tenth scrape.
            if *id != scraped[1] || at % 10 != 0 {
                storage.append(*id, at * 1000, (at / 20) as f64).unwrap();
            }
        }
        if at % 15 == 0 {
            storage.append(recorded, at * 1000 + 500, at as f64).unwrap();
        }
    }
    assert_eq!(vector(&storage, "count_over_time(x{n=\"0\"}[99500ms])", 99_000)[0].1, 100.0);
    assert_eq!(vector(&storage, "count_over_time(x{n=\"1\"}[99500ms])", 99_000)[0].1, 90.0);
    assert_eq!(vector(&storage, "timestamp(x{n=\"1\"})", 90_500)[0].1, 89.0);
    assert_eq!(vector(&storage, "timestamp(r)", 99_000)[0].1, 90.5);
    assert_eq!(storage.span(), Some((0, 99_000)));
    storage.drop_before(50_000);
    assert_eq!(storage.samples(scraped[1]).first(), Some(&(51_000, 2.0)));
    assert_eq!(storage.samples(recorded).len(), 3);
    storage.drop_before(1_000_000);
    assert_eq!((storage.len(), storage.last(recorded)), (4, None));
    storage.append(recorded, 2_000_000, 1.0).unwrap();
    assert_eq!(storage.samples(recorded), [(2_000_000, 1.0)]);
}

#[test]
fn series_that_began_together_part_when_their_times_do() {
    let mut storage = Storage::new();
    let scraped: Vec<_> = (0..3).map(|n| storage.series(&labels("x", &n.to_string()))).collect();
    let recorded = storage.series(&labels("r", "1"));
    for at in 0..1000 {
        // The rules come later and later after the scrape, with which they were at first.
        let late = i64::from(at > 0) * (at % 7 + 1);
        for id in &scraped {
            storage.append(*id, at * 1000, 1.0).unwrap();
        }
        storage.append(recorded, at * 1000 + late, 1.0).unwrap();
    }
    for id in scraped.iter().chain([&recorded]) {
        assert_eq!(storage.samples(*id).len(), 1000);
        let runs = storage.cut(i64::MIN, i64::MAX).window(*id).weight();
        assert!(runs < 10, "a constant series is kept in {runs} runs");
    }
}

/// An append, or a drop: the series, how much later than its last sample, and the value.
type Step = (usize, i64, f64, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let values = prop::sample::select(vec![0.0, -0.0, 1.0, 2.0, f64::NAN, f64::INFINITY, STALE_NAN]);
    prop::collection::vec((0..4_usize, 1..4_i64, values, prop::bool::weighted(0.03)), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_is_what_was_appended(steps in steps()) {
        let mut storage = Storage::new();
        let ids: Vec<_> = (0..4).map(|n| storage.series(&labels("x", &n.to_string()))).collect();
        let mut model: Vec<BTreeMap<i64, f64>> = vec![BTreeMap::new(); 4];
        let mut dropped_before = i64::MIN;
        for (series, later, value, drops) in steps {
            let last = model[series].keys().next_back().copied().unwrap_or(0);
            if drops {
                dropped_before = dropped_before.max(last - 20);
                storage.drop_before(dropped_before);
            }
            let at = last + later;
            storage.append(ids[series], at, value).unwrap();
            model[series].insert(at, value);
        }
        for (id, model) in ids.iter().zip(&model) {
            let kept: Vec<(i64, u64)> =
                storage.samples(*id).into_iter().map(|(at, value)| (at, value.to_bits())).collect();
            let all: Vec<(i64, u64)> =
                model.iter().filter(|(_, v)| !is_stale(**v)).map(|(at, v)| (*at, v.to_bits())).collect();
            // Some of what may go may be there still; what may not go is there.
            prop_assert!(all.ends_with(&kept), "{kept:?} is no end of {all:?}");
            let must_be: Vec<_> = all.iter().filter(|(at, _)| *at >= dropped_before).collect();
            prop_assert!(kept.len() >= must_be.len());
            let query = Query::parse(&storage.labels(*id).to_string()).unwrap();
            for at in 0..70 {
                let Value::Vector(seen) = Engine::default().instant(&query, &storage, at).unwrap().value else {
                    panic!("no vector");
                };
                let last = model.range(..=at).next_back().filter(|(_, value)| !is_stale(**value));
                if at >= dropped_before + 5 {
                    let seen = seen.first().map(|sample| sample.value.to_bits());
                    let kept_last = last.filter(|(time, _)| kept.first().is_some_and(|first| first.0 <= **time));
                    prop_assert_eq!(seen, kept_last.map(|(_, value)| value.to_bits()));
                }
            }
        }
    }
}
