//! The end of a file that grows, line by line, through rotation: by renaming, and by copying and cutting. It knows nothing of what lines say.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A longer line is passed over; this much of it is told.
pub(super) const LONGEST_LINE: usize = 64 << 10;
/// So much is read in one go.
const PIECE: usize = 256 << 10;
/// So much before the place that was read up to is remembered, to know the file again.
const MEMORY: usize = 64;
/// A file that was renamed is read on for so many looks: whoever writes it may not know yet.
const LOOKS_AFTER: u32 = 50;
/// So many files of that kind are read at the same time.
const MOST_OLD: usize = 4;

/// What a look at the file brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// A whole line, without its end.
    Line(&'a [u8]),
    /// The start of a line that is too long.
    Cut(&'a [u8]),
    /// The file was renamed, or cut; `has_gap` when lines may be lost by it.
    Rotated {
        /// What was written between the last look and the cut was found in no copy.
        has_gap: bool,
    },
}

/// A file that is followed by its name.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    current: Option<Part>,
    /// Under this name before, with the looks that are left.
    old: Vec<(Part, u32)>,
}

/// One file, read up to a place.
#[derive(Debug)]
struct Part {
    file: File,
    inode: (u64, u64),
    at: u64,
    /// What stands before `at`.
    memory: Vec<u8>,
    lines: Lines,
}

/// Bytes cut into lines.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
    /// In a line that is too long.
    passes_over: bool,
}

impl Tail {
    /// Follows `path` from its end, or from its start if it is not there yet.
    pub(super) fn new(path: &Path) -> Self {
        let current = open(path).ok().and_then(|mut part| {
            part.skip_to_end().ok()?;
            Some(part)
        });
        Self { path: path.to_owned(), current, old: Vec::new() }
    }

