//! The structured log, the audit log and the truth file. Lines are made and written by one thread of their own, behind
//! a bounded channel: a full channel makes the caller wait, so that no line is ever lost.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::call::{Answers, Asked, Ending, Facts};
use super::clock::Clock;
use super::faults::Faults;
use super::log_file::LogFile;
use super::options::DemoOptions;
use crate::model::clean_text;

const CAPACITY: usize = 64 * 1024;
const REDACTED: &str = "***REDACTED***";
const SENSITIVE_KEYS: [&str; 4] = ["password", "token", "secret", "key"];

/// Something to write down.
pub(super) enum Line {
    Call {
        facts: Facts,
        ending: Ending,
        answers: Answers,
        service: Duration,
        reply_bytes: usize,
    },
    Security {
        at: Duration,
        level: &'static str,
        message: String,
    },
    /// The last line: everything before it is written, nothing after it.
    Stop,
}

/// The way to the writing thread.
#[derive(Debug)]
pub(super) struct Journal {
    lines: Option<SyncSender<Line>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failed: Arc<AtomicBool>,
}

/// A file that can't be opened for writing.
#[derive(Debug, thiserror::Error)]
#[error("can't write `{}`", path.display())]
pub struct JournalError {
    pub(super) path: PathBuf,
    #[source]
    pub(super) source: std::io::Error,
}

impl Journal {
    /// Opens the files that the options name, and starts the thread if there are any.
    pub(super) fn open(options: &DemoOptions, clock: Clock) -> Result<Self, JournalError> {
        let failed = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            clock,
            log: options.log.as_deref().map(LogFile::create).transpose()?,
            audit: create(options.audit_log.as_deref())?,
            truth: create(options.truth.as_deref())?,
            event: 0,
            failed: failed.clone(),
        };
        if writer.log.is_none() && writer.audit.is_none() && writer.truth.is_none() {
            return Ok(Self { lines: None, thread: Mutex::new(None), failed });
        }
        let (sender, receiver) = sync_channel(CAPACITY);
        let thread = std::thread::spawn(move || writer.run(&receiver));
        Ok(Self { lines: Some(sender), thread: Mutex::new(Some(thread)), failed })
    }

    /// False when nothing is to be written down.
    pub(super) const fn is_on(&self) -> bool {
        self.lines.is_some()
    }

    /// True once a line could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Takes a line. Waits when the thread is far behind.
    pub(super) fn write(&self, line: Line) {
        if let Some(lines) = &self.lines {
            // The thread is gone only after `close`, when nothing is to be written any more.
            let _ = lines.send(line);
        }
    }

    /// Writes what is under way, and ends the thread.
    pub(super) fn close(&self) {
        self.write(Line::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// Opens a file for writing, empty; nothing without a path.
pub(super) fn create(path: Option<&Path>) -> Result<Option<BufWriter<File>>, JournalError> {
    path.map(|path| {
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .map(BufWriter::new)
            .map_err(|source| JournalError { path: path.to_owned(), source })
    })
    .transpose()
}

struct Writer {
    clock: Clock,
    log: Option<LogFile>,
    audit: Option<BufWriter<File>>,
    truth: Option<BufWriter<File>>,
    event: u64,
    failed: Arc<AtomicBool>,
}

#[derive(Serialize)]
struct LogLine<'a> {
    timestamp: String,
    level: &'a str,
    logger: &'a str,
    message: &'a str,
    #[serde(flatten)]
    call: Option<CallFields<'a>>,
}

#[derive(Serialize)]
struct CallFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    user_id: &'a str,
    method: &'a str,
    tool_name: &'a str,
    duration_ms: f64,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct AuditRecord<'a> {
    timestamp: String,
    event_type: &'a str,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    tool_name: &'a str,
    user_id: &'a str,
    args: Value,
    result_size: usize,
    success: bool,
}

