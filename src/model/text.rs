//! Text that a server supplied is hostile. This is the one gate it passes before it is kept.

/// The longest text kept of anything a server said, in characters.
pub const MAX_TEXT: usize = 200;

/// [`printable_text`], cut to [`MAX_TEXT`] characters. Each report format still escapes what is special to itself.
pub fn clean_text(text: &str) -> String {
    let mut clean: String = text.chars().take(MAX_TEXT + 1).map(clean_char).collect();
    if clean.chars().count() > MAX_TEXT {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// `text` without control characters (terminal escapes), bidirectional overrides and line breaks; each becomes a
/// replacement character.
pub fn printable_text(text: &str) -> String {
    text.chars().map(clean_char).collect()
}

/// `c`, or U+FFFD in its place when a terminal might act on it.
pub fn clean_char(c: char) -> char {
    if is_unsafe(c) { '\u{FFFD}' } else { c }
}

/// Control characters, line and paragraph separators, the marks that reorder or hide text, and what XML can't hold.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{FFFE}' | '\u{FFFF}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'
            | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_breaks_do_not_pass() {
        let clean = clean_text("a\u{1b}[31mred\u{7}\r\nnext\u{202e}txt\u{9b}2J");
        assert!(clean.chars().all(|c| !is_unsafe(c)), "{clean:?}");
        assert!(clean.starts_with("a\u{FFFD}[31mred"));
        assert_eq!(clean_text("\u{61c}\u{fffe}\u{ffff}x"), "\u{FFFD}\u{FFFD}\u{FFFD}x");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(clean_text(&"x".repeat(10_000)).chars().count(), MAX_TEXT + 1);
        assert_eq!(clean_text("plain"), "plain");
    }
}
