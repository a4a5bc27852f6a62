//! The `search` tool: a handful of documents, ranked by the words they share with the query, behind a tiny cache.
//! The ranking stands in for a language model (`demo-model`), so that there is something to count for one.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// The name of the simulated model, as a label value.
pub(super) const MODEL: &str = "demo-model";

/// Queries that share a slot replace each other.
const SLOTS: usize = 64;
const MAX_RESULTS: usize = 3;

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Document {
    title: &'static str,
    text: &'static str,
}

/// What was found, and whether it had been found before.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) documents: Arc<[Document]>,
    pub(super) cached: bool,
}

/// The documents' index with its cache: one slot per hash of a query, each with its own lock.
#[derive(Debug)]
pub(super) struct Search {
    cache: [Mutex<Option<Entry>>; SLOTS],
}

#[derive(Debug)]
struct Entry {
    query: String,
    documents: Arc<[Document]>,
}

const DOCUMENTS: [Document; 8] = [
    Document {
        title: "Golden signals",
        text: "Latency, traffic, errors and saturation say how a service is.",
    },
    Document { title: "Error budget", text: "What an objective leaves for failures, to be spent on change." },
    Document { title: "Burn rate", text: "How fast the error budget goes, against spending it evenly." },
    Document { title: "Histogram", text: "Counts latency in buckets, so that quantiles can be merged." },
    Document {
        title: "Coordinated omission",
        text: "A test that waits for slow answers forgets to measure them.",
    },
    Document { title: "Health checks", text: "Live says the process runs, ready says to send it traffic." },
    Document { title: "Session", text: "Legacy servers keep one per client and lose it on restart." },
    Document { title: "Capacity", text: "The highest rate at which a service still meets its objective." },
];

impl Search {
    pub(super) fn new() -> Self {
        Self { cache: [const { Mutex::new(None) }; SLOTS] }
    }

    /// The documents that share most words with `query`, best first.
    pub(super) fn find(&self, query: &str) -> Found {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(query);
        let slot = usize::try_from(hash % SLOTS as u64).expect("a remainder of 64 is small");
        let mut entry = self.cache[slot].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entry.as_ref().filter(|entry| entry.query == query) {
            return Found { documents: entry.documents.clone(), cached: true };
        }
        let documents = rank(query);
        *entry = Some(Entry { query: query.to_owned(), documents: documents.clone() });
        Found { documents, cached: false }
    }

    /// Slots in use.
    pub(super) fn cached(&self) -> usize {
        let used =
            |slot: &&Mutex<Option<Entry>>| slot.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        self.cache.iter().filter(used).count()
    }
}

/// Tokens as the simulated model counts them: words, of the query and of what was found.
pub(super) fn tokens(query: &str, documents: &[Document]) -> usize {
    let words = |text: &str| text.split_whitespace().count();
    words(query) + documents.iter().map(|document| words(document.text)).sum::<usize>()
}

fn rank(query: &str) -> Arc<[Document]> {
    let wanted = words(query);
    let mut ranked: Vec<(usize, Document)> = DOCUMENTS
        .into_iter()
        .map(|document| {
            let offered: Vec<String> =
                words(document.title).into_iter().chain(words(document.text)).collect();
            (wanted.iter().filter(|word| offered.contains(word)).count(), document)
        })
        .filter(|(score, _)| *score > 0)
        .collect();
    ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    ranked.into_iter().take(MAX_RESULTS).map(|(_, document)| document).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_with_most_shared_words_comes_first() {
        let found = Search::new().find("Error BUDGET, please");
        let titles: Vec<_> = found.documents.iter().map(|document| document.title).collect();
        assert_eq!(titles, ["Error budget", "Burn rate"]);
    }

    #[test]
    fn a_query_asked_again_comes_from_the_cache() {
        let search = Search::new();
        assert!(!search.find("latency").cached);
        assert!(search.find("latency").cached);
        assert!(!search.find("nothing of the kind").cached);
        assert!((1..=2).contains(&search.cached()));
    }
}
