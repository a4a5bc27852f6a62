//! Values for a schema: made from what it says, checked by `jsonschema`, made anew where a check finds what making could
//! not see (`not`, `oneOf` that holds twice, a second `pattern`).

use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::document::{At, Document, validator};
use super::error::{Fault, SchemaError};
use super::shape::{Shape, Types};
use super::weight::weigh;
use crate::model::{CounterRng, Nonce};

/// How often a value is made before a schema is given up.
const ATTEMPTS: u32 = 24;
/// How often of these one end of what is allowed is held on to.
const FIRM_ATTEMPTS: u32 = 4;
/// How often it is made at an edge at all, where it is to be.
const EDGE_ATTEMPTS: u32 = 16;
/// Parts that are looked at for all attempts together.
const FUEL: u32 = 200_000;
/// The deepest nesting of lists and maps in a value.
pub(super) const DEEPEST: u32 = 16;
/// Deeper than this nothing is made that need not be there.
pub(super) const SHALLOW: u32 = 4;
/// The most values in a value.
const MOST_VALUES: usize = 2_000;
/// From so many on, nothing is made that need not be there.
const MANY_VALUES: usize = 400;
/// How many characters more than they must have the texts of a value are given together.
const ROOM: u64 = 50_000;

/// Which of the values that hold a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Any, evenly spread as far as that makes sense.
    Random,
    /// At the edges, where that can be: bounds, nothing at all, the longest, characters that are seldom seen.
    Edge,
    /// At the lower edges alone, where that can be: the least numbers, the shortest texts, the emptiest lists, only what is
    /// required.
    Lowest,
    /// At the upper edges alone, where that can be, with all that may be there.
    Highest,
}

/// A value that somebody will read, and where it may vary.
#[derive(Debug, Clone, PartialEq)]
pub struct Readable {
    /// The same each time: what the schema suggests where it does, only what is required.
    pub value: Value,
    /// Parts of it that may be something else, as JSON pointers: each of them, and all at once.
    pub holes: Vec<(String, Hole)>,
}

/// A value, and where it may be any text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub(super) value: Value,
    /// True when it was made at the edges.
    pub(super) edge: bool,
    holes: Vec<(String, Hole)>,
    /// The places of texts that nothing is said of but their length, which has room for a nonce: as JSON pointers.
    pub(super) free: Vec<String>,
}

/// What may stand in a place of a value instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hole {
    /// Any whole number between the two, both included.
    Int(i64, i64),
    /// A short text that is different each time: letters, digits and `-`.
    Nonce,
}

/// A schema that values can be made for.
#[derive(Debug)]
pub struct Generator {
    schema: Value,
    validator: Validator,
}

impl Generator {
    /// Reads `schema`; of what it can't mean, only what shows without making a value is found.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let document = Document::measured(schema)?;
        let validator = validator(schema).map_err(|error| unreadable(&document, &error))?;
        Ok(Self { schema: schema.clone(), validator })
    }

    /// True when `value` holds the schema, and it can be told with bounded work.
    pub fn accepts(&self, value: &Value) -> bool {
        self.check(value).is_ok()
    }

    fn check(&self, value: &Value) -> Result<(), SchemaError> {
        weigh(&Document::new(&self.schema), value)?;
        self.validator.validate(value).map_err(|error| {
            let path = error.schema_path().to_string();
            let pointer = path.rsplit_once('/').map_or("", |(pointer, _)| pointer);
            SchemaError::new(error.kind().keyword(), pointer, Fault::Unmet)
        })
    }

    /// A value that holds the schema, drawn from `rng`.
    ///
    /// # Errors
    /// The keyword that can't be met, and where it stands.
    pub fn value(&self, mode: Mode, rng: &mut CounterRng) -> Result<Value, SchemaError> {
        let mut fuel = FUEL;
        self.within(&mut fuel, mode, rng).map(|made| made.value)
    }

    /// [`Self::value`], with no more work than `fuel`, of which it takes away what it used.
    pub(super) fn within(
        &self,
        fuel: &mut u32,
        mode: Mode,
        rng: &mut CounterRng,
    ) -> Result<Made, SchemaError> {
        let manner = |attempt| match mode {
            Mode::Lowest if attempt < FIRM_ATTEMPTS => Manner::Edge(End::Low),
            Mode::Highest if attempt < FIRM_ATTEMPTS => Manner::Edge(End::High),
            Mode::Edge | Mode::Lowest | Mode::Highest if attempt < EDGE_ATTEMPTS => Manner::Edge(End::Any),
            Mode::Random | Mode::Edge | Mode::Lowest | Mode::Highest => Manner::Random,
        };
        let mut own = FUEL.min(*fuel);
        let before = own;
        let result = self.attempts(&mut own, rng, manner);
        *fuel -= before - own;
        result
    }

    /// A value that somebody will read.
    ///
    /// # Errors
    /// The keyword that can't be met, and where it stands.
    pub fn readable(&self) -> Result<Readable, SchemaError> {
        let manner = |attempt| match attempt {
            0 => Manner::Suggested,
            1 => Manner::Plain,
            _ => Manner::Random,
        };
        let mut fuel = FUEL;
        let Made { value, holes, .. } = self.attempts(&mut fuel, &mut CounterRng::new(0, 0), manner)?;
        let holes: Vec<(String, Hole)> =
            holes.into_iter().filter(|hole| self.all_fit(&value, std::slice::from_ref(hole))).collect();
        let holes = if self.all_fit(&value, &holes) { holes } else { Vec::new() };
        Ok(Readable { value, holes })
    }

    /// True when the holes of `value` may be filled at their ends, all at once.
    pub(super) fn all_fit(&self, value: &Value, holes: &[(String, Hole)]) -> bool {
        let filled = |number: fn(i64, i64) -> i64, nonce: &str| {
            let mut value = value.clone();
            for (pointer, hole) in holes {
                if let Some(place) = value.pointer_mut(pointer) {
                    *place = match hole {
                        Hole::Int(low, high) => number(*low, *high).into(),
                        Hole::Nonce => nonce.into(),
                    };
                }
            }
            value
        };
        self.accepts(&filled(|low, _| low, &Nonce::SHORTEST.to_string()))
            && self.accepts(&filled(|_, high| high, &Nonce::LONGEST.to_string()))
    }

    fn attempts(
        &self,
        fuel: &mut u32,
        rng: &mut CounterRng,
        manner: impl Fn(u32) -> Manner,
    ) -> Result<Made, SchemaError> {
        let document = Document::new(&self.schema);
        let mut fault = None;
        for attempt in 0..ATTEMPTS {
            let mut maker = Maker {
                document: &document,
                rng,
                fuel: &mut *fuel,
                manner: manner(attempt),
                values: 0,
                room: ROOM,
                holes: Vec::new(),
                free: Vec::new(),
                place: String::new(),
            };
            let made = maker.value(vec![document.top()], 0).and_then(|value| {
                self.check(&value)?;
                Ok(value)
            });
            match made {
                Ok(value) => {
                    let edge = maker.is_edge();
                    return Ok(Made { value, edge, holes: maker.holes, free: maker.free });
                }
                Err(error) if error.is_final() => return Err(error),
                // What making itself found out says more than that no value was found.
                Err(error) if error.fault == Fault::Unmet => fault = fault.or(Some(error)),
                Err(error) => fault = Some(error),
            }
        }
        Err(fault.expect("there was an attempt"))
    }
}

