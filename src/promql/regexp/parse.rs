//! From the text of a pattern to its parts, in the order and by the rules of Go's `regexp/syntax` with Perl's flags.
//!
//! One loop over the text and a stack of open groups: however deep a pattern goes, this does not.

use regex_syntax::hir::{Capture, Class, Dot, Hir, HirKind, Look, Repetition};

use super::class::{self, Case};
use super::escape::Cursor;
use super::mistake::{Mistake, PatternError};

/// The most that something may be repeated, counts inside each other multiplied.
const MAX_REPEATED: u32 = 1000;
/// The most parts inside each other.
const MAX_HEIGHT: u32 = 1000;
/// The most ranges of all classes together: far more than what is still small enough when it is compiled.
const MAX_RANGES: usize = 100_000;

/// Flags of `(?imsU)`, as bits.
type Flags = u8;
pub(super) const DEFAULT: Flags = 0;
const FOLD_CASE: Flags = 1;
const LINES: Flags = 2;
pub(super) const DOT_NEWLINE: Flags = 4;
const LAZY: Flags = 8;

/// A pattern that was read.
pub(super) struct Parsed {
    pub(super) part: Part,
    /// Of the groups by their numbers, the whole at 0.
    pub(super) names: Vec<Option<Box<str>>>,
}

/// A part of a pattern.
pub(super) struct Part {
    pub(super) hir: Hir,
    pub(super) states: States,
    /// Counts inside each other, multiplied.
    pub(super) count: u32,
    pub(super) height: u32,
}

/// What a part comes to when its repetitions are written out.
#[derive(Clone, Copy, Default)]
pub(super) struct States {
    all: u64,
    /// Of them, those inside counted repetitions.
    pub(super) repeated: u64,
}

/// An open group, or the whole.
struct Group {
    /// The flags outside of it.
    flags: Flags,
    /// Its number; `None` of one that takes nothing.
    capture: Option<u32>,
    /// What is before the last `|`.
    branches: Vec<Part>,
    /// What is behind it.
    parts: Vec<Part>,
}

struct Parser<'p> {
    cursor: Cursor<'p>,
    flags: Flags,
    /// Outermost first; the first is the whole.
    groups: Vec<Group>,
    names: Vec<Option<Box<str>>>,
    ranges: usize,
}

/// Reads `pattern`, with these flags from the start.
pub(super) fn parsed(pattern: &str, flags: Flags) -> Result<Parsed, PatternError> {
    let mut parser = Parser {
        cursor: Cursor::new(pattern),
        flags,
        groups: vec![Group::new(flags, None)],
        names: vec![None],
        ranges: 0,
    };
    parser.run()?;
    let whole = parser.groups.pop().expect("the whole is there to the end");
    if !parser.groups.is_empty() {
        return Err(Mistake::OpenGroup.into());
    }
    let part = whole.alternation();
    check_height(part.height)?;
    Ok(Parsed { part, names: parser.names })
}

