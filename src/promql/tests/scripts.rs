//! Runs Prometheus's own scripts, which are read from where they are, and ours (`tests/golden/promql`).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::runner::{Outcome, run};
use crate::promql::{Engine, NameDropping};

/// `PROMQLTEST=FOLDER cargo test promqltest` runs the scripts of any folder.
#[test]
fn promqltest_all_cases_in_scope_pass() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder =
        std::env::var_os("PROMQLTEST").map_or_else(|| here.join("../shared/promqltest"), PathBuf::from);
    if !folder.is_dir() {
        say(&format!("skipped promqltest: there is no {}", folder.display()));
        return;
    }
    // Prometheus runs its scripts so.
    let engine = Engine { name_dropping: NameDropping::Delayed, ..Engine::default() };
    check(&folder, &engine);
}

#[test]
fn our_own_cases_pass() {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/promql"), &Engine::default());
}

fn check(folder: &Path, engine: &Engine) {
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "there are no scripts in {}", folder.display());
    let mut failed = Vec::new();
    let mut total = 0;
    for path in scripts {
        let outcome = run(&std::fs::read_to_string(&path).unwrap(), engine);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Outcome { passed, out_of_scope, failed: these } = outcome;
        say(&format!("{name}: {passed} passed, {} failed, {out_of_scope} out of scope", these.len()));
        total += passed;
        failed.extend(these.into_iter().map(|case| format!("{name}: {case}")));
    }
    say(&format!("{}: {total} passed, {} failed", folder.display(), failed.len()));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(total > 0, "no case was run");
}

/// Past the harness, which shows nothing of a test that passes.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
