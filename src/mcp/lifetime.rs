//! How long a token is good for, as whoever gave it out says, and when the next one is asked for.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The next token is asked for this long before the end of the last at the earliest...
const LONGEST_MARGIN: Duration = Duration::from_secs(30);
/// ... or this part of its life, where that is shorter.
const MARGIN: f64 = 0.1;

/// What a token's life means for its holder, on the holder's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// From when on another one should be asked for.
    pub(super) renews_at: Duration,
    /// From when on it is of no use.
    pub(super) expires_at: Duration,
}

impl Lifetime {
    /// Of a token that was asked for at `asked`, came at `came`, and is good for `life`. `draw`, within 0 and 1, tells holders
    /// apart: those who got theirs at the same time don't all come back at the same time.
    pub(super) fn of(life: Duration, asked: Duration, came: Duration, draw: f64) -> Self {
        let margin = life.mul_f64(MARGIN).min(LONGEST_MARGIN);
        let expires_at = asked + life;
        let renews_at = expires_at.saturating_sub(margin + margin.mul_f64(draw));
        // A token that took most of its life to come is used all the same: nothing better is to be had.
        Self { renews_at: renews_at.max(came + margin), expires_at }
    }
}

/// Reads `expires_in`: whole seconds, which servers are known to write as a text. What makes no sense, and 0, is not known.
pub(super) fn expires_in<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    const LONGEST: u64 = 10 * 365 * 24 * 3600;
    let seconds = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(seconds.filter(|seconds| (1..=LONGEST).contains(seconds)).map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_token_is_renewed_before_its_end_and_not_by_all_at_once() {
        let of = |life, draw| Lifetime::of(ms(life), ms(1_000), ms(1_010), draw);
        assert_eq!(of(3_000, 0.0), Lifetime { renews_at: ms(3_700), expires_at: ms(4_000) });
        assert_eq!(of(3_000, 0.5).renews_at, ms(3_550));
        let hour = of(3_600_000, 0.5);
        assert_eq!(hour.expires_at, hour.renews_at + ms(45_000));
    }

    #[test]
    fn a_token_that_came_late_is_used_for_a_while() {
        let late = Lifetime::of(ms(1_000), ms(0), ms(5_000), 0.9);
        assert_eq!(late, Lifetime { renews_at: ms(5_100), expires_at: ms(1_000) });
    }

    #[test]
    fn a_life_is_read_in_each_way_that_servers_write_it() {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "expires_in")]
            expires_in: Option<Duration>,
        }
        for (text, expected) in [
            (r#"{"expires_in":60}"#, Some(60)),
            (r#"{"expires_in":"60"}"#, Some(60)),
            (r#"{"expires_in":0}"#, None),
            (r#"{"expires_in":-1}"#, None),
            (r#"{"expires_in":1e300}"#, None),
            (r#"{"expires_in":18446744073709551615}"#, None),
            (r#"{"expires_in":null}"#, None),
            ("{}", None),
        ] {
            let answer: Answer = serde_json::from_str(text).unwrap();
            assert_eq!(answer.expires_in, expected.map(Duration::from_secs), "{text}");
        }
    }
}
