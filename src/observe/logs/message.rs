//! Messages of a log, with what changes from line to line folded: so many lines, so few messages. A bounded number of them is kept.

use std::collections::HashMap;

use crate::metrics::NewLogMessage;
use crate::model::Secrets;

/// So many messages are told apart.
const MOST_MESSAGES: usize = 200;
/// So many texts are known as they were written, so that most lines cost one look.
const MOST_TEXTS: usize = 4_096;
/// A text that is longer is not remembered as written.
const LONGEST_TEXT: usize = 512;
/// A run of hexadecimal digits of this length, with a figure among them, is an id.
const SHORTEST_ID: usize = 8;
/// Of the messages beyond those that are told apart.
pub(super) const OTHERS: &str = "(other messages)";

/// The messages that were seen, by number.
#[derive(Debug, Default)]
pub(super) struct Messages {
    by_text: HashMap<String, u32>,
    by_fold: HashMap<String, u32>,
}

impl Messages {
    /// The number of `text`; what was not seen before is added to `new`.
    pub(super) fn number(&mut self, text: &str, secrets: &Secrets, new: &mut Vec<NewLogMessage>) -> u32 {
        if let Some(&id) = self.by_text.get(text) {
            return id;
        }
        // Secrets go before anything in them is folded.
        let mut fold = folded(&secrets.excerpt(text, &[]));
        if self.by_fold.len() >= MOST_MESSAGES && !self.by_fold.contains_key(&fold) {
            OTHERS.clone_into(&mut fold);
        }
        let next = u32::try_from(self.by_fold.len()).expect("few messages are told apart");
        let id = *self.by_fold.entry(fold).or_insert_with_key(|fold| {
            new.push(NewLogMessage { id: next, text: fold.clone() });
            next
        });
        if self.by_text.len() < MOST_TEXTS && text.len() <= LONGEST_TEXT {
            self.by_text.insert(text.to_owned(), id);
        }
        id
    }
}

/// `text` with `#` for each number and each id in it.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let (mut rest, mut in_id) = (text, false);
    while let Some(c) = rest.chars().next() {
        if !is_word(c) {
            // The parts of an id such as 0af76519-16cd are one.
            in_id = in_id && c == '-' && rest[1..].starts_with(|c: char| c.is_ascii_hexdigit());
            if !in_id {
                out.push(c);
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let has_figure = word.bytes().any(|byte| byte.is_ascii_digit());
        let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        in_id = is_hex && (in_id || has_figure && word.len() >= SHORTEST_ID);
        if in_id {
            push_mark(&mut out);
        } else {
            fold_figures(word, &mut out);
        }
        rest = &rest[end..];
    }
    out
}

fn fold_figures(word: &str, out: &mut String) {
    for c in word.chars() {
        if c.is_ascii_digit() { push_mark(out) } else { out.push(c) }
    }
}

fn push_mark(out: &mut String) {
    if !out.ends_with('#') {
        out.push('#');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_are_folded() {
        for (text, expected) in [
            ("request completed", "request completed"),
            ("took 17 ms of 250ms", "took # ms of #ms"),
            ("call 0af7651916cd43dd8448eb211c80319c failed", "call # failed"),
            ("id 0af76519-16cd-43dd-8448-eb211c80319c!", "id #!"),
            ("tool2 é 1.5", "tool# é #.#"),
            ("deadbeef feedface", "deadbeef feedface"),
        ] {
            assert_eq!(folded(text), expected);
        }
    }

    #[test]
    fn messages_are_bounded_and_hold_no_secrets() {
        let secrets = Secrets::default();
        secrets.learn("s3cret-9");
        let (mut messages, mut new) = (Messages::default(), Vec::new());
        let first = messages.number("token s3cret-9 of user 4\u{1b}[2J", &secrets, &mut new);
        assert_eq!(messages.number("token s3cret-9 of user 5\u{1b}[2J", &secrets, &mut new), first);
        assert_eq!(new, [NewLogMessage { id: first, text: "token *** of user #\u{FFFD}[#J".to_owned() }]);
        for n in 0..10_000 {
            let letters: String = n.to_string().bytes().map(|digit| char::from(digit + 50)).collect();
            messages.number(&letters, &secrets, &mut new);
        }
        assert_eq!(new.len(), MOST_MESSAGES + 1);
        assert_eq!(new.last().unwrap().text, OTHERS);
        assert!(messages.by_text.len() <= MOST_TEXTS);
    }
}
