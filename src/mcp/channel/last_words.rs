//! What a process says on its standard error: always read, the last lines kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStderr;

use super::lines::{Line, Lines};
use crate::model::Secrets;

/// How many lines are kept, ...
const MOST_LINES: usize = 8;
/// ... and how much of each, in bytes.
const LONGEST_LINE: usize = 2 * 1024;
/// How much of them is told, in characters: as much as a reason holds beside our own words.
const MOST_TOLD: usize = 220;

/// The last lines. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWords(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl LastWords {
    /// Reads `stderr` to its end.
    pub(super) async fn listen(self, mut stderr: ChildStderr) {
        let mut lines = Lines::new(LONGEST_LINE);
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
            lines.push(&chunk[..count], |line| {
                let (Line::Whole(bytes) | Line::TooLong(bytes)) = line;
                let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == MOST_LINES {
                    kept.pop_front();
                }
                kept.push_back(bytes.to_vec());
            });
        }
    }

    /// The last lines on one line, printable and without `secrets`; empty when nothing was said.
    pub(super) fn told(&self, secrets: &Secrets) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: Vec<String> = Vec::new();
        let mut room = MOST_TOLD;
        for line in kept.iter().rev() {
            let line = secrets.excerpt(&String::from_utf8_lossy(line), &[]);
            let length = line.chars().count();
            if length > room {
                if told.is_empty() {
                    told.push(line.chars().take(room).collect::<String>() + "…");
                }
                break;
            }
            room -= length;
            if !line.is_empty() {
                told.push(line);
            }
        }
        told.reverse();
        told.join(" | ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> String {
        let words = LastWords::default();
        words.0.lock().unwrap().extend(lines.iter().map(|line| line.as_bytes().to_vec()));
        let secrets = Secrets::default();
        secrets.learn("s3cret-token");
        words.told(&secrets)
    }

    #[test]
    fn the_last_lines_are_told_without_secrets() {
        assert_eq!(
            told(&["Error: no \x1b[31mkey", "  at s3cret-token:1"]),
            "Error: no \u{fffd}[31mkey | at ***:1"
        );
        assert_eq!(told(&[]), "");
        let long = "x".repeat(MOST_TOLD - 3);
        assert_eq!(told(&["first", &long, "end"]), format!("{long} | end"));
        assert_eq!(told(&["first", &"y".repeat(999)]).chars().count(), MOST_TOLD + 1);
    }
}
