//! Comments of the files: one gate for texts that a server chose, and lines of a width that is read.

use crate::model::clean_char;

/// Columns of a line.
const WIDTH: usize = 110;
/// The longest that a server may say in a comment, in characters.
const LONGEST: usize = 300;

/// `text` as comment lines, indented by `indent` blanks. What it says is of us, or went through [`one_line`].
pub(super) fn comment(indent: usize, text: &str) -> String {
    let begin = format!("{}#", " ".repeat(indent));
    let mut out = String::new();
    let mut line = begin.clone();
    for word in text.split_whitespace() {
        if line.len() > begin.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line.clone_from(&begin);
        }
        line.push(' ');
        line.extend(word.chars().map(clean_char));
    }
    out + &line + "\n"
}

/// What a server said, on one line: printable, blanks made one, not too long.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().map(clean_char).collect();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
