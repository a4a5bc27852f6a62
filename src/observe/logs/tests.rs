//! Lines and calls, matched.

use serde_json::{Value, json};

use super::*;
use crate::metrics::{CallEnd, CallNote, LogFaultKind, LogStore};
use crate::model::Secrets;
use crate::plan::StepId;

const START_MS: i64 = 1_790_000_000_000;

struct Desk {
    book: Book,
}

impl Desk {
    fn new() -> Self {
        let reader = LineReader { fields: LogFields::default(), required: Vec::new(), users: 9 };
        let terms = Terms {
            lag_within: Duration::from_secs(1),
            slow: Duration::from_millis(500),
            longest_call: Duration::from_secs(10),
            calls_alone: false,
        };
        Self { book: Book::new(reader, terms, Secrets::default()) }
    }

    fn call(&mut self, id: u64, end: CallEnd, service_ms: u64, ended_ms: u64) {
        let (service, ended) = (Duration::from_millis(service_ms), Duration::from_millis(ended_ms));
        self.book.call(CallNote { id, step: StepId(1), end, service, ended });
    }

    fn line(&mut self, id: u64, level: &str, duration_ms: u64, happened_ms: u64, seen_ms: u64) {
        let line = json!({"timestamp": START_MS + happened_ms.cast_signed(), "level": level, "message": "m",
            "request_id": id.to_string(), "duration_ms": duration_ms});
        self.raw(&line, seen_ms);
    }

    fn raw(&mut self, line: &Value, seen_ms: u64) {
        self.book.line(line.to_string().as_bytes(), seen_at(seen_ms));
    }

    fn store(self) -> LogStore {
        self.ended(false)
    }

    fn ended(mut self, is_hurried: bool) -> LogStore {
        self.book.finish(is_hurried);
        let mut store = LogStore::default();
        store.apply(&self.book.record(Duration::from_secs(60), None, true));
        store
    }
}

fn seen_at(ms: u64) -> SeenAt {
    SeenAt { at: Duration::from_millis(ms), wall_ms: START_MS + ms.cast_signed() }
}

const ID: u64 = 1_000_000_001;

#[test]
fn each_call_has_its_line_whichever_comes_first() {
    let mut desk = Desk::new();
    desk.call(ID, CallEnd::Good, 10, 100);
    assert_eq!(desk.book.waiting(), 1);
    desk.line(ID, "INFO", 9, 100, 150);
    desk.line(ID + 1, "INFO", 9, 200, 250);
    desk.call(ID + 1, CallEnd::Good, 10, 200);
    assert_eq!(desk.book.waiting(), 0);
    let all = desk.store().all();
    assert_eq!((all.calls, all.lost, all.several, all.good, all.timed, all.too_long), (2, 0, 0, 2, 2, 0));
}

#[test]
fn lost_lines_and_lines_too_many_are_told_with_their_calls() {
    let mut desk = Desk::new();
    for n in 0..4 {
        desk.call(ID + n, CallEnd::Good, 10, 100);
    }
    desk.line(ID, "INFO", 9, 100, 150);
    for _ in 0..2 {
        desk.line(ID + 1, "INFO", 9, 100, 150);
    }
    // Of a call that broke off nobody knows whether it arrived.
    desk.call(ID + 9, CallEnd::Unsure, 10, 100);
    let store = desk.store();
    let all = store.all();
    assert_eq!((all.calls, all.lost, all.several, all.unsure), (4, 2, 1, 1));
    assert_eq!(store.first(&[LogFaultKind::Lost]).unwrap().call, Some(ID + 2));
    assert_eq!(store.first(&[LogFaultKind::Several]).unwrap().text, "it has 2 lines");
}

#[test]
fn lines_that_nobody_waited_for_are_not_lost() {
    let mut desk = Desk::new();
    desk.call(ID, CallEnd::Good, 10, 100);
    desk.call(ID + 1, CallEnd::Good, 10, 100);
    desk.line(ID, "INFO", 9, 100, 150);
    let all = desk.ended(true).all();
    assert_eq!((all.calls, all.lost, all.unsure), (1, 0, 1));
}

