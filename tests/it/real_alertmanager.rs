//! Starts a real Alertmanager and speaks to it. Tests that need it or its `amtool` are left out, with the reason printed,
//! where there is none.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{free_port, skipped, wait_until};

/// What Debian and everybody else call it.
const NAMES: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// False, with the reason printed, where there is no `amtool`.
pub(crate) fn amtool() -> bool {
    let found = is_there("amtool");
    if !found {
        skipped("there is no amtool");
    }
    found
}

fn is_there(command: &str) -> bool {
    let asked = Command::new(command).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// An Alertmanager of its own on a free port, without a cluster; killed when dropped.
pub(crate) struct Alertmanager {
    child: Child,
    /// Its address, without a slash at the end.
    pub(crate) base: String,
    _folder: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // Already dead is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Alertmanager {
    /// With this configuration; `None` (with the reason printed) where there is no Alertmanager.
    pub(crate) fn start(config: &str) -> Option<Self> {
        let Some(command) = NAMES.into_iter().find(|name| is_there(name)) else {
            skipped("there is no Alertmanager");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alertmanager.yml");
        std::fs::write(&path, config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let child = Command::new(command)
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let alertmanager = Self { child, base: format!("http://{address}"), _folder: folder };
        wait_until(Duration::from_secs(30), || {
            alertmanager.ask("GET", "/-/ready", "").is_some_and(|(status, _)| status == 200)
        });
        Some(alertmanager)
    }

    /// The status and the body of its answer; `None` while it does not listen.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let host = self.base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).ok()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Posts JSON; gives back the status.
    pub(crate) fn post(&self, path: &str, body: &Value) -> u16 {
        self.ask("POST", path, &body.to_string()).unwrap().0
    }

    /// What it says at `path`.
    pub(crate) fn text(&self, path: &str) -> String {
        let (status, body) = self.ask("GET", path, "").unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The JSON that it says at `path`.
    pub(crate) fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    /// Every alert it has.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        self.get("/api/v2/alerts").as_array().unwrap().clone()
    }

    /// Waits until its alerts are `as_wanted`.
    #[track_caller]
    pub(crate) fn wait_for_alerts(&self, as_wanted: impl Fn(&[Value]) -> bool) {
        wait_until(Duration::from_secs(30), || as_wanted(&self.alerts()));
    }
}
