//! Canaries: texts that look like nothing else, given to the target as if they were secrets, and found again wherever they turn up, as
//! they are or encoded. One canary has one value in a run, and another in each other run.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::{CounterRng, RunTag};

/// How a canary begins, so that whoever comes upon one knows what it is.
const LEAD: &str = "gander-canary-";
/// Texts in which characters are escaped twice are found, and no further.
const ROUNDS: usize = 2;

/// The value of the canary `name` in the run `run`: 32 hexadecimal digits behind `gander-canary-`. By chance nobody writes the same.
pub fn canary(run: RunTag, name: &str) -> String {
    format!("{LEAD}{}", core(run, name))
}

/// What makes it unique.
fn core(run: RunTag, name: &str) -> String {
    // FNV-1a (Fowler, Noll, Vo) of the run, and of the name.
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
        })
    };
    let mut draws = CounterRng::new(hash(&run.bytes()), hash(name.as_bytes()));
    format!("{:016x}{:016x}", draws.next_u64(), draws.next_u64())
}

/// How a canary was written where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryForm {
    /// As it is.
    Plain,
    /// With some of its characters as `\u0061` or `\x61`.
    Escaped,
    /// With some of its characters as `%61`.
    Percent,
    /// In base64, alone or within a longer text.
    Base64,
    /// Each byte as two hexadecimal digits.
    Hex,
}

impl CanaryForm {
    /// In reports.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Plain => "as it is",
            Self::Escaped => "in escapes",
            Self::Percent => "percent-encoded",
            Self::Base64 => "in base64",
            Self::Hex => "in hexadecimal",
        }
    }

    /// True for forms in which whoever gives a text back writes it, without having encoded it.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Plain | Self::Escaped | Self::Percent)
    }
}

/// Finds the canaries of one run.
#[derive(Debug, Clone)]
pub struct CanaryFinder(Vec<Patterns>);

/// What one canary looks like.
#[derive(Debug, Clone)]
struct Patterns {
    /// Sought in small letters.
    plain: memmem::Finder<'static>,
    hex: memmem::Finder<'static>,
    /// Sought as they are: one for each place in a group of three bytes where it may begin.
    base64: [memmem::Finder<'static>; 3],
}

/// A canary that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one, by its place in the list of names.
    pub canary: usize,
    /// How it is written.
    pub form: CanaryForm,
    /// What it was found in: the text as it is, or without its escapes.
    pub text: Vec<u8>,
    /// Where in that.
    pub at: Range<usize>,
}

impl CanaryFinder {
    /// For the canaries with these `names`.
    pub fn new<'a>(run: RunTag, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| Patterns::of(&core(run, name))).collect())
    }

    /// The canaries in `text`, each at its first place, in the forms that it has there. One that stands there as it is is not told of as
    /// escaped, too.
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let small = text.to_ascii_lowercase();
        let texts = Decoded::of(text);
        for (canary, patterns) in self.0.iter().enumerate() {
            let mut tell = |form, text: &[u8], at: usize, length: usize| {
                found.push(Found { canary, form, text: text.to_owned(), at: at..at + length });
            };
            let plain = patterns.plain.needle().len();
            if let Some(at) = patterns.plain.find(&small) {
                tell(CanaryForm::Plain, text, at, plain);
            } else if let Some((form, text, at)) = texts.seek(&patterns.plain) {
                tell(form, text, at, plain);
            }
            if let Some(at) = patterns.hex.find(&small) {
                tell(CanaryForm::Hex, text, at, patterns.hex.needle().len());
            }
            let base64 = patterns.base64.iter().find_map(|one| Some((one.find(text)?, one.needle().len())));
            if let Some((at, length)) = base64 {
                tell(CanaryForm::Base64, text, at, length);
            }
        }
        found
    }

    /// All texts by which a canary can be told, for whoever is to strike them out.
    pub fn texts(&self) -> Vec<String> {
        let text = |needle: &[u8]| String::from_utf8_lossy(needle).into_owned();
        self.0
            .iter()
            .flat_map(|patterns| {
                let plain = text(patterns.plain.needle());
                let hex = text(patterns.hex.needle());
                let each = |write: fn(u8) -> String| plain.bytes().map(write).collect::<String>();
                let written = [
                    each(|byte| format!("%{byte:02x}")),
                    each(|byte| format!("%{byte:02X}")),
                    each(|byte| format!("\\u{byte:04x}")),
                    each(|byte| format!("\\u{byte:04X}")),
                    each(|byte| format!("\\x{byte:02x}")),
                    hex.to_ascii_uppercase(),
                    plain.to_ascii_uppercase(),
                    hex,
                    plain,
                ];
                written.into_iter().chain(patterns.base64.iter().map(|one| text(one.needle())))
            })
            .collect()
    }
}

