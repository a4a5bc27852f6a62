//! Shipped files and bad files against what they give, kept beside them under `tests/golden/`.
//!
//! `UPDATE_GOLDEN=1 cargo test --lib golden` writes them anew; read the difference before committing it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::{Loaded, Overrides, Sources, load};
use super::{describe, resolved};
use crate::input::{Files, Problems};
use crate::model::Color;
use crate::plan::{Operation, Plan, RenderContext, Target, Variables};
use crate::slo::{self, AlertCriteria, Criteria, Indicator, Objective, Scope};

const FORMATS: [&str; 6] = ["terminal", "json", "junit", "markdown", "html", "hgrm"];

/// PEM files are made, not kept: keys do not belong into a tree of files.
#[expect(clippy::disallowed_methods, reason = "golden files are read by the tests alone")]
fn read_file(path: &Path) -> io::Result<String> {
    match path.strip_prefix("tests/golden/tls").ok().and_then(Path::to_str).and_then(pem) {
        Some(text) => Ok(text),
        None => std::fs::read_to_string(path),
    }
}

/// `ca.pem`, `client.pem` and `client.key`, which belong together; `other.key`, which does not; and `damaged.pem`.
fn pem(name: &str) -> Option<String> {
    static FILES: LazyLock<[(&str, String); 6]> = LazyLock::new(|| {
        let [one, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(Vec::new()).unwrap());
        let key = one.signing_key.serialize_pem();
        [
            ("ca.pem", other.cert.pem()),
            ("client.pem", one.cert.pem()),
            ("encrypted.key", key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")),
            ("client.key", key),
            ("other.key", other.signing_key.serialize_pem()),
            ("damaged.pem", one.cert.pem().replace('M', "!")),
        ]
    });
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone())
}

fn env(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("t0p-s3cret".to_owned()),
        "BROKEN_TOKEN" => Some("t0p-s3cret\n".to_owned()),
        "HOST" => Some("staging.example.com".to_owned()),
        "KEY_NAME" => Some("client.key".to_owned()),
        "EMPTY" => Some(String::new()),
        "CONTEXT" => {
            let key = pem("client.key").unwrap();
            let context = serde_json::json!({"client_id": "c-17", "secrets": ["t0p-s3cret"], "key": key});
            Some(context.to_string())
        }
        "MCP_CONFORMANCE_CONTEXT" => {
            let key = pem("client.key").unwrap();
            let context = serde_json::json!({
                "client_id": "c-17", "client_secret": "t0p-s3cret", "private_key_pem": key
            });
            Some(context.to_string())
        }
        _ => None,
    }
}

fn load_with(path: &str, overrides: &Overrides) -> Result<Loaded, Problems> {
    let files = Files { read: &read_file, names: &|_| Vec::new() };
    load(Path::new(path), overrides, &Sources { files, env: &env, formats: &FORMATS })
}

