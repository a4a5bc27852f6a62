//! Messages beside answers, over the whole run, and what a person should know of them.

use crate::model::{Messages, NotificationCount, TaskCount, WishCount, format_count};
use crate::report::RunLog;

/// As many notifications are named in a note.
const MOST_NAMED: usize = 5;

/// All of them.
pub(super) fn messages(log: &RunLog) -> Messages {
    let mut messages = Messages::default();
    log.seconds.iter().for_each(|second| messages += &second.messages);
    messages
}

pub(super) fn notes(messages: &Messages) -> Vec<String> {
    let late = (messages.late_to_cancelled > 0).then(|| {
        format!("answers came to calls that had been cancelled: {}", format_count(messages.late_to_cancelled))
    });
    let repeated = (messages.repeated_cursors > 0).then(|| {
        format!(
            "lists in pages came back to a page that they had been at, and were left there: {}",
            times(messages.repeated_cursors)
        )
    });
    let (rounds, tasks) = (rounds(messages.rounds), tasks(messages.tasks));
    let all = [asked(&messages.wishes), rounds, tasks, told(&messages.notifications), late, repeated];
    all.into_iter().flatten().collect()
}

fn asked(wishes: &[WishCount]) -> Option<String> {
    let asked: Vec<String> = wishes
        .iter()
        .map(|count| {
            let became = [
                (count.answered, "answered"),
                (count.refused, "refused, as the scenario has no answer"),
                (count.unanswered(), "not answered"),
            ];
            let became: Vec<String> = became
                .into_iter()
                .filter(|(times, _)| *times > 0)
                .map(|(times, what)| format!("{} {what}", format_count(times)))
                .collect();
            format!("{} {} ({})", count.wish.label(), times(count.asked), became.join(", "))
        })
        .collect();
    (!asked.is_empty()).then(|| format!("the target asked its clients: {}", asked.join("; ")))
}

fn rounds(rounds: u64) -> Option<String> {
    (rounds > 0).then(|| {
        format!(
            "calls were made again, as their answers asked for input: {} (each is one call)",
            times(rounds)
        )
    })
}

fn tasks(tasks: TaskCount) -> Option<String> {
    let TaskCount { created, completed, failed, cancelled, cancel_requests, polls } = tasks;
    let left = created.saturating_sub(completed + failed + cancelled);
    let became = [
        (completed, "completed"),
        (failed, "failed"),
        (cancelled, "cancelled by the target"),
        (cancel_requests, "cancelled as the scenario asks"),
        (left.saturating_sub(cancel_requests), "not waited for to the end"),
    ];
    let became = became.into_iter().filter(|(count, _)| *count > 0);
    let became: Vec<String> = became.map(|(count, what)| format!("{} {what}", format_count(count))).collect();
    (created > 0).then(|| {
        format!(
            "calls ran as tasks: {} ({}); the target was asked {} how far they were",
            format_count(created),
            became.join(", "),
            times(polls)
        )
    })
}

fn told(notifications: &[NotificationCount]) -> Option<String> {
    let mut most: Vec<&NotificationCount> = notifications.iter().collect();
    most.sort_by_key(|told| std::cmp::Reverse(told.count));
    let mut named: Vec<String> =
        most.iter().take(MOST_NAMED).map(|told| format!("{} {}", told.method, times(told.count))).collect();
    if most.len() > MOST_NAMED {
        let rest: u64 = most[MOST_NAMED..].iter().map(|told| told.count).sum();
        named.push(format!("others {}", times(rest)));
    }
    (!named.is_empty()).then(|| format!("the target sent notifications: {}", named.join(", ")))
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", format_count(count)) }
}
