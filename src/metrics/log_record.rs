//! What was seen of the target's log, as one line of NDJSON a second: tallies, and the first few of what is odd. The log itself is not kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::LatencyHistogram;
use crate::plan::StepId;

/// What was seen of the log since the record before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogRecord {
    /// From the start of the load, in microseconds.
    pub at_us: u64,
    /// Lines and what is in them.
    pub tally: LogTally,
    /// What became of calls, by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepLines>,
    /// Messages that were not seen before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<NewLogMessage>,
    /// Lines by message: its id, how many, and how many of them tell of an error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<(u32, u64, u64)>,
    /// From when something happened until its line was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<LatencyHistogram>,
    /// The first few of what is odd.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<LogFault>,
    /// Why the log can't be read now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<LogTrouble>,
    /// True in the last one: every line was waited for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

/// Lines, and what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogTally {
    /// All lines, but for empty ones.
    pub lines: u64,
    /// Those whose level is that of an error.
    pub errors: u64,
    /// Those that are no JSON object.
    pub not_json: u64,
    /// Those that are too long to be read.
    pub cut: u64,
    /// Those with the id of a call that gander did not see to its end.
    pub without_call: u64,
    /// Those that name no call of this run.
    pub foreign: u64,
    /// Those that came later than they may.
    pub late: u64,
    /// Those from a time that was still to come, by gander's clock.
    pub ahead: u64,
    /// Lines without a field that they must have, by field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, u64>,
    /// Lines whose field can't be read, by field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable: BTreeMap<String, u64>,
    /// Calls that were not matched, because there was no room for them.
    pub unmatched: u64,
    /// How often the log was rotated, or cut.
    pub rotations: u64,
    /// How often lines may have been lost to a rotation.
    pub gaps: u64,
}

/// What became of the calls of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StepLines {
    /// Which step.
    pub step: u16,
    /// Calls that were answered.
    pub calls: u64,
    /// Answered calls without a line.
    pub lost: u64,
    /// Answered calls with more than one line.
    pub several: u64,
    /// Calls of which nobody knows whether they arrived.
    pub unsure: u64,
    /// Calls that failed, with a line that has a level...
    pub failed: u64,
    /// ... none of which is that of an error.
    pub untold: u64,
    /// Good calls with a line that has a level...
    pub good: u64,
    /// ... one of which is that of an error.
    pub accused: u64,
    /// Calls with a line that says how long they took...
    pub timed: u64,
    /// ... which is longer than their client waited.
    pub too_long: u64,
    /// Those of the timed that were slow...
    pub slow: u64,
    /// ... and are told to have taken less than half of the time.
    pub told_fast: u64,
}

/// A message, with what changes from line to line folded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLogMessage {
    /// What stands for it from now on.
    pub id: u32,
    /// Fit to be shown, without secrets.
    pub text: String,
}

/// Something odd about one call, or one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFault {
    /// What is odd.
    pub kind: LogFaultKind,
    /// The call, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// Its step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// When, from the start of the load, in microseconds.
    pub at_us: u64,
    /// In words; fit to be shown, without secrets.
    pub text: String,
}

/// What is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFaultKind {
    /// A call has no line.
    Lost,
    /// A call has several lines.
    Several,
    /// A failed call has no line with the level of an error.
    Untold,
    /// A good call has a line with the level of an error.
    Accused,
    /// A call took longer by its line than its client waited.
    TooLong,
    /// A slow call is told to have been fast.
    ToldFast,
    /// A line is no JSON object, or too long to be read.
    NotJson,
    /// A field is missing.
    Missing,
    /// A field can't be read.
    Unreadable,
    /// A line came late.
    Late,
}

/// Why a log can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogTrouble {
    /// The file is not there.
    NoFile,
    /// Something else, in words that are fit to be shown.
    Other(String),
}

/// What was seen of a log over the whole run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogStore {
    /// All lines.
    pub tally: LogTally,
    /// What became of calls, by step.
    pub steps: BTreeMap<StepId, StepLines>,
    /// Messages, those with the most lines first.
    pub messages: Vec<LogMessage>,
    /// From when something happened until its line was there.
    pub lag: LatencyHistogram,
    /// The first few of what is odd.
    pub faults: Vec<LogFault>,
    /// Why the log could not be read, when it was last tried.
    pub trouble: Option<LogTrouble>,
    /// True when it was watched until every line was waited for.
    pub ended: bool,
    ids: BTreeMap<u32, String>,
    counts: BTreeMap<u32, (u64, u64)>,
}

