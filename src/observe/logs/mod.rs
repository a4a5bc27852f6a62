//! The target's structured log, followed beside the load, and matched with the calls while both come.
//!
//! What goes into records are tallies and the first few of what is odd; the log itself is not kept.

mod book;
mod index;
mod line;
mod message;
mod sweeper;
mod tail;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Interval;
use tokio_util::sync::CancellationToken;

use self::book::{Book, PATIENCE, SeenAt, Terms};
use self::index::{Document, Index, MOST_IDS, Trouble};
use self::line::LineReader;
pub(super) use self::sweeper::LineSweeper;
use self::tail::{Seen, Tail};
use super::{LogKind, ObserveError, ObserveOptions, Reporter};
use crate::metrics::{CallNotes, LogTrouble, Sweep};
use crate::model::{Secret, printable_text};
use crate::plan::{LogFields, LogPlace};

/// How often a file is looked at, and an index.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often there is a record.
const RECORD_EVERY: Duration = Duration::from_secs(1);
/// So many looks are made after the last line was there that was waited for: another one may come.
const LOOKS_MORE: u32 = 3;

/// What is followed, and on what terms.
#[derive(Debug)]
pub struct LogOptions {
    /// Where it is.
    pub place: LogPlace,
    /// What proves to an index who asks: the value of the `Authorization` header.
    pub authorization: Option<Secret>,
    /// What it calls its fields.
    pub fields: LogFields,
    /// Fields that lines of calls must have, beside time, level and message.
    pub required: Vec<String>,
    /// A line that comes later than this is late.
    pub lag_within: Duration,
    /// A call that takes this long is slow.
    pub slow: Duration,
    /// The longest time that a call may take.
    pub longest_call: Duration,
    /// How many users the run has.
    pub users: u32,
    /// The calls, as they end.
    pub calls: CallNotes,
}

/// The task that follows one log.
pub(super) struct LogWatcher {
    kind: LogKind,
    desk: Option<Desk>,
    index: Option<Index>,
    reporter: Reporter,
    time_of_day: fn() -> i64,
    lag_within: Duration,
}

/// What is worked at off the runtime's own threads.
struct Desk {
    book: Book,
    /// Where the log is a file.
    tail: Option<Tail>,
    place: LogPlace,
    calls: CallNotes,
    /// What looks for canaries in its lines.
    sweep: Option<Arc<Sweep>>,
    trouble: Option<LogTrouble>,
    /// When something new came last, from the start of the load.
    busy_at: Duration,
}

impl LogWatcher {
    /// Nothing is looked at yet.
    pub(super) fn new(
        kind: LogKind,
        asked: LogOptions,
        options: &ObserveOptions,
        reporter: Reporter,
    ) -> Result<Self, ObserveError> {
        let LogOptions {
            place,
            authorization,
            fields,
            required,
            lag_within,
            slow,
            longest_call,
            users,
            calls,
        } = asked;
        let reader = LineReader { fields, required, users };
        let index = match &place {
            LogPlace::File(_) => None,
            LogPlace::Elasticsearch(index) => {
                Some(Index::new(options, index, authorization.as_ref(), reader.clone())?)
            }
        };
        let book = Book::new(
            reader,
            Terms { lag_within, slow, longest_call, calls_alone: kind == LogKind::Audit },
            reporter.secrets.clone(),
        );
        let sweep = options.sweep.clone().filter(|_| kind == LogKind::Log && options.swept_log.is_none());
        let desk = Desk { book, tail: None, place, calls, sweep, trouble: None, busy_at: Duration::ZERO };
        let time_of_day = options.time_of_day;
        Ok(Self { kind, desk: Some(desk), index, reporter, time_of_day, lag_within })
    }

    /// Follows the log from here on.
    pub(super) fn begin(&mut self) {
        let now_ms = (self.time_of_day)();
        if let Some(index) = &mut self.index {
            index.begin(now_ms);
        }
        let desk = self.desk();
        if let LogPlace::File(path) = &desk.place {
            desk.tail = Some(Tail::new(path));
        }
    }

