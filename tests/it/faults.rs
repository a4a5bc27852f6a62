//! The README's table of faults: of all checks of the shipped scenario each fault of the demo target fails the one that the table names, and
//! the healthy demo target fails none, over twenty runs.

use std::path::Path;

use crate::support::{
    Done, alone, at_once, expect_one_check, root, same_offline, scenario, start_run, telemetry,
};

/// The checks of `slos/monitoring.yaml`.
const CHECKS: usize = 7 + 6 + 5 + 4 + 3 + 1;

/// Runs `scenarios/monitoring.yaml` against a demo target that has `faults`, too, with its logs in a folder of its own.
fn run(faults: &str, further: &[&str]) -> Done {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let (folder, file) = scenario("");
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let with_logs = |text: String| {
        ["target.log", "audit.log"].iter().fold(text, |text, name| {
            assert!(text.contains(name), "{text}");
            text.replace(name, &at(name))
        })
    };
    let text = with_logs(read("scenarios/monitoring.yaml"));
    assert!(text.contains("audit.log]"), "{text}");
    let faults = faults.split_whitespace().map(|word| format!("{word:?}"));
    let arguments: Vec<String> = std::iter::once("audit.log".to_owned()).chain(faults).collect();
    let text = text.replace("audit.log]", &format!("{}]", arguments.join(", ")));
    std::fs::write(&file, text.replace("../slos/monitoring.yaml", "slo.yaml")).unwrap();
    let dashboards = root().join("slos/dashboards");
    let slo = with_logs(read("slos/monitoring.yaml")).replace("dashboards/mcp", &at_path(&dashboards, "mcp"));
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run(&file, further).finish()
}

fn at_path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// The faults of the README's table, each with the check that finds it.
fn table() -> Vec<(String, String)> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let after = readme
        .split("| what is wrong with the server | fault of the demo server | found by |\n|---|---|---|\n");
    let rows = after.last().unwrap().lines().take_while(|line| line.starts_with('|'));
    let cell = |cells: &[&str], column: usize| {
        let text = cells[column].trim();
        text.strip_prefix('`')
            .and_then(|text| text.strip_suffix('`'))
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    };
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        (cell(&cells, 1), cell(&cells, 2))
    };
    rows.map(row).collect()
}

#[test]
fn each_fault_of_the_table_is_found_by_the_check_that_it_names_and_by_no_other() {
    // Where gander is late, a check that fails may prove nothing of the server.
    let _alone = alone();
    let table = table();
    assert!(table.len() >= 12, "{table:?}");
    for some in table.chunks(4) {
        at_once(some, |(fault, check)| expect_one_check(&run(fault, &[]), CHECKS, check, ""));
    }
}

#[test]
fn the_healthy_demo_target_raises_none_over_twenty_runs() {
    let _alone = alone();
    for round in 0..5_u32 {
        at_once(0..4_u32, |run_of_round| {
            let seed = format!("seed={}", round * 4 + run_of_round);
            let done = run("", &["--set", &seed, "--duration", "8s"]);
            let checks = telemetry(&done.report());
            assert_eq!(checks.len(), CHECKS, "{checks:#?}");
            for (name, verdict, because) in &checks {
                assert_eq!(verdict, "PASS", "{seed}: {name}: {because}");
            }
            same_offline(&done);
        });
    }
}
