//! Regular expressions of Go's `regexp`, which Prometheus and Alertmanager use: RE2's syntax with Perl's additions.
//!
//! They are read here, by Go's rules, into the form that the `regex` crate is made of, so that what Go refuses is refused and
//! what it takes means the same. How big one may become is limited: a pattern comes from a user's file.

mod class;
mod escape;
mod expand;
mod mistake;
mod parse;
mod scripts;

use std::sync::Arc;
use std::thread;

use regex::{Captures, Regex, RegexBuilder};
use regex_syntax::hir::print::Printer;
use regex_syntax::hir::{Hir, HirKind, Look};

use expand::Named;
use mistake::Mistake;
pub use mistake::PatternError;
use parse::{Parsed, Part};

/// Compiled patterns above this many bytes are refused.
const MAX_COMPILED: usize = 2 << 20;
/// Go counts what is inside each other up to 1000; what is printed of one such level has two in the crate's own count.
const NESTING: u32 = 4000;
/// The crate goes down with each part inside of another. Patterns deeper than this are compiled on a stack that is large enough.
const DEEP: u32 = 200;
const LARGE_STACK: usize = 64 << 20;

/// A regular expression, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Regexp {
    regex: Regex,
    /// The groups in their order; the crate would not take all of Go's names.
    groups: Arc<[Named]>,
    repeated: u64,
}

impl Regexp {
    /// `pattern` as Go's `regexp.Compile` has it: found anywhere, `.` is no end of a line.
    pub(crate) fn new(pattern: &str) -> Result<Self, PatternError> {
        let Parsed { part, names } = parse::parsed(pattern, parse::DEFAULT)?;
        Self::compiled(&part, names)
    }

    /// `pattern` as a matcher of Prometheus has it: it fits a whole text, and `.` is any character.
    pub(crate) fn anchored(pattern: &str) -> Result<Self, PatternError> {
        let Parsed { part, names } = parse::parsed(pattern, parse::DOT_NEWLINE)?;
        // Prometheus reads it on its own, and then once more between anchors.
        let height = part.height + 1;
        parse::check_height(height)?;
        let hir = Hir::concat(vec![Hir::look(Look::Start), part.hir, Hir::look(Look::End)]);
        Self::compiled(&Part { hir, height, ..part }, names)
    }

    fn compiled(part: &Part, names: Vec<Option<Box<str>>>) -> Result<Self, PatternError> {
        let mut printed = String::new();
        Printer::new().print(&part.hir, &mut printed).expect("a string takes any text");
        let compile =
            || RegexBuilder::new(&printed).size_limit(MAX_COMPILED).nest_limit(NESTING).build().ok();
        let built = if part.height > DEEP { on_large_stack(compile) } else { compile() };
        // It is printed so that it can be read: what is left to refuse is its size.
        let regex = built.ok_or(Mistake::TooLarge)?;
        let groups = groups_left(&part.hir, names).into();
        Ok(Self { regex, groups, repeated: part.states.repeated })
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }

    pub(crate) fn captures_iter<'t>(&self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        self.regex.captures_iter(text)
    }

    /// Writes `template` with what groups have taken in place of `$1`, `${1}`, `$name` and `${name}`.
    pub(crate) fn expand(&self, found: &Captures<'_>, template: &str, out: &mut String) {
        expand::expand(&self.groups, found, template, out);
    }

    /// How many states its counted repetitions are written out to: what a byte may cost where they can't be told apart
    /// early.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated
    }
}

/// What `build` gives; nothing where there is no stack of that size.
fn on_large_stack(build: impl FnOnce() -> Option<Regex> + Send) -> Option<Regex> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(LARGE_STACK);
        builder.spawn_scoped(scope, build).ok()?.join().ok()?
    })
}

/// The groups that are left in `hir`, with their names.
fn groups_left(hir: &Hir, mut names: Vec<Option<Box<str>>>) -> Vec<Named> {
    let mut groups = vec![Named { number: 0, name: None }];
    let mut open = vec![hir];
    while let Some(part) = open.pop() {
        match part.kind() {
            HirKind::Capture(capture) => {
                let number = capture.index as usize;
                groups.push(Named { number, name: names[number].take() });
                open.push(&capture.sub);
            }
            HirKind::Repetition(repetition) => open.push(&repetition.sub),
            HirKind::Concat(parts) | HirKind::Alternation(parts) => open.extend(parts.iter().rev()),
            HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
        }
    }
    groups
}

#[cfg(test)]
mod tests;
