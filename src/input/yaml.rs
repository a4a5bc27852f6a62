//! YAML text to a tree: one document, within limits, with every duplicate key reported.
//!
//! It stands on the event parser below `serde-saphyr`: going through serde would lose the place of a key, and would
//! stop at the first duplicate.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{Entry, Key, Node, Place, Problem, Problems, Source, Value, parse_number};

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;
/// The most values in a document, each use of an alias counted with all it stands for, and each 64 bytes of a text
/// as one more.
const MAX_NODES: usize = 100_000;

/// The one document of `source`; `None` when there is none that can be read on, and then a problem says why.
pub(crate) fn parse(source: &Arc<Source>, problems: &mut Problems) -> Option<Node> {
    let before = problems.len();
    let root = documents(source, Documents::One, problems).pop();
    if root.is_none() && problems.len() == before {
        problems.push(
            Problem::error(&Place::whole(source), "there is no YAML document in it")
                .help("is it the right file, and was it saved?"),
        );
    }
    root
}

/// All documents of `source`, up to where it can't be read on: then a problem says why.
pub(crate) fn parse_all(source: &Arc<Source>, problems: &mut Problems) -> Vec<Node> {
    documents(source, Documents::Many, problems)
}

/// How many documents there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Documents {
    One,
    Many,
}

/// The documents of `source`; of one that can't be read on, and of a second one where there may be one alone, none of them but those
/// of a stream that are whole.
fn documents(source: &Arc<Source>, allowed: Documents, problems: &mut Problems) -> Vec<Node> {
    let base = source.document();
    let text = &source.text()[base..];
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that are read", text.len());
        problems.push(Problem::error(&Place::whole(source), message).help("is it the right file?"));
        return Vec::new();
    }
    let mut builder = Builder::new(source, base, problems);
    let mut whole = Vec::new();
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((Event::DocumentStart(..), _)) if allowed == Documents::Many => {
                whole.extend(builder.root.take());
                Ok(())
            }
            Ok((event, span)) => builder.take(event, span),
            Err(error) => stop(builder.syntax(&error, text)),
        };
        if let Err(problem) = step {
            problems.push(*problem);
            return whole;
        }
    }
    whole.extend(builder.root.take());
    whole
}

/// Reading stops here: the tree would make no sense.
type Stop = Box<Problem>;

struct Builder<'a> {
    source: &'a Arc<Source>,
    base: usize,
    problems: &'a mut Problems,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    root: Option<Node>,
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    start: usize,
    kind: OpenKind,
    /// How deep the values in it go, and how many they are.
    size: Size,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key> },
}

#[derive(Clone, Copy, Default)]
struct Size {
    depth: usize,
    nodes: usize,
}

