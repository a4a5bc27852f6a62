//! Data that a scenario brings along: a table whose rows are given to iterations.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Datum, Slot};
use crate::model::CounterRng;

/// A feeder's place in [`super::Plan::feeders`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeederId(pub u16);

/// A table, and which iteration is given which of its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feeder {
    /// What expressions call it.
    pub name: String,
    /// The file, as the user wrote it.
    pub file: String,
    /// How the file is written.
    pub format: TableFormat,
    /// Which row is whose.
    pub order: RowOrder,
    /// How many rows there are; at least one.
    pub count: u64,
    /// The columns that expressions name, each with the variable that it is put into.
    pub columns: Vec<(String, Slot)>,
    /// The rows, with a value for each of the columns. They are not written down: the file is the user's.
    #[serde(skip)]
    pub rows: Rows,
}

/// How a file of rows is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableFormat {
    /// Comma-separated values; the first line names the columns.
    Csv,
    /// A JSON object a line.
    Jsonl,
}

impl TableFormat {
    /// Every format, by the word for it.
    pub const ALL: [(&'static str, Self); 2] = [("csv", Self::Csv), ("jsonl", Self::Jsonl)];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// Which iteration is given which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// Whoever comes next is given the next row; after the last comes the first.
    Sequential,
    /// Each iteration draws a row.
    Random,
    /// Each user has a row of its own, always the same one.
    PerUser,
}

impl RowOrder {
    /// Every order, by the word for it.
    pub const ALL: [(&'static str, Self); 3] =
        [("sequential", Self::Sequential), ("random", Self::Random), ("per_user", Self::PerUser)];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
            Self::PerUser => "per_user",
        }
    }
}

/// The rows of a table; `None` where a row has nothing in a column.
#[derive(Clone, Default, PartialEq)]
pub struct Rows(pub Arc<Vec<Vec<Option<Datum>>>>);

/// Users' data may be anything: it does not go into messages.
impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.0.len())
    }
}

impl Feeder {
    /// The same table without the columns that are not `used`.
    #[must_use]
    pub fn narrowed(mut self, used: &BTreeSet<Slot>) -> Self {
        let kept: Vec<bool> = self.columns.iter().map(|(_, slot)| used.contains(slot)).collect();
        let keep = |at: &usize| kept[*at];
        let row = |row: &Vec<Option<Datum>>| (0..kept.len()).filter(keep).map(|at| row[at].clone()).collect();
        self.rows = Rows(Arc::new(self.rows.0.iter().map(row).collect()));
        self.columns = (0..kept.len()).filter(keep).map(|at| self.columns[at].clone()).collect();
        self
    }

    /// True when one of its columns is among `used`.
    pub fn feeds(&self, used: &BTreeSet<Slot>) -> bool {
        self.columns.iter().any(|(_, slot)| used.contains(slot))
    }

    /// The row for an iteration of user `user` (from 0). `next` is how many rows were given out before, `rng` draws for this
    /// iteration. `None` where the table has no row for it.
    pub fn row(
        &self,
        user: u32,
        next: impl FnOnce() -> u64,
        rng: &mut CounterRng,
    ) -> Option<&[Option<Datum>]> {
        let count = self.rows.0.len() as u64;
        let at = match self.order {
            RowOrder::Sequential => next().checked_rem(count)?,
            RowOrder::Random => rng.below(count.max(1)),
            RowOrder::PerUser => u64::from(user),
        };
        self.rows.0.get(usize::try_from(at).ok()?).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feeder(order: RowOrder) -> Feeder {
        let row = |text: &str| vec![Some(Datum::Text(text.into()))];
        let rows = Rows(Arc::new(vec![row("a"), row("b"), row("c")]));
        Feeder {
            name: "d".into(),
            file: "d.csv".into(),
            format: TableFormat::Csv,
            order,
            count: 3,
            columns: Vec::new(),
            rows,
        }
    }

    #[track_caller]
    fn check(order: RowOrder, user: u32, next: u64, expected: Option<&str>) {
        let feeder = feeder(order);
        let mut rng = CounterRng::new(1, 1);
        let row = feeder.row(user, || next, &mut rng);
        assert_eq!(row.map(|row| row[0].as_ref().unwrap().as_text()), expected);
    }

    #[test]
    fn rows_go_round_or_belong_to_a_user() {
        check(RowOrder::Sequential, 9, 0, Some("a"));
        check(RowOrder::Sequential, 9, 5, Some("c"));
        check(RowOrder::PerUser, 1, 7, Some("b"));
        check(RowOrder::PerUser, 3, 0, None);
    }

    #[test]
    fn a_drawn_row_depends_on_the_draws_alone() {
        let feeder = feeder(RowOrder::Random);
        let drawn = |seed| {
            let mut rng = CounterRng::new(seed, 1);
            (0..50).map(|_| feeder.row(0, || 0, &mut rng).unwrap()[0].clone()).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }
}