/// Why `document` is no schema, for which `jsonschema` gives `error`.
pub(super) fn unreadable(document: &Document<'_>, error: &ValidationError<'_>) -> SchemaError {
    if let Some(lost) = document.lost_reference() {
        return lost;
    }
    let pointer = error.instance_path().to_string();
    let (pointer, keyword) = pointer.rsplit_once('/').unwrap_or_default();
    SchemaError::new(keyword, pointer, Fault::Invalid)
}

/// How values are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// What the schema suggests, else the plainest.
    Suggested,
    /// The plainest.
    Plain,
    Random,
    Edge(End),
}

/// Which end of what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Low,
    High,
    /// Drawn each time.
    Any,
}

/// One value in the making.
#[derive(Debug)]
pub(super) struct Maker<'a, 's> {
    pub(super) document: &'a Document<'s>,
    rng: &'a mut CounterRng,
    /// Parts that may still be looked at.
    fuel: &'a mut u32,
    manner: Manner,
    /// How many values there are by now.
    values: usize,
    /// How many characters more than they must have its texts may still be given.
    room: u64,
    holes: Vec<(String, Hole)>,
    free: Vec<String>,
    /// Where in the value the next one goes, as a JSON pointer.
    pub(super) place: String,
}

impl<'s> Maker<'_, 's> {
    /// A value that holds all of `parts`, nested `depth` deep.
    pub(super) fn value(&mut self, parts: Vec<At<'s>>, depth: u32) -> Result<Value, SchemaError> {
        let pointer = parts.first().map(|at| at.pointer.clone()).unwrap_or_default();
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(SchemaError::new("", pointer, Fault::TooMuch));
        }
        if depth > DEEPEST {
            return Err(SchemaError::new("", pointer, Fault::Endless));
        }
        let shape = self.shape(parts, depth)?;
        if let Some((candidates, fault)) = &shape.candidates {
            return self.one_of(candidates, &shape, fault);
        }
        if let Some(suggestion) = self.suggestion(&shape) {
            return Ok(suggestion.clone());
        }
        match self.kind(&shape, depth) {
            Types::NULL => Ok(Value::Null),
            Types::BOOLEAN => Ok(Value::Bool(!self.is_plain() && self.below(2) == 0)),
            Types::WHOLE => self.whole(&shape),
            Types::FRACTION => self.fraction(&shape),
            Types::LIST => self.list(&shape, depth),
            Types::MAP => self.map(&shape, depth),
            _ => self.text(&shape).map(Value::String),
        }
    }

    fn one_of(
        &mut self,
        candidates: &[&'s Value],
        shape: &Shape<'s>,
        fault: &SchemaError,
    ) -> Result<Value, SchemaError> {
        let fit = |value: &&&Value| shape.types.has(Types::of(value));
        let fitting: Vec<&Value> = candidates.iter().filter(fit).copied().collect();
        if fitting.is_empty() {
            return Err(fault.clone());
        }
        let suggested = shape.suggestions().into_iter().find(|value| fitting.contains(value));
        match suggested.filter(|_| self.manner == Manner::Suggested) {
            Some(value) => Ok(value.clone()),
            None if self.is_plain() => Ok(fitting[0].clone()),
            None => Ok(fitting[self.below(fitting.len())].clone()),
        }
    }

    /// What the schema gives as a value, where that is wanted now.
    fn suggestion(&mut self, shape: &Shape<'s>) -> Option<&'s Value> {
        let wanted = match self.manner {
            Manner::Suggested => true,
            Manner::Random => self.below(4) == 0,
            Manner::Plain | Manner::Edge(_) => false,
        };
        if !wanted {
            return None;
        }
        let mut fitting = shape.suggestions();
        fitting.retain(|value| shape.types.has(Types::of(value)));
        if fitting.is_empty() {
            return None;
        }
        // A default of nothing says little about what is sent.
        let telling = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        let first = fitting.iter().position(telling).unwrap_or(0);
        let taken = if self.is_plain() { first } else { self.below(fitting.len()) };
        Some(fitting[taken])
    }

    /// Which type the value gets.
    fn kind(&mut self, shape: &Shape<'s>, depth: u32) -> Types {
        let meant = if shape.stated { shape.types } else { implied(shape).and(shape.types) };
        let mut types = if meant.is_empty() { shape.types } else { meant };
        if depth >= SHALLOW && !types.plain().is_empty() {
            types = types.plain();
        }
        let each: Vec<Types> = Types::EACH.into_iter().filter(|one| types.has(*one)).collect();
        if self.is_plain() { each[0] } else { each[self.below(each.len())] }
    }

    /// True when the plainest is wanted, and the same each time.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.manner, Manner::Suggested | Manner::Plain)
    }

    /// True when the schema's own suggestions are wanted.
    pub(super) fn takes_suggestions(&self) -> bool {
        self.manner == Manner::Suggested
    }

    /// What `make` makes, where it must not be the same each time.
    pub(super) fn varied<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.manner, Manner::Random);
        let value = make(self);
        self.manner = before;
        value
    }

    /// True when values at the edges are wanted.
    pub(super) fn is_edge(&self) -> bool {
        matches!(self.manner, Manner::Edge(_))
    }

    /// True when the lower of two edges is wanted.
    pub(super) fn is_low(&mut self) -> bool {
        match self.manner {
            Manner::Edge(End::Low) => true,
            Manner::Edge(End::High) => false,
            Manner::Edge(End::Any) | Manner::Suggested | Manner::Plain | Manner::Random => self.below(2) == 0,
        }
    }

    /// True when any edge is as good as the others.
    pub(super) fn takes_any_edge(&self) -> bool {
        self.manner == Manner::Edge(End::Any)
    }

    /// As many of `more` characters as there is room for.
    pub(super) fn take_room(&mut self, more: u64) -> u64 {
        let taken = more.min(self.room);
        self.room -= taken;
        taken
    }

    /// Notes that the value at this place may be any text.
    pub(super) fn is_free(&mut self) {
        self.free.push(self.place.clone());
    }

    /// True when there is so much of the value that no more is made than must be.
    pub(super) fn is_full(&self, depth: u32) -> bool {
        depth >= SHALLOW || self.values > MANY_VALUES
    }

    /// Notes that the value at this place may be something else.
    pub(super) fn may_be(&mut self, hole: Hole) {
        if self.is_plain() {
            self.holes.push((self.place.clone(), hole));
        }
    }

    /// A draw from 0 up to, and without, `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.rng.below(n.max(1) as u64)).unwrap_or(0)
    }

    /// A draw between the two, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.rng.int(low, high)
    }

    /// A draw from 0 up to, and without, 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.rng.unit()
    }

    /// True when no more parts are looked at.
    pub(super) fn is_spent(&self) -> bool {
        *self.fuel == 0
    }

    /// One more part is looked at.
    pub(super) fn spend(&mut self, at: &At<'s>) -> Result<(), SchemaError> {
        *self.fuel = self.fuel.checked_sub(1).ok_or_else(|| at.fault("", Fault::Endless))?;
        Ok(())
    }
}

/// The type that the keywords of a shape without a `type` are about.
fn implied(shape: &Shape<'_>) -> Types {
    let about: [(&[&str], Types); 4] = [
        (
            &[
                "properties",
                "required",
                "additionalProperties",
                "patternProperties",
                "minProperties",
                "propertyNames",
            ],
            Types::MAP,
        ),
        (&["items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"], Types::LIST),
        (&["pattern", "format", "minLength", "maxLength"], Types::TEXT),
        (
            &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
            Types::WHOLE.or(Types::FRACTION),
        ),
    ];
    let said = about.iter().find(|(keywords, _)| shape.says(keywords));
    // A tool that takes anything is given something plain.
    said.map_or(Types::TEXT.or(Types::WHOLE).or(Types::BOOLEAN), |(_, types)| *types)
}