impl Patterns {
    fn of(core: &str) -> Self {
        let finder = |text: &str| memmem::Finder::new(text.as_bytes()).into_owned();
        Self {
            plain: finder(core),
            hex: finder(&in_hex(core)),
            base64: [0, 1, 2].map(|before| finder(&inner_base64(core.as_bytes(), before))),
        }
    }
}

fn in_hex(text: &str) -> String {
    text.bytes()
        .flat_map(|byte| [byte >> 4, byte & 0xF])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// What stands in any base64 text for `bytes` with `before` bytes (or three more, ...) before them, whatever surrounds them. Of
/// hexadecimal digits both alphabets make the same.
fn inner_base64(bytes: &[u8], before: usize) -> String {
    let mut padded = vec![0; before];
    padded.extend_from_slice(bytes);
    let whole = padded.len() * 8 / 6;
    let text = STANDARD.encode(&padded);
    // Six bits a letter: those that hold bits of what stands before, or comes after, are left out.
    text[(before * 8).div_ceil(6)..whole].to_owned()
}

/// A text without its escapes, in the ways in which there are some in it.
struct Decoded(Vec<(CanaryForm, Vec<u8>)>);

impl Decoded {
    fn of(text: &[u8]) -> Self {
        let mut texts = Vec::new();
        let mut last = Cow::Borrowed(text);
        texts.extend(without_percent(&last).map(|text| (CanaryForm::Percent, text)));
        for _ in 0..ROUNDS {
            let Some(next) = without_escapes(&last) else { break };
            texts.extend(without_percent(&next).map(|text| (CanaryForm::Percent, text)));
            texts.push((CanaryForm::Escaped, next.clone()));
            last = Cow::Owned(next);
        }
        Self(texts)
    }

    fn seek(&self, plain: &memmem::Finder<'_>) -> Option<(CanaryForm, &[u8], usize)> {
        self.0.iter().find_map(|(form, text)| {
            let at = plain.find(&text.to_ascii_lowercase())?;
            Some((*form, text.as_slice(), at))
        })
    }
}

/// `text` with what `%61` stands for; `None` where there is nothing of that kind.
fn without_percent(text: &[u8]) -> Option<Vec<u8>> {
    decoded(text, b'%', |rest| Some((digits(rest.get(1..3)?)?, 3)))
}

/// `text` with what `\u0061` and `\x61` stand for, and `\\` for a backslash; `None` where there is nothing of that kind.
fn without_escapes(text: &[u8]) -> Option<Vec<u8>> {
    decoded(text, b'\\', |rest| match rest.get(1)? {
        b'u' | b'U' => Some((digits(rest.get(2..6)?)?, 6)),
        b'x' => Some((digits(rest.get(2..4)?)?, 4)),
        b'\\' => Some((b'\\', 2)),
        _ => None,
    })
}

/// `text` with the byte that `read` finds at each `mark`, which takes so many bytes.
fn decoded(text: &[u8], mark: u8, read: impl Fn(&[u8]) -> Option<(u8, usize)>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut is_changed = false;
    while let Some(at) = memchr::memchr(mark, rest) {
        out.extend_from_slice(&rest[..at]);
        let (byte, length) = match read(&rest[at..]) {
            Some(read) => {
                is_changed = true;
                read
            }
            None => (mark, 1),
        };
        out.push(byte);
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest);
    is_changed.then_some(out)
}

/// A byte in hexadecimal digits; `None` for what is none.
fn digits(text: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(text, 16).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    fn run() -> RunTag {
        RunTag::of(UNIX_EPOCH + Duration::from_millis(1_790_000_000_123))
    }

    fn found(text: impl AsRef<[u8]>) -> Vec<(usize, CanaryForm)> {
        let finder = CanaryFinder::new(run(), ["canary", "canary.token"]);
        finder.find(text.as_ref()).into_iter().map(|found| (found.canary, found.form)).collect()
    }

    fn token() -> String {
        canary(run(), "canary.token")
    }

    fn each(write: impl Fn(u8) -> String) -> String {
        token().bytes().map(write).collect()
    }

    #[test]
    fn a_canary_has_its_form_and_one_value_a_run() {
        let token = token();
        assert!(token.starts_with("gander-canary-") && token.len() == 46, "{token}");
        assert_eq!(token, canary(run(), "canary.token"));
        assert_ne!(token, canary(run(), "canary"));
        assert_ne!(token, canary(RunTag::of(UNIX_EPOCH), "canary.token"));
    }

    #[test]
    fn it_is_found_as_it_is_wherever_it_stands_and_told_from_others() {
        let (token, other) = (token(), canary(run(), "canary"));
        for text in [token.clone(), format!("a={token}&b"), token.to_uppercase(), format!("\u{e9}{token}")] {
            assert_eq!(found(&text), [(1, CanaryForm::Plain)], "{text}");
        }
        assert_eq!(found(format!("{token} {other}")), [(0, CanaryForm::Plain), (1, CanaryForm::Plain)]);
        for text in
            ["", "gander-canary-", &token[..token.len() - 1], &canary(RunTag::of(UNIX_EPOCH), "canary")]
        {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn base64_is_found_at_each_alignment_in_both_alphabets_with_and_without_padding() {
        for before in 0..7 {
            for after in 0..4 {
                // Bytes that make the letters in which the alphabets differ.
                let text = [
                    &b"\xfb\xff\xfe\xfb\xff\xfe\xfb"[..before],
                    token().as_bytes(),
                    &b"\xff\xfe\xfd"[..after],
                ]
                .concat();
                for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                    let encoded = format!("Basic {}.", engine.encode(&text));
                    assert_eq!(found(&encoded), [(1, CanaryForm::Base64)], "{before} {after} {encoded}");
                }
            }
        }
        assert_eq!(found(STANDARD.encode(&token().as_bytes()[..40])), []);
    }

    #[test]
    fn escapes_of_some_characters_or_of_all_are_found() {
        let token = token();
        let some = token.replacen('a', "%61", 1);
        assert_ne!(some, token);
        for text in [each(|byte| format!("%{byte:02x}")), each(|byte| format!("%{byte:02X}"))] {
            assert_eq!(found(format!("q={text}&")), [(1, CanaryForm::Percent)], "{text}");
        }
        let json = each(|byte| format!("\\u{byte:04x}"));
        let twice = json.replace('\\', "\\\\");
        let within = |digit: char| {
            format!("{{\"k\":\"{}\"}}", token.replace(digit, &format!("\\x{:02x}", digit as u32)))
        };
        let digit = token.chars().last().unwrap();
        for text in [json, twice, each(|byte| format!("\\u{byte:04X}")), within(digit)] {
            assert_eq!(found(format!("\"{text}\"")), [(1, CanaryForm::Escaped)], "{text}");
        }
        let both = each(|byte| format!("%{byte:02x}")).replace('%', "\\u0025");
        assert_eq!(found(both), [(1, CanaryForm::Percent)]);
        assert_eq!(found(each(|byte| format!("{byte:02X}"))), [(1, CanaryForm::Hex)]);
    }

    #[test]
    fn escapes_that_are_none_are_taken_as_they_are() {
        for text in ["%", "%4", "%zz%+1", "\\", "\\u12", "\\u+123", "\\q", "100 % \\"] {
            assert_eq!(found(text), []);
        }
        let text = format!("50% \\ {} %", token());
        assert_eq!(found(&text), [(1, CanaryForm::Plain)]);
        assert_eq!(without_escapes(br"a\u0041\\n\x42\n"), Some(br"aA\nB\n".to_vec()));
        assert_eq!(without_percent(b"%41%"), Some(b"A%".to_vec()));
        assert_eq!(without_percent(b"100 %"), None);
    }

    #[test]
    fn where_it_is_found_is_told() {
        let finder = CanaryFinder::new(run(), ["canary.token"]);
        let text = format!("x {}", token());
        let found = &finder.find(text.as_bytes())[0];
        assert_eq!(&found.text[found.at.clone()], &token().as_bytes()[LEAD.len()..]);
        for text in finder.texts() {
            assert!(!finder.find(text.as_bytes()).is_empty(), "{text}");
        }
    }
}
