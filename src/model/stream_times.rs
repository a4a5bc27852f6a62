//! When the parts of an answer came, where it came in parts.

use std::time::Duration;

/// The moments of one answer that came on a stream, with news of its progress before it, or as the result of a task, on one
/// clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamTimes {
    /// When the first message came: of the call itself, or beside its answer.
    pub first_event: Option<Duration>,
    /// When the second message came.
    pub second_event: Option<Duration>,
    /// Of a stream that is kept open: when the first notification came on it.
    pub first_news: Option<Duration>,
    /// The longest time from one message to the next.
    pub longest_gap: Option<Duration>,
    /// When the first news of its progress came.
    pub first_progress: Option<Duration>,
    /// How often there was such news.
    pub progress: u64,
    /// When it was there that the call runs as a task.
    pub handed: Option<Duration>,
    /// How often it was asked how far that task is.
    pub polls: u64,
    last_event: Option<Duration>,
}

impl StreamTimes {
    /// A message came `at`.
    pub fn event(&mut self, at: Duration) {
        self.first_event.get_or_insert(at);
        if let Some(last) = self.last_event {
            self.second_event.get_or_insert(at);
            self.longest_gap = self.longest_gap.max(Some(at.saturating_sub(last)));
        }
        self.last_event = Some(at);
    }

    /// The message that came `at` was news of the call's progress.
    pub fn progress(&mut self, at: Duration) {
        self.first_progress.get_or_insert(at);
        self.progress += 1;
    }

    /// The times of a call that was made again, with these the last time.
    #[must_use]
    pub fn followed_by(self, next: Self) -> Self {
        Self {
            first_event: self.first_event.or(next.first_event),
            second_event: self.second_event.or(next.second_event),
            first_news: self.first_news.or(next.first_news),
            longest_gap: self.longest_gap.max(next.longest_gap),
            first_progress: self.first_progress.or(next.first_progress),
            progress: self.progress + next.progress,
            handed: self.handed.or(next.handed),
            polls: self.polls + next.polls,
            last_event: next.last_event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_from_one_message_to_the_next() {
        let ms = Duration::from_millis;
        let mut times = StreamTimes::default();
        times.event(ms(500));
        assert_eq!((times.first_event, times.longest_gap), (Some(ms(500)), None));
        for at in [510, 560, 570] {
            times.event(ms(at));
        }
        times.progress(ms(510));
        times.progress(ms(560));
        assert_eq!((times.first_event, times.longest_gap), (Some(ms(500)), Some(ms(50))));
        assert_eq!((times.first_progress, times.progress), (Some(ms(510)), 2));
        let mut next = StreamTimes::default();
        for at in [900, 980] {
            next.event(ms(at));
        }
        let whole = times.followed_by(next);
        assert_eq!((whole.first_event, whole.longest_gap, whole.progress), (Some(ms(500)), Some(ms(80)), 2));
    }
}
