//! The token that one user got by its login: whether it needs another, and what must not be told of it.

use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use super::lifetime::{Lifetime, expires_in};
use super::wire::bearer;
use crate::clock::Clock;
use crate::model::{CounterRng, Secret, Secrets};

/// A login that failed while the last token is still good is not tried again before this.
const AGAIN: Duration = Duration::from_secs(1);

/// A user's token, or none yet.
#[derive(Debug)]
pub(super) struct LoginToken {
    held: Option<Option<Lifetime>>,
    draws: CounterRng,
    /// The last token and the one before it, which may still be echoed.
    known: [Option<Secret>; 2],
}

impl LoginToken {
    /// None yet; `draws` are the user's own.
    pub(super) fn new(draws: CounterRng) -> Self {
        Self { held: None, draws, known: [None, None] }
    }

    /// True when there is one.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// True when a login is to come before the next call. The clock is read only for tokens that end.
    pub(super) fn is_due(&self, clock: Clock) -> bool {
        match self.held {
            None => true,
            Some(None) => false,
            Some(Some(life)) => clock.now() >= life.renews_at,
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
        self.held = Some(life);
        Some(header)
    }

    /// The target does not take it any more.
    pub(super) fn refused(&mut self) {
        self.held = None;
    }

    /// A login for the next token has failed: true when the last is still good; then another login is put off.
    pub(super) fn lasts(&mut self, now: Duration) -> bool {
        let Some(Some(life)) = &mut self.held else { return false };
        let lasts = now < life.expires_at;
        life.renews_at = (now + AGAIN).min(life.expires_at);
        lasts
    }
}
