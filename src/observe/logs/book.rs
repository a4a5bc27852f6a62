//! Matches the lines of a log with the calls that gander made, while both come: what belongs together is counted and forgotten.
//!
//! It holds what is still waited for and no more, so its size goes by the rate of calls and by how late lines may be. It reads no clock
//! and no file.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::line::{LineReader, LogLine, Read};
use super::message::Messages;
use crate::metrics::{CallEnd, CallNote, LogFault, LogFaultKind, LogRecord, LogTally, LogTrouble, StepLines};
use crate::model::{LatencyHistogram, Secrets, format_duration};
use crate::plan::StepId;

/// A call's line may come so many times later than it should: then it is late. After that it is lost.
pub(super) const PATIENCE: u32 = 3;
/// So many calls are waited for at the most.
const MOST_OPEN: usize = 1 << 20;
/// So many of each kind of odd things are told.
const MOST_FAULTS: u32 = 20;
/// The clocks of both ends of a call are read at other moments, and a duration may be rounded up.
const SLACK: Duration = Duration::from_millis(1);
const SKEW: f64 = 1.01;
/// The clocks of this machine and of the target's may differ by so much before anybody says so, in milliseconds.
const AHEAD_MS: i64 = 1_000;

/// On what terms lines and calls are matched.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// A line that comes later than this is late.
    pub(super) lag_within: Duration,
    /// A call that takes this long is slow.
    pub(super) slow: Duration,
    /// The longest time that a call may take.
    pub(super) longest_call: Duration,
    /// True where lines that are about no call may look as they like.
    pub(super) calls_alone: bool,
}

/// When lines were seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenAt {
    /// From the start of the load.
    pub(super) at: Duration,
    /// Milliseconds since 1970.
    pub(super) wall_ms: i64,
}

#[derive(Debug)]
pub(super) struct Book {
    reader: LineReader,
    terms: Terms,
    secrets: Secrets,
    open: HashMap<u64, Slot>,
    /// When a call that has ended is given up, and when a line is whose call has not, in the order of these times.
    ended: VecDeque<(Duration, u64)>,
    early: VecDeque<(Duration, u64)>,
    /// Answered calls without a line.
    waiting: usize,
    messages: Messages,
    told: BTreeMap<LogFaultKind, u32>,
    // What came since the last record.
    tally: LogTally,
    steps: BTreeMap<StepId, StepLines>,
    new: Vec<crate::metrics::NewLogMessage>,
    counts: BTreeMap<u32, (u64, u64)>,
    lag: LatencyHistogram,
    faults: Vec<LogFault>,
}

/// A call, and its lines.
#[derive(Debug, Default)]
struct Slot {
    note: Option<CallNote>,
    lines: u32,
    /// Lines whose level can be read, and those with the level of an error.
    levelled: u32,
    errors: u32,
    /// The longest that a line tells of.
    duration: Option<Duration>,
}

impl Slot {
    fn is_awaited(&self) -> bool {
        self.lines == 0 && self.note.is_some_and(|note| note.end != CallEnd::Unsure)
    }
}

impl Book {
    pub(super) fn new(reader: LineReader, terms: Terms, secrets: Secrets) -> Self {
        Self {
            reader,
            terms,
            secrets,
            open: HashMap::new(),
            ended: VecDeque::new(),
            early: VecDeque::new(),
            waiting: 0,
            messages: Messages::default(),
            told: BTreeMap::new(),
            tally: LogTally::default(),
            steps: BTreeMap::new(),
            new: Vec::new(),
            counts: BTreeMap::new(),
            lag: LatencyHistogram::new(),
            faults: Vec::new(),
        }
    }

    /// Answered calls that have no line yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Calls that it holds.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// A call has ended.
    pub(super) fn call(&mut self, note: CallNote) {
        let patience = self.patience();
        self.with_slot(note.id, |slot| slot.note = Some(note));
        self.ended.push_back((note.ended + patience, note.id));
    }

