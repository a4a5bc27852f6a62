//! The text by which one call of a run is told from all others, wherever it turns up: in arguments, and in what answers give
//! back of them.

use std::time::{SystemTime, UNIX_EPOCH};

use memchr::memmem;

/// Ids of one user: its number, from 1, times this, plus a count from 1. Unique in the run, and exact as a JSON number.
pub const IDS_PER_USER: u64 = 1_000_000_000;

/// A user makes fewer calls in a run: a larger count in what looks like an id is that of no call.
const MOST_CALLS: u64 = IDS_PER_USER / 10;

/// True when `id` may be that of a call of one of `users` users.
pub fn is_id_of_a_user(id: u64, users: u32) -> bool {
    (1..=u64::from(users)).contains(&(id / IDS_PER_USER)) && (1..MOST_CALLS).contains(&(id % IDS_PER_USER))
}

const LEAD: &[u8; 7] = b"gander-";
/// What ends a nonce: of one that was cut short nobody can say whose it is.
const END: u8 = b'n';
/// Digits of a `u64`.
const MOST_DIGITS: usize = 20;

/// What the nonces of one run have in common, and those of no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTag([u8; 8]);

/// The nonce of one call: `gander-`, its run, `-`, the call's id, `n`. Letters, digits and `-`, which no format escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce {
    /// Which run.
    pub run: RunTag,
    /// The id of the call: unique in the run.
    pub call: u64,
}

/// Whose nonces a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// None of this run's.
    Nothing,
    /// That of its own call, maybe among others.
    Own,
    /// That of this other call, and not its own.
    Other(u64),
}

impl RunTag {
    /// Of a run that begins at `moment`, by the millisecond.
    pub fn of(moment: SystemTime) -> Self {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut rest = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let mut tag = [b'0'; 8];
        for place in tag.iter_mut().rev() {
            *place = DIGITS[usize::try_from(rest % 36).expect("a remainder of 36 is small")];
            rest /= 36;
        }
        Self(tag)
    }

    /// The same for the same run.
    pub fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl Nonce {
    /// The shortest of any load.
    pub const SHORTEST: Self = Self { run: RunTag(*b"00000000"), call: IDS_PER_USER + 1 };
    /// The longest, of up to 99,999 users.
    pub const LONGEST: Self = Self { run: RunTag(*b"zzzzzzzz"), call: 100_000 * IDS_PER_USER - 1 };

    /// Appends its text to `out`.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.lead());
        out.extend_from_slice(itoa::Buffer::new().format(self.call).as_bytes());
        out.push(END);
    }

    /// Whose answer `bytes` are, as far as nonces tell.
    pub fn seek(self, bytes: &[u8]) -> Echo {
        let lead = self.lead();
        let mut found = Echo::Nothing;
        for at in memmem::find_iter(bytes, &lead) {
            match id_at(&bytes[at + lead.len()..]) {
                Some(call) if call == self.call => return Echo::Own,
                Some(call) if found == Echo::Nothing => found = Echo::Other(call),
                Some(_) | None => {}
            }
        }
        found
    }

    fn lead(self) -> [u8; 16] {
        let mut lead = [b'-'; 16];
        lead[..LEAD.len()].copy_from_slice(LEAD);
        lead[LEAD.len()..15].copy_from_slice(&self.run.0);
        lead
    }
}

impl std::fmt::Display for Nonce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The id that `bytes` begin with, if a whole one is there.
fn id_at(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.iter().take(MOST_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
    let is_whole = digits > 0 && bytes.get(digits) == Some(&END);
    std::str::from_utf8(&bytes[..digits]).ok().filter(|_| is_whole)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn nonce(call: u64) -> Nonce {
        Nonce { run: RunTag::of(UNIX_EPOCH + Duration::from_millis(1_790_000_000_123)), call }
    }

    #[track_caller]
    fn check(text: &str, expected: Echo) {
        assert_eq!(nonce(2_000_000_007).seek(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn a_text_tells_whose_it_is() {
        let (own, other) = (nonce(2_000_000_007), nonce(1_000_000_003));
        check(&format!(r#"{{"text":"{own}"}}"#), Echo::Own);
        check(&format!("{other} and {own}"), Echo::Own);
        check(&format!("xx{other}yy"), Echo::Other(1_000_000_003));
        check("2000000007 n-1000000003 gander-", Echo::Nothing);
    }

    #[test]
    fn what_was_cut_short_or_is_of_another_run_is_nobodys() {
        let other = nonce(12_000_000_003).to_string();
        for end in 0..other.len() {
            check(&other[..end], Echo::Nothing);
        }
        check(&Nonce { run: RunTag::of(UNIX_EPOCH), call: 1_000_000_003 }.to_string(), Echo::Nothing);
    }

    #[test]
    fn no_two_runs_share_a_tag_that_begin_a_millisecond_apart() {
        let tag = |ms| RunTag::of(UNIX_EPOCH + Duration::from_millis(ms));
        assert_ne!(tag(1_790_000_000_000), tag(1_790_000_000_001));
        assert_eq!(tag(35), RunTag(*b"0000000z"));
    }
}
