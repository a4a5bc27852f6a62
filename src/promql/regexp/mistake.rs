//! What is wrong with a pattern, as Go tells mistakes apart, and the way out of each.

/// A pattern that is no regular expression, or asks for too much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    message: String,
    reason: String,
    help: String,
}

/// What is wrong; with the part of the pattern that is meant.
#[derive(Debug)]
pub(super) enum Mistake {
    /// A `(` without a `)`.
    OpenGroup,
    /// A `)` without a `(`.
    ClosesNothing,
    /// A repetition of nothing.
    RepeatsNothing(String),
    /// A repetition of a repetition, without parentheses.
    RepeatsRepetition(String),
    /// A count above the limit.
    CountAboveLimit(String),
    /// The least is above the most.
    LeastAboveMost(String),
    /// Counts inside each other.
    CountsAboveLimit(String),
    /// An escape that there is not.
    Escape(String),
    /// A backslash at the end.
    TrailingBackslash,
    /// A range in a class that ends before it begins.
    Range(String),
    /// `[:name:]` or `\p{name}` that there is not.
    ClassName(String),
    /// A `[` without a `]`.
    OpenClass(String),
    /// A group without a proper name.
    GroupName(String),
    /// `(?` and something that RE2 does not have.
    GroupKind(String),
    /// Too much inside each other.
    Nesting,
    /// Too much when it is compiled.
    TooLarge,
}

impl PatternError {
    /// What is wrong with it, where it is known that it is about a regular expression.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The way out.
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl From<Mistake> for PatternError {
    fn from(mistake: Mistake) -> Self {
        let reason = mistake.message();
        let message = if let Mistake::TooLarge = mistake {
            "the regular expression asks for too much memory".to_owned()
        } else if let Mistake::CountAboveLimit(_) | Mistake::CountsAboveLimit(_) = mistake {
            reason.clone()
        } else {
            format!("not a regular expression: {reason}")
        };
        Self { message, reason, help: mistake.help() }
    }
}

impl Mistake {
    fn message(&self) -> String {
        match self {
            Self::OpenGroup => "a `(` is never closed".to_owned(),
            Self::ClosesNothing => "a `)` closes nothing".to_owned(),
            Self::RepeatsNothing(what) => format!("`{what}` repeats nothing"),
            Self::RepeatsRepetition(what) => format!("`{what}` repeats a repetition"),
            Self::CountAboveLimit(what) => format!("the repetition `{what}` is above 1000, the limit of RE2"),
            Self::LeastAboveMost(what) => format!("the repetition `{what}` ends before it begins"),
            Self::CountsAboveLimit(what) => {
                format!(
                    "the repetition `{what}` and those inside it come to more than 1000, the limit of RE2"
                )
            }
            Self::Escape(what) => format!("there is no escape `{what}`"),
            Self::TrailingBackslash => "it ends with a backslash".to_owned(),
            Self::Range(what) => format!("the range `{what}` ends before it begins"),
            Self::ClassName(what) => format!("there is no class `{what}`"),
            Self::OpenClass(what) => format!("the class `{what}` is never closed"),
            Self::GroupName(what) => format!("the group `{what}` has no proper name"),
            Self::GroupKind(what) => format!("there is no group `{what}`"),
            Self::Nesting => "more than 1000 parts inside each other".to_owned(),
            Self::TooLarge => "it asks for too much memory".to_owned(),
        }
    }

    fn help(&self) -> String {
        let help = match self {
            Self::OpenGroup => "close it with `)`; the character itself is `[(]`",
            Self::ClosesNothing => "open it with `(`; the character itself is `[)]`",
            Self::RepeatsNothing(what) => {
                let sign = what.chars().next().unwrap_or('*');
                return format!("write what is repeated before it; the character itself is `[{sign}]`");
            }
            Self::RepeatsRepetition(_) => "remove one of them, or put the first in a group, as in `(?:a*)*`",
            Self::CountAboveLimit(_) | Self::CountsAboveLimit(_) => {
                "use `*` or `+` where no limit is needed, or a smaller count"
            }
            Self::LeastAboveMost(_) => "write the smaller number first",
            Self::Escape(what) => return escape_help(what),
            Self::TrailingBackslash => "write the character that it is for; a backslash itself is `\\x5c`",
            Self::Range(_) => "write the lower end first; for a `-` itself put it at the end of the class",
            Self::ClassName(what) if what.starts_with("[:") => {
                "there are `[:alnum:]`, `[:alpha:]`, `[:ascii:]`, `[:blank:]`, `[:cntrl:]`, `[:digit:]`, `[:graph:]`, `[:lower:]`, \
                 `[:print:]`, `[:punct:]`, `[:space:]`, `[:upper:]`, `[:word:]` and `[:xdigit:]`"
            }
            Self::ClassName(_) => {
                "give a general category in short, as in `\\pL` or `\\p{Lu}`, or a script, as in `\\p{Greek}`"
            }
            Self::OpenClass(_) => "close it with `]`; the character `[` itself is `[[]`",
            Self::GroupName(_) => "write it as `(?P<name>...)`, its name of ASCII letters, digits and `_`",
            Self::GroupKind(_) => {
                "RE2 has `(...)`, `(?:...)`, `(?P<name>...)` and the flags of `(?imsU)`; it looks neither ahead nor behind"
            }
            Self::Nesting => "take groups away that nothing needs",
            Self::TooLarge => "make its counted repetitions shorter, or its classes smaller",
        };
        help.to_owned()
    }
}

/// What to write in place of an escape that RE2 does not have.
fn escape_help(what: &str) -> String {
    let help = match what.chars().nth(1) {
        Some('u' | 'U' | 'x') => "write a character by its number in hexadecimal digits, as in `\\x{e9}`",
        Some('1'..='9') => "RE2 has no references back to a group",
        Some('Z') => "the end of the text is `\\z`",
        Some('G' | 'K' | 'C' | 'X' | 'R') => "RE2 has nothing of that kind",
        _ => {
            "there are `\\d \\s \\w \\b \\pL`, their opposites, `\\A \\z \\Q...\\E`, `\\n \\t` and their like, `\\x{e9}`, and any \
             punctuation for itself"
        }
    };
    help.to_owned()
}