    /// Some of the answered calls without a line that have ended before `before`, the first ones first.
    pub(super) fn waiting_since(&self, before: Duration, most: usize) -> Vec<u64> {
        let patience = self.patience();
        let ended = self.ended.iter().take_while(|(until, _)| *until < before + patience);
        let waits = |call: &u64| self.open.get(call).is_some_and(Slot::is_awaited);
        ended.map(|(_, call)| *call).filter(waits).take(most).collect()
    }

    /// So many lines are there that were not seen.
    pub(super) fn unseen(&mut self, lines: u64) {
        self.tally.gaps += lines;
    }

    /// Calls found no room on the way here.
    pub(super) fn missed(&mut self, calls: u64) {
        self.tally.unmatched += calls;
    }

    /// The log was rotated, or cut; `has_gap` when lines may be lost by it.
    pub(super) fn rotated(&mut self, has_gap: bool) {
        self.tally.rotations += 1;
        self.tally.gaps += u64::from(has_gap);
    }

    /// A line that is too long to be read.
    pub(super) fn cut(&mut self, start: &[u8], seen: SeenAt) {
        self.tally.lines += 1;
        self.tally.cut += 1;
        self.fault(LogFaultKind::NotJson, None, seen.at, |secrets| {
            format!("too long to be read: {}", secrets.excerpt(&String::from_utf8_lossy(start), &[]))
        });
    }

