//! The place in a pattern, and the escapes that stand for one character.

use super::mistake::Mistake;

/// A pattern and how much of it is read.
#[derive(Clone)]
pub(super) struct Cursor<'p> {
    pattern: &'p str,
    at: usize,
}

impl<'p> Cursor<'p> {
    pub(super) fn new(pattern: &'p str) -> Self {
        Self { pattern, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    /// What was read since `start`.
    pub(super) fn since(&self, start: usize) -> String {
        self.pattern[start..self.at].to_owned()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Reads `text` when it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let comes = self.rest().starts_with(text);
        if comes {
            self.at += text.len();
        }
        comes
    }

    /// Reads up to `end`, and `end` too; gives what is before it. `None`, and nothing is read, where it does not come.
    pub(super) fn eat_through(&mut self, end: &str) -> Option<&'p str> {
        let (before, _) = self.rest().split_once(end)?;
        self.at += before.len() + end.len();
        Some(before)
    }

    /// Reads all that is left.
    pub(super) fn eat_rest(&mut self) -> &'p str {
        let rest = self.rest();
        self.at = self.pattern.len();
        rest
    }

    /// Reads as many decimal digits as come.
    pub(super) fn digits(&mut self) -> &'p str {
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += digits;
        &rest[..digits]
    }

    /// Reads `\n`, `\x{e9}`, `\07`, `\.`: the number of the character, which may be one that no text has.
    pub(super) fn escaped(&mut self) -> Result<u32, Mistake> {
        let start = self.at;
        self.eat("\\");
        let Some(letter) = self.take() else { return Err(Mistake::TrailingBackslash) };
        let plain = match letter {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => return self.hexadecimal().ok_or_else(|| Mistake::Escape(self.since(start))),
            // A digit other than 0 on its own would refer to a group.
            '0'..='7' if letter == '0' || self.peek().is_some_and(|c| c.is_digit(8)) => {
                let first = u32::from(letter) - u32::from('0');
                return Ok(self.octal(first));
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            _ => return Err(Mistake::Escape(self.since(start))),
        };
        Ok(plain)
    }

    /// Up to two more digits behind the first.
    fn octal(&mut self, first: u32) -> u32 {
        let mut number = first;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            self.at += 1;
            number = number * 8 + digit;
        }
        number
    }

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        if !self.eat("{") {
            let high = self.take()?.to_digit(16)?;
            let low = self.take()?.to_digit(16)?;
            return Some(high * 16 + low);
        }
        let mut number = 0_u32;
        let mut any = false;
        loop {
            match self.take()? {
                '}' => return any.then_some(number),
                c => number = number * 16 + c.to_digit(16)?,
            }
            if number > u32::from(char::MAX) {
                return None;
            }
            any = true;
        }
    }
}
