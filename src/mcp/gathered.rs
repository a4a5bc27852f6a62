//! What all users of a run see beside the answers to calls: messages, strays, and a few remarks in words. Taken out once a
//! second.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Messages, Secrets, Strays};

/// More remarks than this are not made in a run: the numbers tell the rest.
const MOST_REMARKS: usize = 5;

/// Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    secrets: Secrets,
    books: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
struct Books {
    strays: Strays,
    messages: Messages,
    remarks: Vec<String>,
    /// How many remarks were made, taken out or not.
    made: usize,
    /// True once a line that is no message was shown.
    shown_rubbish: bool,
}

impl Gathered {
    /// Nothing yet. `secrets` are struck from what is remarked.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets, books: Arc::default() }
    }

    /// Counts strays.
    pub(super) fn stray(&self, strays: Strays) {
        self.with(|books| books.strays += strays);
    }

    /// Counts something that is no message; the first of a run is shown.
    pub(super) fn rubbish(&self, bytes: &[u8]) {
        let first = self.with(|books| {
            books.strays.rubbish += 1;
            !std::mem::replace(&mut books.shown_rubbish, true)
        });
        if first {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_SHOWN)]);
            let shown = self.secrets.excerpt(&text, &[]);
            self.remark(format!("the target sends what is no JSON-RPC message; it is read over: `{shown}`"));
        }
    }

    /// Says something about the run, without secrets.
    pub(super) fn remark(&self, text: String) {
        self.with(|books| {
            if books.made < MOST_REMARKS {
                books.made += 1;
                books.remarks.push(text);
            }
        });
    }

    /// Counts messages.
    pub(crate) fn messages(&self, count: impl FnOnce(&mut Messages)) {
        self.with(|books| count(&mut books.messages));
    }

    /// Counts a notification. A method that is not one of MCP's own may be anything, secrets included.
    pub(crate) fn notified(&self, method: &str) {
        if KNOWN.contains(&method) {
            return self.messages(|messages| messages.notified(method));
        }
        let beginning = &method.as_bytes()[..method.len().min(MOST_SHOWN)];
        let shown = self.secrets.excerpt(&String::from_utf8_lossy(beginning), &[]);
        self.messages(|messages| messages.notified(&shown));
    }

    /// What was counted and remarked since the last time.
    pub(crate) fn take(&self) -> (Strays, Messages, Vec<String>) {
        self.with(|books| {
            let Books { strays, messages, remarks, .. } = books;
            (std::mem::take(strays), std::mem::take(messages), std::mem::take(remarks))
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The notifications that MCP has servers send.
const KNOWN: [&str; 8] = [
    "notifications/message",
    "notifications/progress",
    "notifications/resources/updated",
    "notifications/resources/list_changed",
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/subscriptions/acknowledged",
    "notifications/cancelled",
];

/// As much of a line is looked at to show it, in bytes: more than is shown.
const MOST_SHOWN: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_rubbish_is_shown_without_secrets_and_all_are_counted() {
        let secrets = Secrets::default();
        secrets.learn("s3cret");
        let gathered = Gathered::new(secrets);
        gathered.rubbish(b"\x1b[1mlistening with s3cret");
        gathered.rubbish(b"more");
        let (strays, _, remarks) = gathered.take();
        assert_eq!(strays.rubbish, 2);
        assert_eq!(remarks.len(), 1);
        assert!(remarks[0].ends_with("`\u{fffd}[1mlistening with ***`"), "{remarks:?}");
        assert_eq!(gathered.take(), (Strays::default(), Messages::default(), Vec::new()));
    }

    #[test]
    fn the_name_of_a_notification_shows_no_secrets() {
        let secrets = Secrets::default();
        secrets.learn("s3cret");
        secrets.learn("notifications/message");
        let gathered = Gathered::new(secrets);
        gathered.notified("notifications/s3cret");
        gathered.notified("notifications/message");
        let messages = gathered.take().1;
        let methods: Vec<&str> = messages.notifications.iter().map(|told| told.method.as_str()).collect();
        assert_eq!(methods, ["notifications/***", "notifications/message"]);
    }

    #[test]
    fn a_target_that_gives_much_to_remark_does_not_fill_the_report() {
        let gathered = Gathered::new(Secrets::default());
        (0..100).for_each(|number| gathered.remark(number.to_string()));
        assert_eq!(gathered.take().2.len(), MOST_REMARKS);
        gathered.remark("more".to_owned());
        assert!(gathered.take().2.is_empty());
    }
}
