//! One token and who of its users gets the next one: one asks, the others go on with what they have or, where that is of no
//! use any more, wait for the outcome.
//!
//! Time is the keeper's own: whoever asks says what time it is on the clock that all of its users share. Before each call a
//! user looks at two numbers; the lock is for the moments in which the token changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::watch;

use crate::mcp::lifetime::Lifetime;
use crate::model::{Secret, Secrets};

/// A token that is refused is not replaced before this, counted from when it came: where every token is refused, another does
/// not help.
const YOUNGEST: Duration = Duration::from_secs(1);
/// Where there was no token to be had, the next try comes after this, twice as late each time...
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// ... up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

/// The keeper of a token.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Which token it is; 0 is none yet.
    generation: AtomicU64,
    /// From when on (in nanoseconds) a look at the generation is not enough.
    attention_at: AtomicU64,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    secrets: Secrets,
}

#[derive(Debug, Default)]
struct State {
    header: Option<HeaderValue>,
    /// When the token came.
    came: Duration,
    /// `None` for one that does not end.
    life: Option<Lifetime>,
    /// The target does not take it any more.
    refused: bool,
    /// Somebody asks for the next one.
    busy: bool,
    failures: u32,
    retry_at: Duration,
    reason: Box<str>,
    /// The last token and the one before it, which may still be echoed.
    known: [Option<Secret>; 2],
}

/// A token that was given out.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) token: Secret,
    pub(super) header: HeaderValue,
    pub(super) life: Option<Duration>,
}

/// What a user finds that looks at the token.
#[derive(Debug)]
pub(super) enum Look {
    /// The token that it has is the one.
    Same,
    /// Another.
    Other(u64, HeaderValue),
    /// None that is of use, or not for long: it is this user that asks for the next.
    Ask(Claim),
    /// None that is of use; somebody asks for one.
    Await(watch::Receiver<()>),
    /// None, and there was none to be had a moment ago.
    None(Box<str>),
}

/// The right to ask for the next token, which one user has at a time. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Claim(Arc<Keeper>);

impl Keeper {
    /// Without a token. `secrets` learns each that comes.
    pub(super) fn new(secrets: Secrets) -> Arc<Self> {
        Arc::new(Self {
            generation: AtomicU64::new(0),
            attention_at: AtomicU64::new(0),
            state: Mutex::default(),
            changed: watch::Sender::new(()),
            secrets,
        })
    }

    /// What there is for a user that has token `generation`.
    pub(super) fn look(self: &Arc<Self>, generation: u64, now: Duration) -> Look {
        let current = self.generation.load(Ordering::Acquire) == generation;
        if current && nanos(now) < self.attention_at.load(Ordering::Relaxed) {
            return Look::Same;
        }
        let mut state = self.state();
        let there = self.generation.load(Ordering::Acquire);
        let good = state.is_good(now);
        if good
            && there != generation
            && let Some(header) = &state.header
        {
            return Look::Other(there, header.clone());
        }
        if state.busy {
            return if good { Look::Same } else { Look::Await(self.changed.subscribe()) };
        }
        let due = !good || state.life.is_some_and(|life| now >= life.renews_at);
        if now < state.retry_at {
            return if good { Look::Same } else { Look::None(state.reason.clone()) };
        }
        if !due {
            return Look::Same;
        }
        state.busy = true;
        self.settle(&state);
        Look::Ask(Claim(Arc::clone(self)))
    }

    /// The target does not take token `generation`.
    pub(super) fn refused(&self, generation: u64, now: Duration) {
        let mut state = self.state();
        if self.generation.load(Ordering::Acquire) != generation || state.refused {
            return;
        }
        if now >= state.came + YOUNGEST {
            state.refused = true;
        } else {
            let renews_at = state.came + YOUNGEST;
            let life = state.life.get_or_insert(Lifetime { renews_at, expires_at: Duration::MAX });
            life.renews_at = life.renews_at.min(renews_at);
        }
        self.settle(&state);
    }