    /// Follows it until it is told to stop, and then until every line is there, or late beyond patience, or it is told to `hurry`.
    pub(super) async fn run(mut self, stop: CancellationToken, hurry: CancellationToken) {
        let every = if self.index.is_some() { ASK_EVERY } else { LOOK_EVERY };
        let mut ticks = super::ticks(every);
        let mut told = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            self.look().await;
            let now = self.reporter.now();
            if now.saturating_sub(told) >= RECORD_EVERY {
                told = now;
                self.record(None);
            }
        }
        self.wait_for_the_rest(&mut ticks, every, &hurry).await;
        self.look_for_unseen().await;
        self.record(Some(Ended { is_hurried: hurry.is_cancelled() }));
    }

    async fn wait_for_the_rest(&mut self, ticks: &mut Interval, every: Duration, hurry: &CancellationToken) {
        let over = self.reporter.now();
        let quiet = (2 * every).max(RECORD_EVERY);
        let mut more = 0;
        loop {
            self.look().await;
            let (now, desk) = (self.reporter.now(), self.desk());
            let is_quiet = now.saturating_sub(desk.busy_at) >= quiet;
            more = if desk.book.waiting() == 0 { more + 1 } else { 0 };
            let waited = now.saturating_sub(over);
            let is_lost = waited >= self.lag_within && is_quiet;
            if more > LOOKS_MORE || is_lost || waited >= self.lag_within * PATIENCE {
                return;
            }
            tokio::select! {
                biased;
                () = hurry.cancelled() => return,
                _ = ticks.tick() => {}
            }
        }
    }

    async fn look(&mut self) {
        let asked = match &mut self.index {
            None => None,
            Some(index) => {
                let desk = self.desk.as_mut().expect("it comes back from each look");
                let late = self.reporter.now().saturating_sub(self.lag_within);
                let waiting = desk.book.waiting_since(late, MOST_IDS);
                Some(index.look(&waiting).await)
            }
        };
        let mut desk = self.desk.take().expect("it comes back from each look");
        let seen = SeenAt { at: self.reporter.now(), wall_ms: (self.time_of_day)() };
        let looked = tokio::task::spawn_blocking(move || {
            desk.look(asked, seen);
            desk
        });
        self.desk = Some(looked.await.expect("a look neither panics nor is cancelled"));
    }

    /// Where an index has more than was seen, lines may be lost.
    async fn look_for_unseen(&mut self) {
        let Some(index) = &self.index else { return };
        let unseen = index.unseen().await;
        let desk = self.desk();
        match unseen {
            Ok(unseen) => desk.book.unseen(unseen),
            Err(trouble) => desk.trouble = Some(LogTrouble::Other(trouble)),
        }
    }

    fn record(&mut self, ended: Option<Ended>) {
        let now = self.reporter.now();
        let desk = self.desk();
        if let Some(Ended { is_hurried }) = ended {
            desk.book.finish(is_hurried);
        }
        let trouble = desk.trouble.clone();
        let record = desk.book.record(now, trouble, ended.is_some());
        self.reporter.log(self.kind, record);
    }

    fn desk(&mut self) -> &mut Desk {
        self.desk.as_mut().expect("it comes back from each look")
    }
}

/// How following a log came to its end.
#[derive(Clone, Copy)]
struct Ended {
    is_hurried: bool,
}

impl Desk {
    /// Looks at the calls that have ended and at the lines that are new: those of the file, or those that were `asked` for.
    fn look(&mut self, asked: Option<Result<Vec<Document>, Trouble>>, seen: SeenAt) {
        for note in self.calls.drain() {
            self.book.call(note);
        }
        self.book.missed(self.calls.take_missed());
        self.trouble = match (asked, &mut self.tail) {
            (Some(Ok(documents)), _) => {
                if !documents.is_empty() {
                    self.busy_at = seen.at;
                }
                for document in &documents {
                    self.book.document(document, seen);
                    if let Some(sweep) = &self.sweep {
                        sweep.line(&serde_json::to_vec(document).expect("a map of texts is JSON"));
                    }
                }
                None
            }
            (Some(Err(trouble)), _) => Some(LogTrouble::Other(trouble)),
            (None, Some(tail)) => {
                let sweep = self.sweep.as_deref();
                follow(tail, &mut self.book, sweep, &mut self.busy_at, seen)
            }
            (None, None) => None,
        };
        self.book.settle(seen.at);
    }
}

/// Gives what is new in a file to `book`; why it can't be read, if so.
fn follow(
    tail: &mut Tail,
    book: &mut Book,
    sweep: Option<&Sweep>,
    busy_at: &mut Duration,
    seen: SeenAt,
) -> Option<LogTrouble> {
    let looked = tail.look(&mut |it| {
        *busy_at = seen.at;
        if let (Some(sweep), Seen::Line(line) | Seen::Cut(line)) = (sweep, it) {
            sweep.line(line);
        }
        match it {
            Seen::Line(line) => book.line(line, seen),
            Seen::Cut(start) => book.cut(start, seen),
            Seen::Rotated { has_gap } => book.rotated(has_gap),
        }
    });
    let error = looked.err()?;
    if error.kind() == io::ErrorKind::NotFound {
        return Some(LogTrouble::NoFile);
    }
    Some(LogTrouble::Other(printable_text(&error.to_string())))
}
