//! The variables of a scenario while it is read: which can be named where, and which are ever used.
//!
//! Columns of the data can be named everywhere, what a step takes out of its answer by the steps after it.

use std::collections::BTreeSet;

use crate::input::{Field, Place, Problem, Problems, quoted};
use crate::plan::{Environment, KnownVariables, Scope, Slot};

/// What expressions begin with otherwise.
const TAKEN: [&str; 8] = ["vu", "iteration", "nonce", "canary", "env", "random", "string", "json"];

/// The variables that are known so far.
pub(super) struct VariableBook<'s> {
    env: Environment<'s>,
    names: Vec<String>,
    everywhere: KnownVariables,
    here: KnownVariables,
    /// What steps take out of answers, with its place.
    taken: Vec<(Slot, Place)>,
}

impl<'s> VariableBook<'s> {
    /// None yet.
    pub(super) fn new(env: Environment<'s>) -> Self {
        Self {
            env,
            names: Vec::new(),
            everywhere: KnownVariables::new(),
            here: KnownVariables::new(),
            taken: Vec::new(),
        }
    }

    /// What expressions may name at this point.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { environment: self.env, variables: &self.here }
    }

    /// A column of the data.
    pub(super) fn column(&mut self, feeder: &str, column: &str) -> Slot {
        let name = format!("{feeder}.{column}");
        let slot = self.add(name.clone());
        self.everywhere.insert(name.clone(), slot);
        self.here.insert(name, slot);
        slot
    }

    /// What a step takes out of its answer as `name`; the same variable where an earlier step of the transaction has taken
    /// something into it.
    pub(super) fn take(&mut self, name: &str, place: &Place) -> Slot {
        if let Some(slot) = self.here.get(name) {
            return *slot;
        }
        let slot = self.add(name.to_owned());
        self.here.insert(name.to_owned(), slot);
        self.taken.push((slot, place.clone()));
        slot
    }

    /// Ends a transaction: what its steps took is not known to others.
    pub(super) fn end_transaction(&mut self) {
        self.here.clone_from(&self.everywhere);
    }

    /// The names of all, by their slots. What is taken and never `used` is told.
    pub(super) fn finish(self, used: &BTreeSet<Slot>, problems: &mut Problems) -> Vec<String> {
        for (slot, place) in &self.taken {
            if !used.contains(slot) {
                let name = &self.names[usize::from(slot.0)];
                problems.push(
                    Problem::warning(place, format!("{} is never used", quoted(name)))
                        .help(format!("name it in a step after this one: `\"{{{{ {name} }}}}\"`")),
                );
            }
        }
        self.names
    }

    fn add(&mut self, name: String) -> Slot {
        let slot = Slot(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        self.names.push(name);
        slot
    }
}

/// True when expressions can name `name`; else says why not. `field` is the value that is to go by it.
pub(super) fn check_name(name: &str, place: &Place, problems: &mut Problems) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let good = first && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !good {
        problems.push(
            Problem::error(place, format!("{} cannot be named in an expression", place.quoted(name)))
                .help("write letters, digits, `_` and `-`, a letter first"),
        );
        return false;
    }
    if TAKEN.contains(&name) {
        problems.push(
            Problem::error(place, format!("{} means something else in an expression", quoted(name)))
                .help("give it another name"),
        );
        return false;
    }
    true
}

/// A regular expression.
pub(super) fn pattern(field: Field<'_>, problems: &mut Problems) -> Option<crate::plan::Pattern> {
    let text = field.text(problems)?;
    match crate::plan::Pattern::try_from(text.to_owned()) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            // The first lines of the error draw the pattern, the last says what is wrong with it.
            let error = error.to_string();
            let said = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let help = "patterns are those of Rust's `regex`: no look-around, no back-references";
            field.wrong(format!("{} is no pattern: {said}", field.node.place.quoted(text)), help, problems);
            None
        }
    }
}
