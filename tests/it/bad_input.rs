//! Bad input: exit 2, all mistakes at once, nothing sent.

use crate::support::{gander, root, scenario};

#[test]
fn every_bad_scenario_is_refused_with_its_place() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("tests/golden/bad")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".bad.yaml") {
            continue;
        }
        seen += 1;
        let output = gander(&["run", path.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains("error") && said.contains(".yaml"), "{name}: {said}");
        assert!(output.stdout.is_empty(), "{name}");
    }
    assert!(seen >= 25, "only {seen} bad files");
}

#[test]
fn a_missing_file_and_wrong_flags_are_bad_input() {
    for args in [
        &["run", "no-such-file.yaml"][..],
        &["run"],
        &["run", "scenarios/smoke.yaml", "--set", "nonsense"],
        &["run", "scenarios/smoke.yaml", "--duration", "soon"],
        &["run", "scenarios/smoke.yaml", "--users", "abc"],
        &["run", "slos/default.yaml"],
        &["run", "scenarios/smoke.yaml", "--slo", "scenarios/smoke.yaml"],
        &["run", "scenarios/smoke.yaml", "--target", "not a url"],
        &["report", "no-such-run", "--format", "json"],
        &["report", "scenarios", "--format", "docx"],
        &["check", "scenarios"],
        &["frobnicate"],
    ] {
        let output = gander(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn load_goes_to_loopback_unless_the_host_is_named() {
    // 192.0.2.0/24 is set aside for documentation: nobody is there, and nothing may be sent to find that out.
    let output = gander(&["run", "scenarios/smoke.yaml", "--target", "http://192.0.2.1/mcp"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--allow-host 192.0.2.1"), "{said}");
}

#[test]
fn a_watched_url_needs_permission_too() {
    let text = std::fs::read_to_string(root().join("scenarios/smoke.yaml")).unwrap();
    let (_folder, path) = scenario(&text.replace("url: /metrics", "url: http://192.0.2.1/metrics"));
    let output = gander(&["run", path.to_str().unwrap(), "--slo", "slos/default.yaml"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("192.0.2.1"), "{said}");
}

#[test]
fn the_way_out_is_told_for_flags_and_files_too() {
    for (args, words) in [
        (&["run", "scenarios/smoke.yaml", "--users", "abc"][..], "whole number from 1"),
        (&["run", "scenarios/smoke.yaml", "--users", "-5"], "--users:1:1"),
        (&["run", "scenarios/smoke.yaml", "--users", ""], "`--users` has no value"),
        (&["run", "scenarios/smoke.yaml", "--target", "ann:hunter2@host/mcp"], "***********@host"),
        (&["run", "scenarios/smoke.yaml", "--target", "http://ann:hunter2/x@host"], "***@host` is no URL"),
        (&["run", "scenarios/smoke.yaml", "--duration", "5"], "write `5s`"),
        (&["run", "scenarios/smoek.yaml"], "did you mean `scenarios/smoke.yaml`?"),
        (&["validate", "scenarios/smoke"], "did you mean `scenarios/smoke.yaml`?"),
        (&["run", "slos/default.yaml"], "this is an SLO file"),
        (&["run", "scenarios/smoke.yaml", "--slo", "scenarios/smoke.yaml"], "this is a scenario"),
        (&["run", "scenarios/smoke.yaml", "--set", "auth.login.password=[hunter2]"], "*******"),
    ] {
        let output = gander(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(words) && !said.contains("hunter2"), "{args:?}: {said}");
    }
}

#[test]
fn validate_takes_what_run_takes() {
    let said = |args: &[&str], code| {
        let output = gander(args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
        (out.into_owned(), err.into_owned())
    };
    let (plan, _) = said(&["validate", "scenarios/smoke.yaml", "--duration", "7m"], 0);
    assert!(plan.contains("7m"), "{plan}");
    let (plan, _) = said(&["validate", "scenarios/smoke.yaml", "--slo", "slos/truth.yaml"], 0);
    assert!(plan.contains("(names: guide) are checked"), "{plan}");
    let (_, told) = said(&["validate", "scenarios/smoke.yaml", "--duration", "soon"], 2);
    assert!(told.contains("--duration:1:1"), "{told}");
    let (_, told) = said(&["validate", "slos/default.yaml", "--duration", "5m"], 2);
    assert!(told.contains("name the scenario"), "{told}");
    // What it warns of is gone with what it proposes.
    let (folder, file) = scenario(
        "version: 1\nname: short\ntarget: demo\nload: {rate: 10/s, duration: 25s, warm_up: 5s, max_users: 20}\n\
         observe: {metrics: {url: /metrics, interval: 1s}}\n\
         transactions: [{name: t, call_tool: {tool: echo, arguments: {text: x}}}]\nslo: [own.yaml]\n",
    );
    let own = "version: 1\nobjectives:\n  - {name: long, promql: {query: \"sum(increase(x_total[30s]))\", at_least: 1}}\n  \
               - {name: windows, error_ratio: 1%, in_every: 10s}\n";
    std::fs::write(folder.path().join("own.yaml"), own).unwrap();
    let file = file.to_str().unwrap();
    let (_, told) = said(&["validate", file], 0);
    for words in [
        "a range of 30.0 s, and there are 20.0 s to judge",
        "`--duration 35s` would do",
        "takes 299 calls",
        "has about 100",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let (_, told) = said(&["validate", file, "--duration", "35s", "--set", "load.rate=30/s"], 0);
    assert!(told.is_empty(), "{told}");
}
