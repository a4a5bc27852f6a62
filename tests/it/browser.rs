//! `report.html` in a real browser.

use std::path::Path;
use std::process::Command;

use crate::support::{run, skipped};

const CHROMIUM: &str = "/usr/bin/chromium";

/// The page as the browser has it after its scripts have run; `None` where there is no browser.
fn opened(page: &Path, dark: bool) -> Option<(String, String)> {
    if !Path::new(CHROMIUM).exists() {
        skipped(&format!("{CHROMIUM} is not installed"));
        return None;
    }
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(CHROMIUM)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), log))
}

#[test]
fn the_page_draws_its_charts_without_a_network() {
    let done = run(Path::new("scenarios/smoke.yaml"), &[]);
    let page = done.run_folder().join("report.html");
    let text = std::fs::read_to_string(&page).unwrap();
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!text.contains(outside), "the page asks the network: {outside}");
    }
    for dark in [false, true] {
        let Some((dom, log)) = opened(&page, dark) else { return };
        let drawn = dom.split("data-charts=\"").nth(1).and_then(|rest| rest.split('"').next());
        let drawn: usize = drawn.expect("the page says how many charts it drew").parse().unwrap();
        assert!(drawn >= 4, "only {drawn} charts drawn");
        assert!(dom.matches("<canvas").count() >= 4, "charts without a canvas");
        assert!(!log.contains("Uncaught") && !log.contains("Refused to"), "{log}");
    }
}
