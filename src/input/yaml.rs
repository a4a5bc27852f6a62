//! YAML text to a tree: one document, within limits, with every duplicate key reported.
//!
//! It stands on the event parser below `serde-saphyr`: going through serde would lose the place of a key, and would
//! stop at the first duplicate.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{Entry, Key, Node, Place, Problem, Problems, Source, Value, parse_number, quoted};

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;
/// The most values in a document, each use of an alias counted with all it stands for.
const MAX_NODES: usize = 100_000;

/// The one document of `source`; `None` when there is none that can be read on, and then a problem says why.
pub(crate) fn parse(source: &Arc<Source>, problems: &mut Problems) -> Option<Node> {
    parse_from(source, 0, problems)
}

/// The one document that begins at byte `base` of `source`.
pub(crate) fn parse_from(source: &Arc<Source>, base: usize, problems: &mut Problems) -> Option<Node> {
    let text = &source.text()[base..];
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that are read", text.len());
        problems.push(Problem::error(&Place::whole(source), message).help("is it the right file?"));
        return None;
    }
    let mut builder = Builder::new(source, base, problems);
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(builder.syntax(&error, text)),
        };
        if let Err(problem) = step {
            problems.push(*problem);
            return None;
        }
    }
    let root = builder.root.take();
    if root.is_none() {
        problems.push(Problem::error(&Place::whole(source), "there is no YAML document in it"));
    }
    root
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
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(stop(
                Problem::error(&place, "a second YAML document begins here")
                    .help("one file holds one document: split it, or remove the line `---`"),
            )),
            Event::Scalar(text, style, anchor, tag) => {
                let tag =
                    tag.as_deref().and_then(|tag| tag.core_suffix().map(str::to_owned).or(Some("?".into())));
                self.scalar(&text, style, anchor, tag.as_deref(), place)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(anchor, OpenKind::List(Vec::new()), tag.is_some(), &place)
            }
            Event::MappingStart(_, anchor, tag) => {
                let kind = OpenKind::Map { entries: Vec::new(), key: None };
                self.begin(anchor, kind, tag.is_some(), &place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&place),
            Event::Alias(anchor) => self.alias(anchor, &place),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&str>,
        place: Place,
    ) -> Result<(), Stop> {
        if let Some(Open { kind: OpenKind::Map { key: key @ None, .. }, .. }) = self.open.last_mut() {
            if text == "<<" && style == ScalarStyle::Plain {
                return Err(stop(
                    Problem::error(&place, "merge keys (`<<`) are not supported")
                        .help("write the fields out, or use an alias for a whole value: `key: *name`"),
                ));
            }
            *key = Some(Key { text: text.to_owned(), place });
            return Ok(());
        }
        let value = match (tag, style) {
            (None, ScalarStyle::Plain) => plain(text),
            (None | Some("str"), _) => Value::Text(text.to_owned()),
            (Some(_), _) => return Err(unknown_tag(&place)),
        };
        self.add(Node { value, place }, anchor, Size { depth: 0, nodes: 1 })
    }

    fn begin(&mut self, anchor: usize, kind: OpenKind, tagged: bool, place: &Place) -> Result<(), Stop> {
        if let Some(Open { kind: OpenKind::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(stop(key_is_no_text(place)));
        }
        if tagged {
            return Err(unknown_tag(place));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(stop(too_deep(place)));
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
            return Err(stop(key_is_no_text(place)));
        }
        let Some(Anchored { node, size }) = self.anchors.get(&anchor) else {
            return Err(stop(Problem::error(place, "this alias stands for something that contains it")));
        };
        if self.open.len() + size.depth > MAX_DEPTH {
            return Err(stop(too_deep(place)));
        }
        if self.nodes + size.nodes > MAX_NODES {
            return Err(stop(too_many(place)));
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
            return Err(stop(too_many(&node.place)));
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
                let Some(key) = key.take() else { return Err(stop(key_is_no_text(&node.place))) };
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
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(line) = first.get(&entry.key.text) {
                let message = format!("{} is given twice", quoted(&entry.key.text));
                let help = format!("the first is on line {line}: keep one of them");
                self.problems.push(Problem::error(&entry.key.place, message).label("again").help(help));
            } else {
                first.insert(entry.key.text.clone(), entry.key.place.line());
                kept.push(entry);
            }
        }
        kept
    }

    fn syntax(&self, error: &ScanError, text: &str) -> Stop {
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
        let help = if says.contains("tab") || text[at..].starts_with('\t') {
            "YAML indents with spaces: replace the tab"
        } else {
            "look at the indentation and the quotes here and on the line above; text with `: `, ` #` or `{{ }}` in \
             it needs quotes around it"
        };
        stop(Problem::error(&self.at(at..at + 1), format!("this is no YAML: {says}")).help(help))
    }
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

fn stop(problem: Problem) -> Stop {
    Box::new(problem)
}

fn unknown_tag(place: &Place) -> Stop {
    stop(
        Problem::error(place, "YAML tags have no meaning here")
            .help("remove the tag (the word with `!`); only `!!str` is known, and quotes do the same"),
    )
}

fn key_is_no_text(place: &Place) -> Problem {
    Problem::error(place, "the name of a field must be plain text")
        .help("if this is text with `{{ }}` in it, put quotes around the whole text")
}

fn too_deep(place: &Place) -> Problem {
    Problem::error(place, format!("lists and maps are nested more than {MAX_DEPTH} deep"))
}

fn too_many(place: &Place) -> Problem {
    Problem::error(place, format!("the document has more than {MAX_NODES} values, aliases counted in full"))
        .help("write less, or use fewer aliases of aliases")
}