/// Refuses more inside each other than Go does.
pub(super) fn check_height(height: u32) -> Result<(), PatternError> {
    if height > MAX_HEIGHT { Err(Mistake::Nesting.into()) } else { Ok(()) }
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Mistake> {
        // Where the repetition right before this began.
        let mut last_repetition = None;
        while let Some(c) = self.cursor.peek() {
            let start = self.cursor.at();
            let mut repetition = None;
            match c {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.cursor.take();
                    self.group().branch();
                }
                '^' => self.take_look(Look::Start, Look::StartLF),
                '$' => self.take_look(Look::End, Look::EndLF),
                '.' => {
                    self.cursor.take();
                    let any = self.flags & DOT_NEWLINE != 0;
                    let dot = if any { Dot::AnyChar } else { Dot::AnyCharExceptLF };
                    self.push(Part::one(Hir::dot(dot)));
                }
                '[' => {
                    let case = self.case();
                    let class = class::bracketed(&mut self.cursor, case)?;
                    self.class(class)?;
                }
                '\\' => self.backslash()?,
                '*' | '+' | '?' | '{' => match self.counts()? {
                    Some((least, most)) => {
                        self.repeat(start, last_repetition, least, most)?;
                        repetition = Some(start);
                    }
                    None => self.literal(),
                },
                _ => self.literal(),
            }
            last_repetition = repetition;
        }
        Ok(())
    }

    fn group(&mut self) -> &mut Group {
        self.groups.last_mut().expect("the whole is there to the end")
    }

    fn push(&mut self, part: Part) {
        self.group().parts.push(part);
    }

    fn case(&self) -> Case {
        if self.flags & FOLD_CASE == 0 { Case::Exact } else { Case::Folded }
    }

    /// The next character, for itself.
    fn literal(&mut self) {
        if let Some(c) = self.cursor.take() {
            self.character(u32::from(c));
        }
    }

    fn character(&mut self, number: u32) {
        let class = class::one(number, self.case());
        self.push(Part::one(Hir::class(Class::Unicode(class))));
    }

    fn class(&mut self, class: regex_syntax::hir::ClassUnicode) -> Result<(), Mistake> {
        self.ranges += class.ranges().len();
        if self.ranges > MAX_RANGES {
            return Err(Mistake::TooLarge);
        }
        self.push(Part::one(Hir::class(Class::Unicode(class))));
        Ok(())
    }

    /// `^` or `$`: of the text, or of a line.
    fn take_look(&mut self, text: Look, line: Look) {
        self.cursor.take();
        let look = if self.flags & LINES == 0 { text } else { line };
        self.push(Part::empty(Hir::look(look)));
    }

    fn backslash(&mut self) -> Result<(), Mistake> {
        for (written, look) in [
            ("\\A", Look::Start),
            ("\\z", Look::End),
            ("\\b", Look::WordAscii),
            ("\\B", Look::WordAsciiNegate),
        ] {
            if self.cursor.eat(written) {
                self.push(Part::empty(Hir::look(look)));
                return Ok(());
            }
        }
        if self.cursor.eat("\\Q") {
            let quoted = self.cursor.eat_through("\\E").unwrap_or_else(|| self.cursor.eat_rest());
            quoted.chars().map(u32::from).for_each(|number| self.character(number));
            return Ok(());
        }
        let case = self.case();
        if let Some(class) = class::escaped(&mut self.cursor, case)? {
            return self.class(class);
        }
        let number = self.cursor.escaped()?;
        self.character(number);
        Ok(())
    }

    /// A `(` and what says which kind of group it is.
    fn open(&mut self) -> Result<(), Mistake> {
        let start = self.cursor.at();
        self.cursor.take();
        if !self.cursor.eat("?") {
            self.capture(None);
            return Ok(());
        }
        let behind = ["<=", "<!"].iter().any(|sign| self.cursor.rest().starts_with(sign));
        if !behind && (self.cursor.eat("P<") || self.cursor.eat("<")) {
            let Some(name) = self.cursor.eat_through(">") else {
                self.cursor.eat_rest();
                return Err(Mistake::GroupName(self.cursor.since(start)));
            };
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(Mistake::GroupName(self.cursor.since(start)));
            }
            self.capture(Some(name.into()));
            return Ok(());
        }
        self.flagged(start)
    }

    fn capture(&mut self, name: Option<Box<str>>) {
        let number = u32::try_from(self.names.len()).expect("a pattern is shorter than that");
        self.names.push(name);
        self.groups.push(Group::new(self.flags, Some(number)));
    }

    /// `i-s)` or `i-s:`, behind a `(?`.
    fn flagged(&mut self, start: usize) -> Result<(), Mistake> {
        let mut flags = self.flags;
        let (mut off, mut any) = (false, false);
        while let Some(c) = self.cursor.take() {
            let flag = match c {
                'i' => FOLD_CASE,
                'm' => LINES,
                's' => DOT_NEWLINE,
                'U' => LAZY,
                '-' if !off => {
                    (off, any) = (true, false);
                    continue;
                }
                ':' | ')' if any || !off => {
                    if c == ':' {
                        self.groups.push(Group::new(self.flags, None));
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => return Err(Mistake::GroupKind(self.cursor.since(start))),
            };
            any = true;
            flags = if off { flags & !flag } else { flags | flag };
        }
        Err(Mistake::OpenGroup)
    }

    fn close(&mut self) -> Result<(), Mistake> {
        self.cursor.take();
        if self.groups.len() == 1 {
            return Err(Mistake::ClosesNothing);
        }
        let group = self.groups.pop().expect("there are at least two");
        self.flags = group.flags;
        let capture = group.capture;
        let mut part = group.alternation();
        if let Some(index) = capture {
            part.hir = Hir::capture(Capture { index, name: None, sub: Box::new(part.hir) });
            part.height += 1;
        }
        self.push(part);
        Ok(())
    }

    /// The least and the most of `*`, `+`, `?` or `{2,5}`. `None`, and nothing is read, of a brace that is none.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, Mistake> {
        let start = self.cursor.at();
        for (sign, counts) in [("*", (0, None)), ("+", (1, None)), ("?", (0, Some(1)))] {
            if self.cursor.eat(sign) {
                return Ok(Some(counts));
            }
        }
        let mut ahead = self.cursor.clone();
        let Some((least, most)) = braced(&mut ahead) else { return Ok(None) };
        self.cursor = ahead;
        if least.max(most.unwrap_or(0)) > MAX_REPEATED {
            return Err(Mistake::CountAboveLimit(self.cursor.since(start)));
        }
        if most.is_some_and(|most| least > most) {
            return Err(Mistake::LeastAboveMost(self.cursor.since(start)));
        }
        Ok(Some((least, most)))
    }

    /// Repeats the last part. The sign that was read began at `start`, one right before it at `earlier`.
    fn repeat(
        &mut self,
        start: usize,
        earlier: Option<usize>,
        least: u32,
        most: Option<u32>,
    ) -> Result<(), Mistake> {
        let counted = self.cursor.since(start).starts_with('{');
        let greedy = self.cursor.eat("?") == (self.flags & LAZY != 0);
        if let Some(earlier) = earlier {
            return Err(Mistake::RepeatsRepetition(self.cursor.since(earlier)));
        }
        let Some(part) = self.group().parts.pop() else {
            return Err(Mistake::RepeatsNothing(self.cursor.since(start)));
        };
        let repeated = part.repeated(least, most, greedy, counted);
        if counted && least.max(most.unwrap_or(0)) >= 2 && repeated.count > MAX_REPEATED {
            return Err(Mistake::CountsAboveLimit(self.cursor.since(start)));
        }
        self.push(repeated);
        Ok(())
    }
}

