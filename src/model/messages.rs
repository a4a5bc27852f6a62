//! Messages beside answers: what the target asked of its client, and what it told it unasked. Counted, and in no call's outcome.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::clean_text;

/// A target could invent a new notification for each call: those of more methods than this are counted together...
const MOST_METHODS: usize = 32;
/// ... under this name.
const OTHERS: &str = "(others)";
/// A longer method is cut, in characters.
const LONGEST_METHOD: usize = 80;

/// What a target may ask of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// `sampling/createMessage`.
    Sampling,
    /// `roots/list`.
    Roots,
    /// `elicitation/create`.
    Elicitation,
    /// `ping`.
    Ping,
    /// Anything else.
    Other,
}

/// How often the target asked for one thing, and what it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishCount {
    /// What it asked for.
    pub wish: Wish,
    /// How often.
    pub asked: u64,
    /// How often an answer was sent and taken.
    pub answered: u64,
    /// How often it was told that there is none. What is in neither was not answered: its call or its session had ended, there
    /// was no room, or the answer was not taken.
    pub refused: u64,
}

/// How often the target told one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationCount {
    /// The method, fit to be shown.
    pub method: String,
    /// How often.
    pub count: u64,
}

/// How many messages of each kind came beside answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Messages {
    /// Requests of the target, or of its answers in the modern era, by what they ask for.
    pub wishes: Vec<WishCount>,
    /// How often a call was made again because its answer asked for input.
    pub rounds: u64,
    /// Notifications, by method.
    pub notifications: Vec<NotificationCount>,
    /// Answers to calls that had been cancelled.
    pub late_to_cancelled: u64,
    /// How often a list in pages came back to a page that it had been at, and was left there.
    pub repeated_cursors: u64,
    /// Tools that were run as tasks.
    pub tasks: TaskCount,
}

/// What became of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskCount {
    /// How many the target began.
    pub created: u64,
    /// How many of them it completed: their results may still tell of an error.
    pub completed: u64,
    /// How many failed.
    pub failed: u64,
    /// How many the target cancelled. What is in none of these was not waited for any longer.
    pub cancelled: u64,
    /// How often the target was asked to cancel one, as the scenario says.
    pub cancel_requests: u64,
    /// How often it was asked how far one is.
    pub polls: u64,
}

impl Wish {
    /// Every wish.
    pub const ALL: [Self; 5] = [Self::Sampling, Self::Roots, Self::Elicitation, Self::Ping, Self::Other];

    /// What a request of this method asks for.
    pub fn of(method: &str) -> Self {
        match method {
            "sampling/createMessage" => Self::Sampling,
            "roots/list" => Self::Roots,
            "elicitation/create" => Self::Elicitation,
            "ping" => Self::Ping,
            _ => Self::Other,
        }
    }

    /// In a person's words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sampling => "sampling",
            Self::Roots => "roots",
            Self::Elicitation => "elicitation",
            Self::Ping => "ping",
            Self::Other => "something else",
        }
    }
}

impl WishCount {
    /// None yet.
    fn of(wish: Wish) -> Self {
        Self { wish, asked: 0, answered: 0, refused: 0 }
    }

    /// How often the target got no answer at all.
    pub fn unanswered(&self) -> u64 {
        self.asked.saturating_sub(self.answered + self.refused)
    }
}

impl Messages {
    /// True when there were none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Counts a request of the target.
    pub fn asked(&mut self, wish: Wish) {
        self.wish(wish).asked += 1;
    }

    /// Counts an answer that was sent and taken.
    pub fn answered(&mut self, wish: Wish) {
        self.wish(wish).answered += 1;
    }

    /// Counts a refusal that was sent and taken.
    pub fn refused(&mut self, wish: Wish) {
        self.wish(wish).refused += 1;
    }

    /// Counts a notification. `method` is the target's word.
    pub fn notified(&mut self, method: &str) {
        let cut: String = method.chars().take(LONGEST_METHOD).collect();
        self.add_notifications(&clean_text(&cut), 1);
    }

