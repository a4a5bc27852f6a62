//! The lines of a log in an Elasticsearch, or in whatever speaks its API: what is new is asked for with `_search`, and with `_count` whether
//! all was seen. It knows nothing of what lines say.
//!
//! Documents become visible some time after they were written, and not in the order of their times. So each look begins a little before
//! the newest that was seen, and calls that still wait for their line are asked for by their ids.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::line::LineReader;
use crate::model::{Secret, Secrets};
use crate::observe::http::{Body, Fetcher, Reply};
use crate::observe::{ObserveError, ObserveOptions};
use crate::plan::LogIndex;

/// An answer that takes longer is none.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const BODY_LIMIT: usize = 32 << 20;
/// So many documents come with one answer...
const PAGE: usize = 1_000;
/// ... and so many where more than that are from the same millisecond: more than this an index does not give by default.
const LARGE_PAGE: usize = 10_000;
/// So many answers are asked for in one look.
const MOST_PAGES: usize = 50;
/// Each look begins so long before the newest document, in milliseconds.
const OVERLAP_MS: i64 = 3_000;
/// So many calls are asked for by their ids in one go.
pub(super) const MOST_IDS: usize = 500;

/// A document that was a line.
pub(super) type Document = Map<String, Value>;

/// One index, and how far it was read.
#[derive(Debug)]
pub(super) struct Index {
    fetcher: Fetcher,
    search: Url,
    count: Url,
    reader: LineReader,
    secrets: Secrets,
    /// The time of the oldest document that is asked for, in milliseconds since 1970.
    start_ms: i64,
    newest_ms: i64,
    /// Documents that were seen, by their ids, with their times: as far back as looks go.
    seen: HashMap<u64, i64>,
    total: u64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    timed_out: bool,
    #[serde(default, rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize, Default)]
struct Shards {
    #[serde(default)]
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(default, rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_source")]
    source: Document,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

/// Why there are no documents, in words that are fit to be shown.
pub(super) type Trouble = String;

impl Index {
    /// Of `index`, from `start_ms` on, in milliseconds since 1970.
    pub(super) fn new(
        options: &ObserveOptions,
        index: &LogIndex,
        authorization: Option<&Secret>,
        reader: LineReader,
    ) -> Result<Self, ObserveError> {
        let mut headers = HeaderMap::new();
        if let Some(secret) = authorization {
            options.secrets.learn(secret.expose());
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| ObserveError::LogHeader)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let of = |path: &str| {
            let mut url = index.url.clone();
            let base = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{base}/{}/{path}", index.index));
            url
        };
        let (search, count) = (of("_search"), of("_count"));
        let fetcher = Fetcher::with_headers(options, search.clone(), headers, TIME_LIMIT, BODY_LIMIT)?;
        let secrets = options.secrets.clone();
        let (start_ms, newest_ms) = (i64::MIN, i64::MIN);
        let seen = HashMap::new();
        Ok(Self { fetcher, search, count, reader, secrets, start_ms, newest_ms, seen, total: 0 })
    }

    /// Documents from before `wall_ms`, in milliseconds since 1970, are left.
    pub(super) fn begin(&mut self, wall_ms: i64) {
        (self.start_ms, self.newest_ms) = (wall_ms, wall_ms);
    }

    /// What is new; and what there is of the calls `waiting`.
    pub(super) async fn look(&mut self, waiting: &[u64]) -> Result<Vec<Document>, Trouble> {
        let mut new = Vec::new();
        let mut from_ms = self.start_ms.max(self.newest_ms.saturating_sub(OVERLAP_MS));
        let first = from_ms;
        let mut size = PAGE;
        for _ in 0..MOST_PAGES {
            let query = json!({
                "size": size,
                "query": {"range": {&self.reader.fields.time: {"gte": from_ms, "format": "epoch_millis"}}},
                "sort": [{&self.reader.fields.time: {"order": "asc"}}],
            });
            let hits = self.search(&query).await?;
            let count = hits.len();
            let last = self.take(hits, &mut new).unwrap_or(from_ms);
            if count < size {
                break;
            }
            if last > from_ms {
                (from_ms, size) = (last, PAGE);
            } else if size < LARGE_PAGE {
                size = LARGE_PAGE;
            } else {
                from_ms += 1;
            }
        }
        for ids in waiting.chunks(MOST_IDS) {
            let hits = self.search(&self.by_ids(ids)).await?;
            self.take(hits, &mut new);
        }
        self.seen.retain(|_, time_ms| *time_ms >= first);
        self.total += new.len() as u64;
        Ok(new)
    }

    /// How many documents there are that were not seen.
    pub(super) async fn unseen(&self) -> Result<u64, Trouble> {
        let range =
            json!({"range": {&self.reader.fields.time: {"gte": self.start_ms, "format": "epoch_millis"}}});
        let answer = self.ask(&self.count, &json!({"query": range})).await?;
        let count: Count = serde_json::from_slice(&answer).map_err(|_| odd("`_count`"))?;
        Ok(count.count.saturating_sub(self.total))
    }

    fn by_ids(&self, ids: &[u64]) -> Value {
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        let fields = self.reader.fields.id.iter();
        let terms: Vec<Value> = fields.map(|field| json!({"terms": {field: ids}})).collect();
        json!({"size": PAGE, "query": {"bool": {"should": terms, "minimum_should_match": 1,
            "filter": {"range": {&self.reader.fields.time: {"gte": self.start_ms, "format": "epoch_millis"}}}}}})
    }

    /// Adds those of `hits` that were not seen to `new`; gives the newest time of all.
    fn take(&mut self, hits: Vec<Hit>, new: &mut Vec<Document>) -> Option<i64> {
        let mut last = None;
        for Hit { index, id, source } in hits {
            let time_ms = self.reader.of_object(&source).time_ms.there().copied();
            last = last.max(time_ms);
            let mut hasher = DefaultHasher::new();
            (index, id).hash(&mut hasher);
            let time_ms = time_ms.unwrap_or(self.newest_ms);
            self.newest_ms = self.newest_ms.max(time_ms);
            if self.seen.insert(hasher.finish(), time_ms).is_none() {
                new.push(source);
            }
        }
        last
    }

    async fn search(&self, query: &Value) -> Result<Vec<Hit>, Trouble> {
        let body = self.ask(&self.search, query).await?;
        // A large answer must not hold up the load's calls.
        let read = tokio::task::spawn_blocking(move || read_hits(&body));
        read.await.expect("reading neither panics nor is cancelled")
    }

    async fn ask(&self, url: &Url, query: &Value) -> Result<Vec<u8>, Trouble> {
        let body = query.to_string().into_bytes();
        let Reply { status, body, .. } =
            self.fetcher.post_json(url.clone(), body).await.map_err(|none| none.word().to_owned())?;
        match body {
            Body::TooLarge(_) => Err("an answer is too large".to_owned()),
            Body::Whole(body) if status == 200 => Ok(body),
            Body::Whole(body) => Err(refusal(status, &body, &self.secrets)),
        }
    }
}

fn read_hits(body: &[u8]) -> Result<Vec<Hit>, Trouble> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| odd("`_search`"))?;
    match answer.shards.failed {
        0 if answer.timed_out => Err("the search timed out there".to_owned()),
        0 => Ok(answer.hits.hits),
        failed => Err(format!("{failed} shards failed there")),
    }
}

fn odd(what: &str) -> Trouble {
    format!("the answer to {what} is not what an Elasticsearch says")
}

/// What an answer with an error says, in a few words.
fn refusal(status: u16, body: &[u8], secrets: &Secrets) -> Trouble {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = ["/error/reason", "/error"].iter().find_map(|place| answer.pointer(place)?.as_str());
    match said {
        Some(said) => format!("HTTP {status}: {}", secrets.excerpt(said, &[])),
        None => format!("HTTP {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_documented() {
        let hit = r#"{"_index":"logs-1","_id":"a","_score":null,"_source":{"level":"INFO"},"sort":[1790000000000]}"#;
        let whole = |failed: u64, timed_out: bool| {
            format!(
                r#"{{"took":3,"timed_out":{timed_out},"_shards":{{"total":2,"successful":1,"skipped":0,"failed":{failed}}},
                    "hits":{{"total":{{"value":1,"relation":"eq"}},"max_score":null,"hits":[{hit}]}}}}"#
            )
        };
        let hits = read_hits(whole(0, false).as_bytes()).unwrap();
        assert_eq!((hits.len(), hits[0].id.as_str(), &hits[0].source["level"]), (1, "a", &json!("INFO")));
        assert_eq!(read_hits(whole(1, false).as_bytes()).err().unwrap(), "1 shards failed there");
        assert_eq!(read_hits(whole(0, true).as_bytes()).err().unwrap(), "the search timed out there");
        assert!(read_hits(b"<html>").err().unwrap().contains("not what an Elasticsearch says"));
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words_without_secrets() {
        let secrets = Secrets::default();
        secrets.learn("ApiKey k3y");
        let body = br#"{"error":{"root_cause":[],"type":"index_not_found_exception","reason":"no such index [x] for ApiKey k3y"},"status":404}"#;
        assert_eq!(refusal(404, body, &secrets), "HTTP 404: no such index [x] for ***");
        assert_eq!(refusal(503, b"gone", &secrets), "HTTP 503");
        assert_eq!(refusal(400, br#"{"error":"bad\u001b[2J"}"#, &secrets), "HTTP 400: bad\u{FFFD}[2J");
    }
}
