//! Texts for a regular expression, made along its parsed form.
//!
//! `rand_regex` takes no anchors, which nearly every `pattern` has, and has no bound on the length. Anchors and word
//! boundaries are passed over here: the check of the whole value finds out where that was wrong.

use std::ops::RangeInclusive;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Repetition};

use super::generator::Maker;

/// Parts of a pattern that are nested deeper are not read.
const DEEPEST_PATTERN: u32 = 60;
/// How often a text is made until its length is right.
const TRIES: usize = 60;
/// Parts of a pattern that are gone through for one text.
const MOST_PARTS: usize = 20_000;

/// A text in the making.
struct Draft {
    text: String,
    /// How many characters it has.
    length: usize,
    /// How many more than it must be a repetition may get.
    spread: usize,
    /// Repetitions go on until there are so many characters.
    fill: usize,
    /// The most characters there may be.
    longest: usize,
    /// Parts that may still be gone through.
    left: usize,
    /// Which characters of a class are taken.
    taste: Taste,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taste {
    /// A letter or digit, where there is one, else what can be typed, else any.
    Likely,
    /// Any. What `\d` is differs from one engine to the other, so this may be wrong.
    Any,
}

impl Draft {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.length += text.chars().count();
    }
}

impl Maker<'_, '_> {
    /// A text that `pattern` is found in, with a number of characters in `length`; `None` where none was found. The larger
    /// `varied`, the longer are repetitions from the start.
    pub(super) fn matching(
        &mut self,
        pattern: &str,
        length: RangeInclusive<usize>,
        varied: usize,
    ) -> Option<String> {
        let parsed = ParserBuilder::new().nest_limit(DEEPEST_PATTERN).build().parse(pattern).ok()?;
        for tried in 0..TRIES {
            // Short ones first; then repetitions fill up what is missing, with more and more room for what follows them.
            let (spread, fill) = match tried.checked_sub(TRIES / 2) {
                None => (tried + varied, 0),
                Some(room) => (0, length.start().saturating_sub(room)),
            };
            let taste = if self.is_edge() && self.below(2) == 0 { Taste::Any } else { Taste::Likely };
            let (text, longest) = (String::new(), *length.end());
            let mut draft = Draft { text, length: 0, spread, fill, longest, left: MOST_PARTS, taste };
            let whole = self.write(&parsed, &mut draft);
            if whole.is_some() && length.contains(&draft.length) {
                return Some(draft.text);
            }
        }
        None
    }

    /// Appends a text for `part`; `None` when it is getting too long.
    fn write(&mut self, part: &Hir, draft: &mut Draft) -> Option<()> {
        draft.left = draft.left.checked_sub(1)?;
        if draft.length > draft.longest {
            return None;
        }
        match part.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => draft.push(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(Class::Unicode(class)) => {
                draft.push(self.one_of_class(class, draft.taste)?.encode_utf8(&mut [0; 4]));
            }
            HirKind::Class(Class::Bytes(_)) => return None,
            HirKind::Capture(group) => self.write(&group.sub, draft)?,
            HirKind::Concat(parts) => {
                for part in parts {
                    self.write(part, draft)?;
                }
            }
            HirKind::Alternation(ways) => {
                let taken = if self.is_plain() && draft.spread == 0 { 0 } else { self.below(ways.len()) };
                self.write(&ways[taken], draft)?;
            }
            HirKind::Repetition(repetition) => self.repeat(repetition, draft)?,
        }
        Some(())
    }

    fn repeat(&mut self, repetition: &Repetition, draft: &mut Draft) -> Option<()> {
        let most = repetition.max.map_or(usize::MAX, |most| most as usize);
        // A text that is read has something in it.
        let least = (repetition.min as usize).max(usize::from(self.is_plain()).min(most));
        let drawn = least + self.below(draft.spread.min(most - least) + 1);
        let mut count = 0;
        while count < drawn || (count < most && draft.length < draft.fill) {
            self.write(&repetition.sub, draft)?;
            count += 1;
        }
        Some(())
    }

    fn one_of_class(&mut self, class: &ClassUnicode, taste: Taste) -> Option<char> {
        const LIKELY: [RangeInclusive<char>; 5] = ['a'..='z', '0'..='9', 'A'..='Z', '!'..='~', ' '..=' '];
        let ranges = class.ranges();
        if taste == Taste::Likely {
            for likely in &LIKELY {
                let common: Vec<(char, char)> = ranges
                    .iter()
                    .map(|range| (range.start().max(*likely.start()), range.end().min(*likely.end())))
                    .filter(|(first, last)| first <= last)
                    .collect();
                if !common.is_empty() {
                    let (first, last) = common[self.below(common.len())];
                    return self.character(first, last);
                }
            }
        }
        let range = ranges.get(self.below(ranges.len()))?;
        self.character(range.start(), range.end())
    }

    /// A character between the two, both included.
    fn character(&mut self, first: char, last: char) -> Option<char> {
        if self.is_plain() {
            return Some(first);
        }
        let drawn = self.between(i64::from(u32::from(first)), i64::from(u32::from(last)));
        // Between the two may lie numbers that are no characters.
        u32::try_from(drawn).ok().and_then(char::from_u32).or(Some(first))
    }
}