#[test]
fn a_call_is_given_up_after_patience_and_not_before() {
    let mut desk = Desk::new();
    desk.call(ID, CallEnd::Good, 10, 1_000);
    desk.call(ID + 1, CallEnd::Good, 10, 1_000);
    desk.book.settle(Duration::from_millis(3_999));
    desk.line(ID, "INFO", 9, 1_000, 3_999);
    desk.book.settle(Duration::from_secs(4));
    assert_eq!(desk.book.waiting(), 0);
    // That of the second one comes, and nobody knows its call any more.
    desk.line(ID + 1, "INFO", 9, 1_000, 4_001);
    let store = desk.store();
    assert_eq!((store.all().calls, store.all().lost, store.tally.without_call), (2, 1, 1));
    assert_eq!(store.tally.late, 2);
}

#[test]
fn a_line_waits_for_a_call_that_takes_long() {
    let mut desk = Desk::new();
    desk.line(ID, "INFO", 0, 0, 0);
    desk.book.settle(Duration::from_millis(12_999));
    desk.call(ID, CallEnd::Good, 12_000, 12_990);
    let store = desk.store();
    assert_eq!((store.all().lost, store.tally.without_call), (0, 0));
}

#[test]
fn levels_agree_with_what_the_client_saw() {
    let mut desk = Desk::new();
    for (n, end, level) in [
        (0, CallEnd::Failed, "ERROR"),
        (1, CallEnd::Failed, "INFO"),
        (2, CallEnd::Good, "error"),
        (3, CallEnd::Unsure, "ERROR"),
    ] {
        desk.call(ID + n, end, 10, 100);
        desk.line(ID + n, level, 9, 100, 150);
    }
    // A level that is missing is a missing field, and no wrong level.
    desk.call(ID + 4, CallEnd::Failed, 10, 100);
    desk.raw(&json!({"timestamp": START_MS, "message": "m", "request_id": ID + 4}), 150);
    let store = desk.store();
    let all = store.all();
    assert_eq!((all.failed, all.untold, all.good, all.accused), (2, 1, 1, 1));
    assert_eq!((store.tally.errors, store.tally.missing["level"]), (3, 1));
}

#[test]
fn times_are_held_against_what_the_client_waited() {
    let mut desk = Desk::new();
    for (n, service, told) in [(0, 100, 102), (1, 100, 103), (2, 500, 250), (3, 500, 249), (4, 499, 1)] {
        desk.call(ID + n, CallEnd::Good, service, 1_000);
        desk.line(ID + n, "INFO", told, 1_000, 1_050);
    }
    let all = desk.store().all();
    assert_eq!((all.timed, all.too_long, all.slow, all.told_fast), (5, 1, 2, 1));
}

#[test]
fn late_lines_and_times_to_come_are_counted() {
    let mut desk = Desk::new();
    for (n, happened, seen) in [(0, 0, 1_000), (1, 0, 1_001), (2, 2_000, 1_000), (3, 2_001, 1_000)] {
        desk.line(ID + n, "INFO", 1, happened, seen);
    }
    let store = desk.store();
    assert_eq!((store.tally.late, store.tally.ahead, store.lag.count()), (1, 1, 4));
}

#[test]
fn what_is_no_line_is_counted_and_cleaned() {
    let mut desk = Desk::new();
    desk.book.line(b"  ", seen_at(0));
    for n in 0..1_000 {
        desk.book.line(format!("{n} \u{1b}[31mnot json").as_bytes(), seen_at(0));
    }
    desk.book.cut(b"{", seen_at(0));
    let store = desk.store();
    assert_eq!((store.tally.lines, store.tally.not_json, store.tally.cut), (1_001, 1_000, 1));
    assert_eq!(store.faults.len(), 20);
    assert_eq!(store.faults[0].text, "no JSON object: 0 \u{FFFD}[31mnot json");
}

#[test]
fn what_is_over_takes_no_memory() {
    let mut desk = Desk::new();
    for n in 0..200_000 {
        let at = n / 10;
        desk.call(ID + n, CallEnd::Good, 1, at);
        desk.line(ID + n, "INFO", 1, at, at);
        desk.book.settle(Duration::from_millis(at));
    }
    // Ten a millisecond, for three seconds.
    assert!(desk.book.open() <= 30_010, "{}", desk.book.open());
    let store = desk.store();
    assert_eq!((store.all().calls, store.all().lost), (200_000, 0));
}