impl Writer {
    fn run(mut self, lines: &Receiver<Line>) {
        loop {
            let line = match lines.try_recv() {
                Ok(line) => line,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    // Nothing waits: who reads the files along sees all there is.
                    self.flush();
                    match self.next(lines) {
                        Ok(Some(line)) => line,
                        Ok(None) => {
                            let now = self.clock.now();
                            let written = self.log.as_mut().map_or(Ok(()), |log| log.write_late(now));
                            self.note(&written);
                            continue;
                        }
                        Err(_) => break,
                    }
                }
            };
            let now = self.clock.now();
            let written = self.log.as_mut().map_or(Ok(()), |log| log.write_late(now));
            self.note(&written);
            let written = match line {
                Line::Stop => break,
                Line::Security { at, level, message } => self.write_security(at, level, &message),
                Line::Call { facts, ending, answers, service, reply_bytes } => self
                    .write_call(&facts, ending, service, reply_bytes)
                    .and_then(|()| self.write_truth(&facts, ending, answers, service)),
            };
            self.note(&written);
        }
        let written = self.log.as_mut().map_or(Ok(()), LogFile::write_all_late);
        self.note(&written);
        self.flush();
    }

    /// Waits for the next line, but no longer than until a late one is due: `None` then.
    fn next(&self, lines: &Receiver<Line>) -> Result<Option<Line>, RecvTimeoutError> {
        let Some(due) = self.log.as_ref().and_then(LogFile::next_due) else {
            return lines.recv().map(Some).map_err(|_| RecvTimeoutError::Disconnected);
        };
        match lines.recv_timeout(due.saturating_sub(self.clock.now())) {
            Err(RecvTimeoutError::Timeout) => Ok(None),
            other => other.map(Some),
        }
    }

    fn write_call(
        &mut self,
        facts: &Facts,
        ending: Ending,
        service: Duration,
        reply_bytes: usize,
    ) -> std::io::Result<()> {
        let timestamp = || self.clock.timestamp(facts.arrived + service);
        let asked = facts.asked.as_ref();
        if let Some(log) = &mut self.log {
            let line = log_line(facts, asked, ending, service, timestamp());
            log.write(&line, facts.faults.as_deref(), facts.arrived + service)?;
        }
        if !facts.method.calls_a_tool() {
            return Ok(());
        }
        if let Some(audit) = &mut self.audit {
            self.event += 1;
            let record = AuditRecord {
                timestamp: timestamp(),
                event_type: "tool_execution",
                event_id: format!("evt-{}-{}", std::process::id(), self.event),
                request_id: asked.and_then(|asked| asked.request_id.as_deref()),
                tool_name: facts.tool.as_str(),
                user_id: facts.user.name(),
                args: redacted(asked.and_then(|asked| asked.arguments.as_deref())),
                result_size: reply_bytes,
                success: ending == Ending::Success,
            };
            for _ in 0..facts.faults.as_deref().map_or(1, Faults::audit_copies) {
                write_json(audit, &record)?;
            }
        }
        Ok(())
    }

    fn write_truth(
        &mut self,
        facts: &Facts,
        ending: Ending,
        answers: Answers,
        service: Duration,
    ) -> std::io::Result<()> {
        let Some(truth) = self.truth.as_mut().filter(|_| facts.method.calls_a_tool()) else { return Ok(()) };
        writeln!(
            truth,
            "{},{},{},{},{},{}",
            facts.arrived.as_micros(),
            facts.method.as_str(),
            clean_text(facts.tool.as_str()),
            ending.status(),
            service.as_micros(),
            ending.truth(answers)
        )
    }

    fn write_security(&mut self, at: Duration, level: &str, message: &str) -> std::io::Result<()> {
        let timestamp = self.clock.timestamp(at);
        match &mut self.log {
            Some(log) => log.write(
                &LogLine { timestamp, level, logger: "mcp.security", message, call: None },
                None,
                at,
            ),
            None => Ok(()),
        }
    }

    fn flush(&mut self) {
        let flushed = [&mut self.audit, &mut self.truth].into_iter().flatten().try_for_each(Write::flush);
        self.note(&flushed);
        let flushed = self.log.as_mut().map_or(Ok(()), LogFile::flush);
        self.note(&flushed);
    }

    fn note(&self, written: &std::io::Result<()>) {
        if written.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

fn log_line<'a>(
    facts: &'a Facts,
    asked: Option<&'a Asked>,
    ending: Ending,
    service: Duration,
    timestamp: String,
) -> LogLine<'a> {
    let failed = ending != Ending::Success;
    let faults = facts.faults.as_deref();
    let scale = if faults.is_some_and(Faults::logs_in_the_wrong_unit) { 1.0 } else { 1e3 };
    let is_told = failed && !faults.is_some_and(Faults::mistakes_the_level);
    let leak = facts.faults.as_ref().is_some_and(|faults| faults.options().leak_secret_in_log);
    let leaked = asked.filter(|_| leak);
    let call = CallFields {
        request_id: asked.and_then(|asked| asked.request_id.as_deref()),
        trace_id: asked.and_then(|asked| asked.trace_id.as_deref()),
        user_id: facts.user.name(),
        method: facts.method.as_str(),
        tool_name: facts.tool.as_str(),
        duration_ms: service.as_micros() as f64 / scale,
        status: ending.status(),
        error_type: failed.then(|| ending.error_type()),
        authorization: leaked.and_then(|asked| asked.authorization.as_deref()),
        args: leaked.and_then(|asked| serde_json::from_str(asked.arguments.as_deref()?).ok()),
    };
    LogLine {
        timestamp,
        level: if is_told { "ERROR" } else { "INFO" },
        logger: "mcp.server",
        message: if failed { "request failed" } else { "request completed" },
        call: Some(call),
    }
}

pub(super) fn write_json(file: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

/// The arguments with the values of sensitive keys blotted out, at any depth.
fn redacted(arguments: Option<&str>) -> Value {
    let mut value = arguments.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    redact(&mut value);
    value
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_lowercase();
                if SENSITIVE_KEYS.iter().any(|key| name.contains(key)) {
                    *value = Value::from(REDACTED);
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sensitive_keys_are_blotted_out_at_any_depth() {
        let arguments =
            r#"{"query":"the password is","API_Key":"k-1","nested":[{"user_token":{"a":1},"id":2}]}"#;
        assert_eq!(
            redacted(Some(arguments)),
            json!({"query": "the password is", "API_Key": REDACTED, "nested": [{"user_token": REDACTED, "id": 2}]})
        );
        assert_eq!(redacted(None), Value::Null);
    }
}
