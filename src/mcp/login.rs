//! The token that one user got by its login: whether it needs another, and what must not be told of it.

use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use super::fields::bearer;
use super::lifetime::{Lifetime, expires_in};
use crate::model::{CounterRng, Secret, Secrets};

/// A login that failed while the last token is still good is not tried again before this.
const AGAIN: Duration = Duration::from_secs(1);

/// A user's token, or none yet.
#[derive(Debug)]
pub(super) struct LoginToken {
    held: Held,
    draws: CounterRng,
    /// The last token and the one before it, which may still be echoed.
    known: [Option<Secret>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// The server does not say that it ends.
    Endless,
    Until(Lifetime),
}

impl LoginToken {
    /// None yet; `draws` are the user's own.
    pub(super) fn new(draws: CounterRng) -> Self {
        Self { held: Held::Nothing, draws, known: [None, None] }
    }

    /// True when there is one.
    pub(super) fn is_held(&self) -> bool {
        self.held != Held::Nothing
    }

    /// True when a login is to come before the next call. `now` is asked only for tokens that end.
    pub(super) fn is_due(&self, now: impl FnOnce() -> Duration) -> bool {
        match self.held {
            Held::Nothing => true,
            Held::Endless => false,
            Held::Until(life) => now() >= life.renews_at,
        }
    }

    /// The header of the token in `answer`, to a login that was sent at `sent`; `None` when there is no token in it that
    /// could be sent.
    pub(super) fn take(
        &mut self,
        answer: &str,
        (sent, end): (Duration, Duration),
        secrets: &Secrets,
    ) -> Option<HeaderValue> {
        #[derive(Deserialize)]
        struct Token {
            access_token: Secret,
            #[serde(default, deserialize_with = "expires_in")]
            expires_in: Option<Duration>,
        }
        let token: Token = serde_json::from_str(answer).ok()?;
        secrets.learn(token.access_token.expose());
        let header = bearer(&token.access_token)?;
        if let Some(old) = self.known[1].take() {
            secrets.forget(old.expose());
        }
        self.known.swap(0, 1);
        self.known[0] = Some(token.access_token);
        let life = token.expires_in.map(|life| Lifetime::of(life, sent, end, self.draws.unit()));
        self.held = life.map_or(Held::Endless, Held::Until);
        Some(header)
    }

    /// The target does not take it any more.
    pub(super) fn refused(&mut self) {
        self.held = Held::Nothing;
    }

    /// A login for the next token has failed: true when the last is still good; then another login is put off.
    pub(super) fn lasts(&mut self, now: Duration) -> bool {
        match &mut self.held {
            Held::Nothing => false,
            Held::Endless => true,
            Held::Until(life) => {
                life.renews_at = (now + AGAIN).min(life.expires_at);
                now < life.expires_at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn answer(token: &str) -> String {
        format!(r#"{{"access_token":"{token}","expires_in":10}}"#)
    }

    #[test]
    fn a_token_that_ends_is_renewed_before_that() {
        let mut login = LoginToken::new(CounterRng::new(1, 1));
        let secrets = Secrets::default();
        assert!(login.is_due(|| ms(0)) && !login.is_held());
        let header = login.take(&answer("t1"), (ms(100), ms(110)), &secrets).unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer t1");
        assert!(!login.is_due(|| ms(8_099)) && login.is_due(|| ms(9_101)));
        assert!(login.lasts(ms(9_500)), "the old token is good until its end");
        assert!(!login.is_due(|| ms(9_600)) && login.is_due(|| ms(10_100)));
        assert!(!login.lasts(ms(10_200)));
        login.refused();
        assert!(login.is_due(|| ms(0)) && !login.lasts(ms(0)));
    }

    #[test]
    fn a_token_without_an_end_is_kept() {
        let mut login = LoginToken::new(CounterRng::new(1, 1));
        login.take(r#"{"access_token":"t1"}"#, (ms(0), ms(0)), &Secrets::default()).unwrap();
        assert!(!login.is_due(|| panic!("there is no need to look at the clock")));
    }

    #[test]
    fn the_last_two_tokens_are_struck_out() {
        let mut login = LoginToken::new(CounterRng::new(1, 1));
        let secrets = Secrets::default();
        for token in ["token-1", "token-2", "token-3"] {
            login.take(&answer(token), (ms(0), ms(0)), &secrets).unwrap();
        }
        assert_eq!(secrets.redacted("token-1, token-2, token-3"), "token-1, ***, ***");
    }

    #[test]
    fn users_do_not_come_back_at_the_same_time() {
        let due = |user: u64| {
            let mut login = LoginToken::new(CounterRng::new(1, user));
            login.take(&answer("t"), (ms(0), ms(0)), &Secrets::default()).unwrap();
            (8_000..=9_000).find(|at| login.is_due(|| ms(*at))).unwrap()
        };
        let dues: std::collections::BTreeSet<u64> = (0..100).map(due).collect();
        assert!(dues.len() > 80, "{dues:?}");
        assert!(dues.last().unwrap() - dues.first().unwrap() > 800, "{dues:?}");
    }
}