/// Lines with one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogMessage {
    /// What changes from line to line is folded.
    pub text: String,
    /// How many lines.
    pub lines: u64,
    /// How many of these have the level of an error.
    pub errors: u64,
}

impl LogTally {
    /// Adds what `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.errors += other.errors;
        self.not_json += other.not_json;
        self.cut += other.cut;
        self.without_call += other.without_call;
        self.foreign += other.foreign;
        self.late += other.late;
        self.ahead += other.ahead;
        self.unmatched += other.unmatched;
        self.rotations += other.rotations;
        self.gaps += other.gaps;
        for (own, others) in [(&mut self.missing, &other.missing), (&mut self.unreadable, &other.unreadable)]
        {
            for (field, count) in others {
                *own.entry(field.clone()).or_default() += count;
            }
        }
    }
}

impl StepLines {
    /// Adds what `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.step = other.step;
        self.calls += other.calls;
        self.lost += other.lost;
        self.several += other.several;
        self.unsure += other.unsure;
        self.failed += other.failed;
        self.untold += other.untold;
        self.good += other.good;
        self.accused += other.accused;
        self.timed += other.timed;
        self.too_long += other.too_long;
        self.slow += other.slow;
        self.told_fast += other.told_fast;
    }
}

impl LogStore {
    /// Adds the next record.
    pub fn apply(&mut self, record: &LogRecord) {
        self.tally.add(&record.tally);
        for lines in &record.steps {
            self.steps.entry(StepId(lines.step)).or_default().add(lines);
        }
        for NewLogMessage { id, text } in &record.new {
            self.ids.insert(*id, text.clone());
        }
        for (id, lines, errors) in &record.messages {
            let counts = self.counts.entry(*id).or_default();
            *counts = (counts.0 + lines, counts.1 + errors);
        }
        if let Some(lag) = &record.lag {
            self.lag.merge(lag);
        }
        self.faults.extend(record.faults.iter().cloned());
        self.trouble.clone_from(&record.trouble);
        self.ended = record.ended;
        self.messages = self
            .counts
            .iter()
            .map(|(id, (lines, errors))| {
                let text = self.ids.get(id).cloned().unwrap_or_default();
                LogMessage { text, lines: *lines, errors: *errors }
            })
            .collect();
        self.messages.sort_by(|a, b| (b.lines, &a.text).cmp(&(a.lines, &b.text)));
    }

    /// The calls of all steps.
    pub fn all(&self) -> StepLines {
        let mut all = StepLines::default();
        self.steps.values().for_each(|lines| all.add(lines));
        all
    }

    /// The first of what is odd in one of these ways.
    pub fn first(&self, kinds: &[LogFaultKind]) -> Option<&LogFault> {
        self.faults.iter().find(|fault| kinds.contains(&fault.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_add_up_and_come_back_from_json() {
        let mut lag = LatencyHistogram::new();
        lag.record(std::time::Duration::from_millis(20));
        let record = LogRecord {
            at_us: 1_000_000,
            tally: LogTally {
                lines: 3,
                errors: 1,
                missing: BTreeMap::from([("level".to_owned(), 1)]),
                ..LogTally::default()
            },
            steps: vec![StepLines { step: 2, calls: 2, lost: 1, ..StepLines::default() }],
            new: vec![NewLogMessage { id: 0, text: "done".to_owned() }],
            messages: vec![(0, 3, 1)],
            lag: Some(lag),
            ..LogRecord::default()
        };
        let again: LogRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(again, record);
        let mut store = LogStore::default();
        store.apply(&again);
        store.apply(&LogRecord { new: Vec::new(), ended: true, ..again });
        assert_eq!((store.tally.lines, store.tally.missing["level"]), (6, 2));
        assert_eq!((store.steps[&StepId(2)].lost, store.all().calls), (2, 4));
        assert_eq!(store.messages, [LogMessage { text: "done".to_owned(), lines: 6, errors: 2 }]);
        assert_eq!(store.lag.count(), 2);
        assert!(store.ended);
    }
}
