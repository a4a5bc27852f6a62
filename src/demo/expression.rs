//! The `calculate` tool's arithmetic: numbers, `+ - * /`, unary minus and parentheses. A recursive descent over
//! bytes; the depth is bounded because the text comes from the network.

/// Parentheses and signs nested deeper than this are refused.
const MAX_DEPTH: usize = 64;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpressionError {
    /// Something else than a number, a sign or a parenthesis was found, or the text ended.
    #[error("expected a number or `(` at column {0}")]
    Operand(usize),
    /// A complete expression is followed by something that is no operator.
    #[error("expected an operator at column {0}")]
    Operator(usize),
    /// A parenthesis is not closed.
    #[error("expected `)` at column {0}")]
    Unclosed(usize),
    /// `x / 0`.
    #[error("division by zero")]
    DivisionByZero,
    /// The value does not fit a double.
    #[error("the value is out of range")]
    Overflow,
    /// Nested too deeply.
    #[error("more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// The value of `text`.
pub(super) fn evaluate(text: &str) -> Result<f64, ExpressionError> {
    let mut parser = Parser { text: text.as_bytes(), at: 0, depth: 0 };
    let value = parser.sum()?;
    match parser.peek() {
        Some(_) => Err(ExpressionError::Operator(parser.column())),
        None if value.is_finite() => Ok(value),
        None => Err(ExpressionError::Overflow),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<f64, ExpressionError> {
        let mut value = self.product()?;
        loop {
            match self.peek() {
                Some(b'+') => value += self.after_operator(Self::product)?,
                Some(b'-') => value -= self.after_operator(Self::product)?,
                _ => return Ok(value),
            }
        }
    }

    fn product(&mut self) -> Result<f64, ExpressionError> {
        let mut value = self.factor()?;
        loop {
            match self.peek() {
                Some(b'*') => value *= self.after_operator(Self::factor)?,
                Some(b'/') => {
                    let divisor = self.after_operator(Self::factor)?;
                    if divisor == 0.0 {
                        return Err(ExpressionError::DivisionByZero);
                    }
                    value /= divisor;
                }
                _ => return Ok(value),
            }
        }
    }

    fn factor(&mut self) -> Result<f64, ExpressionError> {
        match self.peek() {
            Some(b'-') => self.nested(|parser| Ok(-parser.factor()?)),
            Some(b'(') => self.nested(|parser| {
                let value = parser.sum()?;
                if parser.peek() != Some(b')') {
                    return Err(ExpressionError::Unclosed(parser.column()));
                }
                parser.at += 1;
                Ok(value)
            }),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Result<f64, ExpressionError> {
        let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let value = std::str::from_utf8(&self.text[self.at..self.at + digits])
            .ok()
            .and_then(|number| number.parse().ok())
            .ok_or(ExpressionError::Operand(self.column()))?;
        self.at += digits;
        Ok(value)
    }

    fn after_operator(
        &mut self,
        operand: fn(&mut Self) -> Result<f64, ExpressionError>,
    ) -> Result<f64, ExpressionError> {
        self.at += 1;
        operand(self)
    }

    fn nested(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<f64, ExpressionError>,
    ) -> Result<f64, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        self.at += 1;
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }

    /// The next byte that is not a space.
    fn peek(&mut self) -> Option<u8> {
        self.at += self.text[self.at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.text.get(self.at).copied()
    }

    const fn column(&self) -> usize {
        self.at + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Result<f64, ExpressionError>) {
        assert_eq!(&evaluate(text), expected, "{text}");
    }

    #[test]
    fn products_bind_tighter_than_sums_and_both_go_left_to_right() {
        check("2 + 3 * 4", &Ok(14.0));
        check("(2 + 3) * 4", &Ok(20.0));
        check("10 - 4 - 3", &Ok(3.0));
        check("16 / 4 / 2", &Ok(2.0));
        check("-(2 - 5) * --2", &Ok(6.0));
        check(" 1.5+1 ", &Ok(2.5));
    }

    #[test]
    fn what_is_no_expression_is_refused_with_its_column() {
        check("", &Err(ExpressionError::Operand(1)));
        check("1 +", &Err(ExpressionError::Operand(4)));
        check("1 2", &Err(ExpressionError::Operator(3)));
        check("(1 + 2", &Err(ExpressionError::Unclosed(7)));
        check("1.2.3", &Err(ExpressionError::Operand(1)));
        check("import os", &Err(ExpressionError::Operand(1)));
        check("2 ** 3", &Err(ExpressionError::Operand(4)));
    }

    #[test]
    fn values_without_a_number_are_errors() {
        check("1 / (2 - 2)", &Err(ExpressionError::DivisionByZero));
        check(&format!("{0} * {0}", "9".repeat(200)), &Err(ExpressionError::Overflow));
        check(&"(".repeat(100_000), &Err(ExpressionError::TooDeep));
        check(&"-".repeat(100_000), &Err(ExpressionError::TooDeep));
    }
}
