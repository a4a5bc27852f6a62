//! The one integration-test binary. A test that needs a program from outside (npm servers, Chromium) is skipped with a
//! printed reason where it is not installed; `.ci/run` installs all of them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read files, measure time, and fail where something is missing"
)]

/// Starts gander, the demo target and other servers; reads run directories.
mod support;

/// Starts a real Alertmanager and speaks to it.
mod real_alertmanager;

/// What the house promises about itself: layers, file sizes, file headers, docs that agree with the code.
mod tidy;

/// The main job as a user types it: exit codes, what is printed, what is left behind.
mod main_job;

/// Bad input: every `*.bad.yaml`, wrong flags, forbidden hosts. Exit 2, nothing sent.
mod bad_input;

/// Runs that end early: Ctrl-C, SIGTERM, SIGKILL of gander, a target that dies or is not there.
mod endings;

/// Loads that gander stops by itself.
mod aborts;

/// The numbers: counts equal the target's own, latencies equal the injected ones.
mod truth;

/// The target's own telemetry against what was sent: faults that are found, and healthy targets that raise nothing.
mod telemetry;

/// The target's health endpoints against how its calls went: faults that are found, and healthy targets that raise nothing.
mod health_checks;

/// Canaries in what is sent, looked for in all that is seen.
mod canaries;

/// What a run costs, by a price sheet.
mod cost;

/// Grafana dashboards over runs: every panel has data, or is named.
mod dashboards;

/// The selftest, and the target that does nothing.
mod selftest;

/// How often verdicts err, by simulation.
mod abort_rates;
mod verdicts;
mod windows;

/// Loads whose calls are due by a schedule.
mod open_load;

/// Steps that are made of what earlier ones found, and of the scenario's data.
mod chained;

/// Sessions that come and go.
mod churn;

/// Tokens that run out, by logins and by OAuth.
mod auth;

/// `gander init` against servers of all kinds.
mod init;

/// Targets behind TLS, and behind a proxy.
mod transport;

/// Targets that are processes, and targets that speak HTTP+SSE.
mod transports;

/// Answers that come to the wrong call.
mod crosstalk;
/// What comes beside answers: requests of the target, progress, notifications; and calls that are broken off.
mod messages;

/// Tools that run as tasks.
mod tasks;

/// Streams that are held open beside the load.
mod idle_streams;

/// Arguments that are made from what tools say that they take.
mod arguments;

/// Objectives on when the parts of answers come.
mod stream_objectives;

/// Answers that are not what the tools said that they would be.
mod output_schemas;

/// Sessions that servers lose in mid-run.
mod logs;
mod lost_sessions;

/// Several URLs of one target.
mod replicas;

/// MCP servers that other people wrote, in the eras they speak.
mod real_servers;

/// The official conformance suite, of clients and of servers.
mod conformance;

/// Rule files and their unit tests, beside promtool.
mod rules;
// The regular expressions of queries, and the templates, in rule files.
mod regexes;
mod rule_templates;

/// Targets that are clumsy about their metrics, scraped by a real Prometheus and by us.
mod odd_scrapes;

/// The PromQL engine, held to a real Prometheus.
mod promql_oracle;
// The same over what a run recorded, the rules of the guide among the queries.
mod promql_recorded;

// What must hold of readers of foreign text, shared with the targets of cargo-fuzz, and mutated texts for it.
#[path = "../fuzz/exposition_property.rs"]
mod exposition_property;
#[path = "../fuzz/promql_property.rs"]
mod promql_property;
mod faults;
mod fuzzed;

/// Drills with a real Alertmanager.
mod drills;

/// Alertmanager's configuration against Alertmanager itself.
mod alertmanager;

/// Runs whose alert rules are evaluated over what they scraped.
mod alerts;

/// SLO files of other tools, over real runs.
mod slo_files;

/// Text from a hostile server, in every report.
mod hostile;

/// `report.html` in a real browser.
mod browser;

/// The user's own Prometheus in place of scraping.
mod own_prometheus;
