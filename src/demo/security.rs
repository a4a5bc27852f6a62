//! What the server finds suspicious: arguments that look like an attack, and an address that keeps failing to log in.
//! It reports and lets the call pass.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// More failures than this within [`BRUTE_FORCE_WINDOW`] are taken for an attack.
const BRUTE_FORCE_FAILURES: usize = 5;
const BRUTE_FORCE_WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at once.
const MAX_ADDRESSES: usize = 1000;

/// The attack that `text` looks like. Letter case does not matter. One pass and no allocation: every tool call pays
/// for it.
pub(super) fn suspicious_pattern(text: &str) -> Option<&'static str> {
    let (mut union, mut select, mut from) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        let rest = &text.as_bytes()[at..];
        match byte.to_ascii_lowercase() {
            b'<' if begins(rest, "<script") => return Some("xss"),
            b'j' if begins(rest, "javascript:") => return Some("xss"),
            b'o' if begins(rest, "onerror=") => return Some("xss"),
            b'.' if begins(rest, "../") || begins(rest, "..\\") => return Some("path_traversal"),
            b'e' if calls(rest, "eval") || calls(rest, "exec") => return Some("code_execution"),
            b's' if calls(rest, "system") => return Some("code_execution"),
            b's' if begins(rest, "select") && union => return Some("sql_injection"),
            b's' => select |= begins(rest, "select"),
            b'u' => union |= begins(rest, "union"),
            b'f' => from |= select && begins(rest, "from"),
            b'i' if from && begins(rest, "information_schema") => return Some("sql_injection"),
            _ => {}
        }
    }
    None
}

fn begins(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

/// True when `text` begins with `function` and an opening parenthesis, with or without space between.
fn calls(text: &[u8], function: &str) -> bool {
    begins(text, function) && text[function.len()..].trim_ascii_start().starts_with(b"(")
}

/// Failed attempts per address.
#[derive(Debug, Default)]
pub(super) struct BruteForce(Mutex<HashMap<IpAddr, VecDeque<Duration>>>);

impl BruteForce {
    /// Notes a failure at `now`; gives the number of recent ones when there are too many.
    pub(super) fn failed(&self, address: IpAddr, now: Duration) -> Option<usize> {
        let since = now.saturating_sub(BRUTE_FORCE_WINDOW);
        let mut addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MAX_ADDRESSES {
            addresses.retain(|_, failures| failures.back().is_some_and(|last| *last >= since));
        }
        let failures = addresses.entry(address).or_default();
        failures.retain(|failure| *failure >= since);
        failures.push_back(now);
        (failures.len() > BRUTE_FORCE_FAILURES).then_some(failures.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_are_told_from_work() {
        for (text, expected) in [
            ("1 UNION ALL SELECT password", Some("sql_injection")),
            ("select x from information_schema.tables", Some("sql_injection")),
            ("<SCRIPT>alert(1)", Some("xss")),
            ("../../etc/passwd", Some("path_traversal")),
            ("..\\windows", Some("path_traversal")),
            ("__import__('os').system ('id')", Some("code_execution")),
            ("select a union card", None),
            ("the operating system (kernel) evaluates", Some("code_execution")),
            ("2 + 3 * (4 - 1)", None),
            ("test query 42", None),
        ] {
            assert_eq!(suspicious_pattern(text), expected, "{text}");
        }
    }

    #[test]
    fn many_failures_in_a_minute_are_brute_force() {
        let brute_force = BruteForce::default();
        let address = IpAddr::from([127, 0, 0, 1]);
        let at = |seconds| brute_force.failed(address, Duration::from_secs(seconds));
        for second in 0..5 {
            assert_eq!(at(second), None);
        }
        assert_eq!(at(5), Some(6));
        assert_eq!(at(200), None);
    }
}