    /// Gives all that is new to `see`.
    ///
    /// # Errors
    /// The file is not there, or can't be read.
    pub(super) fn look(&mut self, see: &mut dyn FnMut(Seen<'_>)) -> io::Result<()> {
        for (part, looks) in &mut self.old {
            part.read_on(see)?;
            *looks -= 1;
        }
        self.old.retain(|(_, looks)| *looks > 0);
        let there = std::fs::metadata(&self.path);
        if let Some(part) = &mut self.current {
            if !part.is_as_remembered()? {
                part.begin_again(&self.path, see)?;
            }
            part.read_on(see)?;
        }
        match there {
            Ok(metadata) if self.current.as_ref().is_some_and(|part| part.inode == inode(&metadata)) => {
                Ok(())
            }
            Ok(_) => {
                if let Some(part) = self.current.take() {
                    see(Seen::Rotated { has_gap: false });
                    self.old.push((part, LOOKS_AFTER));
                    let too_many = self.old.len().saturating_sub(MOST_OLD);
                    self.old.drain(..too_many);
                }
                self.current.insert(open(&self.path)?).read_on(see)
            }
            // Between the renaming and the new file; what is there of the old one was read.
            Err(_) if self.current.is_some() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the file that follows the target's log")]
fn open(path: &Path) -> io::Result<Part> {
    let file = File::open(path)?;
    let inode = inode(&file.metadata()?);
    Ok(Part { file, inode, at: 0, memory: Vec::new(), lines: Lines::default() })
}

fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl Part {
    /// Passes over what is there, up to the last line's end.
    fn skip_to_end(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let start = length.saturating_sub(LONGEST_LINE as u64);
        let end = read_between(&self.file, start, length)?;
        // A line that is half written will be whole.
        let whole = end.iter().rposition(|&byte| byte == b'\n').map_or(end.len(), |place| place + 1);
        self.at = start + whole as u64;
        self.remember(&end[..whole]);
        Ok(())
    }

    fn remember(&mut self, bytes: &[u8]) {
        self.memory.extend_from_slice(&bytes[bytes.len().saturating_sub(MEMORY)..]);
        self.memory.drain(..self.memory.len().saturating_sub(MEMORY));
    }

    /// True when what stands before the place is what stood there.
    fn is_as_remembered(&self) -> io::Result<bool> {
        holds_before(&self.file, self.at, &self.memory)
    }

    fn read_on(&mut self, see: &mut dyn FnMut(Seen<'_>)) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let count = self.file.read_at(&mut piece, self.at)?;
            if count == 0 {
                return Ok(());
            }
            self.at += count as u64;
            self.remember(&piece[..count]);
            self.lines.add(&piece[..count], see);
        }
    }

    /// The file was cut: what was written before that and not read is in a copy, if one was made.
    fn begin_again(&mut self, path: &Path, see: &mut dyn FnMut(Seen<'_>)) -> io::Result<()> {
        let copy = copies(path).into_iter().find_map(|copy| {
            let mut part = open(&copy).ok()?;
            let is_it = part.inode != self.inode && holds_before(&part.file, self.at, &self.memory).ok()?;
            part.at = self.at;
            is_it.then_some(part)
        });
        let has_gap = copy.is_none();
        if let Some(mut copy) = copy {
            copy.lines = std::mem::take(&mut self.lines);
            copy.read_on(see)?;
        }
        see(Seen::Rotated { has_gap });
        self.at = 0;
        self.memory.clear();
        self.lines = Lines::default();
        Ok(())
    }
}

/// The files beside `path` whose names begin with its own, the newest first.
fn copies(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let other = entry.file_name().to_string_lossy().into_owned();
            other != name && other.starts_with(&name)
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// True when `memory` stands before the place `at` of `file`.
fn holds_before(file: &File, at: u64, memory: &[u8]) -> io::Result<bool> {
    let Some(start) = at.checked_sub(memory.len() as u64) else { return Ok(false) };
    Ok(read_between(file, start, at)? == memory)
}

fn read_between(file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], start + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

impl Lines {
    fn add(&mut self, mut bytes: &[u8], see: &mut dyn FnMut(Seen<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, after) = (&bytes[..end], &bytes[end + 1..]);
            bytes = after;
            if std::mem::take(&mut self.passes_over) {
                continue;
            }
            if self.rest.is_empty() {
                give(line, see);
            } else {
                self.rest.extend_from_slice(line);
                give(&self.rest, see);
                self.rest.clear();
            }
        }
        if self.passes_over {
            return;
        }
        // Where a writer did not notice the cut, there is a hole before what it writes.
        let start =
            if self.rest.is_empty() { bytes.iter().take_while(|byte| **byte == 0).count() } else { 0 };
        self.rest.extend_from_slice(&bytes[start..]);
        if self.rest.len() > LONGEST_LINE {
            give(&self.rest, see);
            self.rest.clear();
            self.passes_over = true;
        }
    }
}

fn give(line: &[u8], see: &mut dyn FnMut(Seen<'_>)) {
    let holes = line.iter().take_while(|byte| **byte == 0).count();
    let line = &line[holes..];
    see(if line.len() > LONGEST_LINE { Seen::Cut(&line[..LONGEST_LINE]) } else { Seen::Line(line) });
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::*;

    struct Log {
        folder: tempfile::TempDir,
        tail: Tail,
    }

    impl Log {
        fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.log");
            write(&path, text);
            let tail = Tail::new(&path);
            Self { folder, tail }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn look(&mut self) -> Vec<String> {
            let mut seen = Vec::new();
            let result = self.tail.look(&mut |it| {
                seen.push(match it {
                    Seen::Line(line) => String::from_utf8(line.to_vec()).unwrap(),
                    Seen::Cut(start) => format!("cut {}", start.len()),
                    Seen::Rotated { has_gap } => format!("rotated {has_gap}"),
                });
            });
            if result.is_err() {
                seen.push("error".to_owned());
            }
            seen
        }
    }

    fn write(path: &Path, text: &str) {
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_written_from_now_on_comes_in_whole_lines() {
        let mut log = Log::new("before\nhalf");
        assert_eq!(log.look(), Vec::<String>::new());
        write(&log.path("x.log"), " a line\nsecond\nthi");
        assert_eq!(log.look(), ["half a line", "second"]);
        write(&log.path("x.log"), "rd\n\n");
        assert_eq!(log.look(), ["third", ""]);
    }

    #[test]
    fn a_file_that_appears_later_is_read_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = Log { tail: Tail::new(&path), folder };
        assert_eq!(log.look(), ["error"]);
        write(&path, "first\n");
        assert_eq!(log.look(), ["first"]);
    }

    #[test]
    fn nothing_is_lost_when_the_file_is_renamed() {
        let mut log = Log::new("");
        write(&log.path("x.log"), "1\n");
        assert_eq!(log.look(), ["1"]);
        write(&log.path("x.log"), "2\n");
        std::fs::rename(log.path("x.log"), log.path("x.log.1")).unwrap();
        assert_eq!(log.look(), ["2"], "the new file is not there yet");
        write(&log.path("x.log.1"), "3\n");
        write(&log.path("x.log"), "4\n");
        assert_eq!(log.look(), ["3", "rotated false", "4"]);
        write(&log.path("x.log.1"), "5\n");
        write(&log.path("x.log"), "6\n");
        assert_eq!(log.look(), ["5", "6"], "its writer still had the old one open");
    }

    #[test]
    fn what_was_written_before_a_cut_is_found_in_the_copy() {
        let mut log = Log::new("");
        let path = log.path("x.log");
        write(&path, "1\n");
        assert_eq!(log.look(), ["1"]);
        write(&path, "2\nha");
        assert_eq!(log.look(), ["2"]);
        write(&path, "lf\n3\n");
        std::fs::copy(&path, log.path("x.log.1")).unwrap();
        OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        write(&path, "4\n");
        assert_eq!(log.look(), ["half", "3", "rotated false", "4"]);
        // Cut, and soon as long as before, without a copy.
        OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        write(&path, "5\n6\n");
        assert_eq!(log.look(), ["rotated true", "5", "6"]);
    }

    #[test]
    fn a_writer_that_does_not_notice_a_cut_leaves_a_hole() {
        let mut log = Log::new("");
        let path = log.path("x.log");
        let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
        writer.write_all(&b"line\n".repeat(100)).unwrap();
        assert_eq!(log.look().len(), 100);
        OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        writer.write_all(b"after\n").unwrap();
        assert_eq!(log.look(), ["rotated true", "after"]);
    }

    #[test]
    fn a_huge_line_is_passed_over_and_takes_no_memory() {
        let mut log = Log::new("");
        let path = log.path("x.log");
        write(&path, &"x".repeat(3 * PIECE));
        assert_eq!(log.look(), [format!("cut {LONGEST_LINE}")]);
        write(&path, &"x".repeat(PIECE));
        assert_eq!(log.look(), Vec::<String>::new());
        assert!(log.tail.current.as_ref().unwrap().lines.rest.capacity() <= LONGEST_LINE + 2 * PIECE);
        write(&path, "x\nnext\n");
        assert_eq!(log.look(), ["next"]);
        write(&path, &format!("{}\nlast\n", "y".repeat(LONGEST_LINE + 1)));
        assert_eq!(log.look(), [format!("cut {LONGEST_LINE}"), "last".to_owned()]);
    }
}
