//! Classes of characters: `[a-z]`, `\d`, `[:alpha:]`, `\p{Greek}`. All but the last are ASCII; `(?i)` adds the other cases of
//! each, those of Unicode.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::escape::Cursor;
use super::mistake::Mistake;
use super::scripts::is_script;

/// Whether other cases of a character fit too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Exact,
    Folded,
}

/// The categories that Go knows.
const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl",
    "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// `[:name:]` and the characters of it.
const NAMED: [(&str, &[(u8, u8)]); 14] = [
    ("alnum", &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')]),
    ("alpha", &[(b'A', b'Z'), (b'a', b'z')]),
    ("ascii", &[(0, 0x7f)]),
    ("blank", &[(b'\t', b'\t'), (b' ', b' ')]),
    ("cntrl", &[(0, 0x1f), (0x7f, 0x7f)]),
    ("digit", &[(b'0', b'9')]),
    ("graph", &[(b'!', b'~')]),
    ("lower", &[(b'a', b'z')]),
    ("print", &[(b' ', b'~')]),
    ("punct", &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')]),
    ("space", &[(b'\t', b'\r'), (b' ', b' ')]),
    ("upper", &[(b'A', b'Z')]),
    ("word", WORD),
    ("xdigit", &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')]),
];
const WORD: &[(u8, u8)] = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];
const SPACE: &[(u8, u8)] = &[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')];

/// The character of this number, in other cases too where they fit; nothing of a number that no text has.
pub(super) fn one(number: u32, case: Case) -> ClassUnicode {
    folded(range(number, number), case)
}

/// `\d`, `\p{Greek}` and their like; `None`, and nothing is read, of anything else.
pub(super) fn escaped(cursor: &mut Cursor<'_>, case: Case) -> Result<Option<ClassUnicode>, Mistake> {
    let mut letters = cursor.rest().chars();
    let (Some('\\'), Some(letter)) = (letters.next(), letters.next()) else { return Ok(None) };
    let ranges: &[(u8, u8)] = match letter {
        'd' | 'D' => &[(b'0', b'9')],
        'w' | 'W' => WORD,
        's' | 'S' => SPACE,
        'p' | 'P' => return unicode(cursor, case).map(Some),
        _ => return Ok(None),
    };
    cursor.take();
    cursor.take();
    Ok(Some(signed(folded(ascii(ranges), case), letter.is_ascii_uppercase())))
}

/// `[...]`, whose bracket comes next.
pub(super) fn bracketed(cursor: &mut Cursor<'_>, case: Case) -> Result<ClassUnicode, Mistake> {
    let start = cursor.at();
    cursor.eat("[");
    let negated = cursor.eat("^");
    let mut class = ClassUnicode::empty();
    // A bracket that comes first stands for itself.
    let mut first = true;
    while first || !cursor.eat("]") {
        first = false;
        if let Some(named) = named(cursor, case)? {
            class.union(&named);
        } else if let Some(escaped) = escaped(cursor, case)? {
            class.union(&escaped);
        } else {
            let open = |cursor: &mut Cursor<'_>| {
                cursor.eat_rest();
                Mistake::OpenClass(cursor.since(start))
            };
            let from = cursor.at();
            let low = member(cursor, open)?;
            let mut high = low;
            // A `-` at the end stands for itself.
            let rest = cursor.rest();
            if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
                cursor.eat("-");
                high = member(cursor, open)?;
                if high < low {
                    return Err(Mistake::Range(cursor.since(from)));
                }
            }
            class.union(&folded(range(low, high), case));
        }
    }
    Ok(signed(class, negated))
}

fn member(cursor: &mut Cursor<'_>, open: impl Fn(&mut Cursor<'_>) -> Mistake) -> Result<u32, Mistake> {
    match cursor.peek() {
        Some('\\') => cursor.escaped(),
        Some(c) => {
            cursor.take();
            Ok(u32::from(c))
        }
        None => Err(open(cursor)),
    }
}

/// `[:alpha:]` and `[:^alpha:]`; `None` of what does not end like one.
fn named(cursor: &mut Cursor<'_>, case: Case) -> Result<Option<ClassUnicode>, Mistake> {
    let start = cursor.at();
    let mut ahead = cursor.clone();
    if !ahead.eat("[:") {
        return Ok(None);
    }
    let Some(written) = ahead.eat_through(":]") else { return Ok(None) };
    *cursor = ahead;
    let name = written.strip_prefix('^').unwrap_or(written);
    let (_, ranges) = NAMED
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| Mistake::ClassName(cursor.since(start)))?;
    Ok(Some(signed(folded(ascii(ranges), case), written.starts_with('^'))))
}

/// `\pL`, `\p{Greek}`, `\P{^Greek}`.
fn unicode(cursor: &mut Cursor<'_>, case: Case) -> Result<ClassUnicode, Mistake> {
    let start = cursor.at();
    let mut negated = cursor.eat("\\P");
    if !negated {
        cursor.eat("\\p");
    }
    let from = cursor.at();
    let written = if cursor.eat("{") {
        let Some(name) = cursor.eat_through("}") else {
            cursor.eat_rest();
            return Err(Mistake::ClassName(cursor.since(start)));
        };
        name.to_owned()
    } else {
        cursor.take();
        cursor.since(from)
    };
    let name = written.strip_prefix('^').unwrap_or(&written);
    negated ^= name.len() < written.len();
    let class = table(name).ok_or_else(|| Mistake::ClassName(cursor.since(start)))?;
    Ok(signed(folded(class, case), negated))
}

/// The characters of a category or a script that Go knows by this name.
fn table(name: &str) -> Option<ClassUnicode> {
    let of = |query: String| match regex_syntax::parse(&query).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        HirKind::Class(Class::Bytes(_))
        | HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Capture(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => None,
    };
    match name {
        "Any" => Some(range(0, u32::from(char::MAX))),
        // No text has one.
        "Cs" => Some(ClassUnicode::empty()),
        // Here without those that are not assigned.
        "C" => of("[\\p{gc=Cc}\\p{gc=Cf}\\p{gc=Co}]".to_owned()),
        category if CATEGORIES.contains(&category) => of(format!("\\p{{gc={category}}}")),
        script if is_script(script) => of(format!("\\p{{sc={script}}}")),
        _ => None,
    }
}

/// The characters from one number to another; those in between that no text has are left out.
fn range(low: u32, high: u32) -> ClassUnicode {
    const SURROGATES: std::ops::RangeInclusive<u32> = 0xd800..=0xdfff;
    let low = if SURROGATES.contains(&low) { 0xe000 } else { low };
    let high = if SURROGATES.contains(&high) { 0xd7ff } else { high };
    match (char::from_u32(low), char::from_u32(high)) {
        (Some(low), Some(high)) if low <= high => ClassUnicode::new([ClassUnicodeRange::new(low, high)]),
        _ => ClassUnicode::empty(),
    }
}

fn ascii(ranges: &[(u8, u8)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|&(low, high)| ClassUnicodeRange::new(low.into(), high.into())))
}

fn folded(mut class: ClassUnicode, case: Case) -> ClassUnicode {
    if case == Case::Folded {
        class.try_case_fold_simple().expect("the crate has its tables of cases");
    }
    class
}

fn signed(mut class: ClassUnicode, negated: bool) -> ClassUnicode {
    if negated {
        class.negate();
    }
    class
}