struct Anchored {
    node: Node,
    size: Size,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Arc<Source>, base: usize, problems: &'a mut Problems) -> Self {
        Self { source, base, problems, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None }
    }

    fn place(&self, span: Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        self.at(range)
    }

    fn at(&self, range: Range<usize>) -> Place {
        Place::new(self.source, self.base + range.start..self.base + range.end)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let place = self.place(span);
        let tag_place = span.tag_span().map_or_else(|| place.clone(), |span| self.place(span));
        match event {
            Event::DocumentStart(..) if self.root.is_some() => stop(
                Problem::error(&place, "a second YAML document begins here")
                    .help("one file holds one document: split it, or remove the line `---`"),
            ),
            Event::Scalar(_, _, _, Some(tag)) if !tag.is_yaml_core_schema_tag("str") => {
                stop(unknown_tag(&tag_place))
            }
            Event::SequenceStart(_, _, Some(_)) | Event::MappingStart(_, _, Some(_)) => {
                stop(unknown_tag(&tag_place))
            }
            Event::Scalar(text, style, anchor, tag) => {
                // `!!str` does what quotes do.
                let style = if tag.is_some() { ScalarStyle::DoubleQuoted } else { style };
                self.scalar(&text, style, anchor, place)
            }
            Event::SequenceStart(_, anchor, None) => self.begin(anchor, OpenKind::List(Vec::new()), &place),
            Event::MappingStart(_, anchor, None) => {
                self.begin(anchor, OpenKind::Map { entries: Vec::new(), key: None }, &place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&place),
            Event::Alias(anchor) => self.alias(anchor, &place),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | _ => Ok(()),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, place: Place) -> Result<(), Stop> {
        if let Some(Open { kind: OpenKind::Map { key: key @ None, .. }, .. }) = self.open.last_mut() {
            if text == "<<" && style == ScalarStyle::Plain {
                return stop(
                    Problem::error(&place, "merge keys (`<<`) are not supported")
                        .help("write the fields out, or use an alias for a whole value: `key: *name`"),
                );
            }
            *key = Some(Key { text: text.to_owned(), place });
            return Ok(());
        }
        self.nodes += text.len() / 64;
        let value = if style == ScalarStyle::Plain { plain(text) } else { Value::Text(text.to_owned()) };
        self.add(Node { value, place }, anchor, Size { depth: 0, nodes: 1 + text.len() / 64 })
    }

    fn begin(&mut self, anchor: usize, kind: OpenKind, place: &Place) -> Result<(), Stop> {
        if let Some(Open { kind: OpenKind::Map { key: None, .. }, .. }) = self.open.last() {
            return stop(key_is_no_text(place));
        }
        if self.open.len() >= MAX_DEPTH {
            return stop(too_deep(place));
        }
        let start = place.span().start;
        self.open.push(Open { anchor, start, kind, size: Size::default() });
        Ok(())
    }

    fn end(&mut self, place: &Place) -> Result<(), Stop> {
        let Some(Open { anchor, start, kind, size }) = self.open.pop() else { return Ok(()) };
        let value = match kind {
            OpenKind::List(items) => Value::List(items),
            OpenKind::Map { entries, .. } => Value::Map(self.without_duplicates(entries)),
        };
        let place = Place::new(self.source, start..place.span().end.max(start));
        self.add(Node { value, place }, anchor, Size { depth: size.depth + 1, nodes: size.nodes + 1 })
    }

    fn alias(&mut self, anchor: usize, place: &Place) -> Result<(), Stop> {
        if let Some(Open { kind: OpenKind::Map { key: None, .. }, .. }) = self.open.last() {
            return stop(key_is_no_text(place));
        }
        let Some(Anchored { node, size }) = self.anchors.get(&anchor) else {
            return stop(
                Problem::error(place, "this alias stands for something that contains it")
                    .help("write the value out"),
            );
        };
        if self.open.len() + size.depth > MAX_DEPTH {
            return stop(too_deep(place));
        }
        if self.nodes + size.nodes > MAX_NODES {
            return stop(too_many(place));
        }
        let node = Node { value: node.value.clone(), place: node.place.clone() };
        let size = *size;
        self.nodes += size.nodes;
        self.add(node, 0, size)
    }

    /// Hangs `node` into the collection that is open.
    fn add(&mut self, mut node: Node, anchor: usize, size: Size) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return stop(too_many(&node.place));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), size });
            self.nodes += size.nodes;
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.size.depth = open.size.depth.max(size.depth);
        open.size.nodes += size.nodes;
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, key } => {
                let Some(key) = key.take() else { return stop(key_is_no_text(&node.place)) };
                if node.place.span().is_empty() {
                    // A value that was left out has no place of its own.
                    node.place = key.place.clone();
                }
                entries.push(Entry { key, value: node });
            }
        }
        Ok(())
    }

    fn without_duplicates(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut first: BTreeMap<String, Place> = BTreeMap::new();
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            match first.get(&entry.key.text) {
                Some(_) if self.problems.is_full() => {}
                Some(place) => {
                    let name = entry.key.place.quoted(&entry.key.text);
                    let message = format!("{name} is given twice");
                    let help = format!("the first is on line {}: keep one of them", place.line());
                    self.problems.push(Problem::error(&entry.key.place, message).label("again").help(help));
                }
                None => {
                    first.insert(entry.key.text.clone(), entry.key.place.clone());
                    kept.push(entry);
                }
            }
        }
        kept
    }

    fn syntax(&self, error: &ScanError, text: &str) -> Problem {
        let mark = error.marker();
        let at = mark
            .byte_offset()
            .unwrap_or_else(|| text.char_indices().nth(mark.index()).map_or(text.len(), |(at, _)| at));
        // At the end of the text there is nothing to point at: point at the last thing before it.
        let at = if text[at.min(text.len())..].trim().is_empty() {
            text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at)
        } else {
            at
        };
        let says = error.kind().to_string();
        let at = if text[..at].ends_with('\t') { at - 1 } else { at };
        let help = if says.contains("unknown anchor") {
            "an alias (`*name`) needs its value (`&name ...`) above it; put quotes around text that begins with `*`"
        } else if says.contains("tab") || text[at..].starts_with('\t') {
            "YAML indents with spaces: replace the tab"
        } else if says.contains("flow") || says.contains("bracket") || in_brackets(text, at) {
            "close each `[` and `{`; inside of them text with `[`, `]`, `{`, `}` or `,` in it needs quotes around it, and so \
             does text with `: ` or ` #`"
        } else {
            "look at the indentation and the quotes here and on the line above; text with `: `, ` #` or `{{ }}` in \
             it needs quotes around it"
        };
        Problem::error(&self.at(at..at + 1), format!("this is no YAML: {says}")).help(help)
    }
}

/// True where a bracket is at `at`, or open before it on its line.
fn in_brackets(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let count = |brackets: [char; 2]| text[line..at].matches(brackets).count();
    text[at..].starts_with(['[', ']', '{', '}']) || count(['[', '{']) > count([']', '}'])
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => parse_number(text)
            .map_or_else(|| Value::Text(text.to_owned()), |number| Value::Number(number, text.to_owned())),
    }
}

