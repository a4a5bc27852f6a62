//! Columns and paragraphs for a screen, measured in display columns rather than in bytes or characters.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The space between two columns.
const GAP: usize = 2;
/// An elastic column is not made narrower than this.
const NARROWEST: usize = 6;
/// Nor is a column of names.
const NARROWEST_NAME: usize = 12;
/// Nor one of text that goes on below.
const NARROWEST_TEXT: usize = 16;

/// How a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// At the left, as wide as the widest cell.
    Left,
    /// At the right, as wide as the widest cell.
    Right,
    /// At the left; gives way when the screen is too narrow for all columns.
    Elastic,
    /// At the left; gives way like that, and then goes on below, so that all of it is there.
    Text,
    /// At the left; gives way when nothing else can, and then goes on below: what it names must be found elsewhere by it.
    Name,
}

/// A table whose first row is its head.
pub(crate) struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Without rows yet; `aligns` has one for each column.
    pub(crate) fn new(aligns: &[Align]) -> Self {
        Self { aligns: aligns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a column at the right, a cell for each row.
    pub(crate) fn column(&mut self, align: Align, cells: impl IntoIterator<Item = String>) {
        self.aligns.push(align);
        for (row, cell) in self.rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }

    /// The lines of each row, in at most `width` columns as long as columns can give way: more than one where a name goes on below.
    pub(crate) fn rows(&self, width: usize) -> Vec<Vec<String>> {
        let widths = self.widths(width);
        self.rows.iter().map(|row| self.lines_of(row, &widths)).collect()
    }

    fn lines_of(&self, row: &[String], widths: &[usize]) -> Vec<String> {
        let mut pieces: Vec<_> = row
            .iter()
            .zip(&self.aligns)
            .zip(widths)
            .map(|((cell, align), &width)| match align {
                Align::Text | Align::Name => pieces(cell, width).into_iter(),
                Align::Left | Align::Right | Align::Elastic => vec![cell.clone()].into_iter(),
            })
            .collect();
        let count = pieces.iter().map(ExactSizeIterator::len).max().unwrap_or_default().max(1);
        let lines = (0..count).map(|_| {
            let cells: Vec<String> = pieces.iter_mut().map(|cell| cell.next().unwrap_or_default()).collect();
            self.line(&cells, widths)
        });
        lines.collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells: Vec<String> = row
            .iter()
            .zip(&self.aligns)
            .zip(widths)
            .map(|((cell, align), &width)| {
                let cell = fitted(cell, width);
                let space = " ".repeat(width.saturating_sub(cell.width()));
                if *align == Align::Right { space + &cell } else { cell + &space }
            })
            .collect();
        cells.join(&" ".repeat(GAP)).trim_end().to_owned()
    }

    /// Of each column, the width of its widest cell.
    fn natural_widths(&self) -> Vec<usize> {
        let widest = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        (0..self.aligns.len()).map(widest).collect()
    }

    fn widths(&self, width: usize) -> Vec<usize> {
        let mut widths = self.natural_widths();
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > width {
            let widest = |align, narrowest| {
                let those = (0..widths.len()).filter(|&column| self.aligns[column] == align);
                those.filter(|&column| widths[column] > narrowest).max_by_key(|&column| widths[column])
            };
            let text = || widest(Align::Text, NARROWEST_TEXT);
            let name = || widest(Align::Name, NARROWEST_NAME);
            match widest(Align::Elastic, NARROWEST).or_else(text).or_else(name) {
                Some(column) => widths[column] -= 1,
                None => break,
            }
        }
        widths
    }
}

/// All of `text` in pieces of at most `width` columns, broken at blanks where there are some.
fn pieces(text: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let used = pieces.last().map_or(0, |piece| piece.width());
        if used > 0 && used + word.trim_end().width() > width {
            pieces.push(String::new());
        }
        for c in word.chars() {
            let piece = pieces.last_mut().expect("there is always a piece");
            if c != ' ' && !piece.is_empty() && piece.width() + c.width().unwrap_or(0) > width {
                pieces.push(c.to_string());
            } else {
                piece.push(c);
            }
        }
    }
    pieces.iter().map(|piece| piece.trim_end().to_owned()).collect()
}

/// `text`, cut to `width` display columns with an ellipsis.
pub(super) fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        cut.push(c);
    }
    cut + "…"
}

/// `text` as lines of at most `width` columns, broken between words, but not between a number and its unit; a longer
/// word is cut.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(number) if is_unit(word) && number.ends_with(|c: char| c.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    let mut lines = vec![String::new()];
    for word in words {
        let word = fitted(&word, width);
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            *line = word;
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

fn is_unit(word: &str) -> bool {
    let bare = word.trim_end_matches([',', ';', ':', '.', ')']);
    matches!(bare, "us" | "ms" | "s" | "d" | "%" | "cores" | "B" | "KiB" | "MiB" | "GiB" | "TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_straight_whatever_script_they_hold() {
        let mut table = Table::new(&[Align::Left, Align::Right]);
        table.row(["名前", "1"].map(str::to_owned));
        table.row(["name-of-step", "1,234"].map(str::to_owned));
        let widths: Vec<usize> = table.rows(80).concat().iter().map(|line| line.width()).collect();
        assert_eq!(widths, [19, 19]);
    }

    #[test]
    fn an_elastic_column_gives_way() {
        let mut table = Table::new(&[Align::Elastic, Align::Right]);
        table.row(["a-name-that-is-much-too-long", "1,234"].map(str::to_owned));
        assert_eq!(table.rows(17).concat(), ["a-name-th…  1,234"]);
    }

    #[test]
    fn a_name_gives_way_last_and_is_there_in_full() {
        let mut table = Table::new(&[Align::Name, Align::Elastic, Align::Right]);
        table.row(["alert MCPHighMemoryUsage", "something long", "1,234"].map(str::to_owned));
        assert_eq!(table.rows(39).concat(), ["alert MCPHighMemoryUsage  somet…  1,234"]);
        assert_eq!(table.rows(27).concat(), ["alert         somet…  1,234", "MCPHighMemor", "yUsage"]);
    }

    #[test]
    fn text_gives_way_before_names_and_is_there_in_full() {
        let mut table = Table::new(&[Align::Name, Align::Text, Align::Right]);
        table.row(["MCPHighMemoryUsage", "p95 latency of all calls to search", "1"].map(str::to_owned));
        let expected = [
            "MCPHighMemoryUsage  p95 latency of    1",
            "                    all calls to",
            "                    search",
        ];
        assert_eq!(table.rows(39).concat(), expected);
    }

    #[test]
    fn texts_that_do_not_fit_are_cut_by_display_width() {
        assert_eq!(fitted("搜索工具", 5), "搜索…");
        assert_eq!(fitted("search", 6), "search");
    }

    #[test]
    fn paragraphs_break_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), [""]);
        assert_eq!(wrapped("it is 12 ms, not 5", 9), ["it is", "12 ms,", "not 5"]);
    }
}