/// Loads a scenario that is not on disk, with an SLO file that is always there.
fn load_text(text: &str, overrides: &Overrides) -> Result<Loaded, Problems> {
    let read = |path: &Path| match path.to_str() {
        Some("dir/scenario.yaml") => Ok(text.to_owned()),
        Some("dir/slo.yaml") => Ok("version: 1\nobjectives: [{name: errors, error_ratio: 5%}]\n".to_owned()),
        Some(path) => path.strip_prefix("dir/").and_then(pem).ok_or(io::ErrorKind::NotFound.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    let files = Files { read: &read, names: &|_| Vec::new() };
    load(Path::new("dir/scenario.yaml"), overrides, &Sources { files, env: &env, formats: &FORMATS })
}

/// A scenario of `lines` on top of what every scenario needs.
fn scenario(lines: &str) -> String {
    let mut fields = BTreeMap::from([
        ("version", "1"),
        ("name", "test"),
        ("target", "demo"),
        ("load", "{users: 2, duration: 10s}"),
        ("transactions", "[{name: list, list_tools: {}}]"),
        ("slo", "slo.yaml"),
    ]);
    for line in lines.lines() {
        fields.remove(line.split(':').next().unwrap());
    }
    let rest: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{lines}\n{}\n", rest.join("\n"))
}

#[track_caller]
fn plan_of(lines: &str) -> Plan {
    match load_text(&scenario(lines), &Overrides::default()) {
        Ok(loaded) => loaded.plan,
        Err(problems) => panic!("{}", problems.render(Color::Off)),
    }
}

#[track_caller]
fn check_problems(lines: &str, overrides: &Overrides, expected: &[&str]) {
    let found = match load_text(&scenario(lines), overrides) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(found, expected);
}

#[track_caller]
fn golden(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        #[expect(clippy::disallowed_methods, reason = "golden files are written by the tests alone")]
        std::fs::write(path, actual).unwrap();
        return;
    }
    let expected = read_file(path).unwrap_or_default();
    assert!(expected == actual, "{} differs; now it is\n{actual}", path.display());
}

#[track_caller]
fn shipped(name: &str) -> Loaded {
    loaded(&format!("scenarios/{name}.yaml"))
}

#[track_caller]
fn loaded(path: &str) -> Loaded {
    match load_with(path, &Overrides::default()) {
        Ok(loaded) => loaded,
        Err(problems) => panic!("{}", problems.render(Color::Off)),
    }
}

#[track_caller]
fn golden_json(name: &str, value: &impl serde::Serialize) {
    let json = serde_json::to_string_pretty(value).unwrap();
    golden(Path::new(&format!("tests/golden/{name}.json")), &format!("{json}\n"));
}

#[test]
fn golden_plans_of_the_shipped_scenarios() {
    for (name, path) in [
        ("default", "scenarios/default.yaml"),
        ("rest", "scenarios/rest.yaml"),
        ("smoke", "scenarios/smoke.yaml"),
        ("arrivals", "scenarios/arrivals.yaml"),
        ("chain", "scenarios/chain.yaml"),
        ("alerts", "scenarios/alerts.yaml"),
        ("conformance", "scenarios/conformance.yaml"),
        ("every-field", "tests/golden/every-field.yaml"),
        ("every-field-open", "tests/golden/every-field-open.yaml"),
    ] {
        golden_plan(name, path);
    }
}

#[test]
fn golden_plan_of_a_target_with_every_field_of_transport() {
    golden_plan("tls", "tests/golden/tls.yaml");
}

#[test]
fn golden_plans_of_targets_whose_tokens_come_by_oauth() {
    for name in ["oauth", "oauth-key", "oauth-key-text"] {
        golden_plan(name, &format!("tests/golden/{name}.yaml"));
    }
    for name in ["conformance-auth-secret", "conformance-auth-key"] {
        golden_plan(name, &format!("scenarios/{name}.yaml"));
    }
}

#[test]
fn golden_plans_of_other_transports() {
    golden_plan("stdio", "tests/golden/stdio.yaml");
    golden_plan("sse", "tests/golden/sse.yaml");
    golden_plan("urls", "tests/golden/urls.yaml");
}

#[test]
fn golden_plan_of_a_target_whose_metrics_a_prometheus_has() {
    golden_plan("prometheus", "tests/golden/prometheus.yaml");
}

#[test]
fn golden_plan_of_arguments_that_are_generated() {
    golden_plan("generated", "tests/golden/generated.yaml");
}

#[test]
fn a_command_is_split_as_a_shell_splits_it() {
    let command = |target: &Target| match target {
        Target::Stdio(target) => target.command.iter().map(|word| word.expose().to_owned()).collect(),
        Target::Url(_) | Target::Demo(_) => Vec::new(),
    };
    let plan = plan_of(r#"target: {stdio: 'node "my server.js" --x=\$Y a\ b'}"#);
    assert_eq!(command(&plan.target), ["node", "my server.js", "--x=$Y", "a b"]);
    let stdio = |set: &[&str]| Overrides {
        stdio: Some("python3 'a b.py'".to_owned()),
        set: set.iter().map(|&set| set.to_owned()).collect(),
        ..Overrides::default()
    };
    let lines = "target: {stdio: node, env: {A: long secret}}";
    let plan = load_text(&scenario(lines), &stdio(&["target.processes=shared"])).unwrap().plan;
    assert_eq!(command(&plan.target), ["python3", "a b.py"]);
    assert!(
        matches!(&plan.target, Target::Stdio(target) if target.processes == crate::plan::Processes::Shared)
    );
    assert_eq!(plan.secrets().redacted("long secret"), "long secret", "the file's target is replaced");
    check_problems("", &stdio(&["target.x=1"]), &["--set:1:1: `target` has no field `x`"]);
    check_problems(
        "target: {stdio: \"' '\"}",
        &Overrides::default(),
        &["dir/scenario.yaml:1:17: `stdio`: there is no program in it"],
    );
}

#[test]
fn what_a_process_is_told_by_its_environment_is_secret() {
    let lines = "target: {stdio: [node, \"{{ env.KEY_NAME }}\"], env: {A: \"{{ env.TOKEN }}\", B: plain text, C: \"1\"}}";
    let plan = plan_of(lines);
    let shown = format!("{plan:?} {}", serde_json::to_string(&plan).unwrap());
    for secret in ["t0p-s3cret", "plain text", "client.key"] {
        assert!(!shown.contains(secret), "{shown}");
        assert_eq!(plan.secrets().redacted(secret), "***");
    }
    assert_eq!(plan.secrets().redacted("1"), "1");
    let plan = plan_of("target: {stdio: [node], env: {KEY: \"first line\\nsecond line\"}}");
    assert_eq!(plan.secrets().redacted("no second line"), "no ***");
}

#[track_caller]
fn golden_plan(name: &str, path: &str) {
    let loaded = loaded(path);
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    golden_json(&format!("{name}.plan"), &loaded.plan);
    let text = describe(&loaded.plan, &loaded.criteria);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    golden(Path::new(&format!("tests/golden/{name}.describe.txt")), &text);
    golden_resolved(name, Path::new(path), &loaded);
}

/// What `gander validate --yaml` prints, and that it says the same as the files it was made of.
#[track_caller]
fn golden_resolved(name: &str, path: &Path, loaded: &Loaded) {
    let mut scenario = resolved(&loaded.plan, &loaded.criteria);
    golden(
        Path::new(&format!("tests/golden/{name}.resolved.yaml")),
        &serde_yaml::to_string(&scenario).unwrap(),
    );
    let mut objectives = scenario.remove("objectives").unwrap();
    for objective in objectives.as_sequence_mut().unwrap() {
        objective.as_mapping_mut().unwrap().remove("origin").unwrap();
    }
    let mut slo = format!("version: 1\nobjectives: {}\n", serde_json::to_string(&objectives).unwrap());
    for name in ["abort_when", "checks"] {
        if let Some(written) = scenario.remove(name) {
            slo += &[name, ": ", &serde_json::to_string(&written).unwrap(), "\n"].concat();
        }
    }
    if let Some(mut alerts) = scenario.remove("alerts") {
        for kind in ["must_fire", "must_stay_silent", "must_resolve"] {
            for expectation in alerts[kind].as_sequence_mut().into_iter().flatten() {
                expectation.as_mapping_mut().unwrap().remove("origin").unwrap();
            }
        }
        slo.push_str("\nalerts: ");
        slo.push_str(&serde_json::to_string(&alerts).unwrap());
    }
    scenario.insert("slo".into(), "slo.yaml".into());
    let scenario = serde_yaml::to_string(&scenario).unwrap();
    let folder = path.parent().unwrap();
    let read = |path: &Path| match path.to_str() {
        Some("scenario.yaml") => Ok(scenario.clone()),
        Some("slo.yaml") => Ok(slo.clone()),
        // Files that SLO files name are named from where gander was started.
        _ => read_file(&folder.join(path)).or_else(|_| read_file(path)),
    };
    let files = Files { read: &read, names: &|_| Vec::new() };
    let sources = Sources { files, env: &env, formats: &FORMATS };
    let again = load(Path::new("scenario.yaml"), &Overrides::default(), &sources).unwrap();
    let json = |plan: &Plan| serde_json::to_value(plan).unwrap();
    assert_eq!(json(&again.plan), json(&loaded.plan));
    let what = |objectives: &[Objective]| -> Vec<_> {
        objectives
            .iter()
            .map(|one| (one.name.clone(), one.scope.clone(), one.indicator.clone(), one.terms.clone()))
            .collect()
    };
    assert_eq!(what(&again.criteria.objectives), what(&loaded.criteria.objectives));
    assert_eq!(again.criteria.abort_when, loaded.criteria.abort_when);
    let mut checks = again.criteria.checks.clone();
    let written = checks.truth.iter_mut().zip(&loaded.criteria.checks.truth);
    written.for_each(|(again, loaded)| again.origin.clone_from(&loaded.origin));
    let written = checks.logs.iter_mut().zip(&loaded.criteria.checks.logs);
    written.for_each(|(again, loaded)| again.origin.clone_from(&loaded.origin));
    let written = checks.health.iter_mut().zip(&loaded.criteria.checks.health);
    written.for_each(|(again, loaded)| again.origin.clone_from(&loaded.origin));
    let written = checks.cost.iter_mut().zip(&loaded.criteria.checks.cost);
    written.for_each(|(again, loaded)| again.origin.clone_from(&loaded.origin));
    let written = checks.dashboards.iter_mut().zip(&loaded.criteria.checks.dashboards);
    written.for_each(|(again, loaded)| again.origin.clone_from(&loaded.origin));
    assert_eq!(checks, loaded.criteria.checks);
    let nowhere = |alerts: &Option<AlertCriteria>| {
        let mut alerts = alerts.clone();
        let expectations = alerts.iter_mut().flat_map(|alerts| &mut alerts.expectations);
        expectations.for_each(|expectation| expectation.origin.clear());
        alerts
    };
    assert_eq!(nowhere(&again.criteria.alerts), nowhere(&loaded.criteria.alerts));
}

#[test]
fn golden_objectives_of_the_slo_files() {
    golden_json("default.slo", &shipped("default").criteria.objectives);
    golden_json("every-field.slo", &loaded("tests/golden/every-field.yaml").criteria.objectives);
    golden_json("every-field-open.slo", &loaded("tests/golden/every-field-open.yaml").criteria.objectives);
}

#[test]
fn golden_messages_of_the_bad_files() {
    let mut paths: Vec<PathBuf> = std::fs::read_dir("tests/golden/bad")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".bad.yaml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 25, "{} bad files", paths.len());
    for path in paths {
        let name = path.to_str().unwrap();
        let problems = if name.contains("/slo-") {
            let files = Files { read: &read_file, names: &|_| Vec::new() };
            slo::load(name, &read_file(&path).unwrap(), files).map(|_| ()).unwrap_err()
        } else {
            load_with(name, &Overrides::default()).map(|_| ()).unwrap_err()
        };
        let text = format!("{}{problems}\n", problems.render(Color::Off));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{name}: {text:?}");
        assert!(!text.contains("s3cret"), "{name}: {text}");
        golden(&path.with_extension("txt"), &text);
    }
}

#[test]
fn each_latency_objective_of_the_shipped_scenarios_gets_enough_calls() {
    for name in ["default", "rest", "smoke"] {
        let Loaded { plan, criteria, .. } = shipped(name);
        let steady = plan.load.duration().saturating_sub(plan.load.warm_up).as_secs_f64();
        // Answers of the demo target take a few milliseconds: allow ten.
        let pause = closed(&plan).think_time.mean() + Duration::from_millis(10);
        let calls = f64::from(plan.load.peak_users()) * steady / pause.as_secs_f64();
        for objective in criteria.objectives {
            if let Indicator::Latency { .. } = objective.indicator {
                let share: f64 = plan
                    .transactions
                    .iter()
                    .filter(|transaction| covers(&objective, &plan, transaction.steps[0].index()))
                    .map(|transaction| plan.share(transaction))
                    .sum();
                assert!(calls * share >= 300.0, "{name}: {} has {}", objective.name, calls * share);
            }
        }
    }
}

fn covers(objective: &Objective, plan: &Plan, step: usize) -> bool {
    let step = &plan.steps[step];
    match &objective.scope {
        Scope::All => true,
        Scope::Method(method) => step.method == *method,
        Scope::Tool(tool) => step.tool.as_deref() == Some(tool),
        Scope::Step(name) => step.name == *name,
    }
}

#[track_caller]
fn check_arguments(yaml: &str, expected: &str) {
    let plan = plan_of(&format!("transactions: [{{name: t, call_tool: {{tool: t, arguments: {yaml}}}}}]"));
    let Operation::CallTool { arguments, .. } = &plan.steps.last().unwrap().operation else {
        panic!("the last step is the load")
    };
    let mut out = Vec::new();
    let mut rng = crate::model::CounterRng::new(1, 1);
    arguments.render(
        &mut RenderContext {
            vu: 3,
            iteration: 7,
            nonce: crate::model::Nonce { run: crate::model::RunTag::of(std::time::UNIX_EPOCH), call: 42 },
            rng: &mut rng,
            variables: &Variables::default(),
        },
        &mut out,
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn arguments_are_json_and_lone_number_expressions_are_numbers() {
    check_arguments("{}", "{}");
    check_arguments(
        "{z: 1, a: [true, null, 1.5, text], m: {k: v}}",
        r#"{"z":1,"a":[true,null,1.5,"text"],"m":{"k":"v"}}"#,
    );
    check_arguments(
        r#"{n: "{{ vu }}", s: "{{ string(vu) }}", t: "no {{ vu }}"}"#,
        r#"{"n":3,"s":"3","t":"no 3"}"#,
    );
    check_arguments(r#"{q: "say \"hi\" {{ nonce }}"}"#, r#"{"q":"say \"hi\" gander-00000000-42n"}"#);
    check_arguments(r#"{c: '{{ random.choice("a\"b") }}'}"#, r#"{"c":"a\"b"}"#);
    check_arguments(r#"{e: "{{ env.TOKEN }}"}"#, r#"{"e":"t0p-s3cret"}"#);
}

#[test]
fn secrets_of_the_environment_stay_out_of_the_written_plan() {
    let plan = plan_of(
        "auth: {bearer: \"{{ env.TOKEN }}\"}\ntransactions: [{name: t, call_tool: {tool: t, arguments: {k: \"{{ env.TOKEN }}\"}}}]",
    );
    let written =
        format!("{}{plan:?}{}", serde_json::to_string(&plan).unwrap(), describe(&plan, &Criteria::default()));
    assert!(!written.contains("t0p-s3cret"), "{written}");
}

#[test]
fn files_of_tls_are_read_and_never_written_down() {
    let plan = plan_of(
        "target: {url: 'https://127.0.0.1:1/', tls: {ca: ca.pem, certificate: client.pem, key: client.key}}",
    );
    let tls = &plan.transport.tls;
    assert_eq!(tls.ca.as_ref().unwrap().authorities().unwrap().len(), 1);
    assert!(tls.client.as_ref().unwrap().certified_key().is_ok());
    let written =
        format!("{}{plan:?}{}", serde_json::to_string(&plan).unwrap(), describe(&plan, &Criteria::default()));
    assert!(written.contains("client.key"), "{written}");
    for line in pem("client.key").unwrap().lines().chain(pem("client.pem").unwrap().lines()) {
        assert!(!written.contains(line), "{line} in {written}");
    }
}

#[test]
fn what_proves_a_client_is_read_and_never_written_down() {
    let key = pem("client.key").unwrap();
    for (proof, secrets) in [
        ("client_secret: t0p-s3cret", vec!["t0p-s3cret"]),
        ("private_key: client.key, algorithm: ES256", key.lines().skip(1).take(2).collect()),
        (
            "private_key: '{{ json(env.CONTEXT, \"/key\") }}', algorithm: ES256",
            key.lines().skip(1).take(2).collect(),
        ),
    ] {
        let plan = plan_of(&format!("auth: {{oauth: {{client_id: c, {proof}}}}}"));
        let written = format!(
            "{}{plan:?}{}",
            serde_json::to_string(&plan).unwrap(),
            describe(&plan, &Criteria::default())
        );
        let known = plan.secrets();
        for secret in secrets {
            assert!(!written.contains(secret), "{secret} in {written}");
            assert_eq!(known.redacted(secret), "***", "{proof}");
        }
    }
}

#[test]
fn each_fault_of_a_pem_file_is_told() {
    for (tls, expected) in [
        ("ca: client.key", "`ca`: there is no certificate in it"),
        ("ca: damaged.pem", "`ca`: it is damaged: a section has no end, or is not base64"),
        ("certificate: client.pem, key: ca.pem", "`key`: there is no private key in it"),
        ("certificate: client.pem, key: encrypted.key", "`key`: the private key in it is encrypted"),
        (
            "certificate: client.pem, key: other.key",
            "`key`: the private key in it does not belong to the certificate",
        ),
        ("certificate: client.pem", "`certificate`: it has no use alone"),
    ] {
        let line = format!("target: {{url: 'https://127.0.0.1:1/', tls: {{{tls}}}}}");
        let problems = load_text(&scenario(&line), &Overrides::default()).unwrap_err();
        let found: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(found, [expected], "{tls}");
    }
}

#[test]
fn the_end_of_a_session_is_not_waited_for_as_long_as_a_call() {
    let deadlines = |timeout: &str| {
        let plan = plan_of(&format!("timeout: {timeout}"));
        let of = |operation: &Operation| {
            plan.steps.iter().find(|step| step.operation == *operation).unwrap().deadline
        };
        (of(&Operation::list_tools()).as_secs(), of(&Operation::EndSession).as_secs())
    };
    assert_eq!(deadlines("30s"), (30, 5));
    assert_eq!(deadlines("3s"), (3, 3));
}

#[test]
fn the_command_line_wins_over_the_file() {
    let overrides = Overrides {
        target: Some("http://127.0.0.1:9/mcp".to_owned()),
        stdio: None,
        duration: Some("20s".to_owned()),
        users: Some("7".to_owned()),
        set: vec!["load.think_time={min: 1s, max: 2s}".to_owned(), "transactions.list.weight=4".to_owned()],
        out: Some("elsewhere".into()),
        allow_hosts: vec!["example.com".to_owned()],
        slo: Vec::new(),
    };
    let plan = load_text(&scenario("observe: {metrics: /metrics}"), &overrides).unwrap().plan;
    assert_eq!(plan.target, Target::Url("http://127.0.0.1:9/mcp".parse().unwrap()));
    assert_eq!(plan.load.duration(), Duration::from_secs(20));
    assert_eq!(plan.load.peak_users(), 7);
    assert_eq!(closed(&plan).think_time.mean(), Duration::from_millis(1500));
    assert_eq!(plan.transactions[0].weight, 4);
    assert_eq!(plan.outputs.directory, PathBuf::from("elsewhere"));
    assert_eq!(plan.hosts.allowed, ["example.com"]);
    assert_eq!(plan.observe.metrics.as_deref(), Some("/metrics"));
}

#[test]
fn mistakes_on_the_command_line_name_their_flag() {
    let overrides = Overrides {
        duration: Some("20".to_owned()),
        users: Some("many".to_owned()),
        set: vec![
            "load.usres=4".to_owned(),
            "nonsense".to_owned(),
            "transactions.7.weight=1".to_owned(),
            "target.url=x".to_owned(),
            "seed=[".to_owned(),
        ],
        slo: vec!["missing.yaml".into()],
        ..Overrides::default()
    };
    check_problems(
        "",
        &overrides,
        &[
            "--duration:1:1: `duration`: expected a duration, found the number `20`",
            "--set:1:1: there is no `key=value` in it",
            "--set:1:1: there is no `url` in the text `demo`",
            "--set:1:1: `load` has no field `usres`",
            "--set:1:1: there is no `7` in a list",
            "--set:1:6: this is no YAML: unclosed bracket '['",
            "--slo:1:1: there is no file `missing.yaml`",
            "--users:1:1: `users`: expected a whole number, found the text `many`",
        ],
    );
}

#[test]
fn stages_are_changed_one_by_one() {
    let lines = "load: {stages: [{duration: 5s, users: 3}, {duration: 5s, users: 0}]}";
    let set = |text: &str| Overrides { set: vec![text.to_owned()], ..Overrides::default() };
    let plan = load_text(&scenario(lines), &set("load.stages.0.users=9")).unwrap().plan;
    assert_eq!(plan.load.peak_users(), 9);
    let duration = Overrides { duration: Some("1m".to_owned()), ..Overrides::default() };
    check_problems(lines, &duration, &["--duration:1:1: `duration`: cannot stand beside `stages`"]);
}

#[test]
fn slo_files_lie_beside_the_scenario_or_in_the_working_directory() {
    assert_eq!(plan_of("slo: slo.yaml").name, "test");
    assert_eq!(plan_of("slo: [dir/slo.yaml]").name, "test");
    assert_eq!(plan_of("slo: [../dir/./slo.yaml]").name, "test");
    let found = load_text(&scenario("slo: [../dir/slo.yaml]"), &Overrides::default()).unwrap();
    assert_eq!(found.criteria.objectives[0].origin, "dir/slo.yaml:2");
}

#[test]
fn a_scenario_without_objectives_is_warned_of() {
    let loaded = load_text(&scenario("slo: []"), &Overrides::default()).unwrap();
    assert_eq!(loaded.warnings.len(), 1, "{}", loaded.warnings);
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_without_a_place() {
    let problems = load_with("scenarios/none.yaml", &Overrides::default()).unwrap_err();
    let text = problems.render(Color::Off);
    assert!(text.contains("there is no file `scenarios/none.yaml`"), "{text}");
    assert!(text.contains("--> scenarios/none.yaml"), "{text}");
}

/// What a slip of the editor does to a file.
#[derive(Debug, Clone)]
enum Slip {
    Delete,
    Repeat,
    Indent,
    Insert(char),
}

fn slips() -> impl Strategy<Value = Vec<(usize, Slip)>> {
    let slip = prop_oneof![
        Just(Slip::Delete),
        Just(Slip::Repeat),
        Just(Slip::Indent),
        proptest::sample::select(vec!['\t', ':', '{', '}', '[', '"', '-', '*', '&', '!', '0', '\u{1b}', 'é'])
            .prop_map(Slip::Insert),
    ];
    proptest::collection::vec((0usize..200, slip), 1..4)
}

fn slip(text: &str, line: usize, slip: &Slip) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = line % lines.len();
    match slip {
        Slip::Delete => drop(lines.remove(line)),
        Slip::Repeat => lines.insert(line, lines[line].clone()),
        Slip::Indent => lines[line].insert(0, ' '),
        Slip::Insert(c) => {
            let end = lines[line].len();
            let at = lines[line].find(':').map_or(end, |at| at + 1);
            lines[line].insert(at, *c);
        }
    }
    lines.join("\n")
}

proptest! {
    #[test]
    fn a_file_with_slips_is_read_or_its_problems_are_shown(slips in slips()) {
        let default = read_file(Path::new("scenarios/default.yaml")).unwrap();
        // Comments hide slips.
        let bare: Vec<&str> = default.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let text = slips.iter().fold(bare.join("\n"), |text, (line, kind)| slip(&text, *line, kind));
        match load_text(&text, &Overrides::default()) {
            Ok(loaded) => prop_assert!(!loaded.warnings.has_errors()),
            Err(problems) => {
                prop_assert!(problems.has_errors());
                let shown = problems.render(Color::Off);
                prop_assert!(shown.contains("error: "), "{shown}");
                prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
            }
        }
    }
}

fn closed(plan: &Plan) -> &crate::plan::ClosedLoad {
    match &plan.load.model {
        crate::plan::LoadModel::Closed(closed) => closed,
        crate::plan::LoadModel::Open(_) => panic!("the load is an open one"),
    }
}

#[test]
fn a_path_that_no_request_can_hold_is_a_mistake() {
    let long = "x".repeat(70_000);
    let step = format!("transactions: [{{name: one, get: \"/{long}\"}}]");
    check_problems(
        &step,
        &Overrides::default(),
        &["dir/scenario.yaml:1:33: `get`: a path of more than 20000 bytes cannot be called"],
    );
    check_problems(
        &format!("target: \"http://127.0.0.1/{long}\""),
        &Overrides::default(),
        &["dir/scenario.yaml:1:9: `target`: a URL of more than 20000 bytes cannot be called"],
    );
}
