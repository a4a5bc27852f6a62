//! Lists that come in pages: where the next one begins, as the target said with the last one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use serde::Deserialize;

use super::Client;
use crate::plan::{Step, StepId};

/// A list that is being read page by page.
#[derive(Debug)]
pub(super) struct Pages {
    step: StepId,
    /// The members that ask for the next page: JSON text; empty where there is none.
    next: Vec<u8>,
    /// The cursors that were given, by their hashes: what they hold is the target's to say.
    seen: HashSet<u64>,
    read: u32,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(rename = "nextCursor", borrow, default)]
    next: Option<Cow<'a, str>>,
}

impl Client {
    /// The next call of `step` asks for the first page again.
    pub fn first_page(&mut self) {
        self.pages = None;
    }

    /// True when the last answer to `step` said that there is more, and the step wants more.
    pub fn has_next_page(&self, step: StepId) -> bool {
        let wanted = self.wire.steps[step.index()].conduct.pages.unwrap_or(1);
        self.pages
            .as_ref()
            .is_some_and(|pages| pages.step == step && !pages.next.is_empty() && pages.read < wanted)
    }

    /// What the next call of `step` asks with, beside its own parameters.
    pub(super) fn cursor(&mut self, step: &Step) -> Vec<u8> {
        let pages = self.pages.as_mut().filter(|pages| pages.step == step.id);
        pages.map(|pages| std::mem::take(&mut pages.next)).unwrap_or_default()
    }

    /// Takes note of where the page after `result` begins.
    pub(super) fn page_read(&mut self, step: &Step, result: &str) {
        if step.conduct.pages.is_none() {
            return;
        }
        let next = serde_json::from_str::<Page<'_>>(result).ok().and_then(|page| page.next);
        let pages = self.pages.get_or_insert_with(|| {
            Box::new(Pages { step: step.id, next: Vec::new(), seen: HashSet::new(), read: 0 })
        });
        pages.read += 1;
        let Some(cursor) = next else { return };
        let mut hasher = DefaultHasher::new();
        cursor.hash(&mut hasher);
        if pages.seen.insert(hasher.finish()) {
            pages.next = br#""cursor":"#.to_vec();
            pages.next.extend(serde_json::to_vec(&cursor).expect("a string is always JSON"));
        } else {
            self.wire.gathered.messages(|messages| messages.repeated_cursors += 1);
        }
    }
}
