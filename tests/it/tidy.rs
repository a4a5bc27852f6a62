//! The house held to its own words.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom: a room, and the rooms it may name. `ARCHITECTURE.md` has the same table.
const LAYERS: [(&str, &[&str]); 24] = [
    ("model", &[]),
    ("clock", &[]),
    ("input", &["model"]),
    ("plan", &["model"]),
    ("metrics", &["model", "plan"]),
    ("stats", &["model"]),
    ("schema", &["model"]),
    ("promql", &["model"]),
    ("rules", &["model", "input", "promql"]),
    ("alertmanager", &["model", "input", "promql"]),
    ("verify", &["model", "input", "plan", "metrics", "promql"]),
    ("slo", &["model", "input", "plan", "metrics", "stats", "promql", "rules", "alertmanager", "verify"]),
    ("scenario", &["model", "input", "plan", "slo", "verify"]),
    ("report", &["model", "plan", "metrics", "stats", "verify", "slo"]),
    ("mcp", &["model", "clock", "plan"]),
    ("load", &["model", "clock", "plan", "metrics", "mcp"]),
    ("observe", &["model", "plan", "metrics"]),
    ("record", &["model", "plan", "metrics", "slo", "report"]),
    ("demo", &["model"]),
    ("drill", &["model", "clock", "plan"]),
    (
        "run",
        &["model", "clock", "plan", "metrics", "schema", "slo", "report", "mcp", "load", "observe", "record"],
    ),
    ("init", &["model", "clock", "input", "plan", "schema", "scenario", "mcp"]),
    ("selftest", &["model", "input", "plan", "scenario", "report", "record", "run"]),
    (
        "cli",
        &[
            "model",
            "clock",
            "input",
            "plan",
            "metrics",
            "promql",
            "rules",
            "alertmanager",
            "slo",
            "scenario",
            "report",
            "record",
            "demo",
            "drill",
            "run",
            "init",
            "selftest",
        ],
    ),
];

const HARD_CAP: usize = 700;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What fuzzing builds in `tests/fuzz` is nobody's to tidy.
            if !path.ends_with("target") {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The part of a file that is not its unit tests; nothing of a file that is tests alone.
fn code_of(path: &Path) -> String {
    let is_tests = path.components().any(|part| {
        matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "fixture.rs" | "test_support.rs"))
    });
    let text = fs::read_to_string(path).unwrap();
    let end = if is_tests { 0 } else { text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len()) };
    text[..end].to_owned()
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

fn rooms_named_in(code: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (number, line) in code.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (at, _) in line.match_indices("crate::") {
            let room: String =
                line[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            named.push((number + 1, room));
        }
    }
    named
}

#[test]
fn every_room_uses_only_the_rooms_below_it() {
    let mut faults = Vec::new();
    for path in rust_files(&root().join("src")) {
        let room = room_of(&path);
        if room == "lib" || room == "main" {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("{}: room `{room}` is not in the table", path.display()));
            continue;
        };
        for (line, used) in rooms_named_in(&code_of(&path)) {
            if used != room && !allowed.contains(&used.as_str()) {
                faults.push(format!("{}:{line}: `{room}` may not use `{used}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_outgrows_its_room() {
    let too_long: Vec<String> = ["src", "tests", "benches"]
        .into_iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(|path| (code_of(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > HARD_CAP)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(too_long.is_empty(), "split along what they mean:\n{}", too_long.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = ["src", "tests", "benches"]
        .into_iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of:\n{}", silent.join("\n"));
}

#[test]
fn goose_is_named_in_one_file() {
    let others: Vec<String> = rust_files(&root().join("src"))
        .into_iter()
        .filter(|path| !path.ends_with("load/goose.rs"))
        .filter(|path| {
            code_of(path).lines().any(|line| {
                !line.trim_start().starts_with("//")
                    && (line.contains("use goose::") || line.contains(" goose::Goose"))
            })
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn the_map_names_every_room_and_fits_on_its_sheet() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(map.lines().count() <= 150, "ARCHITECTURE.md has {} lines", map.lines().count());
    for (room, uses) in LAYERS {
        let row = map.lines().find(|line| line.starts_with(&format!("| `{room}`")));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for `{room}`"));
        for used in uses {
            assert!(row.contains(&format!("`{used}`")), "ARCHITECTURE.md: `{room}` uses `{used}`: {row}");
        }
    }
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (code, meaning) in gander::cli::EXIT_CODES {
        assert!(
            readme.lines().any(|line| line.starts_with(&format!("| {code} |")) && line.contains(meaning)),
            "README.md does not say `| {code} | {meaning} |`"
        );
    }
}
