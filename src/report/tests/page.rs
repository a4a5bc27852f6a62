//! The page as a browser takes it: what may run, what the data are, and that nothing is fetched.

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::report::fixture::{build, empty, findings, fixture};
use crate::report::{Ending, Format, RunLog};

fn page(log: &RunLog) -> String {
    let files = Format::named("html").unwrap().render(&build(log, findings()), log);
    String::from_utf8(files[0].bytes.clone()).unwrap()
}

/// The insides of every element that opens with `open`.
fn insides<'a>(page: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    page.split(open).skip(1).map(|rest| &rest[..rest.find(close).unwrap()]).collect()
}

fn charts(page: &str) -> Vec<Value> {
    let data = insides(page, r#"<script type="application/json" id="chart-data">"#, "</script>")[0];
    serde_json::from_str(data).unwrap()
}

#[test]
fn the_policy_names_every_script_and_style_of_the_page_and_no_other() {
    let page = page(&fixture());
    let mut sources = insides(&page, "<script>", "</script>");
    sources.extend(insides(&page, "<style>", "</style>"));
    assert_eq!(sources.len(), 4);
    let policy = insides(&page, r#"Content-Security-Policy" content=""#, "\"")[0];
    for source in sources {
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(source));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    }
    assert_eq!(policy.matches("sha256-").count(), 4);
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
}

#[test]
fn the_page_has_no_inline_styles_or_handlers_that_the_policy_would_stop() {
    let page = page(&fixture());
    let body = &page[page.find("<main>").unwrap()..page.find("</main>").unwrap()];
    for forbidden in [" style=", " onclick=", "<link", "<img", "<iframe", " src="] {
        assert!(!body.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn every_chart_has_its_place_and_its_key_numbers_in_words() {
    let page = page(&fixture());
    let charts = charts(&page);
    assert_eq!(charts.len(), 8);
    for chart in &charts {
        let id = chart["id"].as_str().unwrap();
        let place = format!(r#"<div class="plot" id="{id}" role="img" aria-label=""#);
        let words = insides(&page, &place, "\"")[0];
        assert!(words.contains(": ") && words.chars().any(|c| c.is_ascii_digit()), "{words}");
        for line in chart["series"].as_array().unwrap() {
            let values = line["values"].as_array().unwrap();
            assert_eq!(values.len(), chart["x"].as_array().unwrap().len(), "{id}");
        }
    }
}

#[test]
fn a_second_without_calls_is_a_gap() {
    let mut log = fixture();
    log.seconds[7].cells.clear();
    let charts = charts(&page(&log));
    let p50 = &charts[0]["series"][0]["values"];
    assert!(p50[7].is_null() && p50[8].is_number(), "{p50}");
}

#[test]
fn a_second_that_the_load_did_not_fill_is_not_drawn() {
    let mut log = fixture();
    for stamped in &mut log.events {
        if stamped.what == crate::model::Event::LoadStopped {
            stamped.at = std::time::Duration::from_millis(19_300);
        }
    }
    let Ending::Complete { totals } = log.ending else { panic!("the fixture is complete") };
    log.ending = Ending::Interrupted { signal: 2, totals };
    let charts = charts(&page(&log));
    let seconds = charts[0]["x"].as_array().unwrap();
    assert_eq!((seconds.len(), seconds.last().unwrap().as_f64()), (19, Some(18.0)));
    let covered: Vec<f64> = build(&log, findings()).timeline.iter().map(|point| point.covered).collect();
    assert!(
        covered[..19].iter().all(|share| *share > 0.999) && (covered[19] - 0.3).abs() < 1e-9,
        "{covered:?}"
    );
}

#[test]
fn a_run_without_calls_draws_nothing_and_says_no_data() {
    let page = page(&empty());
    assert_eq!(charts(&page), Vec::<Value>::new());
    assert_eq!(page.matches(r#"<p class="empty">no data</p>"#).count(), 5);
}

#[test]
fn hours_of_seconds_are_thinned_to_what_a_screen_can_show() {
    let mut log = fixture();
    let second = log.seconds[9].clone();
    log.seconds = (0..7_200).map(|n| crate::metrics::Second { second: n, ..second.clone() }).collect();
    log.events.retain(|stamped| stamped.what != crate::model::Event::LoadStopped);
    let crate::plan::LoadModel::Closed(load) = &mut log.plan.load.model else {
        panic!("the fixture is closed")
    };
    load.stages[1].duration = std::time::Duration::from_secs(7_200);
    let page = page(&log);
    assert_eq!(charts(&page)[0]["x"].as_array().unwrap().len(), 1_800);
    assert!(page.contains("each point is the worst of 4 seconds"));
}
