//! What a user answers when the target asks its client for something: from the scenario, or with a refusal. No I/O.
//!
//! It does not know which way the answer goes, nor of which call the question is a part.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::gathered::Gathered;
use crate::model::{CounterRng, IDS_PER_USER, Nonce, RunTag, Wish};
use crate::plan::{Answers, RenderContext, Variables};

/// What sets the draws of answers apart from all others of the plan's seed.
const ANSWERS: u64 = 0xA25;
/// A server's request with a longer id is not answered, in bytes.
const LONGEST_ID: usize = 200;
/// An answer that asks for more than this at once is not answered.
const MOST_INPUTS: usize = 64;

/// One user's answers.
#[derive(Debug)]
pub(crate) struct Answerer {
    answers: Arc<Answers>,
    gathered: Gathered,
    run: RunTag,
    vu: u32,
    /// The user's iteration. It may be over when an answer to what was asked in it is made.
    iteration: AtomicU64,
    draws: Mutex<Draws>,
}

#[derive(Debug)]
struct Draws {
    rng: CounterRng,
    /// How many answers were made.
    made: u64,
}

/// A message that answers a request of the target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// How long after it was asked it is to be sent.
    pub(crate) after: Duration,
    /// JSON text.
    pub(crate) message: Vec<u8>,
    pub(crate) said: Said,
}

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Answer(Wish),
    Refusal(Wish),
}

/// What a call is made again with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// Members of its parameters: JSON text without braces; may be empty.
    pub(crate) members: Vec<u8>,
    /// How long it takes to give them.
    pub(crate) after: Duration,
}

/// A modern result that asks for input.
#[derive(Deserialize)]
struct InputRequired<'a> {
    #[serde(rename = "inputRequests", default)]
    requests: BTreeMap<String, InputRequest>,
    #[serde(rename = "requestState", borrow, default)]
    state: Option<&'a RawValue>,
}

/// Something that a modern target asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct InputRequest {
    method: String,
}

impl Answerer {
    /// The answers of user `vu` of `run`; what is asked is counted in `gathered`.
    pub(crate) fn new(
        answers: Arc<Answers>,
        gathered: Gathered,
        (run, vu): (RunTag, u32),
        seed: u64,
    ) -> Arc<Self> {
        let draws = Mutex::new(Draws { rng: CounterRng::new(seed ^ ANSWERS, u64::from(vu)), made: 0 });
        Arc::new(Self { answers, gathered, run, vu, iteration: AtomicU64::new(0), draws })
    }

    /// The user is in this iteration.
    pub(crate) fn begin(&self, iteration: u64) {
        self.iteration.store(iteration, Ordering::Relaxed);
    }

