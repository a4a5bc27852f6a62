//! What a function is: its name, what it takes and gives, and what computes it.
//!
//! The functions themselves are the rows of `functions::FUNCTIONS`.

use super::expr::ValueType;

/// One function of PromQL.
pub struct Function {
    /// As it is written.
    pub name: &'static str,
    /// What it takes, in order.
    pub takes: &'static [ValueType],
    /// How many arguments may be left out or added.
    pub arity: Arity,
    /// What it gives.
    pub returns: ValueType,
    pub(crate) body: super::functions::Body,
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// All of them.
    All,
    /// The last so many may be left out.
    Optional(usize),
    /// The last one may come any number of times, or not at all.
    Repeated,
}

impl Function {
    /// The least and the greatest number of arguments.
    pub fn argument_counts(&self) -> (usize, usize) {
        match self.arity {
            Arity::All => (self.takes.len(), self.takes.len()),
            Arity::Optional(left_out) => (self.takes.len() - left_out, self.takes.len()),
            Arity::Repeated => (self.takes.len() - 1, usize::MAX),
        }
    }

    /// What the argument at `position` has to be.
    pub fn argument_type(&self, position: usize) -> ValueType {
        self.takes[position.min(self.takes.len() - 1)]
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
