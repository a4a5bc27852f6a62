//! Who calls: bearer tokens from the login route, and what is counted per user. Names come from the network, so
//! only a bounded number of them becomes a label value.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderValue;

use super::options::DemoOptions;
use crate::model::{Secret, clean_text};

/// Users beyond this many share the label value `other`.
const MAX_USERS: usize = 100;

/// A user, and what is counted for it.
#[derive(Debug)]
pub(super) struct User {
    name: String,
    calls: AtomicU64,
    tokens: AtomicU64,
}

/// All users, tokens and failed attempts.
#[derive(Debug)]
pub(super) struct Users {
    required: bool,
    only_user: Option<String>,
    password: Secret,
    token_ttl: Duration,
    anonymous: Arc<User>,
    known: Mutex<BTreeMap<String, Arc<User>>>,
    tokens: RwLock<HashMap<String, Token>>,
    failures: Mutex<BTreeMap<(AuthFailure, String), u64>>,
}

#[derive(Debug)]
struct Token {
    user: Arc<User>,
    expires: Duration,
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AuthFailure {
    /// Wrong name or password at the login.
    InvalidCredentials,
    /// No `Authorization: Bearer`.
    MissingToken,
    /// A token that was never given out.
    InvalidToken,
    /// A token past its time.
    ExpiredToken,
}

impl AuthFailure {
    /// The label value of `reason`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::MissingToken => "missing_token",
            Self::InvalidToken => "invalid_token",
            Self::ExpiredToken => "expired_token",
        }
    }
}

impl User {
    fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), calls: AtomicU64::new(0), tokens: AtomicU64::new(0) })
    }

    /// The label value of `user_id`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts tokens that the simulated model consumed for this user.
    pub(super) fn count_tokens(&self, tokens: usize) {
        self.tokens.fetch_add(tokens as u64, Ordering::Relaxed);
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::Relaxed)
    }
}

impl Users {
    pub(super) fn new(options: &DemoOptions) -> Self {
        Self {
            required: options.require_auth,
            only_user: options.username.clone(),
            password: options.password.clone(),
            token_ttl: options.token_ttl,
            anonymous: User::new("anonymous"),
            known: Mutex::default(),
            tokens: RwLock::default(),
            failures: Mutex::default(),
        }
    }

    /// A new token for `username`, with how long it is good for.
    pub(super) fn log_in(
        &self,
        username: &str,
        password: &str,
        now: Duration,
    ) -> Result<(String, Duration), AuthFailure> {
        let name_fits = self.only_user.as_ref().is_none_or(|only| only == username);
        if !name_fits || password != self.password.expose() {
            self.count_failure(AuthFailure::InvalidCredentials, username);
            return Err(AuthFailure::InvalidCredentials);
        }
        Ok(self.give(username, now))
    }

    /// A new token for somebody who has proved to be `name`, with how long it is good for.
    pub(super) fn give(&self, name: &str, now: Duration) -> (String, Duration) {
        let token = random_token();
        let user = self.user(name);
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, token| token.expires > now);
        tokens.insert(token.clone(), Token { user, expires: now.saturating_add(self.token_ttl) });
        (token, self.token_ttl)
    }

    /// The user behind an `Authorization` header. Where no token is asked for, who has no valid one is anonymous.
    pub(super) fn authenticate(
        &self,
        authorization: Option<&HeaderValue>,
        now: Duration,
    ) -> Result<Arc<User>, AuthFailure> {
        let found = match bearer(authorization) {
            Some(token) => self.find(token, now),
            None => Err(AuthFailure::MissingToken),
        };
        match found {
            Err(_) if !self.required => Ok(self.anonymous.clone()),
            Err(failure) => {
                self.count_failure(failure, "unknown");
                Err(failure)
            }
            Ok(user) => Ok(user),
        }
    }

    /// Who has no name.
    pub(super) fn anonymous(&self) -> Arc<User> {
        self.anonymous.clone()
    }

    /// Everybody who was seen, by name.
    pub(super) fn all(&self) -> Vec<Arc<User>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.anonymous).chain(known.values()).cloned().collect()
    }

    /// How often somebody was not let in: (reason, user, count).
    pub(super) fn failures(&self) -> Vec<(AuthFailure, String, u64)> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.iter().map(|((reason, user), count)| (*reason, user.clone(), *count)).collect()
    }

    fn find(&self, token: &str, now: Duration) -> Result<Arc<User>, AuthFailure> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        match tokens.get(token) {
            None => Err(AuthFailure::InvalidToken),
            Some(token) if token.expires <= now => Err(AuthFailure::ExpiredToken),
            Some(token) => Ok(token.user.clone()),
        }
    }

    fn user(&self, name: &str) -> Arc<User> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = bounded(clean_text(name), known.len(), |name| known.contains_key(name));
        known.entry(name.clone()).or_insert_with(|| User::new(&name)).clone()
    }

    /// Counts that somebody who calls itself `user` was not let in.
    pub(super) fn count_failure(&self, failure: AuthFailure, user: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let user = bounded(clean_text(user), failures.len(), |user| {
            failures.contains_key(&(failure, user.to_owned()))
        });
        *failures.entry((failure, user)).or_default() += 1;
    }
}

/// `name`, or `other` when there are too many names already.
fn bounded(name: String, names: usize, is_known: impl Fn(&str) -> bool) -> String {
    if names < MAX_USERS || is_known(&name) { name } else { "other".to_owned() }
}

fn bearer(authorization: Option<&HeaderValue>) -> Option<&str> {
    let (scheme, token) = authorization?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 128 bits from the keys that the standard library draws for its hash maps: enough for a demo, not for more.
fn random_token() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("demo-{:016x}{:016x}", draw(), draw())
}

#[cfg(test)]
mod tests {
    use super::super::tests::options;
    use super::*;

    const NOW: Duration = Duration::from_secs(5);

    fn header(token: &str) -> HeaderValue {
        HeaderValue::try_from(format!("Bearer {token}")).unwrap()
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let users = Users::new(&options(&["--require-auth", "--token-ttl", "10s"]));
        let (token, _) = users.log_in("ann", "test_pass", NOW).unwrap();
        let at = |seconds| users.authenticate(Some(&header(&token)), Duration::from_secs(seconds));
        assert_eq!(at(14).unwrap().name(), "ann");
        assert_eq!(at(15).unwrap_err(), AuthFailure::ExpiredToken);
        assert_eq!(users.authenticate(None, NOW).unwrap_err(), AuthFailure::MissingToken);
        assert_eq!(users.authenticate(Some(&header("x")), NOW).unwrap_err(), AuthFailure::InvalidToken);
    }

    #[test]
    fn without_required_tokens_strangers_are_anonymous_and_nobody_fails() {
        let users = Users::new(&options(&[]));
        assert_eq!(users.authenticate(Some(&header("x")), NOW).unwrap().name(), "anonymous");
        assert_eq!(users.failures(), []);
    }

    #[test]
    fn wrong_logins_are_counted_and_names_are_bounded() {
        let users = Users::new(&options(&["--username", "ann", "--password", "s3cret"]));
        assert!(users.log_in("ann", "s3cret", NOW).is_ok());
        assert!(users.log_in("ann", "test_pass", NOW).is_err());
        for n in 0..1000 {
            assert!(users.log_in(&format!("user{n}"), "s3cret", NOW).is_err());
        }
        let failures = users.failures();
        assert_eq!(failures.len(), MAX_USERS + 1);
        assert_eq!(failures.iter().map(|(_, _, count)| count).sum::<u64>(), 1001);
        assert!(failures.iter().any(|(_, user, _)| user == "other"));
    }
}