    /// Puts down from when on users must look closer.
    fn settle(&self, state: &State) {
        let ends = state.life.map_or(Duration::MAX, |life| life.expires_at);
        let attention = match state.life {
            _ if state.header.is_none() || state.refused => Duration::ZERO,
            _ if state.busy => ends,
            None => Duration::MAX,
            Some(life) => life.renews_at.max(state.retry_at).min(ends),
        };
        self.attention_at.store(nanos(attention), Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_good(&self, now: Duration) -> bool {
        self.header.is_some() && !self.refused && self.life.is_none_or(|life| now < life.expires_at)
    }
}

impl Claim {
    /// A token came at `now`, which was asked for at `asked`. `draw` is as in [`Lifetime::of`].
    pub(super) fn given(self, given: Given, asked: Duration, now: Duration, draw: f64) {
        let keeper = Arc::clone(&self.0);
        keeper.secrets.learn(given.token.expose());
        let mut state = keeper.state();
        if let Some(old) = state.known[1].take() {
            keeper.secrets.forget(old.expose());
        }
        state.known.swap(0, 1);
        state.known[0] = Some(given.token);
        state.header = Some(given.header);
        state.came = now;
        state.life = given.life.map(|life| Lifetime::of(life, asked, now, draw));
        state.refused = false;
        state.failures = 0;
        state.retry_at = Duration::ZERO;
        keeper.generation.fetch_add(1, Ordering::AcqRel);
        // Gives the right back, and tells those who wait.
        drop(state);
    }

    /// There was none to be had, as `reason` tells.
    pub(super) fn failed(self, reason: &str, now: Duration) {
        let mut state = self.0.state();
        let pause = FIRST_PAUSE.saturating_mul(1 << state.failures.min(8)).min(LONGEST_PAUSE);
        state.failures += 1;
        state.retry_at = now + pause;
        state.reason = reason.into();
        drop(state);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.busy = false;
        self.0.settle(&state);
        drop(state);
        self.0.changed.send_replace(());
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn given(token: &str, life: Option<u64>) -> Given {
        let header = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        Given { token: Secret::new(token), header, life: life.map(s) }
    }

    #[track_caller]
    fn claim(look: Look) -> Claim {
        match look {
            Look::Ask(claim) => claim,
            other @ (Look::Same | Look::Other(..) | Look::Await(_) | Look::None(_)) => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn is_other(look: &Look, token: &str) -> u64 {
        match look {
            Look::Other(generation, header) if header.to_str().unwrap() == format!("Bearer {token}") => {
                *generation
            }
            other @ (Look::Other(..) | Look::Same | Look::Ask(_) | Look::Await(_) | Look::None(_)) => {
                panic!("{other:?}")
            }
        }
    }

    /// A keeper with token `one`, good from 0 s to 100 s, renewed from 90 s on.
    fn with_token() -> (Arc<Keeper>, Secrets) {
        let secrets = Secrets::default();
        let keeper = Keeper::new(secrets.clone());
        claim(keeper.look(0, s(0))).given(given("token-one", Some(100)), s(0), s(0), 0.0);
        assert_eq!(is_other(&keeper.look(0, s(1)), "token-one"), 1);
        assert!(matches!(keeper.look(1, s(89)), Look::Same));
        (keeper, secrets)
    }

    #[test]
    fn the_first_user_asks_and_the_others_wait() {
        let keeper = Keeper::new(Secrets::default());
        let first = claim(keeper.look(0, s(0)));
        let Look::Await(news) = keeper.look(0, s(0)) else { panic!("the second must wait") };
        assert!(!news.has_changed().unwrap());
        first.given(given("t", None), s(0), s(0), 0.0);
        assert!(news.has_changed().unwrap(), "who waits is told");
        is_other(&keeper.look(0, s(0)), "t");
        assert!(matches!(keeper.look(1, s(1_000_000)), Look::Same), "a token without an end has none");
    }

    #[test]
    fn one_user_renews_and_the_others_go_on_with_what_they_have() {
        let (keeper, secrets) = with_token();
        let renewing = claim(keeper.look(1, s(90)));
        assert!(matches!(keeper.look(1, s(91)), Look::Same));
        assert!(matches!(keeper.look(1, s(100)), Look::Await(_)), "past its end a token is of no use");
        renewing.given(given("token-two", Some(100)), s(91), s(92), 0.0);
        assert_eq!(is_other(&keeper.look(1, s(92)), "token-two"), 2);
        assert_eq!(secrets.redacted("token-one token-two"), "*** ***");
        claim(keeper.look(2, s(185))).given(given("token-three", None), s(185), s(185), 0.0);
        assert_eq!(secrets.redacted("token-one token-two token-three"), "token-one *** ***");
    }

    #[test]
    fn a_refused_token_is_replaced_once_however_many_say_so() {
        let (keeper, _) = with_token();
        keeper.refused(1, s(10));
        keeper.refused(1, s(10));
        let renewing = claim(keeper.look(1, s(10)));
        assert!(matches!(keeper.look(1, s(10)), Look::Await(_)));
        renewing.given(given("token-two", Some(100)), s(10), s(11), 0.0);
        keeper.refused(1, s(11));
        assert_eq!(is_other(&keeper.look(1, s(11)), "token-two"), 2, "a late refusal is about the old one");
    }

    #[test]
    fn a_token_that_is_refused_at_once_is_not_replaced_at_once() {
        let keeper = Keeper::new(Secrets::default());
        claim(keeper.look(0, s(5))).given(given("t", None), s(5), s(5), 0.0);
        keeper.refused(1, s(5));
        assert!(matches!(keeper.look(1, s(5)), Look::Same));
        drop(claim(keeper.look(1, s(6))));
    }

    #[test]
    fn without_a_token_to_be_had_nobody_asks_for_a_while() {
        let keeper = Keeper::new(Secrets::default());
        claim(keeper.look(0, s(0))).failed("no way", s(0));
        assert!(matches!(keeper.look(0, s(0)), Look::None(reason) if &*reason == "no way"));
        claim(keeper.look(0, s(1))).failed("no way", s(1));
        assert!(matches!(keeper.look(0, s(2)), Look::None(_)), "the second pause is longer");
        let third = claim(keeper.look(0, s(3)));
        drop(third);
        drop(claim(keeper.look(0, s(3))));
    }

    #[test]
    fn a_renewal_that_fails_is_tried_again_while_the_token_lasts() {
        let (keeper, _) = with_token();
        claim(keeper.look(1, s(90))).failed("busy", s(90));
        assert!(matches!(keeper.look(1, s(90)), Look::Same));
        claim(keeper.look(1, s(91))).failed("busy", s(91));
        assert!(matches!(keeper.look(1, s(92)), Look::Same));
        claim(keeper.look(1, s(93))).failed("busy", s(99));
        assert!(matches!(keeper.look(1, s(100)), Look::None(reason) if &*reason == "busy"));
    }
}
