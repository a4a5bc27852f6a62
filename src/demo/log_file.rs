//! The file of the structured log: appended to, opened anew once it was renamed, and with the faults that a log may have.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::faults::Faults;
use super::journal::{JournalError, write_json};

/// The log, open for writing.
pub(super) struct LogFile {
    path: PathBuf,
    file: BufWriter<File>,
    /// Lines that are held back, with the time at which they are written, since the start of the server.
    late: VecDeque<(Duration, Vec<u8>)>,
}

impl LogFile {
    /// An empty one.
    pub(super) fn create(path: &Path) -> Result<Self, JournalError> {
        let opened = append_to(path).and_then(|file| file.set_len(0).map(|()| file));
        let file = opened.map_err(|source| JournalError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), late: VecDeque::new() })
    }

    /// Writes what happened `at`, as `faults` leave it.
    pub(super) fn write(
        &mut self,
        line: &impl Serialize,
        faults: Option<&Faults>,
        at: Duration,
    ) -> std::io::Result<()> {
        let Some(faults) = faults else { return write_json(&mut self.file, line) };
        if faults.loses_this_line() {
            return Ok(());
        }
        let mut value = serde_json::to_value(line)?;
        if let (Some(name), Value::Object(fields)) = (&faults.options().log_without, &mut value) {
            fields.remove(name);
        }
        match faults.options().log_delay {
            None => write_json(&mut self.file, &value),
            Some(delay) => {
                let mut bytes = Vec::new();
                write_json(&mut bytes, &value)?;
                self.late.push_back((at + delay, bytes));
                Ok(())
            }
        }
    }

    /// When the next line is due that is held back.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.late.front().map(|(due, _)| *due)
    }

    /// Writes the lines that are due by `now`.
    pub(super) fn write_late(&mut self, now: Duration) -> std::io::Result<()> {
        while self.next_due().is_some_and(|due| due <= now)
            && let Some((_, bytes)) = self.late.pop_front()
        {
            self.file.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Writes all that is held back.
    pub(super) fn write_all_late(&mut self) -> std::io::Result<()> {
        self.write_late(Duration::MAX)
    }

    /// Hands all lines to the operating system; from now on to a new file, if this one was renamed.
    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()?;
        if !self.path.exists() {
            self.file = BufWriter::new(append_to(&self.path)?);
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    File::options().append(true).create(true).open(path)
}