    /// A line, without its end.
    pub(super) fn line(&mut self, bytes: &[u8], seen: SeenAt) {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return;
        }
        if let Some(line) = self.reader.read(bytes) {
            self.take(&line, seen);
            return;
        }
        self.tally.lines += 1;
        self.tally.not_json += 1;
        self.fault(LogFaultKind::NotJson, None, seen.at, |secrets| {
            format!("no JSON object: {}", secrets.excerpt(&String::from_utf8_lossy(bytes), &[]))
        });
    }

    /// A document that was a line.
    pub(super) fn document(&mut self, object: &serde_json::Map<String, serde_json::Value>, seen: SeenAt) {
        let line = self.reader.of_object(object);
        self.take(&line, seen);
    }

    fn take(&mut self, line: &LogLine, seen: SeenAt) {
        self.tally.lines += 1;
        let is_error = line.is_error.there() == Some(&true);
        self.tally.errors += u64::from(is_error);
        if line.call.is_some() || !self.terms.calls_alone {
            self.look_at_fields(line, seen);
        }
        if let Some(text) = line.message.there() {
            let id = self.messages.number(text, &self.secrets, &mut self.new);
            let counts = self.counts.entry(id).or_default();
            *counts = (counts.0 + 1, counts.1 + u64::from(is_error));
        }
        if let Some(time_ms) = line.time_ms.there() {
            self.look_at_lag(*time_ms, line.call, seen);
        }
        let Some(call) = line.call else {
            self.tally.foreign += 1;
            return;
        };
        let given_up = seen.at + self.patience() + self.terms.longest_call;
        let is_new = self.with_slot(call, |slot| {
            slot.lines += 1;
            slot.levelled += u32::from(line.is_error.there().is_some());
            slot.errors += u32::from(is_error);
            slot.duration = slot.duration.max(line.duration.there().copied());
            slot.lines == 1 && slot.note.is_none()
        });
        if is_new {
            self.early.push_back((given_up, call));
        }
    }

    fn look_at_fields(&mut self, line: &LogLine, seen: SeenAt) {
        let fields = self.reader.fields.clone();
        let of_all = [
            (&fields.time, state(&line.time_ms)),
            (&fields.level, state(&line.is_error)),
            (&fields.message, state(&line.message)),
        ];
        // How long it took a line need not say; what it says must be readable.
        let duration =
            Some((&fields.duration, state(&line.duration))).filter(|(_, state)| *state != Some(false));
        // What has no name is not asked for.
        let asked = of_all.into_iter().filter(|(name, _)| !name.is_empty());
        for (name, state) in asked.chain(duration) {
            match state {
                None => {}
                Some(false) => self.missing(name, line.call, seen),
                Some(true) => {
                    *self.tally.unreadable.entry(name.clone()).or_default() += 1;
                    let text = |_: &Secrets| format!("`{name}` can't be read");
                    self.fault(LogFaultKind::Unreadable, line.call, seen.at, text);
                }
            }
        }
        for name in &line.lacks {
            self.missing(name, line.call, seen);
        }
    }

    fn missing(&mut self, name: &str, call: Option<u64>, seen: SeenAt) {
        *self.tally.missing.entry(name.to_owned()).or_default() += 1;
        self.fault(LogFaultKind::Missing, call, seen.at, |_| format!("`{name}` is not there"));
    }

    fn look_at_lag(&mut self, time_ms: i64, call: Option<u64>, seen: SeenAt) {
        let lag_ms = seen.wall_ms.saturating_sub(time_ms);
        if lag_ms < -AHEAD_MS {
            self.tally.ahead += 1;
        }
        let lag = Duration::from_millis(u64::try_from(lag_ms).unwrap_or_default());
        self.lag.record(lag);
        if lag > self.terms.lag_within {
            self.tally.late += 1;
            self.fault(LogFaultKind::Late, call, seen.at, |_| format!("{} late", format_duration(lag)));
        }
    }

    /// Counts what is over by `now`.
    pub(super) fn settle(&mut self, now: Duration) {
        while let Some((until, call)) = self.ended.front().copied() {
            let is_crowded = self.open.len() > MOST_OPEN;
            if until > now && !is_crowded {
                break;
            }
            self.ended.pop_front();
            let Some(slot) = self.open.remove(&call) else { continue };
            if until > now && slot.is_awaited() {
                self.tally.unmatched += 1;
            }
            self.waiting -= usize::from(slot.is_awaited());
            if until <= now || !slot.is_awaited() {
                self.close(&slot);
            }
        }
        while let Some((until, call)) = self.early.front().copied() {
            if until > now && self.open.len() <= MOST_OPEN {
                break;
            }
            self.early.pop_front();
            if self.open.get(&call).is_some_and(|slot| slot.note.is_none())
                && let Some(slot) = self.open.remove(&call)
            {
                self.close(&slot);
            }
        }
    }

    /// Counts all that is left. Where lines were not waited for (`is_hurried`), nobody knows whether calls without one would have had it.
    pub(super) fn finish(&mut self, is_hurried: bool) {
        self.ended.clear();
        self.early.clear();
        let mut left: Vec<(u64, Slot)> = self.open.drain().collect();
        // The same calls are told of, whatever order they are kept in.
        left.sort_by_key(|(call, _)| *call);
        for (_, slot) in &mut left {
            if let Some(note) = slot.note.as_mut().filter(|_| is_hurried && slot.lines == 0) {
                note.end = CallEnd::Unsure;
            }
            self.close(slot);
        }
        self.waiting = 0;
    }

    /// Counts a call that nothing more is waited for.
    fn close(&mut self, slot: &Slot) {
        let Some(note) = slot.note else {
            self.tally.without_call += u64::from(slot.lines);
            return;
        };
        let mut lines = StepLines { step: note.step.0, ..StepLines::default() };
        let mut odd: Vec<(LogFaultKind, String)> = Vec::new();
        match (note.end, slot.lines) {
            (CallEnd::Unsure, _) => lines.unsure = 1,
            (CallEnd::Good | CallEnd::Failed, count) => {
                lines.calls = 1;
                if count == 0 {
                    lines.lost = 1;
                    odd.push((LogFaultKind::Lost, "it has no line".to_owned()));
                } else if count > 1 {
                    lines.several = 1;
                    odd.push((LogFaultKind::Several, format!("it has {count} lines")));
                }
            }
        }
        match note.end {
            CallEnd::Failed if slot.levelled > 0 => {
                lines.failed = 1;
                if slot.errors == 0 {
                    lines.untold = 1;
                    odd.push((LogFaultKind::Untold, "it failed, and no line of it is an error".to_owned()));
                }
            }
            CallEnd::Good if slot.levelled > 0 => {
                lines.good = 1;
                if slot.errors > 0 {
                    lines.accused = 1;
                    odd.push((LogFaultKind::Accused, "it did not fail, and its line is an error".to_owned()));
                }
            }
            CallEnd::Good | CallEnd::Failed | CallEnd::Unsure => {}
        }
        if let Some(told) = slot.duration.filter(|_| note.end != CallEnd::Unsure) {
            odd.extend(self.terms.look_at_time(told, note.service, &mut lines));
        }
        for (kind, text) in odd {
            self.fault_of(kind, note, &text);
        }
        self.steps.entry(note.step).or_default().add(&lines);
    }

    /// What came since the last record.
    pub(super) fn record(&mut self, now: Duration, trouble: Option<LogTrouble>, ended: bool) -> LogRecord {
        let lag = std::mem::take(&mut self.lag);
        LogRecord {
            at_us: micros(now),
            tally: std::mem::take(&mut self.tally),
            steps: std::mem::take(&mut self.steps).into_values().collect(),
            new: std::mem::take(&mut self.new),
            messages: std::mem::take(&mut self.counts)
                .into_iter()
                .map(|(id, (lines, errors))| (id, lines, errors))
                .collect(),
            lag: (!lag.is_empty()).then_some(lag),
            faults: std::mem::take(&mut self.faults),
            trouble,
            ended,
        }
    }

    fn patience(&self) -> Duration {
        self.terms.lag_within * PATIENCE
    }

    /// Changes the slot of `call`, and keeps count of those that are waited for.
    fn with_slot<T>(&mut self, call: u64, change: impl FnOnce(&mut Slot) -> T) -> T {
        let slot = self.open.entry(call).or_default();
        let before = usize::from(slot.is_awaited());
        let changed = change(slot);
        self.waiting = self.waiting + usize::from(slot.is_awaited()) - before;
        changed
    }

    fn fault_of(&mut self, kind: LogFaultKind, note: CallNote, text: &str) {
        if self.tells(kind) {
            let (call, step) = (Some(note.id), Some(note.step));
            self.faults.push(LogFault { kind, call, step, at_us: micros(note.ended), text: text.to_owned() });
        }
    }

    fn fault(
        &mut self,
        kind: LogFaultKind,
        call: Option<u64>,
        at: Duration,
        text: impl Fn(&Secrets) -> String,
    ) {
        if self.tells(kind) {
            let text = text(&self.secrets);
            self.faults.push(LogFault { kind, call, step: None, at_us: micros(at), text });
        }
    }

    fn tells(&mut self, kind: LogFaultKind) -> bool {
        let told = self.told.entry(kind).or_default();
        *told += 1;
        *told <= MOST_FAULTS
    }
}

impl Terms {
    /// Holds how long a call took by its line, `told`, against how long its client waited.
    fn look_at_time(
        &self,
        told: Duration,
        waited: Duration,
        lines: &mut StepLines,
    ) -> Option<(LogFaultKind, String)> {
        lines.timed = 1;
        let is_slow = waited >= self.slow;
        lines.slow = u64::from(is_slow);
        let words = || {
            let (told, waited) = (format_duration(told), format_duration(waited));
            format!("it took {told} by its line, and its client waited {waited}")
        };
        if told > waited.mul_f64(SKEW) + SLACK {
            lines.too_long = 1;
            return Some((LogFaultKind::TooLong, words()));
        }
        if is_slow && told * 2 < waited {
            lines.told_fast = 1;
            return Some((LogFaultKind::ToldFast, words()));
        }
        None
    }
}

/// `None` for a field that is there, true for one that can't be read, false for one that is missing.
fn state<T>(read: &Read<T>) -> Option<bool> {
    match read {
        Read::There(_) => None,
        Read::Odd => Some(true),
        Read::Missing => Some(false),
    }
}

fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}
