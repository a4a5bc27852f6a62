//! The demo target as a child process: started on a free loopback port, gone with us whatever happens to us.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use url::Url;

use crate::model::clean_text;
use crate::plan::DemoTarget;

/// How long the child may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take to stop by itself.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// Its exit code when it can't read its arguments.
const BAD_INPUT: i32 = 2;
/// How much of its standard error is kept.
const MAX_STDERR: u64 = 8 * 1024;

/// The demo target did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The process could not be started.
    #[error("failed to start the demo target")]
    Spawn(#[source] std::io::Error),
    /// The scenario's arguments for it are wrong.
    #[error("the demo target refuses its arguments{0}")]
    Arguments(String),
    /// It ended, or stayed silent.
    #[error("the demo target did not say where it listens{0}")]
    Silent(String),
}

/// A running demo target.
#[derive(Debug)]
pub(super) struct DemoChild {
    child: Child,
    /// Kept open: the demo ends when it is closed. Waiting for a child closes what the child still holds of it.
    stdin: Option<ChildStdin>,
    /// Its MCP endpoint, or, for a plan without MCP, its base.
    pub(super) url: Url,
    /// Its process.
    pub(super) pid: u32,
}

#[derive(Deserialize)]
struct Announcement {
    listening: Url,
    pid: u32,
}

impl DemoChild {
    /// Starts `program demo` as `target` wants it, and waits until it listens.
    pub(super) async fn start(program: &PathBuf, target: &DemoTarget) -> Result<Self, DemoError> {
        let mut child = Command::new(program)
            .args(["demo", "--listen", "127.0.0.1:0", "--exit-with-parent"])
            .args(&target.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A Ctrl-C in the terminal is for gander, which stops its target when the load has ended.
            .process_group(0)
            .spawn()
            .map_err(DemoError::Spawn)?;
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START_LIMIT, lines.next_line()).await;
        let announcement: Option<Announcement> = match line {
            Ok(Ok(Some(line))) => serde_json::from_str(&line).ok(),
            Ok(Ok(None) | Err(_)) | Err(_) => None,
        };
        let Some(Announcement { listening, pid }) = announcement else {
            // Without standard input it ends by itself, unless it is stuck.
            drop(child.stdin.take());
            let ended = async { (last_words(&mut child).await, child.wait().await.ok()) };
            let (words, status) = tokio::time::timeout(STOP_LIMIT, ended).await.unwrap_or_default();
            let refused = status.is_some_and(|status| status.code() == Some(BAD_INPUT));
            return Err(if refused { DemoError::Arguments(words) } else { DemoError::Silent(words) });
        };
        let mut stderr = child.stderr.take().expect("standard error is piped");
        tokio::spawn(async move { tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await });
        let stdin = child.stdin.take();
        let url = listening.join(&target.path).unwrap_or(listening);
        Ok(Self { child, stdin, url, pid })
    }

    /// Ends when the process does.
    pub(super) async fn exited(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to stop, and makes sure that it does.
    pub(super) async fn stop(mut self) {
        self.stdin = None;
        if tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            // It may have ended just now; then there is nothing to kill.
            let _ = self.child.kill().await;
        }
    }
}

/// What a child that failed to start said, cleaned, ready to be put behind a sentence.
async fn last_words(child: &mut Child) -> String {
    let mut words = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // What can't be read is not quoted.
        let _ = stderr.take(MAX_STDERR).read_to_end(&mut words).await;
    }
    let words = String::from_utf8_lossy(&words)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(clean_text)
        .collect::<Vec<_>>()
        .join("; ");
    if words.is_empty() { words } else { format!(": {words}") }
}