    /// True when something is answered.
    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The reply to the target's request of `method`, whose id is the JSON text `id`; `None` where that is none that can be
    /// answered.
    pub(crate) fn reply(&self, id: &str, method: &str) -> Option<Reply> {
        let wish = Wish::of(method);
        self.gathered.messages(|messages| messages.asked(wish));
        if id.len() > LONGEST_ID || !id.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
            return None;
        }
        let (said, after, what) = match self.result(wish) {
            Some((result, after)) => {
                (Said::Answer(wish), after, [br#""result":"#.as_slice(), &result].concat())
            }
            None if wish == Wish::Ping => (Said::Answer(wish), Duration::ZERO, br#""result":{}"#.to_vec()),
            None => {
                let error = br#""error":{"code":-32601,"message":"the scenario answers no such request"}"#;
                (Said::Refusal(wish), Duration::ZERO, error.to_vec())
            }
        };
        let message = [br#"{"jsonrpc":"2.0","id":"#.as_slice(), id.as_bytes(), b",", &what, b"}"].concat();
        Some(Reply { after, message, said })
    }

    /// Counts a reply that was sent and taken.
    pub(crate) fn sent(&self, said: Said) {
        self.gathered.messages(|messages| match said {
            Said::Answer(wish) => messages.answered(wish),
            Said::Refusal(wish) => messages.refused(wish),
        });
    }

    /// What the call whose modern `result` asks for input is made again with; `None` where the scenario does not give it.
    pub(crate) fn round(&self, result: &str) -> Option<Round> {
        let asked: InputRequired<'_> = serde_json::from_str(result).ok()?;
        let mut round = self.responses(&asked.requests)?;
        if let Some(state) = asked.state {
            let members = &mut round.members;
            members.extend_from_slice(if members.is_empty() { b"" } else { b"," });
            members.extend_from_slice(br#""requestState":"#);
            members.extend_from_slice(state.get().as_bytes());
        }
        self.gathered.messages(|messages| messages.rounds += 1);
        Some(round)
    }

    /// What the scenario gives to `requests`; `None` where it does not give all of it.
    pub(crate) fn responses(&self, requests: &BTreeMap<String, InputRequest>) -> Option<Round> {
        let wishes = || requests.values().map(|request| Wish::of(&request.method));
        self.gathered.messages(|messages| wishes().for_each(|wish| messages.asked(wish)));
        if requests.len() > MOST_INPUTS {
            return None;
        }
        let (mut members, mut longest) = (Vec::new(), Duration::ZERO);
        for (name, request) in requests {
            let wish = Wish::of(&request.method);
            let Some((result, after)) = self.result(wish) else {
                self.gathered.messages(|messages| messages.refused(wish));
                return None;
            };
            members.extend_from_slice(if members.is_empty() { br#""inputResponses":{"# } else { b"," });
            members.extend(serde_json::to_vec(name).expect("a string is always JSON"));
            members.push(b':');
            members.extend(result);
            longest = longest.max(after);
        }
        if !members.is_empty() {
            members.push(b'}');
        }
        self.gathered.messages(|messages| wishes().for_each(|wish| messages.answered(wish)));
        Some(Round { members, after: longest })
    }

    fn result(&self, wish: Wish) -> Option<(Vec<u8>, Duration)> {
        let answer = self.answers.to(wish)?;
        // Nothing in here panics half way.
        let mut draws = self.draws.lock().unwrap_or_else(PoisonError::into_inner);
        draws.made += 1;
        // Calls count from the other end.
        let nonce = Nonce { run: self.run, call: (u64::from(self.vu) + 1) * IDS_PER_USER - draws.made };
        let mut context = RenderContext {
            vu: self.vu,
            iteration: self.iteration.load(Ordering::Relaxed),
            nonce,
            rng: &mut draws.rng,
            variables: &Variables::default(),
        };
        let mut result = Vec::new();
        answer.result.render(&mut context, &mut result);
        Some((result, answer.after))
    }
}

/// What the modern `result` asks for, in words; nothing is left of one that asked again and again.
pub(super) fn wanted(result: &str) -> String {
    if result.is_empty() {
        return "the answer asks for input again and again".to_owned();
    }
    let Ok(asked) = serde_json::from_str::<InputRequired<'_>>(result) else {
        return "the answer asks for input in a form that makes no sense".to_owned();
    };
    let mut wishes: Vec<Wish> = asked.requests.values().map(|request| Wish::of(&request.method)).collect();
    wishes.sort();
    wishes.dedup();
    let words: Vec<&str> = wishes.into_iter().map(Wish::label).collect();
    if words.is_empty() {
        return "the answer asks to be called again".to_owned();
    }
    format!("the answer asks for {}, and the scenario's `answers` do not give all of it", words.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Messages, Secrets, WishCount};
    use crate::plan::{ClientAnswer, Template};

    fn answerer(sampling: Option<&str>) -> (Arc<Answerer>, Gathered) {
        let gathered = Gathered::new(Secrets::default());
        let sampling = sampling.map(|result| ClientAnswer {
            result: Template::literal(result),
            after: Duration::from_millis(7),
        });
        let answers = Arc::new(Answers { sampling, ..Answers::default() });
        (Answerer::new(answers, gathered.clone(), (RunTag::of(std::time::UNIX_EPOCH), 3), 1), gathered)
    }

    fn counts(gathered: &Gathered) -> Messages {
        gathered.take().1
    }

    #[test]
    fn a_server_is_told_that_we_are_there_and_what_the_scenario_says() {
        let (answerer, gathered) = answerer(Some(r#"{"x":1}"#));
        let said = |id: &str, method: &str| {
            let reply = answerer.reply(id, method)?;
            answerer.sent(reply.said);
            Some((String::from_utf8(reply.message).unwrap(), reply.after))
        };
        let pong = r#"{"jsonrpc":"2.0","id":"a\"b","result":{}}"#.to_owned();
        assert_eq!(said(r#""a\"b""#, "ping"), Some((pong, Duration::ZERO)));
        let sampled = r#"{"jsonrpc":"2.0","id":3,"result":{"x":1}}"#.to_owned();
        assert_eq!(said("3", "sampling/createMessage"), Some((sampled, Duration::from_millis(7))));
        assert!(said("3", "roots/list").unwrap().0.contains("-32601"));
        assert_eq!(said(r#"{"a":1}"#, "ping"), None);
        assert_eq!(said(&format!("\"{}\"", "x".repeat(LONGEST_ID)), "ping"), None);
        let expected = [(Wish::Sampling, 1, 1, 0), (Wish::Roots, 1, 0, 1), (Wish::Ping, 3, 1, 0)]
            .map(|(wish, asked, answered, refused)| WishCount { wish, asked, answered, refused });
        assert_eq!(counts(&gathered).wishes, expected);
    }

    #[test]
    fn a_result_that_asks_for_input_is_answered_whole_or_not_at_all() {
        let (answerer, gathered) = answerer(Some(r#"{"x":1}"#));
        let round = |text: &str| answerer.round(text).map(|round| String::from_utf8(round.members).unwrap());
        let asks = r#"{"resultType":"input_required","inputRequests":{"a\"":{"method":"sampling/createMessage","params":{}},
            "b":{"method":"sampling/createMessage"}},"requestState":"s\"1"}"#;
        let given = r#""inputResponses":{"a\"":{"x":1},"b":{"x":1}},"requestState":"s\"1""#;
        assert_eq!(round(asks).as_deref(), Some(given));
        assert_eq!(round(r#"{"requestState":"s"}"#).as_deref(), Some(r#""requestState":"s""#));
        assert_eq!(round(r#"{"resultType":"input_required"}"#).as_deref(), Some(""));
        let more =
            r#"{"inputRequests":{"a":{"method":"sampling/createMessage"},"b":{"method":"roots/list"}}}"#;
        assert_eq!(round(more), None);
        assert_eq!(round(r#"{"inputRequests":[]}"#), None);
        assert!(wanted(more).contains("sampling and roots"), "{}", wanted(more));
        let counts = counts(&gathered);
        assert_eq!(counts.rounds, 3);
        assert_eq!((counts.wishes[0].asked, counts.wishes[0].answered), (3, 2));
        assert_eq!((counts.wishes[1].asked, counts.wishes[1].refused), (1, 1));
    }
}
