//! Starts gander, the demo target and other servers; reads run directories.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const GANDER: &str = env!("CARGO_BIN_EXE_gander");

/// Load tests share two cores with each other. Held [`alone`] by those that would be about each other.
static LOADS: RwLock<()> = RwLock::new(());

/// A finished gander.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Holds what the run left behind.
    pub(crate) folder: tempfile::TempDir,
}

impl Done {
    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The one run directory that was made.
    pub(crate) fn run_folder(&self) -> PathBuf {
        only_run_in(self.folder.path())
    }

    pub(crate) fn report(&self) -> Value {
        read_json(&self.run_folder().join("report.json"))
    }
}

pub(crate) fn only_run_in(parent: &Path) -> PathBuf {
    let mut runs: Vec<PathBuf> = std::fs::read_dir(parent)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    assert_eq!(runs.len(), 1, "run directories in {}: {runs:?}", parent.display());
    runs.remove(0)
}

pub(crate) fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `gander ARGS`, no load.
pub(crate) fn gander(args: &[&str]) -> Output {
    gander_in(args, &[])
}

/// [`gander`] with these variables in its environment.
pub(crate) fn gander_in(args: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(GANDER)
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// `gander run SCENARIO ARGS` to its end, [`beside_others`].
pub(crate) fn run(scenario: &Path, args: &[&str]) -> Done {
    let _beside_others = beside_others();
    start_run(scenario, args).finish()
}

/// For claims about how long something took, for a PASS (gander's checks of itself are part of it), and for loads that leave
/// no processor to others: nothing else is loaded meanwhile.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    LOADS.write().unwrap_or_else(PoisonError::into_inner)
}

/// For claims that hold however slow the machine is: what calls ended as, how many there were of one kind for each of another,
/// and times that something took at least. Not to be asked for twice by one test: whoever waits to be alone goes first.
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    LOADS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Does `each` of `items` at the same time, and fails when one of them does.
pub(crate) fn at_once<T: Send>(items: impl IntoIterator<Item = T>, each: impl Fn(T) + Sync) {
    // What is skipped is told by the name of the test.
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::scope(|scope| {
        let each = &each;
        for item in items {
            let thread = std::thread::Builder::new().name(name.clone());
            thread.spawn_scoped(scope, move || each(item)).unwrap();
        }
    });
}

/// A gander run that is on.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn start_run(scenario: &Path, args: &[&str]) -> Running {
    start_run_in(scenario, args, &[])
}

/// [`start_run`] with these variables in its environment.
pub(crate) fn start_run_in(scenario: &Path, args: &[&str], environment: &[(&str, &str)]) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(GANDER)
        .arg("run")
        .arg(scenario)
        .arg("--out")
        .arg(folder.path())
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running { child, folder }
}

impl Running {
    pub(crate) fn finish(self) -> Done {
        let output = self.child.wait_with_output().unwrap();
        Done {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            folder: self.folder,
        }
    }

    /// How many seconds of load the run has recorded.
    pub(crate) fn seconds(&self) -> usize {
        let runs = std::fs::read_dir(self.folder.path()).unwrap();
        let recorded = runs.map(|run| run.unwrap().path().join("seconds.ndjson"));
        recorded.filter_map(|path| std::fs::read_to_string(path).ok()).map(|text| text.lines().count()).sum()
    }