    fn wish(&mut self, wish: Wish) -> &mut WishCount {
        let place = match self.wishes.binary_search_by_key(&wish, |count| count.wish) {
            Ok(place) => place,
            Err(place) => {
                self.wishes.insert(place, WishCount::of(wish));
                place
            }
        };
        &mut self.wishes[place]
    }

    fn add_notifications(&mut self, method: &str, count: u64) {
        let place = |counts: &[NotificationCount], method: &str| {
            counts.binary_search_by(|known| known.method.as_str().cmp(method))
        };
        let found = place(&self.notifications, method);
        let (method, found) = if found.is_err() && self.notifications.len() >= MOST_METHODS {
            (OTHERS, place(&self.notifications, OTHERS))
        } else {
            (method, found)
        };
        match found {
            Ok(place) => self.notifications[place].count += count,
            Err(place) => {
                self.notifications.insert(place, NotificationCount { method: method.to_owned(), count });
            }
        }
    }
}

impl AddAssign<&Self> for Messages {
    fn add_assign(&mut self, other: &Self) {
        for count in &other.wishes {
            let mine = self.wish(count.wish);
            mine.asked += count.asked;
            mine.answered += count.answered;
            mine.refused += count.refused;
        }
        self.rounds += other.rounds;
        self.late_to_cancelled += other.late_to_cancelled;
        self.repeated_cursors += other.repeated_cursors;
        self.tasks += other.tasks;
        for NotificationCount { method, count } in &other.notifications {
            self.add_notifications(method, *count);
        }
    }
}

impl AddAssign for TaskCount {
    fn add_assign(&mut self, other: Self) {
        self.created += other.created;
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.cancel_requests += other.cancel_requests;
        self.polls += other.polls;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_invents_notifications_does_not_fill_the_memory() {
        let mut messages = Messages::default();
        (0..1_000).for_each(|number| messages.notified(&format!("notifications/{number:04}")));
        messages.notified("notifications/0000");
        messages.notified("notifications/\u{1b}[31m");
        assert_eq!(messages.notifications.len(), MOST_METHODS + 1);
        assert_eq!(messages.notifications.iter().map(|count| count.count).sum::<u64>(), 1_002);
        let others = messages.notifications.iter().find(|count| count.method == OTHERS).unwrap();
        assert_eq!(others.count, 1_001 - MOST_METHODS as u64);
    }

    #[test]
    fn what_is_added_up_is_what_was_counted() {
        let (mut whole, mut sum) = (Messages::default(), Messages::default());
        for (number, wish) in Wish::ALL.into_iter().cycle().take(20).enumerate() {
            let mut one = Messages::default();
            for messages in [&mut one, &mut whole] {
                messages.asked(wish);
                if number.is_multiple_of(2) {
                    messages.answered(wish);
                } else {
                    messages.refused(wish);
                }
                messages.notified(if number.is_multiple_of(3) { "a" } else { "b" });
                messages.rounds += 1;
                messages.late_to_cancelled += 2;
                messages.repeated_cursors += 3;
                let (created, completed, failed) = (4, 5, 6);
                messages.tasks +=
                    TaskCount { created, completed, failed, cancelled: 7, cancel_requests: 8, polls: 9 };
            }
            sum += &one;
        }
        assert_eq!(sum, whole);
        assert!(whole.wishes.iter().all(|count| count.asked == 4 && count.unanswered() == 0));
        assert!(!whole.is_none() && Messages::default().is_none());
    }

    #[test]
    fn a_method_is_fit_to_be_shown() {
        let mut messages = Messages::default();
        messages.notified(&"\u{1b}x".repeat(1_000));
        assert!(messages.notifications[0].method.chars().count() <= LONGEST_METHOD);
        assert!(!messages.notifications[0].method.contains('\u{1b}'));
    }
}