/// `{2}`, `{2,}` and `{2,5}`; anything else in braces is plain text. A number that is too large for one is the largest.
fn braced(cursor: &mut Cursor<'_>) -> Option<(u32, Option<u32>)> {
    let number = |cursor: &mut Cursor<'_>| {
        let digits = cursor.digits();
        let plain = !digits.is_empty() && (digits.len() == 1 || !digits.starts_with('0'));
        plain.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    cursor.eat("{");
    let least = number(cursor)?;
    let most = match cursor.eat(",") {
        false => Some(least),
        true if cursor.rest().starts_with('}') => None,
        true => Some(number(cursor)?),
    };
    cursor.eat("}").then_some((least, most))
}

impl Group {
    fn new(flags: Flags, capture: Option<u32>) -> Self {
        Self { flags, capture, branches: Vec::new(), parts: Vec::new() }
    }

    /// What was read since the last `|` is a branch.
    fn branch(&mut self) {
        let branch = Part::of(std::mem::take(&mut self.parts), Hir::concat);
        self.branches.push(branch);
    }

    fn alternation(mut self) -> Part {
        self.branch();
        Part::of(self.branches, Hir::alternation)
    }
}

impl Part {
    fn empty(hir: Hir) -> Self {
        Self { hir, states: States::default(), count: 1, height: 1 }
    }

    fn one(hir: Hir) -> Self {
        Self { states: States { all: 1, repeated: 0 }, ..Self::empty(hir) }
    }

    /// Several parts as one; a part alone is itself.
    fn of(parts: Vec<Self>, join: impl Fn(Vec<Hir>) -> Hir) -> Self {
        let mut whole = Self { height: 0, ..Self::empty(Hir::empty()) };
        let mut hirs = Vec::with_capacity(parts.len());
        for part in parts {
            whole.states.all += part.states.all;
            whole.states.repeated += part.states.repeated;
            whole.count = whole.count.max(part.count);
            whole.height = whole.height.max(part.height);
            hirs.push(part.hir);
        }
        let several = hirs.len() > 1;
        whole.hir = join(hirs);
        // Characters in a row are one text, and alternatives of one character each one class.
        let joined = matches!(whole.hir.kind(), HirKind::Concat(_) | HirKind::Alternation(_));
        whole.height = (whole.height + u32::from(several && joined)).max(1);
        whole
    }

    fn repeated(self, least: u32, most: Option<u32>, greedy: bool, counted: bool) -> Self {
        let mut states = self.states;
        let mut count = self.count;
        if counted {
            let times = most.unwrap_or(least);
            // What is repeated 0 times is not there.
            count = if most == Some(0) { 1 } else { count.saturating_mul(times.max(1)) };
            let all = states.all * u64::from(times.max(1));
            states = States { all, repeated: all };
        }
        let repetition = Repetition { min: least, max: most, greedy, sub: Box::new(self.hir) };
        Self { hir: Hir::repetition(repetition), states, count, height: self.height + 1 }
    }
}