fn stop<T>(problem: Problem) -> Result<T, Stop> {
    Err(Box::new(problem))
}

fn unknown_tag(place: &Place) -> Problem {
    Problem::error(place, "YAML tags have no meaning here")
        .help("remove the tag (the word with `!`); only `!!str` is known, and quotes do the same")
}

fn key_is_no_text(place: &Place) -> Problem {
    Problem::error(place, "the name of a field must be plain text")
        .help("if this is text with `{{ }}` in it, put quotes around the whole text")
}

fn too_deep(place: &Place) -> Problem {
    Problem::error(place, format!("lists and maps are nested more than {MAX_DEPTH} deep"))
        .help("is it the right file?")
}

fn too_many(place: &Place) -> Problem {
    Problem::error(place, format!("the document has more than {MAX_NODES} values, aliases counted in full"))
        .help("write less, or use fewer aliases of aliases")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Color;

    fn read(text: &str) -> (Option<Node>, Problems) {
        let mut problems = Problems::new();
        let root = parse(&Source::new("test.yaml", text), &mut problems);
        (root, problems)
    }

    fn shape(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number, _) => number.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let pairs: Vec<String> = entries
                    .iter()
                    .map(|entry| format!("{}:{}", entry.key.text, shape(&entry.value)))
                    .collect();
                format!("{{{}}}", pairs.join(" "))
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let (root, problems) = read(text);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(shape(&root.unwrap()), expected, "{text}");
    }

    #[track_caller]
    fn check_stops(text: &str, expected: &str) {
        let (root, problems) = read(text);
        assert!(root.is_none());
        assert!(problems.to_string().contains(expected), "{problems}");
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        check(
            "[~, null, true, False, yes, no, 1, -1.5, '1', \"true\", 2025-06-18, 007]",
            r#"[null null true false "yes" "no" 1 -1.5 "1" "true" "2025-06-18" "007"]"#,
        );
        check("a: !!str 5\nb:\nc: |\n  x\n  y\n", r#"{a:"5" b:null c:"x\ny\n"}"#);
    }

    #[test]
    fn an_alias_stands_for_its_value() {
        check("a: &x {k: [1, 2]}\nb: *x\n", "{a:{k:[1 2]} b:{k:[1 2]}}");
        check("a: &x 1\nb: &x 2\nc: *x\n", "{a:1 b:2 c:2}");
    }

    #[test]
    fn a_value_knows_its_place() {
        let (root, _) = read("é: 1\nlist:\n  - 'two'\n");
        let Value::Map(entries) = root.unwrap().value else { panic!("a map") };
        let Value::List(items) = &entries[1].value.value else { panic!("a list") };
        assert_eq!(entries[0].value.place.column(), 4);
        assert_eq!((items[0].place.line(), items[0].place.column(), items[0].place.text()), (3, 5, "'two'"));
        assert_eq!(entries[1].key.place.text(), "list");
    }

    #[test]
    fn a_file_is_bounded_in_every_way() {
        check_stops(&format!("a: {}", "x".repeat(MAX_BYTES)), "more than the");
        check_stops(&format!("{}1", "- ".repeat(MAX_DEPTH + 1)), "nested more than");
        check_stops(&format!("[{}]", "1,".repeat(MAX_NODES)), "more than 100000 values");
        let aliases = "*x,".repeat(2_000);
        check_stops(&format!("a: &x {}\nb: [{aliases}]", "y".repeat(500_000)), "aliases counted in full");
        let nested = "[".repeat(40) + &"]".repeat(40);
        check_stops(
            &format!("a: &x {nested}\nb: {}*x{}", "[".repeat(30), "]".repeat(30)),
            "nested more than",
        );
    }

    #[test]
    fn a_thousand_problems_are_enough() {
        let (root, problems) = read(&"a: 1\n".repeat(90_000));
        assert!(root.is_some());
        assert_eq!(problems.len(), 1_000);
        assert!(problems.render(Color::Off).ends_with("... and 950 more problems\n"));
    }

    proptest! {
        #[test]
        fn no_text_brings_the_reader_down_or_reaches_the_terminal_raw(
            text in prop_oneof![
                any::<String>(),
                "([a-z*&!|>?:,\\[\\]{}'\"#%@`-]|: |\n|\n  |- |\t|\u{1b}|\u{9b}|\u{202e}|é|---|<<: ){0,40}",
            ],
        ) {
            let (root, problems) = read(&text);
            prop_assert!(root.is_some() || problems.has_errors());
            let shown = format!("{}{problems}", problems.render(Color::Off));
            prop_assert!(shown.chars().all(|c| c == '\n' || crate::model::clean_char(c) == c), "{shown:?}");
        }
    }
}
