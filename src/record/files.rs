//! Files that are complete or absent, and files of lines that are complete or dropped.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The run directory can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The operating system refuses.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// `create`, `write`, `read`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("`{}` is not what gander writes there (line {line}): {reason}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The directory was written by another version.
    #[error("`{}` has format version {found}; this gander reads version {known}", path.display())]
    Version {
        /// Which directory.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What is known.
        known: u32,
    },
    /// Not a run directory.
    #[error("`{}` is not a run directory: it has no run.json", path.display())]
    NotARun {
        /// Which directory.
        path: PathBuf,
    },
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    let path = path.to_owned();
    move |source| RecordError::Io { action, path, source }
}

/// Writes `bytes` to `path` so that a crash leaves the old file, the new one, or none, but never a part of one.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".gander-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| io_error("write", path)(without_temporary_name(error)))
}

/// `error` without the name of the file that was to become the one asked for: nobody knows it.
fn without_temporary_name(error: io::Error) -> io::Error {
    if error.get_ref().is_none() {
        return error;
    }
    if error.kind() == io::ErrorKind::NotFound {
        return io::Error::new(io::ErrorKind::NotFound, "there is no such folder");
    }
    error.kind().into()
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RecordError> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("what gander records is always JSON");
    bytes.push(b'\n');
    write_whole(path, &bytes)
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RecordError> {
    let bytes = read_file(path)?;
    serde_json::from_slice(&bytes).map_err(|error| content(path, error.line(), &error))
}

/// [`read_json`], with `None` for a file that is not there.
pub(super) fn read_json_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RecordError> {
    if path.exists() { read_json(path).map(Some) } else { Ok(None) }
}

/// Every complete line of `path`. The last line may be torn by a crash: it is dropped. A file that is not there has no
/// lines.
pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RecordError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = read_file(path)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    bytes[..whole]
        .split(|&byte| byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(i, line)| serde_json::from_slice(line).map_err(|error| content(path, i + 1, &error)))
        .collect()
}

/// A file that grows by whole lines.
#[derive(Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    file: fs::File,
    line: Vec<u8>,
}

impl LineFile {
    #[expect(clippy::disallowed_methods, reason = "this is the file that touches the run directory")]
    pub(super) fn create(path: PathBuf) -> Result<Self, RecordError> {
        let file = fs::File::create(&path).map_err(io_error("create", &path))?;
        Ok(Self { path, file, line: Vec::new() })
    }

    /// Hands one line to the operating system, in one write: a killed gander leaves all lines before it.
    pub(super) fn append(&mut self, value: &impl Serialize) -> Result<(), RecordError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value).expect("what gander records is always JSON");
        self.line.push(b'\n');
        self.file.write_all(&self.line).map_err(io_error("write", &self.path))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the file that touches the run directory")]
fn read_file(path: &Path) -> Result<Vec<u8>, RecordError> {
    fs::read(path).map_err(io_error("read", path))
}

fn content(path: &Path, line: usize, error: &serde_json::Error) -> RecordError {
    RecordError::Content { path: path.to_owned(), line, reason: error.to_string() }
}
