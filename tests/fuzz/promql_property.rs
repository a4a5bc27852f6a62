//! What must hold of a reader of foreign text, whatever it is. Shared by a target of cargo-fuzz and by `tests/it/fuzzed.rs`.

use gander::promql::{Engine, Query, Storage};

/// A query is refused with a place in it, or answered; what is printed of it is the same query.
pub(crate) fn holds(text: &str) {
    match Query::parse(text) {
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{error:?}");
            assert!(text.get(error.span.clone()).is_some(), "{error:?} is within a character");
        }
        Ok(query) => {
            let printed = query.expr().to_string();
            let again =
                Query::parse(&printed).unwrap_or_else(|error| panic!("{text:?}: {printed:?}: {error}"));
            assert_eq!(again.expr().to_string(), printed, "{text:?}");
            // An error is as good as an answer; a panic is not.
            let _ = Engine::default().instant(&query, &Storage::new(), 1_700_000_000_000);
        }
    }
}