    /// Waits until the run has recorded `seconds` seconds of load.
    pub(crate) fn wait_for_seconds(&self, seconds: usize) {
        wait_until(Duration::from_secs(60), || self.seconds() >= seconds);
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

/// Waits for something that must come; fails when it does not.
#[track_caller]
pub(crate) fn wait_until(limit: Duration, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < limit, "it did not come within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server of its own, killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
}

impl Server {
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, so that a start script can take its server with it. Already dead is as good.
        let _ = Command::new("kill").arg(self.child.id().to_string()).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// `gander demo ARGS` on a free port.
pub(crate) fn demo(args: &[&str]) -> Server {
    let mut child = Command::new(GANDER)
        .args(["demo", "--listen", "127.0.0.1:0"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let announcement: Value = serde_json::from_str(&line).unwrap();
    Server { child, base: announcement["listening"].as_str().unwrap().to_owned() }
}

/// A real MCP server of `../shared/targets`; `None` (with the reason printed) where they are not installed.
pub(crate) fn real_server(name: &str) -> Option<Server> {
    real_server_on(name, free_port())
}

/// [`real_server`] on a port of one's choice.
pub(crate) fn real_server_on(name: &str, port: u16) -> Option<Server> {
    let start = root().join("../shared/targets/start");
    let home = std::env::var_os("GANDER_TARGETS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/gander-targets"),
        PathBuf::from,
    );
    if !start.exists() || !home.exists() {
        skipped(&format!("the real MCP servers are not installed (no {})", home.display()));
        return None;
    }
    let mut child = Command::new("bash")
        .arg(start)
        .args([name, &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("{name}: {line}")).to_owned();
    Some(Server { child, base })
}

/// The command of a real MCP server that speaks over stdio; `None` (with the reason printed) where it is not installed.
pub(crate) fn real_stdio_server(name: &str) -> Option<String> {
    let start = root().join("../shared/targets/start");
    let output = Command::new("bash").arg(&start).args([name, "0", "--print"]).output().unwrap();
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let command = line.trim().strip_prefix("ready stdio ").map(str::to_owned);
    let installed = |command: &String| {
        let mut paths = command.split(' ').filter(|word| word.starts_with('/'));
        paths.all(|path| Path::new(path).exists())
    };
    let command = command.filter(installed);
    if command.is_none() {
        skipped(&format!("the real MCP server {name} is not installed"));
    }
    command
}

/// The server that misbehaves on request.
pub(crate) fn fake() -> String {
    root().join("tests/it/fake_mcp.py").to_str().unwrap().to_owned()
}

/// False, with the reason printed, where there is no Python to run the fake server with.
pub(crate) fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        skipped("there is no python3");
    }
    found
}

/// The server that misbehaves on request, over `transport`; `None` (with the reason printed) without Python.
pub(crate) fn fake_over(transport: &str, flags: &[&str]) -> Option<Server> {
    if !has_python() {
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(fake()).arg(transport).args(flags);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("ready ").unwrap().to_owned();
    Some(Server { child, base })
}

/// Says why the test that calls this is left out, past the harness, which shows nothing of a test that passes.
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current();
    let name = test.name().unwrap_or("a test").to_owned();
    std::io::stderr().write_all(format!("\nskipped {name}: {why}\n").as_bytes()).unwrap();
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// One HTTP GET, whole body.
pub(crate) fn http_get(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// A scenario file in a folder of its own.
pub(crate) fn scenario(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// The variable in gander's environment that marks what it starts.
pub(crate) const MARK: &str = "MARK_OF_TEST";

/// Processes that a gander started which was marked with `mark`: what it starts inherits the mark.
pub(crate) fn processes_with(mark: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let read = |path: PathBuf| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    entries
        .filter(|entry| read(entry.path().join("environ")).is_ok_and(|text| text.contains(mark)))
        .filter_map(|entry| read(entry.path().join("cmdline")).ok())
        .filter(|line| !line.starts_with(GANDER))
        .collect()
}

/// Fails when a process is there that was started by a gander whose environment has [`MARK`] with this value.
#[track_caller]
pub(crate) fn none_left(mark: &str) {
    let left = processes_with(mark);
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Of each check of the target's telemetry: its name, its verdict, and why.
pub(crate) fn telemetry(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = |check: &Value| {
        let finding = &check["finding"];
        (text(&finding["name"]), text(&finding["verdict"]), text(&finding["because"]))
    };
    report["telemetry"].as_array().unwrap().iter().map(told).collect()
}

/// Of so many checks of the target's telemetry `check` alone must fail, and say `because`, in every report and offline.
#[track_caller]
pub(crate) fn expect_one_check(done: &Done, count: usize, check: &str, because: &str) {
    let report = done.report();
    let checks = telemetry(&report);
    assert_eq!(checks.len(), count, "{checks:#?}");
    for (name, verdict, said) in &checks {
        let expected = if name == check { "FAIL" } else { "PASS" };
        assert_eq!(verdict, expected, "{name}: {said}");
        assert!(name != check || said.contains(because), "{said}");
    }
    done.expect_code(1);
    let evidence = report["telemetry"].as_array().unwrap().iter().find(|it| it["finding"]["name"] == check);
    let rows = evidence.unwrap()["evidence"]["rows"].as_array().unwrap();
    assert!(!rows.is_empty(), "{report:#}");
    assert!(done.stdout.contains("TELEMETRY"), "{}", done.stdout);
    same_offline(done);
    let junit = std::fs::read_to_string(done.run_folder().join("junit.xml")).unwrap();
    assert!(junit.contains(check), "{junit}");
}

/// `gander check` finds the same, from the run directory alone.
#[track_caller]
pub(crate) fn same_offline(done: &Done) {
    let folder = done.run_folder();
    let folder = folder.to_str().unwrap();
    assert_eq!(gander(&["check", folder]).status.code(), done.code);
    let judged: Value = serde_json::from_slice(&gander(&["report", folder, "-f", "json"]).stdout).unwrap();
    assert_eq!(telemetry(&judged), telemetry(&done.report()));
}
